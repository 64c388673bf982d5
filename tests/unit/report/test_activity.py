"""What the sections about trading count and list."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from onepath import events
from onepath.report import activity
from onepath.report.analysis import analyse
from onepath.report.page import figure
from onepath.report.record import read

DAY = 86_400 * 1_000_000_000


def test_orders_are_counted_by_outcome_and_reason(toy: Callable[..., Any]) -> None:
    """Two filled, one cancelled after a part, one working, three denied for two reasons: seven asked for."""
    t = toy(("X",))
    t.start()
    t.trade("crossover", "X", Decimal(10), DAY, Decimal(5))
    t.trade("crossover", "X", Decimal(-10), 2 * DAY, Decimal(6))
    for _ in range(2):
        t.trade("crossover", "X", Decimal(0), 3 * DAY, Decimal(6), parts=0)  # sent and accepted, nothing more
    t.fill(t.ids, "crossover", "X", Decimal(4), at=3 * DAY, price=Decimal(6), left=Decimal(6))
    order = t.ids - 1
    t.journal.append(4 * DAY, "order.cancelled", "crossover", events.Cancelled(order, "crossover", "X", "asked"))
    for code in ("no_cash", "no_cash", "halted"):
        t.deny("crossover", "X", 4 * DAY, code)
    analysis = analyse(read(t.end(5 * DAY)))
    assert activity.order_counts(analysis) == [
        ("filled", "", 2),
        ("cancelled", "", 1),
        ("cancelled", "asked", 1),
        ("denied", "", 3),
        ("denied", "no_cash", 2),
        ("denied", "halted", 1),
        ("still working", "", 1),
        ("of all, partly filled only", "", 1),
    ]
    assert "the 7 orders" in activity.outcomes(analysis)


def test_each_entry_and_exit_is_marked_once(toy: Callable[..., Any]) -> None:
    """One entry left in two steps is one mark in and two out; a reversal draws the new entry over the old exit."""
    t = toy(("X",))
    t.start()
    for day, quantity in ((1, 10), (2, -5), (3, -10), (4, 5)):
        t.trade("crossover", "X", Decimal(quantity), day * DAY, Decimal(50))
    marks = activity.markers(analyse(read(t.end(5 * DAY))))["X"]
    assert [(mark.at // DAY, mark.shape) for mark in marks] == [
        (1, "long-in"),
        (2, "long-out"),
        (3, "long-out"),
        (3, "short-in"),
        (4, "short-out"),
    ]


def test_costs_add_up(toy: Callable[..., Any]) -> None:
    """The foot of the cost table is the sum of the journal's fees and slippage, the dearest symbol first."""
    t = toy(("X", "Y"))
    t.start()
    t.trade("crossover", "X", Decimal(10), DAY, Decimal(100))
    t.trade("crossover", "Y", Decimal(100), DAY, Decimal(100))
    html = activity.costs(analyse(read(t.end(2 * DAY))))
    # fees 0.10 + 1.00, slippage 10 x 0.02 + 100 x 0.02, of 1,000.20 + 10,002.00
    assert html.index(">Y<") < html.index(">X<")
    assert ">$1.00<" in html
    assert ">$2.00<" in html
    assert ">$11,002<" in html
    assert "3.0 bps" in html


def test_open_lots_are_listed_at_the_last_price(toy: Callable[..., Any]) -> None:
    """What was never sold stands with its unrealised profit."""
    t = toy(("X",))
    t.start()
    t.trade("crossover", "X", Decimal(-10), DAY, Decimal(100))
    t.mark(DAY, (90.0,))
    html = activity.still_open(analyse(read(t.end(DAY))))
    assert "1 lots" not in html
    assert ">$99.80<" in html  # sold at 99.98


def test_minus_signs_are_true() -> None:
    """A negative number bears a minus sign, not a hyphen, and is escaped like any text."""
    assert figure("-5%") == "−5%"
    assert figure("<b>") == "&lt;b&gt;"
