"""The exploration kit: against published examples and numbers worked out by hand."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm

from onepath.errors import DataError
from onepath.research.explore import correlation, distribution, information_coefficient, stationarity

ANSCOMBE = {
    "x": [10.0, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5],
    "y": [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68],
}
"""Anscombe, The American Statistician 27 (1973), first set: r = 0.816"""
TELEVISION = {
    "iq": [106.0, 100, 86, 101, 99, 103, 97, 113, 112, 110],
    "hours": [7.0, 27, 2, 50, 28, 29, 20, 12, 6, 17],
}
"""Wikipedia's example of Spearman's rank correlation: -29/165"""


@pytest.mark.parametrize("kind", [dict, pd.DataFrame, pl.DataFrame])
def test_correlations_are_the_published_ones(kind: type) -> None:
    """Pearson of Anscombe's first set and Spearman of the television example, of mappings and frames of either kind."""
    assert correlation(kind(ANSCOMBE)).matrix[0, 1] == pytest.approx(0.81642, abs=1e-5)
    assert correlation(kind(TELEVISION), "spearman").matrix[1, 0] == pytest.approx(-29 / 165)


def test_correlation_leaves_out_what_is_no_number() -> None:
    """Each pair is taken over the rows where both have numbers; a column that never changes has no correlation."""
    found = correlation({"a": [1.0, 2, 3, math.nan], "b": [2.0, 4, 6, -9], "flat": [1.0, 1, 1, 1]})
    assert found.matrix[0, 1] == pytest.approx(1.0)
    assert np.isnan(found.matrix[:, 2]).all()
    assert found.above(0.9) == [("a", "b", pytest.approx(1.0))]


def test_unit_root_tests_are_those_of_the_documentation() -> None:
    """Sunspots: ADF -2.837781, p 0.053076, 8 lags; KPSS 0.669866, p 0.016285, 7 lags (statsmodels' page on stationarity)."""
    sunspots = sm.datasets.sunspots.load_pandas().data["SUNACTIVITY"]
    found = stationarity(sunspots)
    assert (found.adf, found.adf_p) == pytest.approx((-2.837781, 0.053076), abs=1e-6)
    assert (found.kpss, found.kpss_p) == pytest.approx((0.669866, 0.016285), abs=1e-6)
    assert found.lags == (8, 7)
    assert found.verdict == "unit root"
    assert repr(found).startswith("SUNACTIVITY: unit root (ADF -2.84, p = 0.0531; KPSS 0.670")


def test_verdicts() -> None:
    """Noise is stationary, its sum has a unit root; noise about a line is rejected by both tests."""
    noise = np.random.default_rng(5).normal(size=1_000)
    assert stationarity(noise).verdict == "stationary"
    assert stationarity(noise.cumsum()).verdict == "unit root"
    assert stationarity(noise + np.linspace(0, 1.2, 1_000)).verdict == "trend or changing level"


def test_distribution_of_the_first_twenty_numbers() -> None:
    """1 to 20: mean 10.5, variance (n+1)n/12 = 35, no skewness, excess kurtosis -6(n²+1)/5(n²-1) = -1.20602."""
    found = distribution([*range(1, 21), math.nan], bins=4)
    assert (found.number, found.missing) == (20, 1)
    assert (found.mean, found.deviation) == pytest.approx((10.5, math.sqrt(35)))
    assert (found.skewness, found.kurtosis) == pytest.approx((0.0, -6 * 401 / (5 * 399)))
    # Jarque-Bera: n/6 (S² + K²/4) = 20/24 K²; its p-value is exp(-JB/2), for two degrees of freedom
    jb = 20 / 24 * (6 * 401 / (5 * 399)) ** 2
    assert (found.jarque_bera, found.p_normal) == pytest.approx((jb, math.exp(-jb / 2)))
    assert found.quantiles[0.5] == 10.5
    assert found.counts == (5, 5, 5, 5)
    assert "20 values, 1 missing" in repr(found)


def test_what_lies_beyond_the_outermost_thousandths_is_in_the_end_bins() -> None:
    """A thousand zeros to nines and one huge value: every value is counted, and the picture keeps its width."""
    found = distribution([*([float(i % 10) for i in range(1_000)]), 1e9], bins=10)
    assert sum(found.counts) == 1_001
    assert found.edges[-1] < 1e9


