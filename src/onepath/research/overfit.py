"""How much of the best of many trials is luck: what the number of trials and the shape of returns leave of a Sharpe ratio.

Sources:
- PSR and MinTRL: Bailey & Lopez de Prado (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2).
- E[max], DSR, implied independent trials: Bailey & Lopez de Prado (2014), The Deflated Sharpe Ratio: Correcting for Selection
  Bias, Backtest Overfitting and Non-Normality, Journal of Portfolio Management 40(5), equations 1 and 2, appendix A.3.
- MinBTL: Bailey, Borwein, Lopez de Prado & Zhu (2014), Pseudo-Mathematics and Financial Charlatanism, Notices of the AMS 61(5).
- PBO by CSCV: Bailey, Borwein, Lopez de Prado & Zhu (2015), The Probability of Backtest Overfitting, Journal of Computational
  Finance 20(4).

Rules: Sharpe ratios here are of one period (a day), not annualised, unless a name says so. Kurtosis is 3 for the normal law. What
is not defined is NaN. NumPy and the standard library alone.
Limits: DSR takes trials for independent; where they are alike (neighbours on a grid are), it is too strict, which is the safe
side: `independent_trials` says by how much. PBO sees the trials it is given: a choice made before them it does not know.
"""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NORMAL = NormalDist()
_EULER = 0.5772156649015329
_AT_ONCE = 4_000_000
"""numbers of a table that is computed at once"""
_FLAT = 1e-15


class Shape(NamedTuple):
    """What is asked of a series of returns: Sharpe ratio, skewness, kurtosis (3: normal), number of returns."""

    sharpe: float
    skew: float
    kurtosis: float
    size: int


class Overfitting(NamedTuple):
    """What CSCV says. `logits`: one a combination, of the rank that the best in sample has out of sample; `probability`: the
    share of them at or below zero, that is, below the median; `loss`: how often the best in sample loses money out of sample;
    `slope`: of its Sharpe ratio out of sample over that in sample, below zero where better in sample is worse out of it."""

    probability: float
    logits: Floats
    loss: float
    slope: float
    trials: int
    splits: int


def shape(returns: Floats) -> Shape:
    """The Sharpe ratio, skewness and kurtosis of returns, moments over n but for the deviation (n - 1)."""
    count = len(returns)
    if count < 4 or float(np.std(returns)) < _FLAT:
        return Shape(math.nan, math.nan, math.nan, count)
    apart = returns - returns.mean()
    variance = float((apart**2).mean())
    return Shape(
        float(returns.mean() / returns.std(ddof=1)),
        float((apart**3).mean() / variance**1.5),
        float((apart**4).mean() / variance**2),
        count,
    )


def probabilistic_sharpe(
    sharpe: float, benchmark: float, count: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """PSR: the probability that the true Sharpe ratio is above `benchmark`, after `count` returns of this shape.

    Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2))
    """
    inside = _inside(sharpe, skew, kurtosis)
    if not inside > 0 or count < 2:
        return math.nan
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(count - 1) / math.sqrt(inside))


