"""The harnesses of the durable journal find nothing at a small size, made the faults that they speak of, and catch their mutants.

The full sizes are `make faults` and `make nightly`; a seed in a failure's text repeats it.
"""

from __future__ import annotations

from collections.abc import Callable

import failing
import kernel
import kills
import leases
import power
import pytest
import tails
from counts import Counts

SMALL: dict[str, tuple[Callable[[int, int], Counts], int, tuple[str, ...]]] = {
    "power": (power.run, 120, ("writes lost", "writes torn", "cut in the run", "rows kept", "snapshots kept")),
    "failing": (failing.run, 100, ("EIO", "no space", "short write", "refused", "went on")),
    "kills": (kills.run, 80, ("at a point", "at a time", "rows acknowledged")),
    "tails": (tails.run, 110, ("noticed", "hit nothing", "rows lost", "rows kept")),
    "leases": (leases.run, 12, ("heir forked", "heir none")),
}


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_lost_altered_or_invented(name: str) -> None:
    """No acknowledged row is lost, none is altered, the damaged are told; and the faults really happened."""
    run, n, wanted = SMALL[name]
    counts = run(n, 7_000)
    assert counts.bad == ()
    assert counts.n >= n // 2
    assert [what for what in wanted if not counts.happened[what]] == []


def test_errors_of_the_kernel() -> None:
    """A system call of a real process fails, or its disk is full: refused in a sentence, and nothing acknowledged is lost."""
    counts = kernel.run(5, 7_000)
    assert counts.bad == ()
    assert counts.happened.total()


@pytest.mark.parametrize("name", power.MUTANTS)
def test_a_power_cut_shows_what_was_not_synced(name: str) -> None:
    """Durability that is only said is found within 300 power cuts."""
    assert power.catches(name, 300)


@pytest.mark.parametrize("name", failing.MUTANTS)
def test_a_disk_error_shows_who_does_not_listen(name: str) -> None:
    """An error that nobody looks at is found within 300 faults."""
    assert failing.catches(name, 300)


def test_a_kill_shows_what_was_acknowledged_early() -> None:
    """Acknowledging one flush early is found within 100 kills."""
    assert kills.catches(100)


@pytest.mark.parametrize("name", tails.MUTANTS)
def test_damage_shows_who_does_not_compare(name: str) -> None:
    """Accepting rows without their check, or an end without its mark, is found within 200 damages."""
    assert tails.catches(name, 200)


@pytest.mark.parametrize("name", leases.MUTANTS)
def test_a_contest_shows_a_lock_that_is_none(name: str) -> None:
    """A lock that survives its holder, or holds nobody off, is found within 20 contests."""
    assert leases.catches(name, 20)


def test_counts_add_up_in_a_line() -> None:
    """Name, number, faults found, mutants, and what happened."""
    counts = Counts("cuts", 1_200, kills.Counter(lost=3), ("seed 7",), 2, 3)
    assert str(counts) == "cuts 1,200, bad 1, mutants caught 2/3 (lost 3)"
