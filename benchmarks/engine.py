"""The engine against a bare Python loop, on one core, in one run:  python benchmarks/engine.py [--json] [--quick]

What is compared. Floor: a loop over column lists that builds a slotted bar and calls the strategy's two methods, nothing
else. Engine: the same strategy class over the same column lists through `Session.run`, with its journal in a SQLite file;
opening the journal, the manifest, valuations and closing are inside the measured time; the fingerprint of the data is known
before (the catalogue keeps it, Parquet streams compute it as they go; of lists it costs about 0.25 us a bar, once). Best of
five, alternating, so that a noisy machine hits both. Ratios are the result; absolute numbers are for orientation.

The SMA strategy crosses the averages of eight hours and of a day (480/1440 minutes), which trades about once a day; the cost
of an order is a figure of its own. `sma_20_50_ratio` is the same at 20/50 minutes, with an order every 45 bars or so: the
floor's orders go nowhere, the engine's are checked, journaled, filled and booked.
Memory and start-up are measured in processes of their own.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from onepath import Bar, Context, Limits, Strategy, sma
from onepath.feeds.columns import ColumnFeed
from onepath.instruments import Instrument
from onepath.journal.sqlite import SqliteJournal
from onepath.seat import Seated
from onepath.session import MINUTE, Plan, Session, mark_interval
from onepath.simulator.assumptions import Market

Columns = tuple[list[int], list[int], list[float], list[float], list[float], list[float], list[float]]
T0 = 1_577_836_800 * 1_000_000_000
SYMBOL = "BTC"
CASH = Decimal(100_000_000)


# -- data


def bars(count: int, seed: int = 7, start: float = 50_000.0) -> Columns:
    """A random walk of one-minute bars as lists: start, at, open, high, low, close, volume."""
    import numpy as np

    draw = np.random.Generator(np.random.PCG64(seed))
    close = np.round(start * np.exp(np.cumsum(draw.normal(0, 4e-4, count))), 2)
    opening = np.round(np.concatenate(([start], close[:-1])) * (1 + draw.normal(0, 2e-5, count)), 2)
    high = np.round(np.maximum(opening, close) * (1 + np.abs(draw.normal(0, 1e-4, count))), 2)
    low = np.round(np.minimum(opening, close) * (1 - np.abs(draw.normal(0, 1e-4, count))), 2)
    volume = np.round(draw.lognormal(4, 0.5, count) + 20, 3)
    begin = T0 + np.arange(count) * MINUTE
    return tuple(c.tolist() for c in (begin, begin + MINUTE, opening, high, low, close, volume))  # type: ignore[return-value]


# -- strategies: the same classes run in the floor and in the engine


class Noop(Strategy):
    """Hears everything, does nothing."""

    def on_market_event(self, event: Bar, context: Any) -> None:
        pass

    def generate_orders(self, context: Any) -> Any:
        return ()


class OwnSma(Strategy):
    """SMA crossover that keeps its averages itself, in plain Python."""

    class Params(Strategy.Params):
        fast: int = 480
        slow: int = 1440

    symbol = SYMBOL

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.fast, self.slow = self.params.fast, self.params.slow
        self.buffer = [0.0] * self.slow
        self.seen = 0
        self.fast_sum = self.slow_sum = 0.0
        self.above = self.long = False

    def on_market_event(self, event: Bar, context: Any) -> None:
        seen, slow, buffer, close = self.seen, self.slow, self.buffer, event.close
        self.slow_sum += close - buffer[seen % slow]
        self.fast_sum += close - buffer[(seen - self.fast) % slow] if seen >= self.fast else close
        buffer[seen % slow] = close
        self.seen = seen + 1
        if seen + 1 >= slow:
            self.above = self.fast_sum / self.fast > self.slow_sum / slow

    def generate_orders(self, context: Any) -> Any:
        if self.above == self.long:
            return ()
        self.long = self.above
        return context.buy(self.symbol, 1) if self.above else context.sell(self.symbol, 1)


class FeatureSma(Strategy):
    """The same crossover from features."""

    def on_start(self, context: Context) -> None:
        context.features.require(fast=sma(480), slow=sma(1440))
        self.long = False

    def generate_orders(self, context: Context) -> Any:
        f = context.features[SYMBOL]
        above = f.fast > f.slow  # false while they are not warm: NaN is above nothing
        if above == self.long:
            return ()
        self.long = above
        return context.buy(SYMBOL, 1) if above else context.sell(SYMBOL, 1)


class EveryBar(Strategy):
    """A market order on every bar, buy and sell in turn."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.long = False

    def on_market_event(self, event: Bar, context: Any) -> None:
        pass

    def generate_orders(self, context: Any) -> Any:
        self.long = not self.long
        return context.buy(SYMBOL, 1) if self.long else context.sell(SYMBOL, 1)


