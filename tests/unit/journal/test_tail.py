"""Up to where a journal is whole, what is said of the rest, and what cutting it off leaves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from onepath.errors import JournalError
from onepath.events import Timer
from onepath.journal import mark, schema, tail
from onepath.journal.durable import DurableJournal
from onepath.journal.lease import take
from onepath.journal.mark import MarkFile
from onepath.journal.sqlite import SqliteJournal, SqliteReader
from onepath.journal.tail import Snapshot, cut, snapshots, verify


def change(path: Path, *statements: str) -> None:
    """What somebody does who takes the triggers off."""
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def seqs(path: Path) -> list[int]:
    reader = SqliteReader(path)
    found = [row.seq for row in reader.rows()]
    reader.close()
    return found


def test_a_whole_journal(written: Path) -> None:
    """Its name, last row, that row's time and check; nothing wrong and nothing lost."""
    connection = sqlite3.connect(written)
    (head,) = connection.execute("SELECT sha256 FROM checks WHERE seq = 6").fetchone()
    connection.close()
    assert verify(written) == ("s", 6, 6_000_000_000, head, "", 0)


def test_an_empty_journal(journal: DurableJournal, path: Path) -> None:
    """Not one row is whole, too; the session's name is known."""
    assert verify(path) == ("s", 0, 0, "", "", 0)


def test_while_it_is_written(journal: DurableJournal, path: Path) -> None:
    """What is durable by then is whole."""
    journal.append(5, "timer", None, Timer("t", 5))
    journal.flush()
    journal.append(6, "timer", None, Timer("t", 6))
    assert verify(path)[:3] == ("s", 1, 5)


def test_after_a_snapshot_alone(written: Path) -> None:
    """From the last check at or before the row: what is before it is not looked at, and what comes after fits or does not."""
    change(written, "UPDATE journal SET at = 0 WHERE seq = 2")
    assert verify(written).seq == 0
    assert verify(written, since=2).damage
    assert verify(written, since=3)[:3] == ("s", 6, 6_000_000_000)
    assert verify(written, since=6)[:3] == ("s", 6, 0)
    assert (verify(written, since=6).sha256, verify(written, since=6).damage) == (verify(written, since=5).sha256, "")


DAMAGES = [
    (
        "UPDATE journal SET body = '{}' WHERE seq = 4",
        3,
        "rows 4 to 5 are not what was written: they do not fit their check",
    ),
    ("DELETE FROM journal WHERE seq = 5", 3, "rows 4 to 5 are not what was written"),
    ("DELETE FROM journal WHERE seq = 6", 5, "rows 6 to 6 are not what was written"),
    ("UPDATE journal SET session_id = 'x' WHERE seq = 4", 3, "rows 4 to 5 are not what was written"),
    ("UPDATE checks SET sha256 = 'x' WHERE seq = 5", 3, "rows 4 to 5 are not what was written"),
    ("DELETE FROM checks WHERE seq = 5", 3, "rows 4 to 6 are not what was written"),
    ("DELETE FROM checks WHERE seq = 6", 5, "after row 5 come rows without a check"),
    ("INSERT INTO journal VALUES ('s', 7, 0, 'timer', NULL, NULL, '{}')", 6, "after row 6 come rows without a check"),
    ("INSERT INTO journal VALUES ('s', -7, 0, 'timer', NULL, NULL, '{}')", 6, "after row 6 come rows without a check"),
    (
        "UPDATE checks SET seq = 999999 WHERE seq = 6",
        5,
        "the check after row 5 is that of row 999999, which is too far",
    ),
    ("DELETE FROM session", 0, "the session's name is not there"),
    ("UPDATE session SET value = x'00' WHERE key = 'session_id'", 0, "the session's name is not there"),
    ("DROP TABLE checks", 0, "the file does not read after row 0: no such table: checks"),
]


@pytest.mark.parametrize(("statement", "good", "said"), DAMAGES)
def test_what_is_wrong_is_said(written: Path, statement: str, good: int, said: str) -> None:
    """The last good row is the last whose commit fits; the mark knows that there were six."""
    change(written, statement)
    found = verify(written)
    assert (found.seq, found.lost) == (good, 6 - good)
    assert found.damage.startswith(said)


def test_a_beginning_of_another_journal(tmp_path: Path) -> None:
    """Two journals that differ in their first row end with different checks, though the rest is equal; and the first row of one,
    with its own check, does not fit before the rest of the other."""
    for name, first in (("one", 1), ("two", 99)):
        journal = DurableJournal.create(tmp_path / f"{name}.db", "s", take(tmp_path / f"{name}.db", 0), interval=3_600)
        for seq, at in ((1, first), (2, 200)):
            journal.append(at, "timer", None, Timer("t", seq))
            journal.flush()
        journal.close()
    one, two = tmp_path / "one.db", tmp_path / "two.db"
    assert verify(one).sha256 != verify(two).sha256
    change(
        one,
        f"ATTACH '{two}' AS two",
        "DELETE FROM journal WHERE seq = 1",
        "DELETE FROM checks WHERE seq = 1",
        "INSERT INTO journal SELECT * FROM two.journal WHERE seq = 1",
        "INSERT INTO checks SELECT * FROM two.checks WHERE seq = 1",
    )
    assert (verify(one).seq, verify(one).damage[:28]) == (1, "rows 2 to 2 are not what was")


