"""The short way through the controls says what the long way says.

The long way is had by a limit that nothing reaches (`max_order_quantity`): its page is asked for every order.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepath.accounts import AccountTerms
from onepath.blotter import Blotter
from onepath.events import CashFlow, Command, Fill, TradingState
from onepath.instruments import Instrument
from onepath.ledger import Ledger
from onepath.market import Trade
from onepath.orders import Approved, Denied, Order, OrderState, OrderStatus, OrderType, Side, TimeInForce
from onepath.risk import Controls, Limits

D = Decimal
INSTRUMENTS = {
    "X": Instrument(symbol="X", lot_size=D("0.1")),
    "Y": Instrument(symbol="Y", lot_size=D("0.1")),
    "E": Instrument(symbol="E", lot_size=D("0.1"), currency="EUR"),
    "F": Instrument(symbol="F", lot_size=D(1), multiplier=D(5)),
    "M": Instrument(symbol="M", lot_size=D("0.1"), min_notional=D(50)),
    "T": Instrument(symbol="T", lot_size=D("0.1"), tick_size=D("0.5")),
}
MARKS = {"X": 10.0, "Y": 20.0, "E": 10.0, "F": 2.0, "M": 10.0, "T": 10.0, "EURUSD": 1.1}


def order(side: Side, quantity: str, symbol: str = "X", reference: str | None = "10") -> Order:
    return Order(
        id=9,
        strategy="s",
        symbol=symbol,
        side=side,
        quantity=D(quantity),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
        reference=None if reference is None else D(reference),
    )


def bought(number: int, symbol: str, units: int) -> Fill:
    return Fill(
        id=number,
        order_id=0,
        strategy="s",
        symbol=symbol,
        quantity=D(units),
        price=D(str(MARKS[symbol])),
        fee=D(0),
        slippage=D(0),
        executed_at=0,
        remaining=D(0),
    )


class World:
    """Books of 1,000 with some units of some symbols, an order at work or none, a leverage."""

    def __init__(self, held: dict[str, int], at_work: bool, leverage: str, long_way: bool, terms: AccountTerms) -> None:
        marks = {symbol: Trade(symbol, 0, price, 1.0) for symbol, price in MARKS.items()}
        rate = Instrument(symbol="EURUSD", base="EUR", currency="USD")
        ledger = Ledger("s", D(1_000), {**INSTRUMENTS, "EURUSD": rate}, count(1), terms)
        numbers = count(1)
        for symbol, units in held.items():
            ledger.apply(bought(next(numbers), symbol, units))
        blotter = Blotter()
        if at_work:
            blotter.keep(OrderState(order(Side.BUY, "1"), OrderStatus.ACCEPTED, D(0)))
        limits = Limits(max_leverage=D(leverage), max_order_quantity=D(10**9) if long_way else None)
        self.ledger, self.blotter = ledger, blotter
        self.controls = Controls(ledger.instruments, [("s", limits, ledger)], marks=marks, blotter=blotter)

    def says(self, asked: Order) -> str:
        """Twice, because the first order of a symbol finds its controls."""
        found = [self.controls.check(asked, 0) for _ in range(2)][1]
        return "approved" if isinstance(found, Approved) else found.code


ASKED = st.builds(
    order,
    st.sampled_from(list(Side)),
    st.sampled_from(["0.1", "5", "9.9", "10", "10.1", "99.9", "100", "100.1", "150", "200", "200.1", "0.05"]),
    st.sampled_from(["X", "F", "M", "E"]),
)
HELD = st.dictionaries(st.sampled_from(list(INSTRUMENTS)), st.sampled_from([-100, -10, 10, 100]), max_size=2)
TERMS = st.sampled_from([AccountTerms(), AccountTerms(initial_margin=D("0.5")), AccountTerms(type="cash")])


@given(ASKED, HELD, st.booleans(), st.sampled_from(["1", "2", "0.5"]), TERMS)
def test_both_ways_say_the_same(
    asked: Order, held: dict[str, int], at_work: bool, leverage: str, terms: AccountTerms
) -> None:
    """Whatever is held, at work and asked: approved on the short way what the long way approves, denied with its reason."""
    said = [World(held, at_work, leverage, long_way, terms).says(asked) for long_way in (False, True)]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("side", "quantity", "held", "code"),
    [
        (Side.BUY, "100", 0, "approved"),  # 1,000 of 1,000
        (Side.BUY, "100.1", 0, "buying_power"),
        (Side.SHORT, "100", 0, "approved"),
        (Side.SHORT, "100.1", 0, "buying_power"),
        (Side.SELL, "10", 10, "approved"),
        (Side.SELL, "10.1", 10, "owned"),
        (Side.COVER, "10", -10, "approved"),
        (Side.COVER, "10.1", -10, "owed"),
        (Side.BUY, "0.15", 0, "lot"),
    ],
)
def test_at_the_boundary(side: Side, quantity: str, held: int, code: str) -> None:
    """Books of 1,000 at leverage one, price 10: the last that passes and the first that does not."""
    world = World({"X": held} if held else {}, False, "1", False, AccountTerms())
    assert world.says(order(side, quantity)) == code


def test_other_money_goes_the_long_way() -> None:
    """100 EUR at 1.1 are 110 of equity: 111 units at 10 pass, 111.1 do not."""
    world = World({}, False, "1", False, AccountTerms())
    world.ledger.flow(CashFlow(strategy="s", kind="deposit", amount=D(100), currency="EUR"))
    assert [world.says(order(Side.BUY, q)) for q in ("111", "111.1")] == ["approved", "buying_power"]


def test_without_a_price_of_its_own_an_order_goes_the_long_way() -> None:
    """The last price stands in for the price of the decision: 100 at 10 pass, 100.1 do not."""
    world = World({}, False, "1", False, AccountTerms())
    assert [world.says(order(Side.BUY, q, reference=None)) for q in ("100", "100.1")] == ["approved", "buying_power"]


def test_a_denial_is_the_pages() -> None:
    """What the short way does not approve is denied with a sentence."""
    world = World({}, False, "1", False, AccountTerms())
    found = world.controls.check(order(Side.BUY, "100.1"), 0)
    assert isinstance(found, Denied)
    assert found.reason == "exposure would be 1001.0, over 1 x equity 1000"


def test_the_short_way_is_closed_while_trading_is() -> None:
    """Halted, not even a sale of what is owned passes; reducing, it does, and a purchase does not."""
    world = World({"X": 10}, False, "1", False, AccountTerms())
    sale, purchase = order(Side.SELL, "10"), order(Side.BUY, "1")
    assert world.says(sale) == "approved"
    for state, expected in (
        (TradingState.HALTED, ["halted", "halted"]),
        (TradingState.REDUCING, ["approved", "reducing"]),
    ):
        world.controls.command(Command(state=state, by="ann"), 0)
        assert [world.says(sale), world.says(purchase)] == expected


def test_orders_at_work_close_the_short_way() -> None:
    """With 1 at work for 10 of the 1,000: 99 more pass, 99.1 do not."""
    world = World({}, True, "1", False, AccountTerms())
    assert [world.says(order(Side.BUY, q)) for q in ("99", "99.1")] == ["approved", "buying_power"]


def resting(side: Side, quantity: str, limit: str) -> Order:
    return msgspec.structs.replace(order(side, quantity), type=OrderType.LIMIT, limit=D(limit))


@given(
    st.sampled_from(list(Side)),
    st.sampled_from(["90", "100", "100.1"]),
    st.sampled_from(["90", "95", "100", "100.05", "110"]),
    st.sampled_from(["9", "10", "11"]),
    st.sampled_from(["9", "9.5", "10", "11", "12"]),
    st.sampled_from(["1", "0.9"]),
    st.sampled_from([{}, {"X": 100}, {"X": -50}, {"Y": 10}]),
)
def test_both_ways_say_the_same_of_new_terms(
    side: Side, before: str, after: str, old: str, new: str, leverage: str, held: dict[str, int]
) -> None:
    """Units and limit up, down or as they were, with holdings and without: the same verdict, the same reason."""
    said = []
    for long_way in (False, True):
        world = World(held, False, leverage, long_way, AccountTerms())
        world.says(order(Side.SELL, "0.1"))
        state = OrderState(resting(side, before, old), OrderStatus.ACCEPTED, D(0))
        found = world.controls.recheck(resting(side, after, new), state, 0)
        said.append(found.code if isinstance(found, Denied) else "approved")
    assert said[0] == said[1]


def test_new_terms_that_grow_go_the_long_way() -> None:
    """100 at 10 are all of the 1,000: the same at 9 or 90 at 10 pass, 100.1 at 9.9 (990.99) as well, 110 at 9.9 (1,089)
    and 100 at 11 do not."""
    world = World({}, False, "1", False, AccountTerms())
    world.says(order(Side.SELL, "0.1"))
    state = OrderState(resting(Side.BUY, "100", "10"), OrderStatus.ACCEPTED, D(0))
    asked = [("100", "9"), ("90", "10"), ("100.1", "9.9"), ("110", "9.9"), ("100", "11")]
    found = [world.controls.recheck(resting(Side.BUY, *terms), state, 0) for terms in asked]
    codes = [verdict.code if isinstance(verdict, Denied) else "approved" for verdict in found]
    assert codes == ["approved", "approved", "approved", "buying_power", "buying_power"]


AT_WORK = st.lists(
    st.tuples(
        st.sampled_from(list(Side)),
        st.sampled_from(["1", "40", "50"]),
        st.sampled_from([None, "8", "10", "20"]),
        st.sampled_from(["X", "Y"]),
    ),
    max_size=3,
)


@given(
    AT_WORK,
    st.sampled_from(list(Side)),
    st.sampled_from(["10", "50", "60", "99.9", "0.05"]),
    st.sampled_from(["5", "9.9", "10", "10.1", "20"]),
    st.sampled_from(["1", "2"]),
    HELD,
)
def test_both_ways_say_the_same_of_limits(
    at_work: list[tuple[Side, str, str | None, str]],
    side: Side,
    quantity: str,
    limit: str,
    leverage: str,
    held: dict[str, int],
) -> None:
    """New limit orders and new terms of one at work, beside markets and limits in this symbol and another."""
    said = []
    for long_way in (False, True):
        world = World(held, False, leverage, long_way, AccountTerms())
        world.says(order(Side.SELL, "0.1"))
        for number, (other, units, price, symbol) in enumerate(at_work, 100):
            made = order(other, units, symbol) if price is None else resting(other, units, price)
            world.blotter.keep(OrderState(msgspec.structs.replace(made, id=number), OrderStatus.ACCEPTED, D(0)))
        found = [world.controls.check(resting(side, quantity, limit), 0)]
        old = next((state for state in world.blotter.open_orders("s") if state.order.limit), None)
        if old is not None:
            new = msgspec.structs.replace(old.order, limit=D(limit), quantity=D(quantity))
            found.append(world.controls.recheck(new, old, 0))
        said.append([verdict.code if isinstance(verdict, Denied) else "approved" for verdict in found])
    assert said[0] == said[1]


def test_limits_at_the_boundary_of_the_books() -> None:
    """40 at 10 at work of the 1,000: 60 more at 10 pass, 60.1 do not; beside 40 at 20 (800), 20 at 10 pass and 20.1 do not."""
    codes = []
    for price, units in (("10", "60"), ("10", "60.1"), ("20", "20"), ("20", "20.1")):
        world = World({}, False, "1", False, AccountTerms())
        world.says(order(Side.SELL, "0.1"))
        world.blotter.keep(OrderState(resting(Side.BUY, "40", price), OrderStatus.ACCEPTED, D(0)))
        asked = msgspec.structs.replace(resting(Side.BUY, units, "10"), id=10)
        found = world.controls.check(asked, 0)
        codes.append(found.code if isinstance(found, Denied) else "approved")
    assert codes == ["approved", "buying_power", "approved", "buying_power"]


@pytest.mark.parametrize(
    ("limit", "quantity", "code"), [("9.5", "10", "approved"), ("9.6", "10", "tick"), ("9.5", "0.15", "lot")]
)
def test_limits_off_the_grid_go_the_long_way(limit: str, quantity: str, code: str) -> None:
    """On a tick of 0.5 and a lot of 0.1: 9.5 passes, 9.6 does not, nor does 0.15."""
    world = World({}, False, "1", False, AccountTerms())
    world.says(order(Side.SELL, "0.1", "T"))
    asked = msgspec.structs.replace(resting(Side.BUY, quantity, limit), symbol="T")
    found = world.controls.check(asked, 0)
    assert (found.code if isinstance(found, Denied) else "approved") == code
