"""What happens in a session: frozen values, each with the name (`kind`) it bears in the journal.

Rules: a fact is never changed; what is not an event here cannot move any state. `at` is when it is known, in
nanoseconds UTC; `executed_at` is the venue's own time. Money and quantities are exact decimals.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from onepath.errors import ConfigError
from onepath.orders import Order, Step

_PART, _WHOLE = Step.FILL_PART, Step.FILL  # by plain name: a lookup on the enum costs as much as a call
_KEEP, _KEEP_PART = Step.REFUSE_REPLACE, Step.REFUSE_REPLACE_PART
_STAY, _STAY_PART = Step.REFUSE_CANCEL, Step.REFUSE_CANCEL_PART
_NEW, _NEW_PART = Step.REPLACE, Step.REPLACE_PART


class Fill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, repr_omit_defaults=True, gc=False):
    """Our trade. `price` is what was paid, slippage included; `slippage` its worth in money against the market's
    own price; `fee` the commission (negative: a rebate), in `fee_currency` where that is not the instrument's own;
    `remaining` what is left of the order. `maker` tells that it rested and was met. For cost analysis: `mid` is the middle
    of the market at the fill where one was quoted, `opened` the market's price when the order could first have traded (the
    next open) where that was not at this fill."""

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
    maker: bool = False
    fee_currency: str = ""
    mid: Decimal | None = None
    opened: Decimal | None = None

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
    """The rest of the order is gone; `reason` says at whose request."""

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


class Replaced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The order works under these terms now. `reason` is empty where we asked; else why the venue restated it. `quantity`
    is the whole order, `filled` what of it is done."""

    order_id: int
    strategy: str
    symbol: str
    quantity: Decimal
    filled: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    trail_percent: Decimal | None = None
    reason: str = ""

    @property
    def step(self) -> Step:
        return _NEW_PART if self.filled else _NEW


class ReplaceRejected(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The venue keeps the order under its old terms."""

    order_id: int
    strategy: str
    symbol: str
    filled: Decimal
    reason: str

    @property
    def step(self) -> Step:
        return _KEEP_PART if self.filled else _KEEP


class CancelRejected(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The venue does not give the order back: it goes on, or had ended before."""

    order_id: int
    strategy: str
    symbol: str
    filled: Decimal
    reason: str

    @property
    def step(self) -> Step:
        return _STAY_PART if self.filled else _STAY


OrderReport = Accepted | Rejected | Cancelled | Expired | Fill | Replaced | ReplaceRejected | CancelRejected
"""What a venue can say of an order."""


class Forced(msgspec.Struct, frozen=True, gc=False):
    """The venue made an order in our name: a liquidation, the end of a listing. It is open from here on."""

    order: Order
    reason: str

    @property
    def strategy(self) -> str:
        return self.order.strategy


class CashFlow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Money that came or went without a trade: `kind` is interest, borrow, funding, dividend, merger, deposit or withdrawal;
    `amount` is signed (positive: ours), in `currency`."""

    strategy: str
    kind: str
    currency: str
    amount: Decimal
    symbol: str = ""
    note: str = ""


class MarginCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Equity is below what the account must keep; what follows is the account's own rule (`liquidates`)."""

    strategy: str
    equity: Decimal
    required: Decimal
    liquidates: bool


VenueReport = OrderReport | Forced | CashFlow | MarginCall
"""What a venue can say."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that an order's life does not have: nothing moved. `found` is what was said, as it was said."""

    order_id: int
    strategy: str
    symbol: str
    step: str
    reason: str
    found: dict[str, object] = {}


class CancelRequested(msgspec.Struct, frozen=True, gc=False):
    """A strategy asked for the order back; it may still trade until the venue answers."""

    order_id: int
    strategy: str
    symbol: str


class ReplaceRequested(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A strategy asked for new terms, all of them named; the old ones hold until the venue answers."""

    order_id: int
    strategy: str
    symbol: str
    quantity: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    trail_percent: Decimal | None = None


class TradingState(StrEnum):
    """What may be traded: everything, only what reduces positions, nothing."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class TradingStateChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A circuit breaker, or a command, moved the trading state of one strategy (`scope` is its name) or of the whole
    session (`scope` is empty). It stays until a command moves it again. `breaker` names the one that tripped."""

    scope: str
    state: TradingState
    reason: str
    breaker: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person told the session: set the trading state of a strategy (`scope`) or of all (empty). `by` is who."""

    state: TradingState
    scope: str = ""
    reason: str = ""
    by: str = ""

    def __post_init__(self) -> None:
        if type(self.state) is not TradingState:  # states are compared by identity
            known = [str(state) for state in TradingState]
            if self.state not in known:
                raise ConfigError(f"a command sets the state {self.state!r}; expected one of {', '.join(known)}")
            msgspec.structs.force_setattr(self, "state", TradingState(self.state))


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
    """opened, changed, closed, reversed; adjusted: by a corporate action (`fill_id` 0), moved: to another symbol"""
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


class DataState(StrEnum):
    """Of market data in real time: history comes first (orders are denied), then it is live; a stream may go stale and
    recover."""

    HISTORY = "history"
    LIVE = "live"
    STALE = "stale"
    RECOVERED = "recovered"


class DataStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a feed says of itself at `at`. `stream` is a kind of event (bars, quotes, trades, book); empty `symbol` or `stream`
    means all. Stale: the last values stay, but nobody knows what has happened since `since`. Recovered: data flows again;
    `filled` events were fetched afterwards (they came before this), `missed` are known to be lost."""

    at: int
    state: DataState
    symbol: str = ""
    stream: str = ""
    reason: str = ""
    missed: int = 0
    filled: int = 0
    since: int = 0


class TimePassed(msgspec.Struct, frozen=True, gc=False):
    """Nothing arrived, but `at` has come: timers ring, reports on their way are heard."""

    at: int


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a person should look at: `severity` is info, warning or critical. It moves nothing."""

    code: str
    severity: str
    text: str
    strategy: str = ""
    symbol: str = ""


class StrategyEnded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A strategy stopped: `status` is finished, stopped, failed or quarantined; `error` and `where` (file:line) say why. `calls`
    is the number of the call that a quarantine ended (from its start, 1 the first): no clock decides that in a replay."""

    strategy: str
    status: str
    error: str = ""
    where: str = ""
    calls: int = 0


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
    risk: dict[str, object] | None = None
    """limits of the account and of symbols, and the breakers"""
    mark_every: int = 0
    """nanoseconds between valuations: breakers judge at them"""
    isolation: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    """what each strategy may use up, in time and in orders; left out where nothing was said"""


class SessionEnding(msgspec.Struct, frozen=True):
    """The session was told to end, or its data did, after so many events; what ends with it follows."""

    status: str
    events: int


class SessionEnded(msgspec.Struct, frozen=True):
    """The end: `status` is completed, stopped or failed; the fingerprint is of the data that was read."""

    status: str
    events: int
    fingerprint: str
