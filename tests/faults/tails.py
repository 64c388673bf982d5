"""Damage to a journal that is not being written: bits flipped, sectors overwritten, pages swapped, files cut short or lost, rows
changed, removed or put in by SQL. Whatever it is: what `verify` accepts is what was written, what is missing is noticed, `cut`
keeps the good rows and the damaged file, and the journal goes on.

A damage may hit nothing (free space, a page that the log replaces, the mark): then every row must be there. Mutants: rows are not
compared with their checks; the mark is not looked at. Cost: `python tests/faults/tails.py [N [SEED]]`.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from counts import Counts
from power import in_memory
from scripted import NEVER, Played, differences, goes_on, play

from onepath.errors import JournalError
from onepath.journal import mark, tail
from onepath.journal.durable import DurableJournal, connection_to
from onepath.journal.lease import Lease
from onepath.journal.writer import Connection

Damage = Callable[[Path, random.Random], object]
_PAGE = 16_384


@cache
def written(seed: int) -> tuple[dict[str, bytes], Played]:
    """A journal's files and what was written: an odd seed's process died, and left a log behind."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "journal.db"
        journal = DurableJournal.create(path, "s", Lease(None), interval=NEVER, connect=_often_checkpointed)
        chance = random.Random(seed)  # noqa: S311 - it must repeat
        played = play(journal, chance, 60)
        if seed % 2:
            files = _files(path)
            journal.close()
        else:
            journal.close()
            files = _files(path)
        return files, played


def _often_checkpointed(path: Path) -> Connection:
    """So that a part of the rows is in the database when its log is lost."""
    connection = connection_to(path)
    connection.execute("PRAGMA wal_autocheckpoint=8")
    return connection


def _files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.parent.iterdir()) if not file.name.endswith("-shm")}


