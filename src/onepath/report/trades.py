"""Round trips: what was bought matched with what was sold, first in first out, by strategy and symbol.

Rules: a round trip joins one entry order with one exit order; partial fills of the same pair are one trip, at their
average price. A fill that crosses zero closes first and opens with the rest. Fees and slippage of a fill go to its
parts in proportion, and the last part takes what is left: their sum over trips and open lots is the fills' sum, to the
last digit. Profit is in the instrument's currency, after fees. Slippage is in the prices already and only told apart.
Corporate actions restate open lots (`lots.py`); dividends, interest and the like are no part of a trip.
Limits: fills are expected in the order they happened; currencies are not converted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext

import msgspec

from onepath.actions import CorporateAction
from onepath.events import Fill
from onepath.instruments import ONE, ZERO
from onepath.report.lots import Lot, Lots, act


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
class _Trip:
    """A round trip under way: one entry order against one exit order."""

    entry: Lot
    exit: Lot
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

    lots: Lots = field(default_factory=deque)
    trips: list[_Trip] = field(default_factory=list)


_Books = dict[tuple[str, str], _Book]


def round_trips(
    fills: Iterable[Fill],
    multipliers: Mapping[str, Decimal] | None = None,
    *,
    actions: Sequence[tuple[int, CorporateAction]] = (),
    lots: Mapping[str, Decimal] | None = None,
    bases: Mapping[str, str] | None = None,
) -> Trades:
    """Match `fills` first in first out.

    By symbol: `multipliers` and lot sizes (`lots`), one where they are silent; `bases`, the coin that a fee may be taken in.
    `actions`: each with the number of fills that came before it.
    """
    books: _Books = {}
    waiting = deque(actions)
    with localcontext(Context(prec=60)):
        for number, fill in enumerate(fills):
            while waiting and waiting[0][0] <= number:
                _act(books, waiting.popleft()[1], lots or {})
            _match(_book(books, fill.strategy, fill.symbol), _lot(fill, (bases or {}).get(fill.symbol, "")))
        for _, action in waiting:
            _act(books, action, lots or {})
        return _close(books, multipliers or {})


def _book(books: _Books, strategy: str, symbol: str) -> _Book:
    return books.setdefault((strategy, symbol), _Book())


def _act(books: _Books, action: CorporateAction, sizes: Mapping[str, Decimal]) -> None:
    for strategy, symbol in [key for key in books if key[1] == action.symbol]:
        for into, lot in act(books[strategy, symbol].lots, action, sizes):
            _match(_book(books, strategy, into), lot)


def _lot(fill: Fill, base: str) -> Lot:
    """What a fill opens or closes. A fee in the coin leaves less of it, and is worth the fill's price; one in a third
    currency stands apart."""
    fee, quantity = fill.fee, fill.quantity
    if fill.fee_currency:
        in_coin = fill.fee_currency == base
        quantity -= fee if in_coin else ZERO
        fee = fee * fill.price if in_coin else ZERO
    sign = 1 if quantity > 0 else -1
    return Lot(fill.order_id, sign, abs(quantity), fill.executed_at, fill.price, fee, fill.slippage)


def _match(book: _Book, new: Lot) -> None:
    """Close what stands against `new`, oldest first; what is left of it opens."""
    while new.left and book.lots and book.lots[0].sign != new.sign:
        old = book.lots[0]
        _pair(book, old, new, min(old.left, new.left))
        if not old.left:
            book.lots.popleft()
    if new.left:
        book.lots.append(new)


def _pair(book: _Book, old: Lot, new: Lot, quantity: Decimal) -> None:
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


def _open(key: tuple[str, str], lot: Lot) -> OpenLot:
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
