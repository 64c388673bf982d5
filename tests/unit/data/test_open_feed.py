"""Whatever the user has becomes the same feed, and whatever is wrong with it is said in one sentence."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.calendars import DAY, HOUR, MINUTE
from onepath.data import open_feed
from onepath.errors import ConfigError, DataError
from onepath.examples.buy_and_hold import BuyAndHold
from onepath.instruments import Instrument

BEGIN = 1_577_836_800_000_000_000


def events(feed: Any) -> list[Any]:
    return [bar for batch in feed.batches() for bar, _ in batch.events()]


def framed(columns: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame(columns | {"timestamp": pd.to_datetime(columns["timestamp"])})


def sources(columns: dict[str, list[Any]], folder: Path) -> dict[str, Any]:
    """The same bars in every form that is taken."""
    frame = framed(columns)
    shouted = frame.rename(columns=lambda n: {"timestamp": "Date"}.get(n, n.upper()))
    frame.to_csv(folder / "A.csv", index=False)
    frame.to_csv(folder / "A.csv.gz", index=False)
    frame.to_csv(folder / "semicolons.csv", index=False, sep=";")
    frame.assign(timestamp=[f"{t.isoformat()}Z" for t in frame.timestamp]).to_csv(folder / "zulu.csv", index=False)
    frame.to_parquet(folder / "A.parquet")
    return {
        "pandas, time in a column": frame,
        "pandas, time as index": frame.set_index("timestamp"),
        "pandas, unnamed index": frame.set_index("timestamp").rename_axis(None),
        "pandas, New York index": frame.set_index(
            frame.timestamp.dt.tz_localize("UTC").dt.tz_convert("America/New_York")
        ),
        "pandas, text index": frame.assign(timestamp=frame.timestamp.astype(str)).set_index("timestamp"),
        "pandas, other case": shouted,
        "polars": pl.from_pandas(frame),
        "polars, lazy": pl.from_pandas(frame).lazy(),
        "arrow": pa.Table.from_pandas(frame, preserve_index=False),
        "columns": columns,
        "seconds": frame.assign(timestamp=[t // 10**9 for t in columns["timestamp"]]),
        "milliseconds": frame.assign(timestamp=[t // 10**6 for t in columns["timestamp"]]),
        "microseconds": frame.assign(timestamp=[t // 10**3 for t in columns["timestamp"]]),
        "float seconds": frame.assign(timestamp=[t / 10**9 for t in columns["timestamp"]]),
        "csv": folder / "A.csv",
        "csv.gz": str(folder / "A.csv.gz"),
        "csv, semicolons": folder / "semicolons.csv",
        "csv, zulu": folder / "zulu.csv",
        "parquet": folder / "A.parquet",
        "mapping": {"A": frame},
        "symbol column": frame.assign(symbol="A"),
        "ticker column": pl.from_pandas(frame.assign(Ticker="A")),
    }


def test_every_form_gives_the_same_feed(bars: Any, tmp_path: Path) -> None:
    """Frame, file, mapping, any spelling of time: one fingerprint, and the same bars."""
    found = {}
    for name, source in sources(bars(200), tmp_path).items():
        own = (isinstance(source, dict) and "A" in source) or ("column" in name.partition(" ")[2] and "," not in name)
        feed = open_feed(source, symbols=None if own or isinstance(source, Path | str) else ("A",))
        found[name] = (tuple(b.at for b in events(feed)), tuple(b.close for b in events(feed)))
    assert set(found.values()) == {next(iter(found.values()))}, found.keys()


def test_fingerprints_agree_between_forms(bars: Any, tmp_path: Path) -> None:
    """CSV, Parquet, pandas and polars of the same bars have one fingerprint."""
    forms = sources(bars(200), tmp_path)
    prints = {
        open_feed(forms["csv"]).fingerprint(),
        open_feed(forms["csv.gz"]).fingerprint(),
        open_feed(forms["parquet"]).fingerprint(),
        open_feed(forms["pandas, time as index"], symbols=("A",)).fingerprint(),
        open_feed(forms["polars"], symbols="A").fingerprint(),
        open_feed(forms["mapping"]).fingerprint(),
    }
    assert len(prints) == 1


def test_a_frame_without_a_name_is_asset(bars: Any) -> None:
    """A single frame's symbol is ASSET unless one is given."""
    assert list(open_feed(framed(bars(5))).instruments) == ["ASSET"]
    assert list(open_feed(framed(bars(5)), symbols=("X",)).instruments) == ["X"]


