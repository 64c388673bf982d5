"""Data to try features on: a market that was made up, the same at every call, and the ways in which real ones go wrong.

Rules: every field a feature can name has plausible values: high above low, ask above bid. Seeds are arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Columns = Mapping[str, Sequence[float]]
"""values by field"""
HUGE = 1e100
"""far beyond any price, and its cube is still a number"""
_ABOVE = (("high", "low"), ("ask", "bid"), ("best_ask", "best_bid"))
"""fields of which the first is never below the second"""


def market(size: int, seed: int = 0) -> dict[str, list[float]]:
    """A walk of `size` rows around 100, with every field of bars, quotes, trades and books."""
    import numpy as np

    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, 0.01, size)))
    before = np.concatenate([[100.0], close[:-1]])
    open_ = before * (1.0 + chance.normal(0.0, 0.002, size))
    high = np.maximum(open_, close) * (1.0 + np.abs(chance.normal(0.0, 0.004, size)))
    low = np.minimum(open_, close) * (1.0 - np.abs(chance.normal(0.0, 0.004, size)))
    sizes = chance.integers(1, 1_000, (4, size)) * 1.0
    half = close * 0.0005
    found = {"open": open_, "high": high, "low": low, "close": close, "volume": sizes[0] * 100.0}
    found |= {"bid": close - half, "ask": close + half, "bid_size": sizes[1], "ask_size": sizes[2]}
    found |= {
        "best_bid": close - half,
        "best_ask": close + half,
        "bid_depth": sizes[1] * 5.0,
        "ask_depth": sizes[2] * 5.0,
    }
    found |= {"price": close, "size": sizes[3], "aggressor": np.where(chance.random(size) < 0.5, -1.0, 1.0)}
    return {name: values.tolist() for name, values in found.items()}


def other(seed: int, size: int) -> Any:
    """Positive numbers for a field that this module does not know."""
    import numpy as np

    return np.random.default_rng(seed).uniform(1.0, 1_000.0, size).tolist()


def joined(first: Columns, second: Columns, at: int) -> dict[str, list[float]]:
    """`first` up to row `at`, `second` from there on."""
    return {name: [*first[name][:at], *second[name][at:]] for name in first}


def with_value(columns: Columns, value: float, rows: Sequence[int]) -> dict[str, list[float]]:
    """The columns with `value` in some rows of all of them."""
    hit = frozenset(rows)
    return {name: [value if i in hit else x for i, x in enumerate(column)] for name, column in columns.items()}


def hostile(columns: Columns, at: int) -> dict[str, dict[str, list[float]]]:
    """What data can hold, by name: around row `at`, from the start, or everywhere."""
    size = len(next(iter(columns.values())))
    some = (*range(at, at + 3), at + 20)
    return {
        "a NaN": with_value(columns, math.nan, some),
        "NaN from the start": with_value(columns, math.nan, range(5)),
        "an infinity": with_value(columns, math.inf, some),
        "a negative infinity": with_value(columns, -math.inf, some),
        "zeros": with_value(columns, 0.0, some),
        "nothing but zeros": with_value(columns, 0.0, range(size)),
        "a constant": with_value(columns, 100.0, range(size)),
        "a huge number": with_value(columns, HUGE, some),
        "huge numbers": _each(columns, lambda x: x * HUGE / 1e4),
        "tiny numbers": _each(columns, lambda x: x * 1e-300),
        "negative numbers": _negative(columns),
    }


def _negative(columns: Columns) -> dict[str, list[float]]:
    """Below zero, as spreads and some futures are; what was above still is above."""
    found = _each(columns, lambda x: -x)
    for upper, lower in _ABOVE:
        if upper in found and lower in found:
            found[upper], found[lower] = found[lower], found[upper]
    return found


def _each(columns: Columns, change: Callable[[float], float]) -> dict[str, list[float]]:
    return {name: [change(x) for x in column] for name, column in columns.items()}
