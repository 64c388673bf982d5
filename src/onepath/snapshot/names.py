"""What classes and functions are called in a snapshot, and which of them a snapshot may hold at all.

Rules: a name is `module:qualified.name` and is looked up in modules that are loaded already: our own, and those that the
session's strategies and models are written in. Nothing is imported because a snapshot says so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from onepath.simulator.resting import WIDE

_PACKAGE = "onepath"
STATE = frozenset(
    (
        *(
            "errors",
            "instruments",
            "market",
            "book",
            "orders",
            "events",
            "actions",
            "accounts",
            "calendars",
            "trading_days",
            "ports",
            "nearest",
            "universe",
        ),
        *("blotter", "ledger", "adjustments", "rates", "gate", "portfolio", "risk", "features", "views", "timeframes"),
        *(
            "context",
            "isolation",
            "strategy",
            "targets",
            "seat",
            "agenda",
            "desk",
            "engine",
            "loop",
            "trace",
            "simulator",
        ),
    )
)
"""the parts of the package whose objects are state; those of all others (journal, feeds, windows, ...) are made anew with a
session, and hold nothing that it would have to get back"""

KEPT: dict[str, frozenset[str]] = {
    # What another thread has asked for and nobody has recorded yet did not happen; it is asked again, or not.
    "onepath.engine:Engine": frozenset({"stopping", "_inbox"}),
    # Commands that are played back are those of after the snapshot, and whoever builds the session knows them.
    "onepath.agenda:Agenda": frozenset({"_commands"}),
    # The exact mark of the last event that an order was priced at, reckoned once for all orders of an event.
    "onepath.desk:Desk": frozenset({"_priced", "_reference"}),
    # What a record says of how a strategy ended, whoever breaks off calls, and how long they took.
    "onepath.isolation:Fence": frozenset({"_ending", "_ends_at", "_watch", "took"}),
    # Whoever measures how long orders took belongs to the process.
    "onepath.gate:Gate": frozenset({"watcher"}),
    # Rows of controls are put together when first asked for; the view is filled anew for every order.
    "onepath.risk.controls:Controls": frozenset({"_rows", "_view"}),
    # A universe is the session's, and a market's calendar is looked up by its name.
    "onepath.universe:Members": frozenset({"_universe", "_calendar"}),
    "onepath.simulator.resting:Place": frozenset({"_calendar"}),
    "onepath.risk.breakers:Watch": frozenset({"_calendar"}),
    # Conditions as functions, made of the strategy's file and parameters; features, which the plant has.
    "onepath.rules.strategy:RuleStrategy": frozenset({"_now", "_features"}),
    # The rows of a batch, all of them used up when it is over; and what follows from the definitions.
    "onepath.features.plant:FeaturePlant": frozenset(
        (
            *("_staged", "_columns", "_wrong", "graph", "_names", "_memo", "_compile", "_row", "_plain", "_inputs"),
            *("_shown", "_settled", "_clock_of", "_interval", "_staging", "watch"),
        )
    ),
    "onepath.features.figures:Figures": frozenset({"_graph", "_logs", "_plan", "_settling", "_uncolumned"}),
    "onepath.features.running:Running": frozenset({"feature", "_arguments", "_step", "_waits", "_mixed"}),
}
"""attributes that stay as they are built, by class: what is made again whenever it is needed"""

CONSTANTS: dict[str, Any] = {"WIDE": WIDE}
"""values that are compared by identity, and so must come back as themselves"""


class Names:
    """The classes and functions that can be found again."""

    def __init__(self, authors: Iterable[str]) -> None:
        """`authors` are the modules of the session's strategies and models."""
        self._authors = frozenset(authors)
        self._called: dict[Any, str | None] = {}

    def is_ours(self, kind: type) -> bool:
        """Whether objects of this class are state, rather than foreign or wiring."""
        module = kind.__module__
        package, _, part = module.partition(".")
        return module in self._authors or (package == _PACKAGE and part.partition(".")[0] in STATE)

    def is_authors(self, kind: type) -> bool:
        """Whether the class is written beside a strategy or a model."""
        return kind.__module__ in self._authors

    def of(self, thing: Any) -> str | None:
        """What a class or function is called; None where it could not be found again."""
        if thing not in self._called:
            called = f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', '')}"
            self._called[thing] = called if self.find(called) is thing else None
        return self._called[thing]

    def find(self, called: str) -> Any:
        """The class or function of that name; None where there is none, or where it is not ours to hold."""
        module, _, path = called.partition(":")
        if not (module in self._authors or module == _PACKAGE or module.startswith(_PACKAGE + ".")):
            return None
        found: Any = sys.modules.get(module)
        for part in path.split("."):
            found = None if found is None else vars(found).get(part)
        return found


def kept(kind: type) -> frozenset[str]:
    """The attributes of a class that stay as built, those of its bases included."""
    found: frozenset[str] = frozenset()
    for base in kind.__mro__:
        found |= KEPT.get(f"{base.__module__}:{base.__qualname__}", frozenset())
    return found


def slots(kind: type) -> tuple[str, ...]:
    """The slots of a class and its bases, in order."""
    found: list[str] = []
    for base in reversed(kind.__mro__):
        named = vars(base).get("__slots__", ())
        names = (named,) if isinstance(named, str) else tuple(named)
        mangled = (
            f"_{base.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            for name in names
        )
        found += [name for name in mangled if name not in ("__dict__", "__weakref__")]
    return tuple(dict.fromkeys(found))
