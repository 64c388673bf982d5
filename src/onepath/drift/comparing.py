"""Live values against a reference, feature by feature: what changed, and whether it is worth a look.

Rules: a verdict needs 50 values on either side. By the population stability index, where it is more than chance explains; by the
rate of missing values; by correlations that are far apart. A feature is as bad as the worst of these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any

import msgspec

from onepath.drift import measures
from onepath.drift.gathering import Gathered

LEAST = 50
"""values on either side from which there is a verdict"""
MODERATE, DRIFTED = 0.1, 0.25
"""of the population stability index: Siddiqi's levels"""
_MISSING = (0.05, 0.25)
"""more or fewer values missing, as a share of all"""
_CORRELATION, _ERRORS = 0.3, 4.0
"""a change of a correlation that is told, and by how many standard errors at least"""
_PLOTTED = 24
"""bars of a histogram"""


class Verdict(StrEnum):
    """How far a feature is from what it was."""

    STABLE = "stable"
    MODERATE = "moderate"
    DRIFTED = "drifted"
    UNKNOWN = "too few"


_WORSE = (Verdict.UNKNOWN, Verdict.STABLE, Verdict.MODERATE, Verdict.DRIFTED)


class Side(msgspec.Struct, frozen=True):
    """One of the two samples."""

    rows: int
    missing: float
    """share of rows without a number"""
    mean: float | None
    deviation: float | None


class Histogram(msgspec.Struct, frozen=True):
    """The same bins for both, as shares; what lies beyond is in the first and the last."""

    low: float
    high: float
    reference: tuple[float, ...]
    live: tuple[float, ...]


class FeatureDrift(msgspec.Struct, frozen=True):
    """One feature of one symbol."""

    strategy: str
    feature: str
    symbol: str
    reference: Side
    live: Side
    shift: float | None
    """of the mean, in standard deviations of the reference"""
    psi: float | None
    by_chance: float | None
    """what the index stays below 19 times of 20 where nothing changed"""
    ks: float | None
    p: float | None
    verdict: Verdict
    histogram: Histogram | None


class Correlated(msgspec.Struct, frozen=True):
    """Two features of a symbol that go together otherwise than they did."""

    strategy: str
    one: str
    two: str
    symbol: str
    reference: float
    live: float
    errors: float
    """the change in standard errors"""


class Drift(msgspec.Struct, frozen=True):
    """All features of a session against a reference."""

    features: tuple[FeatureDrift, ...]
    correlations: tuple[Correlated, ...]
    absent: tuple[str, ...]
    """symbols of the session that the reference does not have"""

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return max((found.verdict for found in self.features), key=_WORSE.index, default=Verdict.UNKNOWN)


def compared(live: Gathered, reference: Gathered) -> Drift:
    """Every feature of `live` whose symbol the reference has."""
    found, together = [], []
    for (strategy, symbol), columns in live.columns.items():
        before = reference.columns.get((strategy, symbol))
        if before is None:
            continue
        pairs = {name: (_array(before[name]), _array(column)) for name, column in columns.items() if name in before}
        found += [_feature(strategy, name, symbol, *pair) for name, pair in pairs.items()]
        together += _correlated(strategy, symbol, pairs)
    absent = {symbol for strategy, symbol in live.columns if (strategy, symbol) not in reference.columns}
    found.sort(key=lambda one: (-_WORSE.index(one.verdict), -(one.psi or 0.0)))
    together.sort(key=lambda one: -abs(one.live - one.reference))
    return Drift(tuple(found), tuple(together), tuple(sorted(absent)))


def _array(column: Any) -> Any:
    import numpy as np

    return np.asarray(column, np.float64)


def _feature(strategy: str, name: str, symbol: str, before: Any, now: Any) -> FeatureDrift:
    import numpy as np

    a, b = before[np.isfinite(before)], now[np.isfinite(now)]
    sides = _side(before, a), _side(now, b)
    if min(len(a), len(b)) < LEAST:
        missing = _missing(*sides) if min(len(before), len(now)) >= LEAST else Verdict.UNKNOWN
        return FeatureDrift(strategy, name, symbol, *sides, None, None, None, None, None, missing, None)
    inner = measures.edges(a)
    index = measures.psi(measures.shares(a, inner), measures.shares(b, inner))
    chance = measures.psi_by_chance(len(inner) + 1, len(a), len(b))
    distance, p = measures.ks(a, b)
    spread = float(a.std())
    shift = (float(b.mean()) - float(a.mean())) / spread if spread else None
    verdict = max(verdict_of(index, chance), _missing(*sides), key=_WORSE.index)
    plot = _histogram(a, b)
    return FeatureDrift(strategy, name, symbol, *sides, shift, index, chance, distance, p, verdict, plot)


def verdict_of(index: float, chance: float, drifted: float = DRIFTED) -> Verdict:
    """By the index alone: what chance explains is stable."""
    if index <= chance or index < min(MODERATE, drifted):
        return Verdict.STABLE
    return Verdict.DRIFTED if index >= drifted else Verdict.MODERATE


def _missing(reference: Side, live: Side) -> Verdict:
    change = abs(live.missing - reference.missing)
    return Verdict.DRIFTED if change > _MISSING[1] else Verdict.MODERATE if change > _MISSING[0] else Verdict.STABLE


def _side(values: Any, numbers: Any) -> Side:
    missing = 1.0 - len(numbers) / len(values) if len(values) else 0.0
    if not len(numbers):
        return Side(len(values), missing, None, None)
    return Side(len(values), missing, float(numbers.mean()), float(numbers.std()))


def _correlated(strategy: str, symbol: str, pairs: Mapping[str, tuple[Any, Any]]) -> list[Correlated]:
    found = []
    for one, two in combinations(pairs, 2):
        (a, c), (b, d) = pairs[one], pairs[two]
        before, now = measures.correlation(a, b), measures.correlation(c, d)
        errors = measures.correlations_apart(now, before, len(c), len(a))
        if abs(now - before) >= _CORRELATION and abs(errors) >= _ERRORS:
            found.append(Correlated(strategy, one, two, symbol, before, now, errors))
    return found


def _histogram(before: Any, now: Any) -> Histogram:
    """Over the middle 98 % of both."""
    import numpy as np

    low = float(min(np.quantile(before, 0.01), np.quantile(now, 0.01)))
    high = float(max(np.quantile(before, 0.99), np.quantile(now, 0.99)))
    high = high if high > low else low + (abs(low) or 1.0) * 1e-6
    inner = np.linspace(low, high, _PLOTTED + 1)[1:-1]
    one, two = (tuple(map(float, measures.shares(values, inner))) for values in (before, now))
    return Histogram(low, high, one, two)


def as_plain(drift: Drift) -> dict[str, Any]:
    """For JSON: numbers, and null where there is none."""
    plain: dict[str, Any] = msgspec.to_builtins(drift)
    return {"verdict": str(drift.verdict), **_finite(plain)}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
