"""The field's statistics: each a small function over plain arrays, with its formula and source.

Rules: what is not defined (nothing to divide by, too few values) is NaN, never zero and never an exception.
Returns are simple and periodic (here: daily); `periods` is how many of them make a year; the risk-free rate is zero.
Ratios are shares: 0.05 is five per cent. Sources: Sharpe 1966/1994, Sortino & Price 1994, Young 1991 (Calmar),
Martin & McCann 1989 (Ulcer), Rockafellar & Uryasev 2000 (CVaR), Tharp 2008 (SQN), CAPM after Jensen 1968; where those
leave a choice, empyrical's is taken, and the tests compare with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
NAN = math.nan
_FLAT = 1e-15
"""a standard deviation below this is rounding noise of equal numbers"""
_NOISE = 1e-12
"""a return, or a fall, below this is the rounding of an equity that has not changed"""


def ratio(numerator: float, denominator: float) -> float:
    """numerator / denominator; NaN where there is nothing to divide by."""
    return numerator / denominator if denominator else NAN


def mean(values: Floats) -> float:
    """Sum over count."""
    return float(values.mean()) if len(values) else NAN


def deviation(values: Floats) -> float:
    """Sample standard deviation: sqrt(sum((x - mean)^2) / (n - 1))."""
    if len(values) < 2:
        return NAN
    found = float(values.std(ddof=1))
    return 0.0 if found < _FLAT * max(1.0, float(np.abs(values).max())) else found


def returns(equity: Floats) -> Floats:
    """e[t] / e[t-1] - 1; from an equity of zero or less there is no return: NaN."""
    return shares(equity[1:], equity[:-1]) - 1.0


def shares(part: Floats, whole: Floats) -> Floats:
    """part / whole by element; NaN where the whole is zero or less."""
    found: Floats = np.divide(part, whole, out=np.full(len(whole), NAN), where=whole > 0)
    return found


def total_return(equity: Floats) -> float:
    """last / first - 1."""
    return ratio(float(equity[-1]), float(equity[0])) - 1.0 if len(equity) else NAN


def annual_growth(returns: Floats, periods: float) -> float:
    """Compound annual growth rate: prod(1 + r) ^ (periods / n) - 1 (empyrical.cagr)."""
    if not len(returns):
        return NAN
    grown = float(np.prod(1.0 + returns))
    if grown < 0:
        return NAN
    try:
        return float(grown ** (periods / len(returns)) - 1.0)
    except OverflowError:
        return NAN


def volatility(returns: Floats, periods: float) -> float:
    """Annualised: sample standard deviation x sqrt(periods)."""
    return deviation(returns) * math.sqrt(periods)


def sharpe(returns: Floats, periods: float) -> float:
    """mean(r) / sd(r) x sqrt(periods), risk-free rate zero (Sharpe 1994). NaN for constant returns."""
    return ratio(mean(returns), deviation(returns)) * math.sqrt(periods)


def downside(returns: Floats, periods: float) -> float:
    """Annualised downside deviation: sqrt(mean(min(r, 0)^2)) x sqrt(periods), over all n (Sortino & Price 1994)."""
    if len(returns) < 2:
        return NAN
    losses = np.where(returns < -_NOISE, returns, 0.0)
    return math.sqrt(float(np.square(losses).mean())) * math.sqrt(periods)


def sortino(returns: Floats, periods: float) -> float:
    """mean(r) x periods / downside deviation (Sortino & Price 1994), required return zero."""
    return ratio(mean(returns) * periods, downside(returns, periods))


def drawdowns(equity: Floats) -> Floats:
    """e[t] / max(e[0..t]) - 1: zero at a high, negative below it."""
    high = np.maximum.accumulate(equity)
    found = np.divide(equity, high, out=np.zeros(len(equity)), where=high > 0) - (high > 0)
    return np.where(found > -_NOISE, 0.0, found)


def max_drawdown(equity: Floats) -> float:
    """The deepest of `drawdowns`: zero or negative."""
    return float(drawdowns(equity).min()) if len(equity) else NAN


def longest_drawdown(at: Times, equity: Floats) -> float:
    """Longest time from a high to its recovery, or to the end where there was none; in the unit of `at`."""
    if not len(equity):
        return NAN
    high_at, high, longest = int(at[0]), float(equity[0]), 0
    below = False
    for moment, value in zip(at.tolist(), equity.tolist(), strict=True):
        falls = value < high - _NOISE * abs(high)
        if below or falls:
            longest = max(longest, moment - high_at)
        if not falls:
            high_at, high = moment, max(value, high)
        below = falls
    return float(longest)


def calmar(returns: Floats, equity: Floats, periods: float) -> float:
    """Compound annual growth / |max drawdown| (Young 1991, over the whole period as empyrical has it)."""
    return ratio(annual_growth(returns, periods), abs(max_drawdown(equity)))


def ulcer(equity: Floats) -> float:
    """sqrt(mean(drawdown^2)) (Martin & McCann 1989), as a share."""
    return math.sqrt(float(np.square(drawdowns(equity)).mean())) if len(equity) else NAN


def skewness(values: Floats) -> float:
    """m3 / m2^1.5 with central moments over n (Fisher-Pearson, scipy.stats.skew)."""
    if len(values) < 3 or not deviation(values):
        return NAN
    apart = values - values.mean()
    return float((apart**3).mean() / (apart**2).mean() ** 1.5)


def excess_kurtosis(values: Floats) -> float:
    """m4 / m2^2 - 3 with central moments over n (Fisher, scipy.stats.kurtosis); zero for the normal law."""
    if len(values) < 4 or not deviation(values):
        return NAN
    apart = values - values.mean()
    return float((apart**4).mean() / (apart**2).mean() ** 2 - 3.0)


def value_at_risk(returns: Floats, tail: float = 0.05) -> float:
    """Historical value at risk: the `tail` quantile of returns, linear between neighbours (numpy.percentile)."""
    return float(np.percentile(returns, 100 * tail)) if len(returns) else NAN


def expected_shortfall(returns: Floats, tail: float = 0.05) -> float:
    """Historical CVaR: mean of the lowest floor((n - 1) x tail) + 1 returns (Rockafellar & Uryasev 2000; empyrical)."""
    if not len(returns):
        return NAN
    count = int((len(returns) - 1) * tail) + 1
    return float(np.mean(np.sort(returns)[:count]))


def share_positive(values: Floats) -> float:
    """Count above zero / count."""
    return float((values > 0).mean()) if len(values) else NAN


def share_rising(returns: Floats) -> float:
    """Count of returns above zero, rounding apart, / count."""
    return float((returns > _NOISE).mean()) if len(returns) else NAN


def beta(returns: Floats, market: Floats) -> float:
    """cov(r, m) / var(m)."""
    if len(returns) < 2 or not deviation(market):
        return NAN
    apart = market - market.mean()
    return float((apart * returns).mean() / np.square(apart).mean())


def alpha(returns: Floats, market: Floats, periods: float) -> float:
    """Jensen's alpha, compounded to a year: (1 + mean(r - beta x m)) ^ periods - 1 (Jensen 1968; empyrical)."""
    slope = beta(returns, market)
    return float((1.0 + (returns - slope * market).mean()) ** periods - 1.0) if math.isfinite(slope) else NAN


