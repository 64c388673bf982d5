"""Prices adjusted at read time: by hand, against published factors and adjusted series, and never by what comes later."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onepath
from onepath import Context, OrderIntent, Strategy
from onepath.actions import CashDividend, Delisting, Merger, SpinOff, Split, StockDividend, SymbolChange
from onepath.build import build
from onepath.calendars import DAY, HOUR
from onepath.config import load
from onepath.data import read
from onepath.data.adjusting import acting
from onepath.data.ingest import import_file
from onepath.errors import ConfigError, DataError
from onepath.feeds.columns import ColumnFeed
from onepath.instruments import Instrument
from onepath.market import Bar
from onepath.rerun import replay

D = Decimal
BEGIN = 19_723  # 2024-01-01, days since 1970
CLOSES = (100.0, 102.0, 51.0, 50.0, 49.0, 98.0, 97.0)
"""a split two for one before day 2 (102 becomes 51), a dividend of 1 on day 4 (50 becomes 49), a reverse split before day 5"""
RAW = {
    "time": [(BEGIN + i) * DAY for i in range(7)],
    "open": list(CLOSES),
    "high": list(CLOSES),
    "low": list(CLOSES),
    "close": list(CLOSES),
    "volume": [1_000.0, 1_000.0, 2_000.0, 2_000.0, 2_000.0, 1_000.0, 1_000.0],
}


def at(number: int) -> int:
    return (BEGIN + number) * DAY


ACTIONS: list[Any] = [Split("X", at(2), D(2)), CashDividend("X", at(4), D(1)), Split("X", at(5), D("0.5"))]


def closes(**how: Any) -> list[float]:
    how = {"actions": ACTIONS, **how}
    found: list[float] = read({"X": RAW}, calendar="24/7", **how)["X"]["close"].tolist()
    return found


def volumes(**how: Any) -> list[float]:
    found: list[float] = read({"X": RAW}, calendar="24/7", actions=ACTIONS, **how)["X"]["volume"].tolist()
    return found


def test_raw_stays_raw() -> None:
    """Without `adjust` prices are as they are stored, whatever actions there are."""
    assert closes() == list(CLOSES)


def test_splits_by_hand() -> None:
    """Known are both splits: before day 2 divided by 2 x 0.5 = 1, from day 2 to 4 by 0.5; volumes the other way."""
    assert closes(adjust="splits") == [100, 102, 102, 100, 98, 98, 97]
    assert volumes(adjust="splits") == [1_000] * 7


def test_all_by_hand() -> None:
    """The dividend of 1 on a close of 50 leaves 98 % of all prices before it; volumes know splits alone."""
    expected = [100 * 0.98, 102 * 0.98, 102 * 0.98, 100 * 0.98, 98, 98, 97]
    assert closes(adjust="all") == pytest.approx(expected, rel=1e-15)
    assert volumes(adjust="all") == [1_000] * 7


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2024-01-02", [100, 102, 51, 50, 49, 98, 97]),  # the day before the split: nothing is known
        ("2024-01-03", [50, 51, 51, 50, 49, 98, 97]),  # the split, on its ex-date
        ("2024-01-04", [50, 51, 51, 50, 49, 98, 97]),
        ("2024-01-05", [50 * 0.98, 51 * 0.98, 51 * 0.98, 50 * 0.98, 49, 98, 97]),  # the dividend as well
        ("2024-01-06", [100 * 0.98, 102 * 0.98, 102 * 0.98, 100 * 0.98, 98, 98, 97]),  # all
    ],
)
def test_only_what_was_known_on_the_day_counts(as_of: str, expected: list[float]) -> None:
    """Actions with a later ex-date change nothing: their jumps stay in the prices."""
    assert closes(adjust="all", as_of=as_of) == pytest.approx(expected, rel=1e-15)


def test_the_default_is_the_end_of_what_is_read() -> None:
    """What ends before the reverse split does not know of it; a later `as_of` does, and adds no bar."""
    assert closes(adjust="splits", end="2024-01-06") == [50, 51, 51, 50, 49]
    assert closes(adjust="splits", end="2024-01-06", as_of="2024-01-07") == [100, 102, 102, 100, 98]
    assert closes(adjust="all", start="2024-01-03", end="2024-01-05", as_of="2024-01-31") == pytest.approx([99.96, 98])


def test_a_split_and_a_dividend_of_one_day() -> None:
    """The dividend is of new units: of 102 two for one are 51, less 0.51 of dividend leaves 99 %."""
    both = [Split("X", at(2), D(2)), CashDividend("X", at(2), D("0.51"))]
    assert closes(adjust="all", actions=both, end="2024-01-04") == pytest.approx([50 * 0.99, 51 * 0.99, 51])


def test_a_stock_dividend_is_a_split() -> None:
    """Five per cent of new units: prices before divided by 1.05. What is before the first price touches nothing."""
    some = [StockDividend("X", at(1), D("0.05")), Split("X", at(-3), D(4)), CashDividend("X", at(0), D(3))]
    assert closes(adjust="all", actions=some)[:2] == [pytest.approx(100 / 1.05), 102]


def test_prices_that_are_adjusted_already_are_refused() -> None:
    """A split seven for one beside prices that do not jump: they are adjusted already, and are not divided again."""
    with pytest.raises(
        DataError, match=r"split of X on 2024-01-02, 7 for one: its price was 100 before and is 102 after.*already"
    ):
        closes(adjust="splits", actions=[Split("X", at(1), D(7))])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"adjust": "some"}, "adjust is 'some'; it must be none, splits or all"),
        ({"adjust": "all", "as_of": "soon"}, "as_of is 'soon'; expected a date"),
        ({"adjust": "all", "as_of": 3.5}, "as_of is 3.5; expected a date"),
        ({"adjust": "all", "actions": None}, "the data has no corporate actions to adjust by"),
        ({"adjust": "all", "actions": 5}, "actions is 5; expected a list of corporate actions, or the path of a file"),
        ({"adjust": "all", "actions": Split("X", at(1), D(2))}, "actions is Split.*; expected a list"),
        ({"symbols": []}, r"symbols is \[\]; expected a symbol, or a list of some"),
        ({"symbols": 5}, "symbols is 5; expected a symbol"),
        ({"frames": "excel"}, "frames is 'excel'; it must be arrays, pandas or polars"),
        (
            {"adjust": "all", "actions": [CashDividend("X", at(4), D(50))]},
            "dividend of X on 2024-01-05, 50, is more than its close",
        ),
        (
            {"adjust": "all", "actions": [CashDividend("X", at(9), D(1))], "as_of": "2024-02-01"},
            "the data end before it",
        ),
    ],
)
def test_what_cannot_be_adjusted(how: dict[str, Any], message: str) -> None:
    """Each is one sentence."""
    with pytest.raises((ConfigError, DataError), match=message):
        closes(**how)


def test_frames() -> None:
    """The same as pandas and polars frames, with times."""
    pandas = read({"X": RAW}, calendar="24/7", frames="pandas")["X"]
    assert pandas.loc["2024-01-03 00:00", "close"] == 51
    polars = read({"X": RAW}, calendar="24/7", frames="polars")["X"]
    assert polars["close"].to_list() == list(CLOSES)
    assert str(polars["start"][0]) == "2024-01-01 00:00:00+00:00"


class Notes(Strategy):
    """Writes down what it sees, and buys once."""

    def on_start(self, context: Context) -> None:
        self.seen: list[float] = []
        self.acted: list[str] = []

    def on_market_event(self, event: Any, context: Context) -> None:
        self.seen.append(event.close)

    def on_corporate_action(self, action: Any, context: Context) -> None:
        self.acted.append(f"{type(action).__name__} {getattr(action, 'amount', getattr(action, 'ratio', ''))}")

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        return context.buy("X", 1) if not context.portfolio.quantity("X") and not context.open_orders else []


@pytest.mark.parametrize(
    ("adjust", "as_of"), [("splits", None), ("all", None), ("all", "2024-01-05"), ("splits", "2024-01-03")]
)
def test_a_run_sees_what_is_read(adjust: str, as_of: str | None) -> None:
    """A backtest's prices are those of `read`, to the last bit; what is taken into prices does not happen again."""
    strategy = Notes()
    onepath.backtest(strategy, {"X": RAW}, calendar="24/7", actions=ACTIONS, adjust=adjust, as_of=as_of)
    assert strategy.seen == closes(adjust=adjust, as_of=as_of)
    expected = {
        ("splits", None): ["CashDividend 2"],  # of what is half a unit: 1 / 0.5
        ("all", None): [],
        ("all", "2024-01-05"): ["Split 0.5"],
        ("splits", "2024-01-03"): ["CashDividend 1", "Split 0.5"],
    }[adjust, as_of]
    assert strategy.acted == expected


