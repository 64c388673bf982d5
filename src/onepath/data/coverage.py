"""A universe against a data set: which members have no data, and when; what that means for results.

Rules: a member lacks data on those days of its membership, within the time of the data set, that lie before its first bar or
after its last. A member without any bar lacks all of them. Holes between two bars are for `onepath data check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from onepath.calendars import DAY, as_date
from onepath.data.catalogue import Dataset
from onepath.universe import Spell, Universe

SLACK = 4
"""days at the edges that are no lack: weekends and holidays"""


class Gap(NamedTuple):
    """Days of a membership without data, both included; `entire` where the member has no bar at all."""

    symbol: str
    first: int
    last: int
    entire: bool


class Coverage(NamedTuple):
    """How much of a universe has data."""

    first: int
    last: int
    members: int
    gaps: tuple[Gap, ...]
    share: float
    """of all days of all memberships, those that have data"""
    leavers: int
    """memberships that end within the time of the data"""

    @property
    def absent(self) -> tuple[str, ...]:
        """Members without any data."""
        return tuple(dict.fromkeys(gap.symbol for gap in self.gaps if gap.entire))

    def warnings(self) -> list[str]:
        """What to think of results on this universe and data."""
        said = []
        if not self.leavers:
            said.append("no member ever leaves: this is a list of survivors, and results on it are flattered")
        if self.absent:
            said.append(
                f"{len(self.absent):,} of {self.members:,} members have no data at all, {self.share:.1%} of all days of "
                "membership have: results are those of the symbols that are left, which mostly are the survivors"
            )
        return said

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "first": as_date(self.first).isoformat(),
            "last": as_date(self.last).isoformat(),
            "members": self.members,
            "without_data": list(self.absent),
            "share_of_days_with_data": self.share,
            "memberships_that_end": self.leavers,
            "gaps": [
                {
                    "symbol": gap.symbol,
                    "first": as_date(gap.first).isoformat(),
                    "last": as_date(gap.last).isoformat(),
                    "entire": gap.entire,
                }
                for gap in self.gaps
            ],
            "warnings": self.warnings(),
        }


def coverage(universe: Universe, dataset: Dataset) -> Coverage:
    """Which members of a universe lack data in a data set, and when."""
    there: Mapping[str, Any] = dataset.meta["symbols"]
    known = {s: (int(e["first_start"]) // DAY, int(e["last_at"]) // DAY) for s, e in there.items()}
    first, last = min(f for f, _ in known.values()), max(t for _, t in known.values())
    spells = [spell for spell in universe.spells if spell.touches(first, last)]
    gaps = [gap for spell in spells for gap in _gaps(spell, known.get(spell.symbol), first, last)]
    days = sum(_days(spell, first, last) for spell in spells)
    lacking = sum(gap.last - gap.first + 1 for gap in gaps)
    leavers = sum(1 for spell in spells if spell.end is not None and spell.end <= last)
    members = len({spell.symbol for spell in spells})
    return Coverage(first, last, members, tuple(gaps), 1 - lacking / days if days else 1.0, leavers)


def _span(spell: Spell, first: int, last: int) -> tuple[int, int]:
    """The days of a membership within the data's, both included."""
    return (
        first if spell.first is None else max(first, spell.first),
        last if spell.end is None else min(last, spell.end - 1),
    )


def _days(spell: Spell, first: int, last: int) -> int:
    begins, ends = _span(spell, first, last)
    return ends - begins + 1


def _gaps(spell: Spell, known: tuple[int, int] | None, first: int, last: int) -> list[Gap]:
    begins, ends = _span(spell, first, last)
    if known is None or known[0] > ends or known[1] < begins:
        return [Gap(spell.symbol, begins, ends, known is None)]
    found = []
    if known[0] > begins + SLACK:
        found.append(Gap(spell.symbol, begins, known[0] - 1, False))
    if known[1] < ends - SLACK:
        found.append(Gap(spell.symbol, known[1] + 1, ends, False))
    return found
