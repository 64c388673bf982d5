"""Several processes want one session at the same moment: one gets it, the others are told who has it; when that one is killed,
whatever it had forked or started lives on, and the next gets the session at once.

Mutants: a file that says the session is taken (it stays after a kill), a lock that a forked child keeps, no lock at all.
Cost: 100 rounds/s; `python tests/faults/leases.py [N [SEED]]`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from counts import Counts
from power import in_memory

from onepath.errors import JournalError
from onepath.journal import lease

Take = Callable[[Path, int], Any]


def _contend(path: Path, go: int, told: int, take: Take, heir: str) -> NoReturn:
    """The life of one process: wait for the word, take the lease, leave an heir behind, tell, stay."""
    os.read(go, 1)
    try:
        held = take(path, 0)
    except JournalError:
        os.write(told, b"refused\n")
        os._exit(0)
    if heir == "forked":
        born, cry = os.pipe()
        if os.fork() == 0:
            os.write(cry, b"x")
            signal.pause()
        os.read(born, 1)  # it holds what its parent holds until it runs
    elif heir == "started":
        subprocess.Popen(["sleep", "20"], stdout=subprocess.DEVNULL)
    os.write(told, f"{os.getpid()}\n".encode())
    signal.pause()
    os._exit(int(held is None))


def round_of(seed: int, happened: Counter[str], take: Take = lease.take) -> str:
    """One contest; what is wrong, in words."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat
    many, heir = chance.randint(2, 4), chance.choice(["none", "forked", "started"])
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "journal.db"
        go, gun = os.pipe()
        hearing, told = os.pipe()
        children = [_child(path, go, told, take, heir) for _ in range(many)]
        os.write(gun, b"x" * many)
        answers = _lines(hearing, many)
        happened["processes"] += many
        happened[f"heir {heir}"] += 1
        try:
            return _judged(path, answers, take)
        finally:
            for child in children:  # each is a group of its own, with its heir
                with suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                with suppress(ChildProcessError):
                    os.waitpid(child, 0)
            for pipe in (go, gun, hearing, told):
                os.close(pipe)


def _child(path: Path, go: int, told: int, take: Take, heir: str) -> int:
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            _contend(path, go, told, take, heir)
        finally:
            os._exit(1)
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(child, child)  # whoever is first
    return child


def _lines(pipe: int, many: int) -> list[str]:
    text = b""
    while text.count(b"\n") < many:
        text += os.read(pipe, 4_096)
    return text.decode().split()


def _judged(path: Path, answers: list[str], take: Take) -> str:
    winners = [int(answer) for answer in answers if answer != "refused"]
    if len(winners) != 1:
        return f"{len(winners)} of {len(answers)} processes have the session"
    try:
        take(path, 0)
    except JournalError as error:
        if f"process {winners[0]} on " not in str(error):
            return f"{winners[0]} has the session, and: {error}"
    else:
        return "a process that comes later has it, too"
    os.kill(winners[0], signal.SIGKILL)
    os.waitpid(winners[0], 0)
    try:
        take(path, 0).release()
    except JournalError as error:
        return f"the process that had it is dead, and: {error}"
    return ""


def run(n: int, seed: int = 1, mutants: int = 0) -> Counts:
    """`n` contests from `seed` on."""
    happened: Counter[str] = Counter()
    found = ((number, round_of(number, happened)) for number in range(seed, seed + n))
    bad = [f"leases.round_of({number}): {wrong}" for number, wrong in found if wrong]
    caught = sum(catches(name, mutants, seed) for name in MUTANTS) if mutants else 0
    return Counts("contests", n, happened, tuple(bad), caught, len(MUTANTS) if mutants else 0)


class _Nothing:
    def release(self) -> None:
        """Nothing to do."""


def _by_file(path: Path, _now: int) -> _Nothing:
    """A mutant: the session is taken while a file is there."""
    try:
        with path.with_suffix(".pid").open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        pid = path.with_suffix(".pid").read_text()
        raise JournalError(f"the session is run by process {pid} on this host") from None
    return _Nothing()


def _never(_path: Path, _now: int) -> _Nothing:
    """A mutant: anybody may."""
    return _Nothing()


def _kept(path: Path, now: int) -> lease.Lease:
    """A mutant: a forked child keeps what its parent has."""
    held = lease.take(path, now)
    lease._held.discard(held)
    return held


MUTANTS: dict[str, Take] = {"a file": _by_file, "none": _never, "kept by children": _kept}


def catches(name: str, n: int, seed: int = 1) -> bool:
    """Whether one of `n` contests shows that this mutant lets two have a session, or nobody."""
    return any(round_of(number, Counter(), MUTANTS[name]) for number in range(seed, seed + n))


if __name__ == "__main__":
    began = time.perf_counter()
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 1, 30)
    print(result, *result.bad, f"{time.perf_counter() - began:.1f} s", sep="\n")  # noqa: T201
