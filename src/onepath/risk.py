"""The checks between a strategy's wish and a venue: `check(order, ...) -> Approved | Denied`, on one page.

Rules: every order passes here, in every mode. A price that is missing denies. Orders at work count as if done where they
take buying power; where they would free it, only market orders count. Only quantity that opens or adds is limited:
reducing a position is always allowed. What SELL and COVER orders never do, go through zero, they are not counted for.
Limits: collars, order rate, duplicates and account-wide limits come with the execution work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from onepath.instruments import ONE, ZERO, Instrument, exact
from onepath.ledger import Ledger
from onepath.market import MarketEvent
from onepath.orders import Approved, Denied, Order, OrderState, OrderType, Side


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy may do. `max_position_size` is a share of its equity (0.1 = a tenth), None for no limit;
    `max_leverage` is gross exposure over equity."""

    max_position_size: Decimal | None = None
    max_leverage: Decimal = ONE
    allow_short: bool = True


# By plain name: looking a member up on its enum costs as much as a call.
_SELL, _COVER, _MARKET = Side.SELL, Side.COVER, OrderType.MARKET


def check(
    order: Order,
    instrument: Instrument,
    ledger: Ledger,
    working: Collection[OrderState],
    marks: Mapping[str, MarketEvent],
    limits: Limits,
) -> Approved | Denied:
    """Approve or deny `order` against the strategy's books, its orders at work and the last prices."""
    event = marks.get(order.symbol)
    if event is None:
        return Denied(order, "no_price", f"no price of {order.symbol} is known yet")
    reference = exact(event.mark)
    grid = _off_grid(order, instrument, reference)
    if grid is not None:
        return grid
    held = ledger.quantity(order.symbol)
    ahead = [state for state in working if state.order.symbol == order.symbol] if working else ()
    if order.side is _SELL or order.side is _COVER:
        guard = _unowned(order, held, ahead)
        if guard is not None:
            return guard
    else:
        signed = order.quantity if order.side.sign > 0 else -order.quantity
        before = _pushed(held, order.side.sign, ahead) if ahead else held
        if _opening(before, signed):
            denied = _too_much(order, instrument, ledger, working, marks, limits, reference, before + signed)
            if denied is not None:
                return denied
    return Approved(order)


def _off_grid(order: Order, instrument: Instrument, reference: Decimal) -> Denied | None:
    """Tick, lot and least value."""
    if order.quantity % instrument.lot_size:
        return Denied(order, "lot", f"quantity {order.quantity} is not a multiple of the lot {instrument.lot_size}")
    if instrument.tick_size:
        for price in (order.limit, order.stop):
            if price is not None and price % instrument.tick_size:
                return Denied(order, "tick", f"price {price} is not a multiple of the tick {instrument.tick_size}")
    if instrument.min_notional and order.quantity * reference * instrument.multiplier < instrument.min_notional:
        return Denied(order, "min_notional", f"the order is worth less than {instrument.min_notional}")
    return None


def _unowned(order: Order, held: Decimal, ahead: Iterable[OrderState]) -> Denied | None:
    """SELL and COVER may only close what is held or on its way, less what orders that trade freely will take."""
    if order.side is _SELL:
        if order.quantity <= held and not ahead:
            return None
        owned = max(ZERO, max(held, ZERO) + _at_work(ahead, Side.BUY) - _at_work(ahead, Side.SHORT))
        if order.quantity > owned:
            return Denied(order, "owned", f"sell {order.quantity} of {order.symbol} but {owned} is owned; use short")
    else:
        owed = max(ZERO, max(-held, ZERO) + _at_work(ahead, Side.SHORT) - _at_work(ahead, Side.BUY))
        if order.quantity > owed:
            return Denied(order, "owed", f"cover {order.quantity} of {order.symbol} but {owed} is owed; use buy")
    return None


def _at_work(ahead: Iterable[OrderState], side: Side) -> Decimal:
    return sum((state.remaining for state in ahead if state.side is side), ZERO)


def _pushed(held: Decimal, sign: int, ahead: Iterable[OrderState]) -> Decimal:
    """What is held once the orders ahead on this side have traded: each alone may only close, all together may not."""
    for state in ahead:
        if state.side.sign == sign:
            held = _after(held, state)
    return held


