"""One symbol's order book at the venue: what rests at which price, and the number of each change.

Rules: every change has the next number; a change that changes nothing has none. Prices and sizes in units.
Cost: a change of one level 1 to 2 us.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

Levels = list[tuple[int, int]]


class Top(NamedTuple):
    """Best bid and ask with their sizes; zeros where a side is empty."""

    bid: int
    bid_size: int
    ask: int
    ask_size: int


class Side:
    """The levels of one side: sizes by price, and the prices in order."""

    __slots__ = ("prices", "sizes")

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.sizes: dict[int, int] = {}

    def set(self, changes: Iterable[tuple[int, int]]) -> Levels:
        """Set sizes by price, 0 takes a level out; what really changed."""
        done = []
        for price, size in changes:
            had = self.sizes.get(price, 0)
            if had == size:
                continue
            done.append((price, size))
            if not size:
                del self.sizes[price]
                del self.prices[bisect_left(self.prices, price)]
                continue
            if not had:
                insort(self.prices, price)
            self.sizes[price] = size
        return done


class Depth:
    """Both sides, and the number of the last change."""

    def __init__(self) -> None:
        self.bids, self.asks = Side(), Side()
        self.number = 0

    def change(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> tuple[Levels, Levels] | None:
        """Set levels; what changed under the new number, or None where nothing did."""
        done = self.bids.set(bids), self.asks.set(asks)
        if not (done[0] or done[1]):
            return None
        self.number += 1
        return done

    @property
    def top(self) -> Top:
        bids, asks = self.bids, self.asks
        bid = bids.prices[-1] if bids.prices else 0
        ask = asks.prices[0] if asks.prices else 0
        return Top(bid, bids.sizes.get(bid, 0), ask, asks.sizes.get(ask, 0))

    def levels(self, limit: int) -> tuple[Levels, Levels]:
        """The best levels of bids and asks, the best first."""
        bids, asks = self.bids, self.asks
        best_bids = [(p, bids.sizes[p]) for p in reversed(bids.prices[-limit:])]
        return best_bids, [(p, asks.sizes[p]) for p in asks.prices[:limit]]
