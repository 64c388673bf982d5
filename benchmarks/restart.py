"""From a crash to ready, after a million recorded events:  python benchmarks/restart.py [--json] [--quick]

A paper session of the SMA strategy records trades of one symbol, with a bar a second, in a durable journal, in a process that
then ends without a word. Another process goes on with it: `ready_s` is the time from `resuming.resume` until the session asks
its source for what is new, once with the whole record run again, once from the last snapshot (taken every 10 s of its time).
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine import asking, tell
from onepath import realtime, resuming
from onepath.config import loads
from onepath.market import Bar, MarketEvent, Trade
from unconnected import SECOND, T0, Clock, Unconnected

RATE, AT_ONCE = 50, 50
CONFIG = """
mode: paper
data: {{type: realtime, source: scripted, symbols: [BTCUSDT]}}
execution: {{participation: null}}
recovery: {{snapshots: {snapshots}}}
strategies: [{{name: sma_cross, capital: 100000, params: {{fast: 20, slow: 50}}}}]
"""


class Walk(Unconnected):
    """A source: a random walk of trades, 50 a second, and their bars; `asked` is when it was first asked for what is new."""

    def __init__(self, clock: Clock, first: int, count: int) -> None:
        super().__init__(clock, ("BTCUSDT",), ("bars", "trades"))
        self.asked = 0.0
        self.done = False
        self._number, self._count, self._price = first, count, 100.0
        self._random = random.Random(7)  # noqa: S311 - a market, no secret

    def describe(self) -> Mapping[str, Any]:
        return {"source": "scripted", "interval_ns": SECOND}

    def start(self, after: Mapping[tuple[str, str], MarketEvent], since: int = 0) -> None:
        self.asked = time.perf_counter()

    def take(self, seconds: float) -> Sequence[MarketEvent]:
        if self._number >= self._count:
            self.done = True
            return super().take(seconds)
        found: list[MarketEvent] = []
        for _ in range(AT_ONCE):
            self._number += 1
            at = T0 + self._number * SECOND // RATE
            self._price = price = round(self._price * (1 + self._random.gauss(0, 1e-4)), 2)
            found.append(Trade("BTCUSDT", at, price, 0.5, 1, at - 5_000_000, self._number))
        found.append(Bar("BTCUSDT", at - SECOND, at + 1, price, price, price, price, 25.0, at))
        self.clock.at = at + 1
        return found


def recorded(folder: Path, events: int, snapshots: str) -> None:
    """Run a session in a child that ends without a word when all has been recorded."""
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, "the session did not get that far"
        return
    clock = Clock(T0)
    source = Walk(clock, 0, events)
    session = realtime.begin(
        loads(CONFIG.format(snapshots=snapshots)),
        source,
        home=folder,
        session_id="bench",
        journal_path=folder / "journal.db",
        clock=clock,
    )

    def crash() -> None:
        if source.done:
            session.journal.flush()
            os._exit(9)

    session.after_batch.append(crash)
    session.run()


def ready(folder: Path, events: int) -> tuple[float, int]:
    """Seconds until the session asks for what is new, and how many events it had delivered before the snapshot."""
    clock = Clock(T0 + (events // RATE + 60) * SECOND)
    source = Walk(clock, events, events)
    began = time.perf_counter()
    gone_on = resuming.resume(folder / "journal.db", source, home=folder, clock=clock, until=clock.at + SECOND)
    before = gone_on.session.delivered
    outcome = gone_on.session.run()
    gone_on.session.journal.close()
    assert outcome.status == "completed", outcome.errors
    assert outcome.events == events + events // AT_ONCE, "events are missing"
    return source.asked - began, before


def measured(events: int) -> dict[str, float]:
    """All figures."""
    found: dict[str, float] = {"events": events}
    for name, snapshots in (("ready_s", "auto"), ("ready_from_snapshot_s", "10s")):
        with tempfile.TemporaryDirectory() as folder:
            recorded(Path(folder), events, snapshots)
            seconds, before = ready(Path(folder), events)
            assert bool(before) is (snapshots != "auto")
            found[name] = round(seconds, 2)
            found["journal_mb"] = round(sum(f.stat().st_size for f in Path(folder).glob("journal.db*")) / 1e6, 1)
    return found


BOUNDS = {"ready_s": 10.0, "ready_from_snapshot_s": 2.0}
"""what each figure must not pass"""


def main() -> None:
    """Measure and print."""
    asked = asking(__doc__, quick="50,000 events: for sanity, not for figures").parse_args()
    tell(measured(50_000 if asked.quick else 1_000_000), BOUNDS, as_json=asked.json)


if __name__ == "__main__":
    main()
