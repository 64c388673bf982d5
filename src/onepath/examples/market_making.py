"""Market making on quotes: a bid and an offer around the middle, leaning against what is held."""

from __future__ import annotations

from typing import Annotated, Any

from onepath import Context, Intent, Quote, Range, Strategy


class MarketMaking(Strategy):
    """Keeps one bid and one offer `edge` ticks from the middle, moved by `skew` ticks for each `size` held; orders are
    replaced when the price they should have is another, and never take liquidity."""

    class Params(Strategy.Params):
        size: Annotated[float, Range(1e-9)] = 0.01
        edge: Annotated[float, Range(0)] = 2.0
        """ticks from the middle"""
        skew: Annotated[float, Range(0)] = 1.0
        """ticks that both prices move down for each `size` held"""
        most: Annotated[float, Range(1)] = 5.0
        """largest position, in sizes"""
        patience: Annotated[int, Range(1)] = 20
        """quotes between two looks"""

    def on_start(self, context: Context) -> None:
        self._seen = 0
        self._quote: Quote | None = None

    def on_market_event(self, event: Any, context: Context) -> None:
        if isinstance(event, Quote):
            self._quote = event
            self._seen += 1

    def generate_orders(self, context: Context) -> list[Intent]:
        quote = self._quote
        if quote is None or self._seen % self.params.patience:
            return []
        symbol, tick = quote.symbol, float(context.instruments[quote.symbol].tick_size) or 0.01
        held = float(context.portfolio.quantity(symbol)) / self.params.size
        fair = quote.mark - self.params.skew * held * tick
        working = {order.side.sign: order for order in context.open_orders if order.symbol == symbol}
        orders: list[Intent] = []
        for sign, room in ((1, self.params.most - held), (-1, self.params.most + held)):
            price = fair - sign * self.params.edge * tick
            best = quote.bid if sign > 0 else quote.ask
            price = min(price, best) if sign > 0 else max(price, best)
            at_work = working.get(sign)
            if room < 1:
                orders += context.cancel(at_work) if at_work is not None else ()
            elif at_work is None:
                place = context.buy if sign > 0 else context.short
                orders += place(symbol, self.params.size, limit=price, post_only=True)
            elif abs(float(at_work.order.limit or 0) - price) >= tick:
                orders += context.replace(at_work, limit=price)
        return orders
