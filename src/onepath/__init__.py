"""onepath: one strategy, one code path, from backtest to paper to live trading.

What a strategy author imports. Rules: importing this brings in neither pandas, numpy, a broker nor a server.
"""

from __future__ import annotations

__version__ = "0.1.0"

from onepath.backtest import backtest
from onepath.errors import (
    ConfigError,
    DataError,
    JournalError,
    OnepathError,
    OrderError,
    StrategyError,
)
from onepath.events import Cancelled, Expired, Fill, Rejected, Signal, Timer
from onepath.features import atr, ema, feature, returns, rsi, sma, volatility
from onepath.instruments import Instrument
from onepath.market import Bar, Quote, Trade
from onepath.orders import CancelIntent, OrderIntent, OrderState, OrderStatus, OrderType, Side, TimeInForce
from onepath.portfolio import Portfolio
from onepath.risk import Limits
from onepath.simulator.commission import Bps, PerShare
from onepath.simulator.latency import NormalLatency
from onepath.simulator.slippage import FixedBps, VolumeBased
from onepath.strategy import Context, Params, Range, Strategy

__all__ = [
    "Bar",
    "Bps",
    "CancelIntent",
    "Cancelled",
    "ConfigError",
    "Context",
    "DataError",
    "Expired",
    "Fill",
    "FixedBps",
    "Instrument",
    "JournalError",
    "Limits",
    "NormalLatency",
    "OnepathError",
    "OrderError",
    "OrderIntent",
    "OrderState",
    "OrderStatus",
    "OrderType",
    "Params",
    "PerShare",
    "Portfolio",
    "Quote",
    "Range",
    "Rejected",
    "Side",
    "Signal",
    "Strategy",
    "StrategyError",
    "TimeInForce",
    "Timer",
    "Trade",
    "VolumeBased",
    "atr",
    "backtest",
    "ema",
    "feature",
    "returns",
    "rsi",
    "sma",
    "volatility",
]
