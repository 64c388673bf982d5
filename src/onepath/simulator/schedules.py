"""What brokers and exchanges publish: Interactive Brokers, Alpaca, Binance, MEXC. Rates are data (`PUBLISHED`), with the page
that they were taken from and its date; every one can be given another value.

Rules: a figure stands here because a page says it; what could not be read is left out and `note` says so. Rates change: give
the ones of your account. Money is in US dollars or the pair's quote currency.
Limits: one account a run; rates do not follow the calendar (a run over ten years pays today's levies throughout).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from typing import Literal, NamedTuple

from onepath.errors import ConfigError
from onepath.instruments import ONE, ZERO
from onepath.simulator.commission import Charged, MonthVolume, Tier, amounts, ascending, limited, marginal
from onepath.simulator.slippage import BPS

_DAY = 86_400_000_000_000
_CENT = Decimal("0.01")
_MILLION = Decimal(1_000_000)
_D = Decimal


class Source(NamedTuple):
    """Where a schedule's figures were read."""

    url: str
    dated: str
    """the page's own date; where it has none, what it can be told by"""
    note: str = ""
    """what the page does not say, or could not be read"""


class Vip(NamedTuple):
    """One level of a crypto exchange: rates for who traded at least `above` in thirty days."""

    above: Decimal | None
    """in the quote currency; None: not published where we could read it"""
    maker_bps: Decimal
    taker_bps: Decimal


def _vips(*rows: tuple[str | None, str, str]) -> tuple[Vip, ...]:
    return tuple(Vip(None if a is None else _D(a), _D(m), _D(t)) for a, m, t in rows)


IBKR_TIERS = tuple(
    Tier(_D(above), per_share=_D(rate))
    for above, rate in (
        ("0", "0.0035"),
        ("300000", "0.0020"),
        ("3000000", "0.0015"),
        ("20000000", "0.0010"),
        ("100000000", "0.0005"),
    )
)
"""shares of the calendar month, "on a marginal basis" """

BINANCE_SPOT = _vips(
    ("0", "10", "10"),
    ("1000000", "9", "10"),
    ("5000000", "8", "10"),
    ("20000000", "7", "10"),
    ("120000000", "7", "9"),
    ("200000000", "6", "8"),
    ("500000000", "5", "7"),
    ("1000000000", "4", "6"),
    ("2500000000", "3", "5"),
    ("5000000000", "2", "4"),
)
BINANCE_USDM = _vips(
    ("0", "2", "5"),
    ("15000000", "1.6", "4"),
    (None, "1.4", "3.5"),
    (None, "1.2", "3.2"),
    (None, "1", "3"),
    (None, "0.8", "2.7"),
    (None, "0.6", "2.5"),
    (None, "0.4", "2.2"),
    (None, "0.2", "2"),
    (None, "0", "1.7"),
)
MEXC_SPOT = _vips(("0", "0", "5"))
MEXC_FUTURES = _vips(("0", "0", "2"))

