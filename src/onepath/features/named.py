"""Features by name: the built-in ones, and what a text such as `ema(9, on=macd())` says.

Rules: a text is a call of a known name with literals, names of fields and other such calls; `.at("1h")` after it takes it over
bars of that length. `talib:ADX(14)` is TA-Lib's function, `talib:MACD(12, 26, 9).macdsignal` one of several outputs,
`my.py:mine(3)` a feature of the user's file, which the caller's `load` reads. Nothing is evaluated: the text is taken apart and
built by hand.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from onepath.errors import StrategyError
from onepath.features.across import across_zscore, demean, rank
from onepath.features.definition import KIND_OF, Feature
from onepath.features.talib import talib
from onepath.features.technical import BUILT_IN
from onepath.nearest import nearest

Load = Callable[[str], Mapping[str, Callable[..., Feature]]]
"""The features of a file, by name"""
_ACROSS = (rank, across_zscore, demean)
_LONGEST = 1000
_PREFIX = "_talib_"


def builtins() -> Mapping[str, Callable[..., Feature]]:
    """The constructors of all built-in features by name, in the order of the reference."""
    return MappingProxyType({make.__name__: make for make in BUILT_IN})


def parse(text: str, load: Load | None = None) -> Feature:
    """The feature a text names: `sma(20)`, `ema(9, on=macd())`, `sma(50).at("1h")`, `talib:ADX(14)`, `my.py:mine(3)`.

    `load` gives the features of a file named in front of a colon. Raises StrategyError with the nearest name.
    """
    if len(text) > _LONGEST:
        raise StrategyError(f"feature {text[:40]!r}...: a feature's text has at most {_LONGEST} characters")
    known: dict[str, Any] = {make.__name__: make for make in (*BUILT_IN, *_ACROSS)}
    file, call = _file(text)
    if file:
        if load is None:
            raise StrategyError(f"feature {text!r}: features of a file cannot be named here")
        known |= load(file)
    try:
        tree = ast.parse(re.sub(r"\btalib:(?=[A-Z])", _PREFIX, call.strip()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise StrategyError(f"feature {text!r} cannot be read; write it like a call, such as sma(20)") from None
    found = _Reading(text, known).value(tree)
    if not isinstance(found, Feature):
        raise StrategyError(f"feature {text!r} is {found!r}, not a feature such as sma(20)")
    return found


def _file(text: str) -> tuple[str, str]:
    """The file a text names, and the rest."""
    match = re.match(r"\s*([^:()'\"]+\.py):(.+)", text, re.DOTALL)
    return (match[1], match[2]) if match else ("", text)


class _Reading:
    """One text being read."""

    def __init__(self, text: str, known: Mapping[str, Callable[..., Feature]]) -> None:
        self._text, self._known = text, known

    def value(self, node: ast.expr) -> Any:
        """What a part says: a number, a word, a feature."""
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Attribute):
            return self._output(node)
        if isinstance(node, ast.Name):
            return node.id if node.id in KIND_OF else self._made(self._maker(node.id), (), {})
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, RecursionError):
            raise self._wrong(f"{ast.unparse(node)!r} is neither a number, a word, a field nor a feature") from None

    def _call(self, node: ast.Call) -> Any:
        if any(isinstance(argument, ast.Starred) for argument in node.args) or not all(k.arg for k in node.keywords):
            raise self._wrong("arguments are written out, without stars")
        args = [self.value(argument) for argument in node.args]
        kwargs = {str(k.arg): self.value(k.value) for k in node.keywords}
        if isinstance(node.func, ast.Name):
            return self._made(self._maker(node.func.id), args, kwargs)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "at":
            feature = self.value(node.func.value)
            if isinstance(feature, Feature):
                return self._made(feature.at, args, kwargs)
        raise self._wrong(f"{ast.unparse(node.func)!r} cannot be called; what can follow a feature is .at('1h')")

    def _output(self, node: ast.Attribute) -> Any:
        """`.macdsignal` of a call of TA-Lib."""
        called = node.value
        if isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id.startswith(_PREFIX):
            called.keywords = [*called.keywords, ast.keyword("output", ast.Constant(node.attr))]
            return self._call(called)
        raise self._wrong(f".{node.attr} is not known; what can follow a feature is .at('1h')")

    def _maker(self, name: str) -> Callable[..., Any]:
        if name.startswith(_PREFIX):
            own = name.removeprefix(_PREFIX)
            return lambda *args, **kwargs: talib(own, *args, **kwargs)
        if name not in self._known:
            raise self._wrong(f"there is no feature {name!r}{nearest(name, self._known)}; see onepath features list")
        return self._known[name]

    def _made(self, make: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            return make(*args, **kwargs)
        except TypeError as error:
            raise self._wrong(str(error)) from None

    def _wrong(self, what: str) -> StrategyError:
        return StrategyError(f"feature {self._text!r}: {what}")
