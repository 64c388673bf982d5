"""Where corporate actions come in a feed, what they take along, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from onepath.actions import CashDividend, CorporateAction, Delisting, Split, SymbolChange
from onepath.clock import HistoricalClock
from onepath.data.actions import read_actions
from onepath.errors import DataError
from onepath.feeds.actions import WithActions
from onepath.feeds.columns import ColumnFeed
from onepath.feeds.limited import Limited
from onepath.feeds.paced import Paced
from onepath.instruments import Instrument

D = Decimal


def feed(batch: int = 100, **closes: list[float]) -> ColumnFeed:
    """Bars of ten nanoseconds each, one after the other."""
    columns = {}
    for symbol, values in closes.items():
        starts = [10 * i for i in range(len(values))]
        prices = {name: list(values) for name in ("open", "high", "low", "close")}
        columns[symbol] = {"start": starts, "at": [s + 10 for s in starts], **prices, "volume": [1.0] * len(values)}
    return ColumnFeed(columns, {s: Instrument(symbol=s) for s in closes}, batch=batch)


def shape(given: Any) -> list[tuple[list[CorporateAction], list[tuple[str, float]]]]:
    return [(list(b.news), [(e.symbol, e.close) for e, _ in b.events()]) for b in given.batches()]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
@pytest.mark.parametrize("at", [11, 15, 20])
def test_before_the_first_bar_that_starts_then(batch: int, at: int) -> None:
    """Bars start at 0, 10, 20, 30: an action at 11 to 20 comes before the bar of 20, with the last price of 8, however the feed
    cuts its batches."""
    found = shape(WithActions(feed(batch, A=[7.0, 8.0, 4.0, 5.0]), [Split("A", at, D(2))]))
    flat = [entry for actions, rows in found for entry in [*actions, *rows]]
    assert flat == [("A", 7.0), ("A", 8.0), Split("A", at, D(2), price=D("8.0")), ("A", 4.0), ("A", 5.0)]


def test_columns_are_divided_with_their_rows() -> None:
    """Two symbols, an action of one in the middle: each stretch's columns are the rows it hands out, instants whole."""
    given = WithActions(feed(A=[1.0, 2.0, 3.0], B=[4.0, 5.0, 6.0]), [CashDividend("B", 10, D(1))])
    first, second = given.batches()
    closes = [list((b.columns(s) or {})["close"]) for b in (first, second) for s in "AB"]
    assert closes == [[1.0], [4.0], [2.0, 3.0], [5.0, 6.0]]
    assert [last for _, last in second.events()] == [False, True, False, True]
    assert (first.size, second.size, given.total) == (2, 4, 6)


def test_paced_and_limited_go_on_to_work() -> None:
    """A paced feed hands the action over with its instant; one cut off after three events ends after three."""
    action = CashDividend("A", 20, D(1))
    paced = shape(Paced(WithActions(feed(A=[1.0, 2.0, 3.0, 4.0]), [action]), HistoricalClock(1e12)))
    assert [len(actions) for actions, _ in paced] == [0, 0, 1, 0]
    limited = shape(Limited(WithActions(feed(A=[1.0, 2.0, 3.0, 4.0]), [action]), 3))
    assert [len(rows) for _, rows in limited] == [2, 1]


def test_the_end_of_a_symbol_comes_after_its_last_bar() -> None:
    """A delisting up to a week after the last bar comes by itself; a split then, or a delisting later, is of another run."""
    week = 7 * 86_400 * 10**9
    for action, comes in (
        (Delisting("A", 25), True),
        (Split("A", 25, D(2)), False),
        (Delisting("A", week + 21), False),
    ):
        found = shape(WithActions(feed(A=[1.0, 2.0]), [action]))
        assert ([rows for actions, rows in found if actions] == [[]]) is comes


def test_before_the_first_price_it_happens_to_nobody() -> None:
    """An action at or before the first bar is left out."""
    assert [actions for actions, _ in shape(WithActions(feed(A=[1.0, 2.0]), [CashDividend("A", 0, D(1))]))] == [[]]


def test_the_fingerprint_covers_the_actions() -> None:
    """Other actions, another hash; the same, the same."""
    prints = [WithActions(feed(A=[1.0, 2.0]), [CashDividend("A", 10, D(a))]).fingerprint() for a in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (Split("AA", 1, D(2)), "the split of AA: the data has no symbol 'AA'.*it has A"),
        (SymbolChange("A", 1, "Z"), "the data has no symbol 'Z'"),
        (Split("A", 1, D(0)), "ratio is 0; expected a number above zero"),
    ],
)
def test_what_makes_no_sense_is_refused(action: CorporateAction, message: str) -> None:
    """One sentence names the action, what is wrong and what to do."""
    with pytest.raises(DataError, match=message):
        WithActions(feed(A=[1.0]), [action])


def test_a_split_that_prices_do_not_show_is_refused() -> None:
    """80 before and 79 after four for one: the prices are adjusted already."""
    with pytest.raises(DataError, match="80 before and is 79 after, so the prices are adjusted"):
        shape(WithActions(feed(A=[80.0, 79.0]), [Split("A", 10, D(4))]))


def test_a_plain_file(tmp_path: Path) -> None:
    """One line an action; the date is midnight in New York (04:00 UTC in June)."""
    path = tmp_path / "actions.csv"
    path.write_text("symbol,date,type,ratio,amount\nA,2014-06-09,split,7,\nA,2014-05-08,cash_dividend,,3.29\n")
    found = read_actions(path, {"A": Instrument(symbol="A", calendar="XNYS")})
    june = 1_402_286_400_000_000_000  # 2014-06-09 04:00 UTC
    assert found[1] == Split("A", june, D(7))
    assert isinstance(found[0], CashDividend)
    assert found[0].amount == D("3.29")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A,2014-06-09,spilt,7", "line 2: type 'spilt' is unknown.*split"),
        ("A,2014-06-09,split,", "line 2: ratio is missing; expected a number"),
        ("A,2014-06-09,split,many", "line 2: ratio is 'many'; expected a number"),
        ("A,09.06.2014,split,7", "line 2: date is '09.06.2014'; expected a date such as"),
        (",2014-06-09,split,7", "line 2: symbol is missing"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, row: str, message: str) -> None:
    """File, line, what was found and what was expected."""
    path = tmp_path / "actions.csv"
    path.write_text(f"symbol,date,type,ratio\n{row}\n")
    with pytest.raises(DataError, match=message):
        read_actions(path, {})