class ManySma(Strategy):
    """One SMA crossover over many symbols on one clock, averages kept in plain Python."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.books: dict[str, OwnSma] = {}

    def on_market_event(self, event: Bar, context: Any) -> None:
        book = self.books.get(event.symbol)
        if book is None:
            book = self.books[event.symbol] = OwnSma()
        book.on_market_event(event, context)

    def generate_orders(self, context: Any) -> Any:
        return ()


# -- the floor


class SlottedBar:
    """What a bare loop would make of a row."""

    __slots__ = ("at", "close", "high", "low", "open", "start", "symbol", "volume")

    def __init__(
        self, symbol: str, start: int, at: int, open_: float, high: float, low: float, close: float, volume: float
    ) -> None:
        self.symbol = symbol
        self.start = start
        self.at = at
        self.open = open_
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume


class BareOrder:
    """What a bare loop would make of an order."""

    __slots__ = ("quantity", "side", "symbol")

    def __init__(self, symbol: str, side: int, quantity: float) -> None:
        self.symbol = symbol
        self.side = side
        self.quantity = quantity


class BareContext:
    """Makes orders and forgets them."""

    def buy(self, symbol: str, quantity: float) -> list[BareOrder]:
        return [BareOrder(symbol, 1, quantity)]

    def sell(self, symbol: str, quantity: float) -> list[BareOrder]:
        return [BareOrder(symbol, -1, quantity)]


def floor(columns: Columns, strategy: Any) -> float:
    """Seconds of the bare loop over one symbol."""
    context = BareContext()
    began = time.perf_counter()
    for start, at, open_, high, low, close, volume in zip(*columns, strict=True):
        bar = SlottedBar(SYMBOL, start, at, open_, high, low, close, volume)
        strategy.on_market_event(bar, context)
        strategy.generate_orders(context)
    return time.perf_counter() - began


def floor_many(rows: Sequence[Sequence[Any]], strategy: Any) -> float:
    """Seconds of the bare loop over merged rows of many symbols: a call a bar, and one a moment for orders."""
    context, now = BareContext(), rows[2][0]
    began = time.perf_counter()
    for symbol, start, at, open_, high, low, close, volume in zip(*rows, strict=True):
        if at != now:
            strategy.generate_orders(context)
            now = at
        bar = SlottedBar(symbol, start, at, open_, high, low, close, volume)
        strategy.on_market_event(bar, context)
    strategy.generate_orders(context)
    return time.perf_counter() - began


# -- the engine


def plan_of(feed: Any, strategy: Strategy) -> Plan:
    """A backtest without costs."""
    data = feed.describe()
    seated = Seated("bench", strategy, CASH, Limits(), tuple(feed.instruments))
    return Plan("backtest", 0, feed, data, [seated], [{}], Market(), {}, mark_interval(data))


def engine(feed: Any, strategy: Strategy) -> float:
    """Seconds of a session over the feed, its journal in a file."""
    return timed(plan_of(feed, strategy))


def timed(plan: Plan) -> float:
    """Seconds of a session, its journal in a file."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        journal = SqliteJournal.create(Path(folder) / "journal.db", "bench")
        outcome = Session(plan, journal).run()
        journal.close()
        took = time.perf_counter() - began
    if outcome.status != "completed":
        raise SystemExit(f"the benchmark session ended {outcome.status}: {outcome.errors}")
    return took


