"""Trading calendars by name: those that come with onepath, and any other of the package exchange_calendars.

Rules: what comes with onepath is never looked up elsewhere. Of another calendar the sessions are read once, as far as the
package knows them (1990 to ten years from its last session), and put in as text; the text goes into the manifest of a
session, so that it runs again without the package, and a calendar that has changed since is noticed.
Cost: reading one takes 1.5 s, nearly all of it to import the package and pandas.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any

from onepath import calendars
from onepath.calendars import Calendar
from onepath.errors import ConfigError
from onepath.ports import Feed

SINCE = "1990-01-01"
UNTIL = "2035-12-31"
_MEASURED = ("2010-01-01", "2024-12-31")


def get(name: str) -> Calendar:
    """The calendar of that name, wherever it comes from. Raises ConfigError."""
    try:
        return calendars.get(name)
    except ConfigError as unknown:
        if not isinstance(name, str):
            raise
        text = of_package(name, str(unknown))
    return calendars.install(name, text)


def of_package(name: str, otherwise: str = "", since: str = SINCE) -> str:
    """The text of a calendar of exchange_calendars. Raises ConfigError, `otherwise`, where there is none."""
    try:
        from exchange_calendars import get_calendar
        from exchange_calendars.errors import InvalidCalendarName
    except ImportError:
        raise ConfigError(
            f"{otherwise} More of them need exchange_calendars: pip install 'onepath[calendars]'."
        ) from None
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package uses what pandas will take away; that is between the two
        try:
            lowest, highest = get_calendar(name).bound_min(), get_calendar(name).bound_max()
            start, end = pd.Timestamp(since), pd.Timestamp(UNTIL)
            return _text(get_calendar(name, start=max(start, lowest or start), end=min(end, highest or end)))
        except InvalidCalendarName:
            raise ConfigError(f"{otherwise} exchange_calendars has none of that name either.") from None
        except (ValueError, NotImplementedError) as error:
            told = str(error)[:80].replace("\n", " ")
            raise ConfigError(f"calendar {name} cannot be made by exchange_calendars ({told}).") from None


def _text(found: Any) -> str:
    import pandas as pd

    days = found.sessions
    sessions = list(
        zip(
            ((days - pd.Timestamp(0)) // pd.Timedelta(days=1)).tolist(),
            _minutes(found.opens, days, found.tz),
            _minutes(found.closes, days, found.tz),
            strict=True,
        )
    )
    if any(b[2] + 1_440 * (b[0] - a[0]) - a[2] <= 720 for a, b in pairwise(sessions)):
        raise ConfigError(f"calendar {found.name} has two closes within twelve hours, which onepath cannot hold.")
    year = slice(*days.slice_locs(*map(pd.Timestamp, _MEASURED)))
    periods = round(len(days[year]) / 15) if len(days[year]) > 3_000 else 252
    return calendars.written(str(found.tz), periods, _usual(found, sessions[0][0]), sessions)


def _minutes(times: Any, days: Any, zone: Any) -> list[int]:
    """Minutes after each day's local midnight, as the clock on the wall shows them."""
    import pandas as pd

    wall = times.dt.tz_convert(zone).dt.tz_localize(None)
    found: list[int] = ((wall - days) // pd.Timedelta(minutes=1)).tolist()
    return found


def _usual(found: Any, first: int) -> list[tuple[int, int, int]]:
    """The usual hours since each day on which they changed."""
    changes = sorted({_since(since, first) for since, _ in (*found.open_times, *found.close_times)})
    return [
        (
            day,
            _at(found.open_times, day, first) + 1_440 * found.open_offset,
            _at(found.close_times, day, first) + 1_440 * found.close_offset,
        )
        for day in changes
    ]


def _since(since: Any, first: int) -> int:
    return first if since is None else max(first, since.toordinal() - 719_163)


def _at(times: Any, day: int, first: int) -> int:
    time = [time for since, time in times if _since(since, first) <= day][-1]
    return int(time.hour * 60 + time.minute)


def noted(names: Iterable[str]) -> dict[str, str]:
    """The texts of those calendars that do not come with onepath, for a manifest."""
    return {name: get(name).text for name in sorted(set(names)) if not calendars.is_bundled(name)}


def doubts(feed: Feed) -> list[str]:
    """What the calendars of a feed's instruments do not know of its time."""
    found = feed.describe()
    first, last = found.get("first_at"), found.get("last_at")
    if first is None or last is None:
        return []
    names = dict.fromkeys(instrument.calendar for instrument in feed.instruments.values())
    return [
        said for name in names if (said := get(name).unknown(int(first) // calendars.DAY, int(last) // calendars.DAY))
    ]


def put_back(texts: Mapping[str, str]) -> None:
    """Know the calendars of a manifest again. Raises ConfigError where one is another here."""
    for name, text in texts.items():
        try:
            here = get(name)
        except ConfigError:
            calendars.install(name, text)
            continue
        if here.text != text:
            before, now = (sha256(t.encode()).hexdigest()[:12] for t in (text, here.text))
            raise ConfigError(
                f"calendar {name} is not that of the session any more (sessions {now}, then {before}): another version of "
                "exchange_calendars is installed; install the one of then."
            )
