"""State that is not the strategy's own: in the module, in the class; and state that is no data, which no snapshot can keep."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from onepath.lint.rules import Finding
from onepath.lint.source import Function, Idea, Source, words

MUTATORS = words(
    """append appendleft extend extendleft insert add update setdefault pop popleft popitem remove discard clear sort reverse
    rotate"""
)
_MUTABLE = frozenset(
    {"list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "bytearray", "array", "zeros"}
)
_NO_DATA = (
    "itertools.",
    "threading.",
    "builtins.iter",
    "builtins.map",
    "builtins.filter",
    "builtins.zip",
    "builtins.open",
)


def of_module(source: Source) -> Iterator[Finding]:
    """Names of the module that running code changes."""
    mutable = {
        target.id
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_mutable(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in source.nodes:
        if isinstance(node, ast.Global):
            yield source.find(
                "OP111", node, f"global {', '.join(node.names)}: strategies and runs share a module; use self"
            )
            continue
        changed = _changed(node)
        if isinstance(changed, ast.Name) and changed.id in mutable:
            method = source.function(node)
            if method is not None and changed.id not in source.bound(method):
                yield source.find(
                    "OP111", node, f"{changed.id} belongs to the module, which strategies and runs share; use self"
                )


def of_class(source: Source) -> Iterator[Finding]:
    """Attributes of classes that running code changes."""
    for idea in source.ideas:
        own = _own(idea)
        shared = {name for node in idea.family for name in _class_values(node)} - own
        for method in (m for m in idea.methods.values() if source.parents.get(m) is idea.node):
            for node in ast.walk(method):
                yield from _of_class(source, idea, node, shared)


def _of_class(source: Source, idea: Idea, node: ast.AST, shared: set[str]) -> Iterator[Finding]:
    changed = _changed(node)
    if isinstance(changed, ast.Attribute) and _is_self(changed.value) and changed.attr in shared:
        said = f"{changed.attr} belongs to the class, which all instances share"
        yield source.find("OP112", node, f"{said}; set self.{changed.attr} in on_start")
        return
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    for target in [*targets, changed]:
        if isinstance(target, ast.Attribute) and _is_class(target.value, idea):
            yield source.find("OP112", node, f"{target.attr} is set on the class, which all instances share; use self")
            return


def of_self(source: Source) -> Iterator[Finding]:
    """Things in `self` that are no data."""
    for idea in source.ideas:
        for method in (m for m in idea.methods.values() if source.parents.get(m) is idea.node):
            inner = {node.name for node in ast.walk(method) if isinstance(node, Function) and node is not method}
            contexts = {arg.arg for arg in method.args.args if arg.arg == "context"}
            for node in ast.walk(method):
                if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                    continue
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                kept = [t for t in targets if isinstance(t, ast.Attribute) and _is_self(t.value)]
                what = _no_data(source, node.value, inner, contexts)
                if kept and what:
                    said = f"self.{kept[0].attr} is {what}: no snapshot can keep it"
                    yield source.find(
                        "OP165", node, f"{said}; numbers, texts, lists, dicts go into self or context.metadata"
                    )


def _no_data(source: Source, value: ast.expr, inner: set[str], contexts: set[str]) -> str:
    """What a value is, where it is no data."""
    if isinstance(value, ast.Lambda):
        return "a function"
    if isinstance(value, ast.GeneratorExp):
        return "a generator"
    if isinstance(value, ast.Name) and value.id in inner:
        return "a function"
    if isinstance(value, ast.Name) and value.id in contexts:
        return "the context, which every call brings"
    name = source.dotted(value.func) if isinstance(value, ast.Call) else None
    return name.removeprefix("builtins.") + "(...)" if name is not None and name.startswith(_NO_DATA) else ""


def _changed(node: ast.AST) -> ast.expr | None:
    """What a node changes in place: `x` of `x.append(1)`, `x[0] = 1`, `x[0] += 1`, `del x[0]`, `x += [1]`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        return _root(node.func.value)
    if isinstance(node, ast.Assign | ast.Delete):
        return next((_root(t.value) for t in node.targets if isinstance(t, ast.Subscript)), None)
    if isinstance(node, ast.AugAssign):
        return _root(node.target.value) if isinstance(node.target, ast.Subscript) else node.target
    return None


def _root(node: ast.expr) -> ast.expr:
    """`x` of `x[0][1]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    called = value.func if isinstance(value, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in _MUTABLE


def _class_values(node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None and _is_mutable(part.value):
            for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
                if isinstance(target, ast.Name):
                    yield target.id


def _own(idea: Idea) -> set[str]:
    """Attributes that some method sets on self."""
    return {
        node.attr
        for method in idea.methods.values()
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value)
    }


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _is_class(node: ast.expr, idea: Idea) -> bool:
    """`cls`, the class by name, `type(self)` or `self.__class__`."""
    if isinstance(node, ast.Name):
        return node.id == "cls" or node.id in {c.name for c in idea.family}
    if isinstance(node, ast.Attribute):
        return node.attr == "__class__"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type"
