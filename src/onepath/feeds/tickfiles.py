"""Quotes, trades and order books in canonical Parquet, streamed in bounded memory.

Rules: a file holds one kind of one symbol, with the columns of `feeds.ticks.COLUMNS`, whole numbers as int64 and the
rest as float64, times in nanoseconds UTC, never backwards, in row groups of 65,536. Rows are checked as they stream,
before they are handed out. `start` is inclusive, `end` exclusive, both compared with `at`; row groups outside are not
read, but for books, which are rebuilt from the file's first snapshot on.
Cost: about 0.2 us an event from file to columns; one row group of each stream in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from onepath.feeds import bookrows
from onepath.feeds.parquet import ROW_GROUP, arrays_of, ends_of, opened, stretch
from onepath.feeds.tickchecks import CheckedTicks
from onepath.feeds.ticks import COLUMNS, INTEGERS, Chunk

KINDS = ("quotes", "trades", "book")

SCHEMAS: Mapping[str, pa.Schema] = {
    kind: pa.schema([(name, pa.int64() if name in INTEGERS else pa.float64()) for name in COLUMNS[kind]])
    for kind in KINDS
}


def kind_of(schema: Any) -> str | None:
    """The kind that a file of this schema holds, if it is canonical."""
    return next((k for k, s in SCHEMAS.items() if schema.names == s.names and schema.types == s.types), None)


class TickFile:
    """One stream in one canonical file."""

    hashes = True

    def __init__(self, kind: str, path: Path, start: int | None = None, end: int | None = None) -> None:
        self._kind = kind
        self._begin = start if kind == "book" else None
        self._stretch = stretch(path, None if kind == "book" else start, end, SCHEMAS[kind])
        self.file_rows = opened(path, SCHEMAS[kind]).metadata.num_rows
        self.total = self._messages() if kind == "book" else self._stretch.rows

    def ends(self) -> tuple[int, int] | None:
        if not self.total:
            return None
        first, last = ends_of(self._stretch)
        return max(first, self._begin or first), last

    def pieces(self, rows: int) -> Iterator[Sequence[Any]]:
        checked = CheckedTicks(self._kind, str(self._stretch.path), row=self._stretch.first_row)
        for columns in arrays_of(self._stretch, rows):
            checked.check(columns)
            yield columns

    def events(self, symbol: str, pieces: Iterator[Sequence[Any]]) -> Iterator[Chunk]:
        if self._kind == "book":
            where, row = str(self._stretch.path), self._stretch.first_row
            return bookrows.messages(symbol, pieces, self._begin, where, row)
        return ([column.tolist() for column in piece] for piece in pieces)

    def _messages(self) -> int:
        """Messages from `begin` on: one pass over the file."""
        count, before = 0, None
        for columns in arrays_of(self._stretch, ROW_GROUP):
            heads = columns[:4] if before is None else [np.concatenate(p) for p in zip(before, columns, strict=False)]
            starts = bookrows.message_starts(heads)
            at = heads[0][starts if before is None else starts[1:]]
            count += int((at >= (self._begin or 0)).sum())
            before = [column[-1:] for column in columns[:4]]
        return count
