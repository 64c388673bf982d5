"""`onepath features`: what features there are, and what one of them is."""

from __future__ import annotations

from typing import Annotated

import typer

from onepath.cli.printing import say_json, say_table

app = typer.Typer(
    help="What features there are; test, compute and watch your own.\n\nExample:  onepath features list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def listing(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the built-in features.

    Example:  onepath features list
    """
    from onepath.features.named import builtins

    found = [
        {"name": name, "description": (make.__doc__ or "").partition("\n")[0]} for name, make in builtins().items()
    ]
    if as_json:
        say_json(found)
        return
    say_table(("feature", "what it is"), ((f["name"], f["description"]) for f in found))
