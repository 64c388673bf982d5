"""Export: what is written defines the same again, brings what it needs and nothing else, and data are refused."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import onepath
from onepath.errors import ConfigError, StrategyError
from onepath.examples.sma_cross import SmaCross
from onepath.featurefiles import features_in
from onepath.features import compute
from onepath.registry import in_file
from onepath.research import export

SCRIPT = '''
import math
from typing import Annotated, Any

import numpy as np

from onepath import Range, Strategy, feature, sma
from onepath.research import export

LEVEL = 1.5
unused = np.arange(3)
level = "a name that a parameter of a method hides"


def above(value: float, level: float) -> bool:
    """Whether it is."""
    return value > level


class Idea(Strategy):
    """Holds what is far above its average."""

    class Params(Strategy.Params):
        window: Annotated[int, Range(2, 100)] = 20

    def on_start(self, context: Any) -> None:
        context.features.require(mean=sma(self.params.window))

    def generate_orders(self, context: Any) -> Any:
        symbol = context.symbols[0]
        f = context.features[symbol]
        price = float(context.price(symbol) or math.nan)
        return context.target(symbol, weight=0.5 if f.ready and above(price / f.mean, LEVEL / 1.5) else 0)


class Leans(Strategy):
    """Refers to an array of the notebook."""

    def generate_orders(self, context: Any) -> Any:
        return context.target("X", weight=float(unused[0]))


@feature(inputs=("high", "low"))
def span(state: Any, high: float, low: float, scale: float = LEVEL) -> float:
    """High minus low, times scale, in money."""
    return (high - low) * scale


class Empty(Strategy):
    """Nothing of its own."""
'''


@pytest.fixture
def notebook(tmp_path: Path) -> dict[str, object]:
    """Definitions as those of a script that was run: their module is __main__."""
    path = tmp_path / "idea.py"
    path.write_text(SCRIPT)
    return runpy.run_path(str(path), run_name="__main__")


def test_a_strategy_with_what_it_needs(notebook: dict[str, object], tmp_path: Path) -> None:
    """Its constant, its function and its imports come with it; what it does not use stays behind; it decides the same."""
    found = export(notebook["Idea"], tmp_path / "out" / "idea.py")
    text = found.path.read_text()
    assert "LEVEL = 1.5" in text
    assert "def above" in text
    assert "import math" in text
    assert "from onepath import Range" in text
    assert "unused" not in text
    assert "a name that" not in text
    (again,) = in_file(found.path, tmp_path)
    one, two = (onepath.backtest(what, "us10", symbols="AAPL") for what in (notebook["Idea"], again))
    assert one.hash == two.hash
    assert len(one.orders) > 10


def test_what_was_written_stands_alone(notebook: dict[str, object], tmp_path: Path) -> None:
    """A new process imports the file."""
    path = export(notebook["Idea"], tmp_path / "alone" / "idea.py").path
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_feature(notebook: dict[str, object], tmp_path: Path) -> None:
    """A constructor made with @feature comes with its decorator; its default is the notebook's constant."""
    found = export(notebook["span"], tmp_path / "span.py")
    made = features_in(found.path, tmp_path)["span"]
    assert compute(made(), {"high": [3.0], "low": [1.0]})[0] == 3.0
    assert any(item.done and "checks passed" in item.what for item in found.items)
    assert [item.done for item in found.items if "declares bounds" in item.what] == [False]


def test_the_checklist(notebook: dict[str, object], tmp_path: Path) -> None:
    """What was found is ticked, with the finding; what only people and time can tell is open."""
    found = export(notebook["Idea"], tmp_path / "idea2.py")
    text = found.checklist.read_text()
    assert text.startswith("# Idea: before it trades")
    assert "- [x] passes `onepath lint`: nothing found" in text
    assert "- [x] its parameters have bounds" in text
    assert "- [ ] declares its own limits" in text
    assert "- [ ] was read by a second person" in text
    assert "- [x] has a docstring: " in text
    assert "- [ ] its docstring says what it does and why it should earn" in text  # which no program can know


def test_a_class_of_a_module_is_exported_too(tmp_path: Path) -> None:
    """A bundled example, whose source is in a file of the package."""
    found = export(SmaCross, tmp_path / "cross.py")
    (again,) = in_file(found.path, tmp_path)
    assert again.schema() == SmaCross.schema()


@pytest.mark.parametrize(
    ("name", "file", "kind", "words"),
    [
        ("Leans", "leans.py", StrategyError, "Leans refers to unused, which is data (ndarray)"),
        ("above", "above.py", StrategyError, "is neither a Strategy class nor a feature"),
        ("Idea", "idea.txt", ConfigError, "idea.txt is no Python file"),
        ("Idea", "idea.py", ConfigError, "idea.py exists already, and nothing is written over"),
        ("Empty", "empty.py", StrategyError, "Empty has no method of its own"),
    ],
)
def test_what_is_refused(
    notebook: dict[str, object], tmp_path: Path, name: str, file: str, kind: type[Exception], words: str
) -> None:
    """One sentence says why, and nothing is written."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(kind, match=re.escape(words)):
        export(notebook[name], tmp_path / file)
    assert sorted(tmp_path.iterdir()) == before


def test_the_command(tmp_path: Path) -> None:
    """`onepath export FILE:NAME PATH` takes strategies and features of a file with what they need, and stays in the workspace."""
    (tmp_path / ".onepath").touch()
    (tmp_path / "ideas.py").write_text(SCRIPT)
    run = [sys.executable, "-m", "onepath.cli", "export"]

    def told(*asked: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*run, *asked], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert told("ideas.py:Idea", "strategies/idea.py").returncode == 0
    assert "def above" in (tmp_path / "strategies" / "idea.py").read_text()
    assert msgspec.json.decode(told("ideas.py:span", "span.py", "--json").stdout)["items"][0]["done"]
    out = told("ideas.py:Idea", "../idea.py")
    assert (out.returncode, "leads out of the workspace" in out.stderr) == (2, True)
    unknown = told("ideas.py:Ide", "x.py")
    assert (unknown.returncode, "did you mean" in unknown.stderr) == (2, True)


def test_force_writes_over(notebook: dict[str, object], tmp_path: Path) -> None:
    """Only when asked."""
    first = export(notebook["Idea"], tmp_path / "again.py")
    assert export(notebook["Idea"], first.path, force=True).path == first.path


def test_definitions_inside_of_functions_are_not_found(tmp_path: Path) -> None:
    """Their source depends on what the function was called with."""

    class Inner(onepath.Strategy):
        """Local."""

        def generate_orders(self, context: object) -> list[onepath.OrderIntent]:
            return []

    with pytest.raises(StrategyError, match="the source of Inner is not known"):
        export(Inner, tmp_path / "inner.py")
