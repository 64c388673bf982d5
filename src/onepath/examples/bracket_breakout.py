"""Bracket breakout: buy what leaves its range upwards, with a stop loss and a take profit that come with the order."""

from __future__ import annotations

from typing import Annotated

from onepath import Context, Intent, Range, Strategy, atr
from onepath.instruments import exact


class BracketBreakout(Strategy):
    """A buy stop rests at the highest price of `channel` bars; once it fills, a stop loss and a take profit work for it."""

    class Params(Strategy.Params):
        channel: Annotated[int, Range(2, 500)] = 20
        stop: Annotated[float, Range(0.1, 20)] = 2.0
        """distance of the stop loss in average true ranges"""
        profit: Annotated[float, Range(0.1, 50)] = 4.0
        """distance of the take profit in average true ranges"""
        risk: Annotated[float, Range(0.0001, 0.2)] = 0.01
        """share of equity that the stop loss may cost"""

    def on_start(self, context: Context) -> None:
        context.historical_data.require(bars=self.params.channel)
        context.features.require(range=atr(14))

    def generate_orders(self, context: Context) -> list[Intent]:
        orders: list[Intent] = []
        for symbol in context.symbols:
            bars = context.historical_data[symbol]
            if len(bars) < self.params.channel or not context.features[symbol].ready:
                continue
            if not context.portfolio.quantity(symbol):
                orders += self._entry(symbol, max(bar.high for bar in bars), context)
        return orders

    def _entry(self, symbol: str, top: float, context: Context) -> list[Intent]:
        """The order that waits above the range: a new one, or the one at work under the new range's terms."""
        working = [o for o in context.open_orders if o.symbol == symbol and o.order.parent_id is None]
        if working and float(working[0].order.stop or 0) == float(context.instruments[symbol].round_price(exact(top))):
            return []
        distance = context.features[symbol].range
        if not distance:
            return []
        equity = float(context.portfolio.equity)
        most = 0.9 * equity / len(context.symbols) / top
        size = min(self.params.risk * equity / (self.params.stop * distance), most)
        signal = context.signal(symbol, "breakout", ("above_channel",), top=top, range=distance)
        return [
            *context.cancel_all(symbol),
            *context.buy(
                symbol,
                size,
                stop=top,
                stop_loss=top - self.params.stop * distance,
                take_profit=top + self.params.profit * distance,
                signal=signal,
            ),
        ]
