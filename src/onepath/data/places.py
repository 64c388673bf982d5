"""Where a row stands in what the user gave us, so that a message can say so.

Rules: rows are counted as the user sees them: lines of a CSV file with its header, rows of a frame from 0 by position,
rows of Parquet from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

from onepath.errors import DataError


@dataclass(frozen=True)
class Place:
    """A source, and how its rows are named. `rows` maps our row numbers to the source's, where they differ."""

    where: str
    word: str = "row"
    first: int = 0
    rows: Any = None

    def row(self, row: int) -> str:
        """The name of a row."""
        return f"{self.word} {self.number(row)}"

    def number(self, row: int) -> int:
        """The user's number of a row."""
        return self.first + int(row if self.rows is None else self.rows[row])

    def only(self, rows: Any) -> Place:
        """The same place for a selection of its rows."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def fail(self, what: str, row: int | None = None) -> NoReturn:
        """Raise DataError about a row, or about the whole."""
        at = "" if row is None else f", {self.row(row)}"
        raise DataError(f"{self.where}{at}: {what}.")
