"""The one page that lists every pre-trade control, in the order in which they are asked.

Rules: a control is a small function of an order, what is known (`View`) and the limits of one level; it returns None, or
`Denied` with a code for programs and a sentence with the limit and what was found. The first that denies is told. What
is not configured is not called. A reference price that is missing, not a number, not positive or too old denies.
Limits: orders at rest that wait for a trigger are not counted for self-matching; prices below zero are denied.

| control          | code                          | rule it answers (/docs/risk.md says where each is set) |
|------------------|-------------------------------|---------------------------------------------------------|
| trading_state    | halted, reducing              | RTS 6 Art. 12 (kill), 15(3); FIA guide                  |
| permission       | restricted, not_allowed       | RTS 6 15(5); 15c3-5(c)(1)(ii)                           |
| reference_price  | no_price, bad_price, stale    | RTS 6 15(1)(a): no check without a price                |
| market_hours     | market_closed                 | 15c3-5(c)(2)                                            |
| grid             | lot, tick, min_notional       | the venue's own rules                                   |
| price_collar     | price_collar                  | RTS 6 15(1)(a)                                          |
| order_quantity   | order_quantity                | RTS 6 15(1)(c)                                          |
| order_value      | order_value                   | RTS 6 15(1)(b); 15c3-5(c)(1)(ii)                        |
| family           | parent                        | Knight: what leaves is never more than was decided      |
| closing          | owned, owed, reduce_only      | SELL, COVER and reduce-only never go through zero       |
| shorting         | short                         | Regulation SHO; the account's permission                |
| position         | position                      | RTS 6 15(2), 15(4)                                      |
| position_size    | position_size                 | 15c3-5(c)(1)(i)                                         |
| concentration    | concentration                 | 15c3-5(c)(1)(i)                                         |
| settled_cash     | cash                          | Regulation T: cash accounts pay with settled money      |
| buying_power     | buying_power                  | RTS 6 15(2): orders at work count at once               |
| net_leverage     | net_leverage                  | RTS 6 15(4)                                             |
| self_match       | self_match                    | RTS 6 15(5); venues' self-match prevention              |
| duplicate        | duplicate                     | 15c3-5(c)(1)(ii): duplicative orders                    |
| order_rate       | order_rate                    | RTS 6 15(3)                                             |
| message_rate     | message_rate                  | RTS 6 15(1)(d), with a reserve for cancels              |
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from enum import StrEnum

from onepath.calendars import get
from onepath.events import TradingState
from onepath.instruments import ONE, ZERO, Instrument, exact
from onepath.ledger import Ledger
from onepath.market import MarketEvent
from onepath.orders import Denied, Order, OrderState, OrderType, Side, TimeInForce
from onepath.rates import Rates
from onepath.risk.exposure import Exposed, converted, excess, worst
from onepath.risk.limits import Limits
from onepath.risk.pace import Recent, Window, nanoseconds

_BUY, _SELL, _COVER, _MARKET, _LIMIT = Side.BUY, Side.SELL, Side.COVER, OrderType.MARKET, OrderType.LIMIT
_AT_OPEN, _HALTED, _REDUCING = TimeInForce.AT_OPEN, TradingState.HALTED, TradingState.REDUCING
_HUNDRED = Decimal(100)


class Pace:
    """What one level has sent lately: as many windows as its limits ask for."""

    __slots__ = ("counts", "messages", "orders", "recent")

    def __init__(self, limits: Limits) -> None:
        self.orders = None if limits.max_orders is None else Window(limits.rate_window)
        self.messages = None if limits.max_messages is None else Window(limits.rate_window)
        self.recent = None if limits.duplicate_window is None else Recent(limits.duplicate_window)
        self.counts = not (self.orders is None and self.messages is None and self.recent is None)

    def note(self, order: Order, at: int, *, new: bool) -> None:
        """An order, or new terms of one, was approved."""
        if self.messages is not None:
            self.messages.note(at)
        if new and self.orders is not None:
            self.orders.note(at)
        if new and self.recent is not None and order.parent_id is None:
            self.recent.note(likeness(order), at)

    def forget(self, order: Order) -> None:
        """The last order noted was not sent."""
        if self.messages is not None:
            self.messages.drop()
        if self.orders is not None:
            self.orders.drop()
        if self.recent is not None and order.parent_id is None:
            self.recent.drop(likeness(order))


class Level:
    """One level of limits: a strategy's, a symbol's or the account's, with what it has sent lately. `exposed` measures its
    books with the order in them, `open_orders` are those it answers for."""

    __slots__ = ("cash", "exposed", "limits", "name", "open_orders", "pace")

    def __init__(
        self,
        name: str,
        limits: Limits,
        exposed: Callable[[View], Exposed],
        open_orders: Callable[[], Collection[OrderState]],
        *,
        cash: bool = False,
    ) -> None:
        self.name = name
        """in sentences: empty for the strategy's own"""
        self.limits = limits
        self.cash = cash
        """whether it is a cash account: settled money only, no shorts"""
        self.pace = Pace(limits)
        self.exposed = exposed
        self.open_orders = open_orders


