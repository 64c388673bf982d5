"""When the rows of a frame are: whatever says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from onepath.errors import StrategyError
from onepath.features import compute, sma
from onepath.features.times import times

MINUTE = 60_000_000_000
T0 = 1_709_251_200_000_000_000  # 2024-03-01
CLOSES = [float(n) for n in range(12)]
STARTS = [T0 + n * MINUTE for n in range(12)]
INDEX = pd.date_range("2024-03-01", periods=12, freq="1min", tz="UTC")
FIVES = "[nan, nan, nan, nan, 4.0, 4.0, 4.0, 4.0, 4.0, 9.0, 9.0, 9.0]"


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"close": CLOSES}, index=INDEX),
        pd.DataFrame({"close": CLOSES}, index=INDEX.tz_convert("America/New_York")),
        pd.DataFrame({"close": CLOSES}, index=INDEX.tz_localize(None)),
        pd.DataFrame({"close": CLOSES, "Time": INDEX}),
        pd.DataFrame({"close": CLOSES, "timestamp": INDEX.tz_localize(None).astype("datetime64[ms]")}),
        {"close": CLOSES, "start": STARTS},
        {"close": CLOSES, "at": [t + MINUTE for t in STARTS]},
        {"close": CLOSES, "start": STARTS, "at": [t + MINUTE for t in STARTS]},
        {"close": CLOSES, "date": np.array(STARTS, dtype="datetime64[ns]")},
    ],
)
def test_minutes_of_any_kind_make_the_same_fives(data: Any) -> None:
    """Twelve minutes from midnight: the fives close at 4 and 9."""
    assert str(list(map(float, compute(sma(1).at("5m"), data)))) == FIVES


def test_polars_has_times_too() -> None:
    """A column of datetimes of polars, and a series of polars back."""
    pl = pytest.importorskip("polars")
    found = compute(sma(1).at("5m"), pl.DataFrame({"close": CLOSES, "time": INDEX.tz_localize(None).to_numpy()}))
    assert isinstance(found, pl.Series)
    assert str(found.to_list()) == FIVES


def test_stamps_may_mark_the_end() -> None:
    """Ends from 00:01 on are the same minutes; their length may be said, where there is but one, too."""
    ends = pd.DataFrame({"close": CLOSES}, index=INDEX + pd.Timedelta("1min"))
    assert str(compute(sma(1).at("5m"), ends, stamps="end").tolist()) == FIVES
    one = pd.DataFrame({"close": [7.0]}, index=INDEX[:1])
    assert compute(sma(1).at("1m"), one, bars="1m").tolist() == [7.0]


@pytest.mark.parametrize(
    ("data", "stamps", "words"),
    [
        ({"close": CLOSES, "start": STARTS[::-1]}, "start", "the rows are not in the order of their times"),
        ({"close": CLOSES, "start": STARTS[:5]}, "start", "there are times of 5 bars for 12 rows"),
        ({"close": CLOSES, "start": [0.5] * 12}, "start", "times must be whole nanoseconds or datetimes, not float64"),
        ({"close": CLOSES, "start": STARTS}, "middle", 'stamps=\'middle\' must be "start" or "end"'),
    ],
)
def test_times_that_cannot_be_are_refused(data: Any, stamps: str, words: str) -> None:
    """In a sentence."""
    with pytest.raises(StrategyError) as caught:
        compute(sma(1).at("5m"), data, stamps=stamps)
    assert words in str(caught.value)


def test_nothing_says_when() -> None:
    """A frame that is numbered has no times."""
    assert times(pd.DataFrame({"close": CLOSES}), ["close"], 12, 0, "start") is None
