"""Sections that follow the session through time: equity, drawdown, rolling Sharpe, exposure, months.

Rules: every caption says what one looks at and over which window. Values before the first mark are the capital.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from onepath.report import formulas as f
from onepath.report import wording as w
from onepath.report.analysis import Analysis
from onepath.report.charts import Chart, Series, draw
from onepath.report.formulas import Floats
from onepath.report.page import figure, section

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def key(style: str, name: str, value: str = "") -> str:
    """One entry of a legend."""
    return f'<span><i class="{style}"></i>{name} <b>{figure(value)}</b></span>'


def through_time(analysis: Analysis) -> str:
    """All sections of this page; one line where the session was never valued."""
    if not len(analysis.curve.at):
        return section("Equity", '<div class="nothing">The session ended before its first valuation.</div>')
    parts = (equity, drawdown, months, rolling, exposure)
    return "".join(part(analysis) for part in parts)


def equity(analysis: Analysis) -> str:
    """Equity against buy and hold, on a linear and, where it makes a difference, a logarithmic scale."""
    at, own, market = analysis.curve.at, analysis.curve.equity, analysis.market
    currency = analysis.record.currency
    series = (Series("Buy and hold", market, "b"), Series("Equity", own, "a"))
    last = [w.money(float(values[-1]), currency, 0) if len(values) else "" for values in (own, market)]
    legend = f'<div class="legend">{key("a", "Equity", last[0])}{key("b", "Buy and hold", last[1])}</div>'
    panels = [("linear", draw(Chart("Equity and buy and hold over time", at, series, "money", currency)))]
    if wide(np.append(own, market), 3):
        chart = Chart("Equity and buy and hold over time, logarithmic", at, series, "money", currency, log=True)
        panels.append(("log", draw(chart)))
    body = "".join(
        f'<div data-group="equity" data-name="{name}"{" hidden" if name == "log" else ""}>{chart}</div>'
        for name, chart in panels
    )
    caption = (
        "Cash and positions at market, after all costs; beside it the same capital spread evenly over the symbols."
    )
    return section("Equity", legend + body, caption, _scales() if len(panels) > 1 else "")


def wide(values: Floats, times: float) -> bool:
    """Whether the highest value is more than so many times the lowest: a linear scale would hide the low ones."""
    known = values[np.isfinite(values)]
    return bool(len(known)) and float(known.min()) > 0 and float(known.max() / known.min()) > times


def _scales() -> str:
    return (
        '<div class="segment" data-shows="equity">'
        '<button type="button" value="linear" aria-pressed="true">Linear</button>'
        '<button type="button" value="log" aria-pressed="false">Log</button></div>'
    )


def drawdown(analysis: Analysis) -> str:
    """How far below the last high, at each moment."""
    at, own, market = analysis.curve.at, analysis.curve.equity, analysis.market
    falls = (f.drawdowns(own), f.drawdowns(market))
    series = (Series("Buy and hold", falls[1], "b"), Series("Equity", falls[0], "c", fill=True))
    deepest = [w.percent(float(fall.min()), 1) if len(fall) else "" for fall in falls]
    keys = key("c", "Equity, deepest", deepest[0]) + key("b", "Buy and hold, deepest", deepest[1])
    chart = Chart("Drawdown over time", at, series, "share", zero=True, height="middle")
    return section(
        "Drawdown",
        f'<div class="legend">{keys}</div>{draw(chart)}',
        "Distance of equity below its highest value so far.",
    )


def window_of(days: int, periods: float) -> int:
    """Days a rolling figure looks back on: half a year, or a quarter of a session shorter than two years."""
    return int(min(periods / 2, max(20, days // 4)))


def rolling(analysis: Analysis) -> str:
    """Sharpe ratio of a moving window."""
    days = analysis.days
    window = window_of(len(days.date), days.periods)
    found = f.rolling_sharpe(days.returns, window, days.periods)
    at = days.at[window - 1 :] if len(found) else days.at[:0]
    series = (Series("Sharpe", found, "a"),)
    chart = Chart(f"Rolling Sharpe ratio over {window} days", at, series, "ratio", zero=True, height="middle")
    caption = f"Annualised Sharpe ratio of the last {window} session days."
    caption += "" if len(found) > 1 else f" This session has {w.plural(len(days.date), 'day')}."
    return section("Rolling Sharpe", draw(chart), caption, style="half")


def exposure(analysis: Analysis) -> str:
    """Gross and net value of positions as a share of equity."""
    curve = analysis.curve
    gross, net = f.shares(curve.gross, curve.equity), f.shares(curve.net, curve.equity)
    lines = [Series("Net", net, "a", fill=True)]
    legend, caption = "", "Value of positions as a share of equity: all of them long."
    if not curve.gross.any():
        caption = "Value of positions as a share of equity: nothing was held."
    if not np.allclose(gross, net, equal_nan=True):
        lines.insert(0, Series("Gross", gross, "b"))
        legend = f'<div class="legend">{key("b", "Gross")}{key("a", "Net")}</div>'
        caption = "Value of positions as a share of equity: long plus short (gross), long minus short (net)."
    chart = Chart("Exposure over time", curve.at, lines, "share", zero=True, height="middle")
    return section("Exposure", legend + draw(chart), caption, style="half")


def monthly_returns(analysis: Analysis) -> dict[int, dict[int, float]]:
    """Return of each month by year, compounded from daily returns."""
    grown: dict[int, dict[int, float]] = defaultdict(dict)
    for date, value in zip(analysis.days.date.tolist(), analysis.days.returns.tolist(), strict=True):
        when = w.day(date)
        months = grown[when.year]
        months[when.month] = months.get(when.month, 1.0) * (1.0 + value)
    return {year: {month: value - 1.0 for month, value in months.items()} for year, months in grown.items()}


def months(analysis: Analysis) -> str:
    """The heat map of monthly returns."""
    years = monthly_returns(analysis)
    known = np.array([abs(value) for row in years.values() for value in row.values()])
    # The colour is full at a large month, not at the largest, so that one outlier does not pale the rest.
    full = max(float(np.nanquantile(known, 0.95)), 1e-9) if np.isfinite(known).any() else 1.0
    head = "".join(f"<th>{month}</th>" for month in _MONTHS)
    body = "".join(_year(year, row, full) for year, row in sorted(years.items(), reverse=True))
    table = f'<table class="heat"><thead><tr><th></th>{head}<th>Year</th></tr></thead><tbody>{body}</tbody></table>'
    caption = "Per cent a month, compounded from daily returns; blue is gain, orange loss."
    return section("Monthly returns", f'<div class="scroll" tabindex="0">{table}</div>', caption)


def _year(year: int, months_: dict[int, float], full: float) -> str:
    cells = "".join(_cell(months_.get(month), full) for month in range(1, 13))
    total = float(np.prod([1.0 + value for value in months_.values()]) - 1.0)
    return f'<tr><th>{year}</th>{cells}<td class="year">{figure(_tenths(total))}</td></tr>'


def _tenths(value: float) -> str:
    return w.number(value * 100, 1)


def _cell(value: float | None, full: float) -> str:
    if value is None or not math.isfinite(value):
        return "<td></td>"
    shown = _tenths(value)
    style = "gain" if value > 0 else "loss"
    strength = min(1.0, abs(value) / full) * 0.55
    return f'<td class="{style}" style="--v:{strength:.2f}">{figure("0.0" if shown == "-0.0" else shown)}</td>'
