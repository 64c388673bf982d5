"""What another strategy would have done: a session of its own over what a recorded one saw, in the same market.

Rules: all is taken from the recorded configuration but the strategy: data, market models, capital, symbols, limits. A session
whose data came as they happened is read back from its journal. Other strategies of it run beside the new one, as they did.
Limits: a session that was run from Python has no configuration to take things from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onepath import registry
from onepath.build import build
from onepath.config import loads
from onepath.errors import ConfigError, JournalError
from onepath.events import SessionStarted
from onepath.session import Session

CAPITAL = "100000"
"""what a strategy starts with where nobody says"""


def instead(
    started: SessionStarted,
    session: str,
    strategy: str,
    params: Sequence[str] = (),
    *,
    home: Path,
    session_id: str,
    journal_path: Path,
    replaces: str | None = None,
    capital: str | None = None,
) -> Session:
    """A session `session_id` in which `strategy` (as the registry finds it) takes the place of `replaces` in the recorded one
    called `session`; `params` are written KEY=VALUE. Raises ConfigError, JournalError, StrategyError."""
    if not started.config:
        raise JournalError(
            f"session {session} was run from Python and has no configuration; run its data with the other strategy from there"
        )
    written = _rows(started.config)
    place = _place(written, replaces, session)
    made = _name(
        registry.resolve(strategy, home).__name__, [row["name"] for i, row in enumerate(written) if i != place]
    )
    taken = written[place] if place < len(written) else {}
    kept = {key: taken[key] for key in ("symbols", "risk_limits") if key in taken}
    seat = {**kept, "name": made, "class": strategy}
    seat["capital"] = capital or str(taken.get("capital", CAPITAL))
    config = {
        **_inputs(started, session),
        "strategies": [*written[:place], seat, *written[place + 1 :]],
    }
    sets = [f"strategies.{place}.params.{assigned}" for assigned in params]
    settings = loads(json.dumps(config, default=str), name=f"session {session}", sets=sets)
    return build(settings, home=home, session_id=session_id, journal_path=journal_path)


def _rows(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in config.get("strategies", ()) if row.get("enabled", True)]


def _place(written: Sequence[Mapping[str, Any]], replaces: str | None, session: str) -> int:
    """Which strategy gives up its place; of a session without any, a new place."""
    names = [str(row["name"]) for row in written]
    if replaces in names:
        return names.index(replaces)
    if replaces is not None or len(names) > 1:
        wanted = f"{replaces!r} is none of them" if replaces else "say which one the other replaces (--instead NAME)"
        raise ConfigError(f"session {session} has the strategies {', '.join(names) or 'none'}: {wanted}")
    return 0


def _name(cls: str, taken: Sequence[str]) -> str:
    """The class's name as strategies are called, with a number where there is one of that name."""
    name = "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(cls))
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _inputs(started: SessionStarted, session: str) -> dict[str, Any]:
    """The configuration but for its strategies, with data from the recorded session where they came as they happened."""
    config: dict[str, Any] = {key: value for key, value in started.config.items() if key != "strategies"}
    if not started.data.get("recorded"):
        return config
    hours = config.get("clock", {}).get("market_hours_only", False)
    live = ("mode", "clock", "data", "isolation")  # history is the default of each
    return {
        **{key: value for key, value in config.items() if key not in live},
        "data": {"type": "session", "id": session},
        "clock": {"market_hours_only": hours},
    }
