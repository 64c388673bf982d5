"""Trials through QuickBacktest, where the strategy and the session fit it; the engine's word on some of them afterwards.

Rules: what QuickBacktest sets aside, and every test of walk-forward, is run in the engine instead, without a word: the numbers
are the same. A few trials, the best among them, are run in both, and the differences are told.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from onepath.research.processes import Task
from onepath.research.subject import Found, Subject, Window

if TYPE_CHECKING:
    from onepath.research.sweeping import Tried
    from onepath.session import Plan

_AT_ONCE = 500
"""parameter sets of one pass"""
UNKNOWN = frozenset(("buy_and_hold", "alpha", "beta", "correlation", "var_95", "cvar_95", "skew", "kurtosis"))
"""statistics that QuickBacktest does not reckon"""


class Difference(NamedTuple):
    """One trial in both: how many fills apart, and how far apart the final equity is, as a share."""

    point: dict[str, Any]
    fills: int
    equity: float


class Quickly:
    """Trials in one process, compiled, with `engine` for what does not fit."""

    workers = 1

    def __init__(self, subject: Subject, engine: Any) -> None:
        self._subject = subject
        self._engine = engine

    def __enter__(self) -> Self:
        self._engine.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._engine.__exit__(kind, error, tb)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Found]]:
        """Each task's number and what came of it, as they are done."""
        left: list[Task] = []
        windows = dict.fromkeys(task.window for task in tasks)
        for window in windows:
            some = [task for task in tasks if task.window == window]
            if window is not None and window.warm < window.start:
                left += some
                continue
            for first in range(0, len(some), _AT_ONCE):
                for task, found in self._pass(some[first : first + _AT_ONCE], window):
                    if found is None:
                        left.append(task)
                    else:
                        yield task.number, found
        if left:
            yield from self._engine.run(left)

    def _pass(self, tasks: Sequence[Task], window: Window | None) -> Iterator[tuple[Task, Found | None]]:
        from onepath.calendars import get
        from onepath.research.quick import QuickBacktest

        quick = QuickBacktest.of_plan(_part(self._subject, window))
        recipe = self._subject.recipes[0]
        params = [{**recipe.params, **task.changes.get(0, {})} for task in tasks]
        runs: Any = quick.sweep(recipe.cls(), params, daily=True)  # type: ignore[arg-type]
        days = runs.days.astype(np.int64).astype("<i4")
        moved = np.zeros(len(days), dtype=bool)
        moved[quick.marks.day[quick.marks.moved != 0]] = True
        periods = float(get(quick.bars.instrument.calendar).periods_per_year)
        for number, task in enumerate(tasks):
            if number in runs.refused:
                yield task, None
                continue
            stats = {name: float(values[number]) for name, values in runs.stats.items()}
            plain = {name: value if math.isfinite(value) else None for name, value in stats.items()}
            returns = np.nan_to_num(runs.daily[number])
            # As in the engine: a day on which no price and no book moved is not recorded, and so none without return.
            kept = moved | (returns != 0)
            told = days[kept].tobytes(), returns[kept].astype("<f4").tobytes()
            yield task, Found("ok", "", plain, *told, periods, "quick")


def _part(subject: Subject, window: Window | None) -> Plan:
    """The plan of the subject, or of a training window of it."""
    from onepath.research.windows import between, columns_of

    if window is None:
        return subject.plan
    feed = between(columns_of(subject.plan.feed), window.start, window.end)
    described = feed.describe()
    data = {**subject.plan.data, **{key: described[key] for key in ("first_at", "last_at", "events")}}
    return subject.plan._replace(feed=feed, data=data)


def why_not(subject: Subject, metric: str) -> str:
    """Why the trials have to run in the engine; empty: they need not."""
    from onepath.research.quickfit import eligible

    if metric in UNKNOWN:
        return f"QuickBacktest does not reckon {metric}"
    if len(subject.recipes) != 1:
        return "the session has several strategies"
    return eligible(subject.recipes[0].cls(), subject.plan)


def compared(
    subject: Subject, changes: Any, tried: Sequence[Tried], best: Tried, count: int, seed: int
) -> list[Difference]:
    """The best and some others, run in the engine; `changes` makes what a point changes."""
    others = [one for one in tried if one.number != best.number and one.found.how == "quick"]
    chosen = [best] if best.found.how == "quick" else []
    chosen += random.Random(seed).sample(others, min(count - 1, len(others)))  # noqa: S311 - no secret
    return [_difference(one, subject.tried(changes(one.point))) for one in chosen]


def _difference(one: Tried, engine: Found) -> Difference:
    quick, proved = one.found.stats, engine.stats
    fills = abs(int(quick.get("fills") or 0) - int(proved.get("fills") or 0))
    final, proof = quick.get("final_equity") or math.nan, proved.get("final_equity") or math.nan
    return Difference(dict(one.point), fills, abs(final - proof) / abs(proof))
