"""Tables of quotes, trades and order books to canonical columns, by the policies that were asked for.

Rules: nothing is dropped or filled in unless the user chose it, and what was is counted and named in the notes.
`crossed="drop"` leaves out quotes whose bid is above their ask. `sides="one"` reads rows that carry one side (the other
is 0 or missing) and carries the other side forward; rows before both sides are known are left out. Book messages that
came before the first snapshot and are newer than it follow it, at its time, as venues prescribe; older ones are left
out. Rows keep the number that the user knows them by, so that a DataError names the right one.
Limits: one-sided rows of several exchanges are carried forward as one stream, so the result may well be crossed.
A book is converted whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from onepath.data import reading
from onepath.data.places import Place
from onepath.data.stamps import read as read_stamps
from onepath.data.stamps import require
from onepath.data.tables import SYMBOLS, find, floats
from onepath.data.tickcolumns import TickOptions, columns_of, kind_of, time_column
from onepath.feeds.bookrows import message_starts
from onepath.feeds.parquet import ROW_GROUP
from onepath.feeds.tickchecks import CheckedTicks
from onepath.feeds.ticks import COLUMNS

Columns = list[Any]

_BUYS = ("b", "bid", "bids", "buy", "buyer", "1")
_SELLS = ("a", "ask", "asks", "s", "sell", "seller", "-1")


@dataclass(frozen=True)
class TickRows:
    """One symbol's canonical columns, and what should be known about them."""

    symbol: str | None
    kind: str
    columns: Columns
    notes: Sequence[str]


