"""Features of an interval: the last closed bar, built by the rules of timeframes, the same however the data come."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onepath import Strategy, backtest
from onepath.actions import Split, SymbolChange
from onepath.errors import StrategyError
from onepath.features import atr, compute, ema, feature, rank, sma
from onepath.features.plant import FeaturePlant
from onepath.feeds.columns import BarBatch
from onepath.market import Bar, Quote, Trade

NAN = math.nan
MINUTE = 60_000_000_000
HOUR = 60 * MINUTE


@feature(inputs=("close",))
def price(state: Any, close: float) -> float:
    return close


@feature(inputs=("close", price().at("5m")))
def above(state: Any, close: float, before: float) -> float:
    """How far the close is above that of the last five minutes."""
    return close - before


@feature(inputs=("high", "low", "volume"))
def shape(state: Any, high: float, low: float, volume: float) -> float:
    return (high - low) * 1000.0 + volume


def minute(n: int, close: float, symbol: str = "A") -> Bar:
    return Bar(symbol, n * MINUTE, (n + 1) * MINUTE, close, close + 1, close - 1, close, 10.0)


def seen(plant: FeaturePlant, events: list[Any], name: str = "x") -> list[float]:
    """As an engine delivers them: what time closes is closed before."""
    found = []
    for event in events:
        while plant.frames is not None and plant.frames.due <= event.at:
            plant.close(plant.frames.due)
        plant.update(event, None)
        found.append(getattr(plant.views[event.symbol], name))
    return found


def plant_of(**features: Any) -> FeaturePlant:
    return FeaturePlant(features, ["A", "B"], None, interval_ns=MINUTE)


def test_the_value_of_the_last_closed_bar() -> None:
    """Minutes 0 to 10 at 100, 101, ...: five minutes close at 104 and 109, known with the bar that ends them; their mean of two
    is 106.5."""
    minutes = [minute(n, 100.0 + n) for n in range(11)]
    assert str(seen(plant_of(x=price().at("5m")), minutes)) == str([NAN] * 4 + [104.0] * 5 + [109.0] * 2)
    assert str(seen(plant_of(x=sma(2).at("5m")), minutes)) == str([NAN] * 9 + [106.5] * 2)


def test_all_fields_of_the_built_bar() -> None:
    """Five minutes of lows from 99 and highs to 105, ten units each: 6 x 1000 + 50."""
    assert seen(plant_of(x=shape().at("5m")), [minute(n, 100.0 + n) for n in range(5)])[-1] == 6050.0


def test_a_gap_closes_a_bar_with_time() -> None:
    """Nobody trades in minute 4: one minute after the end of the five, at 6, it is known that they closed at 103."""
    events = [minute(n, 100.0 + n) for n in (0, 1, 2, 3, 5, 6)]
    assert str(seen(plant_of(x=price().at("5m")), events)) == str([NAN] * 4 + [103.0] * 2)
    plant = plant_of(x=price().at("5m"))
    seen(plant, events[:4])
    assert plant.frames is not None
    assert plant.frames.due == 6 * MINUTE
    plant.close(6 * MINUTE - 1)
    assert math.isnan(plant.views["A"].x)
    plant.close(6 * MINUTE)
    assert plant.views["A"].x == 103.0


def test_fields_of_now_and_a_bar_of_before() -> None:
    """The close of now against that of the last five minutes: 105 - 104, ..., and 110 - 109 after the next."""
    found = seen(plant_of(x=above()), [minute(n, 100.0 + n) for n in range(11)])
    assert str(found) == str([NAN] * 4 + [0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 1.0])


def test_bars_of_ticks_close_before_what_comes_then() -> None:
    """Trades at 10, 12 and, exactly a minute on, 20: the minute closed at 12 before that."""
    plant = FeaturePlant({"x": price().at("1m")}, ["A"], None, kinds={"A": ["trades"]})
    trades = [Trade("A", at, x, 1.0) for at, x in ((1, 10.0), (2, 12.0), (MINUTE, 20.0))]
    assert str(seen(plant, trades)) == str([NAN, NAN, 12.0])


def test_ready_counts_bars_of_each_interval() -> None:
    """A mean of two hours and one of three minutes: ready with the bar that ends the second hour, at 120 minutes."""
    plant = plant_of(x=sma(2).at("1h"), y=sma(3))
    ready = [bool(x) for x in seen(plant, [minute(n, 100.0) for n in range(121)], "ready")]
    assert ready == [False] * 119 + [True, True]
    assert plant.warm_up == 3 * 60  # the first hour may have begun before the data


def test_ready_waits_for_what_begins_late() -> None:
    """A mean of three of what needs a closed five minutes begins with minute 4: ready at minute 6."""
    plant = plant_of(x=sma(3, on=above()))
    assert [bool(x) for x in seen(plant, [minute(n, 100.0) for n in range(8)], "ready")] == [False] * 6 + [True] * 2


def test_the_interval_goes_through_all_inputs() -> None:
    """`at` moves the inputs too; an input of another interval keeps its own; a feature of an hour's feature counts hours."""
    assert ema(9, on=sma(5)).at("1h").key == "ema@1(window=9)[sma@1(window=5)[close]@1h]@1h"
    assert ema(9, on=sma(5).at("4h")).interval == "4h"
    assert above().at("15m").key == "above@1()[close,price@1()[close]@5m]@15m"
    assert above().at("15m").at("1h").key == "above@1()[close,price@1()[close]@5m]@1h"
    assert ema(9, on=sma(5).at("60m")) == ema(9, on=sma(5)).at("1h")
    assert [price().at(i).interval for i in ("30s", "90s", "120m", "24h")] == ["30s", "90s", "2h", "1d"]
    assert repr(sma(5).at("1h")) == "sma(window=5) on close at 1h"
    assert rank(sma(5)).at("1h") == rank(sma(5).at("1h"))


