"""Timers, warm-up, several strategies and symbols on one clock, valuations."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from onepath import Context, Strategy
from onepath.simulator.assumptions import Market

MINUTE = 60_000_000_000
D = Decimal


class Alarms(Strategy):
    """Sets timers at the start and notes what it hears."""

    times: ClassVar[list[tuple[str, int]]] = []

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def on_start(self, context: Context) -> None:
        for name, at in self.times:
            context.set_timer(name, at)

    def on_market_event(self, event: Any, context: Context) -> None:
        self.heard.append(f"bar {context.now // MINUTE}")

    def on_timer(self, timer: Any, context: Context) -> None:
        self.heard.append(f"{timer.name} {context.now / MINUTE:g}")

    def generate_orders(self, context: Context) -> Any:
        self.heard.append("decide")
        return []


def alarms(*times: tuple[str, float]) -> Alarms:
    class Some(Alarms):
        pass

    Some.times = [(name, int(minute * MINUTE)) for name, minute in times]
    return Some()


def test_timers_come_in_time_order_then_in_order_of_setting(run: Callable[..., Any]) -> None:
    """Between the bars they belong to; at one moment the one that was set first comes first."""
    strategy = alarms(("late", 2.5), ("early", 1.5), ("twin", 2.5), ("first", 1.25))
    made = run(strategy, {"X": [1, 2, 3]})
    assert strategy.heard == [
        *("bar 1", "decide", "first 1.25", "decide", "early 1.5", "decide"),
        *("bar 2", "decide", "late 2.5", "decide", "twin 2.5", "decide", "bar 3", "decide"),
    ]
    assert [t.name for t in made.of("timer")] == ["first", "early", "late", "twin"]


def test_a_timer_before_the_first_bar(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """Time begins with the first bar's end: a timer before it is refused, as it would never have come."""
    made = run(alarms(("dawn", 0.5)), {"X": [1, 2]})
    assert "which is not after now" in made.outcome.errors[0]


def test_a_timer_at_a_bars_end_comes_after_the_bar(run: Callable[..., Any]) -> None:
    """At one instant: the bar, the decision, then the timer and its decision."""
    strategy = alarms(("noon", 2))
    run(strategy, {"X": [1, 2, 3]})
    assert strategy.heard[2:6] == ["bar 2", "decide", "noon 2", "decide"]


def test_a_timer_at_the_last_bars_end_comes(run: Callable[..., Any]) -> None:
    """The last instant is an instant like the others."""
    strategy = alarms(("noon", 3))
    run(strategy, {"X": [1, 2, 3]})
    assert strategy.heard[-2:] == ["noon 3", "decide"]


def test_a_timer_sets_a_timer(run: Callable[..., Any]) -> None:
    """A timer may set the next, also before the next bar; each sees its own time."""

    class Ticks(Alarms):
        times: ClassVar[list[tuple[str, int]]] = [("tick", MINUTE + 10)]

        def on_timer(self, timer: Any, context: Context) -> None:
            super().on_timer(timer, context)
            if context.now < MINUTE + 30:
                context.set_timer("tick", context.now + 10)

    strategy = Ticks()
    made = run(strategy, {"X": [1, 2]})
    assert [t.at - MINUTE for t in made.of("timer")] == [10, 20, 30]


def test_timers_belong_to_their_strategy(run: Callable[..., Any]) -> None:
    """Only the strategy that set it hears a timer and decides on it."""
    a, b = alarms(("mine", 1.5)), alarms()
    run({"a": a, "b": b}, {"X": [1, 2]})
    assert a.heard == ["bar 1", "decide", "mine 1.5", "decide", "bar 2", "decide"]
    assert b.heard == ["bar 1", "decide", "bar 2", "decide"]


def test_a_strategy_that_only_listens_may_have_timers(run: Callable[..., Any]) -> None:
    """Without `generate_orders` there is nothing to ask after a timer."""

    class Listens(Strategy):
        heard: ClassVar[list[str]] = []

        def on_start(self, context: Context) -> None:
            context.set_timer("once", MINUTE + 5)

        def on_timer(self, timer: Any, context: Context) -> None:
            self.heard.append(timer.name)

    run(Listens(), {"X": [1, 2]})
    assert Listens.heard == ["once"]


class Eager(Strategy):
    """Wants a unit of each symbol at every instant."""

    warm_up: ClassVar[int] = 2

    def generate_orders(self, context: Context) -> Any:
        return [intent for symbol in context.symbols for intent in context.buy(symbol, 1)]


