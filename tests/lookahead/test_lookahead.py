"""The future never changes the past: data after a moment are cut off or scrambled, and all decisions up to it compared.

The harness runs a strategy over bars in memory that it alone owns. A strategy that gets hold of the bars themselves must
be caught by it; else it would prove nothing.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cases
import pyarrow.parquet as pq
import pytest

import onepath
from onepath import Context, Strategy, atr, ema, returns, rsi, sma, volatility
from onepath.backtest import plan
from onepath.data import open_feed
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import DECISIONS, FILLS
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar
from onepath.ports import Row
from onepath.session import Session

SAMPLES = Path(onepath.__file__).parent / "data" / "samples"
Data = dict[str, dict[str, list[Any]]]
Make = Callable[[Data], Mapping[str, Any]]
"""From the data to the arguments of a run: only a cheat looks at the data."""
PRICES = ("open", "high", "low", "close")


def sample(dataset: str, symbols: tuple[str, ...]) -> Data:
    """The bars of a bundled data set as lists."""
    tables = {symbol: pq.read_table(SAMPLES / dataset / f"{symbol}.parquet") for symbol in symbols}
    return {s: {column: table.column(column).to_pylist() for column in COLUMNS} for s, table in tables.items()}


def cut(data: Data, at: int) -> Data:
    """Nothing after `at`."""
    kept = {symbol: sum(close <= at for close in columns["at"]) for symbol, columns in data.items()}
    return {s: {name: values[: kept[s]] for name, values in columns.items()} for s, columns in data.items()}


def scrambled(data: Data, at: int, seed: int) -> Data:
    """Other bars after `at`: in any order, at another level, with other volumes; the times stay."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat
    made: Data = {}
    for symbol, columns in data.items():
        first = sum(close <= at for close in columns["at"])
        order = list(range(first, len(columns["at"])))
        chance.shuffle(order)
        level = chance.choice([0.2, 0.7, 1.5, 6.0])
        changed = dict(columns)
        for name in PRICES:
            changed[name] = columns[name][:first] + [columns[name][i] * level for i in order]
        changed["volume"] = columns["volume"][:first] + [columns["volume"][i] * 0.5 for i in order]
        made[symbol] = changed
    return made


def journal_of(make: Make, data: Data, dataset: str) -> list[Row]:
    """Decisions, signals and fills of a run over `data`."""
    instruments = open_feed(dataset, symbols=list(data)).instruments
    interval = min(b - a for c in data.values() for a, b in zip(c["at"][:50], c["at"][1:51], strict=False))
    # The marks are given, or a shorter span would choose others.
    given = {"marks": "1d", **make(data)}
    journal = MemoryJournal("look")
    feed = ColumnFeed(data, instruments, interval_ns=interval)
    outcome = Session(plan(feed=feed, **given), journal).run()
    assert outcome.errors == ()
    return list(journal.rows((*DECISIONS, *FILLS)))


def peeks(make: Make, data: Data, dataset: str, at: int) -> list[str]:
    """The ways in which the future after `at` changes what was decided or filled up to it; empty for honest strategies."""
    whole = [row for row in journal_of(make, data, dataset) if row.at <= at]
    others = {"cut": cut(data, at)} | {f"scrambled {seed}": scrambled(data, at, seed) for seed in (1, 2)}
    return [
        what
        for what, changed in others.items()
        if [row for row in journal_of(make, changed, dataset) if row.at <= at] != whole
    ]


