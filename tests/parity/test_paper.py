"""Over real sockets: the paper session, its replay, and the backtest over what it recorded decide alike, to the byte.

Every example strategy is in one session over a local venue in a thread of its own, once while nothing goes wrong and once while
much does. Skipped where ccxt or aiohttp are not installed (`pip install 'onepath[live]'`).
"""

from __future__ import annotations

import datetime as dt
import math
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onepath import realtime
from onepath.build import build
from onepath.clock import RealtimeClock
from onepath.config import loads
from onepath.events import DataState
from onepath.journal.codec import DECISIONS, decode
from onepath.journal.sqlite import SqliteReader
from onepath.market import Trade
from onepath.replay import decision_hash
from onepath.rerun import replay
from onepath.session import Outcome
from onepath.workspace import Workspace

pytest.importorskip("ccxt", reason="ccxt is not installed")
pytest.importorskip("aiohttp", reason="aiohttp is not installed")

SECONDS = 9
SYMBOLS = ("AAAUSDT", "BBBUSDT")
STRATEGIES = {
    "bracket_breakout": "{channel: 5}",
    "buy_and_hold": "{}",
    "market_making": "{size: 1, edge: 1, patience: 5}",
    "mean_reversion": "{window: 5, entry: 0.5}",
    "momentum": "{window: 5}",
    "pairs": "{window: 5, entry: 0.5, exit: 0.1}",
    "rsi_reversion": "{}",
    "sixty_forty": "{}",
    "sma_cross": "{fast: 2, slow: 4}",
}
CONFIG = """
mode: {mode}
seed: 5
data: {data}
execution:
  slippage: {{model: fixed_bps, params: {{bps: 1}}}}
  commission: {{model: bps, params: {{bps: 2}}}}
  latency: {{mean_ms: 20, std_ms: 10}}
strategies:
{strategies}
"""
FAULTS = (
    (1.0, "duplicate", {"seconds": 1.5}),
    (1.5, "reorder", {"seconds": 1.0}),
    (2.5, "gap", {"seconds": 0.3}),
    (3.5, "malformed", {"seconds": 0.5}),
    (4.0, "cut", {}),
    (5.5, "mute", {"seconds": 1.5}),
)


def config(data: str, mode: str) -> Any:
    listed = "\n".join(f"  - {{name: {n}, capital: 100000, params: {p}}}" for n, p in sorted(STRATEGIES.items()))
    return loads(CONFIG.format(data=data, mode=mode, strategies=listed))


def minutes(home: Path) -> Path:
    """Minute bars of two symbols that swing, as a file."""
    chance, start = random.Random(3), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)  # noqa: S311 - a market, no secret
    rows, price = ["timestamp,symbol,open,high,low,close,volume"], dict(zip(SYMBOLS, (100.0, 50.0), strict=True))
    for minute in range(120):
        for number, symbol in enumerate(price):
            opened = price[symbol]
            swing = 0.004 * math.sin(minute / (4 + number)) + chance.gauss(0, 0.002)
            closed = price[symbol] = round(opened * (1 + swing), 2)
            high, low = round(max(opened, closed) * 1.001, 2), round(min(opened, closed) * 0.999, 2)
            moment = (start + dt.timedelta(minutes=minute)).isoformat()
            rows.append(f"{moment},{symbol},{opened},{high},{low},{closed},{chance.randrange(500, 5000)}")
    path = home / "minutes.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def on_paper(home: Path, faults: Sequence[tuple[float, str, dict[str, Any]]]) -> tuple[Path, Outcome]:
    """A paper session over real sockets; its journal and what came of it."""
    from onepath.localvenue import LocalVenue

    with LocalVenue(data=minutes(home), speed=60, legs=4, seed=4, history="40m") as venue:
        symbols = ", ".join(SYMBOLS)
        data = (
            f"{{type: realtime, source: binance, url: '{venue.url}', symbols: [{symbols}], interval: 1s, history: 30, "
            "kinds: [bars, quotes, trades], connection: {stale_after: 0.7, pause: 0.1, reorder_within: 0.02}}"
        )
        settings, clock = config(data, "paper"), RealtimeClock()
        journal = Workspace(home).journal("paper")
        session = realtime.begin(
            settings,
            realtime.source_of(settings, clock),
            home=home,
            session_id="paper",
            journal_path=journal,
            clock=clock,
            until=clock.now() + SECONDS * 1_000_000_000,
        )
        timers = [threading.Timer(at, venue.inject, [kind], terms) for at, kind, terms in faults]
        for timer in timers:
            timer.start()
        try:
            outcome = session.run()
        finally:
            session.journal.close()
            for timer in timers:
                timer.cancel()
        traded = {symbol: [deal.number for deal in venue.truth(symbol)] for symbol in SYMBOLS}
    _complete(journal, traded)
    return journal, outcome


def _complete(journal: Path, traded: dict[str, list[int]]) -> None:
    """What was recorded of trades is what was traded: every number once, in order, from the first to the last."""
    events = [event for row in SqliteReader(journal).rows(("market",)) for event in decode(row)]
    for symbol, numbers in traded.items():
        seen = [event.id for event in events if isinstance(event, Trade) and event.symbol == symbol]
        assert len(seen) > 50
        assert seen == [number for number in numbers if seen[0] <= number <= seen[-1]]


def backtested(home: Path) -> tuple[Path, Outcome]:
    """The same configuration over what the paper session saw."""
    journal = Workspace(home).journal("backtest")
    session = build(
        config("{type: session, id: paper}", "backtest"), home=home, session_id="backtest", journal_path=journal
    )
    try:
        return journal, session.run()
    finally:
        session.journal.close()


def decisions(journal: Path) -> list[tuple[Any, ...]]:
    return [(row.at, row.kind, row.strategy, row.body) for row in SqliteReader(journal).rows(DECISIONS)]


@pytest.mark.parametrize("faults", [(), FAULTS], ids=["calm", "faults"])
def test_paper_replay_and_backtest_are_one(tmp_path: Path, faults: Any) -> None:
    """Nine strategies on paper, with and without faults on the wire: no trade is lost, none doubled; the replay is identical,
    features included; the backtest over the recording makes every decision again, byte for byte."""
    journal, paper = on_paper(tmp_path, faults)
    assert (paper.status, paper.errors) == ("completed", ())
    proof = replay(journal, home=tmp_path)
    assert (proof.identical, proof.difference) == (True, None)
    again, backtest = backtested(tmp_path)
    assert (backtest.status, backtest.errors) == ("completed", ())
    assert decisions(again) == decisions(journal)
    assert decision_hash(SqliteReader(again)) == decision_hash(SqliteReader(journal)) == (proof.decisions, proof.hash)
    deciding = {strategy for _, kind, strategy, _ in decisions(journal) if kind == "order.submitted"}
    assert {"buy_and_hold", "market_making", "sma_cross"} <= deciding, "the session is too calm to prove anything"
    states = [decode(row).state for row in SqliteReader(journal).rows(("data.status",))]
    assert (DataState.STALE in states, DataState.RECOVERED in states) == (bool(faults), bool(faults))
