"""Times as published, in whatever form, to nanoseconds since the Unix epoch, UTC.

Rules: a time without a zone is UTC. Whole numbers are seconds, milliseconds, microseconds or nanoseconds by their
size; eight digits that are a date are a date. `wall` keeps the clock as published, because a daily bar's date is the
exchange's, not Greenwich's. Days first or months first is never guessed: a column that could be read either way is
refused.
Limits: years 1678 to 2261 (64 bits of nanoseconds); named zones inside text (`EST`) are not read; epochs as numbers
begin in 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from onepath.calendars import DAY, HOUR, MINUTE, SECOND
from onepath.data.places import Place

NO_TIME = np.iinfo(np.int64).min

_DATE = r"^\s*(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
_EITHER = r"^\s*(?P<a>\d{1,2})(?P<s>[./-])(?P<b>\d{1,2})[./-](?P<y>\d{4})"
_COMPACT = r"^\s*(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})"
_CLOCK = (
    r"(?:[T _-]+(?P<H>\d{1,2})(?::?(?P<M>\d{2}))?(?::?(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"[ -]?(?P<p>[AaPp][Mm])?\s*(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}(?::\d{2})?)?\s*$"
)
_UNITS = ((10**11, SECOND), (10**14, 10**6), (10**17, 10**3), (2**63 - 1, 1))


@dataclass(frozen=True)
class Stamps:
    """One column of times: `utc` and `wall` in nanoseconds (NO_TIME where unreadable), and the offsets met."""

    utc: Any
    wall: Any
    offsets: tuple[int, ...] = ()
    partly_zoned: bool = False

    def take(self, rows: Any) -> Stamps:
        """The same for some rows."""
        return Stamps(self.utc[rows], self.wall[rows], self.offsets, self.partly_zoned)


def read(column: Any, place: Place, name: str) -> Stamps:
    """The times of one Arrow column. Raises DataError where the column is no time at all; single rows come back bad."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return _read(column, place, name)
    except pa.ArrowInvalid as error:
        return place.fail(f"column {name!r} cannot be read as times ({str(error).splitlines()[0]})")


def _read(column: Any, place: Place, name: str) -> Stamps:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _timestamps(column)
    if pa.types.is_date(kind):
        return _naive(_integers(column.cast(pa.timestamp("s")).cast(pa.timestamp("ns"))))
    if pa.types.is_integer(kind):
        return _naive(_epochs(_integers(column.cast(pa.int64())), place, name))
    if pa.types.is_floating(kind):
        return _naive(_float_epochs(column, place, name))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _text(column.cast(pa.string()), place, name)
    return place.fail(f"column {name!r} holds {kind}; expected times: dates, text such as 2024-01-31 09:30, or epochs")


def require(stamps: Stamps, place: Place, name: str, texts: Any = None) -> None:
    """Raise DataError for a column that mixes zones, or at the first row without a readable time."""
    if stamps.partly_zoned:
        place.fail(f"column {name!r} mixes times with and without a time zone; give all of them one zone, best UTC")
    if stamps.offsets and max(stamps.offsets) - min(stamps.offsets) > HOUR:
        offsets = ", ".join(f"{o / HOUR:+g} h" for o in stamps.offsets)
        place.fail(f"column {name!r} mixes time zones (offsets {offsets}); convert all of them to one zone, best UTC")
    bad = stamps.utc == NO_TIME
    if bad.any():
        row = int(bad.argmax())
        found = "nothing" if texts is None or texts[row].as_py() is None else repr(texts[row].as_py())
        place.fail(f"column {name!r} has {found} where a time was expected, such as 2024-01-31 09:30", row)


def _naive(utc: Any) -> Stamps:
    return Stamps(utc, utc)


def _integers(column: Any) -> Any:
    return pc.fill_null(column.cast(pa.int64()), NO_TIME).to_numpy(zero_copy_only=False)


def _timestamps(column: Any) -> Stamps:
    zone = column.type.tz
    utc = _integers(column.cast(pa.timestamp("ns", zone)))
    wall = utc if zone in {None, "UTC"} else _integers(pc.local_timestamp(column).cast(pa.timestamp("ns")))
    return Stamps(utc, wall)


