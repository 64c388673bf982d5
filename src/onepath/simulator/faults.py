"""What goes wrong at a venue: refusals, outages, reports that come late.

Rules: everything is drawn from the session's seed, one draw an order (refusal) and one a report (delay), in the order in
which they arrive and leave. During an outage nothing that arrives is taken: orders are rejected, cancels and replaces refused.
A late report holds up those behind it, because reports of a session stay in order.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Sequence

from onepath.errors import ConfigError

MS = 1_000_000
REFUSED = "simulated rejection"
DOWN = "venue is down"


class Faults:
    """Assumes a share of orders refused at random, given outages, and a share of reports delayed by a fixed time."""

    def __init__(
        self,
        seed: int = 0,
        *,
        reject_rate: float = 0.0,
        outages: Sequence[tuple[int | str | dt.datetime, int | str | dt.datetime]] = (),
        delay_rate: float = 0.0,
        delay_ms: float = 0.0,
    ) -> None:
        """`outages` are (start, end), the end not included: nanoseconds, datetimes or text such as 2023-01-31T14:30:00Z (UTC
        unless it says otherwise). Rates are shares between 0 and 1. Raises ConfigError."""
        _check("reject_rate", reject_rate, 1.0)
        _check("delay_rate", delay_rate, 1.0)
        _check("delay_ms", delay_ms, math.inf)
        self._seed = seed
        self._reject_rate, self._delay_rate = reject_rate, delay_rate
        self._delay = round(delay_ms * MS)
        self._outages = tuple(_span(outage) for outage in outages)
        self._orders = random.Random(f"{seed} rejections")  # noqa: S311 - a simulation, and it must repeat
        self._reports = random.Random(f"{seed} delays")  # noqa: S311

    def __repr__(self) -> str:
        return (
            f"Faults(seed={self._seed}, reject_rate={self._reject_rate}, outages={list(self._outages)}, "
            f"delay_rate={self._delay_rate}, delay_ms={self._delay / MS:g})"
        )

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


def _check(name: str, value: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value == math.inf:
        what = "a share between 0 and 1" if most == 1 else "a finite number of milliseconds, zero or more"
        raise ConfigError(f"Faults: {name} is {value!r}; it must be {what}")


def _span(outage: Sequence[int | str | dt.datetime]) -> tuple[int, int]:
    try:
        start, end = (_nanoseconds(moment) for moment in outage)
    except (TypeError, ValueError):
        start = end = 0
    if start >= end:
        raise ConfigError(
            f"Faults: an outage is {outage!r}; it must be two moments, (start, end), the first before the second"
        )
    return start, end


def _nanoseconds(moment: int | str | dt.datetime) -> int:
    if isinstance(moment, int):
        return moment
    at = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC)
    since = at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