def moments(data: Data, number: int) -> list[int]:
    """Closes spread over the data, none at an end."""
    instants = sorted({at for columns in data.values() for at in columns["at"]})
    return [instants[len(instants) * k // (number + 1)] for k in range(1, number + 1)]


def of_case(name: str) -> tuple[Make, Data, str]:
    """A golden case's strategies and costs, over its bars."""
    given = cases.arguments(name)
    symbols = given.get("symbols") or tuple(open_feed(given["data"]).instruments)
    left_out = ("data", "symbols", "start", "end")
    bars = sample(given["data"], symbols)
    if name == cases.SEVERAL:
        bars = cut(bars, bars["AAPL"]["at"][700])
    return (
        lambda _: {k: v for k, v in cases.arguments(name).items() if k not in left_out},
        bars,
        given["data"],
    )


ON_BARS = [name for name in cases.ARGUMENTS if cases.arguments(name)["data"] != "btcusdt_quotes"]


@pytest.mark.parametrize("name", [*ON_BARS, cases.SEVERAL])
def test_examples_never_look_ahead(name: str) -> None:
    """For every example, costs and delays included, what comes after a moment changes nothing that was before it."""
    make, data, dataset = of_case(name)
    for at in moments(data, 2):
        assert peeks(make, data, dataset, at) == [], at
    assert sum(row.at <= moments(data, 2)[-1] for row in journal_of(make, data, dataset)) >= 10


class ReadsEverything(Strategy):
    """Puts all that a context shows on each bar into its decisions, through signals and sizes."""

    version = "1"

    def on_start(self, context: Context) -> None:
        context.features.require(
            a=sma(5),
            b=ema(7),
            c=returns(3),
            d=volatility(6),
            e=atr(4),
            f=rsi(5),
            g=sma(3, on="volume"),
            h=ema(4, on="high"),
        )
        context.historical_data.require(10)
        self._heard = 0.0
        self._reports = 0

    def on_market_event(self, event: Bar, context: Context) -> None:
        self._heard = self._heard * 0.5 + event.open + event.high + event.low + event.close + event.volume

    def on_order_update(self, order: Any, context: Context) -> None:
        self._reports += 1

    def generate_orders(self, context: Context) -> list[Any]:
        asked: list[Any] = []
        book = context.portfolio
        for symbol in context.symbols:
            price = context.price(symbol)
            if price is None:
                continue
            row = context.features[symbol]
            values = {name: getattr(row, name) for name in "abcdefgh"} if row.ready else {}
            values |= {
                "now": float(context.now),
                "price": float(price),
                "heard": self._heard,
                "reports": float(self._reports),
                "history": sum(context.historical_data.closes(symbol, 10)),
                "equity": float(book.equity),
                "cash": float(book.cash),
                "power": float(book.buying_power),
                "gross": float(book.exposure),
                "realised": float(book.realised_pnl),
                "unrealised": float(book.unrealised_pnl),
                "held": float(book.quantity(symbol)),
                "open": float(len(context.open_orders)),
            }
            signal = context.signal(symbol, "all", ("read",), **values)
            weight = (sum(values.values()) % 1.0 - 0.5) / len(context.symbols)
            asked += context.target(symbol, weight=weight, signal=signal)
            if context.now % 7 == 0:
                asked += context.buy(symbol, 1, limit=float(price) * 0.99, time_in_force="day")
        return asked


def test_a_context_shows_nothing_of_the_future() -> None:
    """A strategy whose decisions hold every number of its context decides the same whatever comes later."""
    data = sample("us10", ("AAPL", "JPM", "XOM"))
    data = cut(data, data["AAPL"]["at"][400])
    symbols = data["AAPL"]

    def make(_: Data) -> Mapping[str, Any]:
        return {"strategy": ReadsEverything, "slippage": onepath.VolumeBased(), "commission": "0.001"}

    for at in (symbols["at"][12], *moments(data, 3), symbols["at"][-2]):
        assert peeks(make, data, "us10", at) == [], at
    signals = [row for row in journal_of(make, data, "us10") if row.kind == "signal"]
    assert len(signals) == 3 * 401


class Cheat(Strategy):
    """Holds the bars themselves and buys if the next close is higher."""

    closes: tuple[tuple[int, float], ...] = ()

    def generate_orders(self, context: Context) -> list[Any]:
        symbol = context.symbols[0]
        now = bisect_right(self.closes, (context.now, math.inf))
        ahead = self.closes[now : now + self.reach]
        rises = bool(ahead) and ahead[-1][1] > float(context.price(symbol) or 0)
        return context.target(symbol, weight=0.5 if rises else 0, band=1)

    reach = 1


@pytest.mark.parametrize("reach", [1, 20])
def test_the_harness_catches_a_cheat(reach: int) -> None:
    """A strategy that holds the bars and looks one or twenty closes ahead is caught by cutting and by scrambling."""
    data = sample("us10", ("AAPL",))

    def make(given: Data) -> Mapping[str, Any]:
        cheat = Cheat()
        cheat.closes = tuple(zip(given["AAPL"]["at"], given["AAPL"]["close"], strict=True))
        cheat.reach = reach
        return {"strategy": cheat}

    found = [peeks(make, data, "us10", at) for at in moments(data, 4)]
    assert {"cut", "scrambled 1", "scrambled 2"} <= {what for ways in found for what in ways}


def test_the_harness_catches_a_feature_from_the_whole_series() -> None:
    """A strategy that normalises by the maximum of all its data, the classic leak, is caught as well."""
    data = sample("us10", ("TSLA",))

    class Normalised(Strategy):
        """Buys while the price is below a tenth of the highest there will be."""

        highest = 1.0

        def generate_orders(self, context: Context) -> list[Any]:
            low = float(context.price("TSLA") or 0) < 0.1 * self.highest
            return context.target("TSLA", weight=0.5 if low else 0, band=1)

    def make(given: Data) -> Mapping[str, Any]:
        strategy = Normalised()
        strategy.highest = max(given["TSLA"]["high"])
        return {"strategy": strategy}

    assert "cut" in peeks(make, data, "us10", moments(data, 1)[0])


def test_the_changes_are_real() -> None:
    """Cutting and scrambling leave all up to the moment alone and change every price after it."""
    data = sample("us10", ("AAPL",))
    at = moments(data, 1)[0]
    first = data["AAPL"]["at"].index(at) + 1
    other = scrambled(data, at, 1)["AAPL"]
    assert len(cut(data, at)["AAPL"]["at"]) == first
    assert {name: values[:first] for name, values in other.items()} == cut(data, at)["AAPL"]
    same = sum(a == b for a, b in zip(other["close"][first:], data["AAPL"]["close"][first:], strict=True))
    assert same < 5
    assert other["at"] == data["AAPL"]["at"]
