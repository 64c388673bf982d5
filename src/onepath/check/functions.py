"""Look-ahead and warm-up of a function over whole columns, as research is often written: signals from a frame.

Rules: the function is called on the whole data, on data that end earlier, and on data whose later rows are shuffled; what it said
of a row must not change. It is called with data that begin later, too, to see how many rows it needs until it says the same.
Nothing is known of how it works: a centred window, `shift(-1)`, a mean over all rows or a fit to all of them are all found where
they change a value at one of the rows looked at.
Limits: it must be a function of its argument alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from onepath.errors import DataError

Floats = npt.NDArray[np.float64]
_NEAR = 1e-9


class Leak(NamedTuple):
    """A value that changed with the future."""

    column: str
    row: int
    """the row whose value changed"""
    cut: int
    """rows after which the future was changed"""
    how: str
    value: float
    otherwise: float

    def __str__(self) -> str:
        return (
            f"{self.column} at row {self.row:,} is {self.value:.6g}, and {self.otherwise:.6g} where the data "
            f"{self.how} after row {self.cut - 1:,}"
        )


class Signals(NamedTuple):
    """What was found of a function."""

    rows: int
    cuts: int
    columns: tuple[str, ...]
    leaks: tuple[Leak, ...]
    """the first of each column and kind of change"""
    warm_up: int | None
    """rows until it no longer matters where the data began; None: it always did"""

    @property
    def honest(self) -> bool:
        """Whether no value knew what came later."""
        return not self.leaks

    def __repr__(self) -> str:
        said = [str(leak) for leak in self.leaks] or [f"no look-ahead in {self.cuts} cuts of {self.rows:,} rows"]
        needs = "always depends on where the data began" if self.warm_up is None else f"needs {self.warm_up:,} rows"
        return "\n".join([*said, needs])


def signals(function: Callable[[Any], Any], data: Any, cuts: int = 12, seed: int = 0) -> Signals:
    """Look for look-ahead in `function(data)`, which gives a column or a frame with a row for each of `data`.

    `data` is a pandas or polars frame, or a mapping of columns. Raises DataError where what comes back has other rows.

    >>> signals(lambda frame: frame["close"].rolling(5, center=True).mean(), frame).honest
    False
    """
    size = _rows(data)
    if size < 10:
        raise DataError(f"the data has {size} rows; at least 10 are needed to cut it anywhere")
    whole = _columns(function(data), size)
    chance = np.random.default_rng(seed)
    places = sorted({int(place) for place in np.linspace(size * 0.2, size - 2, cuts)})
    leaks: dict[tuple[str, str], Leak] = {}
    for cut in places:
        order = np.concatenate([np.arange(cut), cut + chance.permutation(size - cut)])
        for how, part in (("end", _taken(data, np.arange(cut))), ("go on differently", _taken(data, order))):
            got = _columns(function(part), _rows(part))
            for leak in _leaks(whole, got, cut, how):
                leaks.setdefault((leak.column, how), leak)
    return Signals(size, len(places), tuple(whole), tuple(leaks.values()), _warm_up(function, data, whole, size))


def _leaks(whole: Mapping[str, Floats], got: Mapping[str, Floats], cut: int, how: str) -> list[Leak]:
    found = []
    for name, values in whole.items():
        if name not in got:
            found.append(Leak(name, cut - 1, cut, how, float(values[cut - 1]), np.nan))
            continue
        apart = np.flatnonzero(~_same(values[:cut], got[name][:cut]))
        if len(apart):
            row = int(apart[0])
            found.append(Leak(name, row, cut, how, float(values[row]), float(got[name][row])))
    return found


def _warm_up(function: Callable[[Any], Any], data: Any, whole: Mapping[str, Floats], size: int) -> int | None:
    start = size // 3
    got = _columns(function(_taken(data, np.arange(start, size))), size - start)
    needed = 1
    for name, values in whole.items():
        apart = np.flatnonzero(~_same(values[start:], got.get(name, np.full(size - start, np.nan))))
        if len(apart):
            if apart[-1] == size - start - 1:
                return None
            needed = max(needed, int(apart[-1]) + 2)
    return needed


def _same(one: Floats, two: Floats) -> npt.NDArray[np.bool_]:
    """Equal but for rounding: a library may sum in another order where there are fewer rows."""
    near: npt.NDArray[np.bool_] = np.isclose(one, two, rtol=_NEAR, atol=1e-12, equal_nan=True)
    return near


def _rows(data: Any) -> int:
    return len(next(iter(data.values()))) if isinstance(data, Mapping) else len(data)


def _taken(data: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Rows of `data` in that order; times stay in their own order, only what happened at them is another."""
    if isinstance(data, Mapping):
        return {name: np.asarray(column)[rows] for name, column in data.items()}
    if hasattr(data, "iloc"):
        part = data.iloc[rows]
        return part.set_axis(data.index[np.sort(rows)])
    return data[rows]


def _columns(found: Any, rows: int) -> dict[str, Floats]:
    names = list(found) if isinstance(found, Mapping) else list(getattr(found, "columns", ()))
    given = {str(name): found[name] for name in names} if names else {"signal": found}
    try:
        columns = {name: np.asarray(column, dtype=np.float64) for name, column in given.items()}
    except (TypeError, ValueError):
        raise DataError("the function must give columns of numbers or of true and false") from None
    for name, column in columns.items():
        if column.shape != (rows,):
            raise DataError(
                f"the function gave {name} with shape {column.shape} for {rows} rows; expected a value a row"
            )
    return columns
