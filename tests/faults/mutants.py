"""Mutants: deliberate faults in our own code, each of which the harnesses have to notice. One that is not noticed is a hole.

Rules: a mutant is put in by replacing a function in a forked process, so that nothing of it stays. It is caught when one of the
first schedules (or points) is called wrong; what is called wrong then is shown.
Cost: see `python tests/faults/mutants.py`.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

import points
from counts import Counts

from onepath import recording, saving, snapshot
from onepath.chaos.disk import WatchedJournal
from onepath.chaos.schedules import own
from onepath.chaos.sweep import ran
from onepath.chaos.world import tail
from onepath.journal import lease
from onepath.ledger import Ledger
from onepath.outbox import Outbox
from onepath.streams import inbox
from onepath.streams.continuity import Trades, UnnumberedTrades
from onepath.streams.life import Life
from onepath.streams.line import Line


class Mutant(NamedTuple):
    """One fault of ours: what it is, how it is put in, and whether schedules or points are to notice."""

    name: str
    put_in: Callable[[], None]
    by: str = "schedules"


def _acknowledged_before_commit() -> None:
    WatchedJournal.commit = lambda self: None  # type: ignore[method-assign]


def _no_duplicate_check() -> None:
    take = Trades.take
    Trades.take = lambda self, t: (t,) if self.last and t.id <= self.last else take(self, t)  # type: ignore[method-assign]


def _no_gap_check() -> None:
    def take(self: Any, trade: Any) -> Any:
        if trade.id <= self.last:
            return ()
        self.last = trade.id
        return (trade,)

    Trades.take = take  # type: ignore[method-assign]


def _fill_out_of_order() -> None:
    fill = Trades.fill
    Trades.fill = lambda self, trades: fill(self, trades)[::-1]  # type: ignore[method-assign]


def _forming_is_closed() -> None:
    bar = Line.bar
    Line.bar = lambda self, found, *, closed: bar(self, found, closed=True)  # type: ignore[method-assign]


def _tail_skipped() -> None:
    batches = recording.SessionFeed.batches

    def all_but_the_last(self: Any) -> Iterator[Any]:
        waiting: list[Any] = []
        for batch in batches(self):
            waiting.append(batch)
            if len(waiting) > 2:
                yield waiting.pop(0)

    recording.SessionFeed.batches = all_but_the_last  # type: ignore[method-assign]


def _snapshot_without_venue() -> None:
    root = snapshot._root
    snapshot._root = lambda session: {**root(session), "venue": None}


def _snapshot_without_position() -> None:
    saving.Saved.position = property(lambda self: recording.Position({}, self.last_at))  # type: ignore[assignment]


def _lease_ignored() -> None:
    lease.fcntl.flock = lambda *_: None  # type: ignore[assignment]


def _never_stale() -> None:
    tell = Line._tell
    Line._tell = lambda self, status: None if status.state == "stale" else tell(self, status)  # type: ignore[method-assign]


def _losses_not_told() -> None:
    from msgspec.structs import replace

    tell = Line._tell
    Line._tell = lambda self, status: tell(self, replace(status, missed=0))  # type: ignore[method-assign]


def _wrong_key() -> None:
    take = Trades.take

    def by_price(self: Any, trade: Any) -> Any:
        before = getattr(self, "price", None)
        self.price = trade.price
        if trade.price == before and self.last:
            self.last = max(self.last, trade.id)
            return ()
        return take(self, trade)

    Trades.take = by_price  # type: ignore[method-assign]


def _acts_before_it_records() -> None:
    def batches(self: Any) -> Iterator[Any]:
        for batch in self._feed.batches():
            yield batch
            for item in batch.news:
                self._journal.append(item.at, "data.status" if hasattr(item, "state") else "time", None, item)
            if batch.size:
                events = [event for event, _ in batch.events()]
                self._journal.append(events[0].at, "market", None, events)
                self.position.reached(events)

    recording.Recorded.batches = batches  # type: ignore[method-assign]


def _damage_not_noticed() -> None:
    verify = tail.verify
    tail.verify = lambda *how: verify(*how)._replace(damage="", lost=0)


def _time_goes_back() -> None:
    def put(self: Any, event: Any) -> None:
        inbox._stamp(event, "at", self._clock.now())
        self._events.append(event)

    inbox.Inbox.put = put  # type: ignore[method-assign]
    from onepath.feeds import live

    def unsorted(self: Any, found: Any) -> Iterator[Any]:
        for item in found:
            yield live.Arrival((), [item]) if hasattr(item, "state") else live.Arrival([item])

    live.LiveFeed._sorted = unsorted  # type: ignore[method-assign]


def _fills_booked_twice() -> None:
    apply = Ledger.apply

    def twice(self: Any, fill: Any) -> Any:
        if fill.id % 7 == 0:
            apply(self, fill)
        return apply(self, fill)

    Ledger.apply = twice  # type: ignore[method-assign]


def _silence_is_believed() -> None:
    tick = Life.tick
    Life.tick = lambda self, now: () if self.state == "up" else tick(self, now)  # type: ignore[method-assign]


def _late_twins_pass() -> None:
    UnnumberedTrades._was_fetched = lambda self, trade: False  # type: ignore[method-assign]


def _resume_sends_again() -> None:
    init = Outbox.__init__
    Outbox.__init__ = lambda self, venue, journal, send, known=(): init(self, venue, journal, send, ())  # type: ignore[method-assign]


def _sent_before_flush() -> None:
    def leaves(self: Any, what: str, order_id: int, order: Any) -> None:
        name = self.name(what, order_id)
        if name not in self._known:
            self._send(name, what, order)
            self._journal.flush()

    Outbox._leaves = leaves  # type: ignore[method-assign]


MUTANTS = (
    Mutant("acknowledged before the commit", _acknowledged_before_commit),
    Mutant("no duplicate check", _no_duplicate_check),
    Mutant("no gap check", _no_gap_check),
    Mutant("back-fill out of order", _fill_out_of_order),
    Mutant("a forming candle is taken as closed", _forming_is_closed),
    Mutant("recovery skips the end of the record", _tail_skipped),
    Mutant("a snapshot without the venue", _snapshot_without_venue),
    Mutant("a snapshot without the feed's position", _snapshot_without_position),
    Mutant("the lease is ignored", _lease_ignored),
    Mutant("staleness is never told", _never_stale),
    Mutant("losses are not told", _losses_not_told),
    Mutant("trades told apart by the wrong key", _wrong_key),
    Mutant("acts before it records", _acts_before_it_records),
    Mutant("damage is not noticed", _damage_not_noticed),
    Mutant("arrival times go back with the clock", _time_goes_back),
    Mutant("fills are booked twice", _fills_booked_twice),
    Mutant("silence is always believed", _silence_is_believed),
    Mutant("a trade that was fetched is taken again when it comes late", _late_twins_pass),
    Mutant("going on sends again what was sent", _resume_sends_again, "points"),
    Mutant("sent before it is durable", _sent_before_flush, "points"),
)
MOST = 240
"""schedules that each has to be noticed in"""


def noticed(mutant: Mutant) -> str:
    """What is called wrong with this mutant in; empty: nothing is. In a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = ""
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            mutant.put_in()
            text = _by_points() if mutant.by == "points" else _by_schedules()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        finally:
            os.write(writing, text.encode()[:2_000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


def _noticed(number: int) -> str:
    return noticed(MUTANTS[number])


def _by_schedules() -> str:
    for seed in range(1, MOST):
        done = ran(own(seed))
        if done.wrong:
            return f"seed {seed}: {done.wrong[0]}"
    return ""


def _by_points() -> str:
    for seed in (1, 2):
        bad = points.run(24, seed).bad
        if bad:
            return bad[0]
    return ""


def run(progress: Callable[[int, int], None] | None = None, told: Callable[[str], None] | None = None) -> Counts:
    """Put each in, and see whether it is noticed; two at a time."""
    happened: Counter[str] = Counter()
    missed = []
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        for number, (mutant, text) in enumerate(zip(MUTANTS, pool.map(_noticed, range(len(MUTANTS))), strict=True), 1):
            happened["noticed"] += bool(text)
            if not text:
                missed.append(f"nobody notices the mutant: {mutant.name}")
            if progress is not None:
                progress(number, len(MUTANTS))
            if told is not None:
                told(f"{mutant.name}: {text[:200] or 'NOT NOTICED'}")
    caught = len(MUTANTS) - len(missed)
    return Counts("mutants", len(MUTANTS), happened, tuple(missed), caught, len(MUTANTS))


if __name__ == "__main__":
    began = time.perf_counter()
    print(run(told=lambda line: print(line, flush=True)))  # noqa: T201
    print(f"{time.perf_counter() - began:.1f} s", file=sys.stdout)  # noqa: T201
