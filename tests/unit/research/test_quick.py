"""QuickBacktest: cases worked out by hand, the same in Python and compiled, equal to the engine on real data, refusals."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from onepath import (
    AccountTerms,
    Constant,
    Limits,
    PerShare,
    RiskPlan,
    SharedLimits,
    Strategy,
    StrategyError,
    TargetStrategy,
    VolumeShare,
    ema,
    rsi,
    sma,
)
from onepath.backtest import plan
from onepath.data import open_feed
from onepath.errors import ConfigError
from onepath.research import QuickBacktest, eligible, quick, verify

NAN = math.nan
DAY = 86_400_000_000_000
START = 1_704_067_200 * 1_000_000_000
"""Monday, 1 January 2024"""


class Cross(TargetStrategy):
    """Long above, short below."""

    class Params(TargetStrategy.Params):
        fast: int = 10
        slow: int = 30
        long: float = 0.95
        short: float = 0.0

    def features(self) -> dict[str, Any]:
        return {"quick": sma(self.params.fast), "calm": ema(self.params.slow)}

    @staticmethod
    def target(quick: float, calm: float, long: float, short: float) -> float:
        return long if quick > calm else -short


class Reversion(TargetStrategy):
    """Buys what is oversold and keeps it until it is dear."""

    class Params(TargetStrategy.Params):
        window: int = 14
        low: float = 35.0
        high: float = 60.0

    def features(self) -> dict[str, Any]:
        return {"strength": rsi(self.params.window)}

    @staticmethod
    def target(held: float, strength: float, low: float, high: float) -> float:
        if held == 0.0:
            return 0.5 if strength < low else math.nan
        return 0.0 if strength > high else math.nan


class Drift(TargetStrategy):
    """Trades nearly every bar: a weight that follows the distance of price and average, without a band."""

    band = 0

    class Params(TargetStrategy.Params):
        slow: int = 40

    def features(self) -> dict[str, Any]:
        return {"calm": sma(self.params.slow)}

    @staticmethod
    def target(close: float, calm: float) -> float:
        return max(-0.9, min(0.9, 4.0 * (calm - close) / close))


class Units(TargetStrategy):
    """Three units, two short, or none."""

    sized = "quantity"

    def features(self) -> dict[str, Any]:
        return {"strength": rsi(7)}

    @staticmethod
    def target(strength: float, open: float, close: float) -> float:
        if strength < 30.0:
            return 3.0
        return -2.0 if strength > 70.0 else 0.0 if close > open else math.nan


def bars(opens: list[float], closes: list[float], high: float | None = None, volume: float = 1e9) -> dict[str, Any]:
    """Daily bars, as high and low as they need be."""
    rows = list(zip(opens, closes, strict=True))
    return {
        "time": np.array([START + n * DAY for n in range(len(rows))]).astype("datetime64[ns]"),
        "open": opens,
        "high": [high or max(row) * 2 for row in rows],
        "low": [min(row) / 2 for row in rows],
        "close": closes,
        "volume": [volume] * len(rows),
    }


def over(data: dict[str, Any], lot: str = "1", **how: Any) -> QuickBacktest:
    return QuickBacktest(data, symbol="X", instruments={"X": {"lot_size": lot}}, calendar="24/7", **how)


# -- by hand


def test_a_purchase_and_a_sale_cost_their_shares() -> None:
    """1 % commission, 0.1 % slippage: bought at 110 x 1.001 = 110.11, sold at 130 x 0.999 = 129.87, fees 1.1011 and 1.2987."""
    data = bars([100, 110, 120, 130], [105, 115, 125, 135])
    runs = over(data, cash=1_000, commission="0.01", slippage="0.001").weights([1.0, NAN, 0.0, NAN], sized="quantity")
    found = runs[0].stats
    assert found["final_equity"] == pytest.approx(1_000 - 110.11 - 1.1011 + 129.87 - 1.2987, abs=1e-9)
    assert found["fees"] == pytest.approx(1.1011 + 1.2987, abs=1e-12)
    assert found["slippage"] == pytest.approx(0.11 + 0.13, abs=1e-12)
    assert found["expectancy"] == pytest.approx(129.87 - 110.11 - 2.3998, abs=1e-9)
    assert (found["trades"], found["fills"], found["win_rate"], found["profit_factor"] != found["profit_factor"]) == (
        *(1, 2, 1.0),
        True,
    )


def test_slippage_stays_inside_the_bar() -> None:
    """10 % over an open of 100 would be 110; the bar's high is 103, so 103 is paid."""
    runs = over(bars([100, 100, 100], [100, 100, 100], high=103.0), cash=1_000, slippage="0.1").weights(
        [1.0, NAN, NAN], sized="quantity"
    )
    assert runs["slippage"][0] == pytest.approx(3.0)
    assert runs["final_equity"][0] == pytest.approx(997.0)


