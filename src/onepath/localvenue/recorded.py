"""What somebody recorded, as the venue plays it: bars, trades, quotes and books of any data set onepath can read.

Rules: a bar becomes trades along open, low, high, close (high first where it fell), at equal distances inside the bar,
its volume in equal parts; a bar of a symbol with volumes that has none is no trade. Trades and quotes are played as they
are, a trade without a known taker is a buy at a price not below the last. Data without quotes or books get a quote with
each trade, such that the trade is at the touch; quotes without trades get a trade of one lot when they move.
Beside ticks, bars of the same symbol are left out. Every trade has at least one lot.
Limits: bars of different lengths in one data set keep their order, not their distances.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.localvenue.amounts import on_grid, units
from onepath.localvenue.happenings import Happening, Levelled, Listing, Print, Quoted, Timed
from onepath.localvenue.retiming import anchored
from onepath.market import Bar, MarketEvent, Quote, Trade
from onepath.ports import Feed

_SECOND = 1_000_000_000
_PAUSE = _SECOND
"""between the last tick of a round and the first of the next, in the data's time"""


def listing(instrument: Instrument) -> Listing:
    """How the venue lists an instrument: in capitals, without what a symbol there may not have; the base is what is before
    the currency, where it does not say."""
    symbol, quote = re.sub(r"[^A-Z0-9_.-]", "", instrument.symbol.upper()), instrument.currency.upper()
    base = instrument.base.upper() or symbol.removesuffix(quote) or symbol
    return Listing(symbol, base, quote, max(1, units(instrument.tick_size)), max(1, units(instrument.lot_size)))


