"""`onepath replay` and `onepath diff` as a user meets them, over backtests and paper sessions."""

from __future__ import annotations

import io
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli
from tests.unit.session import scripted

OTHER = '''"""Holds one share."""
from onepath import Params, Strategy

class Other(Strategy):
    """Buys once."""
    class Params(Params):
        size: int = 1

    bought = False

    def generate_orders(self, context):
        if self.bought:
            return []
        self.bought = True
        return context.buy(context.symbols[0], self.params.size)
'''


@pytest.fixture
def ran(cli: Cli, folder: Path) -> Cli:
    """The folder with a backtest `a`: 60 daily bars, every tenth of which buys one or sells it: 6 orders."""
    (folder / "other.py").write_text(OTHER)
    assert cli("run", "config.yaml", "--name", "a", "-q", "--no-report").code == 0
    return cli


@pytest.fixture
def paper(cli: Cli, tmp_path: Path) -> Cli:
    """A folder with a paper session `p` of an hour and a collected one `c`."""
    scripted.run(
        tmp_path, "p", {"sma_cross": "sma_cross"}, sets=["strategies.0.params.fast=3", "strategies.0.params.slow=7"]
    )
    scripted.run(tmp_path, "c", {}, minutes=10, mode="collect")
    return cli


def test_a_replay_that_differs_shows_both_sides(ran: Cli, folder: Path) -> None:
    """Buying 2 instead of 1: decision 1 differs; exit code 1, one sentence, a table with both sides, and in what they differ."""
    text = (folder / "often.py").read_text()
    (folder / "often.py").write_text(
        text.replace("context.buy(context.symbols[0], 1)", "context.buy(context.symbols[0], 2)")
    )
    sys.modules.pop("onepath_file_often", None)
    told = ran("replay", "a")
    assert told.code == 1
    assert told.out.startswith("different: decision 1: recorded order.submitted at ")
    assert "decision 1" in told.out.splitlines()[2]
    assert "they differ in quantity: 1 and 2" in told.out
    found = json.loads(ran("replay", "a", "--json").out)
    assert (found["identical"], found["chain"]["decision"]) == (False, 1)
    assert [link["part"] for link in found["chain"]["recorded"]] == ["data", "decision"]
    sys.modules.pop("onepath_file_often", None)


def walk(cli: Cli, monkeypatch: pytest.MonkeyPatch, keys: str, session: str = "a") -> list[str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(keys))
    told = cli("replay", session, "--step")
    assert told.code == 0, told.err
    return told.out.splitlines()


