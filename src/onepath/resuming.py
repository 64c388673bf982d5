"""Going on after a crash with a session over data that come as they happen.

Rules: a session is the fold of its journal. To go on, it is run again over what it recorded, with a journal that compares every
row with the record until the record ends, and writes from there on; a snapshot makes that way shorter. Where the code now would
have done something else than the record says, nothing is gone on with.
Limits: a session that has ended is not gone on with. The market's models are made again from the configuration in the journal;
text that came from the environment is read from it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from onepath import snapshot
from onepath.build import market_of
from onepath.config import Config
from onepath.errors import JournalError
from onepath.events import SessionEnding, SessionStarted
from onepath.feeds.limited import Limited
from onepath.feeds.live import LiveFeed
from onepath.journal import lease, tail
from onepath.journal.codec import INPUTS, SCHEMA, decode, encode
from onepath.journal.durable import DurableJournal
from onepath.journal.sqlite import SqliteReader
from onepath.ports import Batch, Clock, Feed, Row, Source
from onepath.realtime import end_of, in_hours, save
from onepath.recording import Position, Recorded, SessionFeed
from onepath.replay import endings
from onepath.rerun import recorded_plan
from onepath.saving import Saved, usable
from onepath.session import Session

_OUTSIDE = (*INPUTS, "alert")
"""rows that a session run again does not write: what it is given, and what was said about it from outside"""


class Resumed(NamedTuple):
    """A session that goes on, and what has to be said of how."""

    session: Session
    notes: tuple[str, ...]


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
    with ExitStack() as failed:
        failed.callback(source.stop)
        held = lease.take(journal_path, clock.now())
        failed.callback(held.release)
        notes: list[str] = []
        found = _whole(journal_path, notes)
        reader = SqliteReader(journal_path)
        failed.callback(reader.close)
        started = started_of(reader)
        config = config_of(started)
        journal = journals.open(journal_path, held, found)
        failed.callback(journal.close)
        broken = _Broken(started, config, reader, journal, source, home, clock, until)
        session = _from_snapshot(broken, usable(journal_path, found.seq, notes.append), notes) or broken.again()
        failed.pop_all()
        return Resumed(session, tuple(notes))


def _whole(journal: Path, notes: list[str]) -> tail.Tail:
    """How far the journal goes, without what was damaged."""
    found = tail.verify(journal)
    if not found.damage:
        return found
    cut = tail.cut(journal)
    notes.append(cut.said)
    return cut.tail


class _Broken(NamedTuple):
    """A session that broke off, and what it goes on with."""

    started: SessionStarted
    config: Config
    reader: SqliteReader
    journal: DurableJournal
    source: Source
    home: Path
    clock: Clock
    until: int | None

    def again(self, seq: int = 0, saved: Saved | None = None) -> Session:
        """The session run again from its beginning, or from a snapshot that was taken after row `seq`."""
        config, reader = self.config, self.reader
        seen = SessionFeed(reader, after=seq, position=None if saved is None else saved.position)
        ending = next((decode(row) for row in reader.rows(("session.ending",))), None)
        live = _Following(self.source, self.clock, seen.position, until=end_of(config, self.until))
        compared = Compared(self.journal, reader, seq)
        coming = Recorded(in_hours(live, config), compared, seen.position)
        feed = _Continued(seen, compared, coming, ending, 0 if saved is None else saved.events)
        plan = recorded_plan(self.started, None, feed, self.home)._replace(
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
        save(session, config, self.clock, compared, seen.position, lambda: compared.caught_up)
        return session


def _from_snapshot(broken: _Broken, snapshots: Sequence[tuple[int, Saved]], notes: list[str]) -> Session | None:
    """The session from the newest snapshot that fits it; None: there is none."""
    for seq, saved in snapshots:
        session = broken.again(seq, saved)
        try:
            snapshot.check(session, saved.state)
        except JournalError as error:
            notes.append(f"the snapshot after row {seq} is not used: {error}")
        else:
            return session
    return None


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
