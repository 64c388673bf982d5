"""The check in the engine: strategies that cheat are caught, honest ones pass, and each sentence rests on a number."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

import onepath
from onepath import Strategy, feature, sma
from onepath.check import BAD, Check, Finding, of_backtest
from onepath.check.findings import of_bootstrap, of_costs, of_delay, of_survivors, of_warm_up
from onepath.check.robust import AddedSlippage, Case, Later, break_even
from onepath.check.snooping import snooping
from onepath.check.survivors import Survivors
from onepath.check.warming import Settling, WarmUp
from onepath.errors import StrategyError
from onepath.examples.rsi_reversion import RsiReversion
from onepath.examples.sma_cross import SmaCross
from onepath.research.subject import Found
from onepath.research.trials import Trial
from onepath.simulator.latency import Constant
from onepath.simulator.slippage import FixedBps, Seen

SEEN: list[float] = []
"""what a cheating feature has looked at: in a batch, all of it, before the first bar is decided on"""


@feature(inputs=("close",))
def peeking(state: Any, close: float) -> float:
    """Honest by its value, but leaves what it sees where the strategy finds it."""
    SEEN.append(close)
    return close


class Peeks(Strategy):
    """Buys where the last close that the feature has seen, which is the batch's last, is above today's."""

    def on_start(self, context: Any) -> None:
        SEEN.clear()
        context.features.require(close=peeking())

    def generate_orders(self, context: Any) -> Any:
        symbol = context.symbols[0]
        return context.target(symbol, weight=0.9 if SEEN[-1] > context.features[symbol].close else 0.0)


class Units(Strategy):
    """A hundred units while the fast average is above the slow one."""

    def on_start(self, context: Any) -> None:
        context.features.require(fast=sma(10), slow=sma(30))

    def generate_orders(self, context: Any) -> Any:
        f = context.features["AAPL"]
        return context.target("AAPL", quantity=100 if f.ready and f.fast > f.slow else 0, band=0)


class Fails(Strategy):
    """Raises."""

    def generate_orders(self, context: Any) -> Any:
        raise ValueError("broken")


class Still(Strategy):
    """Does nothing."""


@pytest.fixture(scope="module")
def honest() -> Check:
    return of_backtest(SmaCross(fast=10, slow=30), "us10", symbols=["AAPL", "MSFT"], commission=0.0005)


def level(found: Check, subject: str) -> str:
    """The worst level that was found of a subject."""
    order = ("good", "note", "doubt", "bad")
    return max((one.level for one in found.findings if one.subject == subject), key=order.index)


def test_an_honest_strategy_is_not_blamed(honest: Check) -> None:
    """Moving averages on two stocks: no decision knew the future, features are ready when they say so, at their window."""
    assert not honest.lookahead.glimpses
    assert honest.lookahead.runs == 12
    assert honest.lookahead.compared > 100
    assert {one.name: (one.declared, one.close, one.exact) for one in honest.warm_up} == {
        "fast": (10, 10, 10),
        "slow": (30, 30, 30),
    }
    assert level(honest, "look-ahead") == "good"
    assert level(honest, "warm-up") == "good"
    assert honest.verdict != BAD


def test_a_strategy_that_sees_ahead_is_caught() -> None:
    """A feature that lets the batch's last close slip out: other futures change what was decided before them."""
    found = of_backtest(Peeks, "us10", symbols="AAPL")
    assert found.lookahead.glimpses
    assert all(glimpse.decided_at <= glimpse.at for glimpse in found.lookahead.glimpses)
    assert {glimpse.how for glimpse in found.lookahead.glimpses} == {"end", "go on differently"}
    assert found.verdict == BAD
    assert "decisions depend on what comes later: peeks at" in repr(found)


def test_a_recursive_feature_needs_more_than_it_says() -> None:
    """Wilder's average of 14 bars is ready after 15 and forgets its beginning by (13/14)^n: 1e-9 of it after some 300 bars."""
    found = of_backtest(RsiReversion, "us10", symbols="AAPL", moments=1)
    (one,) = found.warm_up
    assert one.declared == 15
    assert one.exact is not None
    # 1e-9 is reached when (13/14)^n is about 1e-9: n = ln(1e-9) / ln(13/14) = 280, give or take what the first value was off
    assert 200 < one.exact < 420


