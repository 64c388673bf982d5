"""Trend following as one function of numbers: what can be swept over years of minutes in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from onepath import Range, TargetStrategy, atr, ema
from onepath.features import Feature


class TrendTarget(TargetStrategy):
    """Long while the fast average is above the slow one, smaller the more the price moves; out when it falls below."""

    class Params(TargetStrategy.Params):
        fast: Annotated[int, Range(1, 500)] = 20
        slow: Annotated[int, Range(2, 1_000)] = 100
        risk: Annotated[float, Range(0.0001, 0.1)] = 0.01
        most: Annotated[float, Range(0, 1)] = 0.95

    def features(self) -> Mapping[str, Feature]:
        return {"quick": ema(self.params.fast), "calm": ema(self.params.slow), "reach": atr(14)}

    @staticmethod
    def target(quick: float, calm: float, reach: float, close: float, held: float, risk: float, most: float) -> float:
        if quick <= calm:
            return 0.0
        if held > 0.0:
            return math.nan  # as it is: no order a bar
        return min(most, risk * close / reach) if reach > 0.0 else math.nan
