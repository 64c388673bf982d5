"""What every journal must do, in memory and in a file; and what the file does besides."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from onepath import Context, Instrument, Strategy
from onepath.accounts import AccountTerms
from onepath.actions import CashDividend
from onepath.errors import JournalError
from onepath.events import Accepted, Command, Timer, TradingState
from onepath.feeds.actions import WithActions
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import INPUTS, KINDS, decode
from onepath.journal.durable import DurableJournal
from onepath.journal.lease import take
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import BATCH, SqliteJournal, SqliteReader, index
from onepath.ports import Row
from onepath.replay import RecordedVenue
from onepath.risk import Limits
from onepath.seat import Seated
from onepath.session import Plan, Session, replayed
from onepath.simulator.assumptions import Market
from onepath.simulator.latency import Constant

MINUTE = 60_000_000_000
Make = Callable[[], Any]


@pytest.fixture(params=["memory", "sqlite", "durable"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes an empty journal named `s`."""
    made: list[Any] = []

    def new() -> Any:
        path = tmp_path / f"{len(made)}.db"
        match request.param:
            case "memory":
                made.append(MemoryJournal("s"))
            case "sqlite":
                made.append(SqliteJournal.create(path, "s"))
            case _:
                made.append(DurableJournal.create(path, "s", take(path, 0)))
        return made[-1]

    yield new
    for journal in made:
        journal.close()


class Busy(Strategy):
    """Touches every kind of row that one strategy can make."""

    def on_start(self, context: Context) -> None:
        context.set_timer("tick", 2 * MINUTE + 1)

    def generate_orders(self, context: Context) -> Any:
        match context.now / MINUTE:
            case 1:
                why = context.signal("X", "entry", ["cheap"], close=1.5)
                return context.buy("X", "0.5", signal=why) + context.buy("X", 1, limit=50, tag="low")
            case 2:
                return context.sell("X", 99) + context.cancel(2)
            case 3:
                return context.short("X", 2, limit=90, time_in_force="day")
            case 4:
                return context.sell("X", "0.1") + context.buy("X", 3, stop=200, time_in_force="day")
        return []


def session(journal: Any, strategy: Strategy | None = None) -> Session:
    """Four minutes of bars with little volume, then the next day."""
    starts = [0, MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE, 1_440 * MINUTE]
    rows = [(s, s + MINUTE, 100.0, 101.0, 99.0, 100.0 + n, 3.0) for n, s in enumerate(starts)]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    feed = ColumnFeed({"X": columns}, {"X": Instrument(symbol="X")}, interval_ns=MINUTE)
    seats = [Seated("busy", strategy or Busy(), Decimal(10_000), Limits(), ("X",))]
    plan = Plan("backtest", 0, feed, feed.describe(), seats, [{}], Market(), {}, MINUTE)
    return Session(plan, journal)


class Everything(Strategy):
    """Makes every row that there is, in four symbols; messages are half a minute on their way."""

    def on_start(self, context: Context) -> None:
        context.set_timer("tick", 2 * MINUTE + 1)

    def generate_orders(self, context: Context) -> Any:
        a, b, c = "A", "B", "C"
        match context.now / MINUTE:
            case 1:  # the entry, what is too large to send, and what is put into the line
                why = context.signal(a, "entry", ["cheap"], close=1.5)
                return [
                    *context.buy(a, 17, signal=why),  # 1
                    *context.sell(a, 99),  # 2: nobody has them
                    *context.buy(b, 1, limit=50),  # 3
                    *context.buy(b, 1, limit=60),  # 4
                    *context.buy(c, 1, limit=100, post_only=True),  # 5: the market is there
                    *context.buy(b, 1, limit=40, time_in_force="day"),  # 6
                    *context.buy(b, 1, limit=45),  # 7
                ]
            case 2:  # new terms: taken, and denied by our own checks
                return context.replace(3, limit=55) + context.replace(7, quantity=9_999)
            case 3:  # B opens at 58 in the bar that comes: the order is gone before the message arrives
                return context.replace(4, limit=61)
            case 4:  # B opens at 50: so is this one
                return context.cancel(3)
            case 5:
                return [
                    *context.cancel(7),
                    *context.cancel(7),  # asking twice
                    *context.sell(a, 1, limit=500, time_in_force="day"),  # ends with the day
                ]
        return []


