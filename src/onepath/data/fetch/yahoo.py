"""Yahoo's chart endpoint: bars of stocks, funds, indices, currencies and coins, with dividends and splits.

What Yahoo does that would make wrong data, and what is done about it here (each has a test):
- prices, volumes and dividends are divided by every later split: they are multiplied back, so that bars are as traded and
  stay what they are at the next split; the splits and dividends come beside them. `adjclose` is not used;
- prices are 32-bit numbers printed as 64-bit ones (129.0399932861328): the shortest decimal that is the same 32-bit number
  is stored (129.04);
- days without trades are rows of nulls: they are left out, and counted;
- the last row is the running day, at the time of its last trade instead of its start, and sometimes comes twice: a daily
  row is told by its date at the exchange (by the time zone's own rules; `gmtoffset` is today's only), of two the later one;
- an intraday answer ends with a row off the grid, the last price with no volume: it is left out;
- intraday history ends after 30 days (1m), 60 days (up to 30m) or 730 days (1h): what is older is said to be gone.

Limits: not an official interface; Yahoo refuses programs it does not like (429), and restates volumes for hours after a
close. A fetch asks each symbol for its whole missing stretch at once where bars are daily. Prices in pence stay in pence.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from math import ceil, isfinite, log10
from struct import error as struct_error
from struct import pack, unpack
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from onepath.calendars import DAY, HOUR, MINUTE, SECOND
from onepath.data import assets
from onepath.data.fetch.http import Http, no_entry
from onepath.data.fetch.port import Action, FetchError, Page, Row, UnreachableError
from onepath.data.sessions import get as calendar_named
from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.ports import Clock

if TYPE_CHECKING:
    from onepath.data.fetch.http import Answer

URL = "https://query1.finance.yahoo.com"
HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; onepath)", "Accept": "application/json"}
INTERVALS = {
    MINUTE: "1m",
    2 * MINUTE: "2m",
    5 * MINUTE: "5m",
    15 * MINUTE: "15m",
    30 * MINUTE: "30m",
    HOUR: "1h",
    DAY: "1d",
}
_NOT_FOUND, _BAD = 404, (400, 422)
_YEAR_1900 = -2_208_988_800 * SECOND
_AMERICAN = "America/New_York"
_PAUSE = 0.25
_DIGITS = 7
"""of a 32-bit number"""
_DECIMALS = 6
"""of a dividend"""
_MICS = {
    **{"LSE": "XLON", "IOB": "XLON", "GER": "XFRA", "FRA": "XFRA", "PAR": "XPAR", "AMS": "XAMS", "MIL": "XMIL"},
    **{"MCE": "XMAD", "EBS": "XSWX", "STO": "XSTO", "OSL": "XOSL", "CPH": "XCSE", "HEL": "XHEL", "VIE": "XWBO"},
    **{"TOR": "XTSE", "HKG": "XHKG", "JPX": "XTKS", "ASX": "XASX", "SHH": "XSHG", "SHZ": "XSHG", "KSC": "XKRX"},
    **{"NSI": "XBOM", "BSE": "XBOM", "SAO": "BVMF", "JNB": "XJSE", "BRU": "XBRU", "LIS": "XLIS", "NZE": "XNZE"},
}


class _Meta(msgspec.Struct):
    symbol: str = ""
    currency: str | None = None
    exchangeName: str = ""  # noqa: N815
    instrumentType: str = ""  # noqa: N815
    exchangeTimezoneName: str = "UTC"  # noqa: N815
    firstTradeDate: int | None = None  # noqa: N815


class _Quote(msgspec.Struct):
    open: list[float | None] = []
    high: list[float | None] = []
    low: list[float | None] = []
    close: list[float | None] = []
    volume: list[float | None] = []


class _Dividend(msgspec.Struct):
    amount: float
    date: int


class _Split(msgspec.Struct):
    date: int
    numerator: float
    denominator: float


class _Events(msgspec.Struct):
    dividends: dict[str, _Dividend] = {}
    splits: dict[str, _Split] = {}


class _Indicators(msgspec.Struct):
    quote: list[_Quote] = []


class _Result(msgspec.Struct):
    meta: _Meta
    indicators: _Indicators
    timestamp: list[int] = []
    events: _Events = msgspec.field(default_factory=_Events)


class _Trouble(msgspec.Struct):
    code: str = ""
    description: str = ""


class _Chart(msgspec.Struct):
    result: list[_Result] | None = None
    error: _Trouble | None = None


class _Charts(msgspec.Struct):
    chart: _Chart


class Yahoo:
    """An Importer of Yahoo's charts."""

    name = "yahoo"
    settles = 6 * HOUR
    tolerance = 2e-6
    adjusted = "prices as traded: Yahoo's, with its splits undone; dividends and splits are in actions.csv"

    def __init__(self, clock: Clock, *, url: str = "", patience: float = 1.0) -> None:
        self._clock = clock
        self._http = Http("Yahoo", url or URL, HEADERS, clock, patience=patience, pause=0.0 if url else _PAUSE)
        self._known: dict[str, _Meta] = {}

    def now(self) -> int:
        return self._clock.now()

    def about(self, symbol: str) -> Instrument:
        meta = self._meta(symbol)
        wanted = {"CRYPTOCURRENCY": "crypto", "CURRENCY": "fx", "FUTURE": "future"}.get(meta.instrumentType, "equity")
        return msgspec.structs.replace(
            assets.default(symbol, wanted, _calendar(symbol, meta) if wanted == "equity" else None),
            currency=meta.currency or "USD",
        )

    def first(self, symbol: str, interval_ns: int) -> int:
        if (days := _kept_days(interval_ns)) is not None:
            return self.now() // DAY * DAY - (days - 1) * DAY
        began = self._meta(symbol).firstTradeDate
        return _YEAR_1900 if began is None else began * SECOND // DAY * DAY

    def pages(self, symbol: str, interval_ns: int, since: int, until: int) -> Iterator[Page]:
        if interval_ns not in INTERVALS:
            raise FetchError(f"Yahoo has no bars of {interval_ns // SECOND} s; it has {', '.join(INTERVALS.values())}.")
        if interval_ns == DAY:
            # To now, whatever is asked for: every later split is needed to undo it.
            found = self._asked(symbol, DAY, since - DAY, max(until, self.now()) + DAY)
            yield self._page(found, interval_ns, since, until, _actions(found))
            return
        oldest = self.first(symbol, interval_ns)
        if since < oldest:
            gone = f"Yahoo keeps {INTERVALS[interval_ns]} bars for {_kept_days(interval_ns)} days: none before {_day(oldest)}"
            yield Page((), min(oldest, until), notes=(gone,))
        since = max(since, oldest)
        whole = self._asked(symbol, DAY, since - DAY, self.now() + DAY) if since < until else None
        actions = () if whole is None else _actions(whole)
        while whole is not None and since < until:
            stop = min(until, since + _at_once(interval_ns))
            found = self._asked(symbol, interval_ns, since, stop)
            found.events = whole.events
            yield self._page(found, interval_ns, since, stop, actions)
            since, actions = stop, ()

    # -- asking ----------------------------------------------------------------------------------------------------------

    def _meta(self, symbol: str) -> _Meta:
        if symbol not in self._known:
            self._asked(symbol, DAY, self.now() - 7 * DAY, self.now())
        return self._known[symbol]

    def _asked(self, symbol: str, interval_ns: int, since: int, until: int) -> _Result:
        query = {
            "interval": INTERVALS[interval_ns],
            "period1": since // SECOND,
            "period2": -(-until // SECOND),
            "events": "div,splits",
            "includePrePost": "false",
        }
        answer = self._http.get(f"/v8/finance/chart/{quote(symbol, safe='')}", query)
        found = self._read(answer, symbol)
        self._known[symbol] = found.meta
        return found

    def _read(self, answer: Answer, symbol: str) -> _Result:
        if no_entry(answer.status):
            raise UnreachableError(
                f"Yahoo refuses us (HTTP {answer.status}); it does so with some networks: try later, or another source."
            )
        chart = self._http.read(answer, _Charts, symbol).chart
        if chart.result and answer.status < min(_BAD):
            return chart.result[0]
        said = chart.error.description.rstrip(".") if chart.error else f"HTTP {answer.status}, no result"
        if answer.status == _NOT_FOUND or (chart.error and chart.error.code == "Not Found"):
            raise FetchError(f"Yahoo does not know {symbol} ({said}); search for its name at finance.yahoo.com.")
        raise FetchError(f"Yahoo does not give {symbol}: {said}.")

    # -- reading ---------------------------------------------------------------------------------------------------------

    def _page(self, found: _Result, interval_ns: int, since: int, until: int, actions: Sequence[Action]) -> Page:
        stamps = _stamps(found, interval_ns)
        quotes = found.indicators.quote[0] if found.indicators.quote else _Quote()
        columns = (quotes.open, quotes.high, quotes.low, quotes.close, quotes.volume)
        if any(len(column) not in {0, len(stamps)} for column in columns):
            raise FetchError(f"Yahoo answers {found.meta.symbol} with columns of different lengths; try again later.")
        rows: dict[int, Row] = {}
        blanks: dict[int, None] = {}
        for at, *values in zip(stamps, *(c or [None] * len(stamps) for c in columns), strict=True):
            if at is None or not since <= at < until:
                continue
            if None in values[:4]:
                blanks[at] = None
                continue
            factor = _factor(found.events.splits, at, interval_ns, found.meta)
            prices = [_plain(float(v or 0), factor) for v in values[:4]]
            rows[at] = (at, *prices, round(float(values[4] or 0) / factor))
        empty = tuple(at for at in blanks if at not in rows)
        return Page([rows[at] for at in sorted(rows)], until, actions, empty)


def _stamps(found: _Result, interval_ns: int) -> list[int | None]:
    """The rows' stamps; None for one that is no bar of the grid."""
    if interval_ns == DAY:
        zone = ZoneInfo(found.meta.exchangeTimezoneName)
        return [_date(at, zone) * DAY for at in found.timestamp]
    grid = min(interval_ns, 30 * MINUTE)
    return [at * SECOND if at * SECOND % grid == 0 else None for at in found.timestamp]


def _date(at: int, zone: ZoneInfo) -> int:
    """The day at the exchange, counted from 1970."""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=at)
    return (moment.astimezone(zone).date() - dt.date(1970, 1, 1)).days


