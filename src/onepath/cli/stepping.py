"""`onepath replay --step`: a session walked through in the terminal, an instant at a time.

Rules: lines are read from stdin, so that a script can walk as well; the end of the input ends the walk.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onepath.chains import Link, link_of, stamp
from onepath.cli.printing import note, say
from onepath.journal.codec import DECISIONS, FILLS, REPORTS
from onepath.nearest import nearest

if TYPE_CHECKING:
    from onepath.rerun import Proof
    from onepath.session import Session
    from onepath.stepping import Stepped, Told
    from onepath.workspace import SessionEntry

KEYS = (
    "Enter next event, d next decision, f next fill, t HH:MM[:SS] next time of day (UTC), s SYMBOL next event of a symbol, "
    "p positions, o orders, q quit"
)
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_BESIDE = frozenset({"mark", "prices", "market", "time", "data.status", "session.started", "session.ended"})
"""rows that say nothing new here, or are shown as what they are"""
Wish = Callable[["Stepped"], bool]


def walk(entry: SessionEntry, home: Path) -> Proof | None:
    """Walk through a session; the proof where it was walked to its end."""
    from onepath.journal.sqlite import SqliteReader
    from onepath.rerun import Rerun
    from onepath.stepping import Kept, Walk

    reader = SqliteReader(entry.journal)
    try:
        journal = Kept()
        rerun = Rerun(reader, home, single=True, journal=journal)
        screen = Screen(rerun.session, sys.stdin)
        walked = Walk(rerun.session, journal, screen.look)
        screen.greet()
        walked.run()
        if walked.left:
            say(f"left after event {screen.done:,}")
            return None
        return rerun.proof()
    finally:
        reader.close()


class Screen:
    """Shows instants, and asks how to go on."""

    def __init__(self, session: Session, answers: Iterable[str]) -> None:
        self.done = 0
        self._session = session
        self._answers = iter(answers)
        self._wanted: Wish = _anything
        self._at = 0

    def greet(self) -> None:
        """Which keys there are, for whoever sits at a terminal."""
        if sys.stdin.isatty():
            note(KEYS)

    def look(self, step: Stepped) -> bool:
        """Show what was asked for, and ask again; false: no more."""
        self.done, self._at = step.done, step.at
        if not (step.over or self._wanted(step)):
            return True
        self._show(step)
        return step.over or self._ask()

    def _ask(self) -> bool:
        """How to go on; what only looks is answered at once."""
        while True:
            if sys.stdin.isatty():
                sys.stderr.write("> ")
                sys.stderr.flush()
            line = next(self._answers, None)
            if line is None or line.strip() == "q":
                return False
            if self._understood(line.strip()):
                return True

    def _understood(self, asked: str) -> bool:
        """Whether the walk goes on."""
        key, _, rest = asked.partition(" ")
        plain = {"": _anything, "d": _decides, "f": _fills}
        looks = {"p": self._positions, "o": self._orders}
        if asked in plain:
            self._wanted = plain[asked]
            return True
        if asked in looks:
            looks[asked]()
        elif key == "t" and (found := _TIME.fullmatch(rest.strip())):
            self._wanted = _from(_next(self._at, found))
            return True
        elif key == "s" and rest.strip() in self._session.plan.feed.instruments:
            self._wanted = _of(rest.strip())
            return True
        elif key == "s":
            known = self._session.plan.feed.instruments
            note(
                f"there is no symbol {rest.strip()!r}{nearest(rest.strip(), known)}; there are {', '.join(list(known)[:20])}"
            )
        else:
            note(KEYS)
        return False

    # -- what is shown

    def _show(self, step: Stepped) -> None:
        of = "" if step.total is None else f" of {step.total:,}"
        say(f"-- event {step.done:,}{of}  {stamp(step.at)}" + ("  end" if step.over else ""))
        for item in (*step.news, *step.events):
            _line("event", link_of(item))
        for told in step.told:
            _line("told", f"{told.strategy}.{told.call}{_given(told)}")
        for row in step.rows:
            if row.kind not in _BESIDE:
                _line(_called(row.kind), Link.of(row))
        self._books()

    def _books(self) -> None:
        for name, portfolio in self._session.engine.portfolios.items():
            held = ", ".join(f"{symbol} {p.quantity.normalize():f}" for symbol, p in portfolio.positions.items())
            _line("books", f"{name}: equity {portfolio.equity:,.2f}, cash {portfolio.cash:,.2f}, {held or 'flat'}")

    def _positions(self) -> None:
        for name, portfolio in self._session.engine.portfolios.items():
            for symbol, held in portfolio.positions.items():
                worth, profit = portfolio.value(symbol), portfolio.value(symbol) - held.cost
                _line(name, f"{symbol} {held.quantity.normalize():f}, worth {worth:,.2f}, unrealised {profit:,.2f}")
            if not portfolio.positions:
                _line(name, "flat")

    def _orders(self) -> None:
        states = [state for seat in self._session.engine.seats for state in seat.context.open_orders]
        for state in states:
            order = state.order
            price = "".join(
                f" {word} {value}" for word in ("limit", "stop") if (value := getattr(order, word)) is not None
            )
            _line(
                order.strategy,
                f"order {order.id}: {order.side} {order.quantity.normalize():f} {order.symbol} {order.type}{price}, "
                f"{state.status}, filled {state.filled.normalize():f}",
            )
        if not states:
            say("no orders at work")


def _line(what: str, said: Any) -> None:
    say(f"   {what:<9} {said}")


def _called(kind: str) -> str:
    return "decided" if kind in DECISIONS else "reported" if kind in REPORTS else "recorded"


def _given(told: Told) -> str:
    """What a call was given, where the event itself does not show it."""
    given = [getattr(value, "name", None) or value for value in told.given if not hasattr(value, "mark")]
    shown = [f"order {value.id} {value.status}" if hasattr(value, "remaining") else str(value) for value in given]
    return f"({', '.join(shown)})" if shown and told.call != "on_data_status" else ""


def _anything(step: Stepped) -> bool:
    return True


def _decides(step: Stepped) -> bool:
    return any(row.kind in DECISIONS for row in step.rows)


def _fills(step: Stepped) -> bool:
    return any(row.kind in FILLS for row in step.rows)


def _from(at: int) -> Wish:
    return lambda step: step.at >= at


def _of(symbol: str) -> Wish:
    said = f'"symbol":"{symbol}"'.encode()
    return lambda step: (
        any(event.symbol == symbol for event in step.events) or any(said in row.body for row in step.rows)
    )


def _next(now: int, found: re.Match[str]) -> int:
    """The next moment, after `now`, at this time of day."""
    hour, minute, second = (int(part or 0) for part in found.groups())
    wanted = now - now % _DAY + int(dt.timedelta(hours=hour, minutes=minute, seconds=second).total_seconds()) * _SECOND
    return wanted if wanted > now else wanted + _DAY
