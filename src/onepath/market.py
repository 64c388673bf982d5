"""What the market says: frozen values, floats, times in integer nanoseconds since the Unix epoch, UTC.

Rules: `at` is when the news is known (a bar's close; in real time, when it arrived), `start` when a bar began, `venue_at` the
venue's own time where it sent one. Nothing here is ever changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from onepath.instruments import exact


class Bar(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="b", repr_omit_defaults=True):
    """Prices and volume (units) of one interval from `start` to `at`, its close, when it is known."""

    symbol: str
    start: int
    at: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    venue_at: int = 0
    id: int = 0

    @property
    def mark(self) -> float:
        """The price a position is valued at."""
        return self.close


class Quote(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="q", repr_omit_defaults=True):
    """Best bid and offer in money, with their sizes in units (0: unknown), as of `at`."""

    symbol: str
    at: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    venue_at: int = 0
    id: int = 0
    """the venue's number of this update; 0: none"""

    @property
    def mark(self) -> float:
        """The middle of bid and ask."""
        return (self.bid + self.ask) / 2


class Trade(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="t", repr_omit_defaults=True):
    """One public trade (ours is a Fill): price in money, size in units, and the aggressor: +1 the buyer, -1 the seller, 0
    unknown."""

    symbol: str
    at: int
    price: float
    size: float
    aggressor: int = 0
    """who took liquidity: +1 the buyer, -1 the seller, 0 unknown"""
    venue_at: int = 0
    id: int = 0
    """the venue's number of this trade; 0: none"""

    @property
    def mark(self) -> float:
        """The price traded."""
        return self.price


Levels = tuple[tuple[float, float], ...]
"""(price, size) a level; as a change, size 0 takes the level out"""


class BookUpdate(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, tag="u", repr_omit_defaults=True
):
    """One message of an order book (L2): a snapshot, or the levels that changed.

    `first_id` and `last_id` are the venue's update ids (0 where it has none). `bid` and `ask` are the best prices once it
    has been applied, 0.0 where a side is empty: whoever makes the event has rebuilt and checked the book (`onepath.book`).
    """

    symbol: str
    at: int
    bids: Levels
    asks: Levels
    bid: float
    ask: float
    first_id: int = 0
    last_id: int = 0
    snapshot: bool = False
    venue_at: int = 0

    @property
    def mark(self) -> float:
        """The middle of bid and ask; the one there is where a side is empty."""
        return (self.bid + self.ask) / 2 if self.bid and self.ask else self.bid or self.ask


MarketEvent = Bar | Quote | Trade | BookUpdate
KINDS: Mapping[str, type] = {"bars": Bar, "quotes": Quote, "trades": Trade, "book": BookUpdate}
"""what kinds of market data are called, and their type"""
_KIND_OF = {kind: name for name, kind in KINDS.items()}


def kind_of(event: MarketEvent) -> str:
    """Which kind of data an event is: bars, quotes, trades or book."""
    return _KIND_OF[type(event)]


def exact_mark(event: MarketEvent) -> Decimal:
    """The price a position is valued at, exactly: the middle of bid and ask as a person reckons it, 61837.635 where the floats'
    is 61837.634999999995. Decisions, books and limits go by it."""
    kind = type(event)
    if kind is Bar:
        return exact(event.close)  # type: ignore[union-attr]
    if kind is Quote or (kind is BookUpdate and event.bid and event.ask):  # type: ignore[union-attr]
        return (exact(event.bid) + exact(event.ask)) / 2  # type: ignore[union-attr]
    return exact(event.mark)
