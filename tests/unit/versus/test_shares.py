"""Shares of the difference between two sessions, each cause by itself, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from onepath import Instrument
from onepath.events import CancelRequested, CashFlow, Fill, PositionEvent, Prices, SessionEnded, SessionStarted
from onepath.feeds.live import Arrival
from onepath.journal.memory import MemoryJournal
from onepath.ledger import EXACT
from onepath.market import Bar, MarketEvent, Trade
from onepath.orders import Order, OrderType, Side, TimeInForce
from onepath.versus import Versus, laid_side_by_side
from onepath.versus.inputs import compared
from onepath.versus.reading import Seen, Told
from onepath.versus.shares import CAUSES
from onepath.versus.wording import as_json, explanations, reasons

D = Decimal
SECOND = 1_000_000_000
STRATEGY = {
    "name": "s",
    "class": "s.py",
    "source_sha256": "aa",
    "version": "1",
    "params": {"fast": 5},
    "capital": "1000",
}


def trade(second: int, price: float, late: int = 0, number: int = 0) -> Trade:
    """A trade at a second of the venue's, heard `late` nanoseconds afterwards."""
    return Trade("X", second * SECOND + late, price, 1.0, 0, second * SECOND, number or second)


TAPE = [trade(second, 100.0 + second) for second in range(1, 8)]


class Book:
    """A journal written by hand: orders of one strategy in X, at the prices they were filled at."""

    def __init__(self, tape: Sequence[MarketEvent] = TAPE, *, last: float = 110.0, **changed: Any) -> None:
        self.tape = tape
        self.journal = MemoryJournal("hand")
        row = {**STRATEGY, **{k: v for k, v in changed.items() if k in STRATEGY}}
        started = SessionStarted(
            mode="paper",
            code_version=changed.get("code_version", "1"),
            seed=0,
            config={},
            strategies=(row,),
            instruments=(msgspec.to_builtins(Instrument(symbol="X", base="XC")),),
            data={},
            schema=2,
        )
        self.started = started
        self.last = last
        self.number = 0
        self.held = D(0)
        self.journal.append(0, "session.started", None, started)

    def order(self, at: int, side: Side, quantity: int, *fills: tuple[int, str], taken: int = 0, **how: str) -> Book:
        """An order decided at `at`, filled by (executed at, price) in equal parts; `fee` and `slippage` of each fill."""
        self.number = number = self.number + 1
        order = Order(
            id=number,
            strategy="s",
            symbol="X",
            side=side,
            quantity=D(quantity),
            type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            submitted_at=at,
        )
        self.journal.append(at, "order.submitted", "s", order)
        if taken:
            self.journal.append(taken, "order.accepted", "s", {"order_id": number, "strategy": "s", "symbol": "X"})
        if "cancelled" in how:
            self.journal.append(int(how["cancelled"]), "order.cancel_requested", "s", CancelRequested(number, "s", "X"))
        sign = 1 if side is Side.BUY else -1
        for n, (executed, price) in enumerate(fills):
            size = sign * D(quantity) / len(fills) if "part" not in how else sign * D(how["part"])
            self.held += size
            fill = Fill(
                id=100 * number + n,
                order_id=number,
                strategy="s",
                symbol="X",
                quantity=size,
                price=D(price),
                fee=D(how.get("fee", "0")),
                slippage=D(how.get("slippage", "0")),
                executed_at=executed,
                remaining=D(0),
                fee_currency=how.get("coin", ""),
            )
            self.held -= fill.fee if fill.fee_currency == "XC" else D(0)
            self.journal.append(executed, "order.filled", "s", fill)
        return self

    def cash(self, at: int, amount: str) -> Book:
        """Money that came without a trade."""
        self.journal.append(at, "cash", "s", CashFlow(strategy="s", kind="interest", currency="USD", amount=D(amount)))
        return self

    def told(self) -> Told:
        """The session, ended and read."""
        at = 9 * SECOND
        position = PositionEvent(
            id=1, strategy="s", symbol="X", change="changed", quantity=self.held, cost=D(0), realised=D(0), fill_id=1
        )
        self.journal.append(at, "position", "s", position)
        self.journal.append(at, "prices", None, Prices((self.last,)))
        self.journal.append(at, "session.ended", None, SessionEnded("completed", len(self.tape), "f"))
        return Told(self.journal, self.started, "hand", lambda: iter([Arrival(list(self.tape))]))


def laid(one: Book, two: Book) -> Versus:
    """The comparison."""
    return laid_side_by_side(one.told(), two.told())


def found(one: Book, two: Book) -> dict[str, Decimal]:
    """The shares that are not zero; what is claimed of every comparison is asserted here: they add up, exactly."""
    made = laid(one, two)
    assert sum((share.amount for share in made.shares), D(0)) == made.difference
    return {share.cause: share.amount for share in made.shares if share.amount}


def bought(book: Book, *fills: tuple[int, str], at: int = 2 * SECOND, **how: Any) -> Book:
    return book.order(at, Side.BUY, 10, *fills, **how)


