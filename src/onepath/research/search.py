"""Which combinations are tried next: all of a grid, a seeded draw, or what Optuna suggests.

Rules: a search asks for a batch of points and is told their values in the order of the batch, so what it does depends on
its seed and on nothing else: not on the number of workers, not on which of them is done first. A search that is begun again
asks for the same points again, and finds those that were tried in the trials log.
Limits: a random search that meets a point twice tries it once. Optuna is asked for eight points at a time, whatever the number
of workers, which costs it a little of what it could have learnt in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np

from onepath.errors import ConfigError
from onepath.nearest import nearest
from onepath.research.space import Axis, Point, Space

SEARCHES = ("grid", "random", "optuna")
TRIALS = 100
"""of a search that has no end of its own"""
_BATCH = 8


class Search(Protocol):
    """A way through a space."""

    total: int

    def ask(self) -> Sequence[Point]:
        """The next points; none: it is over."""

    def tell(self, values: Sequence[float]) -> None:
        """What came of the points that were asked for last, larger is better; NaN: nothing came of it."""


class Listed:
    """Points that are known beforehand."""

    def __init__(self, points: Iterable[Point]) -> None:
        self._points = list(points)
        self.total = len(self._points)

    def ask(self) -> Sequence[Point]:
        points, self._points = self._points, []
        return points

    def tell(self, values: Sequence[float]) -> None:
        """Nothing follows from it."""


class Optuna:
    """Tree-structured Parzen estimator (Bergstra et al. 2011), as Optuna has it."""

    def __init__(self, space: Space, trials: int, seed: int) -> None:
        optuna = _optuna()
        self.total = trials
        self._space = space
        self._asked: list[Any] = []
        self._left = trials
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._failed = optuna.trial.TrialState.FAIL

    def ask(self) -> Sequence[Point]:
        count = min(_BATCH, self._left)
        self._left -= count
        self._asked = [self._study.ask() for _ in range(count)]
        return [{axis.name: _suggested(trial, axis) for axis in self._space.axes} for trial in self._asked]

    def tell(self, values: Sequence[float]) -> None:
        for trial, value in zip(self._asked, values, strict=True):
            if np.isfinite(value):
                self._study.tell(trial, value)
            else:
                self._study.tell(trial, state=self._failed)


def of(kind: str, space: Space, trials: int | None, seed: int) -> Search:
    """The search called `kind`. Raises ConfigError."""
    if kind not in SEARCHES:
        raise ConfigError(f"there is no search {kind!r}{nearest(kind, SEARCHES)}; there are {', '.join(SEARCHES)}")
    if trials is not None and trials < 1:
        raise ConfigError(f"--trials is {trials}; it must be 1 or more")
    if kind == "grid":
        return Listed(islice(space.grid(), trials))
    if kind == "random":
        return Listed(drawn(space, trials or TRIALS, seed))
    return Optuna(space, trials or TRIALS, seed)


def drawn(space: Space, trials: int, seed: int) -> list[Point]:
    """Different points at random, as many as asked for or as there are."""
    size = space.size
    if size is not None and size <= trials:
        return list(space.grid())
    random = np.random.default_rng(seed)
    points: list[Point] = []
    met: set[str] = set()
    for _ in range(50 * trials):
        point = {axis.name: axis.draw(float(random.random())) for axis in space.axes}
        if repr(point) not in met:
            met.add(repr(point))
            points.append(point)
        if len(points) == trials:
            break
    return points


def _suggested(trial: Any, axis: Axis) -> Any:
    values = axis.values
    if not values:
        suggest = trial.suggest_int if axis.whole else trial.suggest_float
        low, high = (int(axis.low), int(axis.high)) if axis.whole else (axis.low, axis.high)
        return suggest(axis.name, low, high, log=axis.log)
    if len(values) > 1 and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        # The place in an ordered list, so that what it learns of a value holds for its neighbours, too.
        ordered = sorted(values)
        return ordered[trial.suggest_int(axis.name, 0, len(ordered) - 1)]
    return trial.suggest_categorical(axis.name, values)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "--search optuna needs the package optuna: pip install 'onepath[research]'; --search random needs nothing"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
