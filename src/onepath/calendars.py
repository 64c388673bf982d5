"""When a market trades: its sessions, holidays and early closes. What DAY orders, daily bars and annualisation ask.

Rules: a session date is a count of days since 1970-01-01. An instant belongs to the session that has not ended yet,
`[previous close, close)`: at Friday's close the next session, Monday's, begins. An order sent at a daily bar's close
therefore lives through the next day. To ask for the session of a bar, ask with its `start`.
The exchanges come with the package as a table (`trading_days`, made from exchange_calendars), so that a session does not
depend on what is installed; its other calendars are put in by name with `install`. Before and after what a calendar knows,
every weekday is a session of the usual hours. A day that is no session has the usual hours where data say that it was one.
Limits: pauses inside a day (noon in Tokyo and Hong Kong) are not known; two closes are more than twelve hours apart.
Cost: 0.1 us when asked again, about 5 us for a half day that was not asked for yet.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from onepath.errors import ConfigError
from onepath.trading_days import ALIASES, TABLE

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
QUARTER = 15 * MINUTE

_EPOCH = date(1970, 1, 1)
_SATURDAY = 5
_HALF_DAY = 12 * HOUR
_NEVER = 1 << 63
Hours = tuple[int, int]
"""opening and close, in nanoseconds after the session date's local midnight; what begins the evening before is negative"""


@dataclass(frozen=True, eq=False)
class Days:
    """What is special about the days of a market, between the days `first` and `last` that it is known for."""

    first: int
    last: int
    closed: frozenset[int]
    """weekdays without a session"""
    extra: frozenset[int]
    """sessions on weekends"""
    special: dict[int, Hours]
    """sessions of other hours than usual"""
    usual: tuple[tuple[int, int, int], ...]
    """the usual hours since a day, where they have changed"""


