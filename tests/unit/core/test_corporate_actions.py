"""Corporate actions in a session: who has them, and that books, venue and journal agree, by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from onepath import Context, Strategy
from onepath.actions import CashDividend, Split
from onepath.feeds.actions import WithActions

D = Decimal
MINUTE = 60_000_000_000


def test_a_dividend_is_for_who_held_before_its_date(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """1 a share at minute 2. Who bought 10 in the bar before has 10; who is short pays 10; who buys at the open of the bar that
    starts then has none."""
    plans = {
        "early": does({1: lambda c: c.buy("X", 10)}),
        "short": does({1: lambda c: c.short("X", 10)}),
        "late": does({2: lambda c: c.buy("X", 10)}),
    }
    made = run(
        plans,
        {"X": [100, 100, 99, 99]},
        cash=5_000,
        feed=lambda f: WithActions(f, [CashDividend("X", 2 * MINUTE, D(1))]),
    )
    assert made.outcome.errors == ()
    books = made.outcome.portfolios
    assert {name: book.flows for name, book in books.items()} == {"early": D(10), "short": D(-10), "late": D(0)}
    assert {name: book.cash for name, book in books.items()} == {"early": D(4_010), "short": D(5_990), "late": D(4_010)}
    assert {name: made.session.venue.cash()[name] for name in books} == {
        name: book.cash for name, book in books.items()
    }
    assert [(at, strategy, e.kind, e.amount) for at, kind, strategy, e in made.rows if kind == "cash"] == [
        (2, "early", "dividend", D(10)),
        (2, "short", "dividend", D(-10)),
    ]


def test_a_split_leaves_what_is_held_worth_the_same(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """4 for one at minute 2: 10 at 100 are 40 at 25 in both books, the cost stays, and the stop at 80 is one at 20."""
    plan = {1: lambda c: c.buy("X", 10) + c.sell("X", 10, stop=80)}
    bought = does({1: plan[1]})
    made = run(
        bought, {"X": [100, 100, 25, 19]}, cash=5_000, feed=lambda f: WithActions(f, [Split("X", 2 * MINUTE, D(4))])
    )
    assert made.outcome.errors == ()
    (restated,) = made.of("order.replaced")
    assert (restated.quantity, restated.stop) == (D(40), D(20))
    (split,) = [event for event in made.of("position") if event.change == "adjusted"]
    assert (split.quantity, split.cost) == (D(40), D(1_000))
    sold = made.of("order.filled")[-1]
    assert (sold.quantity, sold.price) == (D(-40), D(19))  # the bar at minute 3 opens under the stop
    book = made.outcome.portfolios["main"]
    assert book.cash == 4_000 + 40 * 19 == made.session.venue.cash()["main"]
    assert book.realised_pnl == 760 - 1_000


class Watches(Strategy):
    """Buys 10 at the close of minute 1, and notes what it is worth when it hears of an action."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[Decimal, Decimal, Decimal]] = []

    def generate_orders(self, context: Context) -> Any:
        return context.buy("X", 10) if context.now == MINUTE else []

    def on_corporate_action(self, action: Any, context: Context) -> None:
        book = context.portfolio
        self.heard.append((book.quantity("X"), D(str(book.price("X"))), book.equity))


def test_equity_does_not_jump_at_a_split(run: Callable[..., Any]) -> None:
    """When the strategy hears of 4 for one it has 40 at 25, the old price of 100 restated: 5,000 as before."""
    strategy = Watches()
    run(strategy, {"X": [100, 100, 25]}, cash=5_000, feed=lambda f: WithActions(f, [Split("X", 2 * MINUTE, D(4))]))
    assert strategy.heard == [(D(40), D(25), D(5_000))]
