"""The simulator against a slow and obvious reference, written from the table in section 4 of the design alone.

The reference knows one order at a time: money is no object here, so orders do not touch each other. Prices are whole
quarters, so that touching, gapping and standing still happen often.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from onepath.events import Fill
from onepath.instruments import Instrument
from onepath.market import Bar
from onepath.orders import Approved, Order, OrderType, Side, TimeInForce
from onepath.simulator.assumptions import Market, Terms
from onepath.simulator.commission import NoCommission
from onepath.simulator.latency import NoLatency
from onepath.simulator.slippage import FixedBps, NoSlippage
from onepath.simulator.venue import SimulatedVenue

MINUTE = 60_000_000_000
TICK = Decimal("0.25")


class Ask(NamedTuple):
    """An order of one unit, sent at the close of bar `sent` (0: before the first)."""

    sent: int
    buys: bool
    type: OrderType
    level: int
    """limit or stop, in ticks"""


class Shape(NamedTuple):
    """A bar in ticks: open, close, and how far high and low go beyond them."""

    open: int
    close: int
    up: int
    down: int


NEAR = st.integers(38, 43)
shapes = st.builds(Shape, NEAR, NEAR, st.integers(0, 2), st.integers(0, 2))
asks = st.builds(
    Ask,
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP]),
    st.integers(36, 45),
)


def bar(i: int, shape: Shape) -> Bar:
    tick = float(TICK)
    high, low = max(shape.open, shape.close) + shape.up, min(shape.open, shape.close) - shape.down
    values = (shape.open * tick, high * tick, low * tick, shape.close * tick, 1e9)
    return Bar("S", i * MINUTE, (i + 1) * MINUTE, *values)


def slipped(price: Decimal, buys: bool, share: Decimal, bar: Bar) -> Decimal:
    """Moved against the order, to the next tick, not beyond the bar."""
    moved = price * (1 + share if buys else 1 - share)
    moved = (moved / TICK).to_integral_value(ROUND_CEILING if buys else ROUND_FLOOR) * TICK
    return min(moved, Decimal(bar.high)) if buys else max(moved, Decimal(bar.low))


def in_bar(ask: Ask, bar: Bar, share: Decimal, touch: bool) -> tuple[int, Decimal] | None:
    """When within the bar and at what price the order trades: the table, a line each."""
    level, opened = ask.level * TICK, Decimal(bar.open)
    high, low = Decimal(bar.high), Decimal(bar.low)
    if ask.type is OrderType.MARKET:
        return 0, slipped(opened, ask.buys, share, bar)
    if ask.type is OrderType.LIMIT:
        if opened <= level if ask.buys else opened >= level:  # at the limit counts as better: nothing is lost by it
            return 0, opened
        through = low < level if ask.buys else high > level
        touched = low == level if ask.buys else high == level
        return (2, level) if through or (touch and touched) else None
    if opened >= level if ask.buys else opened <= level:
        return 0, slipped(opened, ask.buys, share, bar)
    hit = high >= level if ask.buys else low <= level
    return (1, slipped(level, ask.buys, share, bar)) if hit else None


def reference(asked: list[Ask], bars: list[Bar], share: Decimal, touch: bool) -> list[tuple[int, int, Decimal]]:
    """(bar, order, price) of every fill: bar by bar; within one by when it happens, sales of what is held first, by sending."""
    found_in: dict[int, list[tuple[int, int, Decimal]]] = {}
    for number, ask in enumerate(asked):
        for i, b in enumerate(bars):
            if i < ask.sent:
                continue
            found = in_bar(ask, b, share, touch)
            if found is not None:
                found_in.setdefault(i, []).append((found[0], number, found[1]))
                break
    fills, held = [], 0
    for i in sorted(found_in):
        now, owned = held, held > 0
        for phase in sorted({fill[0] for fill in found_in[i]}):
            first: list[tuple[int, int, Decimal]] = []
            then: list[tuple[int, int, Decimal]] = []
            for _, number, price in sorted(fill for fill in found_in[i] if fill[0] == phase):
                early = owned and not asked[number].buys and now > len(first)
                (first if early else then).append((i, number, price))
            fills += first + then
            now += sum(1 if asked[entry[1]].buys else -1 for entry in first + then)
        held = now
    return fills


def simulated(asked: list[Ask], bars: list[Bar], share: Decimal, touch: bool) -> list[tuple[int, int, Decimal]]:
    """The same from the simulated venue."""
    market = Market(FixedBps(share * 10_000) if share else NoSlippage(), NoCommission(), NoLatency(), None, touch)
    instrument = Instrument(symbol="S", tick_size=TICK, lot_size=Decimal(1))
    venue = SimulatedVenue({"S": instrument}, {"s": Terms(Decimal(10**9), Decimal(10))}, market)
    fills = []
    for i, b in enumerate(bars):
        for number, ask in enumerate(asked):
            if ask.sent == i:
                venue.submit(Approved(order(number, ask)), i * MINUTE)
        if "S" in venue.working:
            fills += [(i, f.order_id - 1, f.price) for f in venue.match([b]) if isinstance(f, Fill)]
    return fills


def order(number: int, ask: Ask) -> Order:
    prices: dict[str, Any] = {} if ask.type is OrderType.MARKET else {str(ask.type): ask.level * TICK}
    return Order(
        id=number + 1,
        strategy="s",
        symbol="S",
        side=Side.BUY if ask.buys else Side.SHORT,
        quantity=Decimal(1),
        type=ask.type,
        time_in_force=TimeInForce.GTC,
        submitted_at=ask.sent * MINUTE,
        **prices,
    )


@settings(max_examples=1_000, deadline=None)
@given(
    st.lists(shapes, min_size=1, max_size=9),
    st.lists(asks, min_size=1, max_size=6).map(lambda found: sorted(found, key=lambda ask: ask.sent)),
    st.sampled_from([Decimal(0), Decimal(0), Decimal("0.0007"), Decimal("0.05")]),
    st.booleans(),
)
def test_the_simulator_agrees_with_the_table(drawn: list[Shape], asked: list[Ask], share: Decimal, touch: bool) -> None:
    """Market, limit and stop orders fill in the same bar, in the same order and at the same price as the reference's."""
    bars = [bar(i, shape) for i, shape in enumerate(drawn)]
    assert simulated(asked, bars, share, touch) == reference(asked, bars, share, touch)


