"""A strategy that hangs, sleeps, raises or floods ends alone, at a call that a replay ends it at as well."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from onepath import Bar, Context, Strategy
from onepath.context import Moment
from onepath.errors import ConfigError, OverrunError, QuarantineError
from onepath.events import Alert, StrategyEnded
from onepath.isolation import Fence, Isolation, Unwatched
from onepath.session import replayed

MINUTE = 60_000_000_000
BUDGET = 0.06
PRICES = {"X": [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]}
TIMED = Isolation(time_budget=BUDGET, start_budget=BUDGET, grace=30.0)


def hang() -> None:
    """Never comes back, and catches what strategies catch."""
    while True:
        try:
            _ = [number * number for number in range(100)]
        except Exception:  # noqa: S112 - as people write
            continue


def lines_of_hang() -> range:
    """Where it hangs, in this file."""
    first = hang.__code__.co_firstlineno
    return range(first + 2, first + 8)


class Steady(Strategy):
    """Buys one unit a minute and says why."""

    def generate_orders(self, context: Context) -> Any:
        signal = context.signal("X", "steady", minute=context.now // MINUTE)
        return context.buy("X", 1, signal=signal)


class Does(Strategy):
    """Rests an order at minute 1; from minute 3 on it does something in the callback it is told to do it in."""

    callback = "on_market_event"
    doing: Callable[[Context], Any] = staticmethod(lambda _context: hang())
    heard = 0

    def at(self, callback: str, context: Context) -> Any:
        if callback == self.callback and (callback == "on_start" or context.now >= 3 * MINUTE):
            return self.doing(context)
        return []

    def on_start(self, context: Context) -> None:
        context.set_timer("alarm", 3 * MINUTE + MINUTE // 2)
        context.timeframes.require("2m")
        self.at("on_start", context)

    def on_market_event(self, event: Any, context: Context) -> None:
        self.heard += 1
        self.at("on_market_event", context)

    def on_bar(self, bar: Bar, interval: str, context: Context) -> None:
        self.at("on_bar", context)

    def generate_orders(self, context: Context) -> Any:
        if context.now == MINUTE:
            return context.buy("X", 1, limit=50)
        if context.now == 2 * MINUTE:
            return context.buy("X", 1)
        return self.at("generate_orders", context)

    def on_order_update(self, order: Any, context: Context) -> None:
        self.at("on_order_update", context)

    def on_timer(self, timer: Any, context: Context) -> None:
        self.at("on_timer", context)

    def on_stop(self, context: Context) -> None:
        self.at("on_stop", context)


def does(callback: str, doing: Callable[[Context], Any] = lambda _context: hang()) -> Does:
    strategy = Does()
    strategy.callback = callback
    strategy.doing = doing
    return strategy


def broken(_context: Context) -> Any:
    raise ZeroDivisionError("as told")


def decisions(ran: Any, strategy: str) -> list[Any]:
    """What one strategy decided, order ids left out: they are counted over the session."""
    kinds = ("order.submitted", "order.filled", "position", "signal", "strategy.ended")
    return [
        (at, kind, str(getattr(e, "quantity", "")))
        for at, kind, who, e in ran.rows
        if who == strategy and kind in kinds
    ]


def again(ran: Any, session: Callable[..., Any], strategies: Any, **how: Any) -> Any:
    """The replay of a session, with strategies made anew."""
    return replayed(session(strategies, PRICES, **how).plan, ran.session.journal)


CALLBACKS = ["on_start", "on_market_event", "on_bar", "generate_orders", "on_order_update", "on_timer", "on_stop"]


@pytest.mark.parametrize("callback", CALLBACKS)
def test_a_strategy_that_hangs_ends_alone(callback: str, run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """Wherever it hangs: quarantined within the budget, with file:line and an alert, its neighbour's decisions as if it had been
    alone, and the replay, which would hang there, is identical without calling it."""
    began = time.perf_counter()
    ran = run({"hangs": does(callback), "steady": Steady()}, PRICES, isolation=TIMED)
    assert time.perf_counter() - began < 100 * BUDGET
    (ended,) = [e for e in ran.of("strategy.ended") if e.strategy == "hangs"]
    assert ended.status == "quarantined"
    assert ended.where.endswith(tuple(f"test_isolation.py:{line}" for line in lines_of_hang()))
    assert f"{callback} did not come back within 0.06 s" in ended.error
    (alert,) = ran.of("alert")
    assert (alert.code, alert.severity, alert.strategy) == ("strategy_quarantined", "critical", "hangs")
    assert decisions(ran, "steady") == decisions(run({"steady": Steady()}, PRICES), "steady")
    again_ = does(callback)
    result = again(ran, session, {"hangs": again_, "steady": Steady()}, isolation=TIMED)
    assert (result.identical, result.difference) == (True, None)


def test_a_hang_a_sleep_a_flaw_and_a_good_one(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """One hangs in a loop, one sleeps for a minute, one raises: each ends at its own call, the good one decides what it decides
    alone, and the replay is identical."""

    def several() -> dict[str, Strategy]:
        return {
            "hangs": does("generate_orders"),
            "sleeps": does("on_market_event", lambda _context: time.sleep(60)),
            "raises": does("on_market_event", broken),
            "good": Steady(),
        }

    ran = run(several(), PRICES, isolation=TIMED)
    endings = {e.strategy: (e.status, e.calls) for e in ran.of("strategy.ended")}
    # on_start, two bars of on_market_event and generate_orders each, reports of two orders, a bar of two minutes: then the call
    assert endings["raises"] == ("failed", 0)
    assert endings["hangs"][0] == endings["sleeps"][0] == "quarantined"
    assert endings["hangs"][1] == endings["sleeps"][1] + 1
    assert endings["good"] == ("finished", 0)
    assert decisions(ran, "good") == decisions(run({"good": Steady()}, PRICES), "good")
    assert [e.strategy for e in ran.of("order.cancel_requested")] == ["sleeps", "raises", "hangs"]
    assert again(ran, session, several(), isolation=TIMED).identical


def test_a_replay_that_calls_it_once_less_or_more_differs(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """Ended one call early or late, the decisions are not those of the record: the number of the call is what makes it exact."""
    ran = run({"hangs": does("generate_orders")}, PRICES, isolation=TIMED)
    (ended,) = ran.of("strategy.ended")
    plan = session({"hangs": does("generate_orders", lambda context: context.buy("X", 1))}, PRICES).plan
    for calls, same in ((ended.calls - 4, False), (ended.calls, True), (ended.calls + 1, False)):
        kept = [
            (at, k, s, StrategyEnded("hangs", "quarantined", "x", "y", calls) if e is ended else e, c)
            for at, k, s, e, c in [
                (row_at, kind, who, event if kind != "strategy.ended" else ended, cause)
                for row_at, kind, who, event, cause in ran.session.journal._rows
            ]
        ]
        changed = type(ran.session.journal)("changed")
        changed._rows = kept
        assert replayed(plan, changed).identical is same, calls


def test_a_signal_of_the_call_that_was_broken_off_is_not_recorded(
    run: Callable[..., Any], session: Callable[..., Any]
) -> None:
    """It says a signal and hangs: the signal did not happen, and its number is the next strategy's."""

    def says_and_hangs(context: Context) -> None:
        context.signal("X", "doomed")
        hang()

    def both() -> dict[str, Strategy]:
        return {"hangs": does("on_market_event", says_and_hangs), "steady": Steady()}

    ran = run(both(), PRICES, isolation=TIMED)
    assert [(s.id, s.type) for s in ran.of("signal")] == [(n, "steady") for n in range(1, 7)]
    assert again(ran, session, both(), isolation=TIMED).identical


