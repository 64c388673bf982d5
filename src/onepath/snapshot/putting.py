"""From the nodes of a snapshot back into the objects of a session that was built afresh.

Rules: first every node meets its counterpart: what is found at the same place of the fresh session (the same attribute, key or
index) and is of the same kind. A counterpart that can change is filled in place, so that wiring that holds it goes on holding
the right one; a node without counterpart is made anew, without its constructor (but for frozen values, which check themselves).
What was left out of the snapshot comes from the counterpart. Anything that does not fit is a JournalError, and the session that
was begun to be filled is of no use then.
"""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from types import MethodType
from typing import Any

import msgspec

from onepath.errors import JournalError
from onepath.snapshot.names import Names, kept, slots
from onepath.snapshot.reading import NOTHING, Reader
from onepath.snapshot.words import GENERATORS, Node, Tag, Value

_FACTORIES = {"": None, "int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict, "set": set}
_MAPPINGS: dict[str, type] = {kind.__name__: kind for kind in (defaultdict, Counter, OrderedDict)}
_BUILTIN: dict[int, type] = {
    Node.LIST: list,
    Node.DICT: dict,
    Node.SET: set,
    Node.DEQUE: deque,
    Node.RANDOM: Random,
    Node.ARRAY: array,
    Node.BYTEARRAY: bytearray,
}


class Putter:
    """Fills what can be reached from the root of a fresh session."""

    def __init__(
        self, names: Names, nodes: Sequence[Any], shapes: Sequence[Any], events: Sequence[Sequence[Any]]
    ) -> None:
        self._names = names
        self._nodes = nodes
        self._shapes = shapes
        self._reader = Reader(names, events, self._object)
        self._read = self._reader.value
        self._classes: list[Any] = [names.find(called) if called else None for called, _, _ in shapes]
        self._met: dict[int, Any] = {}
        """what the fresh session has at a node's place, by the node's number"""
        self._own: dict[int, Any] = {}
        """the object of each node"""
        self._claimed: set[int] = set()

    def put(self, root: Any) -> None:
        """Fill the root and all that belongs to it."""
        self._meet_all(root)
        for number, node in enumerate(self._nodes):
            if node[0] != Node.STRUCT:
                self._own[number] = self._shell(number, node)
        for number in range(len(self._nodes)):
            self._object(number)
        hashed = (Node.DICT, Node.SET, Node.MAPPING)
        for late in (False, True):  # what is a key must be whole before it is put into a dictionary
            for number, node in enumerate(self._nodes):
                if (node[0] in hashed) is late:
                    self._fill(number, node)

    # -- counterparts

    def _meet_all(self, root: Any) -> None:
        waiting: deque[tuple[Value, Any]] = deque([([Tag.REF, 0], root)])
        while waiting:
            value, fresh = waiting.popleft()
            if type(value) is not list or fresh is NOTHING:
                continue
            if value[0] == Tag.REF:
                number = value[1]
                if number not in self._met and self._alike(self._nodes[number], fresh):
                    self._met[number] = fresh
                    waiting.extend(self._parts(self._nodes[number], fresh))
            elif value[0] == Tag.TUPLE and type(fresh) is tuple:
                waiting.extend(zip(value[1:], fresh, strict=False))
            elif value[0] == Tag.NAMED and isinstance(fresh, tuple):
                waiting.extend(zip(value[2:], fresh, strict=False))
            elif value[0] == Tag.METHOD and isinstance(fresh, MethodType):
                waiting.append((value[1], fresh.__self__))

    def _alike(self, node: Sequence[Any], fresh: Any) -> bool:
        """Whether the fresh object can stand for a node."""
        kind, found = node[0], type(fresh)
        if kind in (Node.STRUCT, Node.OBJECT):
            called, name, _ = self._shapes[node[1]]
            if not called and self._classes[node[1]] is None and issubclass(found, msgspec.Struct):
                # A class that was made as the session was built: known by its name, at this place.
                self._classes[node[1]] = found if found.__name__ == name else None
            return found is self._classes[node[1]]
        if kind in (Node.EVENTS, Node.DEQUE):
            return found is (list if node[1] == -1 else deque) and getattr(fresh, "maxlen", -1) == node[1]
        return found is (_MAPPINGS.get(node[1]) if kind == Node.MAPPING else _BUILTIN.get(kind))

    def _parts(self, node: Sequence[Any], fresh: Any) -> Iterator[tuple[Value, Any]]:
        """What is in a node, beside what is in its counterpart."""
        kind = node[0]
        if kind in (Node.STRUCT, Node.OBJECT):
            at = 2 if kind == Node.STRUCT else 3
            as_built = kept(type(fresh))
            for name, value in zip(self._shapes[node[1]][2], node[at:], strict=True):
                if name not in as_built:
                    yield value, getattr(fresh, name, NOTHING)
            if kind == Node.OBJECT and node[2] is not None and isinstance(fresh, dict):
                yield from self._entries(node[2], fresh)
        elif kind in (Node.DICT, Node.MAPPING):
            yield from self._entries(node[1 if kind == Node.DICT else 3 :], fresh)
        elif kind in (Node.LIST, Node.DEQUE):
            yield from zip(node[1 if kind == Node.LIST else 2 :], fresh, strict=False)

    def _entries(self, pairs: Sequence[Value], fresh: dict[Any, Any]) -> Iterator[tuple[Value, Any]]:
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(value) is list and _is_plain(key):
                yield value, dict.get(fresh, self._read(key, NOTHING), NOTHING)

    # -- objects

    def _shell(self, number: int, node: Sequence[Any]) -> Any:
        """The object of a node: its counterpart, which nothing else is filled into, or a new one."""
        fresh, kind = self._met.get(number, NOTHING), node[0]
        if kind == Node.COUNT:
            return count(int(node[1]), int(node[2]))
        if kind in (Node.NDARRAY, Node.GENERATOR):
            return self._numpy(node)
        if fresh is not NOTHING and id(fresh) not in self._claimed:
            self._claimed.add(id(fresh))
            return fresh
        return _blank(self._class_of(node[1])) if kind == Node.OBJECT else _new(node)

    def _numpy(self, node: Sequence[Any]) -> Any:
        import numpy as np

        if node[0] == Node.NDARRAY:
            _, kind, shape, order, data = node
            return np.frombuffer(data, dtype=kind).reshape(shape, order=order).copy(order)
        if node[1] not in GENERATORS:
            raise JournalError(f"the snapshot has a random generator {node[1]!r}, which this version does not know")
        return np.random.Generator(getattr(np.random, node[1])(0))

    def _class_of(self, shape: int) -> Any:
        """The class of a shape. Raises JournalError where it is not one that a snapshot may hold."""
        kind, (called, name, _) = self._classes[shape], self._shapes[shape]
        if not isinstance(kind, type) or not self._names.is_ours(kind):
            raise JournalError(
                f"the snapshot has an object of {called or name}, which this session does not have; run the session again from "
                "its beginning"
            )
        return kind

    def _object(self, number: int) -> Any:
        """The object of a node; frozen values are made whole, of parts that exist already."""
        found = self._own.get(number, NOTHING)
        if found is not NOTHING:
            return found
        node, fresh = self._nodes[number], self._met.get(number, NOTHING)
        kind = self._class_of(node[1])
        fields = self._shapes[node[1]][2]
        if not issubclass(kind, msgspec.Struct) or list(kind.__struct_fields__) != fields:
            raise JournalError(f"the snapshot's {kind.__name__} is of another version of onepath")
        before = [getattr(fresh, field) if fresh is not NOTHING else NOTHING for field in fields]
        values = [self._read(value, old) for value, old in zip(node[2:], before, strict=True)]
        if fresh is not NOTHING and all(new is old for new, old in zip(values, before, strict=True)):
            found = fresh
        elif fresh is not NOTHING and not kind.__struct_config__.frozen and id(fresh) not in self._claimed:
            self._claimed.add(id(fresh))
            found = fresh
            for field, value in zip(fields, values, strict=True):
                setattr(found, field, value)
        else:
            found = kind(**dict(zip(fields, values, strict=True)))
        self._own[number] = found
        return found

    # -- content

    def _fill(self, number: int, node: Sequence[Any]) -> None:
        """Let the object of a node hold what the node says."""
        kind, thing, fresh = node[0], self._own[number], self._met.get(number, NOTHING)
        if kind == Node.OBJECT:
            self._fill_object(thing, node, fresh)
        elif kind in (Node.LIST, Node.DEQUE):
            self._fill_sequence(thing, node[1 if kind == Node.LIST else 2 :], fresh)
        elif kind in (Node.DICT, Node.MAPPING):
            if kind == Node.MAPPING and node[1] == "defaultdict":
                thing.default_factory = _FACTORIES[node[2]]
            self._fill_dict(thing, node[1 if kind == Node.DICT else 3 :], fresh)
        elif kind == Node.SET:
            items = [self._read(item, NOTHING) for item in node[1:]]
            thing.clear()
            thing.update(items)
        elif kind == Node.EVENTS:
            thing.clear()
            for begin, length in zip(node[2][::2], node[2][1::2], strict=True):
                thing.extend(self._reader.events[begin : begin + length])
        elif kind == Node.RANDOM:
            words = array("Q")
            words.frombytes(node[2])
            thing.setstate((node[1], tuple(words), node[3]))
        elif kind == Node.ARRAY:
            del thing[:]
            thing.frombytes(node[2])
        elif kind == Node.BYTEARRAY:
            thing[:] = node[1]
        elif kind == Node.GENERATOR:
            thing.bit_generator.state = _bits(node[2])

    def _fill_sequence(self, thing: Any, values: Sequence[Value], fresh: Any) -> None:
        before = [] if fresh is NOTHING else list(fresh)
        before += [NOTHING] * (len(values) - len(before))
        items = [self._read(value, old) for value, old in zip(values, before, strict=False)]
        thing.clear()
        thing.extend(items)

    def _fill_dict(self, thing: Any, pairs: Sequence[Value], fresh: Any) -> None:
        keys = [self._read(key, NOTHING) for key in pairs[::2]]
        before = {} if fresh is NOTHING else dict(fresh)
        items = [self._read(v, before.get(k, NOTHING)) for k, v in zip(keys, pairs[1::2], strict=True)]
        plain = OrderedDict if isinstance(thing, OrderedDict) else dict  # never what a class of ours makes of it
        plain.clear(thing)
        for key, item in zip(keys, items, strict=True):
            plain.__setitem__(thing, key, item)

    def _fill_object(self, thing: Any, node: Sequence[Any], fresh: Any) -> None:
        kind = type(thing)
        names, as_built = self._shapes[node[1]][2], kept(kind)
        found: dict[str, Any] = {}
        for name, value in zip(names, node[3:], strict=True):
            if name not in as_built:
                found[name] = self._read(value, getattr(fresh, name, NOTHING))
            elif hasattr(thing, name):
                found[name] = getattr(thing, name)
        for name in slots(kind):
            if name in found:
                object.__setattr__(thing, name, found.pop(name))
            elif name not in as_built and hasattr(thing, name):
                object.__delattr__(thing, name)
        if hasattr(thing, "__dict__"):
            own = vars(thing)
            stays = {name: value for name, value in own.items() if name in as_built}
            own.clear()
            own.update(found | stays)
        if node[2] is None:
            return
        if isinstance(thing, dict):
            self._fill_dict(thing, node[2], fresh)
        elif isinstance(thing, set):
            items = [self._read(item, NOTHING) for item in node[2]]
            thing.clear()
            thing.update(items)
        else:
            self._fill_sequence(thing, node[2], fresh)


def _is_plain(value: Value) -> bool:
    """Whether a key can be read before there are any objects."""
    if type(value) is not list:
        return True
    if value[0] == Tag.TUPLE:
        return all(map(_is_plain, value[1:]))
    return value[0] in (Tag.ENUM, Tag.DECIMAL, Tag.INT, Tag.TIME, Tag.CLASS, Tag.CONSTANT)


def _bits(state: dict[str, Any]) -> dict[str, Any]:
    """The state of one of numpy's bit generators."""
    import numpy as np

    found: dict[str, Any] = {}
    for name, item in state.items():
        if isinstance(item, dict):
            found[name] = _bits(item)
        elif isinstance(item, str):
            found[name] = item
        else:
            found[name] = int(item[0], 16) if len(item) == 1 else np.frombuffer(item[1], dtype=item[0]).copy()
    return found


def _new(node: Sequence[Any]) -> Any:
    """An empty collection."""
    kind = node[0]
    if kind in (Node.EVENTS, Node.DEQUE):
        return [] if node[1] == -1 else deque(maxlen=node[1])
    if kind == Node.ARRAY:
        return array(node[1])
    return _MAPPINGS[node[1]]() if kind == Node.MAPPING else _BUILTIN[kind]()


def _blank(kind: Any) -> Any:
    """An object of a class, before anything is known of it."""
    bases: tuple[Any, ...] = (dict, list, set, deque)
    return next((base for base in bases if issubclass(kind, base)), object).__new__(kind)
