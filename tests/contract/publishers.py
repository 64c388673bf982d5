"""Servers on the loopback that answer like Yahoo, Alpaca and Binance, and can fail in every way a server fails.

Shapes of Yahoo's answers are those recorded in public projects' tests (see tests/unit/data/test_yahoo.py), of Alpaca's those
of alpacahq/alpaca-py, tests/data. Binance is the package's own local venue; this server only stands in front of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Bar = tuple[int, float, float, float, float, float]
"""seconds UTC, open, high, low, close, volume"""
Reply = tuple[int, dict[str, str], bytes]
Fault = Callable[["Asked", Reply], Reply | None]
"""what becomes of an answer; None: the connection is dropped"""


class Asked:
    """A request: its path, and its query with one value a name."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.target, self.path = target, unquote(parts.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}


class Server:
    """Answers on a free port. `faults` are used up, one a request for data; `always` is used for every one."""

    def __init__(self, answer: Callable[[Asked], Reply], is_data: Callable[[Asked], bool]) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Fault | None] = []
        self.always: Fault | None = None
        self._answer, self._is_data = answer, is_data
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def data_asked(self) -> list[Asked]:
        """Requests for bars."""
        return [asked for asked in self.asked if self._is_data(asked)]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        asked = Asked(handler.path)
        self.asked.append(asked)
        reply: Reply | None = self._answer(asked)
        if self._is_data(asked) and reply is not None:
            fault = self.faults.pop(0) if self.faults else self.always
            reply = fault(asked, reply) if fault else reply
        if reply is None:
            handler.close_connection = True
            return
        status, headers, body = reply
        handler.send_response(status)
        length = headers.pop("Content-Length", str(len(body)))
        for name, value in {"Content-Type": "application/json", "Content-Length": length, **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = length != str(len(body))


def drop(_: Asked, __: Reply) -> None:
    """The connection ends without an answer."""


def cut(_: Asked, reply: Reply) -> Reply:
    """The answer ends in the middle."""
    status, headers, body = reply
    return status, {**headers, "Content-Length": str(len(body))}, body[: len(body) // 2]


def status(code: int, body: bytes = b"{}", **headers: str) -> Fault:
    """Another status."""
    return lambda _, __: (code, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def body(text: bytes) -> Fault:
    """Another body, with status 200."""
    return lambda _, __: (200, {}, text)


def ok(value: Any) -> Reply:
    """A JSON answer."""
    return 200, {}, json.dumps(value).encode()


# -- Yahoo ---------------------------------------------------------------------------------------------------------------


class YahooData:
    """Symbols that Yahoo knows: bars by symbol; as Yahoo prints them."""

    def __init__(self, bars: dict[str, list[Bar]]) -> None:
        self.bars = bars
        self.splits: list[tuple[int, int, int]] = []
        self.dividends: list[tuple[int, float]] = []

    def answer(self, asked: Asked) -> Reply:
        symbol = asked.path.rsplit("/", 1)[-1]
        if symbol not in self.bars:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, {}, json.dumps({"chart": {"result": None, "error": error}}).encode()
        first, stop = int(asked.query["period1"]), int(asked.query["period2"])
        daily = asked.query["interval"] == "1d"
        bars = [] if daily else [bar for bar in self.bars[symbol] if first <= bar[0] < stop]
        return ok({"chart": {"result": [self._result(symbol, bars)], "error": None}})

    def _result(self, symbol: str, bars: list[Bar]) -> dict[str, Any]:
        meta = {
            "currency": "USD",
            "symbol": symbol,
            "exchangeName": "NYQ",
            "instrumentType": "EQUITY",
            "firstTradeDate": 925824600,
            "gmtoffset": -14400,
            "timezone": "EDT",
            "exchangeTimezoneName": "America/New_York",
        }
        names = ("open", "high", "low", "close", "volume")
        quote = {name: [bar[i + 1] for bar in bars] for i, name in enumerate(names)} if bars else {}
        result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [quote]}}
        return result | ({"timestamp": [bar[0] for bar in bars]} if bars else {})


# -- Alpaca --------------------------------------------------------------------------------------------------------------


class AlpacaData:
    """Symbols that Alpaca knows, in pages of `page` bars."""

    def __init__(self, bars: dict[str, list[Bar]], page: int = 50) -> None:
        self.bars, self.page = bars, page
        self.actions: dict[str, Any] = {}

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/v1/corporate-actions":
            return ok({"corporate_actions": self.actions, "next_page_token": None})
        symbol = asked.query["symbols"]
        if symbol.startswith("?"):
            return 400, {}, b'{"code":42210000,"message":"invalid symbol: ?"}'
        first, stop = _seconds(asked.query["start"]), _seconds(asked.query["end"])
        bars = [bar for bar in self.bars.get(symbol, []) if first <= bar[0] <= stop]
        at = int(asked.query.get("page_token", "0"))
        piece = [_alpaca_bar(bar) for bar in bars[at : at + self.page]]
        more = str(at + self.page) if at + self.page < len(bars) else None
        return ok({"bars": {symbol: piece} if piece else {}, "next_page_token": more})


def _alpaca_bar(bar: Bar) -> dict[str, Any]:
    import datetime as dt

    moment = dt.datetime.fromtimestamp(bar[0], dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"t": moment, **dict(zip("ohlcv", bar[1:], strict=True)), "n": 7, "vw": bar[4]}


def _seconds(text: str) -> int:
    import datetime as dt

    return int(dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


# -- Binance -------------------------------------------------------------------------------------------------------------


class Before:
    """Stands before another server; what it says of candles may be changed on the way: start in ms to a new close."""

    def __init__(self, url: str) -> None:
        import urllib3

        self._url, self._pool = url, urllib3.PoolManager()
        self.closes: dict[int, str] = {}

    def answer(self, asked: Asked) -> Reply:
        got = self._pool.request("GET", self._url + asked.target)
        if self.closes and asked.path.endswith("/klines"):
            rows = json.loads(got.data)
            for row in rows:
                row[4] = self.closes.get(row[0], row[4])
                row[2], row[3] = max(row[2], row[4], key=float), min(row[3], row[4], key=float)
            return ok(rows)
        return got.status, {}, got.data
