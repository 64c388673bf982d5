"""Orders that depend on each other: children of a parent, and groups of which one cancels the others.

Rules: what fills of one member of a group is taken off the others; one that has nothing left is cancelled. The children of one
parent are such a group and take part as far as the parent has filled, less what they have traded together. Children of a parent
that ended without a fill end with it; if it ended partly filled they are cut to what it filled. Orders that are sent at one
moment are members from that moment on: what the first trades at once is taken off those behind it.
A split restates what a parent has filled for its children as it does what they ask for. New terms are for what was known when
they were sent: what a sibling or a parent's end has taken off an order, and nobody had heard of, is taken off them, too.
Limits: a group is of one strategy; a change of a parent's quantity does not change its children's; children of one parent in
several symbols are restated together by a split of one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from onepath.events import Replaced
from onepath.instruments import ZERO

if TYPE_CHECKING:
    from onepath.simulator.resting import Resting

OTHER = "one cancels other"
PARENT = "parent ended"


class Group:
    """Orders that cancel each other; with a `parent`, its children."""

    def __init__(self, key: tuple[str, str] | None = None, parent: Resting | None = None) -> None:
        self.key = key
        self.parent = parent
        self.members: list[Resting] = []
        self.left = ZERO if parent is None else parent.traded
        """of children: what their parent has filled and they have not, in units of now"""

    def join(self, resting: Resting) -> None:
        """Take in another member; what those sent with it have traded already is taken off it when it arrives."""
        sent = resting.order.submitted_at
        # Who has ended before is forgotten, or a group that goes on for ever would grow for ever.
        self.members = [other for other in self.members if not other.ended or other.order.submitted_at == sent]
        resting.late += sum((other.traded for other in self.members if other.order.submitted_at == sent), ZERO)
        self.members.append(resting)
        resting.groups = (*resting.groups, self)

    def is_over(self, at: int) -> bool:
        """Whether all members have ended, and none of them was sent at `at`."""
        return all(member.ended and member.order.submitted_at != at for member in self.members)

    def others(self, resting: Resting) -> list[Resting]:
        """The other members that are still open."""
        return [other for other in self.members if other is not resting and not other.ended]


def cut(resting: Resting, remaining: Decimal) -> None:
    """Leave the order this much to trade; more than nothing."""
    resting.order = msgspec.structs.replace(resting.order, quantity=resting.traded + remaining)
    resting.remaining = remaining


def restated(resting: Resting, reason: str) -> Replaced:
    """The report of an order's terms as they are now."""
    order = resting.order
    return Replaced(
        order_id=order.id,
        strategy=order.strategy,
        symbol=order.symbol,
        quantity=order.quantity,
        filled=resting.traded,
        limit=order.limit,
        stop=order.stop,
        trail=order.trail,
        trail_percent=order.trail_percent,
        reason=reason,
    )
