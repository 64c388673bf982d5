"""The venue's accounts by hand: margin, interest, funding, settlement, currencies, fees in coin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from onepath.accounts import DAY, AccountTerms, settles_at
from onepath.errors import ConfigError
from onepath.events import CashFlow, MarginCall
from onepath.instruments import Instrument
from onepath.ledger import EXACT
from onepath.orders import Order, OrderType, Side, TimeInForce
from onepath.ports import NEVER
from onepath.simulator.accounts import Account

D = Decimal
HOUR = DAY // 24
TABLES = Path(__file__).parents[2] / "known" / "tables"
FRIDAY = 1 * DAY  # 2 January 1970


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Books are kept under the loop's own decimal context."""
    with localcontext(EXACT):
        yield


def rows(name: str) -> list[list[str]]:
    lines = (TABLES / name).read_text().splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]


def at(*prices: tuple[str, str]) -> Callable[[str], Decimal | None]:
    known = {symbol: D(price) for symbol, price in prices}
    return known.get


def share(symbol: str = "X", **fields: object) -> Instrument:
    return Instrument(symbol=symbol, lot_size=D(1), **fields)  # type: ignore[arg-type]


def opened(terms: AccountTerms, *instruments: Instrument) -> Account:
    return Account("s", terms, {i.symbol: i for i in instruments or (share(),)})


def order(side: Side, quantity: str = "1000", symbol: str = "X", reduce_only: bool = False) -> Order:
    return Order(
        id=1,
        strategy="s",
        symbol=symbol,
        side=side,
        quantity=D(quantity),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        submitted_at=0,
        reduce_only=reduce_only,
    )


def trade(account: Account, deal: str, instrument: Instrument | None = None, when: int = FRIDAY) -> None:
    quantity, price = deal.split("@")
    account.book(instrument or share(), D(quantity), D(price), D(0), False, when)


def free(quantity: Decimal) -> Decimal:
    return D(0)


@pytest.mark.parametrize("row", rows("margin.txt"), ids=lambda row: " ".join(row[:3]))
def test_margin_calls_and_liquidation(row: list[str]) -> None:
    """Equity, what is required, whether it calls, and what is closed: tests/known/tables/margin.txt."""
    capital, deal, price, equity, required, calls, closes = row
    account = opened(
        AccountTerms(capital=D(capital), initial_margin=D("0.5"), maintenance_margin=D("0.25"), liquidates=True)
    )
    trade(account, deal)
    call = account.short_of_margin(at(("X", price)))
    expected = MarginCall(strategy="s", equity=D(equity), required=D(required), liquidates=True)
    assert call == (expected if calls == "yes" else None)
    found = account.liquidation(at(("X", price)))
    assert found == ([] if closes == "-" else [("X", D(closes))])


def test_liquidation_takes_the_largest_position_first() -> None:
    """A: 100 at 60 = 6,000, B: 100 at 80 = 8,000; equity 2,000 carries 8,000: 6,000 of B go, 75 shares."""
    account = opened(AccountTerms(initial_margin=D("0.5"), maintenance_margin=D("0.25")), share("A"), share("B"))
    trade(account, "100@60", share("A"))
    trade(account, "100@60", share("B"))  # 12,000 owed
    assert account.liquidation(at(("A", "60"), ("B", "80"))) == [("B", D(-75))]


def test_liquidation_pays_for_itself() -> None:
    """The same at a cost of 1 %: of 79 (6,320) 63.20 are costs, and 1,936.80 carries the 7,680 left; after 78 they were 1,937.60
    for 7,760, which is short. Where costs take as much as the margin asks for, everything goes."""
    account = opened(AccountTerms(initial_margin=D("0.5"), maintenance_margin=D("0.25")), share("A"), share("B"))
    trade(account, "100@60", share("A"))
    trade(account, "100@60", share("B"))
    prices = at(("A", "60"), ("B", "80"))
    assert account.liquidation(prices, D("0.01")) == [("B", D(-79))]
    assert account.liquidation(prices, D("0.25")) == [("B", D(-100)), ("A", D(-100))]


