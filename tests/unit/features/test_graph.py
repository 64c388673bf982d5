"""Features of features: one graph, each feature once, warm-ups that add up, and the same numbers however they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from onepath.errors import StrategyError
from onepath.features import Feature, atr, compute, ema, feature, returns, rsi, sma
from onepath.features.graph import graph
from onepath.features.plant import FeaturePlant
from onepath.feeds.columns import BarBatch
from onepath.market import Bar

CALLS: list[float] = []


@feature(inputs=("close", sma(2)))
def gap(state: Any, close: float, mean: float) -> float:
    """How far the close is above an average."""
    return close - mean


@feature(inputs=("close",), initial=lambda: [0.0])
def running_sum(state: Any, x: float) -> float:
    """A step that would never recover from a NaN."""
    state[0] += x
    return float(state[0])


@feature(inputs=("close",))
def counted(state: Any, close: float) -> float:
    """Says that it was called."""
    CALLS.append(close)
    return close


def bars(closes: Sequence[float]) -> list[Bar]:
    return [Bar("A", i, i + 1, x, x, x, x, 1.0) for i, x in enumerate(closes)]


def live(features: dict[str, Feature], closes: Sequence[float]) -> list[Any]:
    plant, rows = FeaturePlant(features, ["A"], None), []
    for bar in bars(closes):
        plant.update(bar, None)
        rows.append(plant.views["A"])
    return rows


def test_a_feature_of_a_feature() -> None:
    """Means of two over 2, 4, 8, 6 are 3, 6, 7; means of two of those 4.5 and 6.5, in history and live."""
    twice = sma(2, on=sma(2))
    closes = [2.0, 4.0, 8.0, 6.0]
    assert compute(twice, closes).tolist()[2:] == [4.5, 6.5]
    rows = live({"twice": twice}, closes)
    assert [row.twice for row in rows[2:]] == [4.5, 6.5]
    assert all(math.isnan(row.twice) for row in rows[:2])
    assert [row.ready for row in rows] == [False, False, True, True]


def test_fields_and_features_in_one_step() -> None:
    """The close minus the mean of two: 4 - 3, 8 - 6, 6 - 7."""
    assert compute(gap(), {"close": [2.0, 4.0, 8.0, 6.0]}).tolist()[1:] == [1.0, 2.0, -1.0]
    assert [row.gap for row in live({"gap": gap()}, [2.0, 4.0, 8.0, 6.0])[1:]] == [1.0, 2.0, -1.0]


def test_on_puts_other_inputs_in_their_place() -> None:
    """`on=` takes a field, a feature, or as many as the step has inputs; a parameter called `on` stays a parameter."""
    assert running_sum(on=sma(2)).inputs == (sma(2),)
    assert gap(on=("high", ema(3))).inputs == ("high", ema(3))
    assert gap(on=["high", "low"]).inputs == ("high", "low")

    @feature(inputs=("close",))
    def has_on(state: Any, close: float, on: float = 2.0) -> float:
        return close * on

    assert has_on(on=3.0).params == (("on", 3.0),)
    with pytest.raises(StrategyError, match=r"gap: on=.* must be 2 fields or features"):
        gap(on="close")
    with pytest.raises(StrategyError, match=r"input sma is not a feature yet; call it with its parameters: sma\(...\)"):
        running_sum(on=sma)


def test_a_step_is_not_called_before_its_inputs_are_numbers() -> None:
    """The mean of two is 3, 6, 7 from the second bar on: the sum of it is 3, 9, 16, not NaN for ever."""
    total = running_sum(on=sma(2))
    assert compute(total, [2.0, 4.0, 8.0, 6.0]).tolist()[1:] == [3.0, 9.0, 16.0]
    assert [row.x for row in live({"x": total}, [2.0, 4.0, 8.0, 6.0])[1:]] == [3.0, 9.0, 16.0]


def test_where_inputs_never_become_numbers_there_is_none() -> None:
    """Two bars are too few for a mean of three, whichever way."""
    assert all(math.isnan(x) for x in compute(running_sum(on=sma(3)), [1.0, 2.0]))
    assert all(math.isnan(row.x) for row in live({"x": running_sum(on=sma(3))}, [1.0, 2.0]))


def test_each_feature_is_computed_once_and_none_that_nobody_asked_for() -> None:
    """Two names and two other features need the same one: four bars, four calls; what is only defined is not called."""
    base = counted()
    wanted = {"one": base, "two": counted(), "mean": sma(2, on=base), "other": ema(3, on=base)}
    sma(5, on=counted(on="open"))
    CALLS.clear()
    live(wanted, [1.0, 2.0, 3.0, 4.0])
    assert CALLS == [1.0, 2.0, 3.0, 4.0]
    assert len(graph(wanted.values()).nodes) == 3


def test_inputs_come_first_and_the_order_is_that_of_asking() -> None:
    """An average of an average is after it, though it was asked for before."""
    nodes = graph([ema(3, on=sma(2)), sma(2), rsi(4)]).nodes
    assert [node.feature for node in nodes] == [sma(2), ema(3, on=sma(2)), rsi(4)]


@pytest.mark.parametrize(
    ("made", "total"),
    [
        (sma(3), 3),
        (sma(3, on=sma(4)), 6),  # four for the first mean, two more
        (ema(9, on=rsi(14)), 23),  # fifteen for the first rsi, eight more
        (sma(2, on=ema(3, on=returns(5))), 9),  # six, eight, nine
        (gap(on=("close", sma(7))), 7),
    ],
)
def test_warm_ups_add_up(made: Feature, total: int) -> None:
    """Counted by hand; and the first number comes at exactly that bar."""
    assert made.total_warm_up == total
    values = compute(made, {"close": [100.0 + (i * 7) % 11 for i in range(40)]}).tolist()
    assert [math.isnan(x) for x in values] == [i + 1 < total for i in range(40)]
    assert FeaturePlant({"x": made}, ["A"], None).warm_up == total


def test_names_tell_features_of_features_apart() -> None:
    """The key holds the whole definition, version by version; the repr reads."""
    made = ema(9, on=sma(20))
    assert made.key == "ema@1(window=9)[sma@1(window=20)[close]]"
    assert gap().key == "gap@1()[close,sma@1(window=2)[close]]"
    assert repr(made) == "ema(window=9) on (sma(window=20) on close)"
    assert len({made, ema(9, on=sma(20)), ema(9), ema(9, on=sma(21)), ema(9, on=sma(20, on="open"))}) == 4


def test_a_parameter_of_another_kind_is_another_feature() -> None:
    """1, 1.0 and True are equal in Python and compile differently: three features, three keys."""

    @feature(inputs=("close",))
    def times(state: Any, close: float, by: float) -> float:
        return close * by

    made = [times(1), times(1.0), times(True)]
    assert len(set(made)) == len({f.key for f in made}) == 3
    assert times(1) == times(1)
    assert times(1) != "times"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gap(on=("bid", "close")), "its inputs are of bars and quotes; a feature sees one kind of event"),
        (lambda: gap(on=("price", sma(2))), "its inputs are of bars and trades"),
        (lambda: sma(2, on="clsoe"), "a bar has no field 'clsoe' (did you mean 'close'?)"),
        (lambda: sma(2, on="bid").at("1h"), "a feature of quotes cannot be had at 1h, take one of open, high"),
        (lambda: sma(2).at("7m"), "the interval '7m' does not divide a day"),
        (feature(inputs=("close",))(lambda state, x: x), "is not an identifier"),
        (
            lambda: Feature("x", 1, ("close",), (), 1, 1, abs, list, low=2.0, high=1.0),
            "low=2.0 must not be above high=1.0",
        ),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Any], words: str) -> None:
    """In a sentence, where it is defined."""
    with pytest.raises(StrategyError) as caught:
        make()
    assert words in str(caught.value)


def test_a_missing_field_of_an_inner_feature_is_named() -> None:
    """The range needs highs, and the data have closes alone: the sentence names it though no name of the strategy's has it."""
    from onepath.errors import DataError

    class Closes:
        symbols = ("A",)

        def columns(self, symbol: str) -> dict[str, list[float]]:
            return {"close": [1.0]}

    plant = FeaturePlant({"x": sma(2, on=atr(3))}, ["A"], None)
    with pytest.raises(DataError, match="feature 'atr' needs high, which the data of A does not have"):
        plant.prepare(Closes())  # type: ignore[arg-type]
    with pytest.raises(StrategyError, match="no column 'high'"):
        compute(sma(2, on=atr(3)), {"close": [1.0]})


def test_a_batch_is_the_stream() -> None:
    """Columns cut anywhere, then bars one by one: the rows of the bars one by one from the start."""
    wanted = {"a": ema(3, on=sma(2)), "b": running_sum(on=rsi(3)), "c": gap()}
    closes = [100.0 + (i * 7) % 11 for i in range(30)]
    plant, rows = FeaturePlant(wanted, ["A"], None), []
    for first, last in ((0, 1), (1, 2), (2, 13), (13, 20)):
        part = closes[first:last]
        batch = BarBatch("A", range(first, last), range(first + 1, last + 1), [part] * 5)
        plant.prepare(batch)
        for event, _ in batch.events():
            plant.update(event, None)
            rows.append(plant.views["A"])
    plant.prepare(BarBatch("B", [0], [1], [[1.0]] * 5))
    for bar in bars(closes)[20:]:
        plant.update(bar, None)
        rows.append(plant.views["A"])
    assert list(map(str, rows)) == list(map(str, live(wanted, closes)))
