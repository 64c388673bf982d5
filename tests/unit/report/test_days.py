"""Session days, the benchmark and the statistics that rest on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from onepath import events
from onepath.journal.memory import MemoryJournal
from onepath.report.analysis import analyse
from onepath.report.benchmark import buy_and_hold
from onepath.report.curves import monthly_returns, window_of
from onepath.report.days import calendar_of, days_of
from onepath.report.metrics import as_json, stats
from onepath.report.record import read

SECOND = 1_000_000_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def marked(t: Any, values: dict[str, float], prices: dict[str, tuple[float | None, ...]] | None = None) -> Any:
    """The record of a session with these equities and prices."""
    t.start(at(min(values)), at(max(values)))
    for when, equity in values.items():
        mark = events.Mark(strategy="crossover", equity=equity, cash=equity, gross=0.0, net=0.0)
        t.journal.append(at(when), "mark", "crossover", mark)
    for when, row in (prices or {}).items():
        t.journal.append(at(when), "prices", None, events.Prices(row))
    return read(t.end(at(max(values))))


def test_midnight_belongs_to_the_day_that_ends(toy: Callable[..., Any]) -> None:
    """Round the clock, the mark at 00:00 is the close of the day before."""
    values = {"2024-01-01T12:00": 101.0, "2024-01-02T00:00": 102.0, "2024-01-03T00:00": 100.0}
    days = days_of(marked(toy(("X",), capital=Decimal(100), calendar="24/7"), values))
    assert days.date.tolist() == [19723, 19724]  # 1 and 2 January 2024
    assert days.equity.tolist() == [102.0, 100.0]


def test_new_york_day_ends_at_its_close(toy: Callable[..., Any]) -> None:
    """In winter the close is 21:00 UTC, in summer 20:00: both are the last mark of their own day."""
    values = {"2024-01-05T21:00": 101.0, "2024-01-08T21:00": 103.0, "2024-07-05T20:00": 99.0}
    days = days_of(marked(toy(("X",), capital=Decimal(100)), values))
    assert days.date.tolist() == [19727, 19730, 19909]
    assert days.periods == 252


def test_a_valuation_while_the_market_is_shut_counts_to_the_last_session(toy: Callable[..., Any]) -> None:
    """Marks at midnight UTC of daily stock bars are of the day that closed: Friday's is Saturday's midnight, not
    Monday; the last one, at the close itself, is a day of its own."""
    values = {"2024-01-05T00:00": 101.0, "2024-01-06T00:00": 103.0, "2024-01-09T00:00": 99.0, "2024-01-09T21:00": 98.0}
    days = days_of(marked(toy(("X",), capital=Decimal(100)), values))
    assert days.date.tolist() == [19726, 19727, 19730, 19731]  # Thursday 4, Friday 5, Monday 8, Tuesday 9 January
    assert days.equity.tolist() == [101.0, 103.0, 99.0, 98.0]


def test_a_week_of_currencies_ends_on_friday_evening(toy: Callable[..., Any]) -> None:
    """Five days round the clock: Saturday midnight UTC is Friday's, Sunday 23:00 UTC is Monday's."""
    values = {"2024-01-05T21:00": 101.0, "2024-01-06T00:00": 102.0, "2024-01-07T23:00": 103.0}
    days = days_of(marked(toy(("X",), capital=Decimal(100), calendar="24/5"), values))
    assert days.date.tolist() == [19727, 19730]
    assert days.equity.tolist() == [102.0, 103.0]


def test_marks_left_out_are_carried_on(toy: Callable[..., Any]) -> None:
    """Where equity did not change only prices are recorded: those moments count, with the equity that stood."""
    prices = {f"2024-01-0{day}T21:00": (10.0 + day,) for day in (2, 3, 4, 5)}
    record = marked(toy(("X",), capital=Decimal(100)), {"2024-01-04T21:00": 90.0}, prices)
    assert analyse(record).curve.equity.tolist() == [100.0, 100.0, 100.0, 90.0, 90.0]
    assert days_of(record).returns.tolist() == pytest.approx([0.0, 0.0, -0.1, 0.0])
    assert stats(record)["ulcer"].value == pytest.approx((2 * 0.01 / 5) ** 0.5)


def test_capital_is_the_base_of_the_first_day(toy: Callable[..., Any]) -> None:
    """The first day's return is measured from the initial capital."""
    record = marked(toy(("X",), capital=Decimal(100)), {"2024-01-05T21:00": 110.0, "2024-01-08T21:00": 99.0})
    assert days_of(record).returns.tolist() == pytest.approx([0.1, -0.1])
    found = stats(record)
    assert found["total_return"].value == pytest.approx(-0.01)
    assert found["cagr"].value == pytest.approx(0.99 ** (252 / 2) - 1)
    assert found["max_drawdown"].value == pytest.approx(-0.1)


