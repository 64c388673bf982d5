"""Metrics for Prometheus: a text that names every figure of a view, in a file and, if wanted, at http://127.0.0.1:PORT/metrics.

Rules: names begin with `onepath_` and keep to the units of Prometheus: seconds, bytes, `_total` for what only grows. Every metric
has HELP and TYPE; what is not known is left out. The table below is the documentation.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from onepath.monitor.speeds import Speed
from onepath.monitor.view import View

Sample = tuple[Mapping[str, str], float | int | None]


class Metric(NamedTuple):
    """One name: its type, what it says, and its samples in a view."""

    name: str
    type: str
    help: str
    of: Callable[[View], Iterable[Sample]]


def _one(of: Callable[[View], float | int | None]) -> Callable[[View], Iterable[Sample]]:
    return lambda view: [({}, of(view))]


def _by_strategy(of: Callable[[Any], float | int | None]) -> Callable[[View], Iterable[Sample]]:
    return lambda view: [({"strategy": book.strategy}, of(book)) for book in view.books]


def _money(of: Callable[[Any], float | int | None]) -> Callable[[View], Iterable[Sample]]:
    return lambda view: [({"strategy": book.strategy, "currency": book.currency}, of(book)) for book in view.books]


def _by_stream(of: Callable[[Any, View], float | int | None]) -> Callable[[View], Iterable[Sample]]:
    return lambda view: [({"stream": stream.name}, of(stream, view)) for stream in view.feed.streams]


def _speed(of: Callable[[View], Speed]) -> Callable[[View], Iterable[Sample]]:
    return lambda view: _quantiles({}, of(view))


def _quantiles(labels: Mapping[str, str], speed: Speed) -> Iterator[Sample]:
    for quantile, microseconds in (("0.5", speed.p50_us), ("0.99", speed.p99_us), ("1", speed.max_us)):
        yield {**labels, "quantile": quantile}, None if microseconds is None else microseconds / 1e6


METRICS = (
    Metric(
        "onepath_session_info",
        "gauge",
        "1; mode and state of the session",
        lambda v: [({"mode": v.mode, "state": v.state}, 1)],
    ),
    Metric("onepath_seen_timestamp_seconds", "gauge", "When this was seen", _one(lambda v: v.wall / 1e9)),
    Metric("onepath_session_timestamp_seconds", "gauge", "Session time", _one(lambda v: v.at / 1e9)),
    Metric("onepath_events_total", "counter", "Market events worked through", _one(lambda v: v.events)),
    Metric(
        "onepath_events_per_second", "gauge", "Market events a second, of late", _one(lambda v: v.events_per_second)
    ),
    Metric("onepath_equity", "gauge", "What a strategy is worth", _money(lambda b: b.equity)),
    Metric("onepath_cash", "gauge", "Cash of a strategy", _money(lambda b: b.cash)),
    Metric("onepath_profit", "gauge", "Equity less capital", _money(lambda b: b.pnl)),
    Metric("onepath_fees_paid", "gauge", "Commissions so far", _money(lambda b: b.fees)),
    Metric("onepath_gross_exposure", "gauge", "Value of longs plus that of shorts", _money(lambda b: b.gross)),
    Metric("onepath_orders_working", "gauge", "Orders at work", _by_strategy(lambda b: b.orders)),
    Metric(
        "onepath_strategy_working",
        "gauge",
        "1 while a strategy is at work",
        _by_strategy(lambda b: int(b.state.startswith("w"))),
    ),
    Metric("onepath_strategy_calls_total", "counter", "Calls of a strategy's methods", _by_strategy(lambda b: b.calls)),
    Metric(
        "onepath_strategy_call_seconds",
        "gauge",
        "How long the last calls of a strategy took (quantile 1: the longest)",
        lambda v: [sample for b in v.books for sample in _quantiles({"strategy": b.strategy}, b.took)],
    ),
    Metric(
        "onepath_position_quantity",
        "gauge",
        "Units held, negative when short",
        lambda v: [({"strategy": h.strategy, "symbol": h.symbol}, h.quantity) for h in v.holdings],
    ),
    Metric(
        "onepath_decision_latency_seconds",
        "gauge",
        "Event received to order handed to the venue, last minute",
        _speed(lambda v: v.decided),
    ),
    Metric(
        "onepath_event_latency_seconds",
        "gauge",
        "Event received to its batch worked through, last minute",
        _speed(lambda v: v.worked),
    ),
    Metric("onepath_queue_events", "gauge", "Events that wait to be worked through", _one(lambda v: v.feed.queue)),
    Metric("onepath_queue_highest_events", "gauge", "The most that have waited", _one(lambda v: v.feed.queue_highest)),
    Metric(
        "onepath_stream_flowing",
        "gauge",
        "1 while a stream brings what is new",
        _by_stream(lambda s, _v: int(s.state == "flowing")),
    ),
    Metric(
        "onepath_stream_age_seconds",
        "gauge",
        "Since a stream was last heard",
        _by_stream(lambda s, v: (v.wall - s.last_at) / 1e9 if s.last_at else None),
    ),
    Metric("onepath_stream_events_total", "counter", "Events of a stream", _by_stream(lambda s, _v: s.events)),
    Metric("onepath_stream_gaps_total", "counter", "Gaps found in a stream", _by_stream(lambda s, _v: s.gaps)),
    Metric(
        "onepath_stream_backfilled_total",
        "counter",
        "Events of a stream that were fetched later",
        _by_stream(lambda s, _v: s.filled),
    ),
    Metric(
        "onepath_stream_missed_total", "counter", "Events of a stream that are lost", _by_stream(lambda s, _v: s.missed)
    ),
    Metric(
        "onepath_reconnects_total",
        "counter",
        "Times that a connection was made again",
        _one(lambda v: v.feed.reconnects),
    ),
    Metric(
        "onepath_bad_messages_total", "counter", "Messages that could not be read", _one(lambda v: v.feed.bad_messages)
    ),
    Metric("onepath_journal_rows_total", "counter", "Rows of the journal", _one(lambda v: v.rows)),
    Metric(
        "onepath_journal_rows_waiting",
        "gauge",
        "Rows that are not durable yet",
        _one(lambda v: max(0, v.rows - v.durable)),
    ),
    Metric(
        "onepath_records_total",
        "counter",
        "Rows by kind, of those that are looked at",
        lambda v: [({"kind": k}, n) for k, n in v.counts.items()],
    ),
    Metric("onepath_alerts_total", "counter", "Alerts raised", _one(lambda v: v.alerts)),
    Metric("onepath_resident_memory_bytes", "gauge", "Memory of the process", _one(lambda v: round(v.rss_mb * 1e6))),
)


def text_of(view: View) -> str:
    """All metrics of a view, in the text format of Prometheus."""
    lines: list[str] = []
    for metric in METRICS:
        samples = [(labels, value) for labels, value in metric.of(view) if value is not None]
        if samples:
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.type}"]
            lines += [
                f"{metric.name}{_labels({'session': view.session, **labels})} {value!r}" for labels, value in samples
            ]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class MetricsServer:
    """Answers GET /metrics on this machine with the last text. Port 0: any that is free (`port` says which)."""

    def __init__(self, port: int) -> None:
        self.text = ""
        """what is answered; to be replaced as a whole"""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(lambda: self.text))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="onepath-metrics", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(text: Callable[[], str]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            known = self.path.partition("?")[0] == "/metrics"
            body = text().encode() if known else b"see /metrics\n"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Scrapes are not worth a line."""

    return Handler
