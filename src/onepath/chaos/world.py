"""One schedule: a session in a simulated world, through its faults, kills and recoveries, to its end.

Rules: one seed decides everything; the market, the network, the disk and the process each draw from a generator of their own,
so that leaving one fault out leaves the rest as it was. The session is the real one: `realtime.begin` and `resuming.resume`,
the engine, the simulated venue, the durable journal, the streams' driver. After `length` nothing goes wrong any more; when it
has been quiet for a while the session ends by itself.
Limits: one process and one thread beside the journal's.
Cost: 20 to 60 ms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from onepath import realtime, resuming
from onepath.chaos import disk as disks
from onepath.chaos.disk import Disk, Killed, WatchedJournal
from onepath.chaos.faults import Fault
from onepath.chaos.market import Truth
from onepath.chaos.network import Exchange, Network
from onepath.chaos.source import SimulatedSource
from onepath.chaos.timing import SECOND, Time
from onepath.config import Config
from onepath.errors import JournalError
from onepath.events import Command, TradingState
from onepath.feeds.over import Over
from onepath.instruments import Instrument
from onepath.journal import lease, mark, tail
from onepath.journal.codec import encode
from onepath.journal.sqlite import SqliteReader
from onepath.ports import Batch, Feed, Row
from onepath.session import Outcome, Session
from onepath.streams.life import Connection

MOST_LIVES = 12
GRACE = 8 * SECOND
"""after so long a kill that its point did not come for comes anyhow"""
_FAILURES = {"disk error": "disk I/O error", "disk full": "database or disk is full"}


class Schedule(NamedTuple):
    """All that decides a run."""

    seed: int
    config: Config
    home: Path
    faults: tuple[Fault, ...]
    length: int
    quiet: int
    start: int
    every: float
    """seconds between trades of a symbol, about"""
    numbered: bool = True
    flagged: bool = True
    hollow: bool = False

    @property
    def interval_ns(self) -> int:
        return self.config.data.interval_ns or 60 * SECOND

    @property
    def kinds(self) -> Sequence[str]:
        return self.config.data.kinds or ("bars", "trades")


class Found(NamedTuple):
    """What a run left to be looked at."""

    schedule: Schedule
    rows: list[Row]
    session: Session | None
    network: Network
    source: SimulatedSource | None
    happened: Counter[str]
    wrong: list[str]
    """what was seen to be wrong on the way"""
    lives: int
    path: Path
    ended: int
    """the world's time when it ended"""
    cut: int
    """times the journal's end was cut off because it was damaged"""


class _Watching(Over):
    """A feed that is looked at on its way to the loop."""

    def __init__(self, feed: Feed, world: World) -> None:
        super().__init__(feed)
        self._world = world

    def batches(self) -> Iterator[Batch]:
        for batch in self._feed.batches():
            self._world.hands_over(batch)
            yield batch


