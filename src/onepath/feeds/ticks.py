"""Quotes, trades and order books from columns, alone or several of them on one clock, with or without bars.

Rules: a stream is one kind of event of one symbol, in time order; rows of one stream may share an instant, as many
trades do. Streams are merged by `at`; within an instant they keep the feed's order of streams, and the rows of a stream
theirs. An instant is never divided between two batches. Columns that are lists are their maker's word; arrays are
checked chunk by chunk, before they are handed out.
Limits: ticks have no columns for features; features are of bars.
Cost: about 0.15 us an event, 0.1 us more where streams are merged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import itemgetter, ne
from typing import Any

from onepath.actions import CorporateAction
from onepath.feeds.columns import BATCH
from onepath.instruments import Instrument
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade

Chunk = list[list[Any]]
"""a stream's columns, `at` first; of a book: `at` and the events themselves"""

QUOTES = ("at", "bid", "ask", "bid_size", "ask_size")
TRADES = ("at", "price", "size", "aggressor")
BARS = ("at", "start", "open", "high", "low", "close", "volume")

Part = tuple["Stream", Chunk]


def _bars(symbol: str, chunk: Chunk) -> Iterator[MarketEvent]:
    at, start, *prices = chunk
    return map(Bar, repeat(symbol), start, at, *prices)


def _quotes(symbol: str, chunk: Chunk) -> Iterator[MarketEvent]:
    return map(Quote, repeat(symbol), *chunk)


def _trades(symbol: str, chunk: Chunk) -> Iterator[MarketEvent]:
    return map(Trade, repeat(symbol), *chunk)


def _books(symbol: str, chunk: Chunk) -> Iterator[MarketEvent]:
    updates: list[BookUpdate] = chunk[1]
    return iter(updates)


MAKERS: Mapping[str, Callable[[str, Chunk], Iterator[MarketEvent]]] = {
    "bars": _bars,
    "quotes": _quotes,
    "trades": _trades,
    "book": _books,
}


@dataclass(frozen=True)
class Stream:
    """One kind of event of one symbol."""

    symbol: str
    kind: str

    def events(self, chunk: Chunk) -> Iterator[MarketEvent]:
        return MAKERS[self.kind](self.symbol, chunk)


class TickBatch:
    """A stretch of one or more streams: whole instants."""

    actions: Sequence[CorporateAction] = ()

    def __init__(self, parts: Sequence[Part]) -> None:
        """A chunk a stream, in the feed's order."""
        self.size = sum(len(chunk[0]) for _, chunk in parts)
        self._parts = parts

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        if len(self._parts) == 1:
            ((stream, chunk),) = self._parts
            return zip(stream.events(chunk), _ends(chunk[0]), strict=True)
        at = list(chain.from_iterable(chunk[0] for _, chunk in self._parts))
        pick = itemgetter(*sorted(range(len(at)), key=at.__getitem__))
        makers = (repeat(stream.events(chunk), len(chunk[0])) for stream, chunk in self._parts)
        in_turn = pick(list(chain.from_iterable(makers)))
        return zip(map(next, in_turn), _ends(pick(at)), strict=True)

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        """None: features are of bars."""
        return None


def _ends(at: Sequence[int]) -> Iterator[bool]:
    """Whether a row is the last of its instant."""
    return chain(map(ne, at, at[1:]), (True,))


def merged(chunks: Mapping[Stream, Iterator[Chunk]], rows: int) -> Iterator[TickBatch]:
    """All streams in time order, in batches of whole instants; `rows` is what a chunk has of them."""
    waiting: dict[Stream, Chunk] = {}
    open_ends = dict(chunks)
    while open_ends or waiting:
        for stream in [s for s in open_ends if len(waiting[s][0] if s in waiting else ()) < rows]:
            _top_up(waiting, stream, open_ends)
        parts = _take(waiting, chunks, open_ends)
        if parts:
            yield TickBatch(parts)
        else:
            for stream in _latest_ends(waiting, open_ends):
                _top_up(waiting, stream, open_ends)


