"""Durations: what is told is never too low and at most a tenth too high, and is of the last minute alone."""

from __future__ import annotations

import random

import pytest

from onepath.monitor.speeds import SECONDS, Sliding, Speed, exact


def test_nothing_measured_is_nothing_known() -> None:
    """Without a duration there is no percentile."""
    assert Sliding().speed() == Speed(count=0)
    assert exact([]) == Speed()


def test_percentiles_by_hand() -> None:
    """98 times 100 us and twice 5 ms: the middle is 100 us, one in a hundred takes 5 ms or more, and the longest is exact.
    Buckets are a tenth wide: 100 us is told as at most 110."""
    found = Sliding()
    for _ in range(98):
        found.note(100_000)
    found.note(5_000_000)
    found.note(5_000_000)
    told = found.speed()
    assert told.count == 100
    assert told.p50_us is not None
    assert told.p99_us is not None
    assert 100 <= told.p50_us <= 110
    assert (told.p99_us, told.max_us) == (5_000, 5_000)
    assert (found.total, found.sum) == (100, 98 * 100_000 + 10_000_000)


def test_told_against_the_sorted_list() -> None:
    """Of 10,000 durations between 1 us and 10 s, each percentile is at least that of the sorted list and at most a tenth more."""
    chance, found = random.Random(3), Sliding()  # noqa: S311 - reproducible
    took = sorted(round(10 ** chance.uniform(3, 10)) for _ in range(10_000))
    for nanoseconds in took:
        found.note(nanoseconds)
    told = found.speed()
    for share, value in ((0.5, told.p50_us), (0.99, told.p99_us)):
        truth = took[int(share * 10_000) - 1] / 1e3
        assert value is not None
        assert truth <= value <= truth * 1.1001


@pytest.mark.parametrize("nanoseconds", [-5, 0, 1, 10**14])
def test_what_is_beyond_the_buckets_counts(nanoseconds: int) -> None:
    """A clock that was set back, and a day, are counted at the ends."""
    found = Sliding()
    found.note(nanoseconds)
    assert found.speed().count == 1
    assert found.speed().max_us == max(nanoseconds, 0) / 1e3
    assert found.sum == max(nanoseconds, 0)


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    """A page a second: after 59 turns it is still seen, after 60 it is not."""
    found = Sliding()
    found.note(1_000)
    for _ in range(SECONDS - 1):
        found.turn()
    assert found.speed().count == 1
    found.turn()
    assert found.speed().count == 0


def test_exact_figures() -> None:
    """Of 1 to 100 us: the middle is 50, 99 % are within 100, the longest is 100."""
    told = exact(n / 1e6 for n in range(1, 101))
    assert (told.count, round(told.p50_us or 0), round(told.p99_us or 0), round(told.max_us or 0)) == (
        100,
        50,
        100,
        100,
    )
