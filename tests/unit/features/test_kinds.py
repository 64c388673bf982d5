"""Features of quotes, trades and the book: each moves with its own kind of event, and no other."""

from __future__ import annotations

import math
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from onepath.actions import Split
from onepath.book import Book
from onepath.features import compute, ema, feature, sma
from onepath.features.definition import FIELDS_OF
from onepath.features.plant import FeaturePlant
from onepath.market import Bar, BookUpdate, Quote, Trade

NAN = math.nan


@feature(inputs=("bid", "ask"))
def width(state: Any, bid: float, ask: float) -> float:
    return ask - bid


@feature(inputs=("price", "size", "aggressor"), initial=lambda: [0.0])
def flow(state: Any, price: float, size: float, aggressor: float) -> float:
    """Money that buyers took, less what sellers took."""
    state[0] += price * size * aggressor
    return float(state[0])


@feature(inputs=("bid_depth", "ask_depth"), low=-1.0, high=1.0)
def imbalance(state: Any, bids: float, asks: float) -> float:
    both = bids + asks
    return (bids - asks) / both if both > 0.0 else math.nan


@feature(inputs=("best_bid", "best_ask"))
def middle(state: Any, bid: float, ask: float) -> float:
    return (bid + ask) / 2


def bar(close: float, at: int = 1) -> Bar:
    return Bar("A", at - 1, at, close, close, close, close, 1.0)


def test_each_kind_moves_its_own() -> None:
    """A quote moves the width, a trade the flow, a bar the mean; what does not move stays. Ready once each has come."""
    plant = FeaturePlant({"width": width(), "flow": flow(), "mean": sma(2)}, ["A"], None)
    rows = []
    for event in (
        Quote("A", 1, 9.5, 10.0, 5.0, 5.0),
        Trade("A", 2, 10.0, 3.0, 1),
        bar(10.0, 3),
        Trade("A", 4, 9.0, 2.0, -1),
        bar(12.0, 5),
        Quote("A", 6, 9.75, 10.0, 5.0, 5.0),
    ):
        plant.update(event, None)
        row = plant.views["A"]
        rows.append((row.width, row.flow, row.mean, row.ready))
    assert str(rows) == str(
        [
            (0.5, NAN, NAN, False),
            (0.5, 30.0, NAN, False),
            (0.5, 30.0, NAN, False),
            (0.5, 12.0, NAN, False),
            (0.5, 12.0, 11.0, True),
            (0.25, 12.0, 11.0, True),
        ]
    )


def test_columns_of_bars_are_staged_beside_ticks() -> None:
    """A batch of bars with columns, while a feature of quotes stands still, then a quote."""
    from onepath.feeds.columns import BarBatch

    plant = FeaturePlant({"width": width(), "mean": sma(2)}, ["A"], None)
    plant.update(Quote("A", 1, 9.5, 10.0, 5.0, 5.0), None)
    batch = BarBatch("A", [1, 2], [2, 3], [[4.0, 6.0]] * 5)
    plant.prepare(batch)
    for event, _ in batch.events():
        plant.update(event, None)
    assert (plant.views["A"].width, plant.views["A"].mean) == (0.5, 5.0)


def levels(first: float, step: float, sizes: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    return tuple((first + step * n, size) for n, size in enumerate(sizes))


def test_the_depth_of_the_best_five_levels() -> None:
    """Six bids of 1 to 6 and two asks of 10: 15 against 20 in five levels, so -5 / 35; then the bids are gone: -1; then all."""
    books = {"A": Book("A")}
    context = SimpleNamespace(books=books)
    plant = FeaturePlant({"x": imbalance(), "m": middle(), "calm": sma(2, on=imbalance())}, ["A"], None)
    assert plant.books
    bids, asks = levels(99.0, -1.0, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)), levels(101.0, 1.0, (10.0, 10.0))
    seen = []
    for at, (b, a) in enumerate(((bids, asks), ((), asks), ((), ())), start=1):
        best_bid, best_ask = (b[0][0] if b else 0.0), (a[0][0] if a else 0.0)
        event = BookUpdate(symbol="A", at=at, bids=b, asks=a, bid=best_bid, ask=best_ask, snapshot=True)
        books["A"].apply(event)
        plant.update(event, context)
        seen.append((plant.views["A"].x, plant.views["A"].m))
    assert str(seen) == str([(-5 / 35, 100.0), (-1.0, NAN), (NAN, NAN)])


def test_a_feature_of_bars_reads_no_book() -> None:
    """Books are kept for those alone that ask."""
    assert not FeaturePlant({"mean": sma(2)}, ["A"], None).books


def test_over_history_by_the_names_of_the_fields() -> None:
    """Columns of bids and asks, of trades, of depths; a feature of a feature of them too."""
    assert compute(width(), {"bid": [1.0, 2.0], "ask": [1.5, 2.25]}).tolist() == [0.5, 0.25]
    assert compute(flow(), {"price": [10.0, 9.0], "size": [3, 2], "aggressor": [1, -1]}).tolist() == [30.0, 12.0]
    assert compute(imbalance(), {"bid_depth": [3.0], "ask_depth": [1.0]}).tolist() == [0.5]
    assert compute(sma(2, on=width()), {"bid": [1.0, 2.0], "ask": [1.5, 2.25]}).tolist()[1:] == [0.375]


def test_a_split_restates_quotes_and_trades() -> None:
    """Two for one: widths and means of prices are halved, sizes doubled, so that money that changed hands stays."""
    plant = FeaturePlant({"mean": sma(2, on="price"), "flow": flow(), "width": ema(1, on=width())}, ["A"], None, ["A"])
    for event in (
        Quote("A", 1, 9.5, 10.0, 5.0, 5.0),
        Trade("A", 2, 10.0, 3.0, 1),
        Trade("A", 3, 20.0, 1.0, 1),
    ):
        plant.update(event, None)
    plant.act(Split("A", 4, Decimal(2)))
    assert (plant.views["A"].mean, plant.views["A"].flow, plant.views["A"].width) == (7.5, 50.0, 0.25)


def test_every_field_has_one_kind() -> None:
    """No field's name stands for two kinds, and each is an attribute of its event (those of the book are asked of it)."""
    names = [field for fields in FIELDS_OF.values() for field in fields]
    assert len(names) == len(set(names))
    for kind, event in (("bars", Bar), ("quotes", Quote), ("trades", Trade)):
        assert set(FIELDS_OF[kind]) <= set(event.__struct_fields__)
