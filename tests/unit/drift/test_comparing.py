"""What is told of a feature that changed, and of one that did not."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onepath.drift import Gathered, Verdict, compared
from onepath.drift.comparing import as_plain
from onepath.report import drifting


def gathered(seed: int, size: int = 2_000, shift: float = 0.0, gone: float = 0.0, together: float = 0.0) -> Gathered:
    chance = np.random.default_rng(seed)
    one = chance.normal(size=size) + shift
    two = together * one + math.sqrt(1 - together**2) * chance.normal(size=size)
    two[chance.random(size) < gone] = math.nan
    return Gathered({("mine", "X"): {"one": one, "two": two}}, 1, 2)


def named(found: Any) -> dict[str, Any]:
    return {one.feature: one for one in found.features}


def test_the_same_population_is_stable() -> None:
    """Two samples of one population: stable, an index that chance explains, and nothing about correlations."""
    found = compared(gathered(1, 500), gathered(2))
    assert found.verdict is Verdict.STABLE
    assert all(one.psi < 0.1 for one in found.features)
    assert found.correlations == ()


def test_a_shift_of_a_deviation_is_drift() -> None:
    """The mean moved by one standard deviation: drifted, with that shift; the worst comes first."""
    found = compared(gathered(1, 1_000, shift=1.0), gathered(2))
    assert found.features[0].feature == "one"
    assert found.features[0].verdict is found.verdict is Verdict.DRIFTED
    assert found.features[0].shift == pytest.approx(1.0, abs=0.15)
    assert found.features[0].p < 1e-6


def test_a_small_shift_is_moderate() -> None:
    """A third of a standard deviation has an index of about 0.11: (shift squared for two normals)."""
    assert named(compared(gathered(1, 4_000, shift=0.35), gathered(2, 8_000)))["one"].verdict is Verdict.MODERATE


def test_few_values_need_more() -> None:
    """60 values whose index is above 0.1 by chance alone are no finding: 9 bins are expected to give 16.9 / 60 = 0.28."""
    found = named(compared(gathered(3, 60), gathered(2)))["one"]
    assert found.psi > 0.1
    assert found.verdict is Verdict.STABLE
    assert named(compared(gathered(3, 49), gathered(2)))["one"].verdict is Verdict.UNKNOWN


def test_missing_values_are_drift() -> None:
    """A tenth missing is moderate, a third is drifted, whatever the rest looks like."""
    assert named(compared(gathered(1, gone=0.10), gathered(2)))["two"].verdict is Verdict.MODERATE
    found = named(compared(gathered(1, gone=0.33), gathered(2)))["two"]
    assert (found.verdict, round(found.live.missing, 1)) == (Verdict.DRIFTED, 0.3)
    nothing = Gathered({("mine", "X"): {"one": np.full(100, math.nan)}})
    assert named(compared(nothing, gathered(2)))["one"].verdict is Verdict.DRIFTED


def test_correlations_that_changed_are_told() -> None:
    """0.9 then, nothing now: told, with both; each feature alone is stable."""
    found = compared(gathered(1), gathered(2, together=0.9))
    ((told,), worst) = found.correlations, found.verdict
    assert (round(told.reference, 1), round(told.live, 1), worst) == (0.9, 0.0, Verdict.STABLE)


def test_what_the_reference_does_not_have_is_said() -> None:
    """A symbol of the session alone is listed, and compared with nothing."""
    live = gathered(1)
    more = Gathered({**live.columns, ("mine", "Y"): live.columns["mine", "X"]})
    found = compared(more, gathered(2))
    assert found.absent == ("Y",)
    assert {one.symbol for one in found.features} == {"X"}


def test_as_json_and_as_a_page(tmp_path: Path) -> None:
    """JSON without NaN; a page with both histograms of each feature, everything escaped, nothing asked of the network."""
    hostile = "<script>alert(1)</script>"
    live, before = gathered(1, shift=1.0), gathered(2)
    live, before = (Gathered({("mine", hostile): g.columns["mine", "X"]}, 1, 2) for g in (live, before))
    found = compared(live, before)
    assert json.loads(json.dumps(as_plain(found), allow_nan=False))["verdict"] == "drifted"
    text = drifting.write(found, live, before, ("s", "r"), tmp_path / "new" / "d.html").read_text()
    assert text.count("<figure") == 4
    table = text[text.index("<table") : text.index("</table>")]
    head, first = table.partition("</tr>")[0], table.split("<tr>")[2]
    assert head.count("<th") - head.count("<thead") == first.count("<td") == len(drifting.HEADS)  # each below its head
    assert hostile not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
