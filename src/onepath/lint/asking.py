"""What a strategy asks for and what it uses: parameters, features, history, bars of other intervals, books.

Limits: what is asked for through ** or used through getattr is taken as it is; a class that goes back to another file's is not
looked at.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from onepath.lint.rules import Finding
from onepath.lint.shape import is_context
from onepath.lint.source import Function, Idea, Source
from onepath.nearest import nearest

_VIEWS = {"historical_data": "(bars)", "timeframes": '("5m")', "books": "()"}
_OF_STRUCTS = frozenset({"__post_init__", "__struct_fields__", "__class__", "__dict__"})


class Schema(NamedTuple):
    """The parameters of a strategy: fields, and what else the class has."""

    fields: dict[str, ast.AnnAssign]
    others: frozenset[str]
    whole: bool
    untyped: tuple[tuple[str, ast.Assign], ...]


def of_params(source: Source) -> Iterator[Finding]:
    """Parameters and their use."""
    for idea in source.ideas:
        schema = _schema(source, idea)
        if schema is None:
            continue
        for name, assigned in schema.untyped:
            yield source.find("OP131", assigned, f"{name} has no type, so it is no parameter; write {name}: int = ...")
        own = next((n for n in idea.node.body if isinstance(n, ast.ClassDef) and n.name == "Params"), None)
        for name, field in schema.fields.items():
            if own is not None and field in own.body and field.value is None:
                yield source.find("OP132", field, f"{name} has no default, so every run has to give it")
        used = set()
        for node, name in _uses(idea):
            used.add(name)
            known = schema.fields.keys() | schema.others | {n for n, _ in schema.untyped}
            if schema.whole and name not in known and not name.startswith("__"):
                yield source.find("OP133", node, f"there is no parameter {name}{nearest(name, schema.fields)}")
        spoken = used | {n.attr for n in source.nodes if isinstance(n, ast.Attribute)} | _texts(source)
        spoken |= {a.arg for n in source.nodes if isinstance(n, Function) and n.name == "target" for a in n.args.args}
        for name, field in schema.fields.items():
            if own is not None and field in own.body and name not in spoken:
                yield source.find("OP134", field, f"nobody uses the parameter {name}")


def _schema(source: Source, idea: Idea) -> Schema | None:
    """The parameters that a strategy declares, with those of the strategies it goes back to."""
    fields: dict[str, ast.AnnAssign] = {}
    others, whole, found = set(_OF_STRUCTS), idea.whole, False
    untyped: list[tuple[str, ast.Assign]] = []
    for owner in reversed(idea.family):
        for node in owner.body:
            if not isinstance(node, ast.ClassDef) or node.name != "Params":
                continue
            found = True
            bases = [ast.unparse(base) for base in node.bases]
            whole = whole and all(
                b in {"Strategy.Params", "Params", "onepath.Params", "onepath.Strategy.Params"}
                or b.removesuffix(".Params") in {c.name for c in idea.family}
                for b in bases
            )
            for part in node.body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                    if "ClassVar" not in ast.unparse(part.annotation):
                        fields[part.target.id] = part
                    others.add(part.target.id)
                elif isinstance(part, Function):
                    others.add(part.name)
                elif isinstance(part, ast.Assign):
                    untyped += [(t.id, part) for t in part.targets if isinstance(t, ast.Name)]
    if not found and not idea.whole:
        return None
    return Schema(fields, frozenset(others), whole, tuple(untyped))


def _uses(idea: Idea) -> Iterator[tuple[ast.Attribute, str]]:
    """Every `self.params.x`, `context.params.x`, and `p.x` where p is one of them."""
    for method in idea.methods.values():
        aliases = _aliases(method, _is_params)
        for node in ast.walk(method):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                value = node.value
                if _is_params(value) or (isinstance(value, ast.Name) and value.id in aliases):
                    yield node, node.attr


def _is_params(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "params"
        and isinstance(node.value, ast.Name)
        and node.value.id in {"self", "context"}
    )


def _aliases(method: Function, is_one: object) -> set[str]:
    """Names that are only ever assigned what `is_one` says yes to."""
    good: set[str] = set()
    bad: set[str] = set()
    for node in ast.walk(method):
        pairs: list[tuple[ast.expr, ast.expr | None]] = []
        if isinstance(node, ast.Assign):
            for target in node.targets:
                values = node.value.elts if isinstance(node.value, ast.Tuple) else None
                if isinstance(target, ast.Tuple) and values is not None and len(values) == len(target.elts):
                    pairs += zip(target.elts, values, strict=True)
                else:
                    pairs += (
                        [(part, None) for part in ast.walk(target) if isinstance(part, ast.expr)]
                        if isinstance(target, ast.Tuple)
                        else [(target, node.value)]
                    )
        elif isinstance(node, ast.NamedExpr):
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.For | ast.comprehension):
            pairs = [(part, None) for part in ast.walk(node.target) if isinstance(part, ast.expr)]
        for target, value in pairs:
            if isinstance(target, ast.Name):
                (good if value is not None and is_one(value) else bad).add(target.id)  # type: ignore[operator]
    return good - bad


def of_features(source: Source) -> Iterator[Finding]:
    """Features that are used and those that were asked for."""
    for idea in (i for i in source.ideas if i.whole):
        asked, exact = _asked(source, idea)
        used: set[str] = set()
        rows = False
        for node, name in _feature_uses(source, idea):
            rows = True
            used.add(name)
            if exact and name not in asked and name != "ready":
                said = f"the feature {name} was not asked for{nearest(name, asked)}"
                yield source.find("OP141", node, f"{said}; context.features.require({name}=...) in on_start")
        known = used | _texts(source)
        if exact and rows and not any(isinstance(n, ast.Name) and n.id == "getattr" for n in source.nodes):
            for name, call in asked.items():
                if name not in known and source.parents.get(source.function(call) or call) is idea.node:
                    yield source.find("OP142", call, f"nobody uses the feature {name}")


def _asked(source: Source, idea: Idea) -> tuple[dict[str, ast.Call], bool]:
    """The names that `features.require` is given, and whether those are all."""
    asked: dict[str, ast.Call] = {}
    exact = True
    for method in idea.methods.values():
        aliases = _aliases(method, lambda value: _is_view(source, value, "features"))
        for node in ast.walk(method):
            if (
                not isinstance(node, ast.Call)
                or not isinstance(node.func, ast.Attribute)
                or node.func.attr != "require"
            ):
                continue
            owner = node.func.value
            if _is_view(source, owner, "features") or (isinstance(owner, ast.Name) and owner.id in aliases):
                exact = exact and all(keyword.arg is not None for keyword in node.keywords)
                asked.update({keyword.arg: node for keyword in node.keywords if keyword.arg is not None})
    helpers = {n.name for n in source.tree.body if isinstance(n, Function)}
    called = {n.id for m in idea.methods.values() for n in ast.walk(m) if isinstance(n, ast.Name)}
    return asked, exact and not (not asked and helpers & called)


def _feature_uses(source: Source, idea: Idea) -> Iterator[tuple[ast.Attribute, str]]:
    """Every `f.name` where f is a row of features."""
    for method in idea.methods.values():
        tables = _aliases(method, lambda value: _is_view(source, value, "features"))

        def is_row(value: ast.expr, tables: set[str] = tables) -> bool:
            if not isinstance(value, ast.Subscript):
                return False
            table = value.value
            return _is_view(source, table, "features") or (isinstance(table, ast.Name) and table.id in tables)

        rows = _aliases(method, is_row)
        for node in ast.walk(method):
            if isinstance(node, ast.Attribute) and (
                is_row(node.value) or (isinstance(node.value, ast.Name) and node.value.id in rows)
            ):
                yield node, node.attr


def of_views(source: Source) -> Iterator[Finding]:
    """History, bars and books that are used and were not asked for."""
    for idea in (i for i in source.ideas if i.whole):
        nodes = [node for method in idea.methods.values() for node in ast.walk(method)]
        for view, how in _VIEWS.items():
            seen = [n for n in nodes if isinstance(n, ast.Attribute) and _is_view(source, n, view)]
            parents = [source.parents.get(n) for n in seen]
            asked = any(isinstance(p, ast.Attribute) and p.attr == "require" for p in parents)
            passed = any(not isinstance(p, ast.Attribute | ast.Subscript) for p in parents)
            if seen and not asked and not passed:
                yield source.find("OP143", seen[0], f"nothing is kept: on_start has no context.{view}.require{how}")
        hears = idea.methods.get("on_bar")
        if hears is not None and not any(isinstance(n, ast.Attribute) and n.attr == "timeframes" for n in nodes):
            yield source.find(
                "OP143", hears, 'on_bar is never called: on_start has no context.timeframes.require("5m")'
            )


def _is_view(source: Source, node: ast.expr, view: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == view and is_context(source, node.value)


def _texts(source: Source) -> set[str]:
    return {n.value for n in source.nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
