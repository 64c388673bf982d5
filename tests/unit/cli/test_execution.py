"""Claims about `onepath execution` and `onepath explain`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.conftest import Cli

from onepath.cli.execution import _said

TOTAL = (
    "orders fills filled partly_filled in_parts working cancelled expired rejected denied forced fill_rate filled_share "
    "first_fill last_fill cancel_requests cancels_refused replace_requests replaced replaces_refused restated rejected_by "
    "denied_by money"
)
MONEY = "currency notional maker_share costs cost arrival mid next_open shortfall"
SHORTFALL = "delay trading fees opportunity total bps orders unknown"


def test_json_has_these_keys(cli: Cli, folder: Path) -> None:
    """One JSON value with fixed keys; groups where they are asked for, adding up to the total."""
    assert cli("run", "config.yaml").code == 0
    found = json.loads(cli("execution", "last", "--json", "--by", "symbol").out)
    assert list(found) == ["session_id", "total", "by", "groups"]
    assert " ".join(found["total"]) == TOTAL
    money = found["total"]["money"]["USD"]
    assert " ".join(money) == MONEY
    assert " ".join(money["shortfall"]) == SHORTFALL
    assert found["groups"] == {"ABC": found["total"]}


def test_a_person_reads_tables_and_clear_errors(cli: Cli, folder: Path) -> None:
    """Tables without --json; a wrong group, an unknown session or fill end with one sentence and exit code 2."""
    assert cli("run", "config.yaml").code == 0
    assert "Implementation shortfall" in cli("execution", "last", "--by", "hour").out
    assert "position" in cli("explain", "last", "1").out
    for arguments, said in (
        (("execution", "last", "--by", "moon"), "symbol, strategy, hour, type"),
        (("execution", "nowhere"), "nowhere"),
        (("explain", "last", "99999"), "has no fill 99999"),
    ):
        told = cli(*arguments)
        assert told.code == 2
        assert told.err.startswith("error: ")
        assert told.err.count("\n") == 1
        assert said in told.err


def test_times_of_an_explanation_are_exact() -> None:
    """Ticks are closer together than seconds: what is there of a fraction is shown, and no more."""
    assert _said(1_500_000_000, "at") == "1970-01-01 00:00:01.5 UTC"
    assert _said(1_000_000_001, "executed_at") == "1970-01-01 00:00:01.000000001 UTC"
    assert _said(60_000_000_000, "at") == "1970-01-01 00:01:00 UTC"
