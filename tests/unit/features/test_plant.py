"""The executor: what a strategy sees, when it is ready, and what happens with odd batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from onepath.errors import DataError, StrategyError
from onepath.features import atr, compiled, ema, sma
from onepath.features.plant import FeaturePlant
from onepath.feeds.columns import BarBatch
from onepath.market import Bar, MarketEvent, Quote


def batch(symbols: str | Sequence[str], closes: Sequence[float]) -> BarBatch:
    rows = range(len(closes))
    return BarBatch(symbols, rows, [i + 1 for i in rows], [list(closes)] * 5)


def seen(plant: FeaturePlant, part: Any) -> list[tuple[str, Any]]:
    plant.prepare(part)
    rows = []
    for event, _ in part.events():
        plant.update(event, None)
        rows.append((event.symbol, plant.views.get(event.symbol)))
    return rows


class Live:
    """A batch as a live feed hands it over: events without columns."""

    def __init__(self, *events: MarketEvent) -> None:
        self.size = len(events)
        self._events = events

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        return ((event, True) for event in self._events)

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        return None


def bar(symbol: str, close: float) -> Bar:
    return Bar(symbol, 0, 1, close, close, close, close, 1.0)


def test_before_the_first_event_nothing_is_known() -> None:
    """Every symbol has a row of NaN that is not ready before its first event, and while a batch only lies staged."""
    plant = FeaturePlant({"fast": sma(1)}, ["A", "B"], 2)
    plant.prepare(batch("A", [5.0]))
    assert math.isnan(plant.views["A"].fast)
    assert plant.views["B"].ready is False


def test_each_event_shows_its_own_row() -> None:
    """The row is that of the event just delivered, ready from the longest warm-up on."""
    plant = FeaturePlant({"fast": sma(1), "slow": sma(3)}, ["A"], 4)
    rows = [row for _, row in seen(plant, batch("A", [3.0, 6.0, 9.0, 3.0]))]
    assert [row.fast for row in rows] == [3.0, 6.0, 9.0, 3.0]
    assert [row.ready for row in rows] == [False, False, True, True]
    assert [row.slow for row in rows[2:]] == [6.0, 6.0]
    assert plant.warm_up == 3


def test_symbols_do_not_mix() -> None:
    """Interleaved symbols have a state each; one that was not asked for is passed over."""
    plant = FeaturePlant({"mean": sma(2)}, ["A", "B"], 6)
    rows = seen(plant, batch(["A", "B", "X", "A", "B", "A"], [1.0, 10.0, 0.0, 3.0, 30.0, 5.0]))
    assert [row.mean for symbol, row in rows if symbol == "A"][1:] == [2.0, 4.0]
    assert [row.mean for symbol, row in rows if symbol == "B"][1:] == [20.0]
    assert "X" not in plant.views


def test_warm_up_is_counted_by_symbol_across_batches() -> None:
    """A symbol that is absent from a batch is neither moved nor warmed by it."""
    plant = FeaturePlant({"mean": sma(3)}, ["A", "B"], None)
    seen(plant, batch("A", [1.0, 2.0]))
    seen(plant, batch("B", [1.0]))
    assert [row.ready for _, row in seen(plant, batch("A", [3.0]))] == [True]
    assert not plant.views["B"].ready


def test_live_events_are_stepped() -> None:
    """Events without columns step the features, and columns after them go on from there."""
    plant = FeaturePlant({"mean": sma(2), "range": atr(1)}, ["A"], None)
    assert [row.mean for _, row in seen(plant, Live(bar("A", 2.0), bar("A", 4.0), bar("X", 1.0)))[1:2]] == [3.0]
    row = seen(plant, batch("A", [8.0]))[0][1]
    assert (row.mean, row.range, row.ready) == (6.0, 4.0, True)
    assert seen(plant, Live(bar("A", 10.0)))[0][1].mean == 9.0


def test_what_is_not_a_bar_changes_nothing() -> None:
    """A quote leaves the row of the last bar in place."""
    plant = FeaturePlant({"mean": sma(1)}, ["A"], None)
    rows = seen(plant, Live(bar("A", 2.0), Quote("A", 2, 1.0, 1.1, 5.0, 5.0)))
    assert rows[0][1] is rows[1][1]


def test_views_may_be_another_mapping() -> None:
    """Rows go wherever `views` points, so that the context can show them in a mapping of its own."""
    plant = FeaturePlant({"mean": sma(1)}, ["A"], None)
    plant.views = mine = dict(plant.views)
    seen(plant, batch("A", [2.0]))
    assert mine["A"].mean == 2.0


def test_rows_cannot_be_changed_and_know_their_names() -> None:
    """A row is frozen, and a name that was not required is an attribute error."""
    row = FeaturePlant({"mean": sma(1)}, ["A"], None).views["A"]
    with pytest.raises(AttributeError):
        row.mean = 1.0
    with pytest.raises(AttributeError, match="mena"):
        row.mena  # noqa: B018


@pytest.mark.parametrize("symbols", ["A", ["A"], ["A", "A"]])
def test_only_symbols_in_the_batch_are_asked_for(symbols: Any) -> None:
    """Where a batch says which symbols it has, no columns are asked for others."""

    class Named(BarBatch):
        asked: list[str]

        def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
            self.asked.append(symbol)
            return super().columns(symbol)

    part = Named("A", [0], [1], [[1.0]] * 5)
    part.asked, part.symbols = [], symbols  # type: ignore[attr-defined]
    seen(FeaturePlant({"mean": sma(1)}, ["A", "B", "C"], None), part)
    assert part.asked == ["A"]


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"ready": sma(2)}, "feature name 'ready' is taken"),
        ({"my name": sma(2)}, "feature name 'my name' cannot be an attribute"),
        ({"class": sma(2)}, "feature name 'class' cannot be an attribute"),
        ({"_x": sma(2)}, "feature name '_x' cannot be an attribute"),
        ({"fast": 20}, "feature 'fast' is 20, not a feature such as sma(20)"),
        ({"fast": sma}, "call it with its parameters: fast=sma(...)"),
    ],
)
def test_bad_names_and_values_are_refused(features: Any, words: str) -> None:
    """A name that cannot be an attribute, or a value that is no feature, is refused in a sentence that names it."""
    with pytest.raises(StrategyError) as caught:
        FeaturePlant(features, ["A"], None)
    assert words in str(caught.value)


def test_missing_input_is_the_datas_fault() -> None:
    """Data without a field that a feature needs is refused, with the feature, the field and the symbol."""

    class Closes(Live):
        def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
            return {"close": [1.0]}

    with pytest.raises(DataError, match="feature 'traded' needs volume, which the data of A does not have"):
        FeaturePlant({"mean": sma(2), "traded": ema(2, on="volume")}, ["A"], None).prepare(Closes(bar("A", 1.0)))


def test_more_events_than_rows_is_loud() -> None:
    """A batch whose columns are shorter than its events is refused, not stretched."""

    class Short(Live):
        def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
            return {"close": [1.0]}

    plant = FeaturePlant({"mean": sma(2)}, ["A"], None)
    with pytest.raises(DataError, match="more events of A than its columns have rows"):
        seen(plant, Short(bar("A", 1.0), bar("A", 2.0)))


@pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")
def test_whole_numbers_in_columns_are_floats() -> None:
    """Columns of int give the same floats compiled, in Python and event by event."""
    for expected in (None, 10**9):
        plant = FeaturePlant({"mean": sma(1)}, ["A"], expected)
        assert type(seen(plant, batch("A", [2, 3]))[1][1].mean) is float
    assert type(seen(FeaturePlant({"mean": sma(1)}, ["A"], None), Live(bar("A", 2)))[0][1].mean) is float
