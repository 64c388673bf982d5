"""Walk-forward: choose in one stretch of the past, trade the next, which nobody has seen; again and again to the end of the data.

Rules: a bar belongs to the stretch in which it ends. Whatever a choice is made from ends before its test begins, by `purge` and
`embargo` more. The test runs through the same session as any other: its training window is shown to it as history, so that
features are warm, and orders are asked for from the test's first bar on. Each test begins flat with the whole capital; the
returns of all tests after each other are the out-of-sample record.
Limits: what was open at the end of a test is valued there, not carried into the next. Bars only.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepath.errors import ConfigError
from onepath.nearest import nearest
from onepath.research import search as searches
from onepath.research.subject import Window
from onepath.research.sweeping import Run, Tried, best_of
from onepath.research.windows import columns_of

Floats = NDArray[np.float64]
_KEYS = ("train", "test", "step", "purge", "embargo", "anchored")
_UNITS = {"d": 1, "w": 7}
_DAY = 86_400 * 1_000_000_000
_MOST = 1_000
"""windows"""


class Span(NamedTuple):
    """A length: so many bars, months or days; one of them."""

    bars: int = 0
    months: int = 0
    days: int = 0

    @property
    def text(self) -> str:
        if self.bars:
            return f"{self.bars} bars"
        return f"{self.months} months" if self.months else f"{self.days} days"


class Plan(NamedTuple):
    """How the windows lie."""

    train: Span
    test: Span
    step: Span
    purge: Span = Span()
    embargo: Span = Span()
    anchored: bool = False


class Cut(NamedTuple):
    """One training window and the test after it, in nanoseconds; a bar is in the one in which it ends."""

    train: Window
    test: Window


class Fold(NamedTuple):
    """What came of one cut. `tried` are the trials of the training window; `test` is None where nothing could be chosen."""

    cut: Cut
    tried: list[Tried]
    best: Tried | None
    test: Tried | None


class Walk(NamedTuple):
    """All folds."""

    plan: Plan
    folds: list[Fold]
    metric: str

    @property
    def tested(self) -> list[Fold]:
        """Those that came to a test."""
        return [fold for fold in self.folds if fold.test is not None and fold.test.found.status == "ok"]

    def returns(self) -> tuple[NDArray[np.int64], Floats]:
        """Days and daily returns of all tests, after each other."""
        days = [np.frombuffer(f.test.found.days, "<i4").astype(np.int64) for f in self.tested if f.test]
        returns = [np.frombuffer(f.test.found.returns, "<f4").astype(np.float64) for f in self.tested if f.test]
        if not days:
            return np.empty(0, np.int64), np.empty(0)
        return np.concatenate(days), np.concatenate(returns)

    @property
    def sharpe(self) -> float:
        """Annualised, out of sample."""
        from onepath.report.formulas import sharpe

        return sharpe(self.returns()[1], self.periods)

    @property
    def total_return(self) -> float:
        """Of all tests, compounded."""
        return float(np.prod(1 + self.returns()[1]) - 1)

    @property
    def periods(self) -> float:
        """Days a year."""
        return max((f.test.found.periods for f in self.tested if f.test), default=252.0)

    @property
    def efficiency(self) -> float:
        """Mean daily return out of sample / in sample (Pardo 2008); NaN where in sample nothing was gained."""
        inside = [r for f in self.tested if f.best for r in _returns(f.best)]
        outside = self.returns()[1]
        gained = float(np.mean(inside)) if inside else math.nan
        return float(outside.mean()) / gained if len(outside) and gained > 0 else math.nan


def _returns(one: Tried) -> Sequence[float]:
    return list(map(float, np.frombuffer(one.found.returns, "<f4")))


def parsed(text: str) -> Plan:
    """`train=2y,test=6m,anchored` as a plan. Raises ConfigError."""
    found: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        if key not in _KEYS:
            raise ConfigError(
                f"--walk-forward has no key {key!r}{nearest(key, _KEYS)}; it takes train, test, step, purge, embargo and anchored"
            )
        found[key] = value
    for needed in ("train", "test"):
        if needed not in found:
            raise ConfigError(f"--walk-forward {text}: {needed} is missing; expected such as train=2y,test=6m")
    spans = {key: _span(key, value) for key, value in found.items() if key != "anchored"}
    for key in ("train", "test", "step"):
        if key in spans and spans[key] == Span():
            raise ConfigError(f"--walk-forward: {key} is zero; expected a length such as 6m or 500 (bars)")
    return Plan(
        spans["train"],
        spans["test"],
        spans.get("step", spans["test"]),
        spans.get("purge", Span()),
        spans.get("embargo", Span()),
        found.get("anchored", "false") not in ("false", "no"),
    )


def _span(key: str, text: str) -> Span:
    found = re.fullmatch(r"(\d+)\s*(bars?|y|m|w|d)?", text.strip())
    if found is None:
        raise ConfigError(
            f"--walk-forward: {key}={text} is no length; write 2y, 6m (months), 4w, 10d, or a number of bars such as 500"
        )
    count, unit = int(found[1]), found[2] or "bar"
    if unit.startswith("bar"):
        return Span(bars=count)
    return Span(months=count * (12 if unit == "y" else 1)) if unit in "ym" else Span(days=count * _UNITS[unit])


def cuts(plan: Plan, at: NDArray[np.int64]) -> list[Cut]:
    """The windows over bars that end at these moments (in order, each once). The last test may be shorter, by half at most.
    Raises ConfigError where the data are too short for one."""
    found = list(_cuts(plan, _Ruler(at, not plan.train.bars)))
    if not found:
        first, last = (dt.datetime.fromtimestamp(int(t) // 10**9, dt.UTC).date() for t in (at[0], at[-1]))
        raise ConfigError(
            f"the data ({len(at):,} bars from {first} to {last}) are too short for one training window of {plan.train.text} and "
            f"a test of {plan.test.text}: take shorter windows"
        )
    if len(found) > _MOST:
        raise ConfigError(f"--walk-forward makes {len(found):,} windows, more than {_MOST:,}: take a larger step")
    return found


def _cuts(plan: Plan, ruler: _Ruler) -> Iterator[Cut]:
    begin = first = ruler.first
    while True:
        split = ruler.after(begin, plan.train)
        train = Window(
            first if plan.anchored else begin, first if plan.anchored else begin, ruler.before(split, plan.purge)
        )
        start = ruler.after(split, plan.embargo)
        end = ruler.after(start, plan.test)
        if end > ruler.last and ruler.last - start < (end - start) / 2:
            return
        if train.end > train.start:
            yield Cut(train, Window(train.start, start, min(end, ruler.last)))
        if end >= ruler.last:
            return
        begin = ruler.after(begin, plan.step)


class _Ruler:
    """Lengths from moment to moment, over the bars that there are."""

    def __init__(self, at: NDArray[np.int64], by_calendar: bool) -> None:
        self._at = at
        self.first = int(at[0]) // _DAY * _DAY - 1 if by_calendar else int(at[0]) - 1
        self.last = int(at[-1])
        self._usual = int(np.median(np.diff(at))) if len(at) > 1 else _DAY

    def after(self, moment: int, span: Span) -> int:
        """The end of `span` from `moment` on."""
        if span.bars:
            place = int(np.searchsorted(self._at, moment, side="right")) + span.bars - 1
            beyond = place - len(self._at) + 1
            return int(self._at[place]) if beyond <= 0 else self.last + beyond * self._usual
        return moved(moment, span.months, span.days)

    def before(self, moment: int, span: Span) -> int:
        """The start of `span` that ends at `moment`."""
        if span.bars:
            place = int(np.searchsorted(self._at, moment, side="right")) - 1 - span.bars
            return int(self._at[place]) if place >= 0 else self.first
        return moved(moment, -span.months, -span.days)


def moved(moment: int, months: int, days: int) -> int:
    """So many months and days later, in UTC; the 31st becomes the month's last day."""
    seconds, rest = divmod(moment, 10**9)
    when = dt.datetime.fromtimestamp(seconds, dt.UTC)
    count = when.year * 12 + when.month - 1 + months
    year, month = divmod(count, 12)
    following = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    last = (following - dt.timedelta(days=1)).day
    when = when.replace(year=year, month=month + 1, day=min(when.day, last)) + dt.timedelta(days=days)
    return int(when.timestamp()) * 10**9 + rest


def planned(run: Run) -> tuple[Plan, list[Cut]] | None:
    """The windows that were asked for; None where none were. Raises ConfigError where they do not fit the data."""
    if run.terms.walk is None:
        return None
    plan = parsed(run.terms.walk)
    if run.subject.plan.market.finer is not None:
        raise ConfigError("walk-forward cannot follow finer bars inside its windows yet: leave data.finer out")
    columns = columns_of(run.subject.plan.feed).columns.values()
    return plan, cuts(plan, np.unique(np.concatenate([np.asarray(own["at"]) for own in columns])))


def walked(run: Run, crew: Any, plan: Plan, windows: Sequence[Cut]) -> Walk:
    """Do it. Each training window is searched anew, by the same search and seed."""
    terms = run.terms
    folds = []
    for cut in windows:
        if run.stopped:
            break
        search = searches.of(terms.search, run.space, terms.trials, terms.seed)
        tried = run.all(crew, search, cut.train)
        best = None if run.stopped else best_of(tried, terms.sign)
        test = None
        if best is not None:
            (test,) = run.all(crew, searches.Listed([best.point]), cut.test, "test") or (None,)
        folds.append(Fold(cut, tried, best, test))
    return Walk(plan, folds, terms.metric)