class View:
    """What is known when an order is judged. One object a session, filled anew for each order."""

    __slots__ = (
        "after",
        "ahead",
        "at",
        "event",
        "grows",
        "held",
        "instrument",
        "ledger",
        "old",
        "opening",
        "order",
        "own",
        "parent",
        "price",
        "quantity",
        "rates",
        "reference",
        "siblings",
        "state",
        "together",
        "why",
        "working",
    )

    at: int
    event: MarketEvent | None
    reference: Decimal
    """the last price; zero where it is none"""
    instrument: Instrument
    held: Decimal
    """signed units of the symbol that the strategy holds"""
    working: Collection[OrderState]
    """the strategy's orders at work, without the one that is being replaced"""
    ahead: Sequence[OrderState]
    """those of the symbol"""
    opening: Decimal
    """how much of the order opens or adds, all ahead of it counted; of a replace that does not grow, nothing"""
    after: Decimal
    """signed units held once it and what is ahead on its side has traded"""
    old: OrderState | None
    """the order as it is at work, where it is being replaced"""
    grows: bool
    """whether a replace asks for more units or a worse price; an order always does"""
    parent: Order | None
    """the order that a child belongs to"""
    siblings: Decimal
    """units of the parent's other children on its own side and in its symbol; exits cancel each other and do not add up"""
    state: TradingState
    why: str
    """what moved the trading state"""
    order: Order
    quantity: Decimal
    """units of the order that may still trade"""
    ledger: Ledger
    rates: Rates
    price: Callable[[str], Decimal]
    """the last price of any symbol"""
    own: Exposed | None
    """the strategy's books with the order in them, once a control has asked"""
    together: Exposed | None
    """those of all strategies"""


Control = Callable[[Order, View, Level], Denied | None]


def trading_state(order: Order, view: View, _level: Level) -> Denied | None:
    """Halted: nothing but cancels. Reducing: only what reduces."""
    if view.state is _HALTED:
        return Denied(
            order, "halted", f"trading is halted: {view.why}; a command of a named person sets it active again"
        )
    if view.state is _REDUCING and view.opening:
        return Denied(order, "reducing", f"only what reduces may be traded: {view.why}; this would open {view.opening}")
    return None


def permission(order: Order, _view: View, level: Level) -> Denied | None:
    """Restricted symbols, and the list of allowed ones."""
    allowed = level.limits.symbols
    if order.symbol in level.limits.restricted:
        return Denied(order, "restricted", f"{order.symbol} is restricted{level.name}")
    if allowed is not None and order.symbol not in allowed:
        return Denied(order, "not_allowed", f"{order.symbol} is not among the allowed symbols{level.name}")
    return None


def reference_price(order: Order, view: View, level: Level) -> Denied | None:
    """A reference that is too old; one that is missing or no price is denied before any control is asked."""
    age, most = view.at - view.event.at if view.event else 0, level.limits.max_reference_age
    if most is not None and age > nanoseconds(most):
        return Denied(
            order, "stale", f"the price of {order.symbol} is {age / 1e9:g} s old, over {most:g} s{level.name}"
        )
    return None


def market_hours(order: Order, view: View, level: Level) -> Denied | None:
    """Closed markets take no orders but those for the opening auction."""
    calendar = view.instrument.calendar
    if order.time_in_force is _AT_OPEN or get(calendar).is_open(view.at):
        return None
    return Denied(
        order, "market_closed", f"{calendar} is closed{level.name}; orders at_open may be sent before it opens"
    )


