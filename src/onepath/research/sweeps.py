"""`onepath.research.sweep`, and what it gives back.

Rules: everything a Sweep shows follows from its trials and the log; nothing is run again to look at it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onepath.errors import ConfigError, StrategyError
from onepath.nearest import nearest
from onepath.research import search as searches
from onepath.research import space as spaces
from onepath.research import walk
from onepath.research.belief import Belief, Plateau, believed, told, walk_sentence
from onepath.research.processes import inside_a_child
from onepath.research.quickly import Difference, compared
from onepath.research.space import MOST, Point, Space
from onepath.research.subject import Recipe, Subject, of_config
from onepath.research.sweeping import Run, Terms, Told, Tried, best_of, checked_metric
from onepath.research.trials import Trial, Trials
from onepath.research.walk import Walk

if TYPE_CHECKING:
    from onepath.config import Config
    from onepath.result import Plot

_PROVED = 4
"""trials that are run in QuickBacktest and in the engine"""


class Sweep:
    """A finished (or stopped) sweep."""

    def __init__(
        self, run: Run, tried: Sequence[Tried], refused: Sequence[tuple[Point, str]], data: Any = None
    ) -> None:
        self.run = run
        self.tried = list(tried)
        self.metric = run.terms.metric
        self.study = run.study
        self.stopped = run.stopped
        self.refused = list(refused)
        """points that the strategy's Params do not take, each with the reason"""
        self.walk: Walk | None = None
        """walk-forward, where it was asked for"""
        self.differences: list[Difference] = []
        """between QuickBacktest and the engine, of the best and some random trials; empty where all ran in the engine"""
        who = run.identity
        self.ever: list[Trial] = distinct(run.log.of(who.strategy, who.data), who.config)
        """all trials of this strategy on this data that the log knew at the end, one a code and set of parameters"""
        self._data = data

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that were searched."""
        return self.run.space.names

    @property
    def failed(self) -> list[Tried]:
        """Trials in which the strategy failed; `found.error` says how."""
        return [one for one in self.tried if one.found.status != "ok"]

    @property
    def known(self) -> int:
        """Trials that were in the log already."""
        return sum(one.known for one in self.tried)

    @cached_property
    def best(self) -> Tried | None:
        """The trial with the best value of the metric; None where none has one."""
        return best_of(self.tried, self.run.terms.sign)

    @cached_property
    def table(self) -> Any:
        """One row a trial, in the order of the search: its parameters, status and statistics. A frame of the kind of the data."""
        from onepath.frames import frame, kind_of

        return frame(kind_of(self._data), self.columns())

    def columns(self) -> dict[str, list[Any]]:
        """The table as columns."""
        stats = list(dict.fromkeys(key for one in self.tried for key in one.found.stats))
        found: dict[str, list[Any]] = {name: [one.point[name] for one in self.tried] for name in self.names}
        found["status"] = [one.found.status for one in self.tried]
        for key in stats:
            values = [one.found.stats.get(key) for one in self.tried]
            found[key] = [math.nan if value is None else value for value in values]
        return found

    @cached_property
    def belief(self) -> Belief | None:
        """What to believe of the best; None where there is none."""
        if self.best is None:
            return None
        return believed(self.best, self.tried, self.ever, self.run.space, self.run.terms.sign)

    @property
    def stability(self) -> Plateau | None:
        """The best among its neighbours: a plateau or a spike."""
        return None if self.belief is None else self.belief.plateau

    @property
    def sentences(self) -> list[str]:
        """What to believe, in words."""
        found = ["No trial has a value of the metric."] if self.belief is None else self.belief.sentences
        return found + ([walk_sentence(self.walk)] if self.walk is not None else [])

    def heatmap(self, x: str | None = None, y: str | None = None, *, by: str = "best") -> Plot:
        """The metric over two parameters, the first two by default; over the others the best, or by="median"."""
        from onepath.research.heat import Point, heat
        from onepath.result import Plot

        names = [x or self.names[0], y or (self.names[1] if len(self.names) > 1 else self.names[0])]
        for name in names:
            if name not in self.names:
                raise ConfigError(
                    f"heatmap: {name!r} was not searched{nearest(name, self.names)}; there are {', '.join(self.names)}"
                )
        if by not in ("best", "median"):
            raise ConfigError(f"heatmap: by is {by!r}; it must be best or median")
        points = [Point(one.point, one.value) for one in self.tried]
        return Plot(heat(points, names[0], names[1], sign=self.run.terms.sign, by=by))

    def report(self, path: str | Path) -> Path:
        """Write the page of this sweep, one HTML file."""
        from onepath.research.sheet import write

        return write(self, Path(path))

    def __repr__(self) -> str:
        best = self.best
        value = "none has a value" if best is None else f"best {self.metric} {best.value:.4g} at {told(best.point)}"
        return f"Sweep of {len(self.tried):,} trials ({len(self.failed)} failed, {len(self.refused)} refused): {value}"


def distinct(trials: Sequence[Trial], config: str) -> list[Trial]:
    """One trial of each code and set of parameters: that with these costs if there is one, else the first."""
    found: dict[tuple[str, str], Trial] = {}
    for trial in sorted(trials, key=lambda t: (t.config != config, t.key)):
        if trial.purpose == "search":
            found.setdefault(trial.hypothesis, trial)
    return list(found.values())


def sweep(
    strategy: Any,
    data: Any,
    params: Mapping[str, Any],
    *,
    metric: str = "sharpe",
    search: str = "grid",
    trials: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    ray: str | None = None,
    engine: bool = False,
    walk_forward: str | None = None,
    workspace: str | Path | None = None,
    progress: Told | None = None,
    **arguments: Any,
) -> Sweep:
    """Run `strategy` with many parameters over `data`, and say what the best of them is worth.

    - `strategy`, `data` and further `arguments`: as in `onepath.backtest` (`cash`, `commission`, `symbols`, `start`, ...).
    - `params`: by name the values to try: a list, a `range`, text such as "5:50:5" (the stop is one of them), or, for random
      and optuna, "0.001:1:log". Of several strategies: "name.fast".
    - `metric`: any statistic of a result, "sharpe" by default; the best is the highest (of costs and risks, the lowest).
    - `search`: grid, random or optuna, with `trials` and a `seed`.
    - `workers`: processes, as many as there are processors by default; 1: in this process. `ray`: the address of a cluster.
    - `walk_forward`: "train=2y,test=6m" and perhaps step, purge, embargo, anchored: choose in each training window, trade the
      test after it; `.walk` of the result.
    - `workspace`: the folder of the trials log, by default the workspace around the current folder.

    Raises ConfigError, DataError and StrategyError with one sentence; a strategy that fails at one point is told in the table.

    >>> found = onepath.research.sweep(SmaCross, "us10", {"fast": "5:50:5", "slow": "20:200:20"}, symbols="AAPL")
    """
    inside_a_child()
    terms = Terms(metric, search, trials, seed, workers, ray, engine, walk_forward)
    checked_metric(metric)
    given = strategy if isinstance(strategy, Mapping) else {None: strategy}
    recipes, names = _recipes(given)
    space = spaces.of(params, _fields(recipes, names))
    filled = _instances(recipes, names, space, terms)
    subject = _of_arguments(given, filled, recipes, data, arguments)
    with_log = Trials.open(_home(workspace))
    return ran(Run(subject, space, terms, with_log, progress), data)


def sweep_config(
    settings: Config, home: Path, params: Mapping[str, Any], terms: Terms, progress: Told | None = None
) -> Sweep:
    """The sweep of a configuration's strategies."""
    checked_metric(terms.metric)
    recipes = [Recipe(seat.source, str(home), None, seat.params) for seat in settings.active]
    names = [seat.name for seat in settings.active]
    space = spaces.of(params, _fields(recipes, names))
    filled = _instances(recipes, names, space, terms)
    subject = of_config(settings, home, filled)
    return ran(Run(subject, space, terms, Trials.open(home), progress))


