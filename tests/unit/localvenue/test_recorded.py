"""Recorded data as the venue plays them: bars as trades, times on the venue's clock, sides and quotes where there are none."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from onepath.data import open_feed
from onepath.errors import ConfigError
from onepath.instruments import Instrument
from onepath.localvenue.happenings import Print, Quoted
from onepath.localvenue.market import Market
from onepath.localvenue.recorded import Recording, listing
from onepath.localvenue.retiming import anchored, speed_of
from onepath.localvenue.sources import history_of, opened

ONE = 100_000_000
SECOND = 1_000_000_000
START = "2024-01-01T00:00:00"
TERMS: dict[str, Any] = {"asset_class": "crypto"}


def bars(*rows: tuple[float, float, float, float, float]) -> dict[str, list[Any]]:
    """One-minute bars of open, high, low, close, volume."""
    names = ("open", "high", "low", "close", "volume")
    columns: dict[str, list[Any]] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return {"time": [f"2024-01-01 00:{i:02d}:00" for i in range(len(rows))], **columns}


def recording(table: Any, speed: float | None = 60, history: float | int = 0.0, **terms: Any) -> Recording:
    exactly = None if speed is None else speed_of(speed)
    return Recording(lambda: open_feed({"X": table}, asset_class="crypto"), speed=exactly, history=history, **terms)


def prints(source: Recording, now: int, count: int) -> list[tuple[float, float, float, bool]]:
    """The first trades: seconds after `now`, price, quantity, bought."""
    found = []
    for at, event in source.play(now):
        if isinstance(event, Print):
            found.append(((at - now) / SECOND, event.price / ONE, event.quantity / ONE, event.bought))
            if len(found) == count:
                break
    return found


def test_a_bar_is_four_trades_along_its_path() -> None:
    """Rising 10, low 9, high 12, close 11 in that order; falling 11, high 13, low 8, close 9; a quarter of the volume each, at
    0, 1/4, 1/2, 3/4 of a bar that lasts a second at speed 60."""
    source = recording(bars((10, 12, 9, 11, 8), (11, 13, 8, 9, 4)))
    assert prints(source, 1_700_000_000 * SECOND, 8) == [
        *((0.0, 10, 2, True), (0.25, 9, 2, False), (0.5, 12, 2, True), (0.75, 11, 2, False)),
        *((1.0, 11, 1, True), (1.25, 13, 1, True), (1.5, 8, 1, False), (1.75, 9, 1, True)),
    ]


def test_the_usual_speed() -> None:
    """Nobody said a speed: a bar of a minute lasts a second, trades come as they were recorded."""
    told = prints(recording(bars((10, 12, 9, 11, 8), (11, 13, 8, 9, 4)), speed=None), 0, 5)
    assert [at for at, *_ in told] == [0, 0.25, 0.5, 0.75, 1]
    table = {"time": [f"2024-01-01 00:00:0{i}" for i in (0, 3, 7)], "price": [10, 11, 11], "size": [1, 1, 1]}
    assert [at for at, *_ in prints(recording(table, speed=None, loop=False), 0, 9)] == [0, 3, 7]


def test_symbols_are_written_as_the_venue_does() -> None:
    """eur/usd of a file is EURUSD at the venue, and trades under that name."""
    source = Recording(lambda: open_feed({"eur/usd": bars((10, 12, 9, 11, 8))}), speed=Fraction(60), history=0.0)
    assert list(source.listings) == ["EURUSD"]
    assert {event.symbol for _, event in islice(source.play(0), 4)} == {"EURUSD"}


def test_more_trades_on_the_way() -> None:
    """With two steps a leg a bar is seven trades; corners are met exactly, volume is whole: 14 = 7 x 2."""
    source = recording(bars((10, 14, 8, 12, 14), (12, 12, 12, 12, 7)), legs=2)
    told = prints(source, 1_700_000_000 * SECOND, 7)
    assert [price for _, price, _, _ in told] == [10, 9, 8, 11, 14, 13, 12]
    assert sum(quantity for _, _, quantity, _ in told) == 14


def test_a_bar_in_which_nobody_traded_is_no_trade() -> None:
    """Volumes 4, 0, 4: four trades in minute 0, four in minute 2."""
    source = recording(bars((10, 10, 10, 10, 4), (10, 10, 10, 10, 0), (10, 10, 10, 10, 4)))
    assert [at for at, *_ in prints(source, 1_700_000_000 * SECOND, 8)] == [0, 0.25, 0.5, 0.75, 2, 2.25, 2.5, 2.75]


def test_bars_become_the_venues_candles() -> None:
    """One-minute bars at speed 60 are, price for price and volume for volume, the venue's one-second candles."""
    feed = open_feed("btcusd_1m")
    recorded = [event for batch in feed.batches() for event, _ in batch.events()][:300]
    source = Recording(lambda: open_feed("btcusd_1m"), speed=Fraction(60), history=0.0)
    now = 1_700_000_000 * SECOND + 123_456_789
    market = Market(source, now)
    for _ in market.until(now + 301 * SECOND):
        pass
    candles = market.symbols["BTCUSD"].ladder("1s").between(1_700_000_000_000, 1_700_000_299_999, 300)
    busy = [(c.open, c.high, c.low, c.close, c.volume) for c in candles if c.count]
    wanted = [
        tuple(round(v * ONE) for v in (b.open, b.high, b.low, b.close, b.volume))
        for b in recorded
        if b.volume  # type: ignore[union-attr]
    ]
    assert len(busy) > 250
    assert busy == wanted[: len(busy)]