def test_the_reference_by_hand() -> None:
    """Three bars by hand: a limit in the gap, one at its limit, a stop over which the bar opens, a touch that does not fill."""
    bars = [bar(0, Shape(40, 44, 0, 2)), bar(1, Shape(36, 36, 0, 0)), bar(2, Shape(48, 47, 1, 0))]
    limit, stop = OrderType.LIMIT, OrderType.STOP
    expected = {
        Ask(0, True, limit, 41): (0, Decimal("10.00")),  # opens better, at 40 ticks
        Ask(0, True, limit, 39): (0, Decimal("9.75")),  # trades through 39 on the way to 38
        Ask(0, True, limit, 38): (1, Decimal("9.00")),  # only touched in bar 0, gapped over in bar 1
        Ask(0, False, stop, 39): (0, Decimal("9.75")),  # inside bar 0
        Ask(0, False, stop, 37): (1, Decimal("9.00")),  # bar 1 opens below it
        Ask(1, True, stop, 47): (2, Decimal("12.00")),  # bar 2 opens above it
        Ask(2, True, OrderType.MARKET, 0): (2, Decimal("12.00")),
    }
    for ask, (i, price) in expected.items():
        assert reference([ask], bars, Decimal(0), touch=False) == [(i, 0, price)], ask
        assert simulated([ask], bars, Decimal(0), touch=False) == [(i, 0, price)], ask


def test_the_worse_of_two_exits_comes_first() -> None:
    """Of a stop and a limit that one bar reaches, the stop trades first, whichever was sent first; the open is before both."""
    bars = [bar(0, Shape(40, 40, 4, 4))]
    limit, stop, at_open = (
        Ask(0, False, OrderType.LIMIT, 43),
        Ask(0, False, OrderType.STOP, 37),
        Ask(0, True, OrderType.MARKET, 0),
    )
    assert [price for _, _, price in simulated([limit, stop, at_open], bars, Decimal(0), touch=False)] == [
        Decimal("10.00"),
        Decimal("9.25"),
        Decimal("10.75"),
    ]
