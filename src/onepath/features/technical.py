"""All built-in features under one name; they live in files by subject.

Rules: what is imported from here is what `onepath.features` gives.
"""

from onepath.features.averages import (
    dema,
    ema,
    linear_regression,
    median_price,
    slope,
    sma,
    tema,
    typical_price,
    wilder,
    wma,
)
from onepath.features.changes import momentum, returns, roc
from onepath.features.channels import donchian_lower, donchian_middle, donchian_upper, rolling_max, rolling_min
from onepath.features.microstructure import mid, order_book_imbalance, quote_imbalance, relative_spread, spread
from onepath.features.oscillators import (
    cci,
    macd,
    macd_histogram,
    macd_signal,
    rsi,
    stochastic_d,
    stochastic_k,
    williams_r,
)
from onepath.features.spreads import (
    bollinger_lower,
    bollinger_middle,
    bollinger_percent_b,
    bollinger_upper,
    bollinger_width,
    correlation,
    standard_deviation,
    volatility,
    zscore,
)
from onepath.features.trend import adx, atr, dx, minus_di, natr, plus_di, true_range
from onepath.features.volume import accumulation_distribution, mfi, obv, vwap, vwma

BUILT_IN = (
    *(sma, ema, wma, wilder, dema, tema, linear_regression, slope, typical_price, median_price),
    *(returns, momentum, roc, rsi, macd, macd_signal, macd_histogram, stochastic_k, stochastic_d, williams_r, cci),
    *(volatility, standard_deviation, zscore, correlation),
    *(bollinger_upper, bollinger_middle, bollinger_lower, bollinger_width, bollinger_percent_b),
    *(rolling_max, rolling_min, donchian_upper, donchian_middle, donchian_lower),
    *(true_range, atr, natr, plus_di, minus_di, dx, adx),
    *(obv, accumulation_distribution, mfi, vwap, vwma),
    *(spread, relative_spread, mid, quote_imbalance, order_book_imbalance),
)
"""The constructors, in the order of the reference."""

__all__ = [
    "BUILT_IN",
    "accumulation_distribution",
    "adx",
    "atr",
    "bollinger_lower",
    "bollinger_middle",
    "bollinger_percent_b",
    "bollinger_upper",
    "bollinger_width",
    "cci",
    "correlation",
    "dema",
    "donchian_lower",
    "donchian_middle",
    "donchian_upper",
    "dx",
    "ema",
    "linear_regression",
    "macd",
    "macd_histogram",
    "macd_signal",
    "median_price",
    "mfi",
    "mid",
    "minus_di",
    "momentum",
    "natr",
    "obv",
    "order_book_imbalance",
    "plus_di",
    "quote_imbalance",
    "relative_spread",
    "returns",
    "roc",
    "rolling_max",
    "rolling_min",
    "rsi",
    "slope",
    "sma",
    "spread",
    "standard_deviation",
    "stochastic_d",
    "stochastic_k",
    "tema",
    "true_range",
    "typical_price",
    "volatility",
    "vwap",
    "vwma",
    "wilder",
    "williams_r",
    "wma",
    "zscore",
]
