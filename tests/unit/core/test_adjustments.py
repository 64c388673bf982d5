"""What corporate actions do to positions: figures by hand."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import count
from typing import Any

import pytest

from onepath.actions import (
    CashDividend,
    CorporateAction,
    Delisting,
    Merger,
    SpinOff,
    Split,
    StockDividend,
    SymbolChange,
)
from onepath.adjustments import act, remark
from onepath.events import Fill
from onepath.instruments import Instrument
from onepath.ledger import EXACT, Ledger
from onepath.market import MarketEvent, Trade, exact_mark
from onepath.simulator.actions import settle

D = Decimal
INSTRUMENTS = {s: Instrument(symbol=s, lot_size=D(1), tick_size=D("0.01")) for s in ("OLD", "NEW")}


def fill(symbol: str, quantity: str, price: str) -> Fill:
    return Fill(
        id=1,
        order_id=1,
        strategy="s",
        symbol=symbol,
        quantity=D(quantity),
        price=D(price),
        fee=D(0),
        slippage=D(0),
        executed_at=0,
        remaining=D(0),
    )


def books(*fills: tuple[str, str, str]) -> Ledger:
    ledger = Ledger("s", D(1000), INSTRUMENTS, count(1))
    with localcontext(EXACT):
        for one in fills:
            ledger.apply(fill(*one))
    return ledger


def after(ledger: Ledger, action: CorporateAction) -> tuple[Any, ...]:
    """Quantity and cost of OLD and NEW, cash, realised profit; the venue's independent books are compared on the way."""
    theirs = {s: p.quantity for s, p in ledger.positions.items()}
    with localcontext(EXACT):
        money = ledger.cash + settle(theirs, action, INSTRUMENTS)
        act(ledger, action, INSTRUMENTS)
    assert theirs == {s: p.quantity for s, p in ledger.positions.items()}
    assert money == ledger.cash
    held = {s: (p.quantity, p.cost) for s, p in ledger.positions.items()}
    return held.get("OLD"), held.get("NEW"), ledger.cash, ledger.realised


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        # 10 bought at 70 cost 700; 70 units now, at the same cost.
        (Split("OLD", 1, D(7)), ((70, 700), None, 300, 0)),
        # One for four: 2.5 units; half a unit is worth 4 x 80 / 2 = 160 and took a fifth of 700 = 140: profit 20.
        (Split("OLD", 1, D("0.25"), price=D(80)), ((2, 560), None, 460, 20)),
        # The fraction at a price that was announced: 0.5 x 300 = 150.
        (Split("OLD", 1, D("0.25"), D(300), D(80)), ((2, 560), None, 450, 10)),
        # Nobody knows a price: nothing is paid out, and the fraction stays.
        (Split("OLD", 1, D("0.25")), ((D("2.5"), 700), None, 300, 0)),
        # One for twenty of ten: half a unit, all of it paid: 0.5 x 20 x 80 = 800, profit 100.
        (Split("OLD", 1, D("0.05"), price=D(80)), (None, None, 1100, 100)),
        # Five per cent of ten is half a unit: 10.5; the half at 84 / 1.05 = 80 is 40, its cost 700 x 0.5 / 10.5.
        (
            StockDividend("OLD", 1, D("0.05"), price=D(84)),
            ((10, D("666.666666666667")), None, 340, D("6.666666666667")),
        ),
        # 10 x 1.50
        (CashDividend("OLD", 1, D("1.5")), ((10, 700), None, 315, 0)),
        # One new for four old, with a fifth of the cost (140): 2.5 units, the half paid at 60 = 30 for a fifth of 140 = 28.
        (SpinOff("OLD", 1, "NEW", D("0.25"), D("0.2"), D(60)), ((10, 560), (2, 112), 330, 2)),
        # All stock, two for one: the cost moves.
        (Merger("OLD", 1, "NEW", D(2)), (None, (20, 700), 300, 0)),
        # All cash, 90 each: 900 for a cost of 700.
        (Merger("OLD", 1, cash=D(90)), (None, None, 1200, 200)),
        # 20 cash and half a NEW for each, last price 80: the cash is a quarter, pays for 175 of the cost: profit 25.
        (Merger("OLD", 1, "NEW", D("0.5"), D(20), price=D(80)), (None, (5, 525), 500, 25)),
        (SymbolChange("OLD", 1, "NEW"), (None, (10, 700), 300, 0)),
        (Delisting("OLD", 1, D(65)), (None, None, 950, -50)),
        (Delisting("OLD", 1, D(0)), (None, None, 300, -700)),
    ],
)
def test_a_holding_of_ten_bought_at_seventy(action: CorporateAction, expected: tuple[Any, ...]) -> None:
    """Quantity, cost, cash and profit after each action, with 300 in cash before; the venue's books say the same."""
    assert after(books(("OLD", "10", "70")), action) == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        # Short pays: 1000 + 700 - 15.
        (CashDividend("OLD", 1, D("1.5")), ((-10, -700), None, 1685, 0)),
        # -2.5 units; the half is bought back at 320 = 160, it had brought 140: loss 20.
        (Split("OLD", 1, D("0.25"), price=D(80)), ((-2, -560), None, 1540, -20)),
        (Delisting("OLD", 1, D(0)), (None, None, 1700, 700)),
    ],
)
def test_shorts_are_the_mirror(action: CorporateAction, expected: tuple[Any, ...]) -> None:
    """A short of ten sold at 70: what a holder gets, it owes."""
    assert after(books(("OLD", "-10", "70")), action) == expected


