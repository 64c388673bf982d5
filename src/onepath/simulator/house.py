"""The orders at the venue, and what trading does to them and to those that depend on them.

Rules: everything that happens to an order is said once, when it happens. An order that ends leaves its place at once. What fills
of an order is taken off the others of its group; its children are told when it ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from onepath.events import Cancelled, CancelRejected, Expired, Fill, Rejected
from onepath.instruments import ZERO, Instrument
from onepath.market import Bar, MarketEvent, exact_mark
from onepath.orders import Order, Side, TimeInForce
from onepath.simulator.accounts import Account
from onepath.simulator.contingent import OTHER, PARENT, Group, cut, restated
from onepath.simulator.fills import Chance, Teller
from onepath.simulator.reports import Reports
from onepath.simulator.resting import Place, Resting

_BUY, _SHORT = Side.BUY, Side.SHORT
_ENDINGS = {
    TimeInForce.IOC: "immediate or cancel",
    TimeInForce.FOK: "fill or kill",
}


class House:
    """Orders by id and by symbol."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        accounts: Mapping[str, Account],
        marks: Mapping[str, MarketEvent],
        reports: Reports,
    ) -> None:
        self.working: dict[str, Place] = {}
        """places with orders at work, or that must see every event"""
        self.orders: dict[int, Resting] = {}
        """all that have not ended, those on their way included"""
        self.places: dict[str, Place] = {}
        self.accounts = accounts
        self.reports = reports
        self.marks = marks
        self.teller: Teller
        self.instruments = instruments
        self._groups: dict[tuple[str, str], Group] = {}
        self._gone: dict[int, Resting] = {}
        self._goes: deque[tuple[int, int]] = deque()

    # -- places

    def place(self, symbol: str) -> Place:
        """Where the orders of a symbol wait."""
        place = self.places.get(symbol)
        if place is None:
            place = self.places[symbol] = Place(symbol, self.instruments[symbol])
        return place

    def admit(self, resting: Resting, place: Place) -> None:
        """The order has arrived."""
        resting.arrived = True
        place.orders.append(resting)
        self.working[place.symbol] = place

    def look(self, place: Place) -> None:
        """Work out again which events the place wants."""
        if place.orders or place.wide or place.displayed.had:
            place.refresh()
        else:
            self.working.pop(place.symbol, None)

    def watch(self, place: Place) -> None:
        """See every event until the sizes that were had are shown anew."""
        self.working[place.symbol] = place
        place.open_wide()

    def last(self, symbol: str) -> MarketEvent | None:
        """The last event of a symbol; where ticks come beside bars, the last tick."""
        place, mark = self.places.get(symbol), self.marks.get(symbol)
        seen = None if place is None else place.last
        if type(mark) is Bar and place is not None and place.ticked:
            return seen
        return mark if seen is None or (mark is not None and mark.at >= seen.at) else seen

    def price(self, symbol: str) -> Decimal | None:
        """The last price of a symbol."""
        event = self.last(symbol) or self.marks.get(symbol)
        return None if event is None else exact_mark(event)

    def brings_money(self, order: Order) -> bool:
        """Whether it sells what is held: that much goes before its turn, because it may pay for purchases. (What an exit
        has to sell only after its entry waits for its turn.)"""
        return order.side.sign < 0 and self.accounts[order.strategy].quantities.get(order.symbol, ZERO) > 0

    def entering(self, exit_: Order) -> bool:
        """Whether an order at work may still bring what `exit_` is to close."""
        place = self.places[exit_.symbol]
        return any(
            other.order.strategy == exit_.strategy
            and other.order.side.sign != exit_.side.sign
            and (other.order.side is _BUY or other.order.side is _SHORT)
            for other in place.orders
        )

    # -- who belongs to whom

    def link(self, resting: Resting) -> None:
        """Find the parent and the group of an order that has been sent."""
        order = resting.order
        if order.parent_id is not None:
            parent = self.find(order.parent_id)
            if parent is not None:
                if parent.family is None:
                    parent.family = Group(parent=parent)
                parent.family.join(resting)
        if order.group:
            key = order.strategy, order.group
            group = self._groups.get(key)
            if group is None or group.is_over(order.submitted_at):
                group = self._groups[key] = Group(key)
            group.join(resting)

    def find(self, order_id: int) -> Resting | None:
        """An order that is open, or of whose end nobody has heard yet."""
        return self.orders.get(order_id) or self._gone.get(order_id)

    def forget_before(self, at: int) -> None:
        """Everybody has heard of what ended before `at`."""
        goes = self._goes
        while goes and goes[0][0] < at:
            gone = self._gone.pop(goes.popleft()[1], None)
            if gone is not None and gone.groups:
                self._disband(gone)

    def _disband(self, gone: Resting) -> None:
        """Forget the groups of which it was the last; their names are free again."""
        for group in gone.groups:
            if group.key is not None and self._groups.get(group.key) is group and not group.others(gone):
                del self._groups[group.key]

    # -- trading

    def trade_plain(self, resting: Resting, place: Place, bar: Bar) -> bool:
        """The same for a plain order alone in its symbol, where nothing can cut it; False where it has to be looked at."""
        fill = self.teller.plain(resting, place.instrument, bar)
        if fill is None:
            return False
        self.reports.say(fill, bar.start)
        resting.ended = True
        del self.orders[resting.order.id]
        place.orders.clear()
        if not place.wide:
            del self.working[place.symbol]
        return True

    def trade(self, resting: Resting, place: Place, chance: Chance, *, held_only: bool = False) -> Fill | None:
        """Let the order have its chance; says what comes of it, for it and for its group."""
        deal = self.teller.deal(resting, place.instrument, chance, entering=self.entering, held_only=held_only)
        fill = deal.fill
        if fill is not None:
            heard = self.reports.say(fill, chance.at)
            if resting.family is not None:
                resting.family.left += abs(fill.quantity)
            if resting.groups:
                self._take_off(resting, abs(fill.quantity), chance.at)
            if not resting.remaining:
                self._finish(resting, heard, chance.at)
                return fill
        if deal.lost is not None:
            self.end(resting, deal.lost, chance.at)
        return fill

    def _take_off(self, resting: Resting, quantity: Decimal, at: int) -> None:
        for group in resting.groups:
            group.left -= quantity
            for other in group.others(resting):
                if other.arrived:
                    self.reduce(other, quantity, at)
                else:
                    other.late += quantity

    def reduce(self, resting: Resting, quantity: Decimal, at: int) -> None:
        """Another of its group has filled that much."""
        left = resting.remaining - quantity
        if left <= 0:
            self.end(resting, OTHER, at)
        else:
            self._cut(resting, left, OTHER, at)

    def follow_parent(self, resting: Resting, at: int) -> None:
        """If its parent has ended, end the child, or cut it to what the parent filled."""
        parent = next((group.parent for group in resting.groups if group.parent is not None), None)
        if parent is None or not parent.ended:
            if parent is None and resting.order.parent_id is not None:
                self.end(resting, PARENT, at)
            return
        left = resting.available
        if not left:
            self.end(resting, PARENT, at)
        elif left < resting.remaining:
            done = f"parent filled {parent.traded.normalize():f} of {parent.order.quantity.normalize():f}"
            self._cut(resting, left, done, at)

    def _cut(self, resting: Resting, left: Decimal, reason: str, at: int) -> None:
        """Leave the order this much, and say so."""
        less = resting.remaining - left
        cut(resting, left)
        heard = self.reports.say(restated(resting, reason), at)
        if not self.reports.prompt:
            resting.cuts = (*resting.cuts, (heard, less))

    def restate_families(self, place: Place, ratio: Decimal) -> None:
        """A split: what parents have brought to their children here is that many new units."""
        groups = (group for resting in place.orders for group in resting.groups if group.parent is not None)
        for family in dict.fromkeys(groups):
            family.left = place.instrument.round_quantity(family.left * ratio)

    # -- ends

    def end(self, resting: Resting, reason: str, at: int) -> None:
        """The rest of the order is cancelled."""
        order = resting.order
        self._finish(resting, self.reports.say(Cancelled(order.id, order.strategy, order.symbol, reason), at), at)

    def expire(self, resting: Resting, at: int) -> None:
        """Its time is over."""
        order = resting.order
        self._finish(resting, self.reports.say(Expired(order.id, order.strategy, order.symbol), at), at)

    def reject(self, resting: Resting, reason: str, at: int) -> None:
        """The venue does not take it."""
        order = resting.order
        self._finish(resting, self.reports.say(Rejected(order.id, order.strategy, order.symbol, reason), at), at)

    def lapse(self, resting: Resting, at: int) -> None:
        """What was to trade at once, or in an auction, has had its moment."""
        ending = _ENDINGS.get(resting.order.time_in_force)
        if ending is None:
            self.expire(resting, at)
        else:
            self.end(resting, ending, at)

    def keep(self, resting: Resting, reason: str, at: int) -> None:
        """A cancel is refused."""
        order = resting.order
        self.reports.say(CancelRejected(order.id, order.strategy, order.symbol, resting.traded, reason), at)

    def _finish(self, resting: Resting, heard: int, at: int) -> None:
        order = resting.order
        resting.ended = True
        del self.orders[order.id]
        if not resting.plain:
            self._gone[order.id] = resting
            self._goes.append((heard, order.id))
        place = self.places.get(order.symbol)
        if place is not None and resting.arrived:
            place.orders.remove(resting)
            self.look(place)
        if resting.family is not None:
            for child in resting.family.others(resting):
                if child.arrived:
                    self.follow_parent(child, at)
