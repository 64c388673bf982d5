"""All that a running session knows, as bytes, and back into a session that was built afresh: it goes on as if it had run all
along.

    data = take(session)     # between two batches of its feed
    put(session, data)       # into a new session of the same plan, right after `engine.start()`

Rules: a snapshot holds data and nothing else (MessagePack; no pickle): numbers, texts, collections, objects of our own classes
and of those written beside the session's strategies. Who shares an object in the session shares it afterwards. Reading one never
imports or calls what it names; classes are looked up among those loaded already. It is refused, with a JournalError, where a
single byte has changed, or format, version of onepath or manifest are others. Wiring (closures, threads, journal, feed) is the
new session's own. The place in the journal and in the feed is the caller's business.
Limits: module variables of a strategy's file are not seen; a command that was given and not yet recorded is lost, as without a
snapshot. Hash order of sets of text is Python's, in any process.
Cost: see /docs/snapshots.md.
"""

from __future__ import annotations

import gc
import hashlib
from collections import Counter, defaultdict, deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

import onepath
from onepath.errors import JournalError
from onepath.snapshot.names import Names
from onepath.snapshot.putting import Putter
from onepath.snapshot.taking import Taker
from onepath.snapshot.words import Unsaveable
from onepath.strategy import Strategy

if TYPE_CHECKING:
    from onepath.session import Session

__all__ = ["Unsaveable", "check", "put", "take", "wires"]

FORMAT = 1
"""raised when snapshots are written differently; an older one is not read, its session is run again"""
_MAGIC = b"onepath snapshot\n"
_SUM = hashlib.sha256().digest_size
_STATE = frozenset(
    {type(None), bool, int, float, str, Decimal, tuple, frozenset, list, dict, set, deque, Counter, defaultdict}
)
"""what of a strategy's class is state; the rest are methods, declarations and tools"""
_encode = msgspec.msgpack.Encoder().encode


class _Graph(msgspec.Struct, array_like=True, frozen=True):
    """What is below the checksum and the versions."""

    nodes: list[Any]
    shapes: list[Any]
    events: list[Any]


def take(session: Session) -> bytes:
    """The session's state. Raises Unsaveable where a strategy keeps what is not data.

    To be called between two batches: from `wanted` of the loop, in its thread.
    """
    collects = gc.isenabled()
    gc.disable()  # tens of thousands of lists that nobody keeps would have all the session's objects looked through
    try:
        return _seal(session, _taken(session))
    finally:
        if collects:
            gc.enable()


def wires(session: Session) -> set[tuple[type, type]]:
    """What a snapshot of the session leaves out: the classes of whose it is and of what it is."""
    return _taken(session).wires


def _taken(session: Session) -> Taker:
    taker = Taker(_names(session), {id(s.strategy): s.name for s in session.plan.strategies})
    taker.take(_root(session))
    return taker


def put(session: Session, data: bytes) -> None:
    """Bring a fresh session, whose strategies have started and have seen nothing yet, to the state of a snapshot.

    Raises JournalError for a snapshot that is damaged, or of another session or version; the fresh session is untouched if the
    checksum, the versions or the manifest tell, and of no use if anything inside does.
    """
    graph = _opened(session, data)
    root = _root(session)
    try:
        Putter(_names(session), graph.nodes, graph.shapes, graph.events).put(root)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise JournalError(
            f"the snapshot does not fit this session ({type(error).__name__}: {error}); replay the session instead"
        ) from error
    _set_classes(session, root["classes"])
    session.engine.restored()


def check(session: Session, data: bytes) -> None:
    """Raises JournalError where `put` would for the checksum, the versions or the manifest; changes nothing."""
    _opened(session, data)


def _root(session: Session) -> dict[str, Any]:
    """Where the walk begins."""
    classes = {s.name: _class_state(type(s.strategy)) for s in session.plan.strategies}
    return {"engine": session.engine, "venue": session.venue, "classes": classes}


def _class_state(kind: type[Strategy]) -> list[dict[str, Any]]:
    """What a strategy keeps in its class and its bases, for all instances together."""
    return [
        {name: item for name, item in vars(base).items() if type(item) in _STATE and not name.startswith("__")}
        for base in kind.__mro__[: kind.__mro__.index(Strategy)]
    ]


def _set_classes(session: Session, state: dict[str, list[dict[str, Any]]]) -> None:
    """Collections are filled in place; what was bound anew is bound anew."""
    for seated in session.plan.strategies:
        for base, found in zip(type(seated.strategy).__mro__, state[seated.name], strict=False):
            for name, item in found.items():
                if vars(base).get(name) is not item:
                    setattr(base, name, item)


def _names(session: Session) -> Names:
    plan = session.plan
    market = plan.market
    models = (market.slippage, market.commission, market.latency, market.queue, market.faults)
    strategies = [base for seated in plan.strategies for base in type(seated.strategy).__mro__]
    return Names(kind.__module__ for kind in (*strategies, *map(type, models)) if kind.__module__ != "builtins")


def _seal(session: Session, taker: Taker) -> bytes:
    try:
        graph = msgspec.Raw(_encode(_Graph(taker.nodes, taker.shapes, taker.events)))
    except (UnicodeEncodeError, OverflowError) as error:
        raise Unsaveable(f"the session cannot be saved: {error}") from None
    body = _encode((FORMAT, onepath.__version__, _manifest(session), graph))
    return _MAGIC + hashlib.sha256(body).digest() + body


def _opened(session: Session, data: bytes) -> _Graph:
    """What a snapshot holds, once it is known to be whole and of this session."""
    head, body = data[: len(_MAGIC) + _SUM], data[len(_MAGIC) + _SUM :]
    if head != _MAGIC + hashlib.sha256(body).digest():
        raise JournalError(
            "the snapshot is damaged (its checksum does not fit); take an older one, or replay the session"
        )
    try:
        *version, graph = msgspec.msgpack.decode(body, type=tuple[int, str, str, msgspec.Raw])
        wanted = FORMAT, onepath.__version__, _manifest(session)
        for what, found, expected in zip(("format", "onepath", "session"), version, wanted, strict=True):
            if found != expected:
                raise JournalError(
                    f"the snapshot is of another {what} ({found}, not {expected}); replay the session instead"
                )
        return msgspec.msgpack.decode(graph, type=_Graph)
    except msgspec.DecodeError as error:
        raise JournalError(f"the snapshot does not read: {error}") from None


def _manifest(session: Session) -> str:
    """What tells one plan from another."""
    return hashlib.sha256(msgspec.json.encode(session.manifest(), order="deterministic")).hexdigest()
