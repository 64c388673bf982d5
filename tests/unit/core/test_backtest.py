"""`onepath.backtest` and its result: what goes in, what comes out, the sentences for mistakes."""

from __future__ import annotations

from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import onepath
from onepath import Bps, ConfigError, Context, FixedBps, Limits, Strategy, StrategyError
from onepath.backtest import snake
from onepath.frames import frame, kind_of
from onepath.journal.sqlite import SqliteReader
from onepath.ledger import EXACT
from onepath.provenance import source_of
from onepath.simulator.commission import NoCommission
from onepath.simulator.slippage import NoSlippage, VolumeBased
from onepath.testing import bars, trial

D = Decimal


def prices(*closes: float) -> pd.DataFrame:
    """One-minute bars of one price each, without volume."""
    times = pd.date_range("2024-01-01", periods=len(closes), freq="min", tz="UTC")
    columns = dict.fromkeys(("open", "high", "low", "close"), np.asarray(closes, dtype=float))
    return pd.DataFrame({**columns, "volume": 0.0}, index=times)


class Trip(Strategy):
    """In after the first bar, out after the third."""

    class Params(Strategy.Params):
        size: int = 10

    def on_start(self, context: Context) -> None:
        self.bars = 0

    def generate_orders(self, context: Context) -> Any:
        self.bars += 1
        symbol = context.symbols[0]
        if self.bars == 1:
            return context.buy(symbol, self.params.size, tag="in")
        return context.close(symbol) if self.bars == 3 else []


DATA = {"X": prices(100, 101, 103, 105, 104)}


def test_costs_as_plain_shares() -> None:
    """Commission 0.001 is 10 bps, slippage too; here a one-price bar leaves no room to slip.

    Bought 10 at 101, fee 1.01; sold 10 at 105, fee 1.05; 10,000 + 40 - 2.06.
    """
    result = onepath.backtest(Trip, DATA, cash=10_000, commission=0.001, slippage="0.001")
    books = result.portfolio()
    assert (books.cash, books.fees, books.realised_pnl) == (D("10037.94"), D("2.06"), D(40))
    assert result.status == "completed"


def test_costs_as_models() -> None:
    """A model says more: at least 5 an order."""
    result = onepath.backtest(Trip, DATA, cash=10_000, commission=Bps(10, minimum=5), slippage=VolumeBased())  # type: ignore[arg-type]
    assert result.portfolio("trip").fees == 10


def test_tables_come_back_as_the_kind_that_went_in() -> None:
    """pandas for pandas, polars for polars, with times in UTC and the same numbers."""
    first = onepath.backtest(Trip(size=5), DATA, cash=10_000)
    polars = {"X": pl.from_pandas(DATA["X"].reset_index(names="time"))}
    second = onepath.backtest(Trip(size=5), polars, cash=10_000)
    assert isinstance(first.fills, pd.DataFrame)
    assert isinstance(second.fills, pl.DataFrame)
    assert first.fills["price"].tolist() == second.fills["price"].to_list() == [101.0, 105.0]
    assert first.fills["quantity"].tolist() == [5.0, -5.0]
    assert first.orders["side"].tolist() == second.orders["side"].to_list() == ["buy", "sell"]
    assert str(first.fills["executed_at"].iloc[0]) == "2024-01-01 00:01:00+00:00"
    assert str(first.equity.index[0].tz) == "UTC"
    assert first.hash == second.hash


def test_a_round_trip() -> None:
    """5 at 101 and 105: 20 of profit in one row."""
    trades = onepath.backtest(Trip(size=5), DATA).trades
    assert trades[["symbol", "side", "quantity", "entry_price", "exit_price", "pnl"]].values.tolist() == [
        ["X", "long", 5.0, 101.0, 105.0, 20.0]
    ]


def test_printing_pictures_and_the_report(tmp_path: Path) -> None:
    """A result prints its statistics, shows itself in a notebook, saves a picture and a page."""
    result = onepath.backtest(Trip, DATA)
    assert repr(result).startswith("Result of backtest (completed, 5 events)\n")
    assert repr(result.stats) in repr(result)
    assert set(result.stats) >= {"sharpe"}
    assert result.stats._repr_html_().startswith("<table><tr><td>")
    picture = result.plot()
    assert "<svg" in picture._repr_html_()
    assert (picture.save(tmp_path / "x.svg")).read_text() == picture.svg
    assert "</html>" in result.report(tmp_path / "x.html").read_text().lower()


def test_a_result_replays() -> None:
    """The journal, run again over the data, decides the same; parameters are taken along."""
    result = onepath.backtest({"a": Trip(size=3), "b": Trip}, DATA)
    again = result.replay()
    assert again.identical
    assert again.difference is None
    assert (again.decisions, again.hash) == (4, result.hash)


def test_the_journal_can_be_kept(tmp_path: Path) -> None:
    """With a path the record is a file that another process reads."""
    result = onepath.backtest(Trip, DATA, journal=tmp_path / "deep" / "s.db", session_id="mine")
    reader = SqliteReader(tmp_path / "deep" / "s.db")
    assert (reader.session_id, result.session_id) == ("mine", "mine")
    assert list(reader.rows()) == list(result.journal.rows())
    reader.close()
    result.journal.close()


