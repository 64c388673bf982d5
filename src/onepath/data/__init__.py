"""Market data: reading what users have, checking it, keeping it in a catalogue.

Rules: this page imports nothing heavy; NumPy and Arrow come with the first call. Wrong data is reported and stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onepath.instruments import Instrument
    from onepath.ports import Feed


def open_feed(
    source: Any,
    *,
    symbols: Sequence[str] | None = None,
    start: date | str | int | None = None,
    end: date | str | int | None = None,
    instruments: Mapping[str, Instrument | Mapping[str, Any]] | None = None,
    asset_class: str | None = None,
    calendar: str | None = None,
    stamps: str | None = "start",
    interval: str | int | timedelta | None = None,
    data_dir: Path | str | None = None,
    kind: str | None = None,
    crossed: str | None = None,
    sides: str | None = None,
    time: str | None = None,
    quality: str | Mapping[str, str] | None = None,
    filled: str | None = None,
) -> Feed:
    """The feed of `source`.

    `source` is a pandas or polars frame, an Arrow table, a mapping of symbol to frame, the path of a CSV or Parquet
    file, of a folder of them or of a data set, or the name of a data set in `data_dir` or among the samples.
    `start` (inclusive) and `end` (exclusive) are compared with the start of a bar. `instruments` says what the symbols
    are, each an Instrument or a dict of its fields; the others follow `asset_class` (equity, crypto, perpetual, future, fx,
    generic) and `calendar`. `stamps` says whether times mark the start or the end of bars, None finds out. `interval` is the
    bar length where the data do not show it.

    Quotes, trades and order books open the same way; a symbol may also map to a mapping of kind to frame. `kind` (bars,
    quotes, trades, book) is found from the columns where it is not said. `crossed="drop"` leaves out quotes whose bid is
    above their ask, which are refused otherwise; `sides="one"` reads rows that carry one side and carries the other
    forward; `time` names the column of times where several are there.

    `quality` says what to do about faults of bars: `reject`, `flag`, or a word for each sort, such as {"gaps": "fill",
    "bad_bars": "flag"}; without it what cannot be is refused and what is odd let through. `filled="leave_out"` leaves out bars
    that were put in where none was published.
    Raises DataError with one sentence on the first thing that is wrong.
    """
    from onepath.data.sessions import get as calendar_named
    from onepath.data.sources import open_feed as opened

    feed = opened(
        source,
        symbols=symbols,
        start=start,
        end=end,
        instruments=instruments,
        asset_class=asset_class,
        calendar=calendar,
        stamps=stamps,
        interval=interval,
        data_dir=data_dir,
        kind=kind,
        crossed=crossed,
        sides=sides,
        time=time,
        quality=quality,
        filled=filled,
    )
    for name in {instrument.calendar: None for instrument in feed.instruments.values()}:
        calendar_named(name)  # whoever asks later, in the core, asks by name alone
    return feed


def read(
    source: Any,
    *,
    symbols: Sequence[str] | str | None = None,
    start: date | str | int | None = None,
    end: date | str | int | None = None,
    adjust: str = "none",
    as_of: date | str | None = None,
    actions: Any = None,
    frames: str = "arrays",
    **how: Any,
) -> dict[str, Any]:
    """The bars of `source` (as in `open_feed`) by symbol: columns start, at, open, high, low, close, volume as NumPy arrays, or
    with `frames` ("pandas", "polars") as frames.

    `adjust` scales raw prices by splits ("splits"), or by splits and cash dividends ("all"), as they were known on the day
    `as_of`; default: the last day that is read, so that nothing after `end` is used. `actions` are corporate actions (a file or a
    list; default: those kept beside the data set). `start` is included and `end` is not; `how` is as in `open_feed`.
    Raises DataError or ConfigError with one sentence.

    >>> prices = onepath.data.read("us10", symbols="AAPL", end="2020-01-01")["AAPL"]["close"]
    """
    from onepath.data.research import read as found

    return found(
        source,
        symbols=symbols,
        start=start,
        end=end,
        adjust=adjust,
        as_of=as_of,
        actions=actions,
        frames=frames,
        **how,
    )
