"""Measures of how far two samples are apart: population stability index, Kolmogorov-Smirnov, correlation.

Rules: NaN and infinities are left out by whoever calls; samples are float64 arrays.
Limits: all of them take values to be drawn independently. Those of most features are not (an average of 200 bars hardly moves
from one to the next), so that chance alone takes them further apart than is said here: a difference is a reason to look.
"""

from __future__ import annotations

import math
from typing import Any

BINS = 10
_CHI2_95 = (3.841, 5.991, 7.815, 9.488, 11.070, 12.592, 14.067, 15.507, 16.919, 18.307, 19.675, 21.026, 22.362, 23.685)
"""95 % quantiles of chi-square with 1, 2, ... degrees of freedom"""
_NOBODY = 1e-4
"""share that a bin without values is taken to have, so that its logarithm exists"""


def edges(reference: Any, bins: int = BINS) -> Any:
    """Inner edges of `bins` bins that hold equal shares of the reference: its quantiles, each once."""
    import numpy as np

    return np.unique(np.quantile(reference, np.arange(1, bins) / bins))


def shares(values: Any, inner: Any) -> Any:
    """The share of values in each bin; a value on an edge belongs to the bin below."""
    import numpy as np

    counts = np.bincount(np.searchsorted(inner, values, side="left"), minlength=len(inner) + 1)
    return counts / max(len(values), 1)


def psi(expected: Any, actual: Any) -> float:
    """Population stability index of two lists of shares: sum of (actual - expected) x ln(actual / expected).

    Siddiqi, "Credit Risk Scorecards" (Wiley, 2006), with the usual reading: under 0.1 stable, from 0.25 on another population.
    It is the symmetrised divergence of Kullback and Leibler, Annals of Mathematical Statistics 22 (1951).
    """
    import numpy as np

    e, a = np.maximum(expected, _NOBODY), np.maximum(actual, _NOBODY)
    return float(np.sum((a - e) * np.log(a / e)))


def psi_by_chance(bins: int, reference: int, live: int) -> float:
    """The index that two samples of one population stay below 19 times of 20: (1/n + 1/m) x chi-square(bins - 1).

    Yurdakul and Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation 14 (2020).
    """
    degrees = max(min(bins - 1, len(_CHI2_95)), 1)
    return (1 / reference + 1 / live) * _CHI2_95[degrees - 1]


def ks(reference: Any, live: Any) -> tuple[float, float]:
    """Two-sample Kolmogorov-Smirnov: the largest distance of the two distribution functions, and how probable a larger one is
    where both are of one population.

    Smirnov, Annals of Mathematical Statistics 19 (1948), 279; the correction for few values of Stephens, Journal of the Royal
    Statistical Society B 32 (1970), 115.
    """
    import numpy as np

    a, b = np.sort(reference), np.sort(live)
    both = np.concatenate([a, b])
    gap = np.abs(np.searchsorted(a, both, side="right") / len(a) - np.searchsorted(b, both, side="right") / len(b))
    distance = float(gap.max())
    root = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    return distance, _beyond((root + 0.12 + 0.11 / root) * distance)


def _beyond(x: float) -> float:
    """1 - K(x) of Kolmogorov's distribution: 2 x the sum over k of (-1)^(k-1) exp(-2 k^2 x^2)."""
    if x < 0.2:  # 1 to the last digit, where the series converges too slowly to say so
        return 1.0
    terms = (math.exp(-2.0 * k * k * x * x) * (1.0 if k % 2 else -1.0) for k in range(1, 101))
    return min(max(2.0 * math.fsum(terms), 0.0), 1.0)


def correlation(one: Any, two: Any) -> float:
    """Pearson's, over rows in which both are numbers; NaN where one of them does not move or there are fewer than three."""
    import numpy as np

    there = np.isfinite(one) & np.isfinite(two)
    a, b = one[there], two[there]
    if len(a) < 3 or a.std() == 0.0 or b.std() == 0.0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def correlations_apart(one: float, two: float, rows_one: int, rows_two: int) -> float:
    """How many standard errors two correlations are apart, by Fisher's z (Metron 1, 1921)."""
    if min(rows_one, rows_two) < 4 or not (math.isfinite(one) and math.isfinite(two)):
        return 0.0
    error = math.sqrt(1 / (rows_one - 3) + 1 / (rows_two - 3))
    bound = 1 - 1e-12
    a, b = (math.atanh(max(min(r, bound), -bound)) for r in (one, two))
    return (a - b) / error