def test_two_that_are_the_same_are_identical() -> None:
    """One order, filled alike: no share, no chain, and it says so."""
    one, two = (bought(Book(), (3 * SECOND, "103"), fee="1") for _ in range(2))
    made = laid(one, two)
    assert made.identical
    assert (made.matched, made.alone, made.chain, made.notes) == (1, (0, 0), None, ())
    assert made.profits[0] == 10 * (110 - 103) - 1


def test_fill() -> None:
    """10 bought at 103.2 of which 2 are slippage and 1 is the fee, against 103 for nothing: -3, all of it fill."""
    one = bought(Book(), (3 * SECOND, "103.2"), fee="1", slippage="2")
    assert found(one, bought(Book(), (3 * SECOND, "103"))) == {"fill": D(-3)}


def test_fill_at_another_price_of_the_market() -> None:
    """The same moment, the same data, another price of the market: the venue's model, so fill: 10 x (103 - 102) = -10."""
    one, two = bought(Book(), (3 * SECOND, "103")), bought(Book(), (3 * SECOND, "102"))
    assert found(one, two) == {"fill": D(-10)}


def test_fill_of_another_size() -> None:
    """10 of 10 against 4 of 10, at 103 and worth 110 in the end: 6 x 7 = 42."""
    one, two = bought(Book(), (3 * SECOND, "103")), bought(Book(), (3 * SECOND, "103"), part="4")
    assert found(one, two) == {"fill": D(42)}


def test_fill_with_a_fee_in_the_coin() -> None:
    """A fee of 0.1 coins, worth 110 each in the end: -11, fill. A fee in a third currency stands apart: nothing."""
    one = bought(Book(), (3 * SECOND, "103"), fee="0.1", coin="XC")
    assert found(one, bought(Book(), (3 * SECOND, "103"))) == {"fill": D(-11)}
    assert found(bought(Book(), (3 * SECOND, "103"), fee="0.1", coin="BNB"), bought(Book(), (3 * SECOND, "103"))) == {}


def test_latency() -> None:
    """Taken by the venue a second later and filled at the next trade, 104 instead of 103: 10 x 1 latency; the fee 1 is fill."""
    one = bought(Book(), (3 * SECOND, "103"), taken=2 * SECOND + 5)
    two = bought(Book(), (4 * SECOND, "104"), taken=3 * SECOND + 5, fee="1")
    assert found(one, two) == {"latency": D(10), "fill": D(1)}


def test_latency_where_the_venue_says_nothing() -> None:
    """Without word that it was taken, when it first filled tells: 10."""
    one, two = bought(Book(), (3 * SECOND, "103")), bought(Book(), (4 * SECOND, "104"))
    assert found(one, two) == {"latency": D(10)}


def test_data_that_lack_an_event() -> None:
    """The second did not hear the trade at second 3, on which the first filled at 103; it filled at 104: 10, data."""
    lacking = [event for event in TAPE if event.id != 3]
    one, two = bought(Book(), (3 * SECOND, "103")), bought(Book(lacking), (4 * SECOND, "104"))
    assert found(one, two) == {"data": D(10)}
    said = explanations(laid(one, two))["data"]
    assert said == "1 missing X trade at 1970-01-01 00:00:03"


def test_data_that_end_at_another_price() -> None:
    """The same fills, valued at 110 and at 108: 10 x 2 = 20."""
    one, two = bought(Book(), (3 * SECOND, "103")), bought(Book(last=108.0), (3 * SECOND, "103"))
    assert found(one, two) == {"data": D(20)}


def test_orders_that_follow_from_other_data() -> None:
    """The second alone heard a trade at second 5, and sold 10 at second 6 for 106, worth 110 in the end: it lost 40 by it."""
    extra = sorted([*TAPE, trade(5, 90.0, 7, 99)], key=lambda event: event.at)
    one = bought(Book(), (3 * SECOND, "103"))
    two = bought(Book(extra), (3 * SECOND, "103")).order(6 * SECOND, Side.SELL, 10, (7 * SECOND, "106"))
    assert found(one, two) == {"data": D(40)}


def test_clock() -> None:
    """All events heard 1 s later, so the same decision came at 3 s instead of 2 s and met 104 instead of 103: 10."""
    late = [trade(second, 100.0 + second, SECOND) for second in range(1, 8)]
    one = bought(Book(), (3 * SECOND, "103"))
    two = bought(Book(late), (4 * SECOND, "104"), at=3 * SECOND)
    made = laid(one, two)
    assert found(one, two) == {"clock": D(10)}
    assert (made.matched, made.inputs.shifted, made.inputs.most_shift, made.inputs.mean_shift) == (1, 7, SECOND, SECOND)
    assert explanations(made)["clock"].endswith("by 1,000.000 ms at most, +1,000.000 ms in the mean")


def test_parameters() -> None:
    """With fast 8 instead of 5 it also sold, 10 at 106 that were worth 110 in the end: -40."""
    one = bought(Book(), (3 * SECOND, "103")).order(5 * SECOND, Side.SELL, 10, (6 * SECOND, "106"))
    two = bought(Book(params={"fast": 8}), (3 * SECOND, "103"))
    assert found(one, two) == {"parameters": D(-40)}
    assert explanations(laid(one, two))["parameters"] == "strategy.params.fast 5 and 8"


