"""A strategy whose orders bring their own exits: change it, run it, ask `onepath explain` why it traded."""

from typing import Annotated

from onepath import Context, Intent, Range, Strategy, atr, ema


class MyBracket(Strategy):
    """Buys above a rising average; a stop loss and a take profit, in average true ranges, come with each order."""

    listens = ("bars",)  # in real time, trades arrive as well: they are for the fills

    class Params(Strategy.Params):
        trend: Annotated[int, Range(2, 500)] = 50
        stop: Annotated[float, Range(0.1, 20)] = 2.0
        profit: Annotated[float, Range(0.1, 50)] = 4.0

    def on_start(self, context: Context) -> None:
        context.features.require(trend=ema(self.params.trend), range=atr(14))

    def generate_orders(self, context: Context) -> list[Intent]:
        orders: list[Intent] = []
        for symbol in context.symbols:
            f, price = context.features[symbol], float(context.price(symbol) or 0)
            is_busy = context.portfolio.quantity(symbol) or any(o.symbol == symbol for o in context.open_orders)
            if is_busy or not f.ready or price <= f.trend:
                continue
            orders += context.buy(
                symbol,
                notional=0.9 * float(context.portfolio.equity) / len(context.symbols),
                stop_loss=price - self.params.stop * f.range,
                take_profit=price + self.params.profit * f.range,
                signal=context.signal(symbol, "trend", ["above_average"], price=price, average=f.trend),
            )
        return orders
