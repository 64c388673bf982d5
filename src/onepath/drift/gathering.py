"""The values of a session's features, as its strategies saw them: over what it recorded, or over other data.

Rules: the session's own machinery computes them, with strategies that are asked for their features and for nothing else. A row
counts from when all features are warm. No order is made, nothing is written.
Cost: as a backtest without strategies: about 2 us a bar and four features, 8 bytes a value.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple

from onepath.data import open_feed
from onepath.errors import ConfigError, DataError, StrategyError
from onepath.events import SessionStarted
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteReader
from onepath.ports import Feed
from onepath.rerun import recorded_plan, seen_by
from onepath.session import Plan, Session
from onepath.workspace import Workspace


class Gathered(NamedTuple):
    """Values by strategy and symbol, then by feature; `first` and `last` is when they began and ended."""

    columns: Mapping[tuple[str, str], Mapping[str, Any]]
    first: int = 0
    last: int = 0


def started_of(workspace: Workspace, session: str) -> tuple[SessionStarted, SqliteReader]:
    """The manifest of a session, and the reader of its journal. Raises ConfigError, JournalError."""
    entry = workspace.session(session)
    reader = SqliteReader(entry.journal)
    for row in reader.rows(("session.started",)):
        return decode(row), reader
    raise ConfigError(f"session {entry.id} broke off before it began: there is nothing to compare")


def of_session(workspace: Workspace, session: str, start: int | None = None, end: int | None = None) -> Gathered:
    """The features of a session over what it saw, from `start` to before `end`."""
    started, reader = started_of(workspace, session)
    return gathered(recorded_plan(started, None, seen_by(started, reader, workspace.root), workspace.root), start, end)


def of_reference(workspace: Workspace, started: SessionStarted, reference: str) -> Gathered:
    """The features of that session's strategies over other data: another session's, a file or folder, a data set by name."""
    feed = _feed(workspace, started, reference)
    plan = recorded_plan(started, None, feed, workspace.root)
    wanted = {seated.name: tuple(s for s in seated.symbols if s in feed.instruments) for seated in plan.strategies}
    if not any(wanted.values()):
        symbols = sorted({symbol for seated in plan.strategies for symbol in seated.symbols})
        raise DataError(
            f"reference {reference!r} has none of the session's symbols ({', '.join(symbols[:10])}); it has "
            f"{', '.join(list(feed.instruments)[:10])}"
        )
    seats = [seated._replace(symbols=wanted[seated.name]) for seated in plan.strategies if wanted[seated.name]]
    sources = [source for source, seated in zip(plan.sources, plan.strategies, strict=True) if wanted[seated.name]]
    return gathered(plan._replace(strategies=seats, sources=sources))


def _feed(workspace: Workspace, started: SessionStarted, reference: str) -> Feed:
    ids = [entry.id for entry in workspace.sessions()]
    if reference == "last" or any(known.startswith(reference) for known in ids):
        other, reader = started_of(workspace, reference)
        return seen_by(other, reader, workspace.root)
    where = workspace.root / reference
    feed: Feed = open_feed(where if where.exists() else reference, data_dir=workspace.data_dir)
    return feed


def gathered(plan: Plan, start: int | None = None, end: int | None = None) -> Gathered:
    """The features that the strategies of a plan ask for, over its feed. Raises StrategyError where one fails."""
    session = Session(plan._replace(isolation=None, commands=(), endings={}, risk=None), MemoryJournal("features"))
    noted: list[_Noted] = []
    session.once_started.append(lambda: noted.extend(_muted(session, start, end)))
    outcome = session.run()
    if outcome.errors:
        raise StrategyError(outcome.errors[0])
    if outcome.status == "stopped":  # by Ctrl-C: a part is not to be compared as if it were all
        raise KeyboardInterrupt
    columns = {(one.strategy, symbol): found for one in noted for symbol, found in one.columns.items()}
    times = [at for one in noted for at in (one.first, one.last) if at]
    return Gathered(columns, min(times, default=0), max(times, default=0))


def muted(session: Session) -> None:
    """Let nobody but the features hear: strategies have asked for them, and that is all they are wanted for."""
    from onepath.features.plant import FeaturePlant

    lists: tuple[list[Any], ...] = (session.engine.listeners, session.engine.deciders)
    for calls in lists:
        calls[:] = [entry for entry in calls if isinstance(getattr(entry[0], "__self__", None), FeaturePlant)]


def _muted(session: Session, start: int | None, end: int | None) -> list[_Noted]:
    muted(session)
    engine, found = session.engine, []
    for context in dict.fromkeys(context for _, context in engine.listeners):
        noted = _Noted(context, start or 0, end)
        engine.deciders.append((noted.note, context))
        found.append(noted)
    return found


class _Noted:
    """Notes the rows of one strategy's features when they change, at the end of an instant."""

    def __init__(self, context: Any, start: int, end: int | None) -> None:
        self.strategy: str = context.name
        self.columns: dict[str, dict[str, array[float]]] = {}
        self.first = self.last = 0
        self._names = tuple(context.features.required)
        self._rows = context.features
        self._seen: dict[str, Any] = {}
        self._start, self._end = start, end

    def note(self, context: Any) -> tuple[()]:
        at = context.now
        for symbol, row in self._rows.items():
            if self._seen.get(symbol) is row:
                continue
            self._seen[symbol] = row
            if row.ready and at >= self._start and (self._end is None or at < self._end):
                columns = self.columns.setdefault(symbol, {name: array("d") for name in self._names})
                for name, column in columns.items():
                    column.append(getattr(row, name))
                self.first = self.first or at
                self.last = at
        return ()
