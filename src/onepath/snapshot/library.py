"""How what the standard library and numpy have is written: counters, generators, arrays, dictionaries of their own kinds.

Rules: a generator is written by its state and goes on where it was; an array by its bytes. What holds Python objects or cannot
be made again is no data.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from onepath.snapshot.words import GENERATORS, Node, Owner, Value, unsaveable

_COUNT = re.compile(r"count\((-?\d+)(?:, (-?\d+))?\)")
_FACTORIES = {None: "", int: "int", float: "float", str: "str", bool: "bool", list: "list", dict: "dict", set: "set"}
_SESSION = "this session"


def node(thing: Any, owner: Owner | None, pairs: Callable[[Any, Owner | None], list[Value]]) -> list[Value]:
    """The node of an object of the standard library or of numpy. Raises Unsaveable for what is not data."""
    kind = type(thing)
    if kind is count:
        found = _COUNT.fullmatch(repr(thing))
        if found is None:
            raise unsaveable(thing, owner or Owner(_SESSION, "a counter"))
        return [Node.COUNT, found[1], found[2] or "1"]
    if kind is Random:
        version, words, rest = thing.getstate()
        return [Node.RANDOM, version, array("Q", words).tobytes(), rest]
    if kind is array:
        return [Node.ARRAY, thing.typecode, thing.tobytes()]
    if kind is bytearray:
        return [Node.BYTEARRAY, bytes(thing)]
    if issubclass(kind, dict):
        factory = getattr(thing, "default_factory", None)
        if factory not in _FACTORIES:
            raise unsaveable(factory, owner or Owner(_SESSION, "a default"))
        return [Node.MAPPING, kind.__name__, _FACTORIES[factory], *pairs(thing, owner)]
    return _numpy(thing, owner)


def _numpy(thing: Any, owner: Owner | None) -> list[Value]:
    import numpy as np

    if isinstance(thing, np.ndarray):
        if thing.dtype.kind not in "biufcSUmM":
            raise unsaveable(thing, owner or Owner(_SESSION, "an array"))
        order = "F" if thing.flags.f_contiguous and not thing.flags.c_contiguous else "C"
        return [Node.NDARRAY, thing.dtype.str, list(thing.shape), order, thing.tobytes(order)]  # type: ignore[arg-type]
    bits = thing.bit_generator
    if type(bits).__name__ not in GENERATORS:
        raise unsaveable(thing, owner or Owner(_SESSION, "a generator"))
    return [Node.GENERATOR, type(bits).__name__, _bits(bits.state)]


def _bits(state: dict[str, Any]) -> dict[str, Any]:
    """The state of numpy's bit generators, in numbers, texts and bytes."""
    found: dict[str, Any] = {}
    for name, item in state.items():
        if isinstance(item, dict):
            found[name] = _bits(item)
        elif isinstance(item, str):
            found[name] = item
        elif isinstance(item, int):
            found[name] = [hex(item)]
        else:
            found[name] = [item.dtype.str, item.tobytes()]
    return found