_IBKR = Source(
    "https://www.interactivebrokers.co.uk/en/pricing/commissions-stocks.php?re=amer",
    "undated; its SEC fee of 27.80 a million places it between May 2024 and May 2025",
    "the cap of the FINRA fee is in a footnote that was not readable: taken from Alpaca's page. The minimum of fractional "
    "orders (0.01) is not modelled. How IBKR rounds is not published: nothing is rounded.",
)
PUBLISHED: Mapping[str, tuple[Source, ...]] = {
    "ibkr_fixed": (_IBKR,),
    "ibkr_tiered": (
        _IBKR,
        Source(
            "https://interactivebrokers.ca/en/index.php?f=713&nhf=T",
            "undated; its SEC fee of 8.00 a million places it between February 2023 and May 2024",
            "worked examples, and Nasdaq's 0.0030 (takes) and -0.0021 (adds) a share. Other exchanges differ; a page of 2015 "
            "has the same two. What IBKR caps clearing fees at was not readable.",
        ),
    ),
    "alpaca": (
        Source(
            "https://alpaca.markets/support/regulatory-fees",
            "undated; names CAT Fee 2025-2, and an SEC fee of 0.00 (since 14 May 2025)",
            "the SEC's order for fiscal 2026 (Federal Register 2026-04233) sets a new rate, which could not be read there: give "
            "sec_per_million. Rates of FINRA and CAT after 2025 could not be read either.",
        ),
        Source(
            "https://docs.alpaca.markets/docs/regulatory-fees",
            "undated; SEC fee of 27.80 a million",
            "fees are charged at the end of the day, each rounded up to the cent in all",
        ),
    ),
    "binance_spot": (
        Source(
            "https://www.binance.com/en/support/announcement/40669f3da342426c87b083b659673316",
            "2022-05-31",
            "the standard rates ('previous' on that page, which gave VIP 4 and above the rates of VIP 9 until further notice), "
            "in BUSD, with 25 % off when paid in BNB. Levels also ask for a balance of BNB, which is not modelled. Today's page "
            "could not be read; other sites show lower rates from VIP 3 on and the same for Regular, VIP 1 and VIP 2.",
        ),
        Source(
            "https://www.binance.com/en/support/faq/what-is-binance-spot-trading-fee-and-how-to-calculate-"
            "e85d6e703b874674840122196b89780a",
            "2022-03-24",
            "the fee is taken in what is received: of a buy of ETH/USDT in ETH; with an example of a buy and a sale",
        ),
    ),
    "binance_usdm": (
        Source(
            "https://docs.rs/crate/nautilus-binance/latest/source/src/common/fees.rs",
            "version 0.61.0",
            "second hand: Binance's own table is drawn by a script and could not be read. The volume of VIP 1 is Binance's "
            "announcement of 2021-12-15 (88ee9834fef947de96e01b77e888414e); those of higher levels were not readable, so a run's "
            "volume moves nobody beyond VIP 1: give `vip`.",
        ),
        Source(
            "https://www.binance.com/en-ZA/support/faq/binance-futures-fee-structure-fee-calculations-360033544231",
            "undated",
            "10 % off when paid in BNB",
        ),
    ),
    "mexc_spot": (
        Source("https://www.mexc.co/en-IN/learn/article/calculation-of-fees-in-spot-trading/1", "2025-07-16"),
        Source(
            "https://www.mexc.com/en-GB/learn/article/how-to-use-mx-token-for-mexc-trading-fee-discounts-get-up-to-50-off/1",
            "2025-09-02",
            "20 % off when paid in MX, 50 % for holders of 500 MX: give `discount`. Some pairs are free: give the rates.",
        ),
    ),
    "mexc_futures": (
        Source(
            "https://www.mexc.com/en-GB/learn/article/how-to-use-mx-token-for-mexc-trading-fee-discounts-get-up-to-50-off/1",
            "2025-09-02",
            "discounts as for spot. Contracts with rates of their own: give them.",
        ),
    ),
}


