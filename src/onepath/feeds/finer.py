"""Finer bars of the same symbols: they tell the path inside a bar.

What a coarse bar leaves open (which of two exits came first, what a target saw after its entry, whether an order that arrived
inside the bar still traded in it) is decided by finer bars where there are any: the venue matches them, one after the other, in
place of the bar. The strategy sees the coarse bars alone and hears of fills when the bar is over.

Rules: finer bars count where they lie wholly within the bar; a bar without any is its own path. They have to be of the same
prices: a finer bar that leaves the range of its bar by more than `TOLERANCE` is a DataError, because one of the two is adjusted.
Cost: read once, in step with the coarse bars; what has passed is dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from onepath.errors import DataError
from onepath.market import Bar
from onepath.ports import Feed

TOLERANCE = 0.01
"""share of the price by which sources of one market may differ in a bar's range"""


class FinerBars:
    """Where finer bars come from; `opened` begins to read them anew, once a run."""

    def __init__(self, feed: Feed) -> None:
        self.symbols = frozenset(feed.instruments)
        self.volumes = frozenset(feed.volumes)
        """the symbols whose finer bars report a volume"""
        self._feed = feed

    def opened(self) -> FinerReader:
        """The bars from the beginning."""
        return FinerReader(self._feed)


class FinerReader:
    """Finer bars in step with the coarse ones."""

    def __init__(self, feed: Feed) -> None:
        self._coming = _bars(feed)
        self._next = next(self._coming, None)
        self._kept: dict[str, deque[Bar]] = {}
        self._span = 0

    def within(self, bar: Bar) -> Sequence[Bar]:
        """The finer bars of one bar, in time order; none where there are none. Asked in time order.

        Raises DataError where they cannot be of the same market.
        """
        self._span = max(self._span, bar.at - bar.start)
        while self._next is not None and self._next.at <= bar.at:
            self._keep(self._next, bar.at - self._span)
            self._next = next(self._coming, None)
        kept = self._kept.get(bar.symbol)
        found: list[Bar] = []
        while kept and kept[0].at <= bar.at:
            piece = kept.popleft()
            if piece.start >= bar.start:
                _check(piece, bar)
                found.append(piece)
        return found

    def _keep(self, piece: Bar, since: int) -> None:
        """Nobody may ever ask for a symbol: what ended before `since` goes."""
        kept = self._kept.setdefault(piece.symbol, deque())
        while kept and kept[0].at <= since:
            kept.popleft()
        kept.append(piece)


def _bars(feed: Feed) -> Iterator[Bar]:
    for batch in feed.batches():
        for event, _ in batch.events():
            if type(event) is Bar:
                yield event


def _check(piece: Bar, bar: Bar) -> None:
    if piece.high > bar.high * (1 + TOLERANCE) or piece.low < bar.low * (1 - TOLERANCE):
        raise DataError(
            f"a finer bar of {bar.symbol} goes from {piece.low:g} to {piece.high:g} and the bar it lies in from {bar.low:g} to "
            f"{bar.high:g}: they are not of the same prices; are both adjusted for splits and dividends, or neither?"
        )
