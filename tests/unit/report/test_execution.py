"""Claims about what execution cost: every figure of a small journal by hand, and sums that add up to the last digit."""

from __future__ import annotations

import json
import re
import sqlite3
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepath import events
from onepath.journal.codec import KINDS
from onepath.journal.memory import MemoryJournal
from onepath.journal.sqlite import SqliteJournal
from onepath.orders import Denied, Order, OrderType, Side, TimeInForce
from onepath.report import expenses
from onepath.report.record import read as read_record
from onepath.report.tearsheet import render

D = Decimal
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND


class Written:
    """A journal by hand."""

    def __init__(self, journal: Any = None, **symbols: dict[str, str]) -> None:
        self.journal = journal or MemoryJournal("by-hand")
        rows = tuple({"symbol": s, "currency": "USD", "multiplier": "1", **more} for s, more in symbols.items())
        names = ({"name": "a", "capital": "1000"}, {"name": "b", "capital": "1000"})
        start = events.SessionStarted("backtest", "0", 1, {}, names, rows or ({"symbol": "X", "currency": "USD"},), {})
        self.journal.append(0, "session.started", None, start)
        self.fills = 100

    def order(self, id_: int, quantity: str, reference: str | None = None, at: int = 0, **more: Any) -> Order:
        facts = {"strategy": "a", "symbol": "X", "side": Side.BUY, "type": OrderType.MARKET} | more
        order = Order(
            id=id_,
            quantity=D(quantity),
            time_in_force=TimeInForce.GTC,
            submitted_at=at,
            reference=None if reference is None else D(reference),
            **facts,
        )
        self.journal.append(at, "order.submitted", order.strategy, order)
        return order

    def fill(self, order: Order, quantity: str, price: str, left: str = "0", at: int = 0, **more: Any) -> None:
        self.fills += 1
        facts: dict[str, Any] = {"fee": D(0), "slippage": D(0)} | more
        event = events.Fill(
            id=self.fills,
            order_id=order.id,
            strategy=order.strategy,
            symbol=order.symbol,
            quantity=order.side.sign * D(quantity),
            price=D(price),
            executed_at=at,
            remaining=D(left),
            **facts,
        )
        self.journal.append(at, "order.partly_filled" if event.remaining else "order.filled", order.strategy, event)

    def cancel(self, order: Order, at: int) -> None:
        event = events.Cancelled(order.id, order.strategy, order.symbol, "asked")
        self.journal.append(at, "order.cancelled", order.strategy, event)

    def prices(self, at: int, *prices: float | None) -> None:
        self.journal.append(at, "prices", None, events.Prices(prices))

    def read(self) -> expenses.Execution:
        return expenses.read(self.journal)


def by_hand() -> Written:
    """Buy 15 at arrival 100; next open 101; 4 at 101.5 and 6 at 102; 5 never filled, last price 103."""
    w = Written()
    order = w.order(1, "15", "100")
    w.fill(order, "4", "101.5", "11", 2 * SECOND, fee=D("0.50"), slippage=D("1"), opened=D(101), mid=D("101.2"))
    w.fill(order, "6", "102", "5", 10 * SECOND, fee=D("-0.25"), slippage=D("3"), opened=D(101), maker=True)
    w.cancel(order, 20 * SECOND)
    w.prices(20 * SECOND, 103.0)
    return w


def test_the_shortfall_and_its_parts_by_hand() -> None:
    """delay 10 x (101-100) = 10; trading 4 x 0.5 + 6 x 1 = 8; fees 0.50 - 0.25; opportunity 5 x (103-100) = 15; all 33.25.

    On paper: 15 x (103-100) = 45. In fact: 4 x 1.5 + 6 x 1 - 0.25 = 11.75. The difference is 33.25, of 15 x 100 = 1,500:
    221.67 bps."""
    short = by_hand().read().total.money["USD"].shortfall
    assert (short.delay, short.trading, short.fees, short.opportunity) == (10, 8, D("0.25"), 15)
    assert short.total == D("33.25") == 45 - D("11.75")
    assert short.bps == pytest.approx(33.25 / 1500 * 10_000)
    assert (short.orders, short.unknown) == (1, 0)


def test_slippage_against_each_price_by_hand() -> None:
    """Arrival 4 x 1.5 + 6 x 2 = 18 of 1,000: 180 bps. Middle, known of the first fill alone: 4 x 0.3 = 1.2 of 404.8. Next open
    4 x 0.5 + 6 x 1 = 8 of 1,010. The maker part is 612 of 1,018."""
    money = by_hand().read().total.money["USD"]
    assert (money.arrival.cost, money.arrival.bps) == (18, pytest.approx(180))
    assert (money.mid.cost, money.mid.bps) == (D("1.2"), pytest.approx(1.2 / 404.8 * 10_000))
    assert (money.next_open.cost, money.next_open.bps) == (8, pytest.approx(8 / 1010 * 10_000))
    assert (money.notional, money.maker_share) == (1018, pytest.approx(612 / 1018))
    assert money.costs == {"commission": D("0.50"), "rebates": D("-0.25"), "slippage": 4}


