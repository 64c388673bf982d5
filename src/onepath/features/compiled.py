"""The compiled execution of a step: numba's, made when it is worth it and kept on disk for the next process.

Rules: numba is imported here alone, and only once a process has enough to compute to earn it back. No fast-math and the
same order of operations, so compiled values equal Python's to the last bit. Functions a step calls are compiled with it.
A step that does not compile runs in Python: same values, slower, and a warning says so once.
Limits: a step is kept on disk only if everything it refers to is code, a module or a number; others compile anew in
each process. What is kept is named by a hash of all that code, so that a changed step never meets its older self.
Cost: numba is ready after 0.5 to 0.8 s; a step takes 0.2 to 0.5 s to compile, 5 to 10 ms from disk (`$NUMBA_CACHE_DIR`,
else the user's cache).
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

from onepath.features import loops, registers
from onepath.features.definition import Step, Value
from onepath.features.loops import LOOPS

Loop = Callable[[Any, Any, Any, Any], None]
"""state, out, columns, arguments: see `loops`"""

WORTH_LOADING = 2_000_000
"""Values, in all runs of this process together, from which numba is loaded: 0.2 us saved on each is what loading costs,
give or take two. So one short run never waits for it, and the second of many is fast."""
WORTH_COMPILING = 50_000
"""Values in one run from which compiling pays where numba is loaded already."""
_asked_for = {"values": 0}
_FORMAT = f"3.{registers.FORMAT}"
"""Raised when this module compiles differently, so that what an older one kept is not used."""


@cache
def installed() -> bool:
    """Whether numba is there."""
    return find_spec("numba") is not None


def worth(values: int | None) -> bool:
    """Whether a run of this many values (None: unknown) should compile its features. It decides speed, never values."""
    if values is None or not installed():
        return False
    _asked_for["values"] += values
    if "numba" in sys.modules:
        return values >= WORTH_COMPILING
    return _asked_for["values"] >= WORTH_LOADING


def loop(step: Step, inputs: int, arguments: tuple[Value, ...]) -> Loop | None:
    """The compiled loop of `step` over that many columns and such arguments; None where it does not compile."""
    return _loop(step, inputs, tuple(map(type, arguments)))


@cache
def _loop(step: Step, inputs: int, types: tuple[type, ...]) -> Loop | None:
    if getattr(step, "native", False):  # it calls compiled code already
        return None
    try:
        return _compile(step, inputs, types)
    except Exception as error:  # there is no one class for all that a compiler cannot do
        name = getattr(step, "__name__", "step")
        reason = str(error).strip().partition("\n")[0]
        warnings.warn(f"feature {name} does not compile and runs in Python, slower: {reason}", RuntimeWarning, 2)
        return None


def _compile(step: Step, inputs: int, types: tuple[type, ...]) -> Loop:
    if not isinstance(step, FunctionType):
        raise NotImplementedError("its step is not a plain function")
    numba: Any = import_module("numba")
    column = numba.float64[::1]
    numbers = {int: numba.int64, float: numba.float64, bool: numba.boolean}
    arguments = numba.types.Tuple([numbers[t] for t in types])
    signature = numba.void(column, column, numba.types.UniTuple(column, inputs), arguments)
    digest = _digest(step)
    held = registers.held(step)
    if held is not None:
        with suppress(Exception):  # whatever the compiler has against it: the plain form has the same numbers
            code = registers.loop(inputs, held.numbers)
            return _made(numba, signature, _over(code, held.step, digest), digest)
    return _made(numba, signature, _over(LOOPS[inputs - 1].__code__, step, digest), digest)


def _made(numba: Any, signature: Any, bound: FunctionType, digest: str | None) -> Loop:
    return _kept(numba, signature, bound) if digest else cast(Loop, numba.njit(signature)(bound))


def _kept(numba: Any, signature: Any, bound: FunctionType) -> Loop:
    """Compile through the cache on disk; without it where that fails, be it the disk or a damaged file."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = before or str(_directory())
    try:
        return cast(Loop, numba.njit(signature, cache=True)(bound))
    except Exception:  # what a damaged file raises is anyone's guess; an error of the step itself comes again below
        return cast(Loop, numba.njit(signature)(bound))
    finally:
        numba.config.CACHE_DIR = before


def _directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "onepath" / "numba"


def _over(loop: CodeType, step: FunctionType, digest: str | None) -> FunctionType:
    """The loop around the compiled `step`, under a name of its own in the cache."""
    bound = FunctionType(loop, {**vars(loops), "step": _native(step)}, loop.co_name)
    bound.__qualname__ = f"{loop.co_name}_{step.__name__}_{digest}"
    bound.__module__ = __name__
    return bound


def _native(function: FunctionType) -> Any:
    """`function` for numba, with the plain functions it calls made native too."""
    import numba

    called = {name: _native(value) for name, value in _referred(function) if isinstance(value, FunctionType)}
    names = {**function.__globals__, **called, "_place": _place()}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    # inlined, or every bar would pay for counting references to the state: 14 ns an average instead of 4
    return numba.njit(copy, forceinline=True)


@cache
def _place() -> Any:
    """An index that is not negative, as `registers` writes it."""
    numba: Any = import_module("numba")
    unsigned = numba.uint64

    def place(index: int) -> Any:
        return unsigned(index)

    return numba.njit(place, forceinline=True)


def _referred(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The globals a function refers to; itself left out, for a step cannot call itself."""
    for name in sorted(_names(function.__code__)):
        value = function.__globals__.get(name)
        if value is not None and value is not function:
            yield name, value


def _digest(function: FunctionType) -> str | None:
    """Hash of all code and constants that decide what `function` gives; None where that cannot be told."""
    defaults = function.__defaults__ or ()
    if function.__closure__ or not all(isinstance(value, int | float) for value in defaults):
        return None
    parts = [_FORMAT, _code(function.__code__), repr(defaults)]
    for name, value in _referred(function):
        if isinstance(value, FunctionType):
            inner = _digest(value)
            if inner is None:
                return None
            parts.append(inner)
        elif isinstance(value, ModuleType | int | float):
            parts.append(f"{name}={getattr(value, '__name__', value)!r}")
        else:
            return None
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _inner(code: CodeType) -> list[CodeType]:
    """The code of comprehensions and the like."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*map(_names, _inner(code)))


def _code(code: CodeType) -> str:
    constants = [constant for constant in code.co_consts if not isinstance(constant, CodeType)]
    own = (sys.version_info[:2], code.co_code, constants, code.co_names, code.co_varnames)
    return repr((own, [_code(inner) for inner in _inner(code)]))
