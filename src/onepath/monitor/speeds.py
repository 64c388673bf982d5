"""How long things take: a histogram over the last minute, cheap to write and exact enough to read.

Rules: buckets grow by a tenth, from a microsecond to a hundred seconds; a percentile is the upper end of its bucket, so it is
never told too low and at most 10 % too high; the longest is exact. One thread notes, another reads and turns the page each
second.
Limits: a figure that is noted while the page is turned may count for the second before.
Cost: 0.15 us a note.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable

import msgspec

_FIRST, _GROWTH, _BUCKETS = 1_000.0, 1.1, 194
BOUNDS = tuple(round(_FIRST * _GROWTH**n) for n in range(_BUCKETS))
"""upper ends of the buckets, in nanoseconds: whole numbers, because to compare those with others is four times as slow"""
SECONDS = 60
"""how far back it is looked"""


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Durations of the last minute, in microseconds; `count` of them. Nothing is known where there were none."""

    count: int = 0
    p50_us: float | None = None
    p99_us: float | None = None
    max_us: float | None = None


class _Page:
    """The durations of one second."""

    __slots__ = ("counts", "longest")

    def __init__(self) -> None:
        self.counts = [0] * (_BUCKETS + 1)
        self.longest = 0


class Sliding:
    """Durations of the last `SECONDS` seconds."""

    def __init__(self) -> None:
        self._pages: deque[_Page] = deque([_Page()], maxlen=SECONDS)
        self._page = self._pages[-1]
        self.total = 0
        """how many there were since the beginning"""
        self.sum = 0
        """of all of them, in nanoseconds"""

    def note(self, nanoseconds: int) -> None:
        """It took so long; less than nothing (a clock was set) counts as nothing."""
        page = self._page
        page.counts[bisect_left(BOUNDS, nanoseconds)] += 1
        page.longest = max(page.longest, nanoseconds)
        self.total += 1
        self.sum += max(nanoseconds, 0)

    def turn(self) -> None:
        """A second has passed."""
        self._page = page = _Page()
        self._pages.append(page)

    def speed(self) -> Speed:
        """The figures of the last minute."""
        pages = list(self._pages)
        counts = [sum(column) for column in zip(*(page.counts for page in pages), strict=True)]
        longest = max(page.longest for page in pages)
        total = sum(counts)
        if not total:
            return Speed()
        return Speed(
            count=total,
            p50_us=_at(counts, total, 0.50, longest),
            p99_us=_at(counts, total, 0.99, longest),
            max_us=longest / 1e3,
        )


def _at(counts: Iterable[int], total: int, share: float, longest: int) -> float:
    """The upper end of the bucket in which the given share of all is reached."""
    left = share * total
    for count, bound in zip(counts, (*BOUNDS, longest), strict=True):
        left -= count
        if left <= 0:
            return min(bound, longest) / 1e3
    return longest / 1e3


def exact(seconds: Iterable[float]) -> Speed:
    """The figures of durations that are all there."""
    took = sorted(seconds)
    if not took:
        return Speed()
    last = len(took) - 1
    return Speed(
        count=len(took),
        p50_us=took[last // 2] * 1e6,
        p99_us=took[min(last, int(0.99 * len(took)))] * 1e6,
        max_us=took[-1] * 1e6,
    )
