"""Claims about sweeps that run in QuickBacktest: the same as in the engine, and proved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from onepath import Range, sma
from onepath.features import Feature
from onepath.research import sweep
from onepath.research.sweeps import Sweep
from onepath.targets import TargetStrategy


class Trend(TargetStrategy):
    """Long while the fast average is above the slow one."""

    class Params(TargetStrategy.Params):
        fast: Annotated[int, Range(1, 500)] = 20
        slow: Annotated[int, Range(2, 1_000)] = 50

    def features(self) -> dict[str, Feature]:
        return {"fast": sma(self.params.fast), "slow": sma(self.params.slow)}

    @staticmethod
    def target(fast: float, slow: float) -> float:
        return 0.9 if fast > slow else 0.0


def run(home: Path, **more: object) -> Sweep:
    found: Sweep = sweep(
        Trend, "us10", {"fast": "5:20:5", "slow": "30:60:15"}, symbols="AAPL", end="2018-12-31", workers=1, workspace=home,
        commission=0.001, **more,
    )  # type: ignore[arg-type]  # fmt: skip
    return found


def test_quick_and_engine_agree(tmp_path: Path) -> None:
    """Both ways give the same table (statistics to 1e-9 of their size, days exactly, returns to float32), the same windows of
    walk-forward and the same belief; the quick way says what the engine said of the best and some others: no fill apart."""
    plan = "train=1y,test=6m"
    quick, engine = run(tmp_path / "a", walk_forward=plan), run(tmp_path / "b", walk_forward=plan, engine=True)
    assert (quick.run.how, engine.run.how) == ("quick", "engine")
    assert {one.found.how for one in quick.tried} == {"quick"}
    for one, other in zip(quick.tried, engine.tried, strict=True):
        assert one.found.days == other.found.days
        assert np.allclose(
            np.frombuffer(one.found.returns, "<f4"), np.frombuffer(other.found.returns, "<f4"), atol=1e-7
        )
        for key, value in one.found.stats.items():
            if key in other.found.stats:
                assert value == pytest.approx(other.found.stats[key], rel=1e-9, abs=1e-9), key
    assert quick.walk is not None
    assert engine.walk is not None
    assert [f.best and f.best.point for f in quick.walk.folds] == [f.best and f.best.point for f in engine.walk.folds]
    assert quick.walk.sharpe == pytest.approx(engine.walk.sharpe)
    assert quick.belief is not None
    assert engine.belief is not None
    assert quick.belief.deflated == pytest.approx(engine.belief.deflated, abs=1e-6)
    assert [d.fills for d in quick.differences] == [0] * 4
    assert max(d.equity for d in quick.differences) < 1e-9
    assert quick.best is not None
    assert quick.differences[0].point == quick.best.point


def test_what_quickbacktest_does_not_reckon_runs_in_the_engine(tmp_path: Path) -> None:
    """A metric that only the engine has, or a cost that is no share of value, and the reason is told."""
    assert run(tmp_path, metric="beta").run.why_not == "QuickBacktest does not reckon beta"
    assert "latency" in run(tmp_path, latency={"model": "constant", "mean_ms": 5}).run.why_not


def test_both_ways_are_trials_of_their_own(tmp_path: Path) -> None:
    """Asked for the engine, nothing of the quick trials is taken from the log; the hypotheses are counted once."""
    run(tmp_path)
    engine = run(tmp_path, engine=True)
    assert engine.known == 0
    assert engine.belief is not None
    assert engine.belief.trials == 12
