"""A sweep: many backtests of one strategy, each recorded, and what to make of the best of them.

Rules: a trial that is in the log is not run again, so the same sweep goes on where it was stopped, however it was stopped. The
table stands in the order of the search, whatever the number of processes. Parameters that a strategy's Params refuse are skipped
and counted; a strategy that fails is told for that point, and the others go on.
Cost: that of the backtests; 0.3 ms a trial for keys and the log.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from onepath.errors import ConfigError, StrategyError
from onepath.nearest import nearest
from onepath.research import search as searches
from onepath.research.keys import Identity, digest
from onepath.research.processes import Alone, Processes, Task, findable, processors
from onepath.research.quickly import Quickly, why_not
from onepath.research.space import Point, Space
from onepath.research.subject import Found, Subject, Window
from onepath.research.trials import Trial, Trials

if TYPE_CHECKING:
    pass

LOWER = frozenset(("volatility", "longest_drawdown", "ulcer", "fees", "slippage", "cost_share", "turnover", "traded"))
"""statistics of which less is better"""
_KEPT_EVERY = 0.5
"""seconds after which results are put into the log"""
Told = Callable[["Progress"], None]


class Progress(NamedTuple):
    """How far a sweep has come: trials done (those of the log among them), all there are, and the best value so far."""

    done: int
    total: int
    known: int
    best: float


class Tried(NamedTuple):
    """One point and what came of it. `value` is the metric; NaN where there is none."""

    number: int
    point: Point
    trial: Trial
    value: float
    known: bool

    @property
    def found(self) -> Found:
        return self.trial.found


class Terms(NamedTuple):
    """How a sweep is run."""

    metric: str = "sharpe"
    search: str = "grid"
    trials: int | None = None
    seed: int = 0
    workers: int | None = None
    ray: str | None = None
    engine: bool = False
    walk: str | None = None

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return -1 if self.metric in LOWER else 1


class Run:
    """One subject, one space, one log: points go in, trials come out."""

    def __init__(self, subject: Subject, space: Space, terms: Terms, log: Trials, progress: Told | None = None) -> None:
        self.subject = subject
        self.space = space
        self.terms = terms
        self.log = log
        self.identity = Identity(subject)
        self.refused: list[tuple[Point, str]] = []
        self.stopped = False
        self.progress = progress
        self.why_not = "the engine was asked for" if terms.engine or terms.ray else why_not(subject, terms.metric)
        """why the trials run in the engine; empty: they run in QuickBacktest"""
        self.how = "engine" if self.why_not else "quick"
        self.study = digest(
            [self.identity.strategy, self.identity.data, self.identity.config, _told(space), terms[:4]]
        )[:12]
        self._done = self._known = self._total = 0
        self._best = math.nan

    def begin(self) -> None:
        """Note the study."""
        who = self.identity
        facts = {
            "strategy": who.strategy,
            "data": who.data,
            "symbols": ", ".join(who.symbols),
            "first_at": who.first_at,
        }
        facts |= {"last_at": who.last_at, "metric": self.terms.metric, "search": self.terms.search, "begun_at": now()}
        self.log.begin(self.study, facts)

    def crew(self) -> AbstractContextManager[Any]:
        """Who runs the trials."""
        usual = processors() if findable(self.subject) else 1
        workers = usual if self.terms.workers is None else self.terms.workers
        if self.terms.ray is not None:
            from onepath.research.cluster import Cluster

            return Cluster(self.subject, self.terms.ray, self.terms.workers)
        if workers < 1:
            raise ConfigError(f"--workers is {workers}; it must be 1 or more")
        crew: AbstractContextManager[Any] = Alone(self.subject) if workers == 1 else Processes(self.subject, workers)
        return crew if self.why_not else Quickly(self.subject, crew)

    def all(
        self, crew: Any, search: searches.Search, window: Window | None = None, purpose: str = "search"
    ) -> list[Tried]:
        """Everything the search asks for, in its order; what there is so far, where it is stopped."""
        self._total += search.total
        tried: list[Tried] = []
        asked = 0
        while (points := search.ask()) and not self.stopped:
            some = self.some(crew, points, window, purpose, first=asked)
            tried += some
            values = {one.number: self.terms.sign * one.value for one in some}
            search.tell([values.get(asked + number, math.nan) for number in range(len(points))])
            asked += len(points)
        return tried

    def some(
        self, crew: Any, points: Sequence[Point], window: Window | None, purpose: str, first: int = 0
    ) -> list[Tried]:
        """The trials of these points, from the log or run."""
        wanted = self._wanted(points, window, purpose, first)
        known = self.log.find([trial.key for _, _, trial in wanted])
        found = {number: (known[trial.key], True) for number, _, trial in wanted if trial.key in known}
        self._note([found[number][0] for number in found])
        once: dict[str, tuple[int, Trial]] = {}
        for number, _, trial in wanted:
            if trial.key not in known:
                once.setdefault(trial.key, (number, trial))
        points_of = {number: point for number, point, _ in wanted}
        tasks = [Task(number, self.space.changes(points_of[number]), window) for number, _ in once.values()]
        fresh = dict(once.values())
        self._tell(len(found), len(found), [self._value(trial) for trial, _ in found.values()])
        by_key = {}
        try:
            for number, came in self._run(crew, tasks, fresh):
                by_key[came.key] = came
                found[number] = (came, False)
        except KeyboardInterrupt:
            self.stopped = True
        for number, _, trial in wanted:
            if number not in found and trial.key in by_key:
                found[number] = (by_key[trial.key], True)
        return [
            Tried(number, point, found[number][0], self._value(found[number][0]), found[number][1])
            for number, point, _ in wanted
            if number in found
        ]

    def _wanted(
        self, points: Sequence[Point], window: Window | None, purpose: str, first: int
    ) -> list[tuple[int, Point, Trial]]:
        """The points whose parameters the strategy takes, each with the trial it is."""
        wanted = []
        for number, point in enumerate(points, start=first):
            try:
                params = self.subject.params(self.space.changes(point))
            except StrategyError as error:
                self.refused.append((point, str(error)))
                self._total -= 1
                continue
            wanted.append((number, point, self._trial(params, window, purpose)))
        return wanted

    def _trial(self, params: Any, window: Window | None, purpose: str) -> Trial:
        import json

        who = self.identity
        return Trial(
            key=who.key(params, self.how, window),
            strategy=who.strategy,
            code=who.code,
            params=json.dumps(params, sort_keys=True),
            data=who.data if window is None else f"{who.data}:{window.start}:{window.end}",
            symbols=", ".join(who.symbols),
            first_at=who.first_at if window is None else window.start,
            last_at=who.last_at if window is None else window.end,
            config=who.config,
            purpose=purpose,
            found=Found("open"),
        )

    def _run(self, crew: Any, tasks: Sequence[Task], trials: Mapping[int, Trial]) -> Iterator[tuple[int, Trial]]:
        """Each task's trial when it is done, put into the log now and then and when it is over."""
        import msgspec

        from onepath.clock import monotonic

        kept: list[Trial] = []
        last = monotonic()
        try:
            for number, found in crew.run(tasks):
                trial = msgspec.structs.replace(trials[number], found=found, recorded_at=now())
                if found.status != "broken":
                    kept.append(trial)
                if monotonic() - last > _KEPT_EVERY:
                    self._note(kept)
                    last = monotonic()
                self._tell(1, 0, [self._value(trial)])
                yield number, trial
        except KeyboardInterrupt:
            self.stopped = True
        finally:
            self._note(kept)

    def _note(self, trials: list[Trial]) -> None:
        if trials:
            self.log.record(self.study, trials)
        trials.clear()

    def _value(self, trial: Trial) -> float:
        value = trial.found.stats.get(self.terms.metric)
        return math.nan if value is None else value

    def _tell(self, done: int, known: int, values: Sequence[float]) -> None:
        self._done += done
        self._known += known
        sign = self.terms.sign
        finite = [sign * value for value in (*values, self._best * 1) if math.isfinite(value)]
        self._best = sign * max(finite) if finite else math.nan
        if self.progress is not None:
            self.progress(Progress(self._done, self._total, self._known, self._best))


