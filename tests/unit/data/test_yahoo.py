"""Yahoo's traps: recorded answers of the chart endpoint become bars as they were traded.

GS, October 2023: recorded in dkneup's HistoricDataValidatorTest (MIT). 600497.SS, November 2017: recorded in a public project's
TestYahooCrawler; its last row is the running day, its first has nothing but nulls. AAPL 2014 and 2020: the published history
(7:1 on 2014-06-09, 4:1 on 2020-08-31), with Yahoo's way of dividing by later splits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow.parquet as pq
import pytest

from onepath.calendars import DAY, HOUR, MINUTE
from onepath.data import open_feed
from onepath.data.actions import read_actions
from onepath.data.fetch import fetch
from onepath.data.fetch.fetching import Fetched, Wanted
from onepath.data.fetch.port import FetchError
from onepath.data.fetch.yahoo import Yahoo
from onepath.data.policies import policies
from onepath.data.sources import moment

pytest.importorskip("urllib3")
S = 1_000_000_000

GS = {
    "timestamp": [1696253400, 1696339800, 1696426200, 1696512600, 1696599000, 1696858200],
    "low": [
        317.1000061035156,
        304.3900146484375,
        303.4800109863281,
        304.2099914550781,
        307.1700134277344,
        308.3699951171875,
    ],
    "volume": [1303800, 3118600, 1872000, 1584600, 1595100, 1094400],
    "open": [
        322.0299987792969,
        315.2699890136719,
        304.8500061035156,
        307.3599853515625,
        308.1099853515625,
        308.8999938964844,
    ],
    "close": [318.5, 306.1199951171875, 308.6000061035156, 310.5, 312.4800109863281, 312.6099853515625],
    "high": [
        323.5799865722656,
        315.67999267578125,
        309.05999755859375,
        310.54998779296875,
        315.32000732421875,
        313.4800109863281,
    ],
}
GS_META = {
    **{
        "currency": "USD",
        "symbol": "GS",
        "exchangeName": "NYQ",
        "instrumentType": "EQUITY",
        "firstTradeDate": 925824600,
    },
    **{
        "regularMarketTime": 1696881602,
        "gmtoffset": -14400,
        "timezone": "EDT",
        "exchangeTimezoneName": "America/New_York",
    },
    **{
        "regularMarketPrice": 312.61,
        "chartPreviousClose": 323.57,
        "priceHint": 2,
        "dataGranularity": "1d",
        "range": "",
    },
}
SS = {
    "timestamp": [
        1510709400,
        1510795800,
        1510882200,
        1511141400,
        1511227800,
        1511314200,
        1511400600,
        1511487000,
        1511766003,
    ],
    "low": [
        None,
        6.489999771118164,
        6.099999904632568,
        6.03000020980835,
        6.119999885559082,
        6.170000076293945,
        6.230000019073486,
        6.190000057220459,
        6.449999809265137,
    ],
    "volume": [None, 34039227, 53016969, 28656684, 39235021, 41324595, 63648648, 52108224, 54005417],
    "close": [
        None,
        6.510000228881836,
        6.199999809265137,
        6.239999771118164,
        6.179999828338623,
        6.269999980926514,
        6.309999942779541,
        6.5,
        6.510000228881836,
    ],
    "open": [
        None,
        6.650000095367432,
        6.46999979019165,
        6.199999809265137,
        6.210000038146973,
        6.269999980926514,
        6.289999961853027,
        6.25,
        6.489999771118164,
    ],
    "high": [
        None,
        6.679999828338623,
        6.539999961853027,
        6.260000228881836,
        6.260000228881836,
        6.28000020980835,
        6.480000019073486,
        6.519999980926514,
        6.670000076293945,
    ],
}
SS_META = {
    **{"currency": "CNY", "symbol": "600497.SS", "exchangeName": "SHH", "instrumentType": "EQUITY"},
    **{"firstTradeDate": 1082424600, "gmtoffset": 28800, "timezone": "CST", "exchangeTimezoneName": "Asia/Shanghai"},
}


def chart(meta: dict[str, Any], columns: dict[str, Any], events: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of the endpoint, in its shape."""
    quote = {name: columns[name] for name in ("open", "high", "low", "close", "volume")}
    result = {"meta": meta, "timestamp": columns["timestamp"], "indicators": {"quote": [quote]}}
    return {"chart": {"result": [result | ({"events": events} if events else {})], "error": None}}


