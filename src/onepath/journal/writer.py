"""The thread that writes a durable journal: it alone uses the connection, commits in groups and checkpoints.

Rules: rows leave `pending` when they are durable, not before. A commit holds at most `chain.COMMIT` rows with their check, and
what goes beside the record (notes, snapshots) after the rows that were appended before it. It comes when somebody waits, when
enough rows are there, else after the interval. The first thing that goes wrong is the last thing done: nothing is
tried again, because after a failed sync nobody knows what is on the disk; what was committed stays.
Limits: a commit that failed may be there after all when the file is opened again: whole, with its check, or not at all.
Cost: rows are encoded and bound a hundred at a time, and SQLite works without the interpreter's lock in between: the thread that
appends never waits for long.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Protocol

from onepath.errors import JournalError
from onepath.journal.chain import COMMIT, link
from onepath.journal.codec import encode
from onepath.journal.schema import AT_ONCE, insertions

Statement = tuple[str, Sequence[Any]]
Pending = tuple[int, int, str, str | None, int | None, Any]
_PATIENCE = 1.0
"""seconds after which one who waits looks whether the writer is still there: it is not in a forked child"""


class Connection(Protocol):
    """What is needed of a database's connection; that of `sqlite3` and of `apsw` have it."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any: ...

    def close(self) -> None: ...


class Marks(Protocol):
    """Where it is noted up to which row all is durable."""

    def write(self, seq: int, sha256: str) -> None: ...

    def close(self) -> None: ...


class Writer:
    """Writes what is put into `pending`, in order, until it is stopped or something fails."""

    def __init__(
        self, connection: Connection, marks: Marks, session_id: str, *, seq: int, head: str, interval: float
    ) -> None:
        self.pending: list[Pending] = []
        """rows that are not durable yet: one thread adds at the end, the writer takes away at the start"""
        self.durable = seq
        self.failure = ""
        """why nothing can be written any more, in a sentence; empty while all is well"""
        self._connection = connection
        self._session_id = session_id
        self._marks = marks
        self._head = head
        self._interval = interval
        self._beside: list[tuple[int, Sequence[Statement]]] = []
        self._asked = self._done = 0  # things beside the record
        self._wanted = 0
        self._stopping = False
        self._bell = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"journal {session_id}", daemon=True)
        self._thread.start()

    def put_beside(self, after: int, statements: Sequence[Statement]) -> None:
        """Have statements carried out, together, in the commit that holds row `after` or a later one."""
        self._beside.append((after, statements))
        self._asked += 1

    def wait(self, seq: int) -> None:
        """Return when rows up to `seq` and all that was put beside them are durable. Raises JournalError."""
        asked = self._asked
        if self.durable < seq or self._done < asked:
            with self._bell:
                self._wanted = max(self._wanted, seq)
                self._bell.notify_all()
                while (self.durable < seq or self._done < asked) and not self.failure:
                    self._bell.wait(_PATIENCE)
                    if not self._thread.is_alive() and not self.failure:
                        self.failure = "the journal is written by the process that opened it, and this is another one"
        if self.failure:
            raise JournalError(self.failure)

    def stop(self) -> None:
        """End the thread, which closes the connection. What nobody waited for is not written."""
        with self._bell:
            self._stopping = True
            self._bell.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping:
                with self._bell:
                    self._bell.wait_for(self._urgent, self._interval)
                self._commit()
        except Exception as error:  # whatever it is: what is not recorded did not happen
            self._fail(error)
        for opened in (self._connection, self._marks):
            with suppress(Exception):  # what was committed is safe, however this ends
                opened.close()

    def _urgent(self) -> bool:
        return self.durable < self._wanted or self._done < self._asked or len(self.pending) >= COMMIT or self._stopping

    def _commit(self) -> None:
        """Make durable what is pending, a commit's worth of it."""
        rows = self.pending[:COMMIT]
        last = self.durable + len(rows)
        beside = [statements for after, statements in self._beside[:] if after <= last]
        if not rows and not beside:
            return
        self._connection.execute("BEGIN")
        if rows:
            self._head = head = self._write(rows)
            self._connection.execute("INSERT INTO checks VALUES (?, ?)", (last, head))
        for statement, values in chain.from_iterable(beside):
            self._connection.execute(statement, values)
        self._connection.execute("COMMIT")
        self._marks.write(last, self._head)
        self._say(len(rows), len(beside))

    def _write(self, rows: Sequence[Pending]) -> str:
        """Insert rows; their check."""
        written: list[tuple[Any, ...]] = []
        for first in range(0, len(rows), AT_ONCE):
            part = [
                (seq, at, kind, strategy, cause or None, encode(event).decode())
                for seq, at, kind, strategy, cause, event in rows[first : first + AT_ONCE]
            ]
            for statement, values in insertions(self._session_id, list(chain.from_iterable(part))):
                self._connection.execute(statement, values)
            written += part
        return link(self._head, self._session_id, written)

    def _say(self, rows: int, beside: int) -> None:
        """Tell those who wait that so much more is durable."""
        with self._bell:
            del self.pending[:rows]
            del self._beside[:beside]
            self.durable += rows
            self._done += beside
            self._bell.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._bell:
            self.failure = self.failure or (
                f"the journal cannot be written: {error}; rows up to {self.durable} are safe; the session stops here"
            )
            self._bell.notify_all()
