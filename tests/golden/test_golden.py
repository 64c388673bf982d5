"""Every example strategy does today what it did when it was pinned. Re-pin with `python tests/golden/pin.py`.

The expected figures are our own earlier output: see pin.py for what that proves and what it does not.
"""

from __future__ import annotations

import json
import pkgutil

import cases
import pin
import pytest

import onepath.examples

GOLDEN = json.loads(pin.GOLDEN.read_text())


@pytest.mark.parametrize("name", cases.ARGUMENTS)
def test_pinned(name: str) -> None:
    """All orders, all fills and the final equity are those that were pinned, to the last byte."""
    assert pin.differences({name: GOLDEN[name]}, {name: cases.summary(cases.run(name))}) == []


def test_every_example_is_pinned() -> None:
    """No example strategy is without a golden run, and every golden run trades."""
    examples = {module.name for module in pkgutil.iter_modules(onepath.examples.__path__)}
    assert examples <= set(GOLDEN)
    assert set(GOLDEN) == set(cases.ARGUMENTS)
    assert all(run["fills"] > 0 and run["orders"] > 0 for run in GOLDEN.values())


def test_a_changed_parameter_changes_the_hash() -> None:
    """The hash notices a different strategy and a different market: it is not a constant."""
    pinned = GOLDEN["sma_cross"]
    assert cases.run("sma_cross", strategy=cases.SmaCross(fast=20, slow=51)).hash != pinned["decisions_sha256"]
    dearer = cases.run("sma_cross", slippage="0.0001")
    assert cases.fills_hash(dearer) != pinned["fills_sha256"]


def test_differences_name_what_changed() -> None:
    """Re-pinning prints one line a figure that changed, came or went, and nothing for what is the same."""
    before = {"a": {"fills": 1, "fees": "2"}, "gone": {"fills": 1}}
    now = {"a": {"fills": 3, "fees": "2"}, "new": {"fills": 4}}
    assert pin.differences(before, now) == ["a.fills: 1 -> 3", "gone.fills: 1 -> None", "new.fills: None -> 4"]
    assert pin.differences(now, now) == []
