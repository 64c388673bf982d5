"""What quotes, trades and book rows must be before anybody trades on them: in order, with prices and sizes that can be.

Rules: time may stand still, never run backwards. A quote's bid must not be above its ask; equal ("locked") it may be.
The first wrong row stops the data with one sentence that names the place; nothing is repaired here. What the levels of
a book must be is settled where the book is rebuilt (`onepath.book`).
Cost: about 10 ns a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from onepath.errors import DataError
from onepath.feeds.checks import stamp

WORDS = {"quotes": "quote", "trades": "trade", "book": "book row", "bars": "bar"}
"""what one row of a kind is called"""


class CheckedTicks:
    """Checks one stream's chunks as they come, remembering where the last one ended."""

    def __init__(
        self, kind: str, where: str, row_name: Callable[[int], str] = lambda row: f"row {row + 1}", row: int = 0
    ) -> None:
        """`row_name` says what the user calls a row, counted from 0; `row` is the number of the first one to come."""
        self._kind = kind
        self._where = where
        self._row_name = row_name
        self._row = row
        self._before: int | None = None

    def check(self, columns: Sequence[Any]) -> None:
        """Raise DataError for the first row that cannot be, or is before the one before it."""
        at = columns[0]
        if not len(at):
            return
        self._order(at)
        faults = _FAULTS.get(self._kind)
        if faults is not None:
            self._values(at, columns[1:], faults)
        self._before = int(at[-1])
        self._row += len(at)

    def _order(self, at: Any) -> None:
        before = at if self._before is None else np.concatenate(([self._before], at))
        back = before[1:] < before[:-1]
        if back.any():
            i = int(back.argmax())
            row = i + (1 if self._before is None else 0)
            self._fail(row, at[row], f"comes after the one of {stamp(before[i])}; sort the data by time, oldest first")

    def _values(self, at: Any, values: Sequence[Any], faults: Callable[..., list[tuple[Any, str]]]) -> None:
        with np.errstate(invalid="ignore"):
            found = [(bad, what) for bad, what in faults(*values) if bad.any()]
        if found:
            bad, what = min(found, key=lambda fault: int(fault[0].argmax()))
            row = int(bad.argmax())
            numbers = {name: float(v[row]) for name, v in zip(_NAMES[self._kind], values, strict=True)}
            self._fail(row, at[row], what.format(**numbers))

    def _fail(self, row: int, at: int, what: str) -> NoReturn:
        word = WORDS[self._kind]
        raise DataError(f"{self._where}, {self._row_name(self._row + row)}: the {word} of {stamp(at)} {what}.")


def no_price(column: Any) -> Any:
    """Which rows have no finite number above zero."""
    return ~((column > 0) & (column < np.inf))


def no_size(column: Any) -> Any:
    """Which rows have no finite number, zero or above."""
    return ~((column >= 0) & (column < np.inf))


def _quote_faults(bid: Any, ask: Any, bid_size: Any, ask_size: Any) -> list[tuple[Any, str]]:
    one_sided = "; where rows carry one side, say sides='one'"
    return [
        (no_price(bid), "has bid {bid:g}; expected a price above zero" + one_sided),
        (no_price(ask), "has ask {ask:g}; expected a price above zero" + one_sided),
        (bid > ask, "is crossed: bid {bid!r} is above ask {ask!r}; say crossed='drop' to leave such quotes out"),
        (no_size(bid_size), "has bid size {bid_size:g}; expected zero or more"),
        (no_size(ask_size), "has ask size {ask_size:g}; expected zero or more"),
    ]


def _trade_faults(price: Any, size: Any, aggressor: Any) -> list[tuple[Any, str]]:
    return [
        (no_price(price), "has price {price:g}; expected a price above zero"),
        (~((size > 0) & (size < np.inf)), "has size {size:g}; expected a number above zero"),
        (np.abs(aggressor) > 1, "has aggressor {aggressor:g}; expected 1 (buyer), -1 (seller) or 0 (unknown)"),
    ]


_NAMES = {"quotes": ("bid", "ask", "bid_size", "ask_size"), "trades": ("price", "size", "aggressor")}
_FAULTS: dict[str, Callable[..., list[tuple[Any, str]]]] = {"quotes": _quote_faults, "trades": _trade_faults}
