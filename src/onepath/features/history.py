"""A feature over a whole history at once, as a notebook wants it.

Rules: the values are those a session over the same bars gives, to the last bit. Of an interval, and across symbols, they are
those that are known at the end of each bar's instant, and it is the session's own machinery that finds them.
Limits: where bars that are built end by time alone (nobody traded), a session in real time may know it a moment before the next
bar; here it is known with the next bar.
Cost: compiled where it is worth it (see `compiled`), else 0.15 to 0.6 us a value; of an interval 2 us a bar, across symbols 5 us
a bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from onepath.errors import StrategyError
from onepath.features import compiled
from onepath.features.checks import bounded, first_outside, outside
from onepath.features.definition import FIELDS, Feature
from onepath.features.figures import Figures
from onepath.features.graph import Graph, graph
from onepath.features.plant import FeaturePlant
from onepath.features.running import Memo, float_array
from onepath.features.times import times
from onepath.market import Bar
from onepath.nearest import nearest
from onepath.timeframes import nanoseconds


def compute(feature: Feature, data: Any, *, bars: str = "", stamps: str = "start", memo: Memo | None = None) -> Any:
    """The feature's value at each bar, NaN until it is warm.

    `data` holds the fields it is computed from, through other features too: a pandas or polars frame, a mapping of field to
    sequence, or, where it is one field, the sequence itself. Columns may be capitalised. Gives a series of the kind that came,
    with its index, or a float64 array. A mapping of symbol to such data gives a mapping of symbol to values; a cross-section
    takes nothing else.
    A feature of an interval needs to know when bars begin and end: columns `start` and `at` (nanoseconds since 1970, UTC), or a
    column of times or an index of them, which are the `stamps` ("start" or "end") of bars as long as `bars` says ("1m"), or as
    the smallest distance between two. `memo` knows values that were computed before.
    Raises StrategyError for an input that is missing, not a number, or of another length, and for a value out of its bounds.
    """
    found = _graph(feature)
    many = _is_by_symbol(data)
    if all(node.columnar for node in found.nodes):
        if not many:
            return _over_columns(feature, found, data, memo)
        return {symbol: _over_columns(feature, found, one, memo) for symbol, one in data.items()}
    if found.settles and not many:
        raise StrategyError(
            f"{feature!r} is of all symbols: give their data by name, compute(feature, {{'A': ..., 'B': ...}})"
        )
    step = nanoseconds(bars) if bars else 0
    known = {s: _read(feature, found, one, s, step, stamps) for s, one in (data if many else {"": data}).items()}
    values = _walked(feature, known, memo)
    made = {s: _like(known[s].columns[0], _array(column), repr(feature)) for s, column in values.items()}
    return made if many else made[""]


@lru_cache(256)
def _graph(feature: Feature) -> Graph:
    return graph([feature])


class _Rows(NamedTuple):
    """One symbol's data: what the feature reads, and when."""

    columns: list[Any]
    """as they came, one a field"""
    floats: list[list[float]]
    fields: tuple[str, ...]
    start: list[int]
    at: list[int]

    def bars(self, symbol: str) -> Iterator[Bar]:
        """Rows as bars; a field that nobody reads is as good as another."""
        there = dict(zip(self.fields, self.floats, strict=True))
        prices = [there.get(field, self.floats[0]) for field in FIELDS]
        return (Bar(symbol, *row) for row in zip(self.start, self.at, *prices, strict=True))


class _Whole(NamedTuple):
    """All there is, as the one batch that the plant computes over."""

    known: Mapping[str, _Rows]

    def columns(self, symbol: str) -> dict[str, list[float]]:
        rows = self.known[symbol]
        return dict(zip(rows.fields, rows.floats, strict=True))


def _read(feature: Feature, found: Graph, data: Any, symbol: str, step: int, stamps: str) -> _Rows:
    fields = tuple(dict.fromkeys(field for clock in found.clocks for field in clock.fields))
    columns = [_column(feature, fields, data, field) for field in fields]
    floats = [array.tolist() for array in _arrays(feature, fields, columns)]
    when = times(data, _names(data) or (), len(floats[0]), step, stamps)
    if when is None and any(clock.interval for clock in found.clocks):
        raise StrategyError(
            f"{feature!r} needs to know when bars begin and end{symbol and f' of {symbol}'}: give a frame with an index of "
            "times, or columns start and at in nanoseconds"
        )
    start, at = when or (list(range(len(floats[0]))), list(range(1, len(floats[0]) + 1)))
    return _Rows(columns, floats, fields, start, at)