def test_an_end_that_is_missing(written: Path) -> None:
    """A last commit that is gone with its check leaves a chain that holds; the mark tells."""
    change(written, "DELETE FROM journal WHERE seq > 5", "DELETE FROM checks WHERE seq > 5")
    found = verify(written)
    assert (found.seq, found.lost) == (5, 1)
    assert found.damage == "it ends with row 5, but rows up to 6 had been written: the end is missing"
    mark.place(written).unlink()
    assert verify(written).damage == ""


def test_a_mark_of_another_journal(written: Path) -> None:
    """The rows that it was written for are not these."""
    file = MarkFile(written)
    file.write(5, "x" * 64)
    file.close()
    found = verify(written)
    assert (found.seq, found.lost, found.damage) == (3, 2, "the mark beside it was written for other rows up to 5")


def test_a_file_that_is_damaged_where_no_row_is(written: Path) -> None:
    """A page that belongs to nothing: every row reads, but the file's own books are not in order."""
    content = bytearray(written.read_bytes()) + bytes(schema.PAGE)
    content[28:32] = (len(content) // schema.PAGE).to_bytes(4, "big")  # the header's number of pages
    written.write_bytes(content)
    found = verify(written)
    assert (found.seq, found.lost) == (6, 0)
    assert found.damage.startswith("all rows read, but the file is damaged elsewhere: ")
    done = cut(written)
    assert (
        "6 rows up to 1970-01-01 00:00:06 UTC are kept, none after it had been acknowledged, as far as is known"
        in done.said
    )
    assert verify(written)[1:2] == (6,)
    assert verify(written).damage == ""


def test_no_journal(path: Path) -> None:
    """Nothing is there: told by both."""
    for ask in (verify, cut):
        with pytest.raises(JournalError, match="there is no journal at"):
            ask(path)


def test_a_cut(written: Path) -> None:
    """Rows, checks, notes and snapshots up to the last good row in the new file; the damaged one beside it, byte for byte; and it
    goes on from there."""
    change(written, "UPDATE journal SET at = 0 WHERE seq = 6", "INSERT INTO session VALUES ('began', 'now')")
    before = written.read_bytes()
    done = cut(written)
    kept = written.with_name("journal.damaged-1.db")
    assert done.damaged == kept
    assert kept.read_bytes() == before
    assert done.said == (
        "5 rows up to 1970-01-01 00:00:05 UTC are kept, 1 rows after it are lost: "
        f"rows 6 to 6 are not what was written: they do not fit their check; the damaged journal stays at {kept}"
    )
    assert verify(written) == done.tail
    assert (done.tail.seq, done.tail.damage, seqs(written)) == (5, "", [1, 2, 3, 4, 5])
    assert mark.read(written) == (5, done.tail.sha256)
    assert [kept.seq for kept in snapshots(written)] == [5, 3]
    reader = SqliteReader(written)
    assert reader.notes["began"] == "now"
    assert reader.notes["cut journal.damaged-1"] == done.said
    reader.close()
    journal = DurableJournal.open(written, take(written, 0), done.tail)
    assert journal.append(6, "timer", None, Timer("t", 6)) == 6
    journal.close()
    assert verify(written)[1:2] == (6,)
    with pytest.raises(sqlite3.IntegrityError, match="the journal is append-only"):
        sqlite3.connect(written).execute("DELETE FROM checks")


def test_cut_twice(written: Path) -> None:
    """Each damaged file has a name of its own."""
    change(written, "UPDATE journal SET at = 0 WHERE seq = 6")
    cut(written)
    change(written, "UPDATE journal SET at = 0 WHERE seq = 5")
    assert cut(written).damaged.name == "journal.damaged-2.db"
    assert seqs(written) == [1, 2, 3]
    assert seqs(written.with_name("journal.damaged-1.db")) == [1, 2, 3, 4, 5, 6]


def test_a_log_goes_with_its_database(path: Path) -> None:
    """What a process that died left behind is moved as one; beside the new database an old log would be read into it."""
    journal = DurableJournal.create(path, "s", take(path, 0), interval=3_600)
    for seq in (1, 2):
        journal.append(seq, "timer", None, Timer("t", seq))
        journal.flush()
    for file in list(path.parent.iterdir()):
        (path.parent / f"left.{file.name.removeprefix('journal.')}").write_bytes(file.read_bytes())
    journal.close()
    left = path.with_name("left.db")
    file = MarkFile(left)
    file.write(2, "x" * 64)
    file.close()
    log = Path(f"{left}-wal").read_bytes()
    assert verify(left).damage == "the mark beside it was written for other rows up to 2"
    assert cut(left).tail.seq == 1
    assert Path(f"{left.with_name('left.damaged-1.db')}-wal").read_bytes() == log
    assert seqs(left) == [1]


def test_nothing_to_cut(written: Path) -> None:
    """A whole journal, and one without a good row, are left alone, and nothing lies about."""
    before = sorted(file.name for file in written.parent.iterdir())
    with pytest.raises(JournalError, match=r"journal[.]db is whole up to row 6: there is nothing to cut"):
        cut(written)
    assert sorted(file.name for file in written.parent.iterdir() if not file.name.endswith(("-wal", "-shm"))) == before
    change(written, "UPDATE journal SET at = 0 WHERE seq = 1")
    with pytest.raises(
        JournalError, match=r"nothing of .*journal[.]db can be kept: rows 1 to 3 are not what was written"
    ):
        cut(written)
    assert not written.with_name("journal.mended.db").exists()


def test_what_cannot_be_mended_is_left_alone(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room for the new file, or it cannot be made: a sentence, and all is as it was."""
    change(written, "UPDATE journal SET at = 0 WHERE seq = 6")
    before = written.read_bytes()
    full = "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END;"
    monkeypatch.setattr(tail, "TABLES", schema.TABLES + full)
    with pytest.raises(
        JournalError, match=r"the good rows of .* cannot be written to .*: database or disk is full; all is as it"
    ):
        cut(written)
    assert not written.with_name("journal.mended.db").exists()
    written.with_name("journal.mended.db").mkdir()
    with pytest.raises(JournalError, match=r"cannot be written to .*mended[.]db: .*; all is as it was"):
        cut(written)
    assert written.read_bytes() == before


@pytest.mark.parametrize("moved", [("journal.db",), ("journal.db", "journal.db-wal", "journal.db-shm", "journal.mark")])
def test_a_cut_that_broke_off(written: Path, moved: tuple[str, ...]) -> None:
    """Between moving the damaged files and putting the new one there the process ends: `verify` says so, `cut` ends it."""
    change(written, "UPDATE journal SET at = 0 WHERE seq = 6")
    folder = written.parent
    before = {name: (folder / name).read_bytes() for name in ("journal.db", "journal.mark")}
    cut(written)
    for end in ("db-wal", "db-shm"):
        (folder / f"journal.{end}").unlink(missing_ok=True)
    written.rename(folder / "journal.mended.db")
    (folder / "journal.damaged-1.mark").rename(folder / "journal.mark")
    (folder / "journal.damaged-1.db").rename(folder / "journal.db")
    (folder / "journal.db-wal").write_bytes(b"a log")
    for name in moved:
        if (folder / name).exists():
            (folder / name).rename(folder / name.replace("journal.", "journal.damaged-1."))
    assert verify(written).damage == "cutting off damaged rows broke off halfway; cutting again ends it"
    done = cut(written)
    assert done.said == (
        f"the cut that had broken off is done: rows up to 5 are kept; {folder / 'journal.damaged-1.db'} is what was damaged"
    )
    assert (verify(written).seq, verify(written).damage) == (5, "")
    assert (folder / "journal.damaged-1.db").read_bytes() == before["journal.db"]
    assert (folder / "journal.damaged-1.mark").read_bytes() == before["journal.mark"]
    assert (folder / "journal.damaged-1.db-wal").read_bytes() == b"a log"


def test_a_snapshot_that_is_damaged(written: Path) -> None:
    """Its body, time or place changed: left out and told; the next older one is used."""
    for what in ("body = x'00'", "at = 1", "seq = 60", "body = 'state after 6'"):
        change(written, f"UPDATE snapshots SET {what} WHERE seq = 6")  # noqa: S608
        said: list[str] = []
        assert next(snapshots(written, said.append)) == Snapshot(5, 5_000_000_000, b"state after 5")
        place = 60 if "seq" in what else 6
        assert said == [f"the snapshot after row {place} is damaged and is not used: it does not fit its checksum"]
        change(written, "DELETE FROM snapshots WHERE seq > 5")
        journal = DurableJournal.open(written, take(written, 0))
        journal.keep_snapshot(6, 6_000_000_000, b"state after 6")
        journal.close()


def test_snapshots_that_do_not_read(written: Path, tmp_path: Path) -> None:
    """No table: told, and none is used."""
    change(written, "DROP TABLE snapshots")
    said: list[str] = []
    assert list(snapshots(written, said.append)) == []
    assert said == [f"the snapshots of {written} do not read and are not used: no such table: snapshots"]


def test_a_journal_without_checks(tmp_path: Path) -> None:
    """One of a session that can be run again has none: nothing is vouched for."""
    other = SqliteJournal.create(tmp_path / "s.db", "s")
    other.append(1, "timer", None, Timer("t", 1))
    other.close()
    assert verify(tmp_path / "s.db").damage == "the file does not read after row 0: no such table: checks"