def grid(order: Order, view: View, _level: Level) -> Denied | None:
    """Tick, lot and least value. What only reduces and a child are free of the least value: a rest must be closable."""
    instrument = view.instrument
    if order.quantity < instrument.lot_size:
        return Denied(
            order, "lot", f"{order.side} {order.quantity} {order.symbol} is below the lot of {instrument.lot_size}"
        )
    if order.quantity % instrument.lot_size:
        return Denied(order, "lot", f"quantity {order.quantity} is not a multiple of the lot {instrument.lot_size}")
    tick = instrument.tick_size
    if tick and order.type is not _MARKET:
        for price in (order.limit, order.stop, order.trail):
            if price is not None and price % tick:
                return Denied(order, "tick", f"price {price} is not a multiple of the tick {tick}")
    least = instrument.min_notional
    if least and not order.reduce_only and order.parent_id is None:
        value = order.quantity * view.reference * instrument.multiplier
        if value < least:
            return Denied(order, "min_notional", f"the order is worth {value}, less than {least}")
    return None


def price_collar(order: Order, view: View, level: Level) -> Denied | None:
    """Limit, stop and trail within a share of the reference; of a market order, the price that is quoted for it."""
    most = level.limits.price_collar or ZERO  # it is asked only where there is one
    if order.type is _MARKET:
        far = _far_side(order, view)
        if abs(far - view.reference) <= most * view.reference:
            return None
        found = f"the market's {far} is further than {most} from the last price {view.reference}"
        return Denied(order, "price_collar", found + level.name)
    for price in (order.limit, order.stop):
        if price is not None and abs(price - view.reference) > most * view.reference:
            found = f"price {price} is further than {most} from the last price {view.reference}"
            return Denied(order, "price_collar", found + level.name)
    trail = order.trail
    if order.trail_percent is not None:
        trail = order.trail_percent / _HUNDRED * view.reference
    if trail is not None and trail > most * view.reference:
        return Denied(
            order,
            "price_collar",
            f"a trail of {trail} is more than {most} of the last price {view.reference}{level.name}",
        )
    return None


def order_quantity(order: Order, view: View, level: Level) -> Denied | None:
    """Largest quantity of one order."""
    most = level.limits.max_order_quantity
    if most is None or order.quantity <= most or not view.grows:
        return None
    return Denied(order, "order_quantity", f"quantity {order.quantity} is over {most}{level.name}")


def order_value(order: Order, view: View, level: Level) -> Denied | None:
    """Largest value of one order, at the worst price it may get: a market order's is the far side of the quote."""
    most = level.limits.max_order_value
    if most is None or not view.grows:
        return None
    price = max(view.reference, _far_side(order, view)) if order.type is _MARKET else worst(order, view.reference)
    value = order.quantity * price * converted(view.ledger, view.rates)(order.symbol)
    return (
        Denied(order, "order_value", f"the order is worth {value}, over {most}{level.name}") if value > most else None
    )


def family(order: Order, view: View, _level: Level) -> Denied | None:
    """A child belongs to a parent that passed, and is never more than it."""
    if order.parent_id is None or view.old is not None:
        return None
    parent = view.parent
    if parent is None:
        return Denied(order, "parent", f"its parent, order {order.parent_id}, is not at work")
    if view.siblings + order.quantity > parent.quantity:
        found = f"children of {view.siblings + order.quantity} are more than their parent's {parent.quantity}"
        return Denied(order, "parent", found)
    return None


def closing(order: Order, view: View, _level: Level) -> Denied | None:
    """SELL, COVER and reduce-only close what is held or on its way, less what orders that trade freely will take."""
    side = order.side
    if view.parent is not None and side.sign != view.parent.side.sign and order.symbol == view.parent.symbol:
        return None  # an exit takes part as far as its parent has filled
    quantity = view.quantity
    most, within = excess(side, quantity, view.held, view.ahead)
    if within or not view.grows:
        return None
    if side is _SELL:
        return Denied(order, "owned", f"sell {quantity} of {order.symbol} but {most} is owned; use short")
    if side is _COVER:
        return Denied(order, "owed", f"cover {quantity} of {order.symbol} but {most} is owed; use buy")
    return Denied(
        order, "reduce_only", f"{side} {quantity} of {order.symbol} may only reduce, and {most} can be reduced"
    )


def shorting(order: Order, view: View, level: Level) -> Denied | None:
    """No position below zero where shorting is off."""
    if not view.opening or view.after >= 0 or (level.limits.allow_short and not level.cash):
        return None
    found = f"selling {order.quantity} would leave {view.after} of {order.symbol}; shorting is off"
    return Denied(order, "short", found + level.name)


