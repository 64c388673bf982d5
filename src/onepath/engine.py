"""The engine: folds facts into books, lets strategies speak, checks what they ask for. It never asks which mode it is in.

Rules: no clock, no randomness, no input or output here; facts leave through `record`, which the loop binds to the journal
before anything acts. Strategies of one instant speak in the order they were given. A strategy that raises is ended where it
stands: its orders are asked back, its positions stay, the others go on.
Cost: nothing here runs a market event unless a strategy asked for features, history or warm-up.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from onepath.blotter import Blotter
from onepath.errors import OnepathError, OrderError, StrategyError
from onepath.events import CancelRequested, Fill, Mark, OrderReport, Prices, Signal, StrategyEnded, Timer
from onepath.instruments import ZERO, Instrument
from onepath.ledger import Ledger
from onepath.market import MarketEvent
from onepath.nearest import nearest
from onepath.orders import Approved, CancelIntent, Denied, Order, OrderIntent, OrderState, OrderStatus, Step
from onepath.portfolio import Portfolio
from onepath.ports import Batch
from onepath.risk import Limits, check
from onepath.strategy import Context, Moment, Strategy, overridden
from onepath.trace import where

if TYPE_CHECKING:
    from onepath.features.plant import FeaturePlant

Record = Callable[[int, str, str | None, Any, int | None], int]
"""at, kind, strategy, event, cause -> sequence: the journal's `append`"""
Call = Callable[[Any, Context], Any]
_KINDS = {step: f"order.{step}" for step in Step}
NEVER = 2**63 - 1


class Seated(NamedTuple):
    """A strategy with what it was given."""

    name: str
    strategy: Strategy
    capital: Decimal
    limits: Limits
    symbols: tuple[str, ...]


class _Seat:
    """A strategy at work, with its own books."""

    def __init__(self, given: Seated, ledger: Ledger, context: Context) -> None:
        self.name = given.name
        self.strategy = given.strategy
        self.limits = given.limits
        self.symbols = frozenset(given.symbols)
        self.ledger = ledger
        self.context = context
        self.plant: FeaturePlant | None = None
        self.active = True
        self.warming: dict[str, int] = {}
        self.hears_orders = overridden(given.strategy, "on_order_update")
        self.last_mark: Mark | None = None


def _deaf(_event: Any, _context: Context) -> None:
    """Stands in for the callbacks of a strategy that has ended."""


def _dumb(_context: Context) -> tuple[()]:
    """Stands in for `generate_orders` of a strategy that has ended."""
    return ()


