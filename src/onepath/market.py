"""What the market says: frozen values, floats, times in integer nanoseconds since the Unix epoch, UTC.

Rules: `at` is when the news is known (a bar's close), `start` when a bar began. Nothing here is ever changed.
Limits: the order book comes with the execution work.
"""

from __future__ import annotations

import msgspec


class Bar(msgspec.Struct, frozen=True, gc=False):
    """Prices and volume of one interval; known at `at`, its close."""

    symbol: str
    start: int
    at: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def mark(self) -> float:
        """The price a position is valued at."""
        return self.close


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and offer with their sizes."""

    symbol: str
    at: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float

    @property
    def mark(self) -> float:
        """The middle of bid and ask."""
        return (self.bid + self.ask) / 2


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One public trade (ours is a Fill)."""

    symbol: str
    at: int
    price: float
    size: float

    @property
    def mark(self) -> float:
        """The price traded."""
        return self.price


MarketEvent = Bar | Quote | Trade
