"""Idioms that take a value from a later row, and prices that are compared as floats never should be.

Limits: the context shows nothing later, so these matter for frames that a strategy loads or keeps itself; labels for training are
made this way on purpose, and say so with a comment.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from onepath.lint.rules import Finding
from onepath.lint.source import Source

_SHIFTS = frozenset({"shift", "diff", "pct_change"})
_BOTH_SIDES = frozenset(
    f"scipy.signal.{name}" for name in ("filtfilt", "sosfiltfilt", "savgol_filter", "argrelextrema", "find_peaks")
)
_PRICES = frozenset({"open", "high", "low", "close", "price", "bid", "ask", "mark"})


def of_calls(source: Source) -> Iterator[Finding]:
    """shift(-1), rolling(center=True), bfill()."""
    for call in source.calls():
        if not isinstance(call.func, ast.Attribute):
            if source.dotted(call.func) in _BOTH_SIDES:
                said = f"{ast.unparse(call.func)} works with the values on both sides of a row"
                yield source.find("OP152", call, f"{said}; filter backward")
            continue
        method, named = call.func.attr, {k.arg: k.value for k in call.keywords}
        first = call.args[0] if call.args else named.get("periods", named.get("n"))
        if method in _SHIFTS and first is not None and _is_negative(first):
            yield source.find(
                "OP151", call, f"{method}({ast.unparse(first)}) takes values of later rows; shift by a positive number"
            )
        elif method in {"rolling", "ewm", "rolling_mean"} and _is(named.get("center"), True):
            yield source.find(
                "OP151", call, f"{method}(center=True) takes half of its window from later rows; leave center out"
            )
        elif method in {"bfill", "backfill"} or (
            method == "fillna" and _says(named.get("method"), {"bfill", "backfill"})
        ):
            yield source.find("OP152", call, f"{method} fills gaps with later values; fill forward (ffill)")
        elif method == "merge_asof" and _says(named.get("direction"), {"forward", "nearest"}):
            yield source.find("OP151", call, "merge_asof takes rows of later times; leave direction at backward")
        elif method == "interpolate" or source.dotted(call.func) in _BOTH_SIDES:
            yield source.find(
                "OP152", call, f"{method} works with the values on both sides of a row; fill or filter backward"
            )
        elif source.dotted(call.func) == "numpy.roll" and len(call.args) > 1 and _is_negative(call.args[1]):
            yield source.find(
                "OP152", call, "numpy.roll by a negative number brings later values forward; slice instead"
            )


def of_rows(source: Source) -> Iterator[Finding]:
    """frame.iloc[i + 1]."""
    for node in source.nodes:
        if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Attribute):
            continue
        row = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        if node.value.attr in {"iloc", "iat", "loc"} and isinstance(row, ast.BinOp) and isinstance(row.op, ast.Add):
            yield source.find(
                "OP152", node, f"{node.value.attr}[{ast.unparse(row)}] reads the row after; read [i], or [-1]"
            )


def of_equality(source: Source) -> Iterator[Finding]:
    """bar.close == entry * 1.02."""
    for node in source.nodes:
        if not isinstance(node, ast.Compare) or not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(_is_price(side) for side in sides) and any(_is_computed(side) for side in sides):
            yield source.find(
                "OP164",
                node,
                f"`{ast.unparse(node)}` hardly ever holds: a computed price is off in the last digit; use < or >",
            )


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _says(node: ast.expr | None, words: set[str]) -> bool:
    return isinstance(node, ast.Constant) and node.value in words


def _is_price(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in _PRICES


def _is_computed(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value != 0
    )