class Still:
    """A clock that stands at a second."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at * S

    def wait_until(self, at: int) -> None:
        pass


class Yahoos:
    """A server that answers every chart with `answer`, and remembers what was asked."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.status = 200
        self.asked: list[str] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.asked.append(self.path)
                answer = told.answer(self.path) if callable(told.answer) else told.answer
                body = json.dumps(answer).encode()
                self.send_response(told.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Yahoos]:
    made = Yahoos()
    yield made
    made.http.shutdown()
    made.http.server_close()


def yahoo(server: Yahoos, now: int) -> Yahoo:
    return Yahoo(Still(now), url=server.url, patience=0.01)


def fetched(server: Yahoos, folder: Path, now: int, symbol: str, **how: Any) -> Fetched:
    wanted = Wanted(how.pop("interval_ns", DAY), moment(how.pop("start", None)), moment(how.pop("end", None)), **how)
    return fetch(yahoo(server, now), [symbol], folder, wanted)[0]


def bars(folder: Path, symbol: str) -> list[dict[str, Any]]:
    return pq.read_table(folder / f"{symbol}.parquet").to_pylist()


def test_recorded_days(server: Yahoos, tmp_path: Path) -> None:
    """GS as recorded: six sessions of New York, prices as the decimals that Yahoo's 32-bit numbers stand for."""
    server.answer = chart(GS_META, GS)
    done = fetched(server, tmp_path / "gs", 1697500000, "GS", start="2023-10-02")
    assert (done.error, done.rows_total) == ("", 6)
    rows = bars(tmp_path / "gs", "GS")
    # 2023-10-02 09:30 to 16:00 New York, four hours behind UTC.
    assert (rows[0]["start"], rows[0]["at"]) == (1696253400 * S, 1696276800 * S)
    assert [row["close"] for row in rows] == [318.5, 306.12, 308.6, 310.5, 312.48, 312.61]
    assert [row["open"] for row in rows] == [322.03, 315.27, 304.85, 307.36, 308.11, 308.9]
    assert rows[5]["volume"] == 1094400


def test_the_running_day_is_not_taken(server: Yahoos, tmp_path: Path) -> None:
    """At 14:00 in New York the last row is of a day that has not ended; six hours after its close it is taken."""
    server.answer = chart(GS_META, GS)
    assert fetched(server, tmp_path / "gs", 1696874400, "GS", start="2023-10-02").rows_total == 5
    assert fetched(server, tmp_path / "gs", 1696881600 + 6 * 3600 - 1, "GS").rows_total == 5
    assert fetched(server, tmp_path / "gs", 1696881600 + 6 * 3600, "GS").rows_total == 6


def test_rows_of_nulls_are_left_out_and_counted(server: Yahoos, tmp_path: Path) -> None:
    """600497.SS: a day of nulls, and a last row at the time of its last trade, told by its date in Shanghai."""
    server.answer = chart(SS_META, SS)
    done = fetched(server, tmp_path / "ss", 1511900000, "600497.SS", start="2017-11-14", calendar="24/7")
    assert (done.error, done.rows_total, list(done.notes)) == ("", 8, ["1 rows without prices left out"])
    rows = bars(tmp_path / "ss", "600497.SS")
    dates = ["16", "17", "20", "21", "22", "23", "24", "27"]
    assert [row["start"] for row in rows] == [moment(f"2017-11-{date}") for date in dates]
    assert rows[-1]["close"] == 6.51
    meta = json.loads((tmp_path / "ss" / "dataset.json").read_text())
    assert meta["symbols"]["600497.SS"]["fetched"]["without_prices"] == 1
    assert meta["symbols"]["600497.SS"]["instrument"]["currency"] == "CNY"


def test_of_two_rows_of_a_day_the_later_counts(server: Yahoos, tmp_path: Path) -> None:
    """Yahoo sometimes gives the running day twice: at its open, and at its last trade."""
    twice = {name: [*values[:5], values[5], values[5]] for name, values in GS.items()}
    twice["timestamp"] = [*GS["timestamp"], 1696881602]
    twice["close"] = [*GS["close"][:5], 310.0, 312.6099853515625]
    server.answer = chart(GS_META, twice)
    assert fetched(server, tmp_path / "gs", 1697500000, "GS", start="2023-10-02").rows_total == 6
    assert bars(tmp_path / "gs", "GS")[5]["close"] == 312.61