def test_a_reversal_is_one_order_that_closes_and_opens() -> None:
    """Long 1 at 100, then short 1: 2 sold at 90 for 1.8, of which 0.9 leaves: 180 - 1.8 - 100 - 1 in cash, 80 owed at the end.
    The trip lost 10 + 1 + 0.9."""
    runs = over(bars([100, 100, 90], [100, 95, 80]), cash=1_000, commission="0.01").weights(
        [1.0, -1.0, NAN], sized="quantity"
    )
    found = runs[0].stats
    assert found["final_equity"] == pytest.approx(1_000 - 101 + 178.2 - 80)
    assert (found["trades"], found["fills"], found["win_rate"]) == (1, 2, 0.0)
    assert found["average_loss"] == pytest.approx(-11.9)


def test_a_weight_is_sized_at_the_close_and_filled_at_the_open() -> None:
    """Half of 1,000 at a close of 10 is 50 units; they cost 11 at the open: 450 in cash, 600 at the last close of 12."""
    runs = over(bars([10, 11, 12], [10, 12, 12]), cash=1_000).weights([0.5, NAN, NAN])
    assert runs["final_equity"][0] == 1_050.0
    assert runs["traded"][0] == 550.0


def test_nan_leaves_the_position_and_the_last_decision_comes_too_late() -> None:
    """What is wanted at the last close has no open to be filled at; the open position is worth its last close."""
    quick = over(bars([10, 10, 10, 20], [10, 10, 10, 20]), cash=1_000)
    runs = quick.weights(np.array([[1.0, NAN, NAN, NAN], [NAN, NAN, NAN, 1.0]]).T, sized="quantity")
    assert runs["final_equity"].tolist() == [1_010.0, 1_000.0]
    assert runs["fills"].tolist() == [1.0, 0.0]
    assert runs["trades"].tolist() == [0.0, 0.0]


def test_cash_pays_for_no_more_than_there_is() -> None:
    """All of 1,000 at a close of 10 is 100 units; the open is 12.5, and 80 are paid for."""
    runs = over(bars([10, 12.5, 12.5], [10, 12.5, 12.5]), cash=1_000).weights([1.0, NAN, NAN])
    assert (runs["traded"][0], runs["cut"][0]) == (1_000.0, 1.0)


def test_more_than_equity_is_denied_as_often_as_it_is_asked() -> None:
    """200 units at 10 are over an equity of 1,000: denied at each of three bars, and nothing is traded."""
    runs = over(bars([10, 10, 10], [10, 10, 10]), cash=1_000).weights([200.0, 200.0, 200.0], sized="quantity")
    assert (runs["denied"][0], runs["fills"][0]) == (3.0, 0.0)


def test_signals_hold_until_the_exit() -> None:
    """In at the second bar's close, out at the fourth's: bought at 12, sold at 15; a signal for both is an exit."""
    data = bars([10, 11, 12, 14, 15], [10, 12, 13, 15, 15])
    entries = np.array([[0, 1, 1, 0, 0], [0, 1, 0, 0, 0]], dtype=bool).T
    exits = np.array([[0, 0, 0, 1, 0], [0, 1, 0, 0, 0]], dtype=bool).T
    runs = over(data, cash=1_000).signals(entries, exits, size=10, sized="quantity")
    assert runs["final_equity"].tolist() == [1_030.0, 1_000.0]


