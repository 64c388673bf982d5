"""Recorded sessions run again: the same decisions, the same features, and the first difference with its causes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.session import scripted
from tests.unit.session.scripted import BEGIN, MINUTE, SECOND

from onepath.build import build
from onepath.config import loads
from onepath.errors import JournalError
from onepath.journal.codec import DECISIONS, decode
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteJournal, SqliteReader
from onepath.market import Bar, Trade
from onepath.recording import WORTH, SessionFeed
from onepath.replay import parting
from onepath.rerun import Proof, Rerun, replay

OWN = '''"""Buys after two rising bars, sells after two falling ones; a feature tells how many."""
import math
from onepath import Strategy, feature

CALLS = {{"n": 0}}

@feature(inputs=("close",), initial=lambda: [0.0, 0.0], warm_up=2)
def rises(state, close):
    state[1] = (state[1] + 1.0 if close > state[0] else 0.0) if state[0] else 0.0
    state[0] = close
    {wrong}
    return state[1]

class Own(Strategy):
    """Counts."""
    listens = ("bars",)

    def on_start(self, context):
        context.features.require(up=rises())
        context.set_timer("look", {timer})

    def on_timer(self, timer, context):
        self.late = True

    late = False

    def generate_orders(self, context):
        symbol = context.symbols[0]
        f = context.features[symbol]
        size = 2 if self.late else 1
        if f.ready and f.up >= 2:
            why = context.signal(symbol, "rising", "two higher closes", up=f.up)
            return context.buy(symbol, size, signal=why)
        return context.close(symbol) if f.up == 0 else []
'''
WRONG = """CALLS["n"] += 1
    if CALLS["n"] == 95:
        return state[1] + 0.25"""


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Path]:
    """Records a paper session of the strategy above; gives its journal."""

    def make(wrong: str = "pass", **how: Any) -> Path:
        text = OWN.format(wrong=wrong, timer=BEGIN + 30 * MINUTE + 7 * SECOND)
        (tmp_path / "own.py").write_text(text)
        journal, outcome = scripted.run(tmp_path, "s", {"own": "own.py"}, **how)
        assert (outcome.status, outcome.errors) == ("completed", ())
        return journal

    return make


def rerun(journal: Path, home: Path, **how: Any) -> Proof:
    reader = SqliteReader(journal)
    try:
        return Rerun(reader, home, **how).run()
    finally:
        reader.close()


def shortened(journal: Path, rows: int, path: Path, change: Callable[[Any], Any] = decode) -> Path:
    """The first rows of a journal as one of its own: what is there after a crash."""
    reader = SqliteReader(journal)
    made = SqliteJournal.create(path, "s")
    for row in list(reader.rows())[:rows]:
        made.append(row.at, row.kind, row.strategy, change(row), row.cause)
    made.close()
    reader.close()
    return path


def test_a_paper_session_decides_the_same_again(own: Callable[..., Path], tmp_path: Path) -> None:
    """All decisions of an hour, byte for byte, and a value of the one feature for each bar: 60 live, 2 of history."""
    proof = rerun(own(), tmp_path)
    assert (proof.result.identical, proof.result.difference, proof.chain) == (True, None, None)
    assert proof.result.decisions > 20
    assert proof.features is not None
    assert (proof.features.values, proof.features.identical, proof.identical) == (62, True, True)
    assert proof.events == 60 * 6 + 2


def test_an_interrupted_stream_replays(own: Callable[..., Path], tmp_path: Path) -> None:
    """Where a minute was lost and the source said so, the replay hears the same, at the same moments."""
    journal = own(script=lambda live: scripted.interrupted(live, 20))
    proof = rerun(journal, tmp_path)
    assert proof.identical
    assert proof.events == 59 * 6 + 2


def test_a_session_that_broke_off_replays_wherever_it_did(own: Callable[..., Path], tmp_path: Path) -> None:
    """A journal cut after any row is identical as far as it goes: what came after the cut is no difference."""
    journal = own(minutes=12)
    rows = sum(1 for _ in SqliteReader(journal).rows())
    assert rows > 90
    for number in range(1, rows):
        proof = rerun(shortened(journal, number, tmp_path / f"{number}.db"), tmp_path)
        assert proof.identical, f"cut after row {number}: {proof.result.difference}"


def test_a_session_that_broke_off_and_lacks_a_decision_is_different(own: Callable[..., Path], tmp_path: Path) -> None:
    """What should have been decided before the record's last row is a difference, though the record has no end."""
    journal = own(minutes=12)
    rows = list(SqliteReader(journal).rows())
    last = max(row.seq for row in rows if row.kind in DECISIONS)
    made = SqliteJournal.create(tmp_path / "lacking.db", "s")
    for row in rows:
        if row.seq != last and row.kind != "session.ended":
            made.append(row.at, row.kind, row.strategy, decode(row), None)
    made.append(rows[last - 1].at + SECOND, "timer", "own", decode(next(r for r in rows if r.kind == "mark")), None)
    made.close()
    assert not rerun(tmp_path / "lacking.db", tmp_path).result.identical


