"""Bars of several intervals are the same however the data arrive, in a replay and beside other strategies; memory stays flat."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from onepath import Context, Instrument, OrderIntent, Strategy
from onepath.backtest import plan
from onepath.clock import HistoricalClock
from onepath.data import open_feed
from onepath.feeds.paced import Paced
from onepath.feeds.ticks import in_memory
from onepath.journal.codec import DECISIONS
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar
from onepath.session import Session, replayed

SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND
WISHES = {"btcusd_1m": ("5m", "15m", "1h"), "btcusdt_quotes": ("1s", "5s", "30s")}
"""a sample of bars, and one of quotes"""


class Crosses(Strategy):
    """Long while the last bar of the middle interval closed above the mean of the last three of the finest; decides on bars."""

    def __init__(self, intervals: Sequence[str]) -> None:
        super().__init__()
        self.intervals = intervals
        self.told: list[tuple[int, str, Bar]] = []
        self.heard: Callable[[int], Any] = lambda told: None
        self.above = False

    def on_start(self, context: Context) -> None:
        context.timeframes.require(*self.intervals, keep=50)

    def on_bar(self, bar: Bar, interval: str, context: Context) -> None:
        self.told.append((context.now, interval, bar))
        self.heard(len(self.told))
        fine = context.timeframes[bar.symbol, self.intervals[0]].closes(3)
        self.above = bar.close > sum(fine) / len(fine) if interval != self.intervals[0] else self.above

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        return context.target(context.symbols[0], weight=0.5 if self.above else 0)


def ran(feed: Any, intervals: Sequence[str]) -> tuple[Any, list[Any], list[Any]]:
    """The plan, every bar that was told, and every row of the journal but the manifest and the end."""
    strategy, journal = Crosses(intervals), MemoryJournal("t")
    made = plan(strategy, feed, 100_000)
    assert Session(made, journal).run().errors == ()
    rows = [row for row in journal.rows() if not row.kind.startswith("session.")]
    assert sum(row.kind in DECISIONS for row in rows) >= 4
    return made, strategy.told, rows


class Fast:
    """A clock that does not wait."""

    def now(self) -> int:
        return 0

    def wait_until(self, at: int) -> None: ...


@pytest.mark.parametrize("name", WISHES)
def test_bars_are_the_same_however_the_data_arrive(name: str) -> None:
    """In batches, one instant at a time, and by a clock that waits (a hundred million times life speed): the same bars, told at
    the same moments, and the same rows in the journal."""
    _, told, rows = ran(open_feed(name), WISHES[name])
    assert len(told) > 50
    for clock in (Fast(), HistoricalClock(1e8)):
        assert ran(Paced(open_feed(name), clock), WISHES[name])[1:] == (told, rows)


@pytest.mark.parametrize("name", WISHES)
def test_a_replay_builds_the_same_bars(name: str) -> None:
    """Stopped half way, and whole: run again over its record, a session decides the same."""
    for stop_at in (None, 20):
        strategy, journal = Crosses(WISHES[name]), MemoryJournal("t")
        session = Session(plan(strategy, open_feed(name), 100_000), journal)
        strategy.heard = lambda told, n=stop_at, session=session: session.stop() if told == n else None  # type: ignore[misc]
        outcome = session.run()
        assert outcome.status == ("completed" if stop_at is None else "stopped")
        again = plan(Crosses(WISHES[name]), Only(open_feed(name), outcome.events), 100_000)
        proof = replayed(again, journal)
        assert (proof.identical or proof.difference, proof.decisions >= 2) == (True, True)


class Only:
    """The first events of a feed."""

    def __init__(self, feed: Any, events: int) -> None:
        self._feed, self._events = feed, events
        for word in ("instruments", "total", "volumes", "kinds", "describe", "fingerprint"):
            setattr(self, word, getattr(feed, word))

    def batches(self) -> Any:
        left = self._events
        for batch in self._feed.batches():
            rows = list(batch.events())[:left]
            left -= len(rows)
            batch.events, batch.size = rows.__iter__, len(rows)
            yield batch
            if not left:
                return


def test_a_strategy_beside_others_hears_the_same() -> None:
    """Alone, and after one that looks at other intervals and trades: the same bars at the same moments."""
    _, alone, _ = ran(open_feed("btcusd_1m"), ("5m", "1h"))
    first, second = Crosses(("10m", "2h")), Crosses(("5m", "1h"))
    made = plan(first, open_feed("btcusd_1m"), 100_000)
    seat = made.strategies[0]
    made = made._replace(
        strategies=[seat._replace(name="a"), seat._replace(name="b", strategy=second)], sources=[*made.sources] * 2
    )
    assert Session(made, MemoryJournal("t")).run().errors == ()
    assert second.told == alone
    assert len(first.told) == 144 + 12


class Keeps(Strategy):
    """Asks for bars and does nothing with them."""

    def on_start(self, context: Context) -> None:
        context.timeframes.require("1s", "5s", "1m", keep=100)


def held(trades: int) -> int:
    """Bytes that are held after so many trades, ten a second, beyond the data themselves."""
    at = list(range(START, START + trades * SECOND // 10, SECOND // 10))
    columns = {"at": at, "price": [100.0 + n % 50 for n in range(trades)], "size": [1.0] * trades}
    feed = in_memory({"X": {"trades": columns}}, {"X": Instrument(symbol="X")})
    session = Session(plan(Keeps(), feed, 1_000, marks="1d"), MemoryJournal("t"))
    gc.collect()
    tracemalloc.start()
    session.run()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [len(session.engine._seats["keeps"].context.timeframes["X", i]) for i in ("1s", "5s")] == [100, 100]
    return size


def test_memory_is_flat() -> None:
    """Ten times as many trades hold no more memory, to within 50 kB: only so many bars are kept."""
    held(6_000)
    assert held(100_000) < held(10_000) + 50_000
