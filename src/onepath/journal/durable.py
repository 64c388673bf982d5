"""A journal whose every flush survives the end of the process and a power cut: for sessions that cannot be run again.

Rules: `append` puts a row into a list and returns; a thread of its own writes it (see `writer`) at most `interval` seconds
later, in WAL mode with synchronous FULL. What `flush` returned from is durable. When a write fails, every append and flush from
then on raises, and the file stays at what was committed. One process at a time: who opens it shows the lease.
Tables and views are those of every journal, and can be read while it is written.
Limits: one thread appends. A journal does not go through a fork: the child's flush raises. At most `MOST` rows wait for the disk,
then `append` waits, too. SQLite before 3.51.3 may damage a file that two connections write: here is one, and it alone
checkpoints; others open with `mode=ro`.
Cost: about 0.2 us an append; 2 us a row for the writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from onepath.errors import JournalError
from onepath.journal.chain import START, seal
from onepath.journal.lease import Lease
from onepath.journal.mark import MarkFile
from onepath.journal.schema import PAGE, PROOF, TABLES, statements
from onepath.journal.sqlite import SqliteReader
from onepath.journal.tail import Tail, verify
from onepath.journal.writer import Connection, Marks, Statement, Writer
from onepath.ports import Row

MOST = 50_000
INTERVAL = 0.02
_NOTE = "INSERT OR REPLACE INTO session VALUES (?, ?)"
_KEPT = 3
"""snapshots that stay"""


def connection_to(path: Path) -> Connection:
    """A connection of the standard library that any one thread may use."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


class DurableJournal:
    """Writes one session's journal. `create` makes a new one, `open` goes on with one that is there."""

    def __init__(self, path: Path, writer: Writer, lease: Lease, session_id: str) -> None:
        self.path = path
        self.session_id = session_id
        self._writer = writer
        self._pending = writer.pending
        self._seq = writer.durable
        self._lease = lease
        self._closed = False

    @classmethod
    def create(
        cls,
        path: Path,
        session_id: str,
        lease: Lease,
        *,
        interval: float = INTERVAL,
        connect: Callable[[Path], Connection] = connection_to,
        marks: Callable[[Path], Marks] = MarkFile,
    ) -> DurableJournal:
        """A new file. `lease` is that of `lease.take(path, now)`; the journal gives it back when closed, or not made."""
        tables = [(statement, ()) for statement in statements(TABLES + PROOF)]
        with _given_back(lease):
            if path.exists():
                raise JournalError(f"{path} exists: a journal is never written over; choose another session name")
            opened = _opened(path, connect, marks, [*tables, (_NOTE, ("session_id", session_id))])
        return cls(path, Writer(*opened, session_id, seq=0, head=START, interval=interval), lease, session_id)

    @classmethod
    def open(
        cls,
        path: Path,
        lease: Lease,
        tail: Tail | None = None,
        *,
        interval: float = INTERVAL,
        connect: Callable[[Path], Connection] = connection_to,
        marks: Callable[[Path], Marks] = MarkFile,
    ) -> DurableJournal:
        """Go on with a journal that `tail.verify` found whole (`tail`: what it found, so that it is not looked through again)."""
        with _given_back(lease):
            found = tail or verify(path)
            if found.damage:
                raise JournalError(f"{path} is damaged: {found.damage}; `tail.cut` keeps what is whole")
            opened = _opened(path, connect, marks, [])
        writer = Writer(*opened, found.session_id, seq=found.seq, head=found.sha256, interval=interval)
        return cls(path, writer, lease, found.session_id)

    @property
    def durable(self) -> int:
        """The last row that survives whatever comes."""
        return self._writer.durable

    @property
    def seq(self) -> int:
        """The last row that was appended."""
        return self._seq

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        if self._writer.failure:
            raise JournalError(self._writer.failure)
        self._seq = seq = self._seq + 1
        pending = self._pending
        pending.append((seq, at, kind, strategy, cause, event))
        if len(pending) >= MOST:
            self.flush()
        return seq

    def note(self, facts: Mapping[str, str]) -> None:
        """Write identity and wall-clock facts of the session (not part of the record that replays)."""
        self._beside([(_NOTE, fact) for fact in facts.items()])
        self.flush()

    def keep_snapshot(self, seq: int, at: int, body: bytes) -> None:
        """Keep the state after row `seq`, behind all rows appended until now; the last three stay. Durable with the next flush,
        or soon."""
        kept = (seq, at, seal(seq, at, body), body)
        older = "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)"
        self._beside([("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", kept), (older, (_KEPT,))])

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        self.flush()
        return self._read(kinds)

    def flush(self) -> None:
        """Return when all that was appended is durable. Raises JournalError."""
        self._writer.wait(self._seq)

    def close(self) -> None:
        """Make all durable and give the lease back, whatever happens; once is enough."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
        finally:
            self._writer.stop()
            self._lease.release()

    def _beside(self, what: Sequence[Statement]) -> None:
        if self._writer.failure:
            raise JournalError(self._writer.failure)
        self._writer.put_beside(self._seq, what)

    def _read(self, kinds: Sequence[str]) -> Iterator[Row]:
        reader = SqliteReader(self.path)
        try:
            yield from reader.rows(kinds)
        finally:
            reader.close()


@contextmanager
def _given_back(lease: Lease) -> Iterator[None]:
    """Where no journal comes of it, nobody holds the session."""
    try:
        yield
    except JournalError:
        lease.release()
        raise


def _opened(
    path: Path, connect: Callable[[Path], Connection], marks: Callable[[Path], Marks], first: Sequence[Statement]
) -> tuple[Connection, Marks]:
    """A connection on which what is committed is durable, and on which `first` has been carried out, all of it; and a mark."""
    connection = None
    try:
        connection = connect(path)
        for setting in (f"page_size={PAGE}", "journal_mode=WAL", "synchronous=FULL", "recursive_triggers=ON"):
            connection.execute(f"PRAGMA {setting}")
        ((version,),) = connection.execute("SELECT sqlite_version()")
        connection.execute("BEGIN")
        for statement, values in (*first, (_NOTE, ("sqlite_version", version))):
            connection.execute(statement, values)
        connection.execute("COMMIT")
        return connection, marks(path)
    except (OSError, sqlite3.Error) as error:
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        raise JournalError(f"cannot write the journal {path}: {error}") from None