def test_dearer_and_later_are_run_in_the_engine(honest: Check) -> None:
    """`as configured` is the backtest itself; with 10 bps more a side it is the backtest with 10 bps of slippage."""
    own = onepath.backtest(SmaCross(fast=10, slow=30), "us10", symbols=["AAPL", "MSFT"], commission=0.0005)
    dear = onepath.backtest(
        SmaCross(fast=10, slow=30), "us10", symbols=["AAPL", "MSFT"], commission=0.0005, slippage=0.001
    )
    cases = {case.label: case for case in honest.costs}
    assert cases["as configured"].total_return == own.stats["total_return"]
    assert cases["+10 bps a side"].total_return == dear.stats["total_return"]
    assert cases["no costs"].total_return > cases["+50 bps a side"].total_return
    assert honest.delay[1].label == "one bar later"
    assert honest.delay[1].total_return != honest.delay[0].total_return


def test_orders_of_a_later_beginning_join_those_of_the_whole_run() -> None:
    """All in or all out, in units: the averages forget, so a run that begins a quarter later has the same orders before long."""
    found = of_backtest(Units, "us10", symbols="AAPL", moments=1).settling
    assert found is not None
    assert found.agrees is not None
    assert found.began <= found.agrees < found.began + 90 * 86_400 * 10**9  # the slow average takes 30 bars, six weeks


def test_a_strategy_that_fails_ends_the_check() -> None:
    """With its own sentence."""
    with pytest.raises(StrategyError, match="ValueError: broken"):
        of_backtest(Fails, "us10", symbols="AAPL")


def test_a_feature_of_a_feature_waits_for_it() -> None:
    """sma(5) of sma(20) has its first value at bar 24, is right from then on, and is not blamed; daily bars seen by the hour
    are left out and named."""

    class Nested(Strategy):
        def on_start(self, context: Any) -> None:
            context.features.require(nested=sma(5, on=sma(20)), longer=sma(3).at("1d"))

        def generate_orders(self, context: Any) -> Any:
            return [order for s in context.symbols for order in context.target(s, weight=0.5)]

    bars = onepath.data.read("us10", symbols="AAPL", end="2016-01-01", frames="pandas")
    hours = bars["AAPL"].set_index(pd.date_range("2024-01-01", periods=len(bars["AAPL"]), freq="h"))
    hours = hours[["open", "high", "low", "close", "volume"]]
    found = of_backtest(Nested, hours, moments=1, asset_class="crypto")
    (warm,) = found.warm_up
    assert (warm.declared, warm.close, warm.early) == (24, 24, False)
    assert any("of several symbols: " in one.says and one.says.endswith(".longer") for one in found.findings)


def test_an_interrupted_run_ends_the_check() -> None:
    """Ctrl-C ends a session early and in order; what it had until then is not judged as if it were all."""

    class Interrupted(Strategy):
        def on_market_event(self, event: Any, context: Any) -> None:
            if event.close > 50:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        of_backtest(Interrupted, "us10", symbols="AAPL", moments=1)


def test_a_strategy_that_does_nothing() -> None:
    """There is nothing to compare and nothing to be lucky with, and that is said."""
    found = of_backtest(Still, "us10", symbols="AAPL", moments=2)
    said = {(one.subject, one.level) for one in found.findings}
    assert {("look-ahead", "note"), ("costs", "note"), ("chance", "note")} <= said
    assert found.lookahead.moments == 2


def test_a_strategy_with_a_failure_in_the_future_alone_is_caught() -> None:
    """Prices that were adjusted by what came later are not the feed's future; but a frame's own columns are cut with it."""
    days = pd.date_range("2020-01-01", periods=300, freq="B", tz="UTC")
    close = 100 + np.sin(np.arange(300) / 7) * 10
    frame = pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6}, index=days
    )
    found = of_backtest(Peeks, {"X": frame}, moments=3)
    assert found.verdict == BAD


