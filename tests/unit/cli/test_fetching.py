"""`onepath data fetch`: what a user sees of a fetch, its exit codes, and what other commands then say of the data set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from onepath.cli.fetching import line
from onepath.data.fetch.fetching import Going

pytest.importorskip("urllib3")


@pytest.fixture
def yahoo() -> Iterator[str]:
    """Six days of GS, as recorded (see tests/unit/data/test_yahoo.py), and no other symbol."""
    closes = [318.5, 306.12, 308.6, 310.5, 312.48, 312.61]
    stamps = [1696253400, 1696339800, 1696426200, 1696512600, 1696599000, 1696858200]
    quote = {"open": closes, "high": [c + 1 for c in closes], "low": [c - 1 for c in closes], "close": closes}
    meta = {"symbol": "GS", "currency": "USD", "exchangeName": "NYQ", "instrumentType": "EQUITY"}
    meta |= {"exchangeTimezoneName": "America/New_York", "firstTradeDate": 925824600}
    events = {"dividends": {"1696426200": {"amount": 2.75, "date": 1696426200}}}
    result = {
        "meta": meta,
        "timestamp": stamps,
        "indicators": {"quote": [quote | {"volume": [1e6] * 6}]},
        "events": events,
    }
    answers: dict[str, Any] = {"GS": (200, {"chart": {"result": [result], "error": None}})}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            symbol = self.path.partition("?")[0].rpartition("/")[2]
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            status, answer = answers.get(symbol, (404, {"chart": {"result": None, "error": error}}))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("APCA")} | environment
    command = [sys.executable, "-m", "onepath.cli", "data", *arguments]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=60, check=False)


def test_a_fetch_and_what_is_said_of_it(yahoo: str, tmp_path: Path) -> None:
    """Bars and a dividend come; `data show` has the fingerprint, `data check` no error, and a second fetch adds nothing."""
    fetch = ("fetch", "yahoo", "GS", "--name", "gs", "--url", yahoo, "--start", "2023-10-02", "--end", "2023-10-10")
    done = run(tmp_path, *fetch)
    assert (done.returncode, done.stderr) == (0, "")
    assert "GS: 6 bars added, 1 corporate actions, 6 in all" in done.stdout
    assert (tmp_path / "data" / "gs" / "actions.csv").read_text().splitlines()[
        1
    ] == "GS,2023-10-04,cash_dividend,,2.75,"
    shown = json.loads(run(tmp_path, "show", "gs", "--json").stdout)
    fingerprint = shown["symbols"]["GS"]["fingerprint"]
    assert shown["fingerprints"] == {"GS": fingerprint}
    assert fingerprint[:16] in run(tmp_path, "show", "gs").stdout
    listed = {one["name"]: one for one in json.loads(run(tmp_path, "list", "--json").stdout)}
    assert listed["gs"]["fingerprints"] == {"GS": fingerprint}
    assert run(tmp_path, "check", "gs").returncode == 0
    again = json.loads(run(tmp_path, *fetch, "--json").stdout)
    assert (again["ok"], again["rows_added"], again["symbols"][0]["rows_total"]) == (True, 0, 6)


def test_one_symbol_fails(yahoo: str, tmp_path: Path) -> None:
    """Exit code 1, a sentence for the one that is unknown, the other is there."""
    done = run(tmp_path, "fetch", "yahoo", "NOPE", "GS", "--name", "s", "--url", yahoo, "--end", "2023-10-10", "-q")
    assert done.returncode == 1
    assert "error: NOPE: Yahoo does not know NOPE" in done.stderr
    assert "GS: 6 bars added" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("fetch", "yahoo", "GS", "--name", "../x"), "data set name"),
        (("fetch", "yaho", "GS", "--name", "x"), "did you mean"),
        (("fetch", "alpaca", "AAPL", "--name", "x"), "APCA_API_KEY_ID and APCA_API_SECRET_KEY are not set"),
        (("fetch", "yahoo", "GS", "--name", "x", "--start", "soon"), "is no date"),
        (("fetch", "yahoo", "GS", "--name", "x", "--interval", "1x"), "no bar length"),
        (("fetch", "yahoo", "GS", "--name", "x", "--quality", "mend"), "quality"),
        (("fetch", "yahoo", "GS", "--name", "x", "--restated", "maybe"), "refuse, keep, replace"),
        (("fetch", "yahoo", "GS", "--name", "x", "--calendar", "XNYZ"), "did you mean 'XNYS'?"),
        (
            ("fetch", "yahoo", "GS", "--name", "x", "--url", "localhost:80"),
            "expected one such as http://127.0.0.1:8080",
        ),
        (("fetch", "yahoo", "GS", "--name", "x", "--start", "2024-01-02", "--end", "2024-01-01"), "before --end"),
    ],
)
def test_what_the_user_got_wrong(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """Exit code 2 and one sentence, before anything is asked of anybody."""
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists() or not any((tmp_path / "data").iterdir())


def test_a_changed_file_fails_the_check(yahoo: str, tmp_path: Path) -> None:
    """Somebody writes other bars into the place of those fetched: `data check` ends with 1 and says so."""
    import pyarrow.parquet as pq

    run(tmp_path, "fetch", "yahoo", "GS", "--name", "gs", "--url", yahoo, "--end", "2023-10-10")
    path = tmp_path / "data" / "gs" / "GS.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(6, "volume", [[1.0] * table.num_rows]), path)
    done = run(tmp_path, "check", "gs")
    assert done.returncode == 1
    assert "changed" in done.stdout


def test_progress_line() -> None:
    """Two of four symbols and half of the third: 62 % after ten seconds leaves six; 500 bars in ten seconds are 50 a second."""
    said = line(Going("AAPL", 2, 4, 0.5, 500), 500, 10.0)
    assert said == "AAPL  3 of 4  62 %  500 bars  50 bars/s  6 s left"
