"""What a strategy may ask for, what becomes of it, and the one table of an order's life.

Rules: an order moves only through `TRANSITIONS`; a pair that is not a row is refused (`TransitionError`).
Deny is ours (before the venue), reject is theirs. Prices and quantities are exact decimals; quantities are
positive, the side carries the sign. An order keeps its id when it is replaced: its terms change, its past does not.
Limits: the children of one parent cancel each other; an order has one parent.
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
    TRAILING_STOP = "trailing_stop"
    """a stop that follows the best price seen at a distance: `trail` in money or `trail_percent`"""


_MARKET, _LIMIT, _TRAILING = OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP
_WITH_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_WITH_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_HUNDRED = Decimal(100)


class TimeInForce(StrEnum):
    """How long an order may wait. A market order AT_OPEN is market-on-open, a limit AT_CLOSE is limit-on-close."""

    DAY = "day"
    """ends at the close of its first session"""
    GTC = "gtc"
    """until it is filled or cancelled"""
    GTD = "gtd"
    """until `expires_at`"""
    IOC = "ioc"
    """what trades at once trades, the rest is cancelled"""
    FOK = "fok"
    """all of it at once, or none"""
    AT_OPEN = "at_open"
    """in the opening auction of a session alone"""
    AT_CLOSE = "at_close"
    """in the closing auction of a session alone"""


_GTC, _GTD, _POST_BAD = (
    TimeInForce.GTC,
    TimeInForce.GTD,
    frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE}),
)
_AT_AUCTION = frozenset({TimeInForce.AT_OPEN, TimeInForce.AT_CLOSE})


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    PARTLY_FILLED = "partly_filled"
    CANCEL_PENDING = "cancel_pending"
    REPLACE_PENDING = "replace_pending"
    FILLED = "filled"
    DENIED = "denied"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What a strategy wants: a quantity of a symbol, with the price conditions its type needs.

    `trail` is a distance in money, `trail_percent` in per cent (2 = 2 %). `expires_at` (nanoseconds) belongs to GTD.
    `reduce_only` never opens or adds; `post_only` (a limit) never takes liquidity. `children` are sent with it and take
    part once it fills, as far as it has filled; they cancel each other and end with a parent that never filled (a bracket:
    a stop loss and a take profit). Orders of one strategy with the same `group` cancel each other: what fills of one is
    taken off the others.
    """

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = OrderType.MARKET
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    trail_percent: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: int | None = None
    reduce_only: bool = False
    post_only: bool = False
    children: tuple[OrderIntent, ...] = ()
    group: str = ""
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
        if self.type is _TRAILING or self.trail is not None or self.trail_percent is not None:
            self._check_trail()
        if self.time_in_force is not _GTC or self.expires_at is not None:
            self._check_time()
        if self.post_only and (self.type is not _LIMIT or self.time_in_force in _POST_BAD):
            raise OrderError(f"post-only is for limit orders that rest; this one for {self.symbol} is not one")
        if self.children:
            self._check_children()

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
            and (self.trail is None or type(self.trail) is Decimal)
            and (self.trail_percent is None or type(self.trail_percent) is Decimal)
            and type(self.children) is tuple
        )

    def _convert(self) -> None:
        """Turn plain words and numbers into the real thing, so that an intent may be written by hand."""
        words: dict[str, Any] = {"side": Side, "type": OrderType, "time_in_force": TimeInForce}
        try:
            for name, kind in words.items():
                force_setattr(self, name, kind(getattr(self, name)))
            for name in ("quantity", "limit", "stop", "trail", "trail_percent"):
                value = getattr(self, name)
                force_setattr(self, name, None if value is None and name != "quantity" else exact(value))
            force_setattr(self, "children", tuple(self.children))
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

    def _check_trail(self) -> None:
        given = [trail for trail in (self.trail, self.trail_percent) if trail is not None]
        if self.type is not OrderType.TRAILING_STOP or len(given) != 1:
            raise OrderError(
                f"a trailing stop takes either trail or trail_percent, and no other type takes one; this {self.type} order "
                f"for {self.symbol} has {len(given)}"
            )
        if not (given[0].is_finite() and given[0] > 0) or (self.trail_percent is not None and given[0] >= _HUNDRED):
            raise OrderError(
                f"an order for {self.symbol} trails by {given[0]}; it must be a positive number, and below 100 per cent"
            )

    def _check_time(self) -> None:
        if (self.time_in_force is _GTD) != (self.expires_at is not None):
            raise OrderError(f"an order for {self.symbol} takes expires_at with time in force gtd, and only then")
        if self.time_in_force in _AT_AUCTION and self.type not in (_MARKET, OrderType.LIMIT):
            raise OrderError(f"an auction takes market and limit orders; this one for {self.symbol} is {self.type}")

    def _check_children(self) -> None:
        for child in self.children:
            if not isinstance(child, OrderIntent):
                raise OrderError(f"a child of the order for {self.symbol} is {child!r}; it must be an OrderIntent")
            if child.children:
                raise OrderError(
                    f"a child of the order for {self.symbol} has children of its own; one level is allowed"
                )
            if child.quantity > self.quantity:
                raise OrderError(
                    f"a child of the order for {self.symbol} is for {child.quantity}, more than its parent's {self.quantity}"
                )


