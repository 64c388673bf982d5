"""Whether the features of a running session are still what they were: compared now and then, told as alerts.

Rules: only where `features.drift` asks for it. The reference is computed before the session begins. What is noted is
bounded: the latest `window` values of each feature and symbol, taken between two batches; never of the history that a session
begins with. One comparison is made after a batch, so that a batch never waits for all of them. An alert decides nothing; the
same is raised once a day.
Cost: after a batch 0.3 us and 0.04 us a symbol, 1 us for a row that moved and 0.1 to 0.5 us for each of its features; a
comparison 0.03 to 0.07 ms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from onepath.config.values import interval_ns
from onepath.drift import measures
from onepath.drift.comparing import LEAST, Verdict, verdict_of
from onepath.drift.gathering import Gathered, of_reference
from onepath.errors import OnepathError
from onepath.events import Alert
from onepath.monitor.alerts import Alerts, Found, Rules

if TYPE_CHECKING:
    from onepath.session import Session
    from onepath.workspace import Workspace

_DAY = 86_400.0
_MISSING = 0.25
"""more values missing than in the reference, as a share of all"""
Key = tuple[str, str, str]
"""strategy, symbol, feature"""


class Known(NamedTuple):
    """The reference of one feature of one symbol."""

    edges: Any
    shares: Any
    rows: int
    missing: float


class Drifting:
    """Notes and compares; put among what a session calls after a batch. Alerts go to `tell`."""

    def __init__(
        self,
        engine: Any,
        known: Mapping[Key, Known],
        *,
        reference: str,
        every: int,
        window: int,
        psi: float,
        tell: Callable[[Alert], None],
    ) -> None:
        """`every` in nanoseconds of the session's time."""
        self._engine = engine
        self._known = known
        self._reference = reference
        self._every = every
        self._psi = psi
        self._tell = tell
        self._alerts = Alerts(Rules(window=_DAY))
        self._values: dict[Key, deque[float]] = {key: deque(maxlen=window) for key in known}
        self._watched: list[tuple[str, Mapping[str, Any], dict[str, Any]]] = []
        self._waiting: list[Key] = []
        self._due = 0

    def begin(self) -> None:
        """The strategies have started: their features are known."""
        contexts = {id(context): context for _, context in self._engine.listeners}.values()
        self._watched = [(c.name, c.features, {}) for c in contexts if c.features.required]

    def __call__(self) -> None:
        """A batch has been worked through."""
        engine = self._engine
        if engine.rehearses:
            return
        for strategy, rows, seen in self._watched:
            for symbol, row in rows.items():
                if seen.get(symbol) is not row:
                    seen[symbol] = row
                    if row.ready:
                        self._note(strategy, symbol, row)
        now = engine.moment.at
        if now >= self._due:
            self._waiting = list(self._values) if self._due else []
            self._due = now + self._every
        if self._waiting:
            self._compare(self._waiting.pop(), now)

    def _note(self, strategy: str, symbol: str, row: Any) -> None:
        for name in row.__struct_fields__[:-1]:
            values = self._values.get((strategy, symbol, name))
            if values is not None:
                values.append(getattr(row, name))

    def _compare(self, key: Key, now: int) -> None:
        import numpy as np

        strategy, symbol, name = key
        known, values = self._known[key], np.array(self._values[key])
        if len(values) < LEAST:
            return
        there = values[np.isfinite(values)]
        missing = 1.0 - len(there) / len(values)
        text = ""
        if missing > known.missing + _MISSING:
            text = f"{missing:.0%} of its last {len(values):,} values are missing, {known.missing:.0%} were in the reference"
        elif len(there) >= LEAST:
            index = measures.psi(known.shares, measures.shares(there, known.edges))
            chance = measures.psi_by_chance(len(known.edges) + 1, known.rows, len(there))
            if verdict_of(index, chance, self._psi) is Verdict.DRIFTED:
                text = f"PSI {index:.2f} over its last {len(there):,} values, {self._psi:g} is the limit"
        if text:
            self._raise(
                Found(
                    "feature_drift", f"{strategy} {symbol} {name}", "warning", self._said(name, symbol, text), *key[:2]
                ),
                now,
            )

    def _said(self, name: str, symbol: str, text: str) -> str:
        return f"feature {name} of {symbol} is not what it was in {self._reference}: {text}"

    def _raise(self, found: Found, now: int) -> None:
        alert = self._alerts.raise_(found, now)
        if alert is not None:
            self._tell(alert)


def known_of(reference: Gathered) -> dict[Key, Known]:
    """What comparisons need of a reference; features with too few values are left out."""
    import numpy as np

    found: dict[Key, Known] = {}
    for (strategy, symbol), columns in reference.columns.items():
        for name, column in columns.items():
            values = np.asarray(column, np.float64)
            there = values[np.isfinite(values)]
            if len(there) >= LEAST:
                inner = measures.edges(there)
                shares = measures.shares(there, inner)
                found[strategy, symbol, name] = Known(inner, shares, len(there), 1.0 - len(there) / len(values))
    return found


def attach(session: Session, workspace: Workspace) -> Drifting | None:
    """Let a session in real time be watched as its configuration says; None where it says nothing.

    Raises ConfigError or DataError for a reference that is not there, and lets go of the session's source.
    """
    asked = (session.plan.config.get("features") or {}).get("drift")
    if not asked:
        return None
    try:
        reference = of_reference(workspace, session.manifest(), asked["reference"])
    except OnepathError:
        if session.plan.live is not None:
            session.plan.live.stop()
        raise
    drifting = Drifting(
        session.engine,
        known_of(reference),
        reference=asked["reference"],
        every=interval_ns(asked["every"]),
        window=int(asked["window"]),
        psi=float(asked["psi"]),
        tell=session.engine.alert,
    )
    session.once_started.append(drifting.begin)
    session.after_batch.append(drifting)
    return drifting
