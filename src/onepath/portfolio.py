"""The read-only view of its books that a strategy gets. Values are exact decimals, at the last known prices.

Rules: nothing here changes anything; every figure is computed when asked for, without rounding wherever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import reduce

from onepath.instruments import ZERO, exact
from onepath.ledger import EXACT, Ledger, Position
from onepath.market import MarketEvent


class Portfolio:
    """Cash, positions and what they are worth now."""

    __slots__ = ("_ledger", "_leverage", "_marks")

    def __init__(self, ledger: Ledger, marks: Mapping[str, MarketEvent], leverage: Decimal) -> None:
        self._ledger = ledger
        self._marks = marks
        self._leverage = leverage

    @property
    def cash(self) -> Decimal:
        return self._ledger.cash

    @property
    def capital(self) -> Decimal:
        """What the strategy started with."""
        return self._ledger.capital

    @property
    def positions(self) -> Mapping[str, Position]:
        """Open positions by symbol."""
        return dict(self._ledger.positions)

    def quantity(self, symbol: str) -> Decimal:
        """Signed quantity held of `symbol`; zero when flat."""
        return self._ledger.quantity(symbol)

    def price(self, symbol: str) -> Decimal | None:
        """Last known price of `symbol`, None before its first event."""
        event = self._marks.get(symbol)
        return None if event is None else exact(event.mark)

    def value(self, symbol: str) -> Decimal:
        """What the position in `symbol` is worth; negative when short."""
        position = self._ledger.positions.get(symbol)
        return ZERO if position is None else position.value(exact(self._marks[symbol].mark))

    @property
    def equity(self) -> Decimal:
        """Cash and the value of all positions."""
        return EXACT.add(self._ledger.cash, self.net_exposure)

    @property
    def net_exposure(self) -> Decimal:
        """Value of longs less value of shorts."""
        return _sum(self.value(symbol) for symbol in self._ledger.positions)

    @property
    def exposure(self) -> Decimal:
        """Gross exposure: value of longs plus value of shorts."""
        return _sum(self.value(symbol).copy_abs() for symbol in self._ledger.positions)

    @property
    def buying_power(self) -> Decimal:
        """What may still be bought or shorted: leverage x equity less gross exposure (orders at work not counted)."""
        return max(ZERO, EXACT.subtract(EXACT.multiply(self._leverage, self.equity), self.exposure))

    @property
    def realised_pnl(self) -> Decimal:
        """Profit taken, before fees."""
        return self._ledger.realised

    @property
    def unrealised_pnl(self) -> Decimal:
        """Profit on paper, before fees."""
        return _sum(EXACT.subtract(self.value(s), p.cost) for s, p in self._ledger.positions.items())

    @property
    def fees(self) -> Decimal:
        """Commissions paid so far."""
        return self._ledger.fees


def _sum(values: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, values, ZERO)
