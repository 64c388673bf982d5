"""Claims about `onepath sweep` and `onepath trials`: what a user types and reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli
from tests.unit.research.sweeping import write

SWEEP = ("sweep", "backtest.yaml", "--param", "fast=2:8:2", "--param", "slow=10:20:5", "--workers", "1")


def test_a_sweep_is_told_in_a_table_and_in_sentences(cli: Cli) -> None:
    """The best first, how many were tried, where they ran, and what to believe; exit code 0."""
    write(Path.cwd())
    told = cli(*SWEEP, "--html", "page.html")
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0].split() == ["fast", "slow", "sharpe", "total_return", "max_drawdown", "trades"]
    values = [float(line.split()[2]) for line in lines[2:12]]
    assert values == sorted(values, reverse=True)
    assert "tried      12 trials" in told.out
    assert "ran in     the engine: Cross is not a TargetStrategy" in told.out
    assert "believe    The best Sharpe ratio" in told.out
    assert "<html" in Path("page.html").read_text()
    assert "12 of 12 trials" in told.err


def test_json_is_one_value_with_everything(cli: Cli) -> None:
    """Best, table, belief and walk-forward for programs; nothing else on stdout."""
    write(Path.cwd())
    told = cli(*SWEEP, "--json", "--quiet", "--walk-forward", "train=200,test=60")
    found = json.loads(told.out)
    assert (found["trials"], found["known"], found["failed"], found["stopped"]) == (12, 0, 0, False)
    assert found["best"]["stats"]["sharpe"] == max(row["stats"]["sharpe"] for row in found["table"])
    assert 0 <= found["belief"]["deflated"] <= 1
    assert len(found["walk_forward"]["folds"]) == 3
    assert told.err == ""


def test_trials_lists_what_was_tried(cli: Cli) -> None:
    """Nothing at first; a study a sweep, with how many trials it has; the same sweep again is the same study."""
    write(Path.cwd())
    assert "no trials yet" in cli("trials").out
    cli(*SWEEP)
    cli(*SWEEP)
    (study,) = json.loads(cli("trials", "--json").out)
    assert (study["strategy"], study["trials"], study["failed"], study["metric"]) == ("cross.py", 12, 0, "sharpe")
    assert study["study"] in cli("trials").out


def test_a_sweep_in_which_all_fails_ends_with_1(cli: Cli) -> None:
    """And tells the strategy's own words."""
    write(Path.cwd())
    told = cli("sweep", "backtest.yaml", "--param", "fault=raise", "--workers", "1")
    assert told.code == 1
    assert "no luck today" in told.err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "there is nothing to search: give --param NAME=START:STOP:STEP"),
        (("--param", "fast=5:50"), "--param fast is a range without a step"),
        (("--param", "fsat=5:50:5"), "no strategy has such a parameter (did you mean 'fast'?)"),
        (("--param", "fast=2:50:0"), "the step must lead from start to stop"),
        (("--param", "fast"), "--param fast: expected NAME=VALUES"),
        (("--param", "fast=1:1000:1", "--param", "slow=1:1000:1"), "--search random --trials N"),
        (("--param", "fast=2,3", "--metric", "shrape"), "there is no metric 'shrape' (did you mean 'sharpe'?)"),
        (("--param", "fast=2,3", "--search", "gird"), "there is no search 'gird' (did you mean 'grid'?)"),
        (("--param", "fast=2,3", "--trials", "0"), "--trials is 0; it must be 1 or more"),
        (("--param", "fast=2,3", "--workers", "0"), "--workers is 0; it must be 1 or more"),
        (
            ("--param", "fast=20", "--param", "slow=5"),
            "the strategy takes none of these parameters; the first was refused",
        ),
        (("--param", "fast=x"), "the strategy takes none of these parameters; the first was refused"),
        (("--param", "fast=2,3", "--walk-forward", "train=2y"), "test is missing"),
        (
            ("--param", "fast=2,3", "--walk-forward", "train=9y,test=1y"),
            "too short for one training window of 108 months",
        ),
        (("--param", "fast=2,3", "--set", "data.path=nothing.csv"), "there is nothing at"),
    ],
)
def test_faults_are_one_sentence(cli: Cli, flags: tuple[str, ...], said: str) -> None:
    """Exit code 2, `error:` and a sentence that says what to do; no traceback."""
    write(Path.cwd())
    told = cli("sweep", "backtest.yaml", *flags)
    assert told.code == 2
    last = told.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last
    assert "Traceback" not in told.err


def test_help_has_examples(cli: Cli) -> None:
    """Both commands say how they are used."""
    for name in ("sweep", "trials"):
        assert re.search(rf"Example:\s+onepath {name}", cli(name, "--help").out)