def test_a_margin_call_is_made_once_until_it_is_met() -> None:
    """66 calls, 65 does not again, 70 meets it, 66 calls again."""
    account = opened(AccountTerms(capital=D(10_000), initial_margin=D("0.5"), maintenance_margin=D("0.25")))
    trade(account, "200@100")
    calls = [account.short_of_margin(at(("X", price))) is not None for price in ("66", "65", "70", "66")]
    assert calls == [True, False, False, True]


def test_initial_margin_counts_the_other_positions() -> None:
    """10,000 at 50 % carry 20,000: with 12,000 of A held, 8,000 of X: 80 at 100; a fee of 1 a share leaves 78."""
    account = opened(AccountTerms(capital=D(10_000), initial_margin=D("0.5")), share("A"), share())
    trade(account, "100@120", share("A"))
    prices = at(("A", "120"))
    buy = order(Side.BUY)
    assert account.payable(buy, share(), D(1000), D(100), free, prices) == 80
    # x shares: 0.5 x (12,000 + 100 x) <= 10,000 - x: x <= 4,000 / 51 = 78.4
    assert account.payable(buy, share(), D(1000), D(100), lambda q: q, prices) == 78
    assert account.payable(order(Side.SHORT), share(), D(1000), D(100), free, prices) == 80
    # A at 60: equity 4,000 carries 8,000, and 6,000 are held
    assert account.payable(buy, share(), D(1000), D(100), free, at(("A", "60"))) == 20
    # a price nobody knows carries nothing
    assert account.payable(buy, share(), D(1000), D(100), free, at()) == 0


def test_closing_needs_no_margin() -> None:
    """Deep under water, the 100 owed are bought back, and not one share more."""
    account = opened(AccountTerms(capital=D(1_000), initial_margin=D("0.5")))
    trade(account, "-100@20")
    assert account.payable(order(Side.BUY), share(), D(150), D(50), free, at()) == 100


def test_a_purchase_never_overdraws_at_leverage_one() -> None:
    """1,000 buy 9 at 100 when each costs a fee of 10 (9 x 110 = 990), whatever is owed is bought back."""
    account = opened(AccountTerms(capital=D(1_000)))
    assert account.payable(order(Side.BUY), share(), D(50), D(100), lambda q: 10 * q, at()) == 9
    # 10 shares are 1,000, and there is nothing left for a fee of 1 an order
    assert account.payable(order(Side.BUY), share(), D(10), D(100), lambda q: D(1), at()) == 9
    assert account.payable(order(Side.BUY), share(), D(10), D(100), free, at()) == 10
    trade(account, "-30@100")
    assert account.payable(order(Side.BUY), share(), D(50), D(1_000), free, at()) == 30


@pytest.mark.parametrize(
    ("side", "held", "reduce_only", "allowed"),
    [
        (Side.SELL, "5", False, "5"),
        (Side.SELL, "-5", False, "0"),
        (Side.COVER, "-5", False, "5"),
        (Side.BUY, "-5", True, "5"),
        (Side.BUY, "5", True, "0"),
        (Side.SHORT, "5", True, "5"),
        (Side.SHORT, "0", True, "0"),
        (Side.SHORT, "5", False, "8"),
        (Side.BUY, "5", False, "8"),
    ],
)
def test_orders_that_end_at_zero(side: Side, held: str, reduce_only: bool, allowed: str) -> None:
    """Of an order for 8."""
    account = opened(AccountTerms())
    account.quantities["X"] = D(held)
    assert account.guarded(order(side, reduce_only=reduce_only), D(8)) == D(allowed)