def apple(*, split_again: bool) -> dict[str, Any]:
    """AAPL around its split of 2014, as Yahoo shows it: divided by 7 for it and by 4 for that of 2020-08-31.

    Published: 2014-06-06 close 645.57, volume 12,497,800; 2014-06-09 close 93.70, volume 75,415,000; dividend 3.29 on
    2014-05-08, 0.47 on 2014-08-07.
    """
    by = 4.0 if split_again else 1.0
    before, after = 645.57 / 7 / by, 93.70 / by
    rows = [
        (1399555800, 588.25 / 7 / by, 8_200_000 * 7 * by),
        (1402061400, before, 12_497_800 * 7 * by),
        (1402320600, after, 75_415_000 * by),
        (1407418200, 94.48 / by, 46_711_000 * by),
    ]
    columns = {"timestamp": [at for at, _, _ in rows], "volume": [volume for _, _, volume in rows]}
    columns |= {name: [single(price) for _, price, _ in rows] for name in ("open", "high", "low", "close")}
    splits = {"1402320600": {"date": 1402320600, "numerator": 7.0, "denominator": 1.0, "splitRatio": "7:1"}}
    if split_again:
        splits["1598880600"] = {"date": 1598880600, "numerator": 4.0, "denominator": 1.0, "splitRatio": "4:1"}
    dividends = {
        "1399555800": {"amount": round(3.29 / 7 / by, 6), "date": 1399555800},
        "1407418200": {"amount": round(0.47 / by, 6), "date": 1407418200},
    }
    meta = GS_META | {"symbol": "AAPL", "exchangeName": "NMS", "firstTradeDate": 345479400}
    return chart(meta, columns, {"splits": splits, "dividends": dividends})


def single(value: float) -> float:
    """As a 32-bit number, which is what Yahoo keeps."""
    from struct import pack, unpack

    return float(unpack("f", pack("f", value))[0])


@pytest.mark.parametrize("split_again", [False, True])
def test_prices_are_as_traded(server: Yahoos, tmp_path: Path, split_again: bool) -> None:
    """The splits that Yahoo has worked into prices, volumes and dividends are undone, whenever it is asked."""
    server.answer = apple(split_again=split_again)
    done = fetched(server, tmp_path / "a", 1700000000, "AAPL", start="2014-05-01", end="2014-09-01")
    assert (done.error, done.rows_total) == ("", 4)
    rows = bars(tmp_path / "a", "AAPL")
    assert [row["close"] for row in rows] == [588.25, 645.57, 93.7, 94.48]
    assert [row["volume"] for row in rows] == [8_200_000, 12_497_800, 75_415_000, 46_711_000]
    lines = (tmp_path / "a" / "actions.csv").read_text().splitlines()
    assert lines[0] == "symbol,date,type,ratio,amount,pay_date"
    assert lines[1:4] == [
        "AAPL,2014-05-08,cash_dividend,,3.29,",
        "AAPL,2014-06-09,split,7,,",
        "AAPL,2014-08-07,cash_dividend,,0.47,",
    ]
    assert lines[4:] == (["AAPL,2020-08-31,split,4,,"] if split_again else [])


def test_a_later_split_restates_nothing(server: Yahoos, tmp_path: Path) -> None:
    """Fetched before the split of 2020 and again after it: bars that are there stay, the split is added."""
    server.answer = apple(split_again=False)
    fetched(server, tmp_path / "a", 1700000000, "AAPL", start="2014-05-01", end="2014-06-10")
    server.answer = apple(split_again=True)
    done = fetched(server, tmp_path / "a", 1700000000, "AAPL", end="2014-09-01")
    assert (done.error, done.rows_added, done.rows_total) == ("", 1, 4)
    assert done.actions_added == 1


