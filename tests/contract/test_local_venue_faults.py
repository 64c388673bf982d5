"""Every fault of the local venue really happens on the wire, to whom it is meant for, as often as it says, and is counted."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import pytest

from onepath.errors import ConfigError
from onepath.localvenue import LocalVenue
from onepath.localvenue.faults import KINDS
from onepath.localvenue.spoiling import SPOILED

RATE = 100
"""trades a second, at equal distances"""
PATH = "/ws/btcusdt@trade"


@pytest.fixture
def venue() -> Iterator[LocalVenue]:
    with LocalVenue(flood=RATE, seed=3) as opened:
        yield opened


class Heard:
    """What came, when, and how it ended."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.moments: list[float] = []
        self.ended = ""

    @property
    def ids(self) -> list[int]:
        return [json.loads(text)["t"] for text in self.texts]


def hear(venue: LocalVenue, fault: str, messages: int, path: str = PATH, **terms: Any) -> Heard:
    """Listen, inject after five messages, and listen to so many more or to the end, 4 s at most."""
    heard = Heard()

    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url + path) as wire:
            begun = False
            while len(heard.texts) < messages + 5:
                if fault and len(heard.texts) == 5 and not begun:
                    begun = True
                    await asyncio.to_thread(venue.inject, fault, **terms)
                message = await wire.receive(timeout=4)
                if message.type != aiohttp.WSMsgType.TEXT:
                    heard.ended = message.type.name
                    return
                heard.texts.append(message.data)
                heard.moments.append(time.monotonic())

    asyncio.run(run())
    return heard


def status(url: str) -> int:
    with urlopen(url) as told:
        return int(told.status)


def hits(venue: LocalVenue, kind: str) -> int:
    return int(venue.status()["faults"]["hit"].get(kind, 0))


def test_mute(venue: LocalVenue) -> None:
    """For half a second nothing comes; what was said meanwhile (some 50 trades) is lost on the stream, REST has it."""
    heard = hear(venue, "mute", 20, seconds=0.5)
    (index, hole), *others = [(i, b - a) for i, (a, b) in enumerate(pairwise(heard.ids)) if b != a + 1]
    assert not others
    assert 40 <= hole <= 120
    assert hole - 1 == hits(venue, "mute")
    assert 0.4 < heard.moments[index + 1] - heard.moments[index] < 3
    last = heard.ids[index]
    with urlopen(f"{venue.url}/api/v3/historicalTrades?symbol=BTCUSDT&fromId={last + 1}&limit={hole - 1}") as told:
        assert [trade["id"] for trade in json.load(told)] == list(range(last + 1, last + hole))


def test_mute_answers_pings(venue: LocalVenue) -> None:
    """While the venue is mute, a client's ping has its pong."""

    async def run() -> float:
        async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url + PATH, autoping=False) as wire:
            await asyncio.to_thread(venue.inject, "mute", seconds=5)
            await wire.ping(b"hello")
            begin = time.monotonic()
            while (message := await wire.receive(timeout=2)).type != aiohttp.WSMsgType.PONG:
                pass
            assert bytes(message.data) == b"hello"
            return time.monotonic() - begin

    assert asyncio.run(run()) < 0.5


def test_gap(venue: LocalVenue) -> None:
    """A gap of four: ids jump by five, once."""
    jumps = [b - a for a, b in pairwise(hear(venue, "gap", 20, count=4).ids)]
    assert sorted(set(jumps)) == [1, 5]
    assert jumps.count(5) == 1
    assert hits(venue, "gap") == 4


def test_drop_by_share(venue: LocalVenue) -> None:
    """share=0.5: about half of the messages of 0.6 s are lost."""
    heard = hear(venue, "drop", 60, seconds=0.6, share=0.5)
    lost = sum(b - a - 1 for a, b in pairwise(heard.ids))
    assert lost == hits(venue, "drop")
    assert 10 <= lost <= 50


def test_duplicate(venue: LocalVenue) -> None:
    """Three messages come twice, byte for byte, the others once."""
    heard = hear(venue, "duplicate", 20, count=3)
    assert [b - a for a, b in pairwise(heard.ids)].count(0) == 3
    assert len(set(heard.texts)) == len(heard.texts) - 3


def test_reorder(venue: LocalVenue) -> None:
    """Of three messages hit the first two swap places, and the third with the one after it; nothing is lost."""
    heard = hear(venue, "reorder", 20, count=3)
    assert sorted(heard.ids) == list(range(heard.ids[0], heard.ids[0] + 25))
    assert [b - a for a, b in pairwise(heard.ids) if b != a + 1] == [2, -1, 3, -1, 2]
    assert hits(venue, "reorder") == 3


