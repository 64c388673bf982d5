"""What strategies may keep: every kind of data comes back as it was, and what is no data is told in one sentence."""

from __future__ import annotations

import datetime as dt
import math
import struct
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntFlag
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from onepath import Context, OrderState, Side, Strategy
from onepath.errors import JournalError
from onepath.journal.memory import MemoryJournal
from onepath.market import Bar
from onepath.session import Session
from onepath.snapshot import Unsaveable, put, take
from onepath.testing import bars, feed, plan


class Colour(Enum):
    RED = 1
    BLUE = "b"


class Flags(IntFlag):
    A = 1
    B = 2


class Pair(NamedTuple):
    left: int
    right: Any


class Word(msgspec.Struct, frozen=True):
    text: str
    more: Any = None


class Loose(msgspec.Struct):
    text: str
    more: Any = None


@dataclass
class Plain:
    number: int
    items: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frozen:
    number: int


class Node:
    """An object with slots, and one that may be missing."""

    __slots__ = ("missing", "name", "parent")

    def __init__(self, name: str, parent: Node | None) -> None:
        self.name = name
        self.parent = parent


class Own(dict[str, int]):
    """A dictionary that has an attribute as well."""

    note = ""


def rule(number: int) -> int:
    """A function of a strategy's file."""
    return number + 1


class Keeps(Strategy):
    """Keeps whatever a test gives it."""

    shared: ClassVar[dict[str, int]] = {}
    number: ClassVar[int] = 0

    def on_start(self, context: Context) -> None:
        self.kept: Any = None
        type(self).shared = {}
        type(self).number = 0

    def rule(self, number: int) -> int:
        return number


def session(strategy: type[Strategy] = Keeps, closes: tuple[float, ...] = (10, 11, 12)) -> Session:
    made = Session(plan(strategy(), feed({"X": bars(closes)}), 1_000), MemoryJournal("x"))
    made.engine.start()
    return made


def strategy_of(of: Session) -> Any:
    return of.plan.strategies[0].strategy


def back(kept: Any) -> Any:
    """What a strategy keeps after its session was taken and put into a fresh one."""
    first, second = session(), session()
    strategy_of(first).kept = kept
    put(second, take(first))
    return strategy_of(second).kept


VALUES: list[Any] = [
    None,
    True,
    0,
    -(2**63),
    2**64 - 1,
    2**64,
    -(10**400),
    "text",
    "",
    b"bytes",
    1.5,
    -0.0,
    math.inf,
    5e-324,
    1 + 2j,
    range(3, 9, 2),
    Decimal("1.10"),
    Decimal("-0"),
    Decimal("NaN"),
    Decimal("Infinity"),
    Decimal("1E+400"),
    (1, ("a", 2.5)),
    frozenset({1, 2}),
    frozenset({(1, "a"), None, "x"}),
    {"a", "b", 3},
    [1, [2, [3]]],
    {"a": 1, 2: "b", (1, 2): [3], None: None, Decimal("0.1"): 1.0},
    deque([1, 2, 3], maxlen=3),
    deque(["a"]),
    array("d", [1.0, 2.5]),
    bytearray(b"xy"),
    Counter("abca"),
    OrderedDict([("b", 1), ("a", 2)]),
    Colour.BLUE,
    Side.SHORT,
    Pair(1, [2]),
    Word("a", (1, 2)),
    Loose("a", [1]),
    Plain(1, [Plain(2)]),
    Frozen(7),
    dt.date(2024, 2, 29),
    dt.time(1, 2, 3, 4),
    dt.timedelta(days=-1, microseconds=5),
    dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC),
    dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
    dt.datetime(2024, 1, 1, 1, 2, 3, 4),  # noqa: DTZ001 - a strategy may well keep one
    np.float64(0.1),
    np.int32(-5),
    np.bool_(True),
    np.datetime64("2024-01-01"),
    Bar("X", 1, 2, 1.0, 2.0, 0.5, 1.5, 10.0),
    [Bar("X", 1, 2, 1.0, 2.0, 0.5, 1.5, 10.0), Bar("X", 2, 3, 1, 2, 0, 1, math.inf)],
]


@pytest.mark.parametrize("value", VALUES, ids=[f"{n} {type(value).__name__}" for n, value in enumerate(VALUES)])
def test_data_comes_back_as_it_was(value: Any) -> None:
    """Same type, same value, same text; collections keep their order, a deque its length."""
    found = back(value)
    assert type(found) is type(value)
    assert repr(found) == repr(value) if not isinstance(value, set | frozenset) else found == value
    if isinstance(value, deque):
        assert found.maxlen == value.maxlen


