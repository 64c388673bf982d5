"""What trading costs in a simulation: slippage, latency and commission, each a named model with its own parameters.

Rules: names and parameters are those of the models in `onepath.simulator`, which say what each assumes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from onepath.config.values import Amount, Milliseconds, Moment, Part, Positive, Share, model_by_name, nanoseconds, wrong


class FixedBpsParams(Part):
    """Slippage of a fixed share of the price."""

    bps: Amount
    """hundredths of a percent that every fill is worse than the market's price"""


class VolumeBasedParams(Part):
    """Slippage that grows with the order's share of the bar's volume."""

    base_bps: Amount
    """hundredths of a percent that every fill is worse, however small"""
    volume_factor: Amount
    """what is added, as a share of the price, for an order as large as the bar's volume"""


class HalfSpreadParams(Part):
    """Slippage of half the bid-ask spread."""

    spread_bps: Amount
    """width of the market, in hundredths of a percent of the price; a taker pays half of it where the data show no spread"""


class VolumeShareParams(Part):
    """Slippage that grows with the square of the order's share of the bar's volume."""

    volume_limit: Share = Decimal("0.025")
    """largest share of the bar's volume that counts; also assumed where the volume is unknown"""
    price_impact: Amount = Decimal("0.1")
    """what the square of the share is multiplied with to give a share of the price"""


class SquareRootParams(Part):
    """Slippage by the square-root law of impact."""

    coefficient: Amount = Decimal(1)
    """what volatility x square root of the share of volume is multiplied with; about one"""
    volatility: Amount | None = None
    """standard deviation of the return over one bar, as a share (0.01 = 1 %); default: from the bar's range"""
    assumed_share: Amount = Decimal("0.1")
    """share of the volume that an order is taken to be where the volume is unknown"""


class NoParams(Part):
    """A model without parameters."""


class NoSlippage(Part):
    """Fills at the market's own price."""

    model: Literal["none"]
    """none"""
    params: NoParams = NoParams()
    """nothing to set"""


class FixedBps(Part):
    """Every fill is worse by a fixed share of the price."""

    model: Literal["fixed_bps"]
    """fixed_bps"""
    params: FixedBpsParams
    """bps"""


class VolumeBased(Part):
    """Fills get worse with the order's share of the bar's volume."""

    model: Literal["volume_based"]
    """volume_based"""
    params: VolumeBasedParams
    """base_bps and volume_factor"""


class HalfSpread(Part):
    """Every fill is worse by half the spread, unless the data show the spread."""

    model: Literal["half_spread"]
    """half_spread"""
    params: HalfSpreadParams
    """spread_bps"""


class VolumeShare(Part):
    """Fills get worse with the square of the order's share of the bar's volume."""

    model: Literal["volume_share"]
    """volume_share"""
    params: VolumeShareParams = VolumeShareParams()
    """volume_limit and price_impact"""


class SquareRoot(Part):
    """Fills get worse with volatility and the square root of the order's share of the bar's volume."""

    model: Literal["square_root"]
    """square_root"""
    params: SquareRootParams = SquareRootParams()
    """coefficient, volatility, assumed_share"""


Slippage = Annotated[
    Annotated[
        NoSlippage | FixedBps | HalfSpread | VolumeBased | VolumeShare | SquareRoot, Field(discriminator="model")
    ],
    BeforeValidator(model_by_name),
]


class Latency(Part):
    """How long an order is on its way, and its report back: never below zero, drawn from the session's seed."""

    model: Literal["normal", "constant", "samples"] = "normal"
    """normal: mean_ms and std_ms; constant: mean_ms; samples: each as likely"""
    mean_ms: Milliseconds = 0.0
    """mean of an order's way out, in milliseconds"""
    std_ms: Milliseconds = 0.0
    """its standard deviation (normal)"""
    back_mean_ms: Milliseconds = 0.0
    """mean of a report's way back, in milliseconds"""
    back_std_ms: Milliseconds = 0.0
    """its standard deviation (normal)"""
    samples_ms: tuple[Milliseconds, ...] = ()
    """delays of orders as they were measured (samples)"""
    back_samples_ms: tuple[Milliseconds, ...] = ()
    """delays of reports as they were measured (samples); none: reports arrive at once"""

    @model_validator(mode="after")
    def _of_the_model(self) -> Latency:
        if (self.model == "samples") != bool(self.samples_ms) or (self.back_samples_ms and not self.samples_ms):
            raise wrong(
                "samples_ms", "measured delays with model samples, such as [12, 15, 40], and with no other model"
            )
        if self.model == "samples" and (self.mean_ms or self.std_ms or self.back_mean_ms or self.back_std_ms):
            raise wrong("model", "normal or constant where there are means; samples takes samples_ms alone")
        if self.model == "constant" and (self.std_ms or self.back_std_ms):
            raise wrong("std_ms", "0 with model constant; model normal takes a standard deviation")
        return self


