"""Features: numbers from market data, defined once, the same in a notebook, a backtest and a live session.

Rules: importing this costs neither numpy nor numba nor pandas.
"""

from onepath.features.across import across_zscore, demean, rank
from onepath.features.definition import Feature, feature
from onepath.features.history import compute
from onepath.features.technical import atr, ema, returns, rsi, sma, volatility

__all__ = [
    "Feature",
    "across_zscore",
    "atr",
    "compute",
    "demean",
    "ema",
    "feature",
    "rank",
    "returns",
    "rsi",
    "sma",
    "volatility",
]