NAMES = ("start", "at", "open", "high", "low", "close", "volume")


def feed_over(columns: Mapping[str, Columns]) -> ColumnFeed:
    """A feed over lists that are there already; its fingerprint is taken here."""
    named = {symbol: dict(zip(NAMES, fields, strict=True)) for symbol, fields in columns.items()}
    feed = ColumnFeed(named, {s: Instrument(symbol=s) for s in named}, interval_ns=MINUTE)
    feed.fingerprint()
    return feed


def one(columns: Columns) -> ColumnFeed:
    """A feed over one symbol."""
    return feed_over({SYMBOL: columns})


def best(rounds: int, **programs: Callable[[], float]) -> dict[str, float]:
    """The least time of each program, run in turn."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            gc.collect()
            times[name].append(program())
    return {name: min(found) for name, found in times.items()}


def ratios(count: int, rounds: int) -> dict[str, float]:
    """Time of the engine over time of the floor."""
    columns = bars(count)
    feed = one(columns)
    short = count // 5
    ordered = one(tuple(column[:short] for column in columns))  # type: ignore[arg-type]
    t = best(
        rounds,
        floor_noop=lambda: floor(columns, Noop()),
        noop=lambda: engine(feed, Noop()),
        floor_sma=lambda: floor(columns, OwnSma()),
        sma=lambda: engine(feed, OwnSma()),
        floor_sma_20_50=lambda: floor(columns, OwnSma(fast=20, slow=50)),
        sma_20_50=lambda: engine(feed, OwnSma(fast=20, slow=50)),
        features=lambda: engine(feed, FeatureSma()),
        few_noop=lambda: engine(ordered, Noop()),
        orders=lambda: engine(ordered, EveryBar()),
    )
    return {
        "noop_ratio": t["noop"] / t["floor_noop"],
        "sma_ratio": t["sma"] / t["floor_sma"],
        "sma_20_50_ratio": t["sma_20_50"] / t["floor_sma_20_50"],
        "sma_features_ratio": t["features"] / t["sma"],
        "order_us": (t["orders"] - t["few_noop"]) / short * 1e6,
        "bars_per_second": count / t["sma"],
    }


def growth(small: int, rounds: int) -> dict[str, float]:
    """Cost a bar at ten times the bars, without and with an order on each."""
    few, many = bars(small), bars(small * 10)
    little, much = one(few), one(many)
    t = best(
        rounds,
        few=lambda: engine(little, OwnSma()) * 10,
        many=lambda: engine(much, OwnSma()),
        few_orders=lambda: engine(little, EveryBar()) * 10,
        many_orders=lambda: engine(much, EveryBar()),
    )
    return {"growth_ratio": t["many"] / t["few"], "growth_orders_ratio": t["many_orders"] / t["few_orders"]}


def symbols(count: int, each: int, rounds: int) -> dict[str, float]:
    """Many symbols on one clock, against the bare loop over the rows merged by time."""
    columns = {f"S{i:02d}": bars(each, 7_000 + i) for i in range(count)}
    names = [name for _ in range(each) for name in columns]
    merged = [[columns[n][field][row] for row in range(each) for n in columns] for field in range(7)]
    feed = feed_over(columns)
    t = best(rounds, floor=lambda: floor_many([names, *merged], ManySma()), engine=lambda: engine(feed, ManySma()))
    return {"symbols_ratio": t["engine"] / t["floor"]}


# -- memory and start, in processes of their own


def peak_mb(count: int) -> float:
    """Peak memory of a process that streams `count` bars from Parquet through the engine."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{SYMBOL}.parquet"
        _write_parquet(path, count)
        return float(_child("--child-memory", str(path)))


