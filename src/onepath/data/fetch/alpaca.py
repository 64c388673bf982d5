"""Alpaca's market data: bars of American stocks and of coins, and the stocks' corporate actions.

Rules: keys come from the environment alone (APCA_API_KEY_ID, APCA_API_SECRET_KEY), and go nowhere but into the headers of
requests to this one address. Prices are asked for raw (`adjustment=raw`); splits and dividends come beside them. Two hundred
requests a minute are the limit of the free plan: they are spaced out. A stock's daily bar carries New York's midnight.
Limits: stocks since 2016; feed `iex` (free: one exchange, about 2.5 % of the volume) or `sip` (all exchanges; without a
subscription not the last 15 minutes); bars of a stock within a day include those before the open and after the close. Mergers,
spin-offs and changes of name are not written. Alpaca's daily bars of coins begin at midnight in Chicago, and are refused.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from onepath.calendars import DAY, HOUR, MINUTE, SECOND
from onepath.data import assets
from onepath.data.fetch.http import Answer, Http, no_entry
from onepath.data.fetch.port import Action, FetchError, Page, Row, UnreachableError
from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.ports import Clock

URL = "https://data.alpaca.markets"
KEY_ID, SECRET = "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"
FEEDS = ("iex", "sip")
PAGE = 10_000
_PAUSE = 0.3
_STOCKS_SINCE = 1_451_606_400 * SECOND
_COINS_SINCE = 1_609_459_200 * SECOND
_NEW_YORK = ZoneInfo("America/New_York")
_OK, _NOT_FOUND, _HOUR_STEPS, _MINUTE_STEPS = 200, 404, 23, 59


class _Bar(msgspec.Struct):
    t: dt.datetime
    o: float
    h: float
    l: float  # noqa: E741 - Alpaca's word
    c: float
    v: float


class _Bars(msgspec.Struct):
    bars: dict[str, list[_Bar]] | None = None
    next_page_token: str | None = None


class _Split(msgspec.Struct):
    symbol: str
    ex_date: str
    new_rate: Decimal
    old_rate: Decimal


class _Dividend(msgspec.Struct):
    symbol: str
    ex_date: str
    rate: Decimal
    payable_date: str = ""


class _Actions(msgspec.Struct):
    forward_splits: list[_Split] = []
    reverse_splits: list[_Split] = []
    stock_dividends: list[_Dividend] = []
    cash_dividends: list[_Dividend] = []


class _ActionPage(msgspec.Struct):
    corporate_actions: _Actions = msgspec.field(default_factory=_Actions)
    next_page_token: str | None = None


class _Trouble(msgspec.Struct):
    message: str = ""


class Keys:
    """A pair of keys, that no message and no log shows."""

    def __init__(self, key_id: str, secret: str) -> None:
        self.headers = {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret}

    def __repr__(self) -> str:
        return "Keys(...)"


def keys(environment: Mapping[str, str] | None = None) -> Keys:
    """The keys in the environment. Raises ConfigError where they are not there."""
    found = os.environ if environment is None else environment
    missing = [name for name in (KEY_ID, SECRET) if not found.get(name)]
    if missing:
        raise ConfigError(
            f"Alpaca needs keys, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set; make a free pair "
            "at alpaca.markets and put it into the environment, never into a file of the workspace."
        )
    return Keys(found[KEY_ID], found[SECRET])


class Alpaca:
    """An Importer of Alpaca's historical bars."""

    settles = 16 * MINUTE
    tolerance = 0.0

    def __init__(
        self,
        clock: Clock,
        pair: Keys,
        *,
        url: str = "",
        feed: str = "",
        patience: float = 1.0,
        pause: float | None = None,
    ) -> None:
        self._feed = feed or "iex"
        if self._feed not in FEEDS:
            raise ConfigError(f"Alpaca has no feed {feed!r}; expected iex (free) or sip.")
        self.name = f"alpaca ({self._feed})"
        self.adjusted = "prices as traded; dividends and splits are in actions.csv"
        self._clock = clock
        pause = (0.0 if url else _PAUSE) if pause is None else pause
        self._http = Http("Alpaca", url or URL, pair.headers, clock, patience=patience, pause=pause)

    def now(self) -> int:
        return self._clock.now()

    def about(self, symbol: str) -> Instrument:
        return assets.default(symbol, "crypto" if "/" in symbol else "equity", None)

    def first(self, symbol: str, interval_ns: int) -> int:
        return _COINS_SINCE if "/" in symbol else _STOCKS_SINCE

    def pages(self, symbol: str, interval_ns: int, since: int, until: int) -> Iterator[Page]:
        coin = "/" in symbol
        query = {"symbols": symbol, "timeframe": _timeframe(interval_ns, coin), "limit": PAGE, "sort": "asc"}
        # A day at New York begins four or five hours after that of UTC.
        query |= {"start": _text(since), "end": _text(until + (DAY if interval_ns == DAY else 0))}
        if not coin:
            query |= {"adjustment": "raw", "feed": self._feed}
            yield self._actions(symbol, since, until)
        path, token = "/v1beta3/crypto/us/bars" if coin else "/v2/stocks/bars", ""
        while since < until:
            answer = self._http.get(path, query | ({"page_token": token} if token else {}))
            self._good(answer, symbol)
            found = self._http.read(answer, _Bars, symbol)
            rows = [_row(bar, interval_ns) for bar in (found.bars or {}).get(symbol, ())]
            rows = [row for row in rows if since <= row[0] < until]
            if found.next_page_token == token and token:
                raise FetchError(f"Alpaca names the same next page of {symbol} twice; try again later.")
            token = found.next_page_token or ""
            since = until if not token else rows[-1][0] + interval_ns if rows else since
            yield Page(rows, since)

    def _good(self, answer: Answer, symbol: str) -> None:
        if answer.status == _OK:
            return
        try:
            said = msgspec.json.decode(answer.body, type=_Trouble).message.rstrip(".")
        except msgspec.DecodeError:
            said = ""
        if no_entry(answer.status) and "subscription" not in said:
            raise UnreachableError(
                f"Alpaca refuses the keys (HTTP {answer.status}{', ' + said if said else ''}); check {KEY_ID} and {SECRET}."
            )
        if no_entry(answer.status):
            raise UnreachableError(f"Alpaca refuses feed {self._feed} ({said}); use --feed iex.")
        if answer.status == _NOT_FOUND:
            raise FetchError("Alpaca has nothing at that address (HTTP 404); check --url.")
        if said:
            raise FetchError(f"Alpaca does not give {symbol}: {said}.")
        self._http.read(answer, _Bars, symbol)
        raise FetchError(f"Alpaca does not give {symbol}: HTTP {answer.status}.")

    def _actions(self, symbol: str, since: int, until: int) -> Page:
        """The corporate actions of a stretch, before its first bars."""
        types = "forward_split,reverse_split,stock_dividend,cash_dividend"
        query = {
            "symbols": symbol,
            "types": types,
            "start": _text(since)[:10],
            "end": _text(until)[:10],
            "limit": 1_000,
        }
        made: list[Action] = []
        token = ""
        while True:
            answer = self._http.get("/v1/corporate-actions", query | ({"page_token": token} if token else {}))
            self._good(answer, symbol)
            page = self._http.read(answer, _ActionPage, symbol)
            made += _lines(page.corporate_actions, symbol)
            if not page.next_page_token or page.next_page_token == token:
                return Page((), since, tuple(sorted(made, key=lambda a: (a.date, a.type != "split"))))
            token = page.next_page_token


