"""What became of every order and what it cost, folded from the rows of a journal alone.

Rules: money is exact (Decimal under 60 digits) and positive where it is a cost. What the journal does not tell is None,
never zero: journals written before orders carried their decision price have no arrival and no shortfall. A cost is in its
instrument's currency; a fee taken in the instrument's base coin is worth what the fill paid for the coin; a fee in any
other currency stays apart (`foreign`) and leaves the order's shortfall unknown, because no rate is known.
Limits: the last price of what never filled comes from the journal's `prices` rows, which are as fine as its marks; a venue's
restatement after a split does not move the decision price, so such an order's arrival is unknown.
Cost: one pass; memory grows with orders and denials, not with rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from onepath import events
from onepath.instruments import ONE, ZERO
from onepath.journal.codec import KINDS, decode
from onepath.orders import Denied, Order, OrderType
from onepath.report.shortfall import Shortfall, decision_price, market_price, possible_price, shortfall
from onepath.report.shortfall import waits as may_never_trade

if TYPE_CHECKING:
    from onepath.ports import Row
    from onepath.report.record import Rows

EXACT = Context(prec=60)
CARRY = ("borrow", "interest", "funding")
"""kinds of cash that are a cost of holding; dividends, deposits and withdrawals are none"""
_MARKET = OrderType.MARKET
_HOUR = 3_600_000_000_000


class Measured(NamedTuple):
    """A cost against a price, and what the traded quantity was worth at that price; both None where it is unknown."""

    cost: Decimal | None
    value: Decimal | None


UNKNOWN = Measured(None, None)


class OrderCost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order: what it asked for, what it got, and what that cost (money in `currency`, positive is cost)."""

    id: int
    strategy: str
    symbol: str
    currency: str
    type: str
    side: str
    at: int
    """when it was decided"""
    quantity: Decimal
    """of its last terms"""
    filled: Decimal
    fills: int
    status: str
    """filled, cancelled, expired, rejected or working; what filled of it stands in `filled`"""
    reason: str
    """of a rejection"""
    decision: Decimal | None
    """the price that arrival is measured against"""
    first_fill: int | None
    last_fill: int | None
    notional: Decimal
    """value traded, at the prices paid"""
    made: Decimal
    """what of it was traded as maker"""
    commission: Decimal
    rebate: Decimal
    """zero or negative"""
    slippage: Decimal
    """as the venue's model charged it"""
    foreign: tuple[tuple[str, Decimal], ...]
    """fees in currencies that have no known rate"""
    arrival: Measured
    mid: Measured
    next_open: Measured
    shortfall: Shortfall | None
    forced: bool
    cancels: int
    cancels_refused: int
    replaces: int
    replaced: int
    replaces_refused: int
    restated: int

    @property
    def hour(self) -> int:
        """Hour of the day, UTC, in which it was decided."""
        return hour_of(self.at)

    @property
    def bps(self) -> float | None:
        """Slippage against arrival in hundredths of a per cent of the value at arrival."""
        cost, value = self.arrival
        return float(cost / value) * 10_000 if cost is not None and value else None


class Denial(NamedTuple):
    """An order our own checks stopped."""

    strategy: str
    symbol: str
    type: str
    hour: int
    reason: str


class Carry(NamedTuple):
    """Where a cost of holding belongs to; such costs have no order and so no type."""

    strategy: str
    symbol: str
    hour: int
    currency: str
    kind: str


class Ledgered(NamedTuple):
    """All that was read: orders in the order they were sent, denials, and costs of holding added up."""

    orders: tuple[OrderCost, ...]
    denials: tuple[Denial, ...]
    carry: dict[Carry, Decimal]


class _Terms(NamedTuple):
    """What is needed of an instrument."""

    currency: str = ""
    base: str = ""
    multiplier: Decimal = ONE


@dataclass(slots=True, eq=False)
class _Deal:
    """An order being followed."""

    order: Order
    terms: _Terms
    quantity: Decimal
    stop: Decimal | None
    limit: Decimal | None
    forced: bool = False
    status: str = "working"
    reason: str = ""
    filled: Decimal = ZERO
    fills: int = 0
    paid: Decimal = ZERO
    made: Decimal = ZERO
    commission: Decimal = ZERO
    rebate: Decimal = ZERO
    slippage: Decimal = ZERO
    foreign: dict[str, Decimal] | None = None
    opened: Decimal | None = None
    mid_quantity: Decimal = ZERO
    mid_value: Decimal = ZERO
    mid_paid: Decimal = ZERO
    first_fill: int | None = None
    last_fill: int | None = None
    last: Decimal | None = None
    """last price known, for what never filled"""
    split: bool = False
    cancels: int = 0
    cancels_refused: int = 0
    replaces: int = 0
    replaced: int = 0
    replaces_refused: int = 0
    restated: int = 0