def test_a_trade_of_bars_is_at_the_touch() -> None:
    """Each trade comes with a quote in which a buy is at the ask and a sell at the bid."""
    events = [event for _, event in recording(bars((10, 12, 9, 11, 8), (9, 9, 9, 9, 4)), loop=False).play(0)]
    for quote, trade in zip(events[::2], events[1::2], strict=True):
        assert isinstance(quote, Quoted)
        assert isinstance(trade, Print)
        assert trade.price == (quote.ask if trade.bought else quote.bid)
        assert quote.bid < quote.ask


def test_quotes_alone_trade_when_they_move() -> None:
    """Asks 11, 12, 12, 10: a lot is bought at 11 and 12, none where it stays, and sold at the bid when it falls."""
    rows = [(10, 11), (11, 12), (11, 12), (9, 10)]
    table = {
        "time": [f"2024-01-01 00:00:0{i}" for i in range(4)],
        **{"bid": [b for b, _ in rows], "ask": [a for _, a in rows], "bid_size": [1.0] * 4, "ask_size": [1.0] * 4},
    }
    told = prints(recording(table, speed=1, loop=False), 0, 9)
    assert [(at, price, bought) for at, price, _, bought in told] == [(0, 11, True), (1, 12, True), (3, 9, False)]


def test_unknown_takers_go_by_the_price() -> None:
    """Trades at 10, 11, 11, 9 without a side: bought while the price does not fall, then sold."""
    table = {"time": [f"2024-01-01 00:00:0{i}" for i in range(4)], "price": [10, 11, 11, 9], "size": [1, 1, 1, 1]}
    told = prints(recording(table, speed=1, loop=False), 0, 9)
    assert [bought for *_, bought in told] == [True, True, True, False]


def test_a_recorded_book_is_played_as_it_is() -> None:
    """A snapshot with two bids and an ask, a change, and a trade in between: the venue's book is the recorded one, no level is
    made up; when the data begin again their snapshot replaces everything."""
    book = {
        "time": [f"2024-01-01 00:00:0{i}" for i in (0, 0, 0, 2, 2)],
        "side": ["bid", "bid", "ask", "bid", "ask"],
        "price": [10, 9, 11, 10, 12],
        "size": [1.0, 2.0, 3.0, 0.0, 4.0],
        "first_update_id": [0, 0, 0, 6, 6],
        "last_update_id": [5, 5, 5, 6, 6],
        "is_snapshot": [True, True, True, False, False],
    }
    trades = {"time": ["2024-01-01 00:00:01"], "price": [10.5], "size": [1.0], "aggressor": [1]}
    source = Recording(
        lambda: open_feed({"X": {"book": book, "trades": trades}}, asset_class="crypto"), speed=None, history=0.0
    )
    market = Market(source, 0)

    def shown(until: float) -> Any:
        for _ in market.until(round(until * SECOND)):
            pass
        bids, asks = market.symbols["X"].depth.levels(99)
        return [(p / ONE, s / ONE) for p, s in bids], [(p / ONE, s / ONE) for p, s in asks]

    assert shown(0.5) == ([(10, 1), (9, 2)], [(11, 3)])
    assert shown(2.5) == ([(9, 2)], [(11, 3), (12, 4)])
    assert len(market.symbols["X"].tape) == 1
    assert shown(3.5) == ([(10, 1), (9, 2)], [(11, 3)])