def test_delay(venue: LocalVenue) -> None:
    """For 0.3 s messages are late by 0.4 s, in order, without loss; those that follow do not overtake them."""
    heard = hear(venue, "delay", 80, seconds=0.3, amount=0.4)
    assert heard.ids == list(range(heard.ids[0], heard.ids[0] + 85))
    assert max(b - a for a, b in pairwise(heard.moments)) > 0.3
    late = [time_of(text) for text in heard.texts]
    assert late == sorted(late)


def time_of(text: str) -> int:
    return int(json.loads(text)["T"])


@pytest.mark.parametrize("variant", SPOILED)
def test_malformed(venue: LocalVenue, variant: str) -> None:
    """Exactly one message is spoilt in the way that its variant says."""
    heard = hear(venue, "malformed", 8, variant=variant)
    good = json.loads(heard.texts[0])
    bad = [text for text in heard.texts if not whole(text, good)]
    assert len(bad) == 1
    text = bad[0]
    if variant == "empty":
        assert text == ""
    elif variant == "html":
        assert text.startswith("<html>")
    elif variant == "broken_json":
        assert text.startswith('{"e":"trade"')
    else:
        told = json.loads(text)
        assert {
            "array": lambda: isinstance(told, list) and told[0].keys() == good.keys(),
            "wrong_types": lambda: isinstance(told["p"], float) and isinstance(told["t"], str),
            "null_fields": lambda: told["p"] is None and told["e"] == "trade",
            "missing_fields": lambda: len(told) == 5,
            "unknown_event": lambda: told["e"] == "marketWeather",
        }[variant]()


def whole(text: str, good: dict[str, Any]) -> bool:
    """Whether a message has the keys and types of a good one."""
    try:
        told = json.loads(text)
    except ValueError:
        return False
    return isinstance(told, dict) and {k: type(v) for k, v in told.items()} == {k: type(v) for k, v in good.items()}


def test_malformed_in_its_wrapping(venue: LocalVenue) -> None:
    """On a combined connection what is inside is spoilt, the stream's name stays."""
    heard = hear(venue, "malformed", 8, path="/stream?streams=btcusdt@trade", variant="null_fields")
    assert [json.loads(text)["data"]["p"] is None for text in heard.texts].count(True) == 1
    assert {json.loads(text)["stream"] for text in heard.texts} == {"btcusdt@trade"}


def test_cut(venue: LocalVenue) -> None:
    """The connection ends without a close frame; one can dial again at once."""
    heard = hear(venue, "cut", 500)
    assert heard.ended in ("CLOSED", "ERROR", "CLOSING")
    assert len(heard.texts) < 300
    assert (hits(venue, "cut"), venue.status()["ended"]) == (1, {"cut": 1})
    assert len(hear(venue, "", 3).ids) == 8


def test_cut_for_a_while(venue: LocalVenue) -> None:
    """With seconds nobody gets in so long, by socket or REST; then all do."""
    venue.inject("cut", seconds=1.5)
    for _ in range(2):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            urlopen(f"{venue.url}/api/v3/ping")

    async def dial() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url + PATH):
            pass

    with pytest.raises(aiohttp.ClientError):
        asyncio.run(dial())
    time.sleep(1.6)
    asyncio.run(dial())
    assert status(f"{venue.url}/api/v3/ping") == 200


def test_cut_one_stream_alone(venue: LocalVenue) -> None:
    """stream=bookTicker cuts the connections that have it, and no others."""

    async def run() -> list[str]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(venue.ws_url + PATH) as one,
            session.ws_connect(venue.ws_url + "/ws/btcusdt@bookTicker") as other,
        ):
            await asyncio.to_thread(venue.inject, "cut", stream="bookTicker")
            while (ended := await other.receive(timeout=3)).type == aiohttp.WSMsgType.TEXT:
                pass
            return [(await one.receive(timeout=3)).type.name, ended.type.name]

    stays, ends = asyncio.run(run())
    assert stays == "TEXT"
    assert ends != "TEXT"


def test_half_open(venue: LocalVenue) -> None:
    """The socket stays open, but no message and no pong comes any more; a new connection is well."""

    async def run() -> list[str]:
        async with aiohttp.ClientSession() as session:
            wire = await session.ws_connect(venue.ws_url + PATH, autoping=False)
            await asyncio.to_thread(venue.inject, "half_open")
            await wire.ping(b"there?")
            seen: list[str] = []
            try:
                while True:
                    seen.append((await wire.receive(timeout=1)).type.name)
            except TimeoutError:
                pass
            assert not wire.closed
            async with session.ws_connect(venue.ws_url + PATH) as fresh:
                assert (await fresh.receive(timeout=2)).type == aiohttp.WSMsgType.TEXT
            wire._response.close()  # type: ignore[union-attr]
            return seen

    seen = asyncio.run(run())
    assert set(seen) <= {"TEXT"}
    assert len(seen) < 150
    assert hits(venue, "half_open") == 1


