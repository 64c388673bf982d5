"""The claim: every mistake of a user ends with exit code 2 and one sentence that says what to mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.conftest import CONFIG, Cli, bars, write_csv

Rows = list[list[str]]
Spoil = Callable[[Rows], Rows]


def refused(cli: Cli, *arguments: str) -> str:
    """The sentence that a command ends with, having left no trace of a session that could be taken for a good one."""
    told = cli(*arguments)
    assert told.code == 2, (told.out, told.err)
    assert told.out == ""
    lines = told.err.splitlines()
    assert len(lines) == 1, told.err
    assert lines[0].startswith("error: ")
    return lines[0].removeprefix("error: ")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("capital:", "captial:", ("config.yaml:9: unknown key 'captial'", "did you mean 'capital'")),
        ("capital: 10000", "capital: much", ("config.yaml:9:", "found 'much'", "a number")),
        ("prices.csv", "price.csv", ("price.csv", "there is nothing at")),
        ("[ABC]", "[ABD]", ("ABD", "did you mean 'ABC'")),
        ("every: 10", "every: 0", ("config.yaml:11:", "every", "found 0")),
        ("every: 10", "evry: 10", ("config.yaml:11:", "'evry'", "did you mean 'every'")),
        ("often.py", "oftn.py", ("config.yaml:8:", "oftn.py", "did you mean 'often.py'")),
        ("class: often.py", "class: sma_cros", ("config.yaml:8:", "did you mean 'sma_cross'")),
        ("calendar: XNYS", "calendar: XNYZ", ("XNYZ",)),
        (
            "mode: backtest",
            "mode: backtest\nclock: {start_date: 2030-01-01}",
            ("no bars in the requested dates", "2024-01-01"),
        ),
        ("mode: backtest", "mode: backtest\nclock: {type: realtime}", ("config.yaml:2:", "historical")),
        ("  - name: often", "  - name: often\n    symbols: [XYZ]", ("XYZ",)),
    ],
)
def test_a_wrong_configuration(cli: Cli, folder: Path, old: str, new: str, parts: tuple[str, ...]) -> None:
    """Keys, types, names, dates, parameters: each is refused with what was found."""
    (folder / "config.yaml").write_text(CONFIG.replace(old, new, 1))
    sentence = refused(cli, "run", "config.yaml")
    for part in parts:
        assert part in sentence


def _swap(rows: Rows) -> Rows:
    rows[10], rows[11] = rows[11], rows[10]
    return rows


def _put(row: int, column: int, text: str) -> Spoil:
    def spoil(rows: Rows) -> Rows:
        rows[row][column] = text
        return rows

    return spoil


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda rows: [], "prices.csv"),
        (_swap, "line 13"),
        (lambda rows: [*rows[:11], rows[10], *rows[11:]], "line 13"),
        (_put(10, 4, "nan"), "line 12"),
        (_put(10, 4, ""), "line 12"),
        (_put(10, 4, "-5"), "line 12"),
        (_put(10, 4, "0"), "line 12"),
        (_put(10, 4, "inf"), "line 12"),
        (_put(10, 2, "1"), "line 12"),
        (_put(10, 4, "ten"), "line 12"),
        (_put(10, 0, "someday"), "line 12"),
        (_put(10, 0, "2024-01-15T00:00:00+05:00"), "prices.csv"),
    ],
    ids=[
        "empty",
        "unsorted",
        "twice",
        "nan",
        "missing",
        "negative",
        "zero",
        "infinite",
        "crossed",
        "text",
        "time",
        "zones",
    ],
)
def test_wrong_prices(cli: Cli, folder: Path, spoil: Spoil, part: str) -> None:
    """A file that cannot be traded on is refused, with its name and the line."""
    write_csv(folder / "prices.csv", spoil(bars()))
    (folder / "config.yaml").write_text(CONFIG.replace("  symbols: [ABC]\n", ""))
    sentence = refused(cli, "run", "config.yaml")
    assert "prices.csv" in sentence
    assert part in sentence


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"just words\n", b"date,open,high,low\n2024-01-01,1,1,1\n"])
def test_files_that_are_no_prices(cli: Cli, folder: Path, content: bytes) -> None:
    """An empty file, bytes, prose and a table without a close are each refused."""
    (folder / "prices.csv").write_bytes(content)
    assert "prices.csv" in refused(cli, "run", "config.yaml")


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("import nothing_like_this\n", "often.py:1: ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("x = 1\nclass A(\n", "often.py:2: SyntaxError"),
        ("x = 1\n", "often.py has no Strategy class"),
        ("def f():\n    return {}['k']\nf()\n", "often.py:2: KeyError: 'k'"),
    ],
)
def test_a_strategy_that_does_not_import(cli: Cli, folder: Path, code: str, part: str) -> None:
    """The last line of the strategy's own traceback is in the sentence, with the configuration's line before it."""
    (folder / "often.py").write_text(code)
    sentence = refused(cli, "run", "config.yaml")
    assert sentence.startswith("config.yaml:8: ")
    assert part in sentence


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "nowhere.yaml"],
        ["run", "config.yaml", "--set", "seed"],
        ["run", "config.yaml", "--mode", "backtst"],
        ["run", "config.yaml", "--name", "../out"],
        ["run", "config.yaml", "--set", "report.path=../out.html"],
        ["run", "config.yaml", "--set", "data.path=config.yaml/x.csv"],
        ["init", "prices.csv"],
        ["init", "prices.csv/deeper"],
        ["report", "last", "--out", "prices.csv/x.html"],
        ["config", "check", "prices.csv"],
        ["report", "nothing"],
        ["replay", "nothing"],
        ["data", "show", "nothing"],
        ["data", "import", "nothing.csv", "--name", "x"],
        ["data", "import", "prices.csv", "--name", "../x"],
        ["data", "import", "prices.csv", "--name", "x", "--stamps", "middle"],
        ["data", "check", "nothing.csv"],
    ],
    ids=" ".join,
)
def test_wrong_arguments(cli: Cli, folder: Path, arguments: list[str]) -> None:
    """Whatever command is given something that is not there or not allowed, it says so in a sentence."""
    assert refused(cli, *arguments)
    assert not list(folder.parent.glob("out*"))


def test_a_refused_run_leaves_no_session(cli: Cli, folder: Path) -> None:
    """What was refused before it began is not listed."""
    refused(cli, "run", "config.yaml", "--set", "data.symbols=XYZ")
    assert cli("sessions").out.startswith("no sessions yet")
