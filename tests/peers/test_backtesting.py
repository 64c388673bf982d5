"""An SMA crossover on real data makes the trades and the money that backtesting.py 0.6.6 made of it.

The figures were recorded by record_backtesting.py, in an environment of its own; see there for how that engine counts.
"""

from __future__ import annotations

import importlib.util
import json
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import onepath
from onepath import Bar, Context, OrderIntent, Strategy
from onepath.journal.codec import FILLS, decode
from onepath.result import Result

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "backtesting.json").read_text())
SHARED = HERE.parents[2] / "shared" / "data" / "crypto_1m_bitfinex" / "btcusd_1m_2018.parquet"
SAMPLES = Path(onepath.__file__).parent / "data" / "samples"

spec = importlib.util.spec_from_file_location("record_backtesting", HERE / "record_backtesting.py")
assert spec is not None
assert spec.loader is not None
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)

SOURCES: dict[str, dict[str, Any]] = {
    "us10_aapl_daily": {"data": "us10", "symbols": ("AAPL",)},
    "btcusd_1m_day": {"data": "btcusd_1m"},
    "bitfinex_1m_2018": {"data": SHARED, "asset_class": "crypto"},
}
FILES = {
    "us10_aapl_daily": SAMPLES / "us10" / "AAPL.parquet",
    "btcusd_1m_day": SAMPLES / "btcusd_1m" / "BTCUSD.parquet",
    "bitfinex_1m_2018": SHARED,
}
WITHIN_A_CENT = Decimal("0.01")


class OneUnit(Strategy):
    """Long one unit while the fast average is above the slow one; averages as whole numbers, kept by itself."""

    class Params(Strategy.Params):
        fast: int
        slow: int

    def on_start(self, context: Context) -> None:
        self._units: deque[int] = deque(maxlen=self.params.slow + 1)
        self._quick = self._long = 0

    def on_market_event(self, event: Bar, context: Context) -> None:
        unit = round(event.close * 1_000_000)
        self._units.append(unit)
        self._quick += unit - (self._units[-1 - self.params.fast] if len(self._units) > self.params.fast else 0)
        self._long += unit - (self._units[0] if len(self._units) > self.params.slow else 0)

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        if len(self._units) < self.params.slow:
            return []
        symbol = context.symbols[0]
        is_up = self._quick * self.params.slow > self._long * self.params.fast
        if is_up != bool(context.portfolio.quantity(symbol)):
            return context.buy(symbol, 1) if is_up else context.close(symbol)
        return []


def run(name: str) -> Result:
    given = RECORDED["runs"][name]
    return onepath.backtest(
        OneUnit(fast=given["fast"], slow=given["slow"]),
        **SOURCES[name],
        cash=given["cash"],
        commission=given["commission"],
        participation=None,
    )


def prices(result: Result) -> list[Decimal]:
    """Prices of all fills in order: entry, exit, entry, ..."""
    fills = [decode(row) for row in result.journal.rows(FILLS)]
    assert [fill.quantity for fill in fills] == [1 if i % 2 == 0 else -1 for i in range(len(fills))]
    return [fill.price for fill in fills]


@pytest.mark.parametrize("name", SOURCES)
def test_the_independent_engine_agrees(name: str) -> None:
    """Equal number of trades, equal fill prices, the same trade left open, equity within a cent."""
    if not FILES[name].exists():
        pytest.skip(f"{FILES[name]} is not on this machine")
    given = RECORDED["runs"][name]
    table = pq.read_table(FILES[name], columns=["open", "close"])
    opens, closes = (table.column(column).to_numpy() for column in ("open", "close"))
    assert record.prices_hash(opens, closes) == given["prices_sha256"], "not the data of the recording"
    result = run(name)
    paid = prices(result)
    closed = [list(pair) for pair in zip(paid[::2], paid[1::2], strict=False)]
    assert len(closed) == given["trades"] == len(result.trades)
    assert record.trades_hash([[float(a), float(b)] for a, b in closed]) == given["trades_sha256"]
    if given["all_trades"] is not None:
        assert closed == [[Decimal(repr(price)) for price in pair] for pair in given["all_trades"]]
    assert paid[2 * len(closed) :] == [Decimal(repr(price)) for price in given["open_entries"]]
    assert abs(result.portfolio().equity - Decimal(repr(given["final_equity"]))) < WITHIN_A_CENT


@pytest.mark.parametrize("name", ["us10_aapl_daily", "btcusd_1m_day"])
def test_the_recorded_money_is_the_recorded_trades(name: str) -> None:
    """The recorded equity follows from the recorded prices by hand, so both engines are checked against arithmetic."""
    given = RECORDED["runs"][name]
    money = Decimal(given["cash"])
    for bought, sold in given["all_trades"]:
        a, b = Decimal(repr(bought)), Decimal(repr(sold))
        money += b - a - (a + b) * Decimal("0.001")
    last = Decimal(repr(pq.read_table(FILES[name], columns=["close"]).column("close")[-1].as_py()))
    for bought in given["open_entries"]:
        money += last - Decimal(repr(bought)) * Decimal("1.001")
    assert abs(money - Decimal(repr(given["final_equity"]))) < WITHIN_A_CENT


def test_the_recording_says_where_it_is_from() -> None:
    """Engine, version and Python stand in the recording, and each run traded."""
    assert (RECORDED["engine"], RECORDED["version"]) == ("backtesting.py", "0.6.6")
    assert {name: run["trades"] > 15 for name, run in RECORDED["runs"].items()} == dict.fromkeys(SOURCES, True)
