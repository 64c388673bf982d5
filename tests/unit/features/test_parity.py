"""Features as a stream are laid beside features over history, bit for bit."""

from __future__ import annotations

import math
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from onepath import feature, sma
from onepath.actions import Split
from onepath.book import Book
from onepath.features import compiled, ema, rank
from onepath.features.parity import FeatureDifference, FeatureParity, Streamed, parity
from onepath.features.plant import FeaturePlant
from onepath.market import Bar, BookUpdate, Quote, Trade

MINUTE = 60_000_000_000
CLOSES = (10.0, 11.0, 13.0, 12.0)


def bar(minute: int, close: float, symbol: str = "X") -> Bar:
    return Bar(symbol, minute * MINUTE, (minute + 1) * MINUTE, close, close, close, close, 0.0)


def streamed(values: tuple[float, ...], closes: tuple[float, ...] = CLOSES) -> Streamed:
    """A strategy that was shown `values` as its average of two closes."""
    rows = {"X": SimpleNamespace(mean=0.0)}
    stream = Streamed("s", {"mean": sma(2)}, rows)
    for minute, (value, close) in enumerate(zip(values, closes, strict=True)):
        rows["X"].mean = value
        stream.hear(bar(minute, close), None)
    return stream


def test_the_right_values_are_identical() -> None:
    """Averages of two closes by hand: none, 10.5, 12, 12.5; no number equals no number."""
    assert parity([streamed((math.nan, 10.5, 12.0, 12.5))]) == FeatureParity(4, ())


def test_one_bit_is_a_difference() -> None:
    """The last bit of the third value and the whole fourth differ: two values, from minute 3 on, by half at most."""
    found = parity([streamed((math.nan, 10.5, math.nextafter(12.0, 13), 13.0))])
    assert not found.identical
    assert found.differences == (
        FeatureDifference("s", "mean", "X", 3 * MINUTE, math.nextafter(12.0, 13), 12.0, 2, 0.5),
    )
    assert str(found.differences[0]).endswith("12.0 over history; 2 values differ, by 0.5 at most")


def test_a_number_where_there_is_none_is_a_difference() -> None:
    """Where one side has no number there is no distance to tell."""
    (found,) = parity([streamed((7.0, 10.5, 12.0, 12.5))]).differences
    assert (found.streamed, found.history, found.values, found.most) == (7.0, None, 1, None)
    assert str(found) == "s: feature mean of X was 7.0 streamed and no number over history; 1 values differ"


@feature(inputs=("close",))
def nothing(state: object, close: float) -> float:
    """A zero whose sign tells whether it was asked for."""
    return 0.0


def test_the_sign_of_zero_counts() -> None:
    """Minus zero is not zero, bit for bit."""
    rows = {"X": SimpleNamespace(zero=-0.0)}
    stream = Streamed("s", {"zero": nothing()}, rows)
    stream.hear(bar(0, 5.0), None)
    assert len(parity([stream]).differences) == 1


def test_what_is_no_bar_or_not_ours_is_left_out() -> None:
    """Trades leave features as they are, and bars of other symbols have none."""
    stream = streamed((), ())
    stream.hear(Trade("X", 1, 5.0, 1.0), None)
    stream.hear(bar(0, 5.0, "Y"), None)
    assert parity([stream]) == FeatureParity(0, ())


def test_differences_come_in_time_order() -> None:
    """Of two strategies, the earlier difference is told first."""
    late, early = streamed((math.nan, 10.5, 12.0, 0.0)), streamed((math.nan, 0.0, 12.0, 12.5))
    assert [found.at for found in parity([late, early]).differences] == [2 * MINUTE, 4 * MINUTE]


@feature(inputs=("bid", "ask"))
def width(state: Any, bid: float, ask: float) -> float:
    return ask - bid


@feature(inputs=("bid_depth",))
def depth(state: Any, bids: float) -> float:
    return bids


@feature(inputs=("close", sma(1).at("2m")))
def above(state: Any, close: float, before: float) -> float:
    return close - before


WANTED = {
    "hour": ema(2, on=sma(2)).at("2m"),
    "above": above(),
    "place": rank(sma(2)),
    "calm": sma(2, on=rank(sma(2))),
    "width": width(),
    "mean": sma(2, on=ema(2)),
    "depth": depth(),
}


def everything(minutes: int = 12, acting: tuple[str, ...] = ()) -> tuple[FeaturePlant, Streamed]:
    """Two symbols' bars, quotes and books, as an engine delivers them."""
    plant = FeaturePlant(WANTED, ["X", "Y"], None, acting, interval_ns=MINUTE)
    stream, context = Streamed("s", WANTED, plant.views, plant), SimpleNamespace(books={"X": Book("X"), "Y": Book("Y")})
    for minute in range(minutes):
        for number, symbol in enumerate("XY"):
            close = 10.0 + (minute * (3 + number)) % 7
            at = (minute + 1) * MINUTE
            bids = ((close, 2.0 + minute),)
            book = BookUpdate(symbol=symbol, at=at, bids=bids, asks=(), bid=close, ask=0.0, snapshot=True)
            context.books[symbol].apply(book)
            for event in (bar(minute, close, symbol), Quote(symbol, at, close, close + 1 + minute, 1.0, 1.0), book):
                plant.update(event, context)
                stream.hear(event, context)
        plant.settle()
    return plant, stream


@pytest.mark.parametrize("fast", [False, True])
def test_intervals_cross_sections_and_ticks_are_compared(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All kinds at once are the same, and one bit that is changed in any of them is one difference, of that one."""
    monkeypatch.setattr(compiled, "worth", lambda values: fast and compiled.installed())
    _, stream = everything()
    found = parity([stream])
    assert found == FeatureParity(found.values, ())
    # Plain: width, mean, depth, 12 each. Moving otherwise: three interval nodes of 6, above of 12, place and calm of 12.
    assert found.values == 2 * (3 * 12 + 3 * 6 + 12 + 2 * 12)
    noted = [stream._steps[key] for key in stream._steps] + [stream._noted[key] for key in stream._noted]
    for one in noted:
        kept = one.values[-1]
        one.values[-1] = math.nextafter(kept, 1e9)
        (difference,) = parity([stream]).differences
        assert (difference.values, difference.streamed) == (1, one.values[-1])
        one.values[-1] = kept
    at, _, got = next(iter(stream._across.values()))[-1]
    got[1] += 0.5
    (difference,) = parity([stream]).differences
    assert (difference.feature, difference.symbol, difference.at) == ("place", "Y", at)


def test_what_actions_restate_is_left_out_and_named() -> None:
    """X may split: nothing of it is compared, and it is said; Y is."""
    plant, stream = everything(acting=("X",))
    plant.act(Split("X", 13 * MINUTE, Decimal(2)))
    found = parity([stream])
    assert found.identical
    assert found.left_out == ("s: features of X: corporate actions may restate it, and each value was of its day",)
    assert found.values == 3 * 12 + 3 * 6 + 12 + 12 + 2 * 12  # ranks are of both
