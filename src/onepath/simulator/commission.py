"""What a venue charges for a fill.

Rules: `fee` is of one fill, in the instrument's currency, exact, and depends on nothing but its argument and what `book` was
told; it is asked as often as the venue likes (to find out what an account can pay for). Negative is a rebate, which only
maker/taker models know. Minimum, maximum and rounding hold for an order: a further fill pays what the order owes by then
above what it has paid, so an order costs the same in one fill or in several. `increment` rounds half up. Where `in_base` is
set, fees of buys are taken in the coin bought: the venue takes fee / price of it.
Parameters are finite and not negative (rates of makers may be): anything else is a ConfigError.
Cost: under a microsecond a fee.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, Protocol

import msgspec

from onepath.instruments import ZERO
from onepath.simulator.slippage import BPS, exactly


class Charged(NamedTuple):
    """One fill of an order, and the order before it."""

    symbol: str
    sells: bool
    quantity: Decimal
    """units of this fill, positive"""
    value: Decimal
    """of this fill, in the instrument's currency, positive"""
    maker: bool = False
    at: int = 0
    traded: Decimal = ZERO
    """units of the order's earlier fills"""
    worth: Decimal = ZERO
    """value of the order's earlier fills"""
    charged: Decimal = ZERO
    """fees of the order's earlier fills"""


class Commission(Protocol):
    """The fee of one fill. A model with state is copied by the venue, so that no run uses up another's."""

    @property
    def in_base(self) -> bool:
        """Whether fees of buys are taken in the coin bought."""
        ...

    @property
    def rate(self) -> Decimal:
        """The share of value to expect, for sizing; zero where the fee does not follow value."""
        ...

    def fee(self, c: Charged) -> Decimal:
        """What this fill costs."""
        ...

    def book(self, c: Charged) -> None:
        """This fill has happened; what follows may be cheaper."""
        ...


class Stateless:
    """A commission that looks at one order only."""

    __slots__ = ()
    in_base = False

    def book(self, c: Charged) -> None:
        """Nothing to remember."""


def _rounded(fee: Decimal, increment: Decimal | None) -> Decimal:
    if increment is None:
        return fee
    return (fee / increment).to_integral_value(rounding=ROUND_HALF_UP) * increment


class NoCommission(Stateless, msgspec.Struct, frozen=True, tag="none"):
    """Trading is free."""

    rate = ZERO

    def fee(self, c: Charged) -> Decimal:
        return ZERO


class Bps(Stateless, msgspec.Struct, frozen=True, tag="bps"):
    """`bps` hundredths of a per cent of the value, at least `minimum` an order."""

    bps: Decimal
    minimum: Decimal = ZERO
    increment: Decimal | None = None

    def __post_init__(self) -> None:
        exactly(self)

    @property
    def rate(self) -> Decimal:
        return self.bps / BPS

    def fee(self, c: Charged) -> Decimal:
        owed = max(self.minimum, (c.worth + c.value) * self.bps / BPS)
        return _rounded(owed, self.increment) - c.charged


class PerShare(Stateless, msgspec.Struct, frozen=True, tag="per_share"):
    """`per_share` money a unit, at least `minimum` an order, at most `maximum_share` of its value."""

    per_share: Decimal
    minimum: Decimal = ZERO
    maximum_share: Decimal | None = None
    increment: Decimal | None = None
    rate = ZERO

    def __post_init__(self) -> None:
        exactly(self)

    def fee(self, c: Charged) -> Decimal:
        owed = max(self.minimum, (c.traded + c.quantity) * self.per_share)
        if self.maximum_share is not None:
            owed = min(owed, (c.worth + c.value) * self.maximum_share)
        return _rounded(owed, self.increment) - c.charged