def test_every_bit_of_a_float_comes_back() -> None:
    """A NaN with a payload of its own is the same eight bytes afterwards."""
    payload = struct.unpack("<d", bytes.fromhex("010000000000f87f"))[0]
    assert struct.pack("<d", back(payload)).hex() == "010000000000f87f"
    assert math.copysign(1, back(-0.0)) == -1


def test_a_default_dictionary_goes_on_making_its_defaults() -> None:
    """defaultdict(list) comes back with its content and its factory."""
    kept: defaultdict[str, list[int]] = defaultdict(list, a=[1])
    found = back(kept)
    found["b"].append(2)
    assert found == {"a": [1], "b": [2]}


def test_arrays_come_back() -> None:
    """Values, dtype, shape and order in memory of numpy arrays; and they can be written to."""
    kept = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    found = back({"a": kept, "b": np.array(["x", "yz"]), "c": np.array(5)})
    assert (found["a"] == kept).all() and found["a"].flags.f_contiguous and found["a"].dtype == kept.dtype
    assert found["b"].tolist() == ["x", "yz"] and found["c"].shape == ()
    found["a"][0, 0] = 9.0


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_generators_go_on_where_they_were(bits: str) -> None:
    """The next numbers of random.Random, of numpy's generators and of a counter are those that would have come."""
    ours, theirs, numbers = Random(7), np.random.Generator(getattr(np.random, bits)(7)), count(3, -2)  # noqa: S311 - it must repeat
    ours.random(), ours.gauss(0, 1), theirs.random(3), theirs.integers(9, size=3, dtype=np.uint8), next(numbers)
    found = back([ours, theirs, numbers])
    assert [found[0].random(), found[0].gauss(0, 1)] == [ours.random(), ours.gauss(0, 1)]
    assert found[1].random(4).tolist() == theirs.random(4).tolist()
    assert found[1].integers(9, size=5, dtype=np.uint8).tolist() == theirs.integers(9, size=5, dtype=np.uint8).tolist()
    assert [next(found[2]), next(found[2])] == [1, -1]


def test_who_is_shared_stays_shared() -> None:
    """One list in two places is one list afterwards; equal lists that are two stay two; a circle closes."""
    one: list[Any] = [1]
    one.append(one)
    found = back({"a": one, "b": one, "c": [2], "d": [2]})
    assert found["a"] is found["b"] and found["a"][1] is found["a"]
    assert found["c"] == found["d"] and found["c"] is not found["d"]


def test_an_event_is_one_event_wherever_it_is_kept() -> None:
    """A bar in two lists and by itself is one object afterwards, whichever of them are shown in full."""
    made = [Bar("X", i, i + 1, 1.0, 1.0, 1.0, 1.0, 1.0) for i in range(6)]
    found = back({"all": made, "last": made[-1], "some": made[1:4], "middle": made[2], "again": deque(made)})
    assert found["all"][-1] is found["last"] and found["some"][1] is found["all"][2] is found["middle"]
    assert all(a is b for a, b in zip(found["all"], found["again"], strict=True))
    assert [bar.start for bar in found["all"]] == [0, 1, 2, 3, 4, 5]


def test_slots_and_subclasses_come_back() -> None:
    """Slots that are not set stay so; an object that is a collection too keeps both."""
    kept = Own(a=1)
    kept.note = "mine"
    found = back([Node("child", Node("parent", None)), kept])
    assert found[0].parent.name == "parent" and not hasattr(found[0], "missing")
    assert found[1] == {"a": 1} and found[1].note == "mine" and type(found[1]) is Own


def test_functions_of_the_file_and_own_methods_come_back() -> None:
    """They are found again by name; a method belongs to the restored object."""
    first, second = session(), session()
    strategy_of(first).kept = [rule, strategy_of(first).rule, Colour, Side]
    put(second, take(first))
    found = strategy_of(second).kept
    assert found[0] is rule and found[1](5) == 5 and found[1].__self__ is strategy_of(second)
    assert found[2] is Colour and found[3] is Side


def test_what_a_class_keeps_comes_back() -> None:
    """Class attributes that are data are state: filled in place, or bound anew."""
    first = session()
    Keeps.shared["a"] = 1
    Keeps.number = 5
    data = take(first)
    second = session()
    assert Keeps.shared == {} and Keeps.number == 0
    put(second, data)
    assert Keeps.shared == {"a": 1} and Keeps.number == 5


def local_function() -> Any:
    return lambda: None


class BrokenError(Exception):
    """No data."""


NO_DATA: list[tuple[Any, str, str]] = [
    (local_function(), "function", "self.kept"),
    ({"a": [1, local_function()]}, "function", "self.kept['a']"),
    (Path("x"), "pathlib", "self.kept"),
    (Plain(1, [Path("x")]), "pathlib", "self.kept.items"),
    (iter([1]), "list_iterator", "self.kept"),
    (np.array([object()]), "numpy.ndarray", "self.kept"),
    (BrokenError("x"), "BrokenError", "self.kept"),
    (Flags.A | Flags.B, "Flags", "self.kept"),
    (defaultdict(local_function()), "function", "self.kept"),
    (math.sqrt, "builtin_function_or_method", "self.kept"),
    (count(1.5), "count", "self.kept"),
    (type("Inner", (), {})(), "Inner", "self.kept"),
]