@dataclass(eq=False, kw_only=True)
class UsEquities:
    """Commission a share, by the month's shares, between a minimum an order and a share of its value; plus what regulators,
    clearing and exchanges take.

    Sales pay the SEC `sec_per_million` of their value and FINRA `taf_per_share`, at most `taf_maximum` an order; every trade
    pays `cat_per_share` and `clearing_per_share`, shares of the commission, and the exchange's fee a share (negative: a
    rebate). These come on top of minimum and maximum. `rounding`: `none`, or `day`: each regulatory fee of a day (UTC) is
    rounded up to the cent in all, so the fill that starts a new cent pays it.
    """

    tiers: Sequence[Tier] = (Tier(),)
    minimum: Decimal = ZERO
    maximum_share: Decimal | None = None
    sec_per_million: Decimal = ZERO
    taf_per_share: Decimal = ZERO
    taf_maximum: Decimal | None = None
    cat_per_share: Decimal = ZERO
    clearing_per_share: Decimal = ZERO
    nyse_of_commission: Decimal = ZERO
    finra_of_commission: Decimal = ZERO
    exchange_taker: Decimal = ZERO
    exchange_maker: Decimal = ZERO
    rounding: Literal["none", "day"] = "none"
    in_base = False
    rate = ZERO
    _month: MonthVolume = field(default_factory=MonthVolume, init=False, repr=False)
    _day: int = field(default=-1, init=False, repr=False)
    _levied: tuple[Decimal, ...] = field(default=(ZERO, ZERO, ZERO), init=False, repr=False)

    def __post_init__(self) -> None:
        self.tiers = ascending(self, self.tiers)
        if self.rounding not in ("none", "day"):
            raise ConfigError(f"{type(self).__name__}: rounding is {self.rounding!r}; it must be none or day")
        amounts(self, "minimum", "maximum_share", "sec_per_million", "taf_per_share", "taf_maximum", "cat_per_share")
        amounts(self, "clearing_per_share", "nyse_of_commission", "finra_of_commission")
        amounts(self, "exchange_taker", "exchange_maker", signed=True)

    def fee(self, c: Charged) -> Decimal:
        commission = self._commission(c, c.traded + c.quantity, c.worth + c.value) - self._commission(
            c, c.traded, c.worth
        )
        passed = commission * (self.nyse_of_commission + self.finra_of_commission)
        exchange = self.exchange_maker if c.maker else self.exchange_taker
        return commission + passed + c.quantity * (self.clearing_per_share + exchange) + self._regulatory(c)

    def book(self, c: Charged) -> None:
        self._month.add(c.at, c.quantity)
        if self.rounding == "day":
            self._levied = tuple(a + b for a, b in zip(self._so_far(c.at), self._levies(c), strict=True))
            self._day = c.at // _DAY

    def _commission(self, c: Charged, shares: Decimal, value: Decimal) -> Decimal:
        if not shares:
            return ZERO
        start = max(ZERO, self._month.at(c.at) - c.traded)
        return limited(marginal(self.tiers, start, shares, value, shares), value, self.minimum, self.maximum_share)

    def _regulatory(self, c: Charged) -> Decimal:
        levies = self._levies(c)
        if self.rounding == "none":
            return levies[0] + levies[1] + levies[2]
        return sum((_up(a + b) - _up(a) for a, b in zip(self._so_far(c.at), levies, strict=True)), ZERO)

    def _levies(self, c: Charged) -> tuple[Decimal, Decimal, Decimal]:
        """SEC, FINRA and CAT fees of this fill, unrounded."""
        cat = c.quantity * self.cat_per_share
        if not c.sells:
            return ZERO, ZERO, cat
        return c.value * self.sec_per_million / _MILLION, self._taf(c.traded + c.quantity) - self._taf(c.traded), cat

    def _taf(self, shares: Decimal) -> Decimal:
        owed = shares * self.taf_per_share
        return owed if self.taf_maximum is None else min(owed, self.taf_maximum)

    def _so_far(self, at: int) -> tuple[Decimal, ...]:
        return self._levied if at // _DAY == self._day else (ZERO, ZERO, ZERO)


def _up(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_UP)


@dataclass(eq=False, kw_only=True)
class IbkrFixed(UsEquities):
    """Interactive Brokers, US stocks and ETFs, fixed: 0.005 a share, 1.00 an order at least, 1 % of its value at most (which
    holds where it is less than the minimum), plus regulatory fees. Source: `PUBLISHED["ibkr_fixed"]`."""

    tiers: Sequence[Tier] = (Tier(per_share=Decimal("0.005")),)
    minimum: Decimal = ONE
    maximum_share: Decimal | None = Decimal("0.01")
    sec_per_million: Decimal = Decimal("27.80")
    taf_per_share: Decimal = Decimal("0.000166")
    taf_maximum: Decimal | None = Decimal("8.30")
    cat_per_share: Decimal = Decimal("0.000072")


@dataclass(eq=False, kw_only=True)
class IbkrTiered(IbkrFixed):
    """Interactive Brokers, US stocks and ETFs, tiered: 0.0035 a share, less with the month's shares, 0.35 an order at least,
    1 % of its value at most, plus regulatory, clearing and exchange fees; the exchange is Nasdaq unless other rates are given.
    Source: `PUBLISHED["ibkr_tiered"]`."""

    tiers: Sequence[Tier] = IBKR_TIERS
    minimum: Decimal = Decimal("0.35")
    clearing_per_share: Decimal = Decimal("0.00020")
    nyse_of_commission: Decimal = Decimal("0.000175")
    finra_of_commission: Decimal = Decimal("0.000563")
    exchange_taker: Decimal = Decimal("0.0030")
    exchange_maker: Decimal = Decimal("-0.0021")


@dataclass(eq=False, kw_only=True)
class Alpaca(UsEquities):
    """Alpaca, US stocks and ETFs: no commission; regulatory fees, each rounded up to the cent over a day.
    Source: `PUBLISHED["alpaca"]`."""

    taf_per_share: Decimal = Decimal("0.000166")
    taf_maximum: Decimal | None = Decimal("8.30")
    cat_per_share: Decimal = Decimal("0.0000265")
    rounding: Literal["none", "day"] = "day"


