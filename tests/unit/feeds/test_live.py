"""A feed over what happens now: history, then what arrives, in an order of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from onepath import Instrument
from onepath.events import DataState, DataStatus, TimePassed
from onepath.feeds.live import BATCH, LiveFeed
from onepath.market import Bar, BookUpdate, Quote, Trade, kind_of
from onepath.ports import NEVER

SECOND = 1_000_000_000


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 100 * SECOND

    def now(self) -> int:
        return self.at

    def wait_until(self, at: int) -> None:
        self.at = at


class Engine:
    """Who the feed works for."""

    def __init__(self, wants: int = 0) -> None:
        self.next_due = NEVER
        self.stopping = False
        self.rehearses = False
        self.wants_history = wants


class Given:
    """A source that hands over what it was given, a list a time; nothing more: time passes."""

    def __init__(self, clock: Hand, *lists: Sequence[Any], history: Sequence[Bar] = ()) -> None:
        self.instruments = {"X": Instrument(symbol="X")}
        self.kinds = {"X": ("bars", "trades")}
        self.volumes = ("X",)
        self.calls: list[Any] = []
        self._clock = clock
        self._lists = list(lists)
        self._history = history

    def describe(self) -> Mapping[str, Any]:
        return {"source": "given"}

    def history(self, bars: int) -> Sequence[Bar]:
        self.calls.append(("history", bars))
        return self._history[-bars:]

    def start(self, after: Mapping[tuple[str, str], Any], since: int = 0) -> None:
        self.calls.append(("start", dict(after), since))

    def take(self, seconds: float) -> Sequence[Any]:
        if self._lists:
            return self._lists.pop(0)
        self._clock.at += round(seconds * SECOND) + 1
        return ()

    def wake(self) -> None:
        self.calls.append("wake")

    def stop(self) -> None:
        self.calls.append("stop")

    def health(self) -> Mapping[str, Any]:
        return {}


def trade(at: int, price: float = 1.0) -> Trade:
    return Trade("X", at, price, 1.0)


def bar(end: int) -> Bar:
    return Bar("X", (end - 1) * SECOND, end * SECOND, 1.0, 1.0, 1.0, 1.0, 1.0)


def brought(feed: LiveFeed) -> list[Any]:
    """News and events of all batches, in order."""
    return [item for batch in feed.batches() for item in (*batch.news, *(event for event, _ in batch.events()))]


def over(source: Given, clock: Hand, engine: Engine | None = None, **how: Any) -> LiveFeed:
    feed = LiveFeed(source, clock, until=how.pop("until", 101 * SECOND), **how)
    feed.attend(engine or Engine())
    return feed


def test_history_comes_first_and_is_said_to_be_history() -> None:
    """Bars of history keep their times; they stand between the words that history begins and that what follows is live."""
    clock = Hand()
    bars = [bar(98), bar(99)]
    source = Given(clock, [trade(100 * SECOND + 5)], history=bars)
    found = brought(over(source, clock, Engine(wants=2)))
    assert found == [
        DataStatus(at=98 * SECOND - 1, state=DataState.HISTORY),
        *bars,
        DataStatus(at=100 * SECOND, state=DataState.LIVE),
        trade(100 * SECOND + 5),
    ]
    assert source.calls == [("history", 2), ("start", {("X", "bars"): bars[1]}, 0), "stop"]


def test_as_many_bars_of_history_as_are_asked_for() -> None:
    """The configuration's number stands before what strategies want; none at all asks for none."""
    clock = Hand()
    source = Given(clock)
    brought(over(source, clock, Engine(wants=2), history=7))
    brought(over(source, clock, Engine(wants=2), history=0))
    assert [call for call in source.calls if call[0] == "history"] == [("history", 7)]


def test_no_two_events_share_an_instant() -> None:
    """What is stamped with a time that has been handed out comes a nanosecond after it: 10, 10, 9 become 10, 11, 12."""
    clock = Hand()
    at = 100 * SECOND + 10
    found = brought(over(Given(clock, [trade(at, 1.0), trade(at, 2.0)], [trade(at - 1, 3.0)]), clock))
    assert [(event.at - at, event.price) for event in found[1:]] == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_what_the_feed_says_of_itself_divides_batches() -> None:
    """A status comes between the events before and after it, as news of a batch without events."""
    clock = Hand()
    at = 100 * SECOND
    status = DataStatus(at=at + 2, state=DataState.STALE, symbol="X")
    feed = over(Given(clock, [trade(at + 1), status, trade(at + 3)]), clock)
    sizes = [(batch.size, [type(item) for item in batch.news]) for batch in feed.batches()]
    assert sizes == [(0, [DataStatus]), (1, []), (0, [DataStatus]), (1, [])]


def test_each_event_is_the_last_of_its_instant() -> None:
    """A batch of three says three times that the instant is over, and gives no columns."""
    clock = Hand()
    feed = over(Given(clock, [trade(100 * SECOND + n) for n in (1, 2, 3)]), clock)
    batch = list(feed.batches())[1]
    assert [last for _, last in batch.events()] == [True, True, True]
    assert batch.columns("X") is None


def test_batches_are_bounded() -> None:
    """What has arrived is handed on a thousand events at a time; so is history."""
    clock = Hand()
    many = [trade(100 * SECOND + n) for n in range(1, 2 * BATCH + 2)]
    assert [b.size for b in over(Given(clock, many), clock).batches()] == [0, BATCH, BATCH, 1]
    clock = Hand()
    bars = [Bar("X", n, n + 1, 1.0, 1.0, 1.0, 1.0, 1.0) for n in range(BATCH + 1)]
    assert [b.size for b in over(Given(clock, history=bars), clock, history=BATCH + 1).batches()] == [0, BATCH, 1, 0]


