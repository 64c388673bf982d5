"""The built-in indicators against hand calculation and against published and TA-Lib values on real data."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onepath
from onepath import features
from onepath.errors import StrategyError
from onepath.features import Feature, atr, compute, ema, returns, rsi, sma, volatility
from onepath.features.definition import FIELDS

SHARED = Path(__file__).parents[4] / "shared" / "data"
REFERENCE = SHARED / "indicators_ref_stockindicators"
SAMPLES = Path(onepath.__file__).parent / "data" / "samples"

# StockCharts ChartSchool, "Relative Strength Index": 33 closes and the RSI(14) published for bars 15 to 33.
WILDER = (
    "44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931 46.0328 45.6140 46.2820 "
    "46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521 45.7137 46.4515 45.7835 45.3548 44.0288 44.1783 "
    "44.2181 44.5672 43.4205 42.6628 43.1314"
)
WILDER_RSI = (
    "70.53 66.32 66.55 69.41 66.36 57.97 62.93 63.26 56.06 62.38 54.71 50.42 39.99 41.46 41.87 45.46 37.30 33.08 37.77"
)


WINDOWED = (
    *(sma(3), features.wma(3), features.linear_regression(3), features.slope(3), features.typical_price()),
    *(volatility(3), features.standard_deviation(3), features.zscore(3), features.correlation(3)),
    *(returns(2), features.momentum(2), features.roc(2), features.stochastic_k(3, 2), features.stochastic_d(3, 1, 2)),
    *(features.williams_r(3), features.cci(3), features.rolling_max(3), features.rolling_min(3)),
    *(features.donchian_middle(3), features.bollinger_upper(3), features.bollinger_width(3)),
    *(features.bollinger_percent_b(3), features.mfi(3), features.vwap(3), features.vwma(3)),
)
RECURSIVE = (
    *(ema(3), features.wilder(3), features.dema(3), features.tema(3), rsi(3), atr(3), features.natr(3)),
    *(features.true_range(), features.macd(2, 4), features.macd_signal(2, 4, 3), features.macd_histogram(2, 4, 3)),
    *(features.plus_di(3), features.minus_di(3), features.dx(3), features.adx(3), features.obv()),
    features.accumulation_distribution(),
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


@pytest.mark.parametrize("feature", WINDOWED, ids=repr)
def test_windows_forget_what_is_not_a_number(feature: Feature) -> None:
    """A NaN spoils a windowed feature while it is in the window and not a bar longer."""
    prices = [float(10 + i % 4) for i in range(40)]
    holed = [*prices[:20], math.nan, *prices[21:]]
    clean, spoilt = compute(feature, dict.fromkeys(FIELDS, prices)), compute(feature, dict.fromkeys(FIELDS, holed))
    bad = np.isnan(spoilt)
    assert bad[20]
    assert not bad[20 + feature.window :].any()
    assert (spoilt[20 + feature.window :] == clean[20 + feature.window :]).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("feature", RECURSIVE, ids=repr)
def test_averages_go_on_after_what_is_not_a_number(feature: Feature, bad: float) -> None:
    """A bar that is not a number gives NaN and leaves a recursive feature as if it had not been."""
    prices = [float(10 + i % 4) for i in range(30)]
    bars = {field: list(prices) for field in FIELDS}
    clean = compute(feature, bars).tolist()
    for column in bars.values():
        column.insert(12, bad)
    spoilt = compute(feature, bars).tolist()
    assert math.isnan(spoilt.pop(12))
    assert spoilt[feature.total_warm_up :] == clean[feature.total_warm_up :]


def test_more_by_hand() -> None:
    """Worked out: weights 1, 2, 3 over 6; the line through 1, 2, 6 rises 2.5 a bar and ends at 5.5; deviations of 2, 4, 6 are
    sqrt(8/3), or 2 as a sample, and 6 lies 2 / sqrt(8/3) above their mean."""
    assert compute(features.wma(3), [1.0, 2.0, 6.0, 3.0])[2:].tolist() == pytest.approx([23 / 6, (2 + 12 + 9) / 6])
    assert compute(features.slope(3), [1.0, 2.0, 6.0])[2] == pytest.approx(2.5)
    assert compute(features.linear_regression(3), [1.0, 2.0, 6.0])[2] == pytest.approx(5.5)
    assert compute(features.standard_deviation(3), [2.0, 4.0, 6.0])[2] == pytest.approx(math.sqrt(8 / 3))
    assert compute(features.standard_deviation(3, sample=True), [2.0, 4.0, 6.0])[2] == pytest.approx(2.0)
    assert compute(features.zscore(3), [2.0, 4.0, 6.0])[2] == pytest.approx(2 / math.sqrt(8 / 3))
    assert compute(features.momentum(2), [5.0, 1.0, 7.0])[2] == 2.0
    assert compute(features.roc(1), [4.0, 5.0])[1] == 25.0
    assert compute(features.rolling_max(2), [5.0, 1.0, 3.0])[1:].tolist() == [5.0, 3.0]
    assert compute(features.wilder(2), [1.0, 3.0, 5.0])[1:].tolist() == [2.0, 3.5]
    assert compute(features.bollinger_percent_b(3, 1.0), [2.0, 4.0, 6.0])[2] == pytest.approx(
        0.5 + 1 / math.sqrt(8 / 3)
    )
    assert compute(features.macd(1, 3), [1.0, 2.0, 6.0, 4.0])[2:].tolist() == [3.0, 0.5]  # 6 - 3; 4 - (3 + (4 - 3) / 2)


def test_volume_by_hand() -> None:
    """Typical prices 2 and 5 with volumes 1 and 3 average (2 + 15) / 4; closes 2 and 6, 20 / 4; +3 as the close rises, -2 as it
    falls; closes at 3/4 of the range add half of the volume."""
    bars = {"high": [3.0, 6.0], "low": [1.0, 3.0], "close": [2.0, 6.0], "volume": [1.0, 3.0]}
    assert compute(features.vwap(2), bars)[1] == 17 / 4
    assert compute(features.vwma(2), bars)[1] == 20 / 4
    assert math.isnan(compute(features.vwap(2), bars | {"volume": [0.0, 0.0]})[1])
    assert compute(features.obv(), {"close": [1.0, 2.0, 1.0, 1.0], "volume": [1.0, 3.0, 2.0, 9.0]}).tolist() == [
        0.0 + 1,
        4,
        2,
        2,
    ]
    given = {"high": [4.0, 5.0], "low": [0.0, 5.0], "close": [3.0, 5.0], "volume": [8.0, 7.0]}
    assert compute(features.accumulation_distribution(), given).tolist() == [4.0, 4.0]
    risen = {"high": [2.0, 3.0, 1.0], "low": [2.0, 3.0, 1.0], "close": [2.0, 3.0, 1.0], "volume": [5.0, 2.0, 4.0]}
    assert compute(features.mfi(2), risen)[2] == 60.0  # 6 flowed in, 4 out


def test_quotes_and_books_by_hand() -> None:
    """99 bid for 30, 101 offered for 10: 2 wide, 0.02 of 100, half more bid for; depth 1 against 3 is -1/2; none of nothing."""
    quote = {"bid": [99.0], "ask": [101.0], "bid_size": [30.0], "ask_size": [10.0]}
    assert compute(features.spread(), quote)[0] == 2.0
    assert compute(features.mid(), quote)[0] == 100.0
    assert compute(features.relative_spread(), quote)[0] == 0.02
    assert compute(features.quote_imbalance(), quote)[0] == 0.5
    depth = {"bid_depth": [1.0, 0.0], "ask_depth": [3.0, 0.0]}
    got = compute(features.order_book_imbalance(), depth)
    assert got[0] == -0.5
    assert math.isnan(got[1])
    assert math.isnan(compute(features.relative_spread(), {"bid": [0.0], "ask": [0.0]})[0])


def test_what_does_not_move_has_its_value() -> None:
    """Where nothing moves: no deviation, z-score 0, half way between the bands, no correlation, no direction."""
    still = dict.fromkeys(FIELDS, [9.7] * 40)
    for feature, value in (
        (features.standard_deviation(5), 0.0),
        (features.zscore(5), 0.0),
        (features.bollinger_percent_b(5), 0.5),
        (features.correlation(5), 0.0),
        (features.cci(5), 0.0),
        (features.adx(5), 0.0),
        (features.dx(5), 0.0),
        (features.plus_di(5), 0.0),
        (features.minus_di(5), 0.0),
    ):
        assert compute(feature, still)[-7:].tolist() == [value] * 7, feature
    nothing = dict.fromkeys(FIELDS, [0.0] * 40)
    assert np.isnan(compute(features.natr(5), nothing)).all()
    assert np.isnan(compute(features.bollinger_width(5), nothing)).all()


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
        (lambda: features.macd(26, 12), "macd: fast=26 must be below slow=12"),
        (lambda: features.bollinger_upper(20, 0.0), "bollinger_upper: width must be a number above zero, not 0.0"),
        (lambda: features.stochastic_d(14, 0), "stochastic_k: smooth must be a whole number of at least 1, not 0"),
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
    return bars, {
        name: np.array([float(r[name] or "nan") if r[name] not in ("True", "False") else 0.0 for r in published])
        for _, name, _ in PUBLISHED
    }


PUBLISHED = (
    (sma(20), "sma.sma", 0),
    (ema(20), "ema.ema", 0),
    (ema(13), "elder-ray.ema", 0),
    (features.wma(14), "wma.wma", 0),
    (features.wilder(20), "smma.smma", 0),
    (features.tema(20), "tema.tema", 400),
    (rsi(), "rsi.rsi", 0),
    (atr(), "atr.atr", 0),
    (features.natr(), "atr.atrp", 0),
    (features.true_range(), "tr.tr", 0),
    (features.macd(), "macd.macd", 330),  # both averages begun at bar 26, as TA-Lib does
    (features.macd_signal(), "macd.signal", 330),
    (features.macd_histogram(), "macd.histogram", 330),
    (features.bollinger_middle(), "bb.sma", 0),
    (features.bollinger_upper(), "bb.upperBand", 0),
    (features.bollinger_lower(), "bb.lowerBand", 0),
    (features.bollinger_percent_b(), "bb.percentB", 0),
    (features.bollinger_width(), "bb.width", 0),
    (features.zscore(20), "bb.zScore", 0),
    (features.cci(20), "cci.cci", 0),
    (features.williams_r(14), "willr.williamsR", 0),
    (features.stochastic_k(14, 3), "stoch.oscillator", 0),
    (features.stochastic_d(14, 3, 3), "stoch.signal", 0),
    (features.mfi(14), "mfi.mfi", 0),
    (features.vwma(14), "vwma.vwma", 0),
    (features.accumulation_distribution(), "adl.adl", 0),
    (features.adx(14), "adx.adx", 400),  # begun with 13 bars and one step of smoothing, as TA-Lib does; others with 14
    (features.plus_di(14), "adx.pdi", 400),
    (features.minus_di(14), "adx.mdi", 400),
)


@pytest.mark.parametrize(("feature", "name", "after"), PUBLISHED, ids=lambda v: v if isinstance(v, str) else "")
def test_as_stock_indicators_publishes(feature: Feature, name: str, after: int) -> None:
    """The values Stock.Indicators publishes for 502 real days, each bar of them, warm-up included; where it begins averages in
    another way, from the bar on where that has faded."""
    bars, published = reference()
    got = compute(feature, bars)
    np.testing.assert_allclose(got[after:], published[name][after:], rtol=1e-9, atol=1e-9, equal_nan=True)
    assert np.isfinite(got[after:]).sum() > 100


def test_obv_and_channel_as_stock_indicators_publishes() -> None:
    """On-balance volume is the one published plus the first bar's volume, which TA-Lib begins with; the channel is the one
    published a bar later, because there the present bar is left out."""
    bars, _ = reference()
    with gzip.open(REFERENCE / "expected_values.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    published = {
        n: np.array([float(r[n] or "nan") for r in rows])
        for n in ("obv.obv", "donchian.upperBand", "donchian.lowerBand")
    }
    np.testing.assert_array_equal(compute(features.obv(), bars), published["obv.obv"] + bars["volume"][0])
    for ours, theirs in ((features.donchian_upper(20), "upperBand"), (features.donchian_lower(20), "lowerBand")):
        np.testing.assert_array_equal(compute(ours, bars)[:-1], published[f"donchian.{theirs}"][1:])


@cache
def sample(name: str, symbol: str, most: int = 30_000) -> dict[str, np.ndarray]:
    """The bars of a bundled data set, the last of them."""
    import pyarrow.parquet as pq

    table = pq.read_table(SAMPLES / name / f"{symbol}.parquet", columns=list(FIELDS))
    return {field: table[field].to_numpy()[-most:].astype(float).copy() for field in FIELDS}


DATA = (("us10", "AAPL"), ("us10", "XOM"), ("btcusd_1m", "BTCUSD"))


def talib_pairs(talib: Any, b: dict[str, np.ndarray], n: int) -> Iterator[tuple[Feature, Any]]:
    """Ours and TA-Lib's, for windows of n."""
    h, l, c, v = b["high"], b["low"], b["close"], b["volume"]  # noqa: E741
    yield sma(n), talib.SMA(c, n)
    yield ema(n), talib.EMA(c, n)
    yield features.wma(n), talib.WMA(c, n)
    yield features.dema(n), talib.DEMA(c, n)
    yield features.tema(n), talib.TEMA(c, n)
    yield features.linear_regression(n), talib.LINEARREG(c, n)
    yield features.slope(n), talib.LINEARREG_SLOPE(c, n)
    yield features.typical_price(), talib.TYPPRICE(h, l, c)
    yield features.median_price(), talib.MEDPRICE(h, l)
    yield returns(n), talib.ROCP(c, n)
    yield features.momentum(n), talib.MOM(c, n)
    yield features.roc(n), talib.ROC(c, n)
    yield rsi(n), talib.RSI(c, n)
    _, signal, histogram = talib.MACD(c, n, 2 * n, 9)
    yield features.macd_signal(n, 2 * n, 9), signal
    yield features.macd_histogram(n, 2 * n, 9), histogram
    _, d = talib.STOCH(h, l, c, n, 3, 0, 3, 0)
    yield features.stochastic_d(n, 3, 3), d
    _, fast_d = talib.STOCHF(h, l, c, n, 3, 0)
    yield features.stochastic_d(n, 1, 3), fast_d
    yield features.williams_r(n), talib.WILLR(h, l, c, n)
    yield features.cci(n), talib.CCI(h, l, c, n)
    yield features.standard_deviation(n), talib.STDDEV(c, n)
    upper, middle, lower = talib.BBANDS(c, n, 2.5, 2.5)
    yield features.bollinger_upper(n, 2.5), upper
    yield features.bollinger_middle(n), middle
    yield features.bollinger_lower(n, 2.5), lower
    yield features.correlation(n, "high", "low"), talib.CORREL(h, l, n)
    yield features.rolling_max(n), talib.MAX(c, n)
    yield features.rolling_min(n), talib.MIN(c, n)
    yield features.donchian_upper(n), talib.MAX(h, n)
    yield features.donchian_middle(n), talib.MIDPRICE(h, l, n)
    yield features.donchian_lower(n), talib.MIN(l, n)
    yield features.true_range(), talib.TRANGE(h, l, c)
    yield atr(n), talib.ATR(h, l, c, n)
    yield features.natr(n), talib.NATR(h, l, c, n)
    yield features.plus_di(n), talib.PLUS_DI(h, l, c, n)
    yield features.minus_di(n), talib.MINUS_DI(h, l, c, n)
    yield features.dx(n), talib.DX(h, l, c, n)
    yield features.adx(n), talib.ADX(h, l, c, n)
    yield features.obv(), talib.OBV(c, v)
    yield features.accumulation_distribution(), talib.AD(h, l, c, v)
    yield features.mfi(n), talib.MFI(h, l, c, v, n)


