"""From the nodes of a condition to a function of the last bars' rows, made once and called every bar.

Rules: a row is a list of floats, one for each name that the rules use; `rows[0]` is the present bar's. What is not a number
makes a comparison neither true nor false but unknown (None), and what hangs on it too: `not unknown` is unknown, `unknown or
true` is true, `unknown and false` is false. A division by zero is not a number. Nothing is run but functions made here.
Cost: about 0.1 us a comparison, see docs/rules.md.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from onepath.rules.language import MOST_BARS
from onepath.rules.words import (
    All,
    Any,
    Arithmetic,
    Compared,
    Count,
    Crossed,
    Extreme,
    Function,
    Lasting,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Past,
    Truth,
    below,
    walk,
)

Rows = Sequence[Sequence[float]]
Reckoned = Callable[[Rows, int], float]
"""a number of so many bars ago, from the rows; NaN where there is none"""
Judged = Callable[[Rows, int], bool | None]
"""whether it held so many bars ago; None: unknown"""
_NAN = math.nan


_TESTS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Shown(NamedTuple):
    """A value that a record shows: what it is called, how it is reckoned, of how many bars ago."""

    name: str
    reckon: Reckoned
    ago: int
    dated: bool = True
    """false: a parameter, which is the same on every bar"""

    def of(self, rows: Rows, ago: int) -> tuple[str, float]:
        """Name and value, for a condition of `ago` bars ago."""
        back = self.ago + ago if self.dated else 0
        return f"{self.name}[{back}]" if back else self.name, self.reckon(rows, back)


class Unfit(Exception):  # noqa: N818 - reads as it is said
    """A parameter's value that a count cannot have."""


class Compiler:
    """Makes functions of nodes: where each name stands in a row, and what the parameters are."""

    def __init__(self, places: Mapping[str, int], params: Mapping[str, float]) -> None:
        self._places = places
        self._params = params

    # -- numbers

    def number(self, node: Node) -> Reckoned:  # noqa: PLR0911 - a table
        """A function that reckons a number."""
        match node:
            case Number(value):
                return lambda _rows, _ago: value
            case Name(name):
                return self._name(name)
            case Past(inner, bars):
                of, back = self.number(inner), self.count(bars)
                return lambda rows, ago: of(rows, ago + back)
            case Negative(inner):
                of = self.number(inner)
                return lambda rows, ago: -of(rows, ago)
            case Arithmetic(op, left, right):
                return _arithmetic(op, self.number(left), self.number(right))
            case Function(name, arguments):
                return _function(name, [self.number(item) for item in arguments])
            case Extreme(name, inner, bars):
                return _extreme(max if name == "highest" else min, self.number(inner), self.count(bars))
        raise AssertionError(f"{node} is no number")

    def _name(self, name: str) -> Reckoned:
        if name in self._params:
            value = float(self._params[name])
            return lambda _rows, _ago: value
        place = self._places[name]
        return lambda rows, ago: rows[ago][place]

    def count(self, bars: Count) -> int:
        """A count as a number. Raises Unfit."""
        found = bars if isinstance(bars, int) else int(self._params[bars])
        if not 0 <= found <= MOST_BARS:
            raise Unfit(f"parameter {bars} is {found}; expected bars from 0 to {MOST_BARS}")
        return found

    def _counted(self, bars: Count) -> int:
        """A count of bars of which there must be one at least."""
        found = self.count(bars)
        if not found:
            raise Unfit(f"parameter {bars} is 0; expected bars from 1 to {MOST_BARS}")
        return found

    # -- truths

    def truth(self, node: Node) -> Judged:  # noqa: PLR0911 - a table
        """A function that judges a condition."""
        match node:
            case Truth(value):
                return lambda _rows, _ago: value
            case Past(inner, bars):
                of, back = self.truth(inner), self.count(bars)
                return lambda rows, ago: of(rows, ago + back)
            case Compared(first, rest):
                return self._compared(first, rest)
            case Crossed(above, left, right):
                return _crossed(above, self.number(left), self.number(right))
            case Lasting(inner, bars):
                return _lasting(self.truth(inner), self._counted(bars))
            case Not(inner):
                return _opposite(self.truth(inner))
            case All(items):
                return _all([self.truth(item) for item in items])
            case Any(items):
                return _any([self.truth(item) for item in items])
        raise AssertionError(f"{node} is no condition")

    def _compared(self, first: Node, rest: Sequence[tuple[str, Node]]) -> Judged:
        parts = []
        for op, right in rest:
            parts.append(_test(_TESTS[op], self.number(first), self.number(right)))
            first = right
        return parts[0] if len(parts) == 1 else _all(parts)

    # -- how far back

    def reach(self, node: Node) -> int:
        """How many bars ago the oldest value is that a node needs. Raises Unfit."""
        deepest = max((self.reach(inner) for inner in below(node)), default=0)
        match node:
            case Past(_, bars):
                deepest += self.count(bars)
            case Lasting(_, bars) | Extreme(_, _, bars):
                deepest += self._counted(bars) - 1
            case Crossed():
                deepest += 1
        if deepest > MOST_BARS:
            raise Unfit(f"it looks {deepest} bars back; expected at most {MOST_BARS}")
        return deepest

    def shown(self, node: Node, ago: int = 0) -> list[Shown]:
        """What a record shows of a condition: its names and extremes, each with how many bars ago; of what lasts, the present."""
        match node:
            case Name(name):
                return [Shown(name, self.number(node), ago, name not in self._params)]
            case Extreme(name, inner, bars):
                return [Shown(f"{name}({written(inner)}, {self.count(bars)})", self.number(node), ago)]
            case Past(inner, bars):
                return self.shown(inner, ago + self.count(bars))
            case Crossed(_, left, right):
                both = [*self.shown(left, ago), *self.shown(right, ago)]
                return [*both, *self.shown(left, ago + 1), *self.shown(right, ago + 1)]
        return [found for inner in below(node) for found in self.shown(inner, ago)]