def test_warm_up_denies_until_enough_bars_of_a_symbol(run: Callable[..., Any]) -> None:
    """With two bars to warm up, the orders of the first bar are denied, those of the second go; by symbol.

    B is first heard of at minute 1 too, but never again: it stays cold.
    """
    made = run(Eager(), {"A": [10, 10, 10], "B": [20]})
    assert [(d.order.symbol, d.code, d.reason) for d in made.of("order.denied")] == [
        ("A", "warm_up", "main needs 1 more bars of A to warm up"),
        ("B", "warm_up", "main needs 1 more bars of B to warm up"),
        ("B", "warm_up", "main needs 1 more bars of B to warm up"),
        ("B", "warm_up", "main needs 1 more bars of B to warm up"),
    ]
    assert [(o.symbol, o.submitted_at // MINUTE) for o in made.of("order.submitted")] == [("A", 2), ("A", 3)]


def test_each_strategy_has_its_own_capital_and_book(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """One buys, one shorts, the third has no money for it: three books, ids that count through the session."""
    buys = does({1: lambda c: c.buy("X", 10), 3: lambda c: c.close("X")})
    shorts = does({1: lambda c: c.short("X", 5)})
    poor = does({1: lambda c: c.buy("X", 10)})
    made = run(
        {"long": buys, "short": shorts, "poor": poor},
        {"X": [100, 100, 110, 120]},
        cash={"long": 1000, "short": 2000, "poor": 999},
    )
    books = made.outcome.portfolios
    assert (books["long"].cash, books["long"].equity) == (D(1200), D(1200))  # sold 10 at 120
    assert (books["short"].cash, books["short"].equity) == (D(2500), D(1900))  # 2,000 + 500 - 5 x 120
    assert (books["poor"].cash, [d.code for d in made.of("order.denied", "poor")]) == (D(999), ["buying_power"])
    assert [(o.id, o.strategy) for o in made.of("order.submitted")] == [(1, "long"), (2, "short"), (4, "long")]
    assert [(p.id, p.strategy, p.change) for p in made.of("position")] == [
        (1, "long", "opened"),
        (2, "short", "opened"),
        (1, "long", "closed"),
    ]


def test_a_strategy_hears_its_own_symbols(run: Callable[..., Any]) -> None:
    """With symbols of its own it hears only those, though the session has more; it still decides at every instant."""

    class Hears(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[str] = []
            self.decided = 0

        def on_market_event(self, event: Any, context: Context) -> None:
            self.heard.append(event.symbol)

        def generate_orders(self, context: Context) -> Any:
            self.decided += 1
            return []

    some, everything = Hears(), Hears()
    run({"some": some, "all": everything}, {"A": [1, 1], "B": [1, 1, 1]}, symbols={"some": ["B"]})
    assert some.heard == ["B", "B", "B"]
    assert everything.heard == ["A", "B", "A", "B", "B"]
    assert (some.decided, everything.decided) == (3, 3)


def test_order_updates(run: Callable[..., Any]) -> None:
    """Each step of an order is told once, to its owner: accepted, filled in part, filled; cancelled."""

    class Told(Strategy):
        heard: ClassVar[list[str]] = []

        def generate_orders(self, context: Context) -> Any:
            if context.now == MINUTE:
                return context.buy("X", 2, limit=99) + context.buy("X", 1, limit=50)
            return context.cancel_all() if context.now == 3 * MINUTE else []

        def on_order_update(self, order: Any, context: Context) -> None:
            self.heard.append(f"{context.now // MINUTE} {order.id} {order.status} {order.filled}")

    run({"told": Told(), "deaf": Strategy()}, {"X": [100, 90, 90, 90]})
    assert Told.heard == ["1 1 accepted 0", "1 2 accepted 0", "2 1 filled 2", "3 2 cancelled 0"]


def test_valuations(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Every minute what a book is worth, once it has changed; prices in the order of the symbols; the end is valued.

    10 bought at 10 of 1,000: at 12 worth 1,020 with 900 of cash.
    """
    made = run(does({1: lambda c: c.buy("A", 10)}), {"A": [10, 10, 12, 12], "B": [5]}, cash=1000, mark_every=MINUTE)
    marks = [(at, m.equity, m.cash, m.gross, m.net) for at, k, _, m in made.rows if k == "mark"]
    assert marks == [
        (1, 1000.0, 1000.0, 0.0, 0.0),
        (2, 1000.0, 900.0, 100.0, 100.0),
        (3, 1020.0, 900.0, 120.0, 120.0),
    ]
    assert [(at, p.prices) for at, k, _, p in made.rows if k == "prices"] == [
        (1, (10.0, 5.0)),
        (3, (12.0, 5.0)),
    ]


def test_gross_and_net_of_a_short(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A short counts against the net and towards the gross."""
    made = run(does({1: lambda c: c.buy("A", 3) + c.short("B", 2)}), {"A": [10] * 3, "B": [20] * 3}, cash=1000)
    last = made.of("mark")[-1]
    assert (last.gross, last.net, last.equity) == (70.0, -10.0, 1000.0)  # 30 + 40, 30 - 40


def test_no_data_is_no_valuation(run: Callable[..., Any]) -> None:
    """A session without a single event starts, ends, and values nothing."""
    made = run(Strategy(), {"X": []})
    assert made.kinds() == ["session.started", "strategy.ended", "session.ended"]
    assert made.outcome.events == 0


def test_time_never_goes_back(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Whatever happens between bars, the journal's times never fall."""
    strategy = alarms(("a", 1.5), ("b", 2), ("c", 2.25))
    made = run(
        {"alarms": strategy, "trades": does({1: lambda c: c.buy("X", 1)})}, {"X": [1, 2, 3]}, mark_every=MINUTE // 3
    )
    times = [row.at for row in made.session.journal.rows()]
    assert times == sorted(times)


def test_causes(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """What a venue answers at once names the decision it answers; what the market makes happen names none."""
    made = run(
        does({1: lambda c: c.buy("X", 1, limit=99) + c.buy("X", 2, limit=50), 3: lambda c: c.cancel_all()}),
        {"X": [100, 98, 98]},
        market=Market(participation=None),
    )
    rows = list(made.session.journal.rows())
    kinds = {row.seq: row.kind for row in rows}
    told = [(r.kind, kinds.get(r.cause or 0)) for r in rows if r.kind.startswith("order.") or r.kind == "position"]
    assert told == [
        ("order.submitted", None),
        ("order.accepted", "order.submitted"),
        ("order.submitted", None),
        ("order.accepted", "order.submitted"),
        ("order.filled", None),
        ("position", "order.filled"),
        ("order.cancel_requested", None),
        ("order.cancelled", "order.cancel_requested"),
    ]
