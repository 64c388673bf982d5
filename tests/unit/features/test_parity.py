"""Features as a stream are laid beside features over history, bit for bit."""

from __future__ import annotations

import math
from types import SimpleNamespace

from onepath import feature, sma
from onepath.features.parity import FeatureDifference, FeatureParity, Streamed, parity
from onepath.market import Bar, Trade

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
