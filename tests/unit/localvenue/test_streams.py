"""What the local venue's streams say and when, by a clock in the test's hand: no sockets, no sleeping."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from onepath.localvenue.faults import Fault, Faults
from onepath.localvenue.frames import frame
from onepath.localvenue.generated import Generated, names
from onepath.localvenue.happenings import Happening, Listing, Print, Quoted, Source, Timed
from onepath.localvenue.hub import Hub
from onepath.localvenue.market import Market

ONE = 100_000_000
NOON = 1_700_000_040_000  # a whole minute, in milliseconds
SECOND = 1_000_000_000


class Script:
    """A source of given happenings, (milliseconds after NOON, happening)."""

    listings: Mapping[str, Listing] = {"X": Listing("X", "XX", "YY", tick=ONE, lot=ONE)}

    def __init__(self, happenings: Iterable[tuple[int, Happening]]) -> None:
        self._happenings = [((NOON + ms) * 1_000_000, what) for ms, what in happenings]

    def describe(self) -> Mapping[str, object]:
        return {}

    def play(self, now: int) -> Iterator[Timed]:
        return iter(self._happenings)


class Ear:
    """A client that keeps what it is sent."""

    def __init__(self, combined: bool = False) -> None:
        self.combined = combined
        self.bytes = b""

    def put(self, framed: bytes) -> None:
        self.bytes += framed

    @property
    def texts(self) -> list[bytes]:
        """The frames, taken apart by RFC 6455."""
        found, rest = [], self.bytes
        while rest:
            assert rest[0] == 0x81  # a whole text
            size, at = rest[1], 2
            if size in (126, 127):
                at = 4 if size == 126 else 10
                size = int.from_bytes(rest[2:at], "big")
            found.append(rest[at : at + size])
            rest = rest[at + size :]
        return found

    @property
    def said(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]


class Stage:
    """A hub over a script, and the clock (milliseconds after NOON)."""

    def __init__(self, source: Source, *streams: str, pace: int = 250, combined: bool = False) -> None:
        self.faults = Faults(7)
        self.hub = Hub(Market(source, NOON * 1_000_000 - 1), pace, self.faults)
        self.ear = Ear(combined)
        self.now(0, play=False)
        for name in streams:
            self.hub.listen(self.ear, name, NOON)

    def now(self, ms: int, *, play: bool = True) -> list[dict[str, Any]]:
        """It is so late; what was said since."""
        self.faults.tend(NOON + ms)
        before = len(self.ear.texts)
        if play:
            self.hub.play((NOON + ms) * 1_000_000, NOON + ms)
        return self.ear.said[before:]


def bought(price: int, quantity: int = 1) -> Print:
    return Print("X", price * ONE, quantity * ONE, True)


def of_kline(message: dict[str, Any]) -> tuple[int, float, int, bool]:
    """Start after NOON, close, trades, closed."""
    k = message["k"]
    return k["t"] - NOON, float(k["c"]), k["n"], k["x"]


def test_a_candle_is_closed_once_and_only_then() -> None:
    """Trades at 0.1 and 0.3 s, nothing in second 1, one at 2.9 s: looked at every 50 ms, candle 0 is sent after 250 ms and
    500 ms, closed at 1 s; candle 1 is closed flat at 2 s; candle 2 is sent at 3 s, closed."""
    stage = Stage(Script([(100, bought(10)), (300, bought(11)), (2900, bought(12))]), "x@kline_1s")
    told = [(ms, *of_kline(message)) for ms in range(50, 4001, 50) for message in stage.now(ms)]
    assert told == [
        *((250, 0, 10.0, 1, False), (500, 0, 11.0, 2, False), (1000, 0, 11.0, 2, True)),
        *((2000, 1000, 11.0, 0, True), (3000, 2000, 12.0, 1, True), (4000, 3000, 12.0, 0, True)),
    ]


def test_a_venue_that_overslept_closes_every_candle() -> None:
    """Nobody looked for five seconds: five candles are closed, in order, each once, trades in their places."""
    script = Script([(100, bought(10)), (2100, bought(11)), (4100, bought(12))])
    stage = Stage(script, "x@kline_1s", "x@trade")
    told = [
        ("trade", m["T"] - NOON) if m["e"] == "trade" else ("kline", m["k"]["t"] - NOON)
        for m in stage.now(5000)
        if m["e"] == "trade" or m["k"]["x"]
    ]
    assert told == [
        *(("trade", 100), ("kline", 0), ("kline", 1000), ("trade", 2100), ("kline", 2000), ("kline", 3000)),
        *(("trade", 4100), ("kline", 4000)),
    ]


def test_before_the_first_trade_there_is_no_candle() -> None:
    """A symbol that has never traded closes nothing."""
    stage = Stage(Script([(5_500, bought(10))]), "x@kline_1s")
    assert stage.now(5_000) == []
    assert [of_kline(m) for m in stage.now(6_000)] == [(5000, 10.0, 1, False), (5000, 10.0, 1, True)]


def quoted(bid: int, ask: int) -> Quoted:
    return Quoted("X", bid * ONE, 5 * ONE, ask * ONE, 5 * ONE)


def test_changes_of_the_book_follow_on_each_other() -> None:
    """Random quotes for 5 s: U is the u before plus one on both speeds; where both have the same u they make the same book of
    25 bids, and it is the venue's of that number."""
    stage = Stage(Generated(names(1), 3, 50.0, None, SECOND), "btcusdt@depth@100ms", "btcusdt@depth", combined=True)
    depth = stage.hub.market.symbols["BTCUSDT"].depth
    begun = dict(depth.bids.sizes)
    by_number: dict[int, dict[int, int]] = {}
    for ms in range(7, 5_008, 10):
        by_number[depth.number] = dict(depth.bids.sizes)
        stage.now(ms)
    fast, slow = (follow(stage.ear.said, name, begun) for name in ("btcusdt@depth@100ms", "btcusdt@depth"))
    assert len(slow) == 5
    assert len(fast) > 40
    assert all(fast[number] == book and len(book) == 25 for number, book in slow.items())
    common = by_number.keys() & fast.keys()
    assert len(common) > 10
    assert all(by_number[number] == fast[number] for number in common)


