"""`onepath features`: what features there are, and what one of them is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onepath.cli.printing import say, say_json, say_table

if TYPE_CHECKING:
    from onepath.features.reference import Entry

app = typer.Typer(
    help="What features there are; test, compute and watch your own.\n\nExample:  onepath features list",
    no_args_is_help=True,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def listing(as_json: AsJson = False) -> None:
    """List the built-in features: how they are called, what of, from which bar on.

    Example:  onepath features list
    """
    from onepath.features.reference import entries

    found = entries()
    if as_json:
        say_json([_plain(entry) for entry in found])
        return
    rows = ((e.signature, e.kind, str(e.warm_up), e.talib or "-", e.summary) for e in found)
    say_table(("feature", "of", "first value>", "TA-Lib", "what it is"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A built-in, or a text such as 'talib:ADX(14)' or 'my.py:mine(3)'.")],
    as_json: AsJson = False,
) -> None:
    """Show one feature: signature, inputs, warm-up, version, bounds, formula and source.

    Example:  onepath features show rsi
    """
    from onepath.features.reference import entries

    entry = next((entry for entry in entries() if entry.name == name), None)
    known = _made(name) if entry is None else _plain(entry)
    if as_json:
        say_json(known)
        return
    doc = known.pop("doc", "")
    for key, value in known.items():
        if value not in ("", None) and key != "summary":
            say(f"{key.replace('_', ' '):<10}  {', '.join(value) if isinstance(value, list) else value}")
    if doc:
        say()
        say(str(doc))


def _plain(entry: Entry) -> dict[str, Any]:
    """As JSON has it: no infinities."""
    bounds = {key: value if math.isfinite(value) else None for key, value in (("low", entry.low), ("high", entry.high))}
    return {**entry._asdict(), "inputs": list(entry.inputs), **bounds}


def _made(text: str) -> dict[str, Any]:
    """What a text names, that is no built-in's name."""
    from onepath.featurefiles import features_in
    from onepath.features.named import parse
    from onepath.features.reference import fields
    from onepath.workspace import find

    found = parse(text, lambda file: features_in(file, find(Path.cwd()).root))
    return {
        "name": text,
        "kind": found.kind,
        "inputs": list(fields(found)),
        "warm_up": found.total_warm_up,
        "window": found.window,
        "version": found.version,
        "low": found.low if math.isfinite(found.low) else None,
        "high": found.high if math.isfinite(found.high) else None,
        "key": found.key,
    }
