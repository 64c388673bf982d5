"""A session that version 0.1.0 recorded: its file, dumped as SQL, is beside this test."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
DUMP = Path(__file__).parent / "recorded" / "session_of_0_1.sql"


@pytest.fixture
def old(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A workspace with that session, named `old`."""
    place = Path.cwd() / "sessions" / "old" / "journal.db"
    place.parent.mkdir(parents=True)
    connection = sqlite3.connect(place)
    connection.executescript(DUMP.read_text(encoding="utf-8"))
    connection.close()
    return cli


def test_it_cannot_be_replayed_and_says_why(old: Cli) -> None:
    """One sentence: which version recorded it, and that this one can replay it. Its decisions have other words now."""
    told = old("replay", "old")
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "error: session old was recorded by onepath 0.1.0 (journal schema 1, this version replays schema 2); "
        "replay it with onepath 0.1.0\n"
    )


def test_it_can_be_reported(old: Cli) -> None:
    """Bought 1 at 102, sold at 104: 2 of profit; two fills, a limit taken back, a sale denied."""
    told = old("report", "old", "--json")
    assert told.code == 0, told.err
    stats = json.loads(told.out)
    stats = stats.get("stats", stats)
    assert (stats["initial_capital"], stats["net_profit"], stats["fills"]) == (10_000, 2, 2)
    total = json.loads(old("execution", "old", "--json").out)["total"]
    assert (total["orders"], total["filled"], total["cancelled"], total["denied"]) == (3, 2, 1, 1)
    assert [row.get("session", row.get("id")) for row in json.loads(old("sessions", "--json").out)] == ["old"]
