"""The engine: folds facts into books, lets strategies speak, keeps the time. It never asks which mode it is in.

Rules: no clock, no randomness, no input or output here; facts leave through `record`, which the loop binds to the journal
before anything acts. Strategies of one instant speak in the order they were given. A strategy that raises is ended where it
stands: its orders are asked back, its positions stay, the others go on. What a venue says of an order that its life does not
have is recorded as refused and moves nothing.
Cost: nothing here runs a market event unless a strategy asked for features, history or warm-up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from onepath.actions import CorporateAction
from onepath.adjustments import act, remark
from onepath.agenda import Agenda
from onepath.blotter import Blotter
from onepath.context import Context, Moment
from onepath.desk import Decision, Desk, Record
from onepath.errors import OnepathError, QuarantineError, StrategyError, TransitionError
from onepath.events import (
    Alert,
    CancelRejected,
    CancelRequested,
    CashFlow,
    Command,
    DataState,
    DataStatus,
    Fill,
    Forced,
    MarginCall,
    Mark,
    OrderReport,
    Prices,
    Refused,
    ReplaceRejected,
    Signal,
    StrategyEnded,
    Timer,
    TradingState,
    TradingStateChanged,
    VenueReport,
)
from onepath.gate import Gate
from onepath.instruments import Instrument
from onepath.isolation import Fencing
from onepath.ledger import Ledger
from onepath.market import KINDS, MarketEvent
from onepath.nearest import nearest
from onepath.orders import OrderState, OrderStatus, Side, Step
from onepath.portfolio import Portfolio
from onepath.ports import NEVER, Batch
from onepath.risk import Controls, RiskPlan
from onepath.seat import Ears, Seat, Seated
from onepath.strategy import overridden
from onepath.trace import where
from onepath.universe import Members, Universe

if TYPE_CHECKING:
    from onepath.features.running import Memo

Call = Callable[[Any, Context], Any]
_KINDS = {step: f"order.{step}" for step in Step} | {
    Step.REPLACE_PART: "order.replaced",
    Step.REFUSE_REPLACE_PART: "order.replace_rejected",
    Step.REFUSE_CANCEL_PART: "order.cancel_rejected",
}
_BESIDE_ORDERS = frozenset({Forced, CashFlow, MarginCall})


def _unheard(_event: Any, _context: Context) -> None:
    """Stands in for the callbacks of a strategy that has ended."""


def _undecided(_context: Context) -> tuple[()]:
    """Stands in for `generate_orders` of a strategy that has ended."""
    return ()


class Engine:
    """Strategies, their books and their orders, moved by events."""

    closing = NEVER
    """when the next bar that is built here has come to its end"""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        seated: Sequence[Seated],
        record: Record,
        *,
        cost: Decimal,
        expected_events: int | None,
        mark_every: int,
        risk: RiskPlan | None = None,
        commands: Sequence[tuple[int, Command]] = (),
        acting: Collection[str] = (),
        adjust_dividends: bool = False,
        kinds: Mapping[str, Collection[str]] | None = None,
        interval_ns: int | None = None,
        fencing: Fencing | None = None,
        memo: Memo | None = None,
    ) -> None:
        """`cost` is the share of value that trading is expected to take; `mark_every` nanoseconds between valuations;
        `commands` those that are known beforehand, with their times, because a journal has them; `adjust_dividends`: features see
        past prices without cash dividends; `memo` knows values of features that were computed before."""
        self.moment = Moment()
        self.marks: dict[str, MarketEvent] = {}
        self.listeners: list[tuple[Call, Context]] = []
        self.deciders: list[tuple[Callable[[Context], Any], Context]] = []
        self.failures: list[StrategyEnded] = []
        self.cancels: list[int] = []
        self.told: dict[Context, None] = {}
        """strategies that heard of an order since the loop last looked"""
        self.stopping = False
        self.rehearses = False
        """history is being shown, before what is live: strategies hear, and are not asked"""
        self._instruments = instruments
        self._record = record
        self._blotter = Blotter()
        self._agenda = Agenda(mark_every, commands)
        self._inbox: list[Command | Alert] = []
        self._fencing = fencing or Fencing()
        self.expected = NEVER
        """when the venue said it would have something to say"""
        self._last_prices: tuple[float | None, ...] = ()
        self._plants = (expected_events, acting, adjust_dividends, memo)
        """for features: events to come, symbols that may act, whether past prices lose dividends, what was computed before"""
        self._brings = (kinds or {}, interval_ns or 0)
        """the kinds of market events that can come by symbol, and how long the data's own bars are"""
        self.stale: dict[tuple[str, str], DataStatus] = {}
        """streams of which nothing is heard, by symbol and kind"""
        lives = count(1)
        self._seats = {given.name: self._seat(given, lives, cost) for given in seated}
        books = [(seat.name, seat.limits, seat.ledger) for seat in self._seats.values()]
        self._controls = Controls(instruments, books, marks=self.marks, blotter=self._blotter, plan=risk)
        self.gate = Gate()
        """the last step: what leaves is what was decided, once"""
        self.desk = Desk(
            *(instruments, self.marks, self._blotter, self._controls, self.gate),
            *(self.moment, record, self._tell, self._move),
        )

    def _seat(self, given: Seated, lives: Iterator[int], cost: Decimal) -> Seat:
        ledger = Ledger(given.name, given.capital, self._instruments, lives, given.terms)
        fence = self._fencing.around(given.name, self.moment, self._record_signal, self._drop_signals)
        context = Context(
            name=given.name,
            params=given.strategy.params,
            symbols=given.symbols,
            instruments=self._instruments,
            portfolio=Portfolio(ledger, self.marks, given.limits.max_leverage),
            limits=given.limits,
            moment=self.moment,
            open_orders=self._blotter.open_orders,
            signal=self._signal if fence is None else fence.shielded(self._signal),
            schedule=self._schedule if fence is None else fence.shielded(self._schedule),
            cost=cost,
            stale=self.stale,
        )
        context.timeframes.know(*self._brings, self.stale)
        return Seat(given, ledger, context, fence)

    # -- a strategy's life

    def start(self) -> None:
        """Let every strategy prepare, then build the lists of who is called for what."""
        for seat in self._seats.values():
            self._guard(seat, seat.strategy.on_start, seat.context, starts=True)
            if seat.active:
                self._connect(seat)

    def look_at(self, universe: Universe) -> None:
        """Show the members of a universe to all strategies; before they start."""
        for seat in self._seats.values():
            seat.context.members = Members(universe, seat.context.symbols)

    def _connect(self, seat: Seat) -> None:
        context, strategy = seat.context, seat.strategy
        if context.members is not None and context.members.listens:
            self.listeners.append((context.members.hear, context))
        if context.features.required:
            self._plant(seat)
        if context.historical_data.length:
            self.listeners.append((context.historical_data.update, context))
        if context.books.wanted and (context.books.hear, context) not in self.listeners:
            self.listeners.append((context.books.hear, context))
        if seat.warming:
            self.listeners.append((seat.warm, context))
        if context.timeframes:
            on_bar = seat.fenced(strategy.on_bar) if overridden(strategy, "on_bar") else None
            context.timeframes.connect(on_bar, seat.attend, self._look_at_bars)
            self.listeners.append((context.timeframes.hear, context))
        hear: Call | None = seat.fenced(strategy.on_market_event) if overridden(strategy, "on_market_event") else None
        decide = seat.deciding(strategy.generate_orders) if overridden(strategy, "generate_orders") else None
        kinds = _kinds(strategy.listens, seat.name)
        if kinds and any(kind not in kinds for found in self._brings[0].values() for kind in found):
            seat.ears = Ears([KINDS[kind] for kind in kinds], hear or _unheard, decide or _undecided)
            hear, decide = seat.ears.hear, decide and seat.ears.decide
        if hear is not None:
            everything = len(context.symbols) == len(self._instruments)
            self.listeners.append((hear if everything else _only(seat.symbols, hear), context))
        if decide is not None:
            self.deciders.append((decide, context))

    def _plant(self, seat: Seat) -> None:
        """Let the features that a strategy asked for be computed."""
        from onepath.features.plant import FeaturePlant

        context = seat.context
        events, acting, adjusted, memo = self._plants
        seat.plant = plant = FeaturePlant(
            *(context.features.required, context.symbols, events, acting),
            adjust_dividends=adjusted,
            memo=memo,
            kinds=self._brings[0],
            interval_ns=self._brings[1],
            stale=self.stale,
            woken=self._look_at_bars,
        )
        context.features.update(plant.views)
        plant.views = context.features
        if plant.books:
            context.books.require()
            self.listeners.append((context.books.hear, context))
        self.listeners.append((plant.update, context))
        if plant.settles:
            self.deciders.append((plant.settle, context))

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
        """Whether any strategy is still at work; where there is none, data are collected."""
        return not self._seats or any(seat.active for seat in self._seats.values())

    def fail(self, context: Context, error: Exception) -> None:
        """End the strategy that raised, or that used up more than it may: record where, and ask its orders back (see
        `take_cancels`) where they are not to be kept."""
        if isinstance(error, OnepathError) and not isinstance(error, StrategyError):
            raise error
        seat = self._seats[context.name]
        if not seat.active:
            return
        seat.active = False
        ended = _ending(seat, error)
        self.failures.append(ended)
        self._record(self.moment.at, "strategy.ended", seat.name, ended, None)
        text = f"{seat.name} {ended.status} at {ended.where}: {ended.error}"
        self._raise(Alert(code=f"strategy_{ended.status}", severity="critical", text=text, strategy=seat.name))
        self.listeners[:] = [(_unheard if c is context else call, c) for call, c in self.listeners]
        self.deciders[:] = [(_undecided if c is context else call, c) for call, c in self.deciders]
        if self._fencing.isolation is None or not self._fencing.isolation.keeps_orders:
            self.cancels += [state.id for state in self._blotter.open_orders(seat.name)]

    def take_cancels(self) -> Iterator[CancelRequested]:
        """The orders of ended and halted strategies, to be asked back."""
        orders, self.cancels[:] = tuple(self.cancels), ()
        for order_id in orders:
            state = self._blotter.get(order_id)
            if state is not None and state.status is not OrderStatus.CANCEL_PENDING:
                yield from self.desk.ask_cancel(self._seats[state.order.strategy], order_id, forced=True)

    def _guard(self, seat: Seat, call: Callable[..., Any], *args: Any, starts: bool = False) -> None:
        try:
            if seat.fence is None:
                call(*args)
            elif starts:
                seat.fence.start(call, *args)
            else:
                seat.fence.call(call, *args)
        except Exception as error:
            self.fail(seat.context, error)

    def _move_features(self, seat: Seat, call: Callable[..., Any], *args: Any) -> None:
        """Let features move at another time than an event's; one that is wrong ends its strategy."""
        try:
            call(*args)
        except Exception as error:
            self.fail(seat.context, error)

    # -- market events, decisions

    def prepare(self, batch: Batch) -> None:
        """Compute over a batch what is cheaper at once than event by event."""
        for seat in self._seats.values():
            if seat.plant is not None:
                seat.plant.prepare(batch)

    def announce(self, action: CorporateAction) -> int:
        """Record a corporate action, before what it does; gives the sequence, the cause of what the venue says to it."""
        return self._record(self.moment.at, "corporate_action", None, action, None)

    def act(self, action: CorporateAction, seq: int) -> None:
        """An announced action took effect: holdings, last prices, features and history are restated, then strategies hear."""
        for seat in self._seats.values():
            for event in act(seat.ledger, action, self._instruments):
                kind = "cash" if isinstance(event, CashFlow) else "position"
                self._record(self.moment.at, kind, seat.name, event, seq)
        remark(self.marks, action)
        for seat in self._seats.values():
            if action.symbol in seat.symbols:
                if seat.plant is not None:
                    seat.plant.act(action)
                seat.context.historical_data.act(action)
                if seat.context.members is not None:
                    seat.context.members.act(action)
                seat.context.timeframes.act(action)
                if seat.active and overridden(seat.strategy, "on_corporate_action"):
                    self._guard(seat, seat.strategy.on_corporate_action, action, seat.context)

    def notice(self, status: DataStatus) -> list[Context]:
        """The feed says something of itself; gives the strategies that heard it, to be asked for orders."""
        if status.state is DataState.HISTORY or status.state is DataState.LIVE:
            self.rehearses = status.state is DataState.HISTORY
            for seat in self._seats.values():
                seat.forget()
        elif status.state is DataState.STALE:
            self.stale[status.symbol, status.stream] = status
        else:
            for symbol, stream in list(self.stale):
                if status.symbol in ("", symbol) and status.stream in ("", stream):
                    del self.stale[symbol, stream]
        self._look_at_bars(again=True)
        told = []
        for seat in self._seats.values():
            if seat.plant is not None and seat.active:
                self._move_features(seat, seat.plant.settle)
            concerned = not status.symbol or status.symbol in seat.symbols
            if seat.active and concerned and overridden(seat.strategy, "on_data_status"):
                seat.attend()
                self._guard(seat, seat.strategy.on_data_status, status, seat.context)
                told.append(seat.context)
        return told

    @property
    def wants_history(self) -> int:
        """Bars of each symbol until every strategy has all it asked for."""
        return max((seat.wants_history for seat in self._seats.values()), default=0)

    def decide(self, context: Context, intents: Any) -> Iterator[Decision]:
        """Check and record what a strategy asked for; yields what may be performed, each after it is recorded.

        Raises StrategyError for what no strategy may ask.
        """
        return self.desk.decide(self._seats[context.name], intents)

    # -- what the venue says

    def fold(self, report: VenueReport, cause: int | None = None) -> None:
        """Take in a report: record it, move the order, book the fill, tell the strategy.

        `cause` is the decision that the venue answered, None where the market or time made it happen.
        """
        kind = type(report)
        if kind in _BESIDE_ORDERS:
            self._fold_beside(report, cause)
            return
        seat = self._seats[report.strategy]
        try:
            state = self._blotter.after(report)  # type: ignore[arg-type]
        except TransitionError as error:
            self._refuse(report, error, cause)  # type: ignore[arg-type]
            return
        at, name = self.moment.at, _KINDS[report.step]  # type: ignore[union-attr]
        seq = self._record(at, name, report.strategy, report, cause)
        self._blotter.keep(state)
        if kind is Fill:
            self._record(at, "position", report.strategy, seat.ledger.apply(report), seq)  # type: ignore[arg-type]
        if self._controls.hears:
            self._move(self._controls.hear(report, at))
        if seat.hears_orders:
            self._tell(seat, state)

    def _fold_beside(self, report: VenueReport, cause: int | None) -> None:
        """What a venue says that is not a step of an order: one it made in our name, money, a margin call."""
        seat = self._seats[report.strategy]
        if isinstance(report, Forced):
            self._record(self.moment.at, "order.forced", seat.name, report, cause)
            self._tell(seat, self._blotter.adopt(report.order))
        elif isinstance(report, CashFlow):
            self._record(self.moment.at, "cash", seat.name, report, cause)
            seat.ledger.flow(report)
            if self._controls.judges:
                self._controls.paid(report)
        else:
            self._record(self.moment.at, "margin_call", seat.name, report, cause)

    def _refuse(self, report: OrderReport, error: TransitionError, cause: int | None) -> None:
        """A step that the order's life does not have. (That a cancel or a replace came too late is news, not an error.)"""
        if isinstance(report, CancelRejected | ReplaceRejected) and self._blotter.get(report.order_id) is None:
            self._record(self.moment.at, _KINDS[report.step], report.strategy, report, cause)
            return
        refused = Refused(
            order_id=report.order_id,
            strategy=report.strategy,
            symbol=report.symbol,
            step=report.step,
            reason=str(error),
            found=msgspec.to_builtins(report),
        )
        self._record(self.moment.at, "order.refused", report.strategy, refused, cause)
        if self._controls.hears:
            self._move(self._controls.hear(refused, self.moment.at))

    def _tell(self, seat: Seat, state: OrderState) -> None:
        """Let the strategy hear of a step of its order."""
        if seat.hears_orders and seat.active:
            seat.attend()
            self.told[seat.context] = None
            self._guard(seat, seat.strategy.on_order_update, state, seat.context)

    # -- time

    def stop_soon(self) -> None:
        """Let no further event through; may be called from another thread or a signal handler."""
        self.stopping = True
        self.moment.due = -NEVER

    def command(self, command: Command) -> None:
        """Take a person's command in; it is done before the next instant. May be called from another thread.

        Raises CommandError where it cannot be carried out.
        """
        self._controls.vet(command)
        self._inbox.append(command)
        self.moment.due = -NEVER

    def alert(self, alert: Alert) -> None:
        """Take in what somebody outside found that a person should look at: recorded before the next instant; moves nothing. May
        be called from another thread."""
        self._inbox.append(alert)
        self.moment.due = -NEVER

    @property
    def due(self) -> int:
        """When the engine next has something to do by itself."""
        return self._agenda.due

    @property
    def next_due(self) -> int:
        """When the loop next has something to do, whatever the market does; long ago where a command waits or it is to stop."""
        return self.moment.due

    def expect(self, venue_due: int) -> None:
        """The loop is to look again when the venue has something to say."""
        self.expected = venue_due
        due = self._agenda.due
        self.moment.due = due if due < venue_due else venue_due - 1
        if self.closing <= self.moment.due:
            self.moment.due = self.closing - 1
        if self.stopping or self._inbox:  # asked last, so that what another thread tells meanwhile is not lost
            self.moment.due = -NEVER

    def restored(self) -> None:
        """Its state is that of a snapshot now; commands that are known beforehand may be due before what that says."""
        self._agenda.look()
        self.moment.due = min(self.moment.due, self._agenda.due)

    def begin(self, before: int) -> None:
        """What comes first when time passes: valuations get their moments, and commands theirs, right after what is done."""
        self._agenda.begin(before)
        while self._inbox:
            told = self._inbox.pop(0)
            if isinstance(told, Alert):
                self._raise(told)
            else:
                self._agenda.add_command(self.moment.at + 1, told)

    def do_due(self, before: int) -> Context | None:
        """Do the one thing that is due before the instant `before`; returns whose timer it was, to be asked for orders."""
        self.moment.at = self._agenda.due
        command = self._agenda.take_command()
        if command is not None:
            self._obey(command)
            return None
        timer = self._agenda.take_timer()
        if timer is not None:
            return self._ring(*timer)
        self.value()
        self._agenda.mark_again(before)
        return None

    def close_bars(self) -> list[Context]:
        """The end of bars that are built here has come: close them; gives who heard of one, to be asked for orders."""
        at = self.moment.at = max(self.moment.at, self.closing)
        told = []
        for seat in self._seats.values():
            if seat.plant is not None and seat.active:
                self._move_features(seat, seat.plant.close, at)
            closed = seat.context.timeframes.close(at) if seat.active else ()
            if closed:
                seat.attend()
                try:
                    seat.context.timeframes.tell(closed, seat.context)
                except Exception as error:
                    self.fail(seat.context, error)
                told.append(seat.context)
        self._look_at_bars()
        return told

    def _look_at_bars(self, *, again: bool = False) -> None:
        """See when the next bar ends; `again` where data went stale or recovered."""
        wanted = [timeframes for seat in self._seats.values() if seat.active for timeframes in seat.timeframes]
        for timeframes in wanted if again else ():
            timeframes.look()
        self.closing = min((timeframes.due for timeframes in wanted), default=NEVER)
        self.expect(self.expected)

    def _ring(self, strategy: str, timer: Timer) -> Context | None:
        seat = self._seats[strategy]
        if not seat.active:
            return None
        self._record(self.moment.at, "timer", strategy, timer, None)
        seat.attend()
        self._guard(seat, seat.strategy.on_timer, timer, seat.context)
        return seat.context

    def _raise(self, alert: Alert) -> None:
        self._record(self.moment.at, "alert", alert.strategy or None, alert, None)

    def _obey(self, command: Command) -> None:
        self._record(self.moment.at, "command", command.scope or None, command, None)
        self._move(self._controls.command(command, self.moment.at))

    def _move(self, changes: Sequence[TradingStateChanged]) -> None:
        """The trading state moved: record it, and ask back what may not trade any more."""
        for change in changes:
            self._record(self.moment.at, "trading_state", change.scope or None, change, None)
            if change.state is not TradingState.ACTIVE:
                halted = change.state is TradingState.HALTED
                for seat in self._seats.values() if not change.scope else (self._seats[change.scope],):
                    open_orders = self._blotter.open_orders(seat.name)
                    self.cancels += [state.id for state in open_orders if halted or _may_open(state)]

    def value(self) -> None:
        """Record what every book is worth now; what has not changed since the last time is left out."""
        if self.rehearses:
            return
        for seat in self._seats.values():
            mark = self._mark(seat)
            if self._controls.judges:
                self._move(self._controls.judge(self.moment.at, seat.name, mark.equity))
            if mark != seat.last_mark:
                seat.last_mark = mark
                self._record(self.moment.at, "mark", seat.name, mark, None)
        events = map(self.marks.get, self._instruments)
        prices = tuple([None if event is None else event.mark for event in events])
        if prices != self._last_prices:
            self._last_prices = prices
            self._record(self.moment.at, "prices", None, Prices(prices), None)

    def _mark(self, seat: Seat) -> Mark:
        cash, gross, net = seat.context.portfolio.valued()
        return Mark(strategy=seat.name, equity=cash + net, cash=cash, gross=gross, net=net)

    def _schedule(self, strategy: str, timer: Timer) -> None:
        self._agenda.set_timer(strategy, timer)
        if self._agenda.mark_at != NEVER:
            # Before the first event the moment is due as it is: there is always something to do then.
            self.expect(self.expected)

    def _signal(
        self, strategy: str, symbol: str, type_: str, conditions: tuple[str, ...], values: dict[str, float | None]
    ) -> Signal:
        self.desk.signals = number = self.desk.signals + 1
        signal = Signal(id=number, strategy=strategy, symbol=symbol, type=type_, conditions=conditions, values=values)
        fence = self._seats[strategy].fence
        if fence is None:
            self._record_signal(signal)
        else:
            fence.hold(signal)
        return signal

    def _record_signal(self, signal: Signal) -> None:
        self._record(self.moment.at, "signal", signal.strategy, signal, None)

    def _drop_signals(self, number: int) -> None:
        """The last so many were not recorded: their ids are free."""
        self.desk.signals -= number

    # -- what windows may look at

    @property
    def seats(self) -> Collection[Seat]:
        """The strategies at work and those that have ended, to look at."""
        return self._seats.values()

    @property
    def portfolios(self) -> Mapping[str, Portfolio]:
        """Every strategy's books."""
        return {name: seat.context.portfolio for name, seat in self._seats.items()}


