"""Hammers every decoder of foreign bytes with spoilt messages: each gives sane events or our own error, nothing else.

    .venv/bin/python tests/fuzz/decoders.py                          # a million inputs, about two minutes
    .venv/bin/python tests/fuzz/decoders.py --inputs 5000000 --seed 7

Rules: an input is made from its seed and number alone; a failure prints both and the bytes, and `--seed S --only N` repeats
it. Messages are the recorded ones in tests/fuzz/messages.txt and others made by hand from the venue's documentation. Then
faults are put into the decoders one by one, and the same inputs must notice each: the last line says how many.
Decoders: streams and REST of Binance, journal rows of every kind (a tenth of the inputs), configurations (three thousandths).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import isfinite
from pathlib import Path
from random import Random
from typing import Annotated, Any, NamedTuple

import msgspec
from spoil import spoilt

import onepath
from onepath.config import load
from onepath.errors import ConfigError, JournalError, OnepathError
from onepath.examples.bracket_breakout import BracketBreakout
from onepath.examples.market_making import MarketMaking
from onepath.journal import codec
from onepath.market import Bar, BookUpdate, Quote, Trade
from onepath.ports import Row
from onepath.streams import wire

HERE = Path(__file__).parent
_FOLDER = tempfile.TemporaryDirectory()
_FILE = Path(_FOLDER.name) / "config.yaml"
YEAR_2300 = 10_413_792_000_000_000_000


class Decoder(NamedTuple):
    """One decoder: good messages, how it is called, what it may raise, whether what it returns is sane, and its share."""

    name: str
    messages: Sequence[bytes]
    call: Callable[[bytes], Any]
    raises: type[Exception]
    sane: Callable[[Any], bool]
    share: float


# -- what is sane --------------------------------------------------------------------------------------------------------


def priced(*values: float) -> bool:
    return all(type(value) is float and isfinite(value) and value > 0 for value in values)


def sized(*values: float) -> bool:
    return all(type(value) is float and isfinite(value) and value >= 0 for value in values)


def timed(*values: int) -> bool:
    return all(type(value) is int and 0 <= value < YEAR_2300 for value in values)


def sane(found: Any) -> bool:
    """Whether an event is one that a market could bring."""
    if isinstance(found, list):
        return all(map(sane, found))
    return _SANE[type(found)](found)


def _sane_depth(found: wire.Depth) -> bool:
    levels = [*found.bids, *found.asks]
    ids = found.first_id, found.last_id, found.previous_id or 0
    numbered = all(type(number) is int and 0 <= number < 2**63 for number in ids) and found.first_id <= found.last_id
    return (
        numbered
        and bool(found.symbol)
        and timed(found.venue_at)
        and all(priced(price) and sized(size) for price, size in levels)
    )


def _sane_trade(found: Trade) -> bool:
    numbered = 0 < found.id < 2**63 and found.aggressor in (-1, 1)
    return numbered and bool(found.symbol) and priced(found.price) and sized(found.size) and timed(found.venue_at)


def _sane_quote(found: Quote) -> bool:
    sides = priced(found.bid, found.ask) and found.bid < found.ask and sized(found.bid_size, found.ask_size)
    return sides and bool(found.symbol) and timed(found.venue_at) and 0 < found.id < 2**63


def _sane_bar(found: Bar) -> bool:
    prices = found.open, found.high, found.low, found.close
    inside = found.low <= min(prices) and max(prices) <= found.high
    return inside and priced(*prices) and sized(found.volume) and timed(found.start, found.venue_at)


_SANE: dict[type, Callable[[Any], bool]] = {
    Trade: _sane_trade,
    Quote: _sane_quote,
    Bar: _sane_bar,
    wire.Depth: _sane_depth,
    wire.Candle: lambda found: _sane_bar(found.bar) and type(found.closed) is bool and bool(found.interval),
    wire.Reply: lambda found: isinstance(found.error, str) and len(found.error) <= wire.HEAD,
    wire.Notice: lambda found: isinstance(found.name, str),
}


def made(found: Any) -> bool:
    """Whether it is what a row or a configuration can be: the decoder's types say so; only that there is something."""
    return found is not None


# -- what is decoded -----------------------------------------------------------------------------------------------------

