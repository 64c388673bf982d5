"""A session as a comparison needs it: its orders with their fills, what came and went beside them, what it held, what it saw.

Rules: money is exact. Profit is the cash that came from fills and flows and the worth of what is held at the last recorded
prices; each order has its own part in it, and with the flows these are the whole but for what corporate actions made.
Limits: one currency; a fee in a coin is worth the coin's last price, one in a third currency stands apart.
Cost: all events are held, with their names: 0.55 kB and 6 us each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from onepath.errors import OnepathError
from onepath.events import CashFlow, Fill, SessionStarted
from onepath.instruments import ONE, ZERO, exact
from onepath.journal.codec import FILLS, decode
from onepath.journal.sqlite import SqliteReader
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade
from onepath.orders import Order
from onepath.ports import Batch, Row
from onepath.replay import Rows
from onepath.rerun import seen_by, startable

_WISHES = ("order.cancel_requested", "order.replace_requested")
_READ = ("order.submitted", "order.forced", "order.accepted", *_WISHES, *FILLS, "cash", "position", "prices")
_KINDS: Mapping[type, str] = {Bar: "bar", Quote: "quote", Trade: "trade", BookUpdate: "book"}

Name = tuple[str, str, int, int]
"""what an event is, whenever it arrived: symbol, kind, the venue's number or time, and which of those with the same"""


Brought = Callable[[], Iterator[Batch]]
"""what a session's feed brought, from the beginning"""


@dataclass(slots=True)
class Sent:
    """An order, and what became of it."""

    order: Order
    decided_at: int
    taken_at: int | None = None
    """when the venue's word came that it has the order"""
    fills: list[Fill] = field(default_factory=list)
    wishes: list[tuple[int, str]] = field(default_factory=list)
    """when it was asked back, or given new terms"""


class Item(NamedTuple):
    """A market event: when it was heard, and its values."""

    at: int
    event: MarketEvent


class Seen:
    """What a session saw, by the names of the events."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self.items: dict[Name, Item] = {}
        self._times: list[int] = []
        self._names: list[Name] = []
        count: dict[tuple[str, str, int], int] = {}
        for batch in batches:
            for event, _ in batch.events():
                key = event.symbol, _KINDS[type(event)], _own(event)
                count[key] = number = count.get(key, 0) + 1
                name = (*key, number)
                self.items[name] = Item(event.at, event)
                self._times.append(event.at)
                self._names.append(name)

    def before(self, at: int) -> Name | None:
        """The last event that had been heard by `at`."""
        index = bisect_right(self._times, at)
        return self._names[index - 1] if index else None


def _own(event: MarketEvent) -> int:
    """The venue's own number or time of an event; where it has none, when the event was known."""
    number = event.last_id if isinstance(event, BookUpdate) else event.id
    if number and not isinstance(event, Bar):
        return number
    return event.start if isinstance(event, Bar) else event.venue_at or event.at


