"""Equal runs leave equal bytes, whatever the process: only the session's identity may differ."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import cases
import pytest

import onepath

HERE = Path(__file__).parent
RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import cases
name, journal, session_id = sys.argv[2:]
cases.run(name, journal=journal, session_id=session_id)
"""


def recorded(name: str, folder: Path, hash_seed: str) -> list[tuple[object, ...]]:
    """Run a case in a process of its own; every row of its journal, the column session_id left out."""
    journal = folder / f"{name}-{hash_seed}.db"
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(HERE), name, str(journal), f"session-{hash_seed}"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return rows(journal)


def rows(journal: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(journal)
    try:
        return list(connection.execute("SELECT seq, at, kind, strategy_id, cause, body FROM journal ORDER BY seq"))
    finally:
        connection.close()


@pytest.mark.parametrize("name", [cases.SEVERAL, "momentum", "sma_cross_minutes"])
def test_bytes_do_not_depend_on_the_hash_seed(name: str, tmp_path: Path) -> None:
    """Whole journals are equal row by row, byte by byte, under PYTHONHASHSEED 0, 1 and random."""
    zero, one, chance = (recorded(name, tmp_path, seed) for seed in ("0", "1", "random"))
    assert len(zero) > 500
    assert zero == one == chance


def test_the_session_of_several_strategies_is_worth_comparing(tmp_path: Path) -> None:
    """The compared session has fills of four strategies on several symbols, parts of orders, cancels and denials."""
    journal = tmp_path / "several.db"
    cases.run(cases.SEVERAL, journal=journal)
    connection = sqlite3.connect(journal)
    try:
        strategies, symbols = connection.execute(
            "SELECT count(DISTINCT strategy_id), count(DISTINCT symbol) FROM fills"
        ).fetchone()
        kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM journal")}
    finally:
        connection.close()
    assert (strategies, symbols) == (4, 6)
    assert {"order.filled", "order.partly_filled", "order.cancelled", "order.denied", "signal"} <= kinds


def test_memory_and_sqlite_journals_hold_the_same(tmp_path: Path) -> None:
    """The journal in memory has the same rows as the one in the file, to the byte."""
    kept = cases.run(cases.SEVERAL, journal=tmp_path / "kept.db")
    passing = cases.run(cases.SEVERAL)
    assert list(kept.journal.rows()) == list(passing.journal.rows())


def test_a_latency_model_used_twice_draws_the_same_twice() -> None:
    """Two backtests given the same latency object make the same fills: draws belong to a run, not to the object."""
    given = {**cases.several(), "latency": onepath.NormalLatency(mean_ms=43_200_000, std_ms=40_000_000, seed=7)}
    first, second = onepath.backtest(**given), onepath.backtest(**{**cases.several(), "latency": given["latency"]})
    assert cases.fills_hash(first) == cases.fills_hash(second)


def test_the_record_does_not_depend_on_where_onepath_is_installed() -> None:
    """No row of a journal names the folder that onepath or its samples are in: equal runs are equal on every machine."""
    place = str(Path(onepath.__file__).parent).encode()
    assert [row.kind for row in cases.run("sma_cross").journal.rows() if place in row.body] == []
