"""The venue's accounts at work: what it charges, pays and closes by itself, and that it is told, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

import pytest

from onepath.accounts import DAY, AccountTerms
from onepath.actions import CashDividend, Split
from onepath.events import CashFlow, Fill, Forced, MarginCall, Replaced
from onepath.instruments import Instrument
from onepath.ledger import EXACT
from onepath.market import Bar
from onepath.orders import Approved, Order, OrderType, Side, TimeInForce
from onepath.simulator.actions import settle
from onepath.simulator.assumptions import Market
from onepath.simulator.venue import SimulatedVenue

D = Decimal
HOUR = DAY // 24


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Books are kept under the loop's own decimal context."""
    with localcontext(EXACT):
        yield


class Stage:
    """A venue for one share in whole lots, hourly bars, no limit of volume."""

    def __init__(self, terms: AccountTerms) -> None:
        self.marks: dict[str, Any] = {}
        market = Market(participation=None)
        instruments = {"X": Instrument(symbol="X", lot_size=D(1), tick_size=D("0.01"))}
        self.venue = SimulatedVenue(instruments, {"s": terms}, market, marks=self.marks)
        self.sent = 0

    def send(self, side: Side, quantity: int, at: int, limit: str | None = None) -> None:
        self.sent += 1
        order = Order(
            id=self.sent,
            strategy="s",
            symbol="X",
            side=side,
            quantity=D(quantity),
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            submitted_at=at,
            limit=None if limit is None else D(limit),
        )
        self.venue.submit(Approved(order), at)

    def bar(self, hour: int, price: float) -> list[Any]:
        """What the loop does with a bar of one price."""
        event = Bar("X", hour * HOUR, (hour + 1) * HOUR, price, price, price, price, 0.0)
        found = list(self.venue.advance(event.at)) if self.venue.due <= event.at else []
        if self.venue.working and self.venue.touches(event):
            found += self.venue.match([event])
        self.marks["X"] = event
        return found


def test_what_is_short_of_margin_is_closed() -> None:
    """600 and 400 borrowed buy 10 at 100. At 52, equity of 120 is below 25 % of 520: 520 - 120 / 0.25 = 40 is too much, and one
    share of 52 is sold. At 54 (486 - 348 = 138 > 121.5) nothing more is due."""
    stage = Stage(AccountTerms(capital=D(600), leverage=D(2), maintenance_margin=D("0.25"), liquidates=True))
    stage.send(Side.BUY, 10, 0)
    assert [type(report) for report in stage.bar(0, 100)] == [Fill]
    assert stage.bar(1, 60) == []
    call, forced, fill = stage.bar(2, 52)
    assert call == MarginCall(strategy="s", equity=D(120), required=D(130), liquidates=True)
    assert isinstance(forced, Forced)
    assert (forced.order.side, forced.order.quantity) == (Side.SELL, D(1))
    assert isinstance(fill, Fill)
    assert (fill.order_id, fill.quantity, fill.price, fill.remaining) == (forced.order.id, D(-1), D(52), D(0))
    assert stage.bar(3, 54) == []
    assert stage.venue.positions() == {("s", "X"): D(9)}
    assert stage.venue.cash() == {"s": D(-348)}


def test_a_days_interest_is_told() -> None:
    """400 borrowed at 9 %: 400 x 0.09 / 360 = 0.10 at midnight, once, and taken from the cash."""
    stage = Stage(AccountTerms(capital=D(600), leverage=D(2), margin_rate=D("0.09")))
    stage.send(Side.BUY, 10, 22 * HOUR)
    assert [type(report) for report in stage.bar(22, 100)] == [Fill]
    assert stage.bar(23, 100) == [CashFlow(strategy="s", kind="interest", currency="USD", amount=D("-0.1"))]
    assert stage.venue.cash() == {"s": D("-400.1")}
    assert stage.bar(24, 100) == []


@pytest.mark.parametrize(("side", "cash"), [(Side.BUY, "9005"), (Side.SHORT, "10995")])
def test_a_dividend_at_the_venue(side: Side, cash: str) -> None:
    """10 at 100, 0.50 a share: longs get 5, shorts pay 5."""
    stage = Stage(AccountTerms(capital=D(10_000)))
    stage.send(side, 10, 0)
    stage.bar(0, 100)
    assert stage.venue.act(CashDividend("X", HOUR, D("0.5"))) == []
    assert stage.venue.cash() == {"s": D(cash)}


def test_a_dividend_in_the_books_alone() -> None:
    """`settle` gives what is due: positive to who is long, negative from who is short, nothing without units."""
    instruments = {"X": Instrument(symbol="X", multiplier=D(10))}
    dividend = CashDividend("X", 1, D("0.25"))
    assert settle({"X": D(4)}, dividend, instruments) == 10
    assert settle({"X": D(-4)}, dividend, instruments) == -10
    assert settle({}, dividend, instruments) == 0


def test_a_split_at_the_venue() -> None:
    """Two for one: 10 held are 20, the order for 6 at 90 is one for 12 at 45 and says so, and fills at that."""
    stage = Stage(AccountTerms(capital=D(10_000)))
    stage.send(Side.BUY, 10, 0)
    stage.bar(0, 100)
    stage.send(Side.BUY, 6, HOUR, limit="90")
    (told,) = stage.venue.act(Split("X", HOUR, D(2), price=D(100)))
    assert isinstance(told, Replaced)
    assert (told.order_id, told.quantity, told.filled, told.limit) == (2, D(12), D(0), D(45))
    assert stage.venue.positions() == {("s", "X"): D(20)}
    assert stage.bar(1, 50) == []
    (fill,) = stage.bar(2, 44)
    assert (fill.quantity, fill.price) == (D(12), D(44))
