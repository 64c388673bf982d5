"""One client on a socket: what it subscribes to, pings and pongs, and the venue's limits on both.

Rules: a ping every 20 s carries the time; only a pong that brings it back counts. A client that is silent, too chatty, too
slow or too old is sent off with a close frame; one that the venue cuts gets none.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from onepath.localvenue import wire
from onepath.localvenue.faults import Fault
from onepath.localvenue.frames import PING, PONG, closing, frame
from onepath.localvenue.hub import Hub
from onepath.localvenue.terms import Terms

if TYPE_CHECKING:
    from asyncio import Transport

_METHODS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


def reset(transport: Transport) -> None:
    """End a connection at once, with a reset instead of an orderly end."""
    wire = transport.get_extra_info("socket")
    if wire is not None and not transport.is_closing():
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Connection:
    """The venue's end."""

    def __init__(self, number: int, transport: Transport, hub: Hub, terms: Terms, now: int, *, combined: bool) -> None:
        self.number, self.combined = number, combined
        self.names: dict[str, None] = {}
        self.gone = ""
        """why it was ended by the venue"""
        self.silent = False
        """half-open: nothing is written or read any more"""
        self._transport, self._hub, self._terms = transport, hub, terms
        self._out: list[bytes] = []
        self._since = self._ponged = now
        self._pings: dict[bytes, None] = {}
        self._ping_due = now + round(terms.ping_every * 1000)
        self._warned = False
        self._heard: deque[int] = deque()

    # -- out ----------------------------------------------------------------------------------------------------------

    def put(self, framed: bytes) -> None:
        """Send with the next write."""
        self._out.append(framed)

    def flush(self) -> None:
        """Write what has gathered."""
        if not self._out:
            return
        if not self.silent and not self._transport.is_closing():
            self._transport.write(b"".join(self._out) if len(self._out) > 1 else self._out[0])
            if self._transport.get_write_buffer_size() > self._terms.unread:
                self.abort("slow reader")
        self._out.clear()

    def abort(self, why: str) -> None:
        """Cut: a reset, no close frame."""
        self.gone = self.gone or why
        self._out.clear()
        reset(self._transport)

    def end(self, code: int, why: str) -> None:
        """Send off with a close frame."""
        self.gone = self.gone or why
        self.put(closing(code, why))
        self.flush()
        self._transport.close()

    def concerns(self, fault: Fault) -> bool:
        """Whether a fault of connections means this one."""
        if not (fault.symbol or fault.stream):
            return True
        return any(fault.hits(name, name.partition("@")[0].upper()) for name in self.names)

    def half_open(self) -> None:
        """The other end sees an open connection on which nothing happens any more."""
        self.silent = True
        self._transport.pause_reading()

    # -- time ---------------------------------------------------------------------------------------------------------

    def tend(self, now: int) -> None:
        """Ping, warn, send off: whatever is due at `now` (ms)."""
        terms = self._terms
        if self.silent:
            return
        age = now - self._since
        if now - self._ponged > terms.pong_within * 1000:
            self.end(1008, "Pong timeout")
        elif age >= terms.lifetime * 1000:
            self.end(1001, "24 hours are over")
        elif now >= self._ping_due:
            self._ping_due = now + round(terms.ping_every * 1000)
            payload = str(now).encode()
            self._pings[payload] = None
            self.put(frame(payload, PING))
        if not self._warned and age >= (terms.lifetime - terms.notice) * 1000:
            self._warned = True
            said = wire.shutdown(now)
            self.put(frame(wire.combined("!serverShutdown", said) if self.combined else said))

    # -- in -----------------------------------------------------------------------------------------------------------

    def counts(self, now: int) -> bool:
        """Whether the client may send this message at `now` (ms); it is sent off where it may not."""
        heard = self._heard
        heard.append(now)
        while heard[0] <= now - 1000:
            heard.popleft()
        if len(heard) > self._terms.inbound_per_second:
            self.end(1008, "Too many requests")
            return False
        return True

    def pinged(self, payload: bytes) -> None:
        self.put(frame(payload, PONG))

    def ponged(self, payload: bytes, now: int) -> None:
        """Only what brings a ping's payload back proves that the client is there."""
        if payload in self._pings:
            self._pings.clear()
            self._ponged = now

    def asked(self, text: str, now: int) -> None:
        """A message of the client: SUBSCRIBE and its like."""
        self.put(frame(wire.encode(self._answer(text, now))))

    def _answer(self, text: str, now: int) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return _no(3, "Invalid JSON: expected value at line 1 column 1")
        if not isinstance(asked, dict) or "method" not in asked:
            return _no(2, f"Invalid request: missing field `method` at line 1 column {len(text)}")
        return self._obey(asked, text, now)

    def _obey(self, asked: dict[str, Any], text: str, now: int) -> dict[str, Any]:
        number = asked.get("id")
        if isinstance(number, bool) or not isinstance(number, int | str | None) or len(str(number)) > 36:
            return _no(2, "Invalid request: request ID must be an unsigned integer")
        method, given = asked["method"], asked.get("params", [])
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.names), "id": number}
        if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return self._subscribed(method, given, number, now)
        if method in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(method, given, number)
        column = text.find(str(method)) + len(str(method)) + 2
        return _no(
            2, f"Invalid request: unknown variant `{method}`, expected one of {_METHODS} at line 1 column {column}"
        )

    def _subscribed(self, method: str, names: Any, number: Any, now: int) -> dict[str, Any]:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return _no(2, "Invalid request: params must be a list of stream names", number)
        if method == "UNSUBSCRIBE":
            for name in names:
                self.names.pop(name, None)
                self._hub.unlisten(self, name)
        elif not self.listen(names, now):
            most = self._terms.streams_per_connection
            return _no(2, f"Invalid request: too many streams, a connection has at most {most}", number)
        return {"result": None, "id": number}

    def listen(self, names: Sequence[str], now: int) -> bool:
        """Subscribe; False where that would be too many."""
        if len({*self.names, *names}) > self._terms.streams_per_connection:
            return False
        for name in names:
            self.names[name] = None
            self._hub.listen(self, name, now)
        return True

    def leave(self) -> None:
        """The connection is over."""
        for name in self.names:
            self._hub.unlisten(self, name)
        self.names.clear()
        self._hub.forget(self)

    def _property(self, method: str, given: Any, number: Any) -> dict[str, Any]:
        wanted = 2 if method == "SET_PROPERTY" else 1
        if not isinstance(given, list) or not given or not isinstance(given[0], str):
            return _no(2, "Invalid request: property name must be a string", number)
        if len(given) > wanted:
            return _no(2, "Invalid request: too many parameters", number)
        if given[0] != "combined":
            return _no(0, "Unknown property", number)
        if method == "GET_PROPERTY":
            return {"result": self.combined, "id": number}
        if len(given) < wanted or not isinstance(given[1], bool):
            return _no(1, "Invalid value type: expected Boolean", number)
        self.combined = given[1]
        return {"result": None, "id": number}


def _no(code: int, words: str, number: Any = None) -> dict[str, Any]:
    """An error as the venue words it."""
    return {"code": code, "msg": words} | ({} if number is None else {"id": number})
