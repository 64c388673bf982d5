"""Orders meet bars: every type, side and kind of bar, as tables (see scenario.py for how to read them)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Play = Callable[[str], Any]


def check(play: Play, line: str) -> None:
    result = play(line)
    assert result.happened == result.case.happens
    assert result.outcome.status == "completed"


def test_market(play: Play, line: str) -> None:
    """A market order trades at the next bar's open, whole, whatever the bar looks like."""
    check(play, line)


def test_limit(play: Play, line: str) -> None:
    """A limit trades at the open if that is no worse, else at its limit if the bar goes through it; never slipped."""
    check(play, line)


def test_stop(play: Play, line: str) -> None:
    """A stop trades at the open if the bar gaps over it, else at the stop, slipped like a market order."""
    check(play, line)


def test_stop_limit(play: Play, line: str) -> None:
    """A stop-limit waits for its stop, then trades as a limit."""
    check(play, line)


def test_slippage(play: Play, line: str) -> None:
    """Slippage moves the price against the order, onto the tick, and never out of the bar."""
    check(play, line)


def test_participation(play: Play, line: str) -> None:
    """All orders of a bar together take at most the share of its volume; the rest follows the time in force."""
    check(play, line)


def test_day(play: Play, line: str) -> None:
    """A DAY order ends with the first session it can trade in; GTC goes on."""
    check(play, line)


def test_latency(play: Play, line: str) -> None:
    """An order takes part from the first bar that starts at or after its arrival."""
    check(play, line)


def test_two_exits(play: Play, line: str) -> None:
    """Of two exits in one bar the worse is taken and the other cancelled, unless the open tells the path."""
    check(play, line)


def test_cash(play: Play, line: str) -> None:
    """Without leverage a buy takes what cash can pay, fees included, and the rest is cancelled."""
    check(play, line)


def test_cancel(play: Play, line: str) -> None:
    """A cancel ends what is still open and is nothing to an order that has filled."""
    check(play, line)


def test_slippage_is_money(play: Play) -> None:
    """A fill says what slippage cost: 10 units x 0.101 x multiplier 5 = 5.05, and the open when it was made."""
    (fill,) = play("x | 0 | 100 101/103/99/102 | 1: buy 10 | | slip 10; multiplier 5").fills
    assert fill.slippage == Decimal("5.05")
    assert fill.price == Decimal("101.101")


def test_time_of_a_fill(play: Play) -> None:
    """A fill at the open is executed as the bar starts; one inside the bar, when nobody knows, by its end."""
    (at_open,) = play("x | 0 | 100 101/103/99/102 | 1: buy 10 | ").fills
    (inside,) = play("x | 0 | 100 101/103/98/102 | 1: buy 10 limit 99 | ").fills
    assert inside.executed_at - at_open.executed_at == 60_000_000_000


def test_first_order_meets_a_bar_nobody_traded_in(play: Play) -> None:
    """A bar without volume gives nothing, of a symbol whose bars so far had volume, whatever was ordered before."""
    check(play, "x | 0 | 100*1000 101*0 102*1000 | 1: buy 10 | 3: +10 @ 102 | part 0.1")


BRACKETS = [
    "buy, its stop hit inside  | 0 | 100 101/102/94/96 | 1: buy 10; 1: sell 10 stop 95 | 2: #1 +10 @ 101; #2 -10 @ 95",
    "buy, opens under its stop | 0 | 100 94/96/93/95 | 1: buy 10; 1: sell 10 stop 95 | 2: #1 +10 @ 94; #2 -10 @ 94",
    "short, opens over its stop | 0 | 100 106/107/105/106 | 1: short 10; 1: cover 10 stop 105 "
    "| 2: #1 -10 @ 106; #2 +10 @ 106",
    "buy and sell what is on its way | 0 | 100 101 | 1: buy 10; 1: sell 10 | 2: #1 +10 @ 101; #2 -10 @ 101",
]


@pytest.mark.parametrize("row", BRACKETS)
def test_bracket(play: Play, row: str) -> None:
    """An exit sent with its entry protects it in the entry's own bar, also where that opens beyond the stop."""
    check(play, row)


def test_bracket_around_more_of_what_is_held(play: Play) -> None:
    """Five are held, five more bought, a stop for all ten sent along; opened under the stop, nothing stays unguarded."""
    result = play("x | 5 | 100 94/96/93/95 | 1: buy 5; 1: sell 10 stop 95 | ")
    assert sum(fill.quantity for fill in result.fills) == -5
