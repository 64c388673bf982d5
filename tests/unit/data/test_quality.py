"""Every kind of fault, planted, is found at its row; real clean data raises no alarm; real faults are found."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from onepath.calendars import DAY, HOUR, MINUTE
from onepath.data.quality import SHOWN, check

BEGIN = 1_577_836_800_000_000_000


def walk(rows: int, step: int = MINUTE, first: int = BEGIN) -> dict[str, list[Any]]:
    """Prices that move like a market's, without faults."""
    close = [100 * math.exp(0.01 * math.sin(i / 9) + 0.002 * math.sin(i * 1.7)) for i in range(rows)]
    return {
        "timestamp": [first + i * step for i in range(rows)],
        "open": [close[max(0, i - 1)] for i in range(rows)],
        "high": [max(c, close[max(0, i - 1)]) * 1.001 for i, c in enumerate(close)],
        "low": [min(c, close[max(0, i - 1)]) * 0.999 for i, c in enumerate(close)],
        "close": close,
        "volume": [1.0 + i % 3 for i in range(rows)],
    }


def found(columns: Any, kind: str, **how: Any) -> list[int | None]:
    return [f.row for f in check(columns, **how).findings if f.kind == kind]


def scaled(columns: dict[str, list[Any]], rows: range, factor: float, names: str = "open high low close") -> Any:
    for name in names.split():
        for row in rows:
            columns[name][row] *= factor
    return columns


def test_clean_data_has_no_findings() -> None:
    """A series without faults is reported as such."""
    report = check(walk(500))
    assert report.ok
    assert report.findings == []
    assert report.summary() == {"rows": 500, "counts": {}, "severities": {}, "missing_bars": 0}


PLANTED: list[tuple[str, str, float]] = [
    ("missing_price", "close", float("nan")),
    ("infinite_price", "high", float("inf")),
    ("non_positive", "low", 0.0),
    ("non_positive", "open", -3.0),
    ("bad_ohlc", "high", 90.0),
    ("outside_range", "close", 101.9),
    ("bad_volume", "volume", -1.0),
    ("bad_volume", "volume", float("nan")),
]


@pytest.mark.parametrize(("kind", "column", "value"), PLANTED)
def test_a_planted_value_is_found_at_its_row(kind: str, column: str, value: float) -> None:
    """One wrong number is found where it stands, and nowhere else."""
    columns = walk(200)
    columns[column][77] = value
    assert found(columns, kind) == [77]


def test_duplicates_and_disorder_are_told_apart() -> None:
    """A time that occurs twice is a duplicate; a row that goes back in time is out of order."""
    columns = walk(200)
    columns["timestamp"][50] = columns["timestamp"][49]
    columns["timestamp"][120] = columns["timestamp"][120] - 10 * MINUTE - 1
    assert found(columns, "duplicate") == [50]
    assert found(columns, "out_of_order") == [120]


def test_newest_first_is_information() -> None:
    """Rows that run backwards throughout are one remark, not two hundred errors."""
    report = check({name: values[::-1] for name, values in walk(200).items()})
    assert report.counts == {"newest_first": 1}
    assert report.ok


def test_a_hundredfold_row_is_an_error() -> None:
    """Pence for pounds, in one row, in one column or for a stretch, is an error at the rows where it is."""
    assert found(scaled(walk(200), range(60, 61), 100), "unit") == [60]
    assert found(scaled(walk(200), range(60, 61), 0.01), "unit") == [60]
    assert found(scaled(walk(200), range(60, 61), 100, "high"), "unit") == [60]
    stretch = found(scaled(walk(200), range(60, 120), 100), "unit")
    assert {60, 120} <= set(stretch)


def test_a_spike_that_comes_back_is_an_outlier() -> None:
    """A close far off that the next bar undoes is a warning; a jump that stays is none."""
    assert found(scaled(walk(200), range(60, 61), 1.2), "outlier") == [60]
    assert found(scaled(walk(200), range(60, 200), 1.2), "outlier") == []