def test_counts_and_times_by_hand() -> None:
    """10 of 15 filled in two parts, the first after 2 s; cancelled, so no time to a last fill. Two orders: p95 of 2 and 4 s
    is 2 + 0.95 x 2 = 3.9."""
    w = by_hand()
    one = w.read().total
    assert (one.orders, one.filled, one.partly_filled, one.in_parts, one.cancelled, one.fills) == (1, 0, 1, 1, 1, 2)
    assert (one.fill_rate, one.filled_share) == (0, pytest.approx(10 / 15))
    assert one.last_fill.median is None
    w.fill(w.order(2, "1", "100"), "1", "100", at=4 * SECOND)
    two = w.read().total
    assert (two.first_fill.median, two.first_fill.mean, two.first_fill.p95) == (3, 3, pytest.approx(3.9))
    assert (two.last_fill.orders, two.last_fill.mean) == (1, 4)
    assert two.fill_rate == 0.5


def test_a_sale_below_arrival_costs() -> None:
    """Sold 10 at 99 with arrival 100: 10 of cost; the fill's own market price is 99 + 5/10 = 99.5, so 5 delay, 5 trading."""
    w = Written()
    w.fill(w.order(1, "10", "100", side=Side.SELL), "10", "99", slippage=D(5))
    short = w.read().total.money["USD"].shortfall
    assert (short.delay, short.trading, short.total) == (5, 5, 10)


def test_an_old_journal_is_unknown_not_zero() -> None:
    """Without a decision price there is no arrival and no shortfall; a market order's next open is its fill's market price,
    a limit's is unknown."""
    w = Written()
    w.fill(w.order(1, "10"), "10", "101", slippage=D(2))
    w.fill(w.order(2, "10", type=OrderType.LIMIT, limit=D(101)), "10", "101")
    money = w.read().total.money["USD"]
    assert (money.arrival.cost, money.arrival.bps, money.arrival.unknown) == (None, None, 2)
    assert (money.shortfall.total, money.shortfall.unknown) == (None, 2)
    assert (money.next_open.cost, money.next_open.orders, money.next_open.unknown) == (2, 1, 1)


def test_currencies_are_never_added() -> None:
    """Dollars and euros stand apart; a fee in the base coin is worth the fill's price; one in a third coin stays its own and
    leaves the shortfall unknown."""
    w = Written(X={}, E={"currency": "EUR"}, C={"currency": "USDT", "base": "BTC"})
    w.fill(w.order(1, "1", "10"), "1", "11")
    w.fill(w.order(2, "1", "20", symbol="E"), "1", "22")
    w.fill(w.order(3, "2", "100", symbol="C"), "2", "100", fee=D("0.002"), fee_currency="BTC")
    w.fill(w.order(4, "1", "100", symbol="C"), "1", "100", fee=D("0.1"), fee_currency="BNB")
    money = w.read().total.money
    assert {name: one.notional for name, one in money.items()} == {"BNB": 0, "EUR": 22, "USD": 11, "USDT": 300}
    assert money["USDT"].costs["commission"] == D("0.2")
    assert money["BNB"].costs == {"commission": D("0.1")}
    assert (money["USDT"].shortfall.orders, money["USDT"].shortfall.unknown) == (1, 1)


def test_what_waits_for_something_is_not_missed() -> None:
    """A stop that never triggered, and the other half of a bracket, cost nothing; a stop that did is measured from its stop:
    sold 10 at 94 with the stop at 95 is 10 of cost, though the market stood at 100 when it was placed."""
    w = Written()
    stop = w.order(1, "10", "100", side=Side.SELL, type=OrderType.STOP, stop=D(95))
    w.order(2, "10", "100", side=Side.SELL, type=OrderType.LIMIT, limit=D(110), parent_id=9)
    w.fill(stop, "10", "94", opened=D(95))
    w.prices(HOUR, 50.0)
    money = w.read().total.money["USD"]
    assert (money.arrival.cost, money.shortfall.opportunity, money.shortfall.total) == (10, 0, 10)


