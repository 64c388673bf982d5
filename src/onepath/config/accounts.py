"""`execution.account`: on what terms the simulated venue keeps each strategy's account.

Rules: what is left out costs nothing and forbids nothing; where the strategy's own limits are stricter, they hold.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from onepath.accounts import AccountTerms
from onepath.config.values import Amount, Part, Positive, Share, whole, wrong
from onepath.errors import ConfigError
from onepath.instruments import ZERO


class FundingConfig(Part):
    """What holders of perpetuals pay each other."""

    rate: Decimal = ZERO
    """share of the position's value at each time; positive: longs pay shorts (0.0001 is one hundredth of a per cent)"""
    hours: Annotated[Literal[1, 2, 3, 4, 6, 8, 12, 24], BeforeValidator(whole)] = 8
    """hours between two payments, counted from 00:00 UTC"""


class AccountConfig(Part):
    """The terms of each strategy's account."""

    type: Literal["cash", "margin"] = "margin"
    """cash: settled money only, no shorts; margin: purchases never overdraw at leverage one, shorts as the limits say"""
    currency: str | None = None
    """home currency, such as EUR; default: the instruments' own (USD where they differ and one is in it, else the first's)"""
    leverage: Positive | None = None
    """largest sum of all positions over equity; default: as the strategy's limits say. The stricter of both holds"""
    allow_short: bool = True
    """false: positions are never negative, whatever the strategy's limits say"""
    initial_margin: Positive | None = None
    """equity an order that opens or adds must leave, as a share of all positions (0.5: Regulation T); default: 1 / leverage"""
    maintenance_margin: Share | None = None
    """equity that must stay, as a share of all positions (0.25: FINRA); below it there is a margin call; default: none"""
    liquidates: bool = False
    """true: a margin call closes as much as is needed; false: it is only reported"""
    settlement_days: int = Field(default=0, ge=0, le=30)
    """weekdays until a cash account may spend what a sale brought (1: US shares)"""
    borrow_rate: Amount = ZERO
    """a year's cost of borrowed shares, as a share of their value"""
    margin_rate: Amount = ZERO
    """a year's interest on money that is owed"""
    credit_rate: Decimal = ZERO
    """a year's interest on cash that is there"""
    day_count: Annotated[Literal[360, 365], BeforeValidator(whole)] = 360
    """days in the year that the rates are of"""
    funding: FundingConfig = FundingConfig()
    """payments between holders of perpetuals"""

    @model_validator(mode="after")
    def _sound(self) -> AccountConfig:
        """What the terms themselves refuse is said as any other mistake of the file."""
        try:
            self.terms()
        except ConfigError as error:
            raise wrong("type", str(error)) from None
        return self

    def terms(self) -> AccountTerms:
        """The same as words."""
        plain = self.model_dump(exclude={"funding", "currency", "maintenance_margin"})
        return AccountTerms(
            **plain,
            currency=self.currency or "",
            maintenance_margin=self.maintenance_margin or ZERO,
            funding_rate=self.funding.rate,
            funding_hours=self.funding.hours,
        )
