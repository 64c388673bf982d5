"""Sessions over data that come as they happen: begun, and gone on with after a crash.

Rules: everything the feed brings is in a durable journal before it acts, so a session is the fold of its journal. To go on, the
session is run again over what it recorded, with a journal that compares every row with the record until the record ends, and
writes from there on; a snapshot makes that way shorter. Where the code now would have done something else than the record says,
nothing is gone on with.
Limits: a session that has ended is not gone on with. The market's models are made again from the configuration in the journal;
text that came from the environment is read from it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from onepath import snapshot
from onepath.build import asked_of, market_of, planned
from onepath.config import Config
from onepath.errors import ConfigError, JournalError
from onepath.events import SessionEnding, SessionStarted
from onepath.feeds.hours import OpenHours
from onepath.feeds.limited import Limited
from onepath.feeds.live import LiveFeed
from onepath.journal import lease, tail
from onepath.journal.codec import INPUTS, SCHEMA, decode, encode
from onepath.journal.durable import DurableJournal
from onepath.journal.sqlite import SqliteReader
from onepath.ports import Batch, Clock, Feed, Row, Source
from onepath.recording import Position, Recorded, SessionFeed
from onepath.replay import endings
from onepath.rerun import recorded_plan
from onepath.saving import Saved, Saving, usable
from onepath.session import MINUTE, Session, mark_interval

MARKS = 5_000_000_000
"""nanoseconds between valuations where nothing is said"""
_OUTSIDE = (*INPUTS, "alert")
"""rows that a session run again does not write: what it is given, and what was said about it from outside"""


class Resumed(NamedTuple):
    """A session that goes on, and what has to be said of how."""

    session: Session
    notes: tuple[str, ...]


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
    with _left_where_it_fails(source):
        return _begun(config, source, home, session_id, journal_path, clock, until, journals)


@contextmanager
def _left_where_it_fails(source: Source) -> Iterator[None]:
    """A source that has no session lets its connections go."""
    try:
        yield
    except BaseException:
        source.stop()
        raise


def _begun(
    config: Config,
    source: Source,
    home: Path,
    session_id: str,
    journal_path: Path,
    clock: Clock,
    until: int | None,
    journals: type[DurableJournal],
) -> Session:
    feed = LiveFeed(source, clock, until=_earlier(until, config.clock.end_ns), history=_history(config))
    market = market_of(config)
    plan = planned(config, home, feed, market)
    data = {**asked_of(config, market), **_described(config, source, clock.now())}
    journal = _created(journals, journal_path, session_id, clock)
    recorded = Recorded(_in_hours(feed, config), journal)
    marks = config.marks_ns or MARKS
    session = Session(
        plan._replace(feed=recorded, data=data, live=feed, mark_every=mark_interval(data, marks)), journal
    )
    if config.recovery.snapshots_ns is not None:
        saving = Saving(session, journal, clock, config.recovery.snapshots_ns, recorded.position)
        session.after_batch.append(saving)
    return session


def _created(journals: type[DurableJournal], path: Path, session_id: str, clock: Clock) -> DurableJournal:
    path.parent.mkdir(parents=True, exist_ok=True)
    return journals.create(path, session_id, lease.take(path, clock.now()))


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


def _in_hours(feed: Feed, config: Config) -> Feed:
    return OpenHours(feed) if config.clock.market_hours_only else feed


def _earlier(*moments: int | None) -> int | None:
    return min((moment for moment in moments if moment is not None), default=None)


def resume(
    journal_path: Path,
    source: Source,
    *,
    home: Path,
    clock: Clock,
    until: int | None = None,
    journals: type[DurableJournal] = DurableJournal,
) -> Resumed:
    """The session of a journal, ready to go on from where its record ends. A damaged end is cut off, and said.

    Raises JournalError where it cannot go on: another process runs it, it has ended, or the code has changed since.
    """
    with _left_where_it_fails(source):
        return _resumed(journal_path, source, home, clock, until, journals)


def _resumed(
    journal_path: Path, source: Source, home: Path, clock: Clock, until: int | None, journals: type[DurableJournal]
) -> Resumed:
    held = lease.take(journal_path, clock.now())
    try:
        found = tail.verify(journal_path)
        notes: list[str] = []
        if found.damage:
            cut = tail.cut(journal_path)
            notes.append(cut.said)
            found = tail.verify(journal_path)
        reader = SqliteReader(journal_path)
        started = started_of(reader)
        journal = journals.open(journal_path, held, found)
    except BaseException:
        held.release()
        raise
    record = _Record(started, reader, journal, config_of(started))
    for seq, saved in usable(journal_path, found.seq, notes.append):
        session = _continued(record, source, home, clock, until, seq, saved)
        try:
            snapshot.check(session, saved.state)
        except JournalError as error:
            notes.append(f"the snapshot after row {seq} is not used: {error}")
        else:
            return Resumed(session, tuple(notes))
    return Resumed(_continued(record, source, home, clock, until), tuple(notes))


class _Record(NamedTuple):
    """What is there of a session."""

    started: SessionStarted
    reader: SqliteReader
    journal: DurableJournal
    config: Config


def _continued(
    record: _Record,
    source: Source,
    home: Path,
    clock: Clock,
    until: int | None,
    seq: int = 0,
    saved: Saved | None = None,
) -> Session:
    """The session run again from its beginning, or from a snapshot that was taken after row `seq`."""
    config, reader = record.config, record.reader
    seen = SessionFeed(reader, after=seq, position=None if saved is None else saved.position)
    ending = next((decode(row) for row in reader.rows(("session.ending",))), None)
    live = _Following(source, clock, seen.position, until=_earlier(until, config.clock.end_ns))
    compared = Compared(record.journal, reader, seq)
    coming = Recorded(_in_hours(live, config), compared, seen.position)
    feed = _Continued(seen, compared, coming, ending, 0 if saved is None else saved.events)
    plan = recorded_plan(record.started, None, feed, home)._replace(
        market=market_of(config),
        live=live,
        expected_cost=None,
        endings=endings(reader),
        commands=[(row.at, decode(row)) for row in reader.rows(("command",)) if row.seq > seq],
    )
    session = Session(plan, compared)
    feed.stop = session.stop
    feed.goes_on = session.be_strict
    session.be_patient()
    if saved is not None:
        session.delivered = saved.events
        session.once_started.append(partial(_put_back, session, compared, saved.state))
    if config.recovery.snapshots_ns is not None:
        saving = Saving(
            session, compared, clock, config.recovery.snapshots_ns, seen.position, lambda: compared.caught_up
        )
        session.after_batch.append(saving)
    return session


def _put_back(session: Session, journal: Compared, state: bytes) -> None:
    """Bring a session that has started to a snapshot's state; from here on its rows count."""
    snapshot.put(session, state)
    journal.listen()