def test_a_strategy_that_is_not_the_recorded_one_is_told_with_its_causes(
    own: Callable[..., Path], tmp_path: Path
) -> None:
    """From minute 30 on orders are for 2; recorded as if for 3, the first of them differs. Its chain: bar, signal, fills."""

    def doctored(row: Any) -> Any:
        event = decode(row)
        if row.kind == "order.submitted" and event.quantity == 2 and event.signal_id:
            from msgspec.structs import replace

            return replace(event, quantity=event.quantity + 1)
        return event

    journal = shortened(own(), 10**6, tmp_path / "doctored.db", doctored)
    chain = rerun(journal, tmp_path).chain
    assert chain is not None
    assert chain.names == ("recorded", "replayed")
    recorded, replayed = ({link.part: link for link in side} for side in (chain.recorded, chain.replayed))
    assert (recorded["decision"].body["quantity"], replayed["decision"].body["quantity"]) == ("3", "2")
    for side in (recorded, replayed):
        assert side["data"].kind == "bar"
        assert side["data"].at == side["decision"].at
        assert side["signal"].body["type"] == "rising"
        assert side["fill"].body["symbol"] == "AB"
        assert side["position"].at < side["decision"].at
    assert chain.as_json()["decision"] == chain.number
    assert "quantity 3," in str(recorded["decision"])


def test_a_decision_of_one_side_alone_shows_where_the_other_stood(own: Callable[..., Path], tmp_path: Path) -> None:
    """The record lacks a denied order: the replay decides it, the record's next decision is told as later."""
    journal = own()
    rows = [row for row in SqliteReader(journal).rows() if row.kind == "order.submitted"]
    kept = SqliteJournal.create(tmp_path / "lacking.db", "s")
    for row in SqliteReader(journal).rows():
        if row.seq != rows[5].seq:
            kept.append(row.at, row.kind, row.strategy, decode(row), None)
    kept.close()
    chain = rerun(tmp_path / "lacking.db", tmp_path).chain
    assert chain is not None
    parts = [[link.part for link in side] for side in (chain.recorded, chain.replayed)]
    assert "later" in parts[0] or "decision" in parts[0]
    assert "decision" in parts[1]


def test_a_feature_that_is_wrong_as_a_stream_is_caught(own: Callable[..., Path], tmp_path: Path) -> None:
    """The step adds a quarter at its 95th call: with 62 calls in the session that is the 33rd bar of the replay, bar 31 live."""
    proof = rerun(own(WRONG), tmp_path)
    assert proof.features is not None
    (found,) = proof.features.differences
    assert (found.strategy, found.feature, found.symbol, found.values, found.most) == ("own", "up", "AB", 1, 0.25)
    minute = (found.at - BEGIN) // MINUTE
    assert minute == 31
    assert not proof.identical
    assert "feature up of AB was" in str(found)


