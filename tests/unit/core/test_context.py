"""What a strategy may ask beyond plain orders: groups, exits, new terms, order books, bars and books through a change of name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from onepath import Context, Strategy
from onepath.actions import SymbolChange
from onepath.errors import OrderError, StrategyError
from onepath.market import Bar, BookUpdate, Quote
from onepath.orders import CancelIntent, OrderIntent, ReplaceIntent, Side
from onepath.views import Books, History

D = Decimal
MINUTE = 60_000_000_000


@pytest.fixture
def ask(run: Callable[..., Any], does: Callable[..., Any]) -> Callable[[Callable[[Context], Any]], Any]:
    """What the context gives to a question at the close of minute 1, the price being 100."""

    def put(question: Callable[[Context], Any]) -> Any:
        found: list[Any] = []

        def decide(context: Context) -> Any:
            try:
                found.append(question(context))
            except Exception as error:  # it goes to the test
                found.append(error)
            return []

        run(does({1: decide}), {"X": [100, 100]})
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    return put


def test_one_cancels_other(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Buy 10 at 90 or 105: the stop at 105 fills as the price comes to 106, and the limit is gone before the price is 80."""

    def both(context: Context) -> Any:
        return context.oco(context.buy("X", 10, limit=90), context.buy("X", 10, stop=105))

    made = run(does({1: both}), {"X": [100, 100, 106, 80, 80]})
    assert [(f.order_id, f.quantity) for f in made.of("order.filled")] == [(2, 10)]
    assert [c.order_id for c in made.of("order.cancelled")] == [1]
    assert {o.group for o in made.of("order.submitted")} == {"oco-1"}


def test_two_groups_are_two(ask: Callable[..., Any]) -> None:
    """What is asked for apart does not cancel each other: every call is a group of its own."""
    groups = ask(lambda c: [c.oco(c.buy("X", 1, limit=n))[0].group for n in (1, 2)])
    assert groups == ["oco-1", "oco-2"]


EXITS = [
    ({"stop_loss": 90}, [("sell", "stop", None, 90, "stop_loss")]),
    ({"take_profit": 120}, [("sell", "limit", 120, None, "take_profit")]),
    (
        {"stop_loss": 90, "take_profit": 120},
        [("sell", "stop", None, 90, "stop_loss"), ("sell", "limit", 120, None, "take_profit")],
    ),
]


@pytest.mark.parametrize(("given", "exits"), EXITS)
def test_each_exit_may_stand_alone(ask: Callable[..., Any], given: dict[str, int], exits: list[Any]) -> None:
    """A stop loss without a take profit, the other way round, or both: children of the entry, on the other side."""
    (intent,) = ask(lambda c: c.buy("X", 10, **given))
    assert [(str(e.side), str(e.type), e.limit, e.stop, e.tag) for e in intent.children] == exits
    assert {e.quantity for e in intent.children} == {10}


def test_what_closes_has_no_exits(ask: Callable[..., Any]) -> None:
    """A stop loss for a sale would protect nothing: refused where it is asked for."""
    with pytest.raises(
        OrderError, match="sell X closes a position; stop_loss and take_profit protect what buy and short"
    ):
        ask(lambda c: c.sell("X", 1, stop_loss=90))


def test_a_time_in_force_that_is_none(ask: Callable[..., Any]) -> None:
    """A misspelt word gets the nearest, and the list."""
    with pytest.raises(OrderError, match=r"time in force 'gct' .* is not known .*; it is one of day, gtc, gtd"):
        ask(lambda c: c.buy("X", 1, limit=90, time_in_force="gct"))


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (1.5, "has expires_at 1.5: give an aware datetime or nanoseconds"),
        (dt.datetime(2024, 1, 1), "it has no time zone; add tzinfo=datetime.UTC, or nanoseconds"),  # noqa: DTZ001
    ],
)
def test_an_end_that_is_no_moment(ask: Callable[..., Any], when: Any, said: str) -> None:
    """Half a nanosecond, or noon of nobody knows where: refused where it is asked for."""
    with pytest.raises(OrderError, match=said):
        ask(lambda c: c.buy("X", 1, limit=90, time_in_force="gtd", expires_at=when))


