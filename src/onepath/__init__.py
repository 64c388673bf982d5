"""onepath: one strategy, one code path, from backtest to paper to live trading.

What a strategy author imports. Rules: importing this brings in neither pandas, numpy, a broker nor a server.
"""

from __future__ import annotations

__version__ = "0.1.0"

from onepath.accounts import AccountTerms
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
from onepath.risk import Breaker, Breakers, Limits, RiskPlan, SharedLimits
from onepath.simulator.commission import Bps, MakerTaker, PerOrder, PerShare, Tier, Tiers
from onepath.simulator.latency import NormalLatency
from onepath.simulator.schedules import Alpaca, BinanceSpot, BinanceUsdm, IbkrFixed, IbkrTiered, MexcFutures, MexcSpot
from onepath.simulator.slippage import FixedBps, HalfSpread, SquareRoot, VolumeBased, VolumeShare
from onepath.strategy import Context, Intent, Params, Range, Strategy

__all__ = [
    "AccountTerms",
    "Alpaca",
    "Bar",
    "BinanceSpot",
    "BinanceUsdm",
    "Bps",
    "Breaker",
    "Breakers",
    "CancelIntent",
    "Cancelled",
    "ConfigError",
    "Context",
    "DataError",
    "Expired",
    "Fill",
    "FixedBps",
    "HalfSpread",
    "IbkrFixed",
    "IbkrTiered",
    "Instrument",
    "Intent",
    "JournalError",
    "Limits",
    "MakerTaker",
    "MexcFutures",
    "MexcSpot",
    "NormalLatency",
    "OnepathError",
    "OrderError",
    "OrderIntent",
    "OrderState",
    "OrderStatus",
    "OrderType",
    "Params",
    "PerOrder",
    "PerShare",
    "Portfolio",
    "Quote",
    "Range",
    "Rejected",
    "RiskPlan",
    "SharedLimits",
    "Side",
    "Signal",
    "SquareRoot",
    "Strategy",
    "StrategyError",
    "Tier",
    "Tiers",
    "TimeInForce",
    "Timer",
    "Trade",
    "VolumeBased",
    "VolumeShare",
    "atr",
    "backtest",
    "ema",
    "feature",
    "returns",
    "rsi",
    "sma",
    "volatility",
]
