"""A session on a terminal: equity, positions, orders at work, the last events, the feed's health, how fast it is.

Rules: what a view says and nothing else; it fits 80 columns, and a screen's height is not asked for: lists are short, and say
how much they leave out. Colours only add to words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from onepath.monitor.speeds import Speed
from onepath.monitor.view import StreamView, View

_SECOND = 1_000_000_000
BOOKS, HOLDINGS, ORDERS, STREAMS, EVENTS = 8, 8, 6, 8, 8
"""lines of each list"""
_COLOURS = {"critical": "red", "warning": "yellow", "info": ""}


def picture(view: View, now: int | None = None) -> RenderableType:
    """The whole screen. `now`: for ages, default: when it was seen."""
    parts: list[RenderableType] = [_head(view), _books(view)]
    if view.holdings:
        parts.append(_holdings(view))
    if view.working:
        parts.append(_orders(view))
    if view.feed.streams:
        parts.append(_streams(view, view.wall if now is None else now))
    if view.last:
        parts.append(_events(view))
    parts += [Text(f"! {warning}", style="yellow", overflow="ellipsis", no_wrap=True) for warning in view.warnings[-2:]]
    return Group(*parts)


def _head(view: View) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{view.session}", style="bold")
    text.append(f"  {view.mode} {view.state}  {clock_of(view.at)} UTC\n")
    if view.books:
        text.append(f"equity {money(view.equity)}  ")
        text.append(f"P&L {money(view.pnl, sign=True)}", style=_tone(view.pnl))
        text.append(f"  cash {money(view.cash)}  ")
    text.append(f"{view.events:,} events, {view.events_per_second:,.0f}/s\n")
    text.append(f"order after {speed(view.decided)}  event done {speed(view.worked)}\n")
    feed = view.feed
    lag = "" if feed.lag_ms is None else f"  lag {duration(feed.lag_ms * 1e3)}"
    text.append(f"queue {feed.queue:,} (most {feed.queue_highest:,}){lag}  {feed.reconnects} reconnects")
    text.append(f"  {view.rss_mb:,.0f} MB")
    return text


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    for column in columns:
        name, right, _ = column.partition(">")
        table.add_column(name, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
    return table


def _books(view: View) -> Table:
    table = _table("strategy", "state", "equity>", "P&L>", "fees>", "orders>", "call p99>")
    for book in view.books[:BOOKS]:
        took = "" if book.took.p99_us is None else duration(book.took.p99_us)
        state = Text(book.state, style="red" if book.state in ("failed", "quarantined") else "")
        profit = Text(money(book.pnl, sign=True), style=_tone(book.pnl))
        table.add_row(book.strategy, state, money(book.equity), profit, money(book.fees), str(book.orders), took)
    return _more(table, view.books, BOOKS)


def _holdings(view: View) -> Table:
    table = _table("position", "strategy", "quantity>", "price>", "value>", "P&L>")
    for held in view.holdings[:HOLDINGS]:
        profit = None if held.value is None else held.value - held.cost
        shown = Text(money(profit, sign=True), style=_tone(profit))
        table.add_row(held.symbol, held.strategy, plain(held.quantity), plain(held.price), money(held.value), shown)
    return _more(table, view.holdings, HOLDINGS)


def _orders(view: View) -> Table:
    table = _table("order", "strategy", "side", "quantity>", "filled>", "price>", "status")
    for order in view.working[:ORDERS]:
        price = plain(order.limit if order.limit is not None else order.stop)
        kind = f"{order.symbol} {order.type}"
        done = (plain(order.quantity), plain(order.filled))
        table.add_row(kind, order.strategy, order.side, *done, price, order.status)
    return _more(table, view.working, ORDERS)


def _streams(view: View, now: int) -> Table:
    table = _table("stream", "state", "heard>", "events>", "gaps>", "filled>", "lost>")
    worst = sorted(view.feed.streams, key=lambda stream: (stream.state == "flowing", stream.last_at))
    for stream in worst[:STREAMS]:
        state = Text(stream.state, style="yellow" if stream.state == "stale" else "")
        counts = (f"{stream.events:,}", str(stream.gaps), str(stream.filled), str(stream.missed))
        table.add_row(stream.name, state, age(stream, now), *counts)
    return _more(table, view.feed.streams, STREAMS)


def _events(view: View) -> Table:
    table = _table("at", "event", "", "")
    table.columns[3].ratio = 1
    table.expand = True
    for event in view.last[-EVENTS:]:
        kind = event.kind.removeprefix("order.").replace("_", " ")
        table.add_row(clock_of(event.at)[11:], kind, event.strategy, event.text, style=_COLOURS.get(event.severity, ""))
    return table


def _more(table: Table, rows: Sequence[object], most: int) -> Table:
    if len(rows) > most:
        table.add_row(f"and {len(rows) - most} more")
    return table


# -- words


def line(view: View) -> str:
    """A view in one line, where there is no terminal."""
    books = [
        f"equity {money(view.equity)} ({money(view.pnl, sign=True)})",
        f"{len(view.holdings)} positions",
        f"{len(view.working)} orders",
    ]
    parts = [
        clock_of(view.at),
        view.state,
        *(books if view.books else ()),
        f"{view.events:,} events ({view.events_per_second:,.0f}/s)",
    ]
    if view.decided.p99_us is not None:
        parts.append(f"order after {duration(view.decided.p99_us)}")
    stale = [stream.name for stream in view.feed.streams if stream.state == "stale"]
    if stale:
        parts.append(f"stale: {', '.join(stale[:3])}" + (f" and {len(stale) - 3} more" if len(stale) > 3 else ""))
    if view.alerts:
        parts.append(f"{view.alerts} alerts")
    return "  ".join(parts)


def clock_of(at: int) -> str:
    """`2026-11-21 19:05:03`, UTC."""
    return dt.datetime.fromtimestamp(at // _SECOND, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def money(amount: float | None, *, sign: bool = False) -> str:
    """`12,345.60`; `?` where it is not known."""
    if amount is None:
        return "?"
    return f"{amount:+,.2f}" if sign else f"{amount:,.2f}"


def plain(number: float | None) -> str:
    """A number as short as it is exact enough."""
    return "" if number is None else f"{number:,.10g}"


def duration(microseconds: float) -> str:
    """`85 us`, `1.2 ms`, `3.4 s`."""
    if microseconds < 1_000:
        return f"{microseconds:.0f} us"
    return f"{microseconds / 1e3:.1f} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.1f} s"


def speed(found: Speed) -> str:
    """`85 us (99 %: 210 us)`; a dash where nothing was measured."""
    if found.p50_us is None or found.p99_us is None:
        return "-"
    return f"{duration(found.p50_us)} (99 %: {duration(found.p99_us)})"


def age(stream: StreamView, now: int) -> str:
    """How long ago it was heard."""
    if not stream.last_at:
        return "never"
    return span(max(0, now - stream.last_at))


def span(nanoseconds: int) -> str:
    """`0.4 s`, `12 s`, `5 min`, `3 h`."""
    seconds = nanoseconds / _SECOND
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"


def _tone(amount: float | None) -> str:
    return "" if not amount else "green" if amount > 0 else "red"
