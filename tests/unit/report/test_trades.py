"""Round trips against hand calculation, and their sums against the fills they come from."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from onepath.actions import CashDividend, CorporateAction, Delisting, Merger, SpinOff, Split, SymbolChange
from onepath.events import Fill
from onepath.report.lots import share
from onepath.report.trades import Trades, round_trips


def fill(
    number: int,
    quantity: str | Decimal,
    price: str,
    *,
    order: int | None = None,
    fee: str | Decimal = "0",
    slippage: str = "0",
) -> Fill:
    return Fill(
        id=number,
        order_id=number if order is None else order,
        strategy="s",
        symbol="X",
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        slippage=Decimal(slippage),
        executed_at=number * 10,
        remaining=Decimal(0),
    )


def rows(trades: Trades) -> list[tuple[str, ...]]:
    return [
        (t.side, str(t.quantity), str(t.entry_price), str(t.exit_price), str(t.pnl), str(t.fees)) for t in trades.trips
    ]


def test_long_trip() -> None:
    """Bought 10 at 100, sold at 110, a fee of 1 each way: 98 of profit, 9.8 per cent of what was paid."""
    trades = round_trips(
        [fill(1, "10", "100", fee="1", slippage="0.2"), fill(2, "-10", "110", fee="1", slippage="0.3")]
    )
    assert rows(trades) == [("long", "10", "100", "110", "98", "2")]
    trip = trades.trips[0]
    assert (trip.profit, trip.holding, trip.slippage, trades.open) == (0.098, 10, Decimal("0.5"), ())


def test_short_trip() -> None:
    """Sold short 4 at 50, bought back at 45: 20 before a fee of 0.5."""
    assert rows(round_trips([fill(1, "-4", "50"), fill(2, "4", "45", fee="0.5")])) == [
        ("short", "4", "50", "45", "19.5", "0.5")
    ]


def test_first_in_first_out() -> None:
    """Two entries, one exit that takes the first whole and the second in part: two trips and a rest."""
    trades = round_trips([fill(1, "10", "100"), fill(2, "10", "120"), fill(3, "-15", "130", fee="3")])
    assert rows(trades) == [("long", "10", "100", "130", "298", "2"), ("long", "5", "120", "130", "49", "1")]
    assert [(lot.quantity, lot.entry_price, lot.side) for lot in trades.open] == [(Decimal(5), Decimal(120), "long")]


def test_reversal_through_zero() -> None:
    """A sale of 15 against 10 closes 10 and opens 5 short, and its fee is split two to one."""
    trades = round_trips([fill(1, "10", "100"), fill(2, "-15", "110", fee="3"), fill(3, "5", "100")])
    assert rows(trades) == [("long", "10", "100", "110", "98", "2"), ("short", "5", "110", "100", "49", "1")]


def test_partial_fills_of_one_order_are_one_trip() -> None:
    """An entry order filled in two parts and an exit order filled in two parts make one trip at average prices."""
    trades = round_trips(
        [
            fill(1, "6", "100", order=1),
            fill(2, "4", "105", order=1),
            fill(3, "-5", "110", order=2),
            fill(4, "-5", "112", order=2),
        ]
    )
    assert rows(trades) == [("long", "10", "102", "111", "90", "0")]
    assert (trades.trips[0].entry_at, trades.trips[0].exit_at) == (10, 40)


def test_two_exit_orders_are_two_trips() -> None:
    """One entry left in two orders counts twice, as two decisions were made."""
    trades = round_trips([fill(1, "10", "100"), fill(2, "-5", "110"), fill(3, "-5", "90")])
    assert [t.pnl for t in trades.trips] == [Decimal(50), Decimal(-50)]


def test_multiplier() -> None:
    """A future worth 50 a point makes 50 times the difference; its fee is not multiplied."""
    trades = round_trips([fill(1, "2", "4000"), fill(2, "-2", "4010.25", fee="4.20")], {"X": Decimal(50)})
    assert trades.trips[0].pnl == Decimal("1020.80")
    assert trades.trips[0].value == Decimal(400_000)


def test_books_are_separate() -> None:
    """A purchase of one strategy is not closed by a sale of another."""
    other = Fill(
        id=2,
        order_id=2,
        strategy="t",
        symbol="X",
        quantity=Decimal(-1),
        price=Decimal(9),
        fee=Decimal(0),
        slippage=Decimal(0),
        executed_at=20,
        remaining=Decimal(0),
    )
    trades = round_trips([fill(1, "1", "8"), other])
    assert trades.trips == ()
    assert [(lot.strategy, lot.side) for lot in trades.open] == [("s", "long"), ("t", "short")]


def test_thirds_of_a_fee_lose_nothing() -> None:
    """One dollar over three equal exits: the first part is cut at twelve places, what is left halves exactly."""
    trades = round_trips([fill(1, "3", "10", fee="1"), *(fill(i, "-1", "10") for i in (2, 3, 4))])
    assert [t.fees for t in trades.trips] == [
        Decimal("0.333333333333"),
        Decimal("0.3333333333335"),
        Decimal("0.3333333333335"),
    ]
    assert sum(t.fees for t in trades.trips) == 1


def test_share_of_the_whole_is_the_amount() -> None:
    """The last part of a fee is what is left, unrounded."""
    odd = Decimal("0.12345678901234567890123")
    assert share(odd, Decimal(7), Decimal(7)) == odd
    assert share(Decimal("1.00"), Decimal(1), Decimal(4)) == Decimal("0.25")


quantities = st.integers(-50, 50).filter(bool).map(lambda n: Decimal(n) / 10)
cents = st.integers(1, 100_000).map(lambda n: Decimal(n) / 100)
fees = st.integers(0, 999_999).map(lambda n: Decimal(n) / 1_000)


@given(st.lists(st.tuples(quantities, cents, fees, st.booleans()), min_size=1, max_size=25))
def test_nothing_is_lost(entries: list[tuple[Decimal, Decimal, Decimal, bool]]) -> None:
    """After any sequence of fills, fees, quantity and money of trips and open lots add up to the fills', exactly."""
    fills, order = [], 0
    for number, (quantity, price, fee, same_order) in enumerate(entries, start=1):
        order = order if same_order and order else number
        fills.append(fill(number, quantity, str(price), order=order, fee=fee))
    trades = round_trips(fills)
    sign = {"long": 1, "short": -1}
    assert sum(t.fees for t in trades.trips) + sum(lot.fees for lot in trades.open) == sum(f.fee for f in fills)
    assert sum(lot.quantity * sign[lot.side] for lot in trades.open) == sum(f.quantity for f in fills)
    cash = -sum(f.quantity * f.price for f in fills)
    invested = sum(lot.quantity * sign[lot.side] * lot.entry_price for lot in trades.open)
    assert sum(t.pnl + t.fees for t in trades.trips) == cash + invested


