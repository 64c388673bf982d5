"""A journal that writes at once, in a file of its own: what is written beside a strategy would be the strategy's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from onepath.journal.codec import encode
from onepath.ports import Row


class Written:
    """A journal that writes at once, so that nothing that changes later changes what was recorded."""

    def __init__(self) -> None:
        self.session_id = "cut"
        self.written: list[Row] = []

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        self.written.append(Row(len(self.written) + 1, at, kind, strategy, cause, encode(event)))
        return len(self.written)

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]:
        return (row for row in self.written if not kinds or row.kind in kinds)

    def flush(self) -> None:
        """Memory."""

    def close(self) -> None:
        """Memory."""
