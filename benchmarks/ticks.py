"""Quotes through the engine with orders at rest, on one core, in one run:  python benchmarks/ticks.py [--json] [--quick]

What is compared. Floor: a loop over column lists that builds a slotted quote and calls the strategy's two methods, nothing
else; what it is asked to buy or replace it makes and forgets. Engine: the same strategy class over the same lists through
`Session.run`, journal in a SQLite file, with orders at rest in the simulated venue all the time. Best of five, alternating.

`noop`: two orders rest far away, nothing else happens. `making`: a bid and an offer rest 25 ticks from the middle, and every
100 quotes one of them, in turn, is replaced by a new price, or sent anew where it has been filled. `both_sides`: the same
with both replaced every 100 quotes. `sma`: a crossover of the middle over 480 and 1440 quotes that keeps its averages itself
and trades at market.
`order_us` is the order-heavy run of `benchmarks/engine.py` (a market order on every bar); `past_orders_ratio` the cost of an
order of it at ten times the orders.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import engine as bars
from onepath import Instrument, Limits, Strategy
from onepath.feeds.ticks import TickFeed, in_memory
from onepath.seat import Seated

Columns = tuple[list[int], list[float], list[float], list[float], list[float]]
SYMBOL, TICK = "BTC", 0.1
NAMES = ("at", "bid", "ask", "bid_size", "ask_size")


def quotes(count: int, seed: int = 11) -> Columns:
    """A random walk of the middle on a grid, the spread one to three ticks, a quote every 100 ms."""
    import numpy as np

    draw = np.random.Generator(np.random.PCG64(seed))
    steps = draw.choice([-1, 0, 0, 0, 1], count)
    bid = np.round((600_000 + np.cumsum(steps)) * TICK, 1)
    ask = np.round(bid + draw.integers(1, 4, count) * TICK, 1)
    sizes = np.round(draw.lognormal(0, 1, (2, count)) + 0.01, 3)
    at = bars.T0 + np.arange(count) * 100_000_000
    return tuple(c.tolist() for c in (at, bid, ask, sizes[0], sizes[1]))  # type: ignore[return-value]


class Resting(Strategy):
    """Two orders far away, then nothing."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.sent = False

    def on_market_event(self, event: Any, context: Any) -> None:
        pass

    def generate_orders(self, context: Any) -> Any:
        if self.sent:
            return ()
        self.sent = True
        return [*context.buy(SYMBOL, 1, limit=30_000), *context.short(SYMBOL, 1, limit=90_000)]


