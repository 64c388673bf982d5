"""Why a fill happened, from a session's journal: signal, order, parent and children, what came before, fill, position."""

from __future__ import annotations

import json
from typing import Any

from onepath.errors import JournalError
from onepath.journal.sqlite import explained as row_of
from onepath.ports import Journal


def explained(journal: Journal, fill_id: int) -> dict[str, Any]:
    """All that is known of one fill. Raises JournalError where there is none of that id."""
    row = row_of(journal.rows(), journal.session_id, fill_id)
    if row is None:
        raise JournalError(f"session {journal.session_id} has no fill {fill_id}: `result.fills` lists them")
    return {name: parsed(value) for name, value in row.items()}


def parsed(value: Any) -> Any:
    """A column of the view: JSON where it is."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
