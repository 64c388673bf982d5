"""Warm-up: how many bars until a value no longer depends on where the data began.

Rules: each feature that the strategies ask for is computed over the whole history and over histories that begin later; how many
bars the later ones need until they agree with the whole one from there on is what the feature needs. Recursive features (EMA,
RSI, ATR) agree to any exactness only after a while; sums over a window at once.
Limits: features of bars of one symbol, at the symbol with the longest history; what a strategy keeps in variables of its own is
looked at through its orders alone. Starts: at a third and at half of the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from onepath.check.futures import Later
from onepath.check.runs import Make, Run, run
from onepath.features.definition import FIELDS, Feature
from onepath.features.history import compute
from onepath.journal.codec import decode
from onepath.market import Bar
from onepath.ports import Feed

Floats = npt.NDArray[np.float64]
CLOSE = 0.01
EXACT = 1e-9


class WarmUp(NamedTuple):
    """What one feature needs; None: it does not get there within the history that was tried."""

    strategy: str
    name: str
    feature: str
    declared: int
    close: int | None
    """bars until within 1 % of the value over the whole history"""
    exact: int | None
    """bars until within one part in a billion"""
    tried: int
    """bars of the longest history that began later"""

    @property
    def unseen(self) -> bool:
        """Whether the history that was tried is too short for it to be ready at all."""
        return self.declared > self.tried

    @property
    def early(self) -> bool:
        """Whether it calls itself ready while it is still more than 1 % off."""
        return not self.unseen and (self.close is None or self.close > self.declared)


class Settling(NamedTuple):
    """How long the orders depend on where the data began."""

    agrees: int | None
    """from when on the orders have the same times, symbols and sides; None: they never do"""
    began: int
    orders: int
    """orders of the whole run after that start"""


def features_of(whole: Run, feed: Feed) -> tuple[list[WarmUp], list[str]]:
    """The warm-up of each feature of each strategy, and the names of those that could not be looked at."""
    symbol, columns = longest(feed)
    found, left_out = [], []
    for name, feature in asked(whole):
        strategy, _, short = name.partition(".")
        if not symbol or not _deep(feature):
            left_out.append(f"{strategy}.{short}")
            continue
        found.append(_needs(strategy, short, feature, columns))
    return found, left_out


def asked(whole: Run) -> list[tuple[str, Feature]]:
    """`strategy.name` and feature of all that the strategies asked for."""
    return [
        (f"{seat.context.name}.{name}", feature)
        for seat in whole.session.engine.seats
        for name, feature in seat.context.features.required.items()
    ]


def longest(feed: Feed) -> tuple[str, Mapping[str, Floats]]:
    """The symbol with the most bars, and its columns; empty where there are no bars."""
    bars: dict[str, list[tuple[float, ...]]] = {symbol: [] for symbol in feed.instruments}
    for batch in feed.batches():
        for event, _ in batch.events():
            if type(event) is Bar:
                bars[event.symbol].append((event.open, event.high, event.low, event.close, event.volume))
    symbol = max(bars, key=lambda name: len(bars[name]), default="")
    if not symbol or not bars[symbol]:
        return "", {}
    table = np.array(bars[symbol], dtype=np.float64)
    return symbol, {field: np.ascontiguousarray(table[:, i]) for i, field in enumerate(FIELDS[:5])}


def settling(make: Make, whole: Run, since: int) -> Settling:
    """Run the plan on data that begin at `since`, and see from when on its orders are those of the whole run."""
    plan = make()
    later = run(plan._replace(feed=Later(plan.feed, since)))
    one, two = ([_order(row) for row in r.decisions() if row.kind == "order.submitted"] for r in (whole, later))
    one = [order for order in one if order[0] >= since]
    matched = 0
    while matched < min(len(one), len(two)) and one[-1 - matched] == two[-1 - matched]:
        matched += 1
    if matched == len(one) == len(two):
        return Settling(since, since, len(one))
    return Settling(one[-matched][0] if matched else None, since, len(one))


def _order(row: Any) -> tuple[int, str, str]:
    order = decode(row)
    return row.at, order.symbol, str(order.side)


def _deep(feature: Feature) -> bool:
    """Whether it comes down to fields of bars of one symbol alone."""
    return getattr(feature, "interval", "") == "" and all(
        field in FIELDS if isinstance(field, str) else isinstance(field, Feature) and _deep(field)
        for field in feature.inputs
    )


def _needs(strategy: str, name: str, feature: Feature, columns: Mapping[str, Floats]) -> WarmUp:
    size = len(columns["close"])
    full = np.asarray(compute(feature, columns), dtype=np.float64)
    starts = sorted({size // 3, size // 2})
    gaps = []
    for start in starts:
        part = np.asarray(compute(feature, {k: column[start:] for k, column in columns.items()}), dtype=np.float64)
        gaps.append(_apart(part, full[start:]))
    close, exact = (max_or_none([_settles(gap, level) for gap in gaps]) for level in (CLOSE, EXACT))
    return WarmUp(strategy, name, repr(feature), feature.total_warm_up, close, exact, size - starts[0])


def max_or_none(values: list[int | None]) -> int | None:
    """The largest; None where one is None."""
    return None if None in values else max(value for value in values if value is not None)


def _apart(part: Floats, full: Floats) -> Floats:
    """Relative distances; infinite where only one of the two is a number. Measured against the size a value usually has, so
    that a value that passes zero is not infinitely far."""
    known = np.abs(full[np.isfinite(full)])
    usual = float(np.median(known)) if len(known) else 1.0
    with np.errstate(all="ignore"):
        gap: Floats = np.abs(part - full) / np.maximum(np.abs(full), usual or 1.0)
    gap[np.isnan(part) & np.isnan(full)] = 0.0
    gap[np.isnan(gap)] = np.inf
    return gap


def _settles(gap: Floats, level: float) -> int | None:
    """Bars until the distance stays within `level`; None where it does not before the end."""
    beyond = np.flatnonzero(gap > level)
    if not len(beyond):
        return 1
    return None if beyond[-1] == len(gap) - 1 else int(beyond[-1]) + 2