STREAM = (
    b'{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}',
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1672515782136,"s":"BTCUSDT","a":12345,"p":"61800.20",'
    b'"q":"0.1","f":100,"l":105,"T":1672515782136,"m":false,"M":true}}',
    b'{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m","f":100,'
    b'"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0010","v":"1000","n":100,"x":true,"q":"1.0","V":"500","Q":"0.5","B":"1"}}',
    b'{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}',
    b'{"e":"bookTicker","u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66","T":1568014460891}',
    b'{"e":"depthUpdate","E":1672515782136,"T":1672515782136,"s":"BNBBTC","U":157,"u":160,"pu":149,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}',
    b'{"result":null,"id":1}',
    b'{"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":3}',
    b'{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}',
    b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
)
TRADES = (
    b'[{"id":28457,"price":"4.00000100","qty":"12.0","quoteQty":"48.0","time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}]',
)
AGG_TRADES = (
    b'[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]',
)
KLINES = (
    b'[[1499040000000,"0.0163","0.80","0.0157","0.0157","148976.1",1499644799999,"2434.1",308,"1756.8","28.4","0"],'
    b'[1499644800000,"0.0157","0.02","0.0150","0.0160","1.0",1500249599999,"2434.1",308,"1756.8","28.4","0"]]',
)
DEPTH = (b'{"lastUpdateId":1027024,"bids":[["4.00000000","431.0"],["3.9","0"]],"asks":[["4.00000200","12.0"]]}',)


def recorded() -> list[bytes]:
    """Messages as Binance.US sent them on 2021-10-12 (recorded by cryptofeed, Bryant Moscon)."""
    return (HERE / "messages.txt").read_bytes().splitlines()


@cache
def rows() -> list[bytes]:
    """Journal rows of short sessions, a few of each kind, as `kind body`."""
    minutes = onepath.backtest(BracketBreakout(), "btcusd_1m", cash=10_000, commission="0.001")
    ticks = onepath.backtest(MarketMaking(), "btcusdt_quotes")
    found: dict[str, list[bytes]] = {}
    for row in (*minutes.journal.rows(), *ticks.journal.rows()):
        found.setdefault(row.kind, []).append(row.kind.encode() + b" " + row.body)
    kinds = (*codec.KINDS,)
    assert len(found) > 10
    events = [
        Trade("BTC", 5, 1.5, 2.0, 1, 4, 3),
        Bar("BTC", 0, 60, 1.0, 2.0, 0.5, 1.5, 9.0),
        Quote("BTC", 7, 1.0, 2.0, 3.0, 4.0),
    ]
    book = BookUpdate(
        symbol="BTC", at=9, bids=((1.0, 2.0),), asks=((1.5, 2.0),), bid=1.0, ask=1.5, first_id=1, last_id=2
    )
    found["market"] = [b"market " + codec.encode([*events, book])]
    found["time"] = [b'time {"at":5}']
    found["data.status"] = [b'data.status {"at":5,"state":"stale","symbol":"BTC","stream":"trades","since":3}']
    found["alert"] = [b'alert {"code":"slow","severity":"warning","text":"x"}']
    return [text for kind in kinds for text in found.get(kind, [])[:4]]


def row(data: bytes) -> Any:
    kind, _, body = data.partition(b" ")
    return codec.decode(Row(1, 0, kind.decode("utf-8", "replace"), None, None, body))


def configuration(data: bytes) -> Any:
    _FILE.write_bytes(data)
    return load(_FILE, env={})


def configurations() -> list[bytes]:
    folder = Path(onepath.__file__).parent / "templates" / "config"
    return [path.read_bytes() for path in sorted(folder.glob("*.yaml"))]


def decoders() -> list[Decoder]:
    unreadable = wire.UnreadableError
    return [
        Decoder("stream", [*STREAM, *recorded()], wire.decode, unreadable, sane, 0.6),
        Decoder("REST trades", TRADES, lambda data: wire.trades("BTC", data), unreadable, sane, 0.05),
        Decoder("REST aggTrades", AGG_TRADES, lambda data: wire.agg_trades("BTC", data), unreadable, sane, 0.05),
        Decoder("REST klines", KLINES, lambda data: wire.klines("BTC", data), unreadable, sane, 0.1),
        Decoder("REST depth", DEPTH, lambda data: wire.snapshot("BTC", data), unreadable, sane, 0.097),
        Decoder("journal rows", rows(), row, JournalError, made, 0.1),
        Decoder("configuration", configurations(), configuration, ConfigError, made, 0.003),
    ]


# -- the hammer ----------------------------------------------------------------------------------------------------------


