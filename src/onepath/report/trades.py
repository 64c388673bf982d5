"""Round trips: what was bought matched with what was sold, first in first out, by strategy and symbol.

Rules: a round trip joins one entry order with one exit order; partial fills of the same pair are one trip, at their
average price. A fill that crosses zero closes first and opens with the rest. Fees and slippage of a fill go to its
parts in proportion, and the last part takes what is left: their sum over trips and open lots is the fills' sum, to the
last digit. Profit is in the instrument's currency, after fees. Slippage is in the prices already and only told apart.
Limits: fills are expected in the order they happened; currencies are not converted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, localcontext

import msgspec

from onepath.events import Fill
from onepath.instruments import ONE, ZERO

PLACES = -12
"""a part of a fee that does not divide evenly is cut here; the last part takes the remainder"""


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """A position, or part of one, from entry to exit. `pnl` is net of `fees`; `slippage` is part of the prices."""

    strategy: str
    symbol: str
    side: str
    """long or short"""
    quantity: Decimal
    entry_at: int
    exit_at: int
    entry_price: Decimal
    exit_price: Decimal
    pnl: Decimal
    fees: Decimal
    slippage: Decimal
    value: Decimal
    """of the entry: quantity x price x multiplier"""

    @property
    def profit(self) -> float:
        """Net profit as a share of the entry's value (field name: return)."""
        return float(self.pnl / self.value) if self.value else float("nan")

    @property
    def holding(self) -> int:
        """Nanoseconds from entry to exit."""
        return self.exit_at - self.entry_at


class OpenLot(msgspec.Struct, frozen=True, kw_only=True):
    """What was entered and never left; fees and slippage are those of the entry."""

    strategy: str
    symbol: str
    side: str
    quantity: Decimal
    entry_at: int
    entry_price: Decimal
    fees: Decimal
    slippage: Decimal


class Trades(msgspec.Struct, frozen=True):
    """Round trips by exit, then the lots still open by entry."""

    trips: tuple[RoundTrip, ...]
    open: tuple[OpenLot, ...]


@dataclass(slots=True)
class _Lot:
    """The unmatched rest of one fill."""

    order: int
    sign: int
    left: Decimal
    at: int
    price: Decimal
    fee: Decimal
    slippage: Decimal

    def take(self, quantity: Decimal) -> tuple[Decimal, Decimal]:
        """Remove `quantity` and return its fee and slippage."""
        fee, slippage = share(self.fee, quantity, self.left), share(self.slippage, quantity, self.left)
        self.left, self.fee, self.slippage = self.left - quantity, self.fee - fee, self.slippage - slippage
        return fee, slippage


@dataclass(slots=True)
class _Trip:
    """A round trip under way: one entry order against one exit order."""

    entry: _Lot
    exit: _Lot
    entry_at: int
    exit_at: int
    quantity: Decimal = ZERO
    paid: Decimal = ZERO
    got: Decimal = ZERO
    fees: Decimal = ZERO
    slippage: Decimal = ZERO


@dataclass(slots=True)
class _Book:
    """Open lots and trips of one strategy in one symbol."""

    lots: deque[_Lot] = field(default_factory=deque)
    trips: list[_Trip] = field(default_factory=list)


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The part of `amount` that falls to `part` of `whole`: all of it for the whole, exact or cut at twelve places."""
    if part == whole or not amount:
        return amount
    with localcontext(Context(prec=50)) as context:
        value = amount * part / whole
        if not context.flags[Inexact]:
            return value
        exponent = amount.as_tuple().exponent
        assert isinstance(exponent, int)  # a fee is a number  # noqa: S101
        return value.quantize(Decimal((0, (1,), min(exponent, PLACES))))


def round_trips(fills: Iterable[Fill], multipliers: Mapping[str, Decimal] | None = None) -> Trades:
    """Match `fills` first in first out. `multipliers` by symbol; one where it is silent."""
    books: dict[tuple[str, str], _Book] = {}
    with localcontext(Context(prec=60)):
        for fill in fills:
            _match(books.setdefault((fill.strategy, fill.symbol), _Book()), _lot(fill))
        return _close(books, multipliers or {})


def _lot(fill: Fill) -> _Lot:
    sign = 1 if fill.quantity > 0 else -1
    return _Lot(fill.order_id, sign, abs(fill.quantity), fill.executed_at, fill.price, fill.fee, fill.slippage)


def _match(book: _Book, new: _Lot) -> None:
    """Close what stands against `new`, oldest first; what is left of it opens."""
    while new.left and book.lots and book.lots[0].sign != new.sign:
        old = book.lots[0]
        _pair(book, old, new, min(old.left, new.left))
        if not old.left:
            book.lots.popleft()
    if new.left:
        book.lots.append(new)


def _pair(book: _Book, old: _Lot, new: _Lot, quantity: Decimal) -> None:
    last = book.trips[-1] if book.trips else None
    key = (old.order, old.sign, new.order)
    if last is None or (last.entry.order, last.entry.sign, last.exit.order) != key:
        last = _Trip(old, new, entry_at=old.at, exit_at=new.at)
        book.trips.append(last)
    entry_fee, entry_slippage = old.take(quantity)
    exit_fee, exit_slippage = new.take(quantity)
    last.exit_at = new.at
    last.quantity += quantity
    last.paid += old.price * quantity
    last.got += new.price * quantity
    last.fees += entry_fee + exit_fee
    last.slippage += entry_slippage + exit_slippage


def _close(books: Mapping[tuple[str, str], _Book], multipliers: Mapping[str, Decimal]) -> Trades:
    trips = [_trip(key, trip, multipliers.get(key[1], ONE)) for key, book in books.items() for trip in book.trips]
    lots = [_open(key, lot) for key, book in books.items() for lot in book.lots]
    return Trades(
        tuple(sorted(trips, key=lambda trip: trip.exit_at)), tuple(sorted(lots, key=lambda lot: lot.entry_at))
    )


def _side(sign: int) -> str:
    return "long" if sign > 0 else "short"


def _trip(key: tuple[str, str], trip: _Trip, multiplier: Decimal) -> RoundTrip:
    gross = (trip.got - trip.paid) * trip.entry.sign * multiplier
    return RoundTrip(
        strategy=key[0],
        symbol=key[1],
        side=_side(trip.entry.sign),
        quantity=trip.quantity,
        entry_at=trip.entry_at,
        exit_at=trip.exit_at,
        entry_price=trip.paid / trip.quantity,
        exit_price=trip.got / trip.quantity,
        pnl=gross - trip.fees,
        fees=trip.fees,
        slippage=trip.slippage,
        value=abs(trip.paid) * multiplier,
    )


def _open(key: tuple[str, str], lot: _Lot) -> OpenLot:
    return OpenLot(
        strategy=key[0],
        symbol=key[1],
        side=_side(lot.sign),
        quantity=lot.left,
        entry_at=lot.at,
        entry_price=lot.price,
        fees=lot.fee,
        slippage=lot.slippage,
    )
