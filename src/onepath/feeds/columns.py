"""Bars from columns: the batch every bar feed hands over, and the feed over columns that are in memory already.

Rules: rows come in time order of `at`; rows of one instant keep the feed's order. Columns are plain sequences of
Python numbers, so that making a bar is one call in C. Columns that are NumPy arrays are checked batch by batch
before they are handed out; columns that are lists are their maker's word and are passed on as they are, because
checking them would cost as much as the loop (`onepath.data.open_feed` checks whatever it opens).
Cost: about 0.1 us a bar.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from onepath.feeds.fingerprints import Fingerprint
from onepath.feeds.merging import Chunk, chunk_rows, merged
from onepath.instruments import Instrument
from onepath.market import Bar
from onepath.ports import News

FIELDS = ("open", "high", "low", "close", "volume")
COLUMNS = ("start", "at", *FIELDS)
BATCH = 8_192


class BarBatch:
    """A stretch of bars as columns. `symbols` is one name for all rows, or a name a row."""

    news: Sequence[News] = ()

    def __init__(
        self,
        symbols: str | Sequence[str],
        start: Sequence[int],
        at: Sequence[int],
        prices: Sequence[Sequence[float]],
        last: Sequence[bool] | None = None,
        *,
        parts: Mapping[str, Sequence[Sequence[float]]] | None = None,
    ) -> None:
        """`prices` holds open, high, low, close, volume; `last` is left out where every row is its own instant.

        `parts` holds the prices of each symbol before they were merged, for a batch of several symbols.
        """
        self.size = len(at)
        self._symbols = symbols
        self._start = start
        self._at = at
        self._prices = prices
        self._last = last
        self._parts = parts

    @property
    def ends_at(self) -> int:
        """When the last bar ends."""
        return self._at[-1] if self.size else 0

    def events(self) -> Iterator[tuple[Bar, bool]]:
        names = repeat(self._symbols) if isinstance(self._symbols, str) else self._symbols
        last = repeat(True) if self._last is None else self._last
        return zip(map(Bar, names, self._start, self._at, *self._prices), last, strict=False)

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        """The rows of one symbol, as columns by field name."""
        if isinstance(self._symbols, str):
            prices = self._prices if symbol == self._symbols else None
        elif self._parts is not None:
            prices = self._parts.get(symbol)
        else:
            rows = [i for i, name in enumerate(self._symbols) if name == symbol]
            prices = [[column[i] for i in rows] for column in self._prices]
        return None if prices is None else dict(zip(FIELDS, prices, strict=True))


class ColumnFeed:
    """Bars that are in memory: for each symbol seven columns by name, `start`, `at` and the five of `FIELDS`."""

    def __init__(
        self,
        columns: Mapping[str, Mapping[str, Any]],
        instruments: Mapping[str, Instrument],
        *,
        interval_ns: int = 0,
        calendar: str = "24/7",
        batch: int = BATCH,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """The order of `columns` is the feed's order. `origin` is what `describe` says about where they are from."""
        self.instruments: Mapping[str, Instrument] = {symbol: instruments[symbol] for symbol in columns}
        self.total: int | None = sum(len(c["at"]) for c in columns.values())
        self.volumes: Collection[str] = frozenset(symbol for symbol, c in columns.items() if any(c["volume"]))
        self.kinds: Mapping[str, Collection[str]] = {}
        self.interval_ns = interval_ns
        self.calendar = calendar
        self.columns = columns
        self._batch = batch
        self._origin = dict(origin or {"source": "memory"})
        self._fingerprint = ""

    def batches(self) -> Iterator[BarBatch]:
        """The bars in time order. Raises DataError at the first that is out of order or not a price."""
        rows = chunk_rows(self._batch, len(self.columns))
        return as_batches({symbol: _chunks(symbol, c, rows) for symbol, c in self.columns.items()}, rows)

    def fingerprint(self) -> str:
        """Hash of all bars of this feed, read or not."""
        if not self._fingerprint:
            whole = Fingerprint(self.columns)
            for symbol, columns in self.columns.items():
                whole.add(symbol, [_buffer(name, columns[name]) for name in COLUMNS])
            self._fingerprint = whole.hexdigest()
        return self._fingerprint

    def note(self, said: Sequence[str]) -> None:
        """Something more to say of where the bars are from."""
        self._origin["notes"] = [*self._origin.get("notes", ()), *said]

    def describe(self) -> dict[str, Any]:
        """What the manifest says of this feed, ready for JSON."""
        ends = [(int(c["at"][0]), int(c["at"][-1])) for c in self.columns.values() if len(c["at"])]
        return self._origin | {
            "symbols": list(self.columns),
            "interval_ns": self.interval_ns,
            "first_at": min((first for first, _ in ends), default=None),
            "last_at": max((last for _, last in ends), default=None),
            "events": self.total,
        }


def as_batches(chunks: Mapping[str, Iterator[Chunk]], rows: int) -> Iterator[BarBatch]:
    """Each symbol's chunks as batches in time order; a symbol alone needs no merge."""
    if len(chunks) == 1:
        ((symbol, alone),) = chunks.items()
        for start, at, *prices in alone:
            yield BarBatch(symbol, start, at, prices)
        return
    for names, (start, at, *prices), last, parts in merged(chunks, rows):
        yield BarBatch(names, start, at, prices, last, parts=parts)


def _chunks(symbol: str, columns: Mapping[str, Any], rows: int) -> Iterator[Chunk]:
    ordered = [columns[name] for name in COLUMNS]
    if all(isinstance(column, list) for column in ordered):
        return _list_chunks(ordered, rows)
    return _array_chunks(symbol, ordered, rows)


def _list_chunks(columns: Sequence[list[Any]], rows: int) -> Iterator[Chunk]:
    for first in range(0, len(columns[0]), rows):
        yield [column[first : first + rows] for column in columns]


def _array_chunks(symbol: str, columns: Sequence[Any], rows: int) -> Iterator[Chunk]:
    from onepath.feeds.checks import Checked

    checked = Checked(f"symbol {symbol}")
    for first in range(0, len(columns[0]), rows):
        piece = [column[first : first + rows] for column in columns]
        checked.check(piece)
        yield [column.tolist() for column in piece]


def _buffer(name: str, column: Any) -> Any:
    """The column's 64-bit values as one contiguous buffer."""
    if isinstance(column, list):
        return array("q" if name in {"start", "at"} else "d", column)
    import numpy as np

    return np.ascontiguousarray(column)
