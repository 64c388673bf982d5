"""What ccxt makes of an exchange's messages and answers, as our events. Pure; the same for streams and REST.

Rules: what cannot be a trade, a bar or a book raises UnreadableError; a ticker without two sides in order is no quote. `at` is
0 until the event is queued. `name` is the exchange's, for messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onepath.market import Bar, Quote, Trade
from onepath.streams import wire

_SIDES = {"buy": 1, "sell": -1}
_ODD = (TypeError, ValueError, LookupError, AttributeError, OverflowError)
"""what reading something of another shape raises"""


def bar(name: str, symbol: str, row: Sequence[Any], interval_ns: int) -> Bar:
    """[start in ms, open, high, low, close, volume]; without a volume it is 0."""
    try:
        start = int(row[0])
        return wire.bar_of(
            symbol, start, start + interval_ns // wire.MS - 1, *(float(value or 0.0) for value in row[1:6])
        )
    except _ODD as error:
        raise wire.UnreadableError(f"{name} has a bar of {symbol} that cannot be: {error}") from None


def trade(name: str, symbol: str, found: Mapping[str, Any], *, numbered: bool) -> Trade:
    """One public trade; its number where the exchange's have no holes."""
    try:
        side, number = _SIDES.get(found.get("side") or "", 0), int(found["id"]) if numbered else 0
        at = int(found["timestamp"]) * wire.MS
        event = Trade(symbol, 0, float(found["price"]), float(found["amount"]), side, at, number)
    except _ODD as error:
        raise wire.UnreadableError(f"{name} has a trade of {symbol} that cannot be read: {error!r}") from None
    if not (0 < event.price < wire.HIGHEST and 0 <= event.size < wire.HIGHEST):
        raise wire.UnreadableError(f"{name} has a trade of {symbol} that cannot be: {event}")
    return event


def quote(symbol: str, ticker: Mapping[str, Any]) -> Quote | None:
    """None where the ticker has no two sides, or crosses."""
    try:
        bid, ask = float(ticker["bid"]), float(ticker["ask"])
        sizes = float(ticker.get("bidVolume") or 0.0), float(ticker.get("askVolume") or 0.0)
        if not (0 < bid < ask < wire.HIGHEST and 0 <= min(sizes) <= max(sizes) < wire.HIGHEST):
            return None
        return Quote(symbol, 0, bid, ask, *sizes, int(ticker.get("timestamp") or 0) * wire.MS)
    except _ODD:
        return None


def depth(name: str, symbol: str, book: Mapping[str, Any], *, numbered: bool) -> wire.Depth:
    """A whole book; its update id where changes follow on it."""
    try:
        bids, asks = (tuple((float(level[0]), float(level[1])) for level in book[side]) for side in ("bids", "asks"))
        number = int(book.get("nonce") or 0) if numbered else 0
        at = int(book.get("timestamp") or 0) * wire.MS
        return wire.Depth(symbol, at, bids, asks, number, number, snapshot=True)
    except _ODD as error:
        raise wire.UnreadableError(f"{name} has a book of {symbol} that cannot be read: {error!r}") from None
