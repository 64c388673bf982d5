"""At what price a bar lets an order trade: the fill rules for bar data.

An order takes part from the first bar that starts at or after its arrival. What an order meets in a bar, by the time within
it (`Phase`): AT_OPEN comes before TRIGGERED (a stop hit inside the bar), which comes before RESTED (a limit hit inside the
bar), which comes before AT_CLOSE; so of two exits in one bar the worse is taken.

- market: the open, slipped.
- limit: the open if that is no worse than the limit, else the limit if the bar trades through it (or touches it, if so
  configured). Never slipped. In its first bar an order that trades at the open takes liquidity; all else makes it.
- stop: the open if it is at or beyond the stop, else the stop if the bar reaches it; slipped. A stop that was hit, and not
  wholly filled for want of volume, goes on as a market order.
- stop-limit: a stop at the open works as a limit in that bar; one hit inside it trades in it, at the stop, only if the stop
  itself is inside the limit, for what came after the trigger is not known. It goes on as a limit order.
- trailing stop: a stop at the best price known before the trigger less (for buys: plus) its distance: first the best of the
  highs (buys: lows) of the bars it took part in that have ended, and if this bar's open does not hit that, the best of those
  and this bar's open. The bar's own high is not known before its low. On the tick grid, rounded away from the market.
- IOC: what the first bar's open gives (to a stop: the bar that hits it, when it hits it); the rest is cancelled. FOK:
  all of it there, or it is cancelled.
- post-only: rejected if the last close at its arrival, or then the open of its first bar, is at or beyond its limit; maker
  afterwards.
- AT_OPEN: the open of the first bar that starts at or after the opening of a session, if it arrived by that opening; a limit
  if that open is no worse; else it expires. One that comes too late waits for the next session's.
- AT_CLOSE: the close of the bar that ends at its session's close (a bar of a whole session is that); its session is that of
  its first bar, so it must have arrived before the last bar starts. A limit if that close is no worse; else it expires.
- something that ends the order (cancel, replace, GTD) inside a bar: the order has the bar's open and nothing after it.
- a child whose parent filled at the open takes part in that bar in full. One whose parent filled inside the bar: a stop that
  the bar's range reaches counts as hit after it (worst first), at the stop or, where the parent's price is worse, at that;
  a limit further along the way that the price came (the target of a stop entry) was met after it, too, by the rule for limits;
  any other limit and a market child wait for the next bar. One whose parent filled at the close has nothing of that bar.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

from onepath.calendars import Calendar
from onepath.instruments import Instrument, exact
from onepath.market import Bar
from onepath.orders import Order, OrderType, TimeInForce
from onepath.simulator.resting import Resting
from onepath.simulator.trailing import trailed


class Phase(IntEnum):
    """When in the bar; also the order in which fills of one bar are made."""

    AT_OPEN = 0
    TRIGGERED = 1
    RESTED = 2
    AT_CLOSE = 3


class Offer(NamedTuple):
    """What the market offers an order."""

    phase: Phase
    price: Decimal
    """before slippage"""
    slipped: bool
    maker: bool = False


_MARKET, _LIMIT, _TRAILING = OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP
_NOT_RESTING = frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE})
_AT_OPEN, _TRIGGERED, _RESTED = Phase.AT_OPEN, Phase.TRIGGERED, Phase.RESTED


def offer(resting: Resting, bar: Bar, touch: bool, instrument: Instrument) -> Offer | None:
    """What the bar offers the order; None where it does not trade. Notes that a stop was hit."""
    order = resting.order
    if order.type is _MARKET or resting.takes_all:
        return Offer(_AT_OPEN, exact(bar.open), True)
    if resting.is_limit:
        return _limit(resting, bar, touch)
    hit = stop_hit(resting, bar, instrument)
    if hit is None:
        return None
    resting.triggered = True
    phase, stop = hit
    if order.limit is None:
        return Offer(phase, exact(bar.open) if phase is _AT_OPEN else stop, True)
    if phase is _AT_OPEN:
        found = _limit(resting, bar, touch)
        return found._replace(maker=False) if found is not None and found.phase is _AT_OPEN else found
    inside = (order.limit - stop) * order.side.sign >= 0
    return Offer(_TRIGGERED, stop, False) if inside else None


def stop_hit(resting: Resting, bar: Bar, instrument: Instrument) -> tuple[Phase, Decimal] | None:
    """When the bar reaches the order's stop (at its open, inside, or not at all) and where the stop is then."""
    order = resting.order
    rising = order.side.sign > 0
    if order.type is not _TRAILING:
        stop = _price(order.stop)
        at_open, inside = _reached(float(stop), rising, bar)
        return (_AT_OPEN, stop) if at_open else (_TRIGGERED, stop) if inside else None
    if resting.peak is not None:
        stop = trailed(order, resting.peak, instrument)
        if _reached(float(stop), rising, bar)[0]:
            return _AT_OPEN, stop
    peak = bar.open if resting.peak is None else min(resting.peak, bar.open) if rising else max(resting.peak, bar.open)
    stop = trailed(order, peak, instrument)
    return (_TRIGGERED, stop) if _reached(float(stop), rising, bar)[1] else None


