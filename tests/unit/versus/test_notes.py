"""What a comparison says of itself: what it could not compare, and money in special forms."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.unit.session import scripted

from onepath.actions import Split
from onepath.chains import link_of
from onepath.events import DataState, DataStatus, TimePassed
from onepath.versus import laid_side_by_side, versus
from onepath.versus.reading import Told, told
from onepath.versus.wording import money


def test_strategies_of_one_session_alone_are_named(tmp_path: Path) -> None:
    """Two strategies against one of them: the other is told; the orders of the one that both have are matched by its name."""
    one, _ = scripted.run(tmp_path, "a", {"x": "sma_cross", "y": "rsi_reversion"}, minutes=30)
    two, _ = scripted.run(tmp_path, "b", {"y": "rsi_reversion"}, minutes=30)
    found = versus(one, two, tmp_path)
    assert "strategy x is in one session alone" in found.notes
    assert found.matched > 0
    assert found.matched + found.alone[1] == len(found.two.orders)


def test_a_session_that_runs_and_one_without_data(tmp_path: Path) -> None:
    """A journal without an end is told; so is a session whose data are gone, and then data and clock are left out."""
    one, _ = scripted.run(tmp_path, "a", {"y": "rsi_reversion"}, minutes=5)
    two, _ = scripted.run(tmp_path, "b", {"y": "rsi_reversion"}, minutes=5)
    there = told(two, tmp_path)
    gone = Told(there.rows, there.started, "b", None)
    found = laid_side_by_side(told(one, tmp_path), gone)
    assert found.notes == ("the data of session b are not there any more: data and clock are not compared",)
    assert found.inputs.compared == 0


def test_money_has_the_digits_that_count() -> None:
    """Money with the digits that count, no more than eight."""
    assert [money(Decimal(text)) for text in ("1234.5", "0.00012", "0.1234567891", "-2")] == [
        "1,234.50",
        "0.00012",
        "0.12",
        "-2.00",
    ]


def test_what_a_feed_brings_has_a_name() -> None:
    """News are told like events: status, passed time, corporate actions."""
    items: list[Any] = [
        DataStatus(at=5, state=DataState.STALE),
        TimePassed(6),
        Split(symbol="X", at=7, ratio=Decimal(2)),
    ]
    assert [(link_of(item).kind, link_of(item).at) for item in items] == [
        ("data.status", 5),
        ("time", 6),
        ("corporate_action", 7),
    ]


def test_data_that_are_gone_are_told(tmp_path: Path) -> None:
    """A backtest over another session, which was deleted since: its orders are compared, its data cannot be."""
    from onepath.build import build
    from onepath.config import loads

    session, _ = scripted.run(tmp_path, "s", {}, minutes=5, mode="collect")
    text = "data: {type: session, id: s}\nstrategies: [{name: buy_and_hold, capital: 1000}]"
    journal = tmp_path / "sessions" / "b" / "journal.db"
    made = build(loads(text), home=tmp_path, session_id="b", journal_path=journal)
    made.run()
    made.journal.close()
    session.unlink()
    found = versus(journal, journal, tmp_path)
    assert found.notes[0] == "the data of session b are not there any more: data and clock are not compared"
    assert (found.matched, found.difference) == (len(found.one.orders), Decimal(0))