@dataclass(slots=True)
class Reading:
    """The fold: `take` every row, then `finish`."""

    terms: dict[str, _Terms] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    deals: dict[int, _Deal] = field(default_factory=dict)
    denials: list[Denial] = field(default_factory=list)
    carry: dict[Carry, Decimal] = field(default_factory=dict)
    prices: tuple[float | None, ...] = ()
    prices_at: int = -1
    unpriced: list[_Deal] = field(default_factory=list)
    """ended without a price known since their decision: the next one is taken"""

    def take(self, row: Row, event: Any) -> None:
        """One row, decoded; kinds that say nothing of execution are passed over."""
        told = _READ.get(type(event))
        if told is not None:
            with localcontext(EXACT):
                told(self, row, event)

    def finish(self) -> Ledgered:
        """All orders as they ended; to be called once."""
        with localcontext(EXACT):
            for deal in self.deals.values():
                if deal.status == "working":
                    self._price(deal)
            orders = tuple(_finished(self.deals.pop(key)) for key in list(self.deals))
        return Ledgered(orders, tuple(self.denials), self.carry)

    def _started(self, row: Row, event: events.SessionStarted) -> None:
        for fact in event.instruments:
            symbol, multiplier = str(fact["symbol"]), Decimal(str(fact.get("multiplier", ONE)))
            self.terms[symbol] = _Terms(str(fact.get("currency", "")), str(fact.get("base", "")), multiplier)
        self.symbols = tuple(self.terms)

    def _sent(self, row: Row, order: Order, forced: bool = False) -> None:
        terms = self.terms.get(order.symbol) or _Terms()
        self.deals[order.id] = _Deal(order, terms, order.quantity, order.stop, order.limit, forced)

    def _forced(self, row: Row, event: events.Forced) -> None:
        self._sent(row, event.order, forced=True)

    def _denied(self, row: Row, event: Denied) -> None:
        order = event.order
        reason = event.code or event.reason
        self.denials.append(Denial(order.strategy, order.symbol, str(order.type), hour_of(row.at), reason))

    def _filled(self, row: Row, fill: events.Fill) -> None:
        deal = self.deals.get(fill.order_id)
        if deal is None:
            return
        quantity, multiplier = abs(fill.quantity), deal.terms.multiplier
        paid = quantity * fill.price
        if not deal.fills:
            deal.first_fill = fill.executed_at
            deal.opened = _first_price(deal, fill, quantity)
        deal.last_fill = fill.executed_at
        deal.fills += 1
        deal.filled += quantity
        deal.paid += paid
        deal.slippage += fill.slippage
        if fill.maker:
            deal.made += paid * multiplier
        if fill.mid is not None:
            deal.mid_quantity += quantity
            deal.mid_value += quantity * fill.mid
            deal.mid_paid += paid
        if fill.fee:
            _charge(deal, fill)
        if not fill.remaining:
            deal.status = "filled"
            deal.quantity = deal.filled

    def _ended(self, row: Row, event: Any) -> None:
        deal = self.deals.get(event.order_id)
        if deal is not None and deal.status == "working":
            deal.status = _ENDS[type(event)]
            deal.reason = event.reason if type(event) is events.Rejected else ""
            self._price(deal)

    def _price(self, deal: _Deal) -> None:
        """The last price known when the order ended, if it is no older than the decision; else the next one."""
        if deal.filled < deal.quantity and not may_never_trade(deal.order):
            if self.prices_at >= deal.order.submitted_at:
                self._look_up(deal)
            if deal.last is None:
                self.unpriced.append(deal)

    def _look_up(self, deal: _Deal) -> None:
        symbol = deal.order.symbol
        price = self.prices[self.symbols.index(symbol)] if symbol in self.terms else None
        deal.last = None if price is None or isnan(price) else Decimal(repr(price))

    def _priced(self, row: Row, event: events.Prices) -> None:
        self.prices, self.prices_at = event.prices, row.at
        if self.unpriced:
            for deal in self.unpriced:
                self._look_up(deal)
            self.unpriced = [deal for deal in self.unpriced if deal.last is None]

    def _count(self, order_id: int, name: str) -> None:
        deal = self.deals.get(order_id)
        if deal is not None:
            setattr(deal, name, getattr(deal, name) + 1)

    def _replaced(self, row: Row, event: events.Replaced) -> None:
        self._count(event.order_id, "restated" if event.reason else "replaced")
        deal = self.deals.get(event.order_id)
        if deal is not None:
            # Filled counts what was done in today's units: where it differs, the units themselves have changed.
            deal.split = deal.split or event.filled != deal.filled or "split" in event.reason.lower()
            deal.quantity, deal.stop, deal.limit = event.quantity, event.stop, event.limit

    def _carried(self, row: Row, event: events.CashFlow) -> None:
        if event.kind in CARRY:
            key = Carry(event.strategy, event.symbol, hour_of(row.at), event.currency, event.kind)
            self.carry[key] = self.carry.get(key, ZERO) - event.amount


