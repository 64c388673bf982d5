"""A day on paper in minutes: memory and object counts hour by hour:  python benchmarks/soak.py [--json] [--quick] [--hours N]

50 symbols, a trade of each every second, 24 simulated hours: 4,320,000 events through a whole paper session (durable journal,
snapshots, timeframes of one and five minutes, features, two strategies that trade). After each simulated hour: resident memory
and the numbers of orders, of waiting things and of Python objects.

`rss_slope_mb_per_hour` is the slope of a line through the second half of the hours; `objects_per_hour` the same of the number of
objects that Python's collector knows. Both are to be flat: bound 0.5 MB an hour, and what is open.
"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import asking, tell
from onepath import Strategy, realtime
from onepath.config import loads
from onepath.market import Bar, MarketEvent, Trade
from unconnected import SECOND, T0, Clock, Unconnected

HOUR = 3_600
SYMBOLS = 50
NAMES = tuple(f"S{n:02}USDT" for n in range(SYMBOLS))
CONFIG = """
mode: paper
data: {type: realtime, source: scripted, symbols: [S]}
execution: {latency: {mean_ms: 40, std_ms: 10}, participation: null, commission: {model: bps, params: {bps: 2}}}
recovery: {snapshots: 60s}
isolation: {time_budget: 30}
strategies:
  - {name: turns, class: "soak.py:Turns", capital: 1000000}
  - {name: rests, class: "soak.py:Rests", capital: 1000000}
"""


class Turns(Strategy):
    """Turns a small position of one symbol in its turn, each second; looks at timeframes."""

    def on_start(self, context: Any) -> None:
        context.timeframes.require("1m", keep=500)  # full after eight hours and a half, as are the five minutes
        context.timeframes.require("5m", keep=100)
        self.turn = 0

    def on_bar(self, bar: Bar, interval: str, context: Any) -> None:
        """Bars are built because somebody asks for them."""

    def generate_orders(self, context: Any) -> Any:
        self.turn += 1
        if self.turn % SYMBOLS:
            return ()
        symbol = context.symbols[self.turn // SYMBOLS % len(context.symbols)]
        return context.target(symbol, quantity=0 if context.portfolio.quantity(symbol) else 1)


class Rests(Strategy):
    """Keeps a limit order far from the market in some symbols, and moves it now and then."""

    def on_start(self, context: Any) -> None:
        self.turn = 0

    def generate_orders(self, context: Any) -> Any:
        self.turn += 1
        if self.turn % 500:
            return ()
        if len(context.open_orders) < 20:
            symbol = context.symbols[self.turn // 500 % len(context.symbols)]
            return context.buy(symbol, 1, limit=float(context.price(symbol)) * 0.5)
        order = context.open_orders[0]
        if self.turn % 1_000:
            return context.cancel(order)
        return context.replace(order, limit=float(context.price(order.symbol)) * 0.4)


class Markets(Unconnected):
    """A source: 50 random walks, a trade of each every second."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        super().__init__(clock, NAMES, ("trades",))
        self._second, self._seconds = 0, seconds
        self._prices = dict.fromkeys(NAMES, 100.0)
        self._random = random.Random(11)  # noqa: S311 - a market, no secret

    def take(self, seconds: float) -> Sequence[MarketEvent]:
        if self._second >= self._seconds:
            return super().take(seconds)
        self._second += 1
        at = T0 + self._second * SECOND
        found: list[MarketEvent] = []
        for number, name in enumerate(NAMES):
            price = self._prices[name] = round(self._prices[name] * (1 + self._random.gauss(0, 1e-4)), 2)
            moment = at + number * 1_000_000
            found.append(Trade(name, moment, price, 5.0, 1, moment - 5_000_000, self._second))
        self.clock.at = moment + 1
        return found


def rss_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def slope(values: Sequence[float]) -> float:
    """Of a straight line through `values`, by least squares, a step."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    return sum((i - middle) * (v - mean) for i, v in enumerate(values)) / sum((i - middle) ** 2 for i in range(count))


def measured(hours: int, say: Any) -> dict[str, float]:
    """Run the day; all figures."""
    clock, rows = Clock(T0), []
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal.db"
        session = realtime.begin(
            loads(CONFIG),
            Markets(clock, hours * HOUR),
            home=Path(__file__).parent,
            session_id="soak",
            journal_path=journal,
            clock=clock,
            until=T0 + (hours * HOUR + 1) * SECOND,
        )
        due = T0 + HOUR * SECOND

        def look() -> None:
            nonlocal due
            if clock.at >= due:
                due += HOUR * SECOND
                gc.collect()
                rows.append(
                    (rss_mb(), len(gc.get_objects()), sum(len(p.context.open_orders) for p in session.engine.seats))
                )
                say(
                    f"hour {len(rows):3}  rss {rows[-1][0]:7.1f} MB  objects {rows[-1][1]:,}  open orders {rows[-1][2]}"
                )

        session.after_batch.append(look)
        began = time.perf_counter()
        outcome = session.run()
        took = time.perf_counter() - began
        assert outcome.status == "completed", outcome.errors
        orders = sum(1 for _ in session.journal.rows(("order.submitted",)))
        size = journal.stat().st_size / 1e6
        session.journal.close()
    half = rows[len(rows) // 2 :]
    return {
        "hours": hours,
        "events": outcome.events,
        "orders": orders,
        "seconds": round(took, 1),
        "rss_mb": round(rows[-1][0], 1),
        "rss_slope_mb_per_hour": round(slope([row[0] for row in half]), 3),
        "objects": rows[-1][1],
        "objects_per_hour": round(slope([row[1] for row in half]), 1),
        "most_open_orders": max(row[2] for row in rows),
        "journal_mb": round(size, 1),
    }


BOUNDS = {"rss_slope_mb_per_hour": 0.5}
"""what each figure must not pass, in a day"""


def main() -> None:
    """Measure and print."""
    parser = asking(__doc__, quick="4 hours: for sanity, not for figures")
    parser.add_argument("--hours", type=int, default=24, help="simulated hours, 4 at least")
    asked = parser.parse_args()
    found = measured(4 if asked.quick else asked.hours, (lambda _: None) if asked.json else print)
    tell(found, BOUNDS, as_json=asked.json)


if __name__ == "__main__":
    main()
