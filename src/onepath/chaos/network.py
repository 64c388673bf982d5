"""A simulated venue behind a simulated network: an Exchange whose messages and answers are what a real one sends, in bytes.

Rules: what the venue knows is the truth; what arrives is what the faults leave of it. Messages of a connection arrive in the
order they were sent unless a fault reorders them, in Binance's words, and are decoded by the decoders that real ones are. All
randomness is the network's own. The state outlives the process that listens: a fault that lasts goes on while it is down.
Limits: bars, trades, and quotes, which change with each trade. Cost: about 20 us a message.
"""

from __future__ import annotations

import asyncio
import bisect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from onepath.chaos.faults import Fault
from onepath.chaos.market import MS, Candle, Truth
from onepath.chaos.timing import SECOND, Time
from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.market import Bar, Quote, Trade
from onepath.streams import wire
from onepath.streams.exchange import LATE, Ear, Page, VenueError
from onepath.streams.life import Stream

KINDS = ("bars", "trades", "quotes")
PAGE = 50
"""trades in one answer"""
LAG = 4 * MS
"""how long after it happened a thing is published"""


class Sent(NamedTuple):
    """A message as the venue sends it, at `at`."""

    at: int
    stream: Stream
    data: bytes


class Network:
    """The venue with its truth, and what is wrong between it and us right now."""

    def __init__(self, truths: Sequence[Truth], rng: Random, time: Time, happened: Counter[str], interval: str) -> None:
        self.truths = {truth.symbol: truth for truth in truths}
        self.rng = rng
        self.time = time
        self.happened = happened
        self.interval = interval
        self.until: Counter[str] = Counter()
        """by fault: when it is over"""
        self.left: Counter[tuple[str, str]] = Counter()
        """by fault and stream: how many messages it has still to meet"""
        self.vanished: set[tuple[str, str, int]] = set()
        """what REST does not have: symbol, kind, number of the trade or start of the bar"""
        self.late = 0
        """how late everything comes, in nanoseconds"""
        self.lines: list[Line] = []
        names = [f"{symbol} {kind}" for symbol in self.truths for kind in KINDS]
        self.streams = tuple(names)
        self.script = {kind: self._sent(kind) for kind in KINDS}

    def _sent(self, kind: str) -> list[Sent]:
        """Everything that is ever sent of one kind, in order."""
        found = [sent for truth in self.truths.values() for sent in self._of(kind, truth)]
        return sorted(found, key=lambda sent: sent.at)

    def _of(self, kind: str, truth: Truth) -> list[Sent]:
        if kind == "quotes":
            stream = truth.symbol, "quotes"
            return [Sent(trade.venue_at + LAG, stream, _ticker(trade, truth)) for trade in truth.trades]
        return self._trades(truth) if kind == "trades" else self._candles(truth)

    @staticmethod
    def _trades(truth: Truth) -> list[Sent]:
        stream = truth.symbol, "trades"
        return [Sent(trade.venue_at + LAG, stream, _trade(trade)) for trade in truth.trades]

    def _candles(self, truth: Truth) -> list[Sent]:
        stream = truth.symbol, "bars"
        return [
            Sent(candle.at + LAG, stream, _kline(candle, self.interval))
            for start in truth.bars
            for candle in truth.candles(start, self.rng.randint(1, 3))
        ]

    def meets(self, fault: Fault) -> None:
        """A fault begins."""
        now = self.time.passed
        kind = fault.kind
        if kind in ("cut", "daily"):
            self.happened[kind] += bool(self.lines)
            for line in self.lines[:]:
                line.lose(planned=kind == "daily")
        elif kind == "half-open":
            self.happened[kind] += bool(self.lines)
            for line in self.lines:
                line.deaf = True
        elif fault.n:
            self.left[kind, fault.where] += fault.n
        else:
            self.until[f"{kind} {fault.where}".strip()] = max(
                self.until[f"{kind} {fault.where}".strip()], now + fault.length
            )
            self.late = fault.length // 4 if kind == "delay" else self.late

    def lasts(self, kind: str) -> bool:
        """Whether a fault is going on."""
        return self.until[kind] > self.time.passed

    def spends(self, kind: str, where: str = "") -> bool:
        """Whether a fault meets this message."""
        if self.left[kind, where] <= 0:
            return False
        self.left[kind, where] -= 1
        self.happened[kind] += 1
        return True

    def quieten(self) -> None:
        """Nothing new goes wrong; a connection that has gone deaf stays so until somebody notices."""
        self.until.clear()
        self.left.clear()


