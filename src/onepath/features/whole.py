"""A function with everything it calls, compiled as one and kept on disk: for loops that are longer than a step's.

Rules: as `compiled`: no fast-math, the same order of operations, so compiled values equal Python's to the last bit; what is kept
is named by a hash of all code that goes into it. `with_parts` puts functions in the place of names that stand for them.
Limits: compiled when first called, for the types it is called with; what then does not compile raises there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import FunctionType
from typing import Any

from onepath.features.compiled import _digest, _directory, _native, _referred

_FORMAT = "2"
"""raised when this module compiles differently, so that what an older one kept is not used"""


def with_parts(function: Callable[..., Any], **parts: Callable[..., Any]) -> FunctionType:
    """A copy of `function` in which the names of `parts` are these functions."""
    if not isinstance(function, FunctionType):
        raise TypeError(f"{function!r} is not a plain function")
    names = {**function.__globals__, **parts}
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


@cache
def native(function: FunctionType, *inlined: str) -> Any:
    """`function` and all it calls, for numba to compile when it is first called. What it calls by the names `inlined` becomes a
    part of it, the rest is compiled, and kept, by itself."""
    numba: Any = import_module("numba")
    digest = _digest(function)
    called = {
        name: _native(value) if name in inlined else native(value, *inlined)
        for name, value in _referred(function)
        if isinstance(value, FunctionType)
    }
    made = with_parts(function, **called)
    if digest is None:
        return numba.njit(made, _nrt=False)
    made.__qualname__ = f"{function.__name__}_{digest}_{_FORMAT}"
    made.__module__ = __name__
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = before or str(_directory())
    try:
        return numba.njit(made, cache=True, _nrt=False)
    except Exception:  # a disk that cannot be written to: compiled anew in each process
        return numba.njit(made, _nrt=False)
    finally:
        numba.config.CACHE_DIR = before
