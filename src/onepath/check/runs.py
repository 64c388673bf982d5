"""One run of a plan for the check: what was decided, and what came of it.

Rules: each run is a session of its own with fresh strategies, a journal in memory and the same engine as any other; a strategy
that fails ends the check with its own sentence, because half a run says nothing about a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from onepath.errors import StrategyError
from onepath.journal.codec import DECISIONS, decode
from onepath.journal.memory import MemoryJournal
from onepath.ports import Row
from onepath.report.analysis import Analysis, analyse
from onepath.report.record import read
from onepath.session import Outcome, Plan, Session

Make = Callable[[], Plan]
"""makes the plan anew: strategies have a state, feeds run once"""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run."""

    session: Session
    outcome: Outcome
    journal: MemoryJournal

    def decisions(self, until: int | None = None) -> list[Row]:
        """What was decided, up to and including an instant."""
        return [row for row in self.journal.rows(DECISIONS) if until is None or row.at <= until]

    def analysis(self) -> Analysis:
        """Curves, days and round trips."""
        return analyse(read(self.journal))


def run(plan: Plan) -> Run:
    """Run it to its end. Raises StrategyError where a strategy fails."""
    journal = MemoryJournal("check")
    session = Session(plan, journal)
    outcome = session.run()
    if outcome.errors:
        raise StrategyError(outcome.errors[0])
    if outcome.status == "stopped":  # by Ctrl-C, which a session takes for its end: half a run is none to judge by
        raise KeyboardInterrupt
    return Run(session, outcome, journal)


def same(one: Row, two: Row) -> bool:
    """Whether two decisions are the same."""
    return (one.at, one.kind, one.strategy, one.body) == (two.at, two.kind, two.strategy, two.body)


def told(row: Row | None) -> str:
    """A decision in a few words."""
    if row is None:
        return "nothing"
    event = decode(row)
    parts = [str(getattr(event, name, "")) for name in ("side", "quantity", "symbol", "name")]
    said = " ".join(part for part in parts if part)
    return f"{row.kind} {said}" if said else f"{row.kind} {msgspec.json.encode(event).decode()[:80]}"
