"""Books rebuilt from what venues really sent, against the best bid and offer that they sent beside it.

Two captures of Binance BTCUSDT (futures and spot, 2024-08-08, six minutes) and one of Binance US (four symbols, 30 s).
The other side of each equation is read from the raw rows with plain Python, not through the library.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from onepath.book import Book
from onepath.errors import DataError
from onepath.market import BookUpdate, Levels
from onepath.simulator.depth import sweep

SHARED = Path(__file__).resolve().parents[4] / "shared"
CAPTURES = {
    "usdm": "data/l2_binance_usdm_btcusdt/btcusdt_usdm_20240808",
    "spot": "data/l2_binance_spot_btcusdt/btcusdt_spot_20240808",
}
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=f"recorded data is absent: {SHARED}")


class Message(NamedTuple):
    at: int
    first: int
    last: int
    before: int
    snapshot: bool
    bids: Levels
    asks: Levels


@cache
def messages(capture: str) -> Sequence[Message]:
    """The capture's messages, the snapshot first: messages in flight when it was asked for came before it."""
    rows = pd.read_parquet(SHARED / f"{CAPTURES[capture]}_depth.parquet")
    names = ["line", "local_ts_ns", "first_update_id", "last_update_id", "prev_last_update_id", "is_snapshot"]
    columns = [rows[name].tolist() for name in [*names, "side", "price", "qty"]]
    found = []
    for (_, *head), part in groupby(zip(*columns, strict=True), key=lambda row: row[:6]):
        sides: dict[str, list[tuple[float, float]]] = {"b": [], "a": []}
        for row in part:
            sides[row[6]].append(row[7:])
        found.append(Message(*head, tuple(sides["b"]), tuple(sides["a"])))
    return [m for m in found if m.snapshot] + [m for m in found if not m.snapshot]


def give(book: Book, message: Message) -> BookUpdate | None:
    at, first, last, before, snapshot, bids, asks = message
    known = before if before >= 0 and not snapshot else None  # spot has no id before
    return book.update(at, bids, asks, first_id=first, last_id=last, previous_id=known, snapshot=snapshot)


def played(capture: str) -> Iterator[tuple[Book, BookUpdate]]:
    book = Book("BTCUSDT")
    for message in messages(capture):
        made = give(book, message)
        if made is not None:
            yield book, made


@pytest.mark.parametrize(("capture", "count"), [("usdm", 6547), ("spot", 3449)])
def test_best_bid_and_offer_of_every_message(capture: str, count: int) -> None:
    """After every message the best prices and sizes are those of the last recorded best bid and offer up to its id."""
    recorded = pd.read_parquet(SHARED / f"{CAPTURES[capture]}_bbo.parquet").sort_values("update_id")
    ids = recorded.update_id.tolist()
    best = list(zip(recorded.bid, recorded.bid_qty, recorded.ask, recorded.ask_qty, strict=True))
    agreed = 0
    for book, made in played(capture):
        if made.snapshot:
            continue
        expected = best[bisect_right(ids, made.last_id) - 1]
        assert (book.bid, book.bid_size, book.ask, book.ask_size) == expected, made.last_id
        assert (made.bid, made.ask) == (expected[0], expected[2])
        agreed += 1
    assert agreed == count


@pytest.mark.parametrize("capture", list(CAPTURES))
def test_the_events_rebuild_the_book(capture: str) -> None:
    """The events made from raw rows give a second book the same levels, to the last one."""
    first, second = Book("BTCUSDT"), Book("BTCUSDT")
    for message in messages(capture):
        made = give(first, message)
        assert made is None or second.apply(made)
    assert len(first.levels(1)) > 1000
    assert (second.levels(1), second.levels(-1)) == (first.levels(1), first.levels(-1))


@pytest.mark.parametrize("capture", list(CAPTURES))
@pytest.mark.parametrize("where", [20, 1000, 3000])
@pytest.mark.parametrize("fault", ["dropped", "swapped", "repeated"])
def test_one_faulty_message_is_found(capture: str, where: int, fault: str) -> None:
    """A real message dropped, swapped with the next or repeated is refused at once, with the ids of the messages."""
    run = list(messages(capture)[: where + 3])
    before, here, after = run[where - 1 : where + 2]
    changed = {"dropped": [after], "swapped": [after, here], "repeated": [here, here]}[fault]
    found, expected = (here, here) if fault == "repeated" else (after, before)
    book = Book("BTCUSDT")
    for message in run[:where]:
        give(book, message)
    begins = found.before + 1 if found.before >= 0 else found.first
    with pytest.raises(DataError, match=f"BTCUSDT .* {begins} to {found.last}, but .* ended at {expected.last}"):
        for message in changed:
            give(book, message)


