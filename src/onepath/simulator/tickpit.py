"""Orders meet quotes, trades and books: when they arrive, and with every event.

Rules: of one event, sales of what is held come first (they may pay for purchases), then the order of sending. Which rules hold
for a symbol is decided by what its market shows: a book before quotes before trades before bars, which beside ticks are
for looking at alone; see `quotes`, `trades`, `depth`, `queues`.
An order that rests at its price is filled by trades at it as its queue model says, at its limit, as maker.
Cost: an event between the prices at which something happens (`Place.matters`) does not come here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from onepath.book import Book
from onepath.events import Fill
from onepath.instruments import ZERO, exact
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade
from onepath.orders import TimeInForce
from onepath.simulator import quotes, trades
from onepath.simulator.bars import would_take
from onepath.simulator.depth import Taken, sweep
from onepath.simulator.fills import Chance
from onepath.simulator.house import House
from onepath.simulator.lines import Line
from onepath.simulator.queues import QueueModel
from onepath.simulator.quotes import Met, middle, opposite
from onepath.simulator.resting import Place, Resting
from onepath.simulator.slippage import Seen

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_OPENING, _CLOSING, _FOK = TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE, TimeInForce.FOK
TAKES = "post-only would take liquidity"


class TickPit:
    """Where orders meet quotes, trades and books."""

    def __init__(self, house: House, participation: Decimal | None, touch: bool, queue: QueueModel) -> None:
        self._house = house
        self._share = participation
        self._touch = touch
        self._queue = queue

    # -- what the market is

    def show(self, place: Place, event: Quote | Trade | BookUpdate) -> None:
        """Let the place know of the event, and its queues of the sizes in it."""
        if type(event) is Quote:
            place.displayed.show(event)
            self._show_lines(place, event)
        elif type(event) is BookUpdate:
            self._show_book(place, event)
        place.last = event

    def standing(self, place: Place) -> Quote | None:
        """The best prices that stand now, for a symbol that is quoted."""
        book = place.book
        if book is not None and book.ready:
            return Quote(place.symbol, book.at, book.bid, book.ask, book.bid_size, book.ask_size)
        mark, shown = self._house.marks.get(place.symbol), place.displayed.quote
        if type(mark) is Quote and (shown is None or mark.at >= shown.at):
            place.displayed.show(mark)
            return mark
        if type(mark) is BookUpdate and (shown is None or mark.at >= shown.at):
            shown = Quote(mark.symbol, mark.at, mark.bid, mark.ask, 0.0, 0.0)
            place.displayed.show(shown)
        return shown

    def _show_book(self, place: Place, update: BookUpdate) -> None:
        book = place.book
        if book is None:
            if not update.snapshot:  # Its beginning was not seen: the best prices are all that is known.
                place.displayed.show(Quote(update.symbol, update.at, update.bid, update.ask, 0.0, 0.0))
                return
            book = place.book = Book(update.symbol, check="none")
            place.taken = Taken()
        book.apply(update)
        if place.taken:
            place.taken.refresh(update)
        self._show_lines(place, book)

    def _show_lines(self, place: Place, market: Quote | Book) -> None:
        if self._queue.watches:
            for resting in place.orders:
                if resting.queue is not None:
                    resting.queue.shows(market)

    # -- meeting it

    def match(self, place: Place, event: Quote | Trade | BookUpdate) -> None:
        """All that one event does."""
        house, at = self._house, event.at
        self.show(place, event)
        quote = self.standing(place)
        if quote is None:  # nothing but trades was ever shown
            self._traded(place, event)  # type: ignore[arg-type]
        elif type(event) is Trade:
            self._queued(place, event, quote)
        else:
            for resting in self._in_turn(place):
                if not resting.ended and at >= resting.arrives_at:
                    self.meet(resting, place, quote, at)
        house.look(place)

    def meet(self, resting: Resting, place: Place, quote: Quote, at: int) -> None:
        """The order meets the best prices as they stand at `at`."""
        if resting.groups and not resting.available:
            return
        order, house = resting.order, self._house
        time, sign = order.time_in_force, order.side.sign
        if time is _CLOSING or (time is _OPENING and not self._opens(resting, place, at)):
            return
        price = opposite(sign, quote)
        if resting.opened is None and price > 0:
            resting.opened = price
        fresh = resting.fresh
        if order.post_only and fresh and price > 0 and would_take(order, price):
            house.reject(resting, TAKES, at)
            return
        met = quotes.meet(resting, quote, place.instrument)
        resting.fresh = False
        if met is not None:
            self._have(resting, place, quote, met, at, first=fresh)
        if resting.ended:
            return
        if time is _OPENING or (time in _AT_ONCE and (resting.is_limit or resting.takes_all)):
            house.lapse(resting, at)
        elif resting.queue is None and self._queue.watches and resting.is_limit and order.limit is not None:
            book = place.book
            resting.queue = Line(self._queue, sign, order.limit, quote if book is None or not book.ready else book)

    def close(self, resting: Resting, place: Place, at: int) -> None:
        """The session closes: an AT_CLOSE order meets the market as it stands."""
        quote = self.standing(place)
        last = self._house.last(place.symbol)
        if quote is not None:
            resting.fresh = True
            met = quotes.meet(resting, quote, place.instrument)
            if met is not None:
                self._have(resting, place, quote, met, at, first=True)
        elif last is not None:
            resting.fresh = True
            found = trades.meet(resting, Trade(place.symbol, at, last.mark, 0.0), self._touch, place.instrument)
            if found is not None:
                self._house.trade(resting, place, _chance(found, at, Seen(last.mark), None, None, None))
        if not resting.ended:
            self._house.expire(resting, at)

    def post_only_takes(self, resting: Resting, place: Place) -> bool:
        """Whether a post-only order that arrives now would trade at once."""
        quote, last = self.standing(place), self._house.last(place.symbol)
        price = (
            opposite(resting.order.side.sign, quote) if quote is not None else last.mark if last is not None else 0.0
        )
        return price > 0 and would_take(resting.order, price)

    def _opens(self, resting: Resting, place: Place, at: int) -> bool:
        opens, closes = place.calendar.session_bounds(place.calendar.session_date(at))
        return resting.arrives_at <= opens <= at < closes

    def _in_turn(self, place: Place) -> Sequence[Resting]:
        if len(place.orders) < 2:
            return tuple(place.orders)
        brings = self._house.brings_money
        return sorted(place.orders, key=lambda resting: not brings(resting.order))

    def _have(self, resting: Resting, place: Place, quote: Quote, met: Met, at: int, *, first: bool) -> None:
        """Take what is displayed: of the book's levels, or the quote's size."""
        order = resting.order
        sign, mid = order.side.sign, middle(quote)
        opened = None if first or resting.opened is None else exact(resting.opened)
        seen = Seen(float(met.price), 0.0, quote.ask - quote.bid if mid is not None else 0.0, 0.0)
        if place.book is not None and place.book.ready and not met.maker:
            self._sweep(resting, place, place.book, quote, met, _chance(met, at, seen, None, mid, opened))
            return
        inside = self._inside(resting, place) if place.book is not None else None
        room = place.displayed.left(sign, quote) if inside is None else sum((size for _, size in inside), ZERO)
        fill = self._house.trade(resting, place, _chance(met, at, seen, room, mid, opened))
        if fill is None:
            return
        if inside is None:
            place.displayed.take(sign, abs(fill.quantity))
            self._house.watch(place)
        else:
            place.taken.record(sign, _first(inside, abs(fill.quantity)))
        self._children(resting, place, quote, at)

    def _sweep(self, resting: Resting, place: Place, book: Book, quote: Quote, met: Met, chance: Chance) -> None:
        """Take the book's levels, the best first: a fill each."""
        order, lot = resting.order, place.instrument.lot_size
        sign = order.side.sign
        levels = sweep(book, sign, resting.available, None if met.slipped else order.limit, place.taken, lot)
        parts = [
            replace(chance, price=price, room=size, swept=True, seen=chance.seen._replace(price=float(price)))
            for price, size in levels
        ]
        if order.time_in_force is _FOK:
            enough = sum((size for _, size in levels), ZERO) >= resting.remaining
            if not (enough and self._house.teller.allows(resting, place.instrument, parts)):
                return
        for part in parts:
            if resting.ended:
                break
            fill = self._house.trade(resting, place, part)
            if fill is None:
                continue
            place.taken.record(sign, [(part.price, abs(fill.quantity))])
            self._children(resting, place, quote, chance.at)

    def _inside(self, resting: Resting, place: Place) -> list[tuple[Decimal, Decimal]]:
        """The book's levels at or inside the limit of an order at rest: whoever shows them would have met it."""
        book, order = place.book, resting.order
        return [] if book is None else sweep(book, order.side.sign, resting.available, order.limit, place.taken)

    def _children(self, parent: Resting, place: Place, quote: Quote, at: int) -> None:
        """The children of an order that has just filled meet the market as it stands."""
        for child in parent.family.others(parent) if parent.family is not None else ():
            if child.arrived and not child.ended and child.order.symbol == place.symbol:
                self.meet(child, place, quote, at)
            elif child.arrived:
                self._house.places[child.order.symbol].refresh()

    # -- trades

    def _queued(self, place: Place, trade: Trade, quote: Quote) -> None:
        """A trade in a quoted symbol: it reaches those who rest at its price as their queue says, and those whose price it went
        beyond, all together up to its size."""
        given = ZERO
        for resting in tuple(place.orders):
            order, limit = resting.order, resting.order.limit
            if limit is None or not self._rests(resting, trade):
                continue
            sign = order.side.sign
            if (float(limit) - trade.price) * sign > 0 and trade.aggressor != sign:
                reaches = max(exact(trade.size) - given, ZERO)
            else:
                reaches = ZERO if resting.queue is None else resting.queue.traded(trade, given)
            if not reaches or not resting.available:
                continue
            met = Met(limit, slipped=False, maker=True)
            opened = None if resting.opened is None else exact(resting.opened)
            chance = _chance(met, trade.at, Seen(trade.price), reaches, middle(quote), opened)
            fill = self._house.trade(resting, place, chance)
            if fill is not None:
                given += abs(fill.quantity)
                self._children(resting, place, quote, trade.at)

    def _rests(self, resting: Resting, trade: Trade) -> bool:
        """Whether a trade finds the order at rest."""
        return resting.is_limit and not resting.ended and not resting.fresh and trade.at >= resting.arrives_at

    def _traded(self, place: Place, trade: Trade) -> None:
        """A trade in a symbol that shows nothing else."""
        house = self._house
        room = None if self._share is None else exact(trade.size) * self._share
        for resting in self._in_turn(place):
            if resting.ended or trade.at < resting.arrives_at or not resting.available:
                continue
            time = resting.order.time_in_force
            if time is _CLOSING or (time is _OPENING and not self._opens(resting, place, trade.at)):
                continue
            first = resting.opened is None
            met = trades.meet(resting, trade, self._touch, place.instrument)
            fill: Fill | None = None
            if met is not None:
                opened = None if resting.opened is None else exact(resting.opened)
                fill = house.trade(resting, place, _chance(met, trade.at, Seen(trade.price), room, None, opened))
            if first:
                resting.opened = trade.price
            if fill is not None and room is not None:
                room -= abs(fill.quantity)
            if resting.ended:
                continue
            if time is _OPENING or (time in _AT_ONCE and not resting.fresh and (resting.is_limit or resting.takes_all)):
                house.lapse(resting, trade.at)


def _first(levels: Sequence[tuple[Decimal, Decimal]], quantity: Decimal) -> list[tuple[Decimal, Decimal]]:
    """The first of the levels, up to a quantity."""
    found = []
    for price, size in levels:
        part = min(size, quantity)
        if part > ZERO:
            found.append((price, part))
        quantity -= part
    return found


def _chance(met: Met, at: int, seen: Seen, room: Decimal | None, mid: Decimal | None, opened: Decimal | None) -> Chance:
    return Chance(met.price, met.slipped, met.maker, at, seen, room, None, None, mid, opened)


def is_tick(event: MarketEvent | None) -> bool:
    """Whether a market is one of quotes, trades or books."""
    return event is not None and type(event) is not Bar