@pytest.mark.parametrize("ratio", [2, 7, 1 / 20])
def test_a_jump_by_a_whole_ratio_looks_like_a_split(ratio: float) -> None:
    """A price that opens at a half, a seventh, twenty times and stays is named as a split with its ratio."""
    report = check(scaled(walk(200), range(90, 200), 1 / ratio))
    findings = [f for f in report.findings if f.kind == "split_like"]
    assert [f.row for f in findings] == [90]
    assert f"factor of {max(ratio, 1 / ratio):g}" in findings[0].message


def test_stale_prices_are_found() -> None:
    """Ten and more equal bars are one finding at the first of them; nine are none."""
    for rows, expected in ((10, [40]), (9, [])):
        columns = walk(200)
        for name in ("open", "high", "low", "close", "volume"):
            columns[name][40 : 40 + rows] = [columns[name][40]] * rows
        assert found(columns, "stale") == expected


def test_gaps_are_counted_in_bars() -> None:
    """Absent minutes are counted exactly, at the bar after the gap."""
    columns = {name: values[:50] + values[57:] for name, values in walk(200).items()}
    report = check(columns)
    assert [(f.kind, f.row) for f in report.findings] == [("gap", 50)]
    assert report.missing_bars == 7


def test_nights_and_weekends_are_no_gaps() -> None:
    """Minutes of New York sessions over a weekend have no gap; one missing inside a session is found."""
    opens = [pd.Timestamp(f"2024-01-{d} 14:30", tz="UTC").value for d in ("04", "05", "08", "09")]
    days = [walk(390, first=at) for at in opens]
    columns = {name: [v for day in days for v in day[name]] for name in days[0]}
    assert check(columns, calendar="XNYS").counts == {}
    holed = {name: values[:500] + values[503:] for name, values in columns.items()}
    assert check(holed, calendar="XNYS").missing_bars == 3


def test_a_long_gap_costs_no_memory() -> None:
    """A hole of twenty years in bars of a second is counted session by session: 23,400 seconds a day, three hours less on 46.

    The NYSE traded on 5,031 days of 2000 to 2019. It closed at 13:00 after 20 Thanksgivings, on 12 Christmas Eves and on
    2003-12-26, on 12 third Julys and on 2002-07-05.
    """
    begin, end = (pd.Timestamp(day, tz="America/New_York").value for day in ("2000-01-03 09:30", "2020-01-06 09:30"))
    one, other = walk(40, 10**9, begin), walk(40, 10**9, end)
    report = check({name: one[name] + other[name] for name in one}, calendar="XNYS")
    assert report.missing_bars == 23_400 * (5_031 + 2) - 46 * 10_800 - 40


def test_a_holiday_is_no_gap_and_a_missing_session_is_one() -> None:
    """Of daily bars on a known calendar, Martin Luther King's day is not missed, and the session of 2024-01-24 is."""
    days = [d.value for d in pd.bdate_range("2024-01-02", periods=30) if d.day != 15]
    assert check(walk(29) | {"timestamp": days}, calendar="XNYS").counts == {}
    holed = days[:15] + days[16:]
    report = check(walk(28) | {"timestamp": holed}, calendar="XNYS")
    assert report.missing_bars == 1
    assert report.severities == {"warning": 1}


def test_bars_after_an_early_close_are_outside_the_session() -> None:
    """Bars of an hour until 16:00 on 2024-11-29, when New York closed at 13:00: those from 13:00 on are outside."""
    columns = walk(7, HOUR, first=pd.Timestamp("2024-11-29 09:00", tz="America/New_York").value)
    assert found(columns, "outside_session", calendar="XNYS") == [0, 4, 5, 6]


def test_missing_weekdays_are_information() -> None:
    """Weekdays without a daily bar may be holidays: counted, no alarm."""
    days = [d.value for d in pd.bdate_range("2024-01-01", periods=40) if d.day != 15]
    columns = walk(len(days)) | {"timestamp": days}
    report = check(columns)
    assert report.severities == {"info": report.counts["gap"]}
    assert report.missing_bars == 40 - len(days) == 2