def test_yfinance_columns_of_two_levels(bars: Any) -> None:
    """Columns by price and ticker, as yfinance gives them, become one symbol each."""
    a, b = (framed(bars(30, price=p)).set_index("timestamp") for p in (50.0, 90.0))
    wide = pd.concat({"BBB": b, "AAA": a}, axis=1).swaplevel(axis=1).sort_index(axis=1)
    feed = open_feed(wide)
    assert list(feed.instruments) == ["AAA", "BBB"]
    assert feed.fingerprint() == open_feed({"AAA": a, "BBB": b}).fingerprint()


def test_rows_of_several_symbols_need_not_be_sorted_by_symbol(bars: Any) -> None:
    """A symbol column splits the rows; symbols come in sorted order, or in the order asked for."""
    both = pd.concat([framed(bars(9)).assign(symbol="B"), framed(bars(9, price=50.0)).assign(symbol="A")])
    mixed = both.sort_values("timestamp", kind="stable")
    assert open_feed(mixed).fingerprint() == open_feed(both).fingerprint()
    assert [b.symbol for b in events(open_feed(mixed))][:3] == ["A", "B", "A"]
    assert [b.symbol for b in events(open_feed(mixed, symbols=("B", "A")))][:3] == ["B", "A", "B"]
    assert {b.symbol for b in events(open_feed(mixed, symbols=["B"]))} == {"B"}


def test_missing_volume_is_zero_and_noted(bars: Any) -> None:
    """Without volume every bar has volume zero, and the description says so."""
    columns = bars(5)
    del columns["volume"]
    feed = open_feed(columns)
    assert {bar.volume for bar in events(feed)} == {0.0}
    assert any("no volume column" in note for note in feed.describe()["notes"])


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (None, None, 180),
        ("2020-01-01T01:00", None, 120),
        (None, "2020-01-01 01:00", 60),
        (datetime(2020, 1, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, 2), 60),  # noqa: DTZ001
        (date(2020, 1, 1), date(2020, 1, 2), 180),
        (BEGIN + 30 * MINUTE, BEGIN + 31 * MINUTE, 1),
        ("2020-01-01T03:00+02:00", None, 120),
        ("2019-01-01", "2020-01-01T00:00:01", 1),
    ],
)
def test_dates_include_the_start_and_exclude_the_end(bars: Any, start: Any, end: Any, rows: int) -> None:
    """Dates, datetimes, text and nanoseconds select bars by their start; without a zone they are UTC."""
    feed = open_feed(bars(180), start=start, end=end)
    assert feed.total == rows == len(events(feed))


def test_stamps_of_the_end(bars: Any) -> None:
    """With stamps='end' a time is the bar's close."""
    first = events(open_feed(bars(5), stamps="end"))[0]
    assert (first.start, first.at) == (BEGIN - MINUTE, BEGIN)


def test_stamps_are_found_out(bars: Any) -> None:
    """A first stamp one bar past the half hour is an end; on it, a start; else the start is assumed."""
    for first, start in ((BEGIN + MINUTE, BEGIN), (BEGIN, BEGIN), (BEGIN + 7 * MINUTE, BEGIN + 7 * MINUTE)):
        assert events(open_feed(bars(60, first=first), stamps=None))[0].start == start


def daily(days: list[str]) -> dict[str, list[Any]]:
    n = len(days)
    return {"date": days, "open": [10.0] * n, "high": [11.0] * n, "low": [9.0] * n, "close": [10.5] * n}


def test_daily_bars_span_the_session() -> None:
    """An equity's day runs from 09:30 to 16:00 New York, summer and winter."""
    found = events(open_feed(daily(["2024-01-05", "2024-01-08", "2024-07-05"]), asset_class="equity", interval="1d"))
    hours = [(b.start % DAY / HOUR, b.at % DAY / HOUR) for b in found]
    assert hours == [(14.5, 21.0), (14.5, 21.0), (13.5, 20.0)]


