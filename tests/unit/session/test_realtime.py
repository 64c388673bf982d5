"""Sessions that were broken off go on as if they had not been; those that cannot go on say why."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.session.scripted import BEGIN, CONFIG, MINUTE, SECOND, Hand, Scripted, walked

from onepath import realtime, resuming
from onepath.config import loads
from onepath.errors import ConfigError, JournalError
from onepath.events import Command, DataState, DataStatus, TimePassed, TradingState
from onepath.journal import lease, tail
from onepath.journal.codec import decode, encode
from onepath.journal.durable import DurableJournal
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteReader
from onepath.ports import Row
from onepath.recording import Recorded, SessionFeed
from onepath.rerun import replay
from onepath.session import Session

MINUTES = 25
UNTIL = BEGIN + MINUTES * MINUTE + SECOND
HISTORY, LIVE = walked(MINUTES, 3)
TEXT = CONFIG.format(
    mode="paper",
    symbols="AB",
    strategies="\n".join(
        f"  - {{name: {name}, capital: 10000, params: {params}}}"
        for name, params in {
            "sma_cross": "{fast: 2, slow: 5}",
            "mean_reversion": "{}",
            "bracket_breakout": "{}",
        }.items()
    ),
).replace("snapshots: auto", "snapshots: 60s")


class Crash(BaseException):
    """The process is gone."""


def begun(home: Path, name: str, text: str = TEXT) -> Any:
    clock = Hand()
    source = Scripted(clock, LIVE, HISTORY)
    return realtime.begin(
        loads(text),
        source,
        home=home,
        session_id="s",
        journal_path=home / name / "journal.db",
        clock=clock,
        until=UNTIL,
    )


def resumed(home: Path, name: str) -> resuming.Resumed:
    """The session of `name`, gone on with, with what its record has not seen yet still to come."""
    journal = home / name / "journal.db"
    good = tail.verify(journal).seq
    rows = [row for row in SqliteReader(journal).rows() if row.seq <= good]
    seen = [event for row in rows if row.kind == "market" for event in decode(row)]
    clock = Hand(max(row.at for row in rows) + 1)
    left = LIVE[sum(1 for event in seen if event.at > BEGIN) :]
    return resuming.resume(journal, Scripted(clock, left, HISTORY), home=home, clock=clock, until=UNTIL)


def rows_of(home: Path, name: str) -> list[Row]:
    return list(SqliteReader(home / name / "journal.db").rows())


def without(rows: list[Row], *kinds: str) -> list[tuple[Any, ...]]:
    """Rows but for their numbers, and without what a crash adds."""
    return [(row.at, row.kind, row.strategy, row.body) for row in rows if row.kind not in kinds]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the session `whole`, which nothing happened to."""
    home = tmp_path_factory.mktemp("whole")
    session = begun(home, "whole")
    assert session.run().status == "completed"
    session.journal.close()
    return home


def written(home: Path, rows: Iterable[Row]) -> DurableJournal:
    """The session `cut` of these rows; its journal is open still."""
    path = home / "cut" / "journal.db"
    path.parent.mkdir(parents=True)
    journal = DurableJournal.create(path, "s", lease.take(path, 0))
    for row in rows:
        journal.append(row.at, row.kind, row.strategy, decode(row), row.cause)
    return journal


def cut_short(whole: Path, home: Path, rows: int, *, snapshots: bool) -> None:
    """The session `cut`: as `whole`, of which so many rows had become durable."""
    journal = written(home, rows_of(whole, "whole")[:rows])
    if snapshots:
        for kept in reversed(list(tail.snapshots(whole / "whole" / "journal.db"))):
            if kept.seq <= rows:
                journal.keep_snapshot(kept.seq, kept.at, kept.body)
    journal.close()


