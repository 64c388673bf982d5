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
# # Strategy validation
#
# From an idea to what may be believed of it: a parameter study at the machine's limit, proved in the engine; how much of the best
# is luck; and the check that tries to break what is left.

# %%
import tempfile
from pathlib import Path

import onepath
from onepath import TargetStrategy, research, sma
from onepath.check import of_backtest

folder = Path(tempfile.mkdtemp())
costs = {"commission": 0.0005, "slippage": 0.0002}

# %% [markdown]
# ## The idea
#
# One function from numbers to the weight that is wanted. The engine calls it bar by bar; `QuickBacktest` runs the same function
# compiled over arrays.


# %%
class Cross(TargetStrategy):
    """In the market while the fast average is above the slow one: trends last longer than they look."""

    class Params(TargetStrategy.Params):
        fast: int = 20
        slow: int = 100

    def features(self):
        return {"quick": sma(self.params.fast), "calm": sma(self.params.slow)}

    @staticmethod
    def target(quick, calm):
        return 0.95 if quick > calm else 0.0


result = onepath.backtest(Cross, "us10", symbols="AAPL", **costs)
result.stats

# %%
result.plot()

# %% [markdown]
# ## Many parameters at once
#
# Every parameter set in one pass over the data, with the engine's costs and fills.

# %%
quick = research.QuickBacktest("us10", symbol="AAPL", **costs)
runs = quick.sweep(Cross, [{"fast": fast, "slow": slow} for fast in range(5, 55, 5) for slow in range(60, 220, 20)])
runs.best("sharpe")

# %% [markdown]
# The engine has the last word: the best and some at random are run again in it.

# %%
research.verify(runs, count=3)

# %% [markdown]
# ## How much of the best is luck?
#
# A sweep records every trial, so that what was tried is counted without being asked.

# %%
found = research.sweep(
    Cross,
    "us10",
    {"fast": "5:50:15", "slow": "60:200:35"},
    symbols="AAPL",
    workers=1,
    workspace=folder,
    **costs,
)
found

# %%
found.table

# %% [markdown]
# ## The check
#
# Other futures, later beginnings, dearer markets, drawn histories; and the trials of the sweep count against the best of them.

# %%
check = of_backtest(Cross(**found.best.point), "us10", symbols="AAPL", moments=3, trials=found.ever, **costs)
check

# %% [markdown]
# ## What is left to do
#
# The strategy as a file of its own, with the checklist for production.

# %%
exported = research.export(Cross, folder / "cross.py", check=check)
print(exported)
