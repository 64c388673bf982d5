"""One process runs a session; the rest is the kernel's, and told in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onepath.errors import JournalError
from onepath.journal import lease
from onepath.journal.lease import Holder, take

NOON = 1_767_268_800_000_000_000  # 2026-01-01 12:00:00 UTC


def test_the_second_is_told_who_has_it(tmp_path: Path) -> None:
    """Process, host and since when, and what to do; it does not matter that it is the same process."""
    path = tmp_path / "made" / "journal.db"
    held = take(path, NOON)
    who = f"process {os.getpid()} on {os.uname().nodename} since 2026-01-01 12:00:00 UTC"
    with pytest.raises(JournalError, match=f"the session in .*made is run by {who}: .*stop that one, or take another"):
        take(path, NOON)
    assert held.held
    assert lease.holder(path) == Holder(os.getpid(), os.uname().nodename, "2026-01-01 12:00:00 UTC")
    held.release()


def test_given_back_once_is_enough(tmp_path: Path) -> None:
    """After `release` another may take it; releasing again does nothing to that one."""
    path = tmp_path / "journal.db"
    first = take(path, NOON)
    first.release()
    assert not first.held
    second = take(path, NOON)
    first.release()
    with pytest.raises(JournalError):
        take(path, NOON)
    second.release()


def test_alone_for_a_while(tmp_path: Path) -> None:
    """What is done to a journal nobody runs: nobody can take it meanwhile, and who had it last still stands there."""
    path = tmp_path / "journal.db"
    take(path, NOON).release()
    before = lease.holder(path)
    with lease.alone(path), pytest.raises(JournalError):
        take(path, NOON)
    held = take(path, NOON)
    with pytest.raises(JournalError, match="is run by process"), lease.alone(path):
        raise AssertionError
    held.release()
    assert lease.holder(path) == before


def test_a_text_that_does_not_read(tmp_path: Path) -> None:
    """The lock counts: without a text in the file the holder is another process, and nobody knows which."""
    path = tmp_path / "journal.db"
    held = take(path, NOON)
    path.with_suffix(".lock").write_text("")
    assert lease.holder(path) is None
    with pytest.raises(JournalError, match="is run by another process: "):
        take(path, NOON)
    held.release()
    take(path, NOON).release()


def test_nobody_yet(tmp_path: Path) -> None:
    """No file, no holder."""
    assert lease.holder(tmp_path / "journal.db") is None


def test_a_forked_child_does_not_hold_it(tmp_path: Path) -> None:
    """The parent gives it back while the child lives: the next one has it, although the child had a copy of the descriptor."""
    path = tmp_path / "journal.db"
    held = take(path, NOON)
    born, cry = os.pipe()
    wait, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(cry, b"held" if held.held else b"free")
        os.close(end)
        os.read(wait, 1)
        os._exit(0)
    os.close(wait)
    assert os.read(born, 4) == b"free"
    assert held.held
    with pytest.raises(JournalError):
        take(path, NOON)
    held.release()
    take(path, NOON).release()
    os.close(end)
    os.waitpid(child, 0)
    os.close(born)
    os.close(cry)


def test_what_a_child_does_at_its_birth(tmp_path: Path) -> None:
    """It forgets every lease, twice if need be; here, where nobody was born, the lock goes with the last descriptor."""
    path = tmp_path / "journal.db"
    held = take(path, NOON)
    lease._leave_to_parent()
    lease._leave_to_parent()
    assert not held.held
    take(path, NOON).release()


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    """A folder that is a file: which file could not be made, and why."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        JournalError, match=r"cannot make .*journal[.]lock, which says who runs the session: File exists"
    ):
        take(tmp_path / "file" / "journal.db", NOON)
    (tmp_path / "journal.lock").mkdir()
    with pytest.raises(JournalError, match="Is a directory"):
        take(tmp_path / "journal.db", NOON)