@dataclass(frozen=True, eq=False)
class Calendar:
    """The sessions of one market; `opens` and `closes` are the usual hours, nanoseconds after the date's local midnight.

    A session that begins the evening before has a negative `opens`. `text` is all of it in one line, for a market that has
    holidays.
    """

    name: str
    zone: str
    opens: int
    closes: int
    periods_per_year: int
    weekends: bool
    days: Days | None = field(default=None, repr=False)
    text: str = field(default="", repr=False)

    def session_date(self, at: int) -> int:
        """The day number of the session that `at` falls in; grows with `at`. About 0.1 us when asked again."""
        if self.weekends:
            return at // DAY
        close, before, after = _around(self, at // _HALF_DAY)
        return before if at < close else after

    def session_bounds(self, day: int) -> tuple[int, int]:
        """When the session of that day opens and closes, in nanoseconds UTC."""
        return _bounds(self, day)

    def is_session(self, day: int) -> bool:
        """Whether the market trades on that day."""
        days = self.days
        if self.weekends or (days is not None and day in days.extra):
            return True
        return _is_weekday(day) and (days is None or day not in days.closed)

    def sessions(self, first: int, last: int) -> list[int]:
        """The days from `first` to `last`, both included, on which the market trades."""
        return [day for day in range(first, last + 1) if self.is_session(day)]

    def hours(self, day: int) -> Hours:
        """Opening and close of that day, in nanoseconds after its local midnight."""
        days = self.days
        if days is None:
            return self.opens, self.closes
        if day in days.special:
            return days.special[day]
        _, opens, closes = days.usual[max(0, bisect_right(days.usual, (day, _NEVER, 0)) - 1)]
        return opens, closes

    def is_special(self, day: int) -> bool:
        """Whether that day's session opens or closes at another time than usual."""
        return self.days is not None and day in self.days.special

    def is_open(self, at: int) -> bool:
        """Whether the market trades at `at`."""
        opens, closes = _bounds(self, self.session_date(at))
        return opens <= at < closes

    def offset(self, at: int) -> int:
        """How far the market's clock is ahead of UTC at `at`, in nanoseconds."""
        return 0 if self.zone == "UTC" else _offset(self.zone, at // QUARTER)

    def unknown(self, first: int, last: int) -> str:
        """What there is to say of the days from `first` to `last`, where the calendar does not know them; else nothing."""
        days = self.days
        if days is None or (days.first <= first and last <= days.last):
            return ""
        return (
            f"calendar {self.name} knows the holidays from {as_date(days.first)} to {as_date(days.last)}; before and after, "
            "every weekday is taken to be a session"
        )


def as_date(day: int) -> date:
    """A day number as a date."""
    return _EPOCH + timedelta(days=day)


def day_of(when: date) -> int:
    """A date as a day number."""
    return (when - _EPOCH).days


def _is_weekday(day: int) -> bool:
    return (day + _EPOCH.weekday()) % 7 < _SATURDAY


@lru_cache(maxsize=65_536)
def _around(calendar: Calendar, half: int) -> tuple[int, int, int]:
    """The one close within a half day, if there is one, and the sessions that instants before and from it belong to."""
    begins = half * _HALF_DAY
    day = _session_from(calendar, (begins + calendar.offset(begins)) // DAY - 1)
    while _bounds(calendar, day)[1] <= begins:
        day = _session_from(calendar, day + 1)
    close = _bounds(calendar, day)[1]
    if close >= begins + _HALF_DAY:
        return _NEVER, day, day
    return close, day, _session_from(calendar, day + 1)


def _session_from(calendar: Calendar, day: int) -> int:
    """That day, or the first session after it."""
    while not calendar.is_session(day):
        day += 1
    return day


@lru_cache(maxsize=65_536)
def _bounds(calendar: Calendar, day: int) -> tuple[int, int]:
    opens, closes = calendar.hours(day)
    return _instant(calendar.zone, day, opens), _instant(calendar.zone, day, closes)


def _instant(zone: str, day: int, after_midnight: int) -> int:
    local = day * DAY + after_midnight
    return local - _local_offset(zone, local // QUARTER)


@lru_cache(maxsize=65_536)
def _offset(zone: str, quarter: int) -> int:
    moment = datetime.fromtimestamp(quarter * QUARTER // SECOND, UTC).astimezone(ZoneInfo(zone))
    return int((moment.utcoffset() or timedelta()).total_seconds()) * SECOND


@lru_cache(maxsize=65_536)
def _local_offset(zone: str, quarter: int) -> int:
    wall = datetime.fromtimestamp(quarter * QUARTER // SECOND, UTC).replace(tzinfo=ZoneInfo(zone))
    return int((wall.utcoffset() or timedelta()).total_seconds()) * SECOND


CALENDARS = {
    calendar.name: calendar
    for calendar in (
        Calendar("24/7", "UTC", 0, DAY, 365, weekends=True),
        Calendar("24/5", "America/New_York", -7 * HOUR, 17 * HOUR, 260, weekends=False),
    )
}
"""the calendars that have been asked for, by name, and those that are a rule alone"""


def get(name: str) -> Calendar:
    """The calendar of that name. Raises ConfigError that suggests the nearest."""
    found = CALENDARS.get(name)
    if found is not None:
        return found
    own = ALIASES.get(name, name)
    if own in TABLE:
        return CALENDARS.get(own) or install(own, TABLE[own])
    known = names()
    near = get_close_matches(str(name).upper(), (*known, *ALIASES), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? Known are" if near else "known are"
    raise ConfigError(f"calendar {name!r} is unknown; {hint} {', '.join(known)}.")


def names() -> tuple[str, ...]:
    """Of the calendars that need nothing installed, and of those that were put in."""
    return tuple(dict.fromkeys(("XNYS", "24/7", "24/5", *TABLE, *CALENDARS)))


def is_bundled(name: str) -> bool:
    """Whether the calendar is the same wherever this version runs."""
    return name in TABLE or name in ALIASES or name in ("24/7", "24/5")


def install(name: str, text: str) -> Calendar:
    """Know a calendar by its text, from here on."""
    calendar = CALENDARS[name] = parse(name, text)
    return calendar


def parse(name: str, text: str) -> Calendar:
    """The calendar that a text holds: zone; periods a year; first and last day; usual hours, in minutes; days.

    The days are weekdays without a session, sessions on weekends, and sessions of other hours, each list as its first day
    number and the distances from one to the next.
    """
    zone, periods, first, last, hours, closed, extra, special = text.split(";")
    usual = tuple(_since(part) for part in hours.split(","))
    days = Days(
        int(first),
        int(last),
        frozenset(_spread(closed)),
        frozenset(_spread(extra)),
        {day: _hours(part.split(":")[0]) for part in special.split(",") if part for day in _spread(part.split(":")[1])},
        usual,
    )
    _, opens, closes = usual[-1]
    return Calendar(name, zone, opens, closes, int(periods), weekends=False, days=days, text=text)


def _since(part: str) -> tuple[int, int, int]:
    day, hours = part.split(":")
    return (int(day), *_hours(hours))


def _hours(text: str) -> Hours:
    opens, closes = text.split("~")
    return int(opens) * MINUTE, int(closes) * MINUTE


def _spread(text: str) -> Iterator[int]:
    return accumulate(map(int, text.split()))


def written(
    zone: str,
    periods: int,
    usual: list[tuple[int, int, int]],
    sessions: list[tuple[int, int, int]],
) -> str:
    """The text of a calendar: `usual` hours since a day, and all sessions with their hours, in order; hours in minutes."""
    first, last = sessions[0][0], sessions[-1][0]
    there = {day for day, _, _ in sessions}
    closed = [day for day in range(first, last + 1) if _is_weekday(day) and day not in there]
    special: dict[str, list[int]] = {}
    for day, opens, closes in sessions:
        if (opens, closes) != usual[max(0, bisect_right(usual, (day, _NEVER, 0)) - 1)][1:]:
            special.setdefault(f"{opens}~{closes}", []).append(day)
    return ";".join(
        (
            zone,
            str(periods),
            str(first),
            str(last),
            ",".join(f"{day}:{opens}~{closes}" for day, opens, closes in usual),
            _distances(closed),
            _distances(sorted(day for day in there if not _is_weekday(day))),
            ",".join(f"{hours}:{_distances(days)}" for hours, days in sorted(special.items())),
        )
    )


def _distances(days: list[int]) -> str:
    return " ".join(map(str, (*days[:1], *(b - a for a, b in pairwise(days)))))