def ran(run: Run, data: Any = None) -> Sweep:
    """Do it."""
    search = searches.of(run.terms.search, run.space, run.terms.trials, run.terms.seed)
    planned = walk.planned(run)
    run.begin()
    with run.crew() as crew:
        tried = run.all(crew, search)
        found = Sweep(run, tried, run.refused, data)
        if planned is not None and not run.stopped:
            found.walk = walk.walked(run, crew, *planned)
            found.stopped = run.stopped
    if found.best is not None and not run.why_not and not found.stopped:
        changes = run.space.changes
        found.differences = compared(run.subject, changes, tried, found.best, _PROVED, run.terms.seed)
    return found


def _recipes(given: Mapping[Any, Any]) -> tuple[list[Recipe], list[str]]:
    import msgspec

    from onepath.backtest import snake
    from onepath.strategy import Strategy

    recipes, names = [], []
    for name, one in given.items():
        cls = one if isinstance(one, type) else type(one)
        if not issubclass(cls, Strategy):
            raise ConfigError(f"sweep takes a Strategy class or instance, not {one!r}")
        params = msgspec.to_builtins(one.params) if isinstance(one, Strategy) else {}
        recipes.append(Recipe("", "", cls, params))
        names.append(name or snake(cls.__name__))
    return recipes, names


def _fields(recipes: Sequence[Recipe], names: Sequence[str]) -> dict[str, Sequence[str]]:
    return {name: recipe.cls().Params.__struct_fields__ for name, recipe in zip(names, recipes, strict=True)}


def _instances(recipes: Sequence[Recipe], names: Sequence[str], space: Space, terms: Terms) -> list[dict[str, Any]]:
    """Parameters that the strategies take: those of the first point that they do not refuse. Raises ConfigError."""
    search = searches.Listed(searches.drawn(space, 200, terms.seed) if space.size is None else _some(space, terms))
    first = ""
    for point in search.ask():
        changes = space.changes(point)
        try:
            for seat, recipe in enumerate(recipes):
                recipe.made(changes.get(seat, {}))
        except StrategyError as error:
            first = first or str(error)
            continue
        return [changes.get(seat, {}) for seat in range(len(recipes))]
    raise ConfigError(f"the strategy takes none of these parameters; the first was refused with: {first}")


def _some(space: Space, terms: Terms) -> list[Point]:
    if terms.search == "grid" or (space.size or 0) <= MOST:
        return list(space.grid())
    return searches.drawn(space, 200, terms.seed)


def _of_arguments(
    given: Mapping[Any, Any],
    filled: Sequence[Mapping[str, Any]],
    recipes: Sequence[Recipe],
    data: Any,
    arguments: Mapping[str, Any],
) -> Subject:
    from onepath.backtest import prepared

    made = [recipe.made(params) for recipe, params in zip(recipes, filled, strict=True)]
    strategies = made[0] if None in given else dict(zip(given, made, strict=True))
    plan = prepared(strategies, data, **arguments)
    return Subject(plan, recipes, [seat.name for seat in plan.strategies])


def _home(workspace: str | Path | None) -> Path:
    from onepath.workspace import find

    return find(Path.cwd() if workspace is None else Path(workspace)).root