def test_the_exits_of_a_bracket_are_measured_from_their_own_prices() -> None:
    """Entry decided at 100; its exits were decided at 110 and 95, not at 100: ten sold at the limit of 110 cost and gain
    nothing; a stop hit inside a bar that opened at 99 and filled at 94 costs 1 a unit, in trading, nothing by delay; one that
    the market opened under, at 93, costs 2 a unit by delay. With the profit taken a point better at the open (111) a unit is
    gained. A child at the market, and a trailing stop, name no price: unknown."""
    exits: list[dict[str, Any]] = [
        {"type": OrderType.LIMIT, "limit": D(110), "parent_id": 9, "price": "110", "opened": D(104)},
        {"type": OrderType.STOP, "stop": D(95), "parent_id": 9, "price": "94", "opened": D(99)},
        {"type": OrderType.STOP, "stop": D(95), "parent_id": 9, "price": "93", "opened": D(93)},
        {"type": OrderType.LIMIT, "limit": D(110), "parent_id": 9, "price": "111", "opened": D(111)},
        {"parent_id": 9, "price": "105", "opened": D(105)},
        {"type": OrderType.TRAILING_STOP, "trail": D(5), "price": "105", "opened": D(107)},
    ]
    told = []
    for terms in exits:
        w = Written()
        price, opened = terms.pop("price"), terms.pop("opened")
        w.fill(w.order(1, "10", "100", side=Side.SELL, **terms), "10", price, opened=opened)
        (order,) = w.read().orders
        parts = order.shortfall
        told.append(None if parts is None else (parts.delay, parts.trading, order.arrival.cost))
    assert told == [(0, 0, 0), (0, 10, 10), (20, 0, 20), (0, -10, -10), None, None]


def test_the_last_price_is_the_one_when_the_order_ended() -> None:
    """Cancelled at the price 103: what comes later (200) does not matter; a price from before the decision does not either."""
    w = Written()
    w.prices(0, 90.0)
    order = w.order(1, "5", "100", at=SECOND)
    w.cancel(order, 2 * SECOND)
    w.prices(3 * SECOND, 103.0)
    w.prices(4 * SECOND, 200.0)
    assert w.read().total.money["USD"].shortfall.opportunity == 15


def test_refusals_requests_and_replaces_are_counted() -> None:
    """Denied by code, rejected by reason, cancels asked; groups carry the denials of their own."""
    w = Written()
    order = w.order(1, "5", "100", at=3 * HOUR)
    w.journal.append(3 * HOUR, "order.rejected", "a", events.Rejected(1, "a", "X", "closed"))
    for _ in range(2):
        w.journal.append(5 * HOUR, "order.denied", "a", Denied(order, "cash", "too dear"))
    found = w.read()
    assert (found.total.rejected_by, found.total.denied_by) == ({"closed": 1}, {"cash": 2})
    assert {name: (f.rejected, f.denied) for name, f in found.by("hour").items()} == {"03": (1, 0), "05": (0, 2)}


@pytest.mark.skipif(events.CashFlow not in KINDS.values(), reason="the journal has no kind for cash yet")
def test_costs_of_holding_are_costs_and_dividends_are_not() -> None:
    """Interest of 3 paid and funding of 1 received are 3 and -1; a dividend is no cost. By type they stand in a group "" ."""
    w = Written()
    kind = next(kind for kind, type_ in KINDS.items() if type_ is events.CashFlow)
    for name, amount in (("interest", -3), ("funding", 1), ("dividend", 7)):
        flow = events.CashFlow(strategy="a", kind=name, currency="USD", amount=D(amount))
        w.journal.append(0, kind, "a", flow)
    found = w.read()
    assert found.total.money["USD"].costs == {"interest": 3, "funding": -1}
    assert found.by("type")[""].money["USD"].cost == 2


PRICES = st.decimals(min_value="0.01", max_value="99999", places=4)
AMOUNTS = st.decimals(min_value="0.00000001", max_value="9999", places=8)
FEES = st.decimals(min_value="-9", max_value="9", places=6)
FILLS = st.lists(st.tuples(AMOUNTS, PRICES, FEES, st.decimals(min_value="0", max_value="50", places=7)), max_size=4)
ORDERS = st.lists(
    st.tuples(PRICES, AMOUNTS, FILLS, st.sampled_from(list(Side)), st.sampled_from("XY"), st.sampled_from("ab")),
    min_size=1,
    max_size=6,
)