def position(order: Order, view: View, level: Level) -> Denied | None:
    """Largest position in units, orders at rest on its side included."""
    most = level.limits.max_position
    if most is None or not view.opening:
        return None
    found = level.exposed(view)
    units = max(found.target * order.side.sign, ZERO) + found.beside
    if units <= most:
        return None
    return Denied(order, "position", f"{units} of {order.symbol} could be held, over {most}{level.name}")


def position_size(order: Order, view: View, level: Level) -> Denied | None:
    """Largest position as a share of equity."""
    size = level.limits.max_position_size
    if size is None or not view.opening:
        return None
    found = level.exposed(view)
    value = found.value + found.beside_value
    if value <= size * found.equity:
        return None
    text = f"{found.target} of {order.symbol} is worth {value}, over {size} of equity {found.equity}"
    return Denied(order, "position_size", text + level.name)


def concentration(order: Order, view: View, level: Level) -> Denied | None:
    """Largest position as a share of gross exposure or of equity, whichever is more."""
    most = level.limits.max_concentration
    if most is None or not view.opening:
        return None
    found = level.exposed(view)
    value, whole = found.value + found.beside_value, max(found.gross, found.equity)
    if value <= most * whole:
        return None
    return Denied(order, "concentration", f"{order.symbol} would be {value} of {whole}, over {most} of it{level.name}")


def buying_power(order: Order, view: View, level: Level) -> Denied | None:
    """Gross leverage, which is buying power, with orders at work counted at once."""
    if not view.opening:
        return None
    found, most, share = level.exposed(view), level.limits.max_leverage, view.ledger.terms.initial_margin
    if share is not None and not level.name and found.gross * share > found.equity:
        text = f"exposure would be {found.gross}, and {share} of it is over equity {found.equity}"
        return Denied(order, "buying_power", text)
    if found.gross <= most * found.equity:
        return None
    text = f"exposure would be {found.gross}, over {most} x equity {found.equity}"
    return Denied(order, "buying_power", text + level.name)


def settled_cash(order: Order, view: View, _level: Level) -> Denied | None:
    """A cash account's purchases, those at work included, are paid with settled money of the instrument's currency."""
    if not view.opening:
        return None
    ledger = view.ledger
    currency = ledger.currency_of(order.symbol)
    cash = (ledger.cash if currency == ledger.currency else ledger.foreign.get(currency, ZERO)) - ledger.unsettled(
        currency, view.at
    )
    needs = view.opening * worst(order, view.reference) * ledger.multiplier(order.symbol)
    for state in view.working:
        if state.order.side is _BUY and ledger.currency_of(state.symbol) == currency:
            price = worst(state.order, view.price(state.symbol))
            needs += state.remaining * price * ledger.multiplier(state.symbol)
    if needs <= cash:
        return None
    found = f"it and what is at work cost {needs} {currency}, over the settled cash of {cash} {currency}"
    return Denied(order, "cash", found)


def net_leverage(order: Order, view: View, level: Level) -> Denied | None:
    """Longs less shorts over equity."""
    most = level.limits.max_net_leverage
    if most is None or not view.opening:
        return None
    found = level.exposed(view)
    net = found.net()
    if abs(net) <= most * found.equity:
        return None
    text = f"net exposure would be {net}, over {most} x equity {found.equity}"
    return Denied(order, "net_leverage", text + level.name)


def self_match(order: Order, view: View, level: Level) -> Denied | None:
    """No order that would trade with an own limit order at rest on the other side."""
    if not level.limits.prevent_self_match or (order.type is not _MARKET and order.type is not _LIMIT):
        return None
    price, sign = order.limit, order.side.sign
    if price is None:
        slack = (level.limits.price_collar or ZERO) * sign
        price = _far_side(order, view)
        beyond = view.reference * (ONE + slack)
        price = max(price, beyond) if sign > 0 else min(price, beyond)
    for state in level.open_orders():
        rest = state.order
        if rest.symbol != order.symbol or rest.side.sign == sign or rest.type is not _LIMIT or rest.limit is None:
            continue
        if rest.id != order.id and (price - rest.limit) * sign >= 0:
            found = f"{order.side} at {price} would trade with order {rest.id}, {rest.side} at {rest.limit}"
            return Denied(order, "self_match", found + level.name)
    return None


