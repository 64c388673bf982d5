"""The rules of the local venue's connections and requests: subscribing, pings, limits, ages, weights, errors, data's end."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import pytest
from pyarrow import parquet

from onepath.data.catalogue import SAMPLES
from onepath.errors import ConfigError
from onepath.localvenue import LocalVenue, Terms

COLUMNS = ("price", "size", "aggressor")


@pytest.fixture(scope="module")
def venue() -> Iterator[LocalVenue]:
    with LocalVenue("generated", symbols=2, seed=1, history="5m") as opened:
        yield opened


def talk(venue: LocalVenue, path: str, work: Callable[[Any], Awaitable[Any]], *, pongs: bool = True) -> Any:
    """What `work` makes of a socket on that path; at most 30 s."""

    async def run() -> Any:
        async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url + path, autoping=pongs) as wire:
            return await asyncio.wait_for(work(wire), 30)

    return asyncio.run(run())


async def answer(wire: Any, asked: Any) -> Any:
    """The reply to a request, past what streams say meanwhile."""
    await wire.send_str(asked if isinstance(asked, str) else json.dumps(asked))
    while True:
        told = json.loads((await wire.receive()).data)
        if "result" in told or "code" in told:
            return told


def get(venue: LocalVenue, path: str) -> tuple[int, Any, Any]:
    """Status, headers, JSON."""
    try:
        with urlopen(venue.url + path) as answered:
            return answered.status, answered.headers, json.load(answered)
    except HTTPError as error:
        with error:
            return error.code, error.headers, json.loads(error.read())


# -- subscribing ------------------------------------------------------------------------------------------------------


def test_subscribing(venue: LocalVenue) -> None:
    """SUBSCRIBE, LIST_SUBSCRIPTIONS, UNSUBSCRIBE answer {"result", "id"}; after UNSUBSCRIBE the stream is silent."""

    async def work(wire: Any) -> None:
        names = ["btcusdt@trade", "ethusdt@trade"]
        assert await answer(wire, {"method": "SUBSCRIBE", "params": names, "id": 1}) == {"result": None, "id": 1}
        assert await answer(wire, {"method": "LIST_SUBSCRIPTIONS", "id": "two"}) == {"result": names, "id": "two"}
        asked = {"method": "UNSUBSCRIBE", "params": names[:1], "id": 3}
        assert await answer(wire, asked) == {"result": None, "id": 3}
        said = [json.loads((await wire.receive()).data) for _ in range(4)]
        assert {message["s"] for message in said} == {"ETHUSDT"}

    talk(venue, "/ws", work)


def test_combined_is_a_property(venue: LocalVenue) -> None:
    """Raw on /ws, wrapped on /stream, and SET_PROPERTY changes it."""

    async def work(wire: Any) -> None:
        assert json.loads((await wire.receive()).data)["s"] == "BTCUSDT"
        assert await answer(wire, {"method": "GET_PROPERTY", "params": ["combined"], "id": 1}) == {
            "result": False,
            "id": 1,
        }
        asked = {"method": "SET_PROPERTY", "params": ["combined", True], "id": 2}
        assert await answer(wire, asked) == {"result": None, "id": 2}
        assert json.loads((await wire.receive()).data)["stream"] == "btcusdt@trade"

    talk(venue, "/ws/btcusdt@trade", work)


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ("{no", 3, "Invalid JSON"),
        ({"params": [], "id": 1}, 2, "missing field `method`"),
        ({"method": "SHOUT", "id": 1}, 2, "unknown variant `SHOUT`, expected one of `SUBSCRIBE`"),
        ({"method": "SUBSCRIBE", "params": ["x"], "id": [1]}, 2, "request ID must be"),
        ({"method": "SET_PROPERTY", "params": ["colour", True], "id": 1}, 0, "Unknown property"),
        ({"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}, 1, "expected Boolean"),
        ({"method": "SET_PROPERTY", "params": [1, True], "id": 1}, 2, "property name must be a string"),
        ({"method": "GET_PROPERTY", "params": ["combined", True], "id": 1}, 2, "too many parameters"),
    ],
)
def test_requests_that_are_wrong(venue: LocalVenue, asked: Any, code: int, words: str) -> None:
    """Each is answered by the documented code and words, and the connection stays."""

    async def work(wire: Any) -> None:
        told = await answer(wire, asked)
        assert told["code"] == code
        assert words in told["msg"]
        assert (await answer(wire, {"method": "LIST_SUBSCRIPTIONS", "id": 9})) == {"result": [], "id": 9}

    talk(venue, "/ws", work)


def test_a_name_that_means_nothing_is_silent(venue: LocalVenue) -> None:
    """Unknown symbols, streams and capitals are taken, as at the venue, and never say anything."""

    async def work(wire: Any) -> None:
        names = ["nosuch@trade", "btcusdt@weather", "BTCUSDT@trade", "btcusdt@kline_7m"]
        assert (await answer(wire, {"method": "SUBSCRIBE", "params": names, "id": 1}))["result"] is None
        with pytest.raises(TimeoutError):
            await wire.receive(timeout=1)

    talk(venue, "/ws", work)


def test_every_stream_speaks(venue: LocalVenue) -> None:
    """Each kind of stream the page lists says something within seconds, under its own name."""
    names = [
        "trade",
        "aggTrade",
        "bookTicker",
        "kline_1s",
        "kline_1m",
        "depth",
        "depth@100ms",
        "depth@1000ms",
        "depth5",
    ]
    names += ["depth10@100ms", "depth20@1000ms", "ticker", "miniTicker", "avgPrice"]
    wanted = {f"btcusdt@{name}" for name in names} | {"!ticker@arr", "!miniTicker@arr"}

    async def work(wire: Any) -> None:
        seen: dict[str, Any] = {}
        while seen.keys() != wanted:
            message = json.loads((await wire.receive()).data)
            seen.setdefault(message["stream"], message["data"])
        assert [one["s"] for one in seen["!ticker@arr"]] == ["BTCUSDT", "ETHUSDT"]
        assert len(seen["btcusdt@depth20@1000ms"]["asks"]) == 20
        assert seen["btcusdt@kline_1m"]["k"]["i"] == "1m"

    talk(venue, f"/stream?streams={'/'.join(sorted(wanted))}", work)


# -- life of a connection ---------------------------------------------------------------------------------------------


def test_pings_come_and_want_their_payload_back() -> None:
    """With pings every 0.3 s and 1.5 s of patience: a client that echoes stays, one that sends another payload is dropped."""
    with LocalVenue("generated", terms=Terms(ping_every=0.3, pong_within=1.5, inbound_per_second=50)) as venue:

        async def echoes(wire: Any) -> int:
            pings = 0
            while pings < 7:
                message = await wire.receive()
                assert message.type == aiohttp.WSMsgType.PING
                pings += 1
                await wire.pong(message.data)
            return pings

        async def answers_wrongly(wire: Any) -> Any:
            while True:
                message = await wire.receive()
                if message.type != aiohttp.WSMsgType.PING:
                    return message
                await wire.pong(b"here")

        assert talk(venue, "/ws", echoes, pongs=False) == 7
        ended = talk(venue, "/ws", answers_wrongly, pongs=False)
        assert (ended.type, ended.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        assert venue.status()["ended"] == {"Pong timeout": 1}


def test_a_connection_has_an_age() -> None:
    """With a life of 1 s and 0.5 s of notice: serverShutdown, then the close frame; wrapped it is stream !serverShutdown."""
    with LocalVenue("generated", terms=Terms(lifetime=1.0, notice=0.5)) as venue:

        async def work(wire: Any) -> list[Any]:
            return [await wire.receive(), await wire.receive()]

        for path, stream in (("/ws", None), ("/stream?streams=nosuch@trade", "!serverShutdown")):
            told, ended = talk(venue, path, work)
            message = json.loads(told.data)
            assert message.get("stream") == stream
            assert (message.get("data") or message)["e"] == "serverShutdown"
            assert (ended.type, ended.data) == (aiohttp.WSMsgType.CLOSE, 1001)


def test_five_messages_a_second(venue: LocalVenue) -> None:
    """Five messages at once are answered and the connection stays; a sixth within the second ends it."""

    async def five(wire: Any) -> Any:
        for number in range(5):
            await wire.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        told = [json.loads((await wire.receive()).data)["id"] for _ in range(5)]
        await asyncio.sleep(1.2)
        return told, await answer(wire, {"method": "LIST_SUBSCRIPTIONS", "id": 9})

    async def six(wire: Any) -> Any:
        for number in range(6):
            await wire.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        while (message := await wire.receive()).type == aiohttp.WSMsgType.TEXT:
            pass
        return message

    assert talk(venue, "/ws", five) == ([0, 1, 2, 3, 4], {"result": [], "id": 9})
    ended = talk(venue, "/ws", six)
    assert (ended.type, ended.data) == (aiohttp.WSMsgType.CLOSE, 1008)


def test_1024_streams(venue: LocalVenue) -> None:
    """1,024 streams are taken, one more is refused, and the connection stays."""

    async def work(wire: Any) -> None:
        names = [f"coin{number}@trade" for number in range(1025)]
        assert (await answer(wire, {"method": "SUBSCRIBE", "params": names[:1024], "id": 1}))["result"] is None
        assert (await answer(wire, {"method": "SUBSCRIBE", "params": names[1024:], "id": 2}))["code"] == 2
        assert len((await answer(wire, {"method": "LIST_SUBSCRIPTIONS", "id": 3}))["result"]) == 1024

    talk(venue, "/ws", work)


def test_so_many_dials() -> None:
    """With three connections allowed in five minutes, the fourth is answered 429."""
    with LocalVenue("generated", terms=Terms(connections_per_5m=3)) as venue:

        async def work(wire: Any) -> None:
            await wire.close()

        for _ in range(3):
            talk(venue, "/ws", work)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            talk(venue, "/ws", work)
        assert refused.value.status == 429


def test_a_client_that_does_not_read_is_dropped() -> None:
    """With 100 kB of patience a client that reads nothing of 5,000 trades a second is cut."""
    with LocalVenue(flood=5_000, terms=Terms(unread=100_000)) as venue, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(("127.0.0.1", venue.port))
        deaf.sendall(
            b"GET /ws/btcusdt@trade/btcusdt@aggTrade HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        while not venue.status()["ended"]:
            time.sleep(0.05)
        assert venue.status()["ended"] == {"slow reader": 1}


# -- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("trades", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ("trades?symbol=NOSUCH", -1121, "Invalid symbol."),
        ("trades?symbol=btc%20usdt", -1100, "Illegal characters found in parameter 'symbol'"),
        ("trades?symbol=BTCUSDT&limit=many", -1100, "Illegal characters found in parameter 'limit'"),
        ("trades?symbol=BTCUSDT&limit=0", -1130, "Data sent for parameter 'limit' is not valid."),
        ("trades?symbol=BTCUSDT&limit=", -1105, "Parameter 'limit' was empty."),
        ('exchangeInfo?symbols={"a":1}', -1100, "Illegal characters found in parameter 'symbols'"),
        ("ticker/24hr?symbol=BTCUSDT&type=HUGE", -1139, "Invalid ticker type."),
        ("klines?symbol=BTCUSDT", -1102, "Mandatory parameter 'interval'"),
        ("klines?symbol=BTCUSDT&interval=7m", -1120, "Invalid interval."),
        ("exchangeInfo?symbols=BTCUSDT", -1100, "Illegal characters found in parameter 'symbols'"),
        ('exchangeInfo?symbols=["NOSUCH"]', -1121, "Invalid symbol."),
        ("ticker/price?symbol=BTCUSDT&symbols=[]", -1128, "Combination of optional parameters invalid."),
    ],
)
def test_requests_that_are_refused(venue: LocalVenue, path: str, code: int, words: str) -> None:
    """Status 400 with the documented code and words."""
    status, _, body = get(venue, f"/api/v3/{path}")
    assert (status, body["code"]) == (400, code)
    assert body["msg"].startswith(words)


def test_tickers(venue: LocalVenue) -> None:
    """ticker/24hr whole and MINI, of one, of several and of all symbols: the last price is the last trade's, the change is from
    the first; ticker/price and bookTicker likewise. What the venue does not have is 404."""
    status, _, one = get(venue, "/api/v3/ticker/24hr?symbol=BTCUSDT")
    deals = venue.truth("BTCUSDT", 1, one["count"])
    assert (status, one["firstId"], one["lastId"]) == (200, 1, len(deals))
    assert float(one["lastPrice"]) == deals[-1].price / 1e8
    assert round(float(one["priceChange"]) * 1e8) == deals[-1].price - deals[0].price
    assert float(one["highPrice"]) == max(deal.price for deal in deals) / 1e8
    assert round(float(one["volume"]) * 1e8) == sum(deal.quantity for deal in deals)
    mean = sum(deal.price * deal.quantity for deal in deals) / sum(deal.quantity for deal in deals)
    assert abs(float(one["weightedAvgPrice"]) * 1e8 - mean) <= 1
    _, _, mini = get(venue, "/api/v3/ticker/24hr?type=MINI")
    assert [row["symbol"] for row in mini] == ["BTCUSDT", "ETHUSDT"]
    assert set(mini[0]) < set(one)
    _, _, two = get(venue, '/api/v3/ticker/price?symbols=["ETHUSDT","BTCUSDT"]')
    assert [row["symbol"] for row in two] == ["ETHUSDT", "BTCUSDT"]
    _, _, tops = get(venue, "/api/v3/ticker/bookTicker")
    assert all(float(row["bidPrice"]) < float(row["askPrice"]) for row in tops)
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{venue.url}/api/v3/order")
    with refused.value as page:
        assert page.code == 404


def test_a_python_that_is_not_inside() -> None:
    """Before its with block the venue answers with one sentence; periods of nothing are refused."""
    with pytest.raises(ConfigError, match="inside its with block"):
        LocalVenue("generated").status()
    with pytest.raises(ConfigError, match="ping_every of the local venue is 0"):
        Terms(ping_every=0)


def test_weights_add_up() -> None:
    """ping 1, time 1, exchangeInfo 20, klines 2, depth 5 and 250 by limit, trades 25, aggTrades 4, tickers 2, 4, 80: said in
    the header; over the limit 429 with Retry-After to the minute's end, half as much again 418 for two minutes."""
    with LocalVenue("generated", terms=Terms(weight_per_minute=500)) as venue:
        used = 0
        for path, weight in (
            *(("ping", 1), ("time", 1), ("exchangeInfo", 20), ("klines?symbol=BTCUSDT&interval=1m", 2)),
            *(("depth?symbol=BTCUSDT", 5), ("depth?symbol=BTCUSDT&limit=5000", 250), ("trades?symbol=BTCUSDT", 25)),
            *(
                ("aggTrades?symbol=BTCUSDT", 4),
                ("ticker/price?symbol=BTCUSDT", 2),
                ("ticker/price", 4),
                ("ticker/24hr", 80),
            ),
        ):
            status, headers, _ = get(venue, f"/api/v3/{path}")
            fresh = int(headers["X-MBX-USED-WEIGHT-1M"]) == weight  # a new minute may have begun
            used = weight if fresh else used + weight
            assert (status, int(headers["X-MBX-USED-WEIGHT-1M"])) == (200, used)
        seen = []
        while 418 not in seen:
            status, headers, body = get(venue, "/api/v3/depth?symbol=BTCUSDT&limit=5000")
            seen.append(status)
            if status == 429:
                assert (body["code"], 0 < int(headers["Retry-After"]) <= 60) == (-1003, True)
        assert 429 in seen
        assert 100 < int(headers["Retry-After"]) <= 120
        assert body["msg"].startswith("Way too much request weight used; IP banned until ")


