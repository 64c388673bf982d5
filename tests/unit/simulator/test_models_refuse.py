"""Cost and fault models that cannot be are refused where they are made; what they are can be read from them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from onepath.errors import ConfigError
from onepath.simulator.commission import Tiers
from onepath.simulator.faults import Faults
from onepath.simulator.latency import Samples
from onepath.simulator.schedules import BinanceSpot, IbkrTiered

D = Decimal

BAD: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: Tiers([{"above": 0, "bsp": 1}]),
        r"a tier has no 'bsp' \(did you mean 'bps'\?\); it has above, bps, per_share",
    ),
    (lambda: Tiers([{"above": 0, "bps": 1}], by="volume"), "by is 'volume'; it must be quantity or value"),  # type: ignore[arg-type]
    (lambda: BinanceSpot(vip=10), "vip is 10; it must be a whole number from 0 to 9"),
    (lambda: BinanceSpot(vip=-1), "vip is -1; it must be a whole number from 0 to 9"),
    (lambda: BinanceSpot(discount=D("1.01")), "discount is 1.01; it must be a share of the fee between 0 and 1"),
    (lambda: IbkrTiered(rounding="cent"), "rounding is 'cent'; it must be none or day"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "said"), BAD, ids=[said[:20] for _, said in BAD])
def test_what_cannot_be_is_refused(make: Callable[[], Any], said: str) -> None:
    """A misspelt tier, a level that the exchange does not have, a discount of more than all: one sentence."""
    with pytest.raises(ConfigError, match=said):
        make()


def test_models_say_what_they_are() -> None:
    """Seeds and shares of faults, numbers of measured delays: what a manifest or an error shows."""
    faults = Faults(seed=7, reject_rate=0.1, outages=[(1, 5)], delay_rate=0.5, delay_ms=20)
    assert repr(faults) == "Faults(seed=7, reject_rate=0.1, outages=[(1, 5)], delay_rate=0.5, delay_ms=20)"
    assert repr(Samples([1, 2, 3], seed=4, back=[5])) == "Samples(3 delays of orders, 1 of reports, seed=4)"


def test_the_end_of_an_outage_is_not_in_it() -> None:
    """Out from 1 to 5: down at 1 and 4, back at 5."""
    faults = Faults(outages=[(1, 5)])
    assert [faults.down(at) for at in (0, 1, 4, 5)] == [False, True, True, False]
