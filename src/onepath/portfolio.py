"""The read-only view of its books that a strategy gets. Values are exact decimals, at the last known prices.

Rules: nothing here changes anything; every figure is computed when asked for, without rounding wherever it is asked. All money
is in the account's home currency, at the last rates; a rate that is not known raises DataError and is never taken for one.
Profit in another currency is translated at the last rate as well, so that capital + realised + unrealised - fees + flows is
equity in the home currency too.
Cost: one currency costs no more than if there were no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import reduce

from onepath.instruments import ONE, ZERO
from onepath.ledger import EXACT, Ledger, Position, Purse
from onepath.market import MarketEvent, exact_mark
from onepath.rates import Rates


class Portfolio:
    """Cash, positions and what they are worth now."""

    __slots__ = ("_ledger", "_leverage", "_marks", "_rates")

    def __init__(self, ledger: Ledger, marks: Mapping[str, MarketEvent], leverage: Decimal) -> None:
        self._ledger = ledger
        self._marks = marks
        self._leverage = leverage
        self._rates = Rates(ledger.currency, ledger.instruments.values(), marks)

    @property
    def currency(self) -> str:
        """The account's home currency."""
        return self._ledger.currency

    @property
    def cash(self) -> Decimal:
        """Cash in all currencies, in the home currency."""
        ledger = self._ledger
        return ledger.cash if not ledger.purses else self._home(ledger.cash, lambda purse: purse.cash)

    def cash_in(self, currency: str) -> Decimal:
        """Cash in one currency; negative where it is owed."""
        ledger = self._ledger
        if currency == ledger.currency:
            return ledger.cash
        purse = ledger.purses.get(currency)
        return ZERO if purse is None else purse.cash

    def rate(self, currency: str) -> Decimal:
        """What one unit of `currency` is worth in the home currency. Raises DataError where that is not known."""
        return self._rates.need(currency)

    @property
    def settled_cash(self) -> Decimal:
        """Home cash that may be spent: without what a cash account's sales have not brought yet."""
        ledger = self._ledger
        if not ledger.terms.settlement_days:
            return ledger.cash
        now = max((event.at for event in self._marks.values()), default=0)
        return EXACT.subtract(ledger.cash, ledger.unsettled(ledger.currency, now))

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
        """Last known price of `symbol` in its own currency, None before its first event."""
        event = self._marks.get(symbol)
        return None if event is None else exact_mark(event)

    def value(self, symbol: str) -> Decimal:
        """What the position in `symbol` is worth; negative when short."""
        position = self._ledger.positions.get(symbol)
        if position is None:
            return ZERO
        worth = position.value(exact_mark(self._marks[symbol]))
        currency = self._ledger.abroad.get(symbol)
        return worth if currency is None else EXACT.multiply(worth, self._rates.need(currency))

    @property
    def equity(self) -> Decimal:
        """Cash and the value of all positions."""
        return EXACT.add(self.cash, self.net_exposure)

    @property
    def net_exposure(self) -> Decimal:
        """Value of longs less value of shorts."""
        return _sum(self.value(symbol) for symbol in self._ledger.positions)

    @property
    def exposure(self) -> Decimal:
        """Gross exposure: value of longs plus value of shorts."""
        return _sum(self.value(symbol).copy_abs() for symbol in self._ledger.positions)

    @property
    def margin_used(self) -> Decimal:
        """The equity that open positions bind: gross exposure x the initial margin."""
        return EXACT.multiply(self._share, self.exposure)

    @property
    def _share(self) -> Decimal:
        """The initial margin: the account's, or what the leverage leaves; the stricter."""
        terms = self._ledger.terms
        own = ZERO if terms.initial_margin is None else terms.initial_margin
        return max(own, EXACT.divide(ONE, self._leverage))

    @property
    def buying_power(self) -> Decimal:
        """What may still be bought or shorted (orders at work not counted): leverage x equity, or equity / initial margin where
        that is less, less gross exposure; a cash account has no more than its settled cash."""
        terms = self._ledger.terms
        carried = EXACT.multiply(self._leverage, self.equity)
        if terms.initial_margin is not None:
            carried = min(carried, EXACT.divide(self.equity, terms.initial_margin))
        power = EXACT.subtract(carried, self.exposure)
        if terms.type == "cash":
            power = min(power, self.settled_cash)
        return max(ZERO, power)

    @property
    def realised_pnl(self) -> Decimal:
        """Profit taken, before fees."""
        return self._home(self._ledger.realised, lambda purse: purse.realised)

    @property
    def unrealised_pnl(self) -> Decimal:
        """Profit on paper, before fees."""
        ledger = self._ledger
        return _sum(
            EXACT.subtract(self.value(s), EXACT.multiply(p.cost, self._rates.need(ledger.currency_of(s))))
            for s, p in ledger.positions.items()
        )

    @property
    def fees(self) -> Decimal:
        """Commissions paid so far."""
        return self._home(self._ledger.fees, lambda purse: purse.fees)

    @property
    def flows(self) -> Decimal:
        """Money that came and went without a trade: interest, borrow, funding, dividends, deposits."""
        return self._home(self._ledger.flows, lambda purse: purse.flows)

    def valued(self) -> tuple[float, float, float]:
        """Cash, gross and net exposure as floats: for curves, not for accounts."""
        ledger, marks = self._ledger, self._marks
        gross = net = 0.0
        for symbol, position in ledger.positions.items():
            value = float(position.quantity) * marks[symbol].mark * float(position.multiplier)
            if symbol in ledger.abroad:
                value *= float(self._rates.need(ledger.abroad[symbol]))
            gross += abs(value)
            net += value
        return float(self.cash), gross, net

    def _home(self, home: Decimal, of: Callable[[Purse], Decimal]) -> Decimal:
        """A figure of all currencies, in the home currency; what is zero needs no rate."""
        for currency, purse in self._ledger.purses.items():
            amount = of(purse)
            if amount:
                home = EXACT.add(home, EXACT.multiply(amount, self._rates.need(currency)))
        return home


def _sum(values: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, values, ZERO)
