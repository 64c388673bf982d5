"""Whether features streamed event by event are those over the whole history, bit for bit.

Rules: what is streamed is noted as a strategy sees it, with the bars it was made of; the same bars are then one history. Equal
means the same 64 bits; no number equals no number.
Limits: bars alone; a symbol that corporate actions restate is not compared. Cost: 8 bytes a value, kept until the comparison.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from onepath.features.definition import FIELDS, Feature
from onepath.features.history import compute
from onepath.market import Bar


class FeatureDifference(NamedTuple):
    """One feature of one symbol that is not the same: from when, the two values then, how many differ and by how much at most."""

    strategy: str
    feature: str
    symbol: str
    at: int
    streamed: float | None
    history: float | None
    values: int
    most: float | None

    def __str__(self) -> str:
        by = "" if self.most is None else f", by {self.most:g} at most"
        return (
            f"{self.strategy}: feature {self.feature} of {self.symbol} was {_told(self.streamed)} streamed and "
            f"{_told(self.history)} over history; {self.values:,} values differ{by}"
        )


class FeatureParity(NamedTuple):
    """How many values were compared, and what was found."""

    values: int
    differences: tuple[FeatureDifference, ...]

    @property
    def identical(self) -> bool:
        """Whether all of them were the same."""
        return not self.differences


class Streamed:
    """The values of one strategy's features as they came."""

    def __init__(self, strategy: str, features: Mapping[str, Feature], rows: Mapping[str, Any]) -> None:
        """`rows` are the present rows by symbol, as the strategy sees them."""
        self._strategy = strategy
        self._features = dict(features)
        self._rows = rows
        self._at: dict[str, list[int]] = {}
        self._bars: dict[str, dict[str, array[float]]] = {}
        self._values: dict[str, dict[str, array[float]]] = {}

    def hear(self, event: Any, _context: object) -> None:
        """Note the row of a bar; called after the features took it in."""
        if type(event) is not Bar or event.symbol not in self._rows:
            return
        symbol = event.symbol
        if symbol not in self._at:
            self._at[symbol] = []
            self._bars[symbol] = {field: array("d") for field in FIELDS}
            self._values[symbol] = {name: array("d") for name in self._features}
        self._at[symbol].append(event.at)
        for field, column in self._bars[symbol].items():
            column.append(getattr(event, field))
        row = self._rows[symbol]
        for name, values in self._values[symbol].items():
            values.append(getattr(row, name))

    def compared(self) -> tuple[int, list[FeatureDifference]]:
        """How many values there are, and what is not the same over history."""
        number, found = 0, []
        for symbol, columns in self._values.items():
            bars = self._bars[symbol]
            for name, streamed in columns.items():
                feature = self._features[name]
                given = {field: bars[field] for field in feature.inputs}
                history = compute(feature, given).tolist()
                number += len(streamed)
                apart = [i for i, (a, b) in enumerate(zip(streamed, history, strict=True)) if not _same(a, b)]
                if apart:
                    found.append(self._difference(name, symbol, apart, streamed, history))
        return number, found

    def _difference(
        self, name: str, symbol: str, apart: list[int], streamed: array[float], history: list[float]
    ) -> FeatureDifference:
        first = apart[0]
        gaps = [abs(streamed[i] - history[i]) for i in apart]
        known = [gap for gap in gaps if math.isfinite(gap)]
        at = self._at[symbol][first]
        most = max(known, default=None)
        a, b = _plain(streamed[first]), _plain(history[first])
        return FeatureDifference(self._strategy, name, symbol, at, a, b, len(apart), most)


def parity(streams: Iterable[Streamed]) -> FeatureParity:
    """All strategies together."""
    number, found = 0, []
    for stream in streams:
        values, differences = stream.compared()
        number += values
        found += differences
    return FeatureParity(number, tuple(sorted(found, key=lambda difference: difference.at)))


def _same(a: float, b: float) -> bool:
    if a == b:
        return math.copysign(1.0, a) == math.copysign(1.0, b)
    return math.isnan(a) and math.isnan(b)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(value: float | None) -> str:
    return "no number" if value is None else repr(value)
