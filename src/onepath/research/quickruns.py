"""What a quick sweep gives: a table of statistics, a row a parameter set.

Rules: names and definitions as in `result.stats`; undefined is NaN, and so is everything of a set that was refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onepath.errors import ConfigError
from onepath.nearest import nearest
from onepath.research.quickbars import Floats, Times

if TYPE_CHECKING:
    from onepath.research.quick import QuickBacktest
    from onepath.session import Plan

SHOWN = (
    "final_equity",
    "total_return",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trades",
    "win_rate",
    "fees",
)
LOWER_IS_BETTER = frozenset({"volatility", "ulcer", "longest_drawdown", "turnover", "fees", "slippage", "cost_share"})


class QuickResult:
    """One parameter set: `params`, `stats` by name, `daily` returns where they were asked for, `refused` with the reason."""

    def __init__(self, params: Mapping[str, Any], stats: dict[str, float], daily: Floats | None, refused: str) -> None:
        self.params = params
        self.stats = stats
        self.daily = daily
        self.refused = refused

    def __repr__(self) -> str:
        if self.refused:
            return f"QuickResult {dict(self.params)}: {self.refused}"
        lines = [f"{name:<16}{self.stats[name]:>18,.6g}" for name in SHOWN]
        return "\n".join([f"QuickResult {dict(self.params)}", *lines])


class QuickRuns(Sequence[QuickResult]):
    """Parameter sets and their statistics. `runs["sharpe"]` is an array, `runs[3]` one set, `runs.frame()` a table.

    `params`: the sets, in the order given. `stats`: arrays by name. `refused`: by the number of a set, why it was set aside.
    `daily`: returns, a row a set and a column a session day (`days`), where they were asked for.
    """

    def __init__(
        self,
        quick: QuickBacktest,
        plan: Plan,
        origin: Any,
        params: Sequence[Mapping[str, Any]],
        stats: dict[str, Floats],
        refused: dict[int, str],
        daily: Floats | None,
        dates: Times,
    ) -> None:
        """`plan` is what the engine would run, but for the strategy; `origin` the strategy class, or what was given."""
        self.quick = quick
        self.plan = plan
        self.origin = origin
        self.params = params
        self.stats = stats
        self.refused = refused
        self.daily = daily
        self.days = dates.astype("datetime64[D]")

    def __len__(self) -> int:
        return len(self.params)

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, str):
            if which not in self.stats:
                raise ConfigError(
                    f"no statistic {which!r}{nearest(which, self.stats)}; there are {', '.join(self.stats)}"
                )
            return self.stats[which]
        if isinstance(which, slice):
            return [self[n] for n in range(*which.indices(len(self)))]
        number = range(len(self))[which]
        stats = {name: float(values[number]) for name, values in self.stats.items()}
        daily = None if self.daily is None else self.daily[number]
        return QuickResult(self.params[number], stats, daily, self.refused.get(number, ""))

    def __iter__(self) -> Iterator[QuickResult]:
        return (self[n] for n in range(len(self)))

    def order(self, metric: str = "sharpe", *, lower: bool | None = None) -> list[int]:
        """Numbers of the sets, the best first; those without a value are left out. `lower`: whether less is better."""
        values = self[metric]
        less = metric in LOWER_IS_BETTER if lower is None else lower
        ranked = np.argsort(values if less else -values, kind="stable")
        return [int(n) for n in ranked if not np.isnan(values[n])]

    def best(self, metric: str = "sharpe", *, lower: bool | None = None) -> QuickResult:
        """The best set. Raises ConfigError where none has a value."""
        ranked = self.order(metric, lower=lower)
        if not ranked:
            said = next(iter(self.refused.values()), "nothing was traded")
            raise ConfigError(f"no parameter set has a {metric}: {said}")
        found: QuickResult = self[ranked[0]]
        return found

    def frame(self) -> Any:
        """A pandas frame: parameters, then statistics."""
        import pandas as pd

        names = list(dict.fromkeys(name for given in self.params for name in given))
        columns = {name: [given.get(name) for given in self.params] for name in names}
        return pd.DataFrame({**columns, **{n: v for n, v in self.stats.items() if n not in columns}})

    def __repr__(self) -> str:
        lines = [f"QuickRuns: {len(self)} parameter sets over {len(self.quick):,} bars of {self.quick.symbol}"]
        if self.refused:
            lines.append(f"{len(self.refused)} refused, the first: {next(iter(self.refused.values()))}")
        return "\n".join(
            [*lines, *(f"  {dict(self.params[n])}: sharpe {self['sharpe'][n]:.3f}" for n in self.order()[:5])]
        )
