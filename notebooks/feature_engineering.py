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
# # Feature engineering
#
# A feature is one scalar step function over explicit state. Written once, it is the same number in this notebook, in a backtest
# and in a live session, to the last bit. Here one is made, proved, compared and exported.

# %%
import math
import tempfile
from pathlib import Path

import numpy as np

from onepath import feature, research
from onepath.data import read
from onepath.features import compute, ema
from onepath.testing import check_feature

frame = read("us10", symbols="MSFT", frames="pandas")["MSFT"]

# %% [markdown]
# ## A definition
#
# Kaufman's efficiency ratio: how far the price came over `window` bars, as a share of the way that it went. 1 is a straight line,
# 0 is going nowhere. (Perry Kaufman, "Smarter Trading", 1995.)
#
# The state is a list of numbers: a place in a ring, and the ring of the last closes. The sum is taken anew over the ring: nothing
# is subtracted that was added before, so there is no residue.


# %%
@feature(inputs=("close",), initial=lambda window: [0.0] + [math.nan] * (window + 1), warm_up=lambda window: window + 1)
def efficiency(state, close, window=10):
    """Kaufman's efficiency ratio, 0 to 1: |change over `window` bars| / sum of the bars' changes. NaN where nothing moved."""
    size = window + 1
    place = int(state[0])
    state[1 + place] = close
    state[0] = (place + 1) % size
    way = 0.0
    for i in range(1, size):
        way += abs(state[1 + (place + 1 + i) % size] - state[1 + (place + i) % size])
    if not way > 0.0:
        return math.nan
    return abs(close - state[1 + (place + 1) % size]) / way


# %%
values = compute(efficiency(10), frame)
values.describe()

# %% [markdown]
# ## Proved
#
# Batch is stream, compiled is Python, no value knows the future, warm when it says so, unharmed by NaN and infinities.

# %%
proof = check_feature(efficiency(10))
for check in proof.checks:
    print(f"{check.name:<18}{'ok' if check.passed else '--' if check.passed is None else 'NOT ' + check.told}")
assert all(check.passed is not False for check in proof.checks)

# %% [markdown]
# ## By hand
#
# Closes 1, 2, 4, 3: it came 2 of a way of 1 + 2 + 1 = 4.

# %%
assert compute(efficiency(3), {"close": [1.0, 2.0, 4.0, 3.0]})[-1] == 2 / 4

# %% [markdown]
# ## Features of features
#
# A feature may be computed of another. Smoothed, the ratio is calmer, and its warm-up is that of both.

# %%
calm = ema(20, on=efficiency(10))
print(calm, "needs", calm.warm_up, "bars")
smoothed = compute(calm, frame)
research.distribution(smoothed, name="smoothed efficiency").plot()

# %% [markdown]
# ## Does it say anything?
#
# Across ten stocks, of the size of the next moves and not of their direction.

# %%
symbols = ["AAPL", "AMZN", "GOOGL", "JPM", "META", "MSFT", "NVDA", "TSLA", "XOM", "AVGO"]
frames = read("us10", symbols=symbols, frames="pandas")
by_symbol = {symbol: np.asarray(compute(calm, one)) for symbol, one in frames.items()}
closes = {symbol: one["close"].to_numpy() for symbol, one in frames.items()}
research.information_coefficient(by_symbol, closes, (1, 5, 20))

# %% [markdown]
# ## Exported
#
# A file of its own, and a checklist of what is left to do before it trades.

# %%
folder = Path(tempfile.mkdtemp())
exported = research.export(efficiency, folder / "efficiency.py")
print(exported)

# %%
print(exported.path.read_text())
