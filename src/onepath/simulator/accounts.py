"""The venue's own books of one strategy: cash, quantities, what an order may do, what the account owes and earns.

Rules: shares no code with the core's ledger, so that a difference between the two is found.
- SELL and COVER end at zero, and so do reduce-only orders and SHORT where the account may not be short.
- Cash, and margin at leverage one: purchases never overdraw, fees included. A cash account pays in the instrument's own
  currency and with settled money; a margin account with all its cash, at the last rates. Shorts are free, as the limits say.
- Initial margin: after an order that opens or adds, initial margin x gross value <= equity, its own symbol at the order's
  price, all others at their last. Closing what is held or owed is always done.
- Maintenance: while equity < maintenance margin x gross value there is a margin call, once until it is met again, and
  once more where equity falls below zero meanwhile. Long Q units
  with a loan L, it comes below the price L / (Q x (1 - maintenance)) (FINRA rule 4210).
- Liquidation closes just enough to meet it at these prices, in whole lots, the position with the largest margin first (as
  iFOREX states); everything, where equity is zero or less.
- Equity below zero makes a margin call in every account, at the latest at the next 00:00 UTC.
- Interest, borrow and funding: see `financing`. Settlement: 00:00 UTC of the n-th weekday after the trade.
Limits: one share for all instruments; a loan in one currency may stand against cash in another (it bears interest).
Cost: nothing where no term asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from decimal import ROUND_CEILING, Decimal

from onepath.accounts import DAY, AccountTerms, home_currency, settles_at
from onepath.events import CashFlow, MarginCall
from onepath.instruments import ONE, ZERO, Instrument
from onepath.orders import Order, Side
from onepath.ports import NEVER
from onepath.simulator.conversion import Conversion, Price
from onepath.simulator.financing import Financing, derivative, midnight

Fee = Callable[[Decimal], Decimal]
"""The money that a fill of a quantity is charged; zero where it is taken in the base coin"""
_SELL, _SHORT, _COVER = Side.SELL, Side.SHORT, Side.COVER


class Account:
    """The venue's own books of one strategy."""

    def __init__(self, strategy: str, terms: AccountTerms, instruments: Mapping[str, Instrument]) -> None:
        self.strategy = strategy
        self.terms = terms
        self.currency = home_currency(terms.currency, instruments.values())
        self.cash = terms.capital
        self.foreign: dict[str, Decimal] = {}
        """cash in the other currencies"""
        self.quantities: dict[str, Decimal] = {}
        self.watches = terms.maintenance_margin > 0
        """whether it has to be shown every price of what it holds"""
        self._instruments = instruments
        self._initial = terms.initial_margin
        self._lends = (terms.leverage or ONE) > ONE and self._initial is None
        self._financing = Financing(terms, instruments)
        self.simple = terms.type == "margin" and self._initial is None
        """whether cash alone says what may be bought"""
        self._timed = self._financing.daily or bool(self._financing.funded) or terms.settlement_days > 0
        self._conversion = Conversion(self.currency, instruments)
        self._settling: list[tuple[int, str, Decimal]] = []
        self._done = -1
        """the moment up to which everything has been charged; -1: it has not begun"""
        self._called = False
        self._ruined = False
        """whether the margin call that is open has told of equity below zero"""
        self.due = 0 if self._timed else NEVER
        """the next moment of settlement, interest or funding"""

    # -- what an order may do

    def guarded(self, order: Order, quantity: Decimal) -> Decimal:
        """How much of `quantity` the order may trade without going through zero where it must not."""
        side = order.side
        if side is _SELL or (side is _SHORT and (order.reduce_only or not self.terms.allow_short)):
            owned = self.quantities.get(order.symbol, ZERO)
        elif side is _COVER or order.reduce_only:
            owned = -self.quantities.get(order.symbol, ZERO)
        else:
            return quantity
        return quantity if quantity <= owned else max(ZERO, owned)

    def trial(self) -> Account:
        """The same account, to try a trade on."""
        other = copy(self)
        other.foreign, other.quantities = dict(self.foreign), dict(self.quantities)
        other._settling = list(self._settling)
        return other

    def payable(
        self, order: Order, instrument: Instrument, quantity: Decimal, price: Decimal, fee: Fee, prices: Price
    ) -> Decimal:
        """How much of it the account can pay for, or carry; `prices` gives the last price of every other symbol."""
        if self._initial is not None:
            return self._carried(order, instrument, quantity, price, fee, prices)
        if order.side.sign < 0 or self._lends:
            return quantity
        purse = self._purse(instrument.currency, prices)
        unit = price * instrument.multiplier
        if quantity * unit + fee(quantity) <= purse:
            return quantity
        covering = min(quantity, max(ZERO, -self.quantities.get(order.symbol, ZERO)))

        def lacking(part: Decimal) -> Decimal:
            return part * unit + fee(part) - purse

        return _most(quantity, covering, lacking, instrument)

    def _purse(self, currency: str, prices: Price) -> Decimal:
        """The money that a purchase in `currency` may take."""
        if self.terms.type == "cash":
            unsettled = sum((money for _, of, money in self._settling if of == currency), ZERO)
            return self.cash_in(currency) - unsettled
        if currency == self.currency and not self.foreign:
            return self.cash
        total = ZERO
        for of, money in ((self.currency, self.cash), *self.foreign.items()):
            rate = self._conversion.rate(of, currency, prices) if money else ZERO
            if rate is None:
                return ZERO
            total += money * rate
        return total

    def _carried(
        self, order: Order, instrument: Instrument, quantity: Decimal, price: Decimal, fee: Fee, prices: Price
    ) -> Decimal:
        """How much the initial margin carries; what closes a position always, unknown prices nothing beyond."""
        symbol, sign, share = order.symbol, order.side.sign, self._initial or ZERO
        held = self.quantities.get(symbol, ZERO)
        closing = min(quantity, max(ZERO, -held if sign > 0 else held))
        found = self._standing(prices, besides=symbol)
        rate = self._conversion.home(instrument.currency, prices)
        if closing == quantity or found is None or rate is None:
            return closing
        equity, gross = found
        unit = price * instrument.multiplier * rate
        equity += held * unit

        def lacking(part: Decimal) -> Decimal:
            return share * (gross + abs(held + sign * part) * unit) - equity + fee(part) * rate

        return _most(quantity, closing, lacking, instrument)

    # -- the books

    def cash_in(self, currency: str) -> Decimal:
        """Cash in one currency; negative where it is owed."""
        return self.cash if currency == self.currency else self.foreign.get(currency, ZERO)

    def book(
        self,
        instrument: Instrument,
        signed: Decimal,
        price: Decimal,
        fee: Decimal,
        fee_in_base: bool,
        at: int,
        now: int | None = None,
    ) -> None:
        """A fill: `signed` units at `price`, traded at `at`; `fee` in money, or in units where it is taken in the base coin.
        `now` is when it became known (a bar's end), if later."""
        symbol = instrument.symbol
        money = -signed * price * instrument.multiplier
        if fee_in_base:
            coins = signed - fee
        else:
            coins, money = signed, money - fee
        held = self.quantities[symbol] = self.quantities.get(symbol, ZERO) + coins
        if instrument.currency == self.currency:
            self.cash += money
        else:
            self.foreign[instrument.currency] = self.foreign.get(instrument.currency, ZERO) + money
        if self._timed or held < 0 or self.cash < 0 or self.foreign:
            if self.terms.settlement_days and signed < 0:
                self._settling.append((settles_at(at, self.terms.settlement_days), instrument.currency, money))
            self._begin(at if now is None else now)
        if self.terms.liquidates:
            self._called = False

    def flow(self, flow: CashFlow) -> None:
        """Money that came or went without a trade."""
        if flow.currency == self.currency:
            self.cash += flow.amount
        else:
            self.foreign[flow.currency] = self.foreign.get(flow.currency, ZERO) + flow.amount

    # -- what time brings

    def _begin(self, at: int) -> None:
        self._done = max(self._done, at)
        self._plan()

    def _plan(self) -> None:
        """Find the next moment."""
        self.due = min(self._next(), min((at for at, _, _ in self._settling), default=NEVER))

    def _next(self) -> int:
        """The next moment of interest, funding, or of looking whether equity is below zero."""
        financing, done = self._financing, self._done
        at = midnight(done) if financing.daily or self._exposed() else NEVER
        for symbol in financing.funded:
            if self.quantities.get(symbol):
                at = min(at, financing.next_funding(symbol, done))
        return at

    def _exposed(self) -> bool:
        """Whether equity could fall below zero: something is owed."""
        return (
            self.cash < 0
            or any(money < 0 for money in self.foreign.values())
            or any(quantity < 0 for quantity in self.quantities.values())
        )

    def advance(self, at: int, price: Price) -> list[CashFlow | MarginCall]:
        """Settlement, interest and funding up to `at`: booked, and told; and the margin call that follows, if one does."""
        self._settling = [entry for entry in self._settling if entry[0] > at]
        told: list[CashFlow | MarginCall] = []
        if self._done >= 0:
            while (moment := self._next()) <= at:
                self._done = moment
                for flow in self._charges(moment, price):
                    self.flow(flow)
                    told.append(flow)
        self._begin(at)
        call = self.short_of_margin(price)
        return told if call is None else [*told, call]

    def _charges(self, moment: int, price: Price) -> list[CashFlow]:
        """What is due at one moment: interest on cash, borrowed shares, funding."""
        flows = []
        if self._financing.daily and not moment % DAY:
            flows += [
                self._flow("interest", of, self._financing.interest(b)) for of, b in self._balances(price).items()
            ]
            flows += [
                self._flow("borrow", self._instruments[symbol].currency, self._financing.borrow(value), symbol)
                for symbol, value in self._values(price).items()
                if value < 0 and not derivative(self._instruments[symbol])
            ]
        for symbol, value in self._values(price).items():
            if symbol in self._financing.funded and self._financing.next_funding(symbol, moment - 1) == moment:
                amount = self._financing.funding(symbol, moment, value)
                flows.append(self._flow("funding", self._instruments[symbol].currency, amount, symbol))
        return [flow for flow in flows if flow.amount]

    def _flow(self, kind: str, currency: str, amount: Decimal, symbol: str = "") -> CashFlow:
        return CashFlow(strategy=self.strategy, kind=kind, currency=currency, amount=amount, symbol=symbol)

    def _balances(self, price: Price) -> dict[str, Decimal]:
        """Cash by currency, the value of derivatives put back: nobody paid it."""
        found = {self.currency: self.cash, **self.foreign}
        for symbol, value in self._values(price).items():
            if derivative(self._instruments[symbol]):
                found[self._instruments[symbol].currency] += value
        return found

    def _values(self, price: Price) -> dict[str, Decimal]:
        """Every position at its last price, in its own currency; without those whose price nobody knows."""
        found = {}
        for symbol, quantity in self.quantities.items():
            last = price(symbol) if quantity else None
            if last is not None:
                found[symbol] = quantity * last * self._instruments[symbol].multiplier
        return found

    # -- margin

    def short_of_margin(self, price: Price) -> MarginCall | None:
        """The margin call that is due at these prices: once, until equity suffices again; and once more as equity falls below
        zero meanwhile."""
        found = self._standing(price)
        if found is None:
            return None
        equity, gross = found
        required = self.terms.maintenance_margin * gross
        if equity >= required:
            self._called = False
            return None
        if self._called and (equity >= 0 or self._ruined):
            return None
        self._ruined = equity < 0
        self._called = True
        return MarginCall(strategy=self.strategy, equity=equity, required=required, liquidates=self.terms.liquidates)

    def liquidation(self, price: Price, cost: Decimal = ZERO) -> list[tuple[str, Decimal]]:
        """What must be traded (signed) so that equity reaches the maintenance margin at these prices; `cost` is the share of
        its value that the trade itself is expected to take, or what it leaves would be short again."""
        found = self._standing(price)
        share = self.terms.maintenance_margin
        if found is None or not share or found[0] >= share * found[1]:
            return []
        equity, gross = found
        excess = (share * gross - max(ZERO, equity)) / (share - cost) if cost < share else gross
        worth = {s: value * self._rate(s, price) for s, value in self._values(price).items()}
        orders = []
        for symbol in sorted(worth, key=lambda symbol: (-abs(worth[symbol]), symbol)):
            if excess <= 0:
                break
            held, value = self.quantities[symbol], abs(worth[symbol])
            part = abs(held)
            if excess < value:
                lot = self._instruments[symbol].lot_size
                lots = (part * excess / value / lot).to_integral_value(ROUND_CEILING)
                part = min(part, lots * lot)
            orders.append((symbol, -part if held > 0 else part))
            excess -= value
        return orders

    def _standing(self, price: Price, besides: str = "") -> tuple[Decimal, Decimal] | None:
        """Equity and gross value in the home currency, without one symbol; None where a price or rate is not known."""
        equity, gross = self._total(price), ZERO
        if equity is None:
            return None
        for symbol, quantity in self.quantities.items():
            if quantity and symbol != besides:
                last, rate = price(symbol), self._conversion.home(self._instruments[symbol].currency, price)
                if last is None or rate is None:
                    return None
                value = quantity * last * self._instruments[symbol].multiplier * rate
                equity += value
                gross += abs(value)
        return equity, gross

    def _rate(self, symbol: str, price: Price) -> Decimal:
        return self._conversion.home(self._instruments[symbol].currency, price) or ZERO

    def _total(self, price: Price) -> Decimal | None:
        """Cash in all currencies, at home."""
        total = self.cash
        for currency, money in self.foreign.items():
            rate = self._conversion.home(currency, price) if money else ZERO
            if rate is None:
                return None
            total += money * rate
        return total


def _most(quantity: Decimal, least: Decimal, lacking: Callable[[Decimal], Decimal], instrument: Instrument) -> Decimal:
    """The largest quantity, whole lots below `quantity`, for which nothing is `lacking`; `least` is always allowed."""
    short = lacking(quantity)
    if short <= 0:
        return quantity
    # What a unit needs, its fee included: taken off at once where that is the same for all.
    unit = (short - lacking(least)) / (quantity - least) if quantity > least else ONE
    part = quantity
    while part > least:
        short = lacking(part)
        if short <= 0:
            return part
        part -= max(instrument.lot_size, instrument.round_quantity(short / unit)) if unit > 0 else instrument.lot_size
    return least