def test_statistics_of_a_known_curve() -> None:
    """One unit bought at 100 with 100 of cash and then worth 110, 99 and 108.9: returns 10 %, -10 % and 10 % after a first day of
    none; deepest fall 10 %; mean 2.5 %, sample deviation sqrt((0.075^2 x 2 + 0.125^2 + 0.025^2) / 3)."""
    runs = over(bars([100, 100, 110, 99], [100, 110, 99, 108.9]), cash=100).weights([1.0, NAN, NAN, NAN], daily=True)
    deviation = math.sqrt((0.075**2 * 2 + 0.125**2 + 0.025**2) / 3)
    found = runs[0].stats
    assert runs.daily is not None
    assert runs.daily[0].tolist() == pytest.approx([0.0, 0.1, -0.1, 0.1])
    assert found["max_drawdown"] == pytest.approx(-0.1)
    assert found["volatility"] == pytest.approx(deviation * math.sqrt(365))
    assert found["sharpe"] == pytest.approx(0.025 / deviation * math.sqrt(365))
    assert found["sortino"] == pytest.approx(0.025 * 365 / (math.sqrt(0.1**2 / 4) * math.sqrt(365)))
    assert found["total_return"] == pytest.approx(0.089)


# -- the same however it is run

GRIDS: list[tuple[type[TargetStrategy], list[dict[str, Any]]]] = [
    (Cross, [{"fast": 5, "slow": 20}, {"fast": 12, "slow": 50, "short": 0.4}, {"fast": 3, "slow": 9, "long": 1.0}]),
    (Reversion, [{"window": 7}, {"window": 5, "low": 45.0}]),
    (Drift, [{"slow": 20}, {"slow": 100}]),
    (Units, [{}]),
]
COMPILED = GRIDS[1:3]
"""what is compiled by tests: seconds each"""
NAMES = [strategy.__name__ for strategy, _ in GRIDS]


@pytest.mark.parametrize(("strategy", "params"), COMPILED, ids=NAMES[1:3])
def test_compiled_is_python_to_the_last_bit(strategy: type[TargetStrategy], params: list[dict[str, Any]]) -> None:
    """Every statistic and every daily return, compared as bits."""
    how: dict[str, Any] = {"symbol": "TSLA", "commission": "0.001", "slippage": "0.0005"}
    slow = QuickBacktest("us10", compiled=False, **how).sweep(strategy, params, daily=True)
    fast = QuickBacktest("us10", compiled=True, **how).sweep(strategy, params, daily=True)
    assert {name: values.tobytes() for name, values in slow.stats.items()} == {
        name: values.tobytes() for name, values in fast.stats.items()
    }
    assert np.asarray(slow.daily).tobytes() == np.asarray(fast.daily).tobytes()
    assert slow["fills"].min() > 10


def test_the_length_of_stretches_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven bars at a time or all at once: equal bits."""
    book = QuickBacktest("us10", symbol="XOM", commission="0.001", compiled=False)
    whole = [book.sweep(strategy, params).stats for strategy, params in GRIDS]
    monkeypatch.setattr(quick, "STRETCH", 7)
    parts = [book.sweep(strategy, params).stats for strategy, params in GRIDS]
    for one, other in zip(whole, parts, strict=True):
        assert {n: v.tobytes() for n, v in one.items()} == {n: v.tobytes() for n, v in other.items()}


# -- the engine

SAMPLES: list[tuple[str, str, dict[str, Any]]] = [
    ("us10", "AAPL", {"commission": "0.001", "slippage": "0.0005"}),
    ("us10", "XOM", {}),
    ("btcusd_1m", "BTCUSD", {"cash": 100_000, "commission": "0.001", "slippage": "0.0002", "participation": None}),
]


@pytest.mark.parametrize(("data", "symbol", "costs"), SAMPLES, ids=[row[1] for row in SAMPLES])
@pytest.mark.parametrize(("strategy", "params"), GRIDS, ids=NAMES)
def test_real_data_give_the_engines_statistics(
    strategy: type[TargetStrategy], params: list[dict[str, Any]], data: str, symbol: str, costs: dict[str, Any]
) -> None:
    """As many trades, every statistic within 1e-9; the strategy does trade."""
    runs = QuickBacktest(data, symbol=symbol, compiled=False, **costs).sweep(strategy, params[-1:])
    proof = verify(runs, 1)
    assert not runs.refused
    assert runs["fills"].min() >= 5
    assert proof.equal, proof
    assert proof[0].quick["trades"] == proof[0].engine["trades"]
    assert len(proof[0].engine) == 32


def test_a_feature_of_features_and_one_of_an_interval() -> None:
    """What A computes of other features, and of hourly bars within minutes, is what the engine's strategy sees."""

    class Deep(TargetStrategy):
        def features(self) -> dict[str, Any]:
            return {"smooth": ema(5, on=sma(9)), "hour": sma(2).at("1h")}

        @staticmethod
        def target(smooth: float, hour: float) -> float:
            return 0.5 if smooth > hour else 0.0

    proof = verify(QuickBacktest("btcusd_1m", participation=None, compiled=False).sweep(Deep, [{}]), 1)
    assert proof.equal, proof
    assert proof[0].engine["fills"] > 5


