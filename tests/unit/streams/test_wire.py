"""What Binance says, message by message, by hand from its documentation."""

from __future__ import annotations

import pytest

from onepath.market import Bar, Quote, Trade
from onepath.streams import wire

MS = 1_000_000
TRADE = (
    '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782130,"m":true,"M":true}'
)
KLINE = (
    '{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m","f":100,'
    '"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0010","v":"1000","n":100,"x":false,"q":"1.0","V":"5","Q":"5","B":"0"}}'
)


def test_trades() -> None:
    """The buyer was the maker: a seller took. Time is the trade's (T), in nanoseconds. Aggregates bear their own number."""
    assert wire.decode(TRADE) == Trade("BNBBTC", 0, 0.001, 100.0, -1, 1672515782130 * MS, 12345)
    aggregate = '{"e":"aggTrade","E":5,"s":"BNBBTC","a":77,"p":"0.001","q":"100","f":1,"l":2,"T":9,"m":false,"M":true}'
    assert wire.decode(aggregate.encode()) == Trade("BNBBTC", 0, 0.001, 100.0, 1, 9 * MS, 77)


def test_bars() -> None:
    """A bar ends a millisecond after its last one; whether it is closed is its `x`."""
    bar = Bar("BNBBTC", 1672515780000 * MS, 0, 0.001, 0.0025, 0.001, 0.002, 1000.0, 1672515840000 * MS)
    assert wire.decode(KLINE) == wire.Candle(bar, closed=False, interval="1m")
    closed = wire.decode(KLINE.replace('"x":false', '"x":true'))
    assert isinstance(closed, wire.Candle)
    assert closed.closed


def test_quotes_say_what_they_are_or_do_not() -> None:
    """Spot's has no `e`, futures' has, and a time; both may be wrapped; a trade may be wrapped, too."""
    plain = '{"u":4,"s":"BNBUSDT","b":"25.35","B":"31.2","a":"25.36","A":"40.6"}'
    quote = Quote("BNBUSDT", 0, 25.35, 25.36, 31.2, 40.6, 0, 4)
    assert wire.decode(plain) == quote
    assert wire.decode(f'{{"stream":"bnbusdt@bookTicker","data":{plain}}}') == quote
    named = plain.replace('{"u"', '{"e":"bookTicker","T":8,"u"')
    assert wire.decode(named) == Quote("BNBUSDT", 0, 25.35, 25.36, 31.2, 40.6, 8 * MS, 4)
    assert wire.decode(f'{{"stream":"bnbusdt@bookTicker","data":{named}}}') == wire.decode(named)
    assert wire.decode(f'{{"stream":"bnbbtc@trade","data":{TRADE}}}') == wire.decode(TRADE)


def test_changes_of_a_book() -> None:
    """First and last update id; futures name the one before as well."""
    spot = '{"e":"depthUpdate","E":7,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","0"]]}'
    assert wire.decode(spot) == wire.Depth("BNBBTC", 7 * MS, ((0.0024, 10.0),), ((0.0026, 0.0),), 157, 160)
    assert wire.decode(spot.replace('"u":160', '"u":160,"pu":149')) == wire.Depth(
        "BNBBTC", 7 * MS, ((0.0024, 10.0),), ((0.0026, 0.0),), 157, 160, 149
    )


def test_replies_and_notices() -> None:
    """A reply has an id, and an error where it was refused; what the venue says of itself is a notice."""
    assert wire.decode('{"result":null,"id":1}') == wire.Reply(1)
    assert wire.decode('{"error":{"code":2,"msg":"no"},"id":"a"}') == wire.Reply("a", "{'code': 2, 'msg': 'no'}")
    assert wire.decode('{"code":3,"msg":"no"}') == wire.Reply(None, "3")
    assert wire.decode('{"e":"serverShutdown","E":1}') == wire.Notice("serverShutdown")
    assert wire.decode('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}') == wire.Notice(
        "serverShutdown"
    )


