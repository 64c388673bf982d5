"""At what price a public trade lets an order trade: the fill rules where trades are all there is.

An order meets every trade after its arrival; all orders together get at most `participation` of a trade's size.

- market: the next trade's price, slipped; the rest goes on with the trades after it.
- limit: the first trade after its arrival, if its price is no worse than the limit, at that price as taker; afterwards, when a
  trade prints through the limit (or at it, if `touch` is configured), at the limit as maker. Not slipped.
- stops are hit by a trade at or beyond them and work from the next trade on, as market or limit orders. Trailing stops follow
  the trades from the first after their arrival.
- IOC and FOK: the first trade after arrival (stops: after the hit), the rest or all of it is cancelled.
- post-only: rejected at arrival if the last price is at or beyond the limit; maker afterwards, from the first trade on.
- AT_OPEN: the first trade at or after the opening of a session that it arrived by; AT_CLOSE: the last price when its session
  closes, the whole quantity. Limits if that is no worse; the rest expires.

Where a symbol has quotes or a book, its trades do not fill orders by these rules: they move queues, and one beyond the limit of
an order at rest, against its side, fills that at its limit as maker, all own orders together up to the trade's size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onepath.instruments import ZERO, Instrument, exact
from onepath.market import Trade
from onepath.orders import OrderType
from onepath.simulator.quotes import Met, is_hit

if TYPE_CHECKING:
    from onepath.simulator.resting import Resting

_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


def meet(resting: Resting, trade: Trade, touch: bool, instrument: Instrument) -> Met | None:
    """What the trade offers the order; None where it does not trade. Notes that a stop was hit."""
    order = resting.order
    if order.type in _STOPS and not resting.triggered:
        if is_hit(resting, trade.price, instrument):
            resting.triggered = resting.fresh = True
        return None
    fresh, resting.fresh = resting.fresh and not order.post_only, False
    if resting.takes_all:
        return Met(exact(trade.price), slipped=True, maker=False)
    level = order.limit or ZERO  # what does not take all has one
    limit = float(level)
    inside = limit - trade.price if order.side.sign > 0 else trade.price - limit
    if fresh and inside >= 0:
        return Met(exact(trade.price), slipped=False, maker=False)
    return Met(level, slipped=False, maker=True) if inside > 0 or (touch and not inside) else None
