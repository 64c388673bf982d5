"""Isolation: what one strategy may use up, in time and in orders, before it is quarantined and the others go on without it.

Rules: a call that has not come back within its time, or that asks for more orders than a second may have, ends the strategy.
That call leaves nothing: its signals are not recorded, its orders are not sent. Orders a second are counted in session time, so
they are the same whenever the session is run again. Time is not: which call was broken off is an input, recorded with the
ending, and in a replay the strategy is ended at that call without calling it, because it might hang again.
Orders that are given lazily (by a generator) are drawn one by one, each draw a call.
Limits: what a strategy shares with others in Python (a module, a lock of its own, a file) may be left half done by an
interruption; a call stuck in C for good can be reported, but not ended. Memory is not bounded here.
Cost: 0.2 us a call where there is a fence; nothing where there is none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType
from typing import Any, NamedTuple

import msgspec

from onepath.context import Moment
from onepath.errors import ConfigError, OverrunError, QuarantineError
from onepath.events import Signal, StrategyEnded
from onepath.orders import CancelIntent, OrderIntent, ReplaceIntent
from onepath.ports import Watch
from onepath.risk.pace import Window

_REMEMBERED = 1_024
"""calls whose durations are kept, for windows"""
_ONE = (OrderIntent, CancelIntent, ReplaceIntent)


class Isolation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What each strategy may use up. None: as much as it likes.

    `time_budget` seconds a call, `start_budget` seconds for `on_start`; orders, replaces and cancels in any second of session
    time; whether what it had at work is kept (else it is asked back) when it is ended; `grace`: seconds after which a call that
    could not be broken off is reported as stuck.
    """

    time_budget: float | None = None
    start_budget: float = 10.0
    max_orders_per_second: int | None = None
    keeps_orders: bool = False
    grace: float = 5.0

    def __post_init__(self) -> None:
        bounds = (self.time_budget or 1.0, self.start_budget, self.max_orders_per_second or 1, self.grace)
        if min(bounds) <= 0 or self.time_budget == 0 or self.max_orders_per_second == 0:
            raise ConfigError(f"isolation has {self}; seconds and orders must be positive")


