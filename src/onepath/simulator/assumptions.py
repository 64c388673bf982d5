"""What the simulated venue assumes: the named models of a market, and the terms of an account.

Rules: everything here is a value that is given and never changes; a model with a state of its own is copied by the venue, so
that one run does not use up the delays or the volume tiers of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from onepath.accounts import AccountTerms
from onepath.instruments import ONE
from onepath.market import Bar
from onepath.simulator import actions
from onepath.simulator.commission import Commission, NoCommission
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Latency, NoLatency
from onepath.simulator.queues import QueueModel, Through
from onepath.simulator.slippage import NoSlippage, Slippage


class Path(Protocol):
    """Finer bars in step with the bars of a run."""

    def within(self, bar: Bar) -> Sequence[Bar]:
        """Those of one bar, in time order; none: the bar is its own path."""
        ...


class Finer(Protocol):
    """Where finer bars come from; see `feeds.finer`."""

    symbols: frozenset[str]
    volumes: frozenset[str]

    def opened(self) -> Path: ...


class Market(NamedTuple):
    """What the venue assumes: see the model of each name."""

    slippage: Slippage = NoSlippage()
    commission: Commission = NoCommission()
    latency: Latency = NoLatency()
    participation: Decimal | None = Decimal("0.1")
    touch: bool = False
    queue: QueueModel = Through()
    faults: Faults | None = None
    orders: actions.OrderRules = actions.REDUCE
    """what corporate actions make of open orders"""
    finer: Finer | None = None
    """what tells the path inside a bar"""

    @property
    def expected_cost(self) -> Decimal:
        """The share of an order's value that fees and slippage are expected to take, for sizing."""
        return self.commission.rate + self.slippage.typical


class Terms(NamedTuple):
    """The plainest terms of a strategy's account; see `AccountTerms` for all of them."""

    capital: Decimal
    leverage: Decimal = ONE
    allow_short: bool = True

    def full(self) -> AccountTerms:
        """The same, with everything else as it is by default."""
        return AccountTerms(capital=self.capital, leverage=self.leverage, allow_short=self.allow_short)
