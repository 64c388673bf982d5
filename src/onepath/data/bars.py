"""Rows as published to canonical bars: when each begins and closes, in order, checked.

Rules: the bar length is the most frequent step between rows unless it is given. A daily bar of a market with sessions
spans its session; elsewhere a bar spans its length from its stamp. Disorder is an error; only an import may turn round
rows that run strictly backwards, and says so.
Limits: one bar length a symbol; months and years have no fixed length and are refused as overlapping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from onepath.calendars import DAY, HOUR, MINUTE, SECOND, Calendar
from onepath.data import stamps as times
from onepath.data.places import Place
from onepath.data.tables import Raw
from onepath.errors import DataError
from onepath.feeds.checks import Checked, stamp
from onepath.feeds.columns import COLUMNS

UNITS = {"s": SECOND, "m": MINUTE, "min": MINUTE, "t": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_ROUND = 30 * MINUTE
_VOTES = 0.6
_MOST = 0.6


@dataclass(frozen=True)
class Bars:
    """One symbol's canonical bars, and how their times were understood."""

    symbol: str
    columns: Mapping[str, Any]
    interval_ns: int
    stamps: str
    stamps_how: str
    notes: Sequence[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.columns["at"])


@dataclass(frozen=True)
class Timing:
    """When each row's bar begins and closes, and how that was settled: given, detected or assumed."""

    start: Any
    at: Any
    interval_ns: int
    stamps: str
    stamps_how: str


def nanoseconds(interval: str | int | timedelta | None) -> int | None:
    """A bar length such as `1m`, `4h` or `1d`, a timedelta or nanoseconds, in nanoseconds."""
    if interval is None or isinstance(interval, int):
        return interval
    if isinstance(interval, timedelta):
        return round(interval / timedelta(microseconds=1)) * 1_000
    match = re.fullmatch(r"\s*(\d*)\s*([a-z]+?)s?\s*", interval.lower())
    if match is None or match[2] not in UNITS or match[1] == "0":
        raise DataError(f"interval {interval!r} is no bar length; expected a number and a unit, such as 1m, 4h or 1d.")
    return int(match[1] or 1) * UNITS[match[2]]


def canonical(
    raw: Raw, symbol: str, calendar: Calendar, stamps: str | None, interval: int | None, *, reverse: bool = False
) -> Bars:
    """The bars of one symbol. Raises DataError at the first row that cannot be one.

    `reverse` allows rows that run strictly backwards to be turned round, which is noted.
    """
    if stamps not in {None, "start", "end"}:
        raise DataError(f"stamps is {stamps!r}; expected 'start', 'end' or None to find out.")
    times.require(raw.stamps, raw.place, raw.time_name, raw.texts)
    raw, notes = forwards(raw, reverse)
    when = timing(raw, calendar, stamps, interval)
    arrays = [when.start, when.at, *(np.ascontiguousarray(v, dtype=np.float64) for v in raw.values)]
    Checked(raw.place.where, raw.place.row).check(arrays)
    columns = dict(zip(COLUMNS, arrays, strict=True))
    return Bars(symbol, columns, when.interval_ns, when.stamps, when.stamps_how, notes)


def forwards(raw: Raw, reverse: bool) -> tuple[Raw, list[str]]:
    """The rows oldest first. Rows that run backwards are an error that names the row, unless they may be reversed."""
    steps = np.diff(raw.stamps.utc)
    if not len(steps) or (steps < 0).mean() <= _MOST:
        return raw, []
    if (steps < 0).all() and reverse:
        return raw.take(np.arange(len(raw.stamps.utc))[::-1]), ["rows were newest first and have been reversed"]
    if (steps < 0).all():
        raw.place.fail("the rows are newest first; sort them, oldest first ('onepath data import' turns them round)")
    row = int((steps >= 0).argmax()) + 1
    before, this = (stamp(raw.stamps.utc[i]) for i in (row - 1, row))
    return raw.place.fail(
        f"the rows are newest first, but the bar of {this} follows that of {before}; sort them by time, oldest first, "
        f"and remove duplicates ({int((steps >= 0).sum())} rows stand out of order)",
        row,
    )


