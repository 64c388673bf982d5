"""What a corporate action does to a position, to the last price, and to prices seen before: pure rules.

Rules, by action; `cost` is the money a position was bought for, and goes where the units go:
- split, stock dividend: quantity x ratio (x 1 + r); the cost stays. What is no whole grain (the lot, or one unit where the
  lot is larger) is sold: paid in cash at `cash_price`, else at price / ratio, with its share of the cost; kept where no
  price is known.
- cash dividend: quantity x amount as income of whoever holds at `at`; shorts pay it. Booked at the ex-date.
- spin-off: quantity x ratio of the new symbol, with `cost_share` of the cost. Its fractions as above, at `cash_price`.
- merger: quantity x ratio of the new symbol, and cash. The cost is divided between them as cash is to the last price: the
  cash part's profit is realised, the rest goes on.
- symbol change: everything goes on under the new name. Delisting: sold at `price`.
Who holds the new symbol already has what comes added; long meets short as in any trade.
Cash of sold units (`ledger.PROCEEDS`) has its profit in `realised`; a dividend is income beside it. Divisions are rounded at the
twelfth decimal, half to even, and what is left stays where it was, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from onepath.actions import (
    CashDividend,
    CorporateAction,
    Delisting,
    Merger,
    SpinOff,
    Split,
    StockDividend,
    SymbolChange,
    ratio_of,
)
from onepath.events import CashFlow, PositionEvent
from onepath.instruments import ONE, ZERO, Instrument
from onepath.ledger import EXACT, PROCEEDS, Ledger, Position
from onepath.market import Bar, MarketEvent, Trade, exact_mark

_GRAIN = Decimal("1e-12")
OF_ACTIONS = PROCEEDS | {"dividend"}
"""the kinds of cash flow that an action makes in our books; what is said beside them (interest) is the venue's"""


class Holding(NamedTuple):
    """What is held of a symbol after the action; `change` is adjusted, moved (it came from `symbol` of the action) or closed;
    `realised` the profit that was taken on the way."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    change: str


class Payment(NamedTuple):
    """Money that comes (or goes): `kind` as in CashFlow."""

    kind: str
    symbol: str
    amount: Decimal


class Adjustment(NamedTuple):
    """All that an action does to one position, in order."""

    holdings: tuple[Holding, ...]
    payments: tuple[Payment, ...] = ()


class _Units(NamedTuple):
    """Whole grains and what is left over, both signed, with the cost of each."""

    quantity: Decimal
    cost: Decimal
    fraction: Decimal
    fraction_cost: Decimal


def adjusted(
    held: Position, into: Position | None, action: CorporateAction, instruments: Mapping[str, Instrument]
) -> Adjustment:
    """What `action` does to `held`; `into` is what is held of the action's new symbol already. Run under `ledger.EXACT`."""
    if isinstance(action, Split | StockDividend):
        return _split(held, action, instruments[held.symbol])
    if isinstance(action, CashDividend):
        amount = held.quantity * action.amount * held.multiplier
        return Adjustment((), (Payment("dividend", held.symbol, amount),))
    if isinstance(action, SpinOff):
        return _spun_off(held, into, action, instruments[action.into])
    if isinstance(action, Merger):
        return _merged(held, into, action, instruments)
    if isinstance(action, SymbolChange):
        gone = Holding(held.symbol, ZERO, ZERO, ZERO, "moved")
        return Adjustment((gone, _joined(into, action.into, held.quantity, held.cost)))
    return _delisted(held, action)


def act(
    ledger: Ledger, action: CorporateAction, instruments: Mapping[str, Instrument]
) -> list[PositionEvent | CashFlow]:
    """Book what `action` does to the position that a ledger holds, and tell it in order; nothing where it holds none."""
    held = ledger.positions.get(action.symbol)
    if held is None:
        return []
    into = ledger.positions.get(getattr(action, "into", ""))
    found = adjusted(held, into, action, instruments)
    events: list[PositionEvent | CashFlow] = [
        ledger.restate(h.symbol, h.quantity, h.cost, h.realised, h.change) for h in found.holdings
    ]
    for kind, symbol, amount in found.payments:
        flow = CashFlow(
            strategy=ledger.strategy, kind=kind, currency=instruments[symbol].currency, amount=amount, symbol=symbol
        )
        ledger.flow(flow)
        events.append(flow)
    return events


def _split(held: Position, action: Split | StockDividend, instrument: Instrument) -> Adjustment:
    ratio = ratio_of(action) or ONE
    price = action.cash_price
    if price is None and action.price is not None:
        price = (action.price / ratio).quantize(_GRAIN)
    units = _whole(held.quantity * ratio, held.cost, instrument, price)
    paid = units.fraction * (price or ZERO) * held.multiplier
    change = "adjusted" if units.quantity else "closed"
    holding = Holding(held.symbol, units.quantity, units.cost, paid - units.fraction_cost, change)
    return Adjustment((holding,), _fraction(held.symbol, units, paid))


def _spun_off(held: Position, into: Position | None, action: SpinOff, instrument: Instrument) -> Adjustment:
    moved = (held.cost * action.cost_share).quantize(_GRAIN)
    units = _whole(held.quantity * action.ratio, moved, instrument, action.cash_price)
    paid = units.fraction * (action.cash_price or ZERO) * instrument.multiplier
    old = Holding(held.symbol, held.quantity, held.cost - moved, paid - units.fraction_cost, "adjusted")
    new = (_joined(into, action.into, units.quantity, units.cost),) if units.quantity else ()
    return Adjustment((old, *new), _fraction(action.into, units, paid))


