"""Claims about what is searched: grids, lists, ranges, and what is said of those that make no sense."""

from __future__ import annotations

import re
from typing import Any

import pytest

from onepath.errors import ConfigError
from onepath.research import search, space

STRATEGIES = {"trend": ("fast", "slow", "kind"), "pairs": ("window", "slow")}


def axis(text: Any) -> tuple[Any, ...]:
    return space.axis("p", text).values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5:20:5", (5, 10, 15, 20)),
        ("5:19:5", (5, 10, 15)),
        ("0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("20:10:-5", (20, 15, 10)),
        ("1:2:0.5", (1.0, 1.5, 2.0)),
        ("a,b", ("a", "b")),
        ("3", (3,)),
        ("1,2.5,true,x,1", (1, 2.5, True, "x")),
        (range(1, 4), (1, 2, 3)),
        ([0.5, 0.25], (0.5, 0.25)),
    ],
)
def test_values(text: Any, values: tuple[Any, ...]) -> None:
    """A range includes its stop and has no rounding residue; a list keeps its order, each value once, typed as in YAML."""
    found = axis(text)
    assert found == values
    assert [type(v) for v in found] == [type(v) for v in values]


def test_a_grid_runs_through_everything_the_last_parameter_fastest() -> None:
    """2 x 3 combinations in the order of an odometer."""
    found = space.of({"fast": "1:2:1", "kind": "a,b,c"}, STRATEGIES)
    assert found.size == 6
    assert [tuple(point.values()) for point in found.grid()] == [(f, k) for f in (1, 2) for k in "abc"]


def test_a_value_goes_to_the_strategy_that_has_the_parameter() -> None:
    """By its name alone where one strategy has it, by strategy.name where several have."""
    found = space.of({"fast": "1,2", "pairs.slow": "9"}, STRATEGIES)
    assert found.changes({"fast": 2, "pairs.slow": 9}) == {0: {"fast": 2}, 1: {"slow": 9}}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "there is nothing to search"),
        (
            {"fsat": "1,2"},
            "no strategy has such a parameter (did you mean 'fast'?); there are fast, slow, kind, window",
        ),
        ({"slow": "1,2"}, "a parameter of several strategies; say which: trend.slow, pairs.slow"),
        ({"trned.fast": "1"}, "there is no strategy 'trned' (did you mean 'trend'?)"),
        ({"pairs.fast": "1"}, "pairs has no parameter 'fast'; it has window, slow"),
        ({"fast": "1", "trend.fast": "2"}, "names a parameter that another --param names already"),
        ({"fast": "5:50:0"}, "the step must lead from start to stop"),
        ({"fast": "50:5:5"}, "the step must lead from start to stop"),
        ({"fast": "5:50:x"}, "the step 'x' is no number"),
        ({"fast": "a:b:c"}, "is not understood; expected start:stop:step"),
        ({"fast": "50:5"}, "is an empty range"),
        ({"fast": "0:5:log"}, "expected low:high above zero"),
        ({"fast": "1,,2"}, "an empty value"),
        ({"fast": []}, "an empty value or none"),
        ({"fast": "0:1e9:1"}, "1,000,000,001 values, more than the 100,000"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_sentence(params: dict[str, Any], said: str) -> None:
    """Each fault names the parameter and what was expected."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        space.of(params, STRATEGIES)


@pytest.mark.parametrize("text", ["fast", "fast=", "=5"])
def test_a_param_without_name_or_values(text: str) -> None:
    """NAME=VALUES is what is expected."""
    with pytest.raises(ConfigError, match="expected NAME=VALUES"):
        space.assignments([text])


def test_the_same_param_twice() -> None:
    """One of two is not chosen silently."""
    with pytest.raises(ConfigError, match="stands twice"):
        space.assignments(["fast=1", "fast=2"])


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"fast": "5:50"}, "--param fast is a range without a step, which a grid cannot count: write start:stop:step"),
        ({"fast": "1:1000:1", "slow": "1:1000:1"}, "1,000,000 combinations, more than the 100,000 that are tried"),
    ],
)
def test_what_a_grid_cannot_be(params: dict[str, str], said: str) -> None:
    """A range without steps and a grid without end point to --search random."""
    found = space.of(params, {"trend": ("fast", "slow")})
    with pytest.raises(ConfigError, match=re.escape(said)) as told:
        list(found.grid())
    assert "--search random" in str(told.value)


def test_random_points_are_those_of_the_seed() -> None:
    """The same seed gives the same points, another seed others; all lie in their ranges and none comes twice."""
    found = space.of({"fast": "2:100", "slow": "0.001:1:log", "kind": "a,b"}, {"trend": ("fast", "slow", "kind")})
    one, same, other = (search.drawn(found, 50, seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert len({repr(point) for point in one}) == 50
    assert all(2 <= p["fast"] <= 100 and isinstance(p["fast"], int) and 0.001 <= p["slow"] <= 1 for p in one)
    # Half of a logarithmic range 0.001..1 lies below sqrt(0.001) = 0.0316.
    assert 15 <= sum(p["slow"] < 0.0316 for p in one) <= 35


def test_a_random_search_of_a_small_grid_is_the_grid() -> None:
    """Six combinations and a hundred trials: each of the six, once."""
    found = space.of({"fast": "1:2:1", "kind": "a,b,c"}, STRATEGIES)
    assert search.drawn(found, 100, 0) == list(found.grid())


@pytest.mark.parametrize(
    ("kind", "trials", "said"), [("gird", None, "did you mean 'grid'?"), ("random", 0, "--trials is 0; it must be 1")]
)
def test_a_search_that_is_not_there(kind: str, trials: int | None, said: str) -> None:
    """The nearest name is suggested."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        search.of(kind, space.of({"fast": "1,2"}, STRATEGIES), trials, 0)


def test_optuna_asks_for_the_same_points_again() -> None:
    """Told the same values, the same seed asks for the same points: so a sweep that was stopped finds its trials in the log. And
    it learns: of a hill with its top at 70, the later half of the points lies nearer to the top than the first."""
    pytest.importorskip("optuna")

    def walked(seed: int) -> list[int]:
        found = search.of("optuna", space.of({"fast": "1:100"}, STRATEGIES), 40, seed)
        asked: list[int] = []
        while points := found.ask():
            asked += [point["fast"] for point in points]
            found.tell([-abs(point["fast"] - 70.0) for point in points])
        return asked

    one = walked(3)
    assert len(one) == 40
    assert one == walked(3)
    assert sum(abs(x - 70) for x in one[20:]) < sum(abs(x - 70) for x in one[:20])


def test_optuna_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, one sentence says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'onepath[research]'")):
        search.of("optuna", space.of({"fast": "1,2"}, STRATEGIES), 10, 0)
