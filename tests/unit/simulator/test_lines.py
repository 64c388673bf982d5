"""An order follows what the data shows of its price: books, quotes, trades, each with what it cannot show."""

from __future__ import annotations

from decimal import Decimal

import pytest

from onepath.book import Book
from onepath.market import Quote, Trade
from onepath.simulator.lines import Line, displayed
from onepath.simulator.queues import Back, Front, Probability

PRICE = Decimal("99.9")


def quote(bid: float, bid_size: float, ask: float = 100.0, ask_size: float = 5.0) -> Quote:
    return Quote("X", 0, bid, ask, bid_size, ask_size)


def sold(size: float, price: float = 99.9) -> Trade:
    return Trade("X", 0, price, size, -1)


def book() -> Book:
    made = Book("X")
    made.update(0, ((99.9, 10.0), (99.7, 1.0)), ((100.0, 5.0), (100.3, 2.0)), last_id=1, snapshot=True)
    return made


@pytest.mark.parametrize(
    ("sign", "price", "in_quote", "in_book"),
    [
        (1, 99.9, 10.0, 10.0),  # the best bid
        (1, 99.95, 0.0, 0.0),  # better than the best: nobody is there
        (1, 99.8, None, 0.0),  # behind it: a quote does not show it, a book shows that it is empty
        (1, 99.7, None, 1.0),
        (1, 99.6, None, None),  # beyond the depth of the book
        (-1, 100.0, 5.0, 5.0),
        (-1, 99.95, 0.0, 0.0),
        (-1, 100.3, None, 2.0),
        (-1, 100.4, None, None),
    ],
)
def test_what_is_seen_of_a_price(sign: int, price: float, in_quote: float | None, in_book: float | None) -> None:
    """Quotes show the best and that nobody is better; books show all their levels, and nothing beyond."""
    assert displayed(quote(99.9, 10.0), sign, price) == in_quote
    assert displayed(book(), sign, price) == in_book


def test_what_an_empty_or_sizeless_side_shows() -> None:
    """A side without a price has nobody; a price without a size is not seen."""
    assert displayed(quote(0.0, 0.0), 1, 99.9) == 0.0
    assert displayed(quote(99.9, 0.0), 1, 99.9) is None
    assert displayed(Book("X"), 1, 99.9) == 0.0


def test_whose_trades_count() -> None:
    """A resting buy is reached by sales at its price, and by trades of unknown side, 2 + 4 + 5 of 10 ahead: 1 is ours."""
    line = Line(Back(), 1, PRICE, quote(99.9, 10.0))
    assert line.traded(sold(2.0)) == 0
    assert line.traded(sold(50.0, 99.8)) == 0
    assert line.traded(Trade("X", 0, 99.9, 50.0, 1)) == 0
    assert line.traded(Trade("X", 0, 99.9, 4.0, 0)) == 0
    assert line.traded(sold(5.0)) == 1


def test_a_sale_is_the_mirror() -> None:
    """A resting sale is reached by purchases at its price: 5 are ahead, 7 are bought, 2 are ours."""
    line = Line(Back(), -1, Decimal(100), book())
    assert line.traded(Trade("X", 0, 100.0, 7.0, -1)) == 0
    assert line.traded(Trade("X", 0, 100.0, 7.0, 1)) == 2


def test_quotes_bring_the_line_forward() -> None:
    """10 ahead; the size falls to 3, so at most 3 are; away from the best nothing is seen; back with 8: still 3."""
    line = Line(Back(), 1, PRICE, quote(99.9, 10.0))
    for seen in (quote(99.9, 3.0), quote(99.95, 40.0), quote(99.9, 8.0)):
        line.shows(seen)
    assert line.traded(sold(4.0)) == 1


def test_a_price_that_is_not_seen() -> None:
    """Behind the best nothing reaches us; when the price is first shown all it shows is ahead; first in line needs no sight."""
    line = Line(Back(), 1, PRICE, quote(99.95, 10.0))
    assert line.traded(sold(1000.0)) == 0
    line.shows(quote(99.9, 6.0))
    assert line.traded(sold(7.0)) == 1
    assert Line(Back(), 1, PRICE, None).traded(sold(1000.0)) == 0
    assert Line(Front(), 1, PRICE, None).traded(sold(3.0)) == 3
    likely = Line(Probability(), 1, PRICE, None)
    likely.shows(quote(99.9, 6.0))
    assert likely.traded(sold(7.0)) == 1


def test_a_book_moves_the_line() -> None:
    """Equal chances: 10 ahead, 10 come behind, 4 of 20 go: 2 of them ahead; of 9 sold 1 is ours."""
    shown = book()
    line = Line(Probability(1.0), 1, PRICE, shown)
    for number, size in ((2, 20.0), (3, 16.0), (4, 17.0)):
        shown.update(0, ((99.9, size),), (), first_id=number, last_id=number)
        line.shows(shown)
    assert line.traded(sold(9.0)) == 1


def test_own_orders_stand_in_one_line() -> None:
    """Ours for 3 with 5 ahead, then ours for 4 with the same 5 ahead. Of 8 sold, 3 reach the first, none the second, which
    stands behind it; of 10 sold, 3 and 2."""
    for size, *expected in ((8.0, Decimal(3), Decimal(0)), (10.0, Decimal(3), Decimal(2))):
        first, second = (Line(Back(), 1, PRICE, quote(99.9, 5.0)) for _ in range(2))
        ours = min(first.traded(sold(size)), Decimal(3))
        assert [ours, min(second.traded(sold(size), ours), Decimal(4))] == expected