def test_cash_by_currency(ask: Callable[..., Any]) -> None:
    """100,000 at home, and nothing in a currency that was never met."""
    assert ask(lambda c: (c.portfolio.cash_in("USD"), c.portfolio.cash_in("CHF"))) == (D(100_000), D(0))


def test_new_terms_of_an_order_that_has_ended(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """By number: the strategy may not know yet that it filled. It is refused, journaled, and the strategy goes on."""
    plan = {
        1: lambda c: c.buy("X", 10),
        3: lambda c: c.replace(1, limit=90),
        4: lambda c: c.buy("X", 1),
    }
    made = run(does(plan), {"X": [100] * 6})
    (refused,) = made.of("order.refused")
    assert (refused.order_id, str(refused.step), refused.reason) == (1, "replace_requested", "it is not open any more")
    assert [f.order_id for f in made.of("order.filled")] == [1, 2]
    assert made.outcome.errors == ()


TERMS = [
    (lambda c: c.replace(1), "order 1 is to be replaced by itself: give a quantity or a price"),
    (lambda c: [ReplaceIntent(order_id=1, stop=D(80))], "order 1 is a limit order, which has no stop to replace"),
    (
        lambda c: [ReplaceIntent(order_id=1, limit=D(0))],
        "the new limit of order 1 is 0; it must be a positive finite number",
    ),
    (lambda c: [ReplaceIntent(order_id=1, limit=D("nan"))], "the new limit of order 1 is NaN"),
    (lambda c: [ReplaceIntent(order_id=1, quantity=D(-1))], "the new quantity of order 1 is -1"),
    (lambda c: [ReplaceIntent(order_id=1, limit="dear")], "the new limit of order 1 is 'dear'; it must be a number"),
]


@pytest.mark.parametrize(("ask_for", "said"), TERMS)
def test_terms_that_cannot_be(
    run: Callable[..., Any], does: Callable[..., Any], ask_for: Callable[[Context], Any], said: str
) -> None:
    """Nothing goes to the venue, and the strategy ends with the sentence."""
    made = run(does({1: lambda c: c.buy("X", 10, limit=90), 2: ask_for}), {"X": [100] * 4})
    assert said in made.outcome.errors[0]
    assert made.of("order.replace_requested") == []


def test_terms_written_by_hand(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A limit of "95.5" and a quantity of 20 are what they read; the order is bought when the price comes to 95: 20 at 95."""
    plan = {
        1: lambda c: c.buy("X", 10, limit=90),
        2: lambda c: [ReplaceIntent(order_id=1, limit="95.5", quantity=20)],  # type: ignore[arg-type]
    }
    made = run(does(plan), {"X": [100, 100, 100, 95, 95]})
    (asked,) = made.of("order.replace_requested")
    assert (asked.limit, asked.quantity) == (D("95.5"), 20)
    assert [(f.quantity, f.price) for f in made.of("order.filled")] == [(20, 95)]


# -- order books


def update(at: int, bids: Any, asks: Any, **given: Any) -> BookUpdate:
    best = {"bid": max(p for p, _ in bids), "ask": min(p for p, _ in asks)}
    return BookUpdate(symbol="X", at=at, bids=tuple(bids), asks=tuple(asks), **{**best, **given})


def test_books_are_kept_message_by_message() -> None:
    """A snapshot of two levels a side, then the best bid grows and the best ask goes: bids 99 x 7, 98 x 8; asks 102 x 3."""
    books = Books()
    books.require()
    books.hear(
        update(1, [(99.0, 5.0), (98.0, 8.0)], [(101.0, 7.0), (102.0, 3.0)], first_id=1, last_id=1, snapshot=True), None
    )
    change = {"first_id": 2, "last_id": 2, "snapshot": False, "bid": 99.0, "ask": 102.0}
    books.hear(update(2, [(99.0, 7.0)], [(101.0, 0.0)], **change), None)
    books.hear(Quote("X", 3, 90.0, 91.0, 1.0, 1.0), None)
    book = books["X"]
    assert list(book.levels(+1, 5)) == [(99.0, 7.0), (98.0, 8.0)]
    assert list(book.levels(-1, 5)) == [(102.0, 3.0)]


def test_a_book_that_is_not_there() -> None:
    """Whoever did not ask for books is told how; whoever did is told that none came."""
    with pytest.raises(
        StrategyError, match=r"no order book of 'X': ask for books in on_start with context.books.require"
    ):
        Books()["X"]
    books = Books()
    books.require()
    with pytest.raises(StrategyError, match="no order book of 'X': none has arrived yet"):
        books["X"]


def test_a_strategy_asks_for_books(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Over bars alone there are no books, and the strategy that wants one ends with that sentence."""

    class Wants(Strategy):
        def on_start(self, context: Context) -> None:
            context.books.require()

        def generate_orders(self, context: Context) -> Any:
            return context.buy("X", 1, limit=context.books["X"].bid)

    made = run(Wants(), {"X": [100] * 3})
    assert "no order book of 'X': none has arrived yet" in made.outcome.errors[0]


# -- history


def bar(symbol: str, n: int, price: float) -> Bar:
    return Bar(symbol, n * MINUTE, (n + 1) * MINUTE, price, price, price, price, 0.0)


def change(into: str) -> SymbolChange:
    return SymbolChange(symbol="X", at=2 * MINUTE, into=into)


def test_history_goes_on_under_the_new_name() -> None:
    """Closes 10 and 11 as X, 12 as Y: Y has all three; a Y that has bars of its own keeps those alone."""
    history = History(("X", "Y", "Z"))
    history.require(5)
    for event in (bar("X", 0, 10), bar("X", 1, 11), bar("Z", 1, 50)):
        history.update(event, None)
    history.act(change("Y"))
    history.act(change("Z"))
    history.update(Quote("Y", 3 * MINUTE, 1.0, 2.0, 1.0, 1.0), None)  # no bar: not history
    history.update(bar("Y", 2, 12), None)
    assert history.closes("Y", 5) == [10, 11, 12]
    assert history.closes("Z", 5) == [50]
    assert {b.symbol for b in history["Y"]} == {"Y"}


def test_intents_are_what_they_say(ask: Callable[..., Any]) -> None:
    """Cancel by number or by state, replace by number of an open order: the number is all that counts."""
    assert ask(lambda c: c.cancel(7)) == [CancelIntent(order_id=7)]
    (intent,) = ask(lambda c: c.short("X", 2, trail_percent=3, reduce_only=False, tag="t"))
    assert intent == OrderIntent(
        symbol="X", side=Side.SHORT, quantity=D(2), type="trailing_stop", trail_percent=D(3), tag="t"
    )


def test_an_end_as_a_datetime(ask: Callable[..., Any]) -> None:
    """2024-01-01 00:00:01.5 UTC is 1,704,067,201.5 seconds after 1970."""
    end = dt.datetime(2024, 1, 1, 0, 0, 1, 500_000, tzinfo=dt.UTC)
    (intent,) = ask(lambda c: c.buy("X", 1, limit=90, time_in_force="gtd", expires_at=end))
    assert intent.expires_at == 1_704_067_201_500_000_000


def test_a_trail_in_per_cent_is_replaced(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """3 per cent become 2: that is what goes to the venue."""
    made = run(
        does({1: lambda c: c.buy("X", 1, trail_percent=3), 2: lambda c: c.replace(1, trail_percent=2)}),
        {"X": [100] * 4},
    )
    assert [r.trail_percent for r in made.of("order.replace_requested")] == [D(2)]
