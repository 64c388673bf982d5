"""The books by hand: every number below is worked out in the comment beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from itertools import count
from typing import Any

import pytest

from onepath import Bps, Context, Instrument, PerShare, Strategy
from onepath.events import Fill, PositionEvent
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.ledger import EXACT, Ledger
from onepath.market import Bar
from onepath.portfolio import Portfolio
from onepath.risk import Limits
from onepath.seat import Seated
from onepath.session import Plan, Session
from onepath.simulator.assumptions import Market
from onepath.simulator.commission import Charged, Commission, NoCommission

D = Decimal
DAY = 86_400_000_000_000


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Books are kept under the loop's own decimal context."""
    with localcontext(EXACT):
        yield


class Book:
    """A ledger with 10,000 of cash, its last price and what it said of each fill."""

    def __init__(self, multiplier: str = "1") -> None:
        instrument = Instrument(symbol="X", multiplier=D(multiplier))
        self.ledger = Ledger("s", D(10_000), {"X": instrument}, count(1))
        self.marks: dict[str, Any] = {}
        self.portfolio = Portfolio(self.ledger, self.marks, D(1))
        self.numbers = count(1)

    def trade(self, quantity: str, price: str, fee: str = "0") -> PositionEvent:
        number = next(self.numbers)
        self.at(price)
        return self.ledger.apply(
            Fill(
                id=number,
                order_id=number,
                strategy="s",
                symbol="X",
                quantity=D(quantity),
                price=D(price),
                fee=D(fee),
                slippage=D(0),
                executed_at=0,
                remaining=D(0),
            )
        )

    def at(self, price: str) -> None:
        """The market is here now."""
        p = float(price)
        self.marks["X"] = Bar("X", 0, 1, p, p, p, p, 0.0)

    def holds(self, cash: str, quantity: str, realised: str, unrealised: str, fees: str = "0") -> None:
        """All figures, and the two identities that tie them, to the last digit."""
        p = self.portfolio
        found = (p.cash, p.quantity("X"), p.realised_pnl, p.unrealised_pnl, p.fees)
        assert found == (D(cash), D(quantity), D(realised), D(unrealised), D(fees))
        assert p.equity == p.cash + p.value("X")
        assert p.equity == p.capital + p.realised_pnl + p.unrealised_pnl - p.fees


def said(event: PositionEvent) -> tuple[str, int, str, str, str]:
    return event.change, event.id, f"{event.quantity:f}", f"{event.cost:f}", f"{event.realised:f}"


def test_long() -> None:
    """Bought 10 at 100, marked at 103, sold at 110."""
    book = Book()
    assert said(book.trade("10", "100")) == ("opened", 1, "10", "1000", "0")
    book.holds("9000", "10", "0", "0")  # 10,000 - 10 x 100
    book.at("103")
    book.holds("9000", "10", "0", "30")  # 10 x (103 - 100)
    assert said(book.trade("-10", "110")) == ("closed", 1, "0", "0", "100")
    book.holds("10100", "0", "100", "0")  # 9,000 + 10 x 110; 10 x (110 - 100)


def test_short() -> None:
    """Sold 10 short at 100, marked at 103, covered at 90."""
    book = Book()
    assert said(book.trade("-10", "100")) == ("opened", 1, "-10", "-1000", "0")
    book.holds("11000", "-10", "0", "0")  # 10,000 + 10 x 100
    book.at("103")
    book.holds("11000", "-10", "0", "-30")  # 10 x (100 - 103)
    assert said(book.trade("10", "90")) == ("closed", 1, "0", "0", "100")
    book.holds("10100", "0", "100", "0")  # 11,000 - 10 x 90; 10 x (100 - 90)


def test_add_to_a_long() -> None:
    """10 at 100 and 30 at 104: 40 cost 4,120, 103 each."""
    book = Book()
    book.trade("10", "100")
    assert said(book.trade("30", "104")) == ("changed", 1, "40", "4120", "0")  # 1,000 + 3,120
    assert book.portfolio.positions["X"].average_price == 103
    book.holds("5880", "40", "0", "40")  # 10,000 - 4,120; 40 x 104 - 4,120


