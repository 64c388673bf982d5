"""What a venue charges for a fill.

Rules: `fee` is of one fill, in the instrument's currency, exact, and depends on nothing but its argument and what `book` was
told; it is asked as often as the venue likes (to find out what an account can pay for). Negative is a rebate, which only
maker/taker models know. Minimum, maximum and rounding hold for an order: a further fill pays what the order owes by then
above what it has paid, so an order costs the same in one fill or in several. `increment` rounds half up. Where `in_base` is
set, fees of buys are taken in the coin bought: the venue takes fee / price of it.
Volume tiers count the fills of one run, of all its strategies (they share an account at the broker), from nothing at its start.
Parameters are finite and not negative (rates of makers may be): anything else is a ConfigError.
Cost: under a microsecond a fee.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, Literal, Protocol

import msgspec

from onepath.errors import ConfigError
from onepath.instruments import ZERO
from onepath.nearest import nearest
from onepath.simulator.slippage import BPS, exactly, number

_SECOND = 1_000_000_000


class Charged(msgspec.Struct, frozen=True, gc=False):
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
    return (fee / increment).to_integral_value(ROUND_HALF_UP) * increment


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


class PerOrder(Stateless, msgspec.Struct, frozen=True, tag="per_order"):
    """`amount` money an order, paid with its first fill."""

    amount: Decimal
    rate = ZERO

    def __post_init__(self) -> None:
        exactly(self)

    def fee(self, c: Charged) -> Decimal:
        return ZERO if c.traded else self.amount


class MakerTaker(Stateless, msgspec.Struct, frozen=True, tag="maker_taker"):
    """`maker_bps` of the value where the order waited in the book, `taker_bps` where it took; negative is a rebate.
    With `in_base` the fees of buys are taken in the coin bought."""

    maker_bps: Decimal
    taker_bps: Decimal
    in_base: bool = False

    def __post_init__(self) -> None:
        exactly(self, signed=("maker_bps", "taker_bps"))

    @property
    def rate(self) -> Decimal:
        return max(ZERO, self.taker_bps / BPS)

    def fee(self, c: Charged) -> Decimal:
        return c.value * (self.maker_bps if c.maker else self.taker_bps) / BPS


class Tier(msgspec.Struct, frozen=True):
    """What a unit (`per_share`) and its value (`bps`) cost beyond `above` of the month's volume."""

    above: Decimal = ZERO
    bps: Decimal = ZERO
    per_share: Decimal = ZERO

    def __post_init__(self) -> None:
        exactly(self)


class MonthVolume:
    """What was traded in the calendar month (UTC) so far."""

    __slots__ = ("_ends", "_starts", "_volume")

    def __init__(self) -> None:
        self._starts = self._ends = 0
        self._volume = ZERO

    def at(self, at: int) -> Decimal:
        return self._volume if self._starts <= at < self._ends else ZERO

    def add(self, at: int, amount: Decimal) -> None:
        if not self._starts <= at < self._ends:
            self._starts, self._ends = _month(at)
            self._volume = ZERO
        self._volume += amount


def _month(at: int) -> tuple[int, int]:
    first = dt.datetime.fromtimestamp(at // _SECOND, dt.UTC).replace(day=1, hour=0, minute=0, second=0)
    following = (first + dt.timedelta(days=32)).replace(day=1)
    return int(first.timestamp()) * _SECOND, int(following.timestamp()) * _SECOND


def ascending(model: object, tiers: Iterable[Any]) -> tuple[Tier, ...]:
    """Tiers as they were given (`Tier`, or a mapping with its fields), which must start at zero and go up."""
    made = tuple(tier if isinstance(tier, Tier) else _tier(model, tier) for tier in tiers)
    borders = [tier.above for tier in made]
    if not made or borders[0] != 0 or any(a >= b for a, b in pairwise(borders)):
        said = ", ".join(str(border) for border in borders) or "nothing"
        raise ConfigError(f"{type(model).__name__}: tiers are above {said}; they must start at 0 and go up")
    return made


def _tier(model: object, given: Mapping[str, Any]) -> Tier:
    for name in given:
        if name not in Tier.__struct_fields__:
            hint = nearest(name, Tier.__struct_fields__)
            raise ConfigError(f"{type(model).__name__}: a tier has no {name!r}{hint}; it has above, bps, per_share")
    return Tier(**given)


def marginal(tiers: Sequence[Tier], start: Decimal, units: Decimal, value: Decimal, by: Decimal) -> Decimal:
    """What `units` worth `value` cost when `start` of volume went before and they add `by` to it: each part at the rate of the
    tier that it falls into. A border belongs to the tier below it."""
    if len(tiers) == 1 or not by:
        tier = tiers[0] if len(tiers) == 1 else next(t for t in reversed(tiers) if t.above <= start)
        return units * tier.per_share + value * tier.bps / BPS
    owed, end = ZERO, start + by
    for place, tier in enumerate(tiers):
        top = tiers[place + 1].above if place + 1 < len(tiers) else end
        part = min(end, top) - max(start, tier.above)
        if part > 0:
            owed += (units * tier.per_share + value * tier.bps / BPS) * part / by
    return owed


@dataclass(eq=False)
class Tiers:
    """Rates that fall with the month's volume, by `quantity` (units) or `value` (money), on a marginal basis: each part of a
    fill costs the rate of the tier that it falls into. At least `minimum` an order, at most `maximum_share` of its value.

    The volume is that of this run in the calendar month (UTC), from zero when the run starts. `charged` carries the order's
    earlier fills, so that its minimum is paid once.
    """

    tiers: Sequence[Tier]
    by: Literal["quantity", "value"] = "value"
    minimum: Decimal = ZERO
    maximum_share: Decimal | None = None
    in_base: bool = False
    _volume: MonthVolume = field(default_factory=MonthVolume, init=False, repr=False)

    def __post_init__(self) -> None:
        self.tiers = ascending(self, self.tiers)
        if self.by not in ("quantity", "value"):
            raise ConfigError(f"Tiers: by is {self.by!r}; it must be quantity or value")
        amounts(self, "minimum", "maximum_share")

    @property
    def rate(self) -> Decimal:
        return self.tiers[0].bps / BPS

    def fee(self, c: Charged) -> Decimal:
        return self._owed(c, c.traded + c.quantity, c.worth + c.value) - self._owed(c, c.traded, c.worth)

    def book(self, c: Charged) -> None:
        self._volume.add(c.at, c.quantity if self.by == "quantity" else c.value)

    def _owed(self, c: Charged, units: Decimal, value: Decimal) -> Decimal:
        if not units:
            return ZERO
        before, by = (c.traded, units) if self.by == "quantity" else (c.worth, value)
        return limited(
            marginal(self.tiers, max(ZERO, self._volume.at(c.at) - before), units, value, by),
            value,
            self.minimum,
            self.maximum_share,
        )


def limited(owed: Decimal, value: Decimal, minimum: Decimal, maximum_share: Decimal | None) -> Decimal:
    """The order's fee between its least and its most; where they cross, the most holds."""
    owed = max(minimum, owed)
    return owed if maximum_share is None else min(owed, value * maximum_share)


def amounts(model: object, *names: str, signed: bool = False) -> None:
    """The named numbers of a model as decimals; ConfigError for what costs cannot be."""
    for name in names:
        value = getattr(model, name)
        if value is not None:
            setattr(model, name, number(model, name, value, signed=signed))