def test_daily_bars_of_a_market_that_never_closes() -> None:
    """A coin's day runs from midnight to midnight UTC."""
    first = events(open_feed(daily(["2024-01-06", "2024-01-07"])))[0]
    assert (first.start % DAY, first.at - first.start) == (0, DAY)


def test_the_date_is_the_one_published() -> None:
    """A daily bar stamped midnight in Hong Kong or New York keeps that date, not Greenwich's."""
    for offset in ("+08:00", "-05:00"):
        first = events(open_feed(daily([f"2024-01-0{d} 00:00:00{offset}" for d in (2, 3, 4)]), calendar="XNYS"))[0]
        assert datetime.fromtimestamp(first.start / 1e9, UTC) == datetime(2024, 1, 2, 14, 30, tzinfo=UTC)


def test_weekdays_alone_follow_new_york_and_say_so() -> None:
    """Three weeks of daily bars without a weekend are taken for NYSE sessions, and the description says so."""
    days = [f"{d:%Y-%m-%d}" for d in pd.bdate_range("2024-01-01", periods=20)]
    feed = open_feed(daily(days))
    assert feed.calendar == "XNYS"
    assert any("XNYS is assumed" in note for note in feed.describe()["notes"])
    assert open_feed(daily(days), asset_class="crypto").calendar == "24/7"


def test_instruments_given_are_used(bars: Any) -> None:
    """An instrument that is given is the feed's; the others follow the asset class."""
    mine = Instrument(symbol="A", currency="EUR")
    feed = open_feed({"A": bars(3), "B": bars(3)}, instruments={"A": mine}, asset_class="fx")
    assert feed.instruments["A"] is mine
    assert str(feed.instruments["B"].tick_size) == "0.00001"


def test_unknown_asset_class_suggests_the_nearest(bars: Any) -> None:
    """A misspelt asset class is a configuration error."""
    with pytest.raises(ConfigError, match="'equitty' is unknown; did you mean 'equity'"):
        open_feed(bars(3), asset_class="equitty")


def changed(columns: dict[str, list[Any]], column: str, row: int, value: Any) -> dict[str, list[Any]]:
    columns[column][row] = value
    return columns


WRONG: list[tuple[str, Any, str]] = [
    ("empty", lambda c: {n: v[:0] for n, v in c.items()}, "no rows; expected at least one bar"),
    (
        "missing column",
        lambda c: {n: v for n, v in c.items() if n != "high"},
        "no column for high; found timestamp, open",
    ),
    ("misspelt column", lambda c: {("hihg" if n == "high" else n): v for n, v in c.items()}, "the nearest is 'hihg'"),
    ("no time", lambda c: {n: v for n, v in c.items() if n != "timestamp"}, "no column for time"),
    ("newest first", lambda c: {n: v[::-1] for n, v in c.items()}, "newest first; sort them"),
    ("unsorted", lambda c: changed(c, "timestamp", 5, c["timestamp"][2] + 1), "row 5: .*comes after .*sort the data"),
    ("duplicate", lambda c: changed(c, "timestamp", 5, c["timestamp"][4]), "row 5: .*same time.*remove the duplicate"),
    ("overlap", lambda c: changed(c, "timestamp", 5, c["timestamp"][5] - 1), "row 5: .*bars must not overlap"),
    ("NaN", lambda c: changed(c, "close", 3, float("nan")), "row 3: .*00:03:00 UTC has no number in column 'close'"),
    ("None", lambda c: changed(c, "open", 3, None), "row 3: .*no number in column 'open'"),
    ("infinite", lambda c: changed(c, "high", 3, float("inf")), "row 3: .*infinite number in column 'high'"),
    ("zero", lambda c: changed(c, "low", 3, 0.0), "row 3: .*has 0 in column 'low'; expected a price above zero"),
    ("negative", lambda c: changed(c, "open", 3, -1.5), "row 3: .*has -1.5 in column 'open'"),
    ("crossed", lambda c: changed(c, "high", 3, 1.0), "row 3: .*has high 1.0 below low"),
    ("outside", lambda c: changed(c, "close", 3, 500.0), "row 3: .*close 500.0 outside its range"),
    ("volume", lambda c: changed(c, "volume", 3, -1.0), "row 3: .*has volume -1.0"),
    ("missing time", lambda c: changed(c, "timestamp", 3, None), "row 3: column 'timestamp' has nothing where a time"),
    (
        "text price",
        lambda c: changed({**c, "close": [str(v) for v in c["close"]]}, "close", 3, "1,5"),
        "row 3: .*'1,5'",
    ),
    ("two closes", lambda c: {**c, "Close": c["close"]}, "both could be the close"),
    (
        "no time in text",
        lambda c: {**c, "timestamp": ["soon"] * len(c["close"])},
        "begins with 'soon'; expected a time",
    ),
    ("small numbers", lambda c: {**c, "timestamp": list(range(len(c["close"])))}, "which are no epochs"),
]


