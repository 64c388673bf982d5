"""The local venue's truth: trades, groups, candles and book from given happenings, by hand; and the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import pytest

from onepath.localvenue.amounts import on_grid, text, units, value_text
from onepath.localvenue.candles import Candle, Ladder
from onepath.localvenue.generated import Generated, names
from onepath.localvenue.happenings import Happening, Levelled, Listing, Print, Quoted, Timed
from onepath.localvenue.intervals import LENGTHS, following, opening
from onepath.localvenue.market import Grouped, Market, Moved, News, Traded
from onepath.localvenue.wire import kline, kline_row

ONE = 100_000_000
SECOND = 1_000_000_000
LISTED = Listing("X", "XX", "YY", tick=ONE, lot=ONE)
NOON = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC, in milliseconds


class Script:
    """A source of given happenings, (milliseconds after NOON, happening)."""

    listings: Mapping[str, Listing] = {"X": LISTED}

    def __init__(self, happenings: Iterable[tuple[float, Happening]]) -> None:
        self._happenings = [(NOON * 1_000_000 + round(ms * 1e6), what) for ms, what in happenings]

    def describe(self) -> Mapping[str, object]:
        return {}

    def play(self, now: int) -> Iterator[Timed]:
        return iter(self._happenings)


def bought(price: int, quantity: int) -> Print:
    return Print("X", price * ONE, quantity * ONE, True)


def sold(price: int, quantity: int) -> Print:
    return Print("X", price * ONE, quantity * ONE, False)


def played(*happenings: tuple[float, Happening], until: float = 1e9) -> tuple[Market, list[News]]:
    """The market after them, and what it told."""
    market = Market(Script(happenings), (NOON - 1) * 1_000_000)
    return market, [news for _, news in market.until(NOON * 1_000_000 + round(until * 1e6))]


def row(candle: Candle) -> tuple[int, ...]:
    """Start after NOON, open, high, low, close, volume, value, count, volume and value bought, first and last id; in ones."""
    c = candle
    prices = [v // ONE for v in (c.open, c.high, c.low, c.close, c.volume)]
    return (c.start - NOON, *prices, c.value // ONE**2, c.count, c.bought // ONE, c.paid // ONE**2, c.first, c.last)


# -- candles by hand --------------------------------------------------------------------------------------------------

TRADES = (
    (0, bought(10, 2)),  # second 0: 10 x 2, 12 x 1, 9 x 3
    (400, bought(12, 1)),
    (999, sold(9, 3)),
    (1000, sold(11, 1)),  # second 1: 11 x 1 alone
    (3500, bought(13, 5)),  # second 3: 13 x 5; nobody trades in second 2
)


def test_candles_of_one_second() -> None:
    """10, 12, 9: volume 6, value 20 + 12 + 27 = 59, bought 3 worth 32; then 11; then nobody: flat at 11; then 13 x 5 = 65."""
    market, _ = played(*TRADES)
    rows = [row(c) for c in market.symbols["X"].ladder("1s").between(None, NOON + 3999, 4)]
    assert rows == [
        (0, 10, 12, 9, 9, 6, 59, 3, 3, 32, 1, 3),
        (1000, 11, 11, 11, 11, 1, 11, 1, 0, 0, 4, 4),
        (2000, 11, 11, 11, 11, 0, 0, 0, 0, 0, -1, -1),
        (3000, 13, 13, 13, 13, 5, 65, 1, 5, 65, 5, 5),
    ]


@pytest.mark.parametrize("interval", ["1m", "3m", "5m", "1h", "1d", "1w", "1M"])
def test_longer_candles_sum_up(interval: str) -> None:
    """All five trades in one: 10, 13, 9, 13; volume 12, value 59 + 11 + 65 = 135, bought 8 worth 97. Asked for before the
    first trade or after the last, it is the same."""
    early = Market(Script(TRADES), (NOON - 1) * 1_000_000)
    early.symbols["X"].ladder(interval)
    for _ in early.until((NOON + 10_000) * 1_000_000):
        pass
    late, _ = played(*TRADES)
    start = opening(interval, NOON)
    for market in (early, late):
        (candle,) = market.symbols["X"].ladder(interval).between(None, NOON + 3999, 1)
        assert row(candle) == (start - NOON, 10, 13, 9, 13, 12, 135, 5, 8, 97, 1, 5)


def test_pages_of_candles() -> None:
    """From a start on, so many; up to an end; a start inside a candle means the next one; before the first trade nothing."""
    market, _ = played(*TRADES)
    ladder = market.symbols["X"].ladder("1s")

    def starts(first: int | None, until: int, limit: int) -> list[int]:
        return [c.start - NOON for c in ladder.between(None if first is None else NOON + first, NOON + until, limit)]

    assert starts(0, 9999, 2) == [0, 1000]
    assert starts(1000, 2000, 500) == [1000, 2000]
    assert starts(1, 3500, 500) == [1000, 2000, 3000]
    assert starts(-60_000, 1500, 500) == [0, 1000]
    assert starts(None, 5500, 3) == [3000, 4000, 5000]
    assert starts(None, 5500, 500) == [0, 1000, 2000, 3000, 4000, 5000]
    assert Market(Script([]), 0).symbols["X"].ladder("1s").between(None, NOON, 5) == []


def test_pages_of_months_and_weeks() -> None:
    """Trades on 14 November 2023 and 40 days later: November and December; asked for the last up to January, the last
    are flat; weeks begin on Mondays."""
    market, _ = played((0, bought(10, 2)), (40 * 86_400_000, bought(12, 1)), until=1e11)
    november, december, january = 1_698_796_800_000, 1_701_388_800_000, 1_704_067_200_000
    months = market.symbols["X"].ladder("1M")
    assert [c.start for c in months.between(None, january + 5, 500)] == [november, december, january]
    assert [(c.start, c.count) for c in months.between(None, january + 5, 2)] == [(december, 1), (january, 0)]
    assert [c.start for c in months.between(november + 1, january, 500)] == [december, january]
    weeks = market.symbols["X"].ladder("1w").between(None, NOON, 5)
    assert [c.start for c in weeks] == [1_699_833_600_000]


def test_old_candles_are_forgotten() -> None:
    """With ten kept, of 100 candles the last ten to twenty are there."""
    ladder = Ladder("1s", kept=10)
    for i in range(100):
        ladder.add(NOON + 1000 * i, i + 1, (10 + i) * ONE, ONE, True)
    held = list(ladder.held())
    assert 10 <= len(held) <= 20
    assert [c.start for c in held] == [NOON + 1000 * i for i in range(100 - len(held), 100)]
    assert ladder.between(NOON, NOON + 99_000, 1)[0].start == held[0].start


def test_a_candle_as_it_is_written() -> None:
    """The first second as a row of GET klines and as a message: the texts by hand."""
    market, _ = played(*TRADES)
    candle = market.symbols["X"].ladder("1s").at(NOON)
    assert candle is not None
    assert kline_row("1s", candle) == [
        *(NOON, "10.00000000", "12.00000000", "9.00000000", "9.00000000", "6.00000000", NOON + 999),
        *("59.00000000", 3, "3.00000000", "32.00000000", "0"),
    ]
    assert kline(NOON + 1003, "X", "1s", candle, closed=True).decode() == (
        '{"e":"kline","E":1700000001003,"s":"X","k":{"t":1700000000000,"T":1700000000999,"s":"X","i":"1s","f":1,"L":3,'
        '"o":"10.00000000","c":"9.00000000","h":"12.00000000","l":"9.00000000","v":"6.00000000","n":3,"x":true,'
        '"q":"59.00000000","V":"3.00000000","Q":"32.00000000","B":"0"}}'
    )


def test_when_candles_begin() -> None:
    """2023-11-14 22:13:20 UTC, a Tuesday: by hand for each length."""
    day = 1_699_920_000_000  # 2023-11-14 00:00
    hour = 3_600_000
    expected = {
        "1s": NOON,
        "1m": NOON - 20_000,
        "3m": day + 22 * hour + 12 * 60_000,
        "5m": day + 22 * hour + 10 * 60_000,
    }
    expected |= {"15m": day + 22 * hour, "30m": day + 22 * hour, "1h": day + 22 * hour, "2h": day + 22 * hour}
    expected |= {"4h": day + 20 * hour, "6h": day + 18 * hour, "8h": day + 16 * hour, "12h": day + 12 * hour, "1d": day}
    expected |= {
        "3d": day - 24 * hour,
        "1w": day - 24 * hour,
        "1M": 1_698_796_800_000,
    }  # day 19,675 = 3 x 6,558 + 1; Monday; 1 November
    assert {interval: opening(interval, NOON) for interval in LENGTHS} == expected
    assert following("1M", 1_698_796_800_000) == 1_701_388_800_000  # 1 December
    assert following("1M", 1_701_388_800_000) == 1_704_067_200_000  # 1 January


# -- trades and groups ------------------------------------------------------------------------------------------------


def test_groups() -> None:
    """Trades of one instant at one price and side are one group: 1 and 2; another price, side or instant begins the next."""
    market, news = played(
        *((0, bought(10, 1)), (0, bought(10, 2)), (0, bought(11, 1)), (0, sold(11, 1))),
        *((0.001, sold(11, 1)), (5, sold(11, 4))),
    )
    told = [
        (n.group.number, n.group.first, n.group.last, n.group.quantity // ONE) for n in news if isinstance(n, Grouped)
    ]
    assert told == [(1, 1, 2, 3), (2, 3, 3, 1), (3, 4, 4, 1), (4, 5, 5, 1), (5, 6, 6, 4)]
    assert [g.number for g in market.symbols["X"].tape.groups(1, 100)] == [1, 2, 3, 4, 5]
    assert [type(n).__name__ for n in news[:4]] == ["Traded", "Traded", "Grouped", "Traded"]


def test_groups_since_a_time() -> None:
    """Trades at 0, 0, 5 ms: since 0 group 1, since 1 and 5 group 2, since 6 none."""
    market, _ = played((0, bought(10, 1)), (0, bought(10, 2)), (5, bought(10, 1)))
    tape = market.symbols["X"].tape
    assert [tape.group_since(NOON + ms) for ms in (0, 1, 5, 6)] == [1, 2, 2, 3]


def test_how_finely_it_is_asked_does_not_matter() -> None:
    """The news of 3 s asked for at once, by the millisecond and by the nanosecond's neighbours are the same."""
    begin = NOON * 1_000_000

    def news(step: int) -> list[tuple[int, News]]:
        market = Market(Generated(names(2), 7, 20.0, None, SECOND), begin, seed=7)
        return [told for at in range(begin + step, begin + 3 * SECOND + 1, step) for told in market.until(at)]

    whole = news(3 * SECOND)
    assert len(whole) > 300
    assert news(1_000_000) == whole
    assert news(7_500_000) == whole


