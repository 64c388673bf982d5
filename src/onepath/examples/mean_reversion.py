"""Mean reversion: buy what has fallen unusually far below its average, sell when it is back."""

from __future__ import annotations

from typing import Annotated

from onepath import Context, OrderIntent, Range, Strategy, sma, volatility


class MeanReversion(Strategy):
    """Buy when the price is `entry` standard deviations below its moving average; sell when it is back at it."""

    listens = ("bars",)

    class Params(Strategy.Params):
        window: Annotated[int, Range(5, 500)] = 20
        entry: Annotated[float, Range(0.1, 10)] = 2.0
        weight: Annotated[float, Range(0, 1)] = 0.1

    def on_start(self, context: Context) -> None:
        context.features.require(mean=sma(self.params.window), risk=volatility(self.params.window))

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        orders: list[OrderIntent] = []
        most = context.risk_limits.max_position_size
        weight = self.params.weight if most is None else min(self.params.weight, float(most))
        for symbol in context.symbols:
            f = context.features[symbol]
            price = context.price(symbol)
            if not f.ready or price is None:
                continue
            distance = float(price) / f.mean - 1
            if context.portfolio.quantity(symbol):
                if distance >= 0:
                    orders += context.close(symbol)
            elif f.risk and distance < -self.params.entry * f.risk:
                signal = context.signal(symbol, "oversold", ("below_band",), distance=distance, risk=f.risk)
                orders += context.target(symbol, weight=weight, signal=signal)
        return orders
