"""The runs that are pinned: every example strategy on bundled real data, with the costs a user might set.

Rules: a case is a function without arguments, so that each run has strategies and models of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import onepath
from onepath import registry
from onepath.examples.bracket_breakout import BracketBreakout
from onepath.examples.buy_and_hold import BuyAndHold
from onepath.examples.market_making import MarketMaking
from onepath.examples.mean_reversion import MeanReversion
from onepath.examples.momentum import Momentum
from onepath.examples.pairs import Pairs
from onepath.examples.rsi_reversion import RsiReversion
from onepath.examples.sixty_forty import SixtyForty
from onepath.examples.sma_cross import SmaCross
from onepath.examples.trend_target import TrendTarget
from onepath.journal.codec import FILLS, decode
from onepath.result import Result
from onepath.simulator.latency import Constant
from onepath.simulator.queues import Back

PER_SHARE = {"per_share": Decimal("0.005"), "minimum": Decimal(1)}
ARGUMENTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "buy_and_hold": lambda: {
        "strategy": BuyAndHold,
        "data": "us10",
        "commission": onepath.PerShare(**PER_SHARE),
        "slippage": "0.0002",
    },
    "sixty_forty": lambda: {
        "strategy": SixtyForty,
        "data": "us10",
        "symbols": ("JPM", "XOM"),
        "commission": onepath.PerShare(**PER_SHARE),
    },
    "sma_cross": lambda: {
        "strategy": SmaCross(fast=20, slow=50),
        "data": "us10",
        "symbols": ("AAPL", "MSFT", "XOM"),
        "commission": "0.001",
    },
    "sma_cross_minutes": lambda: {
        "strategy": SmaCross(fast=10, slow=30),
        "data": "btcusd_1m",
        "cash": 10_000,
        "commission": "0.001",
        "slippage": onepath.VolumeBased(),
    },
    "mean_reversion": lambda: {
        "strategy": MeanReversion(window=50, entry=3.0, weight=0.9),
        "data": "eurusd_1h",
        "commission": "0.00002",
    },
    "rsi_reversion": lambda: {
        "strategy": RsiReversion,
        "data": "us10",
        "symbols": ("MSFT", "TSLA", "XOM"),
        "slippage": "0.0005",
    },
    "momentum": lambda: {"strategy": Momentum, "data": "us10", "commission": "0.001", "slippage": "0.0005"},
    "bracket_breakout": lambda: {
        "strategy": BracketBreakout,
        "data": "us10",
        "commission": onepath.IbkrTiered(),
        "slippage": onepath.SquareRoot(),
    },
    "rsi_dip": lambda: {
        "strategy": registry.resolve("rsi_dip", Path()),
        "data": "us10",
        "symbols": ("AAPL", "JPM", "MSFT", "XOM"),
        "commission": onepath.PerShare(**PER_SHARE),
        "slippage": "0.0002",
    },
    "donchian_breakout": lambda: {
        "strategy": registry.resolve("donchian_breakout", Path()),
        "data": "eurusd_1h",
        "commission": "0.00002",
    },
    "trend_target": lambda: {
        "strategy": TrendTarget(fast=10, slow=50, most=0.45),
        "data": "us10",
        "symbols": ("AAPL", "XOM"),
        "commission": "0.001",
        "slippage": "0.0005",
    },
    "pairs": lambda: {
        "strategy": Pairs,
        "data": "us10",
        "symbols": ("MSFT", "GOOGL"),
        "commission": onepath.PerShare(**PER_SHARE),
        "account": onepath.AccountTerms(leverage=Decimal(1), borrow_rate=Decimal("0.003"), day_count=360),
    },
    "market_making": lambda: {
        "strategy": MarketMaking,
        "data": "btcusdt_quotes",
        "cash": 10_000,
        "commission": onepath.MakerTaker(maker_bps=Decimal("-0.5"), taker_bps=Decimal(4)),
        "queue": Back(),
        "latency": Constant(ms=5, back_ms=5),
    },
}
SEVERAL = "several"
"""Not pinned, but compared with itself: all kinds of strategies on one clock, with delays and volume-based slippage."""


def several() -> dict[str, Any]:
    """Four strategies on six symbols in one session, delays across bars, slippage and commission."""
    return {
        "strategy": {
            "cross": SmaCross(fast=10, slow=30, weight=1.0),  # all of it: some orders are denied
            "dips": MeanReversion(entry=1.5),
            "strength": RsiReversion(oversold=40.0, overbought=60.0),
            "leaders": Momentum(window=20, top=2),
        },
        "data": "us10",
        "symbols": ("AAPL", "AMZN", "JPM", "NVDA", "TSLA", "XOM"),
        "start": "2019-01-01",
        "end": "2022-01-01",
        "commission": onepath.PerShare(**PER_SHARE),
        "slippage": onepath.VolumeBased(),
        "latency": onepath.NormalLatency(mean_ms=43_200_000, std_ms=40_000_000, seed=7),
        "participation": "0.0001",
    }


def arguments(name: str) -> dict[str, Any]:
    """What `onepath.backtest` is called with for a case."""
    return several() if name == SEVERAL else ARGUMENTS[name]()


def run(name: str, **more: Any) -> Result:
    """Run a case; `more` goes over its arguments."""
    return onepath.backtest(**{**arguments(name), **more})


def fills_hash(result: Result) -> str:
    """SHA-256 of all fills: time, strategy and every digit of each."""
    digest = hashlib.sha256()
    for row in result.journal.rows(FILLS):
        digest.update(b"%d|%s|%s\n" % (row.at, (row.strategy or "").encode(), row.body))
    return digest.hexdigest()


def summary(result: Result) -> dict[str, Any]:
    """What is pinned of a run: two hashes, and figures that a person can judge."""
    trades, fills = result.trades, result.fills
    return {
        "decisions_sha256": result.hash,
        "fills_sha256": fills_hash(result),
        "bars": _bars(result),
        "orders": len(result.orders),
        "fills": len(fills),
        "trades": len(trades),
        "first_fill": str(fills["executed_at"].iloc[0]),
        "last_fill": str(fills["executed_at"].iloc[-1]),
        "fees": str(round(result.portfolio().fees, 2)),
        "final_equity": str(round(result.portfolio().equity, 2)),
    }


def _bars(result: Result) -> int:
    """Bars that the session read."""
    (ended,) = (decode(row) for row in result.journal.rows(("session.ended",)))
    return int(ended.events)
