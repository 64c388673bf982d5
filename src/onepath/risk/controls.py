"""What the engine holds: the controls of every strategy, the trading state, and the breakers that move it.

Rules: controls that are configured are put in a row once for each strategy and symbol, and an order walks that row. What an
order counts for (rates, duplicates) is noted when it is approved. A replace is judged as a new order without the one at
work; only what grows is limited. The account answers for all strategies together, by side: what one is long is not
taken off by what another is short, so that closing a position never breaks a limit.
Cost: a plain order with default limits is checked in about 3 us; account and symbol limits cost what all books hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from onepath.blotter import Blotter
from onepath.errors import ConfigError, DataError
from onepath.events import CashFlow, Command, Refused, TradingState, TradingStateChanged, VenueReport
from onepath.instruments import ZERO, Instrument
from onepath.ledger import Ledger
from onepath.market import MarketEvent, exact_mark
from onepath.nearest import nearest
from onepath.orders import Amended, Approved, Denied, Order, OrderState, Side
from onepath.rates import Rates
from onepath.risk.breakers import Breakers, Watch
from onepath.risk.checks import Asks, Control, Level, View, compiled
from onepath.risk.exposure import Exposed, is_exit, measure, once, opening, pushed, worst
from onepath.risk.limits import Limits, SharedLimits
from onepath.risk.plain import Plain, plain

_SELL, _COVER = Side.SELL, Side.COVER
_INFINITE = float("inf")
_PAID = ("deposit", "withdrawal")


class RiskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The risk of a session beyond each strategy's own limits: the account's, each symbol's, and the breakers."""

    account: SharedLimits | None = None
    symbols: dict[str, SharedLimits] = {}
    breakers: Breakers | None = None


class TooMany(NamedTuple):
    """Why a cancel may not be sent now."""

    code: str
    reason: str


class Seat(NamedTuple):
    """A strategy with its limits and its ledger."""

    name: str
    limits: Limits
    ledger: Ledger
    rates: Rates


class _Row:
    """What the orders of one strategy and symbol meet, by their kind."""

    __slots__ = ("_compiled", "_levels", "closes", "counted", "opens", "plain")

    def __init__(self, levels: Sequence[Level], ledger: Ledger, instrument: Instrument) -> None:
        self._levels = levels
        self._compiled: dict[tuple[Asks | bool, ...], tuple[tuple[Control, Level], ...]] = {}
        self.opens = compiled(levels, Asks.OPENS, calm=True)
        self.closes = compiled(levels, Asks.CLOSES, calm=True)
        self.counted = tuple(level.pace for level in levels if level.pace.counts)
        """where an order counts once it is approved"""
        self.plain = plain(levels[0], self.opens, self.closes, ledger, instrument) if len(levels) == 1 else None
        """the short way, where there is one"""

    def of(self, order: Order, *, calm: bool) -> tuple[tuple[Control, Level], ...]:
        """The controls of any order, the uncommon ones included."""
        closes = order.side is _SELL or order.side is _COVER
        kinds = [Asks.CLOSES] if closes else [Asks.OPENS, Asks.CLOSES] if order.reduce_only else [Asks.OPENS]
        if order.parent_id is not None:
            kinds.append(Asks.CHILD)
        key: tuple[Asks | bool, ...] = (calm, *kinds)
        if key not in self._compiled:
            self._compiled[key] = compiled(self._levels, *kinds, calm=calm)
        return self._compiled[key]


