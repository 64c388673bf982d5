"""The monitor of a running session: looks at it twice a second, writes its files, raises alerts, shows it.

Rules: a view is taken in the session's own thread, between two batches, when it is asked for; a session that does nothing (no
data come, a strategy is stuck) is looked at from here, since nothing moves then. Files, log and screen are this thread's. What
goes wrong in here is said once and never ends the session.
Cost: in the session's thread, 0.5 us a batch and 0.3 us an order; a view (about 0.1 ms for ten positions) twice a second.
"""

from __future__ import annotations

import logging
import os
import resource
import shutil
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from onepath.clock import monotonic
from onepath.errors import ConfigError
from onepath.events import Alert
from onepath.monitor.alerts import Alerts, Found, Rules
from onepath.monitor.files import LOG, METRICS, write_status
from onepath.monitor.files import replace as put
from onepath.monitor.metrics import MetricsServer, text_of
from onepath.monitor.rows import Rows, fields_of, happened, shown
from onepath.monitor.speeds import Sliding
from onepath.monitor.view import Happened, View, view_of, written
from onepath.ports import Clock

if TYPE_CHECKING:
    from onepath.monitor.log import Log
    from onepath.session import Session

LOOK = 0.5
"""seconds between two looks; files are written at every second one"""
_ANSWER = 0.4
"""share of that which a session has to answer in before it is looked at from outside"""
_LAST = 20
_OLD = 60_000_000_000
"""what is later than this is history, or a record that is caught up with: not late, but old"""
_RATE = 10
"""looks over which events a second are reckoned"""
Health = Callable[[], Mapping[str, Any]]