def test_a_difference_would_be_seen() -> None:
    """Statistics of other costs are told apart, and the table says so."""
    runs = QuickBacktest("us10", symbol="AAPL", compiled=False).sweep(Cross, [{}])
    dear = QuickBacktest("us10", symbol="AAPL", commission="0.002", compiled=False).sweep(Cross, [{}])
    runs.stats.update(dear.stats)
    proof = verify(runs, 1)
    assert not proof.equal
    assert "NOT EQUAL" in repr(proof)


def test_verify_takes_the_best_and_others_by_the_seed() -> None:
    """The first is the best by the metric; equal seeds, equal points."""
    runs = QuickBacktest("us10", symbol="AAPL", compiled=False).sweep(Cross, [{"fast": n} for n in range(4, 12)])
    first, again = verify(runs, 3, seed=5), verify(runs, 3, seed=5)
    assert first[0].params == runs.best("sharpe").params
    assert [point.params for point in first] == [point.params for point in again]
    assert len({str(point.params) for point in first}) == 3


# -- what it refuses


class Hooked(Cross):
    def on_stop(self, context: Any) -> None:
        """Only the engine calls this."""


class Limited(Cross):
    limits = Limits(max_position_size=Decimal("0.5"))


class Waiting(Cross):
    warm_up = 5


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (Cross, ""),
        (Strategy, "Strategy is not a TargetStrategy"),
        (Hooked, "Hooked has on_stop of its own"),
        (Limited, "Limited is limited by max_position_size"),
        (Waiting, "Waiting has warm_up 5"),
    ],
)
def test_strategies_that_do_not_fit(strategy: type[Strategy], said: str) -> None:
    """The sentence names what does not fit; an empty one means that all does."""
    assert eligible(strategy).startswith(said)
    assert bool(eligible(strategy)) == bool(said)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, ""),
        ({"commission": "0.001", "slippage": "0.0005"}, ""),
        ({"commission": PerShare(per_share=Decimal(1))}, "commission is PerShare"),
        ({"commission": {"model": "bps", "params": {"bps": 1, "minimum": 1}}}, "commission is Bps"),
        ({"slippage": VolumeShare()}, "slippage is VolumeShare"),
        ({"latency": Constant(ms=5)}, "orders have latency"),
        ({"limits": Limits(max_orders=3)}, "cross is limited by max_orders"),
        ({"account": "cash"}, "the account has type"),
        ({"account": AccountTerms(borrow_rate=Decimal("0.01"))}, "the account has borrow_rate"),
        ({"risk": RiskPlan(account=SharedLimits(max_position=Decimal(5)))}, "the session has limits or breakers"),
    ],
)
def test_sessions_that_do_not_fit(how: dict[str, Any], said: str) -> None:
    """The same of costs, limits and accounts; `of_plan` raises it."""
    made = plan(Cross, open_feed("us10", symbols=["AAPL"]), **how)
    assert eligible(Cross, made).startswith(said)
    assert bool(eligible(Cross, made)) == bool(said)
    if said:
        with pytest.raises(ConfigError, match=said):
            QuickBacktest.of_plan(made)


def test_symbols_that_share_cash_and_several_strategies_are_refused() -> None:
    """One symbol, one strategy; `each` makes a book for every symbol."""
    assert "2 symbols that share its cash" in eligible(Cross, plan(Cross, open_feed("us10", symbols=["AAPL", "XOM"])))
    both = plan({"a": Cross, "b": Cross}, open_feed("us10", symbols=["AAPL"]))
    assert "2 strategies" in eligible(Cross, both)
    with pytest.raises(ConfigError, match="symbol='AAPL'"):
        QuickBacktest("us10")
    assert list(QuickBacktest.each("us10", ["AAPL", "XOM"])) == ["AAPL", "XOM"]