class Bad(NamedTuple):
    decoder: str
    number: int
    data: bytes
    what: str


def inputs(of: Sequence[Decoder], seed: int, numbers: Sequence[int]) -> Iterator[tuple[int, Decoder, bytes]]:
    weights = [decoder.share for decoder in of]
    for number in numbers:
        draw = Random(seed * 1_000_003 + number)  # noqa: S311 - seeded on purpose
        decoder = draw.choices(of, weights)[0]
        yield number, decoder, spoilt(draw.choice(decoder.messages), decoder.messages, draw)


def hammered(of: Sequence[Decoder], seed: int, numbers: Sequence[int], most: int = 20) -> Iterator[Bad]:
    """The inputs that were answered by anything but a sane event or the decoder's own error."""
    found = 0
    for number, decoder, data in inputs(of, seed, numbers):
        try:
            event = decoder.call(data)
            what = "" if decoder.sane(event) else f"not sane: {event!r}"[:300]
        except decoder.raises as error:
            what = "" if isinstance(error, OnepathError) and str(error) else "an error without a sentence"
        except Exception as error:
            what = f"raised {error!r}"[:300]
        if what:
            found += 1
            yield Bad(decoder.name, number, data, what)
            if found >= most:
                return


# -- faults that must be noticed -----------------------------------------------------------------------------------------


@contextmanager
def changed(module: Any, **names: Any) -> Iterator[None]:
    before = {name: getattr(module, name) for name in names}
    for name, value in names.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


class _Loose(msgspec.Struct, tag_field="e", tag="trade"):
    s: str
    t: int
    p: float
    q: float
    T: Annotated[int, msgspec.Meta(gt=0)]
    m: bool

    def event(self) -> Trade:
        return Trade(self.s, 0, self.p, self.q, -1 if self.m else 1, self.T * wire.MS, self.t)


def _plainly(data: bytes) -> list[Trade]:
    """As somebody in a hurry reads it."""
    return [
        Trade("BTC", 0, float(t["p"]), float(t["q"]), -1 if t["m"] else 1, t["T"] * wire.MS, t["a"])
        for t in json.loads(data)
    ]


def mutants() -> dict[str, Callable[[], Any]]:
    """Name and what puts the fault in."""
    loose = msgspec.json.Decoder(_Loose | wire._AggTrade | wire._Kline | wire._Ticker | wire._DepthUpdate, strict=False)  # type: ignore[name-defined]
    unchecked_quote = lambda s, bid, ask, b, a, at, n: Quote(s, 0, bid, ask, b, a, at, n)  # noqa: E731
    unchecked_bar = lambda s, t, T, o, h, low, c, v: Bar(s, t * wire.MS, 0, o, h, low, c, v, (T + 1) * wire.MS)  # noqa: E731, N803
    return {
        "only wrong types are caught": lambda: changed(wire, _BAD=(msgspec.ValidationError,)),
        "numbers may be anything": lambda: changed(wire, _EVENTS=loose),
        "quotes may cross": lambda: changed(wire, quote_of=unchecked_quote),
        "prices of a bar may contradict": lambda: changed(wire, bar_of=unchecked_bar),
        "trades are read plainly": lambda: changed(wire, agg_trades=lambda _, data: _plainly(data)),
    }


def caught(seed: int, count: int) -> list[str]:
    """The mutants that the inputs notice."""
    noticed = []
    for name, put_in in mutants().items():
        with put_in():
            of = [decoder for decoder in decoders() if decoder.name not in ("journal rows", "configuration")]
            if next(hammered(of, seed, range(count), 1), None) is not None:
                noticed.append(name)
    return noticed


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one input")
    asked = parser.parse_args(argv)
    of = decoders()
    numbers = range(asked.inputs) if asked.only is None else range(asked.only, asked.only + 1)
    bad = list(hammered(of, asked.seed, numbers))
    for each in bad:
        say(f"{each.decoder}, --seed {asked.seed} --only {each.number}: {each.what}\n  {each.data[:300]!r}")
    noticed = caught(asked.seed, 100_000) if asked.only is None else list(mutants())
    for name in sorted(set(mutants()) - set(noticed)):
        say(f"not noticed: {name}")
    say(f"inputs {len(numbers)}, decoders {len(of)}, bad {len(bad)}, mutants caught {len(noticed)}/{len(mutants())}")
    return 1 if bad or len(noticed) < len(mutants()) else 0


if __name__ == "__main__":
    sys.exit(main())
