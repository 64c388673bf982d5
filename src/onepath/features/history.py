"""A feature over a whole history at once, as a notebook wants it.

Rules: the values are those a session over the same bars gives, to the last bit.
Cost: compiled where it is worth it (see `compiled`), else 0.15 to 0.6 us a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onepath.errors import StrategyError
from onepath.features import compiled
from onepath.features.checks import bounded, first_outside, outside
from onepath.features.definition import Feature
from onepath.features.figures import Figures
from onepath.features.graph import Graph, graph
from onepath.features.running import Memo, float_array
from onepath.nearest import nearest


def compute(feature: Feature, data: Any, *, memo: Memo | None = None) -> Any:
    """The feature's value at each bar, NaN until it is warm.

    `data` holds the fields it is computed from, through other features too: a pandas or polars frame, a mapping of field to
    sequence, or, where it is one field, the sequence itself. Columns may be capitalised. Gives a series of the kind that came,
    with its index, or a float64 array. `memo` knows values that were computed before.
    Raises StrategyError for an input that is missing, not a number, or of another length, and for a value out of its bounds.
    """
    return _over_columns(feature, graph([feature]), data, memo)


def _over_columns(feature: Feature, found: Graph, data: Any, memo: Memo | None) -> Any:
    fields = found.clocks[0].fields
    columns = [_column(feature, fields, data, field) for field in fields]
    arrays = _arrays(feature, fields, columns)
    fast = compiled.worth(len(arrays[0]) * len(found.nodes))
    values = Figures("", found, None).over(dict(enumerate(arrays)), memo, fast=fast)
    for node in found.nodes:
        row = first_outside(node.feature, values[node.slot]) if bounded(node.feature) else None
        if row is not None:
            raise outside(node.feature, float(values[node.slot][row]), "", None, row)
    return _like(columns[0], _array(values[found.shown[0]]), repr(feature))


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
