"""Holidays and early closes of the calendars that come with onepath: against the package they are made from, and by hand."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import onepath
from onepath import calendars
from onepath.build import build
from onepath.calendars import CALENDARS, HOUR, MINUTE, as_date, day_of, get, is_bundled, names, parse, written
from onepath.config import load
from onepath.data import sessions
from onepath.errors import ConfigError
from onepath.journal.sqlite import SqliteReader
from onepath.report.days import days_of
from onepath.report.record import read as read_record
from onepath.rerun import replay
from onepath.trading_days import ALIASES, MADE_WITH, TABLE

FROM, UNTIL = "2000-01-01", "2026-12-31"


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def day(text: str) -> int:
    return day_of(date.fromisoformat(text))


@pytest.mark.filterwarnings("ignore")  # the package uses what pandas will take away
@pytest.mark.parametrize("name", [*TABLE, *sorted(ALIASES)])
def test_all_sessions_are_those_of_exchange_calendars(name: str) -> None:
    """Every opening and close of 2000 to 2026 is that of the package, to the nanosecond, and no day more or less trades."""
    package = pytest.importorskip("exchange_calendars")
    import pandas as pd

    their = {"NYSE": "XNYS", "NASDAQ": "XNAS", "LSE": "XLON"}.get(name, name)
    bounds = package.get_calendar(their).bound_min(), package.get_calendar(their).bound_max()
    found = package.get_calendar(
        their, start=max(pd.Timestamp(FROM), bounds[0] or pd.Timestamp(FROM)), end=pd.Timestamp(UNTIL)
    )
    expected = [
        (s.toordinal() - 719_163, o.value, c.value)
        for s, o, c in zip(found.sessions, found.opens, found.closes, strict=True)
    ]
    ours = get(name)
    assert len(expected) > 6_000
    # The package has Seoul open an hour late on the last session of any range that it is asked for.
    last = -1 if name == "XKRX" else None
    assert [(d, *ours.session_bounds(d)) for d in ours.sessions(day(FROM), day(UNTIL))][:last] == expected[:last]


@pytest.mark.parametrize("name", [*TABLE])
def test_instants_belong_to_the_session_that_has_not_closed(name: str) -> None:
    """At each close of 2019 to 2022 the next session begins, and not a nanosecond before; it is open from open to close."""
    calendar = get(name)
    found = calendar.sessions(day("2019-01-01"), day("2022-12-31"))
    assert 950 < len(found) < 1_050
    for this, following in pairwise(found):
        opens, closes = calendar.session_bounds(this)
        assert calendar.session_date(opens) == calendar.session_date(closes - 1) == this
        assert calendar.session_date(closes) == following
        assert calendar.is_open(opens)
        assert calendar.is_open(closes - 1)
        assert calendar.is_open(closes) == (calendar.session_bounds(following)[0] == closes)


@pytest.mark.parametrize(
    "closed",
    [
        "2001-09-11",  # and the three days after
        "2001-09-14",
        "2012-10-29",  # Sandy
        "2012-10-30",
        "2018-12-05",  # mourning for a president
        "2025-01-09",
        "2021-12-24",  # Christmas Day was a Saturday
        "2022-06-20",  # Juneteenth, observed on Monday
        "2026-11-26",
        "1986-12-25",
    ],
)
def test_days_without_trading_in_new_york(closed: str) -> None:
    """Holidays, mournings and catastrophes: such a day belongs to the next session, and nothing is open."""
    xnys = get("XNYS")
    assert not xnys.is_session(day(closed))
    noon = day(closed) * 24 * HOUR + 17 * HOUR
    assert xnys.session_date(noon) > day(closed)
    assert not xnys.is_open(noon)


def test_days_around_the_holidays_trade() -> None:
    """The days beside them are sessions; 2021-12-31 was one, because New Year's Day was a Saturday."""
    xnys = get("XNYS")
    for text in ("2001-09-10", "2001-09-17", "2012-10-31", "2018-12-04", "2018-12-06", "2021-12-31", "2021-06-18"):
        assert xnys.is_session(day(text)), text
    assert xnys.session_date(ns("2001-09-11T12:46")) == day("2001-09-17")


