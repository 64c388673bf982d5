"""What an order that takes liquidity gets from a displayed book.

Assumes: the order meets the book as it stands after the last message, with nobody in between; it does not move the
market (the recorded messages go on as if it had not been there); nothing is hidden (a level holds what it shows, no
icebergs, no price improvement); levels the venue does not send do not exist, so what the known depth cannot fill is
left over; a level gives whole lots, where a lot is given.

Rules: best price first, never beyond the limit, never more of a level than it displays. `sweep` is pure. `Taken`
remembers what we have had of a level: it is subtracted until the venue's data speaks of that level again (a new size, a
removal, a snapshot), because until then the displayed size is the one we have already used. From then on the level is
as the venue says: others are assumed to have come back to it as they did in the recording.
Cost: a sweep costs 2 us a level that it takes (measured); `Taken` costs nothing while it is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from onepath.book import Book
from onepath.instruments import ZERO, exact
from onepath.market import BookUpdate


class Taken:
    """What we have taken of one symbol's levels since the venue last spoke of them."""

    __slots__ = ("_sizes",)

    def __init__(self) -> None:
        self._sizes: dict[tuple[int, float], Decimal] = {}

    def __bool__(self) -> bool:
        return bool(self._sizes)

    def of(self, sign: int, price: float) -> Decimal:
        """What we have had of the bids (+1) or asks (-1) at a price."""
        return self._sizes.get((sign, price), ZERO)

    def record(self, sign: int, taken: Iterable[tuple[Decimal, Decimal]]) -> None:
        """An order of `sign` (+1 buys, from the asks) took these (price, size)."""
        for price, size in taken:
            key = -sign, float(price)
            self._sizes[key] = self._sizes.get(key, ZERO) + size

    def refresh(self, update: BookUpdate) -> None:
        """The venue speaks: forget what it speaks of."""
        if update.snapshot:
            self._sizes.clear()
        for price, _ in update.bids:
            self._sizes.pop((1, price), None)
        for price, _ in update.asks:
            self._sizes.pop((-1, price), None)


def sweep(
    book: Book,
    sign: int,
    quantity: Decimal,
    limit: Decimal | None,
    taken: Taken | None = None,
    lot: Decimal = ZERO,
) -> list[tuple[Decimal, Decimal]]:
    """(price, size) that an order to buy (+1) or sell (-1) `quantity` takes, the best first; see the top for assumptions.

    `limit` is the worst price, None for none. Less than `quantity` in all where the book has no more within the limit. With a
    `lot`, whole lots of each level.
    """
    found: list[tuple[Decimal, Decimal]] = []
    left = quantity
    for level, displayed in book.walk(-sign):
        if left <= ZERO:
            break
        price, size = exact(level), exact(displayed)
        if limit is not None and (price - limit) * sign > ZERO:
            break
        if taken:
            size -= taken.of(-sign, level)
        if lot and (odd := size % lot):  # not a subtraction of nothing, which would give it the lot's decimals
            size -= odd
        if size > ZERO:
            size = min(size, left)
            found.append((price, size))
            left -= size
    return found
