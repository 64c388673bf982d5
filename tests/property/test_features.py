"""Features are the same number however they are computed: to the last bit, for any data and any way to cut it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath import features as made
from onepath.features import Feature, compiled, ema, rsi, sma, volatility
from onepath.features.definition import FIELDS
from onepath.features.named import builtins
from onepath.features.plant import FeaturePlant
from onepath.features.running import Running, float_array
from onepath.feeds.columns import BarBatch

Makers = tuple[Callable[[int], Feature], ...]
WINDOWED: dict[str, Makers] = {
    "sma": (made.sma, partial(made.sma, on="volume"), lambda n: made.sma(n, on=made.returns(2))),
    "wma": (made.wma,),
    "linear_regression": (made.linear_regression,),
    "slope": (made.slope,),
    "typical_price": (lambda n: made.typical_price(),),
    "median_price": (lambda n: made.median_price(),),
    "returns": (made.returns, lambda n: made.returns(n, log=True)),
    "momentum": (made.momentum,),
    "roc": (made.roc,),
    "stochastic_k": (made.stochastic_k, lambda n: made.stochastic_k(n, 1)),
    "stochastic_d": (made.stochastic_d,),
    "williams_r": (made.williams_r,),
    "cci": (made.cci,),
    "volatility": (made.volatility, partial(made.volatility, log=True, periods=252.0)),
    "standard_deviation": (made.standard_deviation, lambda n: made.standard_deviation(n, sample=True)),
    "zscore": (made.zscore,),
    "correlation": (made.correlation, lambda n: made.correlation(n, "high", "low")),
    "bollinger_upper": (made.bollinger_upper,),
    "bollinger_middle": (made.bollinger_middle,),
    "bollinger_lower": (made.bollinger_lower,),
    "bollinger_width": (made.bollinger_width,),
    "bollinger_percent_b": (made.bollinger_percent_b,),
    "rolling_max": (made.rolling_max,),
    "rolling_min": (made.rolling_min,),
    "donchian_upper": (made.donchian_upper,),
    "donchian_middle": (made.donchian_middle,),
    "donchian_lower": (made.donchian_lower,),
    "mfi": (made.mfi,),
    "vwap": (made.vwap,),
    "vwma": (made.vwma,),
}
RECURSIVE: dict[str, Makers] = {
    "ema": (made.ema, lambda n: made.ema(n, on=made.macd())),
    "wilder": (made.wilder,),
    "dema": (made.dema,),
    "tema": (made.tema,),
    "rsi": (made.rsi,),
    "macd": (lambda n: made.macd(n, n + 7),),
    "macd_signal": (lambda n: made.macd_signal(n, n + 7, 5),),
    "macd_histogram": (lambda n: made.macd_histogram(n, n + 7, 5),),
    "true_range": (lambda n: made.true_range(),),
    "atr": (made.atr,),
    "natr": (made.natr,),
    "plus_di": (made.plus_di,),
    "minus_di": (made.minus_di,),
    "dx": (made.dx,),
    "adx": (made.adx,),
    "obv": (lambda n: made.obv(),),
    "accumulation_distribution": (lambda n: made.accumulation_distribution(),),
}
NO_BARS: dict[str, Makers] = {
    "spread": (lambda n: made.spread(),),
    "relative_spread": (lambda n: made.relative_spread(),),
    "mid": (lambda n: made.mid(),),
    "quote_imbalance": (lambda n: made.quote_imbalance(),),
    "order_book_imbalance": (lambda n: made.order_book_imbalance(),),
}
MAKERS = tuple(chain.from_iterable((WINDOWED | RECURSIVE).values()))
quick = settings(deadline=None, max_examples=60)
features = st.builds(lambda make, n: make(n), st.sampled_from(MAKERS), st.integers(2, 20))
windowed = tuple(chain.from_iterable(WINDOWED.values()))
prices = st.floats(0.01, 1e6)
odd = st.one_of(prices, st.floats(), st.just(math.nan), st.just(0.0), st.just(-1.0))
needs_numba = pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")


def bits(values: Sequence[float]) -> list[int]:
    """Each value as its 64 bits, every NaN as one: whose NaN it is says nothing."""
    array = np.array(values, dtype=np.float64)
    array[np.isnan(array)] = np.nan
    return array.view("u8").tolist()  # type: ignore[no-any-return]


def rows(of: st.SearchStrategy[float], least: int = 1) -> st.SearchStrategy[list[tuple[float, ...]]]:
    return st.lists(st.tuples(of, of, of, of, of), min_size=least, max_size=150)


def columns(data: list[tuple[float, ...]]) -> dict[str, list[float]]:
    return dict(zip(FIELDS, map(list, zip(*data, strict=True)), strict=True))


def streamed(feature: Feature, data: list[tuple[float, ...]], names: Sequence[str] = FIELDS) -> list[float]:
    """Row by row, what it is made of before it."""

    def stepped(running: Running, columns: list[Sequence[float]]) -> list[float]:
        return [running.once(row) for row in zip(*columns, strict=True)]

    return alone(feature, dict(zip(names, map(list, zip(*data, strict=True)), strict=False)), stepped)


def alone(feature: Feature, fields: dict[str, list[float]], take: Callable[..., Any]) -> Any:
    """A feature's values, and those of what it is made of, each by `take`."""
    inputs = [alone(i, fields, take) if isinstance(i, Feature) else fields[i] for i in feature.inputs]
    return take(Running(feature), inputs)


