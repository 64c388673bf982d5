"""The last step before a venue lets out what was decided, once, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from onepath.errors import ConservationError
from onepath.gate import Gate
from onepath.orders import Amended, Approved, Order, OrderType, Side, TimeInForce

D = Decimal
SIDES = {str(side): side for side in Side}


def order(number: int, quantity: str = "10", side: Side = Side.BUY, **how: object) -> Order:
    given = {"strategy": "s", "symbol": "X", "type": OrderType.MARKET, "time_in_force": TimeInForce.GTC} | how
    return Order(id=number, side=side, quantity=D(quantity), submitted_at=0, **given)  # type: ignore[arg-type]


def route(gate: Gate, decisions: list[Order], router: Callable[[list[Order]], Iterator[Order]]) -> int:
    """Record every decision, then let the router send; how many left before the gate stopped it."""
    for decision in decisions:
        gate.decided(decision)
    left = 0
    with pytest.raises(ConservationError):
        for sent in router(decisions):
            gate.release(Approved(sent))
            left += 1
    return left


def test_a_router_that_loops_is_stopped_at_the_next_order() -> None:
    """Five orders are decided; a router that never stops gets five out, and the sixth is stopped."""

    def looping(orders: list[Order]) -> Iterator[Order]:
        for _ in range(1_000):
            yield from orders

    gate = Gate()
    assert route(gate, [order(n) for n in range(1, 6)], looping) == 5
    assert gate.waiting == 0


def test_a_router_that_makes_orders_is_stopped() -> None:
    """An order that nobody decided does not leave."""
    assert route(Gate(), [order(1)], lambda orders: iter([*orders, order(2)])) == 1


@pytest.mark.parametrize(
    "changes",
    [{"quantity": D(11)}, {"quantity": D(9)}, {"side": Side.SELL}, {"symbol": "Y"}, {"strategy": "t"}, {"limit": D(1)}],
    ids=str,
)
def test_other_terms_than_decided_do_not_leave(changes: dict[str, object]) -> None:
    """Whatever differs from the decision, more or less: it is stopped."""
    assert route(Gate(), [order(1)], lambda orders: iter([replace(orders[0], **changes)])) == 0


def test_a_replace_leaves_once_with_its_terms() -> None:
    """Order 1 leaves, its new terms leave, and neither leaves again."""
    gate, new = Gate(), order(1, "20")
    gate.decided(order(1))
    gate.release(Approved(order(1)))
    gate.decided(new)
    with pytest.raises(ConservationError, match="decided again"):
        gate.decided(new)
    gate.release(Amended(new))
    with pytest.raises(ConservationError, match="left already"):
        gate.release(Amended(new))


def test_one_order_is_not_decided_twice() -> None:
    """An id that has left does not leave as a new order again, even if it is decided again."""
    gate = Gate()
    gate.decided(order(1))
    gate.release(Approved(order(1)))
    gate.decided(order(1))
    with pytest.raises(ConservationError, match="twice"):
        gate.release(Approved(order(1)))


@pytest.mark.parametrize(
    ("children", "passes"),
    [
        ((("sell", "10"), ("sell", "10")), True),  # a stop and a target: one cancels the other
        ((("sell", "10.1"),), False),
        ((("buy", "6"), ("buy", "4")), True),
        ((("buy", "6"), ("buy", "4.1")), False),
        ((("buy", "11"),), False),
    ],
)
def test_children_are_no_more_than_their_parent(children: tuple[tuple[str, str], ...], passes: bool) -> None:
    """Of a parent of 10: exits of 10 each, or slices of 10 together, and not a tenth more."""
    gate = Gate()
    gate.decided(order(1))
    made = [order(n, q, SIDES[side], parent_id=1) for n, (side, q) in enumerate(children, 2)]
    if passes:
        for child in made:
            gate.decided(child)
        assert gate.waiting == 1 + len(made)
        return
    with pytest.raises(ConservationError, match="more than"):
        for child in made:
            gate.decided(child)


def test_new_terms_do_not_go_before_their_order() -> None:
    """What was decided as a new order does not leave as a replace."""
    gate = Gate()
    gate.decided(order(1))
    with pytest.raises(ConservationError, match="replace"):
        gate.release(Amended(order(1)))


def test_a_child_without_its_parent_is_stopped() -> None:
    """The parent must have been decided, by the same strategy, last."""
    gate = Gate()
    gate.decided(order(1, strategy="t"))
    with pytest.raises(ConservationError, match="not decided"):
        gate.decided(order(2, side=Side.SELL, parent_id=1))


def test_what_has_left_is_forgotten() -> None:
    """A thousand orders later the gate holds nothing of them."""
    gate = Gate()
    for number in range(1, 1_001):
        gate.decided(order(number))
        gate.release(Approved(order(number)))
    assert gate.waiting == 0
    assert len(gate._parents) == 1


def test_the_slices_of_the_next_parent_are_its_own() -> None:
    """Ten of the first parent are used up; the second of the same strategy has ten again, and not a tenth more."""
    gate = Gate()
    gate.decided(order(1))
    gate.decided(order(2, "10", parent_id=1))
    gate.decided(order(3))
    gate.decided(order(4, "10", parent_id=3))
    with pytest.raises(ConservationError, match=r"children of order 3 are for 10.1, more than its own 10"):
        gate.decided(order(5, "0.1", parent_id=3))
