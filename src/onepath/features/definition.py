"""What a feature is: a name, a version, inputs, parameters, and one scalar step function over explicit state.

Rules: a step is `step(state, *inputs, *parameters) -> float`. It gets one bar's inputs as floats, may read and write
`state` (float64 numbers, fixed length), and returns NaN until it is warm. Nothing else may decide its value: no globals
that change, no clock, no other bars. Written with plain arithmetic, `if`, `for`, `int()` and `math`, it also compiles;
over history and live it is the same function, so the numbers are the same to the last bit. Leave `**`, `sum` and
divisions that can meet zero out of it: these are where compiled and plain Python may part.
An input is a field of an event or another feature. A step with features among its inputs is first called when all of these
have been numbers, so it need not care for their warm-up; and what it returns is a number or none: an infinity is none.
Of one event a feature sees the fields of one kind alone: bars, quotes, trades or the book.
Cost: importing this costs neither numpy nor numba.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, MutableSequence, Sequence
from typing import Any

import msgspec
from msgspec.structs import force_setattr
from msgspec.structs import replace as replaced

from onepath.errors import StrategyError
from onepath.nearest import nearest
from onepath.timeframes import nanoseconds

FIELDS = ("open", "high", "low", "close", "volume")
"""The fields of a bar a feature can be computed from."""
FIELDS_OF = {
    "bars": FIELDS,
    "quotes": ("bid", "ask", "bid_size", "ask_size"),
    "trades": ("price", "size", "aggressor"),
    "book": ("bid_depth", "ask_depth", "best_bid", "best_ask"),
}
"""The fields of each kind of event. Of the book: what rests on the best five levels of either side, and the best prices; a side
without orders has depth 0 and no best price."""
KIND_OF = {field: kind for kind, fields in FIELDS_OF.items() for field in fields}

State = MutableSequence[float]
Step = Callable[..., float]
Value = int | float
CrossSection = Callable[[Sequence[float]], Sequence[float]]
"""The values of all symbols that have one, in the strategy's order, to as many values."""


class Feature(msgspec.Struct, frozen=True):
    """A number a bar, defined once. Make one with `sma(20)` and its like, or write your own with `feature`.

    Raises StrategyError where a part is not valid.
    """

    name: str
    version: int
    """raised whenever the numbers change, so that stored values of two versions never mix"""
    inputs: tuple[str | Feature, ...]
    """fields of an event, or features, in the order the step takes them"""
    params: tuple[tuple[str, Value], ...]
    """name and value, in the order the step takes them"""
    window: int
    """bars a value looks back on; of recursive features, the bars it is named after"""
    warm_up: int
    """values of its inputs until its first value, that one included; those that its inputs need come on top"""
    step: Step
    """`step(state, *inputs, *parameters)`: takes one bar in, returns its value"""
    initial: Callable[..., Sequence[float]]
    """`initial(*parameters)`: the state before the first bar"""
    interval: str = ""
    """bars of this length, built as the session goes; "": the data's own events"""
    low: float = -math.inf
    high: float = math.inf
    """every value lies between these; one outside ends the strategy, because the definition is wrong"""
    across: CrossSection | None = None
    """of a cross-section, how the values of all symbols become its own: the step is not called then"""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise StrategyError(f"feature name {self.name!r} is not an identifier; use letters, digits and underscores")
        if not self.inputs:
            raise StrategyError(f"feature {self.name} has no inputs; name fields of the bar, such as ('close',)")
        for field in self.inputs:
            if not isinstance(field, Feature) and field not in KIND_OF:
                raise StrategyError(_unknown(self.name, field))
        for name, value in self.params:
            if type(value) not in (int, float, bool):  # what these are compiled for
                raise StrategyError(f"{self.name}: parameter {name} must be a number, not {value!r}")
        for what in ("version", "window", "warm_up"):
            whole(self.name, what, getattr(self, what), 1)
        if not self.low <= self.high:
            raise StrategyError(f"{self.name}: low={self.low!r} must not be above high={self.high!r}")
        self._place()

    def _place(self) -> None:
        """Find the interval: the one that was given, else that of the inputs where all are features of one."""
        given = [f.interval if isinstance(f, Feature) else "" for f in self.inputs]
        interval = _shortest(given) if not self.interval and all(given) else self.interval
        force_setattr(self, "interval", interval and written(nanoseconds(interval)))
        if interval:
            moved = (f if isinstance(f, str) or f.interval else f.at(interval) for f in self.inputs)
            force_setattr(self, "inputs", tuple(moved))
        kinds = {KIND_OF[f] if isinstance(f, str) else f.kind for f in self.inputs if _is_of(f, interval)}
        if len(kinds) > 1:
            raise StrategyError(
                f"{self.name}: its inputs are of {' and '.join(sorted(kinds))}; a feature sees one kind of event, so make one "
                "of each and compare them in the strategy"
            )
        if interval and kinds - {"bars"}:
            raise StrategyError(
                f"{self.name}: an interval has bars, which are built of what there is; a feature of {kinds.pop()} cannot be "
                f"had at {interval}, take one of {', '.join(FIELDS)}"
            )

    @property
    def kind(self) -> str:
        """The kind of events it is computed from: bars, quotes, trades or book."""
        if self.interval:
            return "bars"
        own = next(f for f in self.inputs if _is_of(f, ""))
        return KIND_OF[own] if isinstance(own, str) else own.kind

    @property
    def arguments(self) -> tuple[Value, ...]:
        """The parameters' values, as the step takes them."""
        return tuple(value for _, value in self.params)

    @property
    def total_warm_up(self) -> int:
        """Bars of its own interval until the first value: its own warm-up on top of that of the inputs it waits for."""
        before = (f.total_warm_up for f in self.inputs if isinstance(f, Feature) and f.interval == self.interval)
        return self.warm_up + max(before, default=1) - 1

    @property
    def key(self) -> str:
        """Name, version, parameters and inputs as one text, equal in every process: `sma@1(window=20)[close]`; of an interval
        `sma@1(window=20)[close]@1h`, of another feature `ema@1(window=9)[sma@1(window=20)[close]]`."""
        inputs = ",".join(f if isinstance(f, str) else f.key for f in self.inputs)
        return f"{self.name}@{self.version}({self._params()})[{inputs}]{self.interval and '@' + self.interval}"

    def at(self, interval: str) -> Feature:
        """The same over bars of `interval` ("5m", "1h", "1d"), its inputs too: the value of the last bar that has closed.

        The bars are those of `context.timeframes`, by the same rules. Raises StrategyError for an interval that does not divide
        a day, or a feature of quotes, trades or the book.
        """
        mine, new = self.interval, written(nanoseconds(interval))
        moved = (f if isinstance(f, str) or f.interval != mine else f.at(new) for f in self.inputs)
        return replaced(self, interval=new, inputs=tuple(moved))

    def __eq__(self, other: object) -> bool:
        """Made alike: parameters that are equal but of two kinds (1, 1.0, True) make two features, as they do compiled."""
        return self is other or (isinstance(other, Feature) and self._identity() == other._identity())

    def __hash__(self) -> int:
        return (self.name, self.version, self.interval, self.params, self.step).__hash__()  # no order follows from it

    def _identity(self) -> tuple[Any, ...]:
        own = (self.name, self.version, self._params(), self.interval, self.window, self.warm_up, self.low, self.high)
        return (*own, self.step, self.initial, self.across, self.inputs)

    def __repr__(self) -> str:
        inputs = ", ".join(f if isinstance(f, str) else f"({f!r})" for f in self.inputs)
        return f"{self.name}({self._params()}) on {inputs}{self.interval and ' at ' + self.interval}"

    def _params(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.params)