def everything(journal: Any) -> Session:
    """Seven minutes, then the next day: A, held with money that was lent, falls by half."""
    starts = [*range(7), 1_440, 1_441]
    prices = {
        "A": [100, 100, 100, 100, 100, 100, 100, 100, 50],
        "B": [100, 100, 100, 58, 50, 50, 50, 50, 50],
        "C": [100] * 9,
    }
    columns: dict[str, dict[str, list[Any]]] = {}
    for symbol, values in prices.items():
        volume = 50.0 if symbol != "C" else 20.0
        rows = [(s * MINUTE, (s + 1) * MINUTE, *[float(p)] * 4, volume) for s, p in zip(starts, values, strict=True)]
        columns[symbol] = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    known = {symbol: Instrument(symbol=symbol) for symbol in prices}
    bars = ColumnFeed(columns, known, interval_ns=MINUTE)
    feed = WithActions(bars, [CashDividend("A", 5 * MINUTE, amount=Decimal("0.5"))])
    terms = AccountTerms(leverage=Decimal(2), maintenance_margin=Decimal("0.25"), liquidates=True)
    seats = [Seated("all", Everything(), Decimal(1_000), Limits(max_leverage=Decimal(3)), tuple(prices), terms)]
    commands = [(6 * MINUTE, Command(state=TradingState.REDUCING, reason="for today", by="ann"))]
    market = Market(latency=Constant(30_000))
    plan = Plan("backtest", 0, feed, feed.describe(), seats, [{}], market, {}, MINUTE, commands=commands)
    return Session(plan, journal)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A file with a session in it, closed."""
    journal = SqliteJournal.create(tmp_path / "recorded.db", "recorded")
    session(journal).run()
    journal.close()
    return tmp_path / "recorded.db"


def test_sequence_is_dense_from_one(make: Make) -> None:
    """`append` returns 1, 2, 3, ...; rows come back in that order with what was given."""
    journal = make()
    given = [(n * 10, "timer", "s" if n % 2 else None, Timer(f"t{n}", n), n - 1 or None) for n in range(1, 8)]
    assert [journal.append(*row) for row in given] == [1, 2, 3, 4, 5, 6, 7]
    rows = list(journal.rows())
    assert [r.seq for r in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [(r.at, r.kind, r.strategy, decode(r), r.cause) for r in rows] == given


def test_rows_of_some_kinds(make: Make) -> None:
    """Only the kinds asked for, in order, keeping their numbers; an unknown kind has no rows."""
    journal = make()
    for n, kind in enumerate(("timer", "order.accepted", "timer"), start=1):
        journal.append(n, kind, None, Timer("t", n) if kind == "timer" else Accepted(1, "s", "X"))
    assert [r.seq for r in journal.rows(("timer",))] == [1, 3]
    assert [r.seq for r in journal.rows(("order.accepted", "timer"))] == [1, 2, 3]
    assert list(journal.rows(("nothing",))) == []


def test_more_rows_than_a_batch(make: Make) -> None:
    """Nothing is lost or doubled where a batch ends."""
    journal = make()
    for n in range(2 * BATCH + 1):
        journal.append(n, "timer", None, Timer("t", n))
    journal.flush()
    journal.flush()
    assert [decode(r).at for r in journal.rows()] == list(range(2 * BATCH + 1))


def test_reading_while_writing(make: Make) -> None:
    """What was appended can be read at once, and appending goes on after."""
    journal = make()
    journal.append(1, "timer", None, Timer("a", 1))
    assert len(list(journal.rows())) == 1
    journal.append(2, "timer", None, Timer("b", 2))
    assert [decode(r).name for r in journal.rows()] == ["a", "b"]


def test_a_whole_session_reads_back(make: Make) -> None:
    """A session over history can make a row of every kind but what a live feed brings; every row decodes to its kind's type."""
    journal = make()
    everything(journal).run()
    rows = list(journal.rows())
    assert all(isinstance(decode(row), KINDS[row.kind]) for row in rows)
    assert {row.kind for row in rows} == set(KINDS) - {*INPUTS, "alert", "session.ending"}


