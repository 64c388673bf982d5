"""One feature at work on one symbol: its state, and the two executions of its step.

Rules: the state is a list in Python and a float64 array compiled (a list is twice as fast in Python), the same numbers
in either; it changes its kind when the execution does, so that history and live events may follow in any order.
Limits: values taken in are floats; the caller converts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, cast

from onepath.features import compiled
from onepath.features.definition import Feature


class Running:
    """A feature that has seen some bars."""

    def __init__(self, feature: Feature) -> None:
        self.inputs = feature.inputs
        self._arguments = feature.arguments
        self._step = feature.step
        self._state: Any = list(map(float, feature.initial(*self._arguments)))

    def once(self, inputs: Iterable[float]) -> float:
        """Take in one bar."""
        state = self._state if type(self._state) is list else self._floats()
        return float(self._step(state, *inputs, *self._arguments))

    def over(self, columns: Sequence[Sequence[float]]) -> list[float]:
        """Take in many bars, in Python."""
        rest = map(repeat, self._arguments)
        return list(map(float, map(self._step, repeat(self._floats()), *columns, *rest)))

    def compiled_over(self, columns: Sequence[Any]) -> Any:
        """Take in many bars, compiled, as float64 arrays; gives a float64 array."""
        import numpy as np

        loop = compiled.loop(self._step, len(columns), self._arguments)
        if loop is None:
            return np.array(self.over([column.tolist() for column in columns]))
        if isinstance(self._state, list):
            self._state = np.array(self._state, dtype=np.float64)
        out = np.empty(len(columns[0]))
        loop(self._state, out, tuple(columns), self._arguments)
        return out

    def _floats(self) -> list[float]:
        if not isinstance(self._state, list):
            self._state = self._state.tolist()
        return cast("list[float]", self._state)


def float_array(column: Sequence[float]) -> Any:
    """A column as a contiguous, writeable float64 array; copied only if it is not one yet."""
    import numpy as np

    if isinstance(column, list | tuple):
        return np.frombuffer(array("d", column))  # twice as fast as asking numpy to look at every number
    return np.require(column, np.float64, ["C", "W"])
