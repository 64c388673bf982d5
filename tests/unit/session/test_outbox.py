"""What leaves the process is durable before, has one name, and leaves once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from onepath import Instrument
from onepath.accounts import AccountTerms
from onepath.actions import CashDividend
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar
from onepath.orders import Amended, Approved, Order, OrderType, Side, TimeInForce
from onepath.outbox import Outbox
from onepath.simulator.assumptions import Market
from onepath.simulator.venue import SimulatedVenue


class Noting(MemoryJournal):
    """A journal that notes when it is made durable."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__("s1")
        self.log = log

    def flush(self) -> None:
        self.log.append("flush")


def order(number: int, limit: str = "90") -> Order:
    return Order(
        id=number,
        strategy="s",
        symbol="X",
        side=Side.BUY,
        quantity=Decimal(1),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
        reference=Decimal(100),
        limit=Decimal(limit),
    )


def outside(log: list[Any], known: tuple[str, ...] = ()) -> tuple[Outbox, SimulatedVenue]:
    venue = SimulatedVenue(
        {"X": Instrument(symbol="X")}, {"s": AccountTerms().granted(Decimal(1_000), Decimal(1), True)}, Market()
    )
    send = lambda name, what, given: log.append((name, what, None if given is None else given.limit))  # noqa: E731
    return Outbox(venue, Noting(log), send, known), venue


def all_three(box: Outbox) -> None:
    box.submit(Approved(order(1)), 0)
    box.replace(Amended(order(1, "91")), 1)
    box.replace(Amended(order(1, "92")), 2)
    box.cancel(1, 3)


SENT = [
    ("s1-1", "submit", Decimal(90)),
    ("s1-1-replace-1", "replace", Decimal(91)),
    ("s1-1-replace-2", "replace", Decimal(92)),
    ("s1-1-cancel-1", "cancel", None),
]


def test_durable_before_it_leaves() -> None:
    """An order, two replaces and a cancel: before each one the journal is made durable."""
    log: list[Any] = []
    box, _ = outside(log)
    all_three(box)
    assert log == [step for sent in SENT for step in ("flush", sent)]


def test_what_is_outside_is_not_sent_again() -> None:
    """Run again after a crash, with the order and the first replace outside already: the rest leaves, under the same names."""
    log: list[Any] = []
    box, _ = outside(log, ("s1-1", "s1-1-replace-1"))
    all_three(box)
    assert [step for step in log if step != "flush"] == SENT[2:]
    assert log.count("flush") == 2


def test_all_else_is_the_venues() -> None:
    """What the engine asks beside that goes to the venue behind it, and its answers come back."""
    box, venue = outside([])
    box.submit(Approved(order(1)), 0)
    bar = Bar("X", 10, 20, 95.0, 96.0, 89.0, 90.0, 100.0)
    assert (box.working, box.due, box.open_orders()) == (venue.working, venue.due, venue.open_orders())
    assert box.touches(bar) is venue.touches(bar) is True
    (fill,) = [report for report in box.match([bar]) if type(report).__name__ == "Fill"]
    assert fill.price == Decimal(90)
    assert (box.positions(), box.cash()) == (venue.positions(), venue.cash())
    assert box.positions() == {("s", "X"): Decimal(1)}
    assert list(box.advance(30)) == []
    assert list(box.act(CashDividend("X", 40, amount=Decimal(1)))) == []  # no order is left to restate