def test_every_kind_replays(make: Make) -> None:
    """A session with a row of every kind, run again over what it saw: the same decisions, and byte for byte the same rows."""
    journal, again = make(), MemoryJournal("again")
    made = everything(journal)
    made.run()
    second = everything(again)
    assert replayed(second.plan._replace(market=Market()), journal).identical
    Session(second.plan._replace(market=Market()), again, RecordedVenue(journal)).run()
    assert list(again.rows()) == list(journal.rows())


def test_memory_and_file_hold_the_same(make: Make) -> None:
    """The same run in memory and in a file: equal rows, byte for byte."""
    memory, other = MemoryJournal("s"), make()
    session(memory).run()
    session(other).run()
    assert list(memory.rows()) == list(other.rows())


def test_two_runs_into_files_hold_the_same(tmp_path: Path) -> None:
    """But for the session's name, the `journal` tables of two runs are equal."""
    tables = []
    for name in ("one", "two"):
        journal = SqliteJournal.create(tmp_path / f"{name}.db", name)
        session(journal).run()
        journal.close()
        with sqlite3.connect(tmp_path / f"{name}.db") as connection:
            tables.append(connection.execute("SELECT * FROM journal ORDER BY seq").fetchall())
        connection.close()
    assert [row[1:] for row in tables[0]] == [row[1:] for row in tables[1]]
    assert {row[0] for row in tables[0]} == {"one"}
    assert {row[0] for row in tables[1]} == {"two"}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal WHERE seq = 2",
        "DELETE FROM journal",
        "UPDATE journal SET body = '{}' WHERE seq = 2",
        "UPDATE journal SET at = 0",
    ],
)
def test_append_only(recorded: Path, statement: str) -> None:
    """Whoever opens the file: rows can be neither changed nor deleted."""
    connection = sqlite3.connect(recorded)
    before = connection.execute("SELECT * FROM journal").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="the journal is append-only"):
        connection.execute(statement)
    assert connection.execute("SELECT * FROM journal").fetchall() == before
    connection.close()


def test_a_number_is_used_once(recorded: Path) -> None:
    """A second row with the same number is refused; `INSERT OR REPLACE`, which would drop the first, too."""
    connection = sqlite3.connect(recorded)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO journal VALUES ('s', 1, 0, 'timer', NULL, NULL, '{}')")
    connection.close()


def test_a_row_cannot_be_replaced(tmp_path: Path) -> None:
    """`INSERT OR REPLACE`, which changes a fact without an UPDATE, is refused to the connection that writes."""
    journal = SqliteJournal.create(tmp_path / "s.db", "s")
    journal.append(1, "timer", None, Timer("t", 1))
    journal.flush()
    with pytest.raises(sqlite3.IntegrityError, match="the journal is append-only"):
        journal._connection.execute("INSERT OR REPLACE INTO journal VALUES ('s', 1, 0, 'timer', NULL, NULL, '{}')")
    assert [row.at for row in journal.rows()] == [1]
    journal.close()


@pytest.fixture
def sql(recorded: Path) -> Iterator[Callable[[str], list[Any]]]:
    """Asks the file in plain SQL."""
    connection = sqlite3.connect(recorded)
    yield lambda text: connection.execute(text).fetchall()
    connection.close()


