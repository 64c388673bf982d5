"""Claims about workspaces: where things are, and which session a word means."""

from __future__ import annotations

from pathlib import Path

import pytest

from onepath import workspace as ws
from onepath.errors import ConfigError
from onepath.journal.sqlite import SqliteJournal


def make(root: Path, *ids: str) -> ws.Workspace:
    """A workspace with these sessions, begun one minute after another."""
    (root / ws.MARKER).write_text("")
    space = ws.Workspace(root)
    for minute, name in enumerate(ids):
        journal = SqliteJournal.create(space.journal(name), name)
        journal.note({"started_at": f"2024-01-01T10:{minute:02}:00+00:00"})
        journal.close()
    return space


def test_a_workspace_is_found_from_inside(tmp_path: Path) -> None:
    """The marker is looked for upwards; without one the folder itself serves."""
    make(tmp_path)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert ws.find(deep) == ws.Workspace(tmp_path.resolve())
    assert not ws.find(tmp_path.parent).marked


def test_session_ids_come_from_time_and_chance() -> None:
    """An id is made of mode, UTC time and four digits, all of them arguments."""
    made = ws.new_id("backtest", 1_706_711_101_000_000_000, lambda size: "9f3a"[: 2 * size])
    assert made == "backtest-20240131-142501-9f3a"


@pytest.mark.parametrize(("wanted", "found"), [("aa-2", "aa-2"), ("b", "bb-1"), ("last", "aa-2"), ("aa-1", "aa-1")])
def test_a_session_is_found_by_id_prefix_or_last(tmp_path: Path, wanted: str, found: str) -> None:
    """A whole id wins over being a prefix; `last` is the one begun last."""
    assert make(tmp_path, "aa-1", "bb-1", "aa-1x", "aa-2").session(wanted).id == found


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [("a", "'a' begins 2 session ids: aa-1, aa-2"), ("bb-2", "there is no session 'bb-2' (did you mean 'bb-1'?)")],
)
def test_a_word_that_means_no_one_session_is_refused(tmp_path: Path, wanted: str, sentence: str) -> None:
    """An ambiguous prefix lists what it could mean, an unknown one the nearest."""
    with pytest.raises(ConfigError) as caught:
        make(tmp_path, "aa-1", "aa-2", "bb-1").session(wanted)
    assert str(caught.value).startswith(sentence)


def test_a_session_that_is_not_alike_is_not_suggested(tmp_path: Path) -> None:
    """A word that shares a few letters with an id is no slip of it."""
    with pytest.raises(ConfigError) as caught:
        make(tmp_path, "mine").session("nope")
    assert str(caught.value) == "there is no session 'nope'; there are mine"


@pytest.mark.parametrize("name", ["../x", "a/b", "", "..", "last", "a b", "x" * 200])
def test_a_session_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    """No session can be named so that its folder lies elsewhere."""
    with pytest.raises(ConfigError, match="cannot name a session"):
        make(tmp_path).journal(name)


def test_paths_stay_inside(tmp_path: Path) -> None:
    """A path of a workspace that leads out of it is refused."""
    space = make(tmp_path)
    assert space.inside("out/report.html") == tmp_path.resolve() / "out" / "report.html"
    with pytest.raises(ConfigError, match="leads out of the workspace"):
        space.inside("../report.html")


def test_a_broken_journal_is_listed(tmp_path: Path) -> None:
    """A session whose journal does not read is still seen."""
    space = make(tmp_path, "good")
    broken = space.journal("broken")
    broken.parent.mkdir()
    broken.write_text("not a database")
    assert {entry.id: "error" in entry.notes for entry in space.sessions()} == {"good": False, "broken": True}
