"""A session: its parts, its manifest, and running it from the first event to a closed journal.

Rules: whatever happens, the journal ends readable, with the reason. Nothing here knows how a part works; what the parts
are is decided in `build`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

import onepath
from onepath.accounts import AccountTerms, home_currency
from onepath.clock import busy, ticks
from onepath.data.sessions import doubts, noted
from onepath.engine import Engine
from onepath.errors import ConfigError, JournalError, TransitionError
from onepath.events import Command, SessionEnded, SessionEnding, SessionStarted, StrategyEnded
from onepath.features.running import Memo
from onepath.feeds.live import LiveFeed
from onepath.isolation import Fencing, Isolation
from onepath.journal.codec import SCHEMA, decode
from onepath.journal.memory import MemoryJournal
from onepath.loop import run
from onepath.market import MarketEvent
from onepath.portfolio import Portfolio
from onepath.ports import Feed, Venue
from onepath.ports import Journal as JournalPort
from onepath.rates import reachable
from onepath.replay import RecordedVenue, ReplayResult, Rows, compare, decision_hash, endings
from onepath.risk import RiskPlan
from onepath.seat import Seated
from onepath.simulator.assumptions import Market
from onepath.simulator.venue import SimulatedVenue
from onepath.universe import Universe
from onepath.watchdog import Watchdog

MINUTE = 60_000_000_000
DAY = 1_440 * MINUTE
_STEPS = tuple(n * MINUTE for n in (1, 5, 15, 30, 60, 120, 240, 480, 720, 1_440))
_TICK_STEPS = tuple(n * MINUTE // 60 for n in (1, 5, 15, 30))
_UNITS = {"s": MINUTE // 60, "m": MINUTE, "h": 60 * MINUTE, "d": DAY}
_CURVE_POINTS = 1_000


class Progress(NamedTuple):
    """How far a run has come: events done of `total` (None: nobody knows), and the simulated time."""

    done: int
    total: int | None
    at: int


class Plan(NamedTuple):
    """All that a session is made of."""

    mode: str
    seed: int
    feed: Feed
    data: Mapping[str, Any]
    """what the feed was asked for, for the manifest"""
    strategies: Sequence[Seated]
    sources: Sequence[Mapping[str, Any]]
    """where each strategy's code came from, for the manifest"""
    market: Market
    config: Mapping[str, Any]
    mark_every: int
    expected_cost: Decimal | None = None
    """share of an order's value that costs are expected to take, for sizing; None: what `market` expects"""
    risk: RiskPlan | None = None
    """limits of the account and of symbols, and the breakers"""
    commands: Sequence[tuple[int, Command]] = ()
    """commands of a recorded session, with their times"""
    isolation: Isolation | None = None
    """what each strategy may use up, in time and in orders"""
    endings: Mapping[str, StrategyEnded] = {}
    """how strategies of a recorded session were quarantined, by strategy: they are ended at the same call"""
    live: LiveFeed | None = None
    """the part of the feed that comes as it happens, where there is one"""
    memo: Memo | None = None
    """what knows feature values that were computed before; no part of the manifest, because it decides no value"""


class Outcome:
    """What a finished session has to say of itself."""

    def __init__(
        self,
        session_id: str,
        status: str,
        events: int,
        errors: tuple[str, ...],
        journal: JournalPort,
        portfolios: Mapping[str, Portfolio],
    ) -> None:
        self.session_id = session_id
        self.status = status
        self.events = events
        self.errors = errors
        self.portfolios = portfolios
        self._journal = journal

    @cached_property
    def _decided(self) -> tuple[int, str]:
        return decision_hash(self._journal)

    @property
    def decisions(self) -> int:
        """How many decisions the journal holds."""
        return self._decided[0]

    @property
    def hash(self) -> str:
        """SHA-256 of all decisions: equal runs, equal hash."""
        return self._decided[1]