@pytest.mark.parametrize(
    ("returns", "level"),
    [
        ((0.5, 0.4, 0.3, 0.2, 0.1, 0.05), None),
        ((0.2, 0.1, 0.05, -0.05, -0.2, -0.5), 7.5),
        ((0.1, -0.1) + (-0.2,) * 4, None),
    ],
)
def test_break_even_by_hand(returns: tuple[float, ...], level: float | None) -> None:
    """Between +5 bps (0.05) and +10 bps (-0.05) nothing is left at 7.5; never, or not even as configured: none."""
    cases = [Case(str(i), value, 0.0, 0.0, 5.0) for i, value in enumerate(returns)]
    assert break_even(cases) == (None if level is None else pytest.approx(level))


def test_added_costs_and_delays_come_on_top() -> None:
    """5 bps and 10 added are 15, in sizing too; never more than 99 %. 2 ms and 3 s added are 3.002 s, out but not back."""
    model = AddedSlippage(FixedBps(bps=5), Decimal("0.001"))
    assert model.share(Decimal(1), Seen(100.0)) == Decimal("0.0015")
    assert model.typical == Decimal("0.0015")
    assert AddedSlippage(model, Decimal(2)).share(Decimal(1), Seen(100.0)) == Decimal("0.99")
    late = Later(Constant(ms=2, back_ms=1), 3_000_000_000)
    assert (late.outward(), late.homeward()) == (3_002_000_000, 1_000_000)


def case(total: float, trades: float = 50.0, label: str = "x") -> Case:
    return Case(label, total, 1.0, -0.1, trades)


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (of_costs([case(0.2), case(0.1), case(-0.1)], 2.5), "doubt", "gone with 2.5 bps a side more"),
        (of_costs([case(0.2), case(0.1), case(-0.1)], 25.0), "note", "gone with 25.0 bps"),
        (of_costs([case(0.2), case(-0.01), case(-0.1)], None), "bad", "nothing is earned as configured: -1.00%"),
        (of_delay([case(0.5), case(0.2, label="one bar later")]), "doubt", "one bar later: +20.00% instead of +50.00%"),
        (of_survivors(Survivors(10, (), (), dated=False)), "doubt", "none of the 10 symbols ends before"),
        (of_survivors(Survivors(10, ("X",), (), dated=False)), "note", "10 symbols, 1 of which ended"),
        (of_survivors(Survivors(4, (), (), dated=False)), "note", "4 symbols, 0 of which"),
        (of_survivors(Survivors(10, (), (), dated=True)), "good", "universe with dates"),
        (of_bootstrap(None, 0.0)[0], "doubt", "fewer than 20 days"),
        (of_warm_up([WarmUp("s", "e", "ema(50)", 50, None, None, 900)], [], None)[0], "doubt", "whole history never"),
        (of_warm_up([WarmUp("s", "e", "ema(50)", 50, 80, 900, 900)], [], None)[0], "doubt", "after 80 bars"),
        (
            of_warm_up([], ["s.rank"], None)[0],
            "note",
            "not looked at, being of longer bars or of several symbols: s.rank",
        ),
        (
            of_warm_up([WarmUp("s", "e", "sma(50)", 50, None, None, 4)], [], None)[0],
            "doubt",
            "too short to tell (4 bars tried",
        ),
        (of_delay([case(0.0, 0.0), case(0.0, 0.0)]), "note", "no round trips, so a delay makes no difference"),
        (of_warm_up([], [], Settling(None, 0, 3))[0], "note", "the orders never become those of the whole run"),
    ],
)
def test_sentences(finding: Finding, level: str, words: str) -> None:
    """Each level by the rule of its finding, with the number it rests on."""
    assert finding.level == level
    assert words in finding.says


def test_few_round_trips_are_a_doubt(honest: Check) -> None:
    """Fewer than thirty round trips: one or two decide it."""
    assert [one.level for one in of_bootstrap(honest.bootstrap, 12.0)][-1] == "doubt"