def test_a_batch_of_history_ends_with_an_instant() -> None:
    """A thousand bars and two more that end when the thousandth does are one batch; the next instant is in the next."""
    clock = Hand()
    bars = [Bar("X", n, min(n, 999), 1.0, 1.0, 1.0, 1.0, 1.0) for n in range(BATCH + 2)]
    bars.append(Bar("X", 2_000, 2_001, 1.0, 1.0, 1.0, 1.0, 1.0))
    feed = over(Given(clock, history=bars), clock, history=BATCH + 3)
    assert [batch.size for batch in feed.batches()] == [0, BATCH + 1, 1, 0]


def test_time_passes_where_somebody_waits_for_it() -> None:
    """Nothing arrives, and something is due in half a second: right behind that moment the feed says that time has passed."""
    clock, engine = Hand(), Engine()
    feed = over(Given(clock), clock, engine)
    stream = feed.batches()
    assert isinstance(next(stream).news[0], DataStatus)
    engine.next_due = 100 * SECOND + SECOND // 2
    (passed,) = next(stream).news
    assert isinstance(passed, TimePassed)
    assert engine.next_due < passed.at <= engine.next_due + 10
    engine.next_due = NEVER
    assert list(stream) == []


def test_a_command_is_heard_though_nothing_happens() -> None:
    """Somebody waits to be heard at once: the feed says that time has passed at its next look."""
    clock, engine = Hand(), Engine()
    stream = over(Given(clock), clock, engine).batches()
    next(stream)
    engine.next_due = -NEVER
    assert next(stream).news == [TimePassed(100 * SECOND + 1)]


@pytest.mark.parametrize("how", ["feed", "engine"])
def test_it_ends_when_it_is_told(how: str) -> None:
    """Told to stop, by itself or by the engine, it hands out nothing more, not even that time has passed, and lets go."""
    clock, engine = Hand(), Engine()
    source = Given(clock, [trade(100 * SECOND + 1)], [trade(100 * SECOND + 2)])
    feed = over(source, clock, engine)
    stream = feed.batches()
    next(stream)
    next(stream)
    engine.next_due = -NEVER
    if how == "feed":
        feed.stop()
    else:
        engine.stopping = True
    assert list(stream) == []
    assert source.calls[-1] == "stop"
    assert ("wake" in source.calls) is (how == "feed")


def test_told_to_stop_while_it_waits() -> None:
    """A stop that comes while it waits for data is seen right after."""
    clock, engine = Hand(), Engine()

    class Stopping(Given):
        def take(self, seconds: float) -> Sequence[Any]:
            engine.stopping = True
            return super().take(seconds)

    stream = over(Stopping(clock), clock, engine).batches()
    next(stream)
    engine.next_due = -NEVER
    assert list(stream) == []


def test_it_ends_at_its_time() -> None:
    """`until` ends it on the nanosecond; without it the feed goes on."""
    clock = Hand()
    brought(over(Given(clock), clock))
    assert 101 * SECOND <= clock.at < 101 * SECOND + 10
    clock = Hand()
    feed = over(Given(clock, *([trade(100 * SECOND + n)] for n in range(1, 9))), clock, until=None)
    stream = feed.batches()
    assert sum(next(stream).size for _ in range(9)) == 8
    feed.stop()


@pytest.mark.parametrize("since", [0, 97 * SECOND, 98 * SECOND, 99 * SECOND])
def test_a_session_that_broke_off_in_history(since: int) -> None:
    """What it has not seen of history comes, with the word that it is history only where that had not been said."""
    clock, engine = Hand(), Engine(wants=3)
    engine.rehearses = since > 0
    bars = [bar(97), bar(98), bar(99)]
    found = brought(over(Given(clock, history=bars), clock, engine, known={}, since=since))
    said = [] if since else [DataStatus(at=97 * SECOND - 1, state=DataState.HISTORY)]
    left = [b for b in bars if b.at > since]
    assert found == [*said, *left, DataStatus(at=100 * SECOND, state=DataState.LIVE)]


def test_a_session_goes_on() -> None:
    """It knows its last events: each stream is said to be stale since then, and the source is told both."""
    clock, engine = Hand(), Engine()
    source = Given(clock, [trade(100 * SECOND + 50)])
    known = {("X", "trades"): trade(60 * SECOND)}
    found = brought(over(source, clock, engine, known=known, since=70 * SECOND))
    stale = [
        DataStatus(
            at=100 * SECOND + n,
            state=DataState.STALE,
            symbol="X",
            stream=kind,
            reason="the session was not running",
            since=70 * SECOND,
        )
        for n, kind in enumerate(("bars", "trades"))
    ]
    assert found == [*stale, trade(100 * SECOND + 50)]
    assert source.calls == [("start", known, 70 * SECOND), "stop"]


def test_what_it_is() -> None:
    """It describes its source, has no end in sight, keeps no fingerprint, and needs an engine."""
    clock = Hand()
    feed = LiveFeed(Given(clock), clock)
    assert (feed.describe(), feed.total, feed.fingerprint()) == ({"source": "given"}, None, "")
    with pytest.raises(RuntimeError, match="call attend first"):
        next(feed.batches())


def test_kinds_of_events() -> None:
    """Each event is of one kind."""
    update = BookUpdate(symbol="X", at=1, bids=(), asks=(), bid=0.0, ask=0.0)
    events = (bar(2), Quote("X", 1, 1.0, 2.0, 1.0, 1.0), trade(1), update)
    assert [kind_of(event) for event in events] == ["bars", "quotes", "trades", "book"]
