"""The blotter moves orders by the table and refuses what cannot be."""

from __future__ import annotations

from decimal import Decimal

import pytest

from onepath.blotter import Blotter
from onepath.errors import TransitionError
from onepath.events import Accepted, Cancelled, Expired, Fill, OrderReport, Rejected
from onepath.orders import Order, OrderStatus, OrderType, Side, TimeInForce

D = Decimal


def order(number: int = 1, strategy: str = "s", quantity: str = "10") -> Order:
    return Order(
        id=number,
        strategy=strategy,
        symbol="X",
        side=Side.BUY,
        quantity=D(quantity),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
    )


def fill(quantity: str, remaining: str, number: int = 1) -> Fill:
    return Fill(
        id=1,
        order_id=number,
        strategy="s",
        symbol="X",
        quantity=D(quantity),
        price=D(100),
        fee=D(0),
        slippage=D(0),
        executed_at=0,
        remaining=D(remaining),
    )


def test_a_life_with_partial_fills() -> None:
    """Sent, accepted, filled by 4 and by 6; then it is gone from the book."""
    blotter = Blotter()
    assert blotter.add(order()).status is OrderStatus.SUBMITTED
    assert blotter.apply(Accepted(1, "s", "X")).status is OrderStatus.ACCEPTED
    part = blotter.apply(fill("4", "6"))
    assert (part.status, part.filled, part.remaining) == (OrderStatus.PARTLY_FILLED, 4, 6)
    assert [state.id for state in blotter.open_orders("s")] == [1]
    whole = blotter.apply(fill("6", "0"))
    assert (whole.status, whole.filled, whole.remaining) == (OrderStatus.FILLED, 10, 0)
    assert (blotter.get(1), list(blotter.open_orders("s"))) == (None, [])


@pytest.mark.parametrize(("quantity", "remaining"), [("11", "0"), ("11", "-1"), ("4", "7"), ("4", "5"), ("10", "1")])
def test_fills_that_do_not_add_up(quantity: str, remaining: str) -> None:
    """More than the order's quantity, or a rest that is not what is left, is refused and changes nothing."""
    blotter = Blotter()
    blotter.add(order())
    with pytest.raises(TransitionError):
        blotter.apply(fill(quantity, remaining))
    state = blotter.get(1)
    assert state is not None
    assert (state.status, state.filled) == (OrderStatus.SUBMITTED, 0)


def test_fills_that_add_up_to_too_much() -> None:
    """8 and then 3 of 10 is refused at the second."""
    blotter = Blotter()
    blotter.add(order())
    blotter.apply(fill("8", "2"))
    with pytest.raises(TransitionError, match="order 1 of 10 cannot be filled to 11"):
        blotter.apply(fill("3", "0"))


REPORTS: list[OrderReport] = [
    Accepted(1, "s", "X"),
    Rejected(1, "s", "X", "no"),
    Cancelled(1, "s", "X", "no"),
    Expired(1, "s", "X"),
    fill("1", "9"),
    fill("10", "0"),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda r: f"{type(r).__name__}-{r.step}")
def test_unknown_order(report: OrderReport) -> None:
    """Whatever is reported of an order that was never sent is refused."""
    with pytest.raises(TransitionError, match="order 1 is not open: nothing more can happen to it"):
        Blotter().apply(report)


@pytest.mark.parametrize("end", [Rejected(1, "s", "X", "no"), Cancelled(1, "s", "X", "no"), Expired(1, "s", "X")])
@pytest.mark.parametrize("report", REPORTS, ids=lambda r: f"{type(r).__name__}-{r.step}")
def test_after_the_end(end: OrderReport, report: OrderReport) -> None:
    """Nothing can happen to an order that has ended."""
    blotter = Blotter()
    blotter.add(order())
    blotter.apply(end)
    with pytest.raises(TransitionError, match="not open"):
        blotter.apply(report)


def test_not_its_turn() -> None:
    """A second acceptance is not a row of the table, and the order stays as it was."""
    blotter = Blotter()
    blotter.add(order())
    blotter.apply(Accepted(1, "s", "X"))
    with pytest.raises(TransitionError, match="an order that is accepted cannot be accepted"):
        blotter.apply(Accepted(1, "s", "X"))
    state = blotter.get(1)
    assert state is not None
    assert state.status is OrderStatus.ACCEPTED


def test_asked_back_and_still_traded() -> None:
    """Between the wish and the answer an order can still fill in part; then the rest is cancelled."""
    blotter = Blotter()
    blotter.add(order())
    assert blotter.ask_cancel(1).status is OrderStatus.CANCEL_PENDING
    part = blotter.apply(fill("4", "6"))
    assert (part.status, part.filled) == (OrderStatus.CANCEL_PENDING, 4)
    assert blotter.apply(Cancelled(1, "s", "X", "by request")).status is OrderStatus.CANCELLED
    with pytest.raises(TransitionError, match="not open"):
        blotter.ask_cancel(1)


def test_open_orders_by_strategy_oldest_first() -> None:
    """Each strategy sees its own, in the order they were sent; one without orders sees none."""
    blotter = Blotter()
    for number, strategy in ((1, "a"), (2, "b"), (3, "a")):
        blotter.add(order(number, strategy))
    assert [s.id for s in blotter.open_orders("a")] == [1, 3]
    assert [s.id for s in blotter.open_orders("b")] == [2]
    assert list(blotter.open_orders("c")) == []
    blotter.apply(fill("4", "6"))
    assert [s.id for s in blotter.open_orders("a")] == [1, 3]
