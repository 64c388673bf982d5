"""The ledger of real accounts by hand: fees in coin and in a third currency, money abroad, settlement, income."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from itertools import count

import pytest

from onepath.accounts import DAY, AccountTerms
from onepath.errors import ConfigError, DataError
from onepath.events import CashFlow, Fill
from onepath.instruments import Instrument
from onepath.ledger import EXACT, Ledger
from onepath.market import Trade
from onepath.portfolio import Portfolio
from onepath.rates import Rates, reachable

D = Decimal
X = Instrument(symbol="X")
BTC = Instrument(symbol="BTCUSDT", base="BTC", currency="USDT")
EURUSD = Instrument(symbol="EURUSD", base="EUR", currency="USD")
USDJPY = Instrument(symbol="USDJPY", base="USD", currency="JPY")
DAX = Instrument(symbol="DAX", currency="EUR", multiplier=D(25), asset_class="future")


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Books are kept under the loop's own decimal context."""
    with localcontext(EXACT):
        yield


def books(*instruments: Instrument, **terms: object) -> Ledger:
    return Ledger("s", D(100_000), {i.symbol: i for i in instruments}, count(1), AccountTerms(**terms))  # type: ignore[arg-type]


def fill(symbol: str, quantity: str, price: str, fee: str = "0", paid: str = "", at: int = 0) -> Fill:
    return Fill(
        id=1,
        order_id=1,
        strategy="s",
        symbol=symbol,
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        slippage=D(0),
        executed_at=at,
        remaining=D(0),
        fee_currency=paid,
    )


def test_a_fee_in_the_coin_bought() -> None:
    """1 BTC at 50,000 for 0.001 BTC: 0.999 come, 50,000 go, the fee is worth 50, and the coins cost 49,950."""
    ledger = books(BTC, currency="USDT")
    event = ledger.apply(fill("BTCUSDT", "1", "50000", "0.001", "BTC"))
    assert (event.quantity, event.cost) == (D("0.999"), D(49_950))
    assert (ledger.cash, ledger.fees) == (D(50_000), D(50))
    # All of it sold at 51,000: 50,949 come, 999 more than the coins cost.
    closed = ledger.apply(fill("BTCUSDT", "-0.999", "51000"))
    assert (closed.quantity, closed.realised) == (D(0), D(999))
    assert ledger.cash == D(100_949) == ledger.capital + ledger.realised - ledger.fees


def test_a_fee_in_a_third_currency() -> None:
    """0.02 BNB for a purchase of 500: its own purse is charged, the price is paid in full."""
    ledger = books(BTC, currency="USDT")
    ledger.apply(fill("BTCUSDT", "0.01", "50000", "0.02", "BNB"))
    assert (ledger.cash, ledger.fees) == (D(99_500), D(0))
    assert (ledger.purses["BNB"].cash, ledger.purses["BNB"].fees) == (D("-0.02"), D("0.02"))


def test_a_contract_abroad() -> None:
    """2 DAX at 15,000 x 25 EUR, fee 4, sold at 15,010 for a fee of 4: 500 earned and 8 paid, in euros; dollars as before."""
    ledger = books(DAX, EURUSD, currency="USD")
    ledger.apply(fill("DAX", "2", "15000", "4"))
    assert ledger.foreign == {"EUR": D(-750_004)}
    closed = ledger.apply(fill("DAX", "-2", "15010", "4"))
    assert closed.realised == D(500)
    assert (ledger.cash, ledger.foreign) == (D(100_000), {"EUR": D(492)})
    assert (ledger.purses["EUR"].realised, ledger.purses["EUR"].fees) == (D(500), D(8))


def test_money_abroad_at_home() -> None:
    """492 EUR at 1.10 are 541.20 USD; 15,000 JPY at 150 a dollar are 100 USD; what has no rate is not taken for one."""
    ledger = books(DAX, EURUSD, USDJPY, currency="USD")
    marks = {"EURUSD": Trade("EURUSD", 0, 1.1, 0.0)}
    for currency, amount in (("EUR", "492"), ("JPY", "15000")):
        ledger.flow(CashFlow(strategy="s", kind="interest", currency=currency, amount=D(amount)))
    portfolio = Portfolio(ledger, marks, D(1))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="the rate of JPY in USD is not known: USDJPY had no price yet"):
        _ = portfolio.cash
    marks["USDJPY"] = Trade("USDJPY", 0, 150.0, 0.0)
    assert portfolio.cash.quantize(D("1e-9")) == D("100641.2")
    assert portfolio.flows.quantize(D("1e-9")) == D("641.2")


@pytest.mark.parametrize(
    ("home", "of", "rate"),
    [
        ("USD", "EUR", "1.25"),
        ("EUR", "USD", "0.8"),
        ("JPY", "USD", "160"),
        ("USD", "JPY", "0.00625"),
        ("JPY", "EUR", "200"),
    ],
)
def test_rates_by_hand(home: str, of: str, rate: str) -> None:
    """EURUSD at 1.25 and USDJPY at 160: as they are, turned round, and over the dollar: 1.25 x 160 = 200."""
    marks = {"EURUSD": Trade("EURUSD", 0, 1.25, 0.0), "USDJPY": Trade("USDJPY", 0, 160.0, 0.0)}
    assert Rates(home, [EURUSD, USDJPY], marks).need(of) == D(rate)
    assert Rates(home, [EURUSD, USDJPY], {}).of(of) is None


