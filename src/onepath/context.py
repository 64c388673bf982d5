"""What a strategy sees and says: its only window on the world.

Rules: it shows what had arrived by `current_time`, nothing later. Helpers such as `buy` and `target` return a list of intents
for `generate_orders` to give back; nothing is sent by calling them. Sizes may be int, float, str or Decimal; quantities are cut
down to whole lots, prices rounded to the tick so that they never get worse than asked.
"""

from __future__ import annotations

import datetime as dt
import decimal
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, TypedDict, Unpack

from msgspec.structs import replace as replaced

from onepath.errors import OrderError, StrategyError
from onepath.events import Signal, Timer
from onepath.instruments import ONE, ZERO, Instrument, exact
from onepath.nearest import nearest
from onepath.orders import CancelIntent, OrderIntent, OrderState, OrderType, ReplaceIntent, Side, TimeInForce
from onepath.portfolio import Portfolio
from onepath.risk import Limits
from onepath.timeframes import Timeframes
from onepath.universe import Members
from onepath.views import Books, Features, History

Number = int | float | str | Decimal
_GTC = TimeInForce.GTC
_BUY, _SELL, _GO_SHORT, _COVER = Side.BUY, Side.SELL, Side.SHORT, Side.COVER
Intent = OrderIntent | CancelIntent | ReplaceIntent
"""What a strategy may give back: an order, a cancel, new terms of an order"""
Intents = Sequence[Intent]
_SHORT = decimal.Context(prec=12)
BAND = Decimal("0.02")
"""Changes of a target smaller than this share of equity are not traded, or every price tick would be an order."""


class Terms(TypedDict, total=False):
    """The words that orders are written with; what each does is said in `Context.buy`."""

    limit: Number
    stop: Number
    trail: Number
    trail_percent: Number
    time_in_force: TimeInForce | str
    expires_at: int | dt.datetime
    reduce_only: bool
    post_only: bool
    stop_loss: Number
    take_profit: Number
    children: Sequence[OrderIntent | Sequence[OrderIntent]]
    signal: Signal | int
    tag: str


class Sized(Terms, total=False):
    """The same, for an order whose size may be money."""

    notional: Number


class Moment:
    """The session's one clock hand: `at` is now, `due` the next moment at which the engine has something to do."""

    __slots__ = ("at", "due")

    def __init__(self) -> None:
        self.at = 0
        self.due = -(2**63)  # before the first event there is always something to do


