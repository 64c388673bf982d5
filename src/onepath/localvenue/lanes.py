"""The way from the venue to one client, where messages may be late or overtake each other.

Rules: without faults a message goes straight through. One that is held back by `reorder` comes right after the next, or after a
second if there is none; late ones keep their order, and nothing overtakes them.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from onepath.localvenue.faults import Active, Faults
from onepath.localvenue.frames import frame
from onepath.localvenue.spoiling import spoilt

_PATIENCE = 1_000


class Listener(Protocol):
    """A client's end of a connection."""

    combined: bool

    def put(self, framed: bytes) -> None: ...


class Lane:
    """Of one client."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._late: deque[tuple[int, bytes]] = deque()
        self._held: tuple[int, bytes] | None = None

    @property
    def empty(self) -> bool:
        return not self._late and self._held is None

    def send(self, text: bytes, now: int, hit: Active | None, faults: Faults) -> int:
        """A message, and the fault that hits it; how many messages went out at once."""
        kind = hit.fault.kind if hit else ""
        texts = [text]
        if hit is not None and kind == "malformed":
            texts = [spoilt(text, faults.variant(hit.fault))]
        elif hit is not None and kind == "delay":
            self._late.append((max(now + round(hit.amount * 1000), self._last_due()), frame(text)))
        elif kind == "duplicate":
            texts = [text, text]
        elif kind == "reorder" and self._held is None:
            self._held = (now + _PATIENCE, text)
            return 0
        return 0 if kind in ("mute", "drop", "gap", "delay") else self._pass(texts, now)

    def _last_due(self) -> int:
        return self._late[-1][0] if self._late else 0

    def _pass(self, texts: list[bytes], now: int) -> int:
        if self._held is not None:
            texts, self._held = [*texts, self._held[1]], None
        for text in texts:
            if self._late:
                self._late.append((max(now, self._last_due()), frame(text)))
            else:
                self._listener.put(frame(text))
        return len(texts)

    def tend(self, now: int) -> int:
        """What is due goes out; how many."""
        count = 0
        if self._held is not None and self._held[0] <= now:
            count += self._pass([], now)
        while self._late and self._late[0][0] <= now:
            self._listener.put(self._late.popleft()[1])
            count += 1
        return count