def test_a_holder_is_as_rich_either_way() -> None:
    """A unit bought on day 1 and held: with raw prices and events, and with split-adjusted prices, equity is the same."""
    raw = onepath.backtest(
        Notes(),
        {"X": RAW},
        calendar="24/7",
        actions=ACTIONS,
        participation=None,
        instruments={"X": {"lot_size": "0.01"}},
    )
    adjusted = onepath.backtest(
        Notes(),
        {"X": RAW},
        calendar="24/7",
        actions=ACTIONS,
        adjust="splits",
        participation=None,
        instruments={"X": {"lot_size": "0.01"}},
    )
    # 1 x 102 bought; two for one, 2 x 1 of dividend, one for two: 1 x 97 + 2. Adjusted: 1 x 97 + 1 x 2.
    assert float(raw.portfolio().equity) == float(adjusted.portfolio().equity) == 100_000 - 102 + 97 + 2


def test_what_stays_an_event_is_in_adjusted_units() -> None:
    """By hand, X with a split two for one on day 3 and Y with one four for one on day 4, both known: before these, a spin-off of
    one Y for ten X is 0.1 x 4 / 2 = 0.2, its cash price a fourth; a merger's cash and a delisting's price are halved."""
    symbols = {s: Instrument(symbol=s, calendar="24/7") for s in "XYZ"}
    prices = {"X": (100.0,) * 3 + (50.0,) * 3, "Y": (80.0,) * 4 + (20.0,) * 2, "Z": (10.0,) * 6}
    columns = {
        s: {"start": [at(i) for i in range(6)], "at": [at(i + 1) for i in range(6)], "volume": [1.0] * 6}
        | {field: list(p) for field in ("open", "high", "low", "close")}
        for s, p in prices.items()
    }
    given: list[Any] = [
        SpinOff("X", at(1), "Y", D("0.1"), D("0.2"), cash_price=D(80)),
        Merger("X", at(2), "Y", D(1), D(10)),
        Delisting("X", at(2), D(90)),
        Delisting("Z", at(2)),
        SymbolChange("Z", at(2), "Y"),
        Split("X", at(3), D(2)),
        Split("Y", at(4), D(4)),
    ]
    feed = acting(ColumnFeed(columns, symbols), given, None, "splits")
    assert list(feed.actions) == [  # type: ignore[attr-defined]
        SpinOff("X", at(1), "Y", D("0.2"), D("0.2"), cash_price=D(20)),
        Merger("X", at(2), "Y", D(2), D(5)),
        Delisting("X", at(2), D(45)),
        Delisting("Z", at(2)),
        SymbolChange("Z", at(2), "Y"),
    ]
    seen = [(e.symbol, e.close, e.volume) for batch in feed.batches() for e, _ in batch.events() if isinstance(e, Bar)]
    assert [(close, volume) for s, close, volume in seen if s == "X"] == [(50, 2)] * 3 + [(50, 1)] * 3
    assert [(close, volume) for s, close, volume in seen if s == "Y"] == [(20, 4)] * 4 + [(20, 1)] * 2
    for batch in feed.batches():
        for symbol in "XYZ":
            events = [event.mark for event, _ in batch.events() if event.symbol == symbol]
            assert list((batch.columns(symbol) or {})["close"]) == events
    other = acting(ColumnFeed(columns, symbols), given[:-1], None, "splits")
    assert feed.fingerprint() != other.fingerprint()


