"""The durable journal: what it promises when all goes well, and what it does when it does not."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from onepath.errors import JournalError
from onepath.events import Timer
from onepath.journal import chain, durable, writer
from onepath.journal.durable import DurableJournal, connection_to
from onepath.journal.lease import take
from onepath.journal.sqlite import SqliteReader, index
from onepath.journal.tail import snapshots, verify


def put(journal: DurableJournal, rows: int) -> None:
    for n in range(rows):
        journal.append(n, "timer", None, Timer("t", n))


def there(path: Path) -> int:
    """Rows that another process sees."""
    reader = SqliteReader(path)
    rows = sum(1 for _ in reader.rows())
    reader.close()
    return rows


def test_nothing_is_written_until_it_is_asked_for(journal: DurableJournal, path: Path) -> None:
    """With an hour between commits, rows are durable with the flush and not before."""
    put(journal, 5)
    assert (journal.seq, journal.durable, there(path)) == (5, 0, 0)
    journal.flush()
    assert (journal.durable, there(path)) == (5, 5)


def test_rows_become_durable_by_themselves(path: Path) -> None:
    """A row that nobody waits for is there after the interval, here of a millisecond."""
    journal = DurableJournal.create(path, "s", take(path, 0), interval=0.001)
    put(journal, 1)
    until = time.monotonic() + 10
    while journal.durable < 1 and time.monotonic() < until:
        time.sleep(0.001)
    assert there(path) == 1
    journal.close()


def test_one_check_a_commit(journal: DurableJournal, path: Path) -> None:
    """2,500 rows under one flush are commits of 1,000, 1,000 and 500, each with its check over all before."""
    put(journal, 2 * chain.COMMIT + 500)
    journal.flush()
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT seq, at, kind, strategy_id, cause, body FROM journal ORDER BY seq").fetchall()
    head, expected = chain.START, []
    for first, last in ((0, 1_000), (1_000, 2_000), (2_000, 2_500)):
        head = chain.link(head, "s", rows[first:last])
        expected.append((last, head))
    assert connection.execute("SELECT seq, sha256 FROM checks ORDER BY seq").fetchall() == expected
    connection.close()


def test_the_settings_that_durability_hangs_on(path: Path) -> None:
    """The connection that writes is asked what it is set to: a write-ahead log, synced with each commit."""
    asked: list[Any] = []

    class Asked(sqlite3.Connection):
        def close(self) -> None:
            asked.extend(self.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous"))
            super().close()

    def connect(at: Path) -> Any:
        return sqlite3.connect(at, isolation_level=None, check_same_thread=False, factory=Asked)

    DurableJournal.create(path, "s", take(path, 0), connect=connect).close()
    assert asked == ["wal", 2]


def test_notes_tell_the_library(journal: DurableJournal, path: Path) -> None:
    """The version of SQLite stands beside the session's name, and a note is durable when `note` returns."""
    journal.note({"began": "now"})
    reader = SqliteReader(path)
    assert reader.notes == {"session_id": "s", "sqlite_version": sqlite3.sqlite_version, "began": "now"}
    reader.close()


def test_a_snapshot_comes_after_its_rows(journal: DurableJournal, path: Path) -> None:
    """Kept behind 1,500 rows it is in the second commit, not in the first: at no moment it is there without them."""
    seen: list[tuple[int, int]] = []
    original = journal._writer._say

    def say(rows: int, beside: int) -> None:
        seen.append((journal.durable + rows, sum(1 for _ in snapshots(path))))
        original(rows, beside)

    journal._writer._say = say  # type: ignore[method-assign]
    put(journal, 1_500)
    journal.keep_snapshot(1_500, 7, b"state")
    journal.flush()
    assert seen == [(1_000, 0), (1_500, 1)]


def test_the_last_three_snapshots_stay(written: Path) -> None:
    """Newest first; a fourth takes the place of the oldest."""
    journal = DurableJournal.open(written, take(written, 0))
    assert [kept.seq for kept in snapshots(written)] == [6, 5, 3]
    journal.append(9, "timer", None, Timer("t", 9))
    journal.keep_snapshot(7, 9, b"state after 7")
    journal.close()
    assert [(kept.seq, kept.at, kept.body) for kept in snapshots(written)] == [
        (7, 9, b"state after 7"),
        (6, 6_000_000_000, b"state after 6"),
        (5, 5_000_000_000, b"state after 5"),
    ]


def test_goes_on_where_it_ended(written: Path) -> None:
    """Numbers and chain go on; the name is the same."""
    tail = verify(written)
    journal = DurableJournal.open(written, take(written, 0), tail)
    assert (journal.session_id, journal.durable) == ("s", 6)
    assert journal.append(7, "timer", None, Timer("t", 7)) == 7
    assert [row.seq for row in journal.rows()] == [1, 2, 3, 4, 5, 6, 7]
    journal.close()
    after = verify(written)
    assert (after.seq, after.damage) == (7, "")


def test_a_damaged_journal_is_not_gone_on_with(written: Path) -> None:
    """What is wrong, and what to do."""
    connection = sqlite3.connect(written)
    connection.execute("DROP TABLE checks")
    connection.close()
    lease = take(written, 0)
    with pytest.raises(
        JournalError, match=r"journal[.]db is damaged: .*no such table: checks; `tail[.]cut` keeps what is whole"
    ):
        DurableJournal.open(written, lease)
    assert not lease.held


