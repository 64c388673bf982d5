"""What happens between two instants of the market: a person's command, a stop, what the venue says by itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from onepath import Strategy
from onepath.actions import Split
from onepath.adjustments import remark
from onepath.errors import CommandError
from onepath.events import Command, TradingState
from onepath.market import Trade
from onepath.simulator.latency import Constant
from onepath.simulator.venue import Market

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
