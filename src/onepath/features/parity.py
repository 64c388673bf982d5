"""Whether features streamed event by event are those over the whole history, bit for bit.

Rules: what is streamed is noted as a strategy sees it, with the fields it was made of; these are then one history. Equal means
the same 64 bits; no number equals no number. What does not move with the data's own events (intervals, cross-sections and what is
computed of them) is noted with its inputs whenever it moves, and its step is run over all of them at once.
Limits: how bars of an interval are built, and who takes part in a cross-section, is noted and not found out anew. Symbols
that corporate actions may restate are left out, and so named. Cost: 8 bytes a value, kept until the comparison.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from onepath.features import compiled
from onepath.features.across import over_symbols
from onepath.features.definition import Feature
from onepath.features.figures import Figures, picker
from onepath.features.graph import Node, graph
from onepath.features.history import compute
from onepath.features.plant import FeaturePlant
from onepath.features.running import Running, float_array
from onepath.market import KINDS


class FeatureDifference(NamedTuple):
    """One feature of one symbol that is not the same: from when, the two values then, how many differ and by how much at most."""

    strategy: str
    feature: str
    symbol: str
    at: int
    streamed: float | None
    history: float | None
    values: int
    most: float | None

    def __str__(self) -> str:
        by = "" if self.most is None else f", by {self.most:g} at most"
        return (
            f"{self.strategy}: feature {self.feature} of {self.symbol} was {_told(self.streamed)} streamed and "
            f"{_told(self.history)} over history; {self.values:,} values differ{by}"
        )


class FeatureParity(NamedTuple):
    """How many values were compared, and what was found."""

    values: int
    differences: tuple[FeatureDifference, ...]
    left_out: tuple[str, ...] = ()
    """what could not be compared, and why"""

    @property
    def identical(self) -> bool:
        """Whether all of them were the same."""
        return not self.differences


class _Noted:
    """The values of one feature of one symbol as they came, with what they were made of."""

    def __init__(self, inputs: int) -> None:
        self.at: list[int] = []
        self.inputs = [array("d") for _ in range(inputs)]
        self.values = array("d")

    def add(self, at: int, inputs: Sequence[float], value: float) -> None:
        self.at.append(at)
        for column, found in zip(self.inputs, inputs, strict=True):
            column.append(found)
        self.values.append(value)


class Streamed:
    """The values of one strategy's features as they came."""

    def __init__(
        self,
        strategy: str,
        features: Mapping[str, Feature],
        rows: Mapping[str, Any],
        plant: FeaturePlant | None = None,
    ) -> None:
        """`rows` are the present rows by symbol, as the strategy sees them; `plant` makes them."""
        self._strategy = strategy
        self._features = dict(features)
        self._rows = rows
        self._plant = plant
        graphs = {name: graph([feature]) for name, feature in features.items()}
        self._alone = {name: g.clocks[0] for name, g in graphs.items() if all(node.columnar for node in g.nodes)}
        """what moves with the data's own events, by name"""
        self._noted: dict[tuple[str, str], _Noted] = {}
        """by symbol and name"""
        self._steps: dict[tuple[str, int], _Noted] = {}
        """by symbol and slot, of what moves at other times"""
        self._across: dict[int, list[tuple[int, list[float], list[float]]]] = {}
        """by slot, what each symbol had and got at the end of an instant"""
        nodes = () if plant is None else plant.graph.nodes
        self._others = [(node, picker(node.sources)) for node in nodes if not node.columnar]
        if plant is not None and self._others:
            plant.watch = self

    # -- what comes

    def hear(self, event: Any, context: object) -> None:
        """Note the row of an event; called after the features took it in."""
        symbol = event.symbol
        if symbol not in self._rows or self._restated(symbol):
            return
        row = self._rows[symbol]
        kind: type = type(event)
        for name, clock in self._alone.items():
            if kind is KINDS[clock.kind]:
                noted = self._noted.setdefault((symbol, name), _Noted(len(clock.fields)))
                noted.add(event.at, self._fields(event, clock.kind, clock.fields), getattr(row, name))
        if self._plant is not None and self._others:
            moved = [n for n, c in enumerate(self._plant.graph.clocks) if not c.interval and kind is KINDS[c.kind]]
            self._note(self._plant.figures[symbol], moved, event.at, settled=False)

    def closed(self, figures: Figures, clock: int, at: int) -> None:
        """A bar of an interval closed, and moved what it moves."""
        self._note(figures, (clock,), at, settled=False)

    def settled(self, figures: Sequence[Figures], at: int) -> None:
        """The end of an instant moved what is known then alone."""
        for one in figures:
            self._note(one, one.moved, at, settled=True)
        for node, _ in self._others:
            if node.feature.across is not None:
                had = [math.nan if one.gone else one.values[node.sources[0]] for one in figures]
                got = [one.values[node.slot] for one in figures]
                self._across.setdefault(node.slot, []).append((at, had, got))

    def _note(self, figures: Figures, clocks: Iterable[int], at: int, *, settled: bool) -> None:
        if figures.pasts is not None:
            return
        for node, pick in self._others:
            if node.clock in clocks and node.settled is settled and node.feature.across is None:
                noted = self._steps.setdefault((figures.symbol, node.slot), _Noted(len(node.sources)))
                noted.add(at, pick(figures.values), figures.values[node.slot])

    def _fields(self, event: Any, kind: str, fields: Sequence[str]) -> list[float]:
        if kind != "book" or self._plant is None:
            return [float(attrgetter(field)(event)) for field in fields]
        clocks = enumerate(self._plant.graph.clocks)
        number, clock = next((n, clock) for n, clock in clocks if clock[:2] == (kind, ""))
        values = self._plant.figures[event.symbol].values
        return [values[self._plant.graph.clocks[number].first + clock.fields.index(field)] for field in fields]

    def _restated(self, symbol: str) -> bool:
        return self._plant is not None and self._plant.figures[symbol].pasts is not None

    # -- what is found

    def left_out(self) -> list[str]:
        """What was not compared, and why."""
        why = "corporate actions may restate it, and each value was of its day"
        return [f"{self._strategy}: features of {symbol}: {why}" for symbol in self._rows if self._restated(symbol)]

    def compared(self) -> tuple[int, list[FeatureDifference]]:
        """How many values there are, and what is not the same over history."""
        number, found = 0, []
        for name, symbol, noted, history in self._histories():
            number += len(noted.values)
            apart = [i for i, (a, b) in enumerate(zip(noted.values, history, strict=True)) if not _same(a, b)]
            if apart:
                found.append(self._difference(name, symbol, apart, noted, history))
        return number, found

    def _histories(self) -> Iterator[tuple[str, str, _Noted, Sequence[float]]]:
        """Every feature of every symbol by name, as it came, and over all of it at once."""
        for (symbol, name), noted in self._noted.items():
            given = dict(zip(self._alone[name].fields, noted.inputs, strict=True))
            yield name, symbol, noted, compute(self._features[name], given).tolist()
        nodes = {node.slot: node for node, _ in self._others}
        for (symbol, slot), noted in self._steps.items():
            yield self._name(nodes[slot].feature), symbol, noted, _anew(nodes[slot], noted.inputs)
        for slot, instants in self._across.items():
            yield from self._sections(nodes[slot].feature, instants)

    def _sections(
        self, feature: Feature, instants: Sequence[tuple[int, list[float], list[float]]]
    ) -> Iterator[tuple[str, str, _Noted, Sequence[float]]]:
        anew = [over_symbols(feature.across, had) for _, had, _ in instants] if feature.across else []
        for place, symbol in enumerate(self._rows):
            noted = _Noted(0)
            for at, _, got in instants:
                noted.add(at, (), got[place])
            yield self._name(feature), symbol, noted, [row[place] for row in anew]

    def _name(self, feature: Feature) -> str:
        """What the strategy calls a feature; those that others are computed of have no name of their own."""
        return next((name for name, one in self._features.items() if one == feature), repr(feature))

    def _difference(
        self, name: str, symbol: str, apart: list[int], noted: _Noted, history: Sequence[float]
    ) -> FeatureDifference:
        first, streamed = apart[0], noted.values
        gaps = [abs(streamed[i] - history[i]) for i in apart]
        known = [gap for gap in gaps if math.isfinite(gap)]
        most = max(known, default=None)
        a, b = _plain(streamed[first]), _plain(history[first])
        return FeatureDifference(self._strategy, name, symbol, noted.at[first], a, b, len(apart), most)


def parity(streams: Iterable[Streamed]) -> FeatureParity:
    """All strategies together."""
    number, found, left_out = 0, [], []
    for stream in streams:
        values, differences = stream.compared()
        number += values
        found += differences
        left_out += stream.left_out()
    return FeatureParity(number, tuple(sorted(found, key=lambda difference: difference.at)), tuple(left_out))


def _anew(node: Node, columns: Sequence[array[float]]) -> Sequence[float]:
    """A feature's step over all of its inputs at once."""
    running = Running(node.feature, mixed=node.mixed)
    if compiled.worth(len(columns[0])):
        found: list[float] = running.compiled_over([float_array(column) for column in columns]).tolist()
        return found
    return running.over(columns)


def _same(a: float, b: float) -> bool:
    if a == b:
        return math.copysign(1.0, a) == math.copysign(1.0, b)
    return math.isnan(a) and math.isnan(b)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(value: float | None) -> str:
    return "no number" if value is None else repr(value)