def started_of(reader: SqliteReader) -> SessionStarted:
    """The manifest of a session that can go on. Raises JournalError."""
    if any(True for _ in reader.rows(("session.ended",))):
        raise JournalError(
            f"session {reader.session_id} has ended: there is nothing to go on with; run its configuration for a new one"
        )
    for row in reader.rows(("session.started",)):
        started: SessionStarted = decode(row)
        if not started.data.get("recorded") or started.schema != SCHEMA:
            raise JournalError(
                f"session {reader.session_id} is not one that can go on: it ran over data that are kept elsewhere; run it again"
            )
        return started
    raise JournalError(f"session {reader.session_id} broke off before it began: run its configuration again")


def config_of(started: SessionStarted) -> Config:
    """The configuration in a manifest."""
    try:
        return Config.model_validate(started.config)
    except ValueError as error:
        raise JournalError(f"the configuration in the journal does not fit this version of onepath: {error}") from None


class Compared:
    """A journal whose rows are there already, as far as they go: what is appended is compared with them, then written.

    Raises JournalError at the first row that is not the same.
    """

    def __init__(self, journal: DurableJournal, recorded: SqliteReader, after: int = 0) -> None:
        self.session_id = journal.session_id
        self.journal = journal
        self.seq = after
        """the last row that was appended, or found to be the same"""
        self._deaf = after > 0  # how a session begins was recorded before the snapshot
        self._waiting: Iterator[Row] = (row for row in recorded.rows() if row.seq > after and row.kind not in _OUTSIDE)
        self._next = next(self._waiting, None)

    @property
    def caught_up(self) -> bool:
        """Whether all that is recorded was compared."""
        return self._next is None

    @property
    def waiting(self) -> Row | None:
        """The recorded row that comes next."""
        return self._next

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        row = self._next
        if self._deaf:
            return self.seq
        if row is None:
            self.seq = self.journal.append(at, kind, strategy, event, cause)
            return self.seq
        if kind == "alert":
            return row.seq  # it has been raised
        found = encode(event)
        if (row.at, row.kind, row.strategy, row.cause, row.body) != (at, kind, strategy, cause, found):
            raise JournalError(
                f"session {self.session_id} cannot go on: row {row.seq} of its record is {row.kind} at {row.at} "
                f"({row.body.decode()[:200]}), but run again it is {kind} at {at} ({found.decode()[:200]}); "
                "the strategy, its parameters or onepath are not what they were: go on with those, or start a new session"
            )
        self._next = next(self._waiting, None)
        self.seq = row.seq
        return row.seq

    def listen(self) -> None:
        """What is appended counts from here on."""
        self._deaf = False

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        return self.journal.rows(kinds)

    def flush(self) -> None:
        self.journal.flush()

    def note(self, facts: Mapping[str, str]) -> None:
        self.journal.note(facts)

    def keep_snapshot(self, seq: int, at: int, body: bytes) -> None:
        self.journal.keep_snapshot(seq, at, body)

    def close(self) -> None:
        self.journal.close()


