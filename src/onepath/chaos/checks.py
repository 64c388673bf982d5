"""What must hold after every schedule, each as a small function that yields what is wrong, in words.

The numbers are those of the invariants in docs/faults.md. I7 (an outcome that is not known) is not asked here: the simulated
venue is in the process, and always answers. I2 is watched while the session runs (`world`), and here by the order of the rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import msgspec

from onepath.build import market_of
from onepath.chaos.churn import HEARD, Churn, heard
from onepath.chaos.market import MS, Truth
from onepath.chaos.world import Found
from onepath.errors import OnepathError
from onepath.events import DataState, DataStatus
from onepath.journal import tail
from onepath.journal.codec import INPUTS, decode
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar, Trade, kind_of
from onepath.orders import TRANSITIONS, OrderStatus, Step
from onepath.ports import Row
from onepath.recording import SessionFeed
from onepath.replay import endings
from onepath.rerun import Rerun, recorded_plan
from onepath.resuming import config_of
from onepath.session import Session

_OUTSIDE = (*INPUTS, "alert", "session.ending")
_ORDERS = ("order.submitted", "order.forced")


class Held:
    """A journal's rows in memory, as readers have them."""

    session_id = "chaos"

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        return (row for row in self._rows if not kinds or row.kind in kinds)


def wrong(found: Found) -> list[str]:
    """Everything that is wrong with a run."""
    told = [*found.wrong]
    if found.session is None:
        return told
    for name, check in CHECKS.items():
        try:
            told += [f"{name}: {text}" for text in check(found)]
        except OnepathError as error:
            told.append(f"{name}: {error}")
    return told


def dense(found: Found) -> Iterator[str]:
    """Sequences are dense, the chain of checks holds, and time does not go back."""
    for number, row in enumerate(found.rows, 1):
        if row.seq != number:
            yield f"row {number} has the sequence {row.seq}"
            return
    whole = tail.verify(found.path)
    if whole.damage or whole.seq != len(found.rows):
        yield f"the chain holds up to row {whole.seq} of {len(found.rows)}: {whole.damage}"


def in_order(found: Found) -> Iterator[str]:
    """What is decided was recorded before what came of it, and inputs grow in time."""
    known: set[int] = set()
    last = 0
    for row in found.rows:
        if row.kind in _ORDERS:
            event = decode(row)
            known.add(event.id if row.kind == "order.submitted" else event.order.id)
        elif row.kind == "fill" or (row.kind.startswith("order.") and row.kind != "order.denied"):
            order = decode(row).order_id
            if order not in known:
                yield f"row {row.seq} ({row.kind}) is of order {order}, which nobody had sent"
        elif row.kind in INPUTS and row.kind != "command":
            at = row.at
            if at <= last and not _history(found, row):
                yield f"row {row.seq} ({row.kind}) is of {at}, not after {last}"
            last = decode(row)[-1].at if row.kind == "market" else at


def _history(found: Found, row: Row) -> bool:
    """Bars of history may share a moment, one a symbol, with what is said before them."""
    live = next((r.seq for r in found.rows if r.kind == "data.status" and decode(r).state is DataState.LIVE), 1 << 60)
    return row.seq <= live


def once(found: Found) -> Iterator[str]:
    """Each order and each execution happens once; no order is filled for more than it is of."""
    orders: dict[int, Decimal] = {}
    fills: Counter[int] = Counter()
    done: defaultdict[int, Decimal] = defaultdict(Decimal)
    for row in found.rows:
        event: Any = decode(row) if row.kind.startswith("order.") else None
        if row.kind == "order.submitted":
            if event.id in orders:
                yield f"order {event.id} was sent twice"
            orders[event.id] = event.quantity
        elif row.kind == "order.forced":
            orders[event.order.id] = event.order.quantity
        elif row.kind == "order.replaced":
            orders[event.order_id] = event.quantity
        elif _is_fill(row):
            fills[event.id] += 1
            done[event.order_id] += abs(event.quantity)
            if fills[event.id] > 1:
                yield f"execution {event.id} was booked {fills[event.id]} times"
            if done[event.order_id] > orders.get(event.order_id, Decimal(0)):
                yield f"order {event.order_id} of {orders.get(event.order_id)} was filled for {done[event.order_id]}"


