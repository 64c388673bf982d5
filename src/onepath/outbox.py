"""Where orders leave the process: nothing does before what was decided is durable.

Rules: the intent is in the journal, and the journal on the disk, before an order, a replacement or a cancel goes out
(write-ahead); so whatever is found outside after a crash is known here. Each goes out under a name that follows from the
session and the order, the same however often the session is run again: `known` are those that are outside already, and they
are not sent twice.
Limits: whether something that was handed over has arrived is for the venue to say.
Cost: one flush for each thing that goes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal

from onepath.actions import CorporateAction
from onepath.events import VenueReport
from onepath.market import MarketEvent
from onepath.orders import Approved, Order
from onepath.ports import Journal, Venue

Send = Callable[[str, str, Order | None], None]
"""Hands one thing over: its name, what it is (submit, replace, cancel), the order"""


class Outbox:
    """A venue in front of which everything that leaves is recorded, durable, and sent once."""

    def __init__(self, venue: Venue, journal: Journal, send: Send, known: Collection[str] = ()) -> None:
        self._venue = venue
        self._journal = journal
        self._send = send
        self._known = set(known)
        self._asked: Counter[tuple[str, int]] = Counter()

    def name(self, what: str, order_id: int) -> str:
        """What is sent now is called: session, order, and for replaces and cancels which of them."""
        self._asked[what, order_id] += 1
        number = self._asked[what, order_id]
        return f"{self._journal.session_id}-{order_id}" + ("" if what == "submit" else f"-{what}-{number}")

    def _leaves(self, what: str, order_id: int, order: Order | None) -> None:
        name = self.name(what, order_id)
        if name in self._known:
            return
        self._journal.flush()
        self._send(name, what, order)
        self._known.add(name)

    def submit(self, approved: Approved, at: int) -> Sequence[VenueReport]:
        self._leaves("submit", approved.order.id, approved.order)
        return self._venue.submit(approved, at)

    def replace(self, approved: Approved, at: int) -> Sequence[VenueReport]:
        self._leaves("replace", approved.order.id, approved.order)
        return self._venue.replace(approved, at)

    def cancel(self, order_id: int, at: int) -> Sequence[VenueReport]:
        self._leaves("cancel", order_id, None)
        return self._venue.cancel(order_id, at)

    # What does not leave is the venue's own.

    @property
    def working(self) -> Collection[str]:
        return self._venue.working

    @property
    def due(self) -> int:
        return self._venue.due

    def touches(self, event: MarketEvent) -> bool:
        return self._venue.touches(event)

    def match(self, events: Sequence[MarketEvent]) -> Sequence[VenueReport]:
        return self._venue.match(events)

    def advance(self, at: int) -> Sequence[VenueReport]:
        return self._venue.advance(at)

    def act(self, action: CorporateAction) -> Sequence[VenueReport]:
        return self._venue.act(action)

    def open_orders(self) -> Sequence[Order]:
        return self._venue.open_orders()

    def positions(self) -> Mapping[tuple[str, str], Decimal]:
        return self._venue.positions()

    def cash(self) -> Mapping[str, Decimal]:
        return self._venue.cash()
