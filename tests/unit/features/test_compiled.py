"""The compiled execution: when it is used, what it keeps on disk, and what happens when it cannot be had."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onepath.features import Feature, compiled, compute, sma
from onepath.features.definition import feature
from onepath.features.running import Running

needs_numba = pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")
FACTOR = 3.0


def twice(x: float) -> float:
    return FACTOR * x - x


@feature(inputs=("close",))
def doubled(state: Any, close: float) -> float:
    """A step that calls a function, which refers to a constant."""
    return twice(close)


@feature(inputs=("close",))
def text_length(state: Any, close: float) -> float:
    """A step that does not compile."""
    return float(len(f"{close:.3f}"))


@feature(inputs=("open", "high", "low", "close", "volume"))
def everything(state: Any, a: float, b: float, c: float, d: float, e: float, scale: float = 1.5) -> float:
    """A step of all fields."""
    return (a + b * c - d) * scale / e if e != 0.0 else math.nan


def over(feature_: Feature, *columns: list[float]) -> list[float]:
    return Running(feature_).compiled_over([np.array(c) for c in columns]).tolist()  # type: ignore[no-any-return]


def test_short_runs_stay_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba is loaded for a long run, or the next of many, and never for a length nobody knows."""
    monkeypatch.setattr(compiled, "installed", lambda: True)
    monkeypatch.setattr(compiled, "_asked_for", {"values": 0})
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    assert [compiled.worth(n) for n in (None, 10_000, 1_000_000, 1_000_000)] == [False, False, False, True]
    monkeypatch.setitem(sys.modules, "numba", math)
    assert [compiled.worth(n) for n in (None, 10_000, 100_000)] == [False, False, True]


def test_without_numba_everything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba is not installed a long run is not worth compiling, and gives the same values."""
    closes = [float(i % 13) for i in range(60_000)]
    compiled_values = compute(sma(5), closes)
    monkeypatch.setattr(compiled, "installed", lambda: False)
    assert not compiled.worth(10**9)
    assert (compute(sma(5), closes).view("u8") == compiled_values.view("u8")).all()


@needs_numba
def test_functions_a_step_calls_are_compiled_too() -> None:
    """A step may call plain functions of its module and use its constants."""
    assert over(doubled(), [1.0, 2.5]) == [2.0, 5.0]


@needs_numba
def test_all_fields_can_be_inputs() -> None:
    """Up to all five fields go into one step."""
    columns = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [2.0, 0.0]]
    assert over(everything(), *columns)[0] == 6.75
    assert math.isnan(over(everything(), *columns)[1])


@needs_numba
def test_a_step_that_does_not_compile_runs_in_python() -> None:
    """It warns once and gives the values Python gives."""
    with pytest.warns(RuntimeWarning, match="feature text_length does not compile and runs in Python"):
        assert over(text_length(), [1.0, 22.0]) == [5.0, 6.0]
    assert over(text_length(), [333.0]) == [7.0]


RUN = """
import sys, numpy as np
from onepath.features import compiled, sma
from onepath.features.running import Running
print(Running(sma(3)).compiled_over([np.arange(6.0)]).tolist()[2:])
import numba
print(sum(compiled.loop(sma(3).step, 1, (3,)).stats.cache_hits.values()))
"""


def run(home: Path) -> list[str]:
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"XDG_CACHE_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True, env=env)
    return done.stdout.split("\n")[:2]


@needs_numba
def test_what_was_compiled_is_kept(tmp_path: Path) -> None:
    """The next process takes a step from disk; a damaged file is compiled over; a place that cannot be is done without."""
    values = "[1.0, 2.0, 3.0, 4.0]"
    assert run(tmp_path) == [values, "0"]
    kept = [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")]
    assert len(kept) == 2
    assert run(tmp_path) == [values, "1"]
    for file in kept:
        file.write_bytes(b"damaged")
    assert run(tmp_path)[0] == values
    (tmp_path / "file").write_text("in the way")
    assert run(tmp_path / "file")[0] == values


def test_a_changed_step_has_another_name() -> None:
    """The hash a kept step goes by follows its code, what it calls and the constants it uses."""

    def made(source: str) -> str | None:
        names: dict[str, Any] = {"math": math}
        exec(source, names)  # noqa: S102 - the point is functions that differ in one respect
        return compiled._digest(names["step"])

    base = "K = {k}\ndef inner(x): return x {op} K\ndef step(state, x, n={n}): return inner(x) + {c} + math.pi"
    variants = [
        base.format(k=1.0, op="*", n=1, c=2.0),
        base.format(k=1.5, op="*", n=1, c=2.0),
        base.format(k=1.0, op="+", n=1, c=2.0),
        base.format(k=1.0, op="*", n=2, c=2.0),
        base.format(k=1.0, op="*", n=1, c=3.0),
        "def step(state, x): return [y * 2.0 for y in (x, x)][0]",
        "def step(state, x): return [y * 3.0 for y in (x, x)][0]",
    ]
    hashes = [made(v) for v in variants]
    assert None not in hashes
    assert len(set(hashes)) == len(variants)
    assert hashes == [made(v) for v in variants]
    assert made("table = [1.0]\ndef step(state, x): return table[0]") is None
