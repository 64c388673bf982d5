"""What a person should look at: rules over what is seen of a session and what it records, each told once in a while.

Rules: an alert has a code and a subject; the same of both is raised once in `window` seconds, and then with how often it was
seen. An alert is output: it is journaled, logged and called back, and nothing in the session ever reads one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from onepath.events import Alert
from onepath.monitor.rows import fields_of
from onepath.monitor.view import View
from onepath.ports import Row

_SECOND = 1_000_000_000


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """When something is worth an alert."""

    stale_after: float = 10.0
    """seconds that a stream is stale"""
    queue_share: float = 0.5
    """share of the queue of incoming events that is taken"""
    rows_waiting: int = 20_000
    """rows of the journal that wait for the disk"""
    lag: float = 2.0
    """seconds between the venue's time and ours, either way"""
    disk_free_mb: float = 500.0
    call_share: float = 0.5
    """share of the time budget that one in a hundred calls of a strategy takes"""
    window: float = 300.0
    """seconds in which the same is said once"""


class Found(NamedTuple):
    """Something that is so now; `subject` tells it from others of its code."""

    code: str
    subject: str
    severity: str
    text: str
    strategy: str = ""
    symbol: str = ""


class Alerts:
    """Raises what is new of what was found."""

    def __init__(self, rules: Rules | None = None, budget: float | None = None) -> None:
        """`budget` is the time that a call of a strategy may take, in seconds, where there is one."""
        self.rules = rules or Rules()
        self.raised = 0
        self._budget = budget
        self._since: dict[str, int] = {}
        self._told: dict[tuple[str, str], list[int]] = {}
        """by code and subject: when it was raised last, and how often it was seen since"""

    def look(self, view: View, rows: Iterable[Row], disk_free_mb: float | None = None) -> list[Alert]:
        """The alerts that a view and newly recorded rows give rise to."""
        found = [*self._in(view), *_recorded(rows)]
        if disk_free_mb is not None and disk_free_mb < self.rules.disk_free_mb:
            found.append(
                Found("disk_low", "", "critical", f"{disk_free_mb:,.0f} MB are left on the disk of the journal")
            )
        return [alert for one in found if (alert := self.raise_(one, view.wall)) is not None]

    def raise_(self, found: Found, now: int) -> Alert | None:
        """The alert, unless the same was raised within the window."""
        told = self._told.get((found.code, found.subject))
        if told is not None and now - told[0] < self.rules.window * _SECOND:
            told[1] += 1
            return None
        again = f" ({told[1]} times more since the last alert)" if told and told[1] else ""
        self._told[found.code, found.subject] = [now, 0]
        self.raised += 1
        return Alert(
            code=found.code,
            severity=found.severity,
            text=found.text + again,
            strategy=found.strategy,
            symbol=found.symbol,
        )

    def _in(self, view: View) -> Iterator[Found]:
        rules, feed = self.rules, view.feed
        yield from self._stale(view)
        if feed.queue_room and feed.queue > rules.queue_share * feed.queue_room:
            share = f"{feed.queue:,} of {feed.queue_room:,} places"
            yield Found("queue_high", "", "warning", f"the queue of incoming events is filling up: {share} are taken")
        waiting = view.rows - view.durable
        if waiting > rules.rows_waiting:
            yield Found("journal_slow", "", "warning", f"{waiting:,} rows of the journal wait for the disk")
        if feed.lag_ms is not None and abs(feed.lag_ms) > rules.lag * 1e3:
            text = f"events arrive {feed.lag_ms / 1e3:,.1f} s after the venue's time: the network is slow, or a clock is wrong"
            yield Found("clock_skew", "", "warning", text)
        for book in view.books:
            p99 = book.took.p99_us
            if self._budget is not None and p99 is not None and p99 > rules.call_share * self._budget * 1e6:
                text = f"one call in a hundred of {book.strategy} takes {p99 / 1e3:,.0f} ms; {self._budget * 1e3:,.0f} ms end it"
                yield Found("strategy_slow", book.strategy, "warning", text, book.strategy)

    def _stale(self, view: View) -> Iterator[Found]:
        stale = {stream.name for stream in view.feed.streams if stream.state == "stale"}
        self._since = {name: self._since.get(name, view.wall) for name in stale}
        for name, since in self._since.items():
            seconds = (view.wall - since) / _SECOND
            if seconds >= self.rules.stale_after:
                yield Found(
                    "data_stale",
                    name,
                    "warning",
                    f"nothing is heard of {name} for {seconds:,.0f} s",
                    "",
                    name.split(" ")[0],
                )


def _recorded(rows: Iterable[Row]) -> Iterator[Found]:
    """What the journal says: a breaker that has tripped."""
    for row in rows:
        if row.kind == "trading_state":
            change = fields_of(row)
            if change.get("breaker"):
                scope = str(change.get("scope", ""))
                text = f"{change['breaker']} stops {scope or 'the session'} ({change['state']}): {change['reason']}"
                yield Found("breaker_tripped", f"{scope} {change['breaker']}", "critical", text, scope)
