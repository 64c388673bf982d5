"""The test kit finds what is wrong: each feature here breaks one promise, and the check of that name says so."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from onepath.features import atr, compiled, ema, feature, returns, rsi, sma, volatility
from onepath.features.definition import Feature
from onepath.proving import Check, Proof, prove

_SEEN: list[float] = []
_SHARED = [0.0]
_ELSEWHERE = Check("hash seeds", None, "not asked")
MUTANTS: list[tuple[str, Callable[..., Feature]]] = []
needs_numba = pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")


def found(made: Feature) -> Proof:
    return prove(made, process=_ELSEWHERE)


def breaks(check: str) -> Callable[[Callable[..., Feature]], Callable[..., Feature]]:
    def note(made: Callable[..., Feature]) -> Callable[..., Feature]:
        MUTANTS.append((check, made))
        return made

    return note


@breaks("no look-ahead")
@feature(inputs=("close",), initial=lambda: [0.0])
def looks_ahead(state: Any, x: float) -> float:
    """Remembers what it saw, and the next time over the same data knows what comes."""
    place = int(state[0])
    state[0] += 1.0
    if place + 1 < len(_SEEN) and _SEEN[place] == x:
        return _SEEN[place + 1]
    del _SEEN[place:]
    _SEEN.append(x)
    return x


@breaks("warm-up")
@feature(inputs=("close",), initial=lambda window: [0.0], warm_up=lambda window: window)
def too_early(state: Any, x: float, window: int = 5) -> float:
    state[0] += 1.0
    return x if state[0] >= window - 1 else math.nan


@breaks("warm-up")
@feature(inputs=("close",), initial=lambda window: [0.0], warm_up=lambda window: window)
def too_late(state: Any, x: float, window: int = 5) -> float:
    state[0] += 1.0
    return x if state[0] > window else math.nan


@breaks("warm-up")
@feature(inputs=("close",))
def never(state: Any, x: float) -> float:
    return math.nan


@breaks("repeatable")
@feature(inputs=("close",))
def noisy(state: Any, x: float) -> float:
    return x + random.random()  # noqa: S311


@breaks("state")
@feature(inputs=("close",), initial=lambda: [0.0])
def growing(state: Any, x: float) -> float:
    state.append(x)
    return state[0] + x


@breaks("state")
@feature(inputs=("close",), initial=lambda: [0.0])
def wordy(state: Any, x: float) -> float:
    state[0] = "up" if x > 100.0 else "down"
    return x


@breaks("batch = stream")
@feature(inputs=("close",), initial=lambda: [0.0])
def shared_between_symbols(state: Any, x: float) -> float:
    """Keeps the last price outside of its state, where other symbols' are too; a new run begins anew."""
    if state[0] == 0.0:
        state[0] = 1.0
        _SHARED[0] = x
    change = x - _SHARED[0]
    _SHARED[0] = x
    return change


def _ring(window: int) -> list[float]:
    return [0.0, 0.0] + [0.0] * window


@breaks("bad data")
@feature(inputs=("close",), initial=_ring, warm_up=lambda window: window)
def poisoned(state: Any, x: float, window: int = 5) -> float:
    """A sliding sum: one NaN, and it is never a number again."""
    place = int(state[0]) % window
    state[0] += 1.0
    state[1] += x - state[2 + place]
    state[2 + place] = x
    return state[1] / window if state[0] >= window else math.nan


@breaks("no residue")
@feature(inputs=("close",), initial=_ring, warm_up=lambda window: window)
def drifting(state: Any, x: float, window: int = 5) -> float:
    """A sliding sum that takes NaN for zero: what a huge price cut off is missing ever after."""
    if not math.isfinite(x):
        x = 0.0
    place = int(state[0]) % window
    state[0] += 1.0
    state[1] += x
    state[1] -= state[2 + place]
    state[2 + place] = x
    return state[1] / window if state[0] >= window else math.nan


@breaks("window")
@feature(inputs=("close",), initial=lambda window: _ring(window + 1), warm_up=lambda window: window)
def longer_than_it_says(state: Any, x: float, window: int = 5) -> float:
    """The price `window` bars before: a value depends on one bar more than it says."""
    place = int(state[0]) % (window + 1)
    state[0] += 1.0
    state[2 + place] = x
    before = state[2 + (place + 1) % (window + 1)]
    return x - before if state[0] >= window else math.nan


@breaks("bad data")
@feature(inputs=("high", "low", "close"))
def divides(state: Any, high: float, low: float, close: float) -> float:
    """Where in its range a bar closes: a bar without a range raises."""
    return (close - low) / (high - low)


@breaks("bad data")
@feature(inputs=("close",))
def overflows(state: Any, x: float) -> float:
    """Python raises where a power is too large; compiled it is an infinity."""
    return x**4


@breaks("bounds")
@feature(inputs=("close",), low=0.0, high=1.0)
def out_of_bounds(state: Any, x: float) -> float:
    return x / 100.0


@breaks("compiled = Python")
@feature(inputs=("close",), initial=lambda: [0.0])
def counts_in_whole_numbers(state: Any, x: float) -> float:
    """Python's whole numbers have no end; those of a state that is compiled do."""
    if not math.isfinite(x) or abs(x) > 1e6:
        return math.nan
    state[0] = int(state[0]) * 3 % 90071992547409931 + int(x * 1000.0)
    return float(state[0] % 1000)


@breaks("any chunking")
@feature(inputs=("close",), initial=lambda: [0.0])
def carries_whole_numbers(state: Any, x: float) -> float:
    """The same, seen where compiled pieces follow those in Python."""
    if not math.isfinite(x) or abs(x) > 1e6:
        return math.nan
    state[0] = int(state[0]) * 3 % 90071992547409931 + int(x * 1000.0)
    return float(state[0] % 1000)


@pytest.mark.parametrize(("check", "made"), MUTANTS, ids=[made.__name__ for _, made in MUTANTS])
def test_a_broken_promise_is_found_by_the_check_of_its_name(check: str, made: Callable[..., Feature]) -> None:
    """The check that looks for it fails, and tells a counterexample with the bar or the reason."""
    if check in ("compiled = Python", "any chunking") and not compiled.installed():
        pytest.skip("numba is not installed")
    failed = {found.name: found.told for found in found(made()).failures}
    assert check in failed, failed
    assert failed[check]


@pytest.mark.parametrize("made", [sma(20), ema(9), returns(), volatility(10), atr(), rsi()], ids=lambda made: made.name)
def test_what_keeps_its_promises_passes(made: Feature) -> None:
    """The built-in features break none of them."""
    assert found(made).failures == ()
