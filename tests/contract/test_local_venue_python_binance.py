"""python-binance, unchanged, against the local venue: what it got is what was traded. Only addresses are replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from onepath.localvenue import Deal, LocalVenue

binance = pytest.importorskip("binance")
ONE = 100_000_000


@pytest.fixture(scope="module")
def venue() -> Iterator[LocalVenue]:
    with LocalVenue("generated", symbols=["BTCUSDT", "ETHUSDT"], seed=5, history="10m") as opened:
        yield opened


def using(venue: LocalVenue, work: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        made = binance.AsyncClient()
        made.API_URL = f"{venue.url}/api"
        sockets = binance.BinanceSocketManager(made, max_queue_size=5_000)
        sockets.STREAM_URL = f"{venue.ws_url}/"
        try:
            return await asyncio.wait_for(work(made, sockets), 20)
        finally:
            await made.close_connection()

    return asyncio.run(run())


def number(text: str) -> int:
    """A venue's text with eight decimals, in units."""
    whole, _, part = text.partition(".")
    assert len(part) == 8
    return int(whole) * ONE + int(part)


def test_rest(venue: LocalVenue) -> None:
    """ping, server time, exchange info, symbol info, trades, historical and aggregate trades, klines, tickers, average."""

    async def work(made: Any, _: Any) -> Any:
        assert await made.ping() == {}
        info = await made.get_exchange_info()
        assert [one["symbol"] for one in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
        assert (await made.get_symbol_info("ETHUSDT"))["baseAsset"] == "ETH"
        assert set(await made.get_orderbook_ticker(symbol="ETHUSDT")) == {
            *("symbol", "bidPrice", "bidQty", "askPrice", "askQty")
        }
        assert len(await made.get_all_tickers()) == 2
        assert (await made.get_avg_price(symbol="ETHUSDT"))["mins"] == 5
        assert (await made.get_ticker(symbol="ETHUSDT"))["symbol"] == "ETHUSDT"
        return (
            await made.get_historical_trades(symbol="ETHUSDT", fromId=11, limit=5),
            await made.get_aggregate_trades(symbol="ETHUSDT", fromId=1, limit=50),
            await made.get_klines(symbol="ETHUSDT", interval="1m", limit=4),
        )

    trades, groups, klines = using(venue, work)
    deals = venue.truth("ETHUSDT")
    assert [(t["id"], t["time"], number(t["price"]), number(t["qty"]), not t["isBuyerMaker"]) for t in trades] == [
        tuple(deal) for deal in deals[10:15]
    ]
    assert [group["a"] for group in groups] == list(range(1, 51))
    assert all(group["f"] == before["l"] + 1 for before, group in pairwise(groups))
    assert any(group["l"] > group["f"] for group in groups)
    for row in klines[:-1]:
        check_candle(row[0], row[6], [*map(number, row[1:6])], row[8], deals)


def check_candle(start: int, end: int, figures: list[int], count: int, deals: list[Deal]) -> None:
    """Open, high, low, close, volume and count are those of the trades from start to end, inclusive."""
    inside = [deal for deal in deals if start <= deal.at <= end]
    prices = [deal.price for deal in inside]
    volume = sum(deal.quantity for deal in inside)
    assert figures == [prices[0], max(prices), min(prices), prices[-1], volume]
    assert count == len(inside)


def test_trade_socket(venue: LocalVenue) -> None:
    """Every message is the next true trade."""

    async def work(_: Any, sockets: Any) -> Any:
        async with sockets.trade_socket("BTCUSDT") as socket:
            return [await socket.recv() for _ in range(12)]

    got = using(venue, work)
    first = got[0]["t"]
    assert [(m["t"], m["T"], number(m["p"]), number(m["q"]), not m["m"]) for m in got] == [
        tuple(deal) for deal in venue.truth("BTCUSDT", first, 12)
    ]


def test_kline_socket(venue: LocalVenue) -> None:
    """Of three one-second candles each is closed exactly once, and then is that of the true trades."""

    async def work(_: Any, sockets: Any) -> Any:
        got = []
        async with sockets.kline_socket("BTCUSDT", interval="1s") as socket:
            while sum(message["k"]["x"] for message in got) < 4:
                got.append(await socket.recv())
        return got

    got = using(venue, work)
    closed = [message["k"] for message in got if message["k"]["x"]]
    assert [k["t"] for k in closed] == list(range(closed[0]["t"], closed[0]["t"] + 4000, 1000))
    deals = venue.truth("BTCUSDT")
    busy = [k for k in closed if k["n"]]
    assert busy
    for k in busy:
        check_candle(k["t"], k["T"], [number(k[letter]) for letter in "ohlcv"], k["n"], deals)


def test_depth_cache(venue: LocalVenue) -> None:
    """The depth cache manager keeps a book from the snapshot and the 100 ms changes: never crossed, sides whole."""

    async def work(made: Any, sockets: Any) -> Any:
        seen = []
        async with binance.DepthCacheManager(made, "BTCUSDT", bm=sockets, ws_interval=100) as manager:
            for _ in range(15):
                cache = await manager.recv()
                seen.append((cache.get_bids()[0], cache.get_asks()[0], len(cache.get_bids()), len(cache.get_asks())))
        return seen

    for bid, ask, bids, asks in using(venue, work):
        assert bid[0] < ask[0]
        assert (bids, asks) == (25, 25)


def test_multiplex_socket(venue: LocalVenue) -> None:
    """A combined connection wraps each message with its stream's name."""

    async def work(_: Any, sockets: Any) -> Any:
        names = ["btcusdt@trade", "ethusdt@bookTicker", "ethusdt@aggTrade", "btcusdt@depth5@100ms"]
        seen: dict[str, Any] = {}
        async with sockets.multiplex_socket(names) as socket:
            while len(seen) < 4:
                message = await socket.recv()
                seen[message["stream"]] = message["data"]
        return seen

    seen = using(venue, work)
    assert seen["btcusdt@trade"]["s"] == "BTCUSDT"
    assert "e" not in seen["ethusdt@bookTicker"]
    assert len(seen["btcusdt@depth5@100ms"]["bids"]) == 5
