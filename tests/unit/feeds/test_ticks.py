"""Quotes, trades and books in memory and in files: order, instants, checks, memory, one hash."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onepath.clock import HistoricalClock
from onepath.errors import DataError
from onepath.feeds.paced import Paced
from onepath.feeds.tickfiles import SCHEMAS, TickFile
from onepath.feeds.ticks import COLUMNS, Stream, TickFeed, in_memory
from onepath.instruments import Instrument
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade

KNOWN = {s: Instrument(symbol=s) for s in ("A", "B")}


def quotes(at: Sequence[int]) -> dict[str, list[Any]]:
    """A quote at each time, its bid the row's number plus one."""
    bid = [float(i + 1) for i in range(len(at))]
    return {
        "at": list(at),
        "bid": bid,
        "ask": [b + 0.5 for b in bid],
        "bid_size": [1.0] * len(at),
        "ask_size": list(bid),
    }


def trades(at: Sequence[int]) -> dict[str, list[Any]]:
    """A trade at each time, its size the row's number plus one."""
    size = [float(i + 1) for i in range(len(at))]
    return {"at": list(at), "price": [10.0] * len(at), "size": size, "aggressor": [1] * len(at)}


def flat(feed: Any) -> list[tuple[MarketEvent, bool]]:
    """All that a feed hands out."""
    return [pair for batch in feed.batches() for pair in batch.events()]