@pytest.mark.parametrize(("change", "message"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_said_in_one_sentence(bars: Any, change: Any, message: str) -> None:
    """Each fault is refused with the row, the column, what was found and what to do."""
    with pytest.raises(DataError, match=message) as error:
        open_feed(change(bars(10)))
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_csv_rows_are_named_by_their_line(bars: Any, tmp_path: Path) -> None:
    """In a CSV file a row is its line, the header being line 1."""
    framed(changed(bars(10), "low", 3, -1.0)).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(DataError, match=r"x\.csv, line 5: .*-1 in column 'low'"):
        open_feed(tmp_path / "x.csv")


def test_rows_keep_their_number_when_symbols_are_split(bars: Any) -> None:
    """With a symbol column the row named is the row of the source."""
    rows = pd.concat([framed(bars(5)).assign(symbol="B"), framed(changed(bars(5), "low", 2, 0.0)).assign(symbol="A")])
    with pytest.raises(DataError, match="row 7: "):
        open_feed(rows)


def test_mixed_time_zones_are_refused(bars: Any, tmp_path: Path) -> None:
    """Some times with a zone and some without, or of zones far apart, cannot be one column."""
    frame = framed(bars(6))
    text = [t.isoformat() for t in frame.timestamp]
    with pytest.raises(DataError, match="mixes times with and without a time zone"):
        open_feed(frame.assign(timestamp=[t + ("Z" if i % 2 else "") for i, t in enumerate(text)]))
    with pytest.raises(DataError, match=r"mixes time zones \(offsets -5 h, \+1 h\)"):
        open_feed(frame.assign(timestamp=[t + ("+01:00" if i % 2 else "-05:00") for i, t in enumerate(text)]))
    zones = [t.tz_localize("UTC" if i % 2 else "Asia/Tokyo") for i, t in enumerate(frame.timestamp)]
    with pytest.raises(DataError, match=r"mixes time zones \(Asia/Tokyo, UTC\)"):
        open_feed(frame.assign(timestamp=pd.Series(zones, dtype=object)))


def test_summer_time_is_no_mix_of_zones() -> None:
    """Offsets an hour apart, as one zone has in summer and winter, are fine."""
    feed = open_feed(
        daily(
            [
                "2024-03-29 00:00:00+01:00",
                "2024-03-30 00:00:00+01:00",
                "2024-03-31 00:00:00+01:00",
                "2024-04-01 00:00:00+02:00",
            ]
        )
    )
    assert feed.total == 4


def test_no_overlap_with_the_dates_says_what_there_is(bars: Any) -> None:
    """Dates that select nothing are an error that names the range of the data."""
    with pytest.raises(DataError, match=r"no bars in the requested dates; it runs from 2020-01-01 00:00:00 UTC to"):
        open_feed(bars(10), start="2021-01-01")


def test_unknown_symbol_suggests_the_nearest(bars: Any) -> None:
    """A symbol that is not there is an error that names the nearest."""
    with pytest.raises(DataError, match="no symbol 'APPL'; did you mean 'AAPL'"):
        open_feed({"AAPL": bars(3), "MSFT": bars(3)}, symbols=["APPL"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("/nowhere/x.csv", "no such file or folder"),
        ("us1", "no file and no data set 'us1'; did you mean 'us10'"),
        (42, "int is no table of bars"),
        ({}, "nothing in it"),
    ],
)
def test_sources_that_are_none(source: Any, message: str) -> None:
    """A missing path, an unknown name, a thing that is no data: each is named."""
    with pytest.raises(DataError, match=message):
        open_feed(source)


def test_files_that_are_none(tmp_path: Path) -> None:
    """An empty file, a file without header, a broken Parquet file, an empty folder: each is named."""
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "naked.csv").write_text("2020-01-01,1,2,1,2,3\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1nonsense")
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.doc").write_text("x")
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8bnonsense")
    for name, message in (
        ("empty.csv", "the file is empty"),
        ("naked.csv", "no header line with a column for close"),
        ("broken.parquet", "cannot be read as Parquet"),
        ("folder", "has no Parquet or CSV files"),
        ("notes.doc", "not that of a CSV or Parquet file"),
        ("broken.csv.gz", "cannot be read"),
    ):
        with pytest.raises(DataError, match=message):
            open_feed(tmp_path / name)


def test_banner_lines_are_skipped_and_noted(bars: Any, tmp_path: Path) -> None:
    """Text above the header is skipped, noted, and counted in line numbers."""
    text = framed(changed(bars(10), "low", 3, -1.0)).to_csv(index=False)
    with gzip.open(tmp_path / "x.csv.gz", "wt") as file:
        file.write("Times are UTC, see example.com\n" + text)
    with pytest.raises(DataError, match="line 6: "):
        open_feed(tmp_path / "x.csv.gz")


def test_one_row_needs_its_interval(bars: Any) -> None:
    """One bar has no step; its length must be said."""
    with pytest.raises(DataError, match="cannot be told from one row"):
        open_feed(bars(1, first=BEGIN + MINUTE))
    for interval in ("1m", "60s", MINUTE, timedelta(minutes=1)):
        assert open_feed(bars(1), interval=interval).interval_ns == MINUTE


def test_unknown_interval_is_refused(bars: Any) -> None:
    """An interval that is no length is named."""
    with pytest.raises(DataError, match="interval 'often' is no bar length"):
        open_feed(bars(3), interval="often")


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["01.02.2024 22:00:00.000", "01.02.2024 22:01:00.000"], "2024-02-01T22:00"),
        (["2024-02-01 09-AM", "2024-02-01 10-AM"], "2024-02-01T09:00"),
        (["2024-02-01 12-AM", "2024-02-01 01-AM"], "2024-02-01T00:00"),
        (["2024-02-01 12:30 PM", "2024-02-01 01:30 pm"], "2024-02-01T12:30"),
        (["2/1/2024 9:30", "2/13/2024 9:30"], "2024-02-01T09:30"),
        (["13/2/2024 9:30", "14/2/2024 9:30"], "2024-02-13T09:30"),
        (["20240201 170000", "20240201 170100"], "2024-02-01T17:00"),
        (["20240201", "20240202"], "2024-02-01T00:00"),
        (["2024/02/01 09:30", "2024/02/01 09:31"], "2024-02-01T09:30"),
        (["2024-02-01T09:30:00.5+01:00", "2024-02-01T09:30:01.5+01:00"], "2024-02-01T08:30:00.5"),
        (["2024-02-01T09:30:00Z", "2024-02-01T09:31:00Z"], "2024-02-01T09:30"),
        (["1706779800", "1706779860"], "2024-02-01T09:30"),
    ],
)
def test_times_as_people_write_them(texts: list[str], first: str) -> None:
    """Dates with dots, slashes, 12-hour clocks, compact forms, offsets and epochs in text are read as meant."""
    columns = daily(texts)
    bar = events(open_feed(columns, calendar="24/7"))[0]
    assert np.datetime64(bar.start, "ns") == np.datetime64(first, "ns")