def _change(path: Path, where: int, what: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[where : where + len(what)] = what
    path.write_bytes(content)


def _any_file(path: Path, chance: random.Random) -> Path:
    return chance.choice([file for file in (path, Path(f"{path}-wal")) if file.exists() and file.stat().st_size])


def flip(path: Path, chance: random.Random) -> None:
    """One bit anywhere."""
    _flip_at(_any_file(path, chance), chance)


def _flip_at(file: Path, chance: random.Random, among: list[int] | None = None) -> None:
    where = chance.choice(among) if among else chance.randrange(file.stat().st_size)
    _change(file, where, bytes([file.read_bytes()[where] ^ 1 << chance.randrange(8)]))


def flip_header(path: Path, chance: random.Random) -> None:
    """One bit of the first hundred bytes: a database's or a log's header."""
    _flip_at(_any_file(path, chance), chance, list(range(100)))


def flip_page(path: Path, chance: random.Random) -> None:
    """One bit of a page's own header, or of the pointers behind it."""
    file = _any_file(path, chance)
    start = 32 + 24 if file != path else 0
    step = _PAGE + (24 if file != path else 0)
    first = chance.choice(range(start, file.stat().st_size, step))
    _flip_at(file, chance, [at for at in range(first, first + 64) if at < file.stat().st_size])


def _flip_near(path: Path, chance: random.Random, words: bytes, width: int) -> None:
    file = _any_file(path, chance)
    content = file.read_bytes()
    found = [at for at in range(len(content)) if content.startswith(words, at)]
    _flip_at(file, chance, [at + n for at in found for n in range(width) if at + n < len(content)])


def flip_row(path: Path, chance: random.Random) -> None:
    """One bit of a row's kind, body or numbers."""
    _flip_near(path, chance, b"timer", 40)


def flip_check(path: Path, chance: random.Random) -> None:
    """One bit of a check."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        checks = [sha256 for (sha256,) in connection.execute("SELECT sha256 FROM checks")]
    if checks:
        _flip_near(path, chance, chance.choice(checks).encode(), 64)


def overwrite(path: Path, chance: random.Random) -> None:
    """A sector of zeros or of anything."""
    file = _any_file(path, chance)
    where = chance.randrange(0, file.stat().st_size, 512)
    _change(file, where, chance.choice([bytes(512), chance.randbytes(512)]))


def swap(path: Path, chance: random.Random) -> None:
    """Two pages in each other's place."""
    content = path.read_bytes()
    one, other = (chance.randrange(len(content) // _PAGE) * _PAGE for _ in range(2))
    _change(path, one, content[other : other + _PAGE])
    _change(path, other, content[one : one + _PAGE])


def shorten(path: Path, chance: random.Random) -> None:
    """A file cut short anywhere, now and then at a page's or a frame's end."""
    file = _any_file(path, chance)
    size = file.stat().st_size
    ends = range(0, size, _PAGE) if file == path else range(32, size, _PAGE + 24)
    length = chance.choice(ends) if ends and chance.random() < 0.5 else chance.randrange(size)
    file.write_bytes(file.read_bytes()[:length])


def lose_log(path: Path, _chance: random.Random) -> None:
    """The log is not there: deleted, or left behind when the journal was copied."""
    Path(f"{path}-wal").unlink(missing_ok=True)


def spoil_mark(path: Path, chance: random.Random) -> None:
    """The mark does not read, or is not there."""
    file = mark.place(path)
    chance.choice([file.unlink, lambda: _flip_at(file, chance), lambda: file.write_bytes(b"")])()


def _by_sql(path: Path, chance: random.Random, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        (last,) = connection.execute("SELECT coalesce(max(seq), 1) FROM journal").fetchone()
        connection.execute(chance.choice(statements), {"n": chance.randint(1, last), "last": last})


def alter(path: Path, chance: random.Random) -> None:
    """Somebody took the triggers off and changed the record."""
    _by_sql(
        path,
        chance,
        "DELETE FROM journal WHERE seq = :n",
        "DELETE FROM journal WHERE seq >= :n",
        "UPDATE journal SET at = at + 1 WHERE seq = :n",
        "UPDATE journal SET kind = 'order.filled' WHERE seq = :n",
        "UPDATE journal SET strategy_id = 'c' WHERE seq = :n",
        "UPDATE journal SET cause = 7 WHERE seq = :n AND cause IS NOT 7",
        "UPDATE journal SET body = replace(body, '{', '{ ') WHERE seq = :n",
        "UPDATE journal SET session_id = 'another' WHERE seq = :n",
        "UPDATE journal SET body = CAST(body AS BLOB) WHERE seq = :n",
        "INSERT INTO journal SELECT session_id, :last + 1, at, kind, strategy_id, cause, body FROM journal WHERE seq = :n",
        "INSERT INTO journal SELECT session_id, -:n, at, kind, strategy_id, cause, body FROM journal WHERE seq = :n",
        "DELETE FROM checks WHERE seq = (SELECT max(seq) FROM checks)",
        "DELETE FROM checks WHERE seq = (SELECT min(seq) FROM checks)",
        "UPDATE checks SET sha256 = replace(sha256, 'a', 'b')",
        "UPDATE checks SET seq = seq + 100000 WHERE seq = (SELECT max(seq) FROM checks)",
        "DELETE FROM session",
    )


KINDS: tuple[Damage, ...] = (
    *(flip, flip_header, flip_page, flip_row, flip_check, overwrite, swap, shorten, lose_log, spoil_mark, alter),
)


def damage(number: int, happened: Counter[str]) -> str:
    """One journal, one damage; what is wrong with what is made of it, in words."""
    chance = random.Random(number)  # noqa: S311 - it must repeat
    files, played = written(number % 40)
    kind = KINDS[number % len(KINDS)]
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "journal.db"
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        kind(path, chance)
        happened[getattr(kind, "__name__", "")] += 1
        return _looked(path, played, happened)


def _looked(path: Path, played: Played, happened: Counter[str]) -> str:
    found = tail.verify(path)
    if not found.damage:
        happened["hit nothing"] += 1
        if found.seq != len(played.rows):
            return f"{len(played.rows)} rows were written, {found.seq} are there, and it is called whole"
        return _compared(path, found, played, happened)
    happened["noticed"] += 1
    before = _files(path)
    try:
        done = tail.cut(path)
    except JournalError as error:
        happened["nothing to keep"] += 1
        return "" if not found.seq and "\n" not in str(error) else f"cut: {error}"
    if path.with_name("journal.damaged-1.db").read_bytes() != before["journal.db"]:
        return "the damaged file was changed"
    happened["rows kept"] += done.tail.seq
    happened["rows lost"] += len(played.rows) - done.tail.seq
    return _compared(path, done.tail, played, happened)


def _compared(path: Path, found: tail.Tail, played: Played, happened: Counter[str]) -> str:
    """The rows are those that were written, and the journal goes on or says why not."""
    if wrong := differences(path, found, played._replace(acknowledged=0), happened):
        return wrong
    said: list[str] = []
    stored = list(tail.snapshots(path, said.append))
    happened["snapshots refused"] += len(said)
    if not all(kept in played.snapshots and kept.seq <= found.seq for kept in stored):
        return f"a snapshot that was never kept: {stored}"
    try:
        return goes_on(path, found, played)
    except JournalError as error:
        happened["whole, but cannot be written"] += 1
        return "" if "\n" not in str(error) else f"opened again: {error}"


def run(n: int, seed: int = 1, mutants: int = 0) -> Counts:
    """`n` damages from `seed` on."""
    happened: Counter[str] = Counter()
    bad = []
    for number in range(seed, seed + n):
        wrong = damage(number, happened)
        if wrong:
            bad.append(f"tails.damage({number}): {wrong}")
    caught = sum(catches(name, mutants, seed) for name in MUTANTS) if mutants else 0
    return Counts("damaged journals", n, happened, tuple(bad), caught, len(MUTANTS) if mutants else 0)


def _unlinked(connection: sqlite3.Connection, _marked: Any, _since: int) -> Iterator[tuple[tail.Tail, Any]]:
    """A mutant: a row is good when it reads."""
    for session_id, seq, at in connection.execute("SELECT session_id, seq, at FROM journal ORDER BY seq"):
        yield tail.Tail(session_id, seq, at, "", "", 0), ()


MUTANTS: dict[str, Callable[[], Any]] = {
    "rows are not compared with their checks": lambda: patch.object(tail, "_followed", _unlinked),
    "the mark is not looked at": lambda: patch.object(mark, "read", lambda _path: None),
}


def catches(name: str, n: int, seed: int = 1) -> bool:
    """Whether one of `n` damages shows that this mutant accepts what was not written, or does not miss what was."""
    with MUTANTS[name]():
        return any(_unless_raised(number) for number in range(seed, seed + n))


def _unless_raised(number: int) -> str:
    try:
        return damage(number, Counter())
    except (JournalError, sqlite3.Error):
        return ""


if __name__ == "__main__":
    began = time.perf_counter()
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1, 300)
    print(result, *result.bad, f"{time.perf_counter() - began:.1f} s", sep="\n")  # noqa: T201
