"""What every feed of bars promises, whatever it reads: order, ends of instants, counts, fingerprints, small batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath.errors import DataError
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.feeds.parquet import SCHEMA, ParquetFeed
from onepath.instruments import Instrument
from onepath.market import Bar

Columns = dict[str, list[Any]]
Make = Callable[[dict[str, Columns], int, Path], Any]


def columns(minutes: list[int], price: float) -> Columns:
    close = [price + m % 7 for m in minutes]
    start = [m * 60_000_000_000 for m in minutes]
    return {
        "start": start,
        "at": [s + 60_000_000_000 for s in start],
        "open": [*close],
        "high": [c + 1 for c in close],
        "low": [c - 1 for c in close],
        "close": close,
        "volume": [float(m) for m in minutes],
    }


def instruments(data: dict[str, Columns]) -> dict[str, Instrument]:
    return {symbol: Instrument(symbol=symbol) for symbol in data}


def arrays(data: Columns) -> dict[str, Any]:
    return {n: np.array(v, dtype=np.int64 if n in {"start", "at"} else np.float64) for n, v in data.items()}


def lists_feed(data: dict[str, Columns], batch: int, _: Path) -> ColumnFeed:
    return ColumnFeed(data, instruments(data), batch=batch)


def arrays_feed(data: dict[str, Columns], batch: int, _: Path) -> ColumnFeed:
    return ColumnFeed({s: arrays(c) for s, c in data.items()}, instruments(data), batch=batch)


def parquet_feed(data: dict[str, Columns], batch: int, folder: Path) -> ParquetFeed:
    files = {symbol: written(data[symbol], folder / f"{symbol}.parquet") for symbol in data}
    return ParquetFeed(files, instruments(data), batch=batch)


def written(data: Columns, path: Path) -> Path:
    pq.write_table(pa.table([data[name] for name in COLUMNS], schema=SCHEMA), path, row_group_size=16)
    return path


MAKERS: list[Make] = [lists_feed, arrays_feed, parquet_feed]
EVERY = pytest.mark.parametrize("make", MAKERS)
DATA = {
    "B": columns(list(range(0, 200, 2)), 50.0),
    "A": columns(list(range(0, 200, 3)), 80.0),
    "C": columns(list(range(500, 520)), 20.0),
}


def events(feed: Any) -> list[tuple[Bar, bool]]:
    return [pair for batch in feed.batches() for pair in batch.events()]


def expected(data: dict[str, Columns]) -> list[tuple[Bar, bool]]:
    """All bars by time, those of one time in feed order; the last of each time marked."""
    bars = [Bar(s, *row) for s, c in data.items() for row in zip(*(c[n] for n in COLUMNS), strict=True)]
    bars.sort(key=lambda bar: bar.at)
    last = [a.at != b.at for a, b in pairwise(bars)]
    return list(zip(bars, [*last, True], strict=True)) if bars else []


@EVERY
@pytest.mark.parametrize("batch", [1, 7, 64, 8_192])
def test_events_come_in_time_order_with_ends_of_instants(make: Make, batch: int, tmp_path: Path) -> None:
    """Whatever the batch size: by `at`, ties in feed order, and the last event of each instant is marked."""
    assert events(make(DATA, batch, tmp_path)) == expected(DATA)


@EVERY
def test_total_is_exact(make: Make, tmp_path: Path) -> None:
    """`total` is the number of events that come."""
    feed = make(DATA, 64, tmp_path)
    assert feed.total == len(events(feed)) == 187


@EVERY
def test_a_feed_can_be_read_again(make: Make, tmp_path: Path) -> None:
    """A second reading gives the same events."""
    feed = make(DATA, 64, tmp_path)
    assert events(feed) == events(feed)


@EVERY
def test_instruments_keep_feed_order(make: Make, tmp_path: Path) -> None:
    """Instruments are listed in the order that settles ties."""
    assert list(make(DATA, 64, tmp_path).instruments) == ["B", "A", "C"]


def test_fingerprints_agree_across_feeds_and_batches(tmp_path: Path) -> None:
    """Equal data has an equal fingerprint: lists, arrays or Parquet, any batch size, read before or not."""
    feeds = [make(DATA, batch, tmp_path) for make in MAKERS for batch in (1, 64, 8_192)]
    unread = {feed.fingerprint() for feed in feeds}
    read = {feed.fingerprint() for feed in (make(DATA, 5, tmp_path) for make in MAKERS) if events(feed)}
    assert len(unread) == 1
    assert read == unread


@EVERY
@pytest.mark.parametrize("column", ["start", "close", "volume"])
def test_fingerprint_sees_every_column(make: Make, column: str, tmp_path: Path) -> None:
    """One value changed by the least amount changes the fingerprint."""
    changed = {s: {n: list(v) for n, v in c.items()} for s, c in DATA.items()}
    value = changed["A"][column][10]
    changed["A"][column][10] = value + 1 if column == "start" else float(np.nextafter(value, np.inf))
    assert make(changed, 64, tmp_path).fingerprint() != make(DATA, 64, tmp_path).fingerprint()


@EVERY
def test_fingerprint_sees_symbols_and_their_order(make: Make, tmp_path: Path) -> None:
    """The order of symbols settles ties and so belongs to the data, as do their names."""
    turned = {symbol: DATA[symbol] for symbol in sorted(DATA)}
    renamed = {symbol.lower(): c for symbol, c in DATA.items()}
    prints = {make(data, 64, tmp_path).fingerprint() for data in (DATA, turned, renamed)}
    assert len(prints) == 3


@EVERY
def test_batches_stay_small(make: Make, tmp_path: Path) -> None:
    """A batch holds at most about what was asked for: nobody reads the whole history at once."""
    alone = {"A": columns(list(range(1_000)), 10.0)}
    assert {b.size for b in make(alone, 128, tmp_path).batches()} <= {128, 1_000 % 128}
    many = {f"S{i}": columns(list(range(i, 2_000, 3)), 10.0) for i in range(5)}
    assert max(b.size for b in make(many, 640, tmp_path).batches()) <= 640 * 2


@EVERY
def test_columns_of_a_batch_are_the_events_of_the_symbol(make: Make, tmp_path: Path) -> None:
    """A batch's columns of a symbol hold that symbol's events of the batch, in order; None for a stranger."""
    for batch in make(DATA, 64, tmp_path).batches():
        bars = [bar for bar, _ in batch.events()]
        for symbol in {bar.symbol for bar in bars}:
            found = batch.columns(symbol)
            assert found is not None
            mine = [bar for bar in bars if bar.symbol == symbol]
            assert list(found["close"]) == [bar.close for bar in mine]
            assert list(found["volume"]) == [bar.volume for bar in mine]
        assert batch.columns("stranger") is None


@EVERY
def test_values_are_plain_numbers(make: Make, tmp_path: Path) -> None:
    """Strategies get Python's own int and float, so that reading a field costs nothing more."""
    bar = events(make(DATA, 64, tmp_path))[0][0]
    assert {type(bar.start), type(bar.at)} == {int}
    assert {type(v) for v in (bar.open, bar.high, bar.low, bar.close, bar.volume)} == {float}


