"""What is made of ccxt's exchanges and of what they answer, without a network."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from onepath.errors import ConfigError
from onepath.market import Bar, Quote, Trade
from onepath.streams import parsed
from onepath.streams.ccxt import CcxtExchange
from onepath.streams.exchange import VenueError
from onepath.streams.life import Connection
from onepath.streams.sockets import Call, Named, _call
from onepath.streams.wire import Depth, UnreadableError, decode

MINUTE = 60_000_000_000
MS = 1_000_000


def exchange(
    name: str = "kraken",
    kinds: Sequence[str] = ("bars", "trades"),
    symbols: Sequence[str] = ("BTC/USD",),
    url: str = "",
    **terms: Any,
) -> CcxtExchange:
    made = CcxtExchange(name, symbols, kinds, MINUTE, url, Connection(), **terms)
    made._names = {"BTC/USD": Named("BTC/USD", "BTCUSD", "spot")}
    return made


def addresses(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree] if "://" in tree else []
    return [address for below in tree.values() for address in addresses(below)]


def test_addresses_of_binance_are_exact() -> None:
    """REST keeps its paths, spot's socket has /stream in it, futures' end in /ws; nothing points anywhere else."""
    made = exchange("binance", symbols=["BTC/USDT", "BTC/USDT:USDT"], url="http://127.0.0.1:8765")._ccxt
    assert made.urls["api"]["public"] == "http://127.0.0.1:8765/api/v3"
    assert made.urls["api"]["ws"]["spot"] == "ws://127.0.0.1:8765/stream/ws"
    assert made.urls["api"]["ws"]["linear"].endswith("/ws")
    assert all("127.0.0.1:8765" in address for address in addresses(made.urls["api"]))
    assert made.options["fetchMarkets"]["types"] == ["spot", "linear"]


@pytest.mark.parametrize("name", ["mexc", "kraken", "bybit", "okx"])
def test_addresses_of_others_are_moved(name: str) -> None:
    """Every host is replaced; without `url` none is."""
    there, here = exchange(name)._ccxt.urls["api"], exchange(name, url="http://127.0.0.1:9")._ccxt.urls["api"]
    assert len(addresses(here)) == len(addresses(there)) > 0
    assert all("//127.0.0.1:9/" in f"{address}/" for address in addresses(here))
    assert not any("127.0.0.1" in address for address in addresses(there))


def test_connections_are_by_kind_and_market_and_a_hundred_symbols() -> None:
    """150 spot markets and a perpetual, two kinds: 100, 50 and 1 of each."""
    made = exchange("binance")
    made._names = {f"S{n}": Named(f"S{n}/USDT", f"S{n}USDT", "spot") for n in range(150)}
    made._names["P"] = Named("P/USDT:USDT", "S1USDT", "swap")
    found = made.connections()
    assert [(len(streams), streams[0][1]) for streams in found] == [
        *[(100, "bars"), (50, "bars"), (1, "bars")],
        *[(100, "trades"), (50, "trades"), (1, "trades")],
    ]


def test_who_numbers_and_flags() -> None:
    """Binance numbers its trades and flags its bars; MEXC's ids are made up by ccxt, so they count for nothing."""
    assert [exchange(name).numbered for name in ("binance", "binanceusdm", "mexc", "kraken")] == [
        True,
        True,
        False,
        False,
    ]
    assert not exchange("binance", raw=False).flagged


def test_the_library_never_repeats_requests_by_itself() -> None:
    """Retries are ours: ccxt's stay off, and its ping is no slower than our silence."""
    made = exchange("binance")._ccxt
    assert made.options["maxRetriesOnFailure"] == 0
    assert made.streaming["keepAlive"] == 30_000


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """ccxt is optional."""
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(ConfigError, match=r"pip install 'onepath\[live\]'"):
        exchange()


def test_what_an_exchange_does_not_stream_is_told() -> None:
    """An exchange without streams, and one without the kind."""
    with pytest.raises(ConfigError, match="btcbox has no streams in ccxt"):
        exchange("btcbox")
    with pytest.raises(ConfigError, match="ccxt streams no bars of coinbase; leave them out"):
        exchange("coinbase")