_ENDS: dict[Any, str] = {events.Cancelled: "cancelled", events.Expired: "expired", events.Rejected: "rejected"}


def _counting(name: str) -> Callable[[Reading, Row, Any], None]:
    return lambda reading, _row, event: reading._count(event.order_id, name)


_READ: dict[type, Callable[[Reading, Row, Any], None]] = {
    events.SessionStarted: Reading._started,
    Order: Reading._sent,
    events.Forced: Reading._forced,
    Denied: Reading._denied,
    events.Fill: Reading._filled,
    **dict.fromkeys(_ENDS, Reading._ended),
    events.CancelRequested: _counting("cancels"),
    events.CancelRejected: _counting("cancels_refused"),
    events.ReplaceRequested: _counting("replaces"),
    events.ReplaceRejected: _counting("replaces_refused"),
    events.Replaced: Reading._replaced,
    events.Prices: Reading._priced,
    events.CashFlow: Reading._carried,
}
READ = tuple(kind for kind, type_ in KINDS.items() if type_ in _READ)
"""the kinds of rows that tell of execution"""


def read(journal: Rows) -> Ledgered:
    """Every order of `journal` and what it cost. Raises JournalError where the journal does not read."""
    reading = Reading()
    for row in journal.rows(READ):
        reading.take(row, decode(row))
    return reading.finish()


def hour_of(at: int) -> int:
    """Hour of the day, UTC."""
    return at // _HOUR % 24


def _first_price(deal: _Deal, fill: events.Fill, quantity: Decimal) -> Decimal | None:
    """The market's price when the order could first have traded: told by the fill, or the fill's own market price. Of a
    journal that knows no decision prices only a market order's is sure: a limit may have waited."""
    if fill.opened is not None:
        return fill.opened
    if deal.order.reference is None and deal.order.type is not _MARKET:
        return None
    return market_price(fill.price, deal.order.side.sign, fill.slippage, quantity * deal.terms.multiplier)


def _charge(deal: _Deal, fill: events.Fill) -> None:
    """Sort a fee: commission or rebate, in the instrument's currency if a rate is known."""
    currency, fee = fill.fee_currency, fill.fee
    if currency and currency != deal.terms.currency:
        if currency != deal.terms.base:
            deal.foreign = deal.foreign or {}
            deal.foreign[currency] = deal.foreign.get(currency, ZERO) + fee
            return
        fee *= fill.price
    if fee > 0:
        deal.commission += fee
    else:
        deal.rebate += fee


def _finished(deal: _Deal) -> OrderCost:
    order, terms, sign = deal.order, deal.terms, deal.order.side.sign
    size = sign * terms.multiplier
    decision = None if deal.split else decision_price(order, deal.stop, deal.limit)
    opened = None if deal.split else possible_price(order, decision, deal.opened)
    unfilled = ZERO if may_never_trade(order) else max(ZERO, deal.quantity - deal.filled)
    fees = None if deal.foreign else deal.commission + deal.rebate
    return OrderCost(
        id=order.id,
        strategy=order.strategy,
        symbol=order.symbol,
        currency=terms.currency,
        type=str(order.type),
        side=str(order.side),
        at=order.submitted_at,
        quantity=deal.quantity,
        filled=deal.filled,
        fills=deal.fills,
        status=deal.status,
        reason=deal.reason,
        decision=decision,
        first_fill=deal.first_fill,
        last_fill=deal.last_fill,
        notional=abs(deal.paid * terms.multiplier),
        made=abs(deal.made),
        commission=deal.commission,
        rebate=deal.rebate,
        slippage=deal.slippage,
        foreign=tuple(sorted((deal.foreign or {}).items())),
        arrival=_against(decision, deal.paid, deal.filled, size),
        mid=_measured(deal.mid_paid, deal.mid_value, deal.mid_quantity, size),
        next_open=_against(opened, deal.paid, deal.filled, size),
        shortfall=shortfall(deal.paid, deal.filled, unfilled, size, decision, opened, deal.last, fees),
        forced=deal.forced,
        cancels=deal.cancels,
        cancels_refused=deal.cancels_refused,
        replaces=deal.replaces,
        replaced=deal.replaced,
        replaces_refused=deal.replaces_refused,
        restated=deal.restated,
    )


def _against(price: Decimal | None, paid: Decimal, quantity: Decimal, size: Decimal) -> Measured:
    return UNKNOWN if price is None else _measured(paid, price * quantity, quantity, size)


def _measured(paid: Decimal, value: Decimal, quantity: Decimal, size: Decimal) -> Measured:
    return Measured((paid - value) * size, abs(value * size)) if quantity else UNKNOWN
