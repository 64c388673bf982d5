"""The schema of a configuration: every key, its meaning, its default, and which parts each mode is made of.

Rules: unknown keys are errors; a configuration is frozen; a key without a value means its default, but where null has a
meaning of its own. Models hold what was asked for and build nothing: `session.py` does.
Limits: the parts of paper, live and collect are checked for their kind only; their venues come with their own issues.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from onepath.config.accounts import AccountConfig
from onepath.config.connection import ConnectionConfig
from onepath.config.costs import Commission, Faults, Latency, NoCommission, NoSlippage, Queue, Slippage, ThroughQueue
from onepath.config.features import Features
from onepath.config.isolation import IsolationConfig
from onepath.config.quality import QualityConfig
from onepath.config.risk import Risk, RiskLimits
from onepath.config.values import (
    UNITS,
    Amount,
    Free,
    Interval,
    Moment,
    Names,
    Part,
    Positive,
    Share,
    factor,
    interval_ns,
    names,
    nanoseconds,
    wrong,
)
from onepath.isolation import Isolation


class Clock(Part):
    """Where time comes from."""

    type: Literal["historical", "realtime"] = "historical"
    """historical: time is that of the data; realtime: that of the machine"""
    start_date: Moment | None = None
    """first day (or moment, UTC) of the data to use; default: all there is"""
    end_date: Moment | None = None
    """last day, included (or last moment, UTC); default: all there is"""
    speed: Annotated[Literal["max"] | float, BeforeValidator(factor)] = "max"
    """max, or a multiple of real time: 10 or 10x"""
    market_hours_only: bool = False
    """true: events outside the calendar's sessions are left out"""

    @property
    def start_ns(self) -> int | None:
        """The first nanosecond asked for."""
        return None if self.start_date is None else nanoseconds(self.start_date)

    @property
    def end_ns(self) -> int | None:
        """The nanosecond at which the data ends: bars that start before it belong to it."""
        if self.end_date is None:
            return None
        whole_day = 0 if isinstance(self.end_date, dt.datetime) else UNITS["d"]
        return nanoseconds(self.end_date) + whole_day

    @model_validator(mode="after")
    def _in_order(self) -> Clock:
        if self.start_ns is not None and self.end_ns is not None and self.start_ns >= self.end_ns:
            raise wrong("end_date", f"a day after start_date ({self.start_date})")
        return self


class InstrumentConfig(Part):
    """What a symbol is; what is left out is as its asset class says."""

    asset_class: str | None = None
    """equity, crypto, perpetual, future, fx or generic; default: data.asset_class"""
    currency: str | None = None
    """what it is priced and paid in; default: USD"""
    base: str | None = None
    """of crypto and currency pairs, what one unit is (BTC of BTCUSDT): its price is then a rate, and fees may be taken in it"""
    multiplier: Positive | None = None
    """what one unit is worth at price one; default: 1"""
    tick_size: Amount | None = None
    """increment of prices; 0: none"""
    lot_size: Positive | None = None
    """increment of quantities"""
    min_notional: Amount | None = None
    """least value of an order"""
    calendar: str | None = None
    """its trading calendar; default: data.calendar"""


class UniverseFilter(Part):
    """Who of a universe is looked at: by its file's metadata, and by what was traded in the sessions before the present one."""

    where: Free = Field(default_factory=dict)
    """by column of the file: a value, a list of values, or {least: ..., most: ...}"""
    days: Annotated[int, Field(ge=1)] | None = None
    """sessions that averages are taken over; default: 20"""
    min_dollar_volume: Amount | None = None
    """least average of price times volume a session"""
    min_price: Amount | None = None
    """least last close"""
    top: Annotated[int, Field(ge=1)] | None = None
    """only so many, those with the highest average; default: all"""


Kinds = Annotated[tuple[Literal["bars", "quotes", "trades", "book"], ...], BeforeValidator(names), Field(min_length=1)]

HISTORY = ("parquet", "csv", "dataset")


