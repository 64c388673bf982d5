"""Accounts in whole sessions: what the venue books, the ledger books to the last digit, and a replay is told all of it again.

Every session is one-price bars, every number is by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from onepath import Bps, Instrument, Limits, Strategy
from onepath.accounts import AccountTerms
from onepath.feeds.columns import COLUMNS, ColumnFeed
from onepath.journal.codec import decode
from onepath.journal.memory import MemoryJournal
from onepath.replay import RecordedVenue
from onepath.report.expenses import Execution
from onepath.report.record import SessionRecord, read
from onepath.seat import Seated
from onepath.session import Plan, Session, replayed
from onepath.simulator.assumptions import Market

D = Decimal
MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_ROOM = 1e9
_PLAIN = AccountTerms()
Make = Callable[[Any], Any]


class At(Strategy):
    """At the end of bar n does what it was told for n; remembers what it heard of its orders."""

    plan: Mapping[int, Make]
    count = 0

    def on_start(self, context: Any) -> None:
        self.heard: list[str] = []

    def on_market_event(self, event: Any, context: Any) -> None:
        if event.symbol == context.symbols[0]:
            self.count += 1

    def generate_orders(self, context: Any) -> Any:
        make = self.plan.get(self.count)
        return make(context) if make else []

    def on_order_update(self, order: Any, context: Any) -> None:
        self.heard.append(f"{order.side} {order.order.quantity} {order.symbol} {order.status}")


class Ran(NamedTuple):
    """A session that ran, was checked against its venue, and replayed."""

    session: Session
    strategy: At
    rows: list[tuple[str, Any]]
    record: SessionRecord

    def of(self, kind: str) -> list[Any]:
        return [event for k, event in self.rows if k == kind]

    @property
    def ledger(self) -> Any:
        return self.session.engine.portfolios["main"]

    @property
    def execution(self) -> Execution:
        return self.record.execution


def ran(
    plan: Mapping[int, Make],
    prices: Mapping[str, Sequence[float]],
    account: AccountTerms = _PLAIN,
    *,
    every: int = MINUTE,
    cash: str = "1000",
    limits: Limits | None = None,
    market: Market | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    starts: Sequence[int] | None = None,
) -> Ran:
    """Bar n of every symbol runs from n x `every` (or from `starts[n]`) for `every`, at one price."""
    columns: dict[str, dict[str, list[Any]]] = {}
    for symbol, values in prices.items():
        begins = starts or [n * every for n in range(len(values))]
        rows = [(s, s + every, *[float(p)] * 4, _ROOM) for s, p in zip(begins, values, strict=True)]
        columns[symbol] = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    known = instruments or {symbol: Instrument(symbol=symbol) for symbol in prices}

    def made() -> Plan:
        feed = ColumnFeed(columns, known, interval_ns=every)
        strategy = At()
        strategy.plan = plan
        seat = Seated("main", strategy, D(cash), limits or Limits(max_leverage=D(4)), tuple(prices), account)
        return Plan("backtest", 0, feed, feed.describe(), [seat], [{}], market or Market(), {}, every)

    journal, again = MemoryJournal("s"), MemoryJournal("s")
    session = Session(made(), journal)
    outcome = session.run()
    assert outcome.errors == ()
    books, venue = session.engine._seats["main"].ledger, session.venue
    assert venue.cash() == {"main": books.cash}
    assert venue._accounts["main"].foreign == books.foreign  # type: ignore[attr-defined]
    assert venue.positions() == {("main", s): p.quantity for s, p in books.positions.items()}
    assert replayed(made(), journal).identical
    Session(made()._replace(market=Market()), again, RecordedVenue(journal)).run()
    assert [tuple(row) for row in again.rows()][1:] == [tuple(row) for row in journal.rows()][1:]
    played = session.plan.strategies[0].strategy
    assert isinstance(played, At)
    return Ran(session, played, [(row.kind, decode(row)) for row in journal.rows()], read(journal))


def buys(quantity: Any, symbol: str = "X") -> Make:
    return lambda context: context.buy(symbol, quantity)


# -- margin


def test_a_falling_price_liquidates() -> None:
    """1,000 of capital hold 20 at 100: 1,000 are lent. At 60 equity is 200, less than 0.25 x 1,200 = 300: of the 1,200, 400
    must go, 6.67 units in hundredths: 6.67. They are sold at 60: cash -1,000 + 400.20, and 13.33 stay."""
    terms = AccountTerms(leverage=D(2), maintenance_margin=D("0.25"), liquidates=True)
    known = {"X": Instrument(symbol="X", lot_size=D("0.01"))}
    made = ran({1: buys(20)}, {"X": [100, 100, 100, 60, 60]}, terms, instruments=known)
    (call,) = made.of("margin_call")
    assert (call.equity, call.required, call.liquidates) == (200, 300, True)
    (forced,) = made.of("order.forced")
    assert (forced.order.side, forced.order.quantity, forced.order.id, forced.reason) == (
        "sell",
        D("6.67"),
        -1,
        "margin",
    )
    assert [(f.order_id, f.quantity, f.price) for f in made.of("order.filled")] == [(1, 20, 100), (-1, D("-6.67"), 60)]
    assert made.ledger.cash == D("-599.80")
    assert made.ledger.quantity("X") == D("13.33")
    assert made.strategy.heard == ["buy 20 X filled", "sell 6.67 X accepted", "sell 6.67 X filled"]
    assert made.execution.total.forced == 1


def test_a_margin_call_without_liquidation_is_only_told() -> None:
    """Once, however often the price stays below; again after it was met in between (at 100 equity is 1,000 >= 500)."""
    terms = AccountTerms(leverage=D(2), maintenance_margin=D("0.25"))
    made = ran({1: buys(20)}, {"X": [100, 100, 60, 60, 60, 100, 60]}, terms)
    assert [(c.equity, c.required, c.liquidates) for c in made.of("margin_call")] == [(200, 300, False)] * 2
    assert made.of("order.forced") == []
    assert made.ledger.quantity("X") == 20


def test_shorts_are_liquidated_upwards() -> None:
    """10 short at 100 with 1,000: at 160, equity 400 < 0.3 x 1,600 = 480; 1,600 - 400 / 0.3 = 266.67 must go: 1.67 of 160."""
    terms = AccountTerms(leverage=D(2), maintenance_margin=D("0.3"), liquidates=True)
    known = {"X": Instrument(symbol="X", lot_size=D("0.01"))}
    made = ran({1: lambda c: c.short("X", 10)}, {"X": [100, 100, 160, 160]}, terms, instruments=known)
    (forced,) = made.of("order.forced")
    assert (forced.order.side, forced.order.quantity) == ("cover", D("1.67"))
    assert made.ledger.quantity("X") == D("-8.33")


def test_interest_that_takes_the_margin_away() -> None:
    """10 at 100, 500 of it lent: equity 500 = 0.5 x 1,000. The night's interest on 500 at 36 % is 0.5, so 499.50 < 500 at 00:00:
    1,000 - 499.50 / 0.5 = 1 must go, 0.01 of 100, without any price having moved."""
    terms = AccountTerms(
        leverage=D(2), maintenance_margin=D("0.5"), liquidates=True, margin_rate=D("0.36"), initial_margin=D("0.5")
    )
    known = {"X": Instrument(symbol="X", lot_size=D("0.01"))}
    made = ran({1: buys(10)}, {"X": [100] * 26}, terms, every=HOUR, cash="500", instruments=known)
    assert [f.amount for f in made.of("cash")] == [D("-0.5")]
    (call,) = made.of("margin_call")
    assert (call.equity, call.required) == (D("499.5"), 500)
    assert [f.order.quantity for f in made.of("order.forced")] == [D("0.01")]
    assert made.ledger.cash == D("-500.5") + 1


# -- what time costs


def test_margin_interest() -> None:
    """1,000 owed at 7.2 % of 360 days: 0.20 a day, on its interest too: after one midnight 1,000.20, then 0.20004 more."""
    terms = AccountTerms(leverage=D(2), margin_rate=D("0.072"))
    made = ran({1: buys(20)}, {"X": [100] * 60}, terms, every=HOUR)
    assert [(f.kind, f.currency, f.amount) for f in made.of("cash")] == [
        ("interest", "USD", D("-0.20")),
        ("interest", "USD", D("-0.20004")),
    ]
    assert made.ledger.cash == D("-1000.40004")
    assert made.ledger.equity == D("999.59996")


def test_interest_begins_with_the_session() -> None:
    """1,000 idle at 36 %: bars of 12 hours from 2024-01-01 12:00; the first ends at 00:00 of the 2nd, the last at 12:00 of the
    4th. The midnights of the 3rd and the 4th pay 1, then 1.001; not a day more, whatever the clock counts from."""
    starts = [19_723 * DAY + n * 12 * HOUR for n in range(1, 7)]
    made = ran({}, {"X": [100] * 6}, AccountTerms(credit_rate=D("0.36")), every=12 * HOUR, starts=starts)
    assert [flow.amount for flow in made.of("cash")] == [D("1"), D("1.001")]


def test_short_borrow() -> None:
    """5 short at 100, then 120 at midnight: 600 x 36 % / 360 = 0.60."""
    prices = [100.0] * 20 + [120.0] * 8
    made = ran({1: lambda c: c.short("X", 5)}, {"X": prices}, AccountTerms(borrow_rate=D("0.36")), every=HOUR)
    assert [(f.kind, f.symbol, f.amount) for f in made.of("cash")] == [("borrow", "X", D("-0.6"))]
    assert made.ledger.cash == D("1499.4")


def test_funding_of_a_perpetual() -> None:
    """2 held at 100 pay 0.01 % of 200 at 08:00, 16:00 and 00:00: 0.02 each; nothing is lent or borrowed for it."""
    known = {"P": Instrument(symbol="P", asset_class="perpetual")}
    terms = AccountTerms(funding_rate=D("0.0001"), margin_rate=D("0.05"), borrow_rate=D("0.05"), leverage=D(2))
    made = ran({1: buys(2, "P")}, {"P": [100] * 25}, terms, every=HOUR, instruments=known)
    assert [(f.kind, f.symbol, f.amount) for f in made.of("cash")] == [("funding", "P", D("-0.02"))] * 3
    assert made.ledger.cash == D("799.94")


# -- cash accounts


def test_unsettled_money_is_not_spent() -> None:
    """T+1 from Thursday 1 January 1970: what was sold then settles on Friday 00:00 UTC; a purchase before is denied, the same
    one after it is not."""
    terms = AccountTerms(type="cash", settlement_days=1)
    plan = {1: buys(10), 2: lambda c: c.close("X"), 3: buys(5), 26: buys(5)}
    made = ran(plan, {"X": [100] * 28}, terms, every=HOUR, limits=Limits())
    denied = made.of("order.denied")
    assert [(d.order.quantity, d.code) for d in denied] == [(5, "cash")], denied
    assert made.ledger.quantity("X") == 5
    assert made.ledger.cash == 500


def test_a_cash_account_has_no_shorts() -> None:
    """Denied before it leaves, whatever the strategy's own limits allow."""
    made = ran({1: lambda c: c.short("X", 1)}, {"X": [100] * 3}, AccountTerms(type="cash"))
    assert [d.code for d in made.of("order.denied")] == ["short"]
    assert made.ledger.cash == 1_000


