"""Every order meets every kind of data, as tables (see scenario.py for how to read them)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Play = Callable[[str], Any]


def check(play: Play, line: str) -> None:
    result = play(line)
    assert result.happened == result.case.happens
    assert result.outcome.status == "completed"


def test_quotes(play: Play, line: str) -> None:
    """Orders take the quote they arrive at, rest at their own price, and get a displayed size once."""
    check(play, line)


def test_trades(play: Play, line: str) -> None:
    """Where public trades are all there is, orders meet the next one, and at most their share of it."""
    check(play, line)


def test_book(play: Play, line: str) -> None:
    """Orders sweep a book's levels, best first; what was taken is gone until the venue speaks of the level again."""
    check(play, line)


def test_auctions(play: Play, line: str) -> None:
    """Orders at the open and at the close have the auction's price, once; what it does not take expires."""
    check(play, line)


def test_queues(play: Play, line: str) -> None:
    """A resting order stands in line at its price as its queue model says; what goes beyond its price fills it."""
    check(play, line)


def test_trailing(play: Play, line: str) -> None:
    """A trailing stop on bars keeps its distance from the best price known before the trigger."""
    check(play, line)


def test_flags(play: Play, line: str) -> None:
    """IOC, FOK and GTD end when they must; post-only never takes; reduce-only never opens."""
    check(play, line)


def test_brackets(play: Play, line: str) -> None:
    """Children take part as far as their parent has filled and end with it; what fills of one is taken off the others."""
    check(play, line)


def test_changes(play: Play, line: str) -> None:
    """A cancel and a replace act when they arrive, on what the order is then; what came first stays."""
    check(play, line)


def test_delays(play: Play, line: str) -> None:
    """An order acts when it has arrived; the strategy hears of it when the report has; faults are answered like anything."""
    check(play, line)


def test_beside(play: Play, line: str) -> None:
    """Of several kinds of data the finest is the market; bars beside ticks are for looking at."""
    check(play, line)


def test_moments(play: Play, line: str) -> None:
    """Events of one moment are met one after the other; what arrives inside a bar leaves the order the bar's open alone."""
    check(play, line)


def test_prices(play: Play, line: str) -> None:
    """A price that is touched, jumped over or gone through, on both sides, fills as the rules of its kind of data say."""
    check(play, line)


def test_times(play: Play, line: str) -> None:
    """Times in force and flags mean the same on every kind of data and on both sides."""
    check(play, line)


def test_families(play: Play, line: str) -> None:
    """Brackets, one cancels other and one triggers other work short as long, whole as in parts, on every kind of data."""
    check(play, line)


def test_races(play: Play, line: str) -> None:
    """What the market did before a message arrived stays; what it does afterwards meets the order as it is then."""
    check(play, line)
