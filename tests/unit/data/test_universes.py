"""Universes from files, chosen and matched with data; runs over them see members as of the moment, and run again the same."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import onepath
from onepath import Context, OrderIntent, Strategy
from onepath.build import build
from onepath.calendars import DAY, day_of
from onepath.config import load
from onepath.data import catalogue
from onepath.data.coverage import coverage
from onepath.data.ingest import import_file
from onepath.data.sources import moment
from onepath.data.universes import filtered, given, located, read_universe
from onepath.errors import ConfigError, DataError
from onepath.examples.momentum import Momentum
from onepath.rerun import replay
from onepath.universe import Spell, Traded, Universe

FILE = """Symbol,From,To,Name,Sector,Cap
AAPL,,,Apple,Technology,3_000e9
AMZN,2016-03-01,2018-06-15,"Amazon.com, Inc.",Consumer,1.9e12
XOM,,2020-08-31,Exxon Mobil,Energy,400000000000
TSLA,2020-12-21,,Tesla,Consumer,
GE,,2018-06-26,General Electric,Industrials,1.7e11

AMZN,2024-02-26,,Amazon,Consumer,1.9e12
"""


def day(text: str) -> int:
    return day_of(date.fromisoformat(text))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(FILE)
    return path


class Watching(Strategy):
    """Notes when the universe changes."""

    def on_start(self, context: Context) -> None:
        self.seen: list[tuple[str, str]] = []

    def generate_orders(self, context: Context) -> list[OrderIntent]:
        members = " ".join(context.universe)
        if not self.seen or self.seen[-1][1] != members:
            self.seen.append((f"{context.current_time:%Y-%m-%d %H:%M}", members))
        return []


def test_a_file_has_dates_and_metadata(file: Path) -> None:
    """Each line is a spell; a symbol may come back; blank lines do not matter; names of columns have any case."""
    universe = read_universe(file)
    assert universe.spells[:3] == (
        Spell("AAPL"),
        Spell("AMZN", day("2016-03-01"), day("2018-06-15")),
        Spell("XOM", None, day("2020-08-31")),
    )
    assert universe.members(day("2024-02-26")) == ("AAPL", "TSLA", "AMZN")
    assert len(universe.sha256) == 64


@pytest.mark.parametrize(
    ("where", "symbols"),
    [
        ({"sector": "technology"}, ["AAPL"]),
        ({"sector": ["Energy", "Consumer"]}, ["AMZN", "XOM", "TSLA", "AMZN"]),
        ({"cap": {"least": 1e12}}, ["AAPL", "AMZN", "AMZN"]),
        ({"cap": {"least": 2e11, "most": "1.9e12"}}, ["AMZN", "XOM", "AMZN"]),
        ({"cap": 400_000_000_000}, ["XOM"]),
        ({"Sector": "Consumer", "cap": {"most": 2e12}}, ["AMZN", "AMZN"]),
        ({"name": "amazon.com, inc."}, ["AMZN"]),
        ({"cap": {"least": 1}, "sector": "Utilities"}, []),
    ],
)
def test_metadata_choose(file: Path, where: dict[str, Any], symbols: list[str]) -> None:
    """A value, a list or a range; a line without the value (Tesla's cap) does not fit."""
    assert [spell.symbol for spell in read_universe(file, {"where": where}).spells] == symbols


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            {"where": {"sectr": "Energy"}},
            r"filter\.where\.sectr: .*mine\.csv has no such column \(did you mean 'sector'\?\)",
        ),
        ({"where": {"cap": {"above": 3}}}, r"filter\.where\.cap: above: 3 is no bound; expected least and most"),
        ({"where": {"cap": {"least": "much"}}}, r"filter\.where\.cap: least: 'much' is no bound"),
        ({"where": ["sector"]}, r"filter\.where is \['sector'\]; expected columns"),
        ({"topp": 3}, r"filter\.topp is unknown \(did you mean 'top'\?\)"),
        ({"days": "often"}, r"filter\.days is 'often'; expected a number, such as 20"),
        ({"days": 0}, r"filter: days is 0"),
        ("top", r"filter is 'top'; expected a dict"),
    ],
)
def test_a_filter_that_makes_no_sense(file: Path, terms: Any, message: str) -> None:
    """Each is one sentence that says what was expected."""
    with pytest.raises(ConfigError, match=message):
        read_universe(file, terms)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,from\nApple,2020-01-01\n", r"there is no column symbol; found name, from"),
        ("symbol,from\nA,2020-13-01\n", r"line 2: from is '2020-13-01'; expected a date"),
        (
            "ticker,start_date,end_date\nA,2020-01-02,2020-01-02\n",
            r"line 2: A leaves before it has been a member for a day",
        ),
        (
            "symbol,from,to\nA,2020-01-01,2021-01-01\nB,,\nA,2020-12-31,\n",
            r"line 4: A from 2020-12-31 overlaps A from 2020-01-01",
        ),
        ("symbol\nA\nA\n", r"line 3: A overlaps A of line 2"),
        ("symbol,from\n,2020-01-01\n", r"line 2: symbol is missing"),
        ("symbol,from\n", r"it names no symbol"),
        ("", r"there is no column symbol; found nothing"),
    ],
)
def test_a_faulty_file_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong in a file is an error that says where."""
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_universe(path)


def test_a_yaml_list_is_static(tmp_path: Path) -> None:
    """A list of symbols: members at all times. What YAML makes something else of is refused."""
    path = tmp_path / "list.yaml"
    path.write_text("- AAPL\n- MSFT\n")
    assert read_universe(path).members(0) == ("AAPL", "MSFT")
    path.write_text("- AAPL\n- NO\n")  # a boolean
    with pytest.raises(DataError, match=r"entry 2 is False; expected a symbol: quote"):
        read_universe(path)
    path.write_text("AAPL: 1\n")
    with pytest.raises(DataError, match="expected a list of symbols"):
        read_universe(path)
    path.write_text("- AAPL\n- [")
    with pytest.raises(DataError, match=r"list\.yaml, line 2: this is not YAML: "):
        read_universe(path)


def test_files_that_are_no_files(tmp_path: Path) -> None:
    """One that is not there, and one that is no text."""
    with pytest.raises(DataError, match="does not exist"):
        read_universe(tmp_path / "none.csv")
    (tmp_path / "energy.csv").write_text("symbol\nXOM\n")
    for wrong, right in (("enrgy.csv", "energy.csv"), ("dow31", "dow30")):
        with pytest.raises(DataError, match=rf"does not exist \(did you mean '{right}'\?\); check the path"):
            read_universe(tmp_path / wrong)
    (tmp_path / "raw.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as a universe"):
        read_universe(tmp_path / "raw.csv")


def test_universes_made_in_python() -> None:
    """A list of symbols, or a Universe; neither has metadata to choose by."""
    assert given(["B", "A", "B"]).members(0) == ("B", "A")
    assert given(["A"], {"top": 3}).traded == Traded(top=3)
    made = Universe((Spell("A", 3),))
    assert given(made) is made
    assert filtered({"where": {"a": 1}}) == ({"a": 1}, None)
    with pytest.raises(ConfigError, match="needs a universe of a file"):
        given(["A"], {"where": {"sector": "x"}})
    for wrong in (3, [], [3]):
        with pytest.raises(ConfigError, match="expected the path of a file"):
            given(wrong)


def test_a_run_sees_members_as_of_the_moment(file: Path) -> None:
    """Daily bars are known at their close, so a change is first seen at the close of its day; who has no data is told."""
    strategy = Watching()
    result = onepath.backtest(strategy, "us10", universe=file)
    assert strategy.seen == [
        ("2015-01-02 21:00", "AAPL XOM"),
        ("2016-03-01 21:00", "AAPL AMZN XOM"),
        ("2018-06-15 20:00", "AAPL XOM"),
        ("2020-08-31 20:00", "AAPL"),
        ("2020-12-21 21:00", "AAPL TSLA"),
        ("2024-02-26 21:00", "AAPL TSLA AMZN"),
    ]
    assert any(
        note.startswith("survivorship: of 5 members of") and "1 have no data (GE)" in note for note in result.notes
    )


def test_only_who_is_ever_a_member_in_the_time_is_read(file: Path) -> None:
    """From 2019 to 2020-06, Amazon is no member, and its bars are not read; a filter by sector leaves one."""
    strategy = Watching()
    result = onepath.backtest(strategy, "us10", universe=file, start="2019-01-01", end="2020-06-30")
    assert [row["symbol"] for row in result.record.manifest.instruments] == ["AAPL", "XOM"]
    onepath.backtest(strategy, "us10", universe=file, filter={"where": {"sector": "Energy"}}, end="2016-01-01")
    assert strategy.seen == [("2015-01-02 21:00", "XOM")]


def test_conditions_that_nobody_fits(file: Path) -> None:
    """Said as what it is: no member, not members without data."""
    with pytest.raises(
        DataError, match=r"it has no member that fits filter.where \{'sector': 'Enrgy'\} from 2015-01-02 to"
    ):
        onepath.backtest(Watching(), "us10", universe=file, filter={"where": {"sector": "Enrgy"}})
    with pytest.raises(DataError, match=r"of its 1 members .* the data has none; it has AAPL, .*NVDA, \.\.\.: check"):
        onepath.backtest(Watching(), "us10", universe=["APPL"])


def test_without_a_universe_all_symbols_are_members() -> None:
    """`context.universe` is then `context.symbols`."""
    strategy = Watching()
    onepath.backtest(strategy, "us10", symbols=["XOM", "AAPL"], end="2015-02-01")
    assert strategy.seen == [("2015-01-02 21:00", "XOM AAPL")]


def test_liquidity_looks_back_only() -> None:
    """The most traded of a session are those of the twenty sessions before it: by pandas, over the whole sample."""
    import pandas as pd

    strategy = Watching()
    onepath.backtest(strategy, "us10", universe=["AAPL", "AMZN", "NVDA", "TSLA", "XOM"], filter={"top": 2, "days": 20})
    prices = {
        s: onepath.data.read("us10", symbols=s, frames="pandas")[s] for s in ("AAPL", "AMZN", "NVDA", "TSLA", "XOM")
    }
    traded = pd.DataFrame({s: p.close * p.volume for s, p in prices.items()})
    best = traded.rolling(20).mean().shift(1).dropna().rank(axis=1, ascending=False) <= 2
    expected = [" ".join(best.columns[row]) for row in best.to_numpy()]
    changes = [
        (f"{at:%Y-%m-%d}", who)
        for at, who, before in zip(best.index, expected, ["", *expected], strict=False)
        if who != before
    ]
    assert len(changes) > 30
    assert [(at[:10], who) for at, who in strategy.seen[1:]] == changes


def test_the_future_does_not_matter() -> None:
    """What was seen until a day is the same whether data end there, go on, or go on with other prices and volumes."""
    prices = onepath.data.read("us10", end="2016-07-01")
    cut = moment("2015-11-02")
    short = {s: {name: column[c["start"] < cut] for name, column in c.items()} for s, c in prices.items()}
    other = {
        s: {n: v if n in ("start", "at") else v * (1 + 9 * (c["start"] >= cut) * (i + 1)) for n, v in c.items()}
        for i, (s, c) in enumerate(prices.items())
    }
    changes = []
    for data in (prices, short, other):
        strategy = Watching()
        how: dict[str, Any] = {"universe": list(prices), "filter": {"top": 3, "days": 10}, "calendar": "XNYS"}
        onepath.backtest(strategy, {s: {n: v for n, v in c.items() if n != "at"} for s, c in data.items()}, **how)
        changes.append([row for row in strategy.seen if row[0] < "2015-11-02"])
    assert len(changes[0]) > 10
    assert changes[0] == changes[1] == changes[2]


def test_a_split_restates_the_last_close() -> None:
    """A closes at 12 on day 1, and is split three for one before day 2 begins: 4 is below the least price of 5 at once."""
    times = [(day("2024-01-08") + i) * DAY for i in range(3)]
    bars = {"time": times, "volume": [90.0, 90.0, 270.0]} | {
        n: [12.0, 12.0, 4.0] for n in ("open", "high", "low", "close")
    }
    strategy = Watching()
    split = onepath.Split("A", times[2], Decimal(3))
    how: dict[str, Any] = {"universe": ["A"], "filter": {"days": 1, "min_price": 5}, "calendar": "24/7"}
    onepath.backtest(strategy, {"A": bars}, actions=[split], **how)
    # At the end of day 1, which is the beginning of day 2, 12 is the close before; at the end of day 2, 4 is.
    assert strategy.seen == [("2024-01-09 00:00", "A"), ("2024-01-11 00:00", "")]
    onepath.backtest(strategy, {"A": bars | {"close": [12.0, 12.0, 12.0], "high": [12.0, 12.0, 12.0]}}, **how)
    assert strategy.seen == [("2024-01-09 00:00", "A")]


def test_momentum_buys_members_alone() -> None:
    """The example over the Dow: of the technology companies of the sample, Nvidia, the best of the decade, was no member."""
    bought = [
        f.symbol for f in onepath.backtest(Momentum(top=1), "us10", universe="dow30", end="2024-10-01").record.fills
    ]
    assert "NVDA" not in bought
    assert "AAPL" in bought


def test_a_recorded_run_is_run_again_without_its_file(file: Path, tmp_path: Path) -> None:
    """The manifest holds the members: replay is identical when the file is gone."""
    config = tmp_path / "run.yaml"
    config.write_text(
        "data: {name: us10, universe: mine.csv, filter: {top: 1, days: 10, where: {sector: [technology, energy]}}}\n"
        "strategies:\n  - {name: momentum, capital: 100000, params: {top: 1, window: 20}}\n"
    )
    session = build(load(config), home=tmp_path, session_id="one", journal_path=tmp_path / "one.db")
    assert session.run().decisions > 20
    session.journal.close()
    file.unlink()
    assert replay(tmp_path / "one.db", home=tmp_path).identical


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{name: us10, filter: {top: 3}}", "data.universe beside data.filter"),
        ("{name: us10, universe: none.csv}", "does not exist"),
        ("{name: us10, universe: mine.csv, filter: {where: {sectr: x}}}", "no such column"),
        (
            "{name: btcusd_1m, universe: mine.csv}",
            "of its 2 members from 2020-01-01 to 2020-01-02 the data has none; it has BTCUSD",
        ),
    ],
)
@pytest.mark.usefixtures("file")
def test_a_configuration_that_cannot_be(tmp_path: Path, data: str, message: str) -> None:
    """Each is one sentence."""
    config = tmp_path / "run.yaml"
    config.write_text(f"data: {data}\nstrategies: [{{name: momentum, capital: 1000}}]\n")
    with pytest.raises((ConfigError, DataError), match=message):
        build(load(config), home=tmp_path, session_id="x", journal_path=None)


def test_a_filter_needs_a_universe() -> None:
    """In Python as in a configuration."""
    with pytest.raises(ConfigError, match="give universe as well"):
        onepath.backtest(Watching(), "us10", filter={"top": 3})


def test_coverage_of_a_data_set(file: Path) -> None:
    """By hand: over 2015-01-02 to 2024-12-31 (3,652 days) Apple, Amazon twice, Exxon and Tesla have all, GE none of 1,271."""
    found = coverage(read_universe(file), catalogue.find("us10"))
    assert found.absent == ("GE",)
    assert [(g.symbol, g.entire, g.last - g.first + 1) for g in found.gaps] == [("GE", True, 1_271)]
    days = {"AAPL": 3_652, "AMZN": 836 + 310, "XOM": 2_068, "TSLA": 1_472, "GE": 1_271}
    assert found.share == pytest.approx(1 - 1_271 / sum(days.values()))
    assert (found.members, found.leavers) == (5, 3)
    assert ["1 of 5 members have no data" in w for w in found.warnings()] == [True]


def test_coverage_of_a_part_and_of_survivors(tmp_path: Path) -> None:
    """Data that begin later or end earlier than a membership are a gap; a list that nobody leaves is one of survivors."""
    header = "date,open,high,low,close,volume\n"
    for symbol, days in (("LONG", range(1, 29)), ("PART", range(11, 19))):
        rows = "".join(f"2024-02-{d:02d},1,1,1,1,1\n" for d in days)
        (tmp_path / f"{symbol}.csv").write_text(header + rows)
        import_file(tmp_path / f"{symbol}.csv", tmp_path / "data", "two", calendar="24/7")
    found = coverage(given(["LONG", "PART"]), catalogue.find("two", tmp_path / "data"))
    # A bar of a day ends where the next day begins: the 19th has the end of the last.
    assert [(g.symbol, g.first, g.last, g.entire) for g in found.gaps] == [
        ("PART", day("2024-02-01"), day("2024-02-10"), False),
        ("PART", day("2024-02-20"), day("2024-02-29"), False),
    ]
    assert found.warnings()[0].startswith("no member ever leaves")
    assert found.to_json()["gaps"][0]["last"] == "2024-02-10"


def test_the_sample_has_thirty_members() -> None:
    """The Dow has thirty members on every day since 2015, and those of known days."""
    dow = read_universe(located("dow30"))
    assert {len(dow.members(d)) for d in range(day("2015-01-02"), day("2025-01-01"))} == {30}
    assert "AAPL" not in dow.members(day("2015-03-18"))
    assert "AAPL" in dow.members(day("2015-03-19"))
    assert {"INTC", "DOW"}.isdisjoint(dow.members(day("2024-11-08")))


def test_the_members_of_the_sp500(shared: Path) -> None:
    """1,230 memberships of 1,181 symbols; about five hundred at any time; the days of known changes."""
    sp500 = read_universe(shared / "universe_sp500/sp500_ticker_start_end.csv")
    assert (len(sp500.spells), len({s.symbol for s in sp500.spells})) == (1_230, 1_181)
    for text, symbol, before in (
        ("2020-12-21", "TSLA", False),
        ("2008-09-17", "LEHMQ", True),
        ("2013-12-23", "FB", False),
    ):
        inside = [symbol in sp500.members(day(text) + d) for d in (-1, 0)]
        assert inside == [before, not before], (text, symbol)
    assert all(485 <= len(sp500.members(d)) <= 508 for d in range(day("1996-01-02"), day("2025-07-01"), 30))
