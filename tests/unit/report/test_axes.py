"""Ticks at round places, thinning that keeps extremes, numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from onepath.report import wording as w
from onepath.report.axes import log_ticks, thin, ticks, time_ticks
from onepath.report.charts import short_money

SECOND = 1_000_000_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (-0.4, 0.0, [-0.4, -0.3, -0.2, -0.1, 0]), (97_000, 131_000, None)],
)
def test_ticks_are_round(low: float, high: float, expected: list[float] | None) -> None:
    """Ticks stand at round numbers inside the range."""
    assert ticks(low, high, 4) == pytest.approx(expected or [100_000, 110_000, 120_000, 130_000])


def test_log_ticks_are_decades_or_their_parts() -> None:
    """Over three decades the powers of ten; over one and a half, threes between; over a hair, round numbers."""
    assert log_ticks(1, 1_000) == [1, 10, 100, 1_000]
    assert log_ticks(90_000, 4_000_000) == [100_000, 300_000, 1_000_000, 3_000_000]
    assert log_ticks(100, 104) == [100, 101, 102, 103, 104]


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        ("2015-01-02", "2024-12-31", ["2016", "2018", "2020", "2022", "2024"]),
        ("2020-11-10", "2021-05-01", ["Dec", "2021", "Feb", "Mar", "Apr", "May"]),
        ("2024-03-01", "2024-03-06", ["1 Mar", "2 Mar", "3 Mar", "4 Mar", "5 Mar", "6 Mar"]),
        ("2024-03-01T21:10", "2024-03-02T03:00", ["22:00", "23:00", "2 Mar", "01:00", "02:00", "03:00"]),
    ],
)
def test_dates_follow_the_span(first: str, last: str, labels: list[str]) -> None:
    """Years, months, days or hours, by the length of what is shown."""
    assert [label for _, label in time_ticks(at(first), at(last))] == labels


def test_thinning_keeps_every_extreme() -> None:
    """Of a hundred thousand points a thousand stay, and no stretch loses its highest or lowest value."""
    random = np.random.default_rng(5)
    times = np.arange(100_000, dtype=np.int64)
    values = np.cumsum(random.normal(size=100_000))
    values[54_321] += 1_000
    kept = thin(times, (values,), 1_000)
    assert len(kept) <= 1_010
    assert {0, 54_321, 99_999} <= set(kept.tolist())
    assert values[kept].min() == values.min()
    for stretch in np.array_split(times, 100):
        inside = kept[(kept >= stretch[0]) & (kept <= stretch[-1])]
        assert values[inside].max() >= np.quantile(values[stretch], 0.95)


def test_thinning_survives_missing_values() -> None:
    """A column that is NaN all through costs the others nothing."""
    times = np.arange(5_000, dtype=np.int64)
    known = np.sin(times / 50)
    kept = thin(times, (np.full(5_000, np.nan), known), 400)
    assert known[kept].max() == known.max()


def test_short_series_stay_whole() -> None:
    """What fits is not touched."""
    assert thin(np.arange(7, dtype=np.int64), (np.ones(7),), 10).tolist() == list(range(7))


def test_numbers_read_well() -> None:
    """Money, prices, shares and spans in the style of the report."""
    assert w.money(-1234.5, "USD") == "-$1,234.50"
    assert w.money(1234.5, "CHF") == "1,234.50 CHF"
    assert w.money(-0.001, "USD") == "$0.00"
    assert [w.price(p) for p in (43210.5, 94.37, 1.08432, 0.00012345)] == [
        "43,210.50",
        "94.37",
        "1.08432",
        "0.00012345",
    ]
    assert w.signed_percent(0.0512) == "+5.12%"
    assert w.number(1.5e30) == "1.50e+30"
    assert w.percent(2e12) == "2.00e+14%"
    assert [w.span(n * SECOND) for n in (40, 60, 5_400, 3 * 86_400, 10**8)] == [
        "40 s",
        "1 min",
        "90 min",
        "3 days",
        "3.2 years",
    ]
    assert short_money(1_250_000, 250_000, "USD") == "$1.25M"
