"""Runs every mutant of the table against the tests that must notice it; ends with `mutants caught n/n`.

    .venv/bin/python tests/mutants/run.py                  # all; exit code 1 unless every one is caught
    .venv/bin/python tests/mutants/run.py collar fee       # those with one of these words in name or file
    .venv/bin/python tests/mutants/run.py --find collar    # all tests of tests/known and tests/unit that notice it
    .venv/bin/python tests/mutants/run.py --anyway         # leave out tests that fail without a mutant (work in progress)

Rules: the repository's source and tests are copied to a temporary directory for each of two workers; the tests named in the table
pass there first, unmutated. Each mutant then has its file replaced in the copy, and its tests run in an interpreter of their
own until the first fails. Caught is only what fails inside a test: `witness` sees that the mutated file is the one that was
imported. A mutant that does not apply, does not import, or hangs is not caught.
Cost: about two seconds a mutant on each of two processes.
"""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from mutation import PACKAGE, ROOT, DoesNotApplyError, Mutant, mutated
from table import MUTANTS

WORKERS = 2
PATIENCE = 180
"""seconds for the tests of one mutant"""
WIDE = (
    "tests/known",
    "tests/unit/core",
    "tests/unit/simulator",
    "tests/unit/report/test_execution.py",
    "tests/contract/test_venue.py",
)
"""where `--find` looks"""
_UNCHANGED = Mutant("unchanged", "__init__.py", "", "", "", "")


class Verdict(NamedTuple):
    """What became of a mutant."""

    caught: bool
    said: str


class Copy:
    """A copy of the repository's source and tests, for one mutant at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.spared: list[str] = []
        """tests that fail without a mutant as well, and are left out where a person wants to go on all the same"""
        left_out = shutil.ignore_patterns("__pycache__", ".hypothesis", "golden.json")
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, root / name, ignore=left_out)
        shutil.copy(ROOT / "pyproject.toml", root)
        compileall.compile_dir(str(root / PACKAGE), quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)

    def try_(self, mutant: Mutant, targets: Sequence[str], *, first: bool = True) -> dict[str, Any]:
        """Run tests with the mutant in place; the copy is as before afterwards."""
        path = self._root / PACKAGE / mutant.file
        before = path.read_text()
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()
        path.write_text(mutated(mutant, self._root) if mutant.old else before)
        try:
            return self._tested(mutant, path, targets, first)
        finally:
            path.write_text(before)

    def _tested(self, mutant: Mutant, path: Path, targets: Sequence[str], first: bool) -> dict[str, Any]:
        told = self._root / "told.json"
        told.unlink(missing_ok=True)
        paths = os.pathsep.join(str(self._root / part) for part in ("src", "tests/mutants"))
        facts = {"MUTANT_MODULE": mutant.module, "MUTANT_FILE": str(path), "MUTANT_TOLD": str(told)}
        flags = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "witness", "--hypothesis-seed=0"]
        command = [sys.executable, "-m", "pytest", *flags, *(["-x"] if first else []), *targets]
        command += [f"--deselect={test}" for test in self.spared]
        env = {**os.environ, **facts, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, cwd=self._root, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return {"passed": 0, "failed": [], "broken": [f"still running after {PATIENCE} s"]}
        if not told.exists():
            return {"passed": 0, "failed": [], "broken": [(done.stdout + done.stderr)[-400:]]}
        found: dict[str, Any] = json.loads(told.read_text())
        if done.returncode and not found["failed"] and not found["broken"]:
            found["broken"].append(f"pytest ended with {done.returncode}: {done.stdout[-300:].strip()}")
        return found


def judge(copy: Copy, mutant: Mutant) -> Verdict:
    """Whether the tests notice the mutant."""
    try:
        told = copy.try_(mutant, mutant.targets)
    except DoesNotApplyError as error:
        return Verdict(False, f"DOES NOT APPLY: {error}")
    if told["failed"] and not told["broken"]:
        return Verdict(True, f"caught by {told['failed'][0][0].removeprefix('tests/')}")
    if told["broken"]:
        return Verdict(False, f"BROKEN: {told['broken'][0]}")
    return Verdict(False, f"SURVIVED {told['passed']} tests of {mutant.tests}; {mutant.claim} is not tested")


def found(copy: Copy, mutant: Mutant) -> Verdict:
    """All tests that notice it."""
    told = copy.try_(mutant, WIDE, first=False)
    return Verdict(
        True, "\n    ".join(["", *(f"{test}  {said[:90]}" for test, said in told["failed"]), *told["broken"]])
    )


def sound(copies: Sequence[Copy], mutants: Sequence[Mutant]) -> dict[str, str]:
    """What fails without any mutant, of the tests that the table names; each of them is run once."""
    targets = list(dict.fromkeys(target for mutant in mutants for target in mutant.targets))
    whole = {target for target in targets if "::" not in target}
    targets = [target for target in targets if target in whole or target.partition("::")[0] not in whole]
    shares = [targets[n :: len(copies)] for n in range(len(copies))]
    told: list[dict[str, Any]] = []

    def take(copy: Copy, share: list[str]) -> None:
        if share:
            told.append(copy.try_(_UNCHANGED, share, first=False))

    _together(threading.Thread(target=take, args=pair) for pair in zip(copies, shares, strict=True))
    return {test: said for one in told for test, said in (*one["failed"], *((said, "") for said in one["broken"]))}


def _together(threads: Iterable[threading.Thread]) -> None:
    started = list(threads)
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _work(copies: Sequence[Copy], mutants: Sequence[Mutant], *, find: bool) -> int:
    """Judge all; gives how many were caught."""
    waiting: SimpleQueue[tuple[int, Mutant]] = SimpleQueue()
    for entry in enumerate(mutants, 1):
        waiting.put(entry)
    caught: list[str] = []

    def work(copy: Copy) -> None:
        while True:
            try:
                number, mutant = waiting.get_nowait()
            except Empty:
                return
            verdict = found(copy, mutant) if find else judge(copy, mutant)
            _say(f"{number:3} {mutant.name} ({mutant.file}): {verdict.said}")
            if verdict.caught:
                caught.append(mutant.name)

    _together(threading.Thread(target=work, args=(copy,)) for copy in copies)
    return len(caught)


def main(words: Sequence[str]) -> int:
    """Run the mutants that have one of `words` in their name, or all."""
    started, find, anyway = time.monotonic(), "--find" in words, "--anyway" in words
    words = [word for word in words if not word.startswith("-")]
    mutants = [m for m in MUTANTS if not words or any(word in f"{m.name} {m.file}" for word in words)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Copy(Path(folder).resolve() / str(number)) for number in range(WORKERS)]
        if not find:
            bad = sound(copies, mutants)
            if bad:
                _say(
                    "\n  ".join(
                        ["tests that fail without a mutant:", *(f"{test} {said}" for test, said in bad.items())]
                    )
                )
                if not anyway:
                    return 1
                for copy in copies:
                    copy.spared = list(bad)
        caught = _work(copies, mutants, find=find)
    _say(f"{time.monotonic() - started:.0f} s")
    _say(f"mutants caught {caught}/{len(mutants)}")
    return 0 if caught == len(mutants) and mutants else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
