"""The page of a drift report: what changed, and each feature's histogram of then and now side by side.

Rules: as every page: it asks nobody for anything, every text is escaped, it reads without a script.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from onepath.drift.comparing import Drift, FeatureDrift, Histogram, Side, Verdict
from onepath.drift.gathering import Gathered
from onepath.report.page import figure, page, section, text

_WIDE, _HIGH = 460.0, 120.0
HEADS = (
    "feature",
    "symbol",
    "verdict",
    "PSI",
    "by chance",
    "KS",
    "p",
    "mean then",
    "mean now",
    "shift",
    "missing then",
    "now",
)
_EXPLAINED = (
    "PSI: population stability index over ten bins of equal shares of the reference; from 0.1 moderate, from 0.25 drifted, where "
    "it is above what chance alone gives 19 times of 20. KS: largest distance of the two distributions, and how probable a "
    "larger one is by chance. Shift: of the mean, in standard deviations of the reference. Both tests take values to be "
    "independent, which those of features seldom are."
)


def write(drift: Drift, live: Gathered, reference: Gathered, names: tuple[str, str], path: Path) -> Path:
    """The page as a file; `names` are the session's and the reference's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(drift, live, reference, names), encoding="utf-8", newline="\n")
    return path


def render(drift: Drift, live: Gathered, reference: Gathered, names: tuple[str, str]) -> str:
    """The whole page."""
    session, other = map(text, names)
    bad = " bad" if drift.verdict in (Verdict.DRIFTED, Verdict.MODERATE) else ""
    header = (
        f"<h1>Feature drift of {session}</h1><p class='lead'>against {other}</p><div class='facts'>"
        f"<span>now <b>{_days(live)}</b></span><span>then <b>{_days(reference)}</b></span>"
        f"<span>features <b>{len(drift.features)}</b></span></div>"
    )
    if drift.absent:
        header += f"<p class='banner'>Not in the reference: {text(', '.join(drift.absent))}</p>"
    sections = section("Features", _table(drift.features), text(_EXPLAINED)) + _correlations(drift)
    sections += "".join(section(_title(found), _pictured(found), _caption(found)) for found in drift.features)
    badge = f'<span class="badge{bad}">{text(drift.verdict)}</span>'
    return page(f"Feature drift · {names[0]}", badge, header, sections, f"<p>{session} against {other}</p>")


def _table(found: Sequence[FeatureDrift]) -> str:
    heads = "".join(f"<th{' class=text' if i < 3 else ''}>{head}</th>" for i, head in enumerate(HEADS))
    rows = "".join(f"<tr>{''.join(_cells(one))}</tr>" for one in found)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cells(found: FeatureDrift) -> list[str]:
    colour = " down" if found.verdict in (Verdict.DRIFTED, Verdict.MODERATE) else ""
    named = [f'<td class="text">{text(name)}</td>' for name in (found.feature, found.symbol)]
    named.append(f'<td class="text{colour}">{text(found.verdict)}</td>')
    return [*named, *(f"<td>{figure(value)}</td>" for value in figures(found))]


def figures(found: FeatureDrift) -> list[str]:
    """The numbers of one row, as text."""
    index, chance = _number(found.psi, ".3f"), _number(found.by_chance, ".3f")
    tests = [index, chance, _number(found.ks, ".3f"), _number(found.p, ".2g")]
    moved = [_number(found.reference.mean, ".5g"), _number(found.live.mean, ".5g"), _number(found.shift, "+.2f")]
    return [*tests, *moved, f"{found.reference.missing:.1%}", f"{found.live.missing:.1%}"]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _correlations(drift: Drift) -> str:
    if not drift.correlations:
        return ""
    heads = "".join(f"<th>{head}</th>" for head in ("features", "symbol", "then", "now", "standard errors"))
    rows = "".join(
        f"<tr><td>{text(c.one)}, {text(c.two)}</td><td>{text(c.symbol)}</td><td>{figure(f'{c.reference:.2f}')}</td>"
        f"<td>{figure(f'{c.live:.2f}')}</td><td>{figure(f'{c.errors:.1f}')}</td></tr>"
        for c in drift.correlations
    )
    told = "Features that go together otherwise than they did: by 0.3 or more, and four standard errors or more (Fisher's z)."
    table = f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    return section("Correlations", table, text(told))


def _title(found: FeatureDrift) -> str:
    return f"{text(found.feature)} of {text(found.symbol)}"


def _caption(found: FeatureDrift) -> str:
    return text(f"{found.verdict}: {_sides(found.reference, found.live)}")


def _sides(then: Side, now: Side) -> str:
    return f"{now.rows:,} rows now, {then.rows:,} then"


def _pictured(found: FeatureDrift) -> str:
    if found.histogram is None:
        return "<p class='soft'>too few values for a picture</p>"
    plot = found.histogram
    top = max(*plot.reference, *plot.live)
    one = _bars(plot, plot.reference, top, "then", "var(--grey)")
    two = _bars(plot, plot.live, top, "now", "var(--blue)")
    return f'<div style="display:flex;flex-wrap:wrap;gap:24px">{one}{two}</div>'


def _bars(plot: Histogram, shares: Sequence[float], top: float, name: str, colour: str) -> str:
    wide = _WIDE / len(shares)
    tall = [_HIGH * share / top for share in shares]
    drawn = "".join(
        f'<rect x="{i * wide:.1f}" y="{_HIGH - high:.1f}" width="{wide - 1:.1f}" height="{high:.1f}"/>'
        for i, high in enumerate(tall)
    )
    low, most = figure(f"{plot.low:.5g}"), figure(f"{plot.high:.5g}")
    label = f"{name}: shares from {plot.low:.5g} to {plot.high:.5g}, {max(shares):.0%} in the largest"
    return (
        f'<figure style="margin:0;flex:1 1 320px"><svg viewBox="0 0 {_WIDE:g} {_HIGH:g}" role="img" aria-label="{text(label)}" '
        f'style="width:100%;fill:{colour};border-bottom:1px solid var(--rule)">{drawn}</svg>'
        f'<figcaption class="soft" style="display:flex;justify-content:space-between"><span>{low}</span><b>{name}</b>'
        f"<span>{most}</span></figcaption></figure>"
    )


def _days(found: Gathered) -> str:
    if not found.last:
        return "nothing"
    first, last = (dt.datetime.fromtimestamp(at // 10**9, dt.UTC) for at in (found.first, found.last))
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
