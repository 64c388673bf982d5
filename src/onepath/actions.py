"""Corporate actions: what happens to a holding without a trade. Frozen values, exact decimals.

Rules: `at` is when it takes effect, before anything trades at that moment (the open of the ex-date, or its midnight at
the exchange). Ratios are new units for one old: 7 for a split seven for one, 0.05 for a reverse split one for twenty.
`price` is the symbol's last price before the action, in old units; the feed fills it in where it is None, so that the
engine and the venue work with the same one. `cash_price` is what fractions of a new unit are paid with; without it
they are paid at what `price` makes of a new unit, and where no price is known at all they are kept.
Amounts of money are on the scale of the price: an instrument's multiplier applies. Numbers may be given as int, float or
text: 0.1 becomes one tenth.
Limits: no rights issues, no elections, no tax; a spin-off is a dividend in another symbol (`SpinOff`). Money of a
dividend is booked at the ex-date, when the price loses it; `pay_at` is told, not waited for.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from onepath.errors import ConfigError
from onepath.instruments import ONE, number

_NUMBERS = ("ratio", "amount", "cost_share", "cash")
_PRICES = ("cash_price", "price")
"""may be unknown: None"""


def _exactly(action: CorporateAction) -> None:
    """Whatever number was given is held as a decimal. Raises ConfigError for what is none."""
    kind = f"{type(action).__name__}({action.symbol!r})"
    if type(action.at) is not int:
        raise ConfigError(f"{kind}: at is {action.at!r}; it must be nanoseconds since 1970, UTC, as a whole number")
    for name in (*_NUMBERS, *_PRICES):
        value: Any = getattr(action, name, ONE)
        if type(value) is not Decimal and not (value is None and name in _PRICES):
            msgspec.structs.force_setattr(action, name, number(f"{kind}: {name}", value))


class Split(msgspec.Struct, frozen=True, tag="split", omit_defaults=True, gc=False):
    """One unit becomes `ratio` units; below one it is a reverse split."""

    symbol: str
    at: int
    ratio: Decimal
    cash_price: Decimal | None = None
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _exactly(self)


class StockDividend(msgspec.Struct, frozen=True, tag="stock_dividend", omit_defaults=True, gc=False):
    """`ratio` new units for each one held (0.05: five per cent)."""

    symbol: str
    at: int
    ratio: Decimal
    cash_price: Decimal | None = None
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _exactly(self)


class CashDividend(msgspec.Struct, frozen=True, tag="cash_dividend", omit_defaults=True, gc=False):
    """`amount` money for each unit held at `at` (the ex-date); shorts pay it. `pay_at` is when it arrives, 0: unknown."""

    symbol: str
    at: int
    amount: Decimal
    pay_at: int = 0
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _exactly(self)


class SpinOff(msgspec.Struct, frozen=True, tag="spin_off", omit_defaults=True, gc=False):
    """Each unit brings `ratio` units of `into`; `cost_share` of the old cost goes over to them."""

    symbol: str
    at: int
    into: str
    ratio: Decimal
    cost_share: Decimal
    cash_price: Decimal | None = None
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _exactly(self)


class Merger(msgspec.Struct, frozen=True, tag="merger", omit_defaults=True, gc=False):
    """Each unit ends and becomes `ratio` units of `into` and `cash` money."""

    symbol: str
    at: int
    into: str = ""
    ratio: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)
    cash_price: Decimal | None = None
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _exactly(self)


class SymbolChange(msgspec.Struct, frozen=True, tag="symbol_change", omit_defaults=True, gc=False):
    """The same thing goes on under another name."""

    symbol: str
    at: int
    into: str
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _exactly(self)


class Delisting(msgspec.Struct, frozen=True, tag="delisting", omit_defaults=True, gc=False):
    """Trading ends; what is held is paid out at `price` (None: the last price known; zero: worthless)."""

    symbol: str
    at: int
    price: Decimal | None = None

    def __post_init__(self) -> None:
        _exactly(self)


CorporateAction = Split | StockDividend | CashDividend | SpinOff | Merger | SymbolChange | Delisting


def ratio_of(action: CorporateAction) -> Decimal | None:
    """How many units one becomes under the same name; None for an action that is no kind of split."""
    if isinstance(action, Split):
        return action.ratio
    return 1 + action.ratio if isinstance(action, StockDividend) else None