def test_what_a_sale_brings_may_not_be_spent_before_it_settles() -> None:
    """Sold on Friday, 2 January 1970, for 1,100 less a fee of 1: paid on Monday the 5th; the books have it at once."""
    ledger = books(Instrument(symbol="X"), type="cash", settlement_days=1)
    ledger.apply(fill("X", "10", "100"))
    ledger.apply(fill("X", "-10", "110", "1", at=DAY))
    assert ledger.cash == D(100_099)
    assert ledger.unsettled("USD", DAY) == D(1_099)
    assert ledger.unsettled("USD", 4 * DAY - 1) == D(1_099)
    assert ledger.unsettled("USD", 4 * DAY) == 0


def test_what_pays_for_units_is_no_income() -> None:
    """A dividend is income; what a fraction of a share brings is its price."""
    ledger = books(Instrument(symbol="X"))
    for kind in ("dividend", "fraction"):
        ledger.flow(CashFlow(strategy="s", kind=kind, currency="USD", amount=D(7), symbol="X"))
    assert (ledger.cash, ledger.flows) == (D(100_014), D(7))


def test_what_may_be_spent_of_a_cash_account() -> None:
    """Sold for 1,100 on a Friday with 99,000 beside: 1,100 settle on Monday. Until then 99,000 may be spent, of 100,100."""
    ledger = books(X, type="cash", settlement_days=1)
    ledger.apply(fill("X", "10", "100"))
    ledger.apply(fill("X", "-10", "110", at=DAY))
    marks = {"X": Trade("X", DAY, 110.0, 0.0)}
    portfolio = Portfolio(ledger, marks, D(1))  # type: ignore[arg-type]
    assert (portfolio.cash, portfolio.settled_cash, portfolio.buying_power) == (D(100_100), D(99_000), D(99_000))
    marks["X"] = Trade("X", 4 * DAY, 110.0, 0.0)
    assert (portfolio.settled_cash, portfolio.buying_power) == (D(100_100), D(100_100))
    assert portfolio.currency == "USD"


def test_what_positions_bind_of_a_margin_account() -> None:
    """100 X at 500: half of 50,000 is bound, and twice the equity of 100,000 less them may still be bought. A leverage of 1
    is stricter than the half: all of it is bound, and 50,000 are left. Without a rule of the account the leverage is it."""
    ledger = books(X, type="margin", initial_margin=D("0.5"))
    ledger.apply(fill("X", "100", "500"))
    marks = {"X": Trade("X", 0, 500.0, 0.0)}
    for leverage, bound, left in ((4, 25_000, 150_000), (1, 50_000, 50_000)):
        portfolio = Portfolio(ledger, marks, D(leverage))  # type: ignore[arg-type]
        assert (portfolio.margin_used, portfolio.buying_power) == (D(bound), D(left))
    plain = books(X)
    plain.apply(fill("X", "100", "500"))
    portfolio = Portfolio(plain, marks, D(4))  # type: ignore[arg-type]
    assert (portfolio.margin_used, portfolio.buying_power) == (D(12_500), D(350_000))
    assert portfolio.settled_cash == D(50_000), "no days to wait: all cash is settled"


def test_a_rate_may_be_asked_for() -> None:
    """A euro is 1.10 dollars; an empty purse needs no rate: the francs came and went."""
    ledger = books(X, EURUSD, currency="USD")
    for amount in ("5", "-5"):
        ledger.flow(CashFlow(strategy="s", kind="interest", currency="CHF", amount=D(amount)))
    portfolio = Portfolio(ledger, {"EURUSD": Trade("EURUSD", 0, 1.1, 0.0)}, D(1))
    assert portfolio.rate("EUR") == D("1.1")
    assert portfolio.cash == D(100_000)
    with pytest.raises(DataError, match="CHF"):
        portfolio.rate("CHF")


def test_a_currency_that_no_instrument_reaches() -> None:
    """The DAX is in euros: with EURUSD dollars are enough, without it the session cannot start."""
    reachable("USD", ["DAX", "X"], {"DAX": DAX, "X": X, "EURUSD": EURUSD})
    with pytest.raises(ConfigError, match="DAX is priced in EUR and the account is kept in USD, but no instrument"):
        reachable("USD", ["DAX", "X"], {"DAX": DAX, "X": X})


def test_nothing_left_of_what_was_not_held() -> None:
    """An action may leave nothing of a symbol that nobody held, with a profit all the same (a fraction paid out)."""
    ledger = books(X)
    event = ledger.restate("X", D(0), D(0), realised=D(7), change="closed")
    assert (event.quantity, ledger.realised, ledger.positions) == (D(0), D(7), {})


def test_cash_that_lies_abroad() -> None:
    """Two DAX at 15,000 x 25 and a fee of 4 are owed in euros; the dollars are as they were."""
    ledger = books(DAX, EURUSD, currency="USD")
    ledger.apply(fill("DAX", "2", "15000", "4"))
    portfolio = Portfolio(ledger, {}, D(1))
    assert (portfolio.cash_in("EUR"), portfolio.cash_in("USD")) == (D(-750_004), D(100_000))
