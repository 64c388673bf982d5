"""The log of trials: every backtest that was ever run to choose something, kept so that none of them is forgotten.

Rules: a trial is recorded once, by its key (code, parameters, data, costs, window): the same trial again is found, not run.
Nothing is ever changed or deleted. Daily returns are little-endian float32, days a table of their own, because most trials
share them. Several processes may write at once: each writes in transactions of its own, SQLite (WAL) puts them in line.
Limits: wall-clock times are told by whoever records. A parameter study by hand, `onepath run` after `onepath run`, is not in it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from onepath.errors import JournalError
from onepath.research.subject import Found

FILE = "trials.db"
_WAIT = 60.0
"""seconds to wait for another writer"""
_MANY = 500
_FORMAT = 1
_TABLES = f"""
BEGIN IMMEDIATE;
PRAGMA user_version = {_FORMAT};
CREATE TABLE IF NOT EXISTS days (id TEXT PRIMARY KEY, days BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trials (
  key TEXT PRIMARY KEY, strategy TEXT NOT NULL, code TEXT NOT NULL, params TEXT NOT NULL, data TEXT NOT NULL,
  symbols TEXT NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, config TEXT NOT NULL,
  purpose TEXT NOT NULL, how TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL, stats TEXT NOT NULL, days TEXT NOT NULL,
  returns BLOB NOT NULL, periods REAL NOT NULL, recorded_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS trials_of ON trials (strategy, data);
CREATE TABLE IF NOT EXISTS studies (
  id TEXT PRIMARY KEY, strategy TEXT NOT NULL, data TEXT NOT NULL, symbols TEXT NOT NULL, first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL, metric TEXT NOT NULL, search TEXT NOT NULL, begun_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tried (study TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (study, key)) WITHOUT ROWID;
COMMIT;
"""
_PLAIN = ("key", "strategy", "code", "params", "data", "symbols", "first_at", "last_at", "config", "purpose")
_COLUMNS = (*_PLAIN, "how", "status", "error", "stats", "days", "returns", "periods", "recorded_at")


class Trial(msgspec.Struct, frozen=True):
    """One backtest that was run to choose something. `purpose` is search (it could be chosen) or test (it was run once, after the
    choice); `found.how` engine or quick."""

    key: str
    strategy: str
    code: str
    params: str
    data: str
    symbols: str
    first_at: int
    last_at: int
    config: str
    purpose: str
    found: Found
    recorded_at: str = ""

    @property
    def hypothesis(self) -> tuple[str, str]:
        """What was tried, whatever it was tried with: code and parameters."""
        return self.code, self.params


class Trials:
    """The trials log of a workspace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
            _write_ahead(self._db)
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._begin()
        except sqlite3.Error as error:
            raise JournalError(
                f"the trials log {path} cannot be opened: {error}; move it away to begin a new one"
            ) from None

    def _begin(self) -> None:
        """The tables, if there are none yet. Raises JournalError for those of another version."""
        ((tables,), (version,)) = (
            self._db.execute(asked).fetchone()
            for asked in ("SELECT count(*) FROM sqlite_master", "PRAGMA user_version")
        )
        if tables and version != _FORMAT:
            raise JournalError(
                f"the trials log {self.path} has format {version}, and this version of onepath writes {_FORMAT}: move it away "
                "to begin a new one"
            )
        if not tables:
            self._db.executescript(_TABLES)

    @classmethod
    def open(cls, workspace: Path) -> Trials:
        """The log of the workspace at `workspace`."""
        return cls(workspace / FILE)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def record(self, study: str, trials: Iterable[Trial]) -> None:
        """Keep these trials; those that are known already are only noted as part of the study."""
        rows = [_row(trial) for trial in trials]
        if not rows:
            return
        days = {hashlib.sha256(blob).hexdigest(): blob for _, blob in rows}
        places = ",".join("?" * len(_COLUMNS))
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO days VALUES (?, ?)", days.items())
            self._db.executemany(
                f"INSERT OR IGNORE INTO trials ({', '.join(_COLUMNS)}) VALUES ({places})",  # noqa: S608
                [row for row, _ in rows],
            )
            self._db.executemany("INSERT OR IGNORE INTO tried VALUES (?, ?)", [(study, row[0]) for row, _ in rows])
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise JournalError(f"the trials log {self.path} cannot be written: {error}") from None

    def find(self, keys: Sequence[str]) -> dict[str, Trial]:
        """The trials with these keys that are known."""
        found: dict[str, Trial] = {}
        for first in range(0, len(keys), _MANY):
            some = keys[first : first + _MANY]
            for trial in self._read(f"key IN ({','.join('?' * len(some))})", some):
                found[trial.key] = trial
        return found

    def of(self, strategy: str, data: str) -> list[Trial]:
        """All trials ever of a strategy, whatever its code was then, on the data of this fingerprint, in order of their keys."""
        return self._read("strategy = ? AND data = ? ORDER BY key", (strategy, data))

    def of_study(self, study: str) -> list[Trial]:
        """The trials of one study."""
        return self._read("key IN (SELECT key FROM tried WHERE study = ?) ORDER BY key", (study,))

    def begin(self, study: str, facts: Mapping[str, Any]) -> None:
        """A study begins, or goes on."""
        columns = ("strategy", "data", "symbols", "first_at", "last_at", "metric", "search", "begun_at")
        self._db.execute(
            "INSERT OR IGNORE INTO studies VALUES (?,?,?,?,?,?,?,?,?)", (study, *(facts[name] for name in columns))
        )

    def studies(self) -> list[dict[str, Any]]:
        """Every study, the oldest first, with how many trials it has and how many failed."""
        names = (
            "study",
            "strategy",
            "symbols",
            "first_at",
            "last_at",
            "metric",
            "search",
            "begun_at",
            "trials",
            "failed",
        )
        rows = self._db.execute(
            "SELECT s.id, s.strategy, s.symbols, s.first_at, s.last_at, s.metric, s.search, s.begun_at, count(t.key), "
            "count(CASE WHEN t.status <> 'ok' THEN 1 END) FROM studies s LEFT JOIN tried d ON d.study = s.id "
            "LEFT JOIN trials t ON t.key = d.key GROUP BY s.id ORDER BY s.begun_at, s.id"
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _read(self, where: str, values: Sequence[Any]) -> list[Trial]:
        wanted = ", ".join(f"t.{name}" for name in _COLUMNS)
        rows = self._db.execute(
            f"SELECT {wanted}, d.days FROM trials t LEFT JOIN days d ON d.id = t.days WHERE {where}",  # noqa: S608
            tuple(values),
        )
        return [_trial(dict(zip((*_COLUMNS, "blob"), row, strict=True))) for row in rows]


def _write_ahead(db: sqlite3.Connection) -> None:
    """Switch to WAL; of two that do so at once SQLite sends one away without waiting."""
    for left in range(100, -1, -1):
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not left:
                raise
            time.sleep(0.05)
        else:
            return


def _row(trial: Trial) -> tuple[tuple[Any, ...], bytes]:
    found = trial.found
    facts = {name: getattr(trial, name, None) for name in _COLUMNS}
    facts |= {"status": found.status, "error": found.error, "returns": found.returns, "periods": found.periods}
    facts |= {"how": found.how, "stats": json.dumps(found.stats), "days": hashlib.sha256(found.days).hexdigest()}
    return tuple(facts[name] for name in _COLUMNS), found.days


def _trial(row: Mapping[str, Any]) -> Trial:
    found = Found(
        row["status"],
        row["error"],
        json.loads(row["stats"]),
        row["blob"] or b"",
        row["returns"],
        row["periods"],
        row["how"],
    )
    return Trial(**{name: row[name] for name in _PLAIN}, found=found, recorded_at=row["recorded_at"])
