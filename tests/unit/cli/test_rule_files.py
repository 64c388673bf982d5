"""The commands know rule files: list, lint, check, run, explain, replay; and `init` brings one that runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.cli.conftest import CONFIG, Cli

RULES = """\
name: dip
version: "1.2"
description: Buy what fell.
params: {level: 50.0}
features: {rsi: rsi(3)}
entry: rsi < level
close: rsi > level
size: {quantity: 1}
"""
BAD = RULES.replace("rsi < level", "rsj < level")


@pytest.fixture
def dip(folder: Path) -> Path:
    """The rule file of a workspace whose configuration names it."""
    path = folder / "strategies" / "dip.yaml"
    path.parent.mkdir()
    path.write_text(RULES)
    config = CONFIG.replace("name: often", "name: dip").replace("often.py", "strategies/dip.yaml")
    (folder / "config.yaml").write_text(config.replace("every: 10", "level: 40"))
    return path


def test_run_explain_replay(cli: Cli, dip: Path) -> None:
    """A configuration names the file and its parameters; `explain` tells the conditions and values; a replay is the same."""
    ran = cli("run", "config.yaml", "--no-report", "--json")
    assert ran.code == 0, ran.err
    replayed = cli("replay", "last")
    assert (replayed.out.startswith("identical: "), replayed.err) == (True, "")
    told = cli("explain", "last", "1")
    assert (told.code, "rsi < level" in told.out, "level" in told.out) == (0, True, True), told.out
    assert "long entry" in told.out
    values = next(line for line in told.out.splitlines() if line.startswith("values"))
    assert re.search(r"rsi \d+\.\d+, ", values) and not re.search(r"\d\.\d{12,}", values)  # what a person reads
    first = json.loads(ran.out)["session_id"]
    dip.write_text(RULES + "# a remark\n")
    remarked = cli("replay", first)
    assert remarked.out.startswith("identical: ")
    assert remarked.err == "the file of dip (strategies/dip.yaml) has changed since the session\n"
    assert json.loads(cli("replay", first, "--json").out)["changed"] == ["dip (strategies/dip.yaml)"]
    dip.write_text(RULES)
    assert cli("replay", first, "--strategy", "strategies/dip.yaml", "--param", "level=60.0").code == 0
    dip.write_text(RULES.replace("rsi < level", "rsi > level"))
    changed = cli("replay", first)
    assert changed.code == 1
    assert changed.out.startswith("different: decision 1")


@pytest.mark.parametrize("named", ["class: dip.yaml", "class: dip", ""])
def test_by_name(cli: Cli, dip: Path, named: str) -> None:
    """A file of the folder strategies has its own name; by a path it is looked for from the workspace on."""
    config = Path("config.yaml")
    config.write_text(config.read_text().replace("class: strategies/dip.yaml", named))
    told = cli("config", "check", "config.yaml")
    if named == "class: dip.yaml":
        assert (told.code, "there is no rule file dip.yaml in" in told.err) == (2, True)
    else:
        assert (told.code, told.err) == (0, "")


def test_strategies_lists_it(cli: Cli, dip: Path) -> None:
    """With version, description and parameters; a bad one is left out with its sentence; bundled ones are there by name."""
    (dip.parent / "bad.yaml").write_text(BAD)
    told = cli("strategies", "--json")
    found = {row["name"]: row for row in json.loads(told.out)}
    assert found["strategies/dip.yaml"]["version"] == "1.2"
    assert found["strategies/dip.yaml"]["description"] == "Buy what fell."
    assert found["strategies/dip.yaml"]["params"]["properties"] == {"level": {"type": "number", "default": 50.0}}
    assert {"rsi_dip", "donchian_breakout"} <= set(found)
    assert "left out: strategies/bad.yaml:6: entry: 'rsj < level': there is no 'rsj' (did you mean 'rsi'?)" in told.err


def test_lint_and_check(cli: Cli, dip: Path) -> None:
    """`lint` and `config check` read a rule file itself, by path, folder or name, and tell the line of what is wrong."""
    for what in ("strategies/dip.yaml", "strategies", "rsi_dip"):
        assert cli("lint", what).code == 0, what
    assert cli("config", "check", "strategies/dip.yaml").out == (
        "strategies/dip.yaml is right: rules Dip, version 1.2, parameters level\n"
    )
    assert json.loads(cli("config", "check", "strategies/dip.yaml", "--json").out)["version"] == "1.2"
    dip.write_text(BAD)
    told = cli("lint", "strategies/dip.yaml")
    assert told.code == 1
    assert told.out.startswith("strategies/dip.yaml:6:1: OP002 error: entry: 'rsj < level': there is no 'rsj'")
    assert cli("lint", "strategies").code == 1
    told = cli("config", "check", "strategies/dip.yaml")
    assert (told.code, told.err.startswith("error: strategies/dip.yaml:6: entry: ")) == (2, True)
    told = cli("config", "check", "config.yaml")
    assert (told.code, "config.yaml:8: strategies/dip.yaml:6: entry: " in told.err) == (2, True), told.err


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            "level: high",
            "config.yaml:11: Dip: parameter level is not valid: Expected `float`, got `str` (found 'high')",
        ),
        ("levle: 3", "config.yaml:11: Dip has no parameter 'levle' (did you mean 'level'?); it has level"),
    ],
)
def test_parameters_of_a_configuration(cli: Cli, dip: Path, value: str, sentence: str) -> None:
    """A parameter that the file does not have, or of another type, is told with the configuration's line."""
    config = Path("config.yaml")
    config.write_text(config.read_text().replace("level: 40", value))
    told = cli("config", "check", "config.yaml")
    assert (told.code, told.err) == (2, f"error: {sentence}\n")


def test_init_brings_rules(cli: Cli) -> None:
    """The template is right, is listed, and runs in the place of the Python one."""
    cli("init")
    assert cli("lint", "strategies/my_rules.yaml").code == 0
    assert "my_rules.yaml" in cli("strategies").out
    sets = ("--set", "strategies.0.class=strategies/my_rules.yaml", "--set", "strategies.0.params={days: 100}")
    ran = cli("run", "config/backtest.yaml", "--no-report", "--json", *sets)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["stats"]["trades"] > 0
