"""Small standing-alone pictures for notebooks and papers: columns, histograms, matrices, as SVG.

Rules: no style sheet, no script; text and grid take the surrounding text colour, so a picture reads on light and dark, and in a
paper. Every text is escaped. Colours of signed values go from orange (negative) over nothing to blue (positive), which also
colour-blind readers can tell apart; each cell says its number as well.
Limits: a matrix of more than 40 names shows no numbers in its cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from onepath.report.axes import ticks
from onepath.report.page import figure, text
from onepath.result import Plot

_BLUE, _ORANGE, _GREY = "#3b82f6", "#e07b26", "#8b95a5"
_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 36, 34
_MOST_NUMBERS = 40
"""names of a matrix up to which its cells show numbers"""


def columns(
    labels: Sequence[str], values: Sequence[float], title: str, *, chance: Sequence[float] = (), form: str = ".3f"
) -> Plot:
    """One column a label, from zero up or down; NaN has none. `chance` is drawn behind, as much to either side of zero."""
    wide = [width for width in chance if math.isfinite(width)]
    known = [value for value in values if math.isfinite(value)] + wide + [-width for width in wide]
    scale = _scale(min([0.0, *known]), max([0.0, *known]))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(values))
    body = [_behind(_LEFT + step * i, step, width, scale) for i, width in enumerate(chance) if math.isfinite(width)]
    for index, (label, value) in enumerate(zip(labels, values, strict=True)):
        middle = _LEFT + step * (index + 0.5)
        body.append(_text(middle, _HEIGHT - 12, label))
        if math.isfinite(value):
            body.append(_column(middle - step * 0.35, step * 0.7, value, scale))
            body.append(_text(middle, scale(value) + (-5 if value >= 0 else 14), format(value, form), size=10))
    return _framed(title, _levels(scale, form) + "".join(body))


def histogram(edges: Sequence[float], counts: Sequence[int], title: str, *, beside: Sequence[float] = ()) -> Plot:
    """Counts between edges; `beside` is a curve to compare with, such as the normal one, a value a bin."""
    scale = _scale(0.0, max([1.0, *map(float, counts), *beside]))
    low, high = edges[0], edges[-1]
    room = (_WIDTH - _LEFT - _RIGHT) / ((high - low) or 1.0)
    across: Callable[[float], float] = lambda value: _LEFT + (value - low) * room  # noqa: E731 - one formula, used thrice
    bars = [
        _column(across(a), max(0.5, across(b) - across(a) - 0.6), float(count), scale)
        for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    marks = "".join(_text(across(tick), _HEIGHT - 12, f"{tick:g}") for tick in ticks(low, high, 8))
    points = "L".join(
        f"{across((a + b) / 2):.1f} {scale(value):.1f}"
        for a, b, value in zip(edges[:-1], edges[1:], beside, strict=False)
    )
    curve = f'<path d="M{points}" fill="none" stroke="{_ORANGE}" stroke-width="1.6"/>' if points else ""
    return _framed(title, _levels(scale, "g") + "".join(bars) + curve + marks)


def matrix(names: Sequence[str], values: Sequence[Sequence[float]], title: str) -> Plot:
    """A square of signed values between -1 and 1, such as correlations."""
    count = max(1, len(names))
    side = min(64.0, 620.0 / count)
    left = 12 + 6.5 * max(map(len, names), default=0)
    width, height = left + side * count + 12, 44 + side * count + 26
    body = []
    for row, name in enumerate(names):
        top = 44 + side * row
        body.append(_text(left - 6, top + side / 2 + 4, name, anchor="end"))
        body.append(_text(left + side * (row + 0.5), height - 10, name if len(name) * 6.5 < side else name[:3]))
        body += [_cell(left + side * i, top, side, value, count) for i, value in enumerate(values[row])]
    return Plot(_svg(width, height, title, "".join(body)))


def _cell(left: float, top: float, side: float, value: float, count: int) -> str:
    known = math.isfinite(value)
    colour = _BLUE if known and value >= 0 else _ORANGE
    depth = min(1.0, abs(value)) * 0.85 if known else 0.0
    box = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{side - 1:.1f}" height="{side - 1:.1f}" fill="{colour}" '
        f'fill-opacity="{depth:.3f}" stroke="currentColor" stroke-opacity=".08"/>'
    )
    if count > _MOST_NUMBERS or side < 22:
        return box
    said = f"{value:.2f}" if known else "–"
    return box + _text(left + side / 2, top + side / 2 + 4, said, size=10 if side < 44 else 11, faint=False)


class _Scale(NamedTuple):
    low: float
    high: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _scale(low: float, high: float) -> _Scale:
    air = ((high - low) or 1.0) * 0.08
    return _Scale(low - air if low < 0 else 0.0, high + air)


def _levels(scale: _Scale, form: str) -> str:
    marks = ticks(scale.low, scale.high, 5)
    places = max(0, min(6, int(-np.floor(np.log10(np.diff(marks)[0] if len(marks) > 1 else 1.0)))))
    shown = [f"{mark:.{places}f}" if form != "g" else f"{mark:g}" for mark in marks]
    return "".join(
        f'<path d="M{_LEFT} {scale(mark):.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" '
        f'stroke-opacity="{".35" if mark == 0 else ".1"}"/>'
        f"{_text(_LEFT - 8, scale(mark) + 4, said, anchor='end')}"
        for mark, said in zip(marks, shown, strict=True)
    )


def _column(left: float, width: float, value: float, scale: _Scale) -> str:
    top, foot = sorted((scale(value), scale(0.0)))
    colour = _BLUE if value >= 0 else _ORANGE
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{max(0.5, foot - top):.1f}" '
        f'fill="{colour}" fill-opacity=".75"/>'
    )


def _behind(left: float, width: float, chance: float, scale: _Scale) -> str:
    top, foot = scale(chance), scale(-chance)
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{foot - top:.1f}" '
        f'fill="{_GREY}" fill-opacity=".18"/>'
    )


def _text(x: float, y: float, words: str, *, anchor: str = "middle", size: int = 11, faint: bool = True) -> str:
    opacity = ' fill-opacity=".7"' if faint else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{opacity}>{figure(words)}</text>'


def _framed(title: str, body: str) -> Plot:
    return Plot(_svg(_WIDTH, _HEIGHT, title, body))


def _svg(width: float, height: float, title: str, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="100%" '
        f'style="max-width:{width:.0f}px" fill="currentColor" font-family="system-ui, sans-serif" font-size="11" '
        f'role="img" aria-label="{text(title)}"><text x="8" y="18" font-size="13" font-weight="600">{text(title)}</text>'
        f"{body}</svg>"
    )