def test_an_existing_file_is_refused(written: Path) -> None:
    """And stays as it was."""
    before = written.read_bytes()
    lease = take(written, 0)
    with pytest.raises(JournalError, match="exists: a journal is never written over; choose another session name"):
        DurableJournal.create(written, "again", lease)
    assert not lease.held
    assert written.read_bytes() == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """SQLite's refusal, and one of the file system for the mark, are sentences that name the file."""
    path = tmp_path / ("a" * 200) / "journal.db"
    lease = take(tmp_path / "other.db", 0)
    with pytest.raises(JournalError, match=r"cannot write the journal .*journal[.]db: unable to open database file"):
        DurableJournal.create(path, "s", lease)
    (tmp_path / "journal.mark").mkdir()
    with pytest.raises(JournalError, match=r"cannot write the journal .*journal[.]db: .*Is a directory"):
        DurableJournal.create(tmp_path / "journal.db", "s", lease)


def test_who_appends_too_fast_waits(journal: DurableJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more rows than the limit are kept in memory: here 10, so that after 25 appends 20 are durable."""
    monkeypatch.setattr(durable, "MOST", 10)
    put(journal, 25)
    assert journal.durable == 20


class Failing:
    """A connection whose `COMMIT` fails from the n-th on, and that does not even close."""

    def __init__(self, path: Path, commits: int) -> None:
        self.inner = connection_to(path)
        self.left = commits

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        self.left -= statement == "COMMIT"
        if self.left < 0:
            raise sqlite3.OperationalError("disk I/O error")
        return self.inner.execute(statement, values)

    def close(self) -> None:
        self.inner.close()
        raise sqlite3.OperationalError("disk I/O error")


def failing(commits: int) -> Callable[[Path], Any]:
    return lambda path: Failing(path, commits)


REFUSED = "the journal cannot be written: disk I/O error; rows up to 3 are safe; the session stops here"


def test_after_a_failure_everything_is_refused(path: Path) -> None:
    """The flush that failed raises, and so does every append, flush, note, snapshot and the closing; what was durable stays;
    the lease is given back."""
    journal = DurableJournal.create(path, "s", take(path, 0), interval=3_600, connect=failing(2))
    put(journal, 3)
    journal.flush()
    put(journal, 2)
    for refused in (
        journal.flush,
        journal.flush,
        lambda: journal.append(9, "timer", None, Timer("t", 9)),
        lambda: journal.note({"a": "b"}),
        lambda: journal.keep_snapshot(3, 3, b""),
        journal.rows,
        journal.close,
    ):
        with pytest.raises(JournalError) as error:
            refused()
        assert str(error.value) == REFUSED
    journal.close()  # once is enough
    tail = verify(path)
    assert (tail.seq, tail.damage, there(path)) == (3, "", 3)
    take(path, 0).release()


def test_a_failure_nobody_waited_for(path: Path) -> None:
    """A commit by the clock fails: the next append is refused."""
    journal = DurableJournal.create(path, "s", take(path, 0), interval=0.001, connect=failing(1))
    put(journal, 1)
    until = time.monotonic() + 10
    while not journal._writer.failure and time.monotonic() < until:
        time.sleep(0.001)
    with pytest.raises(JournalError, match="disk I/O error; rows up to 0 are safe"):
        journal.append(9, "timer", None, Timer("t", 9))
    with pytest.raises(JournalError):
        journal.close()


def test_what_cannot_be_encoded_is_a_failure(journal: DurableJournal, path: Path) -> None:
    """A value that JSON does not know is told by the flush, and nothing after it is taken."""
    put(journal, 2)
    journal.flush()
    journal.append(3, "timer", None, object())
    with pytest.raises(JournalError, match=r"the journal cannot be written: .*object.*; rows up to 2 are safe"):
        journal.flush()
    with pytest.raises(JournalError):
        journal.close()
    assert there(path) == 2


def test_a_journal_that_cannot_even_be_made(path: Path) -> None:
    """Its connection is closed, and an error of that hides nothing."""
    lease = take(path, 0)
    with pytest.raises(JournalError, match=r"cannot write the journal .*: disk I/O error"):
        DurableJournal.create(path, "s", lease, connect=failing(0))
    assert not lease.held


def test_a_journal_without_its_thread(journal: DurableJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a forked child, which has no other thread: the flush raises and does not wait for ever."""
    monkeypatch.setattr(writer, "_PATIENCE", 0.01)
    journal._writer.stop()
    put(journal, 1)
    with pytest.raises(
        JournalError, match="the journal is written by the process that opened it, and this is another one"
    ):
        journal.flush()
    with pytest.raises(JournalError):
        journal.close()


def test_no_index_while_it_is_run(path: Path) -> None:
    """A long session that has ended is indexed when its process has let go of it, not before: its writer is alone."""
    journal = DurableJournal.create(path, "s", take(path, 0), interval=3_600)
    put(journal, 25_000)
    journal.append(25_001, "session.ended", None, {"status": "completed"})
    journal.flush()
    assert not index(path)
    journal.close()
    assert index(path)
    assert verify(path).damage == ""


def test_rows_while_others_are_written(journal: DurableJournal) -> None:
    """Rows that are being read stay those that were there, however many are appended meanwhile."""
    put(journal, 3)
    rows = journal.rows()
    first = next(rows)
    put(journal, 3)
    journal.flush()
    assert [first.seq, *(row.seq for row in rows)] == [1, 2, 3]
