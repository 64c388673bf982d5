"""A strategy that raises ends alone: with file and line, its orders asked back, the others untouched, the journal whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import onepath
from onepath import Context, OrderIntent, Strategy, sma
from onepath.errors import DataError, OnepathError, StrategyError
from onepath.journal.sqlite import SqliteJournal

MINUTE = 60_000_000_000
CALLBACKS = ["on_start", "on_market_event", "generate_orders", "on_order_update", "on_timer", "on_stop"]


class Breaks(Strategy):
    """Rests an order at minute 1, then raises in the callback it is told to break in, from minute 2 on."""

    breaks = ""

    def at(self, callback: str, context: Context) -> None:
        if self.breaks == callback and (callback == "on_start" or context.now >= 2 * MINUTE):
            raise ZeroDivisionError(f"in {callback}")  # the line that is told

    def on_start(self, context: Context) -> None:
        context.set_timer("alarm", 2 * MINUTE + 1)
        self.at("on_start", context)

    def on_market_event(self, event: Any, context: Context) -> None:
        self.at("on_market_event", context)

    def generate_orders(self, context: Context) -> Any:
        self.at("generate_orders", context)
        if context.now == MINUTE:
            return context.buy("X", 1, limit=50) + context.buy("X", 2)
        return []

    def on_order_update(self, order: Any, context: Context) -> None:
        self.at("on_order_update", context)

    def on_timer(self, timer: Any, context: Context) -> None:
        self.at("on_timer", context)

    def on_stop(self, context: Context) -> None:
        self.at("on_stop", context)


def breaking(callback: str) -> Breaks:
    strategy = Breaks()
    strategy.breaks = callback
    return strategy


class Steady(Strategy):
    """Buys one unit a minute, whatever happens to the others, and counts its goodbye."""

    stopped = 0

    def generate_orders(self, context: Context) -> Any:
        return context.buy("X", 1)

    def on_stop(self, context: Context) -> None:
        self.stopped += 1


def line_of(text: str) -> int:
    """Line in this file."""
    from pathlib import Path

    lines = Path(__file__).read_text().splitlines()
    return next(n for n, line in enumerate(lines, start=1) if text in line and "line_of" not in line)


@pytest.mark.parametrize("callback", CALLBACKS)
def test_ends_alone(callback: str, run: Callable[..., Any]) -> None:
    """Whatever it breaks in: one `strategy.ended` with file:line, the neighbour's orders all made, a whole journal."""
    steady = Steady()
    made = run({"breaks": breaking(callback), "steady": steady}, {"X": [100] * 6})
    (ended,) = made.of("strategy.ended", "breaks")
    assert (ended.status, ended.error) == ("failed", f"ZeroDivisionError: in {callback}")
    assert ended.where == f"{__file__}:{line_of('# the line that is told')}"
    assert made.outcome.errors == (f"breaks failed at {ended.where}: {ended.error}",)
    assert len(made.of("order.submitted", "steady")) == 6
    assert [e.status for e in made.of("strategy.ended", "steady")] == ["finished"]
    assert steady.stopped == 1
    assert made.outcome.status == "completed"
    assert made.kinds()[-1] == "session.ended"


@pytest.mark.parametrize("callback", ["on_market_event", "generate_orders", "on_order_update", "on_timer"])
def test_its_orders_are_asked_back(callback: str, run: Callable[..., Any]) -> None:
    """The order at rest is cancelled; what it has bought stays in its books."""
    made = run(breaking(callback), {"X": [100] * 6})
    assert [(c.order_id, c.reason) for c in made.of("order.cancelled", "main")] == [(1, "by request")]
    assert made.session.venue.open_orders() == []
    assert made.outcome.portfolios["main"].quantity("X") == 2


def test_nothing_reaches_it_any_more(run: Callable[..., Any]) -> None:
    """After it raised it hears no event, decides nothing and says no goodbye; the position stays."""

    class Counts(Strategy):
        calls = 0

        def on_start(self, context: Context) -> None:
            context.set_timer("later", 4 * MINUTE)

        def on_market_event(self, event: Any, context: Context) -> None:
            self.calls += 1
            if context.now == 2 * MINUTE:
                raise ValueError("enough")

        def generate_orders(self, context: Context) -> Any:
            self.calls += 1
            return []

        def on_timer(self, timer: Any, context: Context) -> None:
            self.calls += 100

        def on_stop(self, context: Context) -> None:
            self.calls += 1000

    counts = Counts()
    made = run({"counts": counts, "steady": Steady()}, {"X": [100] * 8})
    assert counts.calls == 3  # event and decision of minute 1, event of minute 2
    assert made.of("timer") == []


