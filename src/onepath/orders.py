"""What a strategy may ask for, what becomes of it, and the one table of an order's life.

Rules: an order moves only through `TRANSITIONS`; a pair that is not a row is refused (`TransitionError`).
Deny is ours (before the venue), reject is theirs. Prices and quantities are exact decimals; quantities are
positive, the side carries the sign. Limits: trailing stops, brackets and replace come with the execution work.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

import msgspec
from msgspec.structs import force_setattr

from onepath.errors import OrderError, TransitionError
from onepath.instruments import exact


class Side(StrEnum):
    """BUY and SHORT trade freely; SELL never sells more than is owned, COVER never buys more than is owed."""

    sign: int
    """+1 where the position grows, -1 where it falls"""

    def __new__(cls, value: str, sign: int) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sign = sign
        return member

    BUY = "buy", 1
    SELL = "sell", -1
    SHORT = "short", -1
    COVER = "cover", 1


class OrderType(StrEnum):
    """How the order meets the market."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


_MARKET = OrderType.MARKET
_WITH_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_WITH_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


class TimeInForce(StrEnum):
    """DAY ends with its first session, GTC when it is filled or cancelled."""

    DAY = "day"
    GTC = "gtc"


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    PARTLY_FILLED = "partly_filled"
    CANCEL_PENDING = "cancel_pending"
    FILLED = "filled"
    DENIED = "denied"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy wants: a quantity of a symbol, with the price conditions its type needs."""

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = OrderType.MARKET
    limit: Decimal | None = None
    stop: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    signal_id: int | None = None
    tag: str = ""

    def __post_init__(self) -> None:
        if not self._is_plain():
            self._convert()
        quantity = self.quantity
        if not (quantity.is_finite() and quantity > 0):
            raise OrderError(f"an order for {self.symbol} has quantity {quantity}; it must be a positive finite number")
        if self.type is not _MARKET or self.limit is not None or self.stop is not None:
            self._check_price("limit", self.limit, self.type in _WITH_LIMIT)
            self._check_price("stop", self.stop, self.type in _WITH_STOP)

    def _is_plain(self) -> bool:
        """Whether the fields are what they should be already, as those of the context's helpers are."""
        return (
            type(self.quantity) is Decimal
            and type(self.side) is Side
            and type(self.type) is OrderType
            and type(self.time_in_force) is TimeInForce
            and type(self.tag) is str
            and (self.limit is None or type(self.limit) is Decimal)
            and (self.stop is None or type(self.stop) is Decimal)
        )

    def _convert(self) -> None:
        """Turn plain words and numbers into the real thing, so that an intent may be written by hand."""
        words: dict[str, Any] = {"side": Side, "type": OrderType, "time_in_force": TimeInForce}
        try:
            for name, kind in words.items():
                force_setattr(self, name, kind(getattr(self, name)))
            for name in ("quantity", "limit", "stop"):
                value = getattr(self, name)
                force_setattr(self, name, None if value is None and name != "quantity" else exact(value))
        except (ArithmeticError, TypeError, ValueError) as error:
            raise OrderError(
                f"an order for {self.symbol} is not understood: {error or 'a number was expected'}"
            ) from None
        if type(self.tag) is not str:
            raise OrderError(f"an order for {self.symbol} has tag {self.tag!r}; it must be text")

    def _check_price(self, name: str, price: Decimal | None, wanted: bool) -> None:
        if price is None and not wanted:
            return
        if price is None or not wanted:
            found = "has none" if price is None else f"has {name}={price}"
            raise OrderError(
                f"a {self.type} order takes {'a' if wanted else 'no'} {name} price; this one for {self.symbol} {found}"
            )
        if not (price.is_finite() and price > 0):
            raise OrderError(
                f"an order for {self.symbol} has {name} price {price}; it must be a positive finite number"
            )


