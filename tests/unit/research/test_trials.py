"""Claims about the log of trials: nothing is lost, nothing counted twice, whoever else writes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onepath.errors import JournalError
from onepath.research import Trial, Trials
from onepath.research.subject import Found
from onepath.research.sweeps import distinct


def trial(number: int, **changes: Any) -> Trial:
    found = Found(
        "ok",
        stats={"sharpe": 0.5 + number, "sortino": None},
        days=np.arange(3, dtype="<i4").tobytes(),
        returns=np.array([0.01, -0.02, number], dtype="<f4").tobytes(),
        periods=252.0,
    )
    facts = {
        "key": f"key{number:04}", "strategy": "a.py", "code": "c1", "params": json.dumps([{"n": number}]), "data": "d1",
        "symbols": "ABC", "first_at": 1, "last_at": 2, "config": "x", "purpose": "search", "found": found,
    }  # fmt: skip
    return Trial(**{**facts, **changes})


def test_what_is_recorded_is_found_again(tmp_path: Path) -> None:
    """By its key, by strategy and data, by study: equal to the last bit, in another connection."""
    log = Trials.open(tmp_path)
    log.record("s1", [trial(n) for n in range(3)])
    log.record("s2", [trial(2), trial(3, data="d2")])
    again = Trials.open(tmp_path)
    assert again.find(["key0001", "none"]) == {"key0001": trial(1)}
    assert again.of("a.py", "d1") == [trial(n) for n in range(3)]
    assert again.of_study("s2") == [trial(2), trial(3, data="d2")]


def test_a_trial_is_recorded_once(tmp_path: Path) -> None:
    """The same key again changes nothing, whatever it says now."""
    log = Trials.open(tmp_path)
    log.record("s", [trial(1)])
    log.record("s", [trial(1, found=Found("failed", "other"))])
    assert log.of("a.py", "d1") == [trial(1)]


def test_returns_are_compact(tmp_path: Path) -> None:
    """A thousand trials of ten years of days take about 10 KB each: the days are kept once."""
    blob = np.zeros(2500, dtype="<f4").tobytes()
    found = [
        trial(n, found=Found("ok", days=np.arange(2500, dtype="<i4").tobytes(), returns=blob, periods=252.0))
        for n in range(200)
    ]
    log = Trials.open(tmp_path)
    log.record("s", found)
    log.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 200 * 14_000


def test_hypotheses_count_once(tmp_path: Path) -> None:
    """Code and parameters make a hypothesis: other costs are none, other code is one; a test after the choice is none."""
    trials = [
        trial(1),
        trial(2, params=trial(1).params, config="other costs"),
        trial(3, params=trial(1).params, code="c2"),
        trial(4, purpose="test"),
    ]
    assert [t.key for t in distinct(trials, "x")] == ["key0001", "key0003"]
    assert [t.key for t in distinct(trials, "other costs")] == ["key0002", "key0003"]


WRITER = """
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from test_trials import trial, Trials
log = Trials.open(Path(sys.argv[1]))
first = int(sys.argv[2])
for n in range(first, first + 60):
    log.record(f"s{first}", [trial(n)])
"""


def test_two_writers_at_once(tmp_path: Path) -> None:
    """Two processes write 60 transactions each into one log, twenty of them of the same trials: nothing is lost or refused."""
    here = str(Path(__file__).parent)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), first, here]) for first in ("0", "40")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    log = Trials.open(tmp_path)
    assert len(log.of("a.py", "d1")) == 100
    assert (len(log.of_study("s0")), len(log.of_study("s40"))) == (60, 60)


def test_a_log_of_another_version(tmp_path: Path) -> None:
    """Nothing is written into it; one sentence says so."""
    other = sqlite3.connect(tmp_path / "trials.db")
    other.executescript("CREATE TABLE trials (key TEXT); PRAGMA user_version = 99")
    other.close()
    with pytest.raises(JournalError, match=r"has format 99, and this version of onepath writes 1: move it away"):
        Trials.open(tmp_path)


def test_a_file_that_is_no_log(tmp_path: Path) -> None:
    """One sentence with the file and what to do."""
    (tmp_path / "trials.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match=r"trials\.db cannot be opened: .*; move it away"):
        Trials.open(tmp_path)
