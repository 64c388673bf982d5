"""Real corporate actions over raw prices, against published adjusted series. Skipped where the data are not there.

Two things are compared: what a run's holder has at the end (units and cash, to the cent, from the file's own splits and
dividends), and what the actions that were read make of raw closes, with dividends put back into the stock as the publisher
does it, against the ratio of its adjusted closes. A holder's own return differs from the second by what the cash of
dividends would have earned in the stock.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import onepath
from onepath.actions import CashDividend, CorporateAction, Delisting, SpinOff, Split, SymbolChange
from onepath.calendars import DAY
from onepath.data.actions import midnight, read_actions
from onepath.errors import DataError
from onepath.instruments import Instrument

D = Decimal
DATA = Path("/work/shared/data")
WIKI = DATA / "equity_daily_corpactions/wiki_eod_2007_2012.csv.gz"
ETF = DATA / "equity_daily_corpactions/etf_2019_yahoo_divs.csv.gz"
ADJUSTED = DATA / "equity_daily_corpactions/csvdir_2012_2014.csv.gz"
LEAN = DATA / "equity_daily_lean"
FACTORS = LEAN / "factor_files.csv.gz"

pytestmark = pytest.mark.skipif(not LEAN.exists(), reason="the shared data are not on this machine")


def stock(symbol: str) -> Instrument:
    return Instrument(symbol=symbol, asset_class="equity", tick_size=D("0.01"), lot_size=D(1), calendar="XNYS")


def lean(symbol: str, start: str, end: str) -> Any:
    frame = pd.read_parquet(LEAN / "daily_raw_ohlcv.parquet")
    return frame[frame.symbol == symbol].drop(columns="symbol").set_index("date").loc[start:end]


def published(path: Path, symbol: str, start: str, end: str) -> Any:
    frame = pd.read_csv(path)
    frame.columns = [name.lower() for name in frame.columns]
    frame = frame[frame.symbol == symbol]
    return frame.set_index(pd.to_datetime(frame.date)).drop(columns=["date", "symbol"]).loc[start:end]


def at(day: str, symbol: str = "X") -> int:
    return midnight(pd.Timestamp(day).value // DAY, stock(symbol))


class Hold(onepath.Strategy):
    """Buys once, with a resting order far below, and writes down what it saw at each action."""

    symbol = "X"
    limit: str | None = None

    def on_start(self, context: Any) -> None:
        self.seen: list[tuple[CorporateAction, Decimal, Decimal]] = []
        self.before = D(0)
        self.jumps: list[tuple[Decimal, Decimal]] = []
        self.sent = False
        self.orders: list[Any] = []

    def generate_orders(self, context: Any) -> Any:
        self.before = context.portfolio.equity
        if self.sent:
            return ()
        self.sent = True
        resting = context.buy(self.symbol, 10, limit=self.limit) if self.limit else []
        return context.buy(self.symbol, 100) + resting

    def on_order_update(self, order: Any, context: Any) -> None:
        self.orders.append(order)

    def on_corporate_action(self, action: CorporateAction, context: Any) -> None:
        self.jumps.append((self.before, context.portfolio.equity))


def held(frames: dict[str, Any], actions: Any, symbol: str, limit: str | None = None) -> tuple[Hold, Any]:
    strategy = Hold()
    strategy.symbol, strategy.limit = symbol, limit
    result = onepath.backtest(
        strategy,
        frames,
        1_000_000,
        actions=actions,
        symbols=list(frames),
        instruments={s: stock(s) for s in frames},
        participation=None,
        touch=True,
    )
    return strategy, result


def continuous(strategy: Hold) -> None:
    """Equity just before and just after every action is the same, to a hundred-thousandth of a cent."""
    assert strategy.jumps
    assert all(abs(before - after) < D("1e-7") for before, after in strategy.jumps)


def books(result: Any) -> tuple[dict[str, Decimal], Decimal, Decimal]:
    """Quantities, cash and equity at the end."""
    portfolio = result.portfolio()
    return {s: p.quantity for s, p in portfolio.positions.items()}, portfolio.cash, portfolio.equity


def reinvested(closes: Any, actions: list[CorporateAction], *, at_ex_close: bool) -> float:
    """The return over raw closes that the actions make, dividends put back into the stock: at the ex-date's close (Quandl) or
    at the close before (Yahoo)."""
    growth = closes.iloc[-1] / closes.iloc[0]
    days = [at(str(day.date())) for day in closes.index]
    for action in actions:
        if not days[0] < action.at <= days[-1]:
            continue
        ex = next(i for i, day in enumerate(days) if day >= action.at)
        if isinstance(action, Split):
            growth *= float(action.ratio)
        elif isinstance(action, CashDividend):
            amount = float(action.amount)
            growth *= 1 + amount / closes.iloc[ex] if at_ex_close else 1 / (1 - amount / closes.iloc[ex - 1])
    return float(growth)


def test_the_trap_of_adjusted_prices_is_refused() -> None:
    """A split column over prices that were adjusted for it is refused with file and line."""
    with pytest.raises(
        DataError, match=r"csvdir_2012_2014.csv.gz, line \d+: AAPL is said to split 7 for one.*adjusted"
    ):
        read_actions(ADJUSTED, {})


def test_adjusted_prices_are_refused_by_the_feed_too() -> None:
    """The same, where the split comes from elsewhere."""
    frame = published(ADJUSTED, "KO", "2012-08-01", "2012-08-31")[["open", "high", "low", "close", "volume"]]
    with pytest.raises(DataError, match="adjusted for the split already"):
        held({"KO": frame}, [Split("KO", at("2012-08-13"), D(2))], "KO")


@pytest.mark.parametrize(
    ("path", "symbol", "years", "digits"),
    [
        (WIKI, "IBM", ("2008", "2009"), 1e-9),
        (WIKI, "IBM", ("2011", "2011"), 1e-9),
        (WIKI, "AIG", ("2008", "2009"), 1e-9),
        (WIKI, "AIG", ("2011", "2011"), 1e-9),
        (WIKI, "ORCL", ("2011", "2011"), 1e-9),
        (ETF, "SPY", ("2019", "2019"), 2e-5),
    ],
)
def test_total_return_is_the_published_one(path: Path, symbol: str, years: tuple[str, str], digits: float) -> None:
    """Raw closes with the actions read from the file grow as the published adjusted closes do. The file has no 2010, so its
    years are taken by themselves; Yahoo's factors are rounded, to 2e-5 a year."""
    frame = published(path, symbol, *years)
    actions = [a for a in read_actions(path, {symbol: stock(symbol)}, only_known=True) if a.symbol == symbol]
    adjusted = frame["adj. close" if path == WIKI else "adj close"]
    found = reinvested(frame["close"], actions, at_ex_close=path == WIKI)
    assert found == pytest.approx(adjusted.iloc[-1] / adjusted.iloc[0], rel=digits)