class World:
    """Runs a schedule in `folder`."""

    def __init__(self, schedule: Schedule, folder: Path, disk: Disk | None = None) -> None:
        seed = schedule.seed
        self.schedule = schedule
        self.time = Time(schedule.start)
        self.happened: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.session: Session | None = None
        self.source: SimulatedSource | None = None
        self.lives = 0
        self.cut = 0
        self._ends = schedule.length + schedule.quiet
        self.dead = False
        self._folder = folder
        self._path = folder / "1" / "journal.db"
        self._process = Random(f"{seed} process")  # noqa: S311 - it must repeat
        self._disk = Random(f"{seed} disk")  # noqa: S311
        self._kills = [fault for fault in schedule.faults if fault.kind in ("crash", "crash again")]
        self._left = self._kills[0].n if self._kills else 0
        self._damages = [fault for fault in schedule.faults if fault.kind in _DAMAGES]
        self.instruments = _instruments(schedule.config)
        self.network = Network(
            self._markets(),
            Random(f"{seed} network"),  # noqa: S311
            self.time,
            self.happened,
            schedule.config.data.interval or "1m",
        )
        self._journals = type(
            "Journals",
            (WatchedJournal,),
            {"hook": staticmethod(self.hook), "disk": disk or Disk(), "rows_of": {}, "acknowledged": 0, "events": 0},
        )

    def _markets(self) -> list[Truth]:
        schedule = self.schedule
        found = []
        for symbol, instrument in self.instruments.items():
            rng = Random(f"{schedule.seed} market {symbol}")  # noqa: S311
            tick = float(instrument.tick_size) or 0.01
            price = round(rng.uniform(2_000, 40_000)) * tick
            length = schedule.length + 2 * schedule.quiet + 20 * SECOND
            truth = Truth(
                symbol, rng, schedule.start, length, schedule.interval_ns, schedule.every, price, tick, schedule.length
            )
            truth.hollow = schedule.hollow
            found.append(truth)
        return found

    # -- the process

    def hook(self, point: str) -> None:
        """The process has come to a point at which it could be killed."""
        if self.dead:
            raise Killed
        if not self._kills:
            return
        kill = self._kills[0]
        late = self.time.passed - max(kill.at, self._was)
        if late < 0 or (point != kill.where and late < GRACE):
            return
        self._left -= 1
        if self._left <= 0 or late >= GRACE:
            self.dead = True
            self.happened[kill.kind] += 1
            self.happened[f"killed: {point}"] += 1
            raise Killed

    def hands_over(self, batch: Batch) -> None:
        """The loop is given a batch."""
        self.hook("batch")
        session = self.session
        if session is not None and session.delivered + batch.size > self._journals.events:  # type: ignore[attr-defined]
            self.wrong.append(
                f"I2: {session.delivered + batch.size} events were acted on, {self._journals.events} were in the journal"  # type: ignore[attr-defined]
            )

    def meets(self, fault: Fault) -> None:
        """A fault begins."""
        kind = fault.kind
        journal = self._journals.now  # type: ignore[attr-defined]
        if kind == "stall" and self.source is not None:
            self.source.stalled = fault.length
            self.happened[kind] += 1
        elif kind in ("clock forward", "clock back"):
            self.time.off += _off(fault)
            self.happened[kind] += 1
        elif kind in _FAILURES:
            if journal is not None:
                journal.fail(fault.n, _FAILURES[kind])
                self.happened[kind] += 1
        elif kind == "second process":
            if journal is not None:  # it runs
                self._second()
        else:
            self.network.meets(fault)

    def _second(self) -> None:
        """Somebody else wants to run the session."""
        try:
            lease.take(self._path, self.time.now()).release()
        except JournalError:
            self.happened["second process"] += 1
        else:
            self.wrong.append("lease: a second process could have run the session")

    # -- its lives

    def run(self) -> Found:
        while self.lives < MOST_LIVES:
            self.lives += 1
            try:
                self.session = None
                self.session = self._next()
                outcome = self._live(self.session)
            except Killed:
                self._die()
            except JournalError as error:
                if not self._may_fail(error):
                    self.wrong.append(f"the session did not go on: {error}")
                    break
                self._die()
            else:
                return self._found(outcome)
        self._die()
        return self._found(None)

    def _next(self) -> Session:
        """The session as a new process makes it."""
        self.dead = False
        time = self.time
        passed = time.passed
        for fault in self.schedule.faults:
            if _off(fault) and self._down <= fault.at < passed:  # while nobody was there
                self.meets(fault)
        self.source = self._source([f for f in self.schedule.faults if f.at >= passed and f.kind not in _OFFLINE])
        self._was = passed
        _ = self.source.instruments  # asks the venue, however long that takes
        self._ends = max(self._ends, self.time.passed + self.schedule.quiet)
        self.source.at(self._ends - 3 * self.schedule.quiet // 5, self._wind_down)
        return self._resumed() if self._path.exists() else self._begun()

    _was = _down = 0

    def _until(self) -> int:
        """When the session ends, by the clock as it will be then."""
        return self.time.start + self._ends + sum(_off(fault) for fault in self.schedule.faults)

    def _source(self, faults: Sequence[Fault]) -> SimulatedSource:
        schedule = self.schedule
        exchange = Exchange(
            self.network, self.instruments, schedule.kinds, numbered=schedule.numbered, flagged=schedule.flagged
        )
        source = SimulatedSource(
            self.network,
            exchange,
            interval_ns=schedule.interval_ns,
            kinds=schedule.kinds,
            connection=Connection(**schedule.config.data.connection.model_dump()),
            faults=faults,
            meets=self.meets,
            hook=self.hook,
            seed=schedule.seed,
        )
        source.at(schedule.length, self.network.quieten)
        return source

    def _wind_down(self) -> None:
        """No more orders, and those at work are asked back: what is then still on its way arrives."""
        if self.session is not None:
            self.session.command(Command(state=TradingState.HALTED, reason="the schedule ends"))

    def _begun(self) -> Session:
        assert self.source is not None  # noqa: S101
        return realtime.begin(
            self.schedule.config,
            self.source,
            home=self.schedule.home,
            session_id="chaos",
            journal_path=self._path,
            clock=self.time,
            until=self._until(),
            journals=self._journals,
        )

    def _resumed(self) -> Session:
        assert self.source is not None  # noqa: S101
        resumed = resuming.resume(
            self._path,
            self.source,
            home=self.schedule.home,
            clock=self.time,
            until=self._until(),
            journals=self._journals,
        )
        self.happened["resumes"] += 1
        for note in resumed.notes:
            self.happened["snapshots refused"] += "snapshot" in note and "rows" not in note[:20]
        return resumed.session

    def _live(self, session: Session) -> Outcome:
        session.plan = session.plan._replace(feed=_Watching(session.plan.feed, self))
        source, journal = self.source, self._journals.now  # type: ignore[attr-defined]
        assert source is not None  # noqa: S101
        until = self._until()
        source.patience = lambda: min(until, session.engine.next_due)
        state = {"due": 0}

        def writes() -> None:
            """The journal's writer, which commits every so often."""
            if self.time.passed >= state["due"]:
                journal.flush()
                state["due"] = self.time.passed + self._process.randrange(20_000_000, 900_000_000)

        session.after_batch.append(writes)
        return session.run()

    def _may_fail(self, error: JournalError) -> bool:
        """Whether this refusal is right: the disk has failed, or nothing had been acknowledged."""
        journal = self._journals.now  # type: ignore[attr-defined]
        if self.dead or (journal is not None and journal._writer.failure):
            self.happened["stopped by the disk"] += not self.dead
            return True
        if not self._journals.acknowledged:  # type: ignore[attr-defined]
            self.happened["begun again"] += 1
            self._path = self._folder / f"{self.lives + 1}-again" / "journal.db"
            self._forget()
            return True
        return False

    def _forget(self) -> None:
        self._journals.rows_of.clear()  # type: ignore[attr-defined]
        self._journals.events = 0  # type: ignore[attr-defined]

    def _die(self) -> None:
        """The process is gone: what it had open is closed, and what it left is damaged as the schedule says."""
        if self.session is not None:
            self.session._unwatch()
        if self.source is not None:
            self.source.stop()
        journal = self._journals.now  # type: ignore[attr-defined]
        if journal is not None:
            left = self._folder / str(self.lives + 1) / "journal.db"
            journal.kill(self._disk, left)
            self._path = left
        self._down = self.time.passed
        if self._kills and self.dead:
            killed = self._kills.pop(0)
            self.time.passed += killed.length
            self._left = self._kills[0].n if self._kills else 0
        else:
            self.time.passed += self._process.randrange(3 * SECOND)
        damaged = self._damage()
        if self._path.exists():
            self._look(damaged)

    def _damage(self) -> bool:
        """What happens to the files of one that was killed; whether its journal's log is damaged. One that lost its mark is left
        at that: nothing would tell that its end is missing."""
        now = [fault for fault in self._damages if fault.at <= self.time.passed]
        self._damages = self._damages[len(now) :]
        done = set()
        for fault in sorted(now, key=lambda fault: fault.kind == "lost mark"):
            if self._path.exists() and not (fault.kind == "lost mark" and "torn end" in done):
                if fault.kind == "torn end" and not mark.place(self._path).exists():
                    continue
                if _DAMAGES[fault.kind](self._path, Random(fault.n)):  # noqa: S311
                    self.happened[fault.kind] += 1
                    done.add(fault.kind)
        return "torn end" in done

    def _look(self, damaged: bool) -> None:
        """Everything that was acknowledged is there, as it was written."""
        found = tail.verify(self._path)
        acknowledged, rows = self._journals.acknowledged, self._journals.rows_of  # type: ignore[attr-defined]
        if found.seq < acknowledged and not damaged:
            self.wrong.append(f"I1: {acknowledged} rows were acknowledged, {found.seq} are there")
        if found.seq < acknowledged and damaged:
            self.happened["rows lost and said so"] += acknowledged - found.seq
            if not found.damage:
                self.wrong.append(f"I1: {acknowledged - found.seq} rows are lost, and nobody says so")
            self._journals.acknowledged = found.seq  # type: ignore[attr-defined]
        self.cut += bool(found.damage)
        events = 0
        if found.seq:
            reader = SqliteReader(self._path)
            try:
                for row in reader.rows():
                    if row.seq > found.seq:
                        break
                    at, kind, strategy, cause, event = rows[row.seq]
                    if (row.at, row.kind, row.strategy, row.cause, row.body) != (
                        at,
                        kind,
                        strategy,
                        cause,
                        encode(event),
                    ):
                        self.wrong.append(f"I1: row {row.seq} is not what was written: {row}")
                        break
                    events += len(event) if kind == "market" else 0
            finally:
                reader.close()
        for seq in [seq for seq in rows if seq > found.seq]:
            del rows[seq]
        self._journals.events = events  # type: ignore[attr-defined]

    def _found(self, outcome: Outcome | None) -> Found:
        self._kills.clear()
        self.dead = False
        journal = self._journals.now  # type: ignore[attr-defined]
        rows: list[Row] = []
        if journal is not None:
            rows = list(journal.rows())
            journal.close()
        if self.source is not None:
            self.source.stop()
        if outcome is None and not self.wrong:
            self.wrong.append(f"the session did not come to its end in {self.lives} lives")
        self.happened["events"] += 0 if self.session is None else self.session.delivered
        self._count(rows)
        return Found(
            self.schedule,
            rows,
            self.session if outcome is not None else None,
            self.network,
            self.source,
            self.happened,
            self.wrong,
            self.lives,
            self._path,
            self.time.true,
            self.cut,
        )

    def _count(self, rows: Sequence[Row]) -> None:
        """What the simulated broker and the strategies did."""
        faults = self.schedule.config.execution.faults
        happened = self.happened
        happened["rows"] += len(rows)
        for row in rows:
            if row.kind == "order.rejected":
                outage = any(first <= row.at < last for first, last in (o.span_ns for o in faults.outages))
                happened["outage" if outage else "rejections"] += 1
            elif row.kind == "order.submitted":
                happened["orders"] += 1
            elif row.kind in ("order.filled", "order.partly_filled"):
                happened["fills"] += 1
                happened["late reports"] += bool(faults.delay_rate)
            elif row.kind == "strategy.ended" and b'"failed"' in row.body:
                happened["strategy raises"] += 1


_DAMAGES: dict[str, disks.Damage] = {
    "torn end": lambda path, rng: disks.flip(path, rng, end=True),
    "bad snapshot": disks.spoil_snapshot,
    "lost mark": lambda path, _rng: disks.lose_mark(path),
}
_OFFLINE = frozenset({"crash", "crash again", *_DAMAGES})


def _off(fault: Fault) -> int:
    """By how much a fault sets the clock."""
    return {"clock forward": fault.length, "clock back": -fault.length}.get(fault.kind, 0)


def _instruments(config: Config) -> dict[str, Instrument]:
    from decimal import Decimal

    return {
        symbol: Instrument(
            symbol=symbol,
            asset_class="crypto",
            currency="USDT",
            base=symbol.removesuffix("USDT").rstrip("/"),
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.0001"),
            calendar="24/7",
        )
        for symbol in config.data.symbols or ()
    }
