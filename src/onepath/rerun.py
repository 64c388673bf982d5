"""A recorded session, run again: over what it saw, with what the venue said taken from its journal.

Rules: everything comes from the manifest, so a recorded session needs no file but its journal and, where its data are
kept elsewhere, those. A session that broke off is run again as far as its record goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from onepath import registry
from onepath.accounts import AccountTerms
from onepath.build import open_data, timed
from onepath.chains import Chain, chain
from onepath.clock import HistoricalClock
from onepath.data.sessions import put_back
from onepath.errors import JournalError, TransitionError
from onepath.events import SessionEnded, SessionStarted
from onepath.features.parity import FeatureParity, Streamed, parity
from onepath.feeds.limited import Limited
from onepath.feeds.over import Over
from onepath.feeds.paced import Paced
from onepath.instruments import Instrument
from onepath.isolation import Isolation
from onepath.journal.codec import SCHEMA, decode
from onepath.journal.sqlite import SqliteReader
from onepath.ports import Batch, Feed, Journal
from onepath.provenance import source_of
from onepath.recording import SessionFeed
from onepath.replay import ReplayResult, Rows, compare, parting
from onepath.risk import Limits, RiskPlan
from onepath.seat import Seated
from onepath.session import Plan, Progress, again, mark_interval
from onepath.simulator.assumptions import Market


class Proof(NamedTuple):
    """What came of a session that was run again."""

    result: ReplayResult
    strategies: int
    """none: there was nothing to decide"""
    events: int
    chain: Chain | None = None
    """why the first decisions that are not the same were made"""
    features: FeatureParity | None = None
    """whether features streamed are features over history; None where the session's data are no stream"""
    changed: tuple[str, ...] = ()
    """strategies whose file has another text than the session's, whatever that changes"""

    @property
    def identical(self) -> bool:
        """Whether all decisions and all features are the same."""
        return self.result.identical and (self.features is None or self.features.identical)


class Rerun:
    """A recorded session, ready to be run again; `session` is the one that runs."""

    def __init__(
        self,
        reader: SqliteReader,
        home: Path,
        *,
        single: bool = False,
        speed: float | None = None,
        journal: Journal | None = None,
    ) -> None:
        """`single`: one instant after the other, each a batch; `speed` times as fast as it happened, None: at once. `journal`
        takes what is recorded of the second run, which is gone with the process otherwise.

        Raises JournalError where it cannot be run again.
        """
        self.reader = reader
        self.started = startable(reader)
        self.recorded = bool(self.started.data.get("recorded"))
        broke_off = self.recorded and not _all(reader, "session.ended")
        self.ended: SessionEnded | None = None if broke_off else _only(reader, "session.ended")
        self._home = home
        self._streams: list[Streamed] = []
        self._feed = self.seen()
        plan = recorded_plan(self.started, self.ended, self._feed, home)
        self._changed = tuple(_others(plan))
        if single or speed is not None:
            plan = plan._replace(feed=Paced(plan.feed, HistoricalClock(speed)))
        elif self.recorded:
            plan = plan._replace(feed=_Streaming(plan.feed))
        self.session = again(plan, reader, journal)
        if self.recorded:
            self.session.once_started.append(self._note_features)

    def seen(self) -> Feed:
        """What the session saw, from the beginning."""
        return seen_by(self.started, self.reader, self._home)

    def run(self, progress: Callable[[Progress], None] | None = None) -> Proof:
        """Run it and compare every decision, and every feature where the data came as a stream."""
        with suppress(
            TransitionError
        ):  # the recorded fills do not fit the new orders: these parted before, see `parting`
            self.session.run(progress)
        return self.proof()

    def proof(self) -> Proof:
        """What has come of it, when it has run."""
        result = compare(self.reader, self.session.journal)
        parted = None if result.identical else parting(self.reader, self.session.journal)
        found = None if parted is None else chain(parted, self.reader, self.session.journal, self.seen().batches())
        events = sum(batch.size for batch in self.seen().batches()) if self.ended is None else self.ended.events
        features = parity(self._streams) if self.recorded else None
        return Proof(self._with_data(result), len(self.started.strategies), events, found, features, self._changed)

    def _with_data(self, result: ReplayResult) -> ReplayResult:
        """The result, if the data are still those of the session."""
        found = self._feed.fingerprint()
        if self.ended is None or found == self.ended.fingerprint:
            return result
        return result._replace(identical=False, difference=_changed(self.started, self.ended, found, result.difference))

    def _note_features(self) -> None:
        """From here on, note every feature as its strategy sees it."""
        listeners = self.session.engine.listeners
        for seat in self.session.engine.seats:
            if seat.plant is not None:
                context = seat.context
                stream = Streamed(context.name, context.features.required, context.features, seat.plant)
                self._streams.append(stream)
                listeners.append((stream.hear, context))


def replay(journal_path: Path, *, home: Path) -> ReplayResult:
    """Run a recorded session again over its data, with what the venue said taken from the journal, and compare."""
    reader = SqliteReader(journal_path)
    try:
        return Rerun(reader, home).run().result
    finally:
        reader.close()


def startable(reader: SqliteReader) -> SessionStarted:
    """The manifest of a session that this version can run again. Raises JournalError."""
    started: SessionStarted = _only(reader, "session.started")
    if started.schema != SCHEMA:
        version = started.code_version.partition("+")[0]
        raise JournalError(
            f"session {reader.session_id} was recorded by onepath {version} (journal schema {started.schema}, this version "
            f"replays schema {SCHEMA}); replay it with onepath {version}"
        )
    return started


class _Streaming(Over):
    """A feed without columns, so that features take the events one by one, as they did when these arrived."""

    def batches(self) -> Iterator[Batch]:
        return map(_Uncolumned, self._feed.batches())


class _Uncolumned:
    """A batch without columns."""

    def __init__(self, batch: Batch) -> None:
        self.size = batch.size
        self.news = batch.news
        self.events = batch.events

    def columns(self, symbol: str) -> None:
        """None: whoever asks takes the events one by one."""


def seen_by(started: SessionStarted, reader: Rows, home: Path) -> Feed:
    """The data that a session saw: of its own journal, else from where they are kept."""
    calendars: Any = started.data.get("calendars")
    put_back(calendars or {})
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


def _others(plan: Plan) -> Iterator[str]:
    """The strategies whose source is not what was recorded of it."""
    for seated, source in zip(plan.strategies, plan.sources, strict=True):
        text = source_of(type(seated.strategy))["source_sha256"]
        if text and source["source_sha256"] and text != source["source_sha256"]:
            yield f"{seated.name} ({source['class']})"


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