def test_a_feature_that_is_the_next_return_has_an_ic_of_one() -> None:
    """Over time, ordered exactly as the next bar's return: coefficient 1 at one bar, and the last bar has no return."""
    prices = 100 * np.exp(np.random.default_rng(1).normal(0, 0.01, 400).cumsum())
    ahead = np.append(prices[1:] / prices[:-1] - 1, np.nan)
    found = information_coefficient(ahead, prices, (1, 50, 300))
    assert (found.horizons[0].ic, found.horizons[0].number, found.horizons[0].t) == (pytest.approx(1.0), 399, math.inf)
    assert found.horizons[0].error == pytest.approx(1 / math.sqrt(399))
    assert math.isnan(found.horizons[2].t)  # 100 observations of 300 bars are a third of one
    assert found.half_life == 50


def test_noise_has_no_ic() -> None:
    """Of 40 features of noise about two lie beyond 1.96 errors at any horizon: here at most six do, overlap or not."""
    rng = np.random.default_rng(7)
    prices = 100 * np.exp(rng.normal(0, 0.01, 1_000).cumsum())
    found = [information_coefficient(rng.normal(size=1_000).cumsum(), prices, (1, 20)) for _ in range(40)]
    beyond = [sum(abs(one.horizons[i].t) > 1.96 for one in found) for i in (0, 1)]
    assert max(beyond) <= 6


def test_across_symbols_by_hand() -> None:
    """Three symbols, two instants with returns: orders 1 2 3 against 1 2 3 and against 3 2 1 give 1 and -1, mean 0."""
    prices = {"A": [100.0, 101, 104.03], "B": [100.0, 102, 104.04], "C": [100.0, 103, 104.03 - 1]}
    # first returns 1 %, 2 %, 3 %; second 3 %, 2 %, 0.03 %
    feature = {"A": [1.0, 1, 1], "B": [2.0, 2, 2], "C": [3.0, 3, 3]}
    found = information_coefficient(feature, prices, (1,)).horizons[0]
    assert (found.ic, found.number) == (0.0, 2)
    # deviation of 1 and -1 is sqrt(2), over sqrt(2) instants
    assert found.error == pytest.approx(1.0)
    falling = information_coefficient(feature, prices, (2,)).horizons[0]
    assert math.isnan(falling.ic)  # one instant alone
    assert falling.number == 1


def test_fewer_than_three_symbols_say_nothing() -> None:
    """An instant with two numbers is left out."""
    feature = {"A": [1.0, 1, 1], "B": [2.0, 2, 2], "C": [math.nan] * 3}
    prices = {"A": [1.0, 2, 3], "B": [1.0, 2, 3], "C": [1.0, 2, 3]}
    assert information_coefficient(feature, prices, (1,)).horizons[0].number == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: distribution([1.0] * 19), "values has 19 numbers; at least 20 are needed"),
        (lambda: distribution(["a"] * 30), "values must be a column of numbers, not list"),
        (lambda: distribution(np.ones((5, 5))), "must be one column, not an array of shape (5, 5)"),
        (lambda: stationarity([1.0] * 30, name="peg"), "peg never changes"),
        (lambda: correlation({"a": [1.0]}, "kendall"), "method is 'kendall'; it must be pearson or spearman"),
        (lambda: correlation({"a": [1.0], "b": [1.0, 2.0]}), "different lengths (1, 2)"),
        (lambda: correlation([1.0, 2.0]), "give a frame or a mapping"),
        (lambda: information_coefficient([1.0], [1.0], (0,)), "horizons are (0,); give whole numbers"),
        (lambda: information_coefficient([1.0], [1.0, 2.0]), "the feature has shape (1,) and the prices (2,)"),
        (lambda: information_coefficient({"A": [1.0]}, {"B": [1.0]}), "there are no prices of A"),
    ],
)
def test_bad_input(call: object, words: str) -> None:
    """One sentence says what was wrong and what to give."""
    with pytest.raises(DataError, match=re.escape(words)):
        call()  # type: ignore[operator]


def test_pictures_say_their_numbers_and_escape() -> None:
    """Each picture is one SVG with its title, its values and nothing that a name could smuggle in."""
    values = np.random.default_rng(2).normal(size=500)
    assert "500 values" in distribution(values, name="<b>").plot().svg
    assert "<b>" not in distribution(values, name="<b>").plot().svg
    drawn = correlation({"one": values, "two": -values}).plot().svg
    assert drawn.count(">−1.00<") == 2
    decay = information_coefficient(values, 100 + values.cumsum(), (1, 5)).plot().svg
    assert decay.count("1 bar<") == 1
    assert "5 bars" in decay
    flat = distribution([2.0] * 30).plot().svg
    assert "<svg" in flat
