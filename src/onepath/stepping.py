"""A session walked through, one instant after the other: what came, what each strategy was told, what was written, the books.

Rules: it is the session's own loop that runs; here one only looks on after each instant. What a strategy is told is noted by a
subclass that passes every call on, so that nobody is called who would not have been.
Cost: what it takes to look: for walking, not for running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from onepath.errors import TransitionError
from onepath.feeds.over import Over
from onepath.journal.codec import encode
from onepath.journal.memory import MemoryJournal
from onepath.market import MarketEvent
from onepath.ports import Batch, Feed, News, Row
from onepath.session import Progress, Session
from onepath.strategy import Strategy, overridden

CALLS = (
    *("on_start", "on_market_event", "on_bar", "generate_orders", "on_order_update", "on_corporate_action"),
    *("on_data_status", "on_timer", "on_stop"),
)


class Told(NamedTuple):
    """One call of a strategy, with what it was given."""

    strategy: str
    call: str
    given: tuple[Any, ...]


class Stepped(NamedTuple):
    """What happened in one instant; the last one of a session has neither events nor news."""

    at: int
    done: int
    """events so far"""
    total: int | None
    news: Sequence[News]
    events: Sequence[MarketEvent]
    told: Sequence[Told]
    rows: Sequence[Row]
    over: bool = False
    """whether the session has ended with it"""


class Kept(MemoryJournal):
    """A journal in memory that hands out what is new."""

    def __init__(self) -> None:
        super().__init__("replay")
        self._fresh: list[Row] = []

    def append(self, at: int, kind: str, strategy: str | None, event: Any, cause: int | None = None) -> int:
        seq = super().append(at, kind, strategy, event, cause)
        self._fresh.append(Row(seq, at, kind, strategy, cause, encode(event)))
        return seq

    def fresh(self) -> list[Row]:
        """The rows since the last time."""
        rows, self._fresh = self._fresh, []
        return rows


class Walk:
    """Runs a session, and shows each instant to `look`, which says whether to go on."""

    def __init__(self, session: Session, journal: Kept, look: Callable[[Stepped], bool]) -> None:
        """The session is one that has not run, over a feed of single instants."""
        self.session = session
        self._journal = journal
        self._look = look
        self._told: list[Told] = []
        self._progress = Progress(0, session.plan.feed.total, 0)
        self._watched = _Watched(session.plan.feed)
        session.plan = session.plan._replace(feed=self._watched)
        session.after_batch.append(self._after)
        for seat in session.plan.strategies:
            _listening(seat.name, seat.strategy, self._told.append)
        self.left = False
        """whether it was left before its end"""

    def run(self) -> None:
        """Walk to the end, or until `look` wants no more."""
        with suppress(
            TransitionError
        ):  # recorded fills do not fit the orders of now: the comparison says where they parted
            self.session.run(self._note)
        if not self.left:
            self._show(over=True)

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    def _after(self) -> None:
        if not self._show(over=False):
            self.left = True
            self.session.stop()

    def _show(self, *, over: bool) -> bool:
        batch = None if over else self._watched.given
        told, self._told[:] = tuple(self._told), ()
        events = () if batch is None else [event for event, _ in batch.events()]
        news = () if batch is None else batch.news
        at = max([self._progress.at, *(item.at for item in news)])
        seen = Stepped(at, self._progress.done, self._progress.total, news, events, told, self._journal.fresh(), over)
        return self._look(seen)


class _Watched(Over):
    """A feed that remembers what it handed out last."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self.given: Batch | None = None

    def batches(self) -> Iterator[Batch]:
        for batch in self._feed.batches():
            self.given = batch
            yield batch


def _listening(name: str, strategy: Strategy, note: Callable[[Told], None]) -> None:
    """Let `note` hear of every call of a strategy."""
    made = type(strategy)
    calls = {call: _telling(name, call, getattr(made, call), note) for call in CALLS if overridden(strategy, call)}
    strategy.__class__ = type(made.__name__, (made,), {"__module__": made.__module__, "__doc__": made.__doc__, **calls})


def _telling(name: str, call: str, method: Callable[..., Any], note: Callable[[Told], None]) -> Callable[..., Any]:
    def telling(strategy: Strategy, *given: Any) -> Any:
        note(Told(name, call, given[:-1]))  # the last is the context
        return method(strategy, *given)

    return telling
