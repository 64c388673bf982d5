"""Risk seen from outside: what a strategy in a whole session may send, by hand. One-minute bars of one price; minute n is the
strategy's n-th decision."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import onepath
from onepath import Breaker, Breakers, Limits, RiskPlan, SharedLimits, testing
from onepath.events import TradingState
from onepath.orders import OrderIntent, OrderType, Side

D = Decimal
FLAT = {"X": testing.bars([100.0] * 8)}


def says(script: dict[int, Callable[[onepath.Context], Any]]) -> onepath.Strategy:
    """A strategy that at its n-th decision does what `script` has for n, counted from one."""

    class Says(onepath.Strategy):
        def on_start(self, context: onepath.Context) -> None:
            self.count = 0

        def generate_orders(self, context: onepath.Context) -> Any:
            self.count += 1
            return script[self.count](context) if self.count in script else []

    return Says()


def codes(trial: testing.Trial) -> list[str]:
    return [denied.code for denied in trial.events.get("order.denied", ())]


def test_what_cannot_be_cancelled_is_an_error() -> None:
    """Three cancels of an order that has filled are three refused steps: the breaker of three errors halts trading."""
    plan = RiskPlan(breakers=Breakers(error_rate=Breaker(limit=D(3), window=600.0)))
    script: dict[int, Any] = {1: lambda c: c.buy("X", 1), 6: lambda c: c.buy("X", 1)}
    script |= dict.fromkeys((3, 4, 5), lambda c: c.cancel(1))
    found = testing.trial(says(script), FLAT, risk=plan)
    assert [(c.state, c.breaker) for c in found.events["trading_state"]] == [(TradingState.HALTED, "error_rate")]
    assert codes(found) == ["halted"]


def test_a_bracket_that_was_not_sent_counts_for_nothing() -> None:
    """A bracket is denied for its stop loss outside the collar. The same entry with a better stop is no duplicate, and its
    three orders are the first three of the four that may be sent."""

    def entry(stop: float) -> Callable[[onepath.Context], Any]:
        return lambda c: c.buy("X", 10, limit=99, stop_loss=stop, take_profit=110)

    limits = Limits(price_collar=D("0.2"), duplicate_window=600.0, max_orders=4, max_messages=5, rate_window=600.0)
    found = testing.trial(says({1: entry(70), 2: entry(90), 3: lambda c: c.buy("X", 1)}), FLAT, limits=limits)
    assert codes(found) == ["bracket", "price_collar", "bracket"]
    assert [order.quantity for order in found.orders] == [10, 10, 10, 1]
    breakers = Breakers(order_rate=Breaker(limit=D(4), window=600.0))
    script = {1: entry(70), 2: entry(90), 3: entry(89)}
    halted = testing.trial(says(script), FLAT, limits=Limits(price_collar=D("0.2")), risk=RiskPlan(breakers=breakers))
    assert len(halted.orders) == 3, "the fourth order trips it: the second bracket is not sent"
    assert [(c.state, c.breaker) for c in halted.events["trading_state"]] == [(TradingState.HALTED, "order_rate")]
    assert len(halted.events["order.cancelled"]) == 3, "a halt asks back what is at work"


def test_an_exit_reserves_nothing_while_its_parent_waits() -> None:
    """A short of 10 at 101 with a stop written as BUY at 105 takes 1,010 of 2,000, not 2,060: 9 of Y at 100 are 1,910."""
    stop = OrderIntent(symbol="X", side=Side.BUY, quantity=D(10), type=OrderType.STOP, stop=D(105))
    script = {
        1: lambda c: c.short("X", 10, limit=101, children=[stop]),
        2: lambda c: c.buy("Y", 10, limit=100),
        3: lambda c: c.buy("Y", 9, limit=100),
    }
    found = testing.trial(says(script), FLAT | {"Y": FLAT["X"]}, 2_000)
    assert codes(found) == ["buying_power"]
    assert [order.quantity for order in found.orders] == [10, 10, 9]


def test_a_symbols_message_rate_counts_its_cancels() -> None:
    """Three messages about X: an order, its cancel, an order; the second cancel is one too many."""
    plan = RiskPlan(symbols={"X": SharedLimits(max_messages=3, cancel_reserve=1, rate_window=600.0)})
    script = {
        1: lambda c: c.buy("X", 1, limit=90),
        2: lambda c: c.cancel_all(),
        3: lambda c: c.buy("X", 1, limit=91),
        4: lambda c: c.cancel_all(),
        5: lambda c: c.buy("X", 1, limit=92),
    }
    found = testing.trial(says(script), FLAT, risk=plan)
    assert len(found.events["order.cancelled"]) == 1
    assert codes(found) == ["message_rate", "message_rate"]


def test_a_cash_account_pays_in_the_instruments_currency() -> None:
    """1,000 dollars are no euros: a purchase in euros is denied before it is sent, one in dollars for all of them passes."""
    instruments = {
        "X": onepath.Instrument(symbol="X"),
        "SAP": onepath.Instrument(symbol="SAP", currency="EUR"),
        "EURUSD": onepath.Instrument(symbol="EURUSD", base="EUR", currency="USD"),
    }
    index = pd.date_range("2024-01-02", periods=4, freq="1min", name="time")
    flat = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), [100.0] * 4) | {"volume": 1e6}, index=index)
    rate = flat.assign(**dict.fromkeys(("open", "high", "low", "close"), 1.0))
    result = onepath.backtest(
        says({1: lambda c: c.buy("SAP", 1) + c.buy("X", 10)}),
        {"X": flat, "SAP": flat, "EURUSD": rate},
        1_000,
        instruments=instruments,
        account=onepath.AccountTerms(type="cash", currency="USD"),
    )
    assert list(result.denied["reason"]) == ["cash"]
    assert list(result.fills["symbol"]) == ["X"]


RATES = [
    Limits(price_collar=D("0.2"), max_orders=4, rate_window=600.0),
    Limits(price_collar=D("0.2"), max_messages=5, cancel_reserve=1, rate_window=600.0),
]


@pytest.mark.parametrize("limits", RATES)
def test_each_rate_by_itself_forgets_what_was_not_sent(limits: Limits) -> None:
    """The stop of the first bracket is outside the collar: four orders may still be sent, and a fifth may not, whether orders
    are limited or messages."""
    script = {
        1: lambda c: c.buy("X", 10, limit=99, stop_loss=70, take_profit=110),
        2: lambda c: c.buy("X", 10, limit=99, stop_loss=90, take_profit=110),
        3: lambda c: c.buy("X", 1, limit=98) + c.buy("X", 2, limit=98),
    }
    found = testing.trial(says(script), FLAT, limits=limits)
    assert len(found.orders) == 4
    assert codes(found)[3:] == ["order_rate" if limits.max_orders else "message_rate"]


def test_a_duplicate_of_a_bracket_that_was_not_sent() -> None:
    """The second bracket is the first with a better stop: no duplicate, because the first was not sent; the third is one."""
    script = {
        1: lambda c: c.buy("X", 10, limit=99, stop_loss=70),
        2: lambda c: c.buy("X", 10, limit=99, stop_loss=90),
        3: lambda c: c.buy("X", 10, limit=99, stop_loss=90),
    }
    found = testing.trial(says(script), FLAT, limits=Limits(price_collar=D("0.2"), duplicate_window=600.0))
    assert codes(found) == ["bracket", "price_collar", "duplicate", "bracket"]
    assert len(found.orders) == 2


def test_a_bracket_that_was_not_sent_takes_no_money() -> None:
    """990 of 1,000 for an entry whose stop is denied: the same entry with a better stop finds all of the 1,000."""
    script = {
        1: lambda c: c.buy("X", 10, limit=99, stop_loss=70),
        2: lambda c: c.buy("X", 10, limit=99, stop_loss=90),
    }
    found = testing.trial(says(script), FLAT, 1_000, limits=Limits(price_collar=D("0.2")))
    assert codes(found) == ["bracket", "price_collar"]
    assert len(found.orders) == 2


def tripped(*steps: Callable[[onepath.Context], Any]) -> testing.Trial:
    """What comes of orders at the first minutes where two orders within ten minutes trip a breaker."""
    breakers = Breakers(order_rate=Breaker(limit=D(2), window=600.0))
    return testing.trial(says(dict(enumerate(steps, 1))), FLAT, risk=RiskPlan(breakers=breakers))


def test_the_order_that_trips_a_breaker_is_asked_back() -> None:
    """Two limits far below: the second trips, both are asked back at once, and the third is not sent."""
    found = tripped(
        lambda c: c.buy("X", 1, limit=90), lambda c: c.buy("X", 2, limit=90), lambda c: c.buy("X", 3, limit=90)
    )
    assert [(c.state, c.breaker) for c in found.events["trading_state"]] == [(TradingState.HALTED, "order_rate")]
    assert [c.order_id for c in found.events["order.cancelled"]] == [1, 2]
    assert codes(found) == ["halted"]


def test_a_bracket_whose_last_order_trips_is_sent_and_asked_back() -> None:
    """Entry and stop are two orders: both were checked before it tripped, go out whole, and are asked back whole."""
    found = tripped(lambda c: c.buy("X", 1, limit=90, stop_loss=80))
    assert [order.id for order in found.orders] == [1, 2]
    assert [(c.state, c.breaker) for c in found.events["trading_state"]] == [(TradingState.HALTED, "order_rate")]
    assert {c.order_id for c in found.events["order.cancelled"]} == {1, 2}


def test_a_cancel_too_many_is_refused() -> None:
    """Three messages in ten minutes: two orders and one cancel; the second cancel is refused, and its order stays at work."""
    limits = Limits(max_messages=3, cancel_reserve=1, rate_window=600.0)
    script = {
        1: lambda c: c.buy("X", 1, limit=90) + c.buy("X", 1, limit=91),
        2: lambda c: c.cancel(1) + c.cancel(2),
    }
    found = testing.trial(says(script), FLAT, limits=limits)
    assert [c.order_id for c in found.events["order.cancelled"]] == [1]
    (refused,) = found.events["order.refused"]
    assert (refused.order_id, refused.reason) == (2, "3 messages were sent within 600 s")


def test_interest_is_a_loss_like_any_other() -> None:
    """20,000 are carried with 10,000: the debt of 10,000 costs 365 % a year, 100 at the first midnight. That is a hundredth of
    the equity: a breaker of a hundredth trips by interest alone, at a price that never moves."""
    terms = onepath.AccountTerms(type="margin", leverage=D(4), margin_rate=D("3.65"), day_count=365)
    rows = {"X": testing.bars([100.0] * 3_000)}
    breakers = Breakers(drawdown=Breaker(limit=D("0.01")))
    script = {1: lambda c: c.buy("X", 200)}
    limits, risk = Limits(max_leverage=D(4)), RiskPlan(breakers=breakers)
    found = testing.trial(says(script), rows, 10_000, account=terms, limits=limits, risk=risk)
    assert [f.quantity for f in found.events["order.filled"]] == [200]
    assert [c.breaker for c in found.events["trading_state"]] == ["drawdown"]
