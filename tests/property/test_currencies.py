"""Books in several currencies against a slow, obvious one in fractions, and against the venue's own, after every event."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepath.accounts import AccountTerms
from onepath.errors import ConfigError, DataError
from onepath.events import CashFlow, Fill
from onepath.instruments import Instrument
from onepath.ledger import EXACT, Ledger
from onepath.market import Trade
from onepath.portfolio import Portfolio
from onepath.rates import Rates, reachable
from onepath.simulator.accounts import Account

D = Decimal
INSTRUMENTS = {
    i.symbol: i
    for i in (
        Instrument(symbol="US", currency="USD"),
        Instrument(symbol="DE", currency="EUR"),
        Instrument(symbol="EURUSD", currency="USD", base="EUR"),
        Instrument(symbol="USDJPY", currency="JPY", base="USD"),
        Instrument(symbol="BTCUSD", currency="USD", base="BTC"),
        Instrument(symbol="P", currency="JPY", asset_class="perpetual", multiplier=D("0.001")),
    )
}
SYMBOLS = tuple(INSTRUMENTS)


def money(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(least), D(most), places=places, allow_nan=False, allow_infinity=False)


fills = st.tuples(
    st.sampled_from(SYMBOLS),
    money("-1000", "1000", 8).filter(bool),
    money("0.0001", "99999", 8),
    money("-5", "20", 8),
    st.sampled_from(["", "base", "JPY"]),
)
flows = st.tuples(st.sampled_from(["USD", "EUR", "JPY"]), money("-1000", "1000", 12))
prices = st.lists(st.floats(0.01, 1e4), min_size=len(SYMBOLS), max_size=len(SYMBOLS))


def fill(number: int, symbol: str, quantity: Decimal, price: Decimal, fee: Decimal, paid: str) -> Fill:
    return Fill(
        id=number,
        order_id=number,
        strategy="s",
        symbol=symbol,
        quantity=quantity,
        price=price,
        fee=fee,
        slippage=D(0),
        executed_at=number,
        remaining=D(0),
        fee_currency=paid,
    )


class Slow:
    """Cash by currency, units by symbol, money earned by currency: fractions, one line a rule."""

    def __init__(self) -> None:
        self.cash = {"USD": Fraction(100_000), "EUR": Fraction(0), "JPY": Fraction(0)}
        self.units = dict.fromkeys(SYMBOLS, Fraction(0))
        self.fees = dict.fromkeys(self.cash, Fraction(0))

    def fill(self, f: Fill) -> None:
        i = INSTRUMENTS[f.symbol]
        unit = Fraction(f.price) * Fraction(i.multiplier)
        self.cash[i.currency] -= Fraction(f.quantity) * unit
        self.units[f.symbol] += Fraction(f.quantity)
        if f.fee_currency and f.fee_currency == i.base:
            self.units[f.symbol] -= Fraction(f.fee)
            self.fees[i.currency] += Fraction(f.fee) * unit
        else:
            self.cash[f.fee_currency or i.currency] -= Fraction(f.fee)
            self.fees[f.fee_currency or i.currency] += Fraction(f.fee)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(fills, flows), max_size=25), prices)
def test_ledger_venue_and_fractions_agree(events: list[tuple[object, ...]], last: list[float]) -> None:
    """After every event: the same cash in every currency and the same units in all three books, and both identities, by
    currency and at home, to the last digit."""
    with localcontext(EXACT):
        terms = AccountTerms(capital=D(100_000), currency="USD", leverage=D(10))
        ledger = Ledger("s", D(100_000), INSTRUMENTS, count(1), terms)
        account = Account("s", terms, INSTRUMENTS)
        slow = Slow()
        marks = {s: Trade(s, 0, p, 1.0) for s, p in zip(SYMBOLS, last, strict=True)}
        portfolio = Portfolio(ledger, marks, D(1))
        for number, event in enumerate(events, start=1):
            if len(event) == 2:
                flow = CashFlow(strategy="s", kind="deposit", currency=str(event[0]), amount=event[1])  # type: ignore[arg-type]
                ledger.flow(flow)
                account.flow(flow)
                slow.cash[flow.currency] += Fraction(flow.amount)
            else:
                made = _made(number, *event)  # type: ignore[arg-type]
                ledger.apply(made)
                _venue(account, made)
                slow.fill(made)
            for currency, cash in slow.cash.items():
                assert Fraction(portfolio.cash_in(currency)) == Fraction(account.cash_in(currency)) == cash
                assert _identity(ledger, currency, Fraction(100_000 if currency == "USD" else 0)) == cash
            for symbol, units in slow.units.items():
                assert Fraction(ledger.quantity(symbol)) == Fraction(account.quantities.get(symbol, D(0))) == units
            home = (
                portfolio.capital + portfolio.realised_pnl + portfolio.unrealised_pnl - portfolio.fees + portfolio.flows
            )
            assert home == portfolio.equity == portfolio.cash + portfolio.net_exposure
            fees = {"USD": ledger.fees, **{c: p.fees for c, p in ledger.purses.items()}}
            assert {c: Fraction(f) for c, f in fees.items() if f} == {c: f for c, f in slow.fees.items() if f}


def _made(number: int, symbol: str, quantity: Decimal, price: Decimal, fee: Decimal, paid: str) -> Fill:
    base = INSTRUMENTS[symbol].base
    return fill(number, symbol, quantity, price, fee, (base if paid == "base" else paid) if base != "USD" else "")


def _venue(account: Account, made: Fill) -> None:
    """The venue's books know fees in money and in coin; a third currency is a flow to them."""
    instrument = INSTRUMENTS[made.symbol]
    in_base = bool(made.fee_currency) and made.fee_currency == instrument.base
    apart = bool(made.fee_currency) and not in_base
    account.book(instrument, made.quantity, made.price, D(0) if apart else made.fee, in_base, made.executed_at)
    if apart:
        account.flow(CashFlow(strategy="s", kind="fee", currency=made.fee_currency, amount=-made.fee))


