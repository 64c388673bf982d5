"""`onepath features list` and `show`: what there is, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onepath.cli import app
from onepath.errors import StrategyError
from onepath.features import builtins

MINE = """
from onepath.features import feature

@feature(inputs=("high", "low"), warm_up=1)
def width(state, high, low, scale=2.0):
    return (high - low) * scale
"""


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["features", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_list_has_all_of_them() -> None:
    """Each built-in once, in a table for people, and as one JSON value."""
    table = told("list")
    listed = json.loads(told("list", "--json"))
    assert [entry["name"] for entry in listed] == list(builtins())
    assert all(f"{name}(" in table for name in builtins())
    rsi = next(entry for entry in listed if entry["name"] == "rsi")
    assert (rsi["warm_up"], rsi["inputs"], rsi["low"], rsi["high"], rsi["talib"]) == (15, ["close"], 0.0, 100.0, "RSI")


def test_show_tells_of_one() -> None:
    """Signature, inputs, first value, bounds, and the formula with its source; as JSON too."""
    text = told("show", "rsi")
    assert "rsi(window=14, on='close')" in text
    assert "Wilder" in text
    assert json.loads(told("show", "macd", "--json"))["warm_up"] == 26


def test_show_reads_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call, and a feature of a file in the workspace: 9 values after the 26 that the line needs are 34."""
    assert json.loads(told("show", "ema(9, on=macd())", "--json"))["warm_up"] == 34
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    assert json.loads(told("show", "mine.py:width(3.0)", "--json"))["inputs"] == ["high", "low"]


def test_a_slip_is_answered_with_the_nearest_name() -> None:
    """One sentence, no traceback."""
    with pytest.raises(StrategyError, match=r"no feature 'rsii' \(did you mean 'rsi'\?\); see onepath features list"):
        told("show", "rsii")