def test_ticks_are_refused() -> None:
    """Quotes are the engine's."""
    with pytest.raises(ConfigError, match="takes bars, and BTCUSDT brings quotes"):
        QuickBacktest("btcusdt_quotes")


def test_a_bar_too_thin_is_refused_for_that_set_alone() -> None:
    """A tenth of 50 units is less than the 10 wanted, not less than the 5: the first set has no statistics, the second has."""
    quick = over(bars([10, 10, 10], [10, 10, 10], volume=50.0), cash=1_000)
    runs = quick.weights(np.array([[10.0, NAN, NAN], [5.0, NAN, NAN]]).T, sized="quantity")
    assert list(runs.refused) == [0]
    assert "the order of 10 X is over 0.1 of the volume 50 at 2024-01-02T00:00Z" in runs.refused[0]
    assert np.isnan(runs["final_equity"][0])
    assert runs["fills"][1] == 1.0


def test_a_book_without_equity_is_refused() -> None:
    """Short 10 at 10 with 100: at 30 it owes 300 and has 200."""
    runs = over(bars([10, 10, 30], [10, 10, 30]), cash=100).weights([-10.0, NAN, NAN], sized="quantity")
    assert "equity is gone at 2024-01-03" in runs.refused[0]


def test_an_infinite_target_is_refused() -> None:
    """As the engine refuses it."""
    runs = over(bars([10, 10], [10, 10])).weights([math.inf, NAN])
    assert "target is infinite" in runs.refused[0]
    with pytest.raises(ConfigError, match="there is nothing to verify"):
        verify(runs)


def test_arguments_and_shapes_that_are_wrong() -> None:
    """One sentence each, with what was expected."""
    quick = over(bars([10, 10], [10, 10]))
    with pytest.raises(ConfigError, match=r"targets are of shape \(3, 1\); expected \(2,\) or \(2, k\)"):
        quick.weights([1.0, 1.0, 1.0])
    with pytest.raises(ConfigError, match="sized is 'units'"):
        quick.weights([1.0, 1.0], sized="units")
    with pytest.raises(ConfigError, match=r"entries are \(2, 1\) and exits \(2, 2\)"):
        quick.signals([1, 0], [[1, 0], [1, 0]])
    with pytest.raises(StrategyError, match="takes a TargetStrategy"):
        quick.sweep(Strategy, [{}])
    with pytest.raises(StrategyError, match=r"has no parameter 'fats' \(did you mean 'fast'\?\)"):
        quick.sweep(Cross, [{"fats": 3}])
    with pytest.raises(ConfigError, match=r"no statistic 'sharp' \(did you mean 'sharpe'\?\)"):
        quick.weights([1.0, 1.0])["sharp"]


def test_what_does_not_compile_runs_in_python_and_says_so() -> None:
    """A target that numba cannot compile gives the same numbers, with a warning."""

    class Text(TargetStrategy):
        @staticmethod
        def target(close: float) -> float:
            return 0.5 if f"{close:.2f}".endswith("5") else 0.0

    with pytest.warns(RuntimeWarning, match=r"Text.target does not compile and runs in Python, slower"):
        fast = QuickBacktest("us10", symbol="XOM", compiled=True).run(Text)
    assert fast.stats == QuickBacktest("us10", symbol="XOM", compiled=False).run(Text).stats


def test_arrays_are_read_as_a_frame_would_be() -> None:
    """Minutes as arrays, without going through a table: the same bars, statistics and proof as the pandas frame."""
    import pandas as pd

    count = 300
    draw = np.random.Generator(np.random.PCG64(3))
    close = np.round(100 * np.exp(np.cumsum(draw.normal(0, 1e-3, count))), 2)
    data: dict[str, Any] = {"open": close, "high": close + 0.1, "low": close - 0.1, "close": close, "volume": close * 0}
    data["time"] = (START + np.arange(count) * 60_000_000_000).astype("datetime64[ns]")
    params = [{"fast": 3, "slow": 12}]
    arrays = QuickBacktest(data, compiled=False, commission="0.001").sweep(Cross, params)
    frame = QuickBacktest(pd.DataFrame(data).set_index("time"), compiled=False, commission="0.001").sweep(Cross, params)
    assert arrays["fills"][0] > 5
    assert verify(arrays, 1).equal
    for name, values in frame.stats.items():
        assert values.tobytes() == arrays[name].tobytes(), name
