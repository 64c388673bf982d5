"""`QuickBacktest`: one symbol, many parameter sets, a compiled pass each; what the engine gives, a hundred times sooner.

Rules: costs that are a share of value, market orders, fills at the next open, books, valuations and statistics as in the engine:
equal trades, equity equal but for the rounding of floats (1e-9). What does not fit its assumptions it refuses, with the reason:
before the run by `eligible`, in the run by setting the parameter set aside (`runs.refused`). `verify` proves it on the engine.
Limits: one symbol a run, one strategy, bars; no limit or stop orders, no delays, no corporate actions.
Cost: 2 to 6 ns a bar and parameter set compiled, statistics included, after some seconds once for a new strategy's code; 2 us
without numba. Memory: the bars, a stretch of every column, 0.5 KB a parameter set, whatever their number times the bars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Self

import numpy as np

from onepath.context import BAND, Number
from onepath.errors import ConfigError, StrategyError
from onepath.features import compiled as numba_of
from onepath.features.definition import FIELDS, Feature
from onepath.instruments import exact
from onepath.research import quickpass as q
from onepath.research.quickbars import Bars, Floats, Marks, arrays_feed, bars_of, marks_of
from onepath.research.quickcolumns import Columns
from onepath.research.quickfit import unfit, unfit_plan
from onepath.research.quickloop import Loop, loop_of
from onepath.research.quickruns import QuickResult, QuickRuns
from onepath.research.quickstats import statistics
from onepath.risk import Limits
from onepath.session import Plan
from onepath.strategy import Strategy
from onepath.targets import TargetStrategy, Wire, sized_by_weight, wires

STRETCH = 16_384
"""bars that are worked through for every parameter set before the next ones"""
LOTS_AT_FIRST = 16
WORTH_COMPILING = 1_000_000
"""bars times parameter sets from which numba is loaded: two seconds of Python"""
Told = Callable[[int, int], None]


class Asked(NamedTuple):
    """One parameter set: where its arguments come from, and its features by name."""

    wires: Sequence[Wire]
    features: Mapping[str, Feature]


class Work(NamedTuple):
    """A function and all the ways in which it is to be asked."""

    target: Callable[..., float]
    asked: Sequence[Asked]
    by_weight: bool
    band: Number
    limits: Limits | None = None
    """of the strategy; None: those of the plan"""
    columns: Mapping[str, Floats] = {}
    """columns that were given, by the name of an argument: (n, k)"""


class QuickBacktest:
    """Backtests of one symbol over arrays, compiled.

    `data` (also arrays by field: time, open, high, low, close, volume), `start`, `end`, `instruments`, `asset_class`, `calendar`,
    `stamps`, `cash`, `participation` and `marks` as in `onepath.backtest`; `symbol` where the data have several. `commission` and
    `slippage` are shares of value (0.001 = 10 bps), or a model that is one (`Bps`, `FixedBps`). `compiled` False runs in Python:
    the same numbers, slower; None: as it pays.

    Raises ConfigError for what it cannot do, with the reason.

    >>> quick = QuickBacktest("us10", symbol="AAPL", commission=0.001)
    >>> runs = quick.sweep(Cross, [{"fast": fast, "slow": 50} for fast in range(5, 45, 5)])
    >>> runs.best("sharpe").params
    """

    def __init__(
        self,
        data: Any,
        *,
        symbol: str | None = None,
        cash: Number = 100_000,
        commission: Any = 0.0,
        slippage: Any = 0.0,
        participation: Number | None = "0.1",
        start: Any = None,
        end: Any = None,
        instruments: Any = None,
        asset_class: str | None = None,
        calendar: str | None = None,
        stamps: str = "start",
        marks: str | None = None,
        compiled: bool | None = None,
    ) -> None:
        from onepath.backtest import plan
        from onepath.data import open_feed

        what = {"instruments": instruments, "asset_class": asset_class, "calendar": calendar, "stamps": stamps}
        named = {**what, "start": start, "end": end}
        plain = arrays_feed(data, symbol or "SYMBOL", named) if _is_arrays(data) else None
        feed = plain or open_feed(_table_of(data), symbols=None if symbol is None else [symbol], **named)
        bars = bars_of(feed)
        costs = {"commission": commission, "slippage": slippage, "participation": participation}
        self._begin(bars, plan(Strategy, bars.feed(), cash, marks=marks, **costs), compiled)
        self._free = True

    @classmethod
    def of_plan(cls, plan: Plan, *, compiled: bool | None = None) -> Self:
        """The same for a plan of a session: its data, capital, limits and costs. Raises ConfigError with the reason."""
        made = cls.__new__(cls)
        made._begin(bars_of(plan.feed), plan, compiled)
        return made

    @classmethod
    def each(cls, data: Any, symbols: Sequence[str] | None = None, **how: Any) -> dict[str, Self]:
        """One for each symbol of the data, every one with a book and `cash` of its own."""
        from onepath.data import open_feed

        what = {name: how[name] for name in ("start", "end", "instruments", "asset_class", "calendar") if name in how}
        names = symbols or list(open_feed(data, **what).instruments)
        return {symbol: cls(data, symbol=symbol, **how) for symbol in names}

    def _begin(self, bars: Bars, plan: Plan, compiled: bool | None) -> None:
        reason = unfit_plan(plan)
        if reason:
            raise ConfigError(reason)
        self.bars = bars
        self.plan = plan
        self.capital = float(plan.strategies[0].capital)
        self.marks: Marks = marks_of(bars, plan.mark_every)
        self._compiled = compiled
        self._free = False
        """whether strategies bring their own limits, because no plan has said which hold"""

    @property
    def symbol(self) -> str:
        return self.bars.symbol

    def __len__(self) -> int:
        return len(self.bars.at)

    # -- what can be run

    def run(self, strategy: TargetStrategy | type[TargetStrategy], *, daily: bool = False) -> QuickResult:
        """One strategy with its parameters. Raises StrategyError where the run leaves what is assumed here."""
        made = strategy() if isinstance(strategy, type) else strategy
        params = {name: getattr(made.params, name) for name in made.params.__struct_fields__}
        result: QuickResult = self._swept(type(made), [params], [made], daily, None)[0]
        if result.refused:
            raise StrategyError(result.refused)
        return result

    def sweep(
        self,
        strategy: type[TargetStrategy],
        params: Sequence[Mapping[str, Any]],
        *,
        daily: bool = False,
        told: Told | None = None,
    ) -> QuickRuns:
        """Every parameter set over all bars. `daily` keeps the daily returns too (`runs.daily`, a row a set); `told` hears how
        many bars are done, of how many. Raises StrategyError for parameters or arguments that are not valid."""
        return self._swept(strategy, [dict(given) for given in params], None, daily, told)

    def weights(self, targets: Any, *, sized: str = "weight", band: Number = BAND, daily: bool = False) -> QuickRuns:
        """Targets that are there already: (n,) or (n, k), known at the close of each bar; NaN leaves the position as it is.
        `sized`: "weight" of equity or "quantity" of units."""
        table = self._table(targets, "targets")
        if sized not in ("weight", "quantity"):
            raise ConfigError(f"sized is {sized!r}; expected weight or quantity")
        asked = [Asked((Wire("wanted", "column", float(n)),), {}) for n in range(table.shape[1])]
        work = Work(_as_given, asked, sized == "weight", band, columns={"wanted": table})
        return self._ran(
            work, [{"column": n} for n in range(table.shape[1])], daily, None, ("targets", table, sized, band)
        )

    def signals(
        self,
        entries: Any,
        exits: Any,
        *,
        size: float = 1.0,
        sized: str = "weight",
        band: Number = BAND,
        daily: bool = False,
    ) -> QuickRuns:
        """Long where `entries` say so, until `exits` do: (n,) or (n, k) of bool. Where both say so, out. `size` is the weight of
        equity, or with `sized="quantity"` the units."""
        enters, leaves = self._table(entries, "entries"), self._table(exits, "exits")
        if enters.shape != leaves.shape:
            raise ConfigError(f"entries are {enters.shape} and exits {leaves.shape}; they must be of one shape")
        wanted = np.where(leaves != 0.0, 0.0, np.where(enters != 0.0, size, math.nan))
        return self.weights(wanted, sized=sized, band=band, daily=daily)

    # -- how

    def _plan_of(self, work: Work) -> Plan:
        """The session's parts with the limits that hold."""
        seat = self.plan.strategies[0]
        return self.plan if work.limits is None else self.plan._replace(strategies=[seat._replace(limits=work.limits)])

    def _table(self, values: Any, what: str) -> Floats:
        table = np.asarray(values, dtype=np.float64)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or len(table) != len(self):
            raise ConfigError(
                f"{what} are of shape {table.shape}; expected ({len(self)},) or ({len(self)}, k): a row a bar"
            )
        return table

    def _swept(
        self, strategy: type[TargetStrategy], params: list[dict[str, Any]], made: Any, daily: bool, told: Told | None
    ) -> QuickRuns:
        if not isinstance(strategy, type) or not issubclass(strategy, TargetStrategy):
            raise StrategyError(f"QuickBacktest takes a TargetStrategy, not {strategy!r}: use onepath.backtest")
        reason = unfit(strategy)
        if reason:
            raise StrategyError(reason)
        asked = []
        for one in made or (strategy.make(given) for given in params):
            features = one.features()
            asked.append(Asked(wires(one, features), features))
        work = Work(
            strategy.target, asked, sized_by_weight(strategy), strategy.band, strategy.limits if self._free else None
        )
        return self._ran(work, params, daily, told, strategy)

    def _ran(self, work: Work, params: list[dict[str, Any]], daily: bool, told: Told | None, origin: Any) -> QuickRuns:
        plan = self._plan_of(work)
        run = _Run(self, plan, work, daily)
        run.through(told)
        table = statistics(run.states, self.capital, run.periods, run.spans)
        if run.refused:
            for values in table.values():
                values[list(run.refused)] = math.nan
        counts = {"denied": run.states[:, q.DENIED].copy(), "cut": run.states[:, q.CUT].copy()}
        return QuickRuns(
            self, plan, origin, params, {**table, **counts}, run.refused, run.daily if daily else None, self.marks.dates
        )