class Unwatched:
    """A watch where time is no matter."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.over: float | None = None
        self.who = ""
        self.budget = 0.0
        self.spares: set[CodeType] = set()

    def settle(self) -> None:
        """Nothing is ever on its way."""

    def leave(self) -> None:
        """Nothing is ever on its way."""


def _no_time() -> float:
    return 0.0


class Fence:
    """One strategy's calls: counted, watched, ended where they must be."""

    def __init__(
        self,
        name: str,
        moment: Moment,
        keep: Callable[[Signal], None],
        drop: Callable[[int], None],
        *,
        isolation: Isolation | None = None,
        watch: Watch | None = None,
        seconds: Callable[[], float] | None = None,
        ending: StrategyEnded | None = None,
    ) -> None:
        """`keep` records a signal of a call that has ended well, `drop` takes back so many that were not recorded; `seconds` is
        a clock for durations, needed with a `watch`; `ending` is how a recorded session says that the strategy was ended."""
        self.calls = 0
        """calls of the strategy so far"""
        self.took: deque[float] = deque(maxlen=_REMEMBERED)
        """seconds of the last calls, where there is a watch"""
        self.name = name
        self._moment = moment
        self._keep = keep
        self._drop = drop
        self._held: list[Signal] = []
        self._watch: Watch = Unwatched() if watch is None else watch
        self._seconds = _no_time if seconds is None else seconds
        self._ending = ending
        self._ends_at = 0 if ending is None else ending.calls
        self._most = None if isolation is None else isolation.max_orders_per_second
        self._start_budget = 0.0 if isolation is None else isolation.start_budget
        self._window = Window(1.0)

    # -- calls

    def call(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call a method of the strategy."""
        return self.guarded(call)(*args)

    def guarded(self, call: Callable[..., Any], judge: Callable[[Any], Any] | None = None) -> Callable[..., Any]:
        """A method of the strategy, within its bounds; `judge` may refuse what it gave, or put something in its place.

        Raises QuarantineError, and whatever the strategy raises.
        """
        watch, seconds, held, note = self._watch, self._seconds, self._held, self.took.append
        name, ends_at = self.name, self._ends_at

        # One rule of the order below: `since` is set and unset inside both tries, so that wherever an interruption comes, it is
        # caught here; after the inner one, or `leave`, none can come any more.
        def fenced(*args: Any) -> Any:
            self.calls = number = self.calls + 1
            if number == ends_at:
                raise self._ended()
            try:
                try:
                    watch.who = name
                    watch.since = since = seconds()
                    found = call(*args)
                finally:
                    watch.since = None
                    if watch.over is not None:
                        watch.settle()
                if judge is not None:
                    found = judge(found)
            except OverrunError as error:
                watch.leave()
                self._forget()
                raise self._overran(call) from _first(error)
            except QuarantineError:
                self._forget()
                raise
            except BaseException:
                self._settle()
                raise
            if held:
                self._settle()
            note(seconds() - since)
            return found

        watch.spares.add(fenced.__code__)
        return fenced

    def deciding(self, decide: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`generate_orders` of the strategy, with what it asks for counted."""
        return self.guarded(decide, self._paced)

    def shielded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Something of ours that the strategy calls, and that must not be broken off in the middle."""
        watch = self._watch

        def shielded(*args: Any) -> Any:
            since = watch.since
            watch.since = None
            try:
                if watch.over is not None:
                    watch.settle()
                return call(*args)
            finally:
                watch.since = since

        return shielded

    def hold(self, signal: Signal) -> None:
        """A signal of the call that is running: recorded when that has ended well."""
        self._held.append(signal)

    def start(self, on_start: Callable[[Any], None], context: Any) -> None:
        """`on_start`, which may take longer than other calls."""
        usual, self._watch.budget = self._watch.budget, self._start_budget
        try:
            self.call(on_start, context)
        finally:
            self._watch.budget = usual

    # -- how a call ends

    def _settle(self) -> None:
        for signal in self._held:
            self._keep(signal)
        self._held.clear()

    def _forget(self) -> None:
        self._drop(len(self._held))
        self._held.clear()

    def _ended(self) -> QuarantineError:
        error, where = ("", "") if self._ending is None else (self._ending.error, self._ending.where)
        return QuarantineError(error, where)

    def _overran(self, call: Callable[..., Any]) -> QuarantineError:
        what = getattr(call, "__name__", "a call")
        return QuarantineError(f"{what} did not come back within {self._watch.budget:g} s and was broken off")

    # -- orders a second

    def _paced(self, intents: Any) -> Any:
        """What a decision asked for, counted; what is given lazily is drawn one by one."""
        if isinstance(intents, list | tuple):
            if intents:
                self._count(len(intents))
        elif isinstance(intents, _ONE):
            self._count(1)
        elif isinstance(intents, Iterable):
            return self._draws(intents)
        return intents

    def _count(self, number: int) -> None:
        most, window, at = self._most, self._window, self._moment.at
        if most is None:
            return
        if number <= most:
            for _ in range(number):
                window.note(at)
        if number > most or window.count(at) > most:
            raise QuarantineError(
                f"it asked for more than {most} orders, replaces and cancels within a second ({number} of them at once)"
            )

    def _draws(self, intents: Iterable[Any]) -> Iterator[Any]:
        """Intents that are given lazily, each drawn by a call of its own."""
        draw = self.guarded(iter(intents).__next__, self._drawn)
        while True:
            try:
                intent = draw()
            except StopIteration:
                return
            yield intent

    def _drawn(self, intent: Any) -> Any:
        self._count(1)
        return intent


def _first(error: OverrunError) -> BaseException:
    """The interruption itself, which knows where it struck; settling raises another."""
    return error.__context__ if isinstance(error.__context__, OverrunError) else error


class Fencing(NamedTuple):
    """Which strategies of a session get a fence: all where there is an `isolation`, else those that a record says were ended."""

    isolation: Isolation | None = None
    watch: Watch | None = None
    seconds: Callable[[], float] | None = None
    endings: Mapping[str, StrategyEnded] = {}
    """quarantines of a recorded session, by strategy"""

    def around(
        self, name: str, moment: Moment, keep: Callable[[Signal], None], drop: Callable[[int], None]
    ) -> Fence | None:
        """The fence of a strategy; see `Fence`."""
        ending = self.endings.get(name)
        if self.isolation is None and ending is None:
            return None
        return Fence(
            name,
            moment,
            keep,
            drop,
            isolation=self.isolation,
            watch=self.watch,
            seconds=self.seconds,
            ending=ending,
        )
