"""A recorded session, run again: over what it saw, with what the venue said taken from its journal.

Rules: everything comes from the manifest, so a recorded session needs no file but its journal and, where its data are
kept elsewhere, those. A session that broke off is run again as far as its record goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from onepath import registry
from onepath.accounts import AccountTerms
from onepath.build import open_data, timed
from onepath.errors import JournalError
from onepath.events import SessionEnded, SessionStarted
from onepath.feeds.limited import Limited
from onepath.instruments import Instrument
from onepath.isolation import Isolation
from onepath.journal.codec import SCHEMA, decode
from onepath.journal.sqlite import SqliteReader
from onepath.ports import Feed
from onepath.recording import SessionFeed
from onepath.replay import ReplayResult, Rows
from onepath.risk import Limits, RiskPlan
from onepath.seat import Seated
from onepath.session import Plan, mark_interval, replayed
from onepath.simulator.assumptions import Market


def replay(journal_path: Path, *, home: Path) -> ReplayResult:
    """Run a recorded session again over its data, with what the venue said taken from the journal, and compare."""
    reader = SqliteReader(journal_path)
    try:
        return _replayed(reader, home)
    finally:
        reader.close()


def _replayed(reader: SqliteReader, home: Path) -> ReplayResult:
    started = _only(reader, "session.started")
    if started.schema != SCHEMA:
        version = started.code_version.partition("+")[0]
        raise JournalError(
            f"session {reader.session_id} was recorded by onepath {version} (journal schema {started.schema}, this version "
            f"replays schema {SCHEMA}); replay it with onepath {version}"
        )
    feed = seen_by(started, reader, home)
    ended = (
        None if started.data.get("recorded") and not _all(reader, "session.ended") else _only(reader, "session.ended")
    )
    result = replayed(recorded_plan(started, ended, feed, home), reader)
    fingerprint = feed.fingerprint()
    if ended is not None and fingerprint != ended.fingerprint:
        return result._replace(identical=False, difference=_changed(started, ended, fingerprint, result.difference))
    return result


def seen_by(started: SessionStarted, reader: Rows, home: Path) -> Feed:
    """The data that a session saw: of its own journal, else from where they are kept."""
    if started.data.get("recorded"):
        return SessionFeed(reader)
    instruments = {str(row["symbol"]): msgspec.convert(row, Instrument) for row in started.instruments}
    feed: Feed = open_data(started.data, home, instruments)
    return feed


def recorded_plan(started: SessionStarted, ended: SessionEnded | None, feed: Feed, home: Path) -> Plan:
    """The plan of a recorded session, over `feed`; a session that broke off has no end. What the venue said is in the journal:
    the market's models are left out."""
    at_once = timed(feed, {**started.data, "speed": None})
    if ended is not None:
        whole = bool(started.data.get("recorded")) or ended.status == "completed"
        at_once = Limited(at_once, ended.events, whole=whole)
    return Plan(
        mode=started.mode,
        seed=started.seed,
        feed=at_once,
        data=started.data,
        strategies=[_seated(row, home) for row in started.strategies],
        sources=[{key: row[key] for key in ("class", "source_sha256")} for row in started.strategies],
        market=Market(),
        config=started.config,
        mark_every=started.mark_every or mark_interval(started.data),
        risk=None if started.risk is None else msgspec.convert(started.risk, RiskPlan),
        isolation=msgspec.convert(started.isolation, Isolation) if started.isolation else None,
        expected_cost=Decimal(str(started.data.get("expected_cost", "0"))),
    )


def _changed(started: SessionStarted, ended: SessionEnded, found: str, difference: str | None) -> str:
    where = started.data.get("path") or started.data.get("name") or "the data"
    first = f"; first difference: {difference}" if difference else ""
    return f"{where} is not the data of the session any more (fingerprint {found[:12]}, then {ended.fingerprint[:12]}){first}"


def _all(reader: Rows, kind: str) -> list[Any]:
    return [decode(row) for row in reader.rows((kind,))]


def _only(reader: Rows, kind: str) -> Any:
    for found in _all(reader, kind):
        return found
    raise JournalError(f"the journal has no {kind}: the session broke off, and cannot be replayed as a whole")


def _seated(row: Mapping[str, Any], home: Path) -> Seated:
    strategy = registry.resolve(str(row["class"]), home).make(row["params"])
    limits = msgspec.convert(row["limits"], Limits)
    account = msgspec.convert(row.get("account", {}), AccountTerms)
    return Seated(str(row["name"]), strategy, Decimal(str(row["capital"])), limits, tuple(row["symbols"]), account)
