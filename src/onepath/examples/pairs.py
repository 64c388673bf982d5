"""Pairs: two prices that move together; when one runs ahead, short it and own the other until they meet again."""

from __future__ import annotations

import math
from collections import deque
from statistics import fmean, pstdev
from typing import Annotated

from onepath import Context, OrderIntent, Range, Signal, Strategy, StrategyError


class Pairs(Strategy):
    """Trades the log price ratio of the first two symbols: in `entry` deviations from its mean, out within `exit`.

    Both legs are sent at one instant, for equal money, so that a market that moves both moves neither side of the books.
    """

    listens = ("bars",)

    class Params(Strategy.Params):
        window: Annotated[int, Range(5, 2_000)] = 60
        entry: Annotated[float, Range(0.1, 10)] = 2.0
        exit: Annotated[float, Range(0, 5)] = 0.5
        weight: Annotated[float, Range(0.01, 1)] = 0.45
        """share of equity in each leg"""

        def __post_init__(self) -> None:
            if self.exit >= self.entry:
                raise ValueError("exit must be below entry")

    def on_start(self, context: Context) -> None:
        if len(context.symbols) < 2:
            raise StrategyError(f"pairs needs two symbols; this session has {len(context.symbols)}")
        self._ratios: deque[float] = deque(maxlen=self.params.window)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        first, second = context.symbols[:2]
        prices = context.price(first), context.price(second)
        if prices[0] is None or prices[1] is None:
            return []
        self._ratios.append(math.log(prices[0] / prices[1]))
        deviation = pstdev(self._ratios)
        if len(self._ratios) < self.params.window or not deviation:
            return []
        score = (self._ratios[-1] - fmean(self._ratios)) / deviation
        held = context.portfolio.quantity(first) or -context.portfolio.quantity(second)
        if held:
            is_back = score * (1 if held > 0 else -1) > -self.params.exit
            return context.close(first) + context.close(second) if is_back else []
        if abs(score) < self.params.entry or context.open_orders:
            return []
        signal = context.signal(first, "spread", ["wide"], score=score, ratio=self._ratios[-1])
        return self._enter(first, second, -self.params.weight if score > 0 else self.params.weight, signal, context)

    def _enter(self, first: str, second: str, weight: float, signal: Signal, context: Context) -> list[OrderIntent]:
        return context.target(first, weight=weight, signal=signal) + context.target(
            second, weight=-weight, signal=signal
        )