def _merged(held: Position, into: Position | None, action: Merger, instruments: Mapping[str, Instrument]) -> Adjustment:
    cash = held.quantity * action.cash * held.multiplier
    sold = (held.cost * _cash_share(action)).quantize(_GRAIN)
    payments = (Payment("merger", held.symbol, cash),) if cash else ()
    if not action.ratio:
        return Adjustment((Holding(held.symbol, ZERO, ZERO, cash - held.cost, "closed"),), payments)
    instrument = instruments[action.into]
    units = _whole(held.quantity * action.ratio, held.cost - sold, instrument, action.cash_price)
    paid = units.fraction * (action.cash_price or ZERO) * instrument.multiplier
    realised = cash - sold + paid - units.fraction_cost
    gone = Holding(held.symbol, ZERO, ZERO, realised, "moved" if units.quantity else "closed")
    new = (_joined(into, action.into, units.quantity, units.cost),) if units.quantity else ()
    return Adjustment((gone, *new), (*payments, *_fraction(action.into, units, paid)))


def _cash_share(action: Merger) -> Decimal:
    """The part of the cost that the cash pays for."""
    if not action.ratio:
        return ONE
    return min(ONE, action.cash / action.price) if action.price else ZERO


def _delisted(held: Position, action: Delisting) -> Adjustment:
    paid = held.quantity * (action.price or ZERO) * held.multiplier
    gone = Holding(held.symbol, ZERO, ZERO, paid - held.cost, "closed")
    return Adjustment((gone,), (Payment("delisting", held.symbol, paid),) if paid else ())


def _whole(quantity: Decimal, cost: Decimal, instrument: Instrument, price: Decimal | None) -> _Units:
    grain = min(instrument.lot_size, ONE)
    whole = (quantity / grain).to_integral_value(ROUND_DOWN) * grain
    fraction = quantity - whole
    if not fraction or price is None:
        return _Units(quantity, cost, ZERO, ZERO)
    sold = (cost * fraction / quantity).quantize(_GRAIN) if whole else cost
    return _Units(whole, cost - sold, fraction, sold)


def _fraction(symbol: str, units: _Units, paid: Decimal) -> tuple[Payment, ...]:
    return (Payment("fraction", symbol, paid),) if units.fraction else ()


def _joined(old: Position | None, symbol: str, quantity: Decimal, cost: Decimal) -> Holding:
    """What comes, added to what is there; where one is long and the other short, they close each other."""
    if old is None:
        return Holding(symbol, quantity, cost, ZERO, "moved")
    total = old.quantity + quantity
    if (old.quantity > 0) == (quantity > 0):
        return Holding(symbol, total, old.cost + cost, ZERO, "moved")
    if not total:
        return Holding(symbol, ZERO, ZERO, -(old.cost + cost), "closed")
    larger, whole = (old.cost, old.quantity) if (total > 0) == (old.quantity > 0) else (cost, quantity)
    left = (larger * total / whole).quantize(_GRAIN)
    return Holding(symbol, total, left, left - old.cost - cost, "moved")


def remark(marks: MutableMapping[str, MarketEvent], action: CorporateAction) -> None:
    """Restate the last prices, so that what is held is worth the same just after the action as just before it.

    A spun-off symbol without a price of its own is worth the share of the cost that goes to it; one that has a price (it was
    traded when issued) takes just that off its parent, until somebody trades. Who takes over by a merger without a price of
    its own is worth what the cash leaves of the old price.
    """
    last = marks.get(action.symbol)
    if last is None:
        return
    price, ratio = last.mark, ratio_of(action)
    if ratio is not None:
        _mark(marks, last, action.symbol, price / float(ratio))
    elif isinstance(action, CashDividend):
        _mark(marks, last, action.symbol, max(0.0, price - float(action.amount)))
    elif isinstance(action, SymbolChange):
        _mark(marks, last, action.into, price)
        del marks[action.symbol]  # the old name may come back as something else
    elif isinstance(action, SpinOff) and action.into in marks:
        left = exact_mark(last) - action.ratio * exact_mark(marks[action.into])
        _mark(marks, last, action.symbol, max(0.0, float(left)))
    elif isinstance(action, SpinOff):
        share = float(action.cost_share)
        _mark(marks, last, action.symbol, price * (1 - share))
        _mark(marks, last, action.into, price * share / float(action.ratio))
    elif isinstance(action, Merger) and action.ratio and action.into not in marks:
        _mark(marks, last, action.into, max(0.0, price - float(action.cash)) / float(action.ratio))


def _mark(marks: MutableMapping[str, MarketEvent], last: MarketEvent, symbol: str, price: float) -> None:
    marks[symbol] = Trade(symbol, last.at, price, 0.0)


class Scale(NamedTuple):
    """What prices of before an action are multiplied by, to compare with those after it: 1 / `divisor` (exact, of splits)
    times `factor` (of dividends, if asked for)."""

    divisor: Decimal = ONE
    factor: float = 1.0

    def price(self, value: float) -> float:
        scaled = value / float(self.divisor)
        return scaled if self.factor == 1.0 else scaled * self.factor

    def volume(self, value: float) -> float:
        return value * float(self.divisor)

    def bar(self, bar: Bar) -> Bar:
        """`bar` in today's units."""
        opens, high, low, close = map(self.price, (bar.open, bar.high, bar.low, bar.close))
        return Bar(bar.symbol, bar.start, bar.at, opens, high, low, close, self.volume(bar.volume))

    def after(self, action: CorporateAction, dividends: bool) -> Scale:
        """This scale once `action` has come on top."""
        ratio = ratio_of(action)
        if ratio is not None:
            return Scale(EXACT.multiply(self.divisor, ratio), self.factor)
        if dividends and isinstance(action, CashDividend) and action.price:
            return Scale(self.divisor, self.factor * (1.0 - float(action.amount) / float(action.price)))
        return self


UNSCALED = Scale()
