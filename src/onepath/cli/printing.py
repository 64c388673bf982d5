"""How results look: tables for people, one JSON value for programs.

Rules: results go to stdout; JSON is one value, keys in a fixed order, without NaN.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def say(line: str = "") -> None:
    """A line on stdout."""
    typer.echo(line)


def note(line: str) -> None:
    """A line on stderr, for people only."""
    typer.echo(line, err=True)


def say_json(value: Any) -> None:
    """One JSON value on stdout."""
    import json

    typer.echo(json.dumps(value, indent=2, default=str, allow_nan=False))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table as wide as the terminal allows; whole where nobody looks (a pipe or a file). `name>` aligns right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=200)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        name, right, _ = column.partition(">")
        table.add_column(escape(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        say(line.rstrip())


def room() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size().columns
