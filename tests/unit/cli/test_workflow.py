"""Claims about what a user does from the first day on: init, run, look, prove."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli, Told, bars, write_csv

SLOW = """
import time
from onepath import Strategy

class Slow(Strategy):
    def on_market_event(self, event, context):
        time.sleep(0.02)
"""


def value(told: Told) -> object:
    """The one JSON value on stdout."""
    assert told.code == 0, told.err
    return json.loads(told.out)


def test_from_nothing_to_a_proof(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `init`, run, report, sessions and replay work without touching a file."""
    assert "onepath run config/backtest.yaml" in cli("init", "space").out
    monkeypatch.chdir(tmp_path / "space")
    ran = cli("run", "config/backtest.yaml")
    assert ran.code == 0, ran.err
    assert "Sharpe ratio" in ran.out
    sessions = json.loads(cli("sessions", "--json").out)
    assert [(row["status"], row["strategies"]) for row in sessions] == [("completed", "my_strategy")]
    assert sessions[0]["orders"] > 0
    sheet = tmp_path / "space" / "sessions" / sessions[0]["session"] / "report.html"
    assert str(sheet) in ran.out
    assert "<html" in sheet.read_text()
    replayed = cli("replay", "last")
    assert replayed.out.startswith("identical: ")
    assert cli("report", "last").code == 0


@pytest.mark.parametrize("mode", ["backtest", "paper", "live", "collect"])
def test_the_configurations_of_a_new_workspace_are_right(cli: Cli, mode: str) -> None:
    """`config check` accepts every file that `init` writes, with its strategy and parameters."""
    cli("init")
    assert cli("config", "check", f"config/{mode}.yaml").code == 0


def test_the_mode_that_is_not_built_says_so(cli: Cli) -> None:
    """The mode of a later version ends with one honest sentence, and leaves no session behind."""
    cli("init")
    told = cli("run", "config/live.yaml")
    sentence = "error: mode live is not built yet: this version of onepath runs backtest, paper, collect\n"
    assert (told.code, told.err) == (2, sentence)
    assert not Path("sessions").exists()


def test_a_mode_that_is_not_built_is_told_before_what_it_lacks(cli: Cli) -> None:
    """The file of a backtest with another mode put over it fails for the mode, by flag or by --set."""
    cli("init")
    for flags in (("--mode", "live"), ("--set", "mode=live")):
        told = cli("run", "config/backtest.yaml", *flags)
        assert told.code == 2
        assert told.err.startswith("error: mode live is not built yet: this version")


def test_a_session_that_is_not_there_cannot_be_read(cli: Cli, folder: Path) -> None:
    """Data of a recorded session that does not exist, or recorded nothing, are refused in one sentence that says so."""
    told = cli("run", "config.yaml", "--set", "data={type: session, id: old}")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "there are no sessions in" in told.err
    cli("run", "config.yaml", "--name", "plain")
    told = cli("run", "config.yaml", "--set", "data={type: session, id: plain}")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "the session recorded no market data" in told.err


def test_what_was_assumed_and_denied_is_printed(cli: Cli, folder: Path) -> None:
    """A run says which calendar it assumed and how many orders were denied and why, to people and to programs."""
    config = (
        (folder / "config.yaml").read_text().replace("  calendar: XNYS\n", "").replace("capital: 10000", "capital: 50")
    )
    (folder / "config.yaml").write_text(config)
    lines = cli("run", "config.yaml").out.splitlines()
    assert any(line.startswith("note        daily bars on weekdays alone: calendar XNYS is assumed") for line in lines)
    found = json.loads(cli("run", "config.yaml", "--json").out)
    (reason, count), *others = found["denied"].items()
    assert others == []
    assert f"orders denied  {count} ({reason} {count})" in lines
    assert len(found["notes"]) == 1
    assert json.loads(cli("report", "last", "--json").out)["denied"] == found["denied"]
    assert "Note: daily bars on weekdays alone" in Path(found["paths"]["report"]).read_text()


def test_a_run_with_nothing_to_remark_remarks_nothing(cli: Cli, folder: Path) -> None:
    """Where nothing was assumed and no order denied, neither is spoken of."""
    told = cli("run", "config.yaml")
    assert not [line for line in told.out.splitlines() if line.startswith(("note", "orders denied"))]
    found = json.loads(cli("run", "config.yaml", "--json").out)
    assert (found["denied"], found["notes"]) == ({}, [])