@pytest.mark.parametrize(
    ("path", "symbol", "per_unit"),
    [(WIKI, "AIG", "0.05"), (WIKI, "IBM", "1"), (ETF, "SPY", "1")],
)
def test_a_holder_gets_units_and_cash_to_the_cent(path: Path, symbol: str, per_unit: str) -> None:
    """100 bought at the second open: at the end the units x splits, and cash less the price plus each dividend x units."""
    frame = published(path, symbol, "2000", "2020")
    actions = [a for a in read_actions(path, {symbol: stock(symbol)}, only_known=True) if a.symbol == symbol]
    strategy, result = held({symbol: frame[["open", "high", "low", "close", "volume"]]}, actions, symbol)
    units, cash = D(100), D(1_000_000) - 100 * D(str(frame["open"].iloc[1]))
    bought = at(str(frame.index[1].date()))
    for action in actions:
        if action.at > bought:
            units *= action.ratio if isinstance(action, Split) else 1
            cash += units * action.amount if isinstance(action, CashDividend) else 0
    assert units == 100 * D(per_unit)
    quantities, found, _ = books(result)
    assert (quantities, found) == ({symbol: units}, cash)
    continuous(strategy)


def test_apple_seven_for_one() -> None:
    """2014-06-09: 645.57 -> 93.70. 100 become 700, equity does not jump, and a GTC order for 10 at 350 is for 70 at 50."""
    strategy, result = held({"AAPL": lean("AAPL", "2014-05-15", "2014-06-30")}, FACTORS, "AAPL", "350")
    assert books(result)[0] == {"AAPL": 700}
    restated = strategy.orders[-1].order
    assert (restated.quantity, restated.limit) == (70, 50)
    continuous(strategy)


