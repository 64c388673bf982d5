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
    slow = _viewed(plain)
    return _told(target, _compiled(target, native(plain, "scan"), slow) if compiled else slow)


def _told(target: Callable[..., float], loop: Loop) -> Loop:
    """What the strategy's function raises, as a sentence."""

    def run(*given: Any) -> int:
        try:
            return loop(*given)
        except Exception as error:
            raise StrategyError(f"{_name(target)} raised {type(error).__name__}: {error}") from error

    return run


def _compiled(target: Callable[..., float], fast: Any, slow: Loop) -> Loop:
    """The compiled loop; Python's, once and for all, where it does not compile."""
    failed: list[str] = []

    def run(*given: Any) -> int:
        if not failed:
            try:
                return int(fast(*given))
            except Exception as error:  # there is no one class for all that a compiler cannot do
                if fast.signatures:
                    raise
                failed.append(str(error).strip().partition("\n")[0])
            said = f"{_name(target)} does not compile and runs in Python, slower: {failed[0]}"
            warnings.warn(said, RuntimeWarning, stacklevel=4)
        return slow(*given)

    return run


def _name(target: Callable[..., float]) -> str:
    return getattr(target, "__qualname__", "target")


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
