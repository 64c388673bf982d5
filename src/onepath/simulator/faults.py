"""What goes wrong at a venue: refusals, outages, reports that come late.

Rules: everything is drawn from the session's seed, one draw an order (refusal) and one a report (delay), in the order in
which they arrive and leave. During an outage nothing that arrives is taken: orders are rejected, cancels and replaces refused.
A late report holds up those behind it, because reports of a session stay in order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

MS = 1_000_000
REFUSED = "simulated rejection"
DOWN = "venue is down"


class Faults:
    """Assumes a share of orders refused at random, given outages, and a share of reports delayed by a fixed time."""

    def __init__(
        self,
        seed: int,
        *,
        reject_rate: float = 0.0,
        outages: Sequence[tuple[int, int]] = (),
        delay_rate: float = 0.0,
        delay_ms: float = 0.0,
    ) -> None:
        """`outages` are (start, end) in nanoseconds, the end not included."""
        self._reject_rate, self._delay_rate = reject_rate, delay_rate
        self._delay = round(delay_ms * MS)
        self._outages = tuple(outages)
        self._orders = random.Random(f"{seed} rejections")  # noqa: S311 - a simulation, and it must repeat
        self._reports = random.Random(f"{seed} delays")  # noqa: S311

    def refusal(self, at: int) -> str | None:
        """Why an order that arrives at `at` is not taken, if so."""
        if self.down(at):
            return DOWN
        return REFUSED if self._reject_rate and self._orders.random() < self._reject_rate else None

    def down(self, at: int) -> bool:
        """Whether the venue is out at `at`."""
        return any(start <= at < end for start, end in self._outages)

    def delay(self) -> int:
        """How much longer the next report is on its way, in nanoseconds."""
        return self._delay if self._delay_rate and self._reports.random() < self._delay_rate else 0
