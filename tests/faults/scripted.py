"""A session as a script: appends, snapshots, notes and flushes by a seed, and what of it was acknowledged.

`look` compares what is found afterwards with it: every acknowledged row is there, none is altered, none was invented.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from disk import Disk, OnDisk

from onepath.errors import JournalError
from onepath.events import Timer
from onepath.journal import mark
from onepath.journal.codec import encode
from onepath.journal.durable import DurableJournal
from onepath.journal.lease import Lease
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteReader
from onepath.journal.tail import Snapshot, Tail, cut, snapshots, verify
from onepath.ports import Row

NEVER = 3_600.0
"""seconds: commits come with flushes alone, so that a seed repeats"""


class Marks:
    """A journal's mark on a Disk."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self.disk = disk
        self.name = str(mark.place(path))
        disk.files.setdefault(self.name, type(next(iter(disk.files.values())))())

    def write(self, seq: int, sha256: str) -> None:
        self.disk.write(self.name, 0, mark.line(seq, sha256))

    def close(self) -> None:
        self.disk.sync(self.name)


class Played(NamedTuple):
    """What was appended, up to where it was acknowledged, and how it ended."""

    rows: list[Row]
    acknowledged: int
    snapshots: list[Snapshot]
    """those acknowledged"""
    error: str
    made: bool = True
    """whether the journal was there at all"""


class OnPaper(MemoryJournal):
    """Takes what a durable journal takes: what a script appends, without a file."""

    def keep_snapshot(self, seq: int, at: int, body: bytes) -> None:
        """Nothing to do."""

    def note(self, facts: Mapping[str, str]) -> None:
        """Nothing to do."""


def play(
    journal: DurableJournal | OnPaper,
    rng: random.Random,
    most: int = 30,
    tell: Callable[[int], object] = int,
    before: Sequence[Row] = (),
) -> Played:
    """Append and flush by the seed until it is over or the journal refuses; `tell` hears of every acknowledgement. `before` is
    what a journal that goes on has already."""
    rows: list[Row] = list(before)
    kept: list[Snapshot] = []
    waiting: list[Snapshot] = []
    acknowledged, error, at = len(rows), "", rng.randrange(1 << 60)
    try:
        for turn in range(rng.randint(2, 12)):
            for _ in range(1_500 if rng.random() < 0.01 else rng.randint(0, most)):
                at += rng.randrange(5)
                event = Timer("x" * rng.randrange(200), at)
                strategy, cause = rng.choice([None, "a", "b"]), rng.choice([None, 1, len(rows)])
                seq = journal.append(at, "timer", strategy, event, cause)
                rows.append(Row(seq, at, "timer", strategy, cause or None, encode(event)))
            if rng.random() < 0.3 and len(rows) > acknowledged:  # so that its row's acknowledgement is its own
                waiting.append(Snapshot(len(rows), at, rng.randbytes(rng.choice([10, 2_000, 40_000]))))
                journal.keep_snapshot(*waiting[-1])
            if rng.random() < 0.1:
                journal.note({"turn": str(turn)})
            else:
                journal.flush()
            acknowledged = len(rows)
            tell(acknowledged)
            kept += waiting
            waiting = []
    except JournalError as refused:
        error = str(refused)
    return Played(rows, acknowledged, kept, error)


def begin(
    disk: Disk,
    kind: type[DurableJournal],
    instead: dict[str, str],
    checkpoint: int,
    connection: type[OnDisk] = OnDisk,
) -> DurableJournal:
    """A journal on a Disk."""
    path = Path("/away/journal.db")
    return kind.create(
        path,
        "s",
        Lease(None),
        interval=NEVER,
        connect=lambda at: connection(disk, at, instead, checkpoint),
        marks=lambda at: Marks(disk, at),
    )


def again(disk: Disk, path: Path, checkpoint: int) -> tuple[DurableJournal, list[Row]]:
    """The journal at `path` put on a Disk, with everything synced, and opened there to go on; and the rows that it has."""
    away = Path("/away")
    for file in path.parent.iterdir():
        if not file.name.endswith("-shm"):
            disk.put_synced(str(away / file.name), file.read_bytes())
    reader = SqliteReader(path)
    rows = list(reader.rows())
    reader.close()
    journal = DurableJournal.open(
        away / path.name,
        Lease(None),
        verify(path),
        interval=NEVER,
        connect=lambda at: OnDisk(disk, at, {}, checkpoint),
        marks=lambda at: Marks(disk, at),
    )
    return journal, rows


def look(path: Path, played: Played, happened: Counter[str]) -> str:
    """Verify, cut and compare what lies at `path`; what is wrong, in words."""
    try:
        tail = verify(path)
        if tail.damage:
            happened["damaged" if played.made else "cut while it was made"] += 1
            tail = cut(path).tail
    except JournalError as error:
        return f"{played.acknowledged} rows were acknowledged, and: {error}" if played.acknowledged else ""
    return (
        differences(path, tail, played, happened)
        or lacks_snapshots(path, tail, played, happened)
        or goes_on(path, tail, played)
    )


def differences(path: Path, tail: Tail, played: Played, happened: Counter[str]) -> str:
    """How what is found differs from what was acknowledged."""
    reader = SqliteReader(path)
    found = list(reader.rows())
    reader.close()
    if len(found) != tail.seq or found != played.rows[: len(found)]:
        return f"{len(found)} rows are there ({tail.seq} good), and not those that were written"
    if tail.seq < played.acknowledged:
        return f"{played.acknowledged} rows were acknowledged, {tail.seq} are there"
    happened["rows kept"] += tail.seq
    happened["unacknowledged kept"] += tail.seq - played.acknowledged
    return ""


def lacks_snapshots(path: Path, tail: Tail, played: Played, happened: Counter[str]) -> str:
    """Which snapshot that was acknowledged is not there, or is there without its rows."""
    said: list[str] = []
    stored = list(snapshots(path, said.append))
    if said or any(kept.seq > tail.seq for kept in stored):
        return f"snapshots: {said or stored}"
    newest = played.snapshots[-1:]
    happened["snapshots kept"] += len(newest)
    return "" if all(kept in stored for kept in newest) else f"the snapshot after {newest[0].seq} is gone"


def goes_on(path: Path, tail: Tail, played: Played) -> str:
    """Open it, append, close: again it is whole, with one row more."""
    journal = DurableJournal.open(path, Lease(None), tail, interval=NEVER)
    journal.append(1, "timer", None, Timer("more", 1))
    journal.close()
    after = verify(path)
    return after.damage or ("" if after.seq == tail.seq + 1 else f"opened again: {after.seq} rows after {tail.seq}")