def _ending(seat: Seat, error: Exception) -> StrategyEnded:
    """How a strategy ended by what it raised, or by what it was quarantined for."""
    if isinstance(error, QuarantineError) and seat.fence is not None:
        place = error.where or where(error.__cause__ or error, seat.strategy)
        return StrategyEnded(seat.name, "quarantined", str(error), place, seat.fence.calls)
    text = str(error) if isinstance(error, StrategyError) else f"{type(error).__name__}: {error}"
    return StrategyEnded(seat.name, "failed", text, where(error, seat.strategy))


def _may_open(state: OrderState) -> bool:
    """Whether an order at work could open a position or add to one."""
    order = state.order
    return not order.reduce_only and (order.side is Side.BUY or order.side is Side.SHORT)


def _kinds(listens: Collection[str], strategy: str) -> set[str]:
    """The kinds of events a strategy listens to; none: all. Raises StrategyError for one that there is not."""
    for kind in listens:
        if kind not in KINDS:
            raise StrategyError(
                f"{strategy} listens to {kind!r}{nearest(kind, KINDS)}; there are {', '.join(KINDS)}, written as a tuple: "
                'listens = ("bars",)'
            )
    return set(listens)


def _only(symbols: frozenset[str], call: Call) -> Call:
    """`call` for these symbols alone."""

    def filtered(event: Any, context: Context) -> None:
        if event.symbol in symbols:
            call(event, context)

    return filtered
