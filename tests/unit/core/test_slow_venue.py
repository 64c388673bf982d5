"""The engine and the loop with a venue that takes its time: cancels are answered later, orders can be refused.

The port allows it, and every broker does it; the simulated venue, which answers cancels at once, never shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from onepath import Context, Strategy
from onepath.events import Rejected
from onepath.orders import Approved
from onepath.session import Session
from onepath.simulator.assumptions import Terms
from onepath.simulator.venue import SimulatedVenue

MINUTE = 60_000_000_000


class SlowVenue(SimulatedVenue):
    """Answers a cancel after the next bar of its symbol was matched, and refuses orders tagged `odd`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: list[int] = []

    def submit(self, approved: Approved, at: int) -> Sequence[Any]:
        order = approved.order
        if order.tag == "odd":
            return (Rejected(order.id, order.strategy, order.symbol, "odd lot"),)
        return super().submit(approved, at)

    def cancel(self, order_id: int, at: int) -> Sequence[Any]:
        self.asked.append(order_id)
        return ()

    def touches(self, event: Any) -> bool:
        return bool(self.asked) or super().touches(event)

    def match(self, events: Sequence[Any]) -> Sequence[Any]:
        reports = list(super().match(events))
        late, self.asked = self.asked, []
        return reports + [
            report for order_id in late for report in super(SlowVenue, self).cancel(order_id, events[0].at)
        ]


@pytest.fixture
def slowly(session: Callable[..., Session], does: Callable[..., Strategy]) -> Callable[..., Any]:
    """Runs a plan of minute -> orders against the slow venue; the rows written, as (minute, kind, body)."""

    def play(strategy: Strategy | Mapping[int, Callable[[Context], Any]], prices: Sequence[float]) -> Any:
        made = session(strategy if isinstance(strategy, Strategy) else does(strategy), {"X": prices})
        plan = made.plan
        accounts = {s.name: Terms(s.capital, s.limits.max_leverage) for s in plan.strategies}
        slow = Session(plan, made.journal, SlowVenue(plan.feed.instruments, accounts, plan.market, plan.feed.volumes))
        outcome = slow.run()
        rows = [(r.at // MINUTE, r.kind.removeprefix("order.")) for r in made.journal.rows() if r.kind[:6] == "order."]
        return outcome, rows

    return play


def test_a_cancel_answered_later(slowly: Callable[..., Any]) -> None:
    """Asked at 2, gone at 3, though the bar would not have filled it."""
    outcome, rows = slowly({1: lambda c: c.buy("X", 1, limit=50), 2: lambda c: c.cancel_all()}, [100] * 5)
    assert outcome.errors == ()
    assert rows == [(1, "submitted"), (1, "accepted"), (2, "cancel_requested"), (3, "cancelled")]


def test_a_fill_overtakes_the_cancel(slowly: Callable[..., Any]) -> None:
    """Asked at 2, but the bar that ends at 3 fills it first: it is filled, and the cancel is silent."""
    outcome, rows = slowly({1: lambda c: c.buy("X", 1, limit=50), 2: lambda c: c.cancel_all()}, [100, 100, 40, 40])
    assert outcome.errors == ()
    assert rows == [(1, "submitted"), (1, "accepted"), (2, "cancel_requested"), (3, "filled")]
    assert outcome.portfolios["main"].quantity("X") == 1


def test_asking_twice_is_asking_once(slowly: Callable[..., Any]) -> None:
    """`cancel_all` twice before the answer: one request; the second is refused, told, and no error."""
    outcome, rows = slowly({1: lambda c: c.buy("X", 1, limit=50), 2: lambda c: 2 * c.cancel_all()}, [100] * 5)
    assert outcome.errors == ()
    asked = [(1, "submitted"), (1, "accepted"), (2, "cancel_requested")]
    assert rows == [*asked, (2, "refused"), (3, "cancelled")]


def test_a_refusal_reaches_the_strategy(slowly: Callable[..., Any]) -> None:
    """Their no: recorded with the decision it answers, told to the strategy, nothing left open, and life goes on."""

    class Odd(Strategy):
        heard: list[str]

        def on_start(self, context: Context) -> None:
            self.heard = []

        def generate_orders(self, context: Context) -> Any:
            return context.buy("X", 1, tag="odd" if context.now == MINUTE else "") if context.now < 3 * MINUTE else []

        def on_order_update(self, order: Any, context: Context) -> None:
            self.heard.append(f"{order.id} {order.status}")

    strategy = Odd()
    outcome, rows = slowly(strategy, [100] * 4)
    assert outcome.errors == ()
    assert strategy.heard == ["1 rejected", "2 filled"]
    assert rows == [(1, "submitted"), (1, "rejected"), (2, "submitted"), (3, "filled")]
