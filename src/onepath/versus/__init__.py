"""Two sessions side by side: whether they are the same, where they part and why, and what of the difference each cause made."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from onepath.chains import Chain, chain
from onepath.journal.codec import DECISIONS
from onepath.ledger import EXACT
from onepath.ports import Row
from onepath.replay import Parted, Rows, decision_hash
from onepath.versus.inputs import SHOWN, Inputs, compared
from onepath.versus.reading import Told, matched, told
from onepath.versus.settings import Setting, settings
from onepath.versus.shares import Share, shares

_TIMES = ("submitted_at", "expires_at")
_SAME_MOMENT = 60_000_000_000
"""nanoseconds by which the same event may have arrived at another time"""


class Versus(NamedTuple):
    """What came of a comparison."""

    one: Told
    two: Told
    profits: tuple[Decimal, Decimal]
    difference: Decimal
    """of the profits: the sum of the shares"""
    shares: list[Share]
    settings: list[Setting]
    inputs: Inputs
    matched: int
    """orders that are the same decision"""
    alone: tuple[int, int]
    """orders of one session only"""
    decisions: tuple[tuple[int, str], tuple[int, str]]
    """number and hash of each"""
    chain: Chain | None
    notes: tuple[str, ...]
    """what could not be compared"""

    @property
    def identical(self) -> bool:
        """Whether nothing at all is not the same."""
        same = not (self.settings or self.inputs.differences or self.inputs.shifted or self.chain)
        return same and self.decisions[0] == self.decisions[1] and not any(share.number for share in self.shares)

    @property
    def first_shown(self) -> list[dict[str, Any]]:
        """The first events that are not the same."""
        return [difference._asdict() for difference in self.inputs.differences[:SHOWN]]


def versus(one: Path, two: Path, home: Path) -> Versus:
    """Compare the sessions of two journals. Raises JournalError."""
    return laid_side_by_side(told(one, home), told(two, home))


def laid_side_by_side(a: Told, b: Told) -> Versus:
    """The comparison of two sessions that were read."""
    with localcontext(EXACT):
        inputs = compared(a.seen, b.seen)
        differing = settings(a.started, b.started)
        pairs, only, others = matched(a, b)
        made = shares(a, b, pairs, (only, others), inputs, differing)
        profits = a.profit, b.profit
        difference = profits[0] - profits[1]
    parted = _parting(a, b)
    found = None if parted is None else _chain(parted, a, b)
    decided = decision_hash(a.rows), decision_hash(b.rows)
    counts = len(only), len(others)
    return Versus(
        a, b, profits, difference, made, differing, inputs, len(pairs), counts, decided, found, tuple(_notes(a, b))
    )


def _chain(parted: Parted, a: Told, b: Told) -> Chain:
    found = chain(parted, a.rows, b.rows, a.brought(), b.brought(), within=_SAME_MOMENT)
    return found._replace(names=(a.session_id, b.session_id))


def _parting(a: Told, b: Told) -> Parted | None:
    """The first decision that is not the same but for its time; else the first at another time."""
    alone = len(a.strategies) == 1 == len(b.strategies)
    by_time = None
    for number, (x, y) in enumerate(zip_longest(_decided(a.rows), _decided(b.rows)), start=1):
        if x is None or y is None or _said(x, alone) != _said(y, alone):
            return Parted(number, x, y)
        if by_time is None and x.at != y.at:
            by_time = Parted(number, x, y)
    return by_time


def _decided(rows: Rows) -> Iterator[Row]:
    return rows.rows(DECISIONS)


def _said(row: Row, alone: bool) -> tuple[Any, ...]:
    body = msgspec.json.decode(row.body)
    for inner in (body, body.get("order")):
        if isinstance(inner, dict):
            for name in (*_TIMES, *(("strategy",) if alone else ())):
                inner.pop(name, None)
    return row.kind, None if alone else row.strategy, body


def _notes(a: Told, b: Told) -> Iterator[str]:
    """What could not be compared."""
    for session in (a, b):
        if session.seen is None:
            yield f"the data of session {session.session_id} are not there any more: data and clock are not compared"
        if not any(True for _ in session.rows.rows(("session.ended",))):
            yield f"session {session.session_id} has no end: it runs, or it broke off"
    both = {str(row["symbol"]) for row in a.started.instruments} & {str(row["symbol"]) for row in b.started.instruments}
    if not both:
        yield "the sessions have no instrument in common: only their results stand side by side"
    if len(a.strategies) != 1 or len(b.strategies) != 1:
        for name in sorted(set(a.strategies) ^ set(b.strategies)):
            yield f"strategy {name} is in one session alone"
    elif a.strategies != b.strategies:
        yield f"strategy {a.strategies[0]} of the one is compared with {b.strategies[0]} of the other"
