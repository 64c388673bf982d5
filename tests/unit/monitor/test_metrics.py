"""Metrics: what Prometheus' own parser reads is what the view says."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from made_views import BOOK, VIEW, view
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from onepath.monitor.metrics import METRICS, MetricsServer, text_of
from onepath.monitor.view import View


def samples(seen: View) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Name and labels (the session's left out) with value, as Prometheus reads them."""
    found = {}
    for family in text_string_to_metric_families(text_of(seen)):
        assert family.documentation, family.name
        assert family.type in ("counter", "gauge"), family.name
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("session") == seen.session
            key = sample.name, frozenset(labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def test_every_figure_is_read_back() -> None:
    """Names, labels and values by hand; seconds and bytes as Prometheus wants them."""
    found = samples(VIEW)
    sma = ("strategy", "sma")
    usd = ("currency", "USD")
    for name, labels, value in (
        ("onepath_session_info", {("mode", "paper"), ("state", "running")}, 1),
        ("onepath_seen_timestamp_seconds", set(), 1_795_291_503.0),
        ("onepath_events_total", set(), 1_333),
        ("onepath_events_per_second", set(), 22.2),
        ("onepath_equity", {sma, usd}, 101_234.5),
        ("onepath_profit", {sma, usd}, 1_234.5),
        ("onepath_fees_paid", {sma, usd}, 15.5),
        ("onepath_orders_working", {sma}, 1),
        ("onepath_strategy_working", {sma}, 1),
        ("onepath_strategy_calls_total", {sma}, 512),
        ("onepath_strategy_call_seconds", {sma, ("quantile", "0.99")}, 0.0015),
        ("onepath_position_quantity", {sma, ("symbol", "BTCUSDT")}, 0.5),
        ("onepath_decision_latency_seconds", {("quantile", "0.99")}, 210e-6),
        ("onepath_event_latency_seconds", {("quantile", "1")}, 900e-6),
        ("onepath_queue_events", set(), 3),
        ("onepath_stream_flowing", {("stream", "BTCUSDT trades")}, 1),
        ("onepath_stream_flowing", {("stream", "BTCUSDT quotes")}, 0),
        ("onepath_stream_age_seconds", {("stream", "BTCUSDT quotes")}, 42),
        ("onepath_stream_backfilled_total", {("stream", "BTCUSDT trades")}, 20),
        ("onepath_stream_missed_total", {("stream", "BTCUSDT quotes")}, 3),
        ("onepath_reconnects_total", set(), 4),
        ("onepath_bad_messages_total", set(), 1),
        ("onepath_journal_rows_waiting", set(), 10),
        ("onepath_records_total", {("kind", "order.filled")}, 1),
        ("onepath_alerts_total", set(), 1),
        ("onepath_resident_memory_bytes", set(), 151_200_000),
    ):
        assert found[name, frozenset(labels)] == pytest.approx(value), name
    assert {name for name, _ in found} == {metric.name for metric in METRICS}


def test_what_is_not_known_is_left_out() -> None:
    """A book without a rate has no equity; a strategy that has ended is not at work."""
    found = samples(view(books=(replace(BOOK, equity=None, state="quarantined"),)))
    assert not [name for name, _ in found if name == "onepath_equity"]
    assert found["onepath_strategy_working", frozenset({("strategy", "sma")})] == 0


def test_names_that_need_escaping() -> None:
    """Quotes, backslashes and ends of lines in a name come back as they were."""
    odd = 'a"b\\c\nd'
    assert ("onepath_orders_working", frozenset({("strategy", odd)})) in samples(
        view(books=(replace(BOOK, strategy=odd),))
    )


def test_served_on_this_machine() -> None:
    """GET /metrics gives the last text in the format's content type; anything else is not found."""
    server = MetricsServer(0)
    try:
        server.text = text_of(VIEW)
        where = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{where}/metrics?x=1", timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert answer.read().decode() == server.text
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{where}/", timeout=5)
    finally:
        server.close()
