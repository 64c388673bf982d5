"""The truth: what really happened in a simulated market, whoever saw it.

Rules: everything follows from the seed. Trades of a symbol are numbered without holes and fall on milliseconds; bars are made
of them, one an interval; where nobody traded the bar is flat, or missing where the venue leaves such bars out (`hollow`).
Bars before the beginning are there as far back as anybody asks. Prices are on the instrument's grid.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from onepath.market import Bar, Trade

MS = 1_000_000


class Candle(NamedTuple):
    """A bar as it stood at `at`; `closed` at its end."""

    at: int
    bar: Bar
    closed: bool


class Truth:
    """One symbol's market from `start` on, for `length` nanoseconds."""

    def __init__(
        self,
        symbol: str,
        rng: Random,
        start: int,
        length: int,
        interval: int,
        every: float,
        price: float,
        tick: float,
        calm: int = 1 << 62,
    ) -> None:
        """`every`: seconds between trades, about, and three times that after `calm`; `price` to begin with; `tick` its
        increment."""
        self.symbol = symbol
        self.start = start
        self.interval = interval
        self.hollow = False
        self._rng = rng
        self._tick = tick
        self._digits = max(0, -_exponent(tick))
        self._first = price
        self._end, self._calm = start + length, start + calm
        self.trades = self._traded(price, every)
        self.times = [trade.venue_at for trade in self.trades]
        self.bars = self._made()
        """by start, of the whole length"""
        self._before: list[Bar] = []

    def _traded(self, price: float, every: float) -> list[Trade]:
        rng, at = self._rng, self.start
        found: list[Trade] = []
        number = rng.randrange(1, 10_000)
        level = price / self._tick
        lively = 1.0
        while True:
            lively = rng.choice((0.2, 1.0, 1.0, 4.0)) if rng.random() < 0.05 else lively
            slow = every * lively * (3.0 if at > self._calm else 1.0)
            at += max(0, round(rng.expovariate(1 / slow) * 1_000)) * MS
            if at >= self._end:
                return found
            level = max(10.0, level + rng.gauss(0, level * 0.0008))
            size = round(rng.uniform(0.001, 2.0), 4)
            number += 1
            found.append(
                Trade(self.symbol, 0, self._price(level), size, rng.choice((-1, 1)), max(at, self.start + MS), number)
            )

    def _price(self, level: float) -> float:
        return round(round(level) * self._tick, self._digits)

    def around(self, price: float) -> tuple[float, float]:
        """A tick below and above."""
        return round(price - self._tick, self._digits), round(price + self._tick, self._digits)

    def _made(self) -> dict[int, Bar]:
        bars: dict[int, Bar] = {}
        last = self._price(self._first / self._tick)
        for start in range(self.start, self._end, self.interval):
            of = self.between(start, start + self.interval)
            bars[start] = self._bar(start, of, last)
            last = bars[start].close
        return bars

    def between(self, first: int, before: int) -> Sequence[Trade]:
        """Trades from the time `first` on, before `before`."""
        return self.trades[bisect.bisect_left(self.times, first) : bisect.bisect_left(self.times, before)]

    def _bar(self, start: int, trades: Sequence[Trade], last: float) -> Bar:
        prices = [trade.price for trade in trades] or [last]
        volume = round(sum(trade.size for trade in trades), 4)
        high, low = max(prices), min(prices)
        return Bar(self.symbol, start, 0, prices[0], high, low, prices[-1], volume, start + self.interval)

    def bar(self, start: int) -> Bar | None:
        """The bar of this start as it ended; None: there is none."""
        if start < self.start:
            return self._earlier((self.start - start) // self.interval)
        bar = self.bars.get(start)
        return None if bar is None or (self.hollow and not bar.volume) else bar

    def _earlier(self, number: int) -> Bar:
        """The bar so many before the beginning."""
        rng, tick = self._rng, self._tick
        while len(self._before) < number:
            close = (self._before[-1].open if self._before else self._first) / tick
            open_ = max(10.0, close - rng.gauss(0, close * 0.002))
            high, low = max(close, open_) + rng.random() * 3, min(close, open_) - rng.random() * 3
            start = self.start - (len(self._before) + 1) * self.interval
            prices = [self._price(level) for level in (open_, high, low, close)]
            opened, highest, lowest, closed = prices
            end = start + self.interval
            self._before.append(
                Bar(self.symbol, start, 0, opened, highest, lowest, closed, round(rng.uniform(1, 9), 4), end)
            )
        return self._before[number - 1]

    def candles(self, start: int, parts: int) -> list[Candle]:
        """What a stream says of one bar: how it stands at `parts` moments, then how it ended."""
        found = []
        final = self.bar(start)
        if final is None:
            return []
        for part in range(1, parts + 1):
            at = start + self.interval * part // (parts + 1)
            of = self.between(start, at)
            if of:
                found.append(Candle(at, self._bar(start, of, final.open), closed=False))
        found.append(Candle(start + self.interval, final, closed=True))
        return found


def _exponent(tick: float) -> int:
    """1 for 10, 0 for 1, -2 for 0.01 and 0.05."""
    exponent = 0
    while round(tick * 10**-exponent, 9) % 1:
        exponent -= 1
    return exponent