def answer(value: Any) -> Any:
    """A method of ccxt that answers `value`, or raises it."""

    async def call(*_: Any, **__: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return call


def run(work: Awaitable[Any]) -> Any:
    async def wait() -> Any:
        return await work

    return asyncio.run(wait())


def test_whatever_a_request_ends_in_is_one_error() -> None:
    """ccxt's own errors, and what it fails with when an answer is not what it expects."""
    made = exchange()
    library = made._library
    for error in (
        library.NetworkError("x"),
        library.ExchangeError("x"),
        KeyError("x"),
        TypeError("x"),
        ValueError("x"),
    ):
        made._ccxt.fetch_trades = answer(error)
        with pytest.raises(VenueError):
            run(made.trades("BTC/USD", 0))


@pytest.mark.parametrize(("header", "seconds"), [("30", 30.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0)])
def test_retry_after_is_read_where_it_is_too_much(header: str, seconds: float) -> None:
    """Of a 429, in seconds; of other errors it says nothing."""
    made = exchange()
    made._ccxt.last_response_headers = {"retry-after": header}
    made._ccxt.fetch_trades = answer(made._library.RateLimitExceeded("429"))
    with pytest.raises(VenueError) as caught:
        run(made.trades("BTC/USD", 0))
    assert caught.value.retry_after == seconds
    other = exchange()
    other._ccxt.last_response_headers = {"retry-after": header}
    other._ccxt.fetch_trades = answer(other._library.NetworkError("reset"))
    with pytest.raises(VenueError) as caught:
        run(other.trades("BTC/USD", 0))
    assert caught.value.retry_after == 0


def test_an_exchange_that_wants_it_is_left_alone() -> None:
    """After a Retry-After of 30 s no request at all goes out until it has passed, whoever asks."""
    made = exchange()

    async def scene() -> None:
        made._ccxt.last_response_headers = {"Retry-After": "30"}
        made._ccxt.fetch_trades = answer(made._library.DDoSProtection("418"))
        with pytest.raises(VenueError):
            await made.trades("BTC/USD", 0)
        made._ccxt.fetch_order_book = answer({"bids": [], "asks": []})
        with pytest.raises(VenueError, match="kraken wants to be left alone for") as caught:
            await made.book("BTC/USD")
        assert 29 < caught.value.retry_after <= 30
        made._alone_until = 0.0
        assert await made.book("BTC/USD") is not None

    run(scene())


TRADE = {"id": "x-1", "price": 100.5, "amount": 2.0, "side": "sell", "timestamp": 9}


def test_trades_in_the_order_of_time() -> None:
    """Without numbers the venue's time orders them; a side that is missing is unknown."""
    made = exchange()
    made._ccxt.fetch_trades = answer([{**TRADE, "timestamp": 11, "side": None}, TRADE])
    page = run(made.trades("BTC/USD", 5 * MS))
    assert page.events == [
        Trade("BTC/USD", 0, 100.5, 2.0, -1, 9 * MS),
        Trade("BTC/USD", 0, 100.5, 2.0, 0, 11 * MS),
    ]


@pytest.mark.parametrize(
    "change", [{"price": None}, {"price": float("nan")}, {"amount": -1}, {"timestamp": None}, {"price": "x"}]
)
def test_a_trade_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    """No price, no number, a negative size, no time."""
    with pytest.raises(UnreadableError):
        parsed.trade("x", "BTC/USD", {**TRADE, **change}, numbered=False)


def test_a_trade_without_its_number_is_refused_where_there_are_numbers() -> None:
    """Binance's have one."""
    with pytest.raises(UnreadableError):
        parsed.trade("x", "BTC/USD", TRADE, numbered=True)


def test_quotes() -> None:
    """Two sides in order, sizes where there are any; else there is none."""
    good = {"bid": 1, "ask": 2, "bidVolume": 3, "timestamp": 4}
    assert parsed.quote("BTC/USD", good) == Quote("BTC/USD", 0, 1.0, 2.0, 3.0, 0.0, 4 * MS)
    for change in ({"ask": None}, {"bid": 2}, {"askVolume": -1}, {"bid": "x"}, {"bid": float("nan")}):
        assert parsed.quote("BTC/USD", {**good, **change}) is None
    assert parsed.quote("BTC/USD", {}) is None


def test_a_quote_by_rest() -> None:
    """From the ticker, where there is no better; None where there is nothing."""
    made = exchange()
    made._ccxt.has["fetchBidsAsks"] = False
    made._ccxt.fetch_ticker = answer({"bid": 1, "ask": 2})
    assert run(made.quote("BTC/USD")) == Quote("BTC/USD", 0, 1.0, 2.0, 0.0, 0.0)
    made._ccxt.has["fetchTicker"] = False
    assert run(made.quote("BTC/USD")) is None


def test_books() -> None:
    """Whole, without ids; what is no book is refused."""
    made = exchange()
    made._ccxt.fetch_order_book = answer({"bids": [[1, 2, 3]], "asks": [], "timestamp": 4, "nonce": 77})
    assert run(made.book("BTC/USD")) == Depth("BTC/USD", 4 * MS, ((1.0, 2.0),), (), 0, 0, snapshot=True)
    for book in ({}, {"bids": None, "asks": []}, {"bids": [["x", 1]], "asks": []}):
        with pytest.raises(UnreadableError):
            parsed.depth("x", "BTC/USD", book, numbered=False)


def row(minute: int, close: float = 1.5) -> list[Any]:
    return [minute * 60_000, 1.0, 2.0, 0.5, close, None]


def rows(made: CcxtExchange, *found: list[Any], now: int) -> list[int]:
    """Minutes of the bars taken for closed, at a minute of the exchange's clock."""
    made._ccxt.fetch_time = answer(now * 60_000)
    made._ccxt.fetch_ohlcv = answer(list(found))
    page = run(made.bars("BTC/USD", None, 10))
    return [bar.start // MINUTE for bar in page.events]


def test_a_candle_is_closed_when_a_later_one_is_there_or_all_clocks_say_so() -> None:
    """Of minutes 1 to 3 the last has not ended at 3, and has at 4; an exchange without a clock is believed by ours."""
    made = exchange()
    made._ccxt.has["fetchTime"] = True
    assert rows(made, row(1), row(2), row(3), now=3) == [1, 2]
    assert rows(made, row(1), row(2), row(3), now=4) == [1, 2, 3]
    assert rows(made, row(2), row(1), now=2) == [1], "in whatever order they come"
    made._ccxt.has["fetchTime"] = False
    assert rows(made, row(1), row(2), now=0) == [1, 2]


def test_a_candle_that_cannot_be_is_refused() -> None:
    """A close above the high."""
    with pytest.raises(UnreadableError, match="has a bar of BTC/USD that cannot be"):
        parsed.bar("x", "BTC/USD", row(1, 99.0), MINUTE)


# -- what ccxt hands out, without a socket -------------------------------------------------------------------------------


class Notes:
    """An Ear that notes what it hears."""

    crowded = False

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def connected(self) -> None:
        self.heard.append("connected")

    def trade(self, trade: Trade) -> None:
        self.heard.append(trade)

    def bar(self, bar: Bar, *, closed: bool) -> None:
        self.heard.append((bar.start // MINUTE, closed))

    def quote(self, quote: Quote) -> None:
        self.heard.append(quote)

    def depth(self, depth: Depth) -> None:
        self.heard.append(depth)

    def bad(self, error: Exception) -> None:
        self.heard.append(type(error).__name__)

    async def room(self) -> None: ...


def answers(*values: Any) -> Any:
    """A method of ccxt that answers one after the other; what is an exception is raised."""
    left = list(values)

    async def call(*_: Any, **__: Any) -> Any:
        value = left.pop(0)
        if isinstance(value, BaseException):
            raise value
        return value

    return call


def heard(made: CcxtExchange, kind: str) -> tuple[list[Any], VenueError]:
    """What was heard until the connection ended, and how it ended."""
    notes = Notes()
    with pytest.raises(VenueError) as caught:
        run(made.listen([("BTC/USD", kind)], notes))
    return notes.heard, caught.value


def test_streams_as_ccxt_reads_them_until_they_end() -> None:
    """Good ones are handed on, those that cannot be are counted, the end is a VenueError in the library's words."""
    made = exchange(kinds=["trades", "bars", "quotes", "book"])
    lost = made._library.NetworkError("reset")
    made._ccxt.watch_trades = answers([TRADE, {"price": 1}, None], [TRADE], lost)
    trades, error = heard(made, "trades")
    assert [getattr(t, "price", t) for t in trades] == [100.5, "UnreadableError", "UnreadableError", 100.5]
    assert str(error) == "NetworkError: reset"
    made._ccxt.watch_ohlcv = answers([row(1), row(2)], [], [row(3, 99.0)], lost)
    assert heard(made, "bars")[0] == [(2, False), "UnreadableError"]
    ticker = {"bid": 1, "ask": 2}
    made._ccxt.watch_bids_asks = answers({"BTC/USD": ticker}, {}, {"BTC/USD": {"bid": 3, "ask": 2}}, lost)
    assert heard(made, "quotes")[0] == [Quote("BTC/USD", 0, 1.0, 2.0, 0.0, 0.0)]
    made._ccxt.has["watchBidsAsks"] = None
    made._ccxt.watch_ticker = answers(ticker, lost)
    assert heard(made, "quotes")[0] == [Quote("BTC/USD", 0, 1.0, 2.0, 0.0, 0.0)]
    book = {"bids": [[1, 1]] * 30, "asks": [[2, 1]] * 30}
    made._ccxt.watch_order_book = answers(book, {"bids": [["x", 1]], "asks": []}, lost)
    (depth, bad), _ = heard(made, "book")
    assert (len(depth.bids), len(depth.asks), bad) == (20, 20, "UnreadableError")


def test_however_ccxt_stops_it_is_one_error() -> None:
    """An error of its own making, a future that it cancelled."""
    made = exchange()
    made._ccxt.watch_trades = answers(KeyError("x"))
    assert str(heard(made, "trades")[1]) == "ccxt stopped at KeyError('x')"
    made._ccxt.watch_trades = answers(asyncio.CancelledError())
    assert str(heard(made, "trades")[1]) == "the socket was closed"


def test_being_cancelled_is_no_error_of_the_venue() -> None:
    """Who listens may be told to stop."""
    made = exchange()

    async def scene() -> None:
        made._ccxt.watch_trades = lambda *_: asyncio.sleep(60)
        listening = asyncio.ensure_future(made.listen([("BTC/USD", "trades")], Notes()))
        await asyncio.sleep(0.01)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening

    run(scene())


def test_messages_of_binance_reach_who_listens() -> None:
    """Its own symbols and interval, by the session's names; a stranger's and another interval's reach nobody."""
    made = exchange("binance", symbols=["BTC/USD"])
    notes = Notes()
    call = Call(notes, {"BTCUSD": "BTC/USD"})
    quote = '{"u":4,"s":"BTCUSD","b":"1","B":"1","a":"2","A":"1"}'
    candle = '{"t":60000,"T":119999,"i":"1m","o":"1","c":"1","h":"1","l":"1","v":"1","x":true}'
    kline = f'{{"e":"kline","E":1,"s":"BTCUSD","k":{candle}}}'
    change = '{"e":"depthUpdate","E":7,"s":"BTCUSD","U":1,"u":2,"b":[],"a":[]}'
    for text in (quote, quote.replace("BTCUSD", "ETHUSD"), kline, kline.replace("1m", "5m"), change):
        made._sockets._pass(call, decode(text))
    assert notes.heard == [
        Quote("BTC/USD", 0, 1.0, 2.0, 1.0, 1.0, 0, 4),
        (1, True),
        Depth("BTC/USD", 7 * MS, (), (), 1, 2),
    ]


class Client:
    """A client of ccxt whose handler fails at every frame, as theirs does at one that is no JSON."""

    url = "ws://there"
    last_message_at = 0

    def handle_message(self, message: Any) -> None:
        raise ZeroDivisionError(message.data)


def test_no_frame_ends_the_loop_that_reads() -> None:
    """Whatever ccxt's handler raises is counted with the frame's head; a ping's is not shown; ours is told as it is."""
    made = exchange("binance")
    notes, client = Notes(), Client()
    call = Call(notes, {})
    made._sockets._make_client = lambda _: client
    made._sockets._calls.append(call)
    token = _call.set(call)
    assert made._sockets._client("ws://there") is made._sockets._client("ws://there") is client
    _call.reset(token)
    assert call.clients == [client]
    for type_, data in (("TEXT", '{"result":null,"id":1}'), ("PING", b"x"), ("TEXT", "<html>")):
        client.handle_message(SimpleNamespace(type=SimpleNamespace(name=type_), data=data))
    assert notes.heard == ["connected", "UnreadableError", "UnreadableError", "connected", "UnreadableError"]