def timing(raw: Raw, calendar: Calendar, stamps: str | None, interval: int | None) -> Timing:
    """When the rows' bars begin and close."""
    utc, wall = raw.stamps.utc, raw.stamps.wall
    length = interval or usual_step(utc, wall, raw.place)
    if length == DAY:
        return _daily(utc, wall, calendar, stamps)
    label, how = (stamps, "given") if stamps else label_of(utc, length, calendar)
    start = utc if label == "start" else utc - length
    return Timing(start, start + length, length, label, how)


def usual_step(utc: Any, wall: Any, place: Place) -> int:
    """The most frequent step between rows, the shorter of two equally frequent."""
    steps = np.diff(np.sort(utc))
    steps = steps[steps > 0]
    if not len(steps):
        if (wall % DAY == 0).all():
            return DAY
        place.fail("the bar length cannot be told from one row; say it, such as interval='1m'")
    found, counts = np.unique(steps, return_counts=True)
    usual = int(found[counts.argmax()])
    return DAY if usual % DAY == 0 and usual <= 4 * DAY and (wall % DAY == 0).all() else usual


def _daily(utc: Any, wall: Any, calendar: Calendar, stamps: str | None) -> Timing:
    """A day's bar spans its session; the date is the one published, or the market's where a time of day is."""
    at_midnight = bool((wall % DAY == 0).all())
    if calendar.weekends:
        start = (wall if at_midnight else utc) - (DAY if stamps == "end" else 0)
        return Timing(start, start + DAY, DAY, stamps or "start", "given" if stamps else "assumed")
    dates = wall // DAY if at_midnight else _dates(utc, calendar)
    days, which = np.unique(dates, return_inverse=True)
    bounds = np.array([calendar.session_bounds(int(day)) for day in days], dtype=np.int64).reshape(-1, 2)[which]
    return Timing(np.ascontiguousarray(bounds[:, 0]), np.ascontiguousarray(bounds[:, 1]), DAY, "start", "date")


def _dates(utc: Any, calendar: Calendar) -> Any:
    """The market's own date at each instant."""
    return (utc + offsets(utc, calendar)) // DAY


def offsets(utc: Any, calendar: Calendar) -> Any:
    """How far the market's clock is ahead of UTC at each instant."""
    if calendar.zone == "UTC":
        return np.zeros(len(utc), dtype=np.int64)
    hours, which = np.unique(utc // HOUR, return_inverse=True)
    return np.array([calendar.offset(int(hour) * HOUR) for hour in hours], dtype=np.int64)[which]


def label_of(utc: Any, length: int, calendar: Calendar) -> tuple[str, str]:
    """Whether stamps mark the start or the end of bars, from the first bars of sessions; else assumed start.

    A session opens on the half hour: bars of minutes whose first stamp after a pause is one bar past it carry their
    end (09:31, 23:01), those that stand on it their start.
    """
    firsts = utc[np.concatenate(([True], np.diff(utc) >= max(_ROUND, 2 * length)))]
    if length < _ROUND:
        ends = float(((firsts - length) % _ROUND == 0).mean())
        starts = float((firsts % _ROUND == 0).mean())
    elif not calendar.weekends and length < DAY:
        local = (firsts + offsets(firsts, calendar) - calendar.opens) % DAY
        ends, starts = float((local == length).mean()), float((local == 0).mean())
    else:
        return "start", "assumed"
    if max(ends, starts) < _VOTES or ends == starts:
        return "start", "assumed"
    return ("end" if ends > starts else "start"), "detected"


def only_weekdays(utc_days: Any) -> bool:
    """Whether enough days were seen, none of them a Saturday or Sunday (1970-01-01 was a Thursday)."""
    return len(utc_days) >= 15 and bool(((utc_days + 3) % 7 < 5).all())
