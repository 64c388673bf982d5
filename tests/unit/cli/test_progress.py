"""Claims about progress: exact, on stderr, in its place."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from onepath.cli import progress
from onepath.session import Progress

AT = 1_682_899_200_000_000_000


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (Progress(250, 1_000, AT), "2023-05-01  25 %  125 events/s  6 s left"),
        (Progress(250, None, AT), "2023-05-01  125 events/s"),
        (Progress(0, 1_000, AT), "2023-05-01  0 %  0 events/s"),
    ],
)
def test_a_line_says_date_share_rate_and_time_left(told: Progress, text: str) -> None:
    """What is not known is left out."""
    assert progress.line(told, 2.0) == text


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, a line comes every few seconds, however often progress is told."""
    clock = iter([0.0, *(0.5 * n for n in range(1, 41))])
    tell = progress._lines(lambda: next(clock))
    for done in range(40):
        tell(Progress(done, 40, AT))
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_quiet_is_quiet() -> None:
    """With `--quiet` nobody is told anything."""
    with progress.shown(quiet=True) as tell:
        assert tell is None


def test_a_terminal_sees_a_bar(folder: Path) -> None:
    """On a terminal the simulated date, the rate and the share are drawn on stderr, and stdout stays JSON."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "onepath.cli", "run", "config.yaml", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    drawn = os.read(ours, 65_536).decode()
    os.close(ours)
    assert process.returncode == 0
    assert out.startswith(b"{")
    assert "2024-03-22" in drawn
    assert "100%" in drawn
    assert "events/s" in drawn
