"""The proof: a recorded session, run again over what it saw, decides the same.

Rules: market events come from the same data, what the venue said comes from the journal, never from a simulation; only the
strategy and the checks run anew. Decisions are compared in order, byte for byte: time, kind, strategy, body.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple, Protocol

from onepath.events import OrderReport
from onepath.journal.codec import DECISIONS, REPORTS, decode
from onepath.market import MarketEvent
from onepath.orders import Approved, Order
from onepath.ports import Row


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


class RecordedVenue:
    """A venue that says what a journal says it said."""

    def __init__(self, recorded: Rows) -> None:
        self._answers: dict[tuple[str, int], list[OrderReport]] = {}
        self._market: dict[int, list[OrderReport]] = {}
        self.working: set[str] = set()
        self._read(recorded)

    def _read(self, recorded: Rows) -> None:
        asked: dict[int, tuple[str, int]] = {}
        for row in recorded.rows((*REPORTS, "order.submitted", "order.cancel_requested")):
            event = decode(row)
            if row.kind == "order.submitted":
                asked[row.seq] = ("submit", event.id)
            elif row.kind == "order.cancel_requested":
                asked[row.seq] = ("cancel", event.order_id)
            elif row.cause is None:
                self._market.setdefault(row.at, []).append(event)
                self.working.add(event.symbol)
            else:
                self._answers.setdefault(asked[row.cause], []).append(event)

    def submit(self, approved: Approved, at: int) -> Sequence[OrderReport]:
        return self._answers.pop(("submit", approved.order.id), ())

    def cancel(self, order_id: int, at: int) -> Sequence[OrderReport]:
        return self._answers.pop(("cancel", order_id), ())

    def match(self, events: Sequence[MarketEvent]) -> Sequence[OrderReport]:
        return self._market.pop(events[0].at, ())

    def open_orders(self) -> Sequence[Order]:
        return ()

    def positions(self) -> Mapping[tuple[str, str], Decimal]:
        return {}

    def cash(self) -> Mapping[str, Decimal]:
        return {}


def compare(recorded: Rows, replayed: Rows) -> ReplayResult:
    """Lay the decisions of two journals side by side."""
    number, digest = decision_hash(recorded)
    for index, (a, b) in enumerate(zip_longest(recorded.rows(DECISIONS), replayed.rows(DECISIONS)), start=1):
        if a is None or b is None or _content(a) != _content(b):
            return ReplayResult(False, number, digest, f"decision {index}: recorded {_show(a)}, replayed {_show(b)}")
    return ReplayResult(True, number, digest, None)


def _content(row: Row) -> tuple[int, str, str | None, bytes]:
    return row.at, row.kind, row.strategy, row.body


def _show(row: Row | None) -> str:
    return "nothing" if row is None else f"{row.kind} at {row.at} by {row.strategy}: {row.body.decode()}"
