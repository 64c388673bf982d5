"""Tables as users have them, to rows a symbol: which column is the time, which are prices, which names the symbol.

Rules: column names are compared without case and surrounding blanks. A column that is needed and missing, or there
twice, is an error that lists what was found. Without volume, volume is zero. Other columns are left alone and named
in the notes. Nothing is checked or changed here beyond what the types need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from onepath.data import stamps
from onepath.data.places import Place
from onepath.data.stamps import Stamps
from onepath.feeds.columns import FIELDS

TIMES = ("timestamp", "datetime", "date", "time", "ts", "timestamp_utc", "time_utc", "open_time", "opentime", "start")
SYMBOLS = ("symbol", "ticker")
VOLUMES = ("volume", "vol", "volumefrom")
_MOST_NAMES = 12


@dataclass(frozen=True)
class Raw:
    """One symbol's rows as they came: times, five columns of floats, and where each row stands in the source."""

    symbol: str | None
    place: Place
    stamps: Stamps
    values: Sequence[Any]
    time_name: str
    texts: Any = None

    def take(self, rows: Any) -> Raw:
        """Some of the rows, by number."""
        values = [column[rows] for column in self.values]
        texts = None if self.texts is None else self.texts.take(pa.array(rows))
        return Raw(self.symbol, self.place.only(rows), self.stamps.take(rows), values, self.time_name, texts)


def plain(name: object) -> str:
    """A column's name without case and ornament."""
    return str(name).strip().strip("<>").lower().replace(" ", "_")


def find(names: Sequence[str], wanted: Sequence[str], place: Place, what: str) -> str | None:
    """The column of one of the wanted names, the first wanted first."""
    for want in wanted:
        found = [name for name in names if plain(name) == want]
        if len(found) > 1:
            place.fail(f"columns {found[0]!r} and {found[1]!r} both could be the {what}; keep one of them")
        if found:
            return found[0]
    return None


def need(names: Sequence[str], wanted: Sequence[str], place: Place, what: str) -> str:
    """The same, for a column that must be there."""
    found = find(names, wanted, place, what)
    if found is not None:
        return found
    near = get_close_matches(wanted[0], [plain(n) for n in names], n=1)
    nearest = next((repr(n) for n in names if near and plain(n) == near[0]), "")
    hint = f" (the nearest is {nearest}: rename it)" if nearest else ""
    listed = ", ".join(map(str, names[:_MOST_NAMES])) + (", ..." if len(names) > _MOST_NAMES else "")
    return place.fail(f"there is no column for {what}; found {listed or 'no columns'}{hint}")


def split(table: pa.Table, place: Place, notes: list[str]) -> list[Raw]:
    """The table's rows by symbol, symbols in sorted order; one with no name where there is no symbol column."""
    names = table.column_names
    prices = [need(names, (field,), place, field) for field in FIELDS[:4]]
    time = need(names, TIMES, place, "time")
    if plain(time) == "date" and (clock := find(names, ("time",), place, "time")):
        place.fail(f"the time is in two columns, {time!r} and {clock!r}; join them into one, such as 2024-01-31 09:30")
    if not table.num_rows:
        place.fail("there are no rows; expected at least one bar")
    volume = find(names, VOLUMES, place, "volume")
    symbol = find(names, SYMBOLS, place, "symbol")
    _note_unused(names, {time, volume, symbol, *prices}, volume, notes)
    column = table.column(time).combine_chunks()
    values = [floats(table.column(name), place, name) for name in prices]
    values.append(np.zeros(table.num_rows) if volume is None else floats(table.column(volume), place, volume))
    whole = Raw(None, place, stamps.read(column, place, time), values, time, column)
    return [whole] if symbol is None else _by_symbol(whole, table.column(symbol), symbol)


def _note_unused(names: Sequence[str], used: set[str | None], volume: str | None, notes: list[str]) -> None:
    unused = [str(name) for name in names if name not in used]
    if volume is None:
        notes.append("no volume column: volume is 0 in every bar")
    elif len([n for n in names if plain(n).startswith("vol")]) > 1:
        notes.append(f"volume is taken from column {volume!r}")
    if unused:
        notes.append(f"columns not used: {', '.join(unused)}")


def _by_symbol(whole: Raw, column: Any, name: str) -> list[Raw]:
    codes = column.combine_chunks()
    codes = codes if pa.types.is_dictionary(codes.type) else codes.dictionary_encode()
    if codes.null_count:
        row = int(pc.is_null(codes).to_numpy(zero_copy_only=False).argmax())
        whole.place.fail(f"column {name!r} has no symbol; expected one in every row", row)
    index = codes.indices.to_numpy()
    order = np.argsort(index, kind="stable")
    edges = np.searchsorted(index[order], np.arange(len(codes.dictionary) + 1))
    found = {}
    for i, symbol in enumerate(codes.dictionary.to_pylist()):
        rows = order[edges[i] : edges[i + 1]]
        if len(rows):
            found[str(symbol)] = named(whole.take(rows), str(symbol))
    return [found[symbol] for symbol in sorted(found)]


def named(raw: Raw, symbol: str) -> Raw:
    """The same rows under a symbol."""
    return Raw(symbol, raw.place, raw.stamps, raw.values, raw.time_name, raw.texts)


def floats(column: Any, place: Place, name: str) -> Any:
    """A column as float64, NaN where there is nothing."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _floats_from_text(column, place, name)
    numeric = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal, pa.types.is_null)
    if not any(is_kind(kind) for is_kind in numeric):
        place.fail(f"column {name!r} holds {kind}; expected numbers")
    column = column.cast(pa.float64(), safe=False).combine_chunks()
    return column.to_numpy(zero_copy_only=False)


def _floats_from_text(column: Any, place: Place, name: str) -> Any:
    try:
        return column.cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        row, text = next((i, t.as_py()) for i, t in enumerate(column) if t.is_valid and not _is_number(t.as_py()))
    return place.fail(f"column {name!r} has {text!r}; expected a number with a point and no thousands sign", row)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip() and "_" not in text
