"""Averages: simple, exponential, weighted, Wilder's, double and triple exponential; typical and median price.

Rules: windowed ones (SMA, WMA) are built of laps, see `laps`, and are no number while one of their inputs is none. Recursive ones
(EMA, Wilder's) give NaN for a bar that is not a number and go on afterwards as if it had not been, which makes their warm-up one
bar longer. Numbers and first values are TA-Lib's where it has the function.
Cost: compiled 1.5 to 3 ns a value, in Python 0.1 to 0.4 us.
"""

from __future__ import annotations

import math

from onepath.features.definition import Feature, State, whole
from onepath.features.laps import no_state, rest_of_sums, ring
from onepath.features.registers import in_registers

Input = str | Feature
"""A field of an event, or another feature."""


def sma(window: int, on: Input = "close") -> Feature:
    """Simple moving average: the mean of the last `window` bars, in the unit of its input.

    As TA-Lib's SMA. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("sma", "window", window, 1)
    return Feature("sma", 1, (on,), (("window", window),), window, window, mean_step, mean_state)


def mean_state(window: int) -> list[float]:
    """Where in the state the next bar goes, sum of this lap, and the ring."""
    return [2.0, *ring(1, window)]


@in_registers(2)
def mean_step(state: State, x: float, window: int) -> float:
    """The mean of the last `window`."""
    place = int(state[0])
    state[place] = x
    state[1] += x
    if place <= window:
        state[0] += 1.0
        return (state[1] + state[place + 1]) / window
    mean = state[1] / window
    rest_of_sums(state, 2, window + 1)
    state[0] = 2.0
    state[1] = 0.0
    return mean


def wma(window: int, on: Input = "close") -> Feature:
    """Weighted moving average: weights 1, 2, ... `window`, the newest bar's the greatest; in the unit of its input.

    As TA-Lib's WMA. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("wma", "window", window, 1)
    return Feature("wma", 1, (on,), (("window", window),), window, window, _wma, _wma_state)


def _wma_state(window: int) -> list[float]:
    """Bars in this lap, their sum, their sum with weights 1, 2, ...; window, 1 / sum of weights; the ring."""
    return [*ring(3, 0), float(window), 2.0 / (window * (window + 1)), *ring(0, window)]


@in_registers(5)
def _wma(state: State, x: float, window: int) -> float:
    state[0] += 1.0
    count = state[0]
    state[1] += x
    state[2] += x * count
    place = int(count) + 4
    state[place] = x
    left = state[3] - count
    if left > 0.0:
        return (state[2] + left * state[1] + state[place + 1]) * state[4]
    average = state[2] * state[4]
    _weighted_rest(state, window)
    state[0] = 0.0
    state[1] = 0.0
    state[2] = 0.0
    return average


def _weighted_rest(state: State, window: int) -> None:
    """Turn the ring into the sums of each place on, with weights 1, 2, ... from that place on."""
    rest = 0.0
    weighted = 0.0
    for i in range(window + 4, 4, -1):
        rest += state[i]
        weighted += rest
        state[i] = weighted


def ema(window: int, on: Input = "close") -> Feature:
    """Exponential moving average with alpha = 2 / (window + 1), begun with the SMA of the first `window` bars.

    As TA-Lib's EMA, in its order of operations; in the unit of its input. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("ema", "window", window, 1)
    return Feature("ema", 1, (on,), (("window", window),), window, window, ema_step, ema_state)


def ema_state(window: int) -> list[float]:
    """Bars taken, up to `window`; their sum until then, the average after; alpha."""
    return [0.0, 0.0, 2.0 / (window + 1)]


def ema_step(state: State, x: float, window: int) -> float:
    """The exponential average."""
    if not math.isfinite(x):
        return math.nan
    if state[0] < window:
        state[0] += 1.0
        state[1] += x
        if state[0] < window:
            return math.nan
        state[1] = state[1] / window if window > 0 else math.nan
    else:
        state[1] += (x - state[1]) * state[2]
    return state[1]


def wilder(window: int, on: Input = "close") -> Feature:
    """Wilder's smoothed average, an exponential one with alpha = 1 / window, begun with the SMA of the first `window` bars.

    Wilder, "New Concepts in Technical Trading Systems" (1978); also called SMMA or RMA. In the unit of its input. First value at
    bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("wilder", "window", window, 1)
    return Feature("wilder", 1, (on,), (("window", window),), window, window, _wilder, _wilder_state)


def _wilder_state(window: int) -> list[float]:
    """Bars taken, up to `window`; their sum until then, the average after; alpha."""
    return [0.0, 0.0, 1.0 / window]


def _wilder(state: State, x: float, window: int) -> float:
    if not math.isfinite(x):
        return math.nan
    if state[0] < window:
        state[0] += 1.0
        state[1] += x
        if state[0] < window:
            return math.nan
        state[1] = state[1] / window if window > 0 else math.nan
    else:
        state[1] += (x - state[1]) * state[2]
    return state[1]


