"""A session from the first row to the last: manifest, progress, stop, pause, interruption."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

import onepath
from onepath import ConfigError, Context, Strategy
from onepath.clock import HistoricalClock
from onepath.feeds.hours import OpenHours
from onepath.feeds.limited import Limited
from onepath.feeds.paced import Paced
from onepath.instruments import Instrument
from onepath.journal.codec import decode
from onepath.journal.sqlite import SqliteJournal, SqliteReader
from onepath.session import mark_interval
from onepath.simulator.assumptions import Market
from onepath.simulator.latency import NormalLatency

MINUTE = 60_000_000_000
DAY = 1_440 * MINUTE


class Buys(Strategy):
    """Buys a unit at every bar."""

    class Params(Strategy.Params):
        size: int = 1

    def generate_orders(self, context: Context) -> Any:
        return context.buy("X", self.params.size)


def test_the_manifest_holds_what_decides_the_run(run: Callable[..., Any]) -> None:
    """Version, parameters, capital as exact text, limits, instruments, data: the first row, nothing of the machine."""
    made = run(Buys(size=2), {"X": [1, 2, 3]}, cash="1000.10")
    (started,) = made.of("session.started")
    assert made.rows[0][1] == "session.started"
    assert (started.mode, started.code_version, started.seed) == ("backtest", onepath.__version__, 0)
    (strategy,) = started.strategies
    assert strategy["name"] == "main"
    assert strategy["params"] == {"size": 2}
    assert strategy["capital"] == "1000.10"
    assert strategy["symbols"] == ["X"]
    limits = strategy["limits"]
    assert (limits["max_position_size"], limits["max_leverage"], limits["allow_short"]) == (None, "1", True)
    assert started.instruments[0]["symbol"] == "X"
    assert (started.data["first_at"], started.data["last_at"], started.data["events"]) == (MINUTE, 3 * MINUTE, 3)


def test_the_last_row_says_how_it_went(run: Callable[..., Any]) -> None:
    """Status, events delivered and the fingerprint of the data; the outcome says the same."""
    made = run(Buys(), {"X": [1, 2, 3]})
    (ended,) = made.of("session.ended")
    assert (ended.status, ended.events) == ("completed", 3)
    assert ended.fingerprint == made.session.plan.feed.fingerprint()
    assert (made.outcome.status, made.outcome.events, made.outcome.session_id) == ("completed", 3, "test")


def test_decisions_are_counted_and_hashed(run: Callable[..., Any]) -> None:
    """Equal runs, equal hash; another parameter, another hash. Three bars, three orders."""
    one, same, other = (run(Buys(size=n), {"X": [1, 2, 3]}).outcome for n in (1, 1, 2))
    assert one.decisions == 3
    assert one.hash == same.hash
    assert one.hash != other.hash
    assert len(one.hash) == 64


def test_progress_is_exact(session: Callable[..., Any]) -> None:
    """Events done of events to come, after every batch, with the simulated time."""
    told: list[tuple[int, int, int]] = []
    session(Buys(), {"X": [1, 2, 3, 4, 5]}, batch=2).run(lambda p: told.append((p.done, p.total, p.at // MINUTE)))
    assert told == [(2, 5, 2), (4, 5, 4), (5, 5, 5)]


def test_stop_from_progress(session: Callable[..., Any]) -> None:
    """A stop ends the run as stopped: strategies say goodbye, the journal is closed, what was done is counted."""
    made = session(Buys(), {"X": [1] * 10}, batch=2)
    outcome = made.run(lambda p: made.stop() if p.done == 4 else None)
    assert (outcome.status, outcome.events) == ("stopped", 4)
    rows = [decode(r) for r in made.journal.rows() if r.kind in ("strategy.ended", "session.ended")]
    assert [row.status for row in rows] == ["stopped", "stopped"]


@pytest.mark.parametrize("symbols", [("X",), ("X", "Y")])
def test_stop_within_a_batch(session: Callable[..., Any], symbols: tuple[str, ...]) -> None:
    """A stop is heard before the next event; the events delivered are counted one by one."""

    class Stops(Strategy):
        def on_market_event(self, event: Any, context: Context) -> None:
            if context.now == 3 * MINUTE and event.symbol == symbols[-1]:
                made.stop()

    made = session(Stops(), {s: [1] * 10 for s in symbols})
    outcome = made.run()
    assert (outcome.status, outcome.events) == ("stopped", 3 * len(symbols))


def test_stop_with_orders_at_work_and_timers_due(session: Callable[..., Any]) -> None:
    """Neither a timer that was due nor an order at rest goes on after a stop."""

    class Stops(Strategy):
        def on_start(self, context: Context) -> None:
            context.set_timer("never", 3 * MINUTE + 1)

        def generate_orders(self, context: Context) -> Any:
            if context.now == 3 * MINUTE:
                made.stop()
            return context.buy("X", 1, limit=50)

    made = session(Stops(), {"X": [100, 100, 100, 40, 40]})
    outcome = made.run()
    assert (outcome.status, outcome.events) == ("stopped", 3)
    kinds = [row.kind for row in made.journal.rows()]
    assert "timer" not in kinds
    assert "order.filled" not in kinds


def test_stop_from_another_thread(session: Callable[..., Any]) -> None:
    """While it runs, from elsewhere: it ends soon and whole."""
    begun = threading.Event()

    class Signals(Strategy):
        def on_market_event(self, event: Any, context: Context) -> None:
            begun.set()

    made = session(Signals(), {"X": [1] * 200_000}, batch=10)
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(made.run()))
    thread.start()
    assert begun.wait(10)
    made.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert outcomes[0].status == "stopped"
    assert 0 < outcomes[0].events < 200_000
    assert list(made.journal.rows())[-1].kind == "session.ended"


def test_pause_and_resume(session: Callable[..., Any]) -> None:
    """A paused session does nothing until it is resumed, then runs to its end, undisturbed."""
    reached = threading.Event()
    seen: list[int] = []

    def watch(progress: Any) -> None:
        seen.append(progress.done)
        if progress.done == 4:
            made.pause()
            reached.set()

    made = session(Buys(), {"X": [1] * 10}, batch=2)
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(made.run(watch)))
    thread.start()
    assert reached.wait(10)
    thread.join(0.05)
    assert thread.is_alive()
    assert seen == [2, 4]
    made.resume()
    thread.join(10)
    assert outcomes[0].status == "completed"
    assert seen == [2, 4, 6, 8, 10]


def test_stop_while_paused(session: Callable[..., Any]) -> None:
    """A stop wakes a paused session and ends it."""
    made = session(Buys(), {"X": [1] * 10}, batch=2)
    reached = threading.Event()

    def hold(_progress: Any) -> None:
        made.pause()
        reached.set()

    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(made.run(hold)))
    thread.start()
    assert reached.wait(10)
    made.stop()
    thread.join(10)
    assert (outcomes[0].status, outcomes[0].events) == ("stopped", 2)


@pytest.mark.parametrize("where", ["on_start", "on_market_event", "generate_orders", "on_order_update"])
def test_keyboard_interrupt_leaves_a_readable_journal(where: str, session: Callable[..., Any], tmp_path: Any) -> None:
    """Ctrl-C anywhere in a strategy: the session ends as stopped, and its file reads from the first row to the last."""

    class Interrupted(Buys):
        pass

    def interrupt(_self: Any, *args: Any) -> Any:
        context = args[-1]
        if where == "on_start" or context.now == 3 * MINUTE:
            raise KeyboardInterrupt
        return context.buy("X", 1) if where == "generate_orders" else None

    setattr(Interrupted, where, interrupt)
    store = SqliteJournal.create(tmp_path / "s.db", "s")
    outcome = session(Interrupted(), {"X": [1] * 10}, journal=store).run()
    store.close()
    assert outcome.status == "stopped"
    reader = SqliteReader(tmp_path / "s.db")
    rows = list(reader.rows())
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert [decode(row).status for row in rows[-2:]] == ["stopped", "stopped"]
    assert rows[-1].kind == "session.ended"
    reader.close()


def test_paced_by_a_clock_decides_the_same(run: Callable[..., Any]) -> None:
    """One instant at a time or in batches: the same decisions, the same hash, the same progress."""

    class Clock:
        """Notes what it was asked to wait for."""

        def __init__(self) -> None:
            self.waited: list[int] = []

        def now(self) -> int:
            return 0

        def wait_until(self, at: int) -> None:
            self.waited.append(at // MINUTE)

    clock = Clock()
    prices = {"X": [1, 2, 3], "Y": [5, 6]}
    quick = run(Buys(), prices)
    paced = run(Buys(), prices, feed=lambda feed: Paced(feed, clock))
    assert clock.waited == [1, 2, 3]
    assert quick.outcome.hash == paced.outcome.hash
    assert (quick.outcome.events, paced.outcome.events) == (5, 5)
    assert paced.session.plan.feed.describe() == quick.session.plan.feed.describe()
    assert paced.session.plan.feed.fingerprint() == quick.session.plan.feed.fingerprint()


def test_only_while_the_market_is_open(run: Callable[..., Any]) -> None:
    """Of bars around the clock only those of the session are delivered, and they alone are counted, also beforehand.

    1970-01-01 was a Thursday; New York trades from 14:30 to 21:00 UTC: 390 minutes.
    """

    class Counts(Strategy):
        seen: list[int]

        def on_start(self, context: Context) -> None:
            self.seen = []

        def on_market_event(self, event: Any, context: Context) -> None:
            self.seen.append(event.start // MINUTE)

    strategy = Counts()
    new_york = {"X": Instrument(symbol="X", calendar="XNYS")}
    made = run(strategy, {"X": [1] * 1440}, instruments=new_york, feed=OpenHours, batch=100)
    assert strategy.seen == list(range(14 * 60 + 30, 21 * 60))
    assert (made.outcome.events, made.session.plan.feed.total) == (390, 390)
    assert made.session.plan.feed.describe()["events"] == 1440
    assert made.session.plan.feed.fingerprint() == run(Strategy(), {"X": [1] * 1440}).session.plan.feed.fingerprint()


def test_open_hours_keep_instants_together(run: Callable[..., Any]) -> None:
    """Two symbols, one of them shut: one decision an instant, as without the filter."""

    class Counts(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[str] = []

        def on_market_event(self, event: Any, context: Context) -> None:
            self.heard.append(event.symbol)

        def generate_orders(self, context: Context) -> Any:
            self.heard.append("decide")
            return []

    strategy = Counts()
    instruments = {"X": Instrument(symbol="X", calendar="XNYS"), "B": Instrument(symbol="B")}
    first = 14 * 60 + 29
    prices = {"X": [1] * (first + 2), "B": [2] * (first + 2)}
    run(strategy, prices, instruments=instruments, feed=OpenHours)
    assert strategy.heard[-5:] == ["B", "decide", "X", "B", "decide"]


class StopsAtTheFirst(Strategy):
    """Stops its session at the first bar it hears, noting all it hears."""

    made: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[int] = []

    def on_market_event(self, event: Any, context: Context) -> None:
        self.heard.append(event.start // MINUTE)
        if self.made is not None:
            self.made.stop()


def test_a_stop_while_only_open_hours_are_let_through(session: Callable[..., Any]) -> None:
    """The events counted at a stop, taken as the limit of a second run, make it end at the same bar."""
    new_york = {"X": Instrument(symbol="X", calendar="XNYS")}
    strategy, again = StopsAtTheFirst(), StopsAtTheFirst()
    strategy.made = session(strategy, {"X": [1] * 1440}, instruments=new_york, feed=OpenHours)
    outcome = strategy.made.run()
    session(
        again,
        {"X": [1] * 1440},
        instruments=new_york,
        feed=lambda feed: Limited(OpenHours(feed), outcome.events),
    ).run()
    assert strategy.heard == again.heard == [14 * 60 + 30]


def test_events_are_counted_alike_at_every_pace(run: Callable[..., Any]) -> None:
    """A session at a clock's pace counts as many events as one at full speed: a replay goes by that number."""
    new_york = {"X": Instrument(symbol="X", calendar="XNYS")}
    prices = {"X": [1] * 1440}
    quick = run(Strategy(), prices, instruments=new_york, feed=OpenHours)
    paced = run(Strategy(), prices, instruments=new_york, feed=lambda f: Paced(OpenHours(f), HistoricalClock()))
    assert quick.outcome.events == paced.outcome.events


