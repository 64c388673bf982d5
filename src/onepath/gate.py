"""The conservation gate, the last step before a venue: what leaves is what was decided, once, and never more.

Rules: `decided` when a decision is in the journal, `release` right before it leaves. An order leaves once, with exactly the
terms decided; so does each replace. Children on their parent's own side and in its symbol are together no more than it; an
exit, of which the siblings cancel each other, is no more than it by itself. Anything else is our own fault:
ConservationError, before it leaves. This is the control that Knight Capital lacked in 2012: 212 orders became millions.
Limits: a child is decided right after its parent, before the strategy decides its next order.
Cost: O(1) an order; what has left is forgotten but for each strategy's last parent.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from onepath.errors import ConservationError
from onepath.instruments import ZERO
from onepath.orders import Amended, Approved, Order


class Gate:
    """Counts decisions out."""

    def __init__(self) -> None:
        self.watcher: Callable[[], None] | None = None
        """called when something leaves: whoever measures how long that took"""
        self._waiting: dict[int, tuple[Order, bool]] = {}
        self._highest = 0
        self._parents: dict[str, Order] = {}
        self._spent: dict[str, Decimal] = {}

    @property
    def waiting(self) -> int:
        """Decisions that have not left yet."""
        return len(self._waiting)

    def decided(self, order: Order) -> None:
        """A decision is recorded: a new order (ids grow), or else new terms of an earlier one."""
        if order.id in self._waiting:
            raise ConservationError(f"order {order.id} was decided again before it had left; each decision leaves once")
        new = order.id > self._highest
        if new:
            self._highest = order.id
            if order.parent_id is not None:
                self._count(order)
            else:
                self._parents[order.strategy] = order
                if self._spent:
                    self._spent.pop(order.strategy, None)
        self._waiting[order.id] = order, new

    def _count(self, order: Order) -> None:
        """A child: all of them together are never more than their parent."""
        parent = self._parents.get(order.strategy)
        if parent is None or parent.id != order.parent_id:
            raise ConservationError(
                f"order {order.id} is a child of order {order.parent_id}, which was not decided before it"
            )
        slices = parent.symbol == order.symbol and parent.side.sign == order.side.sign
        total = order.quantity + (self._spent.get(order.strategy, ZERO) if slices else ZERO)
        if total > parent.quantity:
            raise ConservationError(
                f"children of order {parent.id} are for {total}, more than its own {parent.quantity}"
            )
        if slices:
            self._spent[order.strategy] = total

    def release(self, approved: Approved | Amended) -> None:
        """It is about to leave. Raises ConservationError where it was not decided, or not like this, or has left."""
        order = approved.order
        waiting = self._waiting.pop(order.id, None)
        if waiting is None:
            raise ConservationError(
                f"order {order.id} ({order.side} {order.quantity} {order.symbol}) was about to leave, but no decision of it "
                "is waiting: it has left already, or was never decided"
            )
        decided, new = waiting
        if new is (type(approved) is Amended):
            found = "a replace, but it was decided as new" if new else "new, but it was decided twice or as a replace"
            raise ConservationError(f"order {order.id} was about to leave as {found}")
        if decided is not order and decided != order:
            raise ConservationError(
                f"order {order.id} was about to leave as {order.side} {order.quantity} {order.symbol} under other terms than "
                f"decided ({decided.side} {decided.quantity} {decided.symbol})"
            )
        if self.watcher is not None:
            self.watcher()
