"""What can be traded, and the increments its venue allows.

Rules: increments are exact decimals; a tick of zero means that the venue quotes without a grid.
Limits: derivatives carry a multiplier, nothing else; no expiry or strike.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

import msgspec

from onepath.errors import ConfigError

ZERO = Decimal(0)
ONE = Decimal(1)


def exact(value: float | int | str | Decimal) -> Decimal:
    """`value` as the decimal a person would read: 0.1 is one tenth, not its binary neighbour."""
    kind = type(value)
    if kind is float:
        return Decimal(repr(value))
    if kind is Decimal or kind is int:
        return Decimal(value)
    return Decimal(float.__repr__(value)) if isinstance(value, float) else Decimal(str(value))


def number(what: str, value: float | int | str | Decimal) -> Decimal:
    """`value` exactly. Raises ConfigError, naming it as `what`, where it is no number."""
    try:
        found = exact(value)
    except (ArithmeticError, TypeError, ValueError):
        found = Decimal("NaN")
    if found.is_nan():
        raise ConfigError(f"{what} is {value!r}; it must be a number, such as 0.25 or '0.25'")
    return found


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable thing.

    `tick_size` and `lot_size` are the increments of price and quantity, `min_notional` the least value of an
    order in `currency`, `multiplier` what one unit is worth at price one. `currency` is what it is priced and settled
    in; `base`, for spot crypto and currency pairs, what one unit is (BTC of BTCUSDT): fees may be taken in it, and its
    price is a rate. `calendar` names the sessions (see `onepath.calendars`).
    """

    symbol: str
    asset_class: str = "generic"
    currency: str = "USD"
    base: str = ""
    tick_size: Decimal = ZERO
    lot_size: Decimal = Decimal("0.00000001")
    min_notional: Decimal = ZERO
    multiplier: Decimal = ONE
    calendar: str = "24/7"

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_size", "min_notional", "multiplier"):
            value = getattr(self, name)
            found = number(f"{name} of {self.symbol}", value)
            above = name in ("lot_size", "multiplier")
            if not found.is_finite() or found < 0 or (above and not found):
                least = "above zero" if above else "zero or above"
                raise ConfigError(f"{name} of {self.symbol} is {value}; it must be a number {least}")
            if type(value) is not Decimal:
                msgspec.structs.force_setattr(self, name, found)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """`quantity` cut down to whole lots, towards zero."""
        # By position: a named rounding costs as much as the division.
        lots = (quantity / self.lot_size).to_integral_value(ROUND_DOWN)
        return lots * self.lot_size

    def round_price(self, price: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
        """`price` on the tick grid; unchanged where the venue has none."""
        if not self.tick_size:
            return price
        return (price / self.tick_size).to_integral_value(rounding) * self.tick_size
