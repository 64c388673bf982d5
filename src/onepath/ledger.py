"""One strategy's books: cash, positions, fees, profit. Exact decimals; the only doors are `apply(fill)`, `flow(cashflow)` and,
for corporate actions, `restate`.

Rules, in each currency to the last digit: cash + value of positions = equity, and
capital + realised + unrealised - fees + flows = equity (flows: interest, funding, dividends, deposits). A fill books in its
instrument's currency; the home currency's figures are the ledger's own, every other currency has a `Purse`. Cost basis is kept
as money, not as a rounded average price: a partial close releases its share of the cost, rounded at the twelfth decimal, and the
rest stays, so nothing is lost. Average-cost method. A fee in the base coin (spot crypto: buy 1 BTC at 0.1 %) is taken off the
quantity: 0.999 come, its worth (fee x price) is in `fees`, and the cost is that of 0.999. A sale of a cash account pays after
its settlement days (`unsettled`).
Limits: translating currencies is the portfolio's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

import msgspec

from onepath.accounts import AccountTerms, home_currency, settles_at
from onepath.events import CashFlow, Fill, PositionEvent
from onepath.instruments import ZERO, Instrument

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Wide enough that products and sums of money are never rounded; the loop runs under it."""
_GRAIN = Decimal("1e-12")
_TERMS = AccountTerms()
PROCEEDS = frozenset({"fraction", "merger", "delisting"})
"""kinds of cash flow that pay for units"""


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
        """Worth at `price`, in the instrument's currency; negative when short."""
        return EXACT.multiply(EXACT.multiply(self.quantity, price), self.multiplier)


class Purse:
    """One foreign currency: its cash and what was earned and spent in it."""

    __slots__ = ("cash", "fees", "flows", "realised", "slippage")

    def __init__(self) -> None:
        self.cash = self.realised = self.fees = self.slippage = self.flows = ZERO


