"""From a frame on a socket to an order at the venue, on paper:  python benchmarks/realtime.py [--json] [--quick]

What is compared. A local venue, in a process of its own, sends 5,000 trades a second over a loopback socket; every tenth makes
the strategy send a market order. Ours: the whole paper session: socket thread, continuity checks, bounded queue, durable journal
(SQLite WAL, synchronous FULL, in a file), engine, risk, gate, and the simulated venue at the end of it. Floor: the same socket,
library and decoder, with the strategy called where a trade has been decoded, in the socket's thread, and nothing else.
A time is from the moment the frame was handed to the process by the socket library until the order is handed to the venue.

`events_per_second_sustained`: trades a second that the session works off when the venue sends as many as it can for some
seconds, all of them accounted for by number; `sent_per_second` is what the venue managed; `queue_highest` of how many waited.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine import asking, tell
from onepath import Strategy, realtime
from onepath.clock import RealtimeClock
from onepath.config import loads
from onepath.market import Trade
from onepath.streams.ccxt import CcxtExchange, CcxtSource
from onepath.streams.life import Connection

RATE = 5_000
FLOOD = 40_000
"""trades a second, more than a session is for: what it makes of them is what it sustains"""
EVERY = 10
SECOND = 1_000_000_000
WARM = 1.0
"""seconds at the beginning that are not counted: connecting, history, first calls"""
CONFIG = """
mode: paper
data: {{type: realtime, source: binance, url: "{url}", symbols: [{symbol}], kinds: [trades], history: 0}}
execution: {{participation: 1}}
strategies: [{{name: tenth, class: "realtime.py:Tenth", capital: 1000000000}}]
isolation: {{max_orders_per_second: 1000000}}
"""


class Tenth(Strategy):
    """A small market order on every tenth trade, bought and sold in turn."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.seen = 0

    def generate_orders(self, context: Any) -> Any:
        self.seen += 1
        if self.seen % EVERY:
            return ()
        symbol = context.symbols[0]
        return context.buy(symbol, 0.001) if self.seen % (2 * EVERY) else context.sell(symbol, 0.001)


class Stopwatch(RealtimeClock):
    """The machine's clock, which notes for each arrival stamped when its frame was received."""

    def __init__(self) -> None:
        self.received = 0
        self.frame_of: dict[int, int] = {}

    def now(self) -> int:
        now = time.time_ns()
        self.frame_of[now] = self.received
        return now


