"""In what two sessions were asked for different things: parameters, and code.

Rules: code is the class, its version, the hash of its source and the version of onepath; parameters are all else that decides:
of strategies, limits, risk, seed and the market's models. Where data came from is no parameter: what came is compared by event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from onepath.events import SessionStarted

_CODE = frozenset({"class", "source_sha256", "version", "code_version"})
_NAMES = frozenset({"name"})


class Setting(NamedTuple):
    """One thing that is not the same."""

    path: str
    one: Any
    two: Any
    code: bool
    decides: bool
    """whether strategies go by it; else it is the market's"""


def settings(one: SessionStarted, two: SessionStarted) -> list[Setting]:
    """All that differs, by path."""
    first, second = dict(_flat(_asked(one))), dict(_flat(_asked(two)))
    return [
        Setting(
            path, first.get(path), second.get(path), path.rpartition(".")[2] in _CODE, not path.startswith("execution.")
        )
        for path in sorted({**first, **second})
        if first.get(path) != second.get(path)
    ]


def _asked(started: SessionStarted) -> dict[str, Any]:
    lone = len(started.strategies) == 1
    rows = {
        "strategy" if lone else f"strategies.{row['name']}": {k: v for k, v in row.items() if k not in _NAMES}
        for row in started.strategies
    }
    symbols = [row["symbol"] for row in started.instruments]
    reckoned = {"expected_cost": started.data.get("expected_cost")}  # sizes are reckoned with it
    asked = {
        **reckoned,
        "code_version": started.code_version,
        "seed": started.seed,
        "risk": started.risk,
        "symbols": symbols,
    }
    return {**asked, "execution": started.config.get("execution"), "mark_every": started.mark_every, **rows}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif value not in (None, {}):
        yield path, value
