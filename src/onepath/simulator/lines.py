"""A resting limit order in the line at its price, following what quotes, books and public trades show of that price.

Rules: a `Line` is made when the order begins to rest, and again when a replace changes its price or raises its quantity. It is
shown every quote or book of its symbol (`shows`) and every trade (`traded`), in the order they come. What it sees:

| data | size at our price |
|---|---|
| book | that of the level; 0 if the level is not there; unseen beyond the worst known level |
| quotes | that of the best, if our price is the best; 0 if ours is better; unseen if ours is behind, or it has no size |

An unseen size is not nothing: until the price is shown, no trade at it reaches us (but in the model `front`); when it first
is, all that it shows is taken to be ahead. A size that is not seen any more is remembered as it was.
A trade is for us if it printed at our price and its aggressor was not of our side. Of several own orders at a price, in the
order of their arrival, each gets what reaches it less what the trade has given to those before it (`given`): they stand in
one line.
Limits: prices are compared as floats, so an order's price must be one that the data can show (on the tick grid).
Cost: 1 us to show, 2 us a trade at the price (measured).
"""

from __future__ import annotations

from decimal import Decimal
from math import inf

from onepath.book import Book
from onepath.instruments import ZERO, exact
from onepath.market import Quote, Trade
from onepath.simulator.queues import QueueModel


class Line:
    """The place of one resting order, and the size it knows of."""

    __slots__ = ("_price", "_sign", "_size", "position")

    def __init__(self, model: QueueModel, sign: int, price: Decimal, market: Quote | Book | None) -> None:
        """An order to buy (+1) or sell (-1) begins to rest at `price`; `market` is what the venue knows then."""
        self._sign = sign
        self._price = float(price)
        self._size = None if market is None else displayed(market, sign, self._price)
        self.position = model.join(inf if self._size is None else self._size)

    def shows(self, market: Quote | Book) -> None:
        """The market is this now."""
        size, before = displayed(market, self._sign, self._price), self._size
        if size is not None and size != before:
            self.position.changed(size if before is None else before, size)
            self._size = size

    def traded(self, trade: Trade, given: Decimal = ZERO) -> Decimal:
        """How much of a public trade reaches the order, after what it has given to own orders before it in the line."""
        if trade.price != self._price or trade.aggressor == self._sign:
            return ZERO
        reaches = self.position.traded(trade.size)
        return max(exact(reaches) - given, ZERO) if reaches else ZERO


def displayed(market: Quote | Book, sign: int, price: float) -> float | None:
    """The size shown at a price among the bids (+1) or the asks (-1); None where it is not seen."""
    if isinstance(market, Book):
        return market.size_at(sign, price) if market.sees(sign, price) else None
    best, size = (market.bid, market.bid_size) if sign > 0 else (market.ask, market.ask_size)
    if price == best:
        return size if size > 0 else None
    return 0.0 if not best > 0 or (price - best) * sign > 0 else None