def figures(trades: Trades) -> list[tuple[object, ...]]:
    return [(t.side, t.quantity, t.entry_price, t.exit_price, t.pnl, t.fees) for t in trades.trips]


def held_through(*actions: CorporateAction, sold: tuple[Fill, ...] = (), lot: str = "1") -> Trades:
    """Ten of X bought at 100, then the actions, then what is sold."""
    return round_trips(
        [fill(1, "10", "100", order=1), *sold],
        actions=[(1, action) for action in actions],
        lots=dict.fromkeys(("X", "Y"), Decimal(lot)),
    )


def test_a_split_between_entry_and_exit() -> None:
    """Four for one: 10 at 100 are 40 at 25; sold at 26 they bring 40."""
    trades = held_through(Split("X", 15, Decimal(4)), sold=(fill(2, "-40", "26"),))
    assert figures(trades) == [("long", 40, 25, 26, 40, 0)]
    assert trades.open == ()


def test_a_fraction_paid_in_cash_is_an_exit() -> None:
    """One for four of 10 at 100: 2.5 at 400; the half share is paid at 440 (price 110 before): 20. Two stay."""
    trades = held_through(Split("X", 15, Decimal("0.25"), price=Decimal(110)))
    assert figures(trades) == [("long", Decimal("0.5"), 400, 440, Decimal("20.0"), 0)]
    assert [(lot.quantity, lot.entry_price) for lot in trades.open] == [(2, 400)]


def test_a_dividend_is_no_part_of_a_trip() -> None:
    """Its cash is income beside the trade: the entry stays at 100."""
    trades = held_through(CashDividend("X", 15, Decimal(2)), sold=(fill(2, "-10", "98"),))
    assert figures(trades) == [("long", 10, 100, 98, -20, 0)]


