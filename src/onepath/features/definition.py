"""What a feature is: a name, a version, inputs, parameters, and one scalar step function over explicit state.

Rules: a step is `step(state, *inputs, *parameters) -> float`. It gets one bar's inputs as floats, may read and write
`state` (float64 numbers, fixed length), and returns NaN until it is warm. Nothing else may decide its value: no globals
that change, no clock, no other bars. Written with plain arithmetic, `if`, `for`, `int()` and `math`, it also compiles;
over history and live it is the same function, so the numbers are the same to the last bit. Leave `**`, `sum` and
divisions that can meet zero out of it: these are where compiled and plain Python may part.
Limits: inputs are fields of a bar; a feature of features, of several symbols or of several time frames is to come.
Cost: importing this costs neither numpy nor numba.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, MutableSequence, Sequence
from typing import Any

import msgspec

from onepath.errors import StrategyError
from onepath.nearest import nearest

FIELDS = ("open", "high", "low", "close", "volume")
"""The fields of a bar a feature can be computed from."""

State = MutableSequence[float]
Step = Callable[..., float]
Value = int | float


class Feature(msgspec.Struct, frozen=True):
    """A number a bar, defined once. Make one with `sma(20)` and its like, or write your own with `feature`.

    Raises StrategyError where a part is not valid.
    """

    name: str
    version: int
    """raised whenever the numbers change, so that stored values of two versions never mix"""
    inputs: tuple[str, ...]
    """fields of the bar, in the order the step takes them"""
    params: tuple[tuple[str, Value], ...]
    """name and value, in the order the step takes them"""
    window: int
    """bars a value looks back on; of recursive features, the bars it is named after"""
    warm_up: int
    """bars until the first value, that bar included"""
    step: Step
    """`step(state, *inputs, *parameters)`: takes one bar in, returns its value"""
    initial: Callable[..., Sequence[float]]
    """`initial(*parameters)`: the state before the first bar"""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise StrategyError(f"feature name {self.name!r} is not an identifier; use letters, digits and underscores")
        if not self.inputs:
            raise StrategyError(f"feature {self.name} has no inputs; name fields of the bar, such as ('close',)")
        for field in self.inputs:
            if field not in FIELDS:
                raise StrategyError(
                    f"{self.name}: a bar has no field {field!r}{nearest(field, FIELDS)}; it has {', '.join(FIELDS)}"
                )
        for name, value in self.params:
            if type(value) not in (int, float, bool):  # what these are compiled for
                raise StrategyError(f"{self.name}: parameter {name} must be a number, not {value!r}")
        for what in ("version", "window", "warm_up"):
            whole(self.name, what, getattr(self, what), 1)

    @property
    def arguments(self) -> tuple[Value, ...]:
        """The parameters' values, as the step takes them."""
        return tuple(value for _, value in self.params)

    @property
    def key(self) -> str:
        """Name, version, parameters and inputs as one text, equal in every process: `sma@1(window=20)[close]`."""
        return f"{self.name}@{self.version}({self._params()})[{','.join(self.inputs)}]"

    def __repr__(self) -> str:
        return f"{self.name}({self._params()}) on {', '.join(self.inputs)}"

    def _params(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.params)


def feature(
    inputs: Sequence[str],
    *,
    initial: Callable[..., Sequence[float]] = lambda *_: (),
    warm_up: int | Callable[..., int] = 1,
    window: int | Callable[..., int] | None = None,
    version: int = 1,
) -> Callable[[Step], Callable[..., Feature]]:
    """Turn a step function into a constructor of features; what follows its inputs are its parameters.

    `initial`, `warm_up` and `window` take the parameters too; `window` is `warm_up` if left out. A range smoothed over
    some bars, ready after as many:

        @feature(inputs=("high", "low"), initial=lambda bars: [0.0, 0.0], warm_up=lambda bars: bars)
        def smooth_range(state, high, low, bars=10):
            state[0] += 1.0
            state[1] += (high - low - state[1]) / min(state[0], bars)
            return state[1] if state[0] >= bars else math.nan

        context.features.require(range=smooth_range(bars=5))

    Raises StrategyError where inputs or parameters do not fit the step.
    """
    if isinstance(inputs, str):
        raise StrategyError(f"inputs={inputs!r} is one text; give a tuple of fields, such as ({inputs!r},)")

    def decorate(step: Step) -> Callable[..., Feature]:
        name = step.__name__
        own = _parameters(step, inputs)

        def construct(*args: Any, **kwargs: Any) -> Feature:
            params = _bound(name, own, args, kwargs)
            values = tuple(value for _, value in params)
            ready = warm_up(*values) if callable(warm_up) else warm_up
            reach = ready if window is None else window(*values) if callable(window) else window
            return Feature(name, version, tuple(inputs), params, reach, ready, step, initial)

        construct.__name__, construct.__qualname__ = name, step.__qualname__
        construct.__module__, construct.__doc__ = step.__module__, step.__doc__
        construct.__signature__ = own  # type: ignore[attr-defined]
        return construct

    return decorate


def _parameters(step: Step, inputs: Sequence[str]) -> inspect.Signature:
    """What a step takes after its state and inputs."""
    given = list(inspect.signature(step).parameters.values())
    if len(given) < 1 + len(inputs):
        wanted = ", ".join(("state", *inputs))
        raise StrategyError(f"feature {step.__name__} takes too little: its step must begin ({wanted}, ...)")
    return inspect.Signature(given[1 + len(inputs) :])


def _bound(name: str, own: inspect.Signature, args: Any, kwargs: Any) -> tuple[tuple[str, Value], ...]:
    try:
        bound = own.bind(*args, **kwargs)
    except TypeError as error:
        raise StrategyError(f"{name}{own}: {error}") from None
    bound.apply_defaults()
    return tuple((key, _plain(value)) for key, value in bound.arguments.items())


def _plain(value: Any) -> Any:
    """A number of numpy's as one of Python's; anything else as it is."""
    return value.item() if hasattr(value, "item") else value


def whole(name: str, what: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`. Raises StrategyError; a whole float is refused too, and so is True."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise StrategyError(f"{name}: {what} must be a whole number of at least {least}, not {value!r}")
    return number


def positive(name: str, what: str, value: Any) -> float:
    """`value` as a float above zero. Raises StrategyError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise StrategyError(f"{name}: {what} must be a number above zero, not {value!r}")
    return float(value)