def test_a_session_that_collects_has_nothing_to_decide(tmp_path: Path) -> None:
    """No strategy: the data are read back, all of them, and there is nothing to compare."""
    journal, outcome = scripted.run(tmp_path, "c", {}, minutes=10, mode="collect")
    proof = rerun(journal, tmp_path)
    assert (proof.strategies, proof.events, proof.result.decisions, proof.identical) == (0, 60, 0, True)
    assert outcome.events == 60


@pytest.mark.parametrize("kinds", [("bars", "trades"), ("bars",)], ids=["bars and trades", "bars alone"])
@pytest.mark.parametrize("speed", [None, 1e9], ids=["at once", "paced"])
def test_a_backtest_over_a_session_is_the_session(
    own: Callable[..., Path], tmp_path: Path, kinds: tuple[str, ...], speed: float | None
) -> None:
    """`data: {type: session}` at any speed decides what the paper session decided, whatever kinds came."""
    journal = own(kinds=kinds)
    text = f"""
    seed: 7
    data: {{type: session, id: s}}
    clock: {{speed: {"max" if speed is None else speed}}}
    execution:
      slippage: {{model: fixed_bps, params: {{bps: 2}}}}
      commission: {{model: bps, params: {{bps: 5}}}}
      latency: {{mean_ms: 40, std_ms: 10}}
    strategies: [{{name: own, class: own.py, capital: 10000}}]
    """
    other = tmp_path / "sessions" / "b" / "journal.db"
    session = build(loads(text), home=tmp_path, session_id="b", journal_path=other)
    outcome = session.run()
    assert outcome.status == "completed"
    assert parting(SqliteReader(journal), session.journal) is None
    session.journal.close()
    assert replay(other, home=tmp_path).identical


def test_bars_are_read_back_in_stretches_with_columns(own: Callable[..., Path]) -> None:
    """Without valuations in between, all bars up to the timer at 10:30:07 are one batch (those closed at 10:01 to 10:30 or the
    first order's fill), with their closes as a column; what has fewer than 8 bars has none."""
    reader = SqliteReader(
        own(kinds=("bars",), sets=["marks=1d", "strategies.0.risk_limits.max_position_size=0.0000001"])
    )
    batches = [batch for batch in SessionFeed(reader).batches() if batch.size]
    assert sum(batch.size for batch in batches) == 62
    assert (batches[0].size, batches[0].columns("AB")) == (2, None)
    long = [batch for batch in batches if batch.size >= WORTH]
    assert long
    for batch in long:
        columns = batch.columns("AB")
        assert columns is not None
        assert list(columns["close"]) == [event.close for event, _ in batch.events() if isinstance(event, Bar)]
        assert batch.columns("nothing") is None


def test_trades_are_read_back_as_they_came(own: Callable[..., Path]) -> None:
    """A batch in which a trade came has no columns: the features of its bars take them one by one."""
    reader = SqliteReader(own())
    mixed = [b for b in SessionFeed(reader).batches() if any(isinstance(e, Trade) for e, _ in b.events())]
    assert mixed
    assert all(batch.columns("AB") is None for batch in mixed)


def test_what_is_read_twice_has_one_fingerprint(own: Callable[..., Path]) -> None:
    """The fingerprint is of one pass, however often the data are read."""
    feed = SessionFeed(SqliteReader(own()))
    found = [(sum(batch.size for batch in feed.batches()), feed.fingerprint()) for _ in range(2)]
    assert found[0] == found[1]


def test_what_began_is_needed(tmp_path: Path) -> None:
    """A journal without a manifest cannot be run again, and says so."""
    SqliteJournal.create(tmp_path / "empty.db", "s").close()
    with pytest.raises(JournalError, match=r"has no session\.started"):
        Rerun(SqliteReader(tmp_path / "empty.db"), tmp_path)


