"""`onepath check`: how much of a result to believe. One page that says so, with the numbers it rests on.

Rules: everything is found out by running the strategy again, in the same engine, on other futures, later beginnings, dearer
markets; nothing is inferred from how it is written. What cannot be found out this way is said. Equal seeds, equal pages.
Limits: backtests only. Cost: about as many runs as twice the moments looked at, and eight more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from onepath.check import ahead, bootstrap, findings, robust, survivors, warming
from onepath.check.ahead import Lookahead
from onepath.check.bootstrap import Bootstrap
from onepath.check.findings import BAD, DOUBT, GOOD, LEVELS, NOTE, Finding
from onepath.check.functions import Signals, signals
from onepath.check.robust import Case
from onepath.check.runs import Make, run
from onepath.check.snooping import Snooping, snooping
from onepath.check.survivors import Survivors
from onepath.check.warming import Settling, WarmUp
from onepath.strategy import Strategy

if TYPE_CHECKING:
    from onepath.report.analysis import Analysis
    from onepath.research.trials import Trial
    from onepath.session import Plan

__all__ = ["BAD", "DOUBT", "GOOD", "LEVELS", "NOTE", "Check", "Finding", "Signals", "check", "of_backtest", "signals"]


@dataclass(frozen=True, eq=False)
class Check:
    """All that was found."""

    analysis: Analysis
    findings: tuple[Finding, ...]
    lookahead: Lookahead
    warm_up: tuple[WarmUp, ...]
    settling: Settling | None
    survivors: Survivors
    costs: tuple[Case, ...]
    break_even: float | None
    """added basis points a side at which nothing is earned"""
    delay: tuple[Case, ...]
    bootstrap: Bootstrap | None
    snooping: Snooping

    @property
    def verdict(self) -> str:
        """The worst level that was found."""
        return max((finding.level for finding in self.findings), key=LEVELS.index, default=GOOD)

    def report(self, path: str | Path) -> Path:
        """Write the page."""
        from onepath.check.page import write

        return write(self, Path(path))

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        from onepath.check.plainly import plainly

        return plainly(self)

    def __repr__(self) -> str:
        lines = [f"{finding.level:<6}{finding.subject:<15}{finding.says}" for finding in self.findings]
        return "\n".join([f"what to believe: {VERDICTS[self.verdict]}", *lines])


VERDICTS = {
    GOOD: "nothing speaks against it",
    NOTE: "nothing speaks against it, but read the notes",
    DOUBT: "less than it shows: see the doubts",
    BAD: "not this result",
}


def check(
    make: Make,
    *,
    moments: int = 6,
    draws: int = 1_000,
    seed: int = 0,
    trials: Sequence[Trial] = (),
    step: Callable[[str], None] = lambda _: None,
) -> Check:
    """Check what `make` makes: a plan, anew each time it is called.

    `moments` at which other futures are tried, `draws` of the bootstrap, `trials` of this strategy on these data that are known,
    `step` is told what is done. Raises StrategyError where the strategy fails.
    """
    step("as configured")
    whole = run(make())
    analysis = whole.analysis()
    seen = ahead.lookahead(make, whole, moments, seed, step)
    step("warm-up")
    warm, left_out = warming.features_of(whole, make().feed)
    settles = _settling(make, whole)
    living = survivors.survivors(make().feed, bool(whole.session.plan.data.get("universe")))
    costs = robust.costs(make, whole, step)
    late = robust.delay(make, whole, step)
    step("chance")
    drawn = bootstrap.bootstrap(analysis.days.returns, analysis.days.periods, draws=draws, seed=seed)
    level = robust.break_even(costs)
    tried = snooping(analysis.days.returns, analysis.days.periods, trials)
    said = (
        findings.of_lookahead(seen),
        *findings.of_warm_up(warm, left_out, settles),
        findings.of_survivors(living),
        findings.of_snooping(tried),
        findings.of_costs(costs, level),
        findings.of_delay(late),
        *findings.of_bootstrap(drawn, costs[1].trades),
    )
    return Check(analysis, said, seen, tuple(warm), settles, living, tuple(costs), level, tuple(late), drawn, tried)


def of_backtest(
    strategy: Any,
    data: Any,
    cash: Any = 100_000,
    *,
    moments: int = 6,
    draws: int = 1_000,
    seed: int = 0,
    trials: Sequence[Trial] = (),
    **how: Any,
) -> Check:
    """Check a strategy on data, both as `onepath.backtest` takes them, with the same arguments; the others as in `check`.

    `trials` of a sweep are its `.ever`.

    >>> of_backtest(SmaCross(fast=10), "us10", symbols=["AAPL"], commission=0.0005).verdict
    """
    from onepath.backtest import prepared

    def make() -> Plan:
        return prepared(_fresh(strategy), data, cash, **how)

    return check(make, moments=moments, draws=draws, seed=seed, trials=trials)


def _fresh(strategy: Any) -> Any:
    """A strategy that has seen nothing yet: a class as it is, an instance made anew from its parameters."""
    if isinstance(strategy, Mapping):
        return {name: _fresh(one) for name, one in strategy.items()}
    return type(strategy)(**msgspec.to_builtins(strategy.params)) if isinstance(strategy, Strategy) else strategy


def _settling(make: Make, whole: Any) -> Settling | None:
    """The orders of a run that begins a quarter later."""
    data = whole.session.plan.data
    begin, end = data.get("first_at"), data.get("last_at")
    if begin is None or end is None:
        return None
    return warming.settling(make, whole, int(begin) + (int(end) - int(begin)) // 4)