def test_old_trades_are_forgotten() -> None:
    """With 100 kept, of 1,000 trades the last 100 to 200 are there, under their own numbers; groups agree with them."""
    market = Market(Script((i, bought(10 + i % 7, 1)) for i in range(1000)), (NOON - 1) * 1_000_000, kept=100)
    for _ in market.until((NOON + 1000) * 1_000_000):
        pass
    tape = market.symbols["X"].tape
    assert 100 <= len(tape) <= 200
    held = tape.deals(1, 10_000)
    assert [deal.number for deal in held] == list(range(1001 - len(tape), 1001))
    assert held[-1].price == (10 + 999 % 7) * ONE
    assert [(g.number, g.first, g.last) for g in tape.groups(1, 10_000)] == [
        (d.number, d.number, d.number) for d in held
    ]


# -- the book ---------------------------------------------------------------------------------------------------------


def quoted(bid: int, bid_size: int, ask: int, ask_size: int) -> Quoted:
    return Quoted("X", bid * ONE, bid_size * ONE, ask * ONE, ask_size * ONE)


def test_a_quote_is_the_top_of_the_book() -> None:
    """After any quote the best is that quote, 25 levels stand on each side, below the bid and above the ask; each change has
    the next number; the same quote again is no change."""
    quotes = [(100, 5, 101, 7), (100, 6, 101, 7), (103, 1, 105, 2), (99, 1, 104, 9), (99, 1, 104, 9), (60, 2, 61, 1)]
    market, news = played(*((i, quoted(*quote)) for i, quote in enumerate(quotes)))
    moves = [n for n in news if isinstance(n, Moved)]
    assert [n.number for n in moves] == [1, 2, 3, 4, 5]
    wanted = [quotes[i] for i in (0, 1, 2, 3, 5)]
    assert [tuple(value // ONE for value in n.top) for n in moves] == wanted
    assert all(n.best for n in moves)
    assert moves[1].bids == [(100 * ONE, 6 * ONE)]
    assert moves[1].asks == []
    depth = market.symbols["X"].depth
    bids, asks = depth.levels(1000)
    assert (len(bids), len(asks)) == (25, 25)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0][0] < asks[0][0]


def test_a_crossed_quote_is_moved_apart() -> None:
    """Bid 100 over ask 99, and 100 on 100: the ask becomes 101, a tick above the bid."""
    for ask in (99, 100):
        _, news = played((0, quoted(100, 1, ask, 1)))
        (moved,) = news
        assert isinstance(moved, Moved)
        assert (moved.top.bid, moved.top.ask) == (100 * ONE, 101 * ONE)


def test_a_recorded_book() -> None:
    """A snapshot replaces all levels, a change sets some; what is told is what changed."""
    first = Levelled("X", True, ((10 * ONE, 1 * ONE), (9 * ONE, 2 * ONE)), ((11 * ONE, 3 * ONE),))
    change = Levelled("X", False, ((10 * ONE, 0),), ((11 * ONE, 3 * ONE), (12 * ONE, 4 * ONE)))
    again = Levelled("X", True, ((8 * ONE, 1 * ONE),), ((11 * ONE, 5 * ONE),))
    _, news = played((0, first), (1, change), (2, change), (3, again))
    moves = [n for n in news if isinstance(n, Moved)]
    assert [n.number for n in moves] == [1, 2, 3]
    assert moves[1].bids == [(10 * ONE, 0)]
    assert moves[1].asks == [(12 * ONE, 4 * ONE)]
    assert sorted(moves[2].bids) == [(8 * ONE, ONE), (9 * ONE, 0)]
    assert sorted(moves[2].asks) == [(11 * ONE, 5 * ONE), (12 * ONE, 0)]
    assert [n.best for n in moves] == [True, True, True]


# -- amounts ----------------------------------------------------------------------------------------------------------


def test_amounts() -> None:
    """Eight decimals, exact: 61800.2, 0.1 + 0.2, 1e-8, zero, below zero; a value is cut, not rounded."""
    assert [text(units(v)) for v in (61800.2, 1e-8, 0.0, -1.5, Decimal("0.30000000"))] == [
        *("61800.20000000", "0.00000001", "0.00000000", "-1.50000000", "0.30000000"),
    ]
    assert text(units(0.1) + units(0.2)) == "0.30000000"
    assert on_grid(0.0349, 1_000_000) == 3_000_000
    assert value_text(units("0.33333333") * units("0.33333333")) == "0.11111110"  # 0.1111111088888889


# -- the same every time ----------------------------------------------------------------------------------------------

_PROGRAM = """
from onepath.localvenue.generated import Generated, names
from onepath.localvenue.market import Market
import hashlib
begin = 1_700_000_000_000_000_000
market = Market(Generated(names(4), SEED, 20.0, None, 10**9), begin, seed=SEED)
print(hashlib.sha256(repr(list(market.until(begin + 5 * 10**9))).encode()).hexdigest())
"""


def test_equal_seeds_equal_markets() -> None:
    """Five seconds of four symbols, moments included, are the same whatever PYTHONHASHSEED is; another seed is another market."""

    def run(seed: int, hashing: str) -> str:
        code = _PROGRAM.replace("SEED", str(seed))
        env = os.environ | {"PYTHONHASHSEED": hashing}
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout

    assert run(7, "0") == run(7, "12345") == run(7, "random")
    assert run(8, "0") != run(7, "0")


def test_a_flood_is_even() -> None:
    """At 5,000 a second the trades of two symbols are 200,000 ns apart, in turn."""
    begin = NOON * 1_000_000
    market = Market(Generated(names(2), 7, 5.0, 5000.0, SECOND), begin)
    trades = [(at, n.symbol) for at, n in market.until(begin + SECOND) if isinstance(n, Traded)]
    assert len(trades) == 5000
    assert [at - trades[0][0] for at, _ in trades] == [200_000 * i for i in range(5000)]
    assert [symbol for _, symbol in trades[:3]] == [trades[0][1], trades[1][1], trades[0][1]]
    assert trades[0][1] != trades[1][1]