def test_several_strategies_by_name() -> None:
    """Each has its own cash and book, asked for by name; the first without."""
    result = onepath.backtest({"small": Trip(size=1), "large": Trip(size=50)}, DATA, cash=10_000)
    assert result.portfolio("small").equity == 10_004
    assert result.portfolio("large").equity == 10_200
    assert result.portfolio().equity == 10_004


def test_limits_of_the_strategy_and_of_the_call() -> None:
    """What the class declares holds unless the call says otherwise: 20 % of 10,000 at 100 is 20, not 21."""

    class Careful(Trip):
        limits = Limits(max_position_size=D("0.2"))

    assert len(onepath.backtest(Careful(size=20), DATA, cash=10_000).fills) == 2
    assert len(onepath.backtest(Careful(size=21), DATA, cash=10_000).fills) == 0
    assert len(onepath.backtest(Careful(size=21), DATA, cash=10_000, limits=Limits()).fills) == 2


@pytest.mark.parametrize("cash", [0, -5, float("nan"), "inf"])
def test_cash_must_be_money(cash: Any) -> None:
    """A sentence for what is no capital."""
    with pytest.raises(ConfigError, match="it must be a positive number"):
        onepath.backtest(Trip, DATA, cash=cash)


@pytest.mark.parametrize("name", ["commission", "slippage", "participation"])
@pytest.mark.parametrize("share", [-0.001, 1.5, float("nan"), "much"])
def test_shares_must_be_shares(name: str, share: Any) -> None:
    """A sentence that shows what is meant."""
    with pytest.raises(ConfigError, match=f"{name} is '?{share}'?; it must be a share of (value|size) between 0 and 1"):
        onepath.backtest(Trip, DATA, **{name: share})


@pytest.mark.parametrize("given", [Strategy.Params, "Trip", 5, None, object])
def test_what_is_no_strategy(given: Any) -> None:
    """Neither class nor instance of a strategy."""
    with pytest.raises(ConfigError, match="backtest takes a Strategy class or instance, not"):
        onepath.backtest(given, DATA)


def test_no_strategy_at_all() -> None:
    """An empty dict is a mistake."""
    with pytest.raises(ConfigError, match="backtest was given no strategy"):
        onepath.backtest({}, DATA)


@pytest.mark.parametrize(("name", "snaked"), [("SmaCross", "sma_cross"), ("A", "a"), ("rsi", "rsi")])
def test_names_of_classes(name: str, snaked: str) -> None:
    """What a strategy without a name is called."""
    assert snake(name) == snaked


def test_expected_cost_of_the_models() -> None:
    """Sizing expects the fixed part of each model."""
    assert (NoSlippage().typical, FixedBps(D(5)).typical, VolumeBased().typical) == (D(0), D("0.0005"), D("0.0005"))
    assert NoCommission().rate == 0


def test_the_books_add_up_after_the_run_as_well() -> None:
    """Read after the run the equity is what it was in it, to the last digit, however many there are.

    Eight decimals of quantity, of price and of the fee's rate, and four of its hundredths: 28 after the point.
    """

    class Odd(Strategy):
        bars = 0

        def generate_orders(self, context: Context) -> Any:
            self.bars += 1
            return context.buy("X", 12345.14285714) if self.bars < 3 else []

    data = {"X": prices(1.23456789, 1.34567891, 1.45678912, 1.56789123, 1.67891234)}
    result = onepath.backtest(Odd, data, cash=1_000_000, commission=Bps(D("3.33333333")), slippage=FixedBps(D("1.1")))
    books = result.portfolio()
    with localcontext(EXACT):
        equity = books.equity
        assert books.capital + books.realised_pnl + books.unrealised_pnl - books.fees == equity
    assert books.equity == equity


def test_tables_without_pandas_or_polars() -> None:
    """Where neither is asked for, Arrow answers, with times as times."""
    table = frame("arrow", {"at": [0], "x": [1.5]}, ("at",))
    assert table.to_pylist()[0]["x"] == 1.5
    assert str(table.schema.field("at").type) == "timestamp[ns, tz=UTC]"
    assert kind_of("prices.csv") == "pandas"
    assert kind_of({"X": pl.DataFrame()}) == "polars"


def test_source_of_a_strategy() -> None:
    """A class is known by where it is found and what is written there; without source by name alone."""
    source = source_of(Trip)
    assert source["class"].endswith("test_backtest:Trip")
    assert len(source["source_sha256"]) == 64
    assert source_of(Trip, "trip")["class"] == "trip"
    made = type("Made", (Strategy,), {"__module__": "nowhere"})
    assert source_of(made) == {"class": "nowhere:Made", "source_sha256": ""}


