"""What Binance says on its public streams and REST, decoded strictly into our events. No sockets, no clock.

Rules: a message either is what the venue documents, with numbers that make sense (prices above zero, sizes zero or above,
all finite, times within reason), or `UnreadableError` is raised, whatever the bytes were: nothing half-read goes on. Fields we
do not use may come, go and change. Numbers may be sent as text or as numbers. Spot and USD-M futures have the same shapes.
`venue_at` is the time of the trade, the end of the bar, else the time of the message; `at` is 0 until the event is queued.
Cost: 1 to 2 us a trade.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, NoReturn, TypeVar

import msgspec

from onepath.errors import DataError
from onepath.market import Bar, Levels, Quote, Trade

MS = 1_000_000
_T = TypeVar("_T")
_Time = Annotated[int, msgspec.Meta(gt=0, lt=9_000_000_000_000)]
"""milliseconds since 1970, up to the year 2255"""
_Number = Annotated[int, msgspec.Meta(gt=0, lt=2**62)]
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]
_Price = Annotated[float, msgspec.Meta(gt=0, lt=1e15)]
_Size = Annotated[float, msgspec.Meta(ge=0, lt=1e18)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Level = tuple[_Price, _Size]
HIGHEST = 1e18
"""no price or size is above"""
HEAD = 160
"""characters of a message that a report shows"""


class UnreadableError(DataError):
    """A message is not what the venue documents: it is logged, counted and left out."""


class Candle(NamedTuple):
    """A bar as it stands, and whether it has ended; `interval` as the venue writes it."""

    bar: Bar
    closed: bool
    interval: str


class Depth(NamedTuple):
    """What a message says of a book. `previous_id` where the venue names the id before instead of the first."""

    symbol: str
    venue_at: int
    bids: Levels
    asks: Levels
    first_id: int
    last_id: int
    previous_id: int | None = None
    snapshot: bool = False


class Reply(NamedTuple):
    """An answer to a request of ours; `error` where it was refused."""

    id: int | str | None
    error: str = ""


class Notice(NamedTuple):
    """A message about the service: `name` as the venue calls it, such as serverShutdown."""

    name: str


Message = Trade | Candle | Quote | Depth | Reply | Notice


class _Trade(msgspec.Struct, tag_field="e", tag="trade"):
    s: _Name
    t: _Number
    p: _Price
    q: _Size
    T: _Time
    m: bool

    def event(self) -> Trade:
        return Trade(self.s, 0, self.p, self.q, -1 if self.m else 1, self.T * MS, self.t)


class _AggTrade(msgspec.Struct, tag_field="e", tag="aggTrade"):
    s: _Name
    a: _Number
    p: _Price
    q: _Size
    T: _Time
    m: bool

    def event(self) -> Trade:
        return Trade(self.s, 0, self.p, self.q, -1 if self.m else 1, self.T * MS, self.a)


class _K(msgspec.Struct):
    t: _Time
    T: _Time
    i: _Name
    o: _Price
    h: _Price
    l: _Price  # noqa: E741 - the venue's name
    c: _Price
    v: _Size
    x: bool


class _Kline(msgspec.Struct, tag_field="e", tag="kline"):
    s: _Name
    k: _K

    def event(self) -> Candle:
        k = self.k
        return Candle(bar_of(self.s, k.t, k.T, k.o, k.h, k.l, k.c, k.v), k.x, k.i)


class _Ticker(msgspec.Struct, tag_field="e", tag="bookTicker"):
    s: _Name
    u: _Number
    b: _Price
    B: _Size
    a: _Price
    A: _Size
    T: _Time | None = None

    def event(self) -> Quote:
        return quote_of(self.s, self.b, self.a, self.B, self.A, (self.T or 0) * MS, self.u)


class _DepthUpdate(msgspec.Struct, tag_field="e", tag="depthUpdate"):
    s: _Name
    E: _Time
    U: _Count
    u: _Number
    b: tuple[_Level, ...]
    a: tuple[_Level, ...]
    pu: _Count | None = None

    def event(self) -> Depth:
        if self.u < self.U:
            raise ValueError(f"the last update id {self.u} is before the first, {self.U}")
        return Depth(self.s, self.E * MS, self.b, self.a, self.U, self.u, self.pu)


class _Head(msgspec.Struct):
    """What a message is that does not say `e`."""

    e: str | None = None
    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    result: Any = msgspec.UNSET
    error: Any = msgspec.UNSET
    code: Any = msgspec.UNSET
    id: int | str | None = None
    b: Any = msgspec.UNSET
    a: Any = msgspec.UNSET


class _PlainTicker(msgspec.Struct):
    """Spot's bookTicker does not say what it is."""

    s: _Name
    u: _Number
    b: _Price
    B: _Size
    a: _Price
    A: _Size

    def event(self) -> Quote:
        return quote_of(self.s, self.b, self.a, self.B, self.A, 0, self.u)


class _RestTrade(msgspec.Struct):
    id: _Number
    price: _Price
    qty: _Size
    time: _Time
    isBuyerMaker: bool  # noqa: N815 - the venue's name


class _RestAggTrade(msgspec.Struct):
    a: _Number
    p: _Price
    q: _Size
    T: _Time
    m: bool


class _RestDepth(msgspec.Struct):
    lastUpdateId: _Number  # noqa: N815 - the venue's name
    bids: tuple[_Level, ...]
    asks: tuple[_Level, ...]
    E: _Time | None = None


