"""The life of one connection as a state machine: when to dial, when to wait, what is stale. No sockets, no clock.

Rules: time (nanoseconds) and randomness are arguments. A stream that is silent for longer than its limit is asked about
(`Probe`) before it is called dead, because a market may simply be quiet: only a venue that knows more than we heard, or
does not answer, proves the silence to be a fault. A loss makes every stream of the connection stale; each recovers by
itself, once what it missed has been fetched. Pauses between dials double up to a cap, and are shortened by a random part
so that many clients do not return at once. After `failures` losses within `window` the connection rests, then tries once.
A disconnect the venue announced, or one after `settled` of good service, is no failure: days end.
Limits: one life a connection; streams are (symbol, kind) pairs, fixed from the start.
Cost: `heard` is one assignment; `tick` looks at every stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from onepath.errors import ConfigError
from onepath.events import DataState, DataStatus
from onepath.ports import NEVER

SECOND = 1_000_000_000
Stream = tuple[str, str]
"""(symbol, kind): kind is bars, quotes, trades or book"""


_COUNTS = frozenset({"failures", "fill_most", "held", "queue"})


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection behaves. Times in seconds."""

    stale_after: float = 30.0
    """silence of trades, quotes or a book after which the venue is asked whether there is news (bars: two intervals more)"""
    answer_within: float = 10.0
    """how long a dial, a question or a request may take"""
    pause: float = 0.5
    """the first pause before dialling again; it doubles each time"""
    longest_pause: float = 60.0
    """where the doubling ends"""
    failures: int = 6
    """so many losses within `window`, and the connection rests"""
    window: float = 120.0
    rest: float = 120.0
    """how long it rests before it tries once more"""
    settled: float = 60.0
    """a loss after so much good service is no failure"""
    reorder_within: float = 0.05
    """how long what is missing may still come by itself, out of order, before it is fetched"""
    fill_within: float = 30.0
    """how long fetching what is missing may fail before it is given up and counted as missed"""
    fill_most: int = 100_000
    """most events fetched after one loss, per stream; what is older is counted as missed"""
    held: int = 100_000
    """most events that wait for a hole before them to be filled, per stream"""
    queue: int = 50_000
    """most events that wait for the session"""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            least = 1 if name in _COUNTS else 0
            if not least <= value < NEVER or (value == 0 and name != "reorder_within"):
                raise ConfigError(f"data.connection.{name} is {value}; it must be a number above zero")
        if self.longest_pause < self.pause:
            raise ConfigError(
                f"data.connection.longest_pause is {self.longest_pause} s, shorter than pause ({self.pause} s); make it longer"
            )


class Dial(NamedTuple):
    """Drop what there is of the connection and dial."""

    trial: bool = False
    """the one attempt after a rest"""


class Drop(NamedTuple):
    """Close the socket: nothing good will come from it."""

    reason: str


class Probe(NamedTuple):
    """Ask the venue whether this stream has news that we have not heard."""

    stream: Stream


Action = Dial | Drop | Probe | DataStatus


def nanoseconds(seconds: float) -> int:
    return round(seconds * SECOND)


