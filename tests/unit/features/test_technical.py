"""The built-in indicators against hand calculation and against published and TA-Lib values on real data."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from onepath.errors import StrategyError
from onepath.features import Feature, atr, compute, ema, returns, rsi, sma, volatility

SHARED = Path(__file__).parents[4] / "shared" / "data"
REFERENCE = SHARED / "indicators_ref_stockindicators"
MINUTES = SHARED / "crypto_small_basana"

# StockCharts ChartSchool, "Relative Strength Index": 33 closes and the RSI(14) published for bars 15 to 33.
WILDER = (
    "44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931 46.0328 45.6140 46.2820 "
    "46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521 45.7137 46.4515 45.7835 45.3548 44.0288 44.1783 "
    "44.2181 44.5672 43.4205 42.6628 43.1314"
)
WILDER_RSI = (
    "70.53 66.32 66.55 69.41 66.36 57.97 62.93 63.26 56.06 62.38 54.71 50.42 39.99 41.46 41.87 45.46 37.30 33.08 37.77"
)


def floats(text: str) -> list[float]:
    return [float(word) for word in text.split()]


def rounded(values: object, digits: int) -> list[float]:
    return [round(float(v), digits) for v in values]  # type: ignore[attr-defined]


def test_sma_by_hand() -> None:
    """The mean of the last three, from the third bar on, across the end of a lap."""
    got = compute(sma(3), [1.0, 2.0, 3.0, 4.0, 8.0, 6.0, 1.0])
    assert got.tolist()[2:] == [2.0, 3.0, 5.0, 6.0, 5.0]
    assert np.isnan(got[:2]).all()


def test_ema_by_hand() -> None:
    """Begun with the mean of the first three bars, then half way to each price (alpha = 2 / 4)."""
    assert compute(ema(3), [1.0, 2.0, 6.0, 5.0, 8.0]).tolist()[2:] == [3.0, 4.0, 6.0]


def test_returns_by_hand() -> None:
    """Fractions of the value so many bars ago; logarithms on request; none from zero."""
    assert compute(returns(), [4.0, 5.0, 2.5]).tolist()[1:] == [0.25, -0.5]
    assert compute(returns(2), [4.0, 5.0, 6.0, 2.5]).tolist()[2:] == [0.5, -0.5]
    assert compute(returns(log=True), [1.0, math.e]).tolist()[1] == 1.0
    assert np.isnan(compute(returns(), [0.0, 1.0])).all()
    assert np.isnan(compute(returns(log=True), [-1.0, -2.0, 1e-308, 1e308, 0.0])).all()


def test_volatility_by_hand() -> None:
    """Returns 0.1, -0.1, 0.2 have a mean of 1/15 and squares of 7/150 about it; divided by 2."""
    got = compute(volatility(3), [100.0, 110.0, 99.0, 118.8])
    assert got[3] == pytest.approx(math.sqrt(7 / 150 / 2), rel=1e-12)
    year = compute(volatility(3, periods=252), [100.0, 110.0, 99.0, 118.8])
    assert year[3] == pytest.approx(got[3] * math.sqrt(252), rel=1e-15)


def test_atr_by_hand() -> None:
    """True ranges 3, 4 (a gap up), 5 (a gap down), 2: begun with the mean of two, then Wilder's average."""
    bars = {
        "high": [10.0, 11.0, 15.0, 13.0, 12.0],
        "low": [9.0, 8.0, 13.0, 10.0, 10.0],
        "close": [10.0, 11.0, 15.0, 11.0, 11.0],
    }
    assert compute(atr(2), bars).tolist()[2:] == [3.5, 4.25, 3.125]


def test_rsi_as_published() -> None:
    """The 14-bar RSI of StockCharts' worked example, to the digits published."""
    assert rounded(compute(rsi(14), floats(WILDER))[14:], 1) == pytest.approx(floats(WILDER_RSI), abs=0.06)


@pytest.mark.parametrize(("prices", "strength"), [([1, 2, 3, 4], 100.0), ([4, 3, 2, 1], 0.0), ([2, 2, 2, 2], 50.0)])
def test_rsi_at_its_ends(prices: list[float], strength: float) -> None:
    """Only gains give 100, only losses 0, and a price that never moved is neither."""
    assert compute(rsi(3), prices)[-1] == strength


@pytest.mark.parametrize("feature", [sma(3), volatility(3), returns(2)])
def test_windows_forget_what_is_not_a_number(feature: Feature) -> None:
    """A NaN spoils a windowed feature while it is in the window and not a bar longer."""
    prices = [float(10 + i % 4) for i in range(40)]
    clean, spoilt = compute(feature, prices), compute(feature, [*prices[:20], math.nan, *prices[21:]])
    bad = np.isnan(spoilt)
    assert bad[20]
    assert not bad[20 + feature.window :].any()
    assert (spoilt[20 + feature.window :] == clean[20 + feature.window :]).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("feature", [ema(3), rsi(3), atr(3)])
def test_averages_go_on_after_what_is_not_a_number(feature: Feature, bad: float) -> None:
    """A bar that is not a number gives NaN and leaves a recursive feature as if it had not been."""
    prices = [float(10 + i % 4) for i in range(30)]
    bars = {field: list(prices) for field in feature.inputs}
    clean = compute(feature, bars).tolist()
    for column in bars.values():
        column.insert(12, bad)
    spoilt = compute(feature, bars).tolist()
    assert math.isnan(spoilt.pop(12))
    assert spoilt[feature.warm_up :] == clean[feature.warm_up :]


