"""Any messages, orders and happenings at a price: books are what a dict says, nothing is had twice, lines keep their order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepath.book import Book
from onepath.errors import DataError
from onepath.market import Levels
from onepath.simulator.depth import Taken, sweep
from onepath.simulator.queues import Back, Place, Probability, QueueModel

sizes = st.one_of(st.just(0.0), st.integers(1, 5_000).map(lambda n: n / 1000))
below = st.integers(1, 100).map(lambda n: n / 10)  # 0.1 to 10
above = st.integers(101, 200).map(lambda n: n / 10)  # 10.1 to 20
anywhere = st.integers(90, 110).map(lambda n: n / 10)
limits = st.one_of(st.none(), st.integers(1, 200).map(lambda n: Decimal(n) / 10))
quantities = st.integers(1, 60_000).map(lambda n: Decimal(n) / 1000)
signs = st.sampled_from([1, -1])


def levels(prices: st.SearchStrategy[float]) -> st.SearchStrategy[Levels]:
    return st.lists(st.tuples(prices, sizes), max_size=12).map(tuple)


messages = st.lists(st.tuples(st.booleans(), levels(below), levels(above)), min_size=1, max_size=12)


@given(messages)
def test_a_book_is_a_dict_in_order(messages: list[tuple[bool, Levels, Levels]]) -> None:
    """After any messages the levels are those of a dict a side, sorted, and so are best prices, sizes and depths."""
    book = Book("X")
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    for number, (again, *sides) in enumerate(messages):
        snapshot = again or not number
        made = book.update(number, *sides, first_id=number + 1, last_id=number + 1, snapshot=snapshot)
        for known, changes in zip((bids, asks), sides, strict=True):
            if snapshot:
                known.clear()
            known.update(changes)
        best_first = [
            sorted(((p, s) for p, s in known.items() if s), reverse=sign > 0) for known, sign in ((bids, 1), (asks, -1))
        ]
        assert [list(book.levels(1)), list(book.levels(-1))] == best_first
        assert [list(book.levels(1, 3)), list(book.levels(-1, 3))] == [side[:3] for side in best_first]
        tops = [side[0] if side else (0.0, 0.0) for side in best_first]
        assert [(book.bid, book.bid_size), (book.ask, book.ask_size)] == tops
        assert made is not None
        assert (made.bid, made.ask) == (book.bid, book.ask)
        assert all(book.size_at(1, p) == s for p, s in bids.items())
        assert all(book.size_at(-1, p) == s for p, s in asks.items())


@given(levels(anywhere), levels(anywhere))
def test_no_book_is_ever_crossed(bids: Levels, asks: Levels) -> None:
    """A snapshot is refused exactly when its highest bid is not below its lowest ask."""
    bought, sold = dict(bids), dict(asks)
    high = max((p for p, s in bought.items() if s), default=0.0)
    low = min((p for p, s in sold.items() if s), default=99.0)
    book = Book("X")
    if high >= low:
        with pytest.raises(DataError, match="crosses"):
            book.update(0, bids, asks, last_id=1, snapshot=True)
    else:
        assert book.update(0, bids, asks, last_id=1, snapshot=True)


@given(levels(below), levels(above), signs, st.lists(st.tuples(quantities, limits), min_size=1, max_size=5))
def test_sweeps_have_what_is_displayed_once(
    bids: Levels, asks: Levels, sign: int, orders: list[tuple[Decimal, Decimal | None]]
) -> None:
    """Prices get worse, none is beyond the limit, and all orders together have no more of a level than it displays;
    an order goes short only where all within its limit is gone."""
    book, taken = Book("X"), Taken()
    book.update(0, bids, asks, last_id=1, snapshot=True)
    displayed = {Decimal(str(p)): Decimal(str(s)) for p, s in book.levels(-sign)}
    for quantity, limit in orders:
        fills = sweep(book, sign, quantity, limit, taken)
        taken.record(sign, fills)
        prices = [price * sign for price, _ in fills]
        assert prices == sorted(set(prices))
        assert limit is None or all(price <= limit * sign for price in prices)
        for price, size in fills:
            assert size > 0
            displayed[price] -= size
        assert all(size >= 0 for size in displayed.values())
        filled = sum(size for _, size in fills)
        assert filled <= quantity
        within = [s for p, s in displayed.items() if limit is None or p * sign <= limit * sign]
        assert filled == quantity or not any(within)


amounts = st.integers(0, 2_000).map(lambda n: n / 100)
models = st.sampled_from([Back(), Probability(0.5), Probability(1.0), Probability(), Probability(8.0)])
happenings = st.lists(st.tuples(st.booleans(), amounts), max_size=20)


@given(models, amounts, happenings)
def test_a_place_in_the_line(model: QueueModel, joins: float, happenings: list[tuple[bool, float]]) -> None:
    """`ahead` is never negative, never more than displayed and never grows but by what a change had brought it forward;
    what reaches us is never more than what traded, and at the back never before all that was ahead has traded."""
    place, displayed, least = model.join(joins), joins, joins
    assert isinstance(place, Place)
    traded = reached = 0.0
    for is_trade, amount in happenings:
        before = place.ahead
        if is_trade:
            ours = place.traded(amount)
            assert 0.0 <= ours <= amount
            assert not ours or place.ahead == 0.0
            traded, reached = traded + amount, reached + ours
        else:
            place.changed(displayed, amount)
            displayed, least = amount, min(least, amount)
        assert 0.0 <= place.ahead <= min(before, displayed) + 1e-9
        if least == joins and isinstance(model, Back):  # no size has ever proven that somebody ahead went
            assert reached <= max(traded - joins, 0.0) + 1e-9


@given(models, amounts, happenings)
def test_the_back_is_never_before_the_likely(
    model: QueueModel, joins: float, happenings: list[tuple[bool, float]]
) -> None:
    """Whatever happens, the conservative place is not before the likely one, and has not been given more."""
    back, likely, displayed = Back().join(joins), model.join(joins), joins
    assert isinstance(back, Place)
    assert isinstance(likely, Place)
    given = [0.0, 0.0]
    for is_trade, amount in happenings:
        for number, place in enumerate((back, likely)):
            if is_trade:
                given[number] += place.traded(amount)
            else:
                place.changed(displayed, amount)
        displayed = displayed if is_trade else amount
        assert back.ahead >= likely.ahead - 1e-9
        assert given[0] <= given[1] + 1e-8


@given(models, amounts, amounts, amounts)
def test_trade_and_size_in_either_order(model: QueueModel, joins: float, more: float, trade: float) -> None:
    """A trade and the size that shows it leave the same place and bring the same fill, whichever comes first."""
    shown = joins + more
    trade = min(trade, shown)
    places = []
    for trade_first in (True, False):
        place = model.join(joins)
        assert isinstance(place, Place)
        place.changed(joins, shown)
        reached = place.traded(trade) if trade_first else 0.0
        place.changed(shown, shown - trade)
        reached = reached if trade_first else place.traded(trade)
        places.append((place.ahead, reached))
    assert places[0] == pytest.approx(places[1], abs=1e-8)
