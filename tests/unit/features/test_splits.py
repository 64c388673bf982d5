"""Features and history through splits: as if prices had been in today's units from the start."""

from __future__ import annotations

import random
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from onepath.actions import CashDividend, Split, StockDividend, SymbolChange
from onepath.features import atr, ema, rsi, sma
from onepath.features.plant import FeaturePlant
from onepath.feeds.columns import BarBatch
from onepath.market import Bar
from onepath.views import History

D = Decimal
WANTED = {"sma": sma(5), "ema": ema(4), "rsi": rsi(6), "atr": atr(5)}


def prices(bars: int, seed: int) -> list[list[float]]:
    """A random walk: open, high, low, close, volume."""
    random_ = random.Random(seed)  # noqa: S311
    close, rows = 100.0, []
    for _ in range(bars):
        opens, close = close, close * (1 + random_.uniform(-0.03, 0.03))
        rows.append([opens, max(opens, close) * 1.01, min(opens, close) * 0.99, close, random_.uniform(1e3, 1e6)])
    return [list(column) for column in zip(*rows, strict=True)]


def divided(columns: list[list[float]], ratio: float) -> list[list[float]]:
    return [[value / ratio for value in column] for column in columns[:4]] + [[v * ratio for v in columns[4]]]


def batch(columns: list[list[float]], symbol: str = "A") -> BarBatch:
    rows = range(len(columns[0]))
    return BarBatch(symbol, rows, [row + 1 for row in rows], columns)


def run(plant: FeaturePlant, columns: list[list[float]], symbol: str = "A", *, stepped: bool = False) -> list[Any]:
    given: Any = batch(columns, symbol)
    if stepped:
        given = SimpleNamespace(events=given.events, columns=lambda _: None)
    plant.prepare(given)
    rows = []
    for event, _ in given.events():
        plant.update(event, None)
        rows.append(msgspec.structs.astuple(plant.views[symbol]))
    return rows


@pytest.mark.parametrize("expected_events", [None, 10_000_000])
@pytest.mark.parametrize("stepped", [False, True])
def test_features_after_splits_are_those_of_adjusted_prices(expected_events: int | None, stepped: bool) -> None:
    """Three for one, then one for seven: after each, every value is bit for bit that of prices adjusted from the start."""
    first, second, third = prices(30, 1), prices(25, 2), prices(20, 3)
    plant = FeaturePlant(WANTED, ["A"], expected_events, ["A"])
    run(plant, first, stepped=stepped)
    plant.act(Split("A", 1, D(3)))
    after_one = [msgspec.structs.astuple(plant.views["A"]), *run(plant, second, stepped=stepped)]
    plant.act(Split("A", 2, D(1) / D(7)))
    after_two = [msgspec.structs.astuple(plant.views["A"]), *run(plant, third, stepped=stepped)]

    fresh = FeaturePlant(WANTED, ["A"], None)
    assert after_one == [run(fresh, divided(first, 3.0))[-1], *run(fresh, second)]
    seventh = float(D(1) / D(7))
    fresh = FeaturePlant(WANTED, ["A"], None)
    run(fresh, divided(first, float(3 * (D(1) / D(7)))))
    assert after_two == [run(fresh, divided(second, seventh))[-1], *run(fresh, third)]


def test_no_jump_in_an_average_at_a_split() -> None:
    """A price that stands still at 700, and at 100 after seven for one: its average is 100 at once, and no gain or loss is
    seen by the RSI."""
    plant = FeaturePlant({"mean": sma(5), "rsi": rsi(5)}, ["A"], None, ["A"])
    before = run(plant, [[700.0] * 10] * 4 + [[1.0] * 10])[-1]
    plant.act(Split("A", 1, D(7)))
    after = run(plant, [[100.0] * 3] * 4 + [[7.0] * 3])
    assert (before[0], {row[0] for row in after}) == (700.0, {100.0})
    assert {row[1] for row in after} == {before[1]}


def test_unadjusted_there_is_one() -> None:
    """Without the action the same data do jump: the test above can fail."""
    plant = FeaturePlant({"mean": sma(5)}, ["A"], None)
    run(plant, [[700.0] * 10] * 4 + [[1.0] * 10])
    assert run(plant, [[100.0]] * 4 + [[7.0]])[0][0] == 580.0  # (4 x 700 + 100) / 5


def test_a_stock_dividend_is_a_split_and_a_cash_dividend_is_not() -> None:
    """A quarter of a unit for each: 100 becomes 80. Four in cash: the price did fall, unless it is asked to be taken out: 96."""
    flat = [[100.0] * 3] * 4 + [[1.0] * 3]
    dividend = CashDividend("A", 1, D(4), price=D(100))
    for action, adjust, mean in (
        (StockDividend("A", 1, D("0.25")), False, 80.0),
        (dividend, False, 100.0),
        (dividend, True, 96.0),
    ):
        plant = FeaturePlant({"mean": sma(3)}, ["A"], None, ["A"], adjust_dividends=adjust)
        run(plant, flat)
        plant.act(action)
        assert plant.views["A"].mean == mean


def test_a_new_name_goes_on_where_the_old_one_was() -> None:
    """Two bars of A at 10 and one of B at 40, once A is B: the average of three is 20, and it is warm."""
    plant = FeaturePlant({"mean": sma(3)}, ["A", "B"], None, ["A"])
    run(plant, [[10.0] * 2] * 4 + [[1.0] * 2])
    plant.act(SymbolChange("A", 1, "B"))
    row = run(plant, [[40.0]] * 4 + [[1.0]], "B")[0]
    assert row == (20.0, True)


def test_volume_goes_the_other_way() -> None:
    """Seven times as many units were traded as there are units now."""
    history = History(["A"])
    history.require(3)
    for at, price in ((1, 700.0), (2, 770.0)):
        history.update(Bar("A", at - 1, at, price, price, price, price, 10.0), None)
    history.act(Split("A", 2, D(7)))
    history.update(Bar("A", 2, 3, 101.0, 101.0, 101.0, 101.0, 50.0), None)
    assert [(bar.close, bar.volume) for bar in history["A"]] == [(100.0, 70.0), (110.0, 70.0), (101.0, 50.0)]


def test_history_rounds_once_however_many_splits() -> None:
    """A close of 0.7 after three for one and seven for one is 0.7 / 21, not (0.7 / 3) / 7; a bar between is divided by 7."""
    history = History(["A"])
    history.require(5)
    history.update(Bar("A", 0, 1, 0.7, 0.7, 0.7, 0.7, 1.0), None)
    history.act(Split("A", 1, D(3)))
    history.update(Bar("A", 1, 2, 0.7, 0.7, 0.7, 0.7, 1.0), None)
    history.act(Split("A", 2, D(7)))
    assert history.closes("A", 2) == [0.7 / 21, 0.7 / 7]
