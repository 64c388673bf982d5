"""All features of a strategy in the order they are computed: each once, however many names or other features need it.

Rules: what nobody asked for, even through others, is not in it. An input comes before what is computed of it; else the order
is that of asking, so it is the same in every process. There is a slot for each field and each value; a clock for each kind of
event and each interval: what is computed anew when such an event comes, or such a bar closes.
A cross-section, and what is computed of one, is known at the end of an instant: it is settled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from onepath.features.definition import Feature
from onepath.timeframes import nanoseconds


class Clock(NamedTuple):
    """What makes features be computed anew: events of a kind, or closed bars of an interval."""

    kind: str
    interval: str
    fields: tuple[str, ...]
    """the fields that are read of it"""
    first: int
    """the slot of the first of them; the others follow"""
    warm_up: int
    """its events until all that it moves has a value, as far as that can be counted by it"""


class Node(NamedTuple):
    """One feature in its place."""

    feature: Feature
    clock: int
    sources: tuple[int, ...]
    """the slots of its inputs"""
    waits: tuple[int, ...]
    """those of its inputs that are features: it begins when they are numbers"""
    slot: int
    settled: bool
    """known at the end of an instant alone"""
    mixed: bool
    """whether its warm-up cannot be counted by its clock, because its inputs begin at other times"""
    columnar: bool
    """whether it can be computed over the columns of a batch of events"""


class Graph(NamedTuple):
    """Features in order; slots are numbered clock by clock, then feature by feature."""

    clocks: tuple[Clock, ...]
    nodes: tuple[Node, ...]
    shown: tuple[int, ...]
    """the slots of the features that were asked for, in that order"""
    size: int
    """slots in all"""

    @property
    def plain(self) -> bool:
        """Whether all of it can be computed over columns of bars."""
        return all(clock[:2] == ("bars", "") for clock in self.clocks) and all(node.columnar for node in self.nodes)

    @property
    def settles(self) -> bool:
        """Whether anything is known at the end of an instant alone."""
        return any(node.settled for node in self.nodes)

    @property
    def intervals(self) -> list[str]:
        """The intervals whose bars are needed, the shortest first."""
        return sorted({clock.interval for clock in self.clocks if clock.interval}, key=nanoseconds)


def graph(features: Iterable[Feature]) -> Graph:
    """The features and all they need, ready to be computed."""
    asked = list(features)
    order: dict[Any, Feature] = {}
    for feature in asked:
        _walk(feature, order)
    found = list(order.values())
    clocks = _clocks(found)
    number = {clock[:2]: n for n, clock in enumerate(clocks)}
    begin = sum(len(clock.fields) for clock in clocks)
    place = {key: begin + n for n, key in enumerate(order)}
    nodes: dict[int, Node] = {}
    for feature in found:
        node = _node(feature, clocks, number[feature.kind, feature.interval], place, nodes)
        nodes[node.slot] = node
    return Graph(clocks, tuple(nodes.values()), tuple(place[feature] for feature in asked), begin + len(found))


def _walk(feature: Feature, order: dict[Any, Feature]) -> None:
    """Inputs first; each feature once."""
    if feature not in order:
        for needed in feature.inputs:
            if isinstance(needed, Feature):
                _walk(needed, order)
        order[feature] = feature


def _clocks(features: Iterable[Feature]) -> tuple[Clock, ...]:
    """The clocks in the order they are met; the data's own events before bars that are built."""
    fields: dict[tuple[str, str], dict[str, None]] = {}
    warm: dict[tuple[str, str], int] = {}
    for feature in features:
        at = feature.kind, feature.interval
        fields.setdefault(at, {}).update(dict.fromkeys(f for f in feature.inputs if isinstance(f, str)))
        warm[at] = max(warm.get(at, 0), feature.total_warm_up)
    found, first = [], 0
    for at in sorted(fields, key=lambda at: nanoseconds(at[1]) if at[1] else 0):
        found.append(Clock(*at, tuple(fields[at]), first, warm[at]))
        first += len(fields[at])
    return tuple(found)


def _node(
    feature: Feature, clocks: tuple[Clock, ...], number: int, place: dict[Any, int], nodes: dict[int, Node]
) -> Node:
    clock = clocks[number]
    sources = tuple(place[f] if isinstance(f, Feature) else clock.first + clock.fields.index(f) for f in feature.inputs)
    needed = [nodes[place[f]] for f in feature.inputs if isinstance(f, Feature)]
    settled = feature.across is not None or any(node.settled for node in needed)
    return Node(
        *(feature, number, sources, tuple(node.slot for node in needed), place[feature]),
        settled=settled,
        mixed=feature.across is None and any(n.settled or n.mixed or n.clock != number for n in needed),
        columnar=not (settled or feature.interval) and all(node.columnar for node in needed),
    )