METRICS = (
    *(
        "initial_capital",
        "final_equity",
        "net_profit",
        "total_return",
        "cagr",
        "best_day",
        "worst_day",
        "positive_days",
    ),
    *(
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "max_drawdown",
        "longest_drawdown",
        "ulcer",
        "var_95",
        "cvar_95",
        "skew",
    ),
    *(
        "kurtosis",
        "buy_and_hold",
        "alpha",
        "beta",
        "correlation",
        "exposure_time",
        "gross_exposure",
        "turnover",
        "trades",
    ),
    *(
        "win_rate",
        "profit_factor",
        "payoff",
        "expectancy",
        "average_win",
        "average_loss",
        "holding",
        "sqn",
        "fills",
        "traded",
    ),
    *("fees", "slippage", "cost_share"),
)
"""the statistics of a result"""


def checked_metric(metric: str) -> None:
    """Raises ConfigError for a metric that there is not."""
    if metric not in METRICS:
        raise ConfigError(f"there is no metric {metric!r}{nearest(metric, METRICS)}; there are {', '.join(METRICS)}")


def best_of(tried: Sequence[Tried], sign: int) -> Tried | None:
    """The one with the best value; of equals the first."""
    able = [one for one in tried if math.isfinite(one.value)]
    return max(able, key=lambda one: (sign * one.value, -one.number), default=None)


def _told(space: Space) -> Any:
    return [list(space.axes)]


def now() -> str:
    """The wall clock, for the log."""
    from onepath.clock import RealtimeClock

    return dt.datetime.fromtimestamp(RealtimeClock().now() / 1e9, dt.UTC).isoformat(timespec="milliseconds")