@EVERY
def test_description_is_exact(make: Make, tmp_path: Path) -> None:
    """`describe` names symbols, first and last close, and the number of events."""
    said = make(DATA, 64, tmp_path).describe()
    ends = [c["at"] for c in DATA.values()]
    assert said["symbols"] == ["B", "A", "C"]
    assert (said["first_at"], said["last_at"]) == (min(e[0] for e in ends), max(e[-1] for e in ends))
    assert said["events"] == 187


BROKEN: list[tuple[str, int, Any, str]] = [
    ("close", 30, float("nan"), "no number in column 'close'"),
    ("open", 31, float("inf"), "infinite number in column 'open'"),
    ("low", 32, 0.0, "0 in column 'low'"),
    ("high", 33, 1.0, "below low"),
    ("volume", 34, -1.0, "volume -1.0"),
    ("volume", 34, float("nan"), "volume nan"),
    ("start", 16, 0, "comes after the bar"),
    ("start", 16, 15 * 60_000_000_000, "same time"),
    ("start", 17, 17 * 60_000_000_000 - 1, "overlap"),
]


@pytest.mark.parametrize("make", [arrays_feed, parquet_feed])
@pytest.mark.parametrize("batch", [4, 16, 64])
@pytest.mark.parametrize(("column", "row", "value", "message"), BROKEN)
def test_a_wrong_row_stops_the_data_before_it_is_handed_out(
    make: Make, batch: int, column: str, row: int, value: Any, message: str, tmp_path: Path
) -> None:
    """The first wrong row is named, in whatever batch it lies, and no event at or after it has come out."""
    data = {"A": columns(list(range(100)), 50.0)}
    good = expected(data)
    data["A"][column][row] = value
    seen = []
    with pytest.raises(DataError, match=f"row {row + 1}: .*{message}"):
        for each in make(data, batch, tmp_path).batches():
            seen += list(each.events())
    assert seen == good[: len(seen)]
    assert len(seen) <= row


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 60), max_size=40), min_size=1, max_size=5),
    st.integers(1, 200),
)
def test_merge_is_a_stable_sort_by_time(minutes: list[set[int]], batch: int) -> None:
    """Any symbols with any instants, in any batch size: the feed is the stable sort of all bars by time."""
    data = {f"S{i}": columns(sorted(chosen), 10.0 + i) for i, chosen in enumerate(minutes)}
    assert events(ColumnFeed(data, instruments(data), batch=batch)) == expected(data)


