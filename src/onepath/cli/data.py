"""`onepath data`: bring files in, see what is there, look for faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Import, list, check and show market data.", no_args_is_help=True, rich_markup_mode=None)


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="A CSV or Parquet file.")]) -> None:
    """Import a file."""
