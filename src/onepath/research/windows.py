"""Parts of the data in time: what a trial of walk-forward sees.

Rules: a bar belongs to the part in which it ends, so that nothing that ends after a moment is known before it. What comes before
a part to warm it up is shown as a live session shows history: features and strategies hear it, nobody is asked for orders.
The arrays are the same memory, no copy.
Limits: bars only; finer bars inside them are refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from onepath.errors import ConfigError
from onepath.events import DataState, DataStatus
from onepath.feeds.actions import WithActions
from onepath.feeds.columns import ColumnFeed
from onepath.instruments import Instrument
from onepath.market import MarketEvent
from onepath.ports import Batch, Feed, News
from onepath.research.subject import Window


class Said:
    """A batch without events: what the feed says of itself."""

    size = 0

    def __init__(self, news: Sequence[News]) -> None:
        self.news = news

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        return iter(())

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        return None


class Rehearsed:
    """Bars before a moment as history, those after it as live."""

    def __init__(self, before: ColumnFeed, after: ColumnFeed, start: int) -> None:
        self.instruments: Mapping[str, Instrument] = after.instruments
        self.volumes: Collection[str] = frozenset(before.volumes) | frozenset(after.volumes)
        self.kinds: Mapping[str, Collection[str]] = {}
        self.total: int | None = (before.total or 0) + (after.total or 0)
        self._before = before
        self._after = after
        self._start = start

    def batches(self) -> Iterator[Batch]:
        if self._before.total:
            first = int(self._before.describe()["first_at"])
            yield Said([DataStatus(at=first, state=DataState.HISTORY)])
            yield from self._before.batches()
            yield Said([DataStatus(at=self._start, state=DataState.LIVE)])
        yield from self._after.batches()

    def describe(self) -> dict[str, Any]:
        before, after = self._before.describe(), self._after.describe()
        firsts = [found["first_at"] for found in (before, after) if found["first_at"] is not None]
        return after | {"first_at": min(firsts, default=None), "events": self.total}

    def fingerprint(self) -> str:
        return self._before.fingerprint() + self._after.fingerprint()


def columns_of(feed: Any) -> ColumnFeed:
    """The bars inside a feed. Raises ConfigError where there are none in memory."""
    inner = feed._feed if isinstance(feed, WithActions) else feed
    if not isinstance(inner, ColumnFeed):
        raise ConfigError(
            "walk-forward needs bars in memory: not ticks, not more than 20 million bars, market_hours_only and speed left out"
        )
    return inner


def cut(feed: Any, window: Window) -> Feed:
    """The part of a feed that `window` says."""
    bars = columns_of(feed)
    before, after = between(bars, window.warm, window.start), between(bars, window.start, window.end)
    part = Rehearsed(before, after, window.start)
    if not isinstance(feed, WithActions):
        return part
    return WithActions(part, [a for a in feed.actions if a.at > window.warm], window.end)


def between(feed: ColumnFeed, first: int, last: int) -> ColumnFeed:
    """The bars that end after `first` and not after `last`."""
    import numpy as np

    columns = {}
    for symbol, own in feed.columns.items():
        begin, stop = (int(np.searchsorted(own["at"], moment, side="right")) for moment in (first, last))
        columns[symbol] = {name: column[begin : max(begin, stop)] for name, column in own.items()}
    origin = {key: value for key, value in feed.describe().items() if key not in ("first_at", "last_at", "events")}
    return ColumnFeed(columns, feed.instruments, interval_ns=feed.interval_ns, calendar=feed.calendar, origin=origin)
