"""What happens in a session: frozen values, each with the name (`kind`) it bears in the journal.

Rules: a fact is never changed; what is not an event here cannot move any state. `at` is when it is known, in
nanoseconds UTC; `executed_at` is the venue's own time. Money and quantities are exact decimals.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from onepath.orders import Step

_PART, _WHOLE = Step.FILL_PART, Step.FILL  # by plain name: a lookup on the enum costs as much as a call


class Fill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Our trade. `price` is what was paid, slippage included; `slippage` its worth in money against the market's
    own price; `fee` the commission; `remaining` what is left of the order."""

    id: int
    order_id: int
    strategy: str
    symbol: str
    quantity: Decimal
    """signed: positive bought, negative sold"""
    price: Decimal
    fee: Decimal
    slippage: Decimal
    executed_at: int
    remaining: Decimal

    @property
    def step(self) -> Step:
        return _PART if self.remaining else _WHOLE


class Accepted(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The venue has the order and works it."""

    order_id: int
    strategy: str
    symbol: str
    step = Step.ACCEPT


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The venue refuses the order (theirs)."""

    order_id: int
    strategy: str
    symbol: str
    reason: str
    step = Step.REJECT


class Cancelled(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The rest of the order is gone; `reason` says at whose wish."""

    order_id: int
    strategy: str
    symbol: str
    reason: str
    step = Step.CANCEL


class Expired(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The order's time in force has run out."""

    order_id: int
    strategy: str
    symbol: str
    step = Step.EXPIRE


OrderReport = Accepted | Rejected | Cancelled | Expired | Fill
"""What a venue can say of an order."""


class CancelRequested(msgspec.Struct, frozen=True, gc=False):
    """A strategy asked for the order back; it may still trade until the venue answers."""

    order_id: int
    strategy: str
    symbol: str


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a strategy wants something: a type, the conditions that were met and the values it saw."""

    id: int
    strategy: str
    symbol: str
    type: str
    conditions: tuple[str, ...] = ()
    values: dict[str, float | None] = {}
    """None where the value was not a number"""


class Timer(msgspec.Struct, frozen=True, gc=False):
    """A moment a strategy asked to be called at."""

    name: str
    at: int


class PositionEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A position after a fill: `change` is opened, changed, closed or reversed;
    `id` counts position lives in the session."""

    id: int
    strategy: str
    symbol: str
    change: str
    quantity: Decimal
    cost: Decimal
    """what the open quantity was bought for, signed like it"""
    realised: Decimal
    """profit taken by this fill, before fees"""
    fill_id: int


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A valuation of one strategy's book, in money (floats: for curves, not for accounts)."""

    strategy: str
    equity: float
    cash: float
    gross: float
    net: float


class Prices(msgspec.Struct, frozen=True):
    """Last price of every symbol of the session, in the manifest's order; None before its first event."""

    prices: tuple[float | None, ...]


class StrategyEnded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A strategy stopped: `status` is finished, stopped or failed; `error` and `where` (file:line) say why."""

    strategy: str
    status: str
    error: str = ""
    where: str = ""


class SessionStarted(msgspec.Struct, frozen=True):
    """The manifest: all that decides the run, and nothing that does not (no ids, no wall clock)."""

    mode: str
    code_version: str
    seed: int
    config: dict[str, object]
    strategies: tuple[dict[str, object], ...]
    """name, class, version, params, capital, symbols of each"""
    instruments: tuple[dict[str, object], ...]
    data: dict[str, object]
    """source, path, interval_ns, first_at, last_at, events: what was asked for"""
    schema: int = 1


class SessionEnded(msgspec.Struct, frozen=True):
    """The end: `status` is completed, stopped or failed; the fingerprint is of the data that was read."""

    status: str
    events: int
    fingerprint: str
