"""Corporate actions in a feed where symbols meet: what takes over, who is known by which price, what cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onepath.actions import (
    CashDividend,
    CorporateAction,
    Delisting,
    Merger,
    SpinOff,
    Split,
    StockDividend,
    SymbolChange,
)
from onepath.errors import ConfigError, DataError
from onepath.feeds.actions import WithActions
from onepath.feeds.columns import ColumnFeed
from onepath.instruments import Instrument

D = Decimal


def feed(batch: int = 100, **closes: list[float | None]) -> ColumnFeed:
    """Bars of ten nanoseconds each, one after the other; None: no bar then."""
    columns = {}
    for symbol, values in closes.items():
        rows = [(10 * i, value) for i, value in enumerate(values) if value is not None]
        prices = {name: [value for _, value in rows] for name in ("open", "high", "low", "close")}
        starts = [start for start, _ in rows]
        columns[symbol] = {"start": starts, "at": [s + 10 for s in starts], **prices, "volume": [1.0] * len(rows)}
    return ColumnFeed(columns, {s: Instrument(symbol=s) for s in closes}, batch=batch)


def actions(given: Any) -> list[CorporateAction]:
    return [action for batch in given.batches() for action in batch.news]


@pytest.mark.parametrize("batch", [1, 100])
def test_a_merger_knows_both_prices(batch: int) -> None:
    """OLD was at 80 and NEW at 30 as one becomes the other: both prices come with it, what was given stays."""
    given = feed(batch, OLD=[70.0, 80.0, None, None], NEW=[29.0, 30.0, 31.0, 32.0])
    found = actions(WithActions(given, [Merger("OLD", 20, "NEW", D(2), D(5))]))
    assert found == [Merger("OLD", 20, "NEW", D(2), D(5), cash_price=D(30), price=D(80))]
    told = [Merger("OLD", 20, "NEW", D(2), D(5), cash_price=D("30.5"), price=D(81))]
    assert actions(WithActions(given, told)) == told


def test_who_takes_over_without_a_price_brings_none() -> None:
    """NEW has not traded yet: nobody knows what a fraction of it is worth."""
    given = feed(OLD=[70.0, 80.0, None], NEW=[None, None, 31.0])
    (found,) = actions(WithActions(given, [SpinOff("OLD", 20, "NEW", D("0.5"), D("0.2"))]))
    assert (found.price, found.cash_price) == (D(80), None)  # type: ignore[union-attr]


def test_a_name_that_changes_twice() -> None:
    """A becomes B, and B becomes C before it has traded: whoever held A holds C, so both changes are told."""
    given = feed(A=[7.0, 8.0, None, None], B=[None] * 4, C=[None, None, None, 9.0])
    changes = [SymbolChange("A", 15, "B"), SymbolChange("B", 18, "C")]
    assert [(a.symbol, a.into, a.price) for a in actions(WithActions(given, changes))] == [  # type: ignore[union-attr]
        ("A", "B", D(8)),
        ("B", "C", D(8)),
    ]


def test_a_split_of_a_symbol_that_rests_is_taken_as_it_is() -> None:
    """A has no bar at the split that would show it, as B goes on: nothing speaks against it; nor against five per cent more
    units, which no price could show."""
    given = feed(A=[80.0, 80.0, None, 20.0], B=[1.0] * 4)
    assert [a.price for a in actions(WithActions(given, [Split("A", 15, D(4))]))] == [D(80)]
    small = [Split("B", 20, D("1.05")), StockDividend("B", 20, D("0.05"))]
    assert len(actions(WithActions(given, small))) == 2


def test_batches_that_say_where_they_end_are_not_read_for_actions_to_come() -> None:
    """Batches of two; the action is in the third: the price of the second one's last row, 4, comes with it; B, which has no rows
    in between, keeps its own."""

    class Ending:
        """A batch that says when it is over."""

        def __init__(self, batch: Any) -> None:
            self._batch = batch
            self.ends_at = max(event.at for event, _ in batch.events())

        def __getattr__(self, name: str) -> Any:
            return getattr(self._batch, name)

    class Feed:
        def __init__(self, inner: ColumnFeed) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def batches(self) -> Any:
            return map(Ending, self._inner.batches())

    given = Feed(feed(2, A=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], B=[9.0, None, None, None, None, None]))
    told = [CashDividend("A", 40, D(1)), CashDividend("B", 40, D(1))]
    assert [a.price for a in actions(WithActions(given, told))] == [D(4), D(9)]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (SymbolChange("A", 1, "A"), "it turns into itself; name the new symbol"),
        (Merger("A", 1, ratio=D(2)), "it pays in units, but not of which symbol; give `into`"),
        (Merger("A", 1, cash=D(-1)), "cash is -1; expected a number above zero"),
        (Merger("A", 1, "B", ratio=D(0)), "ratio is 0; expected a number above zero"),
        (Delisting("A", 1, D(-1)), "price is -1; expected a number above zero"),
    ],
)
def test_what_cannot_be_is_refused(action: CorporateAction, message: str) -> None:
    """One sentence names the action, what is wrong and what to do."""
    with pytest.raises(DataError, match=message):
        WithActions(feed(A=[1.0], B=[1.0]), [action])


def test_what_is_worthless_is_an_action() -> None:
    """Delisted at zero: that is a price."""
    assert len(actions(WithActions(feed(A=[1.0, 1.0, None], B=[1.0] * 3), [Delisting("A", 20, D(0))]))) == 1


@pytest.mark.parametrize(
    "action",
    [
        Merger("OLD", 20, "NEW", D("0.5"), D(1)),
        SpinOff("OLD", 20, "NEW", D("0.5"), D("0.2")),
        SymbolChange("OLD", 20, "NEW"),
    ],
)
def test_what_takes_over_is_of_the_same_currency(action: CorporateAction) -> None:
    """A cost of 500 dollars is not one of 500 euros: what would carry it over is refused, and says what to do."""
    given = feed(OLD=[100.0] * 4, NEW=[33.0] * 4)
    given.instruments = {s: Instrument(symbol=s, currency=c) for s, c in (("OLD", "USD"), ("NEW", "EUR"))}
    with pytest.raises(DataError, match=r"OLD is in USD and NEW in EUR; .* one currency"):
        WithActions(given, [action])


@pytest.mark.parametrize(
    ("ratio", "exactly"), [(2, D(2)), (0.1, D("0.1")), ("1.5", D("1.5")), (D("0.05"), D("0.05"))], ids=str
)
def test_numbers_are_held_as_they_are_read(ratio: Any, exactly: Decimal) -> None:
    """A ratio is the decimal that a person reads in what was written, be it int, float or text; so are prices."""
    split = Split("A", 10, ratio, price=ratio)
    assert type(split.ratio) is Decimal and split.ratio == exactly
    assert type(split.price) is Decimal and split.price == exactly


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Split("A", 1, "2:1"), r"Split\('A'\): ratio is '2:1'; it must be a number"),  # type: ignore[arg-type]
        (lambda: Split("A", 1, None), "ratio is None; it must be a number"),  # type: ignore[arg-type]
        (lambda: Split("A", 1, True), "ratio is True; it must be a number"),  # type: ignore[arg-type]
        (lambda: CashDividend("A", 1, float("nan")), "amount is nan; it must be a number"),  # type: ignore[arg-type]
        (lambda: Delisting("A", 1, "x"), "price is 'x'; it must be a number"),  # type: ignore[arg-type]
        (lambda: Split("A", "2024-01-02", D(2)), "at is '2024-01-02'; it must be nanoseconds"),  # type: ignore[arg-type]
    ],
    ids=["colon", "none", "truth", "nan", "text", "date"],
)
def test_what_is_no_number_is_refused_where_it_is_written(make: Any, message: str) -> None:
    """The sentence names the action, the field and what was found, when the action is made."""
    with pytest.raises(ConfigError, match=message):
        make()