def test_the_page_and_the_json(honest: Check, tmp_path: Path) -> None:
    """One self-contained page with every finding; JSON without NaN, equal for equal checks."""
    page = honest.report(tmp_path / "deep" / "check.html").read_text(encoding="utf-8")
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert page.count("<section") == 6
    again = of_backtest(SmaCross(fast=10, slow=30), "us10", symbols=["AAPL", "MSFT"], commission=0.0005)
    one, two = (msgspec.json.encode(found.as_json()) for found in (honest, again))
    assert one == two
    assert b"NaN" not in one


def test_the_command(tmp_path: Path) -> None:
    """`onepath check CONFIG` in a new workspace: verdict and page on stdout, progress on stderr, 0; --json is one value."""
    run = [sys.executable, "-m", "onepath.cli"]
    subprocess.run([*run, "init", "w"], cwd=tmp_path, check=True, capture_output=True)
    home = tmp_path / "w"
    done = subprocess.run(
        [*run, "check", "config/backtest.yaml", "--moments", "2", "--draws", "200"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("what to believe: ")
    assert (home / "checks" / "backtest.html").is_file()
    assert "look-ahead 2/2" in done.stderr
    told = subprocess.run(
        [*run, "check", "config/backtest.yaml", "--moments", "1", "--json", "-q"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert msgspec.json.decode(told.stdout)["look_ahead"]["moments"] == 1
    assert told.stderr == ""


def test_what_was_tried_before_counts(tmp_path: Path) -> None:
    """After a sweep of nine parameter sets in the workspace the check counts nine, without being asked."""
    run = [sys.executable, "-m", "onepath.cli"]
    subprocess.run([*run, "init", "w"], cwd=tmp_path, check=True, capture_output=True)
    home = tmp_path / "w"
    asked = ["--param", "fast=5,10,15", "--param", "slow=30,40,50", "--workers", "1"]
    subprocess.run([*run, "sweep", "config/backtest.yaml", *asked], cwd=home, check=True, capture_output=True)
    done = subprocess.run(
        [*run, "check", "config/backtest.yaml", "--moments", "1", "-q"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "9 things were tried on these data" in done.stdout, done.stdout + done.stderr


def test_deflation_by_hand() -> None:
    """Daily Sharpe ratios a and b: the expected best is their deviation times 0.42278 Z(1/2) + 0.57722 Z(1 - 1/2e)."""
    chance = np.random.default_rng(1)
    rows = [chance.normal(shift, 0.01, 500).astype("<f4") for shift in (0.0, 0.002)]
    facts = {"strategy": "s", "code": "c", "data": "d", "symbols": "X", "first_at": 0, "last_at": 1, "config": "k"}
    facts["purpose"] = "search"
    trials = [
        Trial(key=str(i), params=str(i), found=Found("ok", returns=row.tobytes()), **facts)  # type: ignore[arg-type]
        for i, row in enumerate(rows)
    ]
    a, b = (float(r.astype(float).mean() / r.astype(float).std(ddof=1)) for r in rows)
    best = abs(a - b) / math.sqrt(2) * (0.5772156649 * NormalDist().inv_cdf(1 - 1 / (2 * math.e)))
    found = snooping(rows[1].astype(float), 252.0, trials)
    assert found.trials == 2
    assert found.expected == pytest.approx(best * math.sqrt(252))
    assert 0 < found.deflated < 1
    assert math.isnan(snooping(rows[1].astype(float), 252.0, trials[:1]).deflated)


def test_the_command_refuses_what_is_no_backtest(tmp_path: Path) -> None:
    """A configuration for paper is refused with a sentence, and a page outside of the workspace is."""
    run = [sys.executable, "-m", "onepath.cli"]
    subprocess.run([*run, "init", "w"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [*run, "check", "config/paper.yaml"], cwd=tmp_path / "w", capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "check runs over history; config/paper.yaml has mode paper" in done.stderr


def test_nan_is_no_number_in_json() -> None:
    """What is undefined is null."""
    found = of_backtest(Still, "us10", symbols="AAPL", moments=1)
    assert found.as_json()["chance"]["intervals"]["sharpe"]["value"] is None
    assert not math.isfinite(found.costs[1].sharpe)