class _Run:
    """One sweep under way."""

    def __init__(self, quick: QuickBacktest, plan: Plan, work: Work, daily: bool) -> None:
        from onepath.calendars import get

        self.bars, self.marks, self.work = quick.bars, quick.marks, work
        first, last = int(quick.bars.at[0]), int(quick.bars.at[-1])
        self.origin = min(first, int(quick.marks.at[0]) - 1)
        self.spans = float(first - self.origin), float(last - self.origin)
        self.periods = float(get(quick.bars.instrument.calendar).periods_per_year)
        self.refused: dict[int, str] = {}
        count = len(work.asked)
        self.fast = _pays(quick._compiled, len(quick.bars.at) * count)
        self.states = _fresh(count, quick.capital)
        self.lots = [np.zeros(LOTS_AT_FIRST * q.EACH) for _ in range(count)]
        self.daily = np.zeros((count, len(quick.marks.dates) if daily else 0))
        self.terms = _terms(plan, quick.bars, work, self.spans[1])
        features = dict.fromkeys(f for a in work.asked for f in a.features.values())
        self.columns = Columns(features, quick.bars, compiled=self.fast)
        self.loop: Loop = loop_of(work.target, len(work.asked[0].wires) if count else 1, compiled=self.fast)

    def through(self, told: Told | None) -> None:
        """All stretches, and the end of the last day."""
        total = len(self.bars.at)
        for first in range(0, total, STRETCH):
            self._stretch(first, min(total, first + STRETCH))
            if told is not None:
                told(min(total, first + STRETCH), total)
        for k in range(len(self.states)):
            if k not in self.refused:
                q.close_day(self.states[k], self.daily[k])

    def _stretch(self, first: int, last: int) -> None:
        bars, marks = self.bars, self.marks
        fields = {name: np.ascontiguousarray(bars.fields[name][first:last]) for name in FIELDS}
        starts = (bars.start[first:last] - self.origin).astype(np.float64)
        a, b = np.searchsorted(marks.after, (first, last))
        found = (
            marks.after[a:b] - first,
            (marks.at[a:b] - self.origin).astype(np.float64),
            marks.day[a:b].astype(np.float64),
            np.ascontiguousarray(marks.moved[a:b]),
        )
        market = (starts, fields["close"], tuple(fields[name] for name in ("open", "high", "low", "volume")), found)
        values = self.columns.over(first, last, fields)
        given = {name: table[first:last] for name, table in self.work.columns.items()}
        for k, asked in enumerate(self.work.asked):
            if k not in self.refused:
                self._one(k, self._read(k, asked, fields, values, given), market, first)

    def _read(
        self,
        k: int,
        asked: Asked,
        fields: Mapping[str, Floats],
        values: Mapping[Feature, Floats],
        given: Mapping[str, Floats],
    ) -> tuple[tuple[Floats | None, ...], tuple[float | None, ...]]:
        """Each argument's column, or its number; neither for what is held."""
        columns: list[Floats | None] = []
        for name, kind, _ in asked.wires:
            if kind == "feature":
                columns.append(values[asked.features[name]])
            elif kind == "field":
                columns.append(fields[name])
            else:
                columns.append(np.ascontiguousarray(given[name][:, k]) if kind == "column" else None)
        return tuple(columns), tuple(wire.value if wire.kind == "param" else None for wire in asked.wires)

    def _one(self, k: int, read: Any, market: Any, first: int) -> None:
        state, size, begin = self.states[k], len(market[1]), 0
        while True:
            begin = self.loop(*read, *market, state, self.lots[k], self.terms, self.daily[k], begin)
            if begin >= size:
                return
            if state[q.CODE] != q.FULL:
                self.refused[k] = self._why(state, first + begin)
                return
            self.lots[k] = _doubled(self.lots[k], state)

    def _why(self, state: Floats, bar: int) -> str:
        from onepath.research.quickfit import why

        return why(float(state[q.CODE]), self.bars, bar, float(state[q.ORDER] * self.terms[q.LOT]), self.terms)


