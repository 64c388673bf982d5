"""An order at the venue, and the place where the orders of one symbol wait.

Rules: a `Place` knows between which prices nothing can happen to its orders (`Place.refresh`), so that most events need not be
looked at. An order that must see everything (a market order, one that has not met the market yet, DAY on bars, auctions,
trailing stops, messages that wait for a bar) opens the place wide.
Cost: `Place.quiet` 0.15 us; `refresh` grows with the orders at work in the symbol.
"""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, Any

from onepath.book import Book
from onepath.calendars import Calendar
from onepath.calendars import get as calendar_named
from onepath.instruments import ZERO, Instrument
from onepath.market import Bar, MarketEvent, Quote, Trade
from onepath.orders import Order, OrderType, TimeInForce
from onepath.simulator.depth import Taken
from onepath.simulator.quotes import Displayed

if TYPE_CHECKING:
    from onepath.simulator.contingent import Group
    from onepath.simulator.lines import Line

_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_STOP_LIMIT, _TRAILING = OrderType.STOP_LIMIT, OrderType.TRAILING_STOP
WIDE = (inf, -inf, -inf, inf)
_GTC, _GTD = TimeInForce.GTC, TimeInForce.GTD


class Resting:
    """An order at the venue. What is the same for most orders is the class's, so that making one is cheap."""

    traded = ZERO
    worth = ZERO
    charged = ZERO
    triggered = False
    """its stop was hit"""
    fresh = True
    """has not met the market yet: what it could have at once, it takes"""
    arrived = False
    overtaken = False
    """a corporate action came before it: it is in units that are no more"""
    plain = False
    """nobody can ask for it, or depend on it, once it has ended"""
    ended = False
    late = ZERO
    """what others of its group have filled while it was on its way"""
    cuts: tuple[tuple[int, Decimal], ...] = ()
    """what its group or its parent has taken off it, and when that is heard; kept where messages take time"""
    day: int | None = None
    """the session it is for, where its time in force asks"""
    peak: float | None = None
    """the best price since its arrival, where it trails"""
    opened: float | None = None
    """the market's price when it could first trade"""
    held: list[tuple[int, int, Any, int, int]] | None = None
    """messages that arrived within a bar, as (time, kind, content, until when at most, number)"""
    watched = False
    """its end by the clock has been arranged, so events need not be looked at for it"""
    groups: tuple[Group, ...] = ()
    """whose fills are taken off it"""
    family: Group | None = None
    """its children"""
    level_of: Order | None = None
    level = 0.0
    """the limit of that order as a float, kept because to convert it costs as much as all the rest of `Place.refresh`"""
    queue: Line | None = None
    """its place at its price, where the queue model watches it"""

    def __init__(self, order: Order, arrives_at: int) -> None:
        self.order = order
        self.remaining = order.quantity
        self.arrives_at = arrives_at

    @property
    def available(self) -> Decimal:
        """What of it may trade now: a child takes part as far as its parent has filled."""
        for group in self.groups:
            if group.parent is not None:
                return max(ZERO, min(self.remaining, group.left))
        return self.remaining

    @property
    def waits(self) -> bool:
        """A child of a parent that is open and has not traded yet."""
        return any(g.parent is not None and not g.parent.ended and not g.parent.traded for g in self.groups)

    @property
    def takes_all(self) -> bool:
        """A market order, or what a stop has become one by being hit."""
        kind = self.order.type
        return kind is _MARKET or (self.triggered and kind is not _STOP_LIMIT)

    @property
    def is_limit(self) -> bool:
        """Works as a limit order now."""
        kind = self.order.type
        return kind is _LIMIT or (self.triggered and kind is _STOP_LIMIT)


class Place:
    """The orders of one symbol, and what the venue remembers of its market."""

    _calendar: Calendar | None = None
    """looked up when first asked for; of the class, because a snapshot leaves it out"""

    def __init__(self, symbol: str, instrument: Instrument) -> None:
        self.symbol = symbol
        self.instrument = instrument
        self.orders: list[Resting] = []
        self.wide = False
        """every event matters, whatever the orders are"""
        self.ticked = False
        """ticks of several kinds, or beside bars, come here: bars are no market then"""
        self.displayed = Displayed()
        self.last: MarketEvent | None = None
        """the last event seen here"""
        self.book: Book | None = None
        self.taken = Taken()
        self.bounds = WIDE
        """the highest buy limit, the lowest sell limit, the lowest buy stop, the highest sell stop"""
        self.buys, self.sells, self.stops = inf, -inf, False
        """of the bounds, those of limits; whether there are others"""

    @property
    def calendar(self) -> Calendar:
        """The sessions of its market."""
        if self._calendar is None:
            self._calendar = calendar_named(self.instrument.calendar)
        return self._calendar

    def forget(self) -> None:
        """What was shown is no market any more: a corporate action has made it another's."""
        self.displayed, self.book, self.taken = Displayed(), None, Taken()

    def open_wide(self) -> None:
        """Let every event matter until the next `refresh`."""
        self.bounds = WIDE
        self.buys, self.sells = inf, -inf

    def refresh(self) -> None:
        """Work out again between which prices nothing happens."""
        buys, sells, rises, falls = -inf, inf, inf, -inf
        if self.wide or self.displayed.had:
            self.open_wide()
            return
        for resting in self.orders:
            order = resting.order
            if (resting.groups or not resting.remaining) and not resting.available and resting.held is None:
                continue
            if resting.fresh or self._needs_all(resting):
                self.open_wide()
                return
            rising = order.side.sign > 0
            if order.limit is not None and (order.type is _LIMIT or resting.is_limit):
                if resting.level_of is not order:
                    resting.level_of, resting.level = order, float(order.limit)
                level = resting.level
                if rising:
                    buys = level if level > buys else buys
                else:
                    sells = level if level < sells else sells
            else:  # a stop: what waits for neither wants to see everything
                level = float(order.stop)  # type: ignore[arg-type]
                rises, falls = (min(rises, level), falls) if rising else (rises, max(falls, level))
        self.bounds = buys, sells, rises, falls
        self.buys, self.sells = buys, sells
        self.stops = rises != inf or falls != -inf

    def _needs_all(self, resting: Resting) -> bool:
        """Whether an order that has met the market wants to see every event."""
        order = resting.order
        kind, time = order.type, order.time_in_force
        if kind is _LIMIT and time is _GTC:
            return resting.held is not None or resting.queue is not None
        return (
            (kind is not _LIMIT and (kind is _TRAILING or resting.takes_all))
            or resting.held is not None
            or resting.queue is not None
            or (time is not _GTC and time is not _GTD and not resting.watched)
        )

    def matters(self, event: MarketEvent) -> bool:
        """Whether the event can do anything to an order here."""
        buys, sells, rises, falls = self.bounds
        if isinstance(event, Bar):
            low, high = event.low, event.high
        elif isinstance(event, Trade):
            low = high = event.price
        elif isinstance(event, Quote):
            return event.ask <= buys or event.bid >= sells or event.ask >= rises or event.bid <= falls
        else:
            return True
        return low <= buys or high >= sells or high >= rises or low <= falls
