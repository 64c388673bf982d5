"""Who listens to what: takes the market's news and the passing of time to the streams, and what they say to the clients.

Rules: everything goes out in the order in which it happens: a candle is closed before the trades that come after it.
Bytes are gathered by client and written once a round.
Cost: 6 us a trade to one client, of which the market has half.
"""

from __future__ import annotations

from heapq import heappop, heappush

from onepath.localvenue import wire
from onepath.localvenue.faults import Faults
from onepath.localvenue.frames import frame
from onepath.localvenue.lanes import Lane, Listener
from onepath.localvenue.market import Market
from onepath.localvenue.streams import Stream, make

_MS = 1_000_000


class Hub:
    """All streams that somebody listens to."""

    def __init__(self, market: Market, pace: int, faults: Faults) -> None:
        self.market = market
        self._pace, self._faults = pace, faults
        self._lanes: dict[Listener, Lane] = {}
        self._streams: dict[str, Stream] = {}
        self._hearing: dict[tuple[type, str], list[Stream]] = {}
        self._due: list[tuple[int, int, Stream]] = []
        self._number = 0
        self._now = 0
        self.sent = 0
        """messages handed to clients"""

    @property
    def due(self) -> int | None:
        """When a stream next has something to say by itself, in milliseconds."""
        return self._due[0][0] if self._due else None

    def listen(self, listener: Listener, name: str, now: int) -> None:
        """From now (ms) on this client hears this stream."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = make(name, self.market, now, self._pace)
            for kind in stream.hears:
                self._hearing.setdefault((kind, stream.symbol), []).append(stream)
            self._wait(stream)
        stream.listeners[listener] = None

    def unlisten(self, listener: Listener, name: str) -> None:
        """No longer; a stream that nobody hears ends."""
        stream = self._streams.get(name)
        if stream is None:
            return
        stream.listeners.pop(listener, None)
        if not stream.listeners:
            del self._streams[name]
            for kind in stream.hears:
                self._hearing[kind, stream.symbol].remove(stream)

    def _wait(self, stream: Stream) -> None:
        if stream.due is not None:
            self._number += 1
            heappush(self._due, (stream.due, self._number, stream))

    def play(self, now: int, sent: int) -> None:
        """Everything up to the moment `now` (ns); messages carry `sent` (ms) as their time."""
        hearing = self._hearing
        for at, news in self.market.until(now):
            if self._due and self._due[0][0] * _MS <= at:
                self._fire(at // _MS, sent)
            for stream in hearing.get((type(news), news.symbol), ()):
                if (said := stream.hear(sent, news)) is not None:
                    self.say(stream, said)
        self._fire(now // _MS, sent)
        for listener, lane in list(self._lanes.items()):
            self.sent += lane.tend(now // _MS)
            if lane.empty:
                del self._lanes[listener]

    def _fire(self, now: int, sent: int) -> None:
        due = self._due
        while due and due[0][0] <= now:
            moment, _, stream = heappop(due)
            if not stream.listeners:
                continue
            for said in stream.fire(moment, max(sent, moment)):
                self.say(stream, said)
            self._wait(stream)

    def say(self, stream: Stream, message: bytes) -> None:
        """To all who listen."""
        if self._faults.active or self._lanes:
            self._disturbed(stream, message)
            return
        framed: dict[bool, bytes] = {}
        for listener in stream.listeners:
            wrapped = listener.combined
            if wrapped not in framed:
                framed[wrapped] = frame(wire.combined(stream.name, message) if wrapped else message)
            listener.put(framed[wrapped])
            self.sent += 1

    def _disturbed(self, stream: Stream, message: bytes) -> None:
        """The same where a fault is at work; it hits a message for all clients alike."""
        hit = self._faults.message(stream.name, stream.symbol) if self._faults.active else None
        for listener in stream.listeners:
            lane = self._lanes.get(listener) or Lane(listener)
            text = wire.combined(stream.name, message) if listener.combined else message
            self.sent += lane.send(text, self._faults.now, hit, self._faults)
            if not lane.empty:
                self._lanes[listener] = lane

    def forget(self, listener: Listener) -> None:
        """The client has gone."""
        self._lanes.pop(listener, None)