def over(running: Running, inputs: list[Sequence[float]]) -> Any:
    return running.over(inputs)


def natively(running: Running, inputs: list[Sequence[float]]) -> Any:
    return running.compiled_over([float_array(column) for column in inputs])


def batch(data: list[tuple[float, ...]], first: int, one: str | Sequence[str] = "A") -> BarBatch:
    at = range(first, first + len(data))
    return BarBatch(one, [t * 60 for t in at], [(t + 1) * 60 for t in at], list(columns(data).values()))


def planted(feature: Feature, parts: list[list[tuple[float, ...]]], expected: int | None) -> list[float]:
    """What a strategy sees of a feature when its bars come in these parts."""
    plant, seen, first = FeaturePlant({"x": feature}, ["A"], expected), [], 0
    for part in parts:
        stretch = batch(part, first)
        first += len(part)
        plant.prepare(stretch)
        for event, _ in stretch.events():
            plant.update(event, None)
            seen.append(plant.views["A"].x)
    return seen


def cut(data: list[tuple[float, ...]], places: list[int]) -> list[list[tuple[float, ...]]]:
    at = sorted({0, len(data), *(p % (len(data) + 1) for p in places)})
    return [data[a:b] for a, b in pairwise(at)]


def test_no_built_in_is_forgotten() -> None:
    """The table above has all of them, so that each is tried below."""
    assert sorted(WINDOWED | RECURSIVE | NO_BARS) == sorted(builtins())


ROWS = [(100.0 + i % 7, 103.0 + i % 11, 95.0 - i % 5, 97.5 + i % 13, 1000.0 + (i * 37) % 101) for i in range(120)]
SPOILT = [*ROWS[:70], (math.nan,) * 5, (math.inf, 1.0, -math.inf, 0.0, 5.0), (0.0,) * 5, (-1.5,) * 5, *ROWS[70:]]


@needs_numba
@pytest.mark.parametrize("name", sorted(WINDOWED | RECURSIVE | NO_BARS))
def test_every_built_in_is_the_same_everywhere(name: str) -> None:
    """Over history, compiled and row by row each built-in gives the same bits, also about rows that are no numbers; and it has
    values."""
    for make in (WINDOWED | RECURSIVE | NO_BARS)[name]:
        feature = make(5)
        names = FIELDS if feature.kind == "bars" else (*feature.inputs, "_", "_", "_")
        fields = dict(zip(names, map(list, zip(*SPOILT, strict=True)), strict=False))
        one = streamed(feature, SPOILT, names)  # type: ignore[arg-type]
        assert bits(alone(feature, fields, over)) == bits(one)
        assert bits(alone(feature, fields, natively)) == bits(one)
        assert np.isfinite(one[feature.total_warm_up - 1 : 70]).all()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # none falls back to Python
            assert all(compiled.loop(f.step, len(f.inputs), f.arguments) for f in every(feature))


def every(feature: Feature) -> list[Feature]:
    """A feature and all it is made of."""
    return [feature, *chain.from_iterable(every(f) for f in feature.inputs if isinstance(f, Feature))]


@quick
@given(features, rows(odd))
def test_history_equals_stream(feature: Feature, data: list[tuple[float, ...]]) -> None:
    """Over history and bar by bar a feature gives the same bits, for odd data too."""
    assert bits(alone(feature, columns(data), over)) == bits(streamed(feature, data))


@needs_numba
@settings(deadline=None, max_examples=150)
@given(features, rows(odd))
def test_compiled_equals_python(feature: Feature, data: list[tuple[float, ...]]) -> None:
    """Compiled and in Python a feature gives the same bits, for odd data too."""
    assert bits(alone(feature, columns(data), natively)) == bits(streamed(feature, data))


