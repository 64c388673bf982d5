"""Whether a value is what its definition says: between its bounds. What is infinite is no number before it comes here.

Rules: a value outside is the definition's mistake, or its data's: the strategy ends there, whether it came alone or in a batch.
Cost: two comparisons live; 0.5 ns a value over arrays, and nothing for features without bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from onepath.errors import StrategyError
from onepath.features.definition import Feature


def bounded(feature: Feature) -> bool:
    """Whether it says anything about its values."""
    return feature.low > -math.inf or feature.high < math.inf


def first_outside(feature: Feature, values: Sequence[float]) -> int | None:
    """The row of the first value outside the bounds."""
    low, high = feature.low, feature.high
    if isinstance(values, list):
        return next((row for row, value in enumerate(values) if value < low or value > high), None)
    outside: Any = (values < low) | (values > high)  # type: ignore[operator]
    return int(outside.argmax()) if outside.any() else None


def outside(feature: Feature, value: float, symbol: str, at: int | None, row: int | None = None) -> StrategyError:
    """The error to raise for a value outside the bounds."""
    of = f" of {symbol}" if symbol else ""
    when = f" at {_time(at)}" if at is not None else "" if row is None else f" in row {row}"
    return StrategyError(
        f"feature {feature!r}{of} is {value!r}{when}, outside of its bounds {feature.low:g} to {feature.high:g}: its "
        "definition or the data it is computed of are wrong"
    )


def _time(at: int) -> str:
    whole, rest = divmod(at, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}{f'.{rest:09d}'.rstrip('0') if rest else ''} UTC"