class Outage(Part):
    """When the venue takes nothing: orders are rejected, cancels and replaces refused."""

    start: Moment
    """from this moment on, such as 2023-01-31T14:30:00Z"""
    end: Moment
    """up to this moment"""

    @property
    def span_ns(self) -> tuple[int, int]:
        """Start and end in nanoseconds."""
        return nanoseconds(self.start), nanoseconds(self.end)

    @model_validator(mode="after")
    def _in_order(self) -> Outage:
        start, end = self.span_ns
        if start >= end:
            raise wrong("end", f"a moment after start ({self.start})")
        return self


Chance = Annotated[float, Field(ge=0, le=1)]


class Faults(Part):
    """What goes wrong at the simulated venue, drawn from the session's seed."""

    reject_rate: Chance = 0.0
    """share of orders that are rejected at random"""
    outages: tuple[Outage, ...] = ()
    """when nothing that arrives is taken"""
    delay_rate: Chance = 0.0
    """share of reports that come late"""
    delay_ms: Milliseconds = 0.0
    """how much later, in milliseconds; reports behind one wait for it"""


class BpsParams(Part):
    """A share of the order's value."""

    bps: Amount
    """hundredths of a percent of a fill's value"""
    minimum: Amount = Decimal(0)
    """least commission of an order, in its currency"""
    increment: Positive | None = None
    """what a commission is rounded to, such as 0.01; default: not rounded"""


class PerShareParams(Part):
    """An amount a share."""

    per_share: Amount
    """commission of one share, in its currency"""
    minimum: Amount = Decimal(0)
    """least commission of an order, in its currency"""
    maximum_share: Positive | None = None
    """largest commission of an order, as a share of its value; default: no limit"""
    increment: Positive | None = None
    """what a commission is rounded to, such as 0.01; default: not rounded"""


class NoCommission(Part):
    """Trading is free."""

    model: Literal["none"]
    """none"""
    params: NoParams = NoParams()
    """nothing to set"""


class BpsCommission(Part):
    """A share of the order's value."""

    model: Literal["bps"]
    """bps"""
    params: BpsParams
    """bps, minimum, increment"""


class PerShareCommission(Part):
    """An amount a share."""

    model: Literal["per_share"]
    """per_share"""
    params: PerShareParams
    """per_share, minimum, maximum_share, increment"""


class PerOrderParams(Part):
    """A flat amount."""

    amount: Amount
    """commission of one order, in its currency"""


class MakerTakerParams(Part):
    """A share of value that depends on who waited."""

    maker_bps: Decimal
    """hundredths of a percent of a fill that waited in the book; negative: a rebate"""
    taker_bps: Decimal
    """hundredths of a percent of a fill that took what was there; negative: a rebate"""
    in_base: bool = False
    """whether fees of buys are taken in the coin bought"""


class TierParams(Part):
    """One step of a tiered commission."""

    above: Amount
    """volume of the month beyond which it holds; the first is 0"""
    bps: Amount = Decimal(0)
    """hundredths of a percent of value"""
    per_share: Amount = Decimal(0)
    """money a unit"""


class TiersParams(Part):
    """Rates that fall with the month's volume."""

    tiers: tuple[TierParams, ...] = Field(min_length=1)
    """the steps, from 0 upwards"""
    by: Literal["quantity", "value"] = "value"
    """what the month's volume counts: units, or money"""
    minimum: Amount = Decimal(0)
    """least commission of an order, in its currency"""
    maximum_share: Positive | None = None
    """largest commission of an order, as a share of its value; default: no limit"""
    in_base: bool = False
    """whether fees of buys are taken in the coin bought"""


class UsRegulatoryParams(Part):
    """Rates of a US schedule instead of the published ones; what is left out is as published."""

    sec_per_million: Amount | None = None
    """SEC fee of sales, in dollars a million of value"""
    taf_per_share: Amount | None = None
    """FINRA trading activity fee of sales, in dollars a share"""
    taf_maximum: Amount | None = None
    """largest FINRA trading activity fee of an order, in dollars"""
    cat_per_share: Amount | None = None
    """consolidated audit trail fee, in dollars a share"""


class IbkrFixedParams(UsRegulatoryParams):
    """Rates instead of the published ones; what is left out is as published."""

    minimum: Amount | None = None
    """least commission of an order, in dollars"""
    maximum_share: Positive | None = None
    """largest commission of an order, as a share of its value"""
    tiers: tuple[TierParams, ...] | None = None
    """dollars a share (per_share) by shares of the month, from 0 upwards"""


