"""What a corporate action does at the venue: to orders that rest, and to its own books.

Rules for orders of the symbol (FINRA 5330 and Nasdaq 4761, which brokers and exchanges follow for open orders):
- cash dividend: the prices of open (GTC, GTD) buy limits and sell stops are reduced by it, because the market falls by it
  and nobody's mind has changed; sell limits and buy stops stay. Reductions below a cent are left out. `DO_NOT_REDUCE` keeps all.
- split, stock dividend: what remains x ratio, in whole lots rounded down; prices / ratio. What has been filled stays what it
  was, so that an order's fills still add up.
- reverse split: as a split. (Exchanges cancel open orders then: `cancel_reverse`.)
- spin-off: cancelled, because nobody knows yet by how much the market will fall. Merger, symbol change, delisting: cancelled.
Restated prices are on the tick grid, limits never worse than asked: buy limits and sell stops round down, the others up.
Rules for the books: see `settle`; it shares no code with the core's `adjustments`, so that a difference is found.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from onepath.actions import (
    CashDividend,
    CorporateAction,
    Delisting,
    Merger,
    SpinOff,
    Split,
    StockDividend,
    SymbolChange,
    ratio_of,
)
from onepath.instruments import ONE, ZERO, Instrument
from onepath.orders import Order, TimeInForce

_TWELFTH = Decimal("1e-12")
_CENT = Decimal("0.01")
_OPEN = frozenset({TimeInForce.GTC, TimeInForce.GTD})


class OrderRules(NamedTuple):
    """How the venue treats open orders; the defaults reduce by dividends and restate at every split."""

    reduce: bool = True
    cancel_reverse: bool = False


REDUCE = OrderRules()
DO_NOT_REDUCE = OrderRules(reduce=False)


class Restated(NamedTuple):
    """The new terms of a resting order; `quantity` counts what has been filled. A trailing stop's best price so far moves
    with `level`."""

    quantity: Decimal
    remaining: Decimal
    limit: Decimal | None
    stop: Decimal | None
    trail: Decimal | None
    trail_percent: Decimal | None
    reason: str
    ratio: Decimal = ONE
    less: Decimal = ZERO

    def level(self, price: Decimal) -> Decimal:
        """A price of before the action, as one of after it."""
        return price / self.ratio - self.less


class Ended(NamedTuple):
    """The order is cancelled, and why."""

    reason: str


def restated(
    order: Order, remaining: Decimal, action: CorporateAction, instrument: Instrument, rules: OrderRules = REDUCE
) -> Restated | Ended | None:
    """What becomes of an order at work in the action's symbol; None where it stays as it is. `order` has its present terms."""
    if isinstance(action, Split | StockDividend):
        return _split(order, remaining, action, instrument, rules)
    if isinstance(action, CashDividend):
        return _reduced(order, remaining, action, instrument) if rules.reduce else None
    return Ended(_ending(action))


def _ending(action: SpinOff | Merger | SymbolChange | Delisting) -> str:
    symbol = action.symbol
    if isinstance(action, SpinOff):
        return f"{symbol} spins off {action.into}: the order's price is of before it; send it again"
    if isinstance(action, Merger):
        return f"{symbol} has ended in a merger" + (f" with {action.into}" if action.into else "")
    if isinstance(action, SymbolChange):
        return f"{symbol} is {action.into} now; send the order again under that name"
    return f"{symbol} is no longer listed"


def _split(
    order: Order, remaining: Decimal, action: Split | StockDividend, instrument: Instrument, rules: OrderRules
) -> Restated | Ended:
    ratio = ratio_of(action) or ONE
    reason = f"{'reverse split' if ratio < ONE else 'split'} {ratio.normalize():f} for one"
    if ratio < ONE and rules.cancel_reverse:
        return Ended(f"{reason}: open orders are cancelled")
    left = instrument.round_quantity(remaining * ratio)
    if not left:
        return Ended(f"{reason}: what is left is less than a lot")
    down, up = _roundings(order)
    return Restated(
        quantity=order.quantity - remaining + left,
        remaining=left,
        limit=None if order.limit is None else _on_grid(order.limit / ratio, instrument, down),
        stop=None if order.stop is None else _on_grid(order.stop / ratio, instrument, up),
        trail=None if order.trail is None else _on_grid(order.trail / ratio, instrument, ROUND_HALF_EVEN),
        trail_percent=order.trail_percent,
        reason=reason,
        ratio=ratio,
    )