def test_early_closes_of_new_york() -> None:
    """The day after Thanksgiving 2026 closes at 13:00 New York, 18:00 UTC; what comes then is Monday's."""
    xnys = get("XNYS")
    friday = day("2026-11-27")
    assert xnys.session_bounds(friday) == (ns("2026-11-27T14:30"), ns("2026-11-27T18:00"))
    assert xnys.is_special(friday)
    assert not xnys.is_special(friday - 2)
    assert xnys.session_date(ns("2026-11-27T18:00") - 1) == friday
    assert xnys.session_date(ns("2026-11-27T18:00")) == day("2026-11-30")
    assert not xnys.is_open(ns("2026-11-27T18:30"))
    assert xnys.session_bounds(day("2024-07-03"))[1] == ns("2024-07-03T17:00")  # in summer


def test_hours_that_have_changed() -> None:
    """Hong Kong opened at 10:00 until March 2011 and at 09:30 since; Tokyo closes at 15:30 since 2024-11-05."""
    assert get("XHKG").session_bounds(day("2011-03-04"))[0] == ns("2011-03-04T02:00")
    assert get("XHKG").session_bounds(day("2011-03-07"))[0] == ns("2011-03-07T01:30")
    assert get("XTKS").session_bounds(day("2024-11-01"))[1] == ns("2024-11-01T06:00")
    assert get("XTKS").session_bounds(day("2024-11-05"))[1] == ns("2024-11-05T06:30")


def test_globex_begins_the_evening_before() -> None:
    """A session of CME Globex begins at 17:00 Chicago the day before, and both changes of clock move it in UTC."""
    cmes = get("CMES")
    assert cmes.session_bounds(day("2024-03-08")) == (ns("2024-03-07T23:00"), ns("2024-03-08T23:00"))
    assert cmes.session_bounds(day("2024-03-11")) == (ns("2024-03-10T22:00"), ns("2024-03-11T22:00"))
    assert cmes.session_date(ns("2024-03-10T22:30")) == day("2024-03-11")


def test_trading_on_a_weekend() -> None:
    """Riyadh trades from Sunday to Thursday, from 10:00 to 15:00 (07:00 to 12:00 UTC)."""
    pytest.importorskip("exchange_calendars")
    sunday, riyadh = day("2024-06-02"), sessions.get("XSAU")
    assert [riyadh.is_session(sunday + d) for d in range(-2, 6)] == [False, False, True, True, True, True, True, False]
    assert riyadh.session_bounds(sunday) == (ns("2024-06-02T07:00"), ns("2024-06-02T12:00"))
    assert riyadh.session_date(ns("2024-05-30T12:00")) == sunday


def test_beyond_its_knowledge_every_weekday_counts() -> None:
    """After the last day that is known and before the first, a calendar follows the week, and says so."""
    xnys = get("XNYS")
    assert xnys.is_session(day("2040-12-25"))
    assert not xnys.is_session(day("2040-12-29"))
    said = xnys.unknown(day("2035-12-01"), day("2036-01-05"))
    assert said.startswith("calendar XNYS knows the holidays from 1970-01-02 to 2035-12-31")
    assert xnys.unknown(day("1970-01-02"), day("2035-12-31")) == ""
    assert xnys.unknown(day("1969-12-31"), day("1980-01-01")) != ""
    assert get("24/7").unknown(0, 90_000) == ""


def test_a_data_set_beyond_the_horizon_says_so(tmp_path: Path) -> None:
    """A run over days that the calendar does not know carries the note in its assumptions."""
    lines = [f"1969-12-{d:02d},1,1,1,1,10\n" for d in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19, 22)]
    file = tmp_path / "OLD.csv"
    file.write_text("date,open,high,low,close,volume\n" + "".join(lines))
    from onepath.examples.buy_and_hold import BuyAndHold

    result = onepath.backtest(BuyAndHold(), file, calendar="XNYS")
    assert any("knows the holidays from 1970-01-02" in note for note in result.notes)


def test_the_table_is_made_of_the_installed_package() -> None:
    """The module is what its tool makes of the installed package; another version may know other days, and is not compared."""
    pytest.importorskip("exchange_calendars")
    if f"exchange_calendars {version('exchange_calendars')}" != MADE_WITH:
        pytest.skip(f"made with {MADE_WITH}")
    for name in ("XNYS", "XTSE", "XBOM"):
        since = "1970-01-01" if name == "XNYS" else sessions.SINCE
        assert sessions.of_package(name, since=since) == TABLE[name]


