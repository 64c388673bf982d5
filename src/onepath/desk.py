"""The desk: what a strategy asks for becomes a checked and recorded decision, or a recorded no.

Rules: nothing is yielded that is not in the journal. A bracket goes out whole or not at all: were its stop loss denied, the
entry would stand unprotected. What cannot be done any more (a cancel of an order that has ended meanwhile) is refused and
recorded; what could never be done (an unknown symbol, a stranger's order) raises, and ends the strategy that asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from onepath.blotter import Blotter
from onepath.context import Moment
from onepath.errors import OrderError, StrategyError
from onepath.events import CancelRequested, Refused, ReplaceRequested, TradingStateChanged
from onepath.gate import Gate
from onepath.instruments import ZERO, Instrument, exact
from onepath.market import MarketEvent, exact_mark
from onepath.nearest import nearest
from onepath.orders import (
    Amended,
    Approved,
    CancelIntent,
    Denied,
    Order,
    OrderIntent,
    OrderState,
    OrderStatus,
    OrderType,
    ReplaceIntent,
    Step,
    TimeInForce,
)
from onepath.risk import Controls
from onepath.seat import Seat

Record = Callable[[int, str, str | None, Any, int | None], int]
"""at, kind, strategy, event, cause -> sequence: the journal's `append`"""
Decision = Approved | CancelRequested
"""What may be performed: an order, the new terms of one (`Amended`), a cancel"""
_MARKET, _GTC = OrderType.MARKET, TimeInForce.GTC
_ASKED_BACK = OrderStatus.CANCEL_PENDING
_PENDING = (_ASKED_BACK, OrderStatus.REPLACE_PENDING)


