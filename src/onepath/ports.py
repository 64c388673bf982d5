"""What the loop needs of the world: a feed, a venue, a journal, a clock. One page, so that it stays small.

Rules: an implementation imports words and this page, never a sibling. Whatever stands behind a port, the loop is the
same; the contract tests in `tests/contract` run on every implementation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from types import CodeType
from typing import Any, NamedTuple, Protocol

from onepath.actions import CorporateAction
from onepath.events import DataStatus, TimePassed, VenueReport
from onepath.instruments import Instrument
from onepath.market import Bar, MarketEvent
from onepath.orders import Approved, Order

NEVER = 2**63 - 1
"""a moment that does not come"""


News = CorporateAction | DataStatus | TimePassed
"""what a feed has to tell beside market events"""


class Clock(Protocol):
    """Where time comes from. Nanoseconds since the Unix epoch, UTC."""

    def now(self) -> int: ...

    def wait_until(self, at: int) -> None:
        """Return when `at` has come; a clock at full speed returns at once."""


class Batch(Protocol):
    """Market events that have arrived, in order. History hands over thousands, a live feed what is there."""

    size: int

    news: Sequence[News]
    """what happens before the first event of the batch, in time order: to holdings, to the feed itself, or only that time has
    passed; a feed that has some starts a new batch with it, which may have no events"""

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        """Each event, and whether it is the last of its instant."""

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        """One symbol's prices in this batch by field name, for features over history; None where there are none."""


class Feed(Protocol):
    """Where market data comes from. History ends; live blocks."""

    instruments: Mapping[str, Instrument]
    """the symbols that can occur, in feed order"""

    total: int | None
    """events to come in all; None where nobody can know"""

    volumes: Collection[str]
    """the symbols whose bars report a volume: of these, a bar without volume is one in which nobody traded"""

    kinds: Mapping[str, Collection[str]]
    """what each symbol brings: bars, quotes, trades, book; a symbol that is left out brings bars"""

    def describe(self) -> Mapping[str, Any]:
        """For the manifest: source, symbols, interval_ns, first_at, last_at, events."""

    def batches(self) -> Iterator[Batch]:
        """The data, in time order. Raises DataError at the first event that is out of order or not a price."""

    def fingerprint(self) -> str:
        """Hash of the data handed out so far: equal data, equal hash, whatever the file format or batch size."""


class Source(Protocol):
    """A venue's live market data, as it arrives."""

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The symbols that were asked for."""

    @property
    def kinds(self) -> Mapping[str, Collection[str]]:
        """What each symbol brings, as a feed has it."""

    @property
    def volumes(self) -> Collection[str]:
        """The symbols whose bars report a volume."""

    def describe(self) -> Mapping[str, Any]:
        """For the manifest: source, symbols, interval_ns."""

    def history(self, bars: int) -> Sequence[Bar]:
        """The last closed bars of every symbol, in time order."""

    def start(self, after: Mapping[tuple[str, str], MarketEvent], since: int = 0) -> None:
        """Connect. `after` is the last known event by (symbol, kind): what has come since is fetched. With `since` all streams
        are taken to be stale since then, and each is said to have recovered when what it missed has been handed over."""

    def take(self, seconds: float) -> Sequence[MarketEvent | DataStatus]:
        """What has arrived, in order; waits at most so long where there is nothing."""

    def wake(self) -> None:
        """Let `take` return at once; from any thread."""

    def stop(self) -> None:
        """Disconnect."""

    def health(self) -> Mapping[str, Any]:
        """For windows: by stream when it was heard last, its state and counts; the queue's depth."""


class Venue(Protocol):
    """Who executes. Never blocks; what it has to say comes back as reports, when they have arrived."""

    @property
    def working(self) -> Collection[str]:
        """Symbols whose next market event the venue may have to see: one live object, false while it is empty."""

    @property
    def due(self) -> int:
        """When it next has something to say or to do by itself, whatever the market does; `NEVER` if not. Order and report
        latency, expiry dates and interest make it so."""

    def touches(self, event: MarketEvent) -> bool:
        """Whether `match` has to see this event; cheap, because it is asked for every event while orders are at work."""

    def submit(self, approved: Approved, at: int) -> Sequence[VenueReport]: ...

    def replace(self, approved: Approved, at: int) -> Sequence[VenueReport]:
        """Work the order of this id under these terms; a fill may come first."""

    def cancel(self, order_id: int, at: int) -> Sequence[VenueReport]: ...

    def match(self, events: Sequence[MarketEvent]) -> Sequence[VenueReport]:
        """What an instant's events do to the orders at work. Called before any strategy sees one of them."""

    def advance(self, at: int) -> Sequence[VenueReport]:
        """What it has to say by `at`, its own `due` included. Called before the market events of `at`."""

    def act(self, action: CorporateAction) -> Sequence[VenueReport]:
        """A corporate action took effect: orders at work are restated or ended, its own books adjusted."""

    def open_orders(self) -> Sequence[Order]: ...

    def positions(self) -> Mapping[tuple[str, str], Decimal]:
        """The venue's own books: signed quantity by (strategy, symbol), flat ones left out."""

    def cash(self) -> Mapping[str, Decimal]:
        """The venue's own books: cash by strategy, in the account's currency."""


class Row(NamedTuple):
    """One line of a journal; `body` is JSON."""

    seq: int
    at: int
    kind: str
    strategy: str | None
    cause: int | None
    body: bytes


class Journal(Protocol):
    """The record: append only, dense sequence, read back in order."""

    session_id: str

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        """Record `event` and return its sequence, from 1 on without holes. Raises JournalError."""

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        """All rows in order, or those of the given kinds."""

    def flush(self) -> None:
        """Make durable what was appended."""

    def close(self) -> None: ...


class Watch(Protocol):
    """Who sees to it that a strategy's call comes to an end. The caller writes `since` before and None after each call."""

    since: float | None
    """when the call that is running began; None: none is"""
    over: float | None
    """the beginning of the call that was found to have run for too long"""
    who: str
    """whose call it is"""
    budget: float
    """seconds that a call may take"""
    spares: set[CodeType]
    """code in which no call may be broken off: the caller's own"""

    def settle(self) -> None:
        """The call has come back, and `over` is set: when this returns, or raises OverrunError, no interruption is on its way."""

    def leave(self) -> None:
        """The call was broken off: when this returns, no other interruption is on its way."""
