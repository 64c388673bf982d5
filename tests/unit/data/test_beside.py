"""Dividends and adjustments beside prices: planted faults are found, real faulty histories too, their corrections are clean.

The real ones are those of yfinance's own tests (ranaroussi/yfinance, tests/data): `X` as Yahoo had it, `X-fixed` corrected.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from onepath.data.quality import check

REAL = Path("/work/shared/data/quality_yfinance_repair")
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the faulty histories are not on this machine")
ALARMS = ("dividend", "unit", "split_like", "outlier")
FAULTY = sorted(p.name.removesuffix("-fixed.csv.gz") for p in REAL.glob("*-fixed.csv.gz"))
CLEAN = sorted(p.name.removesuffix(".csv.gz") for p in REAL.glob("*no-bad-divs.csv.gz"))


def history(paid: dict[int, float], worked_in: dict[int, float] | None = None, fall: bool = True) -> pd.DataFrame:
    """Sixty days at about 100; dividends at rows, by which the price falls; the adjusted close has `worked_in` (default: all).

    With a dividend of 2 at row 20 on a close of 100.0 the factor before is 1 - 2 / 100 = 0.98.
    """
    close, prices = 100.0, []
    for i in range(60):
        close = close - (paid.get(i, 0.0) if fall else 0.0) + (0.25 if i % 2 else -0.25)
        prices.append(close)
    factor, factors = 1.0, []
    inside = paid if worked_in is None else worked_in
    for i in range(59, -1, -1):
        factors.append(factor)
        factor *= 1 - inside.get(i, 0.0) / prices[i - 1] if i else 1
    factors.reverse()
    return pd.DataFrame(
        {
            "Date": pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d"),
            "Open": prices,
            "High": [p + 0.5 for p in prices],
            "Low": [p - 0.5 for p in prices],
            "Close": prices,
            "Adj Close": [p * f for p, f in zip(prices, factors, strict=True)],
            "Volume": [1000.0 + i % 7 for i in range(60)],
            "Dividends": [paid.get(i, 0.0) for i in range(60)],
        }
    )


def found(frame: pd.DataFrame) -> list[tuple[Any, str]]:
    report = check(frame)
    return [
        (finding.row, finding.message.rpartition(": ")[2]) for finding in report.findings if finding.kind == "dividend"
    ]


def test_right_dividends_raise_no_alarm() -> None:
    """Three dividends, each worked in as it is listed."""
    assert found(history({10: 1.0, 30: 1.1, 50: 1.2})) == []


def test_a_dividend_not_worked_in() -> None:
    """Listed, but the adjusted close goes on as if there were none."""
    ((row, text),) = found(history({20: 2.0}, {}))
    assert (row, "not worked into" in text) == (20, True)


def test_an_adjustment_without_a_dividend() -> None:
    """The adjusted close has one of 2 that is not listed."""
    frame = history({20: 2.0})
    frame["Dividends"] = 0.0
    frame.loc[40, "Dividends"] = 1e-9
    ((row, text),) = found(frame)
    assert (row, text) == (20, "the adjusted close is as of a dividend of 2, but none is listed")


def test_another_dividend_was_worked_in() -> None:
    """Listed 2, worked in 1."""
    ((row, text),) = found(history({20: 2.0}, {20: 1.0}))
    assert (row, text) == (20, "a dividend of 2 is listed, but one of 1 worked into the adjusted close")


def test_a_dividend_that_the_price_does_not_show() -> None:
    """A quarter of the price, and the price does not fall."""
    ((row, text),) = found(history({20: 25.0}, fall=False))
    assert (row, "which then falls by" in text) == (20, True)


def test_a_hundredth_of_the_usual_dividend() -> None:
    """1, 1, 0.01, 1: pounds taken for pence."""
    ((row, text),) = found(history({10: 1.0, 20: 1.0, 30: 0.01, 40: 1.0}))
    assert (row, "where the usual one is 1" in text) == (30, True)


def test_a_dividend_listed_twice() -> None:
    """Once on each of two days that follow each other."""
    ((row, text),) = found(history({20: 1.0, 21: 1.0}))
    assert (row, "within a week" in text) == (21, True)


def test_one_day_in_other_shares() -> None:
    """A close that halves and more for one day, in a series that moves much anyway, is found (a split applied to one row)."""
    closes = [476.0, 480.0, 440.0, 456.0, 218.4, 456.9, 448.0, 461.0, 205.0, 198.0, 197.0]
    frame = pd.DataFrame({"timestamp": pd.date_range("2023-05-01", periods=11), "open": closes, "close": closes})
    frame["high"], frame["low"], frame["volume"] = frame["close"] * 1.01, frame["close"] * 0.99, range(11)
    assert [f.row for f in check(frame).findings if f.kind == "outlier"] == [4]


@needs_real
@pytest.mark.parametrize("name", FAULTY)
def test_real_faults_are_found(name: str) -> None:
    """Each of the faulty histories raises an alarm; of dividends, those that were corrected raise none."""
    counts = check(REAL / f"{name}.csv.gz").counts
    assert any(counts.get(kind) for kind in ALARMS), counts
    assert not check(REAL / f"{name}-fixed.csv.gz").counts.get("dividend")


@needs_real
@pytest.mark.parametrize("name", CLEAN)
def test_clean_histories_raise_no_alarm(name: str) -> None:
    """Where dividends are right nothing is said of them. (EA's quarter hours have one quote 15.5 % off, before the open.)"""
    counts = check(REAL / f"{name}.csv.gz").counts
    spikes = 1 if name.startswith("EA-") else 0
    assert {kind: counts.get(kind, 0) for kind in ALARMS} == {
        "dividend": 0,
        "unit": 0,
        "split_like": 0,
        "outlier": spikes,
    }