class CancelIntent(msgspec.Struct, frozen=True):
    """A strategy's wish to take one of its orders back."""

    order_id: int


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An approved intent with its identity; `submitted_at` in nanoseconds, `id` counts within the session."""

    id: int
    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce
    submitted_at: int
    limit: Decimal | None = None
    stop: Decimal | None = None
    signal_id: int | None = None
    tag: str = ""


class Approved(msgspec.Struct, frozen=True, gc=False):
    """Proof that an order passed every check; the only thing a venue accepts. `reference` is the price it was
    checked at."""

    order: Order
    reference: Decimal


class Denied(msgspec.Struct, frozen=True):
    """An order our checks stopped: `code` for programs, `reason` for people."""

    order: Order
    code: str
    reason: str


class OrderState(msgspec.Struct, frozen=True, gc=False):
    """An order and how far it has come; `filled` in the order's own unit, always positive."""

    order: Order
    status: OrderStatus
    filled: Decimal

    @property
    def id(self) -> int:
        return self.order.id

    @property
    def symbol(self) -> str:
        return self.order.symbol

    @property
    def side(self) -> Side:
        return self.order.side

    @property
    def remaining(self) -> Decimal:
        """What may still trade."""
        return self.order.quantity - self.filled


class Step(StrEnum):
    """What can happen to an order; the names are the journal's kinds after `order.`."""

    SUBMIT = "submitted"
    DENY = "denied"
    ACCEPT = "accepted"
    REJECT = "rejected"
    FILL_PART = "partly_filled"
    FILL = "filled"
    ASK_CANCEL = "cancel_requested"
    CANCEL = "cancelled"
    EXPIRE = "expired"


_S, _T = OrderStatus, Step
TRANSITIONS: dict[tuple[OrderStatus, Step], OrderStatus] = {
    (_S.PENDING, _T.SUBMIT): _S.SUBMITTED,
    (_S.PENDING, _T.DENY): _S.DENIED,
    (_S.SUBMITTED, _T.ACCEPT): _S.ACCEPTED,
    (_S.SUBMITTED, _T.REJECT): _S.REJECTED,
    # A market order can trade before its acknowledgement arrives.
    (_S.SUBMITTED, _T.FILL_PART): _S.PARTLY_FILLED,
    (_S.SUBMITTED, _T.FILL): _S.FILLED,
    (_S.SUBMITTED, _T.ASK_CANCEL): _S.CANCEL_PENDING,
    (_S.SUBMITTED, _T.CANCEL): _S.CANCELLED,
    (_S.SUBMITTED, _T.EXPIRE): _S.EXPIRED,
    (_S.ACCEPTED, _T.FILL_PART): _S.PARTLY_FILLED,
    (_S.ACCEPTED, _T.FILL): _S.FILLED,
    (_S.ACCEPTED, _T.ASK_CANCEL): _S.CANCEL_PENDING,
    (_S.ACCEPTED, _T.CANCEL): _S.CANCELLED,
    (_S.ACCEPTED, _T.EXPIRE): _S.EXPIRED,
    (_S.PARTLY_FILLED, _T.FILL_PART): _S.PARTLY_FILLED,
    (_S.PARTLY_FILLED, _T.FILL): _S.FILLED,
    (_S.PARTLY_FILLED, _T.ASK_CANCEL): _S.CANCEL_PENDING,
    (_S.PARTLY_FILLED, _T.CANCEL): _S.CANCELLED,
    (_S.PARTLY_FILLED, _T.EXPIRE): _S.EXPIRED,
    # While a cancel is on its way the order can still trade, end by itself, or be accepted late.
    (_S.CANCEL_PENDING, _T.ACCEPT): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.REJECT): _S.REJECTED,
    (_S.CANCEL_PENDING, _T.FILL_PART): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.FILL): _S.FILLED,
    (_S.CANCEL_PENDING, _T.CANCEL): _S.CANCELLED,
    (_S.CANCEL_PENDING, _T.EXPIRE): _S.EXPIRED,
}
TERMINAL = frozenset({_S.FILLED, _S.DENIED, _S.REJECTED, _S.CANCELLED, _S.EXPIRED})


def advance(status: OrderStatus, step: Step) -> OrderStatus:
    """The status after `step`. Raises TransitionError where the table has no such row."""
    try:
        return TRANSITIONS[status, step]
    except KeyError:
        raise TransitionError(f"an order that is {status} cannot be {step}") from None
