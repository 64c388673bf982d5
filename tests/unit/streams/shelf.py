"""An exchange on a shelf: REST is what was laid there, the socket is whoever holds its ear. No network, no threads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from onepath.clock import RealtimeClock
from onepath.instruments import Instrument
from onepath.market import Bar, MarketEvent, Quote, Trade
from onepath.streams.exchange import Ear, Page
from onepath.streams.inbox import Inbox
from onepath.streams.life import Connection, Stream
from onepath.streams.line import Line
from onepath.streams.wire import Depth

SECOND = 1_000_000_000
QUICK = Connection(
    stale_after=0.15,
    answer_within=0.1,
    pause=0.01,
    longest_pause=0.02,
    fill_within=0.15,
    reorder_within=0.01,
    failures=99,
)


class Shelf:
    """An Exchange."""

    name = "shelf"
    instruments: Mapping[str, Instrument] = {}

    def __init__(self, *, numbered: bool = True, flagged: bool = True) -> None:
        self.numbered, self.flagged = numbered, flagged
        self.there: dict[str, list[Any]] = {"trades": [], "bars": []}
        self.quotes: Quote | None = None
        self.books: list[Depth | None] = []
        self.through = -1
        self.page = 1_000
        self.fails: list[Exception] = []
        """what the next requests raise"""
        self.deaf = False
        """no request is answered"""
        self.asked = 0
        self.dials = 0
        self.refuses: list[Exception] = []
        """what the next dials raise"""
        self.ear: Ear
        self._ends: asyncio.Future[None]

    async def _ask(self) -> None:
        self.asked += 1
        await asyncio.sleep(3600 if self.deaf else 0)
        if self.fails:
            raise self.fails.pop(0)

    async def open(self) -> None:
        await self._ask()

    def connections(self) -> Sequence[Sequence[Stream]]:
        return [[("BTC", "trades")]]

    async def bars(self, symbol: str, first: int | None, most: int) -> Page:
        await self._ask()
        found = [bar for bar in self.there["bars"] if first is None or bar.start >= first]
        return Page(found[-most:] if first is None else found[:most], through=self.through)

    async def trades(self, symbol: str, after: int) -> Page:
        await self._ask()
        later = [t for t in self.there["trades"] if (t.id > after if self.numbered else t.venue_at >= after)]
        return Page(later[: self.page], more=len(later) > self.page if self.numbered else True)

    async def quote(self, symbol: str) -> Quote | None:
        await self._ask()
        return self.quotes

    async def book(self, symbol: str) -> Depth | None:
        await self._ask()
        return self.books.pop(0) if len(self.books) > 1 else self.books[0]

    async def listen(self, streams: Sequence[Stream], ear: Ear) -> None:
        self.dials += 1
        if self.refuses:
            raise self.refuses.pop(0)
        self.ear = ear
        self._ends = asyncio.get_running_loop().create_future()
        ear.connected()
        await self._ends

    def cut(self, error: Exception) -> None:
        """The socket ends."""
        self._ends.set_exception(error)

    async def close(self) -> None: ...


class Stage:
    """A line over a shelf, and what came out of it: `async with Stage(shelf, ("BTC", "trades")) as stage`."""

    def __init__(
        self,
        shelf: Shelf,
        *streams: Stream,
        terms: Connection = QUICK,
        after: Mapping[Stream, MarketEvent] | None = None,
        interval: int = SECOND,
    ) -> None:
        self.shelf = shelf
        self.inbox = Inbox(RealtimeClock(), 1_000)
        self.got: list[Any] = []
        self._made = streams, terms, after or {}, interval

    async def __aenter__(self) -> Stage:
        streams, terms, after, interval = self._made
        now = RealtimeClock().now()
        random = Random(1)  # noqa: S311 - jitter
        self.line = Line(
            self.shelf, streams, self.inbox, now, terms=terms, random=random, interval_ns=interval, after=after
        )
        self.line.begin()
        await self.until(lambda: self.shelf.dials > 0)
        await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.line.end()

    def taken(self) -> list[Any]:
        """Everything so far."""
        self.got += self.inbox.take(0)
        return self.got

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.taken() if type(event) is kind]

    async def until(self, done: Any, seconds: float = 3.0) -> None:
        ends = asyncio.get_running_loop().time() + seconds
        while not done():
            assert asyncio.get_running_loop().time() < ends, (self.taken(), self.line.health())
            await asyncio.sleep(0.005)


def trade(number: int, at: int = 0, size: float = 1.0) -> Trade:
    return Trade("BTC", 0, 100.0, size, 1, at or number, number)


def bar(second: int) -> Bar:
    return Bar("BTC", second * SECOND, 0, 1.0, 1.0, 1.0, 1.0, 1.0)


def quote(number: int, bid: float = 1.0) -> Quote:
    return Quote("BTC", 0, bid, bid + 1, 1.0, 1.0, 0, number)
