"""A comparison as one HTML file, in the style of the tear sheet: it asks nobody for anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onepath.chains import PARTS, Chain
from onepath.report.activity import cell, scrolling, table, words
from onepath.report.headline import tone
from onepath.report.page import figure, page, section, text
from onepath.versus.wording import heading, lines, money, reasons

if TYPE_CHECKING:
    from onepath.versus import Versus


def render(found: Versus) -> str:
    """The page."""
    a, b = text(found.one.session_id), text(found.two.session_id)
    sections = [_sides(found, a, b)]
    if not found.identical:
        sections.append(_causes(found))
    if found.chain is not None:
        sections.append(_chain(found.chain))
    if found.inputs.differences:
        sections.append(_events(found))
    footer = f"Drawn from the journals of sessions {a} and {b}. Times are UTC."
    title = f"{found.one.session_id} and {found.two.session_id}"
    badge = f'<span class="badge">{"identical" if found.identical else "different"}</span>'
    return page(title, badge, _header(found, a, b), "".join(sections), footer)


def write(found: Versus, path: Path) -> Path:
    """The page as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(found), encoding="utf-8", newline="\n")
    return path


def _header(found: Versus, a: str, b: str) -> str:
    total = found.difference
    colour = tone(float(total))
    said = f'<p class="lead">The difference of their profits is <b class="{colour}">{figure(money(total))}</b>.</p>'
    if found.identical:
        said = '<p class="lead">They are identical: every decision, every fill, every event.</p>'
    notes = "".join(f'<p class="lead">{text(note)}</p>' for note in found.notes)
    return f"<h1>{a} and {b}</h1>{said}{notes}"


def _sides(found: Versus, a: str, b: str) -> str:
    rows = [(words(label), cell(one), cell(two)) for label, one, two in heading(found)]
    return section("Both sessions", scrolling(table([("", True), (a, False), (b, False)], rows, "")))


def _causes(found: Versus) -> str:
    rows = [(words(cause), cell(share), cell(of), words(what)) for cause, share, of, what in reasons(found)]
    heads = [("Cause", True), ("Share", False), ("Of it", False), ("What was found", True)]
    caption = "What each cause accounts for of the difference between the profits; the shares add up to it exactly."
    return section(
        "Where the difference comes from",
        f'<div class="scroll" tabindex="0">{table(heads, rows, "wraps")}</div>',
        caption,
    )


def _chain(chain: Chain) -> str:
    sides = [{part: [link for link in links if link.part == part] for part in PARTS} for links in chain[1:3]]
    rows = []
    for part in PARTS:
        ours, theirs = (side[part] for side in sides)
        for index in range(max(len(ours), len(theirs))):
            cells = (str(links[index]) if index < len(links) else "–" for links in (ours, theirs))
            rows.append((words(part), *map(words, cells)))
    heads = [("", True), *((text(name), True) for name in chain.names)]
    caption = f"Decision {chain.number} is the first that is not the same; above it, what it came from."
    return section(
        "The first decision that parts them",
        f'<div class="scroll" tabindex="0">{table(heads, rows, "wraps")}</div>',
        caption,
    )


def _events(found: Versus) -> str:
    rows = [(words(when), words(what)) for when, what in lines(found)]
    more = len(found.inputs.differences) - len(rows)
    caption = f"{more:,} more are not shown." if more else ""
    return section(
        "Events that are not the same", scrolling(table([("When", True), ("What", True)], rows, "")), caption
    )
