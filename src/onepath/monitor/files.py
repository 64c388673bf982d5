"""Files beside the journal: replaced as a whole, or written on and kept short.

Rules: who reads a file that is replaced sees the old one or the new one, never half of one. These files are for looking at: they
are not made durable, and a session does not end because one cannot be written.
"""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec

from onepath.monitor.view import FORMAT, View

STATUS = "status.json"
LOG = "log.jsonl"
METRICS = "metrics.prom"
MOST = 20_000_000
"""bytes of a log before the next is begun"""
KEPT = 3
"""older logs that stay"""


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of what is there."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def write_status(folder: Path, view: View) -> None:
    """The session's `status.json`."""
    replace(folder / STATUS, msgspec.json.format(msgspec.json.encode(view), indent=1))


def read_status(folder: Path) -> View | None:
    """What `status.json` says; None where there is none, or one of another version."""
    try:
        found = msgspec.json.decode((folder / STATUS).read_bytes(), type=View)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.format == FORMAT else None


class Bounded:
    """A file that lines are added to: at `most` bytes it becomes `name.1`, what was `name.1` becomes `name.2`, and so on."""

    def __init__(self, path: Path, most: int = MOST, kept: int = KEPT) -> None:
        self._path = path
        self._most = most
        self._kept = kept
        self._lock = threading.Lock()
        self._file = path.open("ab")
        self._size = self._file.tell()

    def write(self, line: bytes) -> None:
        """Add a line, end of line included; from any thread."""
        with self._lock:
            if self._size and self._size + len(line) > self._most:
                self._turn()
            self._file.write(line)
            self._file.flush()
            self._size += len(line)

    def _turn(self) -> None:
        self._file.close()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._kept + 1))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        self._file = self._path.open("ab")
        self._size = 0

    def close(self) -> None:
        """No more lines."""
        with self._lock:
            self._file.close()
