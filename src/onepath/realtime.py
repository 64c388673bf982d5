"""Sessions over data that come as they happen: how one begins.

Rules: everything the feed brings is in a durable journal before it acts, so a session is the fold of its journal; how it goes on
after a crash is in `resuming`. Where a session cannot begin, its source and its journal are let go.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from onepath.build import asked_of, market_of, planned
from onepath.config import Config
from onepath.errors import ConfigError
from onepath.feeds.hours import OpenHours
from onepath.feeds.live import LiveFeed
from onepath.journal import lease
from onepath.journal.durable import DurableJournal
from onepath.ports import Clock, Feed, Source
from onepath.recording import Position, Recorded
from onepath.saving import Keeper, Saving
from onepath.session import MINUTE, Session

MARKS = 5_000_000_000
"""nanoseconds between valuations where nothing is said"""


def source_of(config: Config, clock: Clock) -> Source:
    """The live data that a configuration asks for. Raises ConfigError."""
    data = config.data
    if not data.symbols:
        where = config.where("data") or "data"
        raise ConfigError(f"{where}: a stream is of symbols that are named: give data.symbols, such as [BTC/USDT]")
    from onepath.streams.ccxt import CcxtSource
    from onepath.streams.life import Connection

    try:
        return CcxtSource(
            str(data.source),
            clock,
            symbols=data.symbols,
            kinds=data.kinds or ("bars", "trades"),
            interval_ns=data.interval_ns or MINUTE,
            url=data.url or "",
            connection=Connection(**data.connection.model_dump()),
            seed=config.seed,
        )
    except ConfigError as error:
        raise ConfigError(f"{config.where('data', 'source') or 'data.source'}: {error}") from None


def begin(
    config: Config,
    source: Source,
    *,
    home: Path,
    session_id: str,
    journal_path: Path,
    clock: Clock,
    until: int | None = None,
    journals: type[DurableJournal] = DurableJournal,
) -> Session:
    """A new session of `config` over `source`, until a moment (nanoseconds) or for ever, in a journal of the kind given."""
    with ExitStack() as failed:
        failed.callback(source.stop)
        feed = LiveFeed(source, clock, until=end_of(config, until), history=_history(config))
        market = market_of(config)
        plan = planned(config, home, feed, market)
        data = {**asked_of(config, market), **_described(config, source, clock.now())}
        journal_path.parent.mkdir(parents=True, exist_ok=True)
        journal = journals.create(journal_path, session_id, lease.take(journal_path, clock.now()))
        failed.callback(journal.close)
        recorded = Recorded(in_hours(feed, config), journal)
        marks = config.marks_ns or MARKS
        session = Session(plan._replace(feed=recorded, data=data, live=feed, mark_every=marks), journal)
        save(session, config, clock, journal, recorded.position)
        failed.pop_all()
        return session


def _described(config: Config, source: Source, now: int) -> dict[str, Any]:
    """What the data are, for the manifest."""
    return {
        **source.describe(),
        "recorded": True,
        "began_at": now,
        "url": config.data.url,
        "symbols": list(source.instruments),
        "kinds": {symbol: sorted(kinds) for symbol, kinds in source.kinds.items()},
        "volumes": sorted(source.volumes),
    }


def _history(config: Config) -> int | None:
    return None if config.data.history == "auto" else config.data.history


def end_of(config: Config, until: int | None) -> int | None:
    """The earlier of a moment and of what the configuration says."""
    return min((moment for moment in (until, config.clock.end_ns) if moment is not None), default=None)


def in_hours(feed: Feed, config: Config) -> Feed:
    """The feed while the market is open, where the configuration asks for no more."""
    return OpenHours(feed) if config.clock.market_hours_only else feed


def save(
    session: Session,
    config: Config,
    clock: Clock,
    journal: Keeper,
    position: Position,
    ready: Callable[[], bool] = lambda: True,
) -> None:
    """Have a session take snapshots as often as its configuration says."""
    every = config.recovery.snapshots_ns
    if every is not None:
        session.after_batch.append(Saving(session, journal, clock, every, position, ready))
