"""Ticks as users have them: recognised, converted by chosen policies, imported, checked; real recordings among them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import onepath
from onepath.calendars import MINUTE
from onepath.data import catalogue, open_feed
from onepath.data.ingest import import_file
from onepath.data.tickcolumns import TickOptions, kind_of
from onepath.data.tickquality import check_tick_dataset, check_tick_file
from onepath.errors import ConfigError, DataError
from onepath.market import BookUpdate, Quote, Trade

BEGIN = 1_577_836_800_000_000_000  # 2020-01-01 00:00 UTC
FXCM = "fx_ticks_eurusd_fxcm/eurusd_quote_ticks_201405.parquet"


def at(i: int) -> int:
    """The i-th second."""
    return BEGIN + i * 1_000_000_000


def quotes(**changes: list[Any]) -> dict[str, list[Any]]:
    """Three quotes a second apart."""
    prices: dict[str, list[Any]] = {"bid": [1.0, 2.0, 3.0], "ask": [1.5, 2.5, 3.5]}
    return {"timestamp": [at(0), at(1), at(2)], **prices, "bid_qty": [1, 2, 3], "ask_qty": [4, 5, 6], **changes}


def events(feed: Any) -> list[Any]:
    """All events of a feed."""
    return [event for batch in feed.batches() for event, _ in batch.events()]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["time", "open", "high", "low", "close"], "bars"),
        (["ts", "bid", "ask"], "quotes"),
        (["Timestamp", "Bid_Price", "Ask_Price", "bid_qty"], "quotes"),
        (["time", "price", "qty", "is_buyer_maker"], "trades"),
        (["time", "price", "amount", "side"], "trades"),
        (["local_ts_ns", "last_update_id", "side", "price", "qty"], "book"),
        (["time", "side", "price", "size", "is_snapshot"], "book"),
    ],
)
def test_the_kind_follows_from_the_columns(names: list[str], kind: str) -> None:
    """Names of several vendors, whatever their case."""
    assert kind_of(names) == kind


@pytest.mark.parametrize("form", ["mapping", "pandas", "polars", "csv", "parquet"])
def test_every_form_of_quotes_is_one_feed(tmp_path: Path, form: str) -> None:
    """A mapping of columns, frames and files give the same three quotes."""
    frame, source = pd.DataFrame(quotes()), tmp_path / f"A.{form}"
    if form == "csv":
        frame.to_csv(source, index=False)
    elif form == "parquet":
        frame.to_parquet(source)
    given: Any = {"mapping": quotes(), "pandas": frame, "polars": pl.DataFrame(quotes())}.get(form, source)
    feed = open_feed(given, symbols=["A"])
    assert events(feed) == [
        Quote("A", at(0), 1.0, 1.5, 1.0, 4.0),
        Quote("A", at(1), 2.0, 2.5, 2.0, 5.0),
        Quote("A", at(2), 3.0, 3.5, 3.0, 6.0),
    ]
    assert (feed.total, feed.kinds) == (3, {"A": ["quotes"]})


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("buyer_is_maker", [True, False], [-1, 1]),
        ("is_buyer_maker", [False, True], [1, -1]),
        ("aggressor", [1, -1], [1, -1]),
        ("side", ["Buy", "sell"], [1, -1]),
        ("taker_side", ["s", None], [-1, 0]),
    ],
)
def test_who_took_liquidity(column: str, values: list[Any], expected: list[int]) -> None:
    """A buyer who made the market was hit by a seller; words, letters and signs are read."""
    frame = pl.DataFrame({"time": [at(0), at(0)], "price": [1.0, 1.0], "qty": [2.0, 3.0], column: values})
    found = events(open_feed({"A": frame}))
    assert [e.aggressor for e in found] == expected
    assert [e.size for e in found] == [2.0, 3.0]


def test_kinds_of_one_symbol_are_merged_with_bars() -> None:
    """A mapping of kind to frame: quotes, trades and bars on one clock, in the order given within an instant."""
    bars = {"time": [at(0), at(60)], "open": [1, 1], "high": [1, 1], "low": [1, 1], "close": [1, 1], "volume": [7, 7]}
    trades = {"time": [at(60), at(60)], "price": [1.0, 1.0], "qty": [1.0, 2.0]}
    feed = open_feed({"A": {"quotes": quotes(timestamp=[at(1), at(60), at(61)]), "bars": bars, "trades": trades}})
    found = [(type(e).__name__, (e.at - BEGIN) // 10**9) for e in events(feed)]
    assert found == [
        ("Quote", 1),
        ("Quote", 60),
        ("Bar", 60),
        ("Trade", 60),
        ("Trade", 60),
        ("Quote", 61),
        ("Bar", 120),
    ]
    assert feed.kinds == {"A": ["quotes", "bars", "trades"]}
    assert feed.volumes == {"A"}


def test_the_order_of_symbols_and_a_window() -> None:
    """`symbols` gives the order; `start` is inclusive and `end` exclusive."""
    feed = open_feed({"A": quotes(), "B": quotes()}, symbols=["B", "A"], start=at(1), end=at(2))
    assert [(e.symbol, e.at) for e in events(feed)] == [("B", at(1)), ("A", at(1))]
    with pytest.raises(DataError, match="no events in the requested dates"):
        open_feed({"A": quotes()}, start=at(9))


def test_crossed_quotes_are_refused_or_dropped_and_counted() -> None:
    """The second of three is crossed: refused with its row, or left out and named; the third is locked and stays."""
    columns = quotes(bid=[1.0, 2.6, 3.5])
    with pytest.raises(DataError, match=r"row 1: .*2020-01-01 00:00:01.* is crossed: bid 2.6 is above ask 2.5.*drop"):
        open_feed({"A": columns}) and events(open_feed({"A": columns}))
    feed = open_feed({"A": columns}, crossed="drop")
    assert [e.bid for e in events(feed)] == [1.0, 3.5]
    notes = feed.describe()["notes"]
    assert any("1 crossed quotes" in note for note in notes)
    assert any("1 locked quotes" in note for note in notes)


def test_one_sided_rows_carry_the_other_side() -> None:
    """By hand: ask, ask, bid, ask: nothing is known on both sides before the third row."""
    columns = {
        "time": [at(i) for i in range(4)],
        "bid": [0.0, 0.0, 1.0, 0.0],
        "bid_size": [0, 0, 7, 0],
        "ask": [3.0, 2.0, 0.0, 4.0],
        "ask_size": [1, 2, 0, 3],
    }
    with pytest.raises(DataError, match="sides='one'"):
        open_feed({"A": columns})
    feed = open_feed({"A": columns}, sides="one")
    assert events(feed) == [Quote("A", at(2), 1.0, 2.0, 7.0, 2.0), Quote("A", at(3), 1.0, 4.0, 7.0, 3.0)]
    assert any("2 rows left out" in note for note in feed.describe()["notes"])


def test_several_times_are_not_guessed() -> None:
    """Receipt and event time: the user says which; then it is used."""
    columns = {**quotes(), "event_ms": [at(i) // 10**6 - 5 for i in range(3)]}
    with pytest.raises(DataError, match="timestamp, event_ms all hold times; say which"):
        open_feed({"A": columns})
    assert events(open_feed({"A": columns}, time="event_ms"))[0].at == at(0) - 5_000_000


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        ({"kind": "quote"}, ConfigError, "did you mean 'quotes'"),
        ({"crossed": "ignore"}, ConfigError, "refuse, drop"),
        ({"sides": "two"}, ConfigError, "both, one"),
        ({"time": "when"}, DataError, "no column for time 'when'"),
        ({"kind": "trades"}, DataError, "no column for price"),
    ],
)
def test_wrong_words_are_told(said: dict[str, Any], error: type[Exception], text: str) -> None:
    """A word that is not known, or a column that is not there, is one sentence."""
    with pytest.raises(error, match=text):
        open_feed({"A": quotes()}, **said)


def test_policies_are_for_ticks() -> None:
    """Bars have no bid: to ask for a policy on them is a mistake."""
    bars = {"time": [at(0)], "open": [1], "high": [1], "low": [1], "close": [1]}
    with pytest.raises(DataError, match="it has bars; crossed, sides and time are for quotes"):
        open_feed({"A": bars}, crossed="drop")


# -- the catalogue ----------------------------------------------------------------------------------------------------


def imported(tmp_path: Path, columns: dict[str, list[Any]], name: str = "mine", **said: Any) -> Any:
    """The columns as a CSV file of symbol A, imported."""
    source = tmp_path / "A.csv"
    pd.DataFrame(columns).to_csv(source, index=False)
    return import_file(source, tmp_path / "data", name, ticks=TickOptions(**said))


def test_import_puts_kinds_beside_each_other(tmp_path: Path) -> None:
    """Quotes, then trades, into one data set; it opens as one feed, or as one kind of it."""
    first = imported(tmp_path, quotes())
    second = imported(tmp_path, {"time": [at(1)], "price": [2.0], "qty": [1.0], "is_buyer_maker": [True]})
    assert (first.kinds, first.rows_added, second.kinds, second.rows_total) == (["quotes"], 3, ["trades"], 4)
    feed = open_feed("mine", data_dir=tmp_path / "data")
    assert [type(e) for e in events(feed)] == [Quote, Quote, Trade, Quote]
    assert [type(e) for e in events(open_feed("mine", data_dir=tmp_path / "data", kind="trades"))] == [Trade]
    assert catalogue.describe(catalogue.find("mine", tmp_path / "data"))["kinds"] == ["quotes", "trades"]


def test_import_is_idempotent_and_never_overwrites(tmp_path: Path) -> None:
    """The same file again changes no byte; other quotes of the symbol are refused, and so are bars."""
    imported(tmp_path, quotes())
    folder = tmp_path / "data" / "mine"
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert imported(tmp_path, quotes()).rows_known == 3
    for wrong in (quotes(bid=[0.5, 2.0, 3.0]), quotes(bid=[9.0, 2.0, 3.0])):
        with pytest.raises(DataError):
            imported(tmp_path, wrong)
    with pytest.raises(DataError, match="the data set has ticks"):
        imported(tmp_path, {"time": [at(0)], "open": [1], "high": [1], "low": [1], "close": [1]})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_what_import_left_out_is_recorded(tmp_path: Path) -> None:
    """The policy and what it did are in dataset.json, with the spread: by hand 0.5 and 0, median 0.25, half locked."""
    imported(tmp_path, quotes(bid=[1.0, 2.6, 3.5]), crossed="drop")
    meta = json.loads((tmp_path / "data/mine/dataset.json").read_text())
    entry = meta["symbols"]["A"]["streams"]["quotes"]
    assert (entry["crossed"], entry["rows"], entry["median_spread"], entry["locked"]) == ("drop", 2, 0.25, 0.5)
    assert "1 crossed quotes (bid above ask) left out" in entry["notes"]
    with pytest.raises(DataError, match="settled when it was imported"):
        open_feed("mine", data_dir=tmp_path / "data", crossed="drop")


def test_a_large_file_is_streamed_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One-sided, crossed quotes over several row groups: streamed or whole, the file is the same."""
    rows = 150_000
    rng = np.random.default_rng(3)
    side = rng.random(rows) < 0.5
    price = 100 + rng.integers(-3, 4, rows) / 10
    frame = pd.DataFrame({"time": BEGIN + np.arange(rows) * 1_000, "bid": np.where(side, price, 0)})
    frame["ask"] = np.where(side, 0, price + 0.4)
    frame.to_parquet(tmp_path / "A.parquet")
    options = TickOptions(sides="one", crossed="drop")
    whole = import_file(tmp_path / "A.parquet", tmp_path / "whole", "x", ticks=options)
    monkeypatch.setattr("onepath.data.tickimport.IN_MEMORY", 10)
    streamed = import_file(tmp_path / "A.parquet", tmp_path / "streamed", "x", ticks=options)
    files = [tmp_path / kind / "x" / "A.quotes.parquet" for kind in ("whole", "streamed")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert whole.notes == streamed.notes
    assert 0 < whole.rows_total < rows


def test_a_fault_in_a_streamed_import_names_the_files_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows left out before it do not shift the number of the wrong one, also in a later row group."""
    rows = 100_000
    bid = np.full(rows, 1.0)
    bid[10], bid[70_000] = 3.0, -1.0
    pd.DataFrame({"time": BEGIN + np.arange(rows), "bid": bid, "ask": 2.0}).to_parquet(tmp_path / "A.parquet")
    for limit in (10, rows):
        monkeypatch.setattr("onepath.data.tickimport.IN_MEMORY", limit)
        with pytest.raises(DataError, match=r"row 70001: .* has bid -1"):
            import_file(tmp_path / "A.parquet", tmp_path / "data", "x", ticks=TickOptions(crossed="drop"))
        assert not (tmp_path / "data/x").exists()


def test_the_check_counts_everything(tmp_path: Path) -> None:
    """By hand: one crossed, one locked, one without a price, one time backwards."""
    columns = quotes(
        timestamp=[at(i) for i in (0, 2, 1, 3)], bid=[2.0, 1.0, 1.0, 0.0], ask=[1.0, 1.0, 2.0, 2.0], bid_qty=[1] * 4
    )
    pd.DataFrame({**columns, "ask_qty": [1] * 4}).to_csv(tmp_path / "A.csv", index=False)
    report = check_tick_file(tmp_path / "A.csv")
    assert report is not None
    assert report.counts == {"out_of_order": 1, "missing_price": 1, "crossed": 1, "locked": 1}
    assert not report.ok
    assert [f.row for f in report.findings if f.kind == "crossed"] == [2]


# -- the sample -------------------------------------------------------------------------------------------------------


def test_the_sample_is_whole_and_sound() -> None:
    """Two minutes of quotes and trades open by name, on ticks of 0.1, without a fault."""
    feed = open_feed("btcusdt_quotes")
    assert (feed.total, feed.kinds) == (24_002, {"BTCUSDT": ["quotes", "trades"]})
    found = events(feed)
    assert sum(isinstance(e, Quote) for e in found) == 20_000
    assert all(a.at <= b.at for a, b in pairwise(found))
    instrument = feed.instruments["BTCUSDT"]
    assert (str(instrument.tick_size), str(instrument.lot_size)) == ("0.1", "0.001")
    assert (instrument.currency, instrument.base, instrument.calendar) == ("USDT", "BTC", "24/7")
    for price in {e.bid for e in found if isinstance(e, Quote)}:
        assert round(price, 1) == price
    report = check_tick_dataset(catalogue.find("btcusdt_quotes"))
    assert report is not None
    assert (report.ok, report.rows, report.counts) == (True, 24_002, {})
    folder = catalogue.SAMPLES / "btcusdt_quotes"
    assert sum(p.stat().st_size for p in folder.iterdir()) < 500_000
    assert "MIT License" in (folder / "LICENSE").read_text()


def test_the_sample_is_the_original(shared: Path) -> None:
    """Its first 20,000 quotes are those of the recording, to the last bit."""
    original = pq.read_table(shared / "l2_binance_usdm_btcusdt/btcusdt_usdm_20240808_bbo.parquet").slice(0, 20_000)
    feed = open_feed({"BTCUSDT": original}, time="local_ts_ns")
    assert events(feed) == events(open_feed("btcusdt_quotes", kind="quotes"))


# -- real recordings --------------------------------------------------------------------------------------------------


def test_real_fx_ticks_are_refused_at_the_first_crossed_one(shared: Path) -> None:
    """EURUSD of FXCM: the 37th row is the first with bid above ask."""
    table = pd.read_parquet(shared / FXCM)
    first = int((table.bid > table.ask).to_numpy().argmax())
    assert first == 36
    with pytest.raises(DataError, match=r"eurusd_quote_ticks_201405.parquet, row 37: .*is crossed: bid 1.38724"):
        open_feed(shared / FXCM)


def test_real_fx_ticks_without_the_crossed_ones(shared: Path) -> None:
    """1,144,807 published ticks less 116,871 crossed ones; 142,462 are locked, as published."""
    feed = open_feed(shared / FXCM, crossed="drop")
    assert feed.total == 1_144_807 - 116_871
    assert sum(1 for _ in events(feed)) == feed.total
    notes = " ".join(feed.describe()["notes"])
    assert "116,871 crossed" in notes
    assert "142,462 locked" in notes


def test_real_fx_ticks_make_the_published_bars_where_none_is_crossed(shared: Path) -> None:
    """Minutes without a crossed tick, built from the feed's events, are the published quote bars exactly.

    The published bars are of all ticks, the crossed ones too, so only minutes in which nothing was left out can agree.
    """
    table = pd.read_parquet(shared / FXCM)
    whole = set(table.timestamp.dt.floor("min")) - set(table.timestamp[table.bid > table.ask].dt.floor("min"))
    made: dict[int, list[float]] = {}
    for e in events(open_feed(shared / FXCM, crossed="drop")):
        bar = made.setdefault(e.at // MINUTE * MINUTE, [e.bid, e.bid, e.bid, e.bid, e.ask, e.ask, e.ask, e.ask])
        bar[1], bar[2], bar[3] = max(bar[1], e.bid), min(bar[2], e.bid), e.bid
        bar[5], bar[6], bar[7] = max(bar[5], e.ask), min(bar[6], e.ask), e.ask
    published = pd.read_csv(
        shared / "fx_ticks_eurusd_fxcm/eurusd_1m_quote_bars_201405.csv.gz", parse_dates=["timestamp"]
    )
    compared = 0
    for row in published.itertuples(index=False):
        if row[0] in whole:
            assert made[row[0].value] == list(row[1:])
            compared += 1
    assert compared == len(whole)
    assert compared > 1_000


def test_real_stock_trades(shared: Path) -> None:
    """573,620 trades of BAC, many in one millisecond: the sum of sizes is the file's."""
    path = shared / "equity_ticks_lean/bac_trade_ticks_20131007_11.parquet"
    feed = open_feed({"BAC": path})
    assert feed.total == 573_620
    found = events(feed)
    assert sum(e.size for e in found) == pd.read_parquet(path)["size"].sum()
    assert len({e.at for e in found}) < len(found)


def test_real_one_sided_quotes(shared: Path) -> None:
    """IBM: 575,589 rows of one side each; by pandas' own forward fill the same quotes."""
    path = shared / "equity_ticks_lean/ibm_quote_ticks_20131007_11.parquet"
    frame = pd.read_parquet(path)
    sides = frame[["bid", "ask"]].replace(0.0, np.nan).ffill().dropna()
    sound = sides[sides.bid <= sides.ask]
    feed = open_feed({"IBM": path}, sides="one", crossed="drop")
    assert feed.total == len(sound)
    found = events(feed)
    assert [e.bid for e in found] == sound.bid.tolist()
    assert [e.ask for e in found] == sound.ask.tolist()


@pytest.mark.parametrize(("venue", "market", "messages"), [("usdm", "usdm", 6_547), ("spot", "spot", 3_449)])
def test_real_books_agree_with_the_recorded_best_prices(shared: Path, venue: str, market: str, messages: int) -> None:
    """Snapshot and all messages after it, as published; the last book's best prices are the recorded ones."""
    folder = shared / f"l2_binance_{venue}_btcusdt"
    feed = open_feed({"X": folder / f"btcusdt_{market}_20240808_depth.parquet"}, time="local_ts_ns")
    found = events(feed)
    assert feed.total == len(found) == messages + 1
    assert all(isinstance(e, BookUpdate) for e in found)
    assert found[0].snapshot
    recorded = pd.read_parquet(folder / f"btcusdt_{market}_20240808_bbo.parquet").sort_values("update_id")
    agree = 0
    for e in found[1:]:
        i = int(np.searchsorted(recorded.update_id, e.last_id, side="right")) - 1
        agree += i >= 0 and (recorded.bid.iloc[i], recorded.ask.iloc[i]) == (e.bid, e.ask)
    assert agree == messages


def test_a_backtest_runs_over_the_sample() -> None:
    """One call over quotes and trades: every event is delivered, in time order."""
    seen: list[Any] = []

    class Watch(onepath.Strategy):
        def on_market_event(self, event: Any, context: Any) -> None:
            seen.append(event)

    onepath.backtest(Watch, data="btcusdt_quotes")
    assert seen == events(open_feed("btcusdt_quotes"))
    assert len(seen) == 24_002
