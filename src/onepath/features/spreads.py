"""How far prices spread: volatility, standard deviation, z-score, Bollinger bands, correlation.

Rules: built of laps, see `laps`; no number while a bar of the window is not one. Of a window that does not move the spread is
exactly zero, the z-score 0, its place between the bands half way.
Cost: compiled 3 to 8 ns a value, in Python 0.3 to 0.7 us.
"""

from __future__ import annotations

import math

from onepath.features.averages import Input, mean_state, mean_step, sma
from onepath.features.changes import change
from onepath.features.definition import Feature, State, positive, whole
from onepath.features.laps import no_state, ring
from onepath.features.registers import in_registers


def volatility(window: int, log: bool = False, on: Input = "close", periods: float | None = None) -> Feature:
    """Sample standard deviation (divided by window - 1) of the last `window` one-bar returns, simple or `log`.

    A fraction per bar; annualised, that is times sqrt(periods), where `periods` bars a year are given. Never negative.
    First value at bar `window` + 1.
    Raises StrategyError for a window that is not a whole number >= 2, or periods that are not above zero.
    """
    window = whole("volatility", "window", window, 2)
    scale = 1.0 if periods is None else positive("volatility", "periods", periods)
    params = (("window", window), ("log", bool(log)), ("periods", scale))
    return Feature("volatility", 2, (on,), params, window + 1, window + 1, _volatility, _volatility_state, low=0.0)


def _volatility_state(window: int, log: bool, periods: float) -> list[float]:
    """As `_spread_state`, of returns; then the input before in the fifth place."""
    return [*ring(4, 0), math.nan, 1.0 / window, periods / (window - 1), *ring(0, 2 * window)]


@in_registers(7)
def _volatility(state: State, x: float, window: int, log: bool, periods: float) -> float:
    value = change(state[4], x, log)
    state[4] = x
    place = int(state[0]) + 7
    state[place] = value
    apart = value - state[1]
    state[2] += apart
    state[3] += apart * apart
    if place < window + 6:
        state[0] += 1.0
        return root(state[2] + state[place + 1], state[3] + state[place + window + 1], state[5], state[6])
    sums_about(state, value, 7, window)
    state[0] = 0.0
    state[1] = value
    state[2] = 0.0
    state[3] = 0.0
    return root(state[7], state[window + 7], state[5], state[6])


def sums_about(state: State, centre: float, first: int, window: int) -> None:
    """Turn the ring's values into sums, and sums of squares, about `centre` of all from each place on."""
    total = 0.0
    squares = 0.0
    for i in range(first + window - 1, first - 1, -1):
        apart = state[i] - centre
        total += apart
        squares += apart * apart
        state[i] = total
        state[i + window] = squares


def root(total: float, squares: float, part: float, scale: float) -> float:
    """The deviation of sums about a value of the window, `part` one of its numbers; zero below the rounding."""
    variance = (squares - total * total * part) * scale
    if variance > 0.0:
        return math.sqrt(variance)
    return 0.0 if variance <= 0.0 else math.nan


def standard_deviation(window: int, on: Input = "close", sample: bool = False) -> Feature:
    """Standard deviation of the last `window` bars, divided by window, or by window - 1 with `sample`; in the unit of its input.

    As TA-Lib's STDDEV. Never negative. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("standard_deviation", "window", window, 2)
    params = (("window", window), ("sample", bool(sample)))
    return Feature("standard_deviation", 1, (on,), params, window, window, _deviation, _spread_state, low=0.0)


def _spread_state(window: int, sample: bool = False) -> list[float]:
    """Place in the lap, value that sums are about, sums of this lap and of its squares; 1 / window, 1 / divisor; the ring of
    values, later of sums; that of squares."""
    return [*ring(4, 0), 1.0 / window, 1.0 / (window - 1 if sample else window), *ring(0, 2 * window)]


@in_registers(6)
def _deviation(state: State, x: float, window: int, sample: bool) -> float:
    place = int(state[0]) + 6
    state[place] = x
    apart = x - state[1]
    state[2] += apart
    state[3] += apart * apart
    if place < window + 5:
        state[0] += 1.0
        return root(state[2] + state[place + 1], state[3] + state[place + window + 1], state[4], state[5])
    sums_about(state, x, 6, window)
    state[0] = 0.0
    state[1] = x
    state[2] = 0.0
    state[3] = 0.0
    return root(state[6], state[window + 6], state[4], state[5])


def zscore(window: int, on: Input = "close") -> Feature:
    """Z-score: how many standard deviations (divided by window) the bar is above the mean of the last `window`, itself included.

    A number without unit; 0 where the window does not move. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("zscore", "window", window, 2)
    return Feature("zscore", 1, (on,), (("window", window),), window, window, _zscore, _spread_state)


@in_registers(6)
def _zscore(state: State, x: float, window: int) -> float:
    place = int(state[0]) + 6
    state[place] = x
    apart = x - state[1]
    state[2] += apart
    state[3] += apart * apart
    if place < window + 5:
        state[0] += 1.0
        total = state[2] + state[place + 1]
        squares = state[3] + state[place + window + 1]
    else:
        sums_about(state, x, 6, window)
        apart = 0.0
        total = state[6]
        squares = state[window + 6]
        state[0] = 0.0
        state[1] = x
        state[2] = 0.0
        state[3] = 0.0
    deviation = root(total, squares, state[4], state[4])
    if deviation > 0.0:
        return (apart - total * state[4]) / deviation
    return deviation


