"""All orders that can still trade, moved only through the TRANSITIONS table.

Rules: an ended order leaves the book, so cost and memory follow what is open, not what has been. Sum of fills never
exceeds the order's quantity; a report for an order that is not here is refused. A replaced order keeps its id and what
was filled of it; filled + remaining is its quantity, whatever that was before.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from onepath.errors import TransitionError
from onepath.events import Fill, OrderReport, Replaced
from onepath.instruments import ZERO
from onepath.orders import TERMINAL, TRANSITIONS, Order, OrderState, OrderStatus, Step, advance

_SUBMITTED = advance(OrderStatus.PENDING, Step.SUBMIT)
_ACCEPTED = advance(_SUBMITTED, Step.ACCEPT)
_ASK_CANCEL, _ASK_REPLACE = Step.ASK_CANCEL, Step.ASK_REPLACE


class Blotter:
    """The open orders of a session, by id, in the order they were sent."""

    def __init__(self) -> None:
        self._open: dict[int, OrderState] = {}
        self._by_strategy: dict[str, dict[int, OrderState]] = {}

    def add(self, order: Order) -> OrderState:
        """Take in an approved order as submitted."""
        return self.keep(OrderState(order, _SUBMITTED, ZERO))

    def get(self, order_id: int) -> OrderState | None:
        return self._open.get(order_id)

    def open_orders(self, strategy: str) -> Collection[OrderState]:
        """A strategy's open orders, oldest first; a live view."""
        mine = self._by_strategy.get(strategy)
        return () if mine is None else mine.values()

    def adopt(self, order: Order) -> OrderState:
        """Take in an order that the venue made in our name; it is at work already."""
        return self.keep(OrderState(order, _ACCEPTED, ZERO))

    def ask_cancel(self, order_id: int) -> OrderState:
        """Note that the order was asked back. Raises TransitionError where it cannot be."""
        state = self._find(order_id)
        return self.keep(OrderState(state.order, advance(state.status, _ASK_CANCEL), state.filled))

    def ask_replace(self, order_id: int) -> OrderState:
        """Note that new terms were asked for; the old ones hold. Raises TransitionError where they cannot be."""
        state = self._open.get(order_id) or self._find(order_id)
        status = TRANSITIONS.get((state.status, _ASK_REPLACE)) or advance(state.status, _ASK_REPLACE)
        asked = self._open[order_id] = OrderState(state.order, status, state.filled)
        self._by_strategy[state.order.strategy][order_id] = asked
        return asked

    def after(self, report: OrderReport) -> OrderState:
        """What an order becomes by what the venue says of it; nothing moves until it is kept.

        Raises TransitionError where the order is not open, or its life has no such step.
        """
        state = self._open.get(report.order_id) or self._find(report.order_id)
        order, filled = state.order, state.filled
        step = report.step
        status = TRANSITIONS.get((state.status, step)) or advance(state.status, step)
        if type(report) is Fill:
            filled += abs(report.quantity)
            if filled > order.quantity or order.quantity - filled != report.remaining:
                raise TransitionError(f"order {order.id} of {order.quantity} cannot be filled to {filled}")
        elif isinstance(report, Replaced):
            if report.filled != filled or report.quantity <= filled:
                raise TransitionError(
                    f"order {order.id}, filled to {filled}, cannot become {report.quantity} filled to {report.filled}"
                )
            order = restated(order, report)
        return OrderState(order, status, filled)

    def apply(self, report: OrderReport) -> OrderState:
        """Move an order by what the venue says of it. Raises TransitionError and changes nothing if it cannot."""
        return self.keep(self.after(report))

    def withdraw(self, order_id: int) -> None:
        """Take back an order that was added and never sent."""
        state = self._find(order_id)
        del self._open[order_id], self._by_strategy[state.order.strategy][order_id]

    def _find(self, order_id: int) -> OrderState:
        state = self._open.get(order_id)
        if state is None:
            raise TransitionError(f"order {order_id} is not open: nothing more can happen to it")
        return state

    def keep(self, state: OrderState) -> OrderState:
        """Let this be the state of its order; an order that has ended leaves."""
        order = state.order
        mine = self._by_strategy.get(order.strategy)
        if mine is None:
            mine = self._by_strategy[order.strategy] = {}
        if state.status in TERMINAL:
            del self._open[order.id], mine[order.id]
        else:
            self._open[order.id] = mine[order.id] = state
        return state


def restated(order: Order, terms: Replaced) -> Order:
    """The order under other terms; its identity and what it belongs to stay."""
    return replace(
        order,
        quantity=terms.quantity,
        limit=terms.limit,
        stop=terms.stop,
        trail=terms.trail,
        trail_percent=terms.trail_percent,
    )
