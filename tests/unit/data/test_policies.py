"""Faults of bars are rejected, flagged or filled as the user says for each sort, and nothing is touched that was not asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.data import open_feed
from onepath.data.ingest import Imported, import_file
from onepath.data.policies import Policies, policies
from onepath.data.sources import moment
from onepath.data.unchanged import changes
from onepath.errors import ConfigError, DataError

NAN = float("nan")


def minutes(closes: dict[int, float], day: str = "2024-01-02 10:00") -> pd.DataFrame:
    """One-minute bars at the minutes after `day` that are keys; high and low a half around the close."""
    times = [pd.Timestamp(day) + pd.Timedelta(minutes=i) for i in closes]
    close = list(closes.values())
    return pd.DataFrame(
        {
            "timestamp": times,
            "open": close,
            "high": [c + 0.5 for c in close],
            "low": [c - 0.5 for c in close],
            "close": close,
            "volume": [10.0 + i for i in closes],
        }
    )


GAPPED = {i: 100 + i * 0.25 for i in range(40) if i not in (7, 8, 20)}
"""minutes 7, 8 and 20 are absent; the closes before them are 101.5 and 104.75"""


def put(tmp_path: Path, frame: pd.DataFrame, said: Any = None, name: str = "mine", **how: Any) -> Imported:
    path = tmp_path / f"{name}{len(list(tmp_path.glob('*.csv')))}.csv"
    frame.to_csv(path, index=False)
    how = {"symbol": "A", "asset_class": "crypto"} | how
    return import_file(path, tmp_path / "data", name, quality_policies=policies(said), **how)


def file(tmp_path: Path, name: str = "mine") -> list[dict[str, Any]]:
    return pq.read_table(tmp_path / "data" / name / "A.parquet").to_pylist()


# -- what may be said ------------------------------------------------------------------------------------------------


def test_words() -> None:
    """One word for all, a mapping, and the text of the command line say the same."""
    assert policies("flag") == Policies("flag", "flag", "flag", "flag", "flag")
    assert policies("gaps=fill, outliers=reject") == policies({"gaps": "fill", "outliers": "reject"})
    assert policies(None).said == policies("").said == {}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("mend", "expected reject, flag"),
        ("gap=fill", "did you mean|gaps"),
        ({"outliers": "fill"}, "fill is for gaps"),
        ("fill", "gaps=fill"),
        ("gaps=", "reject, flag, fill"),
        (5, "quality is 5; expected a word for all faults"),
    ],
)
def test_wrong_words(said: Any, told: str) -> None:
    """What is no policy is refused with what there is."""
    with pytest.raises(ConfigError, match=told):
        policies(said)


# -- gaps ------------------------------------------------------------------------------------------------------------


def test_nothing_said_changes_nothing(tmp_path: Path) -> None:
    """Without a policy gaps are let through, and the file has no column of marks."""
    put(tmp_path, minutes(GAPPED))
    assert len(file(tmp_path)) == 37
    assert "filled" not in file(tmp_path)[0]


def test_gaps_are_rejected(tmp_path: Path) -> None:
    """Two gaps of three bars: refused with how many and where, and nothing is written."""
    with pytest.raises(DataError, match=r"2 gaps \(3 bars\).*2024-01-02 10:09:00.*gaps=fill"):
        put(tmp_path, minutes(GAPPED), "gaps=reject")
    assert not (tmp_path / "data" / "mine").exists()


def test_gaps_are_flagged(tmp_path: Path) -> None:
    """All bars are kept, and the data set and every run over it say so."""
    done = put(tmp_path, minutes(GAPPED), "gaps=flag")
    assert len(file(tmp_path)) == 37
    assert any("gaps flagged: 2 gaps (3 bars)" in note for note in done.notes)
    feed = open_feed("mine", data_dir=tmp_path / "data")
    assert any("A: gaps flagged: 2 gaps (3 bars)" in note for note in feed.describe()["notes"])


def test_gaps_are_filled_and_marked(tmp_path: Path) -> None:
    """Minutes 7, 8 and 20 get the close before in all prices and no volume; they alone are marked."""
    put(tmp_path, minutes(GAPPED), "gaps=fill")
    rows = file(tmp_path)
    assert len(rows) == 40
    assert [i for i, row in enumerate(rows) if row["filled"]] == [7, 8, 20]
    for i, close in ((7, 101.5), (8, 101.5), (20, 104.75)):
        row = rows[i]
        assert (row["open"], row["high"], row["low"], row["close"], row["volume"]) == (close, close, close, close, 0.0)
        assert row["start"] == (moment("2024-01-02T10:00") or 0) + i * 60_000_000_000
    meta = json.loads((tmp_path / "data" / "mine" / "dataset.json").read_text())
    assert (meta["symbols"]["A"]["filled"], meta["symbols"]["A"]["rows"]) == (3, 40)


def test_filled_bars_can_be_left_out(tmp_path: Path) -> None:
    """A feed without them is, bar for bar and by its fingerprint, the feed of what was published."""
    put(tmp_path, minutes(GAPPED), "gaps=fill")
    put(tmp_path, minutes(GAPPED), name="plain")
    whole = open_feed("mine", data_dir=tmp_path / "data")
    less = open_feed("mine", data_dir=tmp_path / "data", filled="leave_out")
    plain = open_feed("plain", data_dir=tmp_path / "data")
    assert (whole.total, less.total) == (40, 37)
    assert less.fingerprint() == plain.fingerprint() != whole.fingerprint()
    assert [bar for b in less.batches() for bar, _ in b.events()] == [
        bar for b in plain.batches() for bar, _ in b.events()
    ]
    assert any("of 40 bars 3 were filled in and are left out" in note for note in less.describe()["notes"])


def test_a_bar_that_comes_later_takes_the_place_of_a_filled_one(tmp_path: Path) -> None:
    """The next file has minute 7, and ends two minutes later: the mark on it is gone, the policy still holds."""
    put(tmp_path, minutes(GAPPED), "gaps=fill")
    done = put(tmp_path, minutes({7: 99.0, 41: 110.0}), None, interval="1m")
    rows = file(tmp_path)
    assert done.rows_added == 2
    assert [i for i, row in enumerate(rows) if row["filled"]] == [8, 20, 40]
    assert (rows[7]["close"], rows[8]["close"], rows[40]["close"]) == (99.0, 99.0, 109.75)


def test_importing_twice_with_fill_changes_no_byte(tmp_path: Path) -> None:
    """The same file again: no bar is new, no byte changes."""
    put(tmp_path, minutes(GAPPED), "gaps=fill")
    before = {p.name: p.read_bytes() for p in (tmp_path / "data" / "mine").iterdir()}
    done = put(tmp_path, minutes(GAPPED), "gaps=fill")
    assert (done.rows_added, done.rows_known) == (0, 37)
    assert {p.name: p.read_bytes() for p in (tmp_path / "data" / "mine").iterdir()} == before


def test_nights_and_holidays_are_not_filled(tmp_path: Path) -> None:
    """New York, daily, around Independence Day 2024 (a Thursday): Friday 5 July is a session and filled, the 4th and the
    weekend are not."""
    days = ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-08", "2024-07-09"]
    closes = [10.0, 11.0, 12.0, 13.0, 14.0]
    frame = pd.DataFrame({"date": days, "open": closes, "high": closes, "low": closes, "close": closes, "volume": 1.0})
    put(tmp_path, frame, "gaps=fill", asset_class="equity")
    found = [(row["start"], row["close"]) for row in file(tmp_path) if row["filled"]]
    assert found == [(moment("2024-07-05T13:30"), 12.0)]


def test_intraday_gaps_are_filled_inside_sessions(tmp_path: Path) -> None:
    """New York, half hours of 2 and 3 July 2024 (the second closes at 13:00): what is absent inside is filled, no more."""
    first = [f"2024-07-02 {h}" for h in ("13:30", "14:00", "15:00", "19:00", "19:30")]
    second = [f"2024-07-03 {h}" for h in ("14:00", "16:30")]
    times = first + second
    closes = [float(i + 1) for i in range(len(times))]
    frame = pd.DataFrame(
        {"timestamp": times, "open": closes, "high": closes, "low": closes, "close": closes, "volume": 1.0}
    )
    put(tmp_path, frame, "gaps=fill", asset_class="equity", interval="30m", stamps="start")
    found = [pd.Timestamp(row["start"]).strftime("%d %H:%M") for row in file(tmp_path) if row["filled"]]
    expected = ["14:30", "15:30", "16:00", "16:30", "17:00", "17:30", "18:00", "18:30"]
    late = ["13:30", "14:30", "15:00", "15:30", "16:00"]
    assert found == [f"02 {t}" for t in expected] + [f"03 {t}" for t in late]


# -- bars that cannot be ---------------------------------------------------------------------------------------------


def broken() -> pd.DataFrame:
    """Thirty bars; the third has no close, the tenth a high below its low, the last time comes twice."""
    frame = minutes({i: 100.0 + i for i in range(30)})
    frame.loc[2, "close"] = NAN
    frame.loc[9, "high"] = 90.0
    return pd.concat([frame, frame.iloc[[29]]], ignore_index=True)


def test_what_cannot_be_stops_the_data_as_ever(tmp_path: Path) -> None:
    """Without a policy: the first wrong row, by line of the file."""
    with pytest.raises(DataError, match=r"line 31|line 32|line 4"):
        put(tmp_path, broken())


def test_what_cannot_be_is_left_out_where_flagged(tmp_path: Path) -> None:
    """Two bars and a duplicate are left out, counted, and named with the line of the first."""
    done = put(tmp_path, broken(), "bad_bars=flag,duplicates=flag")
    assert len(file(tmp_path)) == 28
    said = " ".join(done.notes)
    assert "bad_bars flagged: 2 bars that cannot be left out, the first at line 4" in said
    assert "duplicates flagged: 1 bars whose time occurred before left out, the first at line 32" in said


def test_what_cannot_be_is_counted_where_rejected(tmp_path: Path) -> None:
    """`reject` says how many there are, not only the first."""
    with pytest.raises(DataError, match=r"2 bars that cannot be, the first at line 4"):
        put(tmp_path, broken(), "bad_bars=reject,duplicates=flag")


def test_outliers_and_stale_prices(tmp_path: Path) -> None:
    """A price a hundred times the others, and twelve equal bars: flagged by name, rejected where asked."""
    closes = {i: 100 + (i % 7) * 0.25 for i in range(60)}
    closes[30] *= 100
    frame = minutes(closes)
    for column in ("open", "high", "low", "close", "volume"):
        frame[column] = frame[column].where(~frame.index.isin(range(40, 52)), frame[column][40])
    done = put(tmp_path, frame, "outliers=flag,stale=flag")
    said = " ".join(done.notes)
    assert "outliers flagged: 1 outliers" in said
    assert "stale flagged: 1 stale" in said
    for sort in ("outliers", "stale"):
        with pytest.raises(DataError, match=f"1 {sort}"):
            put(tmp_path, frame, f"{sort}=reject", name=sort)


# -- a run -----------------------------------------------------------------------------------------------------------


class Counts(onepath.Strategy):
    """Counts bars, and those without volume."""

    def on_start(self, context: Any) -> None:
        self.bars = self.silent = 0

    def on_market_event(self, event: Any, context: Any) -> None:
        self.bars += 1
        self.silent += event.volume == 0


def test_a_run_fills_where_asked_and_says_so() -> None:
    """The strategy sees forty bars, three of them without volume; result and replay know why."""
    strategy = Counts()
    result = onepath.backtest(strategy, minutes(GAPPED), asset_class="crypto", quality={"gaps": "fill"})
    assert (strategy.bars, strategy.silent) == (40, 3)
    assert any("of 40 bars 3 were filled in" in note for note in result.notes)
    assert result.replay().identical
    without = Counts()
    assert onepath.backtest(without, minutes(GAPPED), asset_class="crypto").notes == []
    assert (without.bars, without.silent) == (37, 0)


def test_a_run_refuses_where_asked(tmp_path: Path) -> None:
    """`reject` over a data set that was imported without a policy."""
    put(tmp_path, minutes(GAPPED))
    with pytest.raises(DataError, match=r"2 gaps \(3 bars\)"):
        open_feed("mine", data_dir=tmp_path / "data", quality="reject")


def test_quality_is_for_bars() -> None:
    """Quotes have other faults."""
    with pytest.raises(DataError, match="quality is for bars"):
        open_feed("btcusdt_quotes", quality="flag")


# -- fingerprints ----------------------------------------------------------------------------------------------------


def test_fingerprints_are_those_of_feeds(tmp_path: Path) -> None:
    """What dataset.json says of a symbol is what a feed of it says."""
    put(tmp_path, minutes(GAPPED))
    meta = json.loads((tmp_path / "data" / "mine" / "dataset.json").read_text())
    assert open_feed("mine", data_dir=tmp_path / "data").fingerprint() == meta["symbols"]["A"]["fingerprint"]


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """Another file in the place of the bars, of as many rows: found. The same bars written anew, and an old data set without
    fingerprints: not."""
    put(tmp_path, minutes(GAPPED))
    from onepath.data.catalogue import find

    dataset = find("mine", tmp_path / "data")
    path = dataset.file("A")
    assert list(changes(dataset)) == []
    table = pq.read_table(path)
    pq.write_table(table, path, compression="none")
    assert list(changes(dataset)) == []
    close = table.column("close").to_pylist()
    close[3] += 0.25
    pq.write_table(table.set_column(5, "close", [close]), path)
    (found,) = changes(dataset)
    assert (found.kind, found.severity) == ("changed", "error")
    meta = json.loads((dataset.folder / "dataset.json").read_text())
    del meta["symbols"]["A"]["fingerprint"]
    (dataset.folder / "dataset.json").write_text(json.dumps(meta))
    assert list(changes(find("mine", tmp_path / "data"))) == []
