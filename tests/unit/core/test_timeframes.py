"""Bars of several intervals: what is in them, when they are known, what is refused. All numbers by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from onepath import Context, Instrument, OrderIntent, Strategy, StrategyError
from onepath.actions import CashDividend, Split, SymbolChange
from onepath.backtest import plan
from onepath.events import DataState, DataStatus, TimePassed
from onepath.feeds.actions import WithActions
from onepath.feeds.columns import ColumnFeed
from onepath.feeds.ticks import in_memory
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar, BookUpdate, Quote, Trade
from onepath.ports import NEVER
from onepath.session import Session
from onepath.testing import START
from onepath.timeframes import Candles, Timeframes, nanoseconds

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
OHLC = tuple[float, float, float, float]
Heard = tuple[float, str, float, OHLC, float]
"""minute at which it was heard, interval, minute of its start, open, high, low, close, volume"""


class Watches(Strategy):
    """Asks for `intervals` and notes every bar that closes, and when it is asked for orders."""

    def __init__(self, *intervals: str, keep: int = 1_000) -> None:
        super().__init__()
        self.intervals, self.keep = intervals, keep
        self.heard: list[Heard] = []
        self.at: list[int] = []
        self.asked: list[float] = []
        self.context: Any = None

    def on_start(self, context: Context) -> None:
        self.context = context
        context.timeframes.require(*self.intervals, keep=self.keep)

    def on_bar(self, bar: Bar, interval: str, context: Context) -> None:
        assert context.timeframes[bar.symbol, interval][-1] == bar
        assert context.now == bar.at
        self.heard.append((minutes(bar.at), interval, minutes(bar.start), ohlc(bar), bar.volume))
        self.at.append(bar.at)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        self.asked.append(minutes(context.now))
        return []


def minutes(at: int) -> float:
    return (at - START) / MINUTE


def ohlc(bar: Bar | None) -> OHLC:
    assert bar is not None
    return bar.open, bar.high, bar.low, bar.close


def bar(minute: float, prices: OHLC, volume: float = 1.0, *, length: float = 1, late: int = 0) -> Bar:
    """A bar of X that began at `minute`; `late` nanoseconds after its end it was heard."""
    start = START + round(minute * MINUTE)
    end = start + round(length * MINUTE)
    return Bar("X", start, end + late, *prices, volume, venue_at=end - SECOND // 1_000 if late else 0)


def trade(second: float, price: float, size: float = 1.0, arrives: float | None = None) -> Trade:
    at = START + round((second if arrives is None else arrives) * SECOND)
    return Trade("X", at, price, size, venue_at=0 if arrives is None else START + round(second * SECOND))


def timeframes(
    *intervals: str, kinds: Sequence[str] = ("bars",), step: int = MINUTE, stale: Any = (), keep: int = 1_000
) -> Timeframes:
    """Timeframes of X and Y without a session."""
    made = Timeframes(("X", "Y"))
    made.know({"X": kinds, "Y": kinds}, step, stale)
    made.require(*intervals, keep=keep)
    return made


class Told:
    """What bars were told of, and how often they woke the engine."""

    def __init__(self, made: Timeframes) -> None:
        self.bars: list[tuple[str, Bar]] = []
        self.woken = 0
        made.connect(lambda bar, interval, context: self.bars.append((interval, bar)), lambda: None, self._wake)

    def _wake(self) -> None:
        self.woken += 1


def run(strategy: Strategy, feed: Any, **how: Any) -> Session:
    session = Session(plan(strategy, feed, 100_000, **how), MemoryJournal("t"))
    outcome = session.run()
    assert outcome.errors == ()
    return session


def trades_feed(rows: Mapping[str, Sequence[tuple[float, float, float]]], **how: Any) -> Any:
    """Trades (second, price, size) by symbol."""
    columns = {
        symbol: {
            "trades": {
                "at": [START + round(s * SECOND) for s, _, _ in table],
                "price": [float(p) for _, p, _ in table],
                "size": [float(q) for _, _, q in table],
            }
        }
        for symbol, table in rows.items()
    }
    return in_memory(columns, {symbol: Instrument(symbol=symbol) for symbol in rows}, **how)


FIVE = [(10, 12, 9, 11), (11, 11, 8, 8), (8, 9, 8, 9), (9, 15, 9, 14), (14, 14, 13, 13), (13, 13, 1, 2)]
"""six minutes: the first five are open 10, high 15, low 8, close 13"""


def test_five_minutes_are_one_bar() -> None:
    """Six bars of a minute, volume 2 each: at minute 5 one of five minutes, 10 15 8 13 with volume 10; the sixth is under way."""
    watch = Watches("5m")
    run(watch, minute_feed({"X": FIVE}, 2.0))
    assert watch.heard == [(5, "5m", 0, (10, 15, 8, 13), 10.0)]
    candles = watch.context.timeframes["X", "5m"]
    assert ohlc(candles.forming) == (13, 13, 1, 2)
    assert (candles.forming.start, candles.forming.at, candles.forming.volume) == (
        START + 5 * MINUTE,
        START + 6 * MINUTE,
        2.0,
    )
    assert watch.asked == [1, 2, 3, 4, 5, 6], "no more often than without: the bar closes in an instant of the market"


def minute_feed(rows: Mapping[str, Sequence[OHLC]], volume: float = 1.0, silent: Sequence[int] = ()) -> ColumnFeed:
    """Minute bars; those of the minutes `silent` are left out."""
    columns = {}
    for symbol, table in rows.items():
        kept = [(i, row) for i, row in enumerate(table) if i not in silent]
        columns[symbol] = {
            "start": [START + i * MINUTE for i, _ in kept],
            "at": [START + (i + 1) * MINUTE for i, _ in kept],
            **{name: [float(row[n]) for _, row in kept] for n, name in enumerate(("open", "high", "low", "close"))},
            "volume": [volume] * len(kept),
        }
    return ColumnFeed(columns, {symbol: Instrument(symbol=symbol) for symbol in rows}, interval_ns=MINUTE)


def flat(*prices: float) -> list[OHLC]:
    return [(p, p, p, p) for p in prices]


def test_fine_bars_are_told_before_coarse_ones() -> None:
    """At minute 4 a bar of two minutes and one of four close; the finer is told first, however they were asked for."""
    watch = Watches("4m", "2m")
    run(watch, minute_feed({"X": flat(1, 2, 3, 4)}))
    assert [(at, interval, prices) for at, interval, _, prices, _ in watch.heard] == [
        (2, "2m", (1, 2, 1, 2)),
        (4, "2m", (3, 4, 3, 4)),
        (4, "4m", (1, 4, 1, 4)),
    ]


def test_the_datas_own_bars_are_passed_on() -> None:
    """Bars of a minute asked for on bars of a minute are those that came; nothing is ever under way."""
    watch = Watches("1m")
    run(watch, minute_feed({"X": FIVE}))
    assert [prices for _, _, _, prices, _ in watch.heard] == FIVE
    assert watch.context.timeframes["X", "1m"].forming is None


def test_bars_of_a_session_that_is_no_day_in_utc_are_passed_on() -> None:
    """A daily bar from 14:30 to 21:00 is the bar of "1d" as it came, known at its close; hours of it are refused in on_start."""
    start = START + 14 * HOUR + HOUR // 2
    columns = {name: [float(x)] for name, x in (("open", 1), ("high", 4), ("low", 1), ("close", 2), ("volume", 7))}
    feed = ColumnFeed(
        {"X": {"start": [start], "at": [START + 21 * HOUR], **columns}}, {"X": Instrument(symbol="X")}, interval_ns=DAY
    )
    watch = Watches("1d")
    run(watch, feed)
    assert watch.heard == [(21 * 60, "1d", 14.5 * 60, (1, 4, 1, 2), 7.0)]
    failing = Session(plan(Watches("4h"), feed, 1_000), MemoryJournal("t")).run()
    assert "bars of 4h cannot be built for X: its data are bars of 86400 seconds" in failing.errors[0]


def test_a_silent_minute_does_not_hold_a_bar_back_for_ever() -> None:
    """Nobody trades X in the minute that ends the first five: its bar closes a minute after its end, at minute 6, before the
    bar of that moment, and the strategy is asked. In Y, which trades, it closed at minute 5."""
    watch = Watches("5m")
    feed = minute_feed({"X": flat(1, 2, 3, 4, 5, 6, 7)}, silent=(4,))
    run(watch, feed)
    assert watch.heard == [(6, "5m", 0, (1, 4, 1, 4), 4.0)]
    assert watch.asked == [1, 2, 3, 4, 6, 6, 7], "minute 6: for the bar that closed, and after the market's"


def test_a_bar_that_nobody_ends_closes_by_time_alone() -> None:
    """X trades in minute 0 and in minute 30 alone: the bar of five minutes closes at minute 6, long before the next event."""
    watch = Watches("5m")
    run(watch, minute_feed({"X": flat(*range(1, 32))}, silent=range(1, 30)))
    assert watch.heard == [(6, "5m", 0, (1, 1, 1, 1), 1.0)]
    assert watch.asked == [1, 6, 31]


def test_an_interval_in_which_nothing_came_has_no_bar() -> None:
    """Trades in the first and the fourth minute make two bars of a minute, not four."""
    watch = Watches("1m")
    run(watch, trades_feed({"X": [(5, 10, 1), (185, 12, 1), (241, 1, 1)]}))
    assert [(start, prices) for _, _, start, prices, _ in watch.heard] == [(0, (10,) * 4), (3, (12,) * 4)]


TRADES = [(1, 10, 2), (20, 13, 1), (59.5, 9, 4), (60, 20, 1), (61, 19, 1), (125, 30, 1)]


def test_trades_make_a_bar() -> None:
    """10, 13, 9 within the first minute: 10 13 9 9 with volume 7, known at the minute. The trade at the very minute belongs to
    the next bar, 20 20 19 19 with volume 2. The last bar is under way at the end, and not closed."""
    watch = Watches("1m")
    run(watch, trades_feed({"X": TRADES}))
    assert watch.heard == [(1, "1m", 0, (10, 13, 9, 9), 7.0), (2, "1m", 1, (20, 20, 19, 19), 2.0)]
    assert ohlc(watch.context.timeframes["X", "1m"].forming) == (30, 30, 30, 30)


def test_a_bar_of_trades_closes_before_what_happens_at_its_end() -> None:
    """X and Y trade in minute 0, Y again at its very end: both bars are told before Y's trade is heard, and the strategy is
    asked once for them and once after the trade."""

    class Both(Watches):
        def on_market_event(self, event: Any, context: Context) -> None:
            self.heard.append((minutes(event.at), "event", 0, (event.price,) * 4, 0.0))

    watch = Both("1m")
    run(watch, trades_feed({"X": [(1, 10, 1)], "Y": [(2, 20, 1), (60, 21, 1)]}))
    assert [(interval, prices[0]) for _, interval, _, prices, _ in watch.heard] == [
        *(("event", 10), ("event", 20)),
        *(("1m", 10), ("1m", 20)),
        ("event", 21),
    ]
    assert watch.asked == [minutes(START + SECOND), minutes(START + 2 * SECOND), 1, 1]


def test_an_order_on_a_bar_of_trades_is_filled_by_the_next_trade() -> None:
    """Buying when the minute has closed sends the order at the minute itself; the trade at 61 s fills it."""

    class Buys(Watches):
        def generate_orders(self, context: Context) -> list[OrderIntent]:
            return context.buy("X", 1) if len(self.heard) == 1 and not context.open_orders else []

    session = run(Buys("1m"), trades_feed({"X": [(1, 10, 90), (61, 20, 90), (62, 30, 90)]}))
    first, *_ = list(session.journal.rows(("order.submitted", "order.filled")))
    assert (first.kind, first.at) == ("order.submitted", START + MINUTE)
    filled = next(iter(session.journal.rows(("order.filled",))))
    assert (filled.at, b"20" in filled.body) == (START + 61 * SECOND, True)


def test_timers_of_the_end_of_a_bar_come_after_it() -> None:
    """A timer at minute 1, where a bar of trades ends and nothing is traded: the bar is told first."""

    class Rings(Watches):
        def on_start(self, context: Context) -> None:
            super().on_start(context)
            context.set_timer("t", START + MINUTE)

        def on_timer(self, timer: Any, context: Context) -> None:
            self.heard.append((minutes(timer.at), "timer", 0, (0, 0, 0, 0), 0))

    watch = Rings("1m")
    run(watch, trades_feed({"X": [(1, 10, 1), (90, 11, 1)]}))
    assert [interval for _, interval, *_ in watch.heard] == ["1m", "timer"]


def test_quotes_make_bars_of_their_middle() -> None:
    """Middles 10, 12, 11 are a bar 10 12 10 11 without volume, where a symbol has quotes alone."""
    quotes = {"at": [START + s * SECOND for s in (1, 2, 3, 70)], "bid": [9, 11, 10, 1], "ask": [11, 13, 12, 2]}
    feed = in_memory(
        {"X": {"quotes": {k: [int(v) if k == "at" else float(v) for v in c] for k, c in quotes.items()}}},
        {"X": Instrument(symbol="X")},
    )
    watch = Watches("1m")
    run(watch, feed)
    assert watch.heard == [(1, "1m", 0, (10, 12, 10, 11), 0.0)]


def test_what_bars_are_built_from() -> None:
    """Bars where they fit, else trades, else quotes, else the book; of a symbol that says nothing, bars."""

    def source(kinds: Sequence[str], interval: str, step: int) -> str:
        return timeframes(interval, kinds=kinds, step=step)["X", interval].source

    assert source(("trades", "bars"), "5m", MINUTE) == "bars"
    assert source(("trades", "bars"), "30s", MINUTE) == "trades"
    assert source(("quotes", "trades"), "1s", 0) == "trades"
    assert source(("book", "quotes"), "1s", 0) == "quotes"
    assert source(("book",), "1s", 0) == "book"
    assert source((), "1s", 0) == "bars"


def test_half_a_book_has_no_middle() -> None:
    """A book without asks says nothing of the price; with both sides its middle counts."""
    made = timeframes("1m", kinds=("book",))
    Told(made)
    for second, ask in ((1, 0.0), (2, 12.0)):
        made.hear(BookUpdate(symbol="X", at=START + second * SECOND, bids=(), asks=(), bid=10.0, ask=ask), None)
    assert ohlc(made["X", "1m"].forming) == (11, 11, 11, 11)


def test_other_kinds_and_symbols_are_left_alone() -> None:
    """Bars are built from trades: a quote of X and a trade of Z, which nobody asked for, change nothing."""
    made = timeframes("1m", kinds=("trades", "quotes"))
    Told(made)
    made.hear(Quote("X", START, 1.0, 2.0, 1.0, 1.0), None)
    made.hear(Trade("Z", START, 1.0, 1.0), None)
    assert made["X", "1m"].forming is None


# -- real time: events arrive late


def test_in_real_time_a_bar_closes_with_the_bar_that_ends_it() -> None:
    """Minute bars arrive 2 s late, their own end a millisecond before the minute: the five-minute bar closes with the fifth, at
    5:02, and is the same as in history."""
    made = timeframes("5m")
    told = Told(made)
    for minute in range(5):
        made.hear(bar(minute, FIVE[minute], late=2 * SECOND), None)
    ((interval, closed),) = told.bars
    assert (interval, ohlc(closed), closed.volume) == ("5m", (10, 15, 8, 13), 5.0)
    assert (closed.start, closed.at) == (START, START + 5 * MINUTE + 2 * SECOND)


def test_the_next_bar_closes_one_that_was_not_ended() -> None:
    """The minute that ends the first two is never heard: the next one closes their bar as it is heard, and one a minute later
    would close the second as usual."""
    made = timeframes("2m")
    told = Told(made)
    for minute in (0, 2, 3):
        made.hear(bar(minute, FIVE[minute]), None)
    assert [(ohlc(b), b.at) for _, b in told.bars] == [
        ((10, 12, 9, 11), START + 3 * MINUTE),
        ((8, 15, 8, 14), START + 4 * MINUTE),
    ]


def test_a_bar_that_comes_too_late_for_its_own_is_left_out() -> None:
    """The bar of five minutes closed by time a minute after its end; then the minute that was missing arrives."""
    made = timeframes("5m")
    told = Told(made)
    made.hear(bar(0, FIVE[0], late=SECOND), None)
    made.tell(made.close(START + 6 * MINUTE), None)
    made.hear(bar(4, FIVE[4], late=90 * SECOND), None)
    assert [ohlc(b) for _, b in told.bars] == [FIVE[0]]
    assert (made["X", "5m"].late, made["X", "5m"].forming) == (1, None)


def test_bars_that_are_filled_in_wait_for_the_rest() -> None:
    """Minutes 0 to 4 arrive in a row at 9:00, without a stale status: a minute after each is given for the next."""
    made = timeframes("5m")
    told = Told(made)
    made.hear(bar(0, FIVE[0], late=8 * MINUTE), None)
    assert made.due == START + 10 * MINUTE
    made.hear(bar(1, FIVE[1], late=7 * MINUTE + 30 * SECOND), None)
    assert made.close(made.due) == []
    assert made.due == START + 10 * MINUTE + 30 * SECOND
    made.hear(bar(4, FIVE[4], late=4 * MINUTE + 31 * SECOND), None)
    assert [ohlc(b) for _, b in told.bars] == [(10, 14, 8, 13)]


def test_in_real_time_bars_without_a_declared_length_are_measured() -> None:
    """Where the data do not say how long their bars are, the venue's end, rounded up to the second, does."""
    made = timeframes("2m", step=0)
    told = Told(made)
    made.hear(bar(0, FIVE[0], late=SECOND), None)
    assert told.bars == []
    made.hear(bar(1, FIVE[1], late=SECOND), None)
    assert [ohlc(b) for _, b in told.bars] == [(10, 12, 8, 8)]