@dataclass(eq=False, kw_only=True)
class VipLevels:
    """A share of value by level, maker and taker. `vip` is the account's level; with `by_volume` the value that this run
    traded in the thirty days before the current one (UTC) can raise it. `discount` is the share of the fee that the
    exchange's own coin takes off: the fee is then paid in that coin, counted here as money at once, and not taken in the
    coin bought."""

    levels: Sequence[Vip]
    vip: int = 0
    by_volume: bool = False
    discount: Decimal = ZERO
    takes_base: bool = False
    maker_bps: Decimal | None = None
    """instead of the level's"""
    taker_bps: Decimal | None = None
    """instead of the level's"""
    _days: dict[int, Decimal] = field(default_factory=dict, init=False, repr=False)
    _now: tuple[int, int] = field(default=(-1, 0), init=False, repr=False)

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not (isinstance(self.vip, int) and 0 <= self.vip < len(self.levels)):
            raise ConfigError(
                f"{name}: vip is {self.vip!r}; it must be a whole number from 0 to {len(self.levels) - 1}"
            )
        amounts(self, "discount")
        amounts(self, "maker_bps", "taker_bps", signed=True)
        if self.discount > 1:
            raise ConfigError(f"{name}: discount is {self.discount}; it must be a share of the fee between 0 and 1")

    @property
    def in_base(self) -> bool:
        return self.takes_base and not self.discount

    @property
    def rate(self) -> Decimal:
        return max(ZERO, self._bps(self.vip, maker=False) / BPS)

    def fee(self, c: Charged) -> Decimal:
        return c.value * self._bps(self._level(c.at), maker=c.maker) / BPS

    def book(self, c: Charged) -> None:
        if self.by_volume:
            day = c.at // _DAY
            self._days[day] = self._days.get(day, ZERO) + c.value

    def _bps(self, level: int, *, maker: bool) -> Decimal:
        row = self.levels[level]
        own, published = (self.maker_bps, row.maker_bps) if maker else (self.taker_bps, row.taker_bps)
        return (published if own is None else own) * (ONE - self.discount)

    def _level(self, at: int) -> int:
        """The level of the day, by what the days before it traded."""
        if not self.by_volume:
            return self.vip
        day = at // _DAY
        if day != self._now[0]:
            traded = sum((value for d, value in self._days.items() if day - 30 <= d < day), ZERO)
            reached = [n for n, row in enumerate(self.levels) if row.above is not None and row.above <= traded]
            self._now = (day, max(self.vip, *reached))
        return self._now[1]


@dataclass(eq=False, kw_only=True)
class BinanceSpot(VipLevels):
    """Binance spot: `vip` 0 to 9; fees of buys in the coin bought. Paid in BNB (`discount` 0.25) they are not.
    Source: `PUBLISHED["binance_spot"]`."""

    levels: Sequence[Vip] = BINANCE_SPOT
    takes_base: bool = True


@dataclass(eq=False, kw_only=True)
class BinanceUsdm(VipLevels):
    """Binance USD-M futures: `vip` 0 to 9; `discount` 0.10 when paid in BNB. Source: `PUBLISHED["binance_usdm"]`."""

    levels: Sequence[Vip] = BINANCE_USDM


@dataclass(eq=False, kw_only=True)
class MexcSpot(VipLevels):
    """MEXC spot: makers free, takers 5 bps, taken in the quote currency. Source: `PUBLISHED["mexc_spot"]`."""

    levels: Sequence[Vip] = MEXC_SPOT


@dataclass(eq=False, kw_only=True)
class MexcFutures(VipLevels):
    """MEXC perpetual futures: makers free, takers 2 bps. Source: `PUBLISHED["mexc_futures"]`."""

    levels: Sequence[Vip] = MEXC_FUTURES


SCHEDULES: Mapping[str, Callable[..., UsEquities | VipLevels]] = {
    "ibkr_fixed": IbkrFixed,
    "ibkr_tiered": IbkrTiered,
    "alpaca": Alpaca,
    "binance_spot": BinanceSpot,
    "binance_usdm": BinanceUsdm,
    "mexc_spot": MexcSpot,
    "mexc_futures": MexcFutures,
}
"""by the name of the configuration"""
