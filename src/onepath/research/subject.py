"""What is tried: a backtest whose parameters are open. Built once, sent to every process, run once a trial.

Rules: a trial runs through the same session, engine, venue and report as `onepath run`; only its journal is in memory. Each trial
begins from a new copy of everything but the market data, which all share and nobody can change. What a trial says of itself is
a function of its parameters, the code, the data and the costs: of nothing else.
Limits: Parquet bars are read into memory once (up to 20 million); ticks and larger data are streamed by each trial. Windows of
walk-forward need bars.
"""

from __future__ import annotations

import hashlib
import inspect
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from onepath.errors import ConfigError, OnepathError, StrategyError

if TYPE_CHECKING:
    from onepath.config import Config
    from onepath.report.record import SessionRecord
    from onepath.session import Outcome, Plan
    from onepath.strategy import Strategy

_OPEN: Any = None
"""in the place of a strategy that is still to be made"""
IN_MEMORY = 20_000_000
"""bars that are read into memory, 56 bytes each"""


class Recipe(NamedTuple):
    """How a process finds a strategy's class: by what the configuration calls it, or the class itself; and what its parameters
    are where a trial says nothing."""

    wanted: str
    home: str
    found: type[Strategy] | None
    params: Mapping[str, Any]

    def cls(self) -> type[Strategy]:
        return _resolved(self.wanted, self.home) if self.found is None else self.found

    def made(self, changes: Mapping[str, Any]) -> Strategy:
        """An instance. Raises StrategyError for parameters that do not fit."""
        return self.cls().make({**self.params, **changes})


@cache
def _resolved(wanted: str, home: str) -> type[Strategy]:
    from onepath import registry

    return registry.resolve(wanted, Path(home))


class Window(NamedTuple):
    """A part of the data, in nanoseconds: `warm` to `start` is shown without asking for orders, `start` to `end` is traded."""

    warm: int
    start: int
    end: int


class Found(msgspec.Struct, frozen=True):
    """What came of a trial. `status` is ok, failed (by the strategy's own fault, and so every time) or broken (by ours, or the
    machine's: it is not put into the log, and tried again the next time). Days since 1970 (int32) and their returns
    (float32) are little-endian."""

    status: str
    error: str = ""
    stats: dict[str, float | None] = {}
    days: bytes = b""
    returns: bytes = b""
    periods: float = 0.0
    how: str = "engine"


class Subject:
    """A backtest with open parameters."""

    def __init__(self, plan: Plan, recipes: Sequence[Recipe], names: Sequence[str]) -> None:
        self.recipes = tuple(recipes)
        self.names = tuple(names)
        self._plan = plan._replace(
            strategies=[seat._replace(strategy=_OPEN) for seat in plan.strategies], feed=loaded(plan.feed)
        )

    @property
    def plan(self) -> Plan:
        """The session's parts; the strategies are still to be made."""
        return self._plan

    def made(self, changes: Mapping[int, Mapping[str, Any]]) -> list[Strategy]:
        """The strategies of a trial. Raises StrategyError where the parameters do not fit together."""
        return [recipe.made(changes.get(seat, {})) for seat, recipe in enumerate(self.recipes)]

    def params(self, changes: Mapping[int, Mapping[str, Any]]) -> list[Any]:
        """All parameters of a trial, as plain values."""
        return [msgspec.to_builtins(strategy.params) for strategy in self.made(changes)]

    def tried(self, changes: Mapping[int, Mapping[str, Any]], window: Window | None = None) -> Found:
        """Run one trial. What goes wrong in the strategy is told, not raised."""
        try:
            record, outcome = self.ran(changes, window)
        except OnepathError as error:
            return Found("failed", str(error))
        except Exception as error:  # our own fault, and no reason for the other trials to end
            last = traceback.extract_tb(error.__traceback__)[-1]
            return Found("broken", f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})")
        if outcome.errors:
            return Found("failed", outcome.errors[0])
        return measured(record)

    def ran(
        self, changes: Mapping[int, Mapping[str, Any]], window: Window | None = None
    ) -> tuple[SessionRecord, Outcome]:
        """Run one trial to its record; of a window, from the window's start on."""
        from onepath.journal.memory import MemoryJournal
        from onepath.report.record import read
        from onepath.session import Session

        plan = self._of(changes, window)
        journal = MemoryJournal("trial")
        outcome = Session(plan, journal).run()
        if outcome.status == "stopped":  # a session takes Ctrl-C for its end; half a trial is none
            raise KeyboardInterrupt
        record = read(journal)
        return (record if window is None else since(record, window.start)), outcome

    def _of(self, changes: Mapping[int, Mapping[str, Any]], window: Window | None) -> Plan:
        from onepath.research.windows import cut

        plan = self._plan
        seats = [seat._replace(strategy=made) for seat, made in zip(plan.strategies, self.made(changes), strict=True)]
        plan = plan._replace(strategies=seats)
        if window is None:
            return plan
        feed = cut(plan.feed, window)
        described = feed.describe()
        data = {**plan.data, **{key: described[key] for key in ("first_at", "last_at", "events")}}
        return plan._replace(feed=feed, data=data)


