"""What a session records, read behind its back: the rows that people look at, as lines.

Rules: the journal's file is read (`mode=ro`), so nothing waits for it and nothing is seen that is not durable. Each row is read
once.
Limits: journals in memory are not read. Cost: one query a second; rows of market data are passed over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from onepath.monitor.view import Happened
from onepath.ports import Row

LINES = (
    "strategy",
    "alert",
    "trading_state",
    "command",
    "data.status",
    "margin_call",
    "corporate_action",
    "cash",
    "session",
)
"""kinds, or what they begin with, that a person wants to see one by one"""
LOGGED = ("order.", *LINES)
_QUIET = frozenset(
    {
        *("order.submitted", "order.accepted", "order.cancel_requested", "order.replace_requested", "order.replaced"),
        "session.started",
    }
)
"""what is too common for the few lines of a screen, or plain to see; the log has it"""
_WARNINGS = frozenset({"order.rejected", "order.refused", "order.forced", "margin_call"})
_MOST = 20_000
_SELECT = "SELECT seq, at, kind, strategy_id, cause, body FROM journal WHERE seq > ? AND seq <= ? AND ({}) ORDER BY seq"
_LIKE = " OR ".join(f"kind LIKE '{kind}%'" for kind in LOGGED)


class Rows:
    """The rows of a journal that were not read yet."""

    def __init__(self, path: Path, after: int = 0) -> None:
        self._path = path
        self._after = after
        self._connection: sqlite3.Connection | None = None

    def read(self) -> list[Row]:
        """What came since the last time; nothing where the file cannot be read just now."""
        try:
            connection = self._opened()
            (last,) = connection.execute("SELECT max(seq) FROM journal").fetchone()
            until = min(last or 0, self._after + _MOST)
            found = connection.execute(_SELECT.format(_LIKE), (self._after, until)).fetchall()
        except sqlite3.Error:
            return []
        self._after = max(until, self._after)
        return [Row(seq, at, kind, who, cause, body.encode()) for seq, at, kind, who, cause, body in found]

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            where = f"{self._path.resolve().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(where, uri=True, check_same_thread=False, timeout=0.2)
        return self._connection


def fields_of(row: Row) -> dict[str, Any]:
    """What a row says, as plain values."""
    found: Any = msgspec.json.decode(row.body)
    return found if isinstance(found, dict) else {"value": found}


def shown(row: Row) -> bool:
    """Whether a row is one of those that a person wants to see."""
    return row.kind not in _QUIET


def happened(row: Row, fields: Mapping[str, Any]) -> Happened:
    """A row as a line."""
    text, severity = _line(row.kind, fields), "info"
    if row.kind == "alert":
        severity = str(fields.get("severity", "info"))
    elif row.kind == "strategy.ended":
        severity = "critical" if fields.get("status") in ("failed", "quarantined") else "info"
    elif row.kind in _WARNINGS or row.kind == "order.denied" or fields.get("state") in ("stale", "halted", "reducing"):
        severity = "warning"
    return Happened(at=row.at, kind=row.kind, text=text, strategy=row.strategy or "", severity=severity)


def _line(kind: str, fields: Mapping[str, Any]) -> str:
    if kind in ("order.filled", "order.partly_filled"):
        left = f", {fields['remaining']} left" if kind == "order.partly_filled" else ""
        return f"{fields['symbol']} {_signed(fields['quantity'])} at {fields['price']}{left}"
    if kind in ("order.denied", "order.replace_denied"):
        order = fields.get("order", {})
        return (
            f"{order.get('symbol', '')} {order.get('side', '')} {order.get('quantity', '')}: {fields.get('reason', '')}"
        )
    if kind == "data.status":
        return _data(fields)
    if kind in ("strategy.ended", "alert"):
        return " ".join(str(fields[key]) for key in ("text", "status", "where", "error") if fields.get(key))
    if kind in ("trading_state", "command"):
        return f"{fields.get('scope') or 'session'} {fields.get('state', '')}: {fields.get('reason', '')}"
    known = (
        "symbol",
        "side",
        "quantity",
        "type",
        "limit",
        "stop",
        "order_id",
        "reason",
        "status",
        "kind",
        "amount",
        "currency",
    )
    return " ".join(str(fields[key]) for key in known if fields.get(key) not in (None, ""))


def _data(fields: Mapping[str, Any]) -> str:
    which = " ".join(str(fields[key]) for key in ("symbol", "stream") if fields.get(key)) or "all streams"
    more = [f"{fields[key]} {what}" for key, what in (("filled", "back-filled"), ("missed", "lost")) if fields.get(key)]
    if fields.get("reason"):
        more.append(str(fields["reason"]))
    return f"{which} {fields.get('state', '')}" + (f" ({', '.join(more)})" if more else "")


def _signed(quantity: str) -> str:
    return quantity if quantity.startswith("-") else f"+{quantity}"
