"""60/40: a share of the money in one asset, the rest in another, set right again once a month."""

from __future__ import annotations

from typing import Annotated

from onepath import Context, OrderIntent, Range, Strategy, StrategyError


class SixtyForty(Strategy):
    """Hold 60 % of equity in the first symbol and 40 % in the second; rebalance on the first bar of each month."""

    listens = ("bars",)

    class Params(Strategy.Params):
        weight: Annotated[float, Range(0, 1)] = 0.6

    def on_start(self, context: Context) -> None:
        if len(context.symbols) != 2:
            raise StrategyError(f"SixtyForty holds two symbols; this session has {len(context.symbols)}: name two")
        self._month = (0, 0)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        first, second = context.symbols
        now = context.current_time
        if self._month == (now.year, now.month) or context.price(first) is None or context.price(second) is None:
            return []
        self._month = (now.year, now.month)
        weight = self.params.weight
        orders = context.target(first, weight=weight, band=0) + context.target(second, weight=1 - weight, band=0)
        # Sales first: what they bring in pays for the purchases.
        return sorted(orders, key=lambda order: order.side.sign)