class Context:
    """A strategy's only window on the world: what had arrived by `now`, nothing later.

    `name`, `params`, `symbols`, `universe` (who of them is a member now), `instruments` (by symbol), `portfolio` (its own, exact
    decimals), `risk_limits`, `features`, `historical_data` and `timeframes` (what was asked for in `on_start`), `books` (order
    books, where the data have them), `metadata` (a dict for notes). Methods make intents for `generate_orders` to return;
    calling one sends nothing. Quantities are in units, prices and notionals in the instrument's currency; int, float, str or
    Decimal. Raises OrderError for what can never be valid.
    """

    def __init__(
        self,
        *,
        name: str,
        params: Any,
        symbols: tuple[str, ...],
        instruments: Mapping[str, Instrument],
        portfolio: Portfolio,
        limits: Limits,
        moment: Moment,
        open_orders: Callable[[str], Collection[OrderState]],
        signal: Callable[[str, str, str, tuple[str, ...], dict[str, float | None]], Signal],
        schedule: Callable[[str, Timer], None],
        cost: Decimal,
        stale: Collection[tuple[str, str]] = (),
    ) -> None:
        """`cost` is the share of an order's value that fees and slippage are expected to take, for sizing."""
        self.name = name
        self.params = params
        self.symbols = symbols
        self.instruments = instruments
        self.portfolio = portfolio
        self.risk_limits = limits
        self.features = Features()
        self.historical_data = History(symbols)
        self.timeframes = Timeframes(symbols)
        self.books = Books()
        self.metadata: dict[str, Any] = {}
        self.members: Members | None = None
        """the universe, where there is one; strategies ask for `universe`"""
        self._groups = 0
        self._moment = moment
        self._open_orders = open_orders
        self._signal = signal
        self._schedule = schedule
        self._cost = cost
        self._stale = stale

    @property
    def now(self) -> int:
        """Simulated or real time: nanoseconds since the Unix epoch, UTC."""
        return self._moment.at

    @property
    def current_time(self) -> dt.datetime:
        """`now` as a datetime in UTC (microseconds)."""
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=self._moment.at // 1_000)

    @property
    def universe(self) -> tuple[str, ...]:
        """The members of the session's universe now, in its order; without one, all symbols."""
        return self.symbols if self.members is None else self.members.at(self._moment.at)

    @property
    def open_orders(self) -> tuple[OrderState, ...]:
        """Orders of this strategy that can still trade, oldest first."""
        return tuple(self._open_orders(self.name))

    def is_stale(self, symbol: str) -> bool:
        """Whether nothing is known of `symbol` at present, or of one of its kinds of data: its last prices are old."""
        return any(found in ("", symbol) for found, _ in self._stale)

    def price(self, symbol: str) -> Decimal | None:
        """Last known price of `symbol`; None before its first event."""
        return self.portfolio.price(symbol)

    def buy(self, symbol: str, quantity: Number | None = None, **how: Unpack[Sized]) -> list[OrderIntent]:
        """Buy `quantity` units, or `notional` worth.

        Prices: `limit`, `stop`, `trail` (money) or `trail_percent` (2 = 2 %). `time_in_force`: day, gtc, gtd (with
        `expires_at`), ioc, fok, at_open, at_close. Flags: `reduce_only`, `post_only`. Protection: `stop_loss` and
        `take_profit` prices make a bracket, `children` (intents) any other. `signal` links the order to its reason; `tag`
        is yours.
        """
        return self._order(_BUY, symbol, quantity, **how)

    def sell(self, symbol: str, quantity: Number | None = None, **how: Unpack[Sized]) -> list[OrderIntent]:
        """Sell what is owned, never more."""
        return self._order(_SELL, symbol, quantity, **how)

    def short(self, symbol: str, quantity: Number | None = None, **how: Unpack[Sized]) -> list[OrderIntent]:
        """Sell, through zero if need be."""
        return self._order(_GO_SHORT, symbol, quantity, **how)

    def cover(self, symbol: str, quantity: Number | None = None, **how: Unpack[Sized]) -> list[OrderIntent]:
        """Buy back what is owed, never more."""
        return self._order(_COVER, symbol, quantity, **how)

    def close(self, symbol: str, **how: Unpack[Terms]) -> list[OrderIntent]:
        """Sell or cover the whole position; nothing when flat."""
        held = self.portfolio.quantity(symbol)
        if not held:
            self._instrument(symbol)
            return []
        return self._order(_SELL if held > 0 else _COVER, symbol, abs(held), **how)

    def target(
        self,
        symbol: str,
        *,
        weight: Number | None = None,
        quantity: Number | None = None,
        notional: Number | None = None,
        band: Number = BAND,
        **how: Unpack[Terms],
    ) -> list[OrderIntent]:
        """What it takes to hold `weight` (share of equity), `quantity` or `notional` of `symbol`, negative for short.

        Orders of this symbol at work count as filled. A change worth less than `band` of equity is left alone, unless
        the target is zero or the side turns.
        """
        wanted = self._wanted(symbol, weight, quantity, notional)
        held = self.portfolio.quantity(symbol) + self._at_work(symbol)
        change = wanted - held
        if not change:
            return []
        if wanted and wanted * held > 0 and self._is_small(symbol, change, _finite(band, symbol, "band")):
            return []
        size = self._instrument(symbol).round_quantity(abs(change))
        return [self._intent(_towards(wanted, held), symbol, size, **how)] if size else []

    def replace(
        self,
        order: OrderState | int,
        *,
        quantity: Number | None = None,
        limit: Number | None = None,
        stop: Number | None = None,
        trail: Number | None = None,
        trail_percent: Number | None = None,
    ) -> list[ReplaceIntent]:
        """Change the terms of an open order; what is left out stays. `quantity` counts what has been filled."""
        if isinstance(order, int):
            state = self._order_state(order)
            if state is None:
                return [ReplaceIntent(order_id=order)]  # it has ended meanwhile, and this will be refused
        else:
            state = order
        instrument, rises = self.instruments[state.symbol], state.side.sign > 0
        if quantity is None and limit is not None and stop is None and trail is None and trail_percent is None:
            return [ReplaceIntent(order_id=state.id, limit=_on_grid(instrument, limit, "limit", not rises))]
        terms = {
            "quantity": None
            if quantity is None
            else instrument.round_quantity(_finite(quantity, state.symbol, "quantity")),
            "limit": None if limit is None else _on_grid(instrument, limit, "limit", not rises),
            "stop": None if stop is None else _on_grid(instrument, stop, "stop", rises),
            "trail": trail,
            "trail_percent": trail_percent,
        }
        return [ReplaceIntent(order_id=state.id, **_terms(state.id, terms))]

    def oco(self, *orders: OrderIntent | Sequence[OrderIntent]) -> list[OrderIntent]:
        """One cancels other: what fills of one is taken off the others.

        >>> orders += context.oco(context.buy("X", 1, stop=110), context.short("X", 1, stop=90))
        """
        self._groups += 1
        group = f"oco-{self._groups}"
        return [replaced(intent, group=group) for intent in _flat(orders)]

    def cancel(self, order: OrderState | int) -> list[CancelIntent]:
        """Take an open order back."""
        return [CancelIntent(order if isinstance(order, int) else order.id)]

    def cancel_all(self, symbol: str | None = None) -> list[CancelIntent]:
        """Take back every open order, or those of one symbol."""
        if symbol is not None:
            self._instrument(symbol)
        return [CancelIntent(o.id) for o in self.open_orders if symbol is None or o.symbol == symbol]

    def signal(self, symbol: str, type: str, conditions: Sequence[str] = (), **values: float) -> Signal:
        """Record why: give the signal to an order with `signal=`, and the journal links them."""
        met = (conditions,) if isinstance(conditions, str) else tuple(map(str, conditions))
        seen: dict[str, float | None] = {name: _measured(name, value) for name, value in values.items()}
        return self._signal(self.name, str(symbol), str(type), met, seen)

    def set_timer(self, name: str, at: int | dt.datetime) -> None:
        """Call `on_timer` at `at` (nanoseconds or aware datetime), once its market events are known."""
        moment = _nanoseconds(name, at)
        if moment <= self.now:
            raise StrategyError(f"timer {name!r} is set for {moment}, which is not after now ({self.now})")
        self._schedule(self.name, Timer(str(name), moment))

    def _instrument(self, symbol: str) -> Instrument:
        if symbol not in self.symbols:
            raise OrderError(
                f"{symbol!r} is not in this session{nearest(symbol, self.symbols)}; it has {', '.join(self.symbols[:20])}"
            )
        return self.instruments[symbol]

    def _order_state(self, order_id: int) -> OrderState | None:
        """An open order of this strategy."""
        return next((state for state in self._open_orders(self.name) if state.id == order_id), None)

    def _at_work(self, symbol: str) -> Decimal:
        """What orders at work will still bring; what protects a position (a child, one of a group) will not by itself."""
        return sum(
            (
                o.remaining * o.side.sign
                for o in self._open_orders(self.name)
                if o.symbol == symbol and o.order.parent_id is None and not o.order.group
            ),
            ZERO,
        )

    def _is_small(self, symbol: str, change: Decimal, band: Decimal) -> bool:
        value = abs(change) * self._known_price(symbol) * self.instruments[symbol].multiplier
        return value < band * self.portfolio.equity

    def _known_price(self, symbol: str) -> Decimal:
        price = self.portfolio.price(symbol)
        if price is None:
            raise OrderError(f"no price of {symbol} is known yet: size it by quantity, or wait for its first event")
        return price

    def _wanted(self, symbol: str, weight: Number | None, quantity: Number | None, notional: Number | None) -> Decimal:
        """The signed quantity that a target means, in whole lots."""
        given = [x for x in (weight, quantity, notional) if x is not None]
        if len(given) != 1:
            raise OrderError(
                f"a target for {symbol} takes exactly one of weight, quantity, notional; it was given {len(given)}"
            )
        instrument = self._instrument(symbol)
        if quantity is not None:
            return instrument.round_quantity(_finite(quantity, symbol, "target quantity"))
        size = _finite(given[0], symbol, "target weight" if weight is not None else "target notional")
        if not size:
            return ZERO
        money = size * self.portfolio.equity if weight is not None else size
        # Room for fees and slippage, so that a full weight does not ask for more than there is.
        unit = self._known_price(symbol) * instrument.multiplier * (ONE + self._cost)
        return instrument.round_quantity(money / unit)

    def _order(
        self, side: Side, symbol: str, quantity: Number | None, *, notional: Number | None = None, **how: Any
    ) -> list[OrderIntent]:
        instrument = self._instrument(symbol)
        if (quantity is None) == (notional is None):
            raise OrderError(f"{side} {symbol} takes either a quantity or a notional")
        if notional is not None:
            money = _finite(notional, symbol, "notional")
            quantity = money / (self._known_price(symbol) * instrument.multiplier)
        asked = _finite(quantity, symbol, "quantity")  # type: ignore[arg-type]
        size = instrument.round_quantity(asked)
        if asked > 0 and not size:
            size = _SHORT.plus(asked)  # goes to the checks as it is, which deny it
        return [self._intent(side, symbol, size, **how)]

    def _intent(self, side: Side, symbol: str, quantity: Decimal, **how: Any) -> OrderIntent:
        """An intent with its prices on the tick grid, rounded so that they never get worse than asked."""
        if not how:
            return OrderIntent(symbol=symbol, side=side, quantity=quantity)
        if not how.keys() <= _KNOWN:
            word = next(word for word in how if word not in _KNOWN)
            raise OrderError(
                f"{side} {symbol} does not know {word!r}{nearest(word, _WORDS)}; it takes {', '.join(_WORDS)}"
            )
        return self._intent_with(side, symbol, quantity, **how)

    def _intent_with(
        self,
        side: Side,
        symbol: str,
        quantity: Decimal,
        *,
        limit: Number | None = None,
        stop: Number | None = None,
        trail: Number | None = None,
        trail_percent: Number | None = None,
        time_in_force: TimeInForce | str = _GTC,
        expires_at: int | dt.datetime | None = None,
        reduce_only: bool = False,
        post_only: bool = False,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
        children: Sequence[OrderIntent | Sequence[OrderIntent]] = (),
        signal: Signal | int | None = None,
        tag: str = "",
    ) -> OrderIntent:
        instrument, rises = self.instruments[symbol], side.sign > 0
        exits = self._exits(side, symbol, quantity, stop_loss, take_profit)
        trails = trail is not None or trail_percent is not None
        return OrderIntent(
            symbol=symbol,
            side=side,
            quantity=quantity,
            type=_TRAILING if trails else _TYPES[limit is not None, stop is not None],
            limit=None if limit is None else _on_grid(instrument, limit, "limit", not rises),
            stop=None if stop is None else _on_grid(instrument, stop, "stop", rises),
            trail=None if trail is None else _finite(trail, symbol, "trail"),
            trail_percent=None if trail_percent is None else _finite(trail_percent, symbol, "trail_percent"),
            time_in_force=_time_in_force(symbol, time_in_force),
            expires_at=None if expires_at is None else _expiry(symbol, expires_at),
            reduce_only=bool(reduce_only),
            post_only=bool(post_only),
            children=(*exits, *_flat(children)),
            signal_id=None if signal is None else _signal_id(symbol, signal),
            tag=str(tag),
        )

    def _exits(
        self, side: Side, symbol: str, quantity: Decimal, stop_loss: Number | None, take_profit: Number | None
    ) -> list[OrderIntent]:
        """The protection of an entry: a stop and a limit on the other side, of which one ends the other."""
        if stop_loss is None and take_profit is None:
            return []
        exit_side = _EXITS.get(side)
        if exit_side is None:
            raise OrderError(
                f"{side} {symbol} closes a position; stop_loss and take_profit protect what buy and short open"
            )
        if stop_loss is not None and take_profit is not None:
            loss, profit = _finite(stop_loss, symbol, "stop_loss"), _finite(take_profit, symbol, "take_profit")
            if (profit - loss) * side.sign <= 0:
                where = "below" if side.sign > 0 else "above"
                raise OrderError(
                    f"{side} {symbol} has stop_loss {loss} and take_profit {profit}; the stop loss lies {where}"
                )
        exits = []
        if stop_loss is not None:
            exits.append(self._intent_with(exit_side, symbol, quantity, stop=stop_loss, tag="stop_loss"))
        if take_profit is not None:
            exits.append(self._intent_with(exit_side, symbol, quantity, limit=take_profit, tag="take_profit"))
        return exits


