"""Cross-sectional momentum: own the strongest of a universe, change once a month."""

from __future__ import annotations

from typing import Annotated

from onepath import Context, OrderIntent, Range, Strategy, returns


class Momentum(Strategy):
    """Each month hold equal weights of the `top` symbols by return over `window` bars."""

    listens = ("bars",)

    class Params(Strategy.Params):
        window: Annotated[int, Range(1, 1_000)] = 126
        top: Annotated[int, Range(1, 500)] = 3

    def on_start(self, context: Context) -> None:
        context.features.require(momentum=returns(self.params.window))
        self._month = (0, 0)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        now = context.current_time
        if self._month == (now.year, now.month):
            return []
        ranked = [s for s in context.universe if context.features[s].ready]
        if not ranked:
            return []
        self._month = (now.year, now.month)
        # Of equal returns the first in the session's order wins, so that every run chooses the same.
        ranked.sort(key=lambda symbol: -context.features[symbol].momentum)
        chosen = ranked[: self.params.top]
        orders: list[OrderIntent] = []
        for symbol in context.symbols:
            if symbol not in chosen:
                orders += context.close(symbol)
        for symbol in chosen:
            orders += context.target(symbol, weight=0.98 / self.params.top, band=0)
        # Sales first: what they bring in pays for the purchases.
        return sorted(orders, key=lambda order: order.side.sign)
