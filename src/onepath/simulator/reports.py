"""The way back: reports that have left the venue and are on their way to the session.

Rules: a report leaves when the thing happens and arrives `homeward` later (and later still if it is delayed); none overtakes
one that left before it. Without latency and faults nothing waits here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from onepath.events import VenueReport
from onepath.ports import NEVER
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Latency, NoLatency


class Reports:
    """What the venue has said."""

    def __init__(self, latency: Latency, faults: Faults | None) -> None:
        self.prompt = isinstance(latency, NoLatency) and faults is None
        """everything is heard when it is said"""
        self._latency = latency
        self._faults = faults
        self._said: list[VenueReport] = []
        self._way: deque[tuple[int, VenueReport]] = deque()
        self._last = 0

    def say(self, report: VenueReport, left: int) -> int:
        """It happened at `left`; gives when it will be heard."""
        if self.prompt:
            self._said.append(report)
            return left
        delay = self._faults.delay() if self._faults is not None else 0
        self._last = max(self._last, left + self._latency.homeward() + delay)
        self._way.append((self._last, report))
        return self._last

    @property
    def due(self) -> int:
        """When the next is heard."""
        return self._way[0][0] if self._way else NEVER

    def hurry(self, at: int) -> None:
        """All that has left is heard at `at`: before units change, everybody knows what was done in the old ones."""
        if self._way:
            self._way = deque((min(due, at), report) for due, report in self._way)
            self._last = min(self._last, at)

    def heard(self, at: int) -> Sequence[VenueReport]:
        """What has arrived by `at`, once."""
        if self.prompt:
            said = self._said
            if said:
                self._said = []
            return said
        found: list[VenueReport] = []
        while self._way and self._way[0][0] <= at:
            found.append(self._way.popleft()[1])
        return found
