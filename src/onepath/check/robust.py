"""Sensitivity: what is left where trading costs more, or where every order comes one bar later.

Rules: the plan is run again with the same data and strategies; only what the venue assumes changes. Added costs come on top of
what is configured, per side of a trade; sizing expects them as it expects all costs. A delay of one bar is latency as long as a
bar (one second where the data are ticks).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from onepath.check.runs import Make, Run, run
from onepath.instruments import ZERO
from onepath.report.metrics import table
from onepath.session import Plan
from onepath.simulator.commission import NoCommission
from onepath.simulator.latency import Latency
from onepath.simulator.slippage import BPS, NoSlippage, Seen, Slippage

ADDED = (5, 10, 20, 50)
"""basis points a side"""
_MOST = Decimal("0.99")
_SECOND = 1_000_000_000


class Case(NamedTuple):
    """One way things might have been, and what came of it."""

    label: str
    total_return: float
    sharpe: float
    max_drawdown: float
    trades: float


class AddedSlippage:
    """Another model's slippage and a fixed share on top."""

    def __init__(self, model: Slippage, share: Decimal) -> None:
        self._model = model
        self._share = share

    def share(self, quantity: Decimal, seen: Seen) -> Decimal:
        return min(self._model.share(quantity, seen) + self._share, _MOST)

    @property
    def typical(self) -> Decimal:
        return self._model.typical + self._share


class Later:
    """Another model's latency and a fixed time on top."""

    def __init__(self, model: Latency, nanoseconds: int) -> None:
        self._model = model
        self._nanoseconds = nanoseconds

    def outward(self) -> int:
        return self._model.outward() + self._nanoseconds

    def homeward(self) -> int:
        return self._model.homeward()


def costs(make: Make, whole: Run, step: Callable[[str], None]) -> list[Case]:
    """Without costs, as configured, and with more."""
    cases = [_case("no costs", make, _free, step), _judged("as configured", whole)]
    return cases + [_case(f"+{bps} bps a side", make, _dearer(Decimal(bps) / BPS), step) for bps in ADDED]


def delay(make: Make, whole: Run, step: Callable[[str], None]) -> list[Case]:
    """As configured, and with every order one bar later."""
    interval = int(whole.session.plan.data.get("interval_ns") or 0)
    label = "one bar later" if interval else "one second later"
    return [_judged("as configured", whole), _case(label, make, _delayed(interval or _SECOND), step)]


def break_even(cases: list[Case]) -> float | None:
    """Added basis points a side at which nothing is earned, by straight lines between the cases; None where there are none:
    nothing is earned as configured, or still something with the highest costs."""
    levels = list(zip((0, *ADDED), cases[1:], strict=True))
    for (low, one), (high, two) in pairwise(levels):
        if one.total_return > 0 >= two.total_return:
            return low + (high - low) * one.total_return / (one.total_return - two.total_return)
    return None


def _case(label: str, make: Make, change: Callable[[Plan], Plan], step: Callable[[str], None]) -> Case:
    step(f"sensitivity: {label}")
    return _judged(label, run(change(make())))


def _judged(label: str, done: Run) -> Case:
    found = table(done.analysis())
    names = ("total_return", "sharpe", "max_drawdown", "trades")
    return Case(label, *(found[name].value for name in names))


def _free(plan: Plan) -> Plan:
    return plan._replace(
        market=plan.market._replace(slippage=NoSlippage(), commission=NoCommission()), expected_cost=ZERO
    )


def _dearer(share: Decimal) -> Callable[[Plan], Plan]:
    def change(plan: Plan) -> Plan:
        market = plan.market._replace(slippage=AddedSlippage(plan.market.slippage, share))
        cost = plan.expected_cost
        return plan._replace(market=market, expected_cost=None if cost is None else cost + share)

    return change


def _delayed(nanoseconds: int) -> Callable[[Plan], Plan]:
    return lambda plan: plan._replace(market=plan.market._replace(latency=Later(plan.market.latency, nanoseconds)))
