"""All orders that can still trade, moved only through the TRANSITIONS table.

Rules: an ended order leaves the book, so cost and memory follow what is open, not what has been. Sum of fills never
exceeds the order's quantity; a report for an order that is not here is refused.
"""

from __future__ import annotations

from collections.abc import Collection

from onepath.errors import TransitionError
from onepath.events import Fill, OrderReport
from onepath.instruments import ZERO
from onepath.orders import TERMINAL, Order, OrderState, OrderStatus, Step, advance

_SUBMITTED = advance(OrderStatus.PENDING, Step.SUBMIT)


class Blotter:
    """The open orders of a session, by id, in the order they were sent."""

    def __init__(self) -> None:
        self._open: dict[int, OrderState] = {}
        self._by_strategy: dict[str, dict[int, OrderState]] = {}

    def add(self, order: Order) -> OrderState:
        """Take in an approved order as submitted."""
        return self._keep(OrderState(order, _SUBMITTED, ZERO))

    def get(self, order_id: int) -> OrderState | None:
        return self._open.get(order_id)

    def open_orders(self, strategy: str) -> Collection[OrderState]:
        """A strategy's open orders, oldest first; a live view."""
        mine = self._by_strategy.get(strategy)
        return () if mine is None else mine.values()

    def ask_cancel(self, order_id: int) -> OrderState:
        """Note that the order was asked back."""
        state = self._find(order_id)
        return self._keep(OrderState(state.order, advance(state.status, Step.ASK_CANCEL), state.filled))

    def apply(self, report: OrderReport) -> OrderState:
        """Move an order by what the venue says of it. Raises TransitionError and changes nothing if it cannot."""
        state = self._find(report.order_id)
        order, filled = state.order, state.filled
        status = advance(state.status, report.step)
        if isinstance(report, Fill):
            filled += abs(report.quantity)
            if filled > order.quantity or order.quantity - filled != report.remaining:
                raise TransitionError(f"order {order.id} of {order.quantity} cannot be filled to {filled}")
        return self._keep(OrderState(order, status, filled))

    def _find(self, order_id: int) -> OrderState:
        state = self._open.get(order_id)
        if state is None:
            raise TransitionError(f"order {order_id} is not open: nothing more can happen to it")
        return state

    def _keep(self, state: OrderState) -> OrderState:
        order = state.order
        mine = self._by_strategy.get(order.strategy)
        if mine is None:
            mine = self._by_strategy[order.strategy] = {}
        if state.status in TERMINAL:
            del self._open[order.id], mine[order.id]
        else:
            self._open[order.id] = mine[order.id] = state
        return state
