"""Session days: the calendar a session is measured by, and its equity and market at the end of each day.

Rules: a day is a session of the calendar, in its own time zone. A valuation exactly at the close belongs to the day that
ends, and so does one taken before the market opens again. The capital at the start is the base of the first day's
return. Where instruments follow several calendars, the one with the most periods a year measures all.
Limits: a session day on which nothing at all was recorded does not count as a day without return.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onepath import calendars
from onepath.report.benchmark import buy_and_hold
from onepath.report.formulas import Floats, Times, returns
from onepath.report.record import SessionRecord, held, merged


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """One entry a session day; `date` in days since 1970-01-01, `at` the last recorded moment of the day."""

    calendar: str
    periods: float
    """session days a year"""
    mixed: bool
    """several calendars were in play"""
    date: Times
    at: Times
    equity: Floats
    market: Floats
    """worth of buy and hold, in money"""
    returns: Floats
    market_returns: Floats


def calendar_of(record: SessionRecord) -> tuple[str, bool]:
    """The calendar that measures the session, and whether it was chosen among several."""
    foreign: Any = record.manifest.data.get("calendars") or {}
    for name, text in foreign.items():
        if name not in calendars.CALENDARS:
            calendars.install(name, text)
    names = sorted({str(row.get("calendar", "24/7")) for row in record.manifest.instruments}) or ["24/7"]
    return max(names, key=lambda name: calendars.get(name).periods_per_year), len(names) > 1


def dates(name: str, at: Times) -> Times:
    """The session day of each moment, in days since 1970-01-01; one look-up a quarter of an hour is enough."""
    calendar = calendars.get(name)
    quarters, where = np.unique((at - 1) // calendars.QUARTER, return_inverse=True)
    days = [_last_session(calendar, int(quarter) * calendars.QUARTER) for quarter in quarters]
    found: Times = np.array(days, dtype=np.int64)[where]
    return found


def _last_session(calendar: calendars.Calendar, at: int) -> int:
    """The session `at` falls in, or, while the market is shut, the one before."""
    day = calendar.session_date(at)
    return day if at >= calendar.session_bounds(day)[0] else _before(calendar, day)


def _before(calendar: calendars.Calendar, day: int) -> int:
    """The session before that of `day`: the nearest day whose own close still belongs to it."""
    earlier = (day - back for back in range(1, 15))
    return next(d for d in earlier if calendar.session_date(calendar.session_bounds(d)[1] - 1) == d)


def days_of(record: SessionRecord) -> Days:
    """The session by day."""
    calendar, mixed = calendar_of(record)
    at = merged(record.total.at, record.prices_at)
    date = dates(calendar, at)
    last = np.flatnonzero(np.append(date[1:] != date[:-1], True)) if len(at) else np.empty(0, dtype=np.int64)
    closing = at[last]
    equity = held(closing, record.total.at, record.total.equity, record.initial)
    hold = buy_and_hold(record)
    market = held(closing, hold.at, hold.worth, record.initial)
    return Days(
        calendar=calendar,
        periods=float(calendars.get(calendar).periods_per_year),
        mixed=mixed,
        date=date[last],
        at=closing,
        equity=equity,
        market=market,
        returns=returns(np.append(record.initial, equity)),
        market_returns=returns(np.append(record.initial, market)),
    )