def test_add_to_a_short() -> None:
    """10 short at 100 and 30 at 96: 40 owed for 3,880, 97 each."""
    book = Book()
    book.trade("-10", "100")
    assert said(book.trade("-30", "96")) == ("changed", 1, "-40", "-3880", "0")  # -1,000 - 2,880
    assert book.portfolio.positions["X"].average_price == 97
    book.holds("13880", "-40", "0", "40")  # -40 x 96 + 3,880


def test_partial_close_of_a_long() -> None:
    """Of 10 at 100, 4 sold at 110: 4 x 10 taken, 6 at 100 stay."""
    book = Book()
    book.trade("10", "100")
    assert said(book.trade("-4", "110")) == ("changed", 1, "6", "600.000000000000", "40.000000000000")
    book.holds("9440", "6", "40", "60")  # 9,000 + 440; 6 x (110 - 100)
    assert book.trade("-6", "95").realised == -30  # 6 x (95 - 100)
    book.holds("10010", "0", "10", "0")  # 9,440 + 570


def test_partial_close_of_a_short() -> None:
    """Of 10 short at 100, 4 covered at 90: 4 x 10 taken, 6 at 100 stay."""
    book = Book()
    book.trade("-10", "100")
    event = book.trade("4", "90")
    assert (event.change, event.quantity, event.cost, event.realised) == ("changed", -6, -600, 40)
    book.holds("10640", "-6", "40", "60")  # 11,000 - 360; 6 x (100 - 90)


def test_partial_close_of_thirds() -> None:
    """3 bought for 100.01 in all: a third of the cost has no end, and still not a digit is lost.

    1 at 33.33 + 2 at 33.34 = 100.01; a third is 33.336666666667 at the twelfth decimal; 66.673333333333 stays.
    """
    book = Book()
    book.trade("1", "33.33")
    book.trade("2", "33.34")
    first = book.trade("-1", "34")
    assert (first.realised, first.cost) == (D("0.663333333333"), D("66.673333333333"))  # 34 - 33.336666666667
    second = book.trade("-1", "34")  # half of 66.673333333333 = 33.3366666666665, to even: ...666
    assert (second.realised, second.cost) == (D("0.663333333334"), D("33.336666666667"))
    assert book.trade("-1", "34").realised == D("0.663333333333")
    book.holds("10001.99", "0", "1.99", "0")  # 3 x 34 - 100.01


def test_reversal_from_long() -> None:
    """Long 10 at 100, sold 25 at 110: 100 taken, short 15 at 110, a new life with its own number."""
    book = Book()
    book.trade("10", "100")
    assert said(book.trade("-25", "110")) == ("reversed", 2, "-15", "-1650", "100")
    book.holds("11750", "-15", "100", "0")  # 9,000 + 2,750
    book.at("100")
    book.holds("11750", "-15", "100", "150")  # 15 x (110 - 100)


def test_reversal_from_short() -> None:
    """Short 10 at 100, bought 25 at 110: 100 lost, long 15 at 110."""
    book = Book()
    book.trade("-10", "100")
    assert said(book.trade("25", "110")) == ("reversed", 2, "15", "1650", "-100")
    book.holds("8250", "15", "-100", "0")  # 11,000 - 2,750
    assert said(book.trade("-15", "110")) == ("closed", 2, "0", "0", "0")


def test_a_new_life_after_flat() -> None:
    """A position that was closed and is opened again is another one."""
    book = Book()
    assert [book.trade(q, "100").id for q in ("1", "-1", "1", "1", "-2", "-3", "5")] == [1, 1, 2, 2, 2, 3, 4]


def test_fees_are_not_cost() -> None:
    """Fees leave the cash and are told apart: neither cost nor profit holds them."""
    book = Book()
    assert book.trade("10", "100", "1.25").cost == 1000
    book.holds("8998.75", "10", "0", "0", "1.25")  # 10,000 - 1,000 - 1.25
    assert book.trade("-10", "110", "1.50").realised == 100
    book.holds("10097.25", "0", "100", "0", "2.75")  # 8,998.75 + 1,100 - 1.50


def test_multiplier() -> None:
    """A future at 50 a point: 2 bought at 4,000, one sold at 4,010, one marked at 3,990."""
    book = Book("50")
    book.trade("2", "4000")
    book.holds("-390000", "2", "0", "0")  # 10,000 - 2 x 4,000 x 50
    assert book.portfolio.positions["X"].average_price == 4000
    book.trade("-1", "4010")
    book.at("3990")
    book.holds("-189500", "1", "500", "-500")  # + 4,010 x 50; 10 x 50; -10 x 50
    assert book.portfolio.value("X") == 199_500  # 3,990 x 50


