"""A YAML text as plain values that remember where they stood.

Rules: text stays text until the schema asks for a number, a day or a truth value, so `NO` is a symbol, `0700` keeps its
zero, `12:30` is no number and `1e3` is one. Where no schema asks (parameters), the rules of YAML 1.2 decide. Of two
equal keys neither wins: that is an error.
Limits: no merge keys (`<<`), no custom tags, one document a file; `${NAME}` stands in values, not in keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from onepath.errors import ConfigError
from onepath.nearest import nearest

Path = tuple[str | int, ...]
SECRET = re.compile(r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|PRIVATE", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NULLS = ("", "~", "null", "Null", "NULL")
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class Plain(str):
    """Text that was written without quotes: a number where a number is wanted."""

    __slots__ = ()


class Document(NamedTuple):
    """The values of a file, and of each key path: where it stands, and its text if variables were put in."""

    values: dict[str, Any]
    lines: dict[Path, str]
    raw: dict[Path, str]
    secrets: dict[Path, str]


def resolve(value: Any) -> Any:
    """Plain text as YAML 1.2 reads it: integers, numbers, true and false; the rest as it is, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): resolve(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item) for item in value]
    if not isinstance(value, Plain):
        return value
    if _INTEGER.fullmatch(value):
        return int(value)
    if _NUMBER.fullmatch(value):
        return float(value)
    return _TRUTHS.get(value, str(value))


def read(
    text: str,
    name: str,
    env: Mapping[str, str],
    needs: str = "a configuration needs at least `data` and `strategies`",
    such_as: str = "mode: backtest",
) -> Document:
    """The document in `text`; `name` is the file's, for messages, `needs` and `such_as` what is expected. Raises ConfigError."""
    node = _compose(text, name)
    if node is None:
        raise ConfigError(f"{name} is empty: {needs}")
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{name}:1: expected keys such as `{such_as}`, found {_kind(node)}")
    reader = _Reader(name, env)
    return Document(reader.mapping(node, ()), reader.lines, reader.raw, reader.secrets)


def override(document: Document, assignment: str, env: Mapping[str, str]) -> None:
    """Put the value of `a.b.c=value` in its place. Lists take an index or the name of an item."""
    name = f"--set {assignment.partition('=')[0]}"
    dotted, equals, text = assignment.partition("=")
    if not equals or not dotted.strip(".") or ".." in dotted:
        raise ConfigError(f"--set {assignment}: expected key=value, such as seed=7 or strategies.0.params.fast=10")
    node = _compose(text, name)
    reader = _Reader(name, env, numbered=False)
    parent, path = _parent(document, dotted.strip().split("."), name)
    for known in (document.lines, document.raw, document.secrets):
        for old in [key for key in known if key[: len(path)] == path]:
            del known[old]
    parent[path[-1]] = None if node is None else reader.value(node, path)
    document.lines.update(reader.lines | {path: name})
    document.raw.update(reader.raw)
    document.secrets.update(reader.secrets)


def _compose(text: str, name: str) -> yaml.Node | None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark and not name.startswith("--") else ""
        raise ConfigError(f"{name}{line}: this is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: this is not YAML: {' '.join(str(error).split())}") from None


def _parent(document: Document, keys: list[str], name: str) -> tuple[Any, Path]:
    """The container of the last key, made where it is missing, and the whole path."""
    node: Any = document.values
    path: Path = ()
    for position, text in enumerate(keys):
        key = _index(node, text, name) if isinstance(node, list) else text
        path = (*path, key)
        if position == len(keys) - 1:
            return node, path
        if isinstance(node, dict) and node.get(text) is None:
            node[text] = {}
            document.lines[path] = name
        node = node[key]
        if not isinstance(node, dict | list):
            raise ConfigError(
                f"{name}: {'.'.join(keys[: position + 1])} is a single value and has no key {keys[position + 1]!r}"
            )
    raise AssertionError("a path has at least one key")


def _index(items: list[Any], text: str, name: str) -> int:
    """The place in a list that `text` means: an index, or the name of an item."""
    if text.isdecimal() and int(text) < len(items):
        return int(text)
    names = [str(item.get("name")) if isinstance(item, dict) else "" for item in items]
    if text in names:
        return names.index(text)
    known = ", ".join(filter(None, names)) or f"{len(items)} of them, from 0 on"
    raise ConfigError(f"{name}: there is no item {text!r}{nearest(text, filter(None, names))}; there are: {known}")


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "keys" if isinstance(node, yaml.MappingNode) else f"the text {node.value!r}"


class _Reader:
    """Walks the nodes of one file and keeps where they stand."""

    def __init__(self, name: str, env: Mapping[str, str], *, numbered: bool = True) -> None:
        self.lines: dict[Path, str] = {}
        self.raw: dict[Path, str] = {}
        self.secrets: dict[Path, str] = {}
        self._name = name
        self._env = env
        self._numbered = numbered

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, self._where(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - there are three kinds of node
        return self._scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{self._where(key_node)}: a key must be a name, found {_kind(key_node)}")
            key = str(key_node.value)
            if key in values:
                first = self.lines[(*path, key)].rpartition(":")[2]
                raise ConfigError(
                    f"{self._where(key_node)}: {key!r} stands twice, first in line {first}; keep one of them"
                )
            self.lines[(*path, key)] = self._where(key_node)
            values[key] = self.value(value_node, (*path, key))
        return values

    def _where(self, node: yaml.Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}" if self._numbered else self._name

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        plain = not node.style
        if plain and text in _NULLS:
            return None
        filled = _VARIABLE.sub(lambda found: self._variable(found, node), text)
        if filled != text:
            self.raw[path] = text
            if any(SECRET.search(found[1]) for found in _VARIABLE.finditer(text)):
                self.secrets[path] = text
        if plain and filled in _NULLS:
            return None
        return Plain(filled) if plain else filled

    def _variable(self, found: re.Match[str], node: yaml.Node) -> str:
        value = self._env.get(found[1]) or found[2]
        if value is None:
            raise ConfigError(
                f"{self._where(node)}: the environment variable {found[1]} is not set; "
                f"set it, or give a default as ${{{found[1]}:-value}}"
            )
        return value