def test_code_goes_before_parameters() -> None:
    """Other code with other parameters: -40 again, under code; what fills did is still told apart, -1."""
    one = bought(Book(), (3 * SECOND, "103"), fee="1").order(5 * SECOND, Side.SELL, 10, (6 * SECOND, "106"))
    two = bought(Book(params={"fast": 8}, source_sha256="bb"), (3 * SECOND, "103"))
    assert found(one, two) == {"code": D(-40), "fill": D(-1)}
    assert found(one, bought(Book(code_version="2"), (3 * SECOND, "103"))) == {"code": D(-40), "fill": D(-1)}


def test_what_follows_from_a_fill() -> None:
    """A first order filled at another price (10 x 1), then orders of one session alone (-40): both are put to the fill."""
    one = bought(Book(), (3 * SECOND, "103")).order(5 * SECOND, Side.SELL, 10, (6 * SECOND, "106"))
    two = bought(Book(), (3 * SECOND, "102"))
    assert found(one, two) == {"fill": D(-50)}


def test_what_was_asked_back_has_no_fate_of_its_own() -> None:
    """Asked back after half of it in one session; nothing else differs, so the 5 x 7 stay a remainder."""
    one = bought(Book(), (3 * SECOND, "103"))
    two = bought(Book(), (3 * SECOND, "103"), part="5", cancelled=str(4 * SECOND))
    assert found(one, two) == {"remainder": D(35)}


def test_orders_that_nothing_explains_are_a_remainder() -> None:
    """The same code, parameters and data, and one more order all the same: no cause is named."""
    one = bought(Book(), (3 * SECOND, "103")).order(5 * SECOND, Side.SELL, 10, (6 * SECOND, "106"))
    assert found(one, bought(Book(), (3 * SECOND, "103"))) == {"remainder": D(-40)}


def test_flows() -> None:
    """Interest of 3 in both cancels out; 2 more in the first and 5 in the second stay, and follow from the fill before them."""
    one = bought(Book(), (3 * SECOND, "103")).cash(4 * SECOND, "3").cash(5 * SECOND, "2")
    two = bought(Book(), (3 * SECOND, "102")).cash(4 * SECOND, "3").cash(6 * SECOND, "5")
    assert found(one, two) == {"fill": D(-10 + 2 - 5)}


def test_a_split_is_a_remainder() -> None:
    """10 bought became 20 by a split that no order made, worth 110 each: 10 x 110 = 1,100 is nobody's."""
    one = bought(Book(), (3 * SECOND, "103"))
    one.held = D(20)
    assert found(one, bought(Book(), (3 * SECOND, "103"))) == {"remainder": D(1100)}


def test_an_event_with_other_values() -> None:
    """The trade at second 3 at 103 and at 103.5: both values are told; bars are known by when they began."""
    other = [trade(3, 103.5) if event.id == 3 else event for event in TAPE]
    inputs = compared(Seen(iter([Arrival(TAPE)])), Seen(iter([Arrival(other)])))
    (difference,) = inputs.differences
    assert (difference.what, difference.fields) == ("different", {"price": (103.0, 103.5)})
    bars = [[Bar("X", 5, 9, 1.0, 1.0, 1.0, close, 0.0)] for close in (1.0, 2.0)]
    a, b = (Seen(iter([Arrival(found)])) for found in bars)
    assert [d.fields for d in compared(a, b).differences] == [{"close": (1.0, 2.0)}]
    assert compared(None, b).differences == ()


def test_in_words_and_for_programs() -> None:
    """The table ends with the sum; JSON has money as text."""
    made = laid(bought(Book(), (3 * SECOND, "103")), bought(Book(), (3 * SECOND, "102")))
    assert [row[:3] for row in reasons(made)] == [("fill", "-10.00", "100.0 %"), ("sum", "-10.00", "100.0 %")]
    told = as_json(made)
    assert (told["difference"], told["shares"]["fill"]) == ("-10", "-10")
    assert list(told["shares"]) == list(CAUSES)


_fills = st.lists(
    st.tuples(st.integers(2, 7), st.integers(90, 120), st.integers(0, 3), st.sampled_from([Side.BUY, Side.SELL])),
    max_size=6,
)


@given(_fills, _fills, st.booleans(), st.integers(100, 120))
def test_shares_always_add_up(ours: list[Any], theirs: list[Any], shifted: bool, last: int) -> None:
    """Whatever two sessions did, shares and remainder are the difference of the profits, to the last digit."""
    tape = [trade(second, 100.0, 11 * shifted) for second in range(1, 8)]
    one, two = Book(), Book(tape, last=float(last))
    for book, did in ((one, ours), (two, theirs)):
        for at, price, fee, side in did:
            book.order(at * SECOND + 11 * shifted, side, 3, (at * SECOND + 12, f"{price}.1"), fee=str(fee))
    assert EXACT.prec == 60
    found(one, two)