def _reduced(order: Order, remaining: Decimal, action: CashDividend, instrument: Instrument) -> Restated | Ended | None:
    """Buy limits and sell stops that may wait; a buy stop-limit is a stop, and stays, a sell stop-limit falls as a whole."""
    buys, stops = (
        order.side.sign > 0,
        order.stop is not None or order.trail is not None or order.trail_percent is not None,
    )
    if (
        order.time_in_force not in _OPEN
        or buys == stops
        or (order.limit is None and not stops)
        or action.amount < _CENT
    ):
        return None
    less = action.amount
    down, up = _roundings(order)
    limit = None if order.limit is None else _on_grid(order.limit - less, instrument, down)
    stop = None if order.stop is None else _on_grid(order.stop - less, instrument, up)
    reason = f"reduced by the dividend of {less.normalize():f}"
    if any(price is not None and price <= 0 for price in (limit, stop)):
        return Ended(f"{reason}: nothing is left of its price")
    return Restated(order.quantity, remaining, limit, stop, order.trail, order.trail_percent, reason, less=less)


def _roundings(order: Order) -> tuple[str, str]:
    """How its limit and its stop are rounded."""
    return (ROUND_FLOOR, ROUND_CEILING) if order.side.sign > 0 else (ROUND_CEILING, ROUND_FLOOR)


def _on_grid(price: Decimal, instrument: Instrument, rounding: str) -> Decimal:
    """`price` on the tick grid, never below one tick where it was above zero."""
    tick = instrument.tick_size
    if not tick:
        return price.quantize(_TWELFTH, rounding)
    return max(tick, instrument.round_price(price, rounding)) if price > 0 else price


def settle(
    quantities: MutableMapping[str, Decimal], action: CorporateAction, instruments: Mapping[str, Instrument]
) -> Decimal:
    """Restate the venue's own books of one account in place; gives the money that comes with it (negative: is owed).

    Units that come are cut down to whole lots (or whole units, where the lot is larger); the rest is paid for at
    `cash_price`, after a split at the last price made one of new units. What has no price is kept.
    """
    held = quantities.get(action.symbol, ZERO)
    return _settled(quantities, held, action, instruments) if held else ZERO


def _settled(
    quantities: MutableMapping[str, Decimal],
    held: Decimal,
    action: CorporateAction,
    instruments: Mapping[str, Instrument],
) -> Decimal:
    if isinstance(action, CashDividend):
        return held * action.amount * instruments[action.symbol].multiplier
    if isinstance(action, SpinOff):
        return _deliver(quantities, action.into, held * action.ratio, instruments, action.cash_price)
    del quantities[action.symbol]
    if isinstance(action, Delisting | Merger):
        return _ended(quantities, held, action, instruments)
    if isinstance(action, SymbolChange):
        return _deliver(quantities, action.into, held, instruments, None)
    return _deliver(quantities, action.symbol, held * _grown(action), instruments, _new_price(action))


def _ended(
    quantities: MutableMapping[str, Decimal],
    held: Decimal,
    action: Delisting | Merger,
    instruments: Mapping[str, Instrument],
) -> Decimal:
    unit = held * instruments[action.symbol].multiplier
    if isinstance(action, Delisting):
        return unit * (action.price or ZERO)
    return unit * action.cash + _deliver(quantities, action.into, held * action.ratio, instruments, action.cash_price)


def _deliver(
    quantities: MutableMapping[str, Decimal],
    symbol: str,
    units: Decimal,
    instruments: Mapping[str, Instrument],
    price: Decimal | None,
) -> Decimal:
    """Add units to the books; what makes no whole lot is sold at `price` at once."""
    if not units:
        return ZERO
    instrument = instruments[symbol]
    before = quantities.get(symbol, ZERO)
    odd = ZERO if price is None else (units.copy_abs() % min(ONE, instrument.lot_size)).copy_sign(units)
    after = before + units - odd
    if after:
        quantities[symbol] = after
    else:
        quantities.pop(symbol, None)
    return odd * (price or ZERO) * instrument.multiplier


def _grown(action: Split | StockDividend) -> Decimal:
    return action.ratio if isinstance(action, Split) else ONE + action.ratio


def _new_price(action: Split | StockDividend) -> Decimal | None:
    """What a new unit is paid with."""
    if action.cash_price is not None or action.price is None:
        return action.cash_price
    return (action.price / _grown(action)).quantize(_TWELFTH)