def test_long_decimals_are_kept() -> None:
    """Quantities and prices with many decimals: 0.12345678 x 43210.123456789012 is booked whole.

    Twenty decimals: the product of the whole numbers, shifted. The fee is a thousandth of it: three more.
    """
    book = Book()
    value = D(12345678 * 43210123456789012).scaleb(-20)
    book.trade("0.12345678", "43210.123456789012", str(value / 1000))
    assert book.ledger.cash == D(10_000) - value - value / 1000
    assert len(book.ledger.cash.as_tuple().digits) > 24


def charged(commission: Commission, *fills: tuple[str, str]) -> list[str]:
    """What each fill (quantity, price) of one order pays, given what the order has paid before."""
    quantity = value = paid = D(0)
    fees = []
    for size, price in fills:
        worth = D(size) * D(price)
        fee = commission.fee(
            Charged("X", sells=False, quantity=D(size), value=worth, traded=quantity, worth=value, charged=paid)
        )
        quantity, value, paid = quantity + D(size), value + worth, paid + fee
        fees.append(f"{fee.normalize():f}")
    return fees


COMMISSIONS: list[tuple[str, Commission, list[tuple[str, str]], list[str]]] = [
    # 10 x 101 x 5 / 10,000 = 0.505
    ("bps", Bps(D(5)), [("10", "101")], ["0.505"]),
    ("bps, to a cent, half up", Bps(D(5), increment=D("0.01")), [("10", "101")], ["0.51"]),
    # 10 x 100.98 x 5 / 10,000 = 0.5049
    ("bps, to a cent, down", Bps(D(5), increment=D("0.01")), [("10", "100.98")], ["0.5"]),
    # 0.505 is under the dollar
    ("bps, minimum", Bps(D(5), D(1)), [("10", "101")], ["1"]),
    # 0.05 of 1,000 = 0.5 -> 1; 1.5 in all -> 0.5 more; 2 in all -> 0.5 more
    ("bps, minimum an order", Bps(D(5), D(1)), [("10", "100"), ("20", "100"), ("10", "100")], ["1", "0.5", "0.5"]),
    ("numbers may be plain", Bps(5), [("10", "101")], ["0.505"]),  # type: ignore[arg-type]
    # Interactive Brokers, US stocks, fixed: 0.005 a share, 1.00 an order at least, 1 % of its value at most.
    # Their examples: 100 shares at 25 = 1.00; 1,000 shares at 25 = 5.00; 1,000 shares at 0.25 = 2.50
    ("per share, minimum", PerShare(D("0.005"), D(1), D("0.01")), [("100", "25")], ["1"]),
    ("per share", PerShare(D("0.005"), D(1), D("0.01")), [("1000", "25")], ["5"]),
    ("per share, maximum", PerShare(D("0.005"), D(1), D("0.01")), [("1000", "0.25")], ["2.5"]),
    # where the maximum is below the minimum, the maximum holds: 10 x 2 x 1 % = 0.20
    ("per share, maximum below minimum", PerShare(D("0.005"), D(1), D("0.01")), [("10", "2")], ["0.2"]),
    # 0.5, 1, 1.5 and 2.5 in all, never under 1
    (
        "per share, minimum across fills",
        PerShare(D("0.005"), D(1)),
        [("100", "10"), ("100", "10"), ("100", "10"), ("200", "10")],
        ["1", "0", "0.5", "1"],
    ),
    # 33 x 0.0035 = 0.1155 -> 0.12; 66 in all = 0.231 -> 0.23; 99 in all = 0.3465 -> 0.35
    (
        "per share, to a cent in all",
        PerShare(D("0.0035"), increment=D("0.01")),
        [("33", "10"), ("33", "10"), ("33", "10")],
        ["0.12", "0.11", "0.12"],
    ),
    # 3 x 0.005 = 0.015 -> 0.02, half up and not to even
    ("half up", PerShare(D("0.005"), increment=D("0.01")), [("3", "10")], ["0.02"]),
    ("half up, even before", PerShare(D("0.005"), increment=D("0.01")), [("5", "10")], ["0.03"]),
    ("none", NoCommission(), [("3", "10")], ["0"]),
]