def _is_fill(row: Row) -> bool:
    return row.kind in ("order.filled", "order.partly_filled", "order.fill", "order.fill_part")


def conserved(found: Found) -> Iterator[str]:
    """Cash is what capital, fills, fees and payments make of it, to the last digit."""
    session = _session(found)
    for seated in session.plan.strategies:
        cash = seated.capital
        for row in found.rows:
            if row.strategy == seated.name and _is_fill(row):
                fill = decode(row)
                cash -= fill.quantity * fill.price + fill.fee
            elif row.strategy == seated.name and row.kind == "cash":
                cash += decode(row).amount
        held = session.engine.portfolios[seated.name].cash
        if cash != held:
            yield f"{seated.name} has {held} in cash, its journal says {cash}"


def positions(found: Found) -> Iterator[str]:
    """Positions are the fold of the fills."""
    session = _session(found)
    folded: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in found.rows:
        if _is_fill(row):
            fill = decode(row)
            folded[fill.strategy, fill.symbol] += fill.quantity
    for name, portfolio in session.engine.portfolios.items():
        for symbol in session.plan.feed.instruments:
            if folded[name, symbol] != portfolio.quantity(symbol):
                yield f"{name} holds {portfolio.quantity(symbol)} of {symbol}, its fills make {folded[name, symbol]}"


def legal(found: Found) -> Iterator[str]:
    """Every step of every order is one that its life has."""
    states: dict[int, OrderStatus] = {}
    for row in found.rows:
        if (
            row.kind == "order.refused" and decode(row).found
        ):  # what a strategy may not ask is refused, too, and no fault
            yield f"row {row.seq}: {row.body.decode()}"
        if not row.kind.startswith("order.") or row.kind in ("order.denied", "order.refused") or "denied" in row.kind:
            continue
        event = decode(row)
        if row.kind == "order.submitted":
            states[event.id] = OrderStatus.SUBMITTED
            continue
        if row.kind == "order.forced":
            states[event.order.id] = OrderStatus.ACCEPTED
            continue
        step = _ASKS.get(row.kind) or getattr(event, "step", None)
        if step is None or event.order_id not in states:
            continue
        after = TRANSITIONS.get((states[event.order_id], step))
        if after is None:
            if step not in (Step.REFUSE_CANCEL, Step.REFUSE_REPLACE, Step.REFUSE_CANCEL_PART, Step.REFUSE_REPLACE_PART):
                yield f"row {row.seq}: order {event.order_id} is {states[event.order_id]}, and then {row.kind}"
            continue
        states[event.order_id] = after


_ASKS = {"order.cancel_requested": Step.ASK_CANCEL, "order.replace_requested": Step.ASK_REPLACE}


def silent(found: Found) -> Iterator[str]:
    """Nothing is sent while history is shown."""
    history = False
    for row in found.rows:
        if row.kind == "data.status":
            state = decode(row).state
            history = state is DataState.HISTORY or (history and state is not DataState.LIVE)
        elif history and row.kind == "order.submitted":
            yield f"row {row.seq}: an order was sent while history was shown"


def folds(found: Found) -> Iterator[str]:
    """The session without its crashes, over the same inputs, writes the same rows and ends in the same state."""
    held = Held(found.rows)
    again = _again(found, held)
    for one, other in zip_longest(_written(held), _written(again.journal)):
        if one is None or other is None or one[1:] != other[1:]:
            yield f"{_shown(one)} is recorded, but without the crashes it is {_shown(other)}"
            return
    if _state(_session(found)) != _state(again):
        yield f"the session ended with {_state(_session(found))}, but without the crashes with {_state(again)}"


