"""One connection kept alive, with its streams, on the thread of the sockets: does what `life` says, tells what happened.

Rules: the session is told STALE, then handed what was missing, then told RECOVERED with how much was filled and how much is
lost. What is missing is waited for a moment, because it may only be late, then fetched; what came behind it waits. A
message that cannot be read is logged with its head, counted and left out. Time here is the event loop's, which no change of
the wall clock moves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from onepath.events import DataState, DataStatus
from onepath.market import Bar, MarketEvent, Quote, Trade
from onepath.streams.exchange import Exchange, VenueError
from onepath.streams.flows import BarsFlow, BookFlow, Flow, QuotesFlow, TradesFlow, UnnumberedTradesFlow, flow
from onepath.streams.inbox import Inbox
from onepath.streams.life import SECOND, Action, Connection, Dial, Drop, Life, Probe, Stream, nanoseconds
from onepath.streams.wire import Depth, UnreadableError

LOUD = 10
"""bad messages that are logged one by one; after that every thousandth"""
LONGEST_PAUSE = 5.0
"""seconds between two requests for what is missing"""
OBEYED = 300.0
"""seconds that a venue may ask for while something is missing; if it asks for more, what is missing is given up"""
_log = logging.getLogger("onepath.streams")


class Line:
    """An Ear. `after`: the last event that is known of a stream; `since`: all of them are stale since then (0: they are not)."""

    def __init__(
        self,
        exchange: Exchange,
        streams: Sequence[Stream],
        inbox: Inbox,
        now: int,
        *,
        terms: Connection,
        random: Random,
        interval_ns: int,
        after: Mapping[Stream, MarketEvent],
        since: int = 0,
    ) -> None:
        quiet = nanoseconds(terms.stale_after)
        limits = {stream: quiet + (2 * interval_ns if stream[1] == "bars" else 0) for stream in streams}
        self.flows = {s: flow(s, exchange, terms, inbox.put, after.get(s), interval_ns) for s in streams}
        self.life = Life(limits, terms, random, now, since)
        self.bad_messages = 0
        self._exchange, self._inbox, self._terms = exchange, inbox, terms
        self._loop = asyncio.get_running_loop()
        self._wall = now - nanoseconds(self._loop.time())
        self._news = asyncio.Event()
        self._socket: asyncio.Task[None] | None = None
        self._mending: dict[Stream, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def health(self) -> Mapping[str, Any]:
        life = self.life
        return {
            "state": "resting" if life.resting and life.state == "waiting" else life.state,
            "reconnects": life.reconnects,
            "bad_messages": self.bad_messages,
            "streams": len(self.flows),
        }

    # -- its life --------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._spawn(self._live())

    async def end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _now(self) -> int:
        return self._wall + round(self._loop.time() * SECOND)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        """A task that fails of itself is our own fault: said loudly, and the connection made anew."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("%s: a task of the streams failed", self._exchange.name, exc_info=error)
            self._act(self.life.lost(self._now(), f"a fault of onepath: {error!r}"))

    async def _live(self) -> None:
        while True:
            self._act(self.life.tick(self._now()))
            self._news.clear()
            wait = min(max(self.life.due - self._now(), 0) / SECOND + 0.001, 1.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # (wait_for of Python 3.11 can lose a cancellation)
                    await self._news.wait()

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
                self._spawn(self._probe(self.flows[action.stream]))
        self._news.set()

    def _tell(self, status: DataStatus) -> None:
        self.flows[status.symbol, status.stream].state = "stale" if status.state is DataState.STALE else "flowing"
        _log.info("%s: %s of %s %s %s", self._exchange.name, status.stream, status.symbol, status.state, status.reason)
        self._inbox.put(status)

    def _drop(self) -> None:
        if self._socket is not None and self._socket is not asyncio.current_task():
            self._socket.cancel()
        self._socket = None
        for task in self._mending.values():
            task.cancel()
        self._mending.clear()
        for each in self.flows.values():
            each.dropped()

    async def _listen(self) -> None:
        try:
            await self._exchange.listen(list(self.flows), self)
        except VenueError as error:
            self._act(self.life.lost(self._now(), str(error), retry_after=error.retry_after, planned=error.planned))

    async def _probe(self, silent: Flow) -> None:
        with suppress(VenueError, UnreadableError, TimeoutError):  # no answer: `life` sees to it
            async with asyncio.timeout(self._terms.answer_within):
                quiet = await silent.quiet()
            if not quiet:
                await asyncio.sleep(min(1.0, self._terms.stale_after / 4))  # it may be on its way
            self._act(self.life.answered(silent.stream, self._now(), quiet=quiet))

    # -- what comes in ---------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        if self.life.state != "dialling":
            return
        self.life.connected(self._now())
        self._news.set()
        for stream, each in self.flows.items():
            if stream not in self.life.stale:
                each.state = "flowing"
            each.dialled()
            self._mend(each, self._after_dial(each))

    def trade(self, trade: Trade) -> None:
        each = self.flows.get((trade.symbol, "trades"))
        if isinstance(each, TradesFlow):
            if each.hear(trade):
                self._heard(each)
            if each.kept.held:
                self._look_into(each)
            elif each.missed > each.told:
                self._own_up(each)
        elif isinstance(each, UnnumberedTradesFlow):
            each.hear(trade)
            self._heard(each)

    def bar(self, bar: Bar, *, closed: bool) -> None:
        each = self.flows.get((bar.symbol, "bars"))
        if isinstance(each, BarsFlow):
            each.hear(bar, closed=closed)
            self._heard(each)
            if each.kept.gap:
                self._look_into(each, quietly=not self._exchange.flagged)

    def quote(self, quote: Quote) -> None:
        each = self.flows.get((quote.symbol, "quotes"))
        if isinstance(each, QuotesFlow) and each.hear(quote):
            self._heard(each)

    def depth(self, depth: Depth) -> None:
        each = self.flows.get((depth.symbol, "book"))
        if isinstance(each, BookFlow):
            each.hear(depth)
            self._heard(each)
            if each.missing:
                self._look_into(each)

    def bad(self, error: Exception) -> None:
        self.bad_messages += 1
        if self.bad_messages <= LOUD or self.bad_messages % 1_000 == 0:
            _log.warning("%s: message %d that cannot be read: %s", self._exchange.name, self.bad_messages, error)

    @property
    def crowded(self) -> bool:
        return self._inbox.full

    async def room(self) -> None:
        if self._inbox.full:
            await self._inbox.room()

    def _heard(self, each: Flow) -> None:
        at = self._now()
        each.last_at = at
        self.life.heard(each.stream, at)

    # -- what is missing -------------------------------------------------------------------------------------------------

    def _look_into(self, each: Flow, *, quietly: bool = False) -> None:
        task = self._mending.get(each.stream)
        if task is None or task.done():
            self._mend(each, self._gap(each, quietly=quietly))

    def _mend(self, each: Flow, work: Coroutine[Any, Any, None]) -> None:
        before = self._mending.get(each.stream)
        if before is not None:
            before.cancel()
        self._mending[each.stream] = self._spawn(work)

    async def _after_dial(self, each: Flow) -> None:
        """Fetch what has come since the last event known."""
        await self._mended(each, fully=True)

    async def _gap(self, each: Flow, *, quietly: bool) -> None:
        """Wait for what may be late, then fetch what is missing."""
        await asyncio.sleep(self._terms.reorder_within)
        missing = each.missing
        if missing is None:
            return
        each.gaps += not quietly
        if not quietly:
            self._act(self.life.gap(each.stream, self._now(), f"{each.kind} of {each.symbol} are missing: {missing}"))
        await self._mended(each, fully=False)

    async def _mended(self, each: Flow, *, fully: bool) -> None:
        filled = each.filled
        await self._fill(each, fully=fully)
        self._own_up(each, filled=each.filled - filled)

    def _own_up(self, each: Flow, *, filled: int = 0) -> None:
        """The stream flows again. What is lost for good is told, whether or not the session knew that anything was missing."""
        lost = each.missed - each.told
        if lost:
            self._act(self.life.gap(each.stream, self._now(), f"{lost} {each.kind} of {each.symbol} cannot be had"))
        said = self.life.recovered(each.stream, self._now(), filled=filled, missed=lost)
        if said:
            each.told += lost
        self._act(said)

    async def _fill(self, each: Flow, *, fully: bool) -> None:
        """Ask until nothing is missing (`fully`: until REST has no more), or give up."""
        terms, name = self._terms, self._exchange.name
        before = each.filled
        ends, pause = self._loop.time() + terms.fill_within, min(terms.pause, 0.1)
        while True:
            had, answered, wait = each.progress, True, 0.0
            try:
                async with asyncio.timeout(terms.answer_within):
                    if await each.fill(fully=fully):
                        return
            except (VenueError, UnreadableError, TimeoutError) as error:
                _log.warning("%s: %s of %s cannot be fetched yet: %r", name, each.kind, each.symbol, error)
                answered, wait = False, getattr(error, "retry_after", 0.0)
                if wait <= OBEYED:
                    ends = max(ends, self._loop.time() + wait + terms.answer_within)
            if each.progress > had:
                ends, pause = self._loop.time() + terms.fill_within, min(terms.pause, 0.1)
            else:
                wait, pause = max(wait, pause), min(2 * pause, LONGEST_PAUSE)
            too_many = each.filled - before >= terms.fill_most
            if too_many or self._loop.time() + wait > ends:
                _log.warning("%s: %s of %s: what is missing is given up", name, each.kind, each.symbol)
                each.give_up(unlikely=answered and not too_many)
                return
            await asyncio.sleep(wait)