class Life:
    """One connection. Call what happened; do what is returned, in order. Call `tick` at `due`."""

    def __init__(
        self, streams: Mapping[Stream, int], terms: Connection, random: Random, at: int, since: int = 0
    ) -> None:
        """`streams` with the silence that each may keep, in nanoseconds; all stale since a moment where it is given."""
        self.reconnects = 0
        self.state = "waiting"
        """waiting (for the next dial), dialling, up"""
        self.resting = False
        """the breaker is open: the pause is a rest"""
        self._limits = dict(streams)
        self._terms = terms
        self._random = random
        self._answer = nanoseconds(terms.answer_within)
        self._dial_at = at
        self._dialled = at
        self._connected = at
        self._trial = False
        self._tries = 0
        self._losses: list[int] = []
        self.last: dict[Stream, int] = dict.fromkeys(streams, at)
        """when each stream was last heard, or known to be quiet"""
        self._asked: dict[Stream, int] = {}
        self._stale: dict[Stream, int] = dict.fromkeys(streams, since) if since else {}
        self._speaks = False
        self._was_up = False

    # -- what happened ---------------------------------------------------------------------------------------------------

    def heard(self, stream: Stream, at: int) -> None:
        """A message of this stream came in."""
        self.last[stream] = at
        self._speaks = True

    def connected(self, at: int) -> None:
        """The venue has accepted the subscriptions."""
        if self.state == "dialling":
            self.state = "up"
            self.reconnects += self._was_up
            self._was_up = True
            self._connected = at
            self._speaks = self.resting = False
            self.last = dict.fromkeys(self.last, at)
            self._asked.clear()

    def lost(self, at: int, reason: str, *, retry_after: float = 0.0, planned: bool = False) -> Sequence[Action]:
        """The connection is gone, or could not be made. A second report of the same loss says nothing new."""
        if self.state == "waiting":
            return ()
        settled = self.state == "up" and self._speaks and at - self._connected >= nanoseconds(self._terms.settled)
        self._tries = 1 if planned or settled else self._tries + 1
        if planned or settled:
            self._losses.clear()
        else:
            self._losses.append(at)
        self.state = "waiting"
        pause = self._pause(at, first=planned or settled)
        self._dial_at = at + max(pause, nanoseconds(retry_after))
        return [Drop(reason), *(self._mark(stream, at, reason) for stream in self._limits if stream not in self._stale)]

    def answered(self, stream: Stream, at: int, *, quiet: bool) -> Sequence[Action]:
        """What a probe found: the venue has no news of this stream (`quiet`), or news that we did not hear."""
        asked = self._asked.pop(stream, None)
        if asked is None or self.state != "up" or self.last[stream] > asked:
            return ()
        if quiet:
            self.last[stream] = at
            return ()
        return self.lost(at, f"{stream[1]} of {stream[0]} have stopped, though the venue has news")

    def gap(self, stream: Stream, at: int, reason: str) -> Sequence[DataStatus]:
        """Messages of a stream are missing though its connection stands: it is stale until they are fetched."""
        return () if stream in self._stale else (self._mark(stream, at, reason),)

    def recovered(self, stream: Stream, at: int, *, filled: int, missed: int) -> Sequence[DataStatus]:
        """What the stream had missed is fetched, or given up, and it flows again."""
        if self.state != "up" or stream not in self._stale:
            return ()
        since = self._stale.pop(stream)
        symbol, kind = stream
        return (
            DataStatus(
                at=at, state=DataState.RECOVERED, symbol=symbol, stream=kind, filled=filled, missed=missed, since=since
            ),
        )

    # -- what to do ------------------------------------------------------------------------------------------------------

    @property
    def stale(self) -> Mapping[Stream, int]:
        """The stale streams, and since when."""
        return self._stale

    @property
    def due(self) -> int:
        """When `tick` has something to do, if nothing happens before."""
        if self.state == "waiting":
            return self._dial_at
        if self.state == "dialling":
            return self._dialled + self._answer
        asked = self._asked
        return min(
            (asked[s] + self._answer if s in asked else self.last[s] + limit + 1 for s, limit in self._limits.items()),
            default=NEVER,
        )

    def tick(self, now: int) -> Sequence[Action]:
        """What the time of day makes necessary."""
        if now < self.due:
            return ()
        if self.state == "waiting":
            self.state = "dialling"
            self._dialled = now
            self._trial = self.resting
            return (Dial(trial=self._trial),)
        within = f"within {self._terms.answer_within:g} s"
        if self.state == "dialling":
            return self.lost(now, f"no connection {within}")
        actions: list[Action] = []
        for stream, limit in self._limits.items():
            asked = self._asked.get(stream)
            if asked is not None and now >= asked + self._answer:
                return self.lost(now, f"{stream[1]} of {stream[0]} are silent, and the venue did not answer {within}")
            if asked is None and now - self.last[stream] > limit:
                self._asked[stream] = now
                actions.append(Probe(stream))
        return actions

    # -- inside ----------------------------------------------------------------------------------------------------------

    def _mark(self, stream: Stream, at: int, reason: str) -> DataStatus:
        since = self._stale[stream] = min(self.last[stream], at)
        symbol, kind = stream
        return DataStatus(at=at, state=DataState.STALE, symbol=symbol, stream=kind, reason=reason, since=since)

    def _pause(self, at: int, *, first: bool) -> int:
        """How long to wait before the next dial: a rest where there were too many losses, else ever longer."""
        terms = self._terms
        oldest = at - nanoseconds(terms.window)
        self._losses = [loss for loss in self._losses if loss > oldest]
        failed_trial = self._trial and not first
        self._trial = False
        if failed_trial or len(self._losses) >= terms.failures:
            self.resting = True
            self._losses.clear()
            return nanoseconds(terms.rest)
        doubled = terms.pause * 2.0 ** min(self._tries - 1, 60)
        return nanoseconds(min(terms.longest_pause, doubled) * self._random.uniform(0.5, 1.0))
