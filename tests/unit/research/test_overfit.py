"""Claims about what a Sharpe ratio is worth after many trials: the papers' own examples, counts by hand, and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onepath.research import overfit


def test_the_deflated_sharpe_ratio_of_the_paper() -> None:
    """Bailey & Lopez de Prado 2014, numerical example: SR 2.5 a year over 1250 days, best of N = 100 trials with variance 0.5 a
    year, skewness -3, kurtosis 10: SR0 is 0.1132 a day and DSR 0.9004; with N = 46 it would be 0.9505, as with normal
    returns at N = 88."""
    daily, deviation = 2.5 / math.sqrt(250), math.sqrt(0.5 / 250)
    assert overfit.expected_maximum(100, deviation) == pytest.approx(0.1132, abs=5e-5)
    assert overfit.deflated_sharpe(daily, 100, deviation, 1250, -3, 10) == pytest.approx(0.9004, abs=5e-5)
    assert overfit.deflated_sharpe(daily, 46, deviation, 1250, -3, 10) == pytest.approx(0.9505, abs=5e-5)
    assert overfit.deflated_sharpe(daily, 88, deviation, 1250) == pytest.approx(0.9505, abs=5e-5)


def test_the_probabilistic_sharpe_ratio_of_the_paper() -> None:
    """Bailey & Lopez de Prado 2012: 24 monthly returns with SR 0.458: PSR(0) is 0.982 if they were normal, and 0.913 with their
    skewness of -2.448 and kurtosis of 10.164."""
    assert overfit.probabilistic_sharpe(0.458, 0, 24) == pytest.approx(0.982, abs=5e-4)
    assert overfit.probabilistic_sharpe(0.458, 0, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("periods", "skew", "kurtosis", "years"),
    [(250, 0, 3, 2.73), (52, 0, 3, 2.83), (12, 0, 3, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_minimum_track_record_of_the_paper(periods: int, skew: float, kurtosis: float, years: float) -> None:
    """The same paper: years until a Sharpe ratio of 2 a year is above 1 with 95 %, daily, weekly, monthly, and of hedge funds."""
    scale = math.sqrt(periods)
    found = overfit.minimum_track_record(2 / scale, 1 / scale, 0.95, skew, kurtosis)
    assert found / periods == pytest.approx(years, abs=6e-3)


def test_the_minimum_backtest_length_of_the_paper() -> None:
    """Bailey, Borwein, Lopez de Prado & Zhu 2014: with five years of data no more than 45 configurations may be tried, or one
    with a Sharpe ratio of 1 is to be expected; ten trials are expected to show 1.57."""
    assert overfit.minimum_backtest_years(45, 1.0) == pytest.approx(5.0, abs=0.01)
    assert overfit.minimum_backtest_years(46, 1.0) > 5.0
    assert overfit.expected_maximum(10) == pytest.approx(1.57, abs=5e-3)


def test_the_expected_maximum_is_that_of_simulation() -> None:
    """The mean of the highest of 50 normal numbers, of 20,000 draws; the formula is asymptotic, and 0.03 too high for 50."""
    drawn = np.random.default_rng(1).normal(size=(20_000, 50)).max(axis=1).mean()
    assert overfit.expected_maximum(50) == pytest.approx(drawn, abs=0.05)
    assert overfit.expected_maximum(1, 0.5) == 0.0


def test_overfitting_of_a_table_by_hand() -> None:
    """Four days in two parts, three trials. Trial a gains in the first half and loses in the second, b the other way round, c
    barely gains in both. Chosen in the first half is a, which is the last of three in the second: w = 1 / 4, logit
    ln(1/3) = -1.0986; chosen in the second is b, the last in the first, too. So PBO is 1, and the best loses every time."""
    table = np.array([[2.0, -2.0, 0.1], [4.0, -4.0, 0.3], [-2.0, 2.0, 0.3], [-4.0, 4.0, 0.1]])
    found = overfit.probability_of_backtest_overfitting(table, splits=2)
    assert found.logits.tolist() == pytest.approx([math.log(1 / 3)] * 2)
    assert (found.probability, found.loss) == (1.0, 1.0)


def test_noise_is_overfitted_half_of_the_time() -> None:
    """Of trials without skill, what was best in one half is anywhere in the other: the mean PBO of 12 tables is near one half."""
    random = np.random.default_rng(7)
    found = [
        overfit.probability_of_backtest_overfitting(random.normal(0, 0.01, (600, 30)), 10).probability
        for _ in range(12)
    ]
    assert 0.4 < float(np.mean(found)) < 0.6


def test_a_true_edge_is_not_overfitted() -> None:
    """One trial of thirty with a daily Sharpe ratio of 0.2 is found in one half and good in the other."""
    table = np.random.default_rng(7).normal(0, 0.01, (1000, 30))
    table[:, 11] += 0.002
    found = overfit.probability_of_backtest_overfitting(table, 12)
    assert found.probability < 0.01
    assert found.loss < 0.01


def test_the_parts_add_up_to_the_whole() -> None:
    """A Sharpe ratio from sums of parts is the one from the days themselves, with parts of unequal length, too."""
    table = np.random.default_rng(2).normal(0.001, 0.01, (103, 4))
    found = overfit.probability_of_backtest_overfitting(table, 4)
    first = np.array_split(table, 4)
    inside = np.concatenate(first[:2])
    best = int(np.argmax(inside.mean(0) / inside.std(0, ddof=1)))
    outside = np.concatenate(first[2:])
    theirs = outside.mean(0) / outside.std(0, ddof=1)
    rank = int((theirs < theirs[best]).sum()) + 1
    assert found.logits[0] == pytest.approx(math.log(rank / 5 / (1 - rank / 5)))


def test_what_is_too_little_is_undefined() -> None:
    """One trial, a few days or returns that never move give NaN, not a number."""
    assert math.isnan(overfit.probability_of_backtest_overfitting(np.zeros((100, 1))).probability)
    assert math.isnan(overfit.probability_of_backtest_overfitting(np.zeros((3, 5))).probability)
    assert math.isnan(overfit.shape(np.zeros(100)).sharpe)
    with pytest.raises(ValueError, match="even"):
        overfit.probability_of_backtest_overfitting(np.zeros((100, 3)), 3)


def test_alike_trials_count_as_fewer() -> None:
    """Fifty independent series are about fifty trials, fifty copies one, and with a pairwise correlation of one half
    0.5 + 0.5 x 50 = 25.5."""
    random = np.random.default_rng(5)
    own, common = random.normal(size=(4000, 50)), random.normal(size=(4000, 1))
    assert overfit.independent_trials(own) == pytest.approx(50, abs=1)
    assert overfit.independent_trials(np.repeat(common, 50, axis=1)) == pytest.approx(1)
    assert overfit.independent_trials(own + common) == pytest.approx(25.5, abs=1.5)


def test_shape_by_hand() -> None:
    """Returns 1, 1, 1, 5: mean 2, sample deviation 2, so SR 1; m2 = 3, m3 = 6, m4 = 21: skewness 6 / 3^1.5, kurtosis 21 / 9."""
    found = overfit.shape(np.array([1.0, 1.0, 1.0, 5.0]))
    assert found == pytest.approx((1.0, 6 / 3**1.5, 21 / 9, 4))
