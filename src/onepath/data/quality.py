"""What is wrong or odd in market data: found and reported, never repaired.

Rules: works on raw rows, however faulty, without raising. `error` is what cannot be (a price of zero, a time twice,
a price a hundred times its neighbours); `warning` is what deserves a look (a jump, a silent stretch, an open outside
its bar's range, which Yahoo publishes often); `info` is what one should know. Each kind keeps its first hundred
findings; the counts are of all.
Sessions are those of the calendar, holidays and early closes regarded; where none is known, weekdays without a daily bar
are counted for information.
Where dividends and an adjusted close stand beside the prices, they are compared with each other (see `beside`).
Limits: a jump that looks like a split is named as such where none was told; a hundredfold error is found against the prices
around it, not where a whole file is in the wrong unit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onepath.calendars import DAY, HOUR, Calendar
from onepath.data import reading
from onepath.data.bars import label_of, offsets, only_weekdays
from onepath.data.beside import columns_of, suspects
from onepath.data.catalogue import Dataset
from onepath.data.sessions import get
from onepath.data.stamps import NO_TIME
from onepath.data.tables import Raw, floats, named, plain, split
from onepath.errors import DataError
from onepath.feeds.checks import NOISE, stamp

SHOWN = 100
Besides = dict[str, dict[str, Any]]
"""by symbol, what stands beside its prices"""
_SPLITS = (1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50)
_SPIKE_MADS = 20.0
_SPIKE_LEAST = 0.05
_SPIKE_SURE = 0.72
"""more than to the double and back, whatever the series does otherwise"""
_SPLIT_LEAST = 0.30
_SPLIT_NEAR = 0.04
_UNIT_NEAR = 0.25
_STALE_ROWS = 10
_AROUND = 5
_WORST_FIRST = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One thing found: in which symbol, at which row of the source, when, and how bad it is."""

    kind: str
    symbol: str
    row: int | None
    at: int | None
    message: str
    severity: str


@dataclass(frozen=True)
class Report:
    """The findings, the worst first, a hundred of a kind and symbol at most; counts of all; the bars that are absent."""

    rows: int
    findings: Sequence[Finding]
    counts: Mapping[str, int]
    missing_bars: int
    severities: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was found that cannot be."""
        return not self.severities.get("error")

    def summary(self) -> dict[str, Any]:
        """Counts alone, ready for JSON."""
        return {
            "rows": self.rows,
            "counts": dict(sorted(self.counts.items())),
            "severities": dict(sorted(self.severities.items())),
            "missing_bars": self.missing_bars,
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return self.summary() | {"findings": [asdict(finding) for finding in self.findings]}


@dataclass(frozen=True)
class _Kind:
    """One kind of finding in one symbol: the rows, what to say of a row, and what each counts for."""

    name: str
    severity: str
    rows: Any
    say: Callable[[int], str]
    missing: Any = None


def check(
    source: Any,
    *,
    symbol: str | None = None,
    calendar: str | None = None,
    splits: Mapping[str, Collection[int]] | None = None,
) -> Report:
    """The report on a file, a frame or a mapping of frames. Raises DataError only where it is no table of bars.

    `splits`: by symbol, the days (counted from 1970) on which a split explains that the price jumps.
    """
    beside: Besides = {}
    return check_raws(_raws(source, symbol, beside), calendar, beside, splits)


def check_dataset(dataset: Dataset) -> Report:
    """The report on a data set of the catalogue, on its own calendar."""
    return check({s: dataset.file(s) for s in dataset.symbols}, calendar=str(dataset.meta["calendar"]))


def check_raws(
    raws: Sequence[Raw],
    calendar: str | None = None,
    beside: Besides | None = None,
    splits: Mapping[str, Collection[int]] | None = None,
) -> Report:
    """The report on rows already read; `beside`: dividends and the adjusted close by symbol; `splits` as in `check`."""
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    severities: dict[str, int] = {}
    missing = 0
    for raw in raws:
        with np.errstate(all="ignore"):
            name = str(raw.symbol)
            kinds = list(_kinds(raw, calendar, (beside or {}).get(name, {}), (splits or {}).get(name, ())))
        for kind in kinds:
            n = len(kind.rows)
            counts[kind.name] = counts.get(kind.name, 0) + n
            severities[kind.severity] = severities.get(kind.severity, 0) + n
            missing += 0 if kind.missing is None else int(kind.missing.sum())
            findings += [_finding(raw, kind, int(row), i) for i, row in enumerate(kind.rows[:SHOWN])]
    findings.sort(key=lambda finding: _WORST_FIRST.index(finding.severity))
    return Report(sum(len(raw.stamps.utc) for raw in raws), findings, counts, missing, severities)


def _raws(source: Any, symbol: str | None, beside: Besides) -> list[Raw]:
    notes: list[str] = []
    if isinstance(source, str | Path):
        table, place = reading.read_file(Path(source), notes)
        default = symbol or reading.stem(Path(source))
    elif isinstance(source, Mapping) and not reading.is_frame(source):
        return [raw for name, frame in source.items() for raw in _raws(frame, str(name), beside)]
    else:
        table, place = reading.read_frame(source, "the frame")
        default = symbol or "ASSET"
    found = [raw if raw.symbol else named(raw, default) for raw in split(table, place, notes)]
    for raw in found:
        beside[str(raw.symbol)] = _beside(table, raw)
    return found


def _beside(table: Any, raw: Raw) -> dict[str, Any]:
    """The columns of dividends and the adjusted close of one symbol's rows, where there are some."""
    found = columns_of({plain(name): name for name in table.column_names})
    rows = slice(None) if raw.place.rows is None else raw.place.rows
    try:
        return {what: floats(table.column(name), raw.place, name)[rows] for what, name in found.items()}
    except DataError:
        return {}


