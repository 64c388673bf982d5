"""Every pair of an order's status and a step, through the real engine: a row of the life happens, any other is refused in the
journal and moves nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onepath import Instrument, Limits, Strategy
from onepath.engine import Engine
from onepath.events import (
    Accepted,
    Cancelled,
    CancelRejected,
    Expired,
    Fill,
    OrderReport,
    Rejected,
    Replaced,
    ReplaceRejected,
)
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.market import Quote
from onepath.orders import (
    TERMINAL,
    TRANSITIONS,
    Approved,
    CancelIntent,
    OrderIntent,
    OrderStatus,
    ReplaceIntent,
    Side,
    Step,
)
from onepath.seat import Seated

S, T = OrderStatus, Step
D = Decimal
TEN = D(10)
WHO: dict[str, Any] = {"order_id": 1, "strategy": "s", "symbol": "X"}


class Bench:
    """An engine with one strategy and one order of ten, and a venue's mouth."""

    def __init__(self) -> None:
        self.journal = MemoryJournal("s")
        self.engine = Engine(
            {"X": Instrument(symbol="X", lot_size=D(1))},
            [Seated("s", Strategy(), D(100_000), Limits(), ("X",))],
            self.journal.append,
            cost=D(0),
            expected_events=None,
            mark_every=60,
        )
        self.engine.start()
        self.engine.moment.at = 1
        self.engine.marks["X"] = Quote("X", 1, 9.0, 10.0, 1.0, 1.0)
        (context,) = self.engine._seats.values()
        self.context = context.context

    def ask(self, intent: Any) -> None:
        for decision in self.engine.decide(self.context, [intent]):
            if isinstance(decision, Approved):
                self.engine.gate.release(decision)

    def submit(self) -> None:
        self.ask(OrderIntent(symbol="X", side=Side.BUY, quantity=TEN, type="limit", limit=D(10)))  # type: ignore[arg-type]

    def state(self) -> tuple[Any, ...]:
        """All that a step could move."""
        order = self.engine._blotter.get(1)
        book = self.engine.portfolios["s"]
        return order, book.cash, dict(book.positions), book.fees

    def kinds(self) -> list[str]:
        return [row.kind for row in self.journal.rows()]


def fill(quantity: int, remaining: int) -> Fill:
    return Fill(
        id=1,
        **WHO,
        quantity=D(quantity),
        price=TEN,
        fee=D(1),
        slippage=D(0),
        executed_at=1,
        remaining=D(remaining),
    )


def report(step: Step, filled: int) -> OrderReport:
    """What a venue says when the step happens to an order that has filled so much."""
    part, reports = D(filled), dict[Step, OrderReport]()
    reports[T.ACCEPT] = Accepted(**WHO)
    reports[T.REJECT] = Rejected(**WHO, reason="no")
    reports[T.FILL_PART] = fill(2, 8 - filled)
    reports[T.FILL] = fill(10 - filled, 0)
    reports[T.CANCEL] = Cancelled(**WHO, reason="done")
    reports[T.EXPIRE] = Expired(**WHO)
    reports[T.REPLACE] = Replaced(**WHO, quantity=TEN, filled=D(0), limit=D(9))
    reports[T.REPLACE_PART] = Replaced(**WHO, quantity=TEN, filled=part or D(3), limit=D(9))
    reports[T.REFUSE_REPLACE] = ReplaceRejected(**WHO, filled=D(0), reason="no")
    reports[T.REFUSE_REPLACE_PART] = ReplaceRejected(**WHO, filled=part or D(3), reason="no")
    reports[T.REFUSE_CANCEL] = CancelRejected(**WHO, filled=D(0), reason="no")
    reports[T.REFUSE_CANCEL_PART] = CancelRejected(**WHO, filled=part or D(3), reason="no")
    return reports[step]


ASKED = (T.SUBMIT, T.DENY, T.ASK_CANCEL, T.ASK_REPLACE)
"""what we do ourselves; the venue cannot say it"""
SAID = [step for step in Step if step not in ASKED]
LATE = (T.REFUSE_CANCEL, T.REFUSE_CANCEL_PART, T.REFUSE_REPLACE, T.REFUSE_REPLACE_PART)
"""answers to what came too late: no step of an order that has ended, but news all the same"""


