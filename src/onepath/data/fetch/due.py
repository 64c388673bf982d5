"""Which stretches of history are to be asked for: what was asked, less what is there, and less what has not ended.

Rules: a span is [from, until) of stamps that are known; spans are kept in order, apart from each other. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from onepath.calendars import DAY, Calendar

Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order; those that touch are one."""
    found: list[Span] = []
    for first, stop in sorted((a, b) for a, b in spans if a < b):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], stop)
        else:
            found.append((first, stop))
    return found


def missing(wanted: Span, known: Sequence[Span]) -> list[Span]:
    """What of `wanted` lies in no known span, in order."""
    found: list[Span] = []
    at, stop = wanted
    for first, end in merged(known):
        if end <= at:
            continue
        if first >= stop:
            break
        if first > at:
            found.append((at, first))
        at = max(at, end)
    return [*found, (at, stop)] if at < stop else found


def ended(now: int, interval_ns: int, settles: int, calendar: Calendar) -> int:
    """The stamp below which bars have ended, and will not change, at `now`."""
    settled = now - settles
    if interval_ns != DAY or calendar.weekends:
        return settled - interval_ns + 1
    day = settled // DAY + 1
    while not (calendar.is_session(day) and calendar.session_bounds(day)[1] <= settled):
        day -= 1
    return (day + 1) * DAY


def stamp_of(start: int, interval_ns: int, calendar: Calendar) -> int:
    """The stamp of a bar that is there: of a session's bar its date."""
    return calendar.session_date(start) * DAY if interval_ns == DAY and not calendar.weekends else start


def bounds_of(stamp: int, interval_ns: int, calendar: Calendar) -> tuple[int, int]:
    """When the bar of a stamp begins and closes."""
    if interval_ns == DAY and not calendar.weekends:
        return calendar.session_bounds(stamp // DAY)
    return stamp, stamp + interval_ns