def test_pages_of_history(venue: LocalVenue) -> None:
    """klines with startTime, endTime and limit; the last row of now is the running candle; aggTrades by time and id."""
    now = get(venue, "/api/v3/time")[2]["serverTime"]
    _, _, rows = get(venue, "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=3")
    assert [row[0] for row in rows] == [rows[-1][0] - 120_000, rows[-1][0] - 60_000, rows[-1][0]]
    assert rows[-1][0] <= now + 60_000 and rows[-1][6] == rows[-1][0] + 59_999
    begin = rows[0][0]
    _, _, page = get(venue, f"/api/v3/klines?symbol=BTCUSDT&interval=1s&startTime={begin}&endTime={begin + 4_999}")
    assert [row[0] for row in page] == [begin + 1000 * i for i in range(5)]
    assert all(len(row) == 12 for row in page)
    _, _, groups = get(venue, f"/api/v3/aggTrades?symbol=BTCUSDT&startTime={begin}&endTime={begin + 59_999}&limit=1000")
    assert all(begin <= group["T"] < begin + 60_000 for group in groups)
    assert sum(group["l"] - group["f"] + 1 for group in groups) == rows[0][8]
    _, _, again = get(venue, f"/api/v3/aggTrades?symbol=BTCUSDT&fromId={groups[3]['a']}&limit=2")
    assert again == groups[3:5]
    deals = venue.truth("BTCUSDT")
    _, _, told = get(venue, "/onepath/truth?symbol=BTCUSDT&fromId=5")
    assert [one["id"] for one in told][:3] == [5, 6, 7]
    assert told[0]["time"] == deals[4].at


