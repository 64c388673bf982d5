"""Claims about execution.queue: which model a configuration means, and the sentence for what it cannot mean."""

from __future__ import annotations

import pytest

from onepath.build import _market as market_of
from onepath.config import loads
from onepath.errors import ConfigError
from onepath.simulator.queues import Back, Front, Probability, Through

TEXT = """\
mode: backtest
clock: {start_date: 2023-01-01, end_date: 2023-12-31}
data: {path: prices.csv}
strategies: [{name: sma_cross, capital: 100000}]
execution:
"""


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ("type: simulated", Through()),
        ("queue: back", Back()),
        ("queue: {model: front}", Front()),
        ("queue: {model: through}", Through()),
        ("queue: {model: probability}", Probability(2.0)),
        ("queue: {model: probability, params: {power: 3}}", Probability(3.0)),
    ],
)
def test_the_model_that_is_named(written: str, model: object) -> None:
    """By name alone or with parameters; without the key the market has to go through the price."""
    assert market_of(loads(TEXT + "  " + written)).queue == model


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("queue: middle", r"execution\.queue.*'middle'"),
        ("queue: {model: probability, params: {power: 0}}", r"execution\.queue\.params\.power"),
        ("queue: {model: back, params: {power: 2}}", r"unknown key 'power' in execution\.queue\.params"),
    ],
)
def test_models_that_cannot_be(written: str, said: str) -> None:
    """Unknown names, powers that are none, and parameters that the model does not have are refused, with the key."""
    with pytest.raises(ConfigError, match=said):
        loads(TEXT + "  " + written)