class Line:
    """One connection: delivers what was sent after it was made."""

    def __init__(self, network: Network, ear: Ear, kind: str, pass_on: Callable[[Ear, Any], None]) -> None:
        self.deaf = False
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._network = network
        self._ear = ear
        self._pass = pass_on
        self._script = network.script[kind]
        self._next = bisect.bisect_right(self._script, network.time.true, key=lambda sent: sent.at)
        self._free = network.time.passed
        self._held: list[tuple[int, Sent]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def lose(self, *, planned: bool) -> None:
        """The connection breaks."""
        if not self.lost.done():
            reason = "serverShutdown" if planned else "connection reset by peer"
            self.lost.set_exception(VenueError(reason, planned=planned))
        self.close()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = len(self._script)

    def _wait(self) -> None:
        """For the next message."""
        if self._next >= len(self._script):
            return
        network = self._network
        sent = self._script[self._next]
        late = network.late if network.lasts("delay") else 0
        took = round(network.rng.uniform(0.5, 25.0) * MS) + late
        network.happened["delay"] += late > 0
        self._free = max(self._free, sent.at - network.time.start + took)
        self._timer = asyncio.get_running_loop().call_at(self._free / SECOND, self._arrives, sent)

    def _arrives(self, sent: Sent) -> None:
        self._next += 1
        network, where = self._network, f"{sent.stream[0]} {sent.stream[1]}"
        if self.deaf:
            network.happened["half-open"] += 1
        elif network.lasts(f"mute {where}"):
            network.happened["mute"] += 1
        elif network.spends("vanish", where):
            network.vanished |= _named(sent)
        elif network.spends("drop", where):
            pass
        elif network.spends("reorder", where):
            self._held.append((network.rng.randint(1, 4), sent))
        else:
            self._deliver(sent, where)
            if network.spends("duplicate", where):
                self._deliver(sent, where)
        if self._ear.crowded:
            network.happened["backpressure"] += 1
            task = asyncio.ensure_future(self._ear.room())
            task.add_done_callback(lambda _: self._wait())
        else:
            self._wait()

    def _deliver(self, sent: Sent, where: str) -> None:
        data = sent.data
        if self._network.spends("malformed", where):
            data = damaged(data, self._network.rng)
        try:
            message = wire.decode(data)
        except wire.UnreadableError as error:
            self._network.happened["unreadable"] += 1
            self._ear.bad(error)
        else:
            self._pass(self._ear, message)
        held, self._held = self._held, []
        for left, early in held:
            if left > 1:
                self._held.append((left - 1, early))
            else:
                self._deliver(early, f"{early.stream[0]} {early.stream[1]}")


class Exchange:
    """The network as `streams.source` knows exchanges."""

    name = "simulated"

    def __init__(
        self,
        network: Network,
        instruments: Mapping[str, Instrument],
        kinds: Sequence[str],
        *,
        numbered: bool,
        flagged: bool,
    ) -> None:
        self.instruments = instruments
        self.numbered = numbered
        self.flagged = flagged
        self._network = network
        self._kinds = kinds
        unknown = [kind for kind in kinds if kind not in network.script]
        if unknown:
            raise ConfigError(
                f"the simulated venue has bars, trades and quotes, no {' or '.join(unknown)}: leave them out of data.kinds"
            )

    async def open(self) -> None:
        await self._answer()

    async def close(self) -> None:
        return

    def connections(self) -> Sequence[Sequence[Stream]]:
        return [[(symbol, kind) for symbol in self.instruments] for kind in self._kinds]

    async def listen(self, streams: Sequence[Stream], ear: Ear) -> None:
        network = self._network
        await asyncio.sleep(network.rng.uniform(0.01, 0.2))
        if network.lasts("hang"):
            network.happened["hang"] += 1
            await asyncio.sleep(3_600)
        if network.lasts("refuse"):
            network.happened["refuse"] += 1
            raise VenueError("connection refused")
        ear.connected()
        line = Line(network, ear, streams[0][1], self._pass)
        network.lines.append(line)
        network.happened["dials"] += 1
        try:
            await line.lost
        finally:
            network.lines.remove(line)
            line.close()

    def _pass(self, ear: Ear, message: Any) -> None:
        kind = type(message)
        if kind is Trade:
            ear.trade(message if self.numbered else _unnumbered(message))
        elif kind is Quote:
            ear.quote(message)
        elif kind is wire.Candle and message.interval == self._network.interval:
            ear.bar(message.bar, closed=message.closed and self.flagged)

    async def _answer(self) -> None:
        """A request and its way back."""
        network = self._network
        await asyncio.sleep(network.rng.uniform(0.005, 0.15))
        network.happened["requests"] += 1
        if network.lasts("silent"):
            network.happened["silent"] += 1
            await asyncio.sleep(3_600)
        if network.lasts("busy"):
            network.happened["busy"] += 1
            raise VenueError("429 Too Many Requests", retry_after=network.rng.choice((0.0, 0.5, 1.0)))
        if network.lasts("broken"):
            network.happened["broken"] += 1
            raise VenueError("502 Bad Gateway")

    def _garbled(self, data: bytes) -> bytes:
        network = self._network
        return data[: network.rng.randrange(len(data) - 1)] if network.spends("garbled") else data

    def _known(self) -> int:
        """Up to when REST knows what happened."""
        network = self._network
        if network.lasts("behind"):
            network.happened["behind"] += 1
            return network.time.true - round(1.5 * SECOND)
        return network.time.true - LAG

    async def trades(self, symbol: str, after: int) -> Page:
        await self._answer()
        network = self._network
        truth, known = network.truths[symbol], self._known()
        there = [
            trade
            for trade in truth.trades[: bisect.bisect_right(truth.times, known)]
            if (trade.id > after if self.numbered else trade.venue_at // MS >= after // MS)
            and (symbol, "trades", trade.id) not in network.vanished
        ]
        page = there[:PAGE] if after else there[-PAGE:]
        found = wire.agg_trades(symbol, self._garbled(_rest_trades(page)))
        return Page(found if self.numbered else [_unnumbered(trade) for trade in found], bool(found))

    async def bars(self, symbol: str, first: int | None, most: int) -> Page:
        """As the adapter of ccxt does it: what has ended by the venue's own time."""
        await self._answer()
        network = self._network
        truth, now = network.truths[symbol], network.time.true
        interval = truth.interval
        ended = now // interval * interval - interval
        start = first if first is not None else ended - (most - 1) * interval
        starts = range(start, min(ended, start + (most - 1) * interval, self._known() - interval) + 1, interval)
        there = [
            bar
            for bar in map(truth.bar, starts)
            if bar is not None and (symbol, "bars", bar.start) not in network.vanished
        ]
        found = wire.klines(symbol, self._garbled(_rest_klines(there)))
        complete = ended if now >= ended + interval + LATE else ended - interval
        return Page(found, len(found) >= most, max(complete, found[-1].start if found else complete))

    async def quote(self, symbol: str) -> Quote | None:
        await self._answer()
        truth = self._network.truths[symbol]
        before = bisect.bisect_right(truth.times, self._known())
        if not before:
            return None
        message = wire.decode(_ticker(truth.trades[before - 1], truth))
        return message if isinstance(message, Quote) else None

    async def book(self, symbol: str) -> wire.Depth | None:
        return None


def damaged(data: bytes, rng: Random) -> bytes:
    """A message that came to harm: cut off, with bytes changed, or with a value that cannot be."""
    how = rng.randrange(4)
    if how == 0:
        return data[: rng.randrange(len(data))]
    if how == 1:
        return data.replace(b'"p":"', b'"p":"-').replace(b'"o":"', b'"o":"NaN')
    if how == 2:
        return b"<html><body>502 Bad Gateway</body></html>"
    where = rng.randrange(len(data))
    return data[:where] + b"\xff\xfe" + data[where + 2 :]


def _named(sent: Sent) -> set[tuple[str, str, int]]:
    """What a message is about, where it is final."""
    message = wire.decode(sent.data)
    if type(message) is Trade:
        return {(*sent.stream, message.id)}
    return {(*sent.stream, message.bar.start)} if isinstance(message, wire.Candle) and message.closed else set()


def _unnumbered(trade: Trade) -> Trade:
    return Trade(trade.symbol, 0, trade.price, trade.size, trade.aggressor, trade.venue_at)


def _trade(trade: Trade) -> bytes:
    maker = b"true" if trade.aggressor < 0 else b"false"
    return b'{"e":"aggTrade","E":%d,"s":"%s","a":%d,"p":"%a","q":"%a","f":1,"l":1,"T":%d,"m":%s,"M":true}' % (
        trade.venue_at // MS,
        trade.symbol.encode(),
        trade.id,
        trade.price,
        trade.size,
        trade.venue_at // MS,
        maker,
    )


def _ticker(trade: Trade, truth: Truth) -> bytes:
    """The best bid and ask once a trade has happened: a tick around its price."""
    bid, ask = truth.around(trade.price)
    return b'{"u":%d,"s":"%s","b":"%a","B":"%a","a":"%a","A":"%a"}' % (
        trade.id,
        trade.symbol.encode(),
        bid,
        round(trade.size * 3, 4),
        ask,
        round(trade.size * 2, 4),
    )


def _kline(candle: Candle, interval: str) -> bytes:
    bar = candle.bar
    start = bar.start // MS
    end = bar.venue_at // MS - 1
    closed = b"true" if candle.closed else b"false"
    head = b'{"e":"kline","E":%d,"s":"%s","k":{"t":%d,"T":%d,"s":"%s","i":"%s",' % (
        candle.at // MS,
        bar.symbol.encode(),
        start,
        end,
        bar.symbol.encode(),
        interval.encode(),
    )
    return head + b'"o":"%a","h":"%a","l":"%a","c":"%a","v":"%a","x":%s}}' % (
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        closed,
    )


def _rest_trades(trades: Sequence[Trade]) -> bytes:
    rows = [
        b'{"a":%d,"p":"%a","q":"%a","f":1,"l":1,"T":%d,"m":%s,"M":true}'
        % (t.id, t.price, t.size, t.venue_at // MS, b"true" if t.aggressor < 0 else b"false")
        for t in trades
    ]
    return b"[" + b",".join(rows) + b"]"


def _rest_klines(bars: Sequence[Bar]) -> bytes:
    rows = [
        b'[%d,"%a","%a","%a","%a","%a",%d,"0",1,"0","0","0"]'
        % (b.start // MS, b.open, b.high, b.low, b.close, b.volume, b.venue_at // MS - 1)
        for b in bars
    ]
    return b"[" + b",".join(rows) + b"]"
