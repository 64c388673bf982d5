"""A journal in one SQLite file a session: append only, dense sequence, readable with any SQL tool.

Rules: one connection writes and it alone checkpoints (SQLite before 3.51.3 has a bug with two); readers open read-only
(but `index`, which adds indexes to a journal that has ended).
Rows are kept in a list and written in batches; `flush` makes them durable.
Wall-clock times and the session's identity stand in `session`, so that `journal` is equal for equal runs
but for its `session_id` column.
Limits: SQLite fires no trigger for `INSERT OR REPLACE` of a connection without `recursive_triggers`: ours has it.
Cost: about 1.5 us a row, encoding included.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from onepath.errors import JournalError
from onepath.journal.codec import encode
from onepath.journal.schema import INDEXES, TABLES, WIDTH, insert, insertions, key
from onepath.ports import Row

BATCH = 2_000
_FULL = BATCH * WIDTH
_MANY = 20_000
"""rows from which on a scan takes longer than a person waits"""
_SELECT = "SELECT seq, at, kind, strategy_id, cause, body FROM journal"


def explained(rows: Iterable[Row], session_id: str, fill_id: int) -> Mapping[str, Any] | None:
    """The row of the view `explained` for one fill, from a journal wherever it is; None where it has no such fill."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(TABLES)
    connection.executemany(
        insert(1),
        (
            (session_id, r.seq, r.at, r.kind, r.strategy, r.cause, r.body.decode())
            for r in _around(
                fill_id, [r for r in rows if r.kind.startswith("order.") or r.kind in ("signal", "position")]
            )
        ),
    )
    found = connection.execute("SELECT * FROM explained WHERE fill_id = ?", (fill_id,)).fetchone()
    connection.close()
    return None if found is None else dict(found)


def _around(fill_id: int, rows: Sequence[Row]) -> Iterator[Row]:
    """The rows that may tell of a fill: what names it, its order, the order's parent or their signals."""
    fill = _told(rows, ("order.filled", "order.partly_filled"), fill_id)
    order = _told(rows, ("order.submitted", "order.forced"), fill.get("order_id"))
    parent = _told(rows, ("order.submitted",), order.get("parent_id"))
    ids = {fill_id, fill.get("order_id"), order.get("parent_id"), order.get("signal_id"), parent.get("signal_id")} - {
        None
    }
    words = [f'id":{number}{end}'.encode() for number in ids for end in ",}"]
    return (row for row in rows if any(word in row.body for word in words))


def _told(rows: Sequence[Row], kinds: Sequence[str], number: Any) -> dict[str, Any]:
    """What the first row of such a kind and id says; nothing where there is none."""
    words = f'"id":{number},'.encode(), f'"id":{number}}}'.encode()
    for row in rows if number is not None else ():
        if row.kind in kinds and (words[0] in row.body or words[1] in row.body):
            told: dict[str, Any] = msgspec.json.decode(row.body)
            return told
    return {}


def index(path: Path) -> bool:
    """Make `explained` quick in a long journal whose session has ended, once; whether it is. Where the file cannot be written,
    or a process runs the session (its writer is alone), all stays as it was."""
    if not path.with_suffix(".lock").exists():
        return _indexed(path)
    from onepath.journal.lease import alone  # of systems that have locks, as the sessions that have one

    try:
        with alone(path):
            return _indexed(path)
    except JournalError:
        return False


def _indexed(path: Path) -> bool:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        done = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        if "journal_steps" in done:
            return True
        last = connection.execute("SELECT seq, kind FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        (view,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'explained'").fetchone()
        if last is None or last[0] < _MANY or last[1] != "session.ended" or key("f.") not in view:
            return False
        connection.executescript(f"BEGIN;{INDEXES}COMMIT;")
    except (sqlite3.Error, TypeError):
        return False
    finally:
        connection.close()  # what was not committed is taken back
    return True


class SqliteJournal:
    """Writes one session's journal. Use `SqliteJournal.create` for a new one."""

    def __init__(self, connection: sqlite3.Connection, session_id: str, seq: int = 0) -> None:
        self.session_id = session_id
        self._connection = connection
        self._seq = seq
        self._pending: list[Any] = []
        """the values of the rows to be written, one after the other: a tuple a row would cost more than it tells"""

    @classmethod
    def create(cls, path: Path, session_id: str, *, durable: bool = False) -> SqliteJournal:
        """A new file. `durable` makes every flush survive a power cut (synchronous FULL); without it a flush survives
        the end of the process, which is enough for what can be run again."""
        if path.exists():
            raise JournalError(f"{path} exists: a journal is never written over; choose another session name")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("PRAGMA page_size=16384")
            connection.execute(f"PRAGMA journal_mode={'WAL' if durable else 'TRUNCATE'}")
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
            connection.execute("PRAGMA recursive_triggers=ON")
            connection.executescript(f"BEGIN;{TABLES}COMMIT;")
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"cannot write the journal {path}: {error}") from None
        journal = cls(connection, session_id)
        journal.note({"session_id": session_id})
        return journal

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        self._seq = seq = self._seq + 1
        pending = self._pending
        pending += (seq, at, kind, strategy, cause or 0, event)  # to bind None costs as much as to write half a row
        if len(pending) >= _FULL:
            self.flush()
        return seq

    def note(self, facts: Mapping[str, str]) -> None:
        """Write identity and wall-clock facts of the session (not part of the record that replays)."""
        self._write(("INSERT OR REPLACE INTO session VALUES (?, ?)", fact) for fact in facts.items())

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        self.flush()
        return _rows(self._connection, kinds)

    def flush(self) -> None:
        if self._pending:
            values = self._pending.copy()
            values[WIDTH - 1 :: WIDTH] = [encode(event).decode() for event in values[WIDTH - 1 :: WIDTH]]
            self._write(insertions(self.session_id, values))
            del self._pending[: len(values)]

    def _write(self, statements: Iterable[tuple[str, Sequence[Any]]]) -> None:
        """All statements, or none of them."""
        try:
            self._connection.execute("BEGIN")
            for statement, values in statements:
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        except KeyboardInterrupt:
            self._connection.rollback()
            raise
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be written: {error}; the session stops here") from None

    def close(self) -> None:
        self.flush()
        self._connection.close()


class SqliteReader:
    """Reads a session's journal and its notes, read-only."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise JournalError(f"there is no journal at {path}")
        self.path = path
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            self.notes: dict[str, str] = dict(self._connection.execute("SELECT key, value FROM session"))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._connection.close()
            raise JournalError(f"{path} is not a journal of onepath: {error}") from None
        self.session_id = self.notes.get("session_id", path.stem)

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        return _rows(self._connection, kinds)

    def close(self) -> None:
        self._connection.close()


def _rows(connection: sqlite3.Connection, kinds: Sequence[str]) -> Iterator[Row]:
    where = f" WHERE kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
    try:
        for seq, at, kind, strategy, cause, body in connection.execute(f"{_SELECT}{where} ORDER BY seq", tuple(kinds)):
            yield Row(seq, at, kind, strategy, cause, body.encode())
    except (sqlite3.Error, UnicodeDecodeError, AttributeError) as error:
        raise JournalError(f"the journal is damaged and does not read: {error}; take a copy of it that does") from None
