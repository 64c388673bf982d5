"""`onepath data` with quotes and trades."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CROSSED = """time,received,bid,ask
2020-01-01 00:00:00,2020-01-01 00:00:01,1.0,1.5
2020-01-01 00:00:02,2020-01-01 00:00:03,2.0,1.5
"""


def test_import_list_show_and_check(cli: Any, folder: Path) -> None:
    """Options reach the import; list, show and check say kinds, rows and spread."""
    (folder / "EURUSD.csv").write_text(CROSSED)
    assert "say which" in cli("data", "import", "EURUSD.csv", "--name", "q").err
    asked = ("--name", "q", "--kind", "quotes", "--time", "received")
    assert "line 3" in cli("data", "import", "EURUSD.csv", *asked).err
    told = cli("data", "import", "EURUSD.csv", *asked, "--crossed", "drop", "--asset-class", "fx").out
    assert "q: 1 quotes added, 0 known, 1 in all" in told
    assert "1 crossed quotes (bid above ask) left out" in told
    (mine,) = [row for row in json.loads(cli("data", "list", "--json").out) if row["name"] == "q"]
    assert (mine["kinds"], mine["rows"], mine["first_start"]) == (["quotes"], 1, 1_577_836_801_000_000_000)
    assert "median 0.5, 0.0% locked" in cli("data", "show", "q").out
    assert "median spread 0.5" in cli("data", "check", "q").out
    assert cli("data", "check", "EURUSD.csv", "--time", "received").code == 1
