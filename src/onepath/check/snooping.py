"""Data snooping: how many things were tried before this one, and what the best of so many would have shown by chance.

Rules: all trials of the strategy on these data count, from every sweep that was ever run in the workspace, each code and set of
parameters once. The deflated Sharpe ratio is the probability that the true one is above what the best of as many trials without
skill is expected to show; see `research/overfit` for the formulas and their source.
Limits: what was tried by hand, elsewhere or by others on the same history is in no log.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from onepath.report.formulas import Floats
from onepath.research import overfit
from onepath.research.trials import Trial


class Snooping(NamedTuple):
    """What the log of trials says."""

    trials: int
    """distinct things tried before"""
    expected: float
    """the annual Sharpe ratio that the best of as many without skill is expected to show"""
    deflated: float
    """probability that the true one of this run is above it"""


def snooping(returns: Floats, periods: float, trials: Sequence[Trial]) -> Snooping:
    """What is left of the Sharpe ratio of daily `returns` after so many trials; `periods` are days a year."""
    known = [sharpe for trial in trials if math.isfinite(sharpe := _sharpe(trial))]
    if len(known) < 2:
        return Snooping(len(trials), math.nan, math.nan)
    own = overfit.shape(returns[np.isfinite(returns)])
    spread = float(np.std(known, ddof=1))
    deflated = overfit.deflated_sharpe(own.sharpe, len(known), spread, own.size, own.skew, own.kurtosis)
    expected = overfit.expected_maximum(len(known), spread) * math.sqrt(periods)
    return Snooping(len(known), expected, deflated)


def _sharpe(trial: Trial) -> float:
    """The daily Sharpe ratio of a trial; NaN where it has none."""
    return overfit.shape(np.frombuffer(trial.found.returns, dtype="<f4").astype(np.float64)).sharpe
