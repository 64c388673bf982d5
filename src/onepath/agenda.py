"""What a session has to do by itself, at moments of its own: valuations, timers, commands that are played back.

Rules: of one moment a command comes first, then timers in the order they were set, then a valuation. `due` is the earliest
of all; what is due at an instant of the market is done after it, and before the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import count

from onepath.events import Command, Timer
from onepath.ports import NEVER


class Agenda:
    """The moments to come."""

    def __init__(self, mark_every: int, commands: Iterable[tuple[int, Command]] = ()) -> None:
        """`mark_every` nanoseconds between valuations; `commands` those that are known beforehand, with their times."""
        self.due = NEVER
        self.mark_at = NEVER
        self._mark_every = mark_every
        self._timers: list[tuple[int, int, str, Timer]] = []
        self._commands: list[tuple[int, int, Command]] = []
        self._ids = count(1)
        for at, command in commands:
            heapq.heappush(self._commands, (at, next(self._ids), command))
        self.look()

    def add_command(self, at: int, command: Command) -> None:
        """A command given just now, to be obeyed at `at`: in its place among what is due then, as when it is played back."""
        heapq.heappush(self._commands, (at, next(self._ids), command))
        self.look()

    def begin(self, before: int) -> None:
        """The first instant is about to come: valuations are at round moments from there on."""
        if self.mark_at == NEVER:
            self.mark_again(before)

    def mark_again(self, before: int) -> None:
        """The next valuation is at the round moment at or after the instant that comes."""
        self.mark_at = _after(before - 1, self._mark_every)
        self.look()

    def set_timer(self, strategy: str, timer: Timer) -> None:
        heapq.heappush(self._timers, (timer.at, next(self._ids), strategy, timer))
        self.look()

    def take_command(self) -> Command | None:
        """The command that is due, if that is what is due."""
        if self._commands and self._commands[0][0] == self.due:
            command = heapq.heappop(self._commands)[2]
            self.look()
            return command
        return None

    def take_timer(self) -> tuple[str, Timer] | None:
        """The timer that is due with its strategy, if that is what is due."""
        if self._timers and self._timers[0][0] == self.due:
            _, _, strategy, timer = heapq.heappop(self._timers)
            self.look()
            return strategy, timer
        return None

    def look(self) -> None:
        """Work out again what is due first."""
        due = self.mark_at
        if self._timers and self._timers[0][0] < due:
            due = self._timers[0][0]
        if self._commands and self._commands[0][0] < due:
            due = self._commands[0][0]
        self.due = due


def _after(at: int, step: int) -> int:
    """The next multiple of `step` after `at`."""
    return (at // step + 1) * step
