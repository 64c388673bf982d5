"""Each stream's events once, in order, without holes: what came twice is dropped, what came early waits for what is missing.

Rules: pure; one keeper a stream. `take` is given what came in, live or fetched, and returns what may go on, in order. A
keeper with a `gap` says what is missing; events behind it are held until it is filled, or given up and counted
(`missed`). What the venue's own answer rules out is thrown away (`disown`): one wild number must not end a stream.
- `Trades`: venues that number their trades without holes (Binance). A number is released once, in turn.
- `UnnumberedTrades`: all others. Two trades may be equal in everything, so nothing live is ever dropped; after a loss, what
  was fetched and what was heard meanwhile are matched as multisets of (time, price, size, side).
- `Bars`: only closed ones, by start. A hole that the venue's own answer has too is a time without trades (`empty`).
- `Quotes`: the newest only, by update id where the venue has them.
Limits: unnumbered trades that are lost while the connection stands cannot be noticed, by anybody.
Cost: a dictionary lookup an event in the ordinary case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from onepath.market import Bar, Quote, Trade
from onepath.ports import NEVER


class Trades:
    """Trades by the venue's number, which grows by one."""

    def __init__(self, most_held: int, last: int = 0) -> None:
        self.last = last
        """number of the last one released; 0: none yet, the first one begins"""
        self.duplicates = 0
        self.missed = 0
        self.unlikely = 0
        """numbers that the venue does not know"""
        self.held: dict[int, Trade] = {}
        """what came early, by number"""
        self._most = most_held
        self._leaps = False

    @property
    def gap(self) -> tuple[int, int] | None:
        """First and last number missing before what is held."""
        return (self.last + 1, min(self.held) - 1) if self.held else None

    def take(self, trade: Trade) -> Sequence[Trade]:
        number = trade.id
        if number == self.last + 1 or not self.last:
            self.last = number
            self._leaps = False
            return self._follow([trade]) if self.held else (trade,)
        if number <= self.last or number in self.held:
            self.duplicates += 1
            return ()
        self.held[number] = trade
        return self.give_up() if self._leaps or len(self.held) > self._most else ()

    def fill(self, trades: Iterable[Trade]) -> list[Trade]:
        """What was fetched."""
        return [released for trade in trades for released in self.take(trade)]

    def give_up(self) -> list[Trade]:
        """What is missing before the first that is held (or the next to come) will not come: count it, go on behind it."""
        self._leaps = not self.held
        if not self.held:
            return []
        first = min(self.held)
        self.missed += first - self.last - 1
        self.last = first - 1
        return self._follow([])

    def disown(self) -> None:
        """The venue itself knows of nothing behind `last`: what is held cannot be true."""
        self.unlikely += len(self.held)
        self.held.clear()

    def _follow(self, released: list[Trade]) -> list[Trade]:
        while (trade := self.held.pop(self.last + 1, None)) is not None:
            self.last += 1
            released.append(trade)
        return released


class UnnumberedTrades:
    """Trades without numbers: in the order they come; after a loss, matched with what was fetched."""

    def __init__(self, most_held: int, last: Trade | None = None) -> None:
        self.duplicates = 0
        self.missed = 0
        self._newest = last.venue_at if last else 0
        self._at_newest: Counter[tuple[float, float, int]] = Counter()
        if last:
            self._at_newest[_terms(last)] += 1
        self._held: list[Trade] | None = None
        self._most = most_held
        self._fetched: Counter[tuple[int, float, float, int]] = Counter()
        """what was fetched and may still come live, because it is on its way"""
        self._through = 0

    @property
    def newest(self) -> int:
        """The venue's time of the newest one released; 0: none yet."""
        return self._newest

    @property
    def meanwhile(self) -> int:
        """The venue's time of the first one that is held; beyond all times if there is none."""
        return self._held[0].venue_at if self._held else NEVER

    def hold(self) -> None:
        """The connection was lost: what comes from now on waits for what is fetched."""
        self._held = self._held or []

    def take(self, trade: Trade) -> Sequence[Trade]:
        if self._held is None:
            if self._fetched and self._was_fetched(trade):
                return ()
            self._note(trade)
            return (trade,)
        self._held.append(trade)
        return self.fill(()) if len(self._held) > self._most else ()

    def fill(self, trades: Iterable[Trade]) -> list[Trade]:
        """What was fetched, oldest first; releases it without what was known before the loss, then what was held."""
        known = Counter(self._at_newest)
        since = self._newest
        released: list[Trade] = []
        fetched: Counter[tuple[int, float, float, int]] = Counter()
        for trade in trades:
            if trade.venue_at < since or (trade.venue_at == since and known[_terms(trade)] > 0):
                known[_terms(trade)] -= trade.venue_at == since
                self.duplicates += 1
                continue
            fetched[trade.venue_at, *_terms(trade)] += 1
            released.append(trade)
        for trade in self._held or ():
            if fetched[trade.venue_at, *_terms(trade)] > 0:
                fetched[trade.venue_at, *_terms(trade)] -= 1
                self.duplicates += 1
            else:
                released.append(trade)
        self._held = None
        for trade in released:
            self._note(trade)
        self._fetched, self._through = +fetched, max((at for at, *_ in fetched), default=0)
        return released

    def _was_fetched(self, trade: Trade) -> bool:
        """Whether this is the late twin of one that was fetched."""
        key = (trade.venue_at, *_terms(trade))
        if self._fetched[key] > 0:
            self._fetched[key] -= 1
            self.duplicates += 1
            return True
        if trade.venue_at > self._through:
            self._fetched.clear()
        return False

    def _note(self, trade: Trade) -> None:
        if trade.venue_at > self._newest:
            self._newest = trade.venue_at
            self._at_newest.clear()
        if trade.venue_at == self._newest:
            self._at_newest[_terms(trade)] += 1