def _after(held: Decimal, state: OrderState) -> Decimal:
    """What is held once an order has traded; SELL and COVER end at zero."""
    side, rest = state.order.side, state.remaining
    if side is Side.SELL:
        return held - min(rest, max(held, ZERO))
    if side is Side.COVER:
        return held + min(rest, max(-held, ZERO))
    return held + rest if side.sign > 0 else held - rest


def _opening(held: Decimal, signed: Decimal) -> Decimal:
    """How much of `signed` moves the position away from zero."""
    if not held or (held > 0) == (signed > 0):
        return abs(signed)
    return max(ZERO, abs(signed) - abs(held))


def _too_much(
    order: Order,
    instrument: Instrument,
    ledger: Ledger,
    working: Collection[OrderState],
    marks: Mapping[str, MarketEvent],
    limits: Limits,
    reference: Decimal,
    after: Decimal,
) -> Denied | None:
    """Shorting, position size and leverage, with everything at work counted."""
    if after < 0 and not limits.allow_short:
        return Denied(
            order, "short", f"selling {order.quantity} would leave {after} of {order.symbol}; shorting is off"
        )
    price = _worst(order, reference)
    equity = ledger.cash
    projected: dict[str, Decimal] = {}
    prices = {order.symbol: reference}
    for symbol, position in ledger.positions.items():
        if symbol not in prices:
            prices[symbol] = exact(marks[symbol].mark)
        equity += position.value(prices[symbol])
        projected[symbol] = position.quantity
    resting = _work_ahead(working, projected, marks, prices) if working else ()
    target = projected.get(order.symbol, ZERO) + (order.quantity if order.side.sign > 0 else -order.quantity)
    projected[order.symbol] = target
    value = abs(target) * price * instrument.multiplier
    reserved, same = _reserved(order, resting, projected, ledger, prices) if resting else (ZERO, ZERO)
    size = limits.max_position_size
    if size is not None and value + same > size * equity:
        return Denied(
            order,
            "position_size",
            f"{target} of {order.symbol} is worth {value + same}, over {size} of equity {equity}",
        )
    gross = reserved + value
    for symbol, quantity in projected.items():
        if symbol != order.symbol:
            gross += abs(quantity) * prices[symbol] * ledger.multiplier(symbol)
    if gross > limits.max_leverage * equity:
        return Denied(order, "buying_power", f"exposure would be {gross}, over {limits.max_leverage} x equity {equity}")
    return None


def _worst(order: Order, reference: Decimal) -> Decimal:
    """The highest value the order could have: its limit, its stop, or the last price."""
    if order.type is _MARKET:
        return reference
    if order.type is OrderType.LIMIT and order.limit is not None:
        return order.limit if order.side.sign > 0 else max(order.limit, reference)
    return max(p for p in (order.limit, order.stop, reference) if p is not None)


def _work_ahead(
    working: Collection[OrderState],
    projected: dict[str, Decimal],
    marks: Mapping[str, MarketEvent],
    prices: dict[str, Decimal],
) -> Sequence[OrderState]:
    """Move `projected` by market orders at work; return those at rest that may open or add."""
    resting = []
    for state in working:
        order = state.order
        if order.symbol not in prices:
            prices[order.symbol] = exact(marks[order.symbol].mark)
        if order.type is OrderType.MARKET:
            projected[order.symbol] = _after(projected.get(order.symbol, ZERO), state)
        elif order.side is Side.BUY or order.side is Side.SHORT:
            resting.append(state)
    return resting


def _reserved(
    order: Order,
    resting: Iterable[OrderState],
    projected: Mapping[str, Decimal],
    ledger: Ledger,
    prices: Mapping[str, Decimal],
) -> tuple[Decimal, Decimal]:
    """The value that resting orders may still add, one after the other: in all, and beside `order` on its own side."""
    total = same = ZERO
    reach: dict[tuple[str, int], Decimal] = {}
    for state in resting:
        at_rest = state.order
        key = at_rest.symbol, at_rest.side.sign
        held = reach.get(key, projected.get(at_rest.symbol, ZERO))
        reach[key] = _after(held, state)
        opening = _opening(held, reach[key] - held)
        value = opening * _worst(at_rest, prices[at_rest.symbol]) * ledger.multiplier(at_rest.symbol)
        total += value
        if key == (order.symbol, order.side.sign):
            same += value
    return total, same
