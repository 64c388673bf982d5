# ruff: noqa: PLR0124  what is not equal to itself is NaN
"""How a strategy is asked inside the compiled loop, by number of arguments: each is read from its row, at `i` or at its start.

Rules: `rows` and `strides` are as long as the name says; a stride of zero is a number that does not change with the bar. What is
not a number in any of them is not asked about: the answer is NaN. Written out, because a compiled function can spread a tuple
only at the end of a call.
"""

from __future__ import annotations

import math
from typing import Any

step: Any = None
"""stands for the strategy's `target`"""


def of_1(rows: Any, strides: Any, i: int) -> float:
    (a,), (p,) = rows, strides
    x0 = a[i * p]
    if x0 == x0:
        return float(step(x0))
    return math.nan


def of_2(rows: Any, strides: Any, i: int) -> float:
    (a, b), (p, q) = rows, strides
    x0, x1 = a[i * p], b[i * q]
    if x0 == x0 and x1 == x1:
        return float(step(x0, x1))
    return math.nan


def of_3(rows: Any, strides: Any, i: int) -> float:
    (a, b, c), (p, q, r) = rows, strides
    x0, x1, x2 = a[i * p], b[i * q], c[i * r]
    if x0 == x0 and x1 == x1 and x2 == x2:
        return float(step(x0, x1, x2))
    return math.nan


def of_4(rows: Any, strides: Any, i: int) -> float:
    (a, b, c, d), (p, q, r, s) = rows, strides
    x0, x1, x2, x3 = a[i * p], b[i * q], c[i * r], d[i * s]
    if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3:
        return float(step(x0, x1, x2, x3))
    return math.nan


def of_5(rows: Any, strides: Any, i: int) -> float:
    (a, b, c, d, e), (p, q, r, s, t) = rows, strides
    x0, x1, x2, x3, x4 = a[i * p], b[i * q], c[i * r], d[i * s], e[i * t]
    if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4:
        return float(step(x0, x1, x2, x3, x4))
    return math.nan


def of_6(rows: Any, strides: Any, i: int) -> float:
    (a, b, c, d, e, f), (p, q, r, s, t, u) = rows, strides
    x0, x1, x2, x3, x4, x5 = a[i * p], b[i * q], c[i * r], d[i * s], e[i * t], f[i * u]
    if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4 and x5 == x5:
        return float(step(x0, x1, x2, x3, x4, x5))
    return math.nan


def of_7(rows: Any, strides: Any, i: int) -> float:
    (a, b, c, d, e, f, g), (p, q, r, s, t, u, v) = rows, strides
    x0, x1, x2, x3, x4, x5, x6 = a[i * p], b[i * q], c[i * r], d[i * s], e[i * t], f[i * u], g[i * v]
    if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4 and x5 == x5 and x6 == x6:
        return float(step(x0, x1, x2, x3, x4, x5, x6))
    return math.nan


def of_8(rows: Any, strides: Any, i: int) -> float:
    (a, b, c, d, e, f, g, h), (p, q, r, s, t, u, v, w) = rows, strides
    x0, x1, x2, x3, x4, x5, x6, x7 = a[i * p], b[i * q], c[i * r], d[i * s], e[i * t], f[i * u], g[i * v], h[i * w]
    if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4 and x5 == x5 and x6 == x6 and x7 == x7:
        return float(step(x0, x1, x2, x3, x4, x5, x6, x7))
    return math.nan


def of_9(rows: Any, strides: Any, i: int) -> float:
    (a, b, c, d, e, f, g, h, j), (p, q, r, s, t, u, v, w, y) = rows, strides
    x0, x1, x2, x3, x4, x5, x6, x7, x8 = (
        a[i * p],
        b[i * q],
        c[i * r],
        d[i * s],
        e[i * t],
        f[i * u],
        g[i * v],
        h[i * w],
        j[i * y],
    )
    if x0 == x0 and x1 == x1 and x2 == x2 and x3 == x3 and x4 == x4 and x5 == x5 and x6 == x6 and x7 == x7 and x8 == x8:
        return float(step(x0, x1, x2, x3, x4, x5, x6, x7, x8))
    return math.nan


def of_10(rows: Any, strides: Any, i: int) -> float:
    (a, b, c, d, e, f, g, h, j, k), (p, q, r, s, t, u, v, w, y, z) = rows, strides
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 = (
        a[i * p],
        b[i * q],
        c[i * r],
        d[i * s],
        e[i * t],
        f[i * u],
        g[i * v],
        h[i * w],
        j[i * y],
        k[i * z],
    )
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
        return float(step(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9))
    return math.nan


OF = (of_1, of_2, of_3, of_4, of_5, of_6, of_7, of_8, of_9, of_10)
