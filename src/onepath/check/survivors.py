"""Survivorship: whether the data know of anything that did not make it to the end.

Rules: a symbol ends early where its last event is more than a month (or a twentieth of the history, if that is less) before the
last of all. A list of symbols none of which ever ended was as a rule chosen by who is still there, and a strategy over it
was never offered the losers. A universe with dates, or one symbol alone, is another matter.
Limits: an index, a coin or a currency pair has no delisting; of fewer than five symbols nothing is said.
"""

from __future__ import annotations

from typing import NamedTuple

from onepath.ports import Feed

FEW = 5
_MONTH = 30 * 86_400 * 1_000_000_000


class Survivors(NamedTuple):
    """Which symbols there are, and which of them ended before the data did."""

    symbols: int
    ended: tuple[str, ...]
    began_late: tuple[str, ...]
    dated: bool
    """the session follows a universe with dates"""

    @property
    def suspicious(self) -> bool:
        """Whether only those that survived seem to be here."""
        return self.symbols >= FEW and not self.ended and not self.dated


def survivors(feed: Feed, dated: bool) -> Survivors:
    """Read the feed once."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for batch in feed.batches():
        for event, _ in batch.events():
            first.setdefault(event.symbol, event.at)
            last[event.symbol] = event.at
    if not last:
        return Survivors(len(feed.instruments), (), (), dated)
    begin, end = min(first.values()), max(last.values())
    slack = min(_MONTH, (end - begin) // 20)
    ended = tuple(symbol for symbol, at in last.items() if at < end - slack)
    late = tuple(symbol for symbol, at in first.items() if at > begin + slack)
    return Survivors(len(feed.instruments), ended, late, dated)