def test_orders_as_a_table(sql: Callable[[str], list[Any]]) -> None:
    """One row an order that was sent, with its strategy and its own number; decimals as exact text."""
    columns = 'order_id, strategy_id, symbol, side, type, quantity, "limit", stop, time_in_force, signal_id, tag'
    assert sql(f"SELECT {columns} FROM orders") == [  # noqa: S608
        (1, "busy", "X", "buy", "market", "0.5", None, None, "gtc", 1, None),
        (2, "busy", "X", "buy", "limit", "1", "50", None, "gtc", None, "low"),
        (4, "busy", "X", "short", "limit", "2", "90", None, "day", None, None),
        (6, "busy", "X", "buy", "stop", "3", None, "200", "day", None, None),
    ]
    assert sql("SELECT count(*), count(DISTINCT session_id) FROM orders") == [(4, 1)]


def test_fills_as_a_table(sql: Callable[[str], list[Any]]) -> None:
    """Signed quantity, price, fee and slippage as exact text; a fill names its order.

    A tenth of a volume of 3 is 0.3 a bar: 0.5 is bought by 0.3 and 0.2, then 0.3 is sold twice, of 2.
    """
    fills = sql("SELECT fill_id, order_id, symbol, quantity, price, fee, slippage, strategy_id FROM fills")
    assert all(isinstance(text, str) for row in fills for text in row[3:7])
    assert [(n, o, s, *map(Decimal, row), who) for n, o, s, *row, who in fills] == [
        (1, 1, "X", Decimal("0.3"), 100, 0, 0, "busy"),
        (2, 1, "X", Decimal("0.2"), 100, 0, 0, "busy"),
        (3, 4, "X", Decimal("-0.3"), 100, 0, 0, "busy"),
        (4, 4, "X", Decimal("-0.3"), 100, 0, 0, "busy"),
    ]


def test_positions_as_a_table(sql: Callable[[str], list[Any]]) -> None:
    """Each change of a position, with the fill that made it."""
    found = sql("SELECT position_id, symbol, change, quantity, cost, realised, fill_id FROM positions")
    assert [(p, s, c, Decimal(q), Decimal(k), Decimal(r), f) for p, s, c, q, k, r, f in found[:2]] == [
        (1, "X", "opened", Decimal("0.3"), Decimal(30), 0, 1),
        (1, "X", "changed", Decimal("0.5"), Decimal(50), 0, 2),
    ]


def test_signals_as_a_table(sql: Callable[[str], list[Any]]) -> None:
    """Type, conditions and values as JSON."""
    ((number, symbol, kind, conditions, values),) = sql(
        'SELECT signal_id, symbol, type, conditions, "values" FROM signals'
    )
    assert (number, symbol, kind, json.loads(conditions), json.loads(values)) == (
        1,
        "X",
        "entry",
        ["cheap"],
        {"close": 1.5},
    )


def test_order_events_as_a_table(sql: Callable[[str], list[Any]]) -> None:
    """The life of each order in rows, denials with code and reason, numbers for each."""
    lives: dict[int, list[str]] = {}
    for order_id, event in sql("SELECT order_id, event FROM order_events ORDER BY seq"):
        lives.setdefault(order_id, []).append(event)
    assert lives[1] == ["submitted", "partly_filled", "filled"]
    assert lives[2] == ["submitted", "accepted", "cancel_requested", "cancelled"]
    assert lives[3] == ["denied"]
    assert lives[4] == ["submitted", "accepted", "partly_filled", "partly_filled", "expired"]
    assert lives[5] == ["denied"]  # what is owned is spoken for by order 4
    assert lives[6] == ["submitted", "accepted", "expired"]
    denials = sql("SELECT order_id, code, symbol, reason FROM order_events WHERE event = 'denied'")
    assert [row[:3] for row in denials] == [(3, "owned", "X"), (5, "owned", "X")]
    assert denials[0][3].startswith("sell 99 of X but")


def test_an_existing_file_is_refused(recorded: Path) -> None:
    """A journal is never written over, and the file stays as it was."""
    before = recorded.read_bytes()
    with pytest.raises(JournalError, match="exists: a journal is never written over; choose another session name"):
        SqliteJournal.create(recorded, "again")
    assert recorded.read_bytes() == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A journal's folder that is a file is a sentence."""
    (tmp_path / "file").write_text("x")
    with pytest.raises((JournalError, OSError)):
        SqliteJournal.create(tmp_path / "file" / "s.db", "s")


