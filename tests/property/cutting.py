"""Sessions that are cut in two: a snapshot at a batch's end, a fresh session, the snapshot put into it, and on to the end.

Rules: a session is made by a function that takes nothing, so that each run has strategies, models and data of its own. What was
journaled before the cut stays, as it would on a disk; what the fresh session says until the snapshot is put back is forgotten.
As a program (`python cutting.py take|go FILE NUMBER...`) it does the two halves in two processes.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
from wilds import EPOCH, MINUTE, NAMES, TICK, Wild, Wilder
from wilds import plan as wild_plan
from written import Written

from onepath import Context, Instrument, Limits, OrderState, SharedLimits, Timer, ema, feature, sma
from onepath.accounts import AccountTerms
from onepath.events import Command, DataState, DataStatus, TimePassed, TradingState
from onepath.features import rank
from onepath.isolation import Isolation
from onepath.market import Bar, Quote, Trade
from onepath.ports import Row
from onepath.risk import Breaker, Breakers, RiskPlan
from onepath.seat import Seated
from onepath.session import Plan, Session
from onepath.simulator.commission import Tier, Tiers
from onepath.simulator.faults import Faults
from onepath.simulator.latency import NormalLatency, Samples
from onepath.simulator.queues import Back, Front, Probability
from onepath.snapshot import put, take

D = Decimal
Make = Callable[[], Plan]


# -- cutting


class Rest:
    """A feed from its nth batch on."""

    def __init__(self, feed: Any, after: int) -> None:
        self._feed = feed
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    def batches(self) -> Iterator[Any]:
        for number, batch in enumerate(self._feed.batches()):
            if number >= self._after:
                yield batch


def whole(make: Make) -> list[Row]:
    """The journal of a session that runs from beginning to end."""
    journal = Written()
    Session(make(), journal).run()
    return journal.written


class Cut:
    """What is there after a crash: the journal so far, and a snapshot."""

    def __init__(self, make: Make, after: int, looked: Callable[[Session], None] = lambda _: None) -> None:
        """Run until `after` batches are done; the rest of that run is thrown away. `looked` sees it as it is taken."""
        self.after = after
        self.data: bytes | None = None
        self.rows: list[Row] = []
        journal = Written()
        self._looked = looked
        self._run(Session(make(), journal), journal, after)

    def _run(self, session: Session, journal: Written, batches: int) -> None:
        """Run so many batches, then take."""
        done = 0

        def look() -> None:
            nonlocal done
            done += 1
            if done == batches and session.engine.alive:
                self.data, self.rows = take(session), list(journal.written)
                self._looked(session)
                session.stop()

        session.after_batch.append(look)
        session.run()

    def again(self, make: Make, after: int) -> Cut:
        """Go on, and be cut once more when `after` batches are done in all."""
        later = Cut.__new__(Cut)
        later.after, later.data, later.rows, later._looked = after, None, [], lambda _: None
        session, journal = self._built(make, lambda _: None)
        later._run(session, journal, after - self.after)
        return later

    def goes_on(self, make: Make, looked: Callable[[Session], None] = lambda _: None) -> list[Row]:
        """The whole journal, the rest of it by a session that was built afresh; `looked` sees it when it has been restored."""
        session, journal = self._built(make, looked)
        session.run()
        return journal.written

    def _built(self, make: Make, looked: Callable[[Session], None]) -> tuple[Session, Written]:
        """A fresh session, into which the snapshot is put when its strategies have started."""
        assert self.data is not None
        data, journal, plan = self.data, Written(), make()
        commands = plan.commands[sum(row.kind == "command" for row in self.rows) :]
        session = Session(plan._replace(feed=Rest(plan.feed, self.after), commands=commands), journal)

        def back() -> None:
            put(session, data)
            journal.written[:] = self.rows
            looked(session)

        session.once_started.append(back)
        return session, journal


def alike(rows: Sequence[Row]) -> list[Any]:
    """What must be equal: all but how many events a session delivered by itself, which is for its end to say."""
    return [tuple(row) if row.kind != "session.ended" else msgspec.json.decode(row.body)["status"] for row in rows]


# -- sessions that use everything


@feature(inputs=("ask", "bid"), initial=lambda: [0.0])
def between(state: Any, ask: float, bid: float) -> float:
    """How far the sides are apart, smoothed."""
    state[0] += (ask - bid - state[0]) / 2
    return float(state[0])


class Watcher(Wilder):
    """Trades at random, and says in signals whatever it can see: nothing can be lost without a row of the journal changing."""

    class Params(Wilder.Params):
        times: int = 1
        """how slow the world is"""

    seen_by_all: ClassVar[list[int]] = []
    """on purpose in the class"""

    def on_start(self, context: Context) -> None:
        super().on_start(context)
        self.numbers = np.random.default_rng(self.params.seed)
        self.average = np.zeros(2)
        self.marks: dict[str, Any] = {}
        context.historical_data.require(bars=4)
        place = rank(sma(2))
        context.features.require(fast=sma(3), slow=ema(5), five=ema(2).at("5m"), place=place, calm=ema(2, on=place))
        context.features.require(gap=sma(2, on=ema(2)), spread=between())
        context.timeframes.require("1m", "5m", keep=3)
        context.books.require()
        context.metadata["count"] = 0
        context.set_timer("first", EPOCH + MINUTE)
        type(self).seen_by_all = [self.params.seed]

    def on_market_event(self, event: Any, context: Context) -> None:
        self.marks[event.symbol] = event
        context.metadata.setdefault("last", {})[event.symbol] = (event.at, event.mark)

    def on_timer(self, timer: Timer, context: Context) -> None:
        context.set_timer("again", timer.at + self._chance.choice([MINUTE, 3 * MINUTE]) * context.params.times)

    def on_data_status(self, status: DataStatus, context: Context) -> None:
        self.seen_by_all.append(status.at)

    def on_order_update(self, order: OrderState, context: Context) -> None:
        super().on_order_update(order, context)
        self.seen_by_all.append(order.id)

    def generate_orders(self, context: Context) -> list[Any]:
        context.metadata["count"] += 1
        self.average = self.average * 0.5 + self.numbers.random(2)
        for symbol in context.symbols:
            self._say(symbol, context)
        return super().generate_orders(context)

    def _say(self, symbol: str, context: Context) -> None:
        features, portfolio = context.features[symbol], context.portfolio
        book = context.books.get(symbol)
        candles = [context.timeframes[symbol, name] for name in ("1m", "5m")]
        said = {
            "count": float(context.metadata["count"]),
            "sum": float(sum(self.seen_by_all)),
            "drawn": float(self.average.sum()),
            "fast": features.fast,
            "slow": features.slow,
            "ready": float(features.ready),
            **{name: getattr(features, name) for name in ("five", "place", "calm", "gap", "spread")},
            "past": sum(bar.close for bar in context.historical_data[symbol]),
            "paid": float(portfolio.fees + portfolio.flows + portfolio.realised_pnl) if symbol in self.marks else 0.0,
            "bid": 0.0 if book is None or not book.ready else book.bid + sum(size for _, size in book.levels(1)),
            "held": float(portfolio.quantity(symbol)),
            "stale": float(context.is_stale(symbol)),
            "open": float(len(context.open_orders)),
            "mark": self.marks[symbol].mark if symbol in self.marks else 0.0,
            **{f"c{i}": sum(_all_of(bar, i) for i, bar in enumerate(c)) for i, c in enumerate(candles)},
            **{f"f{i}": _all_of(c.forming, 1) for i, c in enumerate(candles) if c.forming is not None},
        }
        context.signal(symbol, "seen", (), **said)


def _all_of(bar: Bar, number: int) -> float:
    """A figure that every field of a bar changes."""
    fields = (bar.open, bar.high, bar.low, bar.close, bar.volume, float(bar.start % 997), float(bar.at % 997))
    return sum(field * weight for weight, field in enumerate(fields, start=number + 1))


class Rester(Watcher):
    """Leaves orders at the market's best prices and waits in line; now and then it takes something, or changes its mind."""

    def generate_orders(self, context: Context) -> list[Any]:
        said = super().generate_orders(context)
        if self._chance.random() < 0.1:
            return said
        asked: list[Any] = []
        for symbol in context.symbols:
            quote = self.marks.get(symbol)
            mine = [state for state in context.open_orders if state.symbol == symbol]
            if quote is None or len(mine) > 2:
                continue
            bid, ask = (getattr(quote, name, quote.mark) for name in ("bid", "ask"))
            if not any(state.order.side.sign > 0 for state in mine) and bid > 0:
                asked += context.buy(symbol, self._chance.randint(2, 12), limit=bid, time_in_force="day")
            if not any(state.order.side.sign < 0 for state in mine) and ask > 0:
                asked += context.short(symbol, self._chance.randint(2, 12), limit=ask)
            if self._chance.random() < 0.2:
                asked += context.buy(symbol, self._chance.randint(1, 4))
        return asked


