"""The venue on quotes and on books against the slow reference: every order type, immediate and patient, post-only, reduce-only,
groups, replaces and cancels; sizes that are given once. Prices are whole quarters, so that locked prices and ties happen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from doubles import TICK, Beside
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_bars import Ref
from reference_ticks import Ticks
from test_reference_bars import Ask, Change, asks, real
from test_reference_bars import reference as worded

from onepath.book import Book
from onepath.instruments import Instrument
from onepath.market import Quote
from onepath.orders import Approved
from onepath.simulator.assumptions import Market, Terms
from onepath.simulator.slippage import FixedBps, NoSlippage
from onepath.simulator.venue import SimulatedVenue

SECOND = 1_000_000_000


class Look(NamedTuple):
    """A market in ticks: the best ask, how far below it the bid is, and the sizes from the best on."""

    ask: int
    wide: int
    asks: tuple[int, ...]
    bids: tuple[int, ...]
    same: bool
    """nothing is said anew: the market of before"""


class Scene(NamedTuple):
    """All that happens."""

    book: bool
    looks: list[Look]
    asks: list[Ask]
    changes: list[Change]
    slip: int


SIZE = st.sampled_from([1, 2, 5, 40])
looks = st.builds(
    Look,
    st.integers(38, 44),
    st.integers(1, 2),
    st.tuples(st.sampled_from([0, 1, 3, 40]), SIZE, SIZE),
    st.tuples(st.sampled_from([0, 1, 3, 40]), SIZE, SIZE),
    st.booleans(),
)
times = st.sampled_from(["gtc", "gtc", "ioc", "fok"])
scenes = st.builds(
    Scene,
    st.booleans(),
    st.lists(looks, min_size=2, max_size=6),
    st.lists(asks(st.integers(0, 3), time=times), min_size=1, max_size=5),
    st.lists(
        st.builds(Change, st.integers(0, 4), st.integers(0, 4), st.booleans(), st.integers(1, 10), st.integers(-2, 2)),
        max_size=2,
    ),
    st.sampled_from([0, 0, 300]),
)


class Double(Beside):
    """The venue and the reference side by side."""

    def __init__(self, scene: Scene) -> None:
        self.reference = Ticks(Decimal(scene.slip) / 10_000, TICK, book=scene.book)
        self.marks: dict[str, Any] = {}
        slippage = FixedBps(Decimal(scene.slip)) if scene.slip else NoSlippage()
        instruments = {"S": Instrument(symbol="S", tick_size=TICK, lot_size=Decimal(1))}
        terms = {"s": Terms(Decimal(10**9), Decimal(10))}
        quoted = ("S",) if scene.book else ()
        self.venue = SimulatedVenue(instruments, terms, Market(slippage, participation=None), (), self.marks, quoted)
        self.start()
        self.book = Book("S", check="none") if scene.book else None

    def start(self) -> None:
        """Nothing has happened yet."""
        self.book: Book | None = None
        self.begin()
        self.at = 0

    def look(self, look: Look) -> None:
        self.at += SECOND
        event, named = self._event(look) if self.book is not None else (self._quote(look), set())
        if self.book is not None:
            sides = [[(Decimal(p), Decimal(s)) for p, s in self.book.walk(sign)] for sign in (-1, 1)]
        else:
            sides = [[(Decimal(event.ask), Decimal(event.ask_size))], [(Decimal(event.bid), Decimal(event.bid_size))]]
        self.reference.shows(self.at, sides[0], sides[1], named)
        if self.venue.working and self.venue.touches(event):
            self.hear(self.venue.match([event]))
        self.marks["S"] = event

    def _quote(self, look: Look) -> Quote:
        last = self.marks.get("S")
        if look.same and last is not None:
            return Quote("S", self.at, last.bid, last.ask, last.bid_size, last.ask_size)
        ask, bid = look.ask * TICK, (look.ask - look.wide) * TICK
        return Quote("S", self.at, float(bid), float(ask), float(look.bids[0]), float(look.asks[0]))

    def _event(self, look: Look) -> tuple[Any, set[tuple[int, Decimal]]]:
        book, tick = self.book, float(TICK)
        assert book is not None
        if look.same and book.ready:
            best = book.ask
            update = book.update(self.at, (), ((best, 7.0),))
            return update, {(1, Decimal(best))}
        asks = {(look.ask + k) * tick: float(size) for k, size in enumerate((look.asks[0] or 3, *look.asks[1:]))}
        lower = look.ask - look.wide
        bids = {(lower - k) * tick: float(size) for k, size in enumerate((look.bids[0] or 3, *look.bids[1:]))}
        if book.ready:
            asks |= {p: 0.0 for p, _ in book.levels(-1) if p < look.ask * tick}
            bids |= {p: 0.0 for p, _ in book.levels(1) if p > lower * tick}
        update = book.update(self.at, tuple(bids.items()), tuple(asks.items()), snapshot=not book.ready)
        return update, {(1, Decimal(p)) for p in asks} | {(-1, Decimal(p)) for p in bids}

    def send(self, ref: Ref) -> None:
        order = self.orders[ref.id] = real(ref, self.at)
        self.reference.send(ref)
        self.hear(self.venue.submit(Approved(order), self.at))

    def change(self, ref: Ref, change: Change) -> None:
        if change.cancels:
            self.reference.cancel(ref)
            self.hear(self.venue.cancel(ref.id, self.at))
            return
        terms, amended = self.amended(ref.id, change.quantity, change.move)
        self.reference.replace(ref, terms)
        self.hear(self.venue.replace(amended, self.at))

    def check(self) -> None:
        refs = self.reference
        assert self.fills == refs.fills
        assert {o.id: o.end for o in refs.orders if o.end} == self.ends
        assert {o.id: o.quantity for o in refs.orders if not o.end} == {
            o.id: o.quantity for o in self.venue.open_orders()
        }
        assert self.venue.positions().get(("s", "S"), Decimal(0)) == refs.held


def ask_and_change(double: Any, scene: Any, i: int, sent: list[Ref]) -> None:
    """What a scene sends after its event `i`; the two are compared."""
    for ask in scene.asks:
        if ask.sent == i:
            sent.append(worded(len(sent) + 1, ask, None))
            double.send(sent[-1])
    for change in scene.changes:
        if change.sent == i and change.which < len(sent):
            double.change(sent[change.which], change)
    double.check()


def play(scene: Scene) -> Double:
    """Run a scene; the two are compared after every step."""
    double = Double(scene)
    sent: list[Ref] = []
    for i, look in enumerate(scene.looks):
        double.look(look)
        double.check()
        ask_and_change(double, scene, i, sent)
    return double


@settings(max_examples=7_000)
@given(scenes)
def test_ticks_fill_as_the_rules_say(scene: Scene) -> None:
    """Every fill (order, quantity, price, time, maker), every end and every restated quantity is the reference's."""
    play(scene)