def test_a_loss_in_the_first_mark_is_a_drawdown(toy: Callable[..., Any]) -> None:
    """The capital at the start is a high: falling below it at once counts, even at the session's first moment."""
    record = marked(toy(("X",), capital=Decimal(100)), {"2024-01-05T21:00": 80.0})
    assert stats(record)["max_drawdown"].value == pytest.approx(-0.2)


def test_busiest_calendar_measures_all() -> None:
    """Stocks and coins together: 365 days a year, and the definition says so."""
    journal = MemoryJournal("m")
    instruments = tuple({"symbol": s, "currency": "USD", "calendar": c} for s, c in (("A", "XNYS"), ("B", "24/7")))
    journal.append(0, "session.started", None, events.SessionStarted("backtest", "1", 0, {}, (), instruments, {}))
    record = read(journal)
    assert calendar_of(record) == ("24/7", True)
    assert "365 days (calendar 24/7, the busiest of the session's calendars)" in stats(record)["sharpe"].definition


def test_buy_and_hold_by_hand(toy: Callable[..., Any]) -> None:
    """Half in each symbol at its first price, the late one in cash until then: 100 -> 125 -> 150."""
    prices = {"2024-01-05T21:00": (10.0, None), "2024-01-08T21:00": (15.0, 4.0), "2024-01-09T21:00": (10.0, 8.0)}
    record = marked(toy(("X", "Y"), capital=Decimal(100)), dict.fromkeys(prices, 100.0), prices)
    assert buy_and_hold(record).worth.tolist() == pytest.approx([100.0, 125.0, 150.0])
    assert stats(record)["buy_and_hold"].value == pytest.approx(0.5)


def test_a_strategy_that_is_the_market_has_beta_one(toy: Callable[..., Any]) -> None:
    """Equity that moves with buy and hold: beta and correlation one, alpha zero."""
    days = [f"2024-01-{day:02d}T21:00" for day in (2, 3, 4, 5, 8, 9)]
    prices = dict(zip(days, ((p,) for p in (10.0, 11.0, 9.0, 9.5, 12.0, 11.0)), strict=True))
    values = {day: price[0] * 10 for day, price in prices.items()}
    found = stats(marked(toy(("X",), capital=Decimal(100)), values, prices))
    assert found["beta"].value == pytest.approx(1.0)
    assert found["correlation"].value == pytest.approx(1.0)
    assert found["alpha"].value == pytest.approx(0.0, abs=1e-12)


def test_months_compound_to_the_whole(decade: MemoryJournal) -> None:
    """The months of all years multiply to the total return of the days."""
    analysis = analyse(read(decade))
    product = math.prod(1 + value for year in monthly_returns(analysis).values() for value in year.values())
    assert product == pytest.approx(analysis.days.equity[-1] / analysis.record.initial)


@pytest.mark.parametrize(("days", "window"), [(10, 20), (200, 50), (504, 126), (5_000, 126)])
def test_rolling_window_follows_the_length(days: int, window: int) -> None:
    """A quarter of a short session, twenty days at least, half a year at most."""
    assert window_of(days, 252) == window


def test_statistics_agree_with_the_trades(decade: MemoryJournal) -> None:
    """Net profit is the profit of round trips and open lots; fees and trades are those of the journal."""
    record = read(decade)
    analysis, found = analyse(record), stats(record)
    last = dict(zip(record.symbols, record.prices[-1], strict=True))
    sign = {"long": 1, "short": -1}
    unrealised = sum(
        float(lot.quantity) * sign[lot.side] * (last[lot.symbol] - float(lot.entry_price)) - float(lot.fees)
        for lot in analysis.trades.open
    )
    assert found["net_profit"].value == pytest.approx(analysis.profits.sum() + unrealised, abs=0.01)
    assert found["fees"].value == pytest.approx(float(sum(fill.fee for fill in record.fills)))
    assert found["trades"].value == len(analysis.trades.trips)
    assert 0.9 < found["exposure_time"].value < 1.0


def test_undefined_is_a_dash_and_null(toy: Callable[..., Any]) -> None:
    """A session without a single mark has every statistic, none of them invented."""
    t = toy(("X",))
    t.start()
    found = stats(read(t.end(1)))
    assert (found["sharpe"].text, as_json(found)["sharpe"]) == ("–", None)
    assert (found["trades"].text, as_json(found)["trades"]) == ("0", 0.0)
    assert all(stat.definition and stat.label for stat in found.values())