@pytest.mark.parametrize("expected", [None, pytest.param(10**9, marks=needs_numba)], ids=["python", "compiled"])
@quick
@given(features, rows(prices), st.lists(st.integers(0, 200), max_size=6))
def test_any_batches_give_the_same(
    expected: int | None, feature: Feature, data: list[tuple[float, ...]], places: list[int]
) -> None:
    """However the bars are cut into batches, compiled or not, a strategy sees the bits of the stream."""
    assert bits(planted(feature, cut(data, places), expected)) == bits(streamed(feature, data))


@needs_numba
@quick
@given(features, rows(prices), st.lists(st.booleans(), min_size=1, max_size=8))
def test_history_and_live_may_alternate(feature: Feature, data: list[tuple[float, ...]], live: list[bool]) -> None:
    """Compiled batches and single events, in any order, continue each other's state."""
    plant, seen, size = FeaturePlant({"x": feature}, ["A"], 10**9), [], -(-len(data) // len(live))
    for number, alone in enumerate(live):
        part = data[number * size : (number + 1) * size]
        if not part:
            break
        stretch = batch(part, number * size)
        plant.prepare(batch([(1.0,) * 5], 0, "B") if alone else stretch)
        for event, _ in stretch.events():
            plant.update(event, None)
            seen.append(plant.views["A"].x)
    assert bits(seen) == bits(streamed(feature, data))


@quick
@given(features, rows(prices, 60))
def test_warm_up_is_exact(feature: Feature, data: list[tuple[float, ...]]) -> None:
    """Values are missing for exactly the declared warm-up, and never after."""
    missing = np.isnan(streamed(feature, data))
    assert missing.tolist() == [i + 1 < feature.total_warm_up for i in range(len(data))]


def reach(feature: Feature) -> int:
    """Bars that a value looks back on, those of the features it is computed from included."""
    return feature.window + max((reach(one) for one in feature.inputs if isinstance(one, Feature)), default=0)


@quick
@given(
    st.builds(lambda make, n: make(n), st.sampled_from(windowed), st.integers(2, 20)),
    rows(prices, 60),
    st.sampled_from([1e12, -1e12, 1e300, math.inf, math.nan]),
)
def test_a_spike_leaves_no_residue(feature: Feature, data: list[tuple[float, ...]], spike: float) -> None:
    """Once a wild price has left the window, a windowed feature has the bits it would have had without it.

    It comes after the warm-up: a feature of features begins with their first number, and that would be another one.
    """
    at, data = 60, 3 * data
    spoilt = [*data[:at], (spike,) * 5, *data[at + 1 :]]
    after = at + reach(feature)
    assert bits(streamed(feature, spoilt)[after:]) == bits(streamed(feature, data)[after:])


@quick
@given(features, rows(prices, 2), st.data())
def test_the_future_changes_nothing(feature: Feature, data: list[tuple[float, ...]], draw: st.DataObject) -> None:
    """What a strategy sees at a bar is the same whatever comes after it, within the same batch too."""
    keep = draw.draw(st.integers(1, len(data) - 1))
    other = data[:keep] + [tuple(2.0 * x for x in row) for row in data[keep:]]
    assert bits(planted(feature, [data], None)[:keep]) == bits(planted(feature, [other], None)[:keep])


@quick
@given(st.integers(2, 40), st.lists(prices, min_size=41, max_size=150))
def test_windows_are_what_they_say(window: int, data: list[float]) -> None:
    """SMA and volatility are within rounding of the exact mean and deviation of their window."""
    rows_ = [(x,) * 5 for x in data]
    mean, deviation = streamed(sma(window), rows_), streamed(volatility(window), rows_)
    change = [b / a - 1.0 for a, b in pairwise(data)]
    for i in range(window, len(data)):
        assert mean[i] == pytest.approx(math.fsum(data[i - window + 1 : i + 1]) / window, rel=1e-13)
        part = change[i - window : i]
        centre = math.fsum(part) / window
        exact = math.sqrt(math.fsum((r - centre) ** 2 for r in part) / (window - 1))
        assert deviation[i] == pytest.approx(exact, rel=1e-9, abs=1e-13 * max(map(abs, part)))


@quick
@given(st.integers(2, 30), rows(prices))
def test_bounded_features_stay_in_bounds(window: int, data: list[tuple[float, ...]]) -> None:
    """RSI lies between 0 and 100; volatility is not negative; averages lie within the range of the data."""
    close = columns(data)["close"]
    low, high = min(close), max(close)
    for x in streamed(rsi(window), data):
        assert math.isnan(x) or 0.0 <= x <= 100.0
    for x in streamed(volatility(window), data):
        assert math.isnan(x) or x >= 0.0
    for x in streamed(sma(window), data) + streamed(ema(window), data):
        assert math.isnan(x) or low * (1 - 1e-12) <= x <= high * (1 + 1e-12)