class CancelIntent(msgspec.Struct, frozen=True):
    """A strategy's wish to take one of its orders back."""

    order_id: int


class ReplaceIntent(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """A strategy's wish to change the terms of one of its orders; what is None stays. `quantity` counts what has been
    filled already."""

    order_id: int
    quantity: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    trail_percent: Decimal | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, repr_omit_defaults=True):
    """An approved intent with its identity; `submitted_at` in nanoseconds, `id` counts within the session. `reference`
    is the last price when it was decided (the arrival price of cost analysis), None where none was known."""

    id: int
    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    time_in_force: TimeInForce
    submitted_at: int
    reference: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    trail_percent: Decimal | None = None
    expires_at: int | None = None
    reduce_only: bool = False
    post_only: bool = False
    parent_id: int | None = None
    group: str = ""
    signal_id: int | None = None
    tag: str = ""


class Approved(msgspec.Struct, frozen=True, gc=False):
    """Proof that an order, or an order's new terms, passed every check; the only thing a venue accepts."""

    order: Order


class Amended(Approved, frozen=True, gc=False):
    """Proof that the new terms of an order at work passed every check."""


class Denied(msgspec.Struct, frozen=True):
    """An order our checks stopped: `code` for programs, `reason` for people."""

    order: Order
    code: str
    reason: str


