"""Alerts: what is worth one, and that the same is said once in a while."""

from __future__ import annotations

import json
from typing import Any

import pytest
from made_views import AT, BOOK, SECOND, feed, view
from msgspec.structs import replace

from onepath.monitor.alerts import Alerts, Found, Rules
from onepath.monitor.speeds import Speed
from onepath.ports import Row

CALM = feed(streams=())


def row(kind: str, **fields: Any) -> Row:
    return Row(1, AT, kind, None, None, json.dumps(fields).encode())


def test_a_calm_session_raises_nothing() -> None:
    """Nothing stale, queue and disk empty."""
    assert Alerts().look(CALM, (), 10_000.0) == []


def test_stale_for_longer_than_allowed() -> None:
    """A stream that is stale is said after 10 s, not before; when it flowed in between, the time begins anew."""
    alerts, stale = Alerts(), feed()
    assert [alerts.look(replace(stale, wall=AT + n * SECOND), ()) for n in range(10)] == [[]] * 10
    (alert,) = alerts.look(replace(stale, wall=AT + 10 * SECOND), ())
    assert (alert.code, alert.severity, alert.symbol) == ("data_stale", "warning", "BTCUSDT")
    assert alert.text == "nothing is heard of BTCUSDT quotes for 10 s"
    alerts = Alerts()
    alerts.look(stale, ())
    alerts.look(replace(CALM, wall=AT + 5 * SECOND), ())
    assert alerts.look(replace(stale, wall=AT + 11 * SECOND), ()) == []


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (feed(streams=(), queue=501), "queue_high"),
        (replace(CALM, rows=30_000, durable=9_999), "journal_slow"),
        (feed(streams=(), lag_ms=2_001.0), "clock_skew"),
        (feed(streams=(), lag_ms=-2_001.0), "clock_skew"),
        (replace(CALM, books=(replace(BOOK, took=Speed(count=9, p99_us=50_001.0)),)), "strategy_slow"),
    ],
)
def test_what_is_beyond_its_bound(seen: Any, code: str) -> None:
    """501 of 1,000 places, 20,001 rows that wait, clocks 2 s apart, calls of half of 100 ms: each one alert."""
    assert [alert.code for alert in Alerts(budget=0.1).look(seen, ())] == [code]


@pytest.mark.parametrize(
    "seen",
    [
        feed(streams=(), queue=500),
        replace(CALM, rows=30_000, durable=10_000),
        feed(streams=(), lag_ms=2_000.0),
        replace(CALM, books=(replace(BOOK, took=Speed(count=9, p99_us=50_000.0)),)),
    ],
)
def test_what_is_at_its_bound(seen: Any) -> None:
    """The bound itself is well."""
    assert Alerts(budget=0.1).look(seen, ()) == []


def test_a_full_disk() -> None:
    """Less than 500 MB."""
    assert [alert.code for alert in Alerts().look(CALM, (), 499.0)] == ["disk_low"]
    assert Alerts(Rules(disk_free_mb=100.0)).look(CALM, (), 499.0) == []


def test_a_breaker_that_tripped() -> None:
    """A change of the trading state by a breaker is one, by a command it is not."""
    tripped = row("trading_state", scope="sma", state="halted", reason="lost 21 %", breaker="drawdown")
    told = row("trading_state", scope="sma", state="halted", reason="by command")
    (alert,) = Alerts().look(CALM, [told, tripped, row("order.filled")])
    assert (alert.code, alert.strategy) == ("breaker_tripped", "sma")
    assert alert.text == "drawdown stops sma (halted): lost 21 %"


def test_the_same_is_said_once_in_a_window() -> None:
    """Three more times within 5 minutes are counted and not said; then it is said with the count."""
    alerts, found = Alerts(), Found("code", "subject", "warning", "text")
    told = [alerts.raise_(found, AT + n * 99 * SECOND) for n in range(5)]
    assert [alert.text if alert else None for alert in told] == [
        "text",
        None,
        None,
        None,
        "text (3 times more since the last alert)",
    ]
    assert alerts.raised == 2
    assert alerts.raise_(Found("code", "another", "warning", "text"), AT) is not None


def test_a_view_changes_nothing() -> None:
    """Looking at the same view twice raises what is new once."""
    alerts, seen = Alerts(), view(feed=replace(CALM.feed, queue=900))
    assert len(alerts.look(seen, ())) == 1
    assert alerts.look(seen, ()) == []