def test_a_signal_before_an_error_is_recorded(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """A call that raises by itself does the same again in a replay: what it said stays."""

    def says_and_raises(context: Context) -> None:
        context.signal("X", "last words")
        broken(context)

    made = does("on_market_event", says_and_raises)
    ran = run({"raises": made}, PRICES, isolation=TIMED)
    assert [s.type for s in ran.of("signal")] == ["last words"]
    assert again(ran, session, {"raises": does("on_market_event", says_and_raises)}, isolation=TIMED).identical


@pytest.mark.parametrize("kept", [False, True])
def test_its_orders_are_asked_back_or_kept(kept: bool, run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """By policy, whether it hung or raised; the replay follows it."""
    bounds = Isolation(time_budget=BUDGET, keeps_orders=kept)

    def both() -> dict[str, Strategy]:
        return {"hangs": does("on_market_event"), "raises": does("on_market_event", broken)}

    ran = run(both(), PRICES, isolation=bounds)
    assert len(ran.of("order.cancel_requested")) == (0 if kept else 2)
    assert again(ran, session, both(), isolation=bounds).identical


def test_what_catches_everything_is_told_again(run: Callable[..., Any]) -> None:
    """In the main thread a bare `except` inside a loop does not save it for long."""

    def stubborn(_context: Context) -> None:
        for _ in range(3):
            with suppress(BaseException):
                hang()

    ran = run({"stubborn": does("on_market_event", stubborn), "steady": Steady()}, PRICES, isolation=TIMED)
    assert [e.status for e in ran.of("strategy.ended")] == ["quarantined", "finished"]


def test_one_that_swallowed_it_and_came_back_is_ended_all_the_same(run: Callable[..., Any]) -> None:
    """Being found over its time is what ends it, not the exception: what it then returns is not used."""

    def orders_late(context: Context) -> Any:
        try:
            hang()
        except BaseException:
            return context.buy("X", 7)

    ran = run({"late": does("generate_orders", orders_late)}, PRICES, isolation=TIMED)
    assert [e.status for e in ran.of("strategy.ended")] == ["quarantined"]
    assert [str(o.quantity) for o in ran.of("order.submitted")] == ["1", "1"]


@pytest.mark.skipif(
    sys.gettrace() is not None, reason="an asynchronous exception may strike the tracer, which then holds its lock"
)
def test_outside_the_main_thread_too(session: Callable[..., Any]) -> None:
    """A session that runs in a thread breaks off what runs Python; what waits in C ends when it comes back."""
    made = session(
        {
            "hangs": does("on_market_event"),
            "sleeps": does("generate_orders", lambda _context: time.sleep(3 * BUDGET)),
            "steady": Steady(),
        },
        PRICES,
        isolation=TIMED,
    )
    thread = threading.Thread(target=made.run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert [(f.strategy, f.status) for f in made.engine.failures] == [
        ("hangs", "quarantined"),
        ("sleeps", "quarantined"),
    ]


def test_in_time_is_in_time(run: Callable[..., Any]) -> None:
    """A call of a tenth of the budget at every event ends nobody."""
    bounds = Isolation(time_budget=0.5)
    ran = run({"slow": does("on_market_event", lambda _c: time.sleep(0.05))}, PRICES, isolation=bounds)
    assert [e.status for e in ran.of("strategy.ended")] == ["finished"]


def test_on_start_has_a_budget_of_its_own(run: Callable[..., Any]) -> None:
    """Three budgets in `on_start` are fine where that may take a second; the calls after it have the usual one."""
    bounds = Isolation(time_budget=BUDGET, start_budget=1.0)
    ran = run({"loads": does("on_start", lambda _c: time.sleep(3 * BUDGET))}, PRICES, isolation=bounds)
    assert [e.status for e in ran.of("strategy.ended")] == ["finished"]
    ran = run({"hangs": does("on_market_event")}, PRICES, isolation=bounds)
    assert [e.status for e in ran.of("strategy.ended")] == ["quarantined"]


# -- orders a second


def many(number: int) -> Callable[[Context], Any]:
    return lambda context: [order for _ in range(number) for order in context.buy("X", 1, limit=50)]


@pytest.mark.parametrize(("most", "sent", "status"), [(5, 2 + 5 * 5, "finished"), (4, 2, "quarantined")])
def test_more_orders_than_a_second_may_have(
    most: int, sent: int, status: str, run: Callable[..., Any], session: Callable[..., Any]
) -> None:
    """Five at once, half a minute apart, are within five a second (2 + 5 times 5 go out); where four are allowed none of the five
    is sent. Nothing reads a clock, so it is the same when the record is replayed, and when it is run again."""
    bounds = Isolation(max_orders_per_second=most)
    ran = run({"floods": does("generate_orders", many(5))}, PRICES, isolation=bounds)
    assert [e.status for e in ran.of("strategy.ended")] == [status]
    assert len(ran.of("order.submitted")) == sent
    assert again(ran, session, {"floods": does("generate_orders", many(5))}, isolation=bounds).identical
    rerun = run({"floods": does("generate_orders", many(5))}, PRICES, isolation=bounds)
    assert rerun.outcome.hash == ran.outcome.hash


def test_a_flood_without_end_that_is_drawn(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """A generator that never ends: ten orders a second go out, with the eleventh it is over; each draw is a call, so the replay
    ends it there."""

    def endless(context: Context) -> Any:
        while True:
            yield from context.buy("X", 1, limit=50)

    bounds = Isolation(max_orders_per_second=10)
    ran = run({"floods": does("generate_orders", endless), "steady": Steady()}, PRICES, isolation=bounds)
    floods = [o for o in ran.of("order.submitted") if o.strategy == "floods"]
    assert len(floods) == 2 + 10
    assert "more than 10 orders" in ran.of("strategy.ended", "floods")[0].error
    both = {"floods": does("generate_orders", endless), "steady": Steady()}
    assert again(ran, session, both, isolation=bounds).identical


def test_a_generator_that_hangs_between_two_orders(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """The orders drawn before are sent, the draw that hangs is broken off."""

    def two_then_none(context: Context) -> Any:
        yield from context.buy("X", 1, limit=50)
        yield from context.buy("X", 2, limit=50)
        hang()

    ran = run({"hangs": does("generate_orders", two_then_none)}, PRICES, isolation=TIMED)
    assert [str(o.quantity) for o in ran.of("order.submitted")] == ["1", "1", "1", "2"]
    assert [e.status for e in ran.of("strategy.ended")] == ["quarantined"]
    assert again(ran, session, {"hangs": does("generate_orders", two_then_none)}, isolation=TIMED).identical


def test_generators_that_end_are_as_good_as_lists(run: Callable[..., Any]) -> None:
    """With a fence and without one the decisions are the same, also where a single order is returned, or nothing."""

    def kinds(context: Context) -> Any:
        minute = context.now // MINUTE
        orders = context.buy("X", 1)
        return {3: iter(orders), 4: orders[0], 5: None, 6: ()}[minute]

    fenced = run(does("generate_orders", kinds), PRICES, isolation=Isolation(max_orders_per_second=3))
    free = run(does("generate_orders", kinds), PRICES)
    assert fenced.outcome.hash == free.outcome.hash
    assert fenced.outcome.decisions == 2 + 3  # at minutes 3, 3.5 (after the timer) and 4


@pytest.mark.parametrize("bad", [{"time_budget": 0.0}, {"max_orders_per_second": 0}, {"grace": -1.0}])
def test_bounds_are_positive(bad: dict[str, Any]) -> None:
    """No time, or no order at all, is a mistake."""
    with pytest.raises(ConfigError, match="must be positive"):
        Isolation(**bad)


# -- the fence by itself


def test_a_fence_counts_and_ends_without_calling() -> None:
    """Of an ending at call 3, two calls are made; the third raises what the record says and is not made."""
    made: list[int] = []
    ending = StrategyEnded("s", "quarantined", "it hung", "file.py:7", 3)
    fence = Fence("s", Moment(), lambda _signal: None, lambda _number: None, ending=ending)
    call = fence.guarded(made.append)
    call(1)
    call(2)
    with pytest.raises(QuarantineError, match="it hung") as told:
        call(3)
    assert (made, fence.calls, told.value.where) == ([1, 2], 3, "file.py:7")


def test_nobody_but_the_fence_sees_an_overrun() -> None:
    """A strategy that raises OverrunError of its own is quarantined like one that was broken off."""

    def own() -> None:
        raise OverrunError

    fence = Fence("s", Moment(), lambda _signal: None, lambda _number: None)
    with pytest.raises(QuarantineError, match="own did not come back"):
        fence.call(own)


def test_what_strategies_call_of_ours_is_not_begun_once_it_is_over() -> None:
    """A call that was found over enters something of ours: that is not run at all, and the call is watched again afterwards."""

    class Found(Unwatched):
        """A watch that has found the call over."""

        def settle(self) -> None:
            raise OverrunError

    watch, made = Found(), [0]
    fence = Fence("s", Moment(), lambda _signal: None, lambda _number: None, watch=watch, seconds=float)
    ours = fence.shielded(lambda: made.append(1))
    ours()
    watch.since, watch.over = 5.0, 5.0
    with pytest.raises(OverrunError):
        ours()
    assert (made, watch.since) == ([0, 1], 5.0)


# -- alerts


def test_an_alert_from_outside_is_recorded_and_moves_nothing(session: Callable[..., Any]) -> None:
    """It is in the journal before the next instant, under its strategy; the decisions are the same as without."""
    made, plain = session({"steady": Steady()}, PRICES), session({"steady": Steady()}, PRICES)
    made.engine.alert(Alert(code="disk_low", severity="critical", text="full", strategy="steady"))
    with_alert, without = made.run(), plain.run()
    (row,) = made.journal.rows(("alert",))
    assert (row.strategy, row.body) == (
        "steady",
        b'{"code":"disk_low","severity":"critical","text":"full","strategy":"steady"}',
    )
    assert with_alert.hash == without.hash


def test_who_watches_the_gate_is_told_of_what_leaves(session: Callable[..., Any]) -> None:
    """Once an order that is handed to the venue: six of six; denied ones are not handed to anybody."""
    left: list[int] = []
    made = session({"steady": Steady()}, PRICES)
    made.engine.gate.watcher = lambda: left.append(made.engine.moment.at // MINUTE)
    made.run()
    assert left == [1, 2, 3, 4, 5, 6]
    assert [seat.name for seat in made.engine.seats] == ["steady"]
