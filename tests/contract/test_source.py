"""What every Source promises, over real sockets, with everything that a venue and a network do wrong.

The venue is onepath's local one: what was taken is compared with what it really traded (`venue.truth`), event by event.
"""

from __future__ import annotations

import inspect
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from onepath.book import Book
from onepath.clock import RealtimeClock
from onepath.errors import ConfigError, DataError
from onepath.events import DataState, DataStatus
from onepath.localvenue import LocalVenue, Terms
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade
from onepath.ports import Source
from onepath.streams.ccxt import CcxtSource
from onepath.streams.life import Connection

SECOND = 1_000_000_000
SYMBOL = "BTC/USDT"
MARKET = "BTCUSDT"
QUICK = Connection(
    stale_after=0.6, answer_within=2, pause=0.05, longest_pause=0.2, failures=30, window=2, rest=0.5, fill_within=5
)
Make = Callable[..., Source]
SCENES: dict[str, Callable[[], None]] = {}
"""what is played at once, each with a venue and a source of its own: they mostly wait"""


def at_once(scene: Callable[..., None]) -> Callable[..., None]:
    """A test that is played together with the others; one of `make` is played for every source."""
    name = scene.__name__
    if "make" not in inspect.signature(scene).parameters:
        SCENES[name] = scene

        def test(played: dict[str, Future[None]]) -> None:
            played[name].result()

        test.__name__, test.__doc__ = name, scene.__doc__
        return test

    def each(played: dict[str, Future[None]], make: Make) -> None:
        played[f"{name} {make.__name__}"].result()

    for make in (raw, parsed):
        SCENES[f"{name} {make.__name__}"] = partial(scene, make)
    each.__name__, each.__doc__ = name, scene.__doc__
    return EVERY(each)


def raw(venue: LocalVenue, kinds: Sequence[str] = ("bars", "trades"), terms: Connection = QUICK) -> CcxtSource:
    """Binance through ccxt, messages read by onepath: numbered trades, flagged bars."""
    return CcxtSource(
        "binance", RealtimeClock(), symbols=[SYMBOL], kinds=kinds, interval_ns=SECOND, url=venue.url, connection=terms
    )


def parsed(venue: LocalVenue, kinds: Sequence[str] = ("bars", "trades"), terms: Connection = QUICK) -> CcxtSource:
    """The same as ccxt reads it, like any other exchange: trades without numbers, bars without flag."""
    return CcxtSource(
        "binance",
        RealtimeClock(),
        symbols=[SYMBOL],
        kinds=kinds,
        interval_ns=SECOND,
        url=venue.url,
        connection=terms,
        raw=False,
    )


EVERY = pytest.mark.parametrize("make", [raw, parsed])


class Listener:
    """Takes all that a source has, on a thread, as a session would."""

    def __init__(self, source: Source, history: Sequence[Bar] = ()) -> None:
        self.source = source
        self.events: list[MarketEvent | DataStatus] = [*history]
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ends.is_set():
            self.events += self.source.take(0.05)

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()

    def of(self, kind: type) -> list[Any]:
        return [event for event in list(self.events) if type(event) is kind]

    def until(self, done: Callable[[], bool], seconds: float = 20.0) -> None:
        ends = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < ends, (self.of(DataStatus), self.source.health())
            time.sleep(0.02)

    def flowing(self) -> None:
        """Wait until nothing is stale."""
        self.until(lambda: all(s["state"] == "flowing" for s in self.source.health()["streams"].values()))

    def more(self, kind: type, count: int) -> None:
        """Wait until so many more have come."""
        has = len(self.of(kind))
        self.until(lambda: len(self.of(kind)) >= has + count)


@contextmanager
def listening(source: CcxtSource, *, bars: int = 0, first: type = Trade) -> Iterator[Listener]:
    """A source that flows."""
    history = source.history(bars) if bars else ()
    source.start({(bar.symbol, "bars"): bar for bar in history[-1:]})
    listener = Listener(source, history)
    try:
        listener.more(first, 1)
        yield listener
    finally:
        listener.stop()
        source.stop()


def quick(**changes: float) -> Connection:
    return msgspec.structs.replace(QUICK, **changes)


@contextmanager
def market(**terms: Any) -> Iterator[LocalVenue]:
    with LocalVenue("generated", symbols=1, flood=100, history="60s", **terms) as venue:
        yield venue