@pytest.mark.parametrize("events", [1, 4, 5, 6, 10, 11])
def test_limited(session: Callable[..., Any], events: int) -> None:
    """A limited feed delivers just so many events, also within a batch, and never more than there are."""
    heard: list[str] = []

    class Hears(Strategy):
        def on_market_event(self, event: Any, context: Context) -> None:
            heard.append(event.symbol)

    prices = {"X": [1] * 5, "Y": [1] * 5}
    made = session(Hears(), prices, feed=lambda feed: Limited(feed, events), batch=2)
    assert made.run().events == len(heard) == min(events, 10)
    assert made.plan.feed.total == events


INTERVALS = [
    ({"interval_ns": MINUTE, "first_at": 0, "last_at": 100 * MINUTE}, None, MINUTE),
    ({"interval_ns": MINUTE, "first_at": 0, "last_at": 1_000 * MINUTE}, None, MINUTE),
    ({"interval_ns": MINUTE, "first_at": 0, "last_at": 1_001 * 1_000_000_000 * 60}, "auto", 5 * MINUTE),
    ({"interval_ns": DAY, "first_at": 0, "last_at": 3_000 * DAY}, None, DAY),
    ({"interval_ns": MINUTE, "first_at": 0, "last_at": 100_000 * DAY}, None, DAY),
    ({}, None, MINUTE),
    ({"first_at": 0, "last_at": 65 * MINUTE // 60}, None, MINUTE // 60),
    ({"first_at": 0, "last_at": 60 * MINUTE}, None, 5 * MINUTE // 60),
    ({"first_at": 0, "last_at": 1_440 * MINUTE}, None, 5 * MINUTE),
    ({}, "5m", 5 * MINUTE),
    ({}, "30s", MINUTE // 2),
    ({}, "2h", 120 * MINUTE),
    ({}, "1d", DAY),
]


@pytest.mark.parametrize(("data", "wish", "interval"), INTERVALS)
def test_interval_of_valuations(data: dict[str, int], wish: str | None, interval: int) -> None:
    """As asked for, else the bars' own, else the next round step that makes about 1,000 points; a day at most."""
    assert mark_interval(data, wish) == interval


@pytest.mark.parametrize("wish", ["5", "m", "0m", "5w", "-5m", "1.5h", ""])
def test_interval_that_is_none(wish: str) -> None:
    """One sentence that shows how to write one."""
    with pytest.raises(ConfigError, match="is not understood; write a number and s, m, h or d, such as 5m"):
        mark_interval({}, wish)


def test_latency_is_drawn_from_the_seed_and_equal_for_equal_runs(run: Callable[..., Any]) -> None:
    """The same latency model given twice decides twice the same: a run does not use up another's draws."""
    model = NormalLatency(60_000, 40_000, seed=3)
    first, second = (
        [f.executed_at for f in run(Buys(), {"X": [1] * 40}, market=Market(latency=model)).of("order.filled")]
        for _ in range(2)
    )
    assert first == second
    assert len({b - a for a, b in pairwise(first)}) > 1, "delays differ from order to order"


def test_books_of_the_venue_are_the_books_of_the_engine(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Two sets of books, kept apart, agree in cash and positions to the last digit."""
    made = run(
        {
            "a": does({1: lambda c: c.buy("X", "3.3"), 3: lambda c: c.sell("X", "1.1"), 5: lambda c: c.short("Y", 2)}),
            "b": does({1: lambda c: c.short("X", 7), 4: lambda c: c.cover("X", 7)}),
        },
        {"X": [10.1, 10.2, 10.3, 10.4, 10.5, 10.6], "Y": [7.7] * 7},
        market=Market(
            slippage=onepath.FixedBps(Decimal(7)), commission=onepath.Bps(Decimal("3.3")), participation=None
        ),
    )
    books = made.outcome.portfolios
    assert made.session.venue.cash() == {name: books[name].cash for name in ("a", "b")}
    assert made.session.venue.positions() == {("a", "X"): Decimal("2.2"), ("a", "Y"): Decimal(-2)}
    held = {(n, s): p.quantity for n in books for s, p in books[n].positions.items()}
    assert held == dict(made.session.venue.positions())