def bollinger_upper(window: int = 20, width: float = 2.0, on: Input = "close") -> Feature:
    """Bollinger band, upper: the mean of `window` bars plus `width` standard deviations (divided by window); unit of its input.

    Bollinger, "Bollinger on Bollinger Bands" (2001); as TA-Lib's BBANDS. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2 or a width that is not above zero.
    """
    return _band("bollinger_upper", window, width, on, _above)


def bollinger_lower(window: int = 20, width: float = 2.0, on: Input = "close") -> Feature:
    """Bollinger band, lower: the mean of `window` bars less `width` standard deviations (divided by window); unit of its input.

    As TA-Lib's BBANDS. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2 or a width that is not above zero.
    """
    return _band("bollinger_lower", window, width, on, _below)


def bollinger_middle(window: int = 20, on: Input = "close") -> Feature:
    """Bollinger band, middle: the mean of `window` bars, in the unit of its input.

    As TA-Lib's BBANDS. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("bollinger_middle", "window", window, 2)
    return Feature("bollinger_middle", 1, (on,), (("window", window),), window, window, mean_step, mean_state)


def bollinger_width(window: int = 20, width: float = 2.0, on: Input = "close") -> Feature:
    """Bollinger bandwidth: the distance of the bands as a fraction of the middle. NaN where the middle is zero.

    First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2 or a width that is not above zero.
    """
    return _band("bollinger_width", window, width, on, _bandwidth)


def bollinger_percent_b(window: int = 20, width: float = 2.0, on: Input = "close") -> Feature:
    """Bollinger's %b: where the bar is between the bands, 0 at the lower, 1 at the upper; a fraction, beyond them outside 0 to 1.

    0.5 where the window does not move. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2 or a width that is not above zero.
    """
    name = "bollinger_percent_b"
    window, width = whole(name, "window", window, 2), positive(name, "width", width)
    return Feature(name, 1, (zscore(window, on),), (("width", width),), window, 1, _percent_b, no_state)


def _band(name: str, window: int, width: float, on: Input, step: object) -> Feature:
    window, width = whole(name, "window", window, 2), positive(name, "width", width)
    inputs = (sma(window, on), standard_deviation(window, on))
    return Feature(name, 1, inputs, (("width", width),), window, 1, step, no_state)  # type: ignore[arg-type]


def _above(state: State, mean: float, deviation: float, width: float) -> float:
    return mean + width * deviation


def _below(state: State, mean: float, deviation: float, width: float) -> float:
    return mean - width * deviation


def _bandwidth(state: State, mean: float, deviation: float, width: float) -> float:
    return 2.0 * width * deviation / mean if mean != 0.0 else math.nan


def _percent_b(state: State, score: float, width: float) -> float:
    return 0.5 + score / (2.0 * width)


def correlation(window: int, on: Input = "close", other: Input = "volume") -> Feature:
    """Pearson's correlation of two inputs over the last `window` bars, -1 to 1; 0 where one of them does not move.

    As TA-Lib's CORREL. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("correlation", "window", window, 2)
    made = (("window", window),)
    return Feature("correlation", 1, (on, other), made, window, window, _correlation, _pair_state, low=-1.0, high=1.0)


def _pair_state(window: int) -> list[float]:
    """Place in the lap; the two values that sums are about; sums of x, y, xx, yy, xy of this lap; 1 / window; five rings of the
    same."""
    return [*ring(8, 0), 1.0 / window, *ring(0, 5 * window)]


@in_registers(9)
def _correlation(state: State, x: float, y: float, window: int) -> float:
    place = int(state[0]) + 9
    state[place] = x
    state[place + window] = y
    u = x - state[1]
    v = y - state[2]
    state[3] += u
    state[4] += v
    state[5] += u * u
    state[6] += v * v
    state[7] += u * v
    if place < window + 8:
        state[0] += 1.0
        return _pearson(
            state[3] + state[place + 1],
            state[4] + state[place + window + 1],
            state[5] + state[place + 2 * window + 1],
            state[6] + state[place + 3 * window + 1],
            state[7] + state[place + 4 * window + 1],
            state[8],
        )
    _pair_sums(state, x, y, window)
    state[0] = 0.0
    state[1] = x
    state[2] = y
    state[3] = 0.0
    state[4] = 0.0
    state[5] = 0.0
    state[6] = 0.0
    state[7] = 0.0
    rings = 2 * window + 9
    return _pearson(
        state[9], state[window + 9], state[rings], state[rings + window], state[rings + 2 * window], state[8]
    )


def _pair_sums(state: State, x: float, y: float, window: int) -> None:
    """Turn the rings of both into the five sums about `x` and `y` of all from each place on."""
    a = 0.0
    b = 0.0
    aa = 0.0
    bb = 0.0
    ab = 0.0
    for i in range(8 + window, 8, -1):
        u = state[i] - x
        v = state[i + window] - y
        a += u
        b += v
        aa += u * u
        bb += v * v
        ab += u * v
        state[i] = a
        state[i + window] = b
        state[i + 2 * window] = aa
        state[i + 3 * window] = bb
        state[i + 4 * window] = ab


def _pearson(a: float, b: float, aa: float, bb: float, ab: float, part: float) -> float:
    one = aa - a * a * part
    other = bb - b * b * part
    if one > 0.0 and other > 0.0:
        below = math.sqrt(one) * math.sqrt(other)
        found = (ab - a * b * part) / below if below > 0.0 else 0.0
        return max(-1.0, min(1.0, found)) if math.isfinite(found) else math.nan
    return 0.0 if math.isfinite(one + other) else math.nan
