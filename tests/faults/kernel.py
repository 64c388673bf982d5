"""Errors that the kernel makes: the n-th system call of a real process fails (`strace`), and a real disk is full (a small tmpfs).

The same script and comparison as the others, slower (a fresh interpreter each) and nearer to the truth: what SQLite, the mark and
the lease call is called. Where there is no `strace`, or mounting is not allowed, that is said and counted.
Cost: 2 points/s; `python tests/faults/kernel.py [N [SEED]]`.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from counts import Counts
from power import in_memory
from scripted import OnPaper, Played, look, play

FAULTS = (
    "pwrite64:error=EIO:when={}",
    "fdatasync:error=EIO:when={}",
    "pwrite64:error=ENOSPC:when={}+",
    "pwrite64:signal=KILL:when={}",
    "fdatasync:signal=KILL:when={}",
)
_HERE = Path(__file__).parent


def missing() -> str:
    """Why system calls cannot be made to fail here; empty where they can."""
    if shutil.which("strace") is None:
        return "there is no strace"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "strace may not trace"


def call(seed: int, fault: str, happened: Counter[str]) -> str:
    """One process with one fault; what is wrong, in words."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "journal.db"
        before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64,fdatasync", "-e", f"inject={fault}"]
        return _judged(
            path, seed, subprocess.run(_child(path, seed, before), capture_output=True, check=False), happened
        )


def full(seed: int, kilobytes: int, happened: Counter[str]) -> str | None:
    """One process on a disk of that size; what is wrong, in words, and None where nothing may be mounted here."""
    with tempfile.TemporaryDirectory() as folder:
        mounting = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", folder]
        if subprocess.run(mounting, capture_output=True, check=False).returncode:
            return None
        try:
            path = Path(folder) / "journal.db"
            done = subprocess.run(_child(path, seed, []), capture_output=True, check=False)
            with tempfile.TemporaryDirectory() as roomy:  # to look at it there must be room
                for file in Path(folder).iterdir():
                    shutil.copy(file, roomy)
                return _judged(Path(roomy) / "journal.db", seed, done, happened)
        finally:
            subprocess.run(["umount", folder], check=True)


def _child(path: Path, seed: int, before: list[str]) -> list[str]:
    return [*before, sys.executable, str(_HERE / "writing.py"), str(path), str(seed)]


def _judged(path: Path, seed: int, done: subprocess.CompletedProcess[bytes], happened: Counter[str]) -> str:
    """Whether it ended as it should, and what it left is what it acknowledged."""
    ended = {0: "not reached", 3: "refused"}.get(done.returncode, "killed" if done.returncode < 0 else "failed")
    happened[ended] += 1
    said = done.stderr.decode()
    if ended == "failed" or (ended == "refused" and (not said or "\n" in said)):
        return f"ended with {done.returncode}: {said}"
    acknowledged = int(done.stdout.split()[-1]) if done.stdout else 0
    happened["rows acknowledged"] += acknowledged
    chance = random.Random(seed)  # noqa: S311 - it must repeat
    whole = play(OnPaper("s"), chance, 60)
    kept = [snapshot for snapshot in whole.snapshots if snapshot.seq <= acknowledged]
    if not path.exists():
        return f"{acknowledged} rows were acknowledged, and there is no journal" if acknowledged else ""
    return look(path, Played(whole.rows, acknowledged, kept, "", made=acknowledged > 0), happened)


def run(n: int, seed: int = 1, mutants: int = 0) -> Counts:
    """`n` faults of system calls, and a full disk for every ten of them. `mutants` is for the other harnesses: see `failing`."""
    happened: Counter[str] = Counter()
    bad = []
    chance = random.Random(seed)  # noqa: S311 - it must repeat
    why = missing()
    if why:
        happened[f"skipped, {why}"] += n
    for number in range(seed, seed + (0 if why else n)):
        fault = FAULTS[number % len(FAULTS)]
        fault = fault.format(chance.randrange(1, 12 if fault.startswith("fdatasync") else 40))
        if wrong := call(number, fault, happened):
            bad.append(f"kernel.call({number}, {fault!r}): {wrong}")
    for number in range(seed, seed + max(1, n // 10)):
        size = chance.randrange(100, 900, 4)
        wrong = full(number, size, happened)
        happened["skipped, nothing may be mounted" if wrong is None else "full disks"] += 1
        if wrong:
            bad.append(f"kernel.full({number}, {size}): {wrong}")
    return Counts("kernel faults", (0 if why else n) + happened["full disks"], happened, tuple(bad))


if __name__ == "__main__":
    began = time.perf_counter()
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else 40, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(result, *result.bad, f"{time.perf_counter() - began:.1f} s", sep="\n")  # noqa: T201
