"""Accounts as a state machine: any run of prices, orders, days and corporate actions, in two currencies, with margin, interest,
borrowed shares and funding. Three books must agree to the last digit: the venue's, the core's ledger (fed by reports and cash
flows, as a session feeds it) and a slow one in fractions, which works out by itself what every moment costs."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import count
from math import ceil, floor
from typing import Any

import tally
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from onepath.accounts import AccountTerms
from onepath.actions import CashDividend, Split
from onepath.adjustments import act, remark
from onepath.blotter import Blotter
from onepath.events import CashFlow, Fill, Forced, MarginCall
from onepath.instruments import Instrument
from onepath.ledger import EXACT, Ledger
from onepath.market import Quote
from onepath.orders import Approved, Order, OrderState, OrderType, Side, TimeInForce
from onepath.simulator.assumptions import Market
from onepath.simulator.commission import Bps
from onepath.simulator.venue import SimulatedVenue

D = Decimal
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
START = 20_000 * DAY + 9 * HOUR
CAPITAL = 10_000
INSTRUMENTS = {
    "US": Instrument(symbol="US", currency="USD", lot_size=D(1)),
    "DE": Instrument(symbol="DE", currency="EUR", lot_size=D(1), multiplier=D(2)),
    "EURUSD": Instrument(symbol="EURUSD", currency="USD", base="EUR", lot_size=D(1)),
    "P": Instrument(symbol="P", currency="USD", asset_class="perpetual", lot_size=D("0.01"), multiplier=D("0.5")),
}
SYMBOLS = st.sampled_from(tuple(INSTRUMENTS))
RATES = st.sampled_from([D(0), D("0.05"), D("0.6")])
FEE = Fraction(5, 10_000)


class Slow:
    """Cash by currency, units by symbol, and what time costs: one line a rule, in fractions."""

    def __init__(self, terms: AccountTerms) -> None:
        self.terms = terms
        self.cash = {"USD": Fraction(CAPITAL), "EUR": Fraction(0)}
        self.units = dict.fromkeys(INSTRUMENTS, Fraction(0))
        self.last: dict[str, Fraction] = {}
        self.charged = START
        """the last moment at which anything was charged"""

    def fill(self, fill: Fill) -> None:
        instrument = INSTRUMENTS[fill.symbol]
        money = Fraction(fill.quantity) * Fraction(fill.price) * Fraction(instrument.multiplier)
        assert Fraction(fill.fee) == abs(money) * FEE
        self.units[fill.symbol] += Fraction(fill.quantity)
        self.cash[instrument.currency] -= money + Fraction(fill.fee)

    def values(self) -> dict[str, Fraction]:
        """Every position's worth in its own currency."""
        return {
            s: self.units[s] * self.last[s] * Fraction(i.multiplier) for s, i in INSTRUMENTS.items() if self.units[s]
        }

    def worth(self) -> tuple[Fraction, Fraction]:
        """Equity and gross value at home, in dollars."""
        rate = {"USD": Fraction(1), "EUR": self.last.get("EURUSD", Fraction(0))}
        values = {s: v * rate[INSTRUMENTS[s].currency] for s, v in self.values().items()}
        cash = sum((money * rate[currency] for currency, money in self.cash.items()), Fraction(0))
        return cash + sum(values.values(), Fraction(0)), sum(map(abs, values.values()), Fraction(0))

    def passes(self, at: int) -> list[tuple[str, str, str, Fraction]]:
        """What is charged up to `at`: moment by moment; all of one moment by what was there before it."""
        flows = []
        step = self.terms.funding_hours * HOUR
        for moment in range(self.charged // HOUR * HOUR + HOUR, at + 1, HOUR):
            now = []
            if moment % DAY == 0:
                now += self._interest() + self._borrow()
            if moment % step == 0:
                now.append(
                    ("funding", "USD", "P", -self.values().get("P", Fraction(0)) * Fraction(self.terms.funding_rate))
                )
            now = [(kind, of, symbol, grained(amount)) for kind, of, symbol, amount in now]
            for _, currency, _, amount in now:
                self.cash[currency] += amount
            flows += [flow for flow in now if flow[3]]
        self.charged = at
        return flows

    def _interest(self) -> list[tuple[str, str, str, Fraction]]:
        found = []
        for currency, money in self.cash.items():
            balance = money + (self.values().get("P", Fraction(0)) if currency == "USD" else 0)
            rate = self.terms.margin_rate if balance < 0 else self.terms.credit_rate
            found.append(("interest", currency, "", balance * Fraction(rate) / 360))
        return found

    def _borrow(self) -> list[tuple[str, str, str, Fraction]]:
        return [
            ("borrow", INSTRUMENTS[s].currency, s, value * Fraction(self.terms.borrow_rate) / 360)
            for s, value in self.values().items()
            if value < 0 and s != "P"
        ]


def at_most(order: Order) -> Fraction | None:
    """An order's limit."""
    return None if order.limit is None else Fraction(order.limit)


def grained(amount: Fraction) -> Fraction:
    """Rounded at the twelfth decimal, half to even."""
    return Fraction(round(amount * 10**12), 10**12)


class Accounts(RuleBasedStateMachine):
    """The venue, driven as the loop drives it, beside a ledger and the slow books."""

    def __init__(self) -> None:
        super().__init__()
        self.at = START
        self.numbers = count(1)
        self.seen = False
        self.called = False
        self.ruined = False
        self.sides: dict[int, int] = {}
        self.blotter = Blotter()
        """what the engine would know of its orders"""
        self.shown: dict[str, Quote | None] = {}
        """the market in today's units"""

    @initialize(
        leverage=st.sampled_from([D(1), D(3), D(10)]),
        maintenance=st.sampled_from([D(0), D("0.05"), D("0.1")]),
        liquidates=st.booleans(),
        rates=st.tuples(RATES, RATES, RATES),
        funding=st.tuples(st.sampled_from([D(0), D("0.001"), D("-0.002")]), st.sampled_from([8, 4])),
        prices=st.tuples(*[st.integers(20, 400)] * 4),
    )
    def begin(
        self, leverage: Decimal, maintenance: Decimal, liquidates: bool, rates: Any, funding: Any, prices: Any
    ) -> None:
        terms = AccountTerms(
            currency="USD",
            leverage=leverage,
            maintenance_margin=maintenance,
            liquidates=liquidates and bool(maintenance),
            borrow_rate=rates[0],
            margin_rate=rates[1],
            credit_rate=rates[2],
            funding_rate=funding[0],
            funding_hours=funding[1],
        ).granted(D(CAPITAL), D(10), allow_short=True)
        self.terms, self.slow = terms, Slow(terms)
        self.ledger = Ledger("s", D(CAPITAL), INSTRUMENTS, count(1), terms)
        self.marks: dict[str, Any] = {}
        self.venue = SimulatedVenue(INSTRUMENTS, {"s": terms}, Market(commission=Bps(D(5))), marks=self.marks)
        for symbol, ticks in zip(INSTRUMENTS, prices, strict=True):
            self.moves(symbol, ticks, 1, 1, HOUR)

    # -- what happens

    @rule(
        symbol=SYMBOLS,
        ticks=st.integers(20, 400),
        wide=st.integers(0, 3),
        size=st.sampled_from([0, 0, 1, 7, 500]),
        later=st.sampled_from([1, SECOND, HOUR, 7 * HOUR, DAY, 4 * DAY]),
    )
    def moves(self, symbol: str, ticks: int, wide: int, size: int, later: int) -> None:
        """A quote, and whatever the clock brings before it."""
        self.at += later
        with localcontext(EXACT):
            while self.venue.due <= self.at:
                due = max(self.venue.due, self.slow.charged)
                told = self.venue.advance(due)
                flows = [report for report in told if isinstance(report, CashFlow)]
                charged = sorted((f.kind, f.currency, f.symbol, Fraction(f.amount)) for f in flows)
                assert charged == sorted(self.slow.passes(due))
                self.hear([report for report in told if not isinstance(report, CashFlow)], flows)
            assert self.slow.passes(self.at) == [], "the venue has charged it all"
            quote = Quote(symbol, self.at, ticks / 4, (ticks + wide) / 4, float(size), float(size))
            held = bool(self.slow.units[symbol])
            self.slow.last[symbol] = Fraction(quote.mark)
            self.shown[symbol] = quote
            if self.venue.working and self.venue.touches(quote):
                self.hear(self.venue.match([quote]))
            self.marks[symbol] = quote
            self.noticed(saw=held)

    @rule(
        symbol=SYMBOLS,
        side=st.sampled_from(list(Side)),
        quantity=st.sampled_from([1, 3, 20, 150, 1_000]),
        limit=st.one_of(st.none(), st.integers(20, 400)),
        time=st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    )
    def asks(self, symbol: str, side: Side, quantity: int, limit: int | None, time: TimeInForce) -> None:
        """An order, as it were approved."""
        order = Order(
            id=next(self.numbers),
            strategy="s",
            symbol=symbol,
            side=side,
            quantity=D(quantity),
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            time_in_force=time,
            submitted_at=self.at,
            limit=None if limit is None else D(limit) / 4,
        )
        self.sides[order.id] = side.sign
        self.blotter.add(order)
        with localcontext(EXACT):
            before = self.slow.units[symbol]
            self.hear(self.venue.submit(Approved(order), self.at))
            if side is Side.SELL:
                assert self.slow.units[symbol] >= min(before, 0)
            if side is Side.COVER:
                assert self.slow.units[symbol] <= max(before, 0)

    @precondition(lambda self: any(o.id > 0 for o in self.venue.open_orders()))
    @rule(data=st.data())
    def withdraws(self, data: st.DataObject) -> None:
        """A cancel of one of the orders at work."""
        order = data.draw(st.sampled_from([o for o in self.venue.open_orders() if o.id > 0]))
        with localcontext(EXACT):
            self.hear(self.venue.cancel(order.id, self.at))
        assert order.id not in {o.id for o in self.venue.open_orders()}

    @rule(what=st.sampled_from(["dividend", "two", "half"]))
    def acts(self, what: str) -> None:
        """A split, a reverse split or a dividend of US: venue and ledger work it out apart; the slow books by the words."""
        price, units = self.slow.last["US"], self.slow.units["US"]
        with localcontext(EXACT):
            last = D(price.numerator) / D(price.denominator)
            if what == "dividend":
                action: Any = CashDividend("US", self.at, D("0.25"), price=last)
                self.slow.cash["USD"] += units / 4
                self.slow.last["US"] = max(Fraction(0), price - Fraction(1, 4))
            else:
                ratio = Fraction(2) if what == "two" else Fraction(1, 2)
                action = Split("US", self.at, D("2") if what == "two" else D("0.5"), price=last)
                whole = Fraction(int(units * ratio))
                self.slow.cash["USD"] += (units * ratio - whole) * price / ratio
                self.slow.units["US"] = whole
                self.slow.last["US"] = price / ratio
            self.shown["US"] = None
            expected = self.restated("US", None if what == "dividend" else ratio)
            self.hear(self.venue.act(action))
            found = {s.order.id: (Fraction(s.remaining), at_most(s.order)) for s in self.open("US")}
            assert found == expected, "orders at work go through the action as their symbol does"
            act(self.ledger, action, INSTRUMENTS)
            remark(self.marks, action)

    def open(self, symbol: str) -> list[OrderState]:
        return [state for state in self.blotter.open_orders("s") if state.symbol == symbol]

    def restated(self, symbol: str, ratio: Fraction | None) -> dict[int, tuple[Fraction, Fraction | None]]:
        """Units left and limit of the orders at work after a split of `ratio`: whole lots, limits never worse than asked. After a
        dividend of a quarter: buys that may wait are lowered by it. What has nothing left has ended."""
        found = {}
        for state in self.open(symbol):
            order, left, limit = state.order, Fraction(state.remaining), at_most(state.order)
            buys = order.side.sign > 0
            if ratio is not None:
                left = Fraction(int(left * ratio))
                grains = None if limit is None else limit / ratio * 10**12
                limit = None if grains is None else Fraction(floor(grains) if buys else ceil(grains), 10**12)
            elif buys and limit is not None and order.time_in_force is TimeInForce.GTC:
                limit -= Fraction(1, 4)
            if left and (limit is None or limit > 0):
                found[order.id] = left, limit
        return found

    # -- what is said

    def hear(self, reports: Any, flows: Any = ()) -> None:
        for flow in flows:
            self.ledger.flow(flow)
        for report in reports:
            if isinstance(report, Forced):
                self.blotter.adopt(report.order)
            elif not isinstance(report, MarginCall):
                self.blotter.apply(report)
            if isinstance(report, MarginCall):
                equity, gross = self.slow.worth()
                assert Fraction(report.equity) == equity
                assert Fraction(report.required) == gross * Fraction(self.terms.maintenance_margin)
                assert equity < gross * Fraction(self.terms.maintenance_margin)
                news = not self.called or (equity < 0 and not self.ruined)
                assert news or self.terms.liquidates, "once, until it is met again; once more below zero"
                self.called, self.ruined = True, equity < 0
            elif isinstance(report, Forced):
                assert self.called
                assert self.terms.liquidates
                held = self.slow.units[report.order.symbol]
                self.sides[report.order.id] = report.order.side.sign
                assert held * report.order.side.sign < 0
                assert Fraction(report.order.quantity) <= abs(held)
            elif isinstance(report, Fill):
                assert (report.quantity > 0) == (self.sides[report.order_id] > 0)
                self.had(report)
                before = self.slow.cash["USD"]
                self.slow.fill(report)
                self.ledger.apply(report)
                if report.order_id > 0 and report.quantity > 0 and self.terms.leverage == 1 and report.symbol == "US":
                    assert self.slow.cash["USD"] >= 0 or before < 0 or self.slow.cash["EUR"], "nothing is lent"

    def had(self, fill: Fill) -> None:
        """The fill is at the other side of the market as it is shown, or at a limit that this side has come to."""
        quote = self.shown[fill.symbol]
        if quote is None:
            assert fill.order_id < 0, "no market has been shown since the action"
            return
        side = D(quote.ask if fill.quantity > 0 else quote.bid)
        assert fill.price == side or (fill.maker and (fill.price - side) * fill.quantity > 0)

    def noticed(self, *, saw: bool) -> None:
        """Equity below the maintenance margin, at a price of what is held, has been called."""
        equity, gross = self.slow.worth()
        enough = equity >= gross * Fraction(self.terms.maintenance_margin)
        if saw and self.terms.maintenance_margin and enough:
            self.called = False
        if saw and self.terms.maintenance_margin and not enough:
            assert self.called
            assert self.ruined or equity >= 0

    @invariant()
    def orders_agree(self) -> None:
        """Nothing is on its way: what is at work at the venue is what the reports have told, to the last term."""
        theirs = (
            {o.id: (o.quantity, o.limit, o.side) for o in self.venue.open_orders()} if hasattr(self, "slow") else {}
        )
        ours = {s.order.id: (s.order.quantity, s.order.limit, s.order.side) for s in self.blotter.open_orders("s")}
        assert theirs == ours

    @invariant()
    def books_agree(self) -> None:
        """Cash of every currency and units of every symbol, in all three books; and the ledger's identity."""
        if not hasattr(self, "slow"):
            return
        slow, ledger = self.slow, self.ledger
        assert {s: Fraction(q) for (_, s), q in self.venue.positions().items()} == {
            s: units for s, units in slow.units.items() if units
        }
        assert {s: Fraction(p.quantity) for s, p in ledger.positions.items()} == {
            s: units for s, units in slow.units.items() if units
        }
        assert Fraction(self.venue.cash()["s"]) == slow.cash["USD"] == Fraction(ledger.cash)
        purse = ledger.purses.get("EUR")
        assert slow.cash["EUR"] == (Fraction(0) if purse is None else Fraction(purse.cash))
        account = self.venue._accounts["s"]
        assert Fraction(account.cash_in("EUR")) == slow.cash["EUR"]
        cost = sum((Fraction(p.cost) for s, p in ledger.positions.items() if s != "DE"), Fraction(0))
        earned = Fraction(ledger.realised) - Fraction(ledger.fees) + Fraction(ledger.flows)
        assert CAPITAL + earned - cost == slow.cash["USD"]

    def teardown(self) -> None:
        tally.lived("Accounts")


Accounts.TestCase.settings = settings(max_examples=500, stateful_step_count=30)
TestAccounts = Accounts.TestCase
