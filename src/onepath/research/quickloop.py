"""The loop of `quickpass` around a strategy's function: compiled, or in Python over memory views of the same arrays.

Rules: the same numbers either way. A function that does not compile runs in Python, and a warning says so once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from onepath.errors import StrategyError
from onepath.features.whole import native, with_parts
from onepath.research import quickpass
from onepath.research.quickarguments import SCANS

Loop = Callable[..., int]


def loop_of(target: Callable[..., float], arguments: int, *, compiled: bool) -> Loop:
    """The loop over one stretch, see `quickpass.run`. Raises StrategyError for a function of too many arguments."""
    if not 1 <= arguments <= len(SCANS):
        raise StrategyError(f"target takes {arguments} arguments; from 1 to {len(SCANS)} are supported")
    return _loop(target, arguments, compiled)


@cache
def _loop(target: Callable[..., float], arguments: int, compiled: bool) -> Loop:
    asks = with_parts(SCANS[arguments - 1], step=target)
    walks = with_parts(quickpass._next, scan=asks)
    plain = with_parts(quickpass.run, _next=walks)
    if not compiled:
        return _viewed(plain)
    return _compiled(target, native(plain, "scan"), _viewed(plain))


def _compiled(target: Callable[..., float], fast: Any, slow: Loop) -> Loop:
    """The compiled loop; Python's, once and for all, where it does not compile."""
    from numba.core.errors import NumbaError

    failed: list[str] = []

    def run(*given: Any) -> int:
        if failed:
            return slow(*given)
        try:
            return int(fast(*given))
        except NumbaError as error:
            failed.append(str(error))
            reason = str(error).strip().partition("\n")[0]
            name = getattr(target, "__qualname__", "target")
            warnings.warn(f"{name} does not compile and runs in Python, slower: {reason}", RuntimeWarning, stacklevel=4)
            return slow(*given)

    return run


def _viewed(plain: Callable[..., int]) -> Loop:
    """Python's loop: memory views give Python's own floats, and writing through them changes the arrays."""

    def run(columns: Any, numbers: Any, starts: Any, closes: Any, bars: Any, marks: Any, *rest: Any) -> int:
        *arrays, begin = rest
        views = [memoryview(array) for array in (starts, closes)]
        several = [tuple(memoryview(array) for array in group) for group in (bars, marks)]
        return plain(
            tuple([None if column is None else memoryview(column) for column in columns]),
            numbers,
            *views,
            *several,
            *[memoryview(array) for array in arrays],
            begin,
        )

    return run
