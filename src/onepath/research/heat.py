"""Pictures of a sweep: heat maps of two parameters, profiles of one, distributions of all trials. Standing-alone SVG.

Rules: no style sheet, no script; text takes the surrounding colour, so that a picture reads on light and dark. From orange (the
worst) over nothing to blue (the best); the best cell has a frame. Where there are more parameters than two, a cell shows the best
or the median of what the others made of it, and the caption says which.
Limits: values that are not on a grid are put into twelve classes of equal number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepath.report.axes import ticks
from onepath.report.page import figure, text

Floats = NDArray[np.float64]
WIDTH, NARROW = 760, 520
"""of a picture alone, and of one beside another"""
_BLUE, _ORANGE, _GREY = "#3b82f6", "#e07b26", "#8b95a5"
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 14, 46
_CLASSES = 12


class Point(NamedTuple):
    """One trial: its values by parameter, and the metric; NaN where there is none."""

    values: dict[str, Any]
    metric: float


def heat(points: Sequence[Point], x: str, y: str, *, sign: int = 1, by: str = "best", width: int = WIDTH) -> str:
    """The metric over two parameters."""
    columns, rows = _classes(points, x), _classes(points, y)
    cells: dict[tuple[int, int], list[float]] = {}
    for point in points:
        if math.isfinite(point.metric):
            place = columns.place(point.values[x]), rows.place(point.values[y])
            cells.setdefault(place, []).append(point.metric)
    pick = (lambda v: sign * max(sign * i for i in v)) if by == "best" else (lambda v: float(np.median(v)))
    found = {place: pick(values) for place, values in cells.items()}
    height = _TOP + _BOTTOM + max(160, min(440, 34 * len(rows.labels)))
    box = _Box(len(columns.labels), len(rows.labels), height, width)
    colours = _Colours(list(found.values()), sign)
    best = max(found, key=lambda place: sign * found[place], default=None)
    drawn = "".join(
        _cell(box, place, value, colours, f"{x} {columns.labels[place[0]]}, {y} {rows.labels[place[1]]}")
        for place, value in sorted(found.items())
    )
    frame = "" if best is None else box.frame(best)
    return _svg(height, drawn + frame + _names(box, columns.labels, rows.labels, x, y), f"{x} and {y}", width)


def profile(points: Sequence[Point], name: str, *, sign: int = 1) -> str:
    """The best and the median of all trials at each value of one parameter."""
    classes = _classes(points, name)
    groups: list[list[float]] = [[] for _ in classes.labels]
    for point in points:
        if math.isfinite(point.metric):
            groups[classes.place(point.values[name])].append(point.metric)
    best = np.array([sign * max(sign * v for v in group) if group else math.nan for group in groups])
    median = np.array([float(np.median(group)) if group else math.nan for group in groups])
    height = 220
    scale = _Scale([*best, *median], height)
    step = (NARROW - _LEFT - _RIGHT) / len(groups)
    across = [_LEFT + step * (i + 0.5) for i in range(len(groups))]
    lines = _line(across, median, scale, _GREY, 1.4) + _line(across, best, scale, _BLUE, 1.8)
    dots = "".join(
        f'<circle cx="{left:.1f}" cy="{scale.y(value):.1f}" r="3" fill="{_BLUE}"><title>{text(name)} {text(label)}: best '
        f"{value:.4g}, median {middle:.4g}</title></circle>"
        for left, value, middle, label in zip(across, best, median, classes.labels, strict=True)
        if math.isfinite(value)
    )
    return _svg(
        height, scale.grid() + lines + dots + _below(across, classes.labels, height, name), f"profile of {name}"
    )


def spread(values: Sequence[float], marks: Sequence[tuple[float, str, str]], label: str) -> str:
    """How many trials have which value; `marks` are lines at values, each with a word and a colour (blue, orange, grey)."""
    known = np.array([value for value in values if math.isfinite(value)])
    shown = [(value, word, colour) for value, word, colour in marks if math.isfinite(value)]
    height = 220
    if not len(known):
        return _svg(
            height, f'<text x="{NARROW / 2}" y="{height / 2}" text-anchor="middle">No trial has a value.</text>', label
        )
    low, high = min([known.min(), *(m[0] for m in shown)]), max([known.max(), *(m[0] for m in shown)])
    room = (high - low) * 0.04 or abs(high) * 0.05 or 1.0
    low, high = low - room, high + room
    counts, edges = np.histogram(known, bins=min(60, max(12, int(math.sqrt(len(known)) * 2))), range=(low, high))
    wide = (NARROW - _LEFT - _RIGHT) / (high - low)
    top, floor = _TOP + 22, height - _BOTTOM + 12
    tall = (floor - top) / max(1, counts.max())
    bars = "".join(
        f'<rect x="{_LEFT + (a - low) * wide:.1f}" y="{floor - count * tall:.1f}" width="{max(0.5, (b - a) * wide - 1):.1f}" '
        f'height="{count * tall:.1f}" fill="{_GREY}" fill-opacity=".55"><title>{count} from {a:.3g} to {b:.3g}</title></rect>'
        for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    )
    colours = {"blue": _BLUE, "orange": _ORANGE, "grey": _GREY}
    lines = "".join(
        _upright(_LEFT + (value - low) * wide, top, floor, f"{word} {value:.2f}", colours[colour], number)
        for number, (value, word, colour) in enumerate(shown)
    )
    base = f'<path d="M{_LEFT} {floor}H{NARROW - _RIGHT}" stroke="currentColor" stroke-opacity=".25"/>'
    names = "".join(
        _label(_LEFT + (tick - low) * wide, floor + 16, f"{tick:g}")
        for tick in ticks(low, high, 6)
        if low < tick < high
    )
    return _svg(height, bars + base + lines + names + _label(NARROW / 2, height - 4, label), label)


class _Classes(NamedTuple):
    """Values of a parameter in order: each its own class, or ranges of them."""

    labels: list[str]
    exact: dict[Any, int]
    edges: Floats

    def place(self, value: Any) -> int:
        key = (type(value).__name__, value)
        return self.exact[key] if self.exact else int(np.searchsorted(self.edges, value, side="right"))


def _classes(points: Sequence[Point], name: str) -> _Classes:
    values = list({(type(p.values[name]).__name__, p.values[name]): p.values[name] for p in points}.values())
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if numbers and len(values) > 40:
        every = np.array([p.values[name] for p in points], dtype=np.float64)
        edges = np.unique(np.quantile(every, np.linspace(0, 1, _CLASSES + 1)))[1:-1]
        return _Classes([f"{edge:.3g}" for edge in (float(every.min()), *edges)], {}, edges)
    ordered = sorted(values) if numbers else values
    labels = [f"{v:.6g}" if isinstance(v, float) else str(v) for v in ordered]
    return _Classes(labels, {(type(v).__name__, v): i for i, v in enumerate(ordered)}, np.empty(0))


class _Colours:
    """Blue for good values, orange for bad ones: on either side of zero where values have both signs, else of the middle."""

    def __init__(self, values: Sequence[float], sign: int) -> None:
        self._sign = sign
        low, high = min(values, default=0.0), max(values, default=0.0)
        self._middle = 0.0 if low < 0 < high else (low + high) / 2
        self._wide = max(high - self._middle, self._middle - low) or 1.0

    def of(self, value: float) -> tuple[str, float]:
        share = self._sign * (value - self._middle) / self._wide
        return (_BLUE if share >= 0 else _ORANGE), 0.04 + 0.86 * min(1.0, abs(share))


class _Box:
    """Where cells lie; rows from the bottom up."""

    def __init__(self, columns: int, rows: int, height: int, width: int) -> None:
        self.columns, self.rows, self.height, self.width = columns, rows, height, width
        self.wide = (width - _LEFT - _RIGHT) / max(1, columns)
        self.tall = (height - _TOP - _BOTTOM) / max(1, rows)

    def at(self, place: tuple[int, int]) -> tuple[float, float]:
        return _LEFT + place[0] * self.wide, self.height - _BOTTOM - (place[1] + 1) * self.tall

    def frame(self, place: tuple[int, int]) -> str:
        left, top = self.at(place)
        return (
            f'<rect x="{left + 1:.1f}" y="{top + 1:.1f}" width="{self.wide - 2:.1f}" height="{self.tall - 2:.1f}" rx="3" '
            'fill="none" stroke="currentColor" stroke-width="2"/>'
        )


def _cell(box: _Box, place: tuple[int, int], value: float, colours: _Colours, label: str) -> str:
    left, top = box.at(place)
    colour, share = colours.of(value)
    said = f"{label}: {value:.4g}"
    drawn = (
        f'<rect x="{left + 0.75:.1f}" y="{top + 0.75:.1f}" width="{box.wide - 1.5:.1f}" height="{box.tall - 1.5:.1f}" rx="3" '
        f'fill="{colour}" fill-opacity="{share:.2f}"><title>{text(said)}</title></rect>'
    )
    if box.wide < 34 or box.tall < 15:
        return drawn
    return drawn + _label(left + box.wide / 2, top + box.tall / 2 + 4, figure(_short(value)), "1")


def _short(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.1e}"


def _names(box: _Box, columns: Sequence[str], rows: Sequence[str], x: str, y: str) -> str:
    floor = box.height - _BOTTOM
    each = max(1, math.ceil(len(columns) * 44 / (box.width - _LEFT - _RIGHT)))
    under = "".join(
        _label(_LEFT + (i + 0.5) * box.wide, floor + 16, text(name)) for i, name in enumerate(columns) if i % each == 0
    )
    skip = max(1, math.ceil(14 / box.tall))
    beside = "".join(
        f'<text x="{_LEFT - 8}" y="{floor - (i + 0.5) * box.tall + 4:.1f}" text-anchor="end" fill-opacity=".7">'
        f"{text(name)}</text>"
        for i, name in enumerate(rows)
        if i % skip == 0
    )
    middle = (_TOP + floor) / 2
    turned = f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle" font-weight="600">{text(y)}</text>'
    return under + beside + turned + _title(box.height, x, box.width)


def _title(height: int, name: str, width: int = NARROW) -> str:
    across = (width + _LEFT - _RIGHT) / 2
    return f'<text x="{across:.0f}" y="{height - 8}" text-anchor="middle" font-weight="600">{text(name)}</text>'


def _below(across: Sequence[float], labels: Sequence[str], height: int, name: str) -> str:
    each = max(1, math.ceil(len(labels) * 44 / (NARROW - _LEFT - _RIGHT)))
    marks = [
        _label(x, height - _BOTTOM + 18, text(s))
        for i, (x, s) in enumerate(zip(across, labels, strict=True))
        if i % each == 0
    ]
    return "".join(marks) + _title(height, name)


class _Scale:
    """From values to places between top and bottom."""

    def __init__(self, values: Sequence[float], height: int) -> None:
        known = [float(v) for v in values if math.isfinite(v)] or [0.0, 1.0]
        low, high = min(known), max(known)
        room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        self._low, self._high, self._floor = low - room, high + room, height - _BOTTOM

    def y(self, value: float) -> float:
        return self._floor - (value - self._low) / (self._high - self._low) * (self._floor - _TOP)

    def grid(self) -> str:
        return "".join(
            f'<path d="M{_LEFT} {self.y(tick):.1f}H{NARROW - _RIGHT}" stroke="currentColor" stroke-opacity=".12"/>'
            f'<text x="{_LEFT - 8}" y="{self.y(tick) + 4:.1f}" text-anchor="end" fill-opacity=".65">{figure(f"{tick:g}")}</text>'
            for tick in ticks(self._low, self._high, 4)
            if self._low <= tick <= self._high
        )


def _line(across: Sequence[float], values: Floats, scale: _Scale, colour: str, width: float) -> str:
    points = "L".join(
        f"{x:.1f} {scale.y(float(v)):.1f}" for x, v in zip(across, values, strict=True) if math.isfinite(v)
    )
    return (
        f'<path d="M{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'
        if points
        else ""
    )


def _upright(x: float, top: float, floor: float, words: str, colour: str, number: int) -> str:
    side, shift = ("end", -6) if x > NARROW * 0.55 else ("start", 6)
    return (
        f'<path d="M{x:.1f} {top - 18}V{floor}" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{x + shift:.1f}" y="{top - 8 + 14 * number}" text-anchor="{side}" fill="{colour}" font-weight="600">'
        f"{text(words)}</text>"
    )


def _label(x: float, y: float, words: str, opacity: str = ".7") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill-opacity="{opacity}">{words}</text>'


def _svg(height: int, body: str, label: str, width: int = NARROW) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="100%" style="max-width:{width}px;'
        'display:block;margin:0 auto" fill="currentColor" font-family="system-ui, sans-serif" font-size="11.5" role="img" '
        f'aria-label="{text(label)}">{body}</svg>'
    )
