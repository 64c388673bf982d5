"""The local venue's messages against those that the venue really sent, and its book against its own best prices.

Real frames and bodies are in ../shared/payloads, which not every machine has.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest

from onepath.book import Book
from onepath.localvenue import LocalVenue

RECORDED = Path(__file__).parents[3] / "shared" / "payloads" / "binance-recorded"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"the recorded payloads are not at {RECORDED}")


@pytest.fixture(scope="module")
def venue() -> Iterator[LocalVenue]:
    with LocalVenue("btcusdt_quotes", speed=1, history="20s") as opened:
        yield opened


def listen(venue: LocalVenue, streams: list[str], seconds: float) -> list[dict[str, Any]]:
    """The frames of a combined connection."""

    async def run() -> list[dict[str, Any]]:
        got: list[dict[str, Any]] = []
        url = f"{venue.ws_url}/stream?streams={'/'.join(streams)}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        got.append(json.loads((await socket.receive()).data))
            except TimeoutError:
                pass
        return got

    return asyncio.run(run())


def shape(value: Any) -> Any:
    """Keys and JSON types, all the way down; a list is the shapes that occur in it."""
    if isinstance(value, Mapping):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(inner)) for inner in value})
    return type(value).__name__


def real_frames() -> Iterator[dict[str, Any]]:
    for line in (RECORDED / "us_combined_stream.txt").read_text().splitlines()[1:]:
        yield json.loads(line.partition(": ")[2])


def by_kind(frames: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for frame in frames:
        found.setdefault(frame["stream"].partition("@")[2], []).append(frame)
    return found


@recorded
def test_frames_have_the_shape_of_real_ones(venue: LocalVenue) -> None:
    """Every kind of frame in the recording: same keys in the same order, same JSON types, texts with eight decimals."""
    real = by_kind(real_frames())
    assert set(real) == {"depth@100ms", "aggTrade", "kline_1m", "bookTicker"}
    ours = by_kind(listen(venue, [f"btcusdt@{kind}" for kind in real], 3))
    for kind, frames in real.items():
        longest = max(frames, key=lambda frame: len(json.dumps(frame)))
        like = max(ours[kind], key=lambda frame: len(json.dumps(frame)))
        assert shape(like) == shape(longest), kind
        assert list(like["data"]) == list(longest["data"]), kind
        if kind == "kline_1m":
            assert list(like["data"]["k"]) == list(longest["data"]["k"])
        decimals = {part.count(".") and len(part.partition(".")[2]) for part in numbers(like["data"])}
        assert decimals == {8}, kind


def numbers(value: Any) -> Iterator[str]:
    """The texts that are prices or quantities."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in ("e", "s", "i", "E", "B") or isinstance(inner, Mapping | list):
                yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, str):
        yield value


@recorded
def test_the_snapshot_has_the_shape_of_a_real_one(venue: LocalVenue) -> None:
    """GET depth: the keys and types of the recorded body."""
    line = (RECORDED / "us_depth_snapshots.txt").read_text().splitlines()[0]
    real = json.loads(line.partition(" -> ")[2].partition(": ")[2])
    with urlopen(f"{venue.url}/api/v3/depth?symbol=BTCUSDT&limit=1000") as answer:
        assert shape(json.load(answer)) == shape(real)


@recorded
def test_the_exchange_information_has_what_a_real_one_has(venue: LocalVenue) -> None:
    """exchangeInfo: every key and type of the recorded body is there; its filters too, but for those since renamed."""
    real = json.loads((RECORDED / "us_exchange_info_5_symbols.json").read_text())
    with urlopen(f"{venue.url}/api/v3/exchangeInfo") as answer:
        ours = json.load(answer)
    assert list(ours) == list(real)
    assert shape(ours["rateLimits"]) == shape(real["rateLimits"])
    there, symbol = real["symbols"][0], ours["symbols"][0]
    assert set(there) <= set(symbol)
    assert {key: type(symbol[key]) for key in there} == {key: type(value) for key, value in there.items()}
    filters = {one["filterType"]: one for one in symbol["filters"]}
    since = {"PERCENT_PRICE": "PERCENT_PRICE_BY_SIDE", "MIN_NOTIONAL": "NOTIONAL"}
    for one in there["filters"]:
        name = one["filterType"]
        assert since.get(name, name) in filters
        if name not in since:
            assert shape(filters[name]) == shape(one)


def test_the_exchange_information_has_all_keys_of_today(venue: LocalVenue) -> None:
    """The keys of a symbol that the documentation of 2026-07-21 lists, and no others."""
    with urlopen(f"{venue.url}/api/v3/exchangeInfo?symbol=BTCUSDT") as answer:
        symbol = json.load(answer)["symbols"][0]
    documented = """symbol status baseAsset baseAssetPrecision quoteAsset quotePrecision quoteAssetPrecision
        baseCommissionPrecision quoteCommissionPrecision orderTypes icebergAllowed ocoAllowed otoAllowed opoAllowed
        quoteOrderQtyMarketAllowed allowTrailingStop cancelReplaceAllowed amendAllowed pegInstructionsAllowed
        isSpotTradingAllowed isMarginTradingAllowed filters permissions permissionSets defaultSelfTradePreventionMode
        allowedSelfTradePreventionModes"""
    assert list(symbol) == documented.split()


