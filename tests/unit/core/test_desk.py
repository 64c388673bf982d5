"""From a strategy's wish to the venue and back: brackets go whole or not at all, what the life of an order does not have is
refused and told, halts ask orders back, and nothing leaves but what was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from msgspec.structs import replace

import onepath
from onepath import Breaker, Breakers, Context, Limits, OrderIntent, OrderType, RiskPlan, Side, Strategy
from onepath.errors import ConservationError
from onepath.events import Command, Fill, TradingState, VenueReport
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar, BookUpdate, Quote, Trade, exact_mark
from onepath.session import Session, simulated

D = Decimal
MINUTE = 60_000_000_000


def bracket(stop: str) -> OrderIntent:
    """Buy 10 at the market, stop loss at `stop`, take profit at 120."""
    exits = (
        OrderIntent(symbol="X", side=Side.SELL, quantity=D(10), type=OrderType.STOP, stop=D(stop)),
        OrderIntent(symbol="X", side=Side.SELL, quantity=D(10), type=OrderType.LIMIT, limit=D(120)),
    )
    return OrderIntent(symbol="X", side=Side.BUY, quantity=D(10), children=exits)


def test_a_bracket_goes_out_whole(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Entry and both exits are recorded in one go, the exits with their parent's id."""
    made = run(does({1: lambda c: [bracket("90")]}), {"X": [100] * 4})
    sent = made.of("order.submitted")
    assert [(o.id, o.parent_id, str(o.type)) for o in sent] == [(1, None, "market"), (2, 1, "stop"), (3, 1, "limit")]
    assert [f.order_id for f in made.of("order.filled")] == [1]
    assert made.of("order.denied") == []


def test_a_bracket_without_its_stop_loss_does_not_go_out(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """The collar of 20 % denies the stop at 70: all three are denied, nothing is sent, nothing stays in the book."""
    limits = Limits(price_collar=D("0.2"))
    made = run(does({1: lambda c: [bracket("70")], 2: lambda c: [bracket("90")]}), {"X": [100] * 4}, limits=limits)
    assert [(d.order.id, d.code) for d in made.of("order.denied")] == [
        (1, "bracket"),
        (2, "price_collar"),
        (3, "bracket"),
    ]
    assert [o.id for o in made.of("order.submitted")] == [4, 5, 6]
    assert made.outcome.errors == ()


class AtOnce(Strategy):
    """Two limits, and one at half the money, on the first event."""

    def on_start(self, context: Context) -> None:
        self.seen: list[Decimal | None] = []

    def generate_orders(self, context: Context) -> Any:
        self.seen.append(context.price("BTC"))
        if len(self.seen) > 1:
            return []
        return context.buy("BTC", 1, limit=61_000) + context.short("BTC", 1, limit=62_000)


@pytest.mark.parametrize("kind", ["quotes", "book"])
def test_the_reference_is_the_exact_middle(kind: str) -> None:
    """(61837.63 + 61837.64) / 2 is 61837.635; in floats it is 61837.634999999995. The strategy sees the same price."""
    at = pd.date_range("2024-01-02", periods=2, freq="s", tz="UTC")
    quotes = pd.DataFrame({"at": at, "bid": 61_837.63, "ask": 61_837.64, "bid_size": 1.0, "ask_size": 1.0})
    data: Any = quotes
    if kind == "book":
        rows = [(t, i, s, p) for i, t in enumerate(at, 1) for s, p in (("bid", 61_837.63), ("ask", 61_837.64))]
        data = pd.DataFrame(rows, columns=["at", "last_update_id", "side", "price"]).assign(size=1.0, is_snapshot=True)
    assert (61_837.63 + 61_837.64) / 2 == 61_837.634999999995
    result = onepath.backtest(AtOnce, {"BTC": {kind: data}}, 1_000_000)
    assert [order.reference for order in result.record.orders] == [D("61837.635")] * 2
    assert result._plan.strategies[0].strategy.seen[0] == D("61837.635")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("event", "price"),
    [
        (Quote("X", 1, 0.1, 0.2, 0.0, 0.0), "0.15"),
        (BookUpdate(symbol="X", at=1, bids=(), asks=(), bid=0.1, ask=0.3), "0.2"),
        (BookUpdate(symbol="X", at=1, bids=(), asks=(), bid=0.1, ask=0.0), "0.1"),
        (BookUpdate(symbol="X", at=1, bids=(), asks=(), bid=0.0, ask=0.3), "0.3"),
        (Trade("X", 1, 0.3, 1.0), "0.3"),
        (Bar("X", 0, 1, 1.0, 1.0, 1.0, 0.7, 1.0), "0.7"),
    ],
)
def test_exact_marks(event: Any, price: str) -> None:
    """The middle of two sides, the one side that is there, the price traded, the close."""
    assert exact_mark(event) == D(price)
    assert float(exact_mark(event)) == pytest.approx(event.mark)


