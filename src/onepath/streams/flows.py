"""One stream each: what comes in, kept whole by its keeper; what is missing, fetched by REST; whether silence is the market's.

Rules: `hear` takes a message and hands on what may go; `fill` asks REST once and says whether nothing is missing any more;
`quiet` whether REST has nothing that the stream has not brought; `give_up` goes on without what cannot be had.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from onepath.book import Book
from onepath.errors import DataError
from onepath.market import Bar, MarketEvent, Quote, Trade
from onepath.streams.continuity import Bars, Quotes, Trades, UnnumberedTrades, behind
from onepath.streams.exchange import Exchange, stamp
from onepath.streams.life import Connection, Stream
from onepath.streams.wire import Depth

PAGE = 1_000
_log = logging.getLogger("onepath.streams")
Put = Callable[[Any], None]


class Flow(ABC):
    """What all kinds share: counts, and handing on."""

    def __init__(self, stream: Stream, exchange: Exchange, terms: Connection, put: Put) -> None:
        self.stream = stream
        self.symbol, self.kind = stream
        self.state = "waiting"
        self.last_at = 0
        """when it was heard last"""
        self.events = self.gaps = self.filled = 0
        self._before = 0
        self.progress = 0
        """grows with every request that brought something"""
        self._exchange = exchange
        self._terms = terms
        self._put = put

    missing: str | None
    """what is missing, in words; None where nothing is"""
    missed = 0
    told = 0
    """how many of those missed the session was told of"""
    duplicates = 0

    def dropped(self) -> None:  # noqa: B027 - most have nothing to do
        """The connection is gone."""

    def dialled(self) -> None:  # noqa: B027 - most have nothing to do
        """A new connection stands."""

    @abstractmethod
    async def fill(self, *, fully: bool) -> bool:
        """Ask REST once. `fully`: as long as there may be more, too."""

    @abstractmethod
    async def quiet(self) -> bool:
        """Whether REST has nothing that the stream has not brought."""

    def give_up(self, *, unlikely: bool) -> None:  # noqa: B027 - a newer one makes up for it
        """`unlikely`: the venue answers, and does not know of what is missing."""

    def _nothing_behind(self, known: int, newest: int) -> bool:
        """Whether the venue's `newest` is what is `known`. Where nothing has come yet, only what is newer than at the first
        question is news: what was there before is history, and what comes after a loss is fetched from there."""
        self._before = self._before or newest
        return newest <= (known or self._before)

    def health(self) -> Mapping[str, Any]:
        return {
            "state": self.state,
            "last_at": self.last_at,
            "events": self.events,
            "gaps": self.gaps,
            "filled": self.filled,
            "missed": self.missed,
            "duplicates": self.duplicates,
        }

    def _hand_on(self, events: Iterable[MarketEvent], filled: int = 0) -> None:
        for event in events:
            self._put(event)
            self.events += 1
        self.filled += filled
        self.progress += filled


class TradesFlow(Flow):
    """Numbered trades."""

    def __init__(self, stream: Stream, exchange: Exchange, terms: Connection, put: Put, last: Any = None) -> None:
        super().__init__(stream, exchange, terms, put)
        self.kept = Trades(terms.held, last.id if type(last) is Trade else 0)

    def hear(self, trade: Trade) -> bool:
        """False where it is a repetition, which says nothing of the market."""
        before = self.kept.duplicates
        for released in self.kept.take(trade):
            self._put(released)
            self.events += 1
        return self.kept.duplicates == before

    def dropped(self) -> None:
        self.kept.last = self.kept.last or self._before

    @property
    def missing(self) -> str | None:  # type: ignore[override]
        gap = self.kept.gap if self.kept.held else None
        return None if gap is None else f"numbers {gap[0]} to {gap[1]}"

    @property
    def missed(self) -> int:  # type: ignore[override]
        return self.kept.missed

    @property
    def duplicates(self) -> int:  # type: ignore[override]
        return self.kept.duplicates

    async def fill(self, *, fully: bool) -> bool:
        kept = self.kept
        if not kept.last:
            return True
        page = await self._exchange.trades(self.symbol, kept.last)
        fetched = {trade.id for trade in page.events} - kept.held.keys()
        released = kept.fill(page.events)
        self._hand_on(released, sum(trade.id in fetched for trade in released))
        gap = kept.gap
        if gap is None:
            return not (fully and page.more and released)
        if page.events and page.events[-1].id > gap[1]:
            self._hand_on(kept.give_up())  # the venue itself does not have them
        return kept.gap is None

    async def quiet(self) -> bool:
        page = await self._exchange.trades(self.symbol, self.kept.last)
        return self._nothing_behind(self.kept.last, max((trade.id for trade in page.events), default=0))

    def give_up(self, *, unlikely: bool) -> None:
        if unlikely and self.kept.held:
            self.kept.disown()
        else:
            self._hand_on(self.kept.give_up())


class UnnumberedTradesFlow(Flow):
    """Trades that cannot be missed by number."""

    missing = None

    def __init__(self, stream: Stream, exchange: Exchange, terms: Connection, put: Put, last: Any = None) -> None:
        super().__init__(stream, exchange, terms, put)
        self.kept = UnnumberedTrades(terms.held, last if type(last) is Trade else None)
        self._pages: list[Trade] = []
        self._since = 0

    @property
    def duplicates(self) -> int:  # type: ignore[override]
        return self.kept.duplicates

    def hear(self, trade: Trade) -> bool:
        for released in self.kept.take(trade):
            self._put(released)
            self.events += 1
        return True

    def dropped(self) -> None:
        self._pages.clear()
        self._since = 0
        if self.kept.newest:
            self.kept.hold()

    async def fill(self, *, fully: bool) -> bool:
        """One page more; what was fetched and what came meanwhile go on together, when there is no more."""
        kept = self.kept
        since = self._since or kept.newest
        if not since:
            return True
        page = await self._exchange.trades(self.symbol, since)
        self._pages += behind(self._pages, page.events, since)
        newest = max((trade.venue_at for trade in page.events), default=since)
        caught_up = newest > kept.meanwhile or newest <= since
        if page.more and not caught_up and len(self._pages) < self._terms.fill_most:
            self._since = newest
            self.progress += 1
            return False
        self._release()
        return True

    def _release(self) -> None:
        repeated, fetched = self.kept.duplicates, len(self._pages)
        released = self.kept.fill(self._pages)
        self._pages, self._since = [], 0
        self._hand_on(released, max(0, fetched - (self.kept.duplicates - repeated)))

    async def quiet(self) -> bool:
        page = await self._exchange.trades(self.symbol, self.kept.newest)
        return self._nothing_behind(self.kept.newest, max((trade.venue_at for trade in page.events), default=0))

    def give_up(self, *, unlikely: bool) -> None:
        self._release()


class BarsFlow(Flow):
    """Closed bars."""

    def __init__(
        self, stream: Stream, exchange: Exchange, terms: Connection, put: Put, last: Any, interval_ns: int
    ) -> None:
        super().__init__(stream, exchange, terms, put)
        self.kept = Bars(interval_ns, terms.held, last.start if type(last) is Bar else None)

    def dropped(self) -> None:
        self.kept.last = self.kept.last or self._before or None

    @property
    def missing(self) -> str | None:  # type: ignore[override]
        gap = self.kept.gap
        return None if gap is None else f"those that begin from {gap[0]} to {gap[1]}"

    @property
    def missed(self) -> int:  # type: ignore[override]
        return self.kept.missed

    @property
    def duplicates(self) -> int:  # type: ignore[override]
        return self.kept.duplicates

    def hear(self, bar: Bar, *, closed: bool) -> None:
        if closed:
            self._hand_on(self.kept.take(bar))
        else:
            self.kept.began(bar.start)

    async def fill(self, *, fully: bool) -> bool:
        kept = self.kept
        if kept.last is None:
            return True
        page = await self._exchange.bars(self.symbol, kept.last + kept.interval, PAGE)
        fetched = {bar.start for bar in page.events}
        released = kept.fill(page.events, page.through)
        self._hand_on(released, sum(bar.start in fetched for bar in released))
        return kept.gap is None and not (fully and page.more and released)

    async def quiet(self) -> bool:
        page = await self._exchange.bars(self.symbol, None, 2)
        return self._nothing_behind(self.kept.last or 0, max((bar.start for bar in page.events), default=0))

    def give_up(self, *, unlikely: bool) -> None:
        if unlikely and self.kept.gap:
            self.kept.disown()
        else:
            self._hand_on(self.kept.give_up())


class QuotesFlow(Flow):
    """Quotes: only the newest counts."""

    missing = None

    def __init__(self, stream: Stream, exchange: Exchange, terms: Connection, put: Put, last: Any = None) -> None:
        super().__init__(stream, exchange, terms, put)
        self.kept = Quotes()
        self._last: Quote | None = None
        self._known = type(last) is Quote

    @property
    def duplicates(self) -> int:  # type: ignore[override]
        return self.kept.duplicates

    def hear(self, quote: Quote) -> bool:
        taken = self.kept.take(quote)
        if taken:
            self._last = quote
            self._hand_on(taken)
        return bool(taken)

    def dialled(self) -> None:
        self.kept.restart()

    async def fill(self, *, fully: bool) -> bool:
        events = self.events
        if events or self._known:
            quote = await self._exchange.quote(self.symbol)
            if quote is not None and self.events == events:  # else a newer one has come meanwhile
                self._last = quote
                self._hand_on([quote], 1)
        return True

    async def quiet(self) -> bool:
        quote = await self._exchange.quote(self.symbol)
        last = self._last = self._last or quote  # where none has come yet, a change from now on is news
        return quote is None or last is None or (quote.bid, quote.ask) == (last.bid, last.ask)


class BookFlow(Flow):
    """A book: a snapshot and the changes behind it, or snapshots only."""

    def __init__(self, stream: Stream, exchange: Exchange, terms: Connection, put: Put, last: Any = None) -> None:
        super().__init__(stream, exchange, terms, put)
        self.kept = Book(self.symbol)
        self._waiting: list[Depth] | None = []
        """changes that wait for a snapshot; None: it is there"""

    @property
    def missing(self) -> str | None:  # type: ignore[override]
        return None if self._waiting is None else f"changes behind {self.kept.last_id}"

    def hear(self, depth: Depth) -> None:
        if self._waiting is None or depth.snapshot:
            if self._apply(depth):
                self._waiting = None if depth.snapshot else self._waiting
                return
            self._waiting = []
        if not depth.snapshot:
            self._waiting.append(depth)
            del self._waiting[: -self._terms.held]

    def dropped(self) -> None:
        self._waiting = []

    async def fill(self, *, fully: bool) -> bool:
        events = self.events
        depth = await self._exchange.book(self.symbol)
        if depth is None or (not depth.last_id and self.events != events):  # whole books have come meanwhile
            self._waiting = None
            return True
        waiting = self._waiting or []
        if not self._apply(depth):
            return False
        self.filled += 1
        for number, change in enumerate(waiting):
            if not self._apply(change):
                self._waiting = waiting[number:]
                return False
        self._waiting = None
        return True

    async def quiet(self) -> bool:
        book = await self._exchange.book(self.symbol)
        if book is None:
            return True
        return book.last_id <= self.kept.last_id if book.last_id else book.bids[:1] == self.kept.levels(1, 1)

    def _apply(self, depth: Depth) -> bool:
        """Take a message into the book and hand it on; False where it does not fit."""
        try:
            update = self.kept.update(
                0,
                depth.bids,
                depth.asks,
                first_id=depth.first_id,
                last_id=depth.last_id,
                previous_id=depth.previous_id,
                snapshot=depth.snapshot,
            )
        except DataError as error:
            _log.info("%s: the book begins again: %s", self._exchange.name, error)
            return False
        if update is not None:
            stamp(update, "venue_at", depth.venue_at)
            self._hand_on([update])
        return True


def flow(
    stream: Stream, exchange: Exchange, terms: Connection, put: Put, last: MarketEvent | None, interval_ns: int
) -> Flow:
    """The flow of a stream; `last` is the last event that is known of it."""
    kind = stream[1]
    if kind == "trades":
        return (TradesFlow if exchange.numbered else UnnumberedTradesFlow)(stream, exchange, terms, put, last)
    if kind == "bars":
        return BarsFlow(stream, exchange, terms, put, last, interval_ns)
    return (QuotesFlow if kind == "quotes" else BookFlow)(stream, exchange, terms, put, last)
