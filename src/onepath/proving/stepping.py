"""A feature worked by hand, one row after another, the way its definition reads: what all executions must agree with.

Rules: a feature's inputs that are features are worked in the same way, row by row; nothing here knows of batches, compilers or
plants. Cost: about 1 us a row and feature.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from onepath.features.definition import Feature
from onepath.proving.samples import Columns


class Worked:
    """A feature with its state, and those it is computed from, for which it waits until all of them have been numbers."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.state: Any = list(map(float, feature.initial(*feature.arguments)))
        self._inputs = [name if isinstance(name, str) else Worked(name) for name in feature.inputs]
        self._begun = False

    def take(self, row: Mapping[str, float]) -> float:
        """One row in, its value out; an infinity is no number."""
        given = [row[i] if isinstance(i, str) else i.take(row) for i in self._inputs]
        waited = [x for x, i in zip(given, self._inputs, strict=True) if not isinstance(i, str)]
        self._begun = self._begun or not any(map(math.isnan, waited))
        if not self._begun:
            return math.nan
        value = float(self.feature.step(self.state, *given, *self.feature.arguments))
        return math.nan if math.isinf(value) else value

    def over(self, columns: Columns) -> list[float]:
        """Many rows."""
        names = list(columns)
        rows = zip(*columns.values(), strict=True)
        return [self.take(dict(zip(names, row, strict=True))) for row in rows]


def worked(feature: Feature, columns: Columns) -> list[float]:
    """The values over all rows, from the start."""
    return Worked(feature).over(columns)


def fields(feature: Feature) -> list[str]:
    """The fields it needs, its dependencies' too."""
    found: list[str] = []
    for name in feature.inputs:
        found += [name] if isinstance(name, str) else fields(name)
    return list(dict.fromkeys(found))


def span(feature: Feature) -> int:
    """Bars that a value looks back on through all it is computed from."""
    return feature.window + max((span(f) - 1 for f in feature.inputs if isinstance(f, Feature)), default=0)


def on_own_bars(feature: Feature) -> Feature:
    """The feature over the rows it is given, whatever the interval of its bars."""
    inputs = tuple(f if isinstance(f, str) else on_own_bars(f) for f in feature.inputs)
    return replace(feature, interval="", inputs=inputs)


def direct(feature: Feature, columns: Columns) -> list[list[float]]:
    """The columns that its own step takes."""
    return [list(columns[i]) if isinstance(i, str) else worked(i, columns) for i in feature.inputs]


def apart(one: Sequence[float], two: Sequence[float]) -> int | None:
    """The first row in which two sequences differ in a bit; None where they do not. NaN is NaN."""
    if len(one) != len(two):
        return min(len(one), len(two))
    return next((i for i, (a, b) in enumerate(zip(one, two, strict=True)) if not same(a, b)), None)


def same(a: float, b: float) -> bool:
    """Whether two floats are the same 64 bits, or both no number."""
    return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