def test_a_text_holds_a_calendar() -> None:
    """By hand: a week and a half with a holiday on Wednesday, a Sunday, a short Friday, and longer hours from day 11 on."""
    open_days = [
        (4, 600, 960),
        (5, 600, 960),
        (7, 600, 960),
        (8, 600, 780),
        (10, 600, 960),
        (11, 600, 990),
        (12, 600, 990),
    ]
    text = written("UTC", 250, [(4, 600, 960), (11, 600, 990)], open_days)
    assert text == "UTC;250;4;12;4:600~960,11:600~990;6;10;600~780:8"
    made = parse("MINE", text)
    assert made.sessions(4, 12) == [4, 5, 7, 8, 10, 11, 12]
    assert [made.hours(d) for d in (8, 10, 12)] == [(600 * MINUTE, m * MINUTE) for m in (780, 960, 990)]
    assert (made.opens, made.closes, made.periods_per_year, made.zone) == (600 * MINUTE, 990 * MINUTE, 250, "UTC")
    assert as_date(4) == date(1970, 1, 5)  # a Monday
    assert made.hours(1) == (600 * MINUTE, 960 * MINUTE)  # before it is known: the earliest


def test_a_calendar_that_does_not_come_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another calendar of the package is known by its name, is noted for the manifest, and comes back from the note."""
    package = pytest.importorskip("exchange_calendars")
    monkeypatch.delitem(CALENDARS, "XWAR", raising=False)
    with pytest.raises(ConfigError, match="'XWAR' is unknown"):
        calendars.get("XWAR")
    found = sessions.get("XWAR")
    assert calendars.get("XWAR") is found
    assert "XWAR" in names()
    assert not is_bundled("XWAR")
    theirs = package.get_calendar("XWAR", start="2015-01-01", end="2024-12-31")
    expected = [s.toordinal() - 719_163 for s in theirs.sessions]
    assert found.sessions(day("2015-01-01"), day("2024-12-31")) == expected
    noted = sessions.noted(["XWAR", "XNYS", "24/7"])
    assert noted == {"XWAR": found.text}
    sessions.put_back(noted)
    with pytest.raises(ConfigError, match="calendar XWAR is not that of the session any more"):
        sessions.put_back({"XWAR": TABLE["XLON"]})


def test_a_session_keeps_the_calendar_that_it_ran_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded on a calendar of the package, run again where it is not installed: identical, and its report knows the days."""
    pytest.importorskip("exchange_calendars")
    rows = "".join(f"2024-05-{d:02d},{d},{d},{d},{d},1000\n" for d in (2, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17))
    (tmp_path / "W.csv").write_text("date,open,high,low,close,volume\n" + rows)
    (tmp_path / "run.yaml").write_text(
        "data: {path: W.csv, calendar: XWAR}\nstrategies: [{name: buy_and_hold, capital: 1000}]\n"
    )
    monkeypatch.delitem(CALENDARS, "XWAR", raising=False)
    session = build(load(tmp_path / "run.yaml"), home=tmp_path, session_id="w", journal_path=tmp_path / "w.db")
    session.run()
    session.journal.close()
    monkeypatch.delitem(CALENDARS, "XWAR")
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    assert replay(tmp_path / "w.db", home=tmp_path).identical
    assert not get("XWAR").is_session(day("2024-05-03"))  # the day of the constitution
    monkeypatch.delitem(CALENDARS, "XWAR")
    reader = SqliteReader(tmp_path / "w.db")
    assert days_of(read_record(reader)).calendar == "XWAR"
    reader.close()


def test_without_the_package_others_are_missing_and_ours_are_not() -> None:
    """Where exchange_calendars cannot be imported, XLON is the same and XWAR is an error that says what to install; a
    session that noted its calendar runs again nevertheless."""
    program = (
        "import sys; sys.modules['exchange_calendars'] = None\n"
        "from onepath.data.sessions import get, put_back\n"
        "from onepath.errors import ConfigError\n"
        "assert not get('XLON').is_session(19_827)\n"  # 2024-04-14 is a Sunday
        "assert not get('XLON').is_session(19_811)\n"  # Good Friday, 2024-03-29
        "try:\n    get('XWAR')\nexcept ConfigError as error:\n    print(error)\n"
        f"put_back({{'XWAR': {TABLE['XLON']!r}}})\n"
        "print(get('XWAR').zone)\n"
        "assert 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install 'onepath[calendars]'" in done.stdout
    assert done.stdout.endswith("Europe/London\n")


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    """A calendar that nobody has is an error in one sentence, whatever is installed."""
    with pytest.raises(ConfigError, match="'XNYX' is unknown; did you mean 'XNYS'"):
        sessions.get("XNYX")
    wrong: Any = 7
    with pytest.raises(ConfigError, match="calendar 7 is unknown"):
        sessions.get(wrong)
