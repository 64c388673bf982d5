"""SMA crossover: the hello world of trading."""

from __future__ import annotations

from typing import Annotated

from onepath import Context, OrderIntent, Range, Strategy, sma


class SmaCross(Strategy):
    """Be in the market while the fast moving average is above the slow one."""

    listens = ("bars",)

    class Params(Strategy.Params):
        fast: Annotated[int, Range(1, 500)] = 20
        slow: Annotated[int, Range(2, 1_000)] = 50
        weight: Annotated[float, Range(0, 1)] = 0.95

    def on_start(self, context: Context) -> None:
        context.features.require(fast=sma(self.params.fast), slow=sma(self.params.slow))

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        orders: list[OrderIntent] = []
        share = self.params.weight / len(context.symbols)
        for symbol in context.symbols:
            f = context.features[symbol]
            if f.ready:
                orders += context.target(symbol, weight=share if f.fast > f.slow else 0)
        # Sales first: what they bring in pays for the purchases.
        return sorted(orders, key=lambda order: order.side.sign)
