"""Alpaca's answers as recorded in alpacahq/alpaca-py (tests/data/test_historical_stock_data.py, test_corporate_actions.py;
Apache-2.0) become bars and corporate actions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from onepath.calendars import DAY, HOUR, MINUTE
from onepath.data.fetch import fetch
from onepath.data.fetch.alpaca import Alpaca, Keys, keys
from onepath.data.fetch.fetching import Fetched, Wanted
from onepath.data.sources import moment
from onepath.errors import ConfigError

pytest.importorskip("urllib3")
S = 1_000_000_000

AAPL = [
    {
        "t": "2022-02-01T05:00:00Z",
        "o": 174,
        "h": 174.84,
        "l": 172.31,
        "c": 174.61,
        "v": 85998033,
        "n": 732412,
        "vw": 173.70,
    },
    {
        "t": "2022-02-02T05:00:00Z",
        "o": 174.64,
        "h": 175.88,
        "l": 173.33,
        "c": 175.84,
        "v": 84817432,
        "n": 675034,
        "vw": 174.9,
    },
]
TOKEN = "QUFQTHxEfDIwMjItMDItMDJUMDU6MDA6MDAuMDAwMDAwMDAwWg=="  # noqa: S105 - a page's, as recorded
ACTIONS = {
    "reverse_splits": [
        {"ex_date": "2023-08-24", "new_rate": 1, "old_rate": 50, "process_date": "2023-08-24", "symbol": "MNTS"}
    ],
    "forward_splits": [
        {
            "due_bill_redemption_date": "2023-08-23",
            "ex_date": "2023-08-22",
            "new_rate": 2,
            "old_rate": 1,
            "symbol": "SRE",
        }
    ],
    "stock_dividends": [{"ex_date": "2023-05-19", "payable_date": "2023-05-05", "rate": 0.05, "symbol": "MSBC"}],
    "cash_dividends": [
        {"ex_date": "2023-05-04", "foreign": False, "payable_date": "2023-05-19", "rate": 0.125, "symbol": "FCF"}
    ],
    "name_changes": [{"new_symbol": "VFS", "old_symbol": "BSAQ", "process_date": "2023-08-15"}],
}


class Still:
    """A clock that stands at 2023-12-01."""

    def now(self) -> int:
        return moment("2023-12-01") or 0

    def wait_until(self, at: int) -> None:
        pass


class Alpacas:
    """A server with answers by path; the first page of bars names a second."""

    def __init__(self) -> None:
        self.bars: list[list[dict[str, Any]]] = [AAPL[:1], AAPL[1:]]
        self.actions: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str], str]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                told.asked.append((parts.path, query, self.headers["APCA-API-SECRET-KEY"]))
                body = json.dumps(told.answer(parts.path, query)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, query: dict[str, str]) -> Any:
        if path == "/v1/corporate-actions":
            return {"corporate_actions": self.actions, "next_page_token": None}
        second = query.get("page_token") == TOKEN
        more = TOKEN if len(self.bars) > 1 and not second else None
        return {"bars": {query["symbols"]: self.bars[1 if second else 0]}, "next_page_token": more}


@pytest.fixture
def server() -> Iterator[Alpacas]:
    made = Alpacas()
    yield made
    made.http.shutdown()
    made.http.server_close()


def fetched(server: Alpacas, folder: Path, symbol: str, interval_ns: int = DAY, **how: Any) -> Fetched:
    source = Alpaca(Still(), Keys("me", "hush"), url=server.url, patience=0.01, feed=how.pop("feed", ""))
    wanted = Wanted(interval_ns, moment(how.pop("start", "2022-02-01")), moment(how.pop("end", "2023-11-01")), **how)
    return fetch(source, [symbol], folder, wanted)[0]


def test_recorded_days(server: Alpacas, tmp_path: Path) -> None:
    """Two pages as recorded: the date is that of New York, the bar spans its session, the prices are the page's."""
    done = fetched(server, tmp_path / "a", "AAPL", end="2022-02-03")
    assert (done.error, done.rows_total) == ("", 2)
    rows = pq.read_table(tmp_path / "a" / "AAPL.parquet").to_pylist()
    assert rows[0]["start"] == moment("2022-02-01T14:30")
    assert rows[0]["at"] == moment("2022-02-01T21:00")
    assert [(r["open"], r["high"], r["low"], r["close"], r["volume"]) for r in rows] == [
        (174.0, 174.84, 172.31, 174.61, 85998033.0),
        (174.64, 175.88, 173.33, 175.84, 84817432.0),
    ]