def written(node: Node) -> str:  # noqa: PLR0911 - a table
    """A number's nodes as text again, every bracket written."""
    match node:
        case Name(name):
            return name
        case Number(value):
            return f"{value:g}"
        case Past(inner, bars):
            return f"{written(inner)}[{bars}]"
        case Negative(inner):
            return f"-{written(inner)}"
        case Arithmetic(op, left, right):
            return f"({written(left)} {op} {written(right)})"
        case Function(name, items):
            return f"{name}({', '.join(map(written, items))})"
        case Extreme(name, inner, bars):
            return f"{name}({written(inner)}, {bars})"
    return "?"


def names(node: Node) -> list[str]:
    """The names below a node, each once, in their order."""
    return list(dict.fromkeys(item.name for item in walk(node) if isinstance(item, Name)))


def _arithmetic(op: str, left: Reckoned, right: Reckoned) -> Reckoned:
    if op == "+":
        return lambda rows, ago: left(rows, ago) + right(rows, ago)
    if op == "-":
        return lambda rows, ago: left(rows, ago) - right(rows, ago)
    if op == "*":
        return lambda rows, ago: left(rows, ago) * right(rows, ago)

    def divided(rows: Rows, ago: int) -> float:
        by = right(rows, ago)
        return left(rows, ago) / by if by else _NAN

    return divided


def _function(name: str, items: Sequence[Reckoned]) -> Reckoned:
    if name == "abs":
        (only,) = items
        return lambda rows, ago: abs(only(rows, ago))
    pick = max if name == "max" else min
    return lambda rows, ago: _picked(pick, [item(rows, ago) for item in items])


def _extreme(pick: Callable[[Sequence[float]], float], of: Reckoned, bars: int) -> Reckoned:
    return lambda rows, ago: _picked(pick, [of(rows, ago + back) for back in range(bars)])


def _picked(pick: Callable[[Sequence[float]], float], values: Sequence[float]) -> float:
    """The highest or lowest; not a number if one of them is none."""
    return _NAN if any(value != value for value in values) else pick(values)  # noqa: PLR0124 - NaN


def _test(test: Callable[[float, float], bool], left: Reckoned, right: Reckoned) -> Judged:
    def judged(rows: Rows, ago: int) -> bool | None:
        x, y = left(rows, ago), right(rows, ago)
        if x != x or y != y:  # noqa: PLR0124 - NaN
            return None
        return test(x, y)

    return judged


def _crossed(above: bool, left: Reckoned, right: Reckoned) -> Judged:
    """Beyond it now, and on or on the other side of it one bar ago."""
    sign = 1.0 if above else -1.0

    def judged(rows: Rows, ago: int) -> bool | None:
        now = left(rows, ago) - right(rows, ago)
        before = left(rows, ago + 1) - right(rows, ago + 1)
        if now != now or before != before:  # noqa: PLR0124 - NaN
            return None
        return now * sign > 0 >= before * sign

    return judged


def _lasting(of: Judged, bars: int) -> Judged:
    def judged(rows: Rows, ago: int) -> bool | None:
        found: bool | None = True
        for back in range(bars):
            one = of(rows, ago + back)
            if one is False:
                return False
            if one is None:
                found = None
        return found

    return judged


def _opposite(of: Judged) -> Judged:
    def judged(rows: Rows, ago: int) -> bool | None:
        found = of(rows, ago)
        return None if found is None else not found

    return judged


def _all(items: Sequence[Judged]) -> Judged:
    def judged(rows: Rows, ago: int) -> bool | None:
        found: bool | None = True
        for item in items:
            one = item(rows, ago)
            if one is False:
                return False
            if one is None:
                found = None
        return found

    return judged


def _any(items: Sequence[Judged]) -> Judged:
    def judged(rows: Rows, ago: int) -> bool | None:
        found: bool | None = False
        for item in items:
            one = item(rows, ago)
            if one:
                return True
            if one is None:
                found = None
        return found

    return judged