class BothSides(Strategy):
    """A bid and an offer around the middle, at new prices every hundred quotes."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.seen = 0
        self.middle = 0.0

    def on_market_event(self, event: Any, context: Any) -> None:
        self.seen += 1
        self.middle = (event.bid + event.ask) / 2

    def generate_orders(self, context: Any) -> Any:
        if self.seen % 100:
            return ()
        return self.quoted(context, 1) + self.quoted(context, -1)

    def quoted(self, context: Any, sign: int) -> Any:
        """One side at a new price."""
        price = self.middle - sign * 25 * TICK
        for order in context.open_orders:
            if order.side.sign == sign:
                return context.replace(order, limit=price)
        return context.buy(SYMBOL, 1, limit=price) if sign > 0 else context.short(SYMBOL, 1, limit=price)


class Making(BothSides):
    """A bid and an offer around the middle, one of them at a new price every hundred quotes."""

    def generate_orders(self, context: Any) -> Any:
        if self.seen % 100:
            return ()
        if self.seen == 100:
            return self.quoted(context, 1) + self.quoted(context, -1)
        return self.quoted(context, 1 if self.seen % 200 else -1)


class Crossover(bars.OwnSma):
    """SMA crossover of the middle that keeps its averages itself."""

    symbol = SYMBOL

    def on_market_event(self, event: Any, context: Any) -> None:
        seen, slow, buffer, middle = self.seen, self.slow, self.buffer, (event.bid + event.ask) / 2
        self.slow_sum += middle - buffer[seen % slow]
        self.fast_sum += middle - buffer[(seen - self.fast) % slow] if seen >= self.fast else middle
        buffer[seen % slow] = middle
        self.seen = seen + 1
        if seen + 1 >= slow:
            self.above = self.fast_sum / self.fast > self.slow_sum / slow


# -- the floor


class SlottedQuote:
    """What a bare loop would make of a row."""

    __slots__ = ("ask", "ask_size", "at", "bid", "bid_size", "symbol")

    def __init__(self, symbol: str, at: int, bid: float, ask: float, bid_size: float, ask_size: float) -> None:
        self.symbol = symbol
        self.at = at
        self.bid = bid
        self.ask = ask
        self.bid_size = bid_size
        self.ask_size = ask_size


class BareContext:
    """Makes orders and forgets them."""

    open_orders = ()

    def buy(self, symbol: str, quantity: float, limit: float = 0.0) -> list[bars.BareOrder]:
        return [bars.BareOrder(symbol, 1, quantity)]

    def short(self, symbol: str, quantity: float, limit: float = 0.0) -> list[bars.BareOrder]:
        return [bars.BareOrder(symbol, -1, quantity)]

    sell = short


def floor(columns: Columns, strategy: Any) -> float:
    """Seconds of the bare loop."""
    context = BareContext()
    began = time.perf_counter()
    for at, bid, ask, bid_size, ask_size in zip(*columns, strict=True):
        quote = SlottedQuote(SYMBOL, at, bid, ask, bid_size, ask_size)
        strategy.on_market_event(quote, context)
        strategy.generate_orders(context)
    return time.perf_counter() - began


# -- the engine


def feed_over(columns: Columns) -> TickFeed:
    """A feed over lists that are there already; its fingerprint is taken here."""
    instrument = Instrument(symbol=SYMBOL, tick_size=Decimal("0.1"), lot_size=Decimal("0.001"))
    feed = in_memory({SYMBOL: {"quotes": dict(zip(NAMES, columns, strict=True))}}, {SYMBOL: instrument})
    feed.fingerprint()
    return feed


def session(feed: TickFeed, strategy: Strategy) -> float:
    """Seconds of a session over the feed, its journal in a file."""
    limits = Limits(max_leverage=Decimal(10))
    seat = Seated("bench", strategy, bars.CASH, limits, (SYMBOL,))
    return bars.timed(bars.plan_of(feed, strategy)._replace(strategies=[seat]))


def quoting(count: int, rounds: int) -> dict[str, float]:
    """Time of the engine over time of the floor."""
    columns = quotes(count)
    feed = feed_over(columns)
    strategies: dict[str, type[Strategy]] = {
        "noop": Resting,
        "making": Making,
        "both_sides": BothSides,
        "sma": Crossover,
    }
    programs: dict[str, Any] = {}
    for name, made in strategies.items():
        programs[f"floor_{name}"] = lambda made=made: floor(columns, made())
        programs[name] = lambda made=made: session(feed, made())
    t = bars.best(rounds, **programs)
    return {
        "quotes_noop_ratio": t["noop"] / t["floor_noop"],
        "quotes_making_ratio": t["making"] / t["floor_making"],
        "quotes_both_sides_ratio": t["both_sides"] / t["floor_both_sides"],
        "quotes_per_second": count / t["noop"],
        "making_quotes_per_second": count / t["making"],
        "sma_quotes_per_second": count / t["sma"],
        "floor_sma_quotes_per_second": count / t["floor_sma"],
    }


def orders(small: int, rounds: int) -> dict[str, float]:
    """What an order costs, and what it costs after ten times as many."""
    few, many = bars.one(bars.bars(small)), bars.one(bars.bars(small * 10))
    t = bars.best(
        rounds,
        few_noop=lambda: bars.engine(few, bars.Noop()),
        few=lambda: bars.engine(few, bars.EveryBar()),
        many_noop=lambda: bars.engine(many, bars.Noop()),
        many=lambda: bars.engine(many, bars.EveryBar()),
    )
    one_of_few = (t["few"] - t["few_noop"]) / small
    one_of_many = (t["many"] - t["many_noop"]) / (small * 10)
    return {"order_us": one_of_many * 1e6, "past_orders_ratio": one_of_many / one_of_few}


BOUNDS = {"quotes_noop_ratio": 2.5, "quotes_making_ratio": 2.5, "order_us": 20.0, "past_orders_ratio": 1.15}
"""what each figure must not pass"""


def measure(quick: bool) -> dict[str, float]:
    """All figures; `quick` is a tenth of the size, for a look and for CI."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    scale, rounds = (10, 3) if quick else (1, 5)
    found = quoting(1_000_000 // scale, rounds) | orders(20_000 // scale, rounds)
    return {name: round(value, 3) for name, value in found.items()}


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure and print."""
    asked = bars.asking(__doc__, quick="a tenth of the size").parse_args(arguments)
    found = measure(asked.quick)
    bars.tell(found, BOUNDS, as_json=asked.json)
    bars.refuse_insane(found, BOUNDS)


if __name__ == "__main__":
    main()