def test_a_recorded_run_is_run_again(tmp_path: Path) -> None:
    """Configured, recorded and replayed: identical; and the adjusted data are told apart from the raw."""
    rows = "".join(f"2024-01-{i + 1:02d},{c},{c},{c},{c},1000\n" for i, c in enumerate(CLOSES))
    (tmp_path / "X.csv").write_text("date,open,high,low,close,volume\n" + rows)
    (tmp_path / "acts.csv").write_text(
        "symbol,date,type,ratio,amount\nX,2024-01-03,split,2,\nX,2024-01-05,cash_dividend,,1\n"
    )
    (tmp_path / "mine.py").write_text(
        "from onepath import Strategy\n\n\nclass Once(Strategy):\n    def generate_orders(self, context):\n"
        "        return context.buy('X', 1) if not context.open_orders and not context.portfolio.quantity('X') else []\n"
    )
    (tmp_path / "run.yaml").write_text(
        "data: {path: X.csv, calendar: 24/7, actions: acts.csv, adjust: all, as_of: 2024-01-05}\n"
        "strategies: [{name: once, class: mine.py, capital: 1000}]\n"
    )
    session = build(load(tmp_path / "run.yaml"), home=tmp_path, session_id="a", journal_path=tmp_path / "a.db")
    outcome = session.run()
    assert outcome.events == 7
    session.journal.close()
    assert replay(tmp_path / "a.db", home=tmp_path).identical
    text = (tmp_path / "run.yaml").read_text().replace("adjust: all", "adjust: none")
    (tmp_path / "raw.yaml").write_text(text.replace(", as_of: 2024-01-05", ""))
    raw = build(load(tmp_path / "raw.yaml"), home=tmp_path, session_id="b", journal_path=None)
    assert raw.plan.feed.fingerprint() != session.plan.feed.fingerprint()
    (tmp_path / "raw.yaml").write_text((tmp_path / "run.yaml").read_text().replace("actions: acts.csv, ", ""))
    with pytest.raises(ConfigError, match=r"because data\.adjust asks for them"):
        load(tmp_path / "raw.yaml")


