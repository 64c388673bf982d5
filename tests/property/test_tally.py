"""The counter counts what ran, and knows a full run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tally
from hypothesis import assume, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]


def test_examples_that_came_to_their_end_count() -> None:
    """Of the numbers 0 to 9, five are thrown away: five examples; watched twice, still five."""

    @settings(max_examples=50)
    @given(st.integers(0, 9))
    def evens(number: int) -> None:
        assume(number % 2 == 0)

    before = tally.EXAMPLES["evens"]
    tally.watch(evens)
    tally.watch(evens)
    evens()
    assert tally.EXAMPLES.pop("evens") - before == 5


@pytest.mark.parametrize(
    ("args", "more", "full"),
    [
        (["tests"], {}, True),
        (["tests", "src"], {}, True),
        (["tests/property"], {}, True),
        (["tests/unit"], {}, False),
        (["tests/property/test_book.py"], {}, False),
        (["tests"], {"keyword": "bars"}, False),
        (["tests"], {"lf": True}, False),
        (["tests"], {"ignore": ["tests/property"]}, False),
    ],
)
def test_a_full_run_is_known(args: list[str], more: dict[str, Any], full: bool) -> None:
    """All tests, or all of this folder; not a part of it, by name or by choice."""
    plain = {"keyword": "", "markexpr": "", "collectonly": False, "lf": False}
    plain |= {"deselect": None, "ignore": None, "ignore_glob": None}
    option = SimpleNamespace(**(plain | more))
    config = SimpleNamespace(option=option, args=args, invocation_params=SimpleNamespace(dir=ROOT))
    assert bool(tally.is_full(config)) is full
