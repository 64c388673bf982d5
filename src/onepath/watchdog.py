"""The watchdog: breaks off a strategy's call that has not come back within its time.

Rules: a call is over its time when this thread finds it still running after `budget` seconds; it looks every quarter of that,
so a call is broken off between 1 and 1.25 budgets, and one that came back before anybody looked was in time. Time during which
the whole process stood still (stopped, or starved of processors) does not count. What breaks it off is an OverrunError inside
the strategy's own code: in the main thread by a signal, whose handler looks first whether the call is still that one, and which
ends `time.sleep` and other waiting as well; in any other thread by an asynchronous exception, once a call.
Nor does it strike while the call is inside something that holds locks for all of Python (an import, logging, threads), but at
the next look; where that goes on (waiting: for a budget; else: for the grace), there as well.
No interruption ever comes late: `over` is set before it is looked whether the call still runs, and the caller unsets `since`
before it looks at `over`; so either it was not sent, or the caller knows, waits until it is sent and withdraws it.
Limits: code in C that never returns cannot be broken off: after `grace` seconds more `on_stuck` is told, once a call. A call that
catches BaseException is told again in the main thread, and only once elsewhere. Outside the main thread, and on Windows, what
waits in C is broken off when it returns. The signal is SIGURG, which is ignored by default and used by nobody for much.
Cost: one short look every quarter of the budget; nothing in the caller but the writes of `since`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from onepath.errors import OverrunError

_LOOKS = 4
"""looks a budget"""
_LATE = 2.0
"""looks that may pass between two of them before the process counts as having stood still"""
_WAITS = frozenset({"threading", "queue"})
_DELICATE = _WAITS | {"importlib", "_frozen_importlib", "logging", "weakref", "coverage"}
"""modules that hold locks of all threads, tools that trace included: half done, they would stop somebody else"""
_SIGNAL: Any = getattr(signal, "SIGURG", None)
Stuck = Callable[[str, float], None]
"""Told whose call is stuck, and for how many seconds; called in the watchdog's thread"""


class Watchdog:
    """Watches one thread's calls of strategies (a `Watch`). `start` in the thread that calls them."""

    def __init__(
        self,
        budget: float,
        *,
        seconds: Callable[[], float],
        busy: Callable[[], float],
        grace: float = 5.0,
        on_stuck: Stuck | None = None,
    ) -> None:
        """`seconds` is a clock for durations, the one that the caller writes `since` by; `busy` that of the processor time of
        this process."""
        self.since: float | None = None
        self.over: float | None = None
        self.who = ""
        self.budget = budget
        self.spares: set[CodeType] = {Watchdog.leave.__code__, Watchdog._signalled.__code__}
        self.broken_off = 0
        """interruptions sent so far"""
        self.on_stuck = on_stuck
        self.patience = 0.0
        """seconds that every call has for now, where that is more: while a record is caught up with, no clock decides anything"""
        self._step = budget / _LOOKS
        self._grace = grace
        self._seconds = seconds
        self._busy = busy
        self._sending = False
        """set while an interruption may be sent. No lock: what is interrupted while it holds one would keep it"""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0
        self._by_signal = False
        self._interrupt: Callable[[], None] = _nothing
        self._withdraw: Callable[[], None] = _nothing
        self._before: Any = None
        self._looked = self._worked = 0.0
        self._seen: float | None = None
        self._spared = 0.0
        self._reported: float | None = None
        self._put_off = 0
        """looks at which the call that runs was left alone because of where it was"""

    # -- its life

    def start(self) -> None:
        """Watch the calls of this thread from here on."""
        if self._thread is not None:
            return
        self._watched = threading.get_ident()
        self._by_signal = self._watched == threading.main_thread().ident and _SIGNAL is not None
        if self._by_signal:
            self._before = signal.signal(_SIGNAL, self._signalled)
            self._interrupt, self._withdraw = self._send_signal, _nothing
        else:
            self._interrupt, self._withdraw = asynchronous(self._watched)
        self._looked, self._worked = self._seconds(), self._busy()
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, name="onepath-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; called in the thread that was watched."""
        if self._thread is None:
            return
        self._stopped.set()
        self._thread.join()
        self._thread = None
        if self._by_signal:
            signal.signal(_SIGNAL, self._before)

    def _run(self) -> None:
        while not self._stopped.wait(self._step):
            self._look()

    # -- looking

    def _look(self) -> None:
        now, busy = self._seconds(), self._busy()
        passed, worked = now - self._looked, busy - self._worked
        self._looked, self._worked = now, busy
        since = self.since
        if since is None:
            self._seen = None
            return
        if since is not self._seen:
            self._seen, self._spared, self._put_off = since, 0.0, 0
        self._spared += max(0.0, passed - max(_LATE * self._step, worked))
        used = now - since - self._spared
        allowed = max(self.budget, self.patience)
        if used > allowed:
            self._break_off(since)
            if used > allowed + self._grace and self._reported is not since:
                self._reported = since
                if self.on_stuck is not None:
                    self.on_stuck(self.who, used)

    def _break_off(self, since: float) -> None:
        if not self._by_signal and self._is_delicate(sys._current_frames().get(self._watched)):
            return
        self._sending = True
        again = self.over is since
        self.over = since
        if self.since is not since:
            self.over = None
        elif self._by_signal or not again:
            self.broken_off += 1
            self._interrupt()
        self._sending = False

    # -- the caller's side

    def settle(self) -> None:
        """The call has come back while it was found over: nothing is on its way when this ends. Raises OverrunError."""
        while self._sending:
            continue
        found = self.over is not None
        self._withdraw()
        self.over = None
        if found:
            raise OverrunError

    def leave(self) -> None:
        """The call was broken off: nothing is on its way when this returns."""
        self.since = None
        while self._sending:
            continue
        self._withdraw()
        self.over = None

    # -- interrupting

    def _send_signal(self) -> None:
        signal.pthread_kill(self._watched, _SIGNAL)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """In the main thread, between two of its instructions: nothing moves between looking and raising."""
        since = self.since
        if since is not None and since is self.over and frame is not None:
            if frame.f_code not in self.spares and not self._is_delicate(frame):
                raise OverrunError
        elif callable(self._before):
            self._before(number, frame)

    def _is_delicate(self, frame: FrameType | None) -> bool:
        """Whether the call is inside something better left to end; where that may be waiting, for a budget at most."""
        while frame is not None and frame.f_code not in self.spares:
            module = frame.f_globals.get("__name__", "").partition(".")[0]
            if module in _DELICATE:
                self._put_off += 1
                return self._put_off <= _LOOKS or (module not in _WAITS and self._put_off * self._step <= self._grace)
            frame = frame.f_back
        return False


def _nothing() -> None:
    """Nothing to send, nothing to withdraw."""


def asynchronous(thread: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Two functions: one has an OverrunError raised in `thread` as soon as it runs Python again, one withdraws it."""
    import ctypes

    ask, target = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.c_ulong(thread)
    error = ctypes.py_object(OverrunError)
    return lambda: ask(target, error) and None, lambda: ask(target, None) and None
