"""Graphs of features, intervals and cross-sections: the same bits by columns, event by event and over history."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from decimal import Decimal
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath.actions import Split
from onepath.features import (
    Feature,
    across_zscore,
    atr,
    compiled,
    compute,
    demean,
    ema,
    feature,
    rank,
    returns,
    rsi,
    sma,
)
from onepath.features.definition import FIELDS
from onepath.features.plant import FeaturePlant
from onepath.feeds.columns import BarBatch, ColumnFeed
from onepath.market import Bar

MINUTE = 60_000_000_000
SYMBOLS = ("A", "B", "C")
quick = settings(deadline=None, max_examples=40)
prices = st.floats(0.01, 1e6)
odd = st.one_of(prices, prices, prices, st.just(math.nan), st.just(math.inf), st.just(0.0))
Rows = dict[str, list[tuple[int, float]]]
"""by symbol: the minute and the close of each bar"""


@feature(inputs=("close", "close"), initial=lambda: [0.0])
def both(state: Any, a: float, b: float) -> float:
    """Of two inputs, with a memory that a NaN would spoil."""
    state[0] = 0.5 * state[0] + a - b
    return float(state[0])


def one_input(inner: st.SearchStrategy[Feature]) -> st.SearchStrategy[Feature]:
    maker = st.sampled_from((sma, ema, rsi, lambda n, on: returns(n, on=on)))
    return st.builds(lambda make, n, on: make(n, on=on), maker, st.integers(2, 5), inner)


leaves = st.one_of(
    st.builds(sma, st.integers(1, 6)), st.builds(atr, st.integers(1, 4)), st.builds(rsi, st.integers(2, 4))
)
plain = st.recursive(
    leaves,
    lambda inner: st.one_of(one_input(inner), st.builds(lambda a, b: both(on=(a, b)), inner, inner)),
    max_leaves=4,
)
placed = st.builds(lambda f, interval: f.at(interval), plain, st.sampled_from(("2m", "5m", "15m")))
mixed = st.builds(lambda a, b: both(on=(a, b)), plain, placed)
sections = st.builds(
    lambda make, f: make(f), st.sampled_from((rank, across_zscore, demean)), st.one_of(plain, placed, mixed)
)
anything = st.one_of(plain, placed, mixed, sections, one_input(sections))


@st.composite
def data(draw: st.DrawFn, of: st.SearchStrategy[float] = prices) -> Rows:
    """Bars of three symbols, some of them missing."""
    found = {}
    for symbol in SYMBOLS:
        minutes = sorted(draw(st.sets(st.integers(0, 50), min_size=1, max_size=40)))
        found[symbol] = [(minute, draw(of)) for minute in minutes]
    return found


def bar(symbol: str, minute: int, close: float) -> Bar:
    high, low = close * 1.25, close * 0.75
    return Bar(symbol, minute * MINUTE, (minute + 1) * MINUTE, close, high, low, close, 8.0)


def columns(symbol: str, rows: list[tuple[int, float]]) -> dict[str, Any]:
    bars = [bar(symbol, *row) for row in rows]
    return {name: [getattr(b, name) for b in bars] for name in ("start", "at", *FIELDS)}


def instants(rows: Rows) -> list[list[Bar]]:
    found = sorted((minute, n, s, close) for n, s in enumerate(rows) for minute, close in rows[s])
    return [[bar(s, m, c) for m, _, s, c in group] for _, group in groupby(found, key=lambda row: row[0])]


def bits(values: Any) -> list[int]:
    array = np.array(values, dtype=np.float64)
    array[np.isnan(array)] = np.nan
    return array.view("u8").tolist()  # type: ignore[no-any-return]


def plant_of(wanted: dict[str, Feature], expected: int | None = None, acting: tuple[str, ...] = ()) -> FeaturePlant:
    return FeaturePlant(wanted, SYMBOLS, expected, acting, interval_ns=MINUTE)


def taken(plant: FeaturePlant, events: list[Bar], seen: dict[str, list[float]]) -> None:
    """One instant, as the engine delivers it."""
    while plant.frames is not None and plant.frames.due <= events[0].at:
        plant.close(plant.frames.due)
    for event in events:
        plant.update(event, None)
    plant.settle()
    for event in events:
        seen[event.symbol].append(plant.views[event.symbol].x)


def streamed(wanted: dict[str, Feature], rows: Rows) -> dict[str, list[int]]:
    plant = plant_of(wanted)
    seen: dict[str, list[float]] = {symbol: [] for symbol in rows}
    for events in instants(rows):
        taken(plant, events, seen)
    return {symbol: bits(values) for symbol, values in seen.items()}


def batched(wanted: dict[str, Feature], rows: Rows, size: int, live: list[bool], expected: int | None) -> Any:
    """By batches of about `size` rows with columns, but for those that are live."""
    nobody: dict[str, Any] = dict.fromkeys(rows)  # who needs no instruments
    feed = ColumnFeed({s: columns(s, r) for s, r in rows.items()}, nobody, batch=size)
    plant = plant_of(wanted, expected)
    seen: dict[str, list[float]] = {symbol: [] for symbol in rows}
    for number, batch in enumerate(feed.batches()):
        none = BarBatch("Z", [0], [1], [[1.0]] * 5)
        plant.prepare(none if live[number % len(live)] else batch)
        events = [event for event, _ in batch.events()]
        for _, group in groupby(events, key=lambda event: event.at):
            taken(plant, list(group), seen)
    return {symbol: bits(values) for symbol, values in seen.items()}


@pytest.mark.parametrize("expected", [None, 10**9], ids=["python", "compiled"])
@quick
@given(anything, data(odd), st.integers(1, 60), st.lists(st.booleans(), min_size=1, max_size=4))
def test_columns_are_the_stream(expected: int | None, made: Feature, rows: Rows, size: int, live: list[bool]) -> None:
    """Any feature, however its bars are cut into batches and whichever of these have columns: the bits of bars one by one."""
    assert batched({"x": made}, rows, size, live, expected) == streamed({"x": made}, rows)


@quick
@given(anything, data(odd))
def test_history_is_the_stream(made: Feature, rows: Rows) -> None:
    """compute over all symbols gives the bits that a strategy saw at each of their bars."""
    found = compute(made, {symbol: columns(symbol, own) for symbol, own in rows.items()})
    assert {symbol: bits(values) for symbol, values in found.items()} == streamed({"x": made}, rows)


@quick
@given(anything, anything, data())
def test_what_else_is_asked_for_changes_nothing(made: Feature, other: Feature, rows: Rows) -> None:
    """A feature alone and one that shares its inputs with others are the same bits."""
    more = {"y": other, "x": made, "z": sma(2, on=other)}
    assert streamed(more, rows) == streamed({"x": made}, rows)


@quick
@given(plain, data())
def test_warm_up_of_a_graph_is_exact(made: Feature, rows: Rows) -> None:
    """No number before the warm-ups of all inputs added up, as long as every input has one from its own on."""
    for values in streamed({"x": made}, rows).values():
        nan = bits([math.nan])[0]
        assert all(value == nan for value in values[: made.total_warm_up - 1])


@quick
@given(st.one_of(plain, placed, mixed), data(), st.integers(2, 9), st.integers(1, 40))
def test_a_split_is_as_if_prices_had_always_been_so(made: Feature, rows: Rows, ratio: int, minute: int) -> None:
    """After it, every value is bit for bit that of a run over bars divided from the start."""
    plant, fresh = plant_of({"x": made}, acting=("A",)), plant_of({"x": made})
    seen: dict[str, list[float]] = {"A": []}
    other: dict[str, list[float]] = {"A": []}
    split = False
    for m, close in rows["A"]:
        if m >= minute and not split:
            plant.act(Split("A", m * MINUTE, Decimal(ratio)))
            split = True
            assert bits([plant.views["A"].x]) == bits([fresh.views["A"].x])
        whole = bar("A", m, close)
        o, h, low, c = (x / ratio for x in (whole.open, whole.high, whole.low, whole.close))
        halved = Bar("A", whole.start, whole.at, o, h, low, c, whole.volume * ratio)
        taken(fresh, [halved], other)
        taken(plant, [halved if split else whole], seen)
        if split:
            assert bits(seen["A"][-1:]) == bits(other["A"][-1:])


PROGRAM = """
import random, sys
from onepath.features import *
from onepath.features.plant import FeaturePlant
from onepath.market import Bar
draw = random.Random(3)
base = ema(2, on=sma(2))
wanted = {"a": rank(base), "b": across_zscore(base.at("5m")), "c": sma(2, on=demean(base)), "d": atr(2).at("2m")}
plant = FeaturePlant(wanted, list("ABCDEFG"), None, interval_ns=60_000_000_000)
for n in range(60):
    for s in "ABCDEFG":
        if draw.random() < 0.8:
            x = draw.uniform(1, 9)
            plant.update(Bar(s, n * 60_000_000_000, (n + 1) * 60_000_000_000, x, x + 1, x - 1, x, 1.0), None)
    plant.settle()
    print(plant.views)
print([node.feature.key for node in plant.graph.nodes])
"""


def test_the_hash_seed_decides_nothing() -> None:
    """Two processes with different hashes print the same bytes."""
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0]) > 10_000


def test_there_is_a_compiler_here() -> None:
    """Where it is not, the compiled half of these tests is the Python one again: said, not hidden."""
    if not compiled.installed():
        pytest.skip("numba is not installed")
