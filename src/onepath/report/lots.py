"""Open lots: the unmatched rest of each entry, and what a corporate action makes of it.

Rules: a split, a spin-off, a merger or a new name restates the entry: units and price change, what was paid does not. What an
action pays for units (fractions, the cash of a merger, a delisting) is an exit at that price, without an order: `order` is
then the moment, negative. The cash of a merger sells as much of the lot as it is of the last price, the rest goes on.
Dividends are income beside the trade. The same rules as `adjustments`, lot by lot instead of by average cost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Context, Decimal, Inexact, localcontext

from onepath.actions import CorporateAction, Delisting, Merger, SpinOff, Split, StockDividend, SymbolChange, ratio_of
from onepath.instruments import ONE, ZERO

PLACES = -12
"""a part of a fee that does not divide evenly is cut here; the last part takes the remainder"""


@dataclass(slots=True)
class Lot:
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


Lots = deque[Lot]


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


def act(lots: Lots, action: CorporateAction, sizes: Mapping[str, Decimal]) -> Iterator[tuple[str, Lot]]:
    """Restate `lots`, and give what must be matched with the lots of a symbol before this goes on. `sizes`: lot sizes."""
    if not lots:
        return
    if isinstance(action, Split | StockDividend):
        yield from _split(lots, action, sizes)
    elif isinstance(action, SpinOff):
        yield from _spun_off(lots, action, sizes)
    elif isinstance(action, Merger):
        yield from _merged(lots, action, sizes)
    elif isinstance(action, SymbolChange):
        yield from _moved(lots, action.into, ONE)
    elif isinstance(action, Delisting):
        yield action.symbol, _exit(lots, action, _total(lots), action.price or ZERO)


def _total(lots: Lots) -> Decimal:
    return sum((lot.left for lot in lots), ZERO)


def _exit(lots: Lots, action: CorporateAction, quantity: Decimal, price: Decimal) -> Lot:
    return Lot(-action.at, -lots[0].sign, quantity, action.at, price, ZERO, ZERO)


def _fraction(total: Decimal, size: Decimal) -> Decimal:
    """What is no whole lot of `total`, nor a whole unit where lots are larger."""
    grain = min(size, ONE)
    return total - (total / grain).to_integral_value(ROUND_DOWN) * grain


def _split(lots: Lots, action: Split | StockDividend, sizes: Mapping[str, Decimal]) -> Iterator[tuple[str, Lot]]:
    ratio = ratio_of(action) or ONE
    for lot in lots:
        lot.left, lot.price = lot.left * ratio, lot.price / ratio
    price = action.cash_price
    if price is None and action.price is not None:
        price = action.price / ratio
    yield from _paid(lots, action, action.symbol, _fraction(_total(lots), sizes.get(action.symbol, ONE)), price)


def _paid(
    lots: Lots, action: CorporateAction, symbol: str, fraction: Decimal, price: Decimal | None
) -> Iterator[tuple[str, Lot]]:
    if fraction and price is not None:
        yield symbol, _exit(lots, action, fraction, price)


def _spun_off(lots: Lots, action: SpinOff, sizes: Mapping[str, Decimal]) -> Iterator[tuple[str, Lot]]:
    fraction = _fraction(_total(lots) * action.ratio, sizes.get(action.into, ONE))
    old, unit = ONE - action.cost_share, action.cost_share / action.ratio
    new = [replace(lot, left=lot.left * action.ratio, price=lot.price * unit, fee=ZERO, slippage=ZERO) for lot in lots]
    for lot in lots:
        lot.price *= old
    for lot in new:
        yield action.into, lot
    yield from _paid(lots, action, action.into, fraction, action.cash_price)


def _merged(lots: Lots, action: Merger, sizes: Mapping[str, Decimal]) -> Iterator[tuple[str, Lot]]:
    total = _total(lots)
    if not action.ratio:
        yield action.symbol, _exit(lots, action, total, action.cash)
        return
    fraction, first = _fraction(total * action.ratio, sizes.get(action.into, ONE)), lots[0]
    part = min(ONE, action.cash / action.price) if action.cash and action.price else ZERO
    if part:
        yield action.symbol, _exit(lots, action, total * part, action.cash / part)
    if part < ONE:
        yield from _moved(lots, action.into, action.ratio / (ONE - part))
        yield from _paid(deque([first]), action, action.into, fraction, action.cash_price)


def _moved(lots: Lots, into: str, ratio: Decimal) -> Iterator[tuple[str, Lot]]:
    """All lots under another name, each unit `ratio` of the new ones."""
    moving = [replace(lot, left=lot.left * ratio, price=lot.price / ratio) for lot in lots]
    lots.clear()
    for lot in moving:
        yield into, lot