def _factor(splits: Mapping[str, _Split], at: int, interval_ns: int, meta: _Meta) -> float:
    """What the splits after a bar have divided its prices by."""
    zone, product = ZoneInfo(meta.exchangeTimezoneName), 1.0
    day = at // DAY if interval_ns == DAY else _date(at // SECOND, zone)
    for split in splits.values():
        if _date(split.date, zone) > day and split.denominator > 0:
            product *= split.numerator / split.denominator
    return product


def _plain(value: float, factor: float) -> float:
    """The decimal that a 32-bit number stands for, with later splits undone."""
    if not isfinite(value):
        return value
    value = _shortest(value)
    return value if factor == 1.0 else float(f"{value * factor:.{_DIGITS}g}")


def _shortest(value: float) -> float:
    """The shortest decimal that is the same 32-bit number; the value itself where it was never one."""
    if _as_32_bit(value) != value:
        return value
    return next(
        short for digits in range(1, 18) if _as_32_bit(short := float(f"{value:.{digits}g}")) == value or digits > 16
    )


def _as_32_bit(value: float) -> float:
    try:
        return float(unpack("f", pack("f", value))[0])
    except (OverflowError, struct_error):
        return float("nan")


def _actions(found: _Result) -> tuple[Action, ...]:
    """Splits and dividends as lines of a file, in order of time; a dividend in money per share of its own time."""
    zone = ZoneInfo(found.meta.exchangeTimezoneName)
    made: list[tuple[int, Action]] = []
    for split in found.events.splits.values():
        day = _date(split.date, zone)
        if split.numerator > 0 and split.denominator > 0:
            made.append((day, Action(_day(day * DAY), "split", ratio=_ratio(split))))
    for dividend in found.events.dividends.values():
        day = _date(dividend.date, zone)
        factor = _factor(found.events.splits, day * DAY, DAY, found.meta)
        made.append((day, Action(_day(day * DAY), "cash_dividend", amount=_text(_money(dividend.amount, factor)))))
    # A split before a dividend of the same day: that one is of a new share.
    return tuple(action for _, action in sorted(made, key=lambda one: (one[0], one[1].type != "split")))