@pytest.mark.parametrize("told", [True, False])
def test_a_split_that_is_told_is_no_fault(server: Yahoos, tmp_path: Path, told: bool) -> None:
    """From 645.57 to 93.70 with a split of seven for one: right. The same prices without the split: an outlier, refused."""
    answer = apple(split_again=False)
    if not told:
        result = answer["chart"]["result"][0]
        del result["events"]["splits"]
        for name in ("open", "high", "low", "close"):
            column = result["indicators"]["quote"][0][name]
            column[:2] = [single(588.25), single(645.57)]
    server.answer = answer
    how = {"start": "2014-05-01", "end": "2014-09-01", "quality": policies("outliers=reject")}
    done = fetched(server, tmp_path / "a", 1700000000, "AAPL", **how)
    assert (done.error == "") == told
    assert told or "jumps like a split" in done.error
    if told:
        meta = json.loads((tmp_path / "a" / "dataset.json").read_text())
        assert "split_like" not in meta["quality"]["counts"]


def test_actions_are_read_by_a_run(server: Yahoos, tmp_path: Path) -> None:
    """The file of actions is one that `data.actions` reads: the split at New York's midnight of its date."""
    server.answer = apple(split_again=False)
    fetched(server, tmp_path / "a", 1700000000, "AAPL", start="2014-05-01", end="2014-09-01")
    feed = open_feed(tmp_path / "a")
    found = read_actions(tmp_path / "a" / "actions.csv", feed.instruments)
    assert [type(action).__name__ for action in found] == ["CashDividend", "Split", "CashDividend"]
    assert found[1].at == moment("2014-06-09T04:00")


def test_intraday_leaves_out_the_row_off_the_grid(server: Yahoos, tmp_path: Path) -> None:
    """One-hour bars of New York begin at the half hour; the last price, at 15:59:58, is no bar."""
    stamps = [1718026200, 1718029800, 1718033400, 1718049598]
    columns = {"timestamp": stamps, "volume": [10, 20, 30, 0]} | {
        name: [100.0, 101.0, 102.0, 103.0] for name in ("open", "high", "low", "close")
    }
    server.answer = lambda path: chart(GS_META, columns if "interval=1h" in path else GS)
    done = fetched(server, tmp_path / "gs", 1718200000, "GS", start="2024-06-10", end="2024-06-11", interval_ns=HOUR)
    assert (done.error, done.rows_total) == ("", 3)
    assert [row["start"] // S for row in bars(tmp_path / "gs", "GS")] == stamps[:3]


def test_what_yahoo_no_longer_keeps_is_said(server: Yahoos, tmp_path: Path) -> None:
    """Minutes are kept for thirty days: older ones are not asked for, and a note says so."""
    columns = {"timestamp": [1718028000], "volume": [10]} | {n: [100.0] for n in ("open", "high", "low", "close")}
    server.answer = lambda path: chart(GS_META, columns if "interval=1m" in path else GS)
    done = fetched(server, tmp_path / "gs", 1718200000, "GS", start="2024-01-01", interval_ns=MINUTE)
    assert done.error == ""
    assert any("30 days" in note for note in done.notes)
    asked = [int(path.partition("period1=")[2].partition("&")[0]) for path in server.asked if "interval=1m" in path]
    assert min(asked) >= 1718200000 - 30 * 86_400
    assert all("interval=1m" not in path or within_seven_days(path) for path in server.asked)


def within_seven_days(path: str) -> bool:
    first, stop = (int(path.partition(f"period{i}=")[2].partition("&")[0]) for i in (1, 2))
    return stop - first <= 7 * 86_400


def test_yahoo_says_why_not(server: Yahoos, tmp_path: Path) -> None:
    """422 with a description: it is passed on. 404: the symbol is unknown."""
    server.status = 422
    server.answer = {
        "chart": {"result": None, "error": {"code": "Unprocessable Entity", "description": "Invalid input."}}
    }
    assert "Invalid input" in fetched(server, tmp_path / "a", 1700000000, "GS").error
    server.status = 404
    server.answer = {"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}}
    assert "does not know GS" in fetched(server, tmp_path / "a", 1700000000, "GS").error


def test_a_market_without_a_calendar_is_asked_for(server: Yahoos) -> None:
    """A stock of an exchange that is not known here: the user names the calendar."""
    server.answer = chart(SS_META | {"exchangeName": "XYZ"}, SS)
    with pytest.raises(FetchError, match="--calendar"):
        yahoo(server, 1511900000).about("600497.SS")


def test_interval_that_yahoo_has_not(server: Yahoos, tmp_path: Path) -> None:
    """Seven minutes: refused with what there is."""
    server.answer = chart(GS_META, GS)
    assert "1m, 2m" in fetched(server, tmp_path / "a", 1700000000, "GS", interval_ns=7 * MINUTE).error
