"""Sessions of the named calendars, by hand, across weekends and changes of clock."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from onepath.calendars import CALENDARS, DAY, get
from onepath.errors import ConfigError


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("at", "session"),
    [
        ("2024-01-05T14:30", "2024-01-05"),  # Friday's open in winter
        ("2024-01-05T20:59", "2024-01-05"),
        ("2024-01-05T21:00", "2024-01-08"),  # Friday's close: Monday's session
        ("2024-01-06T12:00", "2024-01-08"),
        ("2024-07-05T19:59", "2024-07-05"),  # summer time: the close is 20:00 UTC
        ("2024-07-05T20:00", "2024-07-08"),
        ("1965-03-03T12:00", "1965-03-03"),  # before the epoch
    ],
)
def test_new_york_sessions(at: str, session: str) -> None:
    """An instant belongs to the New York session that has not closed yet; after Friday's close that is Monday's."""
    assert get("XNYS").session_date(ns(at)) == day(session)


@pytest.mark.parametrize(
    ("at", "session", "is_open"),
    [
        ("2024-01-07T21:59", "2024-01-08", False),  # Sunday 16:59 New York
        ("2024-01-07T22:00", "2024-01-08", True),
        ("2024-01-08T21:59", "2024-01-08", True),
        ("2024-01-08T22:00", "2024-01-09", True),
        ("2024-01-12T22:00", "2024-01-15", False),  # Friday 17:00: the week is over
        ("2024-07-07T21:00", "2024-07-08", True),  # an hour earlier in summer
    ],
)
def test_currency_sessions(at: str, session: str, is_open: bool) -> None:
    """The currency day rolls at 17:00 New York, and the week runs from Sunday to Friday."""
    assert get("24/5").session_date(ns(at)) == day(session)
    assert get("24/5").is_open(ns(at)) is is_open


def test_every_hour_of_the_week() -> None:
    """A market that never closes has the UTC day as its session."""
    assert get("24/7").session_date(ns("2024-01-06T23:59")) == day("2024-01-06")
    assert get("24/7").session_bounds(day("2024-01-06")) == (ns("2024-01-06T00:00"), ns("2024-01-07T00:00"))


def test_bounds_follow_the_clock_of_the_market() -> None:
    """A New York session is 09:30 to 16:00 there: 14:30 UTC in winter, 13:30 in summer."""
    assert get("XNYS").session_bounds(day("2024-01-05")) == (ns("2024-01-05T14:30"), ns("2024-01-05T21:00"))
    assert get("XNYS").session_bounds(day("2024-07-05")) == (ns("2024-07-05T13:30"), ns("2024-07-05T20:00"))


def test_is_open_ends_at_the_close() -> None:
    """The open is inside, the close is not."""
    xnys = get("XNYS")
    assert xnys.is_open(ns("2024-01-05T14:30"))
    assert not xnys.is_open(ns("2024-01-05T14:29:59"))
    assert not xnys.is_open(ns("2024-01-05T21:00"))
    assert not xnys.is_open(ns("2024-01-06T15:00"))


@pytest.mark.parametrize("name", sorted(CALENDARS))
def test_session_dates_grow_and_agree_with_bounds(name: str) -> None:
    """Session dates never go back, and each instant of a session names that session."""
    calendar = get(name)
    seen = [calendar.session_date(ns("2024-03-01T00:00") + hour * DAY // 24) for hour in range(24 * 30)]
    assert seen == sorted(seen)
    for number in sorted(set(seen)):
        start, at = calendar.session_bounds(number)
        assert calendar.session_date(start) == calendar.session_date(at - 1) == number
        assert calendar.session_date(at) > number


def test_unknown_name_suggests_the_nearest() -> None:
    """A misspelt calendar is an error that names the one meant."""
    with pytest.raises(ConfigError, match=r"'XNYSE' is unknown; did you mean 'XNYS'"):
        get("XNYSE")
