"""The venue's truth: what traded, what rests in the book, which candles that makes. Pure: time is an argument.

Rules: equal source and equal moments asked for, equal market; how finely it is asked does not matter, because an instant
is taken whole. Trades of one instant, price and side are one group (an `aggTrade`). What happens is handed out in time
order, each with its moment in nanoseconds. Until the market opens nothing is handed out, it is history.
Limits: the last one to two million trades of a symbol are held.
Cost: 4 us a trade with three candle lengths asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from onepath.localvenue.candles import Ladder
from onepath.localvenue.depth import Depth, Levels, Top
from onepath.localvenue.happenings import Levelled, Listing, Print, Quoted, Source, Timed
from onepath.localvenue.intervals import LENGTHS
from onepath.localvenue.surround import Surround
from onepath.localvenue.tape import Deal, Group, Tape

_MS = 1_000_000
_FINER = ("1h", "1m", "1s")


class Traded(NamedTuple):
    """A trade has happened."""

    symbol: str
    deal: Deal


class Grouped(NamedTuple):
    """A group of trades is complete."""

    symbol: str
    group: Group


class Moved(NamedTuple):
    """The book has changed: the levels set by change `number`, and the best after it."""

    symbol: str
    number: int
    at: int
    bids: Levels
    asks: Levels
    top: Top
    best: bool
    """the best price or size is another"""


News = Traded | Grouped | Moved


class Listed:
    """One symbol: its trades, its book, its candles."""

    def __init__(self, listing: Listing, seed: int, kept: int) -> None:
        self.listing = listing
        self.tape = Tape(kept)
        self.depth = Depth()
        self.ladders: dict[str, Ladder] = {name: Ladder(name) for name in _FINER}
        self.top = Top(0, 0, 0, 0)
        self.last: Deal | None = None
        self._surround = Surround(self.depth, listing.tick, listing.lot, seed)
        self._tuned = tuple(self.ladders.values())
        self.open_group = 0
        """number of the group that the instant may still add to; 0 none"""

    def trade(self, at: int, event: Print) -> Traded:
        ms, last = at // _MS, self.last
        joins = self.open_group and last is not None and last.price == event.price and last.bought == event.bought
        number = self.tape.add(ms, event.price, event.quantity, event.bought, not joins)
        for ladder in self._tuned:
            ladder.add(ms, number, event.price, event.quantity, event.bought)
        self.last = Deal(number, ms, event.price, event.quantity, event.bought)
        return Traded(self.listing.symbol, self.last)

    def quote(self, at: int, event: Quoted) -> Moved | None:
        return self._moved(at, self._surround.quote(event.bid, event.bid_size, event.ask, event.ask_size))

    def level(self, at: int, event: Levelled) -> Moved | None:
        bids, asks = list(event.bids), list(event.asks)
        if event.snapshot:
            there = {p for p, _ in bids}, {p for p, _ in asks}
            bids += [(p, 0) for p in self.depth.bids.prices if p not in there[0]]
            asks += [(p, 0) for p in self.depth.asks.prices if p not in there[1]]
        return self._moved(at, self.depth.change(bids, asks))

    def _moved(self, at: int, changed: tuple[Levels, Levels] | None) -> Moved | None:
        if changed is None:
            return None
        top, before = self.depth.top, self.top
        self.top = top
        return Moved(self.listing.symbol, self.depth.number, at // _MS, *changed, top, top != before)

    def ladder(self, interval: str) -> Ladder:
        """The candles of a length; from the first question on they are kept up to date."""
        if interval not in self.ladders:
            made, length = Ladder(interval), LENGTHS[interval]
            finer = next(name for name in _FINER if not length or length % LENGTHS[name] == 0)
            for candle in self.ladders[finer].held():
                made.merge(candle)
            self.ladders[interval] = made
            self._tuned = tuple(self.ladders.values())
        return self.ladders[interval]


class Market:
    """All symbols of the venue."""

    def __init__(self, source: Source, now: int, *, seed: int = 0, kept: int = 1_000_000) -> None:
        self.symbols: Mapping[str, Listed] = {
            symbol: Listed(listing, seed, kept) for symbol, listing in source.listings.items()
        }
        self._source: Iterator[Timed] = iter(source.play(now))
        self._next: Timed | None = next(self._source, None)
        for _ in self.until(now):
            pass

    @property
    def due(self) -> int | None:
        """When the next thing happens; None where the data have ended."""
        return None if self._next is None else self._next[0]

    def until(self, now: int) -> Iterator[tuple[int, News]]:
        """What happens up to and with `now`, in time order; it must be taken to the end."""
        open_groups: list[Listed] = []
        instant = 0
        while self._next is not None and self._next[0] <= now:
            at, event = self._next
            if at != instant and open_groups:
                yield from self._close(instant, open_groups)
            instant = at
            listed = self.symbols[event.symbol]
            if type(event) is Print:
                yield from self._trade(listed, at, event, open_groups)
            else:
                moved = listed.quote(at, event) if type(event) is Quoted else listed.level(at, event)  # type: ignore[arg-type]
                if moved is not None:
                    yield at, moved
            self._next = next(self._source, None)
        if open_groups:
            yield from self._close(instant, open_groups)

    def _trade(self, listed: Listed, at: int, event: Print, open_groups: list[Listed]) -> Iterator[tuple[int, News]]:
        before = listed.open_group
        traded = listed.trade(at, event)
        current = listed.tape.next_group - 1
        if before and current != before:
            yield at, Grouped(listed.listing.symbol, listed.tape.group(before))
        if not before:
            open_groups.append(listed)
        listed.open_group = current
        yield at, traded

    def _close(self, at: int, open_groups: list[Listed]) -> Iterator[tuple[int, News]]:
        """The instant is over: its groups are complete."""
        for listed in open_groups:
            yield at, Grouped(listed.listing.symbol, listed.tape.group(listed.open_group))
            listed.open_group = 0
        open_groups.clear()