def _finding(raw: Raw, kind: _Kind, row: int, i: int) -> Finding:
    at = int(raw.stamps.utc[row])
    when = "a time that cannot be read" if at == NO_TIME else stamp(at)
    message = f"{raw.place.where}, {raw.place.row(row)}, {when}: {kind.say(i)}"
    known = None if at == NO_TIME else at
    return Finding(kind.name, str(raw.symbol), raw.place.number(row), known, message, kind.severity)


def _kinds(raw: Raw, calendar: str | None, beside: Mapping[str, Any], splits: Collection[int]) -> Iterator[_Kind]:
    """Every check in turn; those that need order and prices look at the rows that have them, oldest first."""
    yield from _times(raw)
    yield from _prices(raw)
    order, utc, values = _sound(raw)
    if len(order) < 3:
        return
    sessions = get(calendar) if calendar else _likely_calendar(raw.stamps.wall[order], utc)
    yield from _gaps(order, utc, raw.stamps.wall[order], sessions)
    yield from _jumps(order, values, _first_of(raw.stamps.wall[order] // DAY, splits))
    yield from _stale(order, values)
    yield from _dividends(order, utc, values[3], beside)
    yield from _sessions(order, utc, raw.stamps.wall[order], sessions)


def _where(mask: Any) -> Any:
    return np.flatnonzero(mask)


def _plain(name: str, severity: str, rows: Any, text: str) -> Iterator[_Kind]:
    if len(rows):
        yield _Kind(name, severity, rows, lambda _: text)


def _times(raw: Raw) -> Iterator[_Kind]:
    utc = raw.stamps.utc
    yield from _plain("bad_time", "error", _where(utc == NO_TIME), "the time cannot be read")
    if raw.stamps.partly_zoned:
        yield _Kind("time_zone", "error", np.array([0]), lambda _: "some times have a time zone and some have not")
    apart = max(raw.stamps.offsets, default=0) - min(raw.stamps.offsets, default=0)
    if apart > HOUR:
        yield _Kind("time_zone", "error", np.array([0]), lambda _: f"times have offsets {apart / HOUR:g} hours apart")
    seen: Any = np.zeros(len(utc), dtype=bool)
    order = np.argsort(utc, kind="stable")
    seen[order[1:]] = (np.diff(utc[order]) == 0) & (utc[order[1:]] != NO_TIME)
    yield from _plain("duplicate", "error", _where(seen), "the same time occurred before")
    yield from _order(utc, seen)


def _order(utc: Any, duplicates: Any) -> Iterator[_Kind]:
    steps = np.diff(utc)
    if not len(steps):
        return
    if (steps < 0).mean() > 0.5:
        yield _Kind("newest_first", "info", np.array([0]), lambda _: "the rows run from the newest to the oldest")
        steps = -steps
    back = np.concatenate(([False], steps < 0)) & ~duplicates
    yield from _plain("out_of_order", "error", _where(back), "the row stands out of order in time")


def _prices(raw: Raw) -> Iterator[_Kind]:
    opens, high, low, close, volume = raw.values
    block = np.vstack(raw.values[:4])
    missing, infinite = np.isnan(block).any(axis=0), np.isinf(block).any(axis=0)
    yield from _plain("missing_price", "error", _where(missing), "a price is missing")
    yield from _plain("infinite_price", "error", _where(infinite), "a price is infinite")
    low_price = (block <= 0).any(axis=0)
    crossed = (high < low) & ~missing
    outside = (np.maximum(opens, close) > high * (1 + NOISE)) | (np.minimum(opens, close) < low * (1 - NOISE))
    bad_volume = (volume < 0) | ~np.isfinite(volume)
    yield from _plain("non_positive", "error", _where(low_price), "a price is zero or negative")
    yield from _plain("bad_ohlc", "error", _where(crossed), "the high is below the low")
    rows = _where(outside & ~crossed & ~missing)
    if len(rows):
        yield _Kind("outside_range", "warning", rows, lambda i: _range_text(raw, int(rows[i])))
    yield from _plain("bad_volume", "error", _where(bad_volume), "the volume is missing, infinite or negative")


def _range_text(raw: Raw, row: int) -> str:
    opens, high, low, close = (float(v[row]) for v in raw.values[:4])
    return f"open {opens:g} or close {close:g} is outside the range {low:g} to {high:g}; a backtest refuses this row"


def _sound(raw: Raw) -> tuple[Any, Any, list[Any]]:
    """Rows with a time and four prices above zero, oldest first, each time once: their numbers, times and values."""
    block = np.vstack(raw.values[:4])
    good = (raw.stamps.utc != NO_TIME) & np.isfinite(block).all(axis=0) & (block > 0).all(axis=0)
    rows = _where(good)
    order = rows[np.argsort(raw.stamps.utc[rows], kind="stable")]
    utc = raw.stamps.utc[order]
    first = np.concatenate(([True], np.diff(utc) > 0)) if len(utc) else np.zeros(0, dtype=bool)
    order = order[first]
    return order, raw.stamps.utc[order], [v[order] for v in raw.values]


def _likely_calendar(wall: Any, utc: Any) -> Calendar:
    """Nothing was said: weekday sessions for a series without weekends, else every hour of the week.

    Daily bars alone: intraday hours of an unknown market are not guessed, its pauses are.
    """
    days = np.unique(wall // DAY)
    return get("24/5" if only_weekdays(days) and _step(utc) >= DAY else "24/7")


def _step(utc: Any) -> int:
    found, counts = np.unique(np.diff(utc), return_counts=True)
    return int(found[counts.argmax()])


def _gaps(order: Any, utc: Any, wall: Any, calendar: Calendar) -> Iterator[_Kind]:
    """Stretches in which the market was open and there is no bar."""
    step = _step(utc)
    daily = step >= DAY
    times = _dates(utc, wall, calendar) * DAY if daily else utc
    wide = _where(np.diff(times) >= step + min(step, HOUR))
    count = _days_without if daily else _open_bars
    absent = np.array([count(int(times[i]), int(times[i + 1]), step, calendar) for i in wide], dtype=np.int64)
    wide, absent = wide[absent > 0], absent[absent > 0]
    if not len(wide):
        return
    guessed = daily and not calendar.weekends and calendar.days is None
    severity, text = (
        ("info", "weekday(s) without a bar, holidays perhaps,") if guessed else ("warning", "bar(s) absent")
    )
    yield _Kind("gap", severity, order[wide + 1], lambda i: f"{absent[i]} {text} before this one", absent)


def _dates(utc: Any, wall: Any, calendar: Calendar) -> Any:
    """The date of each daily bar: the one published, or the session's where a time of day is given."""
    if calendar.weekends or (wall % DAY == 0).all():
        return wall // DAY
    return (utc + offsets(utc, calendar) - calendar.closes) // DAY + 1


def _days_without(before: int, after: int, step: int, calendar: Calendar) -> int:
    days = range(before // DAY + max(1, step // DAY), after // DAY, max(1, step // DAY))
    return sum(map(calendar.is_session, days))


def _open_bars(before: int, after: int, step: int, calendar: Calendar) -> int:
    """Bars that should have begun between two that did, session by session."""
    if calendar.weekends:
        return round((after - before) / step) - 1
    days = calendar.sessions(calendar.session_date(before), calendar.session_date(after))
    return sum(_steps_in(before, after, step, calendar.session_bounds(day)) for day in days)


def _steps_in(before: int, after: int, step: int, session: tuple[int, int]) -> int:
    """How many of before + step, before + 2 step, ... lie before `after` and inside the session."""
    first, stop = max(session[0], before + step), min(session[1], after)
    return max(0, -(-(stop - before) // step) + -(first - before) // step)


def _first_of(days: Any, splits: Collection[int]) -> Any:
    """The first rows on or after the days of splits: there a jump is what it should be."""
    first = np.zeros(len(days), dtype=bool)
    rows = np.searchsorted(days, np.array(sorted(splits), dtype=np.int64))
    first[rows[rows < len(days)]] = True
    return first


def _jumps(order: Any, values: Sequence[Any], explained: Any) -> Iterator[_Kind]:
    """Hundredfold prices, jumps that look like splits, spikes that come back. Each row is named for the worst of them."""
    opens, close = values[0], values[3]
    moves = np.diff(np.log(close))
    factor = np.where(explained, 0.0, _unit_factor(values))
    unit = _where(factor > 0)
    if len(unit):
        yield _Kind("unit", "error", order[unit], lambda i: _unit_text(float(factor[unit[i]])))
    clean = (factor == 0) & ~explained
    split_rows, ratios = _split_like(opens, close, clean)
    if len(split_rows):
        text = "the price jumps like a split or an unadjusted consolidation, by a factor of"
        yield _Kind("split_like", "warning", order[split_rows], lambda i: f"{text} {ratios[i]:g}")
    spikes = _spikes(moves, clean)
    spikes = spikes[~np.isin(spikes, split_rows)]
    if len(spikes):
        text = "the close leaves its neighbours and comes back with the next bar:"
        yield _Kind("outlier", "warning", order[spikes], lambda i: f"{text} {np.expm1(moves[spikes[i] - 1]):+.1%}")


def _unit_text(factor: float) -> str:
    return f"a price is about {factor:g} times those around it, as when pence and pounds are mixed"


def _unit_factor(values: Sequence[Any]) -> Any:
    """100 or 0.01 for rows with a price about that many times those around, or the row before; else 0."""
    factor = np.zeros(len(values[3]))
    around = _median_around(values[3])
    for column in values[:4]:
        near = np.abs(np.log(column / around))
        hit = np.abs(near - np.log(100)) < _UNIT_NEAR
        factor = np.where(hit, np.where(column > around, 100.0, 0.01), factor)
    step = np.diff(np.log(values[3]))
    jump = np.concatenate(([False], np.abs(np.abs(step) - np.log(100)) < _UNIT_NEAR))
    explained = (factor > 0) | np.concatenate(([False], factor[:-1] > 0))
    return np.where(jump & ~explained, np.where(np.concatenate(([0.0], step)) > 0, 100.0, 0.01), factor)


def _median_around(close: Any) -> Any:
    """The median of each close and the five on either side of it."""
    width = min(2 * _AROUND + 1, len(close) - (len(close) + 1) % 2)
    padded = np.pad(close, width // 2, mode="reflect" if len(close) > width // 2 else "edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)


def _split_like(opens: Any, close: Any, clean: Any) -> tuple[Any, Any]:
    """Rows that open near a whole-number ratio of the last close and stay there, with that ratio."""
    gap = np.log(opens[1:] / close[:-1])
    stays = np.log(close[1:] / close[:-1])
    known = np.log(np.array(_SPLITS, dtype=float))
    big = _where((np.abs(gap) > _SPLIT_LEAST) & (np.abs(stays) > _SPLIT_LEAST) & clean[1:])
    nearest = np.abs(np.abs(gap[big])[:, None] - known).argmin(axis=1) if len(big) else np.zeros(0, dtype=int)
    near = np.abs(np.abs(gap[big]) - known[nearest]) < _SPLIT_NEAR
    return big[near] + 1, np.array(_SPLITS, dtype=float)[nearest[near]]


def _spikes(moves: Any, clean: Any) -> Any:
    """Rows whose close leaves by many median deviations and is undone by the next."""
    spread = 1.4826 * float(np.median(np.abs(moves - np.median(moves))))
    large = np.abs(moves) > min(max(_SPIKE_MADS * spread, _SPIKE_LEAST), _SPIKE_SURE)
    undone = np.abs(moves[:-1] + moves[1:]) < 0.25 * np.abs(moves[:-1])
    return _where(large[:-1] & undone & clean[1:-1]) + 1


def _dividends(order: Any, utc: Any, close: Any, beside: Mapping[str, Any]) -> Iterator[_Kind]:
    """Dividends out of proportion, and adjustments that go with none or another."""
    found = list(suspects(utc, close, {what: column[order] for what, column in beside.items()}))
    if found:
        rows = order[[suspect.row for suspect in found]]
        yield _Kind("dividend", "warning", rows, lambda i: found[i].text)


def _stale(order: Any, values: Sequence[Any]) -> Iterator[_Kind]:
    """Ten and more rows with the same open, high, low, close and volume."""
    same = np.ones(len(order) - 1, dtype=bool)
    for column in values:
        same &= np.diff(column) == 0
    edges = np.diff(np.concatenate(([0], same.astype(np.int8), [0])))
    first, stop = _where(edges == 1), _where(edges == -1)
    long = stop - first + 1 >= _STALE_ROWS
    first, runs = first[long], (stop - first + 1)[long]
    if len(first):
        yield _Kind("stale", "warning", order[first], lambda i: f"the same prices and volume stand for {runs[i]} bars")


def _sessions(order: Any, utc: Any, wall: Any, calendar: Calendar) -> Iterator[_Kind]:
    """Signs of a wrong time zone or label: bars outside the sessions, daily bars not at midnight, stamps of the end."""
    step = _step(utc)
    if step >= DAY:
        clock, market = wall % DAY, (utc + offsets(utc, calendar)) % DAY
        odd = _where((clock != np.median(clock)) & (market != np.median(market)))
        yield from _plain("time_zone", "warning", order[odd], "a daily bar has another time of day than the others")
        return
    if not calendar.weekends:
        days = calendar.sessions(calendar.session_date(int(utc[0])), calendar.session_date(int(utc[-1])))
        opens, closes = np.array([calendar.session_bounds(day) for day in days], dtype=np.int64).T
        shut = utc < opens[np.searchsorted(closes, utc, side="right")]
        text = f"the bar begins outside the sessions of {calendar.name}; check the time zone"
        yield from _plain("outside_session", "warning", order[_where(shut)], text)
    if label_of(utc, step, calendar) == ("end", "detected"):
        yield _Kind("end_stamps", "info", order[:1], lambda _: "times seem to mark the end of bars; say stamps='end'")
