"""What a harness did, in numbers that add up: a harness that shows no faults must show that it made some."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple


class Counts(NamedTuple):
    """`n` schedules, points or faults of one kind; what was seen on the way; what went wrong, each with how to repeat it."""

    name: str
    n: int
    happened: Counter[str]
    bad: tuple[str, ...] = ()
    caught: int = 0
    """mutants that the harness noticed"""
    mutants: int = 0

    def __str__(self) -> str:
        seen = ", ".join(f"{what} {number:,}" for what, number in sorted(self.happened.items()))
        caught = f", mutants caught {self.caught}/{self.mutants}" if self.mutants else ""
        return f"{self.name} {self.n:,}, bad {len(self.bad)}{caught} ({seen})"