def _money(amount: float, factor: float) -> float:
    """A dividend with later splits undone. Yahoo has six decimals of it after them, so fewer are known before."""
    return round(_shortest(amount) * factor, _DECIMALS - (ceil(log10(factor)) if factor > 1 else 0))


def _ratio(split: _Split) -> str:
    return f"{(Decimal(str(split.numerator)) / Decimal(str(split.denominator))).normalize():f}"


def _text(value: float) -> str:
    return f"{Decimal(repr(value)).normalize():f}"


def _day(at: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=at // DAY)).isoformat()


def _kept_days(interval_ns: int) -> int | None:
    """For how many days Yahoo keeps bars of that length; None: for ever."""
    if interval_ns >= DAY:
        return None
    return 730 if interval_ns >= HOUR else 60 if interval_ns > MINUTE else 30


def _at_once(interval_ns: int) -> int:
    """How much Yahoo gives in one answer."""
    return 7 * DAY if interval_ns == MINUTE else 59 * DAY


def _calendar(symbol: str, meta: _Meta) -> str:
    """The calendar of a stock, fund or index. Raises FetchError where it must be said."""
    if meta.exchangeTimezoneName == _AMERICAN:
        return "XNYS"
    name = _MICS.get(meta.exchangeName, "")
    try:
        return calendar_named(name).name
    except ConfigError:
        raise FetchError(
            f"{symbol} is traded at {meta.exchangeName or 'an exchange'} ({meta.exchangeTimezoneName}), whose calendar is not "
            "known here; name one with --calendar."
        ) from None
