"""Snapshots of a running session: when one is taken, what goes with it, and which one a session goes on from.

Rules: taken between two batches, in the session's own thread, when the interval has passed; kept by the journal behind every row
that came before, so that there is never a state without its past. Where a strategy keeps what cannot be saved, that is said once
and there are none: recovery then replays the whole journal, and nothing is lost but time.
Cost: see docs/snapshots.md; nothing between two of them but a look at the clock a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from onepath import snapshot
from onepath.events import Alert
from onepath.journal.tail import snapshots
from onepath.market import MarketEvent
from onepath.ports import Clock
from onepath.recording import Position
from onepath.session import Session


class Saved(msgspec.Struct, frozen=True):
    """A state, and where in its session it was taken."""

    state: bytes
    events: int
    """delivered before it"""
    last_at: int
    """when the last thing was handed out"""
    known: list[tuple[str, str, MarketEvent]]
    """the last event of each symbol and kind"""

    @property
    def position(self) -> Position:
        """How far the feed had been handed on."""
        return Position({(symbol, kind): event for symbol, kind, event in self.known}, self.last_at)


class Keeper(Protocol):
    """A journal that keeps snapshots."""

    @property
    def seq(self) -> int:
        """The last row that was appended."""

    def keep_snapshot(self, seq: int, at: int, body: bytes) -> None: ...


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Saved).decode


class Saving:
    """Takes a snapshot every so often. Call it after each batch."""

    def __init__(
        self,
        session: Session,
        journal: Keeper,
        clock: Clock,
        every: int,
        position: Position,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """`every` nanoseconds; `position` is that of the feed; not before `ready`."""
        self._session = session
        self._journal = journal
        self._clock = clock
        self._every = every
        self._position = position
        self._ready = ready
        self._due = 0
        self._possible = True

    def __call__(self) -> None:
        now = self._clock.now()
        if now < self._due or not self._possible or not self._ready() or not self._session.engine.alive:
            return
        if self._due:
            self._take()
        self._due = now + self._every

    def _take(self) -> None:
        session = self._session
        try:
            state = snapshot.take(session)
        except snapshot.Unsaveable as reason:
            self._possible = False
            alert = Alert(code="no_snapshots", severity="warning", text=str(reason))
            session.journal.append(session.engine.moment.at, "alert", None, alert)
            return
        known = [(symbol, kind, event) for (symbol, kind), event in self._position.known.items()]
        saved = Saved(state, session.delivered, self._position.last_at, known)
        self._journal.keep_snapshot(self._journal.seq, self._clock.now(), _encode(saved))


def usable(journal: Path, last: int, report: Callable[[str], object]) -> list[tuple[int, Saved]]:
    """The snapshots of a journal whose last good row is `last`, newest first, each with the row after which it was taken."""
    found = []
    for kept in snapshots(journal, report):
        if kept.seq <= last:
            try:
                found.append((kept.seq, _decode(kept.body)))
            except msgspec.DecodeError as error:
                report(f"the snapshot after row {kept.seq} does not read and is not used: {error}")
    return found
