"""Limits, breakers, commands and account terms as a person writes them in Python: plain words and numbers mean what they say,
and what means nothing is refused at once, never silently without effect."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import onepath
from onepath import Breakers, RiskPlan, Strategy, events, risk
from onepath.errors import ConfigError
from onepath.events import TradingState

D = Decimal
# What a person writes is looser than what the types ask for.
AccountTerms: Any = onepath.AccountTerms
Breaker: Any = onepath.Breaker
Command: Any = events.Command
Instrument: Any = onepath.Instrument
Limits: Any = onepath.Limits
SharedLimits: Any = risk.SharedLimits


def falling() -> pd.DataFrame:
    """Ten days: 100 and 100, then 70 for good."""
    days = pd.date_range("2024-01-02", periods=10, name="date")
    close = [100.0, 100.0] + [70.0] * 8
    return pd.DataFrame({"open": close, "high": close, "low": close, "close": close, "volume": 1e6}, index=days)


class BuyAgain(Strategy):
    """Buys 900 on the first day and one on the sixth."""

    def on_start(self, context: onepath.Context) -> None:
        self.days = 0

    def generate_orders(self, context: onepath.Context) -> Any:
        self.days += 1
        return context.buy("X", {1: 900, 6: 1}[self.days]) if self.days in (1, 6) else []


@pytest.mark.parametrize("action", ["halted", "reducing"])
def test_a_breaker_given_in_words_stops_trading(action: str) -> None:
    """900 bought at 100 lose 27,000 of 100,000: a drawdown of 20 % trips, and the purchase of the sixth day is denied."""
    plan = RiskPlan(breakers=Breakers(drawdown=Breaker(limit="0.2", action=action)))
    result = onepath.backtest(BuyAgain, {"X": falling()}, risk=plan)
    assert list(result.denied["reason"]) == [action]
    assert list(result.fills["quantity"]) == [900.0]


def test_words_become_the_real_thing() -> None:
    """Text and floats are read exactly; a state is a state."""
    assert Breaker(limit="0.2", action="reducing").action is TradingState.REDUCING
    assert Command(state="halted").state is TradingState.HALTED
    limits = Limits(max_orders="5", rate_window="60", symbols=["X"], restricted="GME")
    assert (limits.max_orders, limits.rate_window, limits.symbols, limits.restricted) == (5, 60.0, ("X",), ("GME",))
    terms = AccountTerms(leverage=2.0, maintenance_margin="0.25", borrow_rate=0.03)
    share = Instrument(symbol="X", tick_size=0.01, lot_size=1, multiplier="2")
    assert (share.tick_size, share.lot_size, share.multiplier) == (D("0.01"), D(1), D(2))
    assert (terms.leverage, terms.maintenance_margin, terms.borrow_rate) == (D(2), D("0.25"), D("0.03"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Breaker(limit=1, action="stop"), "reducing or halted"),
        (lambda: Breaker(limit=1, scope="session"), "strategy or account"),
        (lambda: Breaker(limit="much"), "number"),
        (lambda: Command(state="stopped"), "active, reducing, halted"),
        (lambda: Limits(max_orders=2.5), "whole number"),
        (lambda: SharedLimits(max_messages="few"), "number"),
        (lambda: Limits(price_collar="5%"), "number"),
        (lambda: AccountTerms(type="Cash"), "cash or margin"),
        (lambda: AccountTerms(borrow_rate="3%"), "number"),
        (lambda: AccountTerms(borrow_rate=float("nan")), "number"),
        (lambda: AccountTerms(settlement_days=-1), "settlement_days"),
        (lambda: Instrument(symbol="X", lot_size=0), "lot_size of X is 0; it must be a number above zero"),
        (lambda: Instrument(symbol="X", multiplier=float("nan")), "multiplier of X is nan; it must be a number"),
        (
            lambda: Instrument(symbol="X", tick_size="-0.01"),
            "tick_size of X is -0.01; it must be a number zero or above",
        ),
    ],
)
def test_what_means_nothing_is_refused(make: Any, says: str) -> None:
    """A ConfigError of one sentence that says what was expected."""
    with pytest.raises(ConfigError, match=says):
        make()


def test_terms_in_floats_run() -> None:
    """A margin account written with floats: 200 x 100 on 10,000 at leverage two is carried, interest is charged."""

    class Once(Strategy):
        def generate_orders(self, context: onepath.Context) -> Any:
            return [] if context.portfolio.quantity("X") or context.open_orders else context.buy("X", 200)

    terms = AccountTerms(leverage=2, maintenance_margin=0.25, margin_rate=0.06)
    result = onepath.backtest(Once, {"X": falling()}, 10_000, account=terms, limits=Limits(max_leverage=2))
    assert list(result.fills["quantity"]) == [200.0]
    assert result.replay().identical


def test_words_show_what_is_set() -> None:
    """In a REPL an order shows what was said of it, not all that could have been."""
    shown = repr(onepath.OrderIntent(symbol="X", side="buy", quantity=1, type="limit", limit=9))  # type: ignore[arg-type]
    assert "limit=Decimal('9')" in shown
    assert "trail" not in shown
    assert repr(Limits()) == "Limits()"
