"""A venue's data as a list, and sessions in real time over it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from onepath import Bar, Instrument, Strategy
from onepath.clock import RealtimeClock
from onepath.config import loads
from onepath.events import DataStatus
from onepath.market import MarketEvent, Trade
from onepath.realtime import begin
from onepath.session import Session

sys.path.insert(0, str(Path(__file__).parent))
SECOND = 1_000_000_000


class Listed:
    """A source that brings what is in a list, as fast as it is asked, and says what health it was given."""

    def __init__(
        self, script: Sequence[MarketEvent | DataStatus | Callable[[], None]], health: Mapping[str, Any]
    ) -> None:
        self.instruments: Mapping[str, Instrument] = {"X": Instrument(symbol="X")}
        self.kinds = {"X": ("trades",)}
        self.volumes: tuple[str, ...] = ()
        self.script = list(script)
        self.told = dict(health)
        self.over: Callable[[], None] = lambda: None

    def describe(self) -> Mapping[str, Any]:
        return {"source": "listed"}

    def history(self, bars: int) -> Sequence[Bar]:
        return []

    def start(self, after: Mapping[tuple[str, str], MarketEvent], since: int = 0) -> None:
        pass

    def take(self, seconds: float) -> Sequence[MarketEvent | DataStatus]:
        if not self.script:
            self.over()
            return []
        item = self.script.pop(0)
        if callable(item):
            item()
            return []
        at = RealtimeClock().now()
        if isinstance(item, Trade):
            return [Trade("X", at, item.price, item.size, item.aggressor, venue_at=at - 5_000_000)]
        return [item]

    def wake(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def health(self) -> Mapping[str, Any]:
        return self.told


CONFIG = """
mode: paper
data: {type: realtime, source: binance, symbols: [X], kinds: [trades], history: 0}
execution: {slippage: none, commission: none, latency: {mean_ms: 0, std_ms: 0}}
strategies: [{name: main, class: buy_and_hold, capital: 1000}]
"""


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Callable[..., tuple[Session, Listed]]]:
    """Makes a session in real time over a script, with a strategy that is given as an object."""
    made: list[Session] = []

    def make(
        script: Sequence[Any],
        strategy: Strategy | Mapping[str, Strategy],
        *,
        health: Mapping[str, Any] | None = None,
        more: str = "",
    ) -> tuple[Session, Listed]:
        source = Listed(script, health or {})
        session = begin(
            loads(CONFIG + more),
            source,
            home=tmp_path,
            session_id="seen",
            journal_path=tmp_path / "seen" / "journal.db",
            clock=RealtimeClock(),
        )
        named = {"main": strategy} if isinstance(strategy, Strategy) else strategy
        seats = [session.plan.strategies[0]._replace(name=name, strategy=each) for name, each in named.items()]
        sources = [session.plan.sources[0]] * len(seats)
        again = Session(session.plan._replace(strategies=seats, sources=sources), session.journal)
        source.over = again.stop
        made.append(again)
        return again, source

    yield make
    for session in made:
        session.journal.close()
