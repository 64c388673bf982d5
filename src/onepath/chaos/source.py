"""The driver of real streams, as it is, over simulated time: what it would wait for happens at once.

Rules: connection lives, keepers, back-fill and the queue are those of real sessions; only the thread with its loop is replaced,
by a loop that the session's own thread moves on while it waits for data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from onepath.chaos.faults import Fault
from onepath.chaos.network import Exchange, Network
from onepath.chaos.timing import SECOND, Hook, Loop, Time
from onepath.events import DataStatus
from onepath.market import MarketEvent
from onepath.ports import NEVER
from onepath.streams.inbox import Arrived, Inbox
from onepath.streams.life import Connection
from onepath.streams.source import Streams

_T = TypeVar("_T")
LONGEST = 3_600.0
"""seconds that are waited for at once"""


class _Bell(Inbox):
    """A queue that stops the loop when something is in it."""

    def __init__(self, time: Time, capacity: int, ring: Callable[[], None]) -> None:
        super().__init__(time, capacity)
        self._ring = ring

    def put(self, event: Arrived) -> None:
        super().put(event)
        self._ring()


class SimulatedSource(Streams):
    """A Source over a simulated network. One life: it ends with `stop`, or with the process (`killed`)."""

    def __init__(
        self,
        network: Network,
        exchange: Exchange,
        *,
        interval_ns: int,
        kinds: Collection[str],
        connection: Connection,
        faults: Sequence[Fault],
        meets: Callable[[Fault], None],
        hook: Hook,
        seed: int,
    ) -> None:
        super().__init__(
            exchange,
            network.time,
            symbols=tuple(exchange.instruments),
            kinds=kinds,
            interval_ns=interval_ns,
            connection=connection,
            seed=seed,
        )
        self.patience: Callable[[], int] | None = None
        """until when nobody but the market has anything to do (nanoseconds); default: as `take` is told"""
        self._time = network.time
        self._loop = Loop(network.time)
        self.stalled = 0
        """so many nanoseconds the session does nothing"""
        self._simulated = self._loop
        self._awaited = False
        self._inbox = _Bell(network.time, self.terms.queue, self._ring)
        self._hook = hook
        for fault in faults:
            self._simulated.call_at(fault.at / SECOND, meets, fault)

    def _ring(self) -> None:
        if self._awaited:
            self._simulated.stop()

    def _ask(self, work: Coroutine[Any, Any, _T], seconds: float | None = None) -> _T:
        return self._simulated.run_until_complete(work)

    def start(self, after: Mapping[tuple[str, str], MarketEvent], since: int = 0) -> None:
        self._open()
        self._ask(self._start(after, since))

    def take(self, seconds: float) -> Sequence[MarketEvent | DataStatus]:
        self._hook("take")
        if self.stalled:
            stalled, self.stalled = self.stalled, 0
            self._simulated.run_for(stalled / SECOND)
        if not self._inbox.depth:
            self._awaited = True
            if self.patience is not None:
                left = min(self.patience(), NEVER - 2) + 1 - self._time.now()
                seconds = max(0.0, min(left / SECOND, LONGEST))
            self._simulated.run_for(seconds + 1e-9)
            self._awaited = False
        return self._inbox.take(0)

    def stop(self) -> None:
        if not self._simulated.is_closed():
            self._simulated.finish()

    def wake(self) -> None:
        """Nobody waits in another thread."""

    def at(self, passed: int, call: Callable[[], None]) -> None:
        """Have something called when so many nanoseconds have passed since the beginning; whoever waits for data looks up."""

        def called() -> None:
            call()
            self._ring()

        self._simulated.call_at(passed / SECOND, called)
