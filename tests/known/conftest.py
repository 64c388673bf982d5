"""Plays the tables of this folder: `scenario.py` says how to read them, `cells.py` what each line is a case of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenario import TABLES, Played, lines, played


@pytest.fixture
def play() -> Callable[[str], Played]:
    """Plays a line of a table."""
    return played


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `line` runs for every line of its table: `test_market` for `tables/market.txt`."""
    if "line" in metafunc.fixturenames:
        name = metafunc.function.__name__.removeprefix("test_")
        rows = lines((TABLES / f"{name}.txt").read_text())
        metafunc.parametrize("line", [pytest.param(row, id=title) for title, row in rows])