@given(st.integers(-5, 130), st.integers(-5, 130))
@settings(max_examples=40, deadline=None)
def test_dates_select_by_start(first: int, stop: int) -> None:
    """`start` is inclusive and `end` exclusive, across row groups, and `total` counts what is selected."""
    path = next(FILES)
    minute = 60_000_000_000
    feed = ParquetFeed({"A": path}, {"A": Instrument(symbol="A")}, start=first * minute, end=stop * minute)
    seen = [bar.start // minute for bar, _ in events(feed)]
    assert seen == [m for m in range(0, 120, 2) if first <= m < stop]
    assert feed.total == len(seen)


@pytest.fixture(autouse=True, scope="module")
def _file(tmp_path_factory: pytest.TempPathFactory) -> None:
    global FILES  # noqa: PLW0603
    path = written(columns(list(range(0, 120, 2)), 5.0), tmp_path_factory.mktemp("feed") / "A.parquet")
    FILES = _always(path)


def _always(path: Path) -> Iterator[Path]:
    while True:
        yield path


FILES: Iterator[Path] = iter(())


def test_a_part_of_the_file_has_the_fingerprint_of_that_part(tmp_path: Path) -> None:
    """The fingerprint is that of the bars handed out: a stretch of a file equals the same bars in memory."""
    whole = columns(list(range(100)), 50.0)
    path = written(whole, tmp_path / "A.parquet")
    start, end = whole["start"][20], whole["start"][77]
    part = {name: values[20:77] for name, values in whole.items()}
    streamed = ParquetFeed({"A": path}, {"A": Instrument(symbol="A")}, start=start, end=end)
    assert streamed.fingerprint() == lists_feed({"A": part}, 64, tmp_path).fingerprint()


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """A Parquet file of other columns is refused with the columns found and what to do."""
    pq.write_table(pa.table({"time": [1], "close": [2.0]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"has columns time, close; expected start, at, .*onepath data import"):
        ParquetFeed({"A": tmp_path / "x.parquet"}, {"A": Instrument(symbol="A")})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(DataError, match=r"gone\.parquet does not exist"):
        ParquetFeed({"A": tmp_path / "gone.parquet"}, {"A": Instrument(symbol="A")})


def test_lists_need_no_numpy() -> None:
    """Columns that are lists are handed out without NumPy or Arrow being imported."""
    import subprocess
    import sys

    code = (
        "import sys\nfrom onepath.feeds.columns import ColumnFeed\nfrom onepath.instruments import Instrument\n"
        "c = {n: [1] for n in ('start',)} | {'at': [2]} | {n: [1.0] for n in ('open','high','low','close','volume')}\n"
        "f = ColumnFeed({'A': c}, {'A': Instrument(symbol='A')})\n"
        "assert [len(list(b.events())) for b in f.batches()] == [1] and f.fingerprint()\n"
        "print([m for m in ('numpy', 'pyarrow', 'pandas', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
