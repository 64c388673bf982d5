"""kill -9 of a process that writes a journal and tells through a pipe what was acknowledged; what it leaves is compared.

Two ways: the process kills itself before and after each statement and mark of a session, one after the other until the session is
over before; and it is killed from outside at a random time. Mutant: acknowledging one flush early.
Cost: 60 to 100 kills/s, a forked process each; `python tests/faults/kills.py [N [SEED]]`.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from counts import Counts
from power import Early, in_memory
from scripted import NEVER, OnPaper, Played, look, play

from onepath.journal import lease
from onepath.journal.durable import DurableJournal, connection_to
from onepath.journal.mark import MarkFile


class Hour:
    """Counts the points of a session; at the one that is set the process kills itself."""

    def __init__(self, at: int) -> None:
        self.left = at

    def strike(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A connection with a point before and after each statement."""

    def __init__(self, path: Path, hour: Hour) -> None:
        self._connection = connection_to(path)
        self._connection.execute("PRAGMA wal_autocheckpoint=4")
        self._hour = hour

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        self._hour.strike()
        done = self._connection.execute(statement, values)
        self._hour.strike()
        return done

    def close(self) -> None:
        self._hour.strike()
        self._connection.close()
        self._hour.strike()


class MortalMark(MarkFile):
    """A mark with a point after it."""

    def __init__(self, path: Path, hour: Hour) -> None:
        super().__init__(path)
        self._hour = hour

    def write(self, seq: int, sha256: str) -> None:
        super().write(seq, sha256)
        self._hour.strike()


def _session(path: Path, seed: int, pipe: int, kind: type[DurableJournal], at: int) -> NoReturn:
    """The life of the forked process; with 0 for `at` it waits to be killed."""
    hour = Hour(at)
    journal = kind.create(
        path,
        "s",
        lease.take(path, 0),
        interval=NEVER if at else 0.002,
        connect=lambda place: Mortal(place, hour),
        marks=lambda place: MortalMark(place, hour),
    )
    play(journal, _rng(seed), 12, lambda row: os.write(pipe, b"%d\n" % row))
    journal.close()
    os._exit(0)


def _rng(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - it must repeat


def kill(
    seed: int, at: int, after: float, happened: Counter[str], kind: type[DurableJournal] = DurableJournal
) -> str | None:
    """One process, killed at point `at`, or (0) that many seconds after its first acknowledgement; what is wrong, in words,
    and None where it ended before."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "journal.db"
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _session(path, seed, writing, kind, at)
            finally:
                os._exit(1)
        os.close(writing)
        told = os.read(reading, 65_536) if not at else b""
        if not at:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        told += _rest(reading)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return None if os.WEXITSTATUS(status) == 0 else "the process failed"
        acknowledged = int(told.split()[-1]) if told else 0
        whole = play(OnPaper("s"), _rng(seed), 12)
        kept = [snapshot for snapshot in whole.snapshots if snapshot.seq <= acknowledged]
        happened["rows acknowledged"] += acknowledged
        happened["at a point" if at else "at a time"] += 1
        if not path.exists():
            return "" if not acknowledged else "there is no journal"
        lease.take(path, 0).release()  # the dead do not hold it
        return look(path, Played(whole.rows, acknowledged, kept, "", made=acknowledged > 0), happened)


def _rest(pipe: int) -> bytes:
    told = b""
    while more := os.read(pipe, 65_536):
        told += more
    os.close(pipe)
    return told


def run(n: int, seed: int = 1, mutants: int = 0) -> Counts:
    """At least `n` kills: half of them at each point of whole sessions, half at random times."""
    happened: Counter[str] = Counter()
    bad = []
    done, at, session = 0, 1, seed
    while done < n // 2:
        wrong = kill(session, at, 0, happened)
        if wrong:
            bad.append(f"kills.kill({session}, {at}, 0): {wrong}")
        done += wrong is not None
        session, at = (session, at + 1) if wrong is not None else (session + 1, 1)
    for number in range(seed, seed + n - n // 2):
        after = _rng(-number).random() * 0.004
        wrong = kill(number, 0, after, happened)
        if wrong:
            bad.append(f"kills.kill({number}, 0, {after}): {wrong}")
        done += wrong is not None
        happened["ended before"] += wrong is None
    if happened["damaged"]:
        bad.append(f"{happened['damaged']} journals were called damaged after a mere kill")
    return Counts("kills", done, happened, tuple(bad), int(mutants > 0 and catches(mutants, seed)), int(mutants > 0))


def catches(n: int, seed: int = 1) -> bool:
    """Whether one of `n` kills shows that what is acknowledged early is lost."""
    return any(kill(seed, at, 0, Counter(), Early) for at in range(90, 90 + n))


if __name__ == "__main__":
    began = time.perf_counter()
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else 400, int(sys.argv[2]) if len(sys.argv) > 2 else 1, 100)
    print(result, *result.bad, f"{time.perf_counter() - began:.1f} s", sep="\n")  # noqa: T201