def test_fills_after_its_end_are_still_booked(run: Callable[..., Any]) -> None:
    """A market order on its way when the strategy raises fills, and the books know."""

    class Late(Strategy):
        def generate_orders(self, context: Context) -> Any:
            return context.buy("X", 3)

        def on_market_event(self, event: Any, context: Context) -> None:
            if context.now == 2 * MINUTE:
                raise ValueError("late")

    made = run(Late(), {"X": [100] * 4})
    assert [f.quantity for f in made.of("order.filled")] == [3]
    assert made.outcome.portfolios["main"].quantity("X") == 3


def test_orders_of_a_strategy_that_broke_in_a_timer_do_not_trade(run: Callable[..., Any]) -> None:
    """The timer breaks at minute 2 and a bit; the limit that the bar from 2 to 3 would reach is gone by then."""
    made = run(breaking("on_timer"), {"X": [100, 100, 40, 40]})
    assert [f.order_id for f in made.of("order.filled")] == [2]


class EndsOnTheAnswer(Strategy):
    """Sends what it is given at minute 1 and raises when the first answer comes."""

    rest: Any = ()

    def generate_orders(self, context: Context) -> Any:
        return [*context.buy("X", 1, limit=50), *self.rest] if context.now == MINUTE else []

    def on_order_update(self, order: Any, context: Context) -> None:
        raise ValueError("at the first answer")


def test_nothing_more_is_sent_once_it_has_ended(run: Callable[..., Any]) -> None:
    """It raised at the answer to its first order: the second of the same list is not sent, or at least not left."""
    strategy = EndsOnTheAnswer()
    strategy.rest = [intent("X")]
    made = run(strategy, {"X": [100] * 4})
    assert made.session.venue.open_orders() == []
    assert made.of("order.filled") == []


def test_it_ends_once(run: Callable[..., Any]) -> None:
    """Raising twice in one instant, here in the answer and then in its own generator, is one end: the first reason stays."""

    class Yields(EndsOnTheAnswer):
        def generate_orders(self, context: Context) -> Any:
            yield from context.buy("X", 1, limit=50)
            raise RuntimeError("a second time")

    made = run(Yields(), {"X": [100] * 4})
    assert [e.error for e in made.of("strategy.ended")] == ["ValueError: at the first answer"]


def test_breaking_in_the_decision_after_a_timer(run: Callable[..., Any]) -> None:
    """The decision that follows a timer may break like any other."""

    class Breaks2(Strategy):
        def on_start(self, context: Context) -> None:
            context.set_timer("t", MINUTE + 7)

        def generate_orders(self, context: Context) -> Any:
            if context.now == MINUTE + 7:
                raise ValueError("after the timer")
            return []

    made = run({"breaks": Breaks2(), "steady": Steady()}, {"X": [100] * 4})
    (ended,) = made.of("strategy.ended", "breaks")
    assert ended.error == "ValueError: after the timer"
    assert [at for at, k, s, _ in made.rows if k == "strategy.ended" and s == "breaks"] == [1]


def test_a_class_without_source_is_told_by_name(run: Callable[..., Any]) -> None:
    """A strategy that was made, not written, has no file: its name stands for the place."""

    def nothing_right(_self: Any, _context: Context) -> Any:
        return ["wrong"]

    nameless = type("Nameless", (Strategy,), {"generate_orders": nothing_right, "__module__": "nowhere"})
    made = run(nameless(), {"X": [100] * 3})
    assert made.of("strategy.ended")[0].where == "Nameless"


def test_all_have_ended(run: Callable[..., Any]) -> None:
    """When no strategy is left the session ends as failed, before the end of the data."""
    made = run(breaking("generate_orders"), {"X": [100] * 10}, batch=1)
    assert made.outcome.status == "failed"
    assert made.outcome.events == 2
    assert made.of("session.ended")[0].status == "failed"


def test_an_error_of_ours_is_told_by_the_strategys_line(run: Callable[..., Any]) -> None:
    """A refusal inside a helper names the strategy's line, not ours."""

    class Mistaken(Strategy):
        def generate_orders(self, context: Context) -> Any:
            return context.buy("Y", 1)  # the mistaken line

    made = run(Mistaken(), {"X": [100] * 3})
    (ended,) = made.of("strategy.ended")
    assert ended.where == f"{__file__}:{line_of('# the mistaken line')}"
    assert ended.error == "'Y' is not in this session; it has X"


RETURNS: list[tuple[str, Callable[[Context], Any], str]] = [
    ("words", lambda c: ["buy"], "generate_orders returned str 'buy'; it takes a list of OrderIntent"),
    ("lists in a list", lambda c: [c.buy("X", 1)], "generate_orders returned list"),
    ("a number", lambda c: 5, "generate_orders returned int 5; it takes a list of OrderIntent"),
    ("an order for another symbol", lambda c: [intent("Y")], "order for 'Y', which is not in this session"),
]


