"""Your first strategy: change it, run it, look at the report."""

from typing import Annotated

from onepath import Context, OrderIntent, Range, Strategy, sma


class MyStrategy(Strategy):
    """SMA crossover: each symbol gets an equal share while its fast average is above its slow one."""

    listens = ("bars",)  # in real time, trades arrive as well: they are for the fills

    class Params(Strategy.Params):
        fast: Annotated[int, Range(1, 500)] = 20
        slow: Annotated[int, Range(2, 500)] = 50

    def on_start(self, context: Context) -> None:
        context.features.require(fast=sma(self.params.fast), slow=sma(self.params.slow))

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        orders = []
        for symbol in context.symbols:
            f = context.features[symbol]
            if f.ready:
                orders += context.target(symbol, weight=0.9 / len(context.symbols) if f.fast > f.slow else 0)
        return orders
