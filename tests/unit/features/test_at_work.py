"""Features of all kinds in whole sessions: recorded and replayed, with books, with time that closes bars, after a history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.session import scripted

from onepath import Context, Instrument, Strategy
from onepath.backtest import plan
from onepath.events import DataState, DataStatus, TimePassed
from onepath.features import Feature, feature, rank, sma
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteReader
from onepath.market import BookUpdate, Trade
from onepath.rerun import Rerun
from onepath.session import Outcome, Session
from onepath.testing import START

SECOND = 1_000_000_000
MINUTE = 60 * SECOND

OWN = '''"""Says what it sees of every kind of feature, at each decision."""
from onepath import Strategy, sma, ema, feature
from onepath.features import rank

@feature(inputs=("price", "size"), initial=lambda: [0.0])
def paid(state, price, size):
    state[0] += price * size
    return state[0]

class Own(Strategy):
    def on_start(self, context):
        place = rank(sma(2).at("5m"))
        context.features.require(five=sma(2, on=ema(2)).at("5m"), place=place, calm=sma(2, on=place), paid=paid())
        context.features.require(mean=sma(3, on=ema(2)))

    def generate_orders(self, context):
        for symbol in context.symbols:
            f = context.features[symbol]
            context.signal(symbol, "seen", (), five=f.five, place=f.place, calm=f.calm, paid=f.paid, mean=f.mean)
        return []
'''


def test_a_paper_session_and_its_replay(tmp_path: Path) -> None:
    """Two symbols, an hour live after its history: the replay's decisions (which hold every value) and features are the same, and
    ranks and fives were there to compare."""
    (tmp_path / "own.py").write_text(OWN)
    journal, outcome = scripted.run(tmp_path, "s", {"own": "own.py"}, minutes=30, symbols=("AB", "CD"))
    assert (outcome.status, outcome.errors) == ("completed", ())
    reader = SqliteReader(journal)
    try:
        proof = Rerun(reader, tmp_path).run()
        last = [decode(row) for row in reader.rows(("signal",))][-2:]
    finally:
        reader.close()
    assert (proof.result.identical, proof.result.difference) == (True, None)
    assert proof.features is not None
    assert proof.features.identical
    assert proof.features.values > 2 * (30 * 6 + 4 * 6)
    assert {signal.values["place"] for signal in last} == {0.5, 1.0}
    assert all(None not in signal.values.values() for signal in last)


class Line:
    """A feed that brings one thing at a time: an event, or what the feed says of itself."""

    def __init__(self, kind: str, *items: Any) -> None:
        self._items = items
        self.instruments = {"X": Instrument(symbol="X"), "Y": Instrument(symbol="Y")}
        self.kinds = {"X": (kind,), "Y": (kind,)}
        self.volumes: tuple[str, ...] = ()
        self.total = None

    def batches(self) -> Iterator[Any]:
        for item in self._items:
            told = isinstance(item, DataStatus | TimePassed)
            events = [] if told else [(item, True)]
            yield SimpleNamespace(
                size=len(events), news=[item] if told else [], events=events.__iter__, columns=lambda symbol: None
            )

    def describe(self) -> dict[str, Any]:
        return {}

    def fingerprint(self) -> str:
        return ""


class Sees(Strategy):
    """Asks for features, and notes what `look` shows whenever anything is told."""

    def __init__(self, books: bool, **wanted: Feature) -> None:
        super().__init__()
        self.wanted, self.books = wanted, books
        self.seen: list[Any] = []

    def on_start(self, context: Context) -> None:
        context.features.require(**self.wanted)
        if self.books:
            context.books.require()

    def on_data_status(self, status: DataStatus, context: Context) -> None:
        self.note("status", context)

    def on_market_event(self, event: Any, context: Context) -> None:
        self.note("event", context)

    def generate_orders(self, context: Context) -> Any:
        self.note("asked", context)
        return ()

    def note(self, call: str, context: Context) -> None:
        self.seen.append((call, *(getattr(context.features["X"], name) for name in self.wanted)))


def ran(strategy: Strategy, feed: Any) -> Outcome:
    return Session(plan(strategy, feed, 100_000), MemoryJournal("t")).run()


@feature(inputs=("bid_depth", "ask_depth"))
def imbalance(state: Any, bids: float, asks: float) -> float:
    return (bids - asks) / (bids + asks)


@feature(inputs=("close",), low=0.0, high=10.0)
def small(state: Any, close: float) -> float:
    return close


@pytest.mark.parametrize("asked", [False, True])
def test_a_book_is_kept_for_its_features(asked: bool) -> None:
    """3 bid and 1 asked, then 1 and 1: a half, then nothing; whether or not the strategy asks for the book itself."""
    sees = Sees(asked, x=imbalance())
    messages = [
        BookUpdate(
            symbol="X", at=START + n, bids=((9.0, size),), asks=((10.0, 1.0),), bid=9.0, ask=10.0, snapshot=n == 1
        )
        for n, size in ((1, 3.0), (2, 1.0))
    ]
    assert ran(sees, Line("book", *messages)).errors == ()
    assert sees.seen == [("event", 0.5), ("asked", 0.5), ("event", 0.0), ("asked", 0.0)]


def test_a_value_out_of_bounds_when_time_closes_a_bar() -> None:
    """The minute closes at 50 with nobody trading: the strategy ends then, and the session says why."""
    sees = Sees(False, x=small().at("1m"))
    outcome = ran(sees, Line("trades", Trade("X", START + SECOND, 50.0, 1.0), TimePassed(START + 5 * MINUTE)))
    assert "feature small() on close at 1m of X is 50.0 at" in str(outcome.errors)


def test_after_a_history_ranks_are_of_its_last_instant() -> None:
    """Nobody is asked while history is shown; when it is said to be over, X, the cheaper of two, has its place."""

    @feature(inputs=("price",))
    def last(state: Any, price: float) -> float:
        return price

    sees = Sees(False, place=rank(last()), mean=sma(1, on="price"))
    items = (
        DataStatus(at=START, state=DataState.HISTORY),
        *(Trade(symbol, START + SECOND, price, 1.0) for symbol, price in (("X", 1.0), ("Y", 2.0))),
        DataStatus(at=START + 2 * SECOND, state=DataState.LIVE),
        Trade("X", START + 3 * SECOND, 5.0, 1.0),
    )
    assert ran(sees, Line("trades", *items)).errors == ()
    assert [row for row in sees.seen if row[0] == "status"][-1] == ("status", 0.5, 1.0)
    assert sees.seen[-1] == ("asked", 1.0, 5.0)