@contextmanager
def calm() -> Iterator[LocalVenue]:
    """Five trades a second, with quotes and a book."""
    with LocalVenue("generated", symbols=1, speed=1, history="60s") as venue:
        yield venue


def told(venue: LocalVenue, path: str) -> Any:
    """What the venue's REST says, asked plainly."""
    with urllib.request.urlopen(f"{venue.url}/api/v3/{path}") as answer:
        return json.load(answer)


def traded(venue: LocalVenue, first: int, last: int) -> list[tuple[int, float, float, int]]:
    """The venue's groups of trades from one number to another: (ms, price, size, side)."""
    found: list[Any] = []
    while first + len(found) <= last:
        found += told(venue, f"aggTrades?symbol={MARKET}&fromId={first + len(found)}&limit=1000")
    found = found[: last - first + 1]
    truth = {deal.number: deal for deal in venue.truth(MARKET, found[0]["f"], 1_000_000)}
    for group in found:  # what REST says is what was traded
        inside = [truth[number] for number in range(group["f"], group["l"] + 1)]
        assert sum(deal.quantity for deal in inside) == round(float(group["q"]) * 1e8)
        assert {(deal.at, deal.price) for deal in inside} == {(group["T"], round(float(group["p"]) * 1e8))}
    return [(g["T"], float(g["p"]), float(g["q"]), -1 if g["m"] else 1) for g in found]


def singly(venue: LocalVenue, since: int) -> list[tuple[int, float, float, int]]:
    """Every single trade from a millisecond on."""
    return [
        (d.at, d.price / 1e8, d.quantity / 1e8, 1 if d.bought else -1) for d in venue.truth(MARKET) if d.at >= since
    ]


