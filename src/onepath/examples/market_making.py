"""Market making on quotes: a bid and an offer around the middle, leaning against what is held."""

from __future__ import annotations

from typing import Annotated, Any

from onepath import Context, Intent, OrderState, OrderStatus, Quote, Range, Side, Strategy

PENDING = (OrderStatus.CANCEL_PENDING, OrderStatus.REPLACE_PENDING)


class MarketMaking(Strategy):
    """Keeps a bid and an offer `edge` ticks from the middle, both moved against what is held, so that it is worked off.

    Prices follow the market by replacing the orders at work; `post_only` keeps them from ever taking liquidity. Whether
    this earns the spread or loses to those who know more depends on the place in the queue and on the maker's fee: try
    several queue models before believing any of them.
    """

    class Params(Strategy.Params):
        size: Annotated[float, Range(1e-9)] = 0.01
        edge: Annotated[float, Range(0)] = 2.0
        """ticks from the middle"""
        skew: Annotated[float, Range(0)] = 1.0
        """ticks that both prices move down for each `size` held"""
        most: Annotated[float, Range(1)] = 5.0
        """largest position, in sizes"""
        patience: Annotated[int, Range(1)] = 20
        """quotes between two looks at the orders"""

    def on_start(self, context: Context) -> None:
        self._quotes: dict[str, Quote] = {}
        self._seen = 0

    def on_market_event(self, event: Any, context: Context) -> None:
        if isinstance(event, Quote):
            self._quotes[event.symbol] = event
            self._seen += 1

    def generate_orders(self, context: Context) -> list[Intent]:
        if self._seen < self.params.patience:
            return []
        self._seen = 0
        return [intent for quote in self._quotes.values() for intent in self._both_sides(quote, context)]

    def _both_sides(self, quote: Quote, context: Context) -> list[Intent]:
        symbol, params = quote.symbol, self.params
        tick = float(context.instruments[symbol].tick_size)
        held = float(context.portfolio.quantity(symbol)) / params.size
        fair = (quote.bid + quote.ask) / 2 - params.skew * held * tick
        bid, ask = min(fair - params.edge * tick, quote.bid), max(fair + params.edge * tick, quote.ask)
        working = {order.side: order for order in context.open_orders if order.symbol == symbol}
        return [
            *self._one_side(Side.BUY, symbol, bid, params.most - held, working, context),
            *self._one_side(Side.SHORT, symbol, ask, params.most + held, working, context),
        ]

    def _one_side(
        self, side: Side, symbol: str, price: float, room: float, working: dict[Side, OrderState], context: Context
    ) -> list[Intent]:
        """What it takes to have one order at `price` on a side, or none where its fill would make the position too large."""
        order = working.get(side)
        if order is None:
            send = context.buy if side is Side.BUY else context.short
            return list(send(symbol, self.params.size, limit=price, post_only=True)) if room >= 1 else []
        if order.status in PENDING:
            return []
        if room < 1:
            return list(context.cancel(order))
        is_off = abs(float(order.order.limit or 0) - price) >= float(context.instruments[symbol].tick_size)
        return list(context.replace(order, limit=price)) if is_off else []
