"""Every attribute that a snapshot brings back, left out in turn: does any session notice?

A program: `python dropping.py [SEEDS]` prints `state attributes N, noticed M` and those that no world noticed. An attribute is
state where leaving it out changes what the restored session would be saved as. The gate tries the components in `PARTS` alone
(test_snapshots), because all of them take minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
from cutting import Cut, alike, plan, whole

from onepath.session import Session
from onepath.snapshot import names, take

PARTS = (
    ("onepath.agenda:Agenda", "_timers"),
    ("onepath.agenda:Agenda", "mark_at"),
    ("onepath.blotter:Blotter", "_open"),
    ("onepath.desk:Desk", "_last_id"),
    ("onepath.desk:Desk", "signals"),
    ("onepath.engine:Engine", "listeners"),
    ("onepath.features.figures:Figures", "values"),
    ("onepath.features.running:Running", "state"),
    ("onepath.gate:Gate", "_highest"),
    ("onepath.ledger:Ledger", "cash"),
    ("onepath.ledger:Ledger", "positions"),
    ("onepath.ledger:Ledger", "_lives"),
    ("onepath.risk.breakers:Watch", "_states"),
    ("onepath.risk.pace:Window", "_times"),
    ("onepath.simulator.accounts:Account", "quantities"),
    ("onepath.simulator.faults:Faults", "_orders"),
    ("onepath.simulator.fills:Teller", "_fills"),
    ("onepath.simulator.house:House", "orders"),
    ("onepath.simulator.latency:NormalLatency", "_outward"),
    ("onepath.simulator.queues:Place", "ahead"),
    ("onepath.simulator.reports:Reports", "_way"),
    ("onepath.simulator.resting:Resting", "queue"),
    ("onepath.simulator.resting:Resting", "remaining"),
    ("onepath.simulator.venue:SimulatedVenue", "_agenda"),
    ("onepath.timeframes:Candles", "_kept"),
    ("onepath.views:History", "_bars"),
)
"""a part of every component"""


_SCRATCH = "set before each use, or read again from what is beside it"
_BOOKKEEPING = "only asked for by windows, not journaled"
_RARE = "state; needs a case that few worlds have at the moment of the cut"
EXPLAINED: dict[str, tuple[str, ...]] = {
    _SCRATCH: (
        *(
            "Moment.due",
            "Engine.expected",
            "Engine.told",
            "Timeframes.due",
            "Desk.decided",
            "Gate._parents",
            "Account.due",
        ),
        *("Controls._parents", "BarPit._offers", "Resting.level", "Resting.level_of", "Resting.watched", "Place.sells"),
        *("Place.stops", "Watch._valued", "Watch._valued_at", "Watch._calendar", "Context.historical_data"),
        *("Context.timeframes", "SimulatedVenue._bars"),
    ),
    _BOOKKEEPING: ("Engine.failures", "Ledger.slippage", "Book.at", "Book.symbol", "Watcher.heard", "Rester.heard"),
    _RARE: (
        *("Figures.seen", "Figures.moved", "Figures.gone", "FeaturePlant._instant", "FeaturePlant._moved"),
        *("Book._fresh", "Book.last_id", "Engine._last_prices", "Watch._answers", "Watch._equity", "Watch._taken"),
        *("_Equity.day", "_Equity.last", "Pace.orders", "Controls._alternatives", "Ears.heard", "Account._done"),
        *("MonthVolume._starts", "Taken._sizes", "House._goes", "House._groups", "Place._advance", "Reports._last"),
        *(
            "_LikelyPlace._advance",
            "_LikelyPlace._power",
            "_LikelyPlace._unexplained",
            "Place.taken",
            "Resting.charged",
        ),
        *("Resting.cuts", "Resting.worth", "Candles._raw"),
    ),
}
"""why what 24 worlds do not notice is not noticed"""


class World(NamedTuple):
    """A session that was cut, what it would have written, and the attributes in its snapshot."""

    seed: int
    cut: Cut
    expected: list[Any]
    attributes: frozenset[tuple[str, str]]


def built(seeds: Sequence[int]) -> list[World]:
    """Worlds cut early, in the middle and late."""
    made = []
    for seed in seeds:
        expected: list[Any] = []
        for after in (2 + seed % 4, 5 + seed % 13, 22 + seed % 19):
            cut = Cut(lambda seed=seed: plan(seed), after)  # type: ignore[misc]
            if cut.data is not None:
                expected = expected or alike(whole(lambda seed=seed: plan(seed)))  # type: ignore[misc]
                made.append(World(seed, cut, expected, frozenset(_attributes(cut.data))))
    return made


def _attributes(data: bytes) -> Iterator[tuple[str, str]]:
    """Class and name of every attribute of objects (frozen values are not taken apart)."""
    *_, graph = msgspec.msgpack.decode(data[49:], type=tuple[int, str, str, msgspec.Raw])
    _, shapes, _ = msgspec.msgpack.decode(graph)
    for called, _, fields in shapes:
        module, _, path = called.partition(":")
        found: Any = sys.modules.get(module)
        for part in path.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type) and not issubclass(found, msgspec.Struct):
            yield from ((called, name) for name in fields)


@contextmanager
def without(called: str, name: str) -> Iterator[None]:
    """Snapshots that leave an attribute as it was built."""
    before = names.KEPT.get(called, frozenset())
    names.KEPT[called] = before | {name}
    try:
        yield
    finally:
        names.KEPT[called] = before


class _SameError(Exception):
    """Nothing was left out: it is as it was built anyway."""


def differs(world: World, called: str, name: str) -> bool | None:
    """Whether the journal differs where the attribute is left out; None where it is no state of this world."""
    state, before = False, names.KEPT.get(called, frozenset())

    def look(session: Session) -> None:
        nonlocal state
        less = names.KEPT[called]
        names.KEPT[called] = before
        try:
            state = take(session) != world.cut.data
        except AttributeError:
            state = True
        finally:
            names.KEPT[called] = less
        if not state:
            raise _SameError

    with without(called, name):
        try:
            return alike(world.cut.goes_on(lambda: plan(world.seed), look)) != world.expected
        except _SameError:
            return None
        except Exception:  # whatever breaks, it was noticed
            return True


def noticed(worlds: Sequence[World], called: str, name: str, patience: int = 40) -> bool | None:
    """Whether any world notices; None where it is no state in any of the first `patience` worlds that have it."""
    found: bool | None = None
    tried = 0
    for world in worlds:
        if (called, name) in world.attributes and (found is not None or tried < patience):
            tried += 1
            told = differs(world, called, name)
            if told:
                return True
            found = found if told is None else False
    return found


def main(seeds: int) -> None:
    worlds = built(range(seeds))
    every = sorted(frozenset[tuple[str, str]]().union(*(world.attributes for world in worlds)))
    told = {attribute: noticed(worlds, *attribute) for attribute in every}
    state = [attribute for attribute, found in told.items() if found is not None]
    lost = [attribute for attribute in state if not told[attribute]]
    sys.stdout.write(f"worlds {len(worlds)}, attributes {len(every)}, state attributes {len(state)}, ")
    sys.stdout.write(f"noticed {len(state) - len(lost)}\n")
    why = {attribute: reason for reason, known in EXPLAINED.items() for attribute in known}
    for called, name in lost:
        reason = why.get(f"{called.rpartition(':')[2]}.{name}", "not explained")
        sys.stdout.write(f"  {called} {name}: {reason}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
