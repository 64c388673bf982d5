"""Whole sessions through faults, at a small size. The full sizes are `make faults` and `make nightly`."""

from __future__ import annotations

from collections.abc import Callable

import points
import pytest

import mutants
from onepath.chaos.schedules import own
from onepath.chaos.sweep import ran


@pytest.mark.parametrize("seeds", [range(5_000, 5_020), range(6_000, 6_020)], ids=["5000", "6000"])
def test_sessions_keep_their_invariants_whatever_happens(seeds: range) -> None:
    """Twenty schedules of faults, kills and recoveries each: nothing is wrong, and faults and recoveries did happen."""
    done = [ran(own(seed)) for seed in seeds]
    assert [(one.seed, one.wrong) for one in done if one.wrong] == []
    happened = sum((one.happened for one in done[1:]), done[0].happened)
    assert [kind for kind in ("crash", "resumes", "malformed", "cut", "orders", "fills") if not happened[kind]] == []


def test_a_schedule_repeats() -> None:
    """The same seed, the same events, faults and rows."""
    assert ran(own(5_001)).happened == ran(own(5_001)).happened


@pytest.mark.parametrize("harness", [points.run, points.run_errors], ids=["killed", "disk errors"])
def test_nothing_is_lost_or_sent_twice_at_any_point(harness: Callable[..., points.Counts]) -> None:
    """Ten points of the scripted session: it goes on to the books of one that was never killed."""
    counts = harness(10, 3)
    assert counts.bad == ()
    assert counts.happened["gone on"] >= 8


@pytest.mark.parametrize("name", ["no gap check", "acts before it records", "sent before it is durable"])
def test_mutants_are_noticed(name: str) -> None:
    """The harness can fail. All mutants: `make faults`."""
    (mutant,) = [mutant for mutant in mutants.MUTANTS if mutant.name == name]
    assert mutants.noticed(mutant)