class Choosy(Watcher):
    """Hears some kinds of events alone, and decides after them alone."""

    listens = ("bars", "trades")


class Newsy:
    """A feed that says something of itself now and then: history at first, streams that go stale and recover."""

    def __init__(self, feed: Any, seed: int) -> None:
        self._feed = feed
        self._seed = seed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    def batches(self) -> Iterator[Any]:
        chance = random.Random(self._seed)  # noqa: S311 - it must repeat
        lives_from = chance.choice([0, 2, 8])
        for number, batch in enumerate(self._feed.batches()):
            at = min((event.at for event, _ in batch.events()), default=EPOCH)
            told: list[Any] = []
            if number in (0, lives_from) and lives_from:
                told.append(DataStatus(at=at, state=DataState.HISTORY if not number else DataState.LIVE))
            if chance.random() < 0.15:
                state = chance.choice([DataState.STALE, DataState.STALE, DataState.RECOVERED])
                stream = chance.choice(["", "bars", "trades"])
                told.append(DataStatus(at=at, state=state, symbol=chance.choice(["", "S0"]), stream=stream))
            if chance.random() < 0.1:
                told.append(TimePassed(at=at))
            batch.news = [*batch.news, *told]
            yield batch


def stretched(feed: Any, times: int) -> None:
    """The same market in slow motion: what took minutes takes hours, or days."""

    def later(at: int) -> int:
        return EPOCH + (at - EPOCH) * times

    def moved(thing: Any) -> Any:
        begins = {"start": later(thing.start)} if isinstance(thing, Bar) else {}
        return msgspec.structs.replace(thing, at=later(thing.at), **begins)

    feed._made = [([*map(moved, events)], [*map(moved, acting)]) for events, acting in feed._made]


