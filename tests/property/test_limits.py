"""Limits hold for what is asked for together, not only order by order. Numbers by hand: price 100, cash 100,000."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import onepath
from onepath import Context, Limits, OrderIntent, Strategy
from onepath.result import Result


def frame(opens: list[float]) -> pd.DataFrame:
    """One-price daily bars."""
    index = pd.date_range("2024-01-01", periods=len(opens), freq="D", tz="UTC")
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), opens) | {"volume": 1e9}, index=index)


class Script(Strategy):
    """Asks on each bar for what its list has for it."""

    script: tuple[Any, ...] = ()

    def on_start(self, context: Context) -> None:
        self._bar = 0

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        self._bar += 1
        step = self.script[self._bar - 1] if self._bar <= len(self.script) else None
        return [] if step is None else [intent for ask in step for intent in ask(context)]


def run(script: list[Any], opens: list[float] | dict[str, list[float]], **limits: Any) -> Result:
    strategy = Script()
    strategy.script = tuple(script)
    data = {s: frame(o) for s, o in opens.items()} if isinstance(opens, dict) else {"S": frame(opens)}
    return onepath.backtest(strategy, data, participation=None, limits=Limits(**limits))


def test_two_shorts_at_once_do_not_sell_what_is_owned_twice() -> None:
    """With shorting off, 1,000 held and two orders to short 1,000 each leave nothing, not a short of 1,000."""
    result = run(
        [[lambda c: c.buy("S", 900)], [lambda c: c.short("S", 900), lambda c: c.short("S", 900)]],
        [100.0] * 5,
        allow_short=False,
    )
    assert result.portfolio().quantity("S") >= 0


def test_many_shorts_at_once_keep_the_leverage() -> None:
    """900 held and ten orders to short 900 each cannot leave a short of 8,100 on a leverage of one."""
    result = run([[lambda c: c.buy("S", 900)], [lambda c: c.short("S", 900)] * 10], [100.0] * 5)
    assert result.portfolio().exposure <= result.portfolio().equity


def test_many_purchases_against_a_short_keep_the_leverage() -> None:
    """Short 900 with a leverage of 1.5, ten orders to buy 900 each cannot leave 8,100 units on equity of 100,000."""
    result = run(
        [[lambda c: c.short("S", 900)], [lambda c: c.buy("S", 900)] * 10], [100.0] * 5, max_leverage=Decimal("1.5")
    )
    assert result.portfolio().exposure <= Decimal("1.5") * result.portfolio().equity


def test_a_resting_short_does_not_open_what_a_sale_has_closed() -> None:
    """With shorting off: 900 held, a limit to short 900 rests, a market sale closes all, then the limit trades."""
    result = run(
        [[lambda c: c.buy("S", 900)], [lambda c: c.short("S", 900, limit=101)], [lambda c: c.sell("S", 900)]],
        [100.0, 100.0, 100.0, 100.0, 105.0, 105.0],
        allow_short=False,
    )
    assert result.portfolio().quantity("S") == 0


def test_a_resting_short_and_a_sale_keep_the_leverage() -> None:
    """900 held, a limit to short 1,850 rests (to -950 of 1,000), a sale closes 900: the limit may not leave -1,850."""
    result = run(
        [[lambda c: c.buy("S", 900)], [lambda c: c.short("S", 1850, limit=101)], [lambda c: c.sell("S", 900)]],
        [100.0, 100.0, 100.0, 100.0, 101.5, 101.5],
    )
    assert result.portfolio().exposure <= result.portfolio().equity


def test_a_purchase_through_zero_does_not_overdraw() -> None:
    """Short 1, buying 1,001 at a reference of 100: if the next open is 200, cash of 100,100 does not pay for 200,200."""
    result = run([[lambda c: c.short("S", 1)], [lambda c: c.buy("S", 1001)]], [100.0, 100.0, 200.0, 200.0])
    assert result.portfolio().quantity("S") > 0, "part of it is paid for"
    assert result.portfolio().cash >= 0


def test_a_purchase_does_not_spend_what_a_sale_did_not_bring() -> None:
    """B is sold to buy A at the same open; B opens at half its price, so A can be bought for half only."""
    result = run(
        [[lambda c: c.buy("B", 1000)], [lambda c: c.sell("B", 1000), lambda c: c.buy("A", 1000)]],
        {"A": [100.0] * 4, "B": [100.0, 100.0, 50.0, 50.0]},
    )
    assert result.portfolio().cash >= 0


@pytest.mark.parametrize("size", [1000, 1001])
def test_buying_all_that_cash_pays_for(size: int) -> None:
    """1,000 units of 100 on cash of 100,000 are bought; 1,001 are denied as a whole, before the venue."""
    result = run([[lambda c: c.buy("S", size)]], [100.0] * 3)
    assert result.portfolio().quantity("S") == (1000 if size == 1000 else 0)
    assert result.portfolio().cash == (0 if size == 1000 else 100_000)
