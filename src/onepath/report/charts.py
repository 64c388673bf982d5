"""Line charts as SVG: crisp at any width, readable without a script, with their numbers beside them for one.

Rules: places are per cents of the box, so that lines stretch with the page while text and markers keep their size.
Every text is escaped. Numbers for the crosshair stand in a JSON block inside the chart.
Limits: the horizontal axis is time as it passes, nights and weekends included.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from onepath.report.axes import log_ticks, nice_step, thin, ticks, time_ticks
from onepath.report.formulas import Floats, Times
from onepath.report.page import figure
from onepath.report.wording import DAY, SECOND, SIGNS, money, number, percent

POINTS = 1_200
"""of one chart: about one a pixel"""
_SIDE = 1_000
"""width and height of the box that lines are drawn in"""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One line. `style` is its class in the style sheet; `fill` colours what is between it and zero."""

    name: str
    values: Floats
    style: str
    fill: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """An entry or exit; `shape` names a symbol of the page: long-in, long-out, short-in, short-out."""

    at: int
    value: float
    shape: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Lines over time. `unit` is money, share, ratio or price."""

    label: str
    at: Times
    series: Sequence[Series]
    unit: str
    currency: str = ""
    markers: Sequence[Marker] = ()
    log: bool = False
    zero: bool = False
    points: int = POINTS
    height: str = "tall"


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places: 0 at the top, `_SIDE` at the bottom."""

    low: float
    high: float
    log: bool

    def place(self, values: Floats) -> Floats:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        placed: Floats = _SIDE * (1 - ((np.log(values) if self.log else values) - low) / (high - low))
        return placed

    def one(self, value: float) -> float:
        return float(self.place(np.array([value]))[0])

    def ticks(self, count: int) -> list[float]:
        return log_ticks(self.low, self.high) if self.log else ticks(self.low, self.high, count)


