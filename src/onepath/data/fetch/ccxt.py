"""Any exchange that ccxt knows: bars by REST, in the pages that the exchange gives.

Rules: ccxt's own limiter spaces requests; what it does not do is done here: a lost connection, a busy server and too many
requests are asked again, after as long as `Retry-After` says. What has ended is by the exchange's own clock and ours, the
earlier of the two. An empty page is not the end: history goes on behind a hole as long as the page is wide.
Limits: no account and no keys; where an exchange does not give its first candles for a request from 1970 (most but the
Binance family do not), intraday history needs a start. No corporate actions.
Cost: importing ccxt takes a second and 110 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from onepath.calendars import DAY, SECOND
from onepath.data.fetch.port import FetchError, Page, Row, UnreachableError
from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.nearest import nearest
from onepath.ports import Clock
from onepath.streams import markets

ATTEMPTS = 5
LONGEST_WAIT = 120.0
MS = 1_000_000
PAGE = 1_000
_FROM_THE_FIRST = ("binance", "binanceus", "binanceusdm", "binancecoinm")
_DAILY_SINCE = 1_262_304_000 * SECOND
_T = TypeVar("_T")


class Ccxt:
    """An Importer for one exchange by its ccxt id."""

    settles = 0
    tolerance = 0.0
    adjusted = "prices as the exchange publishes them"

    def __init__(self, name: str, clock: Clock, *, url: str = "", patience: float = 1.0) -> None:
        self.name = name
        self._clock, self._patience = clock, patience
        self._library = _library()
        if name not in self._library.exchanges:
            known = ["yahoo", "alpaca", *self._library.exchanges]
            raise ConfigError(
                f"source {name!r} is neither yahoo, alpaca nor an exchange that ccxt knows{nearest(name, known)}"
            )
        options: dict[str, Any] = {"fetchCurrencies": False, "fetchMargins": False}
        self._ccxt = getattr(self._library, name)({"enableRateLimit": not url, "options": options, "timeout": 30_000})
        self._ccxt.has["fetchCurrencies"] = False
        if url:
            self._ccxt.urls["api"] = markets.moved(self._ccxt.urls["api"], url)
        self._names: dict[str, Mapping[str, Any]] = {}
        self._types: tuple[str, ...] = ()

    def now(self) -> int:
        ours = self._clock.now()
        if not self._ccxt.has.get("fetchTime"):
            return ours
        return min(ours, int(self._asked(self._ccxt.fetch_time)) * MS)

    def about(self, symbol: str) -> Instrument:
        return markets.instrument(symbol, self._market(symbol), self._ccxt.precisionMode)

    def first(self, symbol: str, interval_ns: int) -> int:
        if self.name in _FROM_THE_FIRST:
            return 0
        if interval_ns >= DAY:
            return _DAILY_SINCE
        raise FetchError(
            f"{self.name} does not say since when it has bars of {symbol}; say --start, such as 2024-01-01."
        )

    def pages(self, symbol: str, interval_ns: int, since: int, until: int) -> Iterator[Page]:
        frame, market = self._frame(interval_ns), self._market(symbol)
        while since < until:
            got = self._asked(partial(self._ccxt.fetch_ohlcv, market["symbol"], frame, since // MS, PAGE))
            rows, blanks = self._rows(got, symbol, since, until)
            beyond = any(int(row[0]) * MS >= until for row in got)
            wide = since + PAGE * interval_ns
            since = until if beyond else rows[-1][0] + interval_ns if rows else wide
            yield Page(rows, min(since, until), blanks=blanks)

    def _rows(self, got: Any, symbol: str, since: int, until: int) -> tuple[list[Row], list[int]]:
        """The rows with numbers, each stamp once, and the stamps of those without."""
        found: dict[int, Row | None] = {}
        try:
            for stamp, *values in got:
                at = int(stamp) * MS
                if since <= at < until:
                    opens, high, low, close, volume = (None if v is None else float(v) for v in values[:5])
                    whole = None not in (opens, high, low, close)
                    found[at] = (at, opens, high, low, close, volume or 0.0) if whole else None  # type: ignore[assignment]
        except (TypeError, ValueError):
            raise FetchError(f"{self.name} answers {symbol} with bars in an unknown shape; report it to us.") from None
        return [row for _, row in sorted(found.items()) if row], [at for at, row in found.items() if row is None]

    def _market(self, symbol: str) -> Mapping[str, Any]:
        if symbol not in self._names:
            listed = self._asked(partial(self._ccxt.load_markets, self._widened(symbol)))
            try:
                self._names |= markets.found([symbol], listed, self.name)
            except ConfigError as error:
                raise FetchError(str(error).removeprefix("data.symbols: ")) from None
        return self._names[symbol]

    def _widened(self, symbol: str) -> bool:
        """Binance lists spot markets and perpetuals apart: the second are asked for where one is named (BTC/USDT:USDT)."""
        if self.name != "binance":
            return False
        before, self._types = self._types, ("spot", "linear") if ":" in symbol or len(self._types) > 1 else ("spot",)
        self._ccxt.options["fetchMarkets"] = {"types": list(self._types)}
        return self._types != before

    def _frame(self, interval_ns: int) -> str:
        frames = self._ccxt.timeframes or {}
        lengths = {self._ccxt.parse_timeframe(frame) * SECOND: frame for frame in frames if frame[-1] not in "wM"}
        if not self._ccxt.has.get("fetchOHLCV") or interval_ns not in lengths:
            known = ", ".join(frame for _, frame in sorted(lengths.items())) or "none"
            raise FetchError(f"{self.name} has no bars of {interval_ns // SECOND} s; it has {known}.")
        return str(lengths[interval_ns])

    def _asked(self, ask: Callable[[], _T]) -> _T:
        """An answer, after several attempts where there is hope. Raises FetchError."""
        errors, pause = self._library, 0.5 * self._patience
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return ask()
            except errors.BadSymbol as error:
                raise FetchError(f"{self.name} does not know it: {_told(error)}.") from None
            except (errors.AuthenticationError, errors.PermissionDenied) as error:
                raise UnreachableError(f"{self.name} refuses us without an account ({_told(error)}).") from None
            except errors.NetworkError as error:
                if attempt == ATTEMPTS:
                    raise UnreachableError(self._no_way(error)) from None
                self._wait(error, pause)
                pause *= 2
            except errors.BaseError as error:
                raise FetchError(f"{self.name} does not answer as it should: {_told(error)}.") from None
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise FetchError(
                    f"{self.name} answers with something that ccxt cannot read ({type(error).__name__}); try later."
                ) from None
        raise AssertionError

    def _wait(self, error: Exception, pause: float) -> None:
        headers = {str(k).lower(): v for k, v in (self._ccxt.last_response_headers or {}).items()}
        asked = str(headers.get("retry-after", "")) if isinstance(error, self._library.DDoSProtection) else ""
        seconds = min(float(asked), LONGEST_WAIT) if asked.isdigit() else pause
        self._clock.wait_until(self._clock.now() + round(seconds * SECOND))

    def _no_way(self, error: Exception) -> str:
        if isinstance(error, self._library.DDoSProtection):
            return f"{self.name} has had too many requests, even after pauses; what was fetched is kept: go on later."
        return (
            f"{self.name} cannot be reached, or is in trouble ({type(error).__name__}: {_told(error)}); check the network, or "
            "--url; what was fetched is kept."
        )


def _told(error: Exception) -> str:
    """The exchange's words, without the page that may hang on them."""
    return " ".join(str(error).split())[:160].rstrip(".")


def _library() -> Any:
    try:
        import ccxt
    except ImportError:
        raise ConfigError("this source needs ccxt; install it with: pip install 'onepath[fetch]'.") from None
    return ccxt