def test_flat_prices_have_no_volatility() -> None:
    """A price that does not move has a volatility of exactly zero, also after one that did."""
    got = compute(volatility(5), [1.0, 3.0, 7.0] + [9.7] * 12)
    assert got[9:].tolist() == [0.0] * 6


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sma(0), "sma: window must be a whole number of at least 1, not 0"),
        (lambda: ema(-3), "ema: window must be a whole number of at least 1, not -3"),
        (lambda: rsi(1), "rsi: window must be a whole number of at least 2, not 1"),
        (lambda: atr(2.0), "atr: window must be a whole number of at least 1, not 2.0"),  # type: ignore[arg-type]
        (lambda: sma(True), "sma: window must be a whole number of at least 1, not True"),
        (lambda: sma("9"), "sma: window must be a whole number of at least 1, not '9'"),  # type: ignore[arg-type]
        (lambda: returns(0), "returns: periods must be a whole number of at least 1, not 0"),
        (lambda: volatility(5, periods=-1), "volatility: periods must be a number above zero, not -1"),
        (lambda: volatility(5, periods=math.nan), "volatility: periods must be a number above zero, not nan"),
        (lambda: sma(9, on="clsoe"), "sma: a bar has no field 'clsoe' (did you mean 'close'?); it has open, high, low"),
    ],
)
def test_bad_parameters_say_what_is_wrong(make: object, words: str) -> None:
    """A parameter that makes no sense is refused in a sentence that names it, what it was and what it may be."""
    with pytest.raises(StrategyError) as caught:
        make()  # type: ignore[operator]
    assert str(caught.value).startswith(words)


def test_window_may_be_any_integer_type() -> None:
    """A window out of a numpy range is as good as an int, and gives the same feature."""
    assert sma(np.arange(30)[20]) == sma(20)  # type: ignore[arg-type]


# -- real data


def reference() -> tuple[dict[str, list[float]], dict[str, np.ndarray]]:
    if not REFERENCE.exists():
        pytest.skip(f"no reference values at {REFERENCE}")
    with (REFERENCE / "quotes_default.csv").open() as file:
        rows = list(csv.DictReader(file))
    bars = {field: [float(row[field]) for row in rows] for field in ("open", "high", "low", "close", "volume")}
    with gzip.open(REFERENCE / "expected_values.csv.gz", "rt") as file:
        published = list(csv.DictReader(file))
    names = ("sma.sma", "ema.ema", "dema.ema", "rsi.rsi", "atr.atr", "smma.smma", "elder-ray.ema")
    return bars, {n: np.array([float(r[n] or "nan") for r in published]) for n in names if n in published[0]}


@pytest.mark.parametrize(
    ("feature", "name"),
    [(sma(20), "sma.sma"), (ema(20), "ema.ema"), (ema(13), "elder-ray.ema"), (rsi(), "rsi.rsi"), (atr(), "atr.atr")],
    ids=repr,
)
def test_as_stock_indicators_publishes(feature: Feature, name: str) -> None:
    """The values Stock.Indicators publishes for 502 real days, each bar of them, warm-up included."""
    bars, published = reference()
    np.testing.assert_allclose(compute(feature, bars), published[name], rtol=1e-9, equal_nan=True)


def minutes() -> dict[str, np.ndarray]:
    files = sorted(MINUTES.glob("bitstamp_btcusd_min*.csv.gz"))
    if not files:
        pytest.skip(f"no minute bars at {MINUTES}")
    with gzip.open(files[0], "rt") as file:
        rows = list(csv.DictReader(file))
    return {field: np.array([float(row[field]) for row in rows]) for field in ("high", "low", "close")}


@pytest.mark.parametrize("window", [2, 3, 14, 50, 200])
def test_as_talib_computes(window: int) -> None:
    """TA-Lib's values on a day of real minutes, from the same bar on: SMA, EMA, RSI, ATR, ROCP, deviation."""
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
    bars = minutes()
    close = bars["close"]
    for mine, theirs in (
        (sma(window), talib.SMA(close, window)),
        (ema(window), talib.EMA(close, window)),
        (rsi(window), talib.RSI(close, window)),
        (atr(window), talib.ATR(bars["high"], bars["low"], close, window)),
        (returns(window), talib.ROCP(close, window)),
    ):
        np.testing.assert_allclose(compute(mine, bars), theirs, rtol=1e-9, atol=1e-12, err_msg=repr(mine))


@pytest.mark.parametrize("window", [2, 20, 390])
def test_volatility_as_numpy_computes(window: int) -> None:
    """The sample deviation of every window of real one-minute returns, simple and logarithmic, by numpy in two passes."""
    close = minutes()["close"]
    for log, change in ((False, close[1:] / close[:-1] - 1), (True, np.log(close[1:] / close[:-1]))):
        windows = np.lib.stride_tricks.sliding_window_view(change, window)
        got = compute(volatility(window, log=log), close)
        assert np.isnan(got[:window]).all()
        np.testing.assert_allclose(got[window:], windows.std(axis=1, ddof=1), rtol=1e-10, atol=1e-18)