def follow(said: list[dict[str, Any]], stream: str, book: dict[int, int]) -> dict[int, dict[int, int]]:
    """The bids after each update, by its last id; ids must follow on each other."""
    updates = [message["data"] for message in said if message["stream"] == stream]
    assert all(later["U"] == former["u"] + 1 for former, later in pairwise(updates))
    books: dict[int, dict[int, int]] = {}
    for update in updates:
        book = book | {round(float(price) * ONE): round(float(size) * ONE) for price, size in update["b"]}
        book = {price: size for price, size in book.items() if size}
        books[update["u"]] = book
    return books


def test_best_prices_are_sent_when_they_change() -> None:
    """Of four quotes, two alike, three are sent, with the number of the change."""
    script = Script([(10, quoted(10, 11)), (20, quoted(10, 11)), (30, quoted(9, 11)), (40, quoted(9, 10))])
    stage = Stage(script, "x@bookTicker")
    told = [(m["u"], m["b"], m["a"]) for m in stage.now(100)]
    assert told == [
        (1, "10.00000000", "11.00000000"),
        (2, "9.00000000", "11.00000000"),
        (3, "9.00000000", "10.00000000"),
    ]


def test_a_trade_as_it_is_written() -> None:
    """Byte for byte, raw and wrapped; `m` is true where the taker sold."""
    script = [(7, bought(10, 3)), (8, Print("X", 11 * ONE, ONE // 4, False))]
    raw, wrapped = Stage(Script(script), "x@trade"), Stage(Script(script), "x@trade", combined=True)
    raw.now(9)
    wrapped.now(9)
    first = (
        b'{"e":"trade","E":1700000040009,"s":"X","t":1,"p":"10.00000000","q":"3.00000000","T":1700000040007,'
        b'"m":false,"M":true}'
    )
    assert raw.ear.texts[0] == first
    assert wrapped.ear.texts[0] == b'{"stream":"x@trade","data":' + first + b"}"
    assert [m["m"] for m in raw.ear.said] == [False, True]


def test_who_leaves_hears_nothing_more() -> None:
    """Two clients, one leaves: the other goes on; when both have left the stream ends, and begins anew with the next."""
    stage = Stage(Script([(ms, bought(10 + ms)) for ms in range(10, 100, 10)]), "x@trade")
    other = Ear()
    stage.hub.listen(other, "x@trade", NOON)
    stage.now(25)
    stage.hub.unlisten(other, "x@trade")
    stage.now(45)
    stage.hub.unlisten(stage.ear, "x@trade")
    stage.now(65)
    stage.hub.listen(other, "x@trade", NOON)
    stage.now(85)
    assert [m["t"] for m in stage.ear.said] == [1, 2, 3, 4]
    assert [m["t"] for m in other.said] == [1, 2, 7, 8]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frames(size: int) -> None:
    """Lengths at the borders of RFC 6455: two, four or ten bytes of head."""
    ear = Ear()
    ear.put(frame(b"x" * size))
    assert ear.texts == [b"x" * size]
    assert len(ear.bytes) - size == (2 if size < 126 else 4 if size < 65_536 else 10)


# -- faults, exactly --------------------------------------------------------------------------------------------------


def disturbed(fault: Fault, until: int = 200) -> list[int]:
    """Trade ids as they came: trades every 10 ms, looked at every 5 ms, the fault from 22 ms on (before trade 3)."""
    stage = Stage(Script([(ms, bought(10)) for ms in range(10, 201, 10)]), "x@trade")
    for ms in range(5, until + 1, 5):
        if ms == 25:
            stage.faults.inject(fault)
        stage.now(ms)
    return [m["t"] for m in stage.ear.said]


@pytest.mark.parametrize(
    ("fault", "ids"),
    [
        (Fault(kind="drop"), [1, 2, 4, 5, 6]),
        (Fault(kind="gap", count=3), [1, 2, 6, 7, 8]),
        (Fault(kind="mute", seconds=0.05), [1, 2, 8, 9, 10]),
        (Fault(kind="duplicate", count=2), [1, 2, 3, 3, 4, 4, 5]),
        (Fault(kind="reorder"), [1, 2, 4, 3, 5, 6]),
        (Fault(kind="reorder", count=2), [1, 2, 4, 3, 5, 6]),
        (Fault(kind="reorder", count=4), [1, 2, 4, 3, 6, 5, 7]),
        (Fault(kind="delay", seconds=0.03, amount=0.1), [1, 2, 3, 4, 5, 6]),
        (Fault(kind="mute", seconds=9, symbol="Y"), [1, 2, 3, 4, 5]),
        (Fault(kind="mute", seconds=9, stream="aggTrade"), [1, 2, 3, 4, 5]),
        (Fault(kind="gap", count=2, stream="x@trade"), [1, 2, 5, 6]),
    ],
)
def test_what_a_fault_does_to_ids(fault: Fault, ids: list[int]) -> None:
    """Injected before trade 3 of 20: the ids as they come, by hand."""
    assert disturbed(fault)[: len(ids)] == ids


def test_late_messages_keep_their_order() -> None:
    """Trades 3 to 5 come 100 ms late, all others after them: at 120 ms two have come, at 200 ms all that happened."""
    late = Fault(kind="delay", seconds=0.03, amount=0.1)
    assert disturbed(late, until=120) == [1, 2]
    whole = disturbed(late)
    assert whole == list(range(1, len(whole) + 1))
    assert len(whole) >= 18


def test_a_message_held_back_comes_when_nothing_follows() -> None:
    """The last trade of all is to be overtaken, but nothing follows: after a second it is sent."""
    stage = Stage(Script([(10, bought(10))]), "x@trade")
    stage.faults.inject(Fault(kind="reorder"))
    stage.now(5)
    assert stage.now(20) == []
    assert stage.now(900) == []
    assert [m["t"] for m in stage.now(1_100)] == [1]
