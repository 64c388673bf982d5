"""The loop over history, by number of inputs: compiled around a step by `compiled`, which puts it in place of `step`.

Rules: `state` and `out` are float64 arrays, `columns` a tuple of float64 arrays as long as `out`, `arguments` a tuple
of numbers. What is infinite becomes NaN: it is no number. The loops are written out because a compiled function can
spread a tuple only at the end of a call.
"""

from __future__ import annotations

from typing import Any

step: Any = None
"""stands for the compiled step"""
nan = float("nan")


def over_1(state: Any, out: Any, columns: Any, arguments: Any) -> None:
    (a,) = columns
    for i in range(len(out)):
        value = step(state, a[i], *arguments)
        out[i] = value if value - value == 0.0 else nan


def over_2(state: Any, out: Any, columns: Any, arguments: Any) -> None:
    a, b = columns
    for i in range(len(out)):
        value = step(state, a[i], b[i], *arguments)
        out[i] = value if value - value == 0.0 else nan


def over_3(state: Any, out: Any, columns: Any, arguments: Any) -> None:
    a, b, c = columns
    for i in range(len(out)):
        value = step(state, a[i], b[i], c[i], *arguments)
        out[i] = value if value - value == 0.0 else nan


def over_4(state: Any, out: Any, columns: Any, arguments: Any) -> None:
    a, b, c, d = columns
    for i in range(len(out)):
        value = step(state, a[i], b[i], c[i], d[i], *arguments)
        out[i] = value if value - value == 0.0 else nan


def over_5(state: Any, out: Any, columns: Any, arguments: Any) -> None:
    a, b, c, d, e = columns
    for i in range(len(out)):
        value = step(state, a[i], b[i], c[i], d[i], e[i], *arguments)
        out[i] = value if value - value == 0.0 else nan


LOOPS = (over_1, over_2, over_3, over_4, over_5)
