"""What an order takes from a displayed book, on books small enough to add up in the head."""

from __future__ import annotations

from decimal import Decimal

import pytest

from onepath.book import Book
from onepath.market import BookUpdate, Levels
from onepath.simulator.depth import Taken, sweep

BIDS: Levels = ((99.9, 1.0), (99.8, 2.5), (99.5, 10.0))
ASKS: Levels = ((100.1, 0.3), (100.2, 0.1), (100.4, 7.0))


def book(bids: Levels = BIDS, asks: Levels = ASKS) -> Book:
    made = Book("X")
    made.update(0, bids, asks, last_id=1, snapshot=True)
    return made


def change(of: Book, bids: Levels = (), asks: Levels = ()) -> BookUpdate:
    made = of.update(1, bids, asks, first_id=of.last_id + 1, last_id=of.last_id + 1)
    assert made is not None
    return made


def pairs(text: str) -> list[tuple[Decimal, Decimal]]:
    """`0.3 @ 100.1, ...` as (price, size)."""
    each = (part.split(" @ ") for part in text.split(", ") if part)
    return [(Decimal(price), Decimal(size)) for size, price in each]


@pytest.mark.parametrize(
    ("sign", "quantity", "limit", "taken"),
    [
        (1, "0.1", None, "0.1 @ 100.1"),
        (1, "0.3", None, "0.3 @ 100.1"),  # a whole level, and not the next
        (1, "0.4", None, "0.3 @ 100.1, 0.1 @ 100.2"),  # exact: floats would leave 0.4 - 0.3 - 0.1 = 2.8e-17
        (1, "1", None, "0.3 @ 100.1, 0.1 @ 100.2, 0.6 @ 100.4"),
        (1, "50", None, "0.3 @ 100.1, 0.1 @ 100.2, 7 @ 100.4"),  # 42.6 are left over: there is no more
        (1, "1", "100.2", "0.3 @ 100.1, 0.1 @ 100.2"),  # up to the limit itself
        (1, "1", "100.19", "0.3 @ 100.1"),
        (1, "1", "100", ""),
        (-1, "3", None, "1 @ 99.9, 2 @ 99.8"),
        (-1, "3.5", "99.8", "1 @ 99.9, 2.5 @ 99.8"),
        (-1, "20", "99.6", "1 @ 99.9, 2.5 @ 99.8"),
        (-1, "1", "99.91", ""),
    ],
)
def test_sweep(sign: int, quantity: str, limit: str | None, taken: str) -> None:
    """A buy takes the asks from the lowest, a sell the bids from the highest, to the limit, never more than displayed."""
    found = sweep(book(), sign, Decimal(quantity), Decimal(limit) if limit else None)
    assert found == pairs(taken)


def test_sweep_changes_nothing() -> None:
    """It is a question: asked twice, the book and what was taken are as before."""
    shown, taken = book(), Taken()
    assert sweep(shown, 1, Decimal(1), None, taken) == sweep(shown, 1, Decimal(1), None, taken)
    assert (shown.levels(-1), bool(taken)) == (ASKS, False)


def test_an_empty_side() -> None:
    """Nothing displayed, nothing taken."""
    assert sweep(book(asks=()), 1, Decimal(1), None) == []


def test_what_was_taken_is_not_there_again() -> None:
    """0.3 + 0.1 + 7 = 7.4 are displayed: orders for 0.2, 0.5 and 9 get 0.2, 0.5 and the other 6.7, at what is left."""
    shown, taken = book(), Taken()
    for quantity, expected in (
        ("0.2", "0.2 @ 100.1"),
        ("0.5", "0.1 @ 100.1, 0.1 @ 100.2, 0.3 @ 100.4"),
        ("9", "6.7 @ 100.4"),
        ("1", ""),
    ):
        found = sweep(shown, 1, Decimal(quantity), None, taken)
        assert found == pairs(expected)
        taken.record(1, found)
    assert sweep(shown, -1, Decimal(1), None, taken) == pairs("1 @ 99.9")  # the other side is untouched
    assert taken.of(-1, 100.4) == 7
    assert taken.of(1, 100.4) == 0


def test_what_the_venue_speaks_of_is_there_again() -> None:
    """A new size of a level puts an end to what we took of it, and of it alone."""
    shown, taken = book(), Taken()
    taken.record(1, pairs("0.3 @ 100.1, 0.1 @ 100.2, 1 @ 100.4"))
    taken.refresh(change(shown, bids=((100.0, 1.0),), asks=((100.2, 0.5),)))
    assert sweep(shown, 1, Decimal(9), None, taken) == pairs("0.5 @ 100.2, 6 @ 100.4")


def test_the_same_price_on_the_other_side() -> None:
    """A bid at a price we bought at says that the ask is gone; it does not bring back what we had of the ask."""
    shown, taken = book(), Taken()
    taken.record(1, pairs("0.2 @ 100.1"))
    taken.refresh(change(shown, bids=((99.9, 3.0),)))
    assert taken.of(-1, 100.1) == Decimal("0.2")
    taken.refresh(change(shown, bids=((100.1, 1.0),), asks=((100.1, 0.0),)))
    assert not taken
    assert sweep(shown, -1, Decimal(1), None, taken) == pairs("1 @ 100.1")


def test_a_snapshot_speaks_of_all() -> None:
    """After a snapshot nothing is remembered."""
    shown, taken = book(), Taken()
    taken.record(-1, pairs("1 @ 99.9"))
    made = shown.update(2, BIDS, ASKS, last_id=9, snapshot=True)
    assert made is not None
    taken.refresh(made)
    assert not taken


def test_a_size_smaller_than_what_we_had() -> None:
    """Only the venue's word ends the memory; a level of which we had all gives nothing, and never less than nothing."""
    taken = Taken()
    taken.record(1, pairs("0.3 @ 100.1"))
    taken.record(1, pairs("0.3 @ 100.1"))
    assert sweep(book(), 1, Decimal("0.1"), None, taken) == pairs("0.1 @ 100.2")
