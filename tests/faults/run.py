"""`make faults` and `make nightly`: every harness, one after the other, and one line at the end.

    python tests/faults/run.py [--nightly] [--seed S]

Rules: the last line is `schedules N, crash points M, io faults K, bad 0, mutants caught n/n`; what is bad stands above it
with what repeats it. Ends with 1 where anything is bad, a mutant is not caught, or a kind of fault never happened.
Cost: see docs/faults.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import failing
import kernel
import kills
import leases
import points
import power
import tails
from counts import Counts

import mutants
from onepath.chaos.schedules import own
from onepath.chaos.sweep import Sum, sweep

Progress = Callable[[int, int], None]
GATE = {
    "schedules": 2_000,
    "points": 240,
    "errors": 60,
    "kills": 200,
    "power": 600,
    "failing": 500,
    "tails": 500,
    "leases": 40,
    "kernel": 20,
}
NIGHTLY = {
    **{
        "schedules": 100_000,
        "points": 0,
        "errors": 0,
        "kills": 2_000,
        "power": 100_000,
        "failing": 5_000,
        "tails": 5_000,
    },
    **{"leases": 500, "kernel": 200},
}
"""0: all there are"""


def shows(name: str) -> Progress:
    """Progress of one harness, on stderr."""
    began, last = time.perf_counter(), [0.0]

    def draw(done: int, total: int) -> None:
        now = time.perf_counter()
        if done < total and now - last[0] < (0.5 if sys.stderr.isatty() else 20):
            return
        last[0] = now
        rate = done / (now - began)
        text = f"{name}: {done:,} of {total:,}, {rate:,.1f}/s, {(total - done) / rate:,.0f} s left"
        sys.stderr.write(f"\r{text:<78}" if sys.stderr.isatty() else f"{text}\n")
        if done == total and sys.stderr.isatty():
            sys.stderr.write("\n")

    return draw


def schedules(n: int, seed: int) -> Counts:
    """Whole sessions in a simulated world."""
    total: Sum = sweep(own, range(seed, seed + n), progress=shows("schedules"))
    bad = [
        f"seed {ran.seed}: {ran.wrong[0]} (again: .venv/bin/python tests/faults/schedule.py {ran.seed})"
        for ran in sorted(total.bad)
    ]
    bad += [f"schedules: {kind} never happened" for kind in total.never]
    if total.schedules < n:
        bad.append(f"schedules: stopped after {total.schedules} of {n}")
    return Counts("schedules", total.schedules, total.happened, tuple(bad))


def main(nightly: bool, seed: int) -> int:
    size = NIGHTLY if nightly else GATE
    days = range(seed, seed + (20 if nightly else 1))
    done: list[tuple[str, Counts]] = []

    def add(kind: str, run: Callable[[], Counts]) -> None:
        began = time.perf_counter()
        counts = run()
        done.append((kind, counts))
        print(f"{counts}; {time.perf_counter() - began:.1f} s", *counts.bad[:20], sep="\n  ", flush=True)  # noqa: T201

    add("schedules", lambda: schedules(size["schedules"], seed))
    for day in days:
        add("crash points", lambda day=day: points.run(size["points"], day, shows(f"crash points of day {day}")))  # type: ignore[misc]
        add("io faults", lambda day=day: points.run_errors(size["errors"], day, shows(f"disk errors of day {day}")))  # type: ignore[misc]
    add("crash points", lambda: kills.run(size["kills"], seed, 100))
    for name, harness in (("power", power), ("failing", failing), ("tails", tails), ("kernel", kernel)):
        add("io faults", lambda harness=harness, name=name: harness.run(size[name], seed, 500))  # type: ignore[misc]
    add("leases", lambda: leases.run(size["leases"], seed, 30))
    add("mutants", lambda: mutants.run(shows("mutants")))
    return told(done)


def told(done: list[tuple[str, Counts]]) -> int:
    """The last line, and how the process ends."""
    kinds = {
        kind: sum(counts.n for k, counts in done if k == kind) for kind in ("schedules", "crash points", "io faults")
    }
    bad = sum(len(counts.bad) for _, counts in done)
    caught, put_in = (sum(getattr(counts, name) for _, counts in done) for name in ("caught", "mutants"))
    numbers = ", ".join(f"{kind} {number:,}" for kind, number in kinds.items())
    print(f"{numbers}, bad {bad}, mutants caught {caught}/{put_in}")  # noqa: T201
    return int(bool(bad) or caught < put_in)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main("--nightly" in given, int(given[given.index("--seed") + 1]) if "--seed" in given else 1))
