"""A feed over a venue's live data: history up to now, then what arrives, as it arrives.

Rules: time is that of arrival: an event's `at` is when it was received, and no two events share an instant, so that what is
decided depends on the order of arrival alone. Bars of history keep the time at which they closed. Where nothing arrives but
somebody has something to do (a timer, a report on its way), the feed says that time has passed; it decides nothing.
Limits: history is of bars. Cost: an event that arrives is handed on as it is; a batch is what has arrived, 1,000 events at most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from onepath.events import DataState, DataStatus, TimePassed
from onepath.instruments import Instrument
from onepath.market import Bar, MarketEvent
from onepath.ports import NEVER, Batch, Clock, News, Source

BATCH = 1_000
POLL = 0.2
"""seconds after which it looks whether somebody has something to do, where nothing arrives"""


class Attended(Protocol):
    """Who the feed works for: the engine."""

    @property
    def next_due(self) -> int:
        """When it next has something to do by itself."""

    @property
    def stopping(self) -> bool:
        """Whether it wants no more."""

    @property
    def rehearses(self) -> bool:
        """Whether history is being shown."""

    @property
    def wants_history(self) -> int:
        """Bars of each symbol that it asks for."""


class Arrival:
    """What has arrived: events, each an instant of its own, or news."""

    def __init__(self, events: Sequence[MarketEvent], news: Sequence[News] = ()) -> None:
        self.size = len(events)
        self.news = news
        self.rows = events

    def events(self) -> Iterator[tuple[MarketEvent, bool]]:
        following = [event.at for event in self.rows[1:]]
        for event, at in zip(self.rows, [*following, None], strict=False):
            yield event, event.at != at

    def columns(self, symbol: str) -> Mapping[str, Sequence[float]] | None:
        return None


class LiveFeed:
    """`source`, as long as it is wanted. Give it the engine with `attend` before the first batch."""

    total: int | None = None

    def __init__(
        self,
        source: Source,
        clock: Clock,
        *,
        until: int | None = None,
        history: int | None = None,
        known: Mapping[tuple[str, str], MarketEvent] | None = None,
        since: int = 0,
    ) -> None:
        """`until` ends it (nanoseconds); `history` bars are shown first (None: as many as are asked for). A session that goes on
        knows its last events by (symbol, kind), and the moment `since` which nothing may come before."""
        self.instruments: Mapping[str, Instrument] = source.instruments
        self.volumes: Collection[str] = source.volumes
        self.kinds: Mapping[str, Collection[str]] = source.kinds
        self.source = source
        self._clock = clock
        self._until = NEVER if until is None else until
        self._history = history
        self._known = known
        self._last = since
        self._attended: Attended | None = None
        self._stopped = False

    def attend(self, engine: Attended) -> None:
        """Work for this engine."""
        self._attended = engine

    def stop(self) -> None:
        """End after what has been handed out; from any thread."""
        self._stopped = True
        self.source.wake()

    def batches(self) -> Iterator[Batch]:
        try:
            if self._known is None or self._engine.rehearses or not self._last:
                yield from self._recalled()
            else:
                yield from self._resumed(self._known)
            yield from self._arriving()
        finally:
            self.source.stop()

    def _recalled(self) -> Iterator[Batch]:
        """History, or what a session that broke off in it has not seen of it, then the word that what follows is live."""
        wanted = self._engine.wants_history if self._history is None else self._history
        known = self.source.history(wanted) if wanted else ()
        bars = [bar for bar in known if bar.at > self._last]
        if bars:
            if not self._engine.rehearses:
                yield Arrival((), [DataStatus(at=bars[0].at - 1, state=DataState.HISTORY)])
            yield from _instants(bars)
            self._last = bars[-1].at
        self.source.start({(bar.symbol, "bars"): bar for bar in known})
        yield Arrival((), [DataStatus(at=self._now(), state=DataState.LIVE)])

    def _resumed(self, known: Mapping[tuple[str, str], MarketEvent]) -> Iterator[Batch]:
        """Nothing was heard since the record ended; what came meanwhile is fetched, and the source says when it has been."""
        since = self._last
        for symbol, kinds in self.kinds.items():
            for kind in kinds:
                told = DataStatus(
                    at=self._now(),
                    state=DataState.STALE,
                    symbol=symbol,
                    stream=kind,
                    reason="the session was not running",
                    since=since,
                )
                yield Arrival((), [told])
        self.source.start(known, since)

    def _arriving(self) -> Iterator[Batch]:
        engine, clock = self._engine, self._clock
        while not (self._stopped or engine.stopping):
            now = clock.now()
            if now >= self._until:
                return
            wait = (min(self._until, engine.next_due + 1) - now) / 1e9
            found = self.source.take(min(POLL, max(0.0, wait)))
            if found:
                yield from self._sorted(found)
            elif clock.now() > engine.next_due and not (self._stopped or engine.stopping):
                yield Arrival((), [TimePassed(self._now())])

    def _sorted(self, found: Sequence[MarketEvent | DataStatus]) -> Iterator[Batch]:
        """Batches of events, and between them what the feed says of itself."""
        events: list[MarketEvent] = []
        last = self._last
        for item in found:
            last = item.at if item.at > last else last + 1
            timed = item if item.at == last else replace(item, at=last)
            if isinstance(timed, DataStatus):
                if events:
                    yield Arrival(events)
                    events = []
                yield Arrival((), [timed])
            else:
                events.append(timed)
                if len(events) == BATCH:
                    yield Arrival(events)
                    events = []
            self._last = last
        if events:
            yield Arrival(events)

    def _now(self) -> int:
        """The present, after everything that was handed out."""
        self._last = max(self._clock.now(), self._last + 1)
        return self._last

    @property
    def _engine(self) -> Attended:
        if self._attended is None:
            raise RuntimeError("a live feed works for an engine: call attend first")
        return self._attended

    def describe(self) -> Mapping[str, Any]:
        return self.source.describe()

    def fingerprint(self) -> str:
        """Of what has been handed out nothing is kept here: the record has it."""
        return ""


def _instants(bars: Sequence[Bar]) -> Iterator[Batch]:
    """Batches of whole instants: several symbols' bars end at one."""
    first = 0
    while first < len(bars):
        stop = min(first + BATCH, len(bars))
        while stop < len(bars) and bars[stop].at == bars[stop - 1].at:
            stop += 1
        yield Arrival(bars[first:stop])
        first = stop
