"""The driver: one exchange's streams kept alive, whole and in order, and handed to the session.

Rules: a thread with a loop of its own reads the sockets, so that a busy session does not stop pings being answered. What
comes in goes through a keeper (`continuity`); a hole is fetched by REST before what came behind it is handed over; a
lost connection is dialled again as `life` says, and everything since is fetched. The session is told: STALE, then the
events that were missing, then RECOVERED with how many were filled and how many are lost. A message that cannot be read
is logged with its head, counted and left out; the stream goes on.
Limits: what an exchange's REST no longer has, or what has no number to miss it by, cannot be filled; counted where it
can be known.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from random import Random
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from onepath.book import Book
from onepath.errors import ConfigError, DataError
from onepath.events import DataState, DataStatus
from onepath.instruments import Instrument
from onepath.market import Bar, MarketEvent, Quote, Trade
from onepath.ports import Clock
from onepath.streams.continuity import Bars, Quotes, Trades, UnnumberedTrades, behind
from onepath.streams.inbox import Inbox, hurried
from onepath.streams.life import SECOND, Action, Connection, Dial, Drop, Life, Probe, Stream, nanoseconds
from onepath.streams.wire import Depth, UnreadableError

KINDS = ("bars", "quotes", "trades", "book")
LATE = 5 * SECOND
"""how late an exchange may publish a bar: one that it lacks after that had no trades"""
_MOST_PAUSE = 5.0
_LOUD = 10
"""bad messages that are logged one by one; after that every thousandth"""
_log = logging.getLogger("onepath.streams")
_T = TypeVar("_T")
stamp = msgspec.structs.force_setattr


class VenueError(DataError):
    """An exchange did not do what it was asked, or dropped the connection. `retry_after`: seconds it wants to be left
    alone; `planned`: it had announced it."""

    def __init__(self, reason: str, *, retry_after: float = 0.0, planned: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.planned = planned


class Page(NamedTuple):
    """What REST knows of a stream: `events`, oldest first; `more` where there is another page behind it; `through`: for bars,
    the start up to which the answer is complete."""

    events: Sequence[Any]
    more: bool = False
    through: int = -1


class Ear(Protocol):
    """Who listens to a connection. Called on the loop's thread, with events whose `at` is 0."""

    @property
    def crowded(self) -> bool:
        """The session is far behind: await `room` before reading on."""

    def connected(self) -> None: ...
    def trade(self, trade: Trade) -> None: ...
    def bar(self, bar: Bar, *, closed: bool) -> None: ...
    def quote(self, quote: Quote) -> None: ...
    def depth(self, depth: Depth) -> None: ...
    def bad(self, error: Exception) -> None:
        """A message could not be read."""

    async def room(self) -> None:
        """Await before reading on: returns at once unless the session is far behind."""


class Exchange(Protocol):
    """What an adapter brings: REST and sockets of one exchange, in its own words turned into ours. Raises VenueError."""

    name: str
    numbered: bool
    """trades are numbered without holes"""
    flagged: bool
    """bars that stream say whether they are closed"""
    instruments: Mapping[str, Instrument]

    async def open(self) -> None:
        """Load what is known of the symbols. Raises ConfigError for those that are not."""

    def connections(self) -> Sequence[Sequence[Stream]]:
        """Which streams share a connection."""

    async def bars(self, symbol: str, first: int | None, most: int) -> Page:
        """Closed bars from the start `first` on; None: the last ones."""

    async def trades(self, symbol: str, after: int) -> Page:
        """Trades behind number `after` (unnumbered: from the venue's time `after` on)."""

    async def quote(self, symbol: str) -> Quote | None: ...
    async def book(self, symbol: str) -> Depth | None: ...
    async def listen(self, streams: Sequence[Stream], ear: Ear) -> None:
        """Dial, subscribe, and read until the connection is lost. Always raises."""

    async def close(self) -> None: ...