class Twice:
    """A venue that says the fills of its orders twice."""

    def __init__(self, venue: Any) -> None:
        self._venue = venue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    @property
    def due(self) -> int:
        return int(self._venue.due)

    def match(self, events: Sequence[Any]) -> Sequence[VenueReport]:
        found: list[VenueReport] = []
        for report in self._venue.match(events):
            found += [report, replace(report, id=report.id + 100)] if isinstance(report, Fill) else [report]
        return found


def test_a_fill_of_an_order_that_has_ended_is_refused(session: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Filled at 2, and told again: refused, in the journal with all that was said, and not in the books."""
    made = session(does({1: lambda c: c.buy("X", 10)}), {"X": [100] * 4}, cash=2_000)
    again = Session(made.plan, MemoryJournal("twice"), Twice(simulated(made.plan, {})))
    outcome = again.run()
    rows = [row for row in again.journal.rows() if row.kind.startswith(("order.", "position"))]
    assert [row.kind for row in rows] == ["order.submitted", "order.filled", "position", "order.refused"]
    assert b"order 1 is not open" in bytes(rows[-1].body)
    assert outcome.portfolios["main"].quantity("X") == 10
    assert outcome.portfolios["main"].cash == 1_000


def test_a_fill_told_twice_is_an_error_that_a_breaker_counts(
    session: Callable[..., Any], does: Callable[..., Any]
) -> None:
    """One refused step trips a breaker of one error: the next order is not sent."""
    plan = {1: lambda c: c.buy("X", 10), 3: lambda c: c.buy("X", 1)}
    breakers = Breakers(error_rate=Breaker(limit=D(1)))
    made = session(does(plan), {"X": [100] * 5}).plan._replace(risk=RiskPlan(breakers=breakers))
    again = Session(made, MemoryJournal("twice"), Twice(simulated(made, {})))
    again.run()
    kinds = [row.kind for row in again.journal.rows(("order.refused", "trading_state", "order.denied"))]
    assert kinds == ["order.refused", "trading_state", "order.denied"]


@pytest.mark.parametrize(
    ("state", "cancelled"), [(TradingState.HALTED, [1, 2]), (TradingState.REDUCING, [1]), (TradingState.ACTIVE, [])]
)
def test_what_a_state_asks_back(
    state: TradingState, cancelled: list[int], session: Callable[..., Any], does: Callable[..., Any]
) -> None:
    """A halt asks back all that is at work; reducing, what could open, and leaves the stop loss."""

    def both(context: Any) -> Any:
        return context.buy("X", 10, limit=50) + context.sell("X", 10, stop=80)

    plan = {1: lambda c: c.buy("X", 10), 3: both}
    made = session(does(plan), {"X": [100] * 8}).plan
    command = Command(scope="", state=state, by="Ada", reason="drill")
    again = Session(made._replace(commands=[(5 * MINUTE, command)]), MemoryJournal("state"))
    outcome = again.run()
    assert outcome.errors == ()
    rows = [(row.at // MINUTE, row.kind) for row in again.journal.rows() if "cancel" in row.kind]
    assert rows == [(5, "order.cancel_requested"), (5, "order.cancelled")] * len(cancelled)
    left = {order.id for order in again.venue.open_orders()}
    assert left == {2, 3} - {number + 1 for number in cancelled}


class Loops(Strategy):
    """Buys one at the close of minute 1."""

    def generate_orders(self, context: Any) -> Any:
        return context.buy("X", 1) if context.now == MINUTE else []


def test_a_router_that_loops_is_stopped_in_the_loop(session: Callable[..., Any]) -> None:
    """What Knight Capital lacked: decisions that are handed over twice leave once, and the session says why it ended."""
    made = session(Loops(), {"X": [100] * 4})
    once = made.engine.decide

    def twice(context: Any, intents: Any) -> Iterator[Any]:
        for decision in once(context, intents):
            yield decision
            yield decision

    made.engine.decide = twice
    with pytest.raises(ConservationError, match=r"order 1 .* was about to leave, but no decision of it is waiting"):
        made.run()
    assert len(made.venue.open_orders()) == 1
