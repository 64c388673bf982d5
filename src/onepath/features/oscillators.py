"""Oscillators: RSI, MACD, stochastic, Williams' %R, commodity channel index.

Rules: RSI and MACD are recursive: a bar that is not a number gives NaN, and they go on as if it had not been. The others are
windowed: no number while a bar of the window is not one. Where a window does not move they stand half way, which is neither
strong nor weak; TA-Lib says 0 there, which reads as oversold (of %R: as overbought).
Cost: compiled 1 to 5 ns a value, the channel index 20 ns, for it looks at the whole window; in Python 0.2 to 0.6 us and 1.5 us.
"""

from __future__ import annotations

import math

from onepath.errors import StrategyError
from onepath.features.averages import Input, ema_state, ema_step, mean_state, mean_step, typical_price
from onepath.features.channels import channel_state, donchian_lower, donchian_upper
from onepath.features.definition import Feature, State, whole
from onepath.features.laps import no_state, rest_of_highest, rest_of_lowest, ring
from onepath.features.registers import in_registers


def rsi(window: int = 14, on: Input = "close") -> Feature:
    """Relative strength index, 0 to 100: 100 x gains / (gains + losses), each Wilder's average of the bars' changes.

    Wilder, "New Concepts in Technical Trading Systems" (1978), as TA-Lib's RSI: begun with the mean of the first
    `window` changes. First value at bar `window` + 1. A price that has never moved gives 50, neither strong nor weak
    (TA-Lib says 0, which reads as oversold). Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("rsi", "window", window, 2)
    params = (("window", window),)
    return Feature("rsi", 2, (on,), params, window + 1, window + 1, _rsi, _rsi_state, low=0.0, high=100.0)


def _rsi_state(window: int) -> list[float]:
    """Bars taken, up to `window` + 1; input before; gains and losses: sums until warm, averages after; what of
    these is kept, alpha."""
    return [0.0, 0.0, 0.0, 0.0, (window - 1) / window, 1.0 / window]


def _rsi(state: State, x: float, window: int) -> float:
    if not math.isfinite(x):
        return math.nan
    change = x - state[1]
    state[1] = x
    if state[0] == 0.0:
        state[0] = 1.0
        return math.nan
    gain = max(change, 0.0)
    loss = max(-change, 0.0)
    if state[0] > window:
        state[2] = state[2] * state[4] + gain * state[5]
        state[3] = state[3] * state[4] + loss * state[5]
    else:
        state[0] += 1.0
        state[2] += gain
        state[3] += loss
        if state[0] <= window:
            return math.nan
        state[2] = state[2] / window if window > 0 else math.nan
        state[3] = state[3] / window if window > 0 else math.nan
    moved = state[2] + state[3]
    return 100.0 * (state[2] / moved) if moved > 0.0 else 50.0


def macd(fast: int = 12, slow: int = 26, on: Input = "close") -> Feature:
    """MACD line: the EMA over `fast` bars less that over `slow`, in the unit of its input.

    Appel, "The Moving Average Convergence-Divergence Trading Method" (1979). As TA-Lib's MACD: both averages are begun at bar
    `slow`, with the means of the last `fast` and `slow` bars then; ema(12) - ema(26) differs at first and no more after some
    hundred bars. First value at bar `slow`. Raises StrategyError for windows that are not whole numbers >= 1, fast below slow.
    """
    fast, slow = _two("macd", fast, slow)
    return Feature("macd", 1, (on,), (("fast", fast), ("slow", slow)), slow, slow, _macd, _macd_state)


def _two(name: str, fast: int, slow: int) -> tuple[int, int]:
    fast, slow = whole(name, "fast", fast, 1), whole(name, "slow", slow, 1)
    if fast >= slow:
        raise StrategyError(f"{name}: fast={fast} must be below slow={slow}")
    return fast, slow


def _macd_state(fast: int, slow: int) -> list[float]:
    """Bars taken, up to `slow`; of either: sum until then, average after; alpha of either."""
    return [0.0, 0.0, 0.0, 2.0 / (fast + 1), 2.0 / (slow + 1)]


def _macd(state: State, x: float, fast: int, slow: int) -> float:
    if not math.isfinite(x):
        return math.nan
    if state[0] < slow:
        state[0] += 1.0
        state[2] += x
        if state[0] > slow - fast:
            state[1] += x
        if state[0] < slow:
            return math.nan
        state[1] = state[1] / fast if fast > 0 else math.nan
        state[2] = state[2] / slow if slow > 0 else math.nan
    else:
        state[1] += (x - state[1]) * state[3]
        state[2] += (x - state[2]) * state[4]
    return state[1] - state[2]


def macd_signal(fast: int = 12, slow: int = 26, signal: int = 9, on: Input = "close") -> Feature:
    """MACD signal line: the EMA over `signal` bars of the MACD line, in the unit of its input.

    As TA-Lib's MACD. First value at bar `slow` + `signal` - 1.
    Raises StrategyError for windows that are not whole numbers >= 1, fast below slow.
    """
    fast, slow = _two("macd_signal", fast, slow)
    signal = whole("macd_signal", "signal", signal, 1)
    params, reach = (("signal", signal),), slow + signal - 1
    return Feature("macd_signal", 1, (macd(fast, slow, on),), params, reach, signal, ema_step, ema_state)


def macd_histogram(fast: int = 12, slow: int = 26, signal: int = 9, on: Input = "close") -> Feature:
    """MACD histogram: the MACD line less its signal line, in the unit of its input.

    As TA-Lib's MACD. First value at bar `slow` + `signal` - 1.
    Raises StrategyError for windows that are not whole numbers >= 1, fast below slow.
    """
    fast, slow = _two("macd_histogram", fast, slow)
    signal = whole("macd_histogram", "signal", signal, 1)
    inputs = (macd(fast, slow, on), macd_signal(fast, slow, signal, on))
    return Feature("macd_histogram", 1, inputs, (), slow + signal - 1, 1, _less, no_state)


def _less(state: State, one: float, other: float) -> float:
    return one - other


def stochastic_k(window: int = 14, smooth: int = 3) -> Feature:
    """Stochastic %K, 0 to 100: where the close is between the lowest low and the highest high of `window` bars, averaged over
    `smooth` bars; `smooth=1` is the fast one.

    Lane; as TA-Lib's STOCH with simple averages, and STOCHF. 50 in a window that does not move (TA-Lib: 0). First value at bar
    `window` + `smooth` - 1. Raises StrategyError for windows that are not whole numbers >= 1.
    """
    window, smooth = whole("stochastic_k", "window", window, 1), whole("stochastic_k", "smooth", smooth, 1)
    inputs = (donchian_upper(window), donchian_lower(window), "close")
    fast = Feature("stochastic_fast_k", 1, inputs, (), window, 1, _stochastic, no_state)
    params = (("smooth", smooth),)
    return Feature("stochastic_k", 1, (fast,), params, window + smooth - 1, smooth, mean_step, mean_state)


def _stochastic(state: State, upper: float, lower: float, close: float) -> float:
    span = upper - lower
    if span > 0.0:
        return 100.0 * ((close - lower) / span)
    return 50.0 if span <= 0.0 else math.nan


def stochastic_d(window: int = 14, smooth: int = 3, signal: int = 3) -> Feature:
    """Stochastic %D, 0 to 100: the mean of the last `signal` values of %K; `smooth=1` is the fast one.

    Lane; as TA-Lib's STOCH with simple averages, and STOCHF. First value at bar `window` + `smooth` + `signal` - 2.
    Raises StrategyError for windows that are not whole numbers >= 1.
    """
    signal = whole("stochastic_d", "signal", signal, 1)
    inputs = (stochastic_k(window, smooth),)
    reach = window + smooth + signal - 2
    return Feature("stochastic_d", 1, inputs, (("signal", signal),), reach, signal, mean_step, mean_state)


def williams_r(window: int = 14) -> Feature:
    """Williams' %R, -100 to 0: how far the close is below the highest high of `window` bars, in percent of their range.

    Williams (1973); as TA-Lib's WILLR. -50 in a window that does not move (TA-Lib: 0). First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("williams_r", "window", window, 1)
    inputs, params = ("high", "low", "close"), (("window", window),)
    return Feature("williams_r", 1, inputs, params, window, window, _williams, channel_state)


