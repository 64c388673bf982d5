"""Volume: OBV, accumulation/distribution, money flow index, VWAP, volume-weighted average.

Rules: OBV and accumulation/distribution add up from the first bar on; a bar that is not a number gives NaN and they go on as
if it had not been. The others are windowed and built of laps, see `laps`. Volume is in units, a price in money.
Cost: compiled 1.5 to 6 ns a value, in Python 0.2 to 0.6 us.
"""

from __future__ import annotations

import math

from onepath.features.averages import Input, typical_price
from onepath.features.definition import Feature, State, whole
from onepath.features.laps import rest_of_sums, ring
from onepath.features.registers import in_registers


def obv() -> Feature:
    """On-balance volume: volume added where the close rises, taken off where it falls; in units.

    Granville, "New Key to Stock Market Profits" (1963); as TA-Lib's OBV, which begins with the first bar's volume (others with
    0). First value at the first bar. What counts is how it changes, for it depends on where the data begins.
    """
    return Feature("obv", 1, ("close", "volume"), (), 1, 1, _obv, _obv_state)


def _obv_state() -> list[float]:
    """Close before, and the balance."""
    return [-math.inf, 0.0]


def _obv(state: State, close: float, volume: float) -> float:
    if not math.isfinite(close + volume):
        return math.nan
    if close > state[0]:
        state[1] += volume
    elif close < state[0]:
        state[1] -= volume
    state[0] = close
    return state[1]


def accumulation_distribution() -> Feature:
    """Accumulation/distribution line: volume times where the close is in the bar's range (-1 at the low, 1 at the high), added
    up; in units.

    Chaikin; as TA-Lib's AD. A bar without range adds nothing. First value at the first bar; it depends on where the data begins.
    """
    inputs = ("high", "low", "close", "volume")
    return Feature("accumulation_distribution", 1, inputs, (), 1, 1, _accumulated, _balance)


def _balance() -> list[float]:
    """The balance."""
    return [0.0]


def _accumulated(state: State, high: float, low: float, close: float, volume: float) -> float:
    span = high - low
    moved = ((close - low) - (high - close)) / span * volume if span > 0.0 else 0.0
    if not math.isfinite(moved + span + close + volume):
        return math.nan
    state[0] += moved
    return state[0]


def mfi(window: int = 14) -> Feature:
    """Money flow index, 0 to 100: the share of typical price x volume that flowed in rising bars among those that moved.

    Quong and Soudack, Stocks & Commodities 7:3 (1989); as TA-Lib's MFI. 50 where nothing flowed (TA-Lib: 0). A typical price that
    moved by less than 1e-12 of itself, the rounding of a mean of three, has not moved. First value at bar `window` + 1.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("mfi", "window", window, 1)
    inputs = (typical_price(), "volume")
    return Feature("mfi", 1, inputs, (("window", window),), window + 1, window + 1, _mfi, _mfi_state)


def _mfi_state(window: int) -> list[float]:
    """Place in the lap, price before, inflow and outflow of this lap; the ring of inflow, that of outflow."""
    return [-1.0, *ring(3, 2 * window)]


@in_registers(4)
def _mfi(state: State, price: float, volume: float, window: int) -> float:
    moved = price - state[1]
    state[1] = price
    if state[0] < 0.0:
        state[0] = 0.0
        return math.nan
    flow = price * volume + (moved - moved)  # NaN where one of them is not finite
    least = 1e-12 * abs(price)  # below it is the rounding of a mean of three
    gain = flow if moved > least or flow != flow else 0.0  # noqa: PLR0124
    loss = flow if moved < -least or flow != flow else 0.0  # noqa: PLR0124
    place = int(state[0]) + 4
    state[place] = gain
    state[place + window] = loss
    state[2] += gain
    state[3] += loss
    gain = state[2]
    loss = state[3]
    if place < window + 3:
        state[0] += 1.0
        gain += state[place + 1]
        loss += state[place + window + 1]
    else:
        rest_of_sums(state, 4, window + 3)
        rest_of_sums(state, window + 4, 2 * window + 3)
        state[0] = 0.0
        state[2] = 0.0
        state[3] = 0.0
    both = gain + loss
    if both > 0.0:
        return 100.0 * (gain / both)
    return 50.0 if both <= 0.0 else math.nan


def vwap(window: int) -> Feature:
    """Volume-weighted average price of the last `window` bars: typical price x volume over volume, in the unit of the price.

    NaN where nothing was traded in the window. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("vwap", "window", window, 1)
    inputs = (typical_price(), "volume")
    return Feature("vwap", 1, inputs, (("window", window),), window, window, _weighted, _weighted_state)


def vwma(window: int, on: Input = "close") -> Feature:
    """Volume-weighted moving average: the mean of the last `window` bars, each as much as its volume; in the unit of its input.

    NaN where nothing was traded in the window. First value at bar `window`.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("vwma", "window", window, 1)
    return Feature("vwma", 1, (on, "volume"), (("window", window),), window, window, _weighted, _weighted_state)


def _weighted_state(window: int) -> list[float]:
    """Place in the lap, price x volume and volume of this lap; the ring of either."""
    return ring(3, 2 * window)


@in_registers(3)
def _weighted(state: State, price: float, volume: float, window: int) -> float:
    place = int(state[0]) + 3
    flow = price * volume
    weight = volume + (flow - flow)
    state[place] = flow
    state[place + window] = weight
    state[1] += flow
    state[2] += weight
    flow = state[1]
    weight = state[2]
    if place < window + 2:
        state[0] += 1.0
        flow += state[place + 1]
        weight += state[place + window + 1]
    else:
        rest_of_sums(state, 3, window + 2)
        rest_of_sums(state, window + 3, 2 * window + 2)
        state[0] = 0.0
        state[1] = 0.0
        state[2] = 0.0
    return flow / weight if weight != 0.0 else math.nan
