"""Words: what an order may be, and the table of its life."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onepath.errors import OrderError, TransitionError
from onepath.instruments import Instrument, exact
from onepath.market import Bar, Quote, Trade
from onepath.orders import (
    TERMINAL,
    TRANSITIONS,
    Order,
    OrderIntent,
    OrderState,
    OrderStatus,
    OrderType,
    Side,
    Step,
    TimeInForce,
    advance,
)

S, T = OrderStatus, Step
LIFE = """
pending         submitted                      -> submitted
pending         denied                         -> denied
submitted       accepted                       -> accepted
submitted       rejected                       -> rejected
submitted       partly_filled                  -> partly_filled
submitted       filled                         -> filled
submitted       cancel_requested               -> cancel_pending
submitted       replace_requested              -> replace_pending
submitted       replaced                       -> accepted
submitted       cancelled                      -> cancelled
submitted       expired                        -> expired
accepted        partly_filled                  -> partly_filled
accepted        filled                         -> filled
accepted        cancel_requested               -> cancel_pending
accepted        replace_requested              -> replace_pending
accepted        replaced                       -> accepted
accepted        replace_rejected               -> accepted
accepted        rejected                       -> rejected
accepted        cancelled                      -> cancelled
accepted        expired                        -> expired
partly_filled   accepted                       -> partly_filled
partly_filled   partly_filled                  -> partly_filled
partly_filled   filled                         -> filled
partly_filled   cancel_requested               -> cancel_pending
partly_filled   replace_requested              -> replace_pending
partly_filled   replaced_partly_filled         -> partly_filled
partly_filled   replace_rejected_partly_filled -> partly_filled
partly_filled   cancelled                      -> cancelled
partly_filled   expired                        -> expired
cancel_pending  accepted                       -> cancel_pending
cancel_pending  rejected                       -> rejected
cancel_pending  partly_filled                  -> cancel_pending
cancel_pending  filled                         -> filled
cancel_pending  replaced                       -> cancel_pending
cancel_pending  replaced_partly_filled         -> cancel_pending
cancel_pending  replace_rejected               -> cancel_pending
cancel_pending  replace_rejected_partly_filled -> cancel_pending
cancel_pending  cancel_rejected                -> accepted
cancel_pending  cancel_rejected_partly_filled  -> partly_filled
cancel_pending  cancelled                      -> cancelled
cancel_pending  expired                        -> expired
replace_pending accepted                       -> replace_pending
replace_pending rejected                       -> rejected
replace_pending partly_filled                  -> replace_pending
replace_pending filled                         -> filled
replace_pending replaced                       -> accepted
replace_pending replaced_partly_filled         -> partly_filled
replace_pending replace_rejected               -> accepted
replace_pending replace_rejected_partly_filled -> partly_filled
replace_pending cancel_requested               -> cancel_pending
replace_pending cancelled                      -> cancelled
replace_pending expired                        -> expired
"""
ROWS = {tuple(row.split()[:2]): row.split()[3] for row in LIFE.strip().splitlines()}


@pytest.mark.parametrize("status", OrderStatus)
@pytest.mark.parametrize("step", Step)
def test_every_pair_of_status_and_step(status: OrderStatus, step: Step) -> None:
    """Each of the 176 pairs is a row of the life as written down here, or is refused with both words in the message."""
    after = ROWS.get((status.value, step.value))
    if after is not None:
        assert advance(status, step) == after
    else:
        with pytest.raises(TransitionError, match=f"an order that is {status} cannot be {step}"):
            advance(status, step)


def test_the_table_has_these_rows_and_no_others() -> None:
    """52 rows; an ended order takes no step, and every step and status occurs."""
    assert {(s.value, t.value): after.value for (s, t), after in TRANSITIONS.items()} == ROWS
    assert len(ROWS) == 52
    assert {s for s, _ in TRANSITIONS}.isdisjoint(TERMINAL)
    assert {s for s, _ in TRANSITIONS} | set(TRANSITIONS.values()) == set(OrderStatus)
    assert {t for _, t in TRANSITIONS} == set(Step)


def test_every_open_status_can_end() -> None:
    """From each status that is not an end, some path of steps reaches every end but denied, or, when pending, denied."""
    reach = {status: {status} for status in OrderStatus}
    for _ in OrderStatus:
        for (before, _step), after in TRANSITIONS.items():
            reach[before] |= reach[after]
    sent = {S.SUBMITTED, S.ACCEPTED, S.PARTLY_FILLED, S.CANCEL_PENDING, S.REPLACE_PENDING}
    assert all({S.FILLED, S.CANCELLED, S.EXPIRED} <= reach[status] for status in sent)
    assert reach[S.PENDING] >= TERMINAL


def intent(**how: Any) -> OrderIntent:
    return OrderIntent(**({"symbol": "X", "side": Side.BUY, "quantity": Decimal(1)} | how))


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "-Infinity"])
def test_quantity_must_be_positive_and_finite(quantity: str) -> None:
    """Zero, negative, NaN and infinite quantities cannot be written down."""
    with pytest.raises(
        OrderError, match=f"an order for X has quantity {quantity}; it must be a positive finite number"
    ):
        intent(quantity=Decimal(quantity))


PRICES = [
    (OrderType.MARKET, {}, ""),
    (OrderType.LIMIT, {"limit"}, ""),
    (OrderType.STOP, {"stop"}, ""),
    (OrderType.STOP_LIMIT, {"limit", "stop"}, ""),
    (OrderType.MARKET, {"limit"}, "a market order takes no limit price; this one for X has limit=5"),
    (OrderType.MARKET, {"stop"}, "a market order takes no stop price; this one for X has stop=5"),
    (OrderType.LIMIT, {}, "a limit order takes a limit price; this one for X has none"),
    (OrderType.LIMIT, {"limit", "stop"}, "a limit order takes no stop price; this one for X has stop=5"),
    (OrderType.STOP, {}, "a stop order takes a stop price; this one for X has none"),
    (OrderType.STOP, {"limit", "stop"}, "a stop order takes no limit price; this one for X has limit=5"),
    (OrderType.STOP_LIMIT, {"stop"}, "a stop_limit order takes a limit price; this one for X has none"),
    (OrderType.STOP_LIMIT, {"limit"}, "a stop_limit order takes a stop price; this one for X has none"),
]


@pytest.mark.parametrize(("kind", "given", "message"), PRICES)
def test_prices_that_a_type_takes(kind: OrderType, given: set[str], message: str) -> None:
    """Each type takes exactly its own prices."""
    prices = dict.fromkeys(given, Decimal(5))
    if not message:
        assert intent(type=kind, **prices).type is kind
    else:
        with pytest.raises(OrderError, match=message):
            intent(type=kind, **prices)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
@pytest.mark.parametrize("name", ["limit", "stop"])
def test_prices_must_be_positive_and_finite(name: str, price: str) -> None:
    """A limit or stop that is no price cannot be written down."""
    with pytest.raises(OrderError, match=f"has {name} price {price}; it must be a positive finite number"):
        intent(type=OrderType(name), **{name: Decimal(price)})


@pytest.mark.parametrize(
    "how",
    [{"quantity": 10}, {"side": "buy"}, {"time_in_force": "day"}, {"type": "limit", "limit": Decimal(5)}],
    ids=str,
)
def test_intents_written_with_plain_values(how: dict[str, Any]) -> None:
    """An intent built by hand from plain words and numbers becomes the real thing, or is refused in a sentence."""
    made = intent(**how)
    assert isinstance(made.quantity, Decimal)
    assert type(made.side) is Side
    assert type(made.time_in_force) is TimeInForce
    assert type(made.type) is OrderType


@pytest.mark.parametrize(
    "how",
    [
        {"side": "bye"},
        {"quantity": "ten"},
        {"time_in_force": "week"},
        {"type": 5},
        {"tag": object()},
    ],
    ids=["side", "quantity", "time in force", "type", "tag"],
)
def test_intents_that_mean_nothing(how: dict[str, Any]) -> None:
    """Words and numbers that are none of ours are refused in a sentence that names the symbol."""
    with pytest.raises(OrderError, match="an order for X"):
        intent(**how)


def test_an_intent_without_a_quantity() -> None:
    """No quantity is refused in a sentence as well."""
    with pytest.raises(OrderError, match="an order for X"):
        intent(quantity=None)


def test_a_venue_trusts_the_checks_before_it() -> None:
    """An order without the price of its type is our own bug, and said to be one."""
    from onepath.simulator.bars import offer
    from onepath.simulator.resting import Resting

    order = Order(
        id=1,
        strategy="s",
        symbol="X",
        side=Side.BUY,
        quantity=Decimal(1),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
    )
    with pytest.raises(AssertionError, match="OrderIntent checked it"):
        offer(Resting(order, 0), Bar("X", 0, 1, 1.0, 1.0, 1.0, 1.0, 1.0), False, Instrument(symbol="X"))


def test_sides_carry_the_sign() -> None:
    """Buying and covering add, selling and shorting take away."""
    assert {side.value: side.sign for side in Side} == {"buy": 1, "cover": 1, "sell": -1, "short": -1}


def test_state_of_an_order() -> None:
    """What is left is the quantity less what was filled; id, symbol and side are the order's."""
    order = Order(
        id=7,
        strategy="s",
        symbol="X",
        side=Side.SHORT,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
    )
    state = OrderState(order, OrderStatus.PARTLY_FILLED, Decimal("2.5"))
    assert (state.id, state.symbol, state.side, state.remaining) == (7, "X", Side.SHORT, Decimal("7.5"))