class Engine:
    """Strategies, their books and their orders, moved by events."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        seated: Sequence[Seated],
        record: Record,
        *,
        cost: Decimal,
        expected_events: int | None,
        mark_every: int,
    ) -> None:
        """`cost` is the share of value that trading is expected to take; `mark_every` nanoseconds between valuations."""
        self.moment = Moment()
        self.marks: dict[str, MarketEvent] = {}
        self.listeners: list[tuple[Call, Context]] = []
        self.deciders: list[tuple[Callable[[Context], Any], Context]] = []
        self.failures: list[StrategyEnded] = []
        self.cancels: list[int] = []
        self.stopping = False
        self.decided = 0
        """sequence of the last decision recorded: the cause of what the venue answers at once"""
        self._instruments = instruments
        self._record = record
        self._blotter = Blotter()
        self._orders = count(1)
        self._signals = count(1)
        self._timers: list[tuple[int, int, str, Timer]] = []
        self._timer_ids = count(1)
        self._mark_every = mark_every
        self._mark_at = NEVER
        self._last_prices: tuple[float | None, ...] = ()
        self._expected_events = expected_events
        lives = count(1)
        self._seats = {given.name: self._seat(given, lives, cost) for given in seated}

    def _seat(self, given: Seated, lives: Iterator[int], cost: Decimal) -> _Seat:
        ledger = Ledger(given.name, given.capital, self._instruments, lives)
        context = Context(
            name=given.name,
            params=given.strategy.params,
            symbols=given.symbols,
            instruments=self._instruments,
            portfolio=Portfolio(ledger, self.marks, given.limits.max_leverage),
            limits=given.limits,
            moment=self.moment,
            open_orders=self._blotter.open_orders,
            signal=self._signal,
            schedule=self._schedule,
            cost=cost,
        )
        return _Seat(given, ledger, context)

    # -- a strategy's life

    def start(self) -> None:
        """Let every strategy prepare, then build the lists of who is called for what."""
        for seat in self._seats.values():
            self._guard(seat, seat.strategy.on_start, seat.context)
            if seat.active:
                self._connect(seat)

    def _connect(self, seat: _Seat) -> None:
        context, strategy = seat.context, seat.strategy
        if context.features.required:
            from onepath.features.plant import FeaturePlant

            seat.plant = FeaturePlant(context.features.required, context.symbols, self._expected_events)
            context.features.update(seat.plant.views)
            seat.plant.views = context.features
            self.listeners.append((seat.plant.update, context))
        if context.historical_data.length:
            self.listeners.append((context.historical_data.update, context))
        if strategy.warm_up:
            seat.warming = dict.fromkeys(context.symbols, strategy.warm_up)
            self.listeners.append((self._warm, context))
        if overridden(strategy, "on_market_event"):
            call = strategy.on_market_event
            everything = len(context.symbols) == len(self._instruments)
            self.listeners.append((call if everything else _only(seat.symbols, call), context))
        if overridden(strategy, "generate_orders"):
            self.deciders.append((strategy.generate_orders, context))

    def _warm(self, event: MarketEvent, context: Context) -> None:
        """Count down a symbol's warm-up."""
        warming = self._seats[context.name].warming
        left = warming.get(event.symbol)
        if left is not None:
            warming[event.symbol] = left - 1
            if left == 1:
                del warming[event.symbol]

    def stop(self, status: str) -> None:
        """The last event was delivered: value the books and let the strategies say goodbye."""
        if self.marks:
            self.value()
        for seat in self._seats.values():
            if seat.active:
                self._guard(seat, seat.strategy.on_stop, seat.context)
            if seat.active:
                seat.active = False
                self._record(self.moment.at, "strategy.ended", seat.name, StrategyEnded(seat.name, status), None)

    @property
    def alive(self) -> bool:
        """Whether any strategy is still at work."""
        return any(seat.active for seat in self._seats.values())

    def fail(self, context: Context, error: Exception) -> None:
        """End the strategy that raised, record where, and ask its orders back (see `take_cancels`)."""
        if isinstance(error, OnepathError) and not isinstance(error, StrategyError):
            raise error
        seat = self._seats[context.name]
        if not seat.active:
            return
        seat.active = False
        text = str(error) if isinstance(error, StrategyError) else f"{type(error).__name__}: {error}"
        ended = StrategyEnded(seat.name, "failed", text, where(error, seat.strategy))
        self.failures.append(ended)
        self._record(self.moment.at, "strategy.ended", seat.name, ended, None)
        self.listeners[:] = [(_deaf if c is context else call, c) for call, c in self.listeners]
        self.deciders[:] = [(_dumb if c is context else call, c) for call, c in self.deciders]
        self.cancels += [state.id for state in self._blotter.open_orders(seat.name)]

    def take_cancels(self) -> Iterator[CancelRequested]:
        """The orders of ended strategies, to be asked back."""
        orders, self.cancels[:] = tuple(self.cancels), ()
        for order_id in orders:
            state = self._blotter.get(order_id)
            if state is not None and state.status is not OrderStatus.CANCEL_PENDING:
                yield self._ask_cancel(self._seats[state.order.strategy], order_id)

    def _guard(self, seat: _Seat, call: Callable[..., Any], *args: Any) -> None:
        try:
            call(*args)
        except Exception as error:
            self.fail(seat.context, error)

    # -- market events

    def prepare(self, batch: Batch) -> None:
        """Compute over a batch what is cheaper at once than event by event."""
        for seat in self._seats.values():
            if seat.plant is not None:
                seat.plant.prepare(batch)

    # -- decisions

    def decide(self, context: Context, intents: Any) -> Iterator[Approved | CancelRequested]:
        """Check and record what a strategy asked for; yields what may be performed, each after it is recorded.

        Raises StrategyError for what no strategy may ask.
        """
        seat = self._seats[context.name]
        for intent in intents if type(intents) is list or isinstance(intents, Iterable) else (intents,):
            if not seat.active:
                return
            if isinstance(intent, OrderIntent):
                verdict = self._consider(seat, intent)
                if isinstance(verdict, Approved):
                    yield verdict
            elif isinstance(intent, CancelIntent):
                state = self._blotter.get(intent.order_id)
                if state is not None and state.status is not OrderStatus.CANCEL_PENDING:
                    yield self._ask_cancel(seat, intent.order_id)
            else:
                raise StrategyError(
                    f"generate_orders returned {type(intent).__name__} {intent!r}; it takes a list of OrderIntent "
                    "(context.buy, sell, target, ... return such lists: join them with +=)"
                )

    def _consider(self, seat: _Seat, intent: OrderIntent) -> Approved | Denied:
        if intent.symbol not in seat.symbols:
            raise OrderError(
                f"order for {intent.symbol!r}, which is not in this session{nearest(intent.symbol, seat.symbols)}; "
                f"it has {', '.join(seat.context.symbols[:20])}"
            )
        order = Order(
            id=next(self._orders),
            strategy=seat.name,
            symbol=intent.symbol,
            side=intent.side,
            quantity=intent.quantity,
            type=intent.type,
            time_in_force=intent.time_in_force,
            submitted_at=self.moment.at,
            limit=intent.limit,
            stop=intent.stop,
            signal_id=intent.signal_id,
            tag=intent.tag,
        )
        instrument = self._instruments[order.symbol]
        if order.quantity < instrument.lot_size:
            raise OrderError(f"{order.side} {order.quantity} {order.symbol} is below the lot of {instrument.lot_size}")
        verdict = self._verdict(seat, order, instrument)
        if isinstance(verdict, Approved):
            self.decided = self._record(self.moment.at, "order.submitted", seat.name, order, None)
            self._blotter.add(order)
        else:
            self._record(self.moment.at, "order.denied", seat.name, verdict, None)
            self._tell(seat, OrderState(order, OrderStatus.DENIED, ZERO))
        return verdict

    def _verdict(self, seat: _Seat, order: Order, instrument: Instrument) -> Approved | Denied:
        if seat.warming and order.symbol in seat.warming:
            left = seat.warming[order.symbol]
            return Denied(order, "warm_up", f"{seat.name} needs {left} more bars of {order.symbol} to warm up")
        working = self._blotter.open_orders(seat.name)
        return check(order, instrument, seat.ledger, working, self.marks, seat.limits)

    def _ask_cancel(self, seat: _Seat, order_id: int) -> CancelRequested:
        state = self._blotter.get(order_id)
        if state is None or state.order.strategy != seat.name:
            raise OrderError(f"order {order_id} is not an open order of {seat.name}: it cannot be cancelled by it")
        self._blotter.ask_cancel(order_id)
        request = CancelRequested(order_id, seat.name, state.symbol)
        self.decided = self._record(self.moment.at, "order.cancel_requested", seat.name, request, None)
        return request

    # -- what the venue says

    def fold(self, report: OrderReport, cause: int | None = None) -> None:
        """Take in a report: record it, move the order, book the fill, tell the strategy.

        `cause` is the decision that the venue answered, None where the market made it happen.
        """
        seat = self._seats[report.strategy]
        seq = self._record(self.moment.at, _KINDS[report.step], report.strategy, report, cause)
        state = self._blotter.apply(report)
        if isinstance(report, Fill):
            self._record(self.moment.at, "position", report.strategy, seat.ledger.apply(report), seq)
        self._tell(seat, state)

    def _tell(self, seat: _Seat, state: OrderState) -> None:
        """Let the strategy hear of a step of its order."""
        if seat.hears_orders and seat.active:
            self._guard(seat, seat.strategy.on_order_update, state, seat.context)

    # -- time

    def stop_soon(self) -> None:
        """Let no further event through; may be called from another thread or a signal handler."""
        self.stopping = True
        self.moment.due = -NEVER

    def pass_time(self, before: int) -> Iterator[Context]:
        """Do what was due before the instant `before`: valuations and timers, in time order; yields the contexts whose
        timer has come, to be asked for orders."""
        if self.stopping:
            return
        if self._mark_at == NEVER:
            self._mark_at = _after(before - 1, self._mark_every)
            self._set_due()
        while self.moment.due < before:
            at = self.moment.due
            if self._timers and self._timers[0][0] == at:
                _, _, name, timer = heapq.heappop(self._timers)
                seat = self._seats[name]
                if seat.active:
                    self.moment.at = at
                    self._record(self.moment.at, "timer", name, timer, None)
                    self._guard(seat, seat.strategy.on_timer, timer, seat.context)
                    yield seat.context
            else:
                self.moment.at = at
                self.value()
                self._mark_at = _after(before - 1, self._mark_every)
            self._set_due()

    def value(self) -> None:
        """Record what every book is worth now; what has not changed since the last time is left out."""
        for seat in self._seats.values():
            mark = self._mark(seat)
            if mark != seat.last_mark:
                seat.last_mark = mark
                self._record(self.moment.at, "mark", seat.name, mark, None)
        events = map(self.marks.get, self._instruments)
        prices = tuple([None if event is None else event.mark for event in events])
        if prices != self._last_prices:
            self._last_prices = prices
            self._record(self.moment.at, "prices", None, Prices(prices), None)

    def _mark(self, seat: _Seat) -> Mark:
        cash = float(seat.ledger.cash)
        gross = net = 0.0
        for symbol, position in seat.ledger.positions.items():
            value = float(position.quantity) * self.marks[symbol].mark * float(position.multiplier)
            gross += abs(value)
            net += value
        return Mark(strategy=seat.name, equity=cash + net, cash=cash, gross=gross, net=net)

    def _schedule(self, strategy: str, timer: Timer) -> None:
        heapq.heappush(self._timers, (timer.at, next(self._timer_ids), strategy, timer))
        self._set_due()

    def _set_due(self) -> None:
        # Before the first event the moment is due as it is: there is always something to do then.
        if self._mark_at != NEVER and not self.stopping:
            self.moment.due = min(self._mark_at, self._timers[0][0] if self._timers else NEVER)

    def _signal(
        self, strategy: str, symbol: str, type_: str, conditions: tuple[str, ...], values: dict[str, float | None]
    ) -> Signal:
        signal = Signal(
            id=next(self._signals), strategy=strategy, symbol=symbol, type=type_, conditions=conditions, values=values
        )
        self._record(self.moment.at, "signal", strategy, signal, None)
        return signal

    # -- what windows may look at

    @property
    def portfolios(self) -> Mapping[str, Portfolio]:
        """Every strategy's books."""
        return {name: seat.context.portfolio for name, seat in self._seats.items()}


def _only(symbols: frozenset[str], call: Call) -> Call:
    """`call` for these symbols alone."""

    def filtered(event: Any, context: Context) -> None:
        if event.symbol in symbols:
            call(event, context)

    return filtered


def _after(at: int, step: int) -> int:
    """The next multiple of `step` after `at`."""
    return (at // step + 1) * step