def raw_asks(capture: str, update_id: int) -> list[tuple[Decimal, Decimal]]:
    """The asks after `update_id`, cheapest first, from the rows of the file and a dict."""
    rows = pd.read_parquet(SHARED / f"{CAPTURES[capture]}_depth.parquet")
    start = rows[rows.is_snapshot].last_update_id.iloc[0]
    changes = rows[~rows.is_snapshot & (rows.last_update_id > start) & (rows.last_update_id <= update_id)]
    asks: dict[Decimal, Decimal] = {}
    for part in (rows[rows.is_snapshot], changes):
        for price, size in part[part.side == "a"][["price", "qty"]].itertuples(index=False):
            asks[Decimal(str(price))] = Decimal(str(size))
    return sorted((price, size) for price, size in asks.items() if size)


@pytest.mark.parametrize("capture", list(CAPTURES))
@pytest.mark.parametrize("where", [1, 700, 2500])
@pytest.mark.parametrize("quantity", ["0.001", "5", "60"])
def test_what_a_purchase_costs(capture: str, where: int, quantity: str) -> None:
    """Buying 5 BTC (and little, and much) costs to the last digit what the raw rows say, level by level."""
    wanted = Decimal(quantity)
    book = next(book for number, (book, _) in enumerate(played(capture)) if number == where)
    left, cost, levels = wanted, Decimal(0), 0
    for price, size in raw_asks(capture, book.last_id):
        if left:
            cost, left, levels = cost + price * min(size, left), left - min(size, left), levels + 1
    assert not left
    fills = sweep(book, 1, wanted, None)
    assert sum(size for _, size in fills) == wanted
    assert sum(price * size for price, size in fills) == cost
    assert len(fills) == levels
    assert levels > 1 or wanted < 1 or book.ask_size >= wanted


def frames() -> Iterator[dict[str, Any]]:
    lines = (SHARED / "payloads/binance-recorded/us_combined_stream.txt").read_text().splitlines()
    for line in lines[1:]:
        yield json.loads(line.split(": ", 1)[1])


def numbers(levels: Sequence[Sequence[str]]) -> Levels:
    return tuple((float(price), float(size)) for price, size in levels)


def started() -> dict[str, Book]:
    """A book of every symbol, from the snapshots."""
    books = {}
    for line in (SHARED / "payloads/binance-recorded/us_depth_snapshots.txt").read_text().strip().splitlines():
        url, rest = line.split(" -> ", 1)
        symbol = url.split("symbol=")[1].split("&")[0]
        body = json.loads(rest.split(": ", 1)[1])
        books[symbol] = Book(symbol)
        books[symbol].update(
            0, numbers(body["bids"]), numbers(body["asks"]), last_id=body["lastUpdateId"], snapshot=True
        )
    return books


def test_frames_as_they_came() -> None:
    """Binance US, frame by frame: at all 56 update ids that a bookTicker names too, best prices and sizes are its."""
    books, tickers, best = started(), {}, {}
    for frame in frames():
        kind, data = frame["stream"].split("@")[1], frame["data"]
        symbol = data["s"]
        if kind == "bookTicker":
            tickers[symbol, data["u"]] = tuple(float(data[key]) for key in "bBaA")
        elif kind == "depth":
            book = books[symbol]
            ids = {"first_id": data["U"], "last_id": data["u"]}
            if book.update(data["E"] * 1_000_000, numbers(data["b"]), numbers(data["a"]), **ids):
                best[symbol, data["u"]] = (book.bid, book.bid_size, book.ask, book.ask_size)
    both = tickers.keys() & best.keys()
    assert len(both) == 56
    assert {key: best[key] for key in both} == {key: tickers[key] for key in both}


def test_recorded_ids_follow() -> None:
    """Of the capture itself, without a book: U is the u before plus one, so that a hole would be a hole."""
    seen: dict[str, list[tuple[int, int]]] = {}
    for frame in frames():
        if "@depth" in frame["stream"]:
            seen.setdefault(frame["data"]["s"], []).append((frame["data"]["U"], frame["data"]["u"]))
    assert len(seen) == 4
    assert all(after[0] == before[1] + 1 for ids in seen.values() for before, after in pairwise(ids))