def follow(resting: Resting, bar: Bar) -> None:
    """Let the best price include the bar, which has ended."""
    if resting.order.side.sign > 0:
        resting.peak = bar.low if resting.peak is None else min(resting.peak, bar.low)
    else:
        resting.peak = bar.high if resting.peak is None else max(resting.peak, bar.high)


def offer_after(
    resting: Resting, entry: Decimal, came: int, bar: Bar, touch: bool, instrument: Instrument
) -> Offer | None:
    """What the rest of the bar offers a child whose parent filled inside it at `entry`; the price came up there (1) or down."""
    order = resting.order
    if order.type is _MARKET:
        return None
    if order.type is _LIMIT:
        further = came != order.side.sign and (_price(order.limit) - entry) * came > 0
        return _limit_inside(order, bar, touch) if further and order.time_in_force not in _NOT_RESTING else None
    rising = order.side.sign > 0
    stop = trailed(order, float(entry), instrument) if order.type is _TRAILING else _price(order.stop)
    if not (bar.high >= float(stop) if rising else bar.low <= float(stop)):
        return None
    resting.triggered = True
    price = max(stop, entry) if rising else min(stop, entry)
    if order.limit is None:
        return Offer(_TRIGGERED, price, True)
    return Offer(_TRIGGERED, price, False) if (order.limit - price) * order.side.sign >= 0 else None


def at_opening(resting: Resting, bar: Bar, calendar: Calendar) -> bool:
    """Whether the bar is the first after an opening that the order arrived by."""
    opens, _ = calendar.session_bounds(calendar.session_date(bar.start))
    return resting.arrives_at <= opens <= bar.start


def at_closing(bar: Bar, calendar: Calendar) -> bool:
    """Whether the bar ends with its session, or is a whole one."""
    opens, closes = calendar.session_bounds(calendar.session_date(bar.start))
    return bar.at == closes or (bar.start <= opens and bar.at >= closes)


def auction(resting: Resting, price: float, phase: Phase) -> Offer | None:
    """What an auction at `price` offers."""
    order, made = resting.order, exact(price)
    if order.limit is None:
        return Offer(phase, made, True)
    return Offer(phase, made, False) if (order.limit - made) * order.side.sign >= 0 else None


def would_take(order: Order, price: float) -> bool:
    """Whether a limit order is at or through a price that the market has now."""
    return (_price(order.limit) - exact(price)) * order.side.sign >= 0


def _reached(stop: float, rising: bool, bar: Bar) -> tuple[bool, bool]:
    return (bar.open >= stop, bar.high >= stop) if rising else (bar.open <= stop, bar.low <= stop)


def _limit(resting: Resting, bar: Bar, touch: bool) -> Offer | None:
    order = resting.order
    limit = _price(order.limit)
    level = float(limit)
    if order.side.sign > 0:
        better, through, at = bar.open <= level, bar.low < level, bar.low == level
    else:
        better, through, at = bar.open >= level, bar.high > level, bar.high == level
    if better:
        return Offer(_AT_OPEN, exact(bar.open), False, not resting.fresh)
    return Offer(_RESTED, limit, False, True) if through or (touch and at) else None


def _limit_inside(order: Order, bar: Bar, touch: bool) -> Offer | None:
    """A limit that rests while the bar comes to it."""
    limit = _price(order.limit)
    beyond = (bar.high - float(limit)) if order.side.sign < 0 else (float(limit) - bar.low)
    return Offer(_RESTED, limit, False, True) if beyond > 0 or (touch and not beyond) else None


def _price(price: Decimal | None) -> Decimal:
    if price is None:
        raise AssertionError("the order's type has this price; OrderIntent checked it")
    return price
