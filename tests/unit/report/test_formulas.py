"""Formulas against an established library on the same returns, and against hand calculation."""

from __future__ import annotations

import csv
import gzip
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onepath.report import formulas as f
from onepath.report.formulas import Floats

DATA = Path(__file__).parents[4] / "shared" / "data" / "returns_daily"
CLOSE = 1e-12
DAY = 86_400 * 1_000_000_000


def real(name: str, column: str) -> Floats:
    path = DATA / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    with gzip.open(path, "rt") as file:
        return f.returns(np.array([float(row[column]) for row in csv.DictReader(file) if row[column]]))


def synthetic(seed: int) -> Callable[[], Floats]:
    return lambda: np.random.default_rng(seed).standard_t(4, 900) * 0.01


SERIES = {
    "sp500": lambda: real("sp500", "Adj Close"),
    "nasdaq": lambda: real("nasdaq", "Adj Close"),
    "fat tails": synthetic(1),
    "other fat tails": synthetic(2),
    "two days": lambda: np.array([0.01, -0.02]),
    "only losses": lambda: -np.abs(np.random.default_rng(3).normal(0.001, 0.01, 60)),
}


@pytest.fixture(params=SERIES)
def returns(request: pytest.FixtureRequest) -> Floats:
    found: Floats = SERIES[request.param]()
    return found


@pytest.fixture(scope="module")
def empyrical() -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its optional readers warn when they are absent
        return pytest.importorskip("empyrical")


def curve(returns: Floats) -> Floats:
    return np.append(1.0, np.cumprod(1.0 + returns))


@pytest.mark.parametrize("periods", [252, 365, 260])
def test_ratios_equal_empyrical(returns: Floats, empyrical: object, periods: int) -> None:
    """Growth, volatility, Sharpe, Sortino and Calmar equal empyrical's on the same returns and calendar."""
    e, year = empyrical, {"annualization": periods}
    assert f.annual_growth(returns, periods) == pytest.approx(e.cagr(returns, **year), rel=CLOSE, abs=CLOSE)
    assert f.volatility(returns, periods) == pytest.approx(e.annual_volatility(returns, **year), rel=CLOSE)
    assert f.sharpe(returns, periods) == pytest.approx(e.sharpe_ratio(returns, **year), rel=CLOSE)
    assert f.downside(returns, periods) == pytest.approx(e.downside_risk(returns, **year), rel=CLOSE)
    assert f.sortino(returns, periods) == pytest.approx(e.sortino_ratio(returns, **year), rel=CLOSE)
    assert f.calmar(returns, curve(returns), periods) == pytest.approx(e.calmar_ratio(returns, **year), rel=1e-11)


def test_tails_equal_empyrical(returns: Floats, empyrical: object) -> None:
    """Drawdown, value at risk and expected shortfall equal empyrical's; so does the total return."""
    e = empyrical
    assert f.max_drawdown(curve(returns)) == pytest.approx(e.max_drawdown(returns), rel=CLOSE)
    assert f.value_at_risk(returns) == pytest.approx(e.value_at_risk(returns), rel=CLOSE)
    assert f.expected_shortfall(returns) == pytest.approx(e.conditional_value_at_risk(returns), rel=CLOSE)
    assert f.total_return(curve(returns)) == pytest.approx(e.cum_returns_final(returns), rel=CLOSE, abs=CLOSE)


def test_market_model_equals_empyrical(returns: Floats, empyrical: object) -> None:
    """Alpha and beta equal empyrical's; correlation is beta scaled by the deviations."""
    market = np.random.default_rng(9).normal(0.0003, 0.01, len(returns)) + 0.4 * returns
    alpha, beta = empyrical.alpha_beta_aligned(returns, market, annualization=252)
    assert f.beta(returns, market) == pytest.approx(beta, rel=1e-11)
    assert f.alpha(returns, market, 252) == pytest.approx(alpha, rel=1e-10)
    assert f.correlation(returns, market) == pytest.approx(beta * market.std() / returns.std(), rel=1e-10)


def test_moments_equal_scipy(returns: Floats) -> None:
    """Skew and excess kurtosis equal scipy's population moments, where there are values enough."""
    stats = pytest.importorskip("scipy.stats")
    if len(returns) < 4:
        assert math.isnan(f.skewness(returns))
        assert math.isnan(f.excess_kurtosis(returns))
        return
    assert f.skewness(returns) == pytest.approx(stats.skew(returns), rel=1e-10, abs=CLOSE)
    assert f.excess_kurtosis(returns) == pytest.approx(stats.kurtosis(returns), rel=1e-10, abs=CLOSE)