_TYPES = {
    (False, False): OrderType.MARKET,
    (True, False): OrderType.LIMIT,
    (False, True): OrderType.STOP,
    (True, True): OrderType.STOP_LIMIT,
}
_TRAILING = OrderType.TRAILING_STOP
_WORDS = tuple(Terms.__annotations__)
_KNOWN = frozenset(_WORDS)
_EXITS = {_BUY: _SELL, _GO_SHORT: _COVER}


def _towards(wanted: Decimal, held: Decimal) -> Side:
    """The side of an order that takes what is held to what is wanted; one that only reduces never goes through zero."""
    if wanted > held:
        return _COVER if held < 0 and wanted <= 0 else _BUY
    return _SELL if held > 0 and wanted >= 0 else _GO_SHORT


def _on_grid(instrument: Instrument, price: Number, what: str, up: bool) -> Decimal:
    return instrument.round_price(_finite(price, instrument.symbol, what), ROUND_CEILING if up else ROUND_FLOOR)


def _time_in_force(symbol: str, given: TimeInForce | str) -> TimeInForce:
    if type(given) is TimeInForce:
        return given
    try:
        return TimeInForce(given)
    except ValueError:
        names = ", ".join(TimeInForce)
        raise OrderError(
            f"time in force {given!r} of an order for {symbol} is not known{nearest(str(given), list(TimeInForce))}; "
            f"it is one of {names}"
        ) from None