@pytest.mark.parametrize(("name", "symbol"), DATA)
@pytest.mark.parametrize("window", [3, 14, 50])
def test_as_talib_computes(name: str, symbol: str, window: int) -> None:
    """TA-Lib's values on real days and minutes, from the same bar on, to 1e-9 of the value or of the price's own rounding."""
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
    bars = sample(name, symbol)
    for mine, theirs in talib_pairs(talib, bars, window):
        got = compute(mine, bars)
        flat = differ_on_purpose(mine, bars, window)
        assert (np.isnan(got) == np.isnan(theirs)).all(), mine
        np.testing.assert_allclose(got[~flat], theirs[~flat], rtol=1e-9, atol=coarse(mine, bars), err_msg=repr(mine))


def coarse(feature: Feature, bars: dict[str, np.ndarray]) -> float:
    """What rounding leaves of the numbers that go in where they cancel out; TA-Lib's running sums keep more of it."""
    if feature.name == "correlation":
        return 1e-9
    summed = feature.name in ("obv", "accumulation_distribution")
    return 1e-13 * float(bars["volume"].sum() if summed else bars["high"].max())


def differ_on_purpose(feature: Feature, bars: dict[str, np.ndarray], window: int) -> np.ndarray:
    """Bars at which we say 50 and TA-Lib 0: a window that does not move, or one of those that are averaged."""
    flat = np.zeros(len(bars["close"]), bool)
    if feature.name in ("stochastic_d", "williams_r"):
        shape = np.lib.stride_tricks.sliding_window_view
        still = shape(bars["high"], window).max(axis=1) == shape(bars["low"], window).min(axis=1)
        for i in np.flatnonzero(still) + window - 1:
            flat[i : i + 5] = True
    if feature.name == "mfi":
        moved = np.abs(np.diff(compute(features.typical_price(), bars))) > 1e-9
        flat[window:] = ~np.lib.stride_tricks.sliding_window_view(moved, window).any(axis=1)
    assert flat.mean() < 0.1
    return flat