_RestKline = tuple[_Time, _Price, _Price, _Price, _Price, _Size, _Time, Any, Any, Any, Any, Any]
_EVENTS = msgspec.json.Decoder(_Trade | _AggTrade | _Kline | _Ticker | _DepthUpdate, strict=False)
_HEAD = msgspec.json.Decoder(_Head)
_TICKER = msgspec.json.Decoder(_PlainTicker, strict=False)
_TRADES = msgspec.json.Decoder(list[_RestTrade], strict=False)
_AGG_TRADES = msgspec.json.Decoder(list[_RestAggTrade], strict=False)
_KLINES = msgspec.json.Decoder(list[_RestKline], strict=False)
_DEPTH = msgspec.json.Decoder(_RestDepth, strict=False)
_BAD = (msgspec.MsgspecError, ValueError, RecursionError)
"""what a decoder raises on bad bytes (invalid UTF-8 is a ValueError)"""


def decode(data: bytes | str) -> Message:
    """A message of a stream, wrapped ({"stream", "data"}) or not. Raises UnreadableError."""
    try:
        return _event(data)
    except _BAD as error:
        return _otherwise(data, error)


def _event(data: bytes | str | msgspec.Raw) -> Message:
    return _EVENTS.decode(data).event()  # type: ignore[no-any-return]


def _otherwise(data: bytes | str, first: Exception) -> Message:
    try:
        head = _HEAD.decode(data)
        if head.stream is not None and bytes(head.data):
            return _wrapped(head.stream, head.data)
        if head.e is not None:
            if head.e in _KNOWN:
                raise first
            return Notice(head.e)
        if head.b is not msgspec.UNSET and head.a is not msgspec.UNSET:
            return _TICKER.decode(data).event()
        return _reply(head)
    except _BAD as error:
        _refuse(data, error)


def _wrapped(stream: str, data: msgspec.Raw) -> Message:
    if stream.endswith("@bookTicker"):
        head = _HEAD.decode(data)
        return _TICKER.decode(data).event() if head.e is None else _event(data)
    head = _HEAD.decode(data)
    if head.e in _KNOWN:
        return _event(data)
    if head.e is None:
        raise ValueError("it does not say what it is (field e)")
    return Notice(head.e)


def _reply(head: _Head) -> Reply:
    if head.error is not msgspec.UNSET or head.code is not msgspec.UNSET:
        return Reply(head.id, str(head.code if head.error is msgspec.UNSET else head.error)[:HEAD])
    if head.result is msgspec.UNSET:
        raise ValueError("it is neither an event nor a reply")
    return Reply(head.id)


_KNOWN = frozenset({"trade", "aggTrade", "kline", "bookTicker", "depthUpdate"})


def bar_of(symbol: str, start: int, end: int, o: float, h: float, low: float, c: float, volume: float) -> Bar:
    if not (low <= o <= h and low <= c <= h):
        raise ValueError(f"the prices of the bar at {start} ms contradict each other: {o}, {h}, {low}, {c}")
    if end < start:
        raise ValueError(f"the bar at {start} ms ends before it begins, at {end} ms")
    return Bar(symbol, start * MS, 0, o, h, low, c, volume, (end + 1) * MS)


def quote_of(symbol: str, bid: float, ask: float, bid_size: float, ask_size: float, at: int, number: int) -> Quote:
    if bid >= ask:
        raise ValueError(f"the best bid {bid} is not below the best ask {ask}")
    return Quote(symbol, 0, bid, ask, bid_size, ask_size, at, number)


def trades(symbol: str, data: bytes | str) -> list[Trade]:
    """GET trades and historicalTrades."""
    return _read(
        data,
        lambda: [
            Trade(symbol, 0, t.price, t.qty, -1 if t.isBuyerMaker else 1, t.time * MS, t.id)
            for t in _TRADES.decode(data)
        ],
    )


def agg_trades(symbol: str, data: bytes | str) -> list[Trade]:
    """GET aggTrades."""
    return _read(
        data,
        lambda: [Trade(symbol, 0, t.p, t.q, -1 if t.m else 1, t.T * MS, t.a) for t in _AGG_TRADES.decode(data)],
    )


def klines(symbol: str, data: bytes | str) -> list[Bar]:
    """GET klines: all rows, the one that has not ended included."""
    return _read(data, lambda: [bar_of(symbol, r[0], r[6], r[1], r[2], r[3], r[4], r[5]) for r in _KLINES.decode(data)])


def snapshot(symbol: str, data: bytes | str) -> Depth:
    """GET depth."""

    def read() -> Depth:
        book = _DEPTH.decode(data)
        return Depth(symbol, (book.E or 0) * MS, book.bids, book.asks, 0, book.lastUpdateId, snapshot=True)

    return _read(data, read)


def _read(data: bytes | str, how: Callable[[], _T]) -> _T:
    try:
        return how()
    except _BAD as error:
        _refuse(data, error)


def _refuse(data: bytes | str, error: Exception) -> NoReturn:
    raise UnreadableError(f"A message of the venue cannot be read: {error}; it begins {head(data)}.") from None


def head(data: bytes | str) -> str:
    """The beginning of a message, fit for a line of a log."""
    text = data[:HEAD].decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data[:HEAD]
    return repr(text) + ("..." if len(data) > HEAD else "")
