"""The page of a sweep: one HTML file that says what to believe first, and shows why.

Rules: in the style of the tear sheet, light and dark; asks no network; every value is escaped. Large sweeps show their best
hundred trials in the table and all of them in the pictures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onepath.report import wording as w
from onepath.report.charts import Chart, Series, draw
from onepath.report.page import figure, page, section, text
from onepath.research import heat
from onepath.research.belief import Belief, told
from onepath.research.sweeping import Tried
from onepath.research.walk import Walk

if TYPE_CHECKING:
    from onepath.research.sweeps import Sweep

_ROWS = 100
_MAPS = 6
_DAY = 86_400 * 1_000_000_000
_SHOWN = ("sharpe", "total_return", "max_drawdown", "trades")
_STYLE = """<style>
.verdict { font-size: 15px; display: grid; gap: 9px; margin: 0; padding: 0; list-style: none; }
.verdict li { padding-left: 22px; position: relative; }
.verdict li::before { content: ""; position: absolute; left: 3px; top: 8px; width: 9px; height: 9px; border-radius: 50%;
  background: var(--blue); }
.verdict li.doubt::before { background: var(--orange); }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 18px 28px; }
.cards .card { cursor: default; }
</style>"""


def write(sweep: Sweep, path: Path) -> Path:
    """The page as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(sweep), encoding="utf-8", newline="\n")
    return path


def render(sweep: Sweep) -> str:
    """The page."""
    who = sweep.run.identity
    belief = sweep.belief
    sections = [_STYLE, _verdict(sweep), _cards(sweep, belief)]
    if sweep.best is not None and belief is not None:
        sections += [_maps(sweep), _profiles(sweep), _spread(sweep, belief), _halves(belief)]
    if sweep.walk is not None:
        sections += [_walked(sweep.walk), _folds(sweep)]
    sections += [_table(sweep), _proof(sweep), _failures(sweep)]
    title = f"Sweep of {who.strategy}"
    badges = f'<span class="badge">{text(sweep.run.terms.search)}</span><span class="badge">{len(sweep.tried):,} trials</span>'
    return page(title, badges, _header(sweep), "".join(sections), _footer(sweep))


