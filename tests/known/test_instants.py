"""Several symbols on one clock: who may trade in which bar, and what one instant sees of another symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from onepath import Context, Instrument, Strategy
from onepath.events import Fill
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.risk import Limits
from onepath.seat import Seated
from onepath.session import Plan, Session
from onepath.simulator.assumptions import Market

MINUTE = 60_000_000_000
Rows = list[tuple[int, int, float]]
"""start and end in minutes, and the one price of the bar"""


class Told(NamedTuple):
    """What a run wrote: decoded events by kind, with their time in minutes."""

    rows: list[tuple[str, int, Any]]

    def fills(self) -> list[tuple[str, str, str, int]]:
        """symbol, signed quantity, price, minute its bar began"""
        return [
            (e.symbol, f"{e.quantity.normalize():f}", f"{e.price.normalize():f}", e.executed_at // MINUTE)
            for _, _, e in self.rows
            if isinstance(e, Fill)
        ]

    def of(self, kind: str) -> list[Any]:
        return [event for k, _, event in self.rows if k == kind]


def ran(bars: Mapping[str, Rows], strategy: Strategy, cash: str = "100000", **limits: Any) -> Told:
    columns: dict[str, dict[str, list[Any]]] = {}
    for symbol, rows in bars.items():
        full = [(s * MINUTE, e * MINUTE, p, p, p, p, 0.0) for s, e, p in rows]
        columns[symbol] = {name: [row[i] for row in full] for i, name in enumerate(COLUMNS)}
    instruments = {s: Instrument(symbol=s, lot_size=Decimal(1)) for s in bars}
    feed = ColumnFeed(columns, instruments, interval_ns=MINUTE)
    seat = Seated("s", strategy, Decimal(cash), Limits(**limits), tuple(bars))
    plan = Plan("backtest", 0, feed, feed.describe(), [seat], [{}], Market(participation=None), {}, MINUTE)
    journal = MemoryJournal("known")
    outcome = Session(plan, journal).run()
    assert outcome.errors == ()
    return Told([(row.kind, row.at // MINUTE, decode(row)) for row in journal.rows()])


class At(Strategy):
    """Sends orders at given minutes."""

    plan: Mapping[int, Callable[[Context], Any]]

    def generate_orders(self, context: Context) -> Any:
        make = self.plan.get(context.now // MINUTE)
        return make(context) if make else []


def at(plan: Mapping[int, Callable[[Context], Any]]) -> At:
    strategy = At()
    strategy.plan = plan
    return strategy


def test_a_long_bar_that_began_before_the_order() -> None:
    """An hour's bar that began at 10 is not for an order sent at 12, though it arrives later; the next one is."""
    quick: Rows = [(m, m + 1, 50.0) for m in range(9, 80)]
    slow: Rows = [(0, 10, 200.0), (10, 70, 210.0), (70, 130, 220.0)]
    told = ran({"QUICK": quick, "SLOW": slow}, at({12: lambda c: c.buy("SLOW", 1)}))
    assert told.fills() == [("SLOW", "1", "220", 70)]