class Handed:
    """The session's venue, with the time at which each order reaches it."""

    def __init__(self, venue: Any, watch: Stopwatch) -> None:
        self._venue = venue
        self._frames = watch.frame_of
        self.took: list[tuple[int, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def submit(self, approved: Any, at: int) -> Any:
        handed = time.time_ns()
        self.took.append((handed, handed - self._frames.get(at, handed)))
        return self._venue.submit(approved, at)


@contextmanager
def venue(rate: int) -> Iterator[tuple[str, str]]:
    """A local venue in a process of its own: its address and symbol."""
    command = [str(Path(sys.executable).with_name("onepath")), "venue", "--flood", str(rate), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield said["url"], said["symbols"][0]
    finally:
        process.terminate()
        process.wait(10)


def noting(exchange: Any, watch: Stopwatch) -> None:
    """Have `exchange` note when a frame is received, before it is decoded."""
    sockets = exchange._sockets
    arrived = sockets._arrived

    def noted(client: Any) -> None:
        watch.received = time.time_ns()
        arrived(client)

    sockets._arrived = noted


def ours(rate: int, seconds: float) -> tuple[list[tuple[int, int]], dict[str, Any]]:
    """Times of a paper session, and its health at the end."""
    watch = Stopwatch()
    with venue(rate) as (url, symbol), tempfile.TemporaryDirectory() as folder:
        source = CcxtSource("binance", watch, symbols=[symbol], kinds=("trades",), interval_ns=60 * SECOND, url=url)
        noting(source.exchange, watch)
        session = realtime.begin(
            loads(CONFIG.format(url=url, symbol=symbol)),
            source,
            home=Path(__file__).parent,
            session_id="bench",
            journal_path=Path(folder) / "journal.db",
            clock=watch,
            until=time.time_ns() + round(seconds * SECOND),
        )
        handed = Handed(session.venue, watch)
        session.venue = handed
        outcome = session.run()
        assert outcome.status == "completed", outcome.errors
        rows = [e for row in session.journal.rows(("market",)) for e in json.loads(row.body)]
        session.journal.close()
    ids = [row[-1] for row in rows if row[0] == "t"]
    whole = ids == list(range(ids[0], ids[0] + len(ids)))
    span = (rows[-1][2] - rows[0][2]) / SECOND
    return handed.took, {"events": len(ids), "whole": whole, "per_second": len(ids) / span, **_queue(source)}


def _queue(source: CcxtSource) -> dict[str, Any]:
    health = source.health()["queue"]
    return {"queue_highest": health["highest"], "waits": health["waits"]}


class FloorEar:
    """Calls the strategy for each trade, where it was decoded."""

    crowded = False

    def __init__(self, watch: Stopwatch) -> None:
        self.took: list[tuple[int, int]] = []
        self._watch = watch
        self._seen = 0

    def trade(self, trade: Trade) -> None:
        """The strategy: every tenth trade is an order, handed over."""
        self._seen += 1
        if self._seen % EVERY == 0:
            handed = time.time_ns()
            self.took.append((handed, handed - self._watch.received))

    def connected(self) -> None:
        """Nothing to do."""

    def bad(self, error: Exception) -> None:
        raise error


def floor(rate: int, seconds: float) -> list[tuple[int, int]]:
    """Times of the same socket and decoder, with the strategy called directly."""
    watch = Stopwatch()

    async def listen(url: str, symbol: str, ear: FloorEar) -> None:
        exchange = CcxtExchange("binance", [symbol], ("trades",), 60 * SECOND, url, Connection())
        noting(exchange, watch)
        await exchange.open()
        try:
            await asyncio.wait_for(exchange.listen([(symbol, "trades")], ear), seconds)  # type: ignore[arg-type]
        except TimeoutError:
            pass
        finally:
            await exchange.close()

    with venue(rate) as (url, symbol):
        ear = FloorEar(watch)
        asyncio.run(listen(url, symbol, ear))
    return ear.took


def percentiles(took: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Median and 99th percentile in microseconds, of what was handed over after the first second."""
    begin = took[0][0] + round(WARM * SECOND)
    times = sorted(t for at, t in took if at >= begin)
    return times[len(times) // 2] / 1e3, times[len(times) * 99 // 100] / 1e3


def measured(seconds: float) -> dict[str, float]:
    """All figures."""
    floor_p50, floor_p99 = percentiles(floor(RATE, seconds))
    took, health = ours(RATE, seconds)
    p50, p99 = percentiles(took)
    assert health["whole"], "trades are missing"
    _, most = ours(FLOOD, max(3.0, seconds / 2))
    assert most["whole"], "trades are missing at full load"
    return {
        "p50_us": round(p50, 1),
        "p99_us": round(p99, 1),
        "floor_p50_us": round(floor_p50, 1),
        "floor_p99_us": round(floor_p99, 1),
        "events_per_second": round(health["per_second"]),
        "orders": len(took),
        "events_per_second_sustained": round(most["per_second"]),
        "queue_highest": most["queue_highest"],
        "waits": most["waits"],
    }


BOUNDS = {"p99_us": 1_000.0}
"""what each figure must not pass"""


def main() -> None:
    """Measure and print."""
    asked = asking(__doc__, quick="a few seconds: for sanity, not for figures").parse_args()
    tell(measured(5.0 if asked.quick else 20.0), BOUNDS, as_json=asked.json)


if __name__ == "__main__":
    main()
