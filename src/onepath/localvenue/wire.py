"""How the venue writes what it says: Binance spot's public messages, as bytes. Pure.

Rules: keys, their order and JSON types are those of recorded frames: ids and times are numbers, prices and quantities
texts with eight decimals. `E` is when the message is sent, all other times are the market's.
Cost: 1 us a trade, 2 us a candle.
"""

from __future__ import annotations

from typing import Any

import msgspec

from onepath.localvenue.amounts import text, value_text
from onepath.localvenue.candles import Candle
from onepath.localvenue.depth import Levels, Top
from onepath.localvenue.intervals import following
from onepath.localvenue.tape import Deal, Group

encode = msgspec.json.encode
_TRUTH = {True: "true", False: "false"}


def combined(stream: str, message: bytes) -> bytes:
    """A message as it comes on a combined connection."""
    return b'{"stream":"%s","data":%s}' % (stream.encode(), message)


def trade(sent: int, symbol: str, deal: Deal) -> bytes:
    """`m`: the buyer was the maker."""
    return (
        f'{{"e":"trade","E":{sent},"s":"{symbol}","t":{deal.number},"p":"{text(deal.price)}","q":"{text(deal.quantity)}",'
        f'"T":{deal.at},"m":{_TRUTH[not deal.bought]},"M":true}}'
    ).encode()


def agg_trade(sent: int, symbol: str, group: Group) -> bytes:
    return (
        f'{{"e":"aggTrade","E":{sent},"s":"{symbol}","a":{group.number},"p":"{text(group.price)}",'
        f'"q":"{text(group.quantity)}","f":{group.first},"l":{group.last},"T":{group.at},'
        f'"m":{_TRUTH[not group.bought]},"M":true}}'
    ).encode()


def book_ticker(symbol: str, number: int, top: Top) -> bytes:
    """Without `e` and `E`: spot has none here."""
    return (
        f'{{"u":{number},"s":"{symbol}","b":"{text(top.bid)}","B":"{text(top.bid_size)}",'
        f'"a":"{text(top.ask)}","A":"{text(top.ask_size)}"}}'
    ).encode()


def kline(sent: int, symbol: str, interval: str, candle: Candle, closed: bool) -> bytes:
    c = candle
    return (
        f'{{"e":"kline","E":{sent},"s":"{symbol}","k":{{"t":{c.start},"T":{following(interval, c.start) - 1},'
        f'"s":"{symbol}","i":"{interval}","f":{c.first},"L":{c.last},"o":"{text(c.open)}","c":"{text(c.close)}",'
        f'"h":"{text(c.high)}","l":"{text(c.low)}","v":"{text(c.volume)}","n":{c.count},"x":{_TRUTH[closed]},'
        f'"q":"{value_text(c.value)}","V":"{text(c.bought)}","Q":"{value_text(c.paid)}","B":"0"}}}}'
    ).encode()


def depth_update(sent: int, symbol: str, first: int, last: int, bids: Levels, asks: Levels) -> bytes:
    message = {"e": "depthUpdate", "E": sent, "s": symbol, "U": first, "u": last}
    return encode(message | {"b": levels(bids), "a": levels(asks)})


def snapshot(number: int, bids: Levels, asks: Levels) -> dict[str, Any]:
    """The book, as GET depth and the depth5/10/20 streams show it."""
    return {"lastUpdateId": number, "bids": levels(bids), "asks": levels(asks)}


def levels(side: Levels) -> list[tuple[str, str]]:
    return [(text(price), text(size)) for price, size in side]


def shutdown(sent: int) -> bytes:
    """The venue will close this connection soon."""
    return b'{"e":"serverShutdown","E":%d}' % sent


def kline_row(interval: str, c: Candle) -> list[int | str]:
    """A candle in GET klines."""
    end = following(interval, c.start) - 1
    prices = [text(c.open), text(c.high), text(c.low), text(c.close), text(c.volume)]
    return [c.start, *prices, end, value_text(c.value), c.count, text(c.bought), value_text(c.paid), "0"]


def trade_row(deal: Deal) -> dict[str, Any]:
    """A trade in GET trades and historicalTrades."""
    return {
        "id": deal.number,
        "price": text(deal.price),
        "qty": text(deal.quantity),
        "quoteQty": value_text(deal.price * deal.quantity),
        "time": deal.at,
        "isBuyerMaker": not deal.bought,
        "isBestMatch": True,
    }


def group_row(group: Group) -> dict[str, Any]:
    """A group in GET aggTrades."""
    return {
        "a": group.number,
        "p": text(group.price),
        "q": text(group.quantity),
        "f": group.first,
        "l": group.last,
        "T": group.at,
        "m": not group.bought,
        "M": True,
    }
