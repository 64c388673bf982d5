"""Sliding windows over given times: how many in the last so many seconds, and whether the same came just now.

Rules: a window reaches from now back to, but not including, its length ago. Time never runs back. Nothing is counted until
it is noted: what was denied did not happen.
Cost: amortised O(1) a note and a question; memory is what happened within a window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

_SECOND = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """A time of the configuration as the loop counts it."""
    return round(seconds * _SECOND)


class Window:
    """How often something happened in the last `seconds`."""

    __slots__ = ("_length", "_times")

    def __init__(self, seconds: float) -> None:
        self._length = nanoseconds(seconds)
        self._times: deque[int] = deque()

    def note(self, at: int) -> None:
        """It happened once more."""
        self._times.append(at)

    def count(self, at: int) -> int:
        """How often it happened by now."""
        times, since = self._times, at - self._length
        while times and times[0] <= since:
            times.popleft()
        return len(times)

    def drop(self) -> None:
        """The last time did not happen."""
        if self._times:
            self._times.pop()

    def clear(self) -> None:
        """Forget all of it."""
        self._times.clear()


class Recent:
    """What was seen in the last `seconds`, by key."""

    __slots__ = ("_last", "_length", "_order")

    def __init__(self, seconds: float) -> None:
        self._length = nanoseconds(seconds)
        self._last: dict[Hashable, int] = {}
        self._order: deque[tuple[int, Hashable]] = deque()

    def note(self, key: Hashable, at: int) -> None:
        """It was seen."""
        self._last[key] = at
        self._order.append((at, key))

    def age(self, key: Hashable, at: int) -> int | None:
        """How long ago it was seen, in nanoseconds; None where not within the window."""
        order, since = self._order, at - self._length
        while order and order[0][0] <= since:
            then, old = order.popleft()
            if self._last.get(old) == then:
                del self._last[old]
        seen = self._last.get(key)
        return None if seen is None else at - seen

    def drop(self, key: Hashable) -> None:
        """It was not seen after all."""
        self._last.pop(key, None)