def test_a_walk_goes_event_by_event(ran: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter shows the next bar, what the strategy was told, and its books; the end of the input ends the walk."""
    lines = walk(ran, monkeypatch, "\n\n")
    assert [line for line in lines if line.startswith("--")] == [
        "-- event 1 of 60  2024-01-01 21:00:00",
        "-- event 2 of 60  2024-01-02 21:00:00",
        "-- event 3 of 60  2024-01-03 21:00:00",
    ]
    assert "   told      often.generate_orders" in lines
    assert "   books     often: equity 10,000.00, cash 10,000.00, flat" in lines
    assert any("bar  symbol ABC, open 100, high 101, low 99, close 100, volume 1000" in line for line in lines)
    assert lines[-1] == "left after event 3"


def test_a_walk_goes_to_decisions_fills_symbols_and_times(ran: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """`d` stops at bar 10, where it buys; `o` shows the order; `f` at bar 11, where that is filled; `p` the position; `t` the
    next bar at or after a time of day; `s` the next bar of a symbol; `q` leaves."""
    lines = walk(ran, monkeypatch, "d\no\nf\np\nt 21:00\ns ABC\nq\n")
    heads = [line.split()[2] for line in lines if line.startswith("--")]
    assert heads == ["1", "10", "11", "12", "13"]
    assert any("order 1: buy 1 ABC market, submitted, filled 0" in line for line in lines)
    assert any("reported" in line and "order.filled" in line for line in lines)
    assert any("often     ABC 1, worth " in line for line in lines)
    assert lines[-1] == "left after event 13"


def test_a_walk_says_what_it_does_not_understand(ran: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown key, time or symbol is answered on stderr, and does not go on; without orders and positions it says so."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("x\nt 25:00\ns ABD\no\np\nq\n"))
    told = ran("replay", "a", "--step")
    assert told.err.count("Enter next event, d next decision") == 2
    assert "there is no symbol 'ABD' (did you mean 'ABC'?); there are ABC" in told.err
    assert "no orders at work" in told.out
    assert "   often     flat" in told.out
    assert told.out.count("-- event") == 1


def test_a_walk_to_the_end_is_a_replay(ran: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a fill that never comes sees the end, and the proof."""
    lines = walk(ran, monkeypatch, "f\n" * 100)
    assert lines[-1].startswith("identical: 6 decisions, hash ")
    assert any(line.endswith("  end") for line in lines)
    assert any("often.on_stop" in line or "strategy.ended" in line for line in lines)


def test_a_walk_through_a_paper_session(paper: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word that history follows, timers and reports are steps as well; it ends identical, features included."""
    lines = walk(paper, monkeypatch, "\n" * 3_000, "p")
    assert any("data.status" in line and "state history" in line for line in lines)
    assert any("data.status" in line and "state live" in line for line in lines)
    assert lines[-2].startswith("identical: ")
    assert lines[-1].startswith("features identical: ")


def test_a_paper_session_replays_with_its_features(paper: Cli) -> None:
    """Two averages of 67 bars, 60 of them live: 134 values twice."""
    told = paper("replay", "p", "-q")
    assert (told.code, told.err) == (0, "")
    first, second = told.out.splitlines()
    assert first.startswith("identical: ")
    assert second == "features identical: 134 values"
    found = json.loads(paper("replay", "p", "--json", "--speed", "max").out)
    assert found["features"] == {"identical": True, "values": 134, "differences": []}
    assert (found["identical"], found["chain"], found["events"]) == (True, None, 367)


def test_a_collected_session_has_nothing_to_decide(paper: Cli) -> None:
    """One sentence, exit code 0."""
    told = paper("replay", "c")
    assert (told.code, told.out) == (0, "nothing to decide: the session collected 60 events, and has no strategy\n")


def test_a_replay_has_a_speed(paper: Cli) -> None:
    """A session of ten minutes at a million times its speed is as identical as at once; what is no speed is refused."""
    assert paper("replay", "p", "--speed", "1000000x").out.startswith("identical: ")
    told = paper("replay", "p", "--speed", "fast")
    assert (told.code, told.err) == (2, "error: --speed fast: expected max, or a factor such as 10 or 10x\n")


def test_another_strategy_over_the_same_inputs(ran: Cli) -> None:
    """It runs as a session of its own in the market of the recorded one; both stand side by side."""
    told = ran("replay", "a", "--strategy", "other.py:Other", "--param", "size=3", "--name", "b", "-q")
    assert told.code == 0, told.err
    lines = [line.split() for line in told.out.splitlines()]
    assert ["a", "b"] in lines
    assert ["Orders", "6", "1"] in lines
    assert told.out.endswith("session     b; where the difference comes from: onepath diff a b\n")
    assert ran("replay", "b").out.startswith("identical: 1 decisions")
    again = ran("replay", "a", "--strategy", "other.py", "--name", "b")
    assert again.err == "error: there is a session 'b' already, and none is written over: give another --name\n"


def test_another_strategy_over_a_paper_session(paper: Cli, tmp_path: Path) -> None:
    """The inputs are read back from the journal; the recorded strategy, run like this, does the same to the cent."""
    told = paper(
        "replay", "p", "--strategy", "sma_cross", "--param", "fast=3", "--param", "slow=7", "--name", "b", "--json"
    )
    assert told.code == 0, told.err
    sessions = json.loads(told.out)["sessions"]
    assert sessions["p"] == sessions["b"]
    assert paper("replay", "b").out.startswith("identical: ")
    (tmp_path / "other.py").write_text(OTHER)
    told = paper("replay", "c", "--strategy", "other.py", "--capital", "500", "--name", "d", "--json")
    assert json.loads(told.out)["sessions"]["d"]["orders"] == 1


def test_another_strategy_says_what_it_lacks(ran: Cli) -> None:
    """Wrong flags and wrong names are one sentence each."""
    told = ran("replay", "a", "--param", "x=1")
    assert told.err.startswith("error: --param, --instead, --capital and --name say how another strategy runs")
    assert "none of them" in ran("replay", "a", "--strategy", "other.py", "--instead", "nobody").err
    assert "there is no strategy file nothing.py" in ran("replay", "a", "--strategy", "nothing.py").err
    assert "has no parameter 'sise'" in ran("replay", "a", "--strategy", "other.py", "--param", "sise=3").err
    assert "give it without --strategy" in ran("replay", "a", "--strategy", "other.py", "--step").err
    assert "--step is for the terminal" in ran("replay", "a", "--step", "--json").err


def test_a_diff_adds_up(ran: Cli, tmp_path: Path) -> None:
    """A session and one with a commission of 10 bps: all of the difference has a cause, and the page says so too."""
    setting = "execution.commission={model: bps, params: {bps: 10}}"
    assert ran("run", "config.yaml", "--name", "b", "-q", "--no-report", "--set", setting).code == 0
    told = ran("diff", "a", "b", "--html", "d.html")
    assert told.code == 0, told.err
    assert "execution.commission.model none and bps" in told.out
    assert told.out.endswith("page  d.html\n")
    assert "Where the difference comes from" in (tmp_path / "d.html").read_text()
    found = json.loads(ran("diff", "a", "b", "--json").out)
    assert found["identical"] is False
    total = sum(map(Decimal, found["shares"].values()))
    assert total == Decimal(found["difference"])
    assert total == Decimal(found["sessions"]["a"]["profit"]) - Decimal(found["sessions"]["b"]["profit"])
    assert Decimal(found["shares"]["fill"]) == total > 0


def test_a_session_is_identical_with_itself_run_again(ran: Cli) -> None:
    """The same configuration twice: one line says that they are identical."""
    assert ran("run", "config.yaml", "--name", "b", "-q", "--no-report").code == 0
    told = ran("diff", "a", "b")
    assert told.out.startswith("identical: 6 decisions, 60 events and all fills, hash ")
    assert ran("diff", "a", "b", "--html", "d.html").code == 0


def test_a_diff_of_paper_sessions_names_what_was_lost(paper: Cli, tmp_path: Path) -> None:
    """The same hour with a minute of it lost: the events that are missing are counted, and the first decision is shown."""
    scripted.run(
        tmp_path,
        "q",
        {"sma_cross": "sma_cross"},
        sets=["strategies.0.params.fast=3", "strategies.0.params.slow=7"],
        script=lambda live: scripted.interrupted(live, 20),
    )
    told = paper("diff", "p", "q", "--html", "d.html")
    assert "5 missing AB trade" in told.out
    assert "1 missing AB bar" in told.out
    found = json.loads(paper("diff", "p", "q", "--json").out)
    assert sum(found["data"]["counts"].values()) == 6
    assert sum(map(Decimal, found["shares"].values())) == Decimal(found["difference"])
    assert {found["shares"][cause] for cause in ("clock", "parameters", "code", "remainder")} == {"0"}
    assert found["clock"]["events"] == 0
    assert "Events that are not the same" in (tmp_path / "d.html").read_text()


def test_what_cannot_be_compared_is_said(paper: Cli, ran: Cli) -> None:
    """A backtest and a paper session of other instruments: results side by side, and a sentence each."""
    told = paper("diff", "a", "p")
    assert told.code == 0, told.err
    assert "note  the sessions have no instrument in common: only their results stand side by side" in told.out
    assert "note  strategy often of the one is compared with sma_cross of the other" in told.out
