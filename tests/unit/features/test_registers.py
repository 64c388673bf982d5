"""Steps with their state in registers: which are rewritten, which are left alone, and that all give the same."""

from __future__ import annotations

import math
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

from onepath.errors import StrategyError
from onepath.features import builtins, compiled, compute, history, macd_histogram, registers, sma
from onepath.features.definition import Feature
from onepath.features.registers import held, in_registers

needs_numba = pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")


def counts(state: Any, x: float) -> float:
    state[0] = 1
    state[1] += x
    if x > 2.0:
        return state[1]
    return -1


def ringed(state: Any, x: float) -> float:
    state[int(x)] += 1.0
    return float(state[0])


@in_registers(1)
def promised(state: Any, x: float) -> float:
    state[0] += x
    state[1 + int(x) % 2] = state[0]
    return float(state[1])


def nested(state: Any, x: float) -> float:
    state[0] += sum([2.0 * y for y in (x, x)])
    return float(state[0])


def handed(state: Any, x: float) -> float:
    state[0] += len(state)
    return float(state[0])


def stateless(state: Any, x: float) -> float:
    return 2.0 * x


def texted(state: Any, x: float) -> float:
    return float(state["a"])


def run(step: Any, size: int, values: list[float]) -> tuple[list[float], list[float]]:
    """Values and state after, compiled."""
    loop = compiled.loop(step, 1, ())
    assert loop is not None
    state, out = np.zeros(size), np.empty(len(values))
    loop(state, out, (np.array(values),), ())
    return out.tolist(), state.tolist()


@needs_numba
@pytest.mark.parametrize(
    ("step", "size", "numbers"), [(counts, 2, 2), (promised, 3, 1), (ringed, 5, 0), (stateless, 1, 0)]
)
def test_compiled_steps_leave_the_state_python_leaves(step: Any, size: int, numbers: int) -> None:
    """Values and state are Python's, whether held or not; what uses a computed index is held only where it says so."""
    values = [1.0, 4.0, 3.0, 2.0]
    state = [0.0] * size
    expected = [float(step(state, x)) for x in values]
    found = held(step)
    assert (found.numbers if found else 0) == numbers
    assert run(step, size, values) == (expected, state)


@pytest.mark.parametrize("step", [nested, handed, ringed, texted, stateless])
def test_what_cannot_be_held_is_left_alone(step: Any) -> None:
    """A function within, the state handed on, a computed index without a word, an index that is no number, no state at all."""
    assert held(step) is None


def made(source: str, path: Path, name: str = "step") -> FunctionType:
    """A function out of a file."""
    module = ModuleType("made")
    path.write_text(source)
    exec(compile(source, str(path), "exec"), vars(module))  # noqa: S102 - as an import would
    found = getattr(module, name)
    assert isinstance(found, FunctionType)
    return found


SOURCE = "def step(state, x):\n    state[0] += x\n    return state[0]\n"


def test_a_file_that_changed_is_not_believed(tmp_path: Path) -> None:
    """The source is used only while it gives the code that runs; else, and without a file, the step stays as it is."""
    assert held(made(SOURCE, tmp_path / "same.py")) is not None
    changed = made(SOURCE, tmp_path / "changed.py")
    (tmp_path / "changed.py").write_text(SOURCE.replace("+= x", "+= 2 * x"))
    assert held(changed) is None
    moved = made(SOURCE, tmp_path / "moved.py")
    (tmp_path / "moved.py").write_text("\n\n" + SOURCE.replace("step", "other"))
    assert held(moved) is None
    broken = made(SOURCE, tmp_path / "broken.py")
    (tmp_path / "broken.py").write_text("def (:\n")
    assert held(broken) is None
    gone = made(SOURCE, tmp_path / "gone.py")
    (tmp_path / "gone.py").unlink()
    assert held(gone) is None
    short = made("def step(state):\n    return state[0]\n", tmp_path / "short.py")
    assert held(short) is None


@needs_numba
def test_a_held_step_that_does_not_compile_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the compiler has something against the rewritten form the plain one is compiled."""
    monkeypatch.setattr(registers, "loop", lambda inputs, count: (_ for _ in ()).throw(ValueError("no")))
    loop = compiled._compile(counts, 1, ())
    state, out = np.zeros(2), np.empty(2)
    loop(state, out, (np.array([1.0, 4.0]),), ())
    assert (out.tolist(), state.tolist()) == ([-1.0, 5.0], [1.0, 5.0])


def test_every_built_in_with_a_state_is_held() -> None:
    """None of the built-ins runs through memory."""

    def every(feature: Feature) -> list[Feature]:
        return [feature] + [g for f in feature.inputs if isinstance(f, Feature) for g in every(f)]

    for make in builtins().values():
        try:
            feature = make()
        except TypeError:
            feature = make(20)
        for part in every(feature):
            stateful = bool(list(part.initial(*part.arguments)))
            assert (held(part.step) is not None) == stateful, part  # type: ignore[arg-type]


def test_infinite_values_are_no_numbers_compiled() -> None:
    """What comes out infinite is NaN, held or not."""
    if compiled.installed():
        out, _ = run(stateless, 1, [1e308, 1.0])
        assert math.isnan(out[0])
        assert out[1] == 2.0


@needs_numba
def test_a_history_in_pieces_is_the_one_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made of other features is compiled piece by piece, and has Python's bits; an error names the row of the whole."""
    closes = [100.0 + (i * 37) % 11 for i in range(500)]
    python = compute(macd_histogram(3, 7, 4), closes)
    monkeypatch.setattr(compiled, "worth", lambda values: True)
    monkeypatch.setattr(history, "_PIECE", 64)
    assert compute(macd_histogram(3, 7, 4), closes).tobytes() == python.tobytes()
    closes[300] = -5.0
    with pytest.raises(StrategyError, match="in row 300, outside of its bounds"):
        compute(Feature("low", 1, (sma(1),), (), 1, 1, stateless, lambda: [], low=0.0), closes)
