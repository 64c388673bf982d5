"""When a market trades: session dates, daily bounds, periods a year. What DAY orders, daily bars and annualisation ask.

Rules: a session date is a count of days since 1970-01-01. An instant belongs to the session that has not ended yet,
`[previous close, close)`: at Friday's close the next session, Monday's, begins. An order sent at a daily bar's close
therefore lives through the next day. To ask for the session of a bar, ask with its `start`.
Limits: no holidays and no early closes yet (they come with the calendar package); weekends are known. Closing times
and changes of clock fall on whole quarters of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo

from onepath.errors import ConfigError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
QUARTER = 15 * MINUTE

_EPOCH = date(1970, 1, 1)
_SATURDAY = 5


@dataclass(frozen=True)
class Calendar:
    """The sessions of one market; `opens` and `closes` are nanoseconds after the session date's local midnight.

    A session that begins the evening before has a negative `opens`.
    """

    name: str
    zone: str
    opens: int
    closes: int
    periods_per_year: int
    weekends: bool

    def session_date(self, at: int) -> int:
        """The day number of the session that `at` falls in; grows with `at`. About 0.1 us when asked again."""
        return at // DAY if self.weekends else _session_date(self.zone, self.closes, at // QUARTER)

    def session_bounds(self, day: int) -> tuple[int, int]:
        """When the session of that day opens and closes, in nanoseconds UTC."""
        return self._instant(day, self.opens), self._instant(day, self.closes)

    def is_open(self, at: int) -> bool:
        """Whether the market trades at `at`."""
        opens, closes = self.session_bounds(self.session_date(at))
        return opens <= at < closes

    def offset(self, at: int) -> int:
        """How far the market's clock is ahead of UTC at `at`, in nanoseconds."""
        return 0 if self.zone == "UTC" else _offset(self.zone, at // QUARTER)

    def _instant(self, day: int, after_midnight: int) -> int:
        local = day * DAY + after_midnight
        return local - _local_offset(self.zone, local // QUARTER)


@lru_cache(maxsize=65_536)
def _offset(zone: str, quarter: int) -> int:
    moment = datetime.fromtimestamp(quarter * QUARTER // SECOND, UTC).astimezone(ZoneInfo(zone))
    return int((moment.utcoffset() or timedelta()).total_seconds()) * SECOND


@lru_cache(maxsize=65_536)
def _local_offset(zone: str, quarter: int) -> int:
    wall = datetime.fromtimestamp(quarter * QUARTER // SECOND, UTC).replace(tzinfo=ZoneInfo(zone))
    return int((wall.utcoffset() or timedelta()).total_seconds()) * SECOND


@lru_cache(maxsize=65_536)
def _session_date(zone: str, closes: int, quarter: int) -> int:
    day = (quarter * QUARTER + _offset(zone, quarter) - closes) // DAY + 1
    weekday = (day + _EPOCH.weekday()) % 7
    return day + max(0, 7 - weekday) if weekday >= _SATURDAY else day


CALENDARS = {
    calendar.name: calendar
    for calendar in (
        Calendar("XNYS", "America/New_York", 9 * HOUR + 30 * MINUTE, 16 * HOUR, 252, weekends=False),
        Calendar("24/7", "UTC", 0, DAY, 365, weekends=True),
        Calendar("24/5", "America/New_York", -7 * HOUR, 17 * HOUR, 260, weekends=False),
    )
}


def get(name: str) -> Calendar:
    """The calendar of that name. Raises ConfigError that suggests the nearest."""
    try:
        return CALENDARS[name]
    except KeyError:
        near = get_close_matches(str(name).upper(), CALENDARS, n=1, cutoff=0.4)
        known = ", ".join(CALENDARS)
        hint = f"did you mean {near[0]!r}? Known are {known}" if near else f"known are {known}"
        raise ConfigError(f"calendar {name!r} is unknown; {hint}.") from None