@in_registers(3)
def _williams(state: State, high: float, low: float, close: float, window: int) -> float:
    place = int(state[0])
    if not math.isfinite(high):
        high = math.inf
    if not math.isfinite(low):
        low = -math.inf
    state[place] = high
    state[place + window] = low
    upper = state[1] if state[1] > high else high
    lower = state[2] if state[2] < low else low
    if place <= window + 1:
        state[0] += 1.0
        state[1] = upper
        state[2] = lower
        high = state[place + 1]
        low = state[place + window + 1]
        upper = high if high > upper else upper
        lower = low if low < lower else lower
    else:
        rest_of_highest(state, 3, window + 2)
        rest_of_lowest(state, window + 3, 2 * window + 2)
        state[0] = 3.0
        state[1] = -math.inf
        state[2] = math.inf
    span = upper - lower
    if span > 0.0:
        return -100.0 * ((upper - close) / span)
    return -50.0 if span <= 0.0 else math.nan


def cci(window: int = 20) -> Feature:
    """Commodity channel index: the typical price less its mean over `window` bars, in units of 0.015 mean absolute deviations.

    Lambert, Commodities (1980); as TA-Lib's CCI. 0 where the window does not move. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 2.
    """
    window = whole("cci", "window", window, 2)
    return Feature("cci", 1, (typical_price(),), (("window", window),), window, window, _cci, _cci_state)


def _cci_state(window: int) -> list[float]:
    """Place in the lap, value that the sum is about, that sum; 1 / window, 0.015 / window; the ring of typical prices; that of
    sums."""
    return [*ring(3, 0), 1.0 / window, 0.015 / window, *ring(0, 2 * window)]


@in_registers(5)
def _cci(state: State, price: float, window: int) -> float:
    place = int(state[0]) + 5
    state[place] = price
    state[2] += price - state[1]
    if place < window + 4:
        state[0] += 1.0
        centre = state[1]
        total = state[2] + state[place + window + 1]
    else:
        centre = price
        total = _rest_about(state, price, 5, window)
        state[0] = 0.0
        state[1] = price
        state[2] = 0.0
    mean = centre + total * state[3]
    deviation = 0.0
    for i in range(5, window + 5):
        deviation += abs(state[i] - mean)
    deviation *= state[4]
    if deviation > 0.0:
        return (price - mean) / deviation
    return deviation


def _rest_about(state: State, centre: float, first: int, window: int) -> float:
    """Fill the second ring with the sums about `centre` of the first from each place on; the sum of all."""
    total = 0.0
    for i in range(first + window - 1, first - 1, -1):
        total += state[i] - centre
        state[i + window] = total
    return total
