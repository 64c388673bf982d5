"""A book of a few levels, by hand: what it says, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from onepath.book import Book
from onepath.errors import DataError
from onepath.market import BookUpdate, Levels

NOON = 1_704_110_400_000_000_000  # 2024-01-01 12:00 UTC
BIDS: Levels = ((99.0, 1.0), (98.0, 2.0), (97.0, 3.0))
ASKS: Levels = ((100.0, 4.0), (101.0, 5.0))


def opened(**asked: Any) -> Book:
    book = Book("X", **asked)
    assert book.update(NOON, BIDS, ASKS, last_id=10, snapshot=True)
    return book


def test_what_a_snapshot_shows() -> None:
    """Best prices and sizes, sizes at prices and levels are those of the snapshot, whatever its order."""
    book = Book("X")
    assert (book.bid, book.bid_size, book.ask, book.ask_size, book.ready) == (0.0, 0.0, 0.0, 0.0, False)
    book.update(NOON, BIDS[::-1], ASKS[::-1], last_id=10, snapshot=True)
    assert (book.bid, book.bid_size, book.ask, book.ask_size, book.ready) == (99.0, 1.0, 100.0, 4.0, True)
    assert (book.size_at(1, 98.0), book.size_at(-1, 101.0)) == (2.0, 5.0)
    assert (book.size_at(-1, 98.0), book.size_at(1, 98.5)) == (0.0, 0.0)
    assert (book.levels(1), book.levels(-1)) == (BIDS, ASKS)
    assert (book.levels(1, 2), book.levels(-1, 1)) == (BIDS[:2], ASKS[:1])
    assert (book.levels(1, 0), book.levels(-1, 9)) == ((), ASKS)


def test_changes() -> None:
    """A size sets a level, zero takes it out, and a level that is not there may be taken out."""
    book = opened()
    made = book.update(NOON + 1, ((99.0, 0.0), (98.0, 2.5), (50.0, 0.0)), ((99.5, 7.0),), first_id=11, last_id=12)
    assert made == BookUpdate(
        symbol="X",
        at=NOON + 1,
        bids=((99.0, 0.0), (98.0, 2.5), (50.0, 0.0)),
        asks=((99.5, 7.0),),
        bid=98.0,
        ask=99.5,
        first_id=11,
        last_id=12,
    )
    assert book.levels(1) == ((98.0, 2.5), (97.0, 3.0))
    assert book.levels(-1) == ((99.5, 7.0), (100.0, 4.0), (101.0, 5.0))
    assert (book.at, book.last_id) == (NOON + 1, 12)


def test_a_side_runs_empty() -> None:
    """A side without levels has price and size 0.0, and cannot be crossed."""
    book = opened()
    made = book.update(NOON, ((99.0, 0.0), (98.0, 0.0), (97.0, 0.0)), ((90.0, 1.0),), first_id=11, last_id=11)
    assert made is not None
    assert (made.bid, made.ask, made.mark) == (0.0, 90.0, 90.0)
    assert (book.bid_size, book.levels(1)) == (0.0, ())


def test_a_snapshot_replaces() -> None:
    """Nothing of what was there before a snapshot stays; ids begin with it."""
    book = opened()
    book.update(NOON, ((50.0, 1.0),), ((60.0, 1.0),), last_id=500, snapshot=True)
    assert (book.levels(1), book.levels(-1)) == (((50.0, 1.0),), ((60.0, 1.0),))
    assert book.update(NOON, (), (), first_id=501, last_id=502)


@pytest.mark.parametrize(
    ("first", "last", "taken"),
    [(3, 9, False), (10, 10, False), (11, 11, True), (11, 15, True), (5, 11, True), (5, 20, True)],
)
def test_the_first_change_after_a_snapshot(first: int, last: int, taken: bool) -> None:
    """Snapshot id 10: messages up to 10 are dropped and change nothing; the first taken covers 11."""
    book = opened()
    made = book.update(NOON, ((99.0, 9.0),), (), first_id=first, last_id=last)
    assert (made is not None) is taken
    assert book.bid_size == (9.0 if taken else 1.0)
    assert book.last_id == (last if taken else 10)


@pytest.mark.parametrize(
    ("first", "last"),
    [(12, 12), (13, 20)],
)
def test_a_gap_after_a_snapshot(first: int, last: int) -> None:
    """Snapshot id 10: a first message that begins after 11 has a hole before it."""
    with pytest.raises(DataError, match=rf"update ids {first} to {last}.*ended at 10.*begin at 11"):
        opened().update(NOON, (), (), first_id=first, last_id=last)


@pytest.mark.parametrize(
    ("first", "last"),
    [(14, 15), (12, 13), (11, 12), (10, 14), (13, 12), (1, 5)],
    ids=["gap", "overlap", "repeated", "wider", "backwards", "old"],
)
def test_ids_that_do_not_follow(first: int, last: int) -> None:
    """After 11 to 12 the next begins at 13 exactly; the message names symbol, time, and the ids found and expected."""
    book = opened()
    book.update(NOON, (), (), first_id=11, last_id=12)
    with pytest.raises(DataError) as error:
        book.update(NOON + 5, (), (), first_id=first, last_id=last)
    assert str(error.value) == (
        f"The book message of X at 2024-01-01 12:00:00.000000005 UTC has update ids {first} to {last}, but the one "
        "before ended at 12, so it should begin at 13: a message is missing, repeated or out of order; begin again with a "
        "snapshot."
    )


def test_futures_name_the_id_before() -> None:
    """Binance futures: ids skip, and `pu` names the id before; the event has it as first_id = pu + 1."""
    book = opened()
    first = book.update(NOON, (), (), first_id=7, last_id=30, previous_id=5)  # pu 5 <= snapshot 10 < u 30
    second = book.update(NOON, (), (), first_id=44, last_id=50, previous_id=30)
    assert first is not None
    assert second is not None
    assert (first.first_id, second.first_id) == (6, 31)
    with pytest.raises(DataError, match="update ids 50 to 60, but the one before ended at 50"):
        book.update(NOON, (), (), first_id=55, last_id=60, previous_id=49)


def test_venues_without_ids() -> None:
    """Without ids, or when told not to look at them, messages are taken as they come."""
    book = opened()
    assert book.update(NOON, ((99.0, 2.0),), ())
    book = opened(check="none")
    assert book.update(NOON, ((99.0, 3.0),), (), first_id=70, last_id=80)
    assert book.update(NOON, ((99.0, 4.0),), (), first_id=1, last_id=2)
    assert book.bid_size == 4.0


def test_a_change_before_a_snapshot() -> None:
    """A book that begins with a change is not a book."""
    with pytest.raises(
        DataError, match=r"of X at 2024-01-01 12:00:00\.000000000 UTC changes levels .*before.*snapshot"
    ):
        Book("X").update(NOON, BIDS, ASKS, first_id=1, last_id=2)


@pytest.mark.parametrize("price", [100.0, 100.5])
def test_a_crossed_book(price: float) -> None:
    """A best bid at or above the best ask is refused, with both prices."""
    with pytest.raises(DataError, match=rf"update id 11\) crosses.*best bid {price} is not below best ask 100.0"):
        opened().update(NOON, ((price, 1.0),), (), first_id=11, last_id=11)


def test_crossing_within_a_message() -> None:
    """Only the book after a whole message counts: the ask that a bid passes may go in the same message."""
    assert opened().update(NOON, ((100.0, 1.0),), ((100.0, 0.0),), first_id=11, last_id=11)


@pytest.mark.parametrize("size", [-1.0, float("nan"), float("inf"), float("-inf")])
def test_sizes_that_are_none(size: float) -> None:
    """Sizes are finite and not negative, on a new level and on an old one."""
    for price in (99.0, 98.5):
        with pytest.raises(DataError, match=f"has size {size} at price {price}"):
            opened().update(NOON, ((price, size),), (), first_id=11, last_id=11)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_prices_that_are_none(price: float) -> None:
    """Prices are finite and above zero."""
    with pytest.raises(DataError, match=f"level at price {price}"):
        opened().update(NOON, (), ((price, 1.0),), first_id=11, last_id=11)


def test_after_an_error_only_a_snapshot_helps() -> None:
    """A book that was refused a message is not to be trusted: it says so, and begins again with a snapshot."""
    book = opened()
    with pytest.raises(DataError):
        book.update(NOON, (), (), first_id=99, last_id=99)
    assert not book.ready
    with pytest.raises(DataError, match="before there was a snapshot"):
        book.update(NOON, (), (), first_id=11, last_id=11)
    book.update(NOON, BIDS, ASKS, last_id=200, snapshot=True)
    assert book.ready
    assert book.update(NOON, (), (), first_id=201, last_id=201)


def test_apply_is_the_other_half_of_update() -> None:
    """What one book makes, another takes, and both are the same; old messages are dropped."""
    ours, theirs = opened(), opened()
    made = ours.update(NOON, ((99.0, 0.0), (98.5, 3.0)), ((100.0, 1.0),), first_id=11, last_id=13)
    assert made is not None
    assert theirs.apply(made)
    assert (theirs.levels(1), theirs.levels(-1)) == (ours.levels(1), ours.levels(-1))
    assert not opened().apply(replace(made, first_id=2, last_id=3))


def test_an_event_that_is_wrong_about_itself() -> None:
    """Best prices that are not those of the levels are refused, with both."""
    book = opened()
    made = BookUpdate(symbol="X", at=NOON, bids=((98.5, 1.0),), asks=(), bid=98.5, ask=100.0, first_id=11, last_id=11)
    with pytest.raises(DataError, match=r"after it are 98\.5 and 100\.0, but its levels give 99\.0 and 100\.0"):
        book.apply(made)