@given(ORDERS, st.integers(1, 9999))
def test_parts_add_up_to_paper_minus_fact(orders: list[Any], last: int) -> None:
    """The parts add up, to the last digit, to the gain on paper minus the gain in fact; the groups add up to the total."""
    w, expected = Written(X={}, Y={"multiplier": "50"}), D(0)
    with localcontext(Context(prec=60)):
        for number, (decision, rest, fills, side, symbol, strategy) in enumerate(orders, start=1):
            quantity = rest + sum(q for q, *_ in fills)
            order = w.order(
                number, str(quantity), str(decision), number * HOUR, side=side, symbol=symbol, strategy=strategy
            )
            size, left, fact = side.sign * (50 if symbol == "Y" else 1), quantity, D(0)
            for q, price, fee, slip in fills:
                left -= q
                fact += size * q * (last - price) - fee
                w.fill(order, str(q), str(price), str(left), fee=fee, slippage=slip)
            expected += size * quantity * (last - decision) - fact
        w.prices(100 * HOUR, float(last), float(last))
        found = w.read()
        short = found.total.money["USD"].shortfall
        assert short.total == short.delay + short.trading + short.fees + short.opportunity == expected
        for kind in expenses.GROUPS:
            groups = found.by(kind).values()
            assert sum(g.orders for g in groups) == len(orders)
            for name in ("total", "delay", "trading", "fees", "opportunity"):
                parts = [getattr(g.money["USD"].shortfall, name) for g in groups]
                assert sum(parts) == getattr(short, name)
            assert sum(g.money["USD"].cost for g in groups) == found.total.money["USD"].cost


def test_the_tear_sheet_shows_execution() -> None:
    """The section has the figures and the two pictures, and the record's figures are those of the journal read alone."""
    w = by_hand()
    record = read_record(w.journal)
    assert record.execution.total == w.read().total
    page = render(record)
    assert "<h2>Execution</h2>" in page
    assert "$33.25, 221.7 bps" in page
    assert "50 and more bps: 1 orders" in page
    assert "<h3>By symbol</h3>" not in page, "there is one"


def test_the_tear_sheet_shows_execution_by_symbol_strategy_and_hour() -> None:
    """Strategy a buys 2 of X at 10 for 10.10 at 00:00, b sells 5 of Y at 20 for 19 at 01:00: 1 % and 5 % of arrival, whole."""
    w = Written(X={}, Y={})
    w.fill(w.order(1, "2", "10"), "2", "10.10")
    w.fill(w.order(2, "5", "20", HOUR, side=Side.SELL, strategy="b", symbol="Y"), "5", "19", at=HOUR)
    page = render(read_record(w.journal))
    for kind, first, second in (("symbol", "X", "Y"), ("strategy", "a", "b"), ("hour", "00", "01")):
        table = page.partition(f"<h3>By {kind}</h3>")[2].partition("</table>")[0]
        cells = re.findall(r"<td[^>]*>([^<]*)", table)
        assert cells == [
            *(first, "1", "100.0%", "100.0 bps", "100.0 bps", "$0.00"),
            *(second, "1", "100.0%", "500.0 bps", "500.0 bps", "$0.00"),
        ]


def test_the_journal_explains_a_fill(tmp_path: Path) -> None:
    """One SELECT: signal, order with its parent and children, what happened to it before, the fill, the position."""
    journal = SqliteJournal.create(tmp_path / "j.db", "by-hand")
    w = Written(journal)
    signal = events.Signal(
        id=7, strategy="a", symbol="X", type="breakout", conditions=("close > high",), values={"high": 9}
    )
    journal.append(0, "signal", "a", signal)
    order = w.order(1, "2", "10", signal_id=7)
    exit_ = w.order(2, "2", "10", side=Side.SELL, type=OrderType.STOP, stop=D(8), parent_id=1)
    journal.append(0, "order.accepted", "a", events.Accepted(1, "a", "X"))
    w.fill(order, "2", "10")
    position = events.PositionEvent(
        id=1, strategy="a", symbol="X", change="opened", quantity=D(2), cost=D(20), realised=D(0), fill_id=101
    )
    journal.append(0, "position", "a", position)
    w.fill(exit_, "2", "8")
    journal.close()
    connection = sqlite3.connect(tmp_path / "j.db")
    connection.row_factory = sqlite3.Row
    (row,) = connection.execute("SELECT * FROM explained WHERE fill_id = 101")
    assert (row["signal"], row["conditions"], row["order_id"], row["parent_id"]) == (
        "breakout",
        '["close > high"]',
        1,
        None,
    )
    assert json.loads(row["children"]) == [2]
    assert [step["event"] for step in json.loads(row["before"])] == ["accepted"]
    assert json.loads(row["fill"])["price"] == "10"
    assert json.loads(row["position"])["change"] == "opened"
    (row,) = connection.execute("SELECT * FROM explained WHERE order_id = 2")
    assert (row["parent_id"], row["signal"]) == (1, "breakout")  # an exit is there for its entry's reason
