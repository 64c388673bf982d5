"""The table of mutants does not rot: `make mutants` runs it, this sees that it can be run."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from mutation import ROOT, Mutant, mutated
from table import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_applies(mutant: Mutant) -> None:
    """The text that it replaces stands in its file exactly once, what comes out is Python, and its tests exist."""
    ast.parse(mutated(mutant))
    assert mutant.new != mutant.old
    assert mutant.targets
    for target in mutant.targets:
        assert (ROOT / target.partition("::")[0]).exists(), target


def test_names_are_unique() -> None:
    """A name on the screen is one mutant, and there are at least fifty."""
    assert [name for name, times in Counter(mutant.name for mutant in MUTANTS).items() if times > 1] == []
    assert len(MUTANTS) >= 50
