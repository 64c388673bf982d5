"""The venue on bars against the slow reference: every order type, time in force, flag, bracket and group, with replaces and
cancels that arrive between bars and inside them. Prices are whole quarters near ten, so that touches, gaps and ties happen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from doubles import TICK, Beside
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_bars import Bars, Candle, Ref

from onepath.instruments import Instrument
from onepath.market import Bar
from onepath.orders import Approved, Order, OrderType, Side, TimeInForce
from onepath.simulator.assumptions import Market, Terms
from onepath.simulator.latency import Constant, NoLatency
from onepath.simulator.slippage import FixedBps, NoSlippage
from onepath.simulator.venue import SimulatedVenue

HOUR = 3_600_000_000_000
STEP = 8 * HOUR
"""three bars a day"""
DAY = 24 * HOUR
D = Decimal
TYPES = ("market", "limit", "limit", "stop", "stop_limit", "trailing_stop")
TIMES = ("gtc", "gtc", "gtc", "day", "gtd", "ioc", "fok", "at_open", "at_close")


class Ask(NamedTuple):
    """An order in ticks, sent after bar `sent`."""

    sent: int
    side: str
    type: str
    time: str
    quantity: int
    limit: int
    stop: int
    trail: int
    percent: bool
    flag: str
    """post, reduce, group or nothing"""
    lasts: int
    """when GTD ends, in quarters of a bar"""


class Change(NamedTuple):
    """A cancel or a replace of one of the orders, sent after bar `sent`."""

    sent: int
    which: int
    cancels: bool
    quantity: int
    move: int
    """of its prices, in ticks"""


class Family(NamedTuple):
    """Children of the order of this number: a stop and a limit."""

    which: int
    kinds: tuple[Ask, ...]


class Shape(NamedTuple):
    """A bar in ticks: open, close, and how far high and low go beyond them; and its volume."""

    open: int
    close: int
    up: int
    down: int
    volume: int


class Scene(NamedTuple):
    """All that happens."""

    shapes: list[Shape]
    asks: list[Ask]
    families: list[Family]
    changes: list[Change]
    share: str | None
    touch: bool
    slip: int
    late: int
    """how long messages take, in quarters of a bar"""


NEAR = st.integers(38, 43)
LEVEL = st.integers(36, 45)
shapes = st.builds(Shape, NEAR, NEAR, st.integers(0, 2), st.integers(0, 2), st.sampled_from([1000, 10, 0]))


def asks(sent: st.SearchStrategy[int], **fixed: Any) -> st.SearchStrategy[Ask]:
    free: dict[str, Any] = {
        "sent": sent,
        "side": st.sampled_from(["buy", "sell", "short", "cover"]),
        "type": st.sampled_from(TYPES),
        "time": st.sampled_from(TIMES),
        "quantity": st.integers(1, 8),
        "limit": LEVEL,
        "stop": LEVEL,
        "trail": st.integers(1, 4),
        "percent": st.booleans(),
        "flag": st.sampled_from(["", "", "", "post", "reduce", "group"]),
        "lasts": st.integers(0, 12),
    }
    return st.builds(Ask, **{**free, **fixed})


children = asks(
    st.just(0), time=st.sampled_from(["gtc", "gtc", "day", "gtd"]), flag=st.sampled_from(["", "", "post", "reduce"])
)
changes = st.builds(Change, st.integers(1, 4), st.integers(0, 5), st.booleans(), st.integers(1, 10), st.integers(-2, 2))
scenes = st.builds(
    Scene,
    st.lists(shapes, min_size=3, max_size=6),
    st.lists(asks(st.integers(0, 3)), min_size=1, max_size=4),
    st.lists(st.builds(Family, st.integers(0, 3), st.tuples(children, children)), max_size=1),
    st.lists(changes, max_size=2),
    st.sampled_from([None, "1", "0.5"]),
    st.booleans(),
    st.sampled_from([0, 0, 300]),
    st.sampled_from([0, 0, 2, 4]),
)  # fmt: skip


def candle(i: int, shape: Shape) -> Candle:
    high, low = max(shape.open, shape.close) + shape.up, min(shape.open, shape.close) - shape.down
    prices = (shape.open * TICK, high * TICK, low * TICK, shape.close * TICK)
    return Candle(i * STEP, (i + 1) * STEP, *prices, Decimal(shape.volume))


def reference(id_: int, ask: Ask, parent: Ref | None) -> Ref:
    """The order in the reference's words."""
    kind, time = ask.type, ask.time
    if time in ("at_open", "at_close") and kind not in ("market", "limit"):
        kind = "limit"
    post = ask.flag == "post" and kind == "limit" and time in ("gtc", "day", "gtd")
    quantity = ask.quantity if parent is None else min(ask.quantity, int(parent.quantity))
    trails = kind == "trailing_stop"
    return Ref(
        id_,
        ask.side if parent is None else {1: "sell", -1: "cover"}[parent.sign],
        quantity,
        kind,
        time,
        limit=ask.limit * TICK if kind in ("limit", "stop_limit") else None,
        stop=ask.stop * TICK if kind in ("stop", "stop_limit") else None,
        trail=ask.trail * TICK if trails and not ask.percent else None,
        percent=Decimal(ask.trail) if trails and ask.percent else None,
        expires=(ask.sent + 1) * STEP + ask.lasts * STEP // 4 if time == "gtd" else None,
        post=post,
        reduce=ask.flag == "reduce",
        group="g" if ask.flag == "group" and parent is None else "",
        parent=parent,
    )


