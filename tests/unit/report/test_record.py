"""The fold from journal rows to a record."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from onepath import events
from onepath.errors import JournalError
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteJournal, SqliteReader
from onepath.report.record import read


def mark(strategy: str, equity: float) -> events.Mark:
    return events.Mark(strategy=strategy, equity=equity, cash=equity, gross=0.0, net=0.0)


def test_books_are_summed_at_every_mark(toy: Callable[..., Any]) -> None:
    """A strategy that was not valued at a moment counts with its last value, before its first with its capital."""
    t = toy(("X",), ("a", "b"), Decimal(100))
    t.start()
    t.journal.append(10, "mark", "a", mark("a", 101.0))
    t.journal.append(20, "mark", "b", mark("b", 95.0))
    t.journal.append(30, "mark", "a", mark("a", 103.0))
    record = read(t.end(30))
    assert record.total.at.tolist() == [10, 20, 30]
    assert record.total.equity.tolist() == [201.0, 196.0, 198.0]
    assert record.curves["b"].equity.tolist() == [95.0]
    assert record.initial == 200.0


def test_of_two_marks_at_one_time_the_last_counts(toy: Callable[..., Any]) -> None:
    """The end of a session may mark again at the last moment: that value stands."""
    t = toy(("X",), ("a",))
    t.start()
    t.journal.append(10, "mark", "a", mark("a", 1.0))
    t.journal.append(10, "mark", "a", mark("a", 2.0))
    assert read(t.end(10)).total.equity.tolist() == [2.0]


def test_prices_are_carried_forward(toy: Callable[..., Any]) -> None:
    """A price that is missing later is the last known; before the first there is none."""
    t = toy(("X", "Y"))
    t.start()
    for at, prices in ((1, (1.0, None)), (2, (None, 5.0)), (3, (3.0, None))):
        t.journal.append(at, "prices", None, events.Prices(prices))
    found = read(t.end(3)).prices
    assert found[:, 0].tolist() == [1.0, 1.0, 3.0]
    assert math.isnan(found[0, 1])
    assert found[1:, 1].tolist() == [5.0, 5.0]


def test_every_end_of_an_order_is_an_outcome(toy: Callable[..., Any]) -> None:
    """Denied with its code; rejected and cancelled with their reason; expired."""
    t = toy(("X",))
    t.start()
    t.deny("crossover", "X", 5, "no_cash")
    t.journal.append(6, "order.rejected", "crossover", events.Rejected(7, "crossover", "X", "closed"))
    t.journal.append(7, "order.cancelled", "crossover", events.Cancelled(8, "crossover", "X", "asked"))
    t.journal.append(8, "order.expired", "crossover", events.Expired(9, "crossover", "X"))
    found = [(o.at, o.step, o.reason) for o in read(t.end(9)).outcomes]
    assert found == [(5, "denied", "no_cash"), (6, "rejected", "closed"), (7, "cancelled", "asked"), (8, "expired", "")]


def test_a_journal_without_end_is_running(toy: Callable[..., Any]) -> None:
    """What was cut off is reported as far as it came."""
    t = toy(("X",))
    t.start()
    assert read(t.journal).status == "running"
    assert read(t.end(1, "stopped")).status == "stopped"


def test_a_journal_without_start_is_refused() -> None:
    """There is nothing to report of a session that never began; the message names it."""
    with pytest.raises(JournalError, match="session nameless has no start"):
        read(MemoryJournal("nameless"))


def test_sqlite_and_memory_give_one_record(toy: Callable[..., Any], decade: MemoryJournal, tmp_path: Path) -> None:
    """The same rows read from a file make the same record."""
    file = SqliteJournal.create(tmp_path / "j.db", decade.session_id)
    for row in decade.rows():
        file.append(row.at, row.kind, row.strategy, decode(row), row.cause)
    file.close()
    ours, theirs = read(decade), read(SqliteReader(tmp_path / "j.db"))
    assert ours.fills == theirs.fills
    assert ours.orders == theirs.orders
    assert ours.outcomes == theirs.outcomes
    assert (ours.total.equity == theirs.total.equity).all()
    assert (ours.prices == theirs.prices).all()


def test_currency_is_named_only_where_there_is_one(toy: Callable[..., Any]) -> None:
    """Instruments of one currency share its name; of several, none stands."""
    t = toy(("X",))
    t.start()
    assert read(t.end(1)).currency == "USD"
    mixed = MemoryJournal("m")
    instruments = tuple({"symbol": s, "currency": c, "calendar": "24/7"} for s, c in (("A", "USD"), ("B", "EUR")))
    mixed.append(0, "session.started", None, events.SessionStarted("backtest", "1", 0, {}, (), instruments, {}))
    assert read(mixed).currency == ""
