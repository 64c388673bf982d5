"""QuickBacktest is the engine: any prices, gaps, costs, lots, limits and targets give the same trades and the same statistics.

Bounded: a few hundred short sessions. Where the quick run refuses (volume, equity gone), there is nothing to compare.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath import Instrument, Limits, Strategy, TargetStrategy
from onepath.backtest import plan
from onepath.feeds.columns import ColumnFeed
from onepath.research import QuickBacktest, verify

DAY, MINUTE = 86_400_000_000_000, 60_000_000_000
MONDAY = 1_704_067_200 * 1_000_000_000
TARGETS = st.sampled_from([math.nan, math.nan, 0.0, 0.5, 0.95, 1.0, 1.4, -0.3, -1.0, 0.513, 0.02])


class Leveraged(TargetStrategy):
    """A weight that follows the price, with twice the money."""

    limits = Limits(max_leverage=Decimal(2))
    band = 0.001

    class Params(TargetStrategy.Params):
        turn: float = 100.0
        size: float = 1.0

    @staticmethod
    def target(close: float, turn: float, size: float, held: float) -> float:
        if close > turn:
            return size if held <= 0.0 else math.nan
        return -size / 2.0 if close < turn * 0.97 else 0.0


@st.composite
def markets(draw: Any) -> dict[str, Any]:
    """Bars by field: cents, gaps between a close and the next open, bars without a change, holes in time."""
    count = draw(st.integers(2, 40))
    step = draw(st.sampled_from([MINUTE, 60 * MINUTE, DAY]))
    holes = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    moves = draw(st.lists(st.integers(-900, 1_000), min_size=count, max_size=count))
    gaps = draw(st.lists(st.sampled_from([0, 0, 3, -4, 150, -200]), min_size=count, max_size=count))
    close = np.maximum(100, 10_000 + np.cumsum(moves))
    opens = np.maximum(100, np.append(10_000, close[:-1]) + gaps)
    high = np.maximum(opens, close) + draw(st.sampled_from([0, 1, 40]))
    low = np.maximum(50, np.minimum(opens, close) - draw(st.sampled_from([0, 1, 40])))
    start = MONDAY + np.cumsum([0, *holes[1:]]) * step
    cents = {"open": opens, "high": high, "low": low, "close": close}
    fields = {name: (values / 100.0).tolist() for name, values in cents.items()}
    volume = [draw(st.sampled_from([0.0, 1e7]))] * count
    return {"start": start.tolist(), "at": (start + step).tolist(), **fields, "volume": volume}


COSTS = st.fixed_dictionaries(
    {
        "commission": st.sampled_from([0, "0.001", "0.0025"]),
        "slippage": st.sampled_from([0, "0.0005", "0.01"]),
        "cash": st.sampled_from([1_000, 5_003, 100_000]),
        "marks": st.sampled_from([None, "1h", "1d"]),
    }
)
TERMS = st.fixed_dictionaries(
    {
        "lot_size": st.sampled_from([1, "0.001", "0.00000001"]),
        "tick_size": st.sampled_from([0, "0.01"]),
        "multiplier": st.sampled_from([1, 5]),
        "min_notional": st.sampled_from([0, 200]),
        "calendar": st.sampled_from(["24/7", "24/5"]),
    }
)


def quick_over(
    data: dict[str, Any], terms: dict[str, Any], costs: dict[str, Any], strategy: type[Strategy] = Strategy
) -> QuickBacktest:
    feed = ColumnFeed({"X": data}, {"X": Instrument(symbol="X", **terms)}, interval_ns=data["at"][0] - data["start"][0])
    return QuickBacktest.of_plan(plan(strategy, feed, **costs), compiled=False)


@settings(max_examples=120)
@given(data=markets(), terms=TERMS, costs=COSTS, draw=st.data())
def test_given_weights_and_quantities_are_the_engines(
    data: dict[str, Any], terms: dict[str, Any], costs: dict[str, Any], draw: Any
) -> None:
    """Any weights or quantities over any bars: every statistic of the engine within 1e-9, as many trades."""
    quick, count = quick_over(data, terms, costs), len(data["open"])
    sized = draw.draw(st.sampled_from(["weight", "quantity"]))
    band = draw.draw(st.sampled_from([0, "0.02"]))
    table = np.array(draw.draw(st.lists(TARGETS, min_size=count, max_size=count))) * (1 if sized == "weight" else 20)
    runs = quick.weights(table, sized=sized, band=band)
    if not runs.refused:
        proof = verify(runs, 1)
        assert proof.equal, f"{proof!r}\n{proof[0].quick}\n{proof[0].engine}"


@settings(max_examples=50)
@given(
    data=markets(),
    terms=TERMS,
    costs=COSTS,
    turn=st.sampled_from([97.0, 100.0, 103.5]),
    size=st.sampled_from([0.5, 1.0, 1.9, 2.5]),
)
def test_a_strategy_with_borrowed_money_is_the_engines(
    data: dict[str, Any], terms: dict[str, Any], costs: dict[str, Any], turn: float, size: float
) -> None:
    """Leverage two, positions that turn, orders over the limit: every statistic of the engine within 1e-9."""
    quick = quick_over(data, terms, costs, Leveraged)
    runs = quick.sweep(Leveraged, [{"turn": turn, "size": size}])
    if not runs.refused:
        proof = verify(runs, 1)
        assert proof.equal, f"{proof!r}\n{proof[0].quick}\n{proof[0].engine}"
