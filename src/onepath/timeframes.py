"""Bars of several intervals, built as the session goes: from finer bars, from trades, or from the middle of quotes.

Asked for in `on_start` with `context.timeframes.require("5m", "1h")`; a strategy that does not ask pays nothing.

Rules:
- Intervals divide a day and are counted from midnight UTC (sessions of an exchange are not known here). What happens at the
  very end of an interval belongs to the next. An interval in which nothing came has no bar.
- A symbol's bars are built from its bars where they fit into the interval, else from trades, else from the middle of quotes
  or of the book (volume 0). Where the data's own bars are as long as the interval, those are the bars, as they came.
- Of finer bars: closed with the bar that ends the interval, as it is heard; where that one does not come (nobody traded), one
  finer bar's length after the end, or with the next bar. Of ticks: closed when the end has come, before anything of that instant.
- In real time a tick belongs to the interval of the venue's own time. Its bar is closed by the first tick of a later interval,
  or a second after the end. While the data of a symbol are stale, time alone closes nothing: what was missed is filled in.
- A closed bar never changes. What comes too late for its bar is left out and counted in `late`.
- After a split all that is kept is in today's units; a new name takes the bars over.
- All follows from the events and their order alone, so it is the same in every mode and in a replay.
Limits: the first bar begins with the first event, the last one under way at the end of the data is never closed.
Cost: 0.5 us (a tick) or 1 us (a bar) an event, 0.2 us for each further interval, 5 us a bar that closes; `keep` bars a symbol
and interval.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

from msgspec.structs import replace as replaced

from onepath.actions import CorporateAction, SymbolChange, ratio_of
from onepath.adjustments import UNSCALED, Scale
from onepath.errors import StrategyError
from onepath.market import Bar, BookUpdate, MarketEvent, Quote, Trade
from onepath.nearest import nearest
from onepath.ports import NEVER

KEPT = 1_000
"""bars of each symbol and interval, unless asked otherwise"""
_SECOND = 1_000_000_000
_UNITS = {"s": _SECOND, "m": 60 * _SECOND, "h": 3_600 * _SECOND, "d": 86_400 * _SECOND}
_DAY = _UNITS["d"]
_PATIENCE = _SECOND
"""how long a bar of ticks that carry the venue's time waits for those on their way"""
_TICKS: Mapping[str, type] = {"trades": Trade, "quotes": Quote, "book": BookUpdate}
"""what bars are built from where there are no bars: the first that there is"""
OnBar = Callable[[Bar, str, Any], Any]


