"""What can go wrong, on command: which message, request or connection is hit, and how often it has happened.

Rules: a fault begins when it is due, and is over when its seconds are, or its count is used up; without either it takes
what its kind takes usually. Everything drawn by lot is drawn from the seed. Times in milliseconds, as arguments.

| kind | what happens |
|---|---|
| mute | the socket is open and pings are answered, but no message comes |
| drop | single messages are lost |
| gap | messages in a row are lost; REST has them |
| duplicate | a message comes twice |
| reorder | messages swap places in pairs, an odd last one with the next |
| delay | messages come `amount` seconds late, in order |
| malformed | a message is spoilt: see `spoiling` for the variants |
| cut | connections are reset; with seconds nobody gets in so long, REST included |
| half_open | connections stay open, but nothing is written, read or ponged on them any more |
| 429, 418 | a request is refused, `amount` in Retry-After |
| 5xx | a request is answered by a proxy's HTML page; variant 500, 502, 503 or 504 |
| truncate | a request's answer ends in the middle |
| skew | the venue's clock is off by `amount` seconds |
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from onepath.errors import ConfigError
from onepath.localvenue.spoiling import SPOILED

MESSAGES = frozenset({"mute", "drop", "gap", "duplicate", "reorder", "delay", "malformed"})
CONNECTIONS = frozenset({"cut", "half_open"})
REQUESTS = frozenset({"429", "418", "5xx", "truncate"})
_USUAL: Mapping[str, tuple[float, int, float]] = {
    **{"mute": (5, 0, 0), "drop": (0, 1, 0), "gap": (0, 5, 0), "duplicate": (0, 1, 0), "reorder": (0, 1, 0)},
    **{"delay": (5, 0, 0.5), "malformed": (0, 1, 0), "cut": (0, 0, 0), "half_open": (0, 0, 0)},
    **{"429": (0, 1, 1), "418": (0, 1, 2), "5xx": (0, 1, 0), "truncate": (0, 1, 0), "skew": (5, 0, 2)},
}
"""seconds, count and amount where nobody said"""
KINDS = tuple(_USUAL)
_UNCOUNTED = ("cut", "half_open", "skew")
_STATUS = ("500", "502", "503", "504")


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One fault, as it is asked for."""

    kind: str
    at: float = 0.0
    """seconds until it begins"""
    seconds: float = 0.0
    """how long it lasts"""
    count: int = 0
    """how many messages or requests it hits; 0: all of them, while it lasts"""
    share: float = 1.0
    """the share it hits of those that it could"""
    symbol: str = ""
    stream: str = ""
    """of a stream: its name (btcusdt@trade) or its kind (trade, kline_1m); empty: any"""
    path: str = ""
    """of a request: klines, depth, ...; empty: any"""
    amount: float = 0.0
    """seconds of delay, skew or Retry-After"""
    variant: str = ""

    def __post_init__(self) -> None:
        if self.kind not in _USUAL:
            near = get_close_matches(self.kind, KINDS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(f"fault {self.kind!r} is unknown; {hint}Known are {', '.join(KINDS)}.")
        variants = SPOILED if self.kind == "malformed" else _STATUS if self.kind == "5xx" else ()
        if self.variant and self.variant not in variants:
            known = f"known are {', '.join(variants)}" if variants else "it has none"
            raise ConfigError(f"fault {self.kind} has no variant {self.variant!r}; {known}")
        if (self.count and self.kind in _UNCOUNTED) or (self.seconds and self.kind == "half_open"):
            what = "seconds" if self.kind == "half_open" and self.seconds else "count"
            raise ConfigError(f"fault {self.kind} has no {what}: leave it out")
        if min(self.at, self.seconds, self.count) < 0 or not 0 < self.share <= 1:
            raise ConfigError(f"fault {self.kind}: at, seconds and count must not be below zero, share above 0 up to 1")

    def hits(self, name: str, symbol: str) -> bool:
        """Whether it could hit a message of this stream."""
        if self.symbol and self.symbol.upper() != symbol:
            return False
        return self.stream in ("", name, name.partition("@")[2])

    def asks(self, path: str, symbol: str) -> bool:
        """Whether it could hit this request."""
        return self.path in ("", path) and self.symbol.upper() in ("", symbol)


class Active:
    """A fault that has begun."""

    def __init__(self, fault: Fault, now: int) -> None:
        seconds, count, amount = _USUAL[fault.kind]
        said = fault.seconds or fault.count
        self.fault = fault
        seconds = fault.seconds if said else seconds
        self.left = fault.count if said else count
        self.until = now + round(seconds * 1000) if seconds else None
        self.amount = fault.amount or amount
        self.hit = 0

    def over(self, now: int) -> bool:
        if self.until is not None and now >= self.until:
            return True
        return self.left < 0 or (self.until is None and not self.left and self.hit > 0)

    def take(self) -> None:
        """It has hit once more."""
        self.hit += 1
        if self.left:
            self.left = self.left - 1 or -1


class Faults:
    """All faults of a venue: those planned, those at work, and the counts."""

    def __init__(self, seed: int = 0, planned: Iterable[tuple[int, Fault]] = ()) -> None:
        self._draw = random.Random(f"{seed}:faults")  # noqa: S311 - faults, not secrets
        self._planned: Iterator[tuple[int, Fault]] = iter(planned)
        self._next = next(self._planned, None)
        self._later: list[tuple[int, Fault]] = []
        self._messages: list[Active] = []
        self._others: list[Active] = []
        self._opened: int | None = None
        self.now = 0
        self.begun: Counter[str] = Counter()
        """faults that have begun, by kind"""
        self.hit: Counter[str] = Counter()
        """messages, requests and connections hit, by kind"""

    @property
    def active(self) -> bool:
        """Whether messages may be hit now."""
        return bool(self._messages)

    def tend(self, now: int) -> list[Fault]:
        """Time goes on: what begins now, of which the server carries out cuts and half-open connections itself."""
        self.now = now
        self._opened = now if self._opened is None else self._opened
        while self._next is not None and self._opened + self._next[0] <= now:
            self._later.append((now, self._next[1]))
            self._next = next(self._planned, None)
        if self._messages or self._others:
            self._messages = [one for one in self._messages if not one.over(now)]
            self._others = [one for one in self._others if not one.over(now)]
        begins = [fault for at, fault in self._later if at <= now]
        if begins:
            self._later = [later for later in self._later if later[0] > now]
        for fault in begins:
            self._begin(fault)
        return begins

    def inject(self, fault: Fault) -> None:
        """It begins with the next `tend`, or `fault.at` seconds later."""
        self._later.append((self.now + round(fault.at * 1000), fault))

    def clear(self) -> None:
        """All faults that are not planned end."""
        self._later, self._messages, self._others = [], [], []

    def _begin(self, fault: Fault) -> None:
        self.begun[fault.kind] += 1
        if fault.kind in MESSAGES:
            self._messages.append(Active(fault, self.now))
        elif fault.kind == "half_open" or (fault.kind == "cut" and not fault.seconds):
            pass  # done at once
        else:
            self._others.append(Active(fault, self.now))

    # -- who is hit ---------------------------------------------------------------------------------------------------

    def message(self, name: str, symbol: str) -> Active | None:
        """The fault that hits this message."""
        for one in self._messages:
            if not one.over(self.now) and one.fault.hits(name, symbol) and self._lot(one.fault):
                self._took(one)
                return one
        return None

    def request(self, path: str, symbol: str) -> Active | None:
        """The fault that hits this request."""
        for one in self._others:
            fits = one.fault.kind in REQUESTS and one.fault.asks(path, symbol)
            if fits and not one.over(self.now) and self._lot(one.fault):
                self._took(one)
                return one
        return None

    def shut(self) -> bool:
        """Whether nobody gets in."""
        for one in self._others:
            if one.fault.kind == "cut" and not one.over(self.now):
                self._took(one)
                return True
        return False

    @property
    def skew(self) -> int:
        """Milliseconds by which the venue's clock is off."""
        off = [one for one in self._others if one.fault.kind == "skew" and not one.over(self.now)]
        return sum(round(one.amount * 1000) for one in off)

    def variant(self, fault: Fault) -> str:
        """The one asked for, else one by lot."""
        return fault.variant or self._draw.choice(SPOILED if fault.kind == "malformed" else _STATUS)

    def _lot(self, fault: Fault) -> bool:
        return fault.share >= 1 or self._draw.random() < fault.share

    def _took(self, one: Active) -> None:
        one.take()
        self.hit[one.fault.kind] += 1

    def status(self) -> dict[str, Any]:
        """For GET /onepath/faults."""
        working = [one for one in (*self._messages, *self._others) if not one.over(self.now)]
        return {
            "kinds": list(KINDS),
            "begun": dict(sorted(self.begun.items())),
            "hit": dict(sorted(self.hit.items())),
            "active": [msgspec.to_builtins(one.fault) | {"hit": one.hit} for one in working],
            "later": [msgspec.to_builtins(fault) for _, fault in self._later],
        }
