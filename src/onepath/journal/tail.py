"""Up to where a journal is whole, and cutting off what is not.

Rules: a row counts when its commit's check fits it and all rows before it; what comes after the first that does not is lost,
whatever it looks like. The mark beside the journal says what must be there. Nothing is guessed and nothing is deleted: `cut`
writes the good rows into a new file and keeps the damaged one, with all that belongs to it, beside it.
Limits: notes (table `session`) are outside the chain; snapshots have checksums of their own. After a power cut the mark may be
some seconds old: that the log lost rows written since goes unnoticed where what is left ends with a commit.
Whoever cuts has the lease. Cost: 1.4 s for a million rows, of which 0.2 s are for the file's structure.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from onepath.errors import JournalError
from onepath.journal import mark
from onepath.journal.chain import COMMIT, START, link, seal
from onepath.journal.schema import PAGE, PROOF, TABLES, insert

_ROWS = "SELECT seq, at, kind, strategy_id, cause, body FROM journal WHERE session_id = ? AND seq > ? ORDER BY seq"
_BESIDE = ("", "-wal", "-shm", "-journal")
"""the files of one database, after its name"""
_SECOND = 1_000_000_000


class Tail(NamedTuple):
    """How far a journal is whole."""

    session_id: str
    seq: int
    """the last good row; 0: none"""
    at: int
    """its time"""
    sha256: str
    """the check of all rows up to it"""
    damage: str
    """what is wrong with the journal after it, in words; empty: nothing"""
    lost: int
    """rows that are known to have been there after it"""


class Snapshot(NamedTuple):
    """A state that was kept: what it was after row `seq`."""

    seq: int
    at: int
    body: bytes


class Cut(NamedTuple):
    """What `cut` did: up to where the new journal goes, where the damaged one lies, and both in a sentence."""

    tail: Tail
    damaged: Path
    said: str


class _Damaged(Exception):  # noqa: N818 - found, not failed
    """What is wrong, in words."""


def verify(path: Path, since: int = 0) -> Tail:
    """Look through a journal, or through what comes after row `since` alone (a snapshot's: what is before it is then neither
    read nor vouched for). It may be one that is being written. Raises JournalError where there is none."""
    if not path.is_file():
        if _mended(path).is_file():
            return Tail("", 0, 0, START, "cutting off damaged rows broke off halfway; cutting again ends it", 0)
        raise JournalError(f"there is no journal at {path}")
    return _walked(path, since, lambda tail, rows: None)


def _walked(path: Path, since: int, take: Callable[[Tail, Sequence[Any]], None]) -> Tail:
    """How far a journal is whole; `take` is given each good commit: how far it goes, and its rows."""
    marked = mark.read(path)  # before the rows: they may become more meanwhile
    found = Tail("", 0, 0, START, "", 0)
    damage = ""
    try:
        with closing(_reading(path)) as connection:
            connection.execute("BEGIN")
            for found, rows in _followed(connection, marked, since):
                take(found, rows)
            _ended(connection, found, marked)
    except _Damaged as what:
        damage = str(what)
    except (sqlite3.Error, UnicodeDecodeError, ValueError, OverflowError) as error:
        damage = f"the file does not read after row {found.seq}: {error}"
    lost = max(0, marked.seq - found.seq) if damage and marked else 0
    return found._replace(damage=damage, lost=lost)


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _followed(
    connection: sqlite3.Connection, marked: mark.Mark | None, since: int
) -> Iterator[tuple[Tail, Sequence[Any]]]:
    """How far all is well, commit by commit, with its rows; raises what is wrong with the next."""
    named = connection.execute("SELECT value FROM session WHERE key = 'session_id'").fetchone()
    if named is None or not isinstance(named[0], str):
        raise _Damaged("the session's name is not there")
    before = "SELECT seq, sha256 FROM checks WHERE seq BETWEEN 1 AND ? ORDER BY seq DESC"
    seq, head = connection.execute(before, (since,)).fetchone() or (0, START)
    yield Tail(named[0], seq, 0, head, "", 0), ()
    rows = connection.execute(_ROWS, (named[0], seq))
    for last, sha256 in connection.execute("SELECT seq, sha256 FROM checks WHERE seq > ? ORDER BY seq", (seq,)):
        if last - seq > COMMIT:
            raise _Damaged(f"the check after row {seq} is that of row {last}, which is too far")
        part = rows.fetchmany(last - seq)
        head = link(head, named[0], part)
        if head != sha256:
            raise _Damaged(f"rows {seq + 1} to {last} are not what was written: they do not fit their check")
        if marked and marked.seq == last and marked.sha256 != head:
            raise _Damaged(f"the mark beside it was written for other rows up to {last}")
        seq = last
        yield Tail(named[0], seq, part[-1][1], head, "", 0), part


def _ended(connection: sqlite3.Connection, found: Tail, marked: mark.Mark | None) -> None:
    """After the last check there is nothing more, and nothing is missing."""
    if connection.execute("SELECT 1 FROM journal WHERE seq > ? OR seq < 1 LIMIT 1", (found.seq,)).fetchone():
        raise _Damaged(f"after row {found.seq} come rows without a check")
    if marked and marked.seq > found.seq:
        raise _Damaged(
            f"it ends with row {found.seq}, but rows up to {marked.seq} had been written: the end is missing"
        )
    ((fault,),) = connection.execute("PRAGMA integrity_check(1)")
    if fault != "ok":  # what is written next could fall on what is there
        raise _Damaged(f"all rows read, but the file is damaged elsewhere: {' '.join(fault.split())}")


def cut(path: Path) -> Cut:
    """Put a journal of the good rows into the place of a damaged one, which stays beside it as `journal.damaged-1.db` (-2, ...).
    Raises JournalError where there is nothing to cut, or not one good row: then all is as it was."""
    mended, place = _mended(path), _place(path)
    if not path.is_file():
        if mended.is_file():
            return _ended_cut(path)
        raise JournalError(f"there is no journal at {path}")
    try:
        said = _mend(path, mended, place)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(
            f"the good rows of {path} cannot be written to {mended}: {error}; all is as it was"
        ) from None
    _move(path, place)
    return Cut(_settled(path), place, said)


def _mend(path: Path, mended: Path, place: Path) -> str:
    """Write a new journal of what is good, durable when this returns; what was done, in a sentence. What fails leaves nothing."""
    mended.unlink(missing_ok=True)  # of a cut that broke off before anything was moved
    try:
        with closing(sqlite3.connect(mended, isolation_level=None)) as new:
            tail = _copied(path, new)
            _worth_it(path, tail)
            said = _told(tail, place)
            _add_beside(path, new, tail, {"session_id": tail.session_id, f"cut {place.stem}": said})
            new.execute("COMMIT")
    except Exception:
        mended.unlink(missing_ok=True)
        raise
    return said


def _worth_it(path: Path, tail: Tail) -> None:
    if not tail.damage:
        raise JournalError(f"{path} is whole up to row {tail.seq}: there is nothing to cut")
    if not tail.seq:
        raise JournalError(f"nothing of {path} can be kept: {tail.damage}")


def _ended_cut(path: Path) -> Cut:
    """End a cut that broke off when the damaged files were being moved."""
    place = _place(path, 1)
    _move(path, place)
    tail = _settled(path)
    return Cut(
        tail, place, f"the cut that had broken off is done: rows up to {tail.seq} are kept; {place} is what was damaged"
    )


def _place(path: Path, back: int = 0) -> Path:
    """The first name for a damaged journal that is free, or one that many before it."""
    number = 1
    while path.with_name(f"{path.stem}.damaged-{number}{path.suffix}").exists():
        number += 1
    return path.with_name(f"{path.stem}.damaged-{number - back}{path.suffix}")


def _told(tail: Tail, place: Path) -> str:
    known = (
        f"{tail.lost:,} rows after it are lost"
        if tail.lost
        else "none after it had been acknowledged, as far as is known"
    )
    return (
        f"{tail.seq:,} rows up to {datetime.fromtimestamp(tail.at // _SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC are kept, {known}: "
        f"{tail.damage}; the damaged journal stays at {place}"
    )


def _mended(path: Path) -> Path:
    return path.with_name(f"{path.stem}.mended{path.suffix}")


def _copied(path: Path, new: sqlite3.Connection) -> Tail:
    """Write the good rows with their checks into a new database, in a transaction that stays open; how far they go."""

    def take(found: Tail, rows: Sequence[Any]) -> None:
        try:
            new.executemany(insert(1), ((found.session_id, *row) for row in rows))
            if rows:
                new.execute("INSERT INTO checks VALUES (?, ?)", (found.seq, found.sha256))
        except sqlite3.Error as error:  # of the new one: it is not the old one that is damaged
            raise OSError(error) from None

    new.execute(f"PRAGMA page_size={PAGE}")
    new.executescript(f"PRAGMA synchronous=FULL; BEGIN;{TABLES}{PROOF}")
    return _walked(path, 0, take)


def _add_beside(path: Path, new: sqlite3.Connection, tail: Tail, facts: dict[str, str]) -> None:
    """Write what of notes and snapshots reads."""
    with suppress(sqlite3.Error, UnicodeDecodeError), closing(_reading(path)) as old:
        new.executemany("INSERT INTO session VALUES (?, ?)", old.execute("SELECT key, value FROM session"))
    new.executemany("INSERT OR REPLACE INTO session VALUES (?, ?)", facts.items())
    for kept in snapshots(path):
        if kept.seq <= tail.seq:
            values = (kept.seq, kept.at, seal(kept.seq, kept.at, kept.body), kept.body)
            new.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?)", values)


def _move(path: Path, place: Path) -> None:
    """Move a damaged journal's files to their place, the database first: whatever is then left belongs to it."""
    for end in _BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").rename(f"{place}{end}")
    with suppress(FileNotFoundError):
        mark.place(path).rename(mark.place(place))
    _synced(path.parent)


def _settled(path: Path) -> Tail:
    """Put the new journal into the place of the old one, with its mark."""
    _mended(path).rename(path)
    tail = verify(path)
    marks = mark.MarkFile(path)
    marks.write(tail.seq, tail.sha256)
    marks.close()
    _synced(path.parent)
    return tail


def _synced(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


def snapshots(path: Path, report: Callable[[str], object] = str) -> Iterator[Snapshot]:
    """What states were kept, newest first; one that is damaged is told to `report` and left out."""
    try:
        with closing(_reading(path)) as connection:
            for (seq,) in connection.execute("SELECT seq FROM snapshots ORDER BY seq DESC").fetchall():
                what = "SELECT at, sha256, body FROM snapshots WHERE seq = ?"
                at, sha256, body = connection.execute(what, (seq,)).fetchone()
                if isinstance(body, bytes) and seal(seq, at, body) == sha256:
                    yield Snapshot(seq, at, body)
                else:
                    report(f"the snapshot after row {seq} is damaged and is not used: it does not fit its checksum")
    except (sqlite3.Error, UnicodeDecodeError, TypeError) as error:
        report(f"the snapshots of {path} do not read and are not used: {error}")
