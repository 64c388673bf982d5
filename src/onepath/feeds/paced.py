"""A feed slowed down to a clock: one instant at a time, when the clock says it has come.

Rules: nothing is reordered; an instant is never split. Limits: features are stepped event by event, as they would be live.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from onepath.feeds.over import Over
from onepath.market import MarketEvent
from onepath.ports import Batch, Clock, Feed, News


class Instant:
    """The events of one instant, as a batch."""

    def __init__(self, events: Sequence[MarketEvent], news: Sequence[News] = ()) -> None:
        self.news = news
        self.size = len(events)
        self._events = events

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        for event in self._events[:-1]:
            yield event, False
        if self._events:
            yield self._events[-1], True

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        return None


class Paced(Over):
    """`feed`, at the pace of `clock`."""

    def __init__(self, feed: Feed, clock: Clock) -> None:
        super().__init__(feed)
        self._clock = clock

    def batches(self) -> Iterator[Batch]:
        for batch in self._feed.batches():
            instant: list[MarketEvent] = []
            news = batch.news
            if news and not batch.size:
                self._clock.wait_until(news[-1].at)
                yield Instant((), news)
            for event, last in batch.events():
                instant.append(event)
                if last:
                    self._clock.wait_until(event.at)
                    yield Instant(instant, news)
                    instant, news = [], ()
