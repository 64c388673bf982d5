"""Orders meet quotes, trades and books: when they arrive, and with every event.

Rules: of one event, sales of what is held come first (they may pay for purchases), then the order of sending. Which rules hold
for a symbol is decided by what its market shows: a book before quotes before trades; see `quotes`, `trades`, `depth`, `queues`.
An order that rests at its price is filled by trades at it as its queue model says, at its limit, as maker.
Cost: an event between the prices at which something happens (`Place.matters`) does not come here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from onepath.book import Book
from onepath.events import Fill
from onepath.instruments import ZERO, exact
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade
from onepath.orders import OrderType, TimeInForce
from onepath.simulator import quotes, trades
from onepath.simulator.bars import would_take
from onepath.simulator.depth import Taken, sweep
from onepath.simulator.fills import Chance
from onepath.simulator.house import House
from onepath.simulator.queues import QueueModel
from onepath.simulator.quotes import Met, middle, opposite
from onepath.simulator.resting import Place, Resting
from onepath.simulator.slippage import Seen

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_OPENING, _CLOSING, _FOK = TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE, TimeInForce.FOK
_LIMIT = OrderType.LIMIT
_TWO = Decimal(2)
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
            before = place.displayed.quote
            place.displayed.show(event)
            if self._queue.watches and before is not None:
                self._sizes_changed(place, before, event)
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
        resting = [r for r in place.orders if r.queue is not None and r.order.limit is not None]
        before = [book.size_at(r.order.side.sign, float(r.order.limit or 0)) for r in resting]
        book.apply(update)
        if place.taken:
            place.taken.refresh(update)
        for r, size in zip(resting, before, strict=True):
            after = book.size_at(r.order.side.sign, float(r.order.limit or 0))
            if after != size and r.queue is not None:
                r.queue.changed(size, after)

    def _sizes_changed(self, place: Place, before: Quote, after: Quote) -> None:
        for resting in place.orders:
            limit = resting.order.limit
            if resting.queue is None or limit is None:
                continue
            level, sign = float(limit), resting.order.side.sign
            old, new = _size_at(before, sign, level), _size_at(after, sign, level)
            if old != new and old is not None and new is not None:
                resting.queue.changed(old, new)

    # -- meeting it

    def match(self, place: Place, event: Quote | Trade | BookUpdate) -> None:
        """All that one event does."""
        house, at = self._house, event.at
        self.show(place, event)
        if type(event) is Trade:
            quoted = self.standing(place) is not None
            if quoted:
                self._queued(place, event)
            else:
                self._traded(place, event)
        else:
            quote = self.standing(place)
            if quote is not None:
                for resting in self._in_turn(place):
                    if not resting.ended and at >= resting.arrives_at:
                        self.meet(resting, place, quote, at)
        if place.orders or place.wide:
            place.refresh()
        else:
            house.working.pop(place.symbol, None)

    def meet(self, resting: Resting, place: Place, quote: Quote, at: int) -> None:
        """The order meets the best prices as they stand at `at`."""
        if not resting.available:
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
        elif resting.queue is None and self._queue.watches and order.type is _LIMIT:
            resting.queue = self._queue.join(self._ahead(place, quote, sign, float(order.limit or 0)))

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
            self._sweep(resting, place, met, _chance(met, at, seen, None, mid, opened))
            return
        room = place.displayed.left(sign) if place.book is None else self._best_left(place, sign)
        fill = self._house.trade(resting, place, _chance(met, at, seen, room, mid, opened))
        if fill is None:
            return
        if place.book is None:
            place.displayed.take(sign, abs(fill.quantity))
        else:
            place.taken.record(sign, [(exact(opposite(sign, quote)), abs(fill.quantity))])
        self._children(resting, place, quote, at)

    def _sweep(self, resting: Resting, place: Place, met: Met, chance: Chance) -> None:
        """Take the book's levels, the best first: a fill each."""
        order, book = resting.order, place.book
        if book is None:
            return
        sign = order.side.sign
        levels = sweep(book, sign, resting.available, None if met.slipped else order.limit, place.taken)
        if order.time_in_force is _FOK and sum((size for _, size in levels), ZERO) < resting.remaining:
            return
        for price, size in levels:
            if resting.ended:
                break
            part = chance._replace(price=price, room=size, swept=True, seen=chance.seen._replace(price=float(price)))
            fill = self._house.trade(resting, place, part)
            if fill is None:
                break
            place.taken.record(sign, [(price, abs(fill.quantity))])
            quote = self.standing(place)
            if quote is not None:
                self._children(resting, place, quote, chance.at)

    def _best_left(self, place: Place, sign: int) -> Decimal | None:
        book = place.book
        if book is None:
            return None
        price, size = (book.ask, book.ask_size) if sign > 0 else (book.bid, book.bid_size)
        return max(ZERO, exact(size) - place.taken.of(-sign, price))

    def _children(self, parent: Resting, place: Place, quote: Quote, at: int) -> None:
        """The children of an order that has just filled meet the market as it stands."""
        for child in parent.family.others(parent) if parent.family is not None else ():
            if child.arrived and not child.ended and child.order.symbol == place.symbol:
                self.meet(child, place, quote, at)
            elif child.arrived:
                self._house.places[child.order.symbol].refresh()

    # -- trades

    def _queued(self, place: Place, trade: Trade) -> None:
        """A trade in a quoted symbol: it reaches those who rest at its price, as their queue says."""
        given = 0.0
        for resting in tuple(place.orders):
            order, queue = resting.order, resting.queue
            if queue is None or order.limit is None or resting.ended or not resting.available:
                continue
            sign, level = order.side.sign, float(order.limit)
            if trade.at < resting.arrives_at or trade.aggressor == sign:
                continue
            beyond = trade.price < level if sign > 0 else trade.price > level
            had = queue.traded(trade.size) if trade.price == level else trade.size if beyond else 0.0
            reaches = had - given
            if reaches <= 0:
                continue
            quote = self.standing(place)
            mid = None if quote is None else middle(quote)
            met = Met(order.limit, slipped=False, maker=True)
            opened = None if resting.opened is None else exact(resting.opened)
            chance = _chance(met, trade.at, Seen(trade.price), exact(reaches), mid, opened)
            fill = self._house.trade(resting, place, chance)
            if fill is not None:
                given += float(abs(fill.quantity))
                if quote is not None:
                    self._children(resting, place, quote, trade.at)

    def _traded(self, place: Place, trade: Trade) -> None:
        """A trade in a symbol that shows nothing else."""
        house = self._house
        room = None if self._share is None else exact(trade.size) * self._share
        for resting in self._in_turn(place):
            if resting.ended or trade.at < resting.arrives_at or not resting.available:
                continue
            order, time = resting.order, resting.order.time_in_force
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
            if time is _OPENING or (time in _AT_ONCE and not resting.fresh and (order.stop is None or met is not None)):
                house.lapse(resting, trade.at)

    def _ahead(self, place: Place, quote: Quote, sign: int, level: float) -> float:
        """The size displayed at the order's price."""
        if place.book is not None and place.book.ready:
            return place.book.size_at(sign, level)
        return _size_at(quote, sign, level) or 0.0


def _size_at(quote: Quote, sign: int, level: float) -> float | None:
    """What a quote shows at a price on the bids (+1) or asks (-1): none at a price better than its best; None where it does
    not say."""
    price, size = (quote.bid, quote.bid_size) if sign > 0 else (quote.ask, quote.ask_size)
    if price == level:
        return size
    better = level > price if sign > 0 else level < price
    return 0.0 if better else None


def _chance(met: Met, at: int, seen: Seen, room: Decimal | None, mid: Decimal | None, opened: Decimal | None) -> Chance:
    return Chance(met.price, met.slipped, met.maker, at, seen, room, None, None, mid, opened)


def is_tick(event: MarketEvent | None) -> bool:
    """Whether a market is one of quotes, trades or books."""
    return event is not None and type(event) is not Bar
