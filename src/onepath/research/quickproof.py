"""The proof of a quick sweep: its best and some random points again in the engine, and what differs.

Rules: the engine runs the same bars, costs and limits. Expected: as many trades, all statistics equal within 1e-9.
Cost: a session a point, 2 to 6 us a bar.
"""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

import numpy as np

from onepath.context import Context
from onepath.errors import ConfigError
from onepath.journal.memory import MemoryJournal
from onepath.orders import OrderIntent
from onepath.report.metrics import stats as engine_stats
from onepath.report.record import read
from onepath.research.quickruns import QuickRuns
from onepath.seat import Seated
from onepath.session import Session
from onepath.strategy import Strategy

CLOSE = 1e-9
"""the relative difference that floats may make"""
_SMALL = 1e-3
"""shares and ratios below this are compared absolutely: what is 1e-16 here and 0 there is rounding"""
_NOISY = 1e9
"""a ratio beyond this has nothing but noise below the line"""
_MONEY = frozenset({"initial_capital", "final_equity", "net_profit", "expectancy", "average_win", "average_loss"})


class Point(NamedTuple):
    """One parameter set, run twice."""

    params: dict[str, Any]
    quick: dict[str, float]
    engine: dict[str, float]

    @property
    def worst(self) -> tuple[str, float]:
        """The statistic that differs most, and by how much (relative)."""
        found = {name: self.apart(name) for name in self.quick}
        name = max(found, key=lambda name: found[name])
        return name, found[name]

    def apart(self, name: str) -> float:
        """The relative difference of a statistic; of money, as a share of the capital at least."""
        floor = self.engine["initial_capital"] if name in _MONEY else _SMALL
        return _apart(self.quick[name], self.engine[name], floor)

    @property
    def equal(self) -> bool:
        """Whether all statistics are equal within 1e-9."""
        return self.worst[1] <= CLOSE


class Proof(list[Point]):
    """The points that were run twice; printed as a table."""

    @property
    def equal(self) -> bool:
        """Whether every point is equal within 1e-9."""
        return all(point.equal for point in self)

    def __repr__(self) -> str:
        head = f"{'parameters':<40}{'trades':>8}{'engine':>8}{'final equity':>18}{'difference':>12}  {'largest difference':<30}"
        lines = [head]
        for point in self:
            name, apart = point.worst
            said = ", ".join(f"{key}={value}" for key, value in point.params.items())
            equity = point.quick["final_equity"]
            lines.append(
                f"{said[:39]:<40}{point.quick['trades']:>8.0f}{point.engine['trades']:>8.0f}{equity:>18,.2f}"
                f"{point.apart('final_equity'):>12.1e}  {name} {apart:.1e}"
            )
        return "\n".join([*lines, "equal within 1e-9" if self.equal else "NOT EQUAL: please report this"])


def verify(runs: QuickRuns, count: int = 3, seed: int = 0, metric: str = "sharpe") -> Proof:
    """Run the best set by `metric` and `count` - 1 others, chosen at random by `seed`, in the engine. Raises ConfigError where no
    set was run at all."""
    ranked = runs.order(metric)
    able = [n for n in range(len(runs)) if n not in runs.refused]
    if not able:
        raise ConfigError(
            f"there is nothing to verify: {next(iter(runs.refused.values()), 'no parameter set was given')}"
        )
    best = ranked[:1] or able[:1]
    others = [n for n in able if n not in best]
    chosen = best + random.Random(seed).sample(others, min(count - 1, len(others)))  # noqa: S311  no secret
    return Proof(_point(runs, n) for n in chosen)


def _point(runs: QuickRuns, number: int) -> Point:
    record = read(journal_of(runs, strategy_of(runs, number)))
    found = {name: stat.value for name, stat in engine_stats(record).items() if name in runs.stats}
    quick = {name: float(runs.stats[name][number]) for name in found}
    return Point(dict(runs.params[number]), quick, found)


def journal_of(runs: QuickRuns, strategy: Strategy) -> MemoryJournal:
    """The journal of the engine's session with this strategy over the same bars."""
    seat = runs.plan.strategies[0]
    seats = [Seated(seat.name, strategy, seat.capital, seat.limits, seat.symbols, seat.account)]
    feed = runs.quick.bars.feed()
    journal = MemoryJournal("verify")
    outcome = Session(runs.plan._replace(feed=feed, strategies=seats, sources=[{}]), journal).run()
    if outcome.status == "stopped":  # Ctrl-C
        raise KeyboardInterrupt
    if outcome.errors:
        raise ConfigError(f"the engine ended: {outcome.errors[0]}")
    return journal


def strategy_of(runs: QuickRuns, number: int) -> Strategy:
    """The strategy of a set, for the engine."""
    if isinstance(runs.origin, type):
        made: Strategy = runs.origin(**runs.params[number])
        return made
    _, table, sized, band = runs.origin
    return Given(table[:, number], sized, band)


class Given(Strategy):
    """Targets that are there already, one a bar."""

    def __init__(self, targets: Any, sized: str, band: Any) -> None:
        super().__init__()
        self._targets = iter(np.asarray(targets).tolist())
        self._sized = sized
        self._band = band

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        wanted = next(self._targets)
        if wanted != wanted:  # noqa: PLR0124  NaN: as it is
            return []
        how: Any = {self._sized: wanted}
        return context.target(context.symbols[0], band=self._band, **how)


def _apart(a: float, b: float, floor: float) -> float:
    """The relative difference of two numbers, of what is smaller than `floor` as a share of that; two that are undefined are
    equal, and so is one that divides by rounding noise."""
    if math.isnan(a) or math.isnan(b):
        other = b if math.isnan(a) else a
        return 0.0 if math.isnan(other) or abs(other) > _NOISY else math.inf
    return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b), floor)