def test_actions_beside_a_data_set_are_found(tmp_path: Path) -> None:
    """`actions.csv` in the data set's folder, where fetching puts it, adjusts without being named."""
    rows = "".join(f"2024-01-{i + 1:02d},{c},{c},{c},{c},1000\n" for i, c in enumerate(CLOSES))
    (tmp_path / "X.csv").write_text("date,open,high,low,close,volume\n" + rows)
    import_file(tmp_path / "X.csv", tmp_path / "data", "mine", calendar="24/7")
    with pytest.raises(ConfigError, match="mine has no corporate actions to adjust by"):
        read("mine", adjust="splits", data_dir=tmp_path / "data")
    (tmp_path / "data/mine/actions.csv").write_text(
        "symbol,date,type,ratio\nX,2024-01-03,split,2\nY,2024-01-03,split,2\n"
    )
    found = read("mine", adjust="splits", data_dir=tmp_path / "data", as_of="2024-01-04")["X"]["close"]
    assert found.tolist() == [50, 51, 51, 50, 49, 98, 97]


def test_ticks_are_refused() -> None:
    """Quotes have no bars to adjust; the message says what to do."""
    quotes = {"X": {"time": [at(0), at(0) + HOUR], "bid": [1.0, 1.0], "ask": [2.0, 2.0]}}
    with pytest.raises(DataError, match="it has no bars"):
        read(quotes, calendar="24/7")
    with pytest.raises(DataError, match="adjust is for bars"):
        onepath.backtest(Notes(), quotes, calendar="24/7", actions=[Split("X", at(0) + HOUR, D(2))], adjust="splits")


FACTORS = [
    ("AAPL", "1998-01-02", 4e-6),
    ("IBM", "1998-01-02", 1e-6),
    ("BAC", "1998-10-01", 1e-6),
    ("EEM", "1998-01-06", 4e-6),
]


@pytest.mark.parametrize(("symbol", "since", "near"), FACTORS)
def test_published_factors(shared: Path, symbol: str, since: str, near: float) -> None:
    """LEAN: adjusted = raw x price factor x split factor of the first row from the day on, over 1998 to 2021; its factors have
    seven digits (1 / 56 is 0.0178571: 2.4e-6 away). BAC's first three rows refer to closes of another company."""
    import pandas as pd

    lean = shared / "equity_daily_lean"
    raw = pd.read_parquet(lean / "daily_raw_ohlcv.parquet")
    raw = raw[(raw.symbol == symbol) & (raw.date >= since)].drop(columns="symbol")
    factors = pd.read_csv(lean / "factor_files.csv.gz", dtype={"date": str})
    factors = factors[factors.symbol == symbol]
    days = pd.to_datetime(factors.date.str.replace("-", ""), format="%Y%m%d").to_numpy()
    row = np.minimum(np.searchsorted(days, pd.to_datetime(raw.date).to_numpy()), len(factors) - 1)
    splits = factors.split_factor.to_numpy()[row]
    whole = splits * factors.price_factor.to_numpy()[row]
    how: dict[str, Any] = {"actions": lean / "factor_files.csv.gz", "asset_class": "equity"}
    found = read({symbol: raw}, adjust="all", **how)[symbol]
    assert len(raw) > 5_000
    assert np.abs(found["close"] / (raw.close.to_numpy() * whole / whole[-1]) - 1).max() < near
    halves = read({symbol: raw}, adjust="splits", **how)[symbol]
    assert np.abs(halves["open"] / (raw.open.to_numpy() * splits / splits[-1]) - 1).max() < near
    assert np.abs(halves["volume"] * splits / splits[-1] / raw.volume.to_numpy() - 1).max() < near


