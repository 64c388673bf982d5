"""The check as one HTML page, in the style of the tear sheet: what to believe first, the numbers below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onepath.report import wording as w
from onepath.report.activity import cell, scrolling, table, words
from onepath.report.headline import names
from onepath.report.page import page, section, text
from onepath.research.figures import columns, histogram

if TYPE_CHECKING:
    from onepath.check import Check
    from onepath.check.robust import Case

_SIGNS = {"good": "✓", "note": "i", "doubt": "?", "bad": "✗"}
_LABELS = {
    "total_return": "Total return",
    "cagr": "Annual growth (CAGR)",
    "volatility": "Volatility (annual)",
    "sharpe": "Sharpe ratio",
    "max_drawdown": "Maximum drawdown",
}


def render(found: Check) -> str:
    """The page."""
    from onepath.check import VERDICTS

    bad = " bad" if found.verdict in ("bad", "doubt") else ""
    badge = f'<span class="badge">check</span><span class="badge{bad}">{text(found.verdict)}</span>'
    header = (
        f"<h1>What to believe of {text(names(found.analysis))}</h1>"
        f'<p class="lead">{text(VERDICTS[found.verdict][0].upper() + VERDICTS[found.verdict][1:])}.</p>'
    )
    parts = (_findings(found), _chance(found), _costs(found), _delay(found), _ahead(found), _warm_up(found))
    footer = (
        "Found out by running the strategy again on other futures, later beginnings and dearer markets. Times are UTC."
    )
    return page(f"Check of {names(found.analysis)}", badge, header, "".join(parts), footer)


def write(found: Check, path: Path) -> Path:
    """The page as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(found), encoding="utf-8", newline="\n")
    return path


def _findings(found: Check) -> str:
    order = sorted(found.findings, key=lambda one: -("good", "note", "doubt", "bad").index(one.level))
    rows = [(words(f"{_SIGNS[one.level]} {one.level}"), words(one.subject), words(_upper(one.says))) for one in order]
    heads = [("", True), ("Looked at", True), ("What was found", True)]
    return section("Findings", f'<div class="scroll" tabindex="0">{table(heads, rows, "wraps")}</div>')


def _chance(found: Check) -> str:
    drawn = found.bootstrap
    if drawn is None:
        return ""
    heads = [("", True), ("This run", False), (f"{drawn.level:.0%} interval", False), ("Zero or less", False)]
    rows = []
    for one in drawn.intervals:
        shown = w.number if one.name == "sharpe" else w.percent
        between = f"{shown(one.low)} to {shown(one.high)}"
        share = cell(w.percent(one.below_zero, 1)) if one.name in ("total_return", "cagr", "sharpe") else cell("–")
        rows.append((words(_LABELS[one.name]), cell(shown(one.value)), cell(between), share))
    caption = (
        f"{drawn.draws:,} histories of {drawn.days:,} days each, drawn from this run's own days in blocks of "
        f"{drawn.block:.1f} days on average: what might as well have happened."
    )
    counts, edges = (
        np.histogram(np.array(drawn.sharpes), bins=40) if drawn.sharpes else (np.array([0]), np.array([0.0, 1.0]))
    )
    picture = histogram(edges.tolist(), counts.tolist(), "Sharpe ratio of the drawn histories").svg
    return section("Chance", scrolling(table(heads, rows, "")) + picture, caption)


def _costs(found: Check) -> str:
    level = (
        ""
        if found.break_even is None
        else f" Nothing is left at {found.break_even:.1f} bps a side more than configured."
    )
    picture = columns(
        [case.label for case in found.costs],
        [case.total_return * 100 for case in found.costs],
        "Total return in per cent",
        form=".1f",
    ).svg
    return section(
        "Sensitivity to costs", _cases(found.costs) + picture, f"Same data, same rules, dearer trading.{level}"
    )


def _delay(found: Check) -> str:
    return section("Sensitivity to delay", _cases(found.delay), "The same, with every order later.")


def _cases(cases: tuple[Case, ...]) -> str:
    heads = [
        ("", True),
        ("Total return", False),
        ("Sharpe", False),
        ("Maximum drawdown", False),
        ("Round trips", False),
    ]
    rows = [
        (
            words(case.label),
            cell(w.signed_percent(case.total_return)),
            cell(w.number(case.sharpe)),
            cell(w.percent(case.max_drawdown)),
            cell(w.number(case.trades, 0)),
        )
        for case in cases
    ]
    return scrolling(table(heads, rows, ""))


def _ahead(found: Check) -> str:
    seen = found.lookahead
    caption = (
        f"{seen.runs} runs on data that end at one of {seen.moments} moments or go on differently after it; "
        f"{seen.compared:,} decisions compared, byte for byte."
    )
    if not seen.glimpses:
        return section(
            "Look-ahead", '<p class="soft">Every decision was the same, whatever came after it.</p>', caption
        )
    heads = [("Strategy", True), ("Decided", True), ("What", True), ("Otherwise", True), ("Where the data", True)]
    rows = [
        (
            words(one.strategy),
            words(w.timestamp(one.decided_at)),
            words(one.decided),
            words(one.otherwise),
            words(f"{one.how} after {w.timestamp(one.at)}"),
        )
        for one in seen.glimpses
    ]
    return section("Look-ahead", f'<div class="scroll" tabindex="0">{table(heads, rows, "wraps")}</div>', caption)


def _warm_up(found: Check) -> str:
    if not found.warm_up:
        return ""
    heads = [("Feature", True), ("", True), ("Says it is ready", False), ("Within 1 %", False), ("Exact", False)]
    rows = [
        (
            words(f"{one.strategy}.{one.name}"),
            words(one.feature),
            cell(f"{one.declared:,}"),
            cell(_bars(one.close, one.tried)),
            cell(_bars(one.exact, one.tried)),
        )
        for one in found.warm_up
    ]
    caption = "Bars until a value no longer depends on where the data began."
    return section("Warm-up", scrolling(table(heads, rows, "")), caption)


def _bars(number: int | None, tried: int) -> str:
    return f"more than {tried:,}" if number is None else f"{number:,}"


def _upper(says: str) -> str:
    return says[:1].upper() + says[1:]
