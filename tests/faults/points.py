"""kill -9 of a session at every point of it: each row, each commit, each snapshot, each order that leaves; then it goes on.

Rules: a forked process runs a scripted session and kills itself at its k-th point; another goes on from what it left, over
the rest of the script. What was acknowledged is there; whatever is outside was durable here before; nothing is outside twice,
nothing is missing there in the end; and the rows that are decided and the books at the end are those of a session that was
never killed. What a session that goes on says of itself (data.status) is all that may differ. Mutants: see `mutants.py`.
Cost: see `python tests/faults/points.py [N [SEED]]`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from counts import Counts

from onepath import realtime, resuming
from onepath.chaos.disk import Disk, FailingConnection, WatchedJournal
from onepath.chaos.market import Truth
from onepath.chaos.sweep import memory
from onepath.chaos.timing import SECOND, Time
from onepath.chaos.world import _instruments
from onepath.config import Config
from onepath.errors import JournalError
from onepath.events import DataState, DataStatus
from onepath.journal import tail
from onepath.journal.codec import INPUTS, decode
from onepath.journal.sqlite import SqliteReader
from onepath.orders import Order
from onepath.outbox import Outbox
from onepath.session import Session

START = 1_767_225_600 * SECOND
_DECLARED = ("data.status", "session.started", "session.ended", "session.ending")
_outboxes = Outbox


def config(seed: int) -> Config:
    """Three strategies over two symbols, snapshots every two seconds."""
    churns = [
        {
            "name": f"churn_{n}",
            "class": "onepath.chaos.churn:Churn",
            "capital": 100_000,
            "params": {"every": 2 + n, "offset": 4 * n},
        }
        for n in range(2)
    ]
    example = {"name": "bracket_breakout", "capital": 50_000, "params": {"channel": 2, "stop": 0.5, "profit": 1.0}}
    return Config.model_validate(
        {
            "mode": "paper",
            "seed": seed,
            "data": {"source": "scripted", "symbols": ["AUSDT", "BUSDT"], "interval": "1s", "history": 0},
            "execution": {"latency": {"mean_ms": 30, "back_mean_ms": 20}},
            "strategies": [*churns, example],
            "isolation": {"time_budget": 60, "max_orders_per_second": 100_000},
            "marks": "1s",
            "recovery": {"snapshots": "2s"},
        }
    )


class Script:
    """A Source that brings the same events in the same parts at the same moments, whoever has seen how many of them."""

    def __init__(self, settings: Config, seed: int, clock: Time) -> None:
        self.instruments = _instruments(settings)
        self.kinds = dict.fromkeys(self.instruments, ("bars", "trades"))
        self.volumes = tuple(self.instruments)
        self._clock = clock
        self._told: list[DataStatus] = []
        self.parts = self._parts(seed)
        self._next = 0

    def _parts(self, seed: int) -> list[list[Any]]:
        rng = Random(seed)  # noqa: S311 - it must repeat
        events = []
        for number, symbol in enumerate(self.instruments):
            own = Random(f"{seed} {symbol}")  # noqa: S311
            truth = Truth(symbol, own, START, 12 * SECOND, SECOND, 0.2, 50.0 + number, 0.01)
            events += [*truth.trades, *truth.bars.values()]
        events.sort(key=lambda event: event.venue_at)
        parts: list[list[Any]] = []
        at = START
        while events:
            part = [events.pop(0) for _ in range(min(len(events), rng.randint(1, 4)))]
            for event in part:
                at = max(at + 1_000_000, event.venue_at)
                event_at(event, at)
            parts.append(part)
        return parts

    def describe(self) -> Mapping[str, Any]:
        return {"source": "scripted", "interval_ns": SECOND}

    def history(self, bars: int) -> Sequence[Any]:
        return ()

    def start(self, after: Mapping[tuple[str, str], Any], since: int = 0) -> None:
        """Go on behind what is known."""
        last = max((event.at for event in after.values()), default=0)
        while self._next < len(self.parts) and self.parts[self._next][-1].at <= last:
            self._next += 1
        if since:
            self._told = [
                DataStatus(at=since + 1, state=DataState.RECOVERED, symbol=symbol, stream=kind, since=since)
                for symbol, kinds in self.kinds.items()
                for kind in kinds
            ]

    def take(self, seconds: float) -> Sequence[Any]:
        if self._told:
            told, self._told = self._told, []
            return told
        if self._next == len(self.parts):
            self._clock.passed = 60 * SECOND
            return ()
        part = self.parts[self._next]
        self._next += 1
        self._clock.passed = part[-1].at - START
        return part

    def wake(self) -> None:
        return

    def stop(self) -> None:
        return

    def health(self) -> Mapping[str, Any]:
        return {"queue": {"depth": 0}, "connections": [], "streams": {}}


def event_at(event: Any, at: int) -> None:
    from msgspec.structs import force_setattr

    force_setattr(event, "at", at)


class Outside:
    """The world beyond the process: a file, synced line by line."""

    def __init__(self, path: Path, hook: Callable[[str], None]) -> None:
        self._path = path
        self._hook = hook

    def names(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []

    def send(self, name: str, what: str, order: Order | None) -> None:
        self._hook("leaves")
        with self._path.open("a") as file:
            file.write(name + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._hook("left")


class Commits(FailingConnection):
    """A connection with a point before and behind each commit."""

    hook: Callable[[str], None]

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        if statement != "COMMIT":
            return super().execute(statement, values)
        self.hook("commit")
        done = super().execute(statement, values)
        self.hook("committed")
        return done


def session(folder: Path, seed: int, hook: Callable[[str], None], fail: Callable[[Any], None] | None = None) -> Session:
    """The scripted session, begun or gone on with in `folder`."""
    path = folder / "journal.db"
    settings = config(seed)
    clock = Time(START)
    source = Script(settings, seed, clock)

    class Hooked(WatchedJournal):
        @classmethod
        def _connected(cls, at: Path) -> Any:
            cls.connection = Commits(cls.disk.connect(at))
            cls.connection.hook = hook
            return cls.connection

    Hooked.hook, Hooked.disk = staticmethod(hook), Disk()  # type: ignore[assignment]
    Hooked.rows_of, Hooked.acknowledged, Hooked.events = {}, 0, 0
    how: dict[str, Any] = {"home": folder, "clock": clock, "until": START + 30 * SECOND, "journals": Hooked}
    if path.exists():
        last = tail.verify(path)
        clock.passed = max(0, last.at - START)
        made = resuming.resume(path, source, **how).session
    else:
        made = realtime.begin(settings, source, session_id="points", journal_path=path, **how)
    journal = Hooked.now
    outside = Outside(folder / "outside", hook)
    made.outbox = _outboxes(made.venue, made.journal, outside.send, outside.names())
    turns = [0]

    def commits() -> None:
        turns[0] += 1
        if turns[0] % 4 == 0:
            journal.flush()  # type: ignore[union-attr]
            if fail is not None:
                fail(Hooked)
            told = os.open(folder / "acknowledged", os.O_CREAT | os.O_WRONLY)
            os.pwrite(told, b"%020d" % Hooked.acknowledged, 0)
            os.close(told)

    made.after_batch.append(commits)
    return made


def run_out(folder: Path, seed: int, kill_at: int = 0, points: list[int] | None = None) -> Counter[str]:
    """Run it to its end, or to its `kill_at`-th point; what points it came to."""
    seen: Counter[str] = Counter()
    count = [0]

    def hook(point: str) -> None:
        count[0] += 1
        seen[point] += 1
        if count[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    made = session(folder, seed, hook)
    made.run()
    made.journal.close()
    if points is not None:
        points.append(count[0])
    return seen


def run_into(folder: Path, seed: int, statement: int) -> None:
    """Run it on a disk that fails at its `statement`-th statement; ends the process with 3 where that stopped it."""
    made = session(folder, seed, lambda _point: None)
    made.journal.fail(statement, "disk I/O error" if statement % 2 else "database or disk is full")  # type: ignore[attr-defined]
    try:
        made.run()
    except JournalError:
        os._exit(3)


def left(folder: Path) -> tuple[list[tuple[Any, ...]], list[str], dict[str, Any]]:
    """The rows that are decided, what is outside, and the books that fills make."""
    reader = SqliteReader(folder / "journal.db")
    found = [(row.at, row.kind, row.strategy, row.body) for row in reader.rows() if row.kind not in _DECLARED]
    rows = [row for row in found if row[1] not in INPUTS] + [row for row in found if row[1] == "market"]
    books: Counter[Any] = Counter()
    for row in reader.rows(("order.filled", "order.partly_filled")):
        fill = decode(row)
        books[fill.strategy, fill.symbol] += fill.quantity  # type: ignore[assignment]
        books[fill.strategy, "cash"] -= fill.quantity * fill.price + fill.fee  # type: ignore[assignment]
    reader.close()
    return rows, Outside(folder / "outside", str).names(), dict(books)


def forked(work: Callable[[], None]) -> int:
    """Do it in a process of its own; how that ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n"[:600])
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(folder: Path, seed: int, at: int, whole: Any, happened: Counter[str]) -> str:
    """One kill (`at` below zero: a disk that fails at that statement), and going on; what is wrong, in words."""
    ended = forked(lambda: run_out(folder, seed, at) and None if at > 0 else run_into(folder, seed, -at))
    if at < 0 and not ended:
        happened["over before it failed"] += 1
        return ""
    if ended != (-signal.SIGKILL if at > 0 else 3):
        return f"it ended with {ended} instead of being {'killed' if at > 0 else 'stopped'}"
    path = folder / "journal.db"
    happened["killed" if at > 0 else "stopped by the disk"] += 1
    acknowledged = int((folder / "acknowledged").read_text()) if (folder / "acknowledged").exists() else 0
    outside = Outside(folder / "outside", str).names()
    if path.exists():
        found = tail.verify(path)
        if found.seq < acknowledged:
            return f"{acknowledged} rows were acknowledged, {found.seq} are there"
        if outside:
            reader = SqliteReader(path)
            sent = {f"points-{decode(row).id}" for row in reader.rows(("order.submitted",)) if row.seq <= found.seq}
            reader.close()
            unknown = [name for name in outside if name.count("-") == 1 and name not in sent]
            if unknown:
                return f"{unknown} were sent, and the journal does not know them"
        if not found.seq:
            for file in folder.iterdir():
                file.unlink()
            happened["nothing was begun"] += 1
    happened["outside when killed"] += len(outside)
    ended = forked(lambda: run_out(folder, seed) and None)
    if ended:
        return "it does not go on (see above)"
    happened["gone on"] += 1
    return _differs(left(folder), whole)