class Streams:
    """A Source (see ports) over an `exchange`."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        *,
        symbols: Sequence[str],
        kinds: Collection[str],
        interval_ns: int,
        connection: Connection | None = None,
        seed: int = 0,
    ) -> None:
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown or not kinds or not symbols:
            raise ConfigError(
                f"data.kinds are {list(kinds)} for symbols {list(symbols)}; expected some of {', '.join(KINDS)}"
            )
        self.terms = connection or Connection()
        self.symbols = tuple(symbols)
        self.kinds: Mapping[str, Collection[str]] = {s: tuple(k for k in KINDS if k in kinds) for s in self.symbols}
        self.volumes: Collection[str] = self.symbols
        self.interval_ns = interval_ns
        self.inbox = Inbox(clock, self.terms.queue)
        self.clock = clock
        self.exchange = exchange
        self.streams: dict[Stream, Keeping] = {}
        self._seed = seed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._opened = False
        self._lines: list[Line] = []
        self._ended = ExitStack()

    # -- the port --------------------------------------------------------------------------------------------------------

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Asks the exchange, once."""
        self._open()
        return self.exchange.instruments

    def describe(self) -> Mapping[str, Any]:
        return {"source": self.exchange.name, "symbols": list(self.symbols), "interval_ns": self.interval_ns}

    def history(self, bars: int) -> Sequence[Bar]:
        self._open()
        return self._ask(self._history(bars))

    def start(self, after: Mapping[tuple[str, str], MarketEvent]) -> None:
        self._open()
        self._ended.enter_context(hurried())
        self._ask(self._start(after))

    def take(self, seconds: float) -> Sequence[MarketEvent | DataStatus]:
        return self.inbox.take(seconds)

    def wake(self) -> None:
        self.inbox.wake()

    def stop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        with suppress(Exception):  # whatever the exchange makes of being left, we leave
            self._ask(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._loop = self._thread = None
        self._ended.close()

    def health(self) -> Mapping[str, Any]:
        """By "symbol kind": last_at, state, events, gaps, filled, missed, duplicates; the connections; the queue."""
        return {
            "queue": self.inbox.health(),
            "connections": [line.health() for line in list(self._lines)],
            "streams": {f"{s} {k}": keeping.health() for (s, k), keeping in list(self.streams.items())},
        }

    # -- the thread ------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if not self._opened:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="onepath-streams", daemon=True)
                self._thread.start()
            self._ask(self.patiently(self.exchange.open))
            self._opened = True

    def _ask(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run `work` on the streams' thread and wait for it."""
        if self._loop is None:
            work.close()
            raise DataError("the source has been stopped; make a new one")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def patiently(self, call: Callable[[], Coroutine[Any, Any, _T]], seconds: float | None = None) -> _T:
        """`call` until it succeeds, for `seconds` (default: the terms' answer_within), leaving the venue alone as it asks."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + (self.terms.answer_within if seconds is None else seconds)
        pause = min(self.terms.pause, 0.1)
        while True:
            try:
                return await asyncio.wait_for(call(), self.terms.answer_within)
            except TimeoutError:
                error = VenueError(f"{self.exchange.name} did not answer within {self.terms.answer_within:g} s")
            except VenueError as refused:
                error = refused
            wait = max(pause, error.retry_after)
            if loop.time() + wait > ends:
                raise error
            await asyncio.sleep(wait)
            pause = min(2 * pause, _MOST_PAUSE)

    async def _history(self, count: int) -> list[Bar]:
        pages = [await self.patiently(lambda s=s: self.exchange.bars(s, None, count)) for s in self.symbols]  # type: ignore[misc]
        bars = [bar for page in pages for bar in page.events[-count:]]
        for bar in bars:
            stamp(bar, "at", bar.start + self.interval_ns)
        return sorted(bars, key=lambda bar: bar.at)  # stable: ties in the order of the symbols

    async def _start(self, after: Mapping[tuple[str, str], MarketEvent]) -> None:
        for number, streams in enumerate(self.exchange.connections()):
            line = Line(self, streams, Random(f"{self._seed} {number}"), after)  # noqa: S311 - jitter
            self._lines.append(line)
            self.streams.update(line.keeping)
            line.begin()

    async def _stop(self) -> None:
        for line in self._lines:
            await line.end()
        await self.exchange.close()


class Keeping:
    """One stream: its keeper, its counts, and the task that fetches what it lacks."""

    def __init__(self, stream: Stream, source: Streams, last: MarketEvent | None) -> None:
        symbol, kind = stream
        terms = source.terms
        self.stream = stream
        self.events = self.gaps = self.filled = self.bad = 0
        self.state = "waiting"
        self.last_at = 0
        self.task: asyncio.Task[None] | None = None
        self.quote: Quote | None = None
        self.waiting: list[Depth] | None = []
        """changes of the book that wait for its snapshot"""
        self.trades: Trades | UnnumberedTrades = (
            Trades(terms.held, last.id if type(last) is Trade else 0)
            if source.exchange.numbered
            else UnnumberedTrades(terms.held, last if type(last) is Trade else None)
        )
        self.bars = Bars(source.interval_ns, terms.held, last.start if type(last) is Bar else None)
        self.quotes = Quotes()
        self.depth = Book(symbol)
        self.known = last is not None
        self.kind = kind

    @property
    def keeper(self) -> Trades | UnnumberedTrades | Bars | Quotes:
        return {"trades": self.trades, "bars": self.bars}.get(self.kind, self.quotes)

    @property
    def idle(self) -> bool:
        """Nothing is being fetched for it."""
        return self.task is None or self.task.done()

    @property
    def missed(self) -> int:
        return getattr(self.keeper, "missed", 0)

    def health(self) -> Mapping[str, Any]:
        return {
            "state": self.state,
            "last_at": self.last_at,
            "events": self.events,
            "gaps": self.gaps,
            "filled": self.filled,
            "missed": self.missed,
            "duplicates": self.keeper.duplicates,
        }


class Line:
    """One connection and its streams, on the loop's thread: an Ear."""

    def __init__(
        self, source: Streams, streams: Sequence[Stream], random: Random, after: Mapping[Stream, MarketEvent]
    ) -> None:
        terms, now = source.terms, source.clock.now()
        quiet = nanoseconds(terms.stale_after)
        limits = {s: quiet + (2 * source.interval_ns if s[1] == "bars" else 0) for s in streams}
        self.keeping = {s: Keeping(s, source, after.get(s)) for s in streams}
        self.life = Life(limits, terms, random, now)
        self.bad_messages = 0
        self._source = source
        self._exchange = source.exchange
        self._put = source.inbox.put
        self._now = source.clock.now
        self._news = asyncio.Event()
        self._socket: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def health(self) -> Mapping[str, Any]:
        life = self.life
        state = "resting" if life.resting and life.state == "waiting" else life.state
        return {
            "state": state,
            "reconnects": life.reconnects,
            "bad_messages": self.bad_messages,
            "streams": len(self.keeping),
        }

    # -- its life --------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._spawn(self._live())

    async def end(self) -> None:
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s: a task of the streams ended", self._exchange.name, exc_info=task.exception())
            self._act(self.life.lost(self._now(), f"{task.exception()!r}"))

    async def _live(self) -> None:
        while True:
            self._act(self.life.tick(self._now()))
            self._news.clear()
            wait = min(max(self.life.due - self._now(), 0) / SECOND + 0.001, 1.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait)

    def _act(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if type(action) is DataStatus:
                self._tell(action)
            elif type(action) is Dial:
                self._drop()
                self._socket = self._spawn(self._listen())
            elif type(action) is Drop:
                _log.warning("%s: connection lost: %s", self._exchange.name, action.reason)
                self._drop()
            elif type(action) is Probe:
                self._spawn(self._probe(action.stream))
        self._news.set()

    def _tell(self, status: DataStatus) -> None:
        keeping = self.keeping[status.symbol, status.stream]
        keeping.state = "stale" if status.state is DataState.STALE else "flowing"
        _log.info("%s %s of %s: %s %s", self._exchange.name, status.stream, status.symbol, status.state, status.reason)
        self._put(status)

    def _drop(self) -> None:
        if self._socket is not None and self._socket is not asyncio.current_task():
            self._socket.cancel()
        self._socket = None
        for keeping in self.keeping.values():
            if keeping.task is not None:
                keeping.task.cancel()
                keeping.task = None
            keeping.waiting = []
            if isinstance(keeping.trades, UnnumberedTrades) and keeping.trades.newest:
                keeping.trades.hold()

    async def _listen(self) -> None:
        try:
            await self._exchange.listen(list(self.keeping), self)
        except VenueError as error:
            self._act(self.life.lost(self._now(), str(error), retry_after=error.retry_after, planned=error.planned))

    async def _probe(self, stream: Stream) -> None:
        keeping = self.keeping[stream]
        with suppress(VenueError, UnreadableError, TimeoutError):  # no answer: `life` sees to it
            quiet = await asyncio.wait_for(self._quiet(keeping), self._source.terms.answer_within)
            if not quiet:
                await asyncio.sleep(min(1.0, self._source.terms.stale_after / 4))  # it may be on its way
            self._act(self.life.answered(stream, self._now(), quiet=quiet))

    async def _quiet(self, keeping: Keeping) -> bool:
        """Whether REST has nothing that the stream has not brought."""
        symbol, kind = keeping.stream
        if kind == "trades":
            trades = keeping.trades
            known = trades.last if isinstance(trades, Trades) else trades.newest
            page = await self._exchange.trades(symbol, known)
            numbered = isinstance(trades, Trades)
            return not any(trade.id > known if numbered else trade.venue_at > known for trade in page.events)
        if kind == "bars":
            known = keeping.bars.last if keeping.bars.last is not None else -1
            page = await self._exchange.bars(symbol, None, 2)
            return not any(bar.start > known for bar in page.events)
        if kind == "quotes":
            quote = await self._exchange.quote(symbol)
            last = keeping.quote
            return quote is None or (last is not None and (quote.bid, quote.ask) == (last.bid, last.ask))
        book = await self._exchange.book(symbol)
        return book is None or (
            book.last_id <= keeping.depth.last_id if book.last_id else book.bids[:1] == (keeping.depth.levels(1, 1))
        )

    # -- what comes in ---------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        if self.life.state != "dialling":
            return
        self.life.connected(self._now())
        self._news.set()
        for keeping in self.keeping.values():
            keeping.state = keeping.state if keeping.stream in self.life.stale else "flowing"
            keeping.quotes.restart()
            self._mend(keeping, self._after_dial(keeping))

    def trade(self, trade: Trade) -> None:
        keeping = self.keeping.get((trade.symbol, "trades"))
        if keeping is None:
            return
        self._heard(keeping)
        for released in keeping.trades.take(trade):
            self._put(released)
            keeping.events += 1
        if keeping.idle and isinstance(keeping.trades, Trades) and keeping.trades.held:
            self._mend(keeping, self._gap(keeping))

    def bar(self, bar: Bar, *, closed: bool) -> None:
        keeping = self.keeping.get((bar.symbol, "bars"))
        if keeping is None:
            return
        self._heard(keeping)
        if closed:
            for released in keeping.bars.take(bar):
                self._put(released)
                keeping.events += 1
        else:
            keeping.bars.began(bar.start)
        if keeping.idle and keeping.bars.gap:
            self._mend(keeping, self._gap(keeping, quietly=not self._exchange.flagged))

    def quote(self, quote: Quote) -> None:
        keeping = self.keeping.get((quote.symbol, "quotes"))
        if keeping is None:
            return
        self._heard(keeping)
        for released in keeping.quotes.take(quote):
            keeping.quote = released
            self._put(released)
            keeping.events += 1

    def depth(self, depth: Depth) -> None:
        keeping = self.keeping.get((depth.symbol, "book"))
        if keeping is None:
            return
        self._heard(keeping)
        if keeping.waiting is not None and not depth.snapshot:
            keeping.waiting.append(depth)
            del keeping.waiting[: -self._source.terms.held]
            return
        if not self._apply(keeping, depth) and keeping.idle:
            keeping.waiting = [depth]
            self._mend(keeping, self._gap(keeping))

    def bad(self, error: Exception) -> None:
        self.bad_messages += 1
        if self.bad_messages <= _LOUD or self.bad_messages % 1_000 == 0:
            _log.warning("%s: message %d that cannot be read: %s", self._exchange.name, self.bad_messages, error)

    @property
    def crowded(self) -> bool:
        return self._source.inbox.full

    async def room(self) -> None:
        if self._source.inbox.full:
            await self._source.inbox.room()

    def _heard(self, keeping: Keeping) -> None:
        keeping.last_at = at = self._now()
        self.life.heard(keeping.stream, at)

    def _apply(self, keeping: Keeping, depth: Depth) -> bool:
        """Take a change into the book and hand it on; False where it does not fit."""
        try:
            update = keeping.depth.update(
                0,
                depth.bids,
                depth.asks,
                first_id=depth.first_id,
                last_id=depth.last_id,
                previous_id=depth.previous_id,
                snapshot=depth.snapshot,
            )
        except DataError as error:
            _log.info("%s: the book begins again: %s", self._exchange.name, error)
            return False
        if update is not None:
            stamp(update, "venue_at", depth.venue_at)
            self._put(update)
            keeping.events += 1
        return True

    # -- what is missing -------------------------------------------------------------------------------------------------

    def _mend(self, keeping: Keeping, work: Coroutine[Any, Any, None]) -> None:
        if keeping.task is not None:
            keeping.task.cancel()
        task = keeping.task = self._spawn(work)

        def ended(_: object) -> None:
            if keeping.task is task:
                keeping.task = None

        task.add_done_callback(ended)

    async def _after_dial(self, keeping: Keeping) -> None:
        """Fetch what has come since the last event known."""
        missed = keeping.missed
        filled = await self._fill(keeping, fully=True)
        keeping.known = True
        self._act(self.life.recovered(keeping.stream, self._now(), filled=filled, missed=keeping.missed - missed))

    async def _gap(self, keeping: Keeping, *, quietly: bool = False) -> None:
        """Wait for what is late, then fetch what is missing."""
        symbol, kind = keeping.stream
        await asyncio.sleep(self._source.terms.reorder_within)
        gap = keeping.depth.last_id if kind == "book" else keeping.keeper.gap  # type: ignore[union-attr]
        if kind != "book" and not gap:
            return
        keeping.gaps += 1
        missed = keeping.missed
        if not quietly:
            self._act(self.life.gap(keeping.stream, self._now(), f"{kind} of {symbol} have a hole at {gap}"))
        filled = await self._fill(keeping, fully=False)
        self._act(self.life.recovered(keeping.stream, self._now(), filled=filled, missed=keeping.missed - missed))

    async def _fill(self, keeping: Keeping, *, fully: bool) -> int:
        """Fetch until nothing is missing (`fully`: until REST has no more), or give up; how many events that brought."""
        symbol, kind = keeping.stream
        how = {
            "trades": self._fill_trades,
            "bars": self._fill_bars,
            "quotes": self._fill_quote,
            "book": self._fill_book,
        }
        before = keeping.filled
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._source.terms.fill_within
        pause = min(self._source.terms.pause, 0.1)
        while True:
            had = keeping.filled
            try:
                if await asyncio.wait_for(how[kind](keeping, fully), self._source.terms.answer_within):
                    return keeping.filled - before
                wait = pause if keeping.filled == had else 0.0
            except (VenueError, UnreadableError, TimeoutError) as error:
                _log.warning("%s: %s of %s cannot be fetched yet: %s", self._exchange.name, kind, symbol, error)
                wait = max(pause, getattr(error, "retry_after", 0.0))
            if keeping.filled > had:
                ends = loop.time() + self._source.terms.fill_within
                pause = min(self._source.terms.pause, 0.1)
            if loop.time() + wait > ends or keeping.filled - before >= self._source.terms.fill_most:
                self._give_up(keeping)
                return keeping.filled - before
            await asyncio.sleep(wait)
            pause = min(2 * pause, _MOST_PAUSE)

    def _release(self, keeping: Keeping, events: Iterable[Any], filled: int = 0) -> None:
        for event in events:
            self._put(event)
            keeping.events += 1
        keeping.filled += filled

    async def _fill_trades(self, keeping: Keeping, fully: bool) -> bool:
        trades = keeping.trades
        if isinstance(trades, UnnumberedTrades):
            return await self._fill_unnumbered(keeping, trades)
        if not trades.last:
            return True
        last = trades.last
        page = await self._exchange.trades(keeping.stream[0], last)
        released = trades.fill(page.events)
        fetched = {trade.id for trade in page.events}
        self._release(keeping, released, sum(trade.id in fetched for trade in released))
        gap = trades.gap
        if gap is None:
            return not (fully and page.more and released)
        if page.events and page.events[-1].id > gap[1]:
            self._release(keeping, trades.give_up())  # the venue itself does not have them
        return trades.gap is None

    async def _fill_unnumbered(self, keeping: Keeping, trades: UnnumberedTrades) -> bool:
        if not trades.newest:
            return True
        fetched: list[Trade] = []
        since = trades.newest
        while True:
            page = await self._exchange.trades(keeping.stream[0], since)
            fetched += behind(fetched, page.events, since)
            newest = max((trade.venue_at for trade in page.events), default=since)
            if not page.more or newest == since or len(fetched) >= self._source.terms.fill_most:
                break
            since = newest
        duplicates = trades.duplicates
        released = trades.fill(fetched)
        self._release(keeping, released, max(0, len(fetched) - (trades.duplicates - duplicates)))
        return True

    async def _fill_bars(self, keeping: Keeping, fully: bool) -> bool:
        bars = keeping.bars
        if bars.last is None:
            return True
        page = await self._exchange.bars(keeping.stream[0], bars.last + bars.interval, 1_000)
        released = bars.fill(page.events, page.through)
        fetched = {bar.start for bar in page.events}
        self._release(keeping, released, sum(bar.start in fetched for bar in released))
        return bars.gap is None and not (fully and page.more and released)

    async def _fill_quote(self, keeping: Keeping, fully: bool) -> bool:
        events = keeping.events
        if not keeping.known:
            return True
        quote = await self._exchange.quote(keeping.stream[0])
        if quote is not None and keeping.events == events:
            keeping.quote = quote
            self._release(keeping, [quote], 1)
        return True

    async def _fill_book(self, keeping: Keeping, fully: bool) -> bool:
        depth = await self._exchange.book(keeping.stream[0])
        waiting = keeping.waiting or []
        if depth is None:
            keeping.waiting = None
            return True
        if not self._apply(keeping, depth):
            return False
        keeping.filled += 1
        for number, change in enumerate(waiting):
            if not self._apply(keeping, change):
                keeping.waiting = waiting[number:]
                return False
        keeping.waiting = None
        return True

    def _give_up(self, keeping: Keeping) -> None:
        if keeping.kind in ("trades", "bars"):
            keeper = keeping.keeper
            self._release(keeping, keeper.fill(()) if isinstance(keeper, UnnumberedTrades) else keeper.give_up())  # type: ignore[union-attr]
        _log.warning("%s: what is missing of %s is given up", self._exchange.name, keeping.stream)