def real(ref: Ref, at: int) -> Order:
    """The same in the venue's words."""
    return Order(
        id=ref.id,
        strategy="s",
        symbol="S",
        side=Side(ref.side),
        quantity=ref.quantity,
        type=OrderType(ref.type),
        time_in_force=TimeInForce(ref.time),
        submitted_at=at,
        limit=ref.limit,
        stop=ref.stop,
        trail=ref.trail,
        trail_percent=ref.percent,
        expires_at=ref.expires,
        reduce_only=ref.reduce,
        post_only=ref.post,
        parent_id=None if ref.parent is None else ref.parent.id,
        group=ref.group,
    )


class Double(Beside):
    """The venue and the reference side by side, driven as the loop drives a venue."""

    def __init__(self, scene: Scene) -> None:
        self.late = scene.late * STEP // 4
        slip = Decimal(scene.slip) / 10_000
        share = None if scene.share is None else Decimal(scene.share)
        self.reference = Bars(share, scene.touch, slip, TICK, DAY)
        self.marks: dict[str, Any] = {}
        market = Market(
            FixedBps(Decimal(scene.slip)) if scene.slip else NoSlippage(),
            latency=Constant(scene.late * 2 * 3_600_000) if scene.late else NoLatency(),
            participation=share,
            touch=scene.touch,
        )
        instruments = {"S": Instrument(symbol="S", tick_size=TICK, lot_size=Decimal(1))}
        terms = {"s": Terms(Decimal(10**9), Decimal(10))}
        self.venue = SimulatedVenue(instruments, terms, market, ("S",), self.marks)
        self.begin()

    def send(self, ref: Ref, at: int) -> None:
        order = self.orders[ref.id] = real(ref, at)
        self.reference.send(ref, at + self.late)
        if not self.late:
            self.reference.until(at)
        self.hear(self.venue.submit(Approved(order), at))

    def change(self, ref: Ref, change: Change, at: int) -> None:
        if change.cancels:
            self.reference.cancel(ref, at + self.late)
            if not self.late:
                self.reference.until(at)
            self.hear(self.venue.cancel(ref.id, at))
            return
        terms, amended = self.amended(ref.id, change.quantity, change.move)
        self.reference.replace(ref, at + self.late, terms)
        if not self.late:
            self.reference.until(at)
        self.hear(self.venue.replace(amended, at))

    def bar(self, candle: Candle) -> None:
        self.reference.bar(candle)
        venue = self.venue
        while venue.due <= candle.at:
            self.hear(venue.advance(venue.due))
        prices = (float(p) for p in candle[2:])
        bar = Bar("S", candle.start, candle.at, *prices)
        if venue.working and venue.touches(bar):
            self.hear(venue.match([bar]))
        self.marks["S"] = bar

    def check(self, at: int) -> None:
        refs = self.reference
        assert self.fills == refs.fills
        assert {o.id: o.end for o in refs.orders if o.end} == self.ends
        assert {o.id: o.quantity for o in refs.orders if o.arrived and not o.end} == {
            o.id: o.quantity for o in self.venue.open_orders() if o.submitted_at + self.late <= at
        }
        assert self.venue.positions().get(("s", "S"), Decimal(0)) == refs.held


def play(scene: Scene) -> Double:
    """Run a scene; the two are compared after every step."""
    double = Double(scene)
    sent: list[Ref] = []
    numbers = iter(range(1, 100))
    for i, shape in enumerate(scene.shapes):
        double.bar(candle(i, shape))
        at = (i + 1) * STEP
        double.check(at)
        for number, ask in enumerate(scene.asks):
            if ask.sent == i:
                parent = reference(next(numbers), ask, None)
                kinds = [kind for family in scene.families if family.which == number for kind in family.kinds]
                kids = [reference(next(numbers), kind._replace(sent=i), parent) for kind in kinds]
                for ref in (parent, *kids):
                    double.send(ref, at)
                    sent.append(ref)
        for change in scene.changes:
            if change.sent == i and change.which < len(sent):
                double.change(sent[change.which], change, at)
        double.check(at)
    return double


@settings(max_examples=6_000)
@given(scenes)
def test_bars_fill_as_the_rules_say(scene: Scene) -> None:
    """Every fill (order, quantity, price, time, maker), every end and every restated quantity is the reference's."""
    play(scene)
