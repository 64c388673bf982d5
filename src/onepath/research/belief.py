"""What to believe of a sweep: the best trial against the number of trials, in numbers and in sentences.

Rules: every trial of the strategy on these data counts that the log knows, also those of earlier sweeps and of earlier code.
Sharpe ratios are annualised here, for reading. A neighbour of a grid point differs by at most one step in each parameter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepath.research import overfit
from onepath.research.space import Space
from onepath.research.sweeping import Tried
from onepath.research.trials import Trial
from onepath.research.walk import Walk

Floats = NDArray[np.float64]
_NEAREST = 8
_PLATEAU, _SPIKE = 0.7, 0.4
_SURE = 0.95


class Plateau(NamedTuple):
    """How the best stands among its neighbours: their mean, the median of all, and (mean - median) / (best - median): 1 where the
    neighbours are as good, 0 where they are like any other."""

    best: float
    neighbours: float
    median: float
    around: int

    @property
    def score(self) -> float:
        height = self.best - self.median
        return (self.neighbours - self.median) / height if height and self.around else math.nan

    @property
    def word(self) -> str:
        if not math.isfinite(self.score):
            return "unknown"
        return "plateau" if self.score >= _PLATEAU else "spike" if self.score < _SPIKE else "slope"


class Belief(NamedTuple):
    """Sharpe ratios a year, `usual` that of the median trial. `deflated` is the probability that the best is better than the best
    of so many without skill; `lenient` the same for as many trials as are independent."""

    trials: int
    earlier: int
    independent: float
    sharpe: float
    usual: float
    deviation: float
    threshold: float
    deflated: float
    lenient: float
    probabilistic: float
    overfitting: overfit.Overfitting
    years: float
    minimum_years: float
    plateau: Plateau

    @property
    def sentences(self) -> list[str]:
        """What it comes to, in words."""
        return [*_luck(self), *_usual(self), *_choice(self), *_neighbours(self)]


def believed(best: Tried, tried: Sequence[Tried], ever: Sequence[Trial], space: Space, sign: int) -> Belief:
    """The belief about the best of `tried`, with all trials that were `ever` made."""
    days, table, periods = matrix(best.trial, ever)
    year = math.sqrt(periods)
    shapes = np.array([overfit.shape(column).sharpe for column in table.T])
    finite = shapes[np.isfinite(shapes)]
    deviation = float(finite.std(ddof=1)) if len(finite) > 1 else 0.0
    own = overfit.shape(returns_of(best.trial))
    count = len(ever)
    independent = overfit.independent_trials(table)
    facts = (own.size, own.skew, own.kurtosis)
    years = len(days) / periods
    return Belief(
        trials=count,
        earlier=count - len({one.trial.hypothesis for one in tried}),
        independent=independent,
        sharpe=own.sharpe * year,
        usual=float(np.median(finite)) * year if len(finite) else math.nan,
        deviation=deviation * year,
        threshold=overfit.expected_maximum(count, deviation) * year,
        deflated=overfit.deflated_sharpe(own.sharpe, count, deviation, *facts),
        lenient=overfit.deflated_sharpe(own.sharpe, independent, deviation, *facts),
        probabilistic=overfit.probabilistic_sharpe(own.sharpe, 0.0, *facts),
        overfitting=overfit.probability_of_backtest_overfitting(table, _splits(len(days))),
        years=years,
        minimum_years=overfit.minimum_backtest_years(count, own.sharpe * year),
        plateau=plateau(best, tried, space, sign),
    )


def returns_of(trial: Trial) -> Floats:
    """Its daily returns."""
    return np.frombuffer(trial.found.returns, "<f4").astype(np.float64)


def matrix(best: Trial, trials: Sequence[Trial]) -> tuple[NDArray[np.int64], Floats, float]:
    """The daily returns of all trials that ran to their end, one column each, on the days of the best; a day that one lacks is
    one without return."""
    days = np.frombuffer(best.found.days, "<i4").astype(np.int64)
    columns = []
    for trial in trials:
        if trial.found.status != "ok":
            continue
        own = returns_of(trial)
        if trial.found.days != best.found.days:
            theirs = np.frombuffer(trial.found.days, "<i4").astype(np.int64)
            places = np.minimum(np.searchsorted(theirs, days), max(0, len(theirs) - 1))
            own = np.where(theirs[places] == days, own[places], 0.0) if len(theirs) else np.zeros(len(days))
        columns.append(own)
    table = np.array(columns).T if columns else np.empty((len(days), 0))
    return days, table, best.found.periods or 252.0


def plateau(best: Tried, tried: Sequence[Tried], space: Space, sign: int) -> Plateau:
    """How the best stands among its neighbours."""
    able = [one for one in tried if math.isfinite(one.value)]
    median = float(np.median([one.value for one in able])) if able else math.nan
    near = [one.value for one in neighbours(best, able, space)]
    return Plateau(best.value, float(np.mean(near)) if near else math.nan, median, len(near))


def neighbours(best: Tried, tried: Sequence[Tried], space: Space) -> list[Tried]:
    """On a grid those within a step in each parameter; else the eight nearest by rank. Names and truth values must be equal."""
    others = [one for one in tried if one.number != best.number]
    places = {axis.name: _ranks([one.point[axis.name] for one in tried]) for axis in space.axes}
    apart = {
        one.number: [_distance(places[name], one.point[name], best.point[name]) for name in space.names]
        for one in others
    }
    if space.size is not None:
        return [one for one in others if max(apart[one.number]) <= 1]
    widths = [max(1, len(places[name]) - 1) for name in space.names]
    ordered = sorted(others, key=lambda one: sum((d / w) ** 2 for d, w in zip(apart[one.number], widths, strict=True)))
    return [one for one in ordered if all(map(math.isfinite, apart[one.number]))][:_NEAREST]


def _ranks(values: Sequence[object]) -> dict[object, int]:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return {value: place for place, value in enumerate(sorted(set(numbers)))}


def _distance(ranks: dict[object, int], one: object, other: object) -> float:
    if one in ranks and other in ranks and not isinstance(one, bool):
        return abs(ranks[one] - ranks[other])
    return 0.0 if one == other else math.inf


def _splits(days: int) -> int:
    """Sixteen parts, fewer of a short history: at least ten days each."""
    return max(2, min(16, days // 10 // 2 * 2))


def _luck(b: Belief) -> list[str]:
    if not math.isfinite(b.deflated):
        return ["The best trial has too few returns, or none that move, to say anything of its Sharpe ratio."]
    among = f"{b.trials:,} trials" + (f" ({b.earlier:,} of them earlier)" if b.earlier else "")
    expected = f"of {among} without any skill the best would be expected to show {b.threshold:.2f}"
    if b.deflated >= _SURE:
        return [
            f"The best Sharpe ratio, {b.sharpe:.2f}, is more than luck explains: {expected}. Deflated: {b.deflated:.1%}."
        ]
    verdict = "may be luck" if b.deflated >= 0.5 else "is what luck brings"
    said = [
        f"The best Sharpe ratio, {b.sharpe:.2f}, {verdict}: {expected}. Deflated: {b.deflated:.1%}, not the 95% to act on."
    ]
    if b.lenient >= _SURE:
        said.append(
            f"The trials are alike, as {b.independent:.0f} independent ones; counted so, it is {b.lenient:.1%}."
        )
    return said


def _usual(b: Belief) -> list[str]:
    if b.trials < 4 or not b.usual > b.sharpe / 2 > 0:
        return []
    return [
        f"Half of all trials show {b.usual:.2f} or more: that much is the market and the idea, not the choice of parameters."
    ]


def _choice(b: Belief) -> list[str]:
    pbo = b.overfitting.probability
    if not math.isfinite(pbo):
        return ["There are too few trials or days to say how often the best in one half is bad in the other."]
    how = "rarely" if pbo < 0.1 else "sometimes" if pbo < 0.3 else "often" if pbo < 0.5 else "as often as not or more"
    said = [
        f"Chosen in one half of the days, the best is below the median in the other {how}: in {pbo:.0%} of the ways to halve."
    ]
    if b.years < b.minimum_years:
        needed = f"{b.minimum_years:.1f} years of data are needed before so many trials do not show this by chance"
        said.append(f"{needed}; there are {b.years:.1f}.")
    return said


def _neighbours(b: Belief) -> list[str]:
    p = b.plateau
    if not math.isfinite(p.score):
        return []
    words = {
        "plateau": "stands on a plateau: its neighbours are nearly as good",
        "slope": "is better than its neighbours, which are better than most",
        "spike": "is a spike: its neighbours are like any other",
    }
    return [
        f"The best {words[p.word]} ({p.neighbours:.3g} around it, {p.best:.3g} itself, {p.median:.3g} the median of all)."
    ]


def told(point: Mapping[str, Any]) -> str:
    """`fast=10 slow=50`."""
    return " ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}" for name, value in point.items()
    )


def walk_sentence(walk: Walk) -> str:
    """What walk-forward says."""
    if not walk.tested:
        return "Walk-forward came to no test."
    gained = (
        f"{walk.total_return:+.1%} and a Sharpe ratio of {walk.sharpe:.2f} in {len(walk.tested)} tests on unseen data"
    )
    if not math.isfinite(walk.efficiency):
        return f"Walk-forward: {gained}; in sample nothing was gained, so there is no efficiency."
    return f"Walk-forward: {gained}; {walk.efficiency:.0%} of the daily return in sample was left out of sample."
