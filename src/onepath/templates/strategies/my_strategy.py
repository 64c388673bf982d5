"""Your first strategy: change it, run it, look at the report."""

from onepath import Context, OrderIntent, Strategy, sma


class MyStrategy(Strategy):
    """SMA crossover: each symbol gets an equal share while its fast average is above its slow one."""

    listens = ("bars",)  # in real time, quotes and trades arrive as well: they are for the fills

    class Params(Strategy.Params):
        fast: int = 20
        slow: int = 50

    def on_start(self, context: Context) -> None:
        context.features.require(fast=sma(self.params.fast), slow=sma(self.params.slow))

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        orders = []
        for symbol, f in context.features.items():
            if f.ready:
                orders += context.target(symbol, weight=0.9 / len(context.symbols) if f.fast > f.slow else 0)
        return orders