def _is_arrays(data: Any) -> bool:
    """Whether these are arrays by field, rather than frames by symbol."""
    return isinstance(data, Mapping) and {"open", "high", "low", "close"} <= data.keys()


def _table_of(data: Any) -> Any:
    """Arrays by field as a table; all else as it is."""
    if _is_arrays(data):
        import pyarrow as pa

        return pa.table({str(name): np.asarray(values) for name, values in data.items()})
    return data


def _pays(wished: bool | None, values: int) -> bool:
    if wished is not None or not numba_of.installed():
        if wished and not numba_of.installed():
            raise ConfigError("compiled=True needs numba: pip install 'onepath[fast]'")
        return bool(wished)
    return values >= WORTH_COMPILING


def _fresh(count: int, capital: float) -> Floats:
    states = np.zeros((count, q.SIZE))
    states[:, (q.CASH, q.EQUITY, q.PEAK, q.HIGH, q.BASE)] = capital
    states[:, (q.CALM, q.MARKED_CASH)] = math.nan
    states[:, (q.GROWN, q.DAY)] = 1.0, -1.0
    states[:, (q.BEST, q.WORST)] = -math.inf, math.inf
    return states


def _terms(plan: Plan, bars: Bars, work: Work, last: float) -> Floats:
    market, seat, instrument = plan.market, plan.strategies[0], bars.instrument
    cost = market.expected_cost if plan.expected_cost is None else plan.expected_cost
    part = market.participation
    given: dict[int, float | Decimal] = {
        q.MULTIPLIER: instrument.multiplier,
        q.LOT: instrument.lot_size,
        q.TICK: instrument.tick_size,
        q.FEE: market.commission.rate,
        q.SLIP: market.slippage.typical,
        q.PART: 0.0 if part is None else part,
        q.COST: 1 + cost,
        q.BAND: exact(work.band),
        q.LEVERAGE: seat.limits.max_leverage,
        q.LEAST: instrument.min_notional,
        q.BY_WEIGHT: float(work.by_weight),
        q.VOLUMES: float(bars.volumes),
        q.LAST_AT: last,
    }
    terms = np.zeros(q.TERMS)
    for place, value in given.items():
        terms[place] = float(value)
    return terms


def _doubled(lots: Floats, state: Floats) -> Floats:
    """Room for twice as many open lots, the oldest first."""
    size, head = len(lots) // q.EACH, int(state[q.HEAD])
    table = np.roll(lots.reshape(size, q.EACH), -head, axis=0)
    state[q.HEAD] = 0.0
    return np.concatenate((table.ravel(), np.zeros(size * q.EACH)))


def _as_given(wanted: float) -> float:
    return wanted