def _terms(order_id: int, terms: Mapping[str, Number | None]) -> dict[str, Decimal]:
    given = {name: _finite(value, f"order {order_id}", name) for name, value in terms.items() if value is not None}
    if not given:
        raise OrderError(f"order {order_id} is to be replaced by itself: give a quantity or a price")
    return given


def _finite(value: Number, symbol: str, what: str) -> Decimal:
    try:
        number = exact(value)
    except (ArithmeticError, TypeError, ValueError):
        raise OrderError(f"the {what} of {symbol} is {value!r}, which is not a number") from None
    if not number.is_finite():
        raise OrderError(f"the {what} of {symbol} is {value!r}; it must be a finite number")
    return number


def _measured(name: str, value: Any) -> float:
    """A value of a signal as the plain float that a journal can hold."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise StrategyError(f"the signal's value {name} is {value!r}; it must be a number") from None


def _expiry(symbol: str, at: int | dt.datetime) -> int:
    """When a GTD order ends."""
    if isinstance(at, dt.datetime) and at.tzinfo is not None:
        return round(at.timestamp() * 1e6) * 1_000
    try:
        return operator.index(at)  # type: ignore[arg-type]
    except TypeError:
        hint = (
            "it has no time zone; add tzinfo=datetime.UTC," if isinstance(at, dt.datetime) else "give an aware datetime"
        )
        raise OrderError(f"an order for {symbol} has expires_at {at!s}: {hint} or nanoseconds") from None


def _signal_id(symbol: str, signal: Signal | int) -> int:
    if isinstance(signal, Signal):
        return signal.id
    if isinstance(signal, int) and not isinstance(signal, bool):
        return signal
    raise OrderError(f"an order for {symbol} has signal {signal!r}; give what context.signal(...) returned, or its id")


def _flat(orders: Sequence[OrderIntent | Sequence[OrderIntent]]) -> list[OrderIntent]:
    """Intents and lists of intents as one list: helpers return lists, and both are natural to write."""
    found: list[OrderIntent] = []
    for given in orders:
        found += given if isinstance(given, list | tuple) else [given]  # type: ignore[list-item]
    return found


def _nanoseconds(name: str, at: int | dt.datetime) -> int:
    """When a timer is set for; a time without a zone would be another moment on another machine."""
    if isinstance(at, dt.datetime):
        if at.tzinfo is None:
            raise StrategyError(f"timer {name!r} is set for {at}, which has no time zone; add tzinfo=datetime.UTC")
        return round(at.timestamp() * 1e6) * 1_000
    try:
        return operator.index(at)
    except TypeError:
        raise StrategyError(f"timer {name!r} is set for {at!r}; give nanoseconds or an aware datetime") from None
