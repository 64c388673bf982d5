"""The tables are whole: every order on every kind of data in every situation, on both sides, has a line."""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from cells import Cell, cells, wanted
from scenario import TABLES, lines

HERE = Path(__file__).parent
ORDERS = sorted(path for path in TABLES.glob("*.txt") if "| orders" in path.read_text())
CASES = {(path.stem, name): line for path in ORDERS for name, line in lines(path.read_text())}


@cache
def covered() -> dict[Cell, list[tuple[str, str]]]:
    """Which lines are a case of a cell."""
    found: dict[Cell, list[tuple[str, str]]] = {}
    for where, line in CASES.items():
        for cell in cells(line):
            found.setdefault(cell, []).append(where)
    return found


def senseless() -> dict[Cell, str]:
    """Cells that cannot be, with the reason; `*` stands for all."""
    found: dict[Cell, str] = {}
    for row in (TABLES / "no_sense.txt").read_text().splitlines():
        if not row.strip() or row.startswith("#"):
            continue
        *pattern, reason = (cell.strip() for cell in row.split("|"))
        hits = [cell for cell in wanted() if all(p in ("*", c) for p, c in zip(pattern, cell, strict=True))]
        assert hits, f"no_sense.txt: {row!r} is about no cell"
        assert reason, f"no_sense.txt: {row!r} gives no reason"
        found |= dict.fromkeys(hits, reason)
    return found


def test_every_cell_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Type x data x situation x side, times in force, flags, families, races: a line each, or a reason why there is none."""
    found, never = covered(), senseless()
    every = list(wanted())
    missing = [cell for cell in every if cell not in found and cell not in never]
    with capsys.disabled():
        sys.stdout.write(f"\nknown answers: {len(CASES)} lines of {len(ORDERS)} tables; {report(found, never)}\n")
    assert not missing, "no line for:\n" + "\n".join(map(str, missing))


def report(found: dict[Cell, list[tuple[str, str]]], never: dict[Cell, str]) -> str:
    every = list(wanted())
    have = sum(cell in found for cell in every)
    return f"{have} of {len(every)} cells have a line, {sum(cell in never for cell in every)} make no sense"


def test_what_makes_no_sense_does_not_happen() -> None:
    """No line is a case of a cell that the list says cannot be."""
    found = covered()
    assert [(str(cell), found[cell]) for cell in senseless() if cell in found] == []


def test_every_table_is_played() -> None:
    """A table without a test of its name would be text alone; names of lines are not given twice."""
    code = "".join((HERE / name).read_text() for name in ("test_fills.py", "test_orders.py"))
    for path in ORDERS:
        assert f"def test_{path.stem}(play: Play, line: str)" in code, path.name
        names = Counter(name for name, _ in lines(path.read_text()))
        assert [name for name, count in names.items() if count > 1] == [], path.name


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ("x | 0 | 100 101/103/98/102 | 1: buy 10 limit 99 | 2: +10 @ 99", "limit | bars | through | buy"),
        ("x | 0 | 100 97/98/96/98 | 1: buy 10 limit 99 | 2: +10 @ 97", "limit | bars | gap | buy"),
        ("x | 0 | 100 101/103/99/102 | 1: buy 10 limit 99 | end: open 10", "limit | bars | touch | buy"),
        ("x | 10 | t100*5 t95*5 t94*5 | 1: sell 10 stop 95 | 3: -10 @ 94", "stop | trades | through | sell"),
        ("x | 0 | 100 101/103/99.5/102 | 1: buy 10 limit 99 | end: open 10", ""),
        (
            "x | 0 | t102*5 t102*5 t100*5 | 1: buy 10 limit 101 | 3: +4 @ 101; end: open 6",
            "limit | trades | gap | buy; limit | trades | thin | buy",
        ),
        ("x | 0 | 99x101 98x100 | 1: buy 10 limit 100 | 2: +10 @ 100", "limit | quotes | touch | buy"),
        ("x | 10 | [99*5x101*5] {99*0,94*5x} | 1: sell 10 stop 95 | 2: -10 @ 94", "stop | book | gap | sell"),
    ],
)
def test_a_cell_is_read_off_the_line(row: str, cell: str) -> None:
    """A line is a case of what its market does, whatever it is called."""
    assert {str(c) for c in cells(row) if c.what in ("limit", "stop")} == {c for c in cell.split("; ") if c}