class Controls:
    """All controls of a session. `hears` and `judges` tell whether reports and valuations have to be shown to it; `pending`
    holds changes of the trading state that are still to be recorded (`take`)."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        seats: Sequence[tuple[str, Limits, Ledger]],
        *,
        marks: Mapping[str, MarketEvent],
        blotter: Blotter,
        plan: RiskPlan | None = None,
    ) -> None:
        """`marks` is the live object of last events by symbol."""
        plan = plan or RiskPlan()
        self._instruments = instruments
        self._seats = {name: Seat(name, limits, ledger, _rates(ledger, marks)) for name, limits, ledger in seats}
        self._marks = marks
        self._blotter = blotter
        self._view = View()
        self._view.price = self._reference
        self._parents: dict[str, Order] = {}
        self._siblings: dict[str, Decimal] = {}
        self._alternatives = False
        self._watch = Watch(
            plan.breakers, instruments, {name: seat.ledger for name, seat in self._seats.items()}, marks, blotter
        )
        self._own = {name: self._level(seat) for name, seat in self._seats.items()}
        self._account = None if plan.account is None else self._shared(" of the account", plan.account)
        self._symbols = {symbol: self._shared(f" of {symbol}", limits) for symbol, limits in plan.symbols.items()}
        self._order_rate = self._watch.breakers.order_rate
        if plan.account is not None or plan.symbols:
            _one_home(self._seats.values())
        self._rows: dict[tuple[str, str], _Row] = {}
        self.hears = self._watch.hears
        self.judges = self._watch.judges
        self.pending = self._watch.pending
        for symbol in plan.symbols:
            if symbol not in instruments:
                raise ConfigError(
                    f"risk.symbols has {symbol!r}, which the session does not have{nearest(symbol, instruments)}; "
                    f"it has {', '.join(list(instruments)[:20])}"
                )

    # -- verdicts

    def check(self, order: Order, at: int) -> Approved | Denied:
        """Approve or deny a new order."""
        short = self._short(order)
        if short is not None:
            working, price = self._blotter.open_orders(order.strategy), order.reference
            alone = not working and short.passes(order)
            if alone or (price is not None and short.carries(order, order.quantity, working, price)):
                self._sent(order, at)
                return Approved(order)
        denied = self._judged(order, None, at)
        return Approved(order) if denied is None else denied

    def recheck(self, order: Order, old: OrderState, at: int) -> Amended | Denied:
        """Approve or deny new terms of the order at work `old`: the same id, the whole quantity."""
        short = self._short(order)
        if short is not None:
            working, left = self._blotter.open_orders(order.strategy), order.quantity - old.filled
            if short.eases(order, old.order) or short.carries(order, left, working, self._reference(order.symbol)):
                return Amended(order)
        denied = self._judged(order, old, at)
        return Amended(order) if denied is None else denied

    def withdraw(self, order: Order) -> None:
        """An order that was approved is not sent after all (a child of it was denied): it counts for nothing."""
        for pace in self._row(order.strategy, order.symbol).counted:
            pace.forget(order)
        if self._order_rate is not None:
            self._watch.unsent(self._order_rate, order.strategy)

    def may_cancel(self, strategy: str, at: int, symbol: str = "", *, forced: bool = False) -> TooMany | None:
        """Whether a cancel may be sent now, and count it. `forced`: it goes in any case (a halt, a strategy's end)."""
        every = self._own[strategy], self._symbols.get(symbol), self._account
        levels = [level for level in every if level is not None]
        counted = [(level, level.pace.messages) for level in levels if level.pace.messages is not None]
        for level, window in counted:
            most = level.limits.max_messages or 0
            if not forced and window.count(at) >= most:
                return TooMany(
                    "message_rate", f"{most} messages were sent within {level.limits.rate_window:g} s{level.name}"
                )
        for _level, window in counted:
            window.note(at)
        return None

    # -- the trading state

    def state(self, strategy: str) -> TradingState:
        """What the strategy may trade: the stricter of its own state and the session's."""
        return self._watch.state(strategy)

    def hear(self, report: VenueReport | Refused, at: int) -> Sequence[TradingStateChanged]:
        """What the venue said, for the breakers; needed only where `hears`."""
        return self._watch.hear(report, at)

    def judge(self, at: int, strategy: str, equity: Decimal | float) -> Sequence[TradingStateChanged]:
        """A valuation, for the breakers; needed only where `judges`, then of every strategy at every valuation."""
        return self._watch.judge(at, strategy, equity)

    def paid(self, flow: CashFlow) -> None:
        """Money came or went: what is paid in or taken out is no gain and no loss; needed only where `judges`."""
        if flow.kind in _PAID:
            rate = self._seats[flow.strategy].rates.of(flow.currency)
            if rate is not None:
                self._watch.paid(flow.strategy, flow.amount * rate)

    def vet(self, command: Command) -> None:
        """Raise CommandError for a command that cannot be carried out."""
        self._watch.vet(command)

    def command(self, command: Command, at: int) -> Sequence[TradingStateChanged]:
        """What a person told. Raises CommandError where it cannot be done."""
        return self._watch.command(command)

    def take(self) -> Sequence[TradingStateChanged]:
        """Changes that an order made by being sent, to be recorded after it."""
        return self._watch.take()

    # -- how an order is judged

    def _short(self, order: Order) -> Plain | None:
        """The short way, where there is one: trading is active everywhere, the market has a price, the order has no parent."""
        row = self._rows.get((order.strategy, order.symbol))
        if row is None or row.plain is None or order.parent_id is not None or not self._watch.calm:
            return None
        event = self._marks.get(order.symbol)
        return row.plain if event is not None and 0.0 < event.mark < _INFINITE else None

    def _judged(self, order: Order, old: OrderState | None, at: int) -> Denied | None:
        symbol, side = order.symbol, order.side
        event = self._marks.get(symbol)
        if event is None:
            return Denied(order, "no_price", f"no price of {symbol} is known yet")
        mark = event.mark
        if not 0.0 < mark < _INFINITE:
            return Denied(
                order, "bad_price", f"the last price of {symbol} is {mark}, nothing to check an order against"
            )
        row = self._row(order.strategy, symbol)
        view = self._view
        view.at = at
        view.event = event
        view.reference = order.reference if old is None and order.reference else exact_mark(event)
        closes = side is _SELL or side is _COVER
        if self._watch.calm and order.parent_id is None and not order.reduce_only:
            controls = row.closes if closes else row.opens
        else:
            controls = row.of(order, calm=self._watch.calm)
            view.state = self._watch.state(order.strategy)
            view.why = self._watch.why(order.strategy)
        self._fill(view, order, old, closes)
        try:
            for control, level in controls:
                denied = control(order, view, level)
                if denied is not None:
                    return denied
        except DataError as error:
            return Denied(order, "no_rate", str(error))
        for pace in row.counted:
            pace.note(order, at, new=old is None)
        if old is None:
            self._sent(order, at)
        return None

    def _fill(self, view: View, order: Order, old: OrderState | None, closes: bool) -> None:
        """What is known of the books and of what is at work."""
        strategy, symbol, quantity = order.strategy, order.symbol, order.quantity
        view.order = order
        view.old = old
        view.instrument = self._instruments[symbol]
        seat = self._seats[strategy]
        view.ledger = ledger = seat.ledger
        view.rates = seat.rates
        view.held = held = ledger.quantity(symbol)
        view.own = view.together = view.parent = None
        view.grows = True
        working = self._blotter.open_orders(strategy)
        if old is not None:
            quantity -= old.filled
            view.grows = quantity > old.remaining or worst(order, view.reference) > worst(old.order, view.reference)
            at_work = old.order
            working = [state for state in working if state.order is not at_work]
        if order.parent_id is not None:
            self._find_parent(view, order)
        if self._alternatives and working:
            working = once(_without_siblings(working, order, quantity), self._reference)
        view.quantity = quantity
        view.working = working
        view.ahead = ahead = [state for state in working if state.order.symbol == symbol] if working else ()
        if closes or not view.grows or (view.parent is not None and is_exit(order, view.parent)):
            view.opening, view.after = ZERO, held
            return
        sign = order.side.sign
        before = pushed(held, sign, ahead) if ahead else held
        signed = quantity if sign > 0 else -quantity
        view.opening = opening(before, signed)
        view.after = before + signed

    def _find_parent(self, view: View, order: Order) -> None:
        """The parent of a child: the order that the strategy sent last, or one at work."""
        parent = self._parents.get(order.strategy)
        view.siblings = self._siblings.get(order.strategy, ZERO)
        if parent is None or parent.id != order.parent_id:
            at_work = None if order.parent_id is None else self._blotter.get(order.parent_id)
            parent = None if at_work is None else at_work.order
            view.siblings = ZERO
        view.parent = parent
        if is_exit(order, parent):
            view.siblings = ZERO

    def _sent(self, order: Order, at: int) -> None:
        """Remember what the children of an approved order need, and let the breakers count it."""
        if order.parent_id is None:
            self._parents[order.strategy] = order
            if order.group:
                self._alternatives = True
            if self._siblings:
                self._siblings.pop(order.strategy, None)
        else:
            self._alternatives = True
            if not is_exit(order, self._view.parent):
                self._siblings[order.strategy] = self._siblings.get(order.strategy, ZERO) + order.quantity
        if self._order_rate is not None:
            self._watch.sent(self._order_rate, order.strategy, at)

    # -- levels

    def _row(self, strategy: str, symbol: str) -> _Row:
        row = self._rows.get((strategy, symbol))
        if row is not None:
            return row
        levels = [
            level for level in (self._own[strategy], self._symbols.get(symbol), self._account) if level is not None
        ]
        row = _Row(levels, self._seats[strategy].ledger, self._instruments[symbol])
        self._rows[strategy, symbol] = row
        return row

    def _level(self, seat: Seat) -> Level:
        cash = seat.ledger.terms.type == "cash"
        return Level("", seat.limits, self._exposed, lambda: self._blotter.open_orders(seat.name), cash=cash)

    def _shared(self, name: str, limits: Limits) -> Level:
        return Level(name, limits, self._exposed_together, self._all_open)

    def _all_open(self) -> Collection[OrderState]:
        return [state for name in self._seats for state in self._blotter.open_orders(name)]

    def _reference(self, symbol: str) -> Decimal:
        return exact_mark(self._marks[symbol])

    def _exposed(self, view: View) -> Exposed:
        """The strategy's books with the order in them, measured once an order."""
        if view.own is None:
            view.own = measure(
                view.order, view.quantity, view.reference, view.ledger, view.working, self._marks, view.rates
            )
        return view.own

    def _exposed_together(self, view: View) -> Exposed:
        """All books with the order in them; units and value of its symbol by side, so that nothing is netted away."""
        if view.together is None:
            own, order = self._exposed(view), view.order
            sign = order.side.sign
            others = [
                self._measured(seat, order, view.reference)
                for seat in self._seats.values()
                if seat.name != order.strategy
            ]
            same = [found for found in (own, *others) if found.target * sign > 0]
            every = (own, *others)
            view.together = Exposed(
                equity=sum((found.equity for found in every), ZERO),
                target=sum((found.target for found in same), ZERO),
                value=sum((found.value for found in same), ZERO),
                beside=sum((found.beside for found in every), ZERO),
                beside_value=sum((found.beside_value for found in every), ZERO),
                gross=sum((found.gross for found in every), ZERO),
                parts=(),
                several=every,
            )
        return view.together

    def _measured(self, seat: Seat, order: Order, reference: Decimal) -> Exposed:
        working = self._blotter.open_orders(seat.name)
        if self._alternatives and working:
            working = once(working, self._reference)
        return measure(order, ZERO, reference, seat.ledger, working, self._marks, seat.rates)


def _one_home(seats: Iterable[Seat]) -> None:
    """Limits of all strategies together need books that can be added up."""
    homes = {seat.ledger.currency: seat.name for seat in seats}
    if len(homes) > 1:
        kept = ", ".join(f"{name} in {currency}" for currency, name in homes.items())
        raise ConfigError(
            f"risk limits of the account and of symbols need books of one currency; they are kept: {kept}"
        )


def _rates(ledger: Ledger, marks: Mapping[str, MarketEvent]) -> Rates:
    return Rates(ledger.currency, ledger.instruments.values(), marks)


def _without_siblings(working: Collection[OrderState], order: Order, quantity: Decimal) -> Collection[OrderState]:
    """The orders at work that could trade beside this one, of which `quantity` is left."""
    parent, group = order.parent_id, order.group
    if parent is None and not group:
        return working

    def excludes(state: OrderState) -> bool:
        # Units are taken off units: of another symbol, more than the other has would be left beside it.
        other = state.order
        alike = (parent is not None and other.parent_id == parent) or (group and other.group == group)
        return bool(alike) and (other.symbol == order.symbol or state.remaining == quantity)

    return [state for state in working if not excludes(state)]


def check(
    order: Order,
    instrument: Instrument,
    ledger: Ledger,
    working: Collection[OrderState],
    marks: Mapping[str, MarketEvent],
    limits: Limits,
) -> Approved | Denied:
    """Approve or deny one order by itself against a strategy's books, its orders at work and the last prices."""
    blotter = Blotter()
    for state in working:
        blotter.keep(state)
    instruments = {state.symbol: instrument for state in working} | {order.symbol: instrument}
    seats = [(order.strategy, limits, ledger)]
    return Controls(instruments, seats, marks=marks, blotter=blotter).check(order, order.submitted_at)
