"""The venue's streams: what each sends, and when.

Rules: trade, aggTrade and bookTicker are sent as they happen. A candle is sent when it has changed, every `pace` at the
most, and once, closed, when its time is over, after the trades in it and before those that follow; an interval without
trades is closed flat. Book changes are collected for 100 ms or 1 s: an update begins with the number after the last one's.
A name that means nothing is taken and stays silent, as at the venue.
"""

from __future__ import annotations

from typing import Any

from onepath.localvenue import wire
from onepath.localvenue.intervals import LENGTHS, following, opening
from onepath.localvenue.market import Grouped, Listed, Market, Moved, Traded
from onepath.localvenue.summaries import average, mini_ticker, ticker

_PARTIAL = {"depth5": 5, "depth10": 10, "depth20": 20}
_PERIODS = {"100ms": 100, "1000ms": 1000}


class Stream:
    """One stream by name, and who listens. This one never says anything."""

    hears: tuple[type, ...] = ()
    """the news it is told of"""
    due: int | None = None
    """the moment (ms) at which it next may have something to say by itself"""

    def __init__(self, name: str, symbol: str = "") -> None:
        self.name, self.symbol = name, symbol
        self.listeners: dict[Any, None] = {}

    def hear(self, sent: int, news: Any) -> bytes | None:
        """What it says to this news, one of those it hears."""
        return None

    def fire(self, now: int, sent: int) -> list[bytes]:
        """What it says now that `due` has come; sets the next."""
        return []


class Trades(Stream):
    hears = (Traded,)

    def hear(self, sent: int, news: Any) -> bytes | None:
        return wire.trade(sent, news.symbol, news.deal)


class Groups(Stream):
    hears = (Grouped,)

    def hear(self, sent: int, news: Any) -> bytes | None:
        return wire.agg_trade(sent, news.symbol, news.group)


class Tops(Stream):
    hears = (Moved,)

    def hear(self, sent: int, news: Any) -> bytes | None:
        return wire.book_ticker(news.symbol, news.number, news.top) if news.best else None


class Klines(Stream):
    """Candles of one length."""

    def __init__(self, name: str, listed: Listed, interval: str, now: int, pace: int) -> None:
        super().__init__(name, listed.listing.symbol)
        self._ladder, self._interval, self._pace = listed.ladder(interval), interval, pace
        self._start = opening(interval, now)
        self._end = following(interval, self._start)
        self._seen = 0
        self._wait(now)

    def _wait(self, now: int) -> None:
        self.due = min(self._end, (now // self._pace + 1) * self._pace)

    def fire(self, now: int, sent: int) -> list[bytes]:
        said = []
        while now >= self._end:
            if (candle := self._ladder.at(self._start)) is not None:
                said.append(wire.kline(sent, self.symbol, self._interval, candle, closed=True))
            self._start, self._seen = self._end, 0
            self._end = following(self._interval, self._start)
        candle = self._ladder.last
        if candle is not None and candle.start == self._start and candle.last != self._seen:
            self._seen = candle.last
            said.append(wire.kline(sent, self.symbol, self._interval, candle, closed=False))
        self._wait(now)
        return said


class DepthChanges(Stream):
    """Changes of the book, collected."""

    hears = (Moved,)

    def __init__(self, name: str, listed: Listed, period: int, now: int) -> None:
        super().__init__(name, listed.listing.symbol)
        self._period = period
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._first = self._last = 0
        self.due = (now // period + 1) * period

    def hear(self, sent: int, news: Any) -> bytes | None:
        self._first = self._first or news.number
        self._last = news.number
        self._bids.update(news.bids)
        self._asks.update(news.asks)
        return None

    def fire(self, now: int, sent: int) -> list[bytes]:
        self.due = (now // self._period + 1) * self._period
        if not self._first:
            return []
        bids, asks = sorted(self._bids.items(), reverse=True), sorted(self._asks.items())
        said = wire.depth_update(sent, self.symbol, self._first, self._last, bids, asks)
        self._first = 0
        self._bids.clear()
        self._asks.clear()
        return [said]


class DepthShown(Stream):
    """The best levels of the book, whenever it has changed."""

    def __init__(self, name: str, listed: Listed, levels: int, period: int, now: int) -> None:
        super().__init__(name, listed.listing.symbol)
        self._depth, self._levels, self._period = listed.depth, levels, period
        self._shown = 0
        self.due = (now // period + 1) * period

    def fire(self, now: int, sent: int) -> list[bytes]:
        self.due = (now // self._period + 1) * self._period
        if self._depth.number == self._shown:
            return []
        self._shown = self._depth.number
        return [wire.encode(wire.snapshot(self._shown, *self._depth.levels(self._levels)))]


class Summaries(Stream):
    """What has become of the day, once a second: of one symbol, or in a list of all that traded."""

    def __init__(self, name: str, listed: list[Listed], what: Any, whole: bool, now: int) -> None:
        super().__init__(name, "" if whole else listed[0].listing.symbol)
        self._listed, self._what, self._whole = listed, what, whole
        self._seen: dict[str, int] = {}
        self.due = (now // 1000 + 1) * 1000

    def fire(self, now: int, sent: int) -> list[bytes]:
        self.due = (now // 1000 + 1) * 1000
        changed = [one for one in self._listed if one.tape.next_number != self._seen.get(one.listing.symbol, 1)]
        for one in changed:
            self._seen[one.listing.symbol] = one.tape.next_number
        said = [self._what(one, now, sent) for one in changed]
        if self._whole:
            return [wire.encode(said)] if said else []
        return [wire.encode(message) for message in said]


_SUMMARIES = {"ticker": ticker, "miniTicker": mini_ticker, "avgPrice": average}
_PLAIN = {"trade": Trades, "aggTrade": Groups, "bookTicker": Tops}


def make(name: str, market: Market, now: int, pace: int) -> Stream:
    """The stream of that name; a silent one where the venue has none."""
    if name in ("!ticker@arr", "!miniTicker@arr"):
        return Summaries(name, list(market.symbols.values()), _SUMMARIES[name[1:-4]], whole=True, now=now)
    symbol, _, rest = name.partition("@")
    listed = market.symbols.get(symbol.upper()) if symbol == symbol.lower() else None
    if listed is None:
        return Stream(name)
    return _PLAIN[rest](name, listed.listing.symbol) if rest in _PLAIN else _timed(name, listed, rest, now, pace)


def _timed(name: str, listed: Listed, rest: str, now: int, pace: int) -> Stream:
    """A stream that speaks at times of its own."""
    what, _, option = rest.partition("@")
    period = _PERIODS.get(option or "1000ms")
    if rest in _SUMMARIES:
        return Summaries(name, [listed], _SUMMARIES[rest], whole=False, now=now)
    if what.startswith("kline_") and what[6:] in LENGTHS and not option:
        return Klines(name, listed, what[6:], now, pace)
    if period and what == "depth":
        return DepthChanges(name, listed, period, now)
    if period and what in _PARTIAL:
        return DepthShown(name, listed, _PARTIAL[what], period, now)
    return Stream(name)
