"""Buy and hold: the yardstick of every other strategy."""

from __future__ import annotations

from onepath import Context, OrderIntent, Strategy


class BuyAndHold(Strategy):
    """Buy equal weights of all symbols at the start, and wait."""

    listens = ("bars",)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        orders: list[OrderIntent] = []
        for symbol in context.symbols:
            if context.price(symbol) is not None and symbol not in self._bought:
                orders += context.target(symbol, weight=self._weight)
                self._bought.add(symbol)
        return orders

    def on_start(self, context: Context) -> None:
        # A hair less than everything: prices move between the decision and the fill.
        self._weight = 0.99 / len(context.symbols)
        self._bought: set[str] = set()