def _again(found: Found, held: Held) -> Session:
    started = next(decode(row) for row in held.rows(("session.started",)))
    ended = next((decode(row) for row in held.rows(("session.ended",))), None)
    plan = recorded_plan(started, ended, SessionFeed(held), found.schedule.home)._replace(
        market=market_of(config_of(started)),
        expected_cost=None,
        endings=endings(held),
        commands=[(row.at, decode(row)) for row in held.rows(("command",))],
    )
    plan = plan._replace(
        isolation=None if plan.isolation is None else msgspec.structs.replace(plan.isolation, time_budget=None)
    )
    session = Session(plan, MemoryJournal("chaos"))
    if ended is not None and ended.status == "stopped":
        session.after_batch.append(lambda: session.stop() if session.delivered >= ended.events else None)
    session.run()
    return session


def _written(journal: Any) -> Iterator[tuple[Any, ...]]:
    for row in journal.rows():
        if row.kind not in _OUTSIDE and row.kind not in ("session.started", "session.ended"):
            yield row.seq, row.at, row.kind, row.strategy, row.body


def _shown(row: tuple[Any, ...] | None) -> str:
    return "nothing" if row is None else f"{row[2]} at {row[1]} by {row[3]}: {row[4].decode()[:300]}"


def _state(session: Session) -> dict[str, Any]:
    """What a session knows, in plain values."""
    engine = session.engine
    return {
        "cash": dict(session.venue.cash()),
        "positions": dict(session.venue.positions()),
        "open": sorted(order.id for order in session.venue.open_orders()),
        "books": {
            name: (p.cash, p.realised_pnl, p.fees, {s: (q.quantity, q.cost) for s, q in p.positions.items()})
            for name, p in engine.portfolios.items()
        },
        "memory": {name: repr(sorted(seat.context.metadata.items(), key=str)) for name, seat in engine._seats.items()},
    }


def replays(found: Found) -> Iterator[str]:
    """A replay decides the same, with what the venue said taken from the journal."""
    proof = Rerun(Held(found.rows), found.schedule.home).run()  # type: ignore[arg-type]
    if not proof.identical:
        yield str(proof.result.difference or proof.features)


def settled(found: Found) -> Iterator[str]:
    """When it has been quiet, our books are the venue's."""
    session = _session(found)
    if _all_failed(session):
        return  # nobody was left to wait for what was on its way
    ours = {
        (name, symbol): portfolio.quantity(symbol)
        for name, portfolio in session.engine.portfolios.items()
        for symbol in session.plan.feed.instruments
        if portfolio.quantity(symbol)
    }
    theirs = dict(session.venue.positions())
    if ours != theirs:
        yield f"we hold {ours}, the venue says {theirs}"
    for name, cash in session.venue.cash().items():
        if cash != session.engine.portfolios[name].cash:
            yield f"{name} has {session.engine.portfolios[name].cash}, the venue says {cash}"
    open_ones = {state.id for name in session.engine.portfolios for state in session.engine._blotter.open_orders(name)}
    at_venue = {order.id for order in session.venue.open_orders()}
    if open_ones != at_venue:
        yield f"orders {sorted(open_ones ^ at_venue)} are open on one side alone"


def _all_failed(session: Session) -> bool:
    """Whether the session ended because no strategy was left."""
    return len(session.engine.failures) == len(session.plan.strategies) > 0


def bounded(found: Found) -> Iterator[str]:
    """Queues keep their bounds, and what has been handed on is not kept."""
    source = found.source
    if source is None:
        return
    terms = source.terms
    queue = source.health()["queue"]
    if queue["highest"] > terms.queue + terms.held + terms.fill_most:
        yield f"the queue held {queue['highest']} events; its bound is {terms.queue}"
    for line in source._lines:
        for stream, flow in line.flows.items():
            kept = getattr(flow, "kept", None)
            for waiting in (getattr(kept, "held", None), getattr(kept, "_held", None)):
                if waiting is not None and len(waiting) > terms.held:
                    yield f"{stream} keeps {len(waiting)} events waiting; its bound is {terms.held}"