@pytest.mark.parametrize(
    ("value", "what", "where"), NO_DATA, ids=[f"{n} {what}" for n, (_, what, _) in enumerate(NO_DATA)]
)
def test_what_is_no_data_is_told(value: Any, what: str, where: str) -> None:
    """One sentence names the strategy, what it keeps, where, and what to do."""
    made = session()
    strategy_of(made).kept = value
    with pytest.raises(Unsaveable) as told:
        take(made)
    text = str(told.value)
    assert text.startswith("keeps keeps a ") and what in text and f"in {where}," in text and "context.metadata" in text


def test_metadata_that_is_no_data_is_told_by_its_key() -> None:
    """The sentence names the strategy and the key; taking it out makes snapshots possible again."""
    made = session()
    context = made.engine.deciders[0][1] if made.engine.deciders else made.engine._seats["keeps"].context
    context.metadata["model"] = {"inner": local_function()}
    with pytest.raises(Unsaveable, match=r"keeps keeps a function in context\.metadata\['model'\]\['inner'\]"):
        take(made)
    del context.metadata["model"]
    take(made)


def test_what_we_make_is_never_the_strategys_fault() -> None:
    """A strategy may keep its context, orders and books of ours, wiring and all."""

    first, second = session(Holds), session(Holds)
    assert strategy_of(first).context is not strategy_of(second).context
    put(second, take(first))
    assert strategy_of(second).context.portfolio is strategy_of(second).portfolio
    assert strategy_of(second).context is second.engine._seats["holds"].context


class Holds(Strategy):
    """Keeps what it was given."""

    def on_start(self, context: Context) -> None:
        self.context = context
        self.portfolio = context.portfolio
        self.orders: list[OrderState] = []


# -- what is refused


def test_a_flipped_byte_anywhere_is_refused() -> None:
    """Whichever byte is changed, cut off or added: JournalError, and the fresh session is as it was."""
    data, fresh = take(session()), session()
    before = take(fresh)
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 1 << place % 8
        with pytest.raises(JournalError, match="damaged"):
            put(fresh, bytes(broken))
    for broken in (data[:-1], data + b"\0", b"", data[:20]):
        with pytest.raises(JournalError, match="damaged"):
            put(fresh, bytes(broken))
    assert take(fresh) == before


def test_a_snapshot_of_another_session_is_refused() -> None:
    """Another strategy, other data or other capital: another manifest, and nothing is put."""
    data = take(session())
    with pytest.raises(JournalError, match=r"of another session"):
        put(session(Holds), data)
    with pytest.raises(JournalError, match=r"of another session"):
        other = Session(plan(Keeps(), feed({"X": bars((10, 11, 12))}), 2_000), MemoryJournal("x"))
        put(other, data)


def test_a_snapshot_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither another format nor another onepath is read."""
    import onepath

    data = take(session())
    monkeypatch.setattr(onepath, "__version__", "0.0.0")
    with pytest.raises(JournalError, match=r"another onepath \(.*, not 0\.0\.0\)"):
        put(session(), data)
    monkeypatch.undo()
    monkeypatch.setattr("onepath.snapshot.FORMAT", 99)
    with pytest.raises(JournalError, match="another format"):
        put(session(), data)


@pytest.mark.parametrize("called", ["os:system", "subprocess:Popen", "onepath.engine:Nothing", "builtins:eval"])
def test_nothing_is_found_by_a_name_that_is_not_ours(called: str) -> None:
    """A name in a snapshot, were one forged, leads to our own classes and functions or to an error, never to others'."""
    import hashlib

    import onepath.snapshot as room

    first = session()
    strategy_of(first).kept = rule
    data = take(first)
    body = data[len(room._MAGIC) + room._SUM :].replace(_text(f"{__name__}:rule"), _text(called))
    format_, code, manifest, graph = msgspec.msgpack.decode(
        data[len(room._MAGIC) + room._SUM :], type=tuple[int, str, str, msgspec.Raw]
    )
    inner = bytes(graph).replace(_text(f"{__name__}:rule"), _text(called))
    body = room._encode((format_, code, manifest, msgspec.Raw(inner)))
    with pytest.raises(JournalError, match="which this version does not know"):
        put(session(), room._MAGIC + hashlib.sha256(body).digest() + body)


def _text(text: str) -> bytes:
    return bytes(msgspec.msgpack.encode(text))
