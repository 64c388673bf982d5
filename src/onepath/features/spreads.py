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
    First value at bar `window` + 1. Within a lap by Welford, Technometrics 4 (1962); the two parts of the window joined
    by formula 2.1 of Chan, Golub and LeVeque, Stanford STAN-CS-79-773 (1979).
    Raises StrategyError for a window that is not a whole number >= 2, or periods that are not above zero.
    """
    window = whole("volatility", "window", window, 2)
    scale = 1.0 if periods is None else positive("volatility", "periods", periods)
    params = (("window", window), ("log", bool(log)), ("periods", scale))
    return Feature("volatility", 1, (on,), params, window + 1, window + 1, _volatility, _volatility_state, low=0.0)


def _volatility_state(window: int, log: bool, periods: float) -> list[float]:
    """Place in the lap, last input, mean and squares of this lap; the ring of returns, later means; that of squares."""
    return [0.0, math.nan, *ring(2, 2 * window)]


@in_registers(4)
def _volatility(state: State, x: float, window: int, log: bool, periods: float) -> float:
    value = change(state[1], x, log)
    state[1] = x
    place = int(state[0])
    state[4 + place] = value
    place += 1
    delta = value - state[2]
    state[2] += delta / place
    state[3] += delta * (value - state[2])
    if place < window:
        state[0] += 1.0
        gap = state[4 + place] - state[2]
        squares = state[3] + state[4 + window + place] + gap * gap * place * (window - place) / window
    else:
        squares = state[3]
        _means_and_squares(state, window)
        state[0] = 0.0
        state[2] = 0.0
        state[3] = 0.0
    return math.sqrt(squares / (window - 1) * periods)


def _means_and_squares(state: State, window: int) -> None:
    """Turn the ring's returns into mean and squares of all from each place on."""
    mean = 0.0
    squares = 0.0
    for count in range(1, window + 1):
        i = 4 + window - count
        value = state[i]
        delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
        state[i] = mean
        state[i + window] = squares


def standard_deviation(window: int, on: Input = "close", sample: bool = False) -> Feature:
    """Standard deviation of the last `window` bars, divided by window, or by window - 1 with `sample`; in the unit of its input.

    As TA-Lib's STDDEV. Never negative. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("standard_deviation", "window", window, 2)
    params = (("window", window), ("sample", bool(sample)))
    return Feature("standard_deviation", 1, (on,), params, window, window, _deviation, _spread_state, low=0.0)


def _spread_state(window: int, *_: float) -> list[float]:
    """Place in the lap, value that sums are about, sums of this lap and of its squares; the ring of values, later of sums; that
    of squares."""
    return ring(4, 2 * window)


@in_registers(4)
def _deviation(state: State, x: float, window: int, sample: bool) -> float:
    place = int(state[0])
    state[4 + place] = x
    apart = x - state[1]
    state[2] += apart
    state[3] += apart * apart
    place += 1
    if place < window:
        state[0] += 1.0
        total = state[2] + state[4 + place]
        squares = state[3] + state[4 + window + place]
    else:
        _sums_about(state, x, window)
        total = state[4]
        squares = state[4 + window]
        state[0] = 0.0
        state[1] = x
        state[2] = 0.0
        state[3] = 0.0
    return _root(total, squares, window, window - 1 if sample else window)


def _sums_about(state: State, centre: float, window: int) -> None:
    """Turn the ring's values into sums, and sums of squares, about `centre` of all from each place on."""
    total = 0.0
    squares = 0.0
    for i in range(3 + window, 3, -1):
        apart = state[i] - centre
        total += apart
        squares += apart * apart
        state[i] = total
        state[i + window] = squares


def _root(total: float, squares: float, window: int, divisor: int) -> float:
    """The deviation of sums about a value of the window; zero below the rounding, which can make it a hair negative."""
    variance = (squares - total * total / window) / divisor
    if variance > 0.0:
        return math.sqrt(variance)
    return 0.0 if variance <= 0.0 else math.nan


def zscore(window: int, on: Input = "close") -> Feature:
    """Z-score: how many standard deviations (divided by window) the bar is above the mean of the last `window`, itself included.

    A number without unit; 0 where the window does not move. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("zscore", "window", window, 2)
    return Feature("zscore", 1, (on,), (("window", window),), window, window, _zscore, _spread_state)


@in_registers(4)
def _zscore(state: State, x: float, window: int) -> float:
    place = int(state[0])
    state[4 + place] = x
    apart = x - state[1]
    state[2] += apart
    state[3] += apart * apart
    place += 1
    if place < window:
        state[0] += 1.0
        total = state[2] + state[4 + place]
        squares = state[3] + state[4 + window + place]
    else:
        _sums_about(state, x, window)
        apart = 0.0
        total = state[4]
        squares = state[4 + window]
        state[0] = 0.0
        state[1] = x
        state[2] = 0.0
        state[3] = 0.0
    deviation = _root(total, squares, window, window)
    if deviation > 0.0:
        return (apart - total / window) / deviation
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
    """Place in the lap; the two values that sums are about; sums of x, y, xx, yy, xy of this lap; five rings of the same."""
    return ring(8, 5 * window)


@in_registers(8)
def _correlation(state: State, x: float, y: float, window: int) -> float:
    place = int(state[0])
    state[8 + place] = x
    state[8 + window + place] = y
    u = x - state[1]
    v = y - state[2]
    state[3] += u
    state[4] += v
    state[5] += u * u
    state[6] += v * v
    state[7] += u * v
    place += 1
    if place < window:
        state[0] += 1.0
        i = 8 + place
        return _pearson(
            state[3] + state[i],
            state[4] + state[i + window],
            state[5] + state[i + 2 * window],
            state[6] + state[i + 3 * window],
            state[7] + state[i + 4 * window],
            window,
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
    i = 8
    return _pearson(
        state[i], state[i + window], state[i + 2 * window], state[i + 3 * window], state[i + 4 * window], window
    )


def _pair_sums(state: State, x: float, y: float, window: int) -> None:
    """Turn the rings of both into the five sums about `x` and `y` of all from each place on."""
    a = 0.0
    b = 0.0
    aa = 0.0
    bb = 0.0
    ab = 0.0
    for i in range(7 + window, 7, -1):
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


def _pearson(a: float, b: float, aa: float, bb: float, ab: float, window: int) -> float:
    one = aa - a * a / window
    other = bb - b * b / window
    if one > 0.0 and other > 0.0:
        found = (ab - a * b / window) / (math.sqrt(one) * math.sqrt(other))
        return min(1.0, max(-1.0, found)) if math.isfinite(found) else math.nan
    return math.nan if one != one or other != other else 0.0  # noqa: PLR0124
