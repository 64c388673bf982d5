"""Where a trailing stop is.

Rules: it keeps its distance (`trail` in money, `trail_percent` of the price) from the best price so far, the highest for sales
and the lowest for buys; on the tick grid, rounded away from the market, so that it is never nearer than asked.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from onepath.instruments import ZERO, Instrument, exact
from onepath.orders import Order

_HUNDRED = Decimal(100)


def trailed(order: Order, best: float, instrument: Instrument) -> Decimal:
    """The stop price when `best` is the best price so far."""
    price, sign = exact(best), order.side.sign
    distance = order.trail if order.trail is not None else price * (order.trail_percent or ZERO) / _HUNDRED
    return instrument.round_price(price + sign * distance, ROUND_CEILING if sign > 0 else ROUND_FLOOR)