def nanoseconds(interval: str) -> int:
    """`"30s"`, `"5m"`, `"1h"`, `"1d"` in nanoseconds. Raises StrategyError for what does not divide a day."""
    number, unit = str(interval)[:-1], str(interval)[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or int(number) == 0:
        raise StrategyError(
            f"the interval {interval!r} is not understood; write a number and s, m, h or d, such as 30s, 5m, 1h or 1d"
        )
    length = int(number) * _UNITS[unit]
    if length > _DAY or _DAY % length:
        raise StrategyError(
            f"the interval {interval!r} does not divide a day, so its bars would begin at other times each day; "
            "take one that does, such as 5m, 15m, 1h, 4h or 1d"
        )
    return length


class Candles(Sequence[Bar]):
    """The closed bars of one symbol and interval that are kept, oldest first: `[-1]` is the last one that closed.

    `forming` is the bar under way, `late` counts what came when its bar had closed already.
    """

    __slots__ = (
        *("symbol", "interval", "length", "source", "whole", "late", "end", "deadline", "_kept", "_raw"),
        *("_begins", "_at", "_first", "_high", "_low", "_last", "_volume"),
    )

    def __init__(self, symbol: str, interval: str, length: int, keep: int, source: str, *, whole: bool) -> None:
        """`source` is the kind of events it is built from; `whole` where those are bars of the same length."""
        self.symbol = symbol
        self.interval = interval
        self.length = length
        self.source = source
        self.whole = whole
        self.late = 0
        self.end = 0
        """where the bar under way ends; while there is none, where the last one ended"""
        self.deadline = NEVER
        """when the bar under way is closed by time alone"""
        self._kept: deque[Bar] = deque(maxlen=keep)
        self._raw: dict[int, tuple[Bar, Scale]] = {}
        """bars of before a split as they were, by their start, and how they are shown now"""
        self._begins = 0
        """where the bar under way began; while there is none, `end`"""
        self._at = 0
        self._first = self._high = self._low = self._last = self._volume = 0.0

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Bar: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Bar]: ...
    def __getitem__(self, index: int | slice) -> Bar | Sequence[Bar]:
        return tuple(self._kept)[index] if isinstance(index, slice) else self._kept[index]

    def __iter__(self) -> Iterator[Bar]:
        return iter(self._kept)

    def __reversed__(self) -> Iterator[Bar]:
        return reversed(self._kept)

    def __repr__(self) -> str:
        return f"<{len(self)} bars of {self.symbol} {self.interval}>"

    @property
    def keep(self) -> int:
        """How many bars are kept at most."""
        return self._kept.maxlen or 0

    @property
    def forming(self) -> Bar | None:
        """The bar under way, of what has arrived so far; None before its first event."""
        if self._begins == self.end:
            return None
        return Bar(
            *(self.symbol, self._begins, self._at, self._first, self._high, self._low, self._last),
            self._volume,
        )

    def closes(self, bars: int) -> list[float]:
        """The last `bars` closing prices, oldest first; fewer while there are not as many."""
        found = [bar.close for bar in islice(reversed(self._kept), max(bars, 0))]
        found.reverse()
        return found

    # -- what the engine does to it

    def tick(self, own: int, at: int, price: float, size: float, wait: int) -> Bar | None:
        """Take in one price that belongs to the time `own`; gives the bar that it closed, as the first of a later interval.

        `wait` is how long after its end, or after what came later still, a bar is closed by time alone.
        """
        if self._begins <= own < self.end:
            if price > self._high:
                self._high = price
            elif price < self._low:
                self._low = price
            self._last = price
            self._volume += size
            self._at = at
            if at > self.end:  # filled in afterwards, and more may come
                self.deadline = at + wait
            return None
        if own < self._begins:
            self.late += 1
            return None
        return self._begin(own, at, (price, price, price, price), size, wait)

    def bar(self, bar: Bar, wait: int) -> Bar | None:
        """Take in a finer bar; gives the bar that it closed, as the first of a later interval."""
        if self._begins <= bar.start < self.end:
            if bar.high > self._high:  # noqa: PLR1730 - a call costs three times as much
                self._high = bar.high
            if bar.low < self._low:  # noqa: PLR1730
                self._low = bar.low
            self._last = bar.close
            self._volume += bar.volume
            self._at = bar.at
            if bar.at > self.end:
                self.deadline = bar.at + wait
            return None
        if bar.start < self._begins:
            self.late += 1
            return None
        return self._begin(bar.start, bar.at, (bar.open, bar.high, bar.low, bar.close), bar.volume, wait)

    def _begin(
        self, own: int, at: int, prices: tuple[float, float, float, float], volume: float, wait: int
    ) -> Bar | None:
        closed = self.close(at)
        self._begins = own // self.length * self.length
        self.end = self._begins + self.length
        self.deadline = max(self.end, at) + wait
        self._at = at
        self._first, self._high, self._low, self._last = prices
        self._volume = volume
        return closed

    def close(self, at: int) -> Bar | None:
        """The bar under way is complete, as is known at `at`."""
        self._at = at
        bar = self.forming
        if bar is not None:
            self._begins, self.deadline = self.end, NEVER
            self._kept.append(bar)
        return bar

    def pass_on(self, bar: Bar) -> Bar | None:
        """Keep a bar as it is; none that is older than the last."""
        if bar.start < self.end:
            self.late += 1
            return None
        self._begins = self.end = bar.start + 1
        self._kept.append(bar)
        return bar

    def restate(self, action: CorporateAction) -> None:
        """Show what is kept in the units of after a split; always from the bars as they were, so that several splits round
        no more than one."""
        raw = {bar.start: self._raw.get(bar.start, (bar, UNSCALED)) for bar in self._kept}
        self._raw = {start: (bar, scale.after(action, dividends=False)) for start, (bar, scale) in raw.items()}
        self._kept = deque((scale.bar(bar) for bar, scale in self._raw.values()), self.keep)
        scale, prices = UNSCALED.after(action, dividends=False), (self._first, self._high, self._low, self._last)
        self._first, self._high, self._low, self._last = map(scale.price, prices)
        self._volume = scale.volume(self._volume)

    def take_over(self, old: Candles) -> None:
        """Go on under a new name, where nothing is known under it yet."""
        if self._kept or self.forming is not None:
            return
        self._kept.extend(replaced(bar, symbol=self.symbol) for bar in old)
        self._raw = {start: (replaced(bar, symbol=self.symbol), scale) for start, (bar, scale) in old._raw.items()}
        self._begins, self._at, self.end, self.deadline = old._begins, old._at, old.end, old.deadline
        self._first, self._high, self._low, self._last = old._first, old._high, old._low, old._last
        self._volume = old._volume
        old._begins, old.deadline = old.end, NEVER