def minimum_track_record(
    sharpe: float, benchmark: float, confidence: float = 0.95, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """MinTRL: how many returns it takes until PSR reaches `confidence`; NaN where it never does.

    1 + (1 - skew SR + (kurtosis - 1) / 4 SR^2) (Z(confidence) / (SR - SR*))^2
    """
    if not sharpe > benchmark:
        return math.nan
    return 1 + _inside(sharpe, skew, kurtosis) * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def expected_maximum(trials: float, deviation: float = 1.0) -> float:
    """The highest Sharpe ratio that is to be expected of so many independent trials without any skill, whose Sharpe ratios have
    this standard deviation; zero for one trial.

    sqrt(V) ((1 - gamma) Z(1 - 1 / N) + gamma Z(1 - 1 / (N e))), gamma the Euler-Mascheroni constant
    """
    if not trials > 1:
        return 0.0
    first, second = 1 - 1 / trials, 1 - 1 / (trials * math.e)
    return deviation * ((1 - _EULER) * _NORMAL.inv_cdf(first) + _EULER * _NORMAL.inv_cdf(second))


def deflated_sharpe(
    sharpe: float, trials: float, deviation: float, count: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """DSR: PSR against the highest Sharpe ratio that `trials` without skill would have shown. `deviation` is the standard
    deviation of the Sharpe ratios of all trials."""
    return probabilistic_sharpe(sharpe, expected_maximum(trials, deviation), count, skew, kurtosis)


def minimum_backtest_years(trials: float, sharpe_a_year: float) -> float:
    """MinBTL: the years of data below which so many trials without skill are expected to show this annualised Sharpe ratio.

    (((1 - gamma) Z(1 - 1 / N) + gamma Z(1 - 1 / (N e))) / SR)^2
    """
    return (expected_maximum(trials) / sharpe_a_year) ** 2 if sharpe_a_year > 0 else math.nan


def independent_trials(returns: Floats) -> float:
    """How many independent trials the columns of `returns` (days x trials) amount to: rho + (1 - rho) N, with rho the average
    correlation of two trials, not below zero."""
    alive = returns[:, returns.std(axis=0) > _FLAT]
    count = alive.shape[1]
    if count < 2 or len(alive) < 2:
        return float(max(count, 1))
    z = (alive - alive.mean(axis=0)) / alive.std(axis=0)
    # The sum of all correlations is the variance of the sum of the standardised columns.
    total = float(np.mean(z.sum(axis=1) ** 2))
    average = max(0.0, (total - count) / (count * (count - 1)))
    return float(average + (1 - average) * count)


def probability_of_backtest_overfitting(returns: Floats, splits: int = 16) -> Overfitting:
    """PBO by combinatorially symmetric cross-validation, of returns (days x trials).

    The days are cut into `splits` parts in time order; each choice of half of them is in sample once, the rest out of sample. The
    trial with the best Sharpe ratio in sample has rank r of N out of sample, and the logit ln(w / (1 - w)), w = r / (N + 1). PBO
    is the share of logits that are not above zero.
    """
    days, trials = returns.shape
    if splits < 2 or splits % 2:
        raise ValueError(f"splits is {splits}; it must be even, 2 or more")
    if trials < 2 or days < 2 * splits:
        return Overfitting(math.nan, np.empty(0), math.nan, math.nan, trials, splits)
    blocks = np.array_split(returns, splits)
    sums = np.array([block.sum(axis=0) for block in blocks])
    squares = np.array([(block**2).sum(axis=0) for block in blocks])
    sizes = np.array([len(block) for block in blocks], dtype=np.float64)
    chosen = _halves(splits)
    inside, outside, ranks = np.empty(len(chosen)), np.empty(len(chosen)), np.empty(len(chosen))
    step = max(1, _AT_ONCE // trials)
    for first in range(0, len(chosen), step):
        part = slice(first, first + step)
        inside[part], outside[part], ranks[part] = _ranked(chosen[part], sums, squares, sizes)
    share = ranks / (trials + 1)
    logits = np.log(share / (1 - share))
    varied = float(np.var(inside)) > _FLAT
    slope = float(np.cov(inside, outside, ddof=0)[0, 1] / np.var(inside)) if varied else math.nan
    return Overfitting(float(np.mean(logits <= 0)), logits, float(np.mean(outside < 0)), slope, trials, splits)


def _halves(splits: int) -> Floats:
    """One row a choice of half of the parts: 1 where a part is in sample."""
    rows = list(itertools.combinations(range(splits), splits // 2))
    chosen = np.zeros((len(rows), splits))
    chosen[np.arange(len(rows))[:, None], rows] = 1.0
    return chosen


def _ranked(chosen: Floats, sums: Floats, squares: Floats, sizes: Floats) -> tuple[Floats, Floats, Floats]:
    """Of the best in sample: its Sharpe ratio in and out of sample, and its rank there, ties in the middle."""
    inside = _sharpes(chosen, sums, squares, sizes)
    outside = _sharpes(1 - chosen, sums, squares, sizes)
    best = np.argmax(inside, axis=1)
    rows = np.arange(len(best))
    theirs = outside[rows, best]
    below = (outside < theirs[:, None]).sum(axis=1)
    equal = (outside == theirs[:, None]).sum(axis=1)
    return inside[rows, best], theirs, below + (equal + 1) / 2


def _sharpes(chosen: Floats, sums: Floats, squares: Floats, sizes: Floats) -> Floats:
    """The Sharpe ratios of each trial over the chosen parts; zero for one that never moved."""
    count = (chosen @ sizes)[:, None]
    mean = chosen @ sums / count
    variance = np.maximum(chosen @ squares / count - mean**2, 0.0) * count / (count - 1)
    found: Floats = np.divide(mean, np.sqrt(variance), out=np.zeros_like(mean), where=variance > _FLAT**2)
    return found


def _inside(sharpe: float, skew: float, kurtosis: float) -> float:
    """The variance of a Sharpe ratio's estimate, times T - 1."""
    return 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