def brought(status: OrderStatus, *, part: bool = False) -> Bench:
    """A bench whose order stands at `status`, with `part` of it filled where that can be."""
    bench = Bench()
    if status is S.PENDING:
        return bench
    bench.submit()
    if part and status is not S.SUBMITTED:
        bench.engine.fold(fill(3, 7))
    elif status is not S.SUBMITTED:
        bench.engine.fold(Accepted(**WHO))
    filled = 3 if part else 0
    if status is S.CANCEL_PENDING:
        bench.ask(CancelIntent(1))
    elif status is S.REPLACE_PENDING:
        bench.ask(ReplaceIntent(order_id=1, limit=D(9)))
    elif status in TERMINAL:
        step = {S.FILLED: T.FILL, S.REJECTED: T.REJECT, S.CANCELLED: T.CANCEL, S.EXPIRED: T.EXPIRE}[status]
        bench.engine.fold(report(step, filled))
    return bench


PARTS = {S.PARTLY_FILLED: (True,), S.CANCEL_PENDING: (False, True), S.REPLACE_PENDING: (False, True)}
PAIRS = [
    (status, part, step)
    for status in OrderStatus
    if status is not S.DENIED
    for part in PARTS.get(status, (False,))
    for step in SAID
]


@pytest.mark.parametrize(("status", "part", "step"), PAIRS)
def test_what_the_venue_says_is_a_row_or_refused(status: OrderStatus, part: bool, step: Step) -> None:
    """The report of each step arrives at an order of each status: it moves by the table, or is refused and nothing moves."""
    bench = brought(status, part=part)
    before, rows = bench.state(), len(bench.kinds())
    if status not in TERMINAL and status is not S.PENDING:
        assert before[0].status is status
    said = report(step, 3 if part else 0)
    bench.engine.fold(said)
    new = bench.kinds()[rows:]
    after = TRANSITIONS.get((status, step))
    fits = not (isinstance(said, Replaced) and said.filled != (before[0].filled if before[0] else 0))
    if after is not None and fits:
        assert (
            new[0] == "order." + step.removesuffix("_partly_filled")
            if step is not T.FILL_PART
            else "order.partly_filled"
        )
        now = bench.engine._blotter.get(1)
        assert (now is None) if after in TERMINAL else (now is not None and now.status is after)
    elif before[0] is None and step in LATE:
        assert new == ["order." + step.removesuffix("_partly_filled")]
        assert bench.state() == before
    else:
        assert new == ["order.refused"]
        assert bench.state() == before
        refused = decode(list(bench.journal.rows(("order.refused",)))[-1])
        assert (refused.order_id, refused.step, refused.found["order_id"]) == (1, str(said.step), 1)


@pytest.mark.parametrize("status", [s for s in OrderStatus if s not in (S.PENDING, S.DENIED)])
@pytest.mark.parametrize("step", [T.ASK_CANCEL, T.ASK_REPLACE])
def test_what_a_strategy_asks_is_a_row_or_refused(status: OrderStatus, step: Step) -> None:
    """A cancel or a replace is asked of an order of each status: it is sent by the table, or refused and nothing moves."""
    bench = brought(status, part=status is S.PARTLY_FILLED)
    before, rows = bench.state(), len(bench.kinds())
    bench.ask(CancelIntent(1) if step is T.ASK_CANCEL else ReplaceIntent(order_id=1, limit=D(9)))
    after = TRANSITIONS.get((status, step))
    if after is not None:
        assert bench.kinds()[rows:] == [f"order.{step}"]
        now = bench.engine._blotter.get(1)
        assert now is not None
        assert now.status is after
    else:
        assert bench.kinds()[rows:] == ["order.refused"]
        assert bench.state() == before


def test_a_denied_order_never_was() -> None:
    """What our checks stop is journaled, leaves nothing open, and whatever is said of it is refused."""
    bench = Bench()
    bench.ask(OrderIntent(symbol="X", side=Side.BUY, quantity=D(10**9)))
    assert bench.kinds()[-1] == "order.denied"
    before = bench.state()
    for step in SAID:
        bench.engine.fold(report(step, 0))
        assert bench.kinds()[-1] == (
            "order." + step.removesuffix("_partly_filled") if step in LATE else "order.refused"
        )
        assert bench.state() == before
