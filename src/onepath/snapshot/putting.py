"""From the nodes of a snapshot back into the objects of a session that was built afresh.

Rules: first every node meets its counterpart: what is found at the same place of the fresh session (the same attribute, key or
index) and is of the same kind. A counterpart that can change is filled in place, so that wiring that holds it goes on holding
the right one; a node without counterpart is made anew, without its constructor (but for frozen values, which check themselves).
What was left out of the snapshot comes from the counterpart. Anything that does not fit is a JournalError, and the session that
was begun to be filled is of no use then.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import count
from random import Random
from types import FunctionType, MethodType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from onepath.errors import JournalError
from onepath.market import BookUpdate
from onepath.snapshot.names import CONSTANTS, Names, kept, slots
from onepath.snapshot.words import EVENTS, GENERATORS, Node, Tag, Value

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
_EVENTS: dict[Any, Any] = {kind.__struct_config__.tag: kind for kind in EVENTS}  # type: ignore[attr-defined]
_NOTHING: Any = object()


class Putter:
    """Fills what can be reached from the root of a fresh session."""

    def __init__(
        self, names: Names, nodes: Sequence[Any], shapes: Sequence[Any], events: Sequence[Sequence[Any]]
    ) -> None:
        self._names = names
        self._nodes = nodes
        self._shapes = shapes
        self._events = [_event(row) for row in events]
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
            if type(value) is not list or fresh is _NOTHING:
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
                    yield value, getattr(fresh, name, _NOTHING)
            if kind == Node.OBJECT and node[2] is not None and isinstance(fresh, dict):
                yield from self._entries(node[2], fresh)
        elif kind in (Node.DICT, Node.MAPPING):
            yield from self._entries(node[1 if kind == Node.DICT else 3 :], fresh)
        elif kind in (Node.LIST, Node.DEQUE):
            yield from zip(node[1 if kind == Node.LIST else 2 :], fresh, strict=False)

    def _entries(self, pairs: Sequence[Value], fresh: dict[Any, Any]) -> Iterator[tuple[Value, Any]]:
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(value) is list and _is_plain(key):
                yield value, dict.get(fresh, self._value(key, _NOTHING), _NOTHING)

    # -- objects

    def _shell(self, number: int, node: Sequence[Any]) -> Any:
        """The object of a node: its counterpart, which nothing else is filled into, or a new one."""
        fresh, kind = self._met.get(number, _NOTHING), node[0]
        if kind == Node.COUNT:
            return count(self._value(node[1], _NOTHING), self._value(node[2], _NOTHING))
        if kind in (Node.NDARRAY, Node.GENERATOR):
            return self._numpy(node)
        if fresh is not _NOTHING and id(fresh) not in self._claimed:
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
        found = self._own.get(number, _NOTHING)
        if found is not _NOTHING:
            return found
        node, fresh = self._nodes[number], self._met.get(number, _NOTHING)
        kind = self._class_of(node[1])
        fields = self._shapes[node[1]][2]
        if not issubclass(kind, msgspec.Struct) or list(kind.__struct_fields__) != fields:
            raise JournalError(f"the snapshot's {kind.__name__} is of another version of onepath")
        before = [getattr(fresh, field) if fresh is not _NOTHING else _NOTHING for field in fields]
        values = [self._value(value, old) for value, old in zip(node[2:], before, strict=True)]
        if fresh is not _NOTHING and all(new is old for new, old in zip(values, before, strict=True)):
            found = fresh
        elif fresh is not _NOTHING and not kind.__struct_config__.frozen and id(fresh) not in self._claimed:
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
        kind, thing, fresh = node[0], self._own[number], self._met.get(number, _NOTHING)
        if kind == Node.OBJECT:
            self._fill_object(thing, node, fresh)
        elif kind in (Node.LIST, Node.DEQUE):
            self._fill_sequence(thing, node[1 if kind == Node.LIST else 2 :], fresh)
        elif kind in (Node.DICT, Node.MAPPING):
            if kind == Node.MAPPING and node[1] == "defaultdict":
                thing.default_factory = _FACTORIES[node[2]]
            self._fill_dict(thing, node[1 if kind == Node.DICT else 3 :], fresh)
        elif kind == Node.SET:
            items = [self._value(item, _NOTHING) for item in node[1:]]
            thing.clear()
            thing.update(items)
        elif kind == Node.EVENTS:
            thing.clear()
            for begin, length in zip(node[2][::2], node[2][1::2], strict=True):
                thing.extend(self._events[begin : begin + length])
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
        before = [] if fresh is _NOTHING else list(fresh)
        before += [_NOTHING] * (len(values) - len(before))
        items = [self._value(value, old) for value, old in zip(values, before, strict=False)]
        thing.clear()
        thing.extend(items)

    def _fill_dict(self, thing: Any, pairs: Sequence[Value], fresh: Any) -> None:
        keys = [self._value(key, _NOTHING) for key in pairs[::2]]
        before = {} if fresh is _NOTHING else dict(fresh)
        items = [self._value(v, before.get(k, _NOTHING)) for k, v in zip(keys, pairs[1::2], strict=True)]
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
                found[name] = self._value(value, getattr(fresh, name, _NOTHING))
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
            items = [self._value(item, _NOTHING) for item in node[2]]
            thing.clear()
            thing.update(items)
        else:
            self._fill_sequence(thing, node[2], fresh)

    # -- values

    def _value(self, value: Value, fresh: Any) -> Any:
        """The object that a value stands for; the fresh one at its place, where they are the same."""
        kind = type(value)
        if kind is not list:
            # Of floats, zeros have a sign that == does not see.
            same = (
                kind is type(fresh) and fresh == value and (value != 0 or kind is not float or str(fresh) == str(value))
            )
            return fresh if same else value
        return _READERS[value[0]](self, value, fresh)

    def _ref(self, value: Value, _fresh: Any) -> Any:
        return self._object(value[1])

    def _wire(self, _value: Value, fresh: Any) -> Any:
        if fresh is _NOTHING:
            raise JournalError(
                "the snapshot needs a part of the session that was made while it ran and is not data; run the session again "
                "from its beginning"
            )
        return fresh

    def _decimal(self, value: Value, fresh: Any) -> Any:
        return fresh if type(fresh) is Decimal and str(fresh) == value[1] else Decimal(value[1])

    def _int(self, value: Value, _fresh: Any) -> int:
        return int(value[1], 16)

    def _tuple(self, value: Value, fresh: Any) -> Any:
        return self._same(fresh, tuple, value[1:])

    def _frozenset(self, value: Value, fresh: Any) -> Any:
        items = frozenset(self._value(item, _NOTHING) for item in value[1:])
        return fresh if type(fresh) is frozenset and fresh == items else items

    def _named(self, value: Value, fresh: Any) -> Any:
        kind = self._names.find(value[1])
        if not (isinstance(kind, type) and issubclass(kind, tuple) and self._names.is_ours(kind)):
            raise JournalError(f"the snapshot has a {value[1]}, which this session does not have")
        return self._same(fresh, kind, value[2:])

    def _same(self, fresh: Any, kind: Any, values: Sequence[Value]) -> Any:
        """A tuple of these values; the fresh one, if it is of the very same."""
        before = list(fresh) if type(fresh) is kind else []
        padded = before + [_NOTHING] * (len(values) - len(before))
        items = [self._value(item, old) for item, old in zip(values, padded, strict=False)]
        if (
            len(before) == len(items)
            and type(fresh) is kind
            and all(a is b for a, b in zip(items, before, strict=True))
        ):
            return fresh
        return tuple.__new__(kind, items)

    def _enum(self, value: Value, _fresh: Any) -> Any:
        kind = self._names.find(value[1])
        try:
            return kind.__members__[value[2]]
        except (AttributeError, KeyError):
            raise JournalError(f"the snapshot has {value[1]}.{value[2]}, which this version does not know") from None

    def _event(self, value: Value, _fresh: Any) -> Any:
        return self._events[value[1]]

    def _named_thing(self, value: Value, fresh: Any) -> Any:
        found = self._names.find(value[1])
        if not isinstance(found, type if value[0] == Tag.CLASS else FunctionType):
            raise JournalError(f"the snapshot has {value[1]}, which this version does not know")
        return found

    def _method(self, value: Value, fresh: Any) -> Any:
        whose = self._value(value[1], getattr(fresh, "__self__", _NOTHING))
        function = getattr(type(whose), value[2], None)
        if not isinstance(function, FunctionType):
            raise JournalError(f"the snapshot has a method {value[2]!r}, which this version does not know")
        if isinstance(fresh, MethodType) and fresh.__self__ is whose and fresh.__func__ is function:
            return fresh
        return MethodType(function, whose)

    def _constant(self, value: Value, _fresh: Any) -> Any:
        return CONSTANTS[value[1]]

    def _time(self, value: Value, _fresh: Any) -> Any:
        _, kind, *parts = value
        if kind == "zone":
            return ZoneInfo(parts[0])
        if kind == "timezone":
            offset = dt.timedelta(microseconds=parts[0])
            return dt.UTC if not offset else dt.timezone(offset)
        if kind == "date":
            return dt.date(*parts)
        if kind == "timedelta":
            return dt.timedelta(days=parts[0], seconds=parts[1], microseconds=parts[2])
        *clock, fold, zone = parts
        made: Any = dt.time if kind == "time" else dt.datetime
        return made(*clock, tzinfo=self._value(zone, _NOTHING), fold=fold)

    def _number(self, value: Value, _fresh: Any) -> Any:
        import numpy as np

        return np.frombuffer(value[2], dtype=value[1])[0]

    def _other(self, value: Value, _fresh: Any) -> Any:
        if value[1] == "complex":
            return complex(value[2], value[3])
        return range(*(int(part, 16) for part in value[2:]))


_READERS: dict[int, Any] = {
    Tag.REF: Putter._ref,
    Tag.WIRE: Putter._wire,
    Tag.DECIMAL: Putter._decimal,
    Tag.INT: Putter._int,
    Tag.TUPLE: Putter._tuple,
    Tag.FROZENSET: Putter._frozenset,
    Tag.ENUM: Putter._enum,
    Tag.EVENT: Putter._event,
    Tag.NAMED: Putter._named,
    Tag.CLASS: Putter._named_thing,
    Tag.FUNCTION: Putter._named_thing,
    Tag.METHOD: Putter._method,
    Tag.CONSTANT: Putter._constant,
    Tag.TIME: Putter._time,
    Tag.NUMBER: Putter._number,
    Tag.OTHER: Putter._other,
}


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


def _event(row: Sequence[Any]) -> Any:
    """A market event of its MessagePack array."""
    kind = _EVENTS[row[0]]
    if kind is BookUpdate:
        given = dict(zip(kind.__struct_fields__, row[1:], strict=True))
        given["bids"], given["asks"] = tuple(map(tuple, given["bids"])), tuple(map(tuple, given["asks"]))
        return kind(**given)
    return kind(*row[1:])
