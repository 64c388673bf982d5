"""Power cuts: a scripted session on a disk that loses and tears what was not synced, opened again and compared.

Rules: the power goes at a write, sync, truncation or deletion drawn by the seed, or after the last; the disk that was cut off
stays dead, whatever still holds it (else closing it would write back what was lost, and the harness could find nothing). A whole
journal that is called damaged is a fault, too. Mutants: synchronous NORMAL and OFF, and acknowledging one flush early.
Some journals are opened again and lose power once more. Cost: 2,000 schedules in 21 s of one core; `power.py [N [SEED]]`.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from counts import Counts
from disk import Disk
from scripted import Played, again, begin, look, play

from onepath.errors import JournalError
from onepath.journal.durable import DurableJournal

_FULL = "PRAGMA synchronous=FULL"


class Early(DurableJournal):
    """A mutant: `flush` waits for the rows of the flush before."""

    before = 0

    def flush(self) -> None:
        before, self.before = self.before, self._seq
        self._writer.wait(before)


MUTANTS: dict[str, tuple[type[DurableJournal], dict[str, str]]] = {
    "synchronous NORMAL": (DurableJournal, {_FULL: "PRAGMA synchronous=NORMAL"}),
    "synchronous OFF": (DurableJournal, {_FULL: "PRAGMA synchronous=OFF"}),
    "acknowledged before it is committed": (Early, {}),
}


def schedule(
    seed: int,
    happened: Counter[str],
    kind: type[DurableJournal] = DurableJournal,
    instead: dict[str, str] | None = None,
) -> str:
    """One session, one power cut, one comparison; what is wrong, in words."""
    rng = random.Random(seed)  # noqa: S311 - it must repeat
    disk = Disk(random.Random(seed + 1))  # noqa: S311
    disk.fault = lambda *_: disk.lose_power()
    disk.at = rng.randrange(1, 150)
    checkpoint = rng.choice([2, 5, 20, 1_000])
    played = Played([], 0, [], "", made=False)
    journal = None
    try:
        journal = begin(disk, kind, instead or {}, checkpoint)
        played = play(journal, rng)
    except JournalError:
        happened["before the first row"] += 1
    happened["cut in the run" if disk.dead is not None else "cut at the end"] += 1
    if disk.dead is None:
        disk.lose_power()
    if journal is not None:
        with suppress(JournalError):
            journal.close()
    happened.update(disk.happened)
    happened["rows acknowledged"] += played.acknowledged
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        disk.leave(Path(folder))
        wrong = look(Path(folder) / "journal.db", played, happened)
        if wrong or not played.acknowledged or rng.random() < 0.8:
            return wrong
        return _second_life(Path(folder) / "journal.db", seed, happened)


def _second_life(path: Path, seed: int, happened: Counter[str]) -> str:
    """The journal goes on where it was opened again, and the power goes once more."""
    rng = random.Random(-seed)  # noqa: S311 - it must repeat
    disk = Disk(random.Random(seed + 2))  # noqa: S311
    disk.fault = lambda *_: disk.lose_power()
    disk.at = rng.randrange(1, 100)
    try:
        journal, rows = again(disk, path, rng.choice([2, 5, 20, 1_000]))
    except JournalError:
        happened["cut when it was opened again"] += 1
        return ""
    played = play(journal, rng, before=rows)
    happened["second lives"] += 1
    if disk.dead is None:
        disk.lose_power()
    with suppress(JournalError):
        journal.close()
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        disk.leave(Path(folder))
        return look(Path(folder) / path.name, played, happened)


def in_memory() -> str | None:
    """A folder in memory, where there is one: the disk is ours, and need not be slow."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def run(n: int, seed: int = 1, mutants: int = 0) -> Counts:
    """`n` schedules from `seed` on, and as many as needed, `mutants` at most, of each mutant."""
    happened: Counter[str] = Counter()
    bad = []
    for number in range(seed, seed + n):
        wrong = schedule(number, happened)
        if wrong:
            bad.append(f"power.schedule({number}): {wrong}")
    if happened["damaged"]:
        bad.append(f"{happened['damaged']} journals were called damaged after a mere power cut")
    caught = sum(catches(name, mutants, seed) for name in MUTANTS) if mutants else 0
    return Counts("power cuts", n, happened, tuple(bad), caught, len(MUTANTS) if mutants else 0)


def catches(name: str, n: int, seed: int = 1) -> bool:
    """Whether one of `n` schedules shows that this mutant loses what it acknowledged."""
    return any(schedule(number, Counter(), *MUTANTS[name]) for number in range(seed, seed + n))


if __name__ == "__main__":
    began = time.perf_counter()
    done = run(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1, 500)
    print(done, *done.bad, f"{time.perf_counter() - began:.1f} s", sep="\n")  # noqa: T201
