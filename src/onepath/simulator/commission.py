"""What a venue charges for a fill.

Rules: fees are money in the instrument's currency, never negative, exact; `increment` rounds half up where a schedule
says so (a cent, say). A minimum holds for each order, so a further fill of one order pays only what is above it.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

import msgspec

from onepath.instruments import ZERO
from onepath.simulator.slippage import BPS, exactly


class Commission(Protocol):
    """The fee of an order so far: for `quantity` units (positive) worth `value`."""

    def fee(self, quantity: Decimal, value: Decimal) -> Decimal: ...

    @property
    def rate(self) -> Decimal:
        """The share of value to expect, for sizing; zero where the fee does not follow value."""
        ...


def _rounded(fee: Decimal, increment: Decimal | None) -> Decimal:
    if increment is None:
        return fee
    return (fee / increment).to_integral_value(rounding=ROUND_HALF_UP) * increment


class NoCommission(msgspec.Struct, frozen=True, tag="none"):
    """Trading is free."""

    rate = ZERO

    def fee(self, quantity: Decimal, value: Decimal) -> Decimal:
        return ZERO


class Bps(msgspec.Struct, frozen=True, tag="bps"):
    """`bps` hundredths of a per cent of the value, at least `minimum` an order."""

    bps: Decimal
    minimum: Decimal = ZERO
    increment: Decimal | None = None

    def __post_init__(self) -> None:
        exactly(self)

    @property
    def rate(self) -> Decimal:
        return self.bps / BPS

    def fee(self, quantity: Decimal, value: Decimal) -> Decimal:
        return _rounded(max(self.minimum, value * self.bps / BPS), self.increment)


class PerShare(msgspec.Struct, frozen=True, tag="per_share"):
    """`per_share` money a unit, at least `minimum` an order, at most `maximum_share` of its value."""

    per_share: Decimal
    minimum: Decimal = ZERO
    maximum_share: Decimal | None = None
    increment: Decimal | None = None
    rate = ZERO

    def __post_init__(self) -> None:
        exactly(self)

    def fee(self, quantity: Decimal, value: Decimal) -> Decimal:
        fee = max(self.minimum, quantity * self.per_share)
        if self.maximum_share is not None:
            fee = min(fee, value * self.maximum_share)
        return _rounded(fee, self.increment)