class IbkrTieredParams(IbkrFixedParams):
    """Rates instead of the published ones; what is left out is as published."""

    clearing_per_share: Amount | None = None
    """clearing fees, in dollars a share"""
    nyse_of_commission: Amount | None = None
    """NYSE pass-through fee, as a share of the commission"""
    finra_of_commission: Amount | None = None
    """FINRA pass-through fee, as a share of the commission"""
    exchange_taker: Decimal | None = None
    """the exchange's fee of a fill that takes, in dollars a share; negative: a rebate"""
    exchange_maker: Decimal | None = None
    """the exchange's fee of a fill that waited, in dollars a share; negative: a rebate"""


class LevelParams(Part):
    """The account's terms at a crypto exchange; rates that are left out are as published."""

    vip: int | None = Field(default=None, ge=0)
    """level of the account; default: 0"""
    by_volume: bool | None = None
    """whether what the run trades in thirty days can raise the level; default: no"""
    discount: Annotated[Decimal, Field(ge=0, le=1)] | None = None
    """share of the fee that paying it in the exchange's own coin takes off, such as 0.25; default: none"""
    maker_bps: Decimal | None = None
    """hundredths of a percent of a fill that waited, instead of the level's"""
    taker_bps: Decimal | None = None
    """hundredths of a percent of a fill that took, instead of the level's"""


class PerOrderCommission(Part):
    """A flat amount an order."""

    model: Literal["per_order"]
    """per_order"""
    params: PerOrderParams
    """amount"""


class MakerTakerCommission(Part):
    """A share of value, less (or a rebate) for orders that waited in the book."""

    model: Literal["maker_taker"]
    """maker_taker"""
    params: MakerTakerParams
    """maker_bps, taker_bps, in_base"""


class TiersCommission(Part):
    """Rates that fall with what the run has traded in the calendar month."""

    model: Literal["tiers"]
    """tiers"""
    params: TiersParams
    """tiers, by, minimum, maximum_share, in_base"""


class IbkrFixedCommission(Part):
    """Interactive Brokers, US stocks, fixed pricing, as published."""

    model: Literal["ibkr_fixed"]
    """ibkr_fixed"""
    params: IbkrFixedParams = IbkrFixedParams()
    """other rates than the published ones"""


class IbkrTieredCommission(Part):
    """Interactive Brokers, US stocks, tiered pricing, as published."""

    model: Literal["ibkr_tiered"]
    """ibkr_tiered"""
    params: IbkrTieredParams = IbkrTieredParams()
    """other rates than the published ones"""


class AlpacaCommission(Part):
    """Alpaca, US stocks: no commission, regulatory fees as published."""

    model: Literal["alpaca"]
    """alpaca"""
    params: UsRegulatoryParams = UsRegulatoryParams()
    """other rates than the published ones"""


class ExchangeCommission(Part):
    """The crypto exchange's fees of makers and takers by level (VIP), as published: docs/costs.md."""

    model: Literal["binance_spot", "binance_usdm", "mexc_spot", "mexc_futures"]
    """binance_spot, binance_usdm, mexc_spot or mexc_futures"""
    params: LevelParams = LevelParams()
    """vip, by_volume, discount, maker_bps, taker_bps"""


Commission = Annotated[
    Annotated[
        NoCommission
        | BpsCommission
        | PerShareCommission
        | PerOrderCommission
        | MakerTakerCommission
        | TiersCommission
        | IbkrFixedCommission
        | IbkrTieredCommission
        | AlpacaCommission
        | ExchangeCommission,
        Field(discriminator="model"),
    ],
    BeforeValidator(model_by_name),
]


class PowerParams(Part):
    """How cancellations fall on those ahead and those behind."""

    power: float = Field(default=2.0, gt=0, le=100)
    """1: in proportion to the size on either side; larger: the longer part of the line loses more"""


class ThroughQueue(Part):
    """Filled only when the market goes beyond the price."""

    model: Literal["through"]
    """through"""
    params: NoParams = NoParams()
    """nothing to set"""


class FrontQueue(Part):
    """First in line: any trade at the price is ours (optimistic)."""

    model: Literal["front"]
    """front"""
    params: NoParams = NoParams()
    """nothing to set"""


class BackQueue(Part):
    """Last in line, and only trades bring the order forward (conservative)."""

    model: Literal["back"]
    """back"""
    params: NoParams = NoParams()
    """nothing to set"""


class ProbabilityQueue(Part):
    """Last in line; trades and a likely share of the cancellations bring the order forward."""

    model: Literal["probability"]
    """probability"""
    params: PowerParams = PowerParams()
    """power"""


Queue = Annotated[
    Annotated[ThroughQueue | FrontQueue | BackQueue | ProbabilityQueue, Field(discriminator="model")],
    BeforeValidator(model_by_name),
]
