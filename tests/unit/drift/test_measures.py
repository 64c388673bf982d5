"""The measures of drift against numbers worked by hand, and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onepath.drift import measures


def test_the_index_by_hand() -> None:
    """Shares 0.5, 0.3, 0.2 become 0.4, 0.3, 0.3: (-0.1) ln 0.8 + 0 + 0.1 ln 1.5 = 0.022314 + 0.040547 = 0.062861."""
    assert measures.psi([0.5, 0.3, 0.2], [0.4, 0.3, 0.3]) == pytest.approx(0.062861, abs=1e-6)
    assert measures.psi([0.5, 0.5], [0.5, 0.5]) == 0.0


def test_an_empty_bin_counts_as_one_in_ten_thousand() -> None:
    """0.5, 0.5 against 1, 0: 0.5 ln 2 + (0.0001 - 0.5) ln 0.0002 = 0.346574 + 4.257745 = 4.604319."""
    assert measures.psi([0.5, 0.5], [1.0, 0.0]) == pytest.approx(4.604319, abs=1e-5)


def test_bins_hold_equal_shares_of_the_reference() -> None:
    """Of 1..100 in ten bins the inner edges are 10.9, 20.8, ... (numpy's linear quantiles), and ten values lie in each."""
    reference = np.arange(1.0, 101.0)
    inner = measures.edges(reference)
    assert inner.tolist() == pytest.approx([10.9, 20.8, 30.7, 40.6, 50.5, 60.4, 70.3, 80.2, 90.1])
    assert measures.shares(reference, inner).tolist() == [0.1] * 10


def test_a_feature_of_two_values_has_two_bins() -> None:
    """Equal quantiles are one edge; a value on the edge belongs below: 0, 0, 0, 1 are shares 0.75 and 0.25."""
    inner = measures.edges(np.array([0.0, 0.0, 0.0, 1.0]), bins=2)
    assert inner.tolist() == [0.0]
    assert measures.shares(np.array([0.0, 0.0, 0.0, 1.0]), inner).tolist() == [0.75, 0.25]
    assert measures.edges(np.full(100, 7.0)).tolist() == [7.0]


def test_chance_alone_stays_below_what_is_said_of_it() -> None:
    """Of 400 pairs of samples of one population about one in twenty lies above; between 2 and 9 % do (binomial, 3 sigma)."""
    chance = np.random.default_rng(5)
    above = 0
    for _ in range(400):
        a, b = chance.normal(size=2_000), chance.normal(size=500)
        inner = measures.edges(a)
        index = measures.psi(measures.shares(a, inner), measures.shares(b, inner))
        above += index > measures.psi_by_chance(10, 2_000, 500)
    assert 0.02 < above / 400 < 0.09


def test_kolmogorov_smirnov_by_hand() -> None:
    """1, 2, 3 against 2.5, 4, 5, 6: at 3 the first is through and the second a quarter: 0.75."""
    distance, _ = measures.ks(np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0, 5.0, 6.0]))
    assert distance == 0.75


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2, 1.0])
def test_kolmogorov_smirnov_as_scipy_has_it(shift: float) -> None:
    """The distance is SciPy's to the last digit, ties included; the probability is its exact one to 0.01 or a tenth of it."""
    stats = pytest.importorskip("scipy.stats")
    chance = np.random.default_rng(9)
    a, b = chance.normal(size=400).round(2), (chance.normal(size=250) + shift).round(2)
    distance, p = measures.ks(a, b)
    wanted = stats.ks_2samp(a, b, method="exact")
    assert distance == pytest.approx(wanted.statistic, abs=1e-15)
    assert p == pytest.approx(wanted.pvalue, abs=0.01, rel=0.1)


def test_the_series_as_scipy_has_it() -> None:
    """1 - K(x) of Kolmogorov's distribution from 0.2 to 5, to twelve digits."""
    stats = pytest.importorskip("scipy.stats")
    for x in np.linspace(0.2, 5.0, 49):
        assert measures._beyond(float(x)) == pytest.approx(float(stats.kstwobign.sf(x)), rel=1e-9, abs=1e-12)
    assert measures._beyond(0.05) == 1.0


def test_correlations_apart_by_hand() -> None:
    """0.6 and 0.2 over 103 rows each: z = 0.693147 - 0.202733 = 0.490415; error sqrt(2 / 100) = 0.141421; 3.467755 errors."""
    assert measures.correlations_apart(0.6, 0.2, 103, 103) == pytest.approx(3.467755, abs=1e-5)
    assert measures.correlations_apart(1.0, 1.0, 103, 103) == 0.0
    assert measures.correlations_apart(math.nan, 0.2, 103, 103) == 0.0


def test_correlation_needs_two_that_move() -> None:
    """1, 2, 3 and 2, 4, 6 go together wholly, whatever is missing; a constant goes with nothing."""
    one = np.array([1.0, 2.0, math.nan, 3.0])
    assert measures.correlation(one, 2.0 * one) == pytest.approx(1.0)
    assert math.isnan(measures.correlation(one, np.ones(4)))
