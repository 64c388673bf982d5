# ruff: noqa: PLR0124  what is not equal to itself is NaN
"""How a strategy is asked inside the compiled loop, by number of arguments: until it wants something else than there is.

Rules: an argument is read from its column, or is a number, or what is held (neither column nor number). What is not a number in
any of them is not asked about. Gives the bar and what is wanted there; the stop where nothing is. Written out, because a compiled
function can spread a tuple only at the end of a call, and unpacks tuples of arrays best once.
"""

from __future__ import annotations

import math
from typing import Any

step: Any = None
"""stands for the strategy's `target`"""


def read(column: Any, number: Any, i: int, held: float) -> Any:
    """An argument at bar `i`; which of them it is is known when this is compiled."""
    if column is None:
        if number is None:
            return held
        return number
    return column[i]


def near(wanted: float, price: float, stake: float, sizing: Any) -> bool:
    """Whether it is surely within the band of what is held, found out without a division."""
    cash, rate, most, small = sizing
    if wanted * stake > 0.0:
        equity = cash + stake * price
        return bool(abs(wanted * equity * rate - stake * price) + small * price < most * equity)
    return False


def scan_1(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a,), (a_,) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        if x0 == x0:
            wanted = float(step(x0))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_2(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b), (a_, b_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        if x0 == x0 and x1 == x1:
            wanted = float(step(x0, x1))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_3(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c), (a_, b_, c_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        if x0 == x0 and x1 == x1 and x2 == x2:
            wanted = float(step(x0, x1, x2))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_4(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c, d), (a_, b_, c_, d_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        x3 = read(d, d_, n, held)
        if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3:
            wanted = float(step(x0, x1, x2, x3))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_5(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c, d, e), (a_, b_, c_, d_, e_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        x3 = read(d, d_, n, held)
        x4 = read(e, e_, n, held)
        if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4:
            wanted = float(step(x0, x1, x2, x3, x4))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_6(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c, d, e, f), (a_, b_, c_, d_, e_, f_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        x3 = read(d, d_, n, held)
        x4 = read(e, e_, n, held)
        x5 = read(f, f_, n, held)
        if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4 and x5 == x5:
            wanted = float(step(x0, x1, x2, x3, x4, x5))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_7(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c, d, e, f, g), (a_, b_, c_, d_, e_, f_, g_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        x3 = read(d, d_, n, held)
        x4 = read(e, e_, n, held)
        x5 = read(f, f_, n, held)
        x6 = read(g, g_, n, held)
        if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4 and x5 == x5 and x6 == x6:
            wanted = float(step(x0, x1, x2, x3, x4, x5, x6))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_8(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c, d, e, f, g, h), (a_, b_, c_, d_, e_, f_, g_, h_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        x3 = read(d, d_, n, held)
        x4 = read(e, e_, n, held)
        x5 = read(f, f_, n, held)
        x6 = read(g, g_, n, held)
        x7 = read(h, h_, n, held)
        if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4 and x5 == x5 and x6 == x6 and x7 == x7:
            wanted = float(step(x0, x1, x2, x3, x4, x5, x6, x7))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_9(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c, d, e, f, g, h, j), (a_, b_, c_, d_, e_, f_, g_, h_, j_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        x3 = read(d, d_, n, held)
        x4 = read(e, e_, n, held)
        x5 = read(f, f_, n, held)
        x6 = read(g, g_, n, held)
        x7 = read(h, h_, n, held)
        x8 = read(j, j_, n, held)
        if (
            x0 == x0
            and x1 == x1
            and x2 == x2
            and x3 == x3
            and x4 == x4
            and x5 == x5
            and x6 == x6
            and x7 == x7
            and x8 == x8
        ):
            wanted = float(step(x0, x1, x2, x3, x4, x5, x6, x7, x8))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


def scan_10(
    columns: Any, numbers: Any, i: int, stop: int, closes: Any, held: float, calm: float, stake: float, sizing: Any
) -> Any:
    (a, b, c, d, e, f, g, h, j, k), (a_, b_, c_, d_, e_, f_, g_, h_, j_, k_) = columns, numbers
    for n in range(i, stop):
        x0 = read(a, a_, n, held)
        x1 = read(b, b_, n, held)
        x2 = read(c, c_, n, held)
        x3 = read(d, d_, n, held)
        x4 = read(e, e_, n, held)
        x5 = read(f, f_, n, held)
        x6 = read(g, g_, n, held)
        x7 = read(h, h_, n, held)
        x8 = read(j, j_, n, held)
        x9 = read(k, k_, n, held)
        if (
            x0 == x0
            and x1 == x1
            and x2 == x2
            and x3 == x3
            and x4 == x4
            and x5 == x5
            and x6 == x6
            and x7 == x7
            and x8 == x8
            and x9 == x9
        ):
            wanted = float(step(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9))
            if wanted == wanted and wanted != calm and not near(wanted, closes[n], stake, sizing):
                return n, wanted
    return stop, math.nan


SCANS = (scan_1, scan_2, scan_3, scan_4, scan_5, scan_6, scan_7, scan_8, scan_9, scan_10)