class Told:
    """One session, read."""

    def __init__(self, rows: Rows, started: SessionStarted, session_id: str, brought: Brought | None) -> None:
        """`brought` is what its feed brought, as often as it is asked for; None where its data are not there any more."""
        self.rows = rows
        self.started = started
        self.session_id = session_id
        self.brought: Brought = (lambda: iter(())) if brought is None else brought
        self.seen = None if brought is None else Seen(brought())
        self.orders: dict[int, Sent] = {}
        self.flows: list[tuple[int, CashFlow]] = []
        self.held: dict[tuple[str, str], Decimal] = {}
        self.last: dict[str, Decimal] = {}
        self.multipliers = {str(r["symbol"]): Decimal(str(r.get("multiplier", ONE))) for r in started.instruments}
        self._bases = {str(r["symbol"]): str(r.get("base", "")) for r in started.instruments}
        for row in rows.rows(_READ):
            self._take(row)

    @property
    def strategies(self) -> list[str]:
        """Their names, in the manifest's order."""
        return [str(row["name"]) for row in self.started.strategies]

    def _take(self, row: Row) -> None:
        event = decode(row)
        if row.kind == "order.submitted":
            self.orders[event.id] = Sent(event, row.at)
        elif row.kind == "order.forced":
            self.orders[event.order.id] = Sent(event.order, row.at)
        elif row.kind == "order.accepted":
            self.orders[event.order_id].taken_at = row.at
        elif row.kind in _WISHES:
            self.orders[event.order_id].wishes.append((row.at, row.kind))
        elif row.kind in FILLS:
            self.orders[event.order_id].fills.append(event)
        elif row.kind == "cash":
            self.flows.append((row.at, event))
        elif row.kind == "position":
            self.held[event.strategy, event.symbol] = event.quantity
        else:
            symbols = [str(r["symbol"]) for r in self.started.instruments]
            known = zip(symbols, event.prices, strict=True)
            self.last |= {symbol: exact(price) for symbol, price in known if price is not None}

    # -- money

    def worth(self, symbol: str, quantity: Decimal, price: Decimal | None = None) -> Decimal:
        """Of a quantity, at the last recorded price or another."""
        at = self.last.get(symbol, ZERO) if price is None else price
        return quantity * at * self.multipliers.get(symbol, ONE)

    def fee(self, fill: Fill) -> Decimal:
        """What a fill cost in money; a fee in the coin is taken from what was bought."""
        return ZERO if fill.fee_currency else fill.fee

    def coins(self, fill: Fill) -> Decimal:
        """What a fill took in coins."""
        return fill.fee if fill.fee_currency and fill.fee_currency == self._bases.get(fill.symbol) else ZERO

    def kept(self, sent: Sent) -> Decimal:
        """What an order's fills brought into the position."""
        return sum((fill.quantity - self.coins(fill) for fill in sent.fills), ZERO)

    def paid(self, sent: Sent) -> Decimal:
        """The cash that an order's fills brought; negative where they cost."""
        spent = (self.worth(f.symbol, f.quantity, f.price) + self.fee(f) for f in sent.fills)
        return -sum(spent, ZERO)

    def part(self, sent: Sent) -> Decimal:
        """An order's part in the profit."""
        return self.paid(sent) + self.worth(sent.order.symbol, self.kept(sent))

    @property
    def profit(self) -> Decimal:
        """What the session made, exactly."""
        cash = sum((self.paid(sent) for sent in self.orders.values()), ZERO)
        flows = sum((flow.amount for _, flow in self.flows), ZERO)
        return cash + flows + sum((self.worth(symbol, held) for (_, symbol), held in self.held.items()), ZERO)


def told(journal: Path, home: Path) -> Told:
    """The session of a journal; its reader stays open with it. Raises JournalError."""
    reader = SqliteReader(journal)
    started = startable(reader)
    session_id = reader.session_id

    def brought() -> Iterator[Batch]:
        return iter(seen_by(started, reader, home).batches())

    try:
        return Told(reader, started, session_id, brought)
    except (OnepathError, OSError):
        return Told(reader, started, session_id, None)


def matched(one: Told, two: Told) -> tuple[list[tuple[Sent, Sent]], list[Sent], list[Sent]]:
    """Orders that are the same decision in both, and those of one alone. The same: the same terms, for the same strategy (where
    each session has but one, whatever their names), after the same market event, in the same order."""
    alone = len(one.strategies) == 1 == len(two.strategies)
    named = one.seen is not None and two.seen is not None
    waiting: dict[tuple[object, ...], list[Sent]] = {}
    for sent in two.orders.values():
        waiting.setdefault(_decision(two, sent, alone, named), []).append(sent)
    pairs, only = [], []
    for sent in one.orders.values():
        found = waiting.get(_decision(one, sent, alone, named))
        if found:
            pairs.append((sent, found.pop(0)))
        else:
            only.append(sent)
    left = {id(sent) for found in waiting.values() for sent in found}
    return pairs, only, [sent for sent in two.orders.values() if id(sent) in left]


_TERMS = ("symbol", "side", "quantity", "type", "time_in_force", "limit", "stop", "trail", "trail_percent")
_MORE = ("expires_at", "reduce_only", "post_only", "tag")


def _decision(session: Told, sent: Sent, alone: bool, named: bool) -> tuple[object, ...]:
    """What is the same of the same decision; its moment by the event it followed, where events are known by name."""
    order = sent.order
    moment = session.seen.before(sent.decided_at) if named and session.seen is not None else None
    terms: Sequence[object] = [getattr(order, name) for name in (*_TERMS, *_MORE)]
    return ("" if alone else order.strategy, moment or sent.decided_at, order.parent_id is None, *terms)
