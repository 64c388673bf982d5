"""Claims about the command line's own texts: help is instant, complete and light."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.unit.cli.conftest import Cli

import onepath

COMMANDS = [
    ["init"],
    ["run"],
    ["report"],
    ["execution"],
    ["explain"],
    ["sessions"],
    ["replay"],
    ["diff"],
    ["strategies"],
    ["lint"],
    ["data", "import"],
    ["data", "list"],
    ["data", "check"],
    ["data", "show"],
    ["config", "check"],
    ["config", "schema"],
]
HEAVY = ("pandas", "polars", "numpy", "pyarrow", "pydantic", "plotly", "fastapi", "numba")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(cli: Cli, command: list[str]) -> None:
    """Who asks for help sees a line that can be typed."""
    told = cli(*command, "--help")
    assert told.code == 0
    assert f"Example:  onepath {' '.join(command)}" in told.out


def test_the_version_is_told(cli: Cli) -> None:
    """`--version` is one line."""
    assert cli("--version").out == f"onepath {onepath.__version__}\n"


def test_help_is_instant() -> None:
    """`onepath --help` takes under half a second of processor time, the best of three, whatever else the machine does."""
    took = []
    for _ in range(3):
        began = sum(os.times()[2:4])
        subprocess.run([sys.executable, "-m", "onepath.cli", "--help"], check=True, capture_output=True)
        took.append(sum(os.times()[2:4]) - began)
    assert min(took) < 0.5


def test_help_imports_nothing_heavy() -> None:
    """Neither pandas, numpy, pyarrow nor pydantic is imported for the command line to start."""
    code = f"import sys, onepath.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_an_unknown_command_is_one_complaint(cli: Cli) -> None:
    """A command or option that does not exist ends with exit code 2 and no traceback."""
    for arguments in (["rnu"], ["run", "--jsno", "x.yaml"], ["run"]):
        told = cli(*arguments)
        assert told.code == 2
        assert "Traceback" not in told.err
