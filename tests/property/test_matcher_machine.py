"""Venue and slow reference as state machines: any run of bars, quotes or books, orders, brackets, cancels and replaces.

After every step fills, ends, quantities and positions are the same; filled + remaining is what was ordered."""

from __future__ import annotations

from typing import Any

import tally
import test_reference_bars as bars
import test_reference_ticks as ticks
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from reference_bars import Ref


class Matcher(RuleBasedStateMachine):
    """What both have in common: orders by number, and what may be done to them."""

    double: Any

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Ref] = []

    def open(self) -> list[Ref]:
        """The orders that the reference has open; now and then one that has ended."""
        return [ref for ref in self.sent if not ref.end] or self.sent[-2:]

    def now(self) -> int:
        raise NotImplementedError

    def change(self, ref: Ref, change: bars.Change) -> None:
        raise NotImplementedError

    @precondition(lambda self: self.open())
    @rule(data=st.data(), cancels=st.booleans(), quantity=st.integers(1, 10), move=st.integers(-2, 2))
    def changes(self, data: st.DataObject, cancels: bool, quantity: int, move: int) -> None:
        """A cancel or a replace."""
        ref = data.draw(st.sampled_from(self.open()))
        self.change(ref, bars.Change(0, ref.id, cancels, quantity, move))

    def check(self) -> None:
        for ref in self.sent:
            assert self.double.filled[ref.id] == ref.filled <= ref.quantity


class OnBars(Matcher):
    """Bars, with messages that take their time."""

    @initialize(
        share=st.sampled_from([None, "1", "0.5"]),
        touch=st.booleans(),
        slip=st.sampled_from([0, 300]),
        late=st.sampled_from([0, 0, 2, 4]),
    )
    def begin(self, share: str | None, touch: bool, slip: int, late: int) -> None:
        self.double = bars.Double(bars.Scene([], [], [], [], share, touch, slip, late))
        self.bars = 0
        self.shows(bars.Shape(40, 40, 0, 0, 1000))

    def now(self) -> int:
        return self.bars * bars.STEP

    @rule(shape=bars.shapes)
    def shows(self, shape: bars.Shape) -> None:
        """The next bar."""
        self.double.bar(bars.candle(self.bars, shape))
        self.bars += 1
        self.double.check(self.now())
        self.check()

    @rule(ask=bars.asks(st.just(0)), kids=st.one_of(st.just(()), st.tuples(bars.children, bars.children)))
    def asks(self, ask: bars.Ask, kids: tuple[bars.Ask, ...]) -> None:
        """An order, at times with two exits."""
        ask = ask._replace(sent=self.bars - 1)
        parent = bars.reference(len(self.sent) + 1, ask, None)
        family = [parent]
        for kid in kids:
            family.append(bars.reference(len(self.sent) + len(family) + 1, kid._replace(sent=ask.sent), parent))
        for ref in family:
            self.double.send(ref, self.now())
            self.sent.append(ref)
        self.double.check(self.now())

    def change(self, ref: Ref, change: bars.Change) -> None:
        self.double.change(ref, change, self.now())
        self.double.check(self.now())

    def teardown(self) -> None:
        tally.lived("OnBars")


class OnTicks(Matcher):
    """Quotes or a book, everything at once."""

    @initialize(book=st.booleans(), slip=st.sampled_from([0, 300]))
    def begin(self, book: bool, slip: int) -> None:
        self.double = ticks.Double(ticks.Scene(book, [], [], [], slip))
        self.shows(ticks.Look(40, 1, (40, 5, 5), (40, 5, 5), False))

    @rule(look=ticks.looks)
    def shows(self, look: ticks.Look) -> None:
        """The next quote, or message of a book."""
        self.double.look(look)
        self.double.check()
        self.check()

    @rule(ask=bars.asks(st.just(0), time=ticks.times))
    def asks(self, ask: bars.Ask) -> None:
        """An order."""
        self.sent.append(bars.reference(len(self.sent) + 1, ask, None))
        self.double.send(self.sent[-1])
        self.double.check()

    def change(self, ref: Ref, change: bars.Change) -> None:
        self.double.change(ref, change)
        self.double.check()

    def teardown(self) -> None:
        tally.lived("OnTicks")


OnBars.TestCase.settings = settings(max_examples=500, stateful_step_count=30)
OnTicks.TestCase.settings = settings(max_examples=500, stateful_step_count=30)
TestOnBars = OnBars.TestCase
TestOnTicks = OnTicks.TestCase