def _timeframe(interval_ns: int, coin: bool) -> str:
    if interval_ns == DAY and not coin:
        return "1Day"
    if interval_ns == DAY:
        raise FetchError("Alpaca's daily bars of coins begin at midnight in Chicago; fetch 1h, or another source.")
    hours, minutes = interval_ns / HOUR, interval_ns / MINUTE
    if hours.is_integer() and 1 <= hours <= _HOUR_STEPS:
        return f"{int(hours)}Hour"
    if minutes.is_integer() and 1 <= minutes <= _MINUTE_STEPS:
        return f"{int(minutes)}Min"
    raise FetchError(f"Alpaca has no bars of {interval_ns // SECOND} s; it has 1m to 59m, 1h to 23h and 1d.")


def _row(bar: _Bar, interval_ns: int) -> Row:
    moment = bar.t if bar.t.tzinfo else bar.t.replace(tzinfo=dt.UTC)
    if interval_ns == DAY:
        stamp = (moment.astimezone(_NEW_YORK).date() - dt.date(1970, 1, 1)).days * DAY
    else:
        stamp = round(moment.timestamp()) * SECOND
    return stamp, bar.o, bar.h, bar.l, bar.c, bar.v


def _text(at: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=at // SECOND)
    return moment.isoformat().replace("+00:00", "Z")


def _lines(found: _Actions, symbol: str) -> list[Action]:
    splits = [
        s for s in (*found.forward_splits, *found.reverse_splits) if s.symbol == symbol and s.old_rate and s.new_rate
    ]
    shares = [d for d in found.stock_dividends if d.symbol == symbol and d.rate > 0]
    money = [d for d in found.cash_dividends if d.symbol == symbol and d.rate > 0]
    return [
        *(Action(s.ex_date, "split", ratio=_plain(s.new_rate / s.old_rate)) for s in splits),
        *(Action(d.ex_date, "stock_dividend", ratio=_plain(d.rate), pay_date=d.payable_date) for d in shares),
        *(Action(d.ex_date, "cash_dividend", amount=_plain(d.rate), pay_date=d.payable_date) for d in money),
    ]


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
