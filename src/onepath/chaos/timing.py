"""Simulated time: a clock that moves when nobody has anything to do, and an asyncio loop that waits by moving it.

Rules: nothing here reads the machine's clock or sleeps, so that a minute takes as long as what happens in it. The loop's own
time only grows; the clock that is told (`now`) can be set forward and back as that of a machine can.
Limits: one thread; no sockets, no signals, no executors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

SECOND = 1_000_000_000


class Time:
    """What time it is. `passed` is nanoseconds since the beginning; `now` is what the machine's clock shows."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.passed = 0
        self.off = 0
        """how wrong the machine's clock is: jumps add to it"""

    def now(self) -> int:
        """The machine's clock, in nanoseconds."""
        return self.start + self.passed + self.off

    @property
    def true(self) -> int:
        """The world's time, which the venue's is."""
        return self.start + self.passed

    def wait_until(self, at: int) -> None:
        self.passed = max(self.passed, at - self.start - self.off)


class _Waiting:
    """Stands where a loop waits for sockets: time passes at once instead."""

    def __init__(self, time: Time) -> None:
        self._time = time

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the simulated loop has nothing to wait for: it would wait for ever")
        if timeout > 0:
            self._time.passed += max(1, round(timeout * SECOND))
        return []


class Loop(asyncio.BaseEventLoop):
    """An event loop over simulated time."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._selector = _Waiting(time)
        self._simulated = time

    def time(self) -> float:
        return self._simulated.passed / SECOND

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits."""

    def run_for(self, seconds: float) -> None:
        """Let so much time pass, or less: until somebody calls `stop`."""
        ends = self.call_later(seconds, self.stop)
        try:
            self.run_forever()
        finally:
            ends.cancel()

    def finish(self) -> None:
        """End every task that is left, and the loop."""
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.close()


Hook = Callable[[str], None]
"""Called at each point at which the process may be killed, with the point's kind"""