@pytest.mark.parametrize(
    ("kind", "terms", "code", "retry"),
    [("429", {"amount": 7}, 429, "7"), ("418", {"amount": 130}, 418, "130"), ("5xx", {"variant": "504"}, 504, None)],
)
def test_requests_that_fail(venue: LocalVenue, kind: str, terms: dict[str, Any], code: int, retry: str | None) -> None:
    """Two requests to klines fail with that status, 5xx with a page of HTML; other paths and later requests do not."""
    venue.inject(kind, count=2, path="klines", **terms)
    assert status(f"{venue.url}/api/v3/ping") == 200
    url = f"{venue.url}/api/v3/klines?symbol=BTCUSDT&interval=1s"
    for _ in range(2):
        with pytest.raises(HTTPError) as failed:
            urlopen(url)
        assert (failed.value.code, failed.value.headers.get("Retry-After")) == (code, retry)
        with failed.value as page:
            body = page.read()
        assert body.startswith(b"<html>") if kind == "5xx" else json.loads(body)["code"] == -1003
    assert status(url) == 200
    assert hits(venue, kind) == 2


def test_truncate(venue: LocalVenue) -> None:
    """Half of the body comes, though the header says all of it."""
    venue.inject("truncate", path="exchangeInfo")
    with pytest.raises(http.client.IncompleteRead) as short, urlopen(f"{venue.url}/api/v3/exchangeInfo") as told:
        told.read()
    assert len(short.value.partial) > 100
    assert status(f"{venue.url}/api/v3/exchangeInfo") == 200


def test_skew(venue: LocalVenue) -> None:
    """The venue's clock is an hour ahead, in GET time and in E; when the fault is taken back, it is right."""
    venue.inject("skew", seconds=30, amount=3600)

    def off() -> float:
        with urlopen(f"{venue.url}/api/v3/time") as told:
            return float(json.load(told)["serverTime"] / 1000 - time.time())

    assert abs(off() - 3600) < 1
    sent = json.loads(hear(venue, "", 1).texts[0])
    assert 3_599_000 < sent["E"] - sent["T"] < 3_602_000
    with urlopen(Request(f"{venue.url}/onepath/faults", method="DELETE")) as told:
        assert json.load(told)["active"] == []
    assert abs(off()) < 1


def test_planned_and_by_lot() -> None:
    """mute@0.3s:0.3s begins after 0.3 s; a lottery with a rate of 20 a second has begun some after a second."""
    with LocalVenue(flood=RATE, faults=["mute@0.3s:0.3s,stream=trade"]) as venue:
        assert venue.status()["faults"]["begun"] == {}
        time.sleep(0.6)
        assert venue.status()["faults"]["begun"] == {"mute": 1}
    with LocalVenue(flood=RATE, lottery="seed=3,rate=20,kinds=drop+duplicate+429") as venue:
        time.sleep(1)
        begun = venue.status()["faults"]["begun"]
        assert 8 <= sum(begun.values()) <= 40
        assert begun.keys() <= {"drop", "duplicate", "429"}


def test_only_the_stream_that_is_meant(venue: LocalVenue) -> None:
    """mute of aggTrade leaves trade alone on the same connection."""
    heard = hear(venue, "mute", 80, path="/ws/btcusdt@trade/btcusdt@aggTrade", seconds=5, stream="aggTrade")
    kinds = [json.loads(text)["e"] for text in heard.texts]
    assert "aggTrade" in kinds[:5]
    assert "aggTrade" not in kinds[50:]
    trades = [json.loads(text)["t"] for text in heard.texts if json.loads(text)["e"] == "trade"]
    assert trades == list(range(trades[0], trades[0] + len(trades)))


def test_a_fault_that_is_none(venue: LocalVenue) -> None:
    """One sentence, with what is near and what is known."""
    with pytest.raises(ConfigError, match="did you mean 'mute'"):
        venue.inject("mutt")
    with pytest.raises(ConfigError, match="skew has no count"):
        venue.inject("skew", count=2)
    with pytest.raises(ConfigError, match="half_open has no seconds"):
        venue.inject("half_open", seconds=2)
    with pytest.raises(ConfigError, match="variant 'purple'"):
        venue.inject("malformed", variant="purple")
    assert set(KINDS) == {
        *("mute", "drop", "gap", "duplicate", "reorder", "delay", "malformed", "cut", "half_open"),
        *("429", "418", "5xx", "truncate", "skew"),
    }
