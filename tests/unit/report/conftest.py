"""Sessions to report on: small journals written by hand, and a realistic one traded by a toy crossover.

The realistic one is deterministic (a seeded walk, or real prices where given). As a script this file writes tear sheets
to look at: `python tests/unit/report/conftest.py OUT_DIR [PARQUET]`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onepath import calendars, events
from onepath.journal.memory import MemoryJournal
from onepath.orders import Denied, Order, OrderType, Side, TimeInForce

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
START = 1_420_209_000 * SECOND  # 2015-01-02 14:30 UTC, the opening bell of New York
CENT = Decimal("0.01")
XNYS = calendars.get("XNYS")


@dataclass
class Toy:
    """A journal being written, with a ledger just good enough to make marks that add up."""

    symbols: tuple[str, ...]
    strategies: tuple[str, ...] = ("crossover",)
    capital: Decimal = Decimal(100_000)
    calendar: str = "XNYS"
    mode: str = "backtest"
    interval: int = DAY
    session_id: str = "crossover-20150102"
    journal: MemoryJournal = field(init=False)
    cash: dict[str, Decimal] = field(init=False)
    held: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    ids: int = 0

    def __post_init__(self) -> None:
        self.journal = MemoryJournal(self.session_id)
        self.cash = dict.fromkeys(self.strategies, self.capital)

    def start(self, first_at: int = START, last_at: int = START, events_: int = 0) -> None:
        manifest = events.SessionStarted(
            mode=self.mode,
            code_version="0.1.0+g1a2b3c4",
            seed=7,
            config={"mode": self.mode, "execution": {"slippage": {"model": "fixed_bps", "params": {"bps": 2}}}},
            strategies=tuple(
                {
                    "name": name,
                    "class": "SmaCross",
                    "version": "1.0",
                    "params": {"fast": 20, "slow": 50},
                    "capital": str(self.capital),
                    "symbols": list(self.symbols),
                }
                for name in self.strategies
            ),
            instruments=tuple(
                {"symbol": symbol, "currency": "USD", "calendar": self.calendar, "multiplier": "1"}
                for symbol in self.symbols
            ),
            data={
                "source": "walk",
                "interval_ns": self.interval,
                "first_at": first_at,
                "last_at": last_at,
                "events": events_,
            },
        )
        self.journal.append(first_at, "session.started", None, manifest)

    def trade(self, strategy: str, symbol: str, quantity: Decimal, at: int, price: Decimal, *, parts: int = 1) -> None:
        """Submit, accept and fill; two basis points of slippage, one of commission."""
        self.ids += 1
        order_id, side = self.ids, Side.BUY if quantity > 0 else Side.SHORT
        order = Order(
            id=order_id,
            strategy=strategy,
            symbol=symbol,
            side=side,
            quantity=abs(quantity),
            type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            submitted_at=at,
        )
        self.journal.append(at, "order.submitted", strategy, order)
        self.journal.append(at, "order.accepted", strategy, events.Accepted(order_id, strategy, symbol))
        left = quantity
        for part in range(parts, 0, -1):
            size = left if part == 1 else (quantity / parts).quantize(Decimal(1))
            left -= size
            self.fill(order_id, strategy, symbol, size, at=at, price=price, left=left)

    def fill(
        self, order_id: int, strategy: str, symbol: str, size: Decimal, *, at: int, price: Decimal, left: Decimal
    ) -> None:
        slip = (price * Decimal("0.0002")).quantize(CENT) * (1 if size > 0 else -1)
        paid, fee = price + slip, (abs(size) * price * Decimal("0.0001")).quantize(CENT)
        self.ids += 1
        event = events.Fill(
            id=self.ids,
            order_id=order_id,
            strategy=strategy,
            symbol=symbol,
            quantity=size,
            price=paid,
            fee=fee,
            slippage=abs(size * slip),
            executed_at=at,
            remaining=abs(left),
        )
        self.journal.append(at, "order.partly_filled" if left else "order.filled", strategy, event)
        self.cash[strategy] -= size * paid + fee
        self.held[strategy, symbol] = self.held.get((strategy, symbol), Decimal(0)) + size

    def deny(self, strategy: str, symbol: str, at: int, code: str) -> None:
        self.ids += 1
        order = Order(
            id=self.ids,
            strategy=strategy,
            symbol=symbol,
            side=Side.BUY,
            quantity=Decimal(1),
            type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            submitted_at=at,
        )
        self.journal.append(at, "order.denied", strategy, Denied(order=order, code=code, reason=f"denied: {code}"))

    def mark(self, at: int, prices: Iterable[float]) -> None:
        known = tuple(float(price) for price in prices)
        for strategy in self.strategies:
            worth = [float(self.held.get((strategy, s), 0)) * p for s, p in zip(self.symbols, known, strict=True)]
            cash = float(self.cash[strategy])
            mark = events.Mark(
                strategy=strategy, equity=cash + sum(worth), cash=cash, gross=sum(map(abs, worth)), net=sum(worth)
            )
            self.journal.append(at, "mark", strategy, mark)
        self.journal.append(at, "prices", None, events.Prices(known))

    def end(self, at: int, status: str = "completed", error: str = "") -> MemoryJournal:
        for strategy in self.strategies:
            how = "failed" if error else "finished"
            self.journal.append(at, "strategy.ended", strategy, events.StrategyEnded(strategy, how, error))
        self.journal.append(at, "session.ended", None, events.SessionEnded(status, 0, "f" * 16))
        return self.journal


def walk(days: int, symbols: int, seed: int = 3) -> tuple[list[int], Any, Any]:
    """Session days, opens and closes of correlated walks with a drift."""
    random = np.random.default_rng(seed)
    common = random.normal(0.0004, 0.008, days)[:, None]
    steps = common + random.normal(0.0001, 0.011, (days, symbols))
    closes = np.round(100 * np.exp(np.cumsum(steps, axis=0)), 2)
    opens = np.round(
        np.vstack([np.full(symbols, 100.0), closes[:-1]]) * (1 + random.normal(0, 0.002, (days, symbols))), 2
    )
    first = START // DAY
    weekdays = [day for day in range(first, first + 2 * days) if (day + 3) % 7 < 5][:days]
    return [XNYS.session_bounds(day)[0] for day in weekdays], opens, closes


def real(path: Path) -> tuple[tuple[str, ...], list[int], Any, Any]:
    """Symbols, opening times, opens and closes of the ten US stocks."""
    import pyarrow.parquet as pq

    table = pq.read_table(path).sort_by([("date", "ascending"), ("symbol", "ascending")])
    symbols = tuple(sorted(set(table["symbol"].to_pylist())))
    shape = (-1, len(symbols))
    at = table["date"].cast("timestamp[ns]").cast("int64").to_numpy().reshape(shape)[:, 0]
    opens = [XNYS.session_bounds(day // DAY)[0] for day in at.tolist()]
    return symbols, opens, *(table[name].to_numpy().reshape(shape).astype(float) for name in ("open", "close"))


def crossover(
    toy: Toy, at: list[int], opens: Any, closes: Any, *, fast: int = 20, slow: int = 60, bar: int = 23_400 * SECOND
) -> MemoryJournal:
    """Each strategy holds a symbol above its crossing averages; the last strategy also sells short below."""
    toy.start(at[0], at[-1] + bar, len(at) * len(toy.symbols))
    weight = Decimal("0.95") / len(toy.symbols)
    for i, opening in enumerate(at):
        if i > slow:
            recent = closes[:i]
            above = recent[-fast:].mean(axis=0) > recent[-slow:].mean(axis=0)
            for number, strategy in enumerate(toy.strategies):
                short = len(toy.strategies) > 1 and number == len(toy.strategies) - 1
                for j, symbol in enumerate(toy.symbols):
                    wanted = 1 if above[j] else -1 if short else 0
                    price = Decimal(str(round(float(opens[i, j]), 2)))
                    have = toy.held.get((strategy, symbol), Decimal(0))
                    if (have > 0) - (have < 0) == wanted:
                        continue
                    if i % 97 == 0:
                        toy.deny(strategy, symbol, opening, "max_position_size")
                        continue
                    size = (toy.capital * weight / price).quantize(Decimal(1)) * wanted
                    toy.trade(strategy, symbol, size - have, opening, price, parts=2 if i % 5 == 0 else 1)
        toy.mark(opening + bar, closes[i])
    return toy.end(at[-1] + bar)


@pytest.fixture
def toy() -> Callable[..., Toy]:
    """A journal to write by hand."""
    return Toy


@pytest.fixture(scope="session")
def decade() -> MemoryJournal:
    """Six years of three symbols, two strategies, one of them long and short."""
    return crossover(Toy(("AAA", "BBB", "CCC"), ("trend", "trend-short")), *walk(1_500, 3))


def main(out: Path, parquet: Path | None) -> None:
    """Write tear sheets of every kind to look at."""
    from onepath.report.record import read
    from onepath.report.tearsheet import write

    sessions = {"walk": crossover(Toy(("AAA", "BBB", "CCC"), ("trend", "trend-short")), *walk(1_500, 3))}
    if parquet:
        symbols, *prices = real(parquet)
        sessions["real"] = crossover(Toy(symbols), *prices)
    few = Toy(("BTC/USD",), calendar="24/7", mode="paper", session_id="empty")
    few.start()
    sessions["empty"] = few.end(START, "failed", "ZeroDivisionError: division by zero")
    minutes = Toy(("BTC/USD",), calendar="24/7", session_id="one-day", interval=60 * SECOND)
    _, opens, closes = walk(1_440, 1)
    times = [START + i * 60 * SECOND for i in range(1_440)]
    sessions["minutes"] = crossover(minutes, times, opens, closes, bar=60 * SECOND)
    for name, journal in sessions.items():
        write(read(journal), out / f"{name}.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
