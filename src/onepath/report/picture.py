"""Equity and drawdown as one standing-alone SVG, in the colours of what surrounds it.

Rules: no style sheet, no script; text and grid take the surrounding text colour, so it reads on light and dark.
"""

from __future__ import annotations

import numpy as np

from onepath.report import formulas as f
from onepath.report.analysis import Analysis
from onepath.report.axes import nice_step, thin, time_ticks
from onepath.report.charts import Chart, Scale, Series, across, area, path, scale_of, tick_text
from onepath.report.formulas import Floats, Times
from onepath.report.page import figure, text

WIDTH, HEIGHT = 760, 320
_LEFT, _RIGHT = 8, 62
_UPPER, _LOWER = (28, 208), (226, 292)
"""top and bottom of the two panels"""
_BLUE, _ORANGE, _GREY = "#3b82f6", "#e07b26", "#8b95a5"


def picture(analysis: Analysis) -> str:
    """The picture; a sentence in a frame where there is nothing to draw."""
    at, own, market = analysis.curve.at, analysis.curve.equity, analysis.market
    body = _body(analysis, at, own, market) if len(at) > 1 else _say("Too little was recorded to draw this.")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" '
        f'style="max-width:{WIDTH}px" fill="currentColor" font-family="system-ui, sans-serif" font-size="11" '
        f'role="img" aria-label="Equity and drawdown">{body}</svg>'
    )


def _say(words: str) -> str:
    return f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">{words}</text>'


def _body(analysis: Analysis, at: Times, own: Floats, market: Floats) -> str:
    kept = thin(at, (own, market), 700)
    at, own, market = at[kept], own[kept], market[kept]
    fall = f.drawdowns(own)
    x = _x(at, int(at[0]), int(at[-1]))
    upper = Chart("", at, (Series("", own, ""), Series("", market, "")), "money", analysis.record.currency)
    lower = Chart("", at, (Series("", fall, ""),), "share", zero=True)
    scales = scale_of(upper), scale_of(lower)
    floor = _y(np.zeros(1), scales[1], _LOWER)[0]
    y = _y(fall, scales[1], _LOWER)
    return (
        f"{_key()}{_grid(upper, scales[0], _UPPER)}{_grid(lower, scales[1], _LOWER, count=2)}{_dates(at)}"
        f"{_stroke(x, _y(market, scales[0], _UPPER), _GREY, 1.1)}{_stroke(x, _y(own, scales[0], _UPPER), _BLUE, 1.6)}"
        f'<path d="{area(x, y, floor)}" fill="{_ORANGE}" fill-opacity=".2"/>{_stroke(x, y, _ORANGE, 1.2)}'
    )


def _x(at: Times, first: int, last: int) -> Floats:
    placed: Floats = _LEFT + across(at, first, last) / 1000 * (WIDTH - _LEFT - _RIGHT)
    return placed


def _y(values: Floats, scale: Scale, panel: tuple[int, int]) -> Floats:
    top, bottom = panel
    placed: Floats = top + scale.place(values) / 1000 * (bottom - top)
    return placed


def _stroke(x: Floats, y: Floats, colour: str, width: float) -> str:
    return f'<path d="{path(x, y)}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'


def _key() -> str:
    return (
        f'<text x="{_LEFT}" y="16"><tspan fill="{_BLUE}">Equity</tspan>'
        f'<tspan dx="12" fill="{_GREY}">Buy and hold</tspan>'
        f'<tspan dx="12" fill="{_ORANGE}">Drawdown</tspan></text>'
    )


def _grid(chart: Chart, scale: Scale, panel: tuple[int, int], count: int = 4) -> str:
    marks, step = scale.ticks(count), nice_step(scale.high - scale.low, count)
    heights = _y(np.array(marks), scale, panel).tolist()
    return "".join(_rule(y, tick_text(tick, step, chart)) for tick, y in zip(marks, heights, strict=True))


def _rule(y: float, label: str) -> str:
    right = WIDTH - _RIGHT
    return (
        f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="currentColor" stroke-opacity=".12"/>'
        f'<text x="{right + 7}" y="{y + 4:.1f}" fill-opacity=".65">{figure(label)}</text>'
    )


def _dates(at: Times) -> str:
    first, last = int(at[0]), int(at[-1])
    marks = time_ticks(first, last)
    places = _x(np.array([when for when, _ in marks], dtype=np.int64), first, last)
    return "".join(
        f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle" fill-opacity=".65">{text(label)}</text>'
        for (_, label), x in zip(marks, places.tolist(), strict=True)
    )
