"""Errors of the disk: the n-th write or sync of a scripted session fails, for n = 1, 2, 3, ... until the session is over before.

Kinds: EIO at a write or a sync (what was not synced may then be gone), once or from then on; no space, once or from then on; half
a write and then no space. Afterwards the process ends, or the power goes as well. What must hold: the journal refuses in one
sentence and goes on refusing, nothing acknowledged is lost, what is left opens and verifies. A fault in a checkpoint may pass:
the log has all.
Mutants: a commit's error is not looked at; a flush that failed says nothing.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
from counts import Counts
from disk import Disk, File, OnDisk
from power import in_memory
from scripted import Played, begin, look, play

from onepath.errors import JournalError
from onepath.events import Timer
from onepath.journal.durable import DurableJournal

Fault = Callable[[Disk, str, File, Any], None]


def eio(disk: Disk, operation: str, file: File, _change: Any) -> None:
    """The device reports an error; at a sync the kernel then forgets what it had not written."""
    if operation == "sync":
        disk.lose(file)
    raise apsw.IOError(f"EIO at a {operation}")


def full(_disk: Disk, operation: str, _file: File, _change: Any) -> None:
    """No space left; syncing and cutting off need none."""
    if operation == "write":
        raise apsw.FullError("no space left on the device")


def short(disk: Disk, operation: str, file: File, change: Any) -> None:
    """Half of it is written, for the rest there is no space."""
    if operation == "write":
        where, what = change
        disk.put(file, (where, what[: len(what) // 2]))
        raise apsw.FullError("no space left on the device")


KINDS: dict[str, tuple[Fault, bool]] = {
    "EIO": (eio, False),
    "EIO from then on": (eio, True),
    "no space": (full, False),
    "no space from then on": (full, True),
    "short write": (short, False),
}


class Deaf(OnDisk):
    """A mutant: what a commit answers is not looked at."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        if statement != "COMMIT":
            return super().execute(statement, values)
        with suppress(sqlite3.Error):
            return super().execute(statement, values)
        return []


class Dumb(DurableJournal):
    """A mutant: a flush that failed says nothing."""

    def flush(self) -> None:
        with suppress(JournalError):
            super().flush()


Way = tuple[type[DurableJournal], type[OnDisk]]
RIGHT: Way = (DurableJournal, OnDisk)
MUTANTS: dict[str, Way] = {
    "a commit's error is not looked at": (DurableJournal, Deaf),
    "a flush is silent": (Dumb, OnDisk),
}


def point(seed: int, kind: str, at: int, happened: Counter[str], way: Way = RIGHT) -> str | None:
    """One session with one fault; what is wrong, in words, and None where the session was over before the fault."""
    rng = random.Random(seed)  # noqa: S311 - it must repeat
    disk = Disk(random.Random(f"{seed} {kind} {at}"))  # noqa: S311
    fault, disk.stays = KINDS[kind]
    disk.at = at
    disk.fault = lambda operation, file, change: fault(disk, operation, file, change)
    played, wrong = _played(disk, rng, way)
    if disk.operations < at:
        return None
    happened[kind] += 1
    happened["refused" if played.error or not played.made else "went on"] += 1
    if disk.rng.random() < 0.5:
        happened["and no power"] += 1
        disk.lose_power()
    happened["rows acknowledged"] += played.acknowledged
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        disk.leave(Path(folder))
        return wrong or look(Path(folder) / "journal.db", played, happened)


def _played(disk: Disk, rng: random.Random, way: Way) -> tuple[Played, str]:
    """A session until it is over or refused, and what is wrong with how it was refused."""
    kind, connection = way
    checkpoint = rng.choice([2, 5, 1_000])
    try:
        journal = begin(disk, kind, {}, checkpoint, connection)
    except JournalError as error:
        return Played([], 0, [], str(error), made=False), _sentence(str(error))
    played = play(journal, rng, 12)
    wrong = ""
    if played.error:
        wrong = _sentence(played.error) or _goes_on_refusing(journal)
    with suppress(JournalError):
        journal.close()
    return played, wrong


def _sentence(error: str) -> str:
    right = error.startswith(("the journal cannot be written: ", "cannot write the journal ")) and "\n" not in error
    return "" if right else f"refused with {error!r}"


def _goes_on_refusing(journal: DurableJournal) -> str:
    for again in (
        lambda: journal.append(1, "timer", None, Timer("t", 1)),
        journal.flush,
        lambda: journal.note({"a": "b"}),
    ):
        try:
            again()
        except JournalError:
            continue
        return "it refused, and then took more"
    return ""


def run(n: int, seed: int = 1, mutants: int = 0) -> Counts:
    """At least `n` faults: whole sessions, each with a fault at every operation, of every kind; at every seventh where `n` is
    small."""
    every = 1 if n >= 1_000 else 7
    happened: Counter[str] = Counter()
    bad = []
    done = 0
    while done < n:
        for kind in KINDS:
            at = 1
            while (wrong := point(seed, kind, at, happened)) is not None:
                bad += [f"failing.point({seed}, {kind!r}, {at}): {wrong}"] if wrong else []
                at, done = at + every, done + 1
        seed += 1
    if happened["damaged"]:
        bad.append(f"{happened['damaged']} journals were called damaged")
    caught = sum(catches(name, mutants, seed) for name in MUTANTS) if mutants else 0
    return Counts("disk errors", done, happened, tuple(bad), caught, len(MUTANTS) if mutants else 0)


def catches(name: str, n: int, seed: int = 1) -> bool:
    """Whether one of `n` faults shows that this mutant acknowledges what is not there."""
    tried = 0
    while tried < n:
        for kind in KINDS:
            at = 20
            while (wrong := point(seed, kind, at, Counter(), MUTANTS[name])) is not None:
                if wrong:
                    return True
                at, tried = at + 3, tried + 1
        seed += 1
    return False


if __name__ == "__main__":
    began = time.perf_counter()
    done = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1, 500)
    print(done, *done.bad, f"{time.perf_counter() - began:.1f} s", sep="\n")  # noqa: T201