def intent(symbol: str, quantity: str = "1") -> OrderIntent:
    from decimal import Decimal

    return OrderIntent(symbol=symbol, side=onepath.Side.BUY, quantity=Decimal(quantity))


@pytest.mark.parametrize(("returned", "message"), [r[1:] for r in RETURNS], ids=[r[0] for r in RETURNS])
def test_what_is_returned_must_be_intents(
    run: Callable[..., Any], does: Callable[..., Any], returned: Callable[[Context], Any], message: str
) -> None:
    """What is no list of intents ends the strategy with a sentence, told at its class where no line of it is at fault."""
    made = run(does({1: returned}), {"X": [100] * 3})
    assert message in made.of("strategy.ended")[0].error
    assert "conftest.py:" in made.of("strategy.ended")[0].where


def test_good_orders_before_a_bad_one_are_asked_back(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """They were sent before the bad one was met, and go with the strategy."""
    made = run(does({1: lambda c: [*c.buy("X", 1), "sell"]}), {"X": [100] * 3})
    assert [o.id for o in made.of("order.submitted")] == [1]
    assert [c.order_id for c in made.of("order.cancelled")] == [1]
    assert made.of("order.filled") == []


def test_another_strategys_order_cannot_be_taken_back(run: Callable[..., Any], does: Callable[..., Any]) -> None:
    """Orders are private: the attempt ends the strategy that tried, the order stays."""
    made = run(
        {"a": does({1: lambda c: c.buy("X", 1, limit=50)}), "b": does({2: lambda c: c.cancel(1)})}, {"X": [100] * 4}
    )
    error = made.of("strategy.ended", "b")[0].error
    assert error == "order 1 is not an order of b: it cannot be cancelled or replaced by it"
    assert [o.id for o in made.session.venue.open_orders()] == [1]


def test_the_journal_on_disk_is_whole(run: Callable[..., Any], tmp_path: Any) -> None:
    """Sequence without holes from the manifest to the end, in the file too, whatever broke."""
    for callback in CALLBACKS:
        store = SqliteJournal.create(tmp_path / f"{callback}.db", callback)
        run({"breaks": breaking(callback), "steady": Steady()}, {"X": [100] * 6}, journal=store)
        rows = list(store.rows())
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert (rows[0].kind, rows[-1].kind) == ("session.started", "session.ended")
        store.close()


def test_data_errors_are_not_the_strategys(run: Callable[..., Any], session: Callable[..., Any]) -> None:
    """Data that is wrong ends the session, not the strategy, and the journal tells the session failed."""

    class Wants(Strategy):
        def on_start(self, context: Context) -> None:
            context.features.require(mean=sma(2))

    class Broken:
        """A feed whose second batch is bad."""

        def __init__(self, feed: Any) -> None:
            self.feed = feed
            self.instruments, self.total, self.volumes = feed.instruments, feed.total, feed.volumes
            self.describe, self.fingerprint, self.kinds = feed.describe, feed.fingerprint, feed.kinds

        def batches(self) -> Any:
            yield next(self.feed.batches())
            raise DataError("row 2 is no bar")

    made = session(Wants(), {"X": [100] * 4}, feed=Broken, batch=1)
    with pytest.raises(DataError, match="row 2 is no bar"):
        made.run()
    kinds = [row.kind for row in made.journal.rows()]
    assert kinds[-2:] == ["strategy.ended", "session.ended"]
    assert b'"failed"' in list(made.journal.rows())[-1].body


@pytest.mark.parametrize("error", [DataError, OnepathError])
def test_our_own_errors_are_not_laid_at_the_strategys_door(error: type[Exception], session: Callable[..., Any]) -> None:
    """What a strategy cannot be at fault for passes through it to whoever runs the session."""

    class Unlucky(Strategy):
        def on_market_event(self, event: Any, context: Context) -> None:
            raise error("not its fault")

    made = session(Unlucky(), {"X": [100] * 4})
    with pytest.raises(error, match="not its fault"):
        made.run()
    assert list(made.journal.rows())[-1].kind == "session.ended"


def test_backtest_raises_it() -> None:
    """`onepath.backtest` raises the strategy's error as one sentence with file and line."""
    import pandas as pd

    times = pd.date_range("2024-01-01", periods=5, freq="min", tz="UTC")
    data = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0), index=times)

    class Bad(Strategy):
        def generate_orders(self, context: Context) -> Any:
            return 1 / 0  # the bad line

    with pytest.raises(StrategyError) as caught:
        onepath.backtest(Bad, data)
    line = line_of("# the bad line")
    assert str(caught.value) == f"bad failed at {__file__}:{line}: ZeroDivisionError: division by zero"
