"""Cross-sections: by hand, against scipy and pandas, and when they are known."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onepath import Strategy, backtest
from onepath.actions import Delisting
from onepath.errors import StrategyError
from onepath.features import across_zscore, compute, demean, feature, rank, sma
from onepath.features.across import over_symbols
from onepath.features.definition import Feature
from onepath.features.plant import FeaturePlant
from onepath.market import Bar

NAN = math.nan


def section(made: Feature, *values: float) -> list[float]:
    assert made.across is not None
    return over_symbols(made.across, values)


@feature(inputs=("close",))
def price(state: Any, close: float) -> float:
    return close


def bar(symbol: str, n: int, close: float) -> Bar:
    return Bar(symbol, n, n + 1, close, close, close, close, 1.0)


def test_ranks_by_hand() -> None:
    """Of 30, 10, 20 and 20: the fourth, the first, and the second and third shared; as fractions, of four."""
    assert section(rank(price(), fraction=False), 30.0, 10.0, 20.0, 20.0) == [4.0, 1.0, 2.5, 2.5]
    assert section(rank(price()), 30.0, 10.0, 20.0, 20.0) == [1.0, 0.25, 0.625, 0.625]


def test_without_a_number_there_is_no_rank() -> None:
    """It takes no place either: the others are two; and where nobody has one, nobody is ranked."""
    assert str(section(rank(price()), NAN, 10.0, 20.0)) == str([NAN, 0.5, 1.0])
    assert str(section(rank(price()), NAN, NAN)) == str([NAN, NAN])


def test_demean_and_zscore_by_hand() -> None:
    """1, 3 and 8: mean 4, deviation sqrt((9 + 1 + 16) / 3); one symbol, or equal ones, have no deviation."""
    assert section(demean(price()), 1.0, 3.0, 8.0) == [-3.0, -1.0, 4.0]
    deviation = math.sqrt(26 / 3)
    assert section(across_zscore(price()), 1.0, 3.0, 8.0) == [-3 / deviation, -1 / deviation, 4 / deviation]
    assert str(section(across_zscore(price()), 5.0)) == str([NAN])
    assert str(section(across_zscore(price()), 5.0, 5.0)) == str([NAN, NAN])
    assert section(demean(price()), 5.0) == [0.0]
    assert str(section(across_zscore(price()), 5e-324, 0.0)) == str(
        [NAN, NAN]
    )  # the squares are too small for a number


def test_as_pandas_and_scipy_have_them() -> None:
    """Ranks as pandas' rank(pct=True), to the last bit; z-scores as scipy's, to 1e-13."""
    stats = pytest.importorskip("scipy.stats")
    draw = random.Random(5)  # noqa: S311
    for size in (1, 2, 7, 50):
        values = [draw.choice([draw.gauss(0, 1), 0.5, -0.5]) for _ in range(size)]
        assert section(rank(price()), *values) == pd.Series(values).rank(pct=True).tolist()
        if len(set(values)) > 1:
            assert section(across_zscore(price()), *values) == pytest.approx(stats.zscore(values), rel=1e-13, abs=1e-13)


def test_the_order_of_symbols_decides_nothing() -> None:
    """Shuffled values have the same z-scores, bit for bit."""
    draw = random.Random(6)  # noqa: S311
    values = [draw.gauss(0, 1e6) * 10.0 ** draw.randint(-9, 9) for _ in range(40)]
    found = dict(zip(values, section(across_zscore(price()), *values), strict=True))
    draw.shuffle(values)
    assert section(across_zscore(price()), *values) == [found[value] for value in values]


def test_known_at_the_end_of_the_instant() -> None:
    """While events of an instant come, the ranks are those of the last one; then they are its own."""
    plant = FeaturePlant({"place": rank(price())}, ["A", "B"], None)
    seen = []
    for n, prices in enumerate(((1.0, 2.0), (4.0, 3.0))):
        for symbol, close in zip("AB", prices, strict=True):
            plant.update(bar(symbol, n, close), None)
            seen.append([plant.views[s].place for s in "AB"])
        plant.settle()
        seen.append([plant.views[s].place for s in "AB"])
    assert str(seen) == str([[NAN, NAN], [NAN, NAN], [0.5, 1.0], [0.5, 1.0], [0.5, 1.0], [1.0, 0.5]])


def test_where_nobody_is_asked_the_next_instant_settles_the_last() -> None:
    """While history is shown there is no end of an instant: the next event sees the ranks of the one before."""
    plant = FeaturePlant({"place": rank(price())}, ["A", "B"], None)
    plant.update(bar("A", 0, 1.0), None)
    plant.update(bar("B", 0, 2.0), None)
    plant.update(bar("A", 1, 5.0), None)
    assert [plant.views[s].place for s in "AB"] == [0.5, 1.0]
    assert plant.settle() == ()
    assert [plant.views[s].place for s in "AB"] == [1.0, 0.5]
    assert plant.settle() == ()  # nothing came since


def test_what_is_computed_of_a_rank_takes_one_value_an_instant() -> None:
    """A's ranks are 1/2, 1, 1; their means of two 3/4 and 1. B trades in the first instant alone: it has one rank, and no mean,
    though its place changes."""
    plant = FeaturePlant({"calm": sma(2, on=rank(price()))}, ["A", "B"], None)
    seen = []
    for n, prices in enumerate(({"A": 1.0, "B": 2.0}, {"A": 3.0}, {"A": 4.0})):
        for symbol, close in prices.items():
            plant.update(bar(symbol, n, close), None)
        plant.settle()
        seen.append((plant.views["A"].calm, plant.views["A"].ready, plant.views["B"].calm, plant.views["B"].ready))
    assert str(seen) == str([(NAN, False, NAN, False), (0.75, True, NAN, False), (1.0, True, NAN, False)])


def test_time_alone_can_change_a_place() -> None:
    """Minutes of A and B until 4; A's five minutes close at 104 with its minute 4, B's, where nobody trades then, with time, at
    6: only then is there a second rank."""
    minute = 60_000_000_000
    plant = FeaturePlant({"place": rank(price()).at("5m")}, ["A", "B"], None, interval_ns=minute)
    for n, symbols in enumerate(("AB", "AB", "AB", "AB", "A")):
        for symbol in symbols:
            close = 100.0 + n + (symbol == "B")
            plant.update(Bar(symbol, n * minute, (n + 1) * minute, close, close, close, close, 1.0), None)
        plant.settle()
    assert str([plant.views[s].place for s in "AB"]) == str([1.0, NAN])
    plant.close(6 * minute)
    assert str([plant.views[s].place for s in "AB"]) == str([0.75, 0.75])  # both closed at 104


def test_a_delisted_symbol_has_no_place_until_it_trades_again() -> None:
    """A is gone: B is alone, 1 of 1; A trades again: first of two."""
    plant = FeaturePlant({"place": rank(price())}, ["A", "B"], None)
    for symbol, close in (("A", 1.0), ("B", 2.0)):
        plant.update(bar(symbol, 0, close), None)
    plant.settle()
    plant.act(Delisting("A", 1))
    plant.update(bar("B", 1, 2.0), None)
    plant.settle()
    assert str([plant.views[s].place for s in "AB"]) == str([NAN, 1.0])
    plant.update(bar("A", 2, 1.0), None)
    plant.settle()
    assert [plant.views[s].place for s in "AB"] == [0.5, 1.0]


class Ranked(Strategy):
    """Writes down what it sees, in `on_market_event` and in `generate_orders`."""

    heard: list[Any]
    asked: list[Any]

    def on_start(self, context: Any) -> None:
        context.features.require(place=rank(price()), calm=sma(2, on=rank(price())))
        type(self).heard, type(self).asked = [], []

    def on_market_event(self, event: Any, context: Any) -> None:
        self.heard.append(context.features["A"].place)

    def generate_orders(self, context: Any) -> Any:
        self.asked.append([(context.features[s].place, context.features[s].calm) for s in context.symbols])
        return ()


def frames() -> dict[str, pd.DataFrame]:
    found = {}
    for seed, symbol in enumerate("ABC"):
        draw = np.random.default_rng(seed)
        close = 100 + draw.normal(0, 1, 60).cumsum()
        times = pd.date_range("2024-03-01", periods=60, freq="1min", tz="UTC")
        columns = dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1.0}
        found[symbol] = pd.DataFrame(columns, index=times)[draw.random(60) < 0.8]
    return found


def test_a_strategy_sees_in_its_orders_what_pandas_ranks() -> None:
    """With bars missing here and there, a symbol counts with its last price: rows of a forward-filled table, ranked by pandas."""
    data = frames()
    backtest(Ranked, data, symbols=list(data))
    closes = pd.DataFrame({symbol: frame["close"] for symbol, frame in data.items()}).ffill()
    expected = closes.rank(axis=1, pct=True).to_numpy().tolist()
    assert str([[place for place, _ in row] for row in Ranked.asked]) == str(expected)
    # What on_market_event sees is of the instant before: of as many events as there are.
    before: list[float] = []
    for n, (_, row) in enumerate(pd.DataFrame({s: f["close"] for s, f in data.items()}).iterrows()):
        before += [NAN if n == 0 else expected[n - 1][0]] * int(row.notna().sum())
    assert str(Ranked.heard) == str(before)


def test_over_history_the_same_numbers() -> None:
    """compute(...) over a mapping of frames gives, bit for bit, what the strategy saw at the symbol's bars."""
    data = frames()
    backtest(Ranked, data, symbols=list(data))
    times = sorted(set().union(*(frame.index for frame in data.values())))
    for made, which in ((rank(price()), 0), (sma(2, on=rank(price())), 1)):
        found = compute(made, data)
        for place, (symbol, frame) in enumerate(data.items()):
            seen = [row[place][which] for row, time in zip(Ranked.asked, times, strict=True) if time in frame.index]
            assert (found[symbol].index == frame.index).all()
            assert str(found[symbol].tolist()) == str(seen)


def test_over_history_without_times_rows_are_instants() -> None:
    """Two lists by symbol: the first row of either is one instant."""
    found = compute(rank(price()), {"A": {"close": [1.0, 5.0]}, "B": {"close": [2.0, 3.0]}})
    assert {symbol: values.tolist() for symbol, values in found.items()} == {"A": [0.5, 1.0], "B": [1.0, 0.5]}


def test_one_symbol_is_no_cross_section() -> None:
    """Data of one symbol are refused with what to give instead; a plain feature of several gives a mapping."""
    with pytest.raises(StrategyError, match="is of all symbols: give their data by name"):
        compute(rank(price()), {"close": [1.0]})
    found = compute(sma(2), {"A": {"close": [1.0, 5.0]}, "B": {"close": [2.0, 3.0]}})
    assert (found["A"][1], found["B"][1]) == (3.0, 2.5)


def test_a_rank_says_what_it_is() -> None:
    """Its key names what it ranks; its own step is never called."""
    made = rank(sma(20))
    assert made.key == "rank@1(fraction=True)[sma@1(window=20)[close]]"
    assert made.total_warm_up == 20
    assert math.isnan(made.step([], 1.0, True))