@pytest.mark.parametrize(("commission", "fills", "fees"), [c[1:] for c in COMMISSIONS], ids=[c[0] for c in COMMISSIONS])
def test_commission(commission: Commission, fills: list[tuple[str, str]], fees: list[str]) -> None:
    """Schedules by hand, the minimum once an order, rounding of the order's whole fee."""
    assert charged(commission, *fills) == fees


def test_expected_rate_of_a_commission() -> None:
    """Sizing expects a share of value where the fee follows value, nothing where it does not."""
    assert (Bps(D(5)).rate, PerShare(D(1)).rate, NoCommission().rate) == (D("0.0005"), D(0), D(0))


Run = Callable[..., tuple[list[Any], Portfolio]]


def session(
    prices: dict[str, list[tuple[str, str]]], strategy: Strategy, cash: str, commission: Commission, volume: float = 0.0
) -> tuple[list[Any], Portfolio]:
    """Run daily bars given as (open, close); the decoded journal and the final books."""
    columns = {}
    for symbol, bars in prices.items():
        rows = []
        for day, (first, last) in enumerate(bars):
            o, c = float(first), float(last)
            rows.append((day * DAY, (day + 1) * DAY, o, max(o, c), min(o, c), c, volume))
        columns[symbol] = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    instruments = {s: Instrument(symbol=s, lot_size=D(1), tick_size=D("0.01")) for s in prices}
    feed = ColumnFeed(columns, instruments, interval_ns=DAY)
    seat = Seated("s", strategy, D(cash), Limits(), tuple(prices))
    market = Market(commission=commission, participation=D("0.1"))
    plan = Plan("backtest", 0, feed, feed.describe(), [seat], [{}], market, {}, DAY)
    journal = MemoryJournal("known")
    outcome = Session(plan, journal).run()
    assert outcome.errors == ()
    return [decode(row) for row in journal.rows()], outcome.portfolios["s"]


def test_minimum_commission_across_partial_fills() -> None:
    """500 shares in fills of 100 a day: fees 1, 0, 0.5, 0.5, 0.5 - in all 2.50, as 500 x 0.005.

    In all 0.5, 1, 1.5, 2, 2.5 by count of shares, at least 1.
    """

    class Buy(Strategy):
        done = False

        def generate_orders(self, context: Context) -> Any:
            first, self.done = not self.done, True
            return context.buy("X", 500) if first else []

    rows, books = session({"X": [("10", "10")] * 7}, Buy(), "10000", PerShare(D("0.005"), D(1)), volume=1000.0)
    fills = [e for e in rows if isinstance(e, Fill)]
    assert [(f.quantity, f.fee, f.remaining) for f in fills] == [
        (100, D("1"), 400),
        (100, D("0"), 300),
        (100, D("0.5"), 200),
        (100, D("0.5"), 100),
        (100, D("0.5"), 0),
    ]
    assert (books.fees, books.cash, books.equity) == (D("2.5"), D("4997.5"), D("9997.5"))


# A year of months: open and close of a stock fund and a bond fund, invented.
STOCKS = [
    ("100.00", "100.00"),
    ("101.00", "104.00"),
    ("104.50", "108.00"),
    ("107.00", "103.00"),
    ("102.50", "99.00"),
    ("99.50", "105.00"),
    ("105.25", "110.00"),
    ("110.50", "112.00"),
    ("111.00", "107.00"),
    ("108.00", "113.00"),
    ("113.50", "116.00"),
    ("115.00", "118.00"),
    ("118.50", "120.00"),
]
BONDS = [
    ("50.00", "50.00"),
    ("50.00", "49.80"),
    ("49.75", "49.50"),
    ("49.60", "50.10"),
    ("50.20", "50.40"),
    ("50.30", "50.00"),
    ("50.05", "49.90"),
    ("49.95", "50.20"),
    ("50.10", "50.60"),
    ("50.50", "50.30"),
    ("50.40", "50.10"),
    ("50.15", "50.00"),
    ("50.10", "50.25"),
]


class Balanced(Strategy):
    """60/40 every month, bonds after stocks, whole shares, by quantity worked out here."""

    def generate_orders(self, context: Context) -> Any:
        orders: list[Any] = []
        for symbol, weight in (("STOCKS", "0.6"), ("BONDS", "0.4")):
            orders += context.target(symbol, weight=weight, band=0)
        return sorted(orders, key=lambda order: order.side.sign)  # sales are sent first


