"""The columns that a sweep reads, stretch by stretch: fields of the bars, and each distinct feature once.

Rules: the values are those that the engine's features have, to the last bit; their state is carried from stretch to stretch.
Features of an interval are computed over the whole history at once, before the first stretch.
Cost: the columns of one stretch, 8 bytes a value; 3 to 20 ns a value compiled. A feature of an interval: 8 bytes a bar.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from onepath.errors import StrategyError
from onepath.features import compute
from onepath.features.definition import Feature
from onepath.features.graph import Graph, Node, graph
from onepath.features.running import Running
from onepath.research.quickbars import Bars, Floats, np_time


class Columns:
    """Features at work over the stretches of one symbol."""

    def __init__(self, features: Collection[Feature], bars: Bars, *, compiled: bool) -> None:
        self._bars = bars
        self._compiled = compiled
        plain = [feature for feature in features if graph([feature]).plain]
        self._asked = plain
        self._graph: Graph = graph(plain)
        self._running = {node.slot: Running(node.feature, mixed=node.mixed) for node in self._graph.nodes}
        known = set(plain)
        self._whole = {feature: self._computed(feature) for feature in features if feature not in known}

    def over(self, first: int, last: int, fields: Mapping[str, Floats]) -> dict[Feature, Floats]:
        """Every feature's values over the next stretch, the bars from `first` to `last`."""
        slots: dict[int, Floats] = {}
        for clock in self._graph.clocks:
            slots |= {clock.first + n: fields[name] for n, name in enumerate(clock.fields)}
        for node in self._graph.nodes:
            slots[node.slot] = self._values(node, [slots[source] for source in node.sources], first)
        found = {feature: slots[slot] for feature, slot in zip(self._asked, self._graph.shown, strict=True)}
        return found | {feature: np.ascontiguousarray(values[first:last]) for feature, values in self._whole.items()}

    def _values(self, node: Node, columns: list[Floats], first: int) -> Floats:
        running, feature = self._running[node.slot], node.feature
        if self._compiled:
            found: Floats = running.compiled_over(columns)
        else:
            found = np.array(running.over([column.tolist() for column in columns]))
        if np.isfinite(feature.low) or np.isfinite(feature.high):
            wrong = np.flatnonzero((found < feature.low) | (found > feature.high))
            if len(wrong):
                raise _outside(feature, float(found[wrong[0]]), self._bars, first + int(wrong[0]))
        return found

    def _computed(self, feature: Feature) -> Floats:
        bars = self._bars
        if feature.across is not None or any(node.settled for node in graph([feature]).nodes):
            raise StrategyError(
                f"{feature!r} looks across symbols, and QuickBacktest has one; use the engine (onepath.backtest)"
            )
        data: dict[str, Any] = {"time": bars.start.astype("datetime64[ns]"), **bars.fields}
        return np.asarray(compute(feature, data), dtype=np.float64)


def _outside(feature: Feature, value: float, bars: Bars, bar: int) -> StrategyError:
    return StrategyError(
        f"{feature!r} is {value} for {bars.symbol} at {np_time(int(bars.at[bar]))}, outside of {feature.low:g} to "
        f"{feature.high:g}: its definition is wrong"
    )
