"""Bars for research: a data set's columns as arrays or frames, raw or adjusted as known on a day.

Rules: the bars are those that a backtest over the same data sees, to the last bit. `as_of` is the day up to which corporate
actions are known; without it, the last day that is read, so that nothing after `end` is used. The actions are those given,
else those kept beside the data set (`actions.csv`, where `onepath data fetch` puts them).
Limits: bars alone; everything is in memory, about 60 bytes a bar. Cost: 4 ms a symbol of a data
set of daily bars, 0.4 us a bar in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onepath.actions import CorporateAction
from onepath.calendars import DAY
from onepath.data import open_feed
from onepath.data.actions import given
from onepath.data.adjusting import Around, day_given, steps_of, taken_of
from onepath.data.sources import moment
from onepath.errors import ConfigError, DataError
from onepath.feeds.adjusted import Steps
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.feeds.parquet import ParquetFeed

ACTIONS = "actions.csv"
KINDS = ("arrays", "pandas", "polars")
Columns = dict[str, Any]


def read(
    source: Any,
    *,
    symbols: Sequence[str] | str | None,
    start: Any,
    end: Any,
    adjust: str,
    as_of: Any,
    actions: Any,
    frames: str,
    **how: Any,
) -> dict[str, Any]:
    """See `onepath.data.read`."""
    if frames not in KINDS:
        raise ConfigError(f"frames is {frames!r}; it must be arrays, pandas or polars")
    until, stop = day_given(as_of, adjust), moment(end)
    last = stop if until is None or stop is None else max(stop, (until + 2) * DAY)
    wanted = [symbols] if isinstance(symbols, str) else symbols
    if wanted is not None and (not isinstance(wanted, Collection) or not wanted):
        raise ConfigError(
            f"symbols is {symbols!r}; expected a symbol, or a list of some; leave it out for all of the data"
        )
    feed = open_feed(source, symbols=wanted, start=start, end=last, **how)
    found = _columns(feed, _name(source))
    if adjust != "none":
        known = given(_actions(source, actions, feed), feed.instruments, only_known=True)
        latest = max((int(c["at"][-1]) for c in found.values() if len(c["at"])), default=0)
        taken = taken_of(known, feed.instruments, (latest - 1) // DAY if until is None else until, adjust)
        steps = steps_of(taken, _around(taken, found))
        found = {symbol: _scaled(columns, steps.get(symbol)) for symbol, columns in found.items()}
    return {symbol: _framed(_until(columns, stop), frames) for symbol, columns in found.items()}


def _columns(feed: Any, name: str) -> dict[str, Columns]:
    """All bars of a feed, by symbol. Raises DataError where it has none."""
    if isinstance(feed, ParquetFeed):
        return {symbol: dict(zip(COLUMNS, columns, strict=True)) for symbol, columns in feed.arrays().items()}
    if isinstance(feed, ColumnFeed):
        return {symbol: {field: np.array(found[field]) for field in COLUMNS} for symbol, found in feed.columns.items()}
    raise DataError(f"{name}: it has no bars; onepath.data.read is for bars.")


def _name(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else "the data"


def _actions(source: Any, actions: Any, feed: Any) -> str | Path | Sequence[CorporateAction]:
    """The actions that were given, or the file beside the data set. Raises ConfigError where there are none."""
    if actions is not None:
        found: str | Path | Sequence[CorporateAction] = actions
        return found
    beside = Path(str(feed.describe().get("path") or "")) / ACTIONS
    if feed.describe().get("source") == "dataset" and beside.is_file():
        return beside
    raise ConfigError(
        f"{_name(source)} has no corporate actions to adjust by; give actions, a file of symbol, date, type, ratio, amount "
        "('onepath data fetch' keeps one beside the data set)"
    )


def _around(actions: Sequence[CorporateAction], found: Mapping[str, Columns]) -> Around:
    """The last close before each action, and the first open from it on."""
    prices: dict[str, list[tuple[float, float]]] = {}
    for action in actions:
        columns = found[action.symbol]
        row = int(np.searchsorted(columns["start"], action.at))
        before = float(columns["close"][row - 1]) if row else 0.0
        after = float(columns["open"][row]) if row < len(columns["open"]) else 0.0
        prices.setdefault(action.symbol, []).append((before, after))
    return prices


def _scaled(columns: Columns, steps: Steps | None) -> Columns:
    if steps is None or not steps.times:
        return columns
    which = np.searchsorted(np.array(steps.times), columns["start"], side="right")
    divisor, factor = (np.array([*numbers, 1.0])[which] for numbers in (steps.divisors, steps.factors))
    prices = {name: columns[name] / divisor * factor for name in COLUMNS[2:6]}
    return {**columns, **prices, "volume": columns["volume"] * divisor}


def _until(columns: Columns, stop: int | None) -> Columns:
    rows = len(columns["start"]) if stop is None else int(np.searchsorted(columns["start"], stop))
    return {name: column[:rows] for name, column in columns.items()}


def _framed(columns: Columns, frames: str) -> Any:
    if frames == "arrays":
        return columns
    try:
        if frames == "pandas":
            import pandas as pd

            times = {name: pd.DatetimeIndex(columns[name].astype("datetime64[ns]"), tz="UTC") for name in COLUMNS[:2]}
            return pd.DataFrame(columns | times).set_index("start")
        import polars as pl
    except ImportError:
        raise ConfigError(f"frames={frames!r} needs {frames}: pip install 'onepath[{frames}]'") from None
    stamp = pl.Datetime("ns", "UTC")
    times = {name: pl.Series(columns[name].astype("datetime64[ns]")).cast(stamp) for name in COLUMNS[:2]}
    return pl.DataFrame(columns | times)
