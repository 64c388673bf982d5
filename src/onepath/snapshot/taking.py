"""From a session's objects to the nodes of a snapshot.

Rules: everything that can be reached from the engine, the venue and the strategies is state, unless it is wiring: closures,
iterators, and objects of classes that are not ours. Wiring is left out, because a session that is built again has its own;
held by a strategy it is an error, `Unsaveable`, because nobody else could make it again. Shared objects stay shared.
Cost: about 0.4 us a value; market events 0.25 us each, however large they are.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from enum import Enum
from itertools import count
from random import Random
from types import FunctionType, MethodType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from onepath.context import Context
from onepath.snapshot import library
from onepath.snapshot.names import CONSTANTS, Names, kept, slots
from onepath.snapshot.words import EVENTS, LEAST, MOST, PLAIN, Node, Owner, Tag, Value, unsaveable

_NODES: tuple[type, ...] = (
    *(list, dict, set, deque, count, Random, array, bytearray),
    *(defaultdict, Counter, OrderedDict),
)
_TIMES: tuple[type, ...] = (dt.date, dt.datetime, dt.time, dt.timedelta, dt.timezone)
_CONSTANTS = {id(value): name for name, value in CONSTANTS.items()}
_MARKET = frozenset(EVENTS)


Owned = Owner | None
Writer = Callable[[Any, Owned], Value]


class Taker:
    """Writes what can be reached from a root."""

    def __init__(self, names: Names, strategies: dict[int, str]) -> None:
        """`strategies` are the names by `id` of the strategies' objects."""
        self.nodes: list[list[Value]] = []
        self.shapes: list[list[Any]] = []
        """a class by name ("" where it is made as it runs), and the attributes that are written of it"""
        self.events: list[Any] = []
        self._names = names
        self._strategies = strategies
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []
        """all that has a number, so that no other object takes its place in memory meanwhile"""
        self._waiting: deque[tuple[Any, int, Owned]] = deque()
        self._tapes: list[tuple[Any, int]] = []
        """lists and deques of market events, for the end, when those that are met one by one have their numbers"""
        self._event_numbers: dict[int, int] = {}
        self._enums: dict[int, Value] = {}
        self._shape_numbers: dict[tuple[type, tuple[str, ...]], int] = {}
        self._writers: dict[type, Writer] = dict(self._builtin())
        self._fields: dict[type, tuple[tuple[str, ...], bool, frozenset[str]]] = {}
        self._at: type = object
        """the class of the object that is being written"""
        self.wires: set[tuple[type, type]] = set()
        """of all that was left out, whose it was and what"""

    def take(self, root: Any) -> None:
        """Write all that can be reached."""
        self.value(root, None)
        while self._waiting:
            thing, number, owner = self._waiting.popleft()
            self._at = type(thing)
            self.nodes[number] = self._node(thing, owner)
            if not self.nodes[number]:
                self._tapes.append((thing, number))
        self._write_tapes()

    # -- values

    def value(self, thing: Any, owner: Owned) -> Value:
        """How a value is written where it is met."""
        kind = type(thing)
        if kind in PLAIN:
            return thing
        if kind is int:
            return thing if LEAST <= thing <= MOST else [Tag.INT, hex(thing)]
        writer = self._writers.get(kind)
        if writer is None:
            writer = self._writers[kind] = self._learnt(kind)
        return writer(thing, owner)

    def _builtin(self) -> Iterable[tuple[type, Writer]]:
        ref = self._ref
        yield from ((kind, ref) for kind in _NODES)
        yield from ((kind, self._event) for kind in EVENTS)
        yield Decimal, lambda thing, _: [Tag.DECIMAL, str(thing)]
        yield tuple, self._tuple
        yield frozenset, lambda thing, owner: [Tag.FROZENSET, *self._members(thing, owner)]
        yield FunctionType, self._function
        yield MethodType, self._method
        yield complex, lambda thing, _: [Tag.OTHER, "complex", thing.real, thing.imag]
        yield range, lambda thing, _: [Tag.OTHER, "range", hex(thing.start), hex(thing.stop), hex(thing.step)]
        yield ZoneInfo, self._zone
        yield from ((kind, self._time) for kind in _TIMES)

    def _learnt(self, kind: type) -> Writer:
        """How values of a class that has not been met before are written."""
        if issubclass(kind, type):
            return self._class
        if kind.__module__.partition(".")[0] == "numpy":
            return self._of_numpy(kind)
        return self._of_ours(kind) if self._names.is_ours(kind) else self._foreign

    def _of_ours(self, kind: type) -> Writer:
        if issubclass(kind, Enum):
            return self._enum
        if issubclass(kind, tuple):
            return self._named if hasattr(kind, "_fields") else self._lost
        # A struct may be of a class that was made as the session was built; that one has it, too.
        found_again = issubclass(kind, msgspec.Struct) or self._names.of(kind) is not None
        return self._ref if found_again and not issubclass(kind, BaseException) else self._lost

    def _of_numpy(self, kind: type) -> Writer:
        import numpy as np

        if kind in (np.ndarray, np.random.Generator):
            return self._ref
        if issubclass(kind, np.generic) and kind is not np.void and kind is not np.object_:
            return lambda thing, _: [Tag.NUMBER, thing.dtype.str, thing.tobytes()]
        return self._foreign

    def _ref(self, thing: Any, owner: Owned) -> Value:
        number = self._numbers.get(id(thing))
        if number is None:
            number = self._numbers[id(thing)] = len(self.nodes)
            self.nodes.append([])
            self._alive.append(thing)
            self._waiting.append((thing, number, owner))
        return [Tag.REF, number]

    def _event(self, thing: Any, _owner: Owned) -> Value:
        return [Tag.EVENT, self._event_number(thing)]

    def _event_number(self, thing: Any) -> int:
        number = self._event_numbers.get(id(thing))
        if number is None:
            number = self._event_numbers[id(thing)] = len(self.events)
            self.events.append(thing)
        return number

    def _write_tapes(self) -> None:
        """Lists and deques of market events. As a rule no two have an event in common, and of those that have a number already
        only the last ones, the present of the market: then nobody looks at each."""
        known, seen, total = self._event_numbers, set[int](), 0
        cut = []
        for tape, number in self._tapes:
            things, tail = list(tape), []
            while things and id(things[-1]) in known:
                tail.append(things.pop())
            seen.update(map(id, things))
            total += len(things)
            cut.append((tape, number, things, tail))
        alone = len(seen) == total and seen.isdisjoint(known)
        for tape, number, things, tail in cut:
            if alone and things:
                found = [len(self.events), len(things)]
                self.events.extend(things)
            else:
                found = _stretches(map(self._event_number, things))
            found += [n for event in reversed(tail) for n in (known[id(event)], 1)]
            self.nodes[number] = [Node.EVENTS, tape.maxlen if type(tape) is deque else -1, found]

    def _tuple(self, thing: Any, owner: Owned) -> Value:
        name = _CONSTANTS.get(id(thing))
        if name is not None:
            return [Tag.CONSTANT, name]
        return [Tag.TUPLE, *(self.value(item, owner) for item in thing)]

    def _named(self, thing: Any, owner: Owned) -> Value:
        called = self._names.of(type(thing))
        return (
            self._lost(thing, owner) if called is None else [Tag.NAMED, called, *(self.value(x, owner) for x in thing)]
        )

    def _enum(self, thing: Any, owner: Owned) -> Value:
        found = self._enums.get(id(thing))  # by identity: members of two classes may be equal texts
        if found is None:
            called = self._names.of(type(thing))
            if called is None or type(thing).__members__.get(thing._name_) is not thing:
                return self._lost(thing, owner)
            found = self._enums[id(thing)] = [Tag.ENUM, called, thing._name_]
        return found

    def _class(self, thing: Any, owner: Owned) -> Value:
        called = self._names.of(thing)
        return self._foreign(thing, owner) if called is None else [Tag.CLASS, called]

    def _function(self, thing: Any, owner: Owned) -> Value:
        called = self._names.of(thing)
        return self._foreign(thing, owner) if called is None else [Tag.FUNCTION, called]

    def _method(self, thing: Any, owner: Owned) -> Value:
        whose, name = thing.__self__, thing.__func__.__name__
        if not self._names.is_ours(type(whose)) or getattr(type(whose), name, None) is not thing.__func__:
            return self._foreign(thing, owner)
        return [Tag.METHOD, self.value(whose, owner), name]

    def _zone(self, thing: Any, owner: Owned) -> Value:
        return self._foreign(thing, owner) if thing.key is None else [Tag.TIME, "zone", thing.key]

    def _time(self, thing: Any, owner: Owned) -> Value:
        kind = type(thing)
        if kind is dt.timedelta:
            return [Tag.TIME, "timedelta", thing.days, thing.seconds, thing.microseconds]
        if kind is dt.timezone:
            return [Tag.TIME, "timezone", thing.utcoffset(None) // dt.timedelta(microseconds=1)]
        if kind is dt.date:
            return [Tag.TIME, "date", thing.year, thing.month, thing.day]
        clock = [thing.hour, thing.minute, thing.second, thing.microsecond, thing.fold, self.value(thing.tzinfo, owner)]
        if kind is dt.time:
            return [Tag.TIME, "time", *clock]
        return [Tag.TIME, "datetime", thing.year, thing.month, thing.day, *clock]

    # -- what is not data

    def _foreign(self, thing: Any, owner: Owned) -> Value:
        """Wiring: a session that is built again has its own, but what a strategy keeps nobody else could make."""
        if owner is None:
            self.wires.add((self._at, type(thing)))
            return [Tag.WIRE]
        raise unsaveable(thing, owner)

    def _lost(self, thing: Any, owner: Owned) -> Value:
        """An object of ours that could not be made again."""
        raise unsaveable(thing, owner or Owner("this session", f"a {type(thing).__qualname__}"))

    # -- nodes

    def _node(self, thing: Any, owner: Owned) -> list[Value]:
        kind = type(thing)
        if kind is list or kind is deque:
            return self._sequence(thing, owner)
        if kind is dict:
            return [Node.DICT, *self._pairs(thing, owner)]
        if kind is set:
            return [Node.SET, *self._members(thing, owner)]
        if isinstance(thing, msgspec.Struct):
            return self._struct(thing, owner)
        if self._names.is_ours(kind):
            return self._object(thing, owner)
        return library.node(thing, owner, self._pairs)

    def _items(self, things: Iterable[Any], owner: Owned) -> Iterable[Value]:
        value = self.value
        return (value(thing, owner) for thing in things)

    def _members(self, things: Collection[Any], owner: Owned) -> list[Value]:
        """What is in a set, in an order that follows from its content."""
        try:
            return [self.value(thing, owner) for thing in sorted(things)]
        except (TypeError, ArithmeticError):
            return sorted((self.value(thing, owner) for thing in things), key=msgspec.msgpack.encode)

    def _pairs(self, thing: dict[Any, Any], owner: Owned) -> list[Value]:
        found = []
        for key, item in thing.items():
            found.append(self.value(key, owner))
            found.append(self.value(item, owner and owner.within(f"[{key!r}]")))
        return found

    def _sequence(self, thing: Any, owner: Owned) -> list[Value]:
        """A list or deque; those of plain values are written without looking at each, those of market events (empty here)
        when all else is."""
        most = thing.maxlen if type(thing) is deque else -1
        kinds = set(map(type, thing))
        if kinds and kinds <= _MARKET:
            return []
        head = [Node.LIST] if most == -1 else [Node.DEQUE, most]
        return [*head, *(thing if kinds <= PLAIN else self._items(thing, owner))]

    def _struct(self, thing: Any, owner: Owned) -> list[Value]:
        kind = type(thing)
        if not self._names.is_authors(kind):
            owner = None
        fields = kind.__struct_fields__
        value = self.value
        return [Node.STRUCT, self._shape(kind, fields), *[value(getattr(thing, field), owner) for field in fields]]

    def _object(self, thing: Any, owner: Owned) -> list[Value]:
        kind = type(thing)
        known = self._fields.get(kind)
        if known is None:
            known = self._fields[kind] = slots(kind), hasattr(thing, "__dict__"), kept(kind)
        slotted, open_, as_built = known
        found = {name: getattr(thing, name) for name in slotted if name not in as_built and hasattr(thing, name)}
        if open_:
            found |= vars(thing)
        if as_built:
            found = {name: item for name, item in found.items() if name not in as_built}
        owner = self._owner(thing, owner)
        head = [Node.OBJECT, self._shape(kind, tuple(found)), self._content(thing, owner)]
        if owner is None and kind is not Context:
            value = self.value
            return [*head, *[value(item, None) for item in found.values()]]
        return [*head, *[self.value(item, self._within(thing, name, owner)) for name, item in found.items()]]

    def _owner(self, thing: Any, owner: Owned) -> Owned:
        """Who answers for what is in an object: its strategy, if the class is the strategy's; never for ours."""
        name = self._strategies.get(id(thing))
        if name is not None:
            return Owner(name, "self")
        return owner if self._names.is_authors(type(thing)) else None

    def _within(self, thing: Any, name: str, owner: Owned) -> Owned:
        """Who answers for an attribute."""
        if owner is not None:
            return owner.within(f".{name}")
        return Owner(thing.name, "context.metadata") if name == "metadata" and type(thing) is Context else None

    def _content(self, thing: Any, owner: Owned) -> Value:
        """What is in an object that is a collection as well."""
        if isinstance(thing, dict):
            return self._pairs(thing, owner)
        if isinstance(thing, set):
            return self._members(thing, owner)
        if isinstance(thing, list | deque):
            return list(self._items(thing, owner))
        return None

    def _shape(self, kind: type, fields: tuple[str, ...]) -> int:
        number = self._shape_numbers.get((kind, fields))
        if number is None:
            number = self._shape_numbers[kind, fields] = len(self.shapes)
            self.shapes.append([self._names.of(kind) or "", kind.__name__, list(fields)])
        return number


def _stretches(numbers: Iterable[int]) -> list[int]:
    """Numbers that follow on each other as begin and length."""
    found: list[int] = []
    for number in numbers:
        if found and found[-2] + found[-1] == number:
            found[-1] += 1
        else:
            found += (number, 1)
    return found
