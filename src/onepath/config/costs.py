"""What trading costs in a simulation: slippage, latency and commission, each a named model with its own parameters.

Rules: names and parameters are those of the models in `onepath.simulator`, which say what each assumes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from onepath.config.values import Amount, Milliseconds, Part, Positive, model_by_name


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


Slippage = Annotated[
    Annotated[NoSlippage | FixedBps | VolumeBased, Field(discriminator="model")], BeforeValidator(model_by_name)
]


class Latency(Part):
    """How long an order is on its way: normal, never below zero, drawn from the session's seed."""

    mean_ms: Milliseconds = 0.0
    """mean, in milliseconds"""
    std_ms: Milliseconds = 0.0
    """standard deviation, in milliseconds"""


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


Commission = Annotated[
    Annotated[NoCommission | BpsCommission | PerShareCommission, Field(discriminator="model")],
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
