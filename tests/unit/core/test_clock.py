"""The two clocks: the machine's, and history's at a chosen speed."""

from __future__ import annotations

import time

import pytest

from onepath.clock import HistoricalClock, RealtimeClock, monotonic
from onepath.simulator.latency import NormalLatency

SECOND = 1_000_000_000


def test_realtime_is_the_machines_time() -> None:
    """Nanoseconds since the epoch, between two readings of the system's own clock."""
    before = time.time_ns()
    assert before <= RealtimeClock().now() <= time.time_ns()


def test_realtime_waits() -> None:
    """Returns when the moment has come, at once when it has passed."""
    clock = RealtimeClock()
    clock.wait_until(clock.now() - SECOND)
    target = clock.now() + SECOND // 50
    clock.wait_until(target)
    assert clock.now() >= target - SECOND // 1_000


def test_history_at_full_speed_does_not_wait() -> None:
    """Time is what it was last asked to wait for; a hundred years pass at once."""
    clock = HistoricalClock()
    began = time.monotonic()
    clock.wait_until(100 * 365 * 86_400 * SECOND)
    assert clock.now() == 100 * 365 * 86_400 * SECOND
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(("speed", "seconds"), [(60.0, 3), (120.0, 6)])
def test_history_at_a_speed(speed: float, seconds: int) -> None:
    """At sixty times, three simulated seconds take a twentieth of a real one, counted from the first moment."""
    clock = HistoricalClock(speed)
    clock.wait_until(1_000 * SECOND)
    began = time.monotonic()
    for second in range(1, seconds + 1):
        clock.wait_until((1_000 + second) * SECOND)
    took = time.monotonic() - began
    assert 0.045 <= took < 1.0
    assert clock.now() == (1_000 + seconds) * SECOND


def test_monotonic_never_falls() -> None:
    """For durations: later is not less."""
    first = monotonic()
    assert monotonic() >= first


def test_no_order_arrives_before_it_was_sent() -> None:
    """A normal delay around zero is cut at zero: half of the draws would be negative, none is."""
    latency = NormalLatency(0.0, 5.0, seed=1)
    draws = [latency.outward() for _ in range(200)]
    assert min(draws) == 0
    assert 60 < sum(draw == 0 for draw in draws) < 140
    assert max(draws) > 5_000_000  # some are later than one standard deviation, 5 ms
