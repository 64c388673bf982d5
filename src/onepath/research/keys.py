"""Digests: what two trials must have in common to be one and the same.

Rules: equal values give equal text in every process: sets are sorted, arrays are hashed, objects are told by their class and
fields, never by their address. A feed is told by its fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import onepath
from onepath.research.subject import Subject, Window, code_of

_WHEREABOUTS = frozenset((
    *("source", "path", "name", "session", "symbols", "start", "end", "first_at", "last_at", "events", "notes"),
    *("finer", "actions", "interval", "interval_ns", "kind", "time", "stamps", "asset_class", "calendar", "speed"),
))  # fmt: skip
"""of the manifest's data: what the fingerprint and the instruments tell already, or what decides nothing"""


def told(value: Any) -> Any:
    """`value` as JSON that tells what it is."""
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float | Decimal | Enum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): told(item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, set | frozenset):
        return sorted((told(item) for item in value), key=str)
    return _composed(value)


def _composed(value: Any) -> Any:
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [told(item) for item in value]
    return [type(value).__qualname__, _inside(value)]


def _inside(value: Any) -> Any:
    if isinstance(value, random.Random):
        return sha(str(value.getstate()))
    if hasattr(value, "fingerprint"):
        return value.fingerprint()
    if hasattr(value, "tobytes"):
        return hashlib.sha256(value.tobytes()).hexdigest()
    return told(_fields(value))


def _fields(value: Any) -> dict[str, Any]:
    names = getattr(value, "__struct_fields__", None) or getattr(value, "_fields", None)
    if names is not None:
        return {name: getattr(value, name) for name in names}
    slots = [slot for cls in type(value).__mro__ for slot in getattr(cls, "__slots__", ())]
    return {slot: getattr(value, slot) for slot in slots if hasattr(value, slot)} | getattr(value, "__dict__", {})


def sha(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of what `value` is."""
    return sha(json.dumps(told(value), sort_keys=True, separators=(",", ":")))


class Identity:
    """What all trials of a subject have in common."""

    def __init__(self, subject: Subject) -> None:
        plan = subject.plan
        classes = [recipe.cls() for recipe in subject.recipes]
        self.strategy = " + ".join(
            f"{recipe.wanted or f'{found.__module__}:{found.__qualname__}'}"
            for recipe, found in zip(subject.recipes, classes, strict=True)
        )
        self.code = digest([[code_of(found), found.version] for found in classes])
        self.data = str(plan.feed.fingerprint())
        seats = [[s.name, s.capital, s.limits, s.symbols, s.account] for s in plan.strategies]
        asked = {key: value for key, value in plan.data.items() if key not in _WHEREABOUTS}
        terms = [plan.market, seats, plan.risk, plan.isolation, plan.mark_every, plan.seed, plan.expected_cost]
        self.config = digest([*terms, asked, list(plan.feed.instruments.values()), onepath.__version__])
        self.symbols = tuple(plan.feed.instruments)
        described = plan.feed.describe()
        self.first_at, self.last_at = int(described["first_at"] or 0), int(described["last_at"] or 0)

    def key(self, params: Any, how: str, window: Window | None = None) -> str:
        """The key of a trial: equal keys, equal results."""
        return digest([self.code, self.strategy, self.data, self.config, params, how, window])
