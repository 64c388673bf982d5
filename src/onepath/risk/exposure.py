"""What an order would open or add, and what orders at work may still do to the books.

Rules: orders at work count as if done where they take buying power; where they would free it, only market orders count.
Only quantity that opens or adds is limited: reducing a position is always allowed. What SELL and COVER orders never do, go
through zero, they are not counted for. Orders of which only one can trade (a bracket's exits, a group; in one symbol) count
once, at the largest quantity and the worst price among them. Values of other currencies are converted at the last rate.
Cost: of the orders at work and the positions held, whatever came before them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from onepath.instruments import ZERO
from onepath.ledger import Ledger
from onepath.market import MarketEvent, exact_mark
from onepath.orders import Order, OrderState, OrderType, Side
from onepath.rates import Rates

# By plain name: looking a member up on its enum costs as much as a call.
_BUY, _SELL, _SHORT, _COVER = Side.BUY, Side.SELL, Side.SHORT, Side.COVER
_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT


class Exposed(msgspec.Struct, gc=False):
    """The books with an order in them; orders at work are included in `gross` and `net`."""

    equity: Decimal
    target: Decimal
    """signed units of the order's symbol"""
    value: Decimal
    """what they are worth, unsigned"""
    beside: Decimal
    """units of it that orders at rest may add on the order's side"""
    beside_value: Decimal
    gross: Decimal
    parts: tuple[Any, ...]
    """what the net is made of"""
    several: tuple[Exposed, ...] = ()

    def net(self) -> Decimal:
        """Longs less shorts, with what rests on the order's side."""
        if self.several:
            return sum((found.net() for found in self.several), ZERO)
        return _net(*self.parts)


def measure(
    order: Order,
    quantity: Decimal,
    reference: Decimal,
    ledger: Ledger,
    working: Collection[OrderState],
    marks: Mapping[str, MarketEvent],
    rates: Rates,
) -> Exposed:
    """One strategy's books, in its home currency, with `quantity` of `order` in them; zero where the order is another's."""
    symbol, sign = order.symbol, order.side.sign
    equity = ledger.cash
    unit: Callable[[str], Decimal] = ledger.multiplier
    if ledger.purses or ledger.abroad:
        unit = converted(ledger, rates)
        for currency, purse in ledger.purses.items():
            if purse.cash:
                equity += purse.cash * rates.need(currency)
    projected: dict[str, Decimal] = {}
    prices = {symbol: reference}
    for held, position in ledger.positions.items():
        if held not in prices:
            prices[held] = exact_mark(marks[held])
        equity += position.quantity * prices[held] * unit(held)
        projected[held] = position.quantity
    resting = _work_ahead(working, projected, marks, prices) if working else ()
    target = projected.get(symbol, ZERO) + (quantity if sign > 0 else -quantity)
    projected[symbol] = target
    price = worst(order, reference) if quantity else reference
    value = abs(target) * price * unit(symbol)
    gross, same, beside, side = _reserved(symbol, sign, resting, projected, unit, prices) if resting else _NOTHING
    gross += value
    for other, amount in projected.items():
        if other != symbol:
            gross += abs(amount) * prices[other] * unit(other)

    # The rest is for whoever asks for the net; a closure would make every name above slower.
    return Exposed(
        equity,
        target,
        value,
        beside,
        same,
        gross,
        (projected, prices, unit, symbol, price, side if sign > 0 else -side),
    )


def _net(
    projected: Mapping[str, Decimal],
    prices: Mapping[str, Decimal],
    unit: Callable[[str], Decimal],
    symbol: str,
    price: Decimal,
    total: Decimal,
) -> Decimal:
    """`total` rests on the order's side; what is projected comes to it, the order's symbol at the order's price."""
    for name, amount in projected.items():
        total += amount * (price if name == symbol else prices[name]) * unit(name)
    return total


def converted(ledger: Ledger, rates: Rates) -> Callable[[str], Decimal]:
    """What a unit of a symbol at price one is worth in the home currency. Raises DataError where a rate is not known."""

    def unit(symbol: str) -> Decimal:
        currency = ledger.abroad.get(symbol)
        multiplier = ledger.multiplier(symbol)
        return multiplier if currency is None else multiplier * rates.need(currency)

    return unit


_NOTHING = ZERO, ZERO, ZERO, ZERO


def excess(side: Side, quantity: Decimal, held: Decimal, ahead: Iterable[OrderState]) -> tuple[Decimal, bool]:
    """What an order that only closes may close: what is held or on its way, less what orders that trade freely will take;
    and whether the order is within it."""
    if side.sign < 0:
        if quantity <= held and not ahead:
            return held, True
        most = max(ZERO, max(held, ZERO) + _at_work(ahead, _BUY) - _at_work(ahead, _SHORT))
    else:
        most = max(ZERO, max(-held, ZERO) + _at_work(ahead, _SHORT) - _at_work(ahead, _BUY))
    return most, quantity <= most


