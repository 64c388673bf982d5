"""One strategy's books: cash, positions, fees, profit. Exact decimals; the only door is `apply(fill)`.

Rules: cash + value of positions = equity, and capital + realised + unrealised - fees = equity, to the last digit.
Cost basis is kept as money, not as a rounded average price: a partial close releases its share of the cost, rounded at
the twelfth decimal, and the rest stays, so nothing is lost. Average-cost method.
Limits: one currency; no interest, borrow cost or settlement delay yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

import msgspec

from onepath.events import Fill, PositionEvent
from onepath.instruments import ZERO, Instrument

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Wide enough that products and sums of money are never rounded; the loop runs under it."""
_GRAIN = Decimal("1e-12")


class Position(msgspec.Struct, frozen=True, gc=False):
    """An open position: signed `quantity`, `cost` (money paid for it, signed alike), the `id` of its life."""

    symbol: str
    id: int
    quantity: Decimal
    cost: Decimal
    multiplier: Decimal

    @property
    def average_price(self) -> Decimal:
        """Cost a unit, before fees."""
        return EXACT.divide(self.cost, EXACT.multiply(self.quantity, self.multiplier))

    def value(self, price: Decimal) -> Decimal:
        """Worth at `price`; negative when short."""
        return EXACT.multiply(EXACT.multiply(self.quantity, price), self.multiplier)


class Ledger:
    """Cash and positions of one strategy."""

    def __init__(
        self, strategy: str, capital: Decimal, instruments: Mapping[str, Instrument], lives: Iterator[int]
    ) -> None:
        """`lives` numbers positions; a session's ledgers share it."""
        self.strategy = strategy
        self.capital = capital
        self.cash = capital
        self.fees = ZERO
        self.slippage = ZERO
        self.realised = ZERO
        self.positions: dict[str, Position] = {}
        self._multipliers = {symbol: i.multiplier for symbol, i in instruments.items()}
        self._lives = lives

    def quantity(self, symbol: str) -> Decimal:
        """Signed quantity held; zero when flat."""
        position = self.positions.get(symbol)
        return ZERO if position is None else position.quantity

    def multiplier(self, symbol: str) -> Decimal:
        return self._multipliers[symbol]

    def apply(self, fill: Fill) -> PositionEvent:
        """Book a fill and tell what it did to the position."""
        symbol = fill.symbol
        multiplier = self._multipliers[symbol]
        value = fill.quantity * fill.price * multiplier
        self.cash -= value + fill.fee
        self.fees += fill.fee
        self.slippage += fill.slippage
        old = self.positions.get(symbol)
        if old is None:
            return self._open(fill, Position(symbol, next(self._lives), fill.quantity, value, multiplier))
        quantity = old.quantity + fill.quantity
        if not quantity:
            return self._close(fill, old, -value - old.cost)
        if (old.quantity > 0) == (fill.quantity > 0):
            return self._change(fill, old, quantity, old.cost + value, ZERO)
        if (old.quantity > 0) == (quantity > 0):
            released = (old.cost * fill.quantity / -old.quantity).quantize(_GRAIN)
            return self._change(fill, old, quantity, old.cost - released, -value - released)
        return self._turn(fill, old, quantity)

    def _open(self, fill: Fill, position: Position) -> PositionEvent:
        self.positions[fill.symbol] = position
        return self._event(fill, position, "opened", ZERO)

    def _change(self, fill: Fill, old: Position, quantity: Decimal, cost: Decimal, realised: Decimal) -> PositionEvent:
        self.realised += realised
        position = self.positions[fill.symbol] = Position(fill.symbol, old.id, quantity, cost, old.multiplier)
        return self._event(fill, position, "changed", realised)

    def _close(self, fill: Fill, old: Position, realised: Decimal) -> PositionEvent:
        self.realised += realised
        del self.positions[fill.symbol]
        return self._event(fill, Position(fill.symbol, old.id, ZERO, ZERO, old.multiplier), "closed", realised)

    def _turn(self, fill: Fill, old: Position, quantity: Decimal) -> PositionEvent:
        """A fill through zero: the old position is closed, the rest opens a new one on the other side."""
        unit = fill.price * old.multiplier
        realised = old.quantity * unit - old.cost
        self.realised += realised
        position = Position(fill.symbol, next(self._lives), quantity, quantity * unit, old.multiplier)
        self.positions[fill.symbol] = position
        return self._event(fill, position, "reversed", realised)

    def _event(self, fill: Fill, position: Position, change: str, realised: Decimal) -> PositionEvent:
        return PositionEvent(
            id=position.id,
            strategy=self.strategy,
            symbol=fill.symbol,
            change=change,
            quantity=position.quantity,
            cost=position.cost,
            realised=realised,
            fill_id=fill.id,
        )