# -- currencies


def test_an_account_in_dollars_trades_in_euros() -> None:
    """5 at 100 euros cost 500 euros, that are owed; at a rate of 1.1, then 1.2, equity is 1,000 + (5 x 110 - 500) x 1.2."""
    known = {
        "X": Instrument(symbol="X", currency="EUR"),
        "EURUSD": Instrument(symbol="EURUSD", base="EUR", currency="USD", asset_class="fx"),
    }
    prices = {"X": [100.0, 100.0, 110.0, 110.0], "EURUSD": [1.1, 1.1, 1.1, 1.2]}
    made = ran({1: buys(5)}, prices, AccountTerms(currency="USD"), instruments=known)
    assert made.session.venue.cash() == {"main": 1_000}
    assert made.session.engine._seats["main"].ledger.foreign == {"EUR": -500}
    assert made.ledger.cash == 400
    assert made.ledger.equity == D("1060.0")
    assert made.of("mark")[-1].equity == pytest.approx(1_060)
    assert made.record.total.equity[-1] == pytest.approx(1_060)


def test_fees_in_the_coin_that_was_bought() -> None:
    """2 coins at 100 with 10 bps: 1.998 come, and 1.998 can be sold: at 110 less 10 bps of money, 219.78 - 0.21978."""
    known = {"BTCUSDT": Instrument(symbol="BTCUSDT", currency="USDT", base="BTC", asset_class="crypto")}

    class InCoin(Bps, frozen=True):
        in_base = True

    plan = {1: buys(2, "BTCUSDT"), 2: lambda c: c.sell("BTCUSDT", c.portfolio.quantity("BTCUSDT"))}
    made = ran(plan, {"BTCUSDT": [100, 100, 110]}, market=Market(commission=InCoin(D(10))), instruments=known)
    bought, sold = made.of("order.filled")
    assert (bought.quantity, bought.fee, bought.fee_currency) == (2, D("0.002"), "BTC")
    assert (sold.quantity, sold.fee, sold.fee_currency) == (D("-1.998"), D("0.21978"), "")
    assert made.ledger.positions == {}
    assert made.ledger.cash == D("1000") - 200 + D("219.78") - D("0.21978")


def test_all_kinds_of_money_are_in_the_sheet() -> None:
    """Interest and borrow are in the record's flows, and equity is what the books say."""
    terms = AccountTerms(leverage=D(2), margin_rate=D("0.072"), borrow_rate=D("0.36"))
    plan = {1: lambda c: c.buy("X", 18) + c.short("Y", 1)}
    made = ran(plan, {"X": [100] * 26, "Y": [100] * 26}, terms, every=HOUR)
    kinds = sorted(f.kind for f in made.of("cash"))
    assert kinds == ["borrow", "interest"]
    assert made.record.total.equity[-1] == pytest.approx(float(made.ledger.equity))