class Session:
    """One run of a plan. `run` once; `stop`, `pause` and `resume` may be called from elsewhere meanwhile."""

    def __init__(self, plan: Plan, journal: JournalPort, venue: Venue | None = None) -> None:
        self.id = journal.session_id
        self.plan = plan
        self.journal = journal
        self.delivered = 0
        """market events so far, those before a snapshot included"""
        self._stopped = False
        self._go = threading.Event()
        self._go.set()
        self.watchdog = watchdog_of(plan.isolation)
        """who breaks off calls of strategies that take too long, where there is a time budget"""
        self.engine = self._engine()
        if plan.data.get("universe"):
            self.engine.look_at(msgspec.convert(plan.data["universe"], Universe))
        if plan.live is not None:
            plan.live.attend(self.engine)
        self.once_started: list[Callable[[], None]] = []
        """called when the strategies have started, before the first batch: a snapshot is put back here"""
        self.after_batch: list[Callable[[], None]] = []
        """called when a batch has been worked through: snapshots, windows"""
        self.venue: Venue = simulated(plan, self.engine.marks) if venue is None else venue
        self.outbox: Venue | None = None
        """stands between the loop and the venue where orders leave the process"""

    def _engine(self) -> Engine:
        plan = self.plan
        return Engine(
            plan.feed.instruments,
            plan.strategies,
            self.journal.append,
            cost=plan.market.expected_cost if plan.expected_cost is None else plan.expected_cost,
            expected_events=plan.feed.total,
            mark_every=plan.mark_every,
            risk=plan.risk,
            commands=plan.commands,
            acting=plan.feed.describe().get("acting", ()),
            adjust_dividends=bool(plan.data.get("adjust_dividends")),
            fencing=Fencing(plan.isolation, self.watchdog, ticks, plan.endings),
            kinds=plan.feed.kinds,
            interval_ns=plan.feed.describe().get("interval_ns"),
            memo=plan.memo,
        )

    def stop(self) -> None:
        """Ask the run to end after what it is doing; safe from a signal handler."""
        self._stopped = True
        self.engine.stop_soon()
        if self.plan.live is not None:
            self.plan.live.stop()
        self._go.set()

    def command(self, command: Command) -> None:
        """Set the trading state of a strategy, or of all; done before the next instant, and recorded.

        Raises CommandError for a strategy that is not here, or an activation without a name in `by`.
        """
        self.engine.command(command)

    def pause(self) -> None:
        """Hold the run after what it is doing."""
        self._go.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._go.set()

    def run(self, progress: Callable[[Progress], None] | None = None) -> Outcome:
        """Run to the end of the data, a stop, or the failure of every strategy."""
        status, before = "failed", self.delivered
        self.engine.moment.at = int(self.plan.data.get("first_at") or 0)
        self.journal.append(self.engine.moment.at, "session.started", None, self.manifest())
        self.journal.flush()

        def wanted(events: int) -> bool:
            self.delivered = done = before + events
            if progress is not None:
                progress(Progress(done, self.plan.feed.total, self.engine.moment.at))
            for call in self.after_batch:
                call()
            self._go.wait()
            return not self._stopped

        try:
            if self.watchdog is not None:
                self.watchdog.start()
            events = run(self.plan.feed, self.engine, self.outbox or self.venue, wanted, self.once_started)
            self.delivered = before + events
            status = "stopped" if self._stopped else "completed" if self.engine.alive else "failed"
        except KeyboardInterrupt:
            status = "stopped"
        except JournalError:  # what cannot be recorded cannot be ended either
            self._unwatch()
            raise
        except BaseException:
            self._end(status)
            raise
        self._end(status)
        errors = tuple(f"{f.strategy} {f.status} at {f.where}: {f.error}" for f in self.engine.failures)
        return Outcome(self.id, status, self.delivered, errors, self.journal, self.engine.portfolios)

    def _end(self, status: str) -> None:
        if self.plan.live is not None:
            self.journal.append(self.engine.moment.at, "session.ending", None, SessionEnding(status, self.delivered))
        try:
            self.engine.stop("finished" if status == "completed" else "stopped")
        finally:
            self._unwatch()
        ended = SessionEnded(status, self.delivered, self.plan.feed.fingerprint())
        self.journal.append(self.engine.moment.at, "session.ended", None, ended)
        self.journal.flush()

    def be_patient(self) -> None:
        """Give calls of strategies more time: what the record says they did in time, they did in time."""
        if self.watchdog is not None and self.plan.isolation is not None:
            self.watchdog.patience = self.plan.isolation.start_budget

    def be_strict(self) -> None:
        """Hold strategies to their time budget from here on."""
        if self.watchdog is not None:
            self.watchdog.patience = 0.0

    def _unwatch(self) -> None:
        if self.watchdog is not None:
            self.watchdog.stop()

    def manifest(self) -> SessionStarted:
        """What the session is, as its journal begins: equal plans, equal manifests."""
        plan = self.plan
        strategies = tuple(
            {
                "name": seated.name,
                "version": seated.strategy.version,
                "params": msgspec.to_builtins(seated.strategy.params),
                "capital": str(seated.capital),
                "symbols": list(seated.symbols),
                "limits": msgspec.to_builtins(seated.limits),
                **({"account": msgspec.to_builtins(seated.account)} if seated.account != AccountTerms() else {}),
                **source,
            }
            for seated, source in zip(plan.strategies, plan.sources, strict=True)
        )
        return SessionStarted(
            mode=plan.mode,
            code_version=onepath.__version__,
            seed=plan.seed,
            config=dict(plan.config),
            strategies=strategies,
            instruments=tuple(msgspec.to_builtins(i) for i in plan.feed.instruments.values()),
            data=dict(plan.data),
            schema=SCHEMA,
            risk=None if plan.risk is None else msgspec.to_builtins(plan.risk),
            mark_every=plan.mark_every,
            isolation=msgspec.UNSET if plan.isolation is None else msgspec.to_builtins(plan.isolation),
        )


