"""RSI: Wilder's relative strength index, bought when oversold and sold when overbought."""

from __future__ import annotations

from typing import Annotated

from onepath import CancelIntent, Context, OrderIntent, Range, Strategy, rsi


class RsiReversion(Strategy):
    """Buy below `oversold`, sell above `overbought`, protect the position with a stop."""

    listens = ("bars",)

    class Params(Strategy.Params):
        window: Annotated[int, Range(2, 200)] = 14
        oversold: Annotated[float, Range(0, 50)] = 30.0
        overbought: Annotated[float, Range(50, 100)] = 70.0
        stop: Annotated[float, Range(0, 0.9)] = 0.1
        weight: Annotated[float, Range(0, 1)] = 0.95

    def on_start(self, context: Context) -> None:
        context.features.require(rsi=rsi(self.params.window))

    def generate_orders(self, context: Context) -> list[OrderIntent | CancelIntent]:
        orders: list[OrderIntent | CancelIntent] = []
        for symbol in context.symbols:
            f = context.features[symbol]
            held = context.portfolio.quantity(symbol)
            working = any(order.symbol == symbol for order in context.open_orders)
            if not f.ready:
                continue
            if held and f.rsi > self.params.overbought:
                orders += [*context.cancel_all(symbol), *context.close(symbol)]
            elif held and not working:
                orders += context.sell(symbol, held, stop=float(context.price(symbol) or 0) * (1 - self.params.stop))
            elif not held and not working and f.rsi < self.params.oversold:
                orders += context.target(symbol, weight=self.params.weight / len(context.symbols))
        return orders