def true(found: Found) -> Iterator[str]:
    """What was seen is what happened: once each, in order, without holes but those that were told, when they were told."""
    seen: dict[tuple[str, str], _Seen] = {}
    for row in found.rows:
        if row.kind == "market":
            for event in decode(row):
                key = event.symbol, kind_of(event)
                if key not in seen:
                    seen[key] = _stream(found, key)
                yield from seen[key].saw(event)
        elif row.kind == "data.status":
            status: DataStatus = decode(row)
            key = status.symbol, status.stream
            if status.stream:
                if key not in seen:
                    seen[key] = _stream(found, key)
                yield from seen[key].told(status)
    for stream in seen.values():
        yield from stream.ended()


class _Seen:
    """What a session saw of one stream, against the truth."""

    def __init__(self, key: tuple[str, str], truth: Truth) -> None:
        self.key = key
        self.truth = truth
        self.last: Any = None
        self.holes = 0
        """events that were not seen and not told; below zero: told, and not to be noticed yet"""
        self.stale = False
        self.failed = False

    def saw(self, event: Any) -> Iterator[str]:
        if not self.failed:
            for text in self._differs(event):
                self.failed = True
                yield f"{' '.join(self.key)}: {text}"
        self.last = event

    def _differs(self, event: Any) -> Iterator[str]:
        raise NotImplementedError

    def told(self, status: DataStatus) -> Iterator[str]:
        if status.state is DataState.STALE:
            if self.stale:  # killed before it was said how much is missing: that something is, was
                self.holes = min(self.holes, 0)
            self.stale = True
        elif status.state is DataState.RECOVERED:
            if not self.stale:
                yield f"{' '.join(self.key)}: recovered, but nobody had called it stale"
            self.stale = False
            yield from self._settle(status.missed)

    def _settle(self, missed: int) -> Iterator[str]:
        self.holes -= missed
        if self.holes > 0:
            yield f"{' '.join(self.key)}: {self.holes} more were not seen up to {self.last} than were said to be missed"
            self.holes = 0

    def ended(self) -> Iterator[str]:
        if not self.stale:
            yield from self._settle(0)


class _Trades(_Seen):
    """Trades by number."""

    def __init__(self, key: tuple[str, str], truth: Truth) -> None:
        super().__init__(key, truth)
        self.by_id = {trade.id: trade for trade in truth.trades}

    def _differs(self, event: Any) -> Iterator[str]:
        if _content(event) != _content(self.by_id.get(event.id)):
            yield f"{event} was seen, it was {self.by_id.get(event.id)}"
        elif self.last is not None and event.id <= self.last.id:
            yield f"trade {event.id} came after {self.last.id}"
        elif self.last is not None:
            self.holes += event.id - self.last.id - 1


class _Unnumbered(_Seen):
    """Trades without numbers: each as often as it happened, and none missing at the end but where it was told."""

    def __init__(self, key: tuple[str, str], truth: Truth) -> None:
        super().__init__(key, truth)
        self.left: Counter[Any] = Counter()
        self.excused = False

    def _differs(self, event: Any) -> Iterator[str]:
        if self.last is None:
            self.left = Counter(_content(trade) for trade in self.truth.trades if trade.venue_at >= event.venue_at)
        self.left[_content(event)] -= 1
        if self.left[_content(event)] < 0:
            yield f"{event} was seen once more than it happened"

    def told(self, status: DataStatus) -> Iterator[str]:
        given_up = status.state is DataState.RECOVERED and not status.filled  # how much that was, nobody can know
        self.excused |= given_up or (status.state is DataState.STALE and self.stale)
        yield from super().told(status)

    def ended(self) -> Iterator[str]:
        lost = sum(number for key, number in self.left.items() if number > 0 and key[0] < self.last.venue_at)
        if lost and not self.failed and not self.excused:
            yield f"{' '.join(self.key)}: {lost} trades before the last one seen were never seen"


class _Bars(_Seen):
    """Bars by their start."""

    def __init__(self, key: tuple[str, str], truth: Truth, vanished: set[int]) -> None:
        super().__init__(key, truth)
        self.vanished = vanished

    def _differs(self, event: Any) -> Iterator[str]:
        if _shape(event) != _shape(self.truth.bar(event.start)):
            yield f"the bar of {event.start} was seen as {_shape(event)}, it was {_shape(self.truth.bar(event.start))}"
        elif self.last is not None and event.start <= self.last.start:
            yield f"the bar of {event.start} came after that of {self.last.start}"
        elif self.last is not None:
            between = range(self.last.start + self.truth.interval, event.start, self.truth.interval)
            there = (start for start in between if self.truth.bar(start) is not None)
            self.holes += sum(1 for start in there if start not in self.vanished)


