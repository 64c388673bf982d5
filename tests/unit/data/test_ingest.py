"""Importing: what is added, what is refused, and that nothing is ever left half done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from onepath import backtest
from onepath.calendars import MINUTE
from onepath.data import catalogue, open_feed
from onepath.data.ingest import import_file
from onepath.errors import DataError
from onepath.examples.buy_and_hold import BuyAndHold

BEGIN = 1_577_836_800_000_000_000


def csv(columns: dict[str, list[Any]], path: Path, rows: slice = slice(None)) -> Path:
    frame = pd.DataFrame(columns | {"timestamp": pd.to_datetime(columns["timestamp"])})
    frame[rows].to_csv(path, index=False)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_import_is_what_the_file_is(bars: Any, tmp_path: Path) -> None:
    """The data set gives the bars of the file, under its name, streamed."""
    path = csv(bars(300), tmp_path / "A.csv")
    done = import_file(path, tmp_path / "ws", "mine", asset_class="crypto")
    assert (done.rows_added, done.rows_known, done.rows_total, done.symbols) == (300, 0, 300, ["A"])
    feed = open_feed("mine", data_dir=tmp_path / "ws")
    assert feed.fingerprint() == open_feed(path).fingerprint()
    assert feed.describe()["name"] == "mine"
    assert str(feed.instruments["A"].tick_size) == "0.01"


def test_twice_changes_no_byte(bars: Any, tmp_path: Path) -> None:
    """Importing the same file again adds nothing and leaves every byte as it was."""
    path = csv(bars(300), tmp_path / "A.csv")
    import_file(path, tmp_path / "ws", "mine")
    before = contents(tmp_path / "ws")
    again = import_file(path, tmp_path / "ws", "mine")
    assert (again.rows_added, again.rows_known) == (0, 300)
    assert contents(tmp_path / "ws") == before


@pytest.mark.parametrize(
    "parts", [[slice(0, 200), slice(150, 300)], [slice(150, 300), slice(0, 160)], [slice(0, 100), slice(200, 300)]]
)
def test_only_new_bars_are_added(bars: Any, tmp_path: Path, parts: list[slice]) -> None:
    """Files that overlap, in any order, add up to what one file of all their bars gives, to the byte."""
    columns = bars(300)
    for i, part in enumerate(parts):
        import_file(csv(columns, tmp_path / f"{i}.csv", part), tmp_path / "ws", "mine", symbol="A", stamps="start")
    kept = sorted({i for part in parts for i in range(*part.indices(300))})
    all_of_them = {name: [values[i] for i in kept] for name, values in columns.items()}
    import_file(csv(all_of_them, tmp_path / "all.csv"), tmp_path / "other", "mine", symbol="A", stamps="start")
    name = "mine/A.parquet"
    assert contents(tmp_path / "ws")[name] == contents(tmp_path / "other")[name]


def test_bars_that_differ_are_refused(bars: Any, tmp_path: Path) -> None:
    """A bar that is there with another price stops the import, names the bar, and changes nothing."""
    columns = bars(300)
    import_file(csv(columns, tmp_path / "A.csv", slice(0, 200)), tmp_path / "ws", "mine")
    before = contents(tmp_path / "ws")
    columns["close"][150] += 0.5
    with pytest.raises(
        DataError, match=r"symbol A: the bar of 2020-01-01 02:30:00 UTC has close .*, but the data set has"
    ):
        import_file(csv(columns, tmp_path / "A.csv"), tmp_path / "ws", "mine")
    assert contents(tmp_path / "ws") == before


def test_bars_between_bars_are_refused(bars: Any, tmp_path: Path) -> None:
    """Bars that would overlap those that are there are refused."""
    import_file(csv(bars(50), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    shifted = csv(bars(50, first=BEGIN + 30 * 10**9), tmp_path / "A.csv")
    with pytest.raises(DataError, match=r"after joining what is there.*must not overlap"):
        import_file(shifted, tmp_path / "ws", "mine")


@pytest.mark.parametrize("fault", ["nan", "unsorted", "missing file"])
def test_a_faulty_file_leaves_nothing_behind(bars: Any, tmp_path: Path, fault: str) -> None:
    """A file that is refused leaves no folder, no temporary file, no half data set."""
    columns = bars(50)
    if fault == "nan":
        columns["low"][40] = float("nan")
    if fault == "unsorted":
        columns["timestamp"][40] = columns["timestamp"][3]
    path = csv(columns, tmp_path / "A.csv") if fault != "missing file" else tmp_path / "gone.csv"
    with pytest.raises(DataError):
        import_file(path, tmp_path / "ws", "mine")
    assert not list((tmp_path / "ws").glob("*"))


def test_a_write_that_fails_leaves_the_old_data(bars: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails in the middle, the data set is as it was and no temporary file stays."""
    import_file(csv(bars(50), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    before = contents(tmp_path / "ws")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="no space"):
        import_file(csv(bars(80), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    assert contents(tmp_path / "ws") == before


def test_an_interrupted_import_is_noticed_and_healed(
    bars: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the files and dataset.json: opening says so, importing again puts it right."""
    import_file(csv(bars(50), tmp_path / "A.csv"), tmp_path / "ws", "mine")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(catalogue, "write_meta", killed)
        import_file(csv(bars(80), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    with pytest.raises(DataError, match="has 80 rows, expected 50 rows; an import was interrupted"):
        open_feed("mine", data_dir=tmp_path / "ws")
    import_file(csv(bars(80), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    assert open_feed("mine", data_dir=tmp_path / "ws").total == 80


def test_newest_first_is_reversed_and_said(bars: Any, tmp_path: Path) -> None:
    """A file that runs strictly backwards is turned round, and the report says so."""
    columns = {name: values[::-1] for name, values in bars(50).items()}
    done = import_file(csv(columns, tmp_path / "A.csv"), tmp_path / "ws", "mine")
    assert any("newest first and have been reversed" in note for note in done.notes)
    assert (
        open_feed("mine", data_dir=tmp_path / "ws").fingerprint()
        == open_feed(csv(bars(50), tmp_path / "A.csv")).fingerprint()
    )


def test_label_of_times_is_reported(bars: Any, tmp_path: Path) -> None:
    """The report says whether the label of times was given, detected or assumed."""
    for first, stamps, expected in (
        (BEGIN + MINUTE, None, ("end", "detected")),
        (BEGIN, None, ("start", "detected")),
        (BEGIN + 7 * MINUTE, None, ("start", "assumed")),
        (BEGIN + 7 * MINUTE, "end", ("end", "given")),
    ):
        path = csv(bars(50, first=first), tmp_path / "A.csv")
        done = import_file(path, tmp_path / f"ws{stamps}{first}", "mine", stamps=stamps)
        assert (done.stamps, done.stamps_how) == expected
        assert f"times mark the {expected[0]} of bars ({expected[1]})" in done.notes


def test_a_later_file_follows_the_label_of_the_data_set(bars: Any, tmp_path: Path) -> None:
    """What was found out for the first file holds for the next, which alone would not tell."""
    columns = bars(60, first=BEGIN + MINUTE)
    import_file(csv(columns, tmp_path / "A.csv", slice(0, 20)), tmp_path / "ws", "mine")
    done = import_file(csv(columns, tmp_path / "A.csv", slice(20, 60)), tmp_path / "ws", "mine")
    assert (done.stamps, done.stamps_how) == ("end", "as in the data set")
    assert done.rows_total == 60


def test_contradicting_the_data_set_is_refused(bars: Any, tmp_path: Path) -> None:
    """Another calendar or another bar length does not go into the same data set."""
    import_file(csv(bars(50), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    with pytest.raises(DataError, match=r"follows calendar 24/7, not XNYS"):
        import_file(tmp_path / "A.csv", tmp_path / "ws", "mine", calendar="XNYS")
    with pytest.raises(DataError, match="has bars of 300 s, the data set of 60 s"):
        import_file(csv(bars(50, step=5 * MINUTE), tmp_path / "B.csv"), tmp_path / "ws", "mine")


def test_symbols_with_separators_stay_in_the_folder(bars: Any, tmp_path: Path) -> None:
    """A symbol such as BTC/USD or ../x is one safe file of the data set, and comes back under its name."""
    for symbol in ("BTC/USD", "../x", "a b", "É"):
        import_file(csv(bars(5), tmp_path / "A.csv"), tmp_path / "ws", "mine", symbol=symbol)
    assert {p.parent for p in (tmp_path / "ws").rglob("*") if p.is_file()} == {tmp_path / "ws/mine"}
    assert list(open_feed("mine", data_dir=tmp_path / "ws").instruments) == ["../x", "BTC/USD", "a b", "É"]
    assert catalogue.symbol_of(Path(catalogue.file_name("BTC/USD"))) == "BTC/USD"


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", ".hidden", "a\\b", "x..y", "a" * 101])
def test_names_stay_in_the_workspace(bars: Any, tmp_path: Path, name: str) -> None:
    """A data set's name cannot lead out of the data directory."""
    with pytest.raises(DataError, match="cannot be used; expected letters"):
        import_file(csv(bars(5), tmp_path / "A.csv"), tmp_path / "ws", name)
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize("by_symbol", [True, False])
@pytest.mark.parametrize("with_symbols", [True, False])
def test_streaming_gives_the_same_bytes(
    bars: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_symbols: bool, by_symbol: bool
) -> None:
    """A large Parquet file, streamed, becomes the same files as a small one read whole."""
    parts = [pd.DataFrame(bars(90, price=p)).assign(symbol=s) for s, p in (("B", 50.0), ("A", 70.0))]
    frame = pd.concat(parts) if with_symbols else parts[0].drop(columns="symbol")
    frame = frame if by_symbol else frame.sort_values("timestamp", kind="stable")
    frame.to_parquet(tmp_path / "x.parquet", index=False, row_group_size=64)
    import_file(tmp_path / "x.parquet", tmp_path / "whole", "mine")
    monkeypatch.setattr("onepath.data.ingest.IN_MEMORY", 10)
    monkeypatch.setattr("onepath.data.ingest.ROW_GROUP", 32)
    seen: list[tuple[int, int]] = []
    import_file(tmp_path / "x.parquet", tmp_path / "streamed", "mine", progress=lambda *a: seen.append(a))
    for symbol in catalogue.find("mine", tmp_path / "whole").symbols:
        whole, streamed = (pq.read_table(tmp_path / w / f"mine/{symbol}.parquet") for w in ("whole", "streamed"))
        assert whole.equals(streamed)
    assert seen[-1] == (len(frame), len(frame))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_streamed_fault_is_named_by_its_row(bars: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong row deep in a streamed file is named, and nothing stays."""
    columns = bars(200)
    columns["low"][150] = -1.0
    pd.DataFrame(columns).to_parquet(tmp_path / "x.parquet", index=False)
    monkeypatch.setattr("onepath.data.ingest.IN_MEMORY", 10)
    monkeypatch.setattr("onepath.data.ingest.ROW_GROUP", 32)
    with pytest.raises(DataError, match=r"x\.parquet, row 151: .*-1 in column 'low'"):
        import_file(tmp_path / "x.parquet", tmp_path / "ws", "mine")
    assert not list((tmp_path / "ws").glob("*"))


def test_description_and_listing(bars: Any, tmp_path: Path) -> None:
    """Data sets are listed by name, the workspace's before samples of the same name, and described for JSON."""
    import_file(csv(bars(50), tmp_path / "A.csv"), tmp_path / "ws", "us10")
    import_file(csv(bars(50), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    listed = catalogue.datasets(tmp_path / "ws")
    assert [d.name for d in listed] == ["btcusd_1m", "btcusdt_quotes", "eurusd_1h", "mine", "us10"]
    assert listed[-1].folder == tmp_path / "ws/us10"
    said = json.loads(json.dumps(catalogue.describe(listed[3])))
    assert (said["rows"], said["symbols"], said["interval_ns"]) == (50, ["A"], MINUTE)
    assert said["quality"]["counts"] == {}
    assert said["bundled"] is False


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}'])
def test_a_broken_description_is_said(bars: Any, tmp_path: Path, text: str) -> None:
    """A dataset.json that cannot be read, or of another format, is named with what to do."""
    import_file(csv(bars(5), tmp_path / "A.csv"), tmp_path / "ws", "mine")
    (tmp_path / "ws/mine/dataset.json").write_text(text)
    with pytest.raises(DataError, match=r"dataset\.json .*import the data again"):
        open_feed("mine", data_dir=tmp_path / "ws")


def test_the_dirty_files_are_refused_with_the_row(shared: Path, tmp_path: Path) -> None:
    """Both recorded files that run backwards in five places are refused, naming the first of them."""
    for name, line in (("Coinbase_BTCUSD_1h", 16_901), ("bitfinex-1h-btc-usd", 14_372)):
        with pytest.raises(DataError, match=rf"line {line}: .*2017-11-12 08:00:00 UTC follows .*5 rows"):
            import_file(shared / f"quality_dirty_files/{name}.csv.gz", tmp_path, "dirty")


def weekdays(path: Path, count: int = 40) -> Path:
    days = pd.bdate_range("2024-01-01", periods=count)
    closes = [100.0 + (i * 7 % 11) for i in range(count)]
    columns = {"date": days, "open": closes, "high": [c + 1 for c in closes], "low": [c - 1 for c in closes]}
    pd.DataFrame(columns | {"close": closes, "volume": 1000.0}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("in_memory", [1_000, 10])
def test_an_import_takes_the_calendar_that_a_file_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    """Daily bars on weekdays alone get the same calendar, bars and statistics, opened or imported, read or streamed."""
    monkeypatch.setattr("onepath.data.ingest.IN_MEMORY", in_memory)
    path = tmp_path / "ACME.parquet"
    pd.read_csv(weekdays(tmp_path / "ACME.csv"), parse_dates=["date"]).to_parquet(path)
    done = import_file(path, tmp_path / "ws", "mine")
    assert done.calendar == "XNYS"
    assert any("XNYS is assumed" in note for note in done.notes)
    file, dataset = open_feed(path), open_feed("mine", data_dir=tmp_path / "ws")
    assert dataset.fingerprint() == file.fingerprint()
    assert dataset.instruments == file.instruments
    stats = [backtest(BuyAndHold, source).stats for source in (path, tmp_path / "ws" / "mine")]
    assert repr(stats[0]) == repr(stats[1])


@pytest.mark.parametrize(
    ("said", "calendar"),
    [({"calendar": "24/7"}, "24/7"), ({"asset_class": "crypto"}, "24/7"), ({"symbol": "X"}, "XNYS")],
)
def test_an_import_assumes_no_calendar_where_one_is_said(tmp_path: Path, said: dict[str, str], calendar: str) -> None:
    """A calendar or an asset class is the user's word; a symbol says nothing of the calendar."""
    assert import_file(weekdays(tmp_path / "A.csv"), tmp_path / "ws", "mine", **said).calendar == calendar


def test_a_few_more_days_follow_the_data_set(tmp_path: Path) -> None:
    """Days that are added, too few to say anything by themselves, get the calendar of the data set."""
    import_file(weekdays(tmp_path / "A.csv"), tmp_path / "ws", "mine", symbol="A")
    done = import_file(weekdays(tmp_path / "more.csv", 45), tmp_path / "ws", "mine", symbol="A")
    assert (done.calendar, done.rows_added) == ("XNYS", 5)


def test_banner_newest_first_and_twelve_hours(shared: Path, tmp_path: Path) -> None:
    """The recorded Coinbase file, up to its first fault: banner skipped, reversed, 12-hour clock read."""
    import gzip

    with gzip.open(shared / "quality_dirty_files/Coinbase_BTCUSD_1h.csv.gz", "rt") as file:
        lines = file.readlines()[:16_899]
    (tmp_path / "cb.csv").write_text("".join(lines))
    done = import_file(tmp_path / "cb.csv", tmp_path / "ws", "cb", asset_class="crypto")
    assert (done.rows_added, done.symbols, done.interval_ns) == (16_897, ["BTCUSD"], 60 * MINUTE)
    assert any("skipped 1 line(s) above the header: 'Timestamps are UTC timezone" in note for note in done.notes)
    assert any("reversed" in note for note in done.notes)
    last = [b for batch in open_feed("cb", data_dir=tmp_path / "ws").batches() for b, _ in batch.events()][-1]
    assert np.datetime64(last.start, "ns") == np.datetime64("2019-10-17T09:00", "ns")
    assert last.close == 8035.88


def test_a_million_recorded_minutes(shared: Path, tmp_path: Path) -> None:
    """Two years of recorded minutes, imported year by year, stream back bar for bar."""
    for year in (2017, 2018):
        path = shared / f"crypto_1m_bitfinex/btcusd_1m_{year}.parquet"
        import_file(path, tmp_path, "btc", symbol="BTC/USD", asset_class="crypto", stamps="start")
    feed = open_feed("btc", data_dir=tmp_path)
    assert feed.total == sum(batch.size for batch in feed.batches()) == 1_025_708
    year = open_feed("btc", data_dir=tmp_path, start="2018-01-01")
    assert year.total == 520_499
    frame = pd.read_parquet(shared / "crypto_1m_bitfinex/btcusd_1m_2018.parquet")
    assert year.fingerprint() == open_feed({"BTC/USD": frame}).fingerprint()