def test_a_spin_off_takes_its_share_of_the_entry() -> None:
    """One Y for two X, with a fifth of the cost: 10 X at 80 and 5 Y at 40."""
    action = SpinOff("X", 15, "Y", Decimal("0.5"), Decimal("0.2"))
    sold = (fill(2, "-10", "90"), msgspec.structs.replace(fill(3, "-5", "50"), symbol="Y"))
    trades = held_through(action, sold=sold)
    assert figures(trades) == [
        ("long", 10, Decimal("80.0"), 90, Decimal("100.0"), 0),
        ("long", Decimal("5.0"), 40, 50, Decimal("50.0"), 0),
    ]
    assert trades.open == ()


def test_a_merger_sells_what_its_cash_pays_for() -> None:
    """Half a Y and 30 in cash for an X at 120: a quarter of the 10 is sold at 120, the rest is 5 Y at 150."""
    action = Merger("X", 15, "Y", Decimal("0.5"), Decimal(30), price=Decimal(120))
    trades = held_through(action)
    assert figures(trades) == [("long", Decimal("2.50"), 100, 120, Decimal("50.00"), 0)]
    assert [(lot.symbol, lot.quantity, lot.entry_price) for lot in trades.open] == [("Y", 5, 150)]


def test_what_ends_a_listing_ends_the_trip() -> None:
    """A merger for cash, or a delisting, sells at its price; a new name only moves the lot."""
    assert figures(held_through(Merger("X", 15, cash=Decimal(130), price=Decimal(120)))) == [
        ("long", 10, 100, 130, 300, 0)
    ]
    assert figures(held_through(Delisting("X", 15, Decimal(3)))) == [("long", 10, 100, 3, -970, 0)]
    (lot,) = held_through(SymbolChange("X", 15, "Y")).open
    assert (lot.symbol, lot.quantity, lot.entry_price) == ("Y", 10, 100)


def test_two_actions_of_one_lot_are_two_trips() -> None:
    """10 at 100, one for four twice: half a share is paid at 440, then half a new one at 2,000: 20 and 200."""
    trades = held_through(
        Split("X", 15, Decimal("0.25"), price=Decimal(110)), Split("X", 16, Decimal("0.25"), price=Decimal(500))
    )
    assert [trip.pnl for trip in trades.trips] == [20, 200]
    assert trades.open == ()


def test_a_fee_in_the_coin() -> None:
    """2 bought at 100 with 0.002 of them as fee: 1.998 can be sold; 0.2 of fees, and 0.1998 when sold: -0.3998."""
    bought = msgspec.structs.replace(fill(1, "2", "100", fee="0.002"), fee_currency="BTC")
    trades = round_trips([bought, fill(2, "-1.998", "100", fee="0.1998")], bases={"X": "BTC"})
    assert figures(trades) == [("long", Decimal("1.998"), 100, 100, Decimal("-0.3998"), Decimal("0.3998"))]
    assert trades.open == ()


RATIOS = st.sampled_from([Decimal(2), Decimal(3), Decimal("1.5"), Decimal("0.1"), Decimal("1.05")])


@given(st.lists(st.one_of(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 99)), RATIOS), max_size=25))
def test_splits_make_no_profit(steps: list[tuple[int, int] | Decimal]) -> None:
    """Whatever is traded between splits: profit of trips less the cost of open lots is the money that trades brought."""
    fills: list[Fill] = []
    actions: list[tuple[int, CorporateAction]] = []
    for n, step in enumerate(steps):
        if isinstance(step, Decimal):
            actions.append((len(fills), Split("X", n, step)))
        else:
            fills.append(fill(n, Decimal(step[0]), str(step[1])))
    trades = round_trips(fills, actions=actions, lots={"X": Decimal("1e-30")})
    profit = sum((trip.pnl for trip in trades.trips), Decimal(0))
    cost = sum((o.quantity * o.entry_price * (1 if o.side == "long" else -1) for o in trades.open), Decimal(0))
    brought = -sum((f.quantity * f.price for f in fills), Decimal(0))
    assert abs(profit - cost - brought) < Decimal("1e-20")
