"""Finer bars tell the path inside a bar: what the venue makes of them, and what is said of those that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import onepath
from onepath import Context, DataError, Intent, Strategy

Row = tuple[float, float, float, float]
COARSE: list[Row] = [(100, 100, 100, 100), (100, 106, 94, 101), (101, 102, 100, 101)]
FLAT: list[Row] = [(100, 100, 100, 100)] * 4
UP_FIRST: list[Row] = [(100, 102, 99, 101), (101, 106, 101, 105), (105, 105, 94, 95), (95, 101, 95, 101)]
DOWN_FIRST: list[Row] = [(100, 101, 99, 100), (100, 100, 94, 95), (95, 106, 95, 105), (105, 105, 101, 101)]
LAST: list[Row] = [(101, 102, 100, 101)] * 4


def frame(rows: Sequence[Row], every: str, volume: float = 1e6) -> pd.DataFrame:
    """Bars from midnight on."""
    index = pd.date_range("2024-01-02", periods=len(rows), freq=every, tz="UTC")
    table = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=index, dtype=float)
    return table.assign(volume=volume)


def run(orders: Callable[[Context], list[Intent]], inside: Sequence[Row] | None, **how: Any) -> Any:
    """Orders sent when the first hour is known, on hours, with quarters of the second hour inside."""

    class Sends(Strategy):
        def on_start(self, context: Context) -> None:
            self.sent = False

        def generate_orders(self, context: Context) -> list[Intent]:
            if self.sent:
                return []
            self.sent = True
            return orders(context)

    finer = None if inside is None else {"X": frame([*FLAT, *inside, *LAST], "15min")}
    return onepath.backtest(Sends, {"X": frame(COARSE, "1h")}, finer=finer, **how)


def fills(result: Any) -> list[tuple[float, float, str]]:
    """Quantity, price, time of each fill."""
    rows = result.fills.itertuples()
    return [(row.quantity, row.price, f"{row.executed_at:%H:%M}") for row in rows]


def bracket(context: Context) -> list[Intent]:
    return [*context.buy("X", 10, stop_loss=95, take_profit=105)]


def test_the_path_decides_between_two_exits() -> None:
    """Stop 95 and target 105 lie in one hour: without finer bars the stop; with them what came first. The target trades in the
    second quarter (known 01:30), the stop in the second of the other path."""
    assert fills(run(bracket, None))[1] == (-10, 95, "02:00")
    assert fills(run(bracket, UP_FIRST))[1] == (-10, 105, "01:30")
    assert fills(run(bracket, DOWN_FIRST))[1] == (-10, 95, "01:30")


def test_the_strategy_hears_when_its_bar_is_over() -> None:
    """The fill of 01:30 is told with the bar that ends at 02:00, and the session replays."""
    result = run(bracket, UP_FIRST)
    told = [row.at for row in result.journal.rows(("order.filled",))]
    assert [f"{pd.Timestamp(at):%H:%M}" for at in told] == ["02:00", "02:00"]
    assert result.replay().identical


def test_an_order_that_arrives_inside_a_bar_takes_part_from_there() -> None:
    """40 minutes on its way: at 01:40 the fourth quarter is still to come, and opens at 95. Without finer bars the order waits
    for the next hour, which opens at 101."""
    late = onepath.Constant(ms=40 * 60_000)
    assert fills(run(lambda c: [*c.buy("X", 10)], UP_FIRST, latency=late)) == [(10, 95, "01:45")]
    assert fills(run(lambda c: [*c.buy("X", 10)], None, latency=late)) == [(10, 101, "02:00")]


def test_what_ends_an_order_inside_a_bar_ends_it_there() -> None:
    """A limit at 96 good until 01:20 has only the first quarter, with a low of 99; good until 01:46 it has the third, with 94."""

    def until(minutes: int) -> Callable[[Context], list[Intent]]:
        return lambda c: [*c.buy("X", 10, limit=96, time_in_force="gtd", expires_at=c.now + minutes * 60 * 10**9)]

    assert fills(run(until(20), UP_FIRST)) == []
    assert fills(run(until(46), UP_FIRST)) == [(10, 96, "01:45")]


def test_a_trailing_stop_follows_the_path() -> None:
    """Buy at 100, trail 4: the high of 106 in the second quarter puts the stop at 102, which the third falls through from 105."""
    exits = lambda c: [*c.buy("X", 10, children=c.sell("X", 10, trail=4))]  # noqa: E731
    assert fills(run(exits, UP_FIRST))[1] == (-10, 102, "01:45")


def test_a_bar_that_is_its_own_path() -> None:
    """One finer bar that is the bar itself, and none at all, change nothing."""
    for finer in (frame(COARSE, "1h").iloc[:0], frame(FLAT, "15min")):
        found = {"X": finer} if len(finer) else None

        class Sends(Strategy):
            def generate_orders(self, context: Context) -> list[Intent]:
                return bracket(context) if context.portfolio.quantity("X") == 0 and not context.open_orders else []

        with_, without = (onepath.backtest(Sends, {"X": frame(COARSE, "1h")}, finer=given) for given in (found, None))
        assert fills(with_) == fills(without)


def test_participation_is_of_each_finer_bar() -> None:
    """A tenth of the 40 of each quarter is 4: 4 at 100, 4 at 101, 2 at 105."""

    class Buys(Strategy):
        def generate_orders(self, context: Context) -> list[Intent]:
            return [*context.buy("X", 10)] if context.now == first else []

    first = pd.Timestamp("2024-01-02 01:00", tz="UTC").value
    finer = {"X": frame([*FLAT, *UP_FIRST, *LAST], "15min", volume=40)}
    result = onepath.backtest(Buys, {"X": frame(COARSE, "1h", volume=160)}, finer=finer)
    assert fills(result) == [(4, 100, "01:00"), (4, 101, "01:15"), (2, 105, "01:30")]


def test_two_symbols_follow_one_clock() -> None:
    """All of the cash is in X until its target trades at 01:30 (quarter two). A buy stop of Y at 101 is reached in quarter one
    of its own path (no cash: cancelled) or in quarter four (paid for)."""

    class Both(Strategy):
        def generate_orders(self, context: Context) -> list[Intent]:
            if context.now == times[0]:
                return [*context.buy("X", 10, take_profit=105)]
            return [*context.buy("Y", 10, limit=96)] if context.now == times[1] else []

    times = [pd.Timestamp(f"2024-01-02 0{hour}:00", tz="UTC").value for hour in (1, 2)]
    coarse = {"X": frame([*COARSE[:1], (100, 102, 99, 101), (101, 106, 100, 101)], "1h")}
    coarse["Y"] = frame([COARSE[0], COARSE[0], (100, 101, 95, 100)], "1h")
    quiet: list[Row] = [(100, 101, 99, 100)] * 3
    x = frame([*FLAT, (100, 102, 99, 101), *LAST[:3], (101, 102, 100, 101), (101, 106, 101, 104), *LAST[:2]], "15min")
    early = frame([*FLAT, *FLAT, (100, 101, 95, 100), *quiet], "15min")
    late = frame([*FLAT, *FLAT, *quiet, (100, 101, 95, 100)], "15min")
    limits = onepath.Limits(max_leverage=Decimal(3))
    cash = onepath.AccountTerms(leverage=Decimal(1))
    found = {}
    for name, y in (("early", early), ("late", late)):
        result = onepath.backtest(Both, coarse, cash=1_000, finer={"X": x, "Y": y}, limits=limits, account=cash)
        found[name] = [(symbol, *rest) for symbol, rest in zip(result.fills["symbol"], fills(result), strict=True)]
    assert found["late"] == [("X", 10, 100, "01:00"), ("X", -10, 105, "02:30"), ("Y", 10, 96, "03:00")]
    assert found["early"] == found["late"][:2]


@pytest.mark.parametrize(
    ("finer", "said"),
    [
        ({"Y": frame(FLAT, "15min")}, "the finer bars are of Y, the data of X: they have no symbol in common"),
        ({"X": frame(COARSE, "1h")}, "the finer bars are 60 minutes long, the data's 60 minutes: give shorter ones"),
        ({"X": frame([*FLAT, *UP_FIRST], "15min") * 2}, "are both adjusted for splits and dividends, or neither?"),
        ("nowhere", "there is no file and no data set 'nowhere'"),
    ],
)
def test_what_cannot_be_the_path(finer: Any, said: str) -> None:
    """Other symbols, bars as long, other prices: one sentence."""

    class Buys(Strategy):
        def generate_orders(self, context: Context) -> list[Intent]:
            return bracket(context) if not context.open_orders else []

    with pytest.raises(DataError) as error:
        onepath.backtest(Buys, {"X": frame(COARSE, "1h")}, finer=finer)
    assert said in str(error.value)


def test_from_a_configuration(tmp_path: Path) -> None:
    """`data.finer` names a file of the workspace; the manifest says so."""
    from onepath.build import build
    from onepath.config import loads

    frame(COARSE, "1h").rename_axis("date").to_csv(tmp_path / "X.csv")
    (tmp_path / "fine").mkdir()
    frame([*FLAT, *UP_FIRST, *LAST], "15min").rename_axis("date").to_csv(tmp_path / "fine" / "X.csv")
    (tmp_path / "once.py").write_text(
        "from onepath import Strategy\n"
        "class Once(Strategy):\n"
        "    def generate_orders(self, c):\n"
        "        if c.open_orders or c.portfolio.quantity('X') or c.metadata: return []\n"
        "        c.metadata['sent'] = True\n"
        "        return c.buy('X', 10, stop_loss=95, take_profit=105)\n"
    )
    config = loads(
        "data: {path: X.csv, finer: fine, symbols: [X]}\nstrategies: [{name: once, class: once.py, capital: 10000}]\n"
    )
    session = build(config, home=tmp_path, session_id="finer", journal_path=None)
    outcome = session.run()
    assert outcome.errors == ()
    (left,) = outcome.portfolios.values()
    assert left.realised_pnl == 50  # 10 x (105 - 100)
    assert session.plan.data["finer"] == "fine"
