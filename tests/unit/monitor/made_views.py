"""Views made by hand."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from onepath.monitor.speeds import Speed
from onepath.monitor.view import Book, FeedView, Happened, Holding, StreamView, View, Working

AT = 1_795_291_503_000_000_000
"""2026-11-21 20:05:03 UTC"""
SECOND = 1_000_000_000

BOOK = Book(
    strategy="sma",
    state="working",
    currency="USD",
    capital=100_000.0,
    cash=40_000.0,
    equity=101_234.5,
    pnl=1_234.5,
    realised=1_000.0,
    unrealised=250.0,
    fees=15.5,
    gross=61_234.5,
    orders=1,
    calls=512,
    took=Speed(count=512, p50_us=12.0, p99_us=1_500.0, max_us=2_000.0),
)
VIEW = View(
    session="paper-1",
    mode="paper",
    state="running",
    wall=AT,
    at=AT,
    equity=101_234.5,
    cash=40_000.0,
    capital=100_000.0,
    pnl=1_234.5,
    books=(BOOK,),
    holdings=(Holding(strategy="sma", symbol="BTCUSDT", quantity=0.5, price=122_469.0, value=61_234.5, cost=60_984.5),),
    working=(
        Working(
            strategy="sma",
            id=7,
            symbol="BTCUSDT",
            side="sell",
            type="limit",
            quantity=0.5,
            filled=0.1,
            limit=125_000.0,
            stop=None,
            status="accepted",
            submitted_at=AT - SECOND,
        ),
    ),
    feed=FeedView(
        streams=(
            StreamView(
                name="BTCUSDT trades",
                state="flowing",
                last_at=AT - SECOND // 2,
                events=1_234,
                gaps=1,
                filled=20,
                missed=0,
            ),
            StreamView(
                name="BTCUSDT quotes", state="stale", last_at=AT - 42 * SECOND, events=99, gaps=0, filled=0, missed=3
            ),
        ),
        connections=2,
        reconnects=4,
        bad_messages=1,
        queue=3,
        queue_highest=17,
        queue_room=1_000,
        lag_ms=12.0,
    ),
    events=1_333,
    began=AT - 60 * SECOND,
    pid=4_242,
    last=(
        Happened(at=AT - 2 * SECOND, kind="order.filled", text="BTCUSDT +0.5 at 121969", strategy="sma"),
        Happened(at=AT - SECOND, kind="data.status", text="BTCUSDT quotes stale (silence)", severity="warning"),
    ),
    warnings=("nothing is heard of BTCUSDT quotes for 42 s",),
    alerts=1,
    events_per_second=22.2,
    decided=Speed(count=9, p50_us=85.0, p99_us=210.0, max_us=230.0),
    worked=Speed(count=1_333, p50_us=40.0, p99_us=120.0, max_us=900.0),
    rss_mb=151.2,
    rows=5_000,
    durable=4_990,
    counts={"order.filled": 1, "data.status": 1},
)


def view(**other: Any) -> View:
    return replace(VIEW, **other)


def feed(**other: Any) -> View:
    return replace(VIEW, feed=replace(VIEW.feed, **other))
