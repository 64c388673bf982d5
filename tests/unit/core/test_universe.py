"""Membership point in time: from the opening of the day on which it changes, by what was traded before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from onepath.actions import CashDividend, Split
from onepath.calendars import DAY, HOUR, day_of, get
from onepath.market import Bar, Quote, Trade
from onepath.universe import Members, Spell, Traded, Universe, lacking, session_begun

BEGIN = day_of(date(2024, 1, 8))  # a Monday


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def day(text: str) -> int:
    return day_of(date.fromisoformat(text))


THREE = Universe(
    (
        Spell("B", day("2024-01-09")),
        Spell("A", None, day("2024-01-10")),
        Spell("C"),
        Spell("A", day("2024-01-16")),
    ),
    calendar="XNYS",
)


def bar(symbol: str, number: int, close: float, volume: float) -> Bar:
    """A daily bar of a market that never closes, so many days after the first Monday."""
    start = (BEGIN + number) * DAY
    return Bar(symbol, start, start + DAY, close, close, close, close, volume)


def test_members_of_a_day_are_in_the_order_of_the_file() -> None:
    """By hand: A until the 9th and again from the 16th, B from the 9th, C always."""
    found = {d: THREE.members(day(f"2024-01-{d:02d}")) for d in (8, 9, 10, 15, 16)}
    assert found == {8: ("A", "C"), 9: ("B", "A", "C"), 10: ("B", "C"), 15: ("B", "C"), 16: ("B", "C", "A")}
    assert THREE.ever(day("2024-01-10"), day("2024-01-15")) == ("B", "C")
    assert THREE.ever(day("2024-01-09"), day("2024-01-09")) == ("B", "A", "C")
    assert THREE.changes() == [day("2024-01-09"), day("2024-01-10"), day("2024-01-16")]
    assert [str(spell) for spell in THREE.spells] == ["B from 2024-01-09", "A to 2024-01-10", "C", "A from 2024-01-16"]
    assert lacking(THREE, ("A", "B"), 0, 30_000) == ["C"]


@pytest.mark.parametrize(
    ("at", "members"),
    [
        ("2024-01-08T14:30", "AC"),
        ("2024-01-08T21:00", "AC"),  # Monday's close: Tuesday has not begun
        ("2024-01-09T14:29:59", "AC"),
        ("2024-01-09T14:30", "BAC"),  # Tuesday's opening
        ("2024-01-10T14:29", "BAC"),
        ("2024-01-10T14:30", "BC"),
        ("2024-01-13T12:00", "BC"),  # a Saturday
        ("2024-01-15T15:00", "BC"),  # Martin Luther King's day
        ("2024-01-16T14:29", "BC"),
        ("2024-01-16T14:30", "BCA"),
    ],
)
def test_a_change_is_seen_from_the_opening_of_its_day(at: str, members: str) -> None:
    """Before the opening of the date the members are those of the session before, whatever was asked earlier."""
    fresh, used = Members(THREE, "ABC"), Members(THREE, "ABC")
    used.at(ns("2024-01-08T15:00"))
    assert "".join(fresh.at(ns(at))) == "".join(used.at(ns(at))) == members


def test_a_change_on_a_holiday_is_seen_at_the_next_opening() -> None:
    """A member from Monday, a holiday, is one from Tuesday's opening on; one that leaves on a Saturday is gone on Monday."""
    monday = Universe((Spell("A", day("2024-01-15")), Spell("B", None, day("2024-01-20"))), calendar="XNYS")
    assert Members(monday, "AB").at(ns("2024-01-15T20:00")) == ("B",)
    assert Members(monday, "AB").at(ns("2024-01-16T14:30")) == ("A", "B")
    assert Members(monday, "AB").at(ns("2024-01-22T14:29")) == ("A", "B")
    assert Members(monday, "AB").at(ns("2024-01-22T14:30")) == ("A",)


def test_the_session_that_has_begun() -> None:
    """By hand: between Friday's close and Tuesday's opening it is Friday's."""
    friday, tuesday = day("2024-01-12"), day("2024-01-16")
    opening = get("XNYS").session_bounds(tuesday)[0]
    for at in ("2024-01-12T14:30", "2024-01-12T20:00", "2024-01-12T21:00", "2024-01-14T00:00", "2024-01-16T14:29"):
        assert session_begun(get("XNYS"), ns(at)) == (friday, opening)
    assert session_begun(get("24/7"), ns("2024-01-14T05:00")) == (day("2024-01-14"), ns("2024-01-15T00:00"))


def test_only_symbols_of_the_strategy_are_members() -> None:
    """A strategy of two symbols sees those of them that are members."""
    assert Members(THREE, ("A", "B")).at(ns("2024-01-09T15:00")) == ("B", "A")


