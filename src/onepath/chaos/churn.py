"""A strategy that does everything often: for the fault harness, not for money."""

from __future__ import annotations

from typing import Annotated, Any
from zlib import crc32

from onepath.context import Context
from onepath.events import DataStatus, Timer
from onepath.market import Trade
from onepath.orders import OrderState, OrderStatus
from onepath.strategy import Range, Strategy

_PENDING = (OrderStatus.CANCEL_PENDING, OrderStatus.REPLACE_PENDING)
HEARD = "heard"
"""in `context.metadata`: the check of all that it heard, in order"""


class Churn(Strategy):
    """Market and limit orders, brackets, trailing stops, replaces, cancels, timers, signals, and closing out, by what it hears;
    its memory lives in `context.metadata`. It sends nothing while data are stale."""

    class Params(Strategy.Params):
        every: Annotated[int, Range(1)] = 5
        """events between two decisions"""
        size: Annotated[float, Range(0)] = 0.05
        offset: Annotated[int, Range(0)] = 0
        """makes one differ from the next"""
        raises_after: Annotated[int, Range(0)] = 0
        """events after which it raises; 0: never"""

    def on_start(self, context: Context) -> None:
        context.metadata.update(
            {HEARD: 0, "events": 0, "stale": 0, "rung": 0, "updates": 0, "next": 0, "turn": self.params.offset}
        )

    def on_market_event(self, event: Any, context: Context) -> None:
        memory = context.metadata
        memory[HEARD] = crc32(b"%d %d" % (event.id, event.venue_at), memory[HEARD])
        memory["events"] += 1
        memory["last"] = (event.symbol, event.price if type(event) is Trade else event.close)
        if memory["events"] == self.params.raises_after:
            raise RuntimeError("as it was told to")

    def on_data_status(self, status: DataStatus, context: Context) -> None:
        context.metadata["stale"] += status.state == "stale"

    def on_timer(self, timer: Timer, context: Context) -> None:
        context.metadata["rung"] += 1

    def on_order_update(self, order: OrderState, context: Context) -> None:
        context.metadata["updates"] += 1

    def generate_orders(self, context: Context) -> list[Any]:
        memory = context.metadata
        symbol, price = memory.get("last", (None, 0.0))
        if symbol is None or memory["events"] < memory["next"] or context.is_stale(symbol):
            return []
        memory["next"] = memory["events"] + self.params.every
        memory["turn"] = turn = memory["turn"] + 1
        tick = float(context.instruments[symbol].tick_size)
        working = [order for order in context.open_orders if order.symbol == symbol and order.status not in _PENDING]
        if len(working) > 6:
            return list(context.cancel_all(symbol))
        held = context.portfolio.quantity(symbol)
        return list(self._turn(turn % 9, symbol, price, tick, working, held, context))

    def _turn(  # noqa: PLR0911 - a table of nine
        self, turn: int, symbol: str, price: float, tick: float, working: list[OrderState], held: Any, context: Context
    ) -> list[Any]:
        size = self.params.size
        below, above = price - 3 * tick, price + 3 * tick
        match turn:
            case 0:
                signal = context.signal(symbol, "churn", ["turn"], price=price)
                return context.buy(symbol, size, stop_loss=price * 0.998, take_profit=price * 1.002, signal=signal)
            case 1:
                return context.buy(symbol, size, limit=below)
            case 2:
                context.set_timer("again", context.now + 700_000_000)
                return context.short(symbol, size, limit=above, post_only=True) if not held else []
            case 3 if working:
                order = working[-1]
                return context.replace(order, limit=below - tick) if order.order.limit is not None else []
            case 4 if working:
                return context.cancel(working[0])
            case 5 if held > 0:
                return context.sell(symbol, abs(held), trail_percent=0.3)
            case 6:
                return context.oco(
                    context.buy(symbol, size, stop=above + tick), context.buy(symbol, size, limit=below - 5 * tick)
                )
            case 7 if held:
                return [*context.cancel_all(symbol), *context.close(symbol)]
            case 8:
                return context.buy(symbol, size, limit=above, time_in_force="ioc")
        return []


def heard(events: list[Any], start: int = 0) -> int:
    """The check that `Churn` keeps, of these events."""
    for event in events:
        start = crc32(b"%d %d" % (event.id, event.venue_at), start)
    return start
