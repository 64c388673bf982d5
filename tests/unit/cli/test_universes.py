"""`onepath universe` and `onepath calendar` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli

LINES = "symbol,from,to,sector\nAAPL,,,Technology\nAMZN,2016-03-01,2018-06-15,Consumer\nGE,,2018-06-26,Industrials\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "mine.csv").write_text(LINES)
    return str(tmp_path / "mine.csv")


@pytest.mark.parametrize("command", [["universe", "show"], ["universe", "check"], ["calendar"]], ids=" ".join)
def test_every_help_has_an_example(cli: Cli, command: list[str]) -> None:
    """Who asks for help sees a line that can be typed."""
    assert f"Example:  onepath {' '.join(command)}" in cli(*command, "--help").out


def test_members_of_a_day(cli: Cli, file: str) -> None:
    """One a line, so that a shell can read them; counts go to the other stream."""
    told = cli("universe", "show", file, "--at", "2017-01-02")
    assert (told.code, told.out) == (0, "AAPL\nAMZN\nGE\n")
    assert "3 members on 2017-01-02 of 3 ever; 3 days of change, 2016-03-01 to 2018-06-26" in told.err
    shown = json.loads(cli("universe", "show", file, "--at", "2020-01-02", "--json").out)
    assert shown["members"] == ["AAPL"]
    assert "30 members" in cli("universe", "show", "dow30", "--at", "2020-01-02").err
    assert cli("universe", "show", file).out == "AAPL\n"  # today


def test_a_check_tells_what_is_missing(cli: Cli, file: str, tmp_path: Path) -> None:
    """Members without data are listed with their days, and the command ends with 1; with 0 where nothing is missing."""
    told = cli("universe", "check", file, "--data", "us10")
    assert told.code == 1
    assert "GE       2015-01-02   2018-06-25   no data" in told.out
    assert "1 of 3 members have no data at all" in told.out
    whole = json.loads(cli("universe", "check", file, "--data", "us10", "--json").out)
    assert whole["without_data"] == ["GE"]
    assert whole["gaps"] == [{"symbol": "GE", "first": "2015-01-02", "last": "2018-06-25", "entire": True}]
    (tmp_path / "good.yaml").write_text("[AAPL, XOM]")
    fine = cli("universe", "check", str(tmp_path / "good.yaml"), "--data", "us10")
    assert fine.code == 0
    assert "2 members from 2015-01-02 to 2024-12-31: 100.0% of their days have data" in fine.out
    assert "no member ever leaves" in fine.out
    (tmp_path / "many.csv").write_text("symbol\n" + "".join(f"S{i}\n" for i in range(50)))
    assert "10 more" in cli("universe", "check", str(tmp_path / "many.csv"), "--data", "us10").err


def test_holidays_and_early_closes(cli: Cli) -> None:
    """The year 2026 of New York: ten holidays and two early closes; `--sessions` lists hours in UTC."""
    told = cli("calendar", "XNYS", "--from", "2026-01-01", "--to", "2026-12-31")
    assert told.code == 0
    assert "2026-11-26   closed" in told.out
    assert "2026-11-27   special hours   09:30 to 13:00" in told.out
    assert "251 sessions of XNYS from 2026-01-01 to 2026-12-31 (America/New_York)" in told.err
    listed = cli("calendar", "CMES", "--from", "2024-03-08", "--to", "2024-03-11", "--sessions").out
    assert "2024-03-11   2024-03-10 22:00   2024-03-11 22:00" in listed


def test_a_calendar_as_json(cli: Cli) -> None:
    """Everything in one value; days beyond the table are noted."""
    found = json.loads(cli("calendar", "XNYS", "--from", "2024-11-28", "--to", "2024-11-29", "--json").out)
    assert found["holidays"] == ["2024-11-28"]
    assert found["special"] == [{"date": "2024-11-29", "from": "09:30", "to": "13:00"}]
    assert found["sessions"] == [{"date": "2024-11-29", "opens": "2024-11-29 14:30", "closes": "2024-11-29 18:00"}]
    far = cli("calendar", "XLON", "--from", "2036-01-01", "--to", "2036-01-10")
    assert "every weekday is taken to be a session" in far.err
    assert cli("calendar", "24/7").code == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("calendar XNYX", "calendar 'XNYX' is unknown; did you mean 'XNYS'?"),
        ("calendar XNYS --from soon", "--from is 'soon'; expected a date"),
        ("calendar XNYS --from 2026-02-01 --to 2026-01-01", "--to lies before --from"),
        ("universe show none.csv", "none.csv does not exist"),
        ("universe check dow30 --data us11", "did you mean 'us10'?"),
    ],
)
def test_wrong_input_is_one_sentence(cli: Cli, line: str, message: str) -> None:
    """What a user gets wrong ends with 2 and says what to do."""
    told = cli(*line.split())
    assert told.code == 2
    assert message in told.err
    assert "Traceback" not in told.err
