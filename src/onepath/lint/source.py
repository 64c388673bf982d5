"""A strategy's file as it is read: its imports, its strategies, and the code that runs in a session.

Rules: code that runs is what stands in strategies, and whatever of the module makes the names that they reach; all else, and
`if __name__ == "__main__"`, is a script's own business. Annotations are no code.
Limits: one file at a time; what is imported from elsewhere is taken at its name.
"""

from __future__ import annotations

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from onepath.lint.rules import RULES, Finding

Function = ast.FunctionDef | ast.AsyncFunctionDef
_IGNORE = re.compile(r"#\s*onepath:\s*ignore(?:\[([^\]]*)\])?")
_ROOTS = frozenset({"onepath.Strategy", "onepath.strategy.Strategy"})
_ANNOTATIONS = frozenset({"annotation", "returns"})


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


class Idea(NamedTuple):
    """A strategy of the file: its class, the classes of this file that it goes back to (itself first), and whether there is none
    elsewhere."""

    node: ast.ClassDef
    family: tuple[ast.ClassDef, ...]
    whole: bool

    @property
    def methods(self) -> dict[str, Function]:
        """By name; what is nearer wins."""
        found: dict[str, Function] = {}
        for node in reversed(self.family):
            found.update({m.name: m for m in node.body if isinstance(m, Function)})
        return found


class Source:
    """A file, parsed. Raises SyntaxError."""

    def __init__(self, path: str, text: str, also: Collection[str] = ()) -> None:
        """`also` are classes that are strategies though their text does not tell."""
        self.path = path
        self.text = text
        self.tree = ast.parse(text, path)
        self._also = also
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.imports = dict(_imports(self.tree))
        self.classes = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}
        self.ideas = [idea for idea in map(self._idea, self.classes.values()) if idea is not None]
        self._bound: dict[ast.AST, frozenset[str]] = {}
        self.globals = frozenset(_at_top(self.tree.body))
        """the names that the module itself binds, imports left out"""
        self.nodes = tuple(node for part in self._running() for node in _code(part))

    def find(self, rule: str, node: Any, message: str) -> Finding:
        """A finding at `node`."""
        return Finding(self.path, node.lineno, node.col_offset + 1, rule, RULES[rule].severity, message)

    def dotted(self, node: ast.AST) -> str | None:
        """`np.random.rand` as `numpy.random.rand`, `open` as `builtins.open`; None for what is no name of a module."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or self._shadowed(node):
            return None
        root = self.imports.get(node.id)
        if root is None:
            if node.id in self.globals or not hasattr(builtins, node.id):
                return None
            root = f"builtins.{node.id}"
        return ".".join([root, *reversed(parts)])

    def names(self) -> Iterator[tuple[ast.expr, str]]:
        """Every name of a module that running code speaks of, as long as it goes."""
        for node in self.nodes:
            if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            parent = self.parents.get(node)
            if isinstance(parent, ast.Attribute) and parent.value is node:
                continue
            found = self.dotted(node)
            if found is not None:
                yield node, found

    def calls(self) -> Iterator[ast.Call]:
        """Every call in running code."""
        return (node for node in self.nodes if isinstance(node, ast.Call))

    def function(self, node: ast.AST) -> Function | None:
        """The method or function of the file that `node` stands in."""
        found = None
        above: ast.AST | None = node
        while above is not None:
            if isinstance(above, Function):
                found = above
            above = self.parents.get(above)
        return found

    def callers(self, function: Function) -> set[Function | None]:
        """Who speaks of a function of the file: functions, or None for the module itself."""
        return self._speakers.get(function.name, set()) - {function}

    @cached_property
    def _speakers(self) -> dict[str, set[Function | None]]:
        found: dict[str, set[Function | None]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                found.setdefault(name, set()).add(self.function(node))
        return found

    def bound(self, function: ast.AST) -> frozenset[str]:
        """The names that a function binds itself."""
        known = self._bound.get(function)
        if known is None:
            names = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
            names |= set(_stored([function])) - {
                name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
            }
            known = self._bound[function] = frozenset(names - dict(_imports(function)).keys())
        return known

    def ignored(self) -> dict[int, frozenset[str]]:
        """The rules that a comment switches off, by line; all where it names none."""
        found = {}
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT and (said := _IGNORE.search(token.string)):
                found[token.start[0]] = frozenset(re.findall(r"[\w-]+", said[1])) if said[1] else frozenset(RULES)
        return found

    def _shadowed(self, node: ast.Name) -> bool:
        above: ast.AST | None = self.parents.get(node)
        while above is not None:
            if isinstance(above, Function | ast.Lambda) and node.id in self.bound(above):
                return True
            above = self.parents.get(above)
        return False

    def _idea(self, node: ast.ClassDef) -> Idea | None:
        family, whole, is_one = [node], True, node.name in self._also
        for base in node.bases:
            local = self.classes.get(base.id) if isinstance(base, ast.Name) else None
            if local is not None and local is not node:
                above = self._idea(local)
                family += above.family if above is not None else [local]
                whole = whole and (above is None or above.whole)
                is_one = is_one or above is not None
            elif _plain(base, self.imports) in _ROOTS:
                is_one = True
            else:
                whole = False
        return Idea(node, tuple(dict.fromkeys(family)), whole) if is_one else None

    def _running(self) -> list[ast.stmt]:
        """The statements of the module that matter in a session: strategies, and what makes the names that they reach."""
        makes: dict[str, list[ast.stmt]] = {}
        for node in self.tree.body:
            for name in () if _is_script(node) else _at_top([node]):
                makes.setdefault(name, []).append(node)
        reached: dict[ast.stmt, None] = {}
        todo: list[ast.stmt] = [idea.node for idea in self.ideas]
        while todo:
            part = todo.pop()
            reached[part] = None
            names = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
            todo += [node for name in names for node in makes.get(name, ()) if node not in reached]
        return sorted(reached, key=lambda node: node.lineno)


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (
                    (alias.asname or alias.name.partition(".")[0]),
                    (alias.name if alias.asname else alias.name.partition(".")[0]),
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _plain(node: ast.expr, imports: dict[str, str]) -> str:
    """A base class as a dotted name."""
    if isinstance(node, ast.Attribute):
        return f"{_plain(node.value, imports)}.{node.attr}"
    return imports.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _stored(nodes: list[Any]) -> Iterator[str]:
    """Names that are bound by assignment."""
    for part in nodes:
        for node in ast.walk(part):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _at_top(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
        else:
            yield from _stored([node])


def _code(part: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without its annotations."""
    yield part
    for field, value in ast.iter_fields(part):
        if field in _ANNOTATIONS:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _code(child)


def _is_script(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":` or `if TYPE_CHECKING:`"""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id in {"__name__", "TYPE_CHECKING"} for part in ast.walk(node.test)
    )
