"""The screen: all that matters at 80 columns, in words."""

from __future__ import annotations

import io

import pytest
from made_views import AT, BOOK, SECOND, VIEW, view
from msgspec.structs import replace
from rich.console import Console

from onepath.monitor.screen import duration, line, money, picture, plain, span, speed
from onepath.monitor.speeds import Speed
from onepath.monitor.view import View


def drawn(seen: View, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(picture(seen))
    return console.export_text()


@pytest.mark.parametrize("width", [80, 140])
def test_what_is_on_it(width: int) -> None:
    """Equity, profit, the position, the order at work, both streams with their state, the last events, latency, a warning; no
    line is wider than the terminal."""
    text = drawn(VIEW, width)
    for expected in (
        *("paper-1", "paper running", "2026-11-21 20:05:03 UTC"),
        *("equity 101,234.50", "P&L +1,234.50", "cash 40,000.00", "1,333 events, 22/s"),
        *("order after 85 us (99 %: 210 us)", "queue 3 (most 17)", "lag 12.0 ms", "4 reconnects", "151 MB"),
        *("sma", "working", "15.50", "1.5 ms"),
        *("BTCUSDT", "0.5", "122,469", "61,234.50", "+250.00"),
        *("limit", "sell", "125,000", "accepted"),
        *("BTCUSDT trades", "flowing", "0.5 s", "1,234", "20"),
        *("BTCUSDT quotes", "stale", "42 s", "3"),
        *("20:05:01", "filled", "BTCUSDT +0.5 at 121969", "20:05:02", "quotes stale (silence)"),
        "! nothing is heard of BTCUSDT quotes for 42 s",
    ):
        assert expected in text, expected
    assert max(len(row) for row in text.splitlines()) <= width


def test_what_is_not_known_is_not_made_up() -> None:
    """Without a rate, a price, a measurement or an event: a question mark, a dash, no table."""
    bare = view(equity=None, cash=None, pnl=None, holdings=(), working=(), last=(), warnings=(), decided=Speed())
    text = drawn(replace(bare, feed=replace(bare.feed, streams=())), 80)
    assert "equity ?" in text
    assert "order after -" in text
    assert "position" not in text
    assert "stream" not in text


def test_long_lists_are_cut_and_said() -> None:
    """Of twelve strategies eight are shown, and that there are four more."""
    text = drawn(view(books=tuple(replace(BOOK, strategy=f"s{n}") for n in range(12))), 80)
    assert "s7" in text
    assert "s8" not in text
    assert "and 4 more" in text


def test_a_strategy_that_was_quarantined_is_seen() -> None:
    """Its state stands beside its name."""
    assert "quarantined" in drawn(view(books=(replace(BOOK, state="quarantined"),)), 80)


def test_one_line() -> None:
    """Where there is no terminal: time, state, money, positions, orders, rate, latency, what is stale, alerts."""
    assert line(VIEW) == (
        "2026-11-21 20:05:03  running  equity 101,234.50 (+1,234.50)  1 positions  1 orders  1,333 events (22/s)  "
        "order after 210 us  stale: BTCUSDT quotes  1 alerts"
    )
    quiet = view(alerts=0, decided=Speed(), feed=replace(VIEW.feed, streams=()))
    assert line(quiet).endswith("1,333 events (22/s)")
    streams = tuple(replace(VIEW.feed.streams[1], name=f"S{n}") for n in range(5))
    assert "stale: S0, S1, S2 and 2 more" in line(view(feed=replace(VIEW.feed, streams=streams)))


def test_words() -> None:
    """Numbers as people write them."""
    assert [money(12_345.6), money(None), money(5.0, sign=True), money(-5.0, sign=True)] == [
        "12,345.60",
        "?",
        "+5.00",
        "-5.00",
    ]
    assert [plain(None), plain(0.1), plain(61_234.5)] == ["", "0.1", "61,234.5"]
    assert [duration(85.4), duration(1_234.0), duration(2.5e6)] == ["85 us", "1.2 ms", "2.5 s"]
    assert [span(n * SECOND) for n in (1, 12, 300, 9_000)] == ["1.0 s", "12 s", "5 min", "2 h"]
    assert speed(Speed()) == "-"
    assert AT // SECOND == 1_795_291_503