def _epochs(values: Any, place: Place, name: str) -> Any:
    known = values[values != NO_TIME]
    if not len(known):
        return values
    least, most = int(known.min()), int(known.max())
    if least >= 19_000_101 and most <= 21_001_231:
        return _from_parts(values // 10_000, values // 100 % 100, values % 100)
    scale = next(scale for limit, scale in _UNITS if most <= limit)
    if least < 0 or most < 10**8 or most * scale >= 2**63:
        place.fail(f"column {name!r} holds whole numbers from {least} to {most}, which are no epochs; expected times")
    return np.where(values == NO_TIME, NO_TIME, values * scale)


def _float_epochs(column: Any, place: Place, name: str) -> Any:
    values = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    good = np.abs(values) < 2.0**62
    whole = np.where(good, np.floor(np.where(good, values, 0)), 0).astype(np.int64)
    epochs = _epochs(np.where(good, whole, NO_TIME), place, name)
    seconds = good.any() and np.abs(values[good]).max() < _UNITS[0][0]
    rest = np.where(good, np.round((values - whole) * 1e6), 0).astype(np.int64) * 1_000 if seconds else 0
    return np.where(good, epochs + rest, NO_TIME)


def _text(texts: Any, place: Place, name: str) -> Stamps:
    try:
        return _naive(_integers(texts.cast(pa.timestamp("ns"))))
    except pa.ArrowInvalid:
        pass
    sample = next((t.as_py() for t in texts if t.is_valid and t.as_py().strip()), "")
    if pc.all(pc.match_substring_regex(texts, r"^\s*\d{9,19}\s*$")).as_py() and texts.null_count == 0:
        return _naive(_epochs(_integers(pc.utf8_trim_whitespace(texts).cast(pa.int64())), place, name))
    for pattern in (_DATE, _EITHER, _COMPACT):
        if pc.match_substring_regex(pa.array([sample]), pattern + _CLOCK)[0].as_py():
            return _matched(texts, pattern, place, name)
    return place.fail(f"column {name!r} begins with {sample!r}; expected a time such as 2024-01-31 09:30 or ISO 8601")


def _matched(texts: Any, pattern: str, place: Place, name: str) -> Stamps:
    fields = pc.extract_regex(texts, pattern + _CLOCK)
    part = {field.name: fields.field(i) for i, field in enumerate(fields.type)}
    ok = pc.is_valid(fields).to_numpy(zero_copy_only=False)
    year = _whole(part["y"])
    month, day = _either(part, place, name) if "a" in part else (_whole(part["m"]), _whole(part["d"]))
    date = _from_parts(year, month, day)
    clock, clock_ok = _clock(part)
    wall = np.where(ok & clock_ok & (date != NO_TIME), date + clock, NO_TIME)
    return _zoned(wall, part["z"])


def _zoned(wall: Any, zones: Any) -> Stamps:
    """Subtract the offset each row was published with."""
    codes = pc.fill_null(zones, "").dictionary_encode()
    names = codes.dictionary.to_pylist()
    offset = np.array([_offset(zone) for zone in names], dtype=np.int64)[codes.indices.to_numpy()]
    known = wall != NO_TIME
    zoned = np.array([zone != "" for zone in names])[codes.indices.to_numpy()][known]
    offsets = tuple(int(o) for o in np.unique(offset[known])) if zoned.any() else ()
    partly = bool(zoned.any() and not zoned.all())
    return Stamps(np.where(known, wall - offset, NO_TIME), wall, offsets, partly)


def _offset(zone: str) -> int:
    if zone in {"", "Z", "UTC", "GMT"}:
        return 0
    digits = zone[1:].replace(":", "")
    return (-1 if zone[0] == "-" else 1) * (int(digits[:2]) * HOUR + int(digits[2:4]) * MINUTE)


def _clock(part: dict[str, Any]) -> tuple[Any, Any]:
    """Nanoseconds after midnight, and whether they are a time of day."""
    hour, minute, second = (_whole(part[name]) for name in "HMS")
    fraction = _whole(pc.utf8_rpad(pc.fill_null(part["f"], ""), 9, "0"))
    half = pc.utf8_lower(pc.fill_null(part["p"], ""))
    pm = pc.equal(half, "pm").to_numpy(zero_copy_only=False)
    twelve = pc.not_equal(half, "").to_numpy(zero_copy_only=False)
    good = (hour <= 23) & (minute <= 59) & (second <= 59) & (~twelve | ((hour >= 1) & (hour <= 12)))
    hour = np.where(twelve, hour % 12 + 12 * pm, hour)
    return hour * HOUR + minute * MINUTE + second * SECOND + fraction, good


def _whole(texts: Any) -> Any:
    texts = pc.fill_null(texts, "")
    return pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _either(part: dict[str, Any], place: Place, name: str) -> tuple[Any, Any]:
    """Month and day of 31.01.2024 or 01/31/2024: dots mean day first, otherwise some row must tell."""
    first, second = _whole(part["a"]), _whole(part["b"])
    if (first > 12).any() and (second > 12).any():
        place.fail(f"column {name!r} has days first in some rows and months first in others; write dates as 2024-01-31")
    if (first > 12).any():
        return second, first
    if (second > 12).any():
        return first, second
    if part["s"][0].as_py() == ".":
        return second, first
    return place.fail(f"column {name!r} can be read day first or month first; write dates as 2024-01-31")


def _from_parts(year: Any, month: Any, day: Any) -> Any:
    """Midnight of each date, NO_TIME where there is no such date."""
    good = (year >= 1678) & (year <= 2261) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    year, month, day = np.where(good, year, 1970), np.where(good, month, 1), np.where(good, day, 1)
    months = (year - 1970) * 12 + month - 1
    days = months.astype("M8[M]").astype("M8[D]") + (day - 1)
    good &= days.astype("M8[M]").astype(np.int64) == months
    return np.where(good, days.astype(np.int64) * DAY, NO_TIME)