def dema(window: int, on: Input = "close") -> Feature:
    """Double exponential moving average: 2 EMA - EMA(EMA), which lags less; in the unit of its input.

    Mulloy, Stocks & Commodities 12:1 (1994); as TA-Lib's DEMA. First value at bar 2 `window` - 1.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("dema", "window", window, 1)
    return Feature("dema", 1, (on,), (("window", window),), window, 2 * window - 1, _dema, _dema_state)


def _dema_state(window: int) -> list[float]:
    """Bars taken, up to twice the window; sum of the bars until warm, their average after; the same of that average; alpha."""
    return [0.0, 0.0, 0.0, 2.0 / (window + 1)]


def _dema(state: State, x: float, window: int) -> float:
    if not math.isfinite(x):
        return math.nan
    if state[0] >= 2 * window:
        state[1] += (x - state[1]) * state[3]
        state[2] += (state[1] - state[2]) * state[3]
        return 2.0 * state[1] - state[2]
    state[0] += 1.0
    state[1] += (x - state[1]) * state[3] if state[0] > window else x
    if state[0] < window:
        return math.nan
    if state[0] == window:
        state[1] = state[1] / window if window > 0 else math.nan
    state[2] += (state[1] - state[2]) * state[3] if state[0] > 2 * window - 1 else state[1]
    if state[0] < 2 * window - 1:
        return math.nan
    if state[0] == 2 * window - 1:
        state[2] = state[2] / window if window > 0 else math.nan
    return 2.0 * state[1] - state[2]


def tema(window: int, on: Input = "close") -> Feature:
    """Triple exponential moving average: 3 EMA - 3 EMA(EMA) + EMA(EMA(EMA)); in the unit of its input.

    Mulloy, Stocks & Commodities 12:1 (1994); as TA-Lib's TEMA. First value at bar 3 `window` - 2.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("tema", "window", window, 1)
    return Feature("tema", 1, (on,), (("window", window),), window, 3 * window - 2, _tema, _tema_state)


def _tema_state(window: int) -> list[float]:
    """As `_dema_state`, of three averages."""
    return [0.0, 0.0, 0.0, 0.0, 2.0 / (window + 1)]


def _tema(state: State, x: float, window: int) -> float:
    if not math.isfinite(x):
        return math.nan
    if state[0] >= 3 * window:
        state[1] += (x - state[1]) * state[4]
        state[2] += (state[1] - state[2]) * state[4]
        state[3] += (state[2] - state[3]) * state[4]
        return 3.0 * state[1] - 3.0 * state[2] + state[3]
    state[0] += 1.0
    state[1] += (x - state[1]) * state[4] if state[0] > window else x
    if state[0] < window:
        return math.nan
    if state[0] == window:
        state[1] = state[1] / window if window > 0 else math.nan
    state[2] += (state[1] - state[2]) * state[4] if state[0] > 2 * window - 1 else state[1]
    if state[0] < 2 * window - 1:
        return math.nan
    if state[0] == 2 * window - 1:
        state[2] = state[2] / window if window > 0 else math.nan
    state[3] += (state[2] - state[3]) * state[4] if state[0] > 3 * window - 2 else state[2]
    if state[0] < 3 * window - 2:
        return math.nan
    if state[0] == 3 * window - 2:
        state[3] = state[3] / window if window > 0 else math.nan
    return 3.0 * state[1] - 3.0 * state[2] + state[3]


def typical_price() -> Feature:
    """Typical price: (high + low + close) / 3, in the unit of the price. As TA-Lib's TYPPRICE. First value at the first bar."""
    return Feature("typical_price", 1, ("high", "low", "close"), (), 1, 1, _typical, no_state)


def _typical(state: State, high: float, low: float, close: float) -> float:
    return (high + low + close) / 3.0


def median_price() -> Feature:
    """Median price: (high + low) / 2, in the unit of the price. As TA-Lib's MEDPRICE. First value at the first bar."""
    return Feature("median_price", 1, ("high", "low"), (), 1, 1, _median, no_state)


def _median(state: State, high: float, low: float) -> float:
    return (high + low) / 2.0


def linear_regression(window: int, on: Input = "close") -> Feature:
    """Linear regression: where the least-squares line through the last `window` bars ends; in the unit of its input.

    Computed as 3 WMA - 2 SMA, which is the same. As TA-Lib's LINEARREG. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("linear_regression", "window", window, 2)
    return Feature("linear_regression", 1, (wma(window, on), sma(window, on)), (), window, 1, _line_end, no_state)


def _line_end(state: State, weighted: float, mean: float) -> float:
    return 3.0 * weighted - 2.0 * mean


def slope(window: int, on: Input = "close") -> Feature:
    """Slope of the least-squares line through the last `window` bars, in the unit of its input per bar.

    Computed as 6 (WMA - SMA) / (window - 1), which is the same. As TA-Lib's LINEARREG_SLOPE. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("slope", "window", window, 2)
    inputs = (wma(window, on), sma(window, on))
    return Feature("slope", 1, inputs, (("window", window),), window, 1, _slope, no_state)


def _slope(state: State, weighted: float, mean: float, window: int) -> float:
    return 6.0 * (weighted - mean) / (window - 1)
