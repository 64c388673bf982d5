"""Features where they are not compiled, not asked for, or not theirs: what cannot be compiled, the loops as they read, actions
that concern nobody."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest

from onepath.actions import CashDividend, Split, SymbolChange
from onepath.features import compiled, compute, loops, sma
from onepath.features.definition import feature
from onepath.features.plant import FeaturePlant
from onepath.features.running import Running
from onepath.market import Bar

D = Decimal
needs_numba = pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")


def bar(symbol: str, n: int, price: float) -> Bar:
    return Bar(symbol, n, n + 1, price, price, price, price, 1.0)


@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5])
def test_a_loop_gives_the_step_its_row(inputs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row, every column in its place, then the arguments: columns 1 and 2, 10 and 20, ... with the argument 0.5 add up to
    11...1.5 and 22...2.5."""
    monkeypatch.setattr(loops, "step", lambda state, *values: sum(values))
    columns = [[10.0**n, 2 * 10.0**n] for n in range(inputs)]
    out = [0.0, 0.0]
    loops.LOOPS[inputs - 1](None, out, columns, (0.5,))
    ones = sum(10.0**n for n in range(inputs))
    assert out == [ones + 0.5, 2 * ones + 0.5]


def plain(state: Any, close: float, factor: float = 2.0) -> float:
    return factor * close


def scaled(by: float) -> Any:
    """A feature whose step has a number from outside in it."""

    @feature(inputs=("close",))
    def times(state: Any, close: float) -> float:
        return by * close

    return times()


@needs_numba
def test_what_is_no_function_runs_in_python() -> None:
    """A partial has no code of its own to compile: it warns, and gives what Python gives."""
    step = partial(plain, factor=3.0)
    with pytest.warns(RuntimeWarning, match="feature step does not compile .*: its step is not a plain function"):
        assert compiled.loop(step, 1, ()) is None  # type: ignore[arg-type]


@needs_numba
def test_steps_with_a_number_from_outside_are_not_mixed_up() -> None:
    """Two steps of the same text, one times 2 and one times 3: neither is taken for the other from disk, now or later."""
    column = np.array([1.0, 2.0])
    assert Running(scaled(2.0)).compiled_over([column]).tolist() == [2.0, 4.0]
    assert Running(scaled(3.0)).compiled_over([column]).tolist() == [3.0, 6.0]


def outer(by: float) -> Any:
    def inner(close: float) -> float:
        return by * close

    return inner


half = outer(0.5)


@feature(inputs=("close",))
def halved(state: Any, close: float) -> float:
    """A step that calls what has a number from outside in it."""
    return float(half(close))


@needs_numba
def test_steps_that_call_such_a_function_are_not_kept() -> None:
    """It compiles and gives half of each; nothing of it is kept on disk, where a later run could have another number."""
    assert Running(halved()).compiled_over([np.array([3.0, 5.0])]).tolist() == [1.5, 2.5]
    assert compiled._digest(halved().step) is None


@needs_numba
def test_a_long_column_is_compiled_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means of three over 0, 1, 2, ...: 1, 2, 3, ..., compiled as in Python."""
    monkeypatch.setattr(compiled, "worth", lambda values: True)
    assert compute(sma(3), np.arange(6.0)).tolist()[2:] == [1.0, 2.0, 3.0, 4.0]


def test_an_action_of_a_symbol_that_nobody_restates() -> None:
    """Only A acts: a split of B changes nothing of B's mean of 10 and 20."""
    plant = FeaturePlant({"mean": sma(2)}, ["A", "B"], None, ["A"])
    for n, price in enumerate((10.0, 20.0)):
        plant.update(bar("B", n, price), None)
    plant.act(Split("B", 2, D(2)))
    assert plant.views["B"].mean == 15.0


def test_an_action_before_the_first_bar() -> None:
    """A splits before it has traded: there is nothing to restate, and the first mean is of today's prices."""
    plant = FeaturePlant({"mean": sma(2)}, ["A"], None, ["A"])
    plant.act(Split("A", 0, D(2)))
    for n, price in enumerate((10.0, 20.0)):
        plant.update(bar("A", n, price), None)
    assert plant.views["A"].mean == 15.0


def test_a_new_name_that_has_a_history_keeps_it() -> None:
    """A becomes B, of which two bars of 40 are known: B's mean stays its own; and a name nobody asked for is left alone."""
    plant = FeaturePlant({"mean": sma(2)}, ["A", "B"], None, ["A"])
    for n, price in enumerate((10.0, 20.0)):
        plant.update(bar("A", n, price), None)
    for n in (0, 1):
        plant.update(bar("B", n, 40.0), None)
    plant.act(SymbolChange("A", 2, "B"))
    plant.act(SymbolChange("A", 2, "C"))
    assert (plant.views["B"].mean, plant.views["A"].mean) == (40.0, 15.0)
    plant.act(CashDividend("A", 3, D(1)))
    assert plant.views["A"].mean == 15.0


class Empty:
    """A batch that says it has no rows of A."""

    symbols = ("A",)

    def columns(self, symbol: str) -> dict[str, list[float]]:
        return {"close": []}


def test_a_batch_without_rows_stages_nothing() -> None:
    """The next bar is taken step by step."""
    plant = FeaturePlant({"mean": sma(1)}, ["A"], None, ())
    plant.prepare(Empty())  # type: ignore[arg-type]
    plant.update(bar("A", 0, 7.0), None)
    assert plant.views["A"].mean == 7.0


def test_actions_of_others_and_new_names_without_a_past() -> None:
    """C is not ours, and of A nobody keeps a past: nothing happens."""
    plant = FeaturePlant({"mean": sma(1)}, ["A", "B"], None)
    plant.update(bar("A", 0, 7.0), None)
    plant.act(Split("C", 1, D(2)))
    plant.act(SymbolChange("A", 1, "B"))
    assert plant.views["A"].mean == 7.0


def test_a_step_one_by_one() -> None:
    """Means of two of 1, 3, 5 are 2 and 4, whatever came compiled before; 1 / 0 is no number."""
    running = Running(sma(2))
    running.compiled_over([np.array([0.0, 1.0])])
    assert [running.once([3.0]), running.once([5.0])] == [2.0, 4.0]
    assert np.isnan(Running(sma(2)).once([float("inf")]))


def test_a_warm_up_that_is_counted_here() -> None:
    """A mean of three on a mean: the first row has no number to go by, then it takes three, in two columns or one by one."""
    made = sma(3, on=sma(2))
    running = Running(made, mixed=True)
    assert np.isnan(running.once([float("nan")]))
    running.over([[1.0]])
    assert running.early
    running.over([[2.0, 3.0]])
    assert not running.early
    assert running.once([4.0]) == 3.0