def test_what_comes_is_added_to_what_is_there() -> None:
    """4 NEW at 50 and 10 OLD at 70 that become NEW one for one: 14 for 900."""
    assert after(books(("OLD", "10", "70"), ("NEW", "4", "50")), SymbolChange("OLD", 1, "NEW"))[1] == (14, 900)


def test_long_meets_short() -> None:
    """10 OLD at 70 become NEW, of which 4 were sold short at 90: 6 stay at 70 each, and 4 x 20 = 80 is profit."""
    ledger = books(("OLD", "10", "70"), ("NEW", "-4", "90"))
    assert after(ledger, SymbolChange("OLD", 1, "NEW")) == (None, (6, 420), 660, 80)


def test_who_holds_nothing_is_left_alone() -> None:
    """An action of a symbol that is not held does nothing and tells nothing."""
    ledger = books()
    assert act(ledger, Split("OLD", 1, D(2)), INSTRUMENTS) == []
    assert ledger.cash == 1000


def test_only_dividends_are_income() -> None:
    """Money for units is in realised profit; counting it as a flow too would count it twice."""
    ledger = books(("OLD", "10", "70"))
    with localcontext(EXACT):
        act(ledger, CashDividend("OLD", 1, D(2)), INSTRUMENTS)
        act(ledger, Delisting("OLD", 2, D(65)), INSTRUMENTS)
    assert (ledger.flows, ledger.realised, ledger.cash) == (D(20), D(-50), D(970))


@pytest.mark.parametrize(
    ("action", "marks"),
    [
        (Split("OLD", 1, D(4)), {"OLD": 20.0}),
        (StockDividend("OLD", 1, D("0.25")), {"OLD": 64.0}),
        (CashDividend("OLD", 1, D(5)), {"OLD": 75.0}),
        (SymbolChange("OLD", 1, "NEW"), {"NEW": 80.0}),
        # A quarter of the worth goes to half a unit each: 20 / 0.5.
        (SpinOff("OLD", 1, "NEW", D("0.5"), D("0.25")), {"OLD": 60.0, "NEW": 40.0}),
        (Merger("OLD", 1, "NEW", D("0.5"), D(20)), {"OLD": 80.0, "NEW": 120.0}),
    ],
)
def test_last_prices_are_restated(action: CorporateAction, marks: dict[str, float]) -> None:
    """A last price of 80, after the action: what is held stays worth the same until somebody trades."""
    found: dict[str, MarketEvent] = {"OLD": Trade("OLD", 0, 80.0, 1.0)}
    remark(found, action)
    assert {symbol: event.mark for symbol, event in found.items()} == marks


def test_what_comes_closes_what_is_there_to_the_last_unit() -> None:
    """Ten OLD, bought for 700, become ten NEW; ten NEW are short for 600: both are gone, and 100 is lost."""
    ledger = books(("OLD", "10", "70"), ("NEW", "-10", "60"))
    before = ledger.cash
    with localcontext(EXACT):
        act(ledger, Merger("OLD", 1, "NEW", D(1)), INSTRUMENTS)
    assert ledger.positions == {}
    assert (ledger.realised, ledger.cash) == (D(-100), before)


@pytest.mark.parametrize(
    ("price", "parent", "equity"),
    [
        # 10 OLD at 80.1 and 240 of cash are 1,041. Half a NEW of 30.2 each takes 15.1 off it: 10 x 65 + 5 x 30.2 + 240.
        (30.2, 65.0, 1041),
        # Half of 170 is more than OLD was worth: it has nothing left, not less.
        (170.0, 0.0, 1090),
    ],
)
def test_a_spin_off_that_trades_already(price: float, parent: float, equity: int) -> None:
    """Its own price stands and goes off its parent's: equity is the same just after as just before, to the last digit."""
    ledger = books(("OLD", "10", "76"))
    marks: dict[str, MarketEvent] = {"OLD": Trade("OLD", 0, 80.1, 0.0), "NEW": Trade("NEW", 0, price, 0.0)}
    action = SpinOff("OLD", 1, "NEW", D("0.5"), D("0.25"))
    with localcontext(EXACT):
        assert ledger.cash == 240
        act(ledger, action, INSTRUMENTS)
        remark(marks, action)
        worth = sum((p.quantity * exact_mark(marks[s]) for s, p in ledger.positions.items()), ledger.cash)
    assert {s: m.mark for s, m in marks.items()} == {"OLD": parent, "NEW": price}
    assert worth == equity


def test_the_price_of_who_takes_over_is_its_own() -> None:
    """NEW has a price of 30 already: a merger says nothing about it, and a merger for cash alone marks nobody."""
    for action in (Merger("OLD", 1, "NEW", D(2), D(10)), Merger("OLD", 1, cash=D(80))):
        marks: dict[str, MarketEvent] = {"OLD": Trade("OLD", 0, 80.0, 0.0), "NEW": Trade("NEW", 0, 30.0, 0.0)}
        remark(marks, action)
        assert {s: m.mark for s, m in marks.items() if s == "NEW"} == {"NEW": 30.0}
