"""What is searched: parameters with the values they may take, from the command line or from Python.

Rules: `start:stop:step` includes its stop and is counted in decimals, so that 0.1:0.3:0.1 is 0.1, 0.2, 0.3 and no rounding
residue. `a,b` is a list; a value is read as YAML reads it. `low:high` and `low:high:log` are ranges without steps, for random
search and Optuna. A name may begin with that of its strategy: `trend.fast`.
Limits: a grid of more than 100,000 combinations is refused, because nobody meant it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from onepath.errors import ConfigError
from onepath.nearest import nearest

MOST = 100_000
"""combinations of a grid"""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER})(?::(.+))?")
_FORMS = "start:stop:step, a list a,b,c, or (random, optuna) low:high or low:high:log"
Point = dict[str, Any]
"""values by the name of their parameter, in the order of the space"""


class Axis(msgspec.Struct, frozen=True):
    """One parameter. Either `values` (a list, or a range in steps), or a range without steps from `low` to `high`."""

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def draw(self, share: float) -> Any:
        """The value at `share` of the way, in [0, 1)."""
        if self.values:
            return self.values[int(share * len(self.values))]
        if self.whole and not self.log:
            return int(self.low) + int(share * (int(self.high) - int(self.low) + 1))
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            found = min(max(math.exp(low + share * (high - low)), self.low), self.high)
            return round(found) if self.whole else found
        return self.low + share * (self.high - self.low)


class Place(NamedTuple):
    """Where a parameter is put: the number of the strategy in the session, and the field of its Params."""

    seat: int
    field: str


class Space:
    """The axes of a search, and where each of their values goes."""

    def __init__(self, axes: Sequence[Axis], places: Mapping[str, Place]) -> None:
        self.axes = tuple(axes)
        self.names = tuple(axis.name for axis in axes)
        self._places = places

    @property
    def size(self) -> int | None:
        """Combinations; None where a range has no steps."""
        return math.prod(len(axis.values) for axis in self.axes) if all(axis.values for axis in self.axes) else None

    def grid(self) -> Iterator[Point]:
        """Every combination, the last parameter running fastest. Raises ConfigError where there is no end of them."""
        size = self.size
        if size is None:
            open_axis = next(axis for axis in self.axes if not axis.values)
            raise ConfigError(
                f"--param {open_axis.name} is a range without a step, which a grid cannot count: write start:stop:step, "
                "or use --search random or --search optuna"
            )
        if size > MOST:
            raise ConfigError(
                f"the grid has {size:,} combinations, more than the {MOST:,} that are tried: take larger steps, or "
                "--search random --trials N"
            )
        for values in itertools.product(*(axis.values for axis in self.axes)):
            yield dict(zip(self.names, values, strict=True))

    def changes(self, point: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
        """The values of a point by strategy and field."""
        found: dict[int, dict[str, Any]] = {}
        for name, value in point.items():
            place = self._places[name]
            found.setdefault(place.seat, {})[place.field] = value
        return found


def of(wanted: Mapping[str, Any], strategies: Mapping[str, Sequence[str]]) -> Space:
    """The space of `wanted` (values, a range or text, by name) over strategies, each with the fields of its Params."""
    if not wanted:
        raise ConfigError("there is nothing to search: give --param NAME=START:STOP:STEP or NAME=A,B,C")
    places: dict[str, Place] = {}
    for name in wanted:
        place = _place(name, strategies)
        if place in places.values():
            raise ConfigError(f"--param {name} names a parameter that another --param names already; keep one of them")
        places[name] = place
    return Space([axis(name, values) for name, values in wanted.items()], places)


def assignments(given: Sequence[str]) -> dict[str, str]:
    """`fast=5:50:5` of the command line, by name. Raises ConfigError."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, values = text.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise ConfigError(f"--param {text}: expected NAME=VALUES, such as fast=5:50:5 or kind=a,b")
        if name.strip() in found:
            raise ConfigError(f"--param {name.strip()} stands twice; keep one of them")
        found[name.strip()] = values.strip()
    return found