def test_init_writes_nothing_over(cli: Cli, tmp_path: Path) -> None:
    """A file in the way stops `init` before it has written anything."""
    (tmp_path / "README.md").write_text("mine")
    told = cli("init")
    assert told.code == 2
    assert "README.md exists" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_init_keeps_what_is_made_out_of_git(cli: Cli, tmp_path: Path) -> None:
    """Sessions, caches, logs of trials and pages are not for git; strategies and configurations are; a file that exists stays."""
    git = ["git", "-C", str(tmp_path), "check-ignore"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert cli("init").code == 0
    made = [
        "sessions/a/journal.db",
        ".cache/features/x",
        "trials.db",
        "trials.db-wal",
        "checks/a.html",
        "data/a/A.parquet",
    ]
    told = subprocess.run(
        [*git, *made, "strategies/my_rules.yaml", ".onepath"], capture_output=True, text=True, check=False
    )
    assert told.stdout.split() == made
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".gitignore").write_text("mine")
    assert cli("init", "other").code == 0
    assert (tmp_path / "other" / ".gitignore").read_text() == "mine"


def test_the_first_strategy_is_short() -> None:
    """The strategy of a new workspace has fewer than 25 lines."""
    import onepath

    path = Path(onepath.__file__).parent / "templates" / "strategies" / "my_strategy.py"
    assert len(path.read_text().splitlines()) < 25


def test_a_run_as_json_is_one_object(cli: Cli, folder: Path) -> None:
    """`run --json` says in one object what came of it and where it is."""
    told = cli("run", "config.yaml", "--json", "--name", "first")
    found = json.loads(told.out)
    assert (told.code, told.err) == (0, "")
    assert (found["session_id"], found["status"], found["events"]) == ("first", "completed", 60)
    assert found["decisions"] == 6
    assert len(found["hash"]) == 64
    assert found["stats"]["initial_capital"] == 10_000
    assert all(Path(path).is_file() for path in found["paths"].values())


def test_equal_runs_have_equal_hashes(cli: Cli, folder: Path) -> None:
    """The same configuration decides the same; another parameter decides otherwise."""
    first, again = (json.loads(cli("run", "config.yaml", "--json").out) for _ in range(2))
    other = json.loads(cli("run", "config.yaml", "--json", "--set", "strategies.often.params.every=5").out)
    assert first["session_id"] != again["session_id"]
    assert first["hash"] == again["hash"] != other["hash"]


def test_a_session_is_not_written_over(cli: Cli, folder: Path) -> None:
    """A name that is taken is refused, and the session that has it stays."""
    assert cli("run", "config.yaml", "--name", "a", "--no-report").code == 0
    told = cli("run", "config.yaml", "--name", "a")
    assert told.code == 2
    assert "there is a session 'a' already" in told.err
    assert cli("replay", "a").code == 0


def test_no_report_writes_none(cli: Cli, folder: Path) -> None:
    """With `--no-report` there is a journal and no tear sheet; `report --out` makes one later."""
    cli("run", "config.yaml", "--name", "a", "--no-report")
    assert not (folder / "sessions" / "a" / "report.html").exists()
    assert cli("report", "a", "--out", "sheets/a.html").code == 0
    assert (folder / "sheets" / "a.html").is_file()


