"""Timers among market events: what comes first, and what a failure in between leaves behind."""

from __future__ import annotations

from typing import Any

from onepath import Context, OrderIntent, Strategy, Timer
from onepath.session import MINUTE
from onepath.testing import START, bars, trial


class Early(Strategy):
    """Sets a timer before the first event, far away, and does nothing."""

    def on_start(self, context: Context) -> None:
        context.set_timer("late", START + 50 * MINUTE)


def test_a_timer_set_at_the_start_does_not_hold_back_valuations() -> None:
    """The books are valued as often with a timer an hour away as without one: the curve has no hole at its start."""
    closes = [100.0 + i for i in range(60)]
    with_timer = trial(Early, {"X": bars(closes)}, marks="1m").events["prices"]
    without = trial(Strategy, {"X": bars(closes)}, marks="1m").events["prices"]
    assert len(without) == 60
    assert with_timer == without


class Fails(Strategy):
    """Leaves a limit order at the venue and fails on a timer half a minute later."""

    def on_start(self, context: Context) -> None:
        self._sent = False

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        if self._sent:
            return []
        self._sent = True
        context.set_timer("boom", context.now + MINUTE // 2)
        return context.buy("X", 1, limit=99)

    def on_timer(self, timer: Timer, context: Context) -> None:
        raise RuntimeError("boom")


def test_a_failure_on_a_timer_takes_the_orders_back_at_once() -> None:
    """A strategy that failed before a bar's news came has no order left for that bar to fill, as if it had cancelled."""
    found = trial(Fails, {"X": bars([100.0, 90.0, 90.0])}, raises=False).events
    assert "order.filled" not in found
    assert [c.order_id for c in found["order.cancelled"]] == [1]


class FailsNext(Strategy):
    """Leaves a limit order at the venue and fails when it is asked the next time."""

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        if context.open_orders:
            raise RuntimeError("boom")
        return context.buy("X", 1, limit=95)


def test_a_failure_takes_the_orders_back() -> None:
    """What a strategy left at work when it failed is cancelled before the next bar could fill it."""
    found = trial(FailsNext, {"X": bars([100.0, 100.0, 90.0, 90.0])}, raises=False).events
    assert "order.filled" not in found
    assert [c.order_id for c in found["order.cancelled"]] == [1]


class Noted(Strategy):
    """Notes who is called when."""

    def on_start(self, context: Context) -> None:
        self.calls: list[tuple[str, int]] = []
        for at in (START + MINUTE, START + MINUTE * 3 // 2, START + 2 * MINUTE):
            context.set_timer("t", at + (1 if at == START + MINUTE else 0))

    def on_market_event(self, event: Any, context: Context) -> None:
        self.calls.append(("bar", context.now - START))

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        self.calls.append(("decide", context.now - START))
        return []

    def on_timer(self, timer: Timer, context: Context) -> None:
        self.calls.append(("timer", context.now - START))


def test_market_events_come_before_timers_of_their_instant() -> None:
    """Bar, decision, then what is due: between bars at its own time, at a bar's close after that bar's decision."""
    strategy = Noted()
    trial(strategy, {"X": bars([1.0, 2.0, 3.0])})
    one, half = MINUTE, MINUTE // 2
    assert strategy.calls == [
        ("bar", one),
        ("decide", one),
        ("timer", one + 1),
        ("decide", one + 1),
        ("timer", one + half),
        ("decide", one + half),
        ("bar", 2 * one),
        ("decide", 2 * one),
        ("timer", 2 * one),
        ("decide", 2 * one),
        ("bar", 3 * one),
        ("decide", 3 * one),
    ]