class Ledger:
    """Cash and positions of one strategy."""

    def __init__(
        self,
        strategy: str,
        capital: Decimal,
        instruments: Mapping[str, Instrument],
        lives: Iterator[int],
        terms: AccountTerms = _TERMS,
    ) -> None:
        """`lives` numbers positions; a session's ledgers share it. `terms` give the home currency and the settlement."""
        self.strategy = strategy
        self.capital = capital
        self.terms = terms
        self.instruments = instruments
        self.currency = home_currency(terms.currency, instruments.values())
        self.cash = capital
        self.fees = ZERO
        self.slippage = ZERO
        self.realised = ZERO
        self.flows = ZERO
        self.positions: dict[str, Position] = {}
        self.purses: dict[str, Purse] = {}
        """the currencies besides the home one, from the first booking in each"""
        self._multipliers = {symbol: i.multiplier for symbol, i in instruments.items()}
        self.abroad = {symbol: i.currency for symbol, i in instruments.items() if i.currency != self.currency}
        """the symbols booked in another currency, and in which"""
        # What books without a second look; a dictionary, so that the common fill pays for one lookup.
        plain = {} if terms.settlement_days else self._multipliers
        self._plain = {symbol: m for symbol, m in plain.items() if symbol not in self.abroad}
        self._settling: list[tuple[int, str, Decimal]] = []
        self._delay = terms.settlement_days
        self._lives = lives

    def quantity(self, symbol: str) -> Decimal:
        """Signed quantity held; zero when flat."""
        position = self.positions.get(symbol)
        return ZERO if position is None else position.quantity

    def multiplier(self, symbol: str) -> Decimal:
        return self._multipliers[symbol]

    def currency_of(self, symbol: str) -> str:
        """The currency that a symbol is booked in."""
        return self.abroad.get(symbol, self.currency)

    @property
    def foreign(self) -> dict[str, Decimal]:
        """Cash in every other currency that was ever booked."""
        return {currency: purse.cash for currency, purse in self.purses.items()}

    def unsettled(self, currency: str, at: int) -> Decimal:
        """What sales brought that may not be spent yet at `at`."""
        self._settling = [entry for entry in self._settling if entry[0] > at]
        return sum((money for _, of, money in self._settling if of == currency), ZERO)

    def apply(self, fill: Fill) -> PositionEvent:
        """Book a fill and tell what it did to the position."""
        symbol, quantity = fill.symbol, fill.quantity
        multiplier = self._plain.get(symbol)
        if multiplier is None or fill.fee_currency:
            return self._apply_abroad(fill)
        value = quantity * fill.price * multiplier
        self.cash -= value + fill.fee
        self.fees += fill.fee
        if fill.slippage:
            self.slippage += fill.slippage
        event = self._trade(symbol, quantity, value, fill.id)
        if event.realised:
            self.realised += event.realised
        return event

    def flow(self, flow: CashFlow) -> None:
        """Book money that came or went without a trade; what pays for units (`PROCEEDS`) is no income, its profit is in
        `realised` by `restate`."""
        book = self._book(flow.currency)
        book.cash += flow.amount
        if flow.kind not in PROCEEDS:
            book.flows += flow.amount

    def restate(
        self, symbol: str, quantity: Decimal, cost: Decimal, realised: Decimal = ZERO, change: str = "adjusted"
    ) -> PositionEvent:
        """A corporate action left `quantity` of a symbol, at `cost`, with `realised` profit on the way. Zero ends the position;
        what was not held before begins a new one."""
        old = self.positions.get(symbol)
        life = next(self._lives) if old is None else old.id
        position = Position(symbol, life, quantity, cost, self._multipliers[symbol])
        if quantity:
            self.positions[symbol] = position
        elif old is not None:
            del self.positions[symbol]
        self._book(self.currency_of(symbol)).realised += realised
        return self._event(symbol, position, change, realised, 0)

    def _book(self, currency: str) -> Ledger | Purse:
        """Where a currency's money is kept."""
        if currency == self.currency:
            return self
        return self.purses.setdefault(currency, Purse())

    def _apply_abroad(self, fill: Fill) -> PositionEvent:
        """A fill in another currency, with a fee in another one or in the base coin, or whose sale settles later."""
        symbol, quantity, fee = fill.symbol, fill.quantity, fill.fee
        currency, unit = self.currency_of(symbol), fill.price * self._multipliers[symbol]
        book = self._book(currency)
        paid = fill.fee_currency or currency
        if paid == currency:
            book.fees += fee
            book.cash -= quantity * unit + fee
        elif paid == self.instruments[symbol].base:
            quantity -= fee
            book.fees += fee * unit
            book.cash -= fill.quantity * unit
        else:
            other = self._book(paid)
            other.fees += fee
            other.cash -= fee
            book.cash -= quantity * unit
        book.slippage += fill.slippage
        if self._delay and fill.quantity < 0:
            brought = -fill.quantity * unit - (fee if paid == currency else ZERO)
            self._settling.append((settles_at(fill.executed_at, self._delay), currency, brought))
        event = self._trade(symbol, quantity, quantity * unit, fill.id)
        book.realised += event.realised
        return event

    def _trade(
        self, symbol: str, quantity: Decimal, value: Decimal, fill: int, life: int | None = None
    ) -> PositionEvent:
        """Move the position by `quantity` that costs `value` (signed alike); `life` numbers a new one."""
        old = self.positions.get(symbol)
        if old is None:
            position = Position(symbol, next(self._lives), quantity, value, self._multipliers[symbol])
            self.positions[symbol] = position
            return self._event(symbol, position, "opened", ZERO, fill)
        after = old.quantity + quantity
        if not after:
            del self.positions[symbol]
            closed = Position(symbol, old.id, ZERO, ZERO, old.multiplier)
            return self._event(symbol, closed, "closed", -value - old.cost, fill)
        if (old.quantity > 0) == (quantity > 0):
            return self._change(old, after, old.cost + value, ZERO, fill)
        if (old.quantity > 0) == (after > 0):
            released = (old.cost * quantity / -old.quantity).quantize(_GRAIN)
            return self._change(old, after, old.cost - released, -value - released, fill)
        return self._turn(old, after, quantity, value, fill)

    def _change(self, old: Position, quantity: Decimal, cost: Decimal, realised: Decimal, fill: int) -> PositionEvent:
        symbol = old.symbol
        position = self.positions[symbol] = Position(symbol, old.id, quantity, cost, old.multiplier)
        return self._event(symbol, position, "changed", realised, fill)

    def _turn(self, old: Position, after: Decimal, quantity: Decimal, value: Decimal, fill: int) -> PositionEvent:
        """Through zero: the old position is closed, the rest opens a new one on the other side."""
        symbol = old.symbol
        cost = value * after / quantity
        position = self.positions[symbol] = Position(symbol, next(self._lives), after, cost, old.multiplier)
        return self._event(symbol, position, "reversed", cost - value - old.cost, fill)

    def _event(self, symbol: str, position: Position, change: str, realised: Decimal, fill: int) -> PositionEvent:
        return PositionEvent(
            id=position.id,
            strategy=self.strategy,
            symbol=symbol,
            change=change,
            quantity=position.quantity,
            cost=position.cost,
            realised=realised,
            fill_id=fill,
        )