class Converter:
    """One symbol's table, in one or more pieces, to canonical columns; the policies' memory between pieces."""

    def __init__(self, names: Sequence[str], options: TickOptions, place: Place) -> None:
        self.kind = options.kind or kind_of(names)
        self._names = names
        self._options = options
        self._place = place
        self._time = time_column(names, options.time, place)
        self._fields = columns_of(self.kind, names, place)
        self._rows = self._kept_before = 0
        self._kept: Any = None
        self._sides = (np.nan, 0.0, np.nan, 0.0)
        self._counts = {"crossed": 0, "locked": 0, "early": 0, "stale": 0}
        self._checked = CheckedTicks(self.kind, place.where, self._name)

    def convert(self, table: pa.Table) -> Columns:
        """The next piece. Raises DataError, with the row, at the first that cannot be."""
        columns = self.raw(table)
        keep = np.arange(table.num_rows)
        if self.kind == "quotes":
            columns, keep = self._policies(columns, keep)
        self._kept = keep
        self._checked.check(columns)
        self._kept_before += len(keep)
        self._rows += table.num_rows
        return self._ordered(columns) if self.kind == "book" else columns

    def raw(self, table: pa.Table) -> Columns:
        """The columns as they came, unchecked."""
        return [self._times(table), *_READERS[self.kind](self, table)]

    def notes(self) -> list[str]:
        """What was done to the rows, and what is odd about them."""
        unused = [n for n in self._names if n not in {self._time, *self._fields.values()} and n not in SYMBOLS]
        said = [
            (self._counts["crossed"], "crossed quotes (bid above ask) left out"),
            (self._counts["early"], "rows left out before both sides were known"),
            (self._counts["locked"], "locked quotes (bid equal to ask)"),
            (self._counts["stale"], "book messages left out that are older than the snapshot"),
        ]
        notes = [f"time is column {self._time!r}", *(f"{count:,} {what}" for count, what in said if count)]
        if self.kind == "quotes" and self._fields["bid_size"] is None:
            notes.append("no sizes: they are 0, which means unknown")
        return [*notes, f"columns not used: {', '.join(unused)}"] if unused else notes

    def _name(self, kept: int) -> str:
        return self._place.row(self._rows + int(self._kept[kept - self._kept_before]))

    def _times(self, table: pa.Table) -> Any:
        column = table.column(self._time).combine_chunks()
        if self._time == "at" and pa.types.is_int64(column.type) and not column.null_count:
            return column.to_numpy(zero_copy_only=False)
        stamps = read_stamps(column, self._place, self._time)
        require(stamps, self._place, self._time, column)
        return stamps.utc

    def _floats(self, table: pa.Table, field: str) -> Any:
        name = self._fields[field]
        return np.zeros(table.num_rows) if name is None else floats(table.column(name), self._place, name)

    def _integers(self, table: pa.Table, field: str) -> Any:
        name = self._fields[field]
        if name is None:
            return np.zeros(table.num_rows, np.int64)
        return pc.fill_null(table.column(name).cast(pa.int64()), 0).combine_chunks().to_numpy(zero_copy_only=False)

    def _signs(self, table: pa.Table, field: str) -> Any:
        """+1 and -1 of a column that says buy or sell in some way; 0 where it says nothing."""
        name = self._fields[field]
        if name is None:
            return np.zeros(table.num_rows, np.int64)
        column = table.column(name).combine_chunks()
        codes = column.cast(pa.string()).dictionary_encode()
        signs = []
        for text in codes.dictionary.to_pylist():
            word = text.strip().lower().removesuffix(".0")
            if word not in {*_BUYS, *_SELLS, "", "0", "n", "none", "unknown"}:
                self._place.fail(f"column {name!r} has {text!r}; expected buy or sell, b or a, 1 or -1")
            signs.append(1 if word in _BUYS else -1 if word in _SELLS else 0)
        index = pc.fill_null(codes.indices, len(signs)).to_numpy(zero_copy_only=False)
        return np.array([*signs, 0], dtype=np.int64)[index]

    # -- the kinds ----------------------------------------------------------------------------------------------------

    def quotes(self, table: pa.Table) -> Columns:
        """Bid, ask and their sizes."""
        return [self._floats(table, field) for field in COLUMNS["quotes"][1:]]

    def trades(self, table: pa.Table) -> Columns:
        """Price, size and who took liquidity."""
        maker = self._fields["maker"]
        if maker is None:
            aggressor = self._signs(table, "aggressor")
        else:
            sold = pc.fill_null(table.column(maker).cast(pa.bool_()), False).combine_chunks()
            aggressor = np.where(sold.to_numpy(zero_copy_only=False), -1, 1).astype(np.int64)
        return [self._floats(table, "price"), self._floats(table, "size"), aggressor]

    def book(self, table: pa.Table) -> Columns:
        """Update ids, the snapshot mark, side, price and size of each level."""
        previous = self._integers(table, "previous")
        given = self._integers(table, "first_id")
        follows = self._fields["previous"] is not None
        first = np.where(previous >= 0, previous + 1, given) if follows else given
        ids = [first, self._integers(table, "last_id"), self._integers(table, "snapshot")]
        return [*ids, self._signs(table, "side"), self._floats(table, "price"), self._floats(table, "size")]

    def _policies(self, columns: Columns, keep: Any) -> tuple[Columns, Any]:
        at, bid, ask, bid_size, ask_size = columns
        if self._options.sides == "one":
            bid, bid_size = self._carried(bid, bid_size, 0)
            ask, ask_size = self._carried(ask, ask_size, 2)
            keep = np.flatnonzero(~(np.isnan(bid) | np.isnan(ask)))
            self._counts["early"] += len(at) - len(keep)
        with np.errstate(invalid="ignore"):
            if self._options.crossed == "drop":
                crossed = (bid > ask)[keep] & (ask > 0)[keep]
                self._counts["crossed"] += int(crossed.sum())
                keep = keep[~crossed]
        columns = [column[keep] for column in (at, bid, ask, bid_size, ask_size)]
        self._counts["locked"] += int((columns[1] == columns[2]).sum())
        return columns, keep

    def _carried(self, price: Any, size: Any, side: int) -> tuple[Any, Any]:
        """A side's price and size in every row: its own, or the last before it."""
        there = ~(np.isnan(price) | (price == 0))
        last = np.maximum.accumulate(np.where(there, np.arange(len(price)), -1)) if len(price) else there
        price = np.where(last >= 0, price[last], self._sides[side])
        size = np.where(last >= 0, size[last], self._sides[side + 1])
        if len(price):
            kept = list(self._sides)
            kept[side], kept[side + 1] = float(price[-1]), float(size[-1])
            self._sides = (kept[0], kept[1], kept[2], kept[3])
        return price, size

    def _ordered(self, columns: Columns) -> Columns:
        """The book from its first snapshot on, without the messages that it or a later one already holds."""
        snapshot = columns[3] > 0
        if not snapshot.any():
            self._place.fail("the book has no snapshot; expected one, its rows marked by a column such as is_snapshot")
        starts = message_starts(columns)
        first = int(snapshot.argmax())
        end = int(starts[np.searchsorted(starts, first, side="right")]) if first < starts[-1] else len(snapshot)
        newer = np.flatnonzero(columns[2][:first] > columns[2][first])
        early = int(np.searchsorted(starts, first))
        self._counts["stale"] += early - len(np.unique(np.searchsorted(starts, newer, side="right")))
        columns[0] = columns[0].copy()
        columns[0][newer] = columns[0][first]
        order = np.concatenate((np.arange(first, end), newer, np.arange(end, len(snapshot))))
        return self._current([column[order] for column in columns])

    def _current(self, columns: Columns) -> Columns:
        """Without messages that follow a snapshot and are older than it."""
        starts = message_starts(columns)
        ends = np.append(starts[1:], len(columns[0]))
        keep = np.ones(len(columns[0]), dtype=bool)
        newest = 0
        for i, (last_id, snapshot) in enumerate(zip(columns[2][starts], columns[3][starts], strict=True)):
            if snapshot:
                newest = int(last_id)
            elif newest and last_id and last_id <= newest:
                keep[starts[i] : ends[i]] = False
                self._counts["stale"] += 1
            else:
                newest = 0
        return [np.ascontiguousarray(column[keep]) for column in columns]


