"""Halts and margin calls are told: in the tear sheet, under the statistics, to programs; by hand on whole sessions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

import onepath
from onepath import AccountTerms, Breaker, Breakers, Limits, RiskPlan, TradingState
from onepath.report.activity import order_counts
from onepath.report.analysis import analyse
from onepath.report.tearsheet import remarks, render

D = Decimal


class BuyOnce(onepath.Strategy):
    """200 at the first close."""

    def on_start(self, context: onepath.Context) -> None:
        self.days = 0

    def generate_orders(self, context: onepath.Context) -> Any:
        self.days += 1
        return context.buy("X", 200) if self.days == 1 else []


def ran(*prices: float, **how: Any) -> Any:
    days = pd.date_range("2024-01-02", periods=len(prices), name="date")
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices) | {"volume": 1e6}, index=days)
    return onepath.backtest(BuyOnce, {"X": frame}, 10_000, asset_class="equity", **how)


def test_a_margin_call_and_what_it_closed() -> None:
    """200 bought at 100 with 10,000: at 66 equity of 3,200 is below 25 % of 13,200; (13,200 - 12,800) / 66: 7 are sold. Of the
    one order that was asked for one filled; the forced one is not among those asked for."""
    terms = AccountTerms(leverage=D(2), maintenance_margin=D("0.25"), liquidates=True)
    result = ran(100, 100, 66, 66, account=terms, limits=Limits(max_leverage=D(2)))
    said = "buy_once margin call: equity 3200.00, required 3300.00; positions are closed"
    assert [incident.text for incident in result.record.incidents] == [said]
    assert remarks(result.record)[0] == ("incident", f"2024-01-04 21:00 UTC  {said}")
    assert f"2024-01-04 21:00 UTC: {said}" in render(result.record)
    assert order_counts(analyse(result.record)) == [("filled", "", 1)]
    assert list(result.fills["quantity"]) == [200.0, -7.0]
    listed = result.orders[["id", "side", "quantity", "status", "filled", "average_price", "reason"]]
    assert listed.values.tolist() == [
        [1, "buy", 200.0, "filled", 200.0, 100.0, ""],
        [-1, "sell", 7.0, "filled", 7.0, 66.0, "margin"],
    ]
    assert [order.id for order in result.record.orders] == [1], "what strategies asked for"


def test_a_halt_says_what_tripped() -> None:
    """200 bought at 100 on 10,000: at 70 they have lost 6,000, and the drawdown of 20 % halts."""
    plan = RiskPlan(breakers=Breakers(drawdown=Breaker(limit=D("0.2"), action=TradingState.HALTED)))
    result = ran(100, 100, 70, 70, risk=plan, limits=Limits(max_leverage=D(2)))
    (incident,) = result.record.incidents
    assert incident.text.startswith("buy_once halted: drawdown: equity 4000.0 is 6000.0 below the peak 10000")
    assert "halted: drawdown" in repr(result)
