"""The sockets of a ccxt exchange: each connection watched by a task of its own, so guarded that nothing ends in silence.

Rules: what ends a connection is a VenueError; its sockets are forgotten at once and closed behind it. No frame can end ccxt's
receive loop (an exception in a handler does, unguarded). Binance's messages are decoded by `wire` before ccxt sees them;
others are what ccxt makes of them, each stream drained by a task of its own and the cache cleared. While the session is far
behind, the sockets are not read.
Limits: of an exchange that has one address for all streams, one lost connection redials all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple

from onepath.market import Quote, Trade
from onepath.streams import parsed, wire
from onepath.streams.exchange import Ear, VenueError, stamp
from onepath.streams.life import Stream

DEPTH = 20
"""levels of a book that ccxt keeps"""


class Named(NamedTuple):
    """What ccxt and the exchange call a symbol, and the kind of its market."""

    unified: str
    id: str
    type: str


class Call:
    """One connection: who hears it, what its symbols are called, and the sockets that ccxt opened for it."""

    def __init__(self, ear: Ear, symbol_of: Mapping[str, str]) -> None:
        self.ear = ear
        self.symbol_of = symbol_of
        """the session's symbol by the exchange's"""
        self.clients: list[Any] = []
        self.planned = ""
        self.pausing: set[Any] = set()


_call: ContextVar[Call | None] = ContextVar("onepath_call", default=None)


class Sockets:
    """Over a ccxt.pro exchange. `raw`: its messages are Binance's, and read here; `refused` makes VenueErrors of ccxt's."""

    def __init__(
        self,
        name: str,
        library: Any,
        made: Any,
        *,
        raw: bool,
        interval_ns: int,
        refused: Callable[[Exception], VenueError],
    ) -> None:
        self.timeframe = "1m"
        self._name, self._library, self._ccxt = name, library, made
        self._raw, self._interval_ns, self._refused = raw, interval_ns, refused
        self._calls: list[Call] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._make_client = made.client
        made.client = self._client

    async def listen(self, streams: Sequence[Stream], names: Mapping[str, Named], ear: Ear) -> None:
        """Watch these streams, all of one kind; always raises."""
        kind, symbols = streams[0][1], [symbol for symbol, _ in streams]
        call = Call(ear, {names[symbol].id: symbol for symbol in symbols})
        async with self._calling(call):
            if self._raw:
                await self._watch_raw(kind, [names[symbol].unified for symbol in symbols])
            watch = {"trades": self._watch_trades, "bars": self._watch_bars, "quotes": self._watch_quotes}
            await _together([watch.get(kind, self._watch_book)(s, names[s].unified, ear) for s in symbols])

    async def close(self) -> None:
        with suppress(Exception):
            async with asyncio.timeout(5):
                await asyncio.gather(*self._closing, self._ccxt.close(), return_exceptions=True)

    # -- a connection ----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _calling(self, call: Call) -> AsyncIterator[None]:
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

    def _hang_up(self, call: Call) -> None:
        """Forget the sockets at once and close them in the background: a dead one takes its time. Whoever else listens to one
        of them is told that it is gone."""
        for client in call.clients:
            if self._ccxt.clients.get(client.url) is client:
                del self._ccxt.clients[client.url]
            for future in client.futures.values():
                future.add_done_callback(_seen)
            client.reject(self._library.NetworkError("the connection is made anew"))
            self._spawn(_closed(client))
        self._ccxt.ws_dial_backoff = {}  # how long to wait is for `life` to say

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # -- a socket --------------------------------------------------------------------------------------------------------

    def _client(self, address: str) -> Any:
        """ccxt asks for its client of an address: it says who hears it, and its handler is guarded."""
        client = self._make_client(address)
        call = _call.get()
        if call is not None and client not in call.clients:
            call.clients.append(client)
        if "handle_message" not in vars(client):
            client.handle_message = self._guarded(client, client.handle_message)
        return client

    def _guarded(self, client: Any, original: Callable[[Any], None]) -> Callable[[Any], None]:
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
            except wire.UnreadableError as error:
                self._bad(client, error)
            except Exception as error:  # whatever a frame does to ccxt, the next one is read
                shown = f"; it begins {wire.head(data)}" if framed else ""
                self._bad(client, wire.UnreadableError(f"{error!r}{shown}"))

        return handle

    def _hearers(self, client: Any) -> list[Call]:
        return [call for call in self._calls if client in call.clients]

    def _bad(self, client: Any, error: Exception) -> None:
        for call in self._hearers(client):
            call.ear.bad(error)

    def _arrived(self, client: Any) -> None:
        for call in self._hearers(client):
            call.ear.connected()
            if call.ear.crowded and client not in call.pausing:
                call.pausing.add(client)
                self._spawn(_paused(client, call))

    # -- the Binance family: raw messages --------------------------------------------------------------------------------

    async def _watch_raw(self, kind: str, names: Sequence[str]) -> None:
        """Let ccxt subscribe; its futures never resolve, because the messages do not reach it: they raise when it ends."""
        while True:
            if kind == "trades":
                await self._ccxt.watch_trades_for_symbols(names, params={"name": "aggTrade"})
            elif kind == "bars":
                await self._ccxt.watch_ohlcv_for_symbols([[name, self.timeframe] for name in names])
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
            self._noticed(client, message.name)  # type: ignore[union-attr]
            return True
        for call in self._hearers(client):
            self._pass(call, message)
        return True

    def _noticed(self, client: Any, name: str) -> None:
        if name == "serverShutdown":
            for call in self._hearers(client):
                call.planned = "the venue announced that it shuts this connection down"
            client.reject(self._library.NetworkError(name))

    def _pass(self, call: Call, message: Any) -> None:
        kind, ear = type(message), call.ear
        symbol = call.symbol_of.get(message.bar.symbol if kind is wire.Candle else message.symbol)
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
        elif message.interval == self.timeframe:
            stamp(message.bar, "symbol", symbol)
            ear.bar(message.bar, closed=message.closed)

    # -- any other exchange: what ccxt makes of the messages --------------------------------------------------------------

    async def _watch_trades(self, symbol: str, unified: str, ear: Ear) -> None:
        while True:
            trades = await self._ccxt.watch_trades(unified)
            with suppress(KeyError):
                self._ccxt.trades[unified].clear()  # what is drained need not be kept
            for found in trades:
                try:
                    ear.trade(parsed.trade(self._name, symbol, found, numbered=False))
                except wire.UnreadableError as error:
                    ear.bad(error)

    async def _watch_bars(self, symbol: str, unified: str, ear: Ear) -> None:
        while True:
            for row in (await self._ccxt.watch_ohlcv(unified, self.timeframe))[-1:]:
                try:
                    ear.bar(parsed.bar(self._name, symbol, row, self._interval_ns), closed=False)
                except wire.UnreadableError as error:
                    ear.bad(error)

    async def _watch_quotes(self, symbol: str, unified: str, ear: Ear) -> None:
        both = self._ccxt.has.get("watchBidsAsks")
        while True:
            ticker = await (self._ccxt.watch_bids_asks([unified]) if both else self._ccxt.watch_ticker(unified))
            found = parsed.quote(symbol, (ticker.get(unified) if both else ticker) or {})
            if found is not None:
                ear.quote(found)

    async def _watch_book(self, symbol: str, unified: str, ear: Ear) -> None:
        while True:
            book = await self._ccxt.watch_order_book(unified)
            best = {**book, "bids": book["bids"][:DEPTH], "asks": book["asks"][:DEPTH]}
            try:
                ear.depth(parsed.depth(self._name, symbol, best, numbered=False))
            except wire.UnreadableError as error:
                ear.bad(error)


async def _together(loops: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All of them until the first one ends."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _seen(future: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more."""
    if not future.cancelled():
        future.exception()


async def _closed(client: Any) -> None:
    with suppress(Exception):
        async with asyncio.timeout(1):
            await client.aiohttp_close()


async def _paused(client: Any, call: Call) -> None:
    """Read no more of this socket until the session has caught up: the venue's buffers fill, not our memory."""
    with suppress(AttributeError):
        client.connection._conn.protocol.pause_reading()
    await call.ear.room()
    call.pausing.discard(client)
    with suppress(AttributeError):
        client.connection._conn.protocol.resume_reading()