def watchdog_of(isolation: Isolation | None) -> Watchdog | None:
    """Who watches how long the calls of strategies take; None where they may take as long as they like."""
    if isolation is None or isolation.time_budget is None:
        return None
    return Watchdog(isolation.time_budget, seconds=ticks, busy=busy, grace=isolation.grace)


def simulated(plan: Plan, marks: Mapping[str, MarketEvent] | None = None) -> SimulatedVenue:
    """The venue of a plan without a broker; `marks` are the engine's last events, by which it knows the market."""
    feed = plan.feed
    accounts = {s.name: s.terms for s in plan.strategies}
    for seated in plan.strategies:
        home = home_currency(seated.account.currency, feed.instruments.values())
        reachable(home, seated.symbols, feed.instruments)
    quoted = [symbol for symbol, kinds in feed.kinds.items() if "book" in kinds or len(kinds) > 1]
    return SimulatedVenue(feed.instruments, accounts, plan.market, feed.volumes, marks, quoted)


def replayed(plan: Plan, recorded: Rows) -> ReplayResult:
    """Run a plan again, with what the venue said taken from a journal, and compare every decision with it."""
    session = again(plan, recorded)
    # A journal whose fills do not fit the new orders parted from it before; `compare` says where.
    with suppress(TransitionError):
        session.run()
    return compare(recorded, session.journal)


def again(plan: Plan, recorded: Rows, journal: JournalPort | None = None) -> Session:
    """A session of `plan`, ready to be run again, into memory or another `journal`: what the venue says, the commands and the
    ends of quarantined strategies are those of a record."""
    commands = [(row.at, decode(row)) for row in recorded.rows(("command",))]
    isolation = None if plan.isolation is None else replace(plan.isolation, time_budget=None)
    plan = plan._replace(commands=commands, isolation=isolation, endings=endings(recorded))
    return Session(plan, MemoryJournal("replay") if journal is None else journal, RecordedVenue(recorded))


def described(feed: Feed, *also: str) -> dict[str, Any]:
    """What a feed turned out to be, for the manifest, and what else is to be noted of it; where it is on this machine stays out
    of it."""
    found = feed.describe()
    kept = {key: found[key] for key in ("interval_ns", "first_at", "last_at", "events") if key in found}
    notes = list(dict.fromkeys((*(found.get("notes") or ()), *doubts(feed), *filter(None, also))))
    calendars = noted(instrument.calendar for instrument in feed.instruments.values())
    return {**kept, **({"notes": notes} if notes else {}), **({"calendars": calendars} if calendars else {})}


def mark_interval(data: Mapping[str, Any], wish: str | int | None = None) -> int:
    """Nanoseconds between valuations: `wish` (nanoseconds, or text such as "5m", "1h" or "1d"), or None to let the data decide:
    the bars' own interval, or the next round step above span / 1,000, so that curves have a thousand points or more; a day at
    most, and of ticks a second at least."""
    if isinstance(wish, int):
        return wish
    if wish is not None and wish != "auto":
        return _interval(wish)
    span = int(data.get("last_at") or 0) - int(data.get("first_at") or 0)
    interval = int(data.get("interval_ns") or 0)
    steps = (interval, *_STEPS) if interval else (*_TICK_STEPS, *_STEPS) if span else (MINUTE,)
    least = max(interval, span // _CURVE_POINTS)
    return next((step for step in steps if step >= least), DAY)


def _interval(text: str) -> int:
    """`5m`, `1h`, `1d` in nanoseconds."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdigit() or int(number) == 0:
        raise ConfigError(f"the interval {text!r} is not understood; write a number and s, m, h or d, such as 5m")
    return int(number) * _UNITS[unit]