def test_what_is_asked(server: Alpacas, tmp_path: Path) -> None:
    """Raw prices of the free feed, with the keys in the headers; the next page by its token."""
    fetched(server, tmp_path / "a", "AAPL", end="2022-02-03")
    bars = [(query, secret) for path, query, secret in server.asked if path == "/v2/stocks/bars"]
    assert [query.get("page_token") for query, _ in bars] == [None, TOKEN]
    assert {secret for _, secret in bars} == {"hush"}
    query = bars[0][0]
    assert (query["adjustment"], query["feed"], query["timeframe"], query["sort"]) == ("raw", "iex", "1Day", "asc")
    assert query["start"] == "2022-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("symbol", "line"),
    [
        ("SRE", "SRE,2023-08-22,split,2,,"),
        ("MNTS", "MNTS,2023-08-24,split,0.02,,"),
        ("MSBC", "MSBC,2023-05-19,stock_dividend,0.05,,2023-05-05"),
        ("FCF", "FCF,2023-05-04,cash_dividend,,0.125,2023-05-19"),
    ],
)
def test_recorded_actions(server: Alpacas, tmp_path: Path, symbol: str, line: str) -> None:
    """Splits 2:1 and 1:50, a stock dividend of five per cent, 12.5 cents a share: each at its ex-date, of its own symbol."""
    server.actions = ACTIONS
    assert fetched(server, tmp_path / "a", symbol).error == ""
    assert (tmp_path / "a" / "actions.csv").read_text().splitlines()[1:] == [line]


def test_coins(server: Alpacas, tmp_path: Path) -> None:
    """A pair is asked from the endpoint of coins, without feed and adjustment, and lives on 24/7."""
    server.bars = [[{"t": "2023-06-01T10:00:00Z", "o": 2.0, "h": 3.0, "l": 1.0, "c": 2.5, "v": 0.5, "n": 1, "vw": 2.0}]]
    done = fetched(server, tmp_path / "c", "BTC/USD", HOUR, start="2023-06-01", end="2023-06-02")
    assert (done.error, done.rows_total) == ("", 1)
    (path, query, _) = server.asked[-1]
    assert path == "/v1beta3/crypto/us/bars"
    assert "feed" not in query
    assert json.loads((tmp_path / "c" / "dataset.json").read_text())["calendar"] == "24/7"
    assert "Chicago" in fetched(server, tmp_path / "d", "BTC/USD").error


def test_keys_come_from_the_environment() -> None:
    """Missing keys are named; what there is is not shown."""
    with pytest.raises(ConfigError, match="APCA_API_KEY_ID and APCA_API_SECRET_KEY are not set"):
        keys({})
    with pytest.raises(ConfigError, match="APCA_API_SECRET_KEY is not set") as caught:
        keys({"APCA_API_KEY_ID": "visible"})
    assert "visible" not in str(caught.value)
    assert "hush" not in repr(keys({"APCA_API_KEY_ID": "me", "APCA_API_SECRET_KEY": "hush"}))


def test_unknown_feed_and_interval(server: Alpacas, tmp_path: Path) -> None:
    """A feed and a bar length that Alpaca has not."""
    with pytest.raises(ConfigError, match="iex"):
        fetched(server, tmp_path / "a", "AAPL", feed="gold")
    assert "1m to 59m" in fetched(server, tmp_path / "a", "AAPL", 90 * MINUTE).error