def test_dates_that_can_be_read_two_ways_are_refused() -> None:
    """Day first or month first is never guessed."""
    with pytest.raises(DataError, match="can be read day first or month first"):
        open_feed(daily(["1/2/2024", "2/2/2024"]))


@pytest.mark.parametrize("text", ["2024-02-30", "2024-13-01", "2024-02-01 25:00", "2024-02-01 13-PM", "tomorrow", ""])
def test_impossible_times_are_named(text: str) -> None:
    """A date that does not exist is named with its row, not moved to the next month."""
    with pytest.raises(DataError, match="row 1: column 'date' has "):
        open_feed(daily(["2024-02-01 09-AM", text, "2024-02-03 09-AM"]))


def test_a_folder_is_one_feed(bars: Any, tmp_path: Path) -> None:
    """The files of a folder are symbols named by their stems, in sorted order."""
    for name in ("B", "A"):
        framed(bars(5)).to_parquet(tmp_path / f"{name}.parquet")
    assert list(open_feed(tmp_path).instruments) == ["A", "B"]


def test_a_large_foreign_file_is_refused_with_advice(
    bars: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too large for memory is to be imported first."""
    monkeypatch.setattr("onepath.data.sources.IN_MEMORY", 4)
    framed(bars(5)).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="onepath data import"):
        open_feed(tmp_path / "x.parquet")


def test_the_recorded_files(shared: Path) -> None:
    """Real files of five publishers open as they are, with the numbers of rows their README states."""
    for path, rows, symbols in (
        ("equity_daily_us10_roboquant/us10_2015_2024.parquet", 25_160, 10),
        ("equity_daily_bokeh/stocks_2000_2013.csv.gz", 12_154, 5),
        ("equity_daily_lean/daily_raw_ohlcv.parquet", 54_363, 18),
        ("fx_1h_equity_daily_gym/eurusd_1h_ask.csv.gz", 6_225, 1),
        ("fx_1h_equity_daily_gym/googl_daily.csv.gz", 2_335, 1),
        ("equity_daily_msft_pmdarima/msft_1986_2017.csv.gz", 7_983, 1),
    ):
        feed = open_feed(shared / path)
        assert (feed.total, len(feed.instruments)) == (rows, symbols), path


def test_end_stamps_of_the_recorded_future(shared: Path) -> None:
    """The 6E session opens at 23:00 and the first stamp is 23:01: ends, found out."""
    path = shared / "futures_1m_6e_nautilus/6EH4.XCME_1min_bars_20240101_20240131.csv.gz"
    first = events(open_feed(path, stamps=None))[0]
    assert np.datetime64(first.start, "ns") == np.datetime64("2024-01-01T23:00", "ns")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"calendar": "24/7"}, "has calendar XNYS, not 24/7; leave calendar out"),
        ({"asset_class": "fx"}, "has asset_class equity, not fx"),
        ({"interval": "1m"}, "has interval 86400000000000, not 60000000000"),
    ],
)
def test_a_data_set_is_not_told_what_it_is(told: dict[str, Any], message: str) -> None:
    """A calendar, class or bar length that contradicts the data set is refused, never ignored."""
    with pytest.raises(DataError, match=message):
        open_feed("us10", **told)
    assert open_feed("us10", calendar="XNYS", asset_class="equity", interval="1d").total == 25_160


def test_canonical_folder_streams(bars: Any, tmp_path: Path) -> None:
    """A folder of canonical files is streamed, and gives what the frame gives."""
    from onepath.data.ingest import import_file
    from onepath.feeds.parquet import ParquetFeed

    framed(bars(50)).to_csv(tmp_path / "A.csv", index=False)
    import_file(tmp_path / "A.csv", tmp_path, "set")
    (tmp_path / "set/dataset.json").unlink()
    feed = open_feed(tmp_path / "set")
    assert isinstance(feed, ParquetFeed)
    assert feed.fingerprint() == open_feed(tmp_path / "A.csv").fingerprint()
    assert pq.ParquetFile(tmp_path / "set/A.parquet").metadata.num_rows == feed.total == 50
    with pytest.raises(DataError, match="no bars in the requested dates; it runs from 2020-01-01 00:00:00 UTC"):
        open_feed(tmp_path / "set", start="2022-01-01")


@pytest.mark.parametrize("end", ["2016-01-08", date(2016, 1, 8), "2016-01-09T00:00", datetime(2016, 1, 9, tzinfo=UTC)])
def test_the_last_day_of_a_backtest_is_part_of_it(end: object) -> None:
    """Named as a day, the end is that day's own end; as a moment it is that moment, which is not part of it any more."""
    result = onepath.backtest(BuyAndHold, "us10", symbols="AAPL", start="2016-01-04", end=end)
    assert str(result.equity.index[-1]) == "2016-01-08 21:00:00+00:00"
