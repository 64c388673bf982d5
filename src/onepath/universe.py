"""Which symbols are to be looked at when: membership with dates, and filters by what was traded before the moment.

Rules: a spell is from its first day to the day on which the symbol is a member no more. A change is seen from the opening of
that day's session (the first one from that day on), never earlier: between a close and the next opening the members are
those of the session that has closed. What was traded counts session by session, and only sessions before the present one:
the members of a session are settled at its opening and stay until the next.
The average of value traded is over `days` sessions, those without a trade as zero; a symbol of which fewer sessions were
seen is no member yet. Of equal values the first in the file's order wins.
Limits: a bar's value is its close times its volume; quotes and order books show no trades. One calendar for all symbols.
Cost: nothing an event without a filter by trading, 0.7 us with one; 8 us a member at a session's opening.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from math import fsum
from typing import Any

import msgspec

from onepath.actions import CorporateAction, ratio_of
from onepath.calendars import Calendar, as_date, get
from onepath.market import Bar, MarketEvent, Trade


class Spell(msgspec.Struct, frozen=True, array_like=True):
    """`symbol` is a member from the day `first` until the day before `end`; days are counted from 1970."""

    symbol: str
    first: int | None = None
    end: int | None = None

    def holds(self, day: int) -> bool:
        """Whether it is a member on that day."""
        return (self.first is None or self.first <= day) and (self.end is None or day < self.end)

    def touches(self, first: int, last: int) -> bool:
        """Whether it is a member on any of these days."""
        return (self.first is None or self.first <= last) and (self.end is None or first < self.end)

    def __str__(self) -> str:
        since = "" if self.first is None else f" from {as_date(self.first)}"
        return f"{self.symbol}{since}{'' if self.end is None else f' to {as_date(self.end)}'}"


class Traded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member must have traded, on the average of the last `days` sessions before the present one."""

    days: int = 20
    min_dollar_volume: float = 0.0
    """least average of price times volume"""
    min_price: float = 0.0
    """least last close"""
    top: int = 0
    """only so many, those with the highest average; 0: all"""

    def __post_init__(self) -> None:
        if self.days < 1 or self.top < 0:
            raise ValueError(
                f"days is {self.days} and top {self.top}; expected at least one day, and no negative number"
            )


class Universe(msgspec.Struct, frozen=True):
    """Members with their dates, in the order of their file, and what they must have traded."""

    spells: tuple[Spell, ...]
    name: str = ""
    """where it came from"""
    sha256: str = ""
    """of the file"""
    traded: Traded | None = None
    calendar: str = ""
    """whose sessions count"""
    where: dict[str, Any] = {}
    """the conditions on metadata that its spells meet"""

    def members(self, day: int) -> tuple[str, ...]:
        """Who is a member on that day, whatever was traded."""
        return tuple(dict.fromkeys(spell.symbol for spell in self.spells if spell.holds(day)))

    def ever(self, first: int, last: int) -> tuple[str, ...]:
        """Whoever is a member on any of these days."""
        return tuple(dict.fromkeys(spell.symbol for spell in self.spells if spell.touches(first, last)))

    def only(self, symbols: Collection[str]) -> Universe:
        """Of these symbols alone."""
        known = frozenset(symbols)
        return msgspec.structs.replace(self, spells=tuple(s for s in self.spells if s.symbol in known))

    def changes(self) -> list[int]:
        """The days on which somebody comes or goes."""
        found = {day for spell in self.spells for day in (spell.first, spell.end) if day is not None}
        return sorted(found)


class Members:
    """A universe as a strategy sees it, while time goes on."""

    def __init__(self, universe: Universe, symbols: Iterable[str]) -> None:
        """`symbols` are those of the strategy: nobody else is a member."""
        self._universe = universe.only(frozenset(symbols))
        self._calendar = get(universe.calendar or "24/7")
        self._until = -(2**63)
        self._members: tuple[str, ...] = ()
        self._days: dict[str, deque[list[Any]]] = {}
        """of each symbol, the sessions in which it was seen: day, value traded, last price"""
        self._began, self._day = -1, 0
        """when the last event began, and its session"""
        self._by_bars: set[str] = set()
        """symbols of which bars come: their trades are in them"""

    @property
    def listens(self) -> bool:
        """Whether what is traded matters."""
        return self._universe.traded is not None

    def at(self, at: int) -> tuple[str, ...]:
        """The members at `at`, in the order of the universe; `at` never goes back."""
        if at >= self._until:
            day, self._until = session_begun(self._calendar, at)
            self._members = self._liquid(self._universe.members(day), day)
        return self._members

    def hear(self, event: MarketEvent, _context: object = None) -> None:
        """Something was traded."""
        symbol = event.symbol
        if isinstance(event, Bar):
            self._by_bars.add(symbol)
            value, began = event.close * event.volume, event.start
        elif isinstance(event, Trade) and symbol not in self._by_bars:
            value, began = event.price * event.size, event.at
        else:
            return
        if began != self._began:
            self._began, self._day = began, self._calendar.session_date(began)
        day, seen = self._day, self._days.get(symbol)
        if seen is None:
            seen = self._days[symbol] = deque()
        if seen and seen[-1][0] == day:
            seen[-1][1] += value
            seen[-1][2] = event.mark
        else:
            seen.append([day, value, event.mark])

    def act(self, action: CorporateAction) -> None:
        """A split: prices of before it are restated. What was traded keeps its value."""
        ratio = ratio_of(action)
        if ratio is not None:
            for row in self._days.get(action.symbol, ()):
                row[2] /= float(ratio)

    def _liquid(self, members: tuple[str, ...], day: int) -> tuple[str, ...]:
        """Those of `members` that have traded enough before that day."""
        wanted = self._universe.traded
        if wanted is None:
            return members
        begin = _back(self._calendar, day, wanted.days)
        found: list[tuple[float, int]] = []
        for number, symbol in enumerate(members):
            average = self._average(symbol, begin, day, wanted)
            if average is not None and average >= wanted.min_dollar_volume:
                found.append((-average, number))
        if wanted.top:
            found = sorted(found)[: wanted.top]
        return tuple(members[number] for number in sorted(number for _, number in found))

    def _average(self, symbol: str, begin: int, day: int, wanted: Traded) -> float | None:
        """The value traded a session from `begin` to the day before; None where too little was seen, or its price is too low."""
        seen = self._days.get(symbol)
        if not seen or seen[0][0] > begin:
            return None
        while len(seen) > 1 and seen[1][0] <= begin:
            seen.popleft()  # the one before the window stays, as a sign that all of the window was seen
        rows = [row for row in seen if begin <= row[0] < day]
        if not rows or rows[-1][2] < wanted.min_price:
            return None
        return fsum(row[1] for row in rows) / wanted.days


def session_begun(calendar: Calendar, at: int) -> tuple[int, int]:
    """The last session that has opened by `at`, and when the next one opens."""
    day = calendar.session_date(at)
    opens, _ = calendar.session_bounds(day)
    if at < opens:
        return _back(calendar, day, 1), opens
    following = day + 1
    while not calendar.is_session(following):
        following += 1
    return day, calendar.session_bounds(following)[0]


def _back(calendar: Calendar, day: int, sessions: int) -> int:
    """The session so many before that of `day`."""
    while sessions:
        day -= 1
        sessions -= calendar.is_session(day)
    return day


def lacking(universe: Universe, known: Collection[str], first: int, last: int) -> Sequence[str]:
    """Members of those days of which there are no data."""
    return [symbol for symbol in universe.ever(first, last) if symbol not in known]
