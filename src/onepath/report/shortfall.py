"""Implementation shortfall: what the portfolio on paper earned beyond the real one, and where it went.

Rules: exact; the parts are differences of one another, so they add up to the whole to the last digit. Positive is cost.
Sources: A. Perold, "The Implementation Shortfall: Paper Versus Reality", Journal of Portfolio Management 14(3), 1988;
R. Kissell, "The Expanded Implementation Shortfall", Journal of Trading 1(3), 2006. Kissell charges the delay on the whole
order and what did not fill from the first possible price on; here the delay is that of what traded, and what did not fill
is charged from the decision on: the whole is the same.
A stop was decided at its stop, a limit that waits for its parent at its limit: neither is a gain or loss of the time it waited.
Such an order could first trade at that price, or beyond it where the market opened there.
Limits: a trailing stop's own price, and that of a child at the market, are not in the journal: unknown.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, localcontext
from typing import NamedTuple

from onepath.instruments import ZERO
from onepath.orders import Order, OrderType

PLACES = Decimal("1E-12")
"""a market price that does not divide evenly is rounded here"""
_DIGITS = 28
_TRAILING = OrderType.TRAILING_STOP
_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


class Shortfall(NamedTuple):
    """The parts, in money; `ideal` is what the whole order was worth at its decision price (the base of bps)."""

    delay: Decimal
    trading: Decimal
    fees: Decimal
    opportunity: Decimal
    ideal: Decimal

    @property
    def total(self) -> Decimal:
        """delay + trading + fees + opportunity = gain on paper - gain in fact (Perold 1988)."""
        return self.delay + self.trading + self.fees + self.opportunity


def decision_price(order: Order, stop: Decimal | None, limit: Decimal | None) -> Decimal | None:
    """The price at which the trade was decided: the last price when the order was made; of one that waits for something, the
    price it names, `stop` or `limit` as they are now."""
    if order.type in _STOPS:
        return None if order.type is _TRAILING else stop
    return order.reference if order.parent_id is None else limit


def possible_price(order: Order, decided: Decimal | None, opened: Decimal | None) -> Decimal | None:
    """The market when the order could first trade: `opened`, but of one that waits for something the price it names, unless
    the market opened beyond that and is why it traded."""
    if order.type not in _STOPS and order.parent_id is None:
        return opened
    if decided is None or opened is None or order.type not in _STOPS:
        return decided
    return opened if (opened - decided) * order.side.sign > 0 else decided


def waits(order: Order) -> bool:
    """Whether the order trades only if something happens first (a stop, a child, one of a group): what never filled of it
    was not missed."""
    return order.type in _STOPS or order.parent_id is not None or bool(order.group)


def market_price(price: Decimal, sign: int, slippage: Decimal, size: Decimal) -> Decimal:
    """The market's own price of a fill: price - sign x slippage / (quantity x multiplier)."""
    if not slippage or not size:
        return price
    with localcontext(Context(prec=_DIGITS)) as context:
        apart = slippage / size
        if context.flags[Inexact]:
            apart = apart.quantize(PLACES)
    return price - sign * apart


def shortfall(
    paid: Decimal,
    filled: Decimal,
    unfilled: Decimal,
    size: Decimal,
    decision: Decimal | None,
    opened: Decimal | None,
    last: Decimal | None,
    fees: Decimal | None,
) -> Shortfall | None:
    """The shortfall of one order; None where a price it needs is unknown.

    With d the decision price, o the first possible price, p_i and q_i price and quantity of each fill, u what never filled,
    l the last price and s the sign times the multiplier:
    delay = s x sum(q_i) x (o - d); trading = s x sum(q_i x (p_i - o)); opportunity = s x u x (l - d); and the fees.
    `paid` is sum(q_i x p_i), `filled` sum(q_i), `size` is s.
    """
    if decision is None or fees is None or (filled and opened is None) or (unfilled and last is None):
        return None
    delay = trading = opportunity = ZERO
    if filled and opened is not None:
        delay = size * filled * (opened - decision)
        trading = size * (paid - filled * opened)
    if unfilled and last is not None:
        opportunity = size * unfilled * (last - decision)
    return Shortfall(delay, trading, fees, opportunity, abs(size) * (filled + unfilled) * abs(decision))
