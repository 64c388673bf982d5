"""What corporate actions do to orders at the venue: the rules of FINRA 5330 and Nasdaq 4761, by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onepath.actions import CashDividend, Delisting, Merger, SpinOff, Split, StockDividend, SymbolChange
from onepath.instruments import Instrument
from onepath.orders import Order, OrderType, Side, TimeInForce
from onepath.simulator.actions import DO_NOT_REDUCE, Ended, OrderRules, Restated, restated

D = Decimal
STOCK = Instrument(symbol="X", lot_size=D(1), tick_size=D("0.01"))


def order(side: str, type: str, quantity: str = "100", tif: str = "gtc", **prices: str) -> Order:
    return Order(
        id=1,
        strategy="s",
        symbol="X",
        side=Side(side),  # type: ignore[call-arg]
        quantity=D(quantity),
        type=OrderType(type),
        time_in_force=TimeInForce(tif),
        submitted_at=0,
        **{name: D(value) for name, value in prices.items()},  # type: ignore[arg-type]
    )


def terms(found: Any) -> tuple[Any, ...]:
    assert isinstance(found, Restated)
    return found.quantity, found.limit, found.stop, found.trail


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        # 645.57 / 7 = 92.2242...: a buy limit rounds down, a sell limit up.
        (order("buy", "limit", limit="645.57"), (700, D("92.22"), None, None)),
        (order("sell", "limit", limit="645.57"), (700, D("92.23"), None, None)),
        # Stops are the other way about.
        (order("buy", "stop", stop="645.57"), (700, None, D("92.23"), None)),
        (order("sell", "stop", stop="645.57"), (700, None, D("92.22"), None)),
        # A trail of 10 dollars is 1.43 now.
        (order("sell", "trailing_stop", trail="10"), (700, None, None, D("1.43"))),
        (order("buy", "market"), (700, None, None, None)),
    ],
)
def test_a_split_of_seven_for_one(one: Order, expected: tuple[Any, ...]) -> None:
    """Sizes x 7, prices / 7 on the cent, never worse for a limit than asked."""
    assert terms(restated(one, one.quantity, Split("X", 1, D(7)), STOCK)) == expected


def test_what_is_filled_stays() -> None:
    """100 ordered, 40 filled, two for one: 120 are left, the whole is 160, so that fills and rest still add up."""
    found = restated(order("buy", "limit", limit="10"), D(60), Split("X", 1, D(2)), STOCK)
    assert isinstance(found, Restated)
    assert (found.quantity, found.remaining) == (D(160), D(120))


def test_whole_lots_alone() -> None:
    """A stock dividend of five per cent on 30: 31.5, so 31; one for forty leaves nothing to trade."""
    one = order("buy", "limit", "30", limit="10.5")
    assert terms(restated(one, D(30), StockDividend("X", 1, D("0.05")), STOCK))[:2] == (31, D("10.00"))
    assert isinstance(restated(one, D(30), Split("X", 1, D("0.025")), STOCK), Ended)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (order("buy", "limit", limit="50"), (100, D("49.25"), None, None)),
        (order("sell", "stop", stop="45"), (100, None, D("44.25"), None)),
        (order("sell", "stop_limit", stop="45", limit="44"), (100, D("43.25"), D("44.25"), None)),
        (order("sell", "limit", limit="50"), None),
        (order("buy", "stop", stop="55"), None),
        (order("buy", "stop_limit", stop="55", limit="56"), None),
        (order("buy", "market"), None),
        (order("buy", "limit", tif="day", limit="50"), None),
    ],
)
def test_a_dividend_reduces_open_buys_and_sell_stops(one: Order, expected: tuple[Any, ...] | None) -> None:
    """75 cents off open buy limits and sell stops; open sells, buy stops and orders of the day stay (FINRA 5330)."""
    found = restated(one, one.quantity, CashDividend("X", 1, D("0.75")), STOCK)
    assert (None if found is None else terms(found)) == expected


def test_do_not_reduce() -> None:
    """Orders marked so, and dividends below a cent, leave prices alone."""
    one = order("buy", "limit", limit="50")
    assert restated(one, D(100), CashDividend("X", 1, D(1)), STOCK, DO_NOT_REDUCE) is None
    assert restated(one, D(100), CashDividend("X", 1, D("0.009")), STOCK) is None


def test_a_price_may_not_be_used_up() -> None:
    """A special dividend above the limit leaves no price to buy at: the order ends."""
    assert isinstance(restated(order("buy", "limit", limit="5"), D(100), CashDividend("X", 1, D(6)), STOCK), Ended)


def test_a_trailing_stops_best_price_moves_too() -> None:
    """The best price so far, 140, is 20 after seven for one, and 139.25 after a dividend of 0.75."""
    one = order("sell", "trailing_stop", trail_percent="5")
    for action, level in ((Split("X", 1, D(7)), D(20)), (CashDividend("X", 1, D("0.75")), D("139.25"))):
        found = restated(one, D(100), action, STOCK)
        assert isinstance(found, Restated)
        assert found.trail_percent == 5
        assert found.level(D(140)) == level


@pytest.mark.parametrize(
    "action",
    [Merger("X", 1, cash=D(1)), SymbolChange("X", 1, "Y"), Delisting("X", 1), SpinOff("X", 1, "Y", D(1), D("0.1"))],
)
def test_orders_end_with_the_symbol(action: Any) -> None:
    """Orders do not outlive what they were for; the reason names the symbol."""
    found = restated(order("buy", "limit", limit="5"), D(100), action, STOCK)
    assert isinstance(found, Ended)
    assert "X" in found.reason


def test_reverse_splits_may_cancel_as_exchanges_do() -> None:
    """One for twenty restates by default (100 at 1.16 become 5 at 23.20), and cancels where the rule says so."""
    one, action = order("buy", "limit", limit="1.16"), Split("X", 1, D("0.05"))
    assert terms(restated(one, D(100), action, STOCK))[:2] == (5, D("23.20"))
    assert isinstance(restated(one, D(100), action, STOCK, OrderRules(cancel_reverse=True)), Ended)
