"""What an adapter brings, and who listens to it: the two sides of the driver, as protocols.

Rules: an adapter turns one exchange's REST and sockets into our words, and raises VenueError for whatever the exchange does
wrong; it holds nothing back, orders nothing and repeats nothing. Events have `at` 0 and the session's own symbols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from onepath.errors import DataError
from onepath.instruments import Instrument
from onepath.market import Bar, Quote, Trade
from onepath.streams.life import SECOND, Stream
from onepath.streams.wire import Depth

LATE = 5 * SECOND
"""how late an exchange may publish a bar: one that it lacks after that had no trades"""
stamp = msgspec.structs.force_setattr
"""sets a field of an event that nobody else has seen yet"""


class VenueError(DataError):
    """An exchange did not do what it was asked, or dropped the connection. `retry_after`: seconds it wants to be left
    alone; `planned`: it had announced it."""

    def __init__(self, reason: str, *, retry_after: float = 0.0, planned: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.planned = planned


class Page(NamedTuple):
    """What REST knows of a stream: `events`, oldest first; `more` where another page may be behind it; for bars, the start
    `through` which the answer is complete."""

    events: Sequence[Any]
    more: bool = False
    through: int = -1


class Ear(Protocol):
    """Who listens to a connection; on the thread of the sockets."""

    @property
    def crowded(self) -> bool:
        """The session is far behind: await `room` before reading on."""

    def connected(self) -> None:
        """The venue has taken the subscriptions; may be called again."""

    def trade(self, trade: Trade) -> None: ...
    def bar(self, bar: Bar, *, closed: bool) -> None: ...
    def quote(self, quote: Quote) -> None: ...
    def depth(self, depth: Depth) -> None: ...
    def bad(self, error: Exception) -> None:
        """A message could not be read."""

    async def room(self) -> None:
        """Returns when there is room again."""


class Exchange(Protocol):
    """One exchange. See the module."""

    name: str
    numbered: bool
    """trades are numbered without holes"""
    flagged: bool
    """bars that stream say whether they are closed"""
    instruments: Mapping[str, Instrument]

    async def open(self) -> None:
        """Load what is known of the symbols. Raises ConfigError for those that are not."""

    def connections(self) -> Sequence[Sequence[Stream]]:
        """Which streams share a connection."""

    async def bars(self, symbol: str, first: int | None, most: int) -> Page:
        """Closed bars from the start `first` on; None: the last ones."""

    async def trades(self, symbol: str, after: int) -> Page:
        """Trades behind number `after` (unnumbered: from the venue's time `after` on)."""

    async def quote(self, symbol: str) -> Quote | None:
        """The quote as it stands; None where it cannot be had."""

    async def book(self, symbol: str) -> Depth | None:
        """The book as it stands; None where it cannot be had."""

    async def listen(self, streams: Sequence[Stream], ear: Ear) -> None:
        """Dial, subscribe, and read until the connection is lost: always raises."""

    async def close(self) -> None: ...
