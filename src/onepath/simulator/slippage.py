"""How much worse than the market's price an order that takes liquidity trades.

Rules: a model gives a share of the price (0.0005 = 5 bps), never negative; the venue moves the price against the order
by it. Limit orders are not slipped. Models are chosen by name in the configuration.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import msgspec

from onepath.instruments import ZERO, exact

BPS = Decimal(10_000)


def exactly(model: msgspec.Struct) -> None:
    """Turn the numbers that a model was given into decimals, so that `Bps(0.5)` may be written."""
    for name in model.__struct_fields__:
        value = getattr(model, name)
        if isinstance(value, int | float | str):
            msgspec.structs.force_setattr(model, name, exact(value))


class Slippage(Protocol):
    """A share of the price for an order of `quantity` in a bar with `volume`."""

    def share(self, quantity: Decimal, volume: float) -> Decimal: ...

    @property
    def typical(self) -> Decimal:
        """The share to expect of a small order, for sizing."""
        ...


class NoSlippage(msgspec.Struct, frozen=True, tag="none"):
    """Assumes that every order trades at the market's own price."""

    typical = ZERO

    def share(self, quantity: Decimal, volume: float) -> Decimal:
        return ZERO


class FixedBps(msgspec.Struct, frozen=True, tag="fixed_bps"):
    """Assumes the same cost for every order: `bps` hundredths of a per cent of the price, whatever its size."""

    bps: Decimal

    def __post_init__(self) -> None:
        exactly(self)

    @property
    def typical(self) -> Decimal:
        return self.bps / BPS

    def share(self, quantity: Decimal, volume: float) -> Decimal:
        return self.bps / BPS


class VolumeBased(msgspec.Struct, frozen=True, tag="volume_based"):
    """Assumes a fixed cost and one that grows with the share of the bar's volume taken:
    `base_bps` / 10,000 + `volume_factor` x quantity / volume. A bar without volume costs the base alone."""

    base_bps: Decimal = Decimal(5)
    volume_factor: Decimal = Decimal("0.1")

    def __post_init__(self) -> None:
        exactly(self)

    @property
    def typical(self) -> Decimal:
        return self.base_bps / BPS

    def share(self, quantity: Decimal, volume: float) -> Decimal:
        if volume <= 0:
            return self.base_bps / BPS
        return self.base_bps / BPS + self.volume_factor * (quantity / exact(volume)).quantize(Decimal("1e-9"))
