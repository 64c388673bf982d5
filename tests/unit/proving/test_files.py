"""A user's file of features: what is found in it, what it is tested with, and what other processes make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from onepath.errors import ConfigError, StrategyError
from onepath.featurefiles import features_in, parameters_in
from onepath.features import sma
from onepath.proving import prove
from onepath.proving.kit import prove_file
from onepath.testing import check_feature

FILE = '''
"""Features of a test."""
import math

from onepath.features import Feature, ema, feature, sma

FEATURE_TESTS = {"momentum": [{"bars": 3}, {"bars": 7}]}
FAST = ema(9)


@feature(inputs=("close",), initial=lambda bars: [0.0] + [math.nan] * bars, warm_up=lambda bars: bars + 1)
def momentum(state, x, bars=10):
    place = int(state[0]) + 1
    before = state[place]
    state[place] = x
    state[0] = 0.0 if place == bars else float(place)
    return x - before


def smooth(window: int = 4) -> Feature:
    return sma(window)


def no_feature(x):
    return x


def _hidden() -> Feature:
    return sma(2)
'''
UNSTABLE = """
from onepath.features import feature


@feature(inputs=("close",))
def hashed(state, x):
    return x + (hash("a word") % 1000)
"""


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_what_is_a_feature_in_a_file(tmp_path: Path) -> None:
    """What @feature made, what says it returns a Feature, a Feature itself; not what is imported, hidden or something else."""
    written(tmp_path, FILE)
    found = features_in("mine.py", tmp_path)
    assert list(found) == ["FAST", "momentum", "smooth"]
    assert found["smooth"](5) == sma(5)
    assert found["FAST"]().key == "ema@1(window=9)[close]"


def test_what_is_not_there_or_outside_is_refused(tmp_path: Path) -> None:
    """A wrong name gets the nearest, a path out of the folder is refused, and what the code raises is told with its line."""
    written(tmp_path, FILE)
    with pytest.raises(ConfigError, match=r"there is no feature file mime.py .*\(did you mean 'mine.py'"):
        features_in("mime.py", tmp_path)
    with pytest.raises(ConfigError, match="leads out of"):
        features_in("../mine.py", tmp_path)
    written(tmp_path, "x = 1\ny = 1 / 0\n", "broken.py")
    with pytest.raises(StrategyError, match=r"feature broken.py does not import: .*broken.py:2: ZeroDivisionError"):
        features_in("broken.py", tmp_path)


@pytest.mark.parametrize("table", ['{"momentun": [{}]}', '{"momentum": {"bars": 3}}', "[1]"])
def test_a_wrong_table_is_refused(tmp_path: Path, table: str) -> None:
    """A name that is not there, no list of dicts, no dict: the sentence says what it has to look like."""
    written(tmp_path, FILE.replace('{"momentum": [{"bars": 3}, {"bars": 7}]}', table))
    with pytest.raises(StrategyError, match="FEATURE_TESTS must be a dict of a feature of this file to a list"):
        parameters_in("mine.py", tmp_path)


def test_a_feature_that_needs_parameters_is_asked_for_them(tmp_path: Path) -> None:
    """Without a default and without a table: the sentence shows the table; what is no feature is refused."""
    text = "from onepath.features import Feature, sma\n\ndef mine(window: int) -> Feature:\n    return sma(window)\n"
    with pytest.raises(
        StrategyError, match=r"mine cannot be made with its defaults: .*window.*FEATURE_TESTS = {.mine.: "
    ):
        prove_file(written(tmp_path, text), tmp_path)
    (proof,) = prove_file(written(tmp_path, text + 'FEATURE_TESTS = {"mine": [{"window": 2}]}\n', "b.py"), tmp_path)
    assert proof.passed
    wrong = "from onepath.features import Feature\n\ndef mine() -> Feature:\n    return 5\n"
    with pytest.raises(StrategyError, match="mine says it returns a Feature and gives 5"):
        prove_file(written(tmp_path, wrong, "c.py"), tmp_path)


def test_every_feature_is_tested_with_its_table_or_its_defaults(tmp_path: Path) -> None:
    """momentum twice, by the table; the others once; all pass, in other processes too. Progress is told."""
    path = written(tmp_path, FILE)
    told: list[tuple[int, int]] = []
    proofs = prove_file(path, tmp_path, told=lambda done, of: told.append((done, of)))
    assert [proof.name for proof in proofs] == ["FAST()", "momentum(bars=3)", "momentum(bars=7)", "smooth()"]
    assert [str(proof) for proof in proofs if not proof.passed] == []
    assert {c.passed for proof in proofs for c in proof.checks if c.name == "hash seeds"} == {True}
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert proofs[1].forgets == 4  # a change over three bars needs four


def test_a_feature_that_follows_a_hash_is_found_in_another_process(tmp_path: Path) -> None:
    """Within a process it is the same at every call: only two hash seeds part it."""
    (proof,) = prove_file(written(tmp_path, UNSTABLE), tmp_path)
    failed = {check.name: check.told for check in proof.failures}
    assert "PYTHONHASHSEED" in failed.pop("hash seeds")
    assert failed == {}


def test_check_feature_passes_or_raises_with_the_counterexample(tmp_path: Path) -> None:
    """What a user's own test calls: the proof, or an AssertionError that names feature, promise and bar."""
    assert check_feature(sma(5)).passed
    written(tmp_path, UNSTABLE.replace("x + (hash", "x / (x - 100.0) + (hash"))
    broken = features_in("mine.py", tmp_path)["hashed"]()
    with pytest.raises(
        AssertionError, match=r"hashed@1\(\)\[close\]: .*bad data: with a constant: ZeroDivisionError at bar 1"
    ):
        check_feature(broken)


def test_what_cannot_be_made_again_elsewhere_is_said(tmp_path: Path) -> None:
    """A step that lives in no file is not looked at in other processes: it neither passes nor fails."""
    space: dict[str, object] = {}
    exec(UNSTABLE, space)  # noqa: S102
    made = space["hashed"]()  # type: ignore[operator]
    (check,) = [check for check in prove(made).checks if check.name == "hash seeds"]
    assert (check.passed, check.told) == (None, "its step is in no file")


MIXED = """
from onepath.features import feature


@feature(inputs=("high", "low"), low=0.0)
def spread(state, high, low):
    return high - low


@feature(inputs=("close",))
def faulty(state, x):
    return 1.0 / (x - x)
"""


def test_below_zero_a_high_still_is_above_its_low(tmp_path: Path) -> None:
    """high - low is never negative, also where prices are; and one faulty feature keeps no other from being tried elsewhere."""
    faulty, spread = sorted(prove_file(written(tmp_path, MIXED), tmp_path), key=lambda proof: proof.feature)
    assert spread.passed, [check for check in spread.checks if check.passed is False]
    assert {check.name: check.passed for check in spread.checks}["hash seeds"] is True
    (seeds,) = [check for check in faulty.checks if check.name == "hash seeds"]
    assert seeds.told.startswith("ZeroDivisionError")


def test_the_place_of_a_faulty_definition_is_in_the_file(tmp_path: Path) -> None:
    """Not in onepath, which raised it: line 4, the decorator."""
    text = (
        "from onepath.features import feature\n\n\n@feature(inputs=('close', 'open'))\ndef f(state, x):\n    return x\n"
    )
    written(tmp_path, text)
    with pytest.raises(StrategyError, match=r"mine.py:4: StrategyError: feature f takes too little"):
        features_in("mine.py", tmp_path)
