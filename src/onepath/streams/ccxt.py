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
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.market import Bar, Quote, Trade
from onepath.nearest import nearest
from onepath.ports import Clock
from onepath.streams import markets, wire
from onepath.streams.exchange import KINDS, LATE, Ear, Page, VenueError, stamp
from onepath.streams.life import SECOND, Connection, Stream
from onepath.streams.source import Streams

BINANCES = frozenset({"binance", "binanceus", "binanceusdm", "binancecoinm"})
"""exchanges whose raw messages `wire` reads, and whose aggregate trades are numbered without holes"""
PAGE = 1_000
DEPTH = 20
CACHE = 100_000
"""trades that ccxt may keep until they are drained"""
_WATCH = {"trades": "watchTrades", "bars": "watchOHLCV", "quotes": "watchBidsAsks", "book": "watchOrderBook"}
_log = logging.getLogger("onepath.streams")
_T = TypeVar("_T")


class _Call:
    """One connection being listened to: who hears it, and the sockets that ccxt opened for it."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.clients: list[Any] = []
        self.planned = ""
        self.pausing: set[Any] = set()


_call: ContextVar[_Call | None] = ContextVar("onepath_call", default=None)


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
        self._unified: dict[str, str] = {}
        self._symbol_of: dict[str, str] = {}
        self._calls: list[_Call] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._alone_until = 0.0
        self._ccxt = self._made(name, url, terms)
        self._timeframe = self._timeframe_of(interval_ns) if "bars" in self._kinds else "1m"

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
            {"timeout": round(terms.answer_within * 1_000), "options": options, "newUpdates": True}
        )
        made.has["fetchCurrencies"] = False
        keep_alive = round(min(terms.stale_after, 30.0) * 1_000)
        made.streaming = {**(made.streaming or {}), "keepAlive": max(keep_alive, 1_000)}
        if url:
            made.urls["api"] = markets.moved(made.urls["api"], url)
            if name in BINANCES and "spot" in made.urls["api"].get("ws", {}):
                made.urls["api"]["ws"]["spot"] = markets.moved("wss://x/stream/ws", url)
        make_client = made.client

        def client(address: str) -> Any:
            return self._guarded(make_client(address))

        made.client = client
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
        self._unified = {s: m["symbol"] for s, m in chosen.items()}
        self._symbol_of = {m["symbol"]: s for s, m in chosen.items()} | {m["id"]: s for s, m in chosen.items()}

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
            rows = await self._rest(self._ccxt.fetch_ohlcv(self._unified[symbol], self._timeframe, since, limit))
            found = sorted((self._bar(symbol, row) for row in rows), key=lambda bar: bar.start)
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

    def _bar(self, symbol: str, row: Sequence[Any]) -> Bar:
        start = int(row[0])
        end = start + self._interval_ns // wire.MS - 1
        try:
            return wire.bar_of(symbol, start, end, *(float(value or 0.0) for value in row[1:6]))
        except (TypeError, ValueError) as error:
            raise wire.UnreadableError(f"{self.name} has a bar of {symbol} that cannot be: {error}") from None

    async def trades(self, symbol: str, after: int) -> Page:
        unified = self._unified[symbol]
        if self.numbered:
            params = {"fromId": after + 1} if after else {}
            found = await self._rest(self._ccxt.fetch_trades(unified, None, PAGE, params))
        else:
            found = await self._rest(self._ccxt.fetch_trades(unified, after // wire.MS or None, PAGE))
        trades = [self._trade(symbol, trade) for trade in found]
        trades.sort(key=lambda trade: (trade.id, trade.venue_at) if self.numbered else (trade.venue_at, 0))
        return Page(trades, len(trades) >= PAGE if self.numbered else bool(trades))

    def _trade(self, symbol: str, trade: Mapping[str, Any]) -> Trade:
        try:
            side = {"buy": 1, "sell": -1}.get(trade.get("side") or "", 0)
            number = int(trade["id"]) if self.numbered else 0
            event = Trade(
                symbol,
                0,
                float(trade["price"]),
                float(trade["amount"]),
                side,
                int(trade["timestamp"]) * wire.MS,
                number,
            )
        except (TypeError, ValueError, LookupError) as error:
            raise wire.UnreadableError(f"{self.name} has a trade of {symbol} that cannot be read: {error!r}") from None
        if not (0 < event.price < wire.HIGHEST and 0 <= event.size < wire.HIGHEST):
            raise wire.UnreadableError(f"{self.name} has a trade of {symbol} that cannot be: {event}")
        return event

    async def quote(self, symbol: str) -> Quote | None:
        if self._ccxt.has.get("fetchBidsAsks"):
            tickers = await self._rest(self._ccxt.fetch_bids_asks([self._unified[symbol]]))
            return self._quote(symbol, tickers.get(self._unified[symbol]) or {})
        if self._ccxt.has.get("fetchTicker"):
            return self._quote(symbol, await self._rest(self._ccxt.fetch_ticker(self._unified[symbol])))
        return None

    def _quote(self, symbol: str, ticker: Mapping[str, Any]) -> Quote | None:
        """None where the ticker has no two sides, or crosses."""
        try:
            bid, ask = float(ticker["bid"]), float(ticker["ask"])
            sizes = float(ticker.get("bidVolume") or 0.0), float(ticker.get("askVolume") or 0.0)
            if not (0 < bid < ask < wire.HIGHEST and 0 <= min(sizes) <= max(sizes) < wire.HIGHEST):
                return None
            return Quote(symbol, 0, bid, ask, *sizes, int(ticker.get("timestamp") or 0) * wire.MS)
        except (TypeError, ValueError, LookupError):
            return None

    async def book(self, symbol: str) -> wire.Depth | None:
        limit = PAGE if self._raw else DEPTH
        found = await self._rest(self._ccxt.fetch_order_book(self._unified[symbol], limit))
        return self._depth(symbol, found)

    def _depth(self, symbol: str, book: Mapping[str, Any]) -> wire.Depth:
        try:
            bids, asks = (
                tuple((float(level[0]), float(level[1])) for level in book[side]) for side in ("bids", "asks")
            )
            number = int(book.get("nonce") or 0) if self._raw else 0
            at = int(book.get("timestamp") or 0) * wire.MS
            return wire.Depth(symbol, at, bids, asks, number, number, snapshot=True)
        except (TypeError, ValueError, LookupError) as error:
            raise wire.UnreadableError(f"{self.name} has a book of {symbol} that cannot be read: {error!r}") from None

    # -- sockets ---------------------------------------------------------------------------------------------------------

    def connections(self) -> Sequence[Sequence[Stream]]:
        return [[(symbol, kind) for symbol in self._symbols] for kind in self._kinds]

    async def listen(self, streams: Sequence[Stream], ear: Ear) -> None:
        kind = streams[0][1]
        watch = {"trades": self._watch_trades, "bars": self._watch_bars, "quotes": self._watch_quotes}
        async with self._calling(ear):
            if self._raw:
                await self._watch_raw(kind, [symbol for symbol, _ in streams])
            loops = [watch.get(kind, self._watch_book)(symbol, ear) for symbol, _ in streams]
            await _together(loops)

    @asynccontextmanager
    async def _calling(self, ear: Ear) -> AsyncIterator[None]:
        """Everything that ends what is inside is a VenueError; its sockets are closed behind it."""
        call = _Call(ear)
        self._calls.append(call)
        token = _call.set(call)
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise VenueError(call.planned or "the socket was closed", planned=bool(call.planned)) from None
        except self._library.BaseError as error:
            if call.planned:
                raise VenueError(call.planned, planned=True) from None
            after = max((client.last_retry_after or 0.0 for client in call.clients), default=0.0)
            raise VenueError(str(self._refused(error)), retry_after=after) from None
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise VenueError(f"ccxt stopped at {error!r}") from None
        finally:
            _call.reset(token)
            self._calls.remove(call)
            self._hang_up(call)

    def _hang_up(self, call: _Call) -> None:
        """Forget the sockets at once and close them in the background: a dead one takes its time."""
        for client in call.clients:
            if any(client in other.clients for other in self._calls):
                continue
            if self._ccxt.clients.get(client.url) is client:
                del self._ccxt.clients[client.url]
            for future in list(client.futures.values()):
                future.cancel()
            task = asyncio.ensure_future(_closed(client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._ccxt.ws_dial_backoff = {}  # how long to wait is for `life` to say

    async def close(self) -> None:
        with suppress(Exception):
            async with asyncio.timeout(5):
                await asyncio.gather(*self._closing, self._ccxt.close(), return_exceptions=True)

    def _guarded(self, client: Any) -> Any:
        """A ccxt client whose handler cannot end its receive loop, and that says who hears it."""
        call = _call.get()
        if call is not None and client not in call.clients:
            call.clients.append(client)
        if "handle_message" in vars(client):
            return client
        original = client.handle_message

        def handle(message: Any) -> None:
            data = message.data
            framed = isinstance(data, str | bytes) and bool(data) and message.type.name in ("TEXT", "BINARY")
            try:
                if framed:
                    self._arrived(client)
                    if self._raw and self._told(client, data):
                        client.last_message_at = self._ccxt.milliseconds()
                        return
                original(message)
            except Exception as error:  # whatever a frame does to ccxt, the next one is read
                shown = (
                    f"; it begins {wire.head(data)}" if framed and not isinstance(error, wire.UnreadableError) else ""
                )
                for listening in self._hearers(client):
                    listening.ear.bad(wire.UnreadableError(f"{error!r}{shown}") if shown else error)

        client.handle_message = handle
        return client

    def _hearers(self, client: Any) -> list[_Call]:
        return [call for call in self._calls if client in call.clients]

    def _arrived(self, client: Any) -> None:
        for call in self._hearers(client):
            call.ear.connected()
            if call.ear.crowded and client not in call.pausing:
                call.pausing.add(client)
                task = asyncio.ensure_future(_paused(client, call))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    # -- the Binance family: raw messages --------------------------------------------------------------------------------

    async def _watch_raw(self, kind: str, symbols: Sequence[str]) -> None:
        """Let ccxt subscribe; its futures never resolve, because the messages do not reach it: they raise when it ends."""
        names = [self._unified[symbol] for symbol in symbols]
        while True:
            if kind == "trades":
                await self._ccxt.watch_trades_for_symbols(names, params={"name": "aggTrade"})
            elif kind == "bars":
                await self._ccxt.watch_ohlcv_for_symbols([[name, self._timeframe] for name in names])
            elif kind == "quotes":
                await self._ccxt.watch_bids_asks(names)
            else:
                await self._ccxt.watch_order_book_for_symbols(names)

    def _told(self, client: Any, data: str | bytes) -> bool:
        """Decode a frame and tell who listens; False where it is ccxt's business (replies)."""
        message = wire.decode(data)
        kind = type(message)
        if kind is wire.Reply:
            return False
        if kind is wire.Notice:
            if message.name == "serverShutdown":  # type: ignore[union-attr]
                for call in self._hearers(client):
                    call.planned = "the venue announced that it shuts this connection down"
                client.reject(self._library.NetworkError("serverShutdown"))
            return True
        for call in self._hearers(client):
            self._pass(call.ear, message)
        return True

    def _pass(self, ear: Ear, message: Any) -> None:
        kind = type(message)
        name = message.bar.symbol if kind is wire.Candle else message.symbol
        symbol = self._symbol_of.get(name)
        if symbol is None:
            return
        if kind is Trade:
            stamp(message, "symbol", symbol)
            ear.trade(message)
        elif kind is Quote:
            stamp(message, "symbol", symbol)
            ear.quote(message)
        elif kind is wire.Depth:
            ear.depth(message._replace(symbol=symbol))
        elif message.interval == self._timeframe:
            stamp(message.bar, "symbol", symbol)
            ear.bar(message.bar, closed=message.closed)

    # -- any other exchange: what ccxt makes of the messages --------------------------------------------------------------

    async def _watch_trades(self, symbol: str, ear: Ear) -> None:
        unified = self._unified[symbol]
        while True:
            trades = await self._ccxt.watch_trades(unified)
            with suppress(KeyError):
                self._ccxt.trades[unified].clear()  # what is drained need not be kept
            for trade in trades:
                self._hear(ear, lambda trade=trade: ear.trade(self._trade(symbol, trade)))  # type: ignore[misc]

    async def _watch_bars(self, symbol: str, ear: Ear) -> None:
        while True:
            rows = await self._ccxt.watch_ohlcv(self._unified[symbol], self._timeframe)
            if rows:
                self._hear(ear, lambda rows=rows: ear.bar(self._bar(symbol, rows[-1]), closed=False))  # type: ignore[misc]

    async def _watch_quotes(self, symbol: str, ear: Ear) -> None:
        unified = self._unified[symbol]
        both = self._ccxt.has.get("watchBidsAsks")
        while True:
            ticker = await (self._ccxt.watch_bids_asks([unified]) if both else self._ccxt.watch_ticker(unified))
            quote = self._quote(symbol, (ticker.get(unified) if both else ticker) or {})
            if quote is not None:
                ear.quote(quote)

    async def _watch_book(self, symbol: str, ear: Ear) -> None:
        while True:
            book = await self._ccxt.watch_order_book(self._unified[symbol])
            best = {**book, "bids": book["bids"][:DEPTH], "asks": book["asks"][:DEPTH]}
            self._hear(ear, lambda best=best: ear.depth(self._depth(symbol, best)))  # type: ignore[misc]

    @staticmethod
    def _hear(ear: Ear, tell: Callable[[], None]) -> None:
        try:
            tell()
        except wire.UnreadableError as error:
            ear.bad(error)


async def _together(loops: Sequence[Awaitable[None]]) -> None:
    """All of them until the first one ends."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _closed(client: Any) -> None:
    with suppress(Exception):
        async with asyncio.timeout(1):
            await client.aiohttp_close()


async def _paused(client: Any, call: _Call) -> None:
    """Read no more of this socket until the session has caught up: the venue's buffers fill, not our memory."""
    with suppress(AttributeError):
        client.connection._conn.protocol.pause_reading()
    await call.ear.room()
    call.pausing.discard(client)
    with suppress(AttributeError):
        client.connection._conn.protocol.resume_reading()


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
