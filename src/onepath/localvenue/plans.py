"""Faults in advance: one by one as a user writes them (`mute@10s:5s`), or by lot from a seed (`seed=3,rate=0.2`)."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import Any, NamedTuple

import msgspec

from onepath.errors import ConfigError
from onepath.localvenue.faults import KINDS, Fault

_FAULT = re.compile(
    r"(?P<kind>\w+)(?:@(?P<at>[\d.]+(?:ms|s|m)?))?(?::(?P<seconds>[\d.]+(?:ms|s|m)?))?(?:,(?P<rest>.*))?"
)
_DRAWN = tuple(kind for kind in KINDS if kind not in ("half_open", "418"))
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}


def fault(text: str) -> Fault:
    """`kind@start:duration,key=value,...`, all but the kind optional: mute@10s:5s,symbol=BTCUSDT."""
    found = _FAULT.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"fault {text!r} cannot be read; expected kind@start:duration, such as mute@10s:5s, or cut")
    fields: dict[str, Any] = _pairs(found["rest"] or "", text)
    for name in ("at", "seconds"):
        if found[name] is not None:
            fields[name] = _seconds(found[name], text)
    return made({"kind": found["kind"], **fields}, strict=False)


def made(fields: Any, *, strict: bool = True) -> Fault:
    """The fault of these fields. Raises ConfigError with one sentence."""
    try:
        return msgspec.convert(fields, Fault, strict=strict)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        known = ", ".join(Fault.__struct_fields__)
        raise ConfigError(f"the fault {fields!r} cannot be read: {error}. Its fields are {known}.") from None


def _pairs(text: str, whole: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    if not all(equals and value for _, equals, value in pairs):
        raise ConfigError(f"{whole!r} cannot be read; after a comma expected key=value, such as symbol=BTCUSDT")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _seconds(text: str, whole: str) -> float:
    number = text.rstrip("ms")
    try:
        return float(number) * _UNITS[text[len(number) :]]
    except (ValueError, KeyError):
        raise ConfigError(f"{whole!r} cannot be read; {text!r} is no time such as 10s, 500ms or 2m") from None


class Lottery(NamedTuple):
    """Faults by lot: `rate` a second on average, of these kinds, at most `longest` seconds long."""

    seed: int = 0
    rate: float = 0.1
    kinds: Sequence[str] = _DRAWN
    longest: float = 3.0

    def drawn(self) -> Iterator[tuple[int, Fault]]:
        """(milliseconds from the start, fault), for ever."""
        draw, at = random.Random(f"{self.seed}:plan"), 0.0  # noqa: S311 - faults, not secrets
        while True:
            at += draw.expovariate(self.rate)
            kind = draw.choice(list(self.kinds))
            seconds = round(draw.uniform(0.2, self.longest), 3)
            amount = round(draw.uniform(0.1, 1.0), 3)
            few = draw.randint(1, 5)
            timed = kind in ("mute", "delay", "skew") or (kind == "cut" and draw.random() < 0.5)
            counted = kind not in ("mute", "delay", "skew", "cut", "half_open")
            terms: dict[str, Any] = {"seconds": seconds} if timed else {"count": few} if counted else {}
            yield round(at * 1000), Fault(kind=kind, amount=amount if kind in ("delay", "skew") else 0.0, **terms)


def lottery(text: str) -> Lottery:
    """`seed=3,rate=0.2,kinds=mute+cut,longest=2`, all optional."""
    said = _pairs(text, text)
    if unknown := said.keys() - set(Lottery._fields):
        raise ConfigError(f"{text!r}: {sorted(unknown)[0]!r} is unknown; known are {', '.join(Lottery._fields)}")
    try:
        drawn = Lottery(
            int(said.get("seed", 0)),
            float(said.get("rate", 0.1)),
            tuple(said["kinds"].split("+")) if "kinds" in said else _DRAWN,
            float(said.get("longest", 3.0)),
        )
    except ValueError:
        raise ConfigError(f"{text!r} cannot be read; expected such as seed=3,rate=0.2") from None
    if not (drawn.rate > 0 and drawn.longest >= 0.2):
        raise ConfigError(f"{text!r}: the rate must be above zero, the longest at least 0.2 seconds")
    for kind in drawn.kinds:
        Fault(kind=kind)
    return drawn


def planned(faults: Iterable[Fault], drawn: Lottery | None) -> Iterator[tuple[int, Fault]]:
    """All of them in order of time."""
    ordered = sorted(((round(one.at * 1000), one) for one in faults), key=lambda timed: timed[0])
    return merge(ordered, drawn.drawn() if drawn else (), key=lambda timed: timed[0])
