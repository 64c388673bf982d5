"""From what is written in a snapshot to the values themselves.

Rules: a value that is the same as what the fresh session has at its place is that very object; so frozen values, tuples and
configuration stay one with what wiring holds of them. A name is looked up among what is loaded (`names`), or it is a
JournalError. Nodes are the business of `putting`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import FunctionType, MethodType
from typing import Any
from zoneinfo import ZoneInfo

from onepath.errors import JournalError
from onepath.market import BookUpdate
from onepath.snapshot.names import CONSTANTS, Names
from onepath.snapshot.words import EVENTS, Tag, Value

NOTHING: Any = object()
"""there is nothing at that place"""
_EVENTS: dict[Any, Any] = {kind.__struct_config__.tag: kind for kind in EVENTS}  # type: ignore[attr-defined]


class Reader:
    """Reads values; `objects` gives the object of a node."""

    def __init__(self, names: Names, events: Sequence[Sequence[Any]], objects: Callable[[int], Any]) -> None:
        self.events = [_event(row) for row in events]
        self._names = names
        self._object = objects

    def value(self, value: Value, fresh: Any) -> Any:
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
        if fresh is NOTHING:
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
        items = frozenset(self.value(item, NOTHING) for item in value[1:])
        return fresh if type(fresh) is frozenset and fresh == items else items

    def _named(self, value: Value, fresh: Any) -> Any:
        kind = self._names.find(value[1])
        if not (isinstance(kind, type) and issubclass(kind, tuple) and self._names.is_ours(kind)):
            raise JournalError(f"the snapshot has a {value[1]}, which this session does not have")
        return self._same(fresh, kind, value[2:])

    def _same(self, fresh: Any, kind: Any, values: Sequence[Value]) -> Any:
        """A tuple of these values; the fresh one, if it is of the very same."""
        before = list(fresh) if type(fresh) is kind else []
        padded = before + [NOTHING] * (len(values) - len(before))
        items = [self.value(item, old) for item, old in zip(values, padded, strict=False)]
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
        return self.events[value[1]]

    def _named_thing(self, value: Value, fresh: Any) -> Any:
        found = self._names.find(value[1])
        if not isinstance(found, type if value[0] == Tag.CLASS else FunctionType):
            raise JournalError(f"the snapshot has {value[1]}, which this version does not know")
        return found

    def _method(self, value: Value, fresh: Any) -> Any:
        whose = self.value(value[1], getattr(fresh, "__self__", NOTHING))
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
        return made(*clock, tzinfo=self.value(zone, NOTHING), fold=fold)

    def _number(self, value: Value, _fresh: Any) -> Any:
        import numpy as np

        return np.frombuffer(value[2], dtype=value[1])[0]

    def _other(self, value: Value, _fresh: Any) -> Any:
        if value[1] == "complex":
            return complex(value[2], value[3])
        return range(*(int(part, 16) for part in value[2:]))


_READERS: dict[int, Any] = {
    Tag.REF: Reader._ref,
    Tag.WIRE: Reader._wire,
    Tag.DECIMAL: Reader._decimal,
    Tag.INT: Reader._int,
    Tag.TUPLE: Reader._tuple,
    Tag.FROZENSET: Reader._frozenset,
    Tag.ENUM: Reader._enum,
    Tag.EVENT: Reader._event,
    Tag.NAMED: Reader._named,
    Tag.CLASS: Reader._named_thing,
    Tag.FUNCTION: Reader._named_thing,
    Tag.METHOD: Reader._method,
    Tag.CONSTANT: Reader._constant,
    Tag.TIME: Reader._time,
    Tag.NUMBER: Reader._number,
    Tag.OTHER: Reader._other,
}


def _event(row: Sequence[Any]) -> Any:
    """A market event of its MessagePack array."""
    kind = _EVENTS[row[0]]
    if kind is BookUpdate:
        given = dict(zip(kind.__struct_fields__, row[1:], strict=True))
        given["bids"], given["asks"] = tuple(map(tuple, given["bids"])), tuple(map(tuple, given["asks"]))
        return kind(**given)
    return kind(*row[1:])
