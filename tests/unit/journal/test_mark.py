"""The mark beside a journal: written in place, and read only when it is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from onepath.journal import mark
from onepath.journal.mark import Mark, MarkFile


def test_the_last_word_counts(tmp_path: Path) -> None:
    """What was written last is read, also by another process before it is closed."""
    path = tmp_path / "journal.db"
    file = MarkFile(path)
    assert mark.read(path) is None
    file.write(1_000, "a" * 64)
    file.write(7, "b" * 64)
    assert mark.read(path) == Mark(7, "b" * 64)
    file.close()
    assert mark.read(path) == Mark(7, "b" * 64)
    assert mark.place(path) == tmp_path / "journal.mark"


def test_no_file_no_mark(tmp_path: Path) -> None:
    """Nothing is claimed."""
    assert mark.read(tmp_path / "journal.db") is None


@pytest.mark.parametrize("where", range(len(mark.line(7, "b" * 64)) - 1))
def test_a_mark_that_is_damaged_claims_nothing(tmp_path: Path, where: int) -> None:
    """Whatever byte of it changes: it does not read, or (case of a letter in the seal) says the same."""
    words = bytearray(mark.line(7, "b" * 64))
    words[where] ^= 1
    (tmp_path / "journal.mark").write_bytes(words)
    assert mark.read(tmp_path / "journal.db") is None


def test_a_mark_cut_short_claims_nothing(tmp_path: Path) -> None:
    """Of whatever length."""
    words = mark.line(7, "b" * 64)
    for length in range(len(words) - 1):
        (tmp_path / "journal.mark").write_bytes(words[:length])
        assert mark.read(tmp_path / "journal.db") is None
