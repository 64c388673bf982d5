"""From the socket's thread to the session's: a bounded queue that stamps arrival times, and loses nothing in silence.

Rules: `at` is the clock when an event is put, made strictly growing over the session: every event is an instant of its
own. Order is never changed. Where the queue is nearly full, a quote replaces an older one of its symbol that nobody has
taken yet (counted as `conflated`): a newer quote makes it worthless. Trades, bars, book changes and statuses are never
dropped: the queue takes them and whoever reads the socket waits (`room`) until there is space, so that the venue's own
buffers fill instead of our memory; each such time is counted as `waits` and warned of once.
Limits: one producer thread (the loop's), one consumer. The bound may be passed by what one message brings.
Cost: about 1 us an event. The interpreter changes threads every 5 ms by default when both have work; `hurried` makes that
0.1 ms while sources run, process-wide, because a message must not wait 5 ms for its turn.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from onepath.events import DataStatus
from onepath.market import MarketEvent, Quote
from onepath.ports import Clock

SWITCH = 0.0001
"""seconds after which a thread that computes lets the other one in"""
_log = logging.getLogger("onepath.streams")
_stamp = msgspec.structs.force_setattr
Arrived = MarketEvent | DataStatus


class Inbox:
    """See the module. `capacity` events; quotes are conflated from three quarters on."""

    def __init__(self, clock: Clock, capacity: int) -> None:
        self.highest = 0
        self.conflated = 0
        self.waits = 0
        self.count = 0
        """events put so far, conflated ones included"""
        self.last_at = 0
        """`at` of the newest"""
        self._clock = clock
        self._capacity = capacity
        self._crowded = capacity * 3 // 4
        self._events: list[Arrived | None] = []
        self._holes = 0
        self._quotes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._bell = threading.Lock()  # held: nothing new. A plain lock is the cheapest thing a thread can wait for.
        self._bell.acquire()
        self._waiting = False
        self._readers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        """readers of sockets that wait for room"""

    @property
    def depth(self) -> int:
        """Events that wait to be taken."""
        return len(self._events) - self._holes

    @property
    def full(self) -> bool:
        """Whether whoever reads the socket has to wait (`room`) before it reads on."""
        return len(self._events) - self._holes >= self._capacity

    def put(self, event: Arrived) -> None:
        """Stamp and queue `event`; never blocks."""
        with self._lock:
            now = self._clock.now()
            self.last_at = now = now if now > self.last_at else self.last_at + 1
            _stamp(event, "at", now)
            events = self._events
            depth = len(events) - self._holes
            if depth >= self._crowded and type(event) is Quote:
                depth -= self._conflate(event)
            events.append(event)
            self.count += 1
            if depth >= self.highest:
                self.highest = depth + 1
            waiting, self._waiting = self._waiting, False
        if waiting:
            self.wake()

    def _conflate(self, quote: Quote) -> int:
        """Take out the waiting quote that this one replaces; how many."""
        older = self._quotes.get(quote.symbol)
        self._quotes[quote.symbol] = len(self._events)
        if older is None:
            return 0
        self._events[older] = None
        self._holes += 1
        self.conflated += 1
        return 1

    async def room(self) -> None:
        """Wait until the session has taken what there is; returns at once where there is room."""
        free = asyncio.Event()
        with self._lock:
            if not self.full:
                return
            self.waits += 1
            first = self.waits == 1
            self._readers.append((asyncio.get_running_loop(), free))
        if first:
            _log.warning("the session is slower than the venue: %d events wait, and now the sockets do", self.depth)
        await free.wait()

    def take(self, seconds: float) -> Sequence[Arrived]:
        """All that has arrived; waits at most so long where there is nothing. Empty after `wake` or the time."""
        with self._lock:
            if self._events:
                return self._swap()
            self._waiting = True
        self._bell.acquire(timeout=max(seconds, 0.0))
        with self._lock:
            self._waiting = False
            return self._swap() if self._events else ()

    def _swap(self) -> Sequence[Arrived]:
        events, self._events = self._events, []
        if self._holes:
            events = [event for event in events if event is not None]
            self._holes = 0
        if self._quotes:
            self._quotes.clear()
        for loop, free in self._readers:
            with suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(free.set)
        self._readers.clear()
        return events  # type: ignore[return-value]

    def wake(self) -> None:
        """Let `take` return at once; any thread. One that nobody waits for lets the next `take` through."""
        with suppress(RuntimeError):  # it has been rung, and nobody has come yet
            self._bell.release()

    def health(self) -> Mapping[str, Any]:
        """Depth now and highest, events so far, quotes conflated, times the sockets had to wait."""
        return {
            "depth": self.depth,
            "highest": self.highest,
            "capacity": self._capacity,
            "events": self.count,
            "conflated": self.conflated,
            "waits": self.waits,
        }


_hurrying = 0
_usual = 0.0


@contextmanager
def hurried() -> Iterator[None]:
    """Threads take turns every 0.1 ms while anybody is inside, and what was there before (ccxt alone: 200,000 objects) is not
    looked through for garbage again and again, which holds all threads up for 0.1 s each time."""
    global _hurrying, _usual  # noqa: PLW0603 - the interval is the process's
    if not _hurrying:
        _usual = sys.getswitchinterval()
        sys.setswitchinterval(min(_usual, SWITCH))
        gc.collect()
        gc.freeze()
    _hurrying += 1
    try:
        yield
    finally:
        _hurrying -= 1
        if not _hurrying:
            sys.setswitchinterval(_usual)
            gc.unfreeze()