def fee_on(shares: int, price: Decimal) -> Decimal:
    """Five hundredths of a per cent, to a cent, half up."""
    return (abs(shares) * price * D("0.0005") * 100 + D("0.5")) // 1 / 100


def by_hand() -> tuple[list[tuple[int, str, int, Decimal, Decimal]], Decimal, dict[str, int], Decimal]:
    """The same year, month by month, as one would on paper: nothing of onepath is used.

    At each month's close: equity = cash + shares x close; wanted = floor(weight x equity / (close x 1.0005)), five
    hundredths of a per cent kept for the fee; the difference trades at the next month's open, fee
    0.0005 x value to a cent, half up. Sales trade first; a purchase that opened too dear is cut to what cash can pay.
    """
    cash, held, paid = D(100_000), {"STOCKS": 0, "BONDS": 0}, D(0)
    trades: list[tuple[int, str, int, Decimal, Decimal]] = []
    prices = {"STOCKS": STOCKS, "BONDS": BONDS}
    weights = {"STOCKS": D("0.6"), "BONDS": D("0.4")}
    for month in range(12):
        equity = cash + sum(held[s] * D(prices[s][month][1]) for s in held)
        change = {
            s: int(weights[s] * equity / (D(prices[s][month][1]) * D("1.0005"))) - held[s] for s in ("STOCKS", "BONDS")
        }
        for symbol, wanted in sorted(change.items(), key=lambda entry: entry[1] > 0):
            price, shares = D(prices[symbol][month + 1][0]), wanted
            while shares > 0 and shares * price + fee_on(shares, price) > cash:
                shares -= 1
            if not shares:
                continue
            fee = fee_on(shares, price)
            cash -= shares * price + fee
            held[symbol] += shares
            paid += fee
            trades.append((month + 1, symbol, shares, price, fee))
    return trades, cash, held, paid


def test_sixty_forty_first_month_on_paper() -> None:
    """The paper calculation itself, its first two months written out.

    100,000 x 0.6 / (100 x 1.0005) = 599.70 -> 599 shares at 101.00 = 60,499.00, fee 30.2495 -> 30.25
    100,000 x 0.4 / (50 x 1.0005) = 799.60 -> 799 shares at 50.00 = 39,950.00, but 39,470.75 is left:
    789 at 50.00 = 39,450.00, fee 19.725 -> 19.73 (790 would be 39,500). Cash 1.02.
    Month 1: 599 x 104 + 789 x 49.80 + 1.02 = 62,296 + 39,292.20 + 1.02 = 101,589.22
    x 0.6 / (104 x 1.0005) = 60,953.532 / 104.052 = 585.80 -> 585: sell 14 at 104.50 = 1,463, fee 0.7315 -> 0.73
    x 0.4 / (49.80 x 1.0005) = 40,635.688 / 49.8249 = 815.57 -> 815: buy 26 at 49.75 = 1,293.50, fee 0.64675 -> 0.65
    """
    trades, *_ = by_hand()
    assert trades[:4] == [
        (1, "STOCKS", 599, D("101.00"), D("30.25")),
        (1, "BONDS", 789, D("50.00"), D("19.73")),
        (2, "STOCKS", -14, D("104.50"), D("0.73")),
        (2, "BONDS", 26, D("49.75"), D("0.65")),
    ]


def test_sixty_forty_over_a_year() -> None:
    """A year of monthly rebalancing: every trade, every fee, the cash and the equity equal the paper's."""
    prices = {"STOCKS": STOCKS, "BONDS": BONDS}
    trades, cash, held, paid = by_hand()
    rows, books = session(prices, Balanced(), "100000", Bps(D(5), increment=D("0.01")))
    fills = [e for e in rows if isinstance(e, Fill)]
    assert [(f.executed_at // DAY, f.symbol, int(f.quantity), f.price, f.fee) for f in fills] == trades
    assert books.cash == cash
    assert {s: books.quantity(s) for s in held} == held
    assert books.fees == paid
    assert books.equity == cash + held["STOCKS"] * D("120.00") + held["BONDS"] * D("50.25")
    assert books.capital + books.realised_pnl + books.unrealised_pnl - books.fees == books.equity