def of_config(settings: Config, home: Path, params: Sequence[Mapping[str, Any]]) -> Subject:
    """The subject of a configuration; `params` are such as its strategies accept."""
    from onepath.build import build

    if settings.data.type != "historical":
        raise ConfigError("a sweep runs over history: data.type must be historical (mode backtest)")
    chosen = {seat.name: given for seat, given in zip(settings.active, params, strict=True)}
    strategies = tuple(
        seat.model_copy(update={"params": {**seat.params, **chosen.get(seat.name, {})}}) for seat in settings.strategies
    )
    filled = settings.model_copy(update={"strategies": strategies})
    plan = build(filled, home=home, session_id="trial", journal_path=None).plan
    recipes = [Recipe(seat.source, str(home), None, plain(seat.params)) for seat in settings.active]
    return Subject(plan, recipes, [seat.name for seat in settings.active])


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without what the configuration remembers of their spelling."""
    found: dict[str, Any] = msgspec.to_builtins({key: _bare(value) for key, value in params.items()})
    return found


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _bare(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_bare(item) for item in value]
    return str(value) if isinstance(value, str) else value


def loaded(feed: Any) -> Any:
    """The feed with its bars in memory, so that they are read and checked once; other feeds as they are."""
    import copy

    from onepath.feeds.columns import COLUMNS, ColumnFeed
    from onepath.feeds.parquet import ParquetFeed

    inner = getattr(feed, "_feed", None)
    if inner is not None:
        outer = copy.copy(feed)
        outer._feed = loaded(inner)
        return outer
    if not isinstance(feed, ParquetFeed) or (feed.total or 0) > IN_MEMORY:
        return feed
    columns = {symbol: dict(zip(COLUMNS, arrays, strict=True)) for symbol, arrays in feed.arrays().items()}
    return ColumnFeed(
        columns,
        feed.instruments,
        interval_ns=feed.interval_ns,
        calendar=feed.calendar,
        origin=feed.describe(),
    )


def measured(record: SessionRecord) -> Found:
    """Statistics and daily returns of a finished trial."""
    import numpy as np

    from onepath.report.analysis import analyse
    from onepath.report.metrics import as_json, table

    analysis = analyse(record)
    days = analysis.days
    return Found(
        "ok",
        stats=as_json(table(analysis)),
        days=days.date.astype("<i4").tobytes(),
        returns=np.nan_to_num(days.returns).astype("<f4").tobytes(),
        periods=days.periods,
    )


def since(record: SessionRecord, start: int) -> SessionRecord:
    """The record without the curves and prices before `start`, in which nothing could be traded."""
    from dataclasses import replace

    from onepath.report.record import Curve

    def later(curve: Curve) -> Curve:
        kept = curve.at > start
        return Curve(*(getattr(curve, name)[kept] for name in ("at", "equity", "cash", "gross", "net")))

    kept = record.prices_at > start
    manifest = msgspec.structs.replace(record.manifest, data={**record.manifest.data, "first_at": start})
    return replace(
        record,
        manifest=manifest,
        curves={name: later(curve) for name, curve in record.curves.items()},
        total=later(record.total),
        prices_at=record.prices_at[kept],
        prices=record.prices[kept],
    )


def code_of(strategy: type) -> str:
    """A digest of a strategy's code: of its file, or, where it has none, of its compiled methods."""
    from onepath.provenance import source_of

    found = source_of(strategy)["source_sha256"]
    if found:
        return found
    whole = hashlib.sha256(strategy.__qualname__.encode())
    for name, member in sorted(vars(strategy).items()):
        if isinstance(member, FunctionType):
            whole.update(f"{name}{_code(member.__code__)}".encode())
    return whole.hexdigest()


def _code(code: CodeType) -> str:
    """The code without its addresses and lines."""
    constants = [_code(c) if inspect.iscode(c) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()}{code.co_names}{code.co_varnames}{constants}"


def checked(error: Exception) -> ConfigError:
    """Why a subject cannot be sent to another process."""
    if isinstance(error, OnepathError):
        raise error
    return unsendable(f"{type(error).__name__}: {error}")


def unsendable(why: str) -> ConfigError:
    """The same, where the reason is known as text."""
    return ConfigError(
        f"the backtest cannot be sent to other processes ({' '.join(why.split())}): write the strategy in a file of its own and "
        "import it, or use workers=1"
    )


__all__ = [
    "Found",
    "Recipe",
    "StrategyError",
    "Subject",
    "Window",
    "checked",
    "code_of",
    "loaded",
    "measured",
    "of_config",
    "plain",
    "since",
    "unsendable",
]
