"""Orders meet the bars of an instant.

Rules: of one instant, fills are made in the order of `bars.Phase`, then sales of what is held (they may pay for purchases),
then in the order of sending. All orders of a bar together take at most `participation` of its volume. What ends an order inside
a bar leaves it the open. See `bars` for prices.
Cost: one market order alone in its symbol, the commonest case, is done without the sorting (`alone`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from itertools import count, groupby
from operator import attrgetter, itemgetter

from msgspec.structs import replace

from onepath.events import Fill
from onepath.instruments import ZERO, exact
from onepath.market import Bar
from onepath.orders import OrderType, TimeInForce
from onepath.simulator.bars import (
    Offer,
    Phase,
    at_closing,
    at_opening,
    auction,
    follow,
    offer,
    offer_after,
    would_take,
)
from onepath.simulator.fills import Chance
from onepath.simulator.house import House
from onepath.simulator.resting import Place, Resting
from onepath.simulator.slippage import Seen

_GTC, _DAY, _OPENING, _CLOSING = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_AT_OPEN, _RESTED, _AT_CLOSE = Phase.AT_OPEN, Phase.RESTED, Phase.AT_CLOSE
_MARKET, _TRAILING = OrderType.MARKET, OrderType.TRAILING_STOP
TAKES = "post-only would take liquidity"
_ended = attrgetter("at")
Unhold = Callable[[Resting, int], None]
Entry = tuple[Phase, bool, int, int, Offer, Resting, Bar]
"""phase, in its turn, order, number; what is offered, to whom, by which bar"""


class BarPit:
    """Where orders meet bars."""

    def __init__(
        self, house: House, participation: Decimal | None, touch: bool, volumes: Collection[str], unhold: Unhold
    ) -> None:
        """`volumes` are the symbols whose bars report one; `unhold` carries out what waited for a bar."""
        self._house = house
        self._share = participation
        self._surely = 0.999 * float(participation or 0)
        self._touch = touch
        self._volumes = volumes
        self._unhold = unhold
        self._entered: set[int] = set()
        """children whose parent filled inside the bar: what came before in it is not theirs"""
        self._offers: dict[int, Offer | None] = {}
        """what the bar offers children that part of a parent had brought to work before"""
        self._caps: dict[int, Decimal] = {}
        """limits among them whose parent filled more inside the bar: what was at work before, which the bar may fill"""

    def alone(self, resting: Resting, place: Place, bar: Bar) -> bool:
        """Fill a market order that is alone in its symbol; False where the case is another."""
        order = resting.order
        if (
            order.type is not _MARKET
            or order.time_in_force is not _GTC
            or resting.held is not None
            or resting.groups
            or resting.family is not None
        ):
            return False
        if bar.start < resting.arrives_at:
            return True
        deep = self._share is None or float(resting.remaining) < self._surely * bar.volume
        if deep and resting.plain and self._house.trade_plain(resting, place, bar):
            return True
        found = Offer(_AT_OPEN, exact(bar.open), True)
        self._house.trade(resting, place, _chance(found, bar, None if deep else self.room(bar), resting, bar.at))
        if not resting.ended and resting.fresh:
            resting.fresh, resting.opened = False, bar.open
        return True

    def room(self, bar: Bar) -> Decimal | None:
        """Quantity that the bar can give to our orders; None without limit."""
        if self._share is None:
            return None
        if bar.volume > 0:
            return exact(bar.volume) * self._share
        return ZERO if bar.symbol in self._volumes else None

    def match(self, bars: Sequence[Bar], known: int | None = None) -> None:
        """All that an instant's bars do; `known` is when they became known, if later than they ended."""
        house = self._house
        known = bars[0].at if known is None else known
        numbers = count()
        entries: list[Entry] = []
        places = [(bar, house.working[bar.symbol]) for bar in bars if bar.symbol in house.working]
        took: list[tuple[Resting, Place, Bar]] = []
        self._entered.clear()
        self._offers.clear()
        self._caps.clear()
        waiting = _waiting(places)
        self._release(waiting, over=False)
        for bar, place in places:
            for resting in tuple(place.orders):
                if not resting.ended and bar.start >= resting.arrives_at:
                    took.append((resting, place, bar))
                    if resting.available:
                        self._enter(entries, next(numbers), resting, place, bar)
        if not any(entry[5].order.side.sign > 0 for entry in entries):
            entries = [entry for entry in entries if entry[1]]  # no purchase waits for money
        heapq.heapify(entries)
        rooms = {bar.symbol: self.room(bar) for bar, _ in places}
        while entries:
            _, in_turn, _, _, found, resting, bar = heapq.heappop(entries)
            if resting.ended:
                continue
            place, room = house.places[bar.symbol], rooms[bar.symbol]
            if self._caps and resting.order.id in self._caps:
                cap = self._caps.pop(resting.order.id)
                room = cap if room is None else min(room, cap)
            fill = house.trade(resting, place, _chance(found, bar, room, resting, known), held_only=not in_turn)
            if fill is None:
                continue
            left = rooms[bar.symbol]
            rooms[bar.symbol] = None if left is None else left - abs(fill.quantity)
            if resting.family is not None:
                for entry in self._children(resting, fill, found.phase, bar, numbers):
                    heapq.heappush(entries, entry)
        for resting, place, bar in took:
            self._after(resting, place, bar)
        self._release(waiting, over=True)
        self._end_day(took)
        for _, place in places:
            if place.orders:
                place.refresh()

    def _end_day(self, took: Sequence[tuple[Resting, Place, Bar]]) -> None:
        """DAY orders end with the bar that closes their session."""
        for resting, place, bar in took:
            alive = resting.order.time_in_force is _DAY and not resting.ended and resting.available
            if alive and at_closing(bar, place.calendar):
                self._house.expire(resting, bar.at)

    def along(self, bars: Sequence[Bar], pieces: Sequence[Bar]) -> None:
        """The same for bars whose path is known: by their finer pieces, one moment after the other."""
        working = self._house.working
        waiting = _waiting([(bar, working[bar.symbol]) for bar in bars if bar.symbol in working])
        for _, moment in groupby(sorted(pieces, key=_ended), key=_ended):
            self.match(tuple(moment), bars[0].at)
        self._release(waiting, over=True)

    def _release(self, waiting: list[tuple[int, int, Resting, Bar]], *, over: bool) -> None:
        """Carry out what waited for the bars, in the order in which it came: before them what came before they began, or is
        about orders that take no part in them; the rest when they are over."""
        for at, _, resting, bar in waiting:
            until = bar.at if over or bar.start < resting.arrives_at else bar.start
            if at <= until and resting.held is not None:
                self._unhold(resting, at)

    def _enter(self, entries: list[Entry], number: int, resting: Resting, place: Place, bar: Bar) -> None:
        """Note what the bar offers the order."""
        found = self._offered(resting, place, bar)
        order = resting.order
        if order.parent_id is not None:
            self._offers[order.id] = found
        if found is None:
            return
        entries.append((found.phase, True, order.id, number, found, resting, bar))
        if self._house.brings_money(order):
            entries.append((found.phase, False, order.id, number, found, resting, bar))

    def _offered(self, resting: Resting, place: Place, bar: Bar) -> Offer | None:
        """What the bar offers, after the order's time in force has been looked at."""
        order, house = resting.order, self._house
        time = order.time_in_force
        if (time is _DAY or time is _CLOSING) and self._is_over(resting, place, bar):
            house.expire(resting, bar.start)
            return None
        if order.post_only and resting.fresh and would_take(order, bar.open):
            house.reject(resting, TAKES, bar.start)
            return None
        if time is _OPENING:
            return auction(resting, bar.open, _AT_OPEN) if at_opening(resting, bar, place.calendar) else None
        if time is _CLOSING:
            closing = at_closing(bar, place.calendar) and not _cut_short(resting, bar)
            return auction(resting, bar.close, _AT_CLOSE) if closing else None
        seen = replace(bar, high=bar.open, low=bar.open) if _cut_short(resting, bar) else bar
        found = offer(resting, seen, self._touch, place.instrument)
        # What is for at once never rests; a stop that is hit inside the bar has its once there.
        return None if found is not None and found.phase is _RESTED and time in _AT_ONCE else found

    def _is_over(self, resting: Resting, place: Place, bar: Bar) -> bool:
        day = place.calendar.session_date(bar.start)
        if resting.day is None:
            resting.day = day
        return day > resting.day

    def _children(self, parent: Resting, fill: Fill, phase: Phase, bar: Bar, numbers: count[int]) -> list[Entry]:
        """What the rest of the bar offers to the children of an order that has just filled."""
        entries: list[Entry] = []
        for child in parent.family.others(parent) if parent.family is not None else ():
            order = child.order
            if order.symbol != bar.symbol or not child.arrived or bar.start < child.arrives_at or not child.available:
                continue
            place = self._house.places[bar.symbol]
            came = parent.order.side.sign * (-1 if phase is _RESTED else 1)
            if order.id in self._offers:
                found = self._more(child, fill, phase, came)
            elif phase is _AT_OPEN:
                found = self._offered(child, place, bar)
            else:
                after = phase is not _AT_CLOSE and not _cut_short(child, bar)
                found = offer_after(child, fill.price, came, bar, self._touch, place.instrument) if after else None
                child.peak = child.opened = float(fill.price)
                self._entered.add(order.id)
            if found is not None:
                child.fresh = child.fresh and found.phase is not _RESTED
                entries.append((max(phase, found.phase), True, order.id, next(numbers), found, child, bar))
        return entries

    def _more(self, child: Resting, fill: Fill, phase: Phase, came: int) -> Offer | None:
        """What the bar offers a child at work when its parent fills more: what it offered before, to more of it. Inside the bar
        a stop is never better than the entry, and to a limit comes only what `offer_after` lets come; the rest of it waits."""
        found, order = self._offers[child.order.id], child.order
        if found is None or phase is _AT_OPEN:
            return found
        if found.slipped:
            worse = max if order.side.sign > 0 else min
            return found._replace(price=worse(found.price, fill.price))
        if came != order.side.sign and (found.price - fill.price) * came > 0:
            return found
        self._caps.setdefault(order.id, max(ZERO, child.available - abs(fill.quantity)))
        return None

    def _after(self, resting: Resting, place: Place, bar: Bar) -> None:
        """The bar is over for an order that took part in it."""
        order, time = resting.order, resting.order.time_in_force
        waits = resting.fresh and not resting.triggered and order.id in self._entered  # its first bar is the next
        if not resting.ended and resting.available and not waits:
            if resting.opened is None:
                resting.opened = bar.open
            resting.fresh = False
            if order.type is _TRAILING and order.id not in self._entered:
                follow(resting, bar)
            if time is _GTC or time is _DAY:
                pass
            elif time in _AT_ONCE:
                if resting.is_limit or resting.takes_all:
                    self._house.lapse(resting, bar.at)
            elif (time is _OPENING and at_opening(resting, bar, place.calendar)) or (
                time is _CLOSING and at_closing(bar, place.calendar)
            ):
                self._house.lapse(resting, bar.at)


def _waiting(places: Sequence[tuple[Bar, Place]]) -> list[tuple[int, int, Resting, Bar]]:
    """Messages that wait for the bars: when, in which order, for what."""
    found = [
        (message[0], message[4], resting, bar)
        for bar, place in places
        for resting in place.orders
        if resting.held is not None
        for message in resting.held
    ]
    found.sort(key=itemgetter(0, 1))
    return found


def _cut_short(resting: Resting, bar: Bar) -> bool:
    """Whether a message that ends the order, or its terms, arrived inside the bar."""
    return resting.held is not None and resting.held[0][0] < bar.at


def _chance(found: Offer, bar: Bar, room: Decimal | None, resting: Resting, known: int) -> Chance:
    phase, price, slipped, maker = found
    at_open = phase is _AT_OPEN
    opened = resting.opened
    if opened is None and not at_open:
        opened = bar.open
    return Chance(
        price,
        slipped,
        maker,
        bar.start if at_open else bar.at,
        Seen(float(price), bar.volume, 0.0, bar.high - bar.low),
        room,
        bar.high,
        bar.low,
        None,
        None if opened is None else exact(opened),
        known,
    )
