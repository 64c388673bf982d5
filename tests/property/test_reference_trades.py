"""The venue on public trades alone against the slow reference: every order type, immediate and patient, post-only, reduce-only,
groups, replaces and cancels; the share of a trade that all orders may have. Prices are whole quarters, so that ties happen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from doubles import TICK
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_bars import Ref
from reference_trades import Trades
from test_reference_bars import Ask, Change, asks, changes
from test_reference_ticks import SECOND, ask_and_change, times
from test_reference_ticks import Double as TickDouble

from onepath.instruments import Instrument
from onepath.market import Trade
from onepath.simulator.assumptions import Market, Terms
from onepath.simulator.slippage import FixedBps, NoSlippage
from onepath.simulator.venue import SimulatedVenue


class Print(NamedTuple):
    """A trade: its price in ticks, its size."""

    price: int
    size: int


class Scene(NamedTuple):
    """All that happens."""

    prints: list[Print]
    asks: list[Ask]
    changes: list[Change]
    slip: int
    share: str | None
    touch: bool


scenes = st.builds(
    Scene,
    st.lists(st.builds(Print, st.integers(37, 44), st.sampled_from([1, 3, 8, 100])), min_size=2, max_size=8),
    st.lists(asks(st.integers(0, 4), time=times), min_size=1, max_size=5),
    st.lists(changes, max_size=2),
    st.sampled_from([0, 0, 300]),
    st.sampled_from([None, "1", "0.5"]),
    st.booleans(),
)


class Double(TickDouble):
    """The venue and the reference side by side."""

    reference: Any

    def __init__(self, scene: Scene) -> None:
        self.reference = Trades(
            Decimal(scene.slip) / 10_000, TICK, None if scene.share is None else Decimal(scene.share), scene.touch
        )
        self.marks: dict[str, Any] = {}
        slippage = FixedBps(Decimal(scene.slip)) if scene.slip else NoSlippage()
        market = Market(slippage, participation=self.reference.share, touch=scene.touch)
        instruments = {"S": Instrument(symbol="S", tick_size=TICK, lot_size=Decimal(1))}
        self.venue = SimulatedVenue(instruments, {"s": Terms(Decimal(10**9), Decimal(10))}, market, (), self.marks)
        self.start()

    def prints(self, seen: Print) -> None:
        self.at += SECOND
        trade = Trade("S", self.at, float(seen.price * TICK), float(seen.size))
        self.reference.trades(self.at, seen.price * TICK, Decimal(seen.size))
        if self.venue.working and self.venue.touches(trade):
            self.hear(self.venue.match([trade]))
        self.marks["S"] = trade


@settings(max_examples=4_000)
@given(scenes)
def test_trades_fill_as_the_rules_say(scene: Scene) -> None:
    """Every fill (order, quantity, price, time, maker), every end and every restated quantity is the reference's."""
    double, sent = Double(scene), list[Ref]()
    for i, seen in enumerate(scene.prints):
        double.prints(seen)
        double.check()
        ask_and_change(double, scene, i, sent)
