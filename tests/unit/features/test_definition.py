"""Defining features: what they are called, what is refused, and how users write their own."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from onepath.errors import StrategyError
from onepath.features import Feature, atr, compute, feature, returns, rsi, sma, volatility


@feature(inputs=("high", "low"), initial=lambda bars: [0.0, 0.0], warm_up=lambda bars: bars)
def smooth_range(state, high, low, bars=10):  # type: ignore[no-untyped-def]
    """The range of a bar, smoothed over some."""
    state[0] += 1.0
    state[1] += (high - low - state[1]) / min(state[0], bars)
    return state[1] if state[0] >= bars else math.nan


@feature(inputs=("open", "close"), version=2)
def body(state, open, close):  # type: ignore[no-untyped-def]
    """How far the close is from the open."""
    return close - open


BARS = {"open": [1.0, 2.0, 3.0], "high": [5.0, 9.0, 8.0], "low": [1.0, 1.0, 2.0], "close": [2.0, 1.0, 3.0]}


def test_a_feature_reads_as_it_was_made() -> None:
    """The repr says name, parameters and inputs; the key adds the version and is one text."""
    assert repr(sma(20)) == "sma(window=20) on close"
    assert repr(atr()) == "atr(window=14) on high, low, close"
    assert sma(20, on="open").key == "sma@1(window=20)[open]"
    assert volatility(5, periods=252).key == "volatility@2(window=5, log=False, periods=252.0)[close]"


def test_equal_definitions_are_equal() -> None:
    """Two features made alike are equal and hash alike; any difference makes two."""
    assert len({sma(20), sma(20), sma(21), sma(20, on="open"), rsi(20), returns(20), returns(20, log=True)}) == 6


def test_a_feature_cannot_be_changed() -> None:
    """A feature is frozen."""
    with pytest.raises(AttributeError):
        sma(20).window = 3  # type: ignore[misc]


def test_own_features_are_as_good() -> None:
    """A step of one's own becomes a constructor that takes the step's parameters, with its defaults and docstring."""
    assert compute(smooth_range(bars=2), BARS).tolist()[1:] == [6.0, 6.0]
    assert smooth_range() == smooth_range(10) == smooth_range(bars=10)
    assert smooth_range(3).warm_up == smooth_range(3).window == 3
    assert smooth_range.__doc__ == "The range of a bar, smoothed over some."
    assert compute(body(), BARS).tolist() == [1.0, -1.0, 0.0]
    assert body().key == "body@2()[open,close]"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: smooth_range(windw=3), "smooth_range(bars=10): got an unexpected keyword argument 'windw'"),
        (lambda: smooth_range("3"), "smooth_range: parameter bars must be a number, not '3'"),
        (lambda: smooth_range(0), "smooth_range: version"),
        (lambda: feature(inputs="close"), "inputs='close' is one text"),
        (lambda: feature(inputs=("high", "low"))(lambda state, high: high), "feature <lambda> takes too little"),
        (feature(inputs=("close",))(lambda state, x: x), "feature name '<lambda>' is not an identifier"),
    ],
)
def test_bad_definitions_say_what_is_wrong(make: object, words: str) -> None:
    """A definition that cannot work is refused in a sentence where it is made."""
    words = words.replace("smooth_range: version", "smooth_range: window must be a whole number of at least 1, not 0")
    with pytest.raises(StrategyError) as caught:
        make()  # type: ignore[operator]
    assert words in str(caught.value)


def test_parts_of_a_feature_are_checked() -> None:
    """Inputs must be fields of a bar, and there must be some; a warm-up is a whole number."""
    made = {"name": "x", "version": 1, "inputs": ("close",), "params": (), "window": 1, "warm_up": 1}
    step = {"step": lambda state, x: x, "initial": list}
    assert Feature(**made, **step).arguments == ()  # type: ignore[arg-type]
    for change, words in (
        ({"inputs": ("hihg",)}, "a bar has no field 'hihg' (did you mean 'high'?)"),
        ({"inputs": ()}, "feature x has no inputs"),
        ({"warm_up": 0}, "x: warm_up must be a whole number of at least 1, not 0"),
        ({"version": 1.5}, "x: version must be a whole number of at least 1, not 1.5"),
        ({"params": (("n", None),)}, "x: parameter n must be a number, not None"),
    ):
        with pytest.raises(StrategyError) as caught:
            Feature(**{**made, **change}, **step)  # type: ignore[arg-type]
        assert words in str(caught.value)


def test_a_number_of_numpys_is_a_number() -> None:
    """Parameters out of numpy ranges make the same feature as Python's numbers."""
    assert smooth_range(np.int64(4)).params == (("bars", 4),)


@pytest.mark.parametrize("module", ["onepath.features", "onepath.features.plant"])
def test_importing_features_is_light(module: str) -> None:
    """Neither definitions nor the plant import numpy, numba or pandas; a short run does not either."""
    run = (
        f"import sys, {module}\n"
        "from onepath.features import sma; from onepath.features.plant import FeaturePlant\n"
        "from onepath.feeds.columns import BarBatch\n"
        "b = BarBatch('A', [0, 1], [1, 2], [[1.0, 2.0]] * 5); p = FeaturePlant({'x': sma(2)}, ['A'], 2)\n"
        "p.prepare(b); [p.update(e, None) for e, _ in b.events()]\n"
        "assert p.views['A'].x == 1.5, p.views\n"
        "print([m for m in ('numpy', 'numba', 'pandas', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