def _at_work(ahead: Iterable[OrderState], side: Side) -> Decimal:
    return sum((state.remaining for state in ahead if state.side is side), ZERO)


def pushed(held: Decimal, sign: int, ahead: Iterable[OrderState]) -> Decimal:
    """What is held once the orders ahead on this side have traded: each alone may only close, all together may not."""
    for state in ahead:
        if state.side.sign == sign:
            held = _after(held, state)
    return held


def _after(held: Decimal, state: OrderState) -> Decimal:
    """What is held once an order has traded; SELL and COVER end at zero."""
    side, rest = state.order.side, state.remaining
    if side is _SELL:
        return held - min(rest, max(held, ZERO))
    if side is _COVER:
        return held + min(rest, max(-held, ZERO))
    return held + rest if side.sign > 0 else held - rest


def opening(held: Decimal, signed: Decimal) -> Decimal:
    """How much of `signed` moves the position away from zero."""
    if not held or (held > 0) == (signed > 0):
        return abs(signed)
    return max(ZERO, abs(signed) - abs(held))


def worst(order: Order, reference: Decimal) -> Decimal:
    """The highest value a unit of the order could have: its limit, its stop, or the last price."""
    if order.type is _MARKET:
        return reference
    if order.type is _LIMIT and order.limit is not None:
        return order.limit if order.side.sign > 0 else max(order.limit, reference)
    return max(p for p in (order.limit, order.stop, reference) if p is not None)


def is_exit(order: Order, parent: Order | None) -> bool:
    """Whether a child takes back what its parent does: it takes part as far as the parent has filled, and never opens."""
    return parent is not None and order.symbol == parent.symbol and order.side.sign != parent.side.sign


def once(working: Collection[OrderState], reference: Callable[[str], Decimal]) -> Sequence[OrderState]:
    """The orders at work with those counted once of which only one can trade: children of one parent, and groups; and
    without the exits of a parent at work."""
    kept: list[OrderState] = []
    places: dict[tuple[str, int, str, int], int] = {}
    parents = {state.order.id: state.order for state in working}
    for state in working:
        order = state.order
        if order.parent_id is not None and is_exit(order, parents.get(order.parent_id)):
            continue  # it takes back what its parent has filled, and never more, while that is at work
        if order.parent_id is None and not order.group:
            kept.append(state)
            continue
        # A child belongs to its siblings, whatever else it is called.
        key = (order.group if order.parent_id is None else "", order.parent_id or 0, order.symbol, order.side.sign)
        place = places.get(key)
        if place is None:
            places[key] = len(kept)
            kept.append(state)
        else:
            kept[place] = _larger(kept[place], state, reference(order.symbol))
    return kept


def _larger(one: OrderState, two: OrderState, reference: Decimal) -> OrderState:
    """An order as large as the larger and as dear as the dearer of two; one that trades freely before one that closes."""
    first, second = one.order, two.order
    frees = first.side in (_SELL, _COVER), second.side in (_SELL, _COVER)
    if frees[0] != frees[1]:
        dearer = two if frees[0] else one
    elif (first.type is _MARKET) != (second.type is _MARKET):
        dearer = two if first.type is _MARKET else one  # what rests frees nothing
    else:
        dearer = one if worst(first, reference) >= worst(second, reference) else two
    most = max(one.remaining, two.remaining)
    return OrderState(replace(dearer.order, quantity=most), dearer.status, ZERO)


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
            prices[order.symbol] = exact_mark(marks[order.symbol])
        if order.type is _MARKET:
            projected[order.symbol] = _after(projected.get(order.symbol, ZERO), state)
        elif order.side is _BUY or order.side is _SHORT:
            resting.append(state)
    return resting


def _reserved(
    symbol: str,
    sign: int,
    resting: Iterable[OrderState],
    projected: Mapping[str, Decimal],
    unit: Callable[[str], Decimal],
    prices: Mapping[str, Decimal],
) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """What resting orders may still add, one after the other: value in all; value and units on the side of the order and in
    its symbol; value on its side in all symbols."""
    total = same = units = side = ZERO
    reach: dict[tuple[str, int], Decimal] = {}
    for state in resting:
        at_rest = state.order
        key = at_rest.symbol, at_rest.side.sign
        held = reach.get(key, projected.get(at_rest.symbol, ZERO))
        reach[key] = _after(held, state)
        adds = opening(held, reach[key] - held)
        value = adds * worst(at_rest, prices[at_rest.symbol]) * unit(at_rest.symbol)
        total += value
        if key[1] == sign:
            side += value
            if key[0] == symbol:
                same += value
                units += adds
    return total, same, units, side