_READERS: Mapping[str, Callable[[Converter, pa.Table], Columns]] = {
    "quotes": Converter.quotes,
    "trades": Converter.trades,
    "book": Converter.book,
}


def read_ticks(table: pa.Table, place: Place, options: TickOptions) -> list[TickRows]:
    """A table's rows by symbol, symbols in sorted order; one without a name where there is no symbol column."""
    if not table.num_rows:
        place.fail("there are no rows; expected at least one")
    symbol = find(table.column_names, SYMBOLS, place, "symbol")
    parts: dict[str | None, Any] = (
        {None: None} if symbol is None else dict(rows_of(table.column(symbol), place, symbol))
    )
    found = []
    for name, rows in parts.items():
        converter = Converter(table.column_names, options, place if rows is None else place.only(rows))
        columns = converter.convert(table if rows is None else table.take(pa.array(rows)))
        found.append(TickRows(name, converter.kind, columns, converter.notes()))
    return found


def rows_of(column: Any, place: Place, name: str) -> Iterator[tuple[str, Any]]:
    """Each symbol and its rows."""
    if column.null_count:
        place.fail(f"column {name!r} has rows without a symbol; expected one in every row")
    codes = column.combine_chunks().cast(pa.string()).dictionary_encode()
    index, names = codes.indices.to_numpy(), codes.dictionary.to_pylist()
    for symbol in sorted(names):
        yield symbol, np.flatnonzero(index == names.index(symbol))


def stream_ticks(path: Path, converter: Converter) -> Iterator[Columns]:
    """A Parquet file's canonical columns, a row group's worth at a time."""
    for batch in reading.parquet(path).iter_batches(ROW_GROUP, use_threads=False):
        yield converter.convert(pa.Table.from_batches([batch]))