def _unknown(name: str, field: Any) -> str:
    if callable(field):
        called = getattr(field, "__name__", "it")
        return f"{name}: input {called} is not a feature yet; call it with its parameters: {called}(...)"
    kinds = "; ".join(f"{kind} have {', '.join(fields)}" for kind, fields in FIELDS_OF.items())
    return f"{name}: a bar has no field {field!r}{nearest(str(field), KIND_OF)}; it has {', '.join(FIELDS)} ({kinds})"


def _is_of(found: str | Feature, interval: str) -> bool:
    """Whether an input comes with every event of this interval itself."""
    return isinstance(found, str) or found.interval == interval


def _shortest(intervals: Sequence[str]) -> str:
    return min(intervals, key=nanoseconds)


def written(length: int) -> str:
    """An interval as it is written shortest: `1h` for 60m."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if length % (size * 1_000_000_000) == 0:
            return f"{length // (size * 1_000_000_000)}{unit}"
    return f"{length // 1_000_000_000}s"


def feature(
    inputs: Sequence[str | Feature],
    *,
    initial: Callable[..., Sequence[float]] = lambda *_: (),
    warm_up: int | Callable[..., int] = 1,
    window: int | Callable[..., int] | None = None,
    version: int = 1,
    low: float = -math.inf,
    high: float = math.inf,
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

    The constructor takes `on=` in place of these inputs: a field, a feature, or a tuple of as many of them.
    Raises StrategyError where inputs or parameters do not fit the step.
    """
    if isinstance(inputs, str):
        raise StrategyError(f"inputs={inputs!r} is one text; give a tuple of fields, such as ({inputs!r},)")

    def decorate(step: Step) -> Callable[..., Feature]:
        name = step.__name__
        own = _parameters(step, inputs)

        def construct(*args: Any, **kwargs: Any) -> Feature:
            given = inputs if "on" in own.parameters else _given(name, inputs, kwargs.pop("on", inputs))
            params = _bound(name, own, args, kwargs)
            values = tuple(value for _, value in params)
            ready = warm_up(*values) if callable(warm_up) else warm_up
            reach = ready if window is None else window(*values) if callable(window) else window
            return Feature(
                *(name, version, tuple(given), params, reach, ready, step, initial), low=float(low), high=float(high)
            )

        construct.__name__, construct.__qualname__ = name, step.__qualname__
        construct.__module__, construct.__doc__ = step.__module__, step.__doc__
        construct.__signature__ = own  # type: ignore[attr-defined]
        return construct

    return decorate


def _given(name: str, inputs: Sequence[str | Feature], on: Any) -> Sequence[str | Feature]:
    """What a feature is computed on in place of its inputs."""
    found = tuple(on) if isinstance(on, tuple | list) else (on,)
    if len(found) != len(inputs):
        raise StrategyError(f"{name}: on={on!r} must be {len(inputs)} fields or features, as its step takes them")
    return found


def _parameters(step: Step, inputs: Sequence[str | Feature]) -> inspect.Signature:
    """What a step takes after its state and inputs."""
    given = list(inspect.signature(step).parameters.values())
    if len(given) < 1 + len(inputs):
        wanted = ", ".join(("state", *(f if isinstance(f, str) else f.name for f in inputs)))
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
