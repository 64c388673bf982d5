"""The bars of one symbol as arrays, and the moments at which the engine would value a book on them.

Rules: the bars are those that the engine would see, read through the same feeds and checked by them. A valuation comes after the
last bar at or before each round moment, and after the last bar of all, as the engine's agenda has it.
Cost: 56 bytes a bar; 0.3 us a bar to read.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepath.errors import ConfigError, DataError
from onepath.feeds.columns import COLUMNS, FIELDS, ColumnFeed
from onepath.instruments import Instrument
from onepath.ports import Feed

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


class Bars(NamedTuple):
    """One symbol's bars: times in nanoseconds, prices by field."""

    symbol: str
    instrument: Instrument
    start: Times
    at: Times
    fields: Mapping[str, Floats]
    volumes: bool
    """whether the symbol reports volumes"""
    interval_ns: int

    def feed(self) -> ColumnFeed:
        """The same bars as a feed, for the engine."""
        columns = {"start": self.start, "at": self.at, **self.fields}
        found = ColumnFeed({self.symbol: columns}, {self.symbol: self.instrument}, interval_ns=self.interval_ns)
        found.volumes = frozenset({self.symbol}) if self.volumes else frozenset()
        return found


class Marks(NamedTuple):
    """Valuations: after which bar, at which moment, on which session day (a number from zero), at a new price or not."""

    after: Times
    at: Times
    day: Times
    moved: Floats
    dates: Times
    """the session days, in days since 1970-01-01"""


def arrays_feed(data: Mapping[str, Any], symbol: str, how: Mapping[str, Any]) -> ColumnFeed | None:
    """A feed over arrays by field, copied nowhere; None where their times are not plain (days, texts, calendars of sessions), and
    they have to be read as a table. The bars are checked as they are read."""
    from onepath.calendars import DAY
    from onepath.data.assets import default, given

    times = np.asarray(data.get("time", ()))
    plain = how["start"] is None and how["end"] is None and how["calendar"] in (None, "24/7")
    if not plain or len(times) < 2 or times.dtype.kind not in "Mi" or how["stamps"] not in ("start", "end"):
        return None
    stamps = times.astype("datetime64[ns]").astype(np.int64) if times.dtype.kind == "M" else times.astype(np.int64)
    step = int(np.diff(stamps).min())
    if not 0 < step < DAY:
        return None
    named = given(how["instruments"] or {}, how["asset_class"], how["calendar"], lambda _: None)
    known = named.get(symbol) or default(symbol, how["asset_class"], how["calendar"])
    if known.calendar != "24/7":
        return None
    start = stamps if how["stamps"] == "start" else stamps - step
    fields = {name: np.ascontiguousarray(data[name], dtype=np.float64) for name in FIELDS if name in data}
    fields.setdefault("volume", np.zeros(len(start)))
    return ColumnFeed({symbol: {"start": start, "at": start + step, **fields}}, {symbol: known}, interval_ns=step)


def bars_of(feed: Feed) -> Bars:
    """The bars of a feed of one symbol. Raises ConfigError where it has several, or something else than bars."""
    (symbol, *others), kinds = feed.instruments, feed.kinds
    if others:
        raise ConfigError(
            f"QuickBacktest takes one symbol and the data has {len(others) + 1}: say which with symbol='{symbol}', "
            "or make one for each with QuickBacktest.each(...)"
        )
    if set(kinds.get(symbol, ("bars",))) != {"bars"}:
        raise ConfigError(
            f"QuickBacktest takes bars, and {symbol} brings {', '.join(kinds[symbol])}: use onepath.backtest"
        )
    if feed.describe().get("acting"):
        raise ConfigError(f"{symbol} has corporate actions, which QuickBacktest does not apply: use onepath.backtest")
    whole, size = _filled(feed, symbol)
    if not size:
        raise DataError(f"the data of {symbol} has no bars")
    fields = {name: whole[name] for name in FIELDS}
    interval = int(feed.describe().get("interval_ns") or 0)
    return Bars(symbol, feed.instruments[symbol], whole["start"], whole["at"], fields, symbol in feed.volumes, interval)


def _filled(feed: Feed, symbol: str) -> tuple[dict[str, Any], int]:
    """All columns, filled batch by batch, so that no bar is held twice; and how many bars there are."""
    total, size = feed.total or 0, 0
    whole = {name: np.empty(total, np.int64 if name in ("start", "at") else np.float64) for name in COLUMNS}
    for batch in feed.batches():
        columns, end = batch.columns(symbol), size + batch.size
        if columns is None or end > total:
            raise ConfigError(f"QuickBacktest takes plain bars, and the data of {symbol} are not: use onepath.backtest")
        events: list[Any] = [bar for bar, _ in batch.events()]
        whole["start"][size:end] = [bar.start for bar in events]
        whole["at"][size:end] = [bar.at for bar in events]
        for name in FIELDS:
            whole[name][size:end] = columns[name]
        size = end
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:  # what it read the file with, 40 MB
        arrow.default_memory_pool().release_unused()
    return {name: values[:size] for name, values in whole.items()}, size


def np_time(at: int) -> str:
    """A moment in UTC, to the minute."""
    return f"{np.datetime64(at, 'ns').astype('datetime64[m]')}Z"


def marks_of(bars: Bars, every: int) -> Marks:
    """The valuations of a session over `bars`, `every` so many nanoseconds."""
    from onepath.report.days import dates

    moments = -(-bars.at // every) * every
    after = np.flatnonzero(np.append(bars.at[1:] > moments[:-1], True))
    at = moments[after]
    at[-1] = bars.at[-1]
    prices = bars.fields["close"][after]
    moved = np.append(True, prices[1:] != prices[:-1]).astype(np.float64)
    date = dates(bars.instrument.calendar, at)
    known, day = np.unique(date, return_inverse=True)
    return Marks(after.astype(np.int64), at, day.astype(np.int64), moved, known)
