"""The log of a session: `log.jsonl` in its folder, one JSON object a line.

Rules: every line has `wall` (this machine's clock, ISO, UTC), `level`, `event` and `session`; what concerns a strategy has
`strategy`, what happened in session time has `at` (nanoseconds); the rest are fields of the event. What our own modules log by
the standard library (`onepath.*`) goes the same way. Text that is secret is not written: each secret that is known becomes ***.
Limits: 20 MB a file, the last three and the one that is written are kept (`log.jsonl.1` is the youngest of them).
Cost: about 10 us a line, in the monitor's thread; a line is written when it is said, and not made durable.
"""

from __future__ import annotations

import datetime as dt
import logging
import traceback
from collections.abc import Callable, Collection, MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from onepath.monitor.files import Bounded

HIDDEN = "***"
_LEAST = 4
"""characters below which a text is too common to be hidden"""


class Log:
    """Says things into a file. `handler` takes in records of the standard library."""

    def __init__(self, path: Path, session: str, now: Callable[[], int], secrets: Collection[str] = ()) -> None:
        """`now` is the machine's clock; `secrets` the texts that must not be written."""
        self._file = Bounded(path)
        self._now = now
        self._secrets = sorted((s.encode() for s in secrets if len(s) >= _LEAST), key=len, reverse=True)
        made = structlog.wrap_logger(
            self,
            processors=[structlog.processors.add_log_level, self._stamped, self._written],
            wrapper_class=structlog.BoundLogger,
        )
        self._logger = made.bind(session=session)
        self.handler = _Handler(self)

    def say(self, event: str, level: str = "info", **fields: Any) -> None:
        """One line."""
        getattr(self._logger, level)(event, **fields)

    def close(self) -> None:
        """No more lines."""
        self._file.close()

    # What structlog calls at the end of the chain: one method a level, all the same.
    def msg(self, line: bytes) -> None:
        """Write a line that is ready."""
        self._file.write(line)

    debug = info = warning = error = critical = msg

    def _stamped(self, _logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        wall = dt.datetime.fromtimestamp(self._now() / 1e9, dt.UTC).isoformat(timespec="milliseconds")
        first = {
            "wall": wall,
            "level": event.pop("level"),
            "event": event.pop("event"),
            "session": event.pop("session"),
        }
        return {**first, **event}

    def _written(self, _logger: Any, _name: str, event: MutableMapping[str, Any]) -> bytes:
        line = msgspec.json.encode(dict(event), enc_hook=str) + b"\n"
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN.encode())
        return line


class _Handler(logging.Handler):
    """Records of the standard library, into the same file."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = "".join(traceback.format_exception(record.exc_info[1]))
        level = record.levelname.lower()
        try:
            self._log.say(record.getMessage(), level if level in ("warning", "error", "critical") else "info", **fields)
        except (OSError, ValueError):
            self.handleError(record)
