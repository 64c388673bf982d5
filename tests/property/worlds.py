"""Random markets and random traders: whole sessions made from a few drawn numbers, and their journals read back.

Rules: everything follows from the drawn `World`, so that Hypothesis can shrink it and a failure repeats.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from hypothesis import strategies as st

from onepath import Context, Instrument, Limits, OrderState, Range, Strategy, TimeInForce, Timer
from onepath.errors import OrderError
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.ports import Row
from onepath.seat import Seated
from onepath.session import Plan, Session
from onepath.simulator.assumptions import Market
from onepath.simulator.commission import Bps, Commission, NoCommission, PerShare
from onepath.simulator.latency import Latency, NoLatency, NormalLatency
from onepath.simulator.slippage import FixedBps, NoSlippage, Slippage, VolumeBased

MINUTE = 60_000_000_000
EPOCH = 1_577_836_800_000_000_000


class World(NamedTuple):
    """What a random session is made from."""

    seed: int
    bars: int
    symbols: int
    tick: str
    lot: str
    multiplier: str
    slippage: str
    commission: str
    latency_ms: int
    participation: str | None
    touch: bool
    leverage: str
    allow_short: bool
    wild: float
    """how far prices jump between bars"""
    batch: int
    stop_after: int | None
    """batches after which the session is asked to stop"""
    fails_at: int = 0
    """call on which the first strategy raises; 0 for never"""


def worlds(**fixed: Any) -> st.SearchStrategy[World]:
    """Worlds of all kinds; `fixed` gives strategies for fields that shall not be free."""
    free: dict[str, Any] = {
        "seed": st.integers(0, 2**32),
        "bars": st.integers(3, 40),
        "symbols": st.integers(1, 3),
        "tick": st.sampled_from(["0", "0.01", "0.25"]),
        "lot": st.sampled_from(["1", "0.001", "0.00000001"]),
        "multiplier": st.sampled_from(["1", "50", "0.1"]),
        "slippage": st.sampled_from(["none", "fixed", "volume"]),
        "commission": st.sampled_from(["none", "bps", "share"]),
        "latency_ms": st.sampled_from([0, 0, 90_000]),
        "participation": st.sampled_from([None, "0.1", "0.003"]),
        "touch": st.booleans(),
        "leverage": st.sampled_from(["1", "1", "3"]),
        "allow_short": st.booleans(),
        "wild": st.sampled_from([0.002, 0.03, 0.3]),
        "batch": st.sampled_from([1, 7, 8_192]),
        "stop_after": st.one_of(st.none(), st.integers(1, 6)),
        "fails_at": st.sampled_from([0, 0, 0, 1, 2, 9, 30]),
    }
    return st.builds(World, **{**free, **fixed})


def columns(world: World) -> dict[str, dict[str, list[Any]]]:
    """Prices that walk, jump and stand still, on quarter grids; some symbols miss some minutes, some bars have no volume."""
    chance = random.Random(world.seed)  # noqa: S311 - it must repeat
    made = {}
    for k in range(world.symbols):
        rows = []
        price = 100.0
        for i in range(world.bars):
            opens = max(1.0, round(price * (1 + chance.gauss(0, world.wild)) * 4) / 4)
            close = max(1.0, round(opens * (1 + chance.gauss(0, 0.02)) * 4) / 4)
            high = max(opens, close) + chance.choice([0, 0.25, 1.5])
            low = max(0.25, min(opens, close) - chance.choice([0, 0.25, 1.5]))
            price = close
            if i and chance.random() < 0.2 * k:
                continue
            start = EPOCH + i * MINUTE
            rows.append((start, start + MINUTE, opens, high, low, close, float(chance.choice([0, 10, 1_000, 1e6]))))
        made[f"S{k}"] = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    return made


class Trader(Strategy):
    """Asks for anything a strategy can ask for, by a generator that it seeds itself."""

    class Params(Strategy.Params):
        seed: int = 0
        lively: Annotated[float, Range(0, 1)] = 0.7
        market_sells: bool = True
        fails_at: int = 0
        """call on which it raises; 0 for never"""

    def on_start(self, context: Context) -> None:
        self._chance = random.Random(self.params.seed)  # noqa: S311 - it must repeat
        self._calls = 0
        if self.params.seed % 3 == 0:
            context.set_timer("first", context.now + 1 + self.params.seed % (5 * MINUTE))

    def on_timer(self, timer: Timer, context: Context) -> None:
        self._count()
        context.signal(context.symbols[0], "timer", (timer.name,))
        if self._chance.random() < 0.8:
            context.set_timer("again", timer.at + self._chance.choice([1, MINUTE // 2, MINUTE, 7 * MINUTE]))

    def on_order_update(self, order: OrderState, context: Context) -> None:
        self._count()

    def _count(self) -> None:
        self._calls += 1
        if self._calls == self.params.fails_at:
            raise RuntimeError("as asked")

    def generate_orders(self, context: Context) -> list[Any]:
        self._count()
        asked: list[Any] = []
        chance = self._chance
        for _ in range(chance.choice([0, 1, 1, 3]) if chance.random() < self.params.lively else 0):
            try:
                asked += self._one(context, chance)
            except OrderError:
                continue  # too small for a lot, or no price yet
        if context.open_orders and chance.random() < 0.15:
            asked += context.cancel(chance.choice(context.open_orders))
        return asked

    def _one(self, context: Context, chance: random.Random) -> Sequence[Any]:
        symbol = chance.choice(context.symbols)
        price = context.price(symbol)
        if price is None:
            return ()
        kind = chance.choice(["buy", "sell", "short", "cover", "target", "close"])
        if kind == "close":
            return context.close(symbol) if self.params.market_sells else ()
        if kind == "target" and self.params.market_sells:
            return context.target(symbol, weight=round(chance.uniform(-1.2, 1.2), 3), band=0)
        how: dict[str, Any] = {"time_in_force": chance.choice(list(TimeInForce))}
        if chance.random() < 0.4 or (kind in {"sell", "short"} and not self.params.market_sells):
            how["limit"] = float(price) * chance.uniform(0.96, 1.04)
        if chance.random() < 0.3:
            how["stop"] = float(price) * chance.uniform(0.96, 1.04)
        elif (
            "limit" not in how and (kind not in {"sell", "short"} or self.params.market_sells) and chance.random() < 0.2
        ):
            how |= chance.choice(
                [{"trail": float(price) * chance.uniform(0.001, 0.03)}, {"trail_percent": chance.randint(1, 3)}]
            )
        if kind == "target":
            kind = "buy"
        worth = chance.uniform(0.01, 1.1) * float(context.portfolio.equity)
        return list(getattr(context, kind)(symbol, notional=max(1.0, worth), **how))


class Ran(NamedTuple):
    """A finished session."""

    world: World
    session: Session
    journal: MemoryJournal
    data: dict[str, dict[str, list[Any]]]
    status: str

    def events(self, *kinds: str) -> list[tuple[Row, Any]]:
        return [(row, decode(row)) for row in self.journal.rows(kinds)]


CASH = Decimal(100_000)
NAMES = ("one", "two")


def market(world: World) -> Market:
    slippage: Slippage = {"none": NoSlippage(), "fixed": FixedBps(Decimal(7)), "volume": VolumeBased()}[world.slippage]
    commission: Commission = {
        "none": NoCommission(),
        "bps": Bps(Decimal("3.5"), minimum=Decimal(1)),
        "share": PerShare(Decimal("0.0035"), minimum=Decimal("0.35"), increment=Decimal("0.01")),
    }[world.commission]
    latency: Latency = NormalLatency(world.latency_ms, 30_000, world.seed) if world.latency_ms else NoLatency()
    share = None if world.participation is None else Decimal(world.participation)
    return Market(slippage, commission, latency, share, world.touch)


def plan(world: World, data: dict[str, dict[str, list[Any]]], *, market_sells: bool = True) -> Plan:
    instruments = {
        symbol: Instrument(
            symbol=symbol,
            tick_size=Decimal(world.tick),
            lot_size=Decimal(world.lot),
            multiplier=Decimal(world.multiplier),
        )
        for symbol in data
    }
    feed = ColumnFeed(data, instruments, interval_ns=MINUTE, batch=world.batch)
    limits = Limits(max_leverage=Decimal(world.leverage), allow_short=world.allow_short)
    traders = [
        Trader(seed=world.seed, market_sells=market_sells, fails_at=world.fails_at),
        Trader(seed=world.seed + 1, market_sells=market_sells),
    ]
    seats = [Seated(name, trader, CASH, limits, tuple(data)) for name, trader in zip(NAMES, traders, strict=True)]
    sources = [{"class": "Trader", "source_sha256": ""} for _ in NAMES]
    return Plan("backtest", world.seed, feed, feed.describe(), seats, sources, market(world), {}, 5 * MINUTE)


def ran(world: World, *, market_sells: bool = True) -> Ran:
    """Run the session of a world."""
    data = columns(world)
    journal = MemoryJournal("random")
    session = Session(plan(world, data, market_sells=market_sells), journal)
    batches = 0

    def progress(_: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == world.stop_after:
            session.stop()

    outcome = session.run(progress)
    assert len(outcome.errors) <= (1 if world.fails_at else 0)
    return Ran(world, session, journal, data, outcome.status)