def _differs(found: Any, whole: Any) -> str:
    rows, outside, books = found
    twice = [name for name, number in Counter(outside).items() if number > 1]
    if twice:
        return f"sent twice: {twice}"
    if outside != whole[1]:
        return f"outside is {len(outside)} things, without the kill {len(whole[1])}"
    if books != whole[2]:
        return f"the books are {books}, without the kill {whole[2]}"
    for number, (one, other) in enumerate(zip(rows, whole[0], strict=False)):
        if one != other:
            return f"decided row {number} is {one}, without the kill {other}"
    return "" if len(rows) == len(whole[0]) else f"{len(rows)} rows, without the kill {len(whole[0])}"


def run(n: int, seed: int = 1, progress: Callable[[int, int], None] | None = None) -> Counts:
    """`n` points, evenly over the session of `seed`; 0: all."""
    return _run("crash points", n, seed, 1, progress)


def run_errors(n: int, seed: int = 1, progress: Callable[[int, int], None] | None = None) -> Counts:
    """`n` statements of the session's journal that fail, evenly; 0: all."""
    return _run("session disk errors", n, seed, -1, progress)


def _one(work: tuple[str, int, int, Any]) -> tuple[str, Counter[str]]:
    place, seed, at, whole = work
    happened: Counter[str] = Counter()
    folder = Path(place) / str(at)
    folder.mkdir()
    wrong = kill(folder, seed, at, whole, happened)
    shutil.rmtree(folder)
    return wrong, happened


