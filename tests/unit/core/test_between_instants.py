"""What happens between two instants of the market: a person's command, a stop, what the venue says by itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from onepath import Limits, Strategy
from onepath.actions import CashDividend, Split
from onepath.adjustments import remark
from onepath.errors import CommandError
from onepath.events import Command, TradingState
from onepath.features import sma
from onepath.feeds.actions import WithActions
from onepath.journal.codec import decode
from onepath.market import Trade
from onepath.ports import NEVER
from onepath.session import replayed
from onepath.simulator.assumptions import Market
from onepath.simulator.latency import Constant

D = Decimal
MINUTE = 60_000_000_000
SECOND = 1_000_000_000
HALT = Command(scope="", state=TradingState.HALTED, by="Ada", reason="drill")


class Calls(Strategy):
    """Buys 10 at 95 at minute 1, and at minute 3 calls what it was given."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__()
        self.call = call

    def generate_orders(self, context: Any) -> Any:
        if context.now == 3 * MINUTE:
            self.call()
        return context.buy("X", 10, limit=95) if context.now == MINUTE else []


def kinds(session: Any) -> list[tuple[int, str]]:
    wanted = ("command", "trading_state", "order.cancel_requested", "order.cancelled", "order.filled", "session.ended")
    return [(row.at // MINUTE, row.kind) for row in session.journal.rows(wanted)]


def test_a_command_is_done_before_the_next_instant(session: Callable[..., Any]) -> None:
    """A halt is told at minute 3. The bar of minute 4 would fill the limit at 95: it was asked back before."""
    made: list[Any] = []
    made.append(session(Calls(lambda: made[0].command(HALT)), {"X": [100, 100, 100, 90, 90]}))
    made[0].run()
    assert kinds(made[0]) == [
        *((3, "command"), (3, "trading_state"), (3, "order.cancel_requested"), (3, "order.cancelled")),
        (5, "session.ended"),
    ]


def test_a_command_at_the_worst_moment_is_not_lost(session: Callable[..., Any]) -> None:
    """Another thread commands just when the loop has worked out when to look again, and was about to note it: a halt of minute
    3 is obeyed before minute 4 all the same, and the limit at 95 is not filled."""
    made: list[Any] = []

    class Meanwhile(int):
        """A moment that is compared at the worst moment."""

        def __lt__(self, other: Any) -> bool:
            if made[0].engine.moment.at == 3 * MINUTE and not told:
                told.append(made[0].command(HALT))
            return int(self) < int(other)

    told: list[Any] = []
    made.append(session(Calls(lambda: made[0].engine.expect(NEVER)), {"X": [100, 100, 100, 90, 90]}))
    agenda = made[0].engine._agenda
    look = agenda.look

    def looks() -> None:
        look()
        agenda.due = Meanwhile(agenda.due)

    agenda.look = looks
    made[0].run()
    assert told
    assert kinds(made[0])[-1] == (5, "session.ended")
    assert (4, "order.filled") not in kinds(made[0])


def test_a_command_that_cannot_be_done_is_refused_at_once(session: Callable[..., Any]) -> None:
    """Unknown strategy, nobody's name: whoever commands hears it, and nothing is recorded."""
    made = session(Calls(list), {"X": [100] * 4})
    with pytest.raises(CommandError, match=r"there is no strategy 'mian' \(did you mean 'main'\?\)"):
        made.command(Command(scope="mian", state=TradingState.HALTED))
    with pytest.raises(CommandError, match="needs the name of a person"):
        made.command(Command(scope="", state=TradingState.ACTIVE, by=" "))
    made.run()
    assert kinds(made) == [(4, "session.ended")]


def test_a_stop_at_a_timer_lets_no_later_one_ring(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """Two timers between two bars; the first stops the session: the second never comes, and neither does the next bar."""
    made: list[Any] = []

    class Timed(Strategy):
        def on_start(self, context: Any) -> None:
            context.set_timer("first", 3 * MINUTE // 2)
            context.set_timer("second", 3 * MINUTE // 2 + 1)

        def on_timer(self, timer: Any, context: Any) -> None:
            made[0].stop()

    made.append(session(Timed(), {"X": [100] * 4}))
    outcome = made[0].run()
    assert [row.kind for row in made[0].journal.rows(("timer",))] == ["timer"]
    assert (outcome.status, outcome.events) == ("stopped", 1)


class Follows(Strategy):
    """Buys 1 at minute 1; when it hears that an order filled it sells what it has, at once."""

    def on_start(self, context: Any) -> None:
        self.ready = False

    def generate_orders(self, context: Any) -> Any:
        if self.ready:
            self.ready = False
            return context.sell("X", 1)
        return context.buy("X", 1) if context.now == MINUTE else []

    def on_order_update(self, order: Any, context: Any) -> None:
        self.ready = order.side == "buy" and str(order.status) == "filled"


def test_who_hears_of_an_order_between_bars_may_decide_then(run: Callable[..., Any]) -> None:
    """Sent at minute 1, there 10 s later, bought as the next bar opens (minute 2), heard of 90 s after that (3:30), while a
    bar is under way: the sale is decided then, not at that bar's end."""
    made = run(Follows(), {"X": [100] * 8}, market=Market(latency=Constant(ms=10_000, back_ms=90_000)))
    (bought, sold) = made.of("order.submitted")
    heard = [row.at for row in made.session.journal.rows(("order.filled",))]
    assert bought.submitted_at == MINUTE
    assert sold.submitted_at == heard[0]
    assert heard[0] == 3 * MINUTE + 30 * SECOND


def test_an_action_of_a_symbol_without_a_price_marks_nothing() -> None:
    """X has no price yet: a split of it makes none; Y is left as it is."""
    marks: dict[str, Any] = {"Y": Trade("Y", 1, 50.0, 1.0)}
    remark(marks, Split(symbol="X", at=2, ratio=D(2)))
    assert marks == {"Y": Trade("Y", 1, 50.0, 1.0)}


def test_what_had_ended_is_not_asked_back(session: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Order 1 is being cancelled already (the answer takes half a minute) as a halt comes: it is not asked back twice;
    order 2 is."""
    plan = {1: lambda c: c.buy("X", 1, limit=50) + c.buy("X", 1, limit=51), 3: lambda c: c.cancel(1)}
    made = session(does(plan), {"X": [100] * 6}, market=Market(latency=Constant(ms=1_000, back_ms=90_000)))
    made = type(made)(made.plan._replace(commands=[(3 * MINUTE + SECOND, HALT)]), made.journal)
    made.run()
    asked = [row.body for row in made.journal.rows(("order.cancel_requested",))]
    assert [b'"order_id":1' in body for body in asked] == [True, False]
    assert list(made.journal.rows(("order.refused",))) == []


class Hears(Strategy):
    """Hears of corporate actions."""

    def on_start(self, context: Any) -> None:
        self.heard: list[str] = []

    def on_corporate_action(self, action: Any, context: Any) -> None:
        self.heard.append(action.symbol)


def test_an_action_is_heard_by_those_whose_symbol_it_is(session: Callable[..., Any]) -> None:
    """X splits: the strategy of X hears it, the one of Y does not."""
    ours, theirs = Hears(), Hears()
    split = Split(symbol="X", at=3 * MINUTE, ratio=D(2))
    made = session(
        {"ours": ours, "theirs": theirs},
        {"X": [100, 100, 100, 50, 50], "Y": [10] * 5},
        symbols={"ours": ("X",), "theirs": ("Y",)},
        feed=lambda feed: WithActions(feed, [split]),
    )
    outcome = made.run()
    assert outcome.errors == ()
    assert (ours.heard, theirs.heard) == (["X"], [])


def test_features_and_history_go_through_a_split_in_a_session(session: Callable[..., Any]) -> None:
    """100, 100 | split of 2 | 50, 50: the average of four bars is 50 in today's units, not 75; so is every close kept."""
    seen: list[Any] = []

    class Looks(Strategy):
        def on_start(self, context: Any) -> None:
            context.features.require(mean=sma(4))
            context.historical_data.require(4)

        def generate_orders(self, context: Any) -> Any:
            seen.append((context.features["X"].mean, context.historical_data.closes("X", 4)))
            return []

    split = Split(symbol="X", at=2 * MINUTE, ratio=D(2))
    dividend = CashDividend(symbol="X", at=3 * MINUTE, amount=D(1))
    made = session(Looks(), {"X": [100, 100, 50, 50]}, feed=lambda feed: WithActions(feed, [split, dividend]))
    assert made.run().errors == ()
    assert seen[-1] == (50.0, [50.0] * 4)


# -- and all of it again


def replays(session: Callable[..., Any], plan: Any, prices: Any, *actions: Any, **how: Any) -> tuple[Any, Any]:
    """The session, and what its replay says; made twice, as a strategy keeps what it has seen."""

    def made() -> Any:
        return session(plan(), prices, feed=lambda feed: WithActions(feed, actions), **how)

    first = made()
    assert first.run().errors == ()
    return first, replayed(made().plan, first.journal)


def orders(session: Any, kind: str = "order.submitted") -> list[Any]:
    return [decode(row) for row in session.journal.rows((kind,))]


def test_a_replay_hears_what_a_split_made_of_an_order(session: Callable[..., Any], does: Callable[..., Any]) -> None:
    """A limit of 10 at 90 is one of 20 at 45 after a split of 2; it fills at 40, and all 20 are sold: again in the replay."""

    def plan() -> Strategy:
        return does({1: lambda c: c.buy("X", 10, limit=90), 5: lambda c: c.close("X")})

    split = Split(symbol="X", at=2 * MINUTE, ratio=D(2))
    first, replay = replays(session, plan, {"X": [100, 100, 50, 40, 40, 40, 40]}, split)
    assert [(str(o.side), o.quantity) for o in orders(first)] == [("buy", 10), ("sell", 20)]
    assert (replay.identical, replay.difference) == (True, None)


def test_a_replay_books_a_dividend_once(session: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Ten bought for 1,000 of 1,500; a dividend of 10 each brings 100: six more for 600, not seven for 700."""

    def plan() -> Strategy:
        return does({1: lambda c: c.buy("X", 10), 5: lambda c: c.buy("X", int(c.portfolio.cash / 100))})

    dividend = CashDividend(symbol="X", at=3 * MINUTE, amount=D(10))
    first, replay = replays(session, plan, {"X": [100] * 7}, dividend, cash=1_500)
    assert [o.quantity for o in orders(first)] == [10, 6]
    assert (replay.identical, replay.difference) == (True, None)


def test_a_replay_under_other_limits_is_not_the_same(session: Callable[..., Any], does: Callable[..., Any]) -> None:
    """New terms of 20 are denied for being over 15; in a replay for being over 16: that decision is another one."""

    def made(most: int) -> Any:
        plan = {1: lambda c: c.buy("X", 10, limit=90), 3: lambda c: c.replace(1, quantity=20)}
        return session(does(plan), {"X": [100] * 5}, limits=Limits(max_order_quantity=D(most)))

    first = made(15)
    first.run()
    assert len(orders(first, "order.replace_denied")) == 1
    assert replayed(made(15).plan, first.journal).difference is None
    assert "over 16" in str(replayed(made(16).plan, first.journal).difference)
