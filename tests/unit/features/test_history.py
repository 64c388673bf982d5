"""Features over whole histories, as notebooks use them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepath.errors import StrategyError
from onepath.features import atr, compute, sma

BARS = {"high": [3.0, 4.0, 5.0], "low": [1.0, 2.0, 3.0], "close": [2.0, 3.0, 4.0]}
MEANS = [2.5, 3.5]


@pytest.mark.parametrize("data", [BARS, BARS["close"], tuple(BARS["close"]), np.array([2, 3, 4]), range(2, 5)])
def test_columns_of_any_kind(data: Any) -> None:
    """A mapping, a list, a tuple, an array of ints, a range: the same values, as a float64 array."""
    got = compute(sma(2), data)
    assert got.dtype == np.float64
    assert got[1:].tolist() == MEANS


def test_pandas_in_pandas_out() -> None:
    """A frame or series of pandas gives a series with its index, named after the feature; capitals are fine."""
    pd = pytest.importorskip("pandas")
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    frame = pd.DataFrame(BARS, index=days)
    for data in (frame, frame["close"], frame.rename(columns=str.capitalize)):
        got = compute(sma(2), data)
        assert got.name == "sma(window=2) on close"
        assert (got.index == days).all()
        assert got[1:].tolist() == MEANS
    assert compute(atr(1), frame).tolist()[1:] == [2.0, 2.0]


def test_polars_in_polars_out() -> None:
    """A frame or series of polars gives a series of polars."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(BARS)
    for data in (frame, frame["close"]):
        got = compute(sma(2), data)
        assert isinstance(got, pl.Series)
        assert got.to_list()[1:] == MEANS


def test_arrow_tables_are_columns_too() -> None:
    """A table of Arrow gives an array."""
    pa = pytest.importorskip("pyarrow")
    assert compute(sma(2), pa.table(BARS))[1:].tolist() == MEANS


def test_input_is_left_alone() -> None:
    """The columns that come in are not written to."""
    column = np.array([2.0, 3.0, 4.0])
    column.flags.writeable = False
    assert compute(sma(2), column)[1:].tolist() == MEANS


@pytest.mark.parametrize("data", [[], np.array([])])
def test_nothing_gives_nothing(data: Any) -> None:
    """An empty history has no values."""
    assert compute(sma(2), data).tolist() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"clsoe": [1.0]}, "sma(window=2) on close: no column 'close' (did you mean 'clsoe'?) in ['clsoe']"),
        ({"close": ["a"]}, "sma(window=2) on close: its inputs must be numbers"),
        (np.ones((2, 2)), "sma(window=2) on close: its inputs must be columns of one length, not close (2, 2)"),
    ],
)
def test_bad_data_says_what_is_wrong(data: Any, words: str) -> None:
    """Columns that are missing, no numbers or no columns are refused in a sentence."""
    with pytest.raises(StrategyError) as caught:
        compute(sma(2), data)
    assert words in str(caught.value)


def test_columns_must_be_of_one_length() -> None:
    """Inputs of different lengths are refused, and several inputs need names."""
    with pytest.raises(StrategyError, match="one length"):
        compute(atr(2), {**BARS, "low": [1.0]})
    with pytest.raises(StrategyError, match="takes 3 columns"):
        compute(atr(2), [1.0])
