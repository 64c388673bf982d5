"""Tables for people: columns made into a pandas or polars frame, or an Arrow table where neither is installed.

Rules: a frame comes back as the kind that went in; pandas where nothing says which. Times are UTC with nanoseconds; money
becomes floats here, for looking at (the journal keeps every digit).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def kind_of(data: Any) -> str:
    """pandas, polars or arrow: what to answer with for this input."""
    sample = next(iter(data.values()), None) if isinstance(data, Mapping) else data
    module = type(sample).__module__.partition(".")[0]
    if module in ("pandas", "polars"):
        return module
    return next((name for name in ("pandas", "polars") if importlib.util.find_spec(name)), "arrow")


def frame(kind: str, columns: Mapping[str, Sequence[Any]], times: Sequence[str] = (), index: str | None = None) -> Any:
    """A frame of `kind`; `times` names the columns that are nanoseconds since the epoch, `index` a pandas index."""
    if kind == "pandas":
        return _pandas(columns, times, index)
    if kind == "polars":
        return _polars(columns, times)
    return _arrow(columns, times)


_NO_TIME = np.iinfo(np.int64).min
"""what NumPy takes for no time"""


def _nanoseconds(values: Sequence[Any]) -> Any:
    given = values if isinstance(values, np.ndarray) else [_NO_TIME if at is None else at for at in values]
    return np.asarray(given, dtype=np.int64)


def _stamps(values: Sequence[Any]) -> Any:
    return _nanoseconds(values).astype("datetime64[ns]")


def _pandas(columns: Mapping[str, Sequence[Any]], times: Sequence[str], index: str | None) -> Any:
    import pandas as pd

    table = pd.DataFrame({k: pd.DatetimeIndex(_stamps(v), tz="UTC") if k in times else v for k, v in columns.items()})
    return table.set_index(index) if index else table


def _polars(columns: Mapping[str, Sequence[Any]], times: Sequence[str]) -> Any:
    import polars as pl

    stamp = pl.Datetime("ns", "UTC")
    return pl.DataFrame(
        [pl.Series(k, _stamps(v)).cast(stamp) if k in times else pl.Series(k, v) for k, v in columns.items()]
    )


def _arrow(columns: Mapping[str, Sequence[Any]], times: Sequence[str]) -> Any:
    import pyarrow as pa

    stamp = pa.timestamp("ns", "UTC")
    return pa.table({k: pa.array(_stamps(v)).cast(stamp) if k in times else pa.array(v) for k, v in columns.items()})
