"""What to do about faults in bars: reject, flag or fill, as the user says for each sort of fault.

Rules: nothing is left out, filled or let through that a user has not asked for; without a policy everything is as if this
file were not there: what cannot be stops the data, what is odd is counted. `reject` refuses the data, with where and how many.
`flag` goes on: what can be is kept; what cannot be traded on (a bar without a price, a time twice) is left out; either way it
is counted and noted. `fill` puts bars where the calendar expects them and none is: the close before in all four prices, no
volume, and marked in a column `filled`.
Gaps are filled between a symbol's first and last bar, inside sessions; where the calendar does not know holidays, on days that
have bars alone, and not for daily bars.
Limits: the detectors are those of `quality`, and look at a symbol in memory (two million rows).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

import msgspec
import numpy as np

from onepath.calendars import DAY, Calendar
from onepath.data import quality
from onepath.data.places import Place
from onepath.data.sessions import get
from onepath.data.stamps import NO_TIME, Stamps
from onepath.data.tables import Raw
from onepath.data.ticksources import IN_MEMORY
from onepath.errors import ConfigError, DataError
from onepath.feeds.checks import possible, stamp
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.feeds.parquet import ParquetFeed
from onepath.nearest import nearest

SORTS = ("gaps", "outliers", "bad_bars", "duplicates", "stale")
WORDS = ("reject", "flag", "fill")
_OF_FEEDS = ("symbols", "interval_ns", "first_at", "last_at", "events")
_KINDS = {
    "gaps": ("gap",),
    "outliers": ("unit", "split_like", "outlier", "dividend"),
    "stale": ("stale",),
}


class Policies(msgspec.Struct, frozen=True):
    """A word for each sort of fault; empty where nothing was said."""

    gaps: str = ""
    outliers: str = ""
    bad_bars: str = ""
    duplicates: str = ""
    stale: str = ""

    @property
    def said(self) -> dict[str, str]:
        """Those that were said."""
        return {sort: word for sort in SORTS if (word := getattr(self, sort))}


NONE = Policies()


def policies(said: str | Mapping[str, Any] | Policies | None) -> Policies:
    """From one word for all, a mapping, or `gaps=fill,outliers=reject`. Raises ConfigError that names what is wrong."""
    if isinstance(said, Policies):
        return said
    if not said:
        return NONE
    if isinstance(said, str) and "=" not in said:
        said = dict.fromkeys(SORTS, said.strip())
    elif isinstance(said, str):
        said = dict(_pair(part) for part in said.split(","))
    elif not isinstance(said, Mapping):
        raise ConfigError(f"quality is {said!r}; expected a word for all faults, or one for each: {{'gaps': 'fill'}}.")
    for sort, word in said.items():
        if sort not in SORTS:
            raise ConfigError(
                f"quality: {sort!r} is no sort of fault{nearest(sort, SORTS)}; known are {', '.join(SORTS)}."
            )
        if word not in WORDS:
            raise ConfigError(
                f"quality.{sort} is {word!r}; expected {', '.join(WORDS if sort == 'gaps' else WORDS[:2])}."
            )
        if word == "fill" and sort != "gaps":
            raise ConfigError(
                f"quality.{sort} cannot be filled; expected reject or flag (fill is for gaps: gaps=fill)."
            )
    return Policies(**{sort: str(word) for sort, word in said.items()})


def _pair(part: str) -> tuple[str, str]:
    sort, _, word = part.partition("=")
    return sort.strip(), word.strip()


def cleaned(raw: Raw, asked: Policies) -> tuple[Raw, list[str]]:
    """The rows without those that cannot be and that were asked to be flagged, and what there is to say of them.

    Raises DataError where they were asked to be rejected; where nothing was said they stay, and are refused later.
    """
    notes: list[str] = []
    utc, many = raw.stamps.utc, len(raw.stamps.utc)
    keep = np.ones(many, dtype=bool)
    with np.errstate(all="ignore"):
        bad = ~possible(raw.values) | (utc == NO_TIME)
    if asked.bad_bars and bad.any():
        keep &= ~bad
        _settle(raw, asked.bad_bars, "bad_bars", np.flatnonzero(bad), "that cannot be", notes)
    order = np.argsort(utc, kind="stable")
    twice = np.zeros(many, dtype=bool)
    kept = order[keep[order]]
    twice[kept[1:]] = np.diff(utc[kept]) == 0
    if asked.duplicates and twice.any():
        keep &= ~twice
        _settle(raw, asked.duplicates, "duplicates", np.flatnonzero(twice), "whose time occurred before", notes)
    return (raw if keep.all() else raw.take(np.flatnonzero(keep))), notes


def _settle(raw: Raw, word: str, sort: str, rows: Any, what: str, notes: list[str]) -> None:
    first = int(rows[0])
    at = int(raw.stamps.utc[first])
    where = f"{raw.place.row(first)}, {'no time' if at == NO_TIME else stamp(at)}"
    if word == "reject":
        _refuse(raw.place.where, str(raw.symbol or ""), sort, f"{len(rows)} bars {what}, the first at {where}")
    notes.append(f"{sort} flagged: {len(rows)} bars {what} left out, the first at {where}")


def judged(raw: Raw, calendar: str, asked: Policies, splits: Collection[int] = ()) -> list[str]:
    """What there is to say of gaps, outliers and stale prices. Raises DataError where they were asked to be rejected.

    `splits` are days (counted from 1970) on which the price jumps rightly.
    """
    wanted = {sort: word for sort, word in asked.said.items() if sort in _KINDS}
    if not wanted:
        return []
    report = quality.check_raws([raw], calendar, splits={str(raw.symbol): splits})
    notes: list[str] = []
    for sort, word in wanted.items():
        found = [finding for finding in report.findings if finding.kind in _KINDS[sort]]
        if not found or (sort == "gaps" and word == "fill"):
            continue
        first = min(found, key=lambda finding: finding.at or 0)
        count = sum(report.counts.get(kind, 0) for kind in _KINDS[sort])
        bars = f" ({report.missing_bars} bars)" if sort == "gaps" else ""
        text = f"{count} {sort}{bars}, the first: {first.message.removeprefix(raw.place.where + ', ').rstrip('.')}"
        if word == "reject":
            _refuse(raw.place.where, str(raw.symbol or ""), sort, text)
        notes.append(f"{sort} flagged: {text}")
    return notes


def _refuse(where: str, symbol: str, sort: str, what: str) -> NoReturn:
    fill = ", or gaps=fill" if sort == "gaps" else ""
    raise DataError(f"{where}: {symbol}: {what}; {sort} are to be rejected (say {sort}=flag to go on{fill}).")


def treated(feed: ParquetFeed | ColumnFeed, asked: Policies) -> ParquetFeed | ColumnFeed:
    """The feed with its gaps filled, where that was asked for, and with what there is to say of faults among its notes.

    Raises DataError where they were asked to be rejected, or there are too many bars to look at.
    """
    if not asked.said:
        return feed
    if (feed.total or 0) > IN_MEMORY:
        raise DataError(
            f"the data have {feed.total:,} bars; quality policies look at {IN_MEMORY:,} at most: take fewer symbols or days, or "
            "say the policies when importing."
        )
    calendar, notes, whole = get(feed.calendar), [], {}
    for symbol, columns in _columns_of(feed):
        found = judged(as_raw(symbol, "the data", columns, calendar), feed.calendar, asked)
        notes += [f"{symbol}: {note}" for note in found]
        if asked.gaps == "fill":
            bars, marks = fill(columns, feed.interval_ns, calendar)
            notes += [f"{symbol}: of {len(marks)} bars {marks.sum()} were filled in"] if marks.any() else []
            whole[symbol] = dict(zip(COLUMNS, bars, strict=True))
    if asked.gaps == "fill":
        origin = {key: value for key, value in feed.describe().items() if key not in _OF_FEEDS}
        feed = ColumnFeed(whole, feed.instruments, interval_ns=feed.interval_ns, calendar=feed.calendar, origin=origin)
    if notes:
        feed.note(notes)
    return feed


def _columns_of(feed: ParquetFeed | ColumnFeed) -> list[tuple[str, list[Any]]]:
    if isinstance(feed, ParquetFeed):
        return list(feed.arrays().items())
    kinds = {name: np.int64 if name in {"start", "at"} else np.float64 for name in COLUMNS}
    return [(s, [np.asarray(c[name], kind) for name, kind in kinds.items()]) for s, c in feed.columns.items()]


def as_raw(symbol: str, where: str, columns: Sequence[Any], calendar: Calendar) -> Raw:
    """Canonical bars as rows for the detectors; daily ones under the date of their session."""
    start, _, *values = columns
    wall = start
    if len(start) > 1 and not calendar.weekends and np.diff(start).min() > DAY // 2:
        wall = np.array([calendar.session_date(int(moment)) * DAY for moment in start], dtype=np.int64)
    return Raw(symbol, Place(where, "bar", 1), Stamps(start, wall), values, "start")


def fill(columns: Sequence[Any], interval_ns: int, calendar: Calendar) -> tuple[list[Any], Any]:
    """The bars with those that are missing, and which of them were put in. Raises DataError where it cannot be told."""
    start = columns[0]
    if len(start) < 2:
        return list(columns), np.zeros(len(start), dtype=bool)
    missing = _missing(start, columns[1], interval_ns, calendar)
    if not len(missing[0]):
        return list(columns), np.zeros(len(start), dtype=bool)
    before = columns[5][np.searchsorted(start, missing[0]) - 1]
    added = [missing[0], missing[1], before, before, before, before, np.zeros(len(before))]
    both = [np.concatenate(pair) for pair in zip(columns, added, strict=True)]
    order = np.argsort(both[0], kind="stable")
    marks = np.concatenate((np.zeros(len(start), dtype=bool), np.ones(len(before), dtype=bool)))
    return [np.ascontiguousarray(column[order]) for column in both], marks[order]


def _missing(start: Any, at: Any, interval_ns: int, calendar: Calendar) -> tuple[Any, Any]:
    """When the bars that are not there begin and end."""
    expected, ends = _expected(start, interval_ns, calendar)
    inside = (expected > start[0]) & (expected < start[-1]) & ~np.isin(expected, start)
    expected, ends = expected[inside], ends[inside]
    before = np.searchsorted(start, expected) - 1
    free = (at[before] <= expected) & (start[np.minimum(before + 1, len(start) - 1)] >= ends)
    return expected[free], ends[free]


def _expected(start: Any, interval_ns: int, calendar: Calendar) -> tuple[Any, Any]:
    first, last = int(start[0]), int(start[-1])
    if calendar.weekends:
        grid = np.arange(first, last, interval_ns, dtype=np.int64)
        return grid, grid + interval_ns
    days = calendar.sessions(calendar.session_date(first), calendar.session_date(last))
    if interval_ns >= DAY:
        if calendar.days is None:
            raise DataError(
                f"gaps of daily bars cannot be filled on calendar {calendar.name}, which does not know holidays; name a "
                "calendar that does, or say gaps=flag."
            )
        bounds = np.array([calendar.session_bounds(day) for day in days], dtype=np.int64).reshape(-1, 2)
        return bounds[:, 0], bounds[:, 1]
    if calendar.days is None:
        seen = {calendar.session_date(int(moment)) for moment in start}
        days = [day for day in days if day in seen]
    bounds = np.array([calendar.session_bounds(day) for day in days], dtype=np.int64).reshape(-1, 2)
    phase = _phase(start, bounds[:, 0], interval_ns)
    grid = np.concatenate([np.arange(o + phase, c, interval_ns, dtype=np.int64) for o, c in bounds])
    return grid, grid + interval_ns


def _phase(start: Any, opens: Any, interval_ns: int) -> int:
    """How long after the open the first whole bar begins, as most bars have it."""
    which = np.clip(np.searchsorted(opens, start, side="right") - 1, 0, len(opens) - 1)
    found, counts = np.unique((start - opens[which]) % interval_ns, return_counts=True)
    return int(found[counts.argmax()])
