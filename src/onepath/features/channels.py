"""Highest and lowest of a window, and the channel between them.

Rules: built of laps, see `laps`: O(1) a bar, whatever the prices do. No number while a bar of the window is not one or infinite.
Cost: compiled 1.5 ns a value, the channel 3 ns; in Python 0.2 us.
"""

from __future__ import annotations

import math

from onepath.features.averages import Input
from onepath.features.definition import Feature, State, whole
from onepath.features.laps import rest_of_highest, rest_of_lowest
from onepath.features.registers import in_registers


def rolling_max(window: int, on: Input = "close") -> Feature:
    """The greatest of the last `window` bars, this one included; in the unit of its input.

    As TA-Lib's MAX. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("rolling_max", "window", window, 1)
    return Feature("rolling_max", 1, (on,), (("window", window),), window, window, _highest, _highest_state)


def _highest_state(window: int) -> list[float]:
    """Where in the state the next bar goes, the greatest of this lap, and the ring."""
    return [2.0, -math.inf, *[math.inf] * window]


@in_registers(2)
def _highest(state: State, x: float, window: int) -> float:
    place = int(state[0])
    if not math.isfinite(x):
        x = math.inf
    state[place] = x
    best = state[1] if state[1] > x else x
    if place <= window:
        state[0] += 1.0
        state[1] = best
        rest = state[place + 1]
        return rest if rest > best else best
    rest_of_highest(state, 2, window + 1)
    state[0] = 2.0
    state[1] = -math.inf
    return best


def rolling_min(window: int, on: Input = "close") -> Feature:
    """The least of the last `window` bars, this one included; in the unit of its input.

    As TA-Lib's MIN. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("rolling_min", "window", window, 1)
    return Feature("rolling_min", 1, (on,), (("window", window),), window, window, _lowest, _lowest_state)


def _lowest_state(window: int) -> list[float]:
    """Where in the state the next bar goes, the least of this lap, and the ring."""
    return [2.0, math.inf, *[-math.inf] * window]


@in_registers(2)
def _lowest(state: State, x: float, window: int) -> float:
    place = int(state[0])
    if not math.isfinite(x):
        x = -math.inf
    state[place] = x
    best = state[1] if state[1] < x else x
    if place <= window:
        state[0] += 1.0
        state[1] = best
        rest = state[place + 1]
        return rest if rest < best else best
    rest_of_lowest(state, 2, window + 1)
    state[0] = 2.0
    state[1] = math.inf
    return best


def donchian_upper(window: int = 20) -> Feature:
    """Donchian channel, upper band: the highest high of the last `window` bars, this one included; in the unit of the price.

    Donchian's four-week rule; TA-Lib's MAX of the highs. For a breakout compare with the bar before, since no close is above the
    present band. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("donchian_upper", "window", window, 1)
    return Feature("donchian_upper", 1, ("high",), (("window", window),), window, window, _highest, _highest_state)


def donchian_lower(window: int = 20) -> Feature:
    """Donchian channel, lower band: the lowest low of the last `window` bars, this one included; in the unit of the price.

    TA-Lib's MIN of the lows. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("donchian_lower", "window", window, 1)
    return Feature("donchian_lower", 1, ("low",), (("window", window),), window, window, _lowest, _lowest_state)


def donchian_middle(window: int = 20) -> Feature:
    """Donchian channel, middle: half way between the lowest low and the highest high of `window` bars; in the unit of the price.

    As TA-Lib's MIDPRICE. First value at bar `window`. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("donchian_middle", "window", window, 1)
    return Feature("donchian_middle", 1, ("high", "low"), (("window", window),), window, window, _middle, channel_state)


def channel_state(window: int) -> list[float]:
    """Where in the state the next bar goes; the greatest and the least of this lap; the ring of highs, that of lows."""
    return [3.0, -math.inf, math.inf, *[math.inf] * window, *[-math.inf] * window]


@in_registers(3)
def _middle(state: State, high: float, low: float, window: int) -> float:
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
        return ((high if high > upper else upper) + (low if low < lower else lower)) / 2.0
    rest_of_highest(state, 3, window + 2)
    rest_of_lowest(state, window + 3, 2 * window + 2)
    state[0] = 3.0
    state[1] = -math.inf
    state[2] = math.inf
    return (upper + lower) / 2.0
