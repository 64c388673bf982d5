"""Bars of several intervals: however they are built, they are those that a slow count over all events gives.

Prices are quarters and sizes eighths, so that sums are exact and bars can be compared to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from onepath import Context, Instrument, OrderIntent, Strategy
from onepath.backtest import plan
from onepath.feeds.columns import ColumnFeed
from onepath.feeds.ticks import in_memory
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar, Trade
from onepath.session import Session
from onepath.timeframes import Timeframes, nanoseconds

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 1_440 * MINUTE
START = 1_704_067_200 * SECOND
INTERVALS = ("5m", "15m", "1h", "4h")
FIELDS = ("open", "high", "low", "close")


class Print(NamedTuple):
    """A trade: when, at what price, how much."""

    at: int
    price: float
    size: float


class Made(NamedTuple):
    """A bar without its symbol and the time at which it was known."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float


gaps = st.one_of(
    st.integers(1, 90).map(SECOND.__mul__),
    st.sampled_from([1, SECOND // 7, MINUTE, 5 * MINUTE, 60 * MINUTE, 241 * MINUTE]),
)
prints = st.lists(st.tuples(gaps, st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=60).map(
    lambda rows: [
        Print(at, price / 4, size / 8)
        for at, (_, price, size) in zip(accumulate((gap for gap, _, _ in rows), initial=START), rows, strict=False)
    ]
)
LAST = Print(START + 30 * DAY, 1.0, 1.0)
"""long after everything else, so that all bars before have closed"""


def counted(events: Sequence[Print], interval: str) -> list[Made]:
    """The bars of trades, the slow way: all trades of each interval, looked at anew."""
    length = nanoseconds(interval)
    found: dict[int, list[Print]] = {}
    for event in events:
        found.setdefault(event.at - event.at % length, []).append(event)
    return [
        Made(
            *(start, rows[0].price, max(r.price for r in rows), min(r.price for r in rows), rows[-1].price),
            sum(r.size for r in rows),
        )
        for start, rows in sorted(found.items())
    ]


def made(bar: Bar) -> Made:
    return Made(bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume)


class Watches(Strategy):
    """Notes what closed; at every moment looks whether anything that had closed has changed."""

    def __init__(self, intervals: Sequence[str]) -> None:
        super().__init__()
        self.intervals = intervals
        self.closed: dict[str, list[Bar]] = {interval: [] for interval in intervals}
        self.forming: list[tuple[int, str, Made | None]] = []

    def on_start(self, context: Context) -> None:
        context.timeframes.require(*self.intervals)

    def on_bar(self, bar: Bar, interval: str, context: Context) -> None:
        self.closed[interval].append(bar)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        for interval in self.intervals:
            candles = context.timeframes["X", interval]
            assert list(candles) == self.closed[interval][-1_000:]
            forming = candles.forming
            assert forming is None or forming.at <= context.now
            self.forming.append((context.now, interval, None if forming is None else made(forming)))
        return []


def watched(feed: Any, intervals: Sequence[str]) -> Watches:
    watch = Watches(intervals)
    outcome = Session(plan(watch, feed, 1_000), MemoryJournal("t")).run()
    assert outcome.errors == ()
    return watch


def trades(events: Sequence[Print]) -> Any:
    columns = {"at": [e.at for e in events], "price": [e.price for e in events], "size": [e.size for e in events]}
    return in_memory({"X": {"trades": columns}}, {"X": Instrument(symbol="X")})


def bars(rows: Sequence[Made], length: int) -> ColumnFeed:
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in (*FIELDS, "volume")}
    times = {"start": [row.start for row in rows], "at": [row.start + length for row in rows]}
    return ColumnFeed({"X": {**times, **columns}}, {"X": Instrument(symbol="X")}, interval_ns=length)


@given(prints)
@settings(max_examples=150)
def test_trades_and_their_minutes_make_the_same_bars(events: list[Print]) -> None:
    """Bars built of trades, and of the bars of a minute that these trades make, are those of a count over all trades."""
    events = [*events, LAST]
    of_trades = watched(trades(events), ("1m", *INTERVALS))
    minutes = counted(events, "1m")
    of_bars = watched(bars(minutes, MINUTE), INTERVALS)
    for interval in INTERVALS:
        right = counted(events, interval)[:-1]
        assert [made(bar) for bar in of_trades.closed[interval]] == right
        assert [made(bar) for bar in of_bars.closed[interval]] == right
    assert [made(bar) for bar in of_trades.closed["1m"]] == minutes[:-1]


@given(prints)
@settings(max_examples=100)
def test_bars_are_known_when_they_may_be(events: list[Print]) -> None:
    """A bar of trades is known at its very end; one of minutes then, or a minute later where its last minute was silent."""
    events = [*events, LAST]
    for interval, closed in watched(trades(events), INTERVALS).closed.items():
        assert [bar.at for bar in closed] == [bar.start + nanoseconds(interval) for bar in closed]
    traded = {event.at // MINUTE for event in events}
    for interval, closed in watched(bars(counted(events, "1m"), MINUTE), INTERVALS).closed.items():
        ends = [bar.start + nanoseconds(interval) for bar in closed]
        assert [bar.at for bar in closed] == [end + (0 if end // MINUTE - 1 in traded else MINUTE) for end in ends]


@given(prints)
@settings(max_examples=100)
def test_bars_of_bars_of_bars_are_the_same(events: list[Print]) -> None:
    """1m to 5m to 1h to 4h step by step is 1m to 4h at once."""
    minutes = counted([*events, LAST], "1m")
    step, rows = "1m", minutes
    for interval in ("5m", "1h", "4h"):
        closed = watched(bars(rows, nanoseconds(step)), (interval,)).closed[interval]
        rows = [*map(made, closed), Made(LAST.at, *[1.0] * 5)]
        step = interval
    assert rows[:-1] == [made(bar) for bar in watched(bars(minutes, MINUTE), ("4h",)).closed["4h"]]


@given(prints)
@settings(max_examples=100)
def test_the_bar_under_way_never_looks_ahead(events: list[Print]) -> None:
    """After every trade the bar under way is that of the trades so far, whatever comes later."""
    watch = watched(trades(events), INTERVALS)
    seen = {(at, interval): forming for at, interval, forming in watch.forming}
    for number, event in enumerate(events):
        if number + 1 < len(events) and events[number + 1].at == event.at:
            continue
        for interval in INTERVALS:
            assert seen[event.at, interval] == counted(events[: number + 1], interval)[-1]


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 3_000), st.integers(1, 40), st.integers(1, 9)),
        min_size=1,
        max_size=60,
    ),
    st.lists(st.booleans(), min_size=60, max_size=60),
)
@settings(max_examples=200)
def test_nothing_is_lost_in_real_time(rows: list[tuple[int, int, int, int]], waits: list[bool]) -> None:
    """Trades that arrive up to 3 s late and in another order: each is in the bar of its own time, or counted as late, and never
    in two; bars close in order, each once."""
    made_ = Timeframes(("X",))
    made_.know({"X": ("trades",)}, 0, ())
    made_.require("5s")
    told: list[Bar] = []
    made_.connect(lambda bar, interval, context: told.append(bar), lambda: None, lambda: None)
    candles = made_["X", "5s"]
    at, by_start = START, {}
    for (gap, late, price, size), waited in zip(rows, waits, strict=False):
        at += gap * 100_000_000 + 1
        if waited and made_.due <= at:
            made_.tell(made_.close(made_.due), None)
        before = candles.late
        own = max(START, at - late * 1_000_000)
        made_.hear(Trade("X", at, price / 4, size / 8, venue_at=own), None)
        if candles.late == before:
            by_start.setdefault(own // (5 * SECOND) * 5 * SECOND, []).append(Print(own, price / 4, size / 8))
    made_.tell(made_.close(at + DAY), None)
    right = [
        Made(
            *(start, found[0].price, max(r.price for r in found), min(r.price for r in found), found[-1].price),
            sum(r.size for r in found),
        )
        for start, found in sorted(by_start.items())
    ]
    assert [made(bar) for bar in told] == right
    assert len(rows) == candles.late + sum(map(len, by_start.values()))
