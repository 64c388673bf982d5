"""What a mutant is, and how it is put into a copy of the package.

A mutant is the package with one small fault in it. Its tests must fail; if they pass, they would not notice the fault in earnest.
Rules: the text to replace stands exactly once in its file, so a mutant that no longer applies is told, never passed over.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = Path("src/onepath")


class Mutant(NamedTuple):
    """One fault, and who must notice it."""

    name: str
    """in words"""
    file: str
    """below src/onepath"""
    old: str
    """stands there exactly once"""
    new: str
    claim: str
    """what is no longer true"""
    tests: str
    """files or test ids below tests/, separated by blanks"""

    @property
    def module(self) -> str:
        """The module that is mutated, as it is imported."""
        return f"onepath.{self.file.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")

    @property
    def targets(self) -> list[str]:
        """What pytest is asked to run."""
        return [f"tests/{test}" for test in self.tests.split()]


class DoesNotApplyError(Exception):
    """The text is not there, or stands there more than once."""


def mutated(mutant: Mutant, root: Path = ROOT) -> str:
    """The text of the file with the fault in it."""
    path = root / PACKAGE / mutant.file
    if not path.exists():
        raise DoesNotApplyError(f"there is no {PACKAGE / mutant.file}")
    text = path.read_text()
    times = text.count(mutant.old)
    if times != 1:
        raise DoesNotApplyError(f"its text stands {times} times in {PACKAGE / mutant.file}, not once")
    return text.replace(mutant.old, mutant.new)