class Symbol:
    """One symbol's events as happenings."""

    def __init__(self, listed: Listing, kinds: frozenset[str], volumes: bool, legs: int) -> None:
        self._symbol, self._tick, self._lot = listed.symbol, listed.tick, listed.lot
        self._quoted = bool(kinds & {"quotes", "book"})
        self._traded = "trades" in kinds or not self._quoted
        self.bars = not kinds & {"trades", "quotes", "book"}
        self._volumes, self._legs = volumes, legs
        self._last = 0
        self._spread = 0
        self._asks = 0

    def _price(self, price: float) -> int:
        return max(self._tick, on_grid(price, self._tick))

    def _size(self, size: float) -> int:
        return max(self._lot, on_grid(size, self._lot))

    def happenings(self, event: MarketEvent) -> Iterator[Happening]:
        """Of one tick."""
        if type(event) is Trade:
            price = self._price(event.price)
            yield from self._print(price, self._size(event.size), event.aggressor)
        elif type(event) is Quote:
            bid, ask = self._price(event.bid), self._price(event.ask)
            yield Quoted(self._symbol, bid, self._size(event.bid_size), ask, self._size(event.ask_size))
            if not self._traded and ask != self._asks:
                rose, self._asks = ask > self._asks, ask
                yield Print(self._symbol, ask if rose else bid, self._lot, rose)
        else:
            yield self._levelled(event)

    def _levelled(self, event: MarketEvent) -> Levelled:
        bids = tuple((self._price(p), on_grid(s, self._lot)) for p, s in event.bids)  # type: ignore[union-attr]
        asks = tuple((self._price(p), on_grid(s, self._lot)) for p, s in event.asks)  # type: ignore[union-attr]
        return Levelled(self._symbol, event.snapshot, bids, asks)  # type: ignore[union-attr]

    def _print(self, price: int, quantity: int, aggressor: int = 0) -> Iterator[Happening]:
        bought = aggressor > 0 if aggressor else price >= self._last
        self._last = price
        if not self._quoted:
            self._spread = self._spread or max(self._tick, price // 10_000 // self._tick * self._tick)
            bid = price - self._spread if bought else price
            yield Quoted(self._symbol, max(bid, self._tick), 2 * quantity, bid + self._spread, 3 * quantity)
        yield Print(self._symbol, price, quantity, bought)

    def walk(self, bar: Bar) -> Iterator[Timed]:
        """A bar's trades along its path."""
        if self._volumes and not bar.volume:
            return
        turns = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
        corners = [self._price(p) for p in (bar.open, *turns, bar.close)]
        count = 3 * self._legs + 1
        lots = max(count, round(self._size(bar.volume) / self._lot))
        for i in range(count):
            leg, part = divmod(i, self._legs)
            begin, end = corners[leg], corners[min(leg + 1, 3)]
            price = begin + round((end - begin) / self._tick * part / self._legs) * self._tick
            quantity = (lots * (i + 1) // count - lots * i // count) * self._lot
            at = bar.start + (bar.at - bar.start) * i // count
            for happening in self._print(price, quantity):
                yield at, happening


class Recording:
    """The source: a feed, opened anew for every round. Without a speed a bar lasts a second, and ticks are as recorded."""

    def __init__(
        self,
        opened: Callable[[], Feed],
        *,
        speed: Fraction | None,
        history: float | int,
        loop: bool = True,
        legs: int = 1,
    ) -> None:
        feed = opened()
        self._opened, self._loop, self._legs = opened, loop, legs
        self._facts = dict(feed.describe())
        self._listed = {s: listing(i) for s, i in feed.instruments.items()}
        self._kinds = {s: frozenset(feed.kinds.get(s, ("bars",))) for s in feed.instruments}
        self._volumes = frozenset(feed.volumes)
        self.listings: Mapping[str, Listing] = {listed.symbol: listed for listed in self._listed.values()}
        self._step = int(self._facts.get("interval_ns") or 0)
        self._speed = speed or Fraction(self._step or _SECOND, _SECOND)
        first = next((e for batch in feed.batches() for e, _ in batch.events()), None)
        if first is None:
            raise ConfigError("the data have no events; name a data set that has some ('onepath data list')")
        self._begin = first.start if isinstance(first, Bar) else first.at
        span = int(self._facts["last_at"]) - self._begin
        self._round = -(-span // self._step) * self._step if self._step else span + _PAUSE
        self._position = self._opening(history, span)

    def _opening(self, history: float | int, span: int) -> int:
        """Where in the data the venue opens: a share of them, or nanoseconds of the venue's time before it."""
        if isinstance(history, float):
            position = int(span * history)
        else:
            position = history * self._speed.numerator // self._speed.denominator
        if self._step:
            position = -(-position // self._step) * self._step
        if not self._loop and position >= self._round:
            raise ConfigError("the history asked for is longer than the data; ask for less, or let the data loop")
        return position

    def describe(self) -> Mapping[str, object]:
        named = self._facts.get("name") or self._facts.get("path") or "frame"
        return {"source": str(named), "speed": float(self._speed), "loop": self._loop}

    def play(self, now: int) -> Iterator[Timed]:
        retiming = anchored(now, self._position, self._speed, self._step)
        number = 0
        while number == 0 or self._loop:
            start = number * self._round
            for at, happening in self._once():
                yield retiming.moment(start + at - self._begin), happening
            number += 1

    def _once(self) -> Iterator[Timed]:
        symbols = {
            s: Symbol(listed, self._kinds[s], s in self._volumes, self._legs) for s, listed in self._listed.items()
        }
        bars: list[Bar] = []
        last = 0
        for batch in self._opened().batches():
            for event, ends in batch.events():
                symbol = symbols[event.symbol]
                if not isinstance(event, Bar):
                    for happening in symbol.happenings(event):
                        yield event.at, happening
                elif symbol.bars:
                    bars.append(event)
                if ends and bars:
                    for at, happening in sorted(
                        (timed for bar in bars for timed in symbols[bar.symbol].walk(bar)), key=lambda timed: timed[0]
                    ):
                        last = max(last, at)
                        yield last, happening
                    bars.clear()