class _Quotes(_Seen):
    """Quotes: only the newest counts, so that holes are none."""

    def _differs(self, event: Any) -> Iterator[str]:
        if not any((event.bid, event.ask) == self.truth.around(trade.price) for trade in self.truth.trades):
            yield f"{event} was seen, and never was"


def _stream(found: Found, key: tuple[str, str]) -> _Seen:
    symbol, kind = key
    truth = found.network.truths[symbol]
    if kind == "bars":
        return _Bars(key, truth, {start for s, k, start in found.network.vanished if (s, k) == key})
    if kind == "quotes":
        return _Quotes(key, truth)
    return (_Trades if found.schedule.numbered else _Unnumbered)(key, truth)


def _content(trade: Trade | None) -> tuple[Any, ...] | None:
    return None if trade is None else (trade.venue_at // MS * MS, trade.price, trade.size, trade.aggressor)


def _shape(bar: Bar | None) -> tuple[Any, ...] | None:
    return None if bar is None else (bar.open, bar.high, bar.low, bar.close, bar.volume)


def lively(found: Found) -> Iterator[str]:
    """When it has been quiet, data flow again: the last thing that happened was seen, and nothing is called stale."""
    session = _session(found)
    ended = next((decode(row) for row in found.rows if row.kind == "session.ended"), None)
    if ended is None or _all_failed(session):
        return
    if session.engine.stale and not found.schedule.hollow:  # a bar that nobody traded in is waited for
        yield f"at the end {sorted(session.engine.stale)} are still called stale"
    last = session.plan.live.source.health()["streams"] if session.plan.live is not None else {}
    for name, health in last.items():
        symbol, kind = name.rsplit(" ", 1)
        truth = found.network.truths[symbol]
        horizon = found.ended - 2_000 * MS
        if kind == "trades" and health["events"] and found.schedule.numbered:
            expected = [trade.id for trade in truth.trades if trade.venue_at <= horizon]
            seen = max(
                (
                    e.id
                    for row in found.rows
                    if row.kind == "market"
                    for e in decode(row)
                    if type(e) is Trade and e.symbol == symbol
                ),
                default=0,
            )
            if expected and seen < expected[-1]:
                yield f"{name}: the last trade seen is {seen}, but {expected[-1]} had happened long before the end"


def heard_all(found: Found) -> Iterator[str]:
    """A strategy has heard what its journal says, once each and in order, and remembers it."""
    session = _session(found)
    events = [event for row in found.rows if row.kind == "market" for event in decode(row)]
    failed = {failure.strategy for failure in session.engine.failures}
    ended = next((decode(row) for row in found.rows if row.kind == "session.ended"), None)
    if ended is not None and ended.events != len(events):
        events = events[: ended.events]
    for seated in session.plan.strategies:
        if type(seated.strategy) is Churn and seated.name not in failed:
            remembered = session.engine._seats[seated.name].context.metadata[HEARD]
            if remembered != heard(events):
                yield f"{seated.name} remembers another past than its journal has"


def _session(found: Found) -> Session:
    assert found.session is not None  # noqa: S101
    return found.session


CHECKS: dict[str, Callable[[Found], Iterator[str]]] = {
    "I1 the journal is whole": dense,
    "I2 recorded before it acts": in_order,
    "I3 once each": once,
    "I4 money is conserved": conserved,
    "I5 positions are the fills": positions,
    "I6 legal steps": legal,
    "I8 silent in history": silent,
    "I9 the journal is the state": folds,
    "I9 replay is identical": replays,
    "I10 our books are the venue's": settled,
    "I10 data flow again": lively,
    "I11 bounded": bounded,
    "data are the truth": true,
    "strategies heard the record": heard_all,
}
"""every invariant by its number"""