class Greedy(Strategy):
    """Asks for more than it can pay."""

    def generate_orders(self, context: Context) -> Any:
        return context.buy(context.symbols[0], 1_000_000)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_denied_orders_are_a_table(kind: str) -> None:
    """What risk denied comes back as a table, in the kind of frame that went in, and printing counts it by reason."""
    data = DATA if kind == "pandas" else {"X": pl.from_pandas(DATA["X"].reset_index(names="timestamp"))}
    result = onepath.backtest(Greedy, data)
    assert type(result.denied).__module__.split(".")[0] == kind
    terms = ["side", "type", "quantity", "limit", "stop", "tag"]
    assert list(result.denied.columns) == ["at", "order_id", "strategy", "symbol", "reason", "text", *terms]
    assert "over 1 x equity" in result.denied["text"][0]
    assert result.denied["quantity"][0] == 1_000_000
    reasons = set(result.denied["reason"])
    assert len(reasons) == 1
    assert f"orders denied: {len(result.denied)} ({reasons.pop()} {len(result.denied)})" in repr(result)
    none = onepath.backtest(Trip, data, cash=10_000)
    assert (len(none.denied), "denied" in repr(none)) == (0, False)


def test_a_trial_tells_what_the_strategy_raised() -> None:
    """Silence would look like a strategy that has nothing to do."""

    class Mistaken(Strategy):
        def generate_orders(self, context: Context) -> Any:
            return context.buy("X", 1, limit="soon")

    with pytest.raises(StrategyError, match=r"mistaken failed at .*test_backtest.py:\d+: the limit of X is 'soon'"):
        trial(Mistaken, {"X": bars([10, 11, 12])})


class Reasoned(Strategy):
    """Buys with a signal and both exits on the first bar; asks for what does not fill on the second."""

    def on_start(self, context: Context) -> None:
        self.bars = 0

    def generate_orders(self, context: Context) -> Any:
        self.bars += 1
        if self.bars == 1:
            why = context.signal("X", "dip", ["low"], rsi=29.5)
            return context.buy("X", 2, stop_loss=9, take_profit=11.5, signal=why)
        if self.bars == 2:
            return context.buy("X", 1, limit=5, tag="far") + context.buy("X", 1, limit=1, time_in_force="ioc")
        return []


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_orders_tell_what_became_of_them(kind: str) -> None:
    """Bars of 10, 11, 12, 13, 14 without wicks: bought at 11, the target of 11.5 is met by the open of 12; the stop goes with it,
    the limit at 5 still works, the IOC was cancelled."""
    frame = prices(10, 11, 12, 13, 14)
    data = {"X": frame} if kind == "pandas" else {"X": pl.from_pandas(frame.reset_index(names="timestamp"))}
    orders = onepath.backtest(Reasoned, data).orders
    assert list(orders["status"]) == ["filled", "cancelled", "filled", "working", "cancelled"]
    assert list(orders["filled"]) == [2, 0, 2, 0, 0]
    assert [orders["average_price"][i] for i in (0, 2)] == [11, 12]
    assert list(orders["reason"]) == ["", "one cancels other", "", "", "immediate or cancel"]
    assert [at is None or at is pd.NaT for at in orders["ended_at"]] == [False, False, False, True, False]
    assert list(orders["parent_id"])[1:3] == [1, 1]


def test_a_fill_explains_itself() -> None:
    """Signal, order, parent, what came before and the position of a fill, whatever journal there is; the exit's signal is that
    of its entry."""
    result = onepath.backtest(Reasoned, {"X": prices(10, 11, 12, 13, 14)})
    assert list(result.signals["type"]) == ["dip"]
    assert result.signals["values"][0] == {"rsi": 29.5}
    entry, target = result.explain(1), result.explain(2)
    assert (entry["signal"], entry["children"], entry["position"]["change"]) == ("dip", [2, 3], "opened")
    assert (target["signal"], target["parent"]["id"], target["order"]["tag"]) == ("dip", 1, "take_profit")
    with pytest.raises(onepath.JournalError, match="no fill 3: `result"):
        result.explain(3)


def test_what_was_assumed_of_the_data_is_noted() -> None:
    """An assumed calendar is in the result's notes, its printing and its manifest; one that is given leaves no note."""
    days = DATA["X"].set_index(pd.bdate_range("2024-01-01", periods=5))
    daily = {"X": pd.concat([days.set_index(days.index + pd.Timedelta(weeks=i)) for i in range(4)])}
    result = onepath.backtest(Trip, daily)
    (note,) = result.notes
    assert "calendar XNYS is assumed" in note
    assert f"\nnote: {note}" in repr(result)
    assert result.record.manifest.data["notes"] == [note]
    told = onepath.backtest(Trip, daily, calendar="XNYS")
    assert told.notes == []
    assert "notes" not in told.record.manifest.data


@pytest.mark.parametrize("symbols", ["Y", ["Y"], ("Y",)])
def test_one_symbol_by_its_name(symbols: Any) -> None:
    """One name alone is a symbol, not a list of letters."""
    result = onepath.backtest(Trip, DATA | {"Y": prices(10, 11, 12, 13, 14)}, symbols=symbols)
    assert result.record.symbols == ("Y",)
    assert result.record.manifest.data["symbols"] == ["Y"]