def _header(sweep: Sweep) -> str:
    who = sweep.run.identity
    best = sweep.best
    lead = (
        "No trial has a value."
        if best is None
        else f"Best {text(sweep.metric)} <b>{_number(best.value)}</b> at <b>{text(told(best.point))}</b>"
    )
    first, last = (w.long_date(w.day(at // _DAY)) for at in (who.first_at, who.last_at))
    facts = (("Study", sweep.study), ("Symbols", ", ".join(who.symbols)), ("Data", f"{first} to {last}"))
    shown = "".join(f"<span>{name} <b>{text(value)}</b></span>" for name, value in facts)
    return f'<h1>{text(who.strategy)}</h1><p class="lead">{lead}</p><div class="facts">{shown}</div>'


def _verdict(sweep: Sweep) -> str:
    doubts = _doubts(sweep)
    lines = "".join(
        f'<li class="{"doubt" if sentence in doubts else "sure"}">{figure(sentence)}</li>'
        for sentence in sweep.sentences
    )
    return section("What to believe", f'<ul class="verdict">{lines}</ul>')


def _doubts(sweep: Sweep) -> set[str]:
    """The sentences that speak against the best."""
    words = (
        "may be luck",
        "is what luck",
        "often",
        "sometimes",
        "is a spike",
        "are needed",
        "too few",
        "No trial",
        "no test",
    )
    found = {sentence for sentence in sweep.sentences if any(word in sentence for word in words)}
    walk = sweep.walk
    weak = walk is not None and not (walk.efficiency >= 0.5)
    return found | {s for s in sweep.sentences if weak and s.startswith("Walk-forward")}


def _cards(sweep: Sweep, belief: Belief | None) -> str:
    if belief is None or sweep.best is None:
        return ""
    walk = sweep.walk
    pbo = belief.overfitting.probability
    cards = [
        (f"Best {sweep.metric}", _number(sweep.best.value), told(sweep.best.point)),
        ("Deflated Sharpe", w.percent(belief.deflated, 1), f"of {w.plural(belief.trials, 'trial')}; 95% is the bar"),
        ("Expected of luck", _number(belief.threshold), "Sharpe ratio of the best without any skill"),
        ("Overfitting (PBO)", w.percent(pbo, 0), "below the median out of sample"),
        ("Plateau", _number(belief.plateau.score), f"{belief.plateau.word}; 1: neighbours are as good"),
        (
            "Independent trials",
            f"{belief.independent:,.0f}",
            f"by their correlation; deflated so {w.percent(belief.lenient, 1)}",
        ),
        ("Years of data", f"{belief.years:.1f}", f"{_number(belief.minimum_years, 1)} needed for so many trials"),
        (
            "Walk-forward",
            "–" if walk is None else w.percent(walk.efficiency, 0),
            "not asked for" if walk is None else f"efficiency; Sharpe {_number(walk.sharpe)} unseen",
        ),
    ]
    drawn = "".join(
        f'<div class="card"><dt>{text(name)}</dt><dd>{figure(value)}</dd><dd class="note">{text(note)}</dd></div>'
        for name, value, note in cards
    )
    return f'<dl class="cards">{drawn}</dl>'


def points_of(sweep: Sweep) -> list[heat.Point]:
    """The trials as the pictures want them."""
    return [heat.Point(one.point, one.value) for one in sweep.tried]


def _maps(sweep: Sweep) -> str:
    names = [name for name in sweep.names if len({repr(one.point[name]) for one in sweep.tried}) > 1]
    pairs = list(itertools.combinations(names, 2))
    if not pairs:
        return ""
    sign, points = sweep.run.terms.sign, points_of(sweep)
    ways = ["best"] if len(names) == 2 else ["best", "median"]
    width = heat.WIDTH if len(names) == 2 else heat.NARROW
    maps = [
        heat.heat(points, x, y, sign=sign, by=by, width=width) for x, y in pairs[: _MAPS // len(ways)] for by in ways
    ]
    others = " Left the best, right the median over the other parameters." if len(names) > 2 else ""
    left_out = (
        f" {len(pairs) - _MAPS // 2} more pairs are left out." if len(names) > 2 and len(pairs) > _MAPS // 2 else ""
    )
    caption = f"{text(sweep.metric)} over two parameters; the frame is the best.{others}{left_out}"
    body = maps[0] if len(maps) == 1 else f'<div class="maps">{"".join(maps)}</div>'
    return section("Heat map" if len(maps) == 1 else "Heat maps", body, caption)


def _profiles(sweep: Sweep) -> str:
    names = [name for name in sweep.names if len({repr(one.point[name]) for one in sweep.tried}) > 1]
    if not names:
        return ""
    drawn = "".join(heat.profile(points_of(sweep), name, sign=sweep.run.terms.sign) for name in names)
    caption = (
        "At each value of a parameter the best (blue) and the median (grey) of all trials. "
        "A broad top is worth more than a high one."
    )
    return section("Stability of parameters", f'<div class="maps">{drawn}</div>', caption)


def _spread(sweep: Sweep, belief: Belief) -> str:
    assert sweep.best is not None  # noqa: S101 - whoever asks has looked
    marks = [(sweep.best.value, "best", "blue")]
    if sweep.metric == "sharpe":
        marks.insert(0, (belief.threshold, "expected of luck", "orange"))
    values = [one.value for one in sweep.tried]
    caption = (
        "All trials of this sweep. What lies left of the orange line, the best of so many trials without skill would "
        "have shown, too."
    )
    return section(
        "Distribution of trials",
        heat.spread(values, marks, sweep.metric),
        caption if len(marks) > 1 else "",
        style="half",
    )


def _halves(belief: Belief) -> str:
    found = belief.overfitting
    if not len(found.logits):
        return section(
            "Chosen in one half, tried in the other", '<div class="nothing">Too few trials or days.</div>', style="half"
        )
    drawn = heat.spread(found.logits.tolist(), [(0.0, "median", "orange")], "logit of the rank in the other half")
    caption = (
        f"{len(found.logits):,} ways to halve the days: left of the line, the best of one half is below the median in the other "
        f"({found.probability:.0%}); it loses money there in {found.loss:.0%}."
    )
    return section("Chosen in one half, tried in the other", drawn, text(caption), style="half")


def _walked(walk: Walk) -> str:
    days, returns = walk.returns()
    if not len(days):
        return section("Walk-forward", '<div class="nothing">No window came to a test.</div>')
    at = np.concatenate([[days[0] - 1], days]) * _DAY + _DAY
    grown = np.concatenate([[1.0], np.cumprod(1 + returns)]) - 1
    chart = Chart("Walk-forward return", at, (Series("Out of sample", grown, "a", fill=True),), "share", zero=True)
    caption = (
        f"Returns of {w.plural(len(walk.tested), 'test')} on data that nothing was chosen from, after each other: "
        f"{w.signed_percent(walk.total_return, 1)}, Sharpe ratio {_number(walk.sharpe)}. Efficiency: "
        f"{w.percent(walk.efficiency, 0)} of the daily return in sample."
    )
    return section("Walk-forward", draw(chart), figure(caption))


def _folds(sweep: Sweep) -> str:
    walk = sweep.walk
    assert walk is not None  # noqa: S101 - whoever asks has looked
    head = "".join(f"<th>{text(name)}</th>" for name in ("Test", *sweep.names, "In sample", "Out of sample", "Return"))
    rows = []
    for fold in walk.folds:
        first, last = (w.long_date(w.day(at // _DAY)) for at in (fold.cut.test.start, fold.cut.test.end))
        values = [fold.best.point[name] if fold.best else "–" for name in sweep.names]
        test = fold.test
        told = [_number(fold.best.value) if fold.best else "–", _number(test.value) if test else "–"]
        gained = test.found.stats.get("total_return") if test else None
        cells = [
            f"{first} to {last}",
            *map(_value, values),
            *told,
            "–" if gained is None else w.signed_percent(gained, 1),
        ]
        rows.append("<tr>" + "".join(f"<td>{figure(cell)}</td>" for cell in cells) + "</tr>")
    body = f'<div class="scroll long"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    caption = (
        f"What was chosen in each training window, its {text(sweep.metric)} there and in the test after it. "
        "Parameters that jump were not found, but fitted."
    )
    return section("Windows and drift of parameters", body, caption)


def _table(sweep: Sweep) -> str:
    sign = sweep.run.terms.sign
    able = sorted(
        (one for one in sweep.tried if math.isfinite(one.value)), key=lambda one: (-sign * one.value, one.number)
    )
    keys = tuple(dict.fromkeys((sweep.metric, *_SHOWN)))
    head = "".join(f"<th>{text(name)}</th>" for name in (*sweep.names, *keys))
    rows = "".join(_row(one, sweep.names, keys) for one in able[:_ROWS])
    more = f" The best {_ROWS} of {len(able):,}." if len(able) > _ROWS else ""
    body = f'<div class="scroll long"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return section("Trials", body, f"Ordered by {text(sweep.metric)}.{more}")


def _row(one: Tried, names: Sequence[str], keys: Sequence[str]) -> str:
    cells = [*(_value(one.point[name]) for name in names), *(_stat(key, one.found.stats.get(key)) for key in keys)]
    return "<tr>" + "".join(f"<td>{figure(cell)}</td>" for cell in cells) + "</tr>"


def _stat(key: str, value: float | None) -> str:
    if value is None:
        return "–"
    if key in ("total_return", "max_drawdown", "cagr", "volatility", "win_rate"):
        return w.percent(value, 1)
    return f"{value:,.0f}" if key in ("trades", "fills") else _number(value)


def _proof(sweep: Sweep) -> str:
    if not sweep.differences:
        return ""
    rows = "".join(
        f"<tr><td>{text(told(d.point))}</td><td>{d.fills}</td><td>{d.equity:.1e}</td></tr>" for d in sweep.differences
    )
    head = "<th>Trial</th><th>Fills apart</th><th>Final equity apart, as a share</th>"
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    caption = "The trials ran in QuickBacktest; the best and some at random were run again in the engine."
    return section("Proved in the engine", body, caption)


def _failures(sweep: Sweep) -> str:
    lines = [f"{told(one.point)}: {one.found.error}" for one in sweep.failed[:20]]
    refused = f"{len(sweep.refused):,} combinations were refused by the strategy" if sweep.refused else ""
    if not lines and not refused:
        return ""
    first = f", the first ({told(sweep.refused[0][0])}): {sweep.refused[0][1]}" if sweep.refused else ""
    body = "".join(f"<p>{text(line)}</p>" for line in ([f"{refused}{first}."] if refused else []) + lines)
    return section("Left out", body)


def _footer(sweep: Sweep) -> str:
    return (
        "Deflated Sharpe ratio and minimum backtest length: Bailey & Lopez de Prado 2014; probability of backtest "
        "overfitting: Bailey, Borwein, Lopez de Prado & Zhu 2015. All trials of the strategy on these data "
        f"that are in {text(sweep.run.log.path.name)} count, also those of earlier sweeps."
    )


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _number(value: float, places: int = 2) -> str:
    return w.number(value, places)
