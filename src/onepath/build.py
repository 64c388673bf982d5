"""From a configuration, or a journal's manifest, to the parts of a session.

Rules: which part stands for which word of the configuration is decided here and nowhere else; the session never knows.
Replay takes everything from the manifest, so a recorded session needs no file but its journal and its data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from onepath import models, registry
from onepath.clock import HistoricalClock
from onepath.data import open_feed
from onepath.data.actions import given
from onepath.data.adjusting import acting
from onepath.data.finer import finer_bars
from onepath.data.universes import choice, located, read_universe
from onepath.errors import ConfigError, JournalError
from onepath.featurecache import FeatureCache
from onepath.feeds.finer import FinerBars
from onepath.feeds.hours import OpenHours
from onepath.feeds.paced import Paced
from onepath.instruments import Instrument
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteJournal, SqliteReader
from onepath.nearest import nearest
from onepath.ports import Feed
from onepath.provenance import source_of
from onepath.recording import SessionFeed
from onepath.seat import Seated
from onepath.session import Plan, Session, described, mark_interval
from onepath.simulator.assumptions import Market
from onepath.workspace import Workspace

if TYPE_CHECKING:
    from onepath.config import Config, StrategyConfig
    from onepath.strategy import Strategy

_TICKS = ("kind", "crossed", "sides", "time", "filled")
"""what is said of quotes, trades and books; in the manifest where it was"""


def build(config: Config, *, home: Path, session_id: str, journal_path: Path | None) -> Session:
    """The session that `config` describes, with paths relative to `home`. Raises ConfigError, DataError, StrategyError."""
    if config.execution.type != "simulated":
        raise ConfigError(f"mode {config.mode} needs a broker, which this version does not have yet")
    market = market_of(config)
    asked, said = _with_universe(config, asked_of(config, market), home)
    feed = open_data(asked, home, _instruments(config), said=config.where("data", "path"))
    if config.data.finer:
        market = market._replace(finer=_finer(config, home, feed))
    data = {**asked, **described(feed, said)}
    marks = config.marks_ns or (feed.mark_every if isinstance(feed, SessionFeed) else None)
    plan = planned(config, home, feed, market)._replace(
        feed=timed(feed, asked), data=data, mark_every=mark_interval(data, marks), memo=memo_of(config, home)
    )
    if isinstance(feed, SessionFeed):
        named = [{"name": c.name, **source} for c, source in zip(config.active, plan.sources, strict=True)]
        plan = plan._replace(endings=feed.endings(named))
    journal = MemoryJournal(session_id) if journal_path is None else SqliteJournal.create(journal_path, session_id)
    return Session(plan, journal)


def memo_of(config: Config, home: Path) -> FeatureCache | None:
    """Where feature values are kept for the next run; with `compute_on_demand: false` they are taken from nowhere else."""
    features = config.features
    if not features.cache:
        return None
    file = (config.where("features") or config.where("data")).rpartition(":")[0] or "CONFIG"
    needed = "" if features.compute_on_demand else f"onepath features compute {file}"
    return FeatureCache(Workspace(home).features_dir, features.cache_size, needed=needed)


def planned(config: Config, home: Path, feed: Feed, market: Market) -> Plan:
    """The plan of `config` over `feed`; what data it is, and how often the books are valued, is for the caller to say."""
    seats = [(c, registry.configured(config, config.strategies.index(c), home)) for c in config.active]
    return Plan(
        mode=config.mode,
        seed=config.seed,
        feed=feed,
        data={},
        strategies=[
            Seated(
                c.name,
                made,
                c.capital,
                c.risk_limits.over(made.limits),
                _symbols(c.name, c.symbols, feed),
                config.execution.account.terms(),
            )
            for c, made in seats
        ],
        sources=[{**source_of(type(made), c.source), **_masked(config, c, made)} for c, made in seats],
        market=market,
        config=config.as_manifest(),
        mark_every=0,
        risk=config.risk.plan(),
        isolation=config.isolated(len(feed.instruments)),
    )


def _masked(config: Config, wanted: StrategyConfig, made: Strategy) -> dict[str, Any]:
    """The parameters for the manifest, with text that came from the environment as the name it came from."""
    masked = config.as_manifest()["strategies"][config.strategies.index(wanted)]["params"]
    params = msgspec.to_builtins(made.params)
    return {"params": {k: masked.get(k, v) if isinstance(v, str) else v for k, v in params.items()}}


def asked_of(config: Config, market: Market) -> dict[str, Any]:
    """What the feed is asked for, as plain values: part of the manifest."""
    data, clock = config.data, config.clock
    return {
        "source": data.source,
        "path": data.path,
        "name": data.name,
        "symbols": list(data.symbols) if data.symbols else None,
        "start": clock.start_ns,
        "end": clock.end_ns,
        "stamps": data.stamps,
        "asset_class": data.asset_class,
        "calendar": data.calendar,
        "interval": data.interval,
        "actions": data.actions,
        **({} if data.adjust == "none" else {"adjust": data.adjust, "as_of": _as_of(data.as_of)}),
        **({"adjust_dividends": True} if data.adjust_dividends else {}),
        **({"finer": data.finer} if data.finer else {}),
        **({"session": data.id} if data.id else {}),
        **{key: value for key in _TICKS if (value := getattr(data, key)) is not None},
        **({"quality": data.quality.said} if data.quality else {}),
        "market_hours_only": clock.market_hours_only,
        "speed": None if clock.speed == "max" else clock.speed,
        "expected_cost": str(market.expected_cost),
    }


def _with_universe(config: Config, asked: dict[str, Any], home: Path) -> tuple[dict[str, Any], str]:
    """What the feed is asked for, narrowed to the members of the universe, and what is to be said of those without data."""
    data = config.data
    if not data.universe:
        return asked, ""
    terms = None if data.filter is None else data.filter.model_dump(mode="json", exclude_none=True)
    universe = msgspec.structs.replace(read_universe(located(data.universe, home), terms), name=data.universe)
    feed = open_data({**asked, "actions": None}, home, _instruments(config), said=config.where("data", "path"))
    found = choice(universe, feed)
    return {**asked, "symbols": found.symbols, "universe": msgspec.to_builtins(found.universe)}, found.note


def _instruments(config: Config) -> dict[str, dict[str, Any]]:
    """What the configuration says of single symbols."""
    return {symbol: said.model_dump(exclude_none=True) for symbol, said in config.data.instruments.items()}


def open_data(
    asked: Mapping[str, Any],
    home: Path,
    instruments: Mapping[str, Instrument | Mapping[str, Any]] | None = None,
    said: str = "",
) -> Any:
    if asked.get("session"):
        return _session(str(asked["session"]), home)
    if not asked["name"] and not asked["path"]:
        raise JournalError(
            "the session's data was in memory and is not kept: only the process that ran it can replay it"
        )
    source = asked["name"] or home / asked["path"]
    if not asked["name"] and not Path(source).exists():
        raise ConfigError(
            f"{said or 'data.path'}: there is nothing at {source}; expected a file or folder of market data"
        )
    feed = open_feed(
        source,
        symbols=asked["symbols"],
        start=asked["start"],
        end=asked["end"],
        instruments=instruments,
        asset_class=asked["asset_class"],
        calendar=asked["calendar"],
        stamps=asked["stamps"] or "start",
        interval=asked["interval"],
        **{key: asked[key] for key in (*_TICKS, "quality") if asked.get(key) is not None},
        data_dir=home / "data",
    )
    return _acted(feed, asked, home) if asked.get("actions") else feed


def _session(wanted: str, home: Path) -> SessionFeed:
    """What another session saw."""
    return SessionFeed(SqliteReader(Workspace(home).session(wanted).journal))


def _finer(config: Config, home: Path, feed: Feed) -> FinerBars:
    """The finer bars that tell the path inside those of the feed: a file or folder, else a data set by name."""
    data, clock = config.data, config.clock
    name = str(data.finer)
    where = home / name
    found = open_feed(
        where if where.exists() else name,
        symbols=list(feed.instruments),
        start=clock.start_ns,
        end=clock.end_ns,
        asset_class=data.asset_class,
        calendar=data.calendar,
        stamps=data.stamps or "start",
        data_dir=home / "data",
    )
    return finer_bars(found, feed)


def _acted(feed: Feed, asked: Mapping[str, Any], home: Path) -> Feed:
    """The feed with its corporate actions: of a file, or of the manifest."""
    actions = asked["actions"]
    found = home / actions if isinstance(actions, str) else actions
    known = given(found, feed.instruments, only_known=asked["symbols"] is not None)
    return acting(feed, known, asked.get("end"), str(asked.get("adjust") or "none"), asked.get("as_of"))


def _as_of(when: dt.date | None) -> str | None:
    return None if when is None else when.isoformat()


def timed(feed: Feed, asked: Mapping[str, Any]) -> Feed:
    """The feed within market hours and at the speed that were asked for."""
    if asked["market_hours_only"]:
        feed = OpenHours(feed)
    return Paced(feed, HistoricalClock(asked["speed"])) if asked["speed"] is not None else feed


def _symbols(strategy: str, wanted: Sequence[str] | None, feed: Feed) -> tuple[str, ...]:
    for symbol in wanted or ():
        if symbol not in feed.instruments:
            hint = nearest(symbol, feed.instruments)
            raise ConfigError(
                f"strategy {strategy} asks for symbol {symbol!r}, which the data does not have{hint}; "
                f"it has {', '.join(list(feed.instruments)[:20])}"
            )
    return tuple(wanted or feed.instruments)


def market_of(config: Config) -> Market:
    """The market's models as configured. Raises ConfigError for parameters that no such model can have."""
    try:
        return _market(config)
    except ConfigError as error:
        raise ConfigError(f"{config.where('execution') or 'execution'}: {error}") from None


def _market(config: Config) -> Market:
    execution = config.execution
    return Market(
        slippage=models.chosen("slippage", execution.slippage),
        commission=models.chosen("commission", execution.commission),
        latency=models.latency(execution.latency, config.seed),
        participation=execution.participation,
        touch=execution.limit_fill == "touch",
        queue=models.chosen("queue", execution.queue),
        faults=models.faults(execution.faults, config.seed),
        orders=models.order_rules(execution.dividends, execution.reverse_splits),
    )