class Desk:
    """Turns intents into decisions."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        marks: Mapping[str, MarketEvent],
        blotter: Blotter,
        controls: Controls,
        gate: Gate,
        moment: Moment,
        record: Record,
        tell: Callable[[Seat, OrderState], None],
        move: Callable[[Sequence[TradingStateChanged]], None],
    ) -> None:
        """`tell` lets a strategy hear of its order, `move` takes in changes of the trading state."""
        self.signals = 0
        """id of the last signal recorded; orders may name no later one"""
        self.decided = 0
        """sequence of the last decision recorded: the cause of what the venue answers at once"""
        self._instruments = instruments
        self._marks = marks
        self._blotter = blotter
        self._controls = controls
        self._gate = gate
        self._moment = moment
        self._record = record
        self._tell = tell
        self._move = move
        self._last_id = 0
        self._priced: MarketEvent | None = None
        self._reference: Decimal | None = None
        """the exact mark of `_priced`"""

    def decide(self, seat: Seat, intents: Any) -> Iterator[Decision]:
        """Check and record what a strategy asked for; yields what may be performed, each after it is recorded.

        Raises StrategyError for what no strategy may ask.
        """
        for intent in intents if type(intents) is list or isinstance(intents, Iterable) else (intents,):
            if not seat.active:
                return
            if isinstance(intent, OrderIntent):
                if intent.children:
                    yield from self._bracket(seat, intent)
                    continue
                order = self._order(seat, intent)
                verdict = self._verdict(seat, order) if seat.warming else self._controls.check(order, self._moment.at)
                if isinstance(verdict, Denied):
                    self._deny(seat, verdict)
                    continue
                self._blotter.add(order)
                self.decided = self._record(self._moment.at, "order.submitted", order.strategy, order, None)
                self._gate.decided(order)
                yield verdict
                if self._controls.pending:
                    self._move(self._controls.take())
            elif isinstance(intent, CancelIntent):
                yield from self.ask_cancel(seat, intent.order_id)
            elif isinstance(intent, ReplaceIntent):
                amended = self._ask_replace(seat, intent)
                if amended is not None:
                    yield amended
            else:
                raise StrategyError(
                    f"generate_orders returned {type(intent).__name__} {intent!r}; it takes a list of OrderIntent "
                    "(context.buy, sell, target, ... return such lists: join them with +=)"
                )

    def ask_cancel(self, seat: Seat, order_id: int, *, forced: bool = False) -> Iterator[CancelRequested]:
        """Ask an order back, if that can be. `forced`: whatever the message rate."""
        state = self._own(seat, order_id)
        if state is None or state.status is _ASKED_BACK:
            reason = "it is not open any more" if state is None else f"it is {state.status} already"
            self._refuse(seat, order_id, state, Step.ASK_CANCEL, reason)
            return
        too_many = self._controls.may_cancel(seat.name, self._moment.at, state.symbol, forced=forced)
        if too_many is not None:
            self._refuse(seat, order_id, state, Step.ASK_CANCEL, too_many.reason)
            return
        self._blotter.ask_cancel(order_id)
        request = CancelRequested(order_id, seat.name, state.symbol)
        self.decided = self._record(self._moment.at, "order.cancel_requested", seat.name, request, None)
        yield request

    def _order(self, seat: Seat, intent: OrderIntent, parent_id: int | None = None) -> Order:
        """The intent with its identity and the price it was decided at."""
        symbol = intent.symbol
        if symbol not in seat.symbols:
            raise OrderError(
                f"order for {symbol!r}, which is not in this session{nearest(symbol, seat.symbols)}; "
                f"it has {', '.join(seat.context.symbols[:20])}"
            )
        self._last_id += 1
        event = self._marks.get(symbol)
        if event is not self._priced:  # several orders of one event: reckoned once
            self._priced = event
            self._reference = None if event is None else exact_mark(event)
        reference = self._reference
        if parent_id is None and _is_bare(intent):
            return Order(
                id=self._last_id,
                strategy=seat.name,
                symbol=symbol,
                side=intent.side,
                quantity=intent.quantity,
                type=_MARKET,
                time_in_force=_GTC,
                submitted_at=self._moment.at,
                reference=reference,
            )
        if intent.signal_id is not None and not 0 < intent.signal_id <= self.signals:
            raise OrderError(
                f"an order for {symbol} names signal {intent.signal_id}, which was not recorded; give what context.signal gave"
            )
        return Order(
            id=self._last_id,
            strategy=seat.name,
            symbol=symbol,
            side=intent.side,
            quantity=intent.quantity,
            type=intent.type,
            time_in_force=intent.time_in_force,
            submitted_at=self._moment.at,
            reference=reference,
            limit=intent.limit,
            stop=intent.stop,
            trail=intent.trail,
            trail_percent=intent.trail_percent,
            expires_at=intent.expires_at,
            reduce_only=intent.reduce_only,
            post_only=intent.post_only,
            parent_id=parent_id,
            group=intent.group,
            signal_id=intent.signal_id,
            tag=intent.tag,
        )

    def _verdict(self, seat: Seat, order: Order) -> Approved | Denied:
        if order.symbol in seat.warming:
            left = seat.warming[order.symbol]
            return Denied(order, "warm_up", f"{seat.name} needs {left} more bars of {order.symbol} to warm up")
        return self._controls.check(order, self._moment.at)

    def _deny(self, seat: Seat, verdict: Denied) -> None:
        self._record(self._moment.at, "order.denied", seat.name, verdict, None)
        self._tell(seat, OrderState(verdict.order, OrderStatus.DENIED, ZERO))

    def _bracket(self, seat: Seat, intent: OrderIntent) -> Iterator[Approved]:
        """A parent and its children: all of them, or none."""
        family = [self._order(seat, intent)]
        family += [self._order(seat, child, family[0].id) for child in intent.children]
        verdicts: list[Approved] = []
        for order in family:
            verdict = self._verdict(seat, order)
            if isinstance(verdict, Denied):
                self._deny_all(seat, verdict, family, len(verdicts))
                return
            self._blotter.add(order)
            verdicts.append(verdict)
        for verdict in verdicts:
            order = verdict.order
            self.decided = self._record(self._moment.at, "order.submitted", seat.name, order, None)
            self._gate.decided(order)
            yield verdict
        if self._controls.pending:
            self._move(self._controls.take())

    def _deny_all(self, seat: Seat, first: Denied, family: list[Order], added: int) -> None:
        for order in family[:added]:
            self._blotter.withdraw(order.id)
            self._controls.withdraw(order)
        for order in family:
            if order is first.order:
                self._deny(seat, first)
            else:
                reason = f"order {first.order.id} of its bracket was denied ({first.code})"
                self._deny(seat, Denied(order, "bracket", reason))
        if self._controls.pending:  # what has tripped stays so, though the order that did it was not sent
            self._move(self._controls.take())

    def _ask_replace(self, seat: Seat, intent: ReplaceIntent) -> Amended | None:
        """Check and record new terms of an order; None where it cannot have them."""
        state = self._own(seat, intent.order_id)
        if state is None or state.status in _PENDING:
            reason = "it is not open any more" if state is None else f"it is {state.status} already"
            self._refuse(seat, intent.order_id, state, Step.ASK_REPLACE, reason)
            return None
        order = _amended(state.order, intent)
        verdict = self._recheck(seat, order, state)
        if isinstance(verdict, Denied):
            self._record(self._moment.at, "order.replace_denied", seat.name, verdict, None)
            self._tell(seat, state)
            return None
        self._blotter.ask_replace(order.id)
        request = ReplaceRequested(
            order_id=order.id,
            strategy=seat.name,
            symbol=order.symbol,
            quantity=order.quantity,
            limit=order.limit,
            stop=order.stop,
            trail=order.trail,
            trail_percent=order.trail_percent,
        )
        self.decided = self._record(self._moment.at, "order.replace_requested", seat.name, request, None)
        self._gate.decided(order)
        return verdict

    def _recheck(self, seat: Seat, order: Order, state: OrderState) -> Amended | Denied:
        """Whether the order may have these terms."""
        if order.quantity <= state.filled:
            return Denied(order, "filled", f"order {order.id} has filled {state.filled} already")
        return self._controls.recheck(order, state, self._moment.at)

    def _own(self, seat: Seat, order_id: int) -> OrderState | None:
        """The open order of this strategy; None if it has ended. Raises OrderError for what was never its own."""
        state = self._blotter.get(order_id)
        if (state is None and not 0 < order_id <= self._last_id) or (state and state.order.strategy != seat.name):
            raise OrderError(
                f"order {order_id} is not an order of {seat.name}: it cannot be cancelled or replaced by it"
            )
        return state

    def _refuse(self, seat: Seat, order_id: int, state: OrderState | None, step: Step, reason: str) -> None:
        """Note that an order cannot take this step now."""
        symbol = "" if state is None else state.symbol
        refused = Refused(order_id=order_id, strategy=seat.name, symbol=symbol, step=step, reason=reason)
        self._record(self._moment.at, "order.refused", seat.name, refused, None)
        if self._controls.hears:
            self._move(self._controls.hear(refused, self._moment.at))


def _is_bare(intent: OrderIntent) -> bool:
    """Whether there is nothing to an order but side and quantity, as with most; to leave the rest out is cheaper."""
    return (
        intent.type is _MARKET
        and intent.time_in_force is _GTC
        and intent.signal_id is None
        and not (intent.tag or intent.group or intent.reduce_only)
    )


def _amended(order: Order, intent: ReplaceIntent) -> Order:
    """The order with the terms that were given. Raises OrderError for one that its type does not take."""
    exactly: dict[str, Decimal] = {}
    if intent.limit is not None:
        exactly["limit"] = _term(order, "limit", order.limit, intent.limit)
    if intent.quantity is not None:
        exactly["quantity"] = _term(order, "quantity", order.quantity, intent.quantity)
    if intent.stop is not None:
        exactly["stop"] = _term(order, "stop", order.stop, intent.stop)
    if intent.trail is not None:
        exactly["trail"] = _term(order, "trail", order.trail, intent.trail)
    if intent.trail_percent is not None:
        exactly["trail_percent"] = _term(order, "trail_percent", order.trail_percent, intent.trail_percent)
    return replace(order, **exactly)


def _term(order: Order, name: str, old: Decimal | None, value: Any) -> Decimal:
    if old is None:
        raise OrderError(f"order {order.id} is a {order.type} order, which has no {name} to replace")
    number = value if type(value) is Decimal else _number(order, name, value)
    if not (number.is_finite() and number > 0):
        raise OrderError(f"the new {name} of order {order.id} is {number}; it must be a positive finite number")
    return number


def _number(order: Order, name: str, value: Any) -> Decimal:
    try:
        return exact(value)
    except (ArithmeticError, TypeError, ValueError):
        raise OrderError(f"the new {name} of order {order.id} is {value!r}; it must be a number") from None
