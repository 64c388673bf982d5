"""Values out of their bounds, infinities, and what was computed before: the same end at the same event, batch or not."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onepath import Strategy, backtest
from onepath.errors import StrategyError
from onepath.features import compiled, compute, feature, rank, sma
from onepath.features.definition import Feature
from onepath.features.plant import FeaturePlant
from onepath.feeds.columns import BarBatch
from onepath.market import Bar

NAN = math.nan
MINUTE = 60_000_000_000
T0 = 1_709_251_200_000_000_000  # 2024-03-01 00:00:00 UTC
needs_numba = pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")


@feature(inputs=("close",), low=0.0, high=10.0)
def small(state: Any, close: float) -> float:
    """Says that it stays below ten, and does not see to it."""
    return close


@feature(inputs=("close",))
def inverse(state: Any, close: float) -> float:
    """Infinite at zero, as compiled code has it."""
    return 1.0 / close if close != 0.0 else math.inf


def batch(closes: Sequence[float]) -> BarBatch:
    rows = range(len(closes))
    return BarBatch("A", [T0 + n * MINUTE for n in rows], [T0 + (n + 1) * MINUTE for n in rows], [list(closes)] * 5)


def until_the_end(plant: FeaturePlant, closes: Sequence[float], *, staged: bool) -> tuple[list[float], str]:
    """What is seen, and how it ended."""
    part = batch(closes)
    seen: list[float] = []
    if staged:
        plant.prepare(part)
    for event, _ in part.events():
        try:
            plant.update(event, None)
        except StrategyError as error:
            return seen, str(error)
        seen.append(plant.views["A"].x)
    return seen, ""


@pytest.mark.parametrize("expected", [None, pytest.param(10**9, marks=needs_numba)], ids=["python", "compiled"])
@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("made", [{"x": small()}, {"x": sma(1), "y": small()}, {"x": small(), "z": sma(1).at("1h")}])
def test_a_value_out_of_bounds_ends_it_where_it_is(
    made: dict[str, Feature], staged: bool, expected: int | None
) -> None:
    """3, 10 and 0 are seen; at the fourth bar it is 11: named with symbol, time, value and bounds, in a batch or without."""
    plant = FeaturePlant(made, ["A"], expected, interval_ns=MINUTE)
    seen, error = until_the_end(plant, [3.0, 10.0, 0.0, 11.0, 5.0], staged=staged)
    assert seen == [3.0, 10.0, 0.0]
    assert error == (
        "feature small() on close of A is 11.0 at 2024-03-01 00:04:00 UTC, outside of its bounds 0 to 10: its definition or "
        "the data it is computed of are wrong"
    )


def test_of_two_the_first_ends_it() -> None:
    """One is out of bounds in row 3, the other in row 2: that one is named."""

    @feature(inputs=("close",), low=2.0)
    def large(state: Any, close: float) -> float:
        return close

    for wanted in ({"x": small(), "y": large()}, {"x": large(), "y": small()}):
        seen, error = until_the_end(FeaturePlant(wanted, ["A"], None), [3.0, 5.0, 1.0, 11.0], staged=True)
        assert seen == [3.0, 5.0]
        assert (
            "feature large() on close of A is 1.0 at 2024-03-01 00:03:00 UTC, outside of its bounds 2 to inf" in error
        )


def test_over_history_it_is_refused_too() -> None:
    """By row, compiled or not; what is computed of it is no way around."""
    with pytest.raises(
        StrategyError, match=r"feature small\(\) on close is 11.0 in row 2, outside of its bounds 0 to 10"
    ):
        compute(sma(2, on=small()), [1.0, 2.0, 11.0])
    with pytest.raises(StrategyError, match=r"is -0\.5 in row 60000"):
        compute(small(), np.array([5.0] * 60_000 + [-0.5]))


def test_a_time_to_the_nanosecond() -> None:
    """Half a second is written."""
    plant = FeaturePlant({"x": small()}, ["A"], None)
    with pytest.raises(StrategyError, match=r"at 2024-03-01 00:00:00.5 UTC"):
        plant.update(Bar("A", T0, T0 + 500_000_000, 99.0, 99.0, 99.0, 99.0, 1.0), None)


def test_a_cross_section_out_of_bounds() -> None:
    """One that says it is at most one, of two symbols: it ends at the end of the instant."""
    made = rank(sma(1), fraction=False)
    wrong = Feature("rank", 1, (sma(1),), (), 1, 1, made.step, list, high=1.0, across=made.across)
    plant = FeaturePlant({"x": wrong}, ["A", "B"], None)
    for symbol in "AB":
        plant.update(Bar(symbol, T0, T0 + MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0), None)
    with pytest.raises(StrategyError, match=r"of A is 1.5 at 2024-03-01 00:01:00 UTC, outside of its bounds -inf to 1"):
        plant.settle()


class Wrong(Strategy):
    """Trades by a feature that leaves its bounds."""

    def on_start(self, context: Any) -> None:
        context.features.require(x=small(), place=rank(small()))


def test_the_strategy_ends_there_and_says_why() -> None:
    """In a backtest: a sentence, not a traceback."""
    prices = {field: [5.0, 50.0] for field in ("open", "high", "low", "close")} | {"volume": 1.0}
    frame = pd.DataFrame(prices, index=pd.date_range("2024-03-01", periods=2, freq="1min", tz="UTC"))
    with pytest.raises(StrategyError, match=r"is 50\.0 at 2024-03-01 00:02:00 UTC, outside of its bounds"):
        backtest(Wrong, frame, symbols="A")


@pytest.mark.parametrize("expected", [None, pytest.param(10**9, marks=needs_numba)], ids=["python", "compiled"])
@pytest.mark.parametrize("staged", [False, True])
def test_an_infinity_is_no_number(staged: bool, expected: int | None) -> None:
    """1 / 0 is not shown, and a mean of two goes on when it has left; however it comes."""
    closes = [2.0, 0.0, 4.0, 5.0]
    plant = FeaturePlant({"x": inverse()}, ["A"], expected)
    assert str(until_the_end(plant, closes, staged=staged)[0]) == str([0.5, NAN, 0.25, 0.2])
    mean = FeaturePlant({"x": sma(2, on=inverse())}, ["A"], expected)
    assert str(until_the_end(mean, closes, staged=staged)[0]) == str([NAN, NAN, NAN, 0.225])
    assert str(compute(inverse(), closes).tolist()) == str([0.5, NAN, 0.25, 0.2])


def test_the_largest_number_is_one() -> None:
    """Bounds that are not given exclude no number."""
    most = sys.float_info.max
    seen, error = until_the_end(FeaturePlant({"x": sma(1)}, ["A"], None), [most, -most], staged=False)
    assert (seen, error) == ([most, -most], "")


def test_whole_numbers_become_floats() -> None:
    """A step that returns an int: the row has a float."""

    @feature(inputs=("close",))
    def whole(state: Any, close: float) -> Any:
        return 3

    plant = FeaturePlant({"x": whole()}, ["A"], None)
    assert str(until_the_end(plant, [1.0], staged=False)[0]) == "[3.0]"


class Remembered:
    """A memo in memory that says what it was asked."""

    def __init__(self, always: bool = False) -> None:
        self.always = always
        self.kept: dict[Any, Any] = {}
        self.asked: list[tuple[str, bool]] = []

    def _name(self, made: Feature, state: Any, columns: Any) -> Any:
        return made.key, tuple(map(repr, state)), tuple(tuple(column) for column in columns)

    def find(self, made: Feature, state: Any, columns: Any) -> Any:
        found = self.kept.get(self._name(made, state, columns))
        self.asked.append((made.name, found is not None))
        return found

    def keep(self, made: Feature, state: Any, columns: Any, values: Any, after: Any) -> None:
        self.kept[self._name(made, state, columns)] = np.array(values), list(after)


def test_what_was_computed_before_is_found() -> None:
    """Two batches, twice: the second time nothing is computed, the values are the same, and bars after them go on from there."""
    wanted = {"x": sma(2, on=inverse()), "y": sma(3)}
    memo, rows = Remembered(), []
    for _ in range(2):
        plant = FeaturePlant(wanted, ["A"], None, memo=memo)
        first = until_the_end(plant, [2.0, 4.0, 5.0], staged=True)[0]
        second = until_the_end(plant, [8.0, 10.0], staged=True)[0]
        plant.prepare(BarBatch("B", [0], [1], [[1.0]] * 5))
        rows.append(str([first, second, until_the_end(plant, [16.0], staged=False)[0], plant.views["A"]]))
    assert rows[0] == rows[1]
    assert [found for _, found in memo.asked] == [False] * 6 + [True] * 6
    assert "y=11.333333333333334" in rows[0]  # (8 + 10 + 16) / 3


def test_history_asks_it_too() -> None:
    """The second time over the same list both steps are found; over another none is."""
    memo = Remembered()
    for closes in ([1.0, 2.0, 4.0], [1.0, 2.0, 4.0], [1.0, 2.0, 5.0]):
        compute(sma(2, on=inverse()), closes, memo=memo)
    assert [found for _, found in memo.asked] == [False, False, True, True, False, False]


@needs_numba
def test_compiled_steps_ask_nobody_unless_it_must_be() -> None:
    """3 ns a value is faster than reading; a memo that has to be asked is."""
    for always, asked in ((False, []), (True, [("sma", False)])):
        memo = Remembered(always)
        plant = FeaturePlant({"x": sma(2)}, ["A"], 10**9, memo=memo)
        assert str(until_the_end(plant, [2.0, 4.0], staged=True)[0]) == str([NAN, 3.0])
        assert memo.asked == asked
