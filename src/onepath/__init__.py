"""onepath: one strategy, one code path, from backtest to paper to live trading.

What a strategy author imports. Rules: importing this brings in neither pandas, numpy, a broker nor a server.
"""

from __future__ import annotations

__version__ = "0.4.0"

from onepath import data, rules
from onepath.accounts import AccountTerms
from onepath.actions import (
    CashDividend,
    CorporateAction,
    Delisting,
    Merger,
    SpinOff,
    Split,
    StockDividend,
    SymbolChange,
)
from onepath.backtest import backtest
from onepath.book import Book
from onepath.context import Context, Intent
from onepath.errors import (
    CommandError,
    ConfigError,
    ConservationError,
    DataError,
    JournalError,
    OnepathError,
    OrderError,
    StrategyError,
)
from onepath.events import (
    Cancelled,
    CashFlow,
    Command,
    DataState,
    DataStatus,
    Expired,
    Fill,
    MarginCall,
    Rejected,
    Signal,
    Timer,
    TradingState,
    TradingStateChanged,
)
from onepath.features import atr, ema, feature, returns, rsi, sma, volatility
from onepath.instruments import Instrument
from onepath.market import Bar, BookUpdate, Quote, Trade
from onepath.orders import (
    CancelIntent,
    OrderIntent,
    OrderState,
    OrderStatus,
    OrderType,
    ReplaceIntent,
    Side,
    TimeInForce,
)
from onepath.portfolio import Portfolio
from onepath.risk import Breaker, Breakers, Limits, RiskPlan, SharedLimits
from onepath.simulator.commission import Bps, MakerTaker, PerOrder, PerShare, Tier, Tiers
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Constant, NormalLatency, Samples
from onepath.simulator.queues import Back, Front, Probability, Through
from onepath.simulator.schedules import Alpaca, BinanceSpot, BinanceUsdm, IbkrFixed, IbkrTiered, MexcFutures, MexcSpot
from onepath.simulator.slippage import FixedBps, HalfSpread, SquareRoot, VolumeBased, VolumeShare
from onepath.strategy import Params, Range, Strategy
from onepath.targets import TargetStrategy
from onepath.universe import Spell, Traded, Universe

__all__ = [
    "AccountTerms",
    "Alpaca",
    "Back",
    "Bar",
    "BinanceSpot",
    "BinanceUsdm",
    "Book",
    "BookUpdate",
    "Bps",
    "Breaker",
    "Breakers",
    "CancelIntent",
    "Cancelled",
    "CashDividend",
    "CashFlow",
    "Command",
    "CommandError",
    "ConfigError",
    "ConservationError",
    "Constant",
    "Context",
    "CorporateAction",
    "DataError",
    "DataState",
    "DataStatus",
    "Delisting",
    "Expired",
    "Faults",
    "Fill",
    "FixedBps",
    "Front",
    "HalfSpread",
    "IbkrFixed",
    "IbkrTiered",
    "Instrument",
    "Intent",
    "JournalError",
    "Limits",
    "MakerTaker",
    "MarginCall",
    "Merger",
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
    "Probability",
    "Quote",
    "Range",
    "Rejected",
    "ReplaceIntent",
    "RiskPlan",
    "Samples",
    "SharedLimits",
    "Side",
    "Signal",
    "Spell",
    "SpinOff",
    "Split",
    "SquareRoot",
    "StockDividend",
    "Strategy",
    "StrategyError",
    "SymbolChange",
    "TargetStrategy",
    "Through",
    "Tier",
    "Tiers",
    "TimeInForce",
    "Timer",
    "Trade",
    "Traded",
    "TradingState",
    "TradingStateChanged",
    "Universe",
    "VolumeBased",
    "VolumeShare",
    "atr",
    "backtest",
    "data",
    "ema",
    "feature",
    "returns",
    "rsi",
    "rules",
    "sma",
    "volatility",
]
