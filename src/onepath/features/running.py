"""One feature at work on one symbol: its state, and the two executions of its step.

Rules: the state is a list in Python and a float64 array compiled (a list is twice as fast in Python), the same numbers
in either; it changes its kind when the execution does, so that history and live events may follow in any order.
Inputs that are features are waited for: until all of them have been numbers the step is not called. Infinities are no numbers.
Limits: values taken in are floats; the caller converts.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import repeat
from typing import Any, Protocol, cast

from onepath.features import compiled
from onepath.features.definition import Feature


class Memo(Protocol):
    """Values that were computed before, by what they follow from: the definition, the state before them, the columns."""

    always: bool
    """whether it is asked where the step runs compiled, too"""

    def find(
        self, feature: Feature, state: Sequence[float], columns: Sequence[Any]
    ) -> tuple[Any, Sequence[float]] | None:
        """The values over these columns and the state after them; None where they are not known."""

    def keep(
        self, feature: Feature, state: Sequence[float], columns: Sequence[Any], values: Any, after: Sequence[float]
    ) -> None:
        """These are the values over the columns, and the state after them."""


_PIECE = 100_000
"""rows that are computed at a time, so that a number missing in one costs no second look at the others"""


class Running:
    """A feature that has seen some bars."""

    def __init__(self, feature: Feature, *, mixed: bool = False) -> None:
        """`mixed`: its warm-up is counted here, because its inputs begin at other times."""
        self.feature = feature
        self._arguments = feature.arguments
        self._step = feature.step
        self._waits = tuple(i for i, needed in enumerate(feature.inputs) if isinstance(needed, Feature))
        self._mixed = mixed
        self.reset()

    def reset(self) -> None:
        """Begin again, as before the first bar."""
        self.state: Any = list(map(float, self.feature.initial(*self._arguments)))
        self._waiting = bool(self._waits)
        self._left = self.feature.warm_up if self._mixed else 0
        self.early = self._waiting or self._left > 0
        """whether inputs are waited for still, or a warm-up that is counted here goes on"""

    def once(self, inputs: Sequence[float]) -> float:
        """Take in one bar."""
        if self.early and not self.begins(inputs):
            return math.nan
        state = self.state if type(self.state) is list else self.listed()
        value = float(self._step(state, *inputs, *self._arguments))
        return value if value - value == 0.0 else math.nan

    def over(self, columns: Sequence[Sequence[float]], memo: Memo | None = None) -> list[float]:
        """Take in many bars, in Python."""
        before = self._before(columns) if self.early else 0
        if before:
            columns = [column[before:] for column in columns]
        return [math.nan] * before + self._over(columns, memo)

    def compiled_over(self, columns: Sequence[Any], memo: Memo | None = None) -> Any:
        """Take in many bars, compiled, as float64 arrays; gives a float64 array."""
        import numpy as np

        loop = compiled.loop(self._step, len(columns), self._arguments)
        if loop is None or (memo is not None and memo.always):
            return np.array(self.over([column.tolist() for column in columns], memo))
        before = self._before(columns) if self.early else 0
        if isinstance(self.state, list):
            self.state = np.array(self.state, dtype=np.float64)
        out = np.empty(len(columns[0]))
        out[:before] = math.nan
        for first in range(before, len(out), _PIECE):
            last = first + _PIECE
            loop(self.state, out[first:last], tuple(column[first:last] for column in columns), self._arguments)
        return out

    def _over(self, columns: Sequence[Sequence[float]], memo: Memo | None) -> list[float]:
        state = self.listed()
        if memo is not None:
            known = memo.find(self.feature, state, columns)
            if known is not None:
                values, after = known
                self.state = list(map(float, after))
                return cast("list[float]", values.tolist())
            begun = list(state)
        rest = map(repeat, self._arguments)
        found = list(map(float, map(self._step, repeat(state), *columns, *rest)))
        if math.inf in found or -math.inf in found:
            found = [value if value - value == 0.0 else math.nan for value in found]
        if memo is not None:
            memo.keep(self.feature, begun, columns, array("d", found), state)
        return found

    def begins(self, inputs: Sequence[float]) -> bool:
        """Whether the step may be called, now that these have come."""
        if self._waiting:
            if any(math.isnan(inputs[i]) for i in self._waits):
                return False
            self._waiting = False
        self._left -= 1
        self.early = self._left > 0
        return True

    def _before(self, columns: Sequence[Sequence[float]]) -> int:
        """The rows to go until the step may be called."""
        size = len(columns[0])
        before = 0
        if self._waiting:
            rows = zip(*[columns[i] for i in self._waits], strict=True)
            before = next((n for n, row in enumerate(rows) if not any(map(math.isnan, row))), size)
        if before < size:
            self._waiting = False
            self._left -= size - before
            self.early = self._left > 0
        return before

    def listed(self) -> list[float]:
        """The state as Python takes it."""
        if not isinstance(self.state, list):
            self.state = self.state.tolist()
        return cast("list[float]", self.state)


def float_array(column: Sequence[float]) -> Any:
    """A column as a contiguous, writeable float64 array; copied only if it is not one yet."""
    import numpy as np

    if isinstance(column, list | tuple):
        return np.frombuffer(array("d", column))  # twice as fast as asking numpy to look at every number
    return np.require(column, np.float64, ["C", "W"])
