"""The venue's own books of one strategy: cash, quantities, what an order may do, what the account owes and earns.

Rules: shares no code with the core's ledger, so that a difference between the two is found. SELL and COVER end at zero, and
so does SHORT where the account may not be short; reduce-only never opens or adds. At leverage one purchases never overdraw;
buying back what is owed is always done.
Cost: nothing where no term asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from onepath.accounts import AccountTerms, home_currency
from onepath.events import CashFlow, MarginCall
from onepath.instruments import ONE, ZERO, Instrument
from onepath.orders import Order, Side
from onepath.ports import NEVER

Prices = Callable[[str], Decimal | None]
"""The last price of a symbol, None before its first."""
_BUY, _SELL, _SHORT, _COVER = Side.BUY, Side.SELL, Side.SHORT, Side.COVER


class Account:
    """The venue's own books of one strategy."""

    __slots__ = ("_borrows", "_instruments", "_shorts", "_terms", "cash", "currency", "due", "quantities", "watches")

    def __init__(self, strategy: str, terms: AccountTerms, instruments: Mapping[str, Instrument]) -> None:
        self.cash = terms.capital
        self.currency = home_currency(terms.currency, instruments.values())
        self.quantities: dict[str, Decimal] = {}
        self.due = NEVER
        self.watches = terms.maintenance_margin > 0
        self._terms = terms
        self._instruments = instruments
        self._borrows = (terms.leverage or ONE) > ONE
        self._shorts = terms.allow_short

    def guarded(self, order: Order, quantity: Decimal) -> Decimal:
        """How much of `quantity` the order may trade: SELL and COVER end at zero, and so do reduce-only orders and SHORT
        where the account may not be short."""
        side = order.side
        if side is _SELL or (side is _SHORT and (order.reduce_only or not self._shorts)):
            owned = self.quantities.get(order.symbol, ZERO)
        elif side is _COVER or order.reduce_only:
            owned = -self.quantities.get(order.symbol, ZERO)
        else:
            return quantity
        return quantity if quantity <= owned else max(ZERO, owned)

    def payable(
        self,
        order: Order,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal,
        fee: Callable[[Decimal], Decimal],
        prices: Prices,
    ) -> Decimal:
        """How much of it the account can pay for or carry; `fee` is the money a fill of a quantity is charged (zero where
        it is taken in the base coin), `prices` the last price of every other symbol."""
        if order.side.sign < 0 or self._borrows:
            return quantity
        unit = price * instrument.multiplier
        if quantity * unit + fee(quantity) <= self.cash:
            return quantity
        covering = min(quantity, max(ZERO, -self.quantities.get(order.symbol, ZERO)))
        payable = quantity
        while payable > covering:
            short = payable * unit + fee(payable) - self.cash
            if short <= 0:
                return payable
            payable -= max(instrument.lot_size, instrument.round_quantity(short / unit))
        return covering

    def book(
        self, instrument: Instrument, signed: Decimal, price: Decimal, fee: Decimal, fee_in_base: bool, at: int
    ) -> None:
        """A fill: `signed` units at `price`, traded at `at`; `fee` in money, or in units where it is taken in the base coin."""
        symbol = instrument.symbol
        self.cash -= signed * price * instrument.multiplier
        if fee_in_base:
            signed -= fee
        else:
            self.cash -= fee
        self.quantities[symbol] = self.quantities.get(symbol, ZERO) + signed

    def advance(self, at: int, price: Prices) -> list[CashFlow]:
        """Settlement, interest and funding up to `at`, booked and told."""
        return []

    def short_of_margin(self, price: Prices) -> MarginCall | None:
        """The margin call that is due at these prices, if any."""
        return None

    def liquidation(self, price: Prices) -> list[tuple[str, Decimal]]:
        """What must be traded (signed) to meet the maintenance margin."""
        return []
