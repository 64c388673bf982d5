"""What statistics and pictures have in common: a session's days, curves with their starting point, and round trips.

Rules: computed once a report, read by all its parts; nothing here knows how it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onepath.report.benchmark import buy_and_hold
from onepath.report.days import Days, days_of
from onepath.report.formulas import Floats
from onepath.report.record import Curve, SessionRecord, held, merged
from onepath.report.trades import Trades, round_trips


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A record and what follows from it."""

    record: SessionRecord
    days: Days
    trades: Trades
    curve: Curve
    """all strategies, from the capital at the session's first moment on, whenever a mark or a price was recorded"""
    market: Floats
    """buy and hold at each time of `curve`"""
    profits: Floats
    """net profit of each round trip"""
    traded: float
    """value bought and sold"""

    @property
    def intervals(self) -> list[tuple[int, int]]:
        """When something was held, one entry a trip or open lot."""
        end = int(self.curve.at[-1]) if len(self.curve.at) else 0
        held = [(trip.entry_at, trip.exit_at) for trip in self.trades.trips]
        return held + [(lot.entry_at, max(end, lot.entry_at)) for lot in self.trades.open]


def analyse(record: SessionRecord) -> Analysis:
    """Everything a report is made of."""
    multipliers = record.multipliers
    trades, hold = trips_of(record), buy_and_hold(record)
    traded = sum(abs(float(fill.quantity * fill.price * multipliers.get(fill.symbol, 1))) for fill in record.fills)
    curve = whole(record)
    return Analysis(
        record=record,
        days=days_of(record),
        trades=trades,
        curve=curve,
        market=held(curve.at, hold.at, hold.worth, record.initial),
        profits=np.array([float(trip.pnl) for trip in trades.trips], dtype=np.float64),
        traded=traded,
    )


def trips_of(record: SessionRecord) -> Trades:
    """The session's round trips, through its corporate actions."""
    return round_trips(
        record.fills,
        record.multipliers,
        actions=[(acted.fills, acted.action) for acted in record.actions],
        lots=record.lots,
        bases=record.bases,
    )


def whole(record: SessionRecord) -> Curve:
    """The total curve without the gaps of marks that were left out because nothing changed, and with the capital in
    front: at the session's first moment, and before the first mark."""
    total = record.total
    at = merged(total.at, record.prices_at)
    if record.span is None or not len(at):
        return total
    at = np.append(np.int64(min(record.span[0], int(at[0]) - 1)), at)
    columns = ((total.equity, record.initial), (total.cash, record.initial), (total.gross, 0.0), (total.net, 0.0))
    return Curve(at, *(held(at, total.at, column, before) for column, before in columns))
