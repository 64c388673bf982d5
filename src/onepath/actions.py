"""Corporate actions: what happens to a holding without a trade. Frozen values, exact decimals.

Rules: `at` is when it takes effect, before anything trades at that moment (the open of the ex-date). Ratios are new units
for one old: 7 for a split seven for one, 0.05 for a reverse split one for twenty. Names follow the field.
Limits: no rights issues, no elections; a spin-off is a dividend in another symbol (`SpinOff`).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Split(msgspec.Struct, frozen=True, tag="split", omit_defaults=True, gc=False):
    """One unit becomes `ratio` units; below one it is a reverse split. Fractions are paid out at `cash_price`, if given."""

    symbol: str
    at: int
    ratio: Decimal
    cash_price: Decimal | None = None


class StockDividend(msgspec.Struct, frozen=True, tag="stock_dividend", omit_defaults=True, gc=False):
    """`ratio` new units for each one held (0.05: five per cent)."""

    symbol: str
    at: int
    ratio: Decimal


class CashDividend(msgspec.Struct, frozen=True, tag="cash_dividend", omit_defaults=True, gc=False):
    """`amount` money for each unit held at `at` (the ex-date); shorts pay it. `pay_at` is when it arrives, 0 for at once."""

    symbol: str
    at: int
    amount: Decimal
    pay_at: int = 0


class SpinOff(msgspec.Struct, frozen=True, tag="spin_off", omit_defaults=True, gc=False):
    """Each unit brings `ratio` units of `into`; `cost_share` of the old cost goes over to them."""

    symbol: str
    at: int
    into: str
    ratio: Decimal
    cost_share: Decimal


class Merger(msgspec.Struct, frozen=True, tag="merger", omit_defaults=True, gc=False):
    """Each unit ends and becomes `ratio` units of `into` and `cash` money."""

    symbol: str
    at: int
    into: str = ""
    ratio: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)


class SymbolChange(msgspec.Struct, frozen=True, tag="symbol_change", omit_defaults=True, gc=False):
    """The same thing goes on under another name."""

    symbol: str
    at: int
    into: str


class Delisting(msgspec.Struct, frozen=True, tag="delisting", omit_defaults=True, gc=False):
    """Trading ends; what is held is paid out at `price` (None: the last price known; zero: worthless)."""

    symbol: str
    at: int
    price: Decimal | None = None


CorporateAction = Split | StockDividend | CashDividend | SpinOff | Merger | SymbolChange | Delisting
