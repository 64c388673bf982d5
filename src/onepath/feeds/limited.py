"""A feed cut off after so many events, for replaying a session that was stopped.

Rules: nothing is reordered; the cut may fall inside an instant, as the stop did. Of a session that ran to its end, corporate
actions after the last event belong to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from onepath.feeds.over import Over
from onepath.market import MarketEvent
from onepath.ports import Batch, Feed


class _Front:
    """The first events of a batch; features were computed over all of it, and no one sees the rest."""

    def __init__(self, batch: Batch, size: int) -> None:
        self.size = size
        self.news = batch.news
        self._batch = batch

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        return islice(self._batch.events(), self.size)

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        return self._batch.columns(symbol)


class Limited(Over):
    """The first `events` events of `feed`."""

    def __init__(self, feed: Feed, events: int, *, whole: bool = False) -> None:
        """`whole`: the session was not stopped."""
        super().__init__(feed)
        self.total = events
        self._whole = whole

    def batches(self) -> Iterator[Batch]:
        left = self.total or 0
        for batch in self._feed.batches():
            if left <= 0 and not (self._whole and batch.size == 0):
                return
            yield batch if batch.size <= left else _Front(batch, left)
            left -= batch.size
