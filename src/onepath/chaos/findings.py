"""What a user's strategy did in the simulated world that is worth knowing, though no invariant is broken."""

from __future__ import annotations

from collections.abc import Iterator

from onepath.chaos.world import Found
from onepath.events import DataState, StrategyEnded
from onepath.journal.codec import decode


def findings(found: Found) -> Iterator[str]:
    """Each in a sentence without times, so that equal ones can be counted."""
    stale: set[tuple[str, str]] = set()
    for row in found.rows:
        if row.kind == "data.status":
            status = decode(row)
            key = status.symbol, status.stream
            if status.state is DataState.STALE:
                stale.add(key)
            elif status.state is DataState.RECOVERED:
                stale.discard(key)
        elif row.kind == "order.submitted" and any(symbol in ("", decode(row).symbol) for symbol, _ in stale):
            yield f"{row.strategy} sent orders for a symbol whose data were stale (ask context.is_stale first)"
        elif row.kind == "strategy.ended":
            ended: StrategyEnded = decode(row)
            if ended.status in ("failed", "quarantined"):
                yield f"{ended.strategy} {ended.status} at {ended.where}: {ended.error}"
        elif row.kind == "alert" and decode(row).code == "no_snapshots":
            yield f"no snapshots, recovery runs the whole session again: {decode(row).text}"
