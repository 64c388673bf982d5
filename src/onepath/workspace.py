"""A workspace: the folder that holds a user's configurations, strategies, data and sessions.

Rules: a folder is a workspace because `onepath init` put its marker there; without one, the current folder serves.
Paths of a workspace stay inside it. Session ids are made here, at the edge: wall clock and chance are arguments.
Limits: sessions are found by their folders, so nothing has to be kept in step.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from onepath.errors import ConfigError, JournalError
from onepath.journal.sqlite import SqliteReader
from onepath.nearest import nearest

MARKER = ".onepath"
JOURNAL = "journal.db"
REPORT = "report.html"
ALIKE = 0.75
"""how like a session's id a wrong one must be to be taken for a slip: ids are short or share their beginnings"""
_SESSION_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")


class SessionEntry(NamedTuple):
    """One session on disk; `notes` are its identity and wall-clock facts."""

    id: str
    journal: Path
    notes: dict[str, str]

    @property
    def started(self) -> float:
        """When it began, as a Unix time: what sessions are listed by."""
        noted = self.notes.get("started_at", "")
        try:
            return dt.datetime.fromisoformat(noted).timestamp()
        except ValueError:
            return self.journal.parent.stat().st_mtime


class Workspace(NamedTuple):
    """A folder and where things are in it. `marked` is false where no `onepath init` was run."""

    root: Path
    marked: bool = True

    @property
    def data_dir(self) -> Path:
        """Where imported data sets are."""
        return self.root / "data"

    @property
    def sessions_dir(self) -> Path:
        """Where each session has its folder."""
        return self.root / "sessions"

    @property
    def features_dir(self) -> Path:
        """Where computed feature values are kept; what is in it can be computed again."""
        return self.root / ".cache" / "features"

    def journal(self, session_id: str) -> Path:
        """The journal of a session, there or not."""
        return self.sessions_dir / checked_id(session_id) / JOURNAL

    def report(self, session_id: str) -> Path:
        """The tear sheet of a session, there or not."""
        return self.sessions_dir / checked_id(session_id) / REPORT

    def inside(self, path: str | Path) -> Path:
        """`path` from the workspace's root on. Raises ConfigError if it leads out of it."""
        found = (self.root / path).resolve()
        if not found.is_relative_to(self.root.resolve()):
            raise ConfigError(f"{path} leads out of the workspace {self.root}: choose a path inside it")
        return found

    def sessions(self) -> list[SessionEntry]:
        """All sessions, the latest last."""
        entries = [_entry(path) for path in sorted(self.sessions_dir.glob(f"*/{JOURNAL}"))]
        return sorted(entries, key=lambda entry: (entry.started, entry.id))

    def session(self, wanted: str) -> SessionEntry:
        """The session called `wanted`: its id, the beginning of one id only, or `last`."""
        entries = self.sessions()
        if not entries:
            raise ConfigError(f"there are no sessions in {self.sessions_dir}: `onepath run CONFIG` makes one")
        if wanted == "last":
            return entries[-1]
        exact = [entry for entry in entries if entry.id == wanted]
        found = exact or [entry for entry in entries if entry.id.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        ids = [entry.id for entry in found or entries]
        if found:
            raise ConfigError(f"{wanted!r} begins {len(found)} session ids: {_some(ids)}; give one of them")
        raise ConfigError(f"there is no session {wanted!r}{nearest(wanted, ids, ALIKE)}; there are {_some(ids)}")


def find(start: Path) -> Workspace:
    """The workspace that `start` lies in, or `start` itself without a marker."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return Workspace(folder)
    return Workspace(here, marked=False)


def home_of(config: Path, current: Path) -> Workspace:
    """The workspace of a configuration file, else that of the current folder."""
    near = find(config.parent)
    return near if near.marked else find(current)


def new_id(mode: str, now: int, chance: Callable[[int], str] = secrets.token_hex) -> str:
    """A new session id, such as backtest-20240131-142501-9f3a; `now` in nanoseconds, written in UTC."""
    moment = dt.datetime.fromtimestamp(now // 1_000_000_000, dt.UTC)
    return f"{mode}-{moment:%Y%m%d-%H%M%S}-{chance(2)}"


def checked_id(session_id: str) -> str:
    """`session_id`, if it can name a folder. Raises ConfigError."""
    if not _SESSION_ID.fullmatch(session_id) or ".." in session_id or session_id == "last":
        raise ConfigError(f"{session_id!r} cannot name a session: use letters, digits, _ and - (and not `last`)")
    return session_id


def _entry(journal: Path) -> SessionEntry:
    """A folder's session; one that does not read is listed all the same, so that it can be seen and named."""
    try:
        reader = SqliteReader(journal)
    except JournalError as error:
        return SessionEntry(journal.parent.name, journal, {"error": str(error)})
    notes = dict(reader.notes)
    reader.close()
    return SessionEntry(journal.parent.name, journal, notes)


def _some(ids: list[str]) -> str:
    return ", ".join(ids[-5:]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
