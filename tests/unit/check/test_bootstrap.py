"""The stationary bootstrap: block lengths as the package arch has them, intervals that contain what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length

from onepath.check.bootstrap import block_length, bootstrap, indices


def _series(kind: str) -> np.ndarray:
    chance = np.random.default_rng(11)
    noise = chance.normal(size=800)
    if kind == "noise":
        return noise
    values = np.empty(800)
    values[0] = noise[0]
    for i in range(1, 800):
        values[i] = {"trending": 0.6, "very trending": 0.95, "turning": -0.5}[kind] * values[i - 1] + noise[i]
    return values


@pytest.mark.parametrize("kind", ["noise", "trending", "very trending", "turning"])
def test_block_lengths_are_those_of_arch(kind: str) -> None:
    """Politis and White's length for the stationary bootstrap, as arch computes it, but never below one day."""
    values = _series(kind)
    expected = float(optimal_block_length(values)["stationary"].iloc[0])
    assert block_length(values) == pytest.approx(max(1.0, expected), rel=1e-9)


def test_days_come_in_blocks() -> None:
    """With blocks of mean length 5, a day is followed by the next one four times out of five, around the end, in every draw."""
    drawn = indices(500, 200, 5.0, np.random.default_rng(1))
    assert drawn.shape == (200, 500)
    followed = np.mean((drawn[:, 1:] - drawn[:, :-1]) % 500 == 1)
    assert followed == pytest.approx(0.8 + 0.2 / 500, abs=0.005)
    assert np.bincount(drawn.ravel(), minlength=500).min() > 100  # 200 expected of each day


def test_statistics_of_the_run_itself_by_hand() -> None:
    """Ten times +10 %, then ten times -5 %, 5 days a year: 1.1^10 x 0.95^10 and the fall of the second half."""
    returns = np.array([0.1] * 10 + [-0.05] * 10)
    found = bootstrap(returns, 5.0, draws=300)
    assert found is not None
    total = 1.1**10 * 0.95**10 - 1
    spread = math.sqrt(20 / 19) * 0.075  # every day lies 0.075 from the mean of 0.025
    assert found.of("total_return").value == pytest.approx(total)
    assert found.of("cagr").value == pytest.approx((1 + total) ** (5 / 20) - 1)
    assert found.of("sharpe").value == pytest.approx(0.025 / spread * math.sqrt(5))
    assert found.of("volatility").value == pytest.approx(spread * math.sqrt(5))
    assert found.of("max_drawdown").value == pytest.approx(0.95**10 - 1)


def test_a_loss_from_the_first_day_on_is_a_drawdown() -> None:
    """The capital at the start is the first high: twenty days of -1 % fall 1 - 0.99^20."""
    found = bootstrap(np.full(20, -0.01) + np.tile([1e-9, -1e-9], 10), 252.0, draws=100)
    assert found is not None
    assert found.of("max_drawdown").value == pytest.approx(0.99**20 - 1, rel=1e-6)
    assert found.of("total_return").below_zero == 1.0


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Of 100 histories with a true Sharpe of 1, at least 80 of the 90 % intervals contain it (90 expected, 80 is -3.3 sigma)."""
    chance = np.random.default_rng(3)
    inside = 0
    for number in range(100):
        returns = chance.normal(1 / 252, 1 / math.sqrt(252), 400) * 0.1
        found = bootstrap(returns, 252.0, draws=200, seed=number)
        assert found is not None
        one = found.of("sharpe")
        inside += one.low <= 1.0 <= one.high
    assert inside >= 80


def test_equal_seeds_give_equal_numbers_and_others_do_not() -> None:
    """The draws come from the seed alone."""
    returns = _series("noise") / 100
    one, two, other = (bootstrap(returns, 252.0, draws=200, seed=seed) for seed in (4, 4, 5))
    assert one is not None
    assert two is not None
    assert other is not None
    assert one.intervals == two.intervals
    assert one.intervals != other.intervals


def test_too_short_a_history_says_nothing() -> None:
    """Nineteen days are too few, and so are thirty of which twenty are no numbers."""
    assert bootstrap(np.full(19, 0.01), 252.0) is None
    assert bootstrap(np.array([0.01] * 10 + [math.nan] * 20), 252.0) is None


def test_a_flat_equity_has_no_sharpe() -> None:
    """Returns that are all zero: no Sharpe ratio, no block to speak of, no crash."""
    found = bootstrap(np.zeros(50), 252.0, draws=100)
    assert found is not None
    assert found.block == 1.0
    assert math.isnan(found.of("sharpe").value)
    assert found.of("total_return").low == 0.0