def test_where_we_say_something_else_than_talib() -> None:
    """A market that does not move is half way, not at the bottom (of %R: the top); from zero there is no change."""
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
    still = np.full(20, 7.0)
    bars = {"high": still, "low": still, "close": still, "volume": still}
    assert talib.STOCHF(still, still, still, 5, 1, 0)[0][-1] == 0.0
    assert compute(features.stochastic_k(5, 1), bars)[-1] == 50.0
    assert talib.WILLR(still, still, still, 5)[-1] == 0.0
    assert compute(features.williams_r(5), bars)[-1] == -50.0
    assert talib.MFI(still, still, still, still, 5)[-1] == 0.0
    assert compute(features.mfi(5), bars)[-1] == 50.0
    assert talib.RSI(still, 5)[-1] == 0.0
    assert compute(rsi(5), still)[-1] == 50.0
    assert talib.ROC(np.array([0.0, 5.0]), 1)[1] == 0.0
    assert math.isnan(compute(features.roc(1), [0.0, 5.0])[1])


@pytest.mark.parametrize("window", [2, 20, 390])
def test_volatility_as_numpy_computes(window: int) -> None:
    """The sample deviation of every window of real one-minute returns, simple and logarithmic, by numpy in two passes."""
    close = sample("btcusd_1m", "BTCUSD", 1440)["close"]
    for log, change in ((False, np.diff(close) / close[:-1]), (True, np.log(close[1:] / close[:-1]))):
        windows = np.lib.stride_tricks.sliding_window_view(change, window)
        got = compute(volatility(window, log=log), close)
        assert np.isnan(got[:window]).all()
        np.testing.assert_allclose(got[window:], windows.std(axis=1, ddof=1), rtol=1e-10, atol=1e-18)