def arrays(columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The same columns as NumPy arrays."""
    return {name: np.array(column) for name, column in columns.items()}


def written(path: Path, kind: str, columns: Mapping[str, Any], group: int = 65_536) -> Path:
    """A canonical file."""
    pq.write_table(pa.table([pa.array(columns[n]) for n in COLUMNS[kind]], schema=SCHEMAS[kind]), path, group)
    return path


def test_the_order_of_an_instant_is_the_feeds() -> None:
    """Within an instant streams come in the feed's order, rows of a stream in theirs; only the last row ends it."""
    feed = in_memory({"B": {"trades": trades([5, 5, 7])}, "A": {"quotes": quotes([5, 6, 7])}}, KNOWN)
    found = [(type(e).__name__, e.at, last) for e, last in flat(feed)]
    assert found == [
        ("Trade", 5, False),
        ("Trade", 5, False),
        ("Quote", 5, True),
        ("Quote", 6, True),
        ("Trade", 7, False),
        ("Quote", 7, True),
    ]
    assert feed.total == 6
    assert list(feed.instruments) == ["B", "A"]
    assert feed.kinds == {"B": ["trades"], "A": ["quotes"]}


def test_events_hold_what_the_columns_say() -> None:
    """Every field of quote, trade and bar comes from its column; what is left out is zero."""
    feed = in_memory(
        {
            "A": {
                "quotes": {"at": [1], "bid": [2.0], "ask": [3.0]},
                "trades": {"at": [2], "price": [4.0], "size": [5.0], "aggressor": [-1]},
                "bars": {k: [v] for k, v in zip(COLUMNS["bars"], (3, 1, 2.0, 4.0, 1.0, 3.0, 9.0), strict=True)},
            }
        },
        KNOWN,
    )
    assert [e for e, _ in flat(feed)] == [
        Quote("A", 1, 2.0, 3.0, 0.0, 0.0),
        Trade("A", 2, 4.0, 5.0, -1),
        Bar("A", 1, 3, 2.0, 4.0, 1.0, 3.0, 9.0),
    ]
    assert feed.volumes == {"A"}


@pytest.mark.parametrize("batch", [64, 200, 100_000])
@pytest.mark.parametrize("seed", range(5))
def test_an_instant_is_never_divided(batch: int, seed: int) -> None:
    """Batches hold whole instants, however long an instant is; together they are the streams sorted by time, stably."""
    rng = random.Random(seed)  # noqa: S311
    streams = {
        "A": {"quotes": quotes(sorted(rng.randrange(40) for _ in range(1_000)))},
        "B": {"trades": trades(sorted(rng.randrange(400) for _ in range(1_500)))},
    }
    feed = in_memory(streams, KNOWN, batch=batch)
    before = -1
    seen: list[MarketEvent] = []
    for piece in feed.batches():
        events = list(piece.events())
        assert len(events) == piece.size
        assert events[0][0].at > before
        assert events[-1][1]
        at = [e.at for e, _ in events]
        assert [last for _, last in events] == [a != b for a, b in zip(at, [*at[1:], None], strict=True)]
        before = at[-1]
        seen += [e for e, _ in events]
    expected = [e for s, kind in streams.items() for e, _ in flat(in_memory({s: kind}, KNOWN))]
    assert seen == sorted(expected, key=lambda e: e.at)


def test_paced_is_the_same_instant_by_instant() -> None:
    """At the pace of a clock the same events come, one instant a batch."""
    feed = in_memory({"A": {"quotes": quotes([1, 1, 2]), "trades": trades([1, 3])}}, KNOWN)
    paced = Paced(feed, HistoricalClock(1e12))
    assert flat(paced) == flat(feed)
    assert [b.size for b in paced.batches()] == [3, 1, 1]
    assert paced.kinds == feed.kinds


def test_lists_arrays_and_files_are_one_feed(tmp_path: Path) -> None:
    """The same quotes from lists, arrays and a file with small row groups: equal events, equal fingerprints."""
    columns = quotes(sorted(i // 3 for i in range(10_000)))
    path = written(tmp_path / "A.quotes.parquet", "quotes", columns, group=700)
    file = TickFeed({Stream("A", "quotes"): TickFile("quotes", path)}, KNOWN, batch=500)
    unread = TickFeed({Stream("A", "quotes"): TickFile("quotes", path)}, KNOWN)
    lists, made = in_memory({"A": {"quotes": columns}}, KNOWN), in_memory({"A": {"quotes": arrays(columns)}}, KNOWN)
    assert flat(file) == flat(lists) == flat(made)
    assert len({f.fingerprint() for f in (file, unread, lists, made)}) == 1
    changed = columns | {"ask_size": [*columns["ask_size"][:-1], 0.25]}
    assert in_memory({"A": {"quotes": changed}}, KNOWN).fingerprint() != lists.fingerprint()


def test_a_window_of_a_file(tmp_path: Path) -> None:
    """`start` is inclusive, `end` exclusive; total and ends are exact before anything is read."""
    path = written(tmp_path / "A.quotes.parquet", "quotes", quotes([1, 2, 2, 3, 4, 4, 5]), group=2)
    feed = TickFeed({Stream("A", "quotes"): TickFile("quotes", path, 2, 4)}, KNOWN)
    assert [e.at for e, _ in flat(feed)] == [2, 2, 3]
    assert (feed.total, feed.describe()["first_at"], feed.describe()["last_at"]) == (3, 2, 3)


FAULTS: list[tuple[str, str, Any, str]] = [
    ("quotes", "at", 0, "sort the data by time"),
    ("quotes", "bid", 0.0, "has bid 0"),
    ("quotes", "bid", float("nan"), "has bid nan"),
    ("quotes", "bid", 1e9, "is crossed: bid 1000000000.0 is above ask"),
    ("quotes", "ask", float("inf"), "has ask inf"),
    ("quotes", "bid_size", -1.0, "has bid size -1"),
    ("quotes", "ask_size", float("nan"), "has ask size nan"),
    ("trades", "at", 0, "sort the data by time"),
    ("trades", "price", -1.0, "has price -1"),
    ("trades", "size", 0.0, "has size 0"),
    ("trades", "size", float("inf"), "has size inf"),
    ("trades", "aggressor", 2, "has aggressor 2"),
]


@pytest.mark.parametrize(("kind", "column", "value", "text"), FAULTS)
def test_a_fault_stops_the_data_before_it_is_seen(
    tmp_path: Path, kind: str, column: str, value: Any, text: str
) -> None:
    """Each seeded fault is a DataError that names file and row, and no event of its piece was handed out."""
    columns = {"quotes": quotes, "trades": trades}[kind](range(1, 5_001))
    columns[column][4_321] = value
    path = written(tmp_path / f"A.{kind}.parquet", kind, columns)
    seen: list[int] = []

    def read(feed: TickFeed) -> None:
        for batch in feed.batches():
            seen.extend(e.at for e, _ in batch.events())

    with pytest.raises(DataError, match="row 4322: the .*" + text) as error:
        read(TickFeed({Stream("A", kind): TickFile(kind, path)}, KNOWN, batch=2_048))
    assert str(path) in str(error.value)
    assert seen
    assert max(seen) < 4_322
    with pytest.raises(DataError, match=f"the {kind} of A, row 4322: "):
        read(in_memory({"A": {kind: arrays(columns)}}, KNOWN))


def test_a_locked_quote_is_no_fault() -> None:
    """Bid equal to ask happens on real markets and is let through."""
    columns = {"at": np.array([1]), "bid": np.array([2.0]), "ask": np.array([2.0])}
    assert [e.mark for e, _ in flat(in_memory({"A": {"quotes": columns}}, KNOWN))] == [2.0]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Ten times the quotes stream in the same memory, within a tenth."""
    peaks = []
    for rows in (200_000, 2_000_000):
        at = np.arange(rows)
        columns = {"at": at, **{n: np.full(rows, 1.0) for n in COLUMNS["quotes"][1:]}}
        path = written(tmp_path / f"{rows}.parquet", "quotes", columns)
        del columns, at
        feed = TickFeed({Stream("A", "quotes"): TickFile("quotes", path)}, KNOWN)
        tracemalloc.start()
        for batch in feed.batches():
            for _ in batch.events():
                pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def book_rows(messages: Sequence[tuple[int, int, int, bool, list[tuple[int, float, float]]]]) -> dict[str, list[Any]]:
    """Rows of messages: at, first id, last id, snapshot, levels of (side, price, size)."""
    rows = [(at, first, last, int(snap), *level) for at, first, last, snap, levels in messages for level in levels]
    return {name: list(column) for name, column in zip(COLUMNS["book"], zip(*rows, strict=True), strict=True)}


BOOK = [
    (1, 10, 10, True, [(1, 99.0, 5.0), (1, 98.0, 1.0), (-1, 101.0, 2.0)]),
    (2, 11, 12, False, [(1, 99.0, 0.0)]),
    (3, 13, 13, False, [(-1, 100.0, 3.0), (1, 99.5, 1.0)]),
]


def books(feed: TickFeed) -> Iterator[BookUpdate]:
    for event, _ in flat(feed):
        assert isinstance(event, BookUpdate)
        yield event


@pytest.mark.parametrize("group", [1, 2, 100])
def test_a_book_knows_its_best_prices(tmp_path: Path, group: int) -> None:
    """Messages are consecutive rows, wherever row groups end. By hand: 99/101, then bid 99 goes: 98/101, then 99.5/100."""
    path = written(tmp_path / "A.book.parquet", "book", book_rows(BOOK), group)
    feed = TickFeed({Stream("A", "book"): TickFile("book", path)}, KNOWN)
    assert [(e.at, e.bid, e.ask) for e in books(feed)] == [(1, 99.0, 101.0), (2, 98.0, 101.0), (3, 99.5, 100.0)]
    assert feed.total == 3
    memory = in_memory({"A": {"book": arrays(book_rows(BOOK))}}, KNOWN)
    assert list(books(memory)) == list(books(feed))
    assert memory.fingerprint() == feed.fingerprint()


def test_a_window_of_a_book_begins_with_the_whole_book(tmp_path: Path) -> None:
    """From time 2 on the first event is a snapshot of all levels as they then are."""
    path = written(tmp_path / "A.book.parquet", "book", book_rows(BOOK))
    feed = TickFeed({Stream("A", "book"): TickFile("book", path, 2)}, KNOWN)
    first, second = books(feed)
    assert (first.snapshot, first.bids, first.asks, first.last_id) == (True, ((98.0, 1.0),), ((101.0, 2.0),), 12)
    assert (second.snapshot, second.bid, second.ask) == (False, 99.5, 100.0)
    assert (feed.total, feed.describe()["first_at"]) == (2, 2)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ((4, 15, 15, False, [(1, 99.0, 1.0)]), "row 7: .*update ids 15 to 15"),
        ((4, 14, 14, False, [(1, 100.0, 1.0)]), "row 7: .*crosses the book"),
        ((4, 14, 14, False, [(1, 99.0, -1.0)]), "row 7: .*size -1"),
        ((2, 14, 14, False, [(1, 99.0, 1.0)]), "row 7: .*sort the data by time"),
    ],
)
def test_a_wrong_book_message_names_its_row(tmp_path: Path, message: Any, text: str) -> None:
    """A gap, a crossed book, a wrong size and time backwards are DataErrors with file and row."""
    path = written(tmp_path / "A.book.parquet", "book", book_rows([*BOOK, message]))
    with pytest.raises(DataError, match=text) as error:
        list(books(TickFeed({Stream("A", "book"): TickFile("book", path)}, KNOWN)))
    assert str(path) in str(error.value)