def test_factors_give_the_split_and_the_dividends() -> None:
    """Apple's 2014: 3.05 in February, 3.29 in May, seven for one in June, 0.47 in August and November, as Apple announced."""
    found = read_actions(FACTORS, {"AAPL": stock("AAPL")}, only_known=True)
    year = [a for a in found if at("2014-01-01") <= a.at < at("2015-01-01")]
    assert [a.ratio if isinstance(a, Split) else round(a.amount, 2) for a in year] == [  # type: ignore[union-attr]
        D("3.05"),
        D("3.29"),
        D(7),
        D("0.47"),
        D("0.47"),
    ]


def test_nations_bank_becomes_bank_of_america() -> None:
    """NB until 1998-09-30, BAC from 1998-10-01: 100 go on, at their cost, without a jump."""
    whole = lean("BAC", "1998-09-01", "1998-10-30")
    frames = {"NB": whole.loc[:"1998-09-30"], "BAC": whole.loc["1998-10-01":]}
    strategy, result = held(frames, [SymbolChange("NB", at("1998-10-01"), "BAC")], "NB", "10")
    quantities, cash, _ = books(result)
    assert quantities == {"BAC": 100}
    assert cash == D(1_000_000) - 100 * D(str(whole["open"].iloc[1]))
    assert str(strategy.orders[-1].status) == "cancelled"
    continuous(strategy)


def test_google_becomes_two() -> None:
    """2014-04-03: the old GOOG is GOOGL, and each brings one new GOOG (class C): 1135.10 -> 571.50 + 569.74 at the close."""
    frames = {s: lean(s, "2014-03-20", "2014-04-10") for s in ("GOOG", "GOOGL")}
    day = at("2014-04-03")
    actions = [SymbolChange("GOOG", day, "GOOGL"), SpinOff("GOOGL", day, "GOOG", D(1), D("0.5"))]
    strategy, result = held(frames, actions, "GOOG")
    assert books(result)[0] == {"GOOG": 100, "GOOGL": 100}
    continuous(strategy)


@pytest.mark.parametrize(
    ("symbol", "start", "end"), [("WMI", "2009-06-01", "2009-08-05"), ("UW", "1998-06-01", "1998-07-17")]
)
def test_delisted(symbol: str, start: str, end: str) -> None:
    """After the last bar the holder is paid: at the last price where none is named, nothing where it is worthless."""
    frame = lean(symbol, start, end)
    paid = D(1_000_000) - 100 * D(str(frame["open"].iloc[1]))
    for price, worth in ((None, D(str(frame["close"].iloc[-1]))), (D(0), D(0))):
        _, result = held({symbol: frame}, [Delisting(symbol, at(end), price)], symbol)
        quantities, cash, equity = books(result)
        assert quantities == {}
        assert cash == equity == paid + 100 * worth


def test_the_report_goes_through_apples_splits() -> None:
    """AAPL 2013 to 2021, raw, seven and four for one. Buy and hold is 28 times the ratio of the raw closes, and the file's own
    dividends of each share held by then; a trade over both splits enters at a twenty-eighth of the raw open."""
    closes = lean("AAPL", "2013-01-02", "2021-02-26")
    actions = read_actions(FACTORS, {"AAPL": stock("AAPL")}, only_known=True)

    class Round(Hold):
        """Buys at the second bar's open, sells at the last one's."""

        def generate_orders(self, context: Any) -> Any:
            if context.now >= at("2021-02-25"):
                return context.close("AAPL")
            return [] if context.portfolio.quantity("AAPL") else context.buy("AAPL", 100)

    result = onepath.backtest(
        Round, {"AAPL": closes}, 1_000_000, actions=actions, instruments={"AAPL": stock("AAPL")}, participation=None
    )
    units, cash, first = 1.0, 0.0, float(closes.close.iloc[0])
    for action in sorted(actions, key=lambda action: action.at):
        if at("2013-01-03") <= action.at <= at("2021-02-26"):
            units *= float(action.ratio) if isinstance(action, Split) else 1.0
            cash += units * float(action.amount) if isinstance(action, CashDividend) else 0.0
    assert units == 28
    wanted = (units * float(closes.close.iloc[-1]) + cash) / first - 1
    assert result.stats["buy_and_hold"] == pytest.approx(wanted, rel=1e-9)
    trip = result.trades.iloc[0]
    assert trip.quantity == 2_800
    assert trip.entry_price == pytest.approx(float(closes.open.iloc[1]) / 28, rel=1e-9)
