"""Any exchange that ccxt knows, as a Source: public streams and REST, no account. ccxt is imported when it is used.

What ccxt 4.5.90 does that would lose data, and what is done about it here (each has a test):
- its cache of trades forgets all but the newest 1,000: a task of its own drains every stream, and clears the cache;
- it resolves no future and raises nothing on a mute socket: `life` asks by REST, and redials;
- after a reconnect it fetches nothing: `source` does;
- an exception in its message handler ends its receive loop in silence: every client's handler is guarded here;
- its candles do not say whether they are closed: Binance's raw flag is read; elsewhere a candle is fetched by REST once a
  later one has begun, so that one whose last updates were lost is never taken for the truth;
- it never reads Retry-After: we do, and leave the exchange alone as long.
For the Binance family the raw messages are decoded by `wire` instead of ccxt's parsers (exact flags and ids, and a
fraction of the cost), and trades are the aggregate ones (aggTrade), whose numbers REST can be asked from without a key.

Limits: trades of other exchanges have no number without holes, so a loss inside a standing connection goes unnoticed
there; their book is the best 20 levels, a snapshot a message. `url` is exact for Binance; for others every host is
replaced and paths stay, which is right where one server speaks for all of them. Intervals from 1s to 1d.
Cost: importing ccxt takes a second and 110 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.market import KINDS, Bar, Quote
from onepath.nearest import nearest
from onepath.ports import Clock
from onepath.streams import markets, parsed, wire
from onepath.streams.exchange import LATE, Ear, Page, VenueError
from onepath.streams.life import SECOND, Connection, Stream
from onepath.streams.sockets import DEPTH, Named, Sockets
from onepath.streams.source import Streams

BINANCES = frozenset({"binance", "binanceus", "binanceusdm", "binancecoinm"})
"""exchanges whose raw messages `wire` reads, and whose aggregate trades are numbered without holes"""
PAGE = 1_000
TOGETHER = 100
"""symbols on one connection"""
CACHE = 100_000
"""trades that ccxt may keep until they are drained"""
_WATCH = {"trades": "watchTrades", "bars": "watchOHLCV", "quotes": "watchBidsAsks", "book": "watchOrderBook"}
_T = TypeVar("_T")


class CcxtExchange:
    """An Exchange (see source) by its ccxt id."""

    flagged: bool
    numbered: bool

    def __init__(
        self,
        name: str,
        symbols: Sequence[str],
        kinds: Collection[str],
        interval_ns: int,
        url: str,
        terms: Connection,
        *,
        raw: bool = True,
    ) -> None:
        self.name = name
        self.numbered = self.flagged = self._raw = raw and name in BINANCES
        self.instruments: Mapping[str, Instrument] = {}
        self._library = _library()
        self._symbols = tuple(symbols)
        self._kinds = tuple(k for k in KINDS if k in kinds)
        self._interval_ns = interval_ns
        self._names: dict[str, Named] = {}
        self._alone_until = 0.0
        self._ccxt = self._made(name, url, terms)
        self._sockets = Sockets(
            name, self._library, self._ccxt, raw=self._raw, interval_ns=interval_ns, refused=self._refused
        )
        if "bars" in self._kinds:
            self._sockets.timeframe = self._timeframe_of(interval_ns)

    # -- making ----------------------------------------------------------------------------------------------------------

    def _made(self, name: str, url: str, terms: Connection) -> Any:
        pro = self._library.pro
        if name not in pro.exchanges:
            known = (
                f" ({name} has no streams in ccxt)" if name in self._library.exchanges else nearest(name, pro.exchanges)
            )
            raise ConfigError(f"data.source {name!r} is no exchange that ccxt has streams of{known}")
        options: dict[str, Any] = {"tradesLimit": CACHE, "maxRetriesOnFailure": 0}
        if name == "binance":
            types = ["spot", *(["linear"] if any(":" in symbol for symbol in self._symbols) else [])]
            options |= {"fetchMarkets": {"types": types}, "fetchCurrencies": False, "fetchMargins": False}
        made = getattr(pro, name)(
            {"timeout": round(max(terms.answer_within, 20.0) * 1_000), "options": options, "newUpdates": True}
        )
        made.has["fetchCurrencies"] = False
        keep_alive = round(min(terms.stale_after, 30.0) * 1_000)
        made.streaming = {**(made.streaming or {}), "keepAlive": max(keep_alive, 1_000)}
        if url:
            made.urls["api"] = markets.moved(made.urls["api"], url)
            if name in BINANCES and "spot" in made.urls["api"].get("ws", {}):
                made.urls["api"]["ws"]["spot"] = markets.moved("wss://x/stream/ws", url)
        lacking = [k for k in self._kinds if not self._watches(made, k)]
        if lacking:
            raise ConfigError(f"data.kinds: ccxt streams no {' and no '.join(lacking)} of {name}; leave them out")
        return made

    @staticmethod
    def _watches(made: Any, kind: str) -> bool:
        return bool(made.has.get(_WATCH[kind]) or (kind == "quotes" and made.has.get("watchTicker")))

    def _timeframe_of(self, interval_ns: int) -> str:
        frames = self._ccxt.timeframes or {}
        lengths = {self._ccxt.parse_timeframe(frame) * SECOND: frame for frame in frames if frame[-1] not in "wM"}
        if interval_ns not in lengths:
            known = ", ".join(frame for _, frame in sorted(lengths.items()))
            raise ConfigError(
                f"data.interval of {interval_ns // SECOND} s is none that {self.name} has; it has {known}"
            )
        return str(lengths[interval_ns])

    # -- REST ------------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        await self._rest(self._ccxt.load_markets())
        chosen = markets.found(self._symbols, self._ccxt.markets, self.name)
        self.instruments = {s: markets.instrument(s, m, self._ccxt.precisionMode) for s, m in chosen.items()}
        self._names = {s: Named(m["symbol"], m["id"], m.get("type") or "") for s, m in chosen.items()}

    async def _rest(self, call: Coroutine[Any, Any, _T]) -> _T:
        """A request; whatever goes wrong with it is a VenueError. None is made while the exchange wants to be left alone."""
        clock = asyncio.get_running_loop().time
        if clock() < self._alone_until:
            call.close()
            left = self._alone_until - clock()
            raise VenueError(f"{self.name} wants to be left alone for {left:.1f} s", retry_after=left)
        try:
            return await call
        except self._library.BaseError as error:
            refused = self._refused(error)
            self._alone_until = max(self._alone_until, clock() + refused.retry_after)
            raise refused from None
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise VenueError(f"{self.name} answered what ccxt cannot read: {error!r}") from None

    def _refused(self, error: Exception) -> VenueError:
        headers = self._ccxt.last_response_headers or {}
        busy = isinstance(error, self._library.DDoSProtection | self._library.RateLimitExceeded)
        after = next((v for k, v in headers.items() if k.lower() == "retry-after"), "") if busy else ""
        reason = " ".join(str(error).split())[:300]
        seconds = float(after) if after.isdigit() else 0.0
        return VenueError(f"{type(error).__name__}: {reason}", retry_after=seconds)

    async def _time(self) -> int:
        """The exchange's own time: what has ended is its business."""
        if not self._ccxt.has.get("fetchTime"):
            return int(self._ccxt.milliseconds()) * wire.MS
        return int(await self._rest(self._ccxt.fetch_time())) * wire.MS

    async def bars(self, symbol: str, first: int | None, most: int) -> Page:
        """A candle has ended if there is a later one; the last of all only if the exchange's clock and ours both say so."""
        interval, start = self._interval_ns, first
        now = min(await self._time(), int(self._ccxt.milliseconds()) * wire.MS)
        if start is None and most >= PAGE:
            start = now // interval * interval - most * interval
        bars: list[Bar] = []
        while len(bars) < most:
            since = None if start is None else start // wire.MS
            limit = min(PAGE, most - len(bars) + 1)
            rows = await self._rest(
                self._ccxt.fetch_ohlcv(self._names[symbol].unified, self._sockets.timeframe, since, limit)
            )
            found = sorted((parsed.bar(self.name, symbol, row, interval) for row in rows), key=lambda bar: bar.start)
            fresh = [bar for bar in found if start is None or bar.start >= start]
            newest = len(rows) < limit
            if fresh and (fresh[-1].start + interval > now or not newest):
                del fresh[-1]  # it has not ended, or the next page will tell
            bars += fresh
            if start is None or newest or not fresh:
                break
            start = bars[-1].start + interval
        bars = bars[-most:] if first is None else bars[:most]
        certain = (now - LATE) // interval * interval - interval
        return Page(bars, len(bars) >= most, max(certain, bars[-1].start if bars else certain))

    async def trades(self, symbol: str, after: int) -> Page:
        unified = self._names[symbol].unified
        if self.numbered:
            params = {"fromId": after + 1} if after else {}
            found = await self._rest(self._ccxt.fetch_trades(unified, None, PAGE, params))
        else:
            found = await self._rest(self._ccxt.fetch_trades(unified, after // wire.MS or None, PAGE))
        trades = [parsed.trade(self.name, symbol, trade, numbered=self.numbered) for trade in found]
        trades.sort(key=lambda trade: (trade.id, trade.venue_at) if self.numbered else (trade.venue_at, 0))
        return Page(trades, len(trades) >= PAGE if self.numbered else bool(trades))

    async def quote(self, symbol: str) -> Quote | None:
        if self._ccxt.has.get("fetchBidsAsks") is True:  # (emulated ones are not of one moment)
            tickers = await self._rest(self._ccxt.fetch_bids_asks([self._names[symbol].unified]))
            return parsed.quote(symbol, tickers.get(self._names[symbol].unified) or {})
        if self._ccxt.has.get("fetchTicker") is True:
            return parsed.quote(symbol, await self._rest(self._ccxt.fetch_ticker(self._names[symbol].unified)))
        return None

    async def book(self, symbol: str) -> wire.Depth | None:
        limit = PAGE if self._raw else DEPTH
        found = await self._rest(self._ccxt.fetch_order_book(self._names[symbol].unified, limit))
        return parsed.depth(self.name, symbol, found, numbered=self._raw)

    # -- sockets ---------------------------------------------------------------------------------------------------------

    def connections(self) -> Sequence[Sequence[Stream]]:
        """One a kind of stream and of market, and for every hundred symbols."""
        found = []
        for kind in self._kinds:
            for type_ in dict.fromkeys(named.type for named in self._names.values()):
                streams = [(symbol, kind) for symbol, named in self._names.items() if named.type == type_]
                found += [streams[first : first + TOGETHER] for first in range(0, len(streams), TOGETHER)]
        return found

    async def listen(self, streams: Sequence[Stream], ear: Ear) -> None:
        await self._sockets.listen(streams, self._names, ear)

    async def close(self) -> None:
        await self._sockets.close()


def _library() -> Any:
    try:
        import ccxt
        import ccxt.pro
    except ImportError:
        raise ConfigError("data.source needs ccxt, which is not installed; run: pip install 'onepath[live]'") from None
    return ccxt


class CcxtSource(Streams):
    """A Source for any exchange of ccxt: `CcxtSource("binance", clock, symbols=["BTC/USDT"], kinds=("bars", "trades"),
    interval_ns=60_000_000_000)`. `url` points all of it at another address that speaks the exchange's protocol.
    `raw=False` leaves reading Binance's messages to ccxt, as it is for all other exchanges: to compare."""

    def __init__(
        self,
        exchange: str,
        clock: Clock,
        *,
        symbols: Sequence[str],
        kinds: Collection[str],
        interval_ns: int,
        url: str = "",
        connection: Connection | None = None,
        seed: int = 0,
        raw: bool = True,
    ) -> None:
        terms = connection or Connection()
        made = CcxtExchange(exchange, symbols, kinds, interval_ns, url, terms, raw=raw)
        super().__init__(
            made, clock, symbols=symbols, kinds=kinds, interval_ns=interval_ns, connection=terms, seed=seed
        )
