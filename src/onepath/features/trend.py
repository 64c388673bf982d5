"""Ranges and direction: true range, ATR, NATR, Wilder's directional movement.

Rules: recursive: a bar that is not a number gives NaN and the next is taken as if it had not been.
Cost: compiled 1 to 5 ns a value, in Python 0.3 to 0.8 us.
"""

from __future__ import annotations

import math

from onepath.features.definition import Feature, State, whole

_RANGE = ("high", "low", "close")


def true_range() -> Feature:
    """True range: max(high - low, |high - close before|, |low - close before|), in the unit of the price.

    Wilder, "New Concepts in Technical Trading Systems" (1978); as TA-Lib's TRANGE. First value at the second bar.
    """
    return Feature("true_range", 1, _RANGE, (), 2, 2, _true_range, _close_before)


def _close_before() -> list[float]:
    """The close before; of the first bar an infinity, and so is its range."""
    return [math.inf]


def _true_range(state: State, high: float, low: float, close: float) -> float:
    if not math.isfinite(high + low + close):
        return math.nan
    before = state[0]
    state[0] = close
    return _range(high, low, before)


def _range(high: float, low: float, before: float) -> float:
    """The true range, from the higher of high and close before to the lower of low and close before."""
    top = high if high > before else before
    bottom = low if low < before else before
    return top - bottom


def atr(window: int = 14) -> Feature:
    """Average true range: Wilder's average of max(high - low, |high - close before|, |low - close before|).

    Wilder, "New Concepts in Technical Trading Systems" (1978), as TA-Lib's ATR: begun with the mean of the first
    `window` ranges. In the unit of the price. First value at bar `window` + 1.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("atr", "window", window, 1)
    return Feature("atr", 2, _RANGE, (("window", window),), window + 1, window + 1, _atr, _atr_state)


def _atr_state(window: int) -> list[float]:
    """Bars taken, up to `window` + 1; close before; sum of ranges until warm, the average after; what of it is kept, alpha."""
    return [0.0, 0.0, 0.0, (window - 1) / window, 1.0 / window]


def _atr(state: State, high: float, low: float, close: float, window: int) -> float:
    if not math.isfinite(high + low + close):
        return math.nan
    spanned = _range(high, low, state[1])
    state[1] = close
    if state[0] > window:
        state[2] = state[2] * state[3] + spanned * state[4]
        return state[2]
    state[0] += 1.0
    if state[0] == 1.0:
        return math.nan
    state[2] += spanned
    if state[0] <= window:
        return math.nan
    state[2] = state[2] / window if window > 0 else math.nan
    return state[2]


def natr(window: int = 14) -> Feature:
    """Normalised average true range: the ATR in percent of the close. NaN where the close is zero.

    As TA-Lib's NATR. First value at bar `window` + 1. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("natr", "window", window, 1)
    return Feature("natr", 1, _RANGE, (("window", window),), window + 1, window + 1, _natr, _atr_state)


def _natr(state: State, high: float, low: float, close: float, window: int) -> float:
    if not math.isfinite(high + low + close):
        return math.nan
    spanned = _range(high, low, state[1])
    state[1] = close
    if state[0] > window:
        state[2] = state[2] * state[3] + spanned * state[4]
        return 100.0 * (state[2] / close) if close != 0.0 else math.nan
    state[0] += 1.0
    if state[0] == 1.0:
        return math.nan
    state[2] += spanned
    if state[0] <= window:
        return math.nan
    state[2] = state[2] / window if window > 0 else math.nan
    return 100.0 * (state[2] / close) if close != 0.0 else math.nan


def plus_di(window: int = 14) -> Feature:
    """Plus directional indicator, +DI: Wilder's sum of the highs' rises in percent of that of the true ranges.

    Wilder, "New Concepts in Technical Trading Systems" (1978), as TA-Lib's PLUS_DI: begun with the sums of `window` - 1 bars and
    one step of smoothing, where others sum up `window`; the difference fades. 0 where there is no range. First value at bar
    `window` + 1. Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("plus_di", "window", window, 1)
    return Feature("plus_di", 1, _RANGE, (("window", window),), window + 1, window + 1, _plus, _direction, low=0.0)


def minus_di(window: int = 14) -> Feature:
    """Minus directional indicator, -DI: Wilder's sum of the lows' falls in percent of that of the true ranges.

    Begun as `plus_di`; as TA-Lib's MINUS_DI. 0 where there is no range. First value at bar `window` + 1.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("minus_di", "window", window, 1)
    return Feature("minus_di", 1, _RANGE, (("window", window),), window + 1, window + 1, _minus, _direction, low=0.0)


def _direction(window: int) -> list[float]:
    """Bars taken, up to `window`; high, low and close before; sums of movement and of ranges; what of these is kept."""
    return [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, (window - 1) / window]