def test_bars_beside_ticks_are_left_out() -> None:
    """A symbol with bars and trades trades what was recorded, not the bars as well."""
    trades = {"time": ["2024-01-01 00:00:01"], "price": [10.5], "size": [1.0], "aggressor": [1]}
    both = {"X": {"bars": bars((10, 12, 9, 11, 8), (10, 12, 9, 11, 8)), "trades": trades}}
    source = Recording(lambda: open_feed(both, asset_class="crypto"), speed=None, history=0.0, loop=False)
    assert [event.price / ONE for _, event in source.play(0) if isinstance(event, Print)] == [10.5]


@pytest.mark.parametrize(("history", "past"), [(0.0, 0), (0.5, 8), (2 * SECOND, 8), (3 * SECOND, 12), (6 * SECOND, 24)])
def test_history(history: float | int, past: int) -> None:
    """Four bars of a second: half of them, or two seconds, are eight trades of the past; six seconds are all of them and two
    again; the next trade is now."""
    source = recording(bars(*[(10, 12, 9, 11, 8)] * 4), history=history)
    now = 1_700_000_000 * SECOND
    before = [at for at, *_ in prints(source, now, past + 1)]
    assert [at < 0 for at in before] == [True] * past + [False]
    assert before[-1] == 0


def test_rounds_follow_on_each_other() -> None:
    """Two bars of a second, over and over: the third second is the first again."""
    source = recording(bars((10, 12, 9, 11, 8), (20, 22, 19, 21, 8)))
    told = prints(source, 0, 12)
    assert [price for _, price, _, _ in told] == [10, 9, 12, 11, 20, 19, 22, 21, 10, 9, 12, 11]
    assert [at for at, *_ in told] == [i / 4 for i in range(12)]


def test_times() -> None:
    """Position 90 s at speed 60 is 1.5 s after the origin; bars begin on whole multiples of their length, ticks right now."""
    now = 1_700_000_000 * SECOND + 700_000_000
    bars_of_a_minute = anchored(now, 120 * SECOND, Fraction(60), 60 * SECOND)
    assert bars_of_a_minute.moment(120 * SECOND) == 1_700_000_000 * SECOND
    assert bars_of_a_minute.moment(210 * SECOND) == 1_700_000_001 * SECOND + 500_000_000
    assert anchored(now, 5 * SECOND, Fraction(2), 0).moment(5 * SECOND) == now


@pytest.mark.parametrize("said", ["0", "-1", "fast", "1/0"])
def test_speeds_that_are_none(said: str) -> None:
    """One sentence that says what was expected."""
    with pytest.raises(ConfigError, match="must be a number above zero"):
        speed_of(said)


def test_shares_and_times_of_history() -> None:
    """20% and 0.2 are a share, 90s and 2h a time; 100 %, 1.5 and words are refused."""
    assert [history_of(said) for said in ("20%", 0.2, "90s", "2h")] == [0.2, 0.2, 90 * SECOND, 7200 * SECOND]
    for said in ("100%", 1.5, "much", -0.1):
        with pytest.raises(ConfigError, match="history is"):
            history_of(said)
    with pytest.raises(ConfigError, match="longer than the data"):
        recording(bars((10, 12, 9, 11, 8), (9, 9, 9, 9, 4)), history=99 * SECOND, loop=False)


def test_what_cannot_be_opened() -> None:
    """A number of recorded symbols, a share of generated history, a flood of nothing: one sentence each."""
    usual: dict[str, Any] = {"speed": 1, "seed": 0, "loop": True, "legs": 1, "data_dir": None}
    for data, symbols, history, flood, words in (
        ("btcusd_1m", 3, None, None, "name them"),
        ("generated", 3, "20%", None, "say how long"),
        ("generated", 3, None, 0.0, "above zero"),
    ):
        with pytest.raises(ConfigError, match=words):
            opened(data, symbols=symbols, history=history, flood=flood, **usual)


def test_names_of_base_and_quote() -> None:
    """BTCUSDT in USDT is BTC and USDT, AAPL in USD is AAPL and USD, and what the instrument says comes first."""
    assert listing(Instrument(symbol="BTCUSDT", currency="USDT"))[1:3] == ("BTC", "USDT")
    assert listing(Instrument(symbol="AAPL", currency="USD"))[1:3] == ("AAPL", "USD")
    assert listing(Instrument(symbol="XBTUSD", currency="USD", base="BTC"))[1:3] == ("BTC", "USD")