def test_a_place_that_cannot_be_written_is_a_journal_error(tmp_path: Path) -> None:
    """One of our errors, so that the command line can say it in a sentence."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError):
        SqliteJournal.create(tmp_path / "file" / "s.db", "s")


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    """Another file, another database, or nothing: a sentence each."""
    with pytest.raises(JournalError, match="there is no journal at"):
        SqliteReader(tmp_path / "missing.db")
    (tmp_path / "text.db").write_text("these are words, a good deal of them " * 100)
    with pytest.raises(JournalError, match="is not a journal of onepath"):
        SqliteReader(tmp_path / "text.db")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(JournalError, match="is not a journal of onepath"):
        SqliteReader(tmp_path / "other.db")


def test_reader_reads_what_was_written(recorded: Path) -> None:
    """Rows, name and notes; and it cannot write."""
    reader = SqliteReader(recorded)
    rows = list(reader.rows())
    assert (rows[0].kind, rows[-1].kind) == ("session.started", "session.ended")
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert {row.kind for row in reader.rows(("signal", "timer"))} == {"signal", "timer"}
    assert (reader.session_id, reader.notes) == ("recorded", {"session_id": "recorded"})
    with pytest.raises(sqlite3.OperationalError):
        reader._connection.execute("CREATE TABLE t (x)")
    reader.close()


def test_a_reader_beside_a_writer(tmp_path: Path) -> None:
    """What was flushed is seen by another connection while the session still writes."""
    journal = SqliteJournal.create(tmp_path / "s.db", "s", durable=True)
    journal.append(1, "timer", None, Timer("a", 1))
    journal.flush()
    journal.append(2, "timer", None, Timer("b", 2))
    reader = SqliteReader(tmp_path / "s.db")
    assert [decode(r).name for r in reader.rows()] == ["a"]
    journal.flush()
    assert [decode(r).name for r in reader.rows()] == ["a", "b"]
    reader.close()
    journal.close()


def test_notes_can_be_added(tmp_path: Path) -> None:
    """Identity and wall-clock facts stand beside the record, and the last word of each holds."""
    journal = SqliteJournal.create(tmp_path / "s.db", "s")
    journal.note({"began": "now", "host": "here"})
    journal.note({"began": "then"})
    journal.close()
    reader = SqliteReader(tmp_path / "s.db")
    assert reader.notes == {"session_id": "s", "began": "then", "host": "here"}
    reader.close()


def test_a_journal_that_cannot_be_written_stops_the_session(tmp_path: Path) -> None:
    """What is not recorded did not happen: a failing write raises, and no strategy is blamed."""
    journal = SqliteJournal.create(tmp_path / "s.db", "s")
    blocker = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    blocker.execute("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    blocker.close()
    with pytest.raises(JournalError, match="the journal cannot be written: disk full; the session stops here"):
        session(journal).run()
    journal._connection.close()


def test_rows_of_another_version_are_refused() -> None:
    """An unknown kind, or a body that does not fit, is a sentence with the row's number."""
    with pytest.raises(
        JournalError, match=r"journal row 7 is of kind 'order[.]dreamt', which this version does not know"
    ):
        decode(Row(7, 0, "order.dreamt", None, None, b"{}"))
    with pytest.raises(JournalError, match=r"journal row 8 \(timer\) does not read: .*at"):
        decode(Row(8, 0, "timer", None, None, b'{"name":"t"}'))