def rebuilt(frames: list[dict[str, Any]], snapshot: dict[str, Any], depth: str) -> int:
    """Rebuilds the book by the documented rules; at every update's last id its best must be what bookTicker last said. Returns
    how often that was compared."""
    tops = {frame["data"]["u"]: frame["data"] for frame in frames if frame["stream"].endswith("@bookTicker")}
    book = Book("X")
    start = snapshot["lastUpdateId"]
    book.update(1, levels(snapshot["bids"]), levels(snapshot["asks"]), last_id=start, snapshot=True)
    compared, before = 0, None
    for frame in frames:
        data = frame["data"]
        if not frame["stream"].endswith(depth):
            continue
        assert before is None or data["U"] == before + 1
        before = data["u"]
        if data["u"] <= start:
            continue
        book.update(2, levels(data["b"]), levels(data["a"]), first_id=data["U"], last_id=data["u"])
        known = [number for number in tops if start < number <= data["u"]]
        if known:
            top = tops[max(known)]
            best = (book.bid, book.bid_size, book.ask, book.ask_size)
            assert best == tuple(float(top[letter]) for letter in "bBaA"), data["u"]
            compared += 1
    return compared


def levels(side: list[list[str]]) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in side]


@pytest.mark.parametrize(("data", "speed"), [("btcusdt_quotes", 1), ("btcusd_1m", 240), ("generated", 10)])
def test_the_book_of_changes_is_the_book_of_best_prices(data: str, speed: int) -> None:
    """Snapshot and changes, put together by the documented rules, give the best prices of bookTicker at every update; ids
    follow on each other, the book is never crossed (Book refuses one that is)."""
    with LocalVenue(data, speed=speed, history="20s") as venue:
        symbol = next(iter(venue.status()["symbols"]))

        async def run() -> tuple[list[dict[str, Any]], dict[str, Any]]:
            frames: list[dict[str, Any]] = []
            name = symbol.lower()
            url = f"{venue.ws_url}/stream?streams={name}@depth@100ms/{name}@bookTicker"
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                while sum("depth" in frame["stream"] for frame in frames) < 3:
                    frames.append(json.loads((await socket.receive()).data))
                async with session.get(f"{venue.url}/api/v3/depth?symbol={symbol}&limit=5000") as answer:
                    snapshot = await answer.json()
                while sum(frame["data"].get("U", 0) > snapshot["lastUpdateId"] for frame in frames) < 10:
                    frames.append(json.loads((await socket.receive()).data))
            return frames, snapshot

        frames, snapshot = asyncio.run(run())
    assert rebuilt(frames, snapshot, "@depth@100ms") >= 8


@recorded
def test_the_check_of_books_holds_on_the_recording() -> None:
    """The same check on the venue's own frames and snapshots: it holds for COMPUSDT, at more than twenty updates."""
    snapshots = {}
    for line in (RECORDED / "us_depth_snapshots.txt").read_text().splitlines():
        url, arrow, rest = line.partition(" -> ")
        if not arrow:
            continue
        snapshots[url.partition("symbol=")[2].partition("&")[0]] = json.loads(rest.partition(": ")[2])
    frames = [frame for frame in real_frames() if frame["stream"].startswith("compusdt@")]
    assert rebuilt(frames, snapshots["COMPUSDT"], "@depth@100ms") > 20


def test_trades_and_groups_agree(venue: LocalVenue) -> None:
    """On one connection every aggTrade sums up exactly the trades from f to l, and comes after them."""
    frames = listen(venue, ["btcusdt@trade", "btcusdt@aggTrade"], 3)
    trades: dict[int, dict[str, Any]] = {}
    groups = 0
    for frame in frames:
        data = frame["data"]
        if data["e"] == "trade":
            trades[data["t"]] = data
            continue
        members = [trades[number] for number in range(data["f"], data["l"] + 1)]
        assert {(t["p"], t["T"], t["m"]) for t in members} == {(data["p"], data["T"], data["m"])}
        assert abs(sum(float(t["q"]) for t in members) - float(data["q"])) < 1e-9
        groups += 1
    assert groups > 5


def test_a_candle_is_closed_between_the_trades(venue: LocalVenue) -> None:
    """On one connection a closed candle comes after the last trade in it and before the first trade after it."""
    frames = listen(venue, ["btcusdt@trade", "btcusdt@kline_1s"], 3.5)
    last, closed = 0, []
    for frame in frames:
        data = frame["data"]
        if data["e"] == "trade":
            last = data["t"]
            assert not closed or data["T"] > closed[-1]["T"]
        elif data["k"]["x"]:
            closed.append(data["k"])
            if last:  # else the listener came after the last trade in it
                assert data["k"]["L"] in (last, -1)
            assert data["E"] > data["k"]["T"]
    assert len(closed) >= 3
    assert [k["t"] for k in closed] == list(range(closed[0]["t"], closed[-1]["t"] + 1, 1000))
