"""`onepath sessions`, `report` and `replay`: what was run, what came of it, and the proof."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import room, say, say_json, say_table

if TYPE_CHECKING:
    from onepath.report.metrics import Stat
    from onepath.report.record import SessionRecord
    from onepath.workspace import SessionEntry

WIDE = 90
Named = Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, its first characters, or `last`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def listing(as_json: AsJson = False) -> None:
    """List the sessions, the latest last.

    Example:  onepath sessions
    """
    from onepath.workspace import find

    found = [_described(entry) for entry in find(Path.cwd()).sessions()]
    if as_json:
        say_json(found)
        return
    if not found:
        say("no sessions yet: `onepath run CONFIG` makes one")
        return
    columns = ("session", "started", "status", "strategies", "events>", "orders>")
    say_table(columns, ([str(row[column.rstrip(">")]) for column in columns] for row in found))


def _described(entry: SessionEntry) -> dict[str, Any]:
    started = dt.datetime.fromtimestamp(int(entry.started), dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    shown = {
        "session": entry.id,
        "started": started,
        "status": "unreadable",
        "strategies": "",
        "events": "",
        "orders": "",
    }
    if "error" in entry.notes:
        return shown | {"error": entry.notes["error"]}
    return shown | _facts(entry.journal) | {"path": str(entry.journal)}


def _facts(journal: Path) -> dict[str, Any]:
    """What a journal's first and last rows and its number of orders say."""
    from onepath.journal.codec import decode
    from onepath.journal.sqlite import SqliteReader

    reader = SqliteReader(journal)
    facts: dict[str, Any] = {"status": "running", "strategies": "", "events": "", "orders": 0}
    for row in reader.rows(("session.started", "session.ended", "order.submitted")):
        if row.kind == "order.submitted":
            facts["orders"] += 1
            continue
        event = decode(row)
        if row.kind == "session.started":
            facts["strategies"] = ", ".join(str(strategy["name"]) for strategy in event.strategies)
        else:
            facts |= {"status": event.status, "events": event.events}
    reader.close()
    return facts


def report(
    session: Named,
    out: Annotated[Path | None, typer.Option(help="Write the tear sheet here.")] = None,
    as_json: AsJson = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open the tear sheet in the browser.")] = False,
) -> None:
    """Show a session's statistics; write its tear sheet.

    Example:  onepath report last --open
    """
    from onepath.workspace import find

    workspace = find(Path.cwd())
    entry = workspace.session(session)
    record = read_record(entry.journal)
    path = write_sheet(record, out or workspace.report(entry.id))
    if as_json:
        found = {"session_id": entry.id, "status": record.status, "stats": stats_json(record), **remarks_json(record)}
        say_json(found | {"report": str(path)})
    else:
        say_stats(record)
        say_remarks(record)
        say(f"tear sheet  {path}")
    if open_it:
        typer.launch(path.resolve().as_uri())


def read_record(journal: Path) -> SessionRecord:
    """The session of a journal file."""
    from onepath.journal.sqlite import SqliteReader
    from onepath.report.record import read

    reader = SqliteReader(journal)
    try:
        return read(reader)
    finally:
        reader.close()


def write_sheet(record: SessionRecord, path: Path) -> Path:
    """The tear sheet of a session, written to `path`."""
    from onepath.report import tearsheet

    path.parent.mkdir(parents=True, exist_ok=True)
    tearsheet.write(record, path)
    return path


def stats_json(record: SessionRecord) -> dict[str, float | None]:
    """Statistics by key."""
    from onepath.report.metrics import as_json, stats

    return as_json(stats(record))


def say_stats(record: SessionRecord) -> None:
    """The statistics as a table, in two halves side by side where there is room."""
    from onepath.report.metrics import stats

    groups = _by_group(stats(record).values())
    if room() < WIDE:
        say_table((record.session_id, ">"), _column(groups))
        return
    left = [groups[0], *groups[3:]]
    halves = zip_longest(_column(left), _column(groups[1:3]), fillvalue=("", ""))
    say_table((record.session_id, ">", "", ">"), ((*a, *b) for a, b in halves))


def say_remarks(record: SessionRecord) -> None:
    """A line for each halt and margin call, one for denied orders, and one a note on the data."""
    from onepath.report.tearsheet import remarks

    for label, remark in remarks(record):
        say(f"{label:<10}  {remark}")


def remarks_json(record: SessionRecord) -> dict[str, Any]:
    """The same for programs: how many orders were denied by reason, halts and margin calls, and all notes."""
    incidents = [{"at": at, "text": text} for at, text in record.incidents]
    return {"denied": record.denials, "incidents": incidents, "notes": list(record.notes)}


def _by_group(found: Iterable[Stat]) -> list[list[Stat]]:
    """Statistics in the groups of the report."""
    return [list(group) for _, group in groupby(found, key=lambda stat: stat.group)]


def _column(groups: Sequence[Sequence[Stat]]) -> list[tuple[str, str]]:
    """Label and text of each, with a line between groups."""
    rows: list[tuple[str, str]] = []
    for group in groups:
        rows += [("", "")] * bool(rows) + [(stat.label, stat.text) for stat in group]
    return rows
