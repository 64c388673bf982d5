"""Any function of TA-Lib as a feature: `talib("ADX", 14)`, or as a text `talib:ADX(14)`.

Rules: the value is TA-Lib's over a fixed window of the last bars, so it is the same number over history and live, wherever the
history began. Where TA-Lib itself looks at a window, that is all of it, its lookback + 1 bars, and
the value TA-Lib's to the rounding of its running sums. Where it goes on from its last value for ever (averages of EMA's and
Wilder's kind, Hilbert transforms, SAR), the window is its lookback + 1 and 15 times the longest period, 30 times where the
smoothing is Wilder's, and 300 at least; until so many bars have come it is all of them.
Limits: functions that add up from the first bar on (OBV, AD, NVI, PVI, PVT, CUMSUM, WAD, VWAP) or give a place in their input
are refused. After a bar that is not a number it begins anew, with the bars that follow. Steps hold their states' numbers as
arrays too, for speed alone.
Cost: TA-Lib's own over the window: 1 to 8 us a value, live and over history.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from onepath.errors import StrategyError
from onepath.features.averages import Input
from onepath.features.definition import Feature, State, Value
from onepath.nearest import nearest

_WINDOWED = frozenset(
    """
    ADD DIV MAX MIN MINMAX MULT SUB SUM ACOS ASIN ATAN CEIL COS COSH EXP FLOOR LN LOG10 SIN SINH SQRT TAN TANH AC AO AROON
    AROONOSC BOP CCI CMOU COPPOCK DPO ER FOSC FRACTAL IMI MACDEXT MFI MOM QSTICK ROC ROCP ROCR ROCR100 STOCH STOCHF ULTOSC
    VHF VORTEX WILLR ACCBANDS BBANDS DONCHIAN HMA MA MIDPOINT MIDPRICE SMA TRIMA VWMA WMA AVGDEV AVGPRICE MEDPRICE TYPPRICE
    WCLPRICE BETA CORREL LINEARREG LINEARREG_ANGLE LINEARREG_INTERCEPT LINEARREG_SLOPE PERCENTILE PERCENTRANK STDDEV TSF VAR
    ADR TRANGE CMF MARKETFI RVOL
    """.split()  # noqa: SIM905
)
"""Those whose value follows from lookback + 1 bars; measured, see the tests. So do the candle patterns, and no others."""
_WINDOWED_AVERAGES = frozenset((0, 2, 5))
"""TA-Lib's numbers of the averages that look at a window: simple, weighted, triangular."""
_WILDERS = frozenset(
    "ADX ADXR ATR CMO DX MINUS_DI MINUS_DM NATR PLUS_DI PLUS_DM RMA RSI STOCHRSI SUPERTREND".split()  # noqa: SIM905
)
_WITHIN = {"MACDFIX": 26}
"""periods that are no parameters"""
_INSTEAD = {
    "OBV": "obv()",
    "AD": "accumulation_distribution()",
    "VWAP": "vwap(window)",
    **dict.fromkeys(("NVI", "PVI", "PVT", "CUMSUM", "WAD"), ""),
}
"""Those that add up for ever, and what there is instead."""
_PLACES = frozenset(("MAXINDEX", "MININDEX", "MINMAXINDEX"))
_KEPT = 1024
"""states of which a copy as arrays is kept"""


def talib(name: str, *params: Value, on: Input | Sequence[Input] | None = None, output: str = "") -> Feature:
    """TA-Lib's function `name` with these parameters, in its order; of several outputs the one named `output`.

    `on` names its inputs where they are not those TA-Lib takes: a field or feature, or as many as it has.
    Raises StrategyError for a function, parameter or output TA-Lib does not have, or where TA-Lib is not installed.
    """
    about = _about(name)
    given = tuple(about["parameters"].values())
    if len(params) > len(given):
        takes = ", ".join(f"{key}={value!r}" for key, value in about["parameters"].items()) or "no parameters"
        raise StrategyError(f"talib:{name} takes {takes}, not {len(params)} numbers")
    for value in params:
        if type(value) not in (int, float):
            raise StrategyError(f"talib:{name}: parameters are numbers, not {value!r}")
    values = dict(zip(about["parameters"], (*params, *given[len(params) :]), strict=True))
    inputs = _inputs(name, about["input_names"], on)
    place = _place(name, about["output_names"], output)
    lookback = _lookback(name, len(inputs), tuple(values.items()))
    bars = _bars(name, lookback, values)
    label = f"talib_{name}_{output}" if output else f"talib_{name}"
    made = (("bars", bars), ("lookback", lookback), *values.items())
    return Feature(label, 1, inputs, made, bars, lookback + 1, _step(name, place, len(inputs)), _state(len(inputs)))


def functions() -> tuple[str, ...]:
    """The names of all TA-Lib functions that can be features. Raises StrategyError where TA-Lib is not installed."""
    refused = {*_INSTEAD, *_PLACES, "MAVP"}
    return tuple(name for name in _package().get_functions() if name not in refused)


@cache
def _package() -> Any:
    if find_spec("talib") is None:
        raise StrategyError("features by TA-Lib's names need TA-Lib: pip install 'onepath[talib]'")
    return import_module("talib")


