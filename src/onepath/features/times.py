"""When the rows of a frame begin and are known, for features of an interval over history.

Rules: columns `start` and `at` are taken as they are; else a column or an index of times, which mark the start of bars unless it
is said that they mark the end. Times without a zone are UTC.
Limits: bars are as long as the smallest distance between two rows, unless it is said: sessions of an exchange are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from onepath.errors import StrategyError

_TIMES = ("time", "timestamp", "datetime", "date")


def times(data: Any, names: Sequence[Any], size: int, step: int, stamps: str) -> tuple[list[int], list[int]] | None:
    """Start and end of each row in nanoseconds; None where nothing says."""
    if stamps not in ("start", "end"):
        raise StrategyError(f'stamps={stamps!r} must be "start" or "end": what the times of the bars mark')
    start, at = (_whole(data[name]) if name in names else None for name in ("start", "at"))
    if start is None and at is None:
        found = _stamps(data, names)
        if found is None:
            return None
        start, at = (found, None) if stamps == "start" else (None, found)
    if start is None or at is None:
        length = step or min((b - a for a, b in pairwise(start or at or ())), default=0)
        start = [t - length for t in at or ()] if start is None else start
        at = [t + length for t in start] if at is None else at
    if len(start) != size or len(at) != size:
        raise StrategyError(f"there are times of {len(at)} bars for {size} rows")
    if any(b < a for a, b in pairwise(at)):
        raise StrategyError("the rows are not in the order of their times: sort them first")
    return start, at


def _stamps(data: Any, names: Sequence[Any]) -> list[int] | None:
    """The times of the rows, by whatever says them."""
    for name in names:
        if str(name).lower() in _TIMES:
            return _whole(data[name])
    index = getattr(data, "index", None)
    return _whole(index) if getattr(getattr(index, "dtype", None), "kind", "") == "M" else None


def _whole(column: Any) -> list[int]:
    """Nanoseconds since 1970, UTC."""
    import numpy as np

    if getattr(column, "tz", None) is not None:
        column = column.tz_convert(None)
    elif getattr(getattr(column, "dt", None), "tz", None) is not None:
        column = column.dt.tz_convert(None)
    values = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[ns]").astype(np.int64)
    if values.dtype.kind not in "iu":
        raise StrategyError(f"times must be whole nanoseconds or datetimes, not {values.dtype}")
    return [int(value) for value in values.tolist()]