@pytest.mark.parametrize("window", [1, 2, 20])
def test_in_one_step_as_in_several(window: int) -> None:
    """What is computed in one step for speed has, to the last bit, the values of the features it is defined by; a bar in the
    middle is not a number."""
    bars = {name: column.copy() for name, column in sample("btcusd_1m", "BTCUSD", 1440).items()}
    for name in ("high", "low", "close"):
        bars[name][700] = math.nan
    once = ema(window)
    twice = ema(window, on=once)
    first, second, third = (compute(f, bars) for f in (once, twice, ema(window, on=twice)))
    np.testing.assert_array_equal(compute(features.dema(window), bars), 2.0 * first - second)
    np.testing.assert_array_equal(compute(features.tema(window), bars), 3.0 * first - 3.0 * second + third)
    upper, lower = (compute(f(window), bars) for f in (features.donchian_upper, features.donchian_lower))
    np.testing.assert_array_equal(compute(features.donchian_middle(window), bars), (upper + lower) / 2.0)
    below = np.where(
        upper > lower, -100.0 * ((upper - bars["close"]) / np.where(upper > lower, upper - lower, 1.0)), -50.0
    )
    np.testing.assert_array_equal(compute(features.williams_r(window), bars), np.where(np.isnan(upper), np.nan, below))
    percent = 100.0 * (compute(atr(window), bars) / bars["close"])
    np.testing.assert_array_equal(compute(features.natr(window), bars), percent)
