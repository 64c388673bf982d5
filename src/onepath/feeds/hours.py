"""A feed that leaves out what happens while the market is closed.

Rules: an event belongs to the session that its bar starts in; symbols follow their own calendars. What is left out is not
counted. Limits: features are stepped event by event, over what is let through.
Cost: one pass over the data beforehand, to count what is let through, so that progress is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from onepath import calendars
from onepath.feeds.over import Over
from onepath.market import Bar, MarketEvent
from onepath.ports import Batch, Feed, News


class _Kept:
    """What is left of a batch."""

    def __init__(self, events: Sequence[MarketEvent], news: Sequence[News]) -> None:
        self.news = news
        self.size = len(events)
        self._events = events

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        following = [event.at for event in self._events[1:]]
        for event, at in zip(self._events, [*following, None], strict=False):
            yield event, event.at != at

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        return None


class OpenHours(Over):
    """`feed` within the sessions of its instruments' calendars."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._open = {s: calendars.get(i.calendar).is_open for s, i in feed.instruments.items()}
        self.total = None if feed.total is None else sum(batch.size for batch in self.batches())

    def batches(self) -> Iterator[Batch]:
        for batch in self._feed.batches():
            yield _Kept([event for event, _ in batch.events() if self._is_open(event)], batch.news)

    def _is_open(self, event: MarketEvent) -> bool:
        return self._open[event.symbol](event.start if isinstance(event, Bar) else event.at)
