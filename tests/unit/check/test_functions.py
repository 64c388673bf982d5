"""Look-ahead and warm-up of functions over whole columns: the usual mistakes are found, honest functions are not blamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from onepath.check import signals
from onepath.errors import DataError


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    chance = np.random.default_rng(8)
    close = 100 * np.exp(chance.normal(0, 0.01, 600).cumsum())
    times = pd.date_range("2024-01-01", periods=600, freq="D", tz="UTC")
    return pd.DataFrame({"open": close, "close": close * (1 + chance.normal(0, 0.002, 600))}, index=times)


HONEST: dict[str, tuple[Callable[[Any], Any], int | None]] = {
    "a moving average": (lambda f: f["close"].rolling(20).mean(), 20),
    "a crossing": (lambda f: f["close"].rolling(5).mean() - f["close"].rolling(30).mean(), 30),
    "a change": (lambda f: f["close"].pct_change(3), 4),
    "two columns": (lambda f: pd.DataFrame({"a": f["close"].shift(1), "b": f["open"]}), 2),
    "a sum from the beginning": (lambda f: f["close"].diff().fillna(0).cumsum(), None),
}
LEAKS: dict[str, Callable[[Any], Any]] = {
    "the next close": lambda f: f["close"].shift(-1),
    "a centred window": lambda f: f["close"].rolling(5, center=True).mean(),
    "scaled by all rows": lambda f: (f["close"] - f["close"].mean()) / f["close"].std(),
    "the highest of all": lambda f: f["close"] / f["close"].max(),
    "filled backwards": lambda f: f["close"].where(f["close"] > f["open"]).bfill(),
    "a line through all": lambda f: np.polyval(np.polyfit(np.arange(len(f)), f["close"], 1), np.arange(len(f))),
    "ranked among all": lambda f: f["close"].rank(pct=True),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_functions_are_not_blamed(frame: pd.DataFrame, name: str) -> None:
    """No leak, and the rows needed are those that the window takes; a sum from the beginning always depends on it."""
    function, needs = HONEST[name]
    found = signals(function, frame)
    assert found.honest, found
    assert found.warm_up == needs


@pytest.mark.parametrize("name", LEAKS)
def test_leaks_are_found(frame: pd.DataFrame, name: str) -> None:
    """Each of the usual mistakes is found, with a row before the cut whose value changed."""
    found = signals(LEAKS[name], frame)
    assert not found.honest
    assert all(leak.row < leak.cut for leak in found.leaks)
    assert str(found.leaks[0]) in repr(found)


def test_mappings_and_polars_frames(frame: pd.DataFrame) -> None:
    """The data may be a mapping of arrays or a polars frame; a leak in one of two columns names that column."""
    columns = {"close": frame["close"].to_numpy()}
    two = signals(lambda c: {"fine": c["close"], "next": np.append(c["close"][1:], np.nan)}, columns)
    assert {leak.column for leak in two.leaks} == {"next"}
    polars = signals(lambda f: f["close"].shift(-2), pl.from_pandas(frame))
    assert not polars.honest


def test_a_leak_names_row_cut_and_both_values() -> None:
    """x = 0, 1, 2, ... and the next one: where the data end after row 1 (0-based), that row has none any more."""
    data = {"x": np.arange(10.0)}
    found = signals(lambda d: np.append(d["x"][1:], np.nan), data, cuts=1)
    ended = next(leak for leak in found.leaks if leak.how == "end")
    assert (ended.row, ended.cut, ended.value) == (1, 2, 2.0)
    assert np.isnan(ended.otherwise)
    assert str(ended) == "signal at row 1 is 2, and nan where the data end after row 1"


@pytest.mark.parametrize(
    ("function", "rows", "words"),
    [
        (lambda d: d["x"], 9, "the data has 9 rows; at least 10"),
        (lambda d: d["x"][:-1], 50, r"signal with shape \(49,\) for 50 rows"),
        (lambda d: ["a"] * len(d["x"]), 50, "columns of numbers or of true and false"),
        (lambda d: 1.0, 50, r"shape \(\) for 50 rows"),
    ],
)
def test_bad_input(function: Callable[[Any], Any], rows: int, words: str) -> None:
    """One sentence says what came back and what was expected."""
    with pytest.raises(DataError, match=words):
        signals(function, {"x": np.arange(float(rows))})