def liquid(**terms: float) -> Members:
    """Three symbols, always members, that must have traded."""
    traded = Traded(**{"days": 2, **terms})  # type: ignore[arg-type]
    return Members(Universe((Spell("A"), Spell("B"), Spell("C")), traded=traded, calendar="24/7"), "ABC")


def test_what_was_traded_counts_from_the_next_session_on() -> None:
    """Two sessions are averaged, and none of them is the present one. A: 10 x 100 = 1,000 and 2,000, B: 5 x 300 = 1,500 twice.

    Least 1,500: after two days both have it exactly; a day of 4 x 100 = 400 takes A to 1,200.
    """
    members = liquid(min_dollar_volume=1_500)
    seen = []
    for number, of_a in enumerate((100, 200, 40, 500)):
        members.hear(bar("A", number, 10.0, of_a), None)
        members.hear(bar("B", number, 5.0, 300), None)
        # Just before the day ends, and at its end, which is the opening of the next.
        seen.append([members.at((BEGIN + number + 1) * DAY - HOUR), members.at((BEGIN + number + 1) * DAY)])
    assert seen == [[(), ()], [(), ("A", "B")], [("A", "B"), ("B",)], [("B",), ("A", "B")]]


def test_the_present_session_does_not_count() -> None:
    """A bar of an hour with a thousand times the volume changes nothing on its day."""
    members = liquid(days=1, min_dollar_volume=1_000)
    members.hear(bar("A", 0, 10.0, 100), None)
    start = (BEGIN + 1) * DAY
    assert members.at(start) == ("A",)
    members.hear(Bar("B", start, start + HOUR, 10, 10, 10, 10, 1e6), None)
    assert members.at(start + HOUR) == ("A",)
    assert members.at(start + DAY) == ("B",)  # A has not traded on that day


def test_the_top_are_in_the_order_of_the_file() -> None:
    """Of 1,000, 3,000 and 2,000 the two highest are B and C; of equals the first in the file is taken."""
    members = liquid(days=1, top=2)
    for symbol, volume in (("C", 200.0), ("B", 300.0), ("A", 100.0)):
        members.hear(bar(symbol, 0, 10.0, volume), None)
    assert members.at((BEGIN + 1) * DAY) == ("B", "C")
    equal = liquid(days=1, top=2)
    for symbol in "CBA":
        equal.hear(bar(symbol, 0, 10.0, 100.0), None)
    assert equal.at((BEGIN + 1) * DAY) == ("A", "B")


def test_the_least_price_is_of_the_last_close_before() -> None:
    """A closes at 4 and then at 6; a split two for one makes 3 of it. Dividends leave it."""
    members = liquid(days=1, min_price=5)
    members.hear(bar("A", 0, 4.0, 100), None)
    members.hear(bar("B", 0, 6.0, 100), None)
    assert members.at((BEGIN + 1) * DAY) == ("B",)
    members.hear(bar("A", 1, 6.0, 100), None)
    members.hear(bar("B", 1, 6.0, 100), None)
    members.act(Split("B", (BEGIN + 2) * DAY, Decimal(2)))
    members.act(CashDividend("A", (BEGIN + 2) * DAY, Decimal(5)))
    assert members.at((BEGIN + 2) * DAY) == ("A",)


def test_who_has_not_been_seen_long_enough_is_no_member() -> None:
    """Three sessions are averaged: whose first bar is of the second day is no member until the fifth."""
    members = liquid(days=3)
    found = []
    for number in range(6):
        members.hear(bar("A", number, 10.0, 100), None)
        if number:
            members.hear(bar("B", number, 10.0, 100), None)
        found.append("".join(members.at((BEGIN + number + 1) * DAY)))
    assert found == ["", "", "A", "AB", "AB", "AB"]


def test_days_without_a_trade_count_as_none() -> None:
    """1,000 traded on the first of four days: an average of 250 a day, and nothing once the day has left the window."""
    members = liquid(days=4, min_dollar_volume=250)
    members.hear(bar("A", 0, 10.0, 100), None)
    assert members.at((BEGIN + 4) * DAY) == ("A",)
    assert members.at((BEGIN + 5) * DAY) == ()


def test_trades_count_where_no_bars_come() -> None:
    """Trades of a symbol are summed over their session; beside bars they are in these already; quotes show none."""
    members = liquid(days=1, min_dollar_volume=1_000)
    at = BEGIN * DAY
    for number in range(4):
        members.hear(Trade("A", at + number, 10.0, 25.0, 1), None)  # 4 x 250
    members.hear(bar("B", 0, 9.0, 100), None)
    members.hear(Trade("B", at + 5, 10.0, 100.0, 1), None)
    members.hear(Quote("C", at + 5, 100.0, 101.0, 1e6, 1e6), None)
    assert members.at((BEGIN + 1) * DAY) == ("A",)


def test_terms_that_make_no_sense() -> None:
    """An average over no day is an error."""
    with pytest.raises(ValueError, match="days is 0"):
        Traded(days=0)
