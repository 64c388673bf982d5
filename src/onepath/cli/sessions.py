"""`onepath sessions`, `report` and `replay`: what was run, what came of it, and the proof."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import say, say_json, say_table

if TYPE_CHECKING:
    from onepath.report.metrics import Stat
    from onepath.report.record import SessionRecord
    from onepath.workspace import SessionEntry, Workspace

Named = Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, the beginning of one, or `last`.")]
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
    open_it: Annotated[bool, typer.Option("--open", help="Show the tear sheet in the browser.")] = False,
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
        say_json({"session_id": entry.id, "status": record.status, "stats": stats_json(record), "report": str(path)})
    else:
        say_stats(record)
        say(f"tear sheet  {path}")
    if open_it:
        typer.launch(path.resolve().as_uri())


def replay(session: Named, as_json: AsJson = False) -> None:
    """Prove that a session decides the same again.

    It is run anew over what it saw, and every decision is compared.

    Example:  onepath replay last
    """
    from onepath.build import replay as replayed
    from onepath.workspace import find

    workspace = find(Path.cwd())
    entry = workspace.session(session)
    result = replayed(entry.journal, home=workspace.root)
    if as_json:
        say_json({"session_id": entry.id, **result._asdict()})
    elif result.identical:
        say(f"identical: {result.decisions:,} decisions, hash {result.hash}")
    else:
        say(f"different: {result.difference}")
    if not result.identical:
        raise typer.Exit(1)


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
    """The statistics as a table: two groups side by side where there is room."""
    from onepath.report.metrics import stats

    say_table((record.session_id, ">"), _grouped(list(stats(record).values())))


def _grouped(found: list[Stat]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for index, stat in enumerate(found):
        if index and stat.group != found[index - 1].group:
            rows.append(("", ""))
        rows.append((stat.label, stat.text))
    return rows


__all__ = ["Workspace", "listing", "read_record", "replay", "report", "say_stats", "stats_json", "write_sheet"]