def test_rest() -> None:
    """Single trades, aggregates, candles (the last has not ended), a book."""
    one = '[{"id":28457,"price":"4.1","qty":"12","quoteQty":"48","time":9,"isBuyerMaker":true,"isBestMatch":true}]'
    assert wire.trades("X", one) == [Trade("X", 0, 4.1, 12.0, -1, 9 * MS, 28457)]
    many = '[{"a":26129,"p":"0.5","q":"4","f":1,"l":2,"T":9,"m":false,"M":true}]'
    assert wire.agg_trades("X", many) == [Trade("X", 0, 0.5, 4.0, 1, 9 * MS, 26129)]
    rows = '[[60000,"1","2","0.5","1.5","9",119999,"1",3,"1","1","0"]]'
    assert wire.klines("X", rows) == [Bar("X", 60000 * MS, 0, 1.0, 2.0, 0.5, 1.5, 9.0, 120000 * MS)]
    book = '{"lastUpdateId":10,"bids":[["4","431"]],"asks":[["4.2","12"]]}'
    assert wire.snapshot("X", book) == wire.Depth("X", 0, ((4.0, 431.0),), ((4.2, 12.0),), 0, 10, snapshot=True)


def test_numbers_may_come_as_numbers() -> None:
    """A venue that sends a price as a number, or a time as text, is understood."""
    changed = TRADE.replace('"0.001"', "0.001").replace('"T":1672515782130', '"T":"1672515782130"')
    assert wire.decode(changed) == wire.decode(TRADE)


@pytest.mark.parametrize(
    "data",
    [
        *("", "null", "1", "[]", "{}", "<html>502</html>", '{"e":', "{" * 5_000, '{"result":1', "pong"),
        *(b"\xff", TRADE.encode().replace(b"BNBBTC", b"\xc3\x28")),
        *(TRADE.replace('"0.001"', text) for text in ('"nan"', '"inf"', '"-1"', '"0"', '"1e999"', '""', "null", "[]")),
        *(TRADE.replace('"100"', text) for text in ('"nan"', '"-1"', "{}")),
        *(TRADE.replace("12345", text) for text in ("0", "-1", "1.5", "null", "99999999999999999999")),
        *(TRADE.replace('"T":1672515782130', f'"T":{text}') for text in ("0", "-5", "16725157821301672", "null")),
        *(TRADE.replace('"m":true', f'"m":{text}') for text in ("null", "2", '"yes"')),
        *(TRADE.replace('"BNBBTC"', text) for text in ('""', "null", f'"{"A" * 65}"')),
        KLINE.replace('"h":"0.0025"', '"h":"0.0015"'),
        KLINE.replace('"T":1672515839999', '"T":1672515779999'),
        KLINE.replace('"x":false,', ""),
        '{"u":4,"s":"X","b":"2","B":"1","a":"2","A":"1"}',
        '{"e":"depthUpdate","E":7,"s":"X","U":161,"u":160,"b":[],"a":[]}',
        '{"e":"depthUpdate","E":7,"s":"X","U":1,"u":2,"b":[["1"]],"a":[]}',
        '{"stream":"x@trade","data":{}}',
        '{"stream":"x@trade","data":5}',
        '{"stream":"x@trade"}',
    ],
)
def test_what_is_not_as_documented_is_refused(data: str | bytes) -> None:
    """One error, which shows the message's head and no more."""
    with pytest.raises(wire.UnreadableError, match=r"cannot be read: .*it begins ") as caught:
        wire.decode(data)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("read", [wire.trades, wire.agg_trades, wire.klines, wire.snapshot])
@pytest.mark.parametrize("data", ["", "<html>", '{"code":-1121,"msg":"Invalid symbol."}', "[null]", "[[]]", b"\xff"])
def test_answers_that_are_not_as_documented_are_refused(read: object, data: str | bytes) -> None:
    """A proxy's page, an error body, another shape: the same one error."""
    with pytest.raises(wire.UnreadableError):
        read("X", data)  # type: ignore[operator]


def test_a_head_is_short_and_printable() -> None:
    """160 characters at most, bytes that are no text shown as such."""
    assert wire.head("a" * 500) == repr("a" * 160) + "..."
    assert wire.head(b"\xffa") == repr("\\xffa")
