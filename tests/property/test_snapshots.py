"""A session that is cut in two by a snapshot is the session that ran all along: the same rows, to the last byte.

Sessions are random (`cutting.plan`: bars, ticks, books, every order, accounts, currencies, delays, faults, actions, breakers,
commands, failing strategies), the bundled examples on bundled data, and a run per hash seed in processes of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cutting import Cut, alike, in_line, plan, whole
from dropping import PARTS, built, noticed
from hypothesis import given, settings
from hypothesis import strategies as st
from wilds import EPOCH, MINUTE
from worlds import columns, worlds
from worlds import plan as world_plan

from onepath.backtest import plan as planned
from onepath.market import MarketEvent
from onepath.session import Session
from onepath.snapshot import take, wires
from onepath.snapshot.names import STATE

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "golden"))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_a_session_goes_on_as_if_it_had_run_all_along(seed: int, after: int) -> None:
    """Cut after any batch, the journal is the same byte for byte; and what was put back is what was taken."""
    cut = Cut(lambda: plan(seed), after)
    if cut.data is None:
        return

    def same(session: Session) -> None:
        assert take(session) == cut.data

    assert alike(cut.goes_on(lambda: plan(seed), same)) == alike(whole(lambda: plan(seed)))


def test_a_place_in_line_is_kept() -> None:
    """Five units were before us and four of them have traded: of the next two units that trade the second is ours, as it would
    have been; an order that had joined anew would have had none of it."""
    cut = Cut(in_line, 5)
    fills = [row for row in cut.goes_on(in_line) if row.kind.endswith("filled")]
    assert [(row.at, msgspec.json.decode(row.body)["quantity"]) for row in fills] == [
        (EPOCH + 5 * MINUTE, "1"),
        (EPOCH + 6 * MINUTE, "2"),
    ]


@settings(max_examples=40, deadline=None)
@given(worlds(batch=st.sampled_from([1, 5])), st.integers(1, 30))
def test_sessions_over_columns_go_on_too(world: Any, after: int) -> None:
    """The same for bars that come as columns, with features computed at once, and random traders of their own."""

    def make() -> Any:
        return world_plan(world, columns(world))

    cut = Cut(make, after)
    if cut.data is not None:
        assert alike(cut.goes_on(make)) == alike(whole(make))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 9), min_size=2, max_size=4, unique=True))
def test_a_session_may_be_cut_again_and_again(seed: int, cuts: list[int]) -> None:
    """A session that goes on from a snapshot takes the next one like any other."""
    first = Cut(lambda: plan(seed), 10)
    if first.data is None:
        return
    data, rows = _in_parts(seed, sorted(cuts))
    assert (data, [tuple(row) for row in rows]) == (first.data, [tuple(row) for row in first.rows])


def _in_parts(seed: int, cuts: Sequence[int]) -> tuple[bytes, list[Any]]:
    """The snapshot after ten batches, by sessions each of which went on from the one before."""
    part = Cut(lambda: plan(seed), cuts[0])
    for after in (*cuts[1:], 10):
        part = part.again(lambda: plan(seed), after)
    assert part.data is not None
    return part.data, part.rows


# -- the examples


class Small:
    """A feed in batches of a few hundred events, without columns."""

    def __init__(self, feed: Any, size: int) -> None:
        self._feed = feed
        self._size = size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    def batches(self) -> Iterator[Any]:
        for batch in self._feed.batches():
            part: list[tuple[MarketEvent, bool]] = []
            for event, last in batch.events():
                part.append((event, last))
                if last and len(part) >= self._size:
                    yield Part(part)
                    part = []
            if part:
                yield Part(part)


class Part:
    news = ()

    def __init__(self, events: list[tuple[MarketEvent, bool]]) -> None:
        self._events = events
        self.size = len(events)

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        return iter(self._events)

    def columns(self, symbol: str) -> None:
        return None


def examples() -> list[str]:
    from cases import ARGUMENTS

    return [*ARGUMENTS, "several"]


@pytest.mark.parametrize("name", examples())
def test_every_example_goes_on(name: str) -> None:
    """Each example strategy on its bundled data, the first 2,800 events of it, cut in three places."""
    from cases import arguments

    from onepath.backtest import _opened

    def make() -> Any:
        given = arguments(name)
        data, strategy = given.pop("data"), given.pop("strategy")
        symbols, start, end = (given.pop(key, None) for key in ("symbols", "start", "end"))
        feed, _ = _opened(data, symbols, start, end, (None, "none", None), {"stamps": "start"})
        return planned(strategy, First(Small(feed, 70), 40), **{"cash": 100_000, **given})

    expected = alike(whole(make))
    assert sum(row[2] == "order.submitted" for row in expected if isinstance(row, tuple)) > 0
    for after in (2, 9, 19):
        assert alike(Cut(make, after).goes_on(make)) == expected


class First:
    """The first batches of a feed."""

    def __init__(self, feed: Any, batches: int) -> None:
        self._feed = feed
        self._batches = batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    def batches(self) -> Iterator[Any]:
        for number, batch in enumerate(self._feed.batches()):
            if number == self._batches:
                return
            yield batch


# -- two processes


def test_another_process_goes_on(tmp_path: Path) -> None:
    """Taken in a process with one hash seed, put back in another with another: the rows of a third, to the last byte."""
    numbers = [str(number) for number in range(24)]
    path = tmp_path / "halves"
    for seed, words in (("1", ["take", str(path), *numbers]), ("2", ["go", str(path)])):
        subprocess.run(
            [sys.executable, str(HERE / "cutting.py"), *words], check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
    found = dict(msgspec.msgpack.decode(path.read_bytes()))
    assert len(found) > 15
    for number, rows in found.items():
        expected = alike(whole(lambda number=number: plan(number)))  # type: ignore[misc]
        assert [tuple(row) if isinstance(row, list) else row for row in rows] == expected


# -- mutants: one attribute less


def test_what_is_left_out_is_noticed() -> None:
    """A snapshot without one attribute of a component (timers, generators, places in line, features, ...) is caught, n of n."""
    known = built(range(-1, 20))
    assert [part for part in PARTS if not noticed(known, *part)] == []


def test_every_module_of_the_core_is_state() -> None:
    """Words, core and simulator hold state; what is of any other room is wiring. A new module has to be entered."""
    sys.path.insert(0, str(HERE.parent / "architecture"))
    from test_house import ROOMS

    assert frozenset({*ROOMS["words"], *ROOMS["core"], "simulator"}) == STATE


WIRING = {
    ("onepath.desk:Desk", "method"),  # the journal
    ("onepath.engine:Engine", "method"),  # the journal
    ("onepath.engine:Engine", "function"),
    ("onepath.isolation:Fence", "function"),
    ("onepath.context:Context", "function"),  # what a fence must not break off
    ("onepath.engine:Engine", "Watchdog"),
    ("onepath.engine:Engine", "builtin_function_or_method"),  # the clock that calls are timed by
    ("onepath.isolation:Fence", "builtin_function_or_method"),
    ("onepath.seat:Ears", "function"),
    ("list", "function"),  # listeners and deciders within a fence
    ("onepath.features.definition:Feature", "function"),
    ("onepath.risk.checks:Level", "function"),  # a closure over the strategy's name
}
"""what is left out of snapshots, by whose it is: none of it may hold state"""


def test_nothing_else_is_wiring() -> None:
    """A new closure or foreign object in the core is seen here before it loses anybody's state."""
    met: set[tuple[str, str]] = set()
    for seed in range(40):

        def look(session: Session) -> None:
            met.update((_called(whose), what.__name__) for whose, what in wires(session))

        Cut(lambda seed=seed: plan(seed), 6, look)  # type: ignore[misc]
    assert met - WIRING == set()


def _called(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}:{kind.__qualname__}"
