"""A symbol's last 24 hours, five minutes and moment: the tickers.

Rules: the 24 hours are whole minutes back from now, and the one that runs. A symbol that has not traded has zeros.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from onepath.localvenue.amounts import text, value_text
from onepath.localvenue.candles import Candle
from onepath.localvenue.intervals import DAY
from onepath.localvenue.market import Listed

_AVERAGED = 5


def _window(listed: Listed, now: int, minutes: int) -> Candle:
    """The last minutes as one candle, without those in which nobody traded."""
    rows = [
        c for c in listed.ladder("1m").between(None, now, minutes + 1) if c.count and c.start > now - minutes * 60_000
    ]
    if not rows:
        return Candle(now, listed.last.price if listed.last else 0)
    whole = Candle(rows[0].start, rows[0].open)
    for row in rows:
        whole.merge(row)
    return whole


def _mean(candle: Candle) -> str:
    return text(candle.value // candle.volume) if candle.volume else text(candle.close)


def _percent(change: int, before: int) -> str:
    return str((Decimal(100 * change) / before).quantize(Decimal("0.001"))) if before else "0.000"


def day(listed: Listed, now: int) -> dict[str, Any]:
    """GET ticker/24hr."""
    c, top, last = _window(listed, now, 1440), listed.top, listed.last
    before = listed.ladder("1m").at(c.start - 60_000)
    change = c.close - c.open
    return {
        "symbol": listed.listing.symbol,
        "priceChange": text(change),
        "priceChangePercent": _percent(change, c.open),
        "weightedAvgPrice": _mean(c),
        "prevClosePrice": text(before.close if before else c.open),
        "lastPrice": text(c.close),
        "lastQty": text(last.quantity if last else 0),
        "bidPrice": text(top.bid),
        "bidQty": text(top.bid_size),
        "askPrice": text(top.ask),
        "askQty": text(top.ask_size),
        "openPrice": text(c.open),
        "highPrice": text(c.high),
        "lowPrice": text(c.low),
        "volume": text(c.volume),
        "quoteVolume": value_text(c.value),
        "openTime": now - DAY,
        "closeTime": now,
        "firstId": c.first,
        "lastId": c.last,
        "count": c.count,
    }


def mini_day(listed: Listed, now: int) -> dict[str, Any]:
    """GET ticker/24hr with type=MINI."""
    keys = (
        "symbol",
        "openPrice",
        "highPrice",
        "lowPrice",
        "lastPrice",
        "volume",
        "quoteVolume",
        "openTime",
        "closeTime",
    )
    whole = day(listed, now)
    return {key: whole[key] for key in (*keys, "firstId", "lastId", "count")}


_LETTERS = {
    **{"p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice", "c": "lastPrice"},
    **{
        "Q": "lastQty",
        "b": "bidPrice",
        "B": "bidQty",
        "a": "askPrice",
        "A": "askQty",
        "o": "openPrice",
        "h": "highPrice",
    },
    **{"l": "lowPrice", "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId"},
    **{"L": "lastId", "n": "count"},
}


def ticker(listed: Listed, now: int, sent: int) -> dict[str, Any]:
    """A frame of <symbol>@ticker."""
    whole = day(listed, now)
    head = {"e": "24hrTicker", "E": sent, "s": listed.listing.symbol}
    return head | {letter: whole[key] for letter, key in _LETTERS.items()}


def mini_ticker(listed: Listed, now: int, sent: int) -> dict[str, Any]:
    """A frame of <symbol>@miniTicker."""
    whole = day(listed, now)
    head = {"e": "24hrMiniTicker", "E": sent, "s": listed.listing.symbol}
    return head | {letter: whole[_LETTERS[letter]] for letter in ("c", "o", "h", "l", "v", "q")}


def average(listed: Listed, now: int, sent: int) -> dict[str, Any]:
    """A frame of <symbol>@avgPrice."""
    last = listed.last.at if listed.last else 0
    said = {"e": "avgPrice", "E": sent, "s": listed.listing.symbol, "i": f"{_AVERAGED}m"}
    return said | {"w": _mean(_window(listed, now, _AVERAGED)), "T": last}


def average_row(listed: Listed, now: int) -> dict[str, Any]:
    """GET avgPrice."""
    last = listed.last.at if listed.last else 0
    return {"mins": _AVERAGED, "price": _mean(_window(listed, now, _AVERAGED)), "closeTime": last}


def price_row(listed: Listed) -> dict[str, Any]:
    """GET ticker/price."""
    return {"symbol": listed.listing.symbol, "price": text(listed.last.price if listed.last else 0)}


def top_row(listed: Listed) -> dict[str, Any]:
    """GET ticker/bookTicker."""
    top = listed.top
    prices = {"bidPrice": text(top.bid), "bidQty": text(top.bid_size)}
    return {"symbol": listed.listing.symbol} | prices | {"askPrice": text(top.ask), "askQty": text(top.ask_size)}
