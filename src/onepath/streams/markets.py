"""What ccxt says of an exchange's markets, as instruments: exact increments, and the symbols by any name a user may write.

Rules: pure; a symbol stays as the user wrote it (BTC/USDT or the exchange's own BTCUSDT). Where a name fits a spot market
and others, spot is meant; BTC/USDT:USDT names the perpetual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from onepath.errors import ConfigError
from onepath.instruments import ONE, ZERO, Instrument, exact
from onepath.nearest import nearest

_DECIMAL_PLACES, _SIGNIFICANT_DIGITS, _TICK_SIZE = 2, 3, 4
"""ccxt's ways to state a precision"""
_SMALLEST = Decimal("0.00000001")
Market = Mapping[str, Any]


def found(symbols: Sequence[str], markets: Mapping[str, Market], exchange: str) -> dict[str, Market]:
    """The market that each symbol means. Raises ConfigError with the nearest names."""
    by_id: dict[str, list[Market]] = {}
    for market in markets.values():
        by_id.setdefault(str(market["id"]).upper(), []).append(market)
    chosen: dict[str, Market] = {}
    for symbol in symbols:
        named = markets.get(symbol) or markets.get(symbol.upper())
        candidates = [named] if named else by_id.get(symbol.upper(), [])
        if not candidates:
            names = [*markets, *by_id]
            raise ConfigError(f"data.symbols: {exchange} has no market {symbol!r}{nearest(symbol.upper(), names)}")
        market = min(candidates, key=lambda m: m.get("type") != "spot")
        other = next((s for s, m in chosen.items() if m["symbol"] == market["symbol"]), None)
        if other is not None:
            raise ConfigError(f"data.symbols: {other} and {symbol} are one market of {exchange}; name it once")
        chosen[symbol] = market
    return chosen


def instrument(symbol: str, market: Market, precision_mode: int) -> Instrument:
    """A market as an instrument. A perpetual is settled in `settle`, and counts contracts of `contractSize`."""
    precision, limits = market.get("precision") or {}, market.get("limits") or {}
    spot = not market.get("contract")
    least = (limits.get("cost") or {}).get("min")
    return Instrument(
        symbol=symbol,
        asset_class="crypto" if spot else "perpetual" if market.get("swap") else "future",
        currency=str((market.get("quote") if spot else market.get("settle")) or market.get("quote")),
        base=str(market.get("base") or "") if spot else "",
        tick_size=_increment(precision.get("price"), precision_mode) or ZERO,
        lot_size=_increment(precision.get("amount"), precision_mode) or _SMALLEST,
        min_notional=exact(least) if least else ZERO,
        multiplier=ONE if spot else exact(market.get("contractSize") or 1),
        calendar="24/7",
    )


def _increment(precision: float | int | str | None, mode: int) -> Decimal | None:
    if precision is None or mode == _SIGNIFICANT_DIGITS:
        return None
    value = exact(precision)
    return ONE.scaleb(-int(value)) if mode == _DECIMAL_PLACES else value


def moved(urls: Any, url: str) -> Any:
    """An exchange's tree of addresses with every host replaced by that of `url`; paths stay."""
    if isinstance(urls, Mapping):
        return {name: moved(below, url) for name, below in urls.items()}
    if not isinstance(urls, str) or "://" not in urls:
        return urls
    there, here = urlsplit(url), urlsplit(urls)
    secure = there.scheme in ("https", "wss")
    scheme = ("wss" if secure else "ws") if here.scheme.startswith("ws") else ("https" if secure else "http")
    return urlunsplit((scheme, there.netloc, there.path.rstrip("/") + here.path, here.query, ""))
