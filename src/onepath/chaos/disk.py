"""A durable journal that is killed, fails and is damaged on command, deterministically.

Rules: it is the real journal with its real file and its real commits, which are made by the session's own thread and when it
asks for them alone, so that what survives a kill follows from the seed: all that a flush returned from, and of the rest as many
rows as the writer would have got to. After a kill nothing that is left of the process can write. Errors of the disk come at the
n-th statement, and stay.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from onepath.errors import JournalError
from onepath.journal import mark
from onepath.journal.durable import DurableJournal, connection_to
from onepath.journal.lease import Lease
from onepath.journal.mark import MarkFile
from onepath.journal.tail import Tail
from onepath.journal.writer import Connection, Marks


class Killed(BaseException):
    """The process is killed here."""


class FailingConnection:
    """A connection whose statements fail when they are told to. The writer's thread, which ends at once, does not close it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left: int | None = None
        self._reason = ""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise sqlite3.OperationalError(self._reason)
        return self._connection.execute(statement, values)

    def fail_after(self, statements: int, reason: str) -> None:
        """The disk will fail after so many statements more."""
        self._left, self._reason = statements, reason

    def close(self) -> None:
        return

    def end(self) -> None:
        """Close it."""
        self._connection.close()


class _Marks(MarkFile):
    """A mark that outlives the writer's thread."""

    def close(self) -> None:
        return

    def end(self) -> None:
        super().close()


class Disk:
    """Where the journal is. Another kind of disk may take its place (tests: one that loses what was not synced)."""

    def connect(self, path: Path) -> Connection:
        return connection_to(path)

    def leave(self, path: Path, to: Path) -> None:
        """The process that had the journal `path` is killed at this moment: what the next one finds is put at `to`."""
        to.parent.mkdir(parents=True)
        for end in ("", "-wal"):
            if Path(f"{path}{end}").exists():
                shutil.copyfile(f"{path}{end}", f"{to}{end}")
        if mark.place(path).exists():
            shutil.copyfile(mark.place(path), mark.place(to))


class WatchedJournal(DurableJournal):
    """A DurableJournal whose points are hooked, with a record of its own of what was appended and acknowledged."""

    disk: ClassVar[Disk]
    now: ClassVar[WatchedJournal | None] = None
    """the one that is open"""
    rows_of: ClassVar[dict[int, tuple[Any, ...]]]
    """what was appended, by seq, over all lives"""
    connection: ClassVar[FailingConnection]
    marks: ClassVar[_Marks]
    events: ClassVar[int]
    """market events that are in the journal"""
    acknowledged: ClassVar[int]
    """rows up to here were said to be durable"""

    @staticmethod
    def hook(point: str) -> None:
        """Called at each point; whoever makes a kind of this for one world puts his own here."""

    @classmethod
    def create(cls, path: Path, session_id: str, lease: Lease, **_how: Any) -> DurableJournal:
        return cls._begun(super().create(path, session_id, lease, connect=cls._connected, marks=cls._marked))

    @classmethod
    def open(cls, path: Path, lease: Lease, tail: Tail | None = None, **_how: Any) -> DurableJournal:
        cls.hook("open")
        return cls._begun(super().open(path, lease, tail, connect=cls._connected, marks=cls._marked))

    @classmethod
    def _begun(cls, made: DurableJournal) -> DurableJournal:
        made._writer.stop()  # nothing is written behind the session's back
        cls.now = made  # type: ignore[assignment]
        return made

    @classmethod
    def _connected(cls, path: Path) -> Connection:
        cls.connection = FailingConnection(cls.disk.connect(path))
        return cls.connection

    @classmethod
    def _marked(cls, path: Path) -> Marks:
        cls.marks = _Marks(path)
        return cls.marks

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        self.hook("append")
        seq = super().append(at, kind, strategy, event, cause)
        self.rows_of[seq] = (at, kind, strategy, cause or None, event)
        if kind == "market":
            type(self).events += len(event)
        elif kind == "order.submitted":
            self.hook("decided")
        return seq

    def flush(self) -> None:
        self.hook("flush")
        self.commit()
        type(self).acknowledged = max(self.acknowledged, self._seq)
        self.hook("flushed")

    def keep_snapshot(self, seq: int, at: int, body: bytes) -> None:
        self.hook("snapshot")
        super().keep_snapshot(seq, at, body)

    def fail(self, after: int, reason: str) -> None:
        """The disk fails after so many statements more."""
        self.connection.fail_after(after, reason)

    def commit(self) -> None:
        """What the writer's thread does when somebody waits."""
        writer = self._writer
        try:
            while not writer.failure and (writer.durable < self._seq or writer._done < writer._asked):
                writer._commit()
        except Exception as error:  # as the writer does: whatever it is
            writer._fail(error)
        if writer.failure:
            raise JournalError(writer.failure)

    def close(self) -> None:
        if not self._closed:
            super().close()
            self._end()

    def kill(self, rng: Random, to: Path) -> None:
        """The process is killed: of what is pending the writer had got to some. What is left is put at `to`."""
        writer = self._writer
        if not writer.failure:
            kept = rng.randrange(len(writer.pending) + 1)
            del writer.pending[kept:]
            self._seq = last = writer.durable + kept
            for entry in [entry for entry in writer._beside if entry[0] > last]:
                writer._beside.remove(entry)
                writer._asked -= 1
            with suppress(JournalError):
                self.commit()
        self.disk.leave(self.path, to)
        self._closed = True
        self._lease.drop()
        self._end()

    def _end(self) -> None:
        self.connection.end()
        self.marks.end()
        type(self).now = None


def flip(path: Path, rng: Random, *, end: bool) -> bool:
    """Change a byte of the journal's log, near its end or anywhere; false where there is no log."""
    log = Path(f"{path}-wal")
    if not log.exists() or not (size := log.stat().st_size):
        return False
    content = bytearray(log.read_bytes())
    if end and rng.random() < 0.5:
        del content[size - rng.randrange(1, min(size, 5_000)) :]
    else:
        content[size - 1 - rng.randrange(min(size, 5_000) if end else size)] ^= 1 << rng.randrange(8)
    log.write_bytes(bytes(content))
    return True


def spoil_snapshot(path: Path, rng: Random) -> bool:
    """Change a byte of the newest snapshot; false where there is none."""
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT seq, body FROM snapshots ORDER BY seq DESC LIMIT 1").fetchone()
        if found is None:
            return False
        body = bytearray(found[1])
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        connection.execute("UPDATE snapshots SET body = ? WHERE seq = ?", (bytes(body), found[0]))
        connection.commit()
    except sqlite3.Error:  # it was killed before there were tables
        return False
    else:
        return True
    finally:
        connection.close()


def lose_mark(path: Path) -> bool:
    """Delete the note of how far the journal is durable."""
    place = mark.place(path)
    there = place.exists()
    place.unlink(missing_ok=True)
    return there


Damage = Callable[[Path, Random], bool]