@cache
def _about(name: str) -> dict[str, Any]:
    """What TA-Lib says of a function."""
    package = _package()
    if name in _INSTEAD:
        instead = f"; use {_INSTEAD[name]}" if _INSTEAD[name] else ""
        raise StrategyError(f"talib:{name} adds up from the first bar on, so it has no window{instead}")
    if name in _PLACES:
        raise StrategyError(f"talib:{name} gives a place in its input, which says nothing of a stream of bars")
    if name not in functions():
        raise StrategyError(f"TA-Lib has no function {name!r}{nearest(name, functions())}")
    return dict(import_module("talib.abstract").Function(name).info) if package else {}


def _inputs(name: str, asked: dict[str, Any], on: Input | Sequence[Input] | None) -> tuple[Input, ...]:
    """The inputs as TA-Lib orders them, or those given."""
    own: list[str] = []
    for value in asked.values():
        own += [value] if isinstance(value, str) else value
    if on is None:
        return tuple(own)
    given = (on,) if isinstance(on, str | Feature) else tuple(on)
    if len(given) != len(own):
        raise StrategyError(f"talib:{name} takes {len(own)} inputs ({', '.join(own)}), not {len(given)}")
    return given


def _place(name: str, outputs: Sequence[str], output: str) -> int:
    """Which of its outputs; -1 where it has one."""
    if len(outputs) == 1 and output in ("", outputs[0]):
        return -1
    if output not in outputs:
        said = f"no output {output!r}{nearest(output, outputs)}" if output else "several outputs"
        raise StrategyError(f"talib:{name} has {said}: name one of {', '.join(outputs)}")
    return list(outputs).index(output)


@cache
def _lookback(name: str, inputs: int, values: tuple[tuple[str, Value], ...]) -> int:
    """Bars before the first value. Raises StrategyError where TA-Lib refuses the parameters."""
    import numpy as np

    given = dict(values)
    try:
        getattr(_package()._ta_lib, name)(*[np.array([0.1, 0.2])] * inputs, *given.values())
        asked = import_module("talib.abstract").Function(name)
        asked.parameters = given
        return int(asked.lookback)
    except Exception as error:  # TA-Lib raises its own, as plain exceptions
        written = ", ".join(map(repr, given.values()))
        raise StrategyError(f"talib:{name}({written}): TA-Lib refuses these parameters: {error}") from None


def _bars(name: str, lookback: int, values: dict[str, Value]) -> int:
    """The length of the window."""
    averages = {int(value) for key, value in values.items() if key.endswith("matype")}
    if name.startswith("CDL") or (name in _WINDOWED and averages <= _WINDOWED_AVERAGES):
        return lookback + 1
    periods = [value for key, value in values.items() if isinstance(value, int) and not key.endswith("matype")]
    longest = max([*periods, _WITHIN.get(name, 1)] if periods else [lookback])
    return lookback + 1 + max(300, (30 if name in _WILDERS else 15) * int(longest))


@cache
def _state(inputs: int) -> Callable[..., list[float]]:
    def empty(bars: int, *_: Value) -> list[float]:
        """Bars taken; how many of the last were numbers, up to `bars`; a ring of each input."""
        return [0.0, 0.0] + [math.nan] * (inputs * bars)

    return empty


@cache
def _step(name: str, place: int, inputs: int) -> Step:
    return Step(name, place, inputs)


class Step:
    """TA-Lib over the rings of a state."""

    native = True
    """it is compiled code already"""

    def __init__(self, name: str, place: int, inputs: int) -> None:
        self.__name__ = f"talib_{name}"
        versions = (_package().__version__, _package().__ta_version__)
        self.identity = f"{versions} {name} {place} {inputs}"
        """what decides its values, for who keeps them"""
        self._function = getattr(_package()._ta_lib, name)
        self._place = place
        self._inputs = inputs
        self._copies: dict[tuple[float, float], _Copy] = {}
        """by the bars taken and the last of them, the latest used at the end"""

    def __call__(self, state: State, *values: Any) -> float:
        inputs = self._inputs
        bars, lookback = values[inputs : inputs + 2]
        taken = state[0]
        place = int(taken % bars)
        at = 2 + place
        copy = self._copies.pop((taken, state[at - 1 if place else 1 + bars]), None)
        if copy is None or copy.state is not state:
            copy = self._copied(state, bars)
        good = min(state[1] + 1.0, float(bars))  # a state holds floats alone
        for column, x in zip(copy.columns, values, strict=False):
            state[at] = x
            at += bars
            column[place] = column[place + bars] = x
            if x - x != 0.0:
                good = 0.0
        state[0], state[1] = taken + 1.0, good
        self._copies[taken + 1.0, values[0]] = copy
        if good <= lookback:
            return math.nan
        end = place + 1 + bars
        found = self._function(*[column[end - int(good) : end] for column in copy.columns], *values[inputs + 2 :])
        return float((found if self._place < 0 else found[self._place])[-1])

    def _copied(self, state: State, bars: int) -> _Copy:
        """The rings of a state as arrays, twice after each other, so that every window of them is in one piece."""
        import numpy as np

        rings = np.array(state[2:]).reshape(self._inputs, bars)
        if len(self._copies) >= _KEPT:
            del self._copies[next(iter(self._copies))]
        return _Copy(state, [np.concatenate((ring, ring)) for ring in rings])


class _Copy:
    """A state's rings as arrays, good as long as it is this state, and the bars it took are those the copy took."""

    __slots__ = ("columns", "state")

    def __init__(self, state: State, columns: list[Any]) -> None:
        self.state, self.columns = state, columns