def _plus(state: State, high: float, low: float, close: float, window: int) -> float:
    if not math.isfinite(high + low + close):
        return math.nan
    rise = high - state[1]
    fall = state[2] - low
    spanned = _range(high, low, state[3])
    state[1] = high
    state[2] = low
    state[3] = close
    moved = rise if rise > fall and rise > 0.0 else 0.0
    if state[0] < window:
        if state[0] > 0.0:
            state[4] += moved
            state[5] += spanned
        state[0] += 1.0
        return math.nan
    state[4] = state[4] * state[6] + moved
    state[5] = state[5] * state[6] + spanned
    return 100.0 * (state[4] / state[5]) if state[5] > 0.0 else 0.0


def _minus(state: State, high: float, low: float, close: float, window: int) -> float:
    if not math.isfinite(high + low + close):
        return math.nan
    rise = high - state[1]
    fall = state[2] - low
    spanned = _range(high, low, state[3])
    state[1] = high
    state[2] = low
    state[3] = close
    moved = fall if fall > rise and fall > 0.0 else 0.0
    if state[0] < window:
        if state[0] > 0.0:
            state[4] += moved
            state[5] += spanned
        state[0] += 1.0
        return math.nan
    state[4] = state[4] * state[6] + moved
    state[5] = state[5] * state[6] + spanned
    return 100.0 * (state[4] / state[5]) if state[5] > 0.0 else 0.0


def dx(window: int = 14) -> Feature:
    """Directional movement index, 0 to 100: |+DI - -DI| in percent of their sum; 0 where neither moves.

    Wilder (1978); as TA-Lib's DX, which repeats its last value where neither moves. First value at bar `window` + 1.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("dx", "window", window, 1)
    params = (("window", window),)
    return Feature("dx", 1, _RANGE, params, window + 1, window + 1, _dx, _dx_state, low=0.0, high=100.0)


def _dx_state(window: int) -> list[float]:
    """Bars taken, up to `window`; high and low before; sums of rises and falls; what of these is kept."""
    return [0.0, 0.0, 0.0, 0.0, 0.0, (window - 1) / window]


def _dx(state: State, high: float, low: float, close: float, window: int) -> float:
    if not math.isfinite(high + low + close):
        return math.nan
    rise = high - state[1]
    fall = state[2] - low
    state[1] = high
    state[2] = low
    if state[0] == 0.0:
        state[0] = 1.0
        return math.nan
    state[3] = state[3] * (state[5] if state[0] >= window else 1.0) + (rise if rise > fall and rise > 0.0 else 0.0)
    state[4] = state[4] * (state[5] if state[0] >= window else 1.0) + (fall if fall > rise and fall > 0.0 else 0.0)
    if state[0] < window:
        state[0] += 1.0
        return math.nan
    total = state[3] + state[4]
    return 100.0 * (abs(state[3] - state[4]) / total) if total > 0.0 else 0.0


def adx(window: int = 14) -> Feature:
    """Average directional index, 0 to 100: how strong a trend is, up or down: Wilder's average of the directional movement index.

    Wilder, "New Concepts in Technical Trading Systems" (1978); as TA-Lib's ADX: begun with the mean of the first `window`
    indices; a bar at which neither direction moves leaves it as it is. First value at bar 2 `window`.
    Raises StrategyError for a window that is not a whole number >= 1.
    """
    window = whole("adx", "window", window, 1)
    params = (("window", window),)
    return Feature("adx", 1, _RANGE, params, 2 * window, 2 * window, _adx, _adx_state, low=0.0, high=100.0)


def _adx_state(window: int) -> list[float]:
    """As `_dx_state`; then the values taken, up to `window`, their sum until then, the average after, and alpha."""
    return [*_dx_state(window), 0.0, 0.0, 1.0 / window]


def _adx(state: State, high: float, low: float, close: float, window: int) -> float:
    if not math.isfinite(high + low + close):
        return math.nan
    rise = high - state[1]
    fall = state[2] - low
    state[1] = high
    state[2] = low
    if state[0] == 0.0:
        state[0] = 1.0
        return math.nan
    state[3] = state[3] * (state[5] if state[0] >= window else 1.0) + (rise if rise > fall and rise > 0.0 else 0.0)
    state[4] = state[4] * (state[5] if state[0] >= window else 1.0) + (fall if fall > rise and fall > 0.0 else 0.0)
    if state[0] < window:
        state[0] += 1.0
        return math.nan
    total = state[3] + state[4]
    index = 100.0 * (abs(state[3] - state[4]) / total) if total > 0.0 else 0.0
    if state[6] < window:
        state[6] += 1.0
        state[7] += index
        if state[6] < window:
            return math.nan
        state[7] = state[7] / window if window > 0 else math.nan
    elif total > 0.0:
        state[7] += (index - state[7]) * state[8]
    return state[7]
