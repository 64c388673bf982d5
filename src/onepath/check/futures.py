"""Other futures for the same past: a feed that ends early, that goes on differently, or that begins later.

Rules: up to the cut every event is the feed's own; a scrambled future multiplies a symbol's prices by a random walk of 2 % an
event (one factor an event, so bars and quotes keep their shape) and shuffles nothing else; equal seeds, equal futures. What a
batch offers to features as columns is cut or scrambled with its events: there is no other way to the future.
Limits: order books are not scrambled, their levels hang together; of feeds that bring one only the early end is tried.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from onepath.feeds.over import Over
from onepath.market import Bar, MarketEvent, Quote, Trade
from onepath.ports import Batch, Feed, News

_FIELDS = ("open", "high", "low", "close", "volume")
_STEP = 0.02
AFTERWARDS = 4_096
"""events of a scrambled future: as much as a batch may show at once"""


class _Part:
    """Some events of a batch, with columns where they are bars alone."""

    def __init__(self, events: Sequence[MarketEvent], news: Sequence[News], *, columns: bool) -> None:
        self.size = len(events)
        self.news = news
        self._events = events
        self._columns = columns

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        following = [*(event.at for event in self._events[1:]), None]
        for event, at in zip(self._events, following, strict=False):
            yield event, event.at != at

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        if not self._columns:
            return None
        bars = [event for event in self._events if event.symbol == symbol]
        return {field: [float(getattr(bar, field)) for bar in bars] for field in _FIELDS} if bars else None


class _Changed(Over):
    """A feed over another; `batches` is what changes."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._bars = all(set(feed.kinds.get(symbol, ("bars",))) == {"bars"} for symbol in feed.instruments)

    def _part(self, events: Sequence[MarketEvent], batch: Batch, news: Sequence[News]) -> _Part:
        offered = self._bars and any(batch.columns(symbol) is not None for symbol in self.instruments)
        return _Part(events, news, columns=offered)


class Truncated(_Changed):
    """`feed` up to and including the instant `until`."""

    def __init__(self, feed: Feed, until: int) -> None:
        super().__init__(feed)
        self._until = until

    def batches(self) -> Iterator[Batch]:
        for batch in self._feed.batches():
            events = [event for event, _ in batch.events()]
            if not events or events[-1].at <= self._until:
                yield batch
                continue
            past = [event for event in events if event.at <= self._until]
            yield self._part(past, batch, [item for item in batch.news if item.at <= self._until])
            return


class Scrambled(_Changed):
    """`feed` up to and including the instant `after`, and then something else, for `AFTERWARDS` events."""

    def __init__(self, feed: Feed, after: int, seed: int) -> None:
        super().__init__(feed)
        self._after = after
        self._seed = seed

    def batches(self) -> Iterator[Batch]:
        walks = {symbol: _walk(f"{self._seed}:{symbol}") for symbol in self.instruments}
        left = AFTERWARDS
        for batch in self._feed.batches():
            events = [event for event, _ in batch.events()]
            if not events or events[-1].at <= self._after:
                yield batch
                continue
            later = sum(event.at > self._after for event in events)
            changed = [e if e.at <= self._after else _scaled(e, next(walks[e.symbol])) for e in events]
            yield self._part(changed, batch, batch.news)
            left -= later
            if left <= 0:
                return


class Later(_Changed):
    """`feed` from the instant `since` on, as if there had been nothing before."""

    def __init__(self, feed: Feed, since: int) -> None:
        super().__init__(feed)
        self._since = since

    def batches(self) -> Iterator[Batch]:
        for batch in self._feed.batches():
            events = [event for event, _ in batch.events() if event.at >= self._since]
            if len(events) == batch.size:
                yield batch
            elif events:
                yield self._part(events, batch, [item for item in batch.news if item.at >= self._since])


def can_be_scrambled(feed: Feed) -> bool:
    """Whether every kind of event it brings can be."""
    return not any("book" in kinds for kinds in feed.kinds.values())


def _walk(seed: str) -> Iterator[float]:
    chance = random.Random(seed)  # noqa: S311 - a test, not a secret
    factor = 1.0
    while True:
        factor *= math.exp(chance.gauss(0.0, _STEP))
        yield factor


def _scaled(event: MarketEvent, factor: float) -> MarketEvent:
    if isinstance(event, Bar):
        prices = {field: getattr(event, field) * factor for field in _FIELDS[:4]}
        return replace(event, **prices)
    if isinstance(event, Quote):
        return replace(event, bid=event.bid * factor, ask=event.ask * factor)
    if isinstance(event, Trade):
        return replace(event, price=event.price * factor)
    return event