def test_a_damaged_file_is_a_sentence(recorded: Path) -> None:
    """Bytes overwritten in the middle of the file: reading raises JournalError, not a database's own error."""
    whole = bytearray(recorded.read_bytes())
    size = 4096
    for page in range(1, len(whole) // size):
        whole[page * size : page * size + 200] = b"\xff" * 200
    recorded.write_bytes(whole)
    with pytest.raises(JournalError):
        list(SqliteReader(recorded).rows())


class CtrlC(int):
    """A time at which, while it is being written, somebody presses Ctrl-C once."""

    pressed = False

    def __conform__(self, _protocol: Any) -> int:
        if not CtrlC.pressed:
            CtrlC.pressed = True
            raise KeyboardInterrupt
        return int(self)


def test_ctrl_c_while_rows_are_written(tmp_path: Path) -> None:
    """An interrupted write is neither lost nor half done: the next one writes all, and the file has no holes."""
    CtrlC.pressed = False
    journal = SqliteJournal.create(tmp_path / "s.db", "s")
    for n, at in enumerate((1, CtrlC(2), 3)):
        journal.append(at, "timer", None, Timer("t", n))
    with pytest.raises(KeyboardInterrupt):
        journal.flush()
    try:
        journal.append(4, "timer", None, Timer("t", 4))
        journal.flush()
        assert [(row.seq, row.at) for row in journal.rows()] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    finally:
        journal._connection.close()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """SQLite's refusal, here of a path too long for it, is a sentence that names the file."""
    path = tmp_path / ("a" * 200) / ("b" * 200) / ("c" * 200) / "s.db"
    with pytest.raises(JournalError, match=r"cannot write the journal .*s[.]db: unable to open database file"):
        SqliteJournal.create(path, "s")


def test_a_journal_whose_table_is_gone(recorded: Path) -> None:
    """Reading raises JournalError with the database's reason."""
    reader = SqliteReader(recorded)
    connection = sqlite3.connect(recorded)
    connection.executescript("DROP VIEW orders; ALTER TABLE journal RENAME TO hidden")
    connection.close()
    with pytest.raises(JournalError, match="the journal is damaged and does not read: no such table"):
        list(reader.rows())
    reader.close()


class Unwritable(Strategy):
    """Gives an order a tag that no journal can hold."""

    def generate_orders(self, context: Context) -> Any:
        from onepath import OrderIntent, Side

        return [OrderIntent(symbol="X", side=Side.BUY, quantity=Decimal(1), tag=object())]  # type: ignore[arg-type]


def test_what_cannot_be_written_ends_its_strategy_not_the_journal(make: Make) -> None:
    """A value that JSON does not know is refused when it is given; the journal stays whole."""
    journal = make()
    outcome = session(journal, Unwritable()).run()
    assert outcome.errors
    assert [row.seq for row in journal.rows()] == list(range(1, len(list(journal.rows())) + 1))


def test_a_long_journal_is_indexed_once_it_has_ended(tmp_path: Path) -> None:
    """25,000 orders, each filled: before the session has ended nothing is indexed; then a fill is found through the indexes
    alone, by its own id, its order's, its signal's and its position's; and the answer is the same as without."""
    path = tmp_path / "long.db"
    journal = SqliteJournal.create(path, "long")
    for n in range(1, 25_001):
        signal = {"id": n, "strategy": "s", "symbol": "X", "type": "t", "conditions": [], "values": {}}
        journal.append(n, "signal", "s", signal)
        journal.append(n, "order.submitted", "s", {"id": n, "symbol": "X", "signal_id": n})
        journal.append(n, "order.filled", "s", {"id": n, "order_id": n, "symbol": "X"})
        journal.append(n, "position", "s", {"id": 1, "fill_id": n})
    journal.flush()
    assert not index(path)
    query = "SELECT * FROM explained WHERE fill_id = 24000"
    slow = sqlite3.connect(path).execute(query).fetchall()
    journal.append(25_001, "session.ended", None, {"status": "completed"})
    journal.close()
    assert index(path)
    assert index(path), "once is enough"
    connection = sqlite3.connect(path)
    assert connection.execute(query).fetchall() == slow
    steps = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert not [step for step in steps if step.startswith("SCAN")]
    assert sum("USING INDEX journal_" in step for step in steps) == 7
