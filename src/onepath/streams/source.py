"""A Source (see ports) over an exchange: a thread with a loop of its own reads the sockets, the session takes what is ready.

Rules: the thread begins with the first thing asked and ends with `stop`; a busy session does not keep it from answering
pings. Markets are asked for once. What fails before the streams flow is a ConfigError or DataError that says what to do;
after that nothing raises: the streams heal, and say what happened in DataStatus, `health` and the log.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from random import Random
from typing import Any, TypeVar

from onepath.errors import ConfigError, DataError
from onepath.events import DataStatus
from onepath.instruments import Instrument
from onepath.market import KINDS, Bar, MarketEvent
from onepath.ports import Clock
from onepath.streams.exchange import Exchange, Page, VenueError, stamp
from onepath.streams.inbox import Inbox, hurried
from onepath.streams.life import Connection
from onepath.streams.line import LONGEST_PAUSE, Line
from onepath.streams.wire import UnreadableError

_log = logging.getLogger("onepath.streams")
OPENS_WITHIN = 45.0
"""seconds: the list of markets is long"""
_T = TypeVar("_T")


class Streams:
    """See the module. `connection` is how connections behave; `seed` of the jitter of their pauses."""

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
        if set(kinds) - set(KINDS) or not kinds or not symbols:
            raise ConfigError(
                f"data.kinds are {list(kinds)} and data.symbols {list(symbols)}; expected some of {', '.join(KINDS)}, and "
                "at least one symbol"
            )
        self.terms = connection or Connection()
        self.symbols = tuple(symbols)
        self.kinds: Mapping[str, Collection[str]] = {s: tuple(k for k in KINDS if k in kinds) for s in self.symbols}
        self.volumes: Collection[str] = self.symbols
        self.interval_ns = interval_ns
        self.exchange = exchange
        self._clock, self._seed = clock, seed
        self._inbox = Inbox(clock, self.terms.queue)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._opened = self._stopped = False
        self._lines: list[Line] = []
        self._asking: set[asyncio.Task[Any]] = set()
        self._ending = ExitStack()

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

    def start(self, after: Mapping[tuple[str, str], MarketEvent], since: int = 0) -> None:
        self._open()
        self._ending.enter_context(hurried())
        self._ask(self._start(after, since))

    def take(self, seconds: float) -> Sequence[MarketEvent | DataStatus]:
        return self._inbox.take(seconds)

    def wake(self) -> None:
        self._inbox.wake()

    def stop(self) -> None:
        self._stopped = True
        if self._loop is None or self._thread is None:
            return
        with suppress(Exception):  # whatever the exchange makes of being left, we leave
            self._ask(self._stop(), 15.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        if not self._thread.is_alive():
            self._loop.close()
        self._loop = self._thread = None
        self._ending.close()

    def health(self) -> Mapping[str, Any]:
        """queue: depth, highest, ...; connections: their states; streams: by "symbol kind" state, last_at and counts."""
        lines = list(self._lines)
        streams = {f"{s} {k}": flow.health() for line in lines for (s, k), flow in line.flows.items()}
        return {"queue": self._inbox.health(), "connections": [line.health() for line in lines], "streams": streams}

    # -- the thread ------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._stopped:
            raise DataError("this source has been stopped; make a new one")
        if self._opened:
            return
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="onepath-streams", daemon=True)
            self._thread.start()
        try:
            self._ask(self._patiently(self.exchange.open, OPENS_WITHIN))
        except VenueError as error:
            raise DataError(
                f"{self.exchange.name} cannot be asked for its markets: {error}; check the network, data.source and data.url"
            ) from None
        self._opened = True

    def _ask(self, work: Coroutine[Any, Any, _T], seconds: float | None = None) -> _T:
        """Run `work` on the streams' thread and wait for it."""
        assert self._loop is not None, "begins with the first thing asked"  # noqa: S101
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    async def _patiently(self, call: Callable[[], Coroutine[Any, Any, _T]], within: float) -> _T:
        """`call` until it succeeds, for so many seconds, leaving the venue alone as long as it asks. An answer that does not come
        is waited for a third of them: one that is lost ends nothing."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        if task is not None:
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        ends, pause = loop.time() + within, min(self.terms.pause, 0.1)
        while True:
            try:
                async with asyncio.timeout(within / 3):
                    return await call()
            except TimeoutError:
                error = VenueError(f"no answer within {within / 3:g} s")
            except VenueError as refused:
                error = refused
            except UnreadableError as unreadable:
                error = VenueError(str(unreadable))
            wait = max(pause, error.retry_after)
            if loop.time() + wait > ends:
                raise error
            if pause == min(self.terms.pause, 0.1):
                _log.warning(
                    "%s does not answer: %s; trying for %.0f s more", self.exchange.name, error, ends - loop.time()
                )
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _history(self, count: int) -> list[Bar]:
        found: list[Bar] = []
        for symbol in self.symbols:

            async def ask(symbol: str = symbol) -> Page:
                return await self.exchange.bars(symbol, None, count)

            page = await self._patiently(ask, OPENS_WITHIN)
            found += page.events[-count:]
        for bar in found:
            stamp(bar, "at", bar.start + self.interval_ns)
        return sorted(found, key=lambda bar: bar.at)  # stable: ties stay in the order of the symbols

    async def _start(self, after: Mapping[tuple[str, str], MarketEvent], since: int) -> None:
        for number, streams in enumerate(self.exchange.connections()):
            line = Line(
                self.exchange,
                streams,
                self._inbox,
                self._clock.now(),
                terms=self.terms,
                random=Random(f"{self._seed} {number}"),  # noqa: S311 - jitter
                interval_ns=self.interval_ns,
                after=after,
                since=since,
            )
            self._lines.append(line)
            line.begin()

    async def _stop(self) -> None:
        for asked in self._asking:  # by whoever was interrupted
            asked.cancel()
        for line in self._lines:
            await line.end()
        await self.exchange.close()