@pytest.mark.parametrize("sent", range(10, 31))
def test_never_in_a_bar_that_began_before_it_was_sent(sent: int) -> None:
    """Whatever minute it is sent in, a market order's bar begins at that minute or later, and is the first such."""
    quick: Rows = [(m, m + 1, 50.0) for m in range(60)]
    seven: Rows = [(m, m + 7, 200.0 + m) for m in range(0, 70, 7)]
    told = ran({"QUICK": quick, "SEVEN": seven}, at({sent: lambda c: c.buy("SEVEN", 1)}))
    first = -(-sent // 7) * 7  # the next multiple of seven: where the next seven-minute bar begins
    assert told.fills() == [("SEVEN", "1", str(200 + first), first)]


def test_the_other_symbols_bar_of_the_same_instant_is_not_for_it() -> None:
    """Both bars end at minute 2; an order made then meets neither, only what begins at 2."""
    bars: dict[str, Rows] = {"A": [(0, 1, 10.0), (1, 2, 11.0), (2, 3, 12.0)], "B": [(0, 2, 20.0), (2, 4, 21.0)]}
    told = ran(bars, at({2: lambda c: c.buy("A", 1) + c.buy("B", 1)}))
    assert told.fills() == [("A", "1", "12", 2), ("B", "1", "21", 2)]


def test_an_order_waits_for_its_own_symbol() -> None:
    """Bars of others pass; a market order waits for the first bar of its own symbol, an hour later."""
    bars: dict[str, Rows] = {"A": [(m, m + 1, 10.0) for m in range(90)], "B": [(0, 1, 20.0), (61, 62, 25.0)]}
    assert ran(bars, at({5: lambda c: c.buy("B", 1)})).fills() == [("B", "1", "25", 61)]


def test_rebalance_whose_buy_comes_first() -> None:
    """All cash is in B; selling B for A works though A comes first in the feed: of one instant sales trade first.

    Bought 10 B at 100 = 1,000. Then sell 10 B, buy 10 A, both at 100.
    """
    bars: dict[str, Rows] = {s: [(m, m + 1, 100.0) for m in range(5)] for s in ("A", "B")}
    told = ran(bars, at({1: lambda c: c.buy("B", 10), 3: lambda c: c.sell("B", 10) + c.buy("A", 10)}), cash="1000")
    assert told.fills() == [("B", "10", "100", 1), ("B", "-10", "100", 3), ("A", "10", "100", 3)]
    last = told.of("mark")[-1]
    assert (last.cash, last.equity, last.gross) == (0.0, 1000.0, 1000.0)


def test_a_rebalance_sent_buy_first_is_denied() -> None:
    """A buy counts the sales that were sent before it, not those that may come after: put sales first."""
    bars: dict[str, Rows] = {s: [(m, m + 1, 100.0) for m in range(5)] for s in ("A", "B")}
    told = ran(bars, at({1: lambda c: c.buy("B", 10), 3: lambda c: c.buy("A", 10) + c.sell("B", 10)}), cash="1000")
    assert [d.code for d in told.of("order.denied")] == ["buying_power"]
    assert told.fills() == [("B", "10", "100", 1), ("B", "-10", "100", 3)]


def test_a_sale_that_opens_lower_buys_less() -> None:
    """The sale brings 10 x 90 = 900 and not the 1,000 that were expected: 9 can be paid, the tenth is cancelled."""
    flat: Rows = [(m, m + 1, 100.0) for m in range(5)]
    falls: Rows = [(m, m + 1, 100.0 if m < 3 else 90.0) for m in range(5)]
    told = ran(
        {"A": flat, "B": falls},
        at({1: lambda c: c.buy("B", 10), 3: lambda c: c.sell("B", 10) + c.buy("A", 10)}),
        cash="1000",
    )
    assert told.fills() == [("B", "10", "100", 1), ("B", "-10", "90", 3), ("A", "9", "100", 3)]
    assert [c.reason for c in told.of("order.cancelled")] == ["cash does not pay for the rest"]
    assert told.of("mark")[-1].cash == 0.0


def test_a_sale_that_was_taken_back_pays_for_nothing() -> None:
    """5 B of 1,000 are held; their sale waits for a bar of B and is cancelled. 5 A at 100, but A opens at 150.

    Cash is 500: 3 x 150 = 450 can be paid, 4 x 150 = 600 cannot.
    """
    dear: Rows = [(m, m + 1, 100.0 if m < 5 else 150.0) for m in range(8)]
    told = ran(
        {"A": dear, "B": [(0, 1, 100.0), (1, 2, 100.0)]},
        at(
            {
                1: lambda c: c.buy("B", 5),
                3: lambda c: c.sell("B", 5),
                4: lambda c: c.cancel_all(),
                5: lambda c: c.buy("A", 5),
            }
        ),
        cash="1000",
    )
    assert told.fills() == [("B", "5", "100", 1), ("A", "3", "150", 5)]
    assert told.of("mark")[-1].cash == 50.0


class Seen(Strategy):
    """Notes what it is told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def on_start(self, context: Context) -> None:
        context.set_timer("alarm", 2 * MINUTE)

    def on_market_event(self, event: Any, context: Context) -> None:
        self.heard.append(f"{context.now // MINUTE} {event.symbol} {event.close:g}")
        known = [f"{s}={context.price(s)}" for s in context.symbols]
        self.heard.append(f"{context.now // MINUTE} knows {' '.join(known)}")

    def on_order_update(self, order: Any, context: Context) -> None:
        self.heard.append(f"{context.now // MINUTE} order {order.id} {order.status}")

    def on_timer(self, timer: Any, context: Context) -> None:
        self.heard.append(f"{context.now // MINUTE} timer {timer.name}")

    def generate_orders(self, context: Context) -> Any:
        self.heard.append(f"{context.now // MINUTE} decide")
        return context.buy("B", 1) if context.now == MINUTE else []


def test_order_within_an_instant() -> None:
    """Reports, then all market events in feed order, then one decision, then timers and their decision.

    No event shows a price of the same instant that has not been delivered yet.
    """
    strategy = Seen()
    bars: dict[str, Rows] = {"A": [(0, 1, 10.0), (1, 2, 11.0), (2, 3, 12.0)], "B": [(0, 1, 20.0), (1, 2, 21.0)]}
    ran(bars, strategy)
    assert strategy.heard == [
        "1 A 10",
        "1 knows A=10.0 B=None",
        "1 B 20",
        "1 knows A=10.0 B=20.0",
        "1 decide",
        "2 order 1 filled",
        "2 A 11",
        "2 knows A=11.0 B=20.0",
        "2 B 21",
        "2 knows A=11.0 B=21.0",
        "2 decide",
        "2 timer alarm",
        "2 decide",
        "3 A 12",
        "3 knows A=12.0 B=21.0",
        "3 decide",
    ]


def test_an_order_from_a_timer_can_trade_in_a_bar_that_begins_then() -> None:
    """A timer at minute 2 sends a market order; the bar from 2 to 3 is its first."""

    class OnAlarm(Strategy):
        alarm = False

        def on_start(self, context: Context) -> None:
            context.set_timer("alarm", 2 * MINUTE)

        def on_timer(self, timer: Any, context: Context) -> None:
            self.alarm = True

        def generate_orders(self, context: Context) -> Any:
            if not self.alarm:
                return []
            self.alarm = False
            return context.buy("A", 1)

    told = ran({"A": [(m, m + 1, 10.0 + m) for m in range(5)]}, OnAlarm())
    assert told.fills() == [("A", "1", "12", 2)]
    assert [t.name for t in told.of("timer")] == ["alarm"]
