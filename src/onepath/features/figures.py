"""The features of one symbol at work: a slot for each field and each value, and what fills them.

Rules: an event of a clock (see `graph`) fills its fields and computes what it moves, in order; what moves by other clocks is read
as it was known last. What is known at the end of an instant alone is computed by `plant`, over all symbols.
Cost: live about 0.3 us a feature beside its step.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from onepath.actions import CorporateAction
from onepath.features.checks import outside
from onepath.features.definition import Feature, Step
from onepath.features.graph import Graph, Node
from onepath.features.past import Past
from onepath.features.running import Memo, Running, float_array

Taken = tuple[Running, Step, Callable[[Sequence[float]], Sequence[float]], int, float, float]
"""what runs, its step, how inputs and parameters are picked from the slots, where the value goes, between which bounds"""
_MOST = sys.float_info.max


class Figures:
    """What is known of one symbol."""

    def __init__(self, symbol: str, graph: Graph, pasts: Sequence[Past] | None) -> None:
        """`pasts`, one a clock, are kept of symbols that corporate actions may happen to."""
        self.symbol = symbol
        self.values: list[float] = [math.nan] * graph.size
        """a slot each for fields and features; the parameters of steps lie behind them"""
        self.seen = [0] * len(graph.clocks)
        """events by clock"""
        self.ready = False
        self.gone = False
        """whether it is not traded any more: no part of a cross-section"""
        self.moved: set[int] = set()
        """clocks of which something came since the end of the last instant"""
        self.pasts = pasts
        self.log = array("H")
        """the clocks of all that came, in order, where there is a past and more than one clock"""
        self.runs = [Running(node.feature, mixed=node.mixed) for node in graph.nodes]
        self._graph = graph
        self._logs = pasts is not None and not graph.plain
        taken = {node.slot: self._taken(node) for node in graph.nodes}
        self._settling = {node.slot: [taken[node.slot]] for node in graph.nodes if node.settled}
        own = [[n for n in graph.nodes if n.clock == c and not n.settled] for c in range(len(graph.clocks))]
        self._plan = [[taken[node.slot] for node in nodes] for nodes in own]
        self._uncolumned = [[taken[node.slot] for node in nodes if not node.columnar] for nodes in own]

    def _taken(self, node: Node) -> Taken:
        feature, run = node.feature, self._run(node)
        first = len(self.values)
        self.values += feature.arguments
        pick = picker((*node.sources, *range(first, len(self.values))))
        return run, feature.step, pick, node.slot, max(feature.low, -_MOST), min(feature.high, _MOST)

    def _run(self, node: Node) -> Running:
        return self.runs[node.slot - self._graph.nodes[0].slot]

    # -- event by event

    def take(self, clock: int, fields: Sequence[float], at: int | None) -> None:
        """An event of a clock: compute what it moves. Raises StrategyError for a value out of its bounds."""
        first = self._graph.clocks[clock].first
        self.values[first : first + len(fields)] = fields
        self._compute(self._plan[clock], at)
        self._came(clock)

    def put(self, clock: int, fields: Sequence[float], slots: Sequence[int], row: Sequence[float], at: int) -> None:
        """An event of which some values were computed over columns already."""
        values = self.values
        first = self._graph.clocks[clock].first
        values[first : first + len(fields)] = fields
        for slot, value in zip(slots, row, strict=True):
            values[slot] = value
        self._compute(self._uncolumned[clock], at)
        self._came(clock)

    def settle(self, node: Node, at: int) -> None:
        """The end of an instant: compute what follows from a cross-section."""
        self._compute(self._settling[node.slot], at)

    def _compute(self, plan: Sequence[Taken], at: int | None) -> None:
        values = self.values
        for run, step, pick, slot, low, high in plan:
            given = pick(values)
            if run.early and not run.begins(given):
                values[slot] = math.nan
                continue
            state = run.state
            value = step(state if type(state) is list else run.listed(), *given)
            if type(value) is not float:
                value = float(value)
            if low <= value <= high:
                values[slot] = value
            elif value - value == 0.0:
                raise outside(run.feature, value, self.symbol, at)
            else:
                values[slot] = math.nan

    def _came(self, clock: int) -> None:
        self.seen[clock] += 1
        self.moved.add(clock)
        self.gone = False
        if self._logs:
            self.log.append(clock)
        if not self.ready:
            self.look()

    def look(self) -> None:
        """See whether all is warm."""
        counted = all(seen >= clock.warm_up for seen, clock in zip(self.seen, self._graph.clocks, strict=True))
        self.ready = counted and not any(n.mixed and self._run(n).early for n in self._graph.nodes)

    # -- over columns

    def over(self, given: Mapping[int, Sequence[float]], memo: Memo | None, *, fast: bool) -> dict[int, Any]:
        """The values over columns of fields, by slot; arrays where `fast`, compiled, else lists."""
        found: dict[int, Any] = {slot: (float_array if fast else floats)(column) for slot, column in given.items()}
        for node in self._graph.nodes:
            if node.columnar and all(slot in found for slot in node.sources):
                run, columns = self._run(node), [found[slot] for slot in node.sources]
                found[node.slot] = run.compiled_over(columns, memo) if fast else run.over(columns, memo)
        return found

    # -- a past in other units

    def act(self, action: CorporateAction) -> bool:
        """Restate what came so far; tells whether that changes anything."""
        changed = [past.act(action) for past in self.pasts or ()]
        return any(changed)

    def again(self) -> Iterator[int]:
        """Begin again; gives the clocks of what came, in order, to be taken anew by `take`. What follows from a cross-section
        stays: that was of its day."""
        for node in self._graph.nodes:
            if not node.settled:
                self._run(node).reset()
                self.values[node.slot] = math.nan
        self.seen = [0] * len(self.seen)
        log, self.log = self.log, array("H")
        return iter(log)


def picker(sources: Sequence[int]) -> Callable[[Sequence[float]], Sequence[float]]:
    """What picks these slots, as a sequence also where it is one."""
    if len(sources) == 1:
        return itemgetter(slice(sources[0], sources[0] + 1))
    return itemgetter(*sources)


def fields_of(graph: Graph) -> dict[str, list[Feature]]:
    """Who needs each field of the data's own bars."""
    found: dict[str, list[Feature]] = {}
    for node in graph.nodes:
        for field in node.feature.inputs:
            if isinstance(field, str):
                found.setdefault(field, []).append(node.feature)
    return found


def floats(column: Any) -> list[float]:
    """A column as a list, whatever kind of numbers it has."""
    return list(map(float, column.tolist() if hasattr(column, "tolist") else column))
