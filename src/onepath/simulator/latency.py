"""How long an order is on its way to the venue.

Rules: draws come from the session's seed, one an order in order of sending, so equal runs draw equal delays.
Limits: reports come back at once; the way back comes with the execution work.
"""

from __future__ import annotations

import random
from typing import Protocol

import msgspec

MS = 1_000_000


class Latency(Protocol):
    """Nanoseconds from sending to arrival."""

    def draw(self) -> int: ...


class NoLatency(msgspec.Struct, frozen=True):
    """Assumes that orders arrive at once."""

    def draw(self) -> int:
        return 0


class NormalLatency:
    """Assumes normally distributed delays with `mean_ms` and `std_ms`, cut at zero."""

    def __init__(self, mean_ms: float, std_ms: float, seed: int) -> None:
        self._mean_ms, self._std_ms = mean_ms, std_ms
        self._random = random.Random(seed)  # noqa: S311 - a simulation, and it must repeat

    def draw(self) -> int:
        return max(0, round(self._random.gauss(self._mean_ms, self._std_ms) * MS))
