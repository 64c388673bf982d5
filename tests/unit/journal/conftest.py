"""A durable journal to write to, and one that was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from onepath.events import Timer
from onepath.journal.durable import DurableJournal
from onepath.journal.lease import take


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal is to be."""
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[DurableJournal]:
    """An empty one that commits when it is asked to."""
    made = DurableJournal.create(path, "s", take(path, 0), interval=3_600)
    yield made
    made.close()


@pytest.fixture
def written(path: Path) -> Path:
    """Closed, with the commits of rows 1 to 3, 4 to 5 and 6, and a snapshot after rows 3, 5 and 6."""
    journal = DurableJournal.create(path, "s", take(path, 0), interval=3_600)
    for last in (3, 5, 6):
        while journal.durable < last:
            seq = journal.append(last * 1_000_000_000, "timer", "sma", Timer("t", last), 1)
            if seq == last:
                journal.keep_snapshot(last, last * 1_000_000_000, b"state after %d" % last)
                journal.flush()
    journal.close()
    return path