def _walked(feature: Feature, known: Mapping[str, _Rows], memo: Memo | None) -> dict[str, list[float]]:
    """The values instant by instant, as a session finds them."""
    size = sum(len(rows.at) for rows in known.values())
    lengths = [end - start for rows in known.values() for start, end in zip(rows.start[:1], rows.at[:1], strict=True)]
    plant = FeaturePlant({"value": feature}, list(known), size, memo=memo, interval_ns=min(lengths, default=0))
    clock = next((n for n, clock in enumerate(plant.graph.clocks) if not clock.interval), -1)
    read = () if clock < 0 else plant.graph.clocks[clock].fields
    if clock >= 0 and plant.graph.clocks[clock].kind == "bars":
        plant.prepare(_Whole(known))  # type: ignore[arg-type]
    rows = [
        (bar.at, place, symbol, bar, fields)
        for place, (symbol, one) in enumerate(known.items())
        for bar, fields in zip(one.bars(symbol), _rows_of(one, read), strict=True)
    ]
    rows.sort(key=itemgetter(0, 1))
    values: dict[str, list[float]] = {symbol: [] for symbol in known}
    for at, instant in groupby(rows, key=itemgetter(0)):
        while plant.frames is not None and plant.frames.due <= at:
            plant.close(plant.frames.due)
        there = []
        for _, _, symbol, bar, fields in instant:
            plant.take(plant.figures[symbol], bar, None, clock, fields)
            there.append(symbol)
        plant.settle()
        for symbol in there:
            values[symbol].append(plant.views[symbol].value)
    return values


def _rows_of(rows: _Rows, read: Sequence[str]) -> Iterator[Sequence[float]]:
    """The fields that are read with every event, row by row."""
    if not read:
        return iter([()] * len(rows.at))
    return zip(*(rows.floats[rows.fields.index(field)] for field in read), strict=True)


def _is_by_symbol(data: Any) -> bool:
    """Whether it is a mapping of symbols to data, rather than of fields to columns."""
    return isinstance(data, Mapping) and bool(data) and all(_names(one) is not None for one in data.values())


def _over_columns(feature: Feature, found: Graph, data: Any, memo: Memo | None) -> Any:
    fields = found.clocks[0].fields
    columns = [_column(feature, fields, data, field) for field in fields]
    arrays = _arrays(feature, fields, columns)
    fast = compiled.worth(len(arrays[0]) * len(found.nodes))
    figures, size = Figures("", found, None), len(arrays[0])
    # pieces small enough that what is handed from feature to feature stays near the processor: twice as fast
    piece = _PIECE if fast and memo is None and len(found.nodes) > 1 else max(size, 1)
    parts = (
        _piece(found, figures, [a[first : first + piece] for a in arrays], memo, first, fast=fast)
        for first in range(0, max(size, 1), piece)
    )
    return _like(columns[0], next(parts) if piece >= size else _joined(parts, size, piece), repr(feature))


_PIECE = 32_768


def _piece(found: Graph, figures: Figures, arrays: list[Any], memo: Memo | None, first: int, *, fast: bool) -> Any:
    """The feature's values over some rows. Raises StrategyError for one out of its bounds."""
    values = figures.over(dict(enumerate(arrays)), memo, fast=fast)
    for node in found.nodes:
        row = first_outside(node.feature, values[node.slot]) if bounded(node.feature) else None
        if row is not None:
            raise outside(node.feature, float(values[node.slot][row]), "", None, first + row)
    return _array(values[found.shown[0]])


def _joined(parts: Iterator[Any], size: int, piece: int) -> Any:
    """Pieces as one, each let go before the next is made: memory that is new costs more than what is computed into it."""
    import numpy as np

    out = np.empty(size)
    for n, part in enumerate(parts):
        out[n * piece : n * piece + piece] = part
    return out


def _arrays(feature: Feature, fields: Sequence[str], columns: list[Any]) -> list[Any]:
    try:
        arrays = [float_array(column) for column in columns]
    except (TypeError, ValueError) as error:
        raise StrategyError(f"{feature!r}: its inputs must be numbers: {error}") from None
    if len({len(a) for a in arrays}) > 1 or arrays[0].ndim != 1:
        shapes = ", ".join(f"{f} {a.shape}" for f, a in zip(fields, arrays, strict=True))
        raise StrategyError(f"{feature!r}: its inputs must be columns of one length, not {shapes}")
    return arrays


def _array(values: Any) -> Any:
    import numpy as np

    return np.array(values) if isinstance(values, list) else values


def _column(feature: Feature, fields: Sequence[str], data: Any, field: str) -> Any:
    names = _names(data)
    if names is None:
        if len(fields) > 1:
            raise StrategyError(f"{feature!r} takes {len(fields)} columns: give a frame or a mapping of them")
        return data
    for name in (field, field.capitalize(), field.upper()):
        if name in names:
            return data[name]
    raise StrategyError(f"{feature!r}: no column {field!r}{nearest(field, map(str, names))} in {names}")


def _names(data: Any) -> list[Any] | None:
    """The names of the columns of a mapping, a frame or an Arrow table; None where it has none."""
    if isinstance(data, Mapping):
        return list(data)
    names = getattr(data, "column_names", getattr(data, "columns", None))
    return None if names is None else list(names)


def _like(column: Any, values: Any, name: str) -> Any:
    """`values` as a series of the kind of `column`; as they are where it is none."""
    kind = type(column)
    if hasattr(column, "index") and hasattr(column, "iloc"):
        return kind(values, index=column.index, name=name)
    if hasattr(column, "to_list") and hasattr(column, "alias"):
        return kind(name, values)
    return values
