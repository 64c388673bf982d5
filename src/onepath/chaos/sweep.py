"""Many schedules, on all processors: what happened in them, what was wrong, and the fewest faults that show it.

Rules: a schedule follows from its seed alone, whichever process runs it and in whatever order. A kind of fault that never
happened is itself a failure of the harness, because no fault gives no failures, too.
Limits: POSIX (fork). A session's journal lies in memory (/dev/shm) where there is such a place.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from onepath.chaos.checks import wrong
from onepath.chaos.disk import Disk, Killed
from onepath.chaos.faults import KINDS, Fault
from onepath.chaos.world import Found, Schedule, World

Look = Callable[[Found], Sequence[str]]
"""Looks at a run for what is only worth telling"""


class Ran(NamedTuple):
    """What came of one schedule."""

    seed: int
    happened: Counter[str]
    wrong: tuple[str, ...]
    told: tuple[str, ...] = ()


class Sum(NamedTuple):
    """What came of many."""

    schedules: int
    happened: Counter[str]
    bad: list[Ran]
    told: Counter[str]
    """findings, and in how many schedules"""
    first: dict[str, int]
    """by finding: the first seed"""

    @property
    def never(self) -> list[str]:
        """Kinds of faults that never happened."""
        return [kind for kind in KINDS if not self.happened[kind]]


def memory() -> str | None:
    """A folder in memory, if there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


@contextmanager
def quiet() -> Iterator[None]:
    """What the streams log is the point here, and no news."""
    log = logging.getLogger("onepath.streams")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def ran(schedule: Schedule, disk: Disk | None = None, look: Look | None = None) -> Ran:
    """One schedule."""
    with quiet(), tempfile.TemporaryDirectory(dir=memory(), prefix="onepath-chaos-") as folder:
        world = World(schedule, Path(folder), disk)
        try:
            found = world.run()
            told = tuple(wrong(found))
            seen = tuple(look(found)) if look is not None else ()
        except (Exception, Killed) as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            told = (f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})",)
            seen = ()
    return Ran(schedule.seed, world.happened, told, seen)


_made: Callable[[int], Schedule]
_look: Look | None = None


def _one(seed: int) -> Ran:
    if seed % 16 == 0:
        gc.collect()
    return ran(_made(seed), look=_look)


def _begin(processors: int, number: Any) -> None:
    """A worker: Ctrl-C is the parent's business, and each stays on a processor of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    with suppress(AttributeError, OSError), number.get_lock():
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[number.value % processors]})
        number.value += 1


def sweep(
    make: Callable[[int], Schedule],
    seeds: range,
    *,
    look: Look | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> Sum:
    """Run the schedules of `seeds`; Ctrl-C ends it with what was found until then."""
    global _made, _look
    _made, _look = make, look
    total = Sum(0, Counter(), [], Counter(), {})
    with suppress(KeyboardInterrupt):
        for done in _all(seeds, workers or _processors()):
            total = _added(total, done)
            if progress is not None:
                progress(total.schedules, len(seeds))
    return total


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _all(seeds: range, workers: int) -> Iterator[Ran]:
    if workers == 1 or len(seeds) < 4:
        yield from map(_one, seeds)
        return
    context = multiprocessing.get_context("fork")
    gc.collect()
    gc.freeze()
    try:
        with context.Pool(workers, _begin, (_processors(), context.Value("i", 0))) as pool:
            yield from pool.imap_unordered(_one, seeds, chunksize=4)
    finally:
        gc.unfreeze()


def _added(total: Sum, done: Ran) -> Sum:
    total.happened.update(done.happened)
    if done.wrong:
        total.bad.append(done)
    for text in set(done.told):
        total.told[text] += 1
        total.first[text] = min(total.first.get(text, done.seed), done.seed)
    return total._replace(schedules=total.schedules + 1)


def shrunk(schedule: Schedule) -> Schedule:
    """The schedule with as few faults as still show that something is wrong."""
    faults: list[Fault] = list(schedule.faults)
    for fault in reversed(schedule.faults):
        fewer = [other for other in faults if other is not fault]
        if ran(schedule._replace(faults=tuple(fewer))).wrong:
            faults = fewer
    return schedule._replace(faults=tuple(faults))
