"""Books balance to the last digit after any sequence of fills. The other side of each equation is kept in fractions."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath.blotter import Blotter
from onepath.errors import TransitionError
from onepath.events import Fill
from onepath.instruments import Instrument
from onepath.ledger import EXACT, Ledger
from onepath.market import Trade
from onepath.orders import Order, OrderType, Side, TimeInForce
from onepath.portfolio import Portfolio

MULTIPLIERS = {"A": Decimal(1), "B": Decimal(50), "C": Decimal("0.001")}
INSTRUMENTS = {s: Instrument(symbol=s, multiplier=m) for s, m in MULTIPLIERS.items()}


def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), Decimal(most), places=places, allow_nan=False, allow_infinity=False)


quantities = st.one_of(
    st.sampled_from([Decimal(1), Decimal(-1), Decimal(3), Decimal(-3)]),
    decimals("-1000", "1000", 8).filter(bool),
)
deals = st.tuples(st.sampled_from("ABC"), quantities, decimals("0.000001", "99999", 12), decimals("0", "20", 10))


def fill(number: int, symbol: str, quantity: Decimal, price: Decimal, fee: Decimal) -> Fill:
    return Fill(
        id=number,
        order_id=number,
        strategy="s",
        symbol=symbol,
        quantity=quantity,
        price=price,
        fee=fee,
        slippage=Decimal(0),
        executed_at=number,
        remaining=Decimal(0),
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(deals, max_size=30), st.lists(st.floats(0.01, 1e5), min_size=3, max_size=3))
def test_books_balance_after_every_fill(made: list[tuple[str, Decimal, Decimal, Decimal]], prices: list[float]) -> None:
    """Cash + positions = equity, and capital + realised + unrealised - fees = equity, with nothing lost to rounding."""
    with localcontext(EXACT):
        ledger = Ledger("s", Decimal(100_000), INSTRUMENTS, count(1))
        marks = {s: Trade(s, 0, p, 1.0) for s, p in zip("ABC", prices, strict=True)}
        portfolio = Portfolio(ledger, marks, Decimal(1))
        cash, fees, realised = Fraction(100_000), Fraction(0), Fraction(0)
        held = dict.fromkeys("ABC", Fraction(0))
        for number, (symbol, quantity, price, fee) in enumerate(made, start=1):
            event = ledger.apply(fill(number, symbol, quantity, price, fee))
            cash -= Fraction(quantity) * Fraction(price) * Fraction(MULTIPLIERS[symbol]) + Fraction(fee)
            fees += Fraction(fee)
            held[symbol] += Fraction(quantity)
            realised += Fraction(event.realised)
            worth = sum(
                held[s] * Fraction(repr(p)) * Fraction(MULTIPLIERS[s]) for s, p in zip("ABC", prices, strict=True)
            )
            assert Fraction(portfolio.cash) == cash
            assert {s: Fraction(p.quantity) for s, p in portfolio.positions.items()} == {
                s: q for s, q in held.items() if q
            }
            assert Fraction(portfolio.equity) == cash + worth
            assert Fraction(portfolio.realised_pnl) == realised
            assert 100_000 + realised + Fraction(portfolio.unrealised_pnl) - fees == cash + worth
            assert event.quantity == portfolio.quantity(symbol)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 500),
    decimals("0.01", "9999", 4),
    st.lists(st.tuples(st.integers(1, 500), decimals("0.01", "9999", 4)), min_size=1, max_size=8),
)
def test_a_round_trip_realises_what_it_earned(size: int, entry: Decimal, exits: list[tuple[int, Decimal]]) -> None:
    """However a position is taken apart, the realised profit is what the sales brought less what the purchase cost."""
    with localcontext(EXACT):
        ledger = Ledger("s", Decimal(100_000), INSTRUMENTS, count(1))
        ledger.apply(fill(1, "A", Decimal(size), entry, Decimal(0)))
        left, brought = size, Fraction(0)
        for number, (part, price) in enumerate(exits, start=2):
            part = min(part, left)  # noqa: PLW2901 - never more than is there
            if part:
                ledger.apply(fill(number, "A", Decimal(-part), price, Decimal(0)))
                brought += part * Fraction(price)
                left -= part
        if left:
            ledger.apply(fill(99, "A", Decimal(-left), entry, Decimal(0)))
            brought += left * Fraction(entry)
        assert ledger.positions == {}
        assert Fraction(ledger.realised) == brought - size * Fraction(entry)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20), st.lists(st.integers(1, 12), min_size=1, max_size=8), st.booleans())
def test_no_venue_can_fill_more_than_was_ordered(ordered: int, parts: list[int], honest: bool) -> None:
    """Fills that add up to more than the order, or whose rest does not add up, are refused and change nothing."""
    blotter = Blotter()
    blotter.add(
        Order(
            id=1,
            strategy="s",
            symbol="A",
            side=Side.BUY,
            quantity=Decimal(ordered),
            type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            submitted_at=0,
        )
    )
    filled = 0
    for number, part in enumerate(parts, start=1):
        rest = ordered - filled - part if honest else max(0, ordered - filled - part)
        report = Fill(
            id=number,
            order_id=1,
            strategy="s",
            symbol="A",
            quantity=Decimal(part),
            price=Decimal(1),
            fee=Decimal(0),
            slippage=Decimal(0),
            executed_at=number,
            remaining=Decimal(rest),
        )
        if filled + part > ordered or filled == ordered:
            with pytest.raises(TransitionError):
                blotter.apply(report)
        else:
            filled += part
            assert blotter.apply(report).filled == filled
        state = blotter.get(1)
        assert (state.filled if state is not None else ordered) == filled