class Timeframes:
    """Bars of several intervals: `context.timeframes["AAPL", "5m"]` once `require("5m")` was called in `on_start`."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = symbols
        self.due = NEVER
        """when the next bar is closed by time alone"""
        self.open = True
        """whether one may still ask"""
        self._candles: dict[tuple[str, str], Candles] = {}
        self._fed: dict[type, dict[str, list[Candles]]] = {}
        self._kinds: Mapping[str, Collection[str]] = {}
        self._step = 0
        self._stale: Collection[tuple[str, str]] = ()
        self._woken: Callable[[], None] = _nobody
        self._heard: Callable[[], None] = _nobody
        self._on_bar: OnBar | None = None

    def require(self, *intervals: str, keep: int = KEPT) -> None:
        """Build bars of these intervals for every symbol and keep the last `keep` of each; call it in `on_start`.

        Raises StrategyError for an interval that does not divide a day, or that the data's bars do not fit into.
        """
        if not self.open:
            raise StrategyError("timeframes are asked for in on_start: the data are running already")
        if not isinstance(keep, int) or keep < 1:
            raise StrategyError(f"timeframes keep a whole number of bars from 1 on, not {keep!r}")
        for interval in intervals:
            length = nanoseconds(interval)
            for symbol in self.symbols:
                known = self._candles.get((symbol, interval))
                if known is None or known.keep < keep:
                    source = self._source(symbol, interval, length)
                    whole = source == "bars" and length == self._step
                    self._candles[symbol, interval] = Candles(symbol, interval, length, keep, source, whole=whole)

    def __getitem__(self, which: tuple[str, str]) -> Candles:
        """The bars of a symbol and interval."""
        found = self._candles.get(which)
        if found is not None:
            return found
        if not self._candles:
            raise StrategyError('no bars are built: ask for them in on_start with context.timeframes.require("5m")')
        if not isinstance(which, tuple) or len(which) != 2:
            raise StrategyError(
                f'timeframes take a symbol and an interval, as in timeframes["AAPL", "5m"], not {which!r}'
            )
        symbol, interval = which
        if symbol not in self.symbols:
            raise StrategyError(
                f"no bars of {symbol!r}{nearest(symbol, self.symbols)}; it has {', '.join(self.symbols[:20])}"
            )
        there = list(dict.fromkeys(interval for _, interval in self._candles))
        raise StrategyError(
            f"no bars of {interval!r} are built{nearest(interval, there)}; context.timeframes.require asked for "
            + ", ".join(there)
        )

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each (symbol, interval) there is."""
        return iter(self._candles)

    def __len__(self) -> int:
        return len(self._candles)

    # -- what the engine does to it

    def know(self, kinds: Mapping[str, Collection[str]], step: int, stale: Collection[tuple[str, str]]) -> None:
        """What the data bring: `kinds` of events by symbol, bars `step` nanoseconds long (0: nobody says), and which streams
        are stale at present (a live view)."""
        self._kinds, self._step, self._stale = kinds, step, stale

    def connect(self, on_bar: OnBar | None, heard: Callable[[], None], woken: Callable[[], None]) -> None:
        """From here on bars are built. `on_bar` hears of each that closes, `heard` is called before; `woken` when `due` came
        nearer."""
        self.open = False
        self._on_bar, self._heard, self._woken = on_bar, heard, woken
        for candles in sorted(self._candles.values(), key=lambda c: c.length):
            kind = _TICKS.get(candles.source, Bar)
            self._fed.setdefault(kind, {}).setdefault(candles.symbol, []).append(candles)

    def hear(self, event: MarketEvent, context: object) -> None:
        """Take in one event; every bar that it closes is told once all have taken it in."""
        kind = type(event)
        found = self._fed.get(kind)
        fed = None if found is None else found.get(event.symbol)
        if fed is None:
            return
        if kind is Bar:
            closed = self._bar(event, fed)  # type: ignore[arg-type]
        elif kind is Trade:
            closed = self._tick(event, fed, event.price, event.size)  # type: ignore[union-attr]
        elif kind is Quote or (event.bid and event.ask):  # type: ignore[union-attr]
            closed = self._tick(event, fed, event.mark, 0.0)
        else:
            return  # half a book has no middle
        if closed:
            self._heard()
            self.tell(closed, context)

    def _tick(self, event: MarketEvent, fed: Sequence[Candles], price: float, size: float) -> list[tuple[Candles, Bar]]:
        own, wait = (event.venue_at, _PATIENCE) if event.venue_at else (event.at, 0)
        at, closed = event.at, []
        for candles in fed:
            bar = candles.tick(own, at, price, size, wait)
            if bar is not None:
                closed.append((candles, bar))
            if candles.deadline < self.due:
                self._wake(candles.deadline)
        return closed

    def _bar(self, event: Bar, fed: Sequence[Candles]) -> list[tuple[Candles, Bar]]:
        length = event.at - event.start
        if length != self._step or event.venue_at:
            length = self._length(event)
        ends = event.start + length
        closed = []
        for candles in fed:
            bar = candles.pass_on(event) if candles.whole else candles.bar(event, length)
            if bar is not None:
                closed.append((candles, bar))
            if ends >= candles.end and not candles.whole:
                bar = self._ended(event, ends, candles)
                if bar is not None:
                    closed.append((candles, bar))
            elif candles.deadline < self.due:
                self._wake(candles.deadline)
        return closed

    def _ended(self, event: Bar, ends: int, candles: Candles) -> Bar | None:
        """A bar reaches the end of the interval that it began in, or beyond."""
        if ends == candles.end:
            return candles.close(event.at)
        raise StrategyError(
            f"the bar of {event.symbol} from {event.start} to {ends} does not fit into {candles.interval}, counted from "
            "midnight UTC; ask for an interval that it fits into"
        )

    def _length(self, bar: Bar) -> int:
        """How long a bar is: to the whole second, because venues end theirs a millisecond before the next; never longer than
        what the data say, because news may be late."""
        length = -((bar.start - (bar.venue_at or bar.at)) // _SECOND) * _SECOND
        return min(length, self._step) if self._step else length

    def close(self, at: int) -> list[tuple[Candles, Bar]]:
        """Close what is due at `at`, and see what is due next."""
        closed = [
            (candles, bar)
            for candles in self._timed()
            if candles.deadline <= at and (bar := candles.close(at)) is not None
        ]
        self.look()
        return closed

    def look(self) -> None:
        """See what is due next; streams may have gone stale or recovered."""
        self.due = min((candles.deadline for candles in self._timed()), default=NEVER)

    def tell(self, closed: Sequence[tuple[Candles, Bar]], context: object) -> None:
        """Let the strategy hear of bars that closed."""
        if self._on_bar is not None:
            for candles, bar in closed:
                self._on_bar(bar, candles.interval, context)

    def act(self, action: CorporateAction) -> None:
        """Restate what is kept after a split; a new name takes the bars over."""
        if isinstance(action, SymbolChange):
            for (symbol, interval), candles in self._candles.items():
                into = self._candles.get((action.into, interval))
                if symbol == action.symbol and into is not None:
                    into.take_over(candles)
        elif ratio_of(action) is not None:
            for (symbol, _), candles in self._candles.items():
                if symbol == action.symbol:
                    candles.restate(action)

    def _timed(self) -> Iterator[Candles]:
        """Those that time may close: all whose data are not stale."""
        stale = self._stale
        for candles in self._candles.values():
            symbol, source = candles.symbol, candles.source
            if not stale or not any(s in ("", symbol) and kind in ("", source) for s, kind in stale):
                yield candles

    def _wake(self, due: int) -> None:
        self.due = due
        self._woken()

    def _source(self, symbol: str, interval: str, length: int) -> str:
        """The kind of events that a symbol's bars are built from."""
        kinds = self._kinds.get(symbol) or ("bars",)
        if "bars" in kinds and (not self._step or length % self._step == 0):
            return "bars"
        ticks = next((kind for kind in _TICKS if kind in kinds), None)
        if ticks is None:
            seconds = self._step // _SECOND
            raise StrategyError(
                f"bars of {interval} cannot be built for {symbol}: its data are bars of {seconds} seconds, of which "
                f"{interval} is no multiple; take a multiple, or data with trades or quotes"
            )
        return ticks


def _nobody() -> None:
    """Stands in for the engine until it is there."""
