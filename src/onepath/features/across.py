"""Cross-sections: where a symbol stands among all symbols of the strategy, by a feature of each.

Rules: at the end of an instant, over the symbols that have a number then; a symbol without one has none here either. Sums are
exact before they are rounded once (`math.fsum`), so that neither the order of symbols nor the machine decides the last bit.
Cost: 0.2 us a symbol and instant, ranks 0.5 us.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from onepath.features.definition import CrossSection, Feature


def rank(feature: Feature, fraction: bool = True) -> Feature:
    """The rank of each symbol by `feature`: 1 / n for the lowest of n to 1 for the highest, or 1 to n without `fraction`.

    Equal values share the mean of their ranks, as pandas' `rank(pct=True)`.
    """
    high = 1.0 if fraction else math.inf
    return _across("rank", feature, _fractions if fraction else _ranks, (("fraction", bool(fraction)),), 0.0, high)


def across_zscore(feature: Feature) -> Feature:
    """How many standard deviations each symbol is above the mean of all, by `feature`; divided by n, as scipy's `zscore`.

    No number where there are fewer than two symbols, or where all are equal.
    """
    return _across("across_zscore", feature, _zscores)


def demean(feature: Feature) -> Feature:
    """How far each symbol is above the mean of all, by `feature`; 0 where there is but one."""
    return _across("demean", feature, _demeaned)


def over_symbols(section: CrossSection, values: Sequence[float]) -> list[float]:
    """What a cross-section makes of each symbol's value, in their order; NaN where one has no number, and for infinities."""
    known = [i for i, value in enumerate(values) if not math.isnan(value)]
    found = [math.nan] * len(values)
    if known:
        for i, value in zip(known, section([values[i] for i in known]), strict=True):
            found[i] = float(value) if math.isfinite(value) else math.nan
    return found


def _across(
    name: str,
    feature: Feature,
    section: CrossSection,
    params: tuple[tuple[str, int | float], ...] = (),
    low: float = -math.inf,
    high: float = math.inf,
) -> Feature:
    return Feature(name, 1, (feature,), params, 1, 1, _not_called, _nothing, low=low, high=high, across=section)


def _nothing(*_: float) -> Sequence[float]:
    return ()


def _not_called(state: object, value: float, *_: float) -> float:
    """Stands for the step of what has none: a cross-section is of all symbols."""
    return math.nan


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    first = 0
    while first < len(order):
        end = first + 1
        while end < len(order) and values[order[end]] == values[order[first]]:
            end += 1
        for i in order[first:end]:
            found[i] = (first + 1 + end) / 2
        first = end
    return found


def _fractions(values: Sequence[float]) -> list[float]:
    return [found / len(values) for found in _ranks(values)]


def _demeaned(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def _zscores(values: Sequence[float]) -> list[float]:
    if min(values) == max(values):
        return [math.nan] * len(values)
    apart = _demeaned(values)
    deviation = math.sqrt(math.fsum(gap * gap for gap in apart) / len(values))
    return [gap / deviation if deviation > 0.0 else math.nan for gap in apart]
