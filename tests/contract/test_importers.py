"""Every importer keeps the same contract: whole pages, nothing twice, nothing lost, and a clear word when it fails.

Yahoo and Alpaca answer from servers on the loopback in their recorded shapes; Binance is the local venue, asked by ccxt as it
is. What should be in the data set is what the servers have, told from the test's own numbers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from publishers import AlpacaData, Asked, Bar, Before, Fault, Reply, Server, YahooData, body, cut, drop, status

from onepath.data.fetch import fetch
from onepath.data.fetch.alpaca import Alpaca, Keys
from onepath.data.fetch.ccxt import Ccxt
from onepath.data.fetch.fetching import Fetched, Wanted
from onepath.data.fetch.port import Importer
from onepath.data.fetch.yahoo import Yahoo

pytest.importorskip("urllib3")
S = 1_000_000_000
MINUTE = 60 * S
NOW = 1_718_000_000
"""Monday 2024-06-10, 06:13 UTC"""
MIDNIGHT = NOW // 86_400 * 86_400


class Clock:
    """A clock that stands; only waiting passes its time."""

    def __init__(self, at: int) -> None:
        self.at = at * S

    def now(self) -> int:
        return self.at

    def wait_until(self, at: int) -> None:
        self.at = max(self.at, at)


def minutes(days: int, each: int) -> list[Bar]:
    """The first minutes after 14:00 UTC of the weekdays of the last `days` days, in cents that are exact in 32 bits."""
    found: list[Bar] = []
    for day in range(days, 0, -1):
        midnight = MIDNIGHT - day * 86_400
        if (midnight // 86_400 + 3) % 7 < 5:
            for i in range(each):
                close = 100 + len(found) % 40 * 0.25
                found.append((midnight + 14 * 3600 + 60 * i, close, close + 0.5, close - 0.5, close + 0.25, 1000.0 + i))
    return found


class Case:
    """One source to try: its server, its importer, what it has, and how its history is restated."""

    def __init__(self, server: Server, data: Any, symbol: str, unknown: str, bars: list[Bar], interval_ns: int) -> None:
        self.server, self.data, self.symbol, self.unknown = server, data, symbol, unknown
        self.bars, self.interval_ns = bars, interval_ns
        self.clock = Clock(NOW)

    @property
    def kind(self) -> str:
        return "binance" if isinstance(self.data, Before) else "yahoo" if isinstance(self.data, YahooData) else "alpaca"

    def importer(self) -> Importer:
        """Patience is short, so that a test of pauses takes no minute."""
        if self.kind == "yahoo":
            return Yahoo(self.clock, url=self.server.url, patience=0.01)
        if self.kind == "alpaca":
            return Alpaca(self.clock, Keys("me", "secret"), url=self.server.url, patience=0.01)
        return Ccxt("binance", self.clock, url=self.server.url, patience=0.01)

    def fetch(self, folder: Path, *symbols: str, last: int | None = None, **how: Any) -> list[Fetched]:
        """All bars up to the one numbered `last`."""
        end = self.bars[-1 if last is None else last][0] * S + self.interval_ns
        wanted = Wanted(self.interval_ns, self.bars[0][0] * S, end, **how)
        return fetch(self.importer(), symbols or (self.symbol,), folder, wanted)

    def restate(self, row: int, close: float) -> None:
        """The source changes its mind about a bar."""
        at, opens, high, low, _, volume = self.bars[row]
        if self.kind == "binance":
            self.data.closes[at * 1000] = f"{close}"
        else:
            self.data.bars[self.symbol][row] = (at, opens, max(high, close), min(low, close), close, volume)


@pytest.fixture(scope="module")
def venue() -> Iterator[Any]:
    """Binance, as the local venue is it: 1,440 recorded minutes of BTC/USD as one-second candles, the first 80 % past."""
    pytest.importorskip("ccxt")
    pytest.importorskip("aiohttp")
    from onepath.localvenue import LocalVenue

    with LocalVenue("btcusd_1m", speed=60, history="80%") as opened:
        yield opened


@pytest.fixture(params=["yahoo", "alpaca", "binance"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "binance":
        yield from of_binance(request.getfixturevalue("venue"))
        return
    bars = minutes(29, 8)
    data = (YahooData if request.param == "yahoo" else AlpacaData)({"ACME": list(bars), "OTHER": list(bars)})
    with Server(data.answer, is_data) as server:
        yield Case(server, data, "ACME", "NOPE" if request.param == "yahoo" else "?", bars, MINUTE)


def is_data(asked: Asked) -> bool:
    """Whether bars are asked for, not what a symbol is or its actions."""
    if "/chart/" in asked.path:
        return asked.query["interval"] != "1d"
    return asked.path.endswith(("/bars", "/klines"))


def of_binance(venue: Any) -> Iterator[Case]:
    """Candles of the past, as the venue's own truth has them."""
    import urllib3

    now = int(time.time())
    pool = urllib3.PoolManager()
    rows: list[Any] = []
    while not rows or len(rows) % 1000 == 0:
        since = rows[-1][0] + 1000 if rows else 0
        query = f"symbol={venue_symbol(venue)}&interval=1s&limit=1000&startTime={since}"
        rows += json.loads(pool.request("GET", f"{venue.url}/api/v3/klines?{query}").data)
    bars = [(row[0] // 1000, *map(float, row[1:6])) for row in rows if row[0] // 1000 < now - 5]
    data = Before(venue.url)
    with Server(data.answer, is_data) as server:
        case = Case(server, data, venue_symbol(venue), "NOPE/USDT", bars, S)  # type: ignore[arg-type]
        case.clock = Clock(now + 3600)
        yield case


def venue_symbol(venue: Any) -> str:
    return "BTCUSD"


def held(folder: Path, symbol: str = "") -> list[tuple[Any, ...]]:
    """The bars of the one symbol, or the one named: start in seconds and prices."""
    file = folder / f"{symbol}.parquet" if symbol else next(folder.glob("*.parquet"))
    table = pq.read_table(file).to_pydict()
    return [
        (at // S, *(table[n][i] for n in ("open", "high", "low", "close", "volume")))
        for i, at in enumerate(table["start"])
    ]


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a data set but its lock."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "lock"
    }


def named(case: Case, tmp_path: Path, run: str) -> Path:
    """A folder that is called the same in each run, because a data set's name is in its description."""
    return tmp_path / run / "bars"


def test_all_pages_come(case: Case, tmp_path: Path) -> None:
    """Several pages become one symbol's bars: each bar of the source, once, with its own numbers."""
    (done,) = case.fetch(tmp_path / "set")
    assert done.error == ""
    assert held(tmp_path / "set") == case.bars
    assert done.rows_added == done.rows_total == len(case.bars)
    assert len(case.server.data_asked) >= (2 if case.kind == "binance" else 4)


def test_twice_changes_nothing(case: Case, tmp_path: Path) -> None:
    """The second fetch asks for no bar and leaves every byte."""
    case.fetch(tmp_path / "set")
    before, asked = content(tmp_path / "set"), len(case.server.data_asked)
    (done,) = case.fetch(tmp_path / "set")
    assert (done.rows_added, done.rows_total, done.error) == (0, len(case.bars), "")
    assert content(tmp_path / "set") == before
    assert len(case.server.data_asked) == asked


def test_it_goes_on_after_what_is_there(case: Case, tmp_path: Path) -> None:
    """Fetched in three goes, the data set is byte for byte that of one; only the last five bars are asked for again."""
    whole, pieces = named(case, tmp_path, "whole"), named(case, tmp_path, "pieces")
    case.fetch(whole)
    for last in (19, 70):
        case.fetch(pieces, last=last)
        assert held(pieces) == case.bars[: last + 1]
    del case.server.asked[:]
    (done,) = case.fetch(pieces)
    assert done.rows_added == len(case.bars) - 71
    assert first_asked(case) >= case.bars[66][0]
    assert content(pieces) == content(whole)


def first_asked(case: Case) -> int:
    """The earliest second that bars were asked from."""
    found = []
    for asked in case.server.data_asked:
        query = asked.query
        text = query.get("period1") or query.get("startTime") or query["start"]
        found.append(int(text) if text.isdigit() else _seconds(text))
    return min(found) // (1000 if case.kind == "binance" else 1)


def _seconds(text: str) -> int:
    import datetime as dt

    return int(dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


@pytest.mark.parametrize("fault", [cut, drop], ids=["cut", "dropped"])
def test_an_answer_that_breaks_off_is_asked_again(case: Case, tmp_path: Path, fault: Fault) -> None:
    """The server ends the connection in the middle of the second page: it is asked again, and everything comes."""
    case.server.faults = [None, fault]
    (done,) = case.fetch(tmp_path / "set")
    assert done.error == ""
    assert held(tmp_path / "set") == case.bars


def test_what_came_before_a_lasting_cut_is_kept(case: Case, tmp_path: Path) -> None:
    """From the second page on every answer breaks off: the first page is kept, and a later fetch makes the whole of it."""
    whole, broken = named(case, tmp_path, "whole"), named(case, tmp_path, "broken")
    case.fetch(whole)
    del case.server.asked[:]
    case.server.faults, case.server.always = [None], cut
    (done,) = case.fetch(broken)
    assert done.error != ""
    assert 0 < done.rows_added < len(case.bars)
    case.server.always = None
    del case.server.asked[:]
    (done,) = case.fetch(broken)
    assert done.error == ""
    assert first_asked(case) > case.bars[0][0]
    assert content(broken) == content(whole)


def test_too_many_requests_waits_as_long_as_it_is_told(case: Case, tmp_path: Path) -> None:
    """429 with Retry-After: the next request comes that much later, and everything comes."""
    case.server.faults = [status(429, Retry_After="1")]
    began, at = time.monotonic(), case.clock.now()
    (done,) = case.fetch(tmp_path / "set")
    assert done.error == ""
    assert held(tmp_path / "set") == case.bars
    # urllib3 sleeps; ccxt is made to wait by the clock it was given.
    assert time.monotonic() - began >= 1 or case.clock.now() - at >= S


def test_too_many_requests_for_ever(case: Case, tmp_path: Path) -> None:
    """429 without end: the user is told, no other symbol is tried, and nothing is left lying about."""
    case.server.always = status(429)
    first, second = case.fetch(tmp_path / "set", case.symbol, "OTHER")
    assert "too many requests" in first.error
    assert second.error == first.error
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("code", [500, 503])
def test_a_server_in_trouble(case: Case, tmp_path: Path, code: int) -> None:
    """5xx once is asked again; for ever is told."""
    case.server.faults = [status(code)]
    assert case.fetch(tmp_path / "set")[0].error == ""
    case.server.always = status(code)
    (done,) = case.fetch(tmp_path / "other")
    assert str(code) in done.error


def test_restated_history_is_refused(case: Case, tmp_path: Path) -> None:
    """The last bar that is there has another close now: nothing is changed, and the sentence says bar, numbers and remedy."""
    folder = tmp_path / "set"
    case.fetch(folder, last=49)
    before = content(folder)
    close = case.bars[49][4] + 7
    case.restate(49, close)
    (done,) = case.fetch(folder)
    assert f"{close:g}" in done.error
    assert f"{case.bars[49][4]:g}" in done.error
    assert "--restated keep" in done.error
    assert "--restated replace" in done.error
    assert content(folder) == before


def test_restated_history_is_kept_where_asked(case: Case, tmp_path: Path) -> None:
    """`keep` stays with what is there, says so, and goes on."""
    folder = tmp_path / "set"
    case.fetch(folder, last=49)
    case.restate(49, case.bars[49][4] + 7)
    (done,) = case.fetch(folder, restated="keep")
    assert (done.error, done.restated) == ("", 1)
    assert any("kept what is here" in note for note in done.notes)
    assert held(folder) == case.bars


def test_restated_history_is_replaced_where_asked(case: Case, tmp_path: Path) -> None:
    """`replace` fetches the whole symbol again, the changed bars with it."""
    folder = tmp_path / "set"
    case.fetch(folder, last=49)
    for row in (3, 49):
        case.restate(row, case.bars[row][4] + 7)
    (done,) = case.fetch(folder, restated="replace")
    assert done.error == ""
    closes = [bar[4] for bar in held(folder)]
    assert closes == [bar[4] + 7 if i in {3, 49} else bar[4] for i, bar in enumerate(case.bars)]


def test_nothing_there(case: Case, tmp_path: Path) -> None:
    """A time without bars: told, and no data set is made."""
    wanted = Wanted(case.interval_ns, case.bars[0][0] * S - 3 * case.interval_ns, case.bars[0][0] * S)
    (done,) = fetch(case.importer(), [case.symbol], tmp_path / "set", wanted)
    assert "no bars" in done.error
    assert not (tmp_path / "set").exists()


def test_an_unknown_symbol_does_not_lose_the_others(case: Case, tmp_path: Path) -> None:
    """One symbol that the source does not know: the other one comes, and the sentence names the wrong one."""
    wrong, right = case.fetch(tmp_path / "set", case.unknown, case.symbol)
    assert wrong.error
    assert case.unknown in wrong.error
    assert right.error == ""
    assert held(tmp_path / "set") == case.bars


@pytest.mark.parametrize(
    "text", [b"<html><body>Please log in</body></html>", b'{"chart": {"resu', b"[1, 2", b'{"bars": 7}']
)
def test_answers_that_are_no_data(case: Case, tmp_path: Path, text: bytes) -> None:
    """A web page, broken JSON and JSON of another shape: a sentence, no traceback, and nothing is written."""
    case.server.always = body(text)
    (done,) = case.fetch(tmp_path / "set")
    assert done.error.endswith(".")
    assert "Traceback" not in done.error
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("code", [401, 403])
def test_refused(case: Case, tmp_path: Path, code: int) -> None:
    """401 and 403: told at once, without showing keys."""
    case.server.always = status(code, b'{"message":"forbidden."}')
    (done,) = case.fetch(tmp_path / "set")
    assert done.error
    assert "secret" not in done.error
    assert not (tmp_path / "set").exists()


def test_no_network(case: Case, tmp_path: Path) -> None:
    """Nobody answers at the address."""
    case.server.url = "http://127.0.0.1:9"
    (done,) = case.fetch(tmp_path / "set")
    assert "cannot be reached" in done.error


def test_earlier_history_is_added(case: Case, tmp_path: Path) -> None:
    """First the later half, then everything: the earlier half is asked for and stands before it, to the same bytes."""
    whole, later = named(case, tmp_path, "whole"), named(case, tmp_path, "later")
    case.fetch(whole)
    end = case.bars[-1][0] * S + case.interval_ns
    fetch(case.importer(), [case.symbol], later, Wanted(case.interval_ns, case.bars[60][0] * S, end))
    assert held(later) == case.bars[60:]
    (done,) = case.fetch(later)
    assert (done.error, done.rows_added) == ("", 60)
    assert held(later) == case.bars
    assert content(later) == content(whole)


def test_put_away_in_pieces(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history is put away several times on the way, to the same bytes."""
    from onepath.data.fetch import fetching

    whole, pieces = named(case, tmp_path, "whole"), named(case, tmp_path, "pieces")
    case.fetch(whole)
    monkeypatch.setattr(fetching, "FOLDED", 30)
    case.fetch(pieces)
    assert content(pieces) == content(whole)


def test_replacing_is_gone_on_with(case: Case, tmp_path: Path) -> None:
    """A replacement breaks off after its first page: what is there stays whole; asked again it goes on, and replaces."""
    folder = tmp_path / "set"
    case.fetch(folder, last=49)
    before, close = held(folder), case.bars[49][4] + 7
    case.restate(49, close)
    case.server.faults, case.server.always = [None, None], cut
    (done,) = case.fetch(folder, restated="replace")
    assert done.error != ""
    assert held(folder) == before
    case.server.always = None
    (done,) = case.fetch(folder, restated="replace")
    assert done.error == ""
    assert [bar[4] for bar in held(folder)] == [close if i == 49 else bar[4] for i, bar in enumerate(case.bars)]


def test_one_fetch_at_a_time(case: Case, tmp_path: Path) -> None:
    """Another process is at work on the data set: refused at once."""
    from onepath.data.fetch.staging import alone
    from onepath.errors import DataError

    with alone(tmp_path / "set"), pytest.raises(DataError, match="another process"):
        case.fetch(tmp_path / "set")


PROGRAM = """
import sys
from pathlib import Path
from test_importers import Clock, Keys, Alpaca, Yahoo, Ccxt, Wanted, fetch
kind, url, folder, symbol, at, interval, start, end = sys.argv[1:]
clock = Clock(int(at))
made = {
    "yahoo": lambda: Yahoo(clock, url=url),
    "alpaca": lambda: Alpaca(clock, Keys("me", "secret"), url=url),
    "binance": lambda: Ccxt("binance", clock, url=url),
}[kind]()
fetch(made, [symbol], Path(folder), Wanted(int(interval), int(start), int(end)))
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_ended_between_pages(case: Case, tmp_path: Path, sent: signal.Signals) -> None:
    """Killed, or Ctrl-C, while the second page is awaited: the first is kept, and the next fetch goes on to the same bytes."""
    whole, killed = named(case, tmp_path, "whole"), named(case, tmp_path, "killed")
    case.fetch(whole)
    del case.server.asked[:]
    waiting = []

    def hang(_: Asked, reply: Reply) -> Reply:
        waiting.append(1)
        time.sleep(60)
        return reply

    case.server.faults = [None, hang]
    end = case.bars[-1][0] * S + case.interval_ns
    terms = [case.clock.at // S, case.interval_ns, case.bars[0][0] * S, end]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, case.kind, case.server.url, str(killed), case.symbol, *map(str, terms)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(3000):
            if waiting or process.poll() is not None:
                break
            time.sleep(0.01)
    finally:
        process.send_signal(sent)
        process.wait()
    assert waiting
    assert (killed / ".fetch").is_dir()
    assert (killed / "dataset.json").exists() == (sent is signal.SIGINT)
    del case.server.asked[:]
    (done,) = case.fetch(killed)
    assert done.error == ""
    assert first_asked(case) > case.bars[0][0]
    assert content(killed) == content(whole)
