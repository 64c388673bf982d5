"""Circuit breakers: what moves the trading state by itself, and what a person must do to move it back.

Rules: a breaker trips when what it watches reaches its limit. It only ever makes the state stricter, and what has tripped
stays: nothing here enables itself again, whatever happens next. A `Command` to be active needs a name, and starts what the
breakers of its scope remember (peak, day's base, windows) anew. The state of a strategy is the stricter of its own and the
session's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from onepath.blotter import Blotter
from onepath.calendars import get
from onepath.errors import CommandError, ConfigError
from onepath.events import (
    Accepted,
    Cancelled,
    CancelRejected,
    Command,
    Expired,
    Fill,
    Refused,
    Rejected,
    ReplaceRejected,
    TradingState,
    TradingStateChanged,
    VenueReport,
)
from onepath.instruments import ZERO, Instrument, exact, number
from onepath.ledger import Ledger
from onepath.market import MarketEvent
from onepath.nearest import nearest
from onepath.risk.pace import Window, nanoseconds

_ACTIVE = TradingState.ACTIVE
_STRICTNESS = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}
_OF_ORDERS = (Accepted, Fill, Rejected, Cancelled, Expired)
SESSION = ""
"""the scope of all strategies together"""


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """One circuit breaker: where it trips, what then may still be traded, and whose trading it stops.

    `limit` is a share (0.2 is a fifth), money, a count or seconds, as the breaker says. `action`: "halted" (nothing but
    cancels) or "reducing" (only what reduces positions). `scope`: "strategy" (each by its own figures) or "account" (all).
    `window`: seconds, for breakers that count; `orders`: answers that the reject rate is taken of.
    Raises ConfigError for a limit, window or count that is not positive.
    """

    limit: Decimal
    """where it trips: a share (0.2 is a fifth), money, a count or seconds, as the breaker says"""
    action: TradingState = TradingState.HALTED
    """reducing: only what reduces positions; halted: nothing but cancels"""
    scope: Literal["strategy", "account"] = "strategy"
    """strategy: each by its own figures, for itself; account: by the session's, for all"""
    window: float = 60.0
    """seconds, for breakers that count"""
    orders: int = 20
    """how many of the last answers count, for the reject rate; below that it does not trip"""

    def __post_init__(self) -> None:
        limit, window = number("a breaker's limit", self.limit), number("a breaker's window", self.window)
        if not (limit.is_finite() and limit > 0 and window > 0 and self.orders > 0):
            raise ConfigError(
                f"a breaker has limit {self.limit}, window {self.window}, orders {self.orders}; all must be positive"
            )
        if self.action not in _STRICTNESS or self.action == _ACTIVE:
            raise ConfigError(f"a breaker's action is {self.action}; expected reducing or halted")
        if self.scope not in ("strategy", "account"):
            raise ConfigError(f"a breaker's scope is {self.scope!r}; expected strategy or account")
        # A word as good as the state itself: states are compared by identity.
        kept = {"limit": limit, "window": float(window), "action": TradingState(self.action)}
        for name, value in kept.items():
            msgspec.structs.force_setattr(self, name, value)


class Breakers(msgspec.Struct, frozen=True, kw_only=True):
    """The circuit breakers of a session; None: there is none. One that has tripped stays, until a `Command` with a name.

    Shares of equity: `drawdown` (from its highest), `daily_loss` (since the session day before); money: `daily_loss_value`.
    Share of the venue's last answers: `reject_rate`. Counts in a window: `error_rate`, `order_rate`, `executions` (fills).
    Seconds: `stale_data`, without an event of a symbol that is held or has orders while its market is open.

    >>> Breakers(drawdown=Breaker(limit="0.2"), executions=Breaker(limit=500, window=60, action="reducing"))
    """

    drawdown: Breaker | None = None
    """loss from the highest equity so far, as a share of it"""
    daily_loss: Breaker | None = None
    """loss since the last valuation of the session day before, as a share of equity then"""
    daily_loss_value: Breaker | None = None
    """the same in money"""
    reject_rate: Breaker | None = None
    """share of the last `orders` answers of the venue to new orders that were rejections; a fill is an answer, too"""
    error_rate: Breaker | None = None
    """refused steps, rejected cancels and rejected replaces within `window`"""
    order_rate: Breaker | None = None
    """orders sent within `window`"""
    executions: Breaker | None = None
    """fills within `window`: the throttle of repeated automated execution"""
    stale_data: Breaker | None = None
    """seconds without an event of a symbol that is held or has orders, while its market is open"""


class _Equity:
    """What the losses of one scope are measured from: the highest equity, and that of the session day before."""

    __slots__ = ("base", "day", "last", "peak")

    def __init__(self, capital: Decimal) -> None:
        self.peak = self.base = self.last = capital
        self.day: int | None = None

    def take(self, equity: Decimal, day: int) -> None:
        if day != self.day:
            self.day, self.base = day, self.last
        self.last = equity
        self.peak = max(self.peak, equity)

    def shift(self, amount: Decimal) -> None:
        """Money was paid in or taken out: no gain, no loss."""
        self.peak += amount
        self.base += amount
        self.last += amount

    def restart(self) -> None:
        self.peak = self.base = self.last