def _identity(ledger: Ledger, currency: str, capital: Fraction) -> Fraction:
    """Cash of a currency as capital + realised - fees + flows - cost of what is held."""
    book = ledger if currency == ledger.currency else ledger.purses.get(currency)
    if book is None:
        return capital
    cost = sum(
        (Fraction(p.cost) for s, p in ledger.positions.items() if ledger.currency_of(s) == currency), Fraction(0)
    )
    return capital + Fraction(book.realised) - Fraction(book.fees) + Fraction(book.flows) - cost


def rates(home: str, **known: float) -> Rates:
    return Rates(home, INSTRUMENTS.values(), {s: Trade(s, 0, p, 1.0) for s, p in known.items()})


def test_rates_direct_turned_round_and_over_another() -> None:
    """EUR in USD 1.25; USD in EUR 0.8; JPY in EUR = 1 / 100 / 1.25 = 0.008; BTC in JPY = 50,000 x 100."""
    known = {"EURUSD": 1.25, "USDJPY": 100.0, "BTCUSD": 50_000.0}
    assert rates("USD", **known).of("EUR") == D("1.25")
    assert rates("EUR", **known).of("USD") == D("0.8")
    assert rates("EUR", **known).of("JPY") == D("0.008")
    assert rates("JPY", **known).of("BTC") == 5_000_000
    assert rates("CHF").of("CHF") == 1


def test_a_missing_rate_is_told() -> None:
    """Never one: none before its first price, an error where it is needed, an error at the start where it can never be."""
    assert rates("USD").of("EUR") is None
    with pytest.raises(DataError, match="EURUSD had no price yet"):
        rates("USD").need("EUR")
    with pytest.raises(ConfigError, match="priced in EUR and the account is kept in CHF"):
        reachable("CHF", ["DE"], INSTRUMENTS)


def test_a_round_trip_in_another_currency() -> None:
    """1,000 EUR; 10 US shares at 100 USD and 1.25 (owed 1,000 USD), sold at 110 and 1.10: 100 USD left = 90.909... EUR."""
    with localcontext(EXACT):
        ledger = Ledger("s", D(1_000), INSTRUMENTS, count(1), AccountTerms(currency="EUR"))
        marks = {"EURUSD": Trade("EURUSD", 0, 1.25, 1.0), "US": Trade("US", 0, 100.0, 1.0)}
        portfolio = Portfolio(ledger, marks, D(1))
        ledger.apply(fill(1, "US", D(10), D(100), D(0), ""))
        assert (portfolio.equity, portfolio.cash, portfolio.value("US")) == (D(1_000), D(200), D(800))
        marks["US"] = Trade("US", 0, 110.0, 1.0)
        assert (portfolio.equity, portfolio.unrealised_pnl) == (D(1_080), D(80))  # 100 x 0.8
        marks["EURUSD"] = Trade("EURUSD", 0, 1.1, 1.0)
        ledger.apply(fill(2, "US", D(-10), D(110), D(0), ""))
        assert portfolio.cash_in("USD") == 100
        assert portfolio.realised_pnl == portfolio.equity - 1_000 == D("90.9090909090909091")  # 18 digits of 1 / 1.1


def test_a_fee_in_coin() -> None:
    """1 BTC at 50,000 less 0.1 %: 0.999 cost 49,950, the fee is 50; sold at 60,000: 59,940 - 49,950 = 9,990 earned."""
    with localcontext(EXACT):
        ledger = Ledger("s", D(100_000), INSTRUMENTS, count(1), AccountTerms(currency="USD"))
        event = ledger.apply(fill(1, "BTCUSD", D(1), D(50_000), D("0.001"), "BTC"))
        assert (event.quantity, event.cost, ledger.fees, ledger.cash) == (D("0.999"), D(49_950), D(50), D(50_000))
        event = ledger.apply(fill(2, "BTCUSD", D("-0.999"), D(60_000), D(0), ""))
        assert (event.change, event.realised, ledger.cash) == ("closed", D(9_990), D(109_940))


def test_settled_cash() -> None:
    """Sold on Friday for 1,100 with one day of settlement: on Saturday the cash is 1,100 and none of it settled."""
    day = 86_400_000_000_000
    with localcontext(EXACT):
        terms = AccountTerms(currency="USD", type="cash", settlement_days=1)
        ledger = Ledger("s", D(1_000), INSTRUMENTS, count(1), terms)
        ledger.apply(fill(1, "US", D(10), D(100), D(0), ""))
        sale = Fill(**{**_plain(fill(2, "US", D(-10), D(110), D(0), "")), "executed_at": day})  # type: ignore[arg-type]
        ledger.apply(sale)
        marks = {"US": Trade("US", 2 * day, 110.0, 1.0)}
        portfolio = Portfolio(ledger, marks, D(1))
        assert (portfolio.cash, portfolio.settled_cash, portfolio.buying_power) == (D(1_100), D(0), D(0))
        marks["US"] = Trade("US", 4 * day, 110.0, 1.0)
        assert (portfolio.settled_cash, portfolio.buying_power) == (D(1_100), D(1_100))


def _plain(made: Fill) -> dict[str, object]:
    return {name: getattr(made, name) for name in made.__struct_fields__}
