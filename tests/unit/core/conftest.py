"""A small market to run strategies in: one-minute bars of one price each, through a whole session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from onepath import Instrument, Limits, Strategy
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.isolation import Isolation
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.seat import Seated
from onepath.session import Outcome, Plan, Session
from onepath.simulator.assumptions import Market

MINUTE = 60_000_000_000


class Ran(NamedTuple):
    """A session that was run, and what it wrote."""

    session: Session
    outcome: Outcome
    rows: list[tuple[int, str, str | None, Any]]
    """minute, kind, strategy, event"""

    def of(self, kind: str, strategy: str | None = None) -> list[Any]:
        return [e for _, k, s, e in self.rows if k == kind and strategy in (None, s)]

    def kinds(self) -> list[str]:
        return [kind for _, kind, _, _ in self.rows]


def session(
    strategies: Strategy | Mapping[str, Strategy],
    prices: Mapping[str, Sequence[float]],
    *,
    cash: int | str | Mapping[str, int] = 100_000,
    limits: Limits | None = None,
    market: Market | None = None,
    journal: Any = None,
    batch: int = 8_192,
    symbols: Mapping[str, Sequence[str]] | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    mark_every: int = 10_000 * MINUTE,
    feed: Callable[[ColumnFeed], Any] = lambda feed: feed,
    isolation: Isolation | None = None,
) -> Session:
    """A session over one-price minute bars; bar n runs from minute n - 1 to minute n."""
    columns: dict[str, dict[str, list[Any]]] = {}
    for symbol, values in prices.items():
        rows = [(n * MINUTE, (n + 1) * MINUTE, *[float(p)] * 4, 0.0) for n, p in enumerate(values)]
        columns[symbol] = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    known = instruments or {symbol: Instrument(symbol=symbol) for symbol in prices}
    data = ColumnFeed(columns, known, interval_ns=MINUTE, batch=batch)
    named = {"main": strategies} if isinstance(strategies, Strategy) else strategies
    seats = [
        Seated(
            name,
            made,
            Decimal(cash[name] if isinstance(cash, Mapping) else cash),
            limits or made.limits,
            tuple((symbols or {}).get(name, prices)),
        )
        for name, made in named.items()
    ]
    plan = Plan(
        "backtest", 0, feed(data), data.describe(), seats, [{}] * len(seats), market or Market(), {}, mark_every
    )._replace(isolation=isolation)
    return Session(plan, MemoryJournal("test") if journal is None else journal)


def ran(made: Session) -> Ran:
    outcome = made.run()
    return Ran(made, outcome, [(r.at // MINUTE, r.kind, r.strategy, decode(r)) for r in made.journal.rows()])


@pytest.fixture(name="session")
def _session() -> Callable[..., Session]:
    """Makes a session that has not run."""
    return session


@pytest.fixture
def run() -> Callable[..., Ran]:
    """Runs a session and reads its journal."""
    return lambda *args, **how: ran(session(*args, **how))


class Does(Strategy):
    """At the close of minute n does what it was told for n, else nothing."""

    plan: Mapping[int, Callable[[Any], Any]]

    def generate_orders(self, context: Any) -> Any:
        make = self.plan.get(context.now // MINUTE)
        return make(context) if make else []


@pytest.fixture
def does() -> Callable[[Mapping[int, Callable[[Any], Any]]], Strategy]:
    """A strategy from a dict of minute -> what to do then."""

    def make(plan: Mapping[int, Callable[[Any], Any]]) -> Strategy:
        strategy = Does()
        strategy.plan = plan
        return strategy

    return make
