"""However market data arrive, in batches of any size or one instant at a time, a strategy decides the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cases
import pytest

import onepath
from onepath.backtest import plan
from onepath.clock import HistoricalClock
from onepath.data import open_feed
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.feeds.paced import Paced
from onepath.feeds.parquet import ParquetFeed
from onepath.feeds.tickfiles import TickFile
from onepath.feeds.ticks import Stream, TickFeed
from onepath.journal.codec import DECISIONS
from onepath.journal.memory import MemoryJournal
from onepath.ports import Feed, Row
from onepath.session import Session

SAMPLES = Path(onepath.__file__).parent / "data" / "samples"
ALL = [*cases.ARGUMENTS, cases.SEVERAL]
OF_FEED = ("data", "symbols", "start", "end")


def rows_over(name: str, feed: Feed) -> list[Row]:
    """Every row of the journal of a case run over `feed`, the manifest and the end left out: they describe the feed."""
    given = {key: value for key, value in cases.arguments(name).items() if key not in OF_FEED}
    journal = MemoryJournal(name)
    outcome = Session(plan(feed=feed, **given), journal).run()
    assert outcome.status == "completed"
    rows = [row for row in journal.rows() if not row.kind.startswith("session.")]
    assert sum(row.kind in DECISIONS for row in rows) >= 10
    return rows


def opened(name: str) -> Any:
    """The feed that `onepath.backtest` opens for a case."""
    given = cases.arguments(name)
    return open_feed(given["data"], **{key: given[key] for key in ("symbols", "start", "end") if key in given})


class Fast:
    """A clock that notes each instant it is asked to wait for, and does not wait."""

    def __init__(self) -> None:
        self.waited: list[int] = []

    def now(self) -> int:
        return self.waited[-1]

    def wait_until(self, at: int) -> None:
        self.waited.append(at)


@pytest.mark.parametrize("name", ALL)
def test_one_instant_at_a_time_decides_the_same(name: str) -> None:
    """A paced feed, features stepped event by event, leaves the same rows as batches of thousands, byte for byte."""
    clock = Fast()
    assert rows_over(name, Paced(opened(name), clock)) == rows_over(name, opened(name))
    assert len(clock.waited) > 700
    assert clock.waited == sorted(set(clock.waited)), "each instant once, in order"


def test_a_clock_that_waits_decides_the_same() -> None:
    """A day of minute bars at a hundred million times life speed passes the same decisions as at full speed."""
    paced = Paced(opened("sma_cross_minutes"), HistoricalClock(1e8))
    assert rows_over("sma_cross_minutes", paced) == rows_over("sma_cross_minutes", opened("sma_cross_minutes"))


def parquet(name: str, batch: int) -> ParquetFeed | TickFeed:
    """The whole sample of a case, in batches of that size."""
    feed = opened(name)
    folder = SAMPLES / str(cases.arguments(name)["data"])
    if isinstance(feed, TickFeed):
        streams = [Stream(symbol, kind) for symbol, kinds in feed.kinds.items() for kind in kinds]
        files = {s: TickFile(s.kind, folder / f"{s.symbol}.{s.kind}.parquet") for s in streams}
        return TickFeed(files, feed.instruments, batch=batch)
    files = {symbol: folder / f"{symbol}.parquet" for symbol in feed.instruments}
    return ParquetFeed(files, feed.instruments, interval_ns=feed.interval_ns, batch=batch)


LONG = ("buy_and_hold", "momentum", "bracket_breakout", "market_making")
"""25,000 events: not in batches of one"""
SIZES = [(name, batch) for name in cases.ARGUMENTS for batch in (1, 3, 97, 10**6) if batch > 1 or name not in LONG]


@pytest.mark.parametrize(("name", "batch"), SIZES)
def test_batch_sizes_do_not_matter(name: str, batch: int) -> None:
    """Batches of one, three, 97 or a million bars leave the same rows as the usual ones, byte for byte."""
    assert rows_over(name, parquet(name, batch)) == rows_over(name, opened(name))


@pytest.mark.parametrize("name", ["momentum", "sma_cross_minutes"])
def test_columns_in_memory_decide_like_parquet(name: str) -> None:
    """The same bars as lists in memory, without a file and without checks, leave the same rows."""
    import pyarrow.parquet as pq

    feed = opened(name)
    folder = SAMPLES / str(cases.arguments(name)["data"])
    columns = {}
    for symbol in feed.instruments:
        table = pq.read_table(folder / f"{symbol}.parquet")
        columns[symbol] = {column: table.column(column).to_pylist() for column in COLUMNS}
    listed = ColumnFeed(columns, feed.instruments, interval_ns=feed.interval_ns)
    assert rows_over(name, listed) == rows_over(name, feed)
    assert listed.fingerprint() == feed.fingerprint()
