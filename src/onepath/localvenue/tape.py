"""Every trade of one symbol, by number: what the venue really traded.

Rules: numbers are contiguous from 1; aggregates (trades of one instant, price and side, as of one order that took them)
are too. Cost: 33 bytes a trade; the last `kept` to twice as many are held.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple


class Deal(NamedTuple):
    """One trade: time in milliseconds, price and quantity in units."""

    number: int
    at: int
    price: int
    quantity: int
    bought: bool
    """the taker bought"""


class Group(NamedTuple):
    """Trades of one taker at one price."""

    number: int
    at: int
    price: int
    quantity: int
    bought: bool
    first: int
    last: int


class Tape:
    """Trades and their groups, newest last."""

    def __init__(self, kept: int = 1_000_000) -> None:
        self._kept = kept
        self._first = 1  # number of the oldest trade held
        self._at, self._price, self._quantity, self._bought = array("q"), array("q"), array("q"), array("b")
        self._first_group = 1
        self._heads = array("q")  # the first trade of each group

    @property
    def next_number(self) -> int:
        return self._first + len(self._at)

    @property
    def next_group(self) -> int:
        return self._first_group + len(self._heads)

    def __len__(self) -> int:
        return len(self._at)

    def add(self, at: int, price: int, quantity: int, bought: bool, heads: bool) -> int:
        """Write a trade down and give it its number; `heads`: it begins a group."""
        number = self._first + len(self._at)
        self._at.append(at)
        self._price.append(price)
        self._quantity.append(quantity)
        self._bought.append(bought)
        if heads:
            self._heads.append(number)
        if len(self._at) > 2 * self._kept:
            self._forget()
        return number

    def _forget(self) -> None:
        gone = bisect_left(self._heads, self._first + self._kept)
        count = self._heads[gone] - self._first if gone < len(self._heads) else self._kept
        for column in (self._at, self._price, self._quantity, self._bought):
            del column[:count]
        self._first += count
        del self._heads[:gone]
        self._first_group += gone

    def deal(self, number: int) -> Deal:
        """One trade by its number."""
        i = number - self._first
        return Deal(number, self._at[i], self._price[i], self._quantity[i], bool(self._bought[i]))

    def deals(self, first: int, limit: int) -> list[Deal]:
        """Up to `limit` trades from number `first` on."""
        first = max(first, self._first)
        return [self.deal(n) for n in range(first, min(first + limit, self.next_number))]

    def latest(self, limit: int) -> list[Deal]:
        return self.deals(self.next_number - limit, limit)

    def group(self, number: int) -> Group:
        """A group by its number."""
        i = number - self._first_group
        first = self._heads[i]
        last = (self._heads[i + 1] if i + 1 < len(self._heads) else self.next_number) - 1
        begin, end = first - self._first, last - self._first + 1
        quantity = sum(self._quantity[begin:end])
        return Group(number, self._at[begin], self._price[begin], quantity, bool(self._bought[begin]), first, last)

    def groups(self, first: int, limit: int) -> Iterator[Group]:
        """Up to `limit` groups from number `first` on."""
        first = max(first, self._first_group)
        return (self.group(n) for n in range(first, min(first + limit, self.next_group)))

    def group_since(self, at: int) -> int:
        """The number of the first group at or after a time."""
        trade = self._first + bisect_left(self._at, at)
        return self._first_group + bisect_left(self._heads, trade)