def correlation(returns: Floats, market: Floats) -> float:
    """Pearson: cov(r, m) / (sd(r) x sd(m))."""
    if len(returns) < 2 or not deviation(market) or not deviation(returns):
        return NAN
    return float(np.corrcoef(returns, market)[0, 1])


def rolling_sharpe(returns: Floats, window: int, periods: float) -> Floats:
    """`sharpe` of the last `window` returns at each place from the first whole window on."""
    if len(returns) < window:
        return np.empty(0)
    rows = np.lib.stride_tricks.sliding_window_view(returns, window)
    spread = rows.std(axis=1, ddof=1)
    spread[spread < _FLAT] = NAN
    found: Floats = rows.mean(axis=1) / spread * math.sqrt(periods)
    return found


def covered(intervals: Iterable[tuple[int, int]], start: int, end: int) -> float:
    """Share of start..end that lies in at least one interval (time in the market)."""
    total, reached = 0, start
    for first, last in sorted(intervals):
        first, last = max(first, reached), min(last, end)  # noqa: PLW2901  cut to what is not yet counted
        total += max(0, last - first)
        reached = max(reached, last)
    return ratio(total, end - start)


def average_over_time(at: Times, values: Floats) -> float:
    """sum(v[i] x (t[i+1] - t[i])) / (t[n] - t[0]): each value holds until the next."""
    if len(at) < 2:
        return mean(values)
    return ratio(float((values[:-1] * np.diff(at)).sum()), float(at[-1] - at[0]))


def turnover(traded: float, equity: float, years: float) -> float:
    """Value bought and sold / average equity / years."""
    return ratio(ratio(traded, equity), years)


def profit_factor(profits: Floats) -> float:
    """sum of gains / |sum of losses|; NaN without a loss."""
    return ratio(float(profits[profits > 0].sum()), abs(float(profits[profits < 0].sum())))


def payoff(profits: Floats) -> float:
    """average gain / |average loss|; NaN without either."""
    return ratio(mean(profits[profits > 0]), abs(mean(profits[profits < 0])))


def system_quality(profits: Floats) -> float:
    """SQN: sqrt(n) x mean(profit) / sd(profit) (Tharp 2008); n is not capped at 100."""
    return ratio(math.sqrt(len(profits)) * mean(profits), deviation(profits))
