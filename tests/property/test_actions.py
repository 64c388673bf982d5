"""Corporate actions on any holding: nothing is won or lost by them, and the venue's independent books agree."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from onepath.actions import (
    CashDividend,
    CorporateAction,
    Delisting,
    Merger,
    SpinOff,
    Split,
    StockDividend,
    SymbolChange,
    ratio_of,
)
from onepath.adjustments import act
from onepath.events import Fill
from onepath.instruments import Instrument
from onepath.ledger import EXACT, Ledger
from onepath.simulator.actions import settle

D = Decimal
PRICES = st.decimals("0.01", "5000", places=2)
RATIOS = st.sampled_from([D(2), D(7), D("1.5"), D("0.05"), D("0.25"), D(1) / D(3), D("1.05")])
HELD = st.integers(-1000, 1000).map(D)


@st.composite
def actions(draw: st.DrawFn, price: Decimal) -> CorporateAction:
    """Any action of OLD, whose last price is `price`."""
    ratio, other = draw(RATIOS), draw(PRICES)
    share, part = draw(st.decimals("0", "1", places=3)), draw(st.decimals("0", "1", places=3))
    made: list[CorporateAction] = [
        Split("OLD", 1, ratio, price=price),
        StockDividend("OLD", 1, ratio, price=price),
        CashDividend("OLD", 1, price * part, price=price),
        SpinOff("OLD", 1, "NEW", ratio, share, draw(st.sampled_from([None, other])), price),
        Merger("OLD", 1, "NEW", ratio, price * part, draw(st.sampled_from([None, other])), price),
        Merger("OLD", 1, cash=other, price=price),
        SymbolChange("OLD", 1, "NEW", price),
        Delisting("OLD", 1, price),
    ]
    return draw(st.sampled_from(made))


@given(st.data(), HELD, HELD, PRICES, PRICES, st.sampled_from(["1", "0.00000001", "100"]))
def test_nothing_is_won_or_lost(
    data: st.DataObject, old: Decimal, new: Decimal, bought: Decimal, price: Decimal, lot: str
) -> None:
    """Venue and ledger hold the same units and cash to the last digit; capital + realised + income is cash + cost of what is
    held; and a split, stock dividend, change of name or delisting at the last price leaves equity as it was, but for the
    rounding of a fraction's price at the twelfth decimal."""
    instruments = {s: Instrument(symbol=s, lot_size=D(lot)) for s in ("OLD", "NEW")}
    action = data.draw(actions(price))
    ledger = Ledger("s", D(10_000), instruments, count(1))
    with localcontext(EXACT):
        for symbol, quantity in (("OLD", old), ("NEW", new)):
            if quantity:
                ledger.apply(_fill(symbol, quantity, bought))
        theirs = {s: p.quantity for s, p in ledger.positions.items()}
        before = ledger.cash + sum(theirs.values()) * price
        cash = ledger.cash + settle(theirs, action, instruments)
        act(ledger, action, instruments)
        assert {s: p.quantity for s, p in ledger.positions.items()} == theirs
        assert ledger.cash == cash
        cost = sum((p.cost for p in ledger.positions.values()), D(0))
        assert ledger.capital + ledger.realised + ledger.flows == ledger.cash + cost
        if isinstance(action, Split | StockDividend | SymbolChange | Delisting):
            ratio = ratio_of(action) or D(1)
            after = ledger.cash + theirs.get("OLD", 0) * price / ratio + theirs.get("NEW", 0) * price
            assert abs(after - before) < D("1e-11")


def _fill(symbol: str, quantity: Decimal, price: Decimal) -> Fill:
    return Fill(
        id=1,
        order_id=1,
        strategy="s",
        symbol=symbol,
        quantity=quantity,
        price=price,
        fee=D(0),
        slippage=D(0),
        executed_at=0,
        remaining=D(0),
    )
