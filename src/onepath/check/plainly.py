"""A check as plain values, for scripts: equal checks give equal JSON; what is not a number is null."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onepath.check import Check


def plainly(found: Check) -> dict[str, Any]:
    """Everything that was found."""
    drawn = found.bootstrap
    return {
        "verdict": found.verdict,
        "findings": [finding._asdict() for finding in found.findings],
        "look_ahead": {
            "moments": found.lookahead.moments,
            "runs": found.lookahead.runs,
            "decisions": found.lookahead.compared,
            "glimpses": [glimpse._asdict() for glimpse in found.lookahead.glimpses],
        },
        "warm_up": [one._asdict() for one in found.warm_up],
        "start": found.settling and found.settling._asdict(),
        "survivorship": {**found.survivors._asdict(), "suspicious": found.survivors.suspicious},
        "snooping": _clean(found.snooping._asdict()),
        "costs": [_clean(case._asdict()) for case in found.costs],
        "break_even_bps": found.break_even,
        "delay": [_clean(case._asdict()) for case in found.delay],
        "chance": None
        if drawn is None
        else {
            "days": drawn.days,
            "draws": drawn.draws,
            "block": drawn.block,
            "level": drawn.level,
            "intervals": {interval.name: _clean(interval._asdict()) for interval in drawn.intervals},
        },
    }


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