EXACT = [(0.1, "0.1"), (1e-8, "1E-8"), (3, "3"), ("2.50", "2.50"), (Decimal("1.10"), "1.10"), (1e22, "1E+22")]


@pytest.mark.parametrize(("value", "text"), EXACT)
def test_exact_is_what_a_person_reads(value: Any, text: str) -> None:
    """A float becomes the shortest decimal that is it, not its binary neighbour."""
    assert str(exact(value)) == text


@pytest.mark.parametrize(
    ("quantity", "lot", "cut"), [("10.9", "1", "10"), ("-10.9", "1", "-10"), ("0.99", "1", "0"), ("250", "100", "200")]
)
def test_quantities_are_cut_towards_zero(quantity: str, lot: str, cut: str) -> None:
    """Whole lots, never more than was asked, on either side."""
    assert Instrument(symbol="X", lot_size=Decimal(lot)).round_quantity(Decimal(quantity)) == Decimal(cut)


def test_prices_on_the_grid() -> None:
    """To the nearest tick, to even between two; untouched where there is no grid."""
    grid = Instrument(symbol="X", tick_size=Decimal("0.05"))
    assert [str(grid.round_price(Decimal(p))) for p in ("1.02", "1.03", "1.025", "1.075")] == [
        "1.00",
        "1.05",
        "1.00",
        "1.10",
    ]
    assert Instrument(symbol="X").round_price(Decimal("1.0234")) == Decimal("1.0234")


def test_marks() -> None:
    """A bar is worth its close, a quote its middle, a trade its price."""
    assert Bar("X", 0, 1, 1.0, 4.0, 0.5, 3.0, 9.0).mark == 3.0
    assert Quote("X", 1, 10.0, 11.0, 5.0, 5.0).mark == 10.5
    assert Trade("X", 1, 12.5, 3.0).mark == 12.5
