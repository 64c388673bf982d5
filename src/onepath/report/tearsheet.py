"""The tear sheet: one HTML file that shows a session, and the same in a few lines or one picture.

Rules: a function of the record alone, so equal journals give equal bytes; asks no network; every value is escaped;
under a megabyte whatever the session's length, because curves are thinned and tables are cut and say so.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from onepath.report import activity, curves, dealing, headline
from onepath.report.analysis import Analysis, analyse
from onepath.report.metrics import table
from onepath.report.page import page, text
from onepath.report.picture import picture
from onepath.report.record import SessionRecord
from onepath.report.wording import shortened, timestamp

MANIFEST = 60_000
"""characters of the manifest that are shown"""


def render(record: SessionRecord) -> str:
    """The page."""
    analysis = analyse(record)
    found = table(analysis)
    sections = (
        headline.cards(analysis, found),
        curves.through_time(analysis),
        activity.strategies(analysis),
        activity.prices(analysis),
        activity.trips(analysis),
        activity.still_open(analysis),
        activity.costs(analysis),
        activity.outcomes(analysis),
        dealing.execution(record.execution),
        activity.statistics(found),
        _manifest(record),
    )
    title = f"{headline.names(analysis)} · {record.session_id}"
    return page(
        title, headline.badges(analysis), headline.header(analysis, found), "".join(sections), _footer(analysis)
    )


def write(record: SessionRecord, path: str | Path) -> Path:
    """The page as a file; returns where it is."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(record), encoding="utf-8", newline="\n")
    return path


def remarks(record: SessionRecord) -> list[tuple[str, str]]:
    """What the statistics do not say and their reader should know: halts and margin calls, denied orders, notes on the data."""
    happened = [f"{timestamp(incident.at)} UTC  {incident.text}" for incident in record.incidents]
    denials = record.denials
    by_reason = ", ".join(f"{reason} {count:,}" for reason, count in denials.items())
    denied = [("orders denied", f"{sum(denials.values()):,} ({by_reason})")] if denials else []
    told = [("incident", incident) for incident in shortened(happened, where="the tear sheet and the journal")]
    return [*told, *denied, *(("note", note) for note in shortened(record.notes))]


def plot_svg(record: SessionRecord) -> str:
    """Equity and drawdown as one SVG picture that stands alone, for a notebook or a README."""
    return picture(analyse(record))


def _manifest(record: SessionRecord) -> str:
    shown = msgspec.json.format(msgspec.json.encode(record.manifest), indent=2).decode()
    cut = f"\n... {len(shown) - MANIFEST:,} more characters are in the journal" if len(shown) > MANIFEST else ""
    shown = text(shown[:MANIFEST] + cut)
    body = f"<summary>Manifest: configuration, data, code version</summary><pre tabindex=0>{shown}</pre>"
    return f'<section class="manifest"><details>{body}</details></section>'


def _footer(analysis: Analysis) -> str:
    session, version = text(analysis.record.session_id), text(analysis.record.manifest.code_version)
    return f"Drawn from the journal of session {session} by onepath, code version {version}. Times are UTC."
