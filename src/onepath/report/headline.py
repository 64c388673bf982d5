"""What one reads first: what the session was, how it ended, what came of it.

Rules: one sentence says the result, eight cards the rest; a session that did not end well says so above everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from onepath.report import wording as w
from onepath.report.analysis import Analysis
from onepath.report.metrics import Stat
from onepath.report.page import figure, text

_HOW = {
    "stopped": "This session was stopped before its data ended. What follows is what it did until then.",
    "failed": "This session failed. What follows is what it did until then.",
    "running": "This session has no end in its journal: it is still running, or was cut off.",
}


def names(analysis: Analysis) -> str:
    """The strategies in a few words."""
    found = list(analysis.record.capital)
    if len(found) > 3:
        return f"{', '.join(found[:2])} and {len(found) - 2} more"
    return " and ".join(", ".join(found).rsplit(", ", 1)) if found else "No strategy"


def badges(analysis: Analysis) -> str:
    """Mode and status."""
    record = analysis.record
    bad = "" if record.status == "completed" else " bad"
    return (
        f'<span class="badge">{text(record.manifest.mode)}</span><span class="badge{bad}">{text(record.status)}</span>'
    )


def header(analysis: Analysis, stats: Mapping[str, Stat]) -> str:
    """Title, sentence, facts, notes, warnings."""
    return f"<h1>{text(names(analysis))}</h1>{_lead(analysis, stats)}{_facts(analysis)}{_notes(analysis)}{_banners(analysis)}"


def _lead(analysis: Analysis, stats: Mapping[str, Stat]) -> str:
    if not len(analysis.curve.at):
        return '<p class="lead">Nothing was valued in this session, so there is no result to show.</p>'
    gain, hold = stats["total_return"], stats["buy_and_hold"]
    start, end = figure(stats["initial_capital"].text), figure(stats["final_equity"].text)
    beside = f", where buying and holding made {figure(hold.text)}" if math.isfinite(hold.value) else ""
    return (
        f'<p class="lead">Turned <b>{start}</b> into <b>{end}</b>: '
        f'<b class="{tone(gain.value)}">{figure(gain.text)}</b>{beside}.</p>'
    )


def tone(value: float) -> str:
    """The class that colours a gain or a loss."""
    return "up" if value > 0 else "down" if value < 0 else ""


def _facts(analysis: Analysis) -> str:
    record = analysis.record
    symbols = ", ".join(record.symbols[:6]) + (
        f" and {len(record.symbols) - 6} more" if len(record.symbols) > 6 else ""
    )
    facts = [
        ("Period", _period(analysis)),
        ("Symbols", symbols),
        ("Data", _data(analysis)),
        ("Session", record.session_id),
    ]
    shown = "".join(f"<span>{name} <b>{text(value)}</b></span>" for name, value in facts if value)
    return f'<div class="facts">{shown}</div>'


def _notes(analysis: Analysis) -> str:
    """What was assumed about the data."""
    shown = "".join(f"<span>Note: {text(note)}</span>" for note in w.shortened(analysis.record.notes))
    return f'<div class="facts">{shown}</div>' if shown else ""


def _period(analysis: Analysis) -> str:
    days = analysis.days.date
    if not len(days):
        return ""
    first, last = w.long_date(w.day(int(days[0]))), w.long_date(w.day(int(days[-1])))
    return first if first == last else f"{first} to {last} ({w.plural(len(days), 'day')})"


def _data(analysis: Analysis) -> str:
    data = analysis.record.manifest.data
    events, interval = data.get("events"), data.get("interval_ns")
    parts = [w.plural(events, "event") if isinstance(events, int) and events else ""]
    parts.append(f"every {w.span(interval)}" if isinstance(interval, int) and interval < w.DAY else "")
    parts.append("daily" if interval == w.DAY else "")
    return ", ".join(part for part in parts if part)


def _banners(analysis: Analysis) -> str:
    record = analysis.record
    lines = [f"<b>{_HOW[record.status]}</b>"] if record.status in _HOW else []
    for end in record.ended:
        if end.error or end.status == "failed":
            where = f" ({text(end.where)})" if end.where else ""
            lines.append(f"Strategy {text(end.strategy)} {text(end.status)}: {text(end.error)}{where}")
    said = [f"{w.timestamp(incident.at)} UTC: {incident.text}" for incident in record.incidents]
    lines += map(text, w.shortened(said, most=20, where="the journal"))
    return f'<div class="banner" role="alert">{"<br>".join(lines)}</div>' if lines else ""


def cards(analysis: Analysis, stats: Mapping[str, Stat]) -> str:
    """The eight numbers people ask for first, each with its neighbour beneath."""
    if not len(analysis.curve.at):
        return ""
    days = len(analysis.days.date)
    # A few days made yearly say nothing (GIPS forbids it under a year; here under a quarter).
    yearly = (
        f"{figure(stats['cagr'].text)} a year" if days >= analysis.days.periods / 4 else f"in {w.plural(days, 'day')}"
    )
    few = "" if days >= 20 else f", from {w.plural(days, 'day')} only"
    rows = (
        ("total_return", yearly),
        ("sharpe", f"Sortino {figure(stats['sortino'].text)}{few}"),
        ("max_drawdown", f"longest {stats['longest_drawdown'].text}"),
        ("volatility", f"beta {figure(stats['beta'].text)} to buy and hold"),
        ("trades", f"held {stats['holding'].text} on average"),
        ("win_rate", f"average win / loss {stats['payoff'].text}"),
        ("profit_factor", f"{figure(stats['expectancy'].text)} a trip"),
        ("fees", f"and slippage {figure(stats['slippage'].text)}"),
    )
    return f'<dl class="cards">{"".join(_card(stats[key], note) for key, note in rows)}</dl>'


def _card(stat: Stat, note: str) -> str:
    colour = tone(stat.value) if stat.unit == "signed" else ""
    return (
        f'<div class="card" tabindex="0"><dt>{text(stat.label)}</dt><dd class="{colour}">{figure(stat.text)}</dd>'
        f'<dd class="note">{note}</dd><dd class="means" role="tooltip">{text(stat.definition)}</dd></div>'
    )