def test_in_real_time_a_trade_belongs_to_the_venues_time() -> None:
    """Two trades of minute 0 arrive, the second at 60.4 s: it still counts, since the bar waits a second. The first trade of
    minute 1 closes it as it arrives, at 60.5 s."""
    made = timeframes("1m", kinds=("trades",))
    told = Told(made)
    for event in (trade(10, 5, arrives=10.1), trade(59.9, 7, arrives=60.4), trade(60.1, 6, arrives=60.5)):
        made.hear(event, None)
    ((_, closed),) = told.bars
    assert (ohlc(closed), closed.volume, closed.at) == ((5, 7, 5, 7), 2.0, START + 60 * SECOND + SECOND // 2)


def test_in_real_time_a_quiet_bar_closes_a_second_after_its_end() -> None:
    """Nothing more arrives: the bar of minute 0 is due at 61 s. What arrives for it later is left out, and counted."""
    made = timeframes("1m", kinds=("trades",))
    told = Told(made)
    made.hear(trade(10, 5, arrives=10.1), None)
    assert made.due == START + 61 * SECOND
    assert made.close(made.due - 1) == []
    closed = made.close(made.due)
    made.tell(closed, None)
    made.hear(trade(59, 9, arrives=62), None)
    assert [ohlc(b) for _, b in told.bars] == [(5, 5, 5, 5)]
    assert (made["X", "1m"].late, made["X", "1m"].forming, made.due) == (1, None, NEVER)


def test_what_belongs_to_an_older_bar_is_left_out() -> None:
    """A trade of minute 0 that arrives while the bar of minute 1 is under way changes neither."""
    made = timeframes("1m", kinds=("trades",))
    Told(made)
    for event in (trade(10, 5, arrives=10.1), trade(61, 6, arrives=61.1), trade(59, 99, arrives=61.2)):
        made.hear(event, None)
    candles = made["X", "1m"]
    assert (ohlc(candles[0]), ohlc(candles.forming), candles.late) == ((5, 5, 5, 5), (6, 6, 6, 6), 1)


def test_a_bar_that_was_passed_on_is_not_passed_on_twice() -> None:
    """A bar of a minute that arrives again, or after a later one, is left out."""
    made = timeframes("1m")
    told = Told(made)
    for minute in (0, 1, 1, 0):
        made.hear(bar(minute, FIVE[minute], late=SECOND), None)
    assert len(told.bars) == 2
    assert made["X", "1m"].late == 2


def test_a_gap_is_filled_in_afterwards() -> None:
    """The connection was lost from 0:20 to 3:00; then the trades of minutes 0 and 1 are filled in within a moment. While the
    data are stale time closes nothing, so both bars are as the venue has them."""
    stale: dict[tuple[str, str], Any] = {}
    made = timeframes("1m", kinds=("trades",), stale=stale)
    told = Told(made)
    made.hear(trade(10, 5, arrives=10.1), None)
    stale["X", ""] = None
    made.look()
    assert made.due == NEVER
    made.hear(trade(30, 9, arrives=180.01), None)
    assert made.close(START + 180 * SECOND) == []
    made.hear(trade(70, 3, arrives=180.02), None)
    del stale["X", ""]
    made.hear(trade(185, 4, arrives=185.1), None)
    assert [ohlc(b) for _, b in told.bars] == [(5, 9, 5, 9), (3, 3, 3, 3)]


@pytest.mark.parametrize("which", [("", ""), ("X", "trades"), ("", "trades")])
def test_all_ways_to_be_stale(which: tuple[str, str]) -> None:
    """A status without a symbol or a stream means all of them."""
    made = timeframes("1m", kinds=("trades",), stale={which: None})
    Told(made)
    made.hear(trade(10, 5), None)
    made.look()
    assert made.due == NEVER


@pytest.mark.parametrize("which", [("Y", ""), ("X", "quotes"), ("", "book")])
def test_what_else_is_stale_does_not_matter(which: tuple[str, str]) -> None:
    """Another symbol, or a stream that the bars are not built from."""
    made = timeframes("1m", kinds=("trades",), stale={which: None})
    Told(made)
    made.hear(trade(10, 5), None)
    made.look()
    assert made.due == START + MINUTE


def test_what_is_filled_in_without_a_word_waits_for_the_rest() -> None:
    """Trades of minute 0 that arrive at 2:00 one after the other, without a stale status, make one bar: time gives it a second
    after each."""
    made = timeframes("1m", kinds=("trades",))
    told = Told(made)
    made.hear(trade(10, 5, arrives=120.0), None)
    assert made.due == START + 121 * SECOND
    made.hear(trade(20, 6, arrives=120.9), None)
    assert made.close(START + 121 * SECOND) == []
    assert made.due == START + round(121.9 * SECOND)
    made.hear(trade(61, 7, arrives=121.5), None)
    assert [ohlc(b) for _, b in told.bars] == [(5, 6, 5, 6)]


class Line:
    """A feed that brings one thing at a time: an event, or what the feed says of itself."""

    def __init__(self, *items: Any) -> None:
        self._items = items
        self.instruments = {"X": Instrument(symbol="X")}
        self.kinds = {"X": ("trades",)}
        self.volumes: tuple[str, ...] = ()
        self.total = None

    def batches(self) -> Iterator[Any]:
        for item in self._items:
            told = not isinstance(item, Trade)
            yield SimpleNamespace(
                size=0 if told else 1,
                news=[item] if told else [],
                events=[].__iter__ if told else [(item, True)].__iter__,
                columns=lambda symbol: None,
            )

    def describe(self) -> dict[str, Any]:
        return {}

    def fingerprint(self) -> str:
        return ""


def status(second: float, state: DataState) -> DataStatus:
    return DataStatus(at=START + round(second * SECOND), state=state)


def test_the_engine_waits_while_data_are_stale() -> None:
    """Stale from 20 s to 100 s: the bar of minute 0, due at 61 s, closes when the data have recovered, at 100 s, and holds what
    was filled in at 99 s. The bar of minute 1 closes by time, at 121 s, though nothing arrives until 200 s."""
    items = (
        *(trade(10, 5, arrives=10), status(20, DataState.STALE), TimePassed(START + 90 * SECOND)),
        *(trade(30, 9, arrives=99), status(99.5, DataState.RECOVERED), TimePassed(START + 100 * SECOND)),
        *(trade(101, 7, arrives=101), TimePassed(START + 200 * SECOND)),
    )
    watch = Watches("1m")
    run(watch, Line(*items))
    assert [
        (at - START, prices, volume) for at, (_, _, _, prices, volume) in zip(watch.at, watch.heard, strict=True)
    ] == [
        (100 * SECOND, (5, 9, 5, 9), 2.0),
        (121 * SECOND, (7, 7, 7, 7), 1.0),
    ]


def test_a_bar_that_waited_for_data_closes_when_they_have_recovered() -> None:
    """Stale from 20 s to 99 s, and nothing was missed: the bar of minute 0 closes at 99 s, though no trade comes any more."""
    items = (
        *(trade(10, 5, arrives=10), status(20, DataState.STALE), TimePassed(START + 90 * SECOND)),
        *(status(99, DataState.RECOVERED), TimePassed(START + 110 * SECOND)),
    )
    watch = Watches("1m")
    run(watch, Line(*items))
    assert watch.at == [START + 99 * SECOND]
    assert watch.asked[-1] == 99 / 60


# -- corporate actions


def test_bars_are_restated_after_a_split() -> None:
    """Four for one: a closed bar 40 48 32 36 with volume 2 is 10 12 8 9 with volume 8; the one under way likewise. Then three
    for one from the bar as it was: 40 / 12 exactly as a float divides."""
    made = timeframes("2m")
    told = Told(made)
    for minute, prices in enumerate([(40, 48, 40, 44), (44, 44, 32, 36), (36, 40, 36, 40)]):
        made.hear(bar(minute, prices), None)
    made.act(Split("X", START + 3 * MINUTE, Decimal(4)))
    candles = made["X", "2m"]
    assert (ohlc(candles[0]), candles[0].volume) == ((10, 12, 8, 9), 8.0)
    assert (ohlc(candles.forming), candles.forming.volume) == ((9, 10, 9, 10), 4.0)  # type: ignore[union-attr]
    made.hear(bar(3, (10, 11, 10, 11), 4.0), None)
    assert (ohlc(candles[1]), candles[1].volume) == ((9, 11, 9, 11), 8.0)
    made.act(Split("X", START + 4 * MINUTE, Decimal(3)))
    assert candles[0].open == 40 / 12
    assert candles[1].open == 3.0
    assert len(told.bars) == 2


def test_what_is_no_split_leaves_bars_alone() -> None:
    """A cash dividend of X, and a split of another symbol."""
    made = timeframes("2m")
    Told(made)
    made.hear(bar(0, FIVE[0]), None)
    made.hear(bar(1, FIVE[1]), None)
    kept = tuple(made["X", "2m"])
    made.act(CashDividend("X", START, Decimal(1)))
    made.act(Split("Y", START, Decimal(2)))
    assert tuple(made["X", "2m"]) == kept


def test_a_new_name_takes_the_bars_over() -> None:
    """X becomes Y: Y has X's bars, kept and under way, under its own name; X has nothing under way any more. A name that has
    bars of its own, and one that is not here, are left alone."""
    made = timeframes("2m")
    told = Told(made)
    for minute, prices in enumerate(FIVE[:3]):
        made.hear(bar(minute, prices), None)
    made.act(SymbolChange("X", START + 3 * MINUTE, "Z"))
    made.act(SymbolChange("X", START + 3 * MINUTE, "Y"))
    old, new = made["X", "2m"], made["Y", "2m"]
    assert [(b.symbol, ohlc(b)) for b in new] == [("Y", (10, 12, 8, 8))]
    assert (old.forming, ohlc(new.forming)) == (None, (8, 9, 8, 9))
    made.hear(Bar("Y", START + 3 * MINUTE, START + 4 * MINUTE, 9.0, 20.0, 9.0, 9.0, 1.0), None)
    assert [(b.symbol, ohlc(b)) for _, b in told.bars[1:]] == [("Y", (8, 20, 8, 9))]
    made.hear(bar(4, FIVE[4]), None)
    made.act(SymbolChange("X", START + 5 * MINUTE, "Y"))
    assert new.forming is None
    assert len(new) == 2


def test_a_split_in_a_session_restates_bars() -> None:
    """Two for one at minute 2: the bar of the first two minutes, 100 100, is 50 50 when the next one closes at 50 50."""
    watch = Watches("2m")
    feed = WithActions(minute_feed({"X": flat(100, 100, 50, 50)}), [Split("X", START + 2 * MINUTE, Decimal(2))])
    run(watch, feed)
    assert [b.close for b in watch.context.timeframes["X", "2m"]] == [50.0, 50.0]


# -- what is kept, what is refused


def test_only_so_many_bars_are_kept() -> None:
    """Five bars, three kept: the last three, by index, slice, in both directions, and as closes."""
    watch = Watches("1m", keep=3)
    run(watch, minute_feed({"X": flat(1, 2, 3, 4, 5)}))
    candles = watch.context.timeframes["X", "1m"]
    assert [b.close for b in candles] == [3, 4, 5]
    assert [b.close for b in reversed(candles)] == [5, 4, 3]
    assert (len(candles), candles.keep, candles[-1].close, [b.close for b in candles[1:]]) == (3, 3, 5, [4, 5])
    assert (candles.closes(2), candles.closes(9), candles.closes(0), candles.closes(-1)) == ([4, 5], [3, 4, 5], [], [])
    assert repr(candles) == "<3 bars of X 1m>"


def test_asking_twice_keeps_what_is_more() -> None:
    """require("5m", keep=10), then 2, then 20: twenty are kept; each pair of symbol and interval is there once."""
    made = timeframes("5m", keep=10)
    made.require("5m", keep=2)
    assert made["X", "5m"].keep == 10
    made.require("5m", "1h", keep=20)
    assert made["X", "5m"].keep == 20
    assert list(made) == [("X", "5m"), ("Y", "5m"), ("X", "1h"), ("Y", "1h")]
    assert len(made) == 4


@pytest.mark.parametrize(
    ("interval", "length"),
    [("1s", SECOND), ("30s", 30 * SECOND), ("1m", MINUTE), ("90m", 90 * MINUTE), ("4h", 4 * HOUR), ("1d", DAY)],
)
def test_intervals(interval: str, length: int) -> None:
    """A number and a unit; ninety minutes divide a day into sixteen."""
    assert nanoseconds(interval) == length


@pytest.mark.parametrize("interval", ["", "5", "m", "0m", "-5m", "5M", "1w", "1.5h", "²m", "5 m"])
def test_what_is_no_interval(interval: str) -> None:
    """A sentence says how it is written."""
    with pytest.raises(StrategyError, match=r"is not understood; write a number and s, m, h or d, such as 30s"):
        nanoseconds(interval)


@pytest.mark.parametrize("interval", ["7m", "2d", "35s", "5h", "25h"])
def test_intervals_divide_a_day(interval: str) -> None:
    """Seven minutes would begin at other times each day; two days are too long."""
    with pytest.raises(StrategyError, match=f"the interval '{interval}' does not divide a day"):
        nanoseconds(interval)


@pytest.mark.parametrize("keep", [0, -1, 2.5])
def test_at_least_one_bar_is_kept(keep: Any) -> None:
    """A number that is none is refused."""
    with pytest.raises(StrategyError, match="keep a whole number of bars from 1 on"):
        timeframes("5m", keep=keep)


def test_what_does_not_fit_is_refused_at_once() -> None:
    """Thirty seconds, or ninety, of bars of a minute, where there is nothing finer."""
    for interval in ("30s", "90s"):
        with pytest.raises(StrategyError, match=r"its data are bars of 60 seconds, of which .* is no multiple"):
            timeframes(interval)


def test_a_bar_across_the_end_of_an_interval_is_refused() -> None:
    """Where nobody says how long bars are: one from 0:04:30 to 0:05:30 fits into no five minutes."""
    made = timeframes("5m", step=0)
    Told(made)
    with pytest.raises(StrategyError, match="does not fit into 5m, counted from midnight UTC"):
        made.hear(bar(4.5, FIVE[0]), None)


def test_what_was_not_asked_for() -> None:
    """Nothing was asked for; another interval; another symbol; half a key; too late."""
    with pytest.raises(StrategyError, match=r'ask for them in on_start with context.timeframes.require\("5m"\)'):
        Timeframes(("X",))["X", "5m"]
    made = timeframes("5m", "15m")
    with pytest.raises(StrategyError, match=r"no bars of '1h' are built; context.timeframes.require asked for 5m, 15m"):
        made["X", "1h"]
    with pytest.raises(StrategyError, match="it has X, Y"):
        made["Z", "5m"]
    for key in ("X", ("X", "5m", 3)):
        with pytest.raises(StrategyError, match="take a symbol and an interval"):
            made[key]  # type: ignore[index]
    Told(made)
    with pytest.raises(StrategyError, match="the data are running already"):
        made.require("1h")


def test_who_does_not_listen_to_trades_is_asked_when_a_bar_closes() -> None:
    """A strategy that listens to bars alone, on trades: it is asked when a bar of a minute has closed, and never else."""

    class Deaf(Watches):
        listens = ("bars",)

    watch = Deaf("1m")
    run(watch, trades_feed({"X": TRADES}))
    assert watch.asked == [1, 2]


def test_bars_without_on_bar_are_kept_all_the_same() -> None:
    """A strategy that only looks at the bars is asked when one has closed."""

    class Looks(Strategy):
        seen: tuple[Any, ...] = ()

        def on_start(self, context: Context) -> None:
            context.timeframes.require("1m")
            self.seen = ()

        def generate_orders(self, context: Context) -> list[OrderIntent]:
            self.seen += ((minutes(context.now), context.timeframes["X", "1m"].closes(9)),)
            return []

    looks = Looks()
    run(looks, trades_feed({"X": [(30, 10, 1), (90, 11, 1)]}))
    assert looks.seen == ((0.5, []), (1, [10]), (1.5, [10]))


def test_a_failure_in_on_bar_ends_that_strategy_alone() -> None:
    """One raises when the first bar closes by time, one when it closes with an event; the third hears all of them."""

    class Raises(Watches):
        def on_bar(self, bar: Bar, interval: str, context: Context) -> None:
            raise RuntimeError("boom")

    for feed in (trades_feed({"X": TRADES}), minute_feed({"X": FIVE})):
        watch = Watches("1m")
        made = plan(Raises("1m"), feed, 1_000)
        other = made.strategies[0]._replace(name="other", strategy=watch)
        made = made._replace(strategies=[*made.strategies, other], sources=[*made.sources, *made.sources])
        outcome = Session(made, MemoryJournal("t")).run()
        assert [("boom" in error) for error in outcome.errors] == [True]
        assert len(watch.heard) >= 2


def test_nothing_is_paid_by_who_does_not_ask() -> None:
    """Without `require` no listener is added and the engine waits for no bar."""

    class Plain(Strategy):
        def on_market_event(self, event: Any, context: Context) -> None: ...

    session = run(Plain(), trades_feed({"X": TRADES}))
    assert len(session.engine.listeners) == 1
    assert session.engine.closing == NEVER


def test_candles_can_be_asked_before_anything_came() -> None:
    """Nothing is kept, nothing is under way, and closing nothing gives nothing."""
    candles = Candles("X", "5m", 5 * MINUTE, 10, "bars", whole=False)
    assert (len(candles), candles.forming, candles.close(START), candles.closes(3)) == (0, None, None, [])
    _: Callable[[int], list[float]] = candles.closes
