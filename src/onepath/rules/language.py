"""From the text of a condition or an amount to its nodes: `rsi < 30 for 3 bars and close > trend`.

    condition := both ("or" both)*            both := one ("and" one)*
    one       := "not" one | compared ["for" count "bars"]
    compared  := sum ((< <= > >= == !=) sum)* | sum "crosses" ("above" | "below") sum
    sum       := term (("+" | "-") term)*     term := sign (("*" | "/") sign)*
    sign      := "-" sign | atom ("[" count "]")*
    atom      := number ["%"] | name | function "(" ... ")" | "(" condition ")" | "true" | "false"

Rules: nothing is run to read it. Names are looked up where they stand, so that what is unknown is told with the nearest one. What
is wrong is a `Wrong` with one sentence, whatever the text.
Limits: 40 levels of brackets, 600 words and signs a text, 10,000 bars back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from onepath.nearest import nearest
from onepath.rules.words import (
    BAR_FIELDS,
    CROSSES,
    FACTS,
    NUMBER_FUNCTIONS,
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
    is_truth,
)

MOST_BARS = 10_000
DEEPEST = 40
"""brackets in brackets"""
LONGEST = 600
"""words and signs of one text"""
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/<>()\[\],%])|(?P<odd>\S))"
)
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Wrong(Exception):  # noqa: N818 - reads as it is said
    """A text that is not of the language: what was found and what was expected."""


class Scope(NamedTuple):
    """The names that a text may use."""

    features: Collection[str]
    params: Mapping[str, object]
    """and their values by default"""

    @property
    def names(self) -> list[str]:
        """All of them, for the nearest."""
        return [*self.features, *self.params, *BAR_FIELDS, *FACTS, *NUMBER_FUNCTIONS, *CROSSES]


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def condition(text: str, scope: Scope) -> Node:
    """The condition that `text` says. Raises Wrong."""
    node = _read(text, scope)
    if not is_truth(node):
        raise Wrong(f"{_short(text)!r} is a number; expected a condition, such as {_short(text)} > 0")
    return node


def amount(text: str, scope: Scope) -> Node:
    """The number that `text` says. Raises Wrong."""
    node = _read(text, scope)
    if is_truth(node):
        raise Wrong(f"{_short(text)!r} is a condition; expected a number")
    return node


def _read(text: str, scope: Scope) -> Node:
    reader = _Reader(text, scope)
    if reader.now.kind == "end":
        raise Wrong("found nothing; expected a condition, such as rsi < 30")
    node = reader.either()
    if reader.now.kind != "end":
        raise reader.wrong("expected the end, an operator, and or or")
    return node


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Reader:
    """One text, read from left to right."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope
        self._tokens = _tokens(text)
        self._place = 0
        self._depth = 0

    @property
    def now(self) -> _Token:
        return self._tokens[self._place]

    def wrong(self, expected: str) -> Wrong:
        token = self.now
        found = f"found {token.text!r} at character {token.at + 1}" if token.kind != "end" else "it ends too early"
        return Wrong(f"{_short(self._text)!r}: {found}; {expected}")

    def _take(self) -> _Token:
        token = self.now
        self._place += 1
        return token

    def _takes(self, *texts: str) -> str:
        """The next token's text if it is one of these, which is then taken."""
        token = self.now
        if token.text in texts and token.kind in ("sign", "name"):
            self._place += 1
            return token.text
        return ""

    def _must(self, text: str, after: str) -> None:
        if not self._takes(text):
            raise self.wrong(f"expected {text!r} {after}")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Wrong(f"{_short(self._text)!r} is nested too deeply; write it as several conditions")

    def either(self) -> Node:
        items = [self._both()]
        while self._takes("or"):
            items.append(self._both())
        return items[0] if len(items) == 1 else Any(tuple(map(self._truth, items)))

    def _both(self) -> Node:
        items = [self._one()]
        while self._takes("and"):
            items.append(self._one())
        return items[0] if len(items) == 1 else All(tuple(map(self._truth, items)))

    def _one(self) -> Node:
        if self._takes("not"):
            self._deeper()
            found: Node = Not(self._truth(self._one()))
            self._depth -= 1
            return found
        found = self._compared()
        while self._takes("for"):
            count = self._count("for how many bars", 1)
            if not self._takes("bars", "bar"):
                raise self.wrong("expected 'bars' after the number, as in for 3 bars")
            found = Lasting(self._truth(found), count)
        return found

    def _compared(self) -> Node:
        first = self._sum()
        if self._takes("crosses"):
            way = self._takes("above", "below")
            if not way:
                raise self.wrong("expected above or below after crosses")
            return Crossed(way == "above", self._number(first), self._number(self._sum()))
        rest = []
        while op := self._takes(*_COMPARISONS):
            rest.append((op, self._number(self._sum())))
        if not rest:
            return first
        return Compared(self._number(first), tuple(rest))

    def _sum(self) -> Node:
        return self._operation(("+", "-"), self._term)

    def _term(self) -> Node:
        return self._operation(("*", "/"), self._sign)

    def _operation(self, ops: tuple[str, str], inner: Callable[[], Node]) -> Node:
        found = inner()
        while op := self._takes(*ops):
            found = Arithmetic(op, self._number(found), self._number(inner()))
        return found

    def _sign(self) -> Node:
        if self._takes("-"):
            self._deeper()
            found: Node = Negative(self._number(self._sign()))
            self._depth -= 1
            return found
        found = self._atom()
        while self._takes("["):
            found = Past(found, self._count("how many bars ago", 0))
            self._must("]", "after the number of bars, as in close[1]")
        return found

    def _atom(self) -> Node:
        token = self.now
        if token.kind == "number":
            return self._written()
        if self._takes("("):
            self._deeper()
            found = self.either()
            self._must(")", "to close the bracket")
            self._depth -= 1
            return found
        if token.kind != "name" or token.text in ("and", "or", "not", "for", "bar", "bars", "crosses"):
            raise self.wrong("expected a number, a name or a bracket")
        self._take()
        if token.text in ("true", "false"):
            return Truth(token.text == "true")
        if self.now.text == "(":
            return self._call(token)
        return self._named(token)

    def _written(self) -> Node:
        value = float(self._take().text)
        if not math.isfinite(value):
            raise Wrong(f"{_short(self._text)!r}: a number is too large")
        return Number(value / 100, percent=True) if self._takes("%") else Number(value)

    def _named(self, token: _Token) -> Node:
        name, scope = token.text, self._scope
        if name in scope.features or name in BAR_FIELDS or name in FACTS:
            return Name(name)
        if name in scope.params:
            if isinstance(scope.params[name], str):
                raise Wrong(f"{_short(self._text)!r}: the parameter {name} is text; expected a number")
            return Name(name)
        if name in NUMBER_FUNCTIONS or name in CROSSES:
            raise Wrong(f"{_short(self._text)!r}: {name} is a function; expected {_USE[name]}")
        raise self._unknown(name)

    def _unknown(self, name: str) -> Wrong:
        scope = self._scope
        known = [
            f"features {', '.join(scope.features) or 'none'}",
            f"parameters {', '.join(scope.params) or 'none'}",
            f"of the bar {', '.join(BAR_FIELDS)}",
            f"and {', '.join(FACTS)}",
        ]
        hint = nearest(name, scope.names)
        return Wrong(f"{_short(self._text)!r}: there is no {name!r}{hint}; there are {'; '.join(known)}")

    def _call(self, token: _Token) -> Node:
        name = token.text
        if name not in NUMBER_FUNCTIONS and name not in CROSSES:
            functions = (*NUMBER_FUNCTIONS, *CROSSES)
            feature = " (features are defined under `features` and used by name)"
            hint = nearest(name, functions) or feature
            raise Wrong(
                f"{_short(self._text)!r}: there is no function {name!r}{hint}; there are {', '.join(functions)}"
            )
        self._take()
        self._deeper()
        given = [self._number(self.either())] if self.now.text != ")" else []
        count: Count | None = None
        while self._takes(","):
            if name in ("highest", "lowest"):
                count = self._count("over how many bars", 1)
                break
            given.append(self._number(self.either()))
        if not self._takes(")"):
            raise self.wrong(f"expected {_USE[name]}")
        self._depth -= 1
        return self._made(name, given, count)

    def _made(self, name: str, given: list[Node], count: Count | None) -> Node:
        takes = {"abs": (1, 1), "min": (2, 99), "max": (2, 99), "highest": (1, 1), "lowest": (1, 1)}
        least, most = takes.get(name, (2, 2))
        if not least <= len(given) <= most or (name in ("highest", "lowest") and count is None):
            raise Wrong(f"{_short(self._text)!r}: {name} was given {len(given)}; expected {_USE[name]}")
        if name in CROSSES:
            return Crossed(name == "crosses_above", given[0], given[1])
        if count is not None:
            return Extreme(name, given[0], count)
        return Function(name, tuple(given))

    def _count(self, what: str, least: int) -> Count:
        """A whole number of bars, or a parameter that is one."""
        token = self.now
        scope = self._scope
        if token.kind == "name" and token.text in scope.params:
            value = scope.params[token.text]
            if type(value) is not int:
                raise Wrong(
                    f"{_short(self._text)!r}: {what}: the parameter {token.text} is {value!r}; expected a whole number"
                )
            self._take()
            return token.text
        if token.kind != "number" or not token.text.isdecimal() or not least <= int(token.text[:9]) <= MOST_BARS:
            raise self.wrong(f"expected {what}: a whole number from {least} to {MOST_BARS}, or a parameter that is one")
        return int(self._take().text)

    def _truth(self, node: Node) -> Node:
        if not is_truth(node):
            raise Wrong(
                f"{_short(self._text)!r}: a number stands where a condition must; expected a comparison, such as rsi < 30"
            )
        return node

    def _number(self, node: Node) -> Node:
        if is_truth(node):
            raise Wrong(
                f"{_short(self._text)!r}: a condition stands where a number must; expected numbers on both sides of an operator"
            )
        return node


_INSTEAD = {"=": "== to compare", "&": "and", "|": "or", "!": "not"}
_USE = {
    "abs": "abs(x)",
    "min": "min(x, y)",
    "max": "max(x, y)",
    "highest": "highest(x, bars)",
    "lowest": "lowest(x, bars)",
    "crosses_above": "crosses_above(x, y)",
    "crosses_below": "crosses_below(x, y)",
}


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "odd":
            odd, at = match["odd"], match.start("odd") + 1
            expected = _INSTEAD.get(odd, "names, numbers and operators")
            raise Wrong(f"{_short(text)!r}: found {odd!r} at character {at}; expected {expected}")
        found.append(_Token(kind, match[kind], match.start(kind)))
    if len(found) > LONGEST:
        raise Wrong(
            f"{_short(text)!r} is too long ({len(found)} words and signs, at most {LONGEST}); write several conditions"
        )
    return [*found, _Token("end", "", len(text))]