def test_rolling_sharpe_is_the_sharpe_of_each_window(returns: Floats) -> None:
    """Every value of the rolling Sharpe ratio is that of its own window."""
    window = min(20, len(returns))
    found = f.rolling_sharpe(returns, window, 252)
    assert len(found) == len(returns) - window + 1
    for i in (0, len(found) // 2, len(found) - 1):
        assert found[i] == pytest.approx(f.sharpe(returns[i : i + window], 252), rel=1e-9)


def test_constant_returns_have_no_sharpe() -> None:
    """Without spread there is no ratio: NaN here, where rounding noise would make a huge number."""
    constant = np.full(50, 0.001)
    assert math.isnan(f.sharpe(constant, 252))
    assert f.volatility(constant, 252) == 0.0
    assert math.isnan(f.sortino(constant, 252))


@pytest.mark.parametrize("values", [[], [0.01]])
def test_too_few_values_are_undefined(values: list[float]) -> None:
    """With no or one return every ratio is NaN, and nothing raises."""
    few = np.array(values)
    for undefined in (f.sharpe(few, 252), f.sortino(few, 252), f.volatility(few, 252), f.beta(few, few)):
        assert math.isnan(undefined)
    assert math.isnan(f.skewness(few))
    assert len(f.rolling_sharpe(few, 20, 252)) == 0


def test_drawdown_by_hand() -> None:
    """100 120 90 110 130 104: falls of 25 and 20 per cent; the first lasts from 120 to 130, three days."""
    equity = np.array([100.0, 120, 90, 110, 130, 104])
    at = np.arange(6) * DAY
    assert f.drawdowns(equity).tolist() == pytest.approx([0, 0, -0.25, 110 / 120 - 1, 0, -0.2])
    assert f.max_drawdown(equity) == pytest.approx(-0.25)
    assert f.longest_drawdown(at, equity) == 3 * DAY
    assert f.ulcer(equity) == pytest.approx(math.sqrt((0.0625 + (1 / 12) ** 2 + 0.04) / 6))


def test_a_fall_without_recovery_lasts_to_the_end() -> None:
    """The longest drawdown counts to the end of the session where equity never came back."""
    assert f.longest_drawdown(np.array([0, 5, 30]), np.array([10.0, 9.0, 9.5])) == 30


def test_rising_equity_has_no_drawdown() -> None:
    """No fall: maximum zero, length zero, and no Calmar ratio to divide by it."""
    equity = np.array([1.0, 2.0, 2.0, 3.0])
    assert f.max_drawdown(equity) == 0
    assert f.longest_drawdown(np.arange(4), equity) == 0
    assert math.isnan(f.calmar(f.returns(equity), equity, 252))


def test_time_in_the_market_by_hand() -> None:
    """Overlapping holdings count once, and only inside the session: 10-30 and 50-60 of 0-100 is 30 per cent."""
    assert f.covered([(20, 30), (10, 25), (50, 60), (55, 58)], 0, 100) == pytest.approx(0.30)
    assert f.covered([(-50, 10), (90, 200)], 0, 100) == pytest.approx(0.20)
    assert math.isnan(f.covered([], 5, 5))


def test_average_over_time_weighs_by_duration() -> None:
    """A value that stood nine days counts nine times one that stood one."""
    assert f.average_over_time(np.array([0, 9, 10]), np.array([1.0, 0.0, 7.0])) == pytest.approx(0.9)


def test_trade_statistics_by_hand() -> None:
    """Profits 30, -10, 20, -20: factor 5/3, payoff 5/3, SQN 2 x 5 / sd."""
    profits = np.array([30.0, -10, 20, -20])
    spread = math.sqrt((25**2 + 15**2 + 15**2 + 25**2) / 3)
    assert f.profit_factor(profits) == pytest.approx(50 / 30)
    assert f.payoff(profits) == pytest.approx(25 / 15)
    assert f.share_positive(profits) == 0.5
    assert f.system_quality(profits) == pytest.approx(2 * 5 / spread)
    assert math.isnan(f.profit_factor(profits[profits > 0]))


def test_bankrupt_equity_gives_no_return() -> None:
    """From an equity of zero or less no return can be computed."""
    assert f.returns(np.array([100.0, 0.0, 50.0])).tolist()[0] == -1.0
    assert math.isnan(f.returns(np.array([100.0, 0.0, 50.0]))[1])
    assert math.isnan(f.annual_growth(np.array([-1.5, 0.1]), 252))