def behind(known: Iterable[Trade], page: Iterable[Trade], since: int) -> list[Trade]:
    """What a page that begins at the time `since` adds to the trades `known` of the pages before it."""
    repeated = Counter(_terms(trade) for trade in known if trade.venue_at == since)
    added = []
    for trade in page:
        if trade.venue_at == since and repeated[_terms(trade)] > 0:
            repeated[_terms(trade)] -= 1
        elif trade.venue_at >= since:
            added.append(trade)
    return added


def _terms(trade: Trade) -> tuple[float, float, int]:
    return trade.price, trade.size, trade.aggressor


class Bars:
    """Closed bars by start, one an interval."""

    def __init__(self, interval: int, most_held: int, last: int | None = None) -> None:
        """`last`: start of the last one known, in nanoseconds."""
        self.last = last
        self.duplicates = 0
        self.missed = 0
        self.empty = 0
        self.unlikely = 0
        """bars from beyond the venue's own time"""
        self.interval = interval
        self._held: dict[int, Bar] = {}
        self._expected = 0
        self._most = most_held

    @property
    def gap(self) -> tuple[int, int] | None:
        """First and last start missing before what is held, or before the bar that has begun."""
        if self.last is None:
            return None
        first, last = self.last + self.interval, (min(self._held, default=self._expected)) - self.interval
        return (first, last) if last >= first else None

    def began(self, start: int) -> None:
        """The venue works at the bar of this start: all before it have ended."""
        if self.last is None:
            self.last = start - self.interval
        self._expected = max(self._expected, start)

    def take(self, bar: Bar) -> Sequence[Bar]:
        """A closed bar."""
        if self.last is None or bar.start == self.last + self.interval:
            self.last = bar.start
            return self._follow([bar]) if self._held else (bar,)
        if bar.start <= self.last or bar.start in self._held:
            self.duplicates += 1
            return ()
        self._held[bar.start] = bar
        return self.give_up() if len(self._held) > self._most else ()

    def fill(self, bars: Iterable[Bar], through: int) -> list[Bar]:
        """What was fetched. The answer is complete up to the start `through`: what it lacks, the venue does not have."""
        released: list[Bar] = []
        for bar in bars:
            released += self.take(bar)
        while (gap := self.gap) and gap[0] <= through:
            before = min(min(self._held, default=self._expected), through + self.interval)
            self.empty += self._skip(before)
            released += self._follow([])
        return released

    def give_up(self) -> list[Bar]:
        """What is missing will not come: count it, go on behind it."""
        gap = self.gap
        if gap is not None:
            self.missed += self._skip(gap[1] + self.interval)
        return self._follow([])

    def disown(self) -> None:
        """The venue itself knows of no such time: what is held or has begun cannot be true."""
        self.unlikely += max(len(self._held), 1)
        self._held.clear()
        self._expected = 0

    def _skip(self, before: int) -> int:
        """Go on at the bar that starts at `before`; how many are left out."""
        last = self.last or 0
        self.last = before - self.interval
        return (before - last) // self.interval - 1

    def _follow(self, released: list[Bar]) -> list[Bar]:
        while self.last is not None and (bar := self._held.pop(self.last + self.interval, None)) is not None:
            self.last = bar.start
            released.append(bar)
        return released


class Quotes:
    """Quotes by update id, which grows; without ids (0) all pass."""

    def __init__(self) -> None:
        self.last = 0
        self.duplicates = 0

    def take(self, quote: Quote) -> Sequence[Quote]:
        if quote.id:
            if quote.id <= self.last:
                self.duplicates += 1
                return ()
            self.last = quote.id
        return (quote,)

    def restart(self) -> None:
        """A new connection: its first quote is the newest, whatever its id."""
        self.last = 0