def test_two_empty_journals_do_not_part() -> None:
    """Without decisions there is nothing that could differ; one more decision is a difference where the record has ended."""
    one, two = MemoryJournal("a"), MemoryJournal("b")
    assert parting(one, two) is None
    two.append(5, "order.denied", "s", {"x": 1}, None)
    assert parting(one, two) is None  # the record has no end: it broke off before
    one.append(9, "session.ended", None, {"status": "completed"}, None)
    found = parting(one, two)
    assert found is not None
    assert (found.number, found.recorded, found.first.at) == (1, None, 5)


def test_data_that_changed_since_are_told(tmp_path: Path) -> None:
    """A backtest over another session whose recorded data were shortened since: the fingerprint is not the same."""
    scripted.run(tmp_path, "s", {}, minutes=10, mode="collect")
    text = "data: {type: session, id: s}\nstrategies: [{name: buy_and_hold, capital: 1000}]"
    other = tmp_path / "sessions" / "b" / "journal.db"
    session = build(loads(text), home=tmp_path, session_id="b", journal_path=other)
    session.run()
    session.journal.close()
    journal = tmp_path / "sessions" / "s" / "journal.db"
    short = shortened(journal, sum(1 for _ in SqliteReader(journal).rows()) - 6, tmp_path / "short.db")
    journal.unlink()
    for left in journal.parent.glob("journal.db-*"):
        left.unlink()
    short.rename(journal)
    result = replay(other, home=tmp_path)
    assert not result.identical
    assert result.difference is not None
    assert "is not the data of the session any more" in result.difference


def test_a_session_without_data_of_its_own_is_no_feed(tmp_path: Path) -> None:
    """A backtest keeps its data elsewhere: naming it as recorded data is refused with a sentence."""
    scripted.run(tmp_path, "s", {}, minutes=2, mode="collect")
    text = "data: {{type: session, id: {0}}}\nstrategies: [{{name: buy_and_hold, capital: 1000}}]"
    journal = tmp_path / "sessions" / "b" / "journal.db"
    session = build(loads(text.format("s")), home=tmp_path, session_id="b", journal_path=journal)
    session.run()
    session.journal.close()
    with pytest.raises(JournalError, match="recorded no market data"):
        build(loads(text.format("b")), home=tmp_path, session_id="c", journal_path=None)


def recorded(*rows: list[Any]) -> SessionFeed:
    """What a session saw that recorded these rows of events."""
    journal = MemoryJournal("hand")
    row = {"symbol": "AB", "lot_size": "1", "tick_size": "0.01"}
    manifest = {"mode": "paper", "code_version": "1", "seed": 0, "config": {}, "strategies": [], "instruments": [row]}
    journal.append(0, "session.started", None, {**manifest, "data": {"recorded": True}, "schema": 2})
    for events in rows:
        journal.append(events[0].at, "market", None, events)
    return SessionFeed(journal)


def test_a_batch_in_which_a_trade_came_has_no_columns() -> None:
    """Nine bars and a trade in one row: whoever computes features takes them one by one. Nine bars alone have columns."""
    bars = [scripted.bar("AB", minute, [1.0, 2.0]) for minute in range(9)]
    mixed = recorded([*bars, Trade("AB", bars[-1].at + 1, 2.0, 1.0)])
    assert [(batch.size, batch.columns("AB")) for batch in mixed.batches()] == [(10, None)]
    (alone,) = recorded(bars[:4], bars[4:]).batches()
    assert alone.size == 9
    assert (alone.columns("AB") or {})["close"] == [2.0] * 9


def test_an_instant_that_was_cut_in_two_stays_so() -> None:
    """Two rows whose bars are of one moment were two instants when they came: they are two batches again."""
    one, two = scripted.bar("AB", 1, [1.0]), scripted.bar("CD", 1, [1.0])
    batches = list(recorded([one], [two]).batches())
    assert [[last for _, last in batch.events()] for batch in batches] == [[True], [True]]
