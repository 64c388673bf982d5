"""A harness for testing your own strategies and features: bars from a few numbers, and what came of them.

Rules: real parts throughout: the same engine, venue and checks as everywhere. Bars are one minute long and follow each
other without gaps; each opens where the one before closed unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from onepath.backtest import plan
from onepath.errors import StrategyError
from onepath.feeds.columns import ColumnFeed
from onepath.instruments import Instrument
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.orders import Order
from onepath.session import MINUTE, Outcome, Session
from onepath.strategy import Strategy

if TYPE_CHECKING:
    from onepath.features.definition import Feature
    from onepath.proving import Proof

START = 1_704_067_200 * 1_000_000_000
"""2024-01-01 00:00 UTC: when the first bar begins"""
Row = tuple[float, float, float, float]
"""open, high, low, close"""


class Trial(NamedTuple):
    """What a strategy did: its orders, every event by kind, and the outcome with the final books."""

    orders: tuple[Order, ...]
    events: Mapping[str, tuple[Any, ...]]
    outcome: Outcome


def bars(closes: Sequence[float], volume: float = 1e6) -> list[Row]:
    """Bars that open at the close before and have no wicks."""
    opens = [closes[0], *closes[:-1]]
    return [(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)]


def feed(rows: Mapping[str, Sequence[Row]], volume: float = 1e6, **instrument: Any) -> ColumnFeed:
    """A feed over such bars; `instrument` sets fields of every Instrument."""
    columns = {symbol: _columns(table, volume) for symbol, table in rows.items()}
    known = {symbol: Instrument(symbol=symbol, **instrument) for symbol in rows}
    return ColumnFeed(columns, known, interval_ns=MINUTE)


def _columns(table: Sequence[Row], volume: float) -> dict[str, list[Any]]:
    start = [START + i * MINUTE for i in range(len(table))]
    prices = {name: [float(row[i]) for row in table] for i, name in enumerate(("open", "high", "low", "close"))}
    return {"start": start, "at": [at + MINUTE for at in start], **prices, "volume": [volume] * len(table)}


def check_feature(feature: Feature, data: Mapping[str, Sequence[float]] | None = None) -> Proof:
    """Hold a feature against all that a definition promises (docs/feature-tools.md), on made-up data, bad data and, by field, on
    `data`. Returns what was found; raises AssertionError with the first counterexample of each promise that is broken.

    >>> def test_smooth_range():
    ...     check_feature(smooth_range(bars=5))
    """
    from onepath.proving import prove

    proof = prove(feature, real=data)
    if not proof.passed:
        raise AssertionError(str(proof))
    return proof


def trial(
    strategy: Strategy | type[Strategy],
    rows: Mapping[str, Sequence[Row]],
    cash: float = 100_000,
    *,
    raises: bool = True,
    **how: Any,
) -> Trial:
    """Run `strategy` over bars of some symbols; `how` takes what `onepath.backtest` takes for costs and limits.

    What the strategy raises is raised, as StrategyError with file and line; with `raises=False` it is in `outcome.errors`.

    >>> trial(SmaCross(fast=2, slow=3), {"X": bars([10, 9, 8, 9, 10, 11])}).orders
    """
    journal = MemoryJournal("trial")
    outcome = Session(plan(strategy, feed(rows), cash, **how), journal).run()
    if raises and outcome.errors:
        raise StrategyError(outcome.errors[0])
    events: dict[str, list[Any]] = {}
    for row in journal.rows():
        events.setdefault(row.kind, []).append(decode(row))
    return Trial(tuple(events.get("order.submitted", ())), {k: tuple(v) for k, v in events.items()}, outcome)
