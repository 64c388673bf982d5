# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Signal discovery
#
# Is there anything in a number? This notebook takes ten US stocks, computes a few features over all of them, and asks of each
# how well it orders what comes next: the information coefficient, by horizon, across stocks and over time.
#
# Everything here runs offline on data that come with onepath.

# %%
import numpy as np

import onepath
from onepath import research
from onepath.data import read
from onepath.features import compute, ema, returns, rsi, volatility

onepath.__version__

# %% [markdown]
# ## The data
#
# `read` gives columns or frames by symbol. The ten stocks are those that are still there: whatever is found has survivorship in
# it (`onepath check` says so as well).

# %%
symbols = ["AAPL", "AMZN", "GOOGL", "JPM", "META", "MSFT", "NVDA", "TSLA", "XOM", "AVGO"]
frames = read("us10", symbols=symbols, frames="pandas")
closes = {symbol: frame["close"].to_numpy() for symbol, frame in frames.items()}
{symbol: len(frame) for symbol, frame in frames.items()}

# %% [markdown]
# ## Is it stationary?
#
# Prices have a unit root, returns have none. What is fed to a model should be of the second kind.

# %%
daily = compute(returns(1), frames["AAPL"])
print(research.stationarity(closes["AAPL"], name="AAPL close"))
print(research.stationarity(daily, name="AAPL daily return"))

# %%
research.distribution(daily, name="AAPL daily return").plot()

# %% [markdown]
# ## Candidates
#
# Five numbers that people look at. Each is defined once; a backtest and a live session compute the same.

# %%
candidates = {
    "momentum_6m": returns(126),
    "reversal_1w": returns(5),
    "rsi": rsi(14),
    "trend": ema(50),
    "calm": volatility(21),
}
values = {
    name: {symbol: np.asarray(compute(feature, frames[symbol])) for symbol in symbols}
    for name, feature in candidates.items()
}
values["trend"] = {symbol: closes[symbol] / value - 1 for symbol, value in values["trend"].items()}

# %% [markdown]
# How much of each is the same thing said twice?

# %%
stacked = {name: np.concatenate(list(by_symbol.values())) for name, by_symbol in values.items()}
alike = research.correlation(stacked, "spearman")
print(alike.above(0.6))
alike.plot()

# %% [markdown]
# ## The information coefficient
#
# On each day the stocks are ordered by the feature and by what they returned over the next bars; the coefficient is the
# correlation of the two orders, its mean over all days is what one looks at. Forward returns overlap, so that the number of
# independent days is smaller than it looks; `t` takes that into account.

# %%
horizons = (1, 5, 20, 60)
found = {name: research.information_coefficient(by_symbol, closes, horizons) for name, by_symbol in values.items()}
for name, one in found.items():
    gone = f"half of it is gone after {one.half_life} bars" if one.half_life else "it does not fade within 60 bars"
    print(f"{name}: {gone}")
    print(one)

# %%
found["momentum_6m"].plot()

# %% [markdown]
# ## What this is worth
#
# Five candidates and four horizons are twenty looks at the same ten years. The largest `t` of twenty looks at nothing is about
# 1.9:

# %%
from onepath.research import overfit

largest = max(abs(h.t) for one in found.values() for h in one.horizons if np.isfinite(h.t))
print(f"largest |t| found: {largest:.2f}; expected of twenty looks at nothing: {overfit.expected_maximum(20):.2f}")