def test_the_session_is_worth_it(whole: Path) -> None:
    """What is broken off below has all that matters: history, orders, fills, partial ones, time, and snapshots."""
    kinds = {row.kind for row in rows_of(whole, "whole")}
    assert {
        "market",
        "time",
        "data.status",
        "order.denied",
        "order.submitted",
        "order.filled",
        "order.cancelled",
    } <= kinds
    assert len(list(tail.snapshots(whole / "whole" / "journal.db"))) == 3
    assert replay(whole / "whole" / "journal.db", home=whole).identical


def test_history_is_heard_and_nothing_is_asked(tmp_path: Path) -> None:
    """A strategy that buys once, at the first bar it is asked after, buys at the first live bar: it hears the ten bars of history
    before, and is not asked while they are shown. No valuation is of history either."""
    (tmp_path / "once.py").write_text(ONCE)
    text = TEXT[: TEXT.index("strategies:")].replace("symbols: [AB]", "symbols: [AB], history: 10")
    session = begun(tmp_path, "once", text + "strategies: [{name: once, class: once.py, capital: 10000}]\n")
    session.run()
    session.journal.close()
    rows = rows_of(tmp_path, "once")
    (order,) = [decode(row) for row in rows if row.kind == "order.submitted"]
    first = next(event for event in LIVE if type(event).__name__ == "Bar")
    assert (order.submitted_at, order.tag) == (first.at, "bars heard: 11")
    assert min(row.at for row in rows if row.kind == "mark") > BEGIN


ONCE = """
from onepath import Strategy
class Once(Strategy):
    listens = ("bars",)
    def on_start(self, context):
        self.heard, self.bought = 0, False
    def on_market_event(self, event, context):
        self.heard += 1
    def generate_orders(self, context):
        if self.bought:
            return []
        self.bought = True
        return context.buy("AB", 1, tag=f"bars heard: {self.heard}")
"""


@pytest.mark.parametrize("snapshots", [False, True], ids=["from the start", "from a snapshot"])
@pytest.mark.parametrize("part", [0.002, 0.1, 0.33, 0.5, 0.77, 0.9, 0.97, 0.985, 0.99, 0.995, 0.999])
def test_broken_off_anywhere(whole: Path, tmp_path: Path, part: float, snapshots: bool) -> None:
    """Broken off after any row, it goes on to the same rows as if it never had been, but for the words that it was stale."""
    everything = rows_of(whole, "whole")
    rows = max(1, round(len(everything) * part))
    cut_short(whole, tmp_path, rows, snapshots=snapshots)
    gone_on = resumed(tmp_path, "cut")
    begins = gone_on.session.delivered
    assert gone_on.notes == ()
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()
    after = rows_of(tmp_path, "cut")
    outside = ("data.status", "time", "session.ended")
    assert without(after, *outside) == without(everything, *outside)
    assert [row.seq for row in after] == list(range(1, len(after) + 1))
    assert replay(tmp_path / "cut" / "journal.db", home=tmp_path).identical
    if snapshots and part > 0.9:
        assert begins > 0, "no snapshot was used"


def test_what_goes_on_says_that_it_was_away(whole: Path, tmp_path: Path) -> None:
    """Between the record and what comes, each stream is said to be stale since the last thing recorded."""
    rows = len(rows_of(whole, "whole")) // 2
    cut_short(whole, tmp_path, rows, snapshots=False)
    last = max(row.at for row in rows_of(whole, "whole")[:rows] if row.kind in ("market", "time", "data.status"))
    gone_on = resumed(tmp_path, "cut")
    gone_on.session.run()
    gone_on.session.journal.close()
    added: list[DataStatus] = [decode(row) for row in rows_of(tmp_path, "cut")[rows:] if row.kind == "data.status"]
    away = [status for status in added if status.state is DataState.STALE]
    assert [(s.symbol, s.stream, s.reason) for s in away] == [
        ("AB", "bars", "the session was not running"),
        ("AB", "trades", "the session was not running"),
    ]
    assert all(last - MINUTE <= s.since <= last for s in away)