def scale_of(chart: Chart) -> Scale:
    """Room for every value, with a little air; from zero on where the chart asks for it."""
    everything = np.concatenate([*(series.values for series in chart.series), [m.value for m in chart.markers]])
    finite = everything[np.isfinite(everything)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if chart.log:
        return Scale(low / 1.05, high * 1.05, log=True)
    if chart.zero:
        low, high = min(low, 0.0), max(high, 0.0)
    width = (high - low) or abs(high) * 0.02 or 1.0
    above = 0.0 if chart.zero and high == 0.0 and low < 0.0 else 0.06
    below = 0.0 if chart.zero and low == 0.0 and high > 0.0 else 0.06
    return Scale(low - width * below, high + width * above, log=False)


def across(at: Times, first: int, last: int) -> Floats:
    """Places of times from left (0) to right."""
    width = max(1, last - first)
    placed: Floats = (at - first) / width * _SIDE
    return placed


def path(x: Floats, y: Floats) -> str:
    """Straight lines through the points; a gap where a value is missing."""
    parts, pen = [], "M"
    for left, top in zip(x.tolist(), y.tolist(), strict=True):
        if math.isfinite(top):
            parts.append(f"{pen}{left:.1f} {top:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def area(x: Floats, y: Floats, floor: float) -> str:
    """The surface between the points and `floor`."""
    known = ~np.isnan(y)
    if not known.any():
        return ""
    x, y = x[known], y[known]
    return f"{path(x, y)}L{x[-1]:.1f} {floor:.1f}L{x[0]:.1f} {floor:.1f}Z"


def draw(chart: Chart) -> str:
    """The chart as a piece of a page; a sentence where there is nothing to draw."""
    if len(chart.at) < 2:
        return f'<div class="nothing {chart.height}">Too little was recorded to draw this.</div>'
    chart = _thinned(chart)
    scale, first, last = scale_of(chart), int(chart.at[0]), int(chart.at[-1])
    x = across(chart.at, first, last)
    return (
        f'<div class="chart {chart.height}" tabindex="0" role="img" aria-label="{escape(chart.label)}">'
        f'<svg class="plot" aria-hidden="true">{_rows(chart, scale)}{_columns(first, last)}'
        f'<svg viewBox="0 0 {_SIDE} {_SIDE}" preserveAspectRatio="none" width="100%" height="100%">'
        f"{''.join(_line(series, x, scale) for series in chart.series)}</svg>"
        f"{''.join(_marker(marker, first, last, scale) for marker in chart.markers)}</svg>"
        f'<script type="application/json">{_numbers(chart, scale)}</script></div>'
    )


def _thinned(chart: Chart) -> Chart:
    kept = thin(chart.at, [series.values for series in chart.series], chart.points)
    series = [Series(s.name, s.values[kept], s.style, s.fill) for s in chart.series]
    return Chart(
        chart.label,
        chart.at[kept],
        series,
        chart.unit,
        chart.currency,
        chart.markers,
        chart.log,
        chart.zero,
        chart.points,
        chart.height,
    )


def _line(series: Series, x: Floats, scale: Scale) -> str:
    y = scale.place(series.values)
    floor = scale.one(min(max(0.0, scale.low), scale.high)) if not scale.log else _SIDE
    surface = f'<path class="area {series.style}" d="{area(x, y, floor)}"/>' if series.fill else ""
    return f'{surface}<path class="line {series.style}" d="{path(x, y)}"/>'


def _rows(chart: Chart, scale: Scale) -> str:
    """Horizontal grid lines with their values at the right."""
    count = 5 if chart.height == "tall" else 4
    marks = scale.ticks(count)
    step = nice_step(scale.high - scale.low, count)
    return "".join(_row(at, scale.one(at) / 10, tick_text(at, at if scale.log else step, chart)) for at in marks)


def _row(tick: float, top: float, text: str) -> str:
    style = "grid zero" if tick == 0 else "grid"
    return (
        f'<line class="{style}" x1="0" x2="100%" y1="{top:.2f}%" y2="{top:.2f}%"/>'
        f'<text class="y" x="100%" y="{top:.2f}%" dx="8" dy="4">{figure(text)}</text>'
    )


def _columns(first: int, last: int) -> str:
    """Dates along the bottom; every other one gives way on a narrow screen."""
    marks = time_ticks(first, last)
    places = across(np.array([at for at, _ in marks], dtype=np.int64), first, last) / 10
    many = len(marks) > 4
    return "".join(
        f'<text class="x{" odd" if many and i % 2 else ""}" x="{place:.2f}%" y="100%" dy="20">{escape(label)}</text>'
        f'<line class="tick" x1="{place:.2f}%" x2="{place:.2f}%" y1="100%" y2="100%"/>'
        for i, ((_, label), place) in enumerate(zip(marks, places.tolist(), strict=True))
    )


def _marker(marker: Marker, first: int, last: int, scale: Scale) -> str:
    left = float(across(np.array([marker.at]), first, last)[0]) / 10
    if not 0 <= left <= 100:
        return ""
    top = scale.one(marker.value) / 10
    return f'<use href="#{marker.shape}" x="{left:.2f}%" y="{top:.2f}%"><title>{escape(marker.title)}</title></use>'


def tick_text(tick: float, step: float, chart: Chart) -> str:
    """A tick's value with no more digits than its step needs."""
    if chart.unit == "share":
        return percent(tick, _places(step * 100))
    if chart.unit == "money":
        return short_money(tick, step, chart.currency)
    return number(tick, _places(step))


def short_money(value: float, step: float, currency: str) -> str:
    """$1.2M, $120k, $950"""
    known = currency if currency in SIGNS else ""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return money(value / size, known, _places(step / size)) + letter
    return money(value, known, _places(step))


def _places(step: float) -> int:
    """Decimals that tell one multiple of `step` from the next."""
    for places in range(9):
        if abs(step * 10**places - round(step * 10**places)) < 1e-6:
            return places
    return 8


def _numbers(chart: Chart, scale: Scale) -> str:
    """What the crosshair shows: seconds as differences, values rounded to what is shown."""
    daily = bool(np.median(np.diff(chart.at)) >= DAY)
    # A day that ends at midnight is named by the day that ends.
    seconds = (chart.at - 1 if daily else chart.at) // SECOND
    body = {
        "t": [int(seconds[0]), *np.diff(seconds).tolist()],
        "day": int(daily),
        "unit": chart.unit,
        "sign": SIGNS.get(chart.currency, ""),
        "range": [scale.low, scale.high, int(scale.log)],
        "series": [[s.name, s.style, _rounded(s.values, chart.unit)] for s in chart.series],
    }
    return embed(body)


def _rounded(values: Floats, unit: str) -> list[float | None]:
    places = {"money": 2, "share": 5, "ratio": 3}.get(unit)
    if places is None:
        return [float(f"{value:.7g}") if math.isfinite(value) else None for value in values.tolist()]
    return [round(value, places) if math.isfinite(value) else None for value in values.tolist()]


def embed(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026")
