"""The venue on a port: REST and sockets on 127.0.0.1, with aiohttp, and the round that plays the market.

Rules: the market is played in rounds, at least a millisecond apart, when something is due; requests see the market as of their
arrival. Everything runs in one thread. Nothing is exposed beyond the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import WSMsgType, web

from onepath.errors import ConfigError
from onepath.localvenue import rest, wire
from onepath.localvenue.asking import Asked, RefusalError
from onepath.localvenue.connection import Connection, reset
from onepath.localvenue.faults import Active, Fault, Faults
from onepath.localvenue.happenings import Source
from onepath.localvenue.hub import Hub
from onepath.localvenue.market import Market
from onepath.localvenue.plans import made
from onepath.localvenue.tape import Deal
from onepath.localvenue.terms import Terms

_MS = 1_000_000
_STRETCH = 100 * _MS
"""nanoseconds of the market in one round, at most"""
_LONGEST = 0.02
"""seconds between two rounds where nothing is due"""
_PROXY = "<html><head><title>{status}</title></head><body><h1>{status} Error from cloudfront</h1></body></html>"
_UNKNOWN = "<html><body><h2>404 Not found</h2></body></html>"


class Server:
    """One venue."""

    def __init__(self, source: Source, terms: Terms, seed: int, faults: Faults) -> None:
        self.terms, self.faults, self._source = terms, faults, source
        self.opened = time.time_ns()
        self.market = Market(source, self.opened, seed=seed)
        self.hub = Hub(self.market, round(terms.kline_pace * 1000), faults)
        self.connections: dict[int, Connection] = {}
        self._played = 0
        self.ended: Counter[str] = Counter()
        """connections that the venue ended, by reason"""
        self._number = 0
        self._dialled: deque[int] = deque()
        self._weights: dict[str, rest.Weights] = {}
        self._runner: web.AppRunner | None = None
        self.playing: asyncio.Task[None] | None = None
        """ends only with an error: data that cannot be played on"""

    # -- life ---------------------------------------------------------------------------------------------------------

    async def start(self, host: str, port: int) -> int:
        """Listen; the port. Raises ConfigError where it is taken."""
        app = web.Application()
        app.router.add_get("/api/v3/{what:.+}", self._rest)
        app.router.add_get("/onepath/status", self._status)
        app.router.add_get("/onepath/truth", self._truth)
        app.router.add_get("/onepath/faults", self._faults)
        app.router.add_post("/onepath/faults", self._inject)
        app.router.add_delete("/onepath/faults", self._clear)
        for path in ("/ws", "/ws/{names:.+}", "/stream", "/stream/ws", "/stream/ws/{n:\\d+}"):
            app.router.add_get(path, self._socket)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=512)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"port {port} cannot be listened on ({os.strerror(error.errno or 0)}); end what uses it, "
                "or choose another: --port 0 takes any"
            ) from None
        self.playing = asyncio.create_task(self._play())
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close everything."""
        if self.playing is not None:
            self.playing.cancel()
            await asyncio.wait([self.playing])
        for connection in list(self.connections.values()):
            if connection.silent:
                connection.abort("the venue closes")
            else:
                connection.end(1001, "the venue closes")
        if self._runner is not None:
            await self._runner.cleanup()

    async def _play(self) -> None:
        """The round, over and over."""
        while True:
            self.round()
            await asyncio.sleep(self._pause())

    def round(self) -> None:
        """Everything up to now goes to whom it concerns; what is far behind, where the machine was busy, piece by piece, so that
        clients are heard in between."""
        now = time.time_ns()
        for fault in self.faults.tend(now // _MS):
            self._strike(fault)
        self._played = min(now, max(self._played, self.opened) + _STRETCH)
        self.hub.play(self._played, now // _MS + self.faults.skew)
        for connection in list(self.connections.values()):
            connection.tend(now // _MS)
            connection.flush()

    def _strike(self, fault: Fault) -> None:
        """Cut or half-open the connections that the fault means."""
        if fault.kind not in ("cut", "half_open"):
            return
        for connection in list(self.connections.values()):
            if connection.concerns(fault):
                self.faults.hit[fault.kind] += 1
                if fault.kind == "cut":
                    connection.abort("cut")
                else:
                    connection.half_open()

    def _pause(self) -> float:
        due = [moment for moment in (self.market.due, self.hub.due and self.hub.due * _MS) if moment is not None]
        wait = (min(due) - time.time_ns()) / 1e9 if due else _LONGEST
        return min(_LONGEST, max(self.terms.rounds, wait))

    async def until(self, stop: asyncio.Event, seconds: float | None = None) -> None:
        """Serve until told to stop, or so long. Raises what ended the data, where something did."""
        told = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait(
                [told, *([self.playing] if self.playing else [])], timeout=seconds, return_when="FIRST_COMPLETED"
            )
        finally:
            told.cancel()
        if self.playing is not None and self.playing.done():
            self.playing.result()

    # -- REST ---------------------------------------------------------------------------------------------------------

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        found = rest.ANSWERS.get(request.match_info["what"])
        if found is None:
            return web.Response(status=404, text=_UNKNOWN, content_type="text/html")
        self.round()
        hit = self.faults.request(request.match_info["what"], request.query.get("symbol", ""))
        if self.faults.shut():
            return _reset(request)
        if hit is not None and hit.fault.kind != "truncate":
            return self._failed(hit)
        weights = self._weights.setdefault(request.remote or "", rest.Weights(self.terms.weight_per_minute))
        asked = Asked(request.query, self.market)
        # After a stall the market is behind the clock, and who asks for the time must not be ahead of it.
        now = self._played // _MS
        answer, weight = found
        try:
            weights.take(weight(asked), now)
            body = answer(asked, rest.Moment(now, now + self.faults.skew, weights.limit))
        except RefusalError as no:
            return _refused(no, weights.used)
        if hit is not None:
            return await _truncated(request, wire.encode(body))
        return _json(200, body, {"X-MBX-USED-WEIGHT": str(weights.used), "X-MBX-USED-WEIGHT-1M": str(weights.used)})

    def _failed(self, hit: Active) -> web.Response:
        """What a request gets instead of its answer."""
        if hit.fault.kind == "5xx":
            status = int(self.faults.variant(hit.fault))
            return web.Response(status=status, text=_PROXY.format(status=status), content_type="text/html")
        words = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
        return _refused(
            RefusalError(int(hit.fault.kind), -1003, words, round(hit.amount)), self.terms.weight_per_minute
        )

    async def _truth(self, request: web.Request) -> web.StreamResponse:
        """What was really traded, as historicalTrades, without limits or faults."""
        one = self.market.symbols.get(request.query.get("symbol", ""))
        if one is None:
            return _json(404, {"error": f"symbol is needed; known are {', '.join(self.market.symbols)}"}, {})
        deals = one.tape.deals(int(request.query.get("fromId", "1")), len(one.tape))
        return _json(200, [wire.trade_row(deal) for deal in deals], {})

    async def _faults(self, _: web.Request) -> web.StreamResponse:
        return _json(200, self.faults.status(), {})

    async def _inject(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = json.loads(await request.text())
            wanted = [made(one) for one in (asked if isinstance(asked, list) else [asked])]
        except (ValueError, ConfigError) as error:
            said = (
                str(error)
                if isinstance(error, ConfigError)
                else 'the body is no JSON; expected such as {"kind": "cut"}'
            )
            return _json(400, {"error": said}, {})
        self.inject(wanted)
        return _json(200, self.faults.status(), {})

    async def _clear(self, _: web.Request) -> web.StreamResponse:
        self.faults.clear()
        return _json(200, self.faults.status(), {})

    def truth(self, symbol: str, first: int, limit: int) -> list[Deal]:
        """What was traded, up to this moment."""
        for _ in range(100):
            self.round()
            if self._played > time.time_ns() - _STRETCH:
                break
        return self.market.symbols[symbol].tape.deals(first, limit)

    def inject(self, wanted: Sequence[Fault]) -> None:
        """They begin now, or when they say."""
        self.round()
        for fault in wanted:
            self.faults.inject(fault)
        self.round()

    async def _status(self, _: web.Request) -> web.StreamResponse:
        return _json(200, self.status(), {})

    def status(self) -> Mapping[str, Any]:
        """For people and scripts."""
        symbols = {
            symbol: {"trades": one.tape.next_number - 1, "book": one.depth.number}
            for symbol, one in self.market.symbols.items()
        }
        return {
            "source": self._source.describe(),
            "seconds": round((time.time_ns() - self.opened) / 1e9, 3),
            "connections": len(self.connections),
            "subscriptions": sum(len(one.names) for one in self.connections.values()),
            "sent": self.hub.sent,
            "ended": dict(sorted(self._ended().items())),
            "faults": {"begun": dict(sorted(self.faults.begun.items())), "hit": dict(sorted(self.faults.hit.items()))},
            "symbols": symbols,
        }

    def _ended(self) -> Counter[str]:
        """Why connections ended, those included whose close frame is out and whose handler has not returned."""
        return self.ended + Counter(one.gone for one in self.connections.values() if one.gone)

    # -- sockets ------------------------------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        now = time.time_ns() // _MS
        self.round()
        if self.faults.shut():
            return _reset(request)
        if not self._may_dial(now):
            return _refused(
                RefusalError(
                    429, -1003, f"Too many connections; at most {self.terms.connections_per_5m} in 5 minutes.", 300
                ),
                0,
            )
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1_000_000)
        await socket.prepare(request)
        if request.transport is None:  # gone already
            return socket
        combined = request.path == "/stream"
        self._number += 1
        connection = Connection(self._number, request.transport, self.hub, self.terms, now, combined=combined)
        self.connections[self._number] = connection
        try:
            if connection.listen(_names(request), now):
                await self._hear(socket, connection)
            else:
                connection.end(1008, "Too many streams")
        finally:
            del self.connections[connection.number]
            if connection.gone:
                self.ended[connection.gone] += 1
            connection.leave()
        return socket

    def _may_dial(self, now: int) -> bool:
        dialled = self._dialled
        dialled.append(now)
        while dialled[0] < now - 300_000:
            dialled.popleft()
        return len(dialled) <= self.terms.connections_per_5m

    async def _hear(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        """What the client says, to the end."""
        async for message in socket:
            now = time.time_ns() // _MS
            if not connection.counts(now):
                return
            if message.type == WSMsgType.PING:
                connection.pinged(bytes(message.data))
            elif message.type == WSMsgType.PONG:
                connection.ponged(bytes(message.data), now)
            elif message.type == WSMsgType.TEXT:
                self.round()
                connection.asked(message.data, now)
            connection.flush()


def _names(request: web.Request) -> Sequence[str]:
    """The streams in the address."""
    if request.path == "/stream":
        return [name for name in request.query.get("streams", "").split("/") if name]
    return [name for name in request.match_info.get("names", "").split("/") if name]


def _json(status: int, body: Any, headers: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=status, body=wire.encode(body), headers=dict(headers), content_type="application/json", charset="utf-8"
    )


def _refused(no: RefusalError, used: int) -> web.Response:
    headers = {"X-MBX-USED-WEIGHT": str(used), "X-MBX-USED-WEIGHT-1M": str(used)}
    if no.retry_after is not None:
        headers["Retry-After"] = str(no.retry_after)
    return _json(no.status, {"code": no.code, "msg": no.text}, headers)


def _reset(request: web.Request) -> web.Response:
    """No answer: the connection is reset."""
    if request.transport is not None:
        reset(request.transport)
    return web.Response()


async def _truncated(request: web.Request, body: bytes) -> web.StreamResponse:
    """Half an answer that says it is a whole one, and then the end."""
    half = web.StreamResponse(
        headers={"Content-Type": "application/json;charset=utf-8", "Content-Length": str(len(body))}
    )
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
