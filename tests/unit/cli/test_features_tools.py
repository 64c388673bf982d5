"""`onepath features test`, `compute`, `cache` and `drift` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli

FILE = """\
from onepath.features import Feature, feature, sma

def smooth(window: int = 4) -> Feature:
    return sma(window)
"""
UNSTABLE = """\
from onepath.features import feature

@feature(inputs=("close",))
def hashed(state, x):
    return x + (hash("a word") % 1000)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "unstable.py").write_text(UNSTABLE)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_testing_a_good_file(cli: Cli) -> None:
    """JSON with every check, code 0."""
    told = cli("features", "test", "mine.py", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert (found["passed"], found["features"][0]["feature"]) == (True, "sma@1(window=4)[close]")
    assert {check["check"] for check in found["features"][0]["checks"]} >= {"no look-ahead", "warm-up", "hash seeds"}


@pytest.mark.usefixtures("here")
def test_testing_a_faulty_file(cli: Cli) -> None:
    """A table with the check that fails and why, code 1."""
    told = cli("features", "test", "unstable.py")
    assert told.code == 1
    assert "hash seeds          FAIL     two processes with other hash seeds" in told.out
    assert "1 tested, 1 with broken promises" in told.out


@pytest.mark.usefixtures("here")
def test_testing_what_is_not_there(cli: Cli) -> None:
    """A file that is not there, or data that are not: one sentence, code 2."""
    told = cli("features", "test", "mime.py")
    assert (told.code, told.err.startswith("error: there is no file mime.py here")) == (2, True)
    told = cli("features", "test", "mine.py", "--data", "us11")
    assert (told.code, told.err.count("\n"), "us10" in told.err) == (2, 1, True)