def drawn(seed: int) -> tuple[Wild, random.Random]:
    """A world of all kinds, and what else is drawn for it."""
    chance = random.Random(seed)  # noqa: S311 - it must repeat
    one = chance.choice
    kinds = [one(["bars", "bars", "quotes", "trades", "quotes+trades", "book"]) for _ in range(one([1, 2, 2]))]
    wild = Wild(
        seed=seed,
        instants=chance.randint(12, 45),
        kinds=tuple(kinds),
        slip=one([0, 30]),
        commission=one(["none", "bps", "rebate", "base"]),
        out_ms=one([0, 0, 700, 70_000]),
        back_ms=one([0, 0, 300, 90_000]),
        fault=one(["", "", "rejects", "outage", "delays"]),
        participation=one([None, "0.5", "0.1"]),
        touch=one([True, False]),
        queue=one(["through", "front", "back", "probability"]),
        leverage=one(["1", "3"]),
        margin=one(["none", "none", "maintenance", "liquidates"]),
        acts=one(["none", "none", "split", "reverse", "dividend"]),
        lively=one([0.3, 0.7]),
        batch=one([1, 3]),
        fails=one([0, 0, 0, 2, 6]),
        breaker=one(["", "", "halted", "reducing"]),
    )
    return wild, chance


class Waits(Watcher):
    """Leaves one order in line."""

    def generate_orders(self, context: Context) -> list[Any]:
        return [] if context.open_orders else list(context.buy("S0", 3, limit=10))


