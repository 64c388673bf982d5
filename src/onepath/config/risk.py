"""The schema of risk: a strategy's limits, those of the account and of symbols, and the breakers.

Rules: a limit that is left out does not exist (a strategy's: is as the strategy declares it). Times are intervals such as 30s,
5m, 1h, or a number of seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator, Field, model_validator

from onepath.config.values import SECOND, Names, Part, Positive, interval_ns, wrong
from onepath.events import TradingState
from onepath.risk import Breaker, Breakers, Limits, RiskPlan, SharedLimits


def _seconds(value: Any) -> Any:
    """`30s`, `5m` or a number of seconds."""
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return interval_ns(value) / SECOND
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class RiskLimits(Part):
    """What may be done; what is left out is no limit, or as the strategy declares it."""

    max_position_size: Positive | None = None
    """largest position, as a share of equity: 0.1 is a tenth"""
    max_leverage: Positive | None = None
    """largest sum of all positions over equity; a strategy's is 1.0 unless it declares another"""
    allow_short: bool | None = None
    """whether positions may be negative; true unless the strategy declares otherwise"""
    max_position: Positive | None = None
    """largest position of a symbol, in units"""
    max_order_quantity: Positive | None = None
    """largest quantity of an order, in units"""
    max_order_value: Positive | None = None
    """largest value of an order, in the account's money, at the worst price it may get"""
    max_net_leverage: Positive | None = None
    """largest difference of longs and shorts over equity"""
    max_concentration: Positive | None = None
    """largest position, as a share of all positions or of equity, whichever is more"""
    symbols: Names | None = None
    """the only symbols that may be ordered"""
    restricted: Names | None = None
    """symbols that may not be ordered"""
    price_collar: Positive | None = None
    """how far limit and stop prices may be from the last price, as a share of it: 0.05 is 5 %"""
    max_reference_age: Seconds | None = None
    """how old the last price may be: 30s, 5m, or seconds"""
    max_orders: Count | None = None
    """new orders within rate_window"""
    max_messages: Count | None = None
    """orders, replaces and cancels within rate_window"""
    cancel_reserve: Annotated[int, Field(ge=0)] | None = None
    """how many of max_messages only cancels may use; default: a fifth"""
    rate_window: Seconds | None = None
    """the window of orders and messages: 1s unless said"""
    duplicate_window: Seconds | None = None
    """how long the same order may not be sent again"""
    market_hours: bool | None = None
    """true: no orders while the symbol's market is closed, but for its opening"""
    prevent_self_match: bool | None = None
    """true: no order that would trade with an own order at rest"""

    def over(self, declared: Limits) -> Limits:
        """The strategy's declared limits with those given here put in their place."""
        return msgspec.structs.replace(declared, **self.model_dump(exclude_none=True))

    def shared(self) -> SharedLimits:
        """As limits of all strategies together."""
        return SharedLimits(**self.model_dump(exclude_none=True))

    @model_validator(mode="after")
    def _reserve_fits(self) -> RiskLimits:
        if self.cancel_reserve is not None and self.cancel_reserve >= (self.max_messages or 0):
            raise wrong("cancel_reserve", "less than max_messages")
        return self


class BreakerConfig(Part):
    """A circuit breaker: where it trips and what then may still be traded, until a named person's command."""

    limit: Positive
    """where it trips: a share, money, a count or seconds, as the breaker says"""
    action: Literal["halted", "reducing"] = "halted"
    """reducing: only what reduces positions; halted: nothing but cancels"""
    scope: Literal["strategy", "account"] = "strategy"
    """strategy: each for itself; account: all by the figures of all"""
    window: Seconds = 60.0
    """of breakers that count: 60s unless said"""
    orders: Count = 20
    """of the reject rate: how many of the last answers count"""

    def breaker(self) -> Breaker:
        """The breaker itself."""
        return Breaker(**{**self.model_dump(), "action": TradingState(self.action)})


class BreakersConfig(Part):
    """What stops trading by itself."""

    drawdown: BreakerConfig | None = None
    """loss from the highest equity so far, as a share of it; all breakers take the keys below"""
    daily_loss: BreakerConfig | None = None
    """loss since the session day before, as a share of equity then"""
    daily_loss_value: BreakerConfig | None = None
    """the same in money"""
    reject_rate: BreakerConfig | None = None
    """share of the last orders that the venue rejected"""
    error_rate: BreakerConfig | None = None
    """refused steps, rejected cancels and replaces within the window"""
    order_rate: BreakerConfig | None = None
    """orders within the window"""
    executions: BreakerConfig | None = None
    """fills within the window"""
    stale_data: BreakerConfig | None = None
    """seconds without an event of a symbol that is held or has orders"""

    def breakers(self) -> Breakers:
        """The breakers themselves."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return Breakers(**{name: one.breaker() for name, one in given.items() if one is not None})


class Risk(Part):
    """The risk of the session beyond each strategy's own limits."""

    account: RiskLimits | None = None
    """limits of all strategies together"""
    symbols: dict[str, RiskLimits] = Field(default_factory=dict)
    """limits of a symbol by its name, of all strategies together; the keys are those of account"""
    breakers: BreakersConfig | None = None
    """circuit breakers"""

    def plan(self) -> RiskPlan | None:
        """The plan of the session; None where nothing was asked for."""
        if self.account is None and not self.symbols and self.breakers is None:
            return None
        return RiskPlan(
            account=None if self.account is None else self.account.shared(),
            symbols={symbol: limits.shared() for symbol, limits in self.symbols.items()},
            breakers=None if self.breakers is None else self.breakers.breakers(),
        )