class Data(Part):
    """Where market data comes from."""

    type: Literal["historical", "realtime", "session"] = "historical"
    """historical: files; realtime: a venue's stream; session: what another session recorded"""
    source: str | None = None
    """historical: parquet, csv or dataset (default: by what is given); realtime: the venue's name, such as binance"""
    path: str | None = None
    """file or folder, relative to the workspace; for parquet and csv"""
    name: str | None = None
    """a dataset's name, as `onepath data list` shows it"""
    id: str | None = None
    """the recorded session to read, for type session: its id, the beginning of it, or last"""
    feed: str | None = None
    """which feed of the venue, such as iex or sip"""
    url: str | None = None
    """realtime: another address that speaks the venue's protocol, such as that of `onepath venue`"""
    kinds: Kinds | None = None
    """realtime: what to subscribe to, of bars, quotes, trades and book; default: bars and trades, so that a strategy of bars is
    executed on trades"""
    history: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """realtime: bars of each symbol to begin with; auto: as many as the strategies ask for"""
    connection: ConnectionConfig = ConnectionConfig()
    """realtime: how a connection to the venue's streams behaves"""
    symbols: Names | None = None
    """what to read; default: every symbol there is"""
    stamps: Literal["start", "end"] | None = None
    """whether a file's time stamps are the start or the end of its bars; default: as the file or dataset says"""
    asset_class: str | None = None
    """equity, crypto, perpetual, future, fx or generic: what the instruments are taken to be; default: as the dataset says"""
    calendar: str | None = None
    """trading calendar, such as XNYS or 24/7; default: as the dataset or asset class says"""
    interval: Interval | None = None
    """length of a bar, such as 1m, 1h, 1d; default: found in the data"""
    universe: str | None = None
    """file of the universe (symbol, from, to, metadata), relative to the workspace: all that are ever members are read, and
    strategies see in `context.universe` who is one at the time"""
    filter: UniverseFilter | None = None
    """who of the universe is looked at"""
    actions: str | None = None
    """file of corporate actions (splits, dividends, ...), relative to the workspace; the prices must be raw"""
    adjust: Literal["none", "splits", "all"] = "none"
    """prices as they are read: raw (none), or scaled by the splits, or by the splits and cash dividends (all), of data.actions"""
    as_of: Moment | None = None
    """the day up to which actions are known that adjust prices; later ones stay events; default: the last day of the data"""
    adjust_dividends: bool = False
    """true: cash dividends are taken out of the past prices that features see, as splits always are"""
    finer: str | None = None
    """finer bars of the same symbols: a file or folder, relative to the workspace, or a dataset's name; the venue follows their
    path inside each bar, which otherwise is taken to be the worst; strategies do not see them"""
    instruments: dict[str, InstrumentConfig] = Field(default_factory=dict)
    """by symbol: what is not as the asset class says, such as its currency"""
    kind: Literal["bars", "quotes", "trades", "book"] | None = None
    """what the data is; default: found from the columns; of a dataset with several kinds, the one to read"""
    crossed: Literal["refuse", "drop"] | None = None
    """quotes whose bid is above their ask: refuse the data, or drop those quotes and say how many; default: refuse"""
    sides: Literal["both", "one"] | None = None
    """one: rows of quotes carry one side, and the other is carried forward; default: both"""
    quality: QualityConfig | None = None
    """faults of bars: reject or flag all sorts, or a word for each; default: what cannot be is refused, what is odd stays"""
    filled: Literal["use", "leave_out"] | None = None
    """bars that were put in where none was published (quality gaps: fill, at import): use them or leave them out; default: use"""
    time: str | None = None
    """the column that says when ticks are known, where a file has several columns of times"""

    @property
    def interval_ns(self) -> int | None:
        """The bar's length, where it was given."""
        return None if self.interval is None else interval_ns(self.interval)

    @model_validator(mode="before")
    @classmethod
    def _source(cls, values: Any) -> Any:
        """The source that the other keys imply."""
        if not isinstance(values, Mapping) or values.get("source") or values.get("type", "historical") != "historical":
            return values
        if values.get("name"):
            return {**values, "source": "dataset"}
        path = str(values.get("path") or "")
        return {**values, "source": "csv" if path.endswith((".csv", ".csv.gz")) else "parquet"} if path else values

    @model_validator(mode="after")
    def _complete(self) -> Data:
        if self.type == "historical":
            self._history()
        elif self.type == "realtime" and not self.source:
            raise wrong("source", "the name of a venue, such as binance, when data.type is realtime")
        elif self.type == "realtime" and self.universe:
            raise wrong("universe", "no data.universe in real time: name the members of today under data.symbols")
        elif self.type == "session" and not self.id:
            raise wrong("id", "the id of a recorded session when data.type is session")
        elif self.type == "session" and self.symbols:
            raise wrong(
                "symbols",
                "no data.symbols: a recorded session brings all of its own (a strategy's are under strategies)",
            )
        return self

    def _history(self) -> None:
        if self.source is None:
            raise wrong("path", "a path to Parquet or CSV files, or a dataset's name under data.name")
        if self.source not in HISTORY:
            raise PydanticCustomError(
                "parts", "{expected}", {"key": "source", "expected": "parquet, csv or dataset", "names": HISTORY}
            )
        if self.source == "dataset" and not self.name:
            raise wrong("name", "the name of a dataset (`onepath data list` shows them)")
        if self.source != "dataset" and not self.path:
            raise wrong("path", f"the path of the {self.source} data")
        if self.adjust != "none" and not self.actions:
            raise wrong("actions", "a file of corporate actions under data.actions, because data.adjust asks for them")
        if self.filter is not None and not self.universe:
            raise wrong("filter", "data.universe beside data.filter: a filter chooses among the members of a universe")


