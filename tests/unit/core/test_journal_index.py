"""Indexes are added to a long journal that has ended, and to nothing else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from onepath.journal.sqlite import index


def test_what_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    """A text file, and a database of somebody else's: told, not raised, and not a byte is changed."""
    text = tmp_path / "notes.db"
    text.write_text("these are notes and no database at all\n" * 100)
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE journal (seq INTEGER, kind TEXT)")
        connection.execute("INSERT INTO journal VALUES (1000000, 'session.ended')")
    connection.close()
    for path in (text, foreign):
        before = path.read_bytes()
        assert not index(path)
        assert path.read_bytes() == before