def in_line() -> Plan:
    """An order that has five units before it at its price: four of them trade in the first five batches, the fifth and one
    of ours in the sixth."""
    wild = drawn(1)[0]._replace(kinds=("quotes+trades",), acts="none", margin="none", breaker="", fails=0, batch=1)
    wild = wild._replace(out_ms=0, back_ms=0, fault="", queue="back", commission="none", participation=None, seed=1)
    made: Plan = wild_plan(wild)
    quotes = [Quote("S0", EPOCH + i * MINUTE, 10.0, 10.25, 5.0, 5.0) for i in range(3)]
    trades = [Trade("S0", EPOCH + (3 + i) * MINUTE, 10.0, 2.0, -1) for i in range(5)]
    feed: Any = made.feed
    feed._made = [([event], []) for event in (*quotes, *trades)]
    seat = made.strategies[0]
    return made._replace(strategies=[seat._replace(strategy=Waits())], sources=made.sources[:1])


def plan(seed: int) -> Plan:
    """A session that uses as much as one can; of -1, `in_line`."""
    if seed < 0:
        return in_line()
    wild, chance = drawn(seed)
    made: Plan = wild_plan(wild)
    times = chance.choice([1, 1, 60, 1_000])
    stretched(made.feed, times)
    one: Any = chance.choice
    limits = Limits(
        max_leverage=D(wild.leverage),
        max_orders=one([None, 4]),
        max_messages=one([None, 9]),
        duplicate_window=one([None, 90.0]),
        rate_window=120.0,
        prevent_self_match=one([False, True]),
    )
    resting = chance.random() < 0.4
    kind: type[Watcher] = Rester if resting else one([Watcher, Watcher, Choosy])
    foreign = len(wild.kinds) > 1 and wild.acts == "none" and wild.commission != "base" and chance.random() < 0.4
    if foreign:  # one symbol is the rate that the other is paid in
        known = dict(made.feed.instruments)
        made.feed.instruments = known
        known["S0"] = msgspec.structs.replace(known["S0"], currency="EUR")
        known["S1"] = Instrument(symbol="S1", tick_size=TICK, base="EUR", currency="USD")
    terms = made.strategies[0].account
    if wild.margin == "none":
        terms = one(
            [
                terms,
                AccountTerms(type="cash", settlement_days=2),
                AccountTerms(credit_rate=D("0.02"), margin_rate=D("0.1"), borrow_rate=D("0.05"), leverage=D(2)),
            ]
        )
    if foreign:
        terms = msgspec.structs.replace(terms, currency="USD")
    seats = [
        Seated(
            name,
            kind(times=times, **_params(seat)),
            seat.capital,
            limits,
            seat.symbols,
            terms,
        )
        for name, seat in zip(NAMES, made.strategies, strict=True)
    ]
    market = made.market
    if resting:
        market = market._replace(queue=one([Back(), Probability(), Front()]))
    if wild.out_ms and chance.random() < 0.6:
        slow = NormalLatency(wild.out_ms, 30_000, seed, wild.back_ms, 10_000)
        market = market._replace(latency=one([slow, Samples([20, 400, 90_000], seed, [5, 70_000])]))
    if wild.commission == "bps":
        tiers = [Tier(bps=D(9)), Tier(above=D(4_000), bps=D(3))]
        market = market._replace(commission=Tiers(tiers, minimum=D("0.5")))
    if wild.fault == "rejects":
        market = market._replace(faults=Faults(seed, reject_rate=0.3, delay_rate=0.3, delay_ms=20_000))
    risk = _risk(made, chance, shared=not foreign)
    if chance.random() < 0.4:
        made = made._replace(feed=Newsy(made.feed, seed))
    if chance.random() < 0.3:
        made = made._replace(isolation=Isolation(max_orders_per_second=5, time_budget=60.0))
    made = made._replace(mark_every=made.mark_every * times)
    return made._replace(strategies=seats, market=market, risk=risk, commands=_commands(wild, chance))