class Execution(Part):
    """Who executes orders, and what a simulated fill may assume."""

    type: Literal["simulated", "broker"] = "simulated"
    """simulated: no order leaves the process; broker: a real account"""
    broker: str | None = None
    """the broker's name, such as alpaca"""
    endpoint: Literal["paper", "live"] | None = None
    """which account of the broker"""
    slippage: Slippage = NoSlippage(model="none")
    """how much worse than the market's price a fill is"""
    latency: Latency = Latency()
    """how long an order is on its way, and a report back"""
    commission: Commission = NoCommission(model="none")
    """what a fill costs"""
    participation: Share | None = Decimal("0.1")
    """share of a bar's volume that all orders of the bar may take together; null: no limit"""
    limit_fill: Literal["through", "touch"] = "through"
    """through: a limit fills when the price trades beyond it; touch: when it is reached"""
    dividends: Literal["reduce", "keep"] = "reduce"
    """reduce: open buy limits and sell stops are lowered by a cash dividend; keep: they stay (do not reduce)"""
    reverse_splits: Literal["restate", "cancel"] = "restate"
    """what becomes of open orders at a reverse split"""
    queue: Queue = ThroughQueue(model="through")
    """where a resting limit stands in the line at its price, where trades, quotes or books are the data (bars: limit_fill)"""
    account: AccountConfig = AccountConfig()
    """on what terms each strategy's account is kept"""
    faults: Faults = Faults()
    """what goes wrong at the venue: rejections, outages, late reports"""


class StrategyConfig(Part):
    """One strategy of the session, with a book of its own."""

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_\-]*$", max_length=64)
    """its name in the session; without `class`, also which registered strategy it is, such as mean_reversion_v1"""
    class_path: str | None = Field(default=None, alias="class")
    """where its code is: package.module:Class, file.py, file.py:Class, or a registered name"""
    enabled: bool = True
    """false: leave it out"""
    capital: Positive
    """the cash it starts with"""
    symbols: Names | None = None
    """the symbols it sees and trades; default: all of the session"""
    params: Free = Field(default_factory=dict)
    """its parameters, checked against the strategy's own schema (`onepath strategies` shows it)"""
    risk_limits: RiskLimits = RiskLimits()
    """what it may do"""

    @property
    def source(self) -> str:
        """What the registry is asked for."""
        return self.class_path or self.name


class Recovery(Part):
    """How a session in real time survives a crash: its journal is the truth, snapshots make the way back shorter."""

    snapshots: Interval = "10s"
    """how often all state is saved beside the journal; auto: never, and recovery replays the whole journal"""

    @property
    def snapshots_ns(self) -> int | None:
        """The interval; None: never."""
        return None if self.snapshots == "auto" else interval_ns(self.snapshots)


class Report(Part):
    """The tear sheet."""

    path: str | None = None
    """where to write it, relative to the workspace; default: report.html beside the journal"""


PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "backtest": {"clock": ("historical",), "data": ("historical", "session"), "execution": ("simulated",)},
    "paper": {"clock": ("realtime",), "data": ("realtime",), "execution": ("simulated",)},
    "live": {"clock": ("realtime",), "data": ("realtime",), "execution": ("broker",)},
    "collect": {"clock": ("realtime",), "data": ("realtime",), "execution": ("simulated",)},
}
"""Each mode as a table of parts: what `type` of each it runs with; the first is the default."""
MODES = tuple(PARTS)


