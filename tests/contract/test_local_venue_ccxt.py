"""ccxt, unchanged, against the local venue: what it got is what was traded. Only addresses are replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import accumulate
from typing import Any

import pytest

from onepath.localvenue import Deal, LocalVenue

ccxt = pytest.importorskip("ccxt.pro")
SYMBOL = "BTC/USDT"
ONE = 100_000_000


@pytest.fixture(scope="module")
def venue() -> Iterator[LocalVenue]:
    """Recorded quotes and trades of BTCUSDT at their own pace."""
    with LocalVenue("btcusdt_quotes", speed=1, history="30s") as opened:
        yield opened


def client(venue: LocalVenue) -> Any:
    exchange = ccxt.binance(
        {
            "apiKey": "unused",
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
        }
    )
    for name in ("public", "private", "v1"):
        exchange.urls["api"][name] = f"{venue.url}/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"{venue.ws_url}/stream/ws"
    return exchange


def using(venue: LocalVenue, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        exchange = client(venue)
        try:
            return await asyncio.wait_for(work(exchange), 15)
        finally:
            await exchange.close()

    return asyncio.run(run())


def told(trade: dict[str, Any]) -> tuple[int, int, float, float, str]:
    return int(trade["id"]), trade["timestamp"], trade["price"], trade["amount"], trade["side"]


def true(deal: Deal) -> tuple[int, int, float, float, str]:
    side = "buy" if deal.bought else "sell"
    return deal.number, deal.at, deal.price / ONE, deal.quantity / ONE, side


def candle(deals: list[Deal], start: int, length: int) -> list[float]:
    """The candle of the trades in [start, start + length), reckoned here."""
    inside = [deal for deal in deals if start <= deal.at < start + length]
    prices = [deal.price / ONE for deal in inside]
    volume = sum(deal.quantity for deal in inside) / ONE
    return [start, prices[0], max(prices), min(prices), prices[-1], volume]


def test_markets(venue: LocalVenue) -> None:
    """load_markets finds the symbol with the increments of the data: price by 0.1, amount by 0.001."""
    markets = using(venue, lambda exchange: exchange.load_markets())
    assert list(markets) == [SYMBOL]
    market = markets[SYMBOL]
    assert (market["id"], market["base"], market["quote"], market["spot"], market["active"]) == (
        *("BTCUSDT", "BTC", "USDT"),
        *(True, True),
    )
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 0.001)
    assert market["limits"]["cost"]["min"] == 5.0


def test_candles_by_rest(venue: LocalVenue) -> None:
    """fetch_ohlcv: every closed one-second candle with trades is that of the true trades, and their times are contiguous."""
    rows = using(venue, lambda exchange: exchange.fetch_ohlcv(SYMBOL, "1s", limit=10))
    deals = venue.truth("BTCUSDT")
    assert [row[0] for row in rows] == list(range(rows[0][0], rows[0][0] + 10_000, 1000))
    busy = [row for row in rows[:-1] if row[5]]
    assert len(busy) >= 5
    assert busy == [candle(deals, row[0], 1000) for row in busy]


def test_trades_by_rest(venue: LocalVenue) -> None:
    """fetch_trades from an id, and since a time (as groups), are the true trades from there on."""

    async def work(exchange: Any) -> Any:
        await exchange.load_markets()
        numbered = await exchange.fetch_trades(
            SYMBOL, limit=50, params={"fromId": 101, "fetchTradesMethod": "publicGetHistoricalTrades"}
        )
        return numbered, await exchange.fetch_trades(SYMBOL, since=numbered[0]["timestamp"], limit=20)

    numbered, grouped = using(venue, work)
    deals = venue.truth("BTCUSDT")
    assert [told(trade) for trade in numbered] == [true(deal) for deal in deals[100:150]]
    first = next(deal for deal in deals if deal.at >= numbered[0]["timestamp"])
    assert (
        min(int(group["info"]["f"]) for group in grouped) == first.number
    )  # ccxt orders those of one ms by id as text
    for group in grouped:
        members = deals[int(group["info"]["f"]) - 1 : int(group["info"]["l"])]
        assert {(deal.at, deal.price / ONE) for deal in members} == {(group["timestamp"], group["price"])}
        assert sum(deal.quantity for deal in members) == round(group["amount"] * ONE)


def test_trades_by_stream(venue: LocalVenue) -> None:
    """watch_trades brings every trade from the first on, without a hole, as it was."""

    async def work(exchange: Any) -> Any:
        exchange.newUpdates = True
        got: list[Any] = []
        while len(got) < 60:
            got += await exchange.watch_trades(SYMBOL)
        return got

    got = [told(trade) for trade in using(venue, work)]
    first = got[0][0]
    assert got == [true(deal) for deal in venue.truth("BTCUSDT", first, len(got))]


def test_candles_by_stream(venue: LocalVenue) -> None:
    """watch_ohlcv: a candle that a later one has followed is that of the true trades."""

    async def work(exchange: Any) -> Any:
        rows: dict[int, list[float]] = {}
        while len(rows) < 3:
            for row in await exchange.watch_ohlcv(SYMBOL, "1s"):
                rows[row[0]] = list(row)
        return list(rows.values())[:-1]

    closed = using(venue, work)
    deals = venue.truth("BTCUSDT")
    busy = [row for row in closed if row[5]]
    assert busy
    assert busy == [candle(deals, row[0], 1000) for row in busy]


def test_book(venue: LocalVenue) -> None:
    """fetch_order_book and watch_order_book: never crossed, at least twenty levels, and equal where their update ids are."""

    async def work(exchange: Any) -> Any:
        kept: dict[int, Any] = {}
        for _ in range(8):
            book = await exchange.watch_order_book(SYMBOL)
            kept[book["nonce"]] = (book["bids"][0], book["asks"][0], len(book["bids"]), len(book["asks"]))
        return kept, await exchange.fetch_order_book(SYMBOL, 1000)

    kept, whole = using(venue, work)
    assert len(kept) == 8
    for bid, ask, bids, asks in kept.values():
        assert bid[0] < ask[0]
        assert min(bids, asks) >= 20
    assert [*whole["bids"]] == sorted(whole["bids"], reverse=True)
    assert whole["bids"][0][0] < whole["asks"][0][0]


def test_quotes_by_stream(venue: LocalVenue) -> None:
    """watch_bids_asks: bid below ask, with sizes, update ids that only grow."""

    async def work(exchange: Any) -> Any:
        return [(await exchange.watch_bids_asks([SYMBOL]))[SYMBOL] for _ in range(20)]

    seen = using(venue, work)
    assert all(quote["bid"] < quote["ask"] and quote["bidVolume"] > 0 and quote["askVolume"] > 0 for quote in seen)
    numbers = [quote["info"]["u"] for quote in seen]
    assert numbers == sorted(set(numbers))


def test_tickers(venue: LocalVenue) -> None:
    """fetch_ticker and watch_ticker: the last price is that of a true trade, volume that of all of them."""

    async def work(exchange: Any) -> Any:
        return await exchange.fetch_ticker(SYMBOL), await exchange.watch_ticker(SYMBOL)

    fetched, watched = using(venue, work)
    deals = venue.truth("BTCUSDT")
    volumes = list(accumulate(deal.quantity for deal in deals))
    for ticker in (fetched, watched):
        count = volumes.index(round(ticker["baseVolume"] * ONE)) + 1
        assert ticker["last"] == deals[count - 1].price / ONE
    assert volumes[fetched["info"]["count"] - 1] == round(fetched["baseVolume"] * ONE)


def test_errors(venue: LocalVenue) -> None:
    """BadSymbol, BadRequest for an interval that is none, DDoSProtection for 429, ExchangeNotAvailable for 502."""

    async def work(exchange: Any) -> None:
        await exchange.load_markets()
        with pytest.raises(ccxt.BadSymbol):
            await exchange.publicGetTickerPrice({"symbol": "NOSUCH"})
        with pytest.raises(ccxt.BadRequest):
            await exchange.publicGetKlines({"symbol": "BTCUSDT", "interval": "7m"})
        venue.inject("429")
        with pytest.raises(ccxt.DDoSProtection):
            await exchange.fetch_time()
        venue.inject("5xx", variant="502")
        with pytest.raises(ccxt.ExchangeNotAvailable):
            await exchange.fetch_time()
        assert abs(await exchange.fetch_time() - exchange.milliseconds()) < 1000

    using(venue, work)


def test_a_cut_is_noticed_and_dialled_again(venue: LocalVenue) -> None:
    """After a reset ccxt raises one NetworkError, and goes on with the next call."""

    async def work(exchange: Any) -> Any:
        before = await exchange.watch_trades(SYMBOL)
        venue.inject("cut")
        with pytest.raises(ccxt.NetworkError):
            for _ in range(1000):
                await exchange.watch_trades(SYMBOL)
        return before, await exchange.watch_trades(SYMBOL)

    before, after = using(venue, work)
    assert int(after[-1]["id"]) > int(before[-1]["id"])
