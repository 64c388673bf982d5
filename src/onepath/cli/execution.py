"""`onepath execution` and `onepath explain`: what trading cost, and why a fill happened."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from onepath.cli.printing import say, say_json, say_table
from onepath.cli.sessions import AsJson, Named
from onepath.errors import ConfigError, JournalError


def execution(
    session: Named,
    as_json: AsJson = False,
    by: Annotated[str | None, typer.Option(help="Group by symbol, strategy, hour (UTC) or type.")] = None,
) -> None:
    """Show what trading cost.

    Slippage, implementation shortfall, fill rates, times, rejections, costs by kind.

    Example:  onepath execution last --by symbol
    """
    from onepath.journal.sqlite import SqliteReader
    from onepath.report import dealing, expenses
    from onepath.workspace import find

    if by is not None and by not in expenses.GROUPS:
        raise ConfigError(f"--by {by}: execution is grouped by {', '.join(expenses.GROUPS)}; give one of them")
    entry = find(Path.cwd()).session(session)
    reader = SqliteReader(entry.journal)
    try:
        found = expenses.read(reader)
    finally:
        reader.close()
    if as_json:
        say_json({"session_id": entry.id, **expenses.as_json(found, by)})
        return
    say_table((entry.id, ">"), dealing.lines(found.total))
    if by is not None:
        say()
        groups = found.by(by).items()
        heads = (by, *(f"{head}>" for head in dealing.HEADS))
        say_table(heads, (line for name, figures in groups for line in dealing.row(name, figures)))


def explain(
    session: Named,
    fill: Annotated[int, typer.Argument(metavar="FILL_ID", help="A fill's id, as in the journal's view `fills`.")],
    as_json: AsJson = False,
) -> None:
    """Explain why a fill happened.

    Signal, order, what happened to it, fill, position.

    Example:  onepath explain last 12
    """
    from onepath.workspace import find

    entry = find(Path.cwd()).session(session)
    found = _explained(entry.journal, fill)
    if found is None:
        raise JournalError(f"session {entry.id} has no fill {fill}: the view `fills` of {entry.journal} lists them")
    if as_json:
        say_json(found)
        return
    say_table((f"fill {fill}", "what the journal says"), ((name, _said(value, name)) for name, value in found.items()))


def _explained(journal: Path, fill: int) -> dict[str, Any] | None:
    """The row of the view `explained`."""
    import sqlite3

    from onepath.journal.sqlite import index
    from onepath.report.explained import parsed

    index(journal)
    connection = sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        row = connection.execute("SELECT * FROM explained WHERE fill_id = ?", (fill,)).fetchone()
    except sqlite3.Error as error:
        raise JournalError(
            f"{journal} cannot explain its fills ({error}): it was written by an older version"
        ) from None
    finally:
        connection.close()
    return None if row is None else {name: parsed(row[name]) for name in row.keys()}  # noqa: SIM118 - a row's values iterate


def _said(value: Any, name: str = "") -> str:
    """A value as a person reads it; what is called `at` or `..._at` is a time."""
    if isinstance(value, int) and (name == "at" or name.endswith("_at")):
        second, rest = divmod(value, 1_000_000_000)
        exact = f".{rest:09}".rstrip("0") if rest else ""
        return f"{dt.datetime.fromtimestamp(second, dt.UTC):%Y-%m-%d %H:%M:%S}{exact} UTC"
    if isinstance(value, dict):
        return ", ".join(f"{inner} {_said(one, inner)}" for inner, one in value.items())
    if isinstance(value, list):
        return "; ".join(map(_said, value)) or "-"
    if isinstance(value, float):
        return f"{value:.10g}"  # --json has all digits
    return "-" if value is None else str(value)
