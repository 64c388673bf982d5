"""How much worse than the market's price an order that takes liquidity trades.

Rules: a model gives a share of the price (0.0005 = 5 bps), never negative and below one; the venue moves the price against
the order by it. Orders that wait at their limit are not slipped. A model sees the order's quantity and what the market shows
where it trades (`Seen`), nothing else, and keeps no state. Parameters are finite and not negative: anything else is a
ConfigError. Models are chosen by name in the configuration.
Limits: impact is paid and forgotten; a model does not move the prices that come after.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from onepath.errors import ConfigError
from onepath.instruments import ZERO, exact

BPS = Decimal(10_000)
_MOST = Decimal("0.99")
"""A model's formula may pass one (a large order in a bar of next to no volume); a price cannot lose more than itself."""
_PLACES = 12
"""decimals of a share that comes out of floating point"""
_PARKINSON = 2 * math.sqrt(math.log(2))
"""the expected range of a random walk over a bar, in standard deviations of its return"""


class Seen(NamedTuple):
    """The market that an order trades in: of the bar, or of the quote."""

    price: float
    volume: float = 0.0
    """of the bar; 0: unknown"""
    spread: float = 0.0
    """ask - bid where both are shown; 0: unknown"""
    range: float = 0.0
    """high - low of the bar; 0: none or unknown"""


class Slippage(Protocol):
    """A share of the price for an order of `quantity` in the market that is `seen`."""

    def share(self, quantity: Decimal, seen: Seen) -> Decimal: ...

    @property
    def typical(self) -> Decimal:
        """The share to expect of a small order, for sizing."""
        ...


def exactly(model: msgspec.Struct, signed: tuple[str, ...] = ()) -> None:
    """Turn the numbers that a model was given into decimals, so that `Bps(0.5)` may be written; ConfigError for what costs
    cannot be: not a number, infinite, or, unless `signed`, negative."""
    for name in model.__struct_fields__:
        value = getattr(model, name)
        if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
            msgspec.structs.force_setattr(model, name, number(model, name, value, signed=name in signed))


def number(model: object, name: str, value: float | str | Decimal, *, signed: bool = False) -> Decimal:
    """`value` as an exact number that a cost can be, or a ConfigError that names model and parameter."""
    try:
        found = exact(value)
    except ArithmeticError:
        found = Decimal("NaN")
    if found.is_finite() and (signed or found >= 0):
        return found
    expected = "a finite number" if signed else "a finite number, zero or more"
    raise ConfigError(f"{type(model).__name__}: {name} is {value}; it must be {expected}")


def _taken(quantity: Decimal, volume: float) -> Decimal:
    """The share of the bar's volume; bounded, because volumes may be as small as floats can."""
    return min(quantity / exact(volume), BPS * BPS).quantize(Decimal("1e-9"))


class NoSlippage(msgspec.Struct, frozen=True, tag="none"):
    """Assumes that every order trades at the market's own price."""

    typical = ZERO

    def share(self, quantity: Decimal, seen: Seen) -> Decimal:
        return ZERO


class FixedBps(msgspec.Struct, frozen=True, tag="fixed_bps"):
    """Assumes the same cost for every order: `bps` hundredths of a per cent of the price, whatever its size."""

    bps: Decimal

    def __post_init__(self) -> None:
        exactly(self)

    @property
    def typical(self) -> Decimal:
        return min(self.bps / BPS, _MOST)

    def share(self, quantity: Decimal, seen: Seen) -> Decimal:
        return min(self.bps / BPS, _MOST)


class HalfSpread(msgspec.Struct, frozen=True, tag="half_spread"):
    """Assumes that the bar's prices are mids and that the market is `spread_bps` wide: a taker pays half of it.

    Where the market shows its spread (quotes, books) nothing is added, because taking the opposite side has paid it.
    Limits: a locked quote (bid = ask) shows no spread and is charged like a bar.
    """

    spread_bps: Decimal

    def __post_init__(self) -> None:
        exactly(self)

    @property
    def typical(self) -> Decimal:
        return min(self.spread_bps / (2 * BPS), _MOST)

    def share(self, quantity: Decimal, seen: Seen) -> Decimal:
        return ZERO if seen.spread > 0 else self.typical


class VolumeBased(msgspec.Struct, frozen=True, tag="volume_based"):
    """Assumes a fixed cost and one that grows with the share of the bar's volume taken:
    `base_bps` / 10,000 + `volume_factor` x quantity / volume. A bar without volume costs the base alone."""

    base_bps: Decimal = Decimal(5)
    volume_factor: Decimal = Decimal("0.1")

    def __post_init__(self) -> None:
        exactly(self)

    @property
    def typical(self) -> Decimal:
        return min(self.base_bps / BPS, _MOST)

    def share(self, quantity: Decimal, seen: Seen) -> Decimal:
        if seen.volume <= 0:
            return self.typical
        return min(self.base_bps / BPS + self.volume_factor * _taken(quantity, seen.volume), _MOST)


class VolumeShare(msgspec.Struct, frozen=True, tag="volume_share"):
    """Assumes that cost grows with the square of the share of the bar's volume taken:
    `price_impact` x min(quantity / volume, `volume_limit`)^2.

    Names and defaults are zipline's VolumeShareSlippage (0.025, 0.1), whose limit also bounds the fill; here that is the
    venue's `participation`. Where the volume is unknown the order is taken to be as large as the limit.
    """

    volume_limit: Decimal = Decimal("0.025")
    price_impact: Decimal = Decimal("0.1")
    typical = ZERO

    def __post_init__(self) -> None:
        exactly(self)

    def share(self, quantity: Decimal, seen: Seen) -> Decimal:
        taken = self.volume_limit
        if seen.volume > 0:
            taken = min(taken, _taken(quantity, seen.volume))
        return min(self.price_impact * taken * taken, _MOST)


class SquareRoot(msgspec.Struct, frozen=True, tag="square_root"):
    """Assumes the square-root law of impact: `coefficient` x volatility x sqrt(quantity / volume).

    Volatility is the standard deviation of the return over the bar (the span that `volume` is of; the law does not depend on
    its length, as both scale with it): `volatility` if given, else from the bar's range by Parkinson's estimator,
    ln(high / low) / (2 sqrt(ln 2)), with (high - low) / price for the logarithm. A `coefficient` of one is the usual rule of
    thumb. Where the volume is unknown the order is taken to be `assumed_share` of it; where volatility is neither given nor
    seen (a quote, a bar without range) nothing is charged.
    """

    coefficient: Decimal = Decimal(1)
    volatility: Decimal | None = None
    assumed_share: Decimal = Decimal("0.1")
    typical = ZERO

    def __post_init__(self) -> None:
        exactly(self)

    def share(self, quantity: Decimal, seen: Seen) -> Decimal:
        if self.volatility is not None:
            volatility = float(self.volatility)
        else:
            volatility = seen.range / seen.price / _PARKINSON if seen.price > 0 else 0.0
        taken = float(quantity) / seen.volume if seen.volume > 0 else float(self.assumed_share)
        found = float(self.coefficient) * volatility * math.sqrt(taken)
        return min(exact(round(found, _PLACES)), _MOST) if found > 0 else ZERO