@pytest.mark.parametrize("row", rows("interest.txt"), ids=lambda row: " ".join(row[:3]))
def test_interest(row: list[str]) -> None:
    """Interest and borrow by day count: tests/known/tables/interest.txt."""
    count, deal, rates, days, price, flows = row
    made, _, capital = deal.partition(" of ")
    given = {f"{name}_rate": D(rate) for name, rate in (part.split("=") for part in rates.split(", "))}
    account = opened(AccountTerms(capital=D(capital), leverage=D(10), day_count=int(count), **given))  # type: ignore[arg-type]
    assert account.due == 0
    account.advance(FRIDAY + HOUR, at(("X", price)))
    trade(account, made, when=FRIDAY + HOUR)
    assert account.due == FRIDAY + DAY
    found = [f for f in account.advance(FRIDAY + int(days) * DAY, at(("X", price))) if isinstance(f, CashFlow)]
    assert [(f.kind, f.amount) for f in found] == [
        (kind, D(amount)) for kind, amount in (part.split() for part in flows.split(", "))
    ]


PERPETUAL = Instrument(symbol="P", asset_class="perpetual", currency="USDT", multiplier=D("0.001"))


@pytest.mark.parametrize(("held", "amount"), [("200", "-1"), ("-200", "1")])
def test_funding(held: str, amount: str) -> None:
    """200 contracts of 0.001 BTC at 50,000 are worth 10,000: 0.01 % every eight hours is 1, from long to short."""
    account = opened(AccountTerms(capital=D(10_000), leverage=D(2), funding_rate=D("0.0001")), PERPETUAL)
    prices = at(("P", "50000"))
    account.advance(FRIDAY, prices)
    trade(account, f"{held}@50000", PERPETUAL, FRIDAY + HOUR)
    assert account.due == FRIDAY + 8 * HOUR
    flow = CashFlow(strategy="s", kind="funding", currency="USDT", amount=D(amount), symbol="P")
    assert account.advance(FRIDAY + 8 * HOUR, prices) == [flow]
    assert account.advance(FRIDAY + 15 * HOUR, prices) == []
    assert account.advance(FRIDAY + DAY, prices) == [flow, flow]


def test_funding_as_it_was() -> None:
    """Rates of a table are paid at its times, and at no others."""
    table = {"P": ((FRIDAY, D("0.5")), (FRIDAY + 4 * HOUR, D("0.001")), (FRIDAY + 8 * HOUR, D("-0.002")))}
    account = opened(AccountTerms(capital=D(10_000), funding=table), PERPETUAL)
    prices = at(("P", "50000"))
    trade(account, "20@50000", PERPETUAL, FRIDAY + HOUR)  # worth 1,000
    flows = account.advance(FRIDAY + DAY, prices)
    assert [f.amount for f in flows if isinstance(f, CashFlow)] == [-1, 2]
    assert account.due == NEVER


def test_a_perpetual_is_not_borrowed_for() -> None:
    """Twice the cash in a perpetual bears no margin interest; its loss does: 100 at 1 x (90 - 100) below 0 of cash."""
    perpetual = Instrument(symbol="P", asset_class="perpetual")
    account = opened(AccountTerms(capital=D(1_000), leverage=D(2), margin_rate=D("0.36")), perpetual)
    account.advance(FRIDAY, at())
    trade(account, "20@100", perpetual, FRIDAY + HOUR)
    assert account.advance(FRIDAY + DAY, at(("P", "100"))) == []  # 1,000 - 2,000 + 2,000
    # at 45: 1,000 - 2,000 + 900 = -100 x 0.36 / 360 = -0.1, and equity is below zero
    flow, call = account.advance(FRIDAY + 2 * DAY, at(("P", "45")))
    assert isinstance(flow, CashFlow) and flow.amount == D("-0.1")
    assert call == MarginCall(strategy="s", equity=D("-100.1"), required=D(0), liquidates=False)


def test_equity_below_zero_is_told_without_any_terms() -> None:
    """Short 100 at 10 with 500, 16 at midnight: 1,500 - 1,600."""
    account = opened(AccountTerms(capital=D(500)))
    assert account.due == NEVER
    trade(account, "-100@10", when=FRIDAY + HOUR)
    assert account.due == FRIDAY + DAY
    found = account.advance(FRIDAY + DAY, at(("X", "16")))
    assert found == [MarginCall(strategy="s", equity=D(-100), required=D(0), liquidates=False)]