class OrderState(msgspec.Struct, frozen=True, gc=False):
    """An order and how far it has come; `filled` and `remaining` in units, always positive. `order` has its terms."""

    order: Order
    status: OrderStatus
    filled: Decimal

    @property
    def id(self) -> int:
        """The session's number of the order, the same for its whole life."""
        return self.order.id

    @property
    def symbol(self) -> str:
        """What it trades."""
        return self.order.symbol

    @property
    def side(self) -> Side:
        """BUY, SELL, SHORT or COVER."""
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
    REFUSE_CANCEL = "cancel_rejected"
    REFUSE_CANCEL_PART = "cancel_rejected_partly_filled"
    CANCEL = "cancelled"
    EXPIRE = "expired"
    ASK_REPLACE = "replace_requested"
    REPLACE = "replaced"
    REPLACE_PART = "replaced_partly_filled"
    REFUSE_REPLACE = "replace_rejected"
    REFUSE_REPLACE_PART = "replace_rejected_partly_filled"


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
    (_S.SUBMITTED, _T.ASK_REPLACE): _S.REPLACE_PENDING,
    (_S.SUBMITTED, _T.REPLACE): _S.ACCEPTED,
    (_S.SUBMITTED, _T.CANCEL): _S.CANCELLED,
    (_S.SUBMITTED, _T.EXPIRE): _S.EXPIRED,
    (_S.ACCEPTED, _T.FILL_PART): _S.PARTLY_FILLED,
    (_S.ACCEPTED, _T.FILL): _S.FILLED,
    (_S.ACCEPTED, _T.ASK_CANCEL): _S.CANCEL_PENDING,
    (_S.ACCEPTED, _T.ASK_REPLACE): _S.REPLACE_PENDING,
    # Nobody asked: a venue restates an order after a split, or when the size of its parent or sibling changes.
    (_S.ACCEPTED, _T.REPLACE): _S.ACCEPTED,
    # Such a restatement can overtake the answer to our own request, which is heard then.
    (_S.ACCEPTED, _T.REFUSE_REPLACE): _S.ACCEPTED,
    (_S.ACCEPTED, _T.REJECT): _S.REJECTED,
    (_S.ACCEPTED, _T.CANCEL): _S.CANCELLED,
    (_S.ACCEPTED, _T.EXPIRE): _S.EXPIRED,
    (_S.PARTLY_FILLED, _T.ACCEPT): _S.PARTLY_FILLED,
    (_S.PARTLY_FILLED, _T.FILL_PART): _S.PARTLY_FILLED,
    (_S.PARTLY_FILLED, _T.FILL): _S.FILLED,
    (_S.PARTLY_FILLED, _T.ASK_CANCEL): _S.CANCEL_PENDING,
    (_S.PARTLY_FILLED, _T.ASK_REPLACE): _S.REPLACE_PENDING,
    (_S.PARTLY_FILLED, _T.REPLACE_PART): _S.PARTLY_FILLED,
    (_S.PARTLY_FILLED, _T.REFUSE_REPLACE_PART): _S.PARTLY_FILLED,
    (_S.PARTLY_FILLED, _T.CANCEL): _S.CANCELLED,
    (_S.PARTLY_FILLED, _T.EXPIRE): _S.EXPIRED,
    # While a cancel is on its way the order can still trade, end by itself, be accepted or restated late, or stay.
    (_S.CANCEL_PENDING, _T.ACCEPT): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.REJECT): _S.REJECTED,
    (_S.CANCEL_PENDING, _T.FILL_PART): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.FILL): _S.FILLED,
    (_S.CANCEL_PENDING, _T.REPLACE): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.REPLACE_PART): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.REFUSE_REPLACE): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.REFUSE_REPLACE_PART): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _T.REFUSE_CANCEL): _S.ACCEPTED,
    (_S.CANCEL_PENDING, _T.REFUSE_CANCEL_PART): _S.PARTLY_FILLED,
    (_S.CANCEL_PENDING, _T.CANCEL): _S.CANCELLED,
    (_S.CANCEL_PENDING, _T.EXPIRE): _S.EXPIRED,
    # While new terms are on their way the order trades under the old ones, and may be asked back all the same.
    (_S.REPLACE_PENDING, _T.ACCEPT): _S.REPLACE_PENDING,
    (_S.REPLACE_PENDING, _T.REJECT): _S.REJECTED,
    (_S.REPLACE_PENDING, _T.FILL_PART): _S.REPLACE_PENDING,
    (_S.REPLACE_PENDING, _T.FILL): _S.FILLED,
    (_S.REPLACE_PENDING, _T.REPLACE): _S.ACCEPTED,
    (_S.REPLACE_PENDING, _T.REPLACE_PART): _S.PARTLY_FILLED,
    (_S.REPLACE_PENDING, _T.REFUSE_REPLACE): _S.ACCEPTED,
    (_S.REPLACE_PENDING, _T.REFUSE_REPLACE_PART): _S.PARTLY_FILLED,
    (_S.REPLACE_PENDING, _T.ASK_CANCEL): _S.CANCEL_PENDING,
    (_S.REPLACE_PENDING, _T.CANCEL): _S.CANCELLED,
    (_S.REPLACE_PENDING, _T.EXPIRE): _S.EXPIRED,
}
TERMINAL = frozenset({_S.FILLED, _S.DENIED, _S.REJECTED, _S.CANCELLED, _S.EXPIRED})


def advance(status: OrderStatus, step: Step) -> OrderStatus:
    """The status after `step`. Raises TransitionError where the table has no such row."""
    try:
        return TRANSITIONS[status, step]
    except KeyError:
        raise TransitionError(f"an order that is {status} cannot be {step}") from None
