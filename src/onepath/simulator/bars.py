"""At what price a bar lets an order trade: the fill rules for bar data, one function.

Rules, by the time within the bar (`phase`): AT_OPEN comes before TRIGGERED (a stop hit inside the bar), which comes before
RESTED (a limit hit inside the bar), so of two exits in one bar the worse is taken. Market orders trade at the open; a
limit at the open if that is better, else at the limit if the bar trades through it (or touches it, if so configured); a
stop at the open if the bar gaps over it, else at the stop. A stop-limit that is triggered inside the bar trades in it only
if the stop itself is inside the limit: what came after the trigger is not known.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

from onepath.instruments import exact
from onepath.market import Bar
from onepath.orders import Order, OrderType


class Phase(IntEnum):
    """When in the bar; also the order in which fills of one bar are made."""

    AT_OPEN = 0
    TRIGGERED = 1
    RESTED = 2


TAKES_LIQUIDITY = True
_MARKET, _STOP, _AT_OPEN = OrderType.MARKET, OrderType.STOP, Phase.AT_OPEN
Offer = tuple[Phase, Decimal, bool]
"""phase, price before slippage, whether the order takes liquidity (and so is slipped)"""


def offer(order: Order, triggered: bool, bar: Bar, touch: bool) -> Offer | None:
    """What the bar offers the order; None where it does not trade. `triggered` tells that its stop was hit before."""
    kind = order.type
    if kind is _MARKET or (kind is _STOP and triggered):
        return _AT_OPEN, exact(bar.open), TAKES_LIQUIDITY
    if kind is OrderType.LIMIT or (kind is OrderType.STOP_LIMIT and triggered):
        return _limit(order, bar, touch)
    phase = stop_phase(order, bar)
    if phase is None:
        return None
    if kind is OrderType.STOP:
        return phase, exact(bar.open) if phase is Phase.AT_OPEN else _price(order.stop), TAKES_LIQUIDITY
    return _stop_limit(order, phase, bar, touch)


def stop_phase(order: Order, bar: Bar) -> Phase | None:
    """When the bar reaches the order's stop: at its open, inside, or not at all."""
    stop = float(_price(order.stop))
    if order.side.sign > 0:
        return Phase.AT_OPEN if bar.open >= stop else Phase.TRIGGERED if bar.high >= stop else None
    return Phase.AT_OPEN if bar.open <= stop else Phase.TRIGGERED if bar.low <= stop else None


def _limit(order: Order, bar: Bar, touch: bool) -> Offer | None:
    limit = _price(order.limit)
    level = float(limit)
    if order.side.sign > 0:
        better, through, at = bar.open <= level, bar.low < level, bar.low == level
    else:
        better, through, at = bar.open >= level, bar.high > level, bar.high == level
    if better:
        return Phase.AT_OPEN, exact(bar.open), not TAKES_LIQUIDITY
    return (Phase.RESTED, limit, not TAKES_LIQUIDITY) if through or (touch and at) else None


def _stop_limit(order: Order, phase: Phase, bar: Bar, touch: bool) -> Offer | None:
    if phase is Phase.AT_OPEN:
        return _limit(order, bar, touch)
    stop, limit = _price(order.stop), _price(order.limit)
    inside = limit >= stop if order.side.sign > 0 else limit <= stop
    return (Phase.TRIGGERED, stop, not TAKES_LIQUIDITY) if inside else None


def _price(price: Decimal | None) -> Decimal:
    if price is None:
        raise AssertionError("the order's type has this price; OrderIntent checked it")
    return price
