"""What a source of history brings: bars in pages, oldest first, each page with where to go on.

Rules: an importer asks, reads and says what was wrong in one sentence; it keeps nothing on disk and decides nothing about
what is there. A row's `stamp` is the start of the bar in nanoseconds UTC; of a daily bar it is the midnight UTC of the date
that the exchange calls it by. Rows are as the source has them, in order, each stamp once; whether a bar has ended is the
caller's business, by `settles` and `now`. Prices are raw, as traded; corporate actions come beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from onepath.errors import DataError
from onepath.instruments import Instrument

Row = tuple[int, float, float, float, float, float]
"""stamp, open, high, low, close, volume"""


class FetchError(DataError):
    """A source has not given what was asked for; other symbols may do better."""


class UnreachableError(FetchError):
    """A source gives nothing to anybody now: no network, no keys, too many requests."""


class Action(msgspec.Struct, frozen=True, array_like=True):
    """A line of the data set's file of corporate actions (see data.actions): what is due before trading on a date."""

    date: str
    type: str
    ratio: str = ""
    amount: str = ""
    pay_date: str = ""

    @property
    def size(self) -> Decimal:
        """The ratio or the amount."""
        return Decimal(self.ratio or self.amount)


class Page(msgspec.Struct, frozen=True, array_like=True):
    """A piece of history. Everything with a stamp below `until` has now been brought; from there it goes on.

    `blanks` are the stamps of rows that the source has without prices; `notes` what a user should know.
    """

    rows: Sequence[Row]
    until: int
    actions: Sequence[Action] = ()
    blanks: Sequence[int] = ()
    notes: Sequence[str] = ()


class Importer(Protocol):
    """One source of history."""

    name: str
    """as the user calls it; with the feed, where a source has several"""
    settles: int
    """nanoseconds after a bar's end until the source is taken to change it no more"""
    tolerance: float
    """how far, relatively, prices of one bar may differ between two answers and be the same: the source's rounding"""
    adjusted: str
    """what the prices are, for the data set's notes"""

    def now(self) -> int:
        """What time it is at the source."""

    def about(self, symbol: str) -> Instrument:
        """What the symbol is. Raises FetchError where the source does not know it, or it cannot be told."""

    def first(self, symbol: str, interval_ns: int) -> int:
        """The first stamp that can be asked for. Raises FetchError where the user must say it."""

    def pages(self, symbol: str, interval_ns: int, since: int, until: int) -> Iterator[Page]:
        """History with stamps in [since, until), oldest first. Raises FetchError."""