def test_data_come_to_their_end_or_begin_again() -> None:
    """109 s of data at speed 100: with loop=False the trades of the file, no more; else they begin again, ids and times go on."""
    table = parquet.read_table(SAMPLES / "btcusdt_quotes" / "BTCUSDT.trades.parquet").to_pydict()
    once = [(round(p * 1e8), round(s * 1e8), a > 0) for p, s, a in zip(*map(table.get, COLUMNS), strict=True)]  # type: ignore[call-overload]
    with LocalVenue("btcusdt_quotes", speed=100, loop=False) as venue:
        wait_for(venue, len(once))
        time.sleep(0.2)
        assert [deal[2:] for deal in venue.truth("BTCUSDT")] == once
    with LocalVenue("btcusdt_quotes", speed=100, history=0.9) as venue:
        wait_for(venue, len(once) + 100)
        looped = venue.truth("BTCUSDT")
    assert [deal[2:] for deal in looped] == (once * 9)[: len(looped)]
    assert [deal.number for deal in looped] == list(range(1, len(looped) + 1))
    assert all(a.at <= b.at for a, b in pairwise(looped))


def wait_for(venue: LocalVenue, count: int) -> None:
    """Until so many have traded; 30 s at most."""
    patience = time.monotonic() + 30
    while len(venue.truth("BTCUSDT")) < count:
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_the_control_page(venue: LocalVenue) -> None:
    """A fault that is none is answered 400 with one sentence; a good one is listed."""
    for body, words in ((b"{", "no JSON"), (b'{"kind": "mud"}', "unknown"), (b'{"kind": "mute", "secs": 1}', "secs")):
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(f"{venue.url}/onepath/faults", data=body, method="POST"))
        with refused.value as page:
            assert page.code == 400
            assert words in json.load(page)["error"]
    wish = json.dumps([{"kind": "429", "count": 1, "path": "avgPrice"}]).encode()
    with urlopen(Request(f"{venue.url}/onepath/faults", data=wish, method="POST")) as told:
        assert json.load(told)["active"] == [{"kind": "429", "count": 1, "path": "avgPrice", "hit": 0}]
    with urlopen(Request(f"{venue.url}/onepath/faults", method="DELETE")) as told:
        assert json.load(told)["active"] == []


def test_a_port_that_is_taken() -> None:
    """One sentence that says what to do."""
    with (
        LocalVenue("generated", history="1m") as venue,
        pytest.raises(ConfigError, match=rf"port {venue.port} .* choose another"),
        LocalVenue("generated", port=venue.port),
    ):
        pass
