"""Corporate actions and what is on its way, orders out and reports back, and dividends in another currency, by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd

import onepath
from onepath import AccountTerms, Constant, Instrument, Limits
from onepath.actions import CashDividend, Split
from onepath.journal.codec import decode
from onepath.simulator.assumptions import Market
from onepath.simulator.venue import SimulatedVenue

D = Decimal
EX_DATE = int(pd.Timestamp("2024-01-04", tz="America/New_York").value)
"""midnight in New York, eight hours after the second day's close"""
HOUR_MS = 3_600_000


def says(script: dict[int, Callable[[onepath.Context], Any]]) -> onepath.Strategy:
    """A strategy that at its n-th decision does what `script` has for n, counted from one."""

    class Says(onepath.Strategy):
        def on_start(self, context: onepath.Context) -> None:
            self.count = 0

        def generate_orders(self, context: onepath.Context) -> Any:
            self.count += 1
            return script[self.count](context) if self.count in script else []

    return Says()


def days(*prices: float) -> pd.DataFrame:
    """Daily bars of one price from Tuesday, 2 January 2024."""
    index = pd.date_range("2024-01-02", periods=len(prices), name="date")
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices) | {"volume": 1e6}, index=index)


def events(result: Any, *kinds: str) -> list[Any]:
    return [decode(row) for row in result.journal.rows(kinds)]


def test_new_terms_that_wait_for_a_bar_are_in_old_units() -> None:
    """5 at a limit of 90, given a limit of 80 at the close of the second day with a second's delay: the message is there before
    the split, four for one, of the next midnight. 20 at 20 wait then, and fill at 19."""
    script: dict[int, Any] = {1: lambda c: c.buy("X", 5, limit=90), 2: lambda c: c.replace(1, limit=80)}
    result = onepath.backtest(
        says(script),
        {"X": days(100, 100, 25, 19)},
        latency=Constant(ms=1_000),
        actions=[Split("X", EX_DATE, D(4))],
        asset_class="equity",
    )
    assert [(told.quantity, told.limit) for told in events(result, "order.replaced")] == [(D(5), D(80)), (D(20), D(20))]
    assert list(zip(result.fills["quantity"], result.fills["price"], strict=True)) == [(20.0, 19.0)]
    assert result.replay().identical


def test_an_order_that_a_split_overtakes_is_rejected() -> None:
    """An order for 5 on its way for an hour at EX_DATE, when four are made of one: rejected, with the reason; nothing fills.
    A dividend overtakes nothing."""
    for action, price, fills in (
        (Split("X", EX_DATE, D(4)), 25.0, []),
        (CashDividend("X", EX_DATE, D(1)), 99.0, [5.0]),
    ):
        result = onepath.backtest(
            says({2: lambda c: c.buy("X", 5)}),
            {"X": days(100, 100, price, price, price)},
            latency=Constant(ms=12 * HOUR_MS),
            actions=[action],
            asset_class="equity",
        )
        assert list(result.fills["quantity"]) == fills
        reasons = [told.reason for told in events(result, "order.rejected")]
        assert reasons == ([] if fills else ["its terms are of before a corporate action; send it again"])
        assert result.replay().identical


def test_what_was_done_in_old_units_is_heard_before_they_change() -> None:
    """10 bought at 100 on the second day; the report takes a day and a half, and four are made of one in between. The books
    have 40 for 1,000, as the venue has."""
    result = onepath.backtest(
        says({1: lambda c: c.buy("X", 10)}),
        {"X": days(100, 100, 25, 25, 25)},
        latency=Constant(ms=0, back_ms=36 * HOUR_MS),
        actions=[Split("X", EX_DATE, D(4))],
        asset_class="equity",
    )
    book = result.portfolio()
    assert (book.quantity("X"), book.equity) == (D(40), D(100_000))
    assert result.replay().identical


def test_interest_that_is_heard_with_a_dividend_replays() -> None:
    """Interest at 3.6 % is reported late by twenty hours: 10 of the second day's midnight in time, 9.901 of the third's (1,000 of
    100,010 are spent) with the dividend of five hours later. Both are in the books, replayed too."""
    result = onepath.backtest(
        says({1: lambda c: c.buy("X", 10), 4: lambda c: c.buy("X", c.portfolio.flows)}),
        {"X": days(100, 100, 99, 99, 99)},
        latency=Constant(ms=0, back_ms=20 * HOUR_MS),
        actions=[CashDividend("X", EX_DATE, D(1))],
        account=AccountTerms(credit_rate=D("0.036")),
        asset_class="equity",
    )
    kinds = [(flow.kind, flow.amount) for flow in events(result, "cash")]
    assert kinds[:3] == [("interest", D(10)), ("interest", D("9.901")), ("dividend", D(10))]
    assert result.replay().identical


def test_a_dividend_abroad_is_paid_abroad() -> None:
    """100 of a share in euros, bought at 100 with dollars alone: 10,000 euros are owed, and 200 euros of dividend are no
    dollars: 50,000 of those stay, at the venue as in the books."""
    instruments = {
        "SAP": Instrument(symbol="SAP", currency="EUR", lot_size=D(1), calendar="XNYS"),
        "EURUSD": Instrument(symbol="EURUSD", base="EUR", currency="USD", asset_class="fx", calendar="XNYS"),
    }
    frames = {"SAP": days(100, 100, 98, 98), "EURUSD": days(2, 2, 2, 2)}
    result = onepath.backtest(
        says({1: lambda c: c.buy("SAP", 100)}),
        frames,
        50_000,
        instruments=instruments,
        actions=[CashDividend("SAP", EX_DATE, D(2))],
        account=AccountTerms(currency="USD"),
        limits=Limits(max_leverage=D(2)),
    )
    book = result.portfolio()
    assert (book.cash_in("USD"), book.cash_in("EUR")) == (D(50_000), D(-9_800))
    venue = SimulatedVenue(instruments, {"s": AccountTerms(capital=D(50_000), currency="USD", leverage=D(2))}, Market())
    venue._accounts["s"].quantities["SAP"] = D(100)
    assert venue.act(CashDividend("SAP", EX_DATE, D(2))) == []
    assert venue.cash() == {"s": D(50_000)}
    assert venue._accounts["s"].cash_in("EUR") == D(200)
