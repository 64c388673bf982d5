"""The short way through the controls, for what passes for certain, by the plainest of sums: a market order of a strategy that
holds nothing else and has nothing at work; a limit order, or new terms of one, that the books could carry even if all that
is held and at work added up; new terms that ask for no more units and no higher price.

Rules: it only ever approves. What is not certain goes the long way, the page (`checks`), which decides and says why. The way
is there for a strategy limited by grid, buying power and what it owns alone, in a symbol of its home currency.
Cost: half of the long way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from onepath.instruments import ZERO, Instrument
from onepath.ledger import Ledger
from onepath.orders import Order, OrderState, OrderType, Side
from onepath.risk.checks import Control, Level, buying_power, closing, grid

_MARKET, _LIMIT, _SELL, _COVER = OrderType.MARKET, OrderType.LIMIT, Side.SELL, Side.COVER
_OPENS, _CLOSES = (grid, buying_power), (grid, closing)
Compiled = Sequence[tuple[Control, Level]]


class Plain:
    """The sums of one strategy and symbol."""

    __slots__ = ("_ledger", "_lot", "_most", "_multiplier", "_tick")

    def __init__(self, ledger: Ledger, instrument: Instrument, most: Decimal) -> None:
        """`most` is the largest gross leverage."""
        self._ledger = ledger
        self._lot = instrument.lot_size
        self._tick = instrument.tick_size
        self._multiplier = instrument.multiplier
        self._most = most

    def passes(self, order: Order) -> bool:
        """Whether an order that stands alone passes for certain; `order.reference` is the last price."""
        price, quantity, side, ledger = order.reference, order.quantity, order.side, self._ledger
        if order.type is not _MARKET or not price or quantity % self._lot or order.reduce_only:
            return False
        position = ledger.positions.get(order.symbol)
        held = ZERO if position is None else position.quantity
        if side is _SELL:
            return quantity <= held
        if side is _COVER:
            return quantity <= -held
        if ledger.purses or len(ledger.positions) > (position is not None):
            return False
        unit = price * self._multiplier
        target = held + quantity if side.sign > 0 else held - quantity
        return abs(target) * unit <= self._most * (ledger.cash + held * unit)

    def carries(self, order: Order, quantity: Decimal, working: Iterable[OrderState], price: Decimal) -> bool:
        """Whether the books could carry `quantity` of a limit order, at the last price `price`, even if it and all that is held
        and at work in its symbol added up at the highest price of them all. What is at work of the order itself is left out."""
        limit, ledger, symbol = order.limit, self._ledger, order.symbol
        if limit is None or not self._opens(order, limit):
            return False
        position = ledger.positions.get(symbol)
        if ledger.purses or len(ledger.positions) > (position is not None):
            return False
        held = ZERO if position is None else position.quantity
        units, highest = abs(held) + quantity, max(limit, price)
        for state in working:
            other = state.order
            if other.symbol != symbol or other.limit is None or other.stop is not None:
                return False
            if other.id != order.id:
                units += state.remaining
                highest = max(highest, other.limit)
        return units * highest * self._multiplier <= self._most * (ledger.cash + held * price * self._multiplier)

    def eases(self, order: Order, old: Order) -> bool:
        """Whether new terms of a limit order that may open ask for no more units, and for none dearer, than the old."""
        limit, before = order.limit, old.limit
        if limit is None or before is None or order.quantity > old.quantity or limit > before:
            return False
        return self._opens(order, limit)

    def _opens(self, order: Order, limit: Decimal) -> bool:
        """Whether it is a limit order on the grid that may open or add, and is asked nothing else."""
        if order.type is not _LIMIT or order.side is _SELL or order.side is _COVER or order.reduce_only:
            return False
        return not (order.quantity % self._lot or (self._tick and limit % self._tick))


def plain(level: Level, opens: Compiled, closes: Compiled, ledger: Ledger, instrument: Instrument) -> Plain | None:
    """The short way, where these controls of a strategy's own level leave one."""
    only = tuple(c for c, _ in opens) == _OPENS and tuple(c for c, _ in closes) == _CLOSES and not level.pace.counts
    if (
        not only
        or instrument.min_notional
        or instrument.symbol in ledger.abroad
        or ledger.terms.initial_margin is not None
    ):
        return None
    return Plain(ledger, instrument, level.limits.max_leverage)
