"""On what terms an account is kept: cash or margin, its currency, what must be there, what it costs.

Rules: what is not given costs nothing and forbids nothing. Shares are decimals (0.25 = 25 %), rates are a year's.
Sources: Regulation T (12 CFR 220.12: 50 % initial), FINRA rule 4210 (25 % maintenance; shorts 30 %, here one share for both),
settlement T+1 since 28 May 2024 (SEC rule 15c6-1), funding of perpetuals every eight hours (Binance, Bybit, OKX).
Limits: one initial and one maintenance share for all instruments; no tiers by size, no offsets between positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Literal

import msgspec

from onepath.errors import ConfigError
from onepath.instruments import ONE, ZERO, Instrument, number

Funding = tuple[tuple[int, Decimal], ...]
"""Funding rates as they were: (nanoseconds, share of the position's value), in time order."""
DERIVATIVES = frozenset({"perpetual", "future"})
"""asset classes whose value nobody pays: no money is borrowed for it, and nothing is lent to be short of it"""
DAY = 86_400_000_000_000
_FLOOR = Context(prec=28, rounding=ROUND_FLOOR)
"""a third is kept a little too small, so that leverage three carries three times the equity"""
_DAY_COUNTS = (360, 365)
_LONGEST = 30
_NUMBERS = (
    "capital",
    "leverage",
    "initial_margin",
    "maintenance_margin",
    "borrow_rate",
    "margin_rate",
    "credit_rate",
    "funding_rate",
)


class AccountTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    """The terms of one strategy's account.

    `type` is margin (the default: at leverage one purchases never overdraw, shorts as the limits say) or cash (settled money
    only, no shorts, nothing borrowed). `currency` is the home currency; empty: the instruments' own (USD where they
    differ and one of them is in it, else that of the first). `leverage` None: as the strategy's limits say.

    `initial_margin` is the share of gross value that equity must reach to open or add (None: 1 / leverage where the account
    names a leverage above one; where only the strategy's limits do, they alone decide, before the order).
    `maintenance_margin` is the share that equity must keep (0: none). Below it the venue makes a margin call; `liquidates` says
    whether it closes positions as well.

    `settlement_days`: a cash account's sales pay after that many weekdays. `borrow_rate` is charged on the value of shorts,
    `margin_rate` on negative cash, `credit_rate` is paid on positive cash; a day's share is rate / `day_count`.
    `funding_rate` is paid every `funding_hours` by longs of perpetuals to shorts; `funding` gives rates as they were, by symbol.
    """

    capital: Decimal = ZERO
    type: Literal["cash", "margin"] = "margin"
    currency: str = ""
    leverage: Decimal | None = None
    allow_short: bool = True
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal = ZERO
    liquidates: bool = False
    settlement_days: int = 0
    borrow_rate: Decimal = ZERO
    margin_rate: Decimal = ZERO
    credit_rate: Decimal = ZERO
    day_count: int = 360
    funding_rate: Decimal = ZERO
    funding_hours: int = 8
    funding: Mapping[str, Funding] = {}

    def __post_init__(self) -> None:
        self._read()
        if self.type not in ("cash", "margin"):
            raise ConfigError(f"an account's type is {self.type!r}; expected cash or margin")
        if not 0 <= self.settlement_days <= _LONGEST:
            raise ConfigError(f"settlement_days is {self.settlement_days}; it must lie between 0 and {_LONGEST}")
        if self.type == "cash" and (self.leverage or ONE) > ONE:
            raise ConfigError(f"a cash account has leverage {self.leverage}; it lends nothing: use type margin, or 1")
        if self.type != "cash" and self.settlement_days:
            raise ConfigError("settlement_days is for cash accounts: a margin account lends until sales settle")
        if self.day_count not in _DAY_COUNTS:
            raise ConfigError(f"day_count is {self.day_count}; a year of interest has 360 or 365 days")
        if not 1 <= self.funding_hours <= 24 or 24 % self.funding_hours:
            raise ConfigError(
                f"funding_hours is {self.funding_hours}; it must divide a day: 1, 2, 3, 4, 6, 8, 12 or 24"
            )
        if self.leverage is not None and self.leverage <= 0:
            raise ConfigError(f"leverage is {self.leverage}; it must be above zero")
        if self.initial_margin is not None and self.initial_margin <= 0:
            raise ConfigError(f"initial_margin is {self.initial_margin}; it must be above zero, such as 0.5 for half")
        if self.liquidates and not self.maintenance_margin:
            raise ConfigError("liquidates is on without maintenance_margin; say below what share positions are closed")
        if self.maintenance_margin < 0 or self.maintenance_margin > self.to_open:
            raise ConfigError(
                f"maintenance_margin is {self.maintenance_margin}; it must lie between zero and the initial {self.to_open}"
            )

    def _read(self) -> None:
        """Keep what was given as text or float as the number that a person would read."""
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None:
                found = number(f"the account's {name}", value)
                if not found.is_finite():
                    raise ConfigError(f"the account's {name} is {value}; it must be a finite number")
                if type(value) is not Decimal:
                    msgspec.structs.force_setattr(self, name, found)
        if self.funding:
            rates = {
                symbol: tuple((at, number(f"the funding rate of {symbol}", rate)) for at, rate in table)
                for symbol, table in self.funding.items()
            }
            msgspec.structs.force_setattr(self, "funding", rates)

    @property
    def to_open(self) -> Decimal:
        """The share of gross value that equity must reach to open or add."""
        return self.initial_margin if self.initial_margin is not None else _FLOOR.divide(ONE, self.leverage or ONE)

    def granted(self, capital: Decimal, leverage: Decimal, allow_short: bool) -> AccountTerms:
        """These terms for one strategy with these limits: the stricter of both holds."""
        own = leverage if self.leverage is None else min(leverage, self.leverage)
        initial = self.initial_margin
        if initial is None and self.leverage is not None and own > ONE:
            initial = _FLOOR.divide(ONE, own)
        return msgspec.structs.replace(
            self,
            capital=capital,
            leverage=min(own, ONE) if self.type == "cash" else own,
            allow_short=allow_short and self.allow_short and self.type == "margin",
            initial_margin=initial,
        )


def home_currency(currency: str, instruments: Iterable[Instrument]) -> str:
    """`currency`, or the instruments' own: USD where they differ and one is in it, else the first one's."""
    if currency:
        return currency
    found = [instrument.currency for instrument in instruments]
    return "USD" if not found or "USD" in found else found[0]


def settles_at(at: int, days: int) -> int:
    """When a trade at `at` pays: 00:00 UTC of the `days`-th weekday after its date. Holidays are not looked at."""
    date = at // DAY
    while days:
        date += 1
        days -= (date + 3) % 7 < 5  # day 0, 1 January 1970, was a Thursday
    return date * DAY
