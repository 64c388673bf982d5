"""What two sessions saw: which events one of them lacks, which differ in their values, and which arrived at other times."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from onepath.market import MarketEvent
from onepath.versus.reading import Name, Seen

SHOWN = 20
_TIMES = frozenset({"at", "venue_at"})


class Difference(NamedTuple):
    """An event that is not the same: missing in the second, extra there, or different in some fields."""

    at: int
    symbol: str
    kind: str
    what: str
    fields: Mapping[str, Any]
    """of one that is different, both values"""


class Inputs(NamedTuple):
    """All that is not the same in what came."""

    compared: int
    """events that both have"""
    differences: tuple[Difference, ...]
    """in time order"""
    shifted: int
    """events that both have, heard at another time"""
    first_shift: int | None
    most_shift: int
    """nanoseconds"""
    mean_shift: float

    @property
    def counts(self) -> dict[str, int]:
        """How many by what is wrong, symbol and kind."""
        return dict(Counter(f"{d.what} {d.symbol} {d.kind}" for d in self.differences))

    @property
    def first(self) -> int | None:
        """When the first event was that is not the same."""
        return self.differences[0].at if self.differences else None

    def between(self, begin: int, end: int) -> bool:
        """Whether anything was not the same from one moment to another, both included."""
        index = bisect_left(self.differences, begin, key=lambda difference: difference.at)
        return index < len(self.differences) and self.differences[index].at <= end


NOTHING = Inputs(0, (), 0, None, 0, 0.0)


def compared(one: Seen | None, two: Seen | None) -> Inputs:
    """Both sides, event by event; nothing where one of them cannot be read."""
    if one is None or two is None:
        return NOTHING
    found: list[Difference] = []
    shifts: list[tuple[int, int]] = []
    both = 0
    for name, item in one.items.items():
        other = two.items.get(name)
        if other is None:
            found.append(_alone(name, item.at, "missing"))
            continue
        both += 1
        fields = _unequal(item.event, other.event)
        if fields:
            found.append(Difference(min(item.at, other.at), name[0], name[1], "different", fields))
        if item.at != other.at:
            shifts.append((min(item.at, other.at), other.at - item.at))
    found += [_alone(name, item.at, "extra") for name, item in two.items.items() if name not in one.items]
    most = max((abs(shift) for _, shift in shifts), default=0)
    mean = sum(shift for _, shift in shifts) / len(shifts) if shifts else 0.0
    first = min((at for at, _ in shifts), default=None)
    return Inputs(both, tuple(sorted(found, key=lambda d: d.at)), len(shifts), first, most, mean)


def _alone(name: Name, at: int, what: str) -> Difference:
    return Difference(at, name[0], name[1], what, {})


def _unequal(one: MarketEvent, two: MarketEvent) -> dict[str, tuple[Any, Any]]:
    fields = (name for name in one.__struct_fields__ if name not in _TIMES)
    return {name: (a, b) for name in fields if (a := getattr(one, name)) != (b := getattr(two, name))}
