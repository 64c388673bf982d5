"""`onepath status`: of a session that runs, has ended, has died, or writes none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from made_views import VIEW, view
from typer.testing import CliRunner, Result

from onepath.cli import app
from onepath.cli.watching import secrets_in, shown_live, watched
from onepath.clock import RealtimeClock
from onepath.journal import lease
from onepath.journal.sqlite import SqliteJournal
from onepath.market import Trade
from onepath.monitor.files import write_status
from onepath.strategy import Strategy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a session in the current folder."""
    monkeypatch.chdir(tmp_path)
    where = tmp_path / "sessions" / "paper-1"
    SqliteJournal.create(where / "journal.db", "paper-1").close()
    return where


def status(*options: str) -> Result:
    return CliRunner().invoke(app, ["status", *options])


def now() -> int:
    return RealtimeClock().now()


def test_one_that_runs(folder: Path) -> None:
    """The lease is held and the status is fresh: what is on the screen, and how old it is; as JSON every figure."""
    held = lease.take(folder / "journal.db", now())
    write_status(folder, view(wall=now()))
    told = status("paper-1")
    assert told.exit_code == 0
    for expected in ("paper running", "equity 101,234.50", "BTCUSDT quotes", "seen 0."):
        assert expected in told.output
    found = json.loads(status("--json").output)
    assert (found["runs"], found["state"], found["equity"], found["books"][0]["fees"]) == (
        True,
        "running",
        101_234.5,
        15.5,
    )
    held.release()


def test_one_that_does_not_answer(folder: Path) -> None:
    """Its process is there, and has written nothing for a minute."""
    held = lease.take(folder / "journal.db", now())
    write_status(folder, view(wall=now() - 60 * 10**9))
    told = status("paper-1")
    assert told.exit_code == 0
    assert "has written nothing for 60 s" in told.output
    held.release()


def test_one_that_died(folder: Path) -> None:
    """The process that took the lease is gone, and the status says running: it died; exit code 1, and what to do."""
    code = (
        "import sys; from pathlib import Path; from onepath.journal import lease; "
        "lease.take(Path(sys.argv[1]), 0); import os; os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / "journal.db")], check=False)
    write_status(folder, view(wall=now()))
    told = status("paper-1", "--watch")
    assert told.exit_code == 1
    assert "died without ending" in told.output
    assert "onepath resume paper-1" in told.output


def test_one_that_has_ended(folder: Path) -> None:
    """How it ended, whoever held the lease."""
    write_status(folder, view(state="completed"))
    assert json.loads(status("--json").output)["state"] == "completed"
    assert "paper completed" in status("last").output


def test_one_of_another_host_is_believed_to_live(folder: Path) -> None:
    """Its process cannot be looked for from here."""
    (folder / "journal.lock").write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": ""}))
    write_status(folder, view(wall=now()))
    assert json.loads(status("--json").output)["state"] == "running"


@pytest.mark.usefixtures("folder")
def test_one_without_a_status() -> None:
    """A backtest writes none: that is said in a sentence."""
    told = status("paper-1")
    assert told.exit_code == 1
    assert "only sessions in real time write one" in str(told.exception)


def test_without_a_terminal_there_are_lines(capsys: Any) -> None:
    """A line at once, then one every five seconds; nothing when quiet."""
    with shown_live(quiet=False) as told:
        assert told is not None
        told(VIEW)
        told(VIEW)
    assert capsys.readouterr().err.count("equity 101,234.50") == 1
    assert isinstance(shown_live(quiet=True), nullcontext)


def test_on_a_terminal_it_is_drawn() -> None:
    """On a pseudo-terminal of 80 columns the screen is drawn, and taken away at the end."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    here = str(Path(__file__).parent)
    code = (
        f"import sys; sys.path.insert(0, {here!r}); from made_views import VIEW\n"
        "from onepath.cli.watching import shown_live\n"
        "with shown_live(False) as told:\n    told(VIEW)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], stderr=follower, check=True, env={**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    )
    os.close(follower)
    drawn = b""
    while chunk := _read(leader):
        drawn += chunk
    os.close(leader)
    assert b"101,234.50" in drawn
    assert b"BTCUSDT quotes" in drawn


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end is closed
        return b""


def test_secrets_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a configuration takes from the environment, wherever it stands, is not to be written; the rest is no secret."""
    monkeypatch.setenv("ONEPATH_KEY", "k3y")
    monkeypatch.setenv("ONEPATH_OTHER", "0ther")
    monkeypatch.delenv("ONEPATH_NONE", raising=False)
    config = {"a": {"b": ["${ONEPATH_KEY}", "x${ONEPATH_OTHER:-d}y"]}, "c": "${ONEPATH_NONE}", "d": 5, "e": "k3y"}
    assert secrets_in(config) == {"k3y", "0ther"}


def test_a_session_is_watched(listed: Callable[..., Any], tmp_path: Path, capsys: Any) -> None:
    """What `onepath run` puts around a session: lines, files and metrics."""
    session, _ = listed([Trade("X", 0, 100.0, 1.0)], Strategy())
    with watched(session, tmp_path / "seen", quiet=True, metrics_port=0):
        session.run()
    assert "metrics at http://127.0.0.1:" in capsys.readouterr().err
    assert (tmp_path / "seen" / "status.json").exists()