def _top_up(waiting: dict[Stream, Chunk], stream: Stream, open_ends: dict[Stream, Iterator[Chunk]]) -> None:
    """Another chunk of a stream behind what waits of it; a stream at its end is taken off the open ones."""
    more = next(open_ends[stream], None)
    if more is None:
        del open_ends[stream]
    elif stream in waiting:
        waiting[stream] = [old + new for old, new in zip(waiting[stream], more, strict=True)]
    else:
        waiting[stream] = more


def _take(waiting: dict[Stream, Chunk], order: Collection[Stream], open_ends: Collection[Stream]) -> list[Part]:
    """Cut off the rows before the first open end: what follows of any stream is not before it, but may be at it."""
    horizon = min((waiting[s][0][-1] for s in open_ends), default=None)
    parts = []
    for stream in [s for s in order if s in waiting]:
        chunk = waiting[stream]
        rows = len(chunk[0]) if horizon is None else bisect_left(chunk[0], horizon)
        if rows == len(chunk[0]):
            parts.append((stream, waiting.pop(stream)))
        elif rows:
            parts.append((stream, [column[:rows] for column in chunk]))
            waiting[stream] = [column[rows:] for column in chunk]
    return parts


def _latest_ends(waiting: Mapping[Stream, Chunk], open_ends: Collection[Stream]) -> list[Stream]:
    """The streams that hold the others up: their chunk ends within the first instant."""
    horizon = min(waiting[s][0][-1] for s in open_ends)
    return [s for s in open_ends if waiting[s][0][-1] == horizon]


class TickFeed:
    """Ticks that are in memory: for each symbol its kinds ("quotes", "trades", "bars"), each as columns by name."""

    def __init__(
        self,
        columns: Mapping[str, Mapping[str, Mapping[str, Any]]],
        instruments: Mapping[str, Instrument],
        *,
        calendar: str = "24/7",
        batch: int = BATCH,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """The order of `columns`, and of the kinds within, is the feed's order. Sizes and aggressor may be left out."""
        self.instruments: Mapping[str, Instrument] = {symbol: instruments[symbol] for symbol in columns}
        self._streams = {Stream(s, kind): filled(kind, c) for s, kinds in columns.items() for kind, c in kinds.items()}
        self.total: int | None = sum(len(c[0]) for c in self._streams.values())
        self.volumes: Collection[str] = frozenset(
            stream.symbol for stream, c in self._streams.items() if stream.kind == "bars" and any(c[-1])
        )
        self.interval_ns = 0
        self.calendar = calendar
        self._batch = batch
        self._origin = dict(origin or {"source": "memory"})

    def batches(self) -> Iterator[TickBatch]:
        """The events in time order."""
        rows = max(64, self._batch // max(1, len(self._streams)))
        return merged({s: _chunks(c, rows) for s, c in self._streams.items()}, rows)

    def fingerprint(self) -> str:
        """Hash of all events of this feed, read or not."""
        return ""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of this feed, ready for JSON."""
        ends = [(int(c[0][0]), int(c[0][-1])) for c in self._streams.values() if len(c[0])]
        return self._origin | {
            "symbols": list(self.instruments),
            "kinds": {s: [k.kind for k in self._streams if k.symbol == s] for s in self.instruments},
            "interval_ns": 0,
            "first_at": min((first for first, _ in ends), default=None),
            "last_at": max((last for _, last in ends), default=None),
            "events": self.total,
        }


def filled(kind: str, columns: Mapping[str, Any]) -> list[Any]:
    """The columns of a kind in their order; sizes that are not there are 0, an aggressor is unknown."""
    names = {"quotes": QUOTES, "trades": TRADES, "bars": BARS}[kind]
    rows = len(columns["at"])
    missing = [0 if name == "aggressor" else 0.0 for name in names]
    return [columns[name] if name in columns else [gap] * rows for name, gap in zip(names, missing, strict=True)]


def _chunks(columns: Sequence[Any], rows: int) -> Iterator[Chunk]:
    for first in range(0, len(columns[0]), rows):
        piece = [column[first : first + rows] for column in columns]
        yield [column if isinstance(column, list) else column.tolist() for column in piece]
