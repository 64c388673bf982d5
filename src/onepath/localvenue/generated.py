"""A market made of nothing: seeded random walks of any number of symbols, for ever.

Rules: equal seed, equal prices, sizes and sides, trade by trade, on every machine; only the moments follow the clock.
Trades come `rate` times a second a symbol, at random distances; with `flood` there are exactly so many a second in all, at
equal distances, and no quotes but one in 100 trades: a load to measure with.
Cost: 2 us a trade.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heapreplace

from onepath.localvenue.amounts import ONE
from onepath.localvenue.happenings import Listing, Print, Quoted, Timed

NAMES = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK", "DOT", "AVAX", "UNI", "ATOM")
_PRICES = (61_800.0, 2_650.0, 155.0, 0.61, 0.35, 0.105, 64.0, 10.4, 4.6, 22.1, 5.9, 4.7)
_SECOND = 1_000_000_000


def names(count: int) -> list[str]:
    """The first `count` symbols."""
    known = [f"{name}USDT" for name in NAMES[:count]]
    return known + [f"COIN{i}USDT" for i in range(len(known) + 1, count + 1)]


class Walk:
    """One symbol's prices: steps of a few ticks, now and then towards where it began."""

    def __init__(self, symbol: str, seed: int) -> None:
        self.symbol = symbol
        self.draw = random.Random(f"{seed}:{symbol}")  # noqa: S311 - a market, not a secret
        base = symbol.removesuffix("USDT")
        begin = _PRICES[NAMES.index(base)] if base in NAMES else self.draw.uniform(1, 500)
        self.tick = next(t for t in (1_000_000, 10_000, 100) if begin * ONE / t > 5_000)
        self.lot = max(1_000, round(10 / begin * ONE / 1_000) * 1_000)
        self.home = self.price = round(begin * ONE / self.tick)
        self.spread = max(1, self.home // 20_000)

    def step(self) -> Print:
        """The next trade."""
        chance = self.draw.random()
        pull = 0.04 * (self.home - self.price) / self.home * 10
        bought = chance < 0.5 + pull
        move = int(self.draw.expovariate(0.9)) * self.spread
        self.price = max(self.spread + 1, self.price + (move if bought else -move))
        quantity = self.lot * (1 + int(self.draw.expovariate(0.08)))
        return Print(self.symbol, self.price * self.tick, quantity, bought)

    def quote(self, last: Print) -> Quoted:
        """The book a trade happens in: it takes what is best."""
        width = self.spread * self.tick
        bid, ask = (last.price - width, last.price) if last.bought else (last.price, last.price + width)
        size = last.quantity + self.lot * (1 + self.draw.getrandbits(5))
        return Quoted(self.symbol, bid, size, ask, last.quantity + self.lot * (1 + self.draw.getrandbits(5)))

    @property
    def listing(self) -> Listing:
        return Listing(self.symbol, self.symbol.removesuffix("USDT"), "USDT", self.tick, self.lot)


class Generated:
    """The source."""

    def __init__(self, symbols: Sequence[str], seed: int, rate: float, flood: float | None, history: int) -> None:
        self._symbols, self._seed, self._rate, self._flood, self._history = symbols, seed, rate, flood, history
        self.listings: Mapping[str, Listing] = {symbol: Walk(symbol, seed).listing for symbol in symbols}

    def describe(self) -> Mapping[str, object]:
        pace = {"flood": self._flood} if self._flood else {"rate": self._rate}
        return {"source": "generated", "seed": self._seed, "symbols": list(self._symbols), **pace}

    def play(self, now: int) -> Iterator[Timed]:
        walks = [Walk(symbol, self._seed) for symbol in self._symbols]
        return self._even(walks, now) if self._flood else self._random(walks, now)

    def _random(self, walks: list[Walk], now: int) -> Iterator[Timed]:
        """Trades at random distances."""
        begin = now - self._history
        due = [(begin + i, i) for i in range(len(walks))]
        heapify(due)
        while True:
            at, i = due[0]
            walk = walks[i]
            last = walk.step()
            yield at, walk.quote(last)
            yield at, last
            if walk.draw.random() < 0.2:  # an order that takes more than one of the book's
                yield at, last._replace(quantity=walk.lot)
            wait = walk.draw.expovariate(self._rate)
            heapreplace(due, (at + 1 + int(wait * _SECOND), i))

    def _even(self, walks: list[Walk], now: int) -> Iterator[Timed]:
        """Trades at equal distances, the symbols in turn."""
        begin, number, count = now - self._history, 0, len(walks)
        rate = self._flood or 1.0
        while True:
            walk = walks[number % count]
            at, last = begin + int(number * _SECOND / rate), walk.step()
            if number // count % 100 == 0:
                yield at, walk.quote(last)
            yield at, last
            number += 1