class Watch:
    """The trading state of every scope, and what the breakers remember."""

    def __init__(
        self,
        breakers: Breakers | None,
        instruments: Mapping[str, Instrument],
        ledgers: Mapping[str, Ledger],
        marks: Mapping[str, MarketEvent],
        blotter: Blotter,
    ) -> None:
        self.breakers = found = breakers or Breakers()
        self.hears = any((found.reject_rate, found.error_rate, found.executions))
        self.judges = any((found.drawdown, found.daily_loss, found.daily_loss_value, found.stale_data))
        self.calm = True
        """whether nothing has moved the trading state"""
        self.pending: list[TradingStateChanged] = []
        """changes that nobody has recorded yet"""
        self._states = dict.fromkeys((SESSION, *ledgers), _ACTIVE)
        self._whys: dict[str, str] = {}
        self._instruments = instruments
        self._ledgers = ledgers
        self._marks = marks
        self._blotter = blotter
        self._windows: dict[tuple[str, str], Window] = {}
        self._answers: dict[str, deque[bool]] = {}
        self._taken: set[int] = set()
        """orders at work that have counted as taken"""
        self._equity = {name: _Equity(ledger.capital) for name, ledger in ledgers.items()}
        self._equity[SESSION] = _Equity(sum((ledger.capital for ledger in ledgers.values()), ZERO))
        self._valued: dict[str, Decimal] = {}
        self._valued_at = -1
        first = next(iter(instruments.values()), None)
        self._calendar = get(first.calendar if first else "24/7")

    # -- state

    def state(self, strategy: str) -> TradingState:
        """The stricter of the strategy's own state and the session's."""
        states = self._states
        own, all_ = states[strategy], states[SESSION]
        return own if _STRICTNESS[own] >= _STRICTNESS[all_] else all_

    def why(self, strategy: str) -> str:
        """What moved it."""
        scope = strategy if self._states[strategy] is self.state(strategy) else SESSION
        return self._whys.get(scope, "")

    def take(self) -> Sequence[TradingStateChanged]:
        """The changes that are still to be recorded."""
        changes = tuple(self.pending)
        self.pending.clear()
        return changes

    def vet(self, command: Command) -> None:
        """Raise CommandError for a scope that is none, or an activation that nobody signs."""
        scope, state = command.scope, command.state
        if scope not in self._states:
            known = [name for name in self._states if name]
            raise CommandError(
                f"there is no strategy {scope!r}{nearest(scope, known)}; the session has {', '.join(known)}"
            )
        if state is _ACTIVE and not command.by.strip():
            raise CommandError(
                f"a command that sets {scope or 'the session'} active needs the name of a person in `by`"
            )

    def command(self, command: Command) -> Sequence[TradingStateChanged]:
        """What a person told. Raises CommandError where `vet` does."""
        self.vet(command)
        scope, state, by = command.scope, command.state, command.by.strip()
        if state is _ACTIVE:
            self._restart(scope)
        reason = " ".join(filter(None, (command.reason, f"(by {by})" if by else "")))
        change = TradingStateChanged(scope=scope, state=state, reason=reason or "by command")
        self._states[scope] = state
        self.calm = all(found is _ACTIVE for found in self._states.values())
        self._whys[scope] = change.reason
        return (*self.take(), change)

    def _restart(self, scope: str) -> None:
        """What is forgotten where a person takes over: else the breaker would trip at once again."""
        self._equity[scope].restart()
        self._answers.pop(scope, None)
        for (name, _breaker), window in self._windows.items():
            if name == scope:
                window.clear()

    # -- what they watch

    def sent(self, breaker: Breaker, strategy: str, at: int) -> None:
        """An order was approved, and `breaker` counts them."""
        self._count("order_rate", breaker, strategy, at, "orders")

    def unsent(self, breaker: Breaker, strategy: str) -> None:
        """The last order was not sent after all."""
        window = self._windows.get((_scope(breaker, strategy), "order_rate"))
        if window is not None:
            window.drop()

    def hear(self, report: VenueReport | Refused, at: int) -> Sequence[TradingStateChanged]:
        """Fills, rejections and errors."""
        found = self.breakers
        if found.reject_rate is not None and isinstance(report, _OF_ORDERS):
            self._first_answer(found.reject_rate, report)
        if isinstance(report, Fill):
            if found.executions is not None:
                self._count("executions", found.executions, report.strategy, at, "executions")
        elif isinstance(report, CancelRejected | ReplaceRejected | Refused) and found.error_rate is not None:
            self._count("error_rate", found.error_rate, report.strategy, at, "errors")
        return self.take() if self.pending else ()

    def judge(self, at: int, strategy: str, equity: Decimal | float) -> Sequence[TradingStateChanged]:
        """A valuation of one strategy; the session is judged once all of them were valued at an instant."""
        value = exact(equity)
        if not value.is_finite():
            return ()
        day = self._calendar.session_date(at - 1)
        self._lost(strategy, value, day)
        if at != self._valued_at:
            self._valued_at = at
            self._valued.clear()
        self._valued[strategy] = value
        if len(self._valued) == len(self._ledgers):
            self._lost(SESSION, sum(self._valued.values(), ZERO), day)
        if self.breakers.stale_data is not None:
            self._stale(self.breakers.stale_data, strategy, at)
        return self.take() if self.pending else ()

    def paid(self, strategy: str, amount: Decimal) -> None:
        """Money was paid in or, negative, taken out."""
        for scope in (strategy, SESSION):
            self._equity[scope].shift(amount)

    def _count(self, name: str, breaker: Breaker, strategy: str, at: int, what: str) -> None:
        scope = _scope(breaker, strategy)
        window = self._windows.get((scope, name))
        if window is None:
            window = self._windows[scope, name] = Window(breaker.window)
        window.note(at)
        count = window.count(at)
        if count >= breaker.limit:
            self._trip(name, breaker, scope, f"{count} {what} within {breaker.window:g} s reach {breaker.limit}")

    def _first_answer(self, breaker: Breaker, report: Accepted | Fill | Rejected | Cancelled | Expired) -> None:
        """An order counts once: by its acceptance, its rejection, or its first fill where that is all the venue says."""
        order = report.order_id
        new, open_ = (
            order not in self._taken,
            isinstance(report, Accepted) or (isinstance(report, Fill) and report.remaining),
        )
        if open_:
            self._taken.add(order)
        else:
            self._taken.discard(order)
        rejected = isinstance(report, Rejected)
        if rejected or (new and isinstance(report, Accepted | Fill)):
            self._answered(breaker, report.strategy, rejected)

    def _answered(self, breaker: Breaker, strategy: str, rejected: bool) -> None:
        scope = _scope(breaker, strategy)
        answers = self._answers.get(scope)
        if answers is None:
            answers = self._answers[scope] = deque(maxlen=breaker.orders)
        answers.append(rejected)
        if not rejected or len(answers) < breaker.orders:
            return
        count = sum(answers)
        if count >= breaker.limit * breaker.orders:
            self._trip(
                "reject_rate",
                breaker,
                scope,
                f"{count} of the last {breaker.orders} orders rejected reach {breaker.limit}",
            )

    def _lost(self, scope: str, equity: Decimal, day: int) -> None:
        books, found = self._equity[scope], self.breakers
        books.take(equity, day)
        wanted = "account" if scope == SESSION else "strategy"
        fallen, lost = books.peak - equity, books.base - equity
        for name, breaker, loss, bound in (
            ("drawdown", found.drawdown, fallen, books.peak),
            ("daily_loss", found.daily_loss, lost, books.base),
            ("daily_loss_value", found.daily_loss_value, lost, None),
        ):
            if breaker is None or breaker.scope != wanted:
                continue
            limit = breaker.limit if bound is None else breaker.limit * bound
            if loss > 0 and loss >= limit:
                start = f"the peak {books.peak}" if name == "drawdown" else f"the day's base {books.base}"
                self._trip(name, breaker, scope, f"equity {equity} is {loss} below {start}, limit {breaker.limit}")

    def _stale(self, breaker: Breaker, strategy: str, at: int) -> None:
        symbols: Iterable[str] = dict.fromkeys(
            (*self._ledgers[strategy].positions, *(state.symbol for state in self._blotter.open_orders(strategy)))
        )
        for symbol in symbols:
            calendar = get(self._instruments[symbol].calendar)
            opens, closes = calendar.session_bounds(calendar.session_date(at))
            if not opens <= at < closes:
                continue
            event = self._marks.get(symbol)
            age = at - max(opens, event.at if event else opens)
            if age >= nanoseconds(float(breaker.limit)):
                reason = f"no event of {symbol} for {age / 1e9:g} s, limit {breaker.limit}"
                self._trip("stale_data", breaker, _scope(breaker, strategy), reason)

    def _trip(self, name: str, breaker: Breaker, scope: str, reason: str) -> None:
        """Make the state stricter; never less strict."""
        if _STRICTNESS[breaker.action] <= _STRICTNESS[self._states[scope]]:
            return
        self._states[scope] = breaker.action
        self.calm = False
        self._whys[scope] = f"{name}: {reason}"
        self.pending.append(TradingStateChanged(scope=scope, state=breaker.action, reason=reason, breaker=name))


def _scope(breaker: Breaker, strategy: str) -> str:
    return strategy if breaker.scope == "strategy" else SESSION
