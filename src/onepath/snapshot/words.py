"""The alphabet of a snapshot: how a value is written in MessagePack, and how the nodes of the graph are.

Rules: None, booleans, texts, bytes, floats and integers of 64 bits stand for themselves; everything else is a list that begins
with one of these numbers. A value that others may hold too, or that can change, is a node: it is written once, and `REF` with
its number stands for it wherever it is met.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from onepath.errors import OnepathError
from onepath.market import Bar, BookUpdate, Quote, Trade


class Tag:
    """Values."""

    REF = 0
    """node"""
    WIRE = 1
    """what stays as it is built"""
    DECIMAL = 2
    INT = 3
    """of more than 64 bits"""
    TUPLE = 4
    FROZENSET = 5
    ENUM = 6
    """class, name"""
    EVENT = 7
    """number in the list of market events"""
    NAMED = 8
    """class, fields of a named tuple"""
    CLASS = 9
    FUNCTION = 10
    METHOD = 11
    """whose, name"""
    CONSTANT = 12
    TIME = 13
    """kind, numbers of a date, time, ..."""
    NUMBER = 14
    """numpy's: dtype, bytes"""
    OTHER = 15
    """complex, range: kind, numbers"""


class Node:
    """Nodes."""

    LIST = 0
    DICT = 1
    SET = 2
    DEQUE = 3
    COUNT = 4
    RANDOM = 5
    ARRAY = 6
    NDARRAY = 7
    GENERATOR = 8
    STRUCT = 9
    OBJECT = 10
    BYTEARRAY = 11
    EVENTS = 12
    """a list or deque of market events alone: where they begin in the list of them, how many, and so on"""
    MAPPING = 13
    """a dictionary of the standard library's own kinds"""


EVENTS: tuple[type, ...] = (Bar, Quote, Trade, BookUpdate)
PLAIN = frozenset({type(None), bool, str, bytes, float})
"""what stands for itself, whatever its value"""
LEAST, MOST = -(2**63), 2**64 - 1
"""the integers that stand for themselves"""
GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
"""numpy's bit generators"""

Value = Any


class Unsaveable(OnepathError):  # noqa: N818 - reads as it is said
    """A strategy keeps something that is not data, so the session has no snapshots; it goes on, and a crash is recovered from by
    running it again from its beginning."""


class Owner(NamedTuple):
    """Whose code put a value where it is, for sentences."""

    strategy: str
    place: str

    def within(self, more: str) -> Owner:
        return Owner(self.strategy, self.place + more)


def unsaveable(thing: Any, owner: Owner) -> Unsaveable:
    kind = type(thing)
    what = f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else kind.__qualname__
    return Unsaveable(
        f"{owner.strategy} keeps a {what} in {owner.place}, which is not data, so the session cannot be saved and would have to "
        "be run again from its beginning after a crash; keep numbers, texts, lists and dictionaries there, or in "
        "context.metadata, and make the rest in on_start when it is needed"
    )
