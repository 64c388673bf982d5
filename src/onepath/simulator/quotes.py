"""At what price a quote lets an order trade: the fill rules for quotes, and what is left of the sizes they show.

An order meets the market when it arrives (the quote that stands then; one of the very moment of its arrival comes after it,
unless the order was sent upon it), and then every quote.

- market orders and stops that were hit take the opposite side (buys the ask), slipped on top, up to its displayed size; the
  rest stays at work by its time in force and walks on with the next quotes.
- limit: at its arrival, if the opposite side is at or inside it, at the opposite side's price as taker; afterwards, when the
  opposite side is at or inside its limit, at its own limit as maker. Both up to the displayed size of that quote. Not slipped.
- stops are hit by the side that they trade on: a buy by ask >= stop, a sale by bid <= stop. A stop-limit that is hit works as a
  limit from there: at once as taker, then resting.
- trailing stops follow that side, too: the least ask for buys, the highest bid for sales, from the quote they arrive at; the
  distance is kept on the tick grid, rounded away from the market.
- IOC and FOK: what is there at arrival (for stops: when hit), the rest or all of it is cancelled.
- post-only: rejected at arrival if the opposite side is at or inside the limit.
- AT_OPEN: the first quote at or after the opening of a session that it arrived by. AT_CLOSE: the quote that stands at the
  close of its session. Market orders take the opposite side up to its size, limits if it is no worse; the rest expires.

The size of a quote is given once: not to a second order, nor again while price and size of that side stay the same.
A side without a price gives nothing; a price without a size gives any quantity, because its size is not known.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from onepath.instruments import ZERO, Instrument, exact
from onepath.market import Quote
from onepath.orders import OrderType
from onepath.simulator.trailing import trailed

if TYPE_CHECKING:
    from onepath.simulator.resting import Resting

_MARKET, _LIMIT, _TRAILING = OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP
_TWO = Decimal(2)


class Displayed:
    """What is left of the sizes that a symbol's quotes show."""

    __slots__ = ("_ask", "_bid", "quote")

    def __init__(self) -> None:
        self.quote: Quote | None = None
        self._ask = self._bid = ZERO

    def show(self, quote: Quote) -> None:
        """The market is this now."""
        old = self.quote
        if old is quote:
            return
        if old is not None:
            if self._ask and (quote.ask != old.ask or quote.ask_size != old.ask_size):
                self._ask = ZERO
            if self._bid and (quote.bid != old.bid or quote.bid_size != old.bid_size):
                self._bid = ZERO
        self.quote = quote

    def left(self, sign: int, quote: Quote) -> Decimal | None:
        """What a buyer (+1) or seller (-1) may still have of the quote that stands; None where the size is not known."""
        size, had = (quote.ask_size, self._ask) if sign > 0 else (quote.bid_size, self._bid)
        return max(ZERO, exact(size) - had) if size > 0 else None

    @property
    def had(self) -> bool:
        """Whether anything of it has been had, so that it matters when it changes."""
        return bool(self._ask or self._bid)

    def take(self, sign: int, quantity: Decimal) -> None:
        """That much has been had."""
        if sign > 0:
            self._ask += quantity
        else:
            self._bid += quantity


class Met(NamedTuple):
    """What the market offers an order at this moment."""

    price: Decimal
    slipped: bool
    maker: bool


def opposite(sign: int, quote: Quote) -> float:
    """The price a buyer (+1) or seller (-1) can have at once; 0.0 where there is none."""
    return quote.ask if sign > 0 else quote.bid


def middle(quote: Quote) -> Decimal | None:
    """The middle of the market, where it has two sides."""
    return (exact(quote.bid) + exact(quote.ask)) / _TWO if quote.bid > 0 and quote.ask > 0 else None


def meet(resting: Resting, quote: Quote, instrument: Instrument) -> Met | None:
    """What the quote offers the order; None where it does not trade. Notes that a stop was hit."""
    order = resting.order
    price = opposite(order.side.sign, quote)
    if not price > 0:
        return None
    at_once, resting.fresh = resting.fresh, False
    kind = order.type
    if kind is not _LIMIT and kind is not _MARKET and not resting.triggered:
        if not is_hit(resting, price, instrument):
            return None
        resting.triggered = at_once = True
    if kind is not _LIMIT and resting.takes_all:
        return Met(exact(price), slipped=True, maker=False)
    limit = order.limit
    if limit is None or (price > float(limit) if order.side.sign > 0 else price < float(limit)):
        return None
    return Met(exact(price), slipped=False, maker=False) if at_once else Met(limit, slipped=False, maker=True)


def is_hit(resting: Resting, price: float, instrument: Instrument) -> bool:
    """Whether the price that a stop watches has hit it; a trailing stop first follows it."""
    order = resting.order
    rising = order.side.sign > 0
    stop = order.stop
    if order.type is _TRAILING:
        peak = resting.peak
        if peak is None or (price < peak if rising else price > peak):
            resting.peak = price
            return False
        stop = trailed(order, peak, instrument)
    return price >= float(stop) if rising else price <= float(stop)  # type: ignore[arg-type]  # what is no stop is not asked
