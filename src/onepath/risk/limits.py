"""What may be done: every number that a pre-trade control compares with, its meaning and its unit.

Rules: None (or an empty list) is no limit, and a control without a limit costs nothing. Shares are of one (0.1 is a tenth),
times are seconds, money is in the home currency of the account. The same words hold at three levels: a strategy's own
(`Limits`), the account's and a symbol's (`SharedLimits`: all strategies of the session together).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from onepath.errors import ConfigError
from onepath.instruments import ONE, number

UNLIMITED = Decimal("Infinity")
_SHARES_AND_SUMS = (
    "max_position_size",
    "max_leverage",
    "max_position",
    "max_order_quantity",
    "max_order_value",
    "max_net_leverage",
    "max_concentration",
    "price_collar",
)
_SECONDS = ("max_reference_age", "rate_window", "duplicate_window")
_COUNTS = ("max_orders", "max_messages")


class Limits(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What a strategy may do; None is no limit. An order beyond a limit is denied before it reaches the venue.

    Shares (0.1 is a tenth): `max_position_size` of equity in one symbol, `max_concentration` of gross exposure,
    `price_collar` from the last price. Multiples of equity: `max_leverage` (gross, default 1), `max_net_leverage`.
    Units: `max_position`, `max_order_quantity`. Money of the account: `max_order_value`. Seconds: `max_reference_age` of the
    last price, `duplicate_window`, `rate_window` (default 1) of the counts `max_orders` and `max_messages`, of which
    `cancel_reserve` are kept for cancels. Symbols: `symbols` (the only ones), `restricted` (none of these).
    Yes or no: `allow_short` (default yes), `market_hours`, `prevent_self_match`.

    Numbers may be int, float, str or Decimal. Raises ConfigError for one that is not positive.

    >>> Limits(max_position_size="0.25", price_collar="0.05", allow_short=False)
    """

    max_position_size: Decimal | None = None
    """largest position, share of equity"""
    max_leverage: Decimal = ONE
    """largest gross exposure, orders at work included, over equity: buying power"""
    allow_short: bool = True
    """whether positions may be negative"""
    max_position: Decimal | None = None
    """largest position of a symbol, in units, long or short"""
    max_order_quantity: Decimal | None = None
    """largest quantity of an order, in units"""
    max_order_value: Decimal | None = None
    """largest value of an order, in money, at the worst price that it may get"""
    max_net_leverage: Decimal | None = None
    """largest difference of longs and shorts, orders at work included, over equity"""
    max_concentration: Decimal | None = None
    """largest position, share of gross exposure or of equity, whichever is more"""
    symbols: tuple[str, ...] | None = None
    """the only symbols that may be ordered"""
    restricted: tuple[str, ...] = ()
    """symbols that may not be ordered"""
    price_collar: Decimal | None = None
    """how far limit, stop and trail may be from the last price, as a share of it"""
    max_reference_age: float | None = None
    """how old the last price may be, in seconds"""
    max_orders: int | None = None
    """new orders within `rate_window`"""
    max_messages: int | None = None
    """orders, replaces and cancels within `rate_window`"""
    cancel_reserve: int | None = None
    """how many of `max_messages` only cancels may use; default: a fifth, at least one"""
    rate_window: float = 1.0
    """the window of orders and messages, in seconds"""
    duplicate_window: float | None = None
    """how long the same order (symbol, side, quantity, type, prices) may not be sent again, in seconds"""
    market_hours: bool = False
    """whether orders are denied while the symbol's calendar is closed; AT_OPEN may be sent before"""
    prevent_self_match: bool = False
    """whether an order is denied that would trade with an own order at rest"""

    def __post_init__(self) -> None:
        for name in (*_SHARES_AND_SUMS, *_SECONDS, *_COUNTS):
            value = getattr(self, name)
            if value is not None:
                self._put(name, value, number(f"the limit {name}", value))
        for name in ("symbols", "restricted"):
            value = getattr(self, name)
            if value is not None:  # one symbol as text means itself, not its letters
                names = (value,) if isinstance(value, str) else tuple(map(str, value))
                msgspec.structs.force_setattr(self, name, names)
        if self.cancel_reserve is not None and not 0 <= self.cancel_reserve < (self.max_messages or 0):
            raise ConfigError(
                f"the limit cancel_reserve is {self.cancel_reserve}; it must be less than max_messages ({self.max_messages})"
            )

    def _put(self, name: str, value: object, found: Decimal) -> None:
        """Keep a limit as the kind of number it is, however it was written."""
        if found <= 0 or (not found.is_finite() and name != "max_leverage"):
            raise ConfigError(f"the limit {name} is {value}; it must be a positive number, or None for no limit")
        kept: Decimal | float | int = found
        if name in _COUNTS:
            if found % 1:
                raise ConfigError(f"the limit {name} is {value}; it must be a whole number")
            kept = int(found)
        elif name in _SECONDS:
            kept = float(found)
        if type(value) is not type(kept):
            msgspec.structs.force_setattr(self, name, kept)

    @property
    def reserve(self) -> int:
        """Messages of a window that only cancels may use."""
        if self.max_messages is None:
            return 0
        least = max(1, self.max_messages // 5) if self.max_messages > 1 else 0
        return least if self.cancel_reserve is None else self.cancel_reserve


class SharedLimits(Limits, frozen=True, kw_only=True):
    """What all strategies of a session may do together: the account's limits, or those of one symbol. No leverage is
    implied: each strategy has its own."""

    max_leverage: Decimal = UNLIMITED