def _params(seat: Seated) -> dict[str, Any]:
    return {name: getattr(seat.strategy.params, name) for name in ("seed", "lively", "fails")}


def _risk(made: Plan, chance: random.Random, *, shared: bool) -> RiskPlan | None:
    """Breakers of every kind, and limits of the account."""
    if chance.random() < 0.4:
        return made.risk
    one: Any = chance.choice

    def breaker(limit: str, **more: Any) -> Breaker | None:
        scope, action = one(["strategy", "account"]), one([TradingState.REDUCING, TradingState.HALTED])
        return Breaker(limit=D(limit), scope=scope, action=action, **more) if chance.random() < 0.4 else None

    breakers = Breakers(
        drawdown=breaker("0.2"),
        daily_loss=breaker("0.15"),
        daily_loss_value=breaker("300"),
        reject_rate=breaker("0.6", orders=5),
        error_rate=breaker("6", window=600.0),
        order_rate=breaker("14", window=600.0),
        executions=breaker("11", window=600.0),
        stale_data=breaker("200"),
    )
    account = SharedLimits(max_orders=7, rate_window=120.0) if shared and chance.random() < 0.5 else None
    symbols = {"S0": SharedLimits(max_messages=8, rate_window=120.0)} if shared and chance.random() < 0.5 else {}
    return RiskPlan(account=account, symbols=symbols, breakers=breakers)


def _commands(wild: Wild, chance: random.Random) -> list[tuple[int, Command]]:
    """What a person tells, known beforehand."""
    if chance.random() < 0.5:
        return []
    moments = sorted(EPOCH + chance.randint(1, 40) * MINUTE for _ in range(4))
    states = (TradingState.REDUCING, TradingState.ACTIVE, TradingState.HALTED, TradingState.ACTIVE)
    return [
        (at, Command(scope=chance.choice(["", "one"]), state=state, by="a person", reason="as drawn"))
        for at, state in zip(moments, states, strict=True)
    ]


# -- two processes


class Half(msgspec.Struct):
    """What one process leaves for the next."""

    number: int
    after: int
    data: bytes
    rows: list[Any]


def _take(path: Path, numbers: Sequence[int]) -> None:
    halves = []
    for number in numbers:
        after = 1 + number % 9
        cut = Cut(lambda number=number: plan(number), after)  # type: ignore[misc]
        if cut.data is not None:
            halves.append(Half(number, after, cut.data, [tuple(row) for row in cut.rows]))
    path.write_bytes(msgspec.msgpack.encode(halves))


def _go(path: Path) -> None:
    found = []
    for half in msgspec.msgpack.decode(path.read_bytes(), type=list[Half]):
        cut = Cut.__new__(Cut)
        cut.after, cut.data, cut.rows = half.after, half.data, [Row(*row) for row in half.rows]
        found.append((half.number, alike(cut.goes_on(lambda number=half.number: plan(number)))))  # type: ignore[misc]
    path.write_bytes(msgspec.msgpack.encode(found))


if __name__ == "__main__":
    if sys.argv[1] == "take":
        _take(Path(sys.argv[2]), [int(number) for number in sys.argv[3:]])
    else:
        _go(Path(sys.argv[2]))
