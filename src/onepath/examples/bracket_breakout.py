"""Bracket breakout: buy what leaves its range upwards; a stop loss and a take profit come with the order."""

from __future__ import annotations

from typing import Annotated

from onepath import Context, Intent, Range, Strategy, atr


class BracketBreakout(Strategy):
    """A buy stop waits at the highest price of `channel` bars; once it fills, a stop loss and a take profit guard it.

    The two exits are at the venue from the start, cancel each other, and follow what the entry has filled: there is
    nothing to do here while the position is open. The size is such that the stop loss costs `risk` of equity.
    """

    listens = ("bars",)

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
        self._tops: dict[str, float] = {}

    def generate_orders(self, context: Context) -> list[Intent]:
        orders: list[Intent] = []
        for symbol in context.symbols:
            bars = context.historical_data[symbol]
            is_warm = len(bars) == self.params.channel and context.features[symbol].ready
            if is_warm and not context.portfolio.quantity(symbol):
                orders += self._entry(symbol, max(bar.high for bar in bars), context)
        return orders

    def _entry(self, symbol: str, top: float, context: Context) -> list[Intent]:
        """The order that waits at the top of the range, instead of one that waits at an old top."""
        waiting = [o for o in context.open_orders if o.symbol == symbol and o.order.parent_id is None]
        if waiting and self._tops.get(symbol) == top:
            return []
        # The exits are not cancelled: they end with an entry that never filled, and stay with one that has in the meantime.
        cancels = [cancel for order in waiting for cancel in context.cancel(order)]
        distance = context.features[symbol].range
        size = self._size(top, distance, context) if 0 < self.params.stop * distance < top else 0.0
        if size < context.instruments[symbol].lot_size:
            return list(cancels)
        self._tops[symbol] = top
        entry = context.buy(
            symbol,
            size,
            stop=top,
            stop_loss=top - self.params.stop * distance,
            take_profit=top + self.params.profit * distance,
            signal=context.signal(symbol, "breakout", ["above_channel"], top=top, range=distance),
        )
        return [*cancels, *entry]

    def _size(self, top: float, distance: float, context: Context) -> float:
        equity = float(context.portfolio.equity)
        fair_share = 0.9 * equity / len(context.symbols) / top
        size: float = min(self.params.risk * equity / (self.params.stop * distance), fair_share)
        return size