def axis(name: str, given: Any) -> Axis:
    """One axis from text, a range or a sequence of values."""
    if isinstance(given, Axis):
        return msgspec.structs.replace(given, name=name)
    if isinstance(given, str):
        return _written(name, given)
    try:
        values = tuple(given)
    except TypeError:
        values = (given,)
    return _listed(name, [value.item() if hasattr(value, "item") else value for value in values])


def _written(name: str, text: str) -> Axis:
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        if ":" in text:
            raise ConfigError(f"--param {name}={text} is not understood; expected {_FORMS}")
        values = [_value(part) for part in text.split(",")]
        return _listed(name, [] if None in values or "" in values else values)
    start, stop, step = found[1], found[2], found[3]
    if step is None or step == "log":
        return _open(name, text, start, stop, log=step == "log")
    if not re.fullmatch(_NUMBER, step):
        raise ConfigError(f"--param {name}={text}: the step {step!r} is no number; expected {_FORMS}")
    return Axis(name, tuple(_steps(name, text, *map(Decimal, (start, stop, step)))))


def _steps(name: str, text: str, start: Decimal, stop: Decimal, step: Decimal) -> Iterator[int | float]:
    whole = all(value == value.to_integral_value() and "." not in str(value) for value in (start, stop, step))
    count = 0 if not step else int((stop - start) / step) + 1 if (stop - start) * step >= 0 else 0
    if count < 1:
        raise ConfigError(
            f"--param {name}={text} has no values: the step must lead from start to stop, as in {name}=5:50:5"
        )
    if count > MOST:
        raise ConfigError(
            f"--param {name}={text} has {count:,} values, more than the {MOST:,} that are tried: take a larger step"
        )
    for number in range(count):
        value = start + number * step
        yield int(value) if whole else float(value)


def _open(name: str, text: str, start: str, stop: str, *, log: bool) -> Axis:
    low, high = float(start), float(stop)
    if not low < high or (log and low <= 0):
        above = " above zero" if log else ""
        raise ConfigError(f"--param {name}={text} is an empty range; expected low:high{above}, low before high")
    whole = all(re.fullmatch(r"[-+]?\d+", part) is not None for part in (start, stop))
    return Axis(name, low=low, high=high, log=log, whole=whole)


def _listed(name: str, values: Sequence[Any]) -> Axis:
    kept = [value for number, value in enumerate(values) if not any(_same(value, v) for v in values[:number])]
    if not kept:
        raise ConfigError(f"--param {name} has an empty value or none; expected {_FORMS}")
    return Axis(name, tuple(kept))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _value(text: str) -> Any:
    from onepath.config.document import Plain, resolve

    return resolve(Plain(text.strip()))


def _place(name: str, strategies: Mapping[str, Sequence[str]]) -> Place:
    """Where a parameter belongs. Raises ConfigError for one that no strategy has, or that several have."""
    seats = list(strategies)
    owner, dot, field = name.rpartition(".")
    if dot:
        if owner not in strategies:
            raise ConfigError(
                f"--param {name}: there is no strategy {owner!r}{nearest(owner, seats)}; there are {', '.join(seats)}"
            )
        if field not in strategies[owner]:
            known = ", ".join(strategies[owner]) or "none"
            raise ConfigError(
                f"--param {name}: {owner} has no parameter {field!r}{nearest(field, strategies[owner])}; it has {known}"
            )
        return Place(seats.index(owner), field)
    owners = [number for number, seat in enumerate(seats) if name in strategies[seat]]
    if len(owners) == 1:
        return Place(owners[0], name)
    if owners:
        named = ", ".join(f"{seats[number]}.{name}" for number in owners)
        raise ConfigError(f"--param {name} is a parameter of several strategies; say which: {named}")
    every = list(dict.fromkeys(field for fields in strategies.values() for field in fields))
    raise ConfigError(
        f"--param {name}: no strategy has such a parameter{nearest(name, every)}; there are {', '.join(every) or 'none'}"
    )