def test_a_strategy_that_fails_is_told_and_the_journal_stays(cli: Cli, folder: Path) -> None:
    """An exception in a strategy ends with exit code 2, its file and line, and a session that reads."""
    (folder / "often.py").write_text(
        "from onepath import Strategy\nclass A(Strategy):\n  def on_market_event(self, e, c):\n    1 / 0\n"
    )
    told = cli("run", "config.yaml", "--set", "strategies.0.params={}", "--name", "bad")
    assert told.code == 2
    assert f"often failed at {folder / 'often.py'}:4: " in told.err
    assert "Traceback" not in told.err
    assert [row["status"] for row in json.loads(cli("sessions", "--json").out)] == ["failed"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("symbols[0], 1)", "symbols[0], 1, tag='x')"),
        ("symbols[0], 1)", "symbols[0], 2)"),
        ("    count = 0", "    each = count = 0"),
    ],
    ids=["decides otherwise", "orders that the fills do not fit", "code that decides the same"],
)
def test_replay_finds_a_strategy_that_is_not_the_recorded_one(cli: Cli, folder: Path, old: str, new: str) -> None:
    """When decisions part, replay says where, with exit code 1; other code that decides the same is identical."""
    cli("run", "config.yaml", "--name", "a")
    (folder / "often.py").write_text((folder / "often.py").read_text().replace(old, new))
    told = subprocess.run(
        [sys.executable, "-m", "onepath.cli", "replay", "a"], capture_output=True, text=True, check=False, cwd=folder
    )
    same = "count" in old
    assert told.returncode == (0 if same else 1), told.stderr
    assert told.stdout.startswith("identical: 6 decisions" if same else "different: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_session_cleanly(cli: Cli, folder: Path, number: int) -> None:
    """Ctrl-C stops the session: exit code 130, status stopped, a journal and a report that read."""
    (folder / "often.py").write_text(SLOW)
    write_csv(folder / "prices.csv", [["ABC", *row] for row in bars(120)], "symbol,date,open,high,low,close,volume")
    process = subprocess.Popen(
        [sys.executable, "-m", "onepath.cli", "run", "config.yaml", "--name", "s", "--set", "strategies.0.params={}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    journal = folder / "sessions" / "s" / "journal.db"
    while not journal.exists() and process.poll() is None:
        pass
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert json.loads(cli("sessions", "--json").out)[0]["status"] == "stopped"
    assert (folder / "sessions" / "s" / "report.html").is_file()
    assert cli("report", "s").code == 0


def test_sessions_of_an_empty_folder(cli: Cli) -> None:
    """Where nothing was run, the list says how to begin and `report last` is refused in a sentence."""
    assert cli("sessions").out == "no sessions yet: `onepath run CONFIG` makes one\n"
    assert value(cli("sessions", "--json")) == []
    assert cli("report", "last").code == 2


def test_strategies_are_listed_with_parameters(cli: Cli) -> None:
    """Bundled and own strategies are listed, with version, description and parameters."""
    cli("init")
    found = {row["name"]: row for row in json.loads(cli("strategies", "--json").out)}
    assert {"buy_and_hold", "sixty_forty", "sma_cross", "mean_reversion", "rsi_reversion", "momentum"} <= set(found)
    own = found["strategies/my_strategy.py:MyStrategy"]
    assert own["params"]["properties"]["fast"]["default"] == 20
    assert "fast=20 (1..500)" in cli("strategies").out


def test_data_goes_in_and_is_seen(cli: Cli, folder: Path) -> None:
    """An imported file is listed, shown, checked, and can be run by its name."""
    told = cli("data", "import", "prices.csv", "--name", "mine", "--asset-class", "equity", "--calendar", "XNYS")
    assert told.code == 0, told.err
    assert "60 bars added" in told.out
    listed = json.loads(cli("data", "list", "--json").out)
    assert ("mine", ["ABC"], 60) in [(row["name"], row["symbols"], row["rows"]) for row in listed]
    assert "2024-01-01" in cli("data", "show", "mine").out
    assert cli("data", "check", "mine").code == 0
    ran = cli("run", "config.yaml", "--json", "--set", "data={name: mine}")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["events"] == 60


def test_a_faulty_file_is_reported_row_by_row(cli: Cli, folder: Path) -> None:
    """`data check` names line and fault, and ends with exit code 1."""
    rows = bars(10)
    rows[4][2] = "1"
    write_csv(folder / "bad.csv", rows)
    told = cli("data", "check", "bad.csv")
    assert told.code == 1
    assert "line 6" in told.out
    assert "the high is below the low" in told.out


def test_everything_that_lists_speaks_json(cli: Cli, folder: Path) -> None:
    """Programs get one JSON value from every command that shows something."""
    cli("run", "config.yaml", "--name", "a")
    assert json.loads(cli("report", "a", "--json").out)["status"] == "completed"
    assert json.loads(cli("replay", "a", "--json").out)["identical"] is True
    assert json.loads(cli("config", "check", "config.yaml", "--json").out)["mode"] == "backtest"
    assert json.loads(cli("data", "show", "us10", "--json").out)["symbols"]["AAPL"]["rows"] == 2516
    assert json.loads(cli("data", "import", "prices.csv", "--name", "b", "--json").out)["rows_added"] == 60


def test_what_does_not_load_is_left_out_and_told(cli: Cli, folder: Path) -> None:
    """A broken strategy or journal does not hide the others."""
    (folder / "strategies").mkdir()
    (folder / "strategies" / "broken.py").write_text("1 / 0\n")
    told = cli("strategies")
    assert "sma_cross" in told.out
    assert "broken.py:1: ZeroDivisionError" in told.err
    (folder / "sessions" / "b").mkdir(parents=True)
    (folder / "sessions" / "b" / "journal.db").write_text("no journal")
    assert [row["status"] for row in json.loads(cli("sessions", "--json").out)] == ["unreadable"]


@pytest.mark.parametrize("name", ["us10", "btcusd_1m", "eurusd_1h"])
def test_the_samples_are_sound(cli: Cli, name: str) -> None:
    """The data that comes with onepath has no faults, and none are made up by its market's summer time."""
    report = json.loads(cli("data", "check", name, "--json").out)
    assert "error" not in report["severities"]
    assert "time_zone" not in report["counts"]


def test_the_schema_is_json(cli: Cli) -> None:
    """Editors get a JSON Schema."""
    schema = json.loads(cli("config", "schema").out)
    assert schema["properties"]["mode"]["enum"] == ["backtest", "paper", "live", "collect"]