class Monitor:
    """Watches a session from `with` to the end of it."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        folder: Path,
        *,
        health: Health | None = None,
        told: Callable[[View], None] | None = None,
        on_alert: Callable[[Alert], None] | None = None,
        rules: Rules | None = None,
        secrets: Collection[str] = (),
        metrics_port: int | None = None,
        look: float = LOOK,
    ) -> None:
        """`folder` gets the files; `health` is that of the source; `told` hears of each view, `on_alert` of each alert; `secrets`
        are texts that no file may show."""
        self._session = session
        self._clock = clock
        self._folder = folder
        self._health = health
        self._told = told
        self._on_alert = on_alert
        self._look = look
        isolation = session.plan.isolation
        self.alerts = Alerts(rules, None if isolation is None else isolation.time_budget)
        self.decided, self.worked = Sliding(), Sliding()
        self.view: View | None = None
        """what was seen last"""
        self._log: Log = _log(folder, session.id, clock, secrets)
        self._server = None if metrics_port is None else MetricsServer(metrics_port)
        self._rows = Rows(folder / "journal.db", getattr(written(session), "durable", 0))
        self._began = clock.now()
        self._now = clock.now
        self._last: deque[Happened] = deque(maxlen=_LAST)
        self._counts: Counter[str] = Counter()
        self._ours: deque[tuple[str, str]] = deque(maxlen=100)
        """alerts that were said already, when they come back from the journal"""
        self._warnings: tuple[str, ...] = ()
        self._events: deque[tuple[float, int]] = deque(maxlen=_RATE + 1)
        self._asked = False
        self._answered = threading.Event()
        self._seen: View | None = None
        self._stopped = threading.Event()
        self._broken: set[str] = set()
        self._ending = ""
        """how the session ended, as its journal says"""
        self._thread = threading.Thread(target=self._run, name="onepath-monitor", daemon=True)

    @property
    def metrics_port(self) -> int | None:
        """Where metrics are served, if they are."""
        return None if self._server is None else self._server.port

    def __enter__(self) -> Self:
        session = self._session
        session.after_batch.append(self._between)
        session.engine.gate.watcher = self._left
        if session.watchdog is not None:
            session.watchdog.on_stuck = self._stuck
        logging.getLogger("onepath").addHandler(self._log.handler)
        self._log.say("monitor.started", pid=os.getpid(), mode=session.plan.mode)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._session.engine.gate.watcher = None
        self._tick(full=True, state="broken off" if kind is not None else "ended")
        if error is not None:
            self._log.say("session.broken", "critical", error=f"{type(error).__name__}: {error}")
        logging.getLogger("onepath").removeHandler(self._log.handler)
        self._rows.close()
        if self._server is not None:
            self._server.close()
        self._log.say("monitor.stopped")
        self._log.close()

    # -- in the session's thread

    def _between(self) -> None:
        """A batch has been worked through."""
        engine = self._session.engine
        late = self._now() - engine.moment.at
        if late < _OLD:
            self.worked.note(late)
        if self._asked:
            self._asked = False
            self._seen = self._viewed()
            self._answered.set()

    def _left(self) -> None:
        """An order is handed to the venue."""
        late = self._now() - self._session.engine.moment.at
        if late < _OLD:
            self.decided.note(late)

    # -- in the monitor's own

    def _run(self) -> None:
        full = False
        while not self._stopped.wait(self._look):
            self._tick(full=full)
            full = not full

    def _tick(self, *, full: bool, state: str | None = None) -> None:
        """One look; `full`: with files and alerts; `state`: how the session ended."""
        self._safely("view", lambda: self._take(ended=state is not None))
        if full:
            self._safely("journal", self._read)
        view = self._seen
        if view is None:
            return
        self.view = view = self._completed(view, state)
        if full:
            self.decided.turn()
            self.worked.turn()
            self._safely("files", lambda: self._write(view))
        if self._told is not None:
            told = self._told
            self._safely("screen", lambda: told(view))

    def _take(self, *, ended: bool) -> None:
        """A view from the session's thread; from here where that does nothing."""
        self._answered.clear()
        self._asked = not ended
        if ended or not self._answered.wait(_ANSWER * self._look):
            self._asked = False
            self._seen = self._viewed()

    def _viewed(self) -> View:
        health = {} if self._health is None else self._health()
        return view_of(self._session, self._clock.now(), health)

    def _completed(self, view: View, state: str | None) -> View:
        """The view, with what only the monitor knows."""
        self._events.append((monotonic(), view.events))
        (began, before), (now, done) = self._events[0], self._events[-1]
        return replace(
            view,
            state=self._ending or state or view.state,
            wall=self._clock.now(),
            began=self._began,
            pid=os.getpid(),
            last=tuple(self._last),
            warnings=self._warnings,
            alerts=self.alerts.raised,
            events_per_second=round((done - before) / (now - began), 1) if now > began else 0.0,
            decided=self.decided.speed(),
            worked=self.worked.speed(),
            rss_mb=round(resident() / 1e6, 1),
            counts=dict(sorted(self._counts.items())),
        )

    def _read(self) -> None:
        """What was recorded since the last time: lines, log, alerts."""
        rows = self._rows.read()
        for row in rows:
            fields = fields_of(row)
            self._counts[row.kind] += 1
            if row.kind == "session.ended":
                self._ending = str(fields.get("status", ""))
            line = happened(row, fields)
            if row.kind == "alert" and (fields["code"], fields["text"]) in self._ours:
                continue
            if shown(row):
                self._last.append(line)
            self._log.say(row.kind, _level(line.severity), **_said(row.at, row.strategy, fields))
            if row.kind == "alert" and self._on_alert is not None:
                self._on_alert(Alert(**fields))
        if self._seen is not None:
            view = replace(self._seen, wall=self._clock.now())
            for alert in self.alerts.look(view, rows, _free(self._folder)):
                self._raise(alert)

    def _raise(self, alert: Alert) -> None:
        """Say an alert here, and have it recorded."""
        self._ours.append((alert.code, alert.text))
        at = self._session.engine.moment.at
        self._last.append(
            Happened(at=at, kind="alert", text=alert.text, strategy=alert.strategy, severity=alert.severity)
        )
        self._warnings = (*self._warnings[-4:], alert.text)
        self._log.say(
            "alert", _level(alert.severity), **_said(at, alert.strategy, {"code": alert.code, "text": alert.text})
        )
        self._session.engine.alert(alert)
        if self._on_alert is not None:
            self._on_alert(alert)

    def _stuck(self, strategy: str, seconds: float) -> None:
        """The watchdog says that a call cannot be broken off; in its thread."""
        text = f"a call of {strategy} has been stuck for {seconds:,.1f} s and cannot be broken off: end the process"
        alert = self.alerts.raise_(Found("strategy_stuck", strategy, "critical", text, strategy), self._clock.now())
        if alert is not None:
            self._safely("alert", lambda: self._raise(alert))

    def _write(self, view: View) -> None:
        write_status(self._folder, view)
        text = text_of(view)
        put(self._folder / METRICS, text.encode())
        if self._server is not None:
            self._server.text = text

    def _safely(self, what: str, work: Callable[[], None]) -> None:
        """A fault in here is said once, and costs the session nothing."""
        try:
            work()
        except Exception as error:
            if what not in self._broken:
                self._broken.add(what)
                self._warnings = (*self._warnings, f"the monitor's {what} failed: {type(error).__name__}: {error}")


def _log(folder: Path, session: str, clock: Clock, secrets: Collection[str]) -> Log:
    try:
        from onepath.monitor.log import Log
    except ImportError as error:
        raise ConfigError(
            f"a session in real time keeps a log, which needs {error.name}: pip install 'onepath[live]'"
        ) from None
    return Log(folder / LOG, session, clock.now, secrets)


def _said(at: int, strategy: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a line of the log: names that the log itself uses are put aside."""
    if "code_version" in fields:  # a manifest: the journal has it whole
        fields = {key: fields[key] for key in ("mode", "code_version", "schema") if key in fields}
    taken = {"event", "level", "session", "wall", "at", "strategy"}
    own = {f"{key}_" if key in taken - {"strategy"} else key: value for key, value in fields.items()}
    who = strategy or own.pop("strategy", "")
    own.pop("strategy", None)
    return {**({"strategy": who} if who else {}), "at": at, **own}


def _level(severity: str) -> str:
    return severity if severity in ("warning", "critical") else "info"


def _free(folder: Path) -> float:
    """Megabytes left on the disk."""
    return shutil.disk_usage(folder).free / 1e6


def resident() -> int:
    """Bytes of memory that the process has."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()