def duplicate(order: Order, view: View, level: Level) -> Denied | None:
    """The same order twice in a window. Children are their parents' affair, and a replace is no new order."""
    recent = level.pace.recent
    if recent is None or view.old is not None or order.parent_id is not None:
        return None
    age = recent.age(likeness(order), view.at)
    if age is None:
        return None
    found = f"the same order was sent {age / 1e9:g} s ago, within {level.limits.duplicate_window:g} s"
    return Denied(order, "duplicate", found + level.name)


def order_rate(order: Order, view: View, level: Level) -> Denied | None:
    """New orders in a window."""
    window, most = level.pace.orders, level.limits.max_orders
    if window is None or most is None or view.old is not None or window.count(view.at) < most:
        return None
    found = f"{most} orders were sent within {level.limits.rate_window:g} s, as many as may be"
    return Denied(order, "order_rate", found + level.name)


def message_rate(order: Order, view: View, level: Level) -> Denied | None:
    """Orders, replaces and cancels in a window, less what is kept for cancels."""
    window, most = level.pace.messages, level.limits.max_messages
    if window is None or most is None or window.count(view.at) < most - level.limits.reserve:
        return None
    found = f"{most - level.limits.reserve} messages were sent within {level.limits.rate_window:g} s"
    return Denied(order, "message_rate", f"{found}, and {level.limits.reserve} more are kept for cancels{level.name}")


class Asks(StrEnum):
    """Which orders a control is about."""

    ALL = "all"
    OPENS = "opens"
    """BUY and SHORT: what may open or add"""
    CLOSES = "closes"
    """SELL, COVER and reduce-only: what must not"""
    CHILD = "child"
    """children of a parent"""


_ALL, _OPENS, _CLOSES, _CHILD = Asks.ALL, Asks.OPENS, Asks.CLOSES, Asks.CHILD
Wanted = Callable[[Level], object]
PAGE: tuple[tuple[Control, Asks, Wanted | None], ...] = (
    (trading_state, _ALL, None),
    (permission, _ALL, lambda of: of.limits.restricted or of.limits.symbols is not None),
    (reference_price, _ALL, lambda of: of.limits.max_reference_age is not None),
    (market_hours, _ALL, lambda of: of.limits.market_hours),
    (grid, _ALL, None),
    (price_collar, _ALL, lambda of: of.limits.price_collar is not None),
    (order_quantity, _ALL, lambda of: of.limits.max_order_quantity is not None),
    (order_value, _ALL, lambda of: of.limits.max_order_value is not None),
    (family, _CHILD, None),
    (closing, _CLOSES, None),
    (shorting, _OPENS, lambda of: of.cash or not of.limits.allow_short),
    (position, _OPENS, lambda of: of.limits.max_position is not None),
    (position_size, _OPENS, lambda of: of.limits.max_position_size is not None),
    (concentration, _OPENS, lambda of: of.limits.max_concentration is not None),
    (settled_cash, _OPENS, lambda of: of.cash),
    (buying_power, _OPENS, lambda of: of.limits.max_leverage.is_finite()),
    (net_leverage, _OPENS, lambda of: of.limits.max_net_leverage is not None),
    (self_match, _ALL, lambda of: of.limits.prevent_self_match),
    (duplicate, _ALL, lambda of: of.limits.duplicate_window is not None),
    (order_rate, _ALL, lambda of: of.limits.max_orders is not None),
    (message_rate, _ALL, lambda of: of.limits.max_messages is not None),
)
"""every control in order, the orders it is about, and whether a level's limits ask for it (None: asked once, always)"""


def compiled(levels: Sequence[Level], *kinds: Asks, calm: bool) -> tuple[tuple[Control, Level], ...]:
    """The controls that orders of these kinds meet at these levels (the strategy's own first), in the order of the page;
    `calm`: trading is active, so that its state need not be asked."""
    return tuple(
        (control, level)
        for control, asks, wanted in PAGE
        if (asks is _ALL or asks in kinds) and not (calm and control is trading_state)
        for level in (levels[:1] if wanted is None else levels)
        if wanted is None or wanted(level)
    )


def likeness(order: Order) -> tuple[object, ...]:
    """What makes two orders the same order."""
    return (
        order.symbol,
        order.side,
        order.quantity,
        order.type,
        order.limit,
        order.stop,
        order.trail,
        order.trail_percent,
    )


def _far_side(order: Order, view: View) -> Decimal:
    """The price that a market order meets: the offer for a purchase, the bid for a sale, else the last price."""
    quoted = getattr(view.event, "ask" if order.side.sign > 0 else "bid", 0.0)
    return exact(quoted) if quoted > 0.0 else view.reference