def test_broken_off_twice(whole: Path, tmp_path: Path) -> None:
    """Broken off again while it catches up, and again when it goes on: still the same rows."""
    everything = rows_of(whole, "whole")
    cut_short(whole, tmp_path, len(everything) // 2, snapshots=True)
    for batches in (3, 40, 200):
        gone_on = resumed(tmp_path, "cut")
        gone_on.session.after_batch.append(after(batches))
        crashed(gone_on.session)
    gone_on = resumed(tmp_path, "cut")
    gone_on.session.run()
    gone_on.session.journal.close()
    outside = ("data.status", "time", "session.ended")
    assert without(rows_of(tmp_path, "cut"), *outside) == without(everything, *outside)


def crash() -> None:
    raise Crash


def after(batches: int, act: Callable[[], object] = crash) -> Callable[[], None]:
    """Called after each batch: does it after so many of them, once."""
    left = [batches]

    def count() -> None:
        left[0] -= 1
        if not left[0]:
            act()

    return count


def crashed(session: Session) -> None:
    """Run it to its crash, and leave nothing but what had become durable by then."""
    session._end = lambda status: None  # type: ignore[method-assign]  # a process that is gone ends nothing
    try:
        with pytest.raises(Crash):
            session.run()
    finally:
        session.journal.close()


def test_a_command_is_obeyed_again(tmp_path: Path) -> None:
    """A command in the record takes effect at the same place when the session is run again, and once."""
    session = begun(tmp_path, "cut")
    halt = Command(state=TradingState.HALTED, reason="enough", by="ann")
    session.after_batch += [after(100, lambda: session.command(halt)), after(300)]
    crashed(session)
    gone_on = resumed(tmp_path, "cut")
    gone_on.session.run()
    gone_on.session.journal.close()
    rows = rows_of(tmp_path, "cut")
    assert [row.kind for row in rows].count("command") == 1
    halted = next(row.seq for row in rows if row.kind == "trading_state")
    assert not [row for row in rows if row.kind == "order.submitted" and row.seq > halted]
    assert replay(tmp_path / "cut" / "journal.db", home=tmp_path).identical


def test_a_damaged_end_is_cut_off_and_said(whole: Path, tmp_path: Path) -> None:
    """One letter of a row changed on the disk: the journal goes up to there, the damaged file is kept, and it is said."""
    shutil.copytree(whole / "whole", tmp_path / "cut")
    path = tmp_path / "cut" / "journal.db"
    rows = rows_of(tmp_path, "cut")
    victim = next(row for row in reversed(rows) if row.kind == "order.submitted")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER journal_keeps_facts")
        connection.execute("UPDATE journal SET body = replace(body, '1', '2') WHERE seq = ?", (victim.seq,))
    connection.close()
    gone_on = resumed(tmp_path, "cut")
    assert len(gone_on.notes) >= 1
    assert "damaged" in gone_on.notes[0]
    assert (tmp_path / "cut" / "journal.damaged-1.db").is_file()
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()
    outside = ("data.status", "time", "session.ended")
    assert without(rows_of(tmp_path, "cut"), *outside) == without(rows_of(whole, "whole"), *outside)


def test_a_session_that_has_ended_does_not_go_on(whole: Path) -> None:
    """There is nothing to go on with, and one sentence says so; the journal stays as it is, and free."""
    before = (whole / "whole" / "journal.db").read_bytes()
    for _ in range(2):
        with pytest.raises(JournalError, match="session s has ended: there is nothing to go on with"):
            resumed(whole, "whole")
    assert (whole / "whole" / "journal.db").read_bytes() == before


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A session that runs is not gone on with by another."""
    session = begun(tmp_path, "cut")
    session.journal.flush()
    clock = Hand()
    with pytest.raises(JournalError, match="process"):
        resuming.resume(tmp_path / "cut" / "journal.db", Scripted(clock, []), home=tmp_path, clock=clock)
    session.journal.close()


def test_a_session_that_never_began(tmp_path: Path) -> None:
    """A journal without a first row has nothing to go on with."""
    path = tmp_path / "cut" / "journal.db"
    path.parent.mkdir()
    DurableJournal.create(path, "s", lease.take(path, 0)).close()
    with pytest.raises(JournalError, match="broke off before it began: run its configuration again"):
        resuming.resume(path, Scripted(Hand(), []), home=tmp_path, clock=Hand())


def altered(whole: Path, home: Path, change: Callable[[Any], Any]) -> None:
    """The session `cut`, half of it, with its manifest changed."""
    everything = rows_of(whole, "whole")
    (place,) = [place for place, row in enumerate(everything) if row.kind == "session.started"]
    manifest = everything[place]
    everything[place] = manifest._replace(body=encode(change(decode(manifest))))
    written(home, everything[: len(everything) // 2]).close()


def test_a_session_over_kept_data_does_not_go_on(whole: Path, tmp_path: Path) -> None:
    """A backtest that broke off is run again, not gone on with."""
    altered(whole, tmp_path, lambda started: msgspec.structs.replace(started, data={**started.data, "recorded": False}))
    with pytest.raises(JournalError, match="is not one that can go on: it ran over data that are kept elsewhere"):
        resumed(tmp_path, "cut")


def test_a_configuration_of_another_version(whole: Path, tmp_path: Path) -> None:
    """A configuration that this version does not read is told as such, as often as it is asked: nobody holds the session then."""
    altered(whole, tmp_path, lambda started: msgspec.structs.replace(started, config={"mode": "paper", "tempo": 3}))
    for _ in range(2):
        with pytest.raises(JournalError, match="does not fit this version of onepath"):
            resumed(tmp_path, "cut")


def test_what_cannot_go_on_is_let_go(tmp_path: Path) -> None:
    """Where the strategy's file is gone, the sentence says so; put back, the same process goes on."""
    (tmp_path / "once.py").write_text(ONCE)
    text = TEXT[: TEXT.index("strategies:")] + "strategies: [{name: once, class: once.py, capital: 10000}]\n"
    session = begun(tmp_path, "cut", text)
    session.after_batch.append(after(5))
    crashed(session)
    (tmp_path / "once.py").unlink()
    with pytest.raises(ConfigError, match=r"once\.py"):
        resumed(tmp_path, "cut")
    (tmp_path / "once.py").write_text(ONCE)
    gone_on = resumed(tmp_path, "cut")
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()


def test_what_decides_otherwise_does_not_go_on(whole: Path, tmp_path: Path) -> None:
    """With another parameter the first decision that differs is told, and nothing is written."""

    def slower(started: Any) -> Any:
        first, *others = started.strategies
        return msgspec.structs.replace(
            started, strategies=({**first, "params": {"fast": 3, "slow": 9, "weight": 0.95}}, *others)
        )

    altered(whole, tmp_path, slower)
    before = rows_of(tmp_path, "cut")
    gone_on = resumed(tmp_path, "cut")
    with pytest.raises(
        JournalError, match=r"cannot go on: row \d+ of its record is .* run again it is .* are not what they were"
    ):
        gone_on.session.run()
    gone_on.session.journal.close()
    assert rows_of(tmp_path, "cut") == before


def test_what_decides_less_does_not_go_on(whole: Path, tmp_path: Path) -> None:
    """A record that holds more than comes about when it is run again is not gone on with either."""
    everything = rows_of(whole, "whole")
    journal = written(tmp_path, everything[:100])
    submitted = next(row for row in everything if row.kind == "order.submitted")
    journal.append(submitted.at, submitted.kind, submitted.strategy, decode(submitted))
    journal.close()
    gone_on = resumed(tmp_path, "cut")
    with pytest.raises(JournalError, match="does not come about when it is run again"):
        gone_on.session.run()
    gone_on.session.journal.close()


def test_a_snapshot_of_something_else_is_not_used(whole: Path, tmp_path: Path) -> None:
    """A snapshot that does not belong to the session is told and left; the way is longer, the end the same."""
    everything = rows_of(whole, "whole")
    cut_short(whole, tmp_path, len(everything) - 5, snapshots=False)
    path = tmp_path / "cut" / "journal.db"
    other = next(iter(tail.snapshots(whole / "whole" / "journal.db")))
    journal = DurableJournal.open(path, lease.take(path, 0))
    journal.keep_snapshot(10, 10, b"no such thing")
    saved = msgspec.msgpack.decode(other.body)
    journal.keep_snapshot(11, 11, msgspec.msgpack.encode({**saved, "state": b"onepath snapshot\n" + b"x" * 100}))
    journal.close()
    gone_on = resumed(tmp_path, "cut")
    assert [note.split(" is not used")[0] for note in gone_on.notes] == [
        "the snapshot after row 11",
        "the snapshot after row 10 does not read and",
    ] or len(gone_on.notes) == 2
    assert gone_on.session.delivered == 0
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()


STATEFUL = """
import threading
from onepath import Strategy
class Holds(Strategy):
    listens = ("bars",)
    def on_start(self, context):
        self.lock = threading.Lock()
        self.count = 0
    def generate_orders(self, context):
        self.count += 1
        return context.buy("AB", 1) if self.count == 70 else []
"""


def test_a_strategy_that_cannot_be_saved_is_told_of_once(tmp_path: Path) -> None:
    """It keeps a lock: an alert says so once in each process, there is no snapshot, and the session goes on from its whole
    record."""
    (tmp_path / "holds.py").write_text(STATEFUL)
    text = TEXT[: TEXT.index("strategies:")] + "strategies: [{name: holds, class: holds.py, capital: 10000}]\n"
    session = begun(tmp_path, "cut", text)
    session.after_batch.append(after(120))
    crashed(session)
    alerts = [decode(row) for row in rows_of(tmp_path, "cut") if row.kind == "alert"]
    assert [(a.code, a.severity) for a in alerts] == [("no_snapshots", "warning")]
    assert "lock" in alerts[0].text
    assert list(tail.snapshots(tmp_path / "cut" / "journal.db")) == []
    gone_on = resumed(tmp_path, "cut")
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()
    assert [row.kind for row in rows_of(tmp_path, "cut")].count("alert") == 2
    assert replay(tmp_path / "cut" / "journal.db", home=tmp_path).identical


def test_what_is_asked_of_a_stream() -> None:
    """A stream is of symbols that are named, of an exchange that is known."""
    with pytest.raises(ConfigError, match=r"give data.symbols, such as \[BTC/USDT\]"):
        realtime.source_of(loads("mode: collect\ndata: {type: realtime, source: binance}"), Hand())
    with pytest.raises(
        ConfigError, match=r"'binnance' is no exchange that ccxt has streams of .did you mean 'binance'"
    ):
        realtime.source_of(
            loads("mode: collect\ndata: {type: realtime, source: binnance, symbols: [BTC/USDT]}"), Hand()
        )


def test_a_source_without_a_session_is_let_go(tmp_path: Path) -> None:
    """Where a session cannot begin, the source is told to stop."""
    stopped = []

    class Noting(Scripted):
        def stop(self) -> None:
            stopped.append(True)

    clock = Hand()
    text = TEXT.replace("name: sma_cross, ", "name: sma_cross, symbols: [NO], ")
    with pytest.raises(ConfigError, match="asks for symbol 'NO'"):
        realtime.begin(
            loads(text),
            Noting(clock, []),
            home=tmp_path,
            session_id="s",
            journal_path=tmp_path / "j.db",
            clock=clock,
        )
    assert stopped == [True]


def test_stopped_while_ending(whole: Path, tmp_path: Path) -> None:
    """A session that was told to stop, and whose process ended before it had, ends as stopped after the events it had seen."""
    session = begun(tmp_path, "cut")
    session.after_batch.append(after(150, session.stop))
    assert session.run().status == "stopped"
    session.journal.close()
    ended = rows_of(tmp_path, "cut")
    first = next(row.seq for row in ended if row.kind == "session.ending")
    for rows in (first, first + 2, len(ended) - 1):
        home = tmp_path / str(rows)
        written(home, ended[:rows]).close()
        gone_on = resumed(home, "cut")
        assert gone_on.session.run().status == "stopped"
        gone_on.session.journal.close()
        assert without(rows_of(home, "cut")) == without(ended)


def test_without_snapshots(whole: Path, tmp_path: Path) -> None:
    """A session that is not to have snapshots has none, before it broke off and after."""
    session = begun(tmp_path, "cut", TEXT.replace("snapshots: 60s", "snapshots: auto"))
    session.after_batch.append(after(200))
    crashed(session)
    gone_on = resumed(tmp_path, "cut")
    gone_on.session.journal.note({"gone_on": "yes"})  # type: ignore[attr-defined]
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()
    assert list(tail.snapshots(tmp_path / "cut" / "journal.db")) == []
    assert SqliteReader(tmp_path / "cut" / "journal.db").notes["gone_on"] == "yes"
    assert without(rows_of(tmp_path, "cut"), "data.status", "time", "session.ended", "session.started") == without(
        rows_of(whole, "whole"), "data.status", "time", "session.ended", "session.started"
    )


RAISES = """
from onepath import Strategy
class Raises(Strategy):
    listens = ("bars",)
    def on_start(self, context):
        self.count = 0
    def generate_orders(self, context):
        self.count += 1
        return 1 / (3 - self.count) and []
"""


def test_what_was_raised_is_not_raised_again(tmp_path: Path) -> None:
    """A strategy fails at its third bar; the alert that tells of it is in the record once, however often it is run again."""
    (tmp_path / "raises.py").write_text(RAISES)
    head = TEXT[: TEXT.index("strategies:")]
    head = head.replace("snapshots: 60s", "snapshots: auto")  # else it is not run again
    both = "strategies: [{name: raises, class: raises.py, capital: 10000}, {name: sma_cross, capital: 10000}]\n"
    session = begun(tmp_path, "cut", head + both)
    session.after_batch.append(after(150))
    crashed(session)
    gone_on = resumed(tmp_path, "cut")
    gone_on.session.run()
    gone_on.session.journal.close()
    alerts = [decode(row).code for row in rows_of(tmp_path, "cut") if row.kind == "alert"]
    assert alerts == ["strategy_failed"]


def test_a_record_ends_before_a_snapshot(whole: Path, tmp_path: Path) -> None:
    """A snapshot of after the last good row is of no use, and is not looked at."""
    everything = rows_of(whole, "whole")
    journal = written(tmp_path, everything[: len(everything) // 3])
    journal.keep_snapshot(len(everything), 5, b"from the future")
    journal.close()
    gone_on = resumed(tmp_path, "cut")
    assert (gone_on.notes, gone_on.session.delivered) == ((), 0)
    assert gone_on.session.run().status == "completed"
    gone_on.session.journal.close()


def test_a_journal_that_never_began_cannot_be_read(tmp_path: Path) -> None:
    """Data of a session without a first row are refused with a sentence."""
    with pytest.raises(JournalError, match="the journal has no beginning"):
        SessionFeed(MemoryJournal("none"))


def test_corporate_actions_are_recorded_by_the_engine(tmp_path: Path) -> None:
    """What is recorded before it is handed on are events, statuses and time; an action the engine announces."""
    from onepath import Split
    from onepath.feeds.live import Arrival

    class Feed:
        instruments = kinds = volumes = {}  # noqa: RUF012 - none
        total = None

        def batches(self) -> Any:
            yield Arrival([LIVE[0]], [Split("AB", 5, ratio=2), TimePassed(6)])  # type: ignore[call-arg]

    journal = MemoryJournal("m")
    recorded = Recorded(Feed(), journal)  # type: ignore[arg-type]
    assert len(list(recorded.batches())) == 1
    assert [row.kind for row in journal.rows()] == ["time", "market"]