def _write_parquet(path: Path, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("start", pa.int64()), ("at", pa.int64()), *((n, pa.float64()) for n in _FIELDS)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        step, chunk = 0, 500_000
        while step < count:
            size = min(chunk, count - step)
            begin, at, *prices = bars(size, seed=7)
            shift = step * MINUTE
            arrays = [[x + shift for x in begin], [x + shift for x in at], *prices]
            writer.write_table(
                pa.table(dict(zip(schema.names, arrays, strict=True)), schema=schema), row_group_size=65_536
            )
            step += size


_FIELDS = ("open", "high", "low", "close", "volume")


def child_memory(path: str) -> None:
    """In the child: stream, then print the peak in MB."""
    from onepath.data import open_feed

    engine(open_feed(path), OwnSma())
    # Not getrusage: its peak is inherited from the parent process.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024)


def import_ms(rounds: int) -> float:
    """Milliseconds that `import onepath` adds to a bare interpreter, best of several."""
    code = "import time; t = time.perf_counter(); import onepath; print((time.perf_counter() - t) * 1e3)"
    return min(float(_output([sys.executable, "-c", code])) for _ in range(rounds))


def _child(*arguments: str) -> str:
    return _output([sys.executable, __file__, *arguments])


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


BARS = {
    "noop_ratio": 1.3,
    "sma_ratio": 1.2,
    "sma_features_ratio": 1.0,
    "order_us": 20.0,
    "growth_ratio": 1.15,
    "growth_orders_ratio": 1.15,
    "symbols_ratio": 1.5,
    "peak_mb_500k": 200.0,
    "import_ms": 300.0,
}
"""what each figure must not pass"""
SANE = 3
"""a figure this many times its bound is no noise: the program fails"""


def measure(quick: bool) -> dict[str, float]:
    """All figures; `quick` is a tenth of the size, for a look and for CI."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    scale, rounds = (10, 3) if quick else (1, 5)
    found = ratios(500_000 // scale, rounds)
    found |= growth(100_000 // scale, rounds)
    found |= symbols(50, 20_000 // scale, rounds)
    found["peak_mb_500k"] = peak_mb(500_000 // scale)
    found["peak_mb_5m"] = peak_mb(5_000_000 // scale)
    found["import_ms"] = import_ms(5)
    return {name: round(value, 3) for name, value in found.items()}


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure and print."""
    parser = asking(__doc__, quick="a tenth of the size")
    parser.add_argument("--child-memory", metavar="PATH", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child_memory:
        child_memory(asked.child_memory)
        return
    found = measure(asked.quick)
    tell(found, BARS, as_json=asked.json)
    refuse_insane(found, BARS)


def asking(what: str | None, quick: str) -> argparse.ArgumentParser:
    """The arguments that every benchmark has; `what` is its docstring."""
    parser = argparse.ArgumentParser(description=(what or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def tell(found: Mapping[str, float], bounds: Mapping[str, float], *, as_json: bool) -> None:
    """Print the figures."""
    if as_json:
        print(json.dumps(found))
    else:
        show(found, bounds)


def refuse_insane(found: Mapping[str, float], bounds: Mapping[str, float]) -> None:
    """End the program where a figure is no noise any more."""
    insane = {name: value for name, value in found.items() if value > SANE * bounds.get(name, value)}
    if insane:
        sys.exit(f"far beyond their bounds: {insane}")


def show(found: Mapping[str, float], bounds: Mapping[str, float]) -> None:
    """A line a figure."""
    for name, value in found.items():
        most = bounds.get(name)
        verdict = "" if most is None else f"  (at most {most:g}{'' if value <= most else ', MISSED'})"
        number = f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
        print(f"{name:<28}{number:>14}{verdict}")


if __name__ == "__main__":
    main()
