"""`onepath lint` as a user types it: files, folders, names, JSON, exit codes, and one sentence where the input is at fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli

GOOD = """\
from onepath import Strategy


class Good(Strategy):
    def generate_orders(self, context):
        return context.target(context.symbols[0], weight=0.5)
"""
SLOW = GOOD.replace("class Good", "class Slow").replace(
    "        return", "        import time\n        time.sleep(1)\n        return"
)
BAD = GOOD.replace("class Good", "class Bad").replace("        return", "        context.buy('X', 1)\n        return")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").mkdir()
    for name, text in {"good": GOOD, "slow": SLOW, "bad": BAD, "__init__": ""}.items():
        (tmp_path / "strategies" / f"{name}.py").write_text(text)
    (tmp_path / "strategies" / ".venv").mkdir()
    (tmp_path / "strategies" / ".venv" / "x.py").write_text("no python at all")
    return tmp_path


@pytest.mark.usefixtures("here")
def test_nothing_found(cli: Cli) -> None:
    """A good file: no output but the count, and code 0."""
    told = cli("lint", "strategies/good.py")
    assert (told.code, told.out) == (0, "")
    assert told.err == "0 errors, 0 warnings in 1 file\n"


@pytest.mark.usefixtures("here")
def test_warnings_are_no_failure(cli: Cli) -> None:
    """One warning, code 0."""
    told = cli("lint", "strategies/slow.py")
    assert told.code == 0
    assert told.out == (
        "strategies/slow.py:7:9: OP162 warning: time.sleep holds up every strategy of the session; use context.set_timer\n"
    )


@pytest.mark.usefixtures("here")
def test_a_folder(cli: Cli) -> None:
    """Its files, hidden folders left out; an error makes it end with 1."""
    told = cli("lint", "strategies")
    assert told.code == 1
    assert [line.split(": ")[0] for line in told.out.splitlines()] == [
        "strategies/bad.py:6:9",
        "strategies/slow.py:7:9",
    ]
    assert told.err == "1 error, 1 warning in 4 files\n"


@pytest.mark.usefixtures("here")
def test_json(cli: Cli) -> None:
    """One value with counts and findings."""
    told = cli("lint", "strategies/bad.py", "strategies/good.py", "strategies/bad.py", "--json")
    assert told.code == 1
    found = json.loads(told.out)
    assert (found["files"], found["errors"], found["warnings"]) == (2, 1, 0)
    (only,) = found["findings"]
    assert only == {
        **{"path": "strategies/bad.py", "line": 6, "column": 9, "rule": "OP125", "severity": "error"},
        "message": "context.buy(...) sends nothing by itself: return its list from generate_orders",
    }


@pytest.mark.usefixtures("here")
def test_names_and_classes(cli: Cli) -> None:
    """A bundled strategy by its name; a file with its class, as configurations write it."""
    assert cli("lint", "sma_cross").code == 0
    assert cli("lint", "strategies/bad.py:Bad").code == 1


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("strategies/bda.py", "there is no file or folder strategies/bda.py here"),
        ("nowhere/", "there is no file or folder nowhere/ here"),
        ("sma_corss", "there is no strategy 'sma_corss' (did you mean 'sma_cross'?)"),
        ("empty", "there are no Python files in the folder empty"),
        ("bytes.py", "bytes.py is no text in UTF-8"),
    ],
)
def test_what_is_not_there(cli: Cli, here: Path, what: str, sentence: str) -> None:
    """One sentence, code 2, no traceback."""
    (here / "empty").mkdir()
    (here / "bytes.py").write_bytes(b"\xff\xfe\x00")
    told = cli("lint", what)
    assert told.code == 2
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1


def test_what_does_not_load(cli: Cli, here: Path) -> None:
    """An import that fails, defaults that are no parameters, and no Python: a finding each. Without loading only the last."""
    (here / "a.py").write_text(f"import nothing_of_this_name\n{GOOD}")
    (here / "b.py").write_text(
        GOOD.replace(
            "    def generate",
            "    class Params(Strategy.Params):\n        n: int = 1\n\n        def __post_init__(self):\n"
            "            raise ValueError('n is odd')\n\n    def on_start(self, context):\n        self.params.n\n\n"
            "    def generate",
        )
    )
    (here / "c.py").write_text("class X(:\n")
    told = cli("lint", "a.py", "b.py", "c.py")
    assert told.code == 1
    lines = told.out.splitlines()
    assert [line.split()[1] for line in lines] == ["OP002", "OP002", "OP001"]
    assert "No module named 'nothing_of_this_name'" in lines[0]
    assert "Good cannot be made with its defaults: " in lines[1]
    assert "n is odd" in lines[1]
    assert lines[1].startswith("b.py:4:1: ")
    assert cli("lint", "--no-load", "a.py", "b.py").code == 0


def test_a_parameter_that_every_run_gives_needs_no_default(cli: Cli, here: Path) -> None:
    """It is a warning, and the strategy is not made."""
    (here / "a.py").write_text(
        GOOD.replace(
            "    def gen",
            "    class Params(Strategy.Params):\n        n: int\n\n    def on_start(self, context):\n"
            "        self.params.n\n\n    def gen",
        )
    )
    told = cli("lint", "a.py")
    assert (told.code, told.out.split()[1]) == (0, "OP132")


def test_a_script_is_not_run(cli: Cli, here: Path) -> None:
    """A file that calls onepath.backtest when it is imported is read and not imported."""
    (here / "a.py").write_text(
        f"import onepath\n{GOOD}\nonepath.backtest(Good, data='us10')\nraise SystemExit('it ran')\n"
    )
    told = cli("lint", "a.py")
    assert (told.code, told.out) == (0, "")


def test_a_class_from_another_file(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading tells that a class is a strategy; then it is read like any other."""
    (here / "own_strategy_base.py").write_text(GOOD)
    monkeypatch.syspath_prepend(here)
    (here / "a.py").write_text(
        "import time\n\nfrom own_strategy_base import Good  # for onepath\n\n\nclass Mine(Good):\n"
        "    def on_start(self, context):\n        self.x = time.time()\n"
    )
    told = cli("lint", "a.py")
    assert told.out.split()[:2] == ["a.py:8:18:", "OP101"]
    assert cli("lint", "--no-load", "a.py").out == ""
