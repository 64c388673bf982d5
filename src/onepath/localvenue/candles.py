"""Candles of one length, made of trades.

Rules: a candle holds the trades of [open, next open). A stretch without trades has no candle of its own here; asked for,
it is flat at the close before it, without volume, trades or ids (-1), as the venue shows it. Sums are exact.
Cost: 0.4 us a trade; memory is bounded by `KEPT` candles.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from onepath.localvenue.intervals import LENGTHS, MONTH, following, opening

KEPT = 20_000
"""candles of one length that are held at least; twice as many at most (0.4 kB each)"""


class Candle:
    """One candle; prices and volumes in units, values in units of 1e-16."""

    __slots__ = ("bought", "close", "count", "first", "high", "last", "low", "open", "paid", "start", "value", "volume")

    def __init__(self, start: int, price: int) -> None:
        self.start = start
        self.open = self.high = self.low = self.close = price
        self.volume = self.value = self.count = 0
        self.bought = self.paid = 0
        """volume and value of trades whose taker bought"""
        self.first = self.last = -1
        """trade ids"""

    def add(self, number: int, price: int, quantity: int, bought: bool) -> None:
        """Take a trade in."""
        if self.first < 0:
            self.first = number
        self.last = number
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += quantity
        self.value += price * quantity
        self.count += 1
        if bought:
            self.bought += quantity
            self.paid += price * quantity

    def merge(self, later: Candle) -> None:
        """Take in a finer candle that follows."""
        if self.first < 0:
            self.first = later.first
        self.last = later.last
        self.high, self.low, self.close = max(self.high, later.high), min(self.low, later.low), later.close
        self.volume += later.volume
        self.value += later.value
        self.count += later.count
        self.bought += later.bought
        self.paid += later.paid


class Ladder:
    """All candles of one length, in time order."""

    def __init__(self, interval: str, kept: int = KEPT) -> None:
        self.interval, self._kept = interval, kept
        self._length = LENGTHS[interval]
        self._starts: list[int] = []
        self._candles: list[Candle] = []
        self._until = -1

    @property
    def last(self) -> Candle | None:
        """The candle of the last trade."""
        return self._candles[-1] if self._candles else None

    def add(self, at: int, number: int, price: int, quantity: int, bought: bool) -> None:
        """Take a trade in; trades come in time order."""
        if at >= self._until:
            self._begin(opening(self.interval, at), price)
        self._candles[-1].add(number, price, quantity, bought)

    def merge(self, finer: Candle) -> None:
        """Take in a candle of a length that divides ours."""
        if finer.start >= self._until:
            self._begin(opening(self.interval, finer.start), finer.open)
        self._candles[-1].merge(finer)

    def _begin(self, start: int, price: int) -> None:
        self._starts.append(start)
        self._candles.append(Candle(start, price))
        self._until = following(self.interval, start)
        if len(self._starts) > 2 * self._kept:
            del self._starts[: self._kept], self._candles[: self._kept]

    def held(self) -> Iterator[Candle]:
        """Those with trades."""
        return iter(self._candles)

    def at(self, start: int) -> Candle | None:
        """The candle that begins at `start`; flat where nobody traded, None before the first trade."""
        place = bisect_right(self._starts, start) - 1
        if place < 0:
            return None
        found = self._candles[place]
        return found if found.start == start else Candle(start, found.close)

    def between(self, first: int | None, until: int, limit: int) -> list[Candle]:
        """The candles with `first <= start <= until`, flat ones among them: the first `limit` of them, or without `first`
        the last ones."""
        if not self._starts:
            return []
        if first is None:
            begin = max(self._starts[0], self._back(until, limit))
        else:
            begin = max(self._starts[0], -opening(self.interval, -first) if self._length else first)
        found: list[Candle] = []
        start = opening(self.interval, begin)
        if start < begin:
            start = following(self.interval, start)
        place = bisect_left(self._starts, start)
        while start <= until and len(found) < limit:
            if place < len(self._starts) and self._starts[place] == start:
                found.append(self._candles[place])
                place += 1
            elif place:
                found.append(Candle(start, self._candles[place - 1].close))
            start = following(self.interval, start)
        return found

    def _back(self, until: int, limit: int) -> int:
        """Where the last `limit` candles up to `until` begin."""
        start = opening(self.interval, until)
        if self.interval != MONTH:
            return start - (limit - 1) * self._length
        for _ in range(limit - 1):
            start = opening(MONTH, start - 1)
        return start