def test_columns_and_single_bars_are_one() -> None:
    """Whole columns of minutes, and the same bars one by one: every row the same; what is not of an interval is staged."""
    closes = [100.0 + (n * 7) % 11 for n in range(130)]
    wanted = {"hour": atr(1).at("1h"), "five": sma(3).at("5m"), "now": sma(3), "both": above()}
    whole, single = plant_of(**wanted), plant_of(**wanted)
    rows = range(130)
    prices = [[c + d for c in closes] for d in (0.0, 1.0, -1.0, 0.0)] + [[10.0] * 130]
    batch = BarBatch("A", [n * MINUTE for n in rows], [(n + 1) * MINUTE for n in rows], prices)
    whole.prepare(batch)
    for event, _ in batch.events():
        whole.update(event, None)
        single.update(event, None)
        assert str(whole.views["A"]) == str(single.views["A"])
    assert whole.views["A"].ready


def test_after_a_split_all_is_in_todays_units() -> None:
    """Two for one in the middle of five minutes: the closed ones go from 104 to 52, the difference to now too, the ones under way
    close in new units; and the sum is that of a run over halved prices."""
    wanted = {"five": sma(2).at("5m"), "both": above(), "now": sma(2), "place": rank(price())}
    plant = FeaturePlant(wanted, ["A"], None, ["A"], interval_ns=MINUTE)
    for n in range(12):
        plant.update(minute(n, 100.0 + n), None)
    plant.settle()
    plant.act(Split("A", 12 * MINUTE, Decimal(2)))
    halved = FeaturePlant(wanted, ["A"], None, interval_ns=MINUTE)
    for n in range(12):
        bar = minute(n, (100.0 + n) / 2)
        halved.update(Bar("A", bar.start, bar.at, bar.open, (101.0 + n) / 2, (99.0 + n) / 2, bar.close, 20.0), None)
    halved.settle()
    assert (plant.views["A"].five, plant.views["A"].both) == (53.25, 1.0)  # (104 + 109) / 4, (111 - 109) / 2
    assert str(plant.views["A"]) == str(halved.views["A"])
    for one in (plant, halved):
        for n in range(12, 20):
            one.update(minute(n, 50.0 + n), None)
        one.settle()
    assert str(plant.views["A"]) == str(halved.views["A"])


def test_a_new_name_goes_on_with_the_hour() -> None:
    """A becomes B in the middle of five minutes: they close under the new name."""
    plant = FeaturePlant({"x": price().at("5m")}, ["A", "B"], None, ["A"], interval_ns=MINUTE)
    for n in range(3):
        plant.update(minute(n, 100.0 + n), None)
    plant.act(SymbolChange("A", 3 * MINUTE, "B"))
    for n in (3, 4):
        plant.update(minute(n, 100.0 + n, "B"), None)
    assert plant.views["B"].x == 104.0


class Hourly(Strategy):
    """Writes down features of two intervals beside its own bars of them."""

    rows: list[Any]

    def on_start(self, context: Any) -> None:
        context.features.require(hour=price().at("1h"), five=price().at("5m"), mean=sma(3).at("5m"))
        context.timeframes.require("1h", "5m")
        type(self).rows = []

    def on_bar(self, bar: Any, interval: str, context: Any) -> None:
        assert getattr(context.features["A"], "hour" if interval == "1h" else "five") == bar.close

    def on_market_event(self, event: Any, context: Any) -> None:
        row, five = context.features["A"], context.timeframes["A", "5m"]
        self.rows.append((row.hour, row.five, row.mean, five[-1].close if five else NAN))


def frame(rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(4)
    close = 100 + draw.normal(0, 1, rows).cumsum()
    index = pd.date_range("2024-03-01", periods=rows, freq="1min", tz="UTC")
    prices = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.0}
    return pd.DataFrame(prices, index=index)[draw.random(rows) < 0.7]


def test_a_session_and_history_say_the_same() -> None:
    """With a third of the minutes missing: the session's features are the closes of its own bars of the interval, and compute
    gives the session's numbers, bit for bit."""
    data = frame()
    backtest(Hourly, data, symbols="A")
    assert [str(five) for _, five, _, _ in Hourly.rows] == [str(own) for _, _, _, own in Hourly.rows]
    for which, made in enumerate((price().at("1h"), price().at("5m"), sma(3).at("5m"))):
        found = compute(made, data)
        assert (found.index == data.index).all()
        assert str(found.tolist()) == str([row[which] for row in Hourly.rows])


def test_bars_that_do_not_fit_are_refused_at_the_start() -> None:
    """Hours cannot be built of bars of seven minutes, nor minutes of hours: one sentence, before the first bar."""
    with pytest.raises(StrategyError, match="bars of 1m cannot be built for A: its data are bars of 3600 seconds"):
        FeaturePlant({"x": price().at("1m")}, ["A"], None, interval_ns=HOUR)


def test_what_others_bring_is_passed_over() -> None:
    """Quotes of a symbol whose hours are built of bars close nothing."""
    plant = plant_of(x=price().at("5m"))
    assert math.isnan(seen(plant, [Quote("A", HOUR, 1.0, 1.1, 1.0, 1.0)])[0])


def test_history_needs_to_know_when() -> None:
    """A list has no times, and an hour cannot be told: the sentence says what to give."""
    with pytest.raises(
        StrategyError, match="needs to know when bars begin and end: give a frame with an index of times"
    ):
        compute(sma(2).at("1h"), [1.0, 2.0])
    with pytest.raises(StrategyError, match="needs to know when bars begin and end of B"):
        compute(sma(2).at("1h"), {"B": {"close": [1.0]}})
