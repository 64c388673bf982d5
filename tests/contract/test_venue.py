"""What every venue must do: the simulated one, and the one that repeats what a journal says.

Each runs the same session behind a tap that notes what the loop asked and what the venue answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from onepath import Bps, Context, FixedBps, Instrument, Quote, Strategy
from onepath.events import Accepted, Cancelled, Expired, Fill
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import DECISIONS
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar, Trade
from onepath.orders import TERMINAL, Approved, Order, OrderStatus, OrderType, Side, TimeInForce, advance
from onepath.replay import RecordedVenue, compare, decision_hash
from onepath.risk import Limits
from onepath.seat import Seated
from onepath.session import Plan, Session, simulated
from onepath.simulator.assumptions import Market
from onepath.simulator.venue import SimulatedVenue

MINUTE = 60_000_000_000
D = Decimal


class Tap:
    """A venue, with its conversation written down."""

    def __init__(self, venue: Any) -> None:
        self.venue = venue
        self.asked: list[tuple[str, Any, tuple[Any, ...]]] = []

    @property
    def working(self) -> Any:
        return self.venue.working

    @property
    def due(self) -> int:
        return int(self.venue.due)

    def touches(self, event: Any) -> bool:
        return bool(self.venue.touches(event))

    def submit(self, approved: Approved, at: int) -> Sequence[Any]:
        return self._noted("submit", approved.order, self.venue.submit(approved, at))

    def replace(self, approved: Approved, at: int) -> Sequence[Any]:
        return self._noted("replace", approved.order, self.venue.replace(approved, at))

    def advance(self, at: int) -> Sequence[Any]:
        return self._noted("advance", at, self.venue.advance(at))

    def act(self, action: Any) -> Sequence[Any]:
        return self._noted("act", action, self.venue.act(action))

    def cancel(self, order_id: int, at: int) -> Sequence[Any]:
        return self._noted("cancel", order_id, self.venue.cancel(order_id, at))

    def match(self, events: Sequence[Any]) -> Sequence[Any]:
        assert self.venue.working, "a venue with nothing at work is not asked"
        return self._noted("match", tuple(events), self.venue.match(events))

    def open_orders(self) -> Sequence[Order]:
        return list(self.venue.open_orders())

    def positions(self) -> Mapping[tuple[str, str], Decimal]:
        return dict(self.venue.positions())

    def cash(self) -> Mapping[str, Decimal]:
        return dict(self.venue.cash())

    def _noted(self, what: str, of: Any, answer: Sequence[Any]) -> Sequence[Any]:
        self.asked.append((what, of, tuple(answer)))
        return answer

    def answers(self) -> list[tuple[str, Any, tuple[Any, ...]]]:
        """What was asked and answered, silence left out."""
        return [entry for entry in self.asked if entry[2]]


class Trades(Strategy):
    """Market, limit and stop orders in two symbols, taken back here and there, some for a day."""

    def generate_orders(self, context: Context) -> Any:
        n = context.now // MINUTE % 1_440
        a, b = "A", "B"
        orders: dict[int, Callable[[], Any]] = {
            1: lambda: context.buy(a, 3) + context.buy(b, 2, limit=49),
            2: lambda: context.buy(b, 1, limit=10) + context.sell(a, 1, stop=97),
            3: lambda: context.cancel_all(b),
            4: lambda: context.short(b, 4) + context.buy(a, 1, limit=90, time_in_force="day"),
            6: lambda: context.cover(b, 2) + context.sell(a, 5, stop=1, time_in_force="day") + context.cancel(1),
            8: lambda: context.close(a) + context.close(b),
        }
        return orders[n]() if n in orders else []


def plan(strategy: Strategy | None = None) -> Plan:
    starts = [*range(10), *range(1_440, 1_443)]
    prices = {
        "A": [100, 100, 99, 97, 96, 98, 100, 101, 99, 98, 97, 96, 95],
        "B": [50, 50, 48, 49, 51, 50, 47] + [50] * 6,
    }
    columns: dict[str, dict[str, list[Any]]] = {}
    for symbol, values in prices.items():
        rows = [
            (s * MINUTE, (s + 1) * MINUTE, float(p), p + 1.0, p - 1.0, float(p), 15.0)
            for s, p in zip(starts, values, strict=True)
        ]
        columns[symbol] = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    feed = ColumnFeed(columns, {s: Instrument(symbol=s) for s in columns}, interval_ns=MINUTE)
    seat = Seated("s", strategy or Trades(), D(10_000), Limits(), ("A", "B"))
    market = Market(slippage=FixedBps(D(3)), commission=Bps(D(2)))
    return Plan("backtest", 0, feed, feed.describe(), [seat], [{}], market, {}, MINUTE)


class Heard(NamedTuple):
    """A session behind a tap."""

    tap: Tap
    journal: MemoryJournal
    session: Session


def heard(kind: str) -> Heard:
    made = plan()
    first = Heard(Tap(simulated(made)), MemoryJournal("s"), None)  # type: ignore[arg-type]
    session = Session(made, first.journal, first.tap)
    session.run()
    if kind == "simulated":
        return first._replace(session=session)
    again = Heard(Tap(RecordedVenue(first.journal)), MemoryJournal("s"), None)  # type: ignore[arg-type]
    session = Session(plan(), again.journal, again.tap)
    session.run()
    return again._replace(session=session)


@pytest.fixture(params=["simulated", "recorded"])
def venue(request: pytest.FixtureRequest) -> Heard:
    """Each venue after its session."""
    return heard(request.param)


def test_answers_are_about_what_was_asked(venue: Heard) -> None:
    """An answer to an order or a cancel is of that order; what a bar makes happen is of its symbol."""
    for what, of, reports in venue.tap.asked:
        for report in reports:
            if what == "match":
                assert report.symbol in {event.symbol for event in of}
            elif what == "advance":
                assert report.symbol in {"A", "B"}
            else:
                assert report.order_id == (of.id if what == "submit" else of)


def test_every_order_lives_by_the_table(venue: Heard) -> None:
    """Reports move each order along rows of the table, at most to an end; fills add up to no more than its quantity."""
    status: dict[int, OrderStatus] = {}
    left: dict[int, Decimal] = {}
    for what, of, reports in venue.tap.asked:
        if what == "submit":
            status[of.id], left[of.id] = OrderStatus.SUBMITTED, of.quantity
        for report in reports:
            assert status[report.order_id] not in TERMINAL
            status[report.order_id] = advance(status[report.order_id], report.step)
            if isinstance(report, Fill):
                left[report.order_id] -= abs(report.quantity)
                assert report.remaining == left[report.order_id] >= 0
    assert {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED} <= set(status.values())


def test_every_kind_of_report_occurs(venue: Heard) -> None:
    """The session is one that makes a venue say all it can say."""
    said = {type(report) for *_, reports in venue.tap.asked for report in reports}
    assert said == {Accepted, Cancelled, Expired, Fill}


def test_fill_numbers_count_up(venue: Heard) -> None:
    """Fills bear 1, 2, 3, ... in the order they are told."""
    fills = [report.id for *_, reports in venue.tap.asked for report in reports if isinstance(report, Fill)]
    assert fills == list(range(1, len(fills) + 1))
    assert len(fills) > 5


def test_cancels_of_what_is_not_open_are_silent(venue: Heard) -> None:
    """An order that was never sent, or has ended, is not answered for."""
    assert list(venue.tap.cancel(99, 0)) == []
    assert list(venue.tap.cancel(1, 0)) == []


def test_events_that_concern_no_order_are_silent(venue: Heard) -> None:
    """A bar of a symbol that nothing is at work in makes nothing happen."""
    assert list(venue.tap.venue.match([Bar("Z", 0, 1, 1.0, 1.0, 1.0, 1.0, 1.0)])) == []


def test_both_venues_say_the_same() -> None:
    """Asked the same, the recorded venue answers the same, word for word; so both journals are equal."""
    one, two = heard("simulated"), heard("recorded")
    assert [entry[2] for entry in one.tap.answers()] == [entry[2] for entry in two.tap.answers()]
    assert list(one.journal.rows()) == list(two.journal.rows())
    assert compare(one.journal, two.journal) == (True, *decision_hash(one.journal), None)


def test_a_recorded_venue_keeps_no_books(venue: Heard) -> None:
    """The simulated venue's books are the engine's; the recorded one has none and says so by silence."""
    books = venue.session.engine.portfolios["s"]
    if isinstance(venue.tap.venue, SimulatedVenue):
        assert venue.tap.cash() == {"s": books.cash}
        assert venue.tap.positions() == {("s", s): p.quantity for s, p in books.positions.items()}
        assert [o.id for o in venue.tap.open_orders()] == [o.id for o in venue.session.engine._blotter.open_orders("s")]
    else:
        assert (venue.tap.cash(), venue.tap.positions(), venue.tap.open_orders()) == ({}, {}, [])


def test_a_venue_without_orders_is_false() -> None:
    """`working` is one object, false while nothing is at work, and follows orders as they come and go."""
    made = plan()
    venue = simulated(made)
    working = venue.working
    assert not working
    order = Order(
        id=1,
        strategy="s",
        symbol="A",
        side=Side.BUY,
        quantity=D(1),
        type=OrderType.LIMIT,
        limit=D(5),
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
    )
    venue.submit(Approved(order), 0)
    assert list(working) == ["A"]
    assert list(venue.match([Quote("A", 1, 5.0, 5.1, 1.0, 1.0)])) == []  # the ask is above it
    venue.cancel(1, 0)
    assert not working
    empty = RecordedVenue(MemoryJournal("empty"))
    assert not empty.working
    assert not empty.touches(Trade("X", 1, 100.0, 1.0)), "nothing of the market is for it"


# -- a replay that is not the same


class Fickle(Strategy):
    """Decides by something that is no part of the record: how often the class was made."""

    made = 0
    change: Callable[[int, Context], Any]

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self.number = type(self).made

    def generate_orders(self, context: Context) -> Any:
        return self.change(self.number, context)


def replayed(change: Callable[[int, Context], Any]) -> tuple[MemoryJournal, MemoryJournal, Session]:
    """A session recorded, and made ready to be replayed with a second instance."""

    class Some(Fickle):
        pass

    Some.change = staticmethod(change)  # type: ignore[assignment]
    journal, again = MemoryJournal("s"), MemoryJournal("s")
    Session(plan(Some()), journal).run()
    return journal, again, Session(plan(Some()), again, RecordedVenue(journal))


def test_a_difference_is_shown() -> None:
    """Another quantity of the last order: the first decision that differs is named, with both versions."""
    journal, again, session = replayed(lambda n, c: c.buy("A", n) if c.now == 1_443 * MINUTE else [])
    session.run()
    result = compare(journal, again)
    assert (result.identical, result.decisions) == (False, 1)
    assert result.difference is not None
    assert result.difference.startswith(f"decision 1: recorded order.submitted at {1_443 * MINUTE} by s: ")
    assert '"quantity":"1"' in result.difference
    assert '"quantity":"2"' in result.difference


@pytest.mark.parametrize(("first", "recorded", "again"), [(1, "order.submitted", "nothing"), (2, "nothing", "order")])
def test_a_decision_more_or_less(first: int, recorded: str, again: str) -> None:
    """A decision that one of the two did not make is a difference too."""
    journal, second, session = replayed(lambda n, c: c.buy("A", 1) if n == first and c.now == 1_443 * MINUTE else [])
    session.run()
    difference = compare(journal, second).difference
    assert difference is not None
    assert difference.startswith(f"decision 1: recorded {recorded}")
    assert f"replayed {again}" in difference


def test_backtest_replay_shows_a_difference_and_does_not_break() -> None:
    """A strategy that decides differently the second time, with fills after it: a result, not an exception."""
    import numpy as np
    import pandas as pd

    import onepath

    class Odd(Fickle):
        def generate_orders(self, context: Context) -> Any:
            return context.buy("X", self.number)

    times = pd.date_range("2024-01-01", periods=6, freq="min", tz="UTC")
    data = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), np.full(6, 100.0)), index=times)
    result = onepath.backtest(Odd, {"X": data}, participation=None)
    again = result.replay()
    assert not again.identical
    assert again.difference is not None
    assert again.difference.startswith("decision 1: recorded order.submitted")


def test_every_decision_is_compared() -> None:
    """Orders sent, orders denied, cancels, new terms, signals and trading states: what a strategy and its checks decided,
    and nothing else."""
    assert set(DECISIONS) == {
        "order.submitted",
        "order.denied",
        "order.cancel_requested",
        "order.replace_requested",
        "order.replace_denied",
        "signal",
        "trading_state",
    }