def seen(trades: Sequence[Trade]) -> list[tuple[int, float, float, int]]:
    return [(t.venue_at // 1_000_000, t.price, t.size, t.aggressor) for t in trades]


def assert_whole(venue: LocalVenue, listener: Listener) -> None:
    """Trades are the venue's own from the first to the last, once each, in order; so are closed bars; arrivals strictly grow;
    STALE and RECOVERED take turns, and all is well at the end."""
    trades: list[Trade] = listener.of(Trade)
    numbers = [trade.id for trade in trades]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert seen(trades) == traded(venue, numbers[0], numbers[-1])
    assert_bars(venue, listener.of(Bar))
    arrived = [event.at for event in listener.events]
    assert all(a < b for a, b in pairwise(arrived))
    assert {event.symbol for event in listener.events} == {SYMBOL}
    for kind in ("bars", "trades"):
        turns = [s.state for s in listener.of(DataStatus) if s.stream == kind]
        assert turns == [DataState.STALE, DataState.RECOVERED] * (len(turns) // 2)
    assert sum(status.missed for status in listener.of(DataStatus)) == 0


def assert_bars(venue: LocalVenue, bars: Sequence[Bar]) -> None:
    """Bars follow on each other, and are what the venue says of them now that they are long over."""
    assert all(b.start - a.start == SECOND for a, b in pairwise(bars))
    rows = told(venue, f"klines?symbol={MARKET}&interval=1s&startTime={bars[0].start // 1_000_000}&limit=1000")
    final = {row[0] * 1_000_000: [float(value) for value in row[1:6]] for row in rows}
    assert [[b.open, b.high, b.low, b.close, b.volume] for b in bars] == [final[b.start] for b in bars]


def stale(listener: Listener, kind: str, state: DataState = DataState.STALE) -> list[DataStatus]:
    return [s for s in listener.of(DataStatus) if (s.stream, s.state) == (kind, state)]


# -- without faults ------------------------------------------------------------------------------------------------------


@at_once
def test_history_then_the_stream_without_hole_or_repetition(make: Make) -> None:
    """20 bars of history, then those that close while it streams: one row of starts, values the venue's own; history bears
    its own times."""
    with market() as venue, listening(make(venue), bars=20) as listener:
        listener.more(Bar, 2)
        bars: list[Bar] = listener.of(Bar)
        assert_bars(venue, bars)
        assert [bar.at for bar in bars[:20]] == [bar.start + SECOND for bar in bars[:20]]
        assert all(bar.venue_at == bar.start + SECOND for bar in bars)
        assert len(bars) >= 22
        assert listener.of(DataStatus) == []


@at_once
def test_trades_are_the_venues_own() -> None:
    """Number, time, price, size and side of every trade from the first heard on."""
    with market() as venue, listening(raw(venue)) as listener:
        listener.more(Trade, 100)
        listener.more(Bar, 1)
        assert_whole(venue, listener)


@at_once
def test_the_library_and_we_read_the_same_trades() -> None:
    """What ccxt makes of the stream is what we read from it: time, price, size and side."""
    with market() as venue, listening(parsed(venue, ["trades"])) as listener:
        listener.more(Trade, 100)
        theirs = seen(listener.of(Trade))
        first = next(d.number for d in venue.truth(MARKET) if d.at == theirs[0][0])
        assert (
            theirs
            == [(d.at, d.price / 1e8, d.quantity / 1e8, 1 if d.bought else -1) for d in venue.truth(MARKET, first)][
                : len(theirs)
            ]
        )


@at_once
def test_what_came_since_the_last_known_event_is_fetched() -> None:
    """Started with trade 50 and a bar of a while ago as the last known, it goes on with trade 51 and the bar after that."""
    with market() as venue:
        source = raw(venue)
        bar = source.history(5)[0]
        venue_trade = traded(venue, 50, 50)[0]
        last = Trade(SYMBOL, 1, venue_trade[1], venue_trade[2], venue_trade[3], venue_trade[0] * 1_000_000, 50)
        source.start({(SYMBOL, "trades"): last, (SYMBOL, "bars"): bar})
        listener = Listener(source)
        listener.more(Trade, 200)
        listener.more(Bar, 4)
        listener.flowing()
        listener.stop()
        source.stop()
        assert listener.of(Trade)[0].id == 51
        assert listener.of(Bar)[0].start == bar.start + SECOND
        assert_whole(venue, listener)


@at_once
def test_a_long_history_comes_in_pages(make: Make) -> None:
    """1,500 bars where a page has 1,000: one row, the last of them the newest that has ended."""
    with LocalVenue("generated", symbols=1, speed=1, history="1600s") as venue:
        source = make(venue, ["bars"])
        before = time.time_ns()
        bars = source.history(1_500)
        source.stop()
        assert len(bars) == 1_500
        assert all(b.start - a.start == SECOND for a, b in pairwise(bars))
        assert before - 2 * SECOND < bars[-1].at <= time.time_ns()


@at_once
def test_quotes_and_the_book_are_sane_and_agree(make: Make) -> None:
    """Quotes and a book arrive; none is crossed; the book begins with a snapshot."""
    with LocalVenue("generated", symbols=1, speed=1, history="60s") as venue:
        source = make(venue, ("quotes", "book"))
        with listening(source, first=BookUpdate) as listener:
            listener.until(lambda: len(listener.of(Quote)) > 3 and len(listener.of(BookUpdate)) > 3)
            assert all(0 < quote.bid < quote.ask for quote in listener.of(Quote))
            books: list[BookUpdate] = listener.of(BookUpdate)
            assert books[0].snapshot
            assert all(0 < book.bid < book.ask for book in books)


def test_what_is_known_of_a_market() -> None:
    """Increments, least value, coins and names, exactly, as exchangeInfo says; the symbol stays as it was written."""
    with market() as venue:
        for written in (SYMBOL, MARKET):
            source = CcxtSource(
                "binance", RealtimeClock(), symbols=[written], kinds=["bars"], interval_ns=SECOND, url=venue.url
            )
            made = source.instruments[written]
            source.stop()
            (info,) = told(venue, f"exchangeInfo?symbol={MARKET}")["symbols"]
            filters = {f["filterType"]: f for f in info["filters"]}
            assert made.tick_size.normalize() == Decimal(filters["PRICE_FILTER"]["tickSize"]).normalize()
            assert made.lot_size.normalize() == Decimal(filters["LOT_SIZE"]["stepSize"]).normalize()
            assert (made.symbol, made.currency, made.base, made.asset_class) == (written, "USDT", "BTC", "crypto")
            assert made.calendar == "24/7"


# -- with faults ---------------------------------------------------------------------------------------------------------


def assert_nothing_lost(kind: str, terms: dict[str, Any], must: bool) -> None:
    with market() as venue, listening(raw(venue), bars=3) as listener:
        venue.inject(kind, **terms)
        time.sleep(max(terms.get("seconds", 0.0), 0.5))
        listener.until(lambda: not must or bool(stale(listener, "trades", DataState.RECOVERED)))
        listener.flowing()
        listener.more(Trade, 30)
        listener.more(Bar, 1)
        listener.flowing()
        assert_whole(venue, listener)
        assert bool(stale(listener, "trades")) or not must


def assert_filled_later(kind: str, terms: dict[str, Any], _: bool) -> None:
    """While what a cut lost is fetched, requests fail."""
    with market() as venue, listening(raw(venue), bars=3) as listener:
        venue.inject(kind, **terms, path="aggTrades")
        venue.inject("cut")
        listener.until(lambda: bool(stale(listener, "trades", DataState.RECOVERED)))
        listener.more(Trade, 30)
        listener.more(Bar, 1)
        listener.flowing()
        assert_whole(venue, listener)
        was, now = stale(listener, "trades")[0], stale(listener, "trades", DataState.RECOVERED)[-1]
        assert now.filled > 0
        assert now.at - was.at > terms.get("amount", 0) * SECOND


def assert_daily_end(*_: Any) -> None:
    """A venue that announces its end and ends every 1.5 s: nothing is missing, and it never counts as a failure."""
    life = Terms(lifetime=1.5, notice=0.4)
    terms = quick(failures=2, window=60, rest=60)
    with market(terms=life) as venue, listening(raw(venue, terms=terms), bars=3) as listener:
        listener.until(lambda: len(stale(listener, "trades", DataState.RECOVERED)) >= 3)
        listener.more(Bar, 1)
        listener.flowing()
        assert_whole(venue, listener)
        assert any("announced" in status.reason for status in listener.of(DataStatus))


def assert_rests(*_: Any) -> None:
    """After three losses the connection rests; the one attempt after it succeeds, and what was missed is fetched."""
    with market() as venue, listening(raw(venue, terms=quick(failures=3, window=60, rest=1.5)), bars=3) as listener:
        venue.inject("cut", seconds=2.0)
        listener.until(lambda: "resting" in {c["state"] for c in listener.source.health()["connections"]})
        listener.until(lambda: bool(stale(listener, "trades", DataState.RECOVERED)))
        listener.more(Bar, 1)
        listener.flowing()
        assert_whole(venue, listener)


def assert_book(make: Make, kind: str, terms: dict[str, Any]) -> None:
    """The book's messages follow on each other after every snapshot, are never crossed, and end as the venue's own."""
    with calm() as venue, listening(make(venue, ("book",)), first=BookUpdate) as listener:
        venue.inject(kind, **terms)
        if make is raw:
            listener.until(lambda: bool(stale(listener, "book", DataState.RECOVERED)))
        listener.more(BookUpdate, 5)
        listener.flowing()
        book = Book(SYMBOL)
        for update in listener.of(BookUpdate):
            assert book.apply(update)
        assert book.bid < book.ask


def assert_bars_as_the_library_reads(kind: str, terms: dict[str, Any], _: bool) -> None:
    """Candles without a flag, the stream stalled or cut inside one: what is handed on is what the candle was at its end."""
    with market() as venue, listening(parsed(venue, ["bars"]), bars=3, first=Bar) as listener:
        venue.inject(kind, **terms)
        listener.more(Bar, 3)
        listener.flowing()
        assert_bars(venue, listener.of(Bar))


def assert_quotes(kind: str, terms: dict[str, Any], _: bool) -> None:
    """Quotes that stop are stale; when they come again the newest is there at once."""
    with calm() as venue, listening(raw(venue, ["quotes"]), first=Quote) as listener:
        venue.inject(kind, **terms)
        listener.until(lambda: bool(stale(listener, "quotes", DataState.RECOVERED)))
        listener.more(Quote, 2)
        numbers = [quote.id for quote in listener.of(Quote) if quote.id]
        assert numbers == sorted(set(numbers))


Scenario = tuple[Callable[[str, dict[str, Any], bool], None], str, dict[str, Any], bool]
SCENARIOS: dict[str, Scenario] = {
    # name: what must hold, the fault, its terms, whether trades must have been stale
    "mute": (assert_nothing_lost, "mute", {"seconds": 1.5}, True),
    "cut": (assert_nothing_lost, "cut", {}, True),
    "shut for a while": (assert_nothing_lost, "cut", {"seconds": 0.8}, True),
    "half open": (assert_nothing_lost, "half_open", {}, True),
    "duplicates": (assert_nothing_lost, "duplicate", {"count": 50}, False),
    "out of order": (assert_nothing_lost, "reorder", {"count": 10}, False),
    "single trades lost": (assert_nothing_lost, "drop", {"count": 5, "stream": "aggTrade"}, True),
    "closed bars lost": (assert_nothing_lost, "drop", {"seconds": 2.5, "stream": "kline_1s"}, False),
    "trades in a row lost": (assert_nothing_lost, "gap", {"count": 40, "stream": "aggTrade"}, True),
    "late": (assert_nothing_lost, "delay", {"seconds": 1, "amount": 0.3}, False),
    "malformed": (assert_nothing_lost, "malformed", {"count": 40}, True),
    "the venue's clock ahead": (assert_nothing_lost, "skew", {"seconds": 2, "amount": 3600}, False),
    "the venue's clock behind": (assert_nothing_lost, "skew", {"seconds": 2, "amount": -3600}, False),
    "429": (assert_filled_later, "429", {"count": 2, "amount": 1}, True),
    "418": (assert_filled_later, "418", {"count": 1, "amount": 1}, True),
    "proxy's pages": (assert_filled_later, "5xx", {"count": 3}, True),
    "cut-off answers": (assert_filled_later, "truncate", {"count": 3}, True),
    "the end of a day": (assert_daily_end, "", {}, True),
    "a rest": (assert_rests, "", {}, True),
    "changes of a book lost": (lambda kind, terms, _: assert_book(raw, kind, terms), "drop", {"count": 2}, True),
    "changes of a book cut": (lambda kind, terms, _: assert_book(raw, kind, terms), "cut", {}, True),
    "books as ccxt keeps them": (
        lambda kind, terms, _: assert_book(parsed, kind, terms),
        "duplicate",
        {"count": 5},
        True,
    ),
    "candles stalled": (assert_bars_as_the_library_reads, "mute", {"seconds": 1.3}, False),
    "candles cut": (assert_bars_as_the_library_reads, "cut", {}, False),
    "candles malformed": (assert_bars_as_the_library_reads, "malformed", {"count": 10}, False),
    "quotes mute": (assert_quotes, "mute", {"seconds": 1.5}, True),
    "quotes cut": (assert_quotes, "cut", {}, True),
}


@pytest.fixture(scope="module")
def played() -> dict[str, Future[None]]:
    """All scenes, at once."""
    faults = {name: partial(holds, *terms) for name, (holds, *terms) in SCENARIOS.items()}
    with ThreadPoolExecutor(max_workers=8) as pool:
        return {name: pool.submit(scene) for name, scene in (SCENES | faults).items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fault_loses_nothing(name: str, played: dict[str, Future[None]]) -> None:
    """During and after the fault trades and bars are the venue's own, once each, in order; the session was told; what REST
    refused is fetched later, a Retry-After obeyed."""
    played[name].result()


@at_once
def test_unnumbered_trades_survive_a_cut() -> None:
    """Without numbers: what a cut lost is fetched by time, every trade once."""
    with market() as venue, listening(parsed(venue, ["trades"])) as listener:
        listener.more(Trade, 30)
        venue.inject("cut", seconds=0.5)
        listener.until(lambda: bool(stale(listener, "trades", DataState.RECOVERED)))
        listener.more(Trade, 30)
        theirs = seen(listener.of(Trade))
        assert sorted(theirs) == sorted(singly(venue, theirs[0][0])[: len(theirs)])


@at_once
def test_a_quiet_market_is_not_stale() -> None:
    """Nobody trades for four times the silence allowed: the venue is asked, has no news, and nothing is stale."""
    with LocalVenue("generated", symbols=1, flood=0.02, history="200s") as venue:
        source = raw(venue, ["trades"])
        source.start({})
        listener = Listener(source)
        time.sleep(2.4)
        listener.stop()
        state = source.health()["streams"][f"{SYMBOL} trades"]["state"]
        source.stop()
        assert (listener.of(DataStatus), state) == ([], "flowing")


def test_a_slow_session_loses_no_trade() -> None:
    """The session sleeps while 3,000 trades come: all are there when it takes them, in order."""
    with LocalVenue("generated", symbols=1, flood=3_000, history="60s") as venue:
        source = raw(venue, ["trades"])
        source.start({})
        time.sleep(1.5)
        trades: list[Trade] = []
        while len(trades) < 3_000:
            trades += [e for e in source.take(1.0) if isinstance(e, Trade)]
        assert source.health()["queue"]["highest"] > 1_000
        source.stop()
        numbers = [trade.id for trade in trades]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert seen(trades) == traded(venue, numbers[0], numbers[-1])


def test_the_library_alone_would_lose_them() -> None:
    """The control: asked plainly and as slowly, ccxt hands out its newest 1,000 of them, and no error."""
    import asyncio

    import ccxt.pro

    async def plainly(url: str) -> list[Any]:
        options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
        exchange = ccxt.pro.binance({"options": options})
        exchange.has["fetchCurrencies"] = False
        exchange.urls["api"]["public"] = f"{url}/api/v3"
        exchange.urls["api"]["ws"]["spot"] = f"{url.replace('http', 'ws')}/stream/ws"
        first = await exchange.watch_trades(SYMBOL)
        await asyncio.sleep(1.5)
        then = await exchange.watch_trades(SYMBOL)
        await exchange.close()
        return [*first, *then]

    with LocalVenue("generated", symbols=1, flood=3_000, history="60s") as venue:
        numbers = [int(trade["id"]) for trade in asyncio.run(plainly(venue.url))]
        assert numbers[-1] - numbers[0] + 1 > len(numbers) + 1_000


def test_a_session_that_never_comes_back_bounds_the_memory() -> None:
    """With room for 500 events and nobody taking, the queue stays at its bound, the sockets wait, and nothing is lost."""
    terms = quick(queue=500)
    with LocalVenue("generated", symbols=1, flood=3_000, history="60s") as venue:
        source = raw(venue, ["trades"], terms)
        source.start({})
        time.sleep(1.0)
        queue = source.health()["queue"]
        assert queue["waits"] >= 1
        trades: list[Trade] = []
        while len(trades) < 4_000:
            trades += [e for e in source.take(1.0) if isinstance(e, Trade)]
        source.stop()
        numbers = [trade.id for trade in trades]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


# -- what cannot be ------------------------------------------------------------------------------------------------------


def test_names_that_are_unknown_are_told_with_the_nearest() -> None:
    """Exchange, symbol, kind and interval: each is a ConfigError that helps."""
    with market() as venue:

        def source(**terms: Any) -> CcxtSource:
            asked = {"exchange": "binance", "symbols": [SYMBOL], "kinds": ["bars"], "interval_ns": SECOND, **terms}
            return CcxtSource(asked.pop("exchange"), RealtimeClock(), url=venue.url, **asked)

        with pytest.raises(ConfigError, match=r"'binanc' is no exchange.*did you mean 'binance'"):
            source(exchange="binanc")
        with pytest.raises(ConfigError, match="expected some of bars, quotes, trades, book"):
            source(kinds=["candles"])
        with pytest.raises(ConfigError, match="interval of 7 s is none that binance has; it has 1s, 1m"):
            source(interval_ns=7 * SECOND)
        for symbols, message in (
            (["BTCUSD"], "no market 'BTCUSD'.*did you mean 'BTCUSDT'"),
            ([SYMBOL, MARKET], "are one market"),
        ):
            unknown = source(symbols=symbols)
            with pytest.raises(ConfigError, match=message):
                _ = unknown.instruments
            unknown.stop()


def test_a_venue_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the address: a DataError that names it and says what to check, after the time for opening."""
    monkeypatch.setattr("onepath.streams.source.OPENS_WITHIN", 0.5)
    source = CcxtSource(
        "binance", RealtimeClock(), symbols=[SYMBOL], kinds=["bars"], interval_ns=SECOND, url="http://127.0.0.1:9"
    )
    with pytest.raises(DataError, match=r"binance cannot be asked for its markets: .*check the network"):
        _ = source.instruments
    source.stop()
    with pytest.raises(DataError, match="has been stopped"):
        source.history(1)


def test_a_source_wakes_and_stops() -> None:
    """`wake` from another thread lets `take` return at once; stopping twice is stopping."""
    with market() as venue:
        source = raw(venue)
        assert source.describe() == {"source": "binance", "symbols": [SYMBOL], "interval_ns": SECOND}
        threading.Timer(0.1, source.wake).start()
        began = time.monotonic()
        assert list(source.take(5.0)) == []
        assert time.monotonic() - began < 1.0
        source.stop()
        source.stop()
