"""Another strategy in the place of a recorded one: what is taken over, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.session import scripted

from onepath.errors import ConfigError, JournalError
from onepath.instead import instead
from onepath.journal.sqlite import SqliteReader
from onepath.rerun import startable
from onepath.session import Session


def put(home: Path, strategy: str, started: Any = None, **how: Any) -> Session:
    """A session of `strategy` in the place of one of the session `p`."""
    found = startable(SqliteReader(home / "sessions" / "p" / "journal.db")) if started is None else started
    journal = home / "sessions" / "q" / "journal.db"
    return instead(found, "p", strategy, home=home, session_id="q", journal_path=journal, **how)


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A home with a paper session `p` of two strategies."""
    scripted.run(tmp_path, "p", {"one": "buy_and_hold", "sma_cross": "rsi_reversion"}, minutes=3)
    return tmp_path


def test_one_of_several_is_replaced(several: Path) -> None:
    """The other stays beside it; a name that is taken gets a number; capital is the replaced one's, or what is said."""
    session = put(several, "sma_cross", replaces="one", capital="77")
    assert [(seat.name, int(seat.capital)) for seat in session.plan.strategies] == [
        ("sma_cross_2", 77),
        ("sma_cross", 10_000),
    ]
    assert [source["class"] for source in session.plan.sources] == ["sma_cross", "rsi_reversion"]
    assert (session.plan.seed, session.plan.market.expected_cost > 0) == (7, True)


def test_which_of_several_has_to_be_said(several: Path) -> None:
    """Without a name, or with a wrong one, the sentence lists them."""
    with pytest.raises(ConfigError, match="has the strategies one, sma_cross: say which one"):
        put(several, "sma_cross")
    with pytest.raises(ConfigError, match="has the strategies one, sma_cross: 'two' is none of them"):
        put(several, "sma_cross", replaces="two")


def test_a_session_from_python_has_no_configuration(several: Path) -> None:
    """What `onepath.backtest` ran is run again from there."""
    from msgspec.structs import replace

    started = replace(startable(SqliteReader(several / "sessions" / "p" / "journal.db")), config={})
    with pytest.raises(JournalError, match="run from Python"):
        put(several, "sma_cross", started)
