"""What a condition is made of: the nodes of the rules' small language, and what each name in it stands for.

Rules: a node is a number or a truth (`is_truth`), known when it is parsed. Counts (`for N bars`, `[N]`, `highest(x, N)`) are
whole numbers or names of parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

Count = int | str
"""a whole number, or the name of a parameter that is one"""

BAR_FIELDS = ("open", "high", "low", "close", "volume")
FACTS = {
    "position.quantity": "units held, negative when short, 0 when flat",
    "position.average_price": "what a unit was bought (or shorted) for; no number when flat",
    "position.profit": "profit on paper in money, before fees; 0 when flat",
    "position.profit_percent": "the same in per cent of what the position was opened for; 0 when flat",
    "position.bars": "bars that have closed since it was opened, the one it was opened in included; 0 when flat",
    "order.bars": "bars that have closed since the oldest entry order at work was sent; 0 where there is none",
    "equity": "cash and the value of all positions of the strategy",
    "cash": "the strategy's cash",
    "symbols": "how many symbols the strategy trades",
}
"""what a rule may ask beside the market, and what it means"""
NUMBER_FUNCTIONS = ("abs", "min", "max", "highest", "lowest")
CROSSES = ("crosses_above", "crosses_below")
WORDS = frozenset({"and", "or", "not", "for", "bar", "bars", "crosses", "above", "below", "true", "false"})
TAKEN = frozenset(
    {*WORDS, *NUMBER_FUNCTIONS, *CROSSES, *BAR_FIELDS, *(fact.partition(".")[0] for fact in FACTS)}
    | {"ready", "self", "symbol", "type", "conditions"}
)
"""names that no feature and no parameter can have"""


class Number(NamedTuple):
    """A number as it is written; `percent` where a % stood behind it (5% is 0.05)."""

    value: float
    percent: bool = False


class Truth(NamedTuple):
    """true or false."""

    value: bool


class Name(NamedTuple):
    """A feature, a field of the bar, a fact or a parameter."""

    name: str


class Past(NamedTuple):
    """What something was so many bars ago: `sma[1]`."""

    inner: Node
    bars: Count


class Negative(NamedTuple):
    inner: Node


class Arithmetic(NamedTuple):
    """`left op right`, op one of + - * /."""

    op: str
    left: Node
    right: Node


class Function(NamedTuple):
    """abs, min, max of numbers."""

    name: str
    arguments: tuple[Node, ...]


class Extreme(NamedTuple):
    """The highest or lowest of the last bars, the present one included."""

    name: str
    inner: Node
    bars: Count


class Compared(NamedTuple):
    """`first op x op y ...`: chained, as on paper."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


class Crossed(NamedTuple):
    """`left` is above (below) `right` now and was not one bar ago."""

    above: bool
    left: Node
    right: Node


class Lasting(NamedTuple):
    """It has held on each of the last bars, the present one included."""

    inner: Node
    bars: Count


class Not(NamedTuple):
    inner: Node


class All(NamedTuple):
    items: tuple[Node, ...]


class Any(NamedTuple):
    items: tuple[Node, ...]


Node = (
    Number
    | Truth
    | Name
    | Past
    | Negative
    | Arithmetic
    | Function
    | Extreme
    | Compared
    | Crossed
    | Lasting
    | Not
    | All
    | Any
)


def is_truth(node: Node) -> bool:
    """Whether a node is a condition rather than a number; the past of something is as that is."""
    while isinstance(node, Past):
        node = node.inner
    return isinstance(node, Truth | Compared | Crossed | Lasting | Not | All | Any)


def below(node: Node) -> tuple[Node, ...]:
    """The nodes right below one."""
    match node:
        case Past(inner) | Negative(inner) | Extreme(_, inner) | Lasting(inner) | Not(inner):
            return (inner,)
        case Arithmetic(_, left, right) | Crossed(_, left, right):
            return (left, right)
        case Function(_, items) | All(items) | Any(items):
            return items
        case Compared(first, rest):
            return (first, *(item for _, item in rest))
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for inner in below(node):
        yield from walk(inner)
