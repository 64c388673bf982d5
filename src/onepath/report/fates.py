"""What became of each order, for tables: its status, what filled of it and at what price, when and why it ended."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from onepath.instruments import ZERO

if TYPE_CHECKING:
    from onepath.report.record import SessionRecord


class Fate(NamedTuple):
    """The end of an order, or how far it had come when the session ended."""

    status: str
    """filled, cancelled, expired, rejected or working"""
    filled: Decimal
    average_price: Decimal | None
    """of its fills; None without one"""
    fills: int
    ended_at: int | None
    """when it was filled, or its end was known; None while it works"""
    reason: str
    """of a rejection or a cancel; of an order that the venue forced, why it did"""


FATE = Fate._fields


def fates(record: SessionRecord) -> list[Fate]:
    """One for each of the record's orders, those that the venue forced included."""
    forced = {event.order.id: event.reason for _, event in record.forced}
    ends = {end.order_id: end for end in record.outcomes if end.step != "denied"}
    traded: dict[int, tuple[Decimal, Decimal]] = {}
    for fill in record.fills:
        quantity, worth = traded.get(fill.order_id, (ZERO, ZERO))
        traded[fill.order_id] = quantity + abs(fill.quantity), worth + abs(fill.quantity) * fill.price
    costs = {order.id: order for order in record.execution.orders}
    found = []
    for order in record.every_order:
        cost, end = costs[order.id], ends.get(order.id)
        ended = end.at if end is not None else cost.last_fill if cost.status == "filled" else None
        quantity, worth = traded.get(order.id, (ZERO, ZERO))
        average = worth / quantity if quantity else None
        reason = forced.get(order.id) or (end.reason if end is not None else "")
        found.append(Fate(cost.status, cost.filled, average, cost.fills, ended, reason))
    return found
