"""Equity and drawdown as one standing-alone SVG, in the colours of what surrounds it.

Rules: no style sheet, no script; text and grid take the surrounding text colour, so it reads on light and dark.
"""

from __future__ import annotations

import numpy as np

from onepath.report import formulas as f
from onepath.report.analysis import Analysis
from onepath.report.axes import nice_step, thin, time_ticks
from onepath.report.charts import Chart, Scale, Series, across, area, path, scale_of, tick_text
from onepath.report.curves import both
from onepath.report.formulas import Floats, Times
from onepath.report.page import text

WIDTH, HEIGHT = 760, 320
_LEFT, _RIGHT = 8, 62
_UPPER, _LOWER = (28, 208), (226, 292)
"""top and bottom of the two panels"""
_BLUE, _ORANGE, _GREY = "#3b82f6", "#e07b26", "#8b95a5"


def picture(analysis: Analysis) -> str:
    """The picture; a sentence in a frame where there is nothing to draw."""
    at, own, market = both(analysis)
    body = _body(analysis, at, own, market) if len(at) > 1 else _say("Too little was recorded to draw this.")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" style="max-width:{WIDTH}px" '
        f'role="img" aria-label="Equity and drawdown" font-family="system-ui, sans-serif" font-size="11" fill="currentColor">'
        f"{body}</svg>"
    )


def _say(words: str) -> str:
    return f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">{words}</text>'


def _body(analysis: Analysis, at: Times, own: Floats, market: Floats) -> str:
    kept = thin(at, (own, market), 700)
    at, own, market = at[kept], own[kept], market[kept]
    fall = f.drawdowns(own)
    x = _LEFT + across(at, int(at[0]), int(at[-1])) / 1000 * (WIDTH - _LEFT - _RIGHT)
    upper = Chart("", at, (Series("", own, ""), Series("", market, "")), "money", analysis.record.currency)
    lower = Chart("", at, (Series("", fall, ""),), "share", zero=True)
    scales = scale_of(upper), scale_of(lower)
    floor = _y(np.zeros(1), scales[1], _LOWER)[0]
    y = _y(fall, scales[1], _LOWER)
    return (
        f"{_key()}{_grid(upper, scales[0], _UPPER)}{_grid(lower, scales[1], _LOWER, most=3)}{_dates(at)}"
        f"{_stroke(x, _y(market, scales[0], _UPPER), _GREY, 1.1)}{_stroke(x, _y(own, scales[0], _UPPER), _BLUE, 1.6)}"
        f'<path d="{area(x, y, floor)}" fill="{_ORANGE}" fill-opacity=".2"/>{_stroke(x, y, _ORANGE, 1.2)}'
    )


def _y(values: Floats, scale: Scale, panel: tuple[int, int]) -> Floats:
    top, bottom = panel
    placed: Floats = top + scale.place(values) / 1000 * (bottom - top)
    return placed


def _stroke(x: Floats, y: Floats, colour: str, width: float) -> str:
    return f'<path d="{path(x, y)}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'


def _key() -> str:
    return (
        f'<text x="{_LEFT}" y="16"><tspan fill="{_BLUE}">Equity</tspan><tspan dx="12" fill="{_GREY}">Buy and hold</tspan>'
        f'<tspan dx="12" fill="{_ORANGE}">Drawdown</tspan></text>'
    )


def _grid(chart: Chart, scale: Scale, panel: tuple[int, int], most: int = 5) -> str:
    marks = scale.ticks
    marks = marks if len(marks) <= most else marks[:: -(-len(marks) // most)]
    step = nice_step(scale.high - scale.low, 4)
    return "".join(_rule(y, tick_text(tick, step, chart)) for tick in marks for y in (_y(np.array([tick]), scale, panel)[0],))


def _rule(y: float, label: str) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" stroke-opacity=".12"/>'
        f'<text x="{WIDTH - _RIGHT + 7}" y="{y + 4:.1f}" fill-opacity=".65">{text(label)}</text>'
    )


def _dates(at: Times) -> str:
    first, last = int(at[0]), int(at[-1])
    marks = time_ticks(first, last)
    places = _LEFT + across(np.array([when for when, _ in marks], dtype=np.int64), first, last) / 1000 * (WIDTH - _LEFT - _RIGHT)
    return "".join(
        f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle" fill-opacity=".65">{text(label)}</text>'
        for (_, label), x in zip(marks, places.tolist(), strict=True)
    )