def test_equity_below_zero_is_told_while_a_call_is_open() -> None:
    """20 at 100 with 1,000: below the maintenance of 25 % (500) at 65: 300 < 325. Below zero at 49: -20. Each is told once, and
    again only after the margin was met: at 70, 400 >= 350."""
    account = opened(AccountTerms(capital=D(1_000), leverage=D(2), maintenance_margin=D("0.25")))
    trade(account, "20@100")
    told = []
    for price in ("65", "64", "49", "48", "52", "47", "70", "40", "39", "60", "66", "68", "60"):
        call = account.short_of_margin(at(("X", price)))
        told.append(None if call is None else (call.equity, call.required))
    # At 68: 360 >= 340; at 70 and 68 the calls are met. 40 comes at once below zero: one call for both.
    assert told == [
        (300, 325),
        None,
        (-20, 245),
        None,
        None,
        None,
        None,
        (-200, 200),
        None,
        None,
        None,
        None,
        (200, 300),
    ]


@pytest.mark.parametrize(
    ("sold", "days", "pays"),
    [(FRIDAY, 1, 4), (FRIDAY, 2, 5), (FRIDAY - 1, 1, 1), (FRIDAY + DAY, 1, 4), (4 * DAY, 0, 4)],
)
def test_settlement_days(sold: int, days: int, pays: int) -> None:
    """Friday 2 January 1970 + 1 is Monday the 5th (day 4), + 2 Tuesday; Thursday + 1 is Friday; Saturday + 1 is Monday."""
    assert settles_at(sold + HOUR if sold != FRIDAY - 1 else sold, days) == pays * DAY


def test_unsettled_money_buys_nothing() -> None:
    """10,000 in X sold on Friday for 11,000: on Saturday only the 500 beside it buy, on Monday all."""
    account = opened(AccountTerms(capital=D(10_500), type="cash", settlement_days=1))
    account.advance(FRIDAY, at())
    trade(account, "100@100", when=FRIDAY + HOUR)
    trade(account, "-100@110", when=FRIDAY + HOUR)
    assert account.due == 4 * DAY
    account.advance(FRIDAY + DAY, at())
    assert account.payable(order(Side.BUY), share(), D(1_000), D(100), free, at()) == 5
    account.advance(4 * DAY, at())
    assert account.payable(order(Side.BUY), share(), D(1_000), D(100), free, at()) == 115
    assert account.due == NEVER


def test_a_fee_in_coin() -> None:
    """1 BTC bought at 50,000 for 0.1 %: 0.999 come, 50,000 go."""
    coin = Instrument(symbol="BTCUSDT", base="BTC", currency="USDT")
    account = opened(AccountTerms(capital=D(60_000)), coin)
    account.book(coin, D(1), D(50_000), D("0.001"), True, 0)
    assert (account.cash, account.quantities["BTCUSDT"]) == (D(10_000), D("0.999"))


def test_a_purchase_in_another_currency_is_paid_by_the_whole_purse() -> None:
    """1,000 EUR at 1.10 are 1,100 USD: 11 shares at 100 USD; without a rate none."""
    pair = Instrument(symbol="EURUSD", base="EUR", currency="USD")
    account = opened(AccountTerms(capital=D(1_000), currency="EUR"), share(), pair)
    buy = order(Side.BUY)
    assert account.payable(buy, share(), D(50), D(100), free, at(("EURUSD", "1.1"))) == 11
    assert account.payable(buy, share(), D(50), D(100), free, at()) == 0
    trade(account, "10@100")
    assert (account.cash, account.foreign) == (D(1_000), {"USD": D(-1_000)})
    assert account.payable(buy, share(), D(50), D(100), free, at(("EURUSD", "1.1"))) == 1


