"""Windows without drift: what the windowed features of `averages`, `spreads`, `channels` and `volume` have in common.

Rules: nothing is ever subtracted that left a window, so a price of 1e12, an infinity or a NaN is gone without residue once it
is out. A ring holds the last lap, that is the last `window` bars as they came; when a lap is full the ring is turned into what
the rest of it amounts to from each place on (`rest_of_sums`, `rest_of_highest`, ...). From then on a window is two parts: the
rest of the last lap, which is looked up, and the present lap, which is added up as it goes. A fresh ring is NaN, so there is no
value before the first lap is full.
Spreads are summed about one value of the window, the last of the lap before, and about the newest when a lap is full: a window
that does not move has a spread of exactly zero, and the rounding of a variance stays within window x 2^-52 of it.
Cost: one bar in `window` costs O(window), so O(1) a bar; compiled 1 to 5 ns.
"""

from __future__ import annotations

import math

from onepath.features.definition import State


def ring(head: int, places: int) -> list[float]:
    """The state before the first bar: `head` numbers that are zero, and empty places."""
    return [0.0] * head + [math.nan] * places


def rest_of_sums(state: State, first: int, last: int) -> None:
    """Turn each of the ring's numbers into the sum of it and all after it."""
    rest = 0.0
    for i in range(last, first - 1, -1):
        rest += state[i]
        state[i] = rest


def rest_of_highest(state: State, first: int, last: int) -> None:
    """Turn each of the ring's numbers into the greatest of it and all after it."""
    best = -math.inf
    for i in range(last, first - 1, -1):
        x = state[i]
        best = best if best > x else x
        state[i] = best


def rest_of_lowest(state: State, first: int, last: int) -> None:
    """Turn each of the ring's numbers into the least of it and all after it."""
    best = math.inf
    for i in range(last, first - 1, -1):
        x = state[i]
        best = best if best < x else x
        state[i] = best


def no_state(*_: float) -> list[float]:
    """The state of a step that keeps none."""
    return []
