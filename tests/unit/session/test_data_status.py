"""What a strategy hears of its data, and what a command does to a session that goes on from before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.session import scripted
from tests.unit.session.scripted import BEGIN, MINUTE
from tests.unit.session.test_realtime import after, begun, crashed, resumed, rows_of

from onepath.errors import StrategyError
from onepath.events import Command, DataState, DataStatus, TradingState
from onepath.journal.codec import decode
from onepath.rerun import replay

WATCHES = """
from onepath import DataState, Strategy
class Watches(Strategy):
    listens = ("bars",)
    def on_start(self, context):
        self.said = []
    def on_data_status(self, status, context):
        self.said.append(status.state.value)
    def generate_orders(self, context):
        if self.said and self.said[-1] in ("stale", "recovered"):
            stale = "+".join(symbol for symbol in context.symbols if context.is_stale(symbol)) or "none"
            return context.buy("AB", 1, tag=f"{self.said.pop()} {stale}")
        return []
"""


def interrupted_twice(live: list[Any]) -> list[Any]:
    """Trades of AB stale in minute 3, then bars of AB too, while trades recover; then all of it."""

    def said(state: DataState, second: int, stream: str = "trades", symbol: str = "AB") -> DataStatus:
        return DataStatus(at=BEGIN + 3 * MINUTE + second * 1_000_000_000 + 7, state=state, symbol=symbol, stream=stream)

    between = [
        said(DataState.STALE, 1),
        said(DataState.STALE, 2, "bars"),
        said(DataState.RECOVERED, 3),
        said(DataState.RECOVERED, 4, "", ""),
    ]
    return sorted([*live, *between], key=lambda item: item.at)


def test_stale_and_recovered(tmp_path: Path) -> None:
    """It hears each word and is asked after it: AB is stale from the first on, still when trades alone recovered, and no more
    when all has. The replay is identical."""
    (tmp_path / "watches.py").write_text(WATCHES)
    journal, outcome = scripted.run(
        tmp_path, "s", {"watches": "watches.py"}, minutes=6, script=interrupted_twice, sets=["isolation.time_budget=30"]
    )
    assert outcome.errors == ()
    tags = [decode(row).tag for row in scripted_rows(journal) if row.kind == "order.submitted"]
    assert tags == ["stale AB", "stale AB", "recovered AB", "recovered none"]
    assert replay(journal, home=tmp_path).identical


def scripted_rows(journal: Path) -> list[Any]:
    from onepath.journal.sqlite import SqliteReader

    return list(SqliteReader(journal).rows())


def test_listening_to_what_there_is_not(tmp_path: Path) -> None:
    """A kind that does not exist is told with the nearest name."""
    (tmp_path / "deaf.py").write_text(WATCHES.replace('("bars",)', '("bar",)'))
    with pytest.raises(
        StrategyError, match=r"listens to 'bar' \(did you mean 'bars'\?\); there are bars, quotes, trades, book"
    ):
        scripted.run(tmp_path, "s", {"watches": "deaf.py"}, minutes=2)


@pytest.mark.parametrize("batch", range(203, 215))
def test_a_command_after_the_snapshot(tmp_path: Path, batch: int) -> None:
    """A command at any place behind a snapshot is obeyed there again, once, when the session goes on from the snapshot."""
    session = begun(tmp_path, "cut")
    halt = Command(state=TradingState.HALTED, reason="enough", by="ann")
    session.after_batch += [after(batch, lambda: session.command(halt)), after(batch + 2)]
    crashed(session)
    gone_on = resumed(tmp_path, "cut")
    assert gone_on.session.delivered > 0
    gone_on.session.run()
    gone_on.session.journal.close()
    rows = rows_of(tmp_path, "cut")
    assert [row.kind for row in rows].count("command") == 1
    assert replay(tmp_path / "cut" / "journal.db", home=tmp_path).identical