def test_a_pair_the_other_way_round() -> None:
    """1,000 USD at 1.25 a EUR are 800 EUR: 8 shares at 100 EUR; over the pound, at 0.80 EUR of 1.60 USD each, 500 EUR: 5."""
    pair = Instrument(symbol="EURUSD", base="EUR", currency="USD")
    buy, stock = order(Side.BUY), share(currency="EUR")
    account = opened(AccountTerms(capital=D(1_000), currency="USD"), stock, pair)
    assert account.payable(buy, stock, D(50), D(100), free, at(("EURUSD", "1.25"))) == 8
    cable = Instrument(symbol="GBPUSD", base="GBP", currency="USD")
    cross = Instrument(symbol="GBPEUR", base="GBP", currency="EUR")
    account = opened(AccountTerms(capital=D(1_000), currency="USD"), stock, cable, cross)
    assert account.payable(buy, stock, D(50), D(100), free, at(("GBPUSD", "1.60"), ("GBPEUR", "0.80"))) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "cash", "leverage": D(2)},
        {"settlement_days": 1},
        {"day_count": 364},
        {"funding_hours": 5},
        {"leverage": D(0)},
        {"initial_margin": D(0)},
        {"liquidates": True},
        {"initial_margin": D("0.2"), "maintenance_margin": D("0.3")},
    ],
)
def test_terms_that_mean_nothing(wrong: dict[str, object]) -> None:
    """Terms that contradict each other are refused."""
    with pytest.raises(ConfigError):
        AccountTerms(**wrong)  # type: ignore[arg-type]


def test_the_stricter_of_terms_and_limits_holds() -> None:
    """Leverage 3 and limits of 2 give 2 and half; a cash account has neither leverage nor shorts."""
    two = AccountTerms(leverage=D(3)).granted(D(1), D(2), True)
    assert (two.leverage, two.initial_margin, two.allow_short) == (D(2), D("0.5"), True)
    cash = AccountTerms(type="cash").granted(D(1), D(2), True)
    assert (cash.leverage, cash.allow_short) == (D(1), False)
    assert AccountTerms().granted(D(1), D(2), False) == AccountTerms(capital=D(1), leverage=D(2), allow_short=False)


KEEPS = AccountTerms(capital=D(1_500), type="margin", leverage=D(2), maintenance_margin=D("0.25"), liquidates=True)


def test_nobody_is_called_at_a_price_that_nobody_knows() -> None:
    """20 X at 100 with 1,500 of 2,000: without a price of X equity is not known, and no guess is made; at 30 it is 100 of
    600, below a quarter, and called."""
    account = opened(KEEPS)
    account.book(share(), D(20), D(100), D(0), False, 0)
    assert account.short_of_margin(at()) is None
    assert account.liquidation(at()) == []
    call = account.short_of_margin(at(("X", "30")))
    assert call == MarginCall(strategy="s", equity=D(100), required=D(150), liquidates=True)


def test_nobody_is_called_at_a_rate_that_nobody_knows() -> None:
    """A debt of 400 euros at 1.25 is one of 500 dollars: 1,500 - 2,000 + 20 x 55 - 500 = 100 of 1,100, below a quarter.
    Without the rate of the euro there is no equity to speak of."""
    euro = Instrument(symbol="EURUSD", base="EUR", currency="USD")
    account = Account("s", KEEPS, {"X": share(), "EURUSD": euro})
    account.book(share(), D(20), D(100), D(0), False, 0)
    account.flow(CashFlow(strategy="s", kind="interest", currency="EUR", amount=D(-400)))
    assert account.short_of_margin(at(("X", "55"))) is None
    call = account.short_of_margin(at(("X", "55"), ("EURUSD", "1.25")))
    assert call is not None
    assert (call.equity, call.required) == (D(100), D(275))


def test_who_has_lost_all_closes_all() -> None:
    """20 X at 100 with 1,500: at 20 equity is -100, and all of it goes; at 30 (100 of 600) 400 may be carried: 200 go, 7 X."""
    account = opened(KEEPS)
    account.book(share(), D(20), D(100), D(0), False, 0)
    assert account.liquidation(at(("X", "20"))) == [("X", D(-20))]
    assert account.liquidation(at(("X", "30"))) == [("X", D(-7))]
