"""Mutants of what execution cost."""

from __future__ import annotations

from mutation import Mutant

_EXECUTION = "unit/report/test_execution.py"

ANALYTICS = (
    Mutant(
        "shortfall has the other sign",
        "report/shortfall.py",
        "trading = size * (paid - filled * opened)",
        "trading = size * (filled * opened - paid)",
        "paying more than the price is a cost",
        _EXECUTION,
    ),
    Mutant(
        "shortfall leaves fees out",
        "report/expenses.py",
        "total = delay + trading + fees + opportunity",
        "total = delay + trading + opportunity",
        "the parts of the shortfall add up to the whole",
        _EXECUTION,
    ),
    Mutant(
        "what was missed costs nothing",
        "report/shortfall.py",
        "opportunity = size * unfilled * (last - decision)",
        "opportunity = ZERO",
        "what never filled is charged from the decision on",
        _EXECUTION,
    ),
    Mutant(
        "slippage of sales has the sign of buys",
        "report/execution.py",
        "size = sign * terms.multiplier",
        "size = terms.multiplier",
        "a sale below arrival costs",
        _EXECUTION,
    ),
    Mutant(
        "rebates are commissions",
        "report/execution.py",
        "        deal.rebate += fee\n",
        "        deal.commission += fee\n",
        "rebates are told apart from commissions",
        _EXECUTION,
    ),
    Mutant(
        "interest is earned",
        "report/execution.py",
        "self.carry[key] = self.carry.get(key, ZERO) - event.amount",
        "self.carry[key] = self.carry.get(key, ZERO) + event.amount",
        "what holding cost is a cost",
        _EXECUTION,
    ),
    Mutant(
        "round trips ignore a split's price",
        "report/lots.py",
        "lot.left, lot.price = lot.left * ratio, lot.price / ratio",
        "lot.left = lot.left * ratio",
        "a split changes units, not what was paid",
        "unit/report/test_trades.py",
    ),
    Mutant(
        "a fee in the coin stays in the position",
        "report/trades.py",
        "quantity -= fee if in_coin else ZERO",
        "quantity -= ZERO",
        "a fee in the coin leaves less to sell",
        "unit/report/test_trades.py",
    ),
    Mutant(
        "buy and hold ignores splits",
        "report/benchmark.py",
        "units[own] *= float(ratio)",
        "units[own] *= 1.0",
        "the benchmark goes through the same corporate actions",
        "unit/report/test_benchmark.py",
    ),
)