class _Following(LiveFeed):
    """A live feed that goes on after what a record holds, which is known when the record has been read."""

    def __init__(self, source: Source, clock: Clock, position: Position, *, until: int | None) -> None:
        super().__init__(source, clock, until=until, known=position.known)
        self._position = position

    def batches(self) -> Iterator[Batch]:
        self._last = self._position.last_at
        yield from super().batches()


class _Continued:
    """What was recorded, then what comes."""

    stop: Callable[[], None]
    """what stops the session"""
    goes_on: Callable[[], None]
    """called when the record has been caught up with"""

    def __init__(
        self, seen: SessionFeed, journal: Compared, coming: Feed, ending: SessionEnding | None, before: int
    ) -> None:
        """`ending` is there where the session had begun to end: then it ends there, and so; `before` events are left out."""
        self.instruments = seen.instruments
        self.kinds = seen.kinds
        self.volumes = seen.volumes
        self.total: int | None = None
        self._seen = seen
        self._journal = journal
        self._coming = coming
        self._ending = ending
        self._before = before

    def batches(self) -> Iterator[Batch]:
        if self._ending is not None:
            yield from Limited(self._seen, self._ending.events - self._before, whole=True).batches()
            if self._ending.status == "stopped":
                self.stop()
            return
        yield from self._seen.batches()
        row = self._journal.waiting
        if row is not None:
            raise JournalError(
                f"session {self._journal.session_id} cannot go on: row {row.seq} of its record ({row.kind} at {row.at}) does not "
                "come about when it is run again; the strategy, its parameters or onepath are not what they were"
            )
        self.goes_on()
        yield from self._coming.batches()

    def describe(self) -> Mapping[str, Any]:
        return self._seen.describe()

    def fingerprint(self) -> str:
        return self._coming.fingerprint()
