"""A journal in memory: the twin of the SQLite one, for quick calls and tests.

Limits: gone with the process; holds every row as a Python object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from onepath.journal.codec import encode
from onepath.ports import Row


class MemoryJournal:
    """Rows in a list, encoded when they are read."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._rows: list[tuple[int, str, str | None, Any, int | None]] = []

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        self._rows.append((at, kind, strategy, event, cause))
        return len(self._rows)

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        for seq, (at, kind, strategy, event, cause) in enumerate(self._rows, start=1):
            if not kinds or kind in kinds:
                yield Row(seq, at, kind, strategy, cause, encode(event))

    def flush(self) -> None:
        """Nothing to do: memory is as durable as it gets."""

    def close(self) -> None:
        """Nothing to do."""
