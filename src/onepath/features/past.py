"""What a symbol's bars or ticks were, so that features can be computed again in other units after a corporate action.

Rules: raw values are kept and scaled by all actions at once, each time anew, so that several splits round no more than
one. Volumes and sizes are scaled the other way. Inputs that are neither are left alone.
Cost: 8 bytes a value; nothing for symbols without actions.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from onepath.actions import CorporateAction
from onepath.adjustments import UNSCALED, Scale

_PRICES = frozenset({"open", "high", "low", "close", "bid", "ask", "price", "best_bid", "best_ask"})
_SIZES = frozenset({"volume", "bid_size", "ask_size", "size", "bid_depth", "ask_depth"})


class Past:
    """The raw columns of one symbol, in stretches between actions."""

    def __init__(self, fields: Sequence[str], dividends: bool) -> None:
        self._fields = tuple(fields)
        self._dividends = dividends
        self._stretches: list[tuple[Scale, list[array[float]]]] = []
        self._begin()

    def fresh(self) -> Past:
        """An empty one of the same kind."""
        return Past(self._fields, self._dividends)

    def extend(self, columns: Sequence[Sequence[float]]) -> None:
        """Bars that come, as a column a field."""
        for kept, column in zip(self._stretches[-1][1], columns, strict=True):
            kept.extend(map(float, column))

    def append(self, bar: Sequence[float]) -> None:
        """One bar that comes."""
        for kept, value in zip(self._stretches[-1][1], bar, strict=True):
            kept.append(value)

    def act(self, action: CorporateAction) -> bool:
        """Restate what came so far; tells whether that changes anything."""
        scaled = [(scale.after(action, self._dividends), columns) for scale, columns in self._stretches]
        changed = any(new != old for (new, _), (old, _) in zip(scaled, self._stretches, strict=True))
        if changed:
            self._stretches = scaled
            self._begin()
        return changed

    def columns(self) -> list[list[float]]:
        """All bars in today's units, a column a field."""
        return [
            [value for scale, columns in self._stretches for value in _scaled(field, scale, columns[number])]
            for number, field in enumerate(self._fields)
        ]

    def _begin(self) -> None:
        self._stretches.append((UNSCALED, [array("d") for _ in self._fields]))


def _scaled(field: str, scale: Scale, values: array[float]) -> Sequence[float]:
    if scale == UNSCALED or (field not in _PRICES and field not in _SIZES):
        return values
    return list(map(scale.price if field in _PRICES else scale.volume, values))
