"""Claims about the page and the pictures of a sweep."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.unit.research.sweeping import swept, write

from onepath.errors import ConfigError
from onepath.research import heat
from onepath.research.belief import Plateau, neighbours
from onepath.research.space import of

GRID = {"fast": "2:8:2", "slow": "10:20:5"}
POINTS = [heat.Point({"x": x, "y": y}, float(x * y)) for x in (1, 2, 3) for y in (1, 2)]


def cells(svg: str) -> dict[str, str]:
    """Each cell's words and its colour with its strength."""
    found = re.findall(r'<rect [^>]*fill="(#\w+)" fill-opacity="([\d.]+)"><title>([^<]*)</title>', svg)
    return {title: f"{colour} {share}" for colour, share, title in found}


def test_a_heat_map_by_hand() -> None:
    """x times y over a grid of 3 x 2: each cell says its value, the highest is the bluest, the lowest the most orange, and the
    frame is around the best: the last column and the upper row."""
    drawn = heat.heat(POINTS, "x", "y")
    assert cells(drawn)["x 3, y 2: 6"].startswith("#3b82f6 0.90")
    assert cells(drawn)["x 1, y 1: 1"].startswith("#e07b26 0.90")
    assert len(cells(drawn)) == 6
    (frame,) = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"[^>]*fill="none"', drawn)
    best = re.search(r'<rect x="([\d.]+)" y="([\d.]+)"[^>]*><title>x 3, y 2', drawn)
    assert best is not None
    assert [abs(float(a) - float(b)) < 1 for a, b in zip(frame, best.groups(), strict=True)] == [True, True]


def test_less_is_better_turns_the_colours() -> None:
    """Of costs the lowest is blue."""
    assert cells(heat.heat(POINTS, "x", "y", sign=-1))["x 1, y 1: 1"].startswith("#3b82f6")


def test_over_other_parameters_the_best_or_the_median() -> None:
    """Three values in one cell: 1, 2 and 9 are 9 at best and 2 in the middle."""
    points = [heat.Point({"x": 1, "y": 1, "z": z}, value) for z, value in enumerate((1.0, 9.0, 2.0))]
    assert list(cells(heat.heat(points, "x", "y"))) == ["x 1, y 1: 9"]
    assert list(cells(heat.heat(points, "x", "y", by="median"))) == ["x 1, y 1: 2"]


def test_pictures_are_well_formed_whatever_they_show() -> None:
    """Names with markup, missing values, one value, none at all: XML that reads, without the markup."""
    odd = [heat.Point({"<b>": "a&b", "y": 1.5}, math.nan), heat.Point({"<b>": "<i>", "y": 2.5}, 1.0)]
    drawn = [
        *(heat.heat(odd, "<b>", "y"), heat.profile(odd, "<b>"), heat.spread([math.nan], [], "none")),
        heat.spread([1.0], [(2.0, "<i>", "orange")], "one"),
    ]
    for svg in drawn:
        ET.fromstring(svg)  # noqa: S314 - our own
        assert "<i>" not in svg


def test_a_plateau_and_a_spike() -> None:
    """Neighbours as good as the best: score 1; like the median of all: 0; between: a slope."""
    assert (Plateau(2.0, 2.0, 1.0, 8).score, Plateau(2.0, 2.0, 1.0, 8).word) == (1.0, "plateau")
    assert (Plateau(2.0, 1.0, 1.0, 8).score, Plateau(2.0, 1.0, 1.0, 8).word) == (0.0, "spike")
    assert Plateau(2.0, 1.5, 1.0, 8).word == "slope"
    assert Plateau(2.0, math.nan, 1.0, 0).word == "unknown"


def test_neighbours_of_a_grid_point(tmp_path: Path) -> None:
    """On a grid of 4 x 3 a corner has three, an inner point eight; another kind is nobody's neighbour."""
    found = swept(tmp_path, GRID)
    space = of(GRID, {"cross": ("fast", "slow")})

    def around(fast: int, slow: int) -> set[tuple[int, int]]:
        best = next(one for one in found.tried if one.point == {"fast": fast, "slow": slow})
        return {(one.point["fast"], one.point["slow"]) for one in neighbours(best, found.tried, space)}

    assert around(2, 10) == {(4, 10), (2, 15), (4, 15)}
    assert len(around(4, 15)) == 8


def test_the_page_asks_nobody_and_says_what_to_believe(tmp_path: Path) -> None:
    """One file with a policy that forbids requests, the sentences first, the numbers they speak of, every picture and table, the
    same bytes each time; what a strategy says of itself cannot get out of its text."""
    write(tmp_path)
    source = (tmp_path / "cross.py").read_text().replace("no luck today", "<script>alert(1)</script>")
    (tmp_path / "cross.py").write_text(source)
    found = swept(tmp_path, GRID | {"fault": ["", "raise"]}, walk="train=200,test=60")
    page = found.report(tmp_path / "out" / "page.html").read_text()
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    for sentence in found.sentences:
        assert sentence[:40] in page
    for title in ("What to believe", "Heat map", "Stability of parameters", "Distribution of trials", "Walk-forward"):
        assert f"<h2>{title}" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert found.report(tmp_path / "again.html").read_text() == page


def test_a_sweep_in_which_all_fails_has_a_page(tmp_path: Path) -> None:
    """It says so, and why."""
    found = swept(tmp_path, {"fast": "2,3", "fault": ["raise"]})
    assert found.best is None
    page = found.report(tmp_path / "page.html").read_text()
    assert "No trial has a value" in page
    assert "no luck today" in page


def test_the_heat_map_of_a_sweep(tmp_path: Path) -> None:
    """`.heatmap()` is a picture a notebook shows; a parameter that was not searched is told with the nearest name."""
    found = swept(tmp_path, GRID)
    svg = found.heatmap("slow", "fast").svg
    assert len(cells(svg)) == 12
    with pytest.raises(ConfigError, match=r"'fsat' was not searched \(did you mean 'fast'\?\)"):
        found.heatmap("fsat")
    assert list(found.table.columns)[:3] == ["fast", "slow", "status"]
