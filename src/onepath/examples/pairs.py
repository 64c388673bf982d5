"""Pairs: two that move together; when one runs ahead, short it and own the other until they meet again."""

from __future__ import annotations

import math
from collections import deque
from statistics import fmean, pstdev
from typing import Annotated

from onepath import Context, OrderIntent, Range, Strategy, StrategyError


class Pairs(Strategy):
    """Trades the z-score of the log price ratio of the first two symbols: in at `entry`, out at `exit`."""

    class Params(Strategy.Params):
        window: Annotated[int, Range(5, 2_000)] = 60
        entry: Annotated[float, Range(0.1, 10)] = 2.0
        exit: Annotated[float, Range(0, 5)] = 0.5
        weight: Annotated[float, Range(0.01, 1)] = 0.45
        """share of equity in each leg"""

    def on_start(self, context: Context) -> None:
        if len(context.symbols) < 2:
            raise StrategyError(f"pairs needs two symbols; it was given {', '.join(context.symbols)}")
        self._ratios: deque[float] = deque(maxlen=self.params.window)
        self._side = 0

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        first, second = context.symbols[:2]
        one, other = context.price(first), context.price(second)
        if one is None or other is None:
            return []
        self._ratios.append(math.log(float(one) / float(other)))
        if len(self._ratios) < self.params.window:
            return []
        spread = pstdev(self._ratios)
        score = (self._ratios[-1] - fmean(self._ratios)) / spread if spread else 0.0
        if self._side and score * self._side > -self.params.exit:
            self._side = 0
            return context.close(first) + context.close(second)
        if self._side or abs(score) < self.params.entry:
            return []
        self._side = -1 if score > 0 else 1
        signal = context.signal(first, "spread", ("wide",), score=score, ratio=self._ratios[-1])
        weight = self.params.weight * self._side
        return context.target(first, weight=weight, signal=signal) + context.target(
            second, weight=-weight, signal=signal
        )
