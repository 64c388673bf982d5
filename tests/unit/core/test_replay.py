"""Orders that a failure asks back are asked back at the same point of the instant, in the session and in its replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from onepath import Context, Strategy
from onepath.actions import Split
from onepath.events import Fill
from onepath.feeds.actions import WithActions
from onepath.journal.memory import MemoryJournal
from onepath.risk import Breaker, Breakers, RiskPlan
from onepath.session import Session, replayed
from onepath.simulator.assumptions import Market
from onepath.simulator.latency import Constant

MINUTE = 60_000_000_000
D = Decimal


class Fails(Strategy):
    """Rests a buy below the market, buys at it, and raises when it hears of the fill, at minute 2."""

    def generate_orders(self, context: Context) -> Any:
        return context.buy("X", 1, limit=50) + context.buy("X", 2) if context.now == MINUTE else []

    def on_order_update(self, order: Any, context: Context) -> None:
        if order.filled:
            raise ZeroDivisionError("as asked")


class Withdraws(Strategy):
    """Rests a buy at minute 1 and takes it back at minute 2."""

    def generate_orders(self, context: Context) -> Any:
        if context.now == MINUTE:
            return context.buy("X", 3, limit=50)
        return context.cancel(context.open_orders[0]) if context.now == 2 * MINUTE else []


class FailsWhenTaken(Strategy):
    """With a minute each way to the venue: a market order that trades at the very moment at which a second order is taken."""

    def generate_orders(self, context: Context) -> Any:
        if context.now == MINUTE:
            return context.buy("X", 1, limit=105)
        return context.buy("X", 2, limit=50) if context.now == 2 * MINUTE else []

    def on_order_update(self, order: Any, context: Context) -> None:
        if order.id == 2:
            raise ZeroDivisionError("as asked")


def made_again(
    session: Callable[..., Any], strategies: Callable[[], Mapping[str, Strategy]], **more: Any
) -> tuple[list[tuple[str, Any]], Any]:
    """What a session asked of the venue, and what its replay says."""
    journal = MemoryJournal("once")
    session(strategies(), {"X": [100] * 6}, journal=journal, **more).run()
    asked = [(row.kind, row.strategy) for row in journal.rows(("order.cancel_requested", "order.filled"))]
    return asked, replayed(session(strategies(), {"X": [100] * 6}, **more).plan, journal)


def test_cancels_of_a_failure_come_before_the_other_decides(session: Callable[..., Any]) -> None:
    """A fill fails one strategy: its orders are asked back before another decides in that instant, and so in the replay."""
    asked, replay = made_again(session, lambda: {"fails": Fails(), "withdraws": Withdraws()})
    assert asked == [
        ("order.filled", "fails"),
        ("order.cancel_requested", "fails"),
        ("order.cancel_requested", "withdraws"),
    ]
    assert replay.difference is None


def test_cancels_come_between_what_the_venue_says_and_what_the_market_does(session: Callable[..., Any]) -> None:
    """Order 2 is taken at minute 3, which fails the strategy, so order 1 is asked back; then minute 3's bar, which began at
    minute 2, when order 1 had arrived, fills order 1. The replay asks back both, too."""
    asked, replay = made_again(session, lambda: {"main": FailsWhenTaken()}, market=Market(latency=Constant(60_000)))
    assert asked == [
        ("order.cancel_requested", "main"),
        ("order.cancel_requested", "main"),
        ("order.filled", "main"),
    ]
    assert replay.difference is None


class FailsAtSplit(Strategy):
    """Rests a buy at minute 1 and raises when it hears of the split at minute 2."""

    def generate_orders(self, context: Context) -> Any:
        return context.buy("X", 1, limit=50) if context.now == MINUTE else []

    def on_corporate_action(self, action: Any, context: Context) -> None:
        raise ZeroDivisionError("as asked")


def test_cancels_at_a_corporate_action_come_before_the_bar_that_follows(session: Callable[..., Any]) -> None:
    """Two for one at minute 2: the buy at 50 is one at 25, and is asked back then; minute 3's bar at 20 would have filled it."""
    prices = {"X": [100, 100, 20, 20]}

    def made(journal: Any = None) -> Any:
        acting = {"feed": lambda f: WithActions(f, [Split("X", 2 * MINUTE, Decimal(2))])}
        return session(FailsAtSplit(), prices, journal=journal, **acting)

    journal = MemoryJournal("once")
    made(journal).run()
    asked = [(row.at, row.kind) for row in journal.rows(("order.cancel_requested", "order.filled"))]
    assert asked == [(2 * MINUTE, "order.cancel_requested")]
    assert replayed(made().plan, journal).difference is None


class Stutters:
    """A venue that says the fill of an order twice."""

    def __init__(self, venue: Any) -> None:
        self._venue = venue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def match(self, events: Any) -> Any:
        said = self._venue.match(events)
        return [*said, *(report for report in said if isinstance(report, Fill))]


class BuysTwice(Strategy):
    """Buys at minutes 1 and 3."""

    def generate_orders(self, context: Context) -> Any:
        return context.buy("X", 1) if context.now in (MINUTE, 3 * MINUTE) else []


def test_what_was_refused_is_said_again(session: Callable[..., Any]) -> None:
    """A fill that is said twice is refused the second time, and trips a breaker for errors: the order of minute 3 is denied. The
    replay's venue says it twice, too, or the breaker would not trip there."""
    risk = RiskPlan(breakers=Breakers(error_rate=Breaker(limit=D(1))))
    plan = session(BuysTwice(), {"X": [100] * 6}).plan._replace(risk=risk)
    journal = MemoryJournal("once")
    made = Session(plan, journal)
    made.venue = Stutters(made.venue)
    made.run()
    kinds = ("order.submitted", "order.filled", "order.refused", "trading_state", "order.denied")
    assert [row.kind for row in journal.rows(kinds)] == list(kinds)
    replay = replayed(session(BuysTwice(), {"X": [100] * 6}).plan._replace(risk=risk), journal)
    assert replay.difference is None
