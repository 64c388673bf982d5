"""The only file that reads time. Nanoseconds since the Unix epoch, UTC.

Rules: whatever needs time takes a Clock as an argument.
"""

from __future__ import annotations

import time


class RealtimeClock:
    """The machine's own time."""

    def now(self) -> int:
        return time.time_ns()

    def wait_until(self, at: int) -> None:
        pause = at - self.now()
        if pause > 0:
            time.sleep(pause / 1e9)


class HistoricalClock:
    """Simulated time, `speed` times as fast as real time, or as fast as the machine goes (None)."""

    def __init__(self, speed: float | None = None) -> None:
        self._speed = speed
        self._at = 0
        self._began: tuple[int, int] | None = None

    def now(self) -> int:
        return self._at

    def wait_until(self, at: int) -> None:
        self._at = at
        if self._speed is None:
            return
        if self._began is None:
            self._began = at, time.monotonic_ns()
        simulated, real = self._began
        pause = (at - simulated) / self._speed - (time.monotonic_ns() - real)
        if pause > 0:
            time.sleep(pause / 1e9)


def monotonic() -> float:
    """Seconds for measuring durations: progress rates, never decisions."""
    return time.perf_counter()


ticks = time.perf_counter
"""`monotonic` without a call of ours in between, for what is measured at every call of a strategy"""


def busy() -> float:
    """Seconds of processor time that this process has used."""
    return time.process_time()
