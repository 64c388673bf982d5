"""The features that a rule file asks for: from their texts to `Feature`s, with parameters put in.

Rules: in the arguments of a feature may stand numbers, texts, fields of the bar, parameters and features of lines above;
nothing else is looked up and nothing is run here. What `onepath.features.named` says of the rest is told with file, line and key.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from onepath.errors import OnepathError, StrategyError
from onepath.features import Feature
from onepath.nearest import nearest
from onepath.rules.sheet import Wanted
from onepath.rules.words import BAR_FIELDS

_FILE = re.compile(r"\s*[^:()'\"]+\.py:")
_TALIB = "_talib_"
"""stands for `talib:`, which Python would not read"""


class Asked(NamedTuple):
    """The features of a file, in its order; `home` is the workspace that files of features are looked for in."""

    wanted: tuple[Wanted, ...]
    home: Path

    def made(self, params: Mapping[str, Any]) -> dict[str, Feature]:
        """All of them with these parameters. Raises StrategyError."""
        found: dict[str, Feature] = {}
        trees: dict[str, ast.expr] = {}
        for wanted in self.wanted:
            text = _filled(wanted, params, trees)
            found[wanted.name] = self._made(wanted, text)
        return found

    def _made(self, wanted: Wanted, text: str) -> Feature:
        from onepath.features.named import parse

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd texts Python's own reader warns
                feature = parse(text, self._of_file)
        except OnepathError as error:
            raise _wrong(wanted, str(error)) from None
        if feature.kind != "bars":
            raise _wrong(wanted, f"{text} is made of {feature.kind}, expected bars: rules decide bar by bar")
        return feature

    def _of_file(self, text: str) -> Mapping[str, Callable[..., Feature]]:
        """The features of a file of the workspace."""
        from onepath.featurefiles import features_in

        return features_in(text, self.home)


def _filled(wanted: Wanted, params: Mapping[str, Any], trees: dict[str, ast.expr]) -> str:
    """The text with parameters and features above put in."""
    file = _FILE.match(wanted.text)
    prefix = "" if file is None else file[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(wanted.text[len(prefix) :].replace("talib:", _TALIB), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _wrong(wanted, f"found {wanted.text!r}, expected a feature, such as sma(20)") from None
    if not isinstance(tree, ast.Call | ast.Attribute):
        hint = f"; write {wanted.text}()" if isinstance(tree, ast.Name) else ""
        raise _wrong(wanted, f"found {wanted.text!r}, expected a feature with its brackets, such as sma(20){hint}")
    try:
        filled = _Filler(wanted, params, trees).visit(tree)
        if not prefix:
            trees[wanted.name] = filled
        return prefix + ast.unparse(filled).replace(_TALIB, "talib:")
    except RecursionError:
        raise _wrong(wanted, "it is nested too deeply to be a feature") from None


class _Filler(ast.NodeTransformer):
    """Puts values in the place of names."""

    def __init__(self, wanted: Wanted, params: Mapping[str, Any], trees: Mapping[str, ast.expr]) -> None:
        self._wanted = wanted
        self._params = params
        self._trees = trees

    def visit_Call(self, node: ast.Call) -> ast.expr:
        func = node.func if isinstance(node.func, ast.Name) else self.visit(node.func)
        args = [self.visit(item) for item in node.args]
        return ast.Call(func, args, [ast.keyword(item.arg, self.visit(item.value)) for item in node.keywords])

    def visit_Name(self, node: ast.Name) -> ast.expr:
        from onepath.features.named import builtins

        name = node.id
        if name in self._params:
            value = self._params[name]
            minus = isinstance(value, int | float) and not isinstance(value, bool) and value < 0
            return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if minus else ast.Constant(value)
        if name in self._trees:
            return self._trees[name]
        if name in BAR_FIELDS or name in builtins():
            return node
        known = [*self._params, *self._trees, *BAR_FIELDS, *builtins()]
        raise _wrong(
            self._wanted,
            f"there is no {name!r}{nearest(name, known)} to put into {self._wanted.text!r}; there are parameters "
            f"{', '.join(self._params) or 'none'}, features above {', '.join(self._trees) or 'none'}, and "
            f"{', '.join(BAR_FIELDS)}",
        )


def _wrong(wanted: Wanted, said: str) -> StrategyError:
    return StrategyError(f"{wanted.where}: features.{wanted.name}: {said}")