class Config(Part):
    """A session of onepath."""

    mode: Literal["backtest", "paper", "live", "collect"] = "backtest"
    """backtest: history, simulated; paper: live data, simulated; live: a real account; collect: record live data"""
    seed: int = Field(default=0, ge=0)
    """seed of everything random, such as latency"""
    clock: Clock = Clock()
    """where time comes from"""
    data: Data
    """where market data comes from"""
    execution: Execution = Execution()
    """who executes orders"""
    strategies: tuple[StrategyConfig, ...] = ()
    """the strategies of the session, each with its own capital"""
    isolation: IsolationConfig | None = None
    """what a strategy may use up before it is quarantined; default: as each key says"""
    risk: Risk = Risk()
    """limits of the account and of symbols, circuit breakers; each strategy's own are under strategies"""
    features: Features = Features()
    """how features are computed"""
    marks: Interval = "auto"
    """how often the books are valued for curves: auto, or an interval such as 1m, 1h, 1d"""
    recovery: Recovery = Recovery()
    """how a session in real time survives a crash"""
    report: Report = Report()
    """the tear sheet"""

    _secrets: dict[tuple[str | int, ...], str] = PrivateAttr(default_factory=dict)
    _lines: dict[tuple[str | int, ...], str] = PrivateAttr(default_factory=dict)

    @property
    def active(self) -> tuple[StrategyConfig, ...]:
        """The strategies that run: those that are enabled; collecting data runs none."""
        return () if self.mode == "collect" else tuple(strategy for strategy in self.strategies if strategy.enabled)

    def isolated(self, symbols: int) -> Isolation | None:
        """What each strategy may use up in a session of so many symbols; None: as much as it likes."""
        realtime = self.clock.type == "realtime"
        if self.isolation is None and not realtime:
            return None
        return (self.isolation or IsolationConfig()).isolation(realtime=realtime, symbols=symbols)

    @property
    def marks_ns(self) -> int | None:
        """The interval of valuations; None for auto."""
        return None if self.marks == "auto" else interval_ns(self.marks)

    def where(self, *path: str | int) -> str:
        """Where the key at `path` stands, as `file:line`, for messages; empty if it came from no file."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, "")

    def as_manifest(self) -> dict[str, Any]:
        """All that was asked for, as JSON: equal configurations give equal bytes, and no secret is in it."""
        manifest: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        for path, text in self._secrets.items():
            *parents, last = path
            node: Any = manifest
            for key in parents:
                node = node[key]
            node[last] = text
        return manifest

    @model_validator(mode="before")
    @classmethod
    def _types(cls, values: Any) -> Any:
        """The types that a mode implies stand for those that were left out."""
        if not isinstance(values, Mapping) or str(values.get("mode", "backtest")) not in PARTS:
            return values
        implied = {part: types[0] for part, types in PARTS[str(values.get("mode", "backtest"))].items()}
        filled = {
            part: {"type": kind, **_typed(values.get(part))} for part, kind in implied.items() if _open(values, part)
        }
        return {**values, **filled}

    @model_validator(mode="after")
    def _of_one_mode(self) -> Config:
        for part, types in PARTS[self.mode].items():
            found = getattr(self, part).type
            if found not in types:
                raise wrong(f"{part}.type", f"{' or '.join(types)}, because mode {self.mode} needs a {types[0]} {part}")
        self._strategies_fit()
        if self.mode == "live" and not (self.execution.broker and self.execution.endpoint):
            missing = "endpoint" if self.execution.broker else "broker"
            raise wrong(f"execution.{missing}", f"execution.{missing}, because mode live sends orders to an account")
        return self

    def _strategies_fit(self) -> None:
        seen: set[str] = set()
        for index, strategy in enumerate(self.strategies):
            if strategy.name in seen:
                raise wrong(f"strategies.{index}.name", "a name that no other strategy of the session has")
            seen.add(strategy.name)
        if not self.active and self.mode != "collect":
            raise wrong("strategies", f"at least one enabled strategy, because mode {self.mode} runs strategies")


def _typed(part: Any) -> dict[str, Any]:
    return {key: value for key, value in (part or {}).items() if not (key == "type" and value is None)}


def _open(values: Mapping[str, Any], part: str) -> bool:
    """Whether a part's type may be filled in: it is a mapping, or left out where a default exists."""
    return isinstance(values.get(part), Mapping) or (values.get(part) is None and part != "data")