def _run(name: str, n: int, seed: int, sign: int, progress: Callable[[int, int], None] | None) -> Counts:
    happened: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=memory()) as place:
        folder = Path(place) / "whole"
        folder.mkdir()
        points: list[int] = []
        seen = run_out(folder, seed, points=points)
        whole = left(folder)
        total = points[0] if sign > 0 else 5 * seen["commit"]
        wanted = range(1, total + 1) if not n or n >= total else [1 + (k * total) // n for k in range(n)]

        bad = []
        work = [(place, seed, sign * at, whole) for at in wanted]
        with ProcessPoolExecutor(2, get_context("fork")) as pool:
            for done, (wrong, found) in enumerate(pool.map(_one, work), 1):
                bad += [f"points.py: seed {seed}, {name} {work[done - 1][2]} of {total}: {wrong}"] if wrong else []
                happened.update(found)
                if progress is not None:
                    progress(done, len(wanted))
    if sign > 0:
        happened.update({f"point {point}": number for point, number in seen.items()})
        happened["orders outside"] = len(whole[1])
    return Counts(name, len(wanted), happened, tuple(bad))


if __name__ == "__main__":
    began = time.perf_counter()
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else 300, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    errors = run_errors(60, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(result, *result.bad[:10], errors, *errors.bad[:10], f"{time.perf_counter() - began:.1f} s", sep="\n")  # noqa: T201
