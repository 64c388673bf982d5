"""The proof: a recorded session, run again over what it saw, decides the same.

Rules: market events come from the same data, what the venue said comes from the journal, never from a simulation; only the
strategy and the checks run anew. What the venue said of itself at one moment is heard in as many parts as the record has, where
decisions came between. Decisions are compared in order, byte for byte: time, kind, strategy, body.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple, Protocol

from onepath.actions import CorporateAction
from onepath.adjustments import OF_ACTIONS
from onepath.events import StrategyEnded, VenueReport
from onepath.journal.codec import DECISIONS, INPUTS, KINDS, REPORTS, decode, refused
from onepath.market import MarketEvent
from onepath.orders import Approved, Order
from onepath.ports import NEVER, Row

_ASKED = {
    "order.submitted": "submit",
    "order.replace_requested": "replace",
    "order.cancel_requested": "cancel",
    "corporate_action": "act",
}


class Rows(Protocol):
    """Anything that a journal can be read from."""

    def rows(self, kinds: Sequence[str] = ()) -> Iterator[Row]: ...


class ReplayResult(NamedTuple):
    """`difference` is None when every decision was the same; `hash` is of the recorded decisions."""

    identical: bool
    decisions: int
    hash: str
    difference: str | None


def decision_hash(journal: Rows) -> tuple[int, str]:
    """Number of decisions in a journal and their SHA-256, over time, kind, strategy and body of each."""
    digest, number = hashlib.sha256(), 0
    for row in journal.rows(DECISIONS):
        digest.update(b"%d|%s|%s|%s\n" % (row.at, row.kind.encode(), (row.strategy or "").encode(), row.body))
        number += 1
    return number, digest.hexdigest()


def endings(recorded: Rows) -> dict[str, StrategyEnded]:
    """How strategies were quarantined: at which call of each is an input, because a clock decided it."""
    found: dict[str, StrategyEnded] = {}
    for row in recorded.rows(("strategy.ended",)):
        ended: StrategyEnded = decode(row)
        if ended.status == "quarantined":
            found[ended.strategy] = ended
    return found


class RecordedVenue:
    """A venue that says what a journal says it said: answers at once to what was asked, the rest at its recorded time."""

    def __init__(self, recorded: Rows) -> None:
        self._answers: dict[tuple[str, int], deque[list[VenueReport]]] = {}
        self._said: deque[tuple[int, int, VenueReport]] = deque()
        self.working: tuple[str, ...] = ()
        self._read(recorded)
        self.due = self._said[0][0] if self._said else NEVER

    def _read(self, recorded: Rows) -> None:
        asked: dict[int, list[VenueReport]] = {}
        acts: set[int] = set()
        part = 0
        for row in recorded.rows((*REPORTS, *_ASKED, "order.refused")):
            event = decode(row)
            if row.kind == "order.refused":  # said again and refused again, because breakers count it
                event = refused(event)
                if event is None:
                    continue
            if row.kind in _ASKED:
                part += 1
                about = event.id if row.kind == "order.submitted" else getattr(event, "order_id", 0)
                key = _ASKED[row.kind], about
                answers = asked[row.seq] = []
                if row.kind == "corporate_action":
                    acts.add(row.seq)
                self._answers.setdefault(key, deque()).append(answers)
            elif row.cause is None:
                self._said.append((row.at, part, event))
            elif row.cause in asked and not (row.kind == "cash" and row.cause in acts and event.kind in OF_ACTIONS):
                asked[row.cause].append(event)  # else it is of our own making: a dividend, say

    def _answer(self, what: str, order_id: int) -> Sequence[VenueReport]:
        waiting = self._answers.get((what, order_id))
        return waiting.popleft() if waiting else ()

    def touches(self, event: MarketEvent) -> bool:
        return False

    def submit(self, approved: Approved, at: int) -> Sequence[VenueReport]:
        return self._answer("submit", approved.order.id)

    def replace(self, approved: Approved, at: int) -> Sequence[VenueReport]:
        return self._answer("replace", approved.order.id)

    def cancel(self, order_id: int, at: int) -> Sequence[VenueReport]:
        return self._answer("cancel", order_id)

    def match(self, events: Sequence[MarketEvent]) -> Sequence[VenueReport]:
        return ()

    def advance(self, at: int) -> Sequence[VenueReport]:
        said = self._said
        heard = []
        part = said[0][1] if said else 0
        while said and said[0][0] <= at and said[0][1] == part:
            heard.append(said.popleft()[2])
        self.due = said[0][0] if said else NEVER
        return heard

    def act(self, action: CorporateAction) -> Sequence[VenueReport]:
        return self._answer("act", 0)

    def open_orders(self) -> Sequence[Order]:
        return ()

    def positions(self) -> Mapping[tuple[str, str], Decimal]:
        return {}

    def cash(self) -> Mapping[str, Decimal]:
        return {}


class Parted(NamedTuple):
    """The first decision that is not the same, counted from 1; None where a side has none."""

    number: int
    recorded: Row | None
    replayed: Row | None

    @property
    def first(self) -> Row:
        """The earlier of the two."""
        return min((row for row in (self.recorded, self.replayed) if row is not None), key=lambda row: row.at)


def compare(recorded: Rows, replayed: Rows) -> ReplayResult:
    """Lay the decisions of two journals side by side."""
    number, digest = decision_hash(recorded)
    found = parting(recorded, replayed)
    if found is None:
        return ReplayResult(True, number, digest, None)
    said = f"decision {found.number}: recorded {_show(found.recorded)}, replayed {_show(found.replayed)}"
    return ReplayResult(False, number, digest, said)


def parting(recorded: Rows, replayed: Rows) -> Parted | None:
    """Where two journals part; None where they do not. What a session that broke off would have decided after its last row
    is no difference: it was not there any more to write it."""
    pairs = zip_longest(recorded.rows(DECISIONS), replayed.rows(DECISIONS))
    for number, (a, b) in enumerate(pairs, start=1):
        if a is None and b is not None and _broke_off(recorded, b.at):
            return None
        if a is None or b is None or _content(a) != _content(b):
            return Parted(number, a, b)
    return None


def _broke_off(recorded: Rows, at: int) -> bool:
    """Whether the record ends without an end, no later than `at`."""
    if any(True for _ in recorded.rows(("session.ended",))):
        return False
    own = [kind for kind in KINDS if kind not in (*INPUTS, "alert")]
    return max((row.at for row in recorded.rows(own)), default=0) <= at


def _content(row: Row) -> tuple[int, str, str | None, bytes]:
    return row.at, row.kind, row.strategy, row.body


def _show(row: Row | None) -> str:
    return "nothing" if row is None else f"{row.kind} at {row.at} by {row.strategy}: {row.body.decode()}"