@pytest.mark.parametrize("symbol", ["AIG", "ORCL", "YHOO", "AES", "GORO"])  # IBM has no 2010 there
def test_published_adjusted_closes(shared: Path, symbol: str) -> None:
    """Quandl WIKI: adjusted closes of 2007 to 2012, AIG's reverse split one for twenty among them.

    It puts a dividend back into the stock at the close of its ex-date, 1 / (1 + amount / that close), where ours leaves
    1 - amount / the close before (as CRSP, Yahoo and LEAN do); but for that, all ratios of two days are ours.
    """
    import pandas as pd

    file = shared / "equity_daily_corpactions/wiki_eod_2007_2012.csv.gz"
    frame = pd.read_csv(file)
    frame.columns = [name.lower() for name in frame.columns]
    frame = frame[frame.symbol == symbol].sort_values("date")
    raw = frame[["date", "open", "high", "low", "close", "volume", "ex-dividend", "split ratio"]]
    raw = raw.assign(**{"split ratio": raw["split ratio"].replace(1.0, 0.0)})
    acts = shared_actions(raw, symbol)
    sound = raw.assign(
        high=raw[["open", "high", "low", "close"]].max(axis=1), low=raw[["open", "high", "low", "close"]].min(axis=1)
    )
    found = read(
        {symbol: sound[["date", "open", "high", "low", "close", "volume"]]},
        adjust="all",
        actions=acts,
        asset_class="equity",
    )
    adjusted = next(
        c
        for c in frame.columns
        if c.replace(".", "").replace("_", "").replace(" ", "") in ("adjclose", "adjustedclose")
    )
    paid, close = frame["ex-dividend"].to_numpy(), frame.close.to_numpy()
    theirs, ours = 1 / (1 + paid / close), 1 - paid / np.concatenate(([np.inf], close[:-1]))
    later = np.concatenate((np.cumprod((ours / theirs)[::-1])[::-1][1:], [1.0]))  # of dividends after the day
    ratio = found[symbol]["close"] / (frame[adjusted].to_numpy() * later)
    assert np.abs(ratio / ratio[-1] - 1).max() < 1e-9


def shared_actions(raw: Any, symbol: str) -> list[Any]:
    """The dividends and splits that stand beside the prices."""
    found: list[Any] = []
    for row in raw.itertuples(index=False):
        day = (
            int(np.datetime64(str(row.date)[:10], "D").astype(int)) * DAY + 5 * HOUR
        )  # midnight in New York, in winter
        if row[7]:
            found.append(Split(symbol, day, D(str(row[7]))))
        if row[6]:
            found.append(CashDividend(symbol, day, D(str(row[6]))))
    return found


def test_the_trap_of_adjusted_prices(shared: Path) -> None:
    """AAPL of 2012 to 2014 has a split seven for one beside prices that are adjusted for it; named in a file of its own, so that
    nothing stands beside it, it is refused all the same."""
    import pandas as pd

    frame = pd.read_csv(shared / "equity_daily_corpactions/csvdir_2012_2014.csv.gz")
    frame.columns = [name.lower() for name in frame.columns]
    apple = frame[frame.symbol == "AAPL"][["date", "open", "high", "low", "close", "volume"]]
    split = [Split("AAPL", int(np.datetime64("2014-06-09", "ns").astype(int)) + 4 * HOUR, D(7))]
    with pytest.raises(DataError, match=r"split of AAPL on 2014-06-09, 7 for one.*adjusted for the split already"):
        read({"AAPL": apple}, adjust="splits", actions=split, asset_class="equity")
    with pytest.raises(DataError, match=r"split of AAPL on 2014-06-09, 7 for one.*adjusted for the split already"):
        onepath.backtest(Notes(), {"AAPL": apple}, asset_class="equity", actions=split, adjust="splits")