def test_time_zone_oddities_are_found() -> None:
    """Mixed zones are an error; a daily bar at another hour and bars outside the sessions are warnings."""
    columns = walk(200)
    text = [str(pd.Timestamp(t)) for t in columns["timestamp"]]
    mixed = columns | {"timestamp": [t + ("+00:00" if i % 2 else "") for i, t in enumerate(text)]}
    assert not check(mixed).ok
    daily = walk(60, DAY)
    daily["timestamp"][30] += HOUR
    assert found(daily, "time_zone") == [30]
    assert len(found(walk(60, first=BEGIN), "outside_session", calendar="XNYS")) == 60


def test_findings_are_limited_and_counts_are_not() -> None:
    """A file of nothing but faults keeps a hundred findings of a kind, and counts all."""
    columns = walk(5_000)
    columns["low"] = [0.0] * 5_000
    report = check(columns)
    assert len([f for f in report.findings if f.kind == "non_positive"]) == SHOWN
    assert report.counts["non_positive"] == 5_000
    assert json.loads(json.dumps(report.to_json()))["rows"] == 5_000


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_few_rows_are_no_trouble(rows: int) -> None:
    """Short series are checked without raising."""
    assert check(walk(rows)).rows == rows


def test_nothing_but_holes_is_no_trouble() -> None:
    """A file whose prices are all missing is reported, not a crash."""
    columns = walk(50) | {"close": [float("nan")] * 50}
    assert check(columns).counts["missing_price"] == 50


def test_recorded_clean_histories_raise_no_alarm(shared: Path) -> None:
    """Three real histories that are known to be right have no finding of severity error."""
    clean = sorted((shared / "quality_yfinance_repair").glob("*no-bad-divs*"))
    assert len(clean) == 3
    assert {path.name: check(path).ok for path in clean} == {path.name: True for path in clean}


def test_recorded_hundredfold_errors_are_found(shared: Path) -> None:
    """Both real files with prices in the wrong unit are found, and their repaired versions have none."""
    for name in ("SSW-JO-1d-100x-error", "ASAI-L-1h-bad-unit"):
        folder = shared / "quality_yfinance_repair"
        assert check(folder / f"{name}.csv.gz").counts.get("unit", 0) >= 1
        assert "unit" not in check(folder / f"{name}-fixed.csv.gz").counts


def test_recorded_splits_are_found(shared: Path) -> None:
    """Real files whose split was not applied show a jump like a split."""
    for name in ("ALPHA-PA-1d-bad-stock-split", "LA-V-1d-bad-stock-split", "SPM-MI-1d-bad-stock-split"):
        assert "split_like" in check(shared / f"quality_yfinance_repair/{name}.csv.gz").counts


def test_recorded_jumps_back_are_found(shared: Path) -> None:
    """Both real hourly files that run backwards in five places have exactly five findings of disorder."""
    for name in ("Coinbase_BTCUSD_1h", "bitfinex-1h-btc-usd"):
        report = check(shared / f"quality_dirty_files/{name}.csv.gz")
        assert report.counts["out_of_order"] == 5
        assert report.counts["newest_first"] == 1


@pytest.mark.parametrize(("year", "absent"), [(2017, 20_391), (2018, 5_101)])
def test_recorded_absent_minutes_are_counted(shared: Path, year: int, absent: int) -> None:
    """The minutes without trades in two recorded years, as their README counts them."""
    assert check(shared / f"crypto_1m_bitfinex/btcusd_1m_{year}.parquet").missing_bars == absent


def test_recorded_raw_equities_show_their_splits(shared: Path) -> None:
    """Apple's seven for one of 2014-06-09 is found in raw daily prices."""
    report = check(shared / "equity_daily_lean/daily_raw_ohlcv.parquet")
    apple = [f.message for f in report.findings if f.kind == "split_like" and f.symbol == "AAPL"]
    assert any("2014-06-09" in message and "factor of 7" in message for message in apple)
