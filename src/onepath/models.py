"""The models of the market by name: from what a configuration chose, or a word or dict in Python, to the object.

Rules: which class stands for which name is decided here and nowhere else. In Python a model may be an object, its class where it
needs no parameters, its name, or `{"model": name, "params": {...}}`: as in a file, and checked by the same schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from onepath.errors import ConfigError
from onepath.nearest import nearest
from onepath.simulator.actions import OrderRules
from onepath.simulator.commission import Bps, Commission, MakerTaker, NoCommission, PerOrder, PerShare, Tiers
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Constant, Latency, NoLatency, NormalLatency, Samples
from onepath.simulator.queues import Back, Front, Probability, QueueModel, Through
from onepath.simulator.schedules import SCHEDULES
from onepath.simulator.slippage import (
    FixedBps,
    HalfSpread,
    NoSlippage,
    Slippage,
    SquareRoot,
    VolumeBased,
    VolumeShare,
)

if TYPE_CHECKING:
    from onepath.config import costs

SLIPPAGE: Mapping[str, Callable[..., Slippage]] = {
    "none": NoSlippage,
    "fixed_bps": FixedBps,
    "half_spread": HalfSpread,
    "volume_based": VolumeBased,
    "volume_share": VolumeShare,
    "square_root": SquareRoot,
}
COMMISSION: Mapping[str, Callable[..., Commission]] = {
    "none": NoCommission,
    "bps": Bps,
    "per_share": PerShare,
    "per_order": PerOrder,
    "maker_taker": MakerTaker,
    "tiers": Tiers,
    **SCHEDULES,
}
QUEUE: Mapping[str, Callable[..., QueueModel]] = {
    "through": Through,
    "front": Front,
    "back": Back,
    "probability": Probability,
}
_NAMED: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "slippage": SLIPPAGE,
    "commission": COMMISSION,
    "queue": QUEUE,
}
_SPEAKS = {
    "slippage": ("share", "typical"),
    "commission": ("fee", "book", "rate", "in_base"),
    "queue": ("join", "watches"),
    "latency": ("outward", "homeward"),
    "faults": ("refusal", "down", "delay"),
}
"""what an object has to have to be such a model"""
_SAMPLE = {
    "slippage": "onepath.FixedBps(2)",
    "commission": "onepath.PerShare(0.005)",
    "queue": "onepath.Back()",
    "latency": "onepath.Constant(ms=5)",
    "faults": "onepath.Faults(reject_rate=0.01)",
}
_DICT = {
    "slippage": '{"model": "fixed_bps", "params": {"bps": 2}}',
    "commission": '{"model": "per_share", "params": {"per_share": 0.005}}',
    "queue": '{"model": "probability", "params": {"power": 2}}',
    "latency": '{"model": "constant", "mean_ms": 5}',
    "faults": '{"reject_rate": 0.01}',
}


def chosen(part: str, choice: Any) -> Any:
    """The model that a configuration chose for slippage, commission or queue."""
    return _NAMED[part][choice.model](**choice.params.model_dump(exclude_none=True))


def latency(choice: costs.Latency, seed: int) -> Latency:
    """The delays that a configuration chose."""
    if choice.model == "samples":
        return Samples(choice.samples_ms, seed, choice.back_samples_ms)
    if not (choice.mean_ms or choice.std_ms or choice.back_mean_ms or choice.back_std_ms):
        return NoLatency()
    if choice.model == "constant":
        return Constant(choice.mean_ms, choice.back_mean_ms)
    return NormalLatency(choice.mean_ms, choice.std_ms, seed, choice.back_mean_ms, choice.back_std_ms)


def faults(choice: costs.Faults, seed: int) -> Faults | None:
    """What a configuration lets go wrong; None where nothing does."""
    if not (choice.reject_rate or choice.outages or choice.delay_rate):
        return None
    return Faults(
        seed,
        reject_rate=choice.reject_rate,
        outages=[outage.span_ns for outage in choice.outages],
        delay_rate=choice.delay_rate,
        delay_ms=choice.delay_ms,
    )


def order_rules(dividends: str, reverse_splits: str) -> OrderRules:
    """What corporate actions do to open orders, in the words of a configuration. Raises ConfigError for other words."""
    if dividends not in ("reduce", "keep"):
        raise ConfigError(
            f"dividends is {dividends!r}; it must be reduce (a cash dividend lowers open buy limits and sell stops) or keep"
        )
    if reverse_splits not in ("restate", "cancel"):
        raise ConfigError(
            f"reverse_splits is {reverse_splits!r}; it must be restate or cancel: what becomes of open orders"
        )
    return OrderRules(reduce=dividends == "reduce", cancel_reverse=reverse_splits == "cancel")


def given(part: str, what: Any, seed: int) -> Any:
    """The model that was given in Python for `part` (slippage, commission, queue, latency, faults), None for none.

    Raises ConfigError with one sentence for what is no such model.
    """
    if what is None:
        return None
    if isinstance(what, Mapping) or (isinstance(what, str) and what in _NAMED.get(part, ())):
        from onepath.config import part_of_execution

        choice = part_of_execution(part, what)
        if part == "latency":
            return latency(choice, seed)
        return faults(choice, seed) if part == "faults" else chosen(part, choice)
    made = _made(part, what) if isinstance(what, type) else what
    if not all(hasattr(made, name) for name in _SPEAKS[part]):
        raise ConfigError(_no_model(part, what))
    return made


def _made(part: str, kind: type) -> Any:
    try:
        return kind()
    except TypeError:
        raise ConfigError(
            f"{part} is the class {kind.__name__}, which needs parameters: give {kind.__name__}(...)"
        ) from None


def _no_model(part: str, what: Any) -> str:
    known = list(_NAMED.get(part, ()))
    share = "a share of value between 0 and 1 (0.001 = 10 bps), " if part in ("commission", "slippage") else ""
    names = f", a name ({', '.join(known)})" if known else ""
    found = f"{what!r}{nearest(what, known)}" if isinstance(what, str) else repr(what)
    return (
        f"{part} is {found}; it must be {share}a model such as {_SAMPLE[part]}{names} or a dict such as {_DICT[part]}"
    )
